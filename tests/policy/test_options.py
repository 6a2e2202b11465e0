"""What can be told to a rule: what is written fits, or is refused; what is not written is the default."""

from __future__ import annotations

from typing import Any

import pytest

from hveadmin.domain.ids import Guid
from hveadmin.policy.engine import Option, count, days, flag, guids

TEXT = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
COUNT, DAYS = count("most", 5, "About.", least=1, most=10), days("life", 730, "About.")
FLAG, GUIDS = flag("on", True, "About."), guids("ids", "About.")

UNFIT: dict[Option[Any], list[object]] = {
    COUNT: [0, 11, -1, True, "5", 5.0, None, []],
    DAYS: [30, "30", "d", "-1d", "30 d", "²d", "123456d", True, None],
    FLAG: [0, "true", None],
    GUIDS: [TEXT, [1], ["x"], [None], {TEXT: 1}, None],
}


@pytest.mark.parametrize(
    ("option", "written", "means"),
    [
        (COUNT, 1, 1),
        (COUNT, 10, 10),
        (DAYS, "30d", 30),
        (DAYS, "0d", 0),
        (FLAG, False, False),
        (GUIDS, [], frozenset()),
        (GUIDS, [TEXT.upper()], frozenset({Guid(TEXT)})),
    ],
)
def test_what_fits_is_read(option: Option[Any], written: object, means: object) -> None:
    assert option.of({option.name: written}) == means


@pytest.mark.parametrize(("option", "written"), [(option, each) for option, all_ in UNFIT.items() for each in all_])
def test_what_does_not_fit_is_refused(option: Option[Any], written: object) -> None:
    with pytest.raises(ValueError):
        option.read(written)


@pytest.mark.parametrize("option", [COUNT, DAYS, FLAG, GUIDS])
def test_without_a_word_it_is_the_default(option: Option[Any]) -> None:
    assert option.of({"another": 1}) == option.default

"""What is written as CLIXML is read the same by both libraries that read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psrpcore.types import PSCryptoProvider, PSObject, deserialize
from pypsrp.serializer import Serializer

from hveadmin.sandbox.psrp.clixml import NetList, NetObject, Plain, escaped, write

# pypsrp gives up on objects that do not say that they are objects.
TYPES = ("Some.Type", "System.Object")
ARRAY = ("System.Object[]", "System.Array", "System.Object")

# Lone halves of surrogate pairs have no UTF-16 to be read back from.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = TEXTS | st.booleans() | st.none() | st.uuids() | st.integers(-(2**31), 2**31 - 1)
# pypsrp does not undo escapes in names, and names here need none.
NAMES = st.text("ABCdef0", min_size=1, max_size=8)


class NoCipher(PSCryptoProvider):
    """Nothing secret is written, so it is never asked."""


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - written a moment ago


def by_psrpcore(text: str, kind: str = "extended_properties") -> dict[str, Any]:
    read = deserialize(parsed(text), NoCipher())
    assert isinstance(read, PSObject)
    return {each.name: each.get_value(read) for each in getattr(read.PSObject, kind)}


def by_pypsrp(text: str, kind: str = "extended_properties") -> dict[str, Any]:
    read: dict[str, Any] = getattr(Serializer().deserialize(parsed(text)), kind)
    return read


@given(st.dictionaries(NAMES, PLAIN, max_size=4))
def test_plain_values_are_read_back_as_they_were(properties: Mapping[str, Plain]) -> None:
    text = write(NetObject(TYPES, properties))
    assert by_psrpcore(text) == properties
    assert by_pypsrp(text) == properties


@given(st.lists(TEXTS))
def test_lists_are_read_back_as_they_were(items: list[str]) -> None:
    text = write(NetObject(TYPES, {"Many": NetList(ARRAY, items)}))
    assert list(by_psrpcore(text)["Many"]) == items
    assert by_pypsrp(text)["Many"] == items


def test_properties_stand_where_they_should() -> None:
    of_its_type = write(NetObject(TYPES, {"A": 1}, adapted=True))
    assert by_pypsrp(of_its_type, "adapted_properties") == by_psrpcore(of_its_type, "adapted_properties") == {"A": 1}
    assert by_pypsrp(of_its_type) == by_psrpcore(of_its_type) == {}


def test_a_time_is_utc_with_seven_digits() -> None:
    moment = datetime(2026, 11, 23, 12, 0, 1, 250_000, tzinfo=UTC)
    text = write(NetObject(TYPES, {"At": moment}))
    assert '<DT N="At">2026-11-23T12:00:01.2500000Z</DT>' in text
    assert by_psrpcore(text)["At"] == moment


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("a\r\n\tb\x1b[31m", "a_x000D__x000A__x0009_b_x001B_[31m", id="controls"),
        pytest.param("\x85\x9f", "_x0085__x009F_", id="the other controls"),
        pytest.param("🎉", "_xD83C__xDF89_", id="a pair"),
        pytest.param("_x0041_ _X0041_", "_x005F_x0041_ _x005F_X0041_", id="what looks like an escape"),
        pytest.param("_snake_case", "_snake_case", id="an underscore"),
        pytest.param("Zoë Łukasz ‮", "Zoë Łukasz ‮", id="other letters"),
    ],
)
def test_what_xml_cannot_hold_is_escaped(text: str, written: str) -> None:
    assert escaped(text) == written


def test_two_lists_in_an_object_do_not_share_their_references() -> None:
    one, two = NetList(["A[]"], [UUID(int=1)]), NetList(["B[]"], [UUID(int=2)])
    text = write(NetObject(TYPES, {"One": one, "Two": two}))
    references = [each.get("RefId") for each in parsed(text).iter("Obj")]
    assert len(set(references)) == 3

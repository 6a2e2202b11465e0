"""Text is written in a form that is read as itself."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from hveadmin.config.commented import Group, Leaf, Slot, Text
from hveadmin.config.yaml_text import quoted, text_of

# What the loader takes: it refuses control characters and lone surrogates, and takes escapes of them.
ANYTHING = st.text(st.characters(exclude_categories=["Cs"]))


@given(ANYTHING)
@example('\x00\x85\u2028\ufeff\U0001f600\U000e0001"\\\n\t')
def test_text_in_quotes_is_read_as_it_was(text: str) -> None:
    written = quoted(text)
    assert yaml.safe_load(written) == text
    assert written.isprintable()


@given(
    st.text(st.sampled_from("ab -:#?,[]{}&*!|>'\"%@`~.\t1é"), min_size=1), st.sampled_from(["block", "flow", "item"])
)
def test_plain_text_is_quoted_exactly_where_it_would_be_something_else(text: str, place: str) -> None:
    slot = Slot(Leaf("k"), Leaf(text)) if place == "block" else Slot(value=Leaf(text))
    inner = Group(mapping=place == "block", flow=False, slots=[slot])
    if place == "flow":
        inner = Group(mapping=True, flow=False, slots=[Slot(Leaf("k"), Group(False, True, slots=[slot]))])
    written = text_of(Text(inner, [], False))
    scalars = [each for each in yaml.parse(written) if isinstance(each, yaml.ScalarEvent)]
    assert scalars[-1].value == text
    assert len(scalars) == (1 if place == "item" else 2)


@pytest.mark.parametrize("text", ["payroll", "a b", "hve-x@contoso.com", "2031-06-30", "8f1c6d20-93a4", "a: b"[:1]])
def test_what_can_do_without_quotes_has_none(text: str) -> None:
    assert text_of(Text(Group(True, False, slots=[Slot(Leaf(text), Leaf(text))]), [], False)) == f"{text}: {text}\n"

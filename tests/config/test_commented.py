"""Whatever parser reads a text, its comments are found and belong to the same entries."""

from __future__ import annotations

from random import Random

import pytest
import yaml
from config.messy_yaml import configuration, messy
from hypothesis import given, settings
from hypothesis import strategies as st

from hveadmin.config.commented import Group, comments_of, meant, read_commented
from hveadmin.config.yaml_text import text_of


@settings(deadline=None)
@given(rng=st.integers(0, 2**32).map(Random))
def test_both_parsers_read_a_text_alike(rng: Random) -> None:
    text = messy(configuration(rng), rng)
    assert text_of(read_commented(text, parser=yaml.SafeLoader)) == text_of(read_commented(text))


@pytest.mark.parametrize(
    ("text", "comments"),
    [
        pytest.param("a: '# no' # yes\n", ["# yes"], id="not in a text"),
        pytest.param("a: b#c\n", [], id="not in a word"),
        pytest.param("a: | # header\n  # text\n# after\n", ["# after", "# header"], id="not in a text over lines"),
        pytest.param(
            "# 1\n--- # 2\na: [b, # 3\n c] # 4\n... # 5\n# 6", [f"# {n}" for n in range(1, 7)], id="everywhere"
        ),
        pytest.param("a: b # cr\r\n# nel\x85# ls\u2028# ps\u2029", ["# cr", "# nel", "# ls", "# ps"], id="line ends"),
        pytest.param("\ufeff# first\na: b\n", ["# first"], id="behind a byte order mark"),
    ],
)
def test_what_is_a_comment_is_for_the_parser_to_say(text: str, comments: list[str]) -> None:
    assert comments_of(text) == comments


def test_an_anchor_is_no_part_of_the_text_behind_it() -> None:
    root = meant(read_commented("a: &x 'b'\nc: &y # why\n  d: 1\ne: *x\n").root)
    assert isinstance(root, Group)
    first, second, third = root.slots
    assert [getattr(meant(each.value), "raw", None) for each in root.slots] == ["'b'", None, "'b'"]
    assert (meant(first.value).anchor, meant(second.value).anchor) == ("x", "y")
    assert second.beside == "# why"
    assert meant(third.value) is first.value

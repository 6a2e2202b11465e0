"""What the pages tell a reader to type works, in their order, and what they show is what comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.pages import HOME, Shell, blocks, differs, name_of, pages, read

WITH_COMMANDS = [
    name_of(page)
    for page in pages()
    if any(block.language == "console" for block in blocks(read(name_of(page)))) and name_of(page) != "permissions.md"
]
"""permissions.md needs more than the folder of the demo; test_permissions follows it."""


def test_the_pages_have_examples() -> None:
    assert len(WITH_COMMANDS) > 15


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_a_reader_who_follows_the_page_sees_what_it_shows(shell: Shell, page: str) -> None:
    assert shell.follow(page) > 0


@pytest.mark.parametrize(
    ("shown", "said", "wrong"),
    [
        pytest.param("one\ntwo", "one\ntwo\n", "", id="the same"),
        pytest.param("", "one", "", id="nothing is shown"),
        pytest.param("one\n…\nthree", "one\ntwo\nthree", "", id="lines left out"),
        pytest.param("one\n…", "one\ntwo\nthree", "", id="the rest left out"),
        pytest.param("a long …", "a long line", "", id="cut"),
        pytest.param("read 10:00:00Z", "read 23:59:59Z", "", id="another time"),
        pytest.param(f"{HOME}/x: filled", "/copies/1/x: filled", "", id="another folder"),
        pytest.param("two", "one", "two", id="another line"),
        pytest.param("one", "one\ntwo", "(the page leaves out, without a word) two", id="less than comes"),
        pytest.param("one\ntwo", "one", "two", id="more than comes"),
        pytest.param("one\n…\ntwo", "one\nthree", "two", id="a line that never comes"),
        pytest.param("two\n…\none", "one\ntwo", "two", id="another order"),
    ],
)
def test_a_difference_is_seen(shown: str, said: str, wrong: str) -> None:
    assert differs(shown, said, Path("/copies/1")) == wrong

"""A problem says where, what and what was meant, and what is hostile in a file is shown but does nothing."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hveadmin.config
from hveadmin.config.problems import CODES, InvalidConfiguration, Problem, guess, in_order, printable
from hveadmin.domain.desired import SourceSpan
from hveadmin.errors import ConfigError, Outcome


def problem(line: int = 13, column: int = 5, text: str = "", file: str = "hve.yaml", **more: str) -> Problem:
    return Problem("CFG003", SourceSpan(file, line, column), "accounts.hve-x.colour", "unknown key", source_line=text)


def test_a_problem_prints_as_the_specification_says() -> None:
    span = SourceSpan("hve.yaml", 13, 5)
    found = Problem("CFG003", span, "accounts.hve-x.colour", "unknown key", "owner", "    colour: red")
    assert str(found) == (
        "hve.yaml:13:5: CFG003 accounts.hve-x.colour: unknown key (did you mean 'owner'?)\n"
        "  13 |     colour: red\n"
        "     |     ^"
    )


def test_without_a_line_to_show_there_is_the_headline_alone() -> None:
    assert str(problem()) == "hve.yaml:13:5: CFG003 accounts.hve-x.colour: unknown key"


@pytest.mark.parametrize(
    ("text", "column", "shown", "marked"),
    [
        pytest.param("a: b", 4, "a: b", "b", id="plain"),
        pytest.param("\ta: b", 2, "\\ta: b", "a", id="tab before"),
        pytest.param("\x1b[31m a: b", 10, "\\x1b[31m a: b", "b", id="escape sequence before"),
        pytest.param("a\u202eb: c", 6, "a\\u202eb: c", "c", id="bidi before"),
    ],
)
def test_the_caret_stands_under_the_place(text: str, column: int, shown: str, marked: str) -> None:
    _, line, caret = str(problem(column=column, text=text)).split("\n")
    assert line == f"  13 | {shown}"
    assert line[caret.index("^")] == marked


def test_the_caret_minds_wide_characters() -> None:
    _, line, caret = str(problem(column=3, text="中文: x")).split("\n")
    # Two characters before the colon are two columns wide each.
    assert caret.index("^") == line.index(":") + 2


def test_of_a_long_line_the_part_around_the_place_is_shown() -> None:
    _, line, caret = str(problem(column=5001, text="a" * 5000 + "!" + "b" * 5000)).split("\n")
    assert len(line) < 120
    assert line[caret.index("^")] == "!"
    assert line.startswith("  13 | …a")
    assert line.endswith("b…")


@settings(deadline=None)
@given(st.text(), st.text(), st.integers(1, 50))
def test_nothing_of_a_file_moves_the_cursor_or_turns_the_text(text: str, name: str, column: int) -> None:
    printed = str(Problem("CFG003", SourceSpan(name, 1, column), text, text, text, text))
    assert all(line.isprintable() for line in printed.split("\n"))
    assert printed.count("\n") in (0, 2)


def test_what_prints_is_left_alone() -> None:
    assert printable("Überweisung 中文 −→…") == "Überweisung 中文 −→…"


def test_problems_come_in_the_order_of_files_and_positions() -> None:
    found = [problem(2, file="b"), problem(3, file="a"), problem(1, 9, file="b"), problem(1, 2, file="b")]
    ordered = in_order(found, ["b", "a"])
    assert [(each.span.file, each.span.line, each.span.column) for each in ordered] == [
        ("b", 1, 2),
        ("b", 1, 9),
        ("b", 2, 5),
        ("a", 3, 5),
    ]


def test_all_problems_travel_in_one_error() -> None:
    error = InvalidConfiguration([problem(1), problem(2)])
    assert isinstance(error, ConfigError)
    assert error.outcome is Outcome.USAGE
    assert error.message == "2 problems in the configuration"
    assert error.problems == (str(problem(1)), str(problem(2)))
    assert error.found == (problem(1), problem(2))


@pytest.mark.parametrize(
    ("word", "meant"), [("pyroll", "payroll"), ("OWNER", "owner"), ("zzz", ""), ("", ""), ("x" * 10_000, "")]
)
def test_a_close_word_is_suggested_and_a_far_one_is_not(word: str, meant: str) -> None:
    assert guess(word, ["payroll", "owner", "reason"]) == meant


def test_every_code_is_explained_and_every_explained_code_is_used() -> None:
    sources = "".join(path.read_text("utf-8") for path in Path(hveadmin.config.__path__[0]).glob("*.py"))
    used = {f"CFG{each}" for each in re.findall(r'"(0\d\d)"', sources)} | set(
        re.findall(r'"((?:CFG|PRF)0\d\d)"', sources)
    )
    assert {code for code in CODES if code.startswith("CFG")} <= used
    for code, said in CODES.items():
        assert re.fullmatch(r"(CFG|PRF|LCK)0\d\d", code)
        assert said.meaning.endswith(".")
        assert said.fix.endswith(".")

"""Whatever a tenant holds, no sink lets it act: not in a terminal, a log, a spreadsheet, a page or a pull request."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import sys
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
import rich.markup
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.report.safe_text import (
    for_azure_message,
    for_azure_property,
    for_console,
    for_csv,
    for_github_message,
    for_github_property,
    for_html,
    for_json,
    for_markdown,
    for_rich,
    for_sarif,
    for_xml,
)

SINKS: dict[str, Callable[[str], str]] = {
    "console": for_console,
    "ascii console": lambda text: for_console(text, ascii_only=True),
    "markdown": for_markdown,
    "csv": for_csv,
    "html": for_html,
    "xml": for_xml,
    "rich": for_rich,
    "github message": for_github_message,
    "github property": for_github_property,
    "azure message": for_azure_message,
    "azure property": for_azure_property,
    "sarif": for_sarif,
}

# Mostly what hurts: the pieces of every attack here, between ordinary letters.
FOR_TERMINALS = (
    "\x1b[31m",
    "\x1b]0;",
    "\x9b",
    "\x07",
    "\r\n",
    "\n",
    "\t",
    "\x85",
    "\u2028",
    "\u202e",
    "\u200b",
    "\ud800",
)
FOR_LOGS = ("::", "::error::", " ::", "##vso[", "##VSO[", "##[", "#", "[")
FOR_SPREADSHEETS = ("=", "+", "-", "＝", "'", '"', ";", ",")
FOR_PAGES = ("|", "`", "\\", "<b>", "</td>", "&amp;", "&", "!", "](", "://", "www.", "@", "@team", "1.", "* ")
FOR_RICH = ("[bold]", "[/]", "[@click]")
HARMLESS = ("ü", "日本", "🦊", "a", "Payroll Mailer", " ")
PIECES = st.sampled_from((*FOR_TERMINALS, *FOR_LOGS, *FOR_SPREADSHEETS, *FOR_PAGES, *FOR_RICH, *HARMLESS))
HOSTILE = st.one_of(st.text(), st.lists(PIECES, max_size=8).map("".join), st.text(st.characters()))


def is_dangerous(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_every_control_format_and_surrogate_character_of_unicode_is_escaped() -> None:
    missed = [
        hex(code)
        for code in range(sys.maxunicode + 1)
        if is_dangerous(chr(code)) and chr(code) in for_console(chr(code))
    ]
    assert missed == []


@pytest.mark.parametrize("sink", SINKS)
@given(text=HOSTILE)
def test_no_sink_lets_a_dangerous_character_through(sink: str, text: str) -> None:
    assert not any(map(is_dangerous, SINKS[sink](text)))


@pytest.mark.parametrize("sink", SINKS)
@given(text=HOSTILE)
def test_what_a_sink_gives_stays_on_one_line_and_commands_no_log_reader(sink: str, text: str) -> None:
    safe = SINKS[sink](text)
    assert len(safe.splitlines()) <= 1
    assert not safe.lstrip().startswith("::")
    assert "##vso[" not in safe.lower()
    assert "##[" not in safe


@given(text=HOSTILE)
def test_ascii_is_ascii(text: str) -> None:
    assert for_console(text, ascii_only=True).isascii()


@pytest.mark.parametrize("text", ["Payroll Mailer", "Müller & Söhne", "日本", "hve-scan@contoso.com", r"CONTOSO\scan"])
def test_an_ordinary_name_is_shown_as_it_is(text: str) -> None:
    assert for_console(text) == text
    assert for_csv(text) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\u202eb", r"a\u202eb"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("::error::x", r"\x3a:error::x"),
        ("see ::error::x", r"see \x3a:error::x"),
        ("##vso[task.complete]", r"\x23#vso[task.complete]"),
        ("##[error]x", r"\x23#[error]x"),
        ("std::string", "std::string"),
    ],
)
def test_escapes_are_visible(text: str, seen: str) -> None:
    assert for_console(text) == seen


def test_our_symbols_have_ascii_forms() -> None:
    assert for_console("1 → 0  d2a4…0e71  Jürgen", ascii_only=True) == r"1 -> 0  d2a4...0e71  J\xfcrgen"


FORMULA = re.compile(r"[\s'\"]*[=+\-@＝＋－＠]")


@given(text=HOSTILE)
def test_no_csv_cell_begins_a_formula_wherever_a_spreadsheet_splits_it(text: str) -> None:
    for part in for_csv(text).split(";"):
        assert part.startswith("'") or not FORMULA.match(part)


@given(text=HOSTILE)
def test_a_csv_reader_gets_the_safe_cell_back(text: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([for_csv(text), "next"])
    assert next(csv.reader(io.StringIO(out.getvalue()))) == [for_csv(text), "next"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "'=1", '"=1', "＝1", "a;=1"])
def test_formulas_are_text(text: str) -> None:
    assert "'" in for_csv(text).replace(text, "")


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a|b", r"a\|b"),
        ("`x`", r"\`x\`"),
        ("![x](http://e)", r"!\[x\](http\://e)"),
        ("www.example.org", r"www\.example.org"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("&#64;team", "&amp;#&#8203;64;team"),
        ("ask @team", "ask @&#8203;team"),
        ("hve-scan@contoso.com", "hve-scan@contoso.com"),
        ("see #12", "see #&#8203;12"),
        ("# heading", r"\# heading"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("7d0e-41aa", "7d0e-41aa"),
    ],
)
def test_markdown_is_shown_and_not_obeyed(text: str, markdown: str) -> None:
    assert for_markdown(text) == markdown


@given(text=HOSTILE)
def test_a_markdown_cell_ends_where_it_ends(text: str) -> None:
    safe = for_markdown(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`\[\]*]", safe)
    assert not re.search(r"[<>]|(?<!\\)://|(?<!\w)@(?!&#8203;)", safe)


@given(text=HOSTILE)
def test_html_and_xml_read_back_as_what_a_console_shows(text: str) -> None:
    assert html.unescape(for_html(text)) == for_console(text)
    assert (ET.fromstring(f"<a b='{for_xml(text)}'>{for_xml(text)}</a>").text or "") == for_console(text)  # noqa: S314


@given(text=HOSTILE, after=st.sampled_from(["", " x]", "]", " [3]"]))
def test_rich_reads_no_markup(text: str, after: str) -> None:
    shown = rich.markup.render(f"[bold]{for_rich(text)}[/bold]{after}", emoji=False)
    assert shown.plain.replace("\\", "") == (for_console(text) + after).replace("\\", "")
    assert [span.style for span in shown.spans if span.end > span.start] in (["bold"], [])
    assert all(span.end <= len(shown.plain) - len(after) for span in shown.spans)


@pytest.mark.parametrize("text", ["Payroll [test]", "[bold red]x", "a[0]", "plain"])
def test_brackets_are_shown_by_rich_as_they_are(text: str) -> None:
    assert rich.markup.render(for_rich(text), emoji=False).plain == text


JSON_VALUES = st.recursive(
    HOSTILE | st.none() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HOSTILE, inner, max_size=3),
    max_leaves=6,
)


@given(value=JSON_VALUES)
def test_json_holds_exactly_the_value_and_nothing_a_screen_obeys(value: object) -> None:
    text = for_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(text) == json.loads(json.dumps(value))
    assert not any(map(is_dangerous, text.replace("\n", "")))
    assert "##vso[" not in text.lower()
    assert "##[" not in text


def test_letters_stay_letters_in_json() -> None:
    assert for_json(json.dumps("Müller 日本", ensure_ascii=False)) == '"Müller 日本"'

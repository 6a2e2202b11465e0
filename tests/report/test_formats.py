"""Every format writes every report so that it reads back and cannot act, and none is imported before it is used."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import unicodedata

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from report.hostile_text import HOSTILE
from report.judged import OF_ANYTHING, OF_FINDINGS, judged
from ruamel.yaml import YAML

from hveadmin.errors import UsageError
from hveadmin.report.document import Report, Row, Section, Span, Table
from hveadmin.report.query import query
from hveadmin.report.render import FORMATS, render
from hveadmin.report.style import Style, Tone

STYLES = st.builds(Style, st.booleans(), st.booleans(), st.sampled_from([0, 1, 20, 80]))


def report(*names: str) -> Report:
    """A report whose every place holds a name that somebody else chose."""
    return Report(
        kind="sample",
        lists={"things": [{"name": name, "nested": [{"name": name}]} for name in names], "others": []},
        sections=(
            Section(
                table=Table(("name", "size", "state"), tuple((name, -1, Span(name, Tone.LOUD)) for name in names)),
                heading=tuple(Row((name,)) for name in names),
                closing=tuple(Row((name, Span(name, Tone.WARNING)), "pair", 2) for name in names),
            ),
        ),
    )


OWN_COMMANDS = {"::group::hveadmin sample", "::endgroup::", "##[group]hveadmin sample", "##[endgroup]"}
"""What `github` and `azure` say to their log readers; nothing else may be a command."""


LIBRARIES = ("tabulate", "yaml", "jmespath", "junitparser", "jinja2", "ruamel", "rich", "typer")


def is_dangerous(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("format_name", OF_ANYTHING)
@settings(deadline=None)  # the first example pays for the format's imports
@given(names=st.lists(HOSTILE, max_size=3), style=STYLES)
def test_no_line_of_any_format_can_act(format_name: str, names: list[str], style: Style) -> None:
    text = render(report(*names), format_name, style=style)
    for line in re.sub(r"\x1b\[[0-9;]+m", "", text).split("\n"):
        assert not any(map(is_dangerous, line))
        if line in OWN_COMMANDS:
            continue
        assert not line.lstrip().startswith("::")
        assert "##vso[" not in line.lower()
        assert "##[" not in line


@given(names=st.lists(HOSTILE, max_size=3))
def test_json_reads_back_as_the_value(names: list[str]) -> None:
    assert json.loads(render(report(*names), "json")) == json.loads(json.dumps(report(*names).data))


@given(names=st.lists(HOSTILE, max_size=3))
def test_json_lines_are_one_thing_a_line(names: list[str]) -> None:
    lines = render(report(*names), "jsonl").splitlines()
    assert [json.loads(line)["name"] for line in lines] == [json.loads(json.dumps(name)) for name in names]
    assert all(json.loads(line)["item"] == "things" for line in lines)


@given(names=st.lists(HOSTILE, max_size=3))
def test_yaml_reads_back_as_the_value_with_loaders_of_both_versions(names: list[str]) -> None:
    text = render(report(*names), "yaml")
    assert yaml.safe_load(text) == report(*names).data
    assert YAML(typ="safe", pure=True).load(text) == report(*names).data


@pytest.mark.parametrize(
    "word", ["no", "on", "~", "null", "1e3", "0o17", "0x1F", "1_000", "2026-11-23", "12:30", "=", "<<", ""]
)
def test_text_that_looks_like_something_else_stays_text_in_yaml(word: str) -> None:
    text = render(report(word), "yaml")
    assert yaml.safe_load(text) == report(word).data
    assert YAML(typ="safe", pure=True).load(text) == report(word).data


def test_a_lone_surrogate_which_yaml_cannot_say_is_a_visible_escape() -> None:
    assert yaml.safe_load(render(report("a\ud800"), "yaml"))["things"][0]["name"] == r"a\ud800"


@given(names=st.lists(HOSTILE, max_size=3))
def test_csv_has_a_header_and_a_row_a_thing(names: list[str]) -> None:
    rows = list(csv.reader(io.StringIO(render(report(*names), "csv"))))
    assert rows[0] == ["name", "size", "state"]
    assert [row[1] for row in rows[1:]] == ["-1"] * len(names)
    assert [row[0] for row in rows[1:]] == [row[2] for row in rows[1:]]


def test_csv_quotes_by_rfc_4180() -> None:
    assert render(report('a "b", c'), "csv").splitlines()[1] == '"a ""b"", c",-1,"a ""b"", c"'


@pytest.mark.parametrize("format_name", OF_ANYTHING)
def test_nothing_to_show_is_shown_as_nothing_and_not_as_an_error(format_name: str) -> None:
    text = render(report(), format_name)
    assert "None" not in text
    assert text == "" or text.endswith("\n")


@given(names=st.lists(HOSTILE, min_size=1, max_size=3))
def test_markdown_tables_keep_their_columns(names: list[str]) -> None:
    rows = [line for line in render(report(*names), "md").split("\n") if line.startswith("| ")]
    assert len(rows) == 2 + len(names)
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows} == {4}


def test_columns_line_up_also_beside_wide_characters_and_colour() -> None:
    text = render(report("日本語日本語", "Payroll"), "table", style=Style(color=True))
    header, dashes, wide, narrow = re.sub(r"\x1b\[[0-9;]+m", "", text).split("\n")[3:7]
    assert header.index("size") == dashes.index("-", 14) == narrow.index("-1") == 14
    assert wide.index("-1") == 14 - len("日本語日本語")


def test_a_table_that_is_too_wide_folds_between_words() -> None:
    text = render(report("Payroll Mailer of the house"), "table", style=Style(width=40))
    body = text.split("\n\n")[1].split("\n")
    assert max(map(len, body)) <= 40
    assert " ".join(line[:7].strip() for line in body[2:]).strip() == "Payroll Mailer of the house"


def test_a_table_that_cannot_fold_becomes_records_and_loses_nothing() -> None:
    text = render(report("Payroll-Mailer-of-the-house"), "table", style=Style(width=40))
    assert "name   Payroll-Mailer-of-the-house\nsize   -1\nstate  Payroll-Mailer-of-the-house" in text


@given(names=st.lists(HOSTILE, min_size=1, max_size=3), width=st.integers(20, 120))
def test_folding_loses_no_word(names: list[str], width: int) -> None:
    def words(style: Style) -> set[str]:
        return {word for word in render(report(*names), "table", style=style).split() if word.strip("-")}

    assert words(Style(width=width)) == words(Style())


def test_colour_only_underlines_what_the_words_say() -> None:
    colourful = render(report("a", "b"), "table", style=Style(color=True))
    assert re.sub(r"\x1b\[[0-9;]+m", "", colourful) == render(report("a", "b"), "table")


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        render(report(), "xml")
    assert caught.value.hint == f"the formats are {', '.join(FORMATS)}"


@pytest.mark.parametrize("format_name", OF_ANYTHING)
def test_a_query_can_be_written_in_every_format_that_needs_no_findings(format_name: str) -> None:
    assert "Payroll" in render(query(report("Payroll"), "things[].name"), format_name)


@pytest.mark.parametrize("format_name", OF_FINDINGS)
def test_a_format_of_findings_refuses_a_report_without_any_and_a_query(format_name: str) -> None:
    for document in (report("Payroll"), query(judged(), "findings")):
        with pytest.raises(UsageError, match="made from findings"):
            render(document, format_name)


def test_importing_every_kind_and_format_imports_no_library() -> None:
    program = (
        "import sys, hveadmin.report.render, hveadmin.report.query, hveadmin.report.plan, hveadmin.report.apply\n"
        "import hveadmin.report.accounts, hveadmin.report.apps, hveadmin.report.tenants, hveadmin.report.validation\n"
        f"print([each for each in {LIBRARIES} if each in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"

"""
The names that the sandbox's tenant is seeded with, in every format: a document has the same shape whatever they hold.

Each format is read by a parser that knows nothing of hveadmin. What the parser sees besides text (elements, keys, rows,
commands) is the same for a hostile name as for a harmless one.
"""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator

import pytest
import yaml
from report.judged import judged, one_of_each
from report.test_pipeline_logs import azure_commands, github_commands

from hveadmin.report.render import FORMATS, render
from hveadmin.report.summary import job_summary
from hveadmin.sandbox.seed import _HOSTILE

NAMES = {**_HOSTILE, "xml": "a\x00\ufffe]]><x>", "link": "[x](http://e) {0}", "percent": "%0A::error::x %AZP25;]"}
HARMLESS = "Payroll Mailer"


def shape(value: object) -> object:
    match value:
        case dict():
            return {key: shape(each) for key, each in value.items()}
        case list():
            return [shape(each) for each in value]
        case _:
            return type(value).__name__


def texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from texts(each)
        case list():
            for each in value:
                yield from texts(each)
        case _:
            pass


class Tags(html.parser.HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


def lines_and_cells(text: str) -> object:
    return [len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in text.split("\n")]


SHAPES: dict[str, Callable[[str], object]] = {
    "table": lambda text: text.count("\n"),
    "json": lambda text: shape(json.loads(text)),
    "jsonl": lambda text: [shape(json.loads(line)) for line in text.splitlines()],
    "yaml": lambda text: shape(yaml.safe_load(text)),
    "csv": lambda text: [len(row) for row in csv.reader(io.StringIO(text))],
    "md": lines_and_cells,
    "name": lambda text: text.count("\n"),
    "html": lambda text: Tags(text).found,
    "sarif": lambda text: shape(json.loads(text)),
    "junit": lambda text: [(each.tag, list(each.attrib)) for each in ET.fromstring(text.encode()).iter()],  # noqa: S314
    "gitlab": lambda text: shape(json.loads(text)),
    "github": lambda text: [(each.name, each.properties) for each in github_commands(text)],
    "azure": lambda text: [(each.name, each.properties) for each in azure_commands(text)],
    "ocsf": lambda text: [shape(json.loads(line)) for line in text.splitlines()],
}


def test_every_format_is_read_here() -> None:
    assert set(FORMATS) <= set(SHAPES)


@pytest.mark.parametrize("slug", NAMES)
@pytest.mark.parametrize("format_name", FORMATS)
def test_a_hostile_name_changes_no_shape_and_commands_no_terminal(format_name: str, slug: str) -> None:
    harmless = render(judged(one_of_each(HARMLESS)), format_name)
    hostile = render(judged(one_of_each(NAMES[slug])), format_name)
    assert SHAPES[format_name](hostile) == SHAPES[format_name](harmless)
    assert [each for each in hostile if each != "\n" and _is_dangerous(each)] == []
    for commands in (github_commands, azure_commands):
        assert [(each.name, each.properties) for each in commands(hostile)] == [
            (each.name, each.properties) for each in commands(harmless)
        ]


def _is_dangerous(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("slug", NAMES)
@pytest.mark.parametrize("format_name", ["sarif", "gitlab", "ocsf"])
def test_what_people_are_shown_of_it_elsewhere_is_harmless_after_it_was_parsed(format_name: str, slug: str) -> None:
    text = render(judged(one_of_each(NAMES[slug])), format_name)
    documents = [json.loads(line) for line in text.splitlines()] if format_name == "ocsf" else [json.loads(text)]
    for value in texts([*documents]):
        # The pages of the rules are ours, and have lines.
        assert not any(_is_dangerous(each) for each in value.replace("\n", ""))
        assert "##vso[" not in value.lower()
        assert not value.lstrip().startswith("::")


@pytest.mark.parametrize("slug", NAMES)
def test_no_spreadsheet_calculates_and_no_summary_has_markup(slug: str) -> None:
    report = judged(one_of_each(NAMES[slug]))
    cells = [cell for row in csv.reader(io.StringIO(render(report, "csv"))) for cell in row]
    assert [cell for cell in cells if re.match(r"[\s'\"]*[=+@-]", cell) and not cell.startswith("'")] == []
    summary = job_summary(report)
    assert lines_and_cells(summary) == lines_and_cells(job_summary(judged(one_of_each(HARMLESS))))
    assert not re.search(r"[<>]|(?<!\w)@(?!&#8203;)|(?<!\\)\]\(", summary)

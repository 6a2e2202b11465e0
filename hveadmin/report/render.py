"""The formats, and the one function that writes a report in any of them. The next format is one file and one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hveadmin.errors import UsageError
from hveadmin.report.document import Assessment, Document, Report
from hveadmin.report.formats import (
    azure,
    csv_text,
    github,
    gitlab,
    html,
    json_lines,
    json_text,
    junit,
    markdown,
    name,
    ocsf,
    sarif,
    table,
    yaml_text,
)
from hveadmin.report.style import PLAIN, Style
from hveadmin.report.verdicts import assessed


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write; the text ends in a line end unless it is empty."""

    write: Callable[[Document, Style], str]
    needs_findings: bool = False
    """Whether it can only write a whole report, of a command that looks for findings."""


def from_findings(write: Callable[[Assessment], str]) -> Format:
    """A format that is made from findings; what could not be read is one of them."""

    def checked(document: Document, style: Style) -> str:
        assessment = assessed(document) if isinstance(document, Report) else None
        if assessment is None:
            raise UsageError("this format is made from findings, and here are none")
        return write(assessment)

    return Format(checked, needs_findings=True)


FORMATS: Mapping[str, Format] = {
    "table": Format(table.write),
    "json": Format(json_text.write),
    "jsonl": Format(json_lines.write),
    "yaml": Format(yaml_text.write),
    "csv": Format(csv_text.write),
    "md": Format(markdown.write),
    "html": Format(html.write),
    "name": Format(name.write),
    "sarif": from_findings(sarif.write),
    "junit": from_findings(junit.write),
    "gitlab": from_findings(gitlab.write),
    "github": Format(github.write),
    "azure": Format(azure.write),
    "ocsf": from_findings(ocsf.write),
}


def render(document: Document, format_name: str, *, style: Style = PLAIN) -> str:
    """
    The report in a format of `FORMATS`; only `table` heeds the style.

    Raises UsageError for any other name, and for a document without findings where the format needs them.
    """
    found = FORMATS.get(format_name)
    if found is None:
        raise UsageError(f"there is no output format {format_name!r}", hint=f"the formats are {', '.join(FORMATS)}")
    return found.write(document, style)

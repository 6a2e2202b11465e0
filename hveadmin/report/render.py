"""The formats, and the one function that writes a report in any of them. The next format is one file and one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hveadmin.errors import UsageError
from hveadmin.report.document import Document
from hveadmin.report.formats import csv_text, json_lines, json_text, markdown, table, yaml_text
from hveadmin.report.style import PLAIN, Style

Format = Callable[[Document, Style], str]
"""A report to text. The text ends in a line end unless it is empty."""

FORMATS: Mapping[str, Format] = {
    "table": table.write,
    "json": json_text.write,
    "jsonl": json_lines.write,
    "yaml": yaml_text.write,
    "csv": csv_text.write,
    "md": markdown.write,
}


def render(document: Document, format_name: str, *, style: Style = PLAIN) -> str:
    """The report in a format of `FORMATS`; only `table` heeds the style. Raises UsageError for any other name."""
    write = FORMATS.get(format_name)
    if write is None:
        raise UsageError(f"there is no output format {format_name!r}", hint=f"the formats are {', '.join(FORMATS)}")
    return write(document, style)

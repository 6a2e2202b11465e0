"""Markdown for job summaries and pull requests: a table, and what is to be said before and after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hveadmin.report.document import Document, Row, Section, Table, text_of
from hveadmin.report.safe_text import for_markdown
from hveadmin.report.style import Style


def write(document: Document, style: Style) -> str:
    """GitHub's Markdown; what a table leaves out of the text stands in its closing lines."""
    return "\n\n".join(block for section in document.sections for block in _blocks(section)) + "\n"


def _blocks(section: Section) -> Iterator[str]:
    yield from _paragraphs(section.heading)
    yield _table(section.table_for_people)
    yield from _paragraphs(section.closing)


def _paragraphs(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        text = "  ".join(filter(None, map(text_of, row.cells)))
        if text:
            yield for_markdown(text)


def _table(table: Table) -> str:
    header = _line(for_markdown(column.replace("_", " ")) for column in table.columns)
    rows = (_line(for_markdown(text_of(cell)) for cell in row) for row in table.rows)
    return "\n".join((header, _line("---" for _ in table.columns), *rows))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"

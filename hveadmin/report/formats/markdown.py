"""Markdown for job summaries and pull requests: a table, and what is to be said before and after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hveadmin.report.access_map import Picture, mermaid_text
from hveadmin.report.document import Document, Row, Section, Table, text_of
from hveadmin.report.first_page import first_page
from hveadmin.report.safe_text import for_markdown
from hveadmin.report.style import Style


def write(document: Document, style: Style) -> str:
    """GitHub's Markdown; what a table leaves out of the text stands in its closing lines."""
    sections = (*first_page(document), *document.sections)
    return "\n\n".join(block for section in sections for block in _blocks(section)) + "\n"


def _blocks(section: Section) -> Iterator[str]:
    if section.markdown:
        yield section.markdown
        return
    yield from _paragraphs(section.heading)
    if section.table.rows:
        yield _table(section.table_for_people, section.fill_in)
    elif section.wide or section.matrix or section.map:
        yield from _paragraphs(section.text or ())
    else:
        yield _table(section.table_for_people, section.fill_in)
    if section.map:
        yield from map(_diagram, section.map.pictures)
    yield from _paragraphs(section.closing)


def _paragraphs(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        text = "  ".join(filter(None, map(text_of, row.cells)))
        if text:
            yield for_markdown(text)


def _diagram(picture: Picture) -> str:
    """GitHub and GitLab draw it. No label can end the block: `mermaid_text` writes a backquote as an entity."""
    return f"```mermaid\n{mermaid_text([picture])}```"


def _table(table: Table, fill_in: Sequence[str]) -> str:
    columns = (*table.columns, *fill_in)
    header = _line(for_markdown(column.replace("_", " ")) for column in columns)
    by_hand = [""] * len(fill_in)
    rows = (_line((*(for_markdown(text_of(cell)) for cell in row), *by_hand)) for row in table.rows)
    return "\n".join((header, _line("---" for _ in columns), *rows))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"

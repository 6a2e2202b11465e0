"""Rows of cells to lines of a terminal: columns that line up, lines that are not cut."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from hveadmin.report.document import Cell, Row, text_of, tone_of
from hveadmin.report.safe_text import for_console
from hveadmin.report.style import Style

_GAP = "  "


def shown(cell: Cell, style: Style) -> str:
    """A cell as it may reach a terminal, without its tone."""
    return for_console(text_of(cell), ascii_only=style.ascii)


def display_width(text: str) -> int:
    """Columns that safe text takes on a terminal: two for wide East Asian characters, none for combining marks."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def padded(text: str, width: int) -> str:
    """`text` with blanks up to `width` columns."""
    return text + " " * (width - display_width(text))


def lay_out(rows: Sequence[Row], style: Style) -> list[str]:
    """The rows as lines, safe and painted."""
    texts = [[shown(cell, style) for cell in row.cells] for row in rows]
    widths = _column_widths(rows, texts)
    return [
        line
        for row, text in zip(rows, texts, strict=True)
        for line in _lines(row, text, widths.get(row.columns, ()), style)
    ]


def _column_widths(rows: Iterable[Row], texts: Iterable[Sequence[str]]) -> dict[str, list[int]]:
    """The width of each column but a row's last, which nothing has to line up with."""
    widths: dict[str, list[int]] = {}
    for row, text in zip(rows, texts, strict=True):
        if row.columns:
            so_far = widths.setdefault(row.columns, [])
            so_far.extend([0] * (len(text) - 1 - len(so_far)))
            for column, cell in enumerate(text[:-1]):
                so_far[column] = max(so_far[column], display_width(cell))
    return widths


def _lines(row: Row, texts: Sequence[str], widths: Sequence[int], style: Style) -> Iterator[str]:
    margin = " " * row.indent
    if len(texts) == 1 and style.width and not row.columns:
        tone = tone_of(row.cells[0])
        for line in _wrapped(margin + texts[0], row.indent, style.width):
            yield margin + style.paint(line.removeprefix(margin), tone)
    else:
        yield (margin + _GAP.join(_aligned(row.cells, texts, widths, style))).rstrip()


def _wrapped(line: str, indent: int, width: int) -> list[str]:
    # Words are never broken: an id or an address that is cut cannot be copied.
    wrapped = textwrap.wrap(
        line, width, subsequent_indent=" " * (indent + 2), break_long_words=False, break_on_hyphens=False
    )
    return wrapped or [""]


def _aligned(cells: Sequence[Cell], texts: Sequence[str], widths: Sequence[int], style: Style) -> Iterator[str]:
    for column, (cell, text) in enumerate(zip(cells, texts, strict=True)):
        # The last cell of a row may be wider than its column, and then has no blanks to get.
        width = widths[column] if column < len(widths) else 0
        yield style.paint(text, tone_of(cell)) + " " * (width - display_width(text))

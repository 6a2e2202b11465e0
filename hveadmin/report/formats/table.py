"""
For people: the text where there is any, else a table.

In a table that is too wide the widest columns fold between words; where that is not enough, each row becomes a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from hveadmin.report.document import Cell, Document, Section, Table, tone_of
from hveadmin.report.first_page import first_page
from hveadmin.report.layout import display_width, lay_out, padded, shown
from hveadmin.report.safe_text import for_console
from hveadmin.report.style import Style

_GAP = "  "


def write(document: Document, style: Style) -> str:
    """Lines for a terminal. Nothing is cut off."""
    return _parted(_section(section, style) for section in (*first_page(document), *document.sections)) + "\n"


def _section(section: Section, style: Style) -> str:
    body = _grid(section.table_for_people, style) if section.text is None else lay_out(section.text, style)
    return _parted(
        "\n".join(lines) for lines in (lay_out(section.heading, style), body, lay_out(section.closing, style))
    )


def _parted(blocks: Iterable[str]) -> str:
    return "\n\n".join(filter(None, blocks))


def _grid(table: Table, style: Style) -> list[str]:
    headers = [for_console(column.replace("_", " "), ascii_only=style.ascii) for column in table.columns]
    texts = [[shown(cell, style) for cell in row] for row in table.rows]
    # tabulate makes a column at least two wider than its header.
    least = [display_width(header) + 2 for header in headers]
    columns = zip(*texts, strict=True) if texts else [()] * len(headers)
    widths = [max(narrow, *map(display_width, column), 0) for narrow, column in zip(least, columns, strict=True)]
    if style.width:
        words = [max((_longest_word(text) for text in column), default=0) for column in zip(*texts, strict=True)]
        widths = _narrowed(widths, [max(pair) for pair in zip(least, words or least, strict=True)], style.width)
        if _total(widths) > style.width:
            return _records(headers, table.rows, style)
    rows = [line for row in table.rows for line in _folded(row, widths, style)]
    return _tabulated(rows, [padded(header, width - 2) for header, width in zip(headers, widths, strict=True)])


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _longest_word(text: str) -> int:
    return max(map(display_width, text.split()), default=0)


def _narrowed(widths: Sequence[int], least: Sequence[int], whole: int) -> list[int]:
    """The widths, made smaller from the widest column down until they fit or none may become smaller."""
    fitting = list(widths)
    while (excess := _total(fitting) - whole) > 0:
        foldable = [column for column, width in enumerate(fitting) if width > least[column]]
        if not foldable:
            break
        widest = max(foldable, key=fitting.__getitem__)
        others = [fitting[column] for column in foldable if fitting[column] < fitting[widest]]
        step = max(1, min(excess, fitting[widest] - max([least[widest], *others])))
        fitting[widest] -= step
    return fitting


def _folded(row: Sequence[Cell], widths: Sequence[int], style: Style) -> Iterator[list[str]]:
    """One row as one or more lines of padded, painted cells."""
    cells = [_fold(shown(cell, style), width) for cell, width in zip(row, widths, strict=True)]
    for texts in zip_longest(*cells, fillvalue=""):
        yield [
            style.paint(text, tone_of(cell)) + " " * (width - display_width(text))
            for cell, text, width in zip(row, texts, widths, strict=True)
        ]


def _fold(text: str, width: int) -> list[str]:
    if display_width(text) <= width:
        return [text]
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if display_width(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _tabulated(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> list[str]:
    from tabulate import tabulate

    # Cells come padded to their display width, so that wide characters line up without tabulate's optional wcwidth.
    text = tabulate(
        rows, headers=headers, tablefmt="simple", stralign=None, headersglobalalign="left", disable_numparse=True
    )
    return [line.rstrip() for line in text.split("\n")]


def _records(headers: Sequence[str], rows: Iterable[Sequence[Cell]], style: Style) -> list[str]:
    label = max(map(display_width, headers))
    lines: list[str] = []
    for row in rows:
        lines.append("")
        for header, cell in zip(headers, row, strict=True):
            lines.append((padded(header, label) + _GAP + _painted(cell, style)).rstrip())
    return lines[1:] or [*headers]


def _painted(cell: Cell, style: Style) -> str:
    return style.paint(shown(cell, style), tone_of(cell))

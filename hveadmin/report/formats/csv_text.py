"""CSV for spreadsheets: a header always, quoting by RFC 4180, no cell that a spreadsheet would calculate."""

from __future__ import annotations

import csv
import io

from hveadmin.report.document import Cell, Document, Span, text_of
from hveadmin.report.safe_text import for_csv
from hveadmin.report.style import Style


def write(document: Document, style: Style) -> str:
    """Lines end in a line feed, as everywhere else on standard output; RFC 4180 readers take both."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(for_csv, document.table.columns))
    writer.writerows([_value(cell) for cell in row] for row in document.table.rows)
    return out.getvalue()


def _value(cell: Cell) -> str:
    # A number is a number, also with a minus sign: only text can be a formula.
    return for_csv(text_of(cell)) if isinstance(cell, str | Span) else text_of(cell)

"""Just the names, one a line, for `xargs -d '\\n'`: accounts, else ids, else tenants."""

from __future__ import annotations

from hveadmin.report.document import Document, text_of
from hveadmin.report.safe_text import for_console
from hveadmin.report.style import Style

# An application's name is no name: anybody may choose the same. Its id is what other commands take.
_NAMES = ("account", "id", "object_id", "application", "rule", "tenant")


def write(document: Document, style: Style) -> str:
    """Each name once, in the order of the rows. A tenant that could not be read has none; the exit code tells of it."""
    table = document.table
    column = next((table.columns.index(name) for name in _NAMES if name in table.columns), 0)
    names = dict.fromkeys(for_console(text_of(row[column])) for row in table.rows if row)
    return "".join(f"{name}\n" for name in names if name)

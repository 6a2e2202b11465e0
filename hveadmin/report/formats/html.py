"""
HTML: one file that can be mailed, filed, printed and read in ten years.

    Document → page.page_of → Page → templates in report/html → text

The page has no script and loads nothing; a policy in its head makes the browser hold it to that. Escaping stands at
one place: everything that a template prints goes through `for_html`, and a template has no means to print anything raw
but the drawings and the style, which are made here. Colour is never the only sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from hveadmin.domain.finding import Verdict
from hveadmin.report.access_map import STYLE, Picture, cut, mermaid_text, svg_text
from hveadmin.report.document import Cell, Document, Row, text_of, tone_of
from hveadmin.report.layout import display_width
from hveadmin.report.matrix import Block, Mailbox, Mark, Sender
from hveadmin.report.page import Grid, page_of
from hveadmin.report.safe_text import for_html
from hveadmin.report.style import Style, Tone
from hveadmin.report.words import timestamp

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup


def write(document: Document, style: Style) -> str:
    """One HTML document."""
    return _template().render(page=page_of(document)) + "\n"


@dataclass(frozen=True, slots=True)
class Sign:
    """What stands before text of a tone: for eyes that see no colour, and for those who do not see."""

    mark: str
    word: str


_SIGNS = {Tone.WARNING: Sign("▲", "warning"), Tone.LOUD: Sign("■", "alarm")}


def _sign(cell: Cell) -> Sign | None:
    """None for the other tones: what is added, removed, passed or failed says so in its own words."""
    return _SIGNS.get(tone_of(cell))


_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}")
_COMMAND = re.compile(r"(?:hveadmin|az|gh|curl|swaks) \S|[A-Z][a-z]+-[A-Z][A-Za-z]+(?: |$)")


def _is_id(cell: Cell) -> bool:
    return _ID.fullmatch(text_of(cell)) is not None


def _is_command(cell: Cell) -> bool:
    """Whether a text is something to type. Ask this of our own texts only: a name may look like a command as well."""
    return _COMMAND.match(text_of(cell)) is not None


def _lines(rows: Sequence[Row]) -> list[tuple[bool, int, list[Row]]]:
    """Rows that follow each other and line up, together: (whether they line up, their indent, the rows)."""
    found = []
    for (columns, indent), group in groupby((row for row in rows if row.cells), lambda row: (row.columns, row.indent)):
        together = list(group)
        found.append((columns != "" and any(len(row.cells) > 1 for row in together), indent, together))
    return found


_ROOMS = (4, 9, 14, 20, 28)
"""Widths, in characters, that style.css has a class for."""


_WIDE = 118
"""A table whose columns need more characters is wider than a page, and gets a scroll bar and a smaller print."""


def _room(words: Iterable[str]) -> int:
    """
    The room that a column needs for its longest word, one of `_ROOMS`; its class is `room-14`.

    Browsers may break words anywhere, so that a name of 300 letters does not widen the page. Without this they would
    break the short ones as well, letter by letter, to make room for a neighbour's sentence.
    """
    longest = max((display_width(word) for each in words for word in each.split()), default=0)
    return next((room for room in _ROOMS if room >= longest), _ROOMS[-1])


def _rooms(grid: Grid) -> list[int]:
    """What each column needs, its heading included. Small print and ids of 36 letters may be broken anywhere."""
    return [
        _room(
            [
                *(name.replace("_", " ") for name in names),
                *(text_of(row[index][0]) for group in grid.groups for row in group.rows),
            ]
        )
        for index, names in enumerate(grid.columns)
    ]


def _marks(block: Block, mailbox: Mailbox) -> list[bool]:
    """For each application of a block whether it may send as a restricted account."""
    return [mailbox.mark(sender) is Mark.MAY for sender in block.senders]


_ROTATED = 34
"""Characters of a name that stands upright over a column; the list by application has it whole."""


def _upright(sender: Sender) -> str:
    return cut(sender.name or "(no name)", _ROTATED)


def _drawing(picture: Picture, name: str) -> Markup:
    from markupsafe import Markup

    # access_map escapes every text of a drawing itself; `name` is one of our own ids.
    return Markup(svg_text(picture, name))  # noqa: S704


def _mermaid(picture: Picture) -> list[str]:
    return mermaid_text([picture]).splitlines()


def _safe(value: object) -> Markup:
    """Whatever a template prints. Only macros and `_drawing` make Markup: the text in them was here already."""
    from markupsafe import Markup

    return value if isinstance(value, Markup) else Markup(for_html(str(value)))  # noqa: S704 — just escaped


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("hveadmin.report", "html"),
        autoescape=True,
        finalize=_safe,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(room=_cell_room, text=text_of, tone=_tone_name, timestamp=timestamp, upright=_upright)
    environment.tests.update(id=_is_id, command=_is_command)
    environment.globals.update(
        drawing=_drawing,
        lines=_lines,
        map_style=Markup(STYLE),  # noqa: S704 — a constant of ours
        marks=_marks,
        mermaid=_mermaid,
        rooms=_rooms,
        sign=_sign,
        Verdict=Verdict,
        WIDE=_WIDE,
    )
    return environment.get_template("page.html.j2")


def _cell_room(cell: Cell) -> int:
    return _room([text_of(cell)])


def _tone_name(cell: Cell) -> str:
    return tone_of(cell).name.lower()

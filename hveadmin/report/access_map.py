"""
Who can send as whom, as a picture: applications on the left, accounts on the right, a line for each permission.

    Matrix → access_map → AccessMap: pictures, what is where already decided → svg_text, mermaid_text

The layout is our own and the same for the same tenant every time, so that two reports can be laid side by side. A
picture holds at most LINES lines a side. Where a tenant has more, accounts with the same list share a box, as do
applications on the same lists; where that is not enough there are several pictures, and the map says so. An open
account hangs on a box of its own, "any application"; one whose list could not be read hangs on "nobody knows".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from hveadmin.domain.tenant import CEILING, Known
from hveadmin.report.layout import display_width
from hveadmin.report.matrix import Mailbox, Matrix, Sender
from hveadmin.report.safe_text import for_console, for_xml
from hveadmin.report.words import count

LINES = 32
"""Lines a side of one picture; as many can be read when a picture fills a sheet."""
NAMED = 12
"""Accounts that a shared box names; the lists beside the picture name them all."""


class Kind(StrEnum):
    """What a box stands for; the value is its class, in SVG and in Mermaid."""

    APPLICATION = "application"
    REMARKABLE = "remarkable"
    """An application against which something stands."""
    ACCOUNT = "account"
    OPEN = "open"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Line:
    """One line in a box: a name, and what is shown at the other end."""

    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A box: one thing, or several that have the same links."""

    key: str
    """Unique in its map; ASCII letters and digits."""
    kind: Kind
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """That what is on the left can send as what is on the right; `kind` is OPEN, UNKNOWN or APPLICATION."""

    left: str
    right: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawing; the boxes of each side from top to bottom."""

    title: str
    description: str
    """What it shows, for those who cannot see it."""
    left: tuple[Node, ...]
    right: tuple[Node, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class AccessMap:
    """All pictures of one tenant."""

    pictures: tuple[Picture, ...]
    note: str = ""
    """What was done to make it fit; empty where every account and every application has a box of its own."""


def access_map(matrix: Matrix) -> AccessMap:
    """The map of one tenant. A tenant without accounts has no picture."""
    if not matrix.mailboxes:
        return AccessMap(())
    title = f"{matrix.tenant}: who can send as whom"
    alone = _boxes(matrix, shared=False)
    if alone.fits:
        return AccessMap((_picture(title, alone),))
    together = _boxes(matrix, shared=True)
    if together.fits:
        return AccessMap((_picture(title, together),), f"{_SHARED}.")
    sheets = list(_sheets(together))
    numbered = (_picture(f"{title}, {number} of {len(sheets)}", each) for number, each in enumerate(sheets, 1))
    return AccessMap(tuple(numbered), f"{_SHARED}. {_SPLIT}")


_SHARED = "Accounts with the same list share a box, and so do applications on the same lists"
_SPLIT = (
    "All in one picture could not be read, so there are several; an application is in each that has accounts of its."
)


# Boxes: what is joined to what


@dataclass(frozen=True, slots=True)
class _Right:
    """A box of accounts, and the keys of the boxes on the left that can send as them."""

    node: Node
    senders: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Boxes:
    """What one picture is made of."""

    left: Mapping[str, Node]
    right: tuple[_Right, ...]

    @property
    def fits(self) -> bool:
        return max(_height(self.left.values()), _height(each.node for each in self.right)) <= LINES

    def only(self, right: Sequence[_Right]) -> _Boxes:
        """Some of the accounts, and of the left what can send as them."""
        needed = _senders(right)
        return _Boxes({key: node for key, node in self.left.items() if key in needed}, tuple(right))


def _height(nodes: Iterable[Node]) -> int:
    return sum(len(node.lines) for node in nodes)


def _senders(right: Iterable[_Right]) -> frozenset[str]:
    return frozenset(key for each in right for key in each.senders)


_ANY = Node("any", Kind.OPEN, (Line("ANY APPLICATION", "empty list"),))
_NOBODY = Node("unread", Kind.UNKNOWN, (Line("NOBODY KNOWS", "list not read"),))


def _boxes(matrix: Matrix, *, shared: bool) -> _Boxes:
    lists = {mailbox: frozenset(matrix.senders_of(mailbox)) for mailbox in matrix.restricted}
    groups = tuple(_alike(lists, shared=shared))
    listed_on = {
        sender: frozenset(number for number, (_, senders) in enumerate(groups) if sender in senders)
        for sender in matrix.senders
    }
    left: dict[str, Node] = {}
    box_of: dict[Sender, str] = {}
    for number, (senders, _) in enumerate(_alike(listed_on, shared=shared)):
        left[f"s{number}"] = _sender_node(f"s{number}", senders)
        box_of.update(dict.fromkeys(senders, f"s{number}"))
    right = (
        *_special("o", _ANY, matrix.opened, shared=shared),
        *_special("u", _NOBODY, matrix.unread, shared=shared),
        *(
            _Right(_mailbox_node(f"m{number}", Kind.ACCOUNT, mailboxes), frozenset(box_of[each] for each in senders))
            for number, (mailboxes, senders) in enumerate(groups)
        ),
    )
    special = {node.key: node for node in (_ANY, _NOBODY) if node.key in _senders(right)}
    return _Boxes({**special, **left}, right)


_Thing = TypeVar("_Thing")
_Trait = TypeVar("_Trait")


def _alike(
    traits: Mapping[_Thing, frozenset[_Trait]], *, shared: bool
) -> Iterator[tuple[tuple[_Thing, ...], frozenset[_Trait]]]:
    """Things with the same traits together, or else each thing alone, in the order they come."""
    groups: dict[object, list[_Thing]] = {}
    for thing, trait in traits.items():
        groups.setdefault(trait if shared else thing, []).append(thing)
    for group in groups.values():
        yield tuple(group), traits[group[0]]


def _special(letter: str, sender: Node, mailboxes: Sequence[Mailbox], *, shared: bool) -> Iterator[_Right]:
    """Accounts without a list that could be read, or without any."""
    groups = [tuple(mailboxes)] if shared and mailboxes else [(each,) for each in mailboxes]
    for number, group in enumerate(groups):
        yield _Right(_mailbox_node(f"{letter}{number}", sender.kind, group), frozenset({sender.key}))


def _sender_node(key: str, senders: Sequence[Sender]) -> Node:
    kind = Kind.REMARKABLE if any(each.remark for each in senders) else Kind.APPLICATION
    return Node(key, kind, tuple(line for each in senders for line in _sender_lines(each)))


def _sender_lines(sender: Sender) -> Iterator[Line]:
    yield Line(sender.name or "(no name)", sender.id.short)
    if sender.remark:
        yield Line(f"▲ {sender.remark}")


_SAID = {
    Kind.OPEN: (Line("OPEN: any application may send"),),
    Kind.UNKNOWN: (Line("UNKNOWN: the list could not be read"),),
}


def _mailbox_node(key: str, kind: Kind, mailboxes: Sequence[Mailbox]) -> Node:
    # One more than there is room for is shown in the place of the line that would say so.
    shown = mailboxes if len(mailboxes) <= NAMED + 1 else mailboxes[:NAMED]
    lines = tuple(Line(each.address.value, _used(each)) for each in shown)
    rest = len(mailboxes) - len(shown)
    more = (Line(f"… and {count(rest, 'account')} more"),) if rest else ()
    return Node(key, kind, (*_SAID.get(kind, ()), *lines, *more))


def _used(mailbox: Mailbox) -> str:
    match mailbox.allowed:
        case Known(apps):
            return f"{len(apps)} of {CEILING}"
        case _:
            return "?"


# Sheets and the order on them


def _sheets(boxes: _Boxes) -> Iterator[_Boxes]:
    """
    Parts that fit, which together show every link.

    One account never overflows a sheet: its list has at most ten applications, of two lines each.
    """
    remaining = list(boxes.right)
    while remaining:
        sheet = boxes.only([remaining.pop(0)])
        while remaining:
            next_best = min(remaining, key=lambda each: len(each.senders - sheet.left.keys()))
            larger = boxes.only([*sheet.right, next_best])
            if not larger.fits:
                break
            remaining.remove(next_best)
            sheet = larger
        yield sheet


_SWEEPS = 4
"""Enough: more moved nothing in tenants of 100 accounts."""


def _picture(title: str, boxes: _Boxes) -> Picture:
    right = list(boxes.right)
    left = list(boxes.left.values())
    for _ in range(_SWEEPS):
        place = {each.node.key: index for index, each in enumerate(right)}
        among = {node.key: [place[each.node.key] for each in right if node.key in each.senders] for node in left}
        left.sort(key=lambda node: (_RANK[node.kind], _mean(among[node.key])))
        place = {node.key: index for index, node in enumerate(left)}
        right.sort(key=lambda each: (_RANK[each.node.kind], _mean([place[key] for key in each.senders])))
    links = tuple(
        Link(node.key, each.node.key, _LINKS.get(node.kind, Kind.APPLICATION))
        for node in left
        for each in right
        if node.key in each.senders
    )
    return Picture(title, _described(links, boxes), tuple(left), tuple(each.node for each in right), links)


# Open accounts on top, then the unknown ones: what has to be seen first.
_RANK = {Kind.OPEN: 0, Kind.UNKNOWN: 1, Kind.APPLICATION: 2, Kind.REMARKABLE: 2, Kind.ACCOUNT: 2}
_LINKS = {Kind.OPEN: Kind.OPEN, Kind.UNKNOWN: Kind.UNKNOWN}


def _mean(places: Sequence[int]) -> float:
    return sum(places) / len(places) if places else 0.0


def _described(links: Sequence[Link], boxes: _Boxes) -> str:
    kinds = {each.node.kind for each in boxes.right}
    parts = (
        f"{count(len(links), 'line')} from applications on the left to accounts on the right.",
        "At the top, with heavy lines: accounts that are open to any application." if Kind.OPEN in kinds else "",
        "With dashed lines: accounts whose list could not be read." if Kind.UNKNOWN in kinds else "",
    )
    return " ".join(filter(None, parts))


# SVG. All lengths are in pixels of the drawing, which is scaled to the page.

_BOX, _BETWEEN, _MARGIN = 400, 184, 8
_LINE, _PADDING, _GAP = 17, 3, 6
_WIDTH = 2 * (_BOX + _MARGIN) + _BETWEEN
_CHARACTER = 7.0
"""The most that a column of text takes on average, whatever sans serif the reader has."""

STYLE = """\
.access-map { font: 12px system-ui, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif;
  --map-ink: #1b1f24; --map-quiet: #4d5661; --map-paper: #ffffff; --map-loud: #a3001b; --map-doubt: #7a4b00;
  --map-left: #eaf1fb; --map-left-edge: #2b5a94; --map-right: #edf5ec; --map-right-edge: #2f6636; --map-open: #fdecee }
.access-map text { fill: var(--map-ink) }
.access-map .detail { fill: var(--map-quiet); font-family: ui-monospace, Consolas, "DejaVu Sans Mono", monospace }
.access-map rect { stroke-width: 1.2 }
.access-map .application rect, .access-map .remarkable rect { fill: var(--map-left); stroke: var(--map-left-edge) }
.access-map .remarkable rect { stroke: var(--map-doubt); stroke-width: 2 }
.access-map .account rect { fill: var(--map-right); stroke: var(--map-right-edge) }
.access-map .open rect { fill: var(--map-open); stroke: var(--map-loud); stroke-width: 3 }
.access-map .open text { fill: var(--map-loud); font-weight: 700 }
.access-map .unknown rect { fill: var(--map-paper); stroke: var(--map-doubt); stroke-width: 1.6; stroke-dasharray: 6 4 }
.access-map path { fill: none; stroke-width: 1.3; stroke: var(--map-left-edge); opacity: .7 }
.access-map path.open { stroke: var(--map-loud); stroke-width: 4; opacity: 1 }
.access-map path.unknown { stroke: var(--map-doubt); stroke-dasharray: 6 4; opacity: 1 }
@media screen and (prefers-color-scheme: dark) { .access-map {
  --map-ink: #e8eaed; --map-quiet: #b6bec9; --map-paper: #16191d; --map-loud: #ff9aa8; --map-doubt: #f0c060;
  --map-left: #1c2a3d; --map-left-edge: #86b3ea; --map-right: #1d2f20; --map-right-edge: #8fc997;
  --map-open: #4a1119 } }
"""
"""How a drawing looks, in light and in dark. What is open or unknown is also said in words and by its line."""


def svg_text(picture: Picture, name: str) -> str:
    """One drawing for an HTML page that has STYLE; `name` is unique on the page, made of ASCII letters, digits, -."""
    head = (
        f'<svg class="access-map" role="img" aria-labelledby="{name}-title {name}-desc"'
        f' viewBox="0 0 {_WIDTH} {_tall(picture)}">'
    )
    said = (
        f'<title id="{name}-title">{for_xml(picture.title)}</title>'
        f'<desc id="{name}-desc">{for_xml(picture.description)}</desc>'
    )
    return "\n".join((head, said, *_drawing(picture), "</svg>"))


@dataclass(frozen=True, slots=True)
class _Placed:
    """A box and where its upper edge is."""

    node: Node
    top: float

    @property
    def tall(self) -> int:
        return _box_height(self.node)


def _box_height(node: Node) -> int:
    return len(node.lines) * _LINE + 2 * _PADDING


def _side_height(nodes: Sequence[Node]) -> int:
    return sum(map(_box_height, nodes)) + _GAP * (len(nodes) - 1)


def _tall(picture: Picture) -> int:
    return max(_side_height(picture.left), _side_height(picture.right)) + 2 * _MARGIN


def _placed(nodes: Sequence[Node], tall: int) -> dict[str, _Placed]:
    """The boxes of one side, spread over the drawing's height, so that lines run as level as they can."""
    spare = tall - 2 * _MARGIN - _side_height(nodes)
    between = _GAP + spare / (len(nodes) + 1)
    top = _MARGIN + spare / (len(nodes) + 1)
    places: dict[str, _Placed] = {}
    for node in nodes:
        places[node.key] = _Placed(node, top)
        top += _box_height(node) + between
    return places


def _drawing(picture: Picture) -> Iterator[str]:
    tall = _tall(picture)
    left, right = _placed(picture.left, tall), _placed(picture.right, tall)
    leaves = _ports(left, [link.left for link in picture.links])
    arrives = _arrivals(right, picture.links)
    for link, start, end in zip(picture.links, leaves, arrives, strict=True):
        yield _curve(link, start, end)
    for each in left.values():
        yield from _box(each, _MARGIN)
    for each in right.values():
        yield from _box(each, _MARGIN + _BOX + _BETWEEN)


def _ports(places: Mapping[str, _Placed], keys: Sequence[str]) -> list[float]:
    """Where each line touches its box: spread over the box's side in the order the lines come, so that they part."""
    at: dict[str, int] = dict.fromkeys(keys, 0)
    ports: list[float] = []
    for key in keys:
        at[key] += 1
        ports.append(places[key].top + places[key].tall * at[key] / (keys.count(key) + 1))
    return ports


def _arrivals(places: Mapping[str, _Placed], links: Sequence[Link]) -> list[float]:
    # Links are ordered by their left end, top to bottom, which is the order in which they arrive at each box as well.
    return _ports(places, [link.right for link in links])


def _curve(link: Link, start: float, end: float) -> str:
    near, far = _MARGIN + _BOX, _MARGIN + _BOX + _BETWEEN
    middle = (near + far) // 2
    way = f"M{near} {start:.1f}C{middle} {start:.1f} {middle} {end:.1f} {far} {end:.1f}"
    return f'<path class="{link.kind}" d="{way}"/>'


def _box(placed: _Placed, x: int) -> Iterator[str]:
    node = placed.node
    yield f'<g class="{node.kind}">'
    yield f'<rect x="{x}" y="{placed.top:.1f}" width="{_BOX}" height="{placed.tall}" rx="4"/>'
    for number, line in enumerate(node.lines):
        y = placed.top + _PADDING + (number + 0.75) * _LINE
        room = int((_BOX - 20) / _CHARACTER) - (display_width(line.detail) + 2 if line.detail else 0)
        yield f'<text x="{x + 8}" y="{y:.1f}">{for_xml(cut(line.text, room))}</text>'
        if line.detail:
            end = x + _BOX - 8
            yield f'<text class="detail" x="{end}" y="{y:.1f}" text-anchor="end">{for_xml(line.detail)}</text>'
    yield "</g>"


def cut(text: str, columns: int) -> str:
    """A name, made safe, that takes at most so many columns; what is left out is shown as `…`."""
    safe = for_console(text)
    if display_width(safe) <= columns:
        return safe
    kept = ""
    for character in safe:
        if display_width(kept + character) >= columns:
            break
        kept += character
    return f"{kept}…"


# Mermaid. Labels are quoted, and all but letters, digits and a few signs is written as an entity, `#34;`: then no name
# can end its label, begin markup, or be one of Mermaid's words.

_PLAIN_IN_MERMAID = frozenset(" ._-@")
_LABEL = 60
"""Columns of a name; a longer one would push all others off the screen."""
_ARROWS = {Kind.OPEN: "==>", Kind.UNKNOWN: "-.->"}
_CLASSES = """\
  classDef open stroke:#a3001b,stroke-width:4px
  classDef unknown stroke:#7a4b00,stroke-dasharray:6 4
  classDef remarkable stroke:#7a4b00,stroke-width:2px"""


def mermaid_text(pictures: Sequence[Picture]) -> str:
    """One flowchart; several pictures become parts of it, each with a title. GitHub draws at most 500 links of one."""
    several = len(pictures) > 1
    parts = (_chart(picture, f"p{number}" if several else "") for number, picture in enumerate(pictures))
    return "\n".join(("flowchart LR", *(line for part in parts for line in part), _CLASSES)) + "\n"


def _chart(picture: Picture, prefix: str) -> Iterator[str]:
    if prefix:
        yield f"  subgraph {prefix}[{_mermaid_label([Line(picture.title)])}]"
        yield "  direction LR"
    for node in (*picture.left, *picture.right):
        yield f"  {prefix}{node.key}[{_mermaid_label(node.lines)}]:::{node.kind}"
    for link in picture.links:
        yield f"  {prefix}{link.left} {_ARROWS.get(link.kind, '-->')} {prefix}{link.right}"
    if prefix:
        yield "  end"


def _mermaid_label(lines: Sequence[Line]) -> str:
    texts = (" ".join(filter(None, (cut(line.text, _LABEL), line.detail))) for line in lines)
    return f'"{"<br/>".join(map(_mermaid_escaped, texts))}"'


def _mermaid_escaped(text: str) -> str:
    return "".join(map(_mermaid_character, for_console(text)))


def _mermaid_character(character: str) -> str:
    if character.isalnum() or character in _PLAIN_IN_MERMAID:
        return character
    # Mermaid takes a backslash and an n for a new line even when the backslash is an entity [O: 12.3], and in a shared
    # box a line is a name of its own: a zero-width space parts the two.
    return "#92;#8203;" if character == "\\" else f"#{ord(character)};"

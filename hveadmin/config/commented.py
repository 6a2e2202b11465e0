"""
YAML text to a tree that keeps what the loader has no use for: comments, blank lines, quotes, anchors.

It is put together from the same parser's events as `nodes`, so that whatever the loader reads is read alike here.
ruamel.yaml's round trip would keep comments too, but hangs each on the token before it: a comment above an entry
belongs to whatever stood last in the entry before, moves away when entries are sorted, and is lost in some places
(between a key and its flow value). Here a comment belongs to what people take it to belong to:

    # above, touching            the entry under it
    key: value  # beside         the entry
    (blank line after it)        in front of a block's first entry: the block; elsewhere: the entry under it
    # after the last entry       the block, by its indentation: as deep as the entries, or deeper

The tree is for a text that `nodes.read_document` accepts. It is mutable, because a comment beside an entry is met
after the entry, and because whoever reads it does so to change it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

_LIBYAML_OR_PYTHON: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# To the parser these are line ends like \n, in scalars too. U+2028 and U+2029 are others: in a scalar they stay.
_OTHER_BREAK = re.compile("\r\n|[\r\x85]")
_BREAK = re.compile("[\n\u2028\u2029]")
_COMMENT = re.compile("#[^\n\u2028\u2029]*")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*[ \t]*(#.*)?")
_MODELINE = re.compile(r"#\s*yaml-language-server\s*:")

Lines: TypeAlias = list[str]
"""Comments, each a line from its # on; an empty line stands for blank ones."""


@dataclass(slots=True, eq=False)
class Leaf:
    """One value, or a key."""

    value: str
    style: str = ""
    """'' plain, ' or " quoted, | or > a block; `new` where the value is not the one that was read."""
    raw: str = ""
    """As it was written, without its anchor."""
    anchor: str = ""


@dataclass(slots=True, eq=False)
class Group:
    """A mapping, or a list. `slots` are its entries, or its items."""

    mapping: bool
    flow: bool
    anchor: str = ""
    slots: list[Slot] = field(default_factory=list)
    head: Lines = field(default_factory=list)
    """What stands above the first entry and belongs to all of them."""
    end: Lines = field(default_factory=list)
    """What stands below the last entry."""


@dataclass(slots=True, eq=False)
class Alias:
    """What stands for a value that has an anchor."""

    target: Leaf | Group


Node: TypeAlias = Leaf | Group | Alias


@dataclass(slots=True, eq=False)
class Slot:
    """An entry of a mapping (with a key) or an item of a list (without), and its comments."""

    key: Leaf | None = None
    value: Node = field(default_factory=lambda: Leaf(""))
    before: Lines = field(default_factory=list)
    """Above it. A blank line at the beginning stands between it and what comes before it."""
    beside: str = ""
    column: int = 0
    """Where `beside` began, counted from 0."""


@dataclass(slots=True, eq=False)
class Text:
    """A whole file."""

    root: Node
    preamble: Lines
    """All lines above `---`: comments and directives. Empty where there is nothing above it."""
    marked: bool
    """Whether `---` is written."""


class AnchorTwice(Exception):
    """An anchor's name is given twice, so that it depends on the order what an alias means."""

    def __init__(self, name: str, line: int, column: int) -> None:
        super().__init__(name)
        self.name = name
        self.line = line
        self.column = column


def read_commented(text: str, *, parser: type[Any] | None = None) -> Text:
    """
    The tree of a text that the loader accepts. Raises AnchorTwice.

    `parser` is one of PyYAML's loaders; None takes libyaml's where there is one.
    """
    return _Reader(_OTHER_BREAK.sub("\n", text.removeprefix("\ufeff")), parser or _LIBYAML_OR_PYTHON).read()


def comments_of(text: str) -> list[str]:
    """Every comment of a text that the loader accepts, in order."""
    found = _tokens(_OTHER_BREAK.sub("\n", text.removeprefix("\ufeff")), _LIBYAML_OR_PYTHON)
    headers = [header for raw in found.scalars if (header := _header_comment(raw))]
    return [each.text for each in found.comments] + headers


def meant(node: Node) -> Leaf | Group:
    """What an alias stands for; anything else itself."""
    return node.target if isinstance(node, Alias) else node


@dataclass(frozen=True, slots=True)
class _Comment:
    text: str
    index: int
    column: int
    alone: bool
    """Whether nothing that it could belong to stands before it on its line."""
    blank_above: bool


@dataclass(slots=True)
class _Tokens:
    comments: deque[_Comment] = field(default_factory=deque)
    scalars: deque[str] = field(default_factory=deque)
    """Each scalar as written; those that are not written at all (`key:`) have none."""
    marker: int = -1
    """Where `---` stands."""


# A comment after one of these on a line belongs to what comes next.
_OPENS = (yaml.BlockEntryToken, yaml.KeyToken, yaml.DocumentStartToken, yaml.DocumentEndToken, yaml.StreamStartToken)
_ASIDE = (yaml.AnchorToken, yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken)


def _tokens(text: str, parser: type[Any]) -> _Tokens:
    """What the parser's events leave out. Between two tokens there are only blanks, line ends and comments."""
    found = _Tokens()
    at = 0
    opened = True
    for token in yaml.scan(text, Loader=parser):
        start, end = token.start_mark.index, token.end_mark.index
        for match in _COMMENT.finditer(text, at, start):
            found.comments.append(_comment(text, match, opened))
        at = max(at, end)
        if isinstance(token, yaml.ScalarToken):
            found.scalars.append(text[start:end])
        if isinstance(token, yaml.DocumentStartToken) and end > start:
            found.marker = start
        if not isinstance(token, _ASIDE) and (end > start or isinstance(token, yaml.StreamStartToken)):
            opened = isinstance(token, _OPENS)
    return found


def _comment(text: str, match: re.Match[str], opened: bool) -> _Comment:
    start = _line_start(text, match.start())
    alone = opened or not text[start : match.start()].strip()
    return _Comment(match[0].rstrip(), match.start(), match.start() - start, alone, _is_blank_above(text, start))


def _line_start(text: str, index: int) -> int:
    return max(text.rfind(each, 0, index) for each in "\n\u2028\u2029") + 1


def _is_blank_above(text: str, line_start: int) -> bool:
    """Whether the line above the one that begins here is blank."""
    return line_start > 0 and not text[_line_start(text, line_start - 1) : line_start].strip()


def _header_comment(raw: str) -> str:
    """The comment beside `|` or `>`, which is a part of the scalar's token."""
    header = _BLOCK_HEADER.match(_BREAK.split(raw, maxsplit=1)[0])
    return (header[1] or "").rstrip() if header else ""


class _Reader:
    """Puts the tree together from the parser's events. It descends by recursion: the loader's 64 levels at most."""

    def __init__(self, text: str, parser: type[Any]) -> None:
        self._text = text
        self._tokens = _tokens(text, parser)
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=parser)
        self._pending: list[_Comment] = []
        self._anchors: dict[str, Leaf | Group] = {}
        self._last: Slot | None = None
        """What a comment beside something belongs to."""

    def read(self) -> Text:
        preamble = self._preamble()
        event = next(self._events)
        while isinstance(event, (yaml.StreamStartEvent, yaml.DocumentStartEvent)):
            event = next(self._events)
        self._advance(event)
        root = self._node(event, parent_column=-1)
        self._advance(None)
        if isinstance(root, Group):
            root.end += self._lines()
            _modeline_to_head(root)
        return Text(root, preamble, self._tokens.marker >= 0)

    def _preamble(self) -> Lines:
        """The lines above `---`; their comments are done with."""
        marker = self._tokens.marker
        while self._tokens.comments and self._tokens.comments[0].index < marker:
            self._tokens.comments.popleft()
        lines = [line.rstrip() for line in _BREAK.split(self._text[: max(marker, 0)])]
        kept = [line for number, line in enumerate(lines) if line or (number > 0 and lines[number - 1])]
        return _without_blank_ends(kept)

    def _node(self, event: yaml.Event, parent_column: int) -> Node:
        match event:
            case yaml.ScalarEvent():
                return self._named(self._leaf(event), event)
            case yaml.AliasEvent():
                return Alias(self._anchors[event.anchor or ""])
            case yaml.CollectionStartEvent():
                return self._named(self._group(event, parent_column), event)
            case _:
                raise AssertionError(f"no value begins with {event}")

    def _leaf(self, event: yaml.ScalarEvent) -> Leaf:
        # A value that is not written has no token. It is plain, and no other value is both empty and plain.
        style = event.style if event.style in ("'", '"', "|", ">") else ""
        raw = self._tokens.scalars.popleft() if event.value or style else ""
        header = _header_comment(raw) if style in ("|", ">") else ""
        if header and self._last is not None:
            _put_beside(self._last, header, 0)
        return Leaf(event.value, style, raw, event.anchor or "")

    def _group(self, event: yaml.CollectionStartEvent, parent_column: int) -> Group:
        group = Group(isinstance(event, yaml.MappingStartEvent), bool(event.flow_style), event.anchor or "")
        owner = self._last
        column = -1 if group.mapping else _dash_column(self._text, event)
        while not isinstance(inner := next(self._events), yaml.CollectionEndEvent):
            self._advance(inner)
            if column < 0:
                column = _place(inner)[1] - 1
            group.slots.append(self._slot(inner, group, column))
        self._advance(inner)
        # A list that is not indented: what stands at its column belongs to the next key.
        group.end += self._lines(0 if group.flow else max(column, parent_column + 1))
        self._last = owner
        return group

    def _slot(self, event: yaml.Event, group: Group, column: int) -> Slot:
        above = self._lines(below=event, first=not group.slots)
        if not group.slots:
            group.head, above = _split_head(above)
        self._last = slot = Slot(before=above)
        if group.mapping and isinstance(event, yaml.ScalarEvent):
            slot.key = self._leaf(event)
            # An anchor at a key leads nowhere: the loader takes no alias for it.
            slot.key.anchor = ""
            event = next(self._events)
            self._advance(event)
            if not (isinstance(event, yaml.CollectionStartEvent) and not event.flow_style):
                slot.before += filter(None, self._lines())  # else they are its first entry's
        slot.value = self._node(event, column if group.mapping else -1)
        self._last = slot
        return slot

    def _named(self, node: Leaf | Group, event: yaml.NodeEvent) -> Leaf | Group:
        if node.anchor:
            if node.anchor in self._anchors:
                raise AnchorTwice(node.anchor, *_place(event))
            self._anchors[node.anchor] = node
        return node

    # Comments

    def _advance(self, event: yaml.Event | None) -> None:
        """Comments before an event (None: all) go to what they stand beside, or wait for what they stand above."""
        comments = self._tokens.comments
        limit = len(self._text) + 1 if event is None else _index(event)
        while comments and comments[0].index < limit:
            comment = comments.popleft()
            if comment.alone or self._last is None:
                self._pending.append(comment)
            else:
                _put_beside(self._last, comment.text, comment.column)

    def _lines(self, column: int = 0, *, below: yaml.Event | None = None, first: bool = False) -> Lines:
        """
        The comments that wait, down to the first that stands left of `column`; they wait no longer.

        `below` is what they stand above: blank lines between them and it count, and those above them unless it is the
        first of its block.
        """
        count = 0
        while count < len(self._pending) and self._pending[count].column >= column:
            count += 1
        lines: Lines = []
        for comment in self._pending[:count]:
            lines += ["", comment.text] if comment.blank_above else [comment.text]
        del self._pending[:count]
        if below is not None:
            lines += self._blank_above(below)
        return lines[1:] if first and lines[:1] == [""] else lines

    def _blank_above(self, event: yaml.Event) -> Lines:
        index = _index(event)
        start = _line_start(self._text, index)
        begins_its_line = not self._text[start:index].strip(" -")
        return [""] if begins_its_line and _is_blank_above(self._text, start) else []


def _index(event: yaml.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _dash_column(text: str, event: yaml.CollectionStartEvent) -> int:
    """Where the dashes of a list stand, counted from 0. The event begins at an anchor, and ends at or after a dash."""
    mark = event.end_mark
    if mark is None or event.flow_style:
        return 0
    return mark.column - 1 if text[mark.index : mark.index + 1] != "-" else mark.column


def _put_beside(slot: Slot, text: str, column: int) -> None:
    """One comment has room beside an entry; those that were there before go above it."""
    if slot.beside:
        slot.before.append(slot.beside)
    slot.beside, slot.column = text, column


def _split_head(lines: Lines) -> tuple[Lines, Lines]:
    """What stands above the first entry: what belongs to the whole block, and what belongs to the entry it touches."""
    last = max((number for number, line in enumerate(lines) if not line), default=-1)
    return lines[: last + 1], lines[last + 1 :]


def _modeline_to_head(root: Group) -> None:
    """The line that tells editors the schema stays above everything, whatever entry it touches."""
    above = root.slots[0].before if root.slots else []
    last = max((number for number, line in enumerate(above) if _MODELINE.match(line)), default=-1)
    root.head += above[: last + 1]
    del above[: last + 1]


def _without_blank_ends(lines: Lines) -> Lines:
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines

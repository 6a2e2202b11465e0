"""
YAML text to a tree in which every key and value knows its line and column.

What is read is YAML 1.2 with the core schema and nothing that runs or copies: `no`, `on`, `1_000` and dates stay
text, tags and merge keys are refused, duplicate keys are refused, keys are names and therefore always text. Aliases
are followed within a cap.

libyaml does the parsing, for speed; PyYAML's own parser takes its place where libyaml is missing. The tree is put
together here from the parser's events and not by `yaml.compose`, for two reasons: compose descends by recursion in C
and 200 KB of `- - - -` end the process with a segmentation fault [ran, PyYAML 6.0.3], and it resolves every scalar by
YAML 1.1 first, which takes longer than all of this.

Limits, each per file: 5 MiB, 64 levels, 100,000 nodes added by aliases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from hveadmin.config.problems import Problem
from hveadmin.domain.desired import SourceSpan

MAX_BYTES = 5 * 1024 * 1024
MAX_DEPTH = 64
MAX_ALIASED_NODES = 100_000

Value: TypeAlias = bool | int | float | str | None
Plain: TypeAlias = "Value | list[Plain] | dict[str, Plain]"
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. Lines and columns count from 1."""

    value: Value
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list. `damaged` says that something was taken out of it or of what it holds."""

    items: tuple[Node, ...]
    line: int
    column: int
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value."""

    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping, in the order it was written. `damaged` as in Sequence."""

    entries: Mapping[str, Entry]
    line: int
    column: int
    damaged: bool = False


Node: TypeAlias = Scalar | Sequence | Table


@dataclass(frozen=True, slots=True)
class Document:
    """One file that was read. `root` is None where it holds nothing, or nothing that can be read."""

    file: str
    family: str
    """CFG or PRF: the first letters of its problems' codes."""
    lines: tuple[str, ...]
    root: Node | None
    hidden: Mapping[int, int] = field(default_factory=dict)
    """Line to column: from there on the line holds a secret and is not shown."""

    def span(self, node: Node) -> SourceSpan:
        """Where a node begins."""
        return SourceSpan(self.file, node.line, node.column)

    def problem(self, code: str, line: int, column: int, path: str, message: str, suggestion: str = "") -> Problem:
        """A problem at a place of this document. `code` is its number, such as 003."""
        span = SourceSpan(self.file, line, column)
        return Problem(f"{self.family}{code}", span, path, message, suggestion, self._shown(line))

    def hides(self, node: Node) -> bool:
        """Whether a node lies where the file is not shown."""
        return node.column >= self.hidden.get(node.line, node.column + 1)

    def _shown(self, line: int) -> str:
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        if line in self.hidden:
            return f"{text[: self.hidden[line] - 1]}(hidden)"
        return text


def read_document(
    data: bytes, file: str, *, family: str = "CFG", secretive: bool = False, parser: type[Any] | None = None
) -> tuple[Document, tuple[Problem, ...]]:
    """
    The tree of a file, and what is wrong with it as YAML.

    Where the problems leave something to read, the tree holds it, so that everything else that is wrong can be found
    in the same run. With `secretive`, values of keys that sound like a secret never get into a problem. `parser` is
    one of PyYAML's loaders; None takes libyaml's where there is one.
    """
    if len(data) > MAX_BYTES:
        blank = Document(file, family, (), None)
        message = f"the file is too large: {len(data):,} bytes, at most {MAX_BYTES:,} are read; split it with include"
        return blank, (blank.problem("001", 1, 1, "", message),)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _not_utf8(data, error.start, file, family, secretive)
    composer = _Composer(text, secretive, parser or _LIBYAML_OR_PYTHON)
    composer.run()
    lines = () if secretive and composer.stopped else tuple(_BREAK.split(text))
    document = Document(file, family, lines, composer.root, composer.hidden)
    return document, tuple(
        document.problem(each.code, each.line, each.column, each.path, each.message) for each in composer.objections
    )


def plain(node: Node) -> Plain:
    """The tree as the dicts, lists and values it stands for."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Table():
            return {key: plain(entry.value) for key, entry in node.entries.items()}


def without(node: Node, paths: frozenset[Path]) -> Node:
    """The tree without what lies at these paths. What something was taken out of is marked as damaged."""
    inside: dict[str | int, set[Path]] = {}
    for path in paths:
        inside.setdefault(path[0], set()).add(path[1:])
    match node:
        case Sequence():
            items = [_pruned(item, inside.get(number)) for number, item in enumerate(node.items)]
            return Sequence(tuple(item for item in items if item is not None), node.line, node.column, damaged=True)
        case Table():
            entries = {
                key: Entry(entry.key, kept)
                for key, entry in node.entries.items()
                if (kept := _pruned(entry.value, inside.get(key))) is not None
            }
            return Table(entries, node.line, node.column, damaged=True)
        case Scalar():
            return node


def _pruned(node: Node, paths: set[Path] | None) -> Node | None:
    if paths is None:
        return node
    return None if () in paths else without(node, frozenset(paths))


def path_text(path: Path) -> str:
    """`policy.waivers[0].expires`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


_LIBYAML_OR_PYTHON: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What libyaml counts as the end of a line.
_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_UNREADABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SOUNDS_SECRET = re.compile(r"secret|passw|passphrase|pwd|token|credential|(?:^|[_-])key$|^proxy$", re.IGNORECASE)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_SPECIAL_FIRST = frozenset("~nNtTfF-+.0123456789")
_LONGEST_NUMBER = 40
"""A longer row of digits stays text: nobody means a number, and Python takes its time for one."""


def resolve(text: str) -> Value:
    """An unquoted scalar by the core schema of YAML 1.2."""
    if text and text[0] not in _SPECIAL_FIRST:
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _not_utf8(data: bytes, at: int, file: str, family: str, secretive: bool) -> tuple[Document, tuple[Problem, ...]]:
    before = _BREAK.split(data[:at].decode("utf-8-sig"))
    document = Document(file, family, () if secretive else (*before[:-1], before[-1] + "�"), None)
    message = f"the file is not UTF-8: byte 0x{data[at]:02x} at offset {at}"
    return document, (document.problem("001", len(before), len(before[-1]) + 1, "", message),)


@dataclass(frozen=True, slots=True)
class _Objection:
    code: str
    line: int
    column: int
    path: str
    message: str


class _Stop(Exception):
    """Nothing after this can be read."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is still being read."""

    line: int
    column: int
    anchor: str | None
    secret: bool
    items: list[Node] | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    key: Scalar | None = None
    dropped: bool = False
    """The value that comes next belongs to a key that was refused."""
    nodes: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class _Anchored:
    node: Node
    nodes: int
    height: int


class _Composer:
    """Puts the tree together from the parser's events, without recursion."""

    def __init__(self, text: str, secretive: bool, parser: type[Any]) -> None:
        self.root: Node | None = None
        self.objections: list[_Objection] = []
        self.hidden: dict[int, int] = {}
        self.stopped = False
        self._text = text
        self._secretive = secretive
        self._parser = parser
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._aliased = 0
        self._documents = 0

    def run(self) -> None:
        """Read everything, or up to the first thing after which nothing can be read."""
        try:
            self._refuse_unreadable()
            for event in yaml.parse(self._text, Loader=self._parser):
                self._take(event)
        except _Stop as stop:
            self.objections.append(_Objection("001", stop.line, stop.column, "", stop.message))
            self.root = None
            self.stopped = True
        except yaml.YAMLError as error:
            self.objections.append(self._syntax_error(error))
            self.root = None
            self.stopped = True

    def _refuse_unreadable(self) -> None:
        found = _UNREADABLE.search(self._text)
        if found:
            before = _BREAK.split(self._text[: found.start()])
            raise _Stop(len(before), len(before[-1]) + 1, f"the character U+{ord(found[0]):04X} is not allowed in YAML")

    def _syntax_error(self, error: yaml.YAMLError) -> _Objection:
        # The parser's words may quote the text, which may be a secret.
        said = "" if self._secretive else str(getattr(error, "problem", None) or "")
        context = "" if self._secretive else str(getattr(error, "context", None) or "")
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = ", ".join(part for part in (context, said) if part) or "this cannot be read as YAML"
        if "alias" in context:
            message += "; text that begins with * needs quotes"
        return _Objection("001", line, column, "", message)

    def _take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._open(event, None)
            case yaml.SequenceStartEvent():
                self._open(event, [])
            case yaml.CollectionEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _Stop(*_at(event), "a second document begins here; a file holds one")
            case _:
                pass  # the beginning and the end of the stream, and of the document

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        line, column = _at(event)
        frame = self._stack[-1] if self._stack else None
        self._refuse_tag(event)
        if frame is not None and frame.items is None and frame.key is None:
            self._begin_entry(frame, Scalar(event.value, line, column), merge=event.implicit[0])
            return
        if self._in_secret(frame):
            self._hide(line, column, event.end_mark.line + 1 if event.end_mark else line)
        scalar = Scalar(resolve(event.value) if event.implicit[0] else event.value, line, column)
        self._add(scalar, event.anchor, 1, 1)

    def _begin_entry(self, frame: _Frame, key: Scalar, *, merge: bool) -> None:
        name = str(key.value)
        frame.key = key
        if frame.secret:
            self._hide(key.line, key.column, key.line)
        if merge and name == "<<":
            frame.dropped = True
            self._object("001", key, "merge keys (<<) are not read; use sets, or write it out")
        elif name in frame.entries:
            frame.dropped = True
            first = frame.entries[name].key
            # A key under something secret may be the secret itself: {secret: {hunter2}}.
            shown = "a key" if frame.secret else f"key {name!r}"
            self._object("002", key, f"{shown} is given twice; first at {first.line}:{first.column}")

    def _open(self, event: yaml.CollectionStartEvent, items: list[Node] | None) -> None:
        line, column = _at(event)
        self._refuse_tag(event)
        parent = self._stack[-1] if self._stack else None
        if parent is not None and parent.items is None and parent.key is None:
            raise _Stop(line, column, "a key must be text, not a list or a mapping")
        if len(self._stack) >= MAX_DEPTH:
            raise _Stop(line, column, f"nested too deeply: more than {MAX_DEPTH} levels")
        # Nearer to the root the keys are names that people choose, such as a profile called token-broker.
        secret = self._in_secret(parent) and len(self._stack) > 2
        self._stack.append(_Frame(line, column, event.anchor, secret, items))

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.items is None:
            node: Node = Table(frame.entries, frame.line, frame.column)
        else:
            node = Sequence(tuple(frame.items), frame.line, frame.column)
        self._add(node, frame.anchor, frame.nodes, frame.height)

    def _alias(self, event: yaml.AliasEvent) -> None:
        line, column = _at(event)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.items is None and frame.key is None:
            raise _Stop(line, column, "a key must be text, not an alias")
        target = self._anchors.get(event.anchor or "")
        if target is None:
            raise _Stop(line, column, "this alias has no anchor before it; text that begins with * needs quotes")
        self._aliased += target.nodes
        if self._aliased > MAX_ALIASED_NODES:
            raise _Stop(line, column, f"aliases add more than {MAX_ALIASED_NODES:,} nodes")
        if len(self._stack) + target.height > MAX_DEPTH:
            raise _Stop(line, column, f"nested too deeply: more than {MAX_DEPTH} levels")
        if self._in_secret(frame) and isinstance(target.node, Scalar):
            self._hide(target.node.line, target.node.column, target.node.line)
        self._add(target.node, None, target.nodes, target.height)

    def _add(self, node: Node, anchor: str | None, nodes: int, height: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = _Anchored(node, nodes, height)
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        frame.nodes += nodes
        frame.height = max(frame.height, height + 1)
        if frame.items is not None:
            frame.items.append(node)
            return
        if frame.key is not None and not frame.dropped:
            frame.entries[str(frame.key.value)] = Entry(frame.key, node)
        frame.key = None
        frame.dropped = False

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            said = "" if self._secretive else f" ({event.tag})"
            message = f"tags{said} are not read; quote what is meant as text"
            self._object("001", Scalar(None, *_at(event)), message)

    def _object(self, code: str, at: Scalar, message: str) -> None:
        steps: list[str | int] = []
        for frame in self._stack:
            if frame.items is not None:
                steps.append(len(frame.items))
            elif frame.secret:
                break
            elif frame.key is not None:
                steps.append(str(frame.key.value))
        self.objections.append(_Objection(code, at.line, at.column, path_text(tuple(steps)), message))

    def _in_secret(self, frame: _Frame | None) -> bool:
        if frame is None or not self._secretive:
            return False
        return frame.secret or (frame.key is not None and bool(_SOUNDS_SECRET.search(str(frame.key.value))))

    def _hide(self, line: int, column: int, last_line: int) -> None:
        self.hidden[line] = min(column, self.hidden.get(line, column))
        for following in range(line + 1, last_line + 1):
            self.hidden[following] = 1


def _at(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)

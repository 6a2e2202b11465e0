"""
A tree with its comments to YAML text.

    indentation 2, also of lists below their key; one blank after `:` and `,`, none inside brackets
    a flow mapping or list stays one where it fits into 120 columns and holds no comment; else it becomes a block
    a block stays a block
    text keeps the quotes it has; text that went over several lines without | or > stands on one
    a comment beside something keeps its column where there is room, else stands two blanks after it

Text is never written in a form that reads as something else: what is in doubt is held against the parser, and quoted
where the two differ.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import yaml

from hveadmin.config.commented import Alias, Group, Leaf, Lines, Node, Slot, Text, meant

WIDTH = 120
"""Columns that a flow mapping or list may reach; what people read side by side is no wider."""

_STEP = 2
# The two differ at tabs and at ? in brackets, and whoever reads the file next may have either.
_PARSERS = {yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)}
_WORDS = re.compile(r"\w[\w@.+-]*(?: \w[\w@.+-]*)*", re.ASCII)
_BREAK = re.compile("[\n\u2028\u2029]")
_HEADER = re.compile(r"([|>])([+-]?)[ \t]*(?:#.*)?")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def text_of(tree: Text) -> str:
    """The file's text, with a line end at its end."""
    lines: Lines = [*tree.preamble, "---"] if tree.marked else []
    root = meant(tree.root)
    lines += _block(root, 0) if isinstance(root, Group) else [_inline(root, flow=False)]
    return "\n".join(lines) + "\n"


def _block(group: Group, indent: int) -> Lines:
    """The lines of a block. Nothing is in front of its first entry's blank lines."""
    blanks = " " * indent
    lines = [blanks + line if line else "" for line in group.head]
    for slot in group.slots:
        above, entry = _slot(slot, indent, group)
        lines += [blanks + line if line else "" for line in above]
        lines += entry
    lines += [blanks + line if line else "" for line in group.end]
    return lines


def _slot(slot: Slot, indent: int, parent: Group) -> tuple[Lines, Lines]:
    """The comments above an entry of a block, and the entry's own lines."""
    start = " " * indent + (f"{_key(slot.key, flow=False)}:" if slot.key else "-")
    value = slot.value
    flow = _flow(value, inside=False)
    match value:
        case Group(slots=[]):
            return [*slot.before, *filter(None, value.head + value.end)], [
                _with_comment(f"{start} {flow}", slot, parent)
            ]
        case Group() if flow is None or len(f"{start} {flow}") > WIDTH:
            return _slot_of_block(slot, value, start, indent, parent)
        case Leaf(style="|" | ">"):
            header, body = _scalar_block(value, indent + _STEP)
            return slot.before, [_with_comment(f"{start} {_anchor(value)}{header}", slot, parent), *body]
        case _:
            return slot.before, [_with_comment(f"{start} {flow}", slot, parent)]


def _slot_of_block(slot: Slot, group: Group, start: str, indent: int, parent: Group) -> tuple[Lines, Lines]:
    if parent.mapping or group.anchor:
        line = _with_comment(f"{start} {_anchor(group)}".rstrip(), slot, parent, group)
        return slot.before, [line, *_block(group, indent + _STEP)]
    # `- key: value`: there is no room for a comment between the dash and the first key.
    above, entry = _slot(group.slots[0], indent + _STEP, group)
    rest = Group(group.mapping, group.flow, slots=group.slots[1:], end=group.end)
    first = f"{start} {entry[0].lstrip()}"
    comments = filter(None, [slot.beside, *group.head, *above])
    return [*slot.before, *comments], [first, *entry[1:], *_block(rest, indent + _STEP)]


def _with_comment(line: str, slot: Slot, *broken_up: Group) -> str:
    """A line with the comment beside it. Where brackets were broken up, its column means nothing any more."""
    if not slot.beside:
        return line
    column = 0 if slot.column > WIDTH or any(group.flow for group in broken_up) else slot.column
    return f"{line.ljust(column - 2)}  {slot.beside}"


def _anchor(node: Leaf | Group) -> str:
    return f"&{node.anchor} " if node.anchor else ""


# On one line


def _flow(node: Node, *, inside: bool) -> str | None:
    """A value on one line, `inside` brackets or not; None where it cannot be, or is a block."""
    match node:
        case Alias(target=target):
            return f"*{target.anchor}"
        case Leaf(style="|" | ">"):
            return None
        case Leaf():
            return _anchor(node) + _inline(node, flow=inside)
        case Group():
            return _flow_group(node)


def _flow_group(group: Group) -> str | None:
    if group.slots and (not group.flow or group.head or group.end or any(map(_has_comment, group.slots))):
        return None
    parts: Lines = []
    for slot in group.slots:
        text = _flow(slot.value, inside=True)
        if text is None:
            return None
        parts.append(text if slot.key is None else f"{_key(slot.key, flow=True)}: {text}")
    inside = ", ".join(parts)
    return _anchor(group) + (f"{{{inside}}}" if group.mapping else f"[{inside}]")


def _has_comment(slot: Slot) -> bool:
    return bool(slot.beside) or any(slot.before)


def _inline(leaf: Leaf, *, flow: bool) -> str:
    if leaf.style in ("'", '"') and not _BREAK.search(leaf.raw):
        return leaf.raw
    if leaf.style == "" and not leaf.value:
        return "null"
    plain = leaf.style in ("", "new") and _reads_as(leaf.value, "[{}]" if flow else "k: {}")
    return leaf.value if plain else quoted(leaf.value)


def _key(leaf: Leaf, *, flow: bool) -> str:
    if leaf.style in ("'", '"') and not _BREAK.search(leaf.raw):
        return leaf.raw
    plain = leaf.style in ("", "new") and _reads_as(leaf.value, "{{{}: v}}" if flow else "{}: v")
    return leaf.value if plain else quoted(leaf.value)


@lru_cache(maxsize=10_000)
def _reads_as(value: str, template: str) -> bool:
    """Whether a text without quotes is read as itself in a place of this kind."""
    if _WORDS.fullmatch(value):
        return True
    if not value or _BREAK.search(value):
        return False
    # k or v, the value, and nothing more: the braces and the document around them are events too.
    expected = (1, 7) if template == "[{}]" else (2, 8)
    for parser in _PARSERS:
        try:
            events = list(yaml.parse(template.format(value), Loader=parser))
        except yaml.YAMLError:
            return False
        scalars = [each for each in events if isinstance(each, yaml.ScalarEvent)]
        same = any(each.value == value and each.implicit[0] for each in scalars)
        if not same or (len(scalars), len(events)) != expected:
            return False
    return True


def quoted(value: str) -> str:
    """Text in double quotes, on one line, with everything that does not print as an escape."""
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    return f"\\U{ord(character):08X}" if ord(character) > 0xFFFF else f"\\u{ord(character):04X}"


# | and >


def _scalar_block(leaf: Leaf, indent: int) -> tuple[str, Lines]:
    """The header and the lines of a | or > scalar; in quotes, and without lines, where it cannot be moved."""
    first, *rest = leaf.raw.split("\n")
    header = _HEADER.fullmatch(first.rstrip())
    if header is not None and not _BREAK.search("".join(rest)):
        body = _dedented(rest)
        for sign in dict.fromkeys((header[2], "-", "")):
            if sign != "+" and _block_reads_as(leaf.value, header[1] + sign, body):
                return header[1] + sign, [" " * indent + line if line else "" for line in body]
    return quoted(leaf.value), []


def _dedented(lines: Lines) -> Lines:
    written = next((line for line in lines if line.strip()), "")
    width = len(written) - len(written.lstrip(" "))
    body = [line[width:] for line in lines]
    while body and not body[-1]:
        body.pop()
    return body


def _block_reads_as(value: str, header: str, body: Lines) -> bool:
    text = f"k: {header}\n" + "".join(f"  {line}\n" if line else "\n" for line in body)
    return all(_value_of_k(text, parser) == value for parser in _PARSERS)


def _value_of_k(text: str, parser: type[Any]) -> str | None:
    try:
        events = list(yaml.parse(text, Loader=parser))
    except yaml.YAMLError:
        return None
    scalars = [each.value for each in events if isinstance(each, yaml.ScalarEvent)]
    return scalars[1] if len(scalars) == 2 else None

"""
What PowerShell returns, as plain records.

Two libraries read CLIXML here, and the same object looks different in each. pypsrp makes a complex object with its
adapted and its extended properties apart, and keeps what it does not know as raw XML text, a list of an unknown type
among it. psrpcore makes subclasses of Python's own types that carry PowerShell's properties besides. Both are taken by
their looks, so that neither is imported here, and come out the same.

What cannot be read stays something that is no id: it never becomes an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from queue import Empty, Queue
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_COLLECTIONS = frozenset({"LST", "IE", "STK", "QUE"})
_GUID_KEYS = frozenset({"Guid", "Value"})
# Where the text of an object in a collection is, first match wins: its value, its own id, what it is called. Other
# GUIDs among its properties are somebody else's.
_ITS_OWN = ("./G", *(f"./{bag}/*[@N='{key}']" for bag in ("Props", "MS") for key in sorted(_GUID_KEYS)), "./ToString")


def record(value: object) -> Mapping[str, object] | None:
    """An object's properties, plain; None for what is no object with properties."""
    properties = _properties(value)
    return {name: plain(each) for name, each in properties.items()} if properties else None


def plain(value: object) -> object:
    """
    A value as JSON would have it: None, bool, number, text, list or mapping.

    GUIDs are text in lower case, times ISO 8601. Enums, and objects that are named by their text, are that text.
    """
    match value:
        case None | bool():
            return value
        case UUID():
            return str(UUID(int=value.int))
        case datetime():
            return value.isoformat()
        case str():
            return "".join(value)
        case int() | float() | Decimal():
            return _number(value)
        case Queue():
            return [plain(each) for each in _drained(value)]
        case list() | tuple():
            return [plain(each) for each in value]
        case Mapping():
            return {str(plain(key)): plain(each) for key, each in value.items()}
        case _:
            return _object(value)


def _number(value: Any) -> object:
    """A number, or the name of an enum's value: that is sent as a number that has a text of its own."""
    named = getattr(getattr(value, "PSObject", None), "_to_string", None)
    if isinstance(named, str) and named:
        return "".join(named)
    if isinstance(value, int):
        return int(value)
    return float(value)


def _drained(queue: Queue[Any]) -> Iterator[object]:
    while True:
        try:
            yield queue.get_nowait()
        except Empty:
            return


def _object(value: object) -> object:
    """What has properties, a text of its own, or something inside that a library kept as it came."""
    inside = _inside(value)
    if isinstance(inside, list):
        return inside
    properties, text = _properties(value), _text(value)
    # With an id inside it is an id, however its text looks; else its text is what the REST API has in its place [G].
    if properties and (text is None or not _GUID_KEYS.isdisjoint(properties)):
        return {name: plain(each) for name, each in properties.items()}
    if text is not None:
        return text
    return inside if inside is not None else {}


def _properties(value: object) -> dict[str, object]:
    """Its type's own properties and those that were added to it, together."""
    if isinstance(value, str | int | float | list | tuple | dict):
        # They can carry properties as well: a text with a note on it is still a text.
        return {}
    adapted, extended = getattr(value, "adapted_properties", None), getattr(value, "extended_properties", None)
    if isinstance(adapted, dict) and isinstance(extended, dict):
        return {**adapted, **extended}
    meta = getattr(value, "PSObject", None)
    if meta is None:
        return {}
    return {each.name: each.get_value(value) for each in (*meta.adapted_properties, *meta.extended_properties)}


def _text(value: object) -> str | None:
    text = getattr(value, "to_string", None) if hasattr(value, "property_sets") else _to_string(value)
    return "".join(text) if isinstance(text, str) else None


def _to_string(value: object) -> object:
    return getattr(getattr(value, "PSObject", None), "to_string", None)


def _inside(value: object) -> object:
    """What a complex object wraps: a list for a collection of whatever type, else a value, else None."""
    wrapped = getattr(value, "property_sets", None)
    if not isinstance(wrapped, list) or len(wrapped) == 0:
        return None
    first = wrapped[0]
    if isinstance(first, str) and first.startswith("<"):
        return _from_xml(first)
    return plain(first)


def _from_xml(text: str) -> object:
    """A collection that pypsrp handed over as XML text; the text itself where it is something else."""
    if "<!" in text:
        return text
    try:
        element = ElementTree.fromstring(text)  # noqa: S314 — a part of what the library has parsed already
    except ElementTree.ParseError:
        return text
    return [_element(each) for each in element] if element.tag in _COLLECTIONS else text


def _element(element: ElementTree.Element) -> object:
    """One entry of such a collection; what is neither a text, a GUID nor nothing stays the XML that it is."""
    match element.tag:
        case "S":
            return _unescaped(element.text or "")
        case "G":
            return (element.text or "").strip().lower()
        case "Nil":
            return None
        case _:
            return _named(element) or ElementTree.tostring(element, encoding="unicode")


def _named(element: ElementTree.Element) -> str:
    """The text of an object in a collection: its id, where it has one, else what it is called. Empty for a list."""
    if any(each.tag in _COLLECTIONS for each in element):
        return ""
    found = next((each for path in _ITS_OWN if (each := element.find(path)) is not None), None)
    return "" if found is None else _unescaped((found.text or "").strip())


def _unescaped(text: str) -> str:
    """CLIXML's `_x000A_` as the character; pairs of them make one character outside the basic plane."""
    units = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

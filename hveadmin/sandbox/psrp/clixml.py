"""
Objects as CLIXML [D: MS-PSRP 2.2.5].

A writer of our own, for what cmdlets return: psrpcore has one too, but so has hveadmin's client for stdio the same, and
a mistake that both sides share would go unseen. Error records and the protocol's own messages are psrpcore's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID
from xml.sax.saxutils import escape

Plain = str | bool | int | UUID | datetime | None


@dataclass(frozen=True, slots=True)
class NetList:
    """A list or an array, with its .NET type's names, most derived first."""

    types: Sequence[str]
    items: Sequence[Plain]


@dataclass(frozen=True, slots=True)
class NetObject:
    """An object with properties; `adapted` ones are its type's own, others were added to it."""

    types: Sequence[str]
    properties: Mapping[str, Plain | NetList]
    adapted: bool = False


# Controls and halves of surrogate pairs, which XML cannot hold, and an underscore that would look like their escape.
_ESCAPED = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff\U00010000-\U0010ffff]|_(?=[xX])")


def write(value: NetObject) -> str:
    """An object as CLIXML."""
    kind = "Props" if value.adapted else "MS"
    references = iter(range(1, len(value.properties) + 1))
    inside = "".join(
        _list(name, each, next(references)) if isinstance(each, NetList) else _plain(each, f' N="{_attribute(name)}"')
        for name, each in value.properties.items()
    )
    return f'<Obj RefId="0">{_types(value.types, 0)}<{kind}>{inside}</{kind}></Obj>'


def _list(name: str, value: NetList, reference: int) -> str:
    items = "".join(_plain(each) for each in value.items)
    types = _types(value.types, reference)
    return f'<Obj N="{_attribute(name)}" RefId="{reference}">{types}<LST>{items}</LST></Obj>'


def _types(names: Sequence[str], reference: int) -> str:
    # Each object names its types in full. Equal names could be referred to, and need not be.
    return f'<TN RefId="{reference}">' + "".join(f"<T>{escape(name)}</T>" for name in names) + "</TN>"


def _plain(value: Plain, attribute: str = "") -> str:
    match value:
        case None:
            return f"<Nil{attribute} />"
        case bool():
            return f"<B{attribute}>{str(value).lower()}</B>"
        case int():
            return f"<I32{attribute}>{value}</I32>"
        case UUID():
            return f"<G{attribute}>{value}</G>"
        case datetime():
            moment = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
            return f"<DT{attribute}>{moment}</DT>"
        case str():
            return f"<S{attribute}>{escape(escaped(value))}</S>"


def _attribute(name: str) -> str:
    return escape(escaped(name), {'"': "&quot;"})


def escaped(text: str) -> str:
    """Text where each character that CLIXML cannot hold is `_xHHHH_`, one for each UTF-16 unit."""
    return _ESCAPED.sub(_as_units, text)


def _as_units(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"_x{units[at : at + 2].hex().upper()}_" for at in range(0, len(units), 2))

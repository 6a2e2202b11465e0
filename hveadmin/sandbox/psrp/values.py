"""
Values in both directions: records as PowerShell objects, a client's arguments as plain ones.

How the module's objects look on the wire is not documented. `Switches` choose between the shapes that a client must be
able to read: where the properties stand, and what AllowedApps is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psrpcore.types import PSSecureString

from hveadmin.sandbox.cmdlets import Record, Value
from hveadmin.sandbox.faults import Switches
from hveadmin.sandbox.psrp.clixml import NetList, NetObject, Plain

_MSCORLIB = "mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089"
_GUID_TYPE = f"[System.Guid, {_MSCORLIB}]"

# The names of a collection's types, most derived first. An array's elements and a list's are written alike.
_COLLECTIONS = {
    "multi_valued_property": (
        f"Microsoft.Exchange.Data.MultiValuedProperty`1[{_GUID_TYPE}]",
        "Microsoft.Exchange.Data.MultiValuedPropertyBase",
        "System.Object",
    ),
    "object_array": ("System.Object[]", "System.Array", "System.Object"),
    "array_list": ("System.Collections.ArrayList", "System.Object"),
    "guid_array": ("System.Guid[]", "System.Array", "System.Object"),
    "guid_list": (f"System.Collections.Generic.List`1[{_GUID_TYPE}]", "System.Object"),
}
_OF_STRINGS = frozenset({"object_array", "array_list"})
"""Collections of anything hold the ids as text, those of GUIDs hold GUIDs."""


def shown(record: Record, type_name: str, switches: Switches) -> NetObject:
    """A record as an object of this .NET type."""
    properties = {name: _property(name, value, switches) for name, value in record.items()}
    return NetObject((type_name, "System.Object"), properties, adapted=switches.psrp_properties == "adapted")


def _property(name: str, value: Value, switches: Switches) -> Plain | NetList:
    if not isinstance(value, tuple):
        return value
    texts = [str(each) for each in value]
    return _allowed_apps(texts, switches.psrp_allowed_apps) if name == "AllowedApps" else _list("array_list", texts)


def _allowed_apps(ids: Sequence[str], shape: str) -> Plain | NetList:
    """The list in the shape that the switch says."""
    if shape == "null_when_empty":
        return _list("multi_valued_property", ids) if ids else None
    if shape == "single_string":
        # A collection of one is unrolled wherever PowerShell enumerates it.
        return ids[0] if len(ids) == 1 else _list("object_array", ids)
    return _list(shape, ids)


def _list(shape: str, texts: Sequence[str]) -> NetList:
    return NetList(_COLLECTIONS[shape], texts if shape in _OF_STRINGS else [UUID(each) for each in texts])


def plain(value: object) -> object:
    """
    An argument as plain Python: texts, GUIDs as text, numbers, booleans, lists, dictionaries, None.

    A SecureString becomes what PowerShell makes of one where a text is wanted: the name of its type, not its secret.
    """
    match value:
        case None | bool():
            return value
        case PSSecureString():
            return "System.Security.SecureString"
        case UUID():
            return str(value)
        case str():
            return "".join(value)
        case datetime():
            return value.isoformat()
        case int():
            return int(value)
        case Mapping():
            return {str(plain(name)): plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case _:
            return str(value)

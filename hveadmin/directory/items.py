"""
How single properties of Graph's objects are read. Pure.

What a caller may not read is null [D], so that nothing but an id is insisted on here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from hveadmin.domain.ids import Guid, NotAGuid
from hveadmin.domain.tenant import Credential, CredentialKind
from hveadmin.errors import UnreadableReply

Item = Mapping[str, object]
"""One object as Graph wrote it. A caller who may not read its type sees nulls, and only type and id are sure [D]."""


def guid_text(item: Item, name: str) -> str:
    """A GUID of an object, in canonical form. Raises UnreadableReply."""
    try:
        return Guid.parse(text(item, name)).value
    except NotAGuid:
        raise UnreadableReply(f"Graph answered with an object without a readable {name}") from None


def text(item: Item, name: str) -> str:
    """A text, empty where there is none."""
    value = item.get(name)
    return value if isinstance(value, str) else ""


def time(item: Item, name: str) -> datetime | None:
    """A moment; None where there is none that can be read, or that does not say its time zone."""
    try:
        moment = datetime.fromisoformat(text(item, name))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def parts(item: Item, name: str) -> Iterator[Item]:
    """The objects of a list. Raises UnreadableReply where there is no list: that is not an empty one."""
    listed = item.get(name)
    if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
        raise UnreadableReply(f"Graph answered with an object without a readable {name}")
    yield from listed


def credentials(item: Item) -> tuple[Credential, ...] | None:
    """A registration's secrets and certificates, the one that ends last first; None where it does not show both."""
    if item.get("passwordCredentials") is None or item.get("keyCredentials") is None:
        return None
    found = [_credential(each, CredentialKind.SECRET) for each in parts(item, "passwordCredentials")]
    found += [_credential(each, CredentialKind.CERTIFICATE) for each in parts(item, "keyCredentials")]
    last = datetime.max.replace(tzinfo=UTC)
    return tuple(sorted(found, key=lambda each: (each.ends or last, each.key_id), reverse=True))


def _credential(item: Item, kind: CredentialKind) -> Credential:
    """`secretText` and `key` are never looked at; Graph shows the first only once, to whoever made it [D]."""
    return Credential(
        kind=kind,
        key_id=text(item, "keyId").lower(),
        display_name=text(item, "displayName"),
        hint=text(item, "hint"),
        starts=time(item, "startDateTime"),
        ends=time(item, "endDateTime"),
    )

"""
What somebody pasted, before anybody knows what it is (an id, an address, or a name), and what was read to answer it.

Nothing is refused here. Text that is no GUID is a display name, unless it looks like an address: no application has
one, an account does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from hveadmin.domain.ids import Address, Guid, NotAGuid, NotAnAddress, TenantId
from hveadmin.domain.tenant import DirectoryView, HveAccount

_BREAKS = re.compile(r"[,;\r\n]+")
# What surrounds ids in JSON, CSV and PowerShell output.
_AROUND_IDS = "\"'[](){}"
_QUOTED = re.compile(r"\s*([\"'])(.*)\1\s*")


@dataclass(frozen=True, slots=True)
class AskedId:
    """A GUID."""

    id: Guid

    def __str__(self) -> str:
        return self.id.value


@dataclass(frozen=True, slots=True)
class AskedAddress:
    """A mail address."""

    address: Address

    def __str__(self) -> str:
        return self.address.value


@dataclass(frozen=True, slots=True)
class AskedName:
    """Anything else: an application's display name, perhaps."""

    name: str

    def __str__(self) -> str:
        return self.name


Asked = AskedId | AskedAddress | AskedName


def read_asked(text: str) -> Asked:
    """What one argument is. Never fails."""
    try:
        return AskedId(Guid.parse(text))
    except NotAGuid:
        pass
    try:
        return AskedAddress(Address.parse(text))
    except NotAnAddress:
        return AskedName(text.strip())


def asked_in(text: str) -> Iterator[Asked]:
    """
    What a pasted text asks, in its order: separated by lines, commas and semicolons, and ids and addresses by blanks.

    A piece without any id or address is one name, blanks and all: names have blanks more often than not.
    """
    for piece in _BREAKS.split(text):
        words = [read_asked(word) for each in piece.split() if (word := each.strip(_AROUND_IDS))]
        if any(not isinstance(word, AskedName) for word in words):
            yield from words
        elif words:
            yield AskedName(_unquoted(piece))


def _unquoted(piece: str) -> str:
    """A name without blanks around it, and without the quotes that CSV puts there."""
    found = _QUOTED.fullmatch(piece)
    return (found[2] if found is not None else piece).strip()


def once(asked: Iterable[Asked]) -> tuple[Asked, ...]:
    """Each thing once, where it was asked first."""
    return tuple(dict.fromkeys(asked))


@dataclass(frozen=True, slots=True)
class AccountsUnread:
    """The HVE accounts could not be read. Which of them list an id is unknown; `why` is a sentence."""

    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that was read to answer what was asked of one tenant."""

    tenant_id: TenantId
    read_at: datetime
    asked: tuple[Asked, ...]
    directory: DirectoryView
    accounts: tuple[HveAccount, ...] | AccountsUnread | None = None
    """None where they were not to be read."""
    credentials_unread: str = ""
    """Why the credentials of applications that were asked for by their service principal are not known; else empty."""

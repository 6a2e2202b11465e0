"""
Identifiers, parsed once at the border and never mixed up afterwards.

Entra gives one application three GUIDs that look the same: the service principal's object id (the only one an HVE
account's list may hold), the client id, and the app registration's object id. Here they are types of their own, so
that the type checker refuses one where another is meant. `Guid` is a GUID nobody has identified yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from hveadmin.errors import UsageError

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Control characters and blanks never occur in an address; quoted local parts are not offered for mail users.
_ADDRESS = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]{1,255}")


class NotAGuid(UsageError):
    """The text is not a GUID."""


class NotAnAddress(UsageError):
    """The text is not a mail address."""


@dataclass(frozen=True, slots=True, order=True)
class Guid:
    """A GUID in canonical form: lower case, dashes, no braces. What it names is not known yet."""

    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a GUID as people paste it (blanks around it, braces, upper case). Raises NotAGuid."""
        bare = text.strip().lower()
        if bare.startswith("{") and bare.endswith("}"):
            bare = bare[1:-1]
        if not _GUID.fullmatch(bare):
            raise NotAGuid(f"{text!r} is not a GUID", hint="a GUID looks like 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01")
        return cls(bare)

    def __str__(self) -> str:
        return self.value

    @property
    def short(self) -> str:
        """First and last four characters, for tables: `d2a4…0e71`."""
        return f"{self.value[:4]}…{self.value[-4:]}"


@dataclass(frozen=True, slots=True, order=True)
class ObjectId(Guid):
    """
    A service principal's object id (Entra admin centre > Enterprise applications > Object ID).

    What a live list holds is read as this type, because that is what Exchange takes it for; whether the directory
    agrees is for `Identity` to say.
    """


@dataclass(frozen=True, slots=True, order=True)
class ClientId(Guid):
    """An application (client) id: the same in every tenant. Never valid on an HVE account's list."""


EXCHANGE_ONLINE = ClientId("00000002-0000-0ff1-ce00-000000000000")
"""Office 365 Exchange Online, the same in every tenant and cloud [D]."""
MICROSOFT_GRAPH = ClientId("00000003-0000-0000-c000-000000000000")
"""Microsoft Graph, the same in every tenant and cloud [D]."""


@dataclass(frozen=True, slots=True, order=True)
class TenantId(Guid):
    """A tenant's id."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A mail address, compared without regard to case."""

    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address. Raises NotAnAddress."""
        folded = text.strip().casefold()
        if not _ADDRESS.fullmatch(folded):
            raise NotAnAddress(
                f"{text!r} is not a mail address", hint="an account is named like hve-payroll@contoso.com"
            )
        return cls(folded)

    def __str__(self) -> str:
        return self.value

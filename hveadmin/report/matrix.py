"""
Who may send as whom: the accounts of one tenant against the applications on their lists.

Four things can be so of an account and an application, and none of them is a blank: the application may send, it may
not, any application may (the list is empty), or nobody knows (the list could not be read). A matrix of hundreds of
columns is on no sheet of paper, so it comes in blocks of as many columns as fit on one. The same facts are there as
two lists, by account and by application, which are never wider than a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from hveadmin.domain.ids import Address, ObjectId
from hveadmin.domain.planner import what_it_is
from hveadmin.domain.tenant import AllowedApps, Known, TenantSnapshot, Unknown
from hveadmin.report.snapshot import identity_of

SHEET_COLUMNS = 30
"""Applications beside each other that can still be read on A4 or Letter in landscape."""


class Mark(Enum):
    """What is so of one account and one application."""

    MAY = "may send"
    MAY_NOT = "may not send"
    ANY = "any application may send"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sender:
    """An application that stands on some list: a column."""

    id: ObjectId
    name: str = ""
    """The configuration's, else the directory's, which is hostile text; empty where there is none."""
    remark: str = ""
    """What stands against it (`disabled`, `a client id`), as hostile as the name; empty for nothing."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An HVE account: a row."""

    address: Address
    allowed: AllowedApps
    owner: str = ""
    """Who answers for it, where somebody is named."""

    @property
    def is_open(self) -> bool:
        """Known to be empty: any application may send."""
        return isinstance(self.allowed, Known) and self.allowed.is_open

    @property
    def is_unread(self) -> bool:
        """Whether the list could not be read."""
        return isinstance(self.allowed, Unknown)

    @property
    def why_unread(self) -> str:
        """A sentence; empty where the list was read."""
        return self.allowed.why if isinstance(self.allowed, Unknown) else ""

    def mark(self, sender: Sender) -> Mark:
        """What is so of this account and an application."""
        match self.allowed:
            case Unknown():
                return Mark.UNKNOWN
            case Known() if self.allowed.is_open:
                return Mark.ANY
            case Known(apps):
                return Mark.MAY if sender.id in apps else Mark.MAY_NOT


@dataclass(frozen=True, slots=True)
class Block:
    """As much of a matrix as fits on a sheet: some applications, and the restricted accounts that list any of them."""

    mailboxes: tuple[Mailbox, ...]
    senders: tuple[Sender, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """One tenant's accounts and applications, in the order they are shown."""

    tenant: str
    """The alias in the configuration, else what the tenant is called."""
    mailboxes: tuple[Mailbox, ...]
    """By address."""
    senders: tuple[Sender, ...]
    """Every id on any list, by name, the nameless last."""

    @property
    def opened(self) -> tuple[Mailbox, ...]:
        """Accounts through which any application may send."""
        return tuple(each for each in self.mailboxes if each.is_open)

    @property
    def unread(self) -> tuple[Mailbox, ...]:
        """Accounts whose list could not be read."""
        return tuple(each for each in self.mailboxes if each.is_unread)

    @property
    def restricted(self) -> tuple[Mailbox, ...]:
        """Accounts with applications on their list."""
        return tuple(each for each in self.mailboxes if not each.is_open and not each.is_unread)

    @property
    def fits_one_sheet(self) -> bool:
        """Whether all applications stand beside each other on a sheet."""
        return len(self.senders) <= SHEET_COLUMNS

    def senders_of(self, mailbox: Mailbox) -> tuple[Sender, ...]:
        """The applications on one list; none where it is open or unknown, so look at `mailbox` first."""
        return tuple(each for each in self.senders if mailbox.mark(each) is Mark.MAY)

    def mailboxes_of(self, sender: Sender) -> tuple[Mailbox, ...]:
        """The accounts that list an application. Through `opened` it may send besides; of `unread` nobody knows."""
        return tuple(each for each in self.mailboxes if each.mark(sender) is Mark.MAY)

    def blocks(self, columns: int = SHEET_COLUMNS) -> Iterator[Block]:
        """
        The matrix in sheets of at most `columns` applications.

        All restricted accounts are rows if there is one sheet only; of several sheets each has the accounts that list
        any of its applications.
        """
        if len(self.senders) <= columns:
            yield Block(self.restricted, self.senders)
            return
        for first in range(0, len(self.senders), columns):
            senders = self.senders[first : first + columns]
            yield Block(tuple(each for each in self.restricted if _lists_any(each, senders)), senders)


def _lists_any(mailbox: Mailbox, senders: Sequence[Sender]) -> bool:
    return any(mailbox.mark(each) is Mark.MAY for each in senders)


def access_matrix(
    tenant: str,
    snapshot: TenantSnapshot,
    *,
    names: Mapping[ObjectId, str] | None = None,
    remarks: Mapping[ObjectId, str] | None = None,
    owners: Mapping[Address, str] | None = None,
) -> Matrix:
    """
    The matrix of a tenant as it was read.

    `names` are the configuration's for ids that it knows, and come before the directory's; `remarks` come before
    what the directory has against an id; `owners` are the accounts'.
    """
    named, known_remarks, owned = names or {}, remarks or {}, owners or {}
    listed = {app for each in snapshot.accounts if isinstance(each.allowed, Known) for app in each.allowed.apps}
    senders = (
        Sender(
            app,
            named.get(app) or _directory_name(app, snapshot),
            known_remarks.get(app) or what_it_is(identity_of(app, snapshot), snapshot) or "",
        )
        for app in listed
    )
    mailboxes = (Mailbox(each.address, each.allowed, owned.get(each.address, "")) for each in snapshot.accounts)
    return Matrix(
        tenant,
        tuple(sorted(mailboxes, key=lambda each: each.address)),
        tuple(sorted(senders, key=lambda each: (not each.name, each.name.casefold(), each.id))),
    )


def _directory_name(app: ObjectId, snapshot: TenantSnapshot) -> str:
    identity = identity_of(app, snapshot)
    return identity.display_name if identity is not None else ""

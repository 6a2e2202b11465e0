"""
What the inside needs of the outside, as Protocols. Adapters are named for who they talk to, ports for what is needed.

There are two ports for accounts: whoever must not write is handed a reader, and a reader has no method that writes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from hveadmin.domain.ids import Address, Guid, ObjectId, TenantId
from hveadmin.domain.plan import Change, Plan, Step
from hveadmin.domain.tenant import AllowedApps, DirectoryView, Known, ListedAccount


@dataclass(frozen=True, slots=True)
class OpenPermit:
    """Somebody's explicit word that one account may be opened to every application."""

    account: Address
    reason: str
    expires: date | None = None
    """The last day it is meant to be open; None when nobody said."""


class AccountReader(Protocol):
    """Reads HVE accounts and their lists."""

    def list_accounts(self) -> Sequence[ListedAccount]:
        """
        Every HVE account of the tenant, complete.

        Raises ServiceError (or AuthError) rather than return a part.
        """
        ...

    def read_allowed(self, accounts: Collection[Address]) -> Iterator[tuple[Address, AllowedApps]]:
        """
        The list of each account, as they come in, each account exactly once.

        A failure of one account is its `Unknown`; a failure of all of them (nobody signed in) raises.
        """
        ...


class AccountWriter(Protocol):
    """Changes HVE accounts' lists, one call at a time, never twice."""

    def grant(self, account: Address, apps: Collection[ObjectId], *, before: Known | None = None) -> None:
        """
        Add these applications.

        `before` is the list as it was last read: a call that would lead over ten raises Refused and is not sent.
        Raises ServiceError; with `outcome_unknown` when the answer was lost.
        """
        ...

    def revoke(
        self, account: Address, apps: Collection[ObjectId], *, before: Known, permit: OpenPermit | None = None
    ) -> None:
        """
        Remove these applications.

        `before` is the list as it was last read: a call that would leave nothing of it raises Refused and is not
        sent, unless `permit` names this account.
        """
        ...


class Directory(Protocol):
    """Explains ids."""

    def look_up(self, ids: Collection[Guid], names: Collection[str] = ()) -> DirectoryView:
        """
        What each id is, and which service principals bear each name.

        Returns `Unreadable` where the directory cannot be read; raises AuthError where nobody could sign in.
        """
        ...


class TokenSource(Protocol):
    """Gets access tokens for whoever is signed in."""

    def token(self, scope: str, *, claims: str | None = None) -> str:
        """
        An access token for `scope` (https://…/.default), from the cache where it is still good.

        `claims` is the JSON of a claims challenge; it bypasses the cache. Raises AuthError or ConnectFailed.
        """
        ...


class Clock(Protocol):
    """The time, and the passing of it."""

    def now(self) -> datetime:
        """The present, with its time zone (UTC)."""
        ...

    def monotonic(self) -> float:
        """Seconds from some fixed point; for deadlines."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Journal(Protocol):
    """
    Writes down what is tried before it is tried, and what came of it.

    `intent` returns only when the record would survive a crash; an adapter that cannot write raises, and the call
    is then not made.
    """

    def begin(self, plan: Plan, plan_id: str) -> None:
        """A run of this plan begins. Raises Refused where it is known to have been applied already."""
        ...

    def intent(self, change: Change, step: Step) -> None:
        """This call is about to be made."""
        ...

    def result(self, change: Change, step: Step, error: str) -> None:
        """The call returned; `error` is empty where it did so without one."""
        ...

    def read_back(self, change: Change, step: Step, seen: AllowedApps) -> None:
        """What the account's list was when it was read after the call."""
        ...

    def end(self, plan: Plan, outcome: str) -> None:
        """The run is over."""
        ...


Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done and how many there are."""


def no_progress(what: str, done: int, total: int) -> None:
    """Nobody is watching."""


@dataclass(frozen=True, slots=True)
class TenantIdentity:
    """Whom a token was issued for: checked against the plan before the first write."""

    tenant_id: TenantId
    actor: str
    """The signed-in application's or user's name or id, for the plan and the journal."""

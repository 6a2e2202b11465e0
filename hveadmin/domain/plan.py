"""
A plan is data: what can be printed, compared, saved and reviewed before anything happens.

The same `Plan` is shown by `plan`, saved by `plan --out`, shown again by `show` and followed by `apply`, so that
what was approved and what is done cannot drift apart.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hveadmin.domain.desired import Limits, Mode, SourceSpan
from hveadmin.domain.ids import Address, Guid, ObjectId, TenantId
from hveadmin.domain.tenant import Known, TenantSnapshot


class Action(StrEnum):
    """One call's direction."""

    GRANT = "grant"
    REVOKE = "revoke"


class Direction(StrEnum):
    """What a change does to who may send, in words."""

    OPENS = "OPENS"
    """Restricted before, empty after: from then on any application may send."""
    CLOSES = "CLOSES"
    """Empty before, restricted after: today any application may send."""
    STAYS_RESTRICTED = "stays restricted"


@dataclass(frozen=True, slots=True)
class Step:
    """One call: these applications are granted or revoked together."""

    action: Action
    apps: tuple[ObjectId, ...]


@dataclass(frozen=True, slots=True)
class AppLine:
    """One application of a change, with what a reader needs to judge it."""

    action: Action
    app: ObjectId
    label: str
    """The configuration's name, else the directory's display name, else empty."""
    owner: str = ""
    ticket: str = ""
    note: str = ""
    """Why it goes, or what is remarkable: `not in hve.yaml`, `expired 2026-10-31`, `disabled in Entra`."""


@dataclass(frozen=True, slots=True)
class Change:
    """One account's list, before and after, and the calls between."""

    account: Address
    guid: Guid
    mode: Mode
    origin: str
    """`hve.yaml:52`, `selector hve-alert-*` or `command line`."""
    source: SourceSpan | None
    before: frozenset[ObjectId]
    target: frozenset[ObjectId]
    steps: tuple[Step, ...]
    fingerprint: str
    lines: tuple[AppLine, ...] = ()
    reason: str = ""
    """Why an account is opened on purpose, for the permit and for the reader."""

    @property
    def direction(self) -> Direction:
        if len(self.target) == 0:
            return Direction.OPENS
        return Direction.CLOSES if len(self.before) == 0 else Direction.STAYS_RESTRICTED

    @property
    def granted(self) -> frozenset[ObjectId]:
        return self.target - self.before

    @property
    def revoked(self) -> frozenset[ObjectId]:
        return self.before - self.target


@dataclass(frozen=True, slots=True)
class Unplanned:
    """An account that is not planned, and why: it could not be read, or what is declared of it cannot be reached."""

    account: Address
    why: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Settling:
    """What a run of ours left on an account's list, and read back, so lately that it may not show everywhere yet."""

    left: frozenset[ObjectId]
    until: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done in one tenant."""

    tenant: str
    """The alias in the configuration."""
    tenant_id: TenantId
    domain: str
    cloud: str
    read_at: datetime
    changes: tuple[Change, ...]
    """Those that open an account first, then those that close one, then the rest; each by address."""
    as_declared: int
    """Accounts whose list is already right."""
    observed: int
    """Accounts in mode observe, and unmanaged ones that are only reported or ignored."""
    unknown: tuple[Unplanned, ...] = ()
    """Accounts that could not be read. Nothing is written to them and they do not count as right."""
    refused: tuple[Unplanned, ...] = ()
    """Accounts whose declared state must not be reached: it would empty the list, or exceed ten."""
    warnings: tuple[str, ...] = ()
    """What a reader must know: ids not checked, selectors that match nothing, unmanaged or missing accounts."""
    limits: Limits = field(default_factory=Limits)
    accounts_total: int = 0
    grants_total: int = 0
    """Applications on all known lists together, before."""
    open_before: int = 0
    """Open accounts among the known ones."""
    open_after: int = 0

    @property
    def considered(self) -> int:
        """The accounts that it is about; each is in exactly one place."""
        return len(self.changes) + self.as_declared + self.observed + len(self.unknown) + len(self.refused)

    @property
    def grants_added(self) -> int:
        return sum(len(change.granted) for change in self.changes)

    @property
    def grants_removed(self) -> int:
        return sum(len(change.revoked) for change in self.changes)

    @property
    def opened(self) -> tuple[Change, ...]:
        """The changes that leave an account open to every application."""
        return tuple(change for change in self.changes if change.direction is Direction.OPENS)

    def stale(self, snapshot: TenantSnapshot) -> tuple[Unplanned, ...]:
        """
        The accounts whose list is no longer the one this plan was made from, each with what is different.

        An account that cannot be read now is stale too: unknown is not unchanged.
        """
        found: list[Unplanned] = []
        by_address = {account.address: account for account in snapshot.accounts}
        for change in self.changes:
            account = by_address.get(change.account)
            if account is None:
                why = "no longer an HVE account of this tenant"
            elif not isinstance(account.allowed, Known):
                why = f"cannot be read now: {account.allowed.why}"
            elif fingerprint(snapshot.tenant_id, account.guid, account.allowed.apps) == change.fingerprint:
                continue
            elif account.guid != change.guid:
                why = "another account has this address now"
            elif account.allowed.apps == change.target:
                why = "already as planned: the plan was applied before, or somebody did the same"
            else:
                why = "the list was changed since the plan was made"
            found.append(Unplanned(change.account, why, change.origin))
        return tuple(found)


def fingerprint(tenant_id: TenantId, account: Guid, apps: frozenset[ObjectId]) -> str:
    """What a plan is bound to: sha256 over tenant, account and list, the list's order aside."""
    listed = "\n".join(sorted(app.value for app in apps))
    return hashlib.sha256(f"{tenant_id}\n{account}\n{listed}".encode()).hexdigest()

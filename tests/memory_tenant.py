"""A tenant in memory behind the domain's ports: it does what it is told, and goes wrong where a test says so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from builders import NOW, TENANT, address, service_principals

from hveadmin.domain.applied import RunResult
from hveadmin.domain.facts import BasicAuth, Billing
from hveadmin.domain.guard import Permits
from hveadmin.domain.ids import Address, ClientId, Guid, ObjectId, TenantId
from hveadmin.domain.permissions import PermissionView
from hveadmin.domain.plan import Change, Plan, Step
from hveadmin.domain.ports import OpenPermit
from hveadmin.domain.tenant import (
    AllowedApps,
    Credential,
    DirectoryView,
    HveAccount,
    Known,
    ListedAccount,
    ServicePrincipal,
    Unknown,
    Unreadable,
)
from hveadmin.errors import Refused
from hveadmin.workflows.apply import Hands, apply_plan

Fault = Callable[["MemoryTenant", Address], None]


def nothing(tenant: MemoryTenant, account: Address) -> None:
    """No fault."""


@dataclass
class MemoryTenant:
    """Implements AccountReader, AccountWriter and Directory."""

    accounts: Sequence[HveAccount]
    directory: DirectoryView = field(default_factory=lambda: service_principals(*range(40)))
    calls: list[tuple[str, Address, frozenset[ObjectId]]] = field(default_factory=list)
    before_write: dict[int, Fault] = field(default_factory=dict)
    """By the number of the write, from 1: what happens instead of it where it raises."""
    after_write: dict[int, Fault] = field(default_factory=dict)
    ceiling: int = 100

    def __post_init__(self) -> None:
        self.lists: dict[Address, AllowedApps] = {each.address: each.allowed for each in self.accounts}

    def list_accounts(self) -> Sequence[ListedAccount]:
        return [ListedAccount(each.address, each.guid, each.display_name) for each in self.accounts]

    def read_allowed(self, accounts: Collection[Address]) -> Iterator[tuple[Address, AllowedApps]]:
        return ((each, self.lists[each]) for each in accounts)

    def look_up(self, ids: Collection[Guid], names: Collection[str] = ()) -> DirectoryView:
        return self.directory

    def grant(self, account: Address, apps: Collection[ObjectId], *, before: Known | None = None) -> None:
        if before is not None and len(before.apps | frozenset(apps)) > self.ceiling:
            raise Refused("this would lead over the ceiling")
        self._write("grant", account, frozenset(apps))

    def revoke(
        self, account: Address, apps: Collection[ObjectId], *, before: Known, permit: OpenPermit | None = None
    ) -> None:
        if before.apps <= frozenset(apps) and (permit is None or permit.account != account):
            raise Refused("this would open the account")
        self._write("revoke", account, frozenset(apps))

    def _write(self, action: str, account: Address, apps: frozenset[ObjectId]) -> None:
        self.calls.append((action, account, apps))
        number = len(self.calls)
        self.before_write.get(number, nothing)(self, account)
        allowed = self.lists[account]
        assert isinstance(allowed, Known)
        self.lists[account] = Known(allowed.apps | apps if action == "grant" else allowed.apps - apps)
        self.after_write.get(number, nothing)(self, account)

    def holds(self, name: str) -> frozenset[ObjectId] | str:
        allowed = self.lists[address(name)]
        return allowed.why if isinstance(allowed, Unknown) else allowed.apps


@dataclass
class MemoryFacts:
    """Implements PermissionReader, BillingReader, BasicAuthReader and PeopleReader, and remembers what it was asked."""

    permissions: PermissionView = field(default_factory=dict)
    secrets: Mapping[ClientId, tuple[Credential, ...]] | Unreadable = field(default_factory=dict)
    bills: Mapping[Address, Billing | Unknown] | Unreadable = field(default_factory=dict)
    basic: Mapping[Address, BasicAuth | Unknown] | Unreadable = field(default_factory=dict)
    people: Mapping[str, bool] | Unreadable = field(default_factory=dict)
    asked: dict[str, frozenset[object]] = field(default_factory=dict)
    """What each method was asked about last."""

    def mail_permission(self, applications: Collection[ServicePrincipal]) -> PermissionView:
        self.asked["mail_permission"] = frozenset(each.object_id for each in applications)
        return self.permissions

    def credentials(self, clients: Collection[ClientId]) -> Mapping[ClientId, tuple[Credential, ...]] | Unreadable:
        self.asked["credentials"] = frozenset(clients)
        return self.secrets

    def billing(self, accounts: Collection[Address]) -> Mapping[Address, Billing | Unknown] | Unreadable:
        self.asked["billing"] = frozenset(accounts)
        return self.bills

    def basic_auth(self, accounts: Collection[Address]) -> Mapping[Address, BasicAuth | Unknown] | Unreadable:
        self.asked["basic_auth"] = frozenset(accounts)
        return self.basic

    def still_there(self, addresses: Collection[str]) -> Mapping[str, bool] | Unreadable:
        self.asked["still_there"] = frozenset(addresses)
        return self.people


@dataclass
class MemoryJournal:
    """Remembers what it was told, and refuses a plan twice."""

    events: list[str] = field(default_factory=list)
    plans: set[str] = field(default_factory=set)

    def begin(self, plan: Plan, plan_id: str) -> None:
        if plan_id in self.plans:
            raise Refused("applied before")
        self.plans.add(plan_id)

    def intent(self, change: Change, step: Step) -> None:
        self.events.append(f"intent {step.action.value}")

    def result(self, change: Change, step: Step, error: str) -> None:
        self.events.append(f"result {error}".strip())

    def read_back(self, change: Change, step: Step, seen: AllowedApps) -> None:
        self.events.append(f"read {len(seen.apps) if isinstance(seen, Known) else 'unknown'}")

    def end(self, plan: Plan, outcome: str) -> None:
        self.events.append(f"end {outcome}")


@dataclass
class StandingClock:
    """Time stands still until somebody sleeps."""

    at: datetime = NOW
    slept: float = 0.0

    def now(self) -> datetime:
        return self.at + timedelta(seconds=self.slept)

    def monotonic(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


def run(
    plan: Plan,
    tenant: MemoryTenant,
    *,
    journal: MemoryJournal | None = None,
    permits: Permits | None = None,
    skip_stale: bool = False,
    signed_in_to: TenantId = TENANT,
    stop_asked: Callable[[], bool] = lambda: False,
) -> RunResult:
    hands = Hands(tenant, tenant, tenant, journal or MemoryJournal(), StandingClock(), signed_in_to, stop_asked)
    return apply_plan(plan, "plan-1", hands, permits=permits or Permits(), skip_stale=skip_stale)

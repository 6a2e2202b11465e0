"""
check: hold the configuration, and what was read of its tenants, to every rule.

Nothing in here reads or writes: whoever calls hands in the facts, from the tenant or from a snapshot, and the answer is
the same. What could not be read is part of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from hveadmin.domain.desired import ByName, DesiredState, TenantEntry
from hveadmin.domain.facts import Part, TenantFacts
from hveadmin.domain.finding import Finding, Severity, Subject, Verdict
from hveadmin.domain.ids import Address, Guid
from hveadmin.domain.pins import Pins
from hveadmin.domain.plan import Settling
from hveadmin.domain.resolve import entry_for, ids_by_app, resolve_as_far
from hveadmin.domain.tenant import Known
from hveadmin.errors import Outcome
from hveadmin.policy import hve902_account_list_incomplete as incomplete
from hveadmin.policy.engine import (
    ConfigView,
    TenantView,
    WaiverView,
    finding_of,
    in_order,
    parts_needed,
    run_config,
    run_tenant,
    run_waivers,
)
from hveadmin.policy.rules import CONFIG_RULES, OFFLINE_RULES, TENANT_RULES, WAIVER_RULES
from hveadmin.policy.waivers import Looked, uses


@dataclass(frozen=True, slots=True)
class Asked:
    """What one run is to judge, and when."""

    today: date
    """The caller's local date."""
    now: datetime
    """With its time zone."""
    only: Callable[[Address], bool] = lambda _: True
    """The accounts that the command line asks for."""
    narrowed: bool = False
    """Whether it asks for some accounts only."""
    max_age_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Lately:
    """What runs of ours did in a tenant, from the journal; nothing where there is none, as with a snapshot."""

    settling: Mapping[Guid, Settling] = field(default_factory=dict)
    left_restricted: Mapping[Guid, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one tenant."""

    entry: TenantEntry
    findings: tuple[Finding, ...]
    facts: TenantFacts | None
    """None where the tenant could not be read."""
    why_unread: str = ""
    unreadable: tuple[Address, ...] = ()
    """The accounts that are asked for and whose list could not be read."""
    accounts: int = 0
    """The live accounts that are asked for."""

    @property
    def considered(self) -> frozenset[Address]:
        """Every account of the tenant and of its configuration, asked for or not."""
        live = self.facts.snapshot.accounts if self.facts is not None else ()
        return frozenset(self.entry.accounts).union(account.address for account in live)

    @property
    def saw_nothing(self) -> bool:
        """Whether the tenant showed no account at all, although the configuration declares some."""
        return self.facts is not None and saw_nothing(self.entry, len(self.facts.snapshot.accounts))


def saw_nothing(entry: TenantEntry, accounts: int) -> bool:
    """Whether a tenant that showed so many accounts can have shown all: none is right only where none is declared."""
    return accounts == 0 and incomplete.expects_some(entry)


def parts_besides(desired: DesiredState) -> frozenset[Part]:
    """What the rules that are not switched off need besides the lists and the directory."""
    return parts_needed(TENANT_RULES, desired)


def names_besides(desired: DesiredState) -> frozenset[str]:
    """The display names that `apps` has: what bears one may be on a list without being declared anywhere."""
    return frozenset(app.ref.name for app in desired.apps.values() if isinstance(app.ref, ByName))


def check_tenant(
    desired: DesiredState,
    entry: TenantEntry,
    facts: TenantFacts,
    asked: Asked,
    *,
    pins: Pins | None = None,
    lately: Lately | None = None,
) -> Checked:
    """Every tenant rule over one tenant. Raises Refused for pins of another tenant."""
    if pins is not None:
        pins.refuse_another(facts.tenant_id)
    view = view_of(desired, entry, facts, asked, pins=pins, lately=lately or Lately())
    return Checked(
        entry=entry,
        findings=run_tenant(TENANT_RULES, view),
        facts=facts,
        unreadable=tuple(each.address for each in view.accounts if not isinstance(each.allowed, Known)),
        accounts=len(view.accounts),
    )


def unread(desired: DesiredState, entry: TenantEntry, why: str) -> Checked:
    """A tenant that could not be read: one finding that says so, and nothing that looks like a pass."""
    judgement = incomplete.not_read(Subject(entry.alias, entry.tenant_id), why)
    return Checked(entry, (finding_of(incomplete.RULE, judgement, desired),), None, why)


def view_of(
    desired: DesiredState,
    entry: TenantEntry,
    facts: TenantFacts,
    asked: Asked,
    *,
    pins: Pins | None,
    lately: Lately,
) -> TenantView:
    """What a tenant rule may look at, resolved as far as it can be."""
    directory = facts.snapshot.directory
    live = [account.address for account in facts.snapshot.accounts]
    found = resolve_as_far(entry, live, directory, today=asked.today, pins=pins, policy=desired.policy)
    entries = {address: speaks for address in live if (speaks := entry_for(entry, address)) is not None}
    return TenantView(
        desired=desired,
        entry=entry,
        facts=facts,
        today=asked.today,
        now=asked.now,
        declarations=found.tenant.declarations,
        entries=entries,
        unresolved=found.problems,
        unresolved_on=found.missing,
        by_app=ids_by_app(desired.apps.values(), entry.alias, directory, pins),
        pins=pins,
        settling=lately.settling,
        left_restricted=lately.left_restricted,
        max_age_seconds=asked.max_age_seconds,
        only=asked.only,
    )


def judge(
    desired: DesiredState, chosen: Collection[str], checked: Sequence[Checked], asked: Asked
) -> tuple[Finding, ...]:
    """
    Everything that was found, the configuration's and the waivers' findings with it.

    `chosen` holds the aliases of the tenants that are asked for, `checked` what came of those that were looked at:
    none of them where only the configuration is.
    """
    rules = CONFIG_RULES if checked else (*CONFIG_RULES, *OFFLINE_RULES)
    found = [*run_config(rules, ConfigView(desired, asked.today))]
    found += (finding for each in checked for finding in each.findings)
    used = uses(desired, found, looked_at(desired, chosen, checked, asked), asked.today)
    found += run_waivers(WAIVER_RULES, WaiverView(desired, asked.today, used))
    return in_order(_asked_for(found, chosen, asked.only))


def looked_at(desired: DesiredState, chosen: Collection[str], checked: Sequence[Checked], asked: Asked) -> Looked:
    """How much this run looked at, for whoever asks what became of the waivers."""
    whole = len(chosen) == len(desired.tenants) and not asked.narrowed
    return Looked(
        tenants=[each.entry.alias for each in checked if each.facts is not None and not asked.narrowed],
        unread=[(each.entry.alias, address) for each in checked for address in each.unreadable],
        config_rules=[rule.id for rule in CONFIG_RULES] if whole else (),
    )


def _asked_for(
    findings: Iterable[Finding], chosen: Collection[str], only: Callable[[Address], bool]
) -> Iterable[Finding]:
    """Without what is about other tenants or accounts; what is about none in particular stays."""
    for finding in findings:
        subject = finding.subject
        if (not subject.tenant or subject.tenant in chosen) and (subject.account is None or only(subject.account)):
            yield finding


def outcome_of(findings: Iterable[Finding], checked: Sequence[Checked], fail_on: Severity) -> Outcome:
    """
    How a check ends for the tenants that could be read.

    INCOMPLETE where an account could not be read, or none was found, whatever the rules say of it, and where the answer
    of a rule that might fail the run could not be had; FINDINGS where one fails it.
    """
    not_read = {each.entry.alias for each in checked if each.facts is None}
    counting = [
        finding.verdict
        for finding in findings
        if finding.severity.rank >= fail_on.rank and finding.subject.tenant not in not_read
    ]
    if Verdict.UNKNOWN in counting or any(each.unreadable or each.saw_nothing for each in checked):
        return Outcome.INCOMPLETE
    return Outcome.FINDINGS if Verdict.FAIL in counting else Outcome.OK

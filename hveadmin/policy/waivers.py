"""
What became of the waivers, once every rule has spoken.

That a waiver matches nothing is said only where everything that it could match was looked at: every tenant that it
speaks of, whole, with nothing in it that could not be found out. Otherwise the account that nobody could read might be
the very one it was written for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from hveadmin.domain.desired import DesiredState, Waiver
from hveadmin.domain.finding import Finding, Subject, Verdict
from hveadmin.domain.ids import Address
from hveadmin.domain.waiving import accepts, in_force
from hveadmin.policy.engine import WaiverUse, covers


@dataclass(frozen=True, slots=True)
class Looked:
    """How much a run looked at."""

    tenants: Collection[str]
    """The aliases of the tenants that were read, and judged with all their accounts."""
    unread: Collection[tuple[str, Address]] = ()
    """The accounts, by their tenants' aliases, whose list could not be read."""
    config_rules: Collection[str] = ()
    """The ids of the rules that need no tenant, where the configuration was judged as a whole."""


def uses(
    desired: DesiredState, findings: Sequence[Finding], looked: Looked, today: date
) -> tuple[tuple[Waiver, WaiverUse], ...]:
    """What became of each waiver of the configuration, in its order."""
    waived = [finding for finding in findings if finding.verdict is Verdict.WAIVED]
    unknown = [finding for finding in findings if finding.verdict is Verdict.UNKNOWN]

    def use_of(waiver: Waiver) -> WaiverUse:
        if not in_force(waiver, today):
            return WaiverUse.EXPIRED
        if any(covers(waiver, finding) for finding in waived):
            return WaiverUse.USED
        if waiver.rule in looked.config_rules or _all_seen(waiver, desired, looked, unknown):
            return WaiverUse.IDLE
        return WaiverUse.NOT_TOLD

    return tuple((waiver, use_of(waiver)) for waiver in desired.policy.waivers)


def _all_seen(waiver: Waiver, desired: DesiredState, looked: Looked, unknown: Iterable[Finding]) -> bool:
    tenants = {waiver.tenant} if waiver.tenant else set(desired.tenants)
    open_questions = {
        (finding.subject.tenant, finding.subject.account) for finding in unknown if accepts(waiver, finding.rule)
    }
    might_matter = (
        tenant in tenants and (waiver.account is None or account in (None, waiver.account))
        for tenant, account in open_questions.union(looked.unread)
    )
    return tenants <= set(looked.tenants) and not any(might_matter)


def named(waiver: Waiver) -> str:
    """A waiver in a sentence and in a fingerprint: `waiver of HVE201 on hve-lab@contoso.com for 7c0b…`, no line."""
    of = f"waiver of {waiver.rule}"
    tenant = f" in {waiver.tenant}" if waiver.tenant else ""
    account = f" on {waiver.account}" if waiver.account is not None else ""
    return of + tenant + account + (f" for {waiver.app}" if waiver.app is not None else "")


def subject_of(waiver: Waiver) -> Subject:
    """A waiver as what a finding is about."""
    return Subject(tenant=waiver.tenant, account=waiver.account, app=waiver.app, thing=f"waiver {waiver.rule}")

"""hveadmin check"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from hveadmin.cli.app import explain
from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT, Options, takes
from hveadmin.domain.finding import Severity
from hveadmin.errors import HveAdminError, Incomplete, Outcome, Refused, UsageError, worst

if TYPE_CHECKING:
    from hveadmin.cli.run import Run
    from hveadmin.config.lockfile import Lock
    from hveadmin.domain.desired import DesiredState, TenantEntry
    from hveadmin.domain.facts import TenantFacts
    from hveadmin.domain.finding import Finding
    from hveadmin.report.document import Scope
    from hveadmin.workflows.check import Asked, Checked, Lately

    Facts = Callable[[TenantEntry], tuple[TenantFacts, Lately]]
    """What was read of a tenant, and what we did there lately. Raises HveAdminError where it cannot be had."""


@takes(CONFIG, SELECT, OUTPUT, CONNECT)
def command(
    options: Options,
    config_only: Annotated[
        bool, Option("--config-only", help="Judge the configuration alone; nobody signs in.")
    ] = False,
    fail_on: Annotated[
        Severity,
        Option("--fail-on", metavar="SEVERITY", help="Failures from here on end with 4: info, low, …, critical."),
    ] = Severity.LOW,
    exit_zero: Annotated[bool, Option("--exit-zero", help="End with 0 in place of 4; never in place of 7.")] = False,
    snapshot: Annotated[
        Path | None, Option("--snapshot", metavar="FILE", help="Judge a saved snapshot; nobody signs in.")
    ] = None,
    max_age: Annotated[
        str, Option("--max-age", metavar="DURATION", help="How old the data may be: 30m, 24h, 7d (HVE904).")
    ] = "",
) -> None:
    """
    Hold the configuration and its tenants to the policy rules.

    People are shown what fails, what is unknown and what was waived; the machine forms have every verdict. Exit codes:
    0 nothing fails at or over --fail-on; 4 something does; 5 nobody could sign in; 7 an account, a tenant, or what a
    rule needs could not be read.
    """
    from hveadmin.cli.durations import seconds_of
    from hveadmin.cli.run import Run
    from hveadmin.workflows.check import judge, outcome_of

    limit = seconds_of(max_age, "--max-age") if max_age else None
    if config_only and (snapshot is not None or limit is not None):
        raise UsageError("--config-only reads no data: --snapshot and --max-age mean nothing with it")
    with Run(options, findings=True) as run:
        desired = run.configuration().desired
        entries = run.entries(desired)
        checked: list[Checked] = []
        ended: list[Outcome] = []
        if not config_only:
            checked, ended = _check(run, desired, entries, snapshot, limit)
        findings = judge(desired, [entry.alias for entry in entries], checked, _asked(run, limit))
        outcome = outcome_of(findings, checked, fail_on)
        if exit_zero and outcome is Outcome.FINDINGS:
            outcome = Outcome.OK
        _emit(run, desired, entries, checked, findings, fail_on, without_tenants=config_only)
        run.end(worst((outcome, *ended)))


def _check(
    run: Run, desired: DesiredState, entries: Sequence[TenantEntry], snapshot: Path | None, limit: float | None
) -> tuple[list[Checked], list[Outcome]]:
    """What came of every tenant, and how it ended for those that could not be read."""
    from hveadmin.config.lockfile import lock_beside
    from hveadmin.workflows.check import check_tenant, unread

    lock = lock_beside(desired)
    facts_of = _from_tenants(run, desired, lock) if snapshot is None else _from_snapshot(snapshot)
    checked: list[Checked] = []
    ended: list[Outcome] = []
    for entry in entries:
        try:
            facts, lately = facts_of(entry)
            pins = None if lock is None else lock.of(entry.alias, facts.tenant_id)
            checked.append(check_tenant(desired, entry, facts, _asked(run, limit), pins=pins, lately=lately))
        except HveAdminError as error:
            if isinstance(error, UsageError) or (run.alone and isinstance(error, Refused)):
                raise
            run.stop_bar()
            explain(error, entry.alias)
            checked.append(unread(desired, entry, error.message))
            ended.append(Outcome.INCOMPLETE if error.outcome is Outcome.ERROR else error.outcome)
    if all(each.facts is not None for each in checked):
        asked_for = sum(map(run.only, (a for each in checked for a in each.considered)))
        run.must_have_matched(asked_for, for_verdict=True)
    return checked, ended


def _from_tenants(run: Run, desired: DesiredState, lock: Lock | None) -> Facts:
    """From the tenants themselves, as they are now."""
    from hveadmin.workflows.check import Lately, names_besides, parts_besides
    from hveadmin.workflows.gather import gather_facts

    targets = {target.alias: target for target in run.targets(desired)}
    names, parts = names_besides(desired), parts_besides(desired)

    def facts_of(entry: TenantEntry) -> tuple[TenantFacts, Lately]:
        target = targets[entry.alias]
        with run.wiring.connect(target.profile, target.tenant) as tenant:
            pins = None if lock is None else lock.of(entry.alias, tenant.identity.tenant_id)
            facts = gather_facts(
                tenant.sources, entry=entry, pins=pins, names=names, parts=parts, progress=run.progress()
            )
            return facts, Lately(tenant.journal.settling(), tenant.journal.left_restricted())

    return facts_of


def _from_snapshot(file: Path) -> Facts:
    """From a snapshot, as they were then. Of what we did there lately it says nothing."""
    from hveadmin.config.snapshotfile import read
    from hveadmin.workflows.check import Lately

    taken = read(file)

    def facts_of(entry: TenantEntry) -> tuple[TenantFacts, Lately]:
        there = taken.of(entry.alias, entry.tenant_id, entry.domain)
        if there.facts is None:
            raise Incomplete(f"it is in the snapshot, but could not be read: {there.why_unread}")
        return there.facts, Lately()

    return facts_of


def _asked(run: Run, limit: float | None) -> Asked:
    from datetime import UTC, datetime

    from hveadmin.workflows.check import Asked

    return Asked(run.today, datetime.now(UTC), run.only, len(run.options.account) > 0, limit)


def _emit(
    run: Run,
    desired: DesiredState,
    entries: Sequence[TenantEntry],
    checked: Sequence[Checked],
    findings: tuple[Finding, ...],
    fail_on: Severity,
    *,
    without_tenants: bool,
) -> None:
    from datetime import UTC, datetime

    from hveadmin import __version__
    from hveadmin.policy.rules import ALL_RULES
    from hveadmin.report.document import Assessment, Scope
    from hveadmin.report.findings import findings_report

    scopes = [_scope(each) for each in checked] or [Scope(entry.alias, domain=entry.domain) for entry in entries]
    assessment = Assessment(findings, tuple(scopes), fail_on, without_tenants, __version__, datetime.now(UTC))
    ran = {finding.rule for finding in findings}
    titles = {rule.id: rule.title for rule in ALL_RULES.values() if rule.id in ran}
    run.emit(findings_report(assessment, titles, desired.files, everything=run.options.verbose))


def _scope(checked: Checked) -> Scope:
    from hveadmin.report.document import Scope

    entry, facts = checked.entry, checked.facts
    if facts is None:
        tenant_id = entry.tenant_id.value if entry.tenant_id is not None else ""
        return Scope(entry.alias, tenant_id, entry.domain, why_unread=checked.why_unread)
    return Scope(
        tenant=entry.alias,
        tenant_id=facts.tenant_id.value,
        domain=entry.domain or facts.domain,
        read_at=facts.read_at,
        read_by=facts.read_by,
        accounts=checked.accounts,
        unreadable=tuple(address.value for address in checked.unreadable),
    )

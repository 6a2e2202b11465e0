"""
What the five reports have in common: read the tenants or a snapshot, judge them, write the report, pack the bundle.

Whatever cannot be read stands in the report and does not stop it; only what nobody can have meant so does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

from typer import Option

from hveadmin.cli.app import explain
from hveadmin.errors import HveAdminError, Incomplete, Outcome, Refused, UsageError, worst

if TYPE_CHECKING:
    from hveadmin.cli.run import Run, Target
    from hveadmin.config.lockfile import Lock
    from hveadmin.config.snapshotfile import SnapshotFile
    from hveadmin.domain.audit import AuditedTenant
    from hveadmin.domain.desired import DesiredState, TenantEntry
    from hveadmin.domain.facts import TenantFacts
    from hveadmin.domain.finding import Finding
    from hveadmin.domain.ids import TenantId
    from hveadmin.domain.journaled import History
    from hveadmin.domain.pins import Pins
    from hveadmin.domain.tenant import Unreadable
    from hveadmin.report.audit import Audit, Basis
    from hveadmin.report.document import Report, Scope
    from hveadmin.workflows.check import Asked, Checked, Lately

SnapshotOption = Annotated[
    Path | None, Option("--snapshot", metavar="FILE", help="Report on a saved snapshot; nobody signs in.")
]
BundleOption = Annotated[
    Path | None,
    Option("--bundle", metavar="ZIP", help="Pack report, snapshot, findings and their hashes into one file."),
]


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that was read and judged."""

    desired: DesiredState
    checked: Sequence[Checked]
    audited: Mapping[str, AuditedTenant]
    """The tenants that were read, by alias."""
    findings: tuple[Finding, ...]
    asked: Asked
    audit: Audit
    taken: SnapshotFile
    """What was read, as a snapshot: the one that was given, or one of what was read now."""
    ended: tuple[Outcome, ...]

    @property
    def outcome(self) -> Outcome:
        """How the reading ended; findings do not count."""
        from hveadmin.workflows.report import outcome_of

        return worst((outcome_of(list(self.audited.values())), *self.ended))


# Reading


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of one tenant, and what our journal knows of it."""

    facts: TenantFacts
    lately: Lately
    history: History | Unreadable


@dataclass(frozen=True, slots=True)
class _Held:
    """What the tenants are held to."""

    desired: DesiredState
    configured: bool
    lock: Lock | None
    asked: Asked

    def pins(self, alias: str, tenant_id: TenantId) -> Pins | None:
        return None if self.lock is None else self.lock.of(alias, tenant_id)


@dataclass
class _Reading:
    """The tenants as they come in."""

    checked: list[Checked] = field(default_factory=list)
    audited: dict[str, AuditedTenant] = field(default_factory=dict)
    ended: list[Outcome] = field(default_factory=list)


def gather(run: Run, snapshot: Path | None, bundle: Path | None) -> Gathered:
    """
    Read every tenant that is asked for, or a snapshot of them, and hold them to the configuration where there is one.

    Raises UsageError or Refused for what nobody can have meant so, and HveAdminError for a bundle that cannot be
    written; before anything is fetched.
    """
    from datetime import UTC

    from hveadmin.config.lockfile import lock_beside
    from hveadmin.config.snapshotfile import read
    from hveadmin.report.audit import Basis
    from hveadmin.workflows.check import Asked

    _must_be_writable(bundle, run)
    loaded = run.configuration_if_any()
    given = None if snapshot is None else read(snapshot)
    desired, entries, targets = _asked_for(run, loaded.desired if loaded is not None else None, given)
    asked = Asked(run.today, datetime.now(UTC), run.only, len(run.options.account) > 0)
    held = _Held(desired, loaded is not None, lock_beside(desired) if loaded is not None else None, asked)
    reader = _from_snapshot(run, given) if given is not None else _from_tenants(run, targets, held)
    found = _Reading()
    for entry in entries:
        _take(run, entry, reader, held, found)
    if len(found.audited) == len(found.checked):
        run.must_have_matched(sum(map(run.only, (a for each in found.checked for a in each.considered))))
    findings = _judged(held, entries, found)
    source = None if given is None else Basis(str(snapshot), given.sha256, given.taken_at)
    return Gathered(
        desired=desired,
        checked=found.checked,
        audited=found.audited,
        findings=findings,
        asked=asked,
        audit=_audit(run, held, found, findings, source),
        taken=given or _taken(found.checked, asked.now),
        ended=tuple(found.ended),
    )


def _must_be_writable(bundle: Path | None, run: Run) -> None:
    """Before anything is fetched, not after it."""
    if bundle is None:
        return
    if bundle.is_dir() or not os.access(bundle.parent, os.W_OK):
        raise HveAdminError(f"{bundle} cannot be written: it is a folder, or its folder is missing or closed")
    if any(output.partition("=")[2] and Path(output.partition("=")[2]) == bundle for output in run.options.output):
        raise UsageError(f"two outputs go to {bundle}", hint="give the bundle a file of its own: --bundle audit.zip")


def _asked_for(
    run: Run, desired: DesiredState | None, given: SnapshotFile | None
) -> tuple[DesiredState, list[TenantEntry], dict[str, Target]]:
    """The tenants by the configuration; without one those of the snapshot, else those that -t or -p names."""
    from hveadmin.workflows.report import no_configuration

    if desired is not None:
        targets = [] if given is not None else run.targets(desired)
        return desired, run.entries(desired), {each.alias: each for each in targets}
    if given is not None:
        tenants = {each.alias: each.facts for each in given.tenants}
        made_up = no_configuration(tenants)
        return made_up, run.entries(made_up), {}
    targets = run.targets(None)
    made_up = no_configuration({each.alias: None for each in targets})
    return made_up, list(made_up.tenants.values()), {each.alias: each for each in targets}


def _take(run: Run, entry: TenantEntry, reader: Callable[[TenantEntry], _Read], held: _Held, found: _Reading) -> None:
    """One tenant, judged; or that it could not be read, and why."""
    from hveadmin.workflows.check import check_tenant, unread, view_of
    from hveadmin.workflows.report import audit_tenant

    desired, asked = held.desired, held.asked
    try:
        seen = reader(entry)
        pins = held.pins(entry.alias, seen.facts.tenant_id)
        checked = check_tenant(desired, entry, seen.facts, asked, pins=pins, lately=seen.lately)
        view = view_of(desired, entry, seen.facts, asked, pins=pins, lately=seen.lately)
        found.audited[entry.alias] = audit_tenant(view, seen.history, configured=held.configured)
        found.checked.append(checked)
    except HveAdminError as error:
        if isinstance(error, UsageError) or (run.alone and isinstance(error, Refused)):
            raise
        run.stop_bar()
        explain(error, entry.alias)
        found.checked.append(unread(desired, entry, error.message))
        found.ended.append(Outcome.INCOMPLETE if error.outcome is Outcome.ERROR else error.outcome)


def _from_tenants(run: Run, targets: Mapping[str, Target], held: _Held) -> Callable[[TenantEntry], _Read]:
    """From the tenants themselves, as they are now, with all that a snapshot would have."""
    from hveadmin.workflows.check import Lately, names_besides
    from hveadmin.workflows.gather import gather_facts

    names = names_besides(held.desired)

    def read(entry: TenantEntry) -> _Read:
        target = targets[entry.alias]
        with run.wiring.connect(target.profile, target.tenant) as tenant:
            facts = gather_facts(
                tenant.sources,
                entry=target.entry,
                pins=held.pins(entry.alias, tenant.identity.tenant_id),
                names=names,
                progress=run.progress(),
            )
            history = _history(tenant.journal.file)
            try:
                lately = Lately(tenant.journal.settling(), tenant.journal.left_restricted())
            except HveAdminError:
                lately = Lately()  # the history says that the journal could not be read, and why
            return _Read(facts, lately, history)

    return read


def _from_snapshot(run: Run, given: SnapshotFile) -> Callable[[TenantEntry], _Read]:
    """From a snapshot, as they were then; with what the journal of this place knew by then."""
    from hveadmin.workflows.check import Lately

    def read(entry: TenantEntry) -> _Read:
        there = given.of(entry.alias, entry.tenant_id, entry.domain)
        if there.facts is None:
            raise Incomplete(f"it is in the snapshot, but could not be read: {there.why_unread}")
        journal = run.wiring.journal(run.options.profile or entry.profile, there.facts.tenant_id)
        return _Read(there.facts, Lately(), _history(journal.file))

    return read


def _history(file: Path) -> History | Unreadable:
    from hveadmin.domain.tenant import Unreadable
    from hveadmin.evidence.history import read_history

    try:
        return read_history(file)
    except HveAdminError as error:
        return Unreadable(error.message)


def _judged(held: _Held, entries: Iterable[TenantEntry], found: _Reading) -> tuple[Finding, ...]:
    from hveadmin.workflows.check import judge
    from hveadmin.workflows.report import without_configuration

    findings = judge(held.desired, [entry.alias for entry in entries], found.checked, held.asked)
    if held.configured:
        return findings
    return without_configuration(findings, ((alias, each.facts.tenant_id) for alias, each in found.audited.items()))


def _taken(checked: Iterable[Checked], now: datetime) -> SnapshotFile:
    from hveadmin import __version__
    from hveadmin.config.snapshotfile import SnapshotFile, TenantSnapshotEntry

    tenants = (TenantSnapshotEntry(each.entry.alias, each.facts, each.why_unread) for each in checked)
    return SnapshotFile(now, __version__, tuple(tenants))


# What a report says of itself


def _audit(run: Run, held: _Held, found: _Reading, findings: tuple[Finding, ...], snapshot: Basis | None) -> Audit:
    from hveadmin import __version__
    from hveadmin.report.audit import Audit, Basis
    from hveadmin.report.document import Assessment

    scopes = tuple(_scope(each, found.audited.get(each.entry.alias)) for each in found.checked)
    actors = tuple(dict.fromkeys(scope.read_by for scope in scopes if scope.read_by))
    desired, lock, now = held.desired, held.lock, held.asked.now
    return Audit(
        tenants=tuple(found.audited.values()),
        assessment=Assessment(findings, scopes, version=__version__, made_at=now),
        made_at=now,
        made_by=", ".join(actors) if snapshot is None and actors else _somebody(run.environ),
        version=__version__,
        configuration=Basis(", ".join(desired.files), desired.sha256) if held.configured else None,
        lock=None if lock is None else Basis(lock.file, lock.sha256),
        snapshot=snapshot,
        only=run.options.account,
    )


def _scope(checked: Checked, tenant: AuditedTenant | None) -> Scope:
    from hveadmin.report.document import Scope

    entry = checked.entry
    if tenant is None:
        tenant_id = entry.tenant_id.value if entry.tenant_id is not None else ""
        return Scope(entry.alias, tenant_id, entry.domain, why_unread=checked.why_unread or "nobody knows why")
    return Scope(
        tenant=entry.alias,
        tenant_id=tenant.facts.tenant_id.value,
        domain=tenant.domain,
        read_at=tenant.facts.read_at,
        read_by=tenant.facts.read_by,
        accounts=len(tenant.accounts),
        unreadable=tuple(each.address.value for each in tenant.unknown),
    )


def _somebody(environ: Mapping[str, str]) -> str:
    """Who runs this where nobody signs in: the user of this machine."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        user = "somebody"
    return f"{user} on {environ.get('HOSTNAME') or socket.gethostname()}"


# Writing


def write(run: Run, gathered: Gathered, report: Report, bundle: Path | None, *others: Outcome) -> NoReturn:
    """Write the report to every output, and the bundle; end as the reading ended."""
    from hveadmin.config.canonical import write_whole

    run.emit(report)
    if bundle is not None:
        try:
            write_whole(bundle, _bundle(gathered, report))
        except OSError as problem:
            raise HveAdminError(f"{bundle} cannot be written: {problem.strerror}") from None
        run.say(f"saved {bundle}  its MANIFEST.sha256 is for sha256sum -c")
    run.end(worst((gathered.outcome, *others)))


def _bundle(gathered: Gathered, report: Report) -> bytes:
    from hveadmin.config.snapshotfile import dumps
    from hveadmin.evidence.bundle import packed
    from hveadmin.policy.rules import ALL_RULES
    from hveadmin.report.change_report import journals_report
    from hveadmin.report.findings import findings_report
    from hveadmin.report.render import render

    ran = {finding.rule for finding in gathered.findings}
    titles = {rule.id: rule.title for rule in ALL_RULES.values() if rule.id in ran}
    findings = findings_report(gathered.audit.assessment, titles, gathered.desired.files)
    files = {
        "report.html": render(report, "html"),
        "report.json": render(report, "json"),
        "findings.json": render(findings, "json"),
        "findings.sarif": render(report, "sarif"),
        "journal.json": render(journals_report(gathered.audit), "json"),
    }
    texts = {name: text.encode("utf-8", "replace") for name, text in files.items()}
    return packed({**texts, "snapshot.json": dumps(gathered.taken)}, gathered.audit.made_at)

"""
The changes: what runs of ours did, as the journal has it, and what is different from an earlier snapshot.

The journal is this place's: what somebody did elsewhere, or with another tool, is not in it. It shows as a list that is
no longer as a call of ours left it, or as a difference from the snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from hveadmin.domain.audit import AuditedAccount, AuditedApp, AuditedTenant
from hveadmin.domain.ids import ObjectId
from hveadmin.domain.journaled import NO_HISTORY, History, JournaledCall, JournaledRun, last_seen
from hveadmin.domain.tenant import Known, Unknown, Unreadable
from hveadmin.report.allowed import allowed_data
from hveadmin.report.audit import Audit, report_of, titled, unread_section, whose
from hveadmin.report.difference import Taken, TenantDifference, difference_report
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import count, timestamp

KIND = "report-changes"
TITLE = "Changes to the lists of High Volume Email accounts"
COLUMNS = ("tenant", "time", "run", "account", "action", "application", "object_id", "result", "read_back")
RUN_COLUMNS = ("tenant", "run", "started", "ended", "outcome", "accounts", "calls")
NOW_COLUMNS = ("tenant", "account", "last_changed", "since_then", "added", "removed")

NOT_IN_IT = "The journal has neither who ran it nor a ticket yet; and it is this place's, other places keep their own."


@dataclass(frozen=True, slots=True)
class Period:
    """The days that are asked for, in UTC, both inclusive."""

    since: date | None = None
    until: date | None = None

    def holds(self, run: JournaledRun) -> bool:
        """Whether a run began in it."""
        on = run.started_at.date()
        return (self.since is None or self.since <= on) and (self.until is None or on <= self.until)

    def __str__(self) -> str:
        begins = f"from {self.since}" if self.since else "from the beginning"
        return f"{begins} to {self.until}" if self.until else f"{begins} on"


@dataclass(frozen=True, slots=True)
class Compared:
    """What is different from an earlier snapshot."""

    before: Taken
    after: Taken
    tenants: tuple[TenantDifference, ...] = field(default=())


def change_report(audit: Audit, period: Period, compared: Compared | None = None) -> Report:
    """Every run of every tenant that was asked for, in the order they began."""
    sections = [*unread_section(audit, COLUMNS, "result")]
    for tenant in audit.tenants:
        runs = _runs(tenant, period)
        sections += [_calls(tenant, runs), *_begun(tenant, runs), *_since_then(tenant)]
    differences = [] if compared is None else list(_differences(compared))
    return report_of(
        audit,
        kind=KIND,
        title=TITLE,
        sections=[*(sections or [Section(Table(COLUMNS))]), *differences],
        summary=_summary(audit, period, compared),
        facts=_facts(audit, period),
        lists={
            "runs": [_run_data(each, run) for each in audit.tenants for run in _runs(each, period)],
            "calls": [
                _call_data(each, run, call)
                for each in audit.tenants
                for run in _runs(each, period)
                for call in run.calls
            ],
            "journals": [journal_data(each) for each in audit.tenants],
            **_compared_data(compared),
        },
    )


def _history(tenant: AuditedTenant) -> History:
    return tenant.history if isinstance(tenant.history, History) else NO_HISTORY


def _runs(tenant: AuditedTenant, period: Period) -> list[JournaledRun]:
    return [run for run in _history(tenant).runs if period.holds(run)]


def _facts(audit: Audit, period: Period) -> Iterator[tuple[str, Cell]]:
    yield "period", f"{period}, days in UTC"
    for tenant in audit.tenants:
        yield "journal", journal_words(tenant)


def journal_words(tenant: AuditedTenant) -> str:
    """Which journal was read, and how to know it again."""
    if isinstance(tenant.history, Unreadable):
        return f"{tenant.alias}: UNKNOWN: {tenant.history.why}"
    history = tenant.history
    if not history.sha256:
        return f"{tenant.alias}: there is none here: this place's hveadmin never applied anything"
    head = f", head {history.head}" if history.head else ", no hash chain"
    return f"{tenant.alias}: {count(history.records, 'record')}, sha256 {history.sha256}{head}"


def _summary(audit: Audit, period: Period, compared: Compared | None) -> Iterator[Row]:
    yield Row((Span(NOT_IN_IT, Tone.WARNING),))
    runs = [run for tenant in audit.tenants for run in _runs(tenant, period)]
    calls = [call for run in runs for call in run.calls]
    failed = sum(call.error != "" for call in calls)
    open_ended = sum(run.ended_at is None for run in runs)
    yield Row((f"{count(len(runs), 'run')} with {count(len(calls), 'call')}, {failed} not known to have worked.",))
    if open_ended:
        yield Row((Span(f"Nobody wrote down how {count(open_ended, 'run')} ended.", Tone.WARNING),))
    for tenant in audit.tenants:
        if lost := _history(tenant).unreadable_lines:
            said = f"UNKNOWN: {tenant.alias}: {count(lost, 'line')} of the journal cannot be read: cut off or edited"
            yield Row((Span(said, Tone.WARNING),))
    if compared is not None:
        different = sum(each.different for each in compared.tenants)
        doubts = sum(each.not_comparable for each in compared.tenants)
        doubt = f"; {count(doubts, 'thing')} could not be compared" if doubts else ""
        yield Row((f"{count(different, 'difference')} from the earlier snapshot{doubt}.",))


# Calls and runs


def _calls(tenant: AuditedTenant, runs: Sequence[JournaledRun]) -> Section:
    rows = tuple(row for run in runs for call in run.calls for row in _call_rows(tenant, run, call))
    heading = titled(f"{tenant.alias}: calls of our runs", count(sum(len(run.calls) for run in runs), "call"))
    text = tuple(row for run in runs for row in _text(tenant, run))
    return Section(
        table=Table(COLUMNS, rows),
        heading=heading,
        text=text or (Row((_nothing(tenant),), indent=2),),
        told=("tenant",),
        wide=len(rows) > 0,
        heads=("run",),
        beneath=(("object_id", "application"),),
    )


def _nothing(tenant: AuditedTenant) -> str:
    if isinstance(tenant.history, Unreadable):
        return f"UNKNOWN: {tenant.history.why}"
    return "No run in this journal and period."


def _call_rows(tenant: AuditedTenant, run: JournaledRun, call: JournaledCall) -> Iterator[tuple[Cell, ...]]:
    """One row an application."""
    for app in call.apps:
        yield (
            tenant.alias,
            timestamp(call.time),
            run.plan_id,
            call.account,
            call.action,
            _name(tenant, app),
            app.value,
            result(call),
            read_back(call),
        )


def _name(tenant: AuditedTenant, app: ObjectId) -> str:
    """What it is called today, where it is still on a list."""
    found: Mapping[ObjectId, AuditedApp] = {each.id: each for each in tenant.apps}
    return found[app].name if app in found else ""


def result(call: JournaledCall) -> Span:
    """What came of a call."""
    if call.error is None:
        return Span("UNKNOWN: nobody wrote down that it returned", Tone.WARNING)
    return Span(f"failed: {call.error}", Tone.WARNING) if call.error else Span("done")


def read_back(call: JournaledCall) -> Span:
    """What the list was after a call."""
    match call.seen:
        case None:
            return Span("not read back", Tone.WARNING)
        case Unknown(why):
            return Span(f"UNKNOWN: {why}", Tone.WARNING)
        case Known(apps) if len(apps) == 0:
            return Span("OPEN: empty", Tone.LOUD)
        case Known(apps):
            wanted = frozenset(call.apps)
            as_meant = wanted <= apps if call.action == "grant" else wanted.isdisjoint(apps)
            return Span(f"{len(apps)} on the list") if as_meant else Span(f"{len(apps)}, not as meant", Tone.WARNING)


def _text(tenant: AuditedTenant, run: JournaledRun) -> Iterator[Row]:
    yield Row((timestamp(run.started_at), f"run {run.plan_id}", _ended(run)), "run", 2)
    for call in run.calls:
        names = ", ".join(_name(tenant, app) or app.short for app in call.apps)
        yield Row((call.account, call.action, names, result(call), read_back(call)), "call", 6)


def _ended(run: JournaledRun) -> Span:
    if run.ended_at is None:
        return Span("UNKNOWN: nobody wrote down that it ended", Tone.WARNING)
    return Span(run.outcome, Tone.PLAIN if run.outcome == "ok" else Tone.WARNING)


def _begun(tenant: AuditedTenant, runs: Sequence[JournaledRun]) -> Iterator[Section]:
    if not runs:
        return
    rows = tuple(
        (
            tenant.alias,
            run.plan_id,
            timestamp(run.started_at),
            "" if run.ended_at is None else timestamp(run.ended_at),
            _ended(run),
            len(run.accounts) if run.calls else 0,
            len(run.calls),
        )
        for run in runs
    )
    # A terminal has each run above its calls.
    yield Section(Table(RUN_COLUMNS, rows), text=(), told=("tenant",), title=f"{tenant.alias}: runs", wide=True)


# As we left it?


def _since_then(tenant: AuditedTenant) -> Iterator[Section]:
    """Each account that a run of ours ever changed: whether its list is still as the last call left it."""
    history = _history(tenant)
    rows, text = [], []
    for account in tenant.accounts:
        left = last_seen(history, account.account.guid, tenant.facts.read_at)
        if left is not None:
            known, at = left
            said = _changed(account, known)
            added, removed = _moved(tenant, account, known)
            rows.append((tenant.alias, account.address.value, timestamp(at), said, added, removed))
            text.append(
                Row((account.address.value, f"left {timestamp(at)}", said, f"{added} {removed}".strip()), "left", 2)
            )
    if rows:
        heading = titled(f"{tenant.alias}: as our runs left it?", count(len(rows), "account"))
        yield Section(Table(NOW_COLUMNS, tuple(rows)), heading, tuple(text), told=("tenant",), wide=True)


def _changed(account: AuditedAccount, left: Known) -> Span:
    match account.account.allowed:
        case Unknown(why):
            return Span(f"UNKNOWN: {why}", Tone.WARNING)
        case Known(apps) if apps == left.apps:
            return Span("as we left it")
        case Known(apps) if len(apps) == 0:
            return Span("OPENED by somebody else", Tone.LOUD)
        case Known():
            return Span("changed by somebody else", Tone.WARNING)


def _moved(tenant: AuditedTenant, account: AuditedAccount, left: Known) -> tuple[str, str]:
    allowed = account.account.allowed
    if not isinstance(allowed, Known):
        return "", ""
    added = ", ".join(f"+ {_name(tenant, app) or app.value}" for app in sorted(allowed.apps - left.apps))
    removed = ", ".join(f"- {_name(tenant, app) or app.value}" for app in sorted(left.apps - allowed.apps))
    return added, removed


# Against a snapshot


def _differences(compared: Compared) -> Iterator[Section]:
    """The sections of `diff`, under the names of the two."""
    sections = difference_report(compared.before, compared.after, compared.tenants).sections
    first, *others = sections
    heading = titled("Different from an earlier snapshot", compared.before.name)
    yield replace(first, heading=(*heading, *first.heading), wide=True)
    yield from (replace(each, wide=True) for each in others)


def _compared_data(compared: Compared | None) -> Mapping[str, Sequence[Item]]:
    if compared is None:
        return {}
    lists = difference_report(compared.before, compared.after, compared.tenants).lists
    return {"snapshots": lists["snapshots"], "compared": lists["tenants"], "differences": lists["differences"]}


# For programs


def _run_data(tenant: AuditedTenant, run: JournaledRun) -> Item:
    return {
        **whose(tenant),
        "plan_id": run.plan_id,
        "started_at": timestamp(run.started_at),
        "ended_at": None if run.ended_at is None else timestamp(run.ended_at),
        "outcome": run.outcome or None,
        "changes": run.changes,
        "accounts": list(run.accounts),
        "calls": len(run.calls),
        "actor": None,
        "ticket": None,
    }


def _call_data(tenant: AuditedTenant, run: JournaledRun, call: JournaledCall) -> Item:
    return {
        **whose(tenant),
        "plan_id": run.plan_id,
        "time": timestamp(call.time),
        "account": call.account,
        "guid": call.guid.value,
        "action": call.action,
        "apps": [each.value for each in call.apps],
        "result": "unknown" if call.error is None else "failed" if call.error else "done",
        "error": call.error or None,
        "read_back": None if call.seen is None else allowed_data(call.seen),
        "read_back_at": None if call.seen_at is None else timestamp(call.seen_at),
    }


def journal_data(tenant: AuditedTenant) -> Item:
    """Which journal was read: its hash, by which it is known again, and the chain's head where there is a chain."""
    if isinstance(tenant.history, Unreadable):
        return {**whose(tenant), "state": "unknown", "why": tenant.history.why}
    history = tenant.history
    return {
        **whose(tenant),
        "state": "read" if history.sha256 else "none",
        "records": history.records,
        "unreadable_lines": history.unreadable_lines,
        "sha256": history.sha256 or None,
        "bytes": history.size,
        "head": history.head or None,
    }


def journals_report(audit: Audit) -> Report:
    """Which journals were read, for a bundle: what each tenant's is known again by."""
    rows = tuple((each.alias, journal_words(each)) for each in audit.tenants)
    return Report(
        "journals",
        {"journals": [journal_data(each) for each in audit.tenants]},
        (Section(Table(("tenant", "journal"), rows)),),
    )

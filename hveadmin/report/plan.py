"""A plan as a report: laid out so that it can be read aloud to a colleague who has to say yes or no."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hveadmin.domain.guard import Objection, Permits, largest_use
from hveadmin.domain.guard import objections as judged
from hveadmin.domain.plan import Action, AppLine, Change, Direction, Plan, Unplanned
from hveadmin.domain.powershell import cmdlets_of
from hveadmin.domain.tenant import CEILING
from hveadmin.report.allowed import ids
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table, unread_tenant
from hveadmin.report.style import Tone
from hveadmin.report.words import clock, command, count, source_data, timestamp

KIND = "plan"
COLUMNS = ("tenant", "account", "state", "origin", "action", "application", "object_id", "owner", "ticket", "note")


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """Where a plan was written to."""

    file: str
    sha256: str


def plan_report(
    plan: Plan,
    *,
    plan_id: str = "",
    lock_sha256: str = "",
    objections: Sequence[Objection] = (),
    stale: Sequence[Unplanned] = (),
    saved: SavedPlan | None = None,
    show_powershell: bool = False,
) -> Report:
    """
    One tenant's plan.

    `lock_sha256` is of the lock file it was held to, empty for none; `stale` holds the accounts that are no longer as
    the plan found them, where that was read. `show_powershell` adds the same calls as PowerShell, for change boards.
    """
    powershell = cmdlets_of(plan) if show_powershell else ()
    section = Section(
        table=Table(COLUMNS, tuple(_table_rows(plan))),
        heading=plan_heading(plan),
        text=tuple(_text(plan)),
        closing=(*_closing(plan, objections, stale, saved), *_powershell(powershell)),
        told=("tenant",),
    )
    lists = _lists(plan, plan_id, lock_sha256, objections, stale, saved)
    if show_powershell:
        whose = {"tenant": plan.tenant, "tenant_id": plan.tenant_id.value}
        lists["powershell"] = [{**whose, "line": line} for line in powershell]
    return Report(KIND, lists, (section,))


def _powershell(lines: Sequence[str]) -> Iterator[Row]:
    if lines:
        yield Row()
        yield Row(("The same calls in PowerShell; apply checks each list before it goes on:",))
        yield from (Row((line,), "powershell", 2) for line in lines)


def unread(tenant: str, why: str) -> Report:
    """There is no plan for this tenant, because it could not be read."""
    return unread_tenant(KIND, COLUMNS, tenant, why)


DIRECTION_WORDS = {
    Direction.OPENS: Span("OPENS: from then on any application may send", Tone.LOUD),
    Direction.CLOSES: Span("CLOSES: today any application may send", Tone.STRONG),
    Direction.STAYS_RESTRICTED: Span("stays restricted"),
}
_SIGNS = {Action.GRANT: "+", Action.REVOKE: "-"}
_TONES = {Action.GRANT: Tone.ADDED, Action.REVOKE: Tone.REMOVED}
_CALLS = {Action.GRANT: "add", Action.REVOKE: "remove"}


def plan_heading(plan: Plan) -> tuple[Row, ...]:
    """Which tenant it is about, when it was read, and how much of it."""
    unreadable = f", {len(plan.unknown)} unreadable" if plan.unknown else ""
    read = f"read {clock(plan.read_at)}"
    accounts = f"{count(plan.accounts_total, 'account')}{unreadable}"
    return (Row((Span(plan.tenant, Tone.STRONG), plan.domain, plan.tenant_id.value, read, accounts)),)


def _text(plan: Plan) -> Iterator[Row]:
    for change in plan.changes:
        yield from _change(change)
    for account in plan.unknown:
        yield _not_planned(account, "UNKNOWN")
    for account in plan.refused:
        yield _not_planned(account, "REFUSED")


def _change(change: Change) -> Iterator[Row]:
    size = f"{len(change.before)} → {len(change.target)} of {CEILING}"
    direction = DIRECTION_WORDS[change.direction]
    yield Row((Span(change.account.value, Tone.STRONG), change.origin, size, direction), "account", 2)
    for line in app_lines(change):
        yield Row(_application(line), "application", 4)
    if change.reason:
        yield Row((f"reason: {change.reason}",), indent=6)
    if len(change.steps) > 1:
        calls = (f"{_CALLS[step.action]} {len(step.apps)}" for step in change.steps)
        yield Row((f"calls: {', check, '.join(calls)}",), indent=6)


def app_lines(change: Change) -> tuple[AppLine, ...]:
    """The change's lines; a plan that came without them still shows every application."""
    if change.lines:
        return change.lines
    granted = (AppLine(Action.GRANT, app, "") for app in sorted(change.granted))
    return (*granted, *(AppLine(Action.REVOKE, app, "") for app in sorted(change.revoked)))


def _application(line: AppLine) -> tuple[Cell, ...]:
    label = Span(f"{_SIGNS[line.action]} {line.label or '(unknown)'}", _TONES[line.action])
    remarks = "   ".join(filter(None, (line.owner, line.ticket, line.note)))
    return (label, line.app.short, remarks)


def _not_planned(account: Unplanned, state: str) -> Row:
    said = Span(f"{state}: {account.why}   not planned", Tone.WARNING)
    return Row((Span(account.account.value, Tone.STRONG), account.origin, said), "account", 2)


def _closing(
    plan: Plan, objections: Sequence[Objection], stale: Sequence[Unplanned], saved: SavedPlan | None
) -> Iterator[Row]:
    for warning in plan.warnings:
        yield Row((Span(f"Warning: {warning}", Tone.WARNING),))
    yield Row((_summary(plan),))
    yield from _rails(plan, objections)
    for account in stale:
        yield Row((Span(f"STALE  {account.account}  {account.why}", Tone.WARNING),))
    if saved is not None:
        yield Row((f"Saved {saved.file}", f"sha256 {saved.sha256}", "fits only the lists read above"))
        yield Row((command("hveadmin", "apply", saved.file),), indent=2)


def _summary(plan: Plan) -> str:
    opened = f"Open accounts {plan.open_before} → {plan.open_after}."
    if not plan.changes:
        some = " in what could be read" if plan.unknown else ""
        return f"Nothing to change{some}: {', '.join(_counts(plan))}." + (f"   {opened}" if plan.open_before else "")
    counts = ", ".join((f"{len(plan.changes)} to change", *_counts(plan)))
    return f"{counts}.   Grants +{plan.grants_added} -{plan.grants_removed}.   {opened}"


def _counts(plan: Plan) -> Iterator[str]:
    yield f"{plan.as_declared} as declared"
    for number, what in ((plan.observed, "observed"), (len(plan.refused), "refused"), (len(plan.unknown), "unknown")):
        if number:
            yield f"{number} {what}"


def _rails(plan: Plan, objections: Sequence[Objection]) -> Iterator[Row]:
    if objections:
        yield Row((Span(f"Rails: REFUSED, {count(len(objections), 'objection')}", Tone.LOUD),))
        for objection in objections:
            yield Row((str(objection),), indent=2)
    elif plan.changes:
        word = "passed as the command line allows" if judged(plan, Permits()) else "ok"
        yield Row((f"Rails: {word} (largest: {largest_use(plan)}).",))


def _table_rows(plan: Plan) -> Iterator[tuple[Cell, ...]]:
    """One row an application that comes or goes, and one for each account that is not planned."""
    for change in plan.changes:
        state = Span(change.direction.value, DIRECTION_WORDS[change.direction].tone)
        for line in app_lines(change):
            what = (line.action.value, line.label or "(unknown)", line.app.value, line.owner, line.ticket, line.note)
            yield (plan.tenant, change.account.value, state, change.origin, *what)
    for word, accounts in (("UNKNOWN", plan.unknown), ("REFUSED", plan.refused)):
        for each in accounts:
            yield (
                plan.tenant,
                each.account.value,
                f"{word}: {each.why}",
                each.origin,
                "",
                "",
                "",
                "",
                "",
                "not planned",
            )


def _lists(
    plan: Plan,
    plan_id: str,
    lock_sha256: str,
    objections: Sequence[Objection],
    stale: Sequence[Unplanned],
    saved: SavedPlan | None,
) -> dict[str, list[Item]]:
    whose = {"tenant": plan.tenant, "tenant_id": plan.tenant_id.value}
    return {
        "tenants": [{**whose, **_plan_data(plan, plan_id, lock_sha256, saved)}],
        "changes": [{**whose, **change_data(change)} for change in plan.changes],
        "unknown": [{**whose, **unplanned_data(each)} for each in plan.unknown],
        "refused": [{**whose, **unplanned_data(each)} for each in plan.refused],
        "stale": [{**whose, **unplanned_data(each)} for each in stale],
        "warnings": [{**whose, "warning": each} for each in plan.warnings],
        "objections": [{**whose, "objection": each.text, "flag": each.flag or None} for each in objections],
        "unread_tenants": [],
    }


def _plan_data(plan: Plan, plan_id: str, lock_sha256: str, saved: SavedPlan | None) -> Item:
    return {
        "domain": plan.domain,
        "cloud": plan.cloud,
        "plan_id": plan_id or None,
        "lock_sha256": lock_sha256 or None,
        "read_at": timestamp(plan.read_at),
        "accounts_total": plan.accounts_total,
        "to_change": len(plan.changes),
        "as_declared": plan.as_declared,
        "observed": plan.observed,
        "unknown": len(plan.unknown),
        "refused": len(plan.refused),
        "grants_total": plan.grants_total,
        "grants_added": plan.grants_added,
        "grants_removed": plan.grants_removed,
        "open_before": plan.open_before,
        "open_after": plan.open_after,
        "saved": None if saved is None else {"file": saved.file, "sha256": saved.sha256},
    }


def change_data(change: Change) -> Item:
    """One account's change; `before` and `target` are lists that were read and decided, so empty means empty."""
    return {
        "account": change.account.value,
        "guid": change.guid.value,
        "mode": change.mode.value,
        "origin": change.origin,
        "source": source_data(change.source),
        "direction": change.direction.name.lower(),
        "before": ids(change.before),
        "target": ids(change.target),
        "steps": [{"action": step.action.value, "apps": [app.value for app in step.apps]} for step in change.steps],
        "fingerprint": change.fingerprint,
        "reason": change.reason,
        "applications": [_line_data(line) for line in app_lines(change)],
    }


def _line_data(line: AppLine) -> Item:
    return {
        "action": line.action.value,
        "object_id": line.app.value,
        "label": line.label,
        "owner": line.owner,
        "ticket": line.ticket,
        "note": line.note,
    }


def unplanned_data(account: Unplanned) -> Item:
    """An account that is not planned, and why."""
    return {"account": account.account.value, "why": account.why, "origin": account.origin}

"""
Drift: how the live lists differ from the configuration.

It is decided like a plan and told the other way round: not what would be done, but what is there and should not be,
and what should be there and is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.plan import Action, AppLine, Change, Direction, Plan, Unplanned
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table, unread_tenant
from hveadmin.report.plan import app_lines, change_data, plan_heading, unplanned_data
from hveadmin.report.style import Tone
from hveadmin.report.words import command, count, timestamp

KIND = "drift"
COLUMNS = ("tenant", "account", "state", "origin", "difference", "application", "object_id", "owner", "ticket", "note")

_DIFFERENCE = {Action.GRANT: "missing", Action.REVOKE: "extra"}
_TONES = {Action.GRANT: Tone.WARNING, Action.REVOKE: Tone.REMOVED}


def drift_report(plan: Plan) -> Report:
    """What one tenant's plan says of the differences that it would mend."""
    section = Section(
        table=Table(COLUMNS, tuple(_table_rows(plan))),
        heading=plan_heading(plan),
        text=tuple(_text(plan)),
        closing=tuple(_closing(plan)),
        told=("tenant",),
        title=plan.tenant,
    )
    return Report(KIND, _lists(plan), (section,))


def unread(tenant: str, why: str) -> Report:
    """Whether this tenant differs is not known, because it could not be read."""
    return unread_tenant(KIND, COLUMNS, tenant, why)


def _state(change: Change) -> Span:
    match change.direction:
        case Direction.CLOSES:
            return Span("OPEN: any application may send", Tone.LOUD)
        case Direction.OPENS:
            return Span("declared unrestricted, and restricted", Tone.WARNING)
        case Direction.STAYS_RESTRICTED:
            return Span("differs", Tone.WARNING)


def _text(plan: Plan) -> Iterator[Row]:
    for change in plan.changes:
        yield Row((Span(change.account.value, Tone.STRONG), change.origin, _state(change)), "account", 2)
        for line in app_lines(change):
            yield Row(_application(line), "application", 4)
    for word, accounts in (("UNKNOWN", plan.unknown), ("REFUSED", plan.refused)):
        for each in accounts:
            yield Row(_not_compared(word, each), "account", 2)


def _application(line: AppLine) -> tuple[Cell, ...]:
    word = Span(_DIFFERENCE[line.action], _TONES[line.action])
    remarks = "   ".join(filter(None, (line.owner, line.ticket, line.note)))
    return (word, line.label or "(unknown)", line.app.short, remarks)


def _not_compared(word: str, account: Unplanned) -> tuple[Cell, ...]:
    return (Span(account.account.value, Tone.STRONG), account.origin, Span(f"{word}: {account.why}", Tone.WARNING))


def _closing(plan: Plan) -> Iterator[Row]:
    for warning in plan.warnings:
        yield Row((Span(f"Warning: {warning}", Tone.WARNING),))
    yield Row((_summary(plan),))
    if plan.changes:
        yield Row(("What would mend it:",))
        yield Row((command("hveadmin", "plan", "-t", plan.tenant),), indent=2)


def _summary(plan: Plan) -> str:
    counts = [f"{plan.as_declared} as declared"]
    others = ((plan.observed, "observed"), (len(plan.refused), "refused"), (len(plan.unknown), "unknown"))
    counts += [f"{number} {what}" for number, what in others if number]
    if not plan.changes:
        some = " in what could be read" if plan.unknown else ""
        return f"No drift{some}: {', '.join(counts)}."
    differ = f"{count(len(plan.changes), 'account')} differ{'s' if len(plan.changes) == 1 else ''}"
    return f"{differ}, {', '.join(counts)}.   Applications missing {plan.grants_added}, extra {plan.grants_removed}."


def _table_rows(plan: Plan) -> Iterator[tuple[Cell, ...]]:
    """One row a difference, one for each account that could not be compared."""
    for change in plan.changes:
        for line in app_lines(change):
            what = (_DIFFERENCE[line.action], line.label or "(unknown)", line.app.value)
            who = (line.owner, line.ticket, line.note)
            yield (plan.tenant, change.account.value, _state(change), change.origin, *what, *who)
    for word, accounts in (("UNKNOWN", plan.unknown), ("REFUSED", plan.refused)):
        for each in accounts:
            yield (plan.tenant, each.account.value, f"{word}: {each.why}", each.origin, *[""] * 6)


def _lists(plan: Plan) -> dict[str, list[Item]]:
    whose = {"tenant": plan.tenant, "tenant_id": plan.tenant_id.value}
    return {
        "tenants": [{**whose, **_tenant_data(plan)}],
        "differences": [{**whose, **_difference_data(change)} for change in plan.changes],
        "unknown": [{**whose, **unplanned_data(each)} for each in plan.unknown],
        "refused": [{**whose, **unplanned_data(each)} for each in plan.refused],
        "warnings": [{**whose, "warning": each} for each in plan.warnings],
        "unread_tenants": [],
    }


def _tenant_data(plan: Plan) -> Item:
    return {
        "domain": plan.domain,
        "cloud": plan.cloud,
        "read_at": timestamp(plan.read_at),
        "accounts_total": plan.accounts_total,
        "differ": len(plan.changes),
        "as_declared": plan.as_declared,
        "observed": plan.observed,
        "unknown": len(plan.unknown),
        "refused": len(plan.refused),
        "missing": plan.grants_added,
        "extra": plan.grants_removed,
        "open": plan.open_before,
    }


def _difference_data(change: Change) -> Item:
    """One account: what is on its list and what is declared; both were read and decided, so empty means empty."""
    data = change_data(change)
    kept = ("account", "guid", "mode", "origin", "source")
    return {
        **{name: data[name] for name in kept},
        "open": len(change.before) == 0,
        "live": data["before"],
        "declared": data["target"],
        "missing": sorted(app.value for app in change.granted),
        "extra": sorted(app.value for app in change.revoked),
    }

"""What happened when a plan was applied. An open account is loudest, then what failed and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hveadmin.domain.applied import Applied, AppliedOutcome, RunResult
from hveadmin.domain.plan import Direction
from hveadmin.domain.planner import COMMAND_LINE
from hveadmin.domain.tenant import CEILING, Known
from hveadmin.report.allowed import allowed_data, ids, is_open, state, used
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table, unread_tenant
from hveadmin.report.plan import unplanned_data
from hveadmin.report.style import Tone
from hveadmin.report.words import clock, clock_by, command, count, timestamp

KIND = "apply"
COLUMNS = ("tenant", "account", "outcome", "before", "after", "state", "calls", "why", "next")

_OUTCOME_WORDS = {
    AppliedOutcome.OPEN: "OPEN",
    AppliedOutcome.DONE: "done",
    AppliedOutcome.ALREADY: "already so",
    AppliedOutcome.FAILED: "failed",
    AppliedOutcome.STALE: "stale",
    AppliedOutcome.SKIPPED: "skipped",
    AppliedOutcome.INTERRUPTED: "interrupted",
}
_RIGHT = (AppliedOutcome.DONE, AppliedOutcome.ALREADY)
_DIRECTION_WORDS = {
    Direction.OPENS: Span("OPENED: any application may send", Tone.LOUD),
    Direction.CLOSES: Span("closed: any application could send before", Tone.STRONG),
    Direction.STAYS_RESTRICTED: Span("stays restricted"),
}


def apply_report(run: RunResult) -> Report:
    """What became of one tenant's plan, as it was read back."""
    section = Section(
        table=Table(COLUMNS, tuple(_table_rows(run))),
        heading=_heading(run),
        text=tuple(_text(run)),
        closing=tuple(_closing(run)),
        told=("tenant",),
    )
    return Report(KIND, _lists(run), (section,))


def unread(tenant: str, why: str) -> Report:
    """Nothing was written in this tenant, because it could not be read."""
    return unread_tenant(KIND, COLUMNS, tenant, why)


def _loudest_first(run: RunResult) -> list[Applied]:
    order = list(_OUTCOME_WORDS)
    return sorted(run.accounts, key=lambda each: order.index(each.outcome))


def _next(each: Applied, run: RunResult) -> str:
    """What to type next; empty where nothing is left to do."""
    if each.outcome in _RIGHT:
        return ""
    if each.change.origin == COMMAND_LINE:
        return _next_by_hand(each)
    # `apply` plans anew from what is there now, so it also ends what was begun; what surprised us is looked at first.
    verb = "plan" if each.outcome in (AppliedOutcome.FAILED, AppliedOutcome.STALE) else "apply"
    return command("hveadmin", verb, "-t", run.plan.tenant, "-a", each.account.value)


def _next_by_hand(each: Applied) -> str:
    """After `account grant` and `account revoke`, which no configuration can repeat."""
    if each.outcome is AppliedOutcome.OPEN:
        return command("hveadmin", "account", "grant", each.account.value, *ids(each.change.target))
    return command("hveadmin", "account", "show", each.account.value)


def _heading(run: RunResult) -> tuple[Row, ...]:
    plan = run.plan
    when = f"applied {clock(run.started_at)} to {clock(run.ended_at)}"
    cells = (Span(plan.tenant, Tone.STRONG), plan.domain, plan.tenant_id.value, when, f"plan {run.plan_id}")
    return (Row(cells if run.plan_id else cells[:-1]),)


_WAS_OPEN = {
    True: "any application may send through it now",
    False: "any application could send through it for a moment",
    None: "any application could send through it, and its list cannot be read now",
}


def _text(run: RunResult) -> Iterator[Row]:
    for each in _loudest_first(run):
        match each.outcome:
            case AppliedOutcome.OPEN:
                yield Row((Span(f"OPEN  {each.account}: {_WAS_OPEN[is_open(each.after)]}", Tone.LOUD),))
                yield from _why_and_next(each, run)
            case AppliedOutcome.DONE | AppliedOutcome.ALREADY:
                yield Row((*_what(each), _changed(each), _DIRECTION_WORDS[each.change.direction]), "account", 2)
            case _:
                yield Row((*_what(each), _now(each)), "account", 2)
                yield from _why_and_next(each, run)
    for account, state_words in _not_tried(run):
        said = Span(f"{state_words}   not planned, nothing written", Tone.WARNING)
        yield Row(("not tried", Span(account, Tone.STRONG), said), "account", 2)


def _not_tried(run: RunResult) -> Iterator[tuple[str, str]]:
    """The accounts that the plan left out, each with why."""
    for word, accounts in (("UNKNOWN", run.plan.unknown), ("REFUSED", run.plan.refused)):
        for each in accounts:
            yield each.account.value, f"{word}: {each.why}"


def _what(each: Applied) -> tuple[Cell, ...]:
    tone = Tone.ADDED if each.outcome in _RIGHT else Tone.REMOVED
    return (Span(_OUTCOME_WORDS[each.outcome], tone), Span(each.account.value, Tone.STRONG))


def _changed(each: Applied) -> str:
    after = len(each.after.apps) if isinstance(each.after, Known) else "UNKNOWN"
    return f"{len(each.change.before)} → {after} of {CEILING}"


def _now(each: Applied) -> Cell:
    who = state(each.after)
    return Span(f"{used(each.after)} now, {who.text}", who.tone) if isinstance(each.after, Known) else who


def _why_and_next(each: Applied, run: RunResult) -> Iterator[Row]:
    if each.why:
        yield Row((each.why,), indent=6)
    yield Row((f"next: {_next(each, run)}",), indent=6)


def _closing(run: RunResult) -> Iterator[Row]:
    yield Row((_summary(run),))
    if run.effective_by is not None:
        yield Row((f"Takes effect by {clock_by(run.effective_by)} (Exchange needs up to 5 minutes).",))


def _summary(run: RunResult) -> str:
    outcomes = Counter(each.outcome for each in run.accounts)
    counted = ", ".join(f"{outcomes[each]} {word}" for each, word in _OUTCOME_WORDS.items() if outcomes[each])
    if not counted:
        return "Nothing was to be done, and no call was made."
    granted, revoked = (sum(map(len, moved)) for moved in zip(*map(_moved, run.accounts), strict=True))
    calls = sum(each.calls_made for each in run.accounts)
    unread = sum(not isinstance(each.after, Known) for each in run.accounts)
    unknown = f"   {count(unread, 'account')} UNKNOWN after." if unread else ""
    return f"{counted}.   Grants +{granted} -{revoked}.   {count(calls, 'call')}.{unknown}"


def _moved(each: Applied) -> tuple[frozenset[object], frozenset[object]]:
    """What came and what went as it was read back; nothing is claimed of a list that could not be read."""
    if not isinstance(each.after, Known) or not each.calls_made:
        return frozenset(), frozenset()
    return each.after.apps - each.change.before, each.change.before - each.after.apps


def _table_rows(run: RunResult) -> Iterator[tuple[Cell, ...]]:
    for each in _loudest_first(run):
        tone = Tone.LOUD if each.outcome is AppliedOutcome.OPEN else Tone.PLAIN
        first = (run.plan.tenant, each.account.value, Span(_OUTCOME_WORDS[each.outcome], tone))
        sizes = (f"{len(each.change.before)} of {CEILING}", used(each.after), state(each.after))
        yield (*first, *sizes, each.calls_made, each.why, _next(each, run))
    for account, state_words in _not_tried(run):
        yield (run.plan.tenant, account, "not tried", "", "", state_words, 0, "", "")


def _lists(run: RunResult) -> dict[str, list[Item]]:
    plan = run.plan
    whose = {"tenant": plan.tenant, "tenant_id": plan.tenant_id.value}
    about: Item = {
        **whose,
        "domain": plan.domain,
        "cloud": plan.cloud,
        "plan_id": run.plan_id or None,
        "started_at": timestamp(run.started_at),
        "ended_at": timestamp(run.ended_at),
        "effective_by": None if run.effective_by is None else timestamp(run.effective_by),
    }
    return {
        "tenants": [about],
        "accounts": [{**whose, **_applied_data(each, run)} for each in _loudest_first(run)],
        "unknown": [{**whose, **unplanned_data(each)} for each in plan.unknown],
        "refused": [{**whose, **unplanned_data(each)} for each in plan.refused],
        "unread_tenants": [],
    }


def _applied_data(each: Applied, run: RunResult) -> Item:
    return {
        "account": each.account.value,
        "guid": each.change.guid.value,
        "outcome": each.outcome.value,
        "direction": each.change.direction.name.lower(),
        "open": is_open(each.after),
        "before": ids(each.change.before),
        "target": ids(each.change.target),
        "after": allowed_data(each.after),
        "calls_made": each.calls_made,
        "why": each.why,
        "next": _next(each, run) or None,
    }

"""
The rails between a plan and its first write: what needs somebody's explicit word, and which flag gives it.

An objection names the number, the limit, the place in the configuration that sets it, and the exact flag. `--yes`
answers no objection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from hveadmin.domain.desired import Bound, Limits, SourceSpan
from hveadmin.domain.ids import Address
from hveadmin.domain.plan import Plan


@dataclass(frozen=True, slots=True)
class Permits:
    """What the command line allows, by name and by number."""

    allow_open: frozenset[Address] = frozenset()
    """--allow-open ADDRESS"""
    approve_large: int = 0
    """--approve-large N: up to N accounts may be changed"""
    approve_removals: int = 0
    """--approve-removals N: up to N grants may be removed"""


@dataclass(frozen=True, slots=True)
class Objection:
    """One rail that a plan runs into."""

    tenant: str
    """Empty for the run as a whole."""
    text: str
    flag: str
    """What to type to allow just this; empty where no flag can."""

    def __str__(self) -> str:
        where = f"{self.tenant}: " if self.tenant else ""
        return f"{where}{self.text}" + (f"; {self.flag} allows it" if self.flag else "")


def objections(plan: Plan, permits: Permits) -> tuple[Objection, ...]:
    """What stands against one tenant's plan, with these permits."""
    totals = _Totals(plan.tenant, [plan])
    return (*_openings(plan, permits), *_over_limits(totals, plan.limits, permits))


def run_objections(plans: Sequence[Plan], permits: Permits) -> tuple[Objection, ...]:
    """What stands against all plans of a run together, beyond what stands against each; none for a single plan."""
    if len(plans) < 2:
        return ()
    # The plans of one run come from one configuration; where saved plans disagree, the strictest limit holds.
    strictest = Limits(
        accounts_changed=_strictest(plan.limits.accounts_changed for plan in plans),
        grants_removed=_strictest(plan.limits.grants_removed for plan in plans),
        accounts_opened=min(plan.limits.accounts_opened for plan in plans),
    )
    totals = _Totals("", plans)
    return (*_over_limits(totals, strictest, permits), *_too_many_openings(totals, strictest))


def _strictest(bounds: Iterable[Bound]) -> Bound:
    every = list(bounds)
    by_count = min(every, key=lambda bound: bound.max)
    return Bound(by_count.max, min(bound.percent for bound in every), by_count.source)


class _Totals:
    """What some plans come to together."""

    def __init__(self, tenant: str, plans: Collection[Plan]) -> None:
        self.tenant = tenant
        self.changed = sum(len(plan.changes) for plan in plans)
        self.accounts = sum(plan.accounts_total for plan in plans)
        self.removed = sum(plan.grants_removed for plan in plans)
        self.grants = sum(plan.grants_total for plan in plans)
        self.opened = sum(len(plan.opened) for plan in plans)


def _openings(plan: Plan, permits: Permits) -> Iterator[Objection]:
    for change in plan.opened:
        if change.account not in permits.allow_open:
            yield Objection(
                plan.tenant,
                f"{change.account} would be open: any application could send through it",
                f"--allow-open {change.account}",
            )
    yield from _too_many_openings(_Totals(plan.tenant, [plan]), plan.limits)


def _too_many_openings(totals: _Totals, limits: Limits) -> Iterator[Objection]:
    # A limit of 0 means: none without its name on the command line, and then one at a time.
    most = max(1, limits.accounts_opened)
    if totals.opened > most:
        yield Objection(
            totals.tenant,
            f"{totals.opened} accounts would be opened, more than {most} at a time"
            f"{_written(limits.accounts_opened_source)}",
            "",
        )


def _over_limits(totals: _Totals, limits: Limits, permits: Permits) -> Iterator[Objection]:
    if totals.changed > permits.approve_large:
        excess = _over(totals.changed, totals.accounts, limits.accounts_changed, "accounts changed")
        if excess:
            yield Objection(totals.tenant, excess, f"--approve-large {totals.changed}")
    if totals.removed > permits.approve_removals:
        excess = _over(totals.removed, totals.grants, limits.grants_removed, "grants removed")
        if excess:
            yield Objection(totals.tenant, excess, f"--approve-removals {totals.removed}")


def _over(number: int, whole: int, bound: Bound, what: str) -> str:
    """A sentence if the number is over either bound, else nothing."""
    return _over_count(number, whole, bound, what) or _over_percent(number, whole, bound, what)


def _over_count(number: int, whole: int, bound: Bound, what: str) -> str:
    if number <= bound.max:
        return ""
    return f"{what}: {number} of {whole}, limit {bound.max}{_written(bound.source)}"


def _over_percent(number: int, whole: int, bound: Bound, what: str) -> str:
    # Integers and a product, so that 5 of 10 is exactly 50 % and not over it.
    if number * 100 <= bound.percent * whole:
        return ""
    share = 100 * number / whole if whole else 100.0
    return f"{what}: {number} of {whole} is {share:.0f} %, limit {bound.percent:g} %{_written(bound.source)}"


def _written(source: SourceSpan | None) -> str:
    return f" ({source})" if source is not None else ""


def largest_use(plan: Plan) -> str:
    """How near the plan comes to its nearest limit, in words: `grants removed 1 of 23, limit 10 or 30 %`."""
    uses: list[tuple[str, int, int, Bound]] = [
        ("accounts changed", len(plan.changes), plan.accounts_total, plan.limits.accounts_changed),
        ("grants removed", plan.grants_removed, plan.grants_total, plan.limits.grants_removed),
    ]
    what, number, whole, bound = max(uses, key=_share_of_limit)
    return f"{what} {number} of {whole}, limit {bound.max} or {bound.percent:g} %"


def _share(number: int, limit: float) -> float:
    return number / limit if limit else float(number)


def _share_of_limit(use: tuple[str, int, int, Bound]) -> float:
    _, number, whole, bound = use
    return max(_share(number, bound.max), _share(number, bound.percent * whole / 100))

"""diff: two snapshots side by side, tenant by tenant, without anybody's sign-in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hveadmin.domain.difference import Difference, Kind, compare
from hveadmin.domain.facts import TenantFacts
from hveadmin.errors import Outcome, worst


@dataclass(frozen=True, slots=True)
class Side:
    """One tenant in one snapshot: its facts, or why there are none."""

    alias: str
    facts: TenantFacts | None
    why_unread: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """One tenant of either snapshot. `why` says why it cannot be compared as a whole; empty where it can."""

    before: Side | None
    after: Side | None
    differences: tuple[Difference, ...] = ()
    why: str = ""

    @property
    def alias(self) -> str:
        """What the tenant is called, by the later snapshot where it has it."""
        side = self.after or self.before
        return side.alias if side is not None else ""


def compare_snapshots(before: Sequence[Side], after: Sequence[Side]) -> tuple[Compared, ...]:
    """Every tenant of either, once: matched by tenant id, and by what it is called where it was not read."""
    return tuple(_compared(old, new) for old, new in _pairs(before, after))


def _pairs(before: Sequence[Side], after: Sequence[Side]) -> Iterator[tuple[Side | None, Side | None]]:
    left = list(after)
    for old in before:
        new = next((each for each in left if _same(old, each)), None)
        if new is not None:
            left.remove(new)
        yield old, new
    for new in left:
        yield None, new


def _same(old: Side, new: Side) -> bool:
    if old.facts is not None and new.facts is not None:
        return old.facts.tenant_id == new.facts.tenant_id
    return old.alias == new.alias


def _compared(old: Side | None, new: Side | None) -> Compared:
    if old is None or new is None:
        only = "after" if old is None else "before"
        return Compared(old, new, why=f"this tenant is only in the snapshot {only}")
    if old.facts is None or new.facts is None:
        unread = {"before": old, "after": new}
        why = "; ".join(f"not read {when}: {side.why_unread}" for when, side in unread.items() if side.facts is None)
        return Compared(old, new, why=why)
    return Compared(old, new, compare(old.facts, new.facts))


def outcome_of(compared: Iterable[Compared]) -> Outcome:
    """INCOMPLETE where something could not be compared, else CHANGES where something is different."""
    return worst(_outcome(each) for each in compared)


def _outcome(compared: Compared) -> Outcome:
    if compared.why or any(each.kind is Kind.NOT_COMPARABLE for each in compared.differences):
        return Outcome.INCOMPLETE
    return Outcome.CHANGES if compared.differences else Outcome.OK

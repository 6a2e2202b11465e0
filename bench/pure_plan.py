"""
Deciding a plan from a snapshot that was read before: the pure part, without network, files or output.

Every account has an entry of its own with ten applications named by client id, and every second account's list is to
change. The garbage collector is on, as it is in the program; what others left behind is collected before each run.
"""

from __future__ import annotations

import gc
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bench.made_up import ALIAS, large_configuration, large_snapshot
from bench.measurement import Alternating, BenchmarkFailed, Measurement, compared
from hveadmin.config.load import load
from hveadmin.domain.desired import DesiredState
from hveadmin.domain.plan import Plan
from hveadmin.domain.tenant import TenantSnapshot
from hveadmin.workflows.plan import decide_plan

TODAY = date(2026, 11, 23)
SMALL, LARGE = 1_000, 10_000
_ROUNDS = 5
_SECONDS_AT_MOST = 1.0
_LINEAR = 1.5
"""Of the time an account takes in the small tenant. Linear but for sorting and caches; quadratic would be 10."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a plan is decided from."""

    snapshot: TenantSnapshot
    desired: DesiredState

    def decide(self) -> Plan:
        return decide_plan(self.snapshot, self.desired, self.desired.tenants[ALIAS], today=TODAY, cloud="worldwide")


def inputs(accounts: int) -> Inputs:
    """A tenant of that many accounts and the configuration for it, loaded from YAML."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "hve.yaml")
        file.write_text(large_configuration(accounts), encoding="utf-8")
        return Inputs(large_snapshot(accounts), load([file], today=TODAY).desired)


def measure() -> Iterator[Measurement]:
    """The time for 1,000, whether it is linear to 10,000, and memory."""
    sizes = {SMALL: inputs(SMALL), LARGE: inputs(LARGE)}
    times = Alternating(lambda accounts: _seconds(sizes[accounts]), [SMALL, LARGE]).medians(_ROUNDS)
    small, large = _each(times[SMALL], SMALL), _each(times[LARGE], LARGE)
    yield Measurement(
        f"decide a plan, {SMALL:,} accounts x 10 applications",
        times[SMALL],
        "s",
        goal=f"≤ {_SECONDS_AT_MOST:g} s",
        met=times[SMALL] <= _SECONDS_AT_MOST,
    )
    title = f"decide a plan, {LARGE:,} accounts"
    yield compared(title, large, "µs/account", f"{SMALL:,} accounts", small, at_most=_LINEAR)
    yield compared(
        f"{title}: memory allocated", _kib_each(sizes[LARGE]), "KiB/account", f"{SMALL:,} accounts",
        _kib_each(sizes[SMALL]),
    )  # fmt: skip


def _each(seconds: float, accounts: int) -> float:
    return 1e6 * seconds / accounts


def _seconds(given: Inputs) -> float:
    gc.collect()
    start = time.perf_counter()
    plan = given.decide()
    seconds = time.perf_counter() - start
    _expect_changes(plan, given)
    return seconds


def _expect_changes(plan: Plan, given: Inputs) -> None:
    """A plan of nothing would be decided fast."""
    if len(plan.changes) * 2 != len(given.snapshot.accounts):
        raise BenchmarkFailed(
            f"{len(plan.changes)} changes of {len(given.snapshot.accounts)} accounts, not every second"
        )


def _kib_each(given: Inputs) -> float:
    """The most that was allocated while the plan was decided, an account."""
    tracemalloc.start()
    try:
        _expect_changes(given.decide(), given)
        return tracemalloc.get_traced_memory()[1] / 1024 / len(given.snapshot.accounts)
    finally:
        tracemalloc.stop()

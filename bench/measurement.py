"""What a benchmark yields, and how two things are timed against each other."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar

Contender = TypeVar("Contender")


class BenchmarkFailed(Exception):
    """What was to be measured did not run."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One line of the table."""

    name: str
    value: float
    unit: str
    against: str = ""
    """What it is compared with, and that one's value."""
    ratio: float | None = None
    """`value` divided by that of `against`; below 1 is less."""
    goal: str = ""
    met: bool | None = None
    """None where there is no goal."""


def compared(
    name: str, value: float, unit: str, other_name: str, other: float, *, at_most: float | None = None
) -> Measurement:
    """`value` against `other`, in the same unit; `at_most` is the goal for their ratio."""
    ratio = value / other
    return Measurement(
        name=name,
        value=value,
        unit=unit,
        against=f"{other_name} {number(other)} {unit}",
        ratio=ratio,
        goal="" if at_most is None else f"ratio ≤ {at_most:g}",
        met=None if at_most is None else ratio <= at_most,
    )


def number(value: float) -> str:
    """Three significant digits, thousands kept whole: 0.0123, 1.23, 1,234."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Alternating(Generic[Contender]):
    """
    Runs contenders by turns, so that a machine that becomes busy becomes busy for all of them.

    `run` runs one contender once and returns what it cost (any unit). The order is turned around in every second
    round: who always comes second would profit, or suffer, from whoever comes first.
    """

    def __init__(self, run: Callable[[Contender], float], contenders: Sequence[Contender]) -> None:
        self._run = run
        self._contenders = contenders

    def medians(self, rounds: int, *, warm_up: int = 1) -> Mapping[Contender, float]:
        """Each contender's median over `rounds`, after `warm_up` rounds that do not count."""
        costs: dict[Contender, list[float]] = {each: [] for each in self._contenders}
        for turn in range(warm_up + rounds):
            for each in self._contenders if turn % 2 == 0 else reversed(self._contenders):
                cost = self._run(each)
                if turn >= warm_up:
                    costs[each].append(cost)
        return {each: median(seen) for each, seen in costs.items()}


def machine() -> str:
    """Which interpreter and operating system, without the machine's name."""
    return f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}"

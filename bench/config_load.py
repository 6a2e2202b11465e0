"""
Loading a configuration of 10,000 accounts, against ruamel.yaml reading the same file.

ruamel.yaml's round-trip loader is what an editor of such files would use, and it stops at the tree; ours goes on to
check shapes, names, dates and limits, and knows line and column of everything. The libyaml line shows how much of our
time is the reading alone. Each run is a process of its own; imports are not counted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from bench.child import Cost, Work, cost_of
from bench.made_up import large_configuration
from bench.measurement import Alternating, Measurement, compared

ACCOUNTS = 10_000
_ROUNDS = 3

Task = Callable[[str], Work]


def measure() -> Iterator[Measurement]:
    """Time, then memory."""
    tasks: list[Task] = [ours, tree_only, ruamel]
    costs: dict[Task, Cost] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "hve.yaml")
        file.write_text(large_configuration(ACCOUNTS), encoding="utf-8")

        def seconds(task: Task) -> float:
            costs[task] = cost_of(task, str(file))
            return costs[task].seconds

        # Without a warm-up round: every run is a new process, and the file was just written.
        times = Alternating(seconds, tasks).medians(_ROUNDS, warm_up=0)
    title = f"load {ACCOUNTS:,} accounts"
    yield compared(title, times[ours], "s", "ruamel.yaml round trip", times[ruamel])
    yield compared(f"{title}: libyaml's nodes alone", times[tree_only], "s", "ruamel.yaml round trip", times[ruamel])
    peak, other = costs[ours].peak_mib, costs[ruamel].peak_mib
    if peak is not None and other is not None:
        yield compared(f"{title}: peak memory", peak, "MiB", "ruamel.yaml round trip", other)


def ours(file: str) -> Work:
    """A task for bench.child: the configuration to the desired state, with every check."""
    from hveadmin.config.load import load

    return lambda: load([Path(file)], today=date(2026, 11, 23))


def tree_only(file: str) -> Work:
    """A task for bench.child: the tree of nodes, by libyaml."""
    import yaml

    return lambda: yaml.compose(Path(file).read_bytes(), Loader=yaml.CSafeLoader)


def ruamel(file: str) -> Work:
    """A task for bench.child: what an editor that keeps comments would load."""
    from ruamel.yaml import YAML

    return lambda: YAML(typ="rt").load(Path(file))

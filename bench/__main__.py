"""
Run the benchmarks, print one table, and write it to bench/results/.

    python -m bench [NAME...]

A goal that is missed is printed as MISSED and the exit code stays 0: a benchmark informs. Exit code 1 means that
something could not be measured, 2 that there is no benchmark of such a name.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from tabulate import tabulate

from bench.measurement import Measurement, machine, number

Benchmark = Callable[[], Iterable[Measurement]]

NAMES = ("startup", "calls", "audit", "transports", "pure_plan", "config_load")
RESULTS = Path(__file__).resolve().parent / "results"

_FORMAT = 1
_LIBRARIES = ("hveadmin", "typer", "httpx2", "azure-identity", "msal", "pydantic", "PyYAML", "ruamel.yaml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run those that are named, else all; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed and size, as ratios in one run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; default: all")
    names: list[str] = parser.parse_args(arguments).names or list(NAMES)
    for name in names:
        if name not in NAMES:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(NAMES)}")
    return run({name: import_module(f"bench.{name}").measure for name in names}, RESULTS)


def run(benchmarks: Mapping[str, Benchmark], results: Path) -> int:
    """Run benchmarks one after the other, whatever becomes of the one before; 1 if one could not be run, else 0."""
    measured: dict[str, list[Measurement]] = {}
    failed: list[str] = []
    for name, measure in benchmarks.items():
        print(f"{name} …", file=sys.stderr, flush=True)
        measured[name] = []
        try:
            measured[name].extend(measure())
        except Exception:
            traceback.print_exc()
            failed.append(name)
    print(table(measured))
    print(f"\n{verdict([each for some in measured.values() for each in some])}")
    print(f"Written to {write(measured, failed, results)}")
    if failed:
        print(f"could not be measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def table(measured: Mapping[str, Sequence[Measurement]]) -> str:
    """All measurements in one table."""
    rows = [_row(name, each) for name, some in measured.items() for each in some]
    headers = ["benchmark", "what", "value", "against", "ratio", "goal", ""]
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True)


def _row(benchmark: str, each: Measurement) -> list[str]:
    ratio = "" if each.ratio is None else f"{each.ratio:.2f}"
    met = {None: "", True: "met", False: "MISSED"}[each.met]
    return [benchmark, each.name, f"{number(each.value)} {each.unit}", each.against, ratio, each.goal, met]


def verdict(measured: Sequence[Measurement]) -> str:
    """How many goals were met, and which were not."""
    goals = [each for each in measured if each.met is not None]
    missed = [each.name for each in goals if not each.met]
    if not missed:
        return f"{len(goals)} of {len(goals)} goals met."
    return (
        f"{len(goals) - len(missed)} of {len(goals)} goals met. MISSED: {'; '.join(missed)}.\n"
        "The exit code stays 0: a benchmark informs."
    )


def write(measured: Mapping[str, Sequence[Measurement]], failed: Sequence[str], results: Path) -> Path:
    """Write everything as JSON, one file a run; its path."""
    now = datetime.now(UTC)
    document = {
        "format_version": _FORMAT,
        "date": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "cpu_count": os.cpu_count(),
        "versions": {library: version(library) for library in _LIBRARIES},
        "failed": list(failed),
        "measurements": [{"benchmark": name, **asdict(each)} for name, some in measured.items() for each in some],
    }
    results.mkdir(parents=True, exist_ok=True)
    file = results / f"{now:%Y%m%dT%H%M%S%fZ}.json"
    file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    sys.exit(main())

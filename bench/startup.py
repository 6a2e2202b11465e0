"""
`hveadmin --help` against the smallest program that Typer can make: time, modules, memory.

Help is what shells' completions and people ask for first, so it must not pay for libraries that only a command needs.
Both are started as an installed script is: `python FILE --help`.
"""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.child import Work, cost_of, output_of
from bench.measurement import Alternating, Measurement, compared

_HERE = Path(__file__).resolve().parent
OURS, BARE = _HERE / "entry_point.py", _HERE / "bare_program.py"

HEAVY = frozenset({"httpx2", "msal", "azure", "pypsrp", "pydantic", "tabulate"})
"""Libraries that help must not import."""

_ROUNDS = 21
_AT_MOST = 1.15
_IMPORTED = re.compile(r"^import time:\s*\d+ \|\s*\d+ \|\s*(\S+)$", re.MULTILINE)


def measure() -> Iterator[Measurement]:
    """Time first, then what is imported, then memory."""
    times = Alternating(_seconds, [OURS, BARE]).medians(_ROUNDS, warm_up=2)
    yield compared(
        "hveadmin --help", 1000 * times[OURS], "ms", "bare Typer program", 1000 * times[BARE], at_most=_AT_MOST
    )
    ours, bare = imported_by(OURS), imported_by(BARE)
    heavy = heavy_ones(ours, HEAVY)
    yield Measurement(
        f"hveadmin --help: of {', '.join(sorted(HEAVY))}", len(heavy), "imported", goal="0", met=len(heavy) == 0
    )
    yield compared("hveadmin --help: modules imported", len(ours), "modules", "bare Typer program", len(bare))
    yield from _memory()


def _seconds(script: Path) -> float:
    """From the start of the process to its end."""
    start = time.perf_counter()
    output_of([sys.executable, str(script), "--help"])
    return time.perf_counter() - start


def imported_by(script: Path) -> frozenset[str]:
    """Every module that a script's --help imports, by its dotted name."""
    said = output_of([sys.executable, "-X", "importtime", str(script), "--help"], stderr=True)
    return frozenset(_IMPORTED.findall(said))


def heavy_ones(modules: Iterable[str], libraries: frozenset[str]) -> frozenset[str]:
    """Those of `libraries` of which a module was imported."""
    return libraries & {module.partition(".")[0] for module in modules}


def _memory() -> Iterator[Measurement]:
    peaks = {script: cost_of(help_of, str(script)).peak_mib for script in (OURS, BARE)}
    ours, bare = peaks[OURS], peaks[BARE]
    if ours is not None and bare is not None:
        yield compared("hveadmin --help: peak memory", ours, "MiB", "bare Typer program", bare)


def help_of(script: str) -> Work:
    """A task for bench.child: print a script's help, to nobody."""

    def work() -> None:
        sys.argv = [script, "--help"]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            runpy.run_path(script, run_name="__main__")

    return work

"""
One piece of work in a process of its own: how long it took, and the most memory the process ever had.

    python -m bench.child bench.config_load:ours FILE

The named function is called with the arguments and prepares (imports, for the most part); what it returns is the
work, which is timed. The parent reads the cost as the last line of the child's stdout.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from bench.measurement import BenchmarkFailed

Work = Callable[[], object]

MIB = 1024 * 1024
_ROOT = Path(__file__).resolve().parent.parent
_PATIENCE = 300.0
"""Seconds after which a child is given up."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of some work cost."""

    seconds: float
    peak_mib: float | None
    """The process's largest resident size; None where the operating system does not say."""


def cost_of(task: Callable[..., Work], *arguments: str, environ: Mapping[str, str] | None = None) -> Cost:
    """Run the work that `task` (a function of a module) prepares in a new process. Raises BenchmarkFailed."""
    name = f"{task.__module__}:{task.__name__}"
    said = output_of([sys.executable, "-m", "bench.child", name, *arguments], environ=environ)
    return Cost(**json.loads(said.splitlines()[-1]))


def output_of(command: list[str], *, environ: Mapping[str, str] | None = None, stderr: bool = False) -> str:
    """What a command says on stdout, or on stderr. Raises BenchmarkFailed where it does not end with 0."""
    done = subprocess.run(
        command,
        cwd=_ROOT,
        env=environ,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        raise BenchmarkFailed(f"{' '.join(command[1:])} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stderr if stderr else done.stdout


def peak_mib() -> float | None:
    """The most memory that this process ever had, in MiB."""
    if sys.platform == "win32":
        return None
    elif sys.platform == "linux":  # noqa: RET505 (mypy needs the branches to see one platform each)
        return _high_water_mark(Path("/proc/self/status").read_text(encoding="ascii", errors="replace"))
    else:
        import resource

        # Bytes on macOS, KiB on the BSDs.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def _high_water_mark(status: str) -> float | None:
    # Not getrusage: there the maximum begins with what the parent had when it started this process.
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(sizes[0]) / 1024 if sizes else None


def main(task: str, *arguments: str) -> None:
    module, _, function = task.partition(":")
    work: Work = getattr(import_module(module), function)(*arguments)
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    del result
    print()
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main(*sys.argv[1:])

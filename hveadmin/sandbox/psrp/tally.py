"""What the remoting endpoints did, counted: so that a test can prove that no shell was left behind."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Counts:
    """Shells (runspace pools) and pipelines so far. A pipeline has ended when it completed, failed or was stopped."""

    shells_opened: int = 0
    shells_closed: int = 0
    pipelines_started: int = 0
    pipelines_ended: int = 0
    commands: Mapping[str, int] = field(default_factory=dict)
    """How many times each command was run, by its name as it was written."""

    @property
    def shells_open(self) -> int:
        """Shells that nobody closed."""
        return self.shells_opened - self.shells_closed

    @property
    def pipelines_running(self) -> int:
        return self.pipelines_started - self.pipelines_ended


class Tally:
    """Counts, thread-safe. `keep` is told the counts after each change."""

    def __init__(self, keep: Callable[[Counts], None] | None = None) -> None:
        self._lock = threading.Lock()
        self._counts = Counts()
        self._commands: Counter[str] = Counter()
        self._keep = keep

    @property
    def now(self) -> Counts:
        with self._lock:
            return self._counts

    def clear(self) -> None:
        """Start again from nothing; what is open then is not counted."""
        with self._lock:
            self._commands.clear()
            self._counts = Counts()

    def shell_opened(self) -> None:
        self._add(opened=1)

    def shell_closed(self) -> None:
        self._add(closed=1)

    def pipeline_started(self, command: str) -> None:
        self._add(started=1, command=command)

    def pipeline_ended(self) -> None:
        self._add(ended=1)

    def _add(self, *, opened: int = 0, closed: int = 0, started: int = 0, ended: int = 0, command: str = "") -> None:
        with self._lock:
            if command:
                self._commands[command] += 1
            self._counts = replace(
                self._counts,
                shells_opened=self._counts.shells_opened + opened,
                shells_closed=self._counts.shells_closed + closed,
                pipelines_started=self._counts.pipelines_started + started,
                pipelines_ended=self._counts.pipelines_ended + ended,
                commands=dict(self._commands),
            )
            if self._keep is not None:
                self._keep(self._counts)

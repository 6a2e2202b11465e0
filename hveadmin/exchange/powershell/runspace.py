"""
What a session needs of a wire, and how a wire says that it broke.

A wire knows commands and values, not Exchange: it runs one command at a time, to its end or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

STOP_SECONDS = 5.0
"""How long a wire may take to stop a command, and how long to close a session. After that it is left to die."""

SILENT_SECONDS = 120.0
"""How long a host may say nothing while a command runs; what REST allows one request."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error record."""

    text: str
    """The exception's message."""
    exception: str = ""
    """The .NET type."""
    error_id: str = ""
    """FullyQualifiedErrorId."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command that ended said."""

    output: Sequence[object]
    """As the wire's library has it; for `values`."""
    troubles: Sequence[Trouble] = ()
    """Why it failed; empty where it did not."""
    warnings: Sequence[str] = ()


class Broken(Exception):
    """
    The session is gone, or was never there.

    `sent` says whether the host may have begun to execute the command.
    """

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent


class NoAnswer(Exception):
    """
    Nothing came in time, and the command was stopped.

    `usable` says whether the session can be used on; `seconds` is how long was waited.
    """

    def __init__(self, seconds: float, *, usable: bool, why: str = "") -> None:
        super().__init__(seconds)
        self.seconds = seconds
        self.usable = usable
        self.why = why


class Runspace(Protocol):
    """An open session on a host."""

    def call(self, name: str, parameters: Mapping[str, object], seconds: float) -> Said:
        """
        Run one command with its parameters, for at most so many seconds and no longer than SILENT_SECONDS in silence.

        Raises Broken or NoAnswer. Whatever is raised, KeyboardInterrupt among it, the command does not run on.
        """
        ...

    def describe(self) -> Mapping[str, str]:
        """What the host says of itself."""
        ...

    def close(self) -> None:
        """End the session, within STOP_SECONDS, and leave nothing behind. Closing twice is no error."""
        ...


@dataclass(frozen=True, slots=True)
class Wire:
    """A way to sessions on one host."""

    transport: str
    """The transport's name."""
    facts: Mapping[str, str]
    """Whom it talks to and how, for people; no secret in it."""
    open: Callable[[float], Runspace]
    """
    Open a session within so many seconds. Raises AuthError, ConnectFailed or TimedOut, and UsageError for what is
    missing on this side.
    """
    secrets: tuple[str, ...] = ()
    """What must not be repeated, whoever says it."""

    @property
    def host(self) -> str:
        """Whom it talks to, in a word or two."""
        return self.facts["host"]


def whole(seconds: float) -> int:
    """Seconds for a protocol that knows whole ones only: at least one."""
    return max(1, math.floor(seconds))

"""
Every error that hveadmin expects, with the exit code it ends in.

    HveAdminError                      says what happened, where, and what to do next
    ├── UsageError            2        a bad flag; nothing was contacted
    │   └── ConfigError       2        a bad configuration: all problems at once, file:line:column
    ├── AuthError             5        cannot sign in, or a role is missing
    ├── Refused               6        a rail, a stale plan, a missing confirmation; nothing was written
    ├── Incomplete            7        some account or tenant could not be read or written
    ├── OpenAccount           8        an account that must be restricted was observed with an empty list
    └── ServiceError          1        the network or the service
        ├── ConnectFailed              nobody answered
        ├── TimedOut                   an overall deadline ran out       (outcome_unknown)
        ├── SessionLost                the answer was lost on the way    (outcome_unknown)
        ├── UnreadableReply            an answer that cannot be trusted: truncated, not JSON, a property missing
        ├── CmdletFailed               Exchange refused a cmdlet
        │   ├── NotFound               no such object
        │   ├── Denied                 no right to do it (exit 5)
        │   ├── Throttled              too many requests, after all tries
        │   └── AlreadyThere           it is so already
        └── DirectoryUnreadable        Graph answered no, or not at all

Anything else is a bug: it keeps its traceback and ends in 1.

An error is its fields; the sentence is made from them once, by the command line. `outcome_unknown` on a write
means that the change may or may not have happened: read back first, then decide, never send it again blindly.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar


class Outcome(IntEnum):
    """How a run ended; the value is the exit code."""

    OK = 0
    ERROR = 1
    USAGE = 2
    CHANGES = 3
    FINDINGS = 4
    AUTH = 5
    REFUSED = 6
    INCOMPLETE = 7
    OPEN = 8
    INTERRUPTED = 130


# Over many tenants the worst wins. Usage errors and interruptions end a run before there are tenants to compare.
_WORST_FIRST = (
    Outcome.OPEN,
    Outcome.INTERRUPTED,
    Outcome.USAGE,
    Outcome.INCOMPLETE,
    Outcome.ERROR,
    Outcome.AUTH,
    Outcome.REFUSED,
    Outcome.FINDINGS,
    Outcome.CHANGES,
    Outcome.OK,
)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of a run from the outcomes of its tenants; OK when there are none."""
    return min(outcomes, key=_WORST_FIRST.index, default=Outcome.OK)


class HveAdminError(Exception):
    """What happened and where (`message`), and what to do next (`hint`, may be empty)."""

    outcome: ClassVar[Outcome] = Outcome.ERROR

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HveAdminError):
    """A flag or an argument that cannot be meant so. Nothing was contacted."""

    outcome = Outcome.USAGE


class ConfigError(UsageError):
    """A configuration that cannot be meant so. `problems` holds one finished line (or block of lines) each."""

    def __init__(self, problems: Iterable[str], *, hint: str = "") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the configuration", hint=hint)


class AuthError(HveAdminError):
    """Nobody signed in, or whoever did lacks a role. The hint says what to grant, and where."""

    outcome = Outcome.AUTH


class Refused(HveAdminError):
    """A rail said no. Nothing was written. `reasons` holds every objection, not only the first."""

    outcome = Outcome.REFUSED

    def __init__(self, message: str, *, reasons: Iterable[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reasons = tuple(reasons)


class Incomplete(HveAdminError):
    """Some of it could not be read or written; the rest is done."""

    outcome = Outcome.INCOMPLETE


class OpenAccount(HveAdminError):
    """An account that must be restricted was observed with an empty list: every application may send."""

    outcome = Outcome.OPEN


class ServiceError(HveAdminError):
    """The network or the service. `request_id` and `server` are for a support ticket."""

    outcome_unknown: bool = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        request_id: str = "",
        server: str = "",
        outcome_unknown: bool | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.request_id = request_id
        self.server = server
        if outcome_unknown is not None:
            self.outcome_unknown = outcome_unknown


class ConnectFailed(ServiceError):
    """Nobody answered: no name, no route, no TLS. Nothing was sent."""


class TimedOut(ServiceError):
    """The deadline ran out while waiting for an answer."""

    outcome_unknown = True


class SessionLost(ServiceError):
    """The connection broke after the request was sent."""

    outcome_unknown = True


class UnreadableReply(ServiceError):
    """An answer that must not be trusted: cut short, not JSON, or without the property that was asked for."""


class CmdletFailed(ServiceError):
    """Exchange answered a cmdlet with an error."""

    def __init__(
        self,
        message: str,
        *,
        cmdlet: str,
        code: str = "",
        exception: str = "",
        hint: str = "",
        request_id: str = "",
        server: str = "",
        outcome_unknown: bool | None = None,
    ) -> None:
        super().__init__(message, hint=hint, request_id=request_id, server=server, outcome_unknown=outcome_unknown)
        self.cmdlet = cmdlet
        self.code = code
        self.exception = exception


class NotFound(CmdletFailed):
    """No such object in the tenant."""


class Denied(CmdletFailed):
    """The caller has no right to run this cmdlet."""

    outcome = Outcome.AUTH


class Throttled(CmdletFailed):
    """The service asked for patience for longer than we were allowed to wait."""


class AlreadyThere(CmdletFailed):
    """What was to be done is so already."""


class DirectoryUnreadable(ServiceError):
    """Graph could not be read. What it would have said is unknown, not empty."""

"""
What a tenant's journal tells: which runs there were, what each call tried, and what was read back after it. Pure.

A journal knows what hveadmin did from one place. What somebody did elsewhere, or with another tool, is not in it, so
nothing in here says that something did not happen: only that this journal does not know of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hveadmin.domain.ids import Guid, ObjectId
from hveadmin.domain.tenant import AllowedApps, Known


@dataclass(frozen=True, slots=True)
class JournaledCall:
    """One call that was about to be made, and what came of it as far as it was written down."""

    time: datetime
    """When it was about to be made, with its time zone."""
    account: str
    """The address that the account had then."""
    guid: Guid
    action: str
    """`grant` or `revoke`."""
    apps: tuple[ObjectId, ...]
    error: str | None = None
    """Empty where it returned without one; None where nobody wrote down that it returned."""
    seen: AllowedApps | None = None
    """The account's list as it was read back; None where it was not."""
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class JournaledRun:
    """One plan that was applied, or begun."""

    plan_id: str
    started_at: datetime
    tenant: str = ""
    """What the tenant was called then."""
    changes: int | None = None
    """How many accounts the plan was to change; None where that was not written down."""
    ended_at: datetime | None = None
    outcome: str = ""
    """As the exit codes are named; empty where nobody wrote down that the run ended."""
    calls: tuple[JournaledCall, ...] = ()

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts that it called for, each once, in the order of the calls."""
        return tuple(dict.fromkeys(call.account for call in self.calls))


@dataclass(frozen=True, slots=True)
class History:
    """All that one tenant's journal holds."""

    runs: tuple[JournaledRun, ...] = ()
    """In the order they began."""
    records: int = 0
    unreadable_lines: int = 0
    """Lines that are no record: cut off by a crash, or edited."""
    sha256: str = ""
    """Over the journal's bytes as they were read; empty where there is no journal."""
    size: int = 0
    """How many bytes those were."""
    head: str = ""
    """The hash of the last record, where the journal chains them; empty where it does not."""


NO_HISTORY = History()
"""A tenant in which this place's hveadmin never applied anything."""


class How(StrEnum):
    """How it is known since when an application has been on a list."""

    GRANTED = "granted"
    """A call of ours put it there, and read it back."""
    SEEN = "seen"
    """It was there when a call of ours read the list back; who put it there, and when, the journal does not know."""
    LATER = "later"
    """It was not there when a call of ours last read the list back: somebody put it there afterwards."""


@dataclass(frozen=True, slots=True)
class Since:
    """Since when an application has been on a list, for all that the journal knows."""

    at: datetime
    how: How
    plan_id: str = ""
    """The run that knows it."""


def last_seen(history: History, guid: Guid, as_of: datetime) -> tuple[Known, datetime] | None:
    """An account's list as a call of ours last read it back, and when; None where none did by `as_of`."""
    found = list(_readings(history, guid, as_of))
    return (found[-1][1], found[-1][2]) if found else None


def known_since(history: History, guid: Guid, app: ObjectId, as_of: datetime) -> Since | None:
    """
    Since when an application that is on an account's list at `as_of` has been on it; None where nothing is known.

    What was taken off and put back counts from the last time on.
    """
    since: Since | None = None
    for run, seen, at, call in _readings(history, guid, as_of):
        if app not in seen.apps:
            since = Since(at, How.LATER, run.plan_id)
        elif since is None or since.how is How.LATER:
            ours = call.action == "grant" and app in call.apps
            since = Since(at, How.GRANTED if ours else How.SEEN, run.plan_id)
    return since


def _readings(
    history: History, guid: Guid, as_of: datetime
) -> Iterator[tuple[JournaledRun, Known, datetime, JournaledCall]]:
    """Every time that a call of ours read an account's list back and could."""
    for run in history.runs:
        for call in run.calls:
            at = call.seen_at
            if call.guid.value == guid.value and isinstance(call.seen, Known) and at is not None and at <= as_of:
                yield run, call.seen, at, call

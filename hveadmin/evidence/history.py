"""
The journal read again: lines to runs and calls, for whoever reports what was done.

A line that cannot be read is counted and never passed over in silence: what it said is not known. A journal that is
not there is one of a place where nothing was ever applied.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hveadmin.domain.ids import Guid, NotAGuid, ObjectId
from hveadmin.domain.journaled import NO_HISTORY, History, JournaledCall, JournaledRun
from hveadmin.domain.tenant import AllowedApps, Known, Unknown
from hveadmin.errors import HveAdminError


class JournalUnreadable(HveAdminError):
    """The journal is there and cannot be read."""


def read_history(file: Path) -> History:
    """All that a journal holds. Raises JournalUnreadable where it is there and cannot be read."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return NO_HISTORY
    except OSError as problem:
        raise JournalUnreadable(f"the journal {file} cannot be read: {problem.strerror}") from None
    return history_of(data)


def history_of(data: bytes) -> History:
    """All that the bytes of a journal hold."""
    reading = _Reading()
    lines = data.split(b"\n")
    for line in lines:
        if line:
            reading.take(line)
    return History(
        runs=tuple(each.finished for each in reading.runs.values()),
        records=reading.records,
        unreadable_lines=reading.unreadable,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        head=reading.head,
    )


@dataclass
class _Run:
    """A run whose records are still coming in."""

    run: JournaledRun
    calls: list[JournaledCall] = field(default_factory=list)

    @property
    def finished(self) -> JournaledRun:
        return replace(self.run, calls=tuple(self.calls))

    def open_call(self, record: Mapping[str, Any], time: datetime) -> int:
        """The last call for the record's account; accounts may take turns. One whose intent was lost begins here."""
        call = _call(record, time)
        found = [index for index, each in enumerate(self.calls) if each.guid == call.guid]
        if not found or _key(self.calls[found[-1]]) != _key(call):
            self.calls.append(call)
            return len(self.calls) - 1
        return found[-1]


@dataclass
class _Reading:
    runs: dict[str, _Run] = field(default_factory=dict)
    records: int = 0
    unreadable: int = 0
    head: str = ""

    def take(self, line: bytes) -> None:
        try:
            record = json.loads(line.decode("utf-8"))
            self._note(record)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, NotAGuid):
            # Whatever is wrong with it, and whoever wrote it: one line's meaning is not known.
            self.unreadable += 1
            return
        self.records += 1
        self.head = record["hash"] if isinstance(record.get("hash"), str) else ""

    def _note(self, record: Mapping[str, Any]) -> None:
        time = datetime.fromisoformat(record["time"])
        if time.tzinfo is None:
            raise ValueError("a time without its time zone")
        plan_id = _text(record["plan_id"])
        run = self.runs.get(plan_id) or _Run(JournaledRun(plan_id, time))
        self._into(run, record, time)
        # Only now: a line that says nothing begins no run.
        self.runs[plan_id] = run

    def _into(self, run: _Run, record: Mapping[str, Any], time: datetime) -> None:
        match record["event"]:
            case "begin":
                changes = record.get("changes")
                run.run = replace(
                    run.run,
                    started_at=time,
                    tenant=_text(record.get("tenant", "")),
                    changes=changes if isinstance(changes, int) else None,
                )
            case "intent":
                run.calls.append(_call(record, time))
            case "result":
                error = _text(record["error"])
                at = run.open_call(record, time)
                run.calls[at] = replace(run.calls[at], error=error)
            case "read_back":
                seen = _seen(record)
                at = run.open_call(record, time)
                run.calls[at] = replace(run.calls[at], seen=seen, seen_at=time)
            case "end":
                run.run = replace(run.run, ended_at=time, outcome=_text(record["outcome"]))
            case _:
                pass  # a later version's record, which does not change what the others say


def _call(record: Mapping[str, Any], time: datetime) -> JournaledCall:
    apps = tuple(ObjectId.parse(each) for each in record["apps"])
    return JournaledCall(time, _text(record["account"]), Guid.parse(record["guid"]), _text(record["action"]), apps)


def _key(call: JournaledCall) -> tuple[Guid, str, tuple[ObjectId, ...]]:
    return (call.guid, call.action, call.apps)


def _seen(record: Mapping[str, Any]) -> AllowedApps:
    """The list that was read back: null is unknown, never empty."""
    listed = record["allowed_apps"]
    if listed is None:
        return Unknown(_text(record.get("unknown", "")) or "nobody wrote down why")
    if not isinstance(listed, list):
        raise ValueError("a list that is none")
    return Known(frozenset(ObjectId.parse(each) for each in listed))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value

"""
The journal on disk: a line before every call, a line after it, a line for what was read back.

One JSONL file a tenant, only ever appended to, every record flushed to the disk before `intent` returns: a crash
leaves a line that says what was tried. Beside it lie the plans that were begun, one file each, made exclusively,
so that a plan is applied once. The hash chain, `resume` and the locks build on this and are not here yet.

    STATE/TENANT_ID/journal.jsonl      {"format_version": 1, "seq": 7, "time": …, "event": "intent", …}
    STATE/TENANT_ID/plans/PLAN_ID      empty; its presence says that the plan was begun
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from hveadmin.domain.applied import TAKES_EFFECT_WITHIN
from hveadmin.domain.ids import Guid, ObjectId, TenantId
from hveadmin.domain.plan import Change, Plan, Settling, Step
from hveadmin.domain.ports import Clock
from hveadmin.domain.tenant import AllowedApps, Known
from hveadmin.errors import HveAdminError, Refused

FORMAT_VERSION = 1


class JournalUnwritable(HveAdminError):
    """The journal cannot be written, so nothing may be tried."""


class FileJournal:
    """One tenant's journal (implements `domain.ports.Journal`)."""

    def __init__(self, state: Path, tenant_id: TenantId, clock: Clock) -> None:
        self._folder = state / tenant_id.value
        self._file = self._folder / "journal.jsonl"
        self._clock = clock
        self._plan_id = ""
        self._seq = 0

    @property
    def file(self) -> Path:
        """Where it is written; there is nothing yet where nothing was ever applied."""
        return self._file

    def begin(self, plan: Plan, plan_id: str) -> None:
        """Note that this plan is applied. Raises Refused if it was before, JournalUnwritable if that is not known."""
        self._plan_id = plan_id
        try:
            self._claim(plan_id)
        except FileExistsError:
            raise Refused(
                f"{plan.tenant}: this plan was applied before; a plan is applied once",
                hint="make a new plan: hveadmin plan",
            ) from None
        except OSError as problem:
            raise self._unwritable(problem) from None
        self._seq = sum(1 for _ in self._records())
        self._write("begin", {"tenant": plan.tenant, "changes": len(plan.changes)})

    def intent(self, change: Change, step: Step) -> None:
        self._write("intent", _call(change, step))

    def result(self, change: Change, step: Step, error: str) -> None:
        self._write("result", {**_call(change, step), "error": error})

    def read_back(self, change: Change, step: Step, seen: AllowedApps) -> None:
        listed = sorted(app.value for app in seen.apps) if isinstance(seen, Known) else None
        why = "" if isinstance(seen, Known) else seen.why
        self._write("read_back", {**_call(change, step), "allowed_apps": listed, "unknown": why})

    def end(self, plan: Plan, outcome: str) -> None:
        self._write("end", {"outcome": outcome})

    def settling(self) -> Mapping[Guid, Settling]:
        """What our calls of the last minutes left on which account (by guid), as it was read back."""
        now = self._clock.now()
        found: dict[Guid, Settling] = {}
        for record in self._records():
            listed, time, guid = (record.get(name) for name in ("allowed_apps", "time", "guid"))
            if isinstance(listed, list) and isinstance(time, str) and isinstance(guid, str):
                until = datetime.fromisoformat(time) + TAKES_EFFECT_WITHIN
                if until > now:
                    found[Guid(guid)] = Settling(frozenset(map(ObjectId, listed)), until)
        return found

    def left_restricted(self) -> Mapping[Guid, datetime]:
        """
        The accounts (by guid) on whose list our last call left, and read back, applications; and when.

        An account that our last call left empty is not among them. A read-back that failed says nothing.
        """
        found: dict[Guid, datetime] = {}
        for record in self._records():
            listed, time, guid = (record.get(name) for name in ("allowed_apps", "time", "guid"))
            if isinstance(listed, list) and isinstance(time, str) and isinstance(guid, str):
                found.pop(Guid(guid), None)
                if len(listed) > 0:
                    found[Guid(guid)] = datetime.fromisoformat(time)
        return found

    def _claim(self, plan_id: str) -> None:
        plans = self._folder / "plans"
        plans.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(plans / plan_id, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def _records(self) -> Iterator[dict[str, object]]:
        """Every whole record; the last line may be cut off where a crash met a write."""
        try:
            with self._file.open(encoding="utf-8") as lines:
                for line in lines:
                    record = _record(line)
                    if record is not None:
                        yield record
        except FileNotFoundError:
            return
        except (OSError, ValueError) as problem:
            raise self._unwritable(problem) from None

    def _write(self, event: str, fields: Mapping[str, object]) -> None:
        self._seq += 1
        record = {
            "format_version": FORMAT_VERSION,
            "seq": self._seq,
            "time": self._clock.now().isoformat(),
            "plan_id": self._plan_id,
            "event": event,
            **fields,
        }
        try:
            handle = os.open(self._file, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
            try:
                size = os.fstat(handle).st_size
                # A crash may have cut the last line off: it is ended here, so that it spoils no other.
                torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
                line = (b"\n" if torn else b"") + json.dumps(record).encode() + b"\n"
                if os.write(handle, line) != len(line):
                    raise OSError(errno.ENOSPC, "only a part of the record was written")
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as problem:
            raise self._unwritable(problem) from None

    def _unwritable(self, problem: Exception) -> JournalUnwritable:
        return JournalUnwritable(
            f"the journal {self._file} cannot be used: {problem}",
            hint="nothing is changed without a record of it; HVEADMIN_STATE names another folder",
        )


def _record(line: str) -> dict[str, object] | None:
    """One line's record; None for a line that a crash cut off."""
    try:
        record = json.loads(line) if line.endswith("\n") else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _call(change: Change, step: Step) -> dict[str, object]:
    return {
        "account": change.account.value,
        "guid": change.guid.value,
        "action": step.action.value,
        "apps": [app.value for app in step.apps],
    }

"""The journal read again: every run and call, and no line that cannot be read passed over in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import NOW, TENANT, TODAY, account, app, apps, entry, grant, snapshot, tenant
from memory_tenant import StandingClock

from hveadmin.domain.desired import DesiredState, Mode
from hveadmin.domain.journaled import NO_HISTORY
from hveadmin.domain.plan import Plan
from hveadmin.domain.tenant import Known, Unknown
from hveadmin.evidence.history import JournalUnreadable, history_of, read_history
from hveadmin.evidence.journal import FileJournal
from hveadmin.workflows.plan import decide_plan

CONFIGURED = tenant({"x": entry(Mode.ENFORCE, grant(1), grant(2)), "y": entry(Mode.ENFORCE, grant(3))})


@pytest.fixture
def plan() -> Plan:
    live = snapshot(account("x", (1,)), account("y", ()))
    return decide_plan(live, DesiredState({}, {}), CONFIGURED, today=TODAY, cloud="worldwide")


def record(event: str, **fields: object) -> bytes:
    named = {"account": "hve-x@contoso.com", "guid": account("x", ()).guid.value, "action": "grant", "apps": []}
    common = {"format_version": 1, "seq": 1, "time": NOW.isoformat(), "plan_id": "p1", "event": event}
    return json.dumps({**common, **named, **fields}).encode() + b"\n"


def test_what_the_journal_writes_is_read_back_run_by_run_and_call_by_call(tmp_path: Path, plan: Plan) -> None:
    clock = StandingClock()
    journal = FileJournal(tmp_path, TENANT, clock)
    by_account = {change.account.value: change for change in plan.changes}
    x, y = by_account["hve-x@contoso.com"], by_account["hve-y@contoso.com"]
    journal.begin(plan, "p1")
    # Accounts may take turns.
    journal.intent(x, x.steps[0])
    journal.intent(y, y.steps[0])
    journal.result(y, y.steps[0], "denied")
    journal.result(x, x.steps[0], "")
    clock.sleep(7)
    journal.read_back(x, x.steps[0], Known(apps(1, 2)))
    journal.read_back(y, y.steps[0], Unknown("time out"))
    journal.end(plan, "incomplete")
    clock.sleep(60)
    journal.begin(plan, "p2")
    journal.intent(y, y.steps[0])

    history = read_history(journal.file)
    first, second = history.runs
    assert (first.plan_id, first.tenant, first.changes, first.outcome) == ("p1", "contoso", 2, "incomplete")
    assert first.accounts == ("hve-x@contoso.com", "hve-y@contoso.com")
    assert [(call.error, call.seen) for call in first.calls] == [
        ("", Known(apps(1, 2))),
        ("denied", Unknown("time out")),
    ]
    assert first.calls[0].apps == (app(2),)
    assert (first.calls[0].seen_at or NOW) > first.calls[0].time
    assert (second.ended_at, second.outcome) == (None, "")
    assert (second.calls[0].error, second.calls[0].seen) == (None, None), "nobody wrote down what came of it"
    assert (history.records, history.unreadable_lines) == (10, 0)
    assert history.size == journal.file.stat().st_size
    assert history.head == ""


def test_where_nothing_was_ever_applied_there_is_no_history(tmp_path: Path) -> None:
    assert read_history(tmp_path / "journal.jsonl") == NO_HISTORY


def test_a_journal_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(JournalUnreadable):
        read_history(tmp_path / "journal.jsonl")


@pytest.mark.parametrize(
    "line",
    [
        b'{"event": "resu',
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        record("intent", time="yesterday").strip(),
        record("intent", time="2026-11-23T10:14:07").strip(),
        record("intent", guid="no guid").strip(),
        record("intent", apps=["no guid"]).strip(),
        record("result", error=7).strip(),
        record("read_back", allowed_apps="all").strip(),
        record("begin", plan_id=None).strip(),
    ],
)
def test_a_line_that_says_nothing_is_counted_and_begins_no_run(line: bytes) -> None:
    history = history_of(record("begin", plan_id="p0") + line + b"\n" + record("end", plan_id="p0", outcome="ok"))
    assert (history.unreadable_lines, history.records) == (1, 2)
    assert [(run.plan_id, run.outcome) for run in history.runs] == [("p0", "ok")]


def test_a_list_that_was_not_read_back_is_unknown_and_never_empty() -> None:
    history = history_of(record("intent") + record("read_back", allowed_apps=None, unknown=""))
    assert history.runs[0].calls[0].seen == Unknown("nobody wrote down why")
    assert history_of(record("intent") + record("read_back", allowed_apps=[])).runs[0].calls[0].seen == Known(apps())


def test_what_was_read_back_is_kept_where_its_intent_was_lost() -> None:
    history = history_of(record("intent", action="revoke") + record("read_back", allowed_apps=[app(1).value]))
    assert [(call.action, call.seen) for call in history.runs[0].calls] == [("revoke", None), ("grant", Known(apps(1)))]


def test_a_later_version_s_records_are_passed_over_and_its_chain_s_head_is_told() -> None:
    history = history_of(record("begin") + record("lock", held=True, hash="ab" * 32))
    assert (history.unreadable_lines, history.head) == (0, "ab" * 32)
    assert len(history.runs) == 1

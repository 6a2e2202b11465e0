"""What was tried is on disk before it is tried, and a plan is applied once."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from builders import NOW, TENANT, TODAY, account, app, apps, entry, grant, snapshot, tenant
from memory_tenant import StandingClock

from hveadmin.domain.desired import DesiredState, Mode
from hveadmin.domain.plan import Plan, Settling
from hveadmin.domain.tenant import Known, Unknown
from hveadmin.errors import Refused
from hveadmin.evidence.journal import FileJournal, JournalUnwritable
from hveadmin.workflows.plan import decide_plan


@pytest.fixture
def plan() -> Plan:
    configured = tenant({"x": entry(Mode.ENFORCE, grant(1), grant(2))})
    return decide_plan(snapshot(account("x", (1,))), DesiredState({}, {}), configured, today=TODAY, cloud="worldwide")


def records(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / TENANT.value / "journal.jsonl").read_text().splitlines()]


def test_every_call_leaves_intent_result_and_read_back(tmp_path: Path, plan: Plan) -> None:
    journal = FileJournal(tmp_path, TENANT, StandingClock())
    (change,) = plan.changes
    journal.begin(plan, "p1")
    journal.intent(change, change.steps[0])
    assert records(tmp_path)[-1]["event"] == "intent"
    assert records(tmp_path)[-1]["apps"] == [app(2).value]
    journal.result(change, change.steps[0], "")
    journal.read_back(change, change.steps[0], Known(apps(1, 2)))
    journal.read_back(change, change.steps[0], Unknown("time out"))
    journal.end(plan, "ok")
    written = records(tmp_path)
    assert [each["seq"] for each in written] == [1, 2, 3, 4, 5, 6]
    assert (written[4]["allowed_apps"], written[4]["unknown"]) == (None, "time out")


def test_a_plan_begins_once_also_for_another_process(tmp_path: Path, plan: Plan) -> None:
    FileJournal(tmp_path, TENANT, StandingClock()).begin(plan, "p1")
    with pytest.raises(Refused, match="applied before"):
        FileJournal(tmp_path, TENANT, StandingClock()).begin(plan, "p1")
    FileJournal(tmp_path, TENANT, StandingClock()).begin(plan, "p2")


def test_without_a_journal_nothing_may_be_tried(tmp_path: Path, plan: Plan) -> None:
    (tmp_path / TENANT.value).write_text("a file where the folder should be")
    with pytest.raises(JournalUnwritable):
        FileJournal(tmp_path, TENANT, StandingClock()).begin(plan, "p1")


def test_what_a_call_left_settles_for_five_minutes(tmp_path: Path, plan: Plan) -> None:
    journal = FileJournal(tmp_path, TENANT, StandingClock())
    (change,) = plan.changes
    journal.begin(plan, "p1")
    journal.result(change, change.steps[0], "denied")
    journal.read_back(change, change.steps[0], Unknown("time out"))
    assert journal.settling() == {}
    journal.read_back(change, change.steps[0], Known(apps(1, 2)))
    assert journal.settling() == {change.guid: Settling(apps(1, 2), NOW + timedelta(minutes=5))}
    later = StandingClock(NOW + timedelta(minutes=6))
    assert FileJournal(tmp_path, TENANT, later).settling() == {}


def test_a_line_cut_off_by_a_crash_is_passed_over(tmp_path: Path, plan: Plan) -> None:
    FileJournal(tmp_path, TENANT, StandingClock()).begin(plan, "p1")
    with (tmp_path / TENANT.value / "journal.jsonl").open("a") as file:
        file.write('{"event": "resu')
    assert FileJournal(tmp_path, TENANT, StandingClock()).settling() == {}


def test_a_torn_line_spoils_no_record_after_it(tmp_path: Path, plan: Plan) -> None:
    FileJournal(tmp_path, TENANT, StandingClock()).begin(plan, "p1")
    file = tmp_path / TENANT.value / "journal.jsonl"
    file.write_text(file.read_text()[:-20])
    (change,) = plan.changes
    journal = FileJournal(tmp_path, TENANT, StandingClock())
    journal.begin(plan, "p2")
    journal.read_back(change, change.steps[0], Known(apps(1, 2)))
    assert list(journal.settling()) == [change.guid]
    assert [line[:1] for line in file.read_text().splitlines()] == ["{"] * 3


@pytest.mark.parametrize("line", ["[]", "null", "{}", '{"event": "read_back", "allowed_apps": []}', "nonsense"])
def test_a_line_that_is_no_record_is_passed_over(tmp_path: Path, plan: Plan, line: str) -> None:
    FileJournal(tmp_path, TENANT, StandingClock()).begin(plan, "p1")
    with (tmp_path / TENANT.value / "journal.jsonl").open("a") as file:
        file.write(line + "\n")
    assert FileJournal(tmp_path, TENANT, StandingClock()).settling() == {}


def test_an_account_that_the_last_call_left_restricted_is_known_with_its_time(tmp_path: Path, plan: Plan) -> None:
    clock = StandingClock()
    journal = FileJournal(tmp_path, TENANT, clock)
    (change,) = plan.changes
    assert journal.left_restricted() == {}
    journal.begin(plan, "p1")
    journal.read_back(change, change.steps[0], Known(apps(1, 2)))
    clock.sleep(600)
    journal.read_back(change, change.steps[0], Known(apps(2)))
    assert journal.left_restricted() == {change.guid: NOW + timedelta(seconds=600)}
    journal.read_back(change, change.steps[0], Unknown("time out"))
    assert journal.left_restricted() == {change.guid: NOW + timedelta(seconds=600)}, "a failed read says nothing"
    journal.read_back(change, change.steps[0], Known(apps()))
    assert journal.left_restricted() == {}, "we left it open ourselves"

"""A report on a run says what was read back, loudest what is open, and what to do next."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW, TENANT, address, app, apps
from report.judged import SHOWING_ALL

from hveadmin.domain.applied import Applied, AppliedOutcome, RunResult
from hveadmin.domain.desired import Mode
from hveadmin.domain.ids import Guid
from hveadmin.domain.plan import Change, Plan, Unplanned
from hveadmin.domain.planner import COMMAND_LINE
from hveadmin.domain.tenant import AllowedApps, Known, Unknown
from hveadmin.report.apply import apply_report
from hveadmin.report.render import render
from hveadmin.report.style import Style

GUID = Guid("aaaaaaaa-0000-4000-8000-000000000001")


def applied(name: str, outcome: AppliedOutcome, after: AllowedApps, *, calls: int = 1, why: str = "") -> Applied:
    before, target = apps(1), apps(2)
    change = Change(address(name), GUID, Mode.ENFORCE, "hve.yaml:52", None, before, target, (), "f" * 64)
    return Applied(address(name), outcome, change, after, calls, why)


DONE = applied("done", AppliedOutcome.DONE, Known(apps(2)), calls=2)
HALF = applied("half", AppliedOutcome.FAILED, Known(apps(1, 2)), why="Remove-HVEAppAccess was refused")
LOST = applied("lost", AppliedOutcome.FAILED, Unknown("timed out"), why="the answer was lost")
OPEN = applied("open", AppliedOutcome.OPEN, Known(apps()), calls=2, why="somebody removed an application meanwhile")


def run(*accounts: Applied, unknown: tuple[Unplanned, ...] = (), effective: bool = True) -> RunResult:
    changes = tuple(each.change for each in accounts)
    plan = Plan("contoso", TENANT, "contoso.com", "worldwide", NOW, changes, 3, 0, unknown=unknown)
    effective_by = NOW + timedelta(minutes=5) if effective else None
    return RunResult(plan, "p1", NOW, NOW + timedelta(seconds=9), accounts, effective_by)


def text(*accounts: Applied, **kwargs: object) -> str:
    return render(apply_report(run(*accounts, **kwargs)), "table")  # type: ignore[arg-type]


def test_an_open_account_comes_first_and_loudest() -> None:
    shown = render(apply_report(run(DONE, HALF, OPEN)), "table", style=Style(color=True))
    body = shown.split("\n\n")[1]
    assert body.startswith("\x1b[1;97;41mOPEN  hve-open@contoso.com: any application may send through it now")


def test_done_comes_before_what_failed() -> None:
    shown = text(HALF, DONE)
    assert shown.index("hve-done") < shown.index("hve-half")


def test_the_summary_counts_what_was_read_back_and_not_what_was_planned() -> None:
    assert "1 done, 1 failed.   Grants +2 -1.   3 calls." in text(DONE, HALF)


def test_nothing_is_claimed_of_a_list_that_could_not_be_read_back() -> None:
    shown = text(DONE, LOST)
    assert "Grants +1 -1.   3 calls.   1 account UNKNOWN after." in shown
    assert "UNKNOWN: timed out" in shown


def test_an_unknown_list_has_no_apps_in_the_machine_form() -> None:
    account = json.loads(render(apply_report(run(LOST)), "json"))["accounts"][0]
    assert account["after"] == {"state": "unknown", "why": "timed out"}
    assert account["open"] is None


@pytest.mark.parametrize(
    ("outcome", "verb"),
    [
        (AppliedOutcome.FAILED, "plan"),
        (AppliedOutcome.STALE, "plan"),
        (AppliedOutcome.OPEN, "apply"),
        (AppliedOutcome.SKIPPED, "apply"),
        (AppliedOutcome.INTERRUPTED, "apply"),
    ],
)
def test_whatever_is_not_done_says_what_to_do_next(outcome: AppliedOutcome, verb: str) -> None:
    shown = text(applied("x", outcome, Known(apps(1)), calls=0, why="because"))
    assert f"next: hveadmin {verb} -t contoso -a hve-x@contoso.com" in shown
    assert "because" in shown


@pytest.mark.parametrize(
    ("outcome", "next_"),
    [
        (AppliedOutcome.OPEN, f"hveadmin account grant hve-x@contoso.com {app(2)}"),
        (AppliedOutcome.FAILED, "hveadmin account show hve-x@contoso.com"),
    ],
)
def test_a_one_off_is_not_answered_with_a_configuration(outcome: AppliedOutcome, next_: str) -> None:
    by_hand = applied("x", outcome, Known(apps()))
    by_hand = replace(by_hand, change=replace(by_hand.change, origin=COMMAND_LINE))
    assert text(by_hand).count("next: ") == text(by_hand).count(f"next: {next_}\n") == 1


@pytest.mark.parametrize("outcome", [AppliedOutcome.DONE, AppliedOutcome.ALREADY])
def test_what_is_done_needs_nothing(outcome: AppliedOutcome) -> None:
    assert "next:" not in text(applied("x", outcome, Known(apps(2))))


def test_when_a_change_takes_effect_is_told_where_there_was_one() -> None:
    assert "Takes effect by 10:20Z (Exchange needs up to 5 minutes)." in text(DONE)
    assert "Takes effect" not in text(applied("x", AppliedOutcome.ALREADY, Known(apps(2)), calls=0), effective=False)


@pytest.mark.parametrize("format_name", SHOWING_ALL)
def test_every_account_of_the_plan_is_named_in_every_format(format_name: str) -> None:
    shown = render(apply_report(run(DONE, HALF, LOST, OPEN)), format_name)
    assert all(each.account.value in shown for each in (DONE, HALF, LOST, OPEN))


@pytest.mark.parametrize("format_name", SHOWING_ALL)
def test_an_account_that_was_never_planned_is_not_forgotten(format_name: str) -> None:
    shown = render(apply_report(run(DONE, unknown=(Unplanned(address("scan"), "throttled"),))), format_name)
    assert "hve-scan@contoso.com" in shown
    assert "throttled" in shown


def test_an_empty_plan_says_that_nothing_was_done() -> None:
    assert "Nothing was to be done, and no call was made." in text(effective=False)


def test_an_account_opened_on_purpose_is_told_as_open() -> None:
    change = Change(address("erp"), GUID, Mode.UNRESTRICTED, "hve.yaml:9", None, apps(1), apps(), (), "f" * 64)
    shown = text(Applied(address("erp"), AppliedOutcome.DONE, change, Known(apps()), 1))
    assert "OPENED: any application may send" in shown


def test_ids_are_full_in_the_machine_form() -> None:
    account = json.loads(render(apply_report(run(DONE)), "json"))["accounts"][0]
    assert account["after"] == {"state": "known", "apps": [app(2).value]}

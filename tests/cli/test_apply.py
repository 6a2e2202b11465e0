"""plan, apply, plan again; saved plans; the rails. What a user types, and what the service was sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.scenes import (
    ADD,
    CHANGES_ALL,
    CLOSES_ONE,
    DUNNING,
    FULL_ACCOUNT,
    INVOICE,
    MONITORING,
    OPEN_ACCOUNT,
    OPENS_ONE,
    PAYROLL,
    REMOVE,
    SHOP,
    SHOP_ACCOUNT,
    configuration,
    listed,
    sent,
)
from cli.terminal import Terminal

from hveadmin.sandbox.server import Running, Sandbox

TWO_ACCOUNTS = configuration(
    f"{OPEN_ACCOUNT}: {{apps: [monitoring]}}", f"{SHOP_ACCOUNT}: {{mode: additive, apps: [dunning]}}"
)
PLAN = "contoso.plan.json"


@pytest.fixture
def planned(terminal: Terminal) -> Path:
    """A saved plan with two changes."""
    terminal.write("hve.yaml", TWO_ACCOUNTS)
    terminal.hveadmin("plan", "--out", ".").ends_with(0)
    return terminal.folder / PLAN


# Plan, apply, plan again


def test_the_story_from_difference_to_none(
    terminal: Terminal, sandbox: Sandbox, running: Running, golden: Callable[[str, str], None]
) -> None:
    terminal.write("hve.yaml", TWO_ACCOUNTS)
    told = [
        terminal.hveadmin("plan").ends_with(0),
        terminal.hveadmin("plan", "--detailed-exitcode", "-q").ends_with(3),
        terminal.hveadmin("apply", "--yes").ends_with(0),
        terminal.hveadmin("plan", "--detailed-exitcode").ends_with(0),
        terminal.hveadmin("apply", "--yes").ends_with(0),
    ]
    golden("story.txt", "\n".join(ran.transcript(terminal.folder) for ran in told))
    assert sent(running) == {ADD: 2}, "applying twice makes no call"
    assert listed(sandbox, OPEN_ACCOUNT) == {MONITORING}
    assert listed(sandbox, SHOP_ACCOUNT) == {SHOP, DUNNING}


def test_plan_writes_nothing(terminal: Terminal, running: Running) -> None:
    terminal.write("hve.yaml", CHANGES_ALL)
    terminal.hveadmin("plan", "--out", "plans").ends_with(0)
    assert sent(running) == {}
    assert all(name.startswith("Get-") for name in running.calls.cmdlets())


def test_only_the_accounts_that_are_named_are_changed(terminal: Terminal, sandbox: Sandbox, running: Running) -> None:
    terminal.write("hve.yaml", CHANGES_ALL)
    terminal.hveadmin("apply", "--yes", "-a", "hve-alert-*@contoso.com", "-a", "HVE-NOC@*").ends_with(0)
    assert sent(running) == {ADD: 4}
    assert DUNNING not in listed(sandbox, SHOP_ACCOUNT)


def test_without_a_terminal_and_without_an_answer_nothing_is_written(terminal: Terminal, running: Running) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.hveadmin("apply").ends_with(6)
    assert "nothing was written" in ran.err
    assert "--yes" in ran.err
    assert "CLOSES" in ran.err, "what would be answered is shown"
    assert sent(running) == {}


def test_the_result_is_on_stdout_and_the_plan_that_was_asked_about_is_not(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.hveadmin("apply", "--yes", "-o", "json").ends_with(0)
    assert ran.json["kind"] == "apply"
    assert "CLOSES" in ran.err


# Saved plans


def test_a_saved_plan_is_applied_exactly(terminal: Terminal, sandbox: Sandbox, running: Running, planned: Path) -> None:
    terminal.write("hve.yaml", TWO_ACCOUNTS.replace("[dunning]", "[payroll]"))
    terminal.hveadmin("apply", PLAN, "--yes").ends_with(0)
    assert listed(sandbox, SHOP_ACCOUNT) == {SHOP, DUNNING}, "what the plan says, not what the file says since"
    assert sent(running) == {ADD: 2}


def test_a_saved_plan_says_its_hash_and_is_bound_to_it(terminal: Terminal, running: Running, planned: Path) -> None:
    digest = hashlib.sha256(planned.read_bytes()).hexdigest()
    shown = terminal.hveadmin("show", PLAN, "-o", "json").ends_with(0).json
    assert shown["tenants"][0]["saved"]["sha256"] == digest
    ran = terminal.hveadmin("apply", PLAN, "--yes", "--expect-sha256", "0" * 64).ends_with(6)
    assert digest in ran.err
    assert sent(running) == {}
    terminal.hveadmin("apply", PLAN, "--yes", "--expect-sha256", digest.upper()).ends_with(0)


def test_a_plan_is_applied_once(terminal: Terminal, running: Running, planned: Path) -> None:
    terminal.hveadmin("apply", PLAN, "--yes").ends_with(0)
    ran = terminal.hveadmin("apply", PLAN, "--yes").ends_with(6)
    assert "applied before" in ran.err
    assert sent(running) == {ADD: 2}


def test_a_plan_is_applied_once_even_if_the_lists_are_as_before_again(
    terminal: Terminal, sandbox: Sandbox, running: Running, planned: Path
) -> None:
    terminal.hveadmin("apply", PLAN, "--yes").ends_with(0)
    sandbox.tenant("contoso").remove_apps(OPEN_ACCOUNT, [MONITORING])
    sandbox.tenant("contoso").remove_apps(SHOP_ACCOUNT, [DUNNING])
    ran = terminal.hveadmin("apply", PLAN, "--yes").ends_with(6)
    assert "a plan is applied once" in ran.err
    assert sent(running) == {ADD: 2}


def test_a_stale_plan_is_refused_whole_and_the_stale_account_is_named(
    terminal: Terminal, sandbox: Sandbox, running: Running, planned: Path
) -> None:
    sandbox.tenant("contoso").add_apps(SHOP_ACCOUNT, [PAYROLL])
    ran = terminal.hveadmin("apply", PLAN, "--yes").ends_with(6)
    assert f"{SHOP_ACCOUNT}: the list was changed since the plan was made" in ran.err
    assert OPEN_ACCOUNT not in ran.err.partition("error: ")[2]
    assert "--skip-stale" in ran.err
    assert sent(running) == {}


def test_show_warns_of_a_stale_plan_and_shows_it(terminal: Terminal, sandbox: Sandbox, planned: Path) -> None:
    sandbox.tenant("contoso").add_apps(SHOP_ACCOUNT, [PAYROLL])
    ran = terminal.hveadmin("show", PLAN).ends_with(0)
    assert f"STALE  {SHOP_ACCOUNT}" in ran.out
    assert f"{OPEN_ACCOUNT}" in ran.out


def test_show_works_when_nobody_answers(terminal: Terminal, running: Running, planned: Path) -> None:
    running.calls.clear()
    offline = terminal.hveadmin("show", PLAN, "--offline").ends_with(0)
    assert running.calls.count() == 0
    ran = terminal.hveadmin("show", PLAN, "-p", "nobody-there").ends_with(0)
    assert "whether the plan still fits was not looked at" in ran.err
    assert ran.out == offline.out


def test_skip_stale_does_the_others_and_says_that_it_is_not_all(
    terminal: Terminal, sandbox: Sandbox, running: Running, planned: Path
) -> None:
    sandbox.tenant("contoso").add_apps(SHOP_ACCOUNT, [PAYROLL])
    ran = terminal.hveadmin("apply", PLAN, "--yes", "--skip-stale").ends_with(7)
    assert "1 done, 1 stale" in ran.out
    assert sent(running) == {ADD: 1}
    assert listed(sandbox, OPEN_ACCOUNT) == {MONITORING}
    assert listed(sandbox, SHOP_ACCOUNT) == {SHOP, PAYROLL}


EDITS: dict[str, Callable[[str], str]] = {
    "another application in the steps": lambda text: text.replace(f'"apps":["{DUNNING}"]', f'"apps":["{INVOICE}"]'),
    "another list before": lambda text: text.replace(f'"before":["{SHOP}"]', f'"before":["{PAYROLL}"]'),
    "another tenant": lambda text: text.replace("8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06", INVOICE),
    "laid out anew": lambda text: json.dumps(json.loads(text), indent=2),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_plan_that_was_edited_is_refused(terminal: Terminal, running: Running, planned: Path, edit: str) -> None:
    before = planned.read_text()
    planned.write_text(EDITS[edit](before))
    assert planned.read_text() != before
    running.calls.clear()
    for words in (("apply", PLAN, "--yes"), ("show", PLAN)):
        ran = terminal.hveadmin(*words).ends_with(6)
        assert "is not as hveadmin wrote it" in ran.err
        assert ran.out == ""
    assert running.calls.count() == 0


def test_a_plan_whose_account_was_edited_fits_no_account(terminal: Terminal, running: Running, planned: Path) -> None:
    planned.write_text(planned.read_text().replace(SHOP_ACCOUNT, "hve-noc@contoso.com"))
    ran = terminal.hveadmin("apply", PLAN, "--yes").ends_with(6)
    assert "hve-noc@contoso.com: another account has this address now" in ran.err
    assert sent(running) == {}


def test_a_hash_without_a_plan_is_a_mistake_and_no_approval(terminal: Terminal, running: Running) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    terminal.hveadmin("apply", "--yes", "--expect-sha256", "0" * 64).ends_with(2)
    assert sent(running) == {}


def test_an_edit_that_makes_another_whole_plan_is_seen_by_its_hash(
    terminal: Terminal, running: Running, planned: Path
) -> None:
    approved = hashlib.sha256(planned.read_bytes()).hexdigest()
    planned.write_text(planned.read_text().replace(DUNNING, INVOICE))
    ran = terminal.hveadmin("apply", PLAN, "--yes", "--expect-sha256", approved).ends_with(6)
    assert "is not the plan that was approved" in ran.err
    assert sent(running) == {}


def test_a_plan_whose_application_became_another_thing_is_refused(
    terminal: Terminal, sandbox: Sandbox, running: Running, planned: Path
) -> None:
    sandbox.store.delete("8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06", "servicePrincipal", DUNNING)
    ran = terminal.hveadmin("apply", PLAN, "--yes").ends_with(6)
    assert DUNNING in ran.err
    assert sent(running) == {}


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"format_version": 999}', "version: 1\n", "\x00"])
def test_what_is_no_plan_is_said_to_be_none(terminal: Terminal, running: Running, text: str) -> None:
    terminal.write(PLAN, text)
    ran = terminal.hveadmin("apply", PLAN, "--yes", "-p", "operator").ends_with(2)
    assert PLAN in ran.err
    assert running.calls.count() == 0


def test_a_plan_that_is_not_there_is_said_so(terminal: Terminal) -> None:
    assert "nowhere.json" in terminal.hveadmin("apply", "nowhere.json", "--yes", "-p", "operator").ends_with(2).err


def test_a_plan_file_holds_what_it_was_made_from_and_no_secret(
    terminal: Terminal, sandbox: Sandbox, planned: Path
) -> None:
    plan = json.loads(planned.read_text())
    assert plan["tenant_id"] == "8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06"
    assert sandbox.operator.secret_path.read_text().strip() not in planned.read_text()


# The rails


def test_a_plan_over_its_limits_names_number_limit_place_and_flag(
    terminal: Terminal, sandbox: Sandbox, running: Running
) -> None:
    terminal.write("hve.yaml", CHANGES_ALL.replace("apps:\n", "limits: {accounts_changed: {max: 9}}\napps:\n", 1))
    ran = terminal.hveadmin("apply", "--yes").ends_with(6)
    assert "accounts changed: 14 of 14, limit 9 (hve.yaml:3); --approve-large 14 allows it" in ran.err
    assert sent(running) == {}
    terminal.hveadmin("apply", "--yes", "--approve-large", "13").ends_with(6)
    assert sent(running) == {}
    terminal.hveadmin("apply", "--yes", "--approve-large", "14").ends_with(0)
    assert sent(running) == {ADD: 13, REMOVE: 1}
    assert len(listed(sandbox, FULL_ACCOUNT)) == 9


def test_removals_have_a_limit_and_a_flag_of_their_own(terminal: Terminal, running: Running) -> None:
    terminal.write(
        "hve.yaml", configuration(f"{FULL_ACCOUNT}: {{apps: [monitoring]}}", limits="{grants_removed: {max: 8}}")
    )
    ran = terminal.hveadmin("apply", "--yes", "--approve-large", "99").ends_with(6)
    assert "grants removed: 9 of" in ran.err
    assert "--approve-removals 9 allows it" in ran.err
    assert sent(running) == {}
    terminal.hveadmin("apply", "--yes", "--approve-removals", "9").ends_with(0)
    assert sent(running) == {REMOVE: 1}


def test_an_account_is_opened_only_by_its_name(terminal: Terminal, sandbox: Sandbox, running: Running) -> None:
    terminal.write("hve.yaml", OPENS_ONE)
    shown = terminal.hveadmin("plan").ends_with(0)
    assert "OPENS: from then on any application may send" in shown.out
    for words in ((), ("--approve-large", "99"), ("--approve-removals", "99"), ("--allow-open", FULL_ACCOUNT)):
        ran = terminal.hveadmin("apply", "--yes", *words).ends_with(6)
        assert f"--allow-open {SHOP_ACCOUNT} allows it" in ran.err
    assert sent(running) == {}
    terminal.hveadmin("apply", "--yes", "--allow-open", SHOP_ACCOUNT.upper()).ends_with(0)
    assert listed(sandbox, SHOP_ACCOUNT) == set()


def test_a_flag_passes_no_other_rail(terminal: Terminal, running: Running) -> None:
    text = CHANGES_ALL.replace(
        "    accounts:\n",
        "    accounts:\n      hve-shop@contoso.com: {mode: unrestricted, reason: x, owner: y, expires: 2999-12-31}\n",
    )
    terminal.write("hve.yaml", text)
    ran = terminal.hveadmin("apply", "--yes", "--allow-open", SHOP_ACCOUNT).ends_with(6)
    assert "--approve-large 14" in ran.err
    ran = terminal.hveadmin("apply", "--yes", "--approve-large", "14").ends_with(6)
    assert f"--allow-open {SHOP_ACCOUNT}" in ran.err
    assert sent(running) == {}


def test_a_saved_plan_meets_the_same_rails(terminal: Terminal, running: Running) -> None:
    terminal.write("hve.yaml", CHANGES_ALL)
    terminal.hveadmin("plan", "--out", ".").ends_with(0)
    ran = terminal.hveadmin("apply", PLAN, "--yes").ends_with(6)
    assert "--approve-large 14" in ran.err
    assert sent(running) == {}


def test_the_last_application_of_an_account_is_not_declared_away(terminal: Terminal, running: Running) -> None:
    shop = f"  shop: {{object_id: {SHOP}, tenant: contoso, reason: Order mail}}\ntenants:"
    text = configuration(f"{SHOP_ACCOUNT}: {{mode: absent, apps: [shop]}}").replace("tenants:", shop, 1)
    terminal.write("hve.yaml", text)
    assert "REFUSED" in terminal.hveadmin("plan").ends_with(6).out
    terminal.hveadmin("apply", "--yes").ends_with(7)
    assert sent(running) == {}


def test_a_change_of_ours_that_settles_is_not_planned_again(terminal: Terminal, sandbox: Sandbox) -> None:
    terminal.write("hve.yaml", TWO_ACCOUNTS)
    terminal.hveadmin("apply", "--yes").ends_with(0)
    sandbox.tenant("contoso").remove_apps(SHOP_ACCOUNT, [DUNNING])
    ran = terminal.hveadmin("plan", "--detailed-exitcode").ends_with(0)
    assert f"{SHOP_ACCOUNT}: settling" in ran.out


def test_an_account_that_reads_open_is_never_settling(terminal: Terminal, sandbox: Sandbox) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    terminal.hveadmin("apply", "--yes").ends_with(0)
    sandbox.tenant("contoso").remove_apps(OPEN_ACCOUNT, [MONITORING])
    terminal.hveadmin("plan", "--detailed-exitcode").ends_with(3)
    terminal.hveadmin("apply", "--yes").ends_with(0)
    assert listed(sandbox, OPEN_ACCOUNT) == {MONITORING}


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--detailed-exitcode"),
        ("apply", "--yes"),
        pytest.param(("account", "list")),
    ],
)
def test_accounts_that_are_named_and_not_there_are_not_nothing_to_do(
    terminal: Terminal, words: tuple[str, ...]
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.hveadmin(*words, "-a", "hve-alert-bd@contoso.com")
    assert ran.code in (2, 6)
    assert "hve-alert-bd@contoso.com" in ran.err
    assert "no HVE account" not in ran.out


def test_rails_that_were_passed_by_a_flag_are_not_called_ok(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CHANGES_ALL)
    ran = terminal.hveadmin("apply", "--yes", "--approve-large", "14").ends_with(0)
    assert "Rails: ok" not in ran.err

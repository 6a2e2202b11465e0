"""A service that misbehaves: an exit code that says so, within the deadline, and nothing reported as empty."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from cli.scenes import ADD, CHANGES_ALL, CLOSES_ONE, MONITORING, OPEN_ACCOUNT, SHOP_ACCOUNT, listed, sent
from cli.terminal import Terminal

from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.server import Running, Sandbox

TIMEOUT = 1
"""Seconds; the least that --timeout takes."""
GRACE = 2.0
"""Seconds beside the deadline: starting, connecting, writing."""

BAD = {
    FaultKind.HTML: 1,
    FaultKind.NUL_BYTES: 5,  # which is what a missing role answers too
    FaultKind.HALF_PAGE: 1,
    FaultKind.CUT_SHORT: 1,
    FaultKind.THROTTLE: 1,
    FaultKind.UNAVAILABLE: 1,
    FaultKind.TRANSIENT: 1,
    FaultKind.REPLY_LOST: 1,
    FaultKind.HANG: 1,
}
"""How a command ends when the listing of the accounts goes wrong for ever."""


def within_the_deadline(started: float) -> bool:
    return time.monotonic() - started < TIMEOUT + GRACE


@pytest.mark.parametrize("kind", BAD)
def test_a_listing_that_cannot_be_read_is_no_empty_tenant(
    terminal: Terminal, sandbox: Sandbox, kind: FaultKind
) -> None:
    sandbox.add_fault(Fault(kind, surface=Surface.EXCHANGE, times=None, retry_after=30.0))
    started = time.monotonic()
    ran = terminal.hveadmin("account", "list", "-p", "operator", "-o", "json", "--timeout", str(TIMEOUT))
    assert within_the_deadline(started)
    ran.ends_with(BAD[kind])
    assert ran.out == "", "nothing was read, so nothing is reported"
    assert ran.err.startswith("error: ")


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind is not FaultKind.HANG])
def test_one_list_that_cannot_be_read_is_unknown_and_the_others_are_there(
    terminal: Terminal, sandbox: Sandbox, kind: FaultKind
) -> None:
    sandbox.add_fault(Fault(kind, account=OPEN_ACCOUNT, times=None, retry_after=30.0))
    ran = terminal.hveadmin("account", "list", "-p", "operator", "-o", "json", "--timeout", str(TIMEOUT)).ends_with(7)
    accounts = {each["account"]: each for each in ran.json["accounts"]}
    assert len(accounts) == 14
    # A connection that breaks takes the whole batch of ten with it; the answer of one item only itself.
    unknown = {name for name, each in accounts.items() if each["open"] is None}
    assert OPEN_ACCOUNT in unknown
    assert unknown == {OPEN_ACCOUNT} or kind in (FaultKind.CUT_SHORT, FaultKind.REPLY_LOST)
    for name in unknown:
        assert accounts[name]["allowed"]["state"] == "unknown"
        assert accounts[name]["allowed"]["why"]
        assert "apps" not in accounts[name]["allowed"]
    assert [name for name, each in accounts.items() if each["open"]] == (
        [] if "hve-legacy@contoso.com" in unknown else ["hve-legacy@contoso.com"]
    )


@pytest.mark.parametrize("format_name", ["table", "json", "jsonl", "yaml", "csv", "md"])
def test_every_format_says_of_an_unread_account_that_it_is_unknown(
    terminal: Terminal, sandbox: Sandbox, format_name: str
) -> None:
    sandbox.add_fault(Fault(FaultKind.HTML, account=OPEN_ACCOUNT, times=None))
    words = ("-a", OPEN_ACCOUNT, "-p", "operator", "-o", format_name)
    ran = terminal.hveadmin("account", "list", *words).ends_with(7)
    assert "unknown" in ran.out.lower()
    assert "any application may send" not in ran.out


def test_a_batch_that_hangs_leaves_its_accounts_unknown(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.HANG, account=OPEN_ACCOUNT, times=None))
    started = time.monotonic()
    ran = terminal.hveadmin("account", "list", "-p", "operator", "-o", "json", "--timeout", str(TIMEOUT))
    assert within_the_deadline(started)
    accounts = {each["account"]: each for each in ran.ends_with(7).json["accounts"]}
    assert accounts[OPEN_ACCOUNT]["open"] is None
    assert "deadline" in accounts[OPEN_ACCOUNT]["allowed"]["why"]


def test_what_could_not_be_read_is_neither_planned_nor_written(
    terminal: Terminal, sandbox: Sandbox, running: Running
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    sandbox.add_fault(Fault(FaultKind.HALF_PAGE, cmdlet="Get-HVEAccountSettings", account=OPEN_ACCOUNT, times=None))
    planned = terminal.hveadmin("plan", "--detailed-exitcode", "-o", "json").ends_with(7).json
    assert planned["changes"] == []
    assert [each["account"] for each in planned["unknown"]] == [OPEN_ACCOUNT]
    applied = terminal.hveadmin("apply", "--yes").ends_with(7)
    assert "UNKNOWN" in applied.out
    assert sent(running) == {}


@pytest.mark.parametrize("kind", BAD)
def test_a_directory_that_cannot_be_read_is_said_to_be_unreadable(
    terminal: Terminal, sandbox: Sandbox, kind: FaultKind
) -> None:
    sandbox.add_fault(Fault(kind, surface=Surface.GRAPH, times=None, retry_after=30.0))
    started = time.monotonic()
    ran = terminal.hveadmin("account", "list", "-p", "operator", "-o", "json", "--timeout", str(TIMEOUT)).ends_with(0)
    assert within_the_deadline(started)
    (tenant,) = ran.json["tenants"]
    assert tenant["directory"]["state"] == "unreadable"
    assert tenant["directory"]["why"]


def test_whatis_without_the_directory_is_no_answer(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.HTML, surface=Surface.GRAPH, times=None))
    ran = terminal.hveadmin("app", "whatis", MONITORING, "-p", "operator").ends_with(7)
    assert "the directory could not be read" in ran.said
    assert "is nothing" not in ran.said
    assert "right id" not in ran.said


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.HALF_PAGE, FaultKind.CUT_SHORT, FaultKind.UNAVAILABLE])
def test_a_sign_in_page_that_is_none_is_a_failure_of_the_service(
    terminal: Terminal, sandbox: Sandbox, kind: FaultKind
) -> None:
    sandbox.add_fault(Fault(kind, surface=Surface.ENTRA, times=None))
    ran = terminal.hveadmin("account", "list", "-p", "operator", "--timeout", str(TIMEOUT)).ends_with(1)
    assert "cannot sign in" in ran.err
    assert "next: " in ran.err


def test_entra_that_is_busy_for_ever_is_a_failure_of_the_service(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.THROTTLE, surface=Surface.ENTRA, times=None))
    ran = terminal.hveadmin("account", "list", "-p", "operator", "--timeout", str(TIMEOUT)).ends_with(1)
    assert "error_codes" not in ran.err, "a sentence, and not the rest of the JSON"


def test_a_sign_in_that_hangs_ends_with_the_deadline(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.HANG, surface=Surface.ENTRA, times=None))
    words = ("account", "list", "-p", "operator", "--timeout", str(TIMEOUT))
    # A process of its own, because one that does not end has to be ended.
    with terminal.start(*words) as process:
        try:
            assert process.wait(TIMEOUT + 2 * GRACE) == 1
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError("it is still waiting, long after the deadline") from None


def test_two_of_fourteen_fail_and_the_twelve_are_done(terminal: Terminal, sandbox: Sandbox, running: Running) -> None:
    terminal.write("hve.yaml", CHANGES_ALL)
    failing = {"hve-noc@contoso.com": FaultKind.NUL_BYTES, SHOP_ACCOUNT: FaultKind.TRANSIENT}
    before = {account: listed(sandbox, account) for account in failing}
    for account, kind in failing.items():
        sandbox.add_fault(Fault(kind, cmdlet=ADD, account=account, times=None))
    words = ("apply", "--yes", "--approve-large", "14", "-o", "table", "-o", "json=out.json")
    ran = terminal.hveadmin(*words).ends_with(7)
    assert "12 done" in ran.out
    assert "2 failed" in ran.out
    document = terminal.hveadmin("plan", "--detailed-exitcode", "-o", "json").ends_with(3).json
    assert {each["account"] for each in document["changes"]} == set(failing), "the twelve are as declared"
    for account in failing:
        assert f"failed  {account}" in ran.out
        assert f"next: hveadmin plan -t contoso -a {account}" in ran.out
        assert listed(sandbox, account) == before[account]
    assert "request-id" in ran.out
    assert '"failed"' in Path(terminal.folder / "out.json").read_text()


@pytest.mark.parametrize("kind", [FaultKind.REPLY_LOST, FaultKind.CUT_SHORT, FaultKind.HALF_PAGE])
def test_a_reply_that_is_lost_after_the_write_is_read_back_and_not_sent_again(
    terminal: Terminal, sandbox: Sandbox, running: Running, kind: FaultKind
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    sandbox.add_fault(Fault(kind, cmdlet=ADD, account=OPEN_ACCOUNT, times=1))
    ran = terminal.hveadmin("apply", "--yes").ends_with(0)
    assert "1 done" in ran.out
    assert sent(running) == {ADD: 1}
    assert listed(sandbox, OPEN_ACCOUNT) == {MONITORING}


def test_a_write_that_never_arrived_is_sent_again_once_the_list_was_read(
    terminal: Terminal, sandbox: Sandbox, running: Running
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    sandbox.add_fault(Fault(FaultKind.TRANSIENT, cmdlet=ADD, account=OPEN_ACCOUNT, times=1))
    terminal.hveadmin("apply", "--yes").ends_with(0)
    assert sent(running) == {ADD: 2}
    assert listed(sandbox, OPEN_ACCOUNT) == {MONITORING}


def test_a_refusal_that_passes_is_waited_for_and_said_with_verbose(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.THROTTLE, surface=Surface.EXCHANGE, times=1, retry_after=0.2))
    ran = terminal.hveadmin("account", "list", "-p", "operator", "-v").ends_with(0)
    assert "info: waiting 0." in ran.err

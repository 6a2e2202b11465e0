"""The whole live state in a file: what can be done with it offline is what the tenant itself would have said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.scenes import CHANGES_ALL, CLOSES_ONE, OPEN_ACCOUNT, PAYROLL, SHOP_ACCOUNT, configuration
from cli.terminal import Ran, Terminal

from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.seed import guid_of
from hveadmin.sandbox.server import Running, Sandbox


@pytest.fixture
def taken(terminal: Terminal, sandbox: Sandbox, running: Running) -> Path:
    """A snapshot of contoso, for a configuration that closes one account; what was counted is forgotten."""
    terminal.write("hve.yaml", CLOSES_ONE)
    terminal.hveadmin("snapshot", "-o", "taken.json").ends_with(0)
    running.calls.clear()
    return terminal.folder / "taken.json"


def without_times(planned: Any) -> Any:
    for tenant in planned["tenants"]:
        del tenant["read_at"], tenant["plan_id"]
    del planned["warnings"]
    return planned


def test_a_plan_from_it_is_the_tenants_own_plan(terminal: Terminal, taken: Path) -> None:
    live = terminal.hveadmin("plan", "-o", "json").ends_with(0).json
    offline = terminal.hveadmin("plan", "--snapshot", taken, "-o", "json").ends_with(0).json
    assert len(offline["changes"]) == 1
    assert without_times(offline) == without_times(live)


def test_nobody_signs_in_and_nothing_is_contacted(terminal: Terminal, taken: Path, running: Running) -> None:
    ran = terminal.hveadmin("plan", "--snapshot", taken, "--detailed-exitcode").ends_with(3)
    assert "Warning: made from a snapshot of" in ran.out
    terminal.hveadmin("diff", taken, taken).ends_with(0)
    assert running.calls.count() == 0


def test_a_plan_from_it_can_be_applied_while_the_lists_are_as_they_were(terminal: Terminal, taken: Path) -> None:
    terminal.hveadmin("plan", "--snapshot", taken, "--out", ".").ends_with(0)
    terminal.hveadmin("apply", "contoso.plan.json", "--yes").ends_with(0)
    stale = terminal.hveadmin("plan", "--snapshot", taken, "--out", ".").ends_with(0)
    assert "1 to change" in stale.out, "the snapshot is as old as it is"
    terminal.hveadmin("apply", "contoso.plan.json", "--yes").ends_with(6)


def test_what_could_not_be_read_stays_unknown(terminal: Terminal, sandbox: Sandbox) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    sandbox.add_fault(Fault(FaultKind.HTML, account=OPEN_ACCOUNT, times=None))
    terminal.hveadmin("snapshot", "-o", "a.json", "--timeout", "1").ends_with(7)
    sandbox.clear_faults()
    terminal.hveadmin("snapshot", "-o", "b.json").ends_with(0)
    ran = terminal.hveadmin("plan", "--snapshot", "a.json").ends_with(7)
    assert f"{OPEN_ACCOUNT}" in ran.out
    assert "UNKNOWN" in ran.out
    ran = terminal.hveadmin("diff", "a.json", "b.json").ends_with(7)
    assert "NOT COMPARABLE" in ran.out


def test_a_missing_right_is_said_and_stands_in_the_file(terminal: Terminal) -> None:
    terminal.write("hve.yaml", configuration(profile="without-graph"))
    ran = terminal.hveadmin("snapshot", "-o", "a.json").ends_with(0)
    assert "warning: contoso: the directory could not be read" in ran.err
    (tenant,) = json.loads((terminal.folder / "a.json").read_text())["tenants"]
    assert tenant["directory"]["state"] == "unreadable"
    assert len(tenant["accounts"]) == 14


def grant_one(terminal: Terminal) -> Ran:
    return terminal.hveadmin("account", "grant", SHOP_ACCOUNT, PAYROLL, "--yes").ends_with(0)


def test_two_of_them_show_what_happened_in_between(terminal: Terminal, taken: Path) -> None:
    grant_one(terminal)
    terminal.hveadmin("snapshot", "-o", "later.json").ends_with(0)
    ran = terminal.hveadmin("diff", taken, "later.json", "-o", "json").ends_with(3)
    (found,) = ran.json["differences"]
    assert (found["account"], found["difference"], found["application_id"]) == (SHOP_ACCOUNT, "granted", PAYROLL)
    back = terminal.hveadmin("diff", "later.json", taken).ends_with(3)
    assert f'- revoked  {SHOP_ACCOUNT}  "Payroll Mailer"' in back.out


def test_a_snapshot_of_another_tenant_is_refused(terminal: Terminal, taken: Path) -> None:
    other = CLOSES_ONE.replace("8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06", "00000000-dead-4bad-8bad-00000000beef")
    terminal.write("other.yaml", other)
    ran = terminal.hveadmin("plan", "-c", "other.yaml", "--snapshot", taken).ends_with(6)
    assert "the snapshot is of contoso (8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06), not of contoso (00000000" in ran.err


@pytest.mark.parametrize("words", [("plan", "--snapshot", "taken.json"), ("diff", "taken.json", "taken.json")])
def test_one_that_was_edited_is_refused(terminal: Terminal, taken: Path, words: tuple[str, ...]) -> None:
    taken.write_text(taken.read_text().replace(PAYROLL, "00000000-0000-4000-8000-000000000001"))
    ran = terminal.hveadmin(*words).ends_with(6)
    assert "is not as hveadmin wrote it" in ran.err
    assert ran.out == ""


def test_another_format_version_is_a_usage_error(terminal: Terminal, taken: Path) -> None:
    taken.write_text(taken.read_text().replace('"format_version":1', '"format_version":9'))
    ran = terminal.hveadmin("plan", "--snapshot", taken).ends_with(2)
    assert "is a snapshot of format 9; this hveadmin reads format 1" in ran.err


def test_a_place_that_cannot_be_written_is_found_before_anything_is_fetched(
    terminal: Terminal, running: Running
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.hveadmin("snapshot", "-o", "nowhere/a.json").ends_with(1)
    assert "nowhere/a.json cannot be written" in ran.err
    assert running.calls.count() == 0


def test_without_a_file_it_goes_to_stdout_and_is_the_same(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CHANGES_ALL)
    ran = terminal.hveadmin("snapshot").ends_with(0)
    terminal.write("piped.json", ran.out)
    terminal.hveadmin("plan", "--snapshot", "piped.json").ends_with(0)


def test_one_tenant_that_is_silent_is_in_it_as_unread(terminal: Terminal, reseed: Callable[[str], Sandbox]) -> None:
    sandbox = reseed("fleet:2x2x1")
    lines = ["version: 1", "defaults: {unmanaged_accounts: ignore}", "tenants:"]
    lines += [
        f"  {each.alias}: {{tenant_id: {each.tenant_id}, domain: {each.domain}, profile: operator}}"
        for each in sandbox.tenants()
    ]
    terminal.write("hve.yaml", "\n".join(lines) + "\n")
    silent = sandbox.tenant("fleet-0002").tenant_id
    sandbox.add_fault(Fault(FaultKind.HTML, surface=Surface.EXCHANGE, path=f"/{silent}/", times=None))
    terminal.hveadmin("snapshot", "-o", "a.json", "--timeout", "1").ends_with(1)
    states = [each["state"] for each in json.loads((terminal.folder / "a.json").read_text())["tenants"]]
    assert states == ["read", "unread"]
    ran = terminal.hveadmin("plan", "--snapshot", "a.json").ends_with(7)
    assert "fleet-0002" in ran.err
    terminal.hveadmin("diff", "a.json", "a.json").ends_with(7)


def test_hostile_names_reach_the_screen_as_escapes(terminal: Terminal) -> None:
    terminal.write("hve.yaml", configuration())
    terminal.hveadmin("snapshot", "-o", "a.json").ends_with(0)
    ansi = guid_of("contoso", "principal", "hostile-ansi")
    terminal.hveadmin("account", "revoke", "hve-hostile@contoso.com", ansi, "--yes").ends_with(0)
    terminal.hveadmin("snapshot", "-o", "b.json").ends_with(0)
    ran = terminal.hveadmin("diff", "a.json", "b.json").ends_with(3)
    assert "\x1b" not in ran.out
    assert r"\x1b[31mred" in ran.out

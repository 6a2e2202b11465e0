"""Many tenants in one run: each on its own, the worst outcome last, and nobody's silence taken for nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.scenes import ADD, CLOSES_ONE, OPEN_ACCOUNT, listed, sent
from cli.terminal import Terminal

from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.seed import guid_of
from hveadmin.sandbox.server import Running, Sandbox

SILENT = "fleet-0002"
FLEET = "fleet:3x4x2"
ALL = ["fleet-0001", "fleet-0002", "fleet-0003"]


@pytest.fixture
def fleet(terminal: Terminal, reseed: Callable[[str], Sandbox]) -> Sandbox:
    """Three tenants; the configuration asks for one more application on two of the four accounts of each."""
    sandbox = reseed(FLEET)
    tenants = sandbox.tenants()
    lines = ["version: 1", "defaults: {mode: additive, owner: msp@example.com, unmanaged_accounts: fail}", "apps:"]
    for each in tenants:
        app = guid_of(each.alias, "principal", "Sender 00000")
        lines.append(f"  mail-of-{each.alias}: {{object_id: {app}, tenant: {each.alias}, reason: Mail}}")
    lines.append("tenants:")
    for each in tenants:
        lines += [
            f"  {each.alias}:",
            f"    tenant_id: {each.tenant_id}",
            f"    domain: {each.domain}",
            "    profile: operator",
            f'    selectors: [{{match: "*", apps: [mail-of-{each.alias}]}}]',
        ]
    terminal.write("hve.yaml", "\n".join(lines) + "\n")
    return sandbox


def silence(fleet: Sandbox, kind: FaultKind = FaultKind.HTML) -> None:
    """Exchange answers nonsense for one of the tenants."""
    path = f"/{fleet.tenant(SILENT).tenant_id}/"
    fleet.add_fault(Fault(kind, surface=Surface.EXCHANGE, path=path, times=None))


def one_opens(terminal: Terminal) -> str:
    """Let the configuration open an account of one tenant, which is refused; the account."""
    account = f"hve-00000@{SILENT}.onmicrosoft.com"
    path = terminal.folder / "hve.yaml"
    head, domain, tail = path.read_text().partition(f"    domain: {SILENT}.onmicrosoft.com\n")
    entry = f"    accounts:\n      {account}: {{mode: unrestricted, reason: x, expires: 2999-12-31}}\n"
    limits = "limits: {accounts_changed: {max: 10, percent: 100}}\napps:\n"
    path.write_text((head + domain + entry + tail).replace("apps:\n", limits, 1))
    return account


def test_every_tenant_is_planned_and_done(terminal: Terminal, fleet: Sandbox, running: Running) -> None:
    planned = terminal.hveadmin("plan", "--detailed-exitcode", "-o", "json").ends_with(3).json
    assert [each["tenant"] for each in planned["tenants"]] == ALL
    applied = terminal.hveadmin("apply", "--yes", "-o", "json").ends_with(0).json
    assert [each["tenant"] for each in applied["tenants"]] == ALL
    assert sent(running) == {ADD: 6}
    terminal.hveadmin("plan", "--detailed-exitcode").ends_with(0)


def test_only_the_tenants_that_are_named_are_touched(terminal: Terminal, fleet: Sandbox, running: Running) -> None:
    applied = terminal.hveadmin("apply", "--yes", "-t", "*-0001", "-t", "fleet-0003.*", "-o", "json").ends_with(0).json
    assert [each["tenant"] for each in applied["tenants"]] == ["fleet-0001", "fleet-0003"]
    assert sent(running) == {ADD: 4}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("plan", "--detailed-exitcode"), id="plan"),
        pytest.param(("account", "list"), id="account list"),
        pytest.param(("account", "show", "hve-00001@*"), id="account show"),
        pytest.param(("app", "list"), id="app list"),
        pytest.param(("app", "show", guid_of("fleet-0001", "principal", "Sender 00000")), id="app show"),
        pytest.param(("apply", "--yes"), id="apply"),
    ],
)
def test_a_tenant_that_cannot_be_read_stands_in_the_report_as_unread_and_the_others_are_done(
    terminal: Terminal, fleet: Sandbox, words: tuple[str, ...]
) -> None:
    silence(fleet)
    outputs = ("-o", "json=out.json", "-o", "jsonl=out.jsonl", "-o", "csv=out.csv", "-o", "table")
    ran = terminal.hveadmin(*words, *outputs).ends_with(1)
    document = json.loads(Path(terminal.folder / "out.json").read_text())
    (unread,) = document["unread_tenants"]
    assert unread["tenant"] == SILENT
    assert "HTML page" in unread["why"]
    things = [item for name, items in document.items() if isinstance(items, list) and name != "unread_tenants"
              for item in items]  # fmt: skip
    assert {each["tenant"] for each in things} == {"fleet-0001", "fleet-0003"}, "nothing is claimed of the third"
    lines = [json.loads(line) for line in Path(terminal.folder / "out.jsonl").read_text().splitlines()]
    assert any(line["item"] == "unread_tenants" and line["tenant"] == SILENT for line in lines)
    rows = list(csv.DictReader(io.StringIO(Path(terminal.folder / "out.csv").read_text())))
    (row,) = [each for each in rows if each["tenant"] == SILENT]
    assert "UNKNOWN" in str(row)
    assert f"{SILENT}  UNKNOWN: " in ran.out
    assert f"error: {SILENT}: " in ran.err


def test_what_could_be_done_was_done(terminal: Terminal, fleet: Sandbox) -> None:
    silence(fleet)
    terminal.hveadmin("apply", "--yes").ends_with(1)
    fleet.clear_faults()
    left = terminal.hveadmin("plan", "--detailed-exitcode", "-o", "json").ends_with(3).json
    assert {each["tenant"] for each in left["changes"]} == {SILENT}


def test_saved_plans_of_the_other_tenants_are_applied_when_one_cannot_be_reached(
    terminal: Terminal, fleet: Sandbox, running: Running
) -> None:
    terminal.hveadmin("plan", "--out", "plans").ends_with(0)
    silence(fleet)
    plans = [f"plans/{alias}.plan.json" for alias in ALL]
    ran = terminal.hveadmin("apply", *plans, "--yes", "-o", "json").ends_with(1)
    assert [each["tenant"] for each in ran.json["unread_tenants"]] == [SILENT]
    assert sent(running) == {ADD: 4}


def test_no_plan_is_saved_of_a_tenant_that_was_not_read(terminal: Terminal, fleet: Sandbox) -> None:
    silence(fleet)
    terminal.hveadmin("plan", "--out", "plans").ends_with(1)
    assert sorted(path.name for path in (terminal.folder / "plans").iterdir()) == [
        "fleet-0001.plan.json",
        "fleet-0003.plan.json",
    ]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        pytest.param(FaultKind.NUL_BYTES, 5, id="no right in one"),
        pytest.param(FaultKind.HALF_PAGE, 1, id="one cannot be read"),
    ],
)
def test_the_worst_outcome_wins(terminal: Terminal, fleet: Sandbox, kind: FaultKind, code: int) -> None:
    silence(fleet, kind)
    terminal.hveadmin("plan", "--detailed-exitcode").ends_with(code)


def test_incomplete_is_worse_than_a_tenant_that_failed(terminal: Terminal, fleet: Sandbox) -> None:
    silence(fleet)
    account = "hve-00000@fleet-0001.onmicrosoft.com"
    fleet.add_fault(Fault(FaultKind.HTML, account=account, times=None))
    terminal.hveadmin("account", "list").ends_with(7)


def test_the_run_as_a_whole_has_limits_too(terminal: Terminal, fleet: Sandbox, running: Running) -> None:
    path = terminal.folder / "hve.yaml"
    path.write_text(path.read_text().replace("apps:\n", "limits: {accounts_changed: {max: 5}}\napps:\n", 1))
    ran = terminal.hveadmin("apply", "--yes").ends_with(6)
    assert "accounts changed: 6 of 12, limit 5 (hve.yaml:3); --approve-large 6 allows it" in ran.err
    assert sent(running) == {}
    terminal.hveadmin("apply", "--yes", "--approve-large", "6").ends_with(0)
    assert sent(running) == {ADD: 6}


def test_a_rail_of_one_tenant_does_not_stop_the_others(terminal: Terminal, fleet: Sandbox, running: Running) -> None:
    account = one_opens(terminal)
    ran = terminal.hveadmin("apply", "--yes", "-o", "json").ends_with(6)
    assert f"--allow-open {account}" in ran.err
    assert {each["tenant"] for each in ran.json["accounts"]} == {"fleet-0001", "fleet-0003"}
    assert sent(running) == {ADD: 4}


def test_the_question_counts_what_would_be_done(terminal: Terminal, fleet: Sandbox, running: Running) -> None:
    one_opens(terminal)
    assert "Change 4 accounts?" in terminal.hveadmin("apply", answer="n\n").ends_with(6).err


def test_a_check_of_an_account_that_no_tenant_has_is_no_pass(terminal: Terminal, fleet: Sandbox) -> None:
    ran = terminal.hveadmin("check", "-a", "hve-nobody@fleet-0001.onmicrosoft.com", "--fail-on", "critical")
    assert "no account of these tenants is named hve-nobody@" in ran.ends_with(6).err


def test_a_one_off_is_for_one_tenant(terminal: Terminal, fleet: Sandbox, running: Running) -> None:
    app = guid_of("fleet-0001", "principal", "Sender 00003")
    account = "hve-00000@fleet-0001.onmicrosoft.com"
    ran = terminal.hveadmin("account", "grant", account, app, "--yes").ends_with(2)
    assert "-t TENANT" in ran.err
    assert sent(running) == {}
    terminal.hveadmin("account", "grant", account, app, "--yes", "-t", "fleet-0001").ends_with(0)
    assert app in listed(fleet, account, "fleet-0001")


def test_a_plan_for_a_tenant_that_the_profile_cannot_reach_writes_nothing(
    terminal: Terminal, fleet: Sandbox, reseed: Callable[[str], Sandbox], running: Running
) -> None:
    terminal.hveadmin("plan", "-t", "fleet-0002", "--out", ".").ends_with(0)
    contoso = reseed("contoso")
    before = listed(contoso, OPEN_ACCOUNT)
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.hveadmin("apply", "fleet-0002.plan.json", "--yes", "-p", "operator").ends_with(5)
    assert "there is no tenant" in ran.err
    assert sent(running) == {}
    assert listed(contoso, OPEN_ACCOUNT) == before

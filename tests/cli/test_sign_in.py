"""Who may not, is told what to grant and where; the exit code is 5 and nothing was read or written."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.scenes import ADD, CLOSES_ONE, DUNNING, OPEN_ACCOUNT, SHOP_ACCOUNT, configuration, sent
from cli.terminal import Terminal

from hveadmin.sandbox.server import Running, Sandbox

BY_CLIENT_ID = configuration(f"{OPEN_ACCOUNT}: {{apps: [by-client-id]}}")

LACKING = {
    "wrong-secret": ("client secret", "Certificates & secrets"),
    "wrong-tenant": ("there is no tenant 00000000-dead-4bad-8bad-00000000beef", "check the tenant id or domain"),
    "without-role": ("403", "Exchange Recipient Administrator"),
    "without-permission": ("401", "Exchange.ManageAsApp"),
}
READS = {
    "account list": ("account", "list"),
    "account show": ("account", "show", SHOP_ACCOUNT),
    "app list": ("app", "list"),
    "account grant": ("account", "grant", SHOP_ACCOUNT, DUNNING, "--yes"),
}


@pytest.mark.parametrize("command", READS)
@pytest.mark.parametrize("profile", LACKING)
def test_who_may_not_read_is_told_what_is_missing_and_where_to_grant_it(
    terminal: Terminal, running: Running, profile: str, command: str
) -> None:
    ran = terminal.hveadmin(*READS[command], "-p", profile).ends_with(5)
    what, where = LACKING[profile]
    assert what in ran.err
    assert where in ran.err.partition("next: ")[2]
    assert ran.out == ""
    assert sent(running) == {}


@pytest.mark.parametrize("profile", sorted(set(LACKING) - {"wrong-tenant"}))
def test_plan_and_apply_end_the_same_way(terminal: Terminal, running: Running, profile: str) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    for words in (("plan", "--out", "."), ("apply", "--yes")):
        ran = terminal.hveadmin(*words, "-p", profile).ends_with(5)
        assert LACKING[profile][1] in ran.err
    assert not Path(terminal.folder / "contoso.plan.json").exists()
    assert sent(running) == {}


def test_a_tenant_id_that_there_is_no_tenant_of_is_said_of_the_configuration_too(terminal: Terminal) -> None:
    other = "00000000-dead-4bad-8bad-00000000beef"
    terminal.write("hve.yaml", CLOSES_ONE.replace("8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06", other))
    assert other in terminal.hveadmin("plan").ends_with(5).err


def test_whoever_may_only_read_plans_and_is_refused_by_the_service_at_the_write(
    terminal: Terminal, sandbox: Sandbox, running: Running
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    terminal.hveadmin("plan", "-p", "reader").ends_with(0)
    ran = terminal.hveadmin("apply", "--yes", "-p", "reader", "-o", "json").ends_with(7)
    (account,) = ran.json["accounts"]
    assert account["outcome"] == "failed"
    assert account["open"] is True, "it was open before, and is said to be open still"
    assert "still open" in account["why"]
    assert sent(running) == {ADD: 1}


@pytest.mark.parametrize(
    ("profile", "code", "failed"),
    [
        ("operator", 0, []),
        ("applications-only", 0, []),
        ("reader", 5, ["run the cmdlets"]),
        ("without-role", 5, ["list HVE accounts", "run the cmdlets"]),
        ("without-permission", 5, ["list HVE accounts", "run the cmdlets"]),
        ("wrong-secret", 5, ["sign in"]),
        ("nobody-there", 1, ["sign in"]),
        pytest.param(*("without-graph", 5, ["read Entra ID"])),
    ],
)
def test_tenant_test_says_what_works_and_what_does_not(
    terminal: Terminal, running: Running, profile: str, code: int, failed: list[str]
) -> None:
    ran = terminal.hveadmin("tenant", "test", "-p", profile, "-o", "json").ends_with(code)
    checks = ran.json["checks"]
    assert [each["check"] for each in checks if each["passed"] is False] == failed
    assert all(each["next"] for each in checks if each["passed"] is False)
    assert sent(running) == {}


def test_without_graph_object_ids_are_planned_and_said_to_be_unchecked(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.hveadmin("plan", "-p", "without-graph", "--detailed-exitcode").ends_with(3)
    assert "+ monitoring" in ran.out
    assert "not checked" in ran.out
    assert "Warning: ids are not checked" in ran.out
    assert "Application.Read.All" in ran.out


def test_without_graph_client_ids_are_refused_and_the_permission_is_named(terminal: Terminal, running: Running) -> None:
    terminal.write("hve.yaml", BY_CLIENT_ID)
    ran = terminal.hveadmin("apply", "--yes", "-p", "without-graph").ends_with(6)
    assert "by-client-id" in ran.err
    assert "Application.Read.All" in ran.err
    assert sent(running) == {}


def test_with_application_read_all_alone_client_ids_are_resolved(terminal: Terminal) -> None:
    terminal.write("hve.yaml", BY_CLIENT_ID)
    ran = terminal.hveadmin("plan", "-p", "applications-only", "--detailed-exitcode").ends_with(3)
    assert "+ by-client-id  d2a4…0e71" in ran.out


def test_nobody_there_is_a_failure_of_the_network(terminal: Terminal) -> None:
    ran = terminal.hveadmin("account", "list", "-p", "nobody-there").ends_with(1)
    assert "no connection to https://localhost:9" in ran.err
    assert ran.out == ""

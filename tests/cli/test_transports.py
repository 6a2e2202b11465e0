"""The same commands over every way to Exchange: REST, WinRM, SSH and a child process. Nothing but the wire differs."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from cli.scenes import FULL_ACCOUNT, MONITORING, OPEN_ACCOUNT, PAYROLL, SHOP_ACCOUNT, configuration, listed
from cli.terminal import Terminal, settled
from management_host import pwsh
from sshd import INSTALLED, SshServer, ssh_server

from hveadmin.sandbox.faults import Fault, FaultKind
from hveadmin.sandbox.server import Running, Sandbox

TRANSPORTS = ["rest", "winrm", "ssh", "local"]
every = pytest.mark.parametrize(
    "transport",
    [
        pytest.param(each, marks=pytest.mark.skipif(each == "ssh" and not INSTALLED, reason="openssh is not installed"))
        for each in TRANSPORTS
    ],
)
over_a_host = pytest.mark.parametrize("transport", ["winrm", "local"])

MIXED = configuration(
    f"{OPEN_ACCOUNT}: {{apps: [monitoring]}}",
    f"{SHOP_ACCOUNT}: {{apps: [payroll]}}",
    f"{FULL_ACCOUNT}: {{mode: absent, apps: [bulk-blaster]}}",
    "hve-hostile@contoso.com: {mode: observe}",
)


@pytest.fixture(scope="module")
def ssh(served: tuple[Sandbox, Running], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer | None]:
    if not INSTALLED:
        yield None
        return
    sandbox, _ = served
    with ssh_server(tmp_path_factory.mktemp("sshd"), pwsh(sandbox.path)) as server:
        yield server


@pytest.fixture
def hosts(terminal: Terminal, sandbox: Sandbox, running: Running, ssh: SshServer | None) -> Terminal:
    """The profile `operator` with the sandbox's management host in it, and `operator-ssh` with the SSH server."""
    running.shells.clear()
    path = Path(terminal.environ["HVEADMIN_PROFILES"])
    profiles: dict[str, Any] = yaml.safe_load(path.read_text())["profiles"]
    url = urlsplit(running.endpoints.winrm)
    host: dict[str, Any] = {
        "name": "localhost",
        "port": url.port,
        "auth": "basic",
        "username": sandbox.host_user.name,
        "password": {"file": str(sandbox.host_user.password_path)},
        "ca": str(running.ca_pem),
        "command": pwsh(sandbox.path),
    }
    for name in ("operator", "reader"):
        profiles[f"{name}-ssh"] = {**profiles[name], "transport": "ssh"}
        profiles[f"{name}-ssh"]["host"] = {"name": "sandbox-host", "ssh_config": str(ssh.config) if ssh else "none"}
        profiles[name]["host"] = host
    profiles["no-host"] = {**profiles["operator"]}
    del profiles["no-host"]["host"]
    profiles["wrong-host-password"] = {**profiles["operator"], "host": {**host, "password": {"env": "HOST_PASSWORD"}}}
    path.write_text(yaml.safe_dump({"profiles": profiles}))
    return terminal


def over(transport: str, name: str = "operator") -> tuple[str, ...]:
    """The options for a way."""
    return ("-p", f"{name}-ssh") if transport == "ssh" else ("-p", name, "--transport", transport)


def shells_open(sandbox: Sandbox, running: Running) -> int:
    return running.shells.now.shells_open + sum(each.shells_open for each in sandbox.remoting_processes())


def settled_json(text: str) -> Any:
    """A plan's document without its ids and times."""
    text = re.sub(r'"(plan_id|sha256)": "[^"]*"', r'"\1": "…"', settled(text))
    return json.loads(text)


def test_a_plan_is_the_same_over_every_way_byte_for_byte(hosts: Terminal) -> None:
    hosts.write("hve.yaml", MIXED)
    ways = [each for each in TRANSPORTS if each != "ssh" or INSTALLED]
    tables, documents = [], []
    for transport in ways:
        ran = hosts.hveadmin("plan", *over(transport)).ends_with(0)
        tables.append((settled(ran.out), settled(ran.err)))
        documents.append(settled_json(hosts.hveadmin("plan", *over(transport), "-o", "json").ends_with(0).out))
    assert "CLOSES" in tables[0][0]
    assert tables == [tables[0]] * len(ways)
    assert documents == [documents[0]] * len(ways)


@every
def test_what_is_applied_is_there_and_nothing_is_left_to_do(
    hosts: Terminal, sandbox: Sandbox, running: Running, transport: str
) -> None:
    hosts.write("hve.yaml", MIXED)
    hosts.hveadmin("apply", *over(transport), "-y").ends_with(0)
    assert listed(sandbox, OPEN_ACCOUNT) == {MONITORING}
    assert listed(sandbox, SHOP_ACCOUNT) == {PAYROLL}
    assert len(listed(sandbox, FULL_ACCOUNT)) == 9
    hosts.hveadmin("plan", *over(transport), "--detailed-exitcode").ends_with(0)
    assert shells_open(sandbox, running) == 0


@every
def test_accounts_are_shown_granted_and_revoked(hosts: Terminal, sandbox: Sandbox, transport: str) -> None:
    tenant = ("-t", "contoso.onmicrosoft.com")
    shown = hosts.hveadmin("account", "show", SHOP_ACCOUNT, *over(transport), *tenant).ends_with(0)
    assert SHOP_ACCOUNT in shown.out
    hosts.hveadmin("account", "grant", SHOP_ACCOUNT, PAYROLL, *over(transport), *tenant, "-y").ends_with(0)
    assert PAYROLL in listed(sandbox, SHOP_ACCOUNT)
    hosts.hveadmin("account", "revoke", SHOP_ACCOUNT, PAYROLL, *over(transport), *tenant, "-y").ends_with(0)
    assert PAYROLL not in listed(sandbox, SHOP_ACCOUNT)


@every
def test_a_check_finds_the_same(hosts: Terminal, transport: str) -> None:
    hosts.write("hve.yaml", MIXED)
    expected = hosts.hveadmin("check", *over("rest"), "-o", "json")
    found = hosts.hveadmin("check", *over(transport), "-o", "json")
    assert (found.code, settled(found.out)) == (expected.code, settled(expected.out))


@every
def test_the_doctor_finds_nothing_broken(hosts: Terminal, transport: str) -> None:
    ran = hosts.hveadmin("doctor", *over(transport), "-t", "contoso.onmicrosoft.com").ends_with(0)
    assert "nothing is broken" in ran.out
    assert ("host " in ran.out, "endpoint exchange" in ran.out) == (transport != "rest", transport == "rest")


@every
def test_a_tenant_is_tested(hosts: Terminal, transport: str) -> None:
    ran = hosts.hveadmin("tenant", "test", *over(transport)).ends_with(0)
    assert "14 accounts" in ran.out and "may read and change lists" in ran.out
    assert ("open a session on the host" in ran.out) is (transport != "rest")


@every
def test_who_may_only_read_is_told_so(hosts: Terminal, transport: str) -> None:
    ran = hosts.hveadmin("tenant", "test", *over(transport, "reader")).ends_with(5)
    assert "this sign-in may read but not change lists" in ran.out


@over_a_host
def test_no_secret_is_said_at_debug(hosts: Terminal, sandbox: Sandbox, transport: str) -> None:
    hosts.write("hve.yaml", MIXED)
    ran = hosts.child("plan", *over(transport), "--debug").ends_with(0)
    for secret in (sandbox.host_user.password_path, sandbox.operator.secret_path):
        assert secret.read_text().strip() not in ran.said
    assert "eyJ" not in ran.said and "AccessToken" not in ran.said


def test_a_wrong_password_of_the_hosts_ends_in_the_exit_code_for_that(hosts: Terminal) -> None:
    canary = "canary-5d1f0c"
    words = ("tenant", "test", *over("winrm", "wrong-host-password"), "--debug")
    ran = hosts.hveadmin(*words, HOST_PASSWORD=canary).ends_with(5)
    assert "localhost did not let hveadmin in with basic" in ran.out
    assert canary not in ran.said


def test_a_profile_without_a_host_is_a_usage_error(hosts: Terminal) -> None:
    for transport in ("winrm", "ssh"):
        ran = hosts.hveadmin("account", "list", "-p", "no-host", "--transport", transport).ends_with(2)
        assert f"transport {transport} needs a host's name" in ran.err
        assert "say host: {name: …} in the profile" in ran.err


def test_the_doctor_says_which_link_is_broken_where_the_host_has_no_module(hosts: Terminal, sandbox: Sandbox) -> None:
    sandbox.set_switches(replace(sandbox.switches, psrp_module=False))
    ran = hosts.hveadmin("doctor", *over("winrm"))
    assert "the first broken link is `host`" in ran.out
    assert "localhost has no module ExchangeOnlineManagement" in ran.out
    assert "Install-Module" in ran.out


def test_the_settings_name_the_host_and_where_its_password_is(hosts: Terminal, sandbox: Sandbox) -> None:
    ran = hosts.hveadmin("doctor", *over("winrm"), "--show-config").ends_with(0)
    assert re.search(r"host\.name +localhost +profile operator", ran.out)
    assert re.search(rf"host\.password +file {re.escape(str(sandbox.host_user.password_path))}", ran.out)
    assert sandbox.host_user.password_path.read_text().strip() not in ran.said
    assert "host." not in hosts.hveadmin("doctor", *over("rest"), "--show-config").ends_with(0).out


def test_the_embedded_tenant_has_a_host_of_its_own(hosts: Terminal) -> None:
    ways = [
        hosts.hveadmin("account", "list", "-p", "sandbox", "--transport", each) for each in ("rest", "winrm", "local")
    ]
    assert {settled(each.ends_with(0).out) for each in ways} == {settled(ways[0].out)}
    assert SHOP_ACCOUNT in ways[0].out


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@every
def test_ctrl_c_in_a_call_leaves_no_session_on_the_host(
    hosts: Terminal, sandbox: Sandbox, running: Running, transport: str
) -> None:
    sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Get-MailUser"))
    with hosts.start("account", "list", *over(transport)) as child:
        give_up = time.monotonic() + 30
        while sandbox.faults() and time.monotonic() < give_up:
            time.sleep(0.05)
        assert not sandbox.faults(), "it never came to the call"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "Traceback" not in out + err
    give_up = time.monotonic() + 10
    while shells_open(sandbox, running) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert shells_open(sandbox, running) == 0

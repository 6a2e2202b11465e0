"""`hveadmin sandbox mail`, with mail that real clients sent to a served sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from cli.terminal import Terminal
from cli.test_sandbox_commands import serving
from smtp_senders import ANNA, by_curl, encrypted, encrypted_at, message, signed, xoauth2

from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.wiring import sandbox_profile

ACCOUNT = "hve-payroll@contoso.com"


@pytest.fixture
def state(terminal: Terminal, sandbox: Sandbox, running: Running, tmp_path: Path) -> Iterator[str]:
    """The state of a sandbox to which curl has sent a mail and smtplib another one."""
    token = signed(sandbox, datetime.now(UTC))
    assert by_curl(running, tmp_path, ACCOUNT, token).code == 0
    with encrypted(running) as session:
        xoauth2(session, ACCOUNT, token)
        session.sendmail(ACCOUNT, [ANNA], message(ACCOUNT, subject="=?utf-8?q?=1B[31mred?=").encode())
    yield str(sandbox.path)


def test_it_lists_what_came(terminal: Terminal, state: str) -> None:
    ran = terminal.hveadmin("sandbox", "mail", "--state", state).ends_with(0)
    assert [line.split()[0] for line in ran.out.splitlines()[2:4]] == ["1", "2"]
    assert ran.out.count("Payroll Mailer") == 2
    assert "Payslips" in ran.out
    assert r"\x1b[31mred" in ran.out
    assert ran.out.endswith("\n2 messages.\n")
    assert "\x1b" not in ran.out


@pytest.mark.parametrize("format_name", ["table", "json", "jsonl", "yaml", "csv", "md"])
def test_every_format_lists_and_shows(terminal: Terminal, state: str, format_name: str) -> None:
    listed = terminal.hveadmin("sandbox", "mail", "-o", format_name, HVEADMIN_SANDBOX=state).ends_with(0).out
    shown = terminal.hveadmin("sandbox", "mail", "1", "-o", format_name, HVEADMIN_SANDBOX=state).ends_with(0).out
    assert "Payslips" in listed
    assert "Payslips" in shown
    assert ("Hello." in shown, "Hello." in listed) == (True, False)


def test_one_message_is_shown_with_its_text(terminal: Terminal, state: str) -> None:
    ran = terminal.hveadmin("sandbox", "mail", "2", "--state", state).ends_with(0)
    assert ran.out.startswith("message 2  received 20")
    assert f"  sent by     Payroll Mailer\n  account     {ACCOUNT}\n" in ran.out
    assert ran.out.endswith("\n\nHello.\n")


def test_a_query_picks_a_part(terminal: Terminal, state: str) -> None:
    query = "messages[].message_id"
    ran = terminal.hveadmin("sandbox", "mail", "--state", state, "--query", query, "-o", "json").ends_with(0)
    assert json.loads(ran.out) == ["<1@sender.example>"] * 2


def test_there_is_no_mail_at_first(terminal: Terminal, sandbox: Sandbox) -> None:
    ran = terminal.hveadmin("sandbox", "mail", "--state", sandbox.path).ends_with(0)
    assert ran.out == "No mail has come.\n"


def test_a_message_that_there_is_none_of_is_said_so(terminal: Terminal, state: str) -> None:
    for number in ("3", "0"):
        ran = terminal.hveadmin("sandbox", "mail", number, "--state", state).ends_with(6)
        assert f"there is no message {number}" in ran.err
        assert ran.out == ""
    terminal.hveadmin("sandbox", "mail", "first", "--state", state).ends_with(2)


def test_looking_for_mail_makes_no_sandbox(terminal: Terminal) -> None:
    ran = terminal.hveadmin("sandbox", "mail").ends_with(2)
    assert "there is no sandbox in" in ran.err
    assert "hveadmin sandbox serve" in ran.err
    assert list(terminal.folder.iterdir()) == []


def test_a_served_sandbox_prints_where_its_mail_goes_and_takes_it_there(terminal: Terminal) -> None:
    with serving(terminal, "--state", "lab.db") as (_, printed):
        lab = yaml.safe_load(printed)["profiles"]["lab"]
        host, _, port = lab["endpoints"]["smtp"].rpartition(":")
        assert (host, int(port) > 0) == ("localhost", True)
        profiles = terminal.write("profiles.yaml", printed)
        # What is printed is a profile that can be used as it is.
        terminal.hveadmin("tenant", "test", "-p", "lab", HVEADMIN_PROFILES=str(profiles)).ends_with(0)
        with Sandbox.open(terminal.folder / "lab.db") as sandbox:
            token = signed(sandbox, datetime.now(UTC))
        with encrypted_at(host, int(port), lab["ca"]) as session:
            xoauth2(session, ACCOUNT, token)
            session.sendmail(ACCOUNT, [ANNA], message(ACCOUNT).encode())
        ran = terminal.hveadmin("sandbox", "mail", "--state", "lab.db").ends_with(0)
        assert "1 message." in ran.out


def test_the_built_in_profile_knows_the_smtp_endpoint(sandbox: Sandbox, running: Running) -> None:
    endpoints = sandbox_profile(sandbox, running).endpoints
    assert endpoints is not None
    assert endpoints.smtp == running.endpoints.smtp


def test_a_port_for_mail_that_is_taken_is_said_so(terminal: Terminal, running: Running) -> None:
    port = running.endpoints.smtp.rpartition(":")[2]
    ran = terminal.child("sandbox", "serve", "--state", "other.db", "--smtp-port", port).ends_with(2)
    assert f"cannot listen on 127.0.0.1:{port}" in ran.err
    assert ran.out == ""

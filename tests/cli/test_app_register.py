"""
`app register`: whole, twice, and then the application signs in with what it was given.

The tokens at the end are those of the real MSAL.
"""

from __future__ import annotations

import base64
import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msal  # type: ignore[import-untyped]
import pytest
from cli.scenes import FULL_ACCOUNT, OPEN_ACCOUNT, SHOP, SHOP_ACCOUNT, listed, sent
from cli.terminal import Ran, Terminal

from hveadmin.sandbox.credentials import key_credentials, of_application, password_credentials
from hveadmin.sandbox.faults import Fault, FaultKind, Surface, Switches
from hveadmin.sandbox.seed import CONTOSO, EXCHANGE_APP_ID, guid_of
from hveadmin.sandbox.server import Running, Sandbox

NAME = "Payslip Sender"
SCOPE = "https://outlook.office.com/.default"
MAIL_SEND_SCOPE = "5eb43c10-865a-4259-960a-83946678f8dd"


def register(terminal: Terminal, *words: str | Path, name: str = NAME, profile: str = "operator") -> Ran:
    return terminal.hveadmin("app", "register", name, "-p", profile, "--yes", *words)


def registered(ran: Ran) -> dict[str, Any]:
    (found,) = ran.json["registrations"]
    return dict(found)


def writes(running: Running) -> int:
    """How many calls changed the directory, or tried to."""
    return sum(
        number
        for call, number in running.calls.requests().items()
        if call.surface is Surface.GRAPH and call.method in ("POST", "PATCH") and not call.path.endswith("$batch")
    )


@pytest.fixture
def claims(running: Running, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], dict[str, Any]]:
    """What MSAL's token says, for an application with this credential."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.ca_pem))

    def ask(client_id: str, credential: object) -> dict[str, Any]:
        found = msal.ConfidentialClientApplication(
            client_id,
            client_credential=credential,
            authority=f"{running.base_url}/{CONTOSO}",
            instance_discovery=False,
        ).acquire_token_for_client([SCOPE])
        assert "access_token" in found, found
        part = found["access_token"].split(".")[1]
        return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))

    return ask


def certificate_of(file: Path) -> dict[str, str]:
    key, end, certificate = file.read_text().partition("-----END PRIVATE KEY-----\n")
    return {"private_key": key + end, "public_certificate": certificate}


# It works


def test_a_second_run_has_nothing_to_do_and_the_application_signs_in_with_its_certificate(
    terminal: Terminal, running: Running, claims: Callable[[str, object], dict[str, Any]]
) -> None:
    first = register(terminal, "-o", "json").ends_with(0)
    made = registered(first)
    assert [each["step"] for each in first.json["steps"]] == [
        "create-application",
        "create-principal",
        "consent",
        "add-certificate",
    ]
    assert all(each["shown"] for each in first.json["steps"])
    file = terminal.folder / "Payslip-Sender.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    running.calls.clear()
    second = register(terminal).ends_with(0)
    assert "nothing was to be done" in second.out
    assert writes(running) == 0
    assert file.read_bytes() == before
    said = claims(made["client_id"], certificate_of(file))
    assert (said["roles"], said["oid"], said["aud"]) == (
        ["Mail.Send"],
        made["object_id"],
        "https://outlook.office.com",
    )


def test_the_application_signs_in_with_the_secret_in_its_file(
    terminal: Terminal, running: Running, claims: Callable[[str, object], dict[str, Any]]
) -> None:
    file = terminal.folder / "payslips.secret"
    made = registered(register(terminal, "--secret-file", file, "-o", "json").ends_with(0))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said = claims(made["client_id"], file.read_text())
    assert (said["roles"], said["oid"]) == (["Mail.Send"], made["object_id"])
    running.calls.clear()
    assert "nothing was to be done" in register(terminal, "--secret-file", file).ends_with(0).out
    assert writes(running) == 0


def test_without_a_credential_only_the_permission_is_mended_and_the_old_secret_goes_on(
    terminal: Terminal, sandbox: Sandbox, claims: Callable[[str, object], dict[str, Any]]
) -> None:
    made = registered(register(terminal, "--secret-file", "payslips.secret", "-o", "json").ends_with(0))
    secret = (terminal.folder / "payslips.secret").read_text()
    for each in sandbox.store.where(CONTOSO, "appRoleAssignment", "principalId", made["object_id"]):
        sandbox.store.delete(CONTOSO, "appRoleAssignment", each["id"])
    again = ("--client-id", made["client_id"], "--no-credential", "-o", "json")
    mended = register(terminal, *again).ends_with(0)
    assert [each["step"] for each in mended.json["steps"]] == ["consent"]
    assert sorted(each.name for each in terminal.folder.iterdir() if each.is_file()) == ["payslips.secret"]
    kept = of_application(sandbox.store, CONTOSO, made["client_id"])
    assert (len(password_credentials(kept)), key_credentials(kept)) == (1, [])
    assert claims(made["client_id"], secret)["roles"] == ["Mail.Send"]


def test_a_new_application_without_a_credential_has_none(terminal: Terminal, sandbox: Sandbox) -> None:
    made = registered(register(terminal, "--no-credential", "-o", "json").ends_with(0))
    kept = of_application(sandbox.store, CONTOSO, made["client_id"])
    assert (password_credentials(kept), key_credentials(kept)) == ([], [])
    assert list(terminal.folder.iterdir()) == []


def test_a_secret_is_shown_once_alone_on_stdout(
    terminal: Terminal, claims: Callable[[str, object], dict[str, Any]]
) -> None:
    ran = register(terminal, "--show-secret", "-o", "json=out.json", "-v", "--debug").ends_with(0)
    (secret,) = ran.out.splitlines()
    report = (terminal.folder / "out.json").read_text()
    assert secret not in ran.err + report
    assert claims(json.loads(report)["registrations"][0]["client_id"], secret)["roles"] == ["Mail.Send"]
    again = register(terminal, "--show-secret").ends_with(0)
    assert again.out == ""
    assert "nothing was to be done" in again.err


def test_no_secret_and_no_key_is_in_any_output(terminal: Terminal) -> None:
    for number, words in enumerate((("--secret-file", "a.secret"), ("--certificate", "a.pem"))):
        ran = register(terminal, *words, "-v", "--debug", "-o", "json", name=f"Canary {number}").ends_with(0)
        kept = (terminal.folder / words[1]).read_text()
        for line in kept.splitlines()[1:-1] or [kept]:
            assert line not in ran.said
    state = b"".join(
        each.read_bytes() for each in terminal.folder.parent.rglob("*") if each.is_file() and "a." not in each.name
    )
    assert (terminal.folder / "a.secret").read_bytes() not in state


def test_the_delegated_kind_has_its_scope_its_consent_and_public_client_flows(
    terminal: Terminal, sandbox: Sandbox, running: Running
) -> None:
    made = registered(register(terminal, "--delegated", "-o", "json").ends_with(0))
    document = sandbox.store.get(CONTOSO, "application", made["registration_id"])
    assert document is not None
    assert document["isFallbackPublicClient"] is True
    assert document["requiredResourceAccess"] == [
        {"resourceAppId": EXCHANGE_APP_ID, "resourceAccess": [{"id": MAIL_SEND_SCOPE, "type": "Scope"}]}
    ]
    (grant,) = sandbox.store.where(CONTOSO, "oauth2PermissionGrant", "clientId", made["object_id"])
    assert (grant["consentType"], grant["scope"]) == ("AllPrincipals", "Mail.Send")
    assert grant["resourceId"] == guid_of("contoso", "resource", EXCHANGE_APP_ID)
    assert sandbox.store.get(CONTOSO, "credential", made["client_id"]) is None
    assert [each for each in terminal.folder.iterdir() if each.suffix == ".pem"] == []
    running.calls.clear()
    assert "nothing was to be done" in register(terminal, "--delegated").ends_with(0).out
    assert writes(running) == 0


def test_the_accounts_that_are_named_list_it_from_then_on(
    terminal: Terminal, sandbox: Sandbox, running: Running
) -> None:
    accounts = ("--account", SHOP_ACCOUNT, "--account", OPEN_ACCOUNT)
    ran = register(terminal, *accounts, "-o", "json").ends_with(0)
    made = registered(ran)
    assert listed(sandbox, SHOP_ACCOUNT) == {SHOP, made["object_id"]}
    assert listed(sandbox, OPEN_ACCOUNT) == {made["object_id"]}
    assert {each["account"]: each["outcome"] for each in ran.json["accounts"]} == {
        SHOP_ACCOUNT: "done",
        OPEN_ACCOUNT: "done",
    }
    running.calls.clear()
    register(terminal, *accounts).ends_with(0)
    assert (sent(running), writes(running)) == ({}, 0)


def test_what_is_missing_of_an_old_registration_is_added(terminal: Terminal, sandbox: Sandbox) -> None:
    ran = register(terminal, "-o", "json", name="Dunning Letters").ends_with(0)
    assert [each["step"] for each in ran.json["steps"]] == ["request-permission", "consent", "add-certificate"]
    assert registered(ran)["object_id"] == guid_of("contoso", "principal", "Dunning Letters")


def test_what_the_directory_shows_late_is_waited_for(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.set_switches(Switches(replication_lag=1))
    ran = register(terminal, "-o", "json").ends_with(0)
    assert all(each["shown"] for each in ran.json["steps"])


# It can be broken off


def test_the_next_run_goes_on_where_an_answer_was_lost(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.REPLY_LOST, surface=Surface.GRAPH, path="/appRoleAssignedTo"))
    broken = register(terminal).ends_with(1)
    assert "the answer was lost: it may have been done" in broken.err
    assert "run the same command again in a minute" in broken.err
    ran = register(terminal, "-o", "json").ends_with(0)
    assert [each["step"] for each in ran.json["steps"]] == ["add-certificate"]
    assert len(sandbox.store.where(CONTOSO, "application", "displayName", NAME)) == 1


def test_a_secret_whose_answer_was_lost_is_in_no_file(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.REPLY_LOST, surface=Surface.GRAPH, path="/addPassword"))
    register(terminal, "--secret-file", "a.secret").ends_with(1)
    assert list(terminal.folder.iterdir()) == []
    ran = register(terminal, "--secret-file", "a.secret", "-o", "json").ends_with(0)
    assert [each["step"] for each in ran.json["steps"]] == ["add-secret"]
    assert "1 other credential" in registered(ran)["warnings"][0]


def test_a_certificate_that_was_made_and_not_registered_is_registered(terminal: Terminal, sandbox: Sandbox) -> None:
    first = registered(register(terminal, "-o", "json").ends_with(0))
    sandbox.store.delete(CONTOSO, "credential", first["client_id"])
    before = (terminal.folder / "Payslip-Sender.pem").read_bytes()
    ran = register(terminal, "-o", "json").ends_with(0)
    assert [each["step"] for each in ran.json["steps"]] == ["add-certificate"]
    assert (terminal.folder / "Payslip-Sender.pem").read_bytes() == before


def test_the_registration_is_told_even_where_an_account_refuses_it(terminal: Terminal) -> None:
    ran = register(terminal, "--account", FULL_ACCOUNT, "-o", "json").ends_with(6)
    assert registered(ran)["object_id"]
    assert "would hold 11 applications" in ran.err


# It is refused


@pytest.mark.parametrize(
    ("words", "environ", "answer"),
    [
        pytest.param((), {}, "n\n", id="no"),
        pytest.param((), {}, None, id="nobody there"),
        pytest.param((), {"CI": "true"}, "y\n", id="CI"),
        pytest.param(("--no-input",), {}, "y\n", id="--no-input"),
    ],
)
def test_nothing_is_written_without_a_yes(
    terminal: Terminal, running: Running, words: tuple[str, ...], environ: dict[str, str], answer: str | None
) -> None:
    ran = terminal.hveadmin("app", "register", NAME, "-p", "operator", *words, answer=answer, **environ).ends_with(6)
    assert "nothing was written" in ran.err
    assert writes(running) == 0
    assert list(terminal.folder.iterdir()) == []


def test_a_yes_is_asked_for_with_the_steps_in_sight(terminal: Terminal) -> None:
    ran = terminal.hveadmin("app", "register", NAME, "-p", "operator", answer="y\n").ends_with(0)
    assert ran.err.index("grant admin consent") < ran.err.index("Do these 4 steps?")


def test_several_of_a_name_are_named_and_none_is_taken(terminal: Terminal, running: Running) -> None:
    ran = register(terminal, name="Report Sender").ends_with(6)
    ids = [guid_of("contoso", "client", f"report-sender-{each}") for each in "ab"]
    assert all(each in ran.err for each in ids)
    assert writes(running) == 0
    one = registered(register(terminal, "--client-id", ids[1], "-o", "json", name="Report Sender").ends_with(0))
    assert one["client_id"] == ids[1]
    assert register(terminal, "--client-id", ids[0]).ends_with(6).err.count("nothing was written") == 1


@pytest.mark.parametrize(
    ("profile", "permission", "code"),
    [("applications-only", "Application.ReadWrite.All", 5), ("without-graph", "Application.Read.All", 5)],
)
def test_a_missing_permission_is_named_and_who_can_consent(
    terminal: Terminal, profile: str, permission: str, code: int
) -> None:
    ran = register(terminal, profile=profile).ends_with(code)
    assert f"grant {permission}" in ran.err
    assert "Privileged Role Administrator or Global Administrator can consent" in ran.err
    assert list(terminal.folder.iterdir()) == []


def test_whoever_may_not_consent_is_told_what_was_done_and_leaves_no_credential(
    terminal: Terminal, sandbox: Sandbox
) -> None:
    operator = guid_of("contoso", "principal", "operator")
    for each in sandbox.store.where(CONTOSO, "appRoleAssignment", "principalId", operator):
        if each["appRoleId"] == "06b708a9-e830-4db3-a914-8e69da51d44f":
            sandbox.store.delete(CONTOSO, "appRoleAssignment", each["id"])
    ran = register(terminal).ends_with(5)
    assert "AppRoleAssignment.ReadWrite.All" in ran.err
    assert "done before: create the app registration" in ran.err
    assert "run the same command again" in ran.err
    assert list(terminal.folder.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--secret-file", "a", "--certificate", "b"), id="two credentials"),
        pytest.param(("--secret-file", "a", "--no-credential"), id="a credential and none"),
        pytest.param(("--show-secret", "-o", "json"), id="two things on stdout"),
        pytest.param(("--days", "0"), id="no days"),
        pytest.param(("--client-id", "Payroll"), id="no id"),
        pytest.param(("--account", "hve-shop"), id="no address"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anybody_signs_in(
    terminal: Terminal, running: Running, words: tuple[str, ...]
) -> None:
    register(terminal, *words).ends_with(2)
    assert running.calls.count() == 0


def test_a_name_with_a_hidden_character_is_refused(terminal: Terminal, running: Running) -> None:
    register(terminal, name="Payroll\u202eMailer").ends_with(2)
    assert running.calls.count() == 0


def test_nothing_is_made_where_the_secret_could_not_be_kept(terminal: Terminal, running: Running) -> None:
    file = terminal.write("taken.secret", "somebody else's")
    file.chmod(0o600)
    for path in (file, terminal.folder / "no-folder" / "x"):
        ran = register(terminal, "--secret-file", path)
        assert ran.code != 0
    assert writes(running) == 0
    assert file.read_text() == "somebody else's"


@pytest.mark.parametrize("name", ["../../../etc/cron.d/x", "/etc/x", "..", ".bashrc", "-rf", "a/b\\c", "ünï/cödé"])
def test_the_default_file_lies_here_whatever_the_name(terminal: Terminal, name: str) -> None:
    ran = terminal.hveadmin("app", "register", "-p", "operator", "--yes", "-o", "json", "--", name).ends_with(0)
    (file,) = terminal.folder.iterdir()
    assert re.fullmatch(r"[A-Za-z0-9_][\w.-]*\.pem", file.name, re.ASCII)
    assert registered(ran)["kept_in"] == file.name


# It only says


def test_a_dry_run_prints_both_scripts_and_changes_nothing(terminal: Terminal, running: Running) -> None:
    ran = terminal.hveadmin("app", "register", NAME, "-p", "operator", "--dry-run", "--account", SHOP_ACCOUNT)
    ran.ends_with(0)
    for line in (
        "New-MgApplication -DisplayName 'Payslip Sender'",
        "New-MgServicePrincipalAppRoleAssignment",
        "Add-HVEAppAccess -Identity 'hve-shop@contoso.com' -AppIds $principal.Id",
        "az ad app create --display-name='Payslip Sender'",
    ):
        assert line in ran.out
    assert writes(running) == 0
    assert list(terminal.folder.iterdir()) == []


def test_a_dry_run_has_its_commands_in_the_machine_form(terminal: Terminal) -> None:
    ran = terminal.hveadmin("app", "register", NAME, "-p", "operator", "--dry-run", "-o", "json").ends_with(0)
    assert [each["step"] for each in ran.json["commands"]] == [
        "sign-in",
        *(each["step"] for each in ran.json["steps"]),
    ]


def test_whoever_may_not_read_gets_the_commands_too(terminal: Terminal) -> None:
    ran = terminal.hveadmin("app", "register", NAME, "-p", "without-graph", "--dry-run").ends_with(0)
    assert "what is there could not be read" in ran.out
    assert "New-MgApplication" in ran.out


def test_a_dry_run_of_what_is_done_has_nothing_to_say(terminal: Terminal) -> None:
    register(terminal).ends_with(0)
    ran = terminal.hveadmin("app", "register", NAME, "-p", "operator", "--dry-run").ends_with(0)
    assert "Nothing is to be done." in ran.out
    assert "New-Mg" not in ran.out


@pytest.mark.parametrize("format_name", ["json", "jsonl", "yaml", "csv", "md", "table"])
def test_every_format_can_say_it(terminal: Terminal, format_name: str) -> None:
    ran = register(terminal, "--account", SHOP_ACCOUNT, "-o", format_name).ends_with(0)
    assert SHOP_ACCOUNT in ran.out

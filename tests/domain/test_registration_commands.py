"""The commands for somebody else to run: whatever the name, a shell reads it as a name."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.domain.ids import EXCHANGE_ONLINE, Address, ClientId, Guid, ObjectId, TenantId
from hveadmin.domain.powershell import quoted
from hveadmin.domain.registration import (
    MAIL_SEND_ROLE,
    Access,
    Flow,
    MailSend,
    Present,
    Principal,
    Proof,
    Registration,
    RegistrationPlan,
    RequiredAccess,
    ScopeGrant,
    StepKind,
    Wanted,
)
from hveadmin.domain.registration_commands import Commands, Place, commands

TENANT = TenantId("8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06")
PLACE = Place(TENANT, "worldwide", "https://graph.microsoft.com")
MAIL_SEND = MailSend(ObjectId("00000000-0000-4000-8000-0000000000e1"))
ACCOUNT = Address("hve-shop@contoso.com")
QUOTES = "'\u2018\u2019\u201a\u201b"
HOSTILE = [
    "O'Brien & Söhne",
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    '" --sign-in-audience AzureADMultipleOrgs "',
    "--help",
    "\u2018; Remove-Item pwned \u2019",
    "$env:PATH {0} %PATH% !x \\",
]


def plan(
    name: str, *steps: StepKind, flow: Flow = Flow.APPLICATION, present: Present | None = None
) -> RegistrationPlan:
    want = Wanted(name, flow, Proof.CERTIFICATE, kept_in=f"{name}.pem")
    return RegistrationPlan(want, present or Present(MAIL_SEND), steps or tuple(StepKind))


def powershell(found: tuple[Commands, ...]) -> str:
    return "\n".join(line for each in found for line in each.powershell)


def azure_cli(found: tuple[Commands, ...]) -> str:
    return "\n".join(line for each in found for line in each.azure_cli)


def read_literal(text: str) -> tuple[str, str]:
    """What PowerShell reads of a single-quoted literal, and what is left after it [D: about_Quoting_Rules]."""
    assert text[0] in QUOTES
    value, place = "", 1
    while text[place] not in QUOTES or text[place + 1 : place + 2] in tuple(QUOTES):
        value += text[place]
        place += 2 if text[place] in QUOTES else 1
    return value, text[place + 1 :]


@given(st.text(st.sampled_from(f'ab {QUOTES}"$`;(){{}}')))
def test_powershell_reads_a_quoted_name_as_that_name_and_nothing_behind_it(name: str) -> None:
    assert read_literal(quoted(name)) == (name, "")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_inside_its_literal(name: str) -> None:
    line = next(each for each in powershell(commands(plan(name), PLACE)).splitlines() if "New-MgApplication" in each)
    value, rest = read_literal(line.partition("-DisplayName ")[2])
    assert value == name
    assert rest.startswith(" -SignInAudience AzureADMyOrg -RequiredResourceAccess ")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no POSIX shell here")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_shell_hands_a_hostile_name_to_the_azure_cli_whole(tmp_path: Path, name: str) -> None:
    calls = run_in_bash(tmp_path, azure_cli(commands(plan(name), PLACE, [ACCOUNT])))
    create = next(each for each in calls if each[:4] == ["az", "ad", "app", "create"])
    assert create[4] == f"--display-name={name}"
    assert not (tmp_path / "pwned").exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no POSIX shell here")
def test_the_azure_cli_is_told_the_same_as_graph_would_be(tmp_path: Path) -> None:
    calls = run_in_bash(tmp_path, azure_cli(commands(plan("Payroll"), PLACE, [ACCOUNT])))
    rest = next(each for each in calls if each[:2] == ["az", "rest"])
    assert json.loads(rest[rest.index("--body") + 1]) == {
        "principalId": "answer",
        "resourceId": "answer",
        "appRoleId": MAIL_SEND_ROLE.value,
    }
    assert rest[rest.index("--url") + 1] == (
        "https://graph.microsoft.com/v1.0/servicePrincipals/answer/appRoleAssignments"
    )
    assert calls[-1] == ["hveadmin", "account", "grant", ACCOUNT.value, "answer"]


def run_in_bash(folder: Path, script: str) -> list[list[str]]:
    """What a script calls, each program standing in for itself: it notes its words and answers `answer`."""
    stand_in = '#!/bin/bash\n{ printf "%s\\0" "${0##*/}" "$@"; printf "\\n\\0"; } >> "$CALLS"\necho answer\n'
    for name in ("az", "openssl", "hveadmin", "date"):
        (folder / name).write_text(stand_in, encoding="utf-8")
        (folder / name).chmod(0o755)
    subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={"PATH": f"{folder}:/usr/bin:/bin", "CALLS": str(folder / "calls")},
        check=False,
        capture_output=True,
        timeout=20,
    )
    noted = (folder / "calls").read_text(encoding="utf-8")
    return [call.split("\0")[:-1] for call in noted.split("\n\0")[:-1]]


def test_what_is_there_is_found_and_not_made() -> None:
    client, principal = (
        ClientId("00000000-0000-4000-8000-00000000000c"),
        ObjectId("00000000-0000-4000-8000-00000000000d"),
    )
    other = RequiredAccess("00000003-0000-0000-c000-000000000000", (Access("other", "Scope"),))
    there = Registration(Guid("00000000-0000-4000-8000-00000000000b"), client, "Payroll", required=(other,))
    present = Present(MAIL_SEND, there, Principal(principal))
    found = commands(plan("Payroll", StepKind.REQUEST_PERMISSION, StepKind.CONSENT, present=present), PLACE)
    for text in (powershell(found), azure_cli(found)):
        assert client.value in text
        assert principal.value in text
        assert "New-MgApplication " not in text
        assert "az ad app create" not in text
    # PowerShell's call replaces the list, so what was asked for before is named again.
    assert "Id = 'other'; Type = 'Scope'" in powershell(found)


def test_a_consent_that_is_there_is_extended() -> None:
    present = Present(
        MAIL_SEND,
        Registration(Guid(TENANT.value), ClientId(TENANT.value), "Payroll"),
        Principal(ObjectId(TENANT.value)),
        grant=ScopeGrant("grant-id", ("openid",)),
    )
    found = commands(plan("Payroll", StepKind.CONSENT, flow=Flow.DELEGATED, present=present), PLACE)
    assert "Update-MgOauth2PermissionGrant -OAuth2PermissionGrantId 'grant-id' -Scope 'openid Mail.Send'" in powershell(
        found
    )
    assert "--scope 'openid Mail.Send'" in azure_cli(found)


@pytest.mark.parametrize(
    ("cloud", "environment", "name"),
    [
        ("gcc-high", "USGov", "AzureUSGovernment"),
        ("dod", "USGovDoD", "AzureUSGovernment"),
        ("china", "China", "AzureChinaCloud"),
    ],
)
def test_another_cloud_is_signed_in_to(cloud: str, environment: str, name: str) -> None:
    found = commands(plan("Payroll"), Place(TENANT, cloud, "https://graph.example"))
    assert f"-Environment {environment}\n" in powershell(found)
    assert azure_cli(found).startswith(f"az cloud set --name {name}\n")


def test_only_the_permissions_that_the_steps_need_are_asked_for() -> None:
    first = powershell(commands(plan("Payroll", StepKind.ADD_CERTIFICATE), PLACE)).splitlines()[0]
    assert first.endswith("-Scopes Application.ReadWrite.All")


def test_nothing_to_do_is_no_command() -> None:
    assert commands(RegistrationPlan(Wanted("Payroll"), Present(MAIL_SEND), ()), PLACE) == ()


def test_no_command_holds_a_secret_or_asks_for_one() -> None:
    assert str(EXCHANGE_ONLINE) in azure_cli(commands(plan("Payroll"), PLACE))
    assert "PASSWORD=" not in azure_cli(commands(plan("Payroll"), PLACE)).upper()

"""`app show`: Mail.Send on the right API, what an application signs in with, and who lists it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cli.scenes import ANNA, DUNNING, PAYROLL, PAYROLL_CLIENT_ID, PAYROLL_V1
from cli.terminal import Ran, Terminal

from hveadmin.sandbox.credentials import add_secret
from hveadmin.sandbox.faults import Surface
from hveadmin.sandbox.seed import CONTOSO, EXCHANGE_APP_ID, GRAPH_APP_ID, MAIL_SEND, guid_of
from hveadmin.sandbox.server import Running, Sandbox

REPORT_B = guid_of("contoso", "principal", "report-sender-b")
DISABLED = guid_of("contoso", "principal", "CRM Sync 2019")
FOREIGN = "7c0b9a11-8f0e-4a57-8c33-2d1e0f9a8b05"
MANAGED = guid_of("contoso", "principal", "vm-backup-runner")
WITHOUT_SP = guid_of("contoso", "client", "Newsletter 2021")
PAYROLL_ACCOUNT = guid_of("contoso", "user", "hve-payroll@contoso.com")
SCOPE = "5eb43c10-865a-4259-960a-83946678f8dd"
SEND_AS_APP = "7146a1f0-8703-45b3-9eae-527a64c00995"


def show(terminal: Terminal, *words: str, profile: str = "operator") -> Ran:
    return terminal.hveadmin("app", "show", *words, "-p", profile)


def mail_send(ran: Ran) -> dict[str, Any]:
    (application,) = ran.ends_with(0).json["applications"]
    found: dict[str, Any] = application["mail_send"]
    return found


def change_registration(sandbox: Sandbox, object_id: str, *access: tuple[str, str, str]) -> None:
    """Let an application's registration ask for these: client id of the API, id of the permission, Role or Scope."""
    principal = sandbox.store.get(CONTOSO, "servicePrincipal", object_id)
    assert principal is not None
    (registration,) = sandbox.store.by_app_id(CONTOSO, "application", principal["appId"])
    registration["requiredResourceAccess"] = [
        {"resourceAppId": api, "resourceAccess": [{"id": id_, "type": kind}]} for api, id_, kind in access
    ]
    sandbox.store.put(CONTOSO, "application", registration["id"], registration)


def consent(sandbox: Sandbox, object_id: str, scope: str, user: str | None, api: str = EXCHANGE_APP_ID) -> None:
    """Somebody consents to a delegated permission."""
    grant = {
        "id": f"grant-{user}",
        "clientId": object_id,
        "consentType": "AllPrincipals" if user is None else "Principal",
        "principalId": user,
        "resourceId": guid_of("contoso", "resource", api),
        "scope": scope,
    }
    sandbox.store.put(CONTOSO, "oauth2PermissionGrant", grant["id"] or "", grant)


def test_each_story_of_the_seed_is_told(terminal: Terminal, golden: Callable[[str, str], None]) -> None:
    ids = (PAYROLL, REPORT_B, DUNNING, DISABLED, FOREIGN, MANAGED, PAYROLL_CLIENT_ID, WITHOUT_SP, ANNA)
    ran = show(terminal, *ids).ends_with(0)
    today = datetime.now(UTC)
    text = ran.transcript()
    for days in range(-1, 2):
        text = text.replace(f"{today + timedelta(days=days - 9):%Y-%m-%d}", "9-DAYS-AGO")
        text = text.replace(f"{today + timedelta(days=days + 21):%Y-%m-%d}", "IN-21-DAYS")
    golden("app-show.txt", text)


@pytest.mark.parametrize(
    ("id_", "verdict", "sends"),
    [
        (PAYROLL, "granted", True),
        (PAYROLL_CLIENT_ID, "granted", True),
        (REPORT_B, "wrong-api", False),
        (DUNNING, "nothing-granted", False),
        (DISABLED, "granted", True),
        (FOREIGN, "granted", True),
        (MANAGED, "granted", True),
    ],
)
def test_the_verdict_in_the_machine_form(terminal: Terminal, id_: str, verdict: str, sends: bool) -> None:
    found = mail_send(show(terminal, id_, "-o", "json"))
    assert (found["verdict"], found["may_send"]) == (verdict, sends)
    assert (found["next"] is None) == sends
    assert found["unseen"] == []


@pytest.mark.parametrize("format_name", ["table", "json", "jsonl", "yaml", "csv", "md"])
def test_the_verdict_is_in_every_format(terminal: Terminal, format_name: str) -> None:
    out = show(terminal, REPORT_B, "-o", format_name).ends_with(0).out
    assert "wrong-api" in out or "not on Office 365 Exchange Online" in out


class TestConsent:
    def test_requested_without_consent_names_the_command_that_consents(
        self, terminal: Terminal, sandbox: Sandbox
    ) -> None:
        change_registration(sandbox, DUNNING, (EXCHANGE_APP_ID, MAIL_SEND, "Role"))
        found = mail_send(show(terminal, DUNNING, "-o", "json"))
        assert found["verdict"] == "consent-missing"
        assert found["next"]["command"].startswith("az ad app permission admin-consent --id ")

    def test_delegated_consent_for_one_account_names_the_account(self, terminal: Terminal, sandbox: Sandbox) -> None:
        consent(sandbox, DUNNING, "Mail.Send", PAYROLL_ACCOUNT)
        found = mail_send(show(terminal, DUNNING, "-o", "json"))
        assert found["verdict"] == "delegated-for-some"
        assert [each["account"] for each in found["consented"]] == ["hve-payroll@contoso.com"]

    def test_delegated_consent_for_everybody_is_enough(self, terminal: Terminal, sandbox: Sandbox) -> None:
        consent(sandbox, DUNNING, "openid Mail.Send", None)
        assert mail_send(show(terminal, DUNNING, "-o", "json"))["verdict"] == "delegated-for-everybody"

    def test_delegated_consent_on_graph_is_not(self, terminal: Terminal, sandbox: Sandbox) -> None:
        consent(sandbox, DUNNING, "Mail.Send", None, GRAPH_APP_ID)
        assert mail_send(show(terminal, DUNNING, "-o", "json"))["verdict"] == "wrong-api"

    def test_the_permission_for_mailboxes_is_known_for_what_it_is(self, terminal: Terminal, sandbox: Sandbox) -> None:
        change_registration(sandbox, DUNNING, (EXCHANGE_APP_ID, SEND_AS_APP, "Role"))
        assert mail_send(show(terminal, DUNNING, "-o", "json"))["verdict"] == "mailbox-permission"

    def test_a_scope_that_is_only_requested_is_not_consented(self, terminal: Terminal, sandbox: Sandbox) -> None:
        change_registration(sandbox, DUNNING, (EXCHANGE_APP_ID, SCOPE, "Scope"))
        assert mail_send(show(terminal, DUNNING, "-o", "json"))["verdict"] == "consent-missing"


class TestPermissions:
    def test_without_directory_read_all_delegated_consent_is_unknown_and_not_absent(self, terminal: Terminal) -> None:
        ran = show(terminal, DUNNING, PAYROLL, profile="applications-only").ends_with(0)
        assert "Whether Mail.Send is granted on Office 365 Exchange Online could not be seen." in ran.out
        assert "the permission Directory.Read.All would show it" in ran.out
        assert "Mail.Send is granted on Office 365 Exchange Online, as an application permission." in ran.out
        found = mail_send(show(terminal, DUNNING, "-o", "json", profile="applications-only"))
        assert (found["may_send"], found["consented"]) == (None, None)
        assert [each["permission"] for each in found["unseen"]] == ["Directory.Read.All"]

    def test_without_graph_the_lists_are_shown_and_the_rest_is_unknown(self, terminal: Terminal) -> None:
        ran = show(terminal, PAYROLL, profile="without-graph").ends_with(7)
        assert f"{PAYROLL} is unknown: the directory could not be read." in ran.out
        assert "On the list of hve-full@contoso.com, hve-payroll@contoso.com." in ran.out
        assert "Application.Read.All" in ran.out
        assert "Mail.Send" not in ran.out

    def test_whoever_may_not_read_accounts_is_refused(self, terminal: Terminal) -> None:
        assert show(terminal, PAYROLL, profile="without-role").ends_with(5).out == ""


def test_credentials_are_shown_by_hint_and_end_and_never_the_secret(terminal: Terminal, sandbox: Sandbox) -> None:
    now = datetime.now(UTC)
    add_secret(sandbox.store, CONTOSO, PAYROLL_CLIENT_ID, "canary-secret-1", expires=now + timedelta(days=90))
    ran = show(terminal, PAYROLL).ends_with(0)
    assert "It signs in with 1 secret; the last one ends on" in ran.out
    assert "secret  can…  ends on" in ran.out
    assert "canary" not in ran.said


def test_two_calls_to_graph_show_six_applications(terminal: Terminal, running: Running) -> None:
    show(terminal, PAYROLL, PAYROLL_V1, REPORT_B, DUNNING, DISABLED, FOREIGN).ends_with(0)
    assert running.calls.count(Surface.GRAPH) == 2


def test_what_is_no_id_is_said_before_anybody_signs_in(terminal: Terminal, running: Running) -> None:
    ran = show(terminal, "Payroll Mailer").ends_with(2)
    assert "is not a GUID" in ran.err
    assert running.calls.count() == 0

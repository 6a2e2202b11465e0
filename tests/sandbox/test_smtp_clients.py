"""
What an account's list is for: AUTH XOAUTH2 succeeds for the right application and for no other.

Four real clients, and tokens that msal gets from the sandbox's own Entra ID over its sockets.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msal  # type: ignore[import-untyped]
import pytest
import requests
from exchange_wire import PAYROLL, PAYROLL_CLIENT_ID, HandClock
from smtp_senders import (
    CLIENTS,
    REFUSED,
    SCOPE,
    SENT,
    application_token,
    by_curl,
    by_msmtp,
    client_id_of,
    each_client,
    give_secret,
    in_two_steps,
    signed,
)

from hveadmin.sandbox.mailbox import SignInKind
from hveadmin.sandbox.seed import CONTOSO, EXCHANGE_APP_ID, guid_of
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.sandbox.user_flows import Person, write_person

PAYROLL_ACCOUNT, OPEN_ACCOUNT = "hve-payroll@contoso.com", "hve-alert-db@contoso.com"
SHOP_ACCOUNT = "hve-shop@contoso.com"
SHOP = client_id_of("Shop Orders")
SHOP_PRINCIPAL = guid_of("contoso", "principal", "Shop Orders")


# --- an application's own token -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client_id", "account", "ends"),
    [
        pytest.param(PAYROLL_CLIENT_ID, PAYROLL_ACCOUNT, SENT, id="on the list"),
        pytest.param(SHOP, PAYROLL_ACCOUNT, REFUSED, id="not on the list"),
        pytest.param(SHOP, OPEN_ACCOUNT, SENT, id="an empty list lets everybody in"),
        pytest.param(client_id_of("Dunning Letters"), OPEN_ACCOUNT, REFUSED, id="no permission, not even here"),
        pytest.param(client_id_of("report-sender-b"), OPEN_ACCOUNT, REFUSED, id="Mail.Send, but Graph's"),
        pytest.param(SHOP, "anna.holm@contoso.com", REFUSED, id="no HVE account"),
        pytest.param(SHOP, "hve-alert-db@elsewhere.example", REFUSED, id="a domain of nobody's"),
    ],
)
def test_a_client_sends_if_its_application_may(
    sandbox: Sandbox, running: Running, tmp_path: Path, client_id: str, account: str, ends: dict[str, int]
) -> None:
    give_secret(sandbox, client_id)
    token = application_token(running, client_id)
    assert each_client(running, tmp_path, account, token) == ends
    assert len(sandbox.mailbox.messages()) == (len(CLIENTS) if ends is SENT else 0)


def test_a_token_for_microsoft_graph_opens_nothing(sandbox: Sandbox, running: Running, tmp_path: Path) -> None:
    client_id = client_id_of("report-sender-b")
    give_secret(sandbox, client_id)
    token = application_token(running, client_id, scope="https://graph.microsoft.com/.default")
    assert each_client(running, tmp_path, OPEN_ACCOUNT, token) == REFUSED


def test_an_expired_token_opens_nothing(sandbox: Sandbox, running: Running, clock: HandClock, tmp_path: Path) -> None:
    give_secret(sandbox, PAYROLL_CLIENT_ID)
    token = application_token(running, PAYROLL_CLIENT_ID)
    assert each_client(running, tmp_path, PAYROLL_ACCOUNT, token) == SENT
    clock.advance(seconds=3600)
    assert each_client(running, tmp_path, PAYROLL_ACCOUNT, token) == REFUSED


def test_a_token_of_another_tenant_opens_nothing_though_all_are_behind_one_port(tmp_path: Path) -> None:
    with Sandbox.open(tmp_path / "fleet.db", seed="fleet:2x1x1") as sandbox, sandbox.serve() as running:
        tenants = sandbox.tenants()
        tokens = {}
        for tenant in tenants:
            client_id = guid_of(tenant.alias, "client", "Sender 00000")
            give_secret(sandbox, client_id, tenant_id=tenant.tenant_id)
            tokens[tenant.alias] = application_token(running, client_id, tenant=tenant.tenant_id)
        ends = {
            (account.alias, alias): in_two_steps(
                running, tmp_path, f"hve-00000@{account.domain}", token, f"somebody@{account.domain}"
            ).code
            for account in tenants
            for alias, token in tokens.items()
        }
    one, two = (tenant.alias for tenant in tenants)
    assert ends == {(one, one): 0, (two, two): 0, (one, two): 535, (two, one): 535}


def test_a_grant_and_a_revocation_bind_after_the_delay(
    sandbox: Sandbox, running: Running, clock: HandClock, tmp_path: Path
) -> None:
    sandbox.set_switches(replace(sandbox.switches, propagation_seconds=300))
    give_secret(sandbox, PAYROLL_CLIENT_ID)
    token = application_token(running, PAYROLL_CLIENT_ID)
    sandbox.tenant(CONTOSO).add_apps(SHOP_ACCOUNT, [PAYROLL])
    for wait, ends in ((0, REFUSED), (299, REFUSED), (1, SENT)):
        clock.advance(seconds=wait)
        assert each_client(running, tmp_path, SHOP_ACCOUNT, token) == ends
    sandbox.tenant(CONTOSO).remove_apps(SHOP_ACCOUNT, [PAYROLL])
    for wait, ends in ((299, SENT), (1, REFUSED)):
        clock.advance(seconds=wait)
        assert each_client(running, tmp_path, SHOP_ACCOUNT, token) == ends


def test_a_client_id_on_the_list_lets_nobody_in(sandbox: Sandbox, running: Running, tmp_path: Path) -> None:
    """The mistake that this product is about: hve-scan has Payroll Mailer's client id on its list."""
    give_secret(sandbox, PAYROLL_CLIENT_ID)
    token = application_token(running, PAYROLL_CLIENT_ID)
    assert PAYROLL_CLIENT_ID in sandbox.tenant(CONTOSO).account("hve-scan").allowed_apps
    assert each_client(running, tmp_path, "hve-scan@contoso.com", token) == REFUSED
    sandbox.tenant(CONTOSO).add_apps("hve-scan", [PAYROLL])
    assert each_client(running, tmp_path, "hve-scan@contoso.com", token) == SENT


def test_a_token_that_outlives_its_application_still_opens(sandbox: Sandbox, running: Running, tmp_path: Path) -> None:
    """Disabling stops new tokens (AADSTS7000112), not one that is out."""
    give_secret(sandbox, PAYROLL_CLIENT_ID)
    token = application_token(running, PAYROLL_CLIENT_ID)
    principal = sandbox.store.get(CONTOSO, "servicePrincipal", PAYROLL)
    assert principal is not None
    sandbox.store.put(CONTOSO, "servicePrincipal", PAYROLL, principal | {"accountEnabled": False})
    assert in_two_steps(running, tmp_path, PAYROLL_ACCOUNT, token).code == 0


def test_the_mailbox_knows_which_application_sent_what(sandbox: Sandbox, running: Running, tmp_path: Path) -> None:
    give_secret(sandbox, PAYROLL_CLIENT_ID)
    token = application_token(running, PAYROLL_CLIENT_ID)
    by_curl(running, tmp_path, PAYROLL_ACCOUNT, token)
    by_msmtp(running, tmp_path, PAYROLL_ACCOUNT, token, "ben.ortiz@contoso.com")
    first, second = sandbox.mailbox.messages()
    assert (first.number, second.number) == (1, 2)
    assert {first.sender, second.sender} == {first.sender}
    assert (first.sender.kind, first.sender.client_id, first.sender.object_id, first.sender.display_name) == (
        SignInKind.APPLICATION,
        PAYROLL_CLIENT_ID,
        PAYROLL,
        "Payroll Mailer",
    )
    assert (first.account, first.mail_from, first.recipients) == (
        PAYROLL_ACCOUNT,
        PAYROLL_ACCOUNT,
        ("anna.holm@contoso.com",),
    )
    assert second.recipients == ("ben.ortiz@contoso.com",)
    assert (first.headers.subject, first.headers.message_id) == ("Payslips", "<1@sender.example>")
    assert sandbox.mailbox.content(first).endswith(b"\r\n\r\nHello.\r\n")


# --- the account's own token --------------------------------------------------------------------------------------


def delegated_token(sandbox: Sandbox, running: Running, person: str, client_id: str, principal: str, scope: str) -> str:
    """The account signs in to an application by device code, with msal; what it may do there is consented to."""
    (registration,) = sandbox.store.by_app_id(CONTOSO, "application", client_id)
    sandbox.store.put(CONTOSO, "application", registration["id"], registration | {"isFallbackPublicClient": True})
    consent_id = f"consent-{principal}"
    consent = {
        "id": consent_id,
        "clientId": principal,
        "consentType": "AllPrincipals",
        "principalId": None,
        "resourceId": guid_of("contoso", "resource", EXCHANGE_APP_ID),
        "scope": scope,
    }
    sandbox.store.put(CONTOSO, "oauth2PermissionGrant", consent_id, consent)
    write_person(sandbox.store, Person(person))
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(running.ca_pem)
        application = msal.PublicClientApplication(
            client_id,
            authority=f"{running.base_url}/{CONTOSO}",
            instance_discovery=False,
            http_client=session,
        )
        answer: dict[str, Any] = application.acquire_token_by_device_flow(application.initiate_device_flow([SCOPE]))
    assert "access_token" in answer, answer
    return str(answer["access_token"])


@pytest.mark.parametrize(
    ("person", "client_id", "principal", "scope", "switches", "ends"),
    [
        pytest.param(PAYROLL_ACCOUNT, PAYROLL_CLIENT_ID, PAYROLL, "Mail.Send", {}, SENT, id="on the list"),
        pytest.param(PAYROLL_ACCOUNT, SHOP, SHOP_PRINCIPAL, "Mail.Send", {}, REFUSED, id="not on the list"),
        pytest.param(
            PAYROLL_ACCOUNT,
            SHOP,
            SHOP_PRINCIPAL,
            "Mail.Send",
            {"smtp_delegated_listed": False},
            SENT,
            id="if the list binds applications alone",
        ),
        pytest.param(
            "anna.holm@contoso.com", PAYROLL_CLIENT_ID, PAYROLL, "Mail.Send", {}, REFUSED, id="another person's"
        ),
        pytest.param(PAYROLL_ACCOUNT, PAYROLL_CLIENT_ID, PAYROLL, "SMTP.Send", {}, REFUSED, id="that is for mailboxes"),
        pytest.param(
            PAYROLL_ACCOUNT,
            PAYROLL_CLIENT_ID,
            PAYROLL,
            "SMTP.Send openid",
            {"smtp_mailbox_permission": True},
            SENT,
            id="if that of mailboxes does too",
        ),
    ],
)
def test_an_account_sends_with_its_own_token_through_an_application_that_may(
    sandbox: Sandbox,
    running: Running,
    tmp_path: Path,
    person: str,
    client_id: str,
    principal: str,
    scope: str,
    switches: dict[str, Any],
    ends: dict[str, int],
) -> None:
    sandbox.set_switches(replace(sandbox.switches, **switches))
    token = delegated_token(sandbox, running, person, client_id, principal, scope)
    assert each_client(running, tmp_path, PAYROLL_ACCOUNT, token) == ends
    kinds = {each.sender.kind for each in sandbox.mailbox.messages()}
    assert kinds == ({SignInKind.DELEGATED} if ends is SENT else set())


# --- what a client is told ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("replies", "said"),
    [("plain", "535 5.7.3 Authentication unsuccessful [SBX"), ("detailed", "550 5.7.240 The application is not")],
)
@pytest.mark.parametrize("challenge", [False, True], ids=["refused at once", "after a challenge"])
def test_msmtp_shows_its_user_what_the_server_said(
    sandbox: Sandbox, running: Running, clock: HandClock, tmp_path: Path, replies: Any, said: str, challenge: bool
) -> None:
    sandbox.set_switches(replace(sandbox.switches, smtp_replies=replies, smtp_challenge=challenge))
    token = signed(sandbox, clock.now)
    sent = by_msmtp(running, tmp_path, SHOP_ACCOUNT, token)
    assert sent.code == 77
    assert said in sent.said
    assert running.calls.smtp.count("credential", "334") == int(challenge)


def test_curl_hangs_up_at_a_challenge(sandbox: Sandbox, running: Running, clock: HandClock, tmp_path: Path) -> None:
    sandbox.set_switches(replace(sandbox.switches, smtp_challenge=True))
    assert by_curl(running, tmp_path, SHOP_ACCOUNT, signed(sandbox, clock.now)).code == 67
    assert running.calls.smtp.count("credential", "334") == 1
    assert running.calls.smtp.count("challenge") == 0

"""`hveadmin smtp test`: a real attempt against a server, what came of it, how it ends; and never the token."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from typing import Literal

import pytest
from cli.sender_scenes import DUNNING, NOC_ACCOUNT, SHOP, SHOP_ACCOUNT, Sending, sending
from cli.terminal import Terminal
from report.judged import SHOWING_ALL
from smtp_senders import ANNA, SECRET, application_token, give_secret, signed

from hveadmin.sandbox.mailbox import parsed
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.sandbox.smtp_faults import SmtpFault, SmtpFaultKind, Step

SENDER = ("--client-id", SHOP, "--secret-file", "sender.secret")


@pytest.fixture
def by(terminal: Terminal, sandbox: Sandbox, running: Running) -> Sending:
    found = sending(terminal, sandbox, running)
    found.secret_file()
    give_secret(sandbox, SHOP)
    return found


def test_an_application_on_the_list_is_let_in_and_nothing_is_sent(by: Sending) -> None:
    ran = by.type("smtp", "test", SHOP_ACCOUNT, *SENDER, "-o", "json").ends_with(0)
    (attempt,) = ran.json["attempts"]
    assert (attempt["authenticated"], attempt["sent"], attempt["reply"]["code"]) == (True, False, 235)
    assert [each["stage"] for each in ran.json["stages"]] == ["connect", "ehlo", "starttls", "auth"]
    assert all(each["seconds"] >= 0 for each in ran.json["stages"])
    assert by.sandbox.mailbox.messages() == []


def test_a_message_is_sent_to_everybody_that_is_named(by: Sending) -> None:
    by.type("smtp", "test", SHOP_ACCOUNT, *SENDER, "--send", ANNA, "--send", "ben.ortiz@contoso.com").ends_with(0)
    (received,) = by.sandbox.mailbox.messages()
    assert received.recipients == (ANNA, "ben.ortiz@contoso.com")
    message = parsed(by.sandbox.mailbox.content(received))
    assert (message["From"], message["Auto-Submitted"]) == (SHOP_ACCOUNT, "auto-generated")


@pytest.mark.parametrize(
    ("replies", "says"),
    [("plain", "the reply does not say why"), ("detailed", "not on the account's list")],
)
def test_a_refusal_is_explained_with_its_ticket_and_ends_with_4(
    by: Sending, replies: Literal["plain", "detailed"], says: str
) -> None:
    by.sandbox.set_switches(replace(by.sandbox.switches, smtp_replies=replies))
    ran = by.type("smtp", "test", NOC_ACCOUNT, *SENDER).ends_with(4)
    assert says in ran.out
    assert "For a support ticket: SBXPR01CA0001" in ran.out


def test_a_recipient_outside_the_tenant_is_refused_after_the_sign_in(by: Sending) -> None:
    ran = by.type("smtp", "test", SHOP_ACCOUNT, *SENDER, "--send", "x@elsewhere.example").ends_with(4)
    assert "outside the tenant" in ran.out


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (SmtpFault(SmtpFaultKind.NO_STARTTLS), 4, "no STARTTLS"),
        (SmtpFault(SmtpFaultKind.WRONG_CERTIFICATE), 1, "not trusted"),
        (SmtpFault(SmtpFaultKind.WRONG_CERTIFICATE, name="mail.elsewhere.example"), 1, "Hostname mismatch"),
        (SmtpFault(SmtpFaultKind.HANG, Step.CREDENTIAL), 1, "within 2 s"),
        (SmtpFault(SmtpFaultKind.NONSENSE, Step.CREDENTIAL), 1, "the server sent"),
        (SmtpFault(SmtpFaultKind.LONG_LINE, Step.CREDENTIAL), 1, "more than 8,192 octets"),
        (SmtpFault(SmtpFaultKind.DROP, Step.CREDENTIAL), 1, "closed the connection"),
    ],
    ids=["no STARTTLS", "unknown authority", "other host", "hangs", "nonsense", "64 KiB line", "hangs up"],
)
def test_a_server_that_misbehaves_is_a_sentence_in_time_and_gets_no_second_token(
    by: Sending, fault: SmtpFault, code: int, says: str
) -> None:
    token = application_token(by.running, SHOP)
    by.sandbox.add_smtp_fault(fault)
    began = time.monotonic()
    ran = by.type("smtp", "test", SHOP_ACCOUNT, "--token-env", "T", "--timeout", "2", "--debug", T=token).ends_with(
        code
    )
    assert time.monotonic() - began < 6
    assert says in ran.out
    assert "Traceback" not in ran.said
    assert token.rpartition(".")[2] not in ran.said


def test_a_server_without_starttls_said_nothing_that_could_be_unknown(by: Sending) -> None:
    by.sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.NO_STARTTLS))
    ran = by.type("smtp", "test", SHOP_ACCOUNT, *SENDER).ends_with(4)
    assert "Refused at starttls: the server offers no STARTTLS" in ran.out
    assert "no known meaning" not in ran.out


def test_any_server_can_be_named(by: Sending) -> None:
    address = by.running.endpoints.smtp
    asked = ("smtp", "test", SHOP_ACCOUNT, *SENDER, "--server", address)
    by.type(*asked).ends_with(0)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        silent = ("smtp", "test", SHOP_ACCOUNT, *SENDER, "--server", f"localhost:{port}", "--timeout", "2")
        assert "no answer within 2 s" in by.type(*silent).ends_with(1).out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((SHOP_ACCOUNT,), "nothing says what to sign in with"),
        ((SHOP_ACCOUNT, "--token-env", "NOTHING"), "NOTHING is not set"),
        ((SHOP_ACCOUNT, "--token-env", "JWE"), "has 1 part"),
        (("nobody", *SENDER), "is not a mail address"),
        ((SHOP_ACCOUNT, *SENDER, "--send", "nobody"), "is not a mail address"),
        ((SHOP_ACCOUNT, *SENDER, "--server", "host:smtp"), "is no server"),
        (("hve-müller@contoso.com", *SENDER), "outside ASCII"),
        ((SHOP_ACCOUNT, *SENDER, "--send", "anna.hölm@contoso.com"), "outside ASCII"),
        ((SHOP_ACCOUNT, *SENDER, "--server", f"{'x' * 64}.example:587"), "is no server"),
        ((SHOP_ACCOUNT, *SENDER, "--token-env", "JWE"), "and a way to get another"),
        ((SHOP_ACCOUNT, "--device-code", "--client-id", SHOP, "--token-env", "JWE"), "and a way to get another"),
    ],
)
def test_what_cannot_be_meant_is_said_and_no_server_is_asked(by: Sending, words: tuple[str, ...], says: str) -> None:
    ran = by.type("smtp", "test", *words, JWE="hunter2").ends_with(2)
    assert says in ran.err
    assert "hunter2" not in ran.said
    assert by.running.calls.smtp.count() == 0


def test_no_token_at_all_is_entras_matter(by: Sending) -> None:
    asked = ("smtp", "test", SHOP_ACCOUNT, "--client-id", DUNNING, "--secret-file", "sender.secret")
    assert "AADSTS7000215" in by.type(*asked).ends_with(5).err


def test_a_cloud_without_a_known_endpoint_asks_for_one(by: Sending) -> None:
    token = signed(by.sandbox, by.sandbox.clock())
    ran = by.terminal.hveadmin("smtp", "test", SHOP_ACCOUNT, "--token-env", "T", "-p", "operator", T=token)
    assert "names no SMTP endpoint" in ran.ends_with(2).err


def test_no_secret_and_no_token_is_in_any_format(by: Sending) -> None:
    forms = [f"-o{form}={form}.out" for form in SHOWING_ALL]
    loud = ("--debug", "-v", "--log-format", "json", "-o", "table", *forms)
    token = application_token(by.running, SHOP)
    said = by.type("smtp", "test", SHOP_ACCOUNT, *SENDER, "--send", ANNA, *loud).ends_with(0).said
    said += by.type("smtp", "test", NOC_ACCOUNT, "--token-env", "T", *loud, T=token).ends_with(4).said
    said += "".join((by.terminal.folder / f"{form}.out").read_text() for form in SHOWING_ALL)
    for each in (SECRET, "eyJ", token.rpartition(".")[2]):
        assert each not in said

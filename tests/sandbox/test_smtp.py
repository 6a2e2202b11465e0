"""The SMTP endpoint as a conversation, on real sockets, with smtplib and with octets of our own."""

from __future__ import annotations

import base64
import gc
import logging
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from exchange_wire import PAYROLL, HandClock
from smtp_senders import (
    ANNA,
    BEN,
    SECONDS,
    by_msmtp,
    connected,
    encrypted,
    error_text,
    message,
    port_of,
    program,
    signed,
    trusting,
    xoauth2,
)

from hveadmin.errors import UsageError
from hveadmin.sandbox.mailbox import SignInKind
from hveadmin.sandbox.seed import CONTOSO
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.sandbox.smtp_calls import SmtpReply
from hveadmin.sandbox.smtp_faults import SmtpFault, SmtpFaultKind, Step

ACCOUNT, OTHER = "hve-payroll@contoso.com", "hve-shop@contoso.com"
MEGABYTE = 1024 * 1024


@pytest.fixture
def token(sandbox: Sandbox, clock: HandClock) -> str:
    """Payroll Mailer's, which is on hve-payroll's list and not on hve-shop's."""
    return signed(sandbox, clock.now)


@pytest.fixture
def session(running: Running, token: str) -> Iterator[smtplib.SMTP]:
    """Somebody who may send through hve-payroll."""
    with encrypted(running) as session:
        assert xoauth2(session, ACCOUNT, token)[0] == 235
        yield session


def docmd(session: smtplib.SMTP, *lines: str) -> list[str]:
    """Say one command after the other; the first line of each reply."""
    return [_said(session.docmd(line)) for line in lines]


def _said(reply: tuple[int, bytes]) -> str:
    return f"{reply[0]} {reply[1].decode()}".splitlines()[0]


def codes(session: smtplib.SMTP, *lines: str) -> list[str]:
    """The codes of the replies, the enhanced ones too."""
    return [" ".join(each.split()[:2]) for each in docmd(session, *lines)]


def refused(session: smtplib.SMTP, account: str, token: str) -> str:
    with pytest.raises(smtplib.SMTPAuthenticationError) as error:
        xoauth2(session, account, token)
    return f"{error.value.smtp_code} {error_text(error.value)}"


# --- before anybody signs in --------------------------------------------------------------------------------------


def test_it_offers_what_exchange_online_offers(sandbox: Sandbox, running: Running) -> None:
    always = {"size", "pipelining", "dsn", "enhancedstatuscodes", "8bitmime", "binarymime", "chunking", "smtputf8"}
    with connected(running) as session:
        assert set(session.esmtp_features) == always | {"starttls"}
        assert session.esmtp_features["size"] == "157286400"
        session.starttls(context=trusting(running))
        session.ehlo()
        assert set(session.esmtp_features) == always | {"auth"}
        assert session.esmtp_features["auth"].split() == ["LOGIN", "XOAUTH2"]


def test_nobody_signs_in_before_encryption(sandbox: Sandbox, running: Running, token: str) -> None:
    with connected(running) as session:
        assert codes(session, "AUTH XOAUTH2", "AUTH LOGIN", "AUTH XOAUTH2 Zm9v") == ["504 5.7.4"] * 3
        assert codes(session, "MAIL FROM:<hve-payroll@contoso.com>") == ["530 5.7.57"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "OAUTHBEARER", "CRAM-MD5", ""])
def test_other_mechanisms_are_not_known(sandbox: Sandbox, running: Running, mechanism: str) -> None:
    with encrypted(running) as session:
        assert codes(session, f"AUTH {mechanism}") == ["504 5.7.4"]


def test_without_a_sign_in_there_is_no_mail(sandbox: Sandbox, running: Running) -> None:
    with encrypted(running) as session:
        said = docmd(session, f"MAIL FROM:<{ACCOUNT}>")[0]
        assert said.startswith("530 5.7.57 Client not authenticated to send mail. [SBX")
        assert codes(session, f"RCPT TO:<{ANNA}>", "DATA", "BDAT 0 LAST") == ["503 5.5.2"] * 3


def test_swaks_finds_its_way_to_the_same_refusal(sandbox: Sandbox, running: Running) -> None:
    """A client that knows no XOAUTH2, but STARTTLS as others wrote it."""
    words = [program("swaks"), "--server", f"localhost:{port_of(running)}", "--tls", "--from", ACCOUNT, "--to", ANNA]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 23, done.stdout + done.stderr
    assert "TLS started" in done.stdout
    assert "530 5.7.57 Client not authenticated" in done.stdout


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls_is_refused(sandbox: Sandbox, running: Running, version: ssl.TLSVersion) -> None:
    old = trusting(running)
    old.minimum_version, old.maximum_version = version, version
    # Otherwise the client's own library would refuse before anything is sent.
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, smtplib.SMTPServerDisconnected)), connected(running) as session:
        session.starttls(context=old)
    with encrypted(running) as session:
        assert session.noop()[0] == 250


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_is_taken_from_1_2_on_and_its_certificate_is_the_sandboxs(
    sandbox: Sandbox, running: Running, version: ssl.TLSVersion
) -> None:
    context = trusting(running)
    context.minimum_version, context.maximum_version = version, version
    with connected(running) as session:
        session.starttls(context=context)
        assert session.ehlo()[0] == 250
    with pytest.raises(ssl.SSLCertVerificationError), connected(running) as session:
        session.starttls(context=ssl.create_default_context())


def test_what_was_said_before_encryption_does_not_count_after_it(sandbox: Sandbox, running: Running) -> None:
    """RFC 3207: neither EHLO nor what somebody put in behind STARTTLS."""
    with connected(running) as session:
        assert session.sock is not None
        session.send(b"STARTTLS\r\nNOOP\r\n")
        assert session.getreply()[0] == 220
        session.sock = trusting(running).wrap_socket(session.sock, server_hostname="localhost")
        session.file = None
        assert codes(session, "AUTH XOAUTH2", "EHLO client.example")[0] == "503 5.5.2"
        assert running.calls.smtp.count("NOOP") == 0


# --- signing in ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one_line", [False, True])
@pytest.mark.parametrize("octets", [100, 8_000, 25_000])
def test_long_tokens_are_taken_in_both_forms(
    sandbox: Sandbox, running: Running, clock: HandClock, octets: int, one_line: bool
) -> None:
    long = signed(sandbox, clock.now, groups="x" * octets)
    with encrypted(running) as session:
        assert xoauth2(session, ACCOUNT, long, one_line=one_line) == (235, b"2.7.0 Authentication successful")


def test_a_token_beyond_all_measure_is_a_line_that_is_too_long(sandbox: Sandbox, running: Running, token: str) -> None:
    with encrypted(running) as session:
        assert codes(session, "AUTH XOAUTH2")[0] == "334"
        assert codes(session, "x" * 200_000) == ["500 5.5.2"]
        assert xoauth2(session, ACCOUNT, token)[0] == 235


def test_mechanisms_are_known_in_any_case(sandbox: Sandbox, running: Running, token: str) -> None:
    blob = base64.b64encode(f"user={ACCOUNT}\x01auth=Bearer {token}\x01\x01".encode()).decode()
    with encrypted(running) as session:
        assert docmd(session, "auth xoauth2", blob) == ["334 ", "235 2.7.0 Authentication successful"]


def test_a_refusal_says_nothing_but_what_a_ticket_needs(sandbox: Sandbox, running: Running, token: str) -> None:
    with encrypted(running) as session:
        first, second = refused(session, OTHER, token), refused(session, ACCOUNT, "no token")
        assert first.startswith("535 5.7.3 Authentication unsuccessful [SBXPR01CA0001.sbxprd01.prod.outlook.com 2026-")
        assert first == second
        assert codes(session, f"MAIL FROM:<{OTHER}>") == ["530 5.7.57"]


def test_the_finer_codes_can_be_turned_on(sandbox: Sandbox, running: Running, clock: HandClock, token: str) -> None:
    sandbox.set_switches(replace(sandbox.switches, smtp_replies="detailed"))
    now = int(clock.now.timestamp())
    with encrypted(running) as session:
        assert refused(session, OTHER, token).startswith("550 5.7.240 The application is not allowed for use with this")
        assert refused(session, ACCOUNT, signed(sandbox, clock.now, exp=now)).startswith("535 5.7.143 Expired token [")
        assert refused(session, ACCOUNT, "no token").startswith("501 5.5.124 Invalid XOAUTH2 auth data [")


def test_the_challenge_style_asks_for_an_empty_line_and_then_refuses(
    sandbox: Sandbox, running: Running, token: str
) -> None:
    sandbox.set_switches(replace(sandbox.switches, smtp_challenge=True))
    with encrypted(running) as session:
        assert refused(session, OTHER, token).startswith("535 5.7.3 Authentication unsuccessful [")
        assert running.calls.smtp.count("challenge", "535 5.7.3") == 1
        # Who sends the token again instead of nothing is told so.
        with pytest.raises(smtplib.SMTPAuthenticationError) as error:
            session.auth("XOAUTH2", lambda challenge=None: f"user={OTHER}\x01auth=Bearer {token}\x01\x01")
        assert error.value.smtp_code == 501
        assert xoauth2(session, ACCOUNT, token)[0] == 235


def test_a_client_can_take_its_auth_back(sandbox: Sandbox, running: Running) -> None:
    with encrypted(running) as session:
        assert codes(session, "AUTH XOAUTH2", "*") == ["334", "501 5.7.0"]
        assert codes(session, "AUTH LOGIN", "*") == ["334 VXNlcm5hbWU6", "501 5.7.0"]


def test_who_is_signed_in_is_not_asked_again(session: smtplib.SMTP, sandbox: Sandbox) -> None:
    assert codes(session, "AUTH XOAUTH2", "AUTH LOGIN") == ["503 5.5.2"] * 2
    assert session.ehlo()[0] == 250
    assert codes(session, f"MAIL FROM:<{ACCOUNT}>") == ["250 2.1.0"]


def test_a_connection_that_outlives_its_token_is_not_signed_in_any_more(
    session: smtplib.SMTP, sandbox: Sandbox, clock: HandClock
) -> None:
    sandbox.set_switches(replace(sandbox.switches, smtp_replies="detailed"))
    clock.advance(seconds=3598)
    assert codes(session, f"MAIL FROM:<{ACCOUNT}>", "RSET") == ["250 2.1.0", "250 2.0.0"]
    clock.advance(seconds=1)
    assert codes(session, f"MAIL FROM:<{ACCOUNT}>", f"MAIL FROM:<{ACCOUNT}>") == ["535 5.7.143", "530 5.7.57"]


# --- basic authentication -----------------------------------------------------------------------------------------


def test_a_password_goes_past_the_list(sandbox: Sandbox, running: Running) -> None:
    password = sandbox.account_password_path.read_text().strip()
    with encrypted(running) as session:
        session.login(OTHER, password)
        session.sendmail(OTHER, [ANNA], message(OTHER).encode())
    (received,) = sandbox.mailbox.messages()
    assert (received.account, received.sender.kind, received.sender.client_id) == (OTHER, SignInKind.BASIC, "")


@pytest.mark.parametrize(
    ("switches", "said"),
    [
        ({}, "535 5.7.3 Authentication unsuccessful ["),
        ({"smtp_replies": "detailed"}, "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect."),
        ({"smtp_basic": False}, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. ["),
        ({"smtp_challenge": True}, "535 5.7.3 Authentication unsuccessful ["),
    ],
)
def test_a_wrong_password_is_refused_in_words_of_its_own(
    sandbox: Sandbox, running: Running, switches: dict[str, object], said: str
) -> None:
    sandbox.set_switches(replace(sandbox.switches, **switches))  # type: ignore[arg-type]
    with encrypted(running) as session, pytest.raises(smtplib.SMTPAuthenticationError) as error:
        session.login(OTHER, "wrong")
    assert f"{error.value.smtp_code} {error_text(error.value)}".startswith(said)


def test_where_passwords_are_off_tokens_still_do(sandbox: Sandbox, running: Running, token: str) -> None:
    sandbox.set_switches(replace(sandbox.switches, smtp_basic=False))
    with encrypted(running) as session:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            session.login(ACCOUNT, sandbox.account_password_path.read_text().strip())
        assert xoauth2(session, ACCOUNT, token)[0] == 235


@pytest.mark.parametrize("lines", [("AUTH LOGIN", "!", "!"), ("AUTH LOGIN !", "!"), ("AUTH LOGIN", "", "")])
def test_a_password_that_is_no_base64_is_a_wrong_one(sandbox: Sandbox, running: Running, lines: Sequence[str]) -> None:
    with encrypted(running) as session:
        assert codes(session, *lines)[-1] == "535 5.7.3"


# --- senders and recipients ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", [OTHER, ANNA, "payslips@contoso.com", "anybody@elsewhere.example"])
def test_mail_is_from_the_account_that_signed_in(session: smtplib.SMTP, sandbox: Sandbox, sender: str) -> None:
    assert docmd(session, f"MAIL FROM:<{sender}>")[0].startswith("550 5.7.62 The MAIL FROM address is not that of the")
    with pytest.raises(smtplib.SMTPDataError) as error:
        session.sendmail(ACCOUNT, [ANNA], message(sender).encode())
    assert (error.value.smtp_code, error_text(error.value)[:7]) == (550, "5.6.241")
    assert sandbox.mailbox.messages() == []


@pytest.mark.parametrize(
    ("head", "accepted"),
    [
        (f"From: {ACCOUNT}", True),
        (f"From: Payroll <{ACCOUNT.upper()}>", True),
        (f'From: "Doe, Anna" <{ACCOUNT}>', True),
        (f"from:\r\n  =?utf-8?q?L=C3=B6hne?=\r\n <{ACCOUNT}>", True),
        (f"From: {ACCOUNT}, {OTHER}", False),
        (f"From: {ACCOUNT}\r\nFrom: {OTHER}", False),
        (f"From: {ACCOUNT} <{OTHER}>", False),
        ("Subject: from nobody", False),
        ("From:", False),
        ("From: <>", False),
    ],
)
def test_the_from_header_names_the_account_and_nobody_else(
    session: smtplib.SMTP, sandbox: Sandbox, head: str, accepted: bool
) -> None:
    if accepted:
        session.sendmail(ACCOUNT, [ANNA], f"{head}\r\n\r\n.\r\n")
    else:
        with pytest.raises(smtplib.SMTPDataError, match=r"5\.6\.241"):
            session.sendmail(ACCOUNT, [ANNA], f"{head}\r\n\r\n.\r\n")
    assert len(sandbox.mailbox.messages()) == int(accepted)


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        (ANNA, "250 2.1.5"),
        ("somebody@Contoso.COM", "250 2.1.5"),
        ("somebody@contoso.onmicrosoft.com", "250 2.1.5"),
        ("somebody@elsewhere.example", "550 5.5.105"),
        ("somebody@sub.contoso.com", "550 5.5.105"),
        ("somebody@notcontoso.com", "550 5.5.105"),
        ("somebody", "550 5.5.105"),
    ],
)
def test_mail_goes_to_the_tenants_own_domains_only(session: smtplib.SMTP, recipient: str, code: str) -> None:
    assert codes(session, f"MAIL FROM:<{ACCOUNT}>", f"RCPT TO:<{recipient}>") == ["250 2.1.0", code]


def test_an_external_recipient_is_named_in_exchanges_words(session: smtplib.SMTP) -> None:
    said = docmd(session, f"MAIL FROM:<{ACCOUNT}>", "RCPT TO:<a@elsewhere.example>")[1]
    assert said.startswith("550 5.5.105 External sending is not supported for High Volume Email accounts [SBX")


def test_the_fifty_first_recipient_is_one_too_many(session: smtplib.SMTP, sandbox: Sandbox) -> None:
    recipients = [f"person-{number}@contoso.com" for number in range(51)]
    left_out = session.sendmail(ACCOUNT, recipients, message(ACCOUNT).encode())
    assert {name: code for name, (code, _) in left_out.items()} == {"person-50@contoso.com": 452}
    assert sandbox.mailbox.messages()[0].recipients == tuple(recipients[:50])


@pytest.mark.parametrize("octets", [10 * MEGABYTE, 10 * MEGABYTE + 1])
def test_ten_megabytes_are_the_most(session: smtplib.SMTP, sandbox: Sandbox, octets: int) -> None:
    head = f"From: {ACCOUNT}\r\n\r\n"
    lines = (octets - len(head)) // 100
    mail = head + ("x" * 98 + "\r\n") * (lines - 1)
    mail += "x" * (octets - len(mail) - 2) + "\r\n"
    assert len(mail) == octets
    fits = octets == 10 * MEGABYTE
    # Without ESMTP's SIZE, so that the octets themselves are counted.
    assert codes(session, f"MAIL FROM:<{ACCOUNT}>", f"RCPT TO:<{ANNA}>") == ["250 2.1.0", "250 2.1.5"]
    assert session.data(mail)[0] == (250 if fits else 552)
    assert [each.size for each in sandbox.mailbox.messages()] == ([octets] if fits else [])
    assert codes(session, f"MAIL FROM:<{ACCOUNT}> SIZE={octets}") == ["250 2.1.0" if fits else "552 5.3.4"]


@pytest.mark.parametrize("account", ["hve-legacy@contoso.com", "hve-lab@contoso.com"])
def test_an_account_without_valid_billing_signs_in_and_cannot_send(
    sandbox: Sandbox, running: Running, token: str, account: str
) -> None:
    sandbox.tenant(CONTOSO).add_apps(account, [PAYROLL])
    with encrypted(running) as session:
        assert xoauth2(session, account, token)[0] == 235
        assert codes(session, f"MAIL FROM:<{account}>") == ["550 5.7.1"]


# --- the mail itself ----------------------------------------------------------------------------------------------


def test_what_was_accepted_is_on_the_disk_and_the_reply_says_under_which_number(
    session: smtplib.SMTP, sandbox: Sandbox
) -> None:
    for number in (1, 2):
        assert codes(session, f"MAIL FROM:<{ACCOUNT}>", f"RCPT TO:<{ANNA}>")[1] == "250 2.1.5"
        said = session.data(message(ACCOUNT))[1].decode()
        assert said.startswith(f"2.6.0 [InternalId={number}, Hostname=SBXPR01CA0001")
        assert said.endswith("bytes Queued mail for delivery")
    with Sandbox.open(sandbox.path) as other:
        assert [each.number for each in other.mailbox.messages()] == [1, 2]


def test_mail_in_many_languages_comes_as_it_was_sent(session: smtplib.SMTP, sandbox: Sandbox) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ACCOUNT, "søren@contoso.com", "日本語 für alle"
    mail.set_content("Grüße\n.\n..\nfrom a line with a dot\n")
    session.send_message(mail, mail_options=["BODY=8BITMIME"])
    (received,) = sandbox.mailbox.messages()
    assert received.recipients == ("søren@contoso.com",)
    assert received.headers.subject == "日本語 für alle"
    assert b"\r\n.\r\n..\r\n" in sandbox.mailbox.content(received)


def test_the_parameters_that_are_offered_are_taken(session: smtplib.SMTP) -> None:
    mail = f"MAIL FROM:<{ACCOUNT}> BODY=BINARYMIME RET=HDRS ENVID=QQ314159 AUTH=<> SIZE=100 SMTPUTF8"
    recipient = f"RCPT TO:<{ANNA}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;{ANNA}"
    assert codes(session, mail, recipient, "RSET", "NOOP") == ["250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.0.0"]
    assert codes(session, f"MAIL FROM:<{ACCOUNT}> COLOUR=RED")[0] == "555 5.5.4"


def test_a_message_in_chunks_is_the_same_message(session: smtplib.SMTP, sandbox: Sandbox) -> None:
    mail = message(ACCOUNT).encode() + b"\x00\r\n.\r\nbinary\xff"
    assert codes(session, f"MAIL FROM:<{ACCOUNT}> BODY=BINARYMIME", f"RCPT TO:<{ANNA}>")[1] == "250 2.1.5"
    for begin, end in ((0, 40), (40, 41), (41, 41), (41, len(mail))):
        last = " LAST" if end == len(mail) else ""
        session.send(f"BDAT {end - begin}{last}\r\n".encode() + mail[begin:end])
        assert session.getreply()[0] == 250
    (received,) = sandbox.mailbox.messages()
    assert sandbox.mailbox.content(received) == mail
    assert codes(session, "NOOP", "BDAT", "BDAT x LAST") == ["250 2.0.0", "501 5.5.4", "501 5.5.4"]


def test_chunks_that_are_refused_are_read_all_the_same(session: smtplib.SMTP, sandbox: Sandbox) -> None:
    """Otherwise their octets would be taken for commands."""
    session.send(b"BDAT 6\r\nQUIT\r\n")
    assert session.getreply()[0] == 503
    assert codes(session, f"MAIL FROM:<{ACCOUNT}>", f"RCPT TO:<{ANNA}>")[1] == "250 2.1.5"
    for part, code in ((6, 250), (5, 552)):
        session.send(f"BDAT {part * MEGABYTE}\r\n".encode() + b"QUIT\r\n".ljust(part * MEGABYTE))
        assert session.getreply()[0] == code
    assert codes(session, "NOOP") == ["250 2.0.0"]
    assert sandbox.mailbox.messages() == []


def test_commands_may_be_sent_at_once(session: smtplib.SMTP, sandbox: Sandbox) -> None:
    mail = message(ACCOUNT)
    session.send(f"MAIL FROM:<{ACCOUNT}>\r\nRCPT TO:<{ANNA}>\r\nRCPT TO:<{BEN}>\r\nDATA\r\n".encode())
    assert [session.getreply()[0] for _ in range(4)] == [250, 250, 250, 354]
    session.send(f"{mail}.\r\nNOOP\r\n".encode())
    assert [session.getreply()[0] for _ in range(2)] == [250, 250]
    assert sandbox.mailbox.messages()[0].recipients == (ANNA, BEN)


def test_a_reset_forgets_the_mail_too(session: smtplib.SMTP, sandbox: Sandbox) -> None:
    session.sendmail(ACCOUNT, [ANNA], message(ACCOUNT).encode())
    assert len(sandbox.mailbox.messages()) == 1
    sandbox.reset()
    assert sandbox.mailbox.messages() == []
    assert sandbox.mailbox.find(1) is None


# --- what is remembered of it -------------------------------------------------------------------------------------


def test_every_reply_is_counted_with_what_it_was_the_reply_to(sandbox: Sandbox, running: Running, token: str) -> None:
    with encrypted(running) as session:
        refused(session, OTHER, token)
        xoauth2(session, ACCOUNT, token, one_line=True)
        session.sendmail(ACCOUNT, [ANNA], message(ACCOUNT).encode())
        docmd(session, token[:400])
    assert running.calls.smtp.replies() == {
        SmtpReply("connect", "220"): 1,
        SmtpReply("EHLO", "250"): 2,
        SmtpReply("STARTTLS", "220 2.0.0"): 1,
        SmtpReply("AUTH XOAUTH2", "334"): 1,
        SmtpReply("credential", "535 5.7.3"): 1,
        SmtpReply("credential", "235 2.7.0"): 1,
        SmtpReply("MAIL", "250 2.1.0"): 1,
        SmtpReply("RCPT", "250 2.1.5"): 1,
        SmtpReply("DATA", "354"): 1,
        SmtpReply("message", "250 2.6.0"): 1,
        SmtpReply("?", "500 5.3.3"): 1,
        SmtpReply("QUIT", "221 2.0.0"): 1,
    }
    assert running.calls.smtp.count("mail") == running.calls.smtp.count("MAIL", "250") == 1
    assert running.calls.smtp.count(reply="5") == 2
    running.calls.clear()
    assert running.calls.smtp.count() == 0


def test_no_token_reaches_a_log_or_a_reply(
    sandbox: Sandbox, running: Running, token: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Also when a client has lost its place and says its token where a command is expected."""
    caplog.set_level(logging.DEBUG)
    # Libraries keep levels of their own, and what is below them is not even asked of the filter.
    logging.getLogger("mail.log").setLevel(logging.DEBUG)
    blob = base64.b64encode(f"user={OTHER}\x01auth=Bearer {token}\x01\x01".encode()).decode()
    said = ""
    with encrypted(running) as session:
        for line in (f"AUTH XOAUTH2 {blob}", token[:400], f"NOOP {token[:400]}", f"AUTH {token}", f"VRFY {token[:50]}"):
            said += "".join(docmd(session, line))
        said += "".join(docmd(session, "AUTH XOAUTH2", "not base64: " + token))
    by_msmtp(running, tmp_path, OTHER, token)
    parts = [part for part in (*token.split("."), blob) if part]
    seen = (caplog.text + said).casefold()
    assert not any(part[:40].casefold() in seen for part in parts)
    assert not any(record.name == "mail.log" for record in caplog.records)


# --- starting and stopping ----------------------------------------------------------------------------------------


def test_the_port_is_told_and_can_be_chosen(tmp_path: Path) -> None:
    with Sandbox.open(tmp_path / "sandbox.db") as sandbox:
        with sandbox.serve() as running:
            port = port_of(running)
            assert running.endpoints.smtp == f"localhost:{port}"
            with pytest.raises(UsageError, match=f"127.0.0.1:{port}"):
                sandbox.serve(smtp_port=port)
        with sandbox.serve(smtp_port=port) as running, connected(running) as session:
            assert session.noop()[0] == 250
    gc.collect()


def test_stopping_breaks_what_is_open_and_waits_for_nobody(tmp_path: Path) -> None:
    with Sandbox.open(tmp_path / "sandbox.db") as sandbox:
        running = sandbox.serve()
        sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.HANG, Step.MAIL))
        with smtplib.SMTP("localhost", port_of(running), timeout=10) as plain:
            with smtplib.SMTP("localhost", port_of(running), timeout=10) as hanging:
                hanging.ehlo()
                hanging.send(b"MAIL FROM:<a@b>\r\n")
                time.sleep(0.1)
                begin = time.monotonic()
                running.stop()
                assert time.monotonic() - begin < 3
                with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
                    hanging.getreply()
                hanging.close()
            with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
                plain.noop()
            plain.close()
        with pytest.raises(ConnectionRefusedError):
            smtplib.SMTP("localhost", port_of(running), timeout=1)
    # Whatever was left open would warn now, and warnings are errors.
    gc.collect()


def test_clients_that_leave_in_the_middle_leave_nothing_behind(
    sandbox: Sandbox, running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    for said in (
        b"",
        b"EHLO x\r\n",
        b"EHLO x\r\nSTARTTLS\r\n",
        b"EHLO x\r\nSTARTTLS\r\nno TLS at all\r\n",
        b"\x16\x03\x01",
    ):
        with _raw(running) as client:
            client.sendall(said)
            client.settimeout(0.2)
            with suppress(TimeoutError):
                while client.recv(4096):
                    pass
    with encrypted(running) as session:
        assert session.noop()[0] == 250
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


@contextmanager
def _raw(running: Running) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port_of(running)), timeout=10) as client:
        yield client


def test_its_library_is_imported_by_the_first_connection_and_not_before(tmp_path: Path) -> None:
    script = (
        "import smtplib, sys\n"
        "from pathlib import Path\n"
        "from hveadmin.sandbox.server import Sandbox\n"
        f"with Sandbox.open(Path({str(tmp_path / 'sandbox.db')!r})) as sandbox, sandbox.serve() as running:\n"
        "    print('aiosmtpd' in sys.modules)\n"
        "    host, port = running.endpoints.smtp.split(':')\n"
        "    with smtplib.SMTP(host, int(port), timeout=10) as session:\n"
        "        session.noop()\n"
        "    print('aiosmtpd' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("False\nTrue\n", "")

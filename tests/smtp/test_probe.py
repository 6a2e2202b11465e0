"""A real attempt over real sockets: what each kind of server comes to, in time, and without the token."""

from __future__ import annotations

import inspect
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.utils import parsedate_to_datetime

import pytest
from smtp_senders import ANNA, signed

from hveadmin.domain.ids import Address
from hveadmin.domain.sending import Attempt, Message, Result, Stage
from hveadmin.domain.smtp_replies import Who
from hveadmin.errors import UsageError
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.sandbox.smtp_faults import SmtpFault, SmtpFaultKind, Step
from hveadmin.smtp.probe import CONNECT_SECONDS, SmtpProbe, compose
from hveadmin.wire.trust import ssl_context
from hveadmin.wiring import SystemClock

ACCOUNT, OTHER = Address("hve-payroll@contoso.com"), Address("hve-shop@contoso.com")
MAIL = Message((Address(ANNA),), "Payslips", "Hello.\n.\nA line that begins with a full stop stands above.\n")
CLOCK = SystemClock()


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    """Payroll Mailer's, which is on hve-payroll's list and not on hve-shop's."""
    return signed(sandbox, CLOCK.now())


def probe(running: Running, *, timeout: float = 10.0, ca: bool = True) -> SmtpProbe:
    return SmtpProbe(running.endpoints.smtp, ssl_context(str(running.ca_pem) if ca else ""), CLOCK, timeout=timeout)


def results(attempt: Attempt) -> list[tuple[Stage, Result]]:
    return [(each.stage, each.result) for each in attempt.stages]


UP_TO_AUTH = [Stage.CONNECT, Stage.EHLO, Stage.STARTTLS, Stage.AUTH]


def test_the_right_application_is_let_in_and_every_stage_has_its_time(running: Running, token: str) -> None:
    attempt = probe(running).attempt(ACCOUNT, token)
    assert results(attempt) == [(each, Result.PASSED) for each in UP_TO_AUTH]
    assert attempt.authenticated is True
    assert attempt.passed
    assert not attempt.sent
    assert all(each.seconds >= 0 for each in attempt.stages)
    assert "Microsoft ESMTP" in attempt.greeting
    assert any("XOAUTH2" in each for each in attempt.offers)
    tls = attempt.tls
    assert tls is not None
    assert tls.version in ("TLSv1.2", "TLSv1.3")
    assert tls.valid_until is not None
    assert tls.valid_until > CLOCK.now()


def test_an_application_that_is_not_on_the_list_is_refused_with_the_ticket(running: Running, token: str) -> None:
    attempt = probe(running).attempt(OTHER, token)
    assert attempt.authenticated is False
    assert attempt.reply is not None
    assert (attempt.reply.code, attempt.reply.enhanced) == (535, "5.7.3")
    assert attempt.reply.ticket is not None
    assert attempt.meaning is not None
    assert not attempt.challenged


def test_the_finer_codes_say_which_it_is(sandbox: Sandbox, running: Running, token: str) -> None:
    sandbox.set_switches(replace(sandbox.switches, smtp_replies="detailed"))
    attempt = probe(running).attempt(OTHER, token)
    assert attempt.meaning is not None
    assert "not on the account's list" in attempt.meaning.says
    assert attempt.meaning.who is Who.EXCHANGE_ADMIN


def test_a_server_of_the_other_style_is_answered_with_an_empty_line(
    sandbox: Sandbox, running: Running, token: str
) -> None:
    sandbox.set_switches(replace(sandbox.switches, smtp_challenge=True))
    attempt = probe(running).attempt(OTHER, token)
    assert attempt.authenticated is False
    assert attempt.challenged
    assert attempt.reply is not None
    assert attempt.reply.code == 535


def test_a_message_is_sent_whole_and_from_the_account(sandbox: Sandbox, running: Running, token: str) -> None:
    attempt = probe(running).attempt(ACCOUNT, token, MAIL)
    assert attempt.sent
    (kept,) = sandbox.mailbox.messages()
    received = message_from_bytes(sandbox.mailbox.content(kept))
    assert received["From"] == ACCOUNT.value
    assert received["To"] == ANNA
    assert received["Message-ID"] == attempt.message_id
    assert parsedate_to_datetime(received["Date"]).tzinfo is not None
    body = received.get_payload()
    assert isinstance(body, str)
    assert body.replace("\r\n", "\n") == MAIL.text


def test_a_recipient_outside_the_tenant_is_refused_after_the_sign_in(running: Running, token: str) -> None:
    attempt = probe(running).attempt(ACCOUNT, token, replace(MAIL, to=(Address("x@elsewhere.example"),)))
    assert attempt.authenticated is True
    assert attempt.last.stage is Stage.SEND
    assert attempt.last.result is Result.REFUSED
    assert attempt.meaning is not None
    assert "outside the tenant" in attempt.meaning.says
    assert not attempt.sent


def test_the_message_is_marked_as_a_programs() -> None:
    made = compose(ACCOUNT, MAIL, datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
    assert made["Auto-Submitted"] == "auto-generated"
    assert made["Message-ID"].endswith("@contoso.com>")
    assert made["Date"] == "Mon, 23 Nov 2026 10:00:00 +0000"


FAULTS = [
    pytest.param(SmtpFault(SmtpFaultKind.NO_STARTTLS), Stage.STARTTLS, Result.REFUSED, "no STARTTLS", id="plain"),
    pytest.param(
        SmtpFault(SmtpFaultKind.WRONG_CERTIFICATE), Stage.STARTTLS, Result.BROKEN, "not trusted", id="unknown authority"
    ),
    pytest.param(
        SmtpFault(SmtpFaultKind.WRONG_CERTIFICATE, name="mail.elsewhere.example"),
        Stage.STARTTLS, Result.BROKEN, "not trusted: Hostname mismatch", id="certificate for another host",
    ),
    pytest.param(SmtpFault(SmtpFaultKind.HANG, Step.CREDENTIAL), Stage.AUTH, Result.BROKEN, "within 1 s", id="hangs"),
    pytest.param(SmtpFault(SmtpFaultKind.HANG, Step.CONNECT), Stage.CONNECT, Result.BROKEN, "within 1 s", id="silent"),
    pytest.param(
        SmtpFault(SmtpFaultKind.NONSENSE, Step.CREDENTIAL), Stage.AUTH, Result.BROKEN, "the server sent", id="nonsense"
    ),
    pytest.param(
        SmtpFault(SmtpFaultKind.LONG_LINE, Step.CREDENTIAL), Stage.AUTH, Result.BROKEN, "than 8,192", id="long line"
    ),
    pytest.param(SmtpFault(SmtpFaultKind.DROP, Step.CREDENTIAL), Stage.AUTH, Result.BROKEN, "closed", id="hangs up"),
    pytest.param(
        SmtpFault(SmtpFaultKind.REPLY, Step.CONNECT, text="421 4.3.2 Service not available"),
        Stage.CONNECT, Result.REFUSED, "421 4.3.2", id="not available",
    ),
    pytest.param(
        SmtpFault(SmtpFaultKind.REPLY, Step.AUTH, text="454 4.7.0 Temporary authentication failure"),
        Stage.AUTH, Result.REFUSED, "454 4.7.0", id="not now",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "stage", "result", "says"), FAULTS)
def test_what_goes_wrong_is_a_sentence_in_time_and_without_the_token(
    sandbox: Sandbox,
    running: Running,
    token: str,
    caplog: pytest.LogCaptureFixture,
    fault: SmtpFault,
    stage: Stage,
    result: Result,
    says: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.add_smtp_fault(fault)
    began = time.monotonic()
    attempt = probe(running, timeout=1).attempt(ACCOUNT, token)
    assert time.monotonic() - began < 4
    assert (attempt.last.stage, attempt.last.result) == (stage, result)
    assert says in attempt.last.said
    assert attempt.authenticated in ((None,) if result is Result.BROKEN or stage is not Stage.AUTH else (False,))
    signature = token.rpartition(".")[2]
    assert signature not in f"{attempt!r}{caplog.text}"


def test_a_certificate_of_another_host_is_not_said_to_be_mended_by_trust(
    sandbox: Sandbox, running: Running, token: str
) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.WRONG_CERTIFICATE, name="mail.elsewhere.example"))
    last = probe(running).attempt(ACCOUNT, token).last
    assert "`ca`" not in last.next
    assert "as its certificate does" in last.next


def test_a_certificate_of_an_unknown_authority_is_refused_before_the_token_goes_out(
    running: Running, token: str
) -> None:
    attempt = probe(running, ca=False).attempt(ACCOUNT, token)
    assert attempt.last.stage is Stage.STARTTLS
    assert "`ca`" in attempt.last.next


# --- servers that no sandbox is -----------------------------------------------------------------------------------


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Somebody on loopback who takes one connection and talks as they like."""

    def run() -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    thread.join(5)


def drip(connection: socket.socket) -> None:
    for _ in range(100):
        connection.sendall(b"2")
        time.sleep(0.1)


def never_end(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"220-more\r\n" * 1000)


def http(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("talk", "says"), [(drip, "within 1 s"), (never_end, "more than 200 lines"), (http, "is no reply: 'HTTP/1.1")]
)
def test_no_server_keeps_a_client_or_fills_its_memory(talk: Callable[[socket.socket], None], says: str) -> None:
    with server(talk) as address:
        began = time.monotonic()
        attempt = SmtpProbe(address, ssl.create_default_context(), CLOCK, timeout=1).attempt(ACCOUNT, "a.b.c")
    assert time.monotonic() - began < 4
    assert attempt.last.result is Result.BROKEN
    assert says in attempt.last.said


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def slow_after_the_greeting(connection: socket.socket) -> None:
    connection.sendall(b"220 at once\r\n")
    connection.recv(100)
    time.sleep(1)
    connection.sendall(b"250 but no STARTTLS\r\n")


def test_a_greeting_is_not_waited_for_as_long_as_the_rest_may_take() -> None:
    def last(address: str) -> tuple[Stage, str]:
        trust = ssl.create_default_context()
        seen = SmtpProbe(address, trust, CLOCK, timeout=30, patience=0.5).attempt(ACCOUNT, "a.b.c").last
        return seen.stage, seen.said

    began = time.monotonic()
    with server(silent) as address:
        assert last(address) == (Stage.CONNECT, "no answer within 0.5 s")
    assert time.monotonic() - began < 5
    with server(slow_after_the_greeting) as address:
        assert last(address)[0] is Stage.STARTTLS


def test_the_greeting_is_given_twenty_seconds_whatever_the_whole_may_take() -> None:
    patience = inspect.signature(SmtpProbe).parameters["patience"].default
    assert patience == CONNECT_SECONDS == 20


@pytest.mark.skipif(sys.platform != "linux", reason="a full queue drops connections there, as firewalls do")
def test_a_host_of_several_addresses_takes_no_longer_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with full_queue("127.0.0.1", 0) as port, full_queue("127.0.0.2", port):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{each}", port)) for each in (1, 2)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        began = time.monotonic()
        attempt = SmtpProbe(f"two:{port}", ssl.create_default_context(), CLOCK, timeout=1).attempt(ACCOUNT, "a.b.c")
    assert attempt.last.said == "no answer within 1 s"
    assert time.monotonic() - began < 1.8


@contextmanager
def full_queue(host: str, port: int) -> Iterator[int]:
    """A port where nobody accepts and no more connections fit."""
    with socket.create_server((host, port), backlog=0) as listening, ExitStack() as waiting:
        address = listening.getsockname()[:2]
        with suppress(TimeoutError):
            while True:
                waiting.enter_context(socket.create_connection(address, 0.3))
        yield address[1]


def test_nobody_there_is_a_sentence() -> None:
    attempt = SmtpProbe("127.0.0.1:9", ssl.create_default_context(), CLOCK, timeout=2).attempt(ACCOUNT, "a.b.c")
    assert attempt.last.said == "no connection: Connection refused"
    assert attempt.authenticated is None


NO_HOSTS = ["::1", "[host]:587", "a b:587", "http://host:587", f"{'x' * 64}.example:587", "..:587", "host\n:587"]


@pytest.mark.parametrize("written", ["", "host:", "host:0", "host:70000", "host:smtp", ":587", *NO_HOSTS])
def test_what_is_no_server_is_a_usage_error(written: str) -> None:
    with pytest.raises(UsageError):
        SmtpProbe(written, ssl.create_default_context(), CLOCK, timeout=1)


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    attempt = SmtpProbe("[::1]:9", ssl.create_default_context(), CLOCK, timeout=2).attempt(ACCOUNT, "a.b.c")
    assert attempt.server == "[::1]:9"
    assert attempt.last.stage is Stage.CONNECT


@pytest.mark.parametrize(
    ("to", "says"), [("anna.hölm@contoso.com", "outside ASCII"), ("a>@contoso.com", "not a mail address")]
)
def test_a_recipient_that_cannot_be_sent_to_contacts_nobody(running: Running, token: str, to: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        probe(running).attempt(ACCOUNT, token, replace(MAIL, to=(Address(ANNA), Address(to))))
    assert running.calls.smtp.count() == 0


def test_an_address_that_cannot_be_sent_contacts_nobody(running: Running, token: str) -> None:
    with pytest.raises(UsageError, match="outside ASCII"):
        probe(running).attempt(Address("hve-müller@contoso.com"), token)
    assert running.calls.smtp.count() == 0

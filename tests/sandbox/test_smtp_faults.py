"""What goes wrong on purpose at the SMTP endpoint, as a client meets it; and that it is counted as documented."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from exchange_wire import HandClock
from hypothesis import given
from hypothesis import strategies as st
from smtp_senders import ANNA, by_curl, by_msmtp, connected, encrypted, message, port_of, signed, trusting, xoauth2

from hveadmin.errors import UsageError
from hveadmin.sandbox.faults import Fault, FaultKind
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.sandbox.smtp_faults import LONG_LINE_OCTETS, SmtpFault, SmtpFaultBook, SmtpFaultKind, Step

ACCOUNT = "hve-payroll@contoso.com"
GONE = (smtplib.SMTPServerDisconnected, ConnectionError)


@pytest.fixture
def token(sandbox: Sandbox, clock: HandClock) -> str:
    return signed(sandbox, clock.now)


def whole(running: Running, token: str, *, timeout: float = 10.0) -> None:
    """One mail, from the greeting to QUIT."""
    with encrypted(running, timeout=timeout) as session:
        xoauth2(session, ACCOUNT, token)
        session.sendmail(ACCOUNT, [ANNA], message(ACCOUNT).encode())


# --- each kind ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", Step)
def test_a_fault_strikes_at_its_step_and_the_next_mail_goes_through(
    sandbox: Sandbox, running: Running, token: str, at: Step
) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.REPLY, at, text="454 4.7.0 Temporary authentication failure"))
    with pytest.raises((smtplib.SMTPException, AssertionError)) as error:
        _strictly(running, token)
    assert "454" in str(error.value) or "4.7.0" in str(error.value)
    assert sandbox.smtp_faults() == []
    assert len(sandbox.mailbox.messages()) == (1 if at is Step.QUIT else 0)
    whole(running, token)


def _strictly(running: Running, token: str) -> None:
    """The same, but nothing is let pass that smtplib lets pass: a refused EHLO, a refused QUIT."""
    session = smtplib.SMTP("localhost", port_of(running), timeout=10)
    try:
        assert session.ehlo()[0] == 250, session.ehlo_resp
        assert session.starttls(context=trusting(running))[0] == 220, "454: smtplib goes on without encryption"
        session.ehlo()
        xoauth2(session, ACCOUNT, token)
        session.sendmail(ACCOUNT, [ANNA], message(ACCOUNT).encode())
        code, said = session.quit()
        assert code == 221, (code, said)
    finally:
        session.close()


@pytest.mark.parametrize("at", [Step.CONNECT, Step.EHLO, Step.CREDENTIAL, Step.MESSAGE])
def test_it_can_hang_anywhere(sandbox: Sandbox, running: Running, token: str, at: Step) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.HANG, at))
    begin = time.monotonic()
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        whole(running, token, timeout=0.7)
    assert 0.7 <= time.monotonic() - begin < 5
    assert sandbox.mailbox.messages() == []


def test_after_a_334_it_hangs_on_both_forms(sandbox: Sandbox, running: Running, token: str) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.HANG, times=2))
    for one_line, asked in ((False, 1), (True, 0)):
        running.calls.clear()
        with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)), encrypted(running, timeout=2) as session:
            xoauth2(session, ACCOUNT, token, one_line=one_line)
        assert running.calls.smtp.count("AUTH XOAUTH2", "334") == asked
        assert running.calls.smtp.count("credential") == 0


def test_a_421_hangs_up(sandbox: Sandbox, running: Running, token: str) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.REPLY, Step.AUTH, text="421 4.3.2 Service not available"))
    with encrypted(running) as session:
        with pytest.raises(smtplib.SMTPAuthenticationError, match=r"4\.3\.2"):
            xoauth2(session, ACCOUNT, token)
        with pytest.raises(GONE):
            session.noop()
        session.close()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            session.quit()
        session.connect("localhost", port_of(running))


def test_several_lines_are_sent_as_they_are(sandbox: Sandbox, running: Running) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.REPLY, Step.MAIL, text="432-4.3.2 one\n432 4.3.2 two"))
    with connected(running) as session:
        assert session.docmd("MAIL FROM:<a@b>") == (432, b"4.3.2 one\n4.3.2 two")
    assert running.calls.smtp.count("MAIL", "432") == 1


def test_nonsense_has_many_codes_and_no_last_line(sandbox: Sandbox, running: Running) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.NONSENSE, Step.EHLO))
    with socket.create_connection(("127.0.0.1", port_of(running)), timeout=2) as client:
        client.recv(4096)
        client.sendall(b"EHLO x\r\n")
        lines = client.recv(4096).split(b"\r\n")
        with pytest.raises(TimeoutError):
            client.recv(1)
    assert len({line[:3] for line in lines if line}) > 3
    assert lines[-2].startswith(b"535-")


def test_a_long_line_is_64_kib_long(sandbox: Sandbox, running: Running) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.LONG_LINE, Step.EHLO))
    with socket.create_connection(("127.0.0.1", port_of(running)), timeout=5) as client, client.makefile("rb") as lines:
        lines.readline()
        client.sendall(b"EHLO x\r\n")
        line = lines.readline()
    assert (len(line), line[:10], line[-3:]) == (LONG_LINE_OCTETS, b"535 5.7.3 ", b"x\r\n")


def test_a_connection_drops_before_anything_was_done(sandbox: Sandbox, running: Running, token: str) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.DROP, Step.MESSAGE))
    with pytest.raises(GONE):
        whole(running, token)
    assert sandbox.mailbox.messages() == []


def test_a_reply_that_is_lost_was_done(sandbox: Sandbox, running: Running, token: str) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.REPLY_LOST, Step.MESSAGE))
    with pytest.raises(GONE):
        whole(running, token)
    assert len(sandbox.mailbox.messages()) == 1


def test_without_starttls_there_is_no_way_in(sandbox: Sandbox, running: Running, token: str, tmp_path: Path) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.NO_STARTTLS, times=None))
    with connected(running) as session:
        assert "starttls" not in session.esmtp_features
        assert "auth" not in session.esmtp_features
        assert session.docmd("STARTTLS")[0] == 502
        assert session.docmd("AUTH XOAUTH2")[0] == 504
    assert by_curl(running, tmp_path, ACCOUNT, token).code == 64
    assert by_msmtp(running, tmp_path, ACCOUNT, token).code != 0
    sandbox.clear_faults()
    assert by_curl(running, tmp_path, ACCOUNT, token).code == 0


@pytest.mark.parametrize(
    ("name", "says"), [("", "self-signed certificate in certificate chain"), ("other.example", "Hostname mismatch")]
)
def test_a_wrong_certificate_is_not_accepted(
    sandbox: Sandbox, running: Running, token: str, tmp_path: Path, name: str, says: str
) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.WRONG_CERTIFICATE, name=name, times=3))
    with pytest.raises(ssl.SSLCertVerificationError, match=says):
        whole(running, token)
    assert by_curl(running, tmp_path, ACCOUNT, token).code == 60
    assert by_msmtp(running, tmp_path, ACCOUNT, token).code != 0
    assert running.calls.smtp.count("AUTH XOAUTH2") == 0
    whole(running, token)


def test_latencies_add_up_and_then_the_reply_is_good(sandbox: Sandbox, running: Running, token: str) -> None:
    for _ in range(2):
        sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.LATENCY, Step.AUTH, seconds=0.15))
    with encrypted(running) as session:
        begin = time.monotonic()
        assert xoauth2(session, ACCOUNT, token)[0] == 235
        assert time.monotonic() - begin >= 0.3


def test_a_slow_conversation_does_not_hold_up_the_others(sandbox: Sandbox, running: Running, token: str) -> None:
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.HANG, Step.MAIL))
    with connected(running) as slow:
        slow.send(b"MAIL FROM:<a@b>\r\n")
        while sandbox.smtp_faults():
            time.sleep(0.01)
        whole(running, token)
        slow.close()
        slow.connect("localhost", port_of(running))


# --- counting -----------------------------------------------------------------------------------------------------


def test_a_fault_strikes_as_often_as_it_says(sandbox: Sandbox) -> None:
    book = SmtpFaultBook(sandbox.store)
    for _ in range(2):
        book.add(SmtpFault(SmtpFaultKind.HANG, Step.AUTH, times=2))
    assert [len(book.take(Step.AUTH)) for _ in range(5)] == [1, 1, 1, 1, 0]
    book.add(SmtpFault(SmtpFaultKind.HANG, Step.AUTH, times=None))
    assert [len(book.take(Step.AUTH)) for _ in range(5)] == [1] * 5
    assert book.take(Step.MAIL) == []


def test_the_first_that_was_added_is_played_after_all_latencies(sandbox: Sandbox) -> None:
    book = SmtpFaultBook(sandbox.store)
    kinds = [SmtpFaultKind.DROP, SmtpFaultKind.LATENCY, SmtpFaultKind.HANG, SmtpFaultKind.LATENCY]
    for kind in kinds:
        book.add(SmtpFault(kind, Step.QUIT))
    played = [fault.kind for fault in book.take(Step.QUIT)]
    assert played == [SmtpFaultKind.LATENCY, SmtpFaultKind.LATENCY, SmtpFaultKind.DROP]
    assert [fault.kind for fault in book.pending()] == [SmtpFaultKind.HANG]


def test_faults_of_the_other_services_do_not_strike_here(sandbox: Sandbox, running: Running, token: str) -> None:
    sandbox.add_fault(Fault(FaultKind.HANG, times=None))
    whole(running, token)
    assert len(sandbox.faults()) == 1
    sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.HANG))
    sandbox.clear_faults()
    assert (sandbox.faults(), sandbox.smtp_faults()) == ([], [])


_FAULTS = st.builds(
    SmtpFault,
    kind=st.sampled_from(SmtpFaultKind),
    at=st.sampled_from(Step),
    times=st.none() | st.integers(1, 9),
    seconds=st.floats(0, 60),
    text=st.text(min_size=1),
    name=st.text(),
)


@given(_FAULTS)
def test_a_fault_is_read_back_from_its_document(fault: SmtpFault) -> None:
    assert SmtpFault.from_document(asdict(fault)) == fault


@pytest.mark.parametrize(
    ("fields", "says"),
    [({"kind": SmtpFaultKind.HANG, "times": 0}, "at least once"), ({"kind": SmtpFaultKind.REPLY}, "needs a text")],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        SmtpFault(**fields)  # type: ignore[arg-type]

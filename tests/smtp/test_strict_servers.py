"""
Our client against servers that hold it to the RFCs: Dovecot, which others wrote, and a strict one of our own.

Dovecot refuses `AUTH XOAUTH2 TOKEN` on one line as too long, checks the token's signature, and announces a refusal by
a challenge. The other one counts octets (RFC 5321: 512 in a command line; RFC 4954: 12288 in an answer to a 334).
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from dovecot import Dovecot, dovecot
from smtp_senders import encrypted_at, signed, xoauth2

from hveadmin.domain.ids import Address
from hveadmin.domain.sending import Attempt, Result, Stage
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.smtp.probe import SmtpProbe
from hveadmin.wire.trust import ssl_context
from hveadmin.wiring import SystemClock

ACCOUNT = Address("hve-payroll@contoso.com")
CLOCK = SystemClock()


# --- Dovecot ------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(sandbox: Sandbox) -> Iterator[Dovecot]:
    with dovecot(sandbox) as found:
        yield found


def for_dovecot(sandbox: Sandbox, **claims: object) -> str:
    """As long as real tokens are; it wants to know whose it is."""
    usual = {"upn": ACCOUNT.value, "sub": ACCOUNT.value, "padding": "x" * 1500}
    return signed(sandbox, datetime.now(UTC), **{**usual, **claims})


def attempt(server: Dovecot, token: str) -> Attempt:
    return SmtpProbe(server.address, ssl_context(server.ca), CLOCK, timeout=20).attempt(ACCOUNT, token)


def test_dovecot_lets_a_token_in_that_the_sandbox_signed(sandbox: Sandbox, server: Dovecot) -> None:
    token = for_dovecot(sandbox)
    assert len(token) > 2500
    found = attempt(server, token)
    assert found.authenticated is True, found.stages
    assert found.reply is not None
    assert found.reply.code == 235


def test_dovecot_refuses_any_other_after_a_challenge_and_hears_the_token_once(
    sandbox: Sandbox, server: Dovecot
) -> None:
    good = for_dovecot(sandbox)
    head, claims, signature = good.split(".")
    forged = f"{head}.{claims}.{signature[::-1]}"
    expired = for_dovecot(sandbox, exp=int((datetime.now(UTC) - timedelta(minutes=10)).timestamp()))
    for token in (forged, expired):
        found = attempt(server, token)
        assert found.authenticated is False
        assert found.challenged
        assert found.reply is not None
        assert (found.reply.code, found.reply.enhanced) == (535, "5.7.8")


def test_the_form_on_one_line_is_what_dovecot_does_not_take(sandbox: Sandbox, server: Dovecot) -> None:
    import smtplib

    host, _, port = server.address.rpartition(":")
    with pytest.raises(smtplib.SMTPException), encrypted_at(host, int(port), server.ca) as session:
        xoauth2(session, ACCOUNT.value, for_dovecot(sandbox, padding="x" * 9000), one_line=True)


# --- a server that counts octets ----------------------------------------------------------------------------------

_COMMAND, _ANSWER = 512, 12288


@dataclass
class Strict:
    """What was said to it, line by line, and what was wrong with it."""

    challenges: bool
    lets_in: bool
    lines: list[bytes] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def talk(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        plain.sendall(b"220 strict.example ESMTP\r\n")
        self._command(plain, b"EHLO")
        plain.sendall(b"250-strict.example\r\n250 STARTTLS\r\n")
        self._command(plain, b"STARTTLS")
        plain.sendall(b"220 2.0.0 go on\r\n")
        with context.wrap_socket(plain, server_side=True) as encrypted:
            self._command(encrypted, b"EHLO")
            encrypted.sendall(b"250-strict.example\r\n250-AUTH XOAUTH2\r\n250 SIZE 1000\r\n")
            self._authenticate(encrypted)
            self._command(encrypted, b"QUIT")
            encrypted.sendall(b"221 2.0.0 bye\r\n")

    def _authenticate(self, connection: socket.socket) -> None:
        if self._command(connection, b"AUTH") != b"AUTH XOAUTH2\r\n":
            self.wrong.append("AUTH came with something behind it")
        connection.sendall(b"334 \r\n")
        blob = self._line(connection, _ANSWER)
        if not base64.b64decode(blob.strip(), validate=True).endswith(b"\x01\x01"):
            self.wrong.append("the blob has no end")
        if self.lets_in:
            connection.sendall(b"235 2.7.0 welcome\r\n")
            return
        if self.challenges:
            challenge = json.dumps({"status": "400", "schemes": "Bearer", "scope": "https://mail.example/"})
            connection.sendall(b"334 " + base64.b64encode(challenge.encode()) + b"\r\n")
            if self._line(connection, _ANSWER) != b"\r\n":
                self.wrong.append("the answer to the challenge was not empty")
        connection.sendall(b"535-5.7.8 no\r\n535 5.7.8 and no again\r\n")

    def _command(self, connection: socket.socket, verb: bytes) -> bytes:
        line = self._line(connection, _COMMAND)
        if not line.upper().startswith(verb):
            self.wrong.append(f"{line!r} came where {verb!r} was due")
        return line

    def _line(self, connection: socket.socket, limit: int) -> bytes:
        line = b""
        while not line.endswith(b"\r\n") and len(line) <= limit:
            octet = connection.recv(1)
            if not octet:
                break
            line += octet
        if not line.endswith(b"\r\n") or b"\n" in line[:-2] or b"\r" in line[:-2]:
            self.wrong.append(f"a line of more than {limit} octets, or with another end than CRLF")
        self.lines.append(line)
        return line


def _is_for_localhost(pair: Path) -> bool:
    certificate = x509.load_pem_x509_certificate(pair.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return "localhost" in names.get_values_for_type(x509.DNSName)


@contextmanager
def strict(running: Running, server: Strict) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Beside the server's own lie those of the tests of wrong certificates.
    pairs = Path(running.ca_pem).parent.glob("server-*.pem")
    context.load_cert_chain(next(each for each in pairs if _is_for_localhost(each)))

    def run() -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                server.talk(connection, context)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"localhost:{listening.getsockname()[1]}"
        thread.join(10)


@pytest.mark.parametrize("challenges", [False, True], ids=["refuses at once", "challenges first"])
@pytest.mark.parametrize("lets_in", [False, True], ids=["refuses", "lets in"])
def test_a_server_that_counts_octets_has_nothing_to_object_to(
    sandbox: Sandbox, running: Running, challenges: bool, lets_in: bool
) -> None:
    server = Strict(challenges, lets_in)
    token = signed(sandbox, datetime.now(UTC), padding="x" * 4000)
    with strict(running, server) as address:
        found = SmtpProbe(address, ssl_context(str(running.ca_pem)), CLOCK, timeout=10).attempt(ACCOUNT, token)
    assert server.wrong == []
    assert found.authenticated is lets_in
    assert found.challenged is (challenges and not lets_in)
    assert found.last.stage is Stage.AUTH
    assert found.last.result is (Result.PASSED if lets_in else Result.REFUSED)
    blobs = [each for each in server.lines if token.encode()[:40] in each or len(each) > _COMMAND]
    assert len(blobs) == 1, "the token goes out once"

"""
Sending applications as they are in the world: curl, msmtp and Python's smtplib, each with a token of its own.

curl and msmtp are real programs. A test that needs one fails where it is missing; `.ci/run` installs them. Tokens reach
them by standard input or by a file, as they should.
"""

from __future__ import annotations

import shutil
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msal  # type: ignore[import-untyped]
import requests

from hveadmin.sandbox.credentials import add_secret
from hveadmin.sandbox.keys import SigningKeys
from hveadmin.sandbox.seed import CONTOSO, guid_of
from hveadmin.sandbox.server import Running, Sandbox

SCOPE = "https://outlook.office.com/.default"
ANNA, BEN = "anna.holm@contoso.com", "ben.ortiz@contoso.com"
SECRET = "a-sending-application's~secret"
SECONDS = 20.0


def program(name: str) -> str:
    """The path of a program that a test needs."""
    found = shutil.which(name)
    assert found is not None, f"{name} is not installed; these tests need it (see .ci/run)"
    return found


def message(sender: str, to: str = ANNA, subject: str = "Payslips") -> str:
    """A small mail, with the line ends of SMTP."""
    lines = (f"From: {sender}", f"To: {to}", f"Subject: {subject}", "Message-ID: <1@sender.example>", "", "Hello.", "")
    return "\r\n".join(lines)


# --- tokens -------------------------------------------------------------------------------------------------------


def give_secret(sandbox: Sandbox, client_id: str, *, tenant_id: str = CONTOSO) -> None:
    """Let an application sign in with SECRET."""
    add_secret(sandbox.store, tenant_id, client_id, SECRET, expires=sandbox.clock() + timedelta(days=30))


def application_token(running: Running, client_id: str, *, tenant: str = CONTOSO, scope: str = SCOPE) -> str:
    """A token of an application's own, which has SECRET, by msal over the sandbox's sockets."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(running.ca_pem)
        application = msal.ConfidentialClientApplication(
            client_id,
            client_credential=SECRET,
            authority=f"{running.base_url}/{tenant}",
            instance_discovery=False,
            http_client=session,
        )
        answer: dict[str, Any] = application.acquire_token_for_client([scope])
    assert "access_token" in answer, answer
    return str(answer["access_token"])


def signed(sandbox: Sandbox, now: datetime, **claims: object) -> str:
    """A token of Payroll Mailer's with the sandbox's signature, that says this too. A claim of None is left out."""
    second = int(now.timestamp())
    usual: dict[str, object] = {
        "aud": "https://outlook.office.com",
        "iss": f"https://sts.windows.net/{CONTOSO}/",
        "iat": second,
        "nbf": second,
        "exp": second + 3599,
        "appid": "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01",
        "idtyp": "app",
        "oid": "7d0e5c1a-4b2f-4e86-9a3d-6c8b0f2e41aa",
        "roles": ["Mail.Send"],
        "tid": CONTOSO,
        "ver": "1.0",
    }
    kept = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return SigningKeys(sandbox.store).sign(kept)


def client_id_of(name: str) -> str:
    """The client id of a seeded application of contoso whose id is made of its name."""
    return guid_of("contoso", "client", name)


# --- clients ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """What came of it. `code` is the program's exit code; of smtplib, 0 or the reply's code."""

    code: int
    said: str


def port_of(running: Running) -> int:
    return int(running.endpoints.smtp.rpartition(":")[2])


def by_curl(running: Running, folder: Path, account: str, token: str, to: str = ANNA) -> Sent:
    """Send with curl. It takes its configuration, in which the token is, from standard input."""
    mail = folder / "curl.eml"
    mail.write_bytes(message(account, to).encode())
    options = {
        "url": f"smtp://{running.endpoints.smtp}",
        "cacert": str(running.ca_pem),
        "user": f"{account}:",
        "oauth2-bearer": token,
        "mail-from": account,
        "mail-rcpt": to,
        "upload-file": str(mail),
        "max-time": "15",
    }
    config = "ssl-reqd\nsilent\nshow-error\n" + "".join(f'{name} = "{value}"\n' for name, value in options.items())
    return _run([program("curl"), "--disable", "--config", "-"], config)


def by_msmtp(running: Running, folder: Path, account: str, token: str, to: str = ANNA) -> Sent:
    """Send with msmtp, to which `cat` gives the token."""
    (folder / "token").write_text(token)
    (folder / "msmtprc").write_text(
        f"account default\nhost localhost\nport {port_of(running)}\nfrom {account}\nuser {account}\nauth xoauth2\n"
        f'passwordeval "cat {folder / "token"}"\ntls on\ntls_starttls on\ntls_trust_file {running.ca_pem}\ntimeout 15\n'
    )
    (folder / "msmtprc").chmod(0o600)
    return _run([program("msmtp"), "--file", str(folder / "msmtprc"), to], message(account, to).replace("\r\n", "\n"))


def _run(words: list[str], given: str) -> Sent:
    done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=SECONDS, check=False)
    return Sent(done.returncode, done.stdout + done.stderr)


def in_two_steps(running: Running, folder: Path, account: str, token: str, to: str = ANNA) -> Sent:
    """smtplib, with the token after the 334: the form that Microsoft shows."""
    return _by_smtplib(running, account, token, to, one_line=False)


def on_one_line(running: Running, folder: Path, account: str, token: str, to: str = ANNA) -> Sent:
    """smtplib as it is by default, with the token on the line of AUTH."""
    return _by_smtplib(running, account, token, to, one_line=True)


def _by_smtplib(running: Running, account: str, token: str, to: str, *, one_line: bool) -> Sent:
    with encrypted(running) as session:
        try:
            xoauth2(session, account, token, one_line=one_line)
        except smtplib.SMTPAuthenticationError as error:
            return Sent(error.smtp_code, error_text(error))
        session.sendmail(account, [to], message(account, to).encode())
    return Sent(0, "")


def error_text(error: smtplib.SMTPResponseException) -> str:
    said = error.smtp_error
    return said.decode() if isinstance(said, bytes) else said


def xoauth2(session: smtplib.SMTP, account: str, token: str, *, one_line: bool = False) -> tuple[int, bytes]:
    """AUTH XOAUTH2; a challenge in JSON is answered by an empty line. Raises SMTPAuthenticationError."""

    def answer(challenge: bytes | None = None) -> str:
        if challenge is not None and challenge.lstrip().startswith(b"{"):
            return ""
        return f"user={account}\x01auth=Bearer {token}\x01\x01"

    return session.auth("XOAUTH2", answer, initial_response_ok=one_line)


def trusting(running: Running) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=running.ca_pem)


@contextmanager
def connected(running: Running, *, timeout: float = 10.0) -> Iterator[smtplib.SMTP]:
    """A connection after EHLO, not encrypted. It is closed without a QUIT where something was raised."""
    with _connected("localhost", port_of(running), timeout) as session:
        yield session


@contextmanager
def encrypted(running: Running, *, timeout: float = 10.0) -> Iterator[smtplib.SMTP]:
    """A connection after STARTTLS and EHLO."""
    with encrypted_at("localhost", port_of(running), running.ca_pem, timeout=timeout) as session:
        yield session


@contextmanager
def encrypted_at(host: str, port: int, ca_pem: Path | str, *, timeout: float = 10.0) -> Iterator[smtplib.SMTP]:
    """The same, at an address that a profile names."""
    with _connected(host, port, timeout) as session:
        session.starttls(context=ssl.create_default_context(cafile=ca_pem))
        session.ehlo()
        yield session


@contextmanager
def _connected(host: str, port: int, timeout: float) -> Iterator[smtplib.SMTP]:
    session = smtplib.SMTP(host, port, local_hostname="client.example", timeout=timeout)
    try:
        session.ehlo()
        yield session
        session.quit()
    finally:
        session.close()


Client = Callable[[Running, Path, str, str], Sent]
CLIENTS: Mapping[str, Client] = {
    "curl": by_curl,
    "msmtp": by_msmtp,
    "smtplib, two steps": in_two_steps,
    "smtplib, one line": on_one_line,
}
REFUSED = {"curl": 67, "msmtp": 77, "smtplib, two steps": 535, "smtplib, one line": 535}
"""How each of them ends when it may not sign in."""
SENT = dict.fromkeys(CLIENTS, 0)


def each_client(running: Running, folder: Path, account: str, token: str) -> dict[str, int]:
    """Every client sends one mail; how each of them ended."""
    return {name: client(running, folder, account, token).code for name, client in CLIENTS.items()}

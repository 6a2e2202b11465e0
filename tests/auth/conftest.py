"""
An Entra of our own on a loopback TLS socket, with a private CA made for the test, written from entra.md section 4.

It checks what it is sent (secret, signed assertion, scope) and answers as Entra does, refusals included.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from hveadmin.auth.clouds import CLOUDS, Cloud
from hveadmin.domain.profile import Endpoints

TENANT = "0a5f0000-0000-4000-8000-00000000000a"
CLIENT = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
SECRET = "canary~Qz8/sEcReT+value="
SCOPE = "https://outlook.office365.com/.default"
TRACE = "11111111-aaaa-4000-8000-000000000001"
CORRELATION = "22222222-bbbb-4000-8000-000000000002"


@dataclass(frozen=True)
class Pair:
    """A key and its certificate."""

    key: RSAPrivateKey
    certificate: x509.Certificate

    def pem(self, password: bytes | None = None) -> bytes:
        locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        key = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        return key + self.certificate.public_bytes(serialization.Encoding.PEM)

    def pfx(self, password: bytes | None = None) -> bytes:
        locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return pkcs12.serialize_key_and_certificates(b"app", self.key, self.certificate, None, locked)


def make_pair(
    name: str, *, signer: Pair | None = None, days: tuple[float, float] = (-1, 30), is_ca: bool = False
) -> Pair:
    """A key and a certificate, valid from and until so many days from now; signed by itself without a signer."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    issuer_key = signer.key if signer else key
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return Pair(key, certificate)


@dataclass
class Entra:
    """What the tenant accepts, and what was asked of it."""

    url: str = ""
    ca: str = ""
    secret: str = SECRET
    certificate: x509.Certificate | None = None
    lives: int = 3600
    """Seconds that a token lives."""
    meddle: Callable[[str, dict[str, str]], tuple[int, dict[str, str], bytes] | None] = lambda path, form: None
    """Answers in place of Entra."""
    forms: list[dict[str, str]] = field(default_factory=list)
    """What was posted to the token endpoint."""
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def cloud(self) -> Cloud:
        return Cloud("custom", Endpoints(self.url, self.url, self.url), CLOUDS["worldwide"].audiences)

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        meddled = self.meddle(path, form)
        if meddled is not None:
            return meddled
        _, tenant, rest = path.split("/", 2)
        if tenant not in (TENANT, "contoso.com"):
            return refusal(90002, f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID")
        if rest == "v2.0/.well-known/openid-configuration":
            base = f"{self.url}/{tenant}"
            return json_answer(
                200,
                {
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                    "issuer": f"{base}/v2.0",
                },
            )
        return self._token(form, f"{self.url}{path}")

    def _token(self, form: dict[str, str], endpoint: str) -> tuple[int, dict[str, str], bytes]:
        if form["client_id"] != CLIENT:
            return refusal(700016, f"Application with identifier '{form['client_id']}' was not found in the directory")
        if "client_assertion" in form:
            assert self.certificate is not None
            key = self.certificate.public_key()
            assert hasattr(key, "verify")
            try:
                jwt.decode(form["client_assertion"], key, algorithms=["RS256", "PS256"], audience=endpoint)  # type: ignore[arg-type]
            except jwt.InvalidSignatureError:
                return refusal(700027, "The certificate with identifier used to sign the assertion is not registered")
        elif form.get("client_secret") != self.secret:
            return refusal(7000215, "Invalid client secret provided", status=401, error="invalid_client")
        if not form["scope"].endswith("/.default"):
            return refusal(1002012, "The provided value for scope is not valid", error="invalid_scope")
        claims = {"tid": TENANT, "aud": form["scope"].removesuffix("/.default"), "exp": int(time.time()) + self.lives}
        coded = base64.urlsafe_b64encode(json.dumps(claims | {"n": len(self.forms)}).encode()).decode().rstrip("=")
        body = {"token_type": "Bearer", "expires_in": self.lives, "access_token": f"e30.{coded}.c2ln"}
        return json_answer(200, body)


def json_answer(status: int, body: object) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(body).encode()


def refusal(
    number: int, text: str, *, status: int = 400, error: str = "invalid_request"
) -> tuple[int, dict[str, str], bytes]:
    """Entra's no, as it was recorded."""
    stamp = "2026-01-01 10:00:00Z"
    ids = f"Trace ID: {TRACE} Correlation ID: {CORRELATION} Timestamp: {stamp}"
    body: dict[str, Any] = {
        "error": error,
        "error_description": f"AADSTS{number}: {text}. {ids}",
        "error_codes": [number],
        "timestamp": stamp,
        "trace_id": TRACE,
        "correlation_id": CORRELATION,
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }
    return json_answer(status, body)


@pytest.fixture(scope="session")
def authority() -> Pair:
    """A private CA."""
    return make_pair("Contoso Private CA", is_ca=True)


@pytest.fixture(scope="session")
def application() -> Pair:
    """The signing application's certificate."""
    return make_pair("hveadmin")


@pytest.fixture(scope="session")
def files(authority: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem, and server.pem signed by it."""
    folder = tmp_path_factory.mktemp("tls")
    (folder / "ca.pem").write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(make_pair("localhost", signer=authority).pem())
    return folder


@pytest.fixture
def entra(files: Path, application: Pair) -> Iterator[Entra]:
    """An Entra that listens."""
    state = Entra(ca=str(files / "ca.pem"), certificate=application.certificate)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(raw).items()}
            state.forms.append(form)
            self._reply(form)

        def _reply(self, form: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            state.paths.append(path)
            state.headers.append(dict(self.headers))
            status, headers, body = state.answer(path, form)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust us hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "server.pem")
    # The handshake happens in the thread of the connection, at its first read.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    state.url = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def make() -> Callable[..., Pair]:
    """Makes certificates."""
    return make_pair

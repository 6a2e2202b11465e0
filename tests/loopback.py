"""
A service of our own on loopback that plays what a test tells it to, byte for byte, and remembers what it was sent.

    with Loopback(Say(json={"value": []})) as service: …      one answer after the other, the last one for ever
    with Loopback(lambda seen: …) as service: …               or decided by the request

Also clocks and tokens for clients: passed in, never patched in.
"""

from __future__ import annotations

import contextlib
import json as json_module
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Seen:
    """A request as it arrived. Header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        parsed: dict[str, object] = json_module.loads(self.body)
        return parsed


@dataclass(frozen=True)
class Say:
    """A well-formed answer."""

    status: int = 200
    json: object = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """These bytes, then the connection is closed."""

    data: bytes


@dataclass(frozen=True)
class Hang:
    """No answer at all; the connection stays open."""


@dataclass(frozen=True)
class Drip:
    """`start`, then one byte again and again, for ever."""

    start: bytes
    byte: bytes = b"x"
    every: float = 0.05


Act = Say | Raw | Hang | Drip


class Loopback:
    """The service. `seen` holds every request in the order of arrival."""

    def __init__(self, *script: Act | Callable[[Seen], Act], tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.seen: list[Seen] = []
        self.port: int = self._listener.getsockname()[1]

    @property
    def base_url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        for sock in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for sock in (self._listener, *self._connections):
            sock.close()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._over.is_set():
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while (seen := _read_request(stream.readline, stream.read)) is not None:
                with self._lock:
                    self.seen.append(seen)
                    number = len(self.seen) - 1
                if not self._play(connection, self._act(seen, number)):
                    break
            connection.shutdown(socket.SHUT_RDWR)

    def _act(self, seen: Seen, number: int) -> Act:
        act = self._script[min(number, len(self._script) - 1)]
        return act(seen) if callable(act) else act

    def _play(self, connection: socket.socket, act: Act) -> bool:
        """Whether the connection stays in use."""
        match act:
            case Say():
                connection.sendall(spell(act))
                return True
            case Raw(data):
                connection.sendall(data)
                return False
            case Hang():
                self._over.wait()
                return False
            case Drip(start, byte, every):
                connection.sendall(start)
                while not self._over.wait(every):
                    connection.sendall(byte)
                return False


def spell(say: Say) -> bytes:
    """A well-formed answer as bytes."""
    body = say.body if say.json is None else json_module.dumps(say.json).encode()
    kind = {} if say.json is None else {"Content-Type": "application/json"}
    headers = {**kind, "Content-Length": str(len(body)), **say.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {say.status} Spoken\r\n{head}\r\n".encode() + body


def _read_request(readline: Callable[[], bytes], read: Callable[[int], bytes]) -> Seen | None:
    line = readline()
    if not line:
        return None
    method, target, _ = line.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (line := readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    return Seen(method, target, headers, read(int(headers.get("content-length", 0))))


class RealClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SkippingClock:
    """A clock on which waiting takes no time: it jumps. `slept` holds the waits."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return NOON + timedelta(seconds=sum(self.slept))

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Tokens:
    """Hands out these tokens: the next one for each demand with claims, else the one it is at. Remembers demands."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = tokens or ("first-token", "second-token", "third-token")
        self._at = 0
        self.demands: list[str | None] = []

    def token(self, scope: str, *, claims: str | None = None) -> str:
        self.demands.append(claims)
        if claims is not None:
            self._at = min(self._at + 1, len(self._tokens) - 1)
        return self._tokens[self._at]


@dataclass(frozen=True)
class Authority:
    """A private CA that is its own server's certificate, for 127.0.0.1."""

    certificate: Path
    server: ssl.SSLContext


def make_authority(folder: Path) -> Authority:
    """Make one; its files are in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a private authority")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(certificate)
    (folder / "server.pem").write_bytes(secret + certificate)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    return Authority(folder / "ca.pem", server)

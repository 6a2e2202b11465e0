"""
Who is at the other end of a WinRM connection: Basic, or Negotiate with NTLM, and the encryption that comes with it.

NTLM authenticates a connection and not a request, so what is known of a caller is kept by connection. With it come the
keys for MS-WSMV's message encryption: a multipart body whose second part is a signature and the sealed envelope.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
import struct
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import spnego
from spnego.exceptions import SpnegoError

from hveadmin.sandbox.psrp.host import MACHINE

CHALLENGES = ("Negotiate", 'Basic realm="WSMAN"')
"""What a host offers, in the order in which Windows lists it."""

_USERS_FILE = "NTLM_USER_FILE"
_BOUNDARY = b"--Encrypted Boundary"
_PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
ENCRYPTED = f'multipart/encrypted;protocol="{_PROTOCOL}";boundary="Encrypted Boundary"'
"""The content type of an encrypted body."""
_CONTENT = b"Content-Type: application/octet-stream\r\n"


class NotAdmitted(Exception):
    """Nobody, or somebody with a wrong password. `token` is what the handshake says next, if it goes on."""

    def __init__(self, token: bytes = b"") -> None:
        super().__init__("not admitted")
        self.token = token


class Undecipherable(Exception):
    """A body that is not encrypted with this connection's keys."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A caller, and the last word of the handshake that admitted it."""

    name: str
    token: bytes = b""


class Caller:
    """What is known of the other end of one connection."""

    def __init__(self) -> None:
        self._context: spnego.ContextProxy | None = None
        self._name = ""

    def admit(self, header: str, users: Mapping[str, str]) -> Admitted:
        """Judge a request by its Authorization header, empty if it has none. Raises NotAdmitted."""
        kind, _, text = header.partition(" ")
        if not header and self._name:
            return Admitted(self._name)
        try:
            given = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise NotAdmitted from None
        match kind.lower():
            case "basic":
                return Admitted(_basic(given, users))
            case "negotiate":
                return self._step(given, users)
            case _:
                raise NotAdmitted

    @property
    def can_decipher(self) -> bool:
        return self._context is not None and bool(self._name)

    def decipher(self, body: bytes) -> bytes:
        """An encrypted body's envelope. Raises Undecipherable."""
        _, found, sealed = body.partition(_CONTENT)
        if self._context is None or not found:
            raise Undecipherable
        sealed = re.sub(rb"--\s*Encrypted Boundary--\r\n\Z", b"", sealed)
        try:
            (length,) = struct.unpack_from("<i", sealed)
            return self._context.unwrap_winrm(sealed[4 : 4 + length], sealed[4 + length :])
        except (SpnegoError, struct.error, ValueError):
            raise Undecipherable from None

    def encipher(self, envelope: bytes) -> bytes:
        """An envelope as an encrypted body."""
        if self._context is None:
            raise Undecipherable
        sealed = self._context.wrap_winrm(envelope)
        length = len(envelope) + sealed.padding_length
        head = (
            f"\r\n\tContent-Type: {_PROTOCOL}\r\n"
            f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={length}\r\n"
        ).encode()
        data = struct.pack("<i", len(sealed.header)) + sealed.header + sealed.data
        return _BOUNDARY + head + _BOUNDARY + b"\r\n\t" + _CONTENT + data + _BOUNDARY + b"--\r\n"

    def _step(self, token: bytes, users: Mapping[str, str]) -> Admitted:
        if self._name:
            # The connection was admitted; who says hello again starts again.
            self._context, self._name = None, ""
        try:
            with _known_to_ntlm(users):
                if self._context is None:
                    self._context = spnego.server(
                        protocol="negotiate",
                        options=spnego.NegotiateOptions.use_negotiate | spnego.NegotiateOptions.wrapping_winrm,
                    )
                answer = self._context.step(token) or b""
        except (SpnegoError, ValueError, struct.error):
            self._context = None
            raise NotAdmitted from None
        if not self._context.complete:
            raise NotAdmitted(answer)
        self._name = self._context.client_principal or "?"
        return Admitted(self._name, answer)


def _basic(given: bytes, users: Mapping[str, str]) -> str:
    name, _, password = given.decode("utf-8", "replace").partition(":")
    domain, _, user = name.rpartition("\\")
    known = users.get(user.lower())
    domain_fits = domain.upper() in ("", ".", MACHINE)
    if known is None or not domain_fits or not hmac.compare_digest(known.encode(), password.encode()):
        raise NotAdmitted
    return f"{MACHINE}\\{user}"


_ENVIRONMENT = threading.Lock()


@contextmanager
def _known_to_ntlm(users: Mapping[str, str]) -> Iterator[None]:
    """
    While it lasts, these users can sign in with NTLM, with and without the host's name before theirs.

    pyspnego's acceptor takes its users from a file that the environment names, and from nowhere else. The file is
    readable by its owner only, and there for a moment.
    """
    lines = [f"{domain}:{name}:{password}\n" for name, password in users.items() for domain in ("", ".", MACHINE)]
    with _ENVIRONMENT:
        handle, path = tempfile.mkstemp(prefix="hveadmin-sandbox-")
        before = os.environ.get(_USERS_FILE)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.writelines(lines)
            os.environ[_USERS_FILE] = path
            yield
        finally:
            Path(path).unlink()
            if before is None:
                os.environ.pop(_USERS_FILE, None)
            else:
                os.environ[_USERS_FILE] = before

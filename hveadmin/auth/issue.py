"""
What a sending application proves itself with, on this side: made here, or given out once and kept at once.

A private key and a secret are written to a new file with mode 0600 and never over anything that is there; where the
folder cannot take such a file that is found out before the directory gives a secret out. Entra never sees the key.
"""

from __future__ import annotations

import importlib
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hveadmin.auth.secret import read_secret
from hveadmin.domain.ids import ClientId
from hveadmin.domain.profile import SecretKind, SecretSource
from hveadmin.domain.registration import HINT_LENGTH, PublicCertificate
from hveadmin.errors import HveAdminError, Refused, UsageError

_KEY_BITS = 2048
# Clocks differ; a certificate that is not valid yet where it is checked is refused.
_BACKDATED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """A PEM file with a private key and its certificate (implements `domain.ports.CertificateMaker`)."""

    path: Path

    def read(self, now: datetime) -> PublicCertificate | None:
        """
        The certificate that lies there already; None where there is no file.

        Raises Refused where the file cannot serve: shared with others, damaged, expired, or something else.
        """
        try:
            with self.path.open("rb") as file:
                self._refuse_shared(os.fstat(file.fileno()))
                data = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}") from error
        return self._usable(data, now)

    def make(self, days: int) -> PublicCertificate:
        """An RSA key and a certificate signed with it, in the file before anybody hears of them."""
        pem, certificate = _issue(datetime.now(UTC), days)
        write_private(self.path, pem)
        return certificate

    def _refuse_shared(self, found: os.stat_result) -> None:
        if os.name == "posix" and found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Refused(
                f"others than its owner may use {self.path} (mode {stat.S_IMODE(found.st_mode):04o})",
                hint=f"chmod 600 {self.path}, or name another file with --certificate",
            )

    def _usable(self, data: bytes, now: datetime) -> PublicCertificate:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_pem_x509_certificate

        try:
            key, found = load_pem_private_key(data, None), load_pem_x509_certificate(data)
        except (ValueError, TypeError):
            # Not `from` the original: what libraries repeat of a file that holds a key is not known.
            raise self._another("holds no unprotected private key with its certificate") from None
        if not isinstance(key, RSAPrivateKey) or key.public_key() != found.public_key():
            raise self._another("holds a key and a certificate that do not belong together, or no RSA key")
        if now >= found.not_valid_after_utc:
            raise self._another(f"holds a certificate that expired on {found.not_valid_after_utc:%Y-%m-%d}")
        return _public(found)

    def _another(self, why: str) -> Refused:
        return Refused(
            f"{self.path} is there already and {why}; nothing was written",
            hint="name another file with --certificate, or move this one away",
        )


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that holds a secret and nothing else (implements `domain.ports.SecretKeeper`)."""

    path: Path

    def hint(self, client_id: ClientId | None) -> str:
        """The first characters of the secret that lies there; empty where there is no file."""
        if not os.path.lexists(self.path):
            return ""
        source = SecretSource(SecretKind.FILE, str(self.path))
        return read_secret(source, environ={}, account="").reveal()[:HINT_LENGTH]

    def check(self) -> None:
        """Raise where such a file could not be made: one is there, or the folder is missing or closed."""
        if os.path.lexists(self.path):
            raise Refused(
                f"{self.path} is there already and holds no good secret of this application; nothing was written",
                hint="name another file with --secret-file, or move this one away",
            )
        if not os.access(self.path.parent, os.W_OK):
            raise HveAdminError(f"{self.path} cannot be written: its folder is missing or closed to you")

    def keep(self, client_id: ClientId, value: str) -> None:
        """Write it into a new file with mode 0600."""
        write_private(self.path, value.encode())


@dataclass(frozen=True, slots=True)
class KeyringEntry:
    """
    An entry of the operating system's keyring (implements `domain.ports.SecretKeeper`); needs the package keyring.

    The name beside the service is the client id, which is where a profile's `secret: {keyring: SERVICE}` looks.
    """

    service: str

    def hint(self, client_id: ClientId | None) -> str:
        """The first characters of the secret that is kept; empty where none is."""
        if client_id is None:
            return ""
        return str(self._keyring("get_password", self.service, client_id.value) or "")[:HINT_LENGTH]

    def check(self) -> None:
        """Raise where the keyring cannot be opened."""
        self._keyring("get_password", self.service, "hveadmin")

    def keep(self, client_id: ClientId, value: str) -> None:
        """Put it into the keyring."""
        self._keyring("set_password", self.service, client_id.value, value)

    def _keyring(self, verb: str, *arguments: str) -> Any:
        try:
            keyring = importlib.import_module("keyring")
        except ImportError:
            raise UsageError(
                "the package keyring is not installed", hint="install it beside hveadmin: pip install keyring"
            ) from None
        try:
            return getattr(keyring, verb)(*arguments)
        except Exception as error:  # each backend raises its own; not `from` it: it may repeat what it was given
            raise HveAdminError(
                f"the keyring cannot be used: {type(error).__name__}",
                hint="unlock it, or keep the secret in a file with --secret-file",
            ) from None


@dataclass(frozen=True, slots=True)
class Shown:
    """A secret that is shown once and kept nowhere (implements `domain.ports.SecretKeeper`)."""

    show: Callable[[str], None]

    def hint(self, client_id: ClientId | None) -> None:
        """Nothing is kept that could be compared."""

    def check(self) -> None:
        """There is nothing that could be in the way."""

    def keep(self, client_id: ClientId, value: str) -> None:
        """Show it."""
        self.show(value)


def write_private(path: Path, data: bytes) -> None:
    """
    A new file with mode 0600, whole and on the disk, or not at all.

    Raises Refused where something is there already (a link too), HveAdminError where it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError:
        raise Refused(
            f"{path} is there already; nothing is written over it", hint="name another file, or move this one away"
        ) from None
    except OSError as error:
        raise HveAdminError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise HveAdminError(f"{path} cannot be written: {error.strerror}") from None


def _issue(now: datetime, days: int) -> tuple[bytes, PublicCertificate]:
    """A new key with its certificate as PEM, and the certificate alone. Takes some tenths of a second."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    # Entra looks at the key and the dates only; a fixed subject is no place for hostile names.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hveadmin")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM), _public(certificate)


def _public(certificate: Any) -> PublicCertificate:
    from cryptography.hazmat.primitives.serialization import Encoding

    return PublicCertificate(
        certificate.public_bytes(Encoding.DER), certificate.not_valid_before_utc, certificate.not_valid_after_utc
    )

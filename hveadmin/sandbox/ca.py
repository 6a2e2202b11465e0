"""
The sandbox's certificate authority, made at its first start and kept beside its state.

The sign-in libraries insist on https [O: msal and azure-identity], so the sandbox needs a certificate that a client
can be told to trust. The authority's key and certificate live in one file, because only a single file can appear at
once for everybody: of two processes that start together, the one that comes second uses what the first one made.
The certificates satisfy OpenSSL's strict checks, which Python 3.13 turns on by default.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names that every server certificate holds."""

_CA_LIFE = timedelta(days=3650)
# Apple's verifier refuses server certificates that live longer than 398 days.
_SERVER_LIFE = timedelta(days=397)
_RENEW_BEFORE = timedelta(days=30)
# Virtual machines wake up with clocks that are behind.
_BACKDATED = timedelta(days=1)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class PrivateCa:
    """A certificate authority in a folder. Its private key is in `ca-key.pem`, readable by its owner only."""

    folder: Path
    pem_path: Path
    """The authority's certificate: what clients are told to trust."""
    _certificate: x509.Certificate
    _key: ec.EllipticCurvePrivateKey
    _clock: Callable[[], datetime]

    @classmethod
    def open(cls, folder: Path, *, clock: Callable[[], datetime] = _utc_now) -> Self:
        """The authority of this folder, made where there is none. Raises OSError where the folder is not writable."""
        folder.mkdir(parents=True, exist_ok=True)
        both = folder / "ca-key.pem"
        if not both.exists():
            _place(both, _new_authority(clock()), keep_existing=True)
        pem = both.read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        public = folder / "ca.pem"
        public_pem = certificate.public_bytes(Encoding.PEM)
        if not public.exists() or public.read_bytes() != public_pem:
            _place(public, public_pem, mode=0o644)
        return cls(folder, public, certificate, _ec_key(pem), clock)

    def server_certificate(self, names: Sequence[str] = LOOPBACK) -> tuple[Path, Path]:
        """
        A certificate chain and its private key (mode 0600) for these host names and addresses, and loopback's.

        What is there is used again until 30 days before its end. Both paths name the same file: a chain and a key
        in two files could be each from another process.
        """
        return self._certificate_for(tuple(sorted({*LOOPBACK, *names})))

    def certificate_for(self, name: str) -> tuple[Path, Path]:
        """The same for this name alone: a client that came for loopback must not accept it."""
        return self._certificate_for((name,))

    def _certificate_for(self, wanted: Sequence[str]) -> tuple[Path, Path]:
        label = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
        path = self.folder / f"server-{label}.pem"
        if not self._still_good(path):
            _place(path, self._new_server_certificate(wanted))
        return path, path

    def _still_good(self, path: Path) -> bool:
        try:
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
            certificate.verify_directly_issued_by(self._certificate)
        except Exception:
            # Missing, damaged, or another authority's: whatever is wrong with it, a new one is the answer.
            return False
        return certificate.not_valid_after_utc - self._clock() > _RENEW_BEFORE

    def _new_server_certificate(self, names: Sequence[str]) -> bytes:
        key = ec.generate_private_key(ec.SECP256R1())
        now = self._clock()
        certificate = (
            _builder("hveadmin sandbox", self._certificate.subject, key.public_key(), now)
            .not_valid_after(min(now + _SERVER_LIFE, self._certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.PEM) + self._certificate.public_bytes(Encoding.PEM) + _key_pem(key)


def _new_authority(now: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    # The name differs from folder to folder: with two sandboxes trusted at once, OpenSSL looks issuers up by name.
    name = f"hveadmin sandbox CA {os.urandom(4).hex()}"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(name, subject, key.public_key(), now)
        .not_valid_after(now + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM) + _key_pem(key)


def _builder(
    common_name: str, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _ec_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the sandbox's CA key is not an elliptic curve key; delete ca-key.pem to have a new CA made")
    return key


def _place(path: Path, content: bytes, *, keep_existing: bool = False, mode: int = 0o600) -> None:
    """Let a file appear whole or not at all. With `keep_existing` the first of several writers wins."""
    # mkstemp makes the file 0600, so that a key is never readable by others, not even for a moment.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        if keep_existing:
            _link(temporary, path)
        else:
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:
        # A file system without hard links. Two first starts at the same moment are not safe there.
        source.replace(target)

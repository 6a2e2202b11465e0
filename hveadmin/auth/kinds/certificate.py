"""
Sign in as an application with a certificate and its private key: a PEM file, or a PFX (PKCS #12).

The file is read at once; it is opened, which needs cryptography, when the first token is needed. It is opened here
and not only by azure-identity, because that says the same of a wrong password and of a file that is no certificate.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hveadmin.auth.secret import Secret, read_secret
from hveadmin.auth.sign_in import Asked, SignIn, client_id_of, tenant_of
from hveadmin.errors import AuthError, UsageError

if TYPE_CHECKING:
    from azure.identity import CertificateCredential
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate


def prepare(asked: Asked) -> SignIn:
    """Read the certificate's file and its password. Raises UsageError for whatever is missing."""
    client_id = client_id_of(asked.auth.client_id, "auth.client_id")
    tenant = tenant_of(asked)
    if not asked.auth.certificate:
        raise UsageError("auth.certificate is missing", hint="certificate: PATH of a PEM file (with its key) or a PFX")
    path = Path(asked.auth.certificate).expanduser()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the certificate {path} cannot be read: {error.strerror}") from error
    source = asked.auth.certificate_password
    password = read_secret(source, environ=asked.environ, account=client_id.value) if source else None

    def credential(options: Mapping[str, Any]) -> CertificateCredential:
        usable(path, data, password, now=datetime.now(UTC))
        from azure.identity import CertificateCredential

        return CertificateCredential(
            tenant,
            client_id.value,
            certificate_data=data,
            password=password.reveal() if password else None,
            **options,
        )

    proof = f"certificate in file {path}" + (f", password in {source}" if source else "")
    return SignIn(tenant, client_id, credential, (password,) if password else (), proof=proof)


def usable(path: Path, data: bytes, password: Secret | None, *, now: datetime) -> tuple[RSAPrivateKey, Certificate]:
    """The key and the certificate in a file. Raises AuthError where nobody can sign in with it, with what is wrong."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    key, certificate = _opened(path, data, password)
    if not isinstance(key, RSAPrivateKey):
        raise AuthError(
            f"the key of the certificate {path} is not an RSA key",
            hint="Entra takes assertions signed with RS256; make a certificate with an RSA key of 2048 bits or more",
        )
    if certificate.public_key() != key.public_key():
        raise AuthError(
            f"the private key in {path} does not belong to the certificate in it",
            hint="the certificate that belongs to the key comes first in the file",
        )
    name = f"the certificate {path} (SHA-1 thumbprint {_thumbprint(certificate)})"
    if now >= certificate.not_valid_after_utc:
        raise AuthError(
            f"{name} expired on {certificate.not_valid_after_utc:%Y-%m-%d}",
            hint="make a new one and upload it: App registrations > the application > Certificates & secrets",
        )
    if now < certificate.not_valid_before_utc:
        raise AuthError(
            f"{name} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC",
            hint="check this machine's clock",
        )
    return key, certificate


def _opened(path: Path, data: bytes, password: Secret | None) -> tuple[object, Certificate]:
    try:
        if b"-----BEGIN" in data:
            return _pem(path, data, password)
        return _pfx(path, data, password)
    except (ValueError, TypeError):
        # Not `from` the original: libraries differ in what they repeat of the file in their messages.
        raise _unopened(path, data, password) from None


def _pem(path: Path, data: bytes, password: Secret | None) -> tuple[object, Certificate]:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificate

    if b"PRIVATE KEY-----" not in data:
        raise AuthError(
            f"{path} holds no private key", hint="the PEM file needs both the certificate and its private key"
        )
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise AuthError(
            f"{path} holds no certificate", hint="the PEM file needs both the certificate and its private key"
        )
    is_encrypted = b"ENCRYPTED" in data
    key = load_pem_private_key(data, password.reveal().encode() if password and is_encrypted else None)
    return key, load_pem_x509_certificate(data)


def _pfx(path: Path, data: bytes, password: Secret | None) -> tuple[object, Certificate]:
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

    key, certificate, _ = load_key_and_certificates(data, password.reveal().encode() if password else None)
    if key is None or certificate is None:
        raise AuthError(f"{path} holds {'no certificate' if key else 'no private key'}")
    return key, certificate


def _unopened(path: Path, data: bytes, password: Secret | None) -> AuthError:
    """Why a file did not open. A PFX is an ASN.1 sequence (0x30); inside, a wrong password looks like damage."""
    locked = b"ENCRYPTED" in data if b"-----BEGIN" in data else data[:1] == b"\x30"
    if locked and password is None:
        return AuthError(
            f"the certificate {path} is protected by a password, and none is named",
            hint="certificate_password: {env: NAME}, {file: PATH} or {keyring: SERVICE}",
        )
    if locked:
        return AuthError(f"the password does not open the certificate {path}, or the file is damaged")
    return AuthError(f"{path} is neither a PEM file nor a PFX, or it is damaged")


def _thumbprint(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives.hashes import SHA1

    # The name by which Entra's pages list certificates; nothing rests on it.
    return certificate.fingerprint(SHA1()).hex().upper()  # noqa: S303

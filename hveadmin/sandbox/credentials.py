"""
What applications prove themselves with: secrets, certificates, federated credentials.

They belong to an application's registration and are kept in its home tenant, one document an application. A secret
is kept as a salted hash with its first three characters, which is what Graph shows of it too. The functions that
check are pure: they are given the document and the time.

HVE accounts have a password for basic authentication, one for all of a sandbox: so that a fleet of thousands is made
in no time, and who tries it has one file to look into.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from hveadmin.sandbox.keys import unpadded_encode
from hveadmin.sandbox.store import Document, Store

# Few rounds on purpose: the sandbox guards nothing, and every token that is asked for pays for them.
_ROUNDS = 10_000
_SECRET_LIFE = timedelta(days=180)


class SecretVerdict(Enum):
    """What a secret turned out to be."""

    GOOD = auto()
    EXPIRED = auto()
    IS_A_KEY_ID = auto()
    """Somebody pasted the secret's id, which stands beside its value in the portal."""
    WRONG = auto()


@dataclass(frozen=True, slots=True)
class GivenCertificate:
    """A certificate that somebody registers; without a key id it is a new one."""

    der: bytes
    key_id: str = ""
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class Federation:
    """Assertions with exactly these claims stand for the application."""

    issuer: str
    subject: str
    audience: str
    public_key_pem: str
    """Whose signature an assertion must bear; empty for the sandbox's own key."""

    def public_key(self) -> PublicKeyTypes | None:
        """The issuer's key, None for the sandbox's own."""
        if not self.public_key_pem:
            return None
        return serialization.load_pem_public_key(self.public_key_pem.encode())


def add_secret(
    store: Store,
    tenant_id: str,
    client_id: str,
    secret: str,
    *,
    expires: datetime,
    starts: datetime | None = None,
    display_name: str = "sandbox",
) -> str:
    """Register a secret; returns its key id."""
    salt = os.urandom(16)
    key_id = str(uuid.uuid4())
    entry = {
        "keyId": key_id,
        "displayName": display_name,
        "hint": secret[:3],
        "salt": salt.hex(),
        "hash": _hash(secret, salt),
        "startDateTime": _timestamp(starts or expires - _SECRET_LIFE),
        "endDateTime": _timestamp(expires),
    }
    _add(store, tenant_id, client_id, "secrets", entry)
    return key_id


def add_certificate(store: Store, tenant_id: str, client_id: str, pem: str) -> str:
    """
    Register a certificate (PEM; a private key in the same text is ignored and not kept); returns its key id.

    Raises ValueError where the text holds no certificate or the certificate's key is not RSA.
    """
    entry = _certificate_entry(x509.load_pem_x509_certificate(pem.encode()))
    _add(store, tenant_id, client_id, "certificates", entry)
    return str(entry["keyId"])


def set_certificates(store: Store, tenant_id: str, client_id: str, given: Sequence[GivenCertificate]) -> None:
    """Have exactly these certificates from now on. Raises ValueError for one that cannot sign in."""
    entries = [
        _certificate_entry(x509.load_der_x509_certificate(each.der), each.key_id, each.display_name) for each in given
    ]
    with store.transaction():
        document = of_application(store, tenant_id, client_id)
        store.put(tenant_id, "credential", client_id, {**document, "certificates": entries})


def _certificate_entry(certificate: x509.Certificate, key_id: str = "", display_name: str = "") -> Document:
    if not isinstance(certificate.public_key(), rsa.RSAPublicKey):
        raise ValueError("only certificates with an RSA key can sign in")
    return {
        "keyId": key_id or str(uuid.uuid4()),
        "displayName": display_name or certificate.subject.rfc4514_string(),
        "pem": certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        "x5t": unpadded_encode(certificate.fingerprint(hashes.SHA1())),  # noqa: S303 — a name, not a safeguard
        "x5t#S256": unpadded_encode(certificate.fingerprint(hashes.SHA256())),
        "startDateTime": _timestamp(certificate.not_valid_before_utc),
        "endDateTime": _timestamp(certificate.not_valid_after_utc),
    }


def add_federation(
    store: Store,
    tenant_id: str,
    client_id: str,
    issuer: str,
    subject: str,
    audience: str,
    *,
    public_key_pem: str = "",
) -> None:
    """
    Let assertions of another issuer stand for the application.

    Without `public_key_pem` the sandbox itself is the issuer: an assertion is then `SigningKeys.sign` of the claims.
    """
    entry = {"issuer": issuer, "subject": subject, "audience": audience, "publicKeyPem": public_key_pem}
    _add(store, tenant_id, client_id, "federations", entry)


def of_application(store: Store, tenant_id: str, client_id: str) -> Document:
    """The credentials of an application; an empty document where it has none."""
    return store.get(tenant_id, "credential", client_id) or {}


def judge_secret(document: Document, secret: str, now: datetime) -> SecretVerdict:
    """What `secret` is to the application whose credentials these are."""
    secrets = document.get("secrets", [])
    matching = [entry for entry in secrets if _matches(entry, secret)]
    if any(now < datetime.fromisoformat(entry["endDateTime"]) for entry in matching):
        return SecretVerdict.GOOD
    if matching:
        return SecretVerdict.EXPIRED
    if any(entry["keyId"] == secret.strip().lower() for entry in secrets):
        return SecretVerdict.IS_A_KEY_ID
    return SecretVerdict.WRONG


def certificate_by_thumbprint(document: Document, header: dict[str, Any]) -> x509.Certificate | None:
    """The registered certificate that a JWT's header names by `x5t#S256` or `x5t`; None where it names none."""
    for name in ("x5t#S256", "x5t"):
        # msal pads the thumbprint, which JOSE does not allow [O].
        thumbprint = str(header.get(name, "")).rstrip("=")
        for entry in document.get("certificates", []):
            if thumbprint and entry[name] == thumbprint:
                return x509.load_pem_x509_certificate(entry["pem"].encode())
    return None


def federations(document: Document) -> tuple[Federation, ...]:
    """The application's federated credentials."""
    return tuple(
        Federation(entry["issuer"], entry["subject"], entry["audience"], entry["publicKeyPem"])
        for entry in document.get("federations", [])
    )


def password_credentials(document: Document) -> list[Document]:
    """The secrets as Graph shows them: without their values."""
    return [
        {
            "customKeyIdentifier": None,
            "displayName": entry.get("displayName", "sandbox"),
            "endDateTime": entry["endDateTime"],
            "hint": entry["hint"],
            "keyId": entry["keyId"],
            "secretText": None,
            "startDateTime": entry["startDateTime"],
        }
        for entry in document.get("secrets", [])
    ]


def key_credentials(document: Document, *, whole: bool = False) -> list[Document]:
    """The certificates as Graph shows them: with the key itself (`whole`) only where one object is asked for [D]."""
    return [
        {
            "customKeyIdentifier": _standard_base64(entry["x5t"]),
            "displayName": entry["displayName"],
            "endDateTime": entry["endDateTime"],
            "key": _der(entry["pem"]) if whole else None,
            "keyId": entry["keyId"],
            "startDateTime": entry["startDateTime"],
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
        }
        for entry in document.get("certificates", [])
    ]


def set_account_password(store: Store, password: str) -> None:
    """Let this be the password of every HVE account."""
    salt = os.urandom(16)
    store.put("", "setting", "account-password", {"salt": salt.hex(), "hash": _hash(password, salt)})


def is_account_password(store: Store, password: str) -> bool:
    """Whether this is the password of the HVE accounts; never where they have none."""
    document = store.get("", "setting", "account-password")
    return document is not None and _matches(document, password)


def _der(pem: str) -> str:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode("ascii")


def _add(store: Store, tenant_id: str, client_id: str, shelf: str, entry: Document) -> None:
    with store.transaction():
        document = of_application(store, tenant_id, client_id)
        store.put(tenant_id, "credential", client_id, {**document, shelf: [*document.get(shelf, []), entry]})


def _hash(secret: str, salt: bytes) -> str:
    return hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, _ROUNDS).hex()


def _matches(entry: Document, secret: str) -> bool:
    return hmac.compare_digest(entry["hash"], _hash(secret, bytes.fromhex(entry["salt"])))


def _standard_base64(unpadded: str) -> str:
    return base64.b64encode(base64.urlsafe_b64decode(unpadded + "=" * (-len(unpadded) % 4))).decode("ascii")


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

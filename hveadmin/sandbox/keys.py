"""
The key that signs the sandbox's tokens, and the JWTs themselves.

The key is kept in the store, so that tokens outlive a restart and several processes agree on it. It is read again
for each use: whoever resets the sandbox takes the key away from every process that runs on it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Lock
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from hveadmin.sandbox.store import Store

CLOCK_SKEW_SECONDS = 300
"""What a clock may be wrong by: Microsoft's own validators allow five minutes [D]."""

_KEY_BITS = 2048


class BadReason(StrEnum):
    """Why a token is not accepted."""

    MALFORMED = "malformed"
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"


class BadToken(Exception):
    """A token that is not accepted."""

    def __init__(self, reason: BadReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Jwt:
    """A JWT taken apart. Nothing of it is to be believed before `is_signed_by` says so."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed_part: bytes
    signature: bytes

    @classmethod
    def parse(cls, text: str) -> Jwt:
        """Raises BadToken where the text is no JWT."""
        parts = text.split(".")
        if len(parts) != 3:
            raise BadToken(BadReason.MALFORMED)
        try:
            header, claims = json.loads(unpadded_decode(parts[0])), json.loads(unpadded_decode(parts[1]))
            signature = unpadded_decode(parts[2])
            signed_part = f"{parts[0]}.{parts[1]}".encode("ascii")
        except (ValueError, RecursionError):
            raise BadToken(BadReason.MALFORMED) from None
        if not isinstance(header, dict) or not isinstance(claims, dict):
            raise BadToken(BadReason.MALFORMED)
        return cls(header, claims, signed_part, signature)

    def is_signed_by(self, key: PublicKeyTypes) -> bool:
        """Whether the signature (RS256 or PS256) is this key's."""
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        scheme = _paddings().get(str(self.header.get("alg")))
        if scheme is None:
            return False
        try:
            key.verify(self.signature, self.signed_part, scheme, hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def seconds(self, claim: str) -> float | None:
        """A time claim in seconds since 1970; None where it is missing or no number."""
        value = self.claims.get(claim)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return float(value)


def _paddings() -> dict[str, padding.AsymmetricPadding]:
    return {
        "RS256": padding.PKCS1v15(),
        "PS256": padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH),
    }


def unpadded_encode(data: bytes) -> str:
    """Base64url as JOSE writes it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unpadded_decode(text: str) -> bytes:
    """Base64url with or without padding. Raises ValueError."""
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


@dataclass(frozen=True, slots=True)
class _Key:
    pem: str
    private: rsa.RSAPrivateKey
    kid: str


class SigningKeys:
    """The sandbox's RSA key: made at its first use, the same for every process on this store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._last: _Key | None = None

    def sign(self, claims: dict[str, Any]) -> str:
        """A JWT with these claims, signed with RS256."""
        key = self._key()
        header = {"typ": "JWT", "alg": "RS256", "x5t": key.kid, "kid": key.kid}
        signed_part = ".".join(unpadded_encode(json.dumps(part).encode()) for part in (header, claims))
        signature = key.private.sign(signed_part.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed_part}.{unpadded_encode(signature)}"

    def verify(self, token: str, *, audiences: Collection[str], now: datetime) -> dict[str, Any]:
        """The claims of a token that this sandbox signed for one of `audiences`. Raises BadToken."""
        jwt = Jwt.parse(token)
        # RS256 alone: `sign` makes nothing else, and what a token says of its own algorithm is not to be trusted.
        if jwt.header.get("alg") != "RS256" or not jwt.is_signed_by(self.public_key()):
            raise BadToken(BadReason.SIGNATURE)
        if jwt.claims.get("aud") not in audiences:
            raise BadToken(BadReason.AUDIENCE)
        expires, begins = jwt.seconds("exp"), jwt.seconds("nbf")
        if expires is None or now.timestamp() >= expires:
            raise BadToken(BadReason.EXPIRED)
        if begins is not None and begins > now.timestamp() + CLOCK_SKEW_SECONDS:
            raise BadToken(BadReason.NOT_YET_VALID)
        return jwt.claims

    def jwks(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        key = self._key()
        numbers = key.private.public_key().public_numbers()
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "use": "sig",
                    "alg": "RS256",
                    "kid": key.kid,
                    "x5t": key.kid,
                    "n": unpadded_encode(numbers.n.to_bytes(_KEY_BITS // 8, "big")),
                    "e": unpadded_encode(numbers.e.to_bytes(3, "big")),
                }
            ]
        }

    def public_key(self) -> rsa.RSAPublicKey:
        """The public key."""
        return self._key().private.public_key()

    def _key(self) -> _Key:
        with self._lock:
            pem = self._stored_pem()
            if self._last is None or self._last.pem != pem:
                self._last = _load(pem)
            return self._last

    def _stored_pem(self) -> str:
        stored = self._store.get("", "setting", "signing-key")
        if stored is not None:
            return str(stored["pem"])
        made = _new_pem()
        with self._store.transaction():
            # Another process may have been quicker; its key then is the sandbox's.
            stored = self._store.get("", "setting", "signing-key")
            if stored is None:
                stored = {"pem": made}
                self._store.put("", "setting", "signing-key", stored)
        return str(stored["pem"])


def _new_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def _load(pem: str) -> _Key:
    private = load_pem_private_key(pem.encode("ascii"), password=None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("the sandbox's signing key is not an RSA key")
    numbers = private.public_key().public_numbers()
    kid = unpadded_encode(hashlib.sha256(numbers.n.to_bytes(_KEY_BITS // 8, "big")).digest()[:20])
    return _Key(pem, private, kid)

"""
Who may send through an HVE account: AUTH XOAUTH2 and basic authentication, decided at one moment.

A token is believed because of its signature and of nothing else. Then it has to be for the account's tenant, for
Exchange Online, in its time, and to say that its bearer may send: Mail.Send as a role of an application, or as a scope
of the account itself [D: OAuth for HVE]. Last comes the account's list, which holds service principals: an
application's token names its own (`oid`), a person's token names the application's client id (`appid`, or `azp` in v2.0
tokens), whose service principal is looked up. Basic authentication goes past the list [D].

No token and no password is kept, logged, or part of a refusal.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hveadmin.sandbox.credentials import is_account_password
from hveadmin.sandbox.entra import EXCHANGE_APP_ID, Clock, audiences_of, find_tenant
from hveadmin.sandbox.faults import Switches
from hveadmin.sandbox.keys import BadReason, BadToken, SigningKeys
from hveadmin.sandbox.mailbox import Sender, SignInKind
from hveadmin.sandbox.smtp_replies import Why
from hveadmin.sandbox.store import Store
from hveadmin.sandbox.tenant import Account, SandboxTenant

_PERMISSION = "Mail.Send"
_MAILBOX_PERMISSIONS = {SignInKind.APPLICATION: "SMTP.SendAsApp", SignInKind.DELEGATED: "SMTP.Send"}


class NotSignedIn(Exception):
    """Somebody may not sign in."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.name)
        self.why = why


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is sending."""

    tenant_id: str
    account: str
    """The account's primary address."""
    sender: Sender
    expires: float | None = None
    """The token's end, in seconds since 1970; None for a password."""


@dataclass(frozen=True, slots=True)
class Blob:
    """What a client says in XOAUTH2."""

    user: str
    token: str

    def __repr__(self) -> str:
        return f"Blob(user={self.user!r}, token=…)"

    @classmethod
    def parse(cls, encoded: bytes) -> Blob:
        r"""Read base64 of `user=ADDRESS^Aauth=Bearer TOKEN^A^A` (^A is the octet 1) [D]. Raises NotSignedIn."""
        try:
            text = base64.b64decode(encoded, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            raise NotSignedIn(Why.NOT_BASE64) from None
        fields, end, rest = text.partition("\x01\x01")
        said = dict(_halves(field) for field in fields.split("\x01"))
        if not said.get("user"):
            raise NotSignedIn(Why.NO_USER)
        kind, _, token = said.get("auth", "").partition(" ")
        if kind.lower() != "bearer":
            raise NotSignedIn(Why.NO_BEARER)
        if not token:
            raise NotSignedIn(Why.NO_TOKEN)
        if not end or rest:
            raise NotSignedIn(Why.TRAILING_DATA)
        return cls(said["user"], token)


def _halves(field: str) -> tuple[str, str]:
    name, _, value = field.partition("=")
    return name, value


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Lets senders in, by the rules of the tenant whose account they name."""

    store: Store
    keys: SigningKeys
    clock: Clock
    switches: Callable[[], Switches]

    def with_token(self, encoded: bytes) -> SignedIn:
        """Sign in with XOAUTH2's base64. Raises NotSignedIn."""
        blob = Blob.parse(encoded)
        tenant = self._tenant_of(blob.user)
        if tenant is None:
            raise NotSignedIn(Why.BAD_TOKEN)
        claims = self._claims(blob.token, tenant.tenant_id)
        account = tenant.find(blob.user)
        if account is None:
            raise NotSignedIn(Why.NOT_AN_ACCOUNT)
        sender = self._sender(claims, tenant.tenant_id)
        self._check_permission(claims, sender)
        if sender.kind is SignInKind.DELEGATED and str(claims.get("oid", "")).lower() != account.external_id:
            raise NotSignedIn(Why.BAD_TOKEN)
        self._check_list(tenant, account, sender)
        return SignedIn(tenant.tenant_id, account.address, sender, float(claims["exp"]))

    def with_password(self, user: str, password: str) -> SignedIn:
        """Sign in with basic authentication. Raises NotSignedIn."""
        if not self.switches().smtp_basic:
            raise NotSignedIn(Why.BASIC_OFF)
        tenant = self._tenant_of(user)
        account = None if tenant is None else tenant.find(user)
        # Which of the two is wrong is nobody's business.
        if tenant is None or account is None or not is_account_password(self.store, password):
            raise NotSignedIn(Why.WRONG_PASSWORD)
        return SignedIn(tenant.tenant_id, account.address, Sender(SignInKind.BASIC))

    def tenant(self, tenant_id: str) -> SandboxTenant:
        """The service's rules over a tenant."""
        return SandboxTenant(self.store, tenant_id, self.clock, self.switches)

    def _tenant_of(self, user: str) -> SandboxTenant | None:
        """The tenant that an address' domain tells."""
        tenant = find_tenant(self.store, user.rpartition("@")[2]) if "@" in user else None
        return None if tenant is None else self.tenant(str(tenant["id"]))

    def _claims(self, token: str, tenant_id: str) -> Mapping[str, Any]:
        now = self.clock()
        try:
            claims = self.keys.verify(token, audiences=audiences_of(EXCHANGE_APP_ID), now=now)
        except BadToken as bad:
            raise NotSignedIn(_BAD.get(bad.reason, Why.BAD_TOKEN)) from None
        if str(claims.get("tid", "")).lower() != tenant_id or not _is_issuer(str(claims.get("iss", "")), tenant_id):
            raise NotSignedIn(Why.BAD_TOKEN)
        if float(claims["exp"]) - now.timestamp() < self.switches().smtp_expiry_margin:
            raise NotSignedIn(Why.EXPIRES_SOON)
        return claims

    def _sender(self, claims: Mapping[str, Any], tenant_id: str) -> Sender:
        client_id = str(claims.get("appid") or claims.get("azp") or "").lower()
        principals = self.store.by_app_id(tenant_id, "servicePrincipal", client_id) if client_id else []
        name = str(principals[0]["displayName"]) if principals else ""
        # `idtyp` is optional in real tokens; a scope is what tells a person's.
        if claims.get("idtyp", "user" if "scp" in claims else "app") == "app":
            return Sender(SignInKind.APPLICATION, client_id, str(claims.get("oid", "")).lower(), name)
        object_id = str(principals[0]["id"]) if principals else ""
        return Sender(SignInKind.DELEGATED, client_id, object_id, name)

    def _check_permission(self, claims: Mapping[str, Any], sender: Sender) -> None:
        if sender.kind is SignInKind.APPLICATION:
            held = {str(each) for each in claims.get("roles", ())}
        else:
            held = set(str(claims.get("scp", "")).split())
        enough = {_PERMISSION}
        if self.switches().smtp_mailbox_permission:
            enough.add(_MAILBOX_PERMISSIONS[sender.kind])
        if not held & enough:
            raise NotSignedIn(Why.NO_PERMISSION)

    def _check_list(self, tenant: SandboxTenant, account: Account, sender: Sender) -> None:
        if sender.kind is SignInKind.DELEGATED and not self.switches().smtp_delegated_listed:
            return
        if not tenant.admits(account.guid, sender.object_id):
            raise NotSignedIn(Why.NOT_ALLOWED)


_BAD = {BadReason.MALFORMED: Why.NOT_A_JWT, BadReason.EXPIRED: Why.EXPIRED}


def _is_issuer(issuer: str, tenant_id: str) -> bool:
    """Whether a token's issuer is this tenant's Entra, in the v1.0 form or in the v2.0 one, whatever its host is."""
    v1, v2 = f"https://sts.windows.net/{tenant_id}/", f"/{tenant_id}/v2.0"
    return issuer == v1 or (issuer.startswith("https://") and issuer.endswith(v2))

"""
What an access token says of itself, read offline.

The signature is **not checked**: tokens for Microsoft's own APIs carry a nonce in their header and do not verify
with the published keys [F]. What is read here guards against one's own mistakes (a token of the wrong tenant); the
service that is handed the token is the one to check it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hveadmin.domain.claims import Claims, NotClaims, decoded, text, texts, time
from hveadmin.domain.ids import ClientId, Guid, NotAGuid, TenantId
from hveadmin.domain.ports import TenantIdentity
from hveadmin.errors import AuthError


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """The claims that matter here; a list is empty and a text is empty where the token does not carry the claim."""

    tenant_id: TenantId
    """tid"""
    audience: str
    """aud: whom the token is for."""
    expires: datetime
    """exp, in UTC"""
    issued: datetime | None = None
    """iat, in UTC"""
    app_id: ClientId | None = None
    """appid (v1.0) or azp (v2.0): the application's client id."""
    object_id: Guid | None = None
    """oid: the service principal of an application, the user of a delegated token."""
    app_name: str = ""
    user: str = ""
    """upn, unique_name or preferred_username; empty for an application's own token."""
    roles: tuple[str, ...] = ()
    """Application permissions."""
    wids: tuple[str, ...] = ()
    """Template ids of the directory roles."""
    scopes: tuple[str, ...] = ()
    """Delegated permissions (scp)."""

    @property
    def actor(self) -> str:
        """Who acts, for people: the user, else the application's name and client id."""
        if self.user:
            return self.user
        app = str(self.app_id or self.object_id or "")
        return f"{self.app_name} ({app})" if self.app_name and app else self.app_name or app or "unnamed"

    @property
    def identity(self) -> TenantIdentity:
        """What a plan is compared with before the first write."""
        return TenantIdentity(self.tenant_id, self.actor)


def read_claims(token: str) -> TokenClaims:
    """
    Decode an access token without checking its signature.

    Raises AuthError for a text that is no readable token, or one that does not say which tenant it is for, whom it
    is for and how long; no part of the token is in the message.
    """
    claims = _payload(token)
    return TokenClaims(
        tenant_id=_tenant(claims),
        audience=_audience(claims),
        expires=_expiry(claims),
        issued=time(claims, "iat"),
        app_id=_client(claims),
        object_id=_guid(claims, "oid"),
        app_name=text(claims, "app_displayname"),
        user=text(claims, "upn") or text(claims, "unique_name") or text(claims, "preferred_username"),
        roles=texts(claims, "roles"),
        wids=texts(claims, "wids"),
        scopes=tuple(text(claims, "scp").split()),
    )


def _payload(token: str) -> Claims:
    parts = token.strip().split(".")
    if len(parts) == 5:
        raise _unreadable("it is encrypted (a JWE of five parts): only the service it is for can read it")
    if len(parts) != 3:
        raise _unreadable("it is opaque: a readable one has three parts with dots between them")
    try:
        return decoded(parts[1])
    except NotClaims as wrong:
        raise _unreadable(f"its second part {wrong}") from None


def _unreadable(why: str) -> AuthError:
    return AuthError(
        f"the access token cannot be read: {why}",
        hint="without its tenant nothing is written; sign in again, or with another kind of credential",
    )


def _tenant(claims: Claims) -> TenantId:
    found = _guid(claims, "tid")
    if found is None:
        raise _unreadable("it does not say which tenant it is for (tid)")
    return TenantId(found.value)


def _audience(claims: Claims) -> str:
    audience = text(claims, "aud")
    if not audience:
        raise _unreadable("it does not say whom it is for (aud)")
    return audience


def _expiry(claims: Claims) -> datetime:
    expires = time(claims, "exp")
    if expires is None:
        raise _unreadable("it does not say how long it is good for (exp)")
    return expires


def _client(claims: Claims) -> ClientId | None:
    found = _guid(claims, "appid") or _guid(claims, "azp")
    return ClientId(found.value) if found else None


def _guid(claims: Claims, name: str) -> Guid | None:
    try:
        return Guid.parse(text(claims, name))
    except NotAGuid:
        return None

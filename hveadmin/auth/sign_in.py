"""
What a way to sign in is given, and what it makes of it before anybody is contacted.

`prepare` reads and checks (UsageError, exit 2); `SignIn.credential` is called when the first token is needed and is
the first to import azure-identity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hveadmin.auth.secret import Secret
from hveadmin.domain.ids import ClientId, Guid, NotAGuid
from hveadmin.domain.profile import AuthSettings
from hveadmin.errors import UsageError

# What azure-identity accepts in an authority's path [O].
_TENANT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


class Granted(Protocol):
    """An access token, as azure-identity hands it over."""

    @property
    def token(self) -> str: ...

    @property
    def expires_on(self) -> int:
        """Seconds since 1970."""
        ...


class Credential(Protocol):
    """What is needed of azure-identity's credentials."""

    def get_token(self, *scopes: str, claims: str | None = None, enable_cae: bool = False) -> Granted: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: the profile's settings, the tenant of this run, and the environment."""

    auth: AuthSettings
    tenant_id: str
    """The tenant named by the command line or the configuration; empty where neither does."""
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SignIn:
    """A way to sign in, ready but not yet tried."""

    tenant: str
    """A tenant id or one of the tenant's domains."""
    client_id: ClientId
    credential: Callable[[Mapping[str, Any]], Credential]
    """Makes azure-identity's credential from the options that all kinds share. Raises AuthError."""
    secrets: tuple[Secret, ...] = ()
    """What must appear in no message."""
    secret_is_guid: bool = False
    """The client secret looks like a GUID: then it is most likely the secret's id and not its value."""


def client_id_of(text: str, where: str) -> ClientId:
    """The application's client id. Raises UsageError."""
    if not text:
        raise UsageError(
            f"{where} is missing",
            hint="the application (client) id: Entra admin centre > App registrations > the application > Overview",
        )
    try:
        return ClientId.parse(text)
    except NotAGuid as error:
        raise UsageError(f"{where}: {error.message}", hint=error.hint) from error


def tenant_of(asked: Asked, fallback: str = "", where: str = "auth.tenant_id") -> str:
    """The tenant to sign in to: this run's, else the profile's, else `fallback`. Raises UsageError."""
    text = (asked.tenant_id or asked.auth.tenant_id or fallback).strip()
    if not text:
        raise UsageError(
            "no tenant is named to sign in to", hint=f"name it in the configuration (tenant_id), or as {where}"
        )
    if not _TENANT.fullmatch(text):
        raise UsageError(f"{text!r} is neither a tenant id nor a domain", hint="for example contoso.onmicrosoft.com")
    return text.lower()


def is_guid(text: str) -> bool:
    """Whether a text has the form of a GUID."""
    try:
        Guid.parse(text)
    except NotAGuid:
        return False
    return True

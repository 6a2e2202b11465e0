"""
What a way to sign in is given, and what it makes of it before anybody is contacted.

`prepare` reads and checks (UsageError, exit 2); `SignIn.credential` is called when the first token is needed and is
the first to import azure-identity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from hveadmin.auth.secret import Secret
from hveadmin.domain.ids import ClientId, Guid, NotAGuid
from hveadmin.domain.profile import AuthSettings
from hveadmin.errors import HveAdminError, UsageError

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


def _nobody_listens(text: str) -> None:
    """What is said to nobody."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever runs the program, for the kinds that sign in a user."""

    may_be_asked: bool = False
    """Whether a sign-in may begin that somebody has to complete; else only what is kept of the last one is used."""
    show: Callable[[str], None] = _nobody_listens
    """Says something to them at once. What a service wrote is in it as it came."""
    records: Path | None = None
    """The folder that remembers who signed in, without any token; None remembers nothing beyond this process."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: the profile's settings, the tenant of this run, and the environment."""

    auth: AuthSettings
    tenant_id: str
    """The tenant named by the command line or the configuration; empty where neither does."""
    environ: Mapping[str, str]
    profile: str = ""
    """The profile's name, for what is kept of it and for advice."""
    login: str = ""
    """The sign-in host, `https://host[:port]`."""
    ca: str = ""
    """A PEM file that is trusted besides the operating system's store."""
    person: Person = field(default_factory=Person)


def _no_explanation(error: BaseException) -> HveAdminError | None:
    return None


@dataclass(frozen=True, slots=True)
class SignIn:
    """A way to sign in, ready but not yet tried."""

    tenant: str
    """A tenant id or one of the tenant's domains."""
    client_id: ClientId | None
    """None where the way to sign in has one of its own, which only the token names."""
    credential: Callable[[Mapping[str, Any]], Credential]
    """Makes azure-identity's credential from the options that all kinds share. Raises AuthError."""
    secrets: Sequence[Secret] = ()
    """What must appear in no message. A kind that reads a token anew each time adds it here."""
    secret_is_guid: bool = False
    """The client secret looks like a GUID: then it is most likely the secret's id and not its value."""
    proof: str = ""
    """What it proves itself with, by name: `secret in env HVE_SECRET`, `managed identity (IMDS)`."""
    kept_in: Callable[[], str] = lambda: "memory"
    """Where tokens are kept, in words. Asking may take a while, so it is asked for."""
    is_person: bool = False
    """Whether it signs in a user, who may have to do something."""
    again: str = ""
    """The command that signs in anew; empty where asking again is all there is."""
    explain: Callable[[BaseException], HveAdminError | None] = _no_explanation
    """What only this kind knows of a failure without a number of Entra's; None where it knows nothing."""


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
        # Not quoted: what stands in the wrong variable may be the secret.
        raise UsageError(f"{where} is not a GUID", hint=error.hint) from None


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

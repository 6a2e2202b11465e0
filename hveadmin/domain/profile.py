"""
How to sign in, and where: a profile as a value. No secret is in it, only where a secret is to be found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hveadmin.domain.desired import SourceSpan


class AuthKind(StrEnum):
    """The ways for an administrator to sign in."""

    ENVIRONMENT = "environment"
    CLIENT_SECRET = "client_secret"  # noqa: S105 — the name of a way to sign in, not a secret
    CERTIFICATE = "certificate"
    WORKLOAD_IDENTITY = "workload_identity"
    GITHUB = "github"
    AZURE_PIPELINES = "azure_pipelines"
    MANAGED_IDENTITY = "managed_identity"
    AZURE_CLI = "azure_cli"
    DEVICE_CODE = "device_code"
    BROWSER = "browser"


class SecretKind(StrEnum):
    """Where secrets may live."""

    ENV = "env"
    FILE = "file"
    KEYRING = "keyring"


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret is to be found: an environment variable's name, a file's path, a keyring's service."""

    kind: SecretKind
    where: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.where}"


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How to sign in."""

    kind: AuthKind = AuthKind.ENVIRONMENT
    client_id: str = ""
    tenant_id: str = ""
    """Used where the command line or the configuration names no tenant."""
    secret: SecretSource | None = None
    certificate: str = ""
    """Path of a PEM file (key and certificate) or a PFX."""
    certificate_password: SecretSource | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    """What only one kind needs (service_connection_id, token_file …)."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The addresses of one cloud. `https://host[:port]`, no path; smtp is `host:port`."""

    login: str
    graph: str
    exchange: str
    smtp: str = ""


@dataclass(frozen=True, slots=True)
class Audiences:
    """Whom tokens are asked for; the scope is the audience and `/.default`."""

    exchange: str
    graph: str
    smtp: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile."""

    name: str
    cloud: str = "worldwide"
    """worldwide, gcc-high, dod, china or custom."""
    transport: str = "rest"
    auth: AuthSettings = field(default_factory=AuthSettings)
    endpoints: Endpoints | None = None
    """For a custom cloud; None takes the named cloud's."""
    audiences: Audiences | None = None
    """None takes the cloud's own; a custom cloud keeps the worldwide ones."""
    ca: str = ""
    """Path of a PEM file that is trusted besides the operating system's store."""
    host: Mapping[str, object] = field(default_factory=dict)
    """The management host of the PowerShell transports."""
    state: str = ""
    """Folder of the journals; empty takes $HVEADMIN_STATE, else the operating system's place for such files."""
    quirks: Mapping[str, str] = field(default_factory=dict)
    source: SourceSpan | None = None

"""
How to sign in, and where: a profile as a value. No secret is in it, only where a secret is to be found.
"""

from __future__ import annotations

import ipaddress
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


class HostAuth(StrEnum):
    """The ways to sign in to a host over WinRM."""

    NEGOTIATE = "negotiate"
    KERBEROS = "kerberos"
    NTLM = "ntlm"
    BASIC = "basic"
    CERTIFICATE = "certificate"
    CREDSSP = "credssp"


class ConnectBy(StrEnum):
    """How a PowerShell session is connected to Exchange Online."""

    ACCESS_TOKEN = "access_token"  # noqa: S105 — the name of a way to connect, not a token
    """With a token of whoever is signed in here."""
    CERTIFICATE = "certificate"
    """As an application whose certificate lies in the host's store."""
    MANAGED_IDENTITY = "managed_identity"
    """As the host itself."""
    PRECONNECTED = "preconnected"
    """It is connected already, by the session configuration (JEA)."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Where the PowerShell module runs and how it is reached. What a transport has no use for is left alone."""

    name: str = ""
    """A host's name or address; for ssh it may be a name of the administrator's ssh configuration."""
    port: int | None = None
    connect: ConnectBy = ConnectBy.ACCESS_TOKEN
    organization: str = ""
    """The tenant's domain; empty takes the configuration's."""
    app_id: str = ""
    """The application to connect as, with a certificate."""
    certificate_thumbprint: str = ""
    """The certificate in the host's store to connect with."""

    # winrm
    ssl: bool = True
    path: str = "wsman"
    auth: HostAuth = HostAuth.NEGOTIATE
    username: str = ""
    password: SecretSource | None = None
    certificate: str = ""
    """Path of a PEM file: the client certificate to sign in with."""
    certificate_key: str = ""
    """Path of its key; empty: it is in the same file."""
    ca: str = ""
    """Path of a PEM file with the authorities that are trusted to sign the host's certificate."""
    configuration_name: str = "Microsoft.PowerShell"
    proxy: str = ""
    negotiate_delegate: bool = False
    negotiate_service: str = ""
    negotiate_hostname: str = ""

    # ssh
    subsystem: str = "powershell"
    identity_file: str = ""
    known_hosts: str = ""
    ssh_config: str = ""
    """Path of a configuration file that is read in place of the administrator's own."""
    ssh_options: tuple[str, ...] = ()
    """`Name=value`, as after ssh's -o."""

    # local
    command: tuple[str, ...] = ()
    """What is started; empty takes PowerShell from the PATH."""


def is_loopback_name(name: str) -> bool:
    """Whether a host's name means this machine."""
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


_RETIRED = (
    "outlook.office365.com", "outlook.office.com", "ps.outlook.com", "outlook.office365.us",
    "outlook-dod.office365.us", "webmail.apps.mil", "partner.outlook.cn", "outlook.office.de",
    "ps.protection.outlook.com", "ps.compliance.protection.outlook.com",
)  # fmt: skip


def is_retired_endpoint(name: str) -> bool:
    """
    Whether this is where Exchange Online's own remote PowerShell was, as a name or as an address.

    It was switched off in 2023 [D]; what is left of it answers a bare 400 [O].
    """
    folded = name.lower()
    host = folded.partition("://")[2] or folded
    host = host.partition("/")[0].partition(":")[0].rstrip(".")
    named = any(host == each or host.endswith(f".{each}") for each in _RETIRED)
    return named or "powershell-liveid" in folded


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
    host: HostSettings | None = None
    """Where the PowerShell transports find the module."""
    state: str = ""
    """Folder of the journals; empty takes $HVEADMIN_STATE, else the operating system's place for such files."""
    quirks: Mapping[str, str] = field(default_factory=dict)
    source: SourceSpan | None = None

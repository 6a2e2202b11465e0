"""
profiles.yaml: how to sign in, and where.

The file says where secrets are to be found and never holds one. Should somebody write one into it all the same, the
problem that says so must not repeat it: values of keys that sound like a secret are hidden in everything that is
printed about this file, and nothing of the file is printed where its syntax is broken.

Paths in it (`ca`, `certificate`, `secret: {file: …}`) are relative to the file itself; ~ is the home directory.
Which profile is taken is decided elsewhere; `sandbox` is built in and cannot be defined here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from hveadmin.config import nodes
from hveadmin.config.fitting import fit
from hveadmin.config.model import ClientIdText, Name, Shape, Text
from hveadmin.config.nodes import Document, Table, path_text, read_document
from hveadmin.config.problems import InvalidConfiguration, Problem, in_order
from hveadmin.domain.desired import SourceSpan
from hveadmin.domain.profile import (
    Audiences,
    AuthKind,
    AuthSettings,
    ConnectBy,
    Endpoints,
    HostAuth,
    HostSettings,
    Profile,
    SecretKind,
    SecretSource,
    is_loopback_name,
    is_retired_endpoint,
)

VARIABLE = "HVEADMIN_PROFILES"
RESERVED = "sandbox"
CUSTOM = "custom"

_FORMS = {"forms": "{env: NAME}, {file: PATH} or {keyring: SERVICE}"}
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*\.)+[A-Za-z0-9-]+")
_SSH_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9]*[= ][^\r\n\0]+")
_HOST_AND_PORT = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")


def profiles_path(environ: Mapping[str, str]) -> Path:
    """Where the profiles are: the file that HVEADMIN_PROFILES names, else the user's own."""
    named = environ.get(VARIABLE, "")
    if named:
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("hveadmin", appauthor=False) / "profiles.yaml"


def load_profiles(environ: Mapping[str, str]) -> Mapping[str, Profile]:
    """
    The profiles by name. None where the user's own file does not exist.

    Raises InvalidConfiguration (a ConfigError) with every problem of the file, also where the file exists and cannot
    be read, or where HVEADMIN_PROFILES names one that does not exist.
    """
    path = profiles_path(environ)
    try:
        with path.open("rb") as stream:
            data = stream.read(nodes.MAX_BYTES + 1)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not environ.get(VARIABLE):
            return {}
        why = f"the profiles cannot be read: {error.strerror or type(error).__name__}"
    except ValueError:  # a path with a NUL in it
        why = "the profiles cannot be read: this is not a path"
    else:
        return parse_profiles(data, path)
    raise InvalidConfiguration([Problem("PRF006", SourceSpan(str(path), 1), "", why)])


def parse_profiles(data: bytes, path: Path) -> Mapping[str, Profile]:
    """The profiles in these bytes; `path` is where they come from. Raises InvalidConfiguration."""
    document, problems = read_document(data, str(path), family="PRF", secretive=True)
    found = list(problems)
    profiles: dict[str, Profile] = {}
    if document.root is None and not found:
        return profiles
    if document.root is not None:
        fitted = fit(document, ProfilesFile)
        found += fitted.problems
        for name, shape in (fitted.model.profiles if fitted.model else {}).items():
            place = _Place(fitted.document, name)
            found += _objections(shape, place)
            profiles[name] = _profile(name, shape, place, path.parent)
    if found:
        raise InvalidConfiguration(in_order(found, [str(path)]))
    return profiles


# The shape


def _variable_name(text: str) -> str:
    if not _VARIABLE_NAME.fullmatch(text):
        raise PydanticCustomError("003", "this is not the name of an environment variable")
    return text


def _https(text: str) -> str:
    if not _is_https(text):
        raise PydanticCustomError("007", "{why}", {"why": f"{text!r} is not an address like https://host[:port]"})
    return text.rstrip("/")


def _is_https(text: str) -> bool:
    try:
        parts = urlsplit(text)
        plain = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0 and plain and text.isprintable()
    except ValueError:  # a port that is no number, a broken IPv6 address
        return False


def _host_and_port(text: str) -> str:
    if not _HOST_AND_PORT.fullmatch(text) or not 0 < int(text.rsplit(":", 1)[1]) < 65536:
        raise PydanticCustomError("007", "{why}", {"why": f"{text!r} is not host:port"})
    return text


def _host_name(text: str) -> str:
    if is_retired_endpoint(text):
        why = f"{text!r} was Exchange Online's own remote PowerShell, which is gone since 2023; use transport: rest"
        raise PydanticCustomError("010", "{why}", {"why": why})
    if not _HOST_NAME.fullmatch(text):
        raise PydanticCustomError("007", "{why}", {"why": f"{text!r} is not a host's name or address"})
    return text.strip("[]")


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text):
        raise PydanticCustomError("003", "{why}", {"why": f"{text!r} is not a domain like contoso.onmicrosoft.com"})
    return text


def _no_option(text: str) -> str:
    if not text.strip() or text.startswith("-") or not text.isprintable():
        raise PydanticCustomError("003", "a name is expected here, which does not begin with a hyphen")
    return text


def _no_quote(text: str) -> str:
    if not text.strip() or '"' in text or not text.isprintable():
        raise PydanticCustomError("003", "a path is expected here, without quotation marks")
    return text


def _ssh_option(text: str) -> str:
    if not _SSH_OPTION.fullmatch(text):
        raise PydanticCustomError("003", "an option as after ssh's -o is expected here, such as ConnectTimeout=10")
    return text


Https = Annotated[str, AfterValidator(_https)]


class SecretShape(Shape):
    """Where a secret is to be found."""

    env: Annotated[str, AfterValidator(_variable_name)] | None = None
    file: Text | None = None
    keyring: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_not_the_secret(cls, value: object) -> object:
        # Says nothing of the value: it may be the secret.
        if not isinstance(value, dict):
            raise PydanticCustomError("004", "a secret is never written here; say where it is: {forms}", _FORMS)
        if len(value) != 1:
            raise PydanticCustomError("003", "exactly one of {forms} is expected here", _FORMS)
        return value


class AuthShape(Shape):
    """How to sign in."""

    kind: Literal[
        "environment",
        "client_secret",
        "certificate",
        "workload_identity",
        "github",
        "azure_pipelines",
        "managed_identity",
        "azure_cli",
        "device_code",
        "browser",
    ] = "environment"
    client_id: ClientIdText | None = None
    tenant_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")] | None = None
    secret: SecretShape | None = None
    certificate: Text | None = None
    certificate_password: SecretShape | None = None
    token_file: Text | None = None
    service_connection_id: Text | None = None
    audience: Text | None = None
    allow_unencrypted_cache: bool | None = None


class EndpointsShape(Shape):
    """The addresses of a cloud, or those of them that differ from the named cloud's."""

    login: Https | None = None
    graph: Https | None = None
    exchange: Https | None = None
    smtp: Annotated[str, AfterValidator(_host_and_port)] | None = None


class AudiencesShape(Shape):
    """Whom tokens are asked for, where that differs from the cloud's own."""

    exchange: Text | None = None
    graph: Text | None = None
    smtp: Text | None = None


class HostShape(Shape):
    """Where the PowerShell transports find the module, and how."""

    name: Annotated[str, AfterValidator(_host_name)] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    connect: Literal["access_token", "certificate", "managed_identity", "preconnected"] = "access_token"
    organization: Annotated[str, AfterValidator(_domain)] | None = None
    app_id: ClientIdText | None = None
    certificate_thumbprint: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{40}$")] | None = None
    # winrm
    ssl: bool = True
    path: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]+$")] = "wsman"
    auth: Literal["negotiate", "kerberos", "ntlm", "basic", "certificate", "credssp"] = "negotiate"
    username: Annotated[str, AfterValidator(_no_option)] | None = None
    password: SecretShape | None = None
    certificate: Text | None = None
    certificate_key: Text | None = None
    ca: Text | None = None
    configuration_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$")] | None = None
    proxy: Text | None = None
    negotiate_delegate: bool = False
    negotiate_service: Text | None = None
    negotiate_hostname: Text | None = None
    # ssh
    subsystem: Annotated[str, AfterValidator(_no_option)] = "powershell"
    identity_file: Text | None = None
    known_hosts: Annotated[str, AfterValidator(_no_quote)] | None = None
    ssh_config: Text | None = None
    ssh_options: list[Annotated[str, AfterValidator(_ssh_option)]] = Field(default_factory=list)
    # local
    command: list[Text] = Field(default_factory=list)


class QuirksShape(Shape):
    """Where a tenant's answers differ from what is documented."""

    absent_allowed_apps: Literal["empty", "unreadable"] | None = None


class ProfileShape(Shape):
    """One profile."""

    cloud: Literal["worldwide", "gcc-high", "dod", "china", "custom"] = "worldwide"
    transport: Literal["rest", "winrm", "ssh", "local"] = "rest"
    auth: AuthShape | None = None
    endpoints: EndpointsShape | None = None
    audiences: AudiencesShape | None = None
    ca: Text | None = None
    host: HostShape | None = None
    quirks: QuirksShape | None = None


class ProfilesFile(Shape):
    """profiles.yaml."""

    profiles: dict[Name, ProfileShape] = Field(default_factory=dict)


# What belongs together


@dataclass(frozen=True, slots=True)
class _Place:
    """A profile's place in the file."""

    document: Document
    name: str

    @property
    def table(self) -> Table:
        """The profile as it was written, without what does not fit."""
        root = self.document.root
        profiles = root.entries["profiles"].value if isinstance(root, Table) else None
        table = profiles.entries[self.name].value if isinstance(profiles, Table) else None
        assert isinstance(table, Table)  # noqa: S101 — it was fitted to the shape of one
        return table

    @property
    def span(self) -> SourceSpan:
        root = self.document.root
        profiles = root.entries["profiles"].value if isinstance(root, Table) else None
        assert isinstance(profiles, Table)  # noqa: S101 — as above
        return self.document.span(profiles.entries[self.name].key)

    def problem(self, code: str, message: str, *keys: str) -> Problem:
        """A problem at a key of the profile, or at its name."""
        span, table = self.span, self.table
        line, column = span.line, span.column
        for key in keys:
            entry = table.entries.get(key)
            if entry is None:
                break
            line, column = entry.key.line, entry.key.column
            if isinstance(entry.value, Table):
                table = entry.value
        return self.document.problem(code, line, column, path_text(("profiles", self.name, *keys)), message)


# What a way to sign in cannot do without, and what only it takes. What is left out elsewhere comes from the environment
# (workload identity, pipelines) or is the machine's own (managed identity, Azure CLI).
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "client_secret": ("client_id", "secret"),
    "certificate": ("client_id", "certificate"),
}
_ONLY_FOR: Mapping[str, tuple[str, ...]] = {
    "secret": ("client_secret",),
    "certificate": ("certificate",),
    "certificate_password": ("certificate",),
    "token_file": ("workload_identity",),
    "service_connection_id": ("azure_pipelines",),
    "audience": ("github",),
    "allow_unencrypted_cache": ("device_code", "browser"),
}


def _objections(shape: ProfileShape, place: _Place) -> Iterator[Problem]:
    if place.name == RESERVED:
        yield place.problem("005", f"{RESERVED!r} is built in; choose another name")
    if place.table.damaged:
        return
    yield from _auth_objections(shape.auth or AuthShape(), place)
    endpoints = shape.endpoints or EndpointsShape()
    missing = [key for key in ("login", "graph", "exchange") if getattr(endpoints, key) is None]
    if shape.cloud == CUSTOM and missing:
        yield place.problem("008", f"a custom cloud needs {_and(f'endpoints.{key}' for key in missing)}", "endpoints")
    if shape.transport in ("winrm", "ssh") and (shape.host is None or shape.host.name is None):
        yield place.problem("008", f"transport {shape.transport} needs host.name", "transport")
    if shape.host is not None:
        yield from _host_objections(shape.host, place)
        if shape.transport == "winrm" and shape.host.connect == "preconnected" and not shape.host.configuration_name:
            yield place.problem("008", "connect: preconnected needs configuration_name", "host", "connect")


# What a way to sign in to a host, and a way to connect from there, cannot do without; and what only it takes.
_HOST_NEEDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("auth", "basic"): ("username", "password"),
    ("auth", "credssp"): ("username", "password"),
    ("auth", "certificate"): ("certificate",),
    ("connect", "certificate"): ("app_id", "certificate_thumbprint"),
}
_ONLY_FOR_HOST: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "certificate": ("auth", ("certificate",)),
    "certificate_key": ("auth", ("certificate",)),
    "app_id": ("connect", ("certificate",)),
    "certificate_thumbprint": ("connect", ("certificate",)),
    "negotiate_service": ("auth", ("negotiate", "kerberos")),
    "negotiate_hostname": ("auth", ("negotiate", "kerberos")),
    "negotiate_delegate": ("auth", ("negotiate", "kerberos")),
}


def _host_objections(host: HostShape, place: _Place) -> Iterator[Problem]:
    for (key, kind), needed in _HOST_NEEDS.items():
        missing = [name for name in needed if getattr(host, name) is None]
        if getattr(host, key) == kind and missing:
            yield place.problem("008", f"{key}: {kind} needs {_and(missing)}", "host", key)
    for name, (key, kinds) in _ONLY_FOR_HOST.items():
        if getattr(host, name) and getattr(host, key) not in kinds:
            said = f"{name} belongs to {key}: {' or '.join(kinds)}, not to {getattr(host, key)}"
            yield place.problem("008", said, "host", name)
    if host.ssl:
        return
    if host.auth == "certificate" or (host.auth == "basic" and not is_loopback_name(host.name or "")):
        said = f"auth: {host.auth} over http can be read on the way; leave out ssl: false, or use auth: negotiate"
        yield place.problem("008", said, "host", "ssl")


def _auth_objections(auth: AuthShape, place: _Place) -> Iterator[Problem]:
    missing = [key for key in _NEEDS.get(auth.kind, ()) if getattr(auth, key) is None]
    if missing:
        yield place.problem("008", f"kind {auth.kind} needs {_and(missing)}", "auth")
    for key, kinds in _ONLY_FOR.items():
        if getattr(auth, key) is not None and auth.kind not in kinds:
            yield place.problem("008", f"{key} belongs to kind {_and(kinds)}, not to {auth.kind}", "auth", key)


def _and(words: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    return " and ".join(words)


# The value


def _profile(name: str, shape: ProfileShape, place: _Place, folder: Path) -> Profile:
    return Profile(
        name=name,
        cloud=shape.cloud,
        transport=shape.transport,
        auth=_auth(shape.auth or AuthShape(), folder),
        endpoints=_endpoints(shape.endpoints),
        audiences=_audiences(shape.audiences),
        ca=_path(shape.ca, folder),
        host=_host(shape.host, folder),
        quirks=shape.quirks.model_dump(exclude_none=True) if shape.quirks else {},
        source=place.span,
    )


_HOST_PATHS = frozenset({"ca", "certificate", "certificate_key", "identity_file", "known_hosts", "ssh_config"})


def _host(shape: HostShape | None, folder: Path) -> HostSettings | None:
    if shape is None:
        return None
    typed = {"connect", "auth", "password", "app_id", "ssh_options", "command"}
    given = shape.model_dump(exclude_none=True, exclude=typed)
    paths = {name: _path(given[name], folder) for name in _HOST_PATHS & given.keys()}
    return HostSettings(
        **{**given, **paths},
        connect=ConnectBy(shape.connect),
        auth=HostAuth(shape.auth),
        password=_secret(shape.password, folder),
        app_id=str(shape.app_id or ""),
        ssh_options=tuple(shape.ssh_options),
        command=tuple(shape.command),
    )


def _endpoints(shape: EndpointsShape | None) -> Endpoints | None:
    if shape is None:
        return None
    return Endpoints(shape.login or "", shape.graph or "", shape.exchange or "", shape.smtp or "")


def _audiences(shape: AudiencesShape | None) -> Audiences | None:
    return None if shape is None else Audiences(shape.exchange or "", shape.graph or "", shape.smtp or "")


def _auth(shape: AuthShape, folder: Path) -> AuthSettings:
    options = {
        "token_file": _path(shape.token_file, folder),
        "service_connection_id": shape.service_connection_id or "",
        "audience": shape.audience or "",
        "allow_unencrypted_cache": "true" if shape.allow_unencrypted_cache else "",
    }
    return AuthSettings(
        kind=AuthKind(shape.kind),
        client_id=str(shape.client_id or ""),
        tenant_id=shape.tenant_id or "",
        secret=_secret(shape.secret, folder),
        certificate=_path(shape.certificate, folder),
        certificate_password=_secret(shape.certificate_password, folder),
        options={key: value for key, value in options.items() if value},
    )


def _secret(shape: SecretShape | None, folder: Path) -> SecretSource | None:
    if shape is None:
        return None
    if shape.env is not None:
        return SecretSource(SecretKind.ENV, shape.env)
    if shape.file is not None:
        return SecretSource(SecretKind.FILE, _path(shape.file, folder))
    return SecretSource(SecretKind.KEYRING, shape.keyring) if shape.keyring is not None else None


def _path(text: str | None, folder: Path) -> str:
    """A path relative to the profiles file, as a path that can be opened; empty stays empty."""
    if not text:
        return ""
    try:
        return str(folder / Path(text).expanduser())
    except RuntimeError:  # no home directory, or no such user: then ~ is a name like any other
        return str(folder / text)

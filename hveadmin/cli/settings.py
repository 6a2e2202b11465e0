"""
Every value that a run goes by, with its source: flag > HVEADMIN_* > profile > configuration > default.

A secret's value is where it is, never what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields

from hveadmin.auth.clouds import CUSTOM, Cloud
from hveadmin.auth.kinds.environment import FAMILIES, Family
from hveadmin.auth.sign_in import is_guid
from hveadmin.cli.options import Options
from hveadmin.cli.run import DEFAULT_CONFIG, Target
from hveadmin.config.profiles import VARIABLE, profiles_path
from hveadmin.config.written import written_keys
from hveadmin.domain.health import Setting
from hveadmin.domain.profile import AuthKind, HostSettings, SecretKind, SecretSource
from hveadmin.wiring import SANDBOX, state_folder
from hveadmin.workflows.doctor import without_credentials

DEFAULT = "default"
NONE = "(none)"

SourceOf = Callable[[str], str]
"""The source of an option by its name: `flag (--timeout)`, `environment (…)`, or empty where nobody gave it."""


def settings_of(
    target: Target, cloud: Cloud | None, options: Options, given: SourceOf, environ: Mapping[str, str]
) -> tuple[Setting, ...]:
    """The settings of one tenant's run. `cloud` is None where the profile's cloud cannot be meant."""
    return tuple(_Table(target, cloud, options, given, environ).rows())


class _Table:
    """The rows for one target."""

    def __init__(
        self, target: Target, cloud: Cloud | None, options: Options, given: SourceOf, environ: Mapping[str, str]
    ) -> None:
        self._target = target
        self._profile = target.profile
        self._cloud = cloud
        self._options = options
        self._given = given
        self._environ = environ
        self._written = written_keys(environ, target.profile.name)
        self._family = _family(environ) if target.profile.auth.kind is AuthKind.ENVIRONMENT else None

    def rows(self) -> Iterator[Setting]:
        yield self._configuration()
        yield self._tenant()
        yield from self._which_profile()
        yield from self._how_to_connect()
        yield from self._addresses()
        yield from self._sign_in()
        yield from self._others()
        yield self._state()

    # Where a value comes from

    def _from_profile(self, key: str) -> str:
        """The place in the profiles file, `built in` for the sandbox's profile, else `default`."""
        if key in self._written:
            return f"profile {self._profile.name} ({self._written[key]})"
        return f"built in (profile {SANDBOX})" if self._profile.name == SANDBOX else DEFAULT

    def _option(self, name: str, value: object, otherwise: str = DEFAULT) -> Setting:
        return Setting(name, str(value), self._given(name) or otherwise)

    # The rows

    def _configuration(self) -> Setting:
        files = self._options.config or ((DEFAULT_CONFIG,) if DEFAULT_CONFIG.exists() else ())
        return self._option("config", ", ".join(map(str, files)) or NONE)

    def _tenant(self) -> Setting:
        target, entry, auth = self._target, self._target.entry, self._profile.auth
        if entry is not None and target.tenant:
            return Setting("tenant", target.tenant, f"configuration (tenants.{entry.alias})")
        if target.tenant:
            return Setting("tenant", target.tenant, self._given("tenant") or DEFAULT)
        if auth.tenant_id:
            return Setting("tenant", auth.tenant_id, self._from_profile("auth.tenant_id"))
        for name in (each.tenant_id for each in ([self._family] if self._family else FAMILIES)):
            if self._environ.get(name):
                return Setting("tenant", self._environ[name], f"environment ({name})")
        return Setting("tenant", NONE, DEFAULT)

    def _which_profile(self) -> Iterator[Setting]:
        entry = self._target.entry
        configured = f"configuration (tenants.{entry.alias})" if entry is not None and entry.profile else DEFAULT
        yield self._option("profile", self._profile.name, configured)
        named = f"environment ({VARIABLE})" if self._environ.get(VARIABLE) else DEFAULT
        yield Setting("profiles", str(profiles_path(self._environ)), named)

    def _how_to_connect(self) -> Iterator[Setting]:
        yield self._option("transport", self._profile.transport, self._from_profile("transport"))
        yield self._option("timeout", f"{self._options.timeout:g}")
        yield self._option("concurrency", self._options.concurrency)

    def _addresses(self) -> Iterator[Setting]:
        profile, cloud = self._profile, self._cloud
        yield Setting("cloud", profile.cloud, self._from_profile("cloud"))
        if cloud is None:
            return
        table = f"{DEFAULT} (cloud {'worldwide' if profile.cloud == CUSTOM else profile.cloud})"
        for group, values in (("endpoints", cloud.endpoints), ("audiences", cloud.audiences)):
            for name in ("login", "graph", "exchange", "smtp"):
                if value := getattr(values, name, ""):
                    source = self._from_profile(f"{group}.{name}")
                    own = source != DEFAULT and (group == "endpoints" or profile.audiences is not None)
                    yield Setting(f"{group}.{name}", value, source if own else table)
        yield Setting("ca", profile.ca or "(the operating system's certificates alone)", self._from_profile("ca"))

    def _sign_in(self) -> Iterator[Setting]:
        auth = self._profile.auth
        yield Setting("auth.kind", auth.kind.value, self._from_profile("auth.kind"))
        if self._family is not None:
            yield from self._from_environment(self._family)
        elif auth.client_id:
            yield Setting("auth.client_id", auth.client_id, self._from_profile("auth.client_id"))
        for key, secret in (("secret", auth.secret), ("certificate_password", auth.certificate_password)):
            if secret is not None:
                yield Setting(f"auth.{key}", self._where(secret), self._from_profile(f"auth.{key}"))
        if auth.certificate:
            yield Setting("auth.certificate", auth.certificate, self._from_profile("auth.certificate"))
        for key, value in auth.options.items():
            yield Setting(f"auth.{key}", value, self._from_profile(f"auth.{key}"))

    def _from_environment(self, names: Family) -> Iterator[Setting]:
        auth = self._profile.auth
        if auth.client_id:
            yield Setting("auth.client_id", auth.client_id, self._from_profile("auth.client_id"))
        elif self._environ.get(names.client_id):
            value = self._environ[names.client_id]
            # What is no GUID may be the secret, set under the wrong name.
            yield Setting(
                "auth.client_id", value if is_guid(value) else "(not a GUID)", f"environment ({names.client_id})"
            )
        if self._environ.get(names.certificate) and not self._environ.get(names.client_secret):
            yield Setting("auth.certificate", self._environ[names.certificate], f"environment ({names.certificate})")
        for key, name in (("secret", names.client_secret), ("certificate_password", names.certificate_password)):
            if self._environ.get(name):
                yield Setting(f"auth.{key}", "(set)", f"environment ({name})")

    def _where(self, secret: SecretSource) -> str:
        if secret.kind is SecretKind.ENV:
            return f"{secret} ({'set' if self._environ.get(secret.where) else 'not set'})"
        return str(secret)

    def _others(self) -> Iterator[Setting]:
        host = self._profile.host
        if host is not None and self._profile.transport != "rest":
            for each in fields(host):
                value = getattr(host, each.name)
                if value != each.default:
                    yield Setting(f"host.{each.name}", self._of_host(each.name, value), self._of(host, each.name))
        for key, value in self._profile.quirks.items():
            yield Setting(f"quirks.{key}", value, self._from_profile(f"quirks.{key}"))

    def _of(self, host: HostSettings, key: str) -> str:
        """Where a host's setting comes from: the organisation can be the configuration's domain."""
        source = self._from_profile(f"host.{key}")
        entry = self._target.entry
        from_configuration = source == DEFAULT and key == "organization" and entry is not None
        return "configuration" if from_configuration and entry and host.organization == entry.domain else source

    def _of_host(self, key: str, value: object) -> str:
        if isinstance(value, SecretSource):
            return self._where(value)
        if isinstance(value, tuple):
            return " ".join(map(str, value))
        return _shown(key, value)

    def _state(self) -> Setting:
        profile, environ = self._profile, self._environ
        source = self._from_profile("state")
        if not profile.state and environ.get("HVEADMIN_STATE"):
            source = "environment (HVEADMIN_STATE)"
        return Setting("state", str(state_folder(profile, environ)), source)


def _shown(key: str, value: object) -> str:
    return without_credentials(str(value)) if key == "proxy" else str(value)


def _family(environ: Mapping[str, str]) -> Family | None:
    """The variables that `environment` goes by: the first family with anything of an application in it."""
    for names in FAMILIES:
        if any(environ.get(name) for name in (names.client_id, names.client_secret, names.certificate)):
            return names
    return None

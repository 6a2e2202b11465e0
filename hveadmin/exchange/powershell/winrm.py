"""
PowerShell on a host over WinRM: WSMan over HTTP, with pypsrp.

pypsrp has time-outs for single requests and none for a call; it sends a Receive that timed out up to five times more,
so that a dead server costs minutes. Here every request is bounded by what is left of the call's time, and sent once.

Over http the messages are encrypted with keys that belong to one TCP connection. A connection that lay idle may have
been dropped by then (IIS does after two minutes [D]), and with it the keys, while the shell on the host lives on: so
after a pause, and after anything that went wrong, a new connection is made before something is sent.
"""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any
from xml.etree import ElementTree

import requests
from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import AuthenticationError, WinRMError, WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import OptionSet, SelectorSet, WSMan

from hveadmin.domain.profile import HostAuth, HostSettings, is_loopback_name
from hveadmin.errors import AuthError, ConnectFailed, HveAdminError, TimedOut, UsageError
from hveadmin.exchange.powershell.child import monotonic
from hveadmin.exchange.powershell.runspace import (
    SILENT_SECONDS,
    STOP_SECONDS,
    Broken,
    NoAnswer,
    Said,
    Trouble,
    whole,
)

OPERATION_TIMEOUT = 2150858793
SHELL_LOST = 2150858843
UNKNOWN_CONFIGURATION = 2150858811
"""Codes of faults [D: winerror.h]."""

IDLE_SECONDS = 60.0
"""After a pause of this length a new connection is made; hosts drop them after 120 s [D]."""

_CONNECT_SECONDS = 15.0
_POLL_SECONDS = 20.0
"""How long the host may hold back the answer to a Receive, as PowerShell's own client has it [F]."""

_ERRNO = re.compile(r"\[Errno -?\d+\] ")

# Whatever pypsrp, requests and the libraries for signing in and for encryption raise: they have no other common root,
# and what came may make their parsers raise anything.
_ANYTHING = (Exception,)


class _Bounded(WSMan):
    """pypsrp's WSMan, where no request takes longer than what is left."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.ends = 0.0

    def invoke(
        self,
        action: str,
        resource_uri: str,
        resource: ElementTree.Element | None,
        option_set: OptionSet | None = None,
        selector_set: SelectorSet | None = None,
        timeout: int | None = None,
        *,
        retries_on_read_timeout: int = 0,
    ) -> ElementTree.Element:
        left = max(self.ends - monotonic(), 0.1)
        held_back = min(timeout or _POLL_SECONDS, left)
        self.transport.connection_timeout = min(_CONNECT_SECONDS, left)  # type: ignore[assignment]
        # A little more than the host is allowed, so that its own word comes first.
        self.transport.read_timeout = held_back + min(5.0, 0.5 + left / 2)  # type: ignore[assignment]
        self.operation_timeout = whole(held_back)
        return super().invoke(action, resource_uri, resource, option_set, selector_set, None)

    def start_afresh(self) -> None:
        """Drop the connection and the keys that belong to it; the next request signs in again."""
        self.transport.close()
        self.transport.session = None
        self.transport.encryption = None


class WinRmRunspace:
    """A shell on a host. After a pause of `idle_seconds` it makes a new connection."""

    def __init__(self, settings: HostSettings, password: str, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._wsman = _wsman(settings, password)
        self._pool = RunspacePool(self._wsman, configuration_name=settings.configuration_name)
        self._last_heard = monotonic()
        self._closed = False

    def open(self, seconds: float) -> None:
        """Create the shell and open the session. Raises whatever pypsrp raises."""
        self._wsman.ends = monotonic() + seconds
        self._pool.open()
        self._last_heard = monotonic()

    def describe(self) -> Mapping[str, str]:
        """See Runspace."""
        data: Any = self._pool.application_private_data
        table = getattr(data, "data", None)
        table = table.get("PSVersionTable") if isinstance(table, dict) else None
        if not isinstance(table, dict):
            return {}
        names = {"PSVersion": "powershell", "PSEdition": "edition"}
        return {name: str(table[key]) for key, name in names.items() if table.get(key)}

    def call(self, name: str, parameters: Mapping[str, object], seconds: float) -> Said:
        """See Runspace."""
        begun = monotonic()
        self._wsman.ends = begun + seconds
        if begun - self._last_heard > self._idle_seconds:
            self._wsman.start_afresh()
        shell = PowerShell(self._pool)
        shell.add_cmdlet(name).add_parameters(dict(parameters))
        try:
            self._begin(shell)
            self._until_ended(shell, begun + seconds)
        except BaseException:
            self._stop(shell)
            raise
        finally:
            self._pool.pipelines.pop(shell.id, None)
        self._last_heard = monotonic()
        troubles = tuple(_trouble(each) for each in shell.streams.error)
        if shell.state != PSInvocationState.COMPLETED and len(troubles) == 0:
            return Said((), (Trouble(f"the command ended in state {shell.state}, without an error"),))
        return Said(shell.output, troubles, tuple(str(each.message) for each in shell.streams.warning))

    def close(self) -> None:
        """See Runspace: the shell is deleted on the host."""
        if self._closed:
            return
        self._closed = True
        self._wsman.ends = monotonic() + STOP_SECONDS
        # A shell that is gone already, or a host that does not hear: there is nothing left to do.
        with contextlib.suppress(*_ANYTHING):
            self._pool.close()
        self._wsman.close()

    def start_afresh(self) -> None:
        """See _Bounded."""
        self._wsman.start_afresh()

    # A command's life

    def _begin(self, shell: PowerShell) -> None:
        """Raises Broken and NoAnswer."""
        begun = monotonic()
        try:
            # No bound parameters in the records that come back.
            shell.begin_invoke(remote_stream_options=0)
        except requests.ConnectTimeout as error:
            raise Broken(_words(error), sent=False) from None
        except requests.Timeout:
            raise NoAnswer(monotonic() - begun, usable=False) from None
        except _ANYTHING as error:
            raise Broken(_words(error), sent=not _turned_away(error)) from None

    def _until_ended(self, shell: PowerShell, end: float) -> None:
        """Raises Broken and NoAnswer."""
        begun = heard = monotonic()
        while shell.state == PSInvocationState.RUNNING:
            now = monotonic()
            if now >= end or now - heard >= SILENT_SECONDS:
                raise NoAnswer(now - begun, usable=self._stop(shell))
            before = len(shell.output)
            try:
                shell.poll_invoke(timeout=whole(min(end - now, _POLL_SECONDS)))
            except requests.Timeout:
                raise NoAnswer(monotonic() - begun, usable=False) from None
            except _ANYTHING as error:
                raise Broken(_words(error), sent=True) from None
            heard = monotonic() if len(shell.output) > before else heard

    def _stop(self, shell: PowerShell) -> bool:
        """Stop a command that runs; whether the session can be used on."""
        # Whatever was on the way when it went wrong stays on the old connection.
        self._wsman.start_afresh()
        if shell.state != PSInvocationState.RUNNING:
            return False
        self._wsman.ends = monotonic() + STOP_SECONDS
        try:
            shell.stop()
        except _ANYTHING:
            return False
        return True


def open_session(settings: HostSettings, password: str, seconds: float) -> WinRmRunspace:
    """Open a session. Raises UsageError, AuthError, ConnectFailed and TimedOut."""
    _check_packages(settings)
    begun = monotonic()
    try:
        runspace = WinRmRunspace(settings, password)
    except _ANYTHING as error:
        raise UsageError(f"{settings.name}: {_words(error)}", hint="see host in the profile") from None
    try:
        runspace.open(seconds)
    except requests.ReadTimeout:
        _abandon(runspace)
        raise TimedOut(
            f"{settings.name} opened no session within {monotonic() - begun:.0f} s",
            hint="allow more with --timeout",
            outcome_unknown=False,
        ) from None
    except HveAdminError:
        raise
    except Exception as error:
        # pypsrp and what signs in for it raise anything from OSError to their own roots.
        _abandon(runspace)
        raise opening_error(error, settings) from None
    except BaseException:
        _abandon(runspace)
        raise
    return runspace


def _abandon(runspace: WinRmRunspace) -> None:
    """Close what may have been opened half, over a connection that works."""
    runspace.start_afresh()
    runspace.close()


def opening_error(error: Exception, settings: HostSettings) -> HveAdminError:
    """What it means that no session was opened."""
    host, said = settings.name, _words(error)
    match error:
        case AuthenticationError():
            who = settings.username or "nobody by name"
            return AuthError(f"{host} did not let {who} in with {settings.auth.value}", hint=_WHO)
        case WSManFaultError() if error.code == UNKNOWN_CONFIGURATION:
            return ConnectFailed(
                f"{host} has no session configuration {settings.configuration_name}: {said}",
                hint="on the host, Get-PSSessionConfiguration lists them; see configuration_name in the profile",
            )
        case WSManFaultError() if error.code == 5:
            return AuthError(f"{host} let {settings.username} in, but not into PowerShell: {said}", hint=_MEMBER)
        case WSManFaultError():
            return ConnectFailed(f"{host} refused a session: {said}")
        case requests.exceptions.SSLError():
            return ConnectFailed(
                f"{host}: its certificate is not trusted: {said}",
                hint="say under host in the profile: ca, its authority's PEM file; name, as the certificate has it",
            )
        case requests.exceptions.ProxyError():
            return ConnectFailed(f"{host} cannot be reached through the proxy: {said}", hint="see proxy in the profile")
        case requests.ConnectionError():
            return ConnectFailed(f"{host} cannot be reached at {endpoint_of(settings)}: {said}", hint=_LISTENER)
        case ElementTree.ParseError():
            return ConnectFailed(f"{host} answers at {endpoint_of(settings)}, but not as WinRM: {said}", hint=_LISTENER)
        case WinRMError() | requests.RequestException():
            return ConnectFailed(f"{host} opened no session: {said}", hint=_LISTENER)
        case _:
            # Signing in failed on this side: no ticket, no credentials, a realm that is not known.
            return AuthError(f"nobody could be signed in to {host} with {settings.auth.value}: {said}", hint=_WHO)


def endpoint_of(settings: HostSettings) -> str:
    """`https://host:port/wsman`"""
    name = f"[{settings.name}]" if ":" in settings.name else settings.name
    port = settings.port or (5986 if settings.ssl else 5985)
    return f"{'https' if settings.ssl else 'http'}://{name}:{port}/{settings.path}"


def _wsman(settings: HostSettings, password: str) -> _Bounded:
    options: dict[str, Any] = {
        "port": settings.port,
        "username": settings.username or None,
        "password": password or None,
        "ssl": settings.ssl,
        "path": settings.path,
        "auth": settings.auth.value,
        "cert_validation": settings.ca or _systems_authorities() or True,
        # Only on loopback, where nobody listens on the way; the profile refuses it elsewhere.
        "encryption": "never" if settings.auth is HostAuth.BASIC and not settings.ssl else "auto",
        "proxy": settings.proxy or None,
        "no_proxy": is_loopback_name(settings.name),
        "negotiate_delegate": settings.negotiate_delegate or None,
        "negotiate_service": settings.negotiate_service or None,
        "negotiate_hostname_override": settings.negotiate_hostname or None,
    }
    if settings.auth is HostAuth.CERTIFICATE:
        options["certificate_pem"] = settings.certificate
        options["certificate_key_pem"] = settings.certificate_key or settings.certificate
    return _Bounded(settings.name, **options)


def _systems_authorities() -> str:
    """The file with the operating system's authorities, where it keeps them in one; else requests brings its own."""
    return ssl.get_default_verify_paths().cafile or ""


_PACKAGES: Mapping[HostAuth, tuple[str, ...]] = {
    HostAuth.KERBEROS: ("gssapi", "krb5"),
    HostAuth.CREDSSP: ("requests_credssp",),
}


def _check_packages(settings: HostSettings) -> None:
    """Raise UsageError where a way to sign in needs a package that is not installed."""
    needed = _PACKAGES.get(settings.auth, ())
    if settings.auth is HostAuth.KERBEROS and find_spec("sspilib") is not None:
        return  # Windows brings Kerberos along
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"auth: {settings.auth.value} needs {' and '.join(missing)}, which is not installed",
            hint=_INSTALL[settings.auth],
        )


_INSTALL: Mapping[HostAuth, str] = {
    HostAuth.KERBEROS: (
        "pip install 'hveadmin[kerberos]'; on Linux it is built, which needs a C compiler and the Kerberos headers"
        " first (Debian: apt install gcc python3-dev libkrb5-dev; Fedora: dnf install gcc python3-devel krb5-devel)"
    ),
    HostAuth.CREDSSP: "pip install 'hveadmin[credssp]'",
}


def _turned_away(error: Exception) -> bool:
    """Whether it says that nothing of a command was taken in."""
    fault = isinstance(error, WSManFaultError) and error.code == SHELL_LOST
    # TLS can also break in the answer, when the command is on its way: only a refused certificate comes before it.
    untrusted = isinstance(_innermost(error), ssl.SSLCertVerificationError)
    return fault or untrusted or isinstance(error, AuthenticationError)


def _words(error: Exception) -> str:
    """What an error says, without pypsrp's frame and without an address that may hold credentials."""
    if isinstance(error, WSManFaultError):
        return str(error.provider_fault or error.reason or f"a fault without details, code {error.code}")
    if isinstance(error, WinRMTransportError):
        return f"status {error.code}"
    if isinstance(error, requests.RequestException):
        return _own_words(_innermost(error))
    if isinstance(error, UnicodeError):
        # Its own words quote the name or the password.
        return "the name or the password has a character that cannot be sent this way"
    return str(error) or type(error).__name__


def _innermost(error: BaseException) -> BaseException:
    """What happened, below what requests and urllib3 wrap around it."""
    inner = [each for each in (getattr(error, "reason", None), *error.args) if isinstance(each, BaseException)]
    return _innermost(inner[0]) if len(inner) > 0 else error


def _own_words(seen: BaseException) -> str:
    """The operating system's or TLS's own words."""
    if isinstance(seen, OSError) and seen.strerror:
        return str(getattr(seen, "verify_message", "") or seen.strerror)
    text = str(seen.args[-1]) if seen.args else ""
    return _ERRNO.sub("", text.rpartition(": ")[2]) or type(seen).__name__


def _trouble(record: Any) -> Trouble:
    """An error record of pypsrp's. None of its parts is certain to be there."""
    exception = record.exception
    properties: dict[str, Any] = {}
    for each in ("adapted_properties", "extended_properties"):
        properties |= getattr(exception, each, None) or {}
    text = properties.get("Message") or record.details_message or str(record._to_string or "") or record.message or ""
    names = getattr(exception, "types", None) or [""]
    return Trouble(str(text), str(names[0]), str(record.fq_error or ""))


_WHO = "check username and password under host in the profile, and that this way to sign in is switched on there"
_MEMBER = "the account must be a member of Remote Management Users, or be named by the session configuration"
_LISTENER = (
    "on the host: Enable-PSRemoting, a listener for this scheme (winrm enumerate winrm/config/listener), and a firewall"
    " that lets it through"
)

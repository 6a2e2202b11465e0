"""Which wire a profile means: one line a transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hveadmin.domain.profile import ConnectBy, HostAuth, HostSettings, is_loopback_name, is_retired_endpoint
from hveadmin.errors import UsageError
from hveadmin.exchange.powershell.local import local_wire
from hveadmin.exchange.powershell.runspace import Runspace, Wire
from hveadmin.exchange.powershell.ssh import ssh_wire

RETIRED = "was Exchange Online's own remote PowerShell, which is gone since 2023"
INSTEAD = (
    "use transport: rest, which needs no host; or name a management host of yours where the module"
    " ExchangeOnlineManagement is installed"
)


def wire_of(transport: str, settings: HostSettings, password: Callable[[], str]) -> Wire:
    """
    The way to a profile's host. Nobody is contacted, and nothing is imported that takes long.

    `password` reads the host's password where one is needed. Raises UsageError for settings that this transport cannot
    be used with.
    """
    if settings.name and is_retired_endpoint(settings.name):
        raise UsageError(f"{settings.name} {RETIRED}", hint=INSTEAD)
    if transport != "local" and not settings.name:
        raise UsageError(f"transport {transport} needs a host's name", hint="say host: {name: …} in the profile")
    return _WIRES[transport](settings, password)


def _winrm_wire(settings: HostSettings, password: Callable[[], str]) -> Wire:
    if settings.auth in (HostAuth.BASIC, HostAuth.CERTIFICATE) and not settings.ssl and not _only_here(settings):
        raise UsageError(
            f"auth: {settings.auth.value} over http is not used: password and calls could be read on the way",
            hint="leave out ssl: false, or use auth: negotiate, which encrypts",
        )
    known = password() if settings.password is not None else ""

    def open_(seconds: float) -> Runspace:
        from hveadmin.exchange.powershell.winrm import open_session

        return open_session(settings, known, seconds)

    port = settings.port or (5986 if settings.ssl else 5985)
    facts = {
        "host": settings.name,
        "endpoint": f"{'https' if settings.ssl else 'http'}://{settings.name}:{port}/{settings.path}",
        "auth": settings.auth.value,
        "configuration": settings.configuration_name,
    }
    return Wire("winrm", facts, open_, (known,) if known else ())


def _only_here(settings: HostSettings) -> bool:
    return settings.auth is HostAuth.BASIC and is_loopback_name(settings.name)


_WIRES: Mapping[str, Callable[[HostSettings, Callable[[], str]], Wire]] = {
    "winrm": _winrm_wire,
    "ssh": lambda settings, _: ssh_wire(settings),
    "local": lambda settings, _: local_wire(settings),
}

TRANSPORTS = tuple(_WIRES)
"""The transports of this room, by name."""


def needs_exchange_token(settings: HostSettings) -> bool:
    """Whether sessions are connected with a token of whoever is signed in here."""
    return settings.connect is ConnectBy.ACCESS_TOKEN

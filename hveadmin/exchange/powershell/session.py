"""
What is run in a new session before the first cmdlet: the module is imported, Exchange is connected to, and the session
is asked which tenant that is.

The last one is rail 7 for this way in. Whoever signs in here has a token that names its tenant; the session has a
connection of its own, so it is asked with `Get-ConnectionInformation`, each time one is opened, and a session that
belongs to another tenant, or does not say to which, is not used. A JEA endpoint has to show that cmdlet as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hveadmin.domain.ids import NotAGuid, TenantId
from hveadmin.domain.profile import ConnectBy
from hveadmin.errors import AuthError, ConnectFailed, Refused, ServiceError
from hveadmin.exchange.cmdlet import CmdletName
from hveadmin.exchange.powershell.errors import UNKNOWN_COMMAND, Reported

MODULE = "ExchangeOnlineManagement"
MINIMUM_VERSION = "3.2.0"
"""The first version that connects with an access token and without WinRM's basic authentication [D]."""


class HostCommand(StrEnum):
    """The commands that are run on a host besides Exchange's cmdlets."""

    IMPORT = "Import-Module"
    CONNECT = "Connect-ExchangeOnline"
    WHOSE = "Get-ConnectionInformation"
    COMMANDS = "Get-Command"


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a host, with parameters as values. It is no cmdlet that changes a list."""

    name: HostCommand
    parameters: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def title(self) -> str:
        """The command's name."""
        return self.name.value

    @property
    def writes(self) -> bool:
        """Never: at worst a session is connected twice."""
        return False

    def __str__(self) -> str:
        return self.name.value


@dataclass(frozen=True, slots=True)
class Connecting:
    """How sessions of one run are connected, and to which tenant."""

    by: ConnectBy
    tenant: TenantId
    """Whose the session must be."""
    organization: str = ""
    """The tenant's domain; where nobody named one, its id is sent in its place [G]."""
    app_id: str = ""
    certificate_thumbprint: str = ""
    token: Callable[[], str] | None = field(default=None, repr=False)
    """A token for Exchange, where that is how to connect."""

    def steps(self) -> Sequence[Step]:
        """What to run, in this order. Raises AuthError or ConnectFailed where a token is needed and there is none."""
        if self.by is ConnectBy.PRECONNECTED:
            return (Step(HostCommand.WHOSE, _STOP),)
        return (
            Step(HostCommand.IMPORT, {"Name": MODULE, "MinimumVersion": MINIMUM_VERSION, **_STOP}),
            Step(HostCommand.CONNECT, {**_QUIETLY, **self._as_whom(), "Organization": self._where, **_STOP}),
            Step(HostCommand.WHOSE, _STOP),
        )

    @property
    def _where(self) -> str:
        return self.organization or self.tenant.value

    def _as_whom(self) -> dict[str, object]:
        match self.by:
            case ConnectBy.CERTIFICATE:
                return {"AppId": self.app_id, "CertificateThumbprint": self.certificate_thumbprint}
            case ConnectBy.MANAGED_IDENTITY:
                return {"ManagedIdentity": True}
            case _:
                assert self.token is not None  # noqa: S101 — the wiring gives one for this way
                return {"AccessToken": self.token()}


_STOP: Mapping[str, object] = {"ErrorAction": "Stop"}
# Only our own cmdlets are fetched: it is what makes connecting quick, and what keeps the others out of reach.
_QUIETLY: Mapping[str, object] = {
    "ShowBanner": False,
    "SkipLoadingFormatData": True,
    "CommandName": [name.value for name in CmdletName],
}


def which_commands() -> Step:
    """Which of our cmdlets the session has: those that a role of the caller holds, and the endpoint shows."""
    names = [name.value for name in CmdletName]
    return Step(HostCommand.COMMANDS, {"Name": names, "ErrorAction": "SilentlyContinue"})


def refusal(step: Step, reported: Reported, host: str) -> ServiceError | AuthError:
    """What it means that a step failed."""
    fault = reported.fault
    unknown = UNKNOWN_COMMAND in fault.exception
    if step.name is HostCommand.IMPORT:
        return ConnectFailed(f"{host} has no module {MODULE} {MINIMUM_VERSION} or later: {fault.text}", hint=_INSTALL)
    if unknown and step.name is HostCommand.CONNECT:
        return ConnectFailed(f"the session on {host} has no {step}: {fault.text}", hint=_CONFIGURATION)
    if unknown:
        return ConnectFailed(
            f"the session on {host} does not say which tenant it is connected to: {fault.text}", hint=_SHOW_WHOSE
        )
    return _not_connected(host, reported)


def _not_connected(host: str, reported: Reported) -> ServiceError | AuthError:
    said = f"Exchange Online could not be connected to from {host}: {reported.fault.text}"
    passes = reported.status == 429 or reported.status >= 500
    return ConnectFailed(said, hint="try again later") if passes else AuthError(said, hint=_ROLE)


def judge_tenant(records: Sequence[Mapping[str, object]], wanted: TenantId, host: str) -> None:
    """Raise Refused unless every connection of the session is to this tenant, ConnectFailed where there is none."""
    if len(records) == 0:
        raise ConnectFailed(
            f"the session on {host} is not connected to Exchange Online",
            hint="a JEA endpoint connects in its startup script: see what that says on the host",
        )
    for record in records:
        found = _tenant_of(record)
        if found is None:
            raise Refused(f"the session on {host} does not say which tenant it is connected to; nothing was read")
        if found != wanted:
            raise Refused(
                f"the session on {host} is connected to tenant {found}, not to {wanted}; nothing was read or written",
                hint="check organization, app_id and configuration_name under host in the profile",
            )


def _tenant_of(record: Mapping[str, object]) -> TenantId | None:
    named = next((value for key, value in record.items() if key.casefold() == "tenantid"), None)
    try:
        return TenantId.parse(named if isinstance(named, str) else "")
    except NotAGuid:
        return None


def names_of(records: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """The names of commands."""
    return frozenset(name for record in records if isinstance(name := record.get("Name"), str))


_INSTALL = (
    f"on the host, as administrator: Install-Module {MODULE} -Scope AllUsers; or name another host in the profile"
)
_CONFIGURATION = (
    "a JEA endpoint is connected already: say `connect: preconnected` in the profile, or name a configuration of a"
    " full PowerShell"
)
_SHOW_WHOSE = (
    f"let the endpoint's role capability show {HostCommand.WHOSE.value}: without it nobody can tell that it is the"
    " right tenant"
)
_ROLE = (
    "whoever connects needs the permission Exchange.ManageAsApp and a role such as Exchange Recipient Administrator;"
    " and organization, under host in the profile, must be the tenant's own .onmicrosoft.com domain"
)

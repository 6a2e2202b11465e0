"""
What a runspace knows: the module that was imported, the connection to Exchange, and the commands that follow from it.

Everything is plain values here. A command is run to its end and its outcome is given back whole; how an outcome goes
over the wire is the engine's business. Faults for calls are played here, because they belong to a command.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hveadmin.sandbox import cmdlets
from hveadmin.sandbox.cmdlets import NotPermitted, Record
from hveadmin.sandbox.faults import CONCURRENCY_TEXT, Fault, FaultKind, Surface
from hveadmin.sandbox.psrp.failures import (
    Failure,
    ambiguous_parameters,
    cannot_prompt,
    http_trouble,
    module_not_found,
    no_such_command,
    refused_by_exchange,
    service_trouble,
    unknown_command,
    unknown_parameter,
)
from hveadmin.sandbox.psrp.host import MODULE, MODULE_VERSION, Configuration, Connection, ManagementHost
from hveadmin.sandbox.tenant import CmdletError

_COMMON = frozenset(
    {
        "erroraction",
        "warningaction",
        "informationaction",
        "progressaction",
        "verbose",
        "debug",
    }
)
_SWITCHES = frozenset({"hveaccount", "confirm", "whatif", "verbose", "debug", "managedidentity"})
"""Parameters that are on when they are named without a value."""

_IMPORT = frozenset({"name", "minimumversion", "requiredversion", "force", "passthru", "global", "disablenamechecking"})
_CONNECT = frozenset(
    {
        "accesstoken",
        "appid",
        "certificatethumbprint",
        "commandname",
        "exchangeenvironmentname",
        "managedidentity",
        "managedidentityaccountid",
        "organization",
        "showbanner",
        "showprogress",
        "skiploadingcmdlethelp",
        "skiploadingformatdata",
    }
)
_HTTP_TROUBLE = {
    FaultKind.THROTTLE: (429, CONCURRENCY_TEXT),
    FaultKind.UNAVAILABLE: (503, "Service Unavailable"),
    FaultKind.NUL_BYTES: (403, ""),
}
"""Faults of the service as the module on the host reports them."""

_MAIL_USER = "Microsoft.Exchange.Data.Directory.Management.MailUser"
_CONNECTION_INFORMATION = "Microsoft.Exchange.Management.ExoPowershellSnapin.ConnectionInformation"  # [G]
_OTHER_RECORD = "System.Management.Automation.PSCustomObject"
"""[G]: what type the other cmdlets' objects claim to be."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One command as a client asked for it. Parameters keep the spelling they came in; values are plain."""

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)

    def given(self, name: str) -> object:
        """A parameter's value whatever its case; None where it is missing."""
        return next((value for key, value in self.parameters.items() if key.lower() == name.lower()), None)

    def text(self, name: str) -> str:
        value = self.given(name)
        return "" if value is None else str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A parameter that may be one value or a list."""
        value = self.given(name)
        several = value if isinstance(value, list) else [] if value is None else [value]
        return tuple(str(each) for each in several)

    @property
    def stops_on_error(self) -> bool:
        # By name, or by the number of the enum's value.
        return self.text("ErrorAction").lower() in ("stop", "1")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left: records with their type's name, warnings, and its errors."""

    records: Sequence[Record] = ()
    type_name: str = _OTHER_RECORD
    warnings: Sequence[str] = ()
    errors: Sequence[Failure] = ()
    """Errors that did not end the pipeline."""
    ended_by: Failure | None = None


class SessionGone(Exception):
    """A fault ended the whole session. Whether the command had been executed before is in `executed`."""

    def __init__(self, *, executed: bool) -> None:
        super().__init__(executed)
        self.executed = executed


class Stopped(Exception):
    """The pipeline was stopped while the command waited."""


class Session:
    """One runspace. Commands are run one after the other, from any thread."""

    def __init__(self, host: ManagementHost, configuration: Configuration) -> None:
        self._host = host
        self._configuration = configuration
        self._connection: Connection | None = None
        self._wanted: frozenset[str] = frozenset()
        if configuration.preconnected:
            self._connection = host.preconnection(configuration)
            self._wanted = frozenset(each.lower() for each in configuration.visible)

    @property
    def language(self) -> str:
        """PowerShell's name for what scripts may do: everything, or nothing."""
        return "NoLanguage" if self._configuration.preconnected else "FullLanguage"

    def run(self, asked: Invocation, stopped: threading.Event) -> Outcome:
        """
        Run one command.

        Raises SessionGone or Stopped where a fault says so; every other failure is part of the outcome.
        """
        faults = self._faults(asked)
        try:
            _play_before(asked, faults, stopped, self._host)
            outcome = self._command(asked.name)(asked)
        except Failure as failure:
            ends = failure.terminating or asked.stops_on_error
            return Outcome(ended_by=failure) if ends else Outcome(errors=(failure,))
        if any(fault.kind is FaultKind.REPLY_LOST for fault in faults):
            raise SessionGone(executed=True)
        return outcome

    def _faults(self, asked: Invocation) -> list[Fault]:
        identity = asked.text("Identity")
        account = None if self._connection is None else self._connection.tenant.find(identity)
        address = identity if account is None else account.address
        return self._host.faults.take_for_call("", asked.name, address, Surface.PSRP)

    # Which commands there are

    def _command(self, name: str) -> Callable[[Invocation], Outcome]:
        """What runs this command. Raises Failure where it cannot be seen from here."""
        if name.lower() == "get-command":
            return self._get_command
        if name.lower() == "get-connectioninformation" and self._host.switches().psrp_module:
            return self._get_connection_information
        own = {} if self._configuration.preconnected else self._administrators_commands()
        found = own.get(name.lower())
        if found is not None:
            return found
        if name.lower() in {each.lower() for each in self._exchange_cmdlets()}:
            return self._exchange
        raise unknown_command(name)

    def _administrators_commands(self) -> Mapping[str, Callable[[Invocation], Outcome]]:
        always = {"import-module": self._import_module}
        if not self._host.switches().psrp_module:
            return always
        # A module's commands can be used without importing it first: PowerShell loads it then.
        return always | {"connect-exchangeonline": self._connect, "disconnect-exchangeonline": self._disconnect}

    def _exchange_cmdlets(self) -> tuple[str, ...]:
        """The Exchange cmdlets that this session shows: those of the caller's roles, narrowed to what was asked for."""
        if self._connection is None:
            return ()
        permitted = self._connection.permitted()
        return tuple(each for each in permitted if not self._wanted or each.lower() in self._wanted)

    # Commands

    def _get_command(self, asked: Invocation) -> Outcome:
        _check_parameters(asked, frozenset({"name"}))
        own = (
            ("Get-ConnectionInformation",)
            if self._configuration.preconnected
            else ("Connect-ExchangeOnline", "Get-ConnectionInformation", "Import-Module")
        )
        there = {each.lower(): each for each in ("Get-Command", *own, *self._exchange_cmdlets())}
        names = asked.texts("Name") or tuple(there.values())
        missing = [no_such_command(name) for name in names if name.lower() not in there]
        if missing and asked.stops_on_error:
            raise missing[0]
        found: list[Record] = [
            {"CommandType": "Function", "Name": there[name.lower()], "Source": MODULE}
            for name in names
            if name.lower() in there
        ]
        return Outcome(found, errors=missing)

    def _import_module(self, asked: Invocation) -> Outcome:
        _check_parameters(asked, _IMPORT)
        name, version = asked.text("Name"), asked.text("MinimumVersion") or asked.text("RequiredVersion")
        installed = name.lower() == MODULE.lower() and self._host.switches().psrp_module
        if not installed or _numbers(asked.text("MinimumVersion")) > MODULE_VERSION:
            raise module_not_found(name, version)
        if asked.text("RequiredVersion") and _numbers(asked.text("RequiredVersion")) != MODULE_VERSION:
            raise module_not_found(name, version)
        return Outcome()

    def _connect(self, asked: Invocation) -> Outcome:
        _check_parameters(asked, _CONNECT)
        organization = asked.text("Organization")
        if not organization:
            raise ambiguous_parameters(asked.name)
        if asked.given("AccessToken") is not None:
            connection = self._host.connect_with_token(asked.text("AccessToken"), organization)
        elif asked.given("CertificateThumbprint") is not None and asked.given("AppId") is not None:
            connection = self._host.connect_with_certificate(
                asked.text("CertificateThumbprint"), asked.text("AppId"), organization
            )
        elif asked.given("ManagedIdentity") is True:
            connection = self._host.connect_with_identity(organization)
        else:
            raise ambiguous_parameters(asked.name)
        self._connection = connection
        self._wanted = frozenset(each.lower() for each in asked.texts("CommandName"))
        return Outcome()

    def _get_connection_information(self, asked: Invocation) -> Outcome:
        """What a session is connected to [D: its output's properties; only some of them are played]."""
        _check_parameters(asked, frozenset({"connectionid", "modulename"}))
        if self._connection is None:
            return Outcome()
        connection = self._connection
        record: Record = {
            "ConnectionUri": "https://outlook.office365.com",
            "State": "Connected",
            "TenantID": connection.tenant.tenant_id,
            "TokenStatus": "Active",
        }
        return Outcome([record], _CONNECTION_INFORMATION)

    def _disconnect(self, asked: Invocation) -> Outcome:
        _check_parameters(asked, frozenset({"confirm"}))
        if asked.given("Confirm") is not False:
            # It asks by default, and there is nobody to answer.
            raise cannot_prompt(asked.name, "Are you sure you want to perform this action?")
        self._connection = None
        return Outcome()

    def _exchange(self, asked: Invocation) -> Outcome:
        """Run a cmdlet of Exchange's for whoever is connected."""
        known = cmdlets.parameters_of(asked.name)
        unknown = [name for name in asked.parameters if name.lower() not in known | _COMMON]
        if unknown:
            raise unknown_parameter(asked.name, unknown[0])
        if self._connection is None:
            raise unknown_command(asked.name)
        given = {name: value for name, value in asked.parameters.items() if name.lower() in known}
        try:
            answer = cmdlets.run(self._connection.tenant, self._connection.wids, asked.name, given)
        except NotPermitted:
            raise unknown_command(asked.name) from None
        except CmdletError as error:
            raise refused_by_exchange(asked.name, error, self._host.clock()) from None
        if answer.confirmation:
            raise cannot_prompt(asked.name, answer.confirmation)
        type_name = _MAIL_USER if asked.name.lower() == "get-mailuser" else _OTHER_RECORD
        return Outcome(answer.records, type_name, answer.warnings)


def with_switches(parameters: Mapping[str, object]) -> dict[str, object]:
    """Parameters where a switch that was named without a value is on."""
    return {name: True if value is None and name.lower() in _SWITCHES else value for name, value in parameters.items()}


def _check_parameters(asked: Invocation, known: frozenset[str]) -> None:
    unknown = [name for name in asked.parameters if name.lower() not in known | _COMMON]
    if unknown:
        raise unknown_parameter(asked.name, unknown[0])


def _numbers(version: str) -> tuple[int, ...]:
    """A version's numbers; nothing for what is no version."""
    parts = version.split(".")
    return tuple(int(each) for each in parts) if all(each.isdecimal() for each in parts) else ()


def _play_before(asked: Invocation, faults: Sequence[Fault], stopped: threading.Event, host: ManagementHost) -> None:
    """The faults that strike before anything is executed."""
    for fault in faults:
        match fault.kind:
            case FaultKind.LATENCY:
                if stopped.wait(fault.seconds):
                    raise Stopped
            case FaultKind.HANG:
                stopped.wait()
                raise Stopped
            case FaultKind.SESSION_LOST:
                raise SessionGone(executed=False)
            case FaultKind.TRANSIENT:
                text = "A transient error occurred while the command was running. Please try again."
                raise service_trouble(asked.name, fault.exception, text, host.clock())
            case FaultKind.THROTTLE | FaultKind.UNAVAILABLE | FaultKind.NUL_BYTES:
                status, body = _HTTP_TROUBLE[fault.kind]
                raise http_trouble(asked.name, status, body, host.clock())
            case _:
                # What breaks an HTTP body between the service and its module does not reach this wire.
                pass

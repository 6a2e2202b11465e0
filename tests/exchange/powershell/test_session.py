"""What is run in a new session, and what its answers mean; and the transport over a runspace that a test plays."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from builders import TENANT, address
from psrpcore.types import PSCustomObject, PSNoteProperty
from transport_ways import ImpatientClock

from hveadmin.domain.ids import TenantId
from hveadmin.domain.profile import ConnectBy, HostSettings
from hveadmin.errors import AuthError, ConnectFailed, Refused, SessionLost, TimedOut, UnreadableReply
from hveadmin.exchange.cmdlet import CmdletName, grant, list_accounts, settings_of
from hveadmin.exchange.powershell.quiet import LIBRARIES, quiet_libraries
from hveadmin.exchange.powershell.runspace import Broken, NoAnswer, Runspace, Said, Trouble, Wire
from hveadmin.exchange.powershell.session import Connecting, HostCommand, judge_tenant
from hveadmin.exchange.powershell.ssh import ssh_command
from hveadmin.exchange.powershell.transport import PowerShellTransport
from hveadmin.wire.deadline import Deadline

OTHER = TenantId.parse("00000000-dead-4bad-8bad-00000000beef")
NOT_THERE = Trouble("The term is not recognized", "System.Management.Automation.CommandNotFoundException", "X")


def obj(**properties: object) -> PSCustomObject:
    made: PSCustomObject = PSCustomObject(**properties)
    return made


@dataclass
class Played(Runspace):
    """A runspace that does what a test says, by the command's name; what it does not name it does without a word."""

    answers: Mapping[str, Callable[[], Said]] = field(default_factory=dict)
    called: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    closed: int = 0

    def call(self, name: str, parameters: Mapping[str, object], seconds: float) -> Said:
        self.called.append((name, parameters))
        if name == HostCommand.WHOSE and name not in self.answers:
            return Said([obj(TenantID=TENANT.value)])
        return self.answers[name]() if name in self.answers else Said([])

    def describe(self) -> Mapping[str, str]:
        return {}

    def close(self) -> None:
        self.closed += 1

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.called]


def transport(*runspaces: Played, by: ConnectBy = ConnectBy.PRECONNECTED, seconds: float = 30) -> PowerShellTransport:
    waiting = list(runspaces)
    wire = Wire("winrm", {"host": "jump01"}, lambda _: waiting.pop(0), ("hunter2",))
    clock = ImpatientClock()
    connecting = Connecting(by, TENANT, "contoso.onmicrosoft.com", "app", "F00D", token=lambda: "eyJ-the-token")
    return PowerShellTransport(wire, connecting, clock=clock, deadline=Deadline(clock, seconds), jitter=lambda: 0.0)


def broken(*, sent: bool) -> Callable[[], Said]:
    def play() -> Said:
        raise Broken("gone", sent=sent)

    return play


def silent(*, usable: bool) -> Callable[[], Said]:
    def play() -> Said:
        raise NoAnswer(7, usable=usable)

    return play


def troubled(trouble: Trouble) -> Callable[[], Said]:
    return lambda: Said([], (trouble,))


# --- connecting ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "as_whom"),
    [
        (ConnectBy.ACCESS_TOKEN, {"AccessToken": "eyJ-the-token"}),
        (ConnectBy.CERTIFICATE, {"AppId": "app", "CertificateThumbprint": "F00D"}),
        (ConnectBy.MANAGED_IDENTITY, {"ManagedIdentity": True}),
    ],
)
def test_a_session_is_imported_connected_and_asked(by: ConnectBy, as_whom: dict[str, object]) -> None:
    host = Played()
    transport(host, by=by).reach()
    assert host.names == ["Import-Module", "Connect-ExchangeOnline", "Get-ConnectionInformation"]
    given = host.called[1][1]
    assert given == {
        "ShowBanner": False,
        "SkipLoadingFormatData": True,
        "CommandName": [each.value for each in CmdletName],
        **as_whom,
        "Organization": "contoso.onmicrosoft.com",
        "ErrorAction": "Stop",
    }


def test_an_endpoint_that_is_connected_already_is_only_asked() -> None:
    host = Played()
    transport(host).reach()
    assert host.names == ["Get-ConnectionInformation"]


def test_a_session_is_opened_late_and_once() -> None:
    host = Played()
    opened = transport(host)
    assert host.called == []
    opened.run(list_accounts())
    opened.run(list_accounts())
    assert host.names == ["Get-ConnectionInformation", "Get-MailUser", "Get-MailUser"]
    opened.close()
    assert host.closed == 1


@pytest.mark.parametrize(
    ("records", "error", "said"),
    [
        ([], ConnectFailed, "is not connected to Exchange Online"),
        ([{"TenantID": OTHER.value}], Refused, "is connected to tenant 00000000-dead"),
        ([{"TenantID": TENANT.value}, {"TenantID": OTHER.value}], Refused, "is connected to tenant 00000000-dead"),
        ([{"Organization": "contoso"}], Refused, "does not say which tenant"),
        ([{"TenantID": None}], Refused, "does not say which tenant"),
        ([{"TenantID": "contoso"}], Refused, "does not say which tenant"),
    ],
)
def test_a_session_must_be_of_the_right_tenant_and_say_so(
    records: list[dict[str, object]], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        judge_tenant(records, TENANT, "jump01")


@pytest.mark.parametrize("name", ["TenantID", "TenantId"])
def test_the_right_tenant_is_the_right_one_however_it_is_written(name: str) -> None:
    judge_tenant([{name: TENANT.value.upper()}], TENANT, "jump01")


@pytest.mark.parametrize(
    ("by", "command", "trouble", "error", "said"),
    [
        ("access_token", "Import-Module", Trouble("no such file"), ConnectFailed, "has no module"),
        ("access_token", "Connect-ExchangeOnline", Trouble("UnAuthorized"), AuthError, "could not be connected to"),
        ("access_token", "Connect-ExchangeOnline", Trouble("HttpStatusCode=503"), ConnectFailed, "could not be"),
        ("access_token", "Connect-ExchangeOnline", NOT_THERE, ConnectFailed, "has no Connect-ExchangeOnline"),
        ("preconnected", "Get-ConnectionInformation", NOT_THERE, ConnectFailed, "does not say which tenant"),
    ],
)
def test_a_step_that_fails_says_what_that_means_and_closes(
    by: str, command: str, trouble: Trouble, error: type[Exception], said: str
) -> None:
    host = Played({command: troubled(trouble)})
    with pytest.raises(error, match=said):
        transport(host, by=ConnectBy(by)).run(list_accounts())
    assert host.closed == 1
    assert "Get-MailUser" not in host.names


def test_a_token_that_is_repeated_in_an_error_is_struck_out() -> None:
    host = Played({"Connect-ExchangeOnline": troubled(Trouble("bad token eyJ-the-token and hunter2"))})
    with pytest.raises(AuthError) as caught:
        transport(host, by=ConnectBy.ACCESS_TOKEN).reach()
    assert caught.value.message.endswith("bad token *** and ***")


def test_a_step_shows_no_token_when_it_is_printed() -> None:
    connecting = Connecting(ConnectBy.ACCESS_TOKEN, TENANT, token=lambda: "eyJ-the-token")
    assert "eyJ" not in repr(connecting.steps())


# --- a session that breaks ----------------------------------------------------------------------------------------


def test_a_read_opens_another_session_once() -> None:
    breaks = broken(sent=True)
    first, second = Played(), Played({"Get-MailUser": breaks})
    opened = transport(first, second)
    opened.run(list_accounts())
    first.answers = {"Get-MailUser": breaks}
    with pytest.raises(SessionLost) as caught:
        opened.run(list_accounts())
    assert not caught.value.outcome_unknown
    assert (first.closed, second.closed) == (1, 1)


def test_a_read_in_a_new_session_that_breaks_is_not_tried_again() -> None:
    host = Played({"Get-MailUser": broken(sent=True)})
    with pytest.raises(SessionLost):
        transport(host).run(list_accounts())


@pytest.mark.parametrize("sent", [True, False])
def test_a_write_is_not_sent_again_and_is_unknown_if_it_may_have_been_sent(sent: bool) -> None:
    host, another = Played(), Played()
    opened = transport(host, another)
    opened.run(list_accounts())
    host.answers = {"Add-HVEAppAccess": broken(sent=sent)}
    with pytest.raises(SessionLost) as caught:
        opened.run(grant(address("payroll"), ()))
    assert caught.value.outcome_unknown is sent
    assert another.called == []


@pytest.mark.parametrize("usable", [True, False])
def test_a_session_that_stopped_in_time_is_used_on_and_one_that_did_not_is_closed(usable: bool) -> None:
    host = Played({"Get-MailUser": silent(usable=usable)})
    opened = transport(host, Played())
    with pytest.raises(TimedOut, match="jump01 did not answer, silent for 7 s"):
        opened.run(list_accounts())
    opened.run(settings_of(address("payroll")))
    assert (host.closed == 0) is usable
    assert ("Get-HVEAccountSettings" in host.names) is usable


def test_ctrl_c_closes_the_session() -> None:
    def press() -> Said:
        raise KeyboardInterrupt

    host = Played({"Get-MailUser": press})
    with pytest.raises(KeyboardInterrupt):
        transport(host).run(list_accounts())
    assert host.closed == 1


def test_an_answer_that_is_no_object_is_unreadable_and_not_empty() -> None:
    with pytest.raises(UnreadableReply):
        transport(Played({"Get-MailUser": lambda: Said(["text"])})).run(list_accounts())


def test_a_listing_that_was_cut_short_is_no_listing() -> None:
    warning = "WARNING: There are more results available than are currently displayed."
    cut_short = Said([obj(PrimarySmtpAddress="a@contoso.com")], warnings=("something else", warning))
    with pytest.raises(UnreadableReply, match="more results than came"):
        transport(Played({"Get-MailUser": lambda: cut_short})).run(list_accounts())


def test_an_object_that_contains_itself_is_unreadable() -> None:
    loop = obj()
    loop.PSObject.extended_properties.append(PSNoteProperty("AllowedApps", loop))
    with pytest.raises(UnreadableReply, match="contains itself"):
        transport(Played({"Get-HVEAccountSettings": lambda: Said([loop])})).run(settings_of(address("payroll")))


def test_that_the_cmdlets_cannot_be_asked_for_is_not_that_there_are_none() -> None:
    host = Played({"Get-Command": troubled(NOT_THERE)})
    with pytest.raises(UnreadableReply, match="does not say which cmdlets it has"):
        transport(host).exported_cmdlets()


def test_that_no_cmdlet_is_there_is_an_answer() -> None:
    missing = Trouble(
        "x", NOT_THERE.exception, "CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand"
    )
    assert transport(Played({"Get-Command": troubled(missing)})).exported_cmdlets() == frozenset()


# --- beside it ----------------------------------------------------------------------------------------------------


def test_the_ssh_command_has_what_the_profile_adds() -> None:
    settings = HostSettings(
        name="jump01",
        port=2222,
        username="svc",
        identity_file="/k/50%",
        known_hosts="/h/a b",
        ssh_config="/c",
        ssh_options=("ConnectTimeout=10",),
        subsystem="pwsh",
    )
    assert ssh_command(settings) == [
        "ssh", "-T", "-o", "BatchMode=yes", "-F", "/c", "-p", "2222", "-i", "/k/50%%",
        "-o", 'UserKnownHostsFile="/h/a b"', "-o", "ConnectTimeout=10", "svc@jump01", "-s", "pwsh",
    ]  # fmt: skip


def test_the_libraries_loggers_are_clamped_also_those_that_had_a_level_of_their_own() -> None:
    loud = logging.getLogger("pypsrp.wsman")
    loud.setLevel(logging.DEBUG)
    quiet_libraries()
    for name in (*LIBRARIES, "pypsrp.wsman", "spnego._ntlm", "psrpcore.types"):
        assert not logging.getLogger(name).isEnabledFor(logging.WARNING)

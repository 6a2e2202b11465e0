"""`sandbox pwsh`: a child process that speaks PSRP over its stdin and stdout, as a client of psrpcore's meets it."""

from __future__ import annotations

import dataclasses
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psrpcore
import pytest
from exchange_wire import PAYROLL
from management_host import CONTOSO_DOMAIN, MODULE, StdioClient, pwsh
from psrpcore.types import PSInvocationState

from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.server import Sandbox

SHOP = "hve-shop@contoso.com"
POOL = uuid.UUID(int=0)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox.open(tmp_path / "sandbox.db") as sandbox:
        yield sandbox


def session(sandbox: Sandbox, configuration: str = "HVEAdmin") -> StdioClient:
    return StdioClient(pwsh(sandbox.path, configuration=configuration))


def test_a_session_connects_reads_and_writes_and_ends(sandbox: Sandbox) -> None:
    with session(sandbox, "Microsoft.PowerShell").open() as client:
        assert not client.call("Import-Module", **MODULE).errors
        assert not client.call("Connect-ExchangeOnline", ManagedIdentity=True, Organization=CONTOSO_DOMAIN).errors
        listed = client.call("Get-MailUser", HVEAccount=True)
        assert (listed.state, len(listed.output)) == (PSInvocationState.Completed, 14)
        added = client.call("Add-HVEAppAccess", Identity=SHOP, AppIds=[uuid.UUID(PAYROLL)], Confirm=False)
        assert (added.state, added.errors) == (PSInvocationState.Completed, [])
        assert client.close() == 0
    assert PAYROLL in sandbox.tenant("contoso").account(SHOP).allowed_apps
    (counts,) = sandbox.remoting_processes()
    assert (counts.shells_opened, counts.shells_open, counts.pipelines_started, counts.pipelines_running) == (
        1,
        0,
        4,
        0,
    )
    assert counts.commands["Get-MailUser"] == 1


def test_an_error_fails_the_pipeline_and_carries_exchanges_text(sandbox: Sandbox) -> None:
    with session(sandbox).open() as client:
        said = client.call("Get-HVEAccountSettings", Identity="nobody", ErrorAction="Stop")
        assert said.state is PSInvocationState.Failed
        text, error_id = said.error
        assert text.startswith("Ex6F9304|Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException|")
        assert error_id.endswith("],Write-ErrorMessage")
        assert client.close() == 0


def test_a_stopped_pipeline_leaves_a_session_that_can_be_used(sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Add-HVEAppAccess"))
    with session(sandbox).open() as client:
        hung = client.start("Add-HVEAppAccess", Identity=SHOP, AppIds=[uuid.UUID(PAYROLL)])
        assert client.stop(hung).state is PSInvocationState.Stopped
        assert len(client.call("Get-MailUser", HVEAccount=True).output) == 14
        assert client.close() == 0
    assert PAYROLL not in sandbox.tenant("contoso").account(SHOP).allowed_apps


def test_a_pipeline_that_is_closed_while_it_runs_is_stopped(sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Get-MailUser"))
    with session(sandbox).open() as client:
        hung = client.start("Get-MailUser", HVEAccount=True)
        client.tell("Close", hung.pipeline_id)
        assert client.call("Get-HVEAccountSettings", Identity=SHOP).output
        assert client.close() == 0


def test_a_large_output_comes_whole_in_elements_of_a_bounded_size(sandbox: Sandbox) -> None:
    sandbox.reseed("fleet:1x1000x0")
    with session(sandbox).open() as client:
        listed = client.call("Get-MailUser", HVEAccount=True)
        assert len({str(each.Guid) for each in listed.output}) == 1000
        assert max(client.sizes) <= 32 * 1024
        assert client.close() == 0


def test_what_was_acknowledged_is_in_the_order_of_what_was_asked(sandbox: Sandbox) -> None:
    with session(sandbox).open() as client:
        client.call("Get-HVEAccountSettings", Identity=SHOP)
        client.close()
    assert [kind for kind, _ in client.acks] == ["DataAck", "CommandAck", "DataAck", "CloseAck", "CloseAck"]
    assert client.pool_states[-1] == "Closed"


def test_secrets_can_be_exchanged(sandbox: Sandbox) -> None:
    with session(sandbox, "Microsoft.PowerShell").open() as client:
        client.pool.exchange_key()
        client.send_all()
        said = client.call("Connect-ExchangeOnline", AccessToken="no token", Organization=CONTOSO_DOMAIN)
        assert said.error[0] == "UnAuthorized"
        assert client.close() == 0


def test_a_host_may_print_something_before_the_protocol(sandbox: Sandbox) -> None:
    sandbox.set_switches(dataclasses.replace(sandbox.switches, psrp_noise=True))
    with session(sandbox).open() as client:
        assert client.noise == [b"Welcome to SBXHOST01. Authorised use only."]
        assert client.close() == 0


# --- how it ends --------------------------------------------------------------------------------------------------


def test_a_client_that_hangs_up_ends_it_quietly(sandbox: Sandbox) -> None:
    with session(sandbox).open() as client:
        assert client.child.stdin is not None
        client.child.stdin.close()
        assert client.ended() == (0, "")
    assert sandbox.remoting_processes()[0].shells_open == 0


def test_a_client_that_hangs_up_in_the_middle_of_a_call_leaves_no_process(sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Get-MailUser"))
    with session(sandbox).open() as client:
        client.start("Get-MailUser", HVEAccount=True)
        assert client.child.stdin is not None
        client.child.stdin.close()
        assert client.ended()[0] == 0


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"hello\n", id="no XML"),
        pytest.param(b"<Data PSGuid='no id'>AAAA</Data>\n", id="no id"),
        pytest.param(b"<Dance PSGuid='00000000-0000-0000-0000-000000000000' />\n", id="no such element"),
        pytest.param(b"<Command PSGuid='00000000-0000-0000-0000-000000000000' />\n", id="a pipeline without an id"),
        pytest.param(b"<Data PSGuid='00000000-0000-0000-0000-000000000000'>!</Data>\n", id="no base64"),
        pytest.param(b"<Data PSGuid='00000000-0000-0000-0000-000000000000'>AAAA</Data>\n", id="no fragment"),
        pytest.param(b"<!DOCTYPE a [<!ENTITY b 'c'>]><Data PSGuid='&b;' />\n", id="a document type"),
    ],
)
def test_nonsense_ends_it_with_a_word_on_stderr(sandbox: Sandbox, line: bytes) -> None:
    with session(sandbox) as client:
        assert client.child.stdin is not None
        client.child.stdin.write(line)
        client.child.stdin.flush()
        code, said = client.ended()
    assert (code, said) == (1, "the session ended: what the client sent is no PSRP\n")


def test_an_unknown_configuration_is_a_usage_error_that_names_those_there_are(sandbox: Sandbox) -> None:
    with session(sandbox, "Nothing") as client:
        code, said = client.ended()
    assert code == 2
    assert "'Nothing' is no session configuration" in said
    assert "HVEAdmin.Reader" in said


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        pytest.param(Fault(FaultKind.SESSION_LOST, cmdlet="Add-HVEAppAccess"), False, id="before"),
        pytest.param(Fault(FaultKind.REPLY_LOST, cmdlet="Add-HVEAppAccess"), True, id="after"),
        pytest.param(Fault(FaultKind.SESSION_LOST, Surface.PSRP, path="Command"), False, id="at once"),
    ],
)
def test_a_child_that_dies_did_it_or_not(sandbox: Sandbox, fault: Fault, done: bool) -> None:
    sandbox.add_fault(fault)
    with session(sandbox).open() as client:
        with pytest.raises(EOFError):
            client.call("Add-HVEAppAccess", Identity=SHOP, AppIds=[uuid.UUID(PAYROLL)])
        assert client.ended() == (1, "the session ended: a fault ended it\n")
    assert (PAYROLL in sandbox.tenant("contoso").account(SHOP).allowed_apps) is done


def test_a_deaf_host_answers_nothing_and_ends_when_its_client_hangs_up(sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.HANG, Surface.PSRP, path="Signal"))
    sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Get-MailUser"))
    with session(sandbox).open() as client:
        hung = client.start("Get-MailUser", HVEAccount=True)
        client.tell("Signal", hung.pipeline_id)
        client.tell("Close", POOL)
        time.sleep(0.3)
        assert client.child.poll() is None
        assert client.child.stdin is not None
        client.child.stdin.close()
        assert client.ended()[0] == 0


def test_a_slow_wire_is_slow(sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.LATENCY, Surface.PSRP, path="Command", seconds=0.3))
    with session(sandbox).open() as client:
        begun = time.monotonic()
        client.call("Get-HVEAccountSettings", Identity=SHOP)
        assert time.monotonic() - begun >= 0.3
        client.close()


def test_ctrl_c_ends_it_with_the_code_for_that(sandbox: Sandbox) -> None:
    with session(sandbox).open() as client:
        client.child.send_signal(signal.SIGINT)
        assert client.ended()[0] == 130


def test_two_processes_and_a_server_share_one_tenant(sandbox: Sandbox) -> None:
    with session(sandbox).open() as one, session(sandbox).open() as two:
        one.call("Add-HVEAppAccess", Identity=SHOP, AppIds=[uuid.UUID(PAYROLL)])
        (seen,) = two.call("Get-HVEAccountSettings", Identity=SHOP).output
        assert PAYROLL in [str(each) for each in seen.AllowedApps]
        assert (one.close(), two.close()) == (0, 0)
    assert len(sandbox.remoting_processes()) == 2


def test_command_metadata_is_refused_and_not_ignored(sandbox: Sandbox) -> None:
    with session(sandbox).open() as client:
        asked = psrpcore.ClientGetCommandMetadata(client.pool, "Get-*")
        assert client.finish(client.start_pipeline(asked)).error[1] == "NotPlayedBySandbox"
        client.close()

"""What goes wrong between here and a host: one sentence with its own words, in time, and nothing is left behind."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import pytest
from exchange.powershell.conftest import Open
from exchange_wire import MONITORING
from management_host import pwsh
from sshd import INSTALLED
from transport_ways import EXCHANGE, OVER_A_HOST, Caller, Stage, winrm_settings

from hveadmin.domain.ids import Address, ObjectId, TenantId
from hveadmin.domain.profile import ConnectBy, HostAuth, HostSettings, SecretKind, SecretSource
from hveadmin.errors import AuthError, ConnectFailed, HveAdminError, Refused, SessionLost, TimedOut, UsageError
from hveadmin.exchange.cmdlet import grant, list_accounts, settings_of
from hveadmin.exchange.powershell.child import Child
from hveadmin.exchange.powershell.hosts import wire_of
from hveadmin.exchange.powershell.session import Connecting
from hveadmin.exchange.powershell.transport import PowerShellTransport
from hveadmin.exchange.powershell.winrm import WinRmRunspace
from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.psrp.host import thumbprint_of

SHOP = Address.parse("hve-shop@contoso.com")
APP = ObjectId.parse(MONITORING)
STDIO = [each for each in OVER_A_HOST if "winrm" not in str(each.id)]
WINRM = [each for each in OVER_A_HOST if "winrm" in str(each.id)]
needs_sshd = pytest.mark.skipif(not INSTALLED, reason="openssh-server and openssh-client are not installed")


def children() -> dict[int, str]:
    """The processes that this one has started and not ended, with their states: Z is a zombie."""
    found = {}
    for each in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            number = int(each.name)
            state, parent = (each / "stat").read_text().rpartition(") ")[2].split()[:2]
            if int(parent) == os.getpid():
                found[number] = state
    return found


@pytest.fixture(autouse=True)
def nothing_is_left(stage: Stage) -> Iterator[None]:
    """No child, no zombie, no session and no command, whatever a test did."""
    before = set(children())
    yield
    assert set(children()) <= before
    # At the other end of an ssh connection a process notices a moment later that nobody is there any more.
    give_up = time.monotonic() + 5
    while stage.shells_open() and time.monotonic() < give_up:
        time.sleep(0.05)
    assert (stage.shells_open(), stage.pipelines_running()) == (0, 0)


def run_child(stage: Stage, script: str, *, seconds: float = 10) -> HveAdminError:
    """The error that comes of a child that does this."""
    return failure(stage, "local", HostSettings(command=("sh", "-c", script)), seconds=seconds)


def failure(stage: Stage, transport: str, settings: HostSettings, *, seconds: float = 10) -> HveAdminError:
    caller = Caller(stage, seconds=seconds)
    connecting = Connecting(ConnectBy.ACCESS_TOKEN, caller.tenant, caller.domain, token=caller.token)
    password = stage.sandbox.host_user.password_path.read_text().strip()
    wire = wire_of(transport, settings, lambda: password)
    opened = PowerShellTransport(wire, connecting, clock=caller.clock, deadline=caller.deadline)
    begun = time.monotonic()
    try:
        with pytest.raises(HveAdminError) as caught:
            opened.run(list_accounts())
    finally:
        opened.close()
    assert time.monotonic() - begun < seconds + 8
    assert password not in caught.value.message
    return caught.value


# --- who is let in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WINRM)
@pytest.mark.parametrize("wrong", ["username", "password"])
def test_a_wrong_password_is_an_error_of_signing_in(stage: Stage, way: str, wrong: str) -> None:
    http = "http" in way.split("-")
    port = urlsplit(stage.running.endpoints.winrm_http).port if http else urlsplit(stage.running.endpoints.winrm).port
    settings = winrm_settings(stage, ssl=not http, port=port, auth=HostAuth.NTLM if http else HostAuth.BASIC)
    settings = dataclasses.replace(settings, username="nobody") if wrong == "username" else settings
    caller = Caller(stage)
    connecting = Connecting(ConnectBy.ACCESS_TOKEN, caller.tenant, caller.domain, token=caller.token)
    canary = "wrong-7f3c1d"
    right = stage.sandbox.host_user.password_path.read_text().strip()
    wire = wire_of("winrm", settings, lambda: canary if wrong == "password" else right)
    opened = PowerShellTransport(wire, connecting, clock=caller.clock, deadline=caller.deadline)
    with pytest.raises(AuthError, match=rf"localhost did not let {settings.username} in with") as caught:
        opened.run(list_accounts())
    opened.close()
    assert canary not in caught.value.message + caught.value.hint
    assert stage.running.shells.now.shells_opened == 0


@needs_sshd
def test_a_host_key_that_is_not_known_is_named(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "50% known").touch()
    settings = ssh_settings(stage, known_hosts=str(tmp_path / "50% known"))
    error = failure(stage, "ssh", settings)
    assert isinstance(error, AuthError)
    assert "the host key of sandbox-host is not the one that is known, or none is known" in error.message
    assert "Host key verification failed" in error.message


@needs_sshd
def test_a_key_that_is_not_authorised_is_not_let_in(stage: Stage, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    assert stage.ssh is not None
    config = stage.ssh.config.read_text().replace(str(stage.ssh.identity), str(tmp_path / "other"))
    (tmp_path / "config").write_text(config)
    error = failure(stage, "ssh", ssh_settings(stage, ssh_config=str(tmp_path / "config")))
    assert isinstance(error, AuthError)
    assert "sandbox-host let nobody in" in error.message and "Permission denied (publickey)" in error.message


@needs_sshd
def test_a_host_without_the_subsystem_is_told_how_to_get_it(stage: Stage) -> None:
    error = failure(stage, "ssh", ssh_settings(stage, subsystem="nothing"))
    assert isinstance(error, ConnectFailed)
    assert "has no subsystem nothing" in error.message and "sshd_config" in error.hint


@needs_sshd
def test_a_host_that_there_is_none_of_says_so(stage: Stage) -> None:
    error = failure(stage, "ssh", ssh_settings(stage, ssh_options=("HostName=127.0.0.1", "Port=9")))
    assert isinstance(error, ConnectFailed)
    assert "Connection refused" in error.message


def ssh_settings(stage: Stage, **changes: object) -> HostSettings:
    assert stage.ssh is not None
    given: dict[str, object] = {"name": "sandbox-host", "ssh_config": str(stage.ssh.config)}
    return HostSettings(**(given | changes))  # type: ignore[arg-type]


def test_nobody_at_the_port_is_a_sentence_with_the_address(stage: Stage) -> None:
    error = failure(stage, "winrm", winrm_settings(stage, port=9))
    assert isinstance(error, ConnectFailed)
    assert error.message == "localhost cannot be reached at https://localhost:9/wsman: Connection refused"


def test_somebody_else_at_the_port_is_no_matter_of_signing_in(stage: Stage) -> None:
    def answer() -> None:
        near, _ = listener.accept()
        near.recv(1 << 16)
        near.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n<p>hello\n")
        near.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        error = failure(stage, "winrm", winrm_settings(stage, ssl=False, port=listener.getsockname()[1]))
        thread.join()
    assert isinstance(error, ConnectFailed)
    assert "but not as WinRM" in error.message


def test_a_certificate_that_is_not_trusted_is_a_sentence_that_names_ca(stage: Stage) -> None:
    error = failure(stage, "winrm", winrm_settings(stage, ca=""))
    assert isinstance(error, ConnectFailed)
    assert "its certificate is not trusted" in error.message and "ca" in error.hint


# --- what is on the host ------------------------------------------------------------------------------------------


def test_an_unknown_configuration_is_named(stage: Stage) -> None:
    error = failure(stage, "winrm", winrm_settings(stage, configuration_name="Nothing"))
    assert isinstance(error, ConnectFailed)
    assert "localhost has no session configuration Nothing: The WS-Management service" in error.message


@pytest.mark.parametrize("way", OVER_A_HOST)
def test_a_host_without_the_module_is_told_how_to_get_it(stage: Stage, open_way: Open, way: str) -> None:
    stage.sandbox.set_switches(dataclasses.replace(stage.sandbox.switches, psrp_module=False))
    with pytest.raises(ConnectFailed, match="has no module ExchangeOnlineManagement") as caught:
        open_way(way).run(list_accounts())
    assert "was not loaded because no valid module file was found" in caught.value.message
    assert "Install-Module" in caught.value.hint


@pytest.mark.parametrize("way", OVER_A_HOST)
@pytest.mark.parametrize("connect", [ConnectBy.MANAGED_IDENTITY, ConnectBy.ACCESS_TOKEN])
def test_a_session_is_connected_as_the_profile_says(stage: Stage, open_way: Open, way: str, connect: ConnectBy) -> None:
    transport = open_way(way, connect=connect)
    assert transport.reach()["connect"] == connect.value
    assert len(transport.run(list_accounts())) == 14


def test_a_session_is_connected_with_a_certificate_of_the_hosts(stage: Stage) -> None:
    client_id = stage.sandbox.operator.client_id
    for thumbprint, message in ((thumbprint_of(client_id), ""), ("0" * 40, "was not found in the certificate stores")):
        caller = Caller(stage)
        connecting = Connecting(
            ConnectBy.CERTIFICATE, caller.tenant, caller.domain, app_id=client_id, certificate_thumbprint=thumbprint
        )
        wire = wire_of("local", HostSettings(command=tuple(pwsh(stage.sandbox.path))), str)
        opened = PowerShellTransport(wire, connecting, clock=caller.clock, deadline=caller.deadline)
        try:
            if message:
                with pytest.raises(AuthError, match=message):
                    opened.run(list_accounts())
            else:
                assert len(opened.run(list_accounts())) == 14
        finally:
            opened.close()


@pytest.mark.parametrize(("configuration", "writes"), [("HVEAdmin", True), ("HVEAdmin.Reader", False)])
def test_a_jea_endpoint_that_is_connected_already_is_used_as_it_is(
    stage: Stage, open_way: Open, configuration: str, writes: bool
) -> None:
    host = {"configuration_name": configuration}
    transport = open_way("winrm-https-basic", connect=ConnectBy.PRECONNECTED, host=host)
    assert len(transport.run(list_accounts())) == 14
    assert ("Add-HVEAppAccess" in transport.exported_cmdlets()) is writes
    commands = stage.running.shells.now.commands
    assert set(commands) == {"Get-ConnectionInformation", "Get-MailUser", "Get-Command"}


def test_a_jea_endpoint_cannot_be_connected_again(open_way: Open) -> None:
    with pytest.raises(ConnectFailed, match="has no module"):
        open_way("winrm-https-basic", host={"configuration_name": "HVEAdmin"}).run(list_accounts())


@pytest.mark.parametrize("connect", [ConnectBy.PRECONNECTED, ConnectBy.MANAGED_IDENTITY])
def test_a_session_of_another_tenant_is_refused_before_anything_is_read(stage: Stage, connect: ConnectBy) -> None:
    caller = Caller(stage)
    other = TenantId.parse("00000000-dead-4bad-8bad-00000000beef")
    configuration = "HVEAdmin" if connect is ConnectBy.PRECONNECTED else "Microsoft.PowerShell"
    settings = winrm_settings(stage, configuration_name=configuration)
    password = stage.sandbox.host_user.password_path.read_text().strip()
    wire = wire_of("winrm", settings, lambda: password)
    connecting = Connecting(connect, other, caller.domain)
    opened = PowerShellTransport(wire, connecting, clock=caller.clock, deadline=caller.deadline)
    with pytest.raises(Refused, match=f"is connected to tenant {caller.tenant}, not to {other}"):
        opened.run(list_accounts())
    opened.close()
    assert "Get-MailUser" not in stage.running.shells.now.commands


def test_an_endpoint_that_could_not_connect_itself_says_so(stage: Stage, open_way: Open) -> None:
    tenant = Caller(stage).tenant.value
    for each in stage.sandbox.store.all(tenant, "servicePrincipal"):
        if each["appId"] == stage.sandbox.operator.client_id:
            stage.sandbox.store.put(tenant, "servicePrincipal", each["id"], each | {"accountEnabled": False})
    transport = open_way("winrm-https-basic", connect=ConnectBy.PRECONNECTED, host={"configuration_name": "HVEAdmin"})
    with pytest.raises(ConnectFailed, match="is not connected to Exchange Online"):
        transport.run(list_accounts())


# --- what a child may do ------------------------------------------------------------------------------------------


def test_a_program_that_is_not_there_is_named(stage: Stage) -> None:
    error = failure(stage, "local", HostSettings(command=("no-such-program-7c1",)))
    assert isinstance(error, ConnectFailed)
    assert error.message.startswith("no-such-program-7c1 cannot be started: No such file")


def test_a_child_that_ends_at_once_leaves_its_last_words(stage: Stage) -> None:
    error = run_child(stage, "echo one >&2; echo The licence has expired. >&2; exit 3")
    assert isinstance(error, ConnectFailed)
    assert error.message == "sh opened no session: it ended with exit code 3: one The licence has expired."


def test_the_end_of_a_long_stderr_is_what_is_told(stage: Stage) -> None:
    error = run_child(stage, "seq 1 200000 >&2; echo the end >&2; exit 1")
    assert len(error.message) < 700


def test_a_child_that_says_nothing_is_ended_with_everything_it_started(stage: Stage) -> None:
    error = run_child(stage, "sleep 300 & sleep 300", seconds=1.5)
    assert isinstance(error, TimedOut) and not error.outcome_unknown
    assert "no session was opened on sh within" in error.message


def test_a_child_that_does_not_want_to_end_is_ended(stage: Stage) -> None:
    error = run_child(stage, "trap '' TERM HUP INT; while :; do sleep 0.1; done", seconds=1)
    assert isinstance(error, TimedOut)


@pytest.mark.parametrize(
    "noise",
    [
        "echo Welcome to JUMP01",
        "printf Welcome",
        "printf 'a\\nb\\n<not us>\\n'",
        "head -c 300000 /dev/zero | tr '\\0' x; echo",
    ],
    ids=["a line", "no line end", "tags", "a lot"],
)
def test_noise_before_the_protocol_is_borne(stage: Stage, noise: str) -> None:
    command = " ".join(f"'{part}'" for part in pwsh(stage.sandbox.path))
    caller = Caller(stage)
    connecting = Connecting(ConnectBy.ACCESS_TOKEN, caller.tenant, caller.domain, token=caller.token)
    wire = wire_of("local", HostSettings(command=("sh", "-c", f"{noise}; exec {command}")), str)
    opened = PowerShellTransport(wire, connecting, clock=caller.clock, deadline=caller.deadline)
    try:
        assert len(opened.run(list_accounts())) == 14
    finally:
        opened.close()


@pytest.mark.parametrize("way", STDIO)
def test_a_login_banner_is_borne(stage: Stage, open_way: Open, way: str) -> None:
    stage.sandbox.set_switches(dataclasses.replace(stage.sandbox.switches, psrp_noise=True))
    assert len(open_way(way).run(list_accounts())) == 14


def test_noise_and_nothing_else_is_quoted(stage: Stage) -> None:
    error = run_child(stage, "echo Your password has expired.; sleep 300", seconds=1.5)
    assert "it said: Your password has expired." in error.message


def test_what_is_no_remoting_is_said_to_be_none(stage: Stage) -> None:
    error = run_child(stage, "echo \"<Data PSGuid='x'>AAAA</Data>\"; sleep 300")
    assert isinstance(error, ConnectFailed)
    assert "what came is not PowerShell remoting" in error.message


def test_a_line_without_end_is_not_kept_for_ever(stage: Stage) -> None:
    error = run_child(stage, "yes | tr -d '\\n'")
    assert "what came is not PowerShell remoting" in error.message


@pytest.mark.parametrize("says", ["yes", "yes >&2", "yes & yes >&2"], ids=["stdout", "stderr", "both"])
def test_a_child_that_never_stops_talking_ends_with_the_deadline(stage: Stage, says: str) -> None:
    error = run_child(stage, says, seconds=2)
    assert isinstance(error, TimedOut)
    assert "no session was opened on sh within" in error.message


def test_what_a_child_says_ahead_is_not_kept_without_bound() -> None:
    child = Child(("sh", "-c", "yes"))
    try:
        time.sleep(1)
        heard = 0
        while child.receive(0) is not None:
            heard += 1
            assert heard < 1000
            child._process.send_signal(signal.SIGSTOP)
    finally:
        child._process.send_signal(signal.SIGCONT)
        child.end()


@pytest.mark.parametrize("way", STDIO)
def test_a_child_that_dies_in_a_call_leaves_its_last_words(stage: Stage, open_way: Open, way: str) -> None:
    stage.sandbox.add_fault(Fault(FaultKind.SESSION_LOST, cmdlet="Add-HVEAppAccess"))
    with pytest.raises(SessionLost, match="was lost: it ended with exit code 1") as caught:
        open_way(way).run(grant(SHOP, [APP]))
    assert caught.value.outcome_unknown
    # OpenSSH's server throws a subsystem's stderr away, so over ssh there are no words.
    assert ("the session ended: a fault ended it" in caught.value.message) is (way == "local")


BREAKS = """
import base64, sys
import psrpcore
from psrpcore.types import ErrorCategoryInfo, ErrorRecord, NETException, RunspacePoolState

pool, none = psrpcore.ServerRunspacePool(), "00000000-0000-0000-0000-000000000000"

def tell():
    while (payload := pool.data_to_send(32768)) is not None:
        data = base64.b64encode(payload.data).decode()
        print(f"<Data Stream='Default' PSGuid='{none}'>{data}</Data>", flush=True)

def fail():
    text = NETException(Message="The disk is full.")
    pool.set_broken(ErrorRecord(Exception=text, CategoryInfo=ErrorCategoryInfo()))
    tell()

for line in sys.stdin:
    if line.startswith("<Data"):
        data = base64.b64decode(line.partition(">")[2].partition("<")[0])
        pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, None))
        print(f"<DataAck PSGuid='{none}' />", flush=True)
        while pool.next_event():
            pass
        if sys.argv[1] == "opening":
            fail()
        tell()
    elif line.startswith("<Command"):
        fail()
"""


@pytest.mark.parametrize(("when", "kind"), [("opening", ConnectFailed), ("calling", SessionLost)])
def test_a_session_that_the_host_gives_up_ends_at_once_in_its_words(
    stage: Stage, when: str, kind: type[HveAdminError]
) -> None:
    begun = time.monotonic()
    error = failure(stage, "local", HostSettings(command=(sys.executable, "-c", BREAKS, when)))
    assert isinstance(error, kind)
    assert "The disk is full." in error.message
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("way", STDIO)
def test_a_deaf_host_is_left_and_its_child_ended(stage: Stage, open_way: Open, way: str) -> None:
    caller = Caller(stage)
    transport = open_way(way, caller=caller)
    transport.run(settings_of(SHOP))
    stage.sandbox.add_fault(Fault(FaultKind.HANG, Surface.PSRP, path="Signal"))
    stage.sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Add-HVEAppAccess"))
    caller.deadline.seconds = 2
    caller.deadline.restart()
    begun = time.monotonic()
    with pytest.raises(TimedOut) as caught:
        transport.run(grant(SHOP, [APP]))
    assert caught.value.outcome_unknown
    assert time.monotonic() - begun < 14


# --- connections --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WINRM)
def test_a_host_that_hangs_while_a_session_opens_ends_with_the_deadline(stage: Stage, way: str, open_way: Open) -> None:
    stage.sandbox.add_fault(Fault(FaultKind.HANG, Surface.PSRP, times=None))
    begun = time.monotonic()
    with pytest.raises(TimedOut, match="opened no session within") as caught:
        open_way(way, seconds=2).run(grant(SHOP, [APP]))
    stage.sandbox.clear_faults()
    assert not caught.value.outcome_unknown
    assert time.monotonic() - begun < 14


class Relay:
    """Passes connections on to a port and back, until they are dropped."""

    def __init__(self, url: str) -> None:
        self.spoils = False
        """Whether the next that comes back is replaced by nonsense."""
        self._target = ("127.0.0.1", urlsplit(url).port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def drop(self) -> None:
        """Drop every connection, as an idle one is dropped."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open = []

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self.connections += 1
                self._open += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, target, near), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                spoiled = self.spoils and target is near
                self.spoils = self.spoils and not spoiled
                target.sendall(b"nonsense" if spoiled else data)


@pytest.fixture
def relay(stage: Stage) -> Iterator[Relay]:
    with Relay(stage.running.endpoints.winrm_http) as relay:
        yield relay


def over_relay(stage: Stage, relay: Relay) -> PowerShellTransport:
    caller = Caller(stage)
    settings = winrm_settings(stage, auth=HostAuth.NTLM, ssl=False, port=relay.port)
    connecting = Connecting(ConnectBy.ACCESS_TOKEN, caller.tenant, caller.domain, token=caller.token)
    password = stage.sandbox.host_user.password_path.read_text().strip()
    wire = wire_of("winrm", settings, lambda: password)
    return PowerShellTransport(wire, connecting, clock=caller.clock, deadline=caller.deadline)


def test_a_read_after_the_connection_was_dropped_is_answered(stage: Stage, relay: Relay) -> None:
    transport = over_relay(stage, relay)
    transport.run(settings_of(SHOP))
    relay.drop()
    assert len(transport.run(list_accounts())) == 14
    transport.close()


def test_a_write_after_the_connection_was_dropped_is_not_sent_twice(stage: Stage, relay: Relay) -> None:
    transport = over_relay(stage, relay)
    transport.run(settings_of(SHOP))
    relay.drop()
    with suppress(SessionLost):
        transport.run(grant(SHOP, [APP]))
    assert stage.running.shells.now.commands.get("Add-HVEAppAccess", 0) <= 1
    transport.close()


def test_a_write_whose_answer_broke_the_encryption_may_have_been_done(stage: Stage) -> None:
    caller = Caller(stage)
    password = stage.sandbox.host_user.password_path.read_text().strip()
    connecting = Connecting(ConnectBy.ACCESS_TOKEN, caller.tenant, caller.domain, token=caller.token)
    with Relay(stage.running.endpoints.winrm) as relay:
        wire = wire_of("winrm", winrm_settings(stage, port=relay.port), lambda: password)
        transport = PowerShellTransport(wire, connecting, clock=caller.clock, deadline=caller.deadline)
        transport.run(settings_of(SHOP))
        relay.spoils = True
        with pytest.raises(SessionLost) as caught:
            transport.run(grant(SHOP, [APP]))
        transport.close()
    assert caught.value.outcome_unknown
    assert MONITORING in stage.sandbox.tenant("contoso").account(SHOP.value).allowed_apps


def test_after_a_pause_the_shell_is_used_on_over_a_new_connection(stage: Stage, relay: Relay) -> None:
    settings = winrm_settings(stage, auth=HostAuth.NTLM, ssl=False, port=relay.port, configuration_name="HVEAdmin")
    runspace = WinRmRunspace(settings, stage.sandbox.host_user.password_path.read_text().strip(), idle_seconds=0)
    try:
        runspace.open(20)
        relay.drop()
        said = runspace.call("Add-HVEAppAccess", {"Identity": SHOP.value, "AppIds": [MONITORING]}, 20)
    finally:
        runspace.close()
    assert said.troubles == ()
    assert stage.running.shells.now.shells_opened == 1
    assert MONITORING in stage.sandbox.tenant("contoso").account(SHOP.value).allowed_apps


# --- Ctrl-C -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("way", OVER_A_HOST)
def test_ctrl_c_in_a_call_leaves_nothing_behind(stage: Stage, open_way: Open, way: str) -> None:
    transport = open_way(way)
    transport.run(settings_of(SHOP))
    stage.sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Add-HVEAppAccess"))
    main = threading.main_thread().ident
    assert main is not None
    pressed = threading.Timer(0.8, signal.pthread_kill, (main, signal.SIGINT))
    pressed.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        transport.run(grant(SHOP, [APP]))
    transport.close()
    assert time.monotonic() - begun < 10
    assert (stage.shells_open(), stage.pipelines_running()) == (0, 0)
    assert MONITORING not in stage.sandbox.tenant("contoso").account(SHOP.value).allowed_apps


# --- what is refused before anybody is contacted ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "outlook.office365.com",
        "ps.outlook.com",
        "https://outlook.office365.com/powershell-liveid/",
        "OUTLOOK.OFFICE.COM",
    ],
)
def test_the_retired_endpoint_is_refused_with_the_way_out(name: str) -> None:
    with pytest.raises(UsageError, match="gone since 2023") as caught:
        wire_of("winrm", HostSettings(name=name), str)
    assert "transport: rest" in caught.value.hint


@pytest.mark.parametrize("auth", [HostAuth.BASIC, HostAuth.CERTIFICATE])
def test_a_password_does_not_go_over_plain_http(auth: HostAuth) -> None:
    with pytest.raises(UsageError, match="could be read on the way"):
        wire_of("winrm", HostSettings(name="jump01.contoso.com", ssl=False, auth=auth), str)


@pytest.mark.parametrize(("auth", "package"), [(HostAuth.KERBEROS, "gssapi"), (HostAuth.CREDSSP, "requests_credssp")])
def test_a_package_that_is_missing_is_named_with_how_to_get_it(stage: Stage, auth: HostAuth, package: str) -> None:
    if find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    error = failure(stage, "winrm", winrm_settings(stage, auth=auth))
    assert isinstance(error, UsageError)
    assert package in error.message and f"hveadmin[{auth.value}]" in error.hint


# --- secrets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", OVER_A_HOST)
def test_no_secret_is_in_any_log_at_debug(
    stage: Stage, open_way: Open, way: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caller = Caller(stage)
    token = caller.token(EXCHANGE)
    password = stage.sandbox.host_user.password_path.read_text().strip()
    with caplog.at_level(logging.DEBUG):
        transport = open_way(way, caller=caller)
        transport.run(settings_of(SHOP))
        with suppress(HveAdminError):
            transport.run(settings_of(Address.parse("nobody@contoso.com")))
        transport.close()
    written = caplog.text + "".join(capfd.readouterr())
    for secret in (password, token.partition(".")[0], token):
        assert secret not in written
    assert "AccessToken" not in written


def test_a_password_that_cannot_be_sent_is_not_quoted(stage: Stage) -> None:
    wire = wire_of("winrm", winrm_settings(stage), lambda: "caf\u00e9-\u20ac")
    with pytest.raises(AuthError, match="has a character that cannot be sent this way") as caught:
        wire.open(5)
    assert "20ac" not in caught.value.message


@pytest.mark.parametrize("transport", ["winrm", "local"])
def test_warnings_are_heard_over_every_wire(stage: Stage, transport: str) -> None:
    stage.sandbox.set_switches(dataclasses.replace(stage.sandbox.switches, duplicates="warn"))
    command = tuple(pwsh(stage.sandbox.path, configuration="HVEAdmin"))
    settings = winrm_settings(stage, configuration_name="HVEAdmin", command=command)
    password = stage.sandbox.host_user.password_path.read_text().strip()
    runspace = wire_of(transport, settings, lambda: password).open(20)
    try:
        for expected in ((), (f"The application '{MONITORING}' is already allowed for '{SHOP}'.",)):
            said = runspace.call("Add-HVEAppAccess", {"Identity": SHOP.value, "AppIds": [MONITORING]}, 20)
            assert said.warnings == expected
    finally:
        runspace.close()


def test_a_token_that_a_host_repeats_is_struck_out(stage: Stage) -> None:
    error = run_child(stage, "echo refused: eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln >&2; exit 1")
    assert "eyJ" not in error.message and "***" in error.message


def commands_of(settings: HostSettings) -> Sequence[str]:
    from hveadmin.exchange.powershell.ssh import ssh_command

    return ssh_command(settings)


def test_no_password_is_on_a_command_line() -> None:
    settings = HostSettings(
        name="jump01", username="CONTOSO\\anna", password=SecretSource(SecretKind.ENV, "P"), port=2222
    )
    assert commands_of(settings) == [
        "ssh", "-T", "-o", "BatchMode=yes", "-p", "2222", "CONTOSO\\anna@jump01", "-s", "powershell",
    ]  # fmt: skip

"""
Every way to Exchange, opened on one sandbox: what the contract suite, other tests and the benchmark go through.

A way is a function that makes a transport of a `Stage` and a `Caller`. One that is new joins `WAYS` with a line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from management_host import pwsh
from sshd import INSTALLED, SshServer, ssh_server

from hveadmin.domain.ids import TenantId
from hveadmin.domain.profile import ConnectBy, HostAuth, HostSettings, SecretKind, SecretSource
from hveadmin.exchange.powershell.hosts import wire_of
from hveadmin.exchange.powershell.session import Connecting
from hveadmin.exchange.powershell.transport import PowerShellTransport
from hveadmin.exchange.rest import RestTransport
from hveadmin.sandbox.cmdlets import EXCHANGE_ADMINISTRATOR, GLOBAL_READER, RECIPIENT_ADMINISTRATOR
from hveadmin.sandbox.keys import SigningKeys
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.wire.deadline import Deadline
from hveadmin.wire.session import Session
from hveadmin.wire.trust import ssl_context

EXCHANGE = "https://outlook.office365.com"
ROLES: Mapping[str, tuple[str, ...]] = {
    "operator": (EXCHANGE_ADMINISTRATOR,),
    "recipients": (RECIPIENT_ADMINISTRATOR,),
    "reader": (GLOBAL_READER,),
    "nobody": (),
}

Transport = RestTransport | PowerShellTransport


class ImpatientClock:
    """The machine's clock, except that nobody waits: a wait is remembered in `slept` and is over."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@dataclass(frozen=True)
class Stage:
    """A running sandbox with everything that a way may lead through."""

    sandbox: Sandbox
    running: Running
    ssh: SshServer | None

    def shells_open(self) -> int:
        """Sessions on the host that nobody closed, over every wire."""
        processes = sum(each.shells_open for each in self.sandbox.remoting_processes())
        return self.running.shells.now.shells_open + processes

    def pipelines_running(self) -> int:
        processes = sum(each.pipelines_running for each in self.sandbox.remoting_processes())
        return self.running.shells.now.pipelines_running + processes


@dataclass
class Caller:
    """Who connects, and how patiently (a `domain.ports.TokenSource`, and the deadline of a run)."""

    stage: Stage
    role: str = "operator"
    seconds: float = 30.0
    clock: ImpatientClock = field(default_factory=ImpatientClock)
    host: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the host that differ from the way's own."""
    connect: ConnectBy = ConnectBy.ACCESS_TOKEN

    def __post_init__(self) -> None:
        self.deadline = Deadline(self.clock, self.seconds)

    @property
    def tenant(self) -> TenantId:
        return TenantId.parse(self.stage.sandbox.tenants()[0].tenant_id)

    @property
    def domain(self) -> str:
        return self.stage.sandbox.tenants()[0].domain

    def token(self, scope: str = "", *, claims: str | None = None) -> str:
        now = datetime.now(UTC)
        said = {
            "aud": EXCHANGE,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + timedelta(hours=1)).timestamp()),
            "tid": self.tenant.value,
            "oid": "caller",
            "roles": ["Exchange.ManageAsApp"],
            "wids": list(ROLES[self.role]),
        }
        return SigningKeys(self.stage.sandbox.store).sign(said)


def over_rest(caller: Caller) -> RestTransport:
    running = caller.stage.running
    session = Session(
        base_url=running.endpoints.exchange,
        scope=f"{EXCHANGE}/.default",
        tokens=caller,
        clock=caller.clock,
        trust=ssl_context(str(running.ca_pem)),
        deadline=caller.deadline,
    )
    return RestTransport(session, tenant=caller.tenant, concurrency=2)


def over_winrm(caller: Caller) -> PowerShellTransport:
    """https, basic."""
    return _over_host(caller, "winrm", winrm_settings(caller.stage))


def over_encrypted_http(caller: Caller) -> PowerShellTransport:
    """http, NTLM, messages encrypted."""
    port = urlsplit(caller.stage.running.endpoints.winrm_http).port
    return _over_host(caller, "winrm", winrm_settings(caller.stage, auth=HostAuth.NTLM, ssl=False, port=port))


def over_ssh(caller: Caller) -> PowerShellTransport:
    """The system's ssh client and a real OpenSSH server."""
    assert caller.stage.ssh is not None
    return _over_host(caller, "ssh", HostSettings(name="sandbox-host", ssh_config=str(caller.stage.ssh.config)))


def over_a_child(caller: Caller) -> PowerShellTransport:
    command = tuple(pwsh(caller.stage.sandbox.path))
    return _over_host(caller, "local", HostSettings(command=command))


WAYS: Mapping[str, Callable[[Caller], Transport]] = {
    "rest": over_rest,
    "winrm-https-basic": over_winrm,
    "winrm-http-ntlm": over_encrypted_http,
    "ssh": over_ssh,
    "local": over_a_child,
}

_NO_SSHD = pytest.mark.skipif(not INSTALLED, reason="openssh-server and openssh-client are not installed")
EVERY_WAY = [pytest.param(name, id=name, marks=[_NO_SSHD] if name == "ssh" else []) for name in WAYS]
OVER_A_HOST = EVERY_WAY[1:]


def winrm_settings(stage: Stage, **changes: Any) -> HostSettings:
    user = stage.sandbox.host_user
    given: dict[str, Any] = {
        "name": "localhost",
        "port": urlsplit(stage.running.endpoints.winrm).port,
        "auth": HostAuth.BASIC,
        "username": user.name,
        "password": SecretSource(SecretKind.FILE, str(user.password_path)),
        "ca": str(stage.running.ca_pem),
    }
    return HostSettings(**(given | changes))


def _over_host(caller: Caller, transport: str, settings: HostSettings) -> PowerShellTransport:
    settings = replace(settings, **caller.host)
    connecting = Connecting(caller.connect, caller.tenant, caller.domain, token=caller.token)
    wire = wire_of(transport, settings, lambda: caller.stage.sandbox.host_user.password_path.read_text().strip())
    return PowerShellTransport(wire, connecting, clock=caller.clock, deadline=caller.deadline, jitter=lambda: 0.0)


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """A sandbox that is served by every endpoint, and an SSH server where one is installed."""
    with Sandbox.open(folder / "sandbox.db") as sandbox, sandbox.serve(winrm_http=True) as running:
        if not INSTALLED:
            yield Stage(sandbox, running, None)
            return
        with ssh_server(folder / "sshd", pwsh(sandbox.path)) as server:
            yield Stage(sandbox, running, server)


def as_new(stage: Stage, seed: str = "contoso") -> None:
    """The seed, without faults, with default switches, and nothing counted. The signing key is kept: it takes long."""
    sandbox, running = stage.sandbox, stage.running
    key = sandbox.store.get("", "setting", "signing-key")
    with sandbox.store.transaction():
        sandbox.reseed(seed)
        if key is not None:
            sandbox.store.put("", "setting", "signing-key", key)
    running.calls.clear()
    running.shells.clear()

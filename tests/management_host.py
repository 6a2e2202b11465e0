"""
Clients of the sandbox's management host that know nothing of our own: unmodified pypsrp over WinRM, and psrpcore's
client half over the stdio of a child process.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import urlsplit
from xml.etree import ElementTree

import psrpcore
from psrpcore.types import PSInvocationState, RunspacePoolState
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from hveadmin.sandbox.server import Running, Sandbox

Auth = Literal["basic", "ntlm", "negotiate"]

MODULE = {"Name": "ExchangeOnlineManagement", "MinimumVersion": "3.2.0"}
CONTOSO_DOMAIN = "contoso.onmicrosoft.com"


@dataclass(frozen=True)
class WinRmClient:
    """pypsrp, set up for a running sandbox."""

    sandbox: Sandbox
    running: Running

    @property
    def password(self) -> str:
        return self.sandbox.host_user.password_path.read_text(encoding="utf-8").strip()

    def wsman(self, **options: Any) -> WSMan:
        """A connection; over http where `ssl=False` says so. Options are pypsrp's."""
        endpoints = self.running.endpoints
        url = urlsplit(endpoints.winrm if options.get("ssl", True) else endpoints.winrm_http)
        given: dict[str, Any] = {
            "port": url.port,
            "username": self.sandbox.host_user.name,
            "password": self.password,
            "auth": "basic",
            "cert_validation": str(self.running.ca_pem),
            "no_proxy": True,
        }
        return WSMan("localhost", **(given | options))

    @contextmanager
    def pool(self, configuration: str = "Microsoft.PowerShell", **options: Any) -> Iterator[RunspacePool]:
        """An open runspace pool."""
        with self.wsman(**options) as wsman, RunspacePool(wsman, configuration_name=configuration) as pool:
            yield pool

    @contextmanager
    def exchange(self, **options: Any) -> Iterator[RunspacePool]:
        """A pool that is connected to Exchange as the operator from the start."""
        with self.pool("HVEAdmin", **options) as pool:
            yield pool


def begin(pool: RunspacePool, name: str, **parameters: Any) -> PowerShell:
    """Start one command."""
    shell = PowerShell(pool)
    shell.add_cmdlet(name).add_parameters(parameters)
    shell.begin_invoke(remote_stream_options=0)
    return shell


def call(pool: RunspacePool, name: str, **parameters: Any) -> PowerShell:
    """Run one command to its end."""
    shell = begin(pool, name, **parameters)
    shell.end_invoke()
    shell.close()
    return shell


def connect(pool: RunspacePool, **how: Any) -> PowerShell:
    """Import the module and connect to contoso."""
    assert not call(pool, "Import-Module", **MODULE).streams.error
    return call(pool, "Connect-ExchangeOnline", **{"Organization": CONTOSO_DOMAIN, "ShowBanner": False} | how)


def error_of(shell: PowerShell) -> tuple[str, str]:
    """The one error's text and its id."""
    (record,) = shell.streams.error
    assert record.exception is not None
    return str(record.exception.adapted_properties["Message"]), str(record.fq_error)


# --- stdio --------------------------------------------------------------------------------------------------------


Started = TypeVar("Started", psrpcore.ClientPowerShell, psrpcore.ClientGetCommandMetadata)


@dataclass
class Said:
    """What one command over stdio said, in psrpcore's terms."""

    output: list[Any] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    progress: list[Any] = field(default_factory=list)
    state: PSInvocationState = PSInvocationState.NotStarted

    @property
    def error(self) -> tuple[str, str]:
        """The one error's text and its id."""
        (record,) = self.errors
        return str(record.Exception.Message), str(record.FullyQualifiedErrorId)


class StdioClient:
    """PSRP with a child process: one session. A context manager that closes the session and waits for the child."""

    def __init__(self, command: Sequence[str], *, environ: dict[str, str] | None = None) -> None:
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
        )
        self.pool = psrpcore.ClientRunspacePool()
        self.acks: list[tuple[str, uuid.UUID]] = []
        self.noise: list[bytes] = []
        self.sizes: list[int] = []
        """How many bytes of fragments each Data element held."""
        self.pool_states: list[str] = []
        self._left = b""
        self._said: dict[uuid.UUID, Said] = {}
        self.closed = False

    def open(self) -> Self:
        """Open the session; a child that does not let it be opened is ended."""
        try:
            self.pool.open()
            self.send_all()
            self._until(lambda: self.pool.state is RunspacePoolState.Opened)
        except BaseException:
            self._end()
            raise
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self.child.stdin is not None and self.child.stdout is not None and self.child.stderr is not None
        if not self.closed:
            self.child.kill()
        self.child.wait(20)
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            stream.close()

    def start(self, name: str, **parameters: Any) -> psrpcore.ClientPowerShell:
        """Start one command and return."""
        shell = psrpcore.ClientPowerShell(self.pool)
        shell.add_command(name)
        shell.add_parameters(**parameters)
        return self.start_pipeline(shell)

    def start_pipeline(self, shell: Started) -> Started:
        shell.start()
        self._said[shell.pipeline_id] = Said()
        self.tell("Command", shell.pipeline_id)
        self._until(lambda: ("CommandAck", shell.pipeline_id) in self.acks)
        self.send_all()
        return shell

    def finish(self, shell: psrpcore.ClientPowerShell | psrpcore.ClientGetCommandMetadata) -> Said:
        """Wait until a pipeline has ended, and close it."""
        said = self._said[shell.pipeline_id]
        ended = (PSInvocationState.Completed, PSInvocationState.Failed, PSInvocationState.Stopped)
        self._until(lambda: said.state in ended)
        self.tell("Close", shell.pipeline_id)
        self._until(lambda: ("CloseAck", shell.pipeline_id) in self.acks)
        return said

    def call(self, name: str, **parameters: Any) -> Said:
        return self.finish(self.start(name, **parameters))

    def stop(self, shell: psrpcore.ClientPowerShell) -> Said:
        self.tell("Signal", shell.pipeline_id)
        self._until(lambda: ("SignalAck", shell.pipeline_id) in self.acks)
        return self.finish(shell)

    def close(self) -> int:
        """Close the session; the child's exit code."""
        self.tell("Close", uuid.UUID(int=0))
        self._until(lambda: ("CloseAck", uuid.UUID(int=0)) in self.acks)
        self.closed = True
        return self.child.wait(20)

    def ended(self) -> tuple[int, str]:
        """Wait for the child to end by itself: its exit code and the end of what it said to stderr."""
        assert self.child.stderr is not None
        self.closed = True
        return self.child.wait(20), self.child.stderr.read().decode()

    def tell(self, kind: str, target: uuid.UUID, attributes: str = "", text: str = "") -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(f"<{kind} {attributes}PSGuid='{target}'>{text}</{kind}>\n".encode())
        self.child.stdin.flush()

    def send_all(self) -> None:
        """Send all that psrpcore has to say."""
        while (payload := self.pool.data_to_send(32_768)) is not None:
            text = base64.b64encode(payload.data).decode()
            self.tell("Data", payload.pipeline_id or uuid.UUID(int=0), "Stream='Default' ", text)

    def _until(self, done: Any, seconds: float = 20.0) -> None:
        give_up = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < give_up, "no answer in time"
            self._hear()

    def _hear(self) -> None:
        assert self.child.stdout is not None
        chunk = os.read(self.child.stdout.fileno(), 1 << 18)
        if not chunk:
            raise EOFError("the child hung up")
        *lines, self._left = (self._left + chunk).split(b"\n")
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        if not line.startswith(b"<"):
            self.noise.append(line)
            return
        element = ElementTree.fromstring(line)  # noqa: S314 - a child of our own
        target = uuid.UUID(element.attrib["PSGuid"])
        if element.tag != "Data":
            self.acks.append((element.tag, target))
            return
        data = base64.b64decode(element.text or "")
        self.sizes.append(len(data))
        self.pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, None))
        while (event := self.pool.next_event()) is not None:
            self._note(event)

    def _note(self, event: Any) -> None:
        if isinstance(event, psrpcore.RunspacePoolStateEvent):
            self.pool_states.append(event.state.name)
        said = self._said.get(event.pipeline_id) if event.pipeline_id else None
        if said is None:
            return
        match event:
            case psrpcore.PipelineOutputEvent():
                said.output.append(event.data)
            case psrpcore.ErrorRecordEvent():
                said.errors.append(event.record)
            case psrpcore.WarningRecordEvent():
                said.warnings.append(str(event.record.Message))
            case psrpcore.ProgressRecordEvent():
                said.progress.append(event.record)
            case psrpcore.PipelineStateEvent():
                said.state = event.state
                if event.reason is not None:
                    said.errors.append(event.reason)
            case _:
                pass


def pwsh(state: Path, *, configuration: str = "Microsoft.PowerShell") -> list[str]:
    """The command that serves a session with a sandbox's state."""
    options = ["--state", str(state), "--configuration", configuration]
    return [sys.executable, "-m", "hveadmin", "sandbox", "pwsh", *options]

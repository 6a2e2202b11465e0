"""
The sandbox as a whole: its file, its secrets, and the server that speaks for it.

`Sandbox.open` makes and seeds the database where there is none; everything that is acknowledged to a client is on the
disk by then, so a kill -9 loses nothing. Beside the database lie what does not belong into it: the operators' secrets
(each in a file of mode 0600) and the certificate authority. `serve` answers for Entra, Graph and Exchange over https
on loopback from a thread of its own, on one port or on three, and for SMTP on a port beside them.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from hveadmin.errors import ConnectFailed, UsageError
from hveadmin.sandbox import adminapi, entra, graph, user_flows
from hveadmin.sandbox.ca import PrivateCa
from hveadmin.sandbox.faults import (
    TRANSPORT,
    Fault,
    FaultBook,
    FaultMiddleware,
    Surface,
    Switches,
    read_switches,
    write_switches,
)
from hveadmin.sandbox.keys import SigningKeys
from hveadmin.sandbox.mailbox import Mailbox
from hveadmin.sandbox.psrp.tally import Counts
from hveadmin.sandbox.remoting import PATH as WINRM_PATH
from hveadmin.sandbox.remoting import Remoting, processes
from hveadmin.sandbox.seed import ACCOUNT_PASSWORD, OPERATORS, fill, parse_seed
from hveadmin.sandbox.smtp_calls import SmtpCalls
from hveadmin.sandbox.smtp_faults import SmtpFault, SmtpFaultBook
from hveadmin.sandbox.smtp_listener import SmtpListener, SmtpService
from hveadmin.sandbox.smtp_sign_in import Doorkeeper
from hveadmin.sandbox.store import Store
from hveadmin.sandbox.tenant import Clock, SandboxTenant

if TYPE_CHECKING:
    from hveadmin.sandbox.psrp.stdio import Ending

_HOST_USER = "hveadmin"
_HOST_USER_SECRET = "winrm-hveadmin"  # noqa: S105 - a file's name
_START_SECONDS = 10.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SandboxTenantInfo:
    """A tenant of the sandbox."""

    alias: str
    tenant_id: str
    domain: str


@dataclass(frozen=True, slots=True)
class Operator:
    """An application that signs in for administrators, and the file that holds its secret."""

    client_id: str
    secret_path: Path


@dataclass(frozen=True, slots=True)
class HostUser:
    """An account of the management host, and the file that holds its password."""

    name: str
    password_path: Path


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the three surfaces answer: `https://localhost:PORT`, the same three times unless ports are separate."""

    login: str
    graph: str
    exchange: str
    smtp: str = ""
    """`localhost:PORT`."""
    winrm: str = ""
    """`https://localhost:PORT/wsman`."""
    winrm_http: str = ""
    """`http://localhost:PORT/wsman`; empty unless it was asked for."""


# --- what was asked -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class CallSeen:
    """One kind of request. `authorised` is whether it carried an Authorization header, good or bad."""

    surface: Surface
    method: str
    path: str
    authorised: bool


class Calls:
    """Counts the requests that a server got, for tests and benchmarks. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[CallSeen] = Counter()
        self._cmdlets: Counter[str] = Counter()
        self.smtp = SmtpCalls()
        """What was said at the SMTP endpoint."""

    def note(self, call: CallSeen, cmdlets: Iterable[str]) -> None:
        with self._lock:
            self._requests[call] += 1
            self._cmdlets.update(cmdlets)

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()
            self._cmdlets.clear()
        self.smtp.clear()

    def requests(self) -> Mapping[CallSeen, int]:
        """How many HTTP requests of each kind came in."""
        with self._lock:
            return dict(self._requests)

    def cmdlets(self) -> Mapping[str, int]:
        """How many times each cmdlet was asked for, alone or in a batch; names as they were written."""
        with self._lock:
            return dict(self._cmdlets)

    def count(self, surface: Surface | None = None, *, path: str = "") -> int:
        """How many HTTP requests came in, of one surface, with `path` as part of their path (case ignored)."""
        return sum(
            number
            for call, number in self.requests().items()
            if surface in (None, call.surface) and path.lower() in call.path.lower()
        )


class _CountingMiddleware:
    """Notes every request before anything else happens to it."""

    def __init__(self, app: ASGIApp, calls: Calls) -> None:
        self._app = app
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        surface = Surface.of(scope["path"])
        authorised = any(name == b"authorization" for name, _ in scope["headers"])
        call = CallSeen(surface, scope["method"], scope["path"], authorised)
        # Only Exchange's bodies are read: they say what is asked, where the others' paths do.
        if surface is not Surface.EXCHANGE:
            self._calls.note(call, ())
            await self._app(scope, receive, send)
            return
        messages = await _whole_request(receive)
        self._calls.note(call, _cmdlets_in(b"".join(each.get("body", b"") for each in messages)))

        async def replay() -> Message:
            return messages.pop(0) if messages else await receive()

        await self._app(scope, replay, send)


async def _whole_request(receive: Receive) -> list[Message]:
    messages = [await receive()]
    while messages[-1].get("more_body", False):
        messages.append(await receive())
    return messages


def _cmdlets_in(body: bytes) -> list[str]:
    """The cmdlets that a body names: one, or those of a batch."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(document, dict):
        return []
    requests = document.get("requests")
    bodies = [each.get("body") for each in requests if isinstance(each, dict)] if isinstance(requests, list) else []
    inputs = [each.get("CmdletInput") for each in (document, *bodies) if isinstance(each, dict)]
    return [str(each["CmdletName"]) for each in inputs if isinstance(each, dict) and "CmdletName" in each]


# --- the server ---------------------------------------------------------------------------------------------------


class _Protocol(H11Protocol):
    """HTTP/1.1 that lets the application see its connection, so that a fault can break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


class _Server(uvicorn.Server):
    """Says when it is ready, and does not wait for its clients when it stops."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Like a machine that is switched off: a request that hangs on purpose must not hold the sandbox up.
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await super().shutdown(sockets=sockets)


class Running:
    """A server that answers until it is stopped. A context manager."""

    def __init__(
        self,
        endpoints: Endpoints,
        ca_pem: Path,
        calls: Calls,
        servers: Sequence[_Server],
        smtp: SmtpListener,
        remoting: Remoting,
    ) -> None:
        self.endpoints = endpoints
        self.base_url = endpoints.login
        """`https://localhost:PORT`; with separate ports, Entra's."""
        self.ca_pem = ca_pem
        self.calls = calls
        self._servers = servers
        self._smtp = smtp
        self._remoting = remoting
        self.shells = remoting.shells
        """What was done over WinRM: `shells.now.shells_open` are those that nobody closed."""
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="hveadmin-sandbox", daemon=True)

    def stop(self) -> None:
        """Stop answering; connections that are open break. Stopping twice is no error."""
        for server in self._servers:
            server.should_exit = True
        self._thread.join(_STOP_SECONDS)

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the server has stopped, or that long; a KeyboardInterrupt gets through."""
        give_up = None if seconds is None else time.monotonic() + seconds
        # In short steps, because a join without an end cannot be interrupted on Windows.
        while self._thread.is_alive() and (give_up is None or time.monotonic() < give_up):
            self._thread.join(0.2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, sockets: Sequence[socket.socket]) -> None:
        self._sockets = sockets
        self._thread.start()
        for server in self._servers:
            if not self._is_ready(server):
                self.stop()
                raise ConnectFailed("the sandbox's server did not start") from self._failure

    def _is_ready(self, server: _Server) -> bool:
        for _ in range(int(_START_SECONDS / 0.05)):
            if server.ready.wait(0.05):
                return True
            if self._failure is not None:
                return False
        return False

    def _serve(self) -> None:
        try:
            asyncio.run(self._serve_all())
        except BaseException as error:
            # Kept for the thread that waits for the start.
            self._failure = error
        finally:
            for bound in self._sockets:
                bound.close()
            self._smtp.close()
            self._remoting.abandon()

    async def _serve_all(self) -> None:
        pairs = zip(self._servers, self._sockets, strict=True)
        async with self._smtp.answering():
            await asyncio.gather(*(server.serve(sockets=[bound]) for server, bound in pairs))


# --- the sandbox --------------------------------------------------------------------------------------------------


def _now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """A sandbox: one database file and what lies beside it. A context manager; close it when done."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.clock = clock
        self.store = Store(path)
        self._book = FaultBook(self.store)
        self._smtp_book = SmtpFaultBook(self.store)
        self.mailbox = Mailbox(self.store)
        """The mail that was accepted."""

    @classmethod
    def open(cls, path: Path, *, seed: str = "contoso", clock: Clock | None = None) -> Self:
        """
        The sandbox in this file, made with `seed` when it is empty; what is there is left as it is.

        Raises UsageError for a seed that there is none of, before anything is made, and for a file that is no
        sandbox's or cannot be written.
        """
        parse_seed(seed)
        try:
            sandbox = cls(path, clock or _now)
            with sandbox.store.transaction():
                # Inside the transaction: of two processes that come first, one seeds and the other one sees it.
                if sandbox.store.get("", "setting", "seed") is None:
                    sandbox._fill(seed)
        except (sqlite3.Error, OSError) as problem:
            raise UsageError(
                f"the sandbox cannot keep its state in {path}: {problem}",
                hint="name another file in HVEADMIN_SANDBOX",
            ) from None
        return sandbox

    def close(self) -> None:
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # What it holds

    @property
    def seed(self) -> str:
        """The seed that it was made with."""
        document = self.store.get("", "setting", "seed")
        return "" if document is None else str(document["name"])

    def reseed(self, seed: str) -> None:
        """Forget everything and start from a seed; switches, faults and tokens are forgotten too, secrets stay."""
        parse_seed(seed)
        with self.store.transaction():
            self.store.clear()
            self._fill(seed)

    def reset(self) -> None:
        """Start again from the seed that it was made with."""
        self.reseed(self.seed)

    def tenants(self) -> list[SandboxTenantInfo]:
        """The tenants, ordered by alias."""
        found = [SandboxTenantInfo(each["alias"], each["id"], each["domain"]) for each in self.store.all("", "tenant")]
        return sorted(found, key=lambda tenant: tenant.alias)

    def tenant(self, name: str) -> SandboxTenant:
        """The service's own view of a tenant, by alias, id or domain. Raises UsageError."""
        for each in self.store.all("", "tenant"):
            if name.lower() in (each["alias"], each["id"], *entra.domains_of(each)):
                return SandboxTenant(self.store, each["id"], self.clock, self._read_switches)
        raise UsageError(f"the sandbox has no tenant {name!r}")

    @property
    def operator(self) -> Operator:
        """The application that may do everything that hveadmin does, in every tenant."""
        return self.operators()["operator"]

    def operators(self) -> Mapping[str, Operator]:
        """The administrators' applications by name; `operator` is in every seed, the others in contoso."""
        found = self.store.all("", "operator")
        return {each["name"]: Operator(each["clientId"], self._secret_path(each["name"])) for each in found}

    @property
    def host_user(self) -> HostUser:
        """Who may sign in to the management host with a password."""
        self._secret(_HOST_USER_SECRET)
        return HostUser(_HOST_USER, self._secret_path(_HOST_USER_SECRET))

    def remoting_processes(self) -> list[Counts]:
        """What each process that served PowerShell remoting over stdio did, in no order."""
        return processes(self.store)

    @property
    def account_password_path(self) -> Path:
        """The file with the password that each HVE account has for basic authentication."""
        return self._secret_path(ACCOUNT_PASSWORD)

    def _fill(self, name: str) -> None:
        fill(self.store, name, now=self.clock(), secret_of=self._secret)

    def _secret_path(self, name: str) -> Path:
        if name == OPERATORS[0].name:
            return self.path.with_name(f"{self.path.stem}-operator.secret")
        return self.path.with_name(f"{self.path.stem}-secrets") / name

    def _secret(self, name: str) -> str:
        """An operator's secret or the accounts' password: what its file holds, so that it outlives a reset, or new."""
        path = self._secret_path(name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
        return path.read_text(encoding="utf-8").strip()

    # How it behaves

    @property
    def switches(self) -> Switches:
        """What is unknown about the service, as it is played now."""
        return self._read_switches()

    def set_switches(self, switches: Switches) -> None:
        """Play it otherwise, from the next request on; `dataclasses.replace(sandbox.switches, …)` changes one."""
        write_switches(self.store, switches)

    def _read_switches(self) -> Switches:
        return read_switches(self.store)

    def faults(self) -> list[Fault]:
        """The faults that will still strike."""
        return self._book.pending()

    def add_fault(self, fault: Fault) -> None:
        self._book.add(fault)

    def smtp_faults(self) -> list[SmtpFault]:
        """The faults that will still strike at the SMTP endpoint."""
        return self._smtp_book.pending()

    def add_smtp_fault(self, fault: SmtpFault) -> None:
        self._smtp_book.add(fault)

    def clear_faults(self) -> None:
        self._book.clear()
        self._smtp_book.clear()

    # Answering

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        separate_ports: bool = False,
        smtp_port: int = 0,
        winrm_http: bool = False,
    ) -> Running:
        """
        Start to answer over https, and SMTP on a port of its own; returns when the ports answer.

        Port 0 takes a free one. With `separate_ports` each surface has a port of its own (`port` must be 0), so that
        what is sent to one host and not to another can be seen. WinRM over https is one of the surfaces; `winrm_http`
        opens a free port for it over http too. Raises UsageError where the port is taken.
        """
        if separate_ports and port != 0:
            raise UsageError("separate ports are chosen by the sandbox: leave the port out")
        # Certificates are judged by the client's clock, whatever time it is in the sandbox.
        ca = PrivateCa.open(self.path.with_name(f"{self.path.stem}-ca"), clock=_now)
        certificate, key = ca.server_certificate(["localhost", host])
        surfaces = [(each,) for each in Surface] if separate_ports else [tuple(Surface)]
        sockets = [_bound(host, port) for _ in surfaces]
        calls = Calls()
        try:
            smtp = SmtpListener(_bound(host, smtp_port), self._smtp_service(calls, ca, (certificate, key)))
        except UsageError:
            for bound in sockets:
                bound.close()
            raise
        remoting = self._remoting()
        servers = [_Server(_config(self._app(each, calls, remoting), certificate, key)) for each in surfaces]
        urls = {each: _url(bound) for group, bound in zip(surfaces, sockets, strict=True) for each in group}
        endpoints = Endpoints(
            urls[Surface.ENTRA],
            urls[Surface.GRAPH],
            urls[Surface.EXCHANGE],
            smtp.address,
            urls[Surface.PSRP] + WINRM_PATH,
        )
        if winrm_http:
            sockets.append(_bound(host, 0))
            servers.append(_Server(_config(self._app([Surface.PSRP], calls, remoting))))
            plain = _url(sockets[-1]).replace("https:", "http:")
            endpoints = replace(endpoints, winrm_http=plain + WINRM_PATH)
        running = Running(endpoints, ca.pem_path, calls, servers, smtp, remoting)
        running._start(sockets)
        return running

    def _smtp_service(self, calls: Calls, ca: PrivateCa, certificate: tuple[Path, Path]) -> SmtpService:
        doorkeeper = Doorkeeper(self.store, SigningKeys(self.store), self.clock, self._read_switches)
        return SmtpService(doorkeeper, self.mailbox, self._smtp_book, calls.smtp, ca, certificate)

    def _remoting(self) -> Remoting:
        return Remoting(self.store, self.clock, self._read_switches, self._host_users)

    def _host_users(self) -> Mapping[str, str]:
        return {_HOST_USER: self._secret(_HOST_USER_SECRET)}

    def serve_stdio(self, read: Callable[[int], bytes], out: BinaryIO, configuration: str) -> Ending:
        """Serve one PowerShell remoting session over two streams, to its end. Raises UsageError."""
        return self._remoting().serve_stdio(read, out, configuration)

    def _app(self, surfaces: Sequence[Surface], calls: Calls, remoting: Remoting) -> ASGIApp:
        routes = [route for surface in surfaces for route in self._routes(surface, remoting)]
        return _CountingMiddleware(FaultMiddleware(Starlette(routes=routes), self._book), calls)

    def _routes(self, surface: Surface, remoting: Remoting) -> list[BaseRoute]:
        keys = SigningKeys(self.store)
        match surface:
            case Surface.EXCHANGE:
                return adminapi.routes(self.store, keys, self.clock, self._read_switches)
            case Surface.GRAPH:
                return graph.routes(self.store, keys, self.clock, self._read_switches)
            case Surface.PSRP:
                return remoting.routes()
            case Surface.ENTRA:
                people = user_flows.routes(self.store, keys, self.clock)
                return [*people, *entra.routes(self.store, keys, self.clock, user_flows.grants())]


def _bound(host: str, port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off only for sockets that say they are TCP; with it each answer takes 40 ms.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        # On Windows this would share a port that another program is using.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise UsageError(f"the sandbox cannot listen on {host}:{port}: {error.strerror}") from None
    return bound


def _url(bound: socket.socket) -> str:
    return f"https://localhost:{bound.getsockname()[1]}"


def _config(app: ASGIApp, certificate: Path | None = None, key: Path | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # Longer than clients keep idle connections: otherwise a request may meet one that is just being closed.
        timeout_keep_alive=300,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )

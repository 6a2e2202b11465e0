"""
WS-Management for PowerShell: shells that are created, commanded, sent to, received from, signalled and deleted.

A Receive waits until there is something, until the client's operation timeout, or until the client has gone; only then
is anything taken out of the shell. Shells live until they are deleted: one that nobody deletes is counted as open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.types import Receive

from hveadmin.sandbox.psrp import envelope
from hveadmin.sandbox.psrp.engine import BadStream, RunspacePool
from hveadmin.sandbox.psrp.envelope import POWERSHELL, SHELL, BadEnvelope, Request, WsManFault, decoded, parse_id
from hveadmin.sandbox.psrp.host import CONFIGURATIONS, MACHINE, ManagementHost
from hveadmin.sandbox.psrp.tally import Tally

OPERATION_TIMEOUT = 2150858793
SHELL_LOST = 2150858843
UNKNOWN_RESOURCE = 2150858811
_UNKNOWN_ACTION = 2150858753
_BAD_SCHEMA = 2150858817

_MOST_KILOBYTES = 500
"""MaxEnvelopeSizekb of a Windows host since 2012 [D]."""
_AROUND_DATA = 4096
"""Bytes of an answer that are not data, generously."""
_LEAST_DATA = 256
"""Bytes of data in an answer to a client that takes next to nothing: something has to go out."""


class AnswerLost(Exception):
    """The answer gets lost on its way, on purpose; what was asked was done."""


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class _Shell:
    """A shell: its pool, and a bell that rings when there may be something new."""

    def __init__(self, shell_id: UUID, resource: str, owner: str) -> None:
        self.id = shell_id
        self.resource = resource
        self.owner = owner
        self.rung = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.pool: RunspacePool

    def ring(self) -> None:
        """From any thread, also when the server has stopped by now."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.rung.set)


class WsMan:
    """The service. Its shells are shared by all ports that it is reached at."""

    def __init__(self, host: ManagementHost, tally: Tally) -> None:
        self._host = host
        self._tally = tally
        self._shells: dict[UUID, _Shell] = {}
        self._operations: Mapping[str, Callable[[Request, str, Receive], Awaitable[str]]] = {
            "Create": self._create,
            "Command": self._command,
            "Send": self._send,
            "Receive": self._receive,
            "Signal": self._signal,
            "Delete": self._delete,
            "Get": self._get,
        }

    async def answer(self, data: bytes, caller: str, receive: Receive) -> tuple[int, str]:
        """
        The HTTP status and the envelope for a request's envelope.

        `receive` must have nothing left in it but the client's going. Raises AnswerLost and ClientGone.
        """
        message_id = ""
        try:
            request = Request.parse(data)
            message_id = request.message_id
            return 200, envelope.answer(request, await self._operate(request, caller, receive))
        except WsManFault as problem:
            return 500, envelope.fault(problem, MACHINE, message_id)
        except (BadEnvelope, BadStream) as problem:
            text = f"The SOAP XML in the message does not match the corresponding XML schema definition. {problem}"
            return 500, envelope.fault(WsManFault(_BAD_SCHEMA, "w:SchemaValidationError", text), MACHINE, message_id)

    def abandon(self) -> None:
        """The service stops: nothing that still runs goes on. What is open stays counted as open."""
        for shell in list(self._shells.values()):
            shell.pool.abandon()

    async def _operate(self, request: Request, caller: str, receive: Receive) -> str:
        operation = self._operations.get(request.action)
        if operation is None:
            text = "The WS-Management service cannot process the request. The WS-Addressing action URI is invalid."
            raise WsManFault(_UNKNOWN_ACTION, "a:ActionNotSupported", text)
        return await operation(request, caller, receive)

    # The operations; each gives the body of its answer

    async def _create(self, request: Request, caller: str, receive: Receive) -> str:
        name = request.resource.removeprefix(f"{POWERSHELL}/")
        configuration = CONFIGURATIONS.get(name.lower()) if request.resource.startswith(f"{POWERSHELL}/") else None
        if configuration is None:
            raise WsManFault(
                UNKNOWN_RESOURCE,
                "w:InvalidResourceURI",
                f"The WS-Management service cannot process the request. Cannot find the {name} session configuration in"
                f' the WSMan: drive on the "{MACHINE}" computer.',
            )
        opening = request.find("pwsh:creationXml")
        data = decoded(None if opening is None else opening.text)
        shell = _Shell(parse_id(request.attribute("ShellId")), request.resource, caller)
        shell.pool = await run_in_threadpool(RunspacePool, self._host, configuration, self._tally, shell.ring)
        self._shells[shell.id] = shell
        try:
            await run_in_threadpool(self._take_in, shell, data)
        except BadStream:
            self._forget(shell)
            raise
        return envelope.created(shell.id, request.resource, caller)

    async def _command(self, request: Request, caller: str, receive: Receive) -> str:
        shell = self._shell(request)
        command = parse_id(request.attribute("CommandId"))
        data = b"".join(decoded(each.text) for each in request.find_all("rsp:Arguments"))
        shell.pool.create_pipeline(command)
        await run_in_threadpool(self._take_in, shell, data)
        return envelope.command(command)

    async def _send(self, request: Request, caller: str, receive: Receive) -> str:
        shell = self._shell(request)
        data = b"".join(decoded(each.text) for each in request.find_all("rsp:Stream"))
        await run_in_threadpool(self._take_in, shell, data)
        return envelope.acknowledged("Send")

    async def _receive(self, request: Request, caller: str, receive: Receive) -> str:
        shell = self._shell(request)
        desired = request.find("rsp:DesiredStream")
        named = "" if desired is None else desired.get("CommandId", "")
        command = parse_id(named) if named else None
        await self._until_held(request, shell, command, receive)
        limit = max((request.envelope_size - _AROUND_DATA) * 3 // 4, _LEAST_DATA)
        alone = command is None and self._host.switches().psrp_opening == "one_by_one"
        data = shell.pool.fetch(command, limit, one_message=alone)
        return envelope.received(data, command, done=command is not None and shell.pool.has_ended(command))

    async def _signal(self, request: Request, caller: str, receive: Receive) -> str:
        shell = self._shell(request)
        command = parse_id(request.attribute("CommandId"))
        code = request.find("rsp:Code")
        kind = "" if code is None else (code.text or "").strip().rpartition("/")[2].lower()
        if kind == "terminate":
            shell.pool.close_pipeline(command)
        else:
            shell.pool.stop(command)
        return envelope.acknowledged("Signal")

    async def _delete(self, request: Request, caller: str, receive: Receive) -> str:
        self._forget(self._shell(request))
        return ""

    async def _get(self, request: Request, caller: str, receive: Receive) -> str:
        if request.resource == SHELL:
            shell = self._shell(request)
            return envelope.shell(shell.id, shell.resource, shell.owner)
        return (
            '<cfg:Config xmlns:cfg="http://schemas.microsoft.com/wbem/wsman/1/config">'
            f"<cfg:MaxEnvelopeSizekb>{_MOST_KILOBYTES}</cfg:MaxEnvelopeSizekb></cfg:Config>"
        )

    # Shells

    def _shell(self, request: Request) -> _Shell:
        """The shell that a request selects. Raises WsManFault and AnswerLost where there is none (any more)."""
        name = request.selectors.get("ShellId", "")
        shell = self._shells.get(parse_id(name))
        if shell is None:
            raise _shell_lost(name)
        self._check(shell)
        return shell

    def _check(self, shell: _Shell) -> None:
        gone = shell.pool.gone
        if gone is None and shell.id in self._shells:
            return
        self._forget(shell)
        if gone is not None and gone.executed:
            raise AnswerLost
        raise _shell_lost(str(shell.id).upper())

    def _forget(self, shell: _Shell) -> None:
        self._shells.pop(shell.id, None)
        shell.pool.close()

    def _take_in(self, shell: _Shell, data: bytes) -> None:
        if data:
            shell.pool.receive(data)

    async def _until_held(self, request: Request, shell: _Shell, command: UUID | None, receive: Receive) -> None:
        """Wait for something to fetch. Raises WsManFault when time is up, and ClientGone."""
        hung_up = asyncio.ensure_future(_hung_up(receive))
        try:
            async with asyncio.timeout(request.seconds):
                while True:
                    shell.rung.clear()
                    self._check(shell)
                    if shell.pool.holds(command) or (command is not None and shell.pool.has_ended(command)):
                        return
                    await _either(hung_up, shell.rung)
        except TimeoutError:
            raise WsManFault(
                OPERATION_TIMEOUT,
                "w:TimedOut",
                "The WS-Management service cannot complete the operation within the time specified in"
                " OperationTimeout.",
                sender=False,
            ) from None
        finally:
            hung_up.cancel()


def _shell_lost(name: str) -> WsManFault:
    return WsManFault(
        SHELL_LOST,
        "w:InvalidSelectors",
        f"The request for the Windows Remote Shell with ShellId {name} failed because the shell was not found on the"
        " server. Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the server."
        " Provide the correct ShellId or create a new shell and retry the operation.",
    )


async def _either(hung_up: asyncio.Future[None], rung: asyncio.Event) -> None:
    """Until the bell rings. Raises ClientGone."""
    ringing = asyncio.ensure_future(rung.wait())
    either: set[asyncio.Future[Any]] = {hung_up, ringing}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ringing.cancel()
    if hung_up.done():
        raise ClientGone


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

"""
The door to the sandbox's management host, for the server and for `sandbox pwsh`.

What stands behind it (`psrp`, with psrpcore and pyspnego) is imported when somebody knocks: most who use a sandbox
never do, and should not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hveadmin.errors import UsageError
from hveadmin.sandbox.faults import Switches
from hveadmin.sandbox.keys import SigningKeys
from hveadmin.sandbox.psrp.tally import Counts, Tally
from hveadmin.sandbox.store import Store
from hveadmin.sandbox.tenant import Clock

if TYPE_CHECKING:
    from hveadmin.sandbox.psrp.host import ManagementHost
    from hveadmin.sandbox.psrp.stdio import Ending
    from hveadmin.sandbox.psrp.winrm import WinRm

PATH = "/wsman"
DEFAULT_CONFIGURATION = "Microsoft.PowerShell"
_PROCESS = "pwshProcess"


class Remoting:
    """The management host of one sandbox, as its ports and processes reach it."""

    def __init__(
        self, store: Store, clock: Clock, switches: Callable[[], Switches], users: Callable[[], Mapping[str, str]]
    ) -> None:
        self._store = store
        self._clock = clock
        self._switches = switches
        self._users = users
        self.shells = Tally()
        """What was done over WinRM."""

    def routes(self) -> list[BaseRoute]:
        """WinRM, and Exchange Online's retired endpoint."""
        return [
            Route(PATH, self._wsman, methods=["POST"]),
            Route("/powershell-liveid", _retired, methods=["GET", "POST"]),
        ]

    def abandon(self) -> None:
        """The server stops: nothing that still runs goes on. What is open stays counted as open."""
        if "_winrm" in self.__dict__:
            self._winrm.abandon()

    def serve_stdio(self, read: Callable[[int], bytes], out: BinaryIO, configuration: str) -> Ending:
        """
        Serve one session over two streams to its end; its counts are kept in the store, for other processes to see.

        Raises UsageError for a configuration that there is none of.
        """
        from hveadmin.sandbox.psrp.host import CONFIGURATIONS
        from hveadmin.sandbox.psrp.stdio import StdioServer

        found = CONFIGURATIONS.get(configuration.lower())
        if found is None:
            names = ", ".join(each.name for each in CONFIGURATIONS.values())
            raise UsageError(f"{configuration!r} is no session configuration", hint=f"there are: {names}")
        process = str(uuid4())
        tally = Tally(lambda counts: self._store.put("", _PROCESS, process, asdict(counts)))
        return StdioServer(self._host, found, tally, read, out).serve()

    @cached_property
    def _host(self) -> ManagementHost:
        from hveadmin.sandbox.psrp.host import ManagementHost

        return ManagementHost(self._store, SigningKeys(self._store), self._clock, self._switches, self._users)

    @cached_property
    def _winrm(self) -> WinRm:
        from hveadmin.sandbox.psrp.winrm import WinRm

        return WinRm(self._host, self.shells)

    async def _wsman(self, request: Request) -> Response:
        return await self._winrm.answer(request)


def processes(store: Store) -> list[Counts]:
    """What each process that served a session over stdio did, in no order."""
    return [Counts(**each) for each in store.all("", _PROCESS)]


async def _retired(request: Request) -> Response:
    """Exchange Online's own WSMan endpoint, gone since 2023: all that it says is that the request is bad [O]."""
    return Response(status_code=400)

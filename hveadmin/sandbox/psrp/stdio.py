"""
PowerShell remoting over stdin and stdout: what `pwsh -ServerMode` speaks, and an SSH subsystem `powershell`.

One XML element a line. `Data` carries base64 fragments, for the pool (the zero id) or for a pipeline; `Command` makes
room for a pipeline, `Signal` stops one, `Close` ends one, or with the zero id everything. Each is acknowledged with
the element of the same name and `Ack`; what the server says itself is not [D: MS-PSRP 2.2.7, as PowerShell writes it].
"""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections.abc import Callable, Iterator
from enum import Enum
from typing import BinaryIO
from uuid import UUID
from xml.etree import ElementTree

from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.psrp.engine import BadStream, RunspacePool
from hveadmin.sandbox.psrp.host import Configuration, ManagementHost
from hveadmin.sandbox.psrp.tally import Tally

POOL = UUID(int=0)
"""The id that means the pool itself."""
FRAGMENT = 32 * 1024
"""The most that PowerShell puts into one Data element, in bytes before base64 [F]."""

_CHUNK = 1 << 16
_NOISE = b"Welcome to SBXHOST01. Authorised use only.\n"


class Ending(Enum):
    """How a session ended."""

    CLOSED = "the client closed it"
    HUNG_UP = "the client hung up"
    BROKEN = "what the client sent is no PSRP"
    LOST = "a fault ended it"


class _Over(Exception):
    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


class StdioServer:
    """One session over two streams: `read` gives what came, at most so many bytes, and nothing at the end."""

    def __init__(
        self,
        host: ManagementHost,
        configuration: Configuration,
        tally: Tally,
        read: Callable[[int], bytes],
        out: BinaryIO,
    ) -> None:
        self._host = host
        self._read = read
        self._out = out
        self._writing = threading.Lock()
        self._over = threading.Event()
        self._ending = Ending.BROKEN
        self._pool = RunspacePool(host, configuration, tally, self._flush)

    def serve(self) -> Ending:
        """Answer until the client closes the session, hangs up, sends nonsense, or a fault strikes."""
        if self._host.switches().psrp_noise:
            self._put(_NOISE)
        # In a thread of its own, because a read cannot be interrupted and a fault ends the session at once.
        threading.Thread(target=self._answer_all, name="sandbox-stdio", daemon=True).start()
        self._over.wait()
        self._pool.close()
        return self._ending

    def _end(self, ending: Ending) -> None:
        """The first ending is the one."""
        if not self._over.is_set():
            self._ending = ending
            self._over.set()

    def _answer_all(self) -> None:
        try:
            for line in self._lines():
                self._answer(line)
            self._end(Ending.HUNG_UP)
        except _Over as over:
            self._end(over.ending)

    def _lines(self) -> Iterator[bytes]:
        left = b""
        while chunk := self._read(_CHUNK):
            *whole, left = (left + chunk).split(b"\n")
            yield from (line for line in whole if line.strip())

    def _answer(self, line: bytes) -> None:
        kind, target, content = _parse(line)
        self._play(self._host.faults.take_for_request(Surface.PSRP, kind))
        pipeline = None if target == POOL else target
        match kind:
            case "Data":
                self._take_in(content)
            case "Command" if pipeline is not None:
                self._pool.create_pipeline(pipeline)
            case "Signal" if pipeline is not None:
                self._pool.stop(pipeline)
            case "Close" if pipeline is not None:
                self._pool.close_pipeline(pipeline)
            case "Close":
                # That the pool is closed is said before the close is acknowledged.
                self._pool.close()
            case _:
                raise _Over(Ending.BROKEN)
        self._put(f"<{kind}Ack PSGuid='{target}' />\n".encode())
        if kind == "Close" and pipeline is None:
            raise _Over(Ending.CLOSED)

    def _take_in(self, text: str) -> None:
        try:
            self._pool.receive(base64.b64decode(text, validate=True))
        except (binascii.Error, BadStream):
            raise _Over(Ending.BROKEN) from None

    def _play(self, faults: list[Fault]) -> None:
        """Faults of the wire. What has no meaning on this one is not played."""
        for fault in faults:
            match fault.kind:
                case FaultKind.LATENCY:
                    time.sleep(fault.seconds)
                case FaultKind.HANG:
                    # Deaf from now on; whoever hangs up still ends the process.
                    while self._read(_CHUNK):
                        pass
                    raise _Over(Ending.HUNG_UP)
                case FaultKind.SESSION_LOST:
                    raise _Over(Ending.LOST)
                case _:
                    pass

    def _flush(self) -> None:
        """Write all that waits. Called from any thread."""
        if self._pool.gone is not None:
            self._end(Ending.LOST)
            return
        with self._writing:
            for target in self._pool.targets():
                while data := self._pool.fetch(target, FRAGMENT):
                    encoded = base64.b64encode(data).decode("ascii")
                    self._write(f"<Data Stream='Default' PSGuid='{target or POOL}'>{encoded}</Data>\n".encode())

    def _put(self, line: bytes) -> None:
        with self._writing:
            self._write(line)

    def _write(self, line: bytes) -> None:
        if self._ending is Ending.LOST:
            # A process that died says nothing more.
            return
        try:
            self._out.write(line)
            self._out.flush()
        except (OSError, ValueError):
            self._end(Ending.HUNG_UP)


def _parse(line: bytes) -> tuple[str, UUID, str]:
    """An element's name, whom it is for, and its text. Raises _Over."""
    if b"<!DOCTYPE" in line:
        raise _Over(Ending.BROKEN)
    try:
        element = ElementTree.fromstring(line)  # noqa: S314 - without a document type there are no entities
        return element.tag, UUID(element.get("PSGuid", "")), element.text or ""
    except (ElementTree.ParseError, ValueError):
        raise _Over(Ending.BROKEN) from None

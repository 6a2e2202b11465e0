"""
PowerShell remoting over a child's stdin and stdout: the client's side, with psrpcore for the messages.

One XML element a line. `Data` carries fragments, `Command` makes room for a pipeline, `Signal` stops one, `Close` ends
one, or with the zero id everything; the host acknowledges each with the element of the same name and `Ack` [D: MS-PSRP
2.2.7, F: PowerShell's own client]. What is no such element is noise: login scripts print, and what they print before
the first element is kept, in case there never is one.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import psrpcore
from psrpcore.types import PSInvocationState, RunspacePoolState

from hveadmin.errors import ConnectFailed, HveAdminError, TimedOut
from hveadmin.exchange.powershell.child import CannotStart, Child, monotonic
from hveadmin.exchange.powershell.errors import without_secrets
from hveadmin.exchange.powershell.runspace import SILENT_SECONDS, STOP_SECONDS, Broken, NoAnswer, Said, Trouble

_POOL = UUID(int=0)
_FRAGMENT = 32_768
"""Bytes of a Data element before base64, as PowerShell's own client has it [F]."""
_LONGEST_LINE = 1 << 20
"""A line that is longer than this is no element: 32 KiB of fragments make 44 KiB."""
_LAST_MOMENT = 1.0
"""Seconds that a child has to end after its output did."""
_NOISE = 2048
"""Bytes of noise that are kept, from the end."""
_ELEMENT = re.compile(rb"<(?:Data|(?:Data|Command|Signal|Close)Ack)[ />]")
_ENDED = frozenset({PSInvocationState.Completed, PSInvocationState.Failed, PSInvocationState.Stopped})
_OVER = frozenset({RunspacePoolState.Closed, RunspacePoolState.Broken})


class _Gone(Exception):
    """Nothing more will come."""


class _NoSense(Exception):
    """What came is no PSRP."""


class _Late(Exception):
    """Time is up."""


@dataclass(slots=True)
class _Pipeline:
    output: list[object] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    state: PSInvocationState = PSInvocationState.NotStarted


class StdioRunspace:
    """One session with one child."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._pool: psrpcore.ClientRunspacePool = psrpcore.ClientRunspacePool()
        self._left = b""
        self._noise = b""
        self._heard = False
        self._parting = ""
        self._acks: set[tuple[str, UUID]] = set()
        self._running: dict[UUID, _Pipeline] = {}
        self._closed = False
        self._deaf = False

    def open(self, seconds: float) -> None:
        """Open the session. Raises Broken or NoAnswer."""
        try:
            self._pool.open()
            self._send_all()
            self._until(lambda: self._pool.state is RunspacePoolState.Opened, seconds)
        except _Late:
            self._deaf = True
            raise NoAnswer(seconds, usable=False, why=self._last_words()) from None
        except (_Gone, _NoSense) as why:
            raise Broken(self._why(why), sent=False) from None

    def describe(self) -> Mapping[str, str]:
        """See Runspace."""
        return described(self._pool.application_private_data)

    def call(self, name: str, parameters: Mapping[str, object], seconds: float) -> Said:
        """See Runspace."""
        if not self._child.alive or self._pool.state in _OVER:
            raise Broken(self._last_words() or "it hung up", sent=False)
        begun = monotonic()
        shell = psrpcore.ClientPowerShell(self._pool, remote_stream_options=psrpcore.types.RemoteStreamOptions.none)
        shell.add_command(name)
        shell.add_parameters(**parameters)
        shell.start()
        pipeline = self._running[shell.pipeline_id] = _Pipeline()
        try:
            self._run(shell.pipeline_id, pipeline, seconds)
        except _Late:
            usable = self._stop(shell.pipeline_id, pipeline)
            raise NoAnswer(monotonic() - begun, usable=usable, why="" if usable else self._last_words()) from None
        except (_Gone, _NoSense) as why:
            raise Broken(self._why(why), sent=True) from None
        except BaseException:
            # Ctrl-C: stop it there, if that can be done at once; the caller closes the session.
            self._stop(shell.pipeline_id, pipeline)
            raise
        finally:
            self._running.pop(shell.pipeline_id, None)
        failed = pipeline.state is not PSInvocationState.Completed or len(pipeline.troubles) > 0
        if failed and len(pipeline.troubles) == 0:
            return Said((), (Trouble(f"the command ended as {pipeline.state.name}, without an error"),))
        return Said(pipeline.output, tuple(pipeline.troubles), tuple(pipeline.warnings))

    def close(self) -> None:
        """See Runspace: the child is asked to end, and ended if it does not."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._child.alive and not self._deaf:
                self._say_goodbye()
        finally:
            self._child.end()

    def last_words(self) -> str:
        """The end of what the child and its host said, for an error."""
        return self._last_words()

    # A pipeline's life

    def _run(self, pipeline_id: UUID, pipeline: _Pipeline, seconds: float) -> None:
        """Raises _Late, _Gone and _NoSense."""
        self._tell("Command", pipeline_id)
        self._until(lambda: ("CommandAck", pipeline_id) in self._acks, seconds)
        self._send_all()
        self._until(lambda: pipeline.state in _ENDED, seconds)
        self._finish(pipeline_id, STOP_SECONDS)

    def _finish(self, pipeline_id: UUID, seconds: float) -> None:
        self._tell("Close", pipeline_id)
        self._until(lambda: ("CloseAck", pipeline_id) in self._acks, seconds)
        self._pool.pipeline_table.pop(pipeline_id, None)
        self._acks = {ack for ack in self._acks if ack[1] != pipeline_id}

    def _stop(self, pipeline_id: UUID, pipeline: _Pipeline) -> bool:
        """Stop a pipeline; whether the session can be used on."""
        try:
            self._tell("Signal", pipeline_id)
            self._until(lambda: ("SignalAck", pipeline_id) in self._acks and pipeline.state in _ENDED, STOP_SECONDS)
            self._finish(pipeline_id, STOP_SECONDS)
        except (_Late, _Gone, _NoSense):
            self._deaf = True
            return False
        return True

    def _say_goodbye(self) -> None:
        """Close the session. A host that does not hear it is hung up on all the same."""
        with contextlib.suppress(_Late, _Gone, _NoSense):
            self._tell("Close", _POOL)
            self._until(lambda: ("CloseAck", _POOL) in self._acks, STOP_SECONDS / 2)

    # Lines out

    def _send_all(self) -> None:
        while (payload := self._pool.data_to_send(_FRAGMENT)) is not None:
            text = base64.b64encode(payload.data).decode("ascii")
            self._tell("Data", payload.pipeline_id or _POOL, " Stream='Default'", text)

    def _tell(self, kind: str, target: UUID, attributes: str = "", text: str = "") -> None:
        element = f">{text}</{kind}>" if text else " />"
        self._child.send(f"<{kind}{attributes} PSGuid='{target}'{element}\n".encode("ascii"))

    # Lines in

    def _until(self, done: Callable[[], bool], seconds: float) -> None:
        """
        Listen until something is so. Raises _Late, _Gone and _NoSense.

        Late is also a host that says nothing for SILENT_SECONDS, however much time is left.
        """
        end = monotonic() + seconds
        while not done():
            left = end - monotonic()
            # A child that never pauses would always have something that can be received.
            chunk = self._child.receive(min(left, SILENT_SECONDS)) if left > 0 else None
            if chunk is None:
                raise _Late
            if not chunk:
                raise _Gone
            for line in self._lines(chunk):
                self._take(line)
            if self._pool.state in _OVER:
                raise _Gone

    def _lines(self, chunk: bytes) -> Iterator[bytes]:
        *lines, self._left = (self._left + chunk).split(b"\n")
        if len(self._left) > _LONGEST_LINE:
            raise _NoSense
        yield from lines

    def _take(self, line: bytes) -> None:
        start = _ELEMENT.search(line)
        if start is None:
            self._noise = (self._noise + line + b"\n")[-_NOISE:]
            return
        if not self._heard:
            self._noise = (self._noise + line[: start.start()])[-_NOISE:]
            self._heard = True
        kind, target, content = _parsed(line[start.start() :])
        if kind == "Data":
            self._hear(content)
        else:
            self._acks.add((kind, target))

    def _hear(self, content: bytes) -> None:
        try:
            self._pool.receive_data(psrpcore.PSRPPayload(content, psrpcore.StreamType.default, None))
            while (event := self._pool.next_event()) is not None:
                self._note(event)
        except Exception as problem:
            # psrpcore's parsers raise whatever they run into: KeyError, struct.error, ParseError and its own.
            raise _NoSense(type(problem).__name__) from None

    def _note(self, event: psrpcore.PSRPEvent[Any, Any]) -> None:
        if isinstance(event, psrpcore.RunspacePoolStateEvent) and event.reason is not None:
            self._parting = _trouble(event.reason).text
        pipeline = self._running.get(event.pipeline_id) if event.pipeline_id else None
        if pipeline is None:
            return
        match event:
            case psrpcore.PipelineOutputEvent():
                pipeline.output.append(event.data)
            case psrpcore.WarningRecordEvent():
                pipeline.warnings.append(str(event.record.Message))
            case psrpcore.ErrorRecordEvent():
                pipeline.troubles.append(_trouble(event.record))
            case psrpcore.PipelineStateEvent():
                pipeline.state = event.state
                if event.reason is not None and event.state is PSInvocationState.Failed:
                    # The error that ended it speaks before those that did not.
                    pipeline.troubles.insert(0, _trouble(event.reason))
            case _:
                # Progress, what a host is asked to show: nothing that an answer is made of.
                pass

    # Words

    def _why(self, why: Exception) -> str:
        if isinstance(why, _Gone):
            # Its output ended; what it still has to say, and its exit code, come a moment later.
            self._child.wait(_LAST_MOMENT)
        words = self._last_words()
        if isinstance(why, _NoSense):
            return f"what came is not PowerShell remoting{f': {words}' if words else ''}"
        return words or "it hung up"

    def _last_words(self) -> str:
        """What the child said on stderr; before the protocol began also what it said on stdout."""
        noise = "" if self._heard else (self._noise + self._left)[-_NOISE:].decode("utf-8", "replace").strip()
        said = [self._parting, self._child.last_words(), f"it said: {noise}" if noise else ""]
        return "; ".join(each for each in said if each)


def open_session(
    command: Sequence[str], seconds: float, *, host: str, explain: Callable[[str], HveAdminError]
) -> StdioRunspace:
    """
    Start a child and open a session with it. `explain` makes an error of what it said last.

    Raises ConnectFailed, TimedOut and what `explain` makes.
    """
    try:
        child = Child(command)
    except CannotStart as error:
        raise ConnectFailed(f"{command[0]} cannot be started: {error}", hint=_NO_PROGRAM) from None
    runspace = StdioRunspace(child)
    try:
        runspace.open(seconds)
    except Broken as broken:
        runspace.close()
        raise explain(without_secrets(broken.why, ())) from None
    except NoAnswer as nothing:
        runspace.close()
        words = f": {without_secrets(nothing.why, ())}" if nothing.why else ""
        raise TimedOut(
            f"no session was opened on {host} within {seconds:.0f} s{words}",
            hint="is it PowerShell that is started there? Allow more with --timeout",
            outcome_unknown=False,
        ) from None
    except BaseException:
        runspace.close()
        raise
    return runspace


def described(data: object) -> dict[str, str]:
    """The PowerShell that a host says it has."""
    table = data.get("PSVersionTable") if isinstance(data, dict) else None
    if not isinstance(table, dict):
        return {}
    names = {"PSVersion": "powershell", "PSEdition": "edition"}
    return {name: str(table[key]) for key, name in names.items() if table.get(key)}


def _trouble(record: Any) -> Trouble:
    """An error record of psrpcore's. None of its parts is certain to be there."""
    exception = getattr(record, "Exception", None)
    details = getattr(getattr(record, "ErrorDetails", None), "Message", None)
    text = getattr(exception, "Message", None) or details
    names = getattr(getattr(exception, "PSObject", None), "type_names", None) or [""]
    return Trouble(
        text=str(text or ""), exception=str(names[0]), error_id=str(getattr(record, "FullyQualifiedErrorId", "") or "")
    )


def _parsed(line: bytes) -> tuple[str, UUID, bytes]:
    """An element's name, whom it is for, and its content. Raises _NoSense."""
    if b"<!" in line:
        raise _NoSense("a document type")
    try:
        element = ElementTree.fromstring(line)  # noqa: S314 — without a document type there are no entities
        return element.tag, UUID(element.get("PSGuid", "")), base64.b64decode(element.text or "", validate=True)
    except (ElementTree.ParseError, ValueError, binascii.Error) as problem:
        raise _NoSense(type(problem).__name__) from None


_NO_PROGRAM = "install it, or name another program in the profile: command for transport local"

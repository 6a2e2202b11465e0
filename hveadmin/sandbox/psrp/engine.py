"""
A runspace pool on the server's side: fragments in, messages out, and a thread for each pipeline.

psrpcore reads and writes the messages; it is not thread-safe, so everything that touches it happens under one lock.
Commands run one at a time, as in a pool with one runspace, but a pipeline can be stopped while it waits for its turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

import psrpcore
from psrpcore.types import (
    ErrorRecord,
    PipelineState,
    ProgressRecordType,
    PSInvocationState,
    PSRPMessageType,
    PSVersion,
    RunspacePoolState,
)

from hveadmin.sandbox.faults import Switches
from hveadmin.sandbox.psrp.clixml import NetObject, write
from hveadmin.sandbox.psrp.failures import Failure, not_played, record, scripts_not_allowed, unknown_parameter
from hveadmin.sandbox.psrp.host import Configuration, ManagementHost
from hveadmin.sandbox.psrp.outbox import Outbox, message_head, messages_in
from hveadmin.sandbox.psrp.session import Invocation, Outcome, Session, SessionGone, Stopped, with_switches
from hveadmin.sandbox.psrp.tally import Tally
from hveadmin.sandbox.psrp.values import plain, shown

VERSION = "5.1.20348.2849"
"""The PowerShell that the host says it is."""

_POSITIONAL: Mapping[str, str] = {"import-module": "Name", "get-command": "Name"}
"""What a value without a name means; for Exchange's cmdlets it is the Identity."""
_TURN_SECONDS = 0.05
_ENDING_SECONDS = 2.0
"""How long a closing pool waits for each pipeline that it stopped; a cmdlet that hangs on purpose hears it at once."""
_AT_ONCE = 200
"""Objects that are written before a client is told of them."""


class BadStream(Exception):
    """A client sent what is no PSRP."""


class RunspacePool:
    """
    One shell.

    `woken` is called, from any thread, when there is something to fetch and when the session is gone.
    """

    def __init__(
        self, host: ManagementHost, configuration: Configuration, tally: Tally, woken: Callable[[], None]
    ) -> None:
        self._session = Session(host, configuration)
        self._switches = host.switches
        self._tally = tally
        self._woken = woken
        self._lock = threading.RLock()
        self._turn = threading.Lock()
        table = {"PSVersion": PSVersion(VERSION), "PSEdition": "Desktop"}
        self._pool = psrpcore.ServerRunspacePool(application_private_data={"PSVersionTable": table})
        self._outbox = Outbox()
        self._running: dict[UUID, _Running] = {}
        self.gone: SessionGone | None = None
        """Set when a fault ended the session."""
        self._threads: set[threading.Thread] = set()
        self._closed = False
        tally.shell_opened()

    # What comes in

    def receive(self, data: bytes) -> None:
        """Take fragments in. Raises BadStream."""
        with self._lock:
            self._feed(data)
            self._collect()
        self._woken()

    def create_pipeline(self, pipeline: UUID) -> None:
        """Make room for a pipeline; it starts when its description has come in. One that exists is no error."""
        with self._lock:
            if pipeline not in self._pool.pipeline_table:
                # It puts itself into the pool's table.
                psrpcore.ServerPipeline(self._pool, pipeline)

    def stop(self, pipeline: UUID) -> None:
        """Stop a pipeline; one that has ended, or never was, is no error."""
        with self._lock:
            self._halt(pipeline)
            self._collect()
        self._woken()

    def close_pipeline(self, pipeline: UUID) -> None:
        """Stop a pipeline and forget it, with all that it still had to say."""
        with self._lock:
            self._halt(pipeline)
            self._pool.pipeline_table.pop(pipeline, None)
            self._collect()
            self._outbox.forget(pipeline)
        self._woken()

    def close(self) -> None:
        """Stop everything; what is left to fetch is that the pool is closed. Closing twice is no error."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for pipeline in list(self._running):
                self._halt(pipeline)
            self._pool.pipeline_table.clear()
            if self._pool.state is RunspacePoolState.Opened:
                self._pool.close()
            self._collect()
        self._tally.shell_closed()
        self._woken()
        self._let_them_end()

    def abandon(self) -> None:
        """Let nothing go on, as when a machine is switched off: nothing is said, and nothing counted."""
        with self._lock:
            self._closed = True
            for running in self._running.values():
                running.stopped.set()
        self._let_them_end()

    def _let_them_end(self) -> None:
        """Wait for what was stopped: whoever closes a pool closes what its cmdlets work on right after it."""
        for thread in tuple(self._threads):
            if thread is not threading.current_thread():
                thread.join(_ENDING_SECONDS)

    # What goes out

    def holds(self, pipeline: UUID | None) -> bool:
        """Whether something waits to be fetched for this pipeline, or for the pool."""
        with self._lock:
            return self._outbox.holds(pipeline)

    def fetch(self, pipeline: UUID | None, limit: int, *, one_message: bool = False) -> bytes:
        """Fragments of at most `limit` bytes; see Outbox.fetch."""
        with self._lock:
            return self._outbox.fetch(pipeline, limit, one_message=one_message)

    def targets(self) -> list[UUID | None]:
        """Whom something waits for."""
        with self._lock:
            return self._outbox.targets()

    def has_ended(self, pipeline: UUID) -> bool:
        """Whether a pipeline ended and everything that it said was fetched."""
        with self._lock:
            found = self._pool.pipeline_table.get(pipeline)
            started = found is not None and found.state is not PSInvocationState.NotStarted
            return started and pipeline not in self._running and not self._outbox.holds(pipeline)

    # Inside; the lock is held

    def _feed(self, data: bytes) -> None:
        try:
            self._pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, None))
            while (event := self._pool.next_event()) is not None:
                self._answer(event)
        except Exception as problem:
            # psrpcore's parsers raise whatever they run into: KeyError, struct.error, ParseError and its own.
            raise BadStream(f"{type(problem).__name__}: {problem}") from problem

    def _answer(self, event: psrpcore.PSRPEvent[Any, Any]) -> None:
        match event:
            case psrpcore.CreatePipelineEvent():
                self._start(event.pipeline_id, event.pipeline)
            case psrpcore.GetCommandMetadataEvent():
                self._start(event.pipeline_id, None)
            case psrpcore.SetMaxRunspacesEvent() | psrpcore.SetMinRunspacesEvent() | psrpcore.ResetRunspaceStateEvent():
                self._pool.runspace_availability_response(event.ci, True)
            case psrpcore.GetAvailableRunspacesEvent():
                self._pool.runspace_availability_response(event.ci, 0 if self._running else 1)
            case _:
                # Keys are exchanged by psrpcore itself; host calls are never made, so nobody answers one.
                pass

    def _start(self, pipeline_id: UUID | None, described: psrpcore.PowerShell | None) -> None:
        if pipeline_id is None:
            raise BadStream("a pipeline without an id")
        pipeline = self._pool.pipeline_table[pipeline_id]
        # Not `start`, which tells the client: PowerShell tells how a pipeline ended and nothing before [F].
        pipeline.state = PSInvocationState.Running
        running = _Running(pipeline)
        self._running[pipeline_id] = running
        self._tally.pipeline_started(_name_of(described))
        thread = threading.Thread(target=self._run, args=(running, described), name="sandbox-pipeline", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _halt(self, pipeline: UUID) -> None:
        running = self._running.get(pipeline)
        if running is None:
            return
        running.stopped.set()
        if running.pipeline.state is PSInvocationState.Running:
            running.pipeline.stop()
        self._ended(running)

    def _ended(self, running: _Running) -> None:
        if self._running.pop(running.pipeline.pipeline_id, None) is not None:
            self._tally.pipeline_ended()

    def _collect(self) -> None:
        mark = self._switches().psrp_byte_order_mark
        while (payload := self._pool.data_to_send()) is not None:
            for message in messages_in(payload.data):
                self._outbox.put(payload.pipeline_id, message, byte_order_mark=mark)

    # A pipeline's own thread

    def _run(self, running: _Running, described: psrpcore.PowerShell | None) -> None:
        try:
            with self._turn_of(running):
                outcome = self._outcome(described, running.stopped)
            self._tell(running, outcome)
        except Stopped:
            pass
        except SessionGone as gone:
            self.gone = gone
            self._woken()
        finally:
            self._threads.discard(threading.current_thread())

    @contextmanager
    def _turn_of(self, running: _Running) -> Iterator[None]:
        """While it lasts, no other command runs. Raises Stopped where the pipeline was stopped before its turn."""
        while not self._turn.acquire(timeout=_TURN_SECONDS):
            if running.stopped.is_set():
                raise Stopped
        try:
            yield
        finally:
            self._turn.release()

    def _outcome(self, described: psrpcore.PowerShell | None, stopped: threading.Event) -> Outcome:
        try:
            return self._session.run(_invocation(described, self._session.language), stopped)
        except Failure as failure:
            return Outcome(ended_by=failure)

    def _tell(self, running: _Running, outcome: Outcome) -> None:
        """Write an outcome, some objects at a time, so that a client can fetch the first while the last are made."""
        switches = self._switches()
        if switches.psrp_progress and not self._say(running, _stray_progress):
            return
        made = (shown(each, outcome.type_name, switches) for each in outcome.records)
        # In batches: one by one, each object would cost its client a request.
        while batch := list(islice(made, _AT_ONCE)):
            if not self._say(running, partial(self._put_objects, batch)):
                return
        self._say(running, partial(_conclude, outcome, switches))

    def _say(self, running: _Running, say: Callable[[psrpcore.ServerPipeline], None]) -> bool:
        """Let a pipeline say something; whether it still may."""
        with self._lock:
            if running.stopped.is_set() or self._closed:
                return False
            say(running.pipeline)
            if running.pipeline.state is not PSInvocationState.Running:
                self._ended(running)
            self._collect()
        self._woken()
        return True

    def _put_objects(self, objects: Sequence[NetObject], pipeline: psrpcore.ServerPipeline) -> None:
        head = message_head(PSRPMessageType.PipelineOutput.value, self._pool.runspace_pool_id, pipeline.pipeline_id)
        mark = self._switches().psrp_byte_order_mark
        self._collect()
        for each in objects:
            self._outbox.put(pipeline.pipeline_id, head + write(each).encode(), byte_order_mark=mark)


class _Running:
    """A pipeline that has started and not ended."""

    def __init__(self, pipeline: psrpcore.ServerPipeline) -> None:
        self.pipeline = pipeline
        self.stopped = threading.Event()


def _name_of(described: psrpcore.PowerShell | None) -> str:
    """The command's name for the counts; scripts have none."""
    if described is None or not described.commands or described.commands[0].is_script:
        return ""
    return str(described.commands[0].command_text)


def _invocation(described: psrpcore.PowerShell | None, language: str) -> Invocation:
    """The one command of a pipeline. Raises Failure where it is anything else."""
    if described is None:
        raise not_played("command metadata")
    first = described.commands[0]
    if any(each.is_script for each in described.commands):
        raise scripts_not_allowed() if language == "NoLanguage" else not_played("scripts")
    if len(described.commands) > 1:
        raise not_played("pipelines of several commands")
    name = "".join(first.command_text)
    parameters: dict[str, object] = {}
    for parameter, value in first.parameters:
        key = _POSITIONAL.get(name.lower(), "Identity") if parameter is None else str(parameter).removeprefix("-")
        if key.lower() in {each.lower() for each in parameters}:
            raise unknown_parameter(name, key)
        parameters[key.removesuffix(":")] = plain(value)
    return Invocation(name, with_switches(parameters))


def _conclude(outcome: Outcome, switches: Switches, pipeline: psrpcore.ServerPipeline) -> None:
    """All that an outcome has to say after its objects."""
    for message in outcome.warnings:
        pipeline.write_warning(message)
    for failure in outcome.errors:
        _write_error(failure, switches, pipeline)
    _end(outcome.ended_by, switches, pipeline)


def _write_error(failure: Failure, switches: Switches, pipeline: psrpcore.ServerPipeline) -> None:
    made = record(failure, to_string=switches.psrp_error_to_string)
    pipeline.prepare_message(made, PSRPMessageType.ErrorRecord)


def _stray_progress(pipeline: psrpcore.ServerPipeline) -> None:
    pipeline.write_progress(
        "Preparing modules for first use.",
        0,
        " ",
        percent_complete=-1,
        record_type=ProgressRecordType.Completed,
    )


def _end(failure: Failure | None, switches: Switches, pipeline: psrpcore.ServerPipeline) -> None:
    """Let a pipeline complete, or fail; psrpcore has no word of its own for failing."""
    if failure is None:
        pipeline.complete()
        return
    made: ErrorRecord | None = record(failure, to_string=switches.psrp_error_to_string)
    if switches.psrp_failure != "state":
        _write_error(failure, switches, pipeline)
    state = PipelineState(PipelineState=PSInvocationState.Failed.value)
    if switches.psrp_failure != "stream":
        state.ExceptionAsErrorRecord = made
    pipeline.prepare_message(state)
    pipeline.state = PSInvocationState.Failed

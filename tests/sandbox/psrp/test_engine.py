"""A runspace pool without a wire: psrpcore's client half hands it bytes, and takes what it has."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psrpcore
import pytest
from psrpcore.types import PSInvocationState

from hveadmin.sandbox.faults import Fault, FaultKind, read_switches
from hveadmin.sandbox.keys import SigningKeys
from hveadmin.sandbox.psrp.engine import BadStream, RunspacePool
from hveadmin.sandbox.psrp.host import CONFIGURATIONS, ManagementHost
from hveadmin.sandbox.psrp.tally import Counts, Tally
from hveadmin.sandbox.server import Sandbox

ENOUGH = 1 << 20


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox.open(tmp_path / "sandbox.db", seed="fleet:1x900x0") as sandbox:
        yield sandbox


class Wire:
    """A client and a pool with nothing between them."""

    def __init__(self, sandbox: Sandbox, woken: Callable[[], None] = lambda: None) -> None:
        host = ManagementHost(
            sandbox.store, SigningKeys(sandbox.store), sandbox.clock, lambda: read_switches(sandbox.store), dict
        )
        self.kept: list[Counts] = []
        self.tally = Tally(self.kept.append)
        self.pool = RunspacePool(host, CONFIGURATIONS["hveadmin"], self.tally, woken)
        self.client = psrpcore.ClientRunspacePool()
        self.client.open()
        self.send()
        self.hear(None)

    def send(self) -> None:
        while (payload := self.client.data_to_send()) is not None:
            self.pool.receive(payload.data)

    def start(self, name: str, **parameters: object) -> uuid.UUID:
        shell = psrpcore.ClientPowerShell(self.client)
        shell.add_command(name)
        shell.add_parameters(**parameters)
        shell.start()
        self.pool.create_pipeline(shell.pipeline_id)
        self.send()
        return shell.pipeline_id

    def hear(self, pipeline: uuid.UUID | None) -> list[object]:
        """The events that wait for a pipeline, or for the pool."""
        while data := self.pool.fetch(pipeline, ENOUGH):
            self.client.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, None))
        heard: list[object] = []
        while (event := self.client.next_event()) is not None:
            heard.append(event)
        return heard


def states_in(events: list[object]) -> list[PSInvocationState]:
    return [event.state for event in events if isinstance(event, psrpcore.PipelineStateEvent)]


def until(done: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not done():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def test_a_pipeline_that_is_stopped_while_it_speaks_says_no_more(sandbox: Sandbox) -> None:
    started = threading.Event()

    def stop_at_the_first_word() -> None:
        # Called by the pipeline's own thread between two batches.
        if started.is_set() and wire.pool.holds(pipeline):
            started.clear()
            wire.pool.stop(pipeline)

    wire = Wire(sandbox, lambda: stop_at_the_first_word())
    sandbox.add_fault(Fault(FaultKind.LATENCY, cmdlet="Get-MailUser", seconds=0.2))
    pipeline = wire.start("Get-MailUser", HVEAccount=True)
    started.set()
    until(lambda: wire.tally.now.pipelines_running == 0)
    time.sleep(0.1)
    heard = wire.hear(pipeline)
    assert 0 < sum(isinstance(event, psrpcore.PipelineOutputEvent) for event in heard) < 900
    assert states_in(heard) == [PSInvocationState.Stopped]


def test_a_client_is_told_how_a_pipeline_ended_and_nothing_before(sandbox: Sandbox) -> None:
    wire = Wire(sandbox)
    pipeline = wire.start("Get-MailUser", HVEAccount=True)
    until(lambda: wire.tally.now.pipelines_running == 0)
    heard = wire.hear(pipeline)
    assert len(heard) == 901
    assert states_in(heard) == [PSInvocationState.Completed]
    assert wire.pool.has_ended(pipeline)


def test_stopping_or_closing_what_is_not_there_is_no_error(sandbox: Sandbox) -> None:
    wire = Wire(sandbox)
    wire.pool.stop(uuid.uuid4())
    wire.pool.close_pipeline(uuid.uuid4())
    wire.pool.close()
    wire.pool.close()
    assert (wire.tally.now.shells_open, wire.tally.now.shells_closed) == (0, 1)


def test_a_closed_pool_has_stopped_its_pipelines(sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Get-MailUser"))
    wire = Wire(sandbox)
    wire.start("Get-MailUser", HVEAccount=True)
    assert wire.tally.now.pipelines_running == 1
    wire.pool.close()
    assert (wire.tally.now.pipelines_running, wire.tally.now.shells_open) == (0, 0)
    assert wire.kept[-1] == wire.tally.now


@pytest.mark.parametrize("data", [b"\0" * 4, b"\xff" * 60], ids=["too short", "nonsense"])
def test_what_is_no_psrp_is_one_kind_of_error(sandbox: Sandbox, data: bytes) -> None:
    with pytest.raises(BadStream):
        Wire(sandbox).pool.receive(data)


def test_a_pipeline_nobody_made_room_for_is_refused(sandbox: Sandbox) -> None:
    wire = Wire(sandbox)
    shell = psrpcore.ClientPowerShell(wire.client)
    shell.add_command("Get-MailUser")
    shell.start()
    with pytest.raises(BadStream):
        wire.send()


def test_a_client_may_ask_how_many_runspaces_there_are(sandbox: Sandbox) -> None:
    wire = Wire(sandbox)
    wire.client.get_available_runspaces()
    wire.send()
    (answer,) = wire.hear(None)
    assert isinstance(answer, psrpcore.GetRunspaceAvailabilityEvent)
    assert answer.count == 1

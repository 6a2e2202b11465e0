"""One server for all tests of this room; before each test it is as new."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx2
import pytest
from exchange_wire import NOON, HandClock, Wire

from hveadmin.sandbox.server import Running, Sandbox


@pytest.fixture(scope="session")
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, clock: HandClock) -> Iterator[tuple[Sandbox, Running]]:
    path = tmp_path_factory.mktemp("sandbox") / "sandbox.db"
    with Sandbox.open(path, clock=clock) as sandbox, sandbox.serve() as running:
        yield sandbox, running


@pytest.fixture
def sandbox(served: tuple[Sandbox, Running], clock: HandClock) -> Sandbox:
    """The seed `contoso`, at noon, with default switches and no faults."""
    clock.now = NOON
    sandbox, running = served
    # The signing key is kept: making a new one takes longer than most of these tests.
    key = sandbox.store.get("", "setting", "signing-key")
    sandbox.reset()
    if key is not None:
        sandbox.store.put("", "setting", "signing-key", key)
    running.calls.clear()
    return sandbox


@pytest.fixture
def running(served: tuple[Sandbox, Running]) -> Running:
    return served[1]


@pytest.fixture
def wire(sandbox: Sandbox, running: Running, clock: HandClock) -> Iterator[Wire]:
    """An Exchange administrator's application."""
    trusted = ssl.create_default_context(cafile=running.ca_pem)
    with httpx2.Client(verify=trusted, base_url=running.base_url, timeout=10) as http:
        yield Wire(sandbox, running, http, clock)

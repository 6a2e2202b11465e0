"""One sandbox for the tests of this room; before each test it is as new."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hveadmin.sandbox.server import Running, Sandbox


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Running]]:
    with Sandbox.open(tmp_path_factory.mktemp("smtp") / "sandbox.db") as sandbox, sandbox.serve() as running:
        yield sandbox, running


@pytest.fixture
def sandbox(served: tuple[Sandbox, Running]) -> Sandbox:
    """The seed `contoso`, without faults and with default switches."""
    sandbox, running = served
    key = sandbox.store.get("", "setting", "signing-key")
    sandbox.reset()
    if key is not None:
        sandbox.store.put("", "setting", "signing-key", key)
    running.calls.clear()
    return sandbox


@pytest.fixture
def running(served: tuple[Sandbox, Running]) -> Running:
    return served[1]

"""A running sandbox with WinRM on both ports, as new before each test, and pypsrp to talk to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from management_host import WinRmClient

from hveadmin.sandbox.server import Running, Sandbox


@pytest.fixture(scope="session")
def served_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Running]]:
    path = tmp_path_factory.mktemp("host") / "sandbox.db"
    with Sandbox.open(path) as sandbox, sandbox.serve(winrm_http=True) as running:
        yield sandbox, running


@pytest.fixture
def host(served_host: tuple[Sandbox, Running]) -> WinRmClient:
    """The seed `contoso`, with default switches, no faults, and nothing counted."""
    sandbox, running = served_host
    key = sandbox.store.get("", "setting", "signing-key")
    sandbox.reseed("contoso")
    if key is not None:
        sandbox.store.put("", "setting", "signing-key", key)
    running.calls.clear()
    running.shells.clear()
    return WinRmClient(sandbox, running)


@pytest.fixture
def switch(host: WinRmClient) -> Callable[..., None]:
    """Set switches by name."""

    def set_them(**switches: Any) -> None:
        host.sandbox.set_switches(dataclasses.replace(host.sandbox.switches, **switches))

    return set_them

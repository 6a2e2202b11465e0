"""The stage of all ways, for what only PowerShell's ways can meet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest
from transport_ways import WAYS, Caller, Stage, as_new
from transport_ways import stage as open_stage

from hveadmin.exchange.powershell.transport import PowerShellTransport


class Open(Protocol):
    def __call__(self, way: str, *, caller: Caller | None = None, **details: Any) -> PowerShellTransport: ...


@pytest.fixture(scope="session")
def served_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("hosts")) as stage:
        yield stage


@pytest.fixture
def stage(served_stage: Stage) -> Stage:
    as_new(served_stage)
    return served_stage


@pytest.fixture
def open_way(stage: Stage) -> Iterator[Open]:
    """Opens transports, and closes them after the test."""
    with ExitStack() as opened:

        def open_(way: str, *, caller: Caller | None = None, **details: Any) -> PowerShellTransport:
            transport = WAYS[way](caller or Caller(stage, **details))
            assert isinstance(transport, PowerShellTransport)
            opened.callback(transport.close)
            return transport

        yield open_

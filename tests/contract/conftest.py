"""One stage for all ways; before each test it is as new, and after it nothing may be left on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest
from transport_ways import WAYS, Caller, Stage, Transport, as_new
from transport_ways import stage as open_stage


class Open(Protocol):
    def __call__(self, way: str, *, caller: Caller | None = None, **details: Any) -> Transport: ...


@pytest.fixture(scope="session")
def served_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def stage(served_stage: Stage) -> Stage:
    as_new(served_stage)
    return served_stage


@pytest.fixture
def reseed(stage: Stage) -> Callable[[str], None]:
    return lambda seed: as_new(stage, seed)


@pytest.fixture
def open_way(stage: Stage) -> Iterator[Open]:
    """Opens transports; closes them after the test, and then no session is left and no command runs."""
    with ExitStack() as opened:

        def open_(way: str, *, caller: Caller | None = None, **details: Any) -> Transport:
            transport = WAYS[way](caller or Caller(stage, **details))
            opened.callback(transport.close)
            return transport

        yield open_
    assert stage.shells_open() == 0
    assert stage.pipelines_running() == 0

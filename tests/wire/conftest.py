"""Sessions with the loopback service."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from loopback import Authority, RealClock, Tokens, make_authority

from hveadmin.domain.ports import Clock, TokenSource
from hveadmin.wire.deadline import Deadline
from hveadmin.wire.session import Session, no_waiting


class Connect(Protocol):
    def __call__(
        self,
        base_url: str,
        *,
        clock: Clock | None = None,
        tokens: TokenSource | None = None,
        seconds: float = 10,
        read_timeout: float = 5,
        max_body: int = 10_000,
        on_wait: Callable[[str, float], None] = no_waiting,
        trust: ssl.SSLContext | None = None,
    ) -> Session: ...


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens sessions and closes them after the test."""
    with ExitStack() as stack:

        def open_session(
            base_url: str,
            *,
            clock: Clock | None = None,
            tokens: TokenSource | None = None,
            seconds: float = 10,
            read_timeout: float = 5,
            max_body: int = 10_000,
            on_wait: Callable[[str, float], None] = no_waiting,
            trust: ssl.SSLContext | None = None,
        ) -> Session:
            clock = clock or RealClock()
            session = Session(
                base_url=base_url,
                scope="https://service.example/.default",
                tokens=tokens or Tokens(),
                clock=clock,
                trust=trust or ssl.create_default_context(),
                deadline=Deadline(clock, seconds),
                read_timeout=read_timeout,
                max_body=max_body,
                on_wait=on_wait,
                jitter=lambda: 0.0,
            )
            return stack.enter_context(session)

        yield open_session


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A private CA and a server's TLS settings with it."""
    return make_authority(tmp_path)

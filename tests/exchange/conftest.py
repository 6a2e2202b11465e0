"""The REST transport against the loopback service."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest
from builders import TENANT
from loopback import Loopback, RealClock, Tokens

from hveadmin.domain.ports import Clock, TokenSource
from hveadmin.exchange.rest import RestTransport
from hveadmin.wire.deadline import Deadline
from hveadmin.wire.session import Session


class Connect(Protocol):
    def __call__(
        self,
        service: Loopback,
        *,
        clock: Clock | None = None,
        tokens: TokenSource | None = None,
        seconds: float = 30,
        concurrency: int = 3,
    ) -> RestTransport: ...


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens transports and closes them after the test."""
    with ExitStack() as stack:

        def open_transport(
            service: Loopback,
            *,
            clock: Clock | None = None,
            tokens: TokenSource | None = None,
            seconds: float = 30,
            concurrency: int = 3,
        ) -> RestTransport:
            clock = clock or RealClock()
            session = Session(
                base_url=service.base_url,
                scope="https://outlook.office365.com/.default",
                tokens=tokens or Tokens(),
                clock=clock,
                trust=ssl.create_default_context(),
                deadline=Deadline(clock, seconds),
                jitter=lambda: 0.0,
            )
            transport = RestTransport(session, tenant=TENANT, concurrency=concurrency)
            stack.callback(transport.close)
            return transport

        yield open_transport

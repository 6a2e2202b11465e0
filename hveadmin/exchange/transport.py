"""
The narrow waist between Exchange's ways in and everything above: a cmdlet goes in, records come out.

A transport knows cmdlets, not accounts. It returns an answer whole or raises; it sends a cmdlet that writes once,
and says `outcome_unknown` where it cannot tell whether it was done. The next way in is one new file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from hveadmin.errors import Refused, ServiceError
from hveadmin.exchange.cmdlet import Cmdlet, Record

Outcome = tuple[int, Sequence[Record] | ServiceError]
"""The place of a cmdlet in what was asked, and its records or what went wrong with it alone."""


class Transport(Protocol):
    """A way to run cmdlets in one tenant."""

    def run(self, cmdlet: Cmdlet) -> Sequence[Record]:
        """
        Run one cmdlet and return its records, all of them and without the wire's companion keys.

        Raises AuthError where the sign-in is not accepted, else ServiceError or one of its kinds.
        """
        ...

    def run_many(self, cmdlets: Sequence[Cmdlet]) -> Iterator[Outcome]:
        """
        Run cmdlets that only read, together where the wire can, and yield each one's outcome once, in any order.

        Raises AuthError where the sign-in is not accepted.
        """
        ...

    def describe(self) -> Mapping[str, str]:
        """What it is and whom it talks to, for people; no secret in it."""
        ...

    def close(self) -> None:
        """Let go of connections and processes."""
        ...


def one_by_one(transport: Transport, cmdlets: Sequence[Cmdlet]) -> Iterator[Outcome]:
    """`run_many` for a wire that takes one cmdlet at a time."""
    for place, cmdlet in enumerate(cmdlets):
        try:
            yield place, transport.run(cmdlet)
        except ServiceError as error:
            yield place, error


class ReadOnly:
    """A transport that lets only Get cmdlets through, for whoever must not write."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def run(self, cmdlet: Cmdlet) -> Sequence[Record]:
        """See Transport. Raises Refused for a cmdlet that writes; it is not sent."""
        _must_read(cmdlet)
        return self._transport.run(cmdlet)

    def run_many(self, cmdlets: Sequence[Cmdlet]) -> Iterator[Outcome]:
        """See Transport. Raises Refused, before any is sent, if one of them writes."""
        for cmdlet in cmdlets:
            _must_read(cmdlet)
        return self._transport.run_many(cmdlets)

    def describe(self) -> Mapping[str, str]:
        """See Transport."""
        return {**self._transport.describe(), "access": "read only"}

    def close(self) -> None:
        """See Transport."""
        self._transport.close()


def _must_read(cmdlet: Cmdlet) -> None:
    if cmdlet.writes:
        raise Refused(f"{cmdlet} was not sent: this connection only reads")

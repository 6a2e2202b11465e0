"""
One deadline for everything that is done with a service: requests, tries, waits between them, and slow answers.

`Deadline` is the bound itself; `Cutoff` enforces it where a time-out per read cannot, on a peer that keeps sending
a byte now and then and so never lets a read time out.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import Protocol

from hveadmin.domain.ports import Clock
from hveadmin.errors import TimedOut


class Deadline:
    """A number of seconds, counted from when it was made or last restarted."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self.seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Count from now on: after a person was asked something, whose thinking is nobody's delay."""
        self._end = self._clock.monotonic() + self.seconds

    @contextlib.contextmanager
    def reserve(self, seconds: float = 30.0) -> Iterator[None]:
        """Within this, at least so many seconds are left."""
        end = self._end
        self._end = max(end, self._clock.monotonic() + seconds)
        try:
            yield
        finally:
            self._end = end

    def remaining(self) -> float:
        """Seconds left; zero or less when it is over."""
        return self._end - self._clock.monotonic()

    def allows(self, seconds: float) -> bool:
        """Whether a wait of that many seconds leaves time to do something after it."""
        return seconds < self.remaining()

    def check(self, what: str) -> None:
        """Raise TimedOut if it is over. `what` is what would be begun now: nothing of it has happened yet."""
        if self.remaining() <= 0:
            raise TimedOut(
                f"{what}: the deadline of {self.seconds:g} s ran out",
                hint="allow more with --timeout",
                outcome_unknown=False,
            )


class _Stream(Protocol):
    """The part of httpcore2's network stream that is needed here."""

    def get_extra_info(self, info: str) -> object: ...


class Cutoff:
    """
    Shuts a session's connections down when its deadline has passed.

    HTTP libraries bound each read. A peer that drips its headers stays under that bound for as long as it likes;
    only a shut socket ends such a read.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._streams: weakref.WeakSet[_Stream] = weakref.WeakSet()
        self._lock = threading.Lock()

    def trace(self, event: str, info: Mapping[str, object]) -> None:
        """httpcore2's trace extension: remembers each connection as it is made."""
        stream = info.get("return_value")
        if event.endswith(("connect_tcp.complete", "start_tls.complete")) and hasattr(stream, "get_extra_info"):
            with self._lock:
                self._streams.add(stream)

    @contextlib.contextmanager
    def armed(self) -> Iterator[None]:
        """While this is open, the end of the deadline ends every read of the session."""
        timer = threading.Timer(max(self._deadline.remaining(), 0), self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def cut(self) -> None:
        """Shut down every connection that is still open."""
        with self._lock:
            streams = tuple(self._streams)
        for stream in streams:
            sock = stream.get_extra_info("socket")
            if isinstance(sock, socket.socket):
                # The plain socket's method, also for TLS: SSLSocket.shutdown would drop the TLS state under the
                # thread that is reading. A socket that was closed, or handed over to TLS, raises: nothing to end.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

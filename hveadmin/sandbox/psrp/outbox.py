"""
Messages on their way out, sorted by whom they are for, and cut into fragments of any size.

psrpcore hands out one mixed queue, in fragments of one size. A WSMan client receives for a pipeline or for its pool,
and says with each request how much it takes; so whole messages are kept here and cut when they are fetched.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from uuid import UUID

FRAGMENT_HEAD = 21
"""Bytes before a fragment's content: object id, fragment id, flags, length [D: MS-PSRP 2.2.4]."""
MESSAGE_HEAD = 40
"""Bytes before a message's CLIXML: destination, type, pool, pipeline [D: MS-PSRP 2.2.1]."""
SMALLEST = FRAGMENT_HEAD + 1
"""The smallest amount that a fetch may be limited to."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_START, _END = 1, 2
_HEAD = struct.Struct(">QQBI")
_MESSAGE = struct.Struct("<II16s16s")
_TO_CLIENT = 1


class Outbox:
    """Outgoing messages by pipeline; None is the pool itself. Not thread-safe."""

    def __init__(self) -> None:
        self._waiting: dict[UUID | None, deque[_Message]] = {}
        self._numbers = 0

    def put(self, pipeline: UUID | None, message: bytes, *, byte_order_mark: bool = False) -> None:
        """Add a whole message; one with content can be given a byte order mark."""
        if byte_order_mark and len(message) > MESSAGE_HEAD:
            message = message[:MESSAGE_HEAD] + BYTE_ORDER_MARK + message[MESSAGE_HEAD:]
        self._numbers += 1
        self._waiting.setdefault(pipeline, deque()).append(_Message(self._numbers, message))

    def holds(self, pipeline: UUID | None) -> bool:
        return bool(self._waiting.get(pipeline))

    def fetch(self, pipeline: UUID | None, limit: int, *, one_message: bool = False) -> bytes:
        """
        Fragments of at most `limit` bytes together, as many as fit; nothing where nothing waits.

        With `one_message` they end where the first message does.
        """
        waiting = self._waiting.get(pipeline, deque())
        fetched = bytearray()
        while waiting and limit - len(fetched) >= SMALLEST:
            fetched += waiting[0].fragment(limit - len(fetched) - FRAGMENT_HEAD)
            if not waiting[0].is_out:
                break
            waiting.popleft()
            if one_message:
                break
        return bytes(fetched)

    def targets(self) -> list[UUID | None]:
        """Whom something waits for, the pool first."""
        held = [target for target, waiting in self._waiting.items() if waiting]
        return sorted(held, key=lambda target: target is not None)

    def forget(self, pipeline: UUID) -> None:
        """Throw away what waits for a pipeline."""
        self._waiting.pop(pipeline, None)


class _Message:
    """One message and how much of it is out."""

    def __init__(self, number: int, data: bytes) -> None:
        self._number = number
        self._data = data
        self._at = 0
        self._fragments = 0

    @property
    def is_out(self) -> bool:
        return self._at >= len(self._data)

    def fragment(self, room: int) -> bytes:
        content = self._data[self._at : self._at + room]
        start = _START if self._fragments == 0 else 0
        self._at += len(content)
        head = _HEAD.pack(self._number, self._fragments, start | (_END if self.is_out else 0), len(content))
        self._fragments += 1
        return head + content


def message_head(kind: int, pool: UUID, pipeline: UUID) -> bytes:
    """What stands before the CLIXML of a message from server to client."""
    return _MESSAGE.pack(_TO_CLIENT, kind, pool.bytes_le, pipeline.bytes_le)


def messages_in(fragments: bytes) -> Iterator[bytes]:
    """The messages in a run of fragments, each of which is a whole message."""
    at = 0
    while at < len(fragments):
        _, _, _, length = _HEAD.unpack_from(fragments, at)
        yield fragments[at + FRAGMENT_HEAD : at + FRAGMENT_HEAD + length]
        at += FRAGMENT_HEAD + length

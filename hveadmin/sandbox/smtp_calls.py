"""What was said at the SMTP endpoint, counted for tests and benchmarks. Of what clients sent only verbs are kept."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class SmtpReply:
    """
    One kind of reply, and what it was the reply to.

    `to` is `connect`, a command's verb (`EHLO`, `MAIL`; with AUTH's mechanism: `AUTH XOAUTH2`), `credential` for what
    follows a 334, `challenge` for the answer to a challenge in JSON, `message`, or `?` for no command that there is.
    `reply` is the reply's code, with the enhanced one where there is one: `535 5.7.3`.
    """

    to: str
    reply: str


class SmtpCalls:
    """Counts replies. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replies: Counter[SmtpReply] = Counter()

    def note(self, reply: SmtpReply) -> None:
        with self._lock:
            self._replies[reply] += 1

    def clear(self) -> None:
        with self._lock:
            self._replies.clear()

    def replies(self) -> Mapping[SmtpReply, int]:
        """How many replies of each kind were given."""
        with self._lock:
            return dict(self._replies)

    def count(self, to: str = "", reply: str = "") -> int:
        """How many replies were given to this (case ignored, empty for all) that begin with this."""
        return sum(
            number
            for each, number in self.replies().items()
            if to.casefold() in ("", each.to.casefold()) and each.reply.startswith(reply)
        )

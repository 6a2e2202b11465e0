"""
What can go wrong on purpose at the SMTP endpoint.

A fault strikes at one step of the conversation: a command, or what is not a command but may fail all the same, such as
the greeting or the credential that follows a 334. Faults are kept in the store, so a running server plays them from
the next connection on. As with those of the other services (`faults`), latencies add up, and of the others the first
one that was added is played.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Self

from hveadmin.errors import UsageError
from hveadmin.sandbox.store import Document, Store

LONG_LINE_OCTETS = 65_536


class Step(StrEnum):
    """Where a conversation can be struck."""

    CONNECT = "connect"
    """The greeting."""
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    """The command alone, before any 334."""
    CREDENTIAL = "credential"
    """A token or password has come, on the line of AUTH or after a 334, and waits for its verdict."""
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    """The command, before the message."""
    MESSAGE = "message"
    """The message is there and waits for its verdict."""
    QUIT = "quit"


class SmtpFaultKind(StrEnum):
    """What happens at the step."""

    LATENCY = "latency"
    """The reply comes `seconds` later."""
    HANG = "hang"
    """No reply while the client waits; nothing is done."""
    REPLY = "reply"
    """`text` is sent in place of the reply, as it is; line ends in it become CRLF. After a 421 it hangs up."""
    NONSENSE = "nonsense"
    """A reply of several lines that is none: other codes, no codes, and no last line."""
    LONG_LINE = "long_line"
    """A reply of one line of 64 KiB."""
    DROP = "drop"
    """The connection ends in place of the reply; nothing is done."""
    REPLY_LOST = "reply_lost"
    """Done, and the connection ends before the reply."""
    NO_STARTTLS = "no_starttls"
    """A whole connection without encryption: EHLO does not offer STARTTLS. `at` is of no account."""
    WRONG_CERTIFICATE = "wrong_certificate"
    """STARTTLS shows a certificate of the sandbox's authority for the host `name`; without one, for the right host but
    of an authority that nobody trusts. `at` is of no account."""


_ALWAYS_AT = {SmtpFaultKind.NO_STARTTLS: Step.CONNECT, SmtpFaultKind.WRONG_CERTIFICATE: Step.STARTTLS}


@dataclass(frozen=True, slots=True)
class SmtpFault:
    """One mishap at the SMTP endpoint."""

    kind: SmtpFaultKind
    at: Step = Step.CREDENTIAL
    times: int | None = 1
    """How many times it strikes; None for ever."""
    seconds: float = 0.0
    text: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        if self.times is not None and self.times < 1:
            raise UsageError(f"a fault strikes at least once, not {self.times} times")
        if self.kind is SmtpFaultKind.REPLY and not self.text:
            raise UsageError("a fault of kind reply needs a text")

    def strikes(self, step: Step) -> bool:
        """Whether it strikes at this step."""
        return _ALWAYS_AT.get(self.kind, self.at) is step

    @classmethod
    def from_document(cls, document: Document) -> Self:
        return cls(**document | {"kind": SmtpFaultKind(document["kind"]), "at": Step(document["at"])})


class SmtpFaultBook:
    """The SMTP faults in a store. Taking one counts it down, also when several processes share the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, fault: SmtpFault) -> None:
        with self._store.transaction():
            self._write([*self.pending(), fault])

    def clear(self) -> None:
        self._write([])

    def pending(self) -> list[SmtpFault]:
        """The faults that will still strike; `times` is what is left of them."""
        document = self._store.get("", "setting", "smtp-faults") or {"faults": []}
        return [SmtpFault.from_document(each) for each in document["faults"]]

    def take(self, step: Step) -> list[SmtpFault]:
        """The faults for one step, counted down: all latencies, and the first of the others."""
        if not any(fault.strikes(step) for fault in self.pending()):
            return []
        with self._store.transaction():
            pending = self.pending()
            taken = _played_together([fault for fault in pending if fault.strikes(step)])
            self._write([left for fault in pending if (left := _left_of(fault, taken)) is not None])
        return taken

    def _write(self, faults: Sequence[SmtpFault]) -> None:
        self._store.put("", "setting", "smtp-faults", {"faults": [asdict(fault) for fault in faults]})


def _played_together(striking: Sequence[SmtpFault]) -> list[SmtpFault]:
    latencies = [fault for fault in striking if fault.kind is SmtpFaultKind.LATENCY]
    return latencies + [fault for fault in striking if fault.kind is not SmtpFaultKind.LATENCY][:1]


def _left_of(fault: SmtpFault, taken: Sequence[SmtpFault]) -> SmtpFault | None:
    # By identity: of two equal faults only the one that was taken counts down.
    if fault.times is None or not any(fault is each for each in taken):
        return fault
    return None if fault.times == 1 else replace(fault, times=fault.times - 1)

"""
What is seen when an application tries to send through an HVE account: stage by stage, up to the first that breaks.

The values are those of one attempt; nothing of a token is ever in them. What a server says is somebody else's text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hveadmin.domain.ids import Address
from hveadmin.domain.smtp_replies import Meaning, Reply, meaning_of

PORT = 587
"""Where HVE accepts mail: with STARTTLS, on the submission port [D]."""


class Stage(StrEnum):
    """The stages of an attempt, in their order."""

    CONNECT = "connect"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    SEND = "send"


class Result(StrEnum):
    """What a stage came to."""

    PASSED = "passed"
    REFUSED = "refused"
    """The server said no, in words of its own."""
    BROKEN = "broken"
    """Nobody said anything that a client could go on with."""


@dataclass(frozen=True, slots=True)
class StageSeen:
    """One stage: what it came to, how long it took, what was said."""

    stage: Stage
    result: Result
    seconds: float
    said: str
    """In one line: the server's reply, or why there was none."""
    next: str = ""
    """What to do about it, for a broken stage."""


@dataclass(frozen=True, slots=True)
class TlsSeen:
    """The encrypted connection, its certificate checked."""

    version: str
    cipher: str
    subject: str
    issuer: str
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """One message to send. `text` is ASCII."""

    to: tuple[Address, ...]
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to authenticate as an account, and to send."""

    server: str
    """`host:port`."""
    account: Address
    stages: tuple[StageSeen, ...]
    """Those that were reached; all but the last passed."""
    greeting: str = ""
    tls: TlsSeen | None = None
    offers: tuple[str, ...] = ()
    """What the server offers after STARTTLS: `SIZE 157286400`, `AUTH LOGIN XOAUTH2`."""
    reply: Reply | None = None
    """The answer to AUTH, or to the message where the attempt came that far."""
    challenged: bool = False
    """Whether the refusal was announced by a JSON challenge (Google, Dovecot), not said at once (Exchange)."""
    message_id: str = ""
    """Of the message that was accepted."""

    @property
    def authenticated(self) -> bool | None:
        """Whether the application may authenticate as the account; None where the attempt did not come that far."""
        found = next((each for each in self.stages if each.stage is Stage.AUTH), None)
        if found is None or found.result is Result.BROKEN:
            return None
        return found.result is Result.PASSED

    @property
    def sent(self) -> bool:
        """Whether a message was accepted."""
        return bool(self.message_id)

    @property
    def last(self) -> StageSeen:
        """The last stage that was reached."""
        return self.stages[-1]

    @property
    def passed(self) -> bool:
        """Whether every stage that was asked for passed."""
        return self.last.result is Result.PASSED

    @property
    def meaning(self) -> Meaning | None:
        """What the last reply means; None where there is none, or nobody has described it."""
        return None if self.reply is None else meaning_of(self.reply)

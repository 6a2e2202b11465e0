"""
When to try again: a pure decision, the same for Exchange and for Graph.

    came back                                   a read              a write
    ─────────────────────────────────────────   ─────────────────   ───────────────────────────────────
    no connection                               again, a few times  again, a few times: nothing was sent
    no connection, and there never will be      give up             give up
    an answer was lost on the way               again               give up: it may have been done
    429, "concurrent requests" with a 4xx       again               again: it was turned away at the door
    "concurrent requests" with another status   again               give up
    408 500 502 503 504                         again               give up
    the name of a transient exception           again               give up
    anything else                               give up             give up

The wait is what Retry-After says, else 2 s, 4 s, 8 s … with a cap and jitter. 401 is no matter for this module: one
new token is tried by the session.

Sources: the official module retries 401, 429, 503 and 504 and five of the exceptions, 5 times from 2 s [F]; other
clients in production add 408, 500, 502 and the rest of the names, some of them seen with status 400 [F]; the text
about concurrent requests comes as plain text with any status [F]; Graph's Retry-After can be fractional [D].
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

TRANSIENT_EXCEPTIONS = (
    "DCOverloadedException",
    "SuitabilityDirectoryException",
    "ServerInMMException",
    "ADServerSettingsChangedException",
    "CmdletProxyNotAvailableFailure",
    "ServerBusyException",
    "BackendCommunicationException",
    "TransientException",  # StorageTransientException and its relatives
)

CONCURRENT_REQUESTS = "maximum number of concurrent requests"

_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,9})?")


@dataclass(frozen=True, slots=True)
class Answer:
    """The service answered. `text` is the body where it is no success, or no JSON; else empty."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NotSent:
    """No connection came about, so nothing was sent. `hopeless`: another try meets the same (a bad certificate)."""

    why: str
    hopeless: bool = False


@dataclass(frozen=True, slots=True)
class AnswerLost:
    """The request was sent, at least in part, and no whole answer came."""

    why: str


Outcome = Answer | NotSent | AnswerLost


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient to be. A try is one request on the wire; waits are in seconds."""

    tries: int = 6
    connect_tries: int = 3
    """Fewer, because a person with a mistyped endpoint is waiting."""
    base: float = 2.0
    cap: float = 60.0
    """For waits of our own choice; a Retry-After is kept to however long it is, if the deadline allows."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again after so many seconds."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Take it as it is."""

    why: str


def decide(
    attempt: int, outcome: Outcome, *, safe: bool, policy: Policy, now: datetime, jitter: float = 0.0
) -> Wait | GiveUp:
    """
    Whether the request is to be sent again.

    `attempt` is how many times it was sent, from 1; `safe` says that sending it twice does no harm (a read);
    `now` is needed where Retry-After is a date; `jitter` from 0 to 1 lengthens our own waits by up to a quarter.
    """
    why = _reason(outcome, safe=safe)
    if why is None:
        return GiveUp("another try would not help" if safe else "another try could do it twice")
    tries = policy.connect_tries if isinstance(outcome, NotSent) else policy.tries
    if attempt >= tries:
        return GiveUp(f"{why}, after {attempt} tries")
    told = retry_after(outcome.headers, now) if isinstance(outcome, Answer) else None
    return Wait(backoff(attempt, policy, jitter) if told is None else told, why)


def backoff(attempt: int, policy: Policy, jitter: float = 0.0) -> float:
    """Seconds to wait after this attempt where nobody says how long."""
    doubled = policy.base * 2.0 ** min(attempt - 1, 60)
    return min(doubled, policy.cap) * (1 + jitter / 4)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """What Retry-After asks for, in seconds; None where it is absent or makes no sense."""
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    # A date with the zone "-0000" comes without one; HTTP dates are always UTC.
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds())


def turned_away(answer: Answer) -> bool:
    """Whether the request was refused for there being too many, before anything of it was done."""
    return answer.status == 429 or (400 <= answer.status < 500 and CONCURRENT_REQUESTS in answer.text)


def _reason(outcome: Outcome, *, safe: bool) -> str | None:
    """Why another try may help and can do no harm, None if it would not or could."""
    match outcome:
        case NotSent(why, hopeless):
            return None if hopeless else why
        case AnswerLost(why):
            return why if safe else None
        case Answer() if turned_away(outcome):
            return "throttled"
        case Answer():
            return _transient(outcome) if safe else None


def _transient(answer: Answer) -> str | None:
    if CONCURRENT_REQUESTS in answer.text:
        return "throttled"
    if answer.status < 400 or answer.status == 401:
        return None
    seen = f"{answer.headers.get('x-exceptiontype', '')} {answer.text}"
    named = next((name for name in TRANSIENT_EXCEPTIONS if name in seen), None)
    if named is None and answer.status not in TRANSIENT_STATUSES:
        return None
    return named or f"status {answer.status}"

"""One attempt to send, as a command: the message that goes out, and how the run ends."""

from __future__ import annotations

from hveadmin.domain.ids import Address
from hveadmin.domain.sending import Attempt, Message, Result
from hveadmin.errors import Outcome

SUBJECT = "hveadmin smtp test"
TEXT = (
    "This is a test of an application's way to send through a High Volume Email account.\n"
    "It was sent by hveadmin smtp test. Nothing needs to be done.\n"
)


def message_to(to: tuple[Address, ...]) -> Message:
    """What --send sends."""
    return Message(to, SUBJECT, TEXT)


def outcome_of(attempt: Attempt) -> Outcome:
    """OK where everything that was asked for passed, FINDINGS where the server said no, ERROR where nobody did."""
    match attempt.last.result:
        case Result.PASSED:
            return Outcome.OK
        case Result.REFUSED:
            return Outcome.FINDINGS
        case Result.BROKEN:
            return Outcome.ERROR

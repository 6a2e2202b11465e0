"""
What came of an attempt to send: every stage with its time, and the verdict in words.

What a server said is shown as it came, escaped; its name and id stay in, because that is what a support ticket wants.
The token is in none of the values that this is made of.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.sending import Attempt, Result, Stage, StageSeen
from hveadmin.report.document import Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import timestamp

KIND = "smtp-test"
COLUMNS = ("account", "server", "stage", "result", "seconds", "said")

_WORDS = {
    Result.PASSED: Span("ok", Tone.ADDED),
    Result.REFUSED: Span("REFUSED", Tone.REMOVED),
    Result.BROKEN: Span("BROKEN", Tone.REMOVED),
}


def attempt_report(attempt: Attempt) -> Report:
    """One attempt, a line a stage."""
    account = attempt.account.value
    section = Section(
        Table(COLUMNS, tuple((account, attempt.server, *_cells(each)) for each in attempt.stages)),
        heading=(Row((Span(account, Tone.STRONG), attempt.server)),),
        text=tuple(Row((_WORDS[each.result], *_line(each)), "stage", 2) for each in attempt.stages),
        closing=tuple(Row((line,)) for line in _verdict(attempt)),
        told=("account", "server"),
    )
    return Report(KIND, {"attempts": [_data(attempt)], "stages": [_stage(attempt, each) for each in attempt.stages]},
                  (section,))  # fmt: skip


def _cells(seen: StageSeen) -> tuple[str, Span, float, str]:
    return (seen.stage.value, _WORDS[seen.result], round(seen.seconds, 3), seen.said)


def _line(seen: StageSeen) -> tuple[str, str, str]:
    return (seen.stage.value, f"{seen.seconds:.2f} s", seen.said)


def _verdict(attempt: Attempt) -> Iterator[str]:
    if attempt.last.result is Result.BROKEN:
        yield f"The attempt broke off at {attempt.last.stage.value}: {attempt.last.said}."
        yield f"Next: {attempt.last.next}"
        return
    if attempt.sent:
        yield f"Sent: {attempt.message_id} was accepted for delivery."
        return
    if attempt.passed:
        yield "The application may send through this account: 235, the server let it in."
        yield "A message was not sent; --send ADDRESS sends one."
        return
    yield from _refusal(attempt)


def _refusal(attempt: Attempt) -> Iterator[str]:
    meaning = attempt.meaning if attempt.last.stage in (Stage.AUTH, Stage.SEND) else None
    if attempt.last.next:
        # What was missing, in our own words: there was no reply that could mean anything.
        yield f"Refused at {attempt.last.stage.value}: {attempt.last.said}."
        yield f"Next: {attempt.last.next}"
    elif meaning is None:
        yield f"Refused at {attempt.last.stage.value}; what the server said has no known meaning."
    else:
        yield f"Refused: {meaning.says}."
        yield f"Who can mend it: {meaning.who.value}: {meaning.mend}"
    ticket = attempt.reply.ticket if attempt.reply is not None else None
    if ticket is not None:
        yield f"For a support ticket: {ticket}"


def _data(attempt: Attempt) -> Item:
    reply, meaning, tls = attempt.reply, attempt.meaning, attempt.tls
    ticket = reply.ticket if reply is not None else None
    return {
        "account": attempt.account.value,
        "server": attempt.server,
        "greeting": attempt.greeting,
        "tls": None if tls is None else {
            "version": tls.version,
            "cipher": tls.cipher,
            "subject": tls.subject,
            "issuer": tls.issuer,
            "valid_until": None if tls.valid_until is None else timestamp(tls.valid_until),
        },
        "offers": list(attempt.offers),
        "authenticated": attempt.authenticated,
        "sent": attempt.sent,
        "message_id": attempt.message_id or None,
        "reply": None if reply is None else {"code": reply.code, "enhanced": reply.enhanced, "text": reply.text},
        "challenged": attempt.challenged,
        "meaning": None if meaning is None else {
            "says": meaning.says, "who": meaning.who.value, "mend": meaning.mend, "known": meaning.known,
        },
        "ticket": None if ticket is None else {"server": ticket.server, "time": ticket.time, "id": ticket.id},
    }  # fmt: skip


def _stage(attempt: Attempt, seen: StageSeen) -> Item:
    return {
        "account": attempt.account.value,
        "stage": seen.stage.value,
        "result": seen.result.value,
        "seconds": round(seen.seconds, 3),
        "said": seen.said,
        "next": seen.next or None,
    }

"""The exceptions: what is let be otherwise, on whose word and until when, and what is so on nobody's word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from hveadmin.domain.audit import AuditedException, ExceptionKind, ExceptionState
from hveadmin.report.audit import Audit, day, report_of, titled, unread_section, word_data
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import count

KIND = "report-exceptions"
TITLE = "Exceptions: what is let be otherwise"
COLUMNS = (
    "tenant",
    "exception",
    "state",
    "account",
    "application",
    "rule",
    "what",
    "reason",
    "owner",
    "ticket",
    "expires",
    "source",
)

_TITLES = {
    ExceptionKind.OPEN: "Accounts that are open, or may be",
    ExceptionKind.WAIVER: "Waivers",
    ExceptionKind.ENDED: "Grants past their end that are still on a list",
    ExceptionKind.ENDING: "Grants that end soon",
    ExceptionKind.NOT_ENFORCED: "Accounts whose list nobody keeps",
    ExceptionKind.RULE: "Rules that are switched off, or told to look away",
    ExceptionKind.SETTING: "Settings that look away",
}
_STATES = {
    ExceptionState.NOT_DECLARED: Span("NOT DECLARED", Tone.LOUD),
    ExceptionState.NOT_TOLD: Span("UNKNOWN", Tone.WARNING),
    ExceptionState.PAST: Span("PAST ITS END", Tone.REMOVED),
    ExceptionState.IDLE: Span("matches nothing", Tone.WARNING),
    ExceptionState.SOON: Span("ends soon", Tone.WARNING),
    ExceptionState.IN_FORCE: Span("in force"),
    ExceptionState.CLOSED: Span("not needed: restricted in fact"),
    ExceptionState.NOT_THERE: Span("no such account", Tone.WARNING),
}


def exception_report(audit: Audit, found: Sequence[AuditedException]) -> Report:
    """Every exception, in the order that it was given in: the most dangerous kind first."""
    by_kind = {kind: [each for each in found if each.kind is kind] for kind in ExceptionKind}
    sections = [*unread_section(audit, COLUMNS, "what")]
    sections += [_section(kind, theirs) for kind, theirs in by_kind.items()]
    return report_of(
        audit,
        kind=KIND,
        title=TITLE,
        sections=sections,
        summary=_summary(audit, found),
        lists={"exceptions": [_data(each) for each in found]},
    )


def _summary(audit: Audit, found: Sequence[AuditedException]) -> Iterator[Row]:
    if audit.configuration is None:
        yield Row(
            (
                Span(
                    "There is no configuration, so nothing is excepted: all that is open is so on nobody's word.",
                ),
            )
        )
    by_state = Counter(each.state for each in found)
    counted = ", ".join(f"{by_state[state]} {words.text}" for state, words in _STATES.items() if by_state[state])
    yield Row((f"{count(len(found), 'exception')}" + (f": {counted}." if counted else "."),))


def _section(kind: ExceptionKind, found: Sequence[AuditedException]) -> Section:
    heading = titled(_TITLES[kind], f"{len(found)}")
    if not found:
        return Section(Table(COLUMNS), heading, (Row(("None.",), indent=2),), markdown=f"{_TITLES[kind]}: none.")
    return Section(
        table=Table(COLUMNS, tuple(map(_row, found))),
        heading=heading,
        text=tuple(row for each in found for row in _text(each)),
        told=("exception",),
        wide=True,
        beneath=(
            ("tenant", "account"),
            ("rule", "application"),
            ("reason", "what"),
            ("source", "what"),
            ("ticket", "owner"),
            ("expires", "owner"),
        ),
    )


def _row(each: AuditedException) -> tuple[Cell, ...]:
    word = each.word
    return (
        each.tenant,
        each.kind.value,
        _STATES[each.state],
        "" if each.account is None else each.account.value,
        each.app,
        each.rule,
        each.what,
        word.reason,
        word.owner,
        word.ticket,
        day(word),
        "" if word.source is None else str(word.source),
    )


def _text(each: AuditedException) -> Iterator[Row]:
    whom = " ".join(filter(None, (each.tenant, each.account.value if each.account else "", each.app)))
    until = f"until {each.word.expires}" if each.word.expires else ""
    source = "" if each.word.source is None else str(each.word.source)
    beside = (whom, until, each.word.owner, each.word.ticket, source)
    yield Row((_STATES[each.state], *filter(None, beside)), indent=2)
    yield Row((": ".join(filter(None, (each.what, each.word.reason))),), indent=6)


def _data(each: AuditedException) -> Item:
    return {
        "exception": each.kind.value,
        "state": each.state.value,
        "tenant": each.tenant or None,
        "account": None if each.account is None else each.account.value,
        "application": each.app or None,
        "rule": each.rule or None,
        "what": each.what,
        **word_data(each.word),
    }

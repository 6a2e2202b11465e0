"""
Page one of a report that somebody files, for formats that draw none of their own: whose data, how old, what is unknown.

What could not be read stands before everything else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hveadmin.domain.finding import Severity, Verdict
from hveadmin.report.document import Assessment, Cell, Cover, Document, Item, Report, Row, Scope, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.verdicts import assessed
from hveadmin.report.words import count, timestamp

COLUMNS = ("tenant", "tenant_id", "domain", "read", "by", "accounts", "unreadable")


def first_page(document: Document) -> tuple[Section, ...]:
    """Page one as a section; none where the document has no cover."""
    if not isinstance(document, Report) or document.cover is None:
        return ()
    cover, assessment = document.cover, assessed(document)
    scopes = assessment.scopes if assessment is not None and assessment.scopes else cover.scopes
    heading = (
        Row((Span(document.title or document.kind, Tone.STRONG),)),
        Row((_made(cover),)),
        *_unread(document, scopes),
        *cover.summary,
        *(() if assessment is None else (Row((_counted(assessment),)),)),
    )
    facts = tuple(Row((f"{name}:", value), "facts") for name, value in cover.facts)
    return (Section(Table(COLUMNS, tuple(map(_row, scopes))), heading, closing=facts),)


def _made(cover: Cover) -> str:
    when = "" if cover.made_at is None else f" {timestamp(cover.made_at)}"
    by = f" by {cover.made_by}" if cover.made_by else ""
    return f"made{when}{by}, hveadmin {cover.version}"


def _unread(report: Report, scopes: tuple[Scope, ...]) -> Iterator[Row]:
    told = report.lists.get("unknown")
    for said in _by_scope(scopes) if told is None else map(_by_item, told):
        yield Row((Span(f"UNKNOWN: {said}", Tone.WARNING),))


def _by_item(item: Item) -> str:
    account = f" {item['account']}" if item.get("account") else ""
    return f"{item['tenant']}{account}: {item['what']} could not be read: {item['why']}"


def _by_scope(scopes: tuple[Scope, ...]) -> Iterator[str]:
    for scope in scopes:
        if scope.why_unread:
            yield f"{scope.tenant}: the tenant could not be read: {scope.why_unread}"
        for account in scope.unreadable:
            yield f"{scope.tenant} {account}: its list could not be read"


def _row(scope: Scope) -> tuple[Cell, ...]:
    if scope.why_unread or scope.read_at is None:
        why = Span(f"UNKNOWN: {scope.why_unread}", Tone.WARNING)
        return (scope.tenant, scope.tenant_id, scope.domain, why, "", "UNKNOWN", "UNKNOWN")
    read = timestamp(scope.read_at)
    return (
        scope.tenant,
        scope.tenant_id,
        scope.domain,
        read,
        scope.read_by,
        scope.accounts,
        Span(str(len(scope.unreadable)), Tone.WARNING if scope.unreadable else Tone.PLAIN),
    )


def _counted(assessment: Assessment) -> str:
    failing = Counter(each.severity for each in assessment.findings if each.verdict is Verdict.FAIL)
    verdicts = Counter(each.verdict for each in assessment.findings)
    by_severity = ", ".join(f"{failing[each]} {each}" for each in reversed(Severity) if failing[each])
    failed = f"{count(failing.total(), 'finding')}" + (f" ({by_severity})" if by_severity else "")
    rest = ((Verdict.UNKNOWN, "UNKNOWN"), (Verdict.WAIVED, "waived"), (Verdict.PASS, "passed"))
    return ", ".join((failed, *(f"{verdicts[verdict]} {word}" for verdict, word in rest))) + "."

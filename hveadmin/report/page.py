"""
A report as a page with a beginning: what is where, as values, before any of it is written as HTML.

What could not be read or found out comes first, then the report's own sections, then what fails, the worst first, then
what is to be filled in, then what was looked for and what each rule means. Nothing in here is escaped; the format that
writes it does that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from hveadmin.domain.finding import Finding, Severity, Verdict
from hveadmin.report.document import Answer, Assessment, Cell, Cover, Document, Report, Section, text_of, tone_of
from hveadmin.report.style import Tone
from hveadmin.report.verdicts import Counts, assessed, counts, rule_of, title_of, unread_tenants

Stack = tuple[Cell, ...]
"""What stands in one place of a grid, from top to bottom; all but the first in small print."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that have the same heads."""

    heads: Stack
    """What stands over them; nothing where the grid has no heads."""
    rows: tuple[tuple[Stack, ...], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as a page shows it."""

    columns: tuple[tuple[str, ...], ...]
    """Their names, each with those that stand beneath it."""
    groups: tuple[Rows, ...]
    count: int
    """How many rows there are."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of a report's sections."""

    id: str
    title: str
    beside: tuple[Cell, ...]
    """What stands beside the title: ids, times, counts."""
    section: Section
    table: Grid | None
    """None where there is nothing that another part of the page does not show."""


@dataclass(frozen=True, slots=True)
class RuleFindings:
    """What one rule found, of one severity or verdict."""

    rule: str
    title: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Findings under one heading."""

    id: str
    title: str
    count: int
    rules: tuple[RuleFindings, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How often one rule came to each verdict."""

    rule: str
    title: str
    severity: Severity
    verdicts: tuple[int, ...]
    """In the order of `Verdict`."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A piece of a rule's page: a sentence or more, or lines that are kept as they are."""

    lines: tuple[str, ...]
    as_is: bool


@dataclass(frozen=True, slots=True)
class RulePage:
    """What a rule says of itself."""

    id: str
    title: str
    paragraphs: tuple[Paragraph, ...]
    fix: str = ""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A report's assessment, in the order it is read."""

    counts: Counts
    fail_on: Severity
    without_tenants: bool
    failures: tuple[Group, ...]
    """One a severity, the worst first; only those that have any."""
    waived: tuple[Finding, ...]
    tallies: tuple[Tally, ...]
    pages: tuple[RulePage, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table of contents."""

    id: str
    title: str
    count: int | None = None
    inner: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page."""

    title: str
    cover: Cover
    unread: tuple[tuple[str, str], ...]
    """What could not be read, and why; of a report with findings where it has a list of that."""
    unknown: Group | None
    """Of a report with findings: what could not be found out."""
    judged: Judged | None
    parts: tuple[Part, ...]
    unknown_later: bool = False
    """Whether what could not be found out stands with the findings; page one has what could not be read."""

    @property
    def body(self) -> tuple[Part, ...]:
        """What the report tells."""
        return tuple(part for part in self.parts if not part.section.fill_in)

    @property
    def forms(self) -> tuple[Part, ...]:
        """What is to be filled in by hand, once everything else was read."""
        return tuple(part for part in self.parts if part.section.fill_in)

    @property
    def contents(self) -> tuple[Entry, ...]:
        """What is on the page, with how much of it."""
        return tuple(_contents(self))


def page_of(document: Document) -> Page:
    """What a report, or what a query picked out of one, looks like as a page."""
    if isinstance(document, Answer):
        return Page("Query result", Cover(), (), None, None, tuple(_parts(document.sections, "Query result")))
    title = document.title or document.kind.replace("_", " ").replace("-", " ").capitalize()
    assessment = assessed(document)
    cover = _cover(document, assessment)
    parts = tuple(_parts([each for each in document.sections if not (assessment and each.is_findings)], title))
    if assessment is None:
        return Page(title, cover, tuple(_unread(document, cover)), None, None, parts)
    # A report that tells what could not be read needs no list of all rules that have no answer for that on page one.
    short = tuple(_told_unknown(document)) if "unknown" in document.lists else None
    return Page(title, cover, short or (), _unknown(assessment), _judged(assessment), parts, short is not None)


def _cover(report: Report, assessment: Assessment | None) -> Cover:
    given = report.cover or Cover()
    if assessment is None:
        return given
    return replace(
        given,
        scopes=assessment.scopes or given.scopes,
        made_at=given.made_at or assessment.made_at,
        version=given.version or assessment.version,
    )


def _unread(report: Report, cover: Cover) -> Iterator[tuple[str, str]]:
    told = {scope.tenant for scope in cover.scopes if scope.why_unread}
    yield from ((tenant, why) for tenant, why in unread_tenants(report) if tenant not in told)
    for scope in cover.scopes:
        if scope.why_unread:
            yield scope.tenant, scope.why_unread
        for account in scope.unreadable:
            yield f"{scope.tenant} {account}", "its list could not be read"
    for item in report.lists.get("unknown", ()):
        yield f"{item.get('tenant', '')} {item.get('account', '')}".strip(), str(item.get("why", ""))


def _told_unknown(report: Report) -> Iterator[tuple[str, str]]:
    for item in report.lists["unknown"]:
        account = f" {item['account']}" if item.get("account") else ""
        yield f"{item.get('tenant', '')}{account}, {item.get('what', '')}", str(item.get("why", ""))


def _parts(sections: Iterable[Section], title: str) -> Iterator[Part]:
    for number, section in enumerate(sections, 1):
        heading, beside = _heading(section, title)
        drawn = section.matrix is not None or section.map is not None
        empty = not section.table.rows and (drawn or section.text is not None)
        yield Part(f"part-{number}", heading, beside, section, None if empty else grid_of(section))


def grid_of(section: Section) -> Grid:
    """A section's table, with its heads over their rows and its small print beneath what it belongs to."""
    table = section.table_for_people
    at = {column: index for index, column in enumerate(table.columns)}
    under = dict(section.beneath)
    stacks = {
        column: (column, *(small for small, main in under.items() if main == column and small in at))
        for column in table.columns
        if column not in under and column not in section.heads
    }
    heads = [at[column] for column in section.heads if column in at]
    grouped = groupby(table.rows, lambda row: tuple(row[index] for index in heads))
    groups = (
        Rows(over, tuple(tuple(tuple(row[at[each]] for each in stack) for stack in stacks.values()) for row in rows))
        for over, rows in grouped
    )
    return Grid(tuple(stacks.values()), tuple(groups), len(table.rows))


def _heading(section: Section, title: str) -> tuple[str, tuple[Cell, ...]]:
    """The section's own title; else its first line up to the last strong word, beside which the rest stands."""
    cells = section.heading[0].cells if section.heading else ()
    if section.title:
        return section.title, cells
    strong = [index for index, cell in enumerate(cells) if tone_of(cell) is Tone.STRONG]
    end = strong[-1] + 1 if strong else 1
    return " ".join(filter(None, map(text_of, cells[:end]))) or title, cells[end:]


# Findings


def _unknown(assessment: Assessment) -> Group | None:
    findings = [each for each in assessment.findings if each.verdict is Verdict.UNKNOWN]
    return _group("unknown", "Could not be found out", findings) if findings else None


def _judged(assessment: Assessment) -> Judged:
    failing = [each for each in assessment.findings if each.verdict is Verdict.FAIL]
    by_severity = {severity: [each for each in failing if each.severity is severity] for severity in reversed(Severity)}
    shown = {each.rule for each in assessment.findings if each.verdict in _EXPLAINED}
    return Judged(
        counts=counts(assessment),
        fail_on=assessment.fail_on,
        without_tenants=assessment.without_tenants,
        failures=tuple(
            _group(f"findings-{severity}", severity.capitalize(), findings)
            for severity, findings in by_severity.items()
            if findings
        ),
        waived=tuple(each for each in assessment.findings if each.verdict is Verdict.WAIVED),
        tallies=tuple(_tallies(assessment.findings)),
        pages=tuple(_rule_page(rule) for rule in sorted(shown)),
    )


_EXPLAINED = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.WAIVED)


def _group(group_id: str, title: str, findings: Sequence[Finding]) -> Group:
    ordered = sorted(findings, key=lambda each: each.rule)
    rules = (RuleFindings(rule, _title(rule), tuple(each)) for rule, each in groupby(ordered, lambda each: each.rule))
    return Group(group_id, title, len(findings), tuple(rules))


def _title(rule_id: str) -> str:
    return "" if rule_of(rule_id) is None else title_of(rule_id)


def _tallies(findings: Iterable[Finding]) -> Iterator[Tally]:
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    for rule, theirs in sorted(by_rule.items()):
        verdicts = [each.verdict for each in theirs]
        worst = max((each.severity for each in theirs), key=lambda each: each.rank)
        yield Tally(rule, _title(rule), worst, tuple(map(verdicts.count, Verdict)))


def _rule_page(rule_id: str) -> RulePage:
    rule = rule_of(rule_id)
    if rule is None:
        return RulePage(rule_id, "", (Paragraph(("This version of hveadmin has no such rule.",), as_is=False),))
    blocks = re.split(r"\n{2,}", rule.page.strip())[1:]
    return RulePage(rule_id, rule.title, tuple(map(_paragraph, blocks)), rule.fix, rule.references)


def _paragraph(block: str) -> Paragraph:
    """Rules indent what keeps its lines."""
    if block.startswith("    "):
        return Paragraph(tuple(line.strip() for line in block.splitlines()), as_is=True)
    return Paragraph((" ".join(block.split()),), as_is=False)


# Contents


def _contents(page: Page) -> Iterator[Entry]:
    if page.unread:
        yield Entry("unread", "Could not be read", len(page.unread))
    unknown = [Entry(page.unknown.id, page.unknown.title, page.unknown.count)] if page.unknown else []
    yield from () if page.unknown_later else unknown
    judged = page.judged
    yield from map(_entry, page.body)
    yield from unknown if page.unknown_later else ()
    if judged:
        failing = judged.counts.failing + judged.counts.below
        yield Entry("findings", "Findings", failing, tuple(Entry(e.id, e.title, e.count) for e in judged.failures))
        if judged.waived:
            yield Entry("waived", "Waived", len(judged.waived))
    yield from map(_entry, page.forms)
    if judged:
        yield Entry("tallies", "What was looked for", len(judged.tallies))
        if judged.pages:
            yield Entry("rules", "The rules", len(judged.pages))


def _entry(part: Part) -> Entry:
    return Entry(part.id, part.title, part.table.count if part.table else None, tuple(_inner(part)))


def _inner(part: Part) -> Iterator[Entry]:
    matrix, drawn = part.section.matrix, part.section.map
    if matrix is not None:
        yield Entry(f"{part.id}-accounts", "By account", len(matrix.mailboxes))
        yield Entry(f"{part.id}-matrix", "Matrix")
        yield Entry(f"{part.id}-applications", "By application", len(matrix.senders))
    if drawn is not None and len(drawn.pictures) > 0:
        yield Entry(f"{part.id}-map", "Access map", len(drawn.pictures))

"""
What all formats that are made from findings have in common: which findings, how loud, and where.

What could not be read is a finding here, whatever became of the rule that would say so: a format that leaves it out
would show an unread tenant as a clean one. Nothing in here is escaped; the format that writes it does that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import quote

from hveadmin.domain.desired import SourceSpan
from hveadmin.domain.finding import Finding, Severity, Subject, Verdict
from hveadmin.domain.ids import Address, TenantId
from hveadmin.report.document import Assessment, Report, Scope

if TYPE_CHECKING:
    from hveadmin.policy.engine import AnyRule

UNREAD_ACCOUNT = "HVE901"
UNREAD_TENANT = "HVE902"
NO_PLACE = SourceSpan("hve.yaml", 1)
"""Where a finding without a place is shown: GitHub rejects a whole file for one result without any [O]."""
HVE_PAGE = "https://learn.microsoft.com/exchange/mail-flow-best-practices/high-volume-mails-m365"
"""Microsoft's page on HVE, for rules that name no page of their own."""

_VERDICTS = tuple(Verdict)


class Level(Enum):
    """How loud a finding is in systems that know three degrees."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


_LEVELS = {
    Severity.CRITICAL: Level.ERROR,
    Severity.HIGH: Level.ERROR,
    Severity.MEDIUM: Level.WARNING,
    Severity.LOW: Level.NOTE,
    Severity.INFO: Level.NOTE,
}


def level_of(finding: Finding) -> Level:
    """By severity; what is unknown is a warning at least."""
    level = _LEVELS[finding.severity]
    return Level.WARNING if finding.verdict is Verdict.UNKNOWN and level is Level.NOTE else level


def level_of_severity(severity: Severity) -> Level:
    """How loud a rule of this severity is."""
    return _LEVELS[severity]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many findings there are of each sort."""

    failing: int
    """Failures at or over --fail-on: those that the exit code is about."""
    below: int
    unknown: int
    waived: int
    passed: int
    not_applicable: int


def counts(assessment: Assessment) -> Counts:
    """The findings, counted."""
    by_verdict = dict.fromkeys(Verdict, 0)
    for finding in assessment.findings:
        by_verdict[finding.verdict] += 1
    failing = sum(fails_run(finding, assessment) for finding in assessment.findings)
    return Counts(
        failing=failing,
        below=by_verdict[Verdict.FAIL] - failing,
        unknown=by_verdict[Verdict.UNKNOWN],
        waived=by_verdict[Verdict.WAIVED],
        passed=by_verdict[Verdict.PASS],
        not_applicable=by_verdict[Verdict.NOT_APPLICABLE],
    )


def fails_run(finding: Finding, assessment: Assessment) -> bool:
    """Whether this finding alone fails the run."""
    return finding.verdict is Verdict.FAIL and finding.severity.rank >= assessment.fail_on.rank


def needs_a_look(assessment: Assessment) -> tuple[Finding, ...]:
    """What fails and what is unknown; what was waived or passes is left out."""
    return tuple(each for each in assessment.findings if each.verdict in (Verdict.FAIL, Verdict.UNKNOWN))


def assessed(report: Report) -> Assessment | None:
    """
    A report's assessment, in which everything that could not be read is a finding; None where it has none.

    Failures come first, then what is unknown, then what was waived, then the rest; the worst first in each.
    """
    if report.assessment is None:
        return None
    return with_gaps(replace(report.assessment, scopes=(*report.assessment.scopes, *_scopes_of_the_unread(report))))


def with_gaps(assessment: Assessment) -> Assessment:
    """The assessment, in which everything that its scopes say was not read is a finding; in the usual order."""
    findings = (*assessment.findings, *_gaps(assessment))
    ordered = sorted(findings, key=lambda each: (_VERDICTS.index(each.verdict), -each.severity.rank))
    return replace(assessment, findings=tuple(ordered))


def unread_tenants(report: Report) -> tuple[tuple[str, str], ...]:
    """The tenants that a report could not be made for, and why."""
    return tuple(
        (str(each.get("tenant", "")), str(each.get("why", ""))) for each in report.lists.get("unread_tenants", ())
    )


def _scopes_of_the_unread(report: Report) -> Iterator[Scope]:
    known = {scope.tenant for scope in report.assessment.scopes} if report.assessment else set()
    for tenant, why in unread_tenants(report):
        if tenant not in known:
            yield Scope(tenant, why_unread=why or "nobody knows why")


def _gaps(assessment: Assessment) -> Iterator[Finding]:
    """What was not read and no finding says so: a rule can be switched off, the fact cannot."""
    unknown = [each.subject for each in assessment.findings if each.verdict is Verdict.UNKNOWN]
    tenants = {subject.tenant for subject in unknown if subject.account is None}
    accounts = {(subject.tenant, subject.account.value) for subject in unknown if subject.account is not None}
    for scope in assessment.scopes:
        if scope.why_unread and scope.tenant not in tenants:
            yield _gap(UNREAD_TENANT, f"the tenant could not be read: {scope.why_unread}", scope)
        for account in scope.unreadable:
            if (scope.tenant, account) not in accounts:
                yield _gap(UNREAD_ACCOUNT, "its list could not be read", scope, account)


def _gap(rule: str, message: str, scope: Scope, account: str = "") -> Finding:
    tenant_id = TenantId(scope.tenant_id) if scope.tenant_id else None
    subject = Subject(scope.tenant, tenant_id, Address(account) if account else None)
    return Finding(rule, Severity.HIGH, Verdict.UNKNOWN, message, subject)


def place_of(finding: Finding) -> SourceSpan:
    """Where the finding is shown: always a file, a line and a column, both from 1."""
    found = finding.source or NO_PLACE
    return SourceSpan(path_of(found.file) or NO_PLACE.file, max(found.line, 1), max(found.column, 1))


def path_of(file: str) -> str:
    """A path with slashes and without a root, as systems want it that compare it with a repository's files."""
    return file.replace("\\", "/").removeprefix("./").lstrip("/")


def uri_of(file: str) -> str:
    """The path as a relative reference (RFC 3986)."""
    # Without a colon in its first segment, which would be taken for a scheme.
    return quote(path_of(file), safe="/")


def rule_of(rule_id: str) -> AnyRule | None:
    """The rule of this id; None for one that this version does not have."""
    # Imported here, because a command that judges nothing needs no rules.
    from hveadmin.policy.rules import ALL_RULES

    return ALL_RULES.get(rule_id)


def title_of(rule_id: str) -> str:
    """What fails, in a line; the id itself where this version does not have the rule."""
    rule = rule_of(rule_id)
    return rule_id if rule is None else rule.title


def page_of(rule_id: str) -> str:
    """An absolute address to read on at."""
    rule = rule_of(rule_id)
    addresses = [each for each in (rule.references if rule is not None else ()) if each.startswith("https://")]
    return addresses[0] if addresses else HVE_PAGE


def sentence_of(finding: Finding) -> str:
    """What is so, about what; `UNKNOWN` before what could not be found out."""
    said = f"{finding.subject}: {finding.message}"
    return f"UNKNOWN: {said}" if finding.verdict is Verdict.UNKNOWN else said

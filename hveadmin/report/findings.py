"""
What `check` found, for people and programs.

For people it is grouped by tenant, the worst first: what is so, where, and what to type next. What passes is counted;
`everything` lists it too. Programs are given every verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from hveadmin.domain.desired import Waiver
from hveadmin.domain.finding import Finding, Severity, Verdict
from hveadmin.report.document import Assessment, Cell, Item, Report, Row, Scope, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.verdicts import with_gaps
from hveadmin.report.words import command, count, source_data, timestamp

KIND = "check"
COLUMNS = ("tenant", "verdict", "severity", "rule", "account", "application", "object_id", "finding", "source", "next")

_GOOD = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})
_TONES = {
    Severity.CRITICAL: Tone.LOUD,
    Severity.HIGH: Tone.REMOVED,
    Severity.MEDIUM: Tone.WARNING,
    Severity.LOW: Tone.PLAIN,
    Severity.INFO: Tone.PLAIN,
}


def findings_report(
    assessment: Assessment, rules: Mapping[str, str], files: Sequence[str], *, everything: bool = False
) -> Report:
    """`rules` holds the title of every rule that was run, by its id; `files` are the configuration's."""
    assessment = with_gaps(assessment)
    groups: dict[str, list[Finding]] = {scope.tenant: [] for scope in assessment.scopes}
    for finding in assessment.findings:
        if everything or finding.verdict not in _GOOD:
            groups.setdefault(finding.subject.tenant, []).append(finding)
    scopes = {scope.tenant: scope for scope in assessment.scopes}
    of_all = groups.pop("", [])
    sections = [_section(name, scopes.get(name), findings) for name, findings in groups.items()]
    if of_all or not sections:
        heading = Row((Span("configuration", Tone.STRONG), ", ".join(files)))
        sections.insert(0, _of_findings("configuration", heading, "", of_all))
    sections[-1] = replace(sections[-1], closing=tuple(_closing(assessment)))
    return Report(KIND, _lists(assessment, rules), tuple(sections), assessment)


def _section(tenant: str, scope: Scope | None, findings: Sequence[Finding]) -> Section:
    nothing = "nothing was looked at" if scope is not None and scope.why_unread else "nothing to report"
    return _of_findings(tenant, Row(_tenant_heading(tenant, scope)), tenant, findings, nothing)


def _of_findings(
    title: str, heading: Row, tenant: str, findings: Sequence[Finding], nothing: str = "nothing to report"
) -> Section:
    text = [row for finding in findings for row in _text(finding)]
    return Section(
        table=Table(COLUMNS, tuple(_row(tenant, each) for each in findings)),
        heading=(heading,),
        text=tuple(text) or (Row((nothing,), indent=2),),
        told=("tenant",),
        title=title,
        is_findings=True,
    )


def _tenant_heading(name: str, scope: Scope | None) -> tuple[Cell, ...]:
    alias = Span(name, Tone.STRONG)
    if scope is None or (scope.read_at is None and not scope.why_unread):
        return (alias, "its part of the configuration; the tenant was not read")
    if scope.why_unread or scope.read_at is None:
        return (alias, Span(f"UNKNOWN: {scope.why_unread}", Tone.WARNING))
    unreadable = f", {len(scope.unreadable)} unreadable" if scope.unreadable else ""
    read = f"read {timestamp(scope.read_at)}"
    return (alias, scope.domain, scope.tenant_id, read, f"{count(scope.accounts, 'account')}{unreadable}")


def _text(finding: Finding) -> Iterator[Row]:
    yield Row((_word(finding), finding.rule, _whom(finding), _where(finding)), "finding", 2)
    yield Row((finding.message,), indent=6)
    if finding.waiver is not None:
        yield Row((_accepted(finding.waiver),), indent=6)
    elif finding.remedy:
        # Of named columns, so that it is not wrapped: half a command is another command.
        yield Row((f"next: {finding.remedy}",), "next", 6)


def _accepted(waiver: Waiver) -> str:
    word = ", ".join(filter(None, (waiver.owner, waiver.ticket)))
    return f"accepted until {waiver.expires} by {word} ({waiver.source}): {waiver.reason}"


def _word(finding: Finding) -> Span:
    """How bad it is, or that it is not known, or why it does not count."""
    match finding.verdict:
        case Verdict.FAIL:
            return Span(finding.severity.value, _TONES[finding.severity])
        case Verdict.UNKNOWN:
            return Span("UNKNOWN", Tone.WARNING)
        case Verdict.WAIVED | Verdict.PASS | Verdict.NOT_APPLICABLE as verdict:
            return Span(verdict.value)


def _whom(finding: Finding) -> Span:
    """The subject without the tenant, which the heading names."""
    subject = finding.subject
    account = subject.account.value if subject.account is not None else ""
    return Span("  ".join(filter(None, (account, _application(finding), subject.thing))), Tone.STRONG)


def _application(finding: Finding) -> str:
    app = finding.subject.app
    return finding.subject.app_name or (app.short if app is not None else "")


def _where(finding: Finding) -> str:
    return str(finding.source) if finding.source is not None else ""


def _row(tenant: str, finding: Finding) -> tuple[Cell, ...]:
    subject = finding.subject
    return (
        tenant,
        finding.verdict.value,
        finding.severity.value,
        finding.rule,
        subject.account.value if subject.account is not None else subject.thing,
        subject.app_name,
        subject.app.value if subject.app is not None else "",
        finding.message if finding.waiver is None else f"{finding.message}; {_accepted(finding.waiver)}",
        _where(finding),
        finding.remedy,
    )


def _closing(assessment: Assessment) -> Iterator[Row]:
    by_verdict = Counter(finding.verdict for finding in assessment.findings)
    failing = Counter(finding.severity for finding in assessment.findings if finding.verdict is Verdict.FAIL)
    counted = [f"{failing[severity]} {severity.value}" for severity in reversed(Severity) if failing[severity]]
    failures = f"{by_verdict[Verdict.FAIL]} failed" + (f" ({', '.join(counted)})" if counted else "")
    rest = [f"{by_verdict[verdict]} {word}" for verdict, word in _COUNTED if by_verdict[verdict]]
    yield Row((f"{', '.join((failures, *rest))}.",))
    below = sum(failing[severity] for severity in Severity if severity.rank < assessment.fail_on.rank)
    if below:
        yield Row((f"{below} of the failures are below {assessment.fail_on.value} and do not fail the run.",))
    if assessment.without_tenants:
        yield Row(("Only the configuration was looked at; no tenant was asked.",))
    worth_reading = [each.rule for each in assessment.findings if each.verdict in (Verdict.FAIL, Verdict.UNKNOWN)]
    if worth_reading:
        yield Row(("Why it matters, and how to mend it:",))
        yield Row((command("hveadmin", "rules", "explain", *dict.fromkeys(worth_reading)),), indent=2)


_COUNTED = (
    (Verdict.UNKNOWN, "unknown"),
    (Verdict.WAIVED, "waived"),
    (Verdict.PASS, "passed"),
    (Verdict.NOT_APPLICABLE, "not applicable"),
)


def _lists(assessment: Assessment, rules: Mapping[str, str]) -> dict[str, Sequence[Item]]:
    return {
        "tenants": [_scope_data(each) for each in assessment.scopes],
        "findings": [finding_data(each) for each in assessment.findings],
        "rules": [{"id": rule, "title": title} for rule, title in rules.items()],
        "counts": list(_counts(assessment.findings)),
        "unread_tenants": [
            {"tenant": each.tenant, "why": each.why_unread} for each in assessment.scopes if each.why_unread
        ],
    }


def _counts(findings: Iterable[Finding]) -> Iterator[Item]:
    counted = Counter((finding.verdict, finding.severity) for finding in findings)
    for verdict in Verdict:
        for severity in reversed(Severity):
            if counted[verdict, severity]:
                number = counted[verdict, severity]
                yield {"verdict": verdict.value, "severity": severity.value, "count": number}


def _scope_data(scope: Scope) -> Item:
    return {
        "tenant": scope.tenant,
        "tenant_id": scope.tenant_id or None,
        "domain": scope.domain or None,
        "read_at": None if scope.read_at is None else timestamp(scope.read_at),
        "read_by": scope.read_by or None,
        "accounts": None if scope.read_at is None else scope.accounts,
        "unreadable": list(scope.unreadable),
    }


def finding_data(finding: Finding) -> Item:
    """One verdict in the machine form; ids are whole, and what there is not is null."""
    subject, waiver = finding.subject, finding.waiver
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "verdict": finding.verdict.value,
        "message": finding.message,
        "tenant": subject.tenant or None,
        "tenant_id": None if subject.tenant_id is None else subject.tenant_id.value,
        "account": None if subject.account is None else subject.account.value,
        "guid": None if subject.guid is None else subject.guid.value,
        "object_id": None if subject.app is None else subject.app.value,
        "application": subject.app_name or None,
        "thing": subject.thing or None,
        "source": source_data(finding.source),
        "remedy": finding.remedy or None,
        "facts": dict(finding.facts),
        "fingerprint": finding.fingerprint,
        "waiver": None
        if waiver is None
        else {
            "owner": waiver.owner,
            "reason": waiver.reason,
            "ticket": waiver.ticket or None,
            "expires": waiver.expires.isoformat(),
            "source": source_data(waiver.source),
        },
    }

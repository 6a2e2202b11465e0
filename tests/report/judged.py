"""Assessments made by hand, for the formats that are made from findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from builders import NOW, TENANT, address, app, span

from hveadmin.domain.desired import Waiver
from hveadmin.domain.finding import Finding, Severity, Subject, Verdict
from hveadmin.domain.ids import Guid
from hveadmin.report.document import Assessment, Report, Scope, Section, Table
from hveadmin.report.render import FORMATS, render

OF_FINDINGS = [name for name, each in FORMATS.items() if each.needs_findings]
OF_ANYTHING = [name for name, each in FORMATS.items() if not each.needs_findings]
SHOWING_ALL = [name for name in OF_ANYTHING if name != "name"]
"""The formats that show every cell of every report."""

SCOPE = Scope("contoso", TENANT.value, "contoso.onmicrosoft.com", NOW, "auditor@contoso.com", accounts=14)
WAIVER = Waiver(
    "HVE201", "Vendor trial", "lab@contoso.com", date(2026, 12, 15), span(30), tenant="contoso", ticket="RISK-221"
)


def subject(number: int = 1, name: str = "Payroll Mailer") -> Subject:
    """An application on an account's list; different numbers are different accounts."""
    guid = Guid(f"aaaaaaaa-0000-4000-8000-{number:012d}")
    return Subject("contoso", TENANT, address(f"n{number}"), guid, Guid(app(number).value), name)


def finding(
    verdict: Verdict = Verdict.FAIL,
    severity: Severity = Severity.HIGH,
    *,
    rule: str = "HVE201",
    number: int = 1,
    name: str = "Payroll Mailer",
    line: int | None = 52,
) -> Finding:
    return Finding(
        rule,
        severity,
        verdict,
        f"{name} is in no entry of apps",
        subject(number, name),
        None if line is None else span(line),
        remedy=f"hveadmin app whatis {app(number)}",
        waiver=replace(WAIVER, reason=f"Trial of {name}") if verdict is Verdict.WAIVED else None,
        facts=(("of", "10"),),
    )


def one_of_each(name: str = "Payroll Mailer") -> tuple[Finding, ...]:
    """A failure of each severity, and one finding of every other verdict."""
    failing = [
        finding(severity=severity, number=number, name=name) for number, severity in enumerate(reversed(Severity))
    ]
    others = [
        finding(verdict, number=10 + number, name=name)
        for number, verdict in enumerate(each for each in Verdict if each is not Verdict.FAIL)
    ]
    return (*failing, *others)


def assessment(findings: Iterable[Finding] = (), *scopes: Scope, fail_on: Severity = Severity.MEDIUM) -> Assessment:
    return Assessment(tuple(findings), scopes or (SCOPE,), fail_on=fail_on, version="0.3.0")


def judged(findings: Iterable[Finding] = (), *scopes: Scope, fail_on: Severity = Severity.MEDIUM) -> Report:
    """A report with an assessment, and with the findings in its table and its lists."""
    made = assessment(findings, *scopes, fail_on=fail_on)
    rows = tuple((each.severity.value, each.rule, str(each.subject), each.message) for each in made.findings)
    items = [{"rule": each.rule, "app_name": each.subject.app_name, "message": each.message} for each in made.findings]
    section = Section(Table(("severity", "rule", "about", "what"), rows))
    return Report("check", {"findings": items}, (section,), assessment=made)


def written(format_name: str, findings: Iterable[Finding] = (), *scopes: Scope) -> str:
    return render(judged(findings, *scopes), format_name)

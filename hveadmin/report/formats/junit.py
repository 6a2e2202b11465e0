"""
JUnit for systems that know tests: a suite for each tenant and one for the configuration, a case for each verdict.

A failure is what fails the run, so that the colour and the exit code agree: a finding below --fail-on passes and says
so in its output. What is unknown is an error. What is waived or not applicable is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hveadmin.domain.finding import Finding, Verdict
from hveadmin.report.document import Assessment, Scope
from hveadmin.report.safe_text import for_console
from hveadmin.report.verdicts import fails_run, place_of, title_of
from hveadmin.report.words import timestamp

if TYPE_CHECKING:
    from junitparser import TestCase, TestSuite

CONFIGURATION = "configuration"
"""The suite of what is about no tenant."""


def write(assessment: Assessment) -> str:
    """One XML document. Where tenants were read, every suite of one begins with whether all of it could be."""
    from junitparser import JUnitXml

    # The library's methods are typed as far as they have arguments.
    xml: Any = JUnitXml("hveadmin")
    for suite in _suites(assessment):
        xml.append(suite)
    xml.update_statistics()
    # Whether there is a declaration, and which, depends on the XML library that junitparser finds.
    text: str = xml.tostring().decode()
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + text[text.index("<testsuites") :] + "\n"


def _suites(assessment: Assessment) -> Iterator[TestSuite]:
    by_tenant: dict[str, list[Finding]] = {scope.tenant: [] for scope in assessment.scopes}
    for finding in assessment.findings:
        by_tenant.setdefault(finding.subject.tenant, []).append(finding)
    scopes = {scope.tenant: scope for scope in assessment.scopes}
    for tenant, findings in by_tenant.items():
        yield _suite(tenant, scopes.get(tenant), findings, assessment)


def _suite(tenant: str, scope: Scope | None, findings: Iterable[Finding], assessment: Assessment) -> TestSuite:
    from junitparser import TestSuite

    # XML forbids characters that names may hold; the tags are the library's to escape.
    name = for_console(tenant) or CONFIGURATION
    suite = TestSuite(name)
    cases = [_case(name, finding, assessment) for finding in findings]
    if scope is not None:
        if scope.read_at is not None:
            suite.timestamp = timestamp(scope.read_at)
        for key, value in _facts(scope, assessment):
            suite.add_property(key, for_console(value))
        if not assessment.without_tenants:
            cases.insert(0, _read_case(name, scope))
    suite.add_testcases(cases)
    return suite


def _facts(scope: Scope, assessment: Assessment) -> Iterator[tuple[str, str]]:
    facts = {
        "tenant_id": scope.tenant_id,
        "domain": scope.domain,
        "read_by": scope.read_by,
        "hveadmin": assessment.version,
        "fail_on": assessment.fail_on.value,
    }
    return ((key, value) for key, value in facts.items() if value)


def _read_case(suite: str, scope: Scope) -> TestCase:
    from junitparser import Error, TestCase

    case = TestCase("everything was read", f"hveadmin.{suite}.read")
    if scope.why_unread:
        case.result = [Error(for_console(scope.why_unread), Verdict.UNKNOWN.value)]
    elif scope.unreadable:
        case.result = [Error(for_console(f"not read: {', '.join(scope.unreadable)}"), Verdict.UNKNOWN.value)]
    return case


def _case(suite: str, finding: Finding, assessment: Assessment) -> TestCase:
    from junitparser import Error, Failure, Skipped, TestCase

    case = TestCase(
        for_console(f"{finding.rule} {title_of(finding.rule)}: {finding.subject}"), f"hveadmin.{suite}.{finding.rule}"
    )
    message, severity = for_console(finding.message), finding.severity.value
    match finding.verdict:
        case Verdict.UNKNOWN:
            case.result = [Error(message, finding.verdict.value)]
        case Verdict.WAIVED | Verdict.NOT_APPLICABLE:
            case.result = [Skipped(_skipped(finding), finding.verdict.value)]
        case Verdict.FAIL if fails_run(finding, assessment):
            case.result = [Failure(message, severity)]
        case Verdict.FAIL:
            case.system_out = f"{severity}, below --fail-on {assessment.fail_on.value}: {_details(finding)}"
        case Verdict.PASS:
            pass
    for result in case.result:
        result.text = _details(finding)
    return case


def _skipped(finding: Finding) -> str:
    waiver = finding.waiver
    if waiver is None:
        return for_console(finding.message)
    return for_console(f"waived until {waiver.expires} by {waiver.owner}: {waiver.reason}")


def _details(finding: Finding) -> str:
    place = place_of(finding)
    remedy = f"\nnext: {for_console(finding.remedy)}" if finding.remedy else ""
    return f"{for_console(finding.message)}\n{for_console(str(place))}{remedy}"

"""What could not be read is a finding in every format; a place is always a file and a line."""

from __future__ import annotations

import pytest
from builders import span
from report.judged import OF_FINDINGS, SCOPE, assessment, finding, judged, one_of_each, written

from hveadmin.domain.desired import SourceSpan
from hveadmin.domain.finding import Severity, Verdict
from hveadmin.report.document import Report, Scope, Section, Table, together, unread_tenant
from hveadmin.report.render import render
from hveadmin.report.verdicts import assessed, counts, fails_run, place_of, uri_of

UNREAD = Scope("fabrikam", why_unread="AADSTS7000215")
HALF_READ = Scope("contoso", accounts=2, unreadable=("hve-n1@contoso.com", "hve-n2@contoso.com"))


@pytest.mark.parametrize("format_name", [*OF_FINDINGS, "github", "azure"])
def test_a_tenant_that_could_not_be_read_is_named_where_no_rule_says_so(format_name: str) -> None:
    text = written(format_name, [], SCOPE, UNREAD)
    assert "fabrikam" in text
    assert "AADSTS7000215" in text


@pytest.mark.parametrize("format_name", [*OF_FINDINGS, "github", "azure"])
def test_an_account_that_could_not_be_read_is_named_where_no_rule_says_so(format_name: str) -> None:
    text = written(format_name, [], HALF_READ)
    assert "hve-n1@contoso.com" in text
    assert "hve-n2@contoso.com" in text


@pytest.mark.parametrize("format_name", OF_FINDINGS)
def test_a_report_on_an_unread_tenant_without_an_assessment_is_not_lost_beside_others(format_name: str) -> None:
    both = together([judged(), unread_tenant("check", ("tenant", "state"), "fabrikam", "AADSTS7000215")])
    text = render(both, format_name)
    assert "fabrikam" in text
    assert "AADSTS7000215" in text


def test_what_a_finding_says_already_is_not_said_twice() -> None:
    told = finding(Verdict.UNKNOWN, rule="HVE901", number=1)
    report = assessed(judged([told], HALF_READ))
    assert report is not None
    assert [str(each.subject.account) for each in report.findings] == ["hve-n1@contoso.com", "hve-n2@contoso.com"]


def test_a_failure_does_not_stand_for_what_could_not_be_read() -> None:
    report = assessed(judged([finding(number=1)], HALF_READ))
    assert report is not None
    assert [each.verdict for each in report.findings] == [Verdict.FAIL, Verdict.UNKNOWN, Verdict.UNKNOWN]


def test_failures_come_first_and_the_worst_first() -> None:
    report = assessed(judged(reversed(one_of_each()), UNREAD))
    assert report is not None
    assert [each.verdict for each in report.findings] == sorted(
        (each.verdict for each in report.findings), key=tuple(Verdict).index
    )
    failures = [each.severity for each in report.findings if each.verdict is Verdict.FAIL]
    assert failures == list(reversed(Severity))


def test_a_report_without_findings_has_no_assessment() -> None:
    assert assessed(Report("plan", {}, (Section(Table(("account",))),))) is None


@pytest.mark.parametrize("fail_on", Severity)
def test_the_counts_are_those_of_the_exit_code(fail_on: Severity) -> None:
    found = counts(assessment(one_of_each(), fail_on=fail_on))
    assert found.failing == 5 - fail_on.rank
    assert found.failing + found.below == 5
    assert (found.unknown, found.waived, found.passed, found.not_applicable) == (1, 1, 1, 1)


def test_only_a_failure_fails_a_run() -> None:
    critical = [finding(verdict, Severity.CRITICAL) for verdict in Verdict]
    assert [fails_run(each, assessment(fail_on=Severity.INFO)) for each in critical] == [
        each is Verdict.FAIL for each in Verdict
    ]


def test_a_finding_without_a_place_is_at_the_first_line() -> None:
    assert place_of(finding(line=None)) == SourceSpan("hve.yaml", 1, 1)
    assert place_of(finding(line=0)).line == 1
    assert place_of(finding(line=7)) == span(7)


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("hve.yaml", "hve.yaml"),
        ("./tenants/contoso.yaml", "tenants/contoso.yaml"),
        ("tenants\\contoso.yaml", "tenants/contoso.yaml"),
        ("/etc/hve.yaml", "etc/hve.yaml"),
        ("my tenants/a#b?.yaml", "my%20tenants/a%23b%3F.yaml"),
        ("c:/hve.yaml", "c%3A/hve.yaml"),
        ("日本.yaml", "%E6%97%A5%E6%9C%AC.yaml"),
    ],
)
def test_a_path_is_a_relative_reference(file: str, uri: str) -> None:
    assert uri_of(file) == uri

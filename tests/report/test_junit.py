"""JUnit that junitparser reads back: red exactly where the exit code is."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from report.judged import SCOPE, assessment, finding, judged, one_of_each, written

from hveadmin.domain.finding import Finding, Severity, Subject, Verdict
from hveadmin.report.document import Scope
from hveadmin.report.render import render
from hveadmin.report.verdicts import assessed, counts

UNREAD = Scope("fabrikam", why_unread="AADSTS7000215")


def suites(text: str) -> dict[str, TestSuite]:
    return {str(each.name): each for each in JUnitXml.fromstring(text.encode())}


def case_of(each: Finding) -> TestCase:
    return list(suites(written("junit", [each]))["contoso"])[1]


@pytest.mark.parametrize("fail_on", Severity)
def test_red_is_what_fails_the_run(fail_on: Severity) -> None:
    report = judged(one_of_each(), fail_on=fail_on)
    made = assessed(report)
    assert made is not None
    xml = JUnitXml.fromstring(render(report, "junit").encode())
    how_many = counts(made)
    assert (xml.failures, xml.errors, xml.skipped) == (how_many.failing, how_many.unknown, 2)
    assert xml.tests == len(made.findings) + 1


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (Verdict.FAIL, Failure),
        (Verdict.UNKNOWN, Error),
        (Verdict.WAIVED, Skipped),
        (Verdict.NOT_APPLICABLE, Skipped),
    ],
)
def test_each_verdict_is_a_result(verdict: Verdict, result: type) -> None:
    (found,) = case_of(finding(verdict)).result
    assert type(found) is result
    assert "hve.yaml:52" in str(found.text)
    assert "next: hveadmin app whatis" in str(found.text)


def test_what_passes_has_no_result() -> None:
    assert case_of(finding(Verdict.PASS)).result == []


def test_what_is_below_the_threshold_passes_and_says_so() -> None:
    case = case_of(finding(severity=Severity.LOW))
    assert case.result == []
    assert "low, below --fail-on medium" in str(case.system_out)


def test_a_waiver_says_whose_word_it_is() -> None:
    (skipped,) = case_of(finding(Verdict.WAIVED, name="Trial Sender")).result
    assert skipped.message == "waived until 2026-12-15 by lab@contoso.com: Trial of Trial Sender"


def test_there_is_a_suite_for_each_tenant_and_one_for_the_configuration() -> None:
    about_file = Finding("HVE406", Severity.INFO, Verdict.FAIL, "used nowhere", Subject(thing="apps.old"))
    found = suites(written("junit", [finding(), about_file], SCOPE, Scope("quiet")))
    assert list(found) == ["contoso", "quiet", "configuration"]
    assert [case.name for case in found["quiet"]] == ["everything was read"]


def test_without_tenants_no_case_says_that_one_was_read() -> None:
    made = replace(assessment([finding()], Scope("contoso")), without_tenants=True)
    assert "everything was read" not in render(replace(judged(), assessment=made), "junit")


def test_a_suite_says_whose_data_it_is_and_how_old() -> None:
    suite: Any = suites(written("junit"))["contoso"]
    assert suite.timestamp == "2026-11-23T10:14:07Z"
    assert {each.name: each.value for each in suite.properties()} == {
        "tenant_id": SCOPE.tenant_id,
        "domain": "contoso.onmicrosoft.com",
        "read_by": "auditor@contoso.com",
        "hveadmin": "0.3.0",
        "fail_on": "medium",
    }


def test_a_tenant_that_could_not_be_read_is_an_error_and_never_an_empty_suite() -> None:
    suite = suites(written("junit", [], UNREAD))["fabrikam"]
    assert suite.errors == 2
    assert "AADSTS7000215" in str(next(iter(suite)).result[0].message)


@pytest.mark.parametrize("name", ["a\x00b", "a\x1bb", "a\ud800b", "a\ufffeb", "]]>", "<x>&", "\U0001ffff"])
def test_no_character_that_xml_forbids_is_left_whatever_a_name_holds(name: str) -> None:
    text = written("junit", one_of_each(name))
    root = ET.fromstring(text.encode())  # noqa: S314
    assert {each.tag for each in root.iter()} <= {
        "testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped", "system-out",
    }  # fmt: skip
    assert text.startswith("<?xml ")

"""OCSF as py-ocsf-models reads it: one Compliance Finding a verdict, the good ones too."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from builders import NOW, TENANT
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding  # type: ignore[import-untyped]
from report.judged import SCOPE, WAIVER, assessment, finding, one_of_each, written

from hveadmin.domain.finding import Finding, Severity, Subject, Verdict
from hveadmin.report.document import Scope
from hveadmin.report.formats.ocsf import write


def events(*findings: Finding) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written("ocsf", findings).splitlines()]


def test_every_event_is_a_compliance_finding() -> None:
    about_file = Finding("HVE406", Severity.INFO, Verdict.FAIL, "used nowhere", Subject(thing="apps.old"))
    found = events(*one_of_each(), about_file, finding(rule="HVE000", number=50, line=None))
    assert len(found) == 11
    for event in found:
        read = ComplianceFinding.model_validate(event)
        assert read.class_uid == 2003
        assert read.type_uid == 200301
        assert read.metadata.version == "1.5.0"
        assert read.finding_info.uid == event["finding_info"]["uid"]


@pytest.mark.parametrize(
    ("verdict", "compliance", "status"),
    [
        (Verdict.PASS, 1, None),
        (Verdict.UNKNOWN, 2, 1),
        (Verdict.FAIL, 3, 1),
        (Verdict.WAIVED, 3, 3),
        (Verdict.NOT_APPLICABLE, 99, None),
    ],
)
def test_a_verdict_is_a_status(verdict: Verdict, compliance: int, status: int | None) -> None:
    (event,) = events(finding(verdict))
    assert event["compliance"]["status_id"] == compliance
    assert event.get("status_id") == status
    assert event["status_code"] == verdict.value


@pytest.mark.parametrize(
    ("severity", "number"),
    [(Severity.CRITICAL, 5), (Severity.HIGH, 4), (Severity.MEDIUM, 3), (Severity.LOW, 2), (Severity.INFO, 1)],
)
def test_severities_are_ocsfs_numbers_and_what_passes_is_informational(severity: Severity, number: int) -> None:
    assert events(finding(severity=severity))[0]["severity_id"] == number
    assert events(finding(Verdict.PASS, severity))[0]["severity_id"] == 1


def test_the_uid_is_the_fingerprint() -> None:
    each = finding()
    assert events(each)[0]["finding_info"]["uid"] == each.fingerprint


def test_what_it_is_about_are_its_resources() -> None:
    resources = {each["type"]: each for each in events(finding())[0]["resources"]}
    assert resources["HVE account"]["name"] == "hve-n1@contoso.com"
    assert resources["Application"]["name"] == "Payroll Mailer"
    assert events(finding())[0]["metadata"]["tenant_uid"] == TENANT.value


def test_a_waiver_keeps_its_words() -> None:
    (event,) = events(replace(finding(Verdict.WAIVED), waiver=WAIVER))
    assert event["unmapped"]["waiver"] == {
        "reason": "Vendor trial",
        "owner": "lab@contoso.com",
        "ticket": "RISK-221",
        "expires": "2026-12-15",
        "source": "hve.yaml:30",
    }


def test_the_time_is_when_the_tenant_was_read_in_milliseconds() -> None:
    assert events(finding())[0]["time"] == int(NOW.timestamp()) * 1000


def test_without_a_tenant_the_time_is_when_it_was_judged() -> None:
    about_file = Finding("HVE406", Severity.INFO, Verdict.FAIL, "used nowhere", Subject(thing="apps.old"))
    made = replace(assessment([about_file], Scope("contoso")), made_at=NOW)
    assert json.loads(write(made))["time"] == int(NOW.timestamp()) * 1000


def test_nothing_judged_is_no_line() -> None:
    assert written("ocsf", [], SCOPE) == ""

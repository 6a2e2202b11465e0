"""SARIF that the standard's schema accepts and GitHub takes: a place for every result, a fingerprint that stays."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from builders import NOW
from report.judged import SCOPE, WAIVER, assessment, finding, judged, one_of_each, written

from hveadmin.domain.finding import Finding, Severity, Verdict
from hveadmin.policy.rules import ALL_RULES
from hveadmin.report.document import Scope
from hveadmin.report.formats.sarif import MOST_RESULTS, write
from hveadmin.report.render import render

SCHEMA = Path(__file__).resolve().parents[3] / "shared" / "data" / "sarif-schema-2.1.0.json"
UNREAD = Scope("fabrikam", why_unread="AADSTS7000215")


@cache
def validator() -> jsonschema.Draft4Validator:
    if not SCHEMA.exists():
        pytest.skip("the schema of SARIF 2.1.0 is not beside this checkout (../shared/data)")
    return jsonschema.Draft4Validator(
        json.loads(SCHEMA.read_text(encoding="utf-8")), format_checker=jsonschema.FormatChecker()
    )


def run_of(*findings: Finding, scopes: tuple[Scope, ...] = (SCOPE,)) -> dict[str, Any]:
    (run,) = json.loads(written("sarif", findings, *scopes))["runs"]
    assert isinstance(run, dict)
    return run


def result_of(each: Finding) -> dict[str, Any]:
    (result,) = run_of(each)["results"]
    assert isinstance(result, dict)
    return result


def rule_of(run: dict[str, Any], rule_id: str) -> dict[str, Any]:
    return next(each for each in run["tool"]["driver"]["rules"] if each["id"] == rule_id)


@pytest.mark.parametrize(
    "findings",
    [
        pytest.param((), id="nothing"),
        pytest.param(one_of_each(), id="every verdict"),
        pytest.param((finding(line=None), finding(rule="HVE000", number=2)), id="no place, no rule"),
        pytest.param((replace(finding(Verdict.WAIVED), waiver=None),), id="waived by nobody"),
    ],
)
@pytest.mark.parametrize("scopes", [(SCOPE,), (SCOPE, UNREAD), (Scope("contoso", unreadable=("hve-a@contoso.com",)),)])
def test_the_schema_of_the_standard_accepts_it(findings: tuple[Finding, ...], scopes: tuple[Scope, ...]) -> None:
    document = json.loads(written("sarif", findings, *scopes))
    assert [error.message for error in validator().iter_errors(document)] == []


def test_every_result_has_a_physical_place_that_is_relative() -> None:
    run = run_of(*one_of_each(), finding(line=None, number=30), scopes=(SCOPE, UNREAD))
    assert len(run["results"]) == 9
    for result in run["results"]:
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert not place["artifactLocation"]["uri"].startswith("/")
        assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1


def test_what_passes_is_counted_and_is_no_result() -> None:
    run = run_of(*one_of_each())
    assert {each["properties"]["verdict"] for each in run["results"]} == {"fail", "unknown", "waived"}
    assert (run["properties"]["passed"], run["properties"]["notApplicable"]) == (1, 1)


@pytest.mark.parametrize(
    ("severity", "level", "number"),
    [
        (Severity.CRITICAL, "error", "9.5"),
        (Severity.HIGH, "error", "8.0"),
        (Severity.MEDIUM, "warning", "5.0"),
        (Severity.LOW, "note", "2.0"),
        (Severity.INFO, "note", None),
    ],
)
def test_severity_is_a_level_and_a_number(severity: Severity, level: str, number: str | None) -> None:
    run = run_of(finding(severity=severity))
    rule = rule_of(run, "HVE201")
    assert run["results"][0]["level"] == rule["defaultConfiguration"]["level"] == level
    assert rule["properties"].get("security-severity") == number
    assert ("security" in rule["properties"]["tags"]) == (number is not None)


def test_a_rule_is_as_severe_as_its_worst_finding() -> None:
    run = run_of(*(finding(severity=each, number=each.rank) for each in (Severity.LOW, Severity.CRITICAL)))
    assert rule_of(run, "HVE201")["properties"]["security-severity"] == "9.5"
    assert [each["level"] for each in run["results"]] == ["error", "note"]


def test_what_is_unknown_is_open_and_has_no_level() -> None:
    result = result_of(finding(Verdict.UNKNOWN))
    assert result["kind"] == "open"
    assert "level" not in result
    assert result["message"]["text"].startswith("UNKNOWN: ")


def test_a_waiver_is_a_suppression_with_whose_word_it_is() -> None:
    result = result_of(replace(finding(Verdict.WAIVED), waiver=WAIVER))
    (suppression,) = result["suppressions"]
    assert suppression["status"] == "accepted"
    assert suppression["justification"] == "Vendor trial; owner lab@contoso.com; until 2026-12-15; RISK-221"
    assert suppression["location"]["physicalLocation"]["region"]["startLine"] == 30
    assert "suppressions" not in result_of(finding())


def test_the_fingerprint_survives_an_edit_of_the_file_and_a_renamed_application() -> None:
    before, after = result_of(finding(line=3, name="Old name")), result_of(finding(line=90, name="New name"))
    assert before["partialFingerprints"] == after["partialFingerprints"]
    assert before["partialFingerprints"] != result_of(finding(number=2))["partialFingerprints"]


def test_every_rule_explains_itself() -> None:
    run = run_of()
    rules = run["tool"]["driver"]["rules"]
    assert [each["id"] for each in rules] == list(ALL_RULES)
    for each in rules:
        assert each["help"]["text"]
        assert each["help"]["markdown"]
        assert each["helpUri"].startswith("https://")
        assert each["shortDescription"]["text"]


def test_a_result_leads_to_its_rule() -> None:
    run = run_of(*one_of_each(), finding(rule="HVE000", number=40), finding(rule="HVE901", number=41))
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_a_run_that_read_everything_was_successful() -> None:
    assert run_of(*one_of_each())["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_a_run_that_could_not_read_a_tenant_was_not_successful_and_says_why() -> None:
    half = Scope("contoso", unreadable=("hve-a@contoso.com",), read_at=NOW)
    (invocation,) = run_of(scopes=(half, UNREAD))["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [each["message"]["text"] for each in invocation["toolExecutionNotifications"]] == [
        "contoso: the list of hve-a@contoso.com could not be read",
        "fabrikam could not be read: AADSTS7000215",
    ]


@pytest.mark.parametrize(
    ("scopes", "without_tenants", "category"),
    [
        ((SCOPE,), False, "hveadmin/tenant/contoso/"),
        ((SCOPE, UNREAD), False, "hveadmin/tenants/"),
        ((SCOPE,), True, "hveadmin/configuration/"),
    ],
)
def test_a_run_closes_only_alerts_of_its_own_kind(
    scopes: tuple[Scope, ...], without_tenants: bool, category: str
) -> None:
    made = replace(assessment((), *scopes), without_tenants=without_tenants)
    assert json.loads(write(made))["runs"][0]["automationDetails"]["id"] == category


def test_no_name_is_a_link_or_a_placeholder() -> None:
    text = result_of(finding(name="[click](http://evil.example) {0} {name}"))["message"]["text"]
    assert "](" not in text
    assert "{0}" not in text
    assert "{name}" in text


def test_no_more_results_than_github_takes_and_the_worst_are_kept() -> None:
    low = [finding(severity=Severity.LOW, number=number) for number in range(MOST_RESULTS)]
    worst = [finding(severity=Severity.CRITICAL, number=MOST_RESULTS + number) for number in range(3)]
    run = json.loads(render(judged([*low, *worst]), "sarif"))["runs"][0]
    assert len(run["results"]) == MOST_RESULTS
    assert [each["level"] for each in run["results"][:4]] == ["error", "error", "error", "note"]
    (notice,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notice["message"]["text"].startswith("3 results left out")

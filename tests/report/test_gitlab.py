"""GitLab's code quality report: the fields its documentation asks for, and nothing that was waived."""

from __future__ import annotations

import json
from typing import Any

import pytest
from report.judged import finding, one_of_each, written

from hveadmin.domain.finding import Finding, Severity, Verdict


def issues(*findings: Finding) -> list[dict[str, Any]]:
    found = json.loads(written("gitlab", findings))
    assert isinstance(found, list)
    return found


def test_an_issue_has_what_gitlab_asks_for() -> None:
    each = finding()
    assert issues(each) == [
        {
            "description": f"{each.subject}: {each.message}",
            "check_name": "HVE201",
            "fingerprint": each.fingerprint,
            "severity": "major",
            "location": {"path": "hve.yaml", "lines": {"begin": 52}},
        }
    ]


def test_nothing_found_is_an_empty_list() -> None:
    assert issues() == []


@pytest.mark.parametrize(
    ("severity", "word"),
    [
        (Severity.CRITICAL, "critical"),
        (Severity.HIGH, "major"),
        (Severity.MEDIUM, "minor"),
        (Severity.LOW, "info"),
        (Severity.INFO, "info"),
    ],
)
def test_severities_are_gitlabs_words(severity: Severity, word: str) -> None:
    assert issues(finding(severity=severity))[0]["severity"] == word


def test_only_what_fails_and_what_is_unknown_is_an_issue() -> None:
    found = issues(*one_of_each())
    assert len(found) == 6
    assert [each["description"].startswith("UNKNOWN: ") for each in found] == [False] * 5 + [True]


def test_fingerprints_tell_issues_apart() -> None:
    found = issues(*one_of_each())
    assert len({each["fingerprint"] for each in found}) == len(found)


def test_a_finding_without_a_place_has_one_all_the_same() -> None:
    assert issues(finding(Verdict.UNKNOWN, line=None))[0]["location"] == {"path": "hve.yaml", "lines": {"begin": 1}}

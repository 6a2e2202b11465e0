"""GitLab's code quality report: what merge requests show beside the lines of the configuration."""

from __future__ import annotations

import json

from hveadmin.domain.finding import Finding, Severity
from hveadmin.report.document import Assessment
from hveadmin.report.safe_text import for_console, for_json
from hveadmin.report.verdicts import needs_a_look, place_of, sentence_of

_SEVERITIES = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "major",
    Severity.MEDIUM: "minor",
    Severity.LOW: "info",
    Severity.INFO: "info",
}


def write(assessment: Assessment) -> str:
    """An array of what fails and what is unknown. GitLab knows no waivers: what is waived is left out."""
    issues = [_issue(finding) for finding in needs_a_look(assessment)]
    return for_json(json.dumps(issues, ensure_ascii=False, indent=2, allow_nan=False)) + "\n"


def _issue(finding: Finding) -> dict[str, object]:
    place = place_of(finding)
    return {
        "description": for_console(sentence_of(finding)),
        "check_name": finding.rule,
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": for_console(place.file), "lines": {"begin": place.line}},
    }

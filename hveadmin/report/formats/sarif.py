"""
SARIF 2.1.0 for code scanning: GitHub, Azure DevOps, and viewers in editors.

Only what fails, what is unknown and what was waived is a result: GitHub shows every result as an alert, whatever its
`kind` [O]. How many passed stands in the run's properties. What is unknown has the kind `open`, and then no level: the
standard allows none (3.27.10), and GitHub takes the rule's. The same subject has the same fingerprint in every run, so
that an alert survives an edit of the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from hveadmin.domain.desired import SourceSpan
from hveadmin.domain.finding import Finding, Severity, Verdict
from hveadmin.report.document import Assessment, Scope
from hveadmin.report.safe_text import for_json, for_sarif
from hveadmin.report.verdicts import (
    HVE_PAGE,
    counts,
    level_of,
    level_of_severity,
    page_of,
    place_of,
    sentence_of,
    uri_of,
)
from hveadmin.report.words import count, timestamp

if TYPE_CHECKING:
    from hveadmin.policy.engine import AnyRule

MOST_RESULTS = 25_000
"""GitHub refuses a file with more in one run, and shows the first 5,000 of them [D]."""

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
# GitHub: over 9 is critical, from 7 high, from 4 medium, below low [D]. It knows nothing below low: no number then.
_SECURITY_SEVERITY = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.0",
    Severity.LOW: "2.0",
}

Object = dict[str, object]


def write(assessment: Assessment) -> str:
    """One run. Beyond `MOST_RESULTS` the least bad results are left out, and a notification says how many."""
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(assessment)]}
    return for_json(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)) + "\n"


def _run(assessment: Assessment) -> Object:
    told = [each for each in assessment.findings if each.verdict in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.WAIVED)]
    rules = _rules(told)
    places = {str(rule["id"]): index for index, rule in enumerate(rules)}
    return {
        "tool": {"driver": _driver(assessment, rules)},
        "automationDetails": {"id": _category(assessment)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The folder that the configuration's paths start from."}}
        },
        "invocations": [_invocation(assessment, left_out=len(told) - MOST_RESULTS)],
        "results": [_result(finding, places[finding.rule]) for finding in told[:MOST_RESULTS]],
        "properties": _properties(assessment),
    }


def _driver(assessment: Assessment, rules: Sequence[Object]) -> Object:
    version = {"version": assessment.version, "semanticVersion": assessment.version} if assessment.version else {}
    return {"name": "hveadmin", **version, "rules": rules}


def _category(assessment: Assessment) -> str:
    """
    What is compared with what: GitHub closes the alerts of a category that its next upload does not have.

    So a run without tenants must not close what a run with them found, nor one tenant's run another's.
    """
    tenants = [scope.tenant for scope in assessment.scopes]
    if assessment.without_tenants or not tenants:
        return "hveadmin/configuration/"
    return f"hveadmin/tenant/{for_sarif(tenants[0])}/" if len(tenants) == 1 else "hveadmin/tenants/"


# Rules


def _rules(told: Sequence[Finding]) -> list[Object]:
    from hveadmin.policy.rules import ALL_RULES

    worst: dict[str, Severity] = {}
    for finding in told:
        worst[finding.rule] = max(
            worst.get(finding.rule, finding.severity), finding.severity, key=lambda each: each.rank
        )
    known = [_rule(rule, worst.get(rule.id, rule.severity)) for rule in ALL_RULES.values()]
    return [*known, *(_nameless_rule(rule_id, worst[rule_id]) for rule_id in worst if rule_id not in ALL_RULES)]


def _rule(rule: AnyRule, severity: Severity) -> Object:
    """The rule as this run took it: its severity is the worst that one of its findings has."""
    page = rule.page.strip()
    title = rule.title[:1].upper() + rule.title[1:]
    references = "".join(f"\n- {each}" for each in rule.references)
    markdown = f"**{rule.id}: {rule.title}**\n\n{_body(page)}\n\n```text\n{rule.fix}\n```\n{references}"
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in re.findall(r"[A-Za-z0-9]+", rule.title)),
        "shortDescription": {"text": title},
        "fullDescription": {"text": _first_paragraph(page) or title},
        "helpUri": page_of(rule.id),
        "help": {"text": f"{page}\n\nFix: {rule.fix}", "markdown": markdown.rstrip()},
        **_loudness(severity),
    }


def _nameless_rule(rule_id: str, severity: Severity) -> Object:
    """A rule that this version does not have: a result without its rule would be worse."""
    help_text = {"text": rule_id, "markdown": rule_id}
    return {
        "id": rule_id,
        "shortDescription": {"text": rule_id},
        "help": help_text,
        "helpUri": HVE_PAGE,
        **_loudness(severity),
    }


def _loudness(severity: Severity) -> Object:
    level = level_of_severity(severity).value
    properties: Object = {"tags": ["high-volume-email"], "problem.severity": "recommendation"}
    if severity in _SECURITY_SEVERITY:
        # Without the tag GitHub does not look at the number [D].
        properties = {
            "tags": ["security", "high-volume-email"],
            "security-severity": _SECURITY_SEVERITY[severity],
            "problem.severity": {"note": "recommendation"}.get(level, level),
        }
    return {"defaultConfiguration": {"level": level}, "properties": properties}


def _body(page: str) -> str:
    """The page without its first line, which is the title."""
    return page.partition("\n")[2].strip()


def _first_paragraph(page: str) -> str:
    return " ".join(_body(page).partition("\n\n")[0].split())


# Results


def _result(finding: Finding, rule_index: int) -> Object:
    kind: Object = {"kind": "open"}
    if finding.verdict is not Verdict.UNKNOWN:
        kind = {"kind": "fail", "level": level_of(finding).value}
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        **kind,
        "message": {"text": for_sarif(_message(finding))},
        "locations": [
            {
                "physicalLocation": _physical(place_of(finding)),
                "logicalLocations": [{"fullyQualifiedName": for_sarif(str(finding.subject)), "kind": "resource"}],
            }
        ],
        # The first is the one that GitHub compares; its form there is HASH:NUMBER [D].
        "partialFingerprints": {
            "primaryLocationLineHash": f"{finding.fingerprint}:1",
            "hveadminFinding/v1": finding.fingerprint,
        },
        **_suppressions(finding),
        "properties": _result_properties(finding),
    }


def _message(finding: Finding) -> str:
    return f"{sentence_of(finding)} Next: {finding.remedy}" if finding.remedy else sentence_of(finding)


def _physical(place: SourceSpan) -> Object:
    return {
        "artifactLocation": {"uri": uri_of(place.file), "uriBaseId": _ROOT},
        "region": {"startLine": place.line, "startColumn": place.column},
    }


def _suppressions(finding: Finding) -> Object:
    waiver = finding.waiver
    if finding.verdict is not Verdict.WAIVED:
        return {}
    if waiver is None:
        return {"suppressions": [{"kind": "inSource", "status": "accepted"}]}
    words = [waiver.reason, f"owner {waiver.owner}", f"until {waiver.expires}", waiver.ticket]
    accepted: Object = {
        "kind": "inSource",
        "status": "accepted",
        "justification": for_sarif("; ".join(filter(None, words))),
        "location": {"physicalLocation": _physical(waiver.source)},
    }
    return {"suppressions": [accepted]}


def _result_properties(finding: Finding) -> Object:
    subject = finding.subject
    said: Mapping[str, object] = {
        "verdict": finding.verdict.value,
        "severity": finding.severity.value,
        "tenant": for_sarif(subject.tenant),
        "tenantId": str(subject.tenant_id or ""),
        "account": for_sarif(str(subject.account or "")),
        "app": str(subject.app or ""),
        "appName": for_sarif(subject.app_name),
        "facts": {for_sarif(name): for_sarif(value) for name, value in finding.facts},
    }
    return {name: value for name, value in said.items() if value}


# The run itself


def _invocation(assessment: Assessment, *, left_out: int) -> Object:
    unread = [notice for scope in assessment.scopes for notice in _unread(scope)]
    too_many = f"{count(left_out, 'result')} left out: a run may hold {MOST_RESULTS}. The least bad are missing."
    return {
        "executionSuccessful": not unread,
        "toolExecutionNotifications": [
            *unread,
            *([{"level": "warning", "message": {"text": too_many}}] if left_out > 0 else []),
        ],
    }


def _unread(scope: Scope) -> Iterator[Object]:
    said = [f"{scope.tenant} could not be read: {scope.why_unread}"] if scope.why_unread else []
    said += [f"{scope.tenant}: the list of {account} could not be read" for account in scope.unreadable]
    for each in said:
        read_at = {} if scope.read_at is None else {"timeUtc": timestamp(scope.read_at)}
        yield {"level": "error", "message": {"text": for_sarif(each)}, **read_at}


def _properties(assessment: Assessment) -> Object:
    how_many = counts(assessment)
    return {
        "failOn": assessment.fail_on.value,
        "withoutTenants": assessment.without_tenants,
        "failing": how_many.failing,
        "below": how_many.below,
        "unknown": how_many.unknown,
        "waived": how_many.waived,
        "passed": how_many.passed,
        "notApplicable": how_many.not_applicable,
        "tenants": [_scope(scope) for scope in assessment.scopes],
    }


def _scope(scope: Scope) -> Object:
    return {
        "tenant": for_sarif(scope.tenant),
        "tenantId": for_sarif(scope.tenant_id),
        "domain": for_sarif(scope.domain),
        "readAt": None if scope.read_at is None else timestamp(scope.read_at),
        "readBy": for_sarif(scope.read_by),
        "accounts": None if scope.read_at is None else scope.accounts,
    }

"""
OCSF 1.5 Compliance Finding (class 2003) for SIEMs and data lakes: JSON Lines, one event a verdict, the good ones too.

A security lake that is only sent failures cannot tell what was mended from what was not looked at, so what passes is
an event of its own, informational. Severity, status and the finding's uid are what pipelines join on; what OCSF has no
place for (the waiver, the facts, the line of the configuration) stands under `unmapped`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from hveadmin.domain.desired import Waiver
from hveadmin.domain.finding import Finding, Severity, Subject, Verdict
from hveadmin.report.document import Assessment
from hveadmin.report.safe_text import for_console, for_json
from hveadmin.report.verdicts import page_of, place_of, rule_of, sentence_of, title_of

_OCSF = "1.5.0"
_CREATE = 1
_RULE = 1  # the kind of an analytic
_SEVERITIES = {
    Severity.CRITICAL: (5, "Critical"),
    Severity.HIGH: (4, "High"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.LOW: (2, "Low"),
    Severity.INFO: (1, "Informational"),
}
# Of the check: 2 is "no result, because information is missing".
_COMPLIANCE = {
    Verdict.PASS: (1, "Pass"),
    Verdict.UNKNOWN: (2, "Warning"),
    Verdict.FAIL: (3, "Fail"),
    Verdict.WAIVED: (3, "Fail"),
    Verdict.NOT_APPLICABLE: (99, "Not applicable"),
}
# Of the finding, for whoever works through them: 3 is "reviewed and accepted".
_STATUS = {Verdict.FAIL: (1, "New"), Verdict.UNKNOWN: (1, "New"), Verdict.WAIVED: (3, "Suppressed")}

Object = dict[str, object]


def write(assessment: Assessment) -> str:
    """As many lines as there are verdicts; none for none."""
    times = {scope.tenant: scope.read_at for scope in assessment.scopes if scope.read_at is not None}
    latest = max((*times.values(), *([assessment.made_at] if assessment.made_at else [])), default=None)
    lines = (_event(finding, times.get(finding.subject.tenant, latest), assessment) for finding in assessment.findings)
    return "".join(for_json(json.dumps(each, ensure_ascii=False, allow_nan=False)) + "\n" for each in lines)


def _event(finding: Finding, when: datetime | None, assessment: Assessment) -> Object:
    severity_id, severity = _SEVERITIES[_severity(finding)]
    status = _STATUS.get(finding.verdict)
    return {
        "activity_id": _CREATE,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "type_uid": 200301,
        "type_name": "Compliance Finding: Create",
        "time": 0 if when is None else int(when.timestamp() * 1000),
        "severity_id": severity_id,
        "severity": severity,
        **({} if status is None else {"status_id": status[0], "status": status[1]}),
        "status_code": finding.verdict.value,
        "status_detail": for_console(finding.message),
        "message": for_console(sentence_of(finding)),
        "metadata": _metadata(finding, assessment),
        "finding_info": _info(finding),
        "compliance": _compliance(finding),
        **_remediation(finding),
        "resources": list(_resources(finding.subject)),
        "unmapped": _unmapped(finding),
    }


def _severity(finding: Finding) -> Severity:
    quiet = finding.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE)
    return Severity.INFO if quiet else finding.severity


def _metadata(finding: Finding, assessment: Assessment) -> Object:
    tenant_id = finding.subject.tenant_id
    return {
        "version": _OCSF,
        "event_code": finding.rule,
        "product": _filled({"name": "hveadmin", "vendor_name": "hveadmin", "version": assessment.version}),
        **({} if tenant_id is None else {"tenant_uid": tenant_id.value}),
    }


def _info(finding: Finding) -> Object:
    title = title_of(finding.rule)
    return {
        "uid": finding.fingerprint,
        "title": f"{finding.rule}: {title}",
        "desc": for_console(finding.message),
        "types": ["High Volume Email"],
        "analytic": {"uid": finding.rule, "name": title, "type_id": _RULE, "type": "Rule"},
        "src_url": page_of(finding.rule),
    }


def _compliance(finding: Finding) -> Object:
    status_id, status = _COMPLIANCE[finding.verdict]
    return {
        "control": finding.rule,
        "desc": title_of(finding.rule),
        "standards": ["hveadmin policy"],
        "status_id": status_id,
        "status": status,
    }


def _remediation(finding: Finding) -> Object:
    rule = rule_of(finding.rule)
    if finding.verdict not in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.WAIVED):
        return {}
    what = finding.remedy or (rule.fix if rule is not None else "")
    return {"remediation": {"desc": for_console(what), "references": [page_of(finding.rule)]}} if what else {}


def _resources(subject: Subject) -> Iterator[Object]:
    if subject.account is not None:
        yield _resource("HVE account", subject.account.value, str(subject.guid or ""), subject.tenant)
    if subject.app is not None or subject.app_name:
        yield _resource("Application", subject.app_name, str(subject.app or ""), subject.tenant)
    if subject.account is None and subject.tenant:
        yield _resource("Tenant", subject.tenant, str(subject.tenant_id or ""), "")


def _resource(kind: str, name: str, uid: str, namespace: str) -> Object:
    named = _filled({"name": for_console(name), "uid": for_console(uid), "namespace": for_console(namespace)})
    return {"type": kind, **named}


def _unmapped(finding: Finding) -> Object:
    place = place_of(finding)
    return {
        "verdict": finding.verdict.value,
        "rule_severity": finding.severity.value,
        "source": {"file": for_console(place.file), "line": place.line},
        "facts": {for_console(name): for_console(value) for name, value in finding.facts},
        **_filled({"tenant": for_console(finding.subject.tenant), "thing": for_console(finding.subject.thing)}),
        **({} if finding.waiver is None else {"waiver": _waiver(finding.waiver)}),
    }


def _waiver(waiver: Waiver) -> Object:
    said = {"reason": waiver.reason, "owner": waiver.owner, "ticket": waiver.ticket}
    return {
        **_filled({key: for_console(value) for key, value in said.items()}),
        "expires": waiver.expires.isoformat(),
        "source": for_console(str(waiver.source)),
    }


def _filled(said: Mapping[str, str]) -> Object:
    return {key: value for key, value in said.items() if value}

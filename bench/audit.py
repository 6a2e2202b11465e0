"""
What `hveadmin check` costs beside `hveadmin plan`, and what its findings cost in each format.

Both run as processes against the same tenant on loopback. A check asks for more than a plan (permissions, billing
policies, authentication policies, owners), in batches as well; the formats are compared with JSON over the same
assessment in memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

from bench.calls import Case, served
from bench.measurement import Measurement, compared
from hveadmin.domain.desired import SourceSpan
from hveadmin.domain.finding import Finding, Severity, Subject, Verdict
from hveadmin.domain.ids import Address, Guid, TenantId
from hveadmin.report.document import Assessment, Report, Scope, Section, Table
from hveadmin.report.render import FORMATS, render

_CASE = Case(100, "client_id")
_FINDINGS = 5_000
_ROUNDS = 3
_TENANT = TenantId("8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06")


def measure() -> Iterator[Measurement]:
    """Calls and time of a check against those of a plan; then every format against JSON."""
    with ExitStack() as open_:
        tenant = open_.enter_context(served(_CASE))
        planned = sum(tenant.counted().values())
        plan = min(tenant.run() for _ in range(_ROUNDS))
        checking = tenant.typing("check", "--exit-zero", "--fail-on", "critical")
        checked = sum(checking.counted().values())
        check = min(checking.run() for _ in range(_ROUNDS))
    title = f"check, {_CASE.accounts} accounts, {_CASE.ids} ids"
    yield compared(f"{title}: calls", checked, "calls", "plan", planned)
    yield compared(f"{title}: time", check, "s", "plan", plan)
    yield from _formats()


def _formats() -> Iterator[Measurement]:
    report = _report()
    base = _seconds(report, "json")
    for name in FORMATS:
        if name != "json":
            yield compared(f"{_FINDINGS:,} findings as {name}", _seconds(report, name), "s", "json", base)


def _seconds(report: Report, format_name: str) -> float:
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        render(report, format_name)
        times.append(time.perf_counter() - start)
    return min(times)


def _report() -> Report:
    findings = tuple(_finding(number) for number in range(_FINDINGS))
    rows = tuple((each.rule, str(each.subject), each.message) for each in findings)
    items = [{"rule": each.rule, "message": each.message, "fingerprint": each.fingerprint} for each in findings]
    scope = Scope("contoso", _TENANT.value, "contoso.onmicrosoft.com", accounts=_FINDINGS)
    return Report(
        "check",
        {"findings": items},
        (Section(Table(("rule", "subject", "message"), rows)),),
        assessment=Assessment(findings, (scope,), Severity.LOW, version="0"),
    )


def _finding(number: int) -> Finding:
    address = Address(f"hve-{number:05d}@contoso.com")
    subject = Subject("contoso", _TENANT, address, Guid(f"aaaaaaaa-0000-4000-8000-{number:012d}"))
    message = "empty, and not declared unrestricted: any application may send"
    remedy = f"hveadmin plan -t contoso -a {address}"
    return Finding(
        "HVE101", Severity.CRITICAL, Verdict.FAIL, message, subject, SourceSpan("hve.yaml", number + 1), remedy
    )

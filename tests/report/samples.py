"""Made-up reports of any size for what people look at: findings, matrix and map, with names that somebody chose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from builders import NOW, TENANT, app, client, principal, snapshot, span

from hveadmin.domain.desired import Waiver
from hveadmin.domain.finding import Finding, Severity, Subject, Verdict
from hveadmin.domain.ids import Address, Guid
from hveadmin.domain.tenant import HveAccount, Identity, IdKind, Known, Readable, TenantSnapshot, Unknown
from hveadmin.report.access_map import access_map
from hveadmin.report.document import Assessment, Cover, Report, Row, Scope, Section, Span, Table
from hveadmin.report.matrix import access_matrix
from hveadmin.report.style import Tone

_JOBS = ("payroll", "alerts", "scan", "invoices", "newsletter", "backup", "monitoring", "shipping", "hr", "erp")
_WORDS = ("Mailer", "Agent", "Gateway", "Relay", "Connector", "Service", "Bot", "Bridge")
_OWNERS = ("hr-it@contoso.com", "noc@contoso.com", "facilities@contoso.com", "erp@contoso.com")

HOSTILE = (
    "\x1b[31mRed\x1b[0m \u202eliaM",
    '=HYPERLINK("http://evil.example";"click")',
    "</td></table><script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>",
    "::error::gone\r\n##vso[task.complete result=Failed]",
    '"] --> x["`**bold**`<br/>',
    "]]>--><!-- {{ 7*7 }} {% raw %} &amp; '\" onmouseover=alert(1)",
    "\u200bzero\ufeffwidth\ud800 日本語の送信システム",
    "x" * 300,
)


def app_name(number: int, names: Sequence[str] = ()) -> str:
    """A name of its own for each, the given ones first."""
    if number < len(names):
        return names[number]
    return f"{_JOBS[number % 10].capitalize()} {_WORDS[number // 10 % 8]} {number}"


def account_address(number: int) -> Address:
    return Address.parse(f"hve-{_JOBS[number % 10]}-{number:03d}@contoso.com")


def made_up(accounts: int, applications: int, names: Sequence[str] = ()) -> TenantSnapshot:
    """
    A tenant whose every 17th account is open and every 23rd is unknown; the rest list one to ten applications.

    Neighbours share applications, as they do in life, and every application is on some list if there is room.
    """
    each_has = min(10, max(1, applications), max(1, -(-applications * 5 // max(accounts, 1) // 4)))
    made = []
    for number in range(accounts):
        listed = frozenset(app((number * applications // accounts + step) % applications) for step in range(each_has))
        allowed: Known | Unknown = Known(listed)
        if number % 17 == 3:
            allowed = Known(frozenset())
        elif number % 23 == 5:
            why = names[number % len(names)] if names else "throttled after 5 tries (request-id 3c0a9f)"
            allowed = Unknown(why)
        guid = Guid(f"aaaaaaaa-0000-4000-8000-{number:012d}")
        made.append(HveAccount(account_address(number), guid, f"HVE {number}", allowed))
    identities = {}
    for number in range(applications):
        sp = principal(number, display_name=app_name(number, names), enabled=number % 19 != 7, owner_tenant=TENANT)
        guid = Guid(app(number).value)
        identities[guid] = Identity(guid, IdKind.SERVICE_PRINCIPAL, sp.display_name, sp, client(number))
    return snapshot(*made, directory=Readable(identities))


def access_report(accounts: int, applications: int, names: Sequence[str] = ()) -> Report:
    """What an auditor files: one tenant with its matrix, its map, and what was found."""
    seen = made_up(accounts, applications, names)
    owners = {each.address: _OWNERS[index % 4] for index, each in enumerate(seen.accounts)}
    matrix = access_matrix("contoso", seen, owners=owners)
    unread = tuple(each.address.value for each in matrix.unread)
    scope = Scope("contoso", TENANT.value, "contoso.onmicrosoft.com", NOW, "audit@contoso.com", accounts, unread)
    lost = Scope("fabrikam", why_unread="AADSTS7000215: wrong secret")
    findings = made_up_findings(seen, names)
    todo = Table(
        ("tenant", "account", "what"),
        tuple(("contoso", each.address.value, Span("is open", Tone.LOUD)) for each in matrix.opened),
    )
    return Report(
        kind="exposure",
        lists={"accounts": [{"account": each.address.value} for each in seen.accounts]},
        sections=(
            Section(Table(todo.columns), title="contoso", matrix=matrix, map=access_map(matrix)),
            Section(todo, title="Action plan", fill_in=("decision", "who", "by when", "done")),
        ),
        assessment=Assessment(findings, (scope, lost), Severity.LOW, version="0.3"),
        title="Who can send as whom",
        cover=Cover(
            made_at=NOW,
            made_by=names[0] if names else "audit@contoso.com on audit-01",
            facts=(("configuration", "hve.yaml, sha256 9b1f…c2"), ("cloud", "worldwide"), ("ticket", "AUD-2026-11")),
            summary=(Row((f"{len(matrix.opened)} of {accounts} accounts are open to any application.",)),),
        ),
    )


def made_up_findings(seen: TenantSnapshot, names: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Findings of every severity and verdict, some with names."""
    found = []
    for number, each in enumerate(seen.accounts):
        subject = Subject("contoso", TENANT, each.address, each.guid)
        if isinstance(each.allowed, Unknown):
            why = f"its list could not be read: {each.allowed.why}"
            found.append(_finding("HVE901", Severity.HIGH, Verdict.UNKNOWN, why, subject, number))
        elif each.allowed.is_open:
            said = "open: any application may send, and it is declared in mode enforce"
            mend = f"hveadmin plan -t contoso -a {each.address}"
            found.append(_finding("HVE101", Severity.CRITICAL, Verdict.FAIL, said, subject, number, mend))
        else:
            found.append(_finding("HVE101", Severity.CRITICAL, Verdict.PASS, "its list restricts it", subject, number))
    for number, severity in enumerate((Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO)):
        name = app_name(number, names)
        at = seen.accounts[number % len(seen.accounts)].address
        subject = Subject("contoso", TENANT, at, app=app(number), app_name=name)
        mend = f"hveadmin account revoke -t contoso {at} {app(number)}"
        found.append(_finding("HVE201", severity, Verdict.FAIL, f"unknown application {name}", subject, number, mend))
    waiver = Waiver("HVE201", names[-1] if names else "Vendor trial", "lab@contoso.com", date(2026, 12, 15), span(31))
    subject = Subject("contoso", TENANT, seen.accounts[0].address, app=app(1), app_name=app_name(1, names))
    accepted = Finding("HVE201", Severity.HIGH, Verdict.WAIVED, "unknown application", subject, span(32), "", waiver)
    return (*found, accepted)


def _finding(
    rule: str, severity: Severity, verdict: Verdict, message: str, subject: Subject, line: int, remedy: str = ""
) -> Finding:
    return Finding(rule, severity, verdict, message, subject, span(line + 10), remedy)

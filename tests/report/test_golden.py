"""
Every kind in every format that people keep, byte by byte, on one tenant full of names that somebody else chose.

HVEADMIN_REFRESH_GOLDEN=1 writes the files anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import NOW, TENANT, account, address, app, apps, client, entry, grant, principal, snapshot, span, tenant
from report.judged import SCOPE, assessment, one_of_each

from hveadmin.domain.applied import Applied, AppliedOutcome, RunResult
from hveadmin.domain.asked import Explanation, read_asked
from hveadmin.domain.desired import DesiredState, Mode, RuleSetting, SourceSpan
from hveadmin.domain.finding import Severity
from hveadmin.domain.guard import Objection
from hveadmin.domain.health import Examined, Remedy, Setting, failed, not_tried, passed, unknown, warned
from hveadmin.domain.ids import Guid, ObjectId, TenantId
from hveadmin.domain.permissions import Api, MailPermission, Permission, PermissionKind, Registered, Unseen
from hveadmin.domain.plan import Action, AppLine, Change, Plan, Step, Unplanned
from hveadmin.domain.tenant import (
    AllowedApps,
    Credential,
    CredentialKind,
    Identity,
    IdKind,
    Known,
    Readable,
    ServicePrincipal,
    Unknown,
)
from hveadmin.policy.engine import ConfigRule, TenantRule, count, guids
from hveadmin.report.accounts import account_list, account_show
from hveadmin.report.accounts import unread as unread_accounts
from hveadmin.report.apply import apply_report
from hveadmin.report.apps import app_list, app_show
from hveadmin.report.doctor import doctor_report, settings_report
from hveadmin.report.document import Report, Scope, together
from hveadmin.report.drift import drift_report
from hveadmin.report.drift import unread as unread_drift
from hveadmin.report.findings import findings_report
from hveadmin.report.plan import SavedPlan, plan_report
from hveadmin.report.query import query
from hveadmin.report.render import render
from hveadmin.report.rules import rule_list, rule_pages
from hveadmin.report.style import Style
from hveadmin.report.tenants import Checked, tenant_list, tenant_test
from hveadmin.report.validation import validation_report
from hveadmin.report.whatis import whatis

GOLDEN = Path(__file__).parent / "golden"
SUFFIXES = {"table": "txt", "json": "json", "csv": "csv", "md": "md"}

OWNER = TenantId("99999999-0000-4000-8000-000000000000")
NAMES = {
    1: "Payroll Mailer",
    2: "\x1b[31mRed\x1b[0m \u202eliaM",
    3: '=HYPERLINK("http://evil.example";"click")',
    4: "<script>alert(1)</script> | ![x](http://evil.example) @team #12",
    5: "::error::gone\r\n##vso[task.complete result=Failed]",
    6: "[bold red]日本語の送信[/bold red]",
    7: "\u200bzero\ufeffwidth\ud800",
    8: "-2+3 `code` www.evil.example",
}


def identity(number: int, kind: IdKind, sp: ServicePrincipal | None, deleted_at: datetime | None = None) -> Identity:
    return Identity(Guid(app(number).value), kind, NAMES[number], sp, client(number), deleted_at)


def named(number: int, *, enabled: bool = True, owner: TenantId | None = TENANT) -> ServicePrincipal:
    return principal(number, display_name=NAMES[number], enabled=enabled, owner_tenant=owner, publisher=NAMES[number])


IDENTITIES = (
    identity(1, IdKind.SERVICE_PRINCIPAL, named(1)),
    identity(2, IdKind.SERVICE_PRINCIPAL, named(2, enabled=False)),
    identity(3, IdKind.SERVICE_PRINCIPAL, named(3, owner=OWNER)),
    identity(4, IdKind.CLIENT_ID, named(1)),
    identity(5, IdKind.APP_REGISTRATION, None),
    identity(6, IdKind.USER, None),
    identity(7, IdKind.DELETED_SERVICE_PRINCIPAL, None, datetime(2026, 11, 20, 9, 30, tzinfo=UTC)),
    identity(8, IdKind.NOT_FOUND_OR_OTHER, None),
)
SNAPSHOT = snapshot(
    account("payroll", [1, 2, 3]),
    account("alert", [4, 5, 6, 7, 8]),
    account("legacy", []),
    account("scan", Unknown("throttled after 5 tries (request-id 3c0a\x1b[2J)")),
    directory=Readable({each.id: each for each in IDENTITIES}),
)


def change(name: str, before: tuple[int, ...], target: tuple[int, ...], *lines: AppLine, reason: str = "") -> Change:
    guid = next(each.guid for each in SNAPSHOT.accounts if each.address == address(name))
    steps = tuple(
        Step(action, tuple(sorted(moved)))
        for action, moved in (
            (Action.GRANT, apps(*target) - apps(*before)),
            (Action.REVOKE, apps(*before) - apps(*target)),
        )
        if len(moved) > 0
    )
    source = SourceSpan("hve.yaml", 52, 7)
    return Change(
        address(name),
        guid,
        Mode.ENFORCE,
        str(source),
        source,
        apps(*before),
        apps(*target),
        steps,
        "f" * 64,
        lines,
        reason,
    )


def line(action: Action, number: int, label: str, owner: str = "", ticket: str = "", note: str = "") -> AppLine:
    return AppLine(action, app(number), label, owner, ticket, note)


OPENS = change("alert", (4,), (), line(Action.REVOKE, 4, NAMES[4], note="a client id"), reason="ERP cut-over")
CLOSES = change("legacy", (), (1,), line(Action.GRANT, 1, "payroll-mailer", "hr-it@contoso.com", "CHG0041207"))
SWAPS = change(
    "payroll",
    (1, 2, 3),
    (1, 2, 6),
    line(Action.GRANT, 6, "monitoring", "noc@contoso.com"),
    line(Action.REVOKE, 3, NAMES[3], note="not declared, owner tenant 99999999-0000-4000-8000-000000000000"),
)
PLAN = Plan(
    tenant="contoso",
    tenant_id=TENANT,
    domain="contoso.onmicrosoft.com",
    cloud="worldwide",
    read_at=NOW,
    changes=(OPENS, CLOSES, SWAPS),
    as_declared=9,
    observed=0,
    unknown=(Unplanned(address("scan"), "throttled after 5 tries", "hve.yaml:60"),),
    refused=(Unplanned(address("erp"), "not an HVE account of this tenant", "hve.yaml:61"),),
    warnings=(f"hve.yaml:70: selector * matches {NAMES[5]}",),
    accounts_total=14,
    grants_total=23,
    open_before=1,
    open_after=1,
)


def applied(each: Change, outcome: AppliedOutcome, after: AllowedApps, calls: int, why: str = "") -> Applied:
    return Applied(each.account, outcome, each, after, calls, why)


RUN = RunResult(
    PLAN,
    "0e6f6a52-0000-4000-8000-000000000000",
    NOW,
    NOW + timedelta(seconds=31),
    (
        applied(OPENS, AppliedOutcome.FAILED, Unknown("timed out after 30 s"), 1, "the answer was lost"),
        applied(CLOSES, AppliedOutcome.DONE, Known(apps(1)), 1),
        applied(SWAPS, AppliedOutcome.OPEN, Known(apps()), 2, f"somebody removed {NAMES[2]} meanwhile"),
    ),
    NOW + timedelta(minutes=5, seconds=20),
)
DESIRED = DesiredState(
    apps={"app-1": grant(1).app},
    tenants={"contoso": tenant({"payroll": entry(Mode.ENFORCE, grant(1))})},
    files=("hve.yaml",),
)
CHECKS = (
    Checked("sign in", True, "as hve-ops"),
    Checked("list HVE accounts", False, f"Exchange said {NAMES[5]}", "assign the role Mail Recipients"),
    Checked("read the directory", None, "not signed in"),
)
ASKED = tuple(map(read_asked, (*(app(number).value for number in NAMES), NAMES[3], "payroll\x07")))
VIEW = Readable({each.id: each for each in IDENTITIES}, {NAMES[3]: (named(3), named(2)), "payroll\x07": ()})
_ROLE = Permission(Api.EXCHANGE, PermissionKind.APPLICATION, "Mail.Send")
_SECRET = Credential(CredentialKind.SECRET, app(50).value, NAMES[4], "::e", NOW, NOW + timedelta(days=9))
MAY_SEND = MailPermission(
    named(1),
    app(99),
    frozenset({_ROLE}),
    Unseen("delegated consent may not be read", "Directory.Read.All"),
    Registered(frozenset({_ROLE}), (_SECRET,)),
)


def ids(*numbers: int) -> tuple[ObjectId, ...]:
    return tuple(map(app, numbers))


EXAMINED = Examined(
    "contoso",
    NOW,
    (
        Setting("auth.secret", "file /home/me/.secrets/lab", "profile lab (profiles.yaml:7)"),
        Setting("timeout", "300", "default"),
    ),
    (
        passed("python", "hveadmin 0.1, Python 3.11.7, Linux x86_64"),
        warned("endpoint login", f"certificate signed by CN={NAMES[5]}, which is not one of Microsoft's"),
        failed(
            "token",
            f"the token is {NAMES[2]}'s and lacks Exchange.ManageAsApp",
            Remedy(
                "Exchange Online does not let this application in.",
                ("App registrations > the application > API permissions", "Grant admin consent"),
                ("Connect-MgGraph -TenantId 8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06",),
                ("az ad app permission admin-consent --id 0b9c6e5a-3d1f-4c27-9a84-6f2e1d7b8c10",),
            ),
        ),
        not_tried("exchange", "it needs `token`"),
        unknown("graph", "Microsoft Graph is busy"),
    ),
)

_UNREAD_SCOPE = Scope("fabrikam", why_unread=f"AADSTS7000215: {NAMES[2]}")
_PAGE = """
HVE901: an account could not be read.

It is not known whether it is open.

    what it shows    what it means
    UNKNOWN          nobody knows

Why it matters: it may be
open.
"""
RULES = (
    TenantRule(
        "HVE901",
        Severity.HIGH,
        "0.3",
        _PAGE,
        "hveadmin doctor ACCOUNT",
        ("https://learn.microsoft.com/x", "docs/rails.md"),
        options=(count("most", 3, "At most so many.", least=1, most=9), guids("ids", "Those.")),
    ),
    ConfigRule("HVE402", Severity.LOW, "0.3", "HVE402: without owner\n\nWhy not.\n", "write an owner"),
)
SETTINGS = {
    "HVE402": RuleSetting("HVE402", span(30), enabled=False),
    "HVE901": RuleSetting("HVE901", span(31), "critical", options={"most": 5}),
}

REPORTS: dict[str, Callable[[], Report]] = {
    "check": lambda: findings_report(
        assessment(one_of_each(NAMES[4]), SCOPE, _UNREAD_SCOPE), {"HVE201": "an unknown application"}, ("hve.yaml",)
    ),
    "drift": lambda: together([drift_report(PLAN), unread_drift("fabrikam", "AADSTS7000215: wrong secret")]),
    "rules": lambda: rule_list(RULES, SETTINGS),
    "rule-pages": lambda: rule_pages(RULES, SETTINGS),
    "plan": lambda: plan_report(PLAN, plan_id="p1", saved=SavedPlan("contoso.plan.json", "9b1f" * 16)),
    "plan-refused": lambda: plan_report(
        PLAN,
        objections=[Objection("contoso", "hve-alert@contoso.com would be open", "--allow-open hve-alert@contoso.com")],
        stale=[Unplanned(address("payroll"), "the list was changed since the plan was made")],
    ),
    "apply": lambda: apply_report(RUN),
    "accounts": lambda: together(
        [account_list("contoso", SNAPSHOT), unread_accounts("accounts", "fabrikam", "AADSTS7000215: wrong secret")]
    ),
    "account": lambda: account_show("contoso", SNAPSHOT, SNAPSHOT.accounts),
    "apps": lambda: app_list("contoso", SNAPSHOT),
    "app": lambda: app_show("contoso", SNAPSHOT, ids(1, 4), {app(1): MAY_SEND}),
    "whatis": lambda: whatis("contoso", Explanation(TENANT, NOW, ASKED, VIEW, SNAPSHOT.accounts)),
    "tenants": lambda: tenant_list(DESIRED),
    "tenant-test": lambda: tenant_test("contoso", TENANT, CHECKS),
    "doctor": lambda: doctor_report(EXAMINED, made_by="hveadmin 0.1"),
    "settings": lambda: settings_report("contoso", EXAMINED.settings),
    "validation": lambda: validation_report(DESIRED, ["hve.yaml:9: an application is named by its display name"]),
}


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("HVEADMIN_REFRESH_GOLDEN"):
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode()


@pytest.mark.parametrize("format_name", SUFFIXES)
@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_is_written_as_it_was_agreed(kind: str, format_name: str) -> None:
    compare(f"{kind}.{SUFFIXES[format_name]}", render(REPORTS[kind](), format_name))


@pytest.mark.parametrize("format_name", ["jsonl", "yaml"])
def test_a_plan_for_programs_is_written_as_it_was_agreed(format_name: str) -> None:
    compare(f"plan.{format_name}", render(REPORTS["plan"](), format_name))


@pytest.mark.parametrize("kind", ["plan", "accounts"])
def test_a_narrow_terminal_without_unicode_but_with_colour_loses_nothing(kind: str) -> None:
    compare(f"{kind}.narrow.txt", render(REPORTS[kind](), "table", style=Style(color=True, ascii=True, width=72)))


def test_a_query_is_written_as_it_was_agreed() -> None:
    found = query(REPORTS["accounts"](), "accounts[].{account: account, open: open, allowed: allowed.apps}")
    compare("query.txt", render(found, "table"))


def test_no_golden_file_is_left_over() -> None:
    kinds = {f"{kind}.{suffix}" for kind in REPORTS for suffix in SUFFIXES.values()}
    others = {"plan.jsonl", "plan.yaml", "plan.narrow.txt", "accounts.narrow.txt", "query.txt"}
    assert {path.name for path in GOLDEN.iterdir()} == kinds | others


@pytest.mark.parametrize("kind", REPORTS)
def test_no_item_of_the_machine_form_hides_the_head_of_its_line(kind: str) -> None:
    items = [item for items in REPORTS[kind]().lists.values() for item in items]
    assert items
    assert not any({"format_version", "kind", "item"} & item.keys() for item in items)

"""Audits made from values, with names that somebody chose in every place that a name can be in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from builders import NOW, TENANT, TODAY, account, address, app, apps, client, entry, grant, principal, snapshot, span

from hveadmin.domain.audit import AuditedTenant
from hveadmin.domain.desired import (
    AccountEntry,
    ByClientId,
    DesiredState,
    ForbiddenApp,
    Mode,
    Policy,
    RuleSetting,
    Selector,
    TenantEntry,
    Waiver,
)
from hveadmin.domain.facts import BasicAuth, Billing, BillingStatus, TenantFacts
from hveadmin.domain.ids import Guid, TenantId
from hveadmin.domain.journaled import History, JournaledCall, JournaledRun
from hveadmin.domain.permissions import Api, MailPermission, Permission, PermissionKind, Registered, Unseen
from hveadmin.domain.tenant import (
    Credential,
    CredentialKind,
    Identity,
    IdKind,
    Known,
    Readable,
    TenantSnapshot,
    Unknown,
    Unreadable,
)
from hveadmin.report.application_report import application_report
from hveadmin.report.audit import Audit, Basis
from hveadmin.report.change_report import Compared, Period, change_report
from hveadmin.report.difference import Taken, TenantDifference
from hveadmin.report.document import Assessment, Report, Scope
from hveadmin.report.exceptions import exception_report
from hveadmin.report.exposure import exposure_report
from hveadmin.report.inventory import inventory_report
from hveadmin.workflows.check import Asked, Checked, Lately, check_tenant, judge, unread, view_of
from hveadmin.workflows.exceptions import exceptions
from hveadmin.workflows.report import audit_tenant

OTHER = TenantId("99999999-0000-4000-8000-000000000000")
ASKED = Asked(TODAY, NOW)
HINT = "Qx7"
"""The first characters of a secret, as the directory shows them; no report may."""

_ROLE = Permission(Api.EXCHANGE, PermissionKind.APPLICATION, "Mail.Send")


def read(name: str = "Payroll Mailer", *, directory: bool = True) -> TenantFacts:
    """
    A tenant with an account of every sort: open on purpose and not, unread, and lists with an id of every sort.

    1 declared, 2 disabled, 3 of another tenant, 4 a client id, 5 nothing at all, 6 without the right to send,
    7 forbidden.
    """
    seen = _snapshot(name)
    if not directory:
        return TenantFacts(replace(seen, directory=Unreadable(name)), "contoso.onmicrosoft.com", "worldwide", name)
    secret = Credential(CredentialKind.SECRET, app(50).value, name, HINT, NOW, NOW + timedelta(days=9))
    old = Credential(CredentialKind.CERTIFICATE, app(51).value, name, "", None, NOW - timedelta(days=9))
    granted = {number: _permission(number, name, frozenset({_ROLE}), secret, old) for number in (1, 2, 3)}
    nothing = {
        6: _permission(6, name, frozenset()),
        7: replace(_permission(7, name, frozenset()), granted=Unseen(name)),
    }
    addresses = [each.address for each in seen.accounts]
    return TenantFacts(
        snapshot=seen,
        domain="contoso.onmicrosoft.com",
        cloud="worldwide",
        read_by=name,
        permissions={app(number): each for number, each in (granted | nothing).items()},
        credentials={},
        billing=dict.fromkeys(addresses, Billing(BillingStatus.VALID)),
        basic_auth={each: BasicAuth.ALLOWED if each == address("payroll") else BasicAuth.BLOCKED for each in addresses}
        | {address("lab"): Unknown(name)},
        owners={"it@contoso.com": True},
    )


def _snapshot(name: str) -> TenantSnapshot:
    identities = {
        1: _identity(1, name),
        2: _identity(2, name, enabled=False),
        3: _identity(3, name, owner_tenant=OTHER, publisher=name),
        4: replace(_identity(1, name), id=Guid(app(4).value), kind=IdKind.CLIENT_ID),
        5: Identity(Guid(app(5).value), IdKind.NOT_FOUND),
        6: _identity(6, name),
        7: _identity(7, name),
    }
    return snapshot(
        account("payroll", (1, 2, 3)),
        account("alert", (4, 5, 6, 7)),
        account("legacy", ()),
        account("forgotten", ()),
        account("scan", Unknown(name)),
        account("lab", (1,)),
        directory=Readable({each.id: each for each in identities.values()}),
    )


def _identity(number: int, name: str, **changes: object) -> Identity:
    sp = principal(number, **{"display_name": name, "owner_tenant": TENANT, **changes})
    return Identity(Guid(app(number).value), IdKind.SERVICE_PRINCIPAL, name, sp, client(number))


def _permission(number: int, name: str, granted: frozenset[Permission], *credentials: Credential) -> MailPermission:
    sp = principal(number, display_name=name, owner_tenant=TENANT)
    return MailPermission(sp, app(99), granted, (), Registered(granted, credentials))


def declared(name: str = "Payroll Mailer") -> DesiredState:
    """What is declared of it: an exception, a waiver of each fate, rules that look away, a grant that ends."""
    soon, past = TODAY + timedelta(days=9), TODAY - timedelta(days=9)
    payroll = replace(grant(1, expires=soon), owner=name, reason=name, ticket=name)
    ended = replace(grant(6, expires=past), owner=name, reason=name, ticket=name)

    def opened(line: int, expires: date) -> AccountEntry:
        declared = entry(Mode.UNRESTRICTED, line=line, expires=expires)
        return replace(declared, owner=name, reason=name, ticket=name)

    accounts: dict[str, AccountEntry] = {
        "payroll": entry(Mode.ENFORCE, payroll),
        "alert": entry(Mode.ENFORCE, grant(2), ended, line=51),
        "legacy": opened(52, soon),
        "scan": opened(53, past),
        "gone": opened(54, soon),
    }
    tenant = TenantEntry(
        alias="contoso",
        source=span(40),
        accounts={address(each): found for each, found in accounts.items()},
        selectors=(Selector("hve-lab*", entry(Mode.OBSERVE, line=55)),),
        tenant_id=TENANT,
        domain="contoso.onmicrosoft.com",
    )
    fabrikam = TenantEntry("fabrikam", span(60), {}, tenant_id=OTHER)
    policy = Policy(
        unknown_apps="warn",
        forbidden_apps=(ForbiddenApp(client(7), span(20), name),),
        rules={
            "HVE405": RuleSetting("HVE405", span(21), enabled=False),
            "HVE207": RuleSetting("HVE207", span(22), "low", options={"approved_tenants": [app(88).value]}),
        },
        waivers=(
            _waiver("HVE206", "payroll", app(2), TODAY + timedelta(days=90), name),
            _waiver("HVE206", "alert", app(5), past, name),
            _waiver("HVE206", "alert", app(4), soon, name),
        ),
    )
    return DesiredState(
        apps={each.app.name: each.app for each in (payroll, grant(2), ended)}
        | {"by-client": replace(grant(8).app, name="by-client", ref=ByClientId(client(1)))},
        tenants={"contoso": tenant, "fabrikam": fabrikam},
        policy=policy,
        sha256="c" * 64,
        files=("hve.yaml",),
    )


def _waiver(rule: str, name: str, of: Guid, expires: date, said: str) -> Waiver:
    return Waiver(rule, said, said, expires, span(30), "contoso", address(name), Guid(of.value), said)


def journaled(name: str = "Payroll Mailer") -> History:
    """Two runs: one that went well, one whose end nobody wrote down; the list was changed since by somebody else."""
    payroll = account("payroll", ()).guid

    def call(days: int, action: str, number: int, **came: object) -> JournaledCall:
        at = NOW - timedelta(days=days)
        return JournaledCall(at, "hve-payroll@contoso.com", payroll, action, (app(number),), seen_at=at, **came)  # type: ignore[arg-type]

    first = JournaledRun(
        "p1",
        NOW - timedelta(days=9),
        "contoso",
        1,
        NOW - timedelta(days=9),
        "ok",
        (
            call(9, "grant", 1, error="", seen=Known(apps(1, 9))),
            call(9, "revoke", 9, error="", seen=Known(apps(1, 2))),
        ),
    )
    second = JournaledRun(
        name,
        NOW - timedelta(days=2),
        calls=(
            call(2, "grant", 3, error=name, seen=Unknown(name)),
            call(2, "revoke", 2, error=None, seen=None),
            call(2, "revoke", 2, error="", seen=Known(frozenset())),
            call(2, "grant", 2, error="", seen=Known(apps(1, 2))),
        ),
    )
    return History((first, second), 12, 1, "d" * 64, 4711)


def checked(desired: DesiredState, facts: TenantFacts) -> list[Checked]:
    """contoso as it was read, and fabrikam, which could not be."""
    contoso = check_tenant(desired, desired.tenants["contoso"], facts, ASKED)
    return [contoso, unread(desired, desired.tenants["fabrikam"], facts.read_by)]


def audited(desired: DesiredState, facts: TenantFacts, history: History | Unreadable) -> AuditedTenant:
    """contoso, ready to be told of."""
    view = view_of(desired, desired.tenants["contoso"], facts, ASKED, pins=None, lately=Lately())
    return audit_tenant(view, history)


def audit(name: str = "Payroll Mailer", *, directory: bool = True, journal: bool = True) -> Audit:
    """Two tenants, one of which could not be read, with this name wherever a name can be."""
    desired, facts = declared(name), read(name, directory=directory)
    contoso, fabrikam = checked(desired, facts)
    tenant = audited(desired, facts, journaled(name) if journal else Unreadable(name))
    findings = judge(desired, list(desired.tenants), [contoso, fabrikam], ASKED)
    unreadable = tuple(each.address.value for each in tenant.unknown)
    scopes = (
        Scope("contoso", TENANT.value, tenant.domain, NOW, name, len(tenant.accounts), unreadable),
        Scope("fabrikam", OTHER.value, why_unread=fabrikam.why_unread),
    )
    return Audit(
        tenants=(tenant,),
        assessment=Assessment(findings, scopes, version="0.3", made_at=NOW),
        made_at=NOW,
        made_by=name,
        version="0.3",
        configuration=Basis("hve.yaml", desired.sha256),
        lock=Basis("hve.lock.yaml", "e" * 64),
        snapshot=Basis("monday.json", "f" * 64, NOW),
    )


def exceptions_of(name: str = "Payroll Mailer") -> Report:
    desired, facts = declared(name), read(name)
    both, told = checked(desired, facts), audit(name)
    found = exceptions(desired, both, {each.alias: each for each in told.tenants}, told.assessment.findings, ASKED)
    return exception_report(told, found)


def changes_of(name: str = "Payroll Mailer") -> Report:
    before, after = Taken(name, "1" * 64, NOW), Taken("read now", "2" * 64, NOW)
    lost = TenantDifference("fabrikam", why=name)
    return change_report(audit(name), Period(), Compared(before, after, (TenantDifference("contoso"), lost)))


KINDS: Mapping[str, Callable[[str], Report]] = {
    "inventory": lambda name: inventory_report(audit(name)),
    "inventory-gaps": lambda name: inventory_report(audit(name, directory=False, journal=False)),
    "exposure": lambda name: exposure_report(audit(name)),
    "exposure-gaps": lambda name: exposure_report(audit(name, directory=False)),
    "apps": lambda name: application_report(audit(name)),
    "changes": changes_of,
    "exceptions": exceptions_of,
}
"""Every kind of report for an auditor, by the name that is everywhere in it."""

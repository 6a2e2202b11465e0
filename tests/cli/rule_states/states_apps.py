"""States for the rules about ids on lists (2xx), exceptions and basic authentication (103, 106) and billing (601)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from cli.rule_states.state import APPS, RuleState, config, nothing
from cli.scenes import (
    FORBIDDEN,
    FULL_ACCOUNT,
    INVOICE,
    INVOICE_REGISTRATION,
    MONITORING,
    OPEN_ACCOUNT,
    PAYROLL_CLIENT_ID,
    SHOP,
    SHOP_ACCOUNT,
)
from cli.terminal import Terminal

from hveadmin.domain.finding import Verdict
from hveadmin.sandbox.cmdlets import RECIPIENT_ADMINISTRATOR
from hveadmin.sandbox.credentials import add_secret
from hveadmin.sandbox.seed import CONTOSO, GRAPH_APP_ID, guid_of
from hveadmin.sandbox.server import Sandbox
from hveadmin.sandbox.store import Document

FORBIDDEN_CLIENT_ID = "00000000-1111-4222-8333-444444444404"
SHOP_CLIENT_ID = guid_of("contoso", "client", "Shop Orders")
VENDOR, VENDOR_TENANT = "7c0b9a11-8f0e-4a57-8c33-2d1e0f9a8b05", guid_of("fabrikam", "tenant")
DISABLED = guid_of("contoso", "principal", "CRM Sync 2019")
CRM = guid_of("contoso", "principal", "CRM Sync")
DELETED = guid_of("contoso", "principal", "Newsletter 2021")
PURGED = guid_of("contoso", "principal", "deleted for good")

SCAN, LAB, LEGACY, CRM_ACCOUNT, INVOICES, NEWS, LAB_ALERTS = (
    f"hve-{name}@contoso.com" for name in ("scan", "lab", "legacy", "crm", "invoices", "newsletter", "alert-lab")
)
ON_SHOP = {"account": SHOP_ACCOUNT, "object_id": SHOP}
THE_SHOP = {"account": None, "object_id": SHOP}
SHOP_DECLARED = f"{SHOP_ACCOUNT}: {{apps: [shop]}}"
FORBIDS = f"{{forbidden_apps: [{{client_id: {FORBIDDEN_CLIENT_ID}, reason: Decommissioned}}]}}"

# Exceptions


def unrestricted(owner: str, ticket: str = "") -> str:
    said = f", ticket: {ticket}" if ticket else ""
    return config(
        f"{OPEN_ACCOUNT}: {{mode: unrestricted, reason: Cut-over, owner: {owner}, expires: 2999-12-31{said}}}",
        selectors='[{match: "*", mode: observe}]',
    )


# The directory


Prepare = Callable[[Sandbox, Terminal], None]


def principal(object_id: str, **changes: object) -> Prepare:
    """An enterprise application is changed."""

    def change(sandbox: Sandbox, terminal: Terminal) -> None:
        _change(sandbox, object_id, changes)

    return change


def _change(sandbox: Sandbox, object_id: str, changes: Mapping[str, object]) -> None:
    document: Document = sandbox.store.get(CONTOSO, "servicePrincipal", object_id) or {}
    sandbox.store.put(CONTOSO, "servicePrincipal", object_id, {**document, **changes})


def the_group_is_there(sandbox: Sandbox, terminal: Terminal) -> None:
    """messaging@contoso.com is a group that gets mail."""
    group = guid_of("contoso", "group", "messaging")
    document = {"id": group, "displayName": "Messaging", "mail": "Messaging@contoso.com", "mailEnabled": True}
    sandbox.store.put(CONTOSO, "group", group, document)


def pinned_and_renamed(sandbox: Sandbox, terminal: Terminal) -> None:
    pinned(sandbox, terminal)
    _change(sandbox, SHOP, {"displayName": "Shop Orders (new owner)"})


def pinned(sandbox: Sandbox, terminal: Terminal) -> None:
    terminal.hveadmin("app", "pin").ends_with(0)


def a_secret(days: int) -> Prepare:
    """The shop's application has a secret that ends in so many days."""

    def add(sandbox: Sandbox, terminal: Terminal) -> None:
        now = datetime.now(UTC)
        ends, starts = now + timedelta(days=days), now - timedelta(days=300)
        add_secret(sandbox.store, CONTOSO, SHOP_CLIENT_ID, "long enough to be one", expires=ends, starts=starts)

    return add


def mail_send_on_graph(sandbox: Sandbox, terminal: Terminal) -> None:
    """The shop's permission is on the other API that has one of this name."""
    graph = guid_of("contoso", "resource", GRAPH_APP_ID)
    for each in sandbox.store.where(CONTOSO, "appRoleAssignment", "principalId", SHOP):
        sandbox.store.put(CONTOSO, "appRoleAssignment", each["id"], {**each, "resourceId": graph})


# Exchange


def operator_manages_recipients_only(sandbox: Sandbox, terminal: Terminal) -> None:
    client_id = sandbox.operators()["operator"].client_id
    (operator,) = sandbox.store.by_app_id(CONTOSO, "servicePrincipal", client_id)
    sandbox.store.put(CONTOSO, "roleAssignment", operator["id"], {"wids": [RECIPIENT_ADMINISTRATOR]})


def foreign(options: str = "") -> str:
    policy = f"{{rules: {{HVE207: {{options: {{{options}}}}}}}}}" if options else ""
    return config(policy=policy)


def fails(
    rule: str,
    says: str,
    text: str,
    about: Mapping[str, object],
    prepare: Prepare = nothing,
    options: tuple[str, ...] = (),
) -> RuleState:
    return RuleState(rule, says, text, Verdict.FAIL, about, prepare, options)


def passes(rule: str, says: str, text: str, about: Mapping[str, object], prepare: Prepare = nothing) -> RuleState:
    return RuleState(rule, says, text, Verdict.PASS, about, prepare)


STATES = [
    fails("HVE103", "no ticket", unrestricted("anna.holm@contoso.com"), {"account": OPEN_ACCOUNT}),
    fails("HVE103", "the owner left", unrestricted("left@contoso.com", "CHG1"), {"account": OPEN_ACCOUNT}),
    passes("HVE103", "a ticket, and a user", unrestricted("anna.holm@contoso.com", "CHG1"), {"account": OPEN_ACCOUNT}),
    passes(
        "HVE103",
        "a ticket, and a group",
        unrestricted("messaging@contoso.com", "CHG1"),
        {"account": OPEN_ACCOUNT},
        the_group_is_there,
    ),
    passes(
        "HVE103",
        "a ticket, and one of somebody's other addresses",
        unrestricted("erp@contoso.com", "CHG1"),
        {"account": OPEN_ACCOUNT},
    ),
    RuleState(
        "HVE103",
        "nobody may look owners up",
        unrestricted("left@contoso.com", "CHG1").replace("profile: operator", "profile: applications-only"),
        Verdict.NOT_APPLICABLE,
        {"account": OPEN_ACCOUNT},
    ),
    fails(
        "HVE103",
        "no ticket, found offline",
        unrestricted("anna.holm@contoso.com"),
        {"account": OPEN_ACCOUNT},
        options=("--config-only",),
    ),
    fails("HVE106", "a policy that lets it through", config(), {"account": SCAN}),
    passes("HVE106", "blocked by default", config(), {"account": SHOP_ACCOUNT}),
    RuleState(
        "HVE106",
        "no right to read the policies",
        config(),
        Verdict.NOT_APPLICABLE,
        {"tenant": "contoso"},
        operator_manages_recipients_only,
    ),
    fails("HVE201", "in no entry", config(), {"account": INVOICES, "object_id": INVOICE}),
    passes("HVE201", "in apps, on no account's entry", config(), ON_SHOP),
    RuleState(
        "HVE201",
        "nobody can say what it is",
        config(apps={"crm": "{client_id: 11111111-1111-4111-8111-111111111111, reason: CRM}"}, profile="without-graph"),
        Verdict.UNKNOWN,
        ON_SHOP,
    ),
    fails("HVE202", "by client id", config(policy=FORBIDS), {"account": FULL_ACCOUNT, "object_id": FORBIDDEN}),
    passes("HVE202", "another one", config(policy=FORBIDS), ON_SHOP),
    fails(
        "HVE202",
        "declared and used, found offline",
        config(
            f"{SHOP_ACCOUNT}: {{apps: [blaster]}}",
            apps={**APPS, "blaster": f"{{client_id: {FORBIDDEN_CLIENT_ID}, reason: Bulk mail}}"},
            policy=FORBIDS,
        ),
        {"thing": "apps.blaster"},
        options=("--config-only",),
    ),
    fails("HVE203", "a client id on a list", config(), {"account": SCAN, "object_id": PAYROLL_CLIENT_ID}),
    fails(
        "HVE203",
        "a client id written as an object id",
        config(
            f"{SHOP_ACCOUNT}: {{apps: [wrong]}}",
            apps={"wrong": f"{{object_id: {SHOP_CLIENT_ID}, tenant: contoso, reason: Orders}}"},
        ),
        {"account": None, "thing": "apps.wrong"},
    ),
    passes("HVE203", "an object id", config(), ON_SHOP),
    fails("HVE204", "a registration's id", config(), {"account": INVOICES, "object_id": INVOICE_REGISTRATION}),
    passes("HVE204", "an object id", config(), ON_SHOP),
    fails("HVE205", "deleted for good", config(), {"account": LAB_ALERTS, "object_id": PURGED}),
    fails("HVE205", "deleted a few days ago", config(), {"account": NEWS, "object_id": DELETED}),
    passes("HVE205", "alive", config(), ON_SHOP),
    RuleState(
        "HVE205",
        "the directory may not be read",
        config(profile="without-graph"),
        Verdict.UNKNOWN,
        {"tenant": "contoso"},
    ),
    fails("HVE206", "switched off", config(), {"account": CRM_ACCOUNT, "object_id": DISABLED}),
    fails(
        "HVE206",
        "disabled by Microsoft",
        config(),
        ON_SHOP,
        prepare=principal(SHOP, disabledByMicrosoftStatus="DisabledDueToViolationOfServicesAgreement"),
    ),
    passes("HVE206", "enabled", config(), {"account": CRM_ACCOUNT, "object_id": CRM}),
    fails("HVE207", "a vendor's", foreign(), {"account": LAB, "object_id": VENDOR}),
    passes(
        "HVE207", "approved", foreign(f"approved_tenants: [{VENDOR_TENANT}]"), {"account": LAB, "object_id": VENDOR}
    ),
    passes("HVE207", "ours", foreign(), ON_SHOP),
    fails("HVE208", "renamed since", config(SHOP_DECLARED), {"object_id": SHOP}, prepare=pinned_and_renamed),
    passes("HVE208", "as it was pinned", config(SHOP_DECLARED), {"object_id": SHOP}, prepare=pinned),
    RuleState("HVE208", "nothing is pinned", config(SHOP_DECLARED), Verdict.NOT_APPLICABLE, {"tenant": "contoso"}),
    fails("HVE209", "the right permission on the wrong API", config(), THE_SHOP, prepare=mail_send_on_graph),
    fails("HVE209", "its only secret has run out", config(), THE_SHOP, prepare=a_secret(-1)),
    passes("HVE209", "Mail.Send is granted", config(), THE_SHOP),
    RuleState(
        "HVE209",
        "consent may not be seen",
        config(profile="applications-only"),
        Verdict.UNKNOWN,
        THE_SHOP,
        mail_send_on_graph,
    ),
    fails("HVE210", "it ends within days", config(), THE_SHOP, prepare=a_secret(9)),
    fails(
        "HVE210",
        "it lives too long",
        config(policy="{rules: {HVE210: {options: {max_lifetime: 365d}}}}"),
        THE_SHOP,
        prepare=a_secret(200),
    ),
    passes("HVE210", "it lasts", config(), THE_SHOP, prepare=a_secret(200)),
    RuleState("HVE210", "no credential at all", config(), Verdict.NOT_APPLICABLE, {"object_id": MONITORING}),
    fails("HVE601", "no policy is connected", config(), {"account": LEGACY}),
    fails("HVE601", "the subscription is not active", config(), {"account": LAB}),
    passes("HVE601", "billed", config(), {"account": SHOP_ACCOUNT}),
]

"""States for the rules about open accounts (1xx), lists and what is declared of them (3xx), and grants (4xx)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from cli.rule_states.state import APPS, RuleState, config
from cli.scenes import (
    DUNNING,
    FORBIDDEN,
    FULL_ACCOUNT,
    MONITORING,
    OPEN_ACCOUNT,
    PAYROLL_CLIENT_ID,
    SHOP,
    SHOP_ACCOUNT,
)
from cli.terminal import Terminal

from hveadmin.domain.finding import Verdict
from hveadmin.sandbox.faults import Fault, FaultKind
from hveadmin.sandbox.server import Sandbox

PASSED, DISTANT = "2020-01-31", "2999-12-31"
SOON = (date.today() + timedelta(days=5)).isoformat()
"""Within the warning of 30 days, wherever the day of the run ends."""

NOBODYS_ACCOUNT = "hve-nobody@contoso.com"
WEB_ACCOUNT = "hve-alert-web@contoso.com"
"""One application on its list: MONITORING."""

IN_SHOP = {"tenant": "contoso", "account": SHOP_ACCOUNT}
IN_OPEN = {"tenant": "contoso", "account": OPEN_ACCOUNT}
SHOP_DECLARED = f"{SHOP_ACCOUNT}: {{apps: [shop]}}"
OPEN_DECLARED = f"{OPEN_ACCOUNT}: {{apps: [monitoring]}}"
UNMANAGED = "mode: enforce, owner: messaging@contoso.com, unmanaged_accounts: "


def unrestricted(account: str, expires: str) -> str:
    """An account that is open on purpose."""
    return f"{account}: {{mode: unrestricted, reason: Cut-over, owner: erp@contoso.com, expires: {expires}}}"


def at_most(accounts: int) -> str:
    """A policy that allows an application on so many accounts."""
    return f"{{rules: {{HVE405: {{options: {{max_accounts: {accounts}}}}}}}}}"


def with_shop(entry: str) -> Mapping[str, str]:
    """The applications of the seed, the shop written otherwise."""
    return {**APPS, "shop": entry}


def the_shop_cannot_be_read(sandbox: Sandbox, terminal: Terminal) -> None:
    sandbox.add_fault(Fault(FaultKind.HTML, account=SHOP_ACCOUNT, times=None))


def we_close_it(sandbox: Sandbox, terminal: Terminal) -> None:
    """A run of ours grants what is declared of OPEN_ACCOUNT."""
    terminal.hveadmin("apply", "--yes").ends_with(0)


def we_close_it_and_somebody_empties_it(sandbox: Sandbox, terminal: Terminal) -> None:
    we_close_it(sandbox, terminal)
    sandbox.tenant("contoso").remove_apps(OPEN_ACCOUNT, [MONITORING])


STATES = [
    # Open accounts
    RuleState("HVE101", "open, and without an entry", config(), Verdict.FAIL, IN_OPEN),
    RuleState("HVE101", "open, and declared restricted", config(OPEN_DECLARED), Verdict.FAIL, IN_OPEN),
    RuleState("HVE101", "restricted", config(), Verdict.PASS, IN_SHOP),
    RuleState(
        "HVE101", "open on purpose", config(unrestricted(OPEN_ACCOUNT, DISTANT)), Verdict.NOT_APPLICABLE, IN_OPEN
    ),
    RuleState("HVE101", "its list cannot be read", config(), Verdict.UNKNOWN, IN_SHOP, the_shop_cannot_be_read),
    RuleState("HVE102", "past its end", config(unrestricted(OPEN_ACCOUNT, PASSED)), Verdict.FAIL, IN_OPEN),
    RuleState("HVE102", "before its end", config(unrestricted(OPEN_ACCOUNT, DISTANT)), Verdict.PASS, IN_OPEN),
    RuleState(
        "HVE104",
        "somebody emptied what we had closed",
        config(OPEN_DECLARED),
        Verdict.FAIL,
        IN_OPEN,
        we_close_it_and_somebody_empties_it,
    ),
    RuleState("HVE104", "still as we left it", config(OPEN_DECLARED), Verdict.PASS, IN_OPEN, we_close_it),
    RuleState("HVE104", "no run of ours", config(OPEN_DECLARED), Verdict.NOT_APPLICABLE, IN_OPEN),
    RuleState("HVE105", "restricted in fact", config(unrestricted(SHOP_ACCOUNT, DISTANT)), Verdict.FAIL, IN_SHOP),
    RuleState("HVE105", "open as declared", config(unrestricted(OPEN_ACCOUNT, DISTANT)), Verdict.PASS, IN_OPEN),
    # What is declared, and what is
    RuleState(
        "HVE301",
        "one of two is missing",
        config(f"{SHOP_ACCOUNT}: {{apps: [shop, dunning]}}"),
        Verdict.FAIL,
        {**IN_SHOP, "object_id": DUNNING, "application": "dunning"},
    ),
    RuleState("HVE301", "all are there", config(SHOP_DECLARED), Verdict.PASS, {**IN_SHOP, "object_id": SHOP}),
    RuleState(
        "HVE301",
        "nobody can say whether it is the one on the list",
        config(f"{WEB_ACCOUNT}: {{apps: [by-client-id]}}", profile="without-graph"),
        Verdict.UNKNOWN,
        {"account": WEB_ACCOUNT, "thing": "apps.by-client-id"},
    ),
    RuleState(
        "HVE302",
        "an application that nobody declared",
        config(f"{SHOP_ACCOUNT}: {{apps: [payroll]}}"),
        Verdict.FAIL,
        {**IN_SHOP, "object_id": SHOP},
    ),
    RuleState(
        "HVE302",
        "what must be absent is there",
        config(f"{FULL_ACCOUNT}: {{mode: absent, apps: [bulk-blaster]}}"),
        Verdict.FAIL,
        {"account": FULL_ACCOUNT, "object_id": FORBIDDEN},
    ),
    RuleState("HVE302", "just what is declared", config(SHOP_DECLARED), Verdict.PASS, {**IN_SHOP, "object_id": SHOP}),
    RuleState(
        "HVE302",
        "others may be there",
        config(f"{SHOP_ACCOUNT}: {{mode: additive, apps: [payroll]}}"),
        Verdict.NOT_APPLICABLE,
        IN_SHOP,
    ),
    RuleState(
        "HVE302",
        "nobody can say whether it is what is declared",
        config(f"{WEB_ACCOUNT}: {{apps: [by-client-id]}}", profile="without-graph"),
        Verdict.UNKNOWN,
        {"account": WEB_ACCOUNT, "object_id": MONITORING},
    ),
    RuleState("HVE303", "without an entry", config(defaults=f"{UNMANAGED}fail"), Verdict.FAIL, IN_SHOP),
    RuleState(
        "HVE303",
        "reported only",
        config(defaults=f"{UNMANAGED}report"),
        Verdict.FAIL,
        {**IN_SHOP, "severity": "low"},
    ),
    RuleState("HVE303", "with an entry", config(SHOP_DECLARED, defaults=f"{UNMANAGED}fail"), Verdict.PASS, IN_SHOP),
    RuleState(
        "HVE304",
        "no such account",
        config(f"{NOBODYS_ACCOUNT}: {{apps: [shop]}}"),
        Verdict.FAIL,
        {"account": NOBODYS_ACCOUNT, "guid": None},
    ),
    RuleState("HVE304", "it is there", config(SHOP_DECLARED), Verdict.PASS, IN_SHOP),
    RuleState(
        "HVE305",
        "another domain",
        config(selectors='[{match: "hve-*@fabrikam.com", mode: observe}]'),
        Verdict.FAIL,
        {"tenant": "contoso", "thing": "selector hve-*@fabrikam.com"},
    ),
    RuleState(
        "HVE305",
        "all accounts",
        config(selectors='[{match: "*", mode: observe}]'),
        Verdict.PASS,
        {"tenant": "contoso", "thing": "selector *"},
    ),
    # Grants and applications
    RuleState("HVE401", "ten of ten", config(), Verdict.FAIL, {"account": FULL_ACCOUNT, "severity": "medium"}),
    RuleState("HVE401", "one of ten", config(), Verdict.PASS, IN_SHOP),
    RuleState(
        "HVE402",
        "no reason is given",
        config(apps=with_shop(f"{{object_id: {SHOP}, tenant: contoso}}")),
        Verdict.FAIL,
        {"thing": "apps.shop", "object_id": SHOP},
        options=("--config-only",),
    ),
    RuleState("HVE402", "owner and reason are given", config(), Verdict.PASS, {"thing": "apps.shop"}),
    RuleState(
        "HVE403",
        "still on the list",
        config(f"{SHOP_ACCOUNT}: {{apps: [{{app: shop, expires: {PASSED}}}, dunning]}}"),
        Verdict.FAIL,
        {**IN_SHOP, "object_id": SHOP},
    ),
    RuleState(
        "HVE403",
        "not over yet",
        config(f"{SHOP_ACCOUNT}: {{apps: [{{app: shop, expires: {DISTANT}}}]}}"),
        Verdict.PASS,
        {**IN_SHOP, "object_id": SHOP},
    ),
    RuleState(
        "HVE403",
        "over, and off the list",
        config(f"{SHOP_ACCOUNT}: {{apps: [shop, {{app: dunning, expires: {PASSED}}}]}}"),
        Verdict.PASS,
        {**IN_SHOP, "object_id": DUNNING},
    ),
    RuleState(
        "HVE404",
        "a grant ends within days",
        config(f"{SHOP_ACCOUNT}: {{apps: [{{app: shop, expires: {SOON}}}]}}"),
        Verdict.FAIL,
        {**IN_SHOP, "thing": "apps.shop"},
        options=("--config-only",),
    ),
    RuleState(
        "HVE404",
        "an exception ends within days",
        config(unrestricted(OPEN_ACCOUNT, SOON)),
        Verdict.FAIL,
        IN_OPEN,
        options=("--config-only",),
    ),
    RuleState(
        "HVE404",
        "it ends in centuries",
        config(f"{SHOP_ACCOUNT}: {{apps: [{{app: shop, expires: {DISTANT}}}]}}"),
        Verdict.PASS,
        {**IN_SHOP, "thing": "apps.shop"},
    ),
    RuleState(
        "HVE405", "on several", config(policy=at_most(1)), Verdict.FAIL, {"object_id": MONITORING, "account": None}
    ),
    RuleState(
        "HVE405",
        "on as many as allowed",
        config(policy=at_most(2)),
        Verdict.PASS,
        {"object_id": SHOP, "account": None},
    ),
    RuleState("HVE405", "no limit is set", config(), Verdict.NOT_APPLICABLE, {"tenant": "contoso", "account": None}),
    RuleState("HVE406", "on no list", config(), Verdict.FAIL, {"thing": "apps.shop"}, options=("--config-only",)),
    RuleState("HVE406", "on a list", config(SHOP_DECLARED), Verdict.PASS, {"thing": "apps.shop"}),
    RuleState(
        "HVE407",
        "by display name",
        config(apps=with_shop("{name: Shop Orders, reason: Order mail}")),
        Verdict.FAIL,
        {"thing": "apps.shop"},
        options=("--config-only",),
    ),
    RuleState(
        "HVE407",
        "by client id",
        config(apps=with_shop(f"{{client_id: {PAYROLL_CLIENT_ID}, reason: Payslips}}")),
        Verdict.PASS,
        {"thing": "apps.shop"},
    ),
]

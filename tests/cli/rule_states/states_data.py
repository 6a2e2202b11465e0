"""States for the rules about waivers (5xx) and about what could not be found out (9xx)."""

from __future__ import annotations

from cli.rule_states.state import RuleState, config
from cli.scenes import OPEN_ACCOUNT, PAYROLL_V1, SHOP, SHOP_ACCOUNT
from cli.terminal import Terminal

from hveadmin.domain.finding import Verdict
from hveadmin.sandbox.faults import Fault, FaultKind
from hveadmin.sandbox.server import Sandbox

PAYROLL_ACCOUNT = "hve-payroll@contoso.com"
"""Three applications on its list, one of them PAYROLL_V1."""
PAYROLL_DECLARED = f"{PAYROLL_ACCOUNT}: {{apps: [payroll, monitoring]}}"
SHOP_DECLARED = f"{SHOP_ACCOUNT}: {{apps: [shop]}}"


def waiver(expires: str, *, rule: str = "HVE302", app: str = PAYROLL_V1) -> str:
    """A policy with one waiver, for an application on PAYROLL_ACCOUNT."""
    return (
        f"{{waivers: [{{rule: {rule}, tenant: contoso, account: {PAYROLL_ACCOUNT}, app: {app},"
        f" reason: Vendor trial, owner: lab@contoso.com, expires: {expires}}}]}}"
    )


WAIVER = {"tenant": "contoso", "account": PAYROLL_ACCOUNT, "object_id": PAYROLL_V1, "thing": "waiver HVE302"}
TENANT = {"tenant": "contoso", "account": None}


def one_account_is_throttled(sandbox: Sandbox, terminal: Terminal) -> None:
    sandbox.add_fault(Fault(FaultKind.HTML, account=SHOP_ACCOUNT, times=None))


def no_accounts(sandbox: Sandbox, terminal: Terminal) -> None:
    tenant = sandbox.tenant("contoso")
    with sandbox.store.transaction():
        for account in tenant.accounts():
            sandbox.store.delete(tenant.tenant_id, "account", account.guid)


STATES = [
    RuleState(
        "HVE501", "its last day is over", config(PAYROLL_DECLARED, policy=waiver("2020-01-31")), Verdict.FAIL, WAIVER
    ),
    RuleState("HVE501", "in force", config(PAYROLL_DECLARED, policy=waiver("2999-12-31")), Verdict.PASS, WAIVER),
    RuleState(
        "HVE502",
        "its application is on another list",
        config(PAYROLL_DECLARED, policy=waiver("2999-12-31", app=SHOP)),
        Verdict.FAIL,
        {**WAIVER, "object_id": SHOP},
    ),
    RuleState(
        "HVE502", "it accepts something", config(PAYROLL_DECLARED, policy=waiver("2999-12-31")), Verdict.PASS, WAIVER
    ),
    RuleState(
        "HVE502",
        "not all was looked at",
        config(PAYROLL_DECLARED, policy=waiver("2999-12-31")),
        Verdict.NOT_APPLICABLE,
        WAIVER,
        options=("--config-only",),
    ),
    RuleState(
        "HVE901",
        "its list cannot be read",
        config(SHOP_DECLARED),
        Verdict.UNKNOWN,
        {"account": SHOP_ACCOUNT},
        one_account_is_throttled,
    ),
    RuleState("HVE901", "an open account was read", config(SHOP_DECLARED), Verdict.PASS, {"account": OPEN_ACCOUNT}),
    RuleState(
        "HVE902", "no account, and some are declared", config(SHOP_DECLARED), Verdict.UNKNOWN, TENANT, no_accounts
    ),
    RuleState("HVE902", "nobody answers", config(profile="nobody-there"), Verdict.UNKNOWN, TENANT),
    RuleState("HVE902", "no role", config(profile="without-role"), Verdict.UNKNOWN, TENANT),
    RuleState("HVE902", "fourteen accounts", config(), Verdict.PASS, TENANT),
    RuleState("HVE902", "no account, and none is declared", config(), Verdict.PASS, TENANT, no_accounts),
    RuleState("HVE903", "no right to read it", config(profile="without-graph"), Verdict.FAIL, TENANT),
    RuleState("HVE903", "it was read", config(), Verdict.PASS, TENANT),
    RuleState("HVE904", "nothing is this new", config(), Verdict.FAIL, TENANT, options=("--max-age", "0s")),
    RuleState("HVE904", "read a moment ago", config(), Verdict.PASS, TENANT, options=("--max-age", "1h")),
    RuleState("HVE904", "nobody set a limit", config(), Verdict.NOT_APPLICABLE, TENANT),
]

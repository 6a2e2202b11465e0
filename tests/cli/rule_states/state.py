"""
How a state of the seed is written down that makes a rule fail, or pass.

Every rule has at least one of each, in a table `STATES` of one of the files `states_*.py` of this folder, which are
found by their names. `test_rule_states.py` starts each from the seed `contoso`, does to it what the state says, runs
`hveadmin check -o json` over real sockets, and looks for the verdict:

    STATES = [
        RuleState("HVE302", "an application that nobody declared", config(f"{SHOP_ACCOUNT}: {{apps: [payroll]}}"),
                  Verdict.FAIL, {"account": SHOP_ACCOUNT, "object_id": SHOP}),
        RuleState("HVE302", "just what is declared", config(f"{SHOP_ACCOUNT}: {{apps: [shop]}}"),
                  Verdict.PASS, {"account": SHOP_ACCOUNT, "object_id": SHOP}),
    ]

`about` is what the finding must say of its subject, as it stands in the machine form: account, object_id, thing,
tenant, source and the like; every finding of the rule with this subject must have the verdict, and there must be one.
`prepare` is handed the sandbox and the terminal: change the store, add a fault, set a switch, write hve.lock.yaml, or
type commands (a run of `apply` leaves a journal). `options` are given to `check` besides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cli.scenes import DUNNING, FORBIDDEN, MONITORING, MONITORING_CLIENT_ID, PAYROLL, PAYROLL_V1, SHOP
from cli.terminal import Terminal

from hveadmin.domain.finding import Verdict
from hveadmin.sandbox.seed import CONTOSO
from hveadmin.sandbox.server import Sandbox

APPS: Mapping[str, str] = {
    "monitoring": f"{{object_id: {MONITORING}, tenant: contoso, reason: Alert mail}}",
    "payroll": f"{{object_id: {PAYROLL}, tenant: contoso, reason: Monthly payslips}}",
    "payroll-v1": f"{{object_id: {PAYROLL_V1}, tenant: contoso, reason: Monthly payslips}}",
    "dunning": f"{{object_id: {DUNNING}, tenant: contoso, reason: Letters}}",
    "bulk-blaster": f"{{object_id: {FORBIDDEN}, tenant: contoso, reason: Being retired}}",
    "shop": f"{{object_id: {SHOP}, tenant: contoso, reason: Order mail}}",
    "by-client-id": f"{{client_id: {MONITORING_CLIENT_ID}, reason: Alert mail}}",
}
"""Applications of the seed, as entries of `apps`."""


def config(
    *accounts: str,
    apps: Mapping[str, str] = APPS,
    policy: str = "",
    selectors: str = "",
    defaults: str = "mode: enforce, owner: messaging@contoso.com, unmanaged_accounts: ignore",
    profile: str = "operator",
) -> str:
    """A configuration of contoso with these lines below `accounts:`; `policy` and `selectors` are YAML values."""
    lines = [
        "version: 1",
        f"defaults: {{{defaults}}}",
        "apps:",
        *(f"  {name}: {entry}" for name, entry in apps.items()),
        *([f"policy: {policy}"] if policy else []),
        "tenants:",
        "  contoso:",
        f"    tenant_id: {CONTOSO}",
        "    domain: contoso.onmicrosoft.com",
        f"    profile: {profile}",
        *(["    accounts:", *(f"      {each}" for each in accounts)] if accounts else []),
        *([f"    selectors: {selectors}"] if selectors else []),
    ]
    return "\n".join(lines) + "\n"


def nothing(sandbox: Sandbox, terminal: Terminal) -> None:
    """The seed as it is."""


@dataclass(frozen=True)
class RuleState:
    """One state, and what a rule says of it."""

    rule: str
    says: str
    """What is so, in a few words; with the rule it names the test."""
    config: str
    """hve.yaml as a whole."""
    verdict: Verdict
    about: Mapping[str, object] = field(default_factory=dict)
    """What the finding's machine form has."""
    prepare: Callable[[Sandbox, Terminal], None] = nothing
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the test is called."""
        return f"{self.rule} {self.verdict.value}: {self.says}"

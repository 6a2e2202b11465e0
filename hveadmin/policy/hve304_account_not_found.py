"""
HVE304: a declared account is not found in the tenant.

The configuration has an entry for an address, and no HVE account of the tenant has that address.

Why it matters: what the entry promises holds for nothing. Either the account was deleted or renamed, and its mail
does not go out, or the address is mistyped, and the account that is meant has no entry.

How to mend it: `hveadmin account list -t TENANT` shows the accounts that there are. Correct the address, create the
account, or take the entry out.

An HVE account goes by its primary address here; an alias of it is not found. Selectors are for HVE305.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.finding import Severity
from hveadmin.policy import commands
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.survey import Survey


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for each account that is declared by its address."""
    survey = Survey.of(view)
    live = {account.address: account for account in view.accounts}
    for address in sorted(filter(view.only, view.entry.accounts)):
        account = live.get(address)
        if account is not None:
            yield survey.account(account).passes("an HVE account of the tenant")
        else:
            remedy = commands.command("account", "list", "-t", view.alias)
            yield survey.not_there(address).fails("declared, and no HVE account of the tenant", remedy)


RULE = TenantRule(
    id="HVE304",
    severity=Severity.HIGH,
    since="0.1",
    page=__doc__,
    fix="hveadmin account list -t TENANT",
    references=("docs/configuration.md",),
    judge=judge,
)

"""
PowerShell that people read, approve and run: the cmdlets a plan comes to, and how text is quoted. Pure.

hveadmin never runs any of it: what it sends is a cmdlet and values. This is for change boards, and for whoever may run
what hveadmin may not. A literal is in single quotes, in which nothing is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hveadmin.domain.plan import Action, Change, Plan, Step

# PowerShell takes the typographic quotes U+2018 to U+201B for its own single quote [D: about_Quoting_Rules].
_QUOTES = re.compile("(['\u2018-\u201b])")

_EXCHANGE_ENVIRONMENTS = {
    "gcc-high": " -ExchangeEnvironmentName O365USGovGCCHigh",
    "dod": " -ExchangeEnvironmentName O365USGovDoD",
    "china": " -ExchangeEnvironmentName O365China",
}
_GRAPH_ENVIRONMENTS = {
    "gcc-high": " -Environment USGov",
    "dod": " -Environment USGovDoD",
    "china": " -Environment China",
}


def quoted(text: str) -> str:
    """Text as a PowerShell literal, in which nothing is expanded."""
    return "'" + _QUOTES.sub(r"\1\1", text) + "'"


def connect_exchange(cloud: str) -> str:
    """Exchange Online PowerShell's sign-in, in this cloud."""
    return f"Connect-ExchangeOnline{_EXCHANGE_ENVIRONMENTS.get(cloud, '')}"


def graph_environment(cloud: str) -> str:
    """What Connect-MgGraph is given besides, in this cloud; empty in the worldwide one."""
    return _GRAPH_ENVIRONMENTS.get(cloud, "")


def cmdlets_of(plan: Plan) -> tuple[str, ...]:
    """
    The calls of a plan, in their order, as lines of PowerShell; empty where nothing would change.

    Between two calls on one account the list is shown, because `apply` reads it back there and goes on only if it is
    as it should be. What `apply` does besides (the rails, the journal) is not in it.
    """
    if len(plan.changes) == 0:
        return ()
    return (connect_exchange(plan.cloud), *(line for change in plan.changes for line in _calls(change)))


def _calls(change: Change) -> Iterator[str]:
    for number, step in enumerate(change.steps):
        if number > 0:
            yield f"(Get-HVEAccountSettings -Identity {quoted(change.account.value)}).AllowedApps"
        yield _call(change, step)


def _call(change: Change, step: Step) -> str:
    ids = ", ".join(quoted(app.value) for app in step.apps)
    match step.action:
        case Action.GRANT:
            return f"Add-HVEAppAccess -Identity {quoted(change.account.value)} -AppIds {ids}"
        case Action.REVOKE:
            # What hveadmin sends: without it the module asks for confirmation.
            return f"Remove-HVEAppAccess -Identity {quoted(change.account.value)} -AppIds {ids} -Confirm:$false"

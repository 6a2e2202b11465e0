"""
grant and revoke of single accounts: the same planner, rails and journal as the whole configuration.

A one-off declares the account additive (these must be on the list) or absent (these must not), or, where the
command line names it as open, unrestricted; from there on it is a plan like any other.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from hveadmin.domain.desired import AppEntry, Bound, ByObjectId, Grant, Limits, Mode, SourceSpan
from hveadmin.domain.ids import Address, ObjectId
from hveadmin.domain.plan import Action, Plan
from hveadmin.domain.planner import COMMAND_LINE, make_plan
from hveadmin.domain.resolve import Declaration, ResolvedTenant, what_instead
from hveadmin.domain.tenant import IdKind, Known, Readable, TenantSnapshot
from hveadmin.errors import Incomplete, Refused
from hveadmin.workflows.gather import gather_some
from hveadmin.workflows.plan import Where

# Whoever names one account has said which one: of a percentage only the count has a meaning here.
ONE_ACCOUNT = Limits(accounts_changed=Bound(1, 100), grants_removed=Bound(10, 100))


def plan_one(
    where: Where,
    alias: str,
    action: Action,
    account: Address,
    apps: Collection[ObjectId],
    *,
    today: date,
    allow_open: bool = False,
    owner: str = "",
    ticket: str = "",
    reason: str = "",
) -> Plan:
    """
    The plan that grants or revokes these applications on one account; without changes where it is so already.

    Raises Refused, naming what each id is and what to use instead: for an id that is no service principal (grant),
    an account that is not an HVE account, an eleventh application, a last one that would go. Raises Incomplete
    where the account's list cannot be read.
    """
    snapshot = gather_some(where.reader, where.directory, where.clock, where.tenant_id, [account], ids=list(apps))
    live = snapshot.account(account)
    if live is None:
        raise Refused(
            f"{account} is not an HVE account of this tenant; nothing was sent",
            hint="hveadmin account list shows the HVE accounts",
        )
    if not isinstance(live.allowed, Known):
        raise Incomplete(f"the list of {account} could not be read: {live.allowed.why}; nothing was sent")
    if action is Action.GRANT:
        _refuse_look_alikes(snapshot, apps)
    if allow_open and live.allowed.apps <= frozenset(apps) and not reason:
        raise Refused(f"{account} would be open to every application; nothing was sent", hint="say why with --reason")
    declared = _declare(action, apps, live.allowed.apps, allow_open, reason, _grants(apps, alias, owner, ticket))
    resolved = ResolvedTenant(alias, "", {account: declared}, frozenset({account}))
    plan = make_plan(resolved, snapshot, today=today, limits=ONE_ACCOUNT, cloud=where.cloud)
    _refuse_what_is_refused(plan, account, action)
    return plan


def _refuse_look_alikes(snapshot: TenantSnapshot, apps: Collection[ObjectId]) -> None:
    if not isinstance(snapshot.directory, Readable):
        return
    found = [(app, snapshot.directory.identity(app)) for app in apps]
    reasons = [
        f"{app} {what_instead(each)}"
        for app, each in found
        if each is not None and each.kind is not IdKind.SERVICE_PRINCIPAL
    ]
    if reasons:
        raise Refused(
            "an account's list holds service principal object ids; nothing was sent",
            reasons=reasons,
            hint="hveadmin app whatis ID tells the look-alikes apart",
        )


def _grants(apps: Collection[ObjectId], alias: str, owner: str, ticket: str) -> dict[ObjectId, Grant]:
    here = SourceSpan(COMMAND_LINE, 1)
    return {app: Grant(AppEntry("", ByObjectId(app, alias), here), here, owner=owner, ticket=ticket) for app in apps}


def _declare(
    action: Action,
    apps: Collection[ObjectId],
    listed: frozenset[ObjectId],
    allow_open: bool,
    reason: str,
    grants: dict[ObjectId, Grant],
) -> Declaration:
    named = frozenset(apps)
    nobody: frozenset[ObjectId] = frozenset()
    if action is Action.GRANT:
        return Declaration(Mode.ADDITIVE, named, nobody, COMMAND_LINE, grants=grants, reason=reason)
    mode = Mode.UNRESTRICTED if allow_open and listed <= named else Mode.ABSENT
    return Declaration(mode, nobody, named, COMMAND_LINE, grants=grants, reason=reason)


def _refuse_what_is_refused(plan: Plan, account: Address, action: Action) -> None:
    for refused in plan.refused:
        last = action is Action.REVOKE
        raise Refused(
            f"{account}: {refused.why}; nothing was sent",
            hint=f"--allow-open {account} opens it on purpose" if last else "revoke one first, or share an application",
        )

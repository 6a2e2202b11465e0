"""grant and revoke of single accounts: each refusal names what the id is and what to use instead."""

import pytest
from builders import NOW, TENANT, TODAY, account, address, app, apps, principal, service_principals
from memory_tenant import MemoryTenant, StandingClock, run

from hveadmin.domain.guard import Permits
from hveadmin.domain.ids import Guid, ObjectId
from hveadmin.domain.plan import Action, Plan
from hveadmin.domain.tenant import Identity, IdKind, Readable, Unknown, Unreadable
from hveadmin.errors import Incomplete, Refused
from hveadmin.workflows.oneoff import plan_one
from hveadmin.workflows.plan import Where


def plan_for(
    live: MemoryTenant,
    action: Action,
    *ids: int | ObjectId,
    name: str = "x",
    allow_open: bool = False,
    reason: str = "",
) -> Plan:
    where = Where(live, live, StandingClock(), TENANT, "worldwide")
    named = [each if isinstance(each, ObjectId) else app(each) for each in ids]
    return plan_one(where, "contoso", action, address(name), named, today=TODAY, allow_open=allow_open, reason=reason)


def test_a_grant_and_a_revoke_go_through_the_planner() -> None:
    live = MemoryTenant([account("x", (1, 2))])
    run(plan_for(live, Action.GRANT, 3), live)
    run(plan_for(live, Action.REVOKE, 1, 2), live)
    assert live.holds("x") == apps(3)


def test_what_is_so_already_is_an_empty_plan() -> None:
    live = MemoryTenant([account("x", (1, 2))])
    assert plan_for(live, Action.GRANT, 1).changes == ()
    assert plan_for(live, Action.REVOKE, 9).changes == ()


@pytest.mark.parametrize(
    ("kind", "right", "says"),
    [
        (IdKind.CLIENT_ID, 7, f"is the client id of 'App'; use its service principal's object id {app(7)}"),
        (IdKind.CLIENT_ID, None, "no enterprise application in this tenant: create it first"),
        (IdKind.APP_REGISTRATION, 7, f"object id of 'App'; use its service principal's object id {app(7)}"),
        (IdKind.USER, None, "is a user of 'App', not an application"),
        (IdKind.NOT_FOUND, None, "nothing in this tenant"),
        (IdKind.DELETED_SERVICE_PRINCIPAL, None, f"was deleted on {NOW:%Y-%m-%d}"),
    ],
)  # fmt: skip
def test_a_look_alike_is_named_with_the_right_id(kind: IdKind, right: int | None, says: str) -> None:
    sp = principal(right) if right is not None else None
    directory = Readable({Guid(app(5).value): Identity(Guid(app(5).value), kind, "App", sp, deleted_at=NOW)})
    live = MemoryTenant([account("x", (1,))], directory)
    with pytest.raises(Refused) as refused:
        plan_for(live, Action.GRANT, 5)
    assert says in refused.value.reasons[0]


@pytest.mark.parametrize(
    ("has", "action", "ids", "name", "says"),
    [
        (tuple(range(10)), Action.GRANT, (20,), "x", "would hold 11 applications; an account can hold 10"),
        ((1, 2), Action.REVOKE, (1, 2), "x", "an empty list lets every application send"),
        ((1,), Action.GRANT, (2,), "nobody", "not an HVE account of this tenant"),
    ],
)
def test_what_must_not_be_is_refused(
    has: tuple[int, ...], action: Action, ids: tuple[int, ...], name: str, says: str
) -> None:
    live = MemoryTenant([account("x", has)])
    with pytest.raises(Refused) as refused:
        plan_for(live, action, *ids, name=name)
    assert says in refused.value.message
    assert live.calls == []


def test_the_last_application_goes_only_with_the_accounts_name_twice() -> None:
    live = MemoryTenant([account("x", (1,))])
    with pytest.raises(Refused) as refused:
        plan_for(live, Action.REVOKE, 1)
    assert "--allow-open hve-x@contoso.com" in refused.value.hint
    with pytest.raises(Refused) as refused:
        plan_for(live, Action.REVOKE, 1, allow_open=True)
    assert "--reason" in refused.value.hint
    plan = plan_for(live, Action.REVOKE, 1, allow_open=True, reason="cut-over")
    run(plan, live, permits=Permits(allow_open=frozenset({address("x")})))
    assert live.holds("x") == frozenset()


def test_naming_an_account_as_open_opens_nothing_while_something_stays() -> None:
    live = MemoryTenant([account("x", (1, 2))])
    (change,) = plan_for(live, Action.REVOKE, 1, allow_open=True).changes
    assert change.target == apps(2)


def test_an_unknown_list_is_no_ground_to_write_on() -> None:
    with pytest.raises(Incomplete, match="throttled"):
        plan_for(MemoryTenant([account("x", Unknown("throttled"))]), Action.GRANT, 1)


def test_a_dead_id_is_removed_by_itself_and_without_a_directory_grants_say_they_are_unchecked() -> None:
    live = MemoryTenant([account("x", (1, 2))], service_principals(1))
    assert plan_for(live, Action.REVOKE, 2).changes[0].target == apps(1)
    live.directory = Unreadable("no permission")
    assert "ids are not checked" in plan_for(live, Action.GRANT, 3).warnings[0]

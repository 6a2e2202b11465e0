"""What every account's list should become, and what a plan says of the accounts it leaves alone."""

from datetime import date, timedelta

import pytest
from builders import NOW, TODAY, account, address, app, apps, entry, grant, service_principals, snapshot, tenant

from hveadmin.domain.desired import Grant, Limits, Mode, TenantEntry, Unmanaged
from hveadmin.domain.plan import Direction, Plan, Settling
from hveadmin.domain.planner import make_plan
from hveadmin.domain.resolve import resolve
from hveadmin.domain.tenant import TenantSnapshot, Unknown, Unreadable

YESTERDAY = TODAY - timedelta(days=1)


def plan_of(configured: TenantEntry, live: TenantSnapshot, today: date = TODAY) -> Plan:
    addresses = [each.address for each in live.accounts]
    resolved = resolve(configured, addresses, live.directory, today=today)
    return make_plan(resolved, live, today=today, limits=Limits(), cloud="worldwide")


def planned(mode: Mode, has: tuple[int, ...], wants: tuple[Grant, ...], expires: date | None = None) -> Plan:
    configured = tenant({"x": entry(mode, *wants, expires=expires)})
    return plan_of(configured, snapshot(account("x", has)))


OLD = grant(1, expires=YESTERDAY)
LAST_DAY = grant(1, expires=TODAY)


@pytest.mark.parametrize(
    ("mode", "has", "wants", "becomes"),
    [
        pytest.param(Mode.ENFORCE, (1, 3), (grant(1), grant(2)), (1, 2), id="enforce: exactly these"),
        pytest.param(Mode.ENFORCE, (), (grant(1),), (1,), id="enforce closes an open account"),
        pytest.param(Mode.ENFORCE, (1, 2), (OLD, grant(2)), (2,), id="enforce: what is past its end goes"),
        pytest.param(Mode.ENFORCE, (2,), (LAST_DAY, grant(2)), (1, 2), id="the last day is inclusive"),
        pytest.param(Mode.ADDITIVE, (3,), (grant(1),), (1, 3), id="additive: at least these"),
        pytest.param(Mode.ADDITIVE, (1, 3), (OLD,), (3,), id="additive: what is past its end goes"),
        pytest.param(Mode.ADDITIVE, (), (grant(1),), (1,), id="additive closes an open account"),
        pytest.param(Mode.ABSENT, (1, 3), (grant(1),), (3,), id="absent: these go"),
        pytest.param(Mode.UNRESTRICTED, (1, 3), (), (), id="unrestricted: empty on purpose"),
    ],
)
def test_the_list_becomes(mode: Mode, has: tuple[int, ...], wants: tuple[Grant, ...], becomes: tuple[int, ...]) -> None:
    (change,) = planned(mode, has, wants).changes
    assert change.target == apps(*becomes)


@pytest.mark.parametrize(
    ("mode", "has", "wants"),
    [
        pytest.param(Mode.ENFORCE, (1, 2), (grant(1), grant(2)), id="enforce"),
        pytest.param(Mode.ADDITIVE, (1, 2), (grant(1),), id="additive"),
        pytest.param(Mode.ABSENT, (2,), (grant(1),), id="absent"),
        pytest.param(Mode.UNRESTRICTED, (), (), id="unrestricted"),
    ],
)
def test_what_is_as_declared_is_not_planned(mode: Mode, has: tuple[int, ...], wants: tuple[Grant, ...]) -> None:
    plan = planned(mode, has, wants)
    assert (plan.changes, plan.as_declared) == ((), 1)


@pytest.mark.parametrize(
    ("mode", "has", "wants", "says"),
    [
        pytest.param(Mode.ABSENT, (1,), (grant(1),), "last application", id="absent never removes the last"),
        pytest.param(Mode.ENFORCE, (1,), (OLD,), "past its end", id="the last one past its end stays"),
        pytest.param(Mode.ENFORCE, (), (OLD,), "open", id="open, and nothing left to close it with"),
        pytest.param(Mode.ADDITIVE, (1,), (OLD,), "past its end", id="additive too"),
        pytest.param(Mode.ADDITIVE, tuple(range(10, 20)), (grant(1),), "11 applications", id="an eleventh"),
    ],
)
def test_what_must_not_be_reached_is_refused(
    mode: Mode, has: tuple[int, ...], wants: tuple[Grant, ...], says: str
) -> None:
    plan = planned(mode, has, wants)
    assert plan.changes == ()
    (refused,) = plan.refused
    assert says in refused.why


def test_an_exception_past_its_end_is_a_finding_and_not_a_change() -> None:
    for has in ((), (1,)):
        plan = planned(Mode.UNRESTRICTED, has, (), expires=YESTERDAY)
        assert (plan.changes, plan.observed) == ((), 1)
        assert "which is past" in plan.warnings[0]


def test_an_unknown_list_is_neither_planned_nor_right() -> None:
    configured = tenant({"x": entry(Mode.ENFORCE, grant(1)), "y": entry(Mode.UNRESTRICTED)})
    why = Unknown("throttled after 5 tries")
    plan = plan_of(configured, snapshot(account("x", why), account("y", why)))
    assert (plan.changes, plan.as_declared) == ((), 0)
    assert [each.why for each in plan.unknown] == ["throttled after 5 tries"] * 2
    assert (plan.open_before, plan.open_after) == (0, 0)


def test_openings_come_first_then_closings_each_by_address() -> None:
    modes = {"d": Mode.ENFORCE, "c": Mode.UNRESTRICTED, "b": Mode.ENFORCE, "a": Mode.ENFORCE}
    configured = tenant({n: entry(m, *(() if m is Mode.UNRESTRICTED else (grant(1),))) for n, m in modes.items()})
    live = snapshot(account("a", (2,)), account("b", ()), account("c", (3,)), account("d", ()))
    plan = plan_of(configured, live)
    assert [(each.account, each.direction) for each in plan.changes] == [
        (address("c"), Direction.OPENS),
        (address("b"), Direction.CLOSES),
        (address("d"), Direction.CLOSES),
        (address("a"), Direction.STAYS_RESTRICTED),
    ]
    assert (plan.open_before, plan.open_after) == (2, 1)


def test_a_change_carries_owner_and_what_is_remarkable() -> None:
    plan = planned(Mode.ENFORCE, (2, 90), (grant(1),))
    lines = {line.app: line for line in plan.changes[0].lines}
    assert (lines[app(1)].label, lines[app(1)].owner) == ("app-1", "it@contoso.com")
    assert (lines[app(2)].label, lines[app(2)].note) == ("App 2", "not declared")
    assert lines[app(90)].note == "not declared, not checked" or lines[app(90)].label == ""


def test_a_declared_account_that_does_not_exist_is_named() -> None:
    plan = plan_of(tenant({"gone": entry(Mode.ENFORCE, grant(1))}), snapshot(account("x", (1,))))
    (refused,) = plan.refused
    assert (refused.account, refused.origin) == (address("gone"), "hve.yaml:50")


@pytest.mark.parametrize(
    ("unmanaged", "refused", "warned", "observed"),
    [(Unmanaged.FAIL, 1, 0, 0), (Unmanaged.REPORT, 0, 1, 1), (Unmanaged.IGNORE, 0, 0, 1)],
)
def test_an_account_without_an_entry(unmanaged: Unmanaged, refused: int, warned: int, observed: int) -> None:
    plan = plan_of(tenant(unmanaged=unmanaged), snapshot(account("x", (1,))))
    assert (len(plan.refused), len(plan.warnings), plan.observed) == (refused, warned, observed)


def test_a_directory_that_cannot_be_read_is_said_and_object_ids_are_used_unchecked() -> None:
    configured = tenant({"x": entry(Mode.ENFORCE, grant(1))})
    plan = plan_of(configured, snapshot(account("x", (2,)), directory=Unreadable("no permission")))
    assert plan.changes[0].target == apps(1)
    assert "ids are not checked" in plan.warnings[0]


@pytest.mark.parametrize(("left", "planned"), [(1, False), (9, True)])
def test_a_list_that_a_run_left_minutes_ago_settles_unless_something_else_is_declared_now(
    left: int, planned: bool
) -> None:
    live = snapshot(account("x", (2,)))
    configured = tenant({"x": entry(Mode.ENFORCE, grant(1))})
    resolved = resolve(configured, [address("x")], service_principals(1), today=TODAY)
    settling = {live.accounts[0].guid: Settling(apps(left), NOW + timedelta(minutes=3))}
    plan = make_plan(resolved, live, today=TODAY, limits=Limits(), cloud="worldwide", settling=settling)
    assert (len(plan.changes) == 1, len(plan.warnings) == 1) == (planned, not planned)


def test_a_plan_is_stale_once_the_list_is_another() -> None:
    configured = tenant({"x": entry(Mode.ENFORCE, grant(1))})
    plan = plan_of(configured, snapshot(account("x", (2,))))
    assert plan.stale(snapshot(account("x", (2,)))) == ()
    for now, says in [
        ((2, 3), "changed since"),
        ((1,), "already as planned"),
        (Unknown("time out"), "cannot be read now: time out"),
    ]:
        (stale,) = plan.stale(snapshot(account("x", now)))  # type: ignore[arg-type]
        assert says in stale.why
    assert "no longer" in plan.stale(snapshot())[0].why

"""What a plan needs somebody's word for, and which flag gives it."""

import dataclasses

import pytest
from builders import TENANT, TODAY, account, address, entry, grant, snapshot, tenant

from hveadmin.domain.desired import Bound, Limits, Mode
from hveadmin.domain.guard import Permits, largest_use, objections, run_objections
from hveadmin.domain.plan import Plan
from hveadmin.domain.planner import make_plan
from hveadmin.domain.resolve import resolve

WIDE = Bound(100, 100)


def plan_that(changes: int, removes_each: int, of: int, limits: Limits, opens: int = 0) -> Plan:
    """A plan over `of` accounts of ten grants each."""
    entries = {}
    for n in range(changes):
        entries[f"a{n:02}"] = entry(Mode.ENFORCE, *(grant(g) for g in range(removes_each, 10)))
    for n in range(changes, changes + opens):
        entries[f"a{n:02}"] = entry(Mode.UNRESTRICTED, reason="cut-over")
    live = snapshot(*(account(f"a{n:02}", range(10)) for n in range(of)))
    resolved = resolve(tenant(entries), [each.address for each in live.accounts], live.directory, today=TODAY)
    return make_plan(resolved, live, today=TODAY, limits=limits, cloud="worldwide")


@pytest.mark.parametrize(
    ("changes", "of", "bound", "says"),
    [
        pytest.param(2, 4, Bound(10, 50), None, id="exactly at the percentage"),
        pytest.param(3, 4, Bound(10, 50), "3 of 4 is 75 %, limit 50 %", id="over the percentage, small tenant"),
        pytest.param(4, 40, Bound(4, 50), None, id="exactly at the count"),
        pytest.param(5, 40, Bound(4, 50), "5 of 40, limit 4", id="over the count, large tenant"),
        pytest.param(1, 1, Bound(0, 100), "1 of 1, limit 0", id="a limit of nothing"),
    ],
)
def test_a_plan_over_either_bound_is_refused(changes: int, of: int, bound: Bound, says: str | None) -> None:
    plan = plan_that(changes, 1, of, Limits(accounts_changed=bound, grants_removed=WIDE))
    found = objections(plan, Permits())
    if says is None:
        assert found == ()
    else:
        (only,) = found
        assert says in only.text
        assert only.flag == f"--approve-large {changes}"
        assert objections(plan, Permits(approve_large=changes)) == ()
        assert objections(plan, Permits(approve_large=changes - 1)) == found


def test_removals_have_a_flag_of_their_own() -> None:
    plan = plan_that(2, 9, 4, Limits(accounts_changed=WIDE, grants_removed=Bound(10, 30)))
    (only,) = objections(plan, Permits(approve_large=99))
    assert (only.text, only.flag) == ("grants removed: 18 of 40, limit 10", "--approve-removals 18")
    assert objections(plan, Permits(approve_removals=18)) == ()


def test_opening_an_account_needs_its_name_and_nothing_else_will_do() -> None:
    plan = plan_that(0, 0, 20, Limits(WIDE, WIDE), opens=1)
    (only,) = objections(plan, Permits(approve_large=99, approve_removals=99))
    assert only.flag == f"--allow-open {address('a00')}"
    assert objections(plan, Permits(allow_open=frozenset({address("a01")}))) == (only,)
    assert objections(plan, Permits(allow_open=frozenset({address("a00")}))) == ()


def test_accounts_are_opened_one_at_a_time() -> None:
    plan = plan_that(0, 0, 20, Limits(WIDE, WIDE), opens=2)
    permits = Permits(allow_open=frozenset({address("a00"), address("a01")}))
    (only,) = objections(plan, permits)
    assert (only.flag, "2 accounts would be opened" in only.text) == ("", True)
    roomy = dataclasses.replace(plan, limits=Limits(WIDE, WIDE, accounts_opened=2))
    assert objections(roomy, permits) == ()


def test_limits_hold_over_the_whole_run_too() -> None:
    plan = plan_that(4, 1, 40, Limits(accounts_changed=Bound(6, 50), grants_removed=WIDE))
    other = dataclasses.replace(plan, tenant="fabrikam", tenant_id=TENANT)
    assert objections(plan, Permits()) == objections(other, Permits()) == ()
    (only,) = run_objections([plan, other], Permits())
    assert (only.tenant, only.text, only.flag) == ("", "accounts changed: 8 of 80, limit 6", "--approve-large 8")
    assert run_objections([plan], Permits()) == ()


def test_the_largest_use_of_a_limit_is_put_into_words() -> None:
    plan = plan_that(1, 3, 10, Limits())
    assert largest_use(plan) == "grants removed 3 of 100, limit 10 or 30 %"


def test_the_strictest_of_each_bound_holds_over_the_run() -> None:
    by_percent = plan_that(1, 1, 40, Limits(accounts_changed=Bound(10, 10), grants_removed=WIDE))
    by_count = plan_that(5, 1, 40, Limits(accounts_changed=Bound(9, 100), grants_removed=WIDE))
    more = dataclasses.replace(by_count, tenant="fabrikam")
    (only,) = run_objections([by_percent, more, dataclasses.replace(more, tenant="tailspin")], Permits())
    assert only.text.startswith("accounts changed: 11 of 120, limit 9")
    (share,) = run_objections([by_percent, dataclasses.replace(more, accounts_total=10, tenant="x")], Permits())
    assert "12 %, limit 10 %" in share.text

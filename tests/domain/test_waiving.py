"""A plan keeps what a waiver accepts, and a waiver never makes a plan less safe."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders import (
    TODAY,
    account,
    address,
    app,
    apps,
    client,
    entry,
    grant,
    service_principals,
    snapshot,
    span,
    tenant,
)
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.domain.desired import DesiredState, ForbiddenApp, Grant, Mode, Policy, Waiver
from hveadmin.domain.ids import Guid, ObjectId
from hveadmin.domain.plan import Plan
from hveadmin.domain.tenant import CEILING, DirectoryView, Unreadable
from hveadmin.workflows.plan import decide_plan

YESTERDAY = TODAY - timedelta(days=1)
OLD = grant(1, expires=YESTERDAY)


def waiver(rule: str, number: int | None = 7, **scope: object) -> Waiver:
    fields: dict[str, object] = {
        "rule": rule,
        "reason": "Trial",
        "owner": "lab@contoso.com",
        "ticket": "RISK-221",
        "expires": TODAY,
        "source": span(33),
        "app": None if number is None else Guid(app(number).value),
    }
    return Waiver(**{**fields, **scope})  # type: ignore[arg-type]


def planned(
    mode: Mode,
    has: tuple[int, ...],
    wants: tuple[Grant, ...],
    *waivers: Waiver,
    forbidden: tuple[ForbiddenApp, ...] = (),
    directory: DirectoryView | None = None,
) -> Plan:
    configured = tenant({"x": entry(mode, *wants)})
    desired = DesiredState({}, {"contoso": configured}, policy=Policy(forbidden_apps=forbidden, waivers=waivers))
    live = snapshot(account("x", has), directory=directory)
    return decide_plan(live, desired, configured, today=TODAY, cloud="worldwide")


def becomes(plan: Plan) -> frozenset[ObjectId] | str:
    """What the one account's list becomes; `as declared`, or why it does not."""
    if plan.refused:
        return plan.refused[0].why
    return plan.changes[0].target if plan.changes else "as declared"


@pytest.mark.parametrize("rule", ["HVE201", "HVE302"])
def test_an_application_that_a_waiver_accepts_stays_on_the_list_and_the_plan_says_why(rule: str) -> None:
    plan = planned(Mode.ENFORCE, (1, 7, 8), (grant(1),), waiver(rule))
    assert becomes(plan) == apps(1, 7)
    (warning,) = plan.warnings
    assert f'keeps "App 7" {app(7)}: waiver hve.yaml:33 until {TODAY}, lab@contoso.com, RISK-221' in warning
    assert warning.startswith(f"{address('x')}: ")


def test_where_that_is_all_that_differs_the_account_is_as_declared() -> None:
    plan = planned(Mode.ENFORCE, (1, 7), (grant(1),), waiver("HVE201"))
    assert (plan.changes, plan.as_declared, len(plan.warnings)) == ((), 1, 1)


@pytest.mark.parametrize(
    "word",
    [
        pytest.param(waiver("HVE201", expires=YESTERDAY), id="past its end"),
        pytest.param(waiver("HVE201", 8), id="for another application"),
        pytest.param(waiver("HVE201", account=address("y")), id="for another account"),
        pytest.param(waiver("HVE201", tenant="fabrikam"), id="for another tenant"),
        pytest.param(waiver("HVE205"), id="of a rule that does not say that it must go"),
        pytest.param(waiver("HVE202"), id="as a forbidden one, which it is not"),
        pytest.param(waiver("HVE403"), id="as one past its end, which it is not"),
    ],
)
def test_what_a_waiver_does_not_pin_goes(word: Waiver) -> None:
    plan = planned(Mode.ENFORCE, (1, 7), (grant(1),), word)
    assert becomes(plan) == apps(1)
    assert plan.warnings == ()


@pytest.mark.parametrize("scope", [{}, {"account": address("x")}, {"tenant": "contoso"}])
def test_what_a_waiver_leaves_out_it_leaves_open(scope: dict[str, object]) -> None:
    assert becomes(planned(Mode.ENFORCE, (1, 7), (grant(1),), waiver("HVE302", None, **scope))) == "as declared"


@pytest.mark.parametrize("forbidden", [app(7), client(7)], ids=["by object id", "by client id"])
def test_a_forbidden_application_stays_only_where_just_that_is_accepted(forbidden: ObjectId) -> None:
    never = (ForbiddenApp(forbidden, span(20)),)
    assert becomes(planned(Mode.ENFORCE, (1, 7), (grant(1),), waiver("HVE201"), forbidden=never)) == apps(1)
    assert becomes(planned(Mode.ENFORCE, (1, 7), (grant(1),), waiver("HVE202"), forbidden=never)) == "as declared"


def test_a_forbidden_grant_past_its_end_stays_only_where_both_is_accepted() -> None:
    never = (ForbiddenApp(app(1), span(20)),)
    words = waiver("HVE202", 1), waiver("HVE403", 1)
    for word in words:
        assert becomes(planned(Mode.ENFORCE, (1, 2), (OLD, grant(2)), word, forbidden=never)) == apps(2)
    assert becomes(planned(Mode.ENFORCE, (1, 2), (OLD, grant(2)), *words, forbidden=never)) == "as declared"


@pytest.mark.parametrize(
    ("mode", "has", "does"),
    [(Mode.ENFORCE, (1,), "grants"), (Mode.ENFORCE, (1, 7), "leaves"), (Mode.ADDITIVE, (1, 7), "leaves")],
)
def test_a_plan_that_leads_to_a_forbidden_application_says_so(mode: Mode, has: tuple[int, ...], does: str) -> None:
    wants = (grant(1),) if mode is Mode.ADDITIVE else (grant(1), grant(7))
    never = (ForbiddenApp(app(7), span(20)),)
    (warning,) = planned(mode, has, wants, forbidden=never).warnings
    assert f'{does} "App 7" {app(7)}, which policy.forbidden_apps forbids' in warning
    assert "forbids" not in "".join(planned(mode, has, wants, waiver("HVE202"), forbidden=never).warnings)


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.ADDITIVE])
def test_a_grant_past_its_end_stays_only_where_just_that_is_accepted(mode: Mode) -> None:
    assert becomes(planned(mode, (1, 2), (OLD, grant(2)), waiver("HVE302", 1))) == apps(2)
    assert becomes(planned(mode, (1, 2), (OLD, grant(2)), waiver("HVE403", 1))) == "as declared"


def test_what_must_be_absent_stays_where_that_is_accepted_also_as_the_last_one() -> None:
    assert becomes(planned(Mode.ABSENT, (1, 2), (grant(1),), waiver("HVE302", 1))) == "as declared"
    assert becomes(planned(Mode.ABSENT, (1,), (grant(1),), waiver("HVE302", 1))) == "as declared"


def test_what_a_waiver_keeps_is_never_all_that_holds_the_door() -> None:
    says = "only what a waiver keeps would be left"
    assert says in str(becomes(planned(Mode.ENFORCE, (1, 7), (OLD,), waiver("HVE201"))))
    assert says in str(becomes(planned(Mode.ABSENT, (1, 7), (grant(1), grant(7)), waiver("HVE302"))))


def test_a_full_list_and_a_waiver_are_too_many_and_the_refusal_says_so() -> None:
    wants = tuple(grant(number) for number in range(10, 20))
    plan = planned(Mode.ENFORCE, (7, *range(10, 19)), wants, waiver("HVE201"))
    assert becomes(plan) == "would hold 11 applications, 1 of them by a waiver; an account can hold 10"


def test_where_the_directory_cannot_be_read_what_is_accepted_by_its_id_stays() -> None:
    plan = planned(Mode.ENFORCE, (1, 7), (grant(1),), waiver("HVE201"), directory=Unreadable("no right"))
    assert becomes(plan) == "as declared"


NUMBERS = st.integers(1, 14)
LISTS = st.frozensets(NUMBERS, max_size=CEILING).map(lambda numbers: tuple(sorted(numbers)))
WAIVERS = st.lists(
    st.builds(
        waiver,
        st.sampled_from(["HVE201", "HVE202", "HVE302", "HVE403", "HVE205"]),
        st.none() | NUMBERS,
        expires=st.sampled_from([YESTERDAY, TODAY]),
    ),
    max_size=4,
)
FORBIDDEN = st.lists(NUMBERS.map(lambda number: ForbiddenApp(client(number), span(20))), max_size=2).map(tuple)
MODES = st.sampled_from([Mode.ENFORCE, Mode.ADDITIVE, Mode.ABSENT])


@st.composite
def wishes(draw: st.DrawFn) -> tuple[Grant, ...]:
    numbers = draw(st.lists(NUMBERS, unique=True, min_size=1, max_size=CEILING))
    return tuple(grant(number, expires=draw(st.sampled_from([None, YESTERDAY]))) for number in numbers)


@given(MODES, LISTS, wishes(), WAIVERS, FORBIDDEN)
def test_a_waiver_never_makes_a_plan_less_safe(
    mode: Mode,
    has: tuple[int, ...],
    wants: tuple[Grant, ...],
    waivers: list[Waiver],
    forbidden: tuple[ForbiddenApp, ...],
) -> None:
    directory = service_principals(*range(20))
    without = planned(mode, has, wants, forbidden=forbidden, directory=directory)
    plan = planned(mode, has, wants, *waivers, forbidden=forbidden, directory=directory)
    before = apps(*has)
    for change in plan.changes:
        assert 0 < len(change.target) <= CEILING, "neither opened nor overfull"
        (otherwise,) = without.changes
        assert change.granted == otherwise.granted, "nothing is granted on a waiver's word"
        assert change.revoked <= otherwise.revoked, "nothing goes that would not go without it"
        kept = otherwise.revoked - change.revoked
        accepted = {each.app.value if each.app else None for each in waivers if each.expires == TODAY}
        assert all(each.value in accepted or None in accepted for each in kept)
    if not plan.changes and not plan.refused and without.changes:
        assert len(before) > 0, "an open account is closed, waiver or not"

"""The order of calls keeps its promises for every pair of lists: by property at ten, exhaustively at small ceilings."""

from collections import deque
from collections.abc import Iterator
from itertools import chain, combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hveadmin.domain.ids import ObjectId
from hveadmin.domain.plan import Action, Step
from hveadmin.domain.planner import order_of_calls
from hveadmin.domain.tenant import CEILING

Apps = frozenset[ObjectId]


def app(number: int) -> ObjectId:
    return ObjectId(f"00000000-0000-4000-8000-{number:012d}")


def apps(*numbers: int) -> Apps:
    return frozenset(map(app, numbers))


def after(listed: Apps, step: Step) -> Apps:
    return listed | set(step.apps) if step.action is Action.GRANT else listed - set(step.apps)


def walk(before: Apps, steps: tuple[Step, ...]) -> Iterator[Apps]:
    for step in steps:
        before = after(before, step)
        yield before


def breaks_a_promise(before: Apps, target: Apps, ceiling: int) -> str:
    """Which promise the planner breaks on the way from one list to the other; empty if none."""
    steps = order_of_calls(before, target, ceiling)
    seen = list(walk(before, steps))
    if (seen[-1] if seen else before) != target:
        return "it does not end at the target"
    if any(len(listed) == 0 for listed in seen[:-1]) or (seen and target and not seen[-1]):
        return "the list is empty on the way"
    if any(len(listed) > ceiling for listed in seen):
        return "the list is over the ceiling"
    if any(not before & target <= listed for listed in seen):
        return "an application wanted before and after is absent on the way"
    if any(len(step.apps) == 0 for step in steps):
        return "a call does nothing"
    return "" if len(steps) <= 4 else "more than four calls"


lists = st.frozensets(st.integers(0, 19).map(app), max_size=CEILING)


@settings(max_examples=10_000, deadline=None)
@given(before=lists, target=lists)
def test_every_promise_holds_for_any_two_lists(before: Apps, target: Apps) -> None:
    assert breaks_a_promise(before, target, CEILING) == ""


@settings(max_examples=2_000, deadline=None)
@given(before=st.integers(1, CEILING), target=st.integers(1, CEILING), kept=st.integers(0, CEILING))
def test_every_promise_holds_for_any_sizes_and_overlap(before: int, target: int, kept: int) -> None:
    kept = min(kept, before, target)
    old = apps(*range(before))
    new = apps(*range(kept), *range(100, 100 + target - kept))
    assert breaks_a_promise(old, new, CEILING) == ""


def subsets(of: Apps) -> list[Apps]:
    return [frozenset(some) for some in chain.from_iterable(combinations(sorted(of), n) for n in range(len(of) + 1))]


def fewest_calls(before: Apps, target: Apps, ceiling: int) -> int:
    """The length of the shortest sequence of calls that keeps the promises, by breadth-first search."""
    universe = before | target
    must_stay = before & target
    queue = deque([(before, 0)])
    visited = {before}
    while queue:
        listed, calls = queue.popleft()
        if listed == target:
            return calls
        for some in subsets(universe):
            for reached in (listed | some, listed - some):
                if reached in visited or len(reached) > ceiling or not must_stay <= reached:
                    continue
                if len(reached) == 0 and reached != target:
                    continue
                visited.add(reached)
                queue.append((reached, calls + 1))
    raise AssertionError("there is no way at all")


@pytest.mark.parametrize("ceiling", [1, 2, 3, 4])
def test_no_shorter_sequence_exists(ceiling: int) -> None:
    """Every pair of list sizes and overlaps up to the ceiling; which applications they are makes no difference."""
    for before in range(ceiling + 1):
        for target in range(ceiling + 1):
            for kept in range(min(before, target) + 1):
                old = apps(*range(before))
                new = apps(*range(kept), *range(100, 100 + target - kept))
                if ceiling == 1 and before == target == 1 and kept == 0:
                    continue  # at a ceiling of one there is no way that is never empty; the service's is ten
                assert breaks_a_promise(old, new, ceiling) == ""
                assert len(order_of_calls(old, new, ceiling)) == fewest_calls(old, new, ceiling)


def shape(before: Apps, target: Apps) -> list[tuple[str, int]]:
    return [(step.action.value, len(step.apps)) for step in order_of_calls(before, target)]


@pytest.mark.parametrize(
    ("before", "target", "calls"),
    [
        pytest.param((), (), [], id="open stays open"),
        pytest.param((1, 2), (1, 2), [], id="nothing to do"),
        pytest.param((), (1, 2), [("grant", 2)], id="an open account is closed in one call"),
        pytest.param((1, 2), (), [("revoke", 2)], id="an account is opened in one call"),
        pytest.param((1,), (2,), [("grant", 1), ("revoke", 1)], id="1 to 1: grant before revoke"),
        pytest.param((1,), range(10, 20), [("grant", 9), ("revoke", 1), ("grant", 1)], id="1 to 10"),
        pytest.param(range(10), (10,), [("revoke", 1), ("grant", 1), ("revoke", 9)], id="10 to 1"),
        pytest.param(
            range(10),
            range(10, 20),
            [("revoke", 9), ("grant", 9), ("revoke", 1), ("grant", 1)],
            id="10 to 10, wholly different",
        ),
        pytest.param(range(10), range(1, 11), [("revoke", 1), ("grant", 1)], id="full, and nine stay"),
        pytest.param((1, 2, 3), (2, 3, 4), [("grant", 1), ("revoke", 1)], id="grants go first"),
    ],
)
def test_the_calls_are(before: "range | tuple[int, ...]", target: "range | tuple[int, ...]", calls: object) -> None:
    assert shape(apps(*before), apps(*target)) == calls

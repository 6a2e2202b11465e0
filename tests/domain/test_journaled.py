"""Since when something is so, for all that the journal knows, and never more than that."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders import NOW, account, app, apps
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.domain.journaled import (
    NO_HISTORY,
    History,
    How,
    JournaledCall,
    JournaledRun,
    Since,
    known_since,
    last_seen,
)
from hveadmin.domain.tenant import AllowedApps, Known, Unknown

GUID = account("x", ()).guid
OTHER = account("y", ()).guid


def call(minute: int, action: str, number: int, seen: AllowedApps | None) -> JournaledCall:
    at = NOW + timedelta(minutes=minute)
    return JournaledCall(at, "hve-x@contoso.com", GUID, action, (app(number),), "", seen, at)


def history(*calls: JournaledCall) -> History:
    return History((JournaledRun("p1", NOW, calls=calls),))


LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("calls", "how", "minute"),
    [
        pytest.param([], None, 0, id="nothing is known"),
        pytest.param([(1, "grant", 1, (1, 2))], How.GRANTED, 1, id="we granted it"),
        pytest.param([(1, "grant", 2, (1, 2))], How.SEEN, 1, id="it was there"),
        pytest.param([(1, "grant", 1, (1,)), (2, "grant", 2, (1, 2))], How.GRANTED, 1, id="it stayed"),
        pytest.param(
            [(1, "grant", 1, (1,)), (2, "revoke", 1, (2,))], How.LATER, 2, id="we took it off; somebody put it back"
        ),
        pytest.param(
            [(1, "revoke", 1, (2,)), (2, "grant", 1, (1, 2))], How.GRANTED, 2, id="taken off and put back by us"
        ),
        pytest.param([(1, "grant", 1, None)], None, 0, id="a list that was not read back says nothing"),
    ],
)
def test_since_when_an_application_is_on_a_list(
    calls: list[tuple[int, str, int, tuple[int, ...] | None]], how: How | None, minute: int
) -> None:
    told = history(
        *(
            call(at, action, of, Unknown("time out") if seen is None else Known(apps(*seen)))
            for at, action, of, seen in calls
        )
    )
    expected = None if how is None else Since(NOW + timedelta(minutes=minute), how, "p1")
    assert known_since(told, GUID, app(1), LATER) == expected
    assert known_since(told, OTHER, app(1), LATER) is None


def test_what_came_after_the_reading_is_not_known_to_it() -> None:
    told = history(call(1, "grant", 1, Known(apps(1))), call(9, "revoke", 1, Known(apps(2))))
    at = NOW + timedelta(minutes=5)
    assert known_since(told, GUID, app(1), at) == Since(NOW + timedelta(minutes=1), How.GRANTED, "p1")
    assert last_seen(told, GUID, at) == (Known(apps(1)), NOW + timedelta(minutes=1))
    assert last_seen(told, GUID, NOW) is None
    assert last_seen(NO_HISTORY, GUID, LATER) is None


@given(st.lists(st.tuples(st.sampled_from(["grant", "revoke"]), st.integers(1, 3), st.frozensets(st.integers(1, 3)))))
def test_later_is_said_exactly_where_the_last_reading_did_not_have_it(
    steps: list[tuple[str, int, frozenset[int]]],
) -> None:
    told = history(*(call(at, action, of, Known(apps(*seen))) for at, (action, of, seen) in enumerate(steps)))
    since = known_since(told, GUID, app(1), LATER)
    assert (since is None) == (len(steps) == 0)
    if since is not None:
        assert (since.how is How.LATER) == (1 not in steps[-1][2])

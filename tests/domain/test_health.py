"""Verdicts, and what they let a run end with."""

from __future__ import annotations

import pytest

from hveadmin.domain.health import (
    Check,
    EndpointSeen,
    Remedy,
    failed,
    first_broken,
    not_tried,
    outcome_of,
    outcome_of_error,
    passed,
    unknown,
    warned,
)
from hveadmin.errors import AuthError, ConnectFailed, HveAdminError, Outcome, Refused, UnreadableReply, UsageError

OK, WARN, NOT = passed("a", ""), warned("b", ""), not_tried("c", "")
RIGHTS, NETWORK = failed("d", "", Remedy("")), failed("e", "", Remedy(""), Outcome.ERROR)
NOBODY_KNOWS = unknown("f", "")


@pytest.mark.parametrize(
    ("checks", "outcome"),
    [
        ((), 0),
        ((OK, WARN, NOT), 0),
        ((OK, RIGHTS, NOT), 5),
        ((RIGHTS, NETWORK), 1),
        ((NETWORK, NOBODY_KNOWS, RIGHTS), 7),
    ],
)
def test_the_worst_check_is_the_outcome_and_one_not_tried_adds_nothing(checks: tuple[Check, ...], outcome: int) -> None:
    assert outcome_of(checks) == outcome


def test_the_first_failure_is_named_before_anything_unknown() -> None:
    assert first_broken((OK, NOBODY_KNOWS, RIGHTS, NETWORK)) is RIGHTS
    assert first_broken((OK, NOBODY_KNOWS)) is NOBODY_KNOWS
    assert first_broken((OK, WARN, NOT)) is None


def test_nothing_that_was_not_tried_or_is_unknown_counts_as_passed() -> None:
    assert [each.passed for each in (OK, WARN, NOT, RIGHTS, NOBODY_KNOWS)] == [True, True, False, False, False]
    assert [each.failed for each in (OK, WARN, NOT, RIGHTS, NOBODY_KNOWS)] == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (UsageError("no secret"), Outcome.AUTH),
        (Refused("another tenant"), Outcome.AUTH),
        (AuthError("no"), Outcome.AUTH),
        (ConnectFailed("nobody"), Outcome.ERROR),
        (UnreadableReply("html"), Outcome.INCOMPLETE),
    ],
)
def test_an_error_ends_a_doctor_as_rights_network_or_unknown(error: HveAdminError, outcome: Outcome) -> None:
    assert outcome_of_error(error) is outcome


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://graph.microsoft.com", "graph.microsoft.com"),
        ("https://localhost:9", "localhost"),
        ("https://[::1]:443", "::1"),
    ],
)
def test_an_endpoint_knows_its_host(address: str, host: str) -> None:
    assert EndpointSeen(address).host == host

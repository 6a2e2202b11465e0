from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.wire.retry import (
    TRANSIENT_EXCEPTIONS,
    TRANSIENT_STATUSES,
    Answer,
    AnswerLost,
    GiveUp,
    NotSent,
    Outcome,
    Policy,
    Wait,
    decide,
    retry_after,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
BUSY = "You have reached the maximum number of concurrent requests per tenant. Please wait and try again"


def judge(outcome: Outcome, *, safe: bool, attempt: int = 1) -> Wait | GiveUp:
    return decide(attempt, outcome, safe=safe, policy=Policy(), now=NOW)


@pytest.mark.parametrize(
    ("outcome", "read", "write"),
    [
        pytest.param(NotSent("refused"), True, True, id="no connection: nothing was sent"),
        pytest.param(NotSent("bad certificate", hopeless=True), False, False, id="no connection, ever"),
        pytest.param(AnswerLost("reset"), True, False, id="an answer lost on the way"),
        pytest.param(Answer(429), True, True, id="429 is turned away at the door"),
        pytest.param(Answer(408), True, False, id="408"),
        pytest.param(Answer(500), True, False, id="500"),
        pytest.param(Answer(502), True, False, id="502"),
        pytest.param(Answer(503), True, False, id="503"),
        pytest.param(Answer(504), True, False, id="504"),
        pytest.param(Answer(501), False, False, id="501"),
        pytest.param(Answer(200), False, False, id="200"),
        pytest.param(Answer(400), False, False, id="400"),
        pytest.param(Answer(401), False, False, id="401 is the session's"),
        pytest.param(Answer(401, text="TransientException"), False, False, id="401 whatever it says"),
        pytest.param(Answer(403), False, False, id="403"),
        pytest.param(Answer(404), False, False, id="404"),
        pytest.param(Answer(400, text=BUSY), True, True, id="concurrent requests as plain text with 400"),
        pytest.param(Answer(500, text=BUSY), True, False, id="concurrent requests as plain text with 500"),
        pytest.param(Answer(200, text=BUSY), True, False, id="concurrent requests as plain text with 200"),
        pytest.param(Answer(400, {"x-exceptiontype": "StorageTransientException"}), True, False, id="type in a header"),
    ],
)
def test_what_is_sent_again(outcome: Outcome, read: bool, write: bool) -> None:
    assert isinstance(judge(outcome, safe=True), Wait) == read
    assert isinstance(judge(outcome, safe=False), Wait) == write


@pytest.mark.parametrize("name", TRANSIENT_EXCEPTIONS)
@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_a_named_transient_exception_is_worth_another_read_whatever_its_status(name: str, status: int) -> None:
    text = f'{{"error":{{"details":[{{"message":"Ex1234AB|Microsoft.Exchange.Data.{name}|Try later."}}]}}}}'
    assert isinstance(judge(Answer(status, text=text), safe=True), Wait)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("2.128", 2.128),
        (" 0 ", 0.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("Mon, 23 Nov 2026 12:00:07 -0000", 7.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e400", None),
        ("9" * 400, None),
        ("Mon, 99 Nov 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date_or_not_at_all(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == seconds


def test_retry_after_is_kept_to_exactly() -> None:
    assert judge(Answer(429, {"retry-after": "2.128"}), safe=True, attempt=4) == Wait(2.128, "throttled")


def test_without_it_waits_double_from_two_seconds_up_to_the_cap() -> None:
    policy = Policy(tries=9)
    waits = [decide(n, Answer(503), safe=True, policy=policy, now=NOW) for n in range(1, 9)]
    assert [wait.seconds for wait in waits if isinstance(wait, Wait)] == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_connection_is_tried_less_often_than_a_request() -> None:
    assert isinstance(judge(NotSent("refused"), safe=True, attempt=3), GiveUp)
    assert isinstance(judge(Answer(503), safe=True, attempt=3), Wait)


outcomes = st.one_of(
    st.builds(NotSent, st.text(max_size=5), st.booleans()),
    st.builds(AnswerLost, st.text(max_size=5)),
    st.builds(
        Answer,
        st.integers(100, 599),
        st.dictionaries(st.sampled_from(["retry-after", "x-exceptiontype"]), st.text(max_size=30), max_size=2),
        st.sampled_from(["", BUSY, *TRANSIENT_EXCEPTIONS]) | st.text(max_size=30),
    ),
)


@given(outcomes, st.integers(1, 10_000), st.booleans(), st.floats(0, 1))
def test_every_wait_is_a_number_of_seconds_that_can_be_waited(
    outcome: Outcome, attempt: int, safe: bool, jitter: float
) -> None:
    policy = Policy(tries=10_001, connect_tries=10_001)
    decision = decide(attempt, outcome, safe=safe, policy=policy, now=NOW, jitter=jitter)
    if isinstance(decision, Wait):
        assert 0 <= decision.seconds < float("inf")
        told = isinstance(outcome, Answer) and retry_after(outcome.headers, NOW) is not None
        assert told or policy.base <= decision.seconds <= policy.cap * 1.25


@given(outcomes, st.integers(1, 20))
def test_what_may_be_sent_twice_as_a_write_may_be_as_a_read(outcome: Outcome, attempt: int) -> None:
    if isinstance(judge(outcome, safe=False, attempt=attempt), Wait):
        assert isinstance(judge(outcome, safe=True, attempt=attempt), Wait)


@given(outcomes, st.integers(1, 20))
def test_a_write_is_sent_again_only_where_nothing_of_it_was_done(outcome: Outcome, attempt: int) -> None:
    if isinstance(judge(outcome, safe=False, attempt=attempt), Wait):
        turned_away = isinstance(outcome, Answer) and (
            outcome.status == 429 or (400 <= outcome.status < 500 and BUSY in outcome.text)
        )
        assert isinstance(outcome, NotSent) or turned_away


@given(outcomes, st.booleans(), st.integers(6, 100))
def test_tries_are_bounded(outcome: Outcome, safe: bool, attempt: int) -> None:
    assert isinstance(judge(outcome, safe=safe, attempt=attempt), GiveUp)


def test_the_statuses_are_those_of_the_table() -> None:
    again = {status for status in range(100, 600) if isinstance(judge(Answer(status), safe=True), Wait)}
    assert again == TRANSIENT_STATUSES == {408, 429, 500, 502, 503, 504}

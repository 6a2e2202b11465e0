"""Times are UTC, a promise of time is never early, and a command can be pasted."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.report.words import clock, clock_by, command, count, quoted, timestamp

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def test_times_are_written_in_utc() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert timestamp(there) == "2026-11-23T12:00:00Z"
    assert clock(there) == "12:00:00Z"


@pytest.mark.parametrize(("seconds", "said"), [(0, "12:00Z"), (0.5, "12:01Z"), (1, "12:01Z"), (60, "12:01Z")])
def test_a_promised_minute_is_never_early(seconds: float, said: str) -> None:
    assert clock_by(NOON + timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(("number", "said"), [(0, "0 accounts"), (1, "1 account"), (2, "2 accounts")])
def test_counts_are_english(number: int, said: str) -> None:
    assert count(number, "account") == said


def test_a_name_ends_where_its_quotes_end() -> None:
    assert quoted('x"; use evil') == r'"x\"; use evil"'


@given(st.lists(st.text(st.characters(exclude_characters="\x00")), min_size=1))
def test_a_pasted_command_has_the_words_that_were_meant(words: list[str]) -> None:
    assert shlex.split(command(*words)) == words

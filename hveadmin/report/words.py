"""How times, counts, names and commands are written."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta

from hveadmin.domain.desired import SourceSpan


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second: `2026-11-23T10:14:07Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(moment: datetime) -> str:
    """The time of day in UTC: `10:14:07Z`."""
    return moment.astimezone(UTC).strftime("%H:%M:%SZ")


def clock_by(moment: datetime) -> str:
    """The first full minute that is not before this: `10:20Z`."""
    return (moment.astimezone(UTC) + timedelta(seconds=59, microseconds=999_999)).strftime("%H:%MZ")


def count(number: int, noun: str) -> str:
    """`1 account`, `2 accounts`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def quoted(name: str) -> str:
    """A name chosen by somebody else, so that a reader sees where it ends."""
    return '"' + name.replace('"', r"\"") + '"'


def command(*words: str) -> str:
    """A command that can be pasted into a shell; an address may hold characters that a shell would obey."""
    return shlex.join(words)


def source_data(source: SourceSpan | None) -> dict[str, object] | None:
    """A place in a file, for the machine form."""
    return None if source is None else {"file": source.file, "line": source.line, "column": source.column}

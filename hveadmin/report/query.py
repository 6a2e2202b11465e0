"""--query: a JMESPath expression over a report's machine form; the result can be written in every format."""

from __future__ import annotations

import json
from typing import Any

from hveadmin.errors import UsageError
from hveadmin.report.document import Answer, Cell, Report, Table


def query(report: Report, expression: str) -> Answer:
    """What the expression picks out. Raises UsageError, with the position where the expression cannot be read."""
    found = _search(report.data, expression)
    return Answer(found, _tabular(found if isinstance(found, list) else [found]))


def check_query(expression: str) -> None:
    """Raise UsageError for an expression that cannot be read: before a run, not after it."""
    _compiled(expression)


def _search(data: object, expression: str) -> object:
    try:
        return _json_value(_compiled(expression).search(data), expression)
    except ValueError as error:
        raise UsageError(f"--query {expression!r} cannot be answered: {error}") from None


def _compiled(expression: str) -> Any:
    import jmespath
    from jmespath.exceptions import ParseError

    try:
        return jmespath.compile(expression)
    except ParseError as error:
        # Where the expression just ends, jmespath does not say where.
        column = error.lex_position if error.lex_position >= 0 else len(expression)
        raise UsageError(
            f"--query {expression!r} is not a JMESPath expression: it goes wrong at column {column + 1}",
            hint="jmespath.org describes the language; an example is accounts[?open].account",
        ) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--query {expression!r} is not a JMESPath expression: {error}") from None


def _json_value(found: object, expression: str) -> object:
    """The result if it is JSON: JMESPath can also give back an expression (`&name`) or a number that is none."""
    try:
        json.dumps(found, allow_nan=False)
    except (TypeError, ValueError):
        raise UsageError(f"--query {expression!r} gives a value that cannot be written") from None
    return found


def _tabular(members: list[Any]) -> Table:
    """A row a member; a column a key where all members are objects that have keys, a single column otherwise."""
    columns: tuple[str, ...] = ()
    if all(isinstance(member, dict) for member in members):
        columns = tuple(dict.fromkeys(key for member in members for key in member))
    if columns:
        return Table(
            columns,
            tuple(tuple(_cell(member[key]) if key in member else None for key in columns) for member in members),
        )
    return Table(("value",), tuple((_cell(member),) for member in members))


def _cell(value: object) -> Cell:
    """Text and numbers as they are, the rest as JSON: null may stand for what could not be read, so it is written."""
    return value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)

"""--query picks out of the machine form, and says where an expression goes wrong."""

from __future__ import annotations

import pytest

from hveadmin.errors import UsageError
from hveadmin.report.document import Report, Section, Table
from hveadmin.report.query import query

REPORT = Report(
    "accounts",
    {"accounts": [{"account": "hve-a@x.org", "open": True, "tags": ["a"]}, {"account": "hve-b@x.org", "open": None}]},
    (Section(Table(("account",))),),
)


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("kind", "accounts"),
        ("length(accounts)", 2),
        ("accounts[?open].account", ["hve-a@x.org"]),
        ("accounts[?open == null].account", ["hve-b@x.org"]),
        ("accounts[].open", [True]),
        ("nothing.here", None),
        ("accounts[?account == 'x']", []),
    ],
)
def test_a_query_answers(expression: str, answer: object) -> None:
    assert query(REPORT, expression).data == answer


@pytest.mark.parametrize(
    ("expression", "table"),
    [
        (
            "accounts",
            Table(("account", "open", "tags"), (("hve-a@x.org", True, '["a"]'), ("hve-b@x.org", "null", None))),
        ),
        ("accounts[0]", Table(("account", "open", "tags"), (("hve-a@x.org", True, '["a"]'),))),
        ("accounts[].account", Table(("value",), (("hve-a@x.org",), ("hve-b@x.org",)))),
        ("accounts[].[account, open]", Table(("value",), (('["hve-a@x.org", true]',), ('["hve-b@x.org", null]',)))),
        ("kind", Table(("value",), (("accounts",),))),
        ("accounts[?account == 'x']", Table(("value",), ())),
    ],
)
def test_any_answer_is_a_table(expression: str, table: Table) -> None:
    assert query(REPORT, expression).table == table


@pytest.mark.parametrize(
    ("expression", "column"), [("accounts[?open", 15), ("accounts[", 10), ("accounts ! x", 10), ("a.b c", 5), ("'a", 1)]
)
def test_an_expression_that_cannot_be_read_is_shown_with_the_place(expression: str, column: int) -> None:
    with pytest.raises(UsageError, match=rf"column {column}$"):
        query(REPORT, expression)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "nosuch(@)",
        "length(`1`)",
        "length(@, @)",
        "accounts[::0]",
        "&kind",
        "[&kind]",
        "to_number('nan')",
        "(" * 5000,
    ],
)
def test_an_expression_that_cannot_be_answered_is_a_usage_error(expression: str) -> None:
    with pytest.raises(UsageError):
        query(REPORT, expression)

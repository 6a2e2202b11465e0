"""OData's query options, decided without a server."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.sandbox.odata import (
    And,
    Comparison,
    Filter,
    In,
    Kind,
    Not,
    ODataError,
    Or,
    check_filter,
    found_by,
    matches,
    parse_filter,
    parse_order,
    parse_search,
    parse_select,
    pinned,
)

PROPERTIES = {
    "id": Kind.ID,
    "appId": Kind.ID,
    "displayName": Kind.NAME,
    "createdDateTime": Kind.TIME,
    "accountEnabled": Kind.FLAG,
    "homepage": Kind.TEXT,
    "tags": Kind.LIST,
    "info": Kind.COMPLEX,
    "proxyAddresses": Kind.TEXTS,
}

ONE: dict[str, Any] = {
    "id": "0000000a",
    "displayName": "O'Hara's Invoices",
    "createdDateTime": "2026-01-02T03:04:05Z",
    "accountEnabled": True,
    "homepage": None,
    "proxyAddresses": ["SMTP:ohara@contoso.com", "smtp:bills@contoso.com"],
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("id eq '0000000a'", True),
        ("id eq '0000000A'", True),
        ("id eq 0000000a", True),
        ("id ne '0000000a'", False),
        ("id in ('x','0000000a')", True),
        ("id in ( 'x' , 'y' )", False),
        ("displayName eq 'O''Hara''s Invoices'", True),
        ("displayName eq 'O'", False),
        ("displayName eq ''", False),
        ("startswith(displayName, 'o''hara')", True),
        ("proxyAddresses/any(p:p eq 'smtp:bills@contoso.com')", True),
        ("proxyAddresses/any(x:x eq 'smtp:ohara@contoso.com') and id eq '0000000a'", True),
        ("proxyAddresses/any(p:p eq 'smtp:nobody@contoso.com')", False),
        ("startsWith(displayName,'Hara')", False),
        ("displayName ge 'O'", True),
        ("displayName le 'O'", False),
        ("createdDateTime ge 2026-01-02T00:00:00Z", True),
        ("createdDateTime le 2026-01-01T00:00:00Z", False),
        ("accountEnabled eq true", True),
        ("accountEnabled eq false", False),
        ("homepage eq null", True),
        ("homepage ne null", False),
        ("homepage ge 'a'", False),
        ("missing eq null", True),
        ("not id eq 'x'", True),
        ("not (id eq 'x' or accountEnabled eq true)", False),
        ("not not accountEnabled eq true", True),
        # and binds tighter than or
        ("id eq 'x' and id eq 'y' or accountEnabled eq true", True),
        ("id eq 'x' and (id eq 'y' or accountEnabled eq true)", False),
        ("accountEnabled eq true or id eq 'x' and id eq 'y'", True),
        ("  id   EQ '0000000a'  ", True),
    ],
)
def test_a_filter_decides(source: str, expected: bool) -> None:
    assert matches(parse_filter(source), ONE) is expected


@pytest.mark.parametrize(
    "source",
    [
        "",
        " ",
        "id",
        "id eq",
        "id eq 'x",
        "id eq 'x' and",
        "id eq 'x' id eq 'y'",
        "id = 'x'",
        "(id eq 'x'",
        "id eq 'x')",
        "id in ()",
        "id in ('x'",
        "id in 'x'",
        "'x' eq id",
        "startswith(displayName)",
        "proxyAddresses/any(p:q eq 'x')",
        "proxyAddresses/any(p:p ne 'x')",
        "proxyAddresses/any()",
        "startswith(displayName, null)",
        "startswith('x', 'y')",
        "contains(displayName, 'x')",
        "id eq 'x'; drop table",
        "not",
        "(" * 1000 + "id eq 'x'" + ")" * 1000,
        "not " * 1000 + "id eq 'x'",
    ],
)
def test_what_is_not_understood_is_refused_and_never_guessed(source: str) -> None:
    with pytest.raises(ODataError) as refused:
        parse_filter(source)
    assert refused.value.code == "BadRequest"
    assert refused.value.message.startswith("Invalid filter clause: ")


@given(st.text(alphabet="ideqnotrand'(), x12$/\n\x00é", max_size=40))
def test_no_text_breaks_the_parser(source: str) -> None:
    try:
        parse_filter(source)
    except ODataError as refused:
        assert refused.code == "BadRequest"


texts = st.text(max_size=10)
names = st.sampled_from(["id", "appId", "displayName"])
leaves: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Comparison, names, st.sampled_from(["eq", "ne"]), texts),
    st.builds(In, names, st.lists(texts, min_size=1, max_size=3).map(tuple)),
)
trees: st.SearchStrategy[Filter] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


def written(tree: Filter) -> str:
    """The filter as a client would send it, with parentheses around everything."""
    match tree:
        case Comparison(name, op, value):
            return f"{name} {op} {quoted(value)}"
        case In(name, values):
            return f"{name} in ({','.join(map(quoted, values))})"
        case Not(term):
            return f"not ({written(term)})"
        case And(terms):
            return " and ".join(f"({written(term)})" for term in terms)
        case Or(terms):
            return " or ".join(f"({written(term)})" for term in terms)


def quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


@given(trees)
def test_a_filter_is_read_as_it_was_written(tree: Filter) -> None:
    assert parse_filter(written(tree)) == tree


@given(trees, st.fixed_dictionaries({"id": texts, "appId": texts, "displayName": texts}))
def test_looking_up_by_key_never_misses_a_match(tree: Filter, entity: dict[str, str]) -> None:
    pairs = pinned(tree, ("id", "appId"))
    if pairs is not None and matches(tree, entity):
        assert any(entity[name].casefold() == value.casefold() for name, value in pairs)


@pytest.mark.parametrize(
    ("source", "pairs"),
    [
        ("id eq 'A'", [("id", "a")]),
        ("appId in ('a','b')", [("appId", "a"), ("appId", "b")]),
        ("id eq 'a' or appId eq 'b'", [("id", "a"), ("appId", "b")]),
        ("accountEnabled eq true and id eq 'a'", [("id", "a")]),
        ("id eq 'a' or displayName eq 'b'", None),
        ("not id eq 'a'", None),
        ("id ne 'a'", None),
        ("displayName eq 'b'", None),
    ],
)
def test_a_filter_that_names_keys_is_answered_by_key(source: str, pairs: list[tuple[str, str]] | None) -> None:
    assert pinned(parse_filter(source), ("id", "appId")) == pairs


def values(count: int) -> str:
    return ",".join(f"'{number}'" for number in range(count))


def clauses(count: int) -> str:
    return " or ".join(f"appId eq '{number}'" for number in range(count))


@pytest.mark.parametrize(
    ("source", "count"),
    [
        (f"id in ({values(15)})", None),
        (f"id in ({values(16)})", 16),
        (f"id in ({values(18)})", 18),
        (clauses(15), None),
        (clauses(16), 16),
        (f"id in ({values(8)}) or appId in ({values(8)})", 16),
        (f"id in ({values(8)}) and appId in ({values(8)})", None),
        (f"accountEnabled eq true and ({clauses(17)})", 17),
    ],
)
def test_fifteen_alternatives_are_allowed_and_sixteen_are_not(source: str, count: int | None) -> None:
    refused = refusal(source)
    if count is None:
        assert refused is None
    else:
        assert refused == (
            "Request_UnsupportedQuery",
            "Too many child clauses specified in search filter expression containing 'OR' operators:"
            f" {count}. Max allowed: 15.",
        )


def refusal(source: str, *, advanced: bool = False) -> tuple[str, str] | None:
    try:
        check_filter(parse_filter(source), PROPERTIES, "servicePrincipal", advanced=advanced)
    except ODataError as error:
        return error.code, error.message
    return None


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("displayname eq 'x'", "BadRequest"),
        ("id eq 'x' and (nothing eq 'y' or id eq 'z')", "BadRequest"),
        ("not nothing eq 'y'", "BadRequest"),
        ("id ge 'x'", "Request_UnsupportedQuery"),
        ("startswith(id, 'x')", "Request_UnsupportedQuery"),
        ("tags/any(t:t eq 'x')", "Request_UnsupportedQuery"),
        ("homepage/any(p:p eq 'x')", "Request_UnsupportedQuery"),
        ("proxyAddresses eq 'x'", "Request_UnsupportedQuery"),
        ("displayName gt 'x'", "Request_UnsupportedQuery"),
        ("tags eq 'x'", "Request_UnsupportedQuery"),
        ("info eq null", "Request_UnsupportedQuery"),
        ("accountEnabled ge true", "Request_UnsupportedQuery"),
    ],
)
def test_a_property_is_only_asked_what_it_can_answer(source: str, code: str) -> None:
    refused = refusal(source, advanced=True)
    assert refused is not None
    assert refused[0] == code


@pytest.mark.parametrize("source", ["id ne 'x'", "not id eq 'x'", "id eq 'y' and (id ne 'x' or id eq 'z')"])
def test_ne_and_not_need_an_advanced_query(source: str) -> None:
    refused = refusal(source)
    assert refused is not None
    assert "ConsistencyLevel:eventual" in refused[1]
    assert refusal(source, advanced=True) is None


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"displayName:inv"', True),
        ('"displayName:INVOICES"', True),
        ('"displayName:hara inv"', True),
        ('"displayName:voices"', False),
        ('"displayName:inv" AND "displayName:payroll"', False),
        ('"displayName:inv" OR "displayName:payroll"', True),
        ('"displayName:x" AND "displayName:y" OR "displayName:inv"', True),
    ],
)
def test_a_search_finds_words_by_their_beginning(source: str, found: bool) -> None:
    assert found_by(parse_search(source, PROPERTIES), ONE) is found


@pytest.mark.parametrize(
    "source", ["", "displayName:inv", '"displayName:inv', '"displayName:a" NOT "displayName:b"', '"id:x"', '"x:y"']
)
def test_a_search_that_is_not_understood_is_refused(source: str) -> None:
    with pytest.raises(ODataError):
        parse_search(source, PROPERTIES)


def test_select_keeps_its_order_and_refuses_what_there_is_not() -> None:
    assert parse_select("displayName, id,displayName", PROPERTIES, "application") == ("displayName", "id")
    for source in ("displayname", "id,", "*", "id displayName"):
        with pytest.raises(ODataError, match=r"on type 'microsoft\.graph\.application'"):
            parse_select(source, PROPERTIES, "application")


@pytest.mark.parametrize(
    ("source", "descending"), [("displayName", False), ("displayName desc", True), ("displayName asc", False)]
)
def test_only_the_display_name_sorts(source: str, descending: bool) -> None:
    assert parse_order(source) == ("displayName", descending)
    for other in ("id", "displayName down", "displayName,id", ""):
        with pytest.raises(ODataError, match="Sorting not supported"):
            parse_order(other)

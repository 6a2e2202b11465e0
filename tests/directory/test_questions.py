"""Every id is asked about exactly once, within Graph's limits, and a value never leaves its quotes."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.directory.graph import first_questions
from hveadmin.directory.questions import MEMBERS, Question, Topic, ask
from hveadmin.domain.ids import ClientId, Guid, ObjectId

GUIDS = st.uuids().map(str)
LISTED = [topic for topic in Topic if topic.compared and len(ask(topic, ["one", "two"])) == 1]
"""Those that ask about several values at once."""


@given(st.lists(GUIDS, unique=True, max_size=80), st.sampled_from(Topic))
def test_each_value_is_asked_about_once_and_limits_are_kept(values: list[str], topic: Topic) -> None:
    questions = ask(topic, values)
    assert [value for question in questions for value in question.values] == values
    assert all(1 <= len(question.values) <= (1000 if topic is Topic.ANYTHING else 15) for question in questions)


@given(st.text(min_size=1))
def test_a_name_stays_inside_its_quotes_and_arrives_whole(name: str) -> None:
    url = str(Question(Topic.PRINCIPAL_BY_NAME, (name,)).request()["url"])
    parts = urlsplit(url)
    options = parts.query.split("&")
    assert [option.split("=", 1)[0] for option in options] == ["$filter", "$select", "$top"]
    literal = unquote(options[0]).removeprefix("$filter=displayName eq ")
    assert re.fullmatch(r"'(?:[^']|'')*'", literal, re.DOTALL)
    assert literal[1:-1].replace("''", "'") == name


@pytest.mark.parametrize("topic", [Topic.USER_BY_OTHER_ADDRESS, Topic.GROUP_BY_OTHER_ADDRESS])
@given(address=st.text(min_size=1))
def test_another_address_is_looked_for_among_all_of_them_whatever_is_in_it(topic: Topic, address: str) -> None:
    url = str(Question(topic, (address,)).request()["url"])
    condition = parse_qs(urlsplit(url).query, keep_blank_values=True)["$filter"][0]
    literal = condition.removeprefix("proxyAddresses/any(p:p eq '").removesuffix("')")
    assert literal.replace("''", "'") == f"smtp:{address}"
    assert "'" not in literal.replace("''", "")


@pytest.mark.parametrize("topic", LISTED)
@given(values=st.lists(GUIDS, min_size=1, max_size=15))
def test_both_spellings_name_the_same_values(topic: Topic, values: list[str]) -> None:
    short = str(Question(topic, tuple(values)).request()["url"])
    long = str(Question(topic, tuple(values), spelled_out=True).request()["url"])
    found = re.findall("'([^']*)'", short)
    assert found == re.findall("'([^']*)'", long) == values
    assert long.count(" or ") == len(values) - 1


@given(st.lists(st.builds(lambda type_, text: type_(text), st.sampled_from([Guid, ObjectId, ClientId]), GUIDS)))
def test_the_first_round_asks_about_every_id(ids: list[Guid]) -> None:
    questions = first_questions(ids, ())
    assert {value for question in questions for value in question.values} == {id_.value for id_ in ids}
    assert len(questions) <= MEMBERS or len(set(ids)) > 60

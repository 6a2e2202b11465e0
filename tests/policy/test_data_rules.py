"""Rules about what could not be found out: nothing looked at is never a pass."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW, account, address, entry, grant
from policy.list_views import EVERY_APP, FAIL, NOT_APPLICABLE, PASS, UNKNOWN, judged, one, view

from hveadmin.domain.desired import AccountEntry, Mode, Selector
from hveadmin.domain.finding import Verdict
from hveadmin.domain.tenant import Unknown, Unreadable
from hveadmin.policy import hve901_unread_account as hve901
from hveadmin.policy import hve902_account_list_incomplete as hve902
from hveadmin.policy import hve903_unread_directory as hve903
from hveadmin.policy import hve904_old_data as hve904

X = {"x": entry(Mode.ENFORCE, grant(1))}
EVERYBODY = [Selector("*", entry(Mode.OBSERVE))]


def test_every_account_is_told_of_and_an_empty_list_was_read() -> None:
    seen = view(account("x", Unknown("throttled")), account("y", ()))
    assert [(each.subject.account, each.verdict) for each in judged(hve901.RULE, seen)] == [
        (address("x"), UNKNOWN),
        (address("y"), PASS),
    ]
    assert "throttled" in judged(hve901.RULE, seen)[0].message


@pytest.mark.parametrize(
    ("entries", "selectors", "verdict"),
    [
        pytest.param(X, (), UNKNOWN, id="an account is declared"),
        pytest.param({}, EVERYBODY, UNKNOWN, id="a selector expects some"),
        pytest.param({}, (), PASS, id="the configuration says zero"),
    ],
)
def test_no_account_is_a_pass_only_where_none_is_declared(
    entries: dict[str, AccountEntry], selectors: list[Selector], verdict: Verdict
) -> None:
    assert one(hve902.RULE, view(entries=entries, selectors=selectors)).verdict is verdict
    assert one(hve902.RULE, view(account("y", ()), entries=entries, selectors=selectors)).verdict is PASS


def test_ids_that_nobody_explained_are_counted() -> None:
    lists = (account("x", (1, 2)), account("y", (2,)), account("z", ()), account("u", Unknown("throttled")))
    judgement = one(hve903.RULE, view(*lists, directory=Unreadable("no right", "Application.Read.All")))
    assert judgement.verdict is FAIL
    assert "2 ids on 2 lists were not checked" in judgement.message
    assert judgement.remedy == "grant Application.Read.All"
    assert one(hve903.RULE, view(*lists, directory=EVERY_APP)).verdict is PASS
    only = one(hve903.RULE, view(account("x", (1,)), directory=Unreadable("no right")))
    assert "1 id on 1 list was not checked" in only.message


def test_the_command_for_an_unread_account_is_one_argument_a_name_and_names_the_tenant() -> None:
    judgement = one(hve901.RULE, view(account("$(id)'", Unknown("throttled"))))
    *command, named = shlex.split(judgement.remedy)
    assert command == ["hveadmin", "doctor", "-t", "contoso"]
    assert named == "hve-$(id)'@contoso.com"


@pytest.mark.parametrize(
    ("age", "limit", "verdict"),
    [(10, None, NOT_APPLICABLE), (10, 11.0, PASS), (10, 10.0, PASS), (10, 9.0, FAIL), (0, 0.0, PASS)],
)
def test_data_is_too_old_only_where_somebody_said_how_old_it_may_be(
    age: int, limit: float | None, verdict: Verdict
) -> None:
    seen = replace(view(account("x", (1,))), now=NOW + timedelta(seconds=age), max_age_seconds=limit)
    assert one(hve904.RULE, seen).verdict is verdict

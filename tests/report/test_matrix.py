"""The matrix loses nobody: every account and every application is somewhere, and what is unknown is never a blank."""

from __future__ import annotations

import pytest
from builders import account, address, app, service_principals, snapshot
from hypothesis import given
from hypothesis import strategies as st
from report.samples import made_up

from hveadmin.domain.tenant import AllowedApps, Known, Unknown, Unreadable
from hveadmin.report.matrix import Mailbox, Mark, Matrix, Sender, access_matrix

THROTTLED = Unknown("throttled")


def matrix(accounts: int, applications: int) -> Matrix:
    return access_matrix("contoso", made_up(accounts, applications))


sizes = st.tuples(st.integers(0, 30), st.integers(1, 90))


@pytest.mark.parametrize(
    ("allowed", "mark"),
    [
        (Known(frozenset({app(1), app(2)})), Mark.MAY),
        (Known(frozenset({app(2)})), Mark.MAY_NOT),
        (Known(frozenset()), Mark.ANY),
        (THROTTLED, Mark.UNKNOWN),
    ],
)
def test_of_an_account_and_an_application_one_of_four_things_is_so(allowed: AllowedApps, mark: Mark) -> None:
    assert Mailbox(address("a"), allowed).mark(Sender(app(1))) is mark


def test_open_unread_and_restricted_accounts_are_told_apart() -> None:
    made = access_matrix("contoso", snapshot(account("a", [1]), account("b", []), account("c", THROTTLED)))
    told = [[each.address for each in part] for part in (made.restricted, made.opened, made.unread)]
    assert told == [[address("a")], [address("b")], [address("c")]]
    assert [each.why_unread for each in made.mailboxes] == ["", "", "throttled"]


@given(size=sizes)
def test_every_account_is_in_exactly_one_of_the_three_parts(size: tuple[int, int]) -> None:
    made = matrix(*size)
    parts = (*made.opened, *made.unread, *made.restricted)
    assert sorted(each.address for each in parts) == [each.address for each in made.mailboxes]


@given(size=sizes, columns=st.integers(1, 40))
def test_the_sheets_together_show_every_permission_once(size: tuple[int, int], columns: int) -> None:
    made = matrix(*size)
    shown = [
        (mailbox.address, sender.id)
        for block in made.blocks(columns)
        for mailbox in block.mailboxes
        for sender in block.senders
        if mailbox.mark(sender) is Mark.MAY
    ]
    listed = [(each.address, sender.id) for each in made.restricted for sender in made.senders_of(each)]
    assert sorted(shown) == sorted(listed)
    assert all(len(block.senders) <= columns for block in made.blocks(columns))


@given(size=sizes)
def test_both_lists_say_the_same(size: tuple[int, int]) -> None:
    made = matrix(*size)
    by_account = {(each.address, sender.id) for each in made.mailboxes for sender in made.senders_of(each)}
    by_application = {(each.address, sender.id) for sender in made.senders for each in made.mailboxes_of(sender)}
    assert by_account == by_application


def test_one_sheet_has_every_restricted_account_and_of_several_each_has_those_it_concerns() -> None:
    made = access_matrix("contoso", snapshot(account("a", [1, 2]), account("b", [3])))
    assert [len(block.mailboxes) for block in made.blocks(3)] == [2]
    assert [[each.address for each in block.mailboxes] for block in made.blocks(2)] == [[address("a")], [address("b")]]


def test_names_of_the_configuration_come_before_those_of_the_directory_and_the_nameless_come_last() -> None:
    seen = snapshot(account("a", [1, 2, 3]), directory=service_principals(1, 2))
    made = access_matrix("contoso", seen, names={app(2): "a mailer"})
    assert [(each.id, each.name) for each in made.senders] == [(app(2), "a mailer"), (app(1), "App 1"), (app(3), "")]


def test_what_stands_against_an_id_is_remarked_and_the_callers_word_comes_first() -> None:
    unread = snapshot(account("a", [1, 2]), directory=Unreadable("no permission"))
    made = access_matrix("contoso", unread, remarks={app(1): "forbidden"})
    assert {each.id: each.remark for each in made.senders} == {app(1): "forbidden", app(2): "not checked"}


def test_owners_are_the_accounts_own() -> None:
    made = access_matrix("contoso", snapshot(account("a", [1]), account("b", [1])), owners={address("b"): "b@x.com"})
    assert [each.owner for each in made.mailboxes] == ["", "b@x.com"]

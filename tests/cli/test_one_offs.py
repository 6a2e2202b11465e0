"""`account grant` and `account revoke`: what bad input gets, and that nothing is sent then."""

from __future__ import annotations

import pytest
from cli.scenes import (
    ADD,
    ANNA,
    DUNNING,
    FULL_ACCOUNT,
    INVOICE,
    INVOICE_REGISTRATION,
    NOBODY,
    PAYROLL,
    PAYROLL_CLIENT_ID,
    REMOVE,
    SHOP,
    SHOP_ACCOUNT,
    listed,
    sent,
)
from cli.terminal import Ran, Terminal

from hveadmin.sandbox.server import Running, Sandbox


def grant(terminal: Terminal, account: str, *apps: str) -> Ran:
    return terminal.hveadmin("account", "grant", account, *apps, "-p", "operator", "--yes")


def revoke(terminal: Terminal, account: str, *words: str) -> Ran:
    return terminal.hveadmin("account", "revoke", account, *words, "-p", "operator")


@pytest.mark.parametrize(
    ("app", "what_it_is", "what_next"),
    [
        pytest.param(PAYROLL_CLIENT_ID, "is the client id of", PAYROLL, id="a client id"),
        pytest.param(INVOICE_REGISTRATION, "is the app registration's object id", INVOICE, id="a registration"),
        pytest.param(ANNA, "is a user of", "hveadmin app whatis", id="a user"),
        pytest.param(NOBODY, "is nothing in this tenant", "hveadmin app whatis", id="an unknown id"),
    ],
)
def test_a_look_alike_is_named_for_what_it_is_and_nothing_is_sent(
    terminal: Terminal, running: Running, app: str, what_it_is: str, what_next: str
) -> None:
    ran = grant(terminal, SHOP_ACCOUNT, app).ends_with(6)
    assert len([line for line in ran.err.splitlines() if app in line and what_it_is in line]) == 1
    assert what_next in ran.err
    assert "nothing was sent" in ran.err
    assert ran.out == ""
    assert sent(running) == {}


def test_all_look_alikes_of_one_command_are_named_at_once(terminal: Terminal, running: Running) -> None:
    ran = grant(terminal, SHOP_ACCOUNT, PAYROLL_CLIENT_ID, DUNNING, ANNA).ends_with(6)
    assert PAYROLL_CLIENT_ID in ran.err
    assert ANNA in ran.err
    assert DUNNING not in ran.err
    assert sent(running) == {}


def test_an_eleventh_application_is_refused_and_the_ten_stay(
    terminal: Terminal, sandbox: Sandbox, running: Running
) -> None:
    before = listed(sandbox, FULL_ACCOUNT)
    assert len(before) == 10
    ran = grant(terminal, FULL_ACCOUNT, DUNNING).ends_with(6)
    assert f"{FULL_ACCOUNT}: would hold 11 applications; an account can hold 10" in ran.err
    assert "revoke one first" in ran.err
    assert sent(running) == {}
    assert listed(sandbox, FULL_ACCOUNT) == before


@pytest.mark.parametrize("account", ["ben.ortiz@contoso.com", "nobody@contoso.com"])
def test_an_account_that_is_not_hve_is_refused(terminal: Terminal, running: Running, account: str) -> None:
    ran = grant(terminal, account, DUNNING).ends_with(6)
    assert f"{account} is not an HVE account of this tenant" in ran.err
    assert "hveadmin account list" in ran.err
    assert sent(running) == {}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("grant", SHOP_ACCOUNT, "Payroll Mailer"), id="a name for an id"),
        pytest.param(("grant", SHOP_ACCOUNT, PAYROLL[:-1]), id="an id cut short"),
        pytest.param(("grant", "hve-shop", DUNNING), id="an account without a domain"),
        pytest.param(("revoke", SHOP_ACCOUNT, "-"), id="a dash"),
        pytest.param(("revoke", SHOP_ACCOUNT, SHOP, "--allow-open", "hve-shop"), id="a permit for no address"),
    ],
)
def test_what_is_no_id_or_no_address_is_said_before_anybody_signs_in(
    terminal: Terminal, running: Running, words: tuple[str, ...]
) -> None:
    ran = terminal.hveadmin("account", *words, "-p", "operator", "--yes").ends_with(2)
    assert ran.err.startswith("error: ")
    assert ran.out == ""
    assert running.calls.count() == 0


def test_a_grant_is_sent_once_and_read_back(terminal: Terminal, sandbox: Sandbox, running: Running) -> None:
    ran = grant(terminal, SHOP_ACCOUNT, DUNNING).ends_with(0)
    assert "1 → 2 of 10" in ran.out
    assert sent(running) == {ADD: 1}
    assert listed(sandbox, SHOP_ACCOUNT) == {SHOP, DUNNING}


def test_the_plan_of_a_one_off_calls_applications_by_their_names(terminal: Terminal) -> None:
    assert "+ Dunning Letters" in grant(terminal, SHOP_ACCOUNT, DUNNING).ends_with(0).err


def test_a_grant_that_is_so_already_is_no_call(terminal: Terminal, running: Running) -> None:
    ran = grant(terminal, SHOP_ACCOUNT, SHOP).ends_with(0)
    assert "no call was made" in ran.out
    assert sent(running) == {}


def test_the_last_application_is_not_revoked_and_the_permit_is_named(
    terminal: Terminal, sandbox: Sandbox, running: Running
) -> None:
    ran = revoke(terminal, SHOP_ACCOUNT, SHOP, "--yes").ends_with(6)
    assert "an empty list lets every application send" in ran.err
    assert f"--allow-open {SHOP_ACCOUNT}" in ran.err
    assert sent(running) == {}
    assert listed(sandbox, SHOP_ACCOUNT) == {SHOP}


def test_a_permit_for_another_account_permits_nothing(terminal: Terminal, running: Running) -> None:
    revoke(terminal, SHOP_ACCOUNT, SHOP, "--yes", "--allow-open", "hve-noc@contoso.com").ends_with(6)
    assert sent(running) == {}


def test_a_permit_is_no_answer_to_the_question(terminal: Terminal, running: Running) -> None:
    ran = revoke(terminal, SHOP_ACCOUNT, SHOP, "--allow-open", SHOP_ACCOUNT, "--reason", "Cut-over").ends_with(6)
    assert "--yes" in ran.err
    assert sent(running) == {}


def test_with_permit_and_answer_the_last_application_goes_and_the_opening_is_said_aloud(
    terminal: Terminal, sandbox: Sandbox, running: Running
) -> None:
    words = ("--allow-open", SHOP_ACCOUNT, "--yes")
    refused = revoke(terminal, SHOP_ACCOUNT, SHOP, *words).ends_with(6)
    assert "say why with --reason" in refused.err
    ran = revoke(terminal, SHOP_ACCOUNT, SHOP, *words, "--reason", "Cut-over").ends_with(0)
    assert "OPENED: any application may send" in ran.out
    assert sent(running) == {REMOVE: 1}
    assert listed(sandbox, SHOP_ACCOUNT) == set()


def test_whoever_is_asked_and_says_no_has_changed_nothing(terminal: Terminal, running: Running) -> None:
    ran = terminal.hveadmin("account", "grant", SHOP_ACCOUNT, DUNNING, "-p", "operator", answer="n\n").ends_with(6)
    assert "Change 1 account?" in ran.err
    assert "nothing was written" in ran.err
    assert sent(running) == {}


def test_a_question_leaves_stdout_alone(terminal: Terminal) -> None:
    arguments = ("account", "grant", SHOP_ACCOUNT, DUNNING, "-p", "operator")
    assert terminal.hveadmin(*arguments, answer="n\n").ends_with(6).out == ""


def test_whoever_is_asked_and_says_yes_gets_it(terminal: Terminal, sandbox: Sandbox) -> None:
    terminal.hveadmin("account", "grant", SHOP_ACCOUNT, DUNNING, "-p", "operator", answer="y\n").ends_with(0)
    assert listed(sandbox, SHOP_ACCOUNT) == {SHOP, DUNNING}


@pytest.mark.parametrize("words", [("--no-input",), ()], ids=["--no-input", "CI=true"])
def test_nobody_is_asked_where_that_is_not_wanted(terminal: Terminal, running: Running, words: tuple[str, ...]) -> None:
    environ = {} if words else {"CI": "true"}
    arguments = ("account", "grant", SHOP_ACCOUNT, DUNNING, "-p", "operator", *words)
    ran = terminal.hveadmin(*arguments, answer="y\n", **environ).ends_with(6)
    assert "--yes" in ran.err
    assert "Change 1 account?" not in ran.err
    assert sent(running) == {}


def test_an_account_that_is_asked_for_and_not_there_is_mentioned(terminal: Terminal) -> None:
    ran = terminal.hveadmin("account", "show", "hve-nobody@contoso.com", SHOP_ACCOUNT, "-p", "operator")
    assert "hve-nobody@contoso.com" in ran.said
    assert ran.code == 6

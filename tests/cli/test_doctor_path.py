"""The first broken link between an application and a sent mail is named, and the command that it names mends it."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from typing import Any, Literal

import pytest
from cli.scenes import FULL_ACCOUNT
from cli.sender_scenes import (
    BREAKAGES,
    NOC_ACCOUNT,
    SHOP,
    SHOP_ACCOUNT,
    SHOP_PRINCIPAL,
    Breakage,
    Sending,
    sending,
)
from cli.terminal import Ran, Terminal
from report.judged import SHOWING_ALL
from smtp_senders import SECRET, application_token, give_secret, signed

from hveadmin.domain.sender_path import CHECKS
from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.seed import CONTOSO
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.sandbox.smtp_faults import SmtpFault, SmtpFaultKind, Step
from hveadmin.sandbox.user_flows import Person, write_person


@pytest.fixture
def by(terminal: Terminal, sandbox: Sandbox, running: Running) -> Sending:
    found = sending(terminal, sandbox, running)
    found.secret_file()
    return found


def checks_of(ran: Ran) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in ran.json["checks"]}


def verdicts(ran: Ran) -> dict[str, str]:
    return {name: each["verdict"] for name, each in checks_of(ran).items()}


# The classic breakages: broken, found, mended by what was named, sent


@pytest.mark.parametrize("breakage", BREAKAGES.values(), ids=list(BREAKAGES))
@pytest.mark.parametrize("replies", ["plain", "detailed"])
def test_what_is_broken_is_named_first_and_its_command_mends_it(
    by: Sending, breakage: Breakage, replies: Literal["plain", "detailed"]
) -> None:
    breakage.spoil(by)
    by.sandbox.set_switches(replace(by.sandbox.switches, smtp_replies=replies))
    asked = ("doctor", breakage.account, breakage.client_id, *breakage.sender)
    ran = by.type(*asked, "-o", "json").ends_with(5)
    (about,) = ran.json["about"]
    assert about["first_broken"] == breakage.link
    broken = checks_of(ran)[breakage.link]
    assert breakage.says in broken["seen"]
    commands = broken["remedy"][breakage.mends]
    assert commands
    time.sleep(breakage.wait)
    sender = breakage.sender
    for line in commands:
        sender = _typed(by, line, breakage.mends) or sender
    sent = by.type(
        "smtp", "test", breakage.account, "--client-id", breakage.client_id, *sender, "--send", "anna.holm@contoso.com"
    ).ends_with(0)
    assert "235 2.7.0" in sent.out
    assert len(by.sandbox.mailbox.messages()) == 1
    by.type("doctor", breakage.account, breakage.client_id, *sender).ends_with(0)


def _typed(by: Sending, line: str, program: str) -> tuple[str, ...]:
    """Type what was printed; the new place of the sender's secret, where the command made one."""
    if program == "azure_cli":
        _stand_in_for_az(by, shlex.split(line))
        return ()
    words = shlex.split(line)
    writes = words[1] in ("account", "app")
    by.type_line(line, *(("--yes", "--quiet") if writes else ())).ends_with(0)
    return (
        ("--secret-file", words[words.index("--secret-file") + 1])
        if "register" in words and "--secret-file" in words
        else ()
    )


def _stand_in_for_az(by: Sending, words: list[str]) -> None:
    """Does what this one command of the Azure CLI does; there is no `az` here."""
    assert words[:5] == ["az", "ad", "sp", "update", "--id"], words
    name, _, value = words[words.index("--set") + 1].partition("=")
    by.put_principal(words[5], **{name: value == "true"})


def test_a_token_for_another_api_is_found_without_a_sign_in_of_the_sender(by: Sending) -> None:
    give_secret(by.sandbox, SHOP)
    token = application_token(by.running, SHOP, scope="https://graph.microsoft.com/.default")
    asked = ("doctor", SHOP_ACCOUNT, SHOP, "--token-env", "SENDERS_TOKEN", "-o", "json")
    ran = by.type(*asked, SENDERS_TOKEN=token).ends_with(5)
    assert ran.json["about"][0]["first_broken"] == "claims"
    assert "Microsoft Graph" in checks_of(ran)["claims"]["seen"]
    (mend,) = checks_of(ran)["claims"]["remedy"]["hveadmin"]
    good = by.type_line(mend.replace("<file>", "sender.secret"), "--raw").ends_with(0).out.strip()
    by.type(*asked, SENDERS_TOKEN=good).ends_with(0)


# The list of checks


def test_every_link_is_looked_at_in_its_order_and_nothing_is_written(by: Sending) -> None:
    give_secret(by.sandbox, SHOP)
    by.running.calls.clear()
    ran = by.type("doctor", SHOP_ACCOUNT, SHOP, "--secret-file", "sender.secret", "-o", "json").ends_with(0)
    assert tuple(checks_of(ran)) == CHECKS
    # The sender's secret ends in 30 days.
    assert {name: each for name, each in verdicts(ran).items() if each != "pass"} == {"credentials": "warn"}
    assert {name.split("-")[0] for name in by.running.calls.cmdlets()} == {"Get"}
    assert by.sandbox.mailbox.messages() == []


@pytest.mark.parametrize("app", [SHOP, SHOP_PRINCIPAL, "Shop Orders"])
def test_an_application_is_named_by_any_id_or_by_its_name(by: Sending, app: str) -> None:
    ran = by.type("doctor", SHOP_ACCOUNT, app, "-o", "json").ends_with(0)
    assert checks_of(ran)["service principal"]["seen"].startswith(SHOP_PRINCIPAL)
    assert verdicts(ran)["on the list"] == "pass"
    assert verdicts(ran)["token"] == "not-tried"


def test_the_tokens_own_application_is_taken_where_none_is_named(by: Sending) -> None:
    give_secret(by.sandbox, SHOP)
    token = application_token(by.running, SHOP)
    ran = by.type("doctor", SHOP_ACCOUNT, "--token-env", "T", "-o", "json", T=token).ends_with(0)
    assert checks_of(ran)["application"]["seen"] == f"{SHOP} is the client id of 'Shop Orders'"


@pytest.mark.parametrize(
    ("account", "app", "link", "says"),
    [
        ("hve-nobody@contoso.com", SHOP, "account", "is not an HVE account"),
        ("anna.holm@contoso.com", SHOP, "account", "is not an HVE account"),
        ("hve-legacy@contoso.com", SHOP, "billing", "NoConnectedBillingPolicyFound"),
        (SHOP_ACCOUNT, "Report Sender", "application", "2 applications are called 'Report Sender'"),
        (SHOP_ACCOUNT, "Nobody's", "application", "no application is called"),
        (SHOP_ACCOUNT, "00000000-dead-4bad-8bad-00000000beef", "application", "is no application of this tenant"),
    ],
)
def test_the_account_and_the_application_come_before_all_else(
    by: Sending, account: str, app: str, link: str, says: str
) -> None:
    ran = by.type("doctor", account, app, "-o", "json").ends_with(5)
    assert ran.json["about"][0]["first_broken"] == link
    assert says in checks_of(ran)[link]["seen"]


def test_the_door_beside_the_list_is_pointed_out(by: Sending) -> None:
    ran = by.type("doctor", "hve-scan@contoso.com", "-o", "json").ends_with(0)
    door = checks_of(ran)["basic authentication"]
    assert door["verdict"] == "warn"
    assert "past the list" in door["seen"]


def test_an_open_list_is_a_warning_and_lets_the_application_in(by: Sending) -> None:
    ran = by.type("doctor", "hve-alert-db@contoso.com", SHOP, "-o", "json").ends_with(0)
    assert verdicts(ran)["list"] == "warn"
    assert "OPEN" in checks_of(ran)["list"]["seen"]
    assert verdicts(ran)["on the list"] == "pass"


# Without rights


def test_without_a_sign_in_the_sender_still_learns_what_its_token_and_the_server_say(by: Sending) -> None:
    give_secret(by.sandbox, SHOP)
    ran = by.terminal.hveadmin(
        "doctor", SHOP_ACCOUNT, SHOP, "--secret-file", "sender.secret", "-o", "json", "-p", "wrong-secret",
        "--server", by.running.endpoints.smtp,
    )  # fmt: skip
    ran.ends_with(7)
    found = verdicts(ran)
    assert {found[name] for name in ("account", "list", "application", "permission")} == {"unknown"}
    assert (found["token"], found["claims"], found["smtp"]) == ("pass", "pass", "pass")
    assert found["settled"] == "not-tried"
    (why,) = {each["seen"] for each in ran.json["checks"] if "AADSTS" in each["seen"]}
    assert why == checks_of(ran)["account"]["seen"]


def test_what_is_only_unknown_is_not_called_broken(by: Sending) -> None:
    ran = by.terminal.hveadmin("doctor", SHOP_ACCOUNT, SHOP, "-p", "without-graph").ends_with(7)
    assert "nothing that could be seen is broken; `application` is unknown" in ran.out


def test_an_account_that_could_not_be_read_is_not_called_missing(by: Sending) -> None:
    ran = by.terminal.hveadmin("doctor", SHOP_ACCOUNT, SHOP, "-o", "json", "-p", "without-role").ends_with(7)
    said = {name: checks_of(ran)[name]["seen"] for name in ("billing", "basic authentication")}
    assert all(each.endswith("the account could not be read") for each in said.values()), said
    assert verdicts(ran)["settled"] == "not-tried"


def test_a_server_that_still_goes_by_the_old_list_is_pointed_out(by: Sending) -> None:
    give_secret(by.sandbox, SHOP)
    by.sandbox.set_switches(replace(by.sandbox.switches, propagation_seconds=300))
    by.type("account", "revoke", FULL_ACCOUNT, SHOP_PRINCIPAL, "--yes", "--quiet").ends_with(0)
    asked = ("doctor", FULL_ACCOUNT, SHOP, "--secret-file", "sender.secret", "-o", "json")
    ran = by.type(*asked).ends_with(5)
    assert (verdicts(ran)["on the list"], verdicts(ran)["settled"], verdicts(ran)["smtp"]) == ("fail", "warn", "pass")
    assert "may go by the old one" in checks_of(ran)["settled"]["seen"]


def test_an_application_shut_to_people_is_opened_by_the_command_that_is_named(by: Sending) -> None:
    write_person(by.sandbox.store, Person(SHOP_ACCOUNT))
    asked = ("doctor", SHOP_ACCOUNT, SHOP, "--device-code", "-o", "json")
    ran = by.type(*asked).ends_with(5)
    assert ran.json["about"][0]["first_broken"] == "token"
    (mend,) = checks_of(ran)["token"]["remedy"]["hveadmin"]
    by.type_line(mend, "--yes", "--quiet").ends_with(0)
    assert verdicts(by.type(*asked).ends_with(0))["smtp"] == "pass"


def test_what_one_right_would_show_is_unknown_and_the_rest_goes_on(by: Sending) -> None:
    ran = by.terminal.hveadmin("doctor", SHOP_ACCOUNT, SHOP, "-o", "json", "-p", "without-graph").ends_with(7)
    found = verdicts(ran)
    assert (found["account"], found["billing"], found["list"]) == ("pass", "pass", "pass")
    assert {found[name] for name in ("application", "service principal", "permission", "on the list")} == {"unknown"}
    assert "not on the list" in checks_of(ran)["on the list"]["seen"]


def test_a_list_that_cannot_be_read_is_unknown_and_never_open(by: Sending) -> None:
    fault = Fault(FaultKind.NUL_BYTES, cmdlet="Get-HVEAccountSettings", account=SHOP_ACCOUNT, times=None)
    by.sandbox.add_fault(fault)
    ran = by.type("doctor", SHOP_ACCOUNT, SHOP, "-o", "json").ends_with(7)
    assert (verdicts(ran)["list"], verdicts(ran)["on the list"]) == ("unknown", "unknown")


def test_a_directory_that_does_not_answer_is_unknown(by: Sending) -> None:
    by.sandbox.add_fault(Fault(FaultKind.HTML, surface=Surface.GRAPH, times=None))
    ran = by.type("doctor", SHOP_ACCOUNT, SHOP, "-o", "json", "--timeout", "3").ends_with(7)
    assert verdicts(ran)["application"] == "unknown"
    assert verdicts(ran)["list"] == "pass"


def test_a_server_that_hangs_up_is_a_link_of_its_own(by: Sending) -> None:
    give_secret(by.sandbox, SHOP)
    by.sandbox.add_smtp_fault(SmtpFault(SmtpFaultKind.DROP, Step.CREDENTIAL))
    ran = by.type("doctor", SHOP_ACCOUNT, SHOP, "--secret-file", "sender.secret", "-o", "json").ends_with(1)
    assert ran.json["about"][0]["first_broken"] == "smtp"
    assert "closed the connection" in checks_of(ran)["smtp"]["seen"]


# Bad input


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("doctor", "nobody"), "is not a mail address"),
        (("doctor", SHOP_ACCOUNT, "Shop Orders", "--secret-file", "sender.secret"), "signs in with a client id"),
        (("doctor", SHOP_ACCOUNT, SHOP, "--secret-file", "missing"), "cannot be read"),
        (("doctor", SHOP_ACCOUNT, SHOP, "--secret-env", "A", "--device-code"), "more than one way"),
        (("doctor", SHOP_ACCOUNT, "--token-env", "NOTHING"), "NOTHING is not set"),
        (("doctor", SHOP_ACCOUNT, SHOP, "--token-env", "T", "--secret-env", "A"), "and a way to get another"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anybody_is_asked(by: Sending, words: tuple[str, ...], says: str) -> None:
    by.running.calls.clear()
    assert says in by.type(*words).ends_with(2).err
    assert by.running.calls.count() == 0


def test_no_secret_and_no_token_is_in_any_format(by: Sending) -> None:
    give_secret(by.sandbox, SHOP)
    token = signed(by.sandbox, by.sandbox.clock(), appid=SHOP, oid=SHOP_PRINCIPAL, tid=CONTOSO)
    forms = [f"-o{form}={form}.out" for form in SHOWING_ALL]
    loud = ("--debug", "-v", "--log-format", "json", "-o", "table", *forms)
    said = by.type("doctor", SHOP_ACCOUNT, SHOP, "--secret-file", "sender.secret", *loud).ends_with(0).said
    said += by.type("doctor", NOC_ACCOUNT, SHOP, "--token-env", "T", *loud, T=token).said
    said += "".join((by.terminal.folder / f"{form}.out").read_text() for form in SHOWING_ALL)
    for each in (SECRET, token.rpartition(".")[2], "eyJ"):
        assert each not in said

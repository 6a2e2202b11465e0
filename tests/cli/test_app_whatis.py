"""`app whatis` over everything in the seed: what a person reads, what it costs, and what is said to be unseen."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cli.scenes import ANNA, INVOICE, INVOICE_REGISTRATION, MONITORING, NOBODY, PAYROLL, PAYROLL_CLIENT_ID
from cli.terminal import Ran, Terminal

from hveadmin.sandbox.credentials import add_secret
from hveadmin.sandbox.faults import Surface
from hveadmin.sandbox.seed import CONTOSO, guid_of
from hveadmin.sandbox.server import Running, Sandbox

KINDS = ("servicePrincipal", "application", "user", "group", "device", "deletedServicePrincipal", "deletedApplication")
BATCH = "/v1.0/$batch"
DELETED_APP = guid_of("contoso", "registration", "Voucher Mailer")
DELETED_SP = guid_of("contoso", "principal", "Newsletter 2021")
WITHOUT_SP = guid_of("contoso", "client", "Newsletter 2021")
PURGED = guid_of("contoso", "principal", "deleted for good")
FOREIGN = "7c0b9a11-8f0e-4a57-8c33-2d1e0f9a8b05"
GROUP = guid_of("contoso", "group", "hve-senders")
DEVICE = guid_of("contoso", "device", "scanner-3")
REPORTS = tuple(guid_of("contoso", "principal", f"report-sender-{each}") for each in "ab")


def whatis(terminal: Terminal, *words: str, profile: str = "operator") -> Ran:
    return terminal.hveadmin("app", "whatis", *words, "-p", profile)


def piped(terminal: Terminal, text: str | bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    """A process whose stdin is a pipe with this text."""
    typed = terminal.command("app", "whatis", *words, "-p", "operator", "--no-accounts")
    data = text.encode() if isinstance(text, str) else text
    return subprocess.run(
        typed, cwd=terminal.folder, env=dict(terminal.environ), input=data, capture_output=True, timeout=60, check=False
    )


def everything(sandbox: Sandbox) -> list[str]:
    """Every id of the seed, each kind in its order, client ids after object ids."""
    found: list[str] = []
    for kind in KINDS:
        documents = sorted(sandbox.store.all(CONTOSO, kind), key=lambda each: (each["displayName"], each["id"]))
        found += [str(each["id"]) for each in documents]
        found += [str(each["appId"]) for each in documents if "appId" in each]
    return list(dict.fromkeys([*found, PURGED, NOBODY, CONTOSO, guid_of("fabrikam", "tenant")]))


def settled(text: str) -> str:
    """Without the days, which move with the seed."""
    today = datetime.now(UTC)
    for days in range(-1, 2):
        for name, distance in (("9-DAYS-AGO", -9), ("IN-21-DAYS", 21), ("4-DAYS-AGO", -4), ("IN-26-DAYS", 26)):
            text = text.replace(f"{today + timedelta(days=distance + days):%Y-%m-%d}", name)
        text = text.replace(f"{today + timedelta(days=3650 + days):%Y-%m-%d}", "IN-TEN-YEARS")
    return text


class TestTheSeed:
    def test_every_id_of_the_seed_is_explained(
        self, terminal: Terminal, sandbox: Sandbox, golden: Callable[[str, str], None]
    ) -> None:
        ids = everything(sandbox)
        ran = whatis(terminal, *ids).ends_with(0)
        assert ran.err == ""
        golden("whatis-seed.txt", settled(ran.out))

    def test_no_id_of_the_seed_is_left_alone(self, terminal: Terminal, sandbox: Sandbox) -> None:
        ids = everything(sandbox)
        answers = whatis(terminal, *ids, "-o", "json").ends_with(0).json["answers"]
        assert [each["asked"] for each in answers] == ids
        assert all(each["identity"]["id_kind"] != "not-found-or-other-type" for each in answers)
        unknown = {each["asked"] for each in answers if each["identity"]["id_kind"] == "not-found"}
        assert unknown == {PURGED, NOBODY, CONTOSO, guid_of("fabrikam", "tenant")}

    @pytest.mark.parametrize("format_name", ["table", "csv", "md"])
    def test_hostile_names_act_nowhere(self, terminal: Terminal, sandbox: Sandbox, format_name: str) -> None:
        ids = [str(each["id"]) for each in sandbox.store.all(CONTOSO, "servicePrincipal")]
        out = whatis(terminal, *ids, "-o", format_name).ends_with(0).out
        assert "\x1b" not in out and "\u202e" not in out
        assert not any(line.lstrip().startswith(("::", "##vso[", "=")) for line in out.splitlines())


class TestCost:
    RIGHT = (PAYROLL, MONITORING, INVOICE, FOREIGN, PAYROLL_CLIENT_ID, *REPORTS)
    WRONG = (INVOICE_REGISTRATION, ANNA, GROUP, DEVICE, DELETED_APP, DELETED_SP, WITHOUT_SP, PURGED, NOBODY)

    @pytest.mark.parametrize(
        ("ids", "calls"), [(RIGHT, 1), ((*RIGHT[:6], *WRONG), 2), (("Report Sender", "Monitoring", *RIGHT), 1)]
    )
    def test_right_ids_and_names_cost_one_call_to_graph_and_wrong_ones_two(
        self, terminal: Terminal, running: Running, ids: tuple[str, ...], calls: int
    ) -> None:
        whatis(terminal, *ids, "--no-accounts").ends_with(0)
        assert running.calls.count(Surface.GRAPH) == running.calls.count(Surface.GRAPH, path=BATCH) == calls
        assert running.calls.cmdlets() == {}

    def test_credentials_of_right_ids_cost_one_call_more(self, terminal: Terminal, running: Running) -> None:
        whatis(terminal, *self.RIGHT, "--no-accounts", "--credentials").ends_with(0)
        assert running.calls.count(Surface.GRAPH) == 2

    def test_no_secret_is_needed_to_be_told_that_nothing_was_asked(self, terminal: Terminal, running: Running) -> None:
        ran = terminal.hveadmin("app", "whatis", "-p", "operator", answer="").ends_with(2)
        assert "there is nothing to explain" in ran.err
        assert running.calls.count() == 0


class TestCredentials:
    @pytest.fixture(autouse=True)
    def expiring(self, sandbox: Sandbox) -> None:
        now = datetime.now(UTC)
        for days, secret in ((-3, "old-canary-secret"), (5, "new-canary-secret")):
            add_secret(sandbox.store, CONTOSO, PAYROLL_CLIENT_ID, secret, expires=now + timedelta(days=days, hours=1))

    @pytest.mark.parametrize("words", [(PAYROLL_CLIENT_ID,), (PAYROLL, "--credentials")])
    def test_secrets_that_expire_are_told_by_hint_and_end(self, terminal: Terminal, words: tuple[str, ...]) -> None:
        ran = whatis(terminal, *words)
        assert "It signs in with 2 secrets, but soon no more" in ran.out
        assert "secret  new…  ends on" in ran.out and "in 5 days" in ran.out
        assert "secret  old…  expired on" in ran.out
        assert "canary" not in ran.said

    def test_a_service_principal_says_how_its_credentials_are_read(self, terminal: Terminal) -> None:
        assert "not known: they were not read; app show reads them" in whatis(terminal, PAYROLL).out

    def test_they_are_in_the_machine_form_without_the_secret(self, terminal: Terminal) -> None:
        ran = whatis(terminal, PAYROLL_CLIENT_ID, "-o", "json")
        credentials: list[dict[str, Any]] = ran.json["answers"][0]["credentials"]
        assert [(each["hint"], each["valid"]) for each in credentials] == [("new", True), ("old", False)]
        assert "canary" not in ran.out


class TestPermissions:
    def test_with_application_read_all_alone_it_says_what_it_cannot_see(self, terminal: Terminal) -> None:
        ran = whatis(terminal, PAYROLL, ANNA, GROUP, DELETED_APP, profile="applications-only").ends_with(0)
        assert f'{PAYROLL} is the service principal of "Payroll Mailer"' in ran.out
        assert "On the list of" in ran.out
        for id_ in (ANNA, GROUP):
            assert f"{id_} is no application of this tenant" in ran.out
        assert ran.out.count("the permission Directory.Read.All would show it") == 2
        assert f'{DELETED_APP} is the app registration "Voucher Mailer", deleted on' in ran.out

    def test_without_graph_nothing_is_guessed_and_the_lists_are_read_all_the_same(self, terminal: Terminal) -> None:
        ran = whatis(terminal, PAYROLL, "Monitoring", profile="without-graph").ends_with(7)
        assert f"{PAYROLL} is unknown: the directory could not be read.\n" in ran.out
        assert '"Monitoring" is unknown' in ran.out
        assert "On the list of hve-full@contoso.com, hve-payroll@contoso.com." in ran.out
        assert ran.out.count("Application.Read.All") == 1

    @pytest.mark.parametrize("profile", ["without-role", "without-permission"])
    def test_whoever_may_not_read_accounts_is_answered_and_told_so(self, terminal: Terminal, profile: str) -> None:
        ran = whatis(terminal, PAYROLL_CLIENT_ID, profile=profile).ends_with(0)
        assert f"use its service principal {PAYROLL}." in ran.out
        assert "Warning: which HVE accounts list an id is not known:" in ran.out
        assert "no HVE account's list" not in ran.out


class TestNamesAndPipes:
    def test_a_name_that_two_bear_lists_both_and_chooses_none(self, terminal: Terminal) -> None:
        out = whatis(terminal, "Report Sender").ends_with(0).out
        assert '"Report Sender" is the display name of 2 service principals; choose by the id' in out
        assert all(id_ in out for id_ in REPORTS)

    def test_names_and_addresses_are_answered(self, terminal: Terminal) -> None:
        out = whatis(terminal, "Monitoring", "Nobody's Mailer", "anna.holm@contoso.com").ends_with(0).out
        assert f'"Monitoring" is the display name of the service principal {MONITORING}: the right id' in out
        assert '"Nobody\'s Mailer" is no id, and no service principal' in out
        assert "hveadmin account show anna.holm@contoso.com" in out

    @pytest.mark.parametrize("words", [(), ("-",)])
    def test_what_is_piped_in_is_explained_in_its_order_and_once(
        self, terminal: Terminal, words: tuple[str, ...]
    ) -> None:
        text = f"{NOBODY}, {{{PAYROLL.upper()}}}\r\n{PAYROLL}\nReport Sender\n"
        ran = piped(terminal, text, *words, "-o", "json", "--query", "answers[].asked")
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.decode().split('"')[1::2] == [NOBODY, PAYROLL, "Report Sender"]

    def test_arguments_come_before_what_is_piped_in(self, terminal: Terminal) -> None:
        ran = piped(terminal, PAYROLL, NOBODY, "-", "-o", "csv", "--query", "answers[].asked")
        assert ran.returncode == 0, ran.stderr
        out = ran.stdout.decode()
        assert out.index(NOBODY) < out.index(PAYROLL)

    def test_the_mark_that_some_programs_write_first_is_no_part_of_an_id(self, terminal: Terminal) -> None:
        ran = piped(terminal, b"\xef\xbb\xbf" + PAYROLL.encode())
        assert ran.stdout.decode().startswith(f"{PAYROLL} is the service principal")

    @pytest.mark.parametrize("text", ["", " \n,,\n", b"\xff\xfe\x00"])
    def test_a_pipe_without_anything_in_it_is_a_usage_error(
        self, terminal: Terminal, running: Running, text: str | bytes
    ) -> None:
        ran = piped(terminal, text)
        assert ran.returncode == 2
        assert b"Traceback" not in ran.stderr
        assert running.calls.count() == 0

"""What registering says, and that a command survives being shown."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from builders import TENANT
from report.judged import SHOWING_ALL

from hveadmin.domain.ids import ClientId, Guid, ObjectId
from hveadmin.domain.registration import (
    MailSend,
    Present,
    Principal,
    PublicCertificate,
    Registering,
    Registration,
    RegistrationPlan,
    StepKind,
    Wanted,
    plan_registration,
)
from hveadmin.domain.registration_commands import Place, commands
from hveadmin.report.register import COLUMNS, Whose, planned, registered
from hveadmin.report.render import render
from hveadmin.report.style import Style

NOW = datetime(2026, 7, 1, tzinfo=UTC)
WHOSE = Whose("contoso", TENANT)
MAIL_SEND = MailSend(ObjectId("00000000-0000-4000-8000-0000000000e1"))
CLIENT = ClientId("00000000-0000-4000-8000-00000000000c")
PRINCIPAL = Principal(ObjectId("00000000-0000-4000-8000-00000000000d"))
MADE = Present(MAIL_SEND, Registration(Guid("00000000-0000-4000-8000-00000000000b"), CLIENT, "Payroll"), PRINCIPAL)
PLAN = plan_registration(Wanted("Payroll", kept_in="payroll.pem"), Present(MAIL_SEND), NOW)
COMMANDS = commands(PLAN, Place(TENANT, "worldwide", "https://graph.microsoft.com"))
CERTIFICATE = PublicCertificate(b"der", NOW, NOW + timedelta(days=180))


@pytest.mark.parametrize("width", [0, 40, 80])
def test_no_command_is_wrapped_or_cut(width: int) -> None:
    lines = render(planned(WHOSE, PLAN, COMMANDS), "table", style=Style(width=width)).splitlines()
    for each in COMMANDS:
        for line in (*each.powershell, *each.azure_cli):
            assert f"  {line}" in lines


def test_the_ids_to_use_are_told_apart() -> None:
    shown = render(registered(WHOSE, Registering(PLAN, MADE, CERTIFICATE)), "table")
    assert f"client id    {CLIENT}  what the application signs in with" in shown
    assert f"object id    {PRINCIPAL.object_id}  what an account's list holds" in shown
    assert "good until 2026-12-28" in shown
    assert f"hveadmin account grant ACCOUNT {PRINCIPAL.object_id}" in shown


def test_what_the_directory_does_not_show_yet_is_not_told_as_shown() -> None:
    done = Registering(PLAN, MADE, CERTIFICATE, not_shown=(StepKind.CONSENT,))
    steps = {each["step"]: each["shown"] for each in json.loads(render(registered(WHOSE, done), "json"))["steps"]}
    assert steps == {each.value: each is not StepKind.CONSENT for each in PLAN.steps}
    assert "does not show yet: grant admin consent" in render(registered(WHOSE, done), "table")


def test_what_could_not_be_read_back_is_unknown() -> None:
    done = Registering(PLAN, MADE, CERTIFICATE, unread="Graph is busy")
    report = json.loads(render(registered(WHOSE, done), "json"))
    assert {each["shown"] for each in report["steps"]} == {None}
    assert report["registrations"][0]["unread"] == "Graph is busy"


def test_nothing_to_do_is_said_in_words_and_in_the_machine_form() -> None:
    done = Registering(RegistrationPlan(PLAN.wanted, MADE, ()), MADE)
    assert "nothing was to be done" in render(registered(WHOSE, done), "table")
    assert json.loads(render(registered(WHOSE, done), "json"))["registrations"][0]["nothing_to_do"] is True


@pytest.mark.parametrize("format_name", SHOWING_ALL)
def test_a_hostile_name_acts_in_no_format(format_name: str) -> None:
    wanted = Wanted("##vso[task.complete] =cmd() <b>|@x", kept_in="x.pem")
    plan = plan_registration(wanted, Present(MAIL_SEND), NOW)
    shown = render(planned(WHOSE, plan, commands(plan, Place(TENANT, "worldwide", "https://g"))), format_name)
    assert "##vso[" not in shown


def test_the_table_has_a_row_for_each_step() -> None:
    rows = list(csv.reader(io.StringIO(render(registered(WHOSE, Registering(PLAN, MADE)), "csv"))))
    assert rows[0] == list(COLUMNS)
    assert [row[2] for row in rows[1:]] == [each.value for each in PLAN.steps]

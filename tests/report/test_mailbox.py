"""The mail of the sandbox, listed and shown: everything in it was written by somebody else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hveadmin.report.document import Report
from hveadmin.report.mailbox import Mail, SentBy, mail_list, mail_show
from hveadmin.report.render import render

FORMATS = ("table", "json", "jsonl", "yaml", "csv", "md")
"""Those that show everything."""
MAIL = Mail(
    number=3,
    received_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
    tenant_id="8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06",
    account="hve-payroll@contoso.com",
    sent_by=SentBy("application", "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01", "principal", "Payroll Mailer"),
    mail_from="hve-payroll@contoso.com",
    recipients=("anna.holm@contoso.com", "ben.ortiz@contoso.com"),
    from_header="Payroll <hve-payroll@contoso.com>",
    to_header="All staff",
    subject="Payslips",
    date="Mon, 23 Nov 2026 12:00:00 +0000",
    message_id="<1@sender.example>",
    size=1234,
)
HOSTILE = replace(
    MAIL,
    sent_by=SentBy("application", "client", "principal", "\x1b[31mRed"),
    from_header="\u202egro.elpmaxe@live <hve-payroll@contoso.com>",
    subject="::error::gone\r\n##vso[task.complete]",
    recipients=("\x07bell@contoso.com",),
    message_id="<script>alert(1)</script>",
)


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_says_who_sent_what_to_whom(format_name: str) -> None:
    shown = render(mail_list([MAIL]), format_name)
    for word in ("2026-11-23T12:00:00Z", "Payroll Mailer", "anna.holm@contoso.com", "ben.ortiz@contoso.com", "1234"):
        assert word in shown
    assert "Payslips" in shown
    assert ("1@sender.example" in shown) == (format_name not in ("table", "md"))


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(
    "report", [mail_list([HOSTILE]), mail_show(HOSTILE, "\x1b]0;x\x07\n##[group]\n\u2028", ["\u202e.exe"])]
)
def test_nothing_that_a_sender_wrote_acts_in_any_format(report: Report, format_name: str) -> None:
    shown = render(report, format_name)
    assert not set("\x1b\x07\u202e\u2028\r") & set(shown)
    assert "##vso[" not in shown
    assert "##[" not in shown
    assert not any(line.lstrip().startswith("::") for line in shown.splitlines())


def test_the_machine_form_gives_back_exactly_what_came() -> None:
    item = json.loads(render(mail_show(HOSTILE, "one\r\n\x1btwo\r\n", ["a.pdf"]), "json"))["messages"][0]
    assert (item["subject"], item["text"], item["attachments"]) == (HOSTILE.subject, "one\r\n\x1btwo\r\n", ["a.pdf"])
    assert item["sent_by"] == {
        "how": "application",
        "client_id": "client",
        "object_id": "principal",
        "display_name": "\x1b[31mRed",
    }


def test_a_header_that_is_not_there_is_null() -> None:
    bare = replace(MAIL, to_header="", subject="", date="", message_id="", sent_by=SentBy("basic"))
    item = json.loads(render(mail_list([bare]), "json"))["messages"][0]
    assert [item[name] for name in ("to", "subject", "date", "message_id")] == [None] * 4
    assert item["sent_by"] == {"how": "basic", "client_id": None, "object_id": None, "display_name": None}


@pytest.mark.parametrize(
    ("sent_by", "words"),
    [
        (SentBy("application", "client", "principal", "Payroll Mailer"), "Payroll Mailer"),
        (SentBy("application", "client", "principal"), "client"),
        (SentBy("application"), "an application that is not in the tenant"),
        (SentBy("delegated", "client", "", "Payroll Mailer"), "Payroll Mailer, for the account"),
        (SentBy("basic"), "the account, with its password"),
    ],
)
def test_who_sent_it_is_said_in_words(sent_by: SentBy, words: str) -> None:
    assert sent_by.words == words


def test_names_are_the_numbers_that_show_one_message() -> None:
    assert render(mail_list([MAIL, replace(MAIL, number=12)]), "name") == "3\n12\n"


def test_an_empty_mailbox_says_so_and_is_an_empty_list() -> None:
    assert render(mail_list([]), "table") == "No mail has come.\n"
    assert json.loads(render(mail_list([]), "json"))["messages"] == []


def test_a_message_is_shown_line_by_line() -> None:
    shown = render(mail_show(MAIL, "Hello,\r\n\r\n  indented\r\n", []), "table")
    assert shown.endswith("\n\nHello,\n\n  indented\n")
    assert "  recipients  anna.holm@contoso.com, ben.ortiz@contoso.com\n" in shown
    assert "attached" not in shown

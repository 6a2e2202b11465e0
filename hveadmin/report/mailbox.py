"""The mail that the sandbox accepted: a list, and one message. All of it is a sender's text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import count, timestamp

LIST_KIND = "sandbox-mail"
SHOW_KIND = "sandbox-message"
COLUMNS = ("number", "received", "sent_by", "from", "to", "subject", "date", "size", "message_id")


@dataclass(frozen=True, slots=True)
class SentBy:
    """Who signed in to send it; what does not apply is empty."""

    how: str
    """`application`, `delegated` or `basic`."""
    client_id: str = ""
    object_id: str = ""
    display_name: str = ""

    @property
    def words(self) -> str:
        """For people."""
        if self.how == "basic":
            return "the account, with its password"
        who = self.display_name or self.client_id or "an application that is not in the tenant"
        return f"{who}, for the account" if self.how == "delegated" else who


@dataclass(frozen=True, slots=True)
class Mail:
    """One message, without its text. Headers that it does not have are empty."""

    number: int
    received_at: datetime
    tenant_id: str
    account: str
    sent_by: SentBy
    mail_from: str
    recipients: tuple[str, ...]
    """Of the envelope, which is where it was sent."""
    from_header: str
    to_header: str
    subject: str
    date: str
    message_id: str
    size: int
    """Octets."""


def mail_list(mails: Sequence[Mail]) -> Report:
    """Every message, in the order in which they came."""
    section = Section(
        table=Table(COLUMNS, tuple(map(_row, mails))),
        text=None if mails else (Row(("No mail has come.",)),),
        closing=(Row((f"{count(len(mails), 'message')}.",)),) if mails else (),
        told=("date", "message_id"),
    )
    return Report(LIST_KIND, {"messages": list(map(_data, mails))}, (section,))


def mail_show(mail: Mail, text: str, attachments: Sequence[str]) -> Report:
    """One message with what a person would read of it; `attachments` are file names."""
    lines = text.replace("\r\n", "\n").removesuffix("\n")
    section = Section(
        table=Table((*COLUMNS, "text"), ((*_row(mail), lines),)),
        heading=tuple(_head(mail, attachments)),
        text=tuple(Row((line,)) if line else Row() for line in lines.split("\n")),
    )
    item = {**_data(mail), "text": text, "attachments": list(attachments)}
    return Report(SHOW_KIND, {"messages": [item]}, (section,))


def _row(mail: Mail) -> tuple[Cell, ...]:
    return (
        mail.number,
        timestamp(mail.received_at),
        mail.sent_by.words,
        mail.from_header,
        ", ".join(mail.recipients),
        mail.subject,
        mail.date,
        mail.size,
        mail.message_id,
    )


def _head(mail: Mail, attachments: Sequence[str]) -> Iterator[Row]:
    yield Row((Span(f"message {mail.number}", Tone.STRONG), f"received {timestamp(mail.received_at)}"))
    said = {
        "sent by": mail.sent_by.words,
        "account": mail.account,
        "from": mail.from_header,
        "to": mail.to_header,
        "recipients": ", ".join(mail.recipients),
        "subject": mail.subject,
        "date": mail.date,
        "message id": mail.message_id,
        "attached": ", ".join(attachments),
        "size": count(mail.size, "octet"),
    }
    for name, value in said.items():
        if value:
            yield Row((name, value), "head", 2)


def _data(mail: Mail) -> Item:
    """The machine form; a header that is not there is null."""
    return {
        "number": mail.number,
        "received_at": timestamp(mail.received_at),
        "tenant_id": mail.tenant_id,
        "account": mail.account,
        "sent_by": {
            "how": mail.sent_by.how,
            "client_id": mail.sent_by.client_id or None,
            "object_id": mail.sent_by.object_id or None,
            "display_name": mail.sent_by.display_name or None,
        },
        "mail_from": mail.mail_from,
        "recipients": list(mail.recipients),
        "from": mail.from_header or None,
        "to": mail.to_header or None,
        "subject": mail.subject or None,
        "date": mail.date or None,
        "message_id": mail.message_id or None,
        "size": mail.size,
    }

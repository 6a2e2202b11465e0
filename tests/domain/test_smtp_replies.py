"""What a reply means: one row a reply of the design's table, and the ticket that support asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.domain.smtp_replies import Reply, Ticket, Who, meaning_of

REPLIES = [
    ("235 2.7.0 Authentication successful", Who.NOBODY, "may send"),
    ("535 5.7.3 Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com]", Who.SENDER, "does not say why"),
    ("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
     Who.EXCHANGE_ADMIN, "switched off"),
    ("535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy.",
     Who.ENTRA_ADMIN, "Security Defaults"),
    ("535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.", Who.EXCHANGE_ADMIN, "password"),
    ("501 5.5.121 Invalid XOAUTH2 argument", Who.SENDER, "base64"),
    ("501 5.5.124 Invalid XOAUTH2 argument", Who.SENDER, "malformed"),
    ("535 5.7.127 XOAUTH2 authentication failed", Who.SENDER, "XOAUTH2 failed"),
    ("535 5.7.142 Token will expire soon", Who.SENDER, "too soon"),
    ("535 5.7.143 Expired token", Who.SENDER, "has expired"),
    ("535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions", Who.ENTRA_ADMIN, "Mail.Send"),
    ("550 5.7.240 The application is not allowed for use with this High Volume Email account", Who.EXCHANGE_ADMIN,
     "not on the account's list"),
    ("550 5.7.62 Client was authenticated as another sender", Who.SENDER, "envelope"),
    ("550 5.6.241 From header is another", Who.SENDER, "From header"),
    ("550 5.2.240 not an HVE account", Who.EXCHANGE_ADMIN, "not a High Volume Email account"),
    ("550 5.5.105 external recipient", Who.SENDER, "outside the tenant"),
    ("530 5.7.57 Client not authenticated to send mail.", Who.SENDER, "before MAIL FROM"),
    ("504 5.7.4 Unrecognized authentication type", Who.SENDER, "not before STARTTLS"),
    ("421 4.7.66 TLS 1.0 and 1.1 are not supported", Who.SENDER, "TLS"),
    ("454 4.7.0 Temporary authentication failure", Who.LATER, "at the moment"),
    ("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", Who.LATER, "connections"),
    ("535 Incorrect authentication data", Who.SENDER, "does not say why"),
    ("500 5.5.2 Line too long", Who.SENDER, "too long"),
]  # fmt: skip


def reply(text: str) -> Reply:
    code, _, rest = text.partition(" ")
    return Reply(int(code), (rest,))


@pytest.mark.parametrize(("text", "who", "says"), REPLIES, ids=[text[:40] for text, _, _ in REPLIES])
def test_replies(text: str, who: Who, says: str) -> None:
    meaning = meaning_of(reply(text))
    assert meaning is not None
    assert meaning.who is who
    assert says in meaning.says
    assert meaning.mend or who is Who.NOBODY
    assert meaning.known in ("D", "O", "F")


def test_a_reply_that_nobody_described_has_no_meaning() -> None:
    assert meaning_of(reply("599 9.9.9 something new")) is None


@pytest.mark.parametrize(
    ("text", "ticket"),
    [
        ("535 5.7.3 no [SN2PR00CA0018.namprd00.prod.outlook.com]", Ticket("SN2PR00CA0018.namprd00.prod.outlook.com")),
        (
            "535 5.7.3 no [AM0PR04CA01.eurprd04.prod.outlook.com 2024-03-20T10:27:56.998Z 08DC48ABC]",
            Ticket("AM0PR04CA01.eurprd04.prod.outlook.com", "2024-03-20T10:27:56.998Z", "08DC48ABC"),
        ),
        ("535 5.7.3 no", None),
        ("535 5.7.3 no [127.0.0.1]", None),
    ],
)
def test_the_ticket_is_kept(text: str, ticket: Ticket | None) -> None:
    assert reply(text).ticket == ticket


def test_what_it_says_is_without_codes_and_ticket() -> None:
    said = reply("535 5.7.3 Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com]").said
    assert said == "Authentication unsuccessful"


@given(code=st.integers(200, 599), lines=st.lists(st.text(), max_size=3).map(tuple))
def test_no_reply_is_too_strange(code: int, lines: tuple[str, ...]) -> None:
    strange = Reply(code, lines)
    assert isinstance(str(strange), str)
    assert strange.ticket is None or strange.ticket.server
    meaning_of(strange)

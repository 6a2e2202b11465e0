"""
What an SMTP reply of the HVE endpoint means, and who can mend it.

The page that this product starts from knows two answers: 235 2.7.0 and 535 5.7.3. Others were seen, or found in other
people's code; each meaning below says how it is known: [D]ocumented, [O]bserved, [F]ound in third-party code. A reply
that is in no row is said as it came. The server's name, time and id at its end are kept for a support ticket.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of an SMTP server, all its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines as one."""
        return " ".join(self.lines)

    @property
    def enhanced(self) -> str:
        """The enhanced status code (`5.7.3`), empty where there is none."""
        found = _ENHANCED.match(self.lines[0]) if self.lines else None
        return found.group(1) if found is not None else ""

    @property
    def said(self) -> str:
        """What it says, without codes and without the ticket."""
        text = _TICKET.sub("", self.text)
        return _ENHANCED.sub("", text, count=1).strip()

    @property
    def ticket(self) -> Ticket | None:
        """Server, time and id in brackets at the end, None where there are none."""
        found = _TICKET.search(self.text)
        if found is None:
            return None
        server, time, identifier = (*found.group(1).split(), "", "")[:3]
        return Ticket(server, time, identifier)

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


@dataclass(frozen=True, slots=True)
class Ticket:
    """What Microsoft's support asks for: which server said it, when, and the session's id."""

    server: str
    time: str = ""
    id: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.server, self.time, self.id)))


_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b\s*")
_TICKET = re.compile(r"\s*\[([A-Za-z0-9][\w.-]*\.[A-Za-z]{2,}(?: +\S+){0,2})\]\s*$")


class Who(StrEnum):
    """Who can mend it."""

    NOBODY = "nobody has to"
    SENDER = "the application team"
    ENTRA_ADMIN = "an Entra ID administrator"
    EXCHANGE_ADMIN = "an Exchange administrator"
    NETWORK = "whoever runs the network"
    LATER = "nobody has to, it passes"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reply means, who can mend it and how. `known` says how we know: D, O or F."""

    says: str
    who: Who
    mend: str
    known: str


@dataclass(frozen=True, slots=True)
class _Row:
    code: int | None
    enhanced: str
    words: str
    """A part of the text, in lower case; empty for any."""
    meaning: Meaning

    def fits(self, reply: Reply) -> bool:
        return (
            (self.code is None or self.code == reply.code)
            and (not self.enhanced or self.enhanced == reply.enhanced)
            and self.words in reply.text.lower()
        )


def meaning_of(reply: Reply) -> Meaning | None:
    """What a reply means; None for one that nobody has described."""
    return next((row.meaning for row in _TABLE if row.fits(reply)), None)


_DOCTOR = "hveadmin doctor ACCOUNT APP goes through every link and names the first that is broken"


def _row(code: int | None, enhanced: str, words: str, says: str, who: Who, mend: str, known: str) -> _Row:
    return _Row(code, enhanced, words, Meaning(says, who, mend, known))


# The first row that fits is the answer, so the special ones of a code stand before the general one.
_TABLE = (
    _row(235, "", "", "the application may send through this account", Who.NOBODY, "", "D"),
    _row(
        535, "5.7.3", "",
        "the credentials were refused, and the reply does not say why: a token for another API or tenant, without"
        " Mail.Send, expired, for another account, or of an application that is not on the account's list",
        Who.SENDER, _DOCTOR, "D",
    ),
    _row(
        535, "5.7.139", "smtpclientauthentication is disabled",
        "SMTP sign-in with a password is switched off for the tenant or the account",
        Who.EXCHANGE_ADMIN, "use OAuth; HVE does not heed the tenant's switch [F]", "D",
    ),
    _row(
        535, "5.7.139", "security defaults",
        "Security Defaults of Entra ID block sign-in with a password", Who.ENTRA_ADMIN, "use OAuth instead", "D",
    ),
    _row(
        535, "5.7.139", "",
        "sign-in with a password was refused: wrong, or blocked by a policy of the tenant",
        Who.EXCHANGE_ADMIN, "use OAuth; passwords at HVE end in September 2028", "D",
    ),
    _row(
        535, "5.7.142", "", "the token expires too soon to begin a session with",
        Who.SENDER, "get a new token 10 to 20 minutes before the old one ends", "F",
    ),
    _row(535, "5.7.143", "", "the token has expired", Who.SENDER, "get a new token: hveadmin token get", "F"),
    _row(
        535, "5.7.144", "",
        "the token has no right to send: Mail.Send of Office 365 Exchange Online is missing, or nobody consented",
        Who.ENTRA_ADMIN, "hveadmin app show APP says what is missing; hveadmin app register mends it", "F",
    ),
    _row(
        535, "5.7.127", "", "XOAUTH2 failed, for a reason that is not said; seen with tokens about to expire",
        Who.SENDER, _DOCTOR, "F",
    ),
    _row(
        550, "5.7.240", "", "the application is not on the account's list",
        Who.EXCHANGE_ADMIN, "hveadmin account grant ACCOUNT OBJECT-ID; a change takes up to 5 minutes", "F",
    ),
    _row(
        501, "5.5.121", "", "the XOAUTH2 string is not base64", Who.SENDER,
        "compare it with hveadmin token get --xoauth2", "F",
    ),
    *(
        _row(
            501, f"5.5.{number}", "", "the XOAUTH2 string is malformed: user, Bearer or the token is missing in it",
            Who.SENDER, "compare it with hveadmin token get --xoauth2", "F",
        )
        for number in range(122, 127)
    ),
    _row(501, "5.5.127", "", "the token is about to expire", Who.SENDER, "get a new token", "F"),
    _row(
        None, "5.7.62", "", "the envelope's sender is not the account that signed in",
        Who.SENDER, "send MAIL FROM with the account's own address", "F",
    ),
    _row(
        None, "5.6.241", "", "the From header is not the account that signed in",
        Who.SENDER, "set From to the account's own address; Reply-To may be another", "F",
    ),
    _row(
        None, "5.2.240", "", "the account is not a High Volume Email account",
        Who.EXCHANGE_ADMIN, "hveadmin account list names those that are", "F",
    ),
    _row(
        550, "5.5.105", "", "the recipient is outside the tenant; HVE delivers to internal recipients only",
        Who.SENDER, "send to an address of an accepted domain", "F",
    ),
    _row(530, "5.7.57", "", "nobody signed in before MAIL FROM", Who.SENDER, "sign in first: AUTH XOAUTH2", "F"),
    _row(
        504, "5.7.4", "", "this way of signing in is not offered here, or not before STARTTLS",
        Who.SENDER, "STARTTLS first, then AUTH XOAUTH2", "F",
    ),
    _row(
        421, "4.7.66", "", "TLS 1.0 and 1.1 are not accepted", Who.SENDER, "use TLS 1.2 or newer", "D",
    ),
    _row(454, "4.7.0", "", "signing in is not possible at the moment", Who.LATER, "try again in a few minutes", "O"),
    _row(432, "4.3.2", "", "too many connections at once", Who.LATER, "send through fewer connections", "F"),
    _row(421, "", "", "the server closes the connection", Who.LATER, "try again in a few minutes", "O"),
    _row(
        535, "", "", "the credentials were refused, and the reply does not say why", Who.SENDER, _DOCTOR, "O",
    ),
    _row(
        500, "", "", "the server did not understand, or the line was too long for it",
        Who.SENDER, "a token of more than 4 kB is too long for some servers", "O",
    ),
)  # fmt: skip

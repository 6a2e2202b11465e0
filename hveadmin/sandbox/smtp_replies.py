"""
What the SMTP endpoint says, as texts.

To who may not sign in, the page that this all starts from says one thing whatever is wrong: `535 5.7.3 Authentication
unsuccessful` [D]. Codes that tell the reasons apart were met by others [F]; the switch `smtp_replies` chooses. What
stands in brackets at a reply's end is the server, the time and an id of the session: it is what a support ticket asks
for [D].
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from types import MappingProxyType
from typing import Literal

SERVER = "SBXPR01CA0001.sbxprd01.prod.outlook.com"
"""The server's name, in the form that Exchange Online's servers have."""


class Why(Enum):
    """Why somebody may not sign in, or does no longer count as signed in."""

    NOT_BASE64 = auto()
    NO_USER = auto()
    NO_BEARER = auto()
    NO_TOKEN = auto()
    NOT_A_JWT = auto()
    TRAILING_DATA = auto()
    BAD_TOKEN = auto()
    """The signature, the issuer, the tenant, the audience, or another person's token."""
    EXPIRES_SOON = auto()
    EXPIRED = auto()
    NO_PERMISSION = auto()
    NOT_AN_ACCOUNT = auto()
    NOT_ALLOWED = auto()
    """Not on the account's list of applications."""
    WRONG_PASSWORD = auto()
    BASIC_OFF = auto()


_PLAIN = "535 5.7.3 Authentication unsuccessful"
_BASIC_OFF = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."

_DETAILED: Mapping[Why, str] = MappingProxyType(
    {
        # 5.5.121 to 5.5.126 are found [F]; which of them is for what is not, so this split is a guess [G]. That
        # 5.5.124 is what a token of the wrong form gets was seen live once [F: sasl-xoauth2#110].
        Why.NOT_BASE64: "501 5.5.121 Invalid XOAUTH2 argument",
        Why.NO_USER: "501 5.5.122 Invalid XOAUTH2 auth data",
        Why.NO_BEARER: "501 5.5.123 Invalid XOAUTH2 auth data",
        Why.NOT_A_JWT: "501 5.5.124 Invalid XOAUTH2 auth data",
        Why.NO_TOKEN: "501 5.5.125 Invalid XOAUTH2 auth data",
        Why.TRAILING_DATA: "501 5.5.126 Invalid XOAUTH2 auth data",
        Why.BAD_TOKEN: "535 5.7.127 XOAUTH2 authentication failed",
        Why.EXPIRES_SOON: "535 5.7.142 Token will expire soon",
        Why.EXPIRED: "535 5.7.143 Expired token",
        Why.NO_PERMISSION: "535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions",
        # Found as a reply of this endpoint, not with its text, nor at which command [G].
        Why.NOT_AN_ACCOUNT: "550 5.2.240 The sender is not a High Volume Email account",
        Why.NOT_ALLOWED: "550 5.7.240 The application is not allowed for use with this High Volume Email account",
        Why.WRONG_PASSWORD: "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
    }
)

NO_TLS_NO_AUTH = "504 5.7.4 Unrecognized authentication type"
"""To AUTH before STARTTLS, and to a mechanism that is not offered [F]."""
NOT_AUTHENTICATED = "530 5.7.57 Client not authenticated to send mail."
WRONG_MAIL_FROM = "550 5.7.62 The MAIL FROM address is not that of the authenticated High Volume Email account"
WRONG_FROM_HEADER = "550 5.6.241 The From header is not that of the authenticated High Volume Email account"
EXTERNAL_RECIPIENT = "550 5.5.105 External sending is not supported for High Volume Email accounts"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"
TOO_LARGE = "552 5.3.4 Message size exceeds fixed maximum message size"
NO_BILLING = "550 5.7.1 The High Volume Email account has no valid billing policy"
"""That such an account cannot send is documented; what it is told is a guess [G]."""


def refusal(why: Why, replies: Literal["plain", "detailed"]) -> str:
    """The reply to who may not sign in, without what stands in brackets."""
    # That basic authentication is off has a documented text of its own [D], whatever else is told apart.
    if why is Why.BASIC_OFF:
        return _BASIC_OFF
    return _DETAILED[why] if replies == "detailed" else _PLAIN


def for_ticket(text: str, now: datetime, session: str) -> str:
    """A reply with the server, the time and the session's id in brackets."""
    moment = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{text} [{SERVER} {moment} {session}]"


# What RFC 2034 asks for, which is offered: an enhanced code in each reply. The library below has none of its own.
_ENHANCED = MappingProxyType(
    {
        "451": "4.3.0",
        "500": "5.3.3",
        "501": "5.5.4",
        "502": "5.3.3",
        "503": "5.5.2",
        "552": "5.3.4",
        "553": "5.1.3",
        "554": "5.7.1",
        "555": "5.5.4",
    }
)


def with_enhanced_code(reply: str) -> str:
    """An error of the library's own with an enhanced code, and without what it quotes of the client."""
    code, _, text = reply.partition(" ")
    if code not in _ENHANCED or text[:2] in ("2.", "4.", "5."):
        return reply
    if "not recognized" in text and code == "500":
        # It would repeat the command, and a client that has lost its place sends a token there.
        text = "Unrecognized command"
    return f"{code} {_ENHANCED[code]} {text.removeprefix('Error: ')}"

"""
SASL XOAUTH2 without a socket: bytes to send out, replies in, a verdict at the end.

    C: AUTH XOAUTH2      S: 334 (text or none)     C: blob     S: 235                      let in
                                                               S: 535 …                    not let in: Exchange [D]
                                                               S: 334 base64 of {"status"…} C: (empty line)  S: 535 …
                                                                                           Google, Dovecot [O]
    C: AUTH XOAUTH2      S: 5xx or 4xx             nothing was sent: the server does not offer it, or not now

The blob goes on a line of its own, after the 334: with a real token (2 to 4 kB) it does not fit the 512 octets that a
command line may have, and strict servers refuse the one-line form [O]. The answer to the challenge is an empty line,
once; whoever sends the blob again hands the token to a server that just refused it.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from enum import Enum, auto

from hveadmin.errors import UsageError

COMMAND = b"AUTH XOAUTH2"

_SEPARATOR = "\x01"


def initial_response(address: str, token: str) -> bytes:
    """
    The SASL bytes, before base64: `user=ADDRESS ^A auth=Bearer TOKEN ^A ^A` [D].

    Raises UsageError for an address or token that cannot stand in it. The message never holds the token.
    """
    if not address.isascii():
        raise UsageError(
            f"{address!r} has characters outside ASCII, which XOAUTH2 cannot carry",
            hint="HVE accounts have ASCII addresses: check how it is spelt",
        )
    if not address or any(ord(each) < 0x21 or ord(each) == 0x7F for each in address):
        raise UsageError(f"{address!r} is not a mail address", hint="an account is named like hve-payroll@contoso.com")
    if not token or not all(0x21 <= ord(each) <= 0x7E for each in token):
        raise UsageError("the token is empty, or has blanks or characters that no token has")
    return f"user={address}{_SEPARATOR}auth=Bearer {token}{_SEPARATOR}{_SEPARATOR}".encode("ascii")


def blob(address: str, token: str) -> str:
    """The SASL string as it goes over the wire: base64 of `initial_response`."""
    return base64.b64encode(initial_response(address, token)).decode("ascii")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server of Google's kind says before it refuses: a status and the schemes it takes."""

    status: str
    schemes: str = ""
    scope: str = ""


def read_challenge(text: str) -> Challenge | None:
    """The challenge in the text of a 334, None where it is none (blank, or a prompt)."""
    try:
        content = json.loads(base64.b64decode(text.strip(), validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    said = {key: content[key] for key in ("status", "schemes", "scope") if isinstance(content.get(key), str)}
    return Challenge(said.get("status", ""), said.get("schemes", ""), said.get("scope", ""))


@dataclass(frozen=True, slots=True)
class Send:
    """The next line to send, without its line end. `secret` lines must not be logged."""

    line: bytes
    secret: bool = False


class Verdict(Enum):
    """How an exchange ended."""

    ACCEPTED = auto()
    REFUSED = auto()
    """The credentials were seen and refused."""
    NOT_OFFERED = auto()
    """Refused before any credentials were sent."""
    NONSENSE = auto()
    """The server said something that no SMTP server says here."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The verdict, with the challenge that came before it where there was one."""

    verdict: Verdict
    challenge: Challenge | None = None


class _State(Enum):
    COMMAND_SENT = auto()
    BLOB_SENT = auto()
    CHALLENGE_ANSWERED = auto()
    ENDED = auto()


class Conversation:
    """One exchange. `start` gives the first line; `receive` takes a reply and gives the next line or the end."""

    def __init__(self, address: str, token: str) -> None:
        """Raises UsageError where address or token cannot be sent at all."""
        self._blob = blob(address, token).encode("ascii")
        self._state = _State.COMMAND_SENT
        self._challenge: Challenge | None = None

    def start(self) -> Send:
        """The command."""
        return Send(COMMAND)

    def receive(self, code: int, text: str) -> Send | Ended:
        """What a reply leads to. `text` is what follows the code, without the enhanced code's meaning."""
        match self._state, code:
            case _State.COMMAND_SENT, 334:
                self._state = _State.BLOB_SENT
                return Send(self._blob, secret=True)
            case _State.BLOB_SENT, 235:
                return self._end(Verdict.ACCEPTED)
            case _State.BLOB_SENT, 334:
                # Whatever it asks for, it has had all there is: an empty line lets it say what is wrong.
                self._state = _State.CHALLENGE_ANSWERED
                self._challenge = read_challenge(text)
                return Send(b"")
            case _State.COMMAND_SENT, _ if 400 <= code < 600:
                return self._end(Verdict.NOT_OFFERED)
            case ((_State.BLOB_SENT | _State.CHALLENGE_ANSWERED), _) if 400 <= code < 600:
                return self._end(Verdict.REFUSED)
            case _:
                return self._end(Verdict.NONSENSE)

    def _end(self, verdict: Verdict) -> Ended:
        self._state = _State.ENDED
        return Ended(verdict, self._challenge)

    def __repr__(self) -> str:
        return f"Conversation({self._state.name})"

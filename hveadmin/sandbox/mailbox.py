"""
The mail that the sandbox accepted: kept in the store, delivered to nobody.

The tenant of a message is the sending account's. What lists the mailbox needs neither the content nor any parsing: the
headers are read once, when the message comes. They are the sender's text, and hostile until a sink has escaped them.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message as Mime
from email.utils import getaddresses
from enum import StrEnum
from typing import Any, Self

from hveadmin.sandbox.store import Document, Store


class SignInKind(StrEnum):
    """How the sender signed in."""

    APPLICATION = "application"
    """With a token of the application's own."""
    DELEGATED = "delegated"
    """With a token of the account, got by an application."""
    BASIC = "basic"
    """With the account's password."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Which application signed in; its ids are empty for basic authentication, and the name where it has none here."""

    kind: SignInKind
    client_id: str = ""
    object_id: str = ""
    """Of its service principal in the tenant."""
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """An accepted message. `number` is 0 until the mailbox has given it one."""

    tenant_id: str
    account: str
    sender: Sender
    mail_from: str
    recipients: tuple[str, ...]
    """As the envelope named them, Bcc included."""
    headers: Headers
    size: int
    """Octets, headers included."""
    received_at: datetime
    number: int = 0

    def to_document(self) -> Document:
        return asdict(self) | {"received_at": self.received_at.isoformat()}

    @classmethod
    def from_document(cls, document: Document) -> Self:
        sender = document["sender"]
        return cls(
            **document
            | {
                "sender": Sender(**sender | {"kind": SignInKind(sender["kind"])}),
                "recipients": tuple(document["recipients"]),
                "headers": Headers(**document["headers"]),
                "received_at": datetime.fromisoformat(document["received_at"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers that a list of mail shows, decoded; empty where the message has none."""

    sender: str = ""
    """From."""
    to: str = ""
    subject: str = ""
    date: str = ""
    message_id: str = ""


class Mailbox:
    """All accepted mail of a sandbox, in the order in which it came."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, received: Received, content: bytes) -> Received:
        """Keep a message; it comes back with its number, counted from 1 over all tenants."""
        with self._store.transaction():
            last = self._store.get("", "setting", "last-message") or {"number": 0}
            kept = replace(received, number=int(last["number"]) + 1)
            self._store.put("", "setting", "last-message", {"number": kept.number})
            self._store.put(kept.tenant_id, "message", _key(kept.number), kept.to_document())
            encoded = {"base64": base64.b64encode(content).decode("ascii")}
            self._store.put(kept.tenant_id, "messageContent", _key(kept.number), encoded)
        return kept

    def messages(self) -> list[Received]:
        """Every message, the oldest first."""
        tenants = [str(each["id"]) for each in self._store.all("", "tenant")]
        found = [Received.from_document(each) for tenant in tenants for each in self._store.all(tenant, "message")]
        return sorted(found, key=lambda each: each.number)

    def find(self, number: int) -> Received | None:
        """The message with this number, None if there is none."""
        for tenant in self._store.all("", "tenant"):
            document = self._store.get(tenant["id"], "message", _key(number))
            if document is not None:
                return Received.from_document(document)
        return None

    def content(self, received: Received) -> bytes:
        """A message as it came."""
        document = self._store.get(received.tenant_id, "messageContent", _key(received.number))
        return b"" if document is None else base64.b64decode(document["base64"])


def _key(number: int) -> str:
    return f"{number:08d}"


# --- reading what a sender wrote ----------------------------------------------------------------------------------


def parsed(content: bytes) -> Mime[Any, Any]:
    """A message's structure. The forgiving policy: the strict one raises on what senders really write."""
    return message_from_bytes(content)


def headers_of(message: Mime[Any, Any]) -> Headers:
    """The headers that a list of mail shows."""
    names = {"sender": "From", "to": "To", "subject": "Subject", "date": "Date", "message_id": "Message-ID"}
    return Headers(**{field: _decoded(message, name) for field, name in names.items()})


def from_addresses(message: Mime[Any, Any]) -> list[str]:
    """Every address of every From header."""
    return [address for _, address in getaddresses(_fields(message, "From"))]


def text_of(message: Mime[Any, Any]) -> str:
    """What a person would read: the plain text, else the source of the first text part; attachments are left out."""
    texts = [part for part in message.walk() if part.get_content_maintype() == "text" and not part.get_filename()]
    plain = [part for part in texts if part.get_content_subtype() == "plain"]
    return "".join(_text(part) for part in plain) if plain else "".join(_text(part) for part in texts[:1])


def attachments_of(message: Mime[Any, Any]) -> Sequence[str]:
    """The file names of what is attached."""
    return [name for part in message.walk() if (name := part.get_filename())]


def _text(part: Mime[Any, Any]) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    try:
        return data.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        # A charset that there is none of: every octet is something in this one.
        return data.decode("latin-1")


def _fields(message: Mime[Any, Any], name: str) -> list[str]:
    """What the headers of this name hold. Octets beyond ASCII are UTF-8 (RFC 6532), whatever the parser thinks."""
    raw = [str(value) for key, value in message.raw_items() if key.lower() == name.lower()]
    return [value.encode("ascii", "surrogateescape").decode("utf-8", "replace") for value in raw]


def _decoded(message: Mime[Any, Any], name: str) -> str:
    unfolded = " ".join(next(iter(_fields(message, name)), "").split())
    try:
        text = str(make_header(decode_header(unfolded)))
    except (MessageError, LookupError, ValueError):
        # Encoded words that are not what they say are shown as they are.
        text = unfolded
    # UTF-7 can spell lone surrogates, which nothing can keep.
    return text.encode("utf-8", "backslashreplace").decode()

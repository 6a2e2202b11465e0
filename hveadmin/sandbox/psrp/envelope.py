"""
WS-Management's envelopes: requests read, answers and faults written [D: MS-WSMV, DSP0226].

Answers are written as text with everything in them escaped, because `RelatesTo` must repeat the request's MessageID
byte for byte.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
POWERSHELL = "http://schemas.microsoft.com/powershell"
FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"

_NAMES = {"s": SOAP, "a": ADDRESSING, "w": WSMAN, "rsp": SHELL, "pwsh": POWERSHELL}
_SECONDS = re.compile(r"PT(\d+(?:\.\d+)?)S")

DEFAULT_ENVELOPE = 153_600
"""What a client takes when it does not say, in bytes [D]."""
DEFAULT_SECONDS = 60.0
"""How long an operation may take when the client does not say [D]."""


class BadEnvelope(Exception):
    """A body that is no WS-Management request."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its headers as they matter here, and its body's first element."""

    action: str
    message_id: str
    resource: str
    selectors: dict[str, str]
    seconds: float
    """How long the client waits for an answer."""
    envelope_size: int
    """The largest answer that the client takes, in bytes."""
    body: ElementTree.Element | None

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a request. Raises BadEnvelope."""
        if b"<!DOCTYPE" in data:
            # SOAP forbids them, and entities could be nested until memory ends.
            raise BadEnvelope("a SOAP message has no document type")
        try:
            root = ElementTree.fromstring(data)  # noqa: S314 - without a document type there are no entities
        except ElementTree.ParseError as problem:
            raise BadEnvelope(str(problem)) from None
        message_id, action = _text(root, "s:Header/a:MessageID"), _text(root, "s:Header/a:Action")
        if not message_id or not action:
            raise BadEnvelope("no MessageID or no Action")
        selectors = root.findall("s:Header/w:SelectorSet/w:Selector", _NAMES)
        size = _text(root, "s:Header/w:MaxEnvelopeSize")
        return cls(
            action=action.rpartition("/")[2],
            message_id=message_id,
            resource=_text(root, "s:Header/w:ResourceURI"),
            selectors={each.get("Name", ""): each.text or "" for each in selectors},
            seconds=_seconds(_text(root, "s:Header/w:OperationTimeout")),
            envelope_size=int(size) if size.isdecimal() else DEFAULT_ENVELOPE,
            body=next(iter(root.find("s:Body", _NAMES) or ()), None),
        )

    def find(self, path: str) -> ElementTree.Element | None:
        """An element below the body's first one."""
        return None if self.body is None else self.body.find(path, _NAMES)

    def find_all(self, path: str) -> list[ElementTree.Element]:
        return [] if self.body is None else self.body.findall(path, _NAMES)

    def attribute(self, name: str) -> str:
        """An attribute of the body's first element."""
        return "" if self.body is None else self.body.get(name, "")


def decoded(text: str | None) -> bytes:
    """Base64 as it stands in an element. Raises BadEnvelope."""
    try:
        return base64.b64decode("".join((text or "").split()), validate=True)
    except binascii.Error as problem:
        raise BadEnvelope(str(problem)) from None


def parse_id(text: str) -> uuid.UUID:
    """An id of a shell or a command. Raises BadEnvelope."""
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        raise BadEnvelope(f"{text!r} is no id") from None


def _text(root: ElementTree.Element, path: str) -> str:
    return root.findtext(path, "", _NAMES).strip()


def _seconds(duration: str) -> float:
    found = _SECONDS.fullmatch(duration)
    return float(found[1]) if found else DEFAULT_SECONDS


# --- answers ------------------------------------------------------------------------------------------------------


def answer(request: Request, body: str) -> str:
    """The answer to a request; `body` is XML."""
    space = TRANSFER if request.action in ("Create", "Delete", "Get") else SHELL
    return _envelope(f"{space}/{request.action}Response", request.message_id, body)


def created(shell_id: uuid.UUID, resource: str, owner: str) -> str:
    """The body of Create's answer: the shell and how to name it."""
    name = str(shell_id).upper()
    return (
        f"<x:ResourceCreated><a:Address>{ADDRESSING}/role/anonymous</a:Address><a:ReferenceParameters>"
        f"<w:ResourceURI>{escape(resource)}</w:ResourceURI>"
        f'<w:SelectorSet><w:Selector Name="ShellId">{name}</w:Selector></w:SelectorSet>'
        f"</a:ReferenceParameters></x:ResourceCreated>{shell(shell_id, resource, owner)}"
    )


def shell(shell_id: uuid.UUID, resource: str, owner: str) -> str:
    """A shell as Create and Get show it."""
    return (
        f"<rsp:Shell><rsp:ShellId>{str(shell_id).upper()}</rsp:ShellId>"
        f"<rsp:ResourceUri>{escape(resource)}</rsp:ResourceUri><rsp:Owner>{escape(owner)}</rsp:Owner>"
        "<rsp:ClientIP>127.0.0.1</rsp:ClientIP><rsp:IdleTimeOut>PT7200.000S</rsp:IdleTimeOut>"
        "<rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout</rsp:OutputStreams>"
        "<rsp:State>Connected</rsp:State></rsp:Shell>"
    )


def command(command_id: uuid.UUID) -> str:
    """The body of Command's answer."""
    return f"<rsp:CommandResponse><rsp:CommandId>{str(command_id).upper()}</rsp:CommandId></rsp:CommandResponse>"


def received(data: bytes, command_id: uuid.UUID | None, *, done: bool) -> str:
    """The body of Receive's answer: fragments, and for a command whether it is done."""
    of = "" if command_id is None else f' CommandId="{str(command_id).upper()}"'
    state = ""
    if command_id is not None:
        state = f'<rsp:CommandState{of} State="{SHELL}/CommandState/{"Done" if done else "Running"}"/>'
    stream = f'<rsp:Stream Name="stdout"{of}>{base64.b64encode(data).decode()}</rsp:Stream>' if data else ""
    return f"<rsp:ReceiveResponse>{stream}{state}</rsp:ReceiveResponse>"


def acknowledged(name: str) -> str:
    """The body of an answer that says no more than that it was heard."""
    return f"<rsp:{name}Response/>"


@dataclass(frozen=True, slots=True)
class WsManFault(Exception):
    """A refusal: Windows' number for it in decimal, SOAP's and WS-Management's names, and the sentence."""

    code: int
    subcode: str
    text: str
    sender: bool = True


def fault(problem: WsManFault, machine: str, message_id: str) -> str:
    """The envelope of a fault."""
    kind = "s:Sender" if problem.sender else "s:Receiver"
    text = escape(problem.text)
    body = (
        f"<s:Fault><s:Code><s:Value>{kind}</s:Value><s:Subcode><s:Value>{problem.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{text}</s:Text></s:Reason><s:Detail>'
        f'<f:WSManFault xmlns:f="{FAULT}" Code="{problem.code}" Machine={quoteattr(machine)}>'
        f"<f:Message>{text}</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
    return _envelope("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", message_id, body)


def _envelope(action: str, message_id: str, body: str) -> str:
    spaces: Sequence[tuple[str, str]] = (
        ("s", SOAP),
        ("a", ADDRESSING),
        ("w", WSMAN),
        ("rsp", SHELL),
        ("x", TRANSFER),
    )
    declared = " ".join(f'xmlns:{name}="{space}"' for name, space in spaces)
    return (
        f'<s:Envelope xml:lang="en-US" {declared}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID><a:To>{ADDRESSING}/role/anonymous</a:To>"
        f"<a:RelatesTo>{escape(message_id)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )

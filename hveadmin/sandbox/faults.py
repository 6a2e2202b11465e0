"""
What can go wrong on purpose, and what nobody knows about the service.

Two things are kept in the store, so that a running server changes its ways at the next request:

* `Switches`: one value for each fact about Microsoft's service that is a guess (exchange.md, section 10). The default
  is what we believe; every other value is what a client must bear.
* `Fault`: a mishap for chosen requests, for ever or a number of times.

Where a fault strikes: one that names a cmdlet or an account strikes that *call*, alone or inside a `$batch` (then only
its item fails). One that names neither strikes the HTTP request, on any surface. Faults of kind latency add up; of
the others the first one that was added is played.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hveadmin.errors import UsageError
from hveadmin.sandbox.store import Document, Store

MAX_PROPAGATION_SECONDS = 300
"""A change takes up to 5 minutes to take effect [D: Add-HVEAppAccess]."""

CONCURRENCY_TEXT = "You have reached the maximum number of concurrent requests per tenant. Please wait and try again"
"""Exchange's 429 is plain text, not the JSON envelope [F: ExoHelper matches this sentence]."""

NUL_BODY = b"\x00" * 64
"""What a refusal's body is: a run of NUL bytes that claims to be gzip [O: graph2otel, azure-auth]."""

TRANSPORT = "hveadmin.transport"
"""Key in the ASGI scope's state: the connection's asyncio.Transport. The server puts it there."""


CHALLENGED = "challenged"
"""The setting that remembers which token of each caller was challenged."""


class Surface(StrEnum):
    """Which of the services a request is for."""

    ENTRA = "entra"
    GRAPH = "graph"
    EXCHANGE = "exchange"
    PSRP = "psrp"
    """PowerShell remoting, over WinRM and over stdio."""

    @classmethod
    def of(cls, path: str) -> Surface:
        """The service that a path belongs to when all of them share one port."""
        folded = path.lower()
        if folded.startswith(("/wsman", "/powershell-liveid")):
            return cls.PSRP
        if folded.startswith("/adminapi/"):
            return cls.EXCHANGE
        return cls.GRAPH if folded.startswith("/v1.0/") else cls.ENTRA


# --- switches -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Switches:
    """What is not known about the service, one field each. Defaults are our best guess."""

    not_found_status: Literal[404, 400] = 404
    """HTTP status of an object that does not exist: clients disagree."""
    duplicates: Literal["noop", "error", "warn"] = "noop"
    """Adding an application that is on the list already."""
    absent_removal: Literal["noop", "error"] = "noop"
    """Removing an application that is not on the list."""
    setter_reply: Literal["records", "no_content", "empty_body"] = "records"
    """How a cmdlet without output answers: 200 with `value: []`, 204, or 200 without a body."""
    allowed_apps_shape: Literal[
        "collection_string",
        "collection_guid",
        "null_when_empty",
        "absent_when_empty",
        "single_string",
        "comma_string",
        "guid_objects",
        "mixed_case_braces",
    ] = "collection_string"
    """How AllowedApps is written; only its name is documented."""
    validate_ids: bool = True
    """Whether an id that is no service principal of the tenant is refused. Documented since 2026-03-27."""
    next_link_followable: bool = True
    """Off: every continuation is answered as expired, as one client found it live."""
    batch_reply: Literal["as_asked", "json", "multipart"] = "as_asked"
    """`as_asked` answers multipart/mixed to a request whose Accept does not name JSON."""
    batch_order: Literal["shuffled", "as_sent", "reversed"] = "shuffled"
    """The order of the replies in a batch. Nothing promises the order of the requests."""
    batch_errors: Literal["continue", "stop"] = "continue"
    """`stop`: without `Prefer: odata.continue-on-error` the first failure is the last reply, as OData has it."""
    propagation_seconds: int = 0
    """How long a change takes to bind at sign-in, 0 to 300. Reading the list back shows it at once."""
    empty_list: Literal["open", "closed"] = "open"
    """What an empty list means at sign-in; documented as open."""
    replication_lag: int = 0
    """How many requests for a new directory object are answered 404 before it is there, as a fresh one is for
    seconds [F]."""
    claims_challenge: Literal["off", "once", "always"] = "off"
    """Continuous access evaluation: `once` challenges each caller's first token until it brings another."""
    smtp_replies: Literal["plain", "detailed"] = "plain"
    """What SMTP says to who may not sign in: one reply for everything [D], or the codes that others met [F]."""
    smtp_challenge: bool = False
    """On: a refused token is answered with a JSON challenge first, as Google and Dovecot do, and then with 535."""
    smtp_basic: bool = True
    """Whether an account's password signs in at SMTP: allowed until September 2028, if the tenant lets it [D]."""
    smtp_delegated_listed: bool = True
    """Whether a person's token is held to the account's list too, by its application."""
    smtp_mailbox_permission: bool = False
    """Whether SMTP.SendAsApp or SMTP.Send, which are for mailboxes, do as well as Mail.Send."""
    smtp_expiry_margin: int = 300
    """Seconds that a token must still live at SMTP. That there is such a limit is found, its length is a guess."""

    psrp_allowed_apps: Literal[
        "multi_valued_property",
        "object_array",
        "array_list",
        "guid_array",
        "guid_list",
        "single_string",
        "null_when_empty",
    ] = "multi_valued_property"
    """What AllowedApps is when it comes through PowerShell remoting."""
    psrp_properties: Literal["extended", "adapted"] = "extended"
    """Where an object's properties stand: among those that were added to it, or those of its type."""
    psrp_failure: Literal["state", "stream", "both"] = "state"
    """How a pipeline that an error ended tells the error: in its FAILED state, in the error stream, or both."""
    psrp_error_to_string: bool = True
    """Whether error records carry their text as ToString too, as Windows sends them."""
    psrp_byte_order_mark: bool = True
    """Whether each message's CLIXML begins with a byte order mark, as Windows sends them."""
    psrp_progress: bool = False
    """A progress record that nobody asked for before each pipeline's output."""
    psrp_opening: Literal["together", "one_by_one"] = "together"
    """Whether the messages of an opening shell come in one Receive or one each."""
    psrp_module: bool = True
    """Whether the host has the ExchangeOnlineManagement module."""
    psrp_noise: bool = False
    """Whether the host prints a line to stdout before the protocol starts, as login scripts do. Stdio only."""

    def __post_init__(self) -> None:
        if not 0 <= self.propagation_seconds <= MAX_PROPAGATION_SECONDS:
            raise UsageError(f"propagation_seconds is 0 to {MAX_PROPAGATION_SECONDS}, not {self.propagation_seconds}")
        if self.replication_lag < 0:
            raise UsageError(f"replication_lag counts requests from 0, not {self.replication_lag}")
        if self.smtp_expiry_margin < 0:
            raise UsageError(f"smtp_expiry_margin counts seconds from 0, not {self.smtp_expiry_margin}")

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> Self:
        """Read switches by name; values may be text (`"404"`, `"false"`). Raises UsageError."""
        return cls(**_parse_fields(cls, values, what="switch"))


def read_switches(store: Store) -> Switches:
    """The switches as they stand now."""
    return Switches.parse(store.get("", "setting", "switches") or {})


def write_switches(store: Store, switches: Switches) -> None:
    """Set all switches; a running server obeys from its next request. Everybody can be challenged anew."""
    with store.transaction():
        store.put("", "setting", "switches", asdict(switches))
        store.delete("", "setting", CHALLENGED)


# --- faults -------------------------------------------------------------------------------------------------------


class FaultKind(StrEnum):
    """What happens to the request."""

    LATENCY = "latency"
    """The answer comes `seconds` later."""
    THROTTLE = "throttle_429"
    """429; with a Retry-After of `retry_after` seconds (may be fractional) or without."""
    UNAVAILABLE = "unavailable_503"
    """A front-end page in HTML."""
    TRANSIENT = "transient"
    """An error that names the exception in `exception`, on status 400 or 500."""
    NUL_BYTES = "nul_bytes"
    """403 with NUL bytes that claim to be gzip."""
    HALF_PAGE = "half_page"
    """Executed; the answer is half of its JSON, as if that were all."""
    CUT_SHORT = "cut_short"
    """Executed; the connection breaks in the middle of the answer."""
    HTML = "html_200"
    """200 with a web page, as proxies and sign-in gateways answer."""
    REPLY_LOST = "reply_lost_after_commit"
    """Executed; the connection breaks before the answer."""
    HANG = "hang"
    """No answer while the client waits; not executed."""
    REDIRECT = "redirect"
    """302 to `location`."""
    FOREIGN_LINK = "foreign_link"
    """Executed; the nextLink in the answer points to the host in `location`."""
    SESSION_LOST = "session_lost"
    """Not executed; the connection breaks, and a remoting session with it: its shell, or its process, is gone."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One mishap. An empty matcher matches everything; matching ignores case."""

    kind: FaultKind
    surface: Surface | None = None
    path: str = ""
    """Part of the request's path."""
    cmdlet: str = ""
    """A cmdlet's name."""
    account: str = ""
    """An account's primary address."""
    times: int | None = 1
    """How many times it strikes; None for ever."""
    seconds: float = 0.0
    retry_after: float | None = None
    exception: str = "Microsoft.Exchange.Data.Directory.ADServerSettingsChangedException"
    status: int = 500
    location: str = ""

    def __post_init__(self) -> None:
        if self.kind in (FaultKind.REDIRECT, FaultKind.FOREIGN_LINK) and not self.location:
            raise UsageError(f"a fault of kind {self.kind} needs a location")
        if self.times is not None and self.times < 1:
            raise UsageError(f"a fault strikes at least once, not {self.times} times")

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> Self:
        """Read a fault by field names; values may be text. Raises UsageError."""
        return cls(**_parse_fields(cls, values, what="fault's field"))

    @property
    def is_for_calls(self) -> bool:
        """It strikes a call of a cmdlet and not an HTTP request."""
        return bool(self.cmdlet or self.account)

    def strikes_request(self, surface: Surface, path: str) -> bool:
        return not self.is_for_calls and self.surface in (None, surface) and self.path.lower() in path.lower()

    def strikes_call(self, path: str, cmdlet: str, account: str, surface: Surface = Surface.EXCHANGE) -> bool:
        return (
            self.is_for_calls
            and self.surface in (None, surface)
            and self.path.lower() in path.lower()
            and self.cmdlet.lower() in ("", cmdlet.lower())
            and self.account.casefold() in ("", account.casefold())
        )


class FaultBook:
    """The faults in a store. Taking one counts it down, also when several processes share the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, fault: Fault) -> None:
        with self._store.transaction():
            self._write([*self.pending(), fault])

    def clear(self) -> None:
        self._write([])

    def pending(self) -> list[Fault]:
        """The faults that will still strike; `times` is what is left of them."""
        document = self._store.get("", "setting", "faults") or {"faults": []}
        return [Fault.parse(each) for each in document["faults"]]

    def take_for_request(self, surface: Surface, path: str) -> list[Fault]:
        """The faults for one HTTP request, counted down."""
        return self._take(lambda fault: fault.strikes_request(surface, path))

    def take_for_call(self, path: str, cmdlet: str, account: str, surface: Surface = Surface.EXCHANGE) -> list[Fault]:
        """The faults for one call of a cmdlet, counted down."""
        return self._take(lambda fault: fault.strikes_call(path, cmdlet, account, surface))

    def _take(self, strikes: Callable[[Fault], bool]) -> list[Fault]:
        if not any(strikes(fault) for fault in self.pending()):
            return []
        with self._store.transaction():
            pending = self.pending()
            taken = _played_together([fault for fault in pending if strikes(fault)])
            self._write([left for fault in pending if (left := _left_of(fault, taken)) is not None])
        return taken

    def _write(self, faults: Sequence[Fault]) -> None:
        self._store.put("", "setting", "faults", {"faults": [asdict(fault) for fault in faults]})


def _played_together(striking: Sequence[Fault]) -> list[Fault]:
    """All latencies, and the first of the others."""
    others = [fault for fault in striking if fault.kind is not FaultKind.LATENCY]
    return [fault for fault in striking if fault.kind is FaultKind.LATENCY] + others[:1]


def _left_of(fault: Fault, taken: Sequence[Fault]) -> Fault | None:
    """What is left of a fault; it counts down if it is itself, and not only an equal one, among the taken."""
    if fault.times is None or not any(fault is each for each in taken):
        return fault
    return None if fault.times == 1 else replace(fault, times=fault.times - 1)


# --- playing them -------------------------------------------------------------------------------------------------


class BrokenConnection(Response):
    """Not an answer: the TCP connection is reset, so that nobody can tell what was done."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport: asyncio.Transport = scope["state"][TRANSPORT]
        connection = transport.get_extra_info("socket")
        # Lingering for zero seconds makes the close a reset. Windows has shorter integers here.
        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
        await _client_gone(receive, None)


class CutShort(Response):
    """The whole head, which promises the whole body, half of the body, and then the connection ends."""

    def __init__(self, reply: Response) -> None:
        super().__init__()
        self.reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(self.reply.body)
        await send({"type": "http.response.start", "status": self.reply.status_code, "headers": self.reply.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        scope["state"][TRANSPORT].abort()
        await _client_gone(receive, None)


class Silence(Response):
    """Not an answer: nothing is said until the client goes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _client_gone(receive, None)


async def expose(
    faults: Sequence[Fault], surface: Surface, receive: Receive, genuine: Callable[[], Awaitable[Response]]
) -> Response:
    """
    Answer a request under these faults.

    `genuine` executes the request and makes its answer; it is awaited at most once, and not at all when the fault
    stands in front of the service. `receive` must have no request body left in it.
    """
    delay = sum(fault.seconds for fault in faults if fault.kind is FaultKind.LATENCY)
    if delay > 0 and await _client_gone(receive, delay):
        return Silence()
    fault = next((each for each in faults if each.kind is not FaultKind.LATENCY), None)
    if fault is None:
        return await genuine()
    refusal = _in_front_of(fault, surface)
    return refusal if refusal is not None else _behind(fault, await genuine())


def _in_front_of(fault: Fault, surface: Surface) -> Response | None:
    """The answer that is given instead of executing; None for the faults that strike on the way back."""
    match fault.kind:
        case FaultKind.THROTTLE:
            return _throttled(fault, surface)
        case FaultKind.UNAVAILABLE:
            return Response(_html("503 Service Temporarily Unavailable"), 503, media_type="text/html")
        case FaultKind.TRANSIENT:
            return _transient(fault, surface)
        case FaultKind.NUL_BYTES:
            return nul_bytes()
        case FaultKind.HTML:
            return Response(_html("Sign in to your account"), 200, media_type="text/html")
        case FaultKind.HANG:
            return Silence()
        case FaultKind.SESSION_LOST:
            return BrokenConnection()
        case FaultKind.REDIRECT:
            return Response(status_code=302, headers={"Location": fault.location})
        case _:
            return None


def _behind(fault: Fault, reply: Response) -> Response:
    match fault.kind:
        case FaultKind.REPLY_LOST:
            return BrokenConnection()
        case FaultKind.CUT_SHORT:
            return CutShort(reply)
        case FaultKind.HALF_PAGE:
            return _with_body(reply, bytes(reply.body)[: len(reply.body) // 2])
        case _:
            return _with_body(reply, _relinked(bytes(reply.body), fault.location))


def nul_bytes(status: int = 403) -> Response:
    """A refusal as the admin API gives it: no words, and an encoding that is not so."""
    headers = {"Content-Encoding": "gzip", "request-id": str(uuid4())}
    return Response(NUL_BODY, status, headers, media_type="application/json")


def _throttled(fault: Fault, surface: Surface) -> Response:
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    if surface not in _BUSY:
        return Response(CONCURRENCY_TEXT, 429, headers, media_type="text/plain")
    return _json_reply(_BUSY[surface](), 429, headers)


def _transient(fault: Fault, surface: Surface) -> Response:
    if surface in _BUSY:
        return _json_reply(_BUSY[surface](), fault.status, {})
    code = "InternalServerError" if fault.status >= 500 else "BadRequest"
    text = "A transient error occurred while the command was running. Please try again."
    error = {
        "code": code,
        "message": "Error executing cmdlet",
        "details": [{"code": "Client", "target": "", "message": f"|{fault.exception}|{text}"}],
        "innererror": {
            "message": "Error executing cmdlet",
            "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
            "stacktrace": "",
            "internalexception": {"message": text, "type": fault.exception, "stacktrace": ""},
        },
    }
    return _json_reply({"error": error}, fault.status, {"X-ExceptionType": fault.exception})


def _graph_busy() -> Document:
    now, request_id = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), str(uuid4())
    inner = {"code": "429", "date": now, "message": "Please retry after", "request-id": request_id, "status": "429"}
    return {"error": {"code": "TooManyRequests", "innerError": inner, "message": "Please retry again later."}}


def _entra_busy() -> Document:
    text = "AADSTS90055: The server terminated the request, because of excessive request rate."
    return {"error": "temporarily_unavailable", "error_description": text, "error_codes": [90055]}


_BUSY: Mapping[Surface, Callable[[], Document]] = {Surface.GRAPH: _graph_busy, Surface.ENTRA: _entra_busy}


def _json_reply(body: Document, status: int, headers: Mapping[str, str]) -> Response:
    extra = {"request-id": str(uuid4()), **headers}
    return Response(json.dumps(body), status, extra, media_type="application/json")


def _html(title: str) -> str:
    return f"<!DOCTYPE html>\r\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\r\n"


def _relinked(body: bytes, location: str) -> bytes:
    """The same answer with its nextLink on another host."""
    document: Document = json.loads(body)
    link: str | None = document.get("@odata.nextLink")
    if link is None:
        return body
    foreign = urlsplit(link)._replace(netloc=location).geturl()
    return json.dumps(document | {"@odata.nextLink": foreign}).encode()


def _with_body(reply: Response, body: bytes) -> Response:
    changed = Response(body, reply.status_code)
    changed.raw_headers = [pair for pair in reply.raw_headers if pair[0] != b"content-length"]
    changed.raw_headers.append((b"content-length", str(len(body)).encode()))
    return changed


async def _client_gone(receive: Receive, seconds: float | None) -> bool:
    """Wait that long (None: for ever), or until the client has gone; whether it has."""

    async def disconnect() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(disconnect(), seconds)
    except TimeoutError:
        return False
    return True


class FaultMiddleware:
    """Plays the faults that strike HTTP requests, before any surface sees them."""

    def __init__(self, app: ASGIApp, book: FaultBook) -> None:
        self._app = app
        self._book = book

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        faults = self._faults(scope)
        if len(faults) == 0:
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        surface = Surface.of(scope["path"])
        reply = await expose(faults, surface, receive, lambda: _run(self._app, scope, body, receive))
        await reply(scope, receive, send)

    def _faults(self, scope: Scope) -> list[Fault]:
        if scope["type"] != "http":
            return []
        return self._book.take_for_request(Surface.of(scope["path"]), scope["path"])


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body.extend(message.get("body", b""))
        if not message.get("more_body", False):
            return bytes(body)


async def _run(app: ASGIApp, scope: Scope, body: bytes, receive: Receive) -> Response:
    """Let the application answer, and keep what it says."""
    replay: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    said: list[Message] = []

    async def again() -> Message:
        return replay.pop() if replay else await receive()

    async def keep(message: Message) -> None:
        said.append(message)

    await app(scope, again, keep)
    if len(said) == 0:
        return Silence()
    reply = Response(b"".join(message.get("body", b"") for message in said), said[0]["status"])
    reply.raw_headers = list(said[0]["headers"])
    return reply


# --- reading them from text or JSON -------------------------------------------------------------------------------


def _parse_fields(cls: type, values: Mapping[str, object], *, what: str) -> dict[str, Any]:
    hints = _hints(cls)
    names = {each.name for each in fields(cls)}
    missing = {each.name for each in fields(cls) if each.default is MISSING} - set(values)
    problems = [f"{name!r} is no {what}" for name in values if name not in names]
    problems += [f"{name!r} is missing" for name in sorted(missing)]
    if problems:
        raise UsageError("; ".join(problems), hint=f"there are: {', '.join(sorted(names))}")
    return {name: _parse_value(name, hints[name], value) for name, value in values.items()}


@cache
def _hints(cls: type) -> dict[str, Any]:
    """The field types; evaluating the annotations anew at each request would be most of its time."""
    return get_type_hints(cls)


def _parse_value(name: str, hint: Any, value: object) -> object:
    """One value, from JSON or from text, as its field's type."""
    options = _options(hint)
    text = "" if value is None else str(value).strip()
    for option in options:
        if option is None:
            if text.lower() in ("", "none"):
                return None
        elif not isinstance(option, type):
            if text.lower() == str(option).lower():
                return option
        elif (parsed := _as_type(option, text)) is not None:
            return parsed
    raise UsageError(f"{name} cannot be {text!r}", hint=f"it is one of: {', '.join(map(_described, options))}")


def _options(hint: Any) -> tuple[Any, ...]:
    """What a field's type allows: literal values, types, and None."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    if isinstance(hint, UnionType):
        # None first: an empty text means "not set" before it means a text.
        return tuple(sorted((None if each is type(None) else each for each in get_args(hint)), key=_none_first))
    return (hint,)


def _none_first(option: object) -> bool:
    return option is not None


def _as_type(kind: type, text: str) -> object:
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower())
    try:
        return kind(text)
    except ValueError:
        return None


def _described(option: object) -> str:
    if not isinstance(option, type):
        return str(option).lower() if option is None else str(option)
    if issubclass(option, StrEnum):
        return ", ".join(option)
    return "true, false" if option is bool else option.__name__

"""
Exchange Online's admin API as clients see it: InvokeCommand, `$batch`, EXOModuleFile.

Written from what production clients send and expect and what was recorded of the service's answers (exchange.md).
The ladder of refusals [O: graph2otel]: no token, a bad one, or one without Exchange.ManageAsApp is 401; a token without
a directory role, or a cmdlet that its roles do not carry, is 403 with NUL bytes for a body. The same NUL bytes answer a
cmdlet that does not exist.

A reply is made by plain functions from a `Call`; only the routes at the end wait for anything.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID, uuid4

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive

from hveadmin.sandbox import cmdlets
from hveadmin.sandbox.cmdlets import Answer, NotPermitted, Record, Value
from hveadmin.sandbox.entra import EXCHANGE_APP_ID, audiences_of, domains_of
from hveadmin.sandbox.faults import (
    CHALLENGED,
    BrokenConnection,
    CutShort,
    FaultBook,
    Silence,
    Surface,
    Switches,
    expose,
    nul_bytes,
)
from hveadmin.sandbox.keys import BadToken, SigningKeys
from hveadmin.sandbox.store import Document, Store
from hveadmin.sandbox.tenant import Clock, CmdletError, ErrorShape, SandboxTenant

MAX_PAGE = 1000
"""Most records on a page, and the number when nothing is asked for [F: the module's]."""
MAX_BATCH = 20
"""Most requests in a batch. Clients send ten; the service's own limit is not documented [G]."""
LINK_LIFE = timedelta(minutes=30)
"""How long a continuation works [O: the text of the error says so]."""

_JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
_SERVICE_ERROR = "Microsoft.Exchange.Admin.OData.Core.ODataServiceException"
_DIRECT_INVOKE = "Microsoft.Exchange.Management.PSDirectInvoke.DirectInvokeCmdletExecutionException"
_WARNINGS: Document = {"adminapi.warnings@odata.type": "#Collection(String)", "@adminapi.warnings": []}


def routes(store: Store, keys: SigningKeys, clock: Clock, switches: Callable[[], Switches]) -> list[BaseRoute]:
    """The admin API's routes for every tenant of the store. Paths ignore case [F: clients write them differently]."""
    api = _AdminApi(store, keys, clock, switches)
    book = FaultBook(store)

    async def invoke(request: Request) -> Response:
        return await _answer_call(api, book, await _call(request), request.receive)

    async def batch(request: Request) -> Response:
        return await _answer_batch(api, book, await _call(request), request.receive)

    async def module_file(request: Request) -> Response:
        return await run_in_threadpool(api.module_file, await _call(request))

    async def not_allowed(request: Request) -> Response:
        # beta is the only version that answers InvokeCommand [O: azure-auth].
        return _refused(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", "The HTTP method is not allowed.")

    found = [
        Route("/adminapi/beta/{tenant}/InvokeCommand", invoke, methods=["POST"]),
        Route("/adminapi/beta/{tenant}/$batch", batch, methods=["POST"]),
        Route("/adminapi/v1.0/{tenant}/EXOModuleFile", module_file, methods=["GET"]),
        Route("/adminapi/v1.0/{tenant}/InvokeCommand", not_allowed, methods=["GET", "POST"]),
    ]
    for route in found:
        route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    return list(found)


# --- a request, apart from the network ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """One request, alone or out of a batch."""

    origin: str
    """`https://host:port` as the caller wrote it: answers echo it."""
    path: str
    tenant: str
    """The tenant as the caller named it: answers echo it too."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: object
    """Parsed JSON; None where it is none."""

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    @property
    def cmdlet(self) -> str:
        return str(_inside(self.body, "CmdletInput", "CmdletName") or "")

    @property
    def parameters(self) -> Mapping[str, object] | None:
        """None where they are no object: the service wants `{}` and never null [F: graph2otel pins this]."""
        parameters = _inside(self.body, "CmdletInput", "Parameters")
        return parameters if isinstance(parameters, dict) else None

    @property
    def preferences(self) -> tuple[str, ...]:
        return tuple(each.strip().lower() for each in re.split(r"[;,]", self.header("prefer")))

    @property
    def page_size(self) -> int:
        asked = [each.partition("=")[2] for each in self.preferences if each.startswith("odata.maxpagesize=")]
        return min(max(int(asked[0]), 1), MAX_PAGE) if asked and asked[0].isdecimal() else MAX_PAGE


async def _call(request: Request) -> Call:
    return Call(
        origin=f"{request.url.scheme}://{request.url.netloc}",
        path=request.url.path,
        tenant=request.path_params["tenant"],
        query=dict(request.query_params),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=_parsed(await request.body()),
    )


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _inside(document: object, *names: str) -> object:
    """A value some levels down, None where a level is missing. Names are case sensitive [F]."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


# --- the service --------------------------------------------------------------------------------------------------


class _Refused(Exception):
    """The request ends here, with this answer."""

    def __init__(self, reply: Response) -> None:
        super().__init__(reply.status_code)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class _AdminApi:
    """Answers calls. Nothing here waits, so it may run in any thread."""

    store: Store
    keys: SigningKeys
    clock: Clock
    switches: Callable[[], Switches]

    def invoke(self, call: Call) -> Response:
        """Run one cmdlet."""
        try:
            tenant, wids = self.caller(call)
            return self._run(call, tenant, wids)
        except _Refused as refused:
            return refused.reply

    def module_file(self, call: Call) -> Response:
        """The cmdlets that this caller may run, as the module asks for them when it connects."""
        try:
            _, wids = self.caller(call)
        except _Refused as refused:
            return refused.reply
        names = cmdlets.permitted(wids)
        if len(names) == 0:
            return nul_bytes()
        context = f"{call.origin}/adminapi/v1.0/{call.tenant}/$metadata#EXOModuleFile"
        return _json({"@odata.context": context, "value": [{"exportedCmdlets": ",".join(names)}]})

    def caller(self, call: Call) -> tuple[SandboxTenant, frozenset[str]]:
        """The tenant that is asked for and the caller's directory roles. Raises _Refused (401)."""
        kind, _, token = call.header("authorization").partition(" ")
        try:
            claims = self.keys.verify(token.strip(), audiences=audiences_of(EXCHANGE_APP_ID), now=self.clock())
        except BadToken:
            raise _Refused(_unauthorised()) from None
        if kind.lower() != "bearer" or not may_connect(claims) or not self._is_for(claims, call.tenant):
            raise _Refused(_unauthorised())
        if self._is_challenged(claims, token):
            raise _Refused(_challenged(call, self.clock()))
        wids = frozenset(str(each) for each in claims.get("wids", ()))
        return SandboxTenant(self.store, str(claims["tid"]), self.clock, self.switches), wids

    def address_named_by(self, call: Call) -> str:
        """The primary address of the account that a call is about, as it is written where there is no such account."""
        identity = next((v for k, v in (call.parameters or {}).items() if k.lower() == "identity"), "")
        for each in self.store.all("", "tenant"):
            if _names_tenant(each, call.tenant):
                account = SandboxTenant(self.store, each["id"], self.clock, self.switches).find(str(identity))
                return str(identity) if account is None else account.address
        return str(identity)

    def _run(self, call: Call, tenant: SandboxTenant, wids: frozenset[str]) -> Response:
        if not call.cmdlet or call.parameters is None:
            return _bad_request("The request body must hold CmdletInput with CmdletName and Parameters.")
        start = self._start_of_page(call)
        if start is None:
            return _expired_link()
        try:
            answer = cmdlets.run(tenant, wids, call.cmdlet, call.parameters)
        except NotPermitted:
            return nul_bytes()
        except CmdletError as error:
            return _failed(error, self.switches())
        if not answer.has_output and not answer.confirmation and self.switches().setter_reply != "records":
            return _silent(self.switches())
        return _json(self._envelope(call, answer, start))

    def _envelope(self, call: Call, answer: Answer, start: int) -> Document:
        end = start + call.page_size
        shape = self.switches().allowed_apps_shape
        context = f"{call.origin}/adminapi/beta/{call.tenant}/$metadata#Collection(Exchange.GenericHashTable)"
        envelope: Document = {"@odata.context": context}
        if end < len(answer.records):
            token = _skip_token(call, end, self.clock())
            link = f"{call.origin}/adminapi/beta/{call.tenant}/InvokeCommand?%24skiptoken={quote(token)}"
            # The properties that were selected stay selected on the next page.
            envelope["@odata.nextLink"] = link + (f"&%24select={quote(_selection(call))}" if _selection(call) else "")
        envelope |= _WARNINGS | {"@adminapi.warnings": list(answer.warnings)}
        if answer.confirmation:
            envelope["@adminapi.confirmationmessage"] = answer.confirmation
        envelope["value"] = [_selected(_encoded(each, shape), _selection(call)) for each in answer.records[start:end]]
        return envelope

    def _start_of_page(self, call: Call) -> int | None:
        """The index of the page's first record; None where the continuation is not good."""
        token = call.query.get("$skiptoken")
        if token is None:
            return 0
        return _read_skip_token(call, token, self.clock()) if self.switches().next_link_followable else None

    def _is_for(self, claims: Mapping[str, Any], name: str) -> bool:
        tenant = self.store.get("", "tenant", str(claims.get("tid", "")).lower())
        return tenant is not None and _names_tenant(tenant, name)

    def _is_challenged(self, claims: Mapping[str, Any], token: str) -> bool:
        mode = self.switches().claims_challenge
        if mode == "off":
            return False
        caller, shown = str(claims.get("oid", "")), hashlib.sha256(token.encode()).hexdigest()
        with self.store.transaction():
            challenged = self.store.get("", "setting", CHALLENGED) or {}
            if caller not in challenged:
                challenged[caller] = shown
                self.store.put("", "setting", CHALLENGED, challenged)
        return mode == "always" or challenged[caller] == shown


def _names_tenant(tenant: Document, name: str) -> bool:
    return name.lower() in (tenant["id"], *domains_of(tenant))


def may_connect(claims: Mapping[str, Any]) -> bool:
    """An application with Exchange.ManageAsApp, or a user's token for Exchange.Manage; the V2 names do not do."""
    if "scp" in claims:
        return "Exchange.Manage" in str(claims["scp"]).split()
    return "Exchange.ManageAsApp" in claims.get("roles", ())


# --- $batch -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Item:
    """One answered request of a batch."""

    id: str
    reply: Response


async def _answer_call(api: _AdminApi, book: FaultBook, call: Call, receive: Receive) -> Response:
    def strikes() -> list[Any]:
        return book.take_for_call(call.path, call.cmdlet, api.address_named_by(call))

    async def genuine() -> Response:
        return await run_in_threadpool(api.invoke, call)

    faults = await run_in_threadpool(strikes) if book.pending() else []
    return await expose(faults, Surface.EXCHANGE, receive, genuine)


async def _answer_batch(api: _AdminApi, book: FaultBook, outer: Call, receive: Receive) -> Response:
    requests = _inside(outer.body, "requests")
    if not isinstance(requests, list) or not all(isinstance(each, dict) for each in requests):
        return _bad_request("The batch must hold an array of requests.")
    ids = [str(each.get("id", "")) for each in requests]
    if len(requests) > MAX_BATCH or "" in ids or len(set(ids)) < len(ids):
        return _bad_request(f"A batch holds at most {MAX_BATCH} requests, each with an id of its own.")
    refusal = await run_in_threadpool(_outer_refusal, api, outer, requests)
    if refusal is not None:
        return refusal
    switches = api.switches()
    stops = switches.batch_errors == "stop" and "odata.continue-on-error" not in outer.preferences
    items: list[_Item] = []
    for request_id, request in zip(ids, requests, strict=True):
        item = _Item(request_id, await _answer_item(api, book, _inner(outer, request), receive))
        if isinstance(item.reply, BrokenConnection | CutShort | Silence):
            # A lost answer is lost with the whole batch; what came before it is done.
            return item.reply
        items.append(item)
        if stops and item.reply.status_code >= 400:
            break
    return _batch_reply(_ordered(items, switches), outer, switches)


async def _answer_item(api: _AdminApi, book: FaultBook, call: Call | None, receive: Receive) -> Response:
    if call is None:
        return _refused(HTTPStatus.NOT_FOUND, "NotFound", "Only POST of InvokeCommand can be in a batch.")
    return await _answer_call(api, book, call, receive)


def _outer_refusal(api: _AdminApi, outer: Call, requests: Sequence[Mapping[str, object]]) -> Response | None:
    """A batch's own token is judged if it has one; it needs none when every request in it brings its own."""
    if "authorization" not in outer.headers and all("authorization" in _inner_headers(each) for each in requests):
        return None
    try:
        api.caller(outer)
    except _Refused as refused:
        return refused.reply
    return None


def _inner(outer: Call, request: Mapping[str, object]) -> Call | None:
    """One request of a batch, with the batch's token unless it has its own; None where it is no InvokeCommand."""
    url = urlsplit(str(request.get("url", "")))
    path = re.fullmatch(r"(?:/adminapi/beta/([^/]+))?/?InvokeCommand", url.path, re.IGNORECASE)
    if path is None or str(request.get("method", "")).upper() != "POST":
        return None
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    shared = {name: value for name, value in outer.headers.items() if name in ("authorization", "x-anchormailbox")}
    headers = shared | _inner_headers(request)
    tenant = path[1] or outer.tenant
    return replace(outer, path=url.path, tenant=tenant, query=query, headers=headers, body=request.get("body"))


def _inner_headers(request: Mapping[str, object]) -> dict[str, str]:
    headers = request.get("headers")
    return {str(k).lower(): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {}


def _ordered(items: Sequence[_Item], switches: Switches) -> list[_Item]:
    match switches.batch_order:
        case "as_sent":
            return list(items)
        case "reversed":
            return list(reversed(items))
        case "shuffled":
            salt = str(uuid4())
            return sorted(items, key=lambda item: hashlib.sha256(f"{salt}{item.id}".encode()).digest())


def _batch_reply(items: Sequence[_Item], outer: Call, switches: Switches) -> Response:
    as_json = "json" in outer.header("accept").lower() if switches.batch_reply == "as_asked" else False
    if as_json or switches.batch_reply == "json":
        return _json({"responses": [_item_document(item) for item in items]})
    boundary = f"batchresponse_{uuid4()}"
    parts = [_item_part(item, boundary) for item in items]
    body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
    return Response(body, 200, _standard_headers() | {"Content-Type": f"multipart/mixed; boundary={boundary}"})


def _item_document(item: _Item) -> Document:
    document: Document = {"id": item.id, "status": item.reply.status_code, "headers": dict(item.reply.headers)}
    body = bytes(item.reply.body)
    if body:
        parsed = _parsed(body)
        document["body"] = body.decode("utf-8", "replace") if parsed is None else parsed
    return document


def _item_part(item: _Item, boundary: str) -> bytes:
    status = HTTPStatus(item.reply.status_code)
    head = [f"--{boundary}", "Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    head += [f"Content-ID: {item.id}", "", f"HTTP/1.1 {status.value} {status.phrase}"]
    head += [f"{name}: {value}" for name, value in item.reply.headers.items()]
    return "\r\n".join([*head, "", ""]).encode() + bytes(item.reply.body) + b"\r\n"


# --- paging -------------------------------------------------------------------------------------------------------


def _skip_token(call: Call, start: int, now: datetime) -> str:
    """Where to go on, for this very request: anchor and body are bound to it, as the service binds them."""
    token = {"start": start, "for": _digest(call), "at": now.timestamp()}
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode()


def _read_skip_token(call: Call, text: str, now: datetime) -> int | None:
    try:
        token = json.loads(base64.urlsafe_b64decode(text))
        start, bound_to, issued = int(token["start"]), token["for"], float(token["at"])
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError):
        return None
    fresh = now - datetime.fromtimestamp(issued, UTC) < LINK_LIFE
    return start if fresh and bound_to == _digest(call) and start > 0 else None


def _digest(call: Call) -> str:
    anchor = call.header("x-anchormailbox").strip().lower()
    said = json.dumps([call.tenant.lower(), anchor, call.body], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


# --- records as JSON ----------------------------------------------------------------------------------------------


def _encoded(record: Record, allowed_apps_shape: str) -> Document:
    """A record with the companion keys that tell a client the types of its values."""
    encoded: Document = {}
    for name, value in record.items():
        encoded |= _allowed_apps(value, allowed_apps_shape) if name == "AllowedApps" else _property(name, value)
    return encoded


def _property(name: str, value: Value) -> Document:
    match value:
        case UUID():
            return {f"{name}@data.type": "System.Guid", f"{name}@odata.type": "#Guid", name: str(value)}
        case datetime():
            return {f"{name}@data.type": "System.DateTime", name: _seven_digits(value)}
        case tuple():
            return {f"{name}@odata.type": "#Collection(String)", name: [str(each) for each in value]}
        case bool() | str() | None:
            return {name: value}
        case int():
            return {f"{name}@data.type": "System.Int32", name: value}


def _seven_digits(moment: datetime) -> str:
    """A time as .NET writes it: 2022-06-29T17:57:03.0000000+00:00."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0+00:00")


def _allowed_apps(value: Value, shape: str) -> Document:
    """The list of allowed applications in one of the ways it may be written; only its name is documented."""
    ids = [str(each) for each in value] if isinstance(value, tuple) else []
    plain: Document = {"AllowedApps@odata.type": "#Collection(String)", "AllowedApps": ids}
    match shape:
        case "collection_guid":
            return plain | {"AllowedApps@odata.type": "#Collection(Guid)"}
        case "null_when_empty":
            return plain if ids else {"AllowedApps": None}
        case "absent_when_empty":
            return plain if ids else {}
        case "single_string":
            return {"AllowedApps": ids[0]} if len(ids) == 1 else plain
        case "comma_string":
            return {"AllowedApps": ",".join(ids)}
        case "guid_objects":
            return {"AllowedApps": [{"Guid": each} for each in ids]}
        case "mixed_case_braces":
            return plain | {
                "AllowedApps": [f"{{{each.upper()}}}" if n % 2 == 0 else each for n, each in enumerate(ids)]
            }
        case _:
            return plain


def _selection(call: Call) -> str:
    return call.query.get("$select", "")


def _selected(record: Document, selection: str) -> Document:
    if not selection:
        return record
    wanted = {each.strip().lower() for each in selection.split(",")}
    return {name: value for name, value in record.items() if name.partition("@")[0].lower() in wanted}


# --- answers ------------------------------------------------------------------------------------------------------


def _standard_headers() -> dict[str, str]:
    return {
        "OData-Version": "4.0",
        "request-id": str(uuid4()),
        "X-CalculatedBETarget": "SBXPR01MB0001.SBXPRD01.PROD.OUTLOOK.COM",
        "X-BackendHttpStatus": "200",
    }


def _json(body: Document, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    extra = _standard_headers() | {"Content-Type": _JSON, "X-BackendHttpStatus": str(status)} | dict(headers or {})
    return Response(json.dumps(body, ensure_ascii=False), status, extra)


def _silent(switches: Switches) -> Response:
    return Response(status_code=204 if switches.setter_reply == "no_content" else 200, headers=_standard_headers())


def _unauthorised() -> Response:
    return Response(status_code=401, headers=_standard_headers() | {"WWW-Authenticate": "Bearer"})


def _challenged(call: Call, now: datetime) -> Response:
    """401 with a claims challenge: come back with a token that was made after this."""
    claims = {"access_token": {"nbf": {"essential": True, "value": str(int(now.timestamp()))}}}
    encoded = base64.b64encode(json.dumps(claims).encode()).decode()
    challenge = (
        f'Bearer realm="", authorization_uri="{call.origin}/common/oauth2/authorize",'
        f' client_id="{EXCHANGE_APP_ID}", error="insufficient_claims", claims="{encoded}"'
    )
    return Response(status_code=401, headers=_standard_headers() | {"WWW-Authenticate": challenge})


def _failed(error: CmdletError, switches: Switches) -> Response:
    """A cmdlet's error in the body that was recorded for its kind."""
    status = switches.not_found_status if error.shape is ErrorShape.NOT_FOUND else 400
    code = "NotFound" if status == 404 else "BadRequest"
    ran = error.shape in (ErrorShape.NOT_FOUND, ErrorShape.EXECUTION)
    message = "Error executing cmdlet" if ran else "Invalid Operation"
    body: Document = {"code": code, "message": message}
    if error.shape is not ErrorShape.BAD_VALUE:
        text = f"{error.error_id}|{error.exception}|{error.text}"
        body["details"] = [{"code": "Client", "target": "", "message": text}]
    inner = (
        _inner_error(f"Exception of type '{_DIRECT_INVOKE}' was thrown.", _DIRECT_INVOKE)
        if ran
        else _inner_error(error.text, error.exception)
    )
    body["innererror"] = {"message": message, "type": _SERVICE_ERROR, "stacktrace": "", "internalexception": inner}
    return _json({"error": body | _WARNINGS}, status, {"X-ExceptionType": error.exception})


def _inner_error(message: str, kind: str) -> Document:
    return {"message": message, "type": kind, "stacktrace": ""}


def _expired_link() -> Response:
    inner = _inner_error("Expired or Invalid pagination request. Default Expiry time is 00:30:00", "System.Exception")
    return _invalid_operation(inner)


def _bad_request(text: str) -> Response:
    return _invalid_operation(_inner_error(text, "System.ArgumentException"))


def _invalid_operation(inner: Document) -> Response:
    outer = {"message": "Invalid Operation", "type": _SERVICE_ERROR, "stacktrace": "", "internalexception": inner}
    error = {"code": "BadRequest", "message": "Invalid Operation", "innererror": outer}
    return _json({"error": error | _WARNINGS}, 400)


def _refused(status: HTTPStatus, code: str, text: str) -> Response:
    return _json({"error": {"code": code, "message": text}}, status.value)

"""
Microsoft Graph v1.0, as far as hveadmin and tools like it read a directory; what they write is in graph_writes.

A request becomes a `Call`, whether it came alone or inside a `$batch`; `ENDPOINTS` names every path there is and the
function that answers it with an `Answer`. Whoever calls is in the token: its tenant, and the permissions in `roles`.
A caller may read its own service principal and registration without any [D].

The order of what can go wrong is the service's: the token (401), the path (400), the permission (403), the query
options (400), the object (404). Lookups by id and client id use the store's keys, so that a tenant with thousands of
applications answers them as fast as one with ten.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from random import SystemRandom
from urllib.parse import parse_qsl, quote, unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hveadmin.sandbox.challenge import demand, is_challenged
from hveadmin.sandbox.entra import GRAPH_APP_ID, Clock, audiences_of, domains_of, find_tenant
from hveadmin.sandbox.faults import Fault, FaultBook, FaultKind, Surface, Switches
from hveadmin.sandbox.graph_call import (
    Answer,
    Call,
    Caller,
    GraphError,
    Handler,
    Service,
    check_id,
    endpoint,
    not_found,
    shown,
)
from hveadmin.sandbox.graph_types import (
    APP_ROLE_ASSIGNMENT,
    APPLICATION,
    APPLICATIONS,
    DELETED_KINDS,
    DIRECTORY,
    DIRECTORY_OBJECTS,
    GROUP,
    ORGANIZATION_TYPE,
    PERMISSION_GRANT,
    SERVICE_PRINCIPAL,
    USER,
    EntityType,
)
from hveadmin.sandbox.graph_writes import WRITES
from hveadmin.sandbox.keys import BadReason, BadToken, SigningKeys
from hveadmin.sandbox.odata import (
    Filter,
    ODataError,
    Search,
    check_filter,
    found_by,
    matches,
    parse_filter,
    parse_order,
    parse_search,
    parse_select,
    pinned,
)
from hveadmin.sandbox.store import Document, Store

MAX_BATCH = 20
MAX_IDS = 1000
MAX_PAGE = 999
DEFAULT_PAGE = 100

_CONTENT_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
_OPTIONS = frozenset({"$filter", "$select", "$search", "$orderby", "$top", "$count", "$skiptoken", "$format"})


def routes(store: Store, keys: SigningKeys, clock: Clock, switches: Callable[[], Switches]) -> list[BaseRoute]:
    """
    Graph's routes for every tenant of the store.

    `switches` is asked at every request. Faults that name the path of a batch member strike that member alone; the
    others are played before a request comes here.
    """

    async def answer(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_respond, store, keys, clock, switches, request, body)

    return [Route("/v1.0/{path:path}", answer, methods=["GET", "POST", "PATCH", "PUT", "DELETE"])]


def _respond(
    store: Store,
    keys: SigningKeys,
    clock: Clock,
    switches: Callable[[], Switches],
    request: Request,
    body: bytes,
) -> Response:
    ids = _RequestIds(str(uuid.uuid4()), request.headers.get("client-request-id", ""), clock())
    origin = f"{request.url.scheme}://{request.url.netloc}"
    call = Call(
        request.method,
        "/" + request.path_params["path"],
        _query(request.url.query),
        {name.lower(): value for name, value in request.headers.items()},
    )
    try:
        service = Service(store, _caller(store, keys, call, origin, clock(), switches()), origin, clock(), switches)
        if call.method in ("POST", "PATCH"):
            call = replace(call, body=_parsed(body))
        if call.path.lower() == "/$batch":
            answer = _Batch(service, ids, switches()).answer(call)
        else:
            answer = _dispatch(service, call)
    except GraphError as error:
        answer = ids.refusal(error)
    headers = {**answer.headers, "Cache-Control": "no-cache", "OData-Version": "4.0", **ids.headers}
    if answer.status == 204:
        return Response(status_code=204, headers=headers)
    return Response(json.dumps(answer.body, ensure_ascii=False), answer.status, headers, media_type=_CONTENT_TYPE)


@dataclass(frozen=True, slots=True)
class _RequestIds:
    request_id: str
    client_request_id: str
    now: datetime

    @property
    def headers(self) -> dict[str, str]:
        return {"request-id": self.request_id, "client-request-id": self.client_request_id or self.request_id}

    def refusal(self, error: GraphError) -> Answer:
        """The error in Graph's body shape."""
        inner = {"date": self.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"), **self.headers}
        body = {"error": {"code": error.code, "message": error.message, "innerError": inner}}
        return Answer(body, error.status, error.headers)


# Reading a request


def _query(source: str) -> dict[str, str]:
    return dict(parse_qsl(source, keep_blank_values=True))


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise GraphError(
            400,
            "BadRequest",
            "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid"
            " JSON format.",
        ) from None


_TOKEN_TEXTS = {
    BadReason.MALFORMED: "CompactToken parsing failed with error code: 80049217",
    BadReason.SIGNATURE: "Access token validation failure. Signature is invalid.",  # [G]
    BadReason.AUDIENCE: "Access token validation failure. Invalid audience.",
    BadReason.EXPIRED: "Access token has expired or is not yet valid.",
    BadReason.NOT_YET_VALID: "Access token has expired or is not yet valid.",
}


def _caller(store: Store, keys: SigningKeys, call: Call, origin: str, now: datetime, switches: Switches) -> Caller:
    kind, _, token = call.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise _unauthorized("InvalidAuthenticationToken", "Access token is empty.", origin)
    try:
        claims = keys.verify(token.strip(), audiences=audiences_of(GRAPH_APP_ID), now=now)
    except BadToken as bad:
        raise _unauthorized("InvalidAuthenticationToken", _TOKEN_TEXTS[bad.reason], origin) from None
    tenant = find_tenant(store, str(claims["tid"]))
    # A person may be a partner, who is no object of this tenant.
    is_person = "scp" in claims
    if tenant is None or not (is_person or store.get(str(tenant["id"]), SERVICE_PRINCIPAL.name, claims["oid"])):
        raise _unauthorized(
            "Authorization_IdentityNotFound",
            "The identity of the calling application could not be established.",
            origin,
        )
    if is_challenged(store, switches.claims_challenge, claims, token.strip()):
        text = "Continuous access evaluation resulted in challenge with result: InteractionRequired"
        raise _unauthorized("InvalidAuthenticationToken", text, origin, f", {demand(now)}")
    # What a person may do besides is not looked at: every member of a tenant may read its directory by default [D].
    granted = str(claims["scp"]).split() if is_person else claims.get("roles", ())
    return Caller(tenant, claims["oid"], claims["appid"], frozenset(granted))


def _unauthorized(code: str, message: str, origin: str, demanded: str = "") -> GraphError:
    challenge = f'Bearer realm="", authorization_uri="{origin}/common/oauth2/authorize", client_id="{GRAPH_APP_ID}"'
    return GraphError(401, code, message, {"WWW-Authenticate": challenge + demanded})


# Query options


@dataclass(frozen=True, slots=True)
class _Options:
    """The query options of a collection, checked against its type."""

    select: tuple[str, ...]
    filter: Filter | None
    search: Search | None
    order: tuple[str, bool] | None
    top: int
    count: bool

    @classmethod
    def parse(cls, call: Call, entity: EntityType) -> _Options:
        """Raises GraphError for what Graph would refuse."""
        _refuse_unknown(call)
        eventual = call.headers.get("consistencylevel", "").lower() == "eventual"
        # $count without the header is ignored [D].
        count = call.query.get("$count", "").lower() == "true" and eventual
        try:
            tree = _filter(call, entity, advanced=count)
            order = parse_order(call.query["$orderby"]) if "$orderby" in call.query else None
            if order is not None and tree is not None and not count:
                raise ODataError("Request_UnsupportedQuery", "Sorting not supported for current query.")
            return cls(_select(call, entity), tree, _search(call, entity, eventual=eventual), order, _top(call), count)
        except ODataError as error:
            raise GraphError(400, error.code, error.message) from None


def _refuse_unknown(call: Call) -> None:
    for name in call.query:
        if name.startswith("$") and name not in _OPTIONS:
            raise GraphError(400, "BadRequest", f"The query option '{name}' is not supported.")  # [G]


def _filter(call: Call, entity: EntityType, *, advanced: bool) -> Filter | None:
    if "$filter" not in call.query:
        return None
    tree = parse_filter(call.query["$filter"])
    check_filter(tree, {**entity.properties, **entity.only_filtered}, entity.name, advanced=advanced)
    return tree


def _select(call: Call, entity: EntityType) -> tuple[str, ...]:
    return parse_select(call.query["$select"], entity.properties, entity.name) if "$select" in call.query else ()


def _search(call: Call, entity: EntityType, *, eventual: bool) -> Search | None:
    if "$search" not in call.query:
        return None
    if not eventual:
        raise ODataError(
            "Request_UnsupportedQuery",
            "Request with $search query parameter only works through MSGraph with a special request header:"
            " 'ConsistencyLevel: eventual'",
        )
    return parse_search(call.query["$search"], entity.properties)


def _top(call: Call) -> int:
    text = call.query.get("$top", str(DEFAULT_PAGE))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= MAX_PAGE:
        raise ODataError(
            "Request_UnsupportedQuery", f"Invalid page size specified: '{text}'. Must be between 1 and 999 inclusive."
        )
    return int(text)


# Answering


def _collection(
    service: Service,
    call: Call,
    entity: EntityType,
    documents: Callable[[Filter | None], Iterable[Document]],
    context: str,
) -> Answer:
    """A page of a collection. `documents` may use the filter to fetch less; it is applied here in any case."""
    options = _Options.parse(call, entity)
    found = [each for each in documents(options.filter) if options.filter is None or matches(options.filter, each)]
    if options.search is not None:
        found = [each for each in found if found_by(options.search, each)]
    page, after = _page(found, options, call)
    body: Document = {"@odata.context": service.url(f"/$metadata#{context}{_selected(options.select)}")}
    if options.count:
        body["@odata.count"] = len(found)
    if after:
        body["@odata.nextLink"] = service.url(f"{quote(call.path)}?{_next_query(call, after)}")
    body["value"] = [shown(service, entity, each, options.select) for each in page]
    return _answer(body, entity, options.select)


def _entity(service: Service, call: Call, entity: EntityType, document: Document) -> Answer:
    """One object of a known type."""
    select = _select_alone(call, entity)
    context = service.url(f"/$metadata#{entity.collection}{_selected(select)}/$entity")
    found = shown(service, entity, document, select, alone=bool(select))
    return _answer({"@odata.context": context, **found}, entity, select)


def _select_alone(call: Call, entity: EntityType) -> tuple[str, ...]:
    _refuse_unknown(call)
    try:
        return _select(call, entity)
    except ODataError as error:
        raise GraphError(400, error.code, error.message) from None


def _answer(body: Document, entity: EntityType, select: tuple[str, ...]) -> Answer:
    # $select takes one unit off what costs more than one [D].
    units = max(1, entity.units - 1) if select else entity.units
    return Answer(body, headers={"x-ms-resource-unit": str(units)})


def _selected(select: tuple[str, ...]) -> str:
    return f"({','.join(select)})" if select else ""


def _typed(service: Service, entity: EntityType, document: Document, select: tuple[str, ...] = ()) -> Document:
    """An object where objects of several types may stand; there it always says what it is and its id."""
    kind = {"@odata.type": f"#microsoft.graph.{entity.name}", "id": document["id"]}
    return kind | shown(service, entity, document, select)


# Pages


def _page(found: list[Document], options: _Options, call: Call) -> tuple[list[Document], str]:
    """One page, and the skiptoken of the next one; empty after the last."""
    name, descending = options.order or ("id", False)

    def place(document: Document) -> tuple[str, str]:
        return str(document.get(name) or "").casefold(), str(document["id"])

    ordered = sorted(found, key=place, reverse=descending)
    if "$skiptoken" in call.query:
        last = _read_skiptoken(call)
        ordered = [each for each in ordered if (place(each) < last if descending else place(each) > last)]
    page = ordered[: options.top]
    return page, _skiptoken(call, place(page[-1])) if len(ordered) > len(page) else ""


def _skiptoken(call: Call, last: tuple[str, str]) -> str:
    """Where to go on, and for which question: a token is good for no other."""
    return base64.urlsafe_b64encode(json.dumps([_digest(call), *last]).encode()).decode().rstrip("=")


def _read_skiptoken(call: Call) -> tuple[str, str]:
    token = call.query["$skiptoken"]
    try:
        digest, place, key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if digest != _digest(call):
            raise ValueError(digest)
        return str(place), str(key)
    except (ValueError, TypeError):
        raise GraphError(
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
        ) from None


def _digest(call: Call) -> str:
    question = sorted((name, value) for name, value in call.query.items() if name != "$skiptoken")
    return hashlib.sha256(json.dumps([call.path, question]).encode()).hexdigest()[:16]


def _next_query(call: Call, token: str) -> str:
    query = {**call.query, "$skiptoken": token}
    return "&".join(f"{quote(name, safe='$')}={quote(value, safe='')}" for name, value in query.items())


# Endpoints


def _list(service: Service, call: Call, *, entity: EntityType, kind: str = "") -> Answer:
    service.caller.needs_one_of(entity.readers)
    return _collection(service, call, entity, partial(_fetch, service, kind or entity.name), _context_of(entity, kind))


def _context_of(entity: EntityType, kind: str) -> str:
    return f"directoryObjects/microsoft.graph.{entity.name}" if kind else entity.collection


def _fetch(service: Service, kind: str, tree: Filter | None) -> Iterable[Document]:
    """The documents a filter can be about: by key where it names ids or client ids, else all."""
    pairs = None if tree is None else pinned(tree, ("id", "appId"))
    tenant_id = service.caller.tenant_id
    if pairs is None:
        return service.store.all(tenant_id, kind)
    found: dict[str, Document] = {}
    for name, value in pairs:
        by_id = service.store.get(tenant_id, kind, value) if name == "id" else None
        several = service.store.by_app_id(tenant_id, kind, value) if name == "appId" else []
        found |= {each["id"]: each for each in (*several, *([by_id] if by_id is not None else []))}
    return found.values()


def _get(service: Service, call: Call, key: str, *, entity: EntityType) -> Answer:
    own = entity is SERVICE_PRINCIPAL and key.lower() == service.caller.object_id
    document = service.get(entity.name, key)
    if entity is APPLICATION and document is not None:
        own = document.get("appId") == service.caller.client_id
    if not own:
        service.caller.needs_one_of(entity.readers)
    check_id(key)
    if document is None:
        raise not_found(key)
    return _entity(service, call, entity, document)


def _get_by_app_id(service: Service, call: Call, app_id: str, *, entity: EntityType) -> Answer:
    if app_id.lower() != service.caller.client_id:
        service.caller.needs_one_of(entity.readers)
    found = service.by_app_id(entity.name, app_id)
    if found is None:
        raise not_found(app_id)
    return _entity(service, call, entity, found)


def _of_principal(service: Service, call: Call, key: str, *, entity: EntityType, end: str, name: str) -> Answer:
    """Assignments and grants at one end of which a service principal stands; `end` is the property that says so."""
    service.caller.needs_one_of(entity.readers)
    if service.get(SERVICE_PRINCIPAL.name, key) is None:
        raise not_found(key)

    def documents(_: Filter | None) -> Iterable[Document]:
        return service.store.where(service.caller.tenant_id, _kind_of(entity), end, key.lower())

    return _collection(service, call, entity, documents, f"servicePrincipals('{key}')/{name}")


def _list_grants(service: Service, call: Call) -> Answer:
    service.caller.needs_one_of(PERMISSION_GRANT.readers)

    def documents(tree: Filter | None) -> Iterable[Document]:
        pairs = None if tree is None else pinned(tree, ("clientId",))
        if pairs is None:
            return service.store.all(service.caller.tenant_id, _kind_of(PERMISSION_GRANT))
        wanted = {value for _, value in pairs}
        return [
            grant
            for value in wanted
            for grant in service.store.where(service.caller.tenant_id, _kind_of(PERMISSION_GRANT), "clientId", value)
        ]

    return _collection(service, call, PERMISSION_GRANT, documents, PERMISSION_GRANT.collection)


def _kind_of(entity: EntityType) -> str:
    """The store's kind; it spells one type as its path does."""
    return "oauth2PermissionGrant" if entity is PERMISSION_GRANT else entity.name


def _directory_object(service: Service, call: Call, key: str) -> Answer:
    if key.lower() != service.caller.object_id:
        service.caller.needs_one_of(DIRECTORY)
    check_id(key)
    for entity in DIRECTORY_OBJECTS:
        document = service.get(entity.name, key)
        if document is not None:
            return _typed_entity(service, call, entity, document)
    raise not_found(key)


def _deleted_item(service: Service, call: Call, key: str) -> Answer:
    service.caller.needs_one_of(APPLICATIONS)
    check_id(key)
    for kind, entity in DELETED_KINDS.items():
        document = service.get(kind, key)
        if document is not None:
            return _typed_entity(service, call, entity, document)
    raise not_found(key)


def _typed_entity(service: Service, call: Call, entity: EntityType, document: Document) -> Answer:
    select = _select_alone(call, entity)
    context = service.url(f"/$metadata#directoryObjects{_selected(select)}/$entity")
    return _answer({"@odata.context": context, **_typed(service, entity, document, select)}, entity, select)


def _get_by_ids(service: Service, call: Call) -> Answer:
    service.caller.needs_one_of(DIRECTORY)
    ids, types = _ids_asked(call.body)
    found = []
    for entity in DIRECTORY_OBJECTS:
        if len(types) == 0 or not types.isdisjoint({entity.name, "directoryObject"}):
            documents = (service.get(entity.name, key) for key in ids)
            found += [_typed(service, entity, each) for each in documents if each is not None]
    body = {"@odata.context": service.url("/$metadata#directoryObjects"), "value": found}
    return Answer(body, headers={"x-ms-resource-unit": "3"})


def _ids_asked(body: object) -> tuple[tuple[str, ...], frozenset[str]]:
    """The ids, each once, and the types of a getByIds; no types mean all."""
    asked = body if isinstance(body, dict) else {}
    ids, types = asked.get("ids"), asked.get("types") or []
    if not isinstance(ids, list) or not isinstance(types, list):
        raise GraphError(400, "Request_BadRequest", "A collection of ids is required.")  # [G]
    if len(ids) > MAX_IDS:
        raise GraphError(400, "Request_BadRequest", f"Maximum number of ids allowed is {MAX_IDS}.")  # [G]
    for key in ids:
        check_id(str(key))
    return tuple(dict.fromkeys(str(key).lower() for key in ids)), frozenset(str(name) for name in types)


def _organization(service: Service, call: Call) -> Answer:
    service.caller.needs_one_of(ORGANIZATION_TYPE.readers)
    tenant = service.caller.tenant
    domains = [
        {
            "capabilities": "Email, OfficeCommunicationsOnline",
            "isDefault": position == 0,
            "isInitial": name.endswith(".onmicrosoft.com"),
            "name": name,
            "type": "Managed",
        }
        for position, name in enumerate(domains_of(tenant))
    ]
    document = {
        "id": tenant["id"],
        "displayName": tenant.get("display_name"),
        "tenantType": "AAD",
        "verifiedDomains": domains,
    }
    return _collection(service, call, ORGANIZATION_TYPE, lambda _: [document], ORGANIZATION_TYPE.collection)


_DELETED = "/directory/deletedItems"

ENDPOINTS: tuple[tuple[str, re.Pattern[str], Handler], ...] = (
    endpoint("GET", "/servicePrincipals", partial(_list, entity=SERVICE_PRINCIPAL)),
    endpoint("GET", "/servicePrincipals(appId='{}')", partial(_get_by_app_id, entity=SERVICE_PRINCIPAL)),
    endpoint(
        "GET",
        "/servicePrincipals/{}/appRoleAssignments",
        partial(_of_principal, entity=APP_ROLE_ASSIGNMENT, end="principalId", name="appRoleAssignments"),
    ),
    endpoint(
        "GET",
        "/servicePrincipals/{}/appRoleAssignedTo",
        partial(_of_principal, entity=APP_ROLE_ASSIGNMENT, end="resourceId", name="appRoleAssignedTo"),
    ),
    endpoint(
        "GET",
        "/servicePrincipals/{}/oauth2PermissionGrants",
        partial(_of_principal, entity=PERMISSION_GRANT, end="clientId", name="oauth2PermissionGrants"),
    ),
    endpoint("GET", "/servicePrincipals/{}", partial(_get, entity=SERVICE_PRINCIPAL)),
    endpoint("GET", "/applications", partial(_list, entity=APPLICATION)),
    endpoint("GET", "/applications(appId='{}')", partial(_get_by_app_id, entity=APPLICATION)),
    endpoint("GET", "/applications/{}", partial(_get, entity=APPLICATION)),
    endpoint("GET", "/users", partial(_list, entity=USER)),
    endpoint("GET", "/users/{}", partial(_get, entity=USER)),
    endpoint("GET", "/groups", partial(_list, entity=GROUP)),
    endpoint("GET", "/groups/{}", partial(_get, entity=GROUP)),
    endpoint("GET", "/oauth2PermissionGrants", _list_grants),
    endpoint("POST", "/directoryObjects/getByIds", _get_by_ids),
    endpoint("GET", "/directoryObjects/{}", _directory_object),
    endpoint(
        "GET",
        f"{_DELETED}/microsoft.graph.servicePrincipal",
        partial(_list, entity=SERVICE_PRINCIPAL, kind="deletedServicePrincipal"),
    ),
    endpoint(
        "GET", f"{_DELETED}/microsoft.graph.application", partial(_list, entity=APPLICATION, kind="deletedApplication")
    ),
    endpoint("GET", f"{_DELETED}/{{}}", _deleted_item),
    endpoint("GET", "/organization", _organization),
    *WRITES,
)
"""Method, path and answer of everything but `$batch`; the first path that fits is meant."""


def _dispatch(service: Service, call: Call) -> Answer:
    fitting = [(method, match, handler) for method, path, handler in ENDPOINTS if (match := path.fullmatch(call.path))]
    for method, match, handler in fitting:
        if method == call.method:
            return handler(service, call, *match.groups())
    if fitting:
        raise GraphError(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
    segment = call.path.strip("/").split("/")[0]
    raise GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.")


# $batch


_PLAYED_ON_MEMBERS = {
    FaultKind.THROTTLE: (429, "TooManyRequests", "Please retry again later."),
    FaultKind.UNAVAILABLE: (503, "ServiceUnavailable", "Service unavailable. Please wait and try your request again."),
    FaultKind.TRANSIENT: (500, "InternalServerError", "An internal server error occurred."),
}


@dataclass(frozen=True, slots=True)
class _Batch:
    """Up to 20 requests in one; each member is answered on its own, in any order."""

    service: Service
    ids: _RequestIds
    switches: Switches

    def answer(self, call: Call) -> Answer:
        if call.method != "POST":
            raise GraphError(405, "Request_BadRequest", "Only POST is allowed for a batch request.")
        members = _members(call.body)
        statuses: dict[str, int] = {}
        replies = []
        for member in members:
            answer = self._member(member, statuses)
            statuses[member["id"]] = answer.status
            headers = {**answer.headers, "Content-Type": "application/json", "Cache-Control": "no-cache"}
            body = {} if answer.status == 204 else {"body": answer.body}
            replies.append({"id": member["id"], "status": answer.status, "headers": headers, **body})
        return Answer({"responses": self._arranged(replies)})

    def _arranged(self, replies: list[Document]) -> list[Document]:
        match self.switches.batch_order:
            case "as_sent":
                return replies
            case "reversed":
                return replies[::-1]
            case "shuffled":
                return SystemRandom().sample(replies, len(replies))

    def _member(self, member: Document, before: Mapping[str, int]) -> Answer:
        try:
            if any(before.get(needed, 424) >= 400 for needed in member.get("dependsOn", [])):
                raise GraphError(424, "FailedDependency", "A request this one depends on has failed.")  # [G]
            call = _member_call(member)
            self._play_faults(call)
            return _dispatch(self.service, call)
        except GraphError as error:
            return self.ids.refusal(error)

    def _play_faults(self, call: Call) -> None:
        book, path = FaultBook(self.service.store), f"/v1.0{call.path}"
        if any(_is_for_member(fault, path) for fault in book.pending()):
            for fault in book.take_for_request(Surface.GRAPH, path):
                if _is_for_member(fault, path):
                    raise _played(fault)


def _is_for_member(fault: Fault, path: str) -> bool:
    # A fault without a path struck the batch as a whole, before it came here.
    return bool(fault.path) and fault.kind in _PLAYED_ON_MEMBERS and fault.strikes_request(Surface.GRAPH, path)


def _played(fault: Fault) -> GraphError:
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    return GraphError(*_PLAYED_ON_MEMBERS[fault.kind], headers)


def _members(body: object) -> list[Document]:
    """The members of a batch. Raises GraphError where the batch as a whole is refused."""
    members = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(members, list) or not members or not all(isinstance(each, dict) for each in members):
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    if len(members) > MAX_BATCH:
        raise GraphError(400, "BadRequest", f"Number of batch request steps exceeds the maximum value of {MAX_BATCH}.")
    if not all(_is_well_formed(member) for member in members):
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    if len({member["id"] for member in members}) < len(members):
        raise GraphError(400, "BadRequest", "Request Id values need to be unique within a batch.")
    return members


def _is_well_formed(member: Document) -> bool:
    return (
        all(isinstance(member.get(name), str) and member[name] for name in ("id", "method", "url"))
        and isinstance(member.get("headers", {}), dict)
        and isinstance(member.get("dependsOn", []), list)
    )


def _member_call(member: Document) -> Call:
    path, _, query = str(member["url"]).partition("?")
    headers = {name.lower(): str(value) for name, value in member.get("headers", {}).items()}
    if "body" in member and "content-type" not in headers:
        raise GraphError(  # [D] the header is needed; the text [G]
            400, "BadRequest", f"Write request id : {member['id']} does not contain Content-Type header or body."
        )
    return Call(member["method"].upper(), "/" + unquote(path).lstrip("/"), _query(query), headers, member.get("body"))

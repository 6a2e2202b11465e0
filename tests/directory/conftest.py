"""
A Graph of our own on a loopback socket, written from entra.md's section 1: what it says, what it refuses, and how.

It knows nothing of hveadmin. Every request is checked against Microsoft's own description (the OpenAPI subset), so
that a misspelt path, query option or property fails here.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from graph_contract import check_answer, check_member, conforms

from hveadmin.directory.graph import GraphDirectory
from hveadmin.wire.deadline import Deadline
from hveadmin.wire.session import Session

_IN = re.compile(r"(\w+) in \((.*)\)")
_EQ = re.compile(r"(\w+) eq '((?:[^']|'')*)'")

_ALTERNATE_KEY = re.compile(r"(/\w+)\(appId='([0-9a-f-]{36})'\)")
_OF_PRINCIPAL = re.compile(r"/servicePrincipals/([0-9a-f-]{36})/(appRoleAssignments|oauth2PermissionGrants)")

Member = dict[str, Any]


class SteppedClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 7, 1, tzinfo=UTC) + timedelta(seconds=sum(self.slept))

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class OneToken:
    """A signed-in application."""

    def token(self, scope: str, *, claims: str | None = None) -> str:
        return "a-token"


@dataclass
class Graph:
    """What the tenant's directory holds, and what the caller may see of it."""

    principals: list[Member] = field(default_factory=list)
    registrations: list[Member] = field(default_factory=list)
    others: list[Member] = field(default_factory=list)
    deleted: list[Member] = field(default_factory=list)
    assignments: list[Member] = field(default_factory=list)
    """App role assignments."""
    grants: list[Member] = field(default_factory=list)
    """Delegated permission grants."""
    may_read_applications: bool = True
    may_read_directory: bool = False
    """Directory.Read.All: getByIds, and delegated permission grants."""
    page_size: int = 100
    knows_in_for_app_id: bool = True
    meddle: Callable[[Member, Member], Member | None] = lambda _, answer: answer
    """Changes the answer (id, status, headers, body) to a member's request; None leaves the answer out."""
    whole: Callable[[bytes], tuple[int, dict[str, str], bytes] | None] = lambda _: None
    """Answers in place of the whole batch."""
    url: str = ""
    calls: list[str] = field(default_factory=list)
    """Method and path of each HTTP call."""
    members: list[list[str]] = field(default_factory=list)
    """The urls of each batch."""

    def batch(self, body: bytes) -> Member:
        asked = json.loads(body)
        conforms(asked, "batchRequest")
        self.members.append([each["url"] for each in asked["requests"]])
        answers = []
        for each in reversed(asked["requests"]):  # "in any order"
            check_member(each)
            plain = self.answer(each["method"], each["url"], each.get("body"))
            if plain["status"] == 200:
                check_answer(each["url"], plain["body"])
            answer = self.meddle(each, {"id": each["id"], **plain})
            answers += [answer] if answer is not None else []
        return {"responses": answers}

    def answer(self, method: str, url: str, body: Member | None = None) -> Member:
        parts = urlsplit(url)
        path = unquote(parts.path).removeprefix("/v1.0")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if path == "/directoryObjects/getByIds":
            assert method == "POST" and body is not None
            return self._get_by_ids(body["ids"])
        if not self.may_read_applications:
            return refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        if path.startswith("/directory/deletedItems/") and "microsoft.graph" not in path:
            return self._deleted_item(path.rsplit("/", 1)[1])
        if one := _ALTERNATE_KEY.fullmatch(path):
            return self._one(self._collection(one.group(1)), one.group(2), query)
        if of := _OF_PRINCIPAL.fullmatch(path):
            return self._of_principal(of.group(1), of.group(2), query)
        return self._listing(path, query)

    def _one(self, collection: list[Member], client_id: str, query: dict[str, str]) -> Member:
        for each in collection:
            if each["appId"] == client_id:
                return {"status": 200, "headers": {}, "body": _selected(each, query["$select"])}
        return refusal(404, "Request_ResourceNotFound", f"Resource '{client_id}' does not exist.")

    def _of_principal(self, id_: str, what: str, query: dict[str, str]) -> Member:
        if what == "oauth2PermissionGrants" and not self.may_read_directory:
            return refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        if not any(each["id"] == id_ for each in self.principals):
            return refusal(404, "Request_ResourceNotFound", f"Resource '{id_}' does not exist.")
        assert query == {"$top": "999"}
        if what == "appRoleAssignments":
            found = [each for each in self.assignments if each["principalId"] == id_]
        else:
            found = [each for each in self.grants if each["clientId"] == id_]
        return {"status": 200, "headers": {}, "body": {"value": found}}

    def _get_by_ids(self, ids: list[str]) -> Member:
        if not self.may_read_directory:
            return refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        everything = [
            *({"@odata.type": "#microsoft.graph.servicePrincipal", **each} for each in self.principals),
            *({"@odata.type": "#microsoft.graph.application", **each} for each in self.registrations),
            *self.others,
        ]
        return {"status": 200, "headers": {}, "body": {"value": [each for each in everything if each["id"] in ids]}}

    def _deleted_item(self, id_: str) -> Member:
        for each in self.deleted:
            if each["id"] == id_:
                return {"status": 200, "headers": {}, "body": each}
        return refusal(404, "Request_ResourceNotFound", f"Resource '{id_}' does not exist.")

    def _listing(self, path: str, query: dict[str, str]) -> Member:
        condition = query["$filter"]
        if condition.startswith("appId in") and not self.knows_in_for_app_id:
            return refusal(400, "Request_UnsupportedQuery", "Unsupported property filter clause operator 'In'.")
        found = [each for each in self._collection(path) if _matches(each, condition)]
        start = int(query.get("$skiptoken", "0"))
        body: Member = {"value": [_selected(each, query["$select"]) for each in found[start : start + self.page_size]]}
        if start + self.page_size < len(found):
            rest = "&".join(f"{name}={value}" for name, value in query.items() if name != "$skiptoken")
            link = f"{self.url}/v1.0{path}?{rest}&$skiptoken={start + self.page_size}"
            body["@odata.nextLink"] = link.replace(" ", "%20")
        return {"status": 200, "headers": {}, "body": body}

    def _collection(self, path: str) -> list[Member]:
        if path.startswith("/directory/deletedItems/"):
            type_ = f"#{path.rsplit('/', 1)[1]}"
            return [each for each in self.deleted if each["@odata.type"] == type_]
        return {"/servicePrincipals": self.principals, "/applications": self.registrations}[path]


def refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Member:
    inner = {"date": "2026-07-01T00:00:00", "request-id": "11111111-0000-4000-8000-000000000000"}
    error = {"code": code, "message": message, "innerError": inner}
    return {"status": status, "headers": headers or {}, "body": {"error": error}}


def _matches(each: Member, condition: str) -> bool:
    if listed := _IN.fullmatch(condition):
        values = [value.strip().strip("'") for value in listed.group(2).split(",")]
        assert len(values) <= 15, "Too many child clauses specified in search filter expression. Max allowed: 15."
        return each.get(listed.group(1)) in values
    clauses = _EQ.findall(condition)
    assert clauses and len(clauses) <= 15
    return any(each.get(name) == value.replace("''", "'") for name, value in clauses)


def _selected(each: Member, select: str) -> Member:
    return {name: each[name] for name in select.split(",") if name in each}


@pytest.fixture
def graph() -> Iterator[Graph]:
    """A Graph that listens."""
    state = Graph()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._reply(state.whole(body) or (200, {}, json.dumps(state.batch(body)).encode()))

        def do_GET(self) -> None:
            answer = state.answer("GET", self.path)
            self._reply((answer["status"], answer["headers"], json.dumps(answer["body"]).encode()))

        def _reply(self, answer: tuple[int, dict[str, str], bytes]) -> None:
            status, headers, body = answer
            assert self.headers["Authorization"] == "Bearer a-token"
            state.calls.append(f"{self.command} {urlsplit(self.path).path}")
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                **headers,
                "Content-Length": str(len(body)),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def directory(graph: Graph, clock: SteppedClock) -> Iterator[GraphDirectory]:
    """A GraphDirectory that is connected to `graph`, with 60 s to do everything in."""
    with Session(
        base_url=graph.url,
        scope="https://graph.microsoft.com/.default",
        tokens=OneToken(),
        clock=clock,
        trust=None,
        deadline=Deadline(clock, 60),
        jitter=lambda: 0.0,
    ) as session:
        yield GraphDirectory(session)

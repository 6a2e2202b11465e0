"""
A small directory with one of everything, served over TLS on loopback, and Graph's published contract.

`Directory` writes the objects, `serve` answers for them, `Graph` is a client that holds every request and every
answer against the contract, where the contract is at hand.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import httpx2
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from starlette.applications import Starlette

from hveadmin.sandbox import credentials, entra, graph
from hveadmin.sandbox.ca import PrivateCa
from hveadmin.sandbox.entra import EXCHANGE_APP_ID, GRAPH_APP_ID
from hveadmin.sandbox.faults import read_switches
from hveadmin.sandbox.keys import SigningKeys
from hveadmin.sandbox.store import Document, Store

CONTRACT_FILE = Path(__file__).resolve().parents[2] / "shared" / "data" / "graph-openapi-subset.json"

MAIL_SEND = "b633e1c5-b582-4048-a93e-9f11b44c7e96"
"""The role id of Mail.Send, on Exchange and on Graph alike."""

GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


CONTOSO, FABRIKAM = guid(0xC0), guid(0xFA)
EXCHANGE_SP, GRAPH_SP = guid(0xE1), guid(0xE2)
EXCHANGE_ROLES = {"Mail.Send": MAIL_SEND, "Exchange.ManageAsApp": "dc50a0fb-09a3-484d-be87-e023b12c6440"}
GRAPH_ROLES = {
    "Mail.Send": MAIL_SEND,
    **{
        name: guid(0xA000 + position)
        for position, name in enumerate(
            (
                "Application.Read.All",
                "Directory.Read.All",
                "User.ReadBasic.All",
                "Group.Read.All",
                "Organization.Read.All",
            )
        )
    },
}
SECRET = "correct horse battery staple"
EXPIRED_SECRET = "what was good last year"
ISSUER, SUBJECT, AUDIENCE = "https://ci.example", "repo:contoso/mail:ref:refs/heads/main", "api://AzureADTokenExchange"


@dataclass(frozen=True, slots=True)
class App:
    """An application with a registration and, perhaps, a service principal."""

    client_id: str
    object_id: str
    registration_id: str


def app(number: int) -> App:
    return App(guid(number * 16 + 0x1000), guid(number * 16 + 0x1001), guid(number * 16 + 0x1002))


READER, DIRECTOR, POWERLESS, INVOICES, WRONG_API = app(1), app(2), app(3), app(4), app(5)
DISABLED, NO_PRINCIPAL, FOREIGN, ORPHAN, DELETED = app(6), app(7), app(8), app(9), app(10)
USER, GROUP, DEVICE, NOBODY = guid(0x51), guid(0x52), guid(0x53), guid(0x54)


class Directory:
    """Writes directory objects into a store."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self.store = store
        self.now = now
        self.key_ids: dict[str, str] = {}
        for tenant_id, name in ((CONTOSO, "contoso"), (FABRIKAM, "fabrikam")):
            self._tenant(tenant_id, name)
        self._applications()
        self._others()

    def _tenant(self, tenant_id: str, name: str) -> None:
        tenant = {
            "id": tenant_id,
            "alias": name,
            "domain": f"{name}.com",
            "domains": [f"{name}.onmicrosoft.com"],
            "display_name": name.capitalize(),
            "region_scope": "EU",
        }
        self.store.put("", "tenant", tenant_id, tenant)
        for app_id, object_id, display_name, roles in (
            (EXCHANGE_APP_ID, EXCHANGE_SP, "Office 365 Exchange Online", EXCHANGE_ROLES),
            (GRAPH_APP_ID, GRAPH_SP, "Microsoft Graph", GRAPH_ROLES),
        ):
            self.principal(
                tenant_id,
                App(app_id, object_id, ""),
                display_name,
                appRoles=_roles(roles),
                appOwnerOrganizationId=guid(1),
            )

    def _applications(self) -> None:
        for who, name in (
            (READER, "Reader"),
            (DIRECTOR, "Director"),
            (POWERLESS, "Powerless"),
            (INVOICES, "Invoices"),
            (WRONG_API, "Wrong API"),
            (DISABLED, "Disabled"),
        ):
            self.registration(CONTOSO, who, name)
            self.principal(CONTOSO, who, name)
        self._change(CONTOSO, DISABLED.object_id, accountEnabled=False)
        self.registration(CONTOSO, NO_PRINCIPAL, "No principal")
        self.registration(FABRIKAM, FOREIGN, "Foreign", signInAudience="AzureADMultipleOrgs")
        self.principal(CONTOSO, FOREIGN, "Foreign", appOwnerOrganizationId=FABRIKAM)
        self.principal(CONTOSO, ORPHAN, "Orphan")
        self.assign(READER, GRAPH_SP, GRAPH_ROLES["Application.Read.All"])
        self.assign(READER, EXCHANGE_SP, EXCHANGE_ROLES["Exchange.ManageAsApp"])
        for role in ("Directory.Read.All", "Organization.Read.All"):
            self.assign(DIRECTOR, GRAPH_SP, GRAPH_ROLES[role])
        self.assign(INVOICES, EXCHANGE_SP, MAIL_SEND)
        self.assign(WRONG_API, GRAPH_SP, MAIL_SEND)
        self.store.put(CONTOSO, "roleAssignment", READER.object_id, {"wids": [GLOBAL_READER]})
        self.grant("grant-1", INVOICES)
        for who in (READER, DIRECTOR, POWERLESS, INVOICES, WRONG_API, DISABLED, NO_PRINCIPAL):
            self.secret(CONTOSO, who)
        self.secret(FABRIKAM, FOREIGN)
        expired = self.now() - timedelta(days=1)
        credentials.add_secret(self.store, CONTOSO, READER.client_id, EXPIRED_SECRET, expires=expired)
        credentials.add_federation(self.store, CONTOSO, READER.client_id, ISSUER, SUBJECT, AUDIENCE)

    def _others(self) -> None:
        gone = {"displayName": "Gone", "appId": DELETED.client_id, "deletedDateTime": "2026-01-02T03:04:05Z"}
        self.store.put(CONTOSO, "deletedServicePrincipal", DELETED.object_id, {"id": DELETED.object_id, **gone})
        self.store.put(CONTOSO, "deletedApplication", DELETED.registration_id, {"id": DELETED.registration_id, **gone})
        user = {"id": USER, "displayName": "Ana", "userPrincipalName": "ana@contoso.com", "passwordProfile": "x"}
        self.store.put(CONTOSO, "user", USER, user)
        self.store.put(CONTOSO, "group", GROUP, {"id": GROUP, "displayName": "Accounting", "groupTypes": ["Unified"]})
        self.store.put(CONTOSO, "device", DEVICE, {"id": DEVICE, "displayName": "LAPTOP-7"})

    def principal(self, tenant_id: str, who: App, name: str, **more: Any) -> None:
        document = {
            "id": who.object_id,
            "appId": who.client_id,
            "displayName": name,
            "accountEnabled": True,
            "appOwnerOrganizationId": tenant_id,
            "servicePrincipalType": "Application",
            "createdDateTime": "2026-01-01T00:00:00Z",
            "secretOfTheStore": "must never be answered",
        }
        self.store.put(tenant_id, "servicePrincipal", who.object_id, document | more)

    def registration(self, tenant_id: str, who: App, name: str, **more: Any) -> None:
        document = {
            "id": who.registration_id,
            "appId": who.client_id,
            "displayName": name,
            "signInAudience": "AzureADMyOrg",
        }
        self.store.put(tenant_id, "application", who.registration_id, document | more)

    def assign(self, who: App, resource_id: str, role_id: str) -> None:
        key = f"{who.object_id}-{resource_id}-{role_id}"
        document = {
            "id": key,
            "appRoleId": role_id,
            "principalId": who.object_id,
            "principalType": "ServicePrincipal",
            "resourceId": resource_id,
            "createdDateTime": "2026-01-01T00:00:00Z",
        }
        self.store.put(CONTOSO, "appRoleAssignment", key, document)

    def grant(self, key: str, who: App) -> None:
        document = {
            "id": key,
            "clientId": who.object_id,
            "consentType": "AllPrincipals",
            "principalId": None,
            "resourceId": EXCHANGE_SP,
            "scope": "Mail.Send openid",
        }
        self.store.put(CONTOSO, "oauth2PermissionGrant", key, document)

    def secret(self, tenant_id: str, who: App) -> None:
        expires = self.now() + timedelta(days=30)
        self.key_ids[who.client_id] = credentials.add_secret(
            self.store, tenant_id, who.client_id, SECRET, expires=expires
        )

    def _change(self, tenant_id: str, object_id: str, **more: Any) -> None:
        document = self.store.get(tenant_id, "servicePrincipal", object_id)
        assert document is not None
        self.store.put(tenant_id, "servicePrincipal", object_id, document | more)


def _roles(ids: Mapping[str, str]) -> list[Document]:
    return [
        {"id": role_id, "value": name, "displayName": name, "isEnabled": True, "allowedMemberTypes": ["Application"]}
        for name, role_id in ids.items()
    ]


# The server


@dataclass(slots=True)
class Clock:
    """The real time, moved by hand: certificates and tokens of real libraries are dated with the real one."""

    offset: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset


@dataclass(slots=True)
class Served:
    """What runs, and everything to reach it by."""

    origin: str
    ca: Path
    store: Store
    keys: SigningKeys
    clock: Clock
    directory: Directory

    def client(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self.origin, verify=ssl.create_default_context(cafile=str(self.ca)), trust_env=False
        )

    def token(self, who: App = READER, resource: str = "https://graph.microsoft.com") -> str:
        with self.client() as http:
            reply = http.post(
                f"/{CONTOSO}/oauth2/v2.0/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": who.client_id,
                    "client_secret": SECRET,
                    "scope": f"{resource}/.default",
                },
            )
        assert reply.status_code == 200, reply.text
        return str(reply.json()["access_token"])

    @contextmanager
    def graph(self, who: App = READER) -> Iterator[Graph]:
        with self.client() as http:
            yield Graph(http, self.token(who), Contract.read())


@contextmanager
def serve(folder: Path, open_store: Callable[[Path], Store] = Store) -> Iterator[Served]:
    """Entra and Graph on a free port of loopback, until the end of the block."""
    store, clock = open_store(folder / "sandbox.db"), Clock()
    keys = SigningKeys(store)
    directory = Directory(store, clock)
    ca = PrivateCa.open(folder / "ca")
    chain, key = ca.server_certificate()
    routes = [*entra.routes(store, keys, clock), *graph.routes(store, keys, clock, lambda: read_switches(store))]
    config = uvicorn.Config(
        Starlette(routes=routes),
        host="127.0.0.1",
        port=0,
        ssl_certfile=chain,
        ssl_keyfile=key,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="error",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(f"https://localhost:{port}", ca.pem_path, store, keys, clock, directory)
    finally:
        server.should_exit = True
        thread.join()
        store.close()


# The contract


class ContractBroken(AssertionError):
    """A request or an answer that Microsoft's description does not allow."""


@dataclass(frozen=True, slots=True)
class Contract:
    """Graph's OpenAPI description, held against real requests and answers."""

    document: Document
    registry: Registry[Any]

    @classmethod
    def read(cls) -> Contract | None:
        """None where the description is not at hand."""
        if not CONTRACT_FILE.exists():
            return None
        document = json.loads(CONTRACT_FILE.read_text(encoding="utf-8"))
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        return cls(document, Registry().with_resource("urn:graph", resource))

    def schema(self, name: str) -> Document:
        found: Document = self.document["components"]["schemas"][name]
        return found

    def check(self, pointer: str, value: object, what: str) -> None:
        """Raise ContractBroken unless the value fits the schema at this JSON pointer."""
        validator = Draft202012Validator({"$ref": f"urn:graph#{pointer}"}, registry=self.registry)
        for error in validator.iter_errors(value):
            raise ContractBroken(f"{what}: {error.json_path}: {error.message}")

    def check_schema(self, name: str, value: object) -> None:
        self.check(f"/components/schemas/{name}", value, name)

    def check_request(self, method: str, url: str, headers: Mapping[str, str], body: object) -> None:
        template, operation = self._operation(method, url)
        what = f"{method} {url}"
        known = {(each["in"], each["name"].lower()) for each in operation.get("parameters", [])}
        query = dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))
        for name in query:
            if ("query", name.lower()) not in known:
                raise ContractBroken(f"{what}: {name} is no parameter of {template}")
        for position, each in enumerate(operation.get("parameters", [])):
            given = query.get(each["name"]) if each["in"] == "query" else headers.get(each["name"].lower())
            if given is not None:
                value = _typed(given, each["schema"].get("type"))
                self.check(f"{self._pointer(template, method)}/parameters/{position}/schema", value, what)
        if "requestBody" in operation:
            self.check(f"{self._pointer(template, method)}/requestBody/content/application~1json/schema", body, what)
        elif body is not None:
            raise ContractBroken(f"{what}: has a body")

    def check_answer(self, method: str, url: str, status: int, body: object) -> None:
        template, operation = self._operation(method, url)
        which = str(status) if str(status) in operation["responses"] else "default"
        pointer = f"{self._pointer(template, method)}/responses/{which}/content/application~1json/schema"
        self.check(pointer, body, f"{status} of {method} {url}")

    def _operation(self, method: str, url: str) -> tuple[str, Document]:
        path = unquote(url.partition("?")[0])
        # The most literal template is meant: /directory/deletedItems/microsoft.graph.application is no {id}.
        for template in sorted(self.document["paths"], key=lambda each: each.count("{")):
            pattern = re.sub(r"\\\{\w+\\\}", "[^/']+", re.escape(template))
            if re.fullmatch(pattern, path) and method.lower() in self.document["paths"][template]:
                return template, self.document["paths"][template][method.lower()]
        raise ContractBroken(f"{method} {path} is not in the contract")

    def _pointer(self, template: str, method: str) -> str:
        return f"/paths/{quote(template.replace('~', '~0').replace('/', '~1'))}/{method.lower()}"


def _typed(text: str, kind: str | None) -> object:
    if kind == "integer":
        return int(text) if re.fullmatch(r"-?\d+", text) else text
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: httpx2.Headers
    body: Any

    @property
    def ids(self) -> set[str]:
        return {each["id"] for each in self.body["value"]}

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])


@dataclass(slots=True)
class Graph:
    """A Graph client that believes nothing: all that is sent and all that comes is held against the contract."""

    http: httpx2.Client
    token: str
    contract: Contract | None

    def get(self, url: str, headers: Mapping[str, str] | None = None, *, fits: bool = True) -> Reply:
        """`fits` is False for a request that is wrong on purpose, or for a path that the contract does not have."""
        return self.send("GET", url, None, headers, fits=fits)

    def post(self, url: str, body: object, *, fits: bool = True) -> Reply:
        return self.send("POST", url, body, fits=fits)

    def send(
        self, method: str, url: str, body: object, headers: Mapping[str, str] | None = None, *, fits: bool = True
    ) -> Reply:
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        response = self.http.request(method, "/v1.0" + url, headers=sent, json=body)
        reply = Reply(response.status_code, response.headers, response.json())
        if self.contract is not None:
            if fits:
                self.contract.check_request(method, url, {k.lower(): v for k, v in sent.items()}, body)
                self.contract.check_answer(method, url, reply.status, reply.body)
            elif reply.status >= 400:
                self.contract.check_schema("odata.error", reply.body)
        return reply

    def batch(self, *requests: Document) -> dict[str, Document]:
        """A `$batch`; its members are held against the contract as if they had come alone."""
        reply = self.post("/$batch", {"requests": list(requests)})
        assert reply.status == 200, reply.body
        answers = {each["id"]: each for each in reply.body["responses"]}
        if self.contract is not None:
            for member in requests:
                headers = {k.lower(): v for k, v in member.get("headers", {}).items()}
                answer = answers[member["id"]]
                self.contract.check_request(member["method"], member["url"], headers, member.get("body"))
                self.contract.check_answer(member["method"], member["url"], answer["status"], answer["body"])
        return answers

    def pages(self, url: str) -> list[Reply]:
        """A collection to its end, following the links as they come."""
        replies = [self.get(url)]
        while link := replies[-1].body.get("@odata.nextLink"):
            parts = urlsplit(link)
            assert f"{parts.scheme}://{parts.netloc}" == str(self.http.base_url).rstrip("/")
            replies.append(self.get(f"{parts.path.removeprefix('/v1.0')}?{parts.query}"))
        return replies


# A certificate that signs in


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """An application's certificate with its private key, as PEM."""

    certificate: str
    key: str


def make_certificate(*, not_after: datetime | None = None) -> SigningCertificate:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hveadmin test")])
    end = not_after or datetime.now(UTC) + timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=2))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return SigningCertificate(
        certificate.public_bytes(Encoding.PEM).decode(),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )

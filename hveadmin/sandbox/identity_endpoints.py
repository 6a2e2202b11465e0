"""
What vouches for a machine or a job besides Entra: Azure's identity endpoints, GitHub's and Azure Pipelines' OIDC ones.

    /metadata/identity/oauth2/token     IMDS of a virtual machine [D]
    /msi/token                          App Service's IDENTITY_ENDPOINT [D]
    /github/token                       ACTIONS_ID_TOKEN_REQUEST_URL [F]
    /pipelines/oidctoken                SYSTEM_OIDCREQUESTURI [O: azure-identity's own request]

Plain http on loopback, as the first two are. The machine's tokens come from the sandbox's Entra at once; a job's are
signed with a key of the issuer's own, which a federated credential of the application has to name (`trust`).
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hveadmin.sandbox import credentials
from hveadmin.sandbox.entra import Clock, Refusal, TokenEndpoint, find_tenant
from hveadmin.sandbox.keys import SigningKeys, unpadded_encode
from hveadmin.sandbox.store import Store

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
PIPELINES_ISSUER = "https://vstoken.dev.azure.com/0a5f0000-0000-4000-8000-00000000ad05"
EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"
"""Whom Entra expects federated tokens to be for [D]."""
_JOB_LIFE = 600
"""Seconds that a job's token lives."""


class Issuer:
    """Signs who somebody is, with a key of its own."""

    def __init__(self, issuer: str, subject: str) -> None:
        self.issuer = issuer
        self.subject = subject
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def public_key_pem(self) -> str:
        """What its signatures are checked with."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def sign(self, audience: str, now: float) -> str:
        """A JWT that says who the subject is, to one audience; `now` is in seconds since 1970."""
        header = {"typ": "JWT", "alg": "RS256", "kid": "sandbox"}
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": audience,
            "iat": int(now),
            "nbf": int(now) - _JOB_LIFE,
            "exp": int(now) + _JOB_LIFE,
            "jti": str(uuid.uuid4()),
        }
        signed = ".".join(unpadded_encode(json.dumps(part).encode()) for part in (header, claims))
        return f"{signed}.{unpadded_encode(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def trust(self, store: Store, tenant_id: str, client_id: str, audience: str = EXCHANGE_AUDIENCE) -> None:
        """Let it stand for an application: a federated credential on the application's registration."""
        credentials.add_federation(
            store, tenant_id, client_id, self.issuer, self.subject, audience, public_key_pem=self.public_key_pem
        )


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine and a job that runs on it: who vouches for them, and what they must show to be told."""

    tenant_id: str
    identities: tuple[str, ...]
    """Client ids of the managed identities that are assigned to it; the first is the system-assigned one."""
    github: Issuer
    pipelines: Issuer
    service_connection_id: str = "5c0e7d1a-0000-4000-8000-0000000000ad"
    identity_header: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    job_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: Mapping[str, Any]


class IdentityEndpoints:
    """The endpoints while they answer. A context manager."""

    def __init__(self, store: Store, clock: Clock, machine: Machine) -> None:
        self._store = store
        self._clock = clock
        self.machine = machine
        endpoints = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self._answer()

            def _answer(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = endpoints.reply(self.command, parts.path, query, headers)
                body = json.dumps(reply.body).encode()
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # What a process there finds in its environment

    def virtual_machine(self) -> dict[str, str]:
        """A virtual machine; the real one needs no variable, because its address is fixed."""
        return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": self.base_url}

    def app_service(self) -> dict[str, str]:
        """App Service, Functions, Container Apps."""
        return {"IDENTITY_ENDPOINT": f"{self.base_url}/msi/token", "IDENTITY_HEADER": self.machine.identity_header}

    def github_job(self) -> dict[str, str]:
        """A job of GitHub Actions with the permission `id-token: write`."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.base_url}/github/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.machine.job_token,
        }

    def pipelines_job(self) -> dict[str, str]:
        """A job of Azure Pipelines whose step was passed the job's token."""
        return {
            "SYSTEM_OIDCREQUESTURI": f"{self.base_url}/pipelines/oidctoken",
            "SYSTEM_ACCESSTOKEN": self.machine.job_token,
        }

    # Answers

    def reply(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> _Reply:
        """The answer to one request; names of headers are in lower case."""
        match method, path:
            case "GET", "/metadata/identity/oauth2/token":
                return self._imds(query, headers)
            case "GET", "/msi/token":
                return self._app_service(query, headers)
            case "GET", "/github/token":
                return self._job(self.machine.github, query.get("audience", ""), headers, "value")
            case "POST", "/pipelines/oidctoken":
                if query.get("serviceConnectionId") != self.machine.service_connection_id:
                    return _Reply(404, {"message": "The service connection does not exist."})  # [G]
                return self._job(self.machine.pipelines, EXCHANGE_AUDIENCE, headers, "oidcToken")
            case _:
                return _Reply(404, {"message": "Not found."})

    def _imds(self, query: Mapping[str, str], headers: Mapping[str, str]) -> _Reply:
        if headers.get("metadata", "").lower() != "true":
            return _imds_error("invalid_request", "Required metadata header not specified")
        client_id = self._identity(query)
        if client_id is None:
            return _imds_error("invalid_request", "Identity not found")
        try:
            token = self._machine_token(client_id, query.get("resource", ""))
        except Refusal as refusal:
            return _imds_error(refusal.error, f"AADSTS{refusal.number}: {refusal.text}")
        now = int(self._clock().timestamp())
        return _Reply(
            200,
            {
                "access_token": token["access_token"],
                "client_id": client_id,
                "expires_in": str(token["expires_in"]),
                "expires_on": str(now + token["expires_in"]),
                "ext_expires_in": str(token["expires_in"]),
                "not_before": str(now),
                "resource": query.get("resource", ""),
                "token_type": "Bearer",
            },
        )

    def _app_service(self, query: Mapping[str, str], headers: Mapping[str, str]) -> _Reply:
        if not hmac.compare_digest(headers.get("x-identity-header", ""), self.machine.identity_header):
            return _Reply(401, {"statusCode": 401, "message": "Unauthorized"})  # [G]
        client_id = self._identity(query)
        if client_id is None:
            return _Reply(400, {"statusCode": 400, "message": "No User Assigned or Delegated Managed Identity found"})
        try:
            token = self._machine_token(client_id, query.get("resource", ""))
        except Refusal as refusal:
            return _Reply(500, {"statusCode": 500, "message": f"AADSTS{refusal.number}: {refusal.text}"})
        expires = int(self._clock().timestamp()) + token["expires_in"]
        return _Reply(
            200,
            {
                "access_token": token["access_token"],
                "client_id": client_id,
                "expires_on": str(expires),
                "resource": query.get("resource", ""),
                "token_type": "Bearer",
            },
        )

    def _identity(self, query: Mapping[str, str]) -> str | None:
        """The identity that is asked for; None where it is not the machine's."""
        wanted = query.get("client_id", "").lower()
        if not self.machine.identities or (wanted and wanted not in self.machine.identities):
            return None
        return wanted or self.machine.identities[0]

    def _machine_token(self, client_id: str, resource: str) -> dict[str, Any]:
        tenant = find_tenant(self._store, self.machine.tenant_id)
        if tenant is None:
            raise Refusal(90002, "invalid_request", f"Tenant '{self.machine.tenant_id}' not found.")
        endpoint = TokenEndpoint(self._store, SigningKeys(self._store), self._clock(), self.base_url)
        application = endpoint.application(tenant, client_id)
        return endpoint.app_only(application, resource, "2")

    def _job(self, issuer: Issuer, audience: str, headers: Mapping[str, str], name: str) -> _Reply:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(token, self.machine.job_token):
            return _Reply(401, {"message": "Unauthorized"})
        return _Reply(200, {"count": 1, name: issuer.sign(audience, self._clock().timestamp())})


def _imds_error(error: str, text: str) -> _Reply:
    return _Reply(400, {"error": error, "error_description": text})

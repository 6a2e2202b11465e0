"""
Entra ID as sign-in libraries see it: the discovery document, the token endpoint, the keys.

The client credentials flow is here: an application proves itself with a secret, a certificate or a federated
assertion, and gets an RS256 token in the v1.0 form that Exchange and Graph use [D]. What people do is in `user_flows`.
Errors are AADSTS numbers in Microsoft's body shape, because the libraries and the people who search for them know
nothing else; where a text or a status is not recorded anywhere, the comment says [G].

A credential belongs to the application's home tenant, a service principal to each tenant that uses the application.
A token's `oid` and `sub` are the service principal's object id, and its `roles` are what was assigned on the very
resource that the token is for: Mail.Send of Graph has the same role id as Mail.Send of Exchange [F].
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from hveadmin.sandbox import credentials
from hveadmin.sandbox.credentials import SecretVerdict
from hveadmin.sandbox.keys import CLOCK_SKEW_SECONDS, BadToken, Jwt, SigningKeys, unpadded_encode
from hveadmin.sandbox.store import Document, Store

Clock = Callable[[], datetime]

EXCHANGE_APP_ID = "00000002-0000-0ff1-ce00-000000000000"
GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"

# A resource is asked for by address or by its application's id; the token's audience is what was asked for [D].
_RESOURCES = {
    "https://outlook.office365.com": EXCHANGE_APP_ID,
    "https://outlook.office.com": EXCHANGE_APP_ID,
    "https://outlook.office365.us": EXCHANGE_APP_ID,
    "https://outlook-dod.office365.us": EXCHANGE_APP_ID,
    "https://partner.outlook.cn": EXCHANGE_APP_ID,
    "https://graph.microsoft.com": GRAPH_APP_ID,
    "https://graph.microsoft.us": GRAPH_APP_ID,
    "https://dod-graph.microsoft.us": GRAPH_APP_ID,
    "https://microsoftgraph.chinacloudapi.cn": GRAPH_APP_ID,
}

LIFETIME_SECONDS = 3599
"""How long an access token lives."""
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def audiences_of(app_id: str) -> frozenset[str]:
    """Every `aud` that a token for this resource (EXCHANGE_APP_ID or GRAPH_APP_ID) may bear."""
    addresses = [address for address, owner in _RESOURCES.items() if owner == app_id]
    return frozenset({app_id, *addresses, *(f"{address}/" for address in addresses)})


def find_tenant(store: Store, name: str) -> Document | None:
    """A tenant by its id or any of its verified domains."""
    wanted = name.lower()
    found = store.get("", "tenant", wanted)
    if found is not None:
        return found
    return next((each for each in store.all("", "tenant") if wanted in domains_of(each)), None)


def domains_of(tenant: Document) -> tuple[str, ...]:
    """A tenant's verified domains in lower case, the default one first."""
    return tuple(dict.fromkeys(str(name).lower() for name in (tenant["domain"], *tenant.get("domains", ()))))


Grant = Callable[["TokenEndpoint", Document, Mapping[str, str]], dict[str, Any]]
"""Answers one kind of token request: the endpoint, the tenant, the form. Raises Refusal."""


def routes(store: Store, keys: SigningKeys, clock: Clock, grants: Mapping[str, Grant] | None = None) -> list[BaseRoute]:
    """Entra's routes for every tenant of the store. `grants` are the grant types besides client_credentials."""

    async def discovery(request: Request) -> Response:
        tenant = await run_in_threadpool(find_tenant, store, request.path_params["tenant"])
        if tenant is None:
            # The discovery document names this error differently from the token endpoint [F].
            refusal = tenant_not_found(request.path_params["tenant"])
            return refused(Refusal(refusal.number, "invalid_tenant", refusal.text), request, clock())
        return JSONResponse(_discovery_document(tenant, origin_of(request)))

    async def key_set(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(keys.jwks))

    async def token(request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        asked = {name: values[0] for name, values in form.items()}
        try:
            asked = _with_basic(asked, request.headers.get("authorization", ""))
            answer = await run_in_threadpool(
                TokenEndpoint(store, keys, clock(), origin_of(request), grants or {}).answer,
                request.path_params["tenant"],
                asked,
            )
        except Refusal as refusal:
            return refused(refusal, request, clock())
        return JSONResponse(answer, headers=_headers(request, str(uuid.uuid4())))

    return [
        Route("/{tenant}/v2.0/.well-known/openid-configuration", discovery, methods=["GET"]),
        Route("/{tenant}/oauth2/v2.0/token", token, methods=["POST"]),
        Route("/{tenant}/discovery/v2.0/keys", key_set, methods=["GET"]),
    ]


class Refusal(Exception):
    """An AADSTS error: its number, OAuth's name for it, and the text after the number."""

    def __init__(self, number: int, error: str, text: str) -> None:
        super().__init__(f"AADSTS{number}")
        self.number = number
        self.error = error
        self.text = text

    @property
    def status(self) -> int:
        """401 for invalid_client, 400 for the rest [F]."""
        return 401 if self.error == "invalid_client" else 400


@dataclass(frozen=True, slots=True)
class Application:
    """Who asks: an application as it stands in one tenant."""

    tenant: Document
    client_id: str
    principal: Document
    credentials: Document


@dataclass(frozen=True, slots=True)
class Resource:
    """Whom the token is for."""

    audience: str
    principal: Document


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Answers token requests at one moment, under the address by which it was called."""

    store: Store
    keys: SigningKeys
    now: datetime
    origin: str
    grants: Mapping[str, Grant] = field(default_factory=dict)

    def answer(self, tenant_name: str, asked: Mapping[str, str]) -> dict[str, Any]:
        """The token response. Raises Refusal."""
        tenant = find_tenant(self.store, tenant_name)
        if tenant is None:
            raise tenant_not_found(tenant_name)
        grant = required(asked, "grant_type")
        if grant in self.grants:
            return self.grants[grant](self, tenant, asked)
        if grant != "client_credentials":
            raise Refusal(70003, "unsupported_grant_type", f"The app requested an unsupported grant type '{grant}'.")
        application = self.application(tenant, client_id_in(asked))
        method = self._proof(application, asked)
        return self.app_only(application, audience_of(required(asked, "scope")), method, claims_asked(asked))

    def app_only(
        self, application: Application, audience: str, method: str, asked: ClaimsAsked | None = None
    ) -> dict[str, Any]:
        """A token for the application itself; `method` is 1 for a secret and 2 for a signature. Raises Refusal."""
        resource = self.resource(application.tenant, audience)
        claims = self._claims(application, resource, method, asked or ClaimsAsked())
        return {
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            "ext_expires_in": LIFETIME_SECONDS,
            "access_token": self.keys.sign(claims),
        }

    # Who

    def application(self, tenant: Document, client_id: str) -> Application:
        """An application that may sign in to the tenant. Raises Refusal."""
        tenant_id = tenant_id_of(tenant)
        principals = self.store.by_app_id(tenant_id, "servicePrincipal", client_id)
        if not principals:
            raise self._stranger(tenant, client_id)
        principal = principals[0]
        home = self._home(tenant_id, principal)
        if _needs_registration(principal) and not self.store.by_app_id(home, "application", client_id):
            # "If the associated app registration is missing, tokens are not issued" [D]; with this number [G].
            raise _application_not_found(client_id, tenant)
        if principal.get("accountEnabled") is False or principal.get("isDisabled") is True:
            raise Refusal(
                7000112,
                "unauthorized_client",
                f"Application '{client_id}'({principal.get('displayName')}) is disabled.",
            )
        return Application(tenant, client_id, principal, credentials.of_application(self.store, home, client_id))

    def _home(self, tenant_id: str, principal: Document) -> str:
        owner = str(principal.get("appOwnerOrganizationId") or tenant_id).lower()
        return owner if self.store.get("", "tenant", owner) is not None else tenant_id

    def _stranger(self, tenant: Document, client_id: str) -> Refusal:
        for each in self.store.all("", "tenant"):
            for registration in self.store.by_app_id(tenant_id_of(each), "application", client_id):
                here = tenant_id_of(each) == tenant_id_of(tenant)
                if here or registration.get("signInAudience") != "AzureADMyOrg":
                    return Refusal(
                        7000229,
                        "invalid_client",
                        f"The client application {client_id} is missing service principal in the tenant"
                        f" {tenant_id_of(tenant)}. See instructions here:"
                        " https://go.microsoft.com/fwlink/?linkid=2225119",
                    )
        return _application_not_found(client_id, tenant)

    # The proof; each returns the token's appidacr: 1 for a secret, 2 for a signature

    def _proof(self, application: Application, asked: Mapping[str, str]) -> str:
        if asked.get("client_assertion"):
            return self._assertion(application, asked)
        if asked.get("client_secret"):
            return self._secret(application, asked["client_secret"])
        raise Refusal(
            7000218,
            "invalid_client",
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )

    def _secret(self, application: Application, secret: str) -> str:
        verdict = credentials.judge_secret(application.credentials, secret, self.now)
        if verdict is SecretVerdict.GOOD:
            return "1"
        raise _bad_secret(verdict, application.client_id)

    def _assertion(self, application: Application, asked: Mapping[str, str]) -> str:
        if required(asked, "client_assertion_type") != _JWT_BEARER:
            raise Refusal(  # [G]: no recording of a wrong type was found
                900144, "invalid_request", f"The parameter 'client_assertion_type' must be '{_JWT_BEARER}'."
            )
        try:
            jwt = Jwt.parse(asked["client_assertion"])
        except BadToken:
            raise Refusal(50027, "invalid_request", "JWT token is invalid or malformed.") from None
        if jwt.claims.get("iss") == application.client_id:
            self._certificate(application, jwt)
        else:
            self._federation(application, jwt)
        return "2"

    def _certificate(self, application: Application, jwt: Jwt) -> None:
        certificate = credentials.certificate_by_thumbprint(application.credentials, jwt.header)
        if certificate is None:
            raise Refusal(
                700027,
                "invalid_client",
                "The certificate with identifier used to sign the client assertion is not registered on application."
                " [Reason - The key was not found.]",
            )
        if not jwt.is_signed_by(certificate.public_key()):
            raise Refusal(700027, "invalid_client", "Client assertion failed signature validation.")
        if self.now >= certificate.not_valid_after_utc:
            raise Refusal(
                700027,
                "invalid_client",
                "Client assertion failed signature validation. [Reason - The key used is expired.]",
            )
        if jwt.claims.get("sub") != application.client_id:
            raise Refusal(
                700021,
                "invalid_client",
                "Client assertion application identifier doesn't match 'client_id' parameter.",
            )
        if jwt.claims.get("aud") not in self._own_addresses(application.tenant):
            raise Refusal(700023, "invalid_client", "Client assertion audience claim does not match Realm issuer.")
        self._check_times(jwt)

    def _federation(self, application: Application, jwt: Jwt) -> None:
        issuer, subject = jwt.claims.get("iss"), jwt.claims.get("sub")
        from_issuer = [
            each
            for each in credentials.federations(application.credentials)
            if each.issuer == issuer and each.audience == _only(jwt.claims.get("aud"))
        ]
        matching = [each for each in from_issuer if each.subject == subject]
        if not matching:
            raise _federation_mismatch(jwt, subject_alone=bool(from_issuer))
        if not any(jwt.is_signed_by(each.public_key() or self.keys.public_key()) for each in matching):
            raise Refusal(700027, "invalid_client", "Client assertion failed signature validation.")
        self._check_times(jwt)

    def _own_addresses(self, tenant: Document) -> frozenset[str]:
        """What an assertion for this tenant may name as its audience, by the tenant's id or a domain."""
        names = (tenant_id_of(tenant), *domains_of(tenant))
        ends = ("oauth2/v2.0/token", "v2.0")
        return frozenset(f"{self.origin}/{name}/{end}" for name in names for end in ends)

    def _check_times(self, jwt: Jwt) -> None:
        now, expires, begins = self.now.timestamp(), jwt.seconds("exp"), jwt.seconds("nbf")
        early = begins is not None and begins > now + CLOCK_SKEW_SECONDS
        if expires is None or now >= expires or early:
            raise Refusal(
                700024,
                "invalid_client",
                f"Client assertion is not within its valid time range. Current time: {_timestamp(self.now)}.",
            )

    # For what

    def resource(self, tenant: Document, audience: str) -> Resource:
        """Whom a token for this address, or client id, is for. Raises Refusal."""
        app_id = _RESOURCES.get(audience.rstrip("/").lower(), audience.removeprefix("api://").lower())
        principals = self.store.by_app_id(tenant_id_of(tenant), "servicePrincipal", app_id)
        if not principals:
            raise Refusal(
                500011,
                "invalid_resource",
                f"The resource principal named {audience} was not found in the tenant named"
                f" {tenant.get('display_name')}. This can happen if the application has not been installed by the"
                " administrator of the tenant or consented to by any user in the tenant. You might have sent your"
                " authentication request to the wrong tenant.",
            )
        return Resource(audience, principals[0])

    def _claims(self, application: Application, resource: Resource, method: str, asked: ClaimsAsked) -> dict[str, Any]:
        tenant_id = tenant_id_of(application.tenant)
        principal_id = application.principal["id"]
        issuer = f"https://sts.windows.net/{tenant_id}/"
        # Entra dates its tokens five minutes back, for clocks that are behind [D].
        issued = int(self.now.timestamp()) - CLOCK_SKEW_SECONDS
        claims: dict[str, Any] = {
            "aud": resource.audience,
            "iss": issuer,
            "iat": issued,
            "nbf": max(issued, asked.not_before),
            "exp": int(self.now.timestamp()) + LIFETIME_SECONDS,
            "app_displayname": application.principal.get("displayName"),
            "appid": application.client_id,
            "appidacr": method,
            "idp": issuer,
            "idtyp": "app",
            "oid": principal_id,
            "sub": principal_id,
            "tenant_region_scope": application.tenant.get("region_scope", "EU"),
            "tid": tenant_id,
            "uti": unpadded_encode(os.urandom(16)),
            "ver": "1.0",
        }
        # A claim without a value is left out, not empty [O: real tokens].
        some = {
            "roles": self._roles(tenant_id, principal_id, resource.principal),
            "wids": (self.store.get(tenant_id, "roleAssignment", principal_id) or {}).get("wids"),
            "xms_cc": asked.capabilities,
        }
        return claims | {name: value for name, value in some.items() if value}

    def _roles(self, tenant_id: str, principal_id: str, resource: Document) -> list[str]:
        names = {role["id"]: role["value"] for role in resource.get("appRoles", []) if role.get("value")}
        assigned = self.store.where(tenant_id, "appRoleAssignment", "principalId", principal_id)
        return sorted(
            {
                names[each["appRoleId"]]
                for each in assigned
                if each["resourceId"] == resource["id"] and each["appRoleId"] in names
            }
        )


@dataclass(frozen=True, slots=True)
class ClaimsAsked:
    """What the `claims` parameter asks of an access token (continuous access evaluation)."""

    not_before: int = 0
    capabilities: tuple[str, ...] = ()


def claims_asked(asked: Mapping[str, str]) -> ClaimsAsked:
    """What a form asks of the token. Raises Refusal."""
    if not asked.get("claims"):
        return ClaimsAsked()
    try:
        wanted = json.loads(asked["claims"]).get("access_token", {})
        not_before = int((wanted.get("nbf") or {}).get("value", 0))
        capabilities = tuple(str(each) for each in (wanted.get("xms_cc") or {}).get("values", ()))
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Refusal(
            50131,
            "invalid_request",
            "The claims parameter in the request is not a valid claims request.",  # [G]
        ) from None
    return ClaimsAsked(not_before, capabilities)


def client_id_in(asked: Mapping[str, str]) -> str:
    """The application that a form names. Raises Refusal."""
    return required(asked, "client_id").strip().lower()


def required(asked: Mapping[str, str], name: str) -> str:
    """A field that must be there. Raises Refusal."""
    value = asked.get(name, "")
    if not value:
        raise Refusal(900144, "invalid_request", f"The request body must contain the following parameter: '{name}'.")
    return value


def audience_of(scope: str) -> str:
    """The resource that a scope of an application names. Raises Refusal."""
    wanted = scope.split()
    if len(wanted) != 1 or not wanted[0].endswith("/.default"):
        raise Refusal(
            1002012,
            "invalid_scope",
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with"
            " /.default suffixed to the resource identifier (application ID URI).",
        )
    return wanted[0].removesuffix("/.default")


def _with_basic(asked: dict[str, str], header: str) -> dict[str, str]:
    """The form with what client_secret_basic says in the Authorization header."""
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return asked
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Refusal(  # [G]
            7000215, "invalid_client", "Invalid client secret is provided."
        ) from None
    return {"client_id": unquote_plus(name), "client_secret": unquote_plus(secret), **asked}


def _needs_registration(principal: Document) -> bool:
    return bool(principal.get("servicePrincipalType", "Application") == "Application")


def tenant_id_of(tenant: Document) -> str:
    """A tenant's id."""
    return str(tenant["id"])


def _only(audience: object) -> object:
    """The one audience of an assertion: a JWT may hold it as a list."""
    return audience[0] if isinstance(audience, list) and len(audience) == 1 else audience


# Errors


def tenant_not_found(name: str) -> Refusal:
    """The refusal for a tenant that there is none of."""
    return Refusal(
        90002,
        "invalid_request",
        f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the correct"
        " cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for"
        " the tenant.",
    )


def _application_not_found(client_id: str, tenant: Document) -> Refusal:
    return Refusal(
        700016,
        "unauthorized_client",
        f"Application with identifier '{client_id}' was not found in the directory '{tenant.get('display_name')}'. This"
        " can happen if the application has not been installed by the administrator of the tenant or consented to by"
        " any user in the tenant. You may have sent your authentication request to the wrong tenant.",
    )


def _bad_secret(verdict: SecretVerdict, client_id: str) -> Refusal:
    if verdict is SecretVerdict.EXPIRED:
        return Refusal(
            7000222,
            "invalid_client",
            f"The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create new"
            " keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added"
            " security: https://aka.ms/certCreds.",
        )
    if verdict is SecretVerdict.IS_A_KEY_ID:
        return Refusal(
            7000215,
            "invalid_client",
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value,"
            f" not the client secret ID, for a secret added to app '{client_id}'.",
        )
    return Refusal(7000215, "invalid_client", "Invalid client secret is provided.")


def _federation_mismatch(jwt: Jwt, *, subject_alone: bool) -> Refusal:
    issuer, subject, audience = (jwt.claims.get(name) for name in ("iss", "sub", "aud"))
    if subject_alone:
        return Refusal(
            700213,
            "invalid_client",
            f"No matching federated identity record found for presented assertion subject '{subject}'. Check your"
            " federated identity credential Subject, Audience and Issuer against the presented assertion."
            " https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
        )
    return Refusal(
        70021,
        "invalid_client",
        f"No matching federated identity record found for presented assertion. Assertion Issuer: '{issuer}'. Assertion"
        f" Subject: '{subject}'. Assertion Audience: '{audience}'.",
    )


# Answers


def refused(refusal: Refusal, request: Request, now: datetime) -> Response:
    """A refusal as the libraries read it."""
    trace_id = str(uuid.uuid4())
    correlation_id = request.headers.get("client-request-id") or str(uuid.uuid4())
    timestamp = _timestamp(now)
    body = {
        "error": refusal.error,
        "error_description": f"AADSTS{refusal.number}: {refusal.text} Trace ID: {trace_id}"
        f" Correlation ID: {correlation_id} Timestamp: {timestamp}",
        "error_codes": [refusal.number],
        "timestamp": timestamp,
        "trace_id": trace_id,
        "correlation_id": correlation_id,
        "error_uri": f"{origin_of(request)}/error?code={refusal.number}",
    }
    return JSONResponse(body, status_code=refusal.status, headers=_headers(request, trace_id))


def _headers(request: Request, request_id: str) -> dict[str, str]:
    headers = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache", "x-ms-request-id": request_id}
    if request.headers.get("return-client-request-id", "").lower() == "true":
        headers["client-request-id"] = request.headers.get("client-request-id", "")
    return headers


def _timestamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def origin_of(request: Request) -> str:
    """`https://host:port` as the client wrote it."""
    return f"{request.url.scheme}://{request.url.netloc}"


def _discovery_document(tenant: Document, origin: str) -> dict[str, Any]:
    base = f"{origin}/{tenant_id_of(tenant)}"
    return {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{base}/v2.0",
        "request_uri_parameter_supported": False,
        "userinfo_endpoint": f"{origin}/oidc/userinfo",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "oid", "tid", "ver"],
        "tenant_region_scope": tenant.get("region_scope", "EU"),
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": origin.removeprefix("https://").removeprefix("http://"),
        "rbac_url": "https://pas.windows.net",
    }

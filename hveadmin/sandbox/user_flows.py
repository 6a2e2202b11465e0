"""
People signing in: device code, the browser's authorization code with PKCE, a password, and refresh tokens.

Nobody sits before the sandbox, so `Person` says who signs in and whether they do: by default the first administrator
of the tenant, at once (a device code is confirmed after the first poll, so that a client has to wait once). A token of
a person carries `scp`, what the application may do in the person's name, and `wids`, the directory roles of the
person in the tenant: whoever is no member of it, but has a role there, is a partner (GDAP) [G: such a token's shape].

Codes and refresh tokens are kept as hashes. Where a text or a number is not recorded anywhere, the comment says [G].
"""

from __future__ import annotations

import hashlib
import html
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hveadmin.sandbox.credentials import is_account_password
from hveadmin.sandbox.entra import (
    EXCHANGE_APP_ID,
    LIFETIME_SECONDS,
    Clock,
    Grant,
    Refusal,
    Resource,
    TokenEndpoint,
    claims_asked,
    client_id_in,
    find_tenant,
    origin_of,
    refused,
    required,
    tenant_id_of,
    tenant_not_found,
)
from hveadmin.sandbox.keys import CLOCK_SKEW_SECONDS, SigningKeys, unpadded_encode
from hveadmin.sandbox.store import Document, Store

EXCHANGE_MODULE = "fb78d390-0c51-40cd-8e17-fdbfab77341b"
"""Microsoft's own public application for Exchange PowerShell: known in every tenant, for Exchange alone [F]."""
INTERVAL_SECONDS = 1
"""Between two polls for a device code. Entra says 5."""
CODE_LIFE = timedelta(minutes=15)

_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
_OPENID = frozenset({"openid", "profile", "email", "offline_access"})
_NO_ROLE = "b79fbf4d-3ef9-4689-8143-76b194e85509"
"""What stands in `wids` of everybody without a role [F]."""
_TELEPHONE = "BCDFGHJKLMNPQRSTVWXZ"


# --- who sits there -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """Who signs in, and whether they do."""

    name: str = ""
    """The user principal name; empty for the tenant's first administrator, else its first user."""
    does: Literal["approve", "wait", "decline"] = "approve"
    """`wait` leaves a device code unconfirmed until somebody opens the page that the code is for."""
    renewal_refused: int = 0
    """The AADSTS number with which refresh tokens are refused; 0 takes them."""


def read_person(store: Store) -> Person:
    """Who signs in, as it stands now."""
    return Person(**(store.get("", "setting", "person") or {}))


def write_person(store: Store, person: Person) -> None:
    """Let somebody else sign in, from the next request on."""
    store.put("", "setting", "person", asdict(person))


def give_role(store: Store, tenant_id: str, object_id: str, *wids: str) -> None:
    """Give a user directory roles in a tenant: their own, or one where they then are a partner."""
    store.put(tenant_id, "roleAssignment", object_id, {"wids": list(wids)})


@dataclass(frozen=True, slots=True)
class _User:
    object_id: str
    name: str
    display_name: str
    home: str
    """The tenant whose member it is."""


def _user(store: Store, tenant: Document, name: str) -> _User:
    tenant_id = tenant_id_of(tenant)
    for home in (tenant_id, *(each["id"] for each in store.all("", "tenant") if each["id"] != tenant_id)):
        members = store.all(home, "user")
        found = [each for each in members if each["userPrincipalName"].lower() == name.lower()] if name else members
        found.sort(key=lambda each: store.get(tenant_id, "roleAssignment", each["id"]) is None)
        if found:
            is_known = home == tenant_id or store.get(tenant_id, "roleAssignment", found[0]["id"]) is not None
            user = _User(found[0]["id"], found[0]["userPrincipalName"], found[0]["displayName"], home)
            if not is_known:
                raise Refusal(
                    50020,
                    "invalid_grant",
                    f"User account '{user.name}' from identity provider 'https://sts.windows.net/{home}/' does not"
                    f" exist in tenant '{tenant.get('display_name')}'.",
                )
            if found[0].get("accountEnabled") is False:
                raise Refusal(50057, "invalid_grant", "The user account is disabled.")
            return user
    raise Refusal(
        50034,
        "invalid_grant",
        f"The user account {name} does not exist in the {tenant.get('display_name')} directory.",
    )


# --- tokens -------------------------------------------------------------------------------------------------------


def grants() -> Mapping[str, Grant]:
    """The grant types that people's sign-ins end in."""
    return MappingProxyType(
        {
            _DEVICE_CODE: _device_code,
            "authorization_code": _authorization_code,
            "password": _password,
            "refresh_token": _refresh_token,
        }
    )


def _device_code(endpoint: TokenEndpoint, tenant: Document, asked: Mapping[str, str]) -> dict[str, Any]:
    key = _hash(required(asked, "device_code"))
    with endpoint.store.transaction():
        kept = endpoint.store.get("", "deviceCode", key)
        if kept is None or endpoint.now >= datetime.fromisoformat(kept["expires"]):
            raise Refusal(
                70020,
                "expired_token",
                "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
            )
        state, person = kept["state"], read_person(endpoint.store)
        if state == "pending" and person.does != "wait" and kept["polls"] > 0:
            state = "approved" if person.does == "approve" else "declined"
        if state == "pending":
            endpoint.store.put("", "deviceCode", key, {**kept, "polls": kept["polls"] + 1})
            # A refusal would undo the transaction.
            pending = True
        else:
            endpoint.store.delete("", "deviceCode", key)
            pending = False
    if pending:
        raise Refusal(
            70016,
            "authorization_pending",
            "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
        )
    if state == "declined":
        raise Refusal(65004, "authorization_declined", "User declined to consent to access the app.")
    return _issue(endpoint, tenant, asked, scope=kept["scope"], user=_user(endpoint.store, tenant, person.name))


def _authorization_code(endpoint: TokenEndpoint, tenant: Document, asked: Mapping[str, str]) -> dict[str, Any]:
    key = _hash(required(asked, "code"))
    with endpoint.store.transaction():
        kept = endpoint.store.get("", "authorizationCode", key)
        endpoint.store.delete("", "authorizationCode", key)
    if kept is None or endpoint.now >= datetime.fromisoformat(kept["expires"]):
        raise Refusal(70008, "invalid_grant", "The provided authorization code or refresh token has expired.")
    if kept["clientId"] != client_id_in(asked) or kept["redirectUri"] != asked.get("redirect_uri"):
        raise Refusal(70000, "invalid_grant", "Provided grant is invalid or malformed.")  # [G]
    if _challenge(required(asked, "code_verifier")) != kept["challenge"]:
        raise Refusal(501481, "invalid_grant", "The Code_Verifier does not match the code_challenge.")
    # The browser offers whom the application names; whoever sits there may be somebody else all the same.
    user = _user(endpoint.store, tenant, read_person(endpoint.store).name or kept.get("hint", ""))
    return _issue(endpoint, tenant, asked, scope=kept["scope"], user=user, nonce=kept["nonce"])


def _password(endpoint: TokenEndpoint, tenant: Document, asked: Mapping[str, str]) -> dict[str, Any]:
    """Resource owner password credentials: of HVE accounts only, because nobody else here has a password."""
    name = required(asked, "username")
    # What the application may do is looked at first, so that no password is tried for one that may do nothing.
    _public(endpoint, tenant, client_id_in(asked))
    user = _user(endpoint.store, tenant, name)
    accounts = endpoint.store.all(user.home, "account")
    is_account = any(each["externalDirectoryObjectId"] == user.object_id for each in accounts)
    if not is_account or not is_account_password(endpoint.store, required(asked, "password")):
        raise Refusal(50126, "invalid_grant", "Error validating credentials due to invalid username or password.")
    return _issue(endpoint, tenant, asked, scope=required(asked, "scope"), user=user)


def _refresh_token(endpoint: TokenEndpoint, tenant: Document, asked: Mapping[str, str]) -> dict[str, Any]:
    kept = endpoint.store.get("", "refreshToken", _hash(required(asked, "refresh_token")))
    number = read_person(endpoint.store).renewal_refused
    if number:
        raise Refusal(number, "invalid_grant", "The refresh token is not accepted.")
    if kept is None or kept["clientId"] != client_id_in(asked):
        raise Refusal(9002313, "invalid_request", "Invalid request. Request is malformed or invalid.")  # [G]
    return _issue(
        endpoint,
        tenant,
        asked,
        scope=required(asked, "scope"),
        user=_user(endpoint.store, tenant, kept["user"]),
    )


def _issue(
    endpoint: TokenEndpoint,
    tenant: Document,
    asked: Mapping[str, str],
    *,
    scope: str,
    user: _User,
    nonce: str = "",
) -> dict[str, Any]:
    """The token response of every flow of a person. Raises Refusal."""
    client_id = client_id_in(asked)
    resource = endpoint.resource(tenant, _audience(scope))
    scopes = _granted(endpoint, tenant, client_id, resource, user)
    renewal = secrets.token_urlsafe(48)
    endpoint.store.put("", "refreshToken", _hash(renewal), {"clientId": client_id, "user": user.name})
    answer = {
        "token_type": "Bearer",
        # What was asked for is in it too, or the libraries do not find the token in their cache again [O].
        "scope": " ".join([*(f"{resource.audience}/{each}" for each in scopes), f"{resource.audience}/.default"]),
        "expires_in": LIFETIME_SECONDS,
        "ext_expires_in": LIFETIME_SECONDS,
        "access_token": endpoint.keys.sign(_claims(endpoint, tenant, asked, resource, user, scopes)),
        "refresh_token": renewal,
        "id_token": endpoint.keys.sign(_id_claims(endpoint, tenant, client_id, user, nonce)),
    }
    client_info = json.dumps({"uid": user.object_id, "utid": user.home}).encode()
    return answer | ({"client_info": unpadded_encode(client_info)} if asked.get("client_info") else {})


def _granted(endpoint: TokenEndpoint, tenant: Document, client_id: str, resource: Resource, user: _User) -> list[str]:
    """What the application may do in the person's name on the resource."""
    if client_id == EXCHANGE_MODULE:
        if resource.principal["appId"] == EXCHANGE_APP_ID:
            return ["Exchange.Manage"]
        raise Refusal(
            65002,
            "invalid_grant",
            f"Consent between first party application '{client_id}' and first party resource"
            f" '{resource.principal['appId']}' must be configured via preauthorization.",
        )
    application = _public(endpoint, tenant, client_id)
    consents = endpoint.store.where(tenant_id_of(tenant), "oauth2PermissionGrant", "clientId", application["id"])
    scopes = {
        name
        for each in consents
        if each["resourceId"] == resource.principal["id"]
        and (each["consentType"] == "AllPrincipals" or each["principalId"] == user.object_id)
        for name in str(each["scope"]).split()
    } - _OPENID
    if not scopes:
        raise Refusal(
            65001,
            "invalid_grant",
            f"The user or administrator has not consented to use the application with ID '{client_id}' named"
            f" '{application.get('displayName')}'. Send an interactive authorization request for this user and"
            " resource.",
        )
    return sorted(scopes)


def _public(endpoint: TokenEndpoint, tenant: Document, client_id: str) -> Document:
    """The enterprise application of one that may sign people in without proving itself. Raises Refusal."""
    application = endpoint.application(tenant, client_id)
    owner = str(application.principal.get("appOwnerOrganizationId") or tenant_id_of(tenant))
    registrations = endpoint.store.by_app_id(owner, "application", client_id)
    if not any(each.get("isFallbackPublicClient") is True for each in registrations):
        raise Refusal(
            7000218,
            "invalid_client",
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )
    return application.principal


def _claims(
    endpoint: TokenEndpoint,
    tenant: Document,
    asked: Mapping[str, str],
    resource: Resource,
    user: _User,
    scopes: list[str],
) -> dict[str, Any]:
    tenant_id, wanted = tenant_id_of(tenant), claims_asked(asked)
    issuer = f"https://sts.windows.net/{tenant_id}/"
    issued = int(endpoint.now.timestamp()) - CLOCK_SKEW_SECONDS
    roles = (endpoint.store.get(tenant_id, "roleAssignment", user.object_id) or {}).get("wids") or [_NO_ROLE]
    claims = {
        "aud": resource.audience,
        "iss": issuer,
        "iat": issued,
        "nbf": max(issued, wanted.not_before),
        "exp": int(endpoint.now.timestamp()) + LIFETIME_SECONDS,
        "acr": "1",
        "amr": ["pwd", "mfa"],
        "appid": client_id_in(asked),
        "appidacr": "0",
        "idtyp": "user",
        "name": user.display_name,
        "oid": user.object_id,
        "scp": " ".join(scopes),
        "sub": unpadded_encode(hashlib.sha256(f"{client_id_in(asked)}/{user.object_id}".encode()).digest()),
        "tid": tenant_id,
        "unique_name": user.name,
        "upn": user.name,
        "uti": unpadded_encode(secrets.token_bytes(16)),
        "ver": "1.0",
        "wids": roles,
    }
    return claims | ({"xms_cc": wanted.capabilities} if wanted.capabilities else {})


def _id_claims(endpoint: TokenEndpoint, tenant: Document, client_id: str, user: _User, nonce: str) -> dict[str, Any]:
    now, tenant_id = int(endpoint.now.timestamp()), tenant_id_of(tenant)
    claims: dict[str, Any] = {
        "aud": client_id,
        "iss": f"{endpoint.origin}/{tenant_id}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME_SECONDS,
        "name": user.display_name,
        "oid": user.object_id,
        "preferred_username": user.name,
        "sub": user.object_id,
        "tid": tenant_id,
        "ver": "2.0",
    }
    return claims | ({"nonce": nonce} if nonce else {})


def _audience(scope: str) -> str:
    """The one resource that a person's scope names, beside those of OpenID."""
    wanted = [each for each in scope.split() if each not in _OPENID]
    if len(wanted) != 1 or "/" not in wanted[0]:
        raise Refusal(
            70011,
            "invalid_scope",
            f"The provided request must include a 'scope' input parameter. '{scope}' is not valid.",
        )
    return wanted[0].rpartition("/")[0] if not wanted[0].endswith("/.default") else wanted[0].removesuffix("/.default")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _challenge(verifier: str) -> str:
    return unpadded_encode(hashlib.sha256(verifier.encode()).digest())


# --- pages --------------------------------------------------------------------------------------------------------


def routes(store: Store, keys: SigningKeys, clock: Clock) -> list[BaseRoute]:
    """The endpoints that people's sign-ins begin at."""

    async def device_code(request: Request) -> Response:
        form = _fields((await request.body()).decode("utf-8", "replace"))
        try:
            return JSONResponse(await run_in_threadpool(_begin, endpoint_of(request), _tenant_named(request), form))
        except Refusal as refusal:
            return refused(refusal, request, clock())

    async def confirm(request: Request) -> Response:
        code = request.query_params.get("code", "")
        done = await run_in_threadpool(confirm_device_code, store, code) if code else False
        said = "You have signed in. You may close this page." if done else "Enter the code that was shown to you."
        return HTMLResponse(_page(f"<p>{said}</p>", "" if done else _ASK_FOR_CODE))

    async def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        try:
            return await run_in_threadpool(_authorize, endpoint_of(request), _tenant_named(request), asked)
        except Refusal as refusal:
            # There is no safe place to send the browser back to.
            return HTMLResponse(_page(f"<p>AADSTS{refusal.number}: {html.escape(refusal.text)}</p>"), 400)

    def endpoint_of(request: Request) -> TokenEndpoint:
        return TokenEndpoint(store, keys, clock(), origin_of(request))

    return [
        Route("/{tenant}/oauth2/v2.0/devicecode", device_code, methods=["POST"]),
        Route("/devicelogin", confirm, methods=["GET"]),
        Route("/{tenant}/oauth2/v2.0/authorize", authorize, methods=["GET"]),
    ]


def confirm_device_code(store: Store, user_code: str) -> bool:
    """Confirm a sign-in on another device by the code that was shown there; whether there is one."""
    with store.transaction():
        for kept in store.all("", "deviceCode"):
            if kept["userCode"] == user_code.strip().upper() and kept["state"] == "pending":
                store.put("", "deviceCode", kept["key"], {**kept, "state": "approved"})
                return True
    return False


def _begin(endpoint: TokenEndpoint, tenant_name: str, form: Mapping[str, str]) -> dict[str, Any]:
    _check_client(endpoint, tenant_name, client_id_in(form))
    device_code = secrets.token_urlsafe(48)
    user_code = "".join(secrets.choice(_TELEPHONE) for _ in range(9))
    key = _hash(device_code)
    endpoint.store.put(
        "",
        "deviceCode",
        key,
        {
            "key": key,
            "userCode": user_code,
            "scope": required(form, "scope"),
            "expires": (endpoint.now + CODE_LIFE).isoformat(),
            "state": "pending",
            "polls": 0,
        },
    )
    page = f"{endpoint.origin}/devicelogin"
    return {
        "user_code": user_code,
        "device_code": device_code,
        "verification_uri": page,
        "expires_in": int(CODE_LIFE.total_seconds()),
        "interval": INTERVAL_SECONDS,
        "message": f"To sign in, use a web browser to open the page {page} and enter the code {user_code} to"
        " authenticate.",
    }


def _authorize(endpoint: TokenEndpoint, tenant_name: str, asked: Mapping[str, str]) -> Response:
    client_id = client_id_in(asked)
    _check_client(endpoint, tenant_name, client_id)
    back = required(asked, "redirect_uri")
    if urlsplit(back).hostname != "localhost" or urlsplit(back).scheme != "http":
        raise Refusal(
            50011,
            "invalid_request",
            f"The redirect URI '{back}' specified in the request does not match the redirect URIs configured for the"
            f" application '{client_id}'.",
        )
    state = {"state": asked["state"]} if "state" in asked else {}
    if read_person(endpoint.store).does == "decline":
        declined = "AADSTS65004: User declined to consent to access the app."
        return _send_back(back, asked, {"error": "access_denied", "error_description": declined, **state})
    if required(asked, "code_challenge_method") != "S256" or asked.get("response_type") != "code":
        raise Refusal(501491, "invalid_request", "Invalid code challenge method.")  # [G]
    code = secrets.token_urlsafe(48)
    endpoint.store.put(
        "",
        "authorizationCode",
        _hash(code),
        {
            "clientId": client_id,
            "redirectUri": back,
            "challenge": required(asked, "code_challenge"),
            "scope": required(asked, "scope"),
            "nonce": asked.get("nonce", ""),
            "hint": asked.get("login_hint", ""),
            "expires": (endpoint.now + CODE_LIFE).isoformat(),
        },
    )
    return _send_back(back, asked, {"code": code, "session_state": str(uuid.uuid4()), **state})


def _send_back(back: str, asked: Mapping[str, str], fields: Mapping[str, str]) -> Response:
    if asked.get("response_mode") != "form_post":
        return RedirectResponse(f"{back}{'&' if '?' in back else '?'}{urlencode(fields)}", 302)
    inputs = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}"/>'
        for name, value in fields.items()
    )
    button = "<noscript><button>Continue</button></noscript>"
    form = f'<form method="POST" action="{html.escape(back)}">{inputs}{button}</form>'
    return HTMLResponse(_page(form, "<script>document.forms[0].submit()</script>"))


def _check_client(endpoint: TokenEndpoint, tenant_name: str, client_id: str) -> None:
    tenant = find_tenant(endpoint.store, tenant_name)
    if tenant is None:
        raise tenant_not_found(tenant_name)
    if client_id != EXCHANGE_MODULE:
        _public(endpoint, tenant, client_id)


def _tenant_named(request: Request) -> str:
    return str(request.path_params["tenant"])


def _fields(body: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}


_ASK_FOR_CODE = '<form><input name="code" autofocus/><button>Next</button></form>'


def _page(*parts: str) -> str:
    return (
        f"<!DOCTYPE html><html><head><title>Sign in to the sandbox</title></head><body>{''.join(parts)}</body></html>"
    )

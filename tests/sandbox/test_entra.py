"""
The sandbox's Entra through the real sign-in libraries, over TLS.

The libraries are the judges: what they accept is what administrators and senders will use. Errors are compared by
number, status and body shape, because that is what callers map by.
"""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msal  # type: ignore[import-untyped]
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    EnvironmentCredential,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from entra_graph import (
    AUDIENCE,
    CONTOSO,
    DIRECTOR,
    DISABLED,
    EXPIRED_SECRET,
    FABRIKAM,
    FOREIGN,
    GLOBAL_READER,
    INVOICES,
    ISSUER,
    NO_PRINCIPAL,
    NOBODY,
    ORPHAN,
    POWERLESS,
    READER,
    SECRET,
    SUBJECT,
    WRONG_API,
    App,
    Served,
    SigningCertificate,
    guid,
    make_certificate,
    serve,
)
from msal.oauth2cli.assertion import JwtAssertionCreator  # type: ignore[import-untyped]

from hveadmin.sandbox import credentials
from hveadmin.sandbox.entra import EXCHANGE_APP_ID, GRAPH_APP_ID
from hveadmin.sandbox.keys import Jwt

EXCHANGE = "https://outlook.office365.com/.default"
GRAPH = "https://graph.microsoft.com/.default"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("entra")) as served:
        yield served


@pytest.fixture(scope="module")
def certificate(served: Served) -> SigningCertificate:
    """The second of two that are registered: the thumbprint decides which one is meant."""
    other, made = make_certificate(), make_certificate()
    for each in (other, made):
        credentials.add_certificate(served.store, CONTOSO, READER.client_id, each.certificate)
    return made


@pytest.fixture
def session(served: Served) -> Iterator[requests.Session]:
    # trust_env is off because REQUESTS_CA_BUNDLE silently beats `verify` [O].
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(served.ca)
        yield session


def claims_of(token: str) -> dict[str, Any]:
    return Jwt.parse(token).claims


def form(who: App | str = READER, **changes: str | None) -> dict[str, str]:
    """A good request for a token; a change to None leaves a field out."""
    client_id = who if isinstance(who, str) else who.client_id
    fields: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": SECRET,
        "scope": EXCHANGE,
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def ask(served: Served, fields: dict[str, str], tenant: str = CONTOSO, **headers: str) -> tuple[int, dict[str, Any]]:
    with served.client() as http:
        reply = http.post(f"/{tenant}/oauth2/v2.0/token", data=fields, headers=headers)
    assert reply.headers["cache-control"].startswith("no-store")
    return reply.status_code, reply.json()


# The libraries


def azure_options(served: Served) -> dict[str, Any]:
    return {"authority": served.origin, "disable_instance_discovery": True, "connection_verify": str(served.ca)}


def assertion_of(served: Served, **changes: Any) -> str:
    now = int(time.time())
    return served.keys.sign({"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "exp": now + 300, **changes})


def test_azure_identity_signs_in_with_a_secret(served: Served) -> None:
    with ClientSecretCredential(CONTOSO, READER.client_id, SECRET, **azure_options(served)) as credential:
        token = credential.get_token(EXCHANGE)
    assert claims_of(token.token)["oid"] == READER.object_id
    assert token.expires_on - time.time() > 3000


@pytest.mark.parametrize("chain", [False, True], ids=["thumbprint", "whole chain"])
def test_azure_identity_signs_in_with_a_certificate(
    served: Served, certificate: SigningCertificate, tmp_path: Path, chain: bool
) -> None:
    pem = tmp_path / "app.pem"
    pem.write_text(certificate.certificate + certificate.key)
    with CertificateCredential(
        CONTOSO, READER.client_id, str(pem), send_certificate_chain=chain, **azure_options(served)
    ) as credential:
        claims = claims_of(credential.get_token(GRAPH).token)
    assert (claims["appidacr"], claims["aud"]) == ("2", "https://graph.microsoft.com")


def test_azure_identity_signs_in_with_a_federated_assertion(served: Served) -> None:
    with ClientAssertionCredential(
        CONTOSO, READER.client_id, lambda: assertion_of(served), **azure_options(served)
    ) as credential:
        assert claims_of(credential.get_token(EXCHANGE).token)["appidacr"] == "2"


def test_azure_identity_signs_in_from_the_environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", CONTOSO)
    monkeypatch.setenv("AZURE_CLIENT_ID", READER.client_id)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", served.origin)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(served.ca))
    with EnvironmentCredential(disable_instance_discovery=True) as credential:
        assert claims_of(credential.get_token(EXCHANGE).token)["appid"] == READER.client_id


def test_azure_identity_names_the_error(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "azure.identity")
    with (
        ClientSecretCredential(CONTOSO, READER.client_id, "wrong", **azure_options(served)) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        credential.get_token(EXCHANGE)


def msal_application(
    served: Served, session: requests.Session, credential: Any, tenant: str = CONTOSO
) -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        READER.client_id,
        client_credential=credential,
        authority=f"{served.origin}/{tenant}",
        instance_discovery=False,
        http_client=session,
        client_capabilities=["CP1"],
    )


@pytest.mark.parametrize("tenant", [CONTOSO, "contoso.com", "CONTOSO.onmicrosoft.com"])
def test_msal_signs_in_with_a_secret_by_any_name_of_the_tenant(
    served: Served, session: requests.Session, tenant: str
) -> None:
    answer = msal_application(served, session, SECRET, tenant).acquire_token_for_client([EXCHANGE])
    assert claims_of(answer["access_token"])["tid"] == CONTOSO


@pytest.mark.parametrize("new_form", [True, False], ids=["PS256 and x5t#S256", "RS256 and padded x5t"])
def test_msal_signs_in_with_a_certificate(
    served: Served, session: requests.Session, certificate: SigningCertificate, new_form: bool
) -> None:
    credential = {"private_key": certificate.key}
    credential |= (
        {"public_certificate": certificate.certificate} if new_form else {"thumbprint": _sha1(certificate.certificate)}
    )
    answer = msal_application(served, session, credential).acquire_token_for_client([EXCHANGE])
    assert claims_of(answer["access_token"])["appidacr"] == "2"


def _sha1(pem: str) -> str:
    sha1 = hashes.SHA1()  # noqa: S303 — what Entra calls a thumbprint
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(sha1).hex()


def test_msal_reports_numbers_not_only_text(served: Served, session: requests.Session) -> None:
    answer = msal_application(served, session, "wrong").acquire_token_for_client([EXCHANGE])
    assert answer["error"] == "invalid_client"
    assert answer["error_codes"] == [7000215]


def test_a_claims_challenge_brings_a_token_that_honours_it(served: Served, session: requests.Session) -> None:
    application = msal_application(served, session, SECRET)
    first = claims_of(application.acquire_token_for_client([EXCHANGE])["access_token"])
    revoked_at = int(time.time()) - 60
    assert first["nbf"] < revoked_at
    challenge = json.dumps({"access_token": {"nbf": {"essential": True, "value": str(revoked_at)}}})
    again = application.acquire_token_for_client([EXCHANGE], claims_challenge=challenge)
    claims = claims_of(again["access_token"])
    assert (claims["nbf"], claims["xms_cc"]) == (revoked_at, ["CP1"])


# Tokens


def token_claims(served: Served, who: App, scope: str, tenant: str = CONTOSO) -> dict[str, Any]:
    status, body = ask(served, form(who, scope=scope), tenant)
    assert status == 200, body
    return claims_of(body["access_token"])


def test_a_token_says_who_for_whom_and_how_long(served: Served) -> None:
    status, body = ask(served, form())
    assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 3599)
    claims = claims_of(body["access_token"])
    assert claims["exp"] - time.time() == pytest.approx(3599, abs=10)
    assert claims.pop("iat") == claims.pop("nbf") == claims.pop("exp") - 3599 - 300
    assert len(claims.pop("uti")) == 22
    assert claims == {
        "aud": "https://outlook.office365.com",
        "iss": f"https://sts.windows.net/{CONTOSO}/",
        "idp": f"https://sts.windows.net/{CONTOSO}/",
        "app_displayname": "Reader",
        "appid": READER.client_id,
        "appidacr": "1",
        "idtyp": "app",
        "oid": READER.object_id,
        "sub": READER.object_id,
        "roles": ["Exchange.ManageAsApp"],
        "wids": [GLOBAL_READER],
        "tenant_region_scope": "EU",
        "tid": CONTOSO,
        "ver": "1.0",
    }


@pytest.mark.parametrize(
    ("who", "scope", "roles"),
    [
        (READER, EXCHANGE, ["Exchange.ManageAsApp"]),
        (READER, GRAPH, ["Application.Read.All"]),
        (DIRECTOR, GRAPH, ["Directory.Read.All", "Organization.Read.All"]),
        (DIRECTOR, EXCHANGE, None),
        (POWERLESS, GRAPH, None),
        # The role id is the same on both: only the resource tells which Mail.Send it is.
        (INVOICES, EXCHANGE, ["Mail.Send"]),
        (INVOICES, GRAPH, None),
        (WRONG_API, EXCHANGE, None),
        (WRONG_API, GRAPH, ["Mail.Send"]),
    ],
)
def test_roles_are_those_assigned_on_the_resource_that_was_asked_for(
    served: Served, who: App, scope: str, roles: list[str] | None
) -> None:
    assert token_claims(served, who, scope).get("roles") == roles


@pytest.mark.parametrize(
    "resource",
    [
        "https://outlook.office365.com",
        "https://outlook.office.com",
        "https://outlook.office365.com/",
        EXCHANGE_APP_ID,
        "https://graph.microsoft.com",
        GRAPH_APP_ID,
    ],
)
def test_the_audience_is_the_resource_as_it_was_asked_for(served: Served, resource: str) -> None:
    assert token_claims(served, READER, f"{resource}/.default")["aud"] == resource


def test_a_multi_tenant_application_signs_in_to_another_tenant_with_its_own_secret(served: Served) -> None:
    claims = token_claims(served, FOREIGN, EXCHANGE)
    assert (claims["tid"], claims["oid"]) == (CONTOSO, FOREIGN.object_id)


def test_the_published_keys_verify_the_token(served: Served) -> None:
    with served.client() as http:
        document = http.get(f"/{CONTOSO}/v2.0/.well-known/openid-configuration").json()
        published = http.get(document["jwks_uri"]).json()
    assert published == served.keys.jwks()


def test_a_secret_is_kept_as_a_hash_and_a_hint(served: Served) -> None:
    kept = json.dumps(served.store.get(CONTOSO, "credential", READER.client_id))
    assert SECRET not in kept
    assert SECRET[:3] in kept


# Discovery


@pytest.mark.parametrize("tenant", [CONTOSO, CONTOSO.upper(), "contoso.com", "contoso.onmicrosoft.com"])
def test_discovery_tells_a_tenant_by_any_of_its_names(served: Served, tenant: str) -> None:
    with served.client() as http:
        document = http.get(f"/{tenant}/v2.0/.well-known/openid-configuration").json()
    assert document["token_endpoint"] == f"{served.origin}/{CONTOSO}/oauth2/v2.0/token"
    assert document["issuer"] == f"{served.origin}/{CONTOSO}/v2.0"
    assert document["tenant_region_scope"] == "EU"
    assert document["cloud_instance_name"] == "microsoftonline.com"
    assert f"https://{document['msgraph_host']}" == served.origin


def test_discovery_of_an_unknown_tenant_is_an_error_with_its_number(served: Served) -> None:
    with served.client() as http:
        reply = http.get("/nobody.example/v2.0/.well-known/openid-configuration")
    assert (reply.status_code, reply.json()["error_codes"]) == (400, [90002])


# Errors

BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.mark.parametrize(
    ("fields", "number", "status", "error"),
    [
        (form(client_secret="wrong"), 7000215, 401, "invalid_client"),
        (form(client_secret=EXPIRED_SECRET), 7000222, 401, "invalid_client"),
        (form(guid(0x99)), 700016, 400, "unauthorized_client"),
        (form(READER.object_id), 700016, 400, "unauthorized_client"),
        (form(ORPHAN), 700016, 400, "unauthorized_client"),
        (form(NO_PRINCIPAL), 7000229, 401, "invalid_client"),
        (form(DISABLED), 7000112, 400, "unauthorized_client"),
        (form(scope=f"{guid(0x98)}/.default"), 500011, 400, "invalid_resource"),
        (form(scope="https://vault.example/.default"), 500011, 400, "invalid_resource"),
        (form(scope="https://outlook.office365.com/Mail.Send"), 1002012, 400, "invalid_scope"),
        (form(scope=f"{EXCHANGE} {GRAPH}"), 1002012, 400, "invalid_scope"),
        (form(client_secret=None), 7000218, 401, "invalid_client"),
        (form(scope=None), 900144, 400, "invalid_request"),
        (form(client_id=None), 900144, 400, "invalid_request"),
        (form(grant_type=None), 900144, 400, "invalid_request"),
        (form(grant_type="password"), 70003, 400, "unsupported_grant_type"),
        (form(client_assertion="x.y", client_assertion_type=BEARER), 50027, 400, "invalid_request"),
        (form(client_assertion="x.y.z", client_assertion_type="saml"), 900144, 400, "invalid_request"),
        (form(claims="not json"), 50131, 400, "invalid_request"),
        (form(claims="[]"), 50131, 400, "invalid_request"),
    ],
)
def test_each_mistake_has_its_number(
    served: Served, fields: dict[str, str], number: int, status: int, error: str
) -> None:
    got, body = ask(served, fields)
    assert (got, body["error"], body["error_codes"]) == (status, error, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert body["error_uri"].endswith(f"/error?code={number}")
    assert fields.get("client_secret", "nothing") not in json.dumps(body)


def test_an_unknown_tenant_is_told_before_anything_else(served: Served) -> None:
    status, body = ask(served, {}, tenant="nobody.example")
    assert (status, body["error_codes"]) == (400, [90002])


def test_a_single_tenant_application_is_unknown_to_other_tenants(served: Served) -> None:
    assert ask(served, form(READER), FABRIKAM)[1]["error_codes"] == [700016]


def test_an_errors_body_can_be_traced(served: Served) -> None:
    _, body = ask(served, form(client_secret="x"), **{"client-request-id": guid(7), "return-client-request-id": "true"})
    assert body["correlation_id"] == guid(7)
    for part in (f"Trace ID: {body['trace_id']}", f"Correlation ID: {guid(7)}", f"Timestamp: {body['timestamp']}"):
        assert part in body["error_description"]


def test_a_pasted_secret_id_is_told_apart_from_a_wrong_secret(served: Served) -> None:
    _, pasted = ask(served, form(client_secret=served.directory.key_ids[READER.client_id]))
    _, wrong = ask(served, form(client_secret="wrong"))
    assert pasted["error_codes"] == wrong["error_codes"] == [7000215]
    assert "not the client secret ID" in pasted["error_description"]
    assert "not the client secret ID" not in wrong["error_description"]


def test_a_secret_may_come_in_the_authorization_header(served: Served) -> None:
    secret = base64.b64encode(f"{READER.client_id}:{SECRET.replace(' ', '+')}".encode()).decode()
    status, _ = ask(served, form(client_id=None, client_secret=None), Authorization=f"Basic {secret}")
    assert status == 200
    status, body = ask(served, form(client_id=None, client_secret=None), Authorization="Basic nonsense!")
    assert (status, body["error_codes"]) == (401, [7000215])


def test_a_secret_ends_when_it_ends(served: Served) -> None:
    with moved(served, timedelta(days=29)):
        assert ask(served, form())[0] == 200
    with moved(served, timedelta(days=31)):
        assert ask(served, form())[1]["error_codes"] == [7000222]


@contextmanager
def moved(served: Served, by: timedelta) -> Iterator[None]:
    served.clock.offset = by
    try:
        yield
    finally:
        served.clock.offset = timedelta(0)


# Assertions


def certificate_assertion(served: Served, certificate: SigningCertificate, **changes: Any) -> str:
    """A client assertion made by msal's own signer, with some claims changed."""
    audience = f"{served.origin}/{CONTOSO}/oauth2/v2.0/token"
    signer = JwtAssertionCreator(certificate.key, "RS256", sha1_thumbprint=_sha1(certificate.certificate))
    made: str | bytes = signer.create_normal_assertion(
        audience=changes.pop("aud", audience),
        issuer=changes.pop("iss", READER.client_id),
        subject=changes.pop("sub", READER.client_id),
        expires_at=changes.pop("exp", int(time.time()) + 300),
        additional_claims=changes or None,
    )
    return made.decode() if isinstance(made, bytes) else made


def numbers_for(served: Served, assertion: str) -> list[int]:
    fields = form(client_secret=None, client_assertion=assertion, client_assertion_type=BEARER)
    answer: list[int] = ask(served, fields)[1].get("error_codes", [])
    return answer


@pytest.mark.parametrize(
    ("changes", "numbers"),
    [
        ({}, []),
        ({"aud": "https://elsewhere.example/token"}, [700023]),
        ({"sub": DIRECTOR.client_id}, [700021]),
        ({"exp": 1_000_000}, [700024]),
        ({"nbf": int(time.time()) + 3600}, [700024]),
    ],
)
def test_an_assertion_must_be_for_us_and_for_now(
    served: Served, certificate: SigningCertificate, changes: dict[str, Any], numbers: list[int]
) -> None:
    assert numbers_for(served, certificate_assertion(served, certificate, **changes)) == numbers


def test_a_certificate_that_is_not_registered_is_refused(served: Served) -> None:
    assert numbers_for(served, certificate_assertion(served, make_certificate())) == [700027]


def test_a_registered_thumbprint_with_another_key_is_refused(served: Served, certificate: SigningCertificate) -> None:
    stolen = SigningCertificate(certificate.certificate, make_certificate().key)
    assert numbers_for(served, certificate_assertion(served, stolen)) == [700027]


def test_a_certificate_ends_when_it_ends(served: Served, certificate: SigningCertificate) -> None:
    assertion = certificate_assertion(served, certificate, exp=int(time.time()) + 10 * 86400)
    assert numbers_for(served, assertion) == []
    with moved(served, timedelta(days=2)):
        assert numbers_for(served, assertion) == [700027]


@pytest.mark.parametrize(
    ("changes", "numbers"),
    [
        ({}, []),
        ({"aud": [AUDIENCE]}, []),
        ({"sub": "repo:contoso/mail:pull_request"}, [700213]),
        ({"sub": SUBJECT.upper()}, [700213]),
        ({"iss": "https://ci.example/"}, [70021]),
        ({"aud": "api://other"}, [70021]),
        ({"aud": [AUDIENCE, "api://other"]}, [70021]),
        ({"exp": 1_000_000}, [700024]),
    ],
)
def test_a_federated_assertion_must_match_exactly(served: Served, changes: dict[str, Any], numbers: list[int]) -> None:
    assert numbers_for(served, assertion_of(served, **changes)) == numbers


def test_a_federated_assertion_of_a_registered_issuer_needs_that_issuers_signature(served: Served) -> None:
    issuer = make_certificate()
    public = load_pem_private_key(issuer.key.encode(), None).public_key()
    credentials.add_federation(
        served.store,
        CONTOSO,
        READER.client_id,
        "https://oidc.example",
        "runner",
        AUDIENCE,
        public_key_pem=public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )
    claims = {"iss": "https://oidc.example", "sub": "runner", "aud": AUDIENCE}
    theirs = certificate_assertion(served, issuer, **claims)
    ours = served.keys.sign({**claims, "exp": int(time.time()) + 300})
    assert numbers_for(served, theirs) == []
    assert numbers_for(served, ours) == [700027]


@pytest.mark.parametrize("pem", ["", "not a certificate"])
def test_only_certificates_can_be_registered(served: Served, pem: str) -> None:
    with pytest.raises(ValueError, match="PEM"):
        credentials.add_certificate(served.store, CONTOSO, NOBODY, pem)

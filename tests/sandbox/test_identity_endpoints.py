"""The endpoints that vouch for a machine or a job: what they want to be shown, and what they give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from exchange_wire import NOON, HandClock

from hveadmin.sandbox.identity_endpoints import (
    EXCHANGE_AUDIENCE,
    GITHUB_ISSUER,
    PIPELINES_ISSUER,
    IdentityEndpoints,
    Issuer,
    Machine,
)
from hveadmin.sandbox.keys import Jwt
from hveadmin.sandbox.seed import CONTOSO
from hveadmin.sandbox.server import Sandbox

EXCHANGE = "https://outlook.office365.com"


@pytest.fixture(scope="module")
def issuers() -> tuple[Issuer, Issuer]:
    return Issuer(GITHUB_ISSUER, "repo:contoso/mail:ref:refs/heads/main"), Issuer(PIPELINES_ISSUER, "sc://a/b/c")


@pytest.fixture
def endpoints(sandbox: Sandbox, clock: HandClock, issuers: tuple[Issuer, Issuer]) -> Iterator[IdentityEndpoints]:
    identities = tuple(sandbox.operators()[name].client_id for name in ("operator", "reader"))
    with IdentityEndpoints(sandbox.store, clock, Machine(CONTOSO, identities, *issuers)) as endpoints:
        yield endpoints


@pytest.fixture
def http(endpoints: IdentityEndpoints) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=endpoints.base_url, trust_env=False, timeout=10) as client:
        yield client


def imds(http: httpx2.Client, *, resource: str = EXCHANGE, metadata: str = "true", **query: str) -> httpx2.Response:
    params = {"api-version": "2018-02-01", "resource": resource, **query}
    return http.get("/metadata/identity/oauth2/token", params=params, headers={"Metadata": metadata})


def claims_of(token: str) -> dict[str, Any]:
    return Jwt.parse(token).claims


class TestVirtualMachine:
    def test_the_first_identity_is_the_machines_own_and_others_are_named(
        self, http: httpx2.Client, endpoints: IdentityEndpoints
    ) -> None:
        own, other = endpoints.machine.identities
        assert claims_of(imds(http).json()["access_token"])["appid"] == own
        named = imds(http, client_id=other.upper()).json()
        assert (claims_of(named["access_token"])["appid"], named["expires_in"]) == (other, "3599")
        assert claims_of(named["access_token"])["aud"] == EXCHANGE

    def test_who_could_be_tricked_into_asking_is_refused(self, http: httpx2.Client) -> None:
        """A server that fetches addresses for others cannot send the header [D]."""
        reply = imds(http, metadata="")
        assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")

    def test_an_identity_that_is_not_assigned(self, http: httpx2.Client) -> None:
        reply = imds(http, client_id="11111111-0000-4000-8000-000000000001")
        assert (reply.status_code, reply.json()["error_description"]) == (400, "Identity not found")

    def test_a_resource_that_there_is_none_of(self, http: httpx2.Client) -> None:
        assert "AADSTS500011" in imds(http, resource="https://nothing.example").json()["error_description"]


class TestAppService:
    def ask(self, http: httpx2.Client, header: str, **query: str) -> httpx2.Response:
        params = {"api-version": "2019-08-01", "resource": EXCHANGE, **query}
        return http.get("/msi/token", params=params, headers={"X-IDENTITY-HEADER": header})

    def test_the_header_of_the_environment_is_wanted(self, http: httpx2.Client, endpoints: IdentityEndpoints) -> None:
        answer = self.ask(http, endpoints.app_service()["IDENTITY_HEADER"]).json()
        assert claims_of(answer["access_token"])["appid"] == endpoints.machine.identities[0]
        assert int(answer["expires_on"]) == int(NOON.timestamp()) + 3599
        assert self.ask(http, "wrong").status_code == 401
        header = endpoints.machine.identity_header
        assert self.ask(http, header, client_id="11111111-0000-4000-8000-000000000001").status_code == 400


class TestJobs:
    def test_github_says_who_the_job_is_to_the_audience_that_is_asked_for(
        self, http: httpx2.Client, endpoints: IdentityEndpoints
    ) -> None:
        job = endpoints.github_job()
        bearer = {"Authorization": f"bearer {job['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
        reply = http.get(f"{job['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=api://x", headers=bearer)
        claims = claims_of(reply.json()["value"])
        assert (claims["iss"], claims["aud"]) == (GITHUB_ISSUER, "api://x")
        assert claims["sub"] == "repo:contoso/mail:ref:refs/heads/main"
        assert http.get(job["ACTIONS_ID_TOKEN_REQUEST_URL"], headers={"Authorization": "bearer x"}).status_code == 401

    def test_pipelines_vouch_for_a_service_connection(self, http: httpx2.Client, endpoints: IdentityEndpoints) -> None:
        job, connection = endpoints.pipelines_job(), endpoints.machine.service_connection_id
        bearer = {"Authorization": f"Bearer {job['SYSTEM_ACCESSTOKEN']}"}

        def ask(name: str, headers: dict[str, str]) -> httpx2.Response:
            query = {"api-version": "7.1", "serviceConnectionId": name}
            return http.post(job["SYSTEM_OIDCREQUESTURI"], params=query, headers=headers)

        claims = claims_of(ask(connection, bearer).json()["oidcToken"])
        assert (claims["iss"], claims["aud"]) == (PIPELINES_ISSUER, EXCHANGE_AUDIENCE)
        assert ask("another", bearer).status_code == 404
        assert ask(connection, {}).status_code == 401

    def test_each_signs_with_a_key_of_its_own(self, issuers: tuple[Issuer, Issuer]) -> None:
        first, second = issuers
        assert first.public_key_pem != second.public_key_pem


def test_nothing_else_is_there(http: httpx2.Client) -> None:
    assert http.get("/").status_code == 404
    assert http.post("/msi/token").status_code == 404

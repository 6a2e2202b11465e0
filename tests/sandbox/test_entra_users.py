"""People signing in to the sandbox's Entra, with msal as the judge where it can be, and raw requests where not."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import msal  # type: ignore[import-untyped]
import pytest
import requests
from exchange_wire import HandClock

from hveadmin.sandbox.cmdlets import EXCHANGE_ADMINISTRATOR, GLOBAL_READER
from hveadmin.sandbox.keys import Jwt, unpadded_encode
from hveadmin.sandbox.seed import CONTOSO, guid_of
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.sandbox.user_flows import EXCHANGE_MODULE, Person, confirm_device_code, give_role, write_person

EXCHANGE = "https://outlook.office365.com/.default"
GRAPH = "https://graph.microsoft.com/.default"
ANNA, BEN = "anna.holm@contoso.com", "ben.ortiz@contoso.com"
ANNA_ID = guid_of("contoso", "user", ANNA)
BACK = "http://localhost:8400"
VERIFIER = "v" * 43
NO_ROLE = "b79fbf4d-3ef9-4689-8143-76b194e85509"


@pytest.fixture
def http(running: Running) -> Iterator[httpx2.Client]:
    trusted = ssl.create_default_context(cafile=running.ca_pem)
    with httpx2.Client(verify=trusted, base_url=running.base_url, timeout=10, trust_env=False) as client:
        yield client


@contextmanager
def application(running: Running, tenant: str) -> Iterator[msal.PublicClientApplication]:
    """Microsoft's Exchange module."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(running.ca_pem)
        yield msal.PublicClientApplication(
            EXCHANGE_MODULE,
            authority=f"{running.base_url}/{tenant}",
            instance_discovery=False,
            http_client=session,
        )


@pytest.fixture
def public(sandbox: Sandbox, running: Running) -> Iterator[msal.PublicClientApplication]:
    """Anna, an Exchange administrator, signs in through it."""
    give_role(sandbox.store, CONTOSO, ANNA_ID, EXCHANGE_ADMINISTRATOR)
    write_person(sandbox.store, Person(ANNA))
    with application(running, CONTOSO) as found:
        yield found


def by_device(public: msal.PublicClientApplication) -> dict[str, Any]:
    answer: dict[str, Any] = public.acquire_token_by_device_flow(public.initiate_device_flow([EXCHANGE]))
    return answer


def post(http: httpx2.Client, path: str, **fields: str) -> tuple[int, dict[str, Any]]:
    reply = http.post(f"/{CONTOSO}/oauth2/v2.0/{path}", data={"client_id": EXCHANGE_MODULE, **fields})
    return reply.status_code, reply.json()


def begin(http: httpx2.Client) -> dict[str, Any]:
    return post(http, "devicecode", scope=EXCHANGE)[1]


def poll(http: httpx2.Client, code: str) -> tuple[int, dict[str, Any]]:
    return post(http, "token", grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=code)


class TestDeviceCode:
    def test_a_token_says_who_it_is_and_what_the_application_may_do(
        self, sandbox: Sandbox, public: msal.PublicClientApplication
    ) -> None:
        claims = Jwt.parse(by_device(public)["access_token"]).claims
        assert (claims["upn"], claims["oid"], claims["scp"]) == (ANNA, ANNA_ID, "Exchange.Manage")
        assert (claims["wids"], claims["appid"], claims["idtyp"]) == ([EXCHANGE_ADMINISTRATOR], EXCHANGE_MODULE, "user")
        assert "roles" not in claims

    def test_a_client_waits_once(self, http: httpx2.Client, public: msal.PublicClientApplication) -> None:
        code = begin(http)["device_code"]
        status, pending = poll(http, code)
        assert (status, pending["error"], pending["error_codes"]) == (400, "authorization_pending", [70016])
        assert poll(http, code)[0] == 200
        assert poll(http, code)[1]["error"] == "expired_token"

    def test_it_can_wait_for_the_page(self, sandbox: Sandbox, http: httpx2.Client) -> None:
        write_person(sandbox.store, Person(ANNA, does="wait"))
        begun = begin(http)
        for _ in range(3):
            assert poll(http, begun["device_code"])[1]["error"] == "authorization_pending"
        assert "Enter the code" in http.get("/devicelogin").text
        assert "Enter the code" in http.get("/devicelogin", params={"code": "WRONGCODE"}).text
        assert "have signed in" in http.get("/devicelogin", params={"code": begun["user_code"].lower()}).text
        assert poll(http, begun["device_code"])[0] == 200
        assert confirm_device_code(sandbox.store, begun["user_code"]) is False

    def test_it_expires(self, http: httpx2.Client, clock: HandClock, sandbox: Sandbox) -> None:
        begun = begin(http)
        clock.advance(seconds=begun["expires_in"])
        assert poll(http, begun["device_code"])[1]["error_codes"] == [70020]

    def test_who_declines_gets_nothing(self, sandbox: Sandbox, public: msal.PublicClientApplication) -> None:
        write_person(sandbox.store, Person(ANNA, does="decline"))
        answer = by_device(public)
        assert (answer["error"], answer["error_codes"]) == ("authorization_declined", [65004])

    def test_no_code_and_no_token_is_kept_in_clear(
        self, sandbox: Sandbox, public: msal.PublicClientApplication
    ) -> None:
        flow = public.initiate_device_flow([EXCHANGE])
        answer = public.acquire_token_by_device_flow(flow)
        kept = b"".join(path.read_bytes() for path in sandbox.path.parent.glob("sandbox.db*"))
        for secret in (flow["device_code"], answer["refresh_token"], answer["access_token"]):
            assert secret.encode() not in kept


class TestWho:
    @pytest.mark.parametrize(
        ("name", "number"),
        [("nobody@contoso.com", 50034), (BEN, None)],
    )
    def test_only_members_sign_in(
        self, sandbox: Sandbox, public: msal.PublicClientApplication, name: str, number: int | None
    ) -> None:
        write_person(sandbox.store, Person(name))
        answer = by_device(public)
        if number is None:
            assert Jwt.parse(answer["access_token"]).claims["wids"] == [NO_ROLE]
        else:
            assert answer["error_codes"] == [number]

    def test_a_disabled_account_does_not(self, sandbox: Sandbox, public: msal.PublicClientApplication) -> None:
        user = sandbox.store.get(CONTOSO, "user", ANNA_ID)
        assert user is not None
        sandbox.store.put(CONTOSO, "user", ANNA_ID, {**user, "accountEnabled": False})
        assert by_device(public)["error_codes"] == [50057]

    def test_a_partner_signs_in_where_they_have_a_role_and_nowhere_else(self, tmp_path: Path) -> None:
        with Sandbox.open(tmp_path / "fleet.db", seed="fleet:2x1x1") as fleet, fleet.serve() as served:
            home, customer = fleet.tenants()
            visitor = fleet.store.all(home.tenant_id, "user")[0]
            write_person(fleet.store, Person(visitor["userPrincipalName"]))
            with application(served, customer.tenant_id) as public:
                assert by_device(public)["error_codes"] == [50020]
                give_role(fleet.store, customer.tenant_id, visitor["id"], GLOBAL_READER)
                claims = Jwt.parse(by_device(public)["access_token"]).claims
        assert (claims["tid"], claims["oid"], claims["wids"]) == (customer.tenant_id, visitor["id"], [GLOBAL_READER])


class TestApplications:
    def test_the_exchange_module_is_for_exchange_alone(self, public: msal.PublicClientApplication) -> None:
        by_device(public)
        account = public.get_accounts()[0]
        answer = public.acquire_token_silent_with_error([GRAPH], account=account)
        assert answer["error_codes"] == [65002]

    def test_one_without_public_client_flows_must_prove_itself(self, sandbox: Sandbox, http: httpx2.Client) -> None:
        reply = http.post(
            f"/{CONTOSO}/oauth2/v2.0/devicecode", data={"client_id": sandbox.operator.client_id, "scope": EXCHANGE}
        )
        assert reply.json()["error_codes"] == [7000218]

    def test_one_that_nobody_consented_to_gets_nothing(self, sandbox: Sandbox, http: httpx2.Client) -> None:
        store, client_id = sandbox.store, sandbox.operator.client_id
        registration = store.by_app_id(CONTOSO, "application", client_id)[0]
        store.put(CONTOSO, "application", registration["id"], {**registration, "isFallbackPublicClient": True})
        begun = http.post(f"/{CONTOSO}/oauth2/v2.0/devicecode", data={"client_id": client_id, "scope": EXCHANGE}).json()
        asked = {"client_id": client_id, "device_code": begun["device_code"]}
        asked["grant_type"] = "urn:ietf:params:oauth:grant-type:device_code"
        replies = [http.post(f"/{CONTOSO}/oauth2/v2.0/token", data=asked).json() for _ in range(2)]
        assert replies[1]["error_codes"] == [65001]

    def test_a_tenant_that_there_is_none_of(self, http: httpx2.Client, sandbox: Sandbox) -> None:
        reply = http.post("/nowhere.example/oauth2/v2.0/devicecode", data={"client_id": EXCHANGE_MODULE, "scope": "x"})
        assert reply.json()["error_codes"] == [90002]


class TestRenewal:
    def test_a_refresh_token_buys_a_new_token_without_anybody(
        self, public: msal.PublicClientApplication, clock: HandClock
    ) -> None:
        first = by_device(public)
        clock.advance(hours=2)
        again = public.acquire_token_silent([EXCHANGE], account=public.get_accounts()[0], force_refresh=True)
        assert Jwt.parse(again["access_token"]).claims["exp"] > Jwt.parse(first["access_token"]).claims["exp"]

    @pytest.mark.parametrize("number", [700082, 50173])
    def test_it_can_be_refused(self, sandbox: Sandbox, public: msal.PublicClientApplication, number: int) -> None:
        by_device(public)
        write_person(sandbox.store, Person(ANNA, renewal_refused=number))
        account = public.get_accounts()[0]
        answer = public.acquire_token_silent_with_error([EXCHANGE], account=account, force_refresh=True)
        assert answer["error_codes"] == [number]

    def test_another_application_cannot_use_it(self, http: httpx2.Client, public: msal.PublicClientApplication) -> None:
        renewal = by_device(public)["refresh_token"]
        fields = {"grant_type": "refresh_token", "refresh_token": renewal, "scope": EXCHANGE}
        assert post(http, "token", **fields)[0] == 200
        assert post(http, "token", **{**fields, "client_id": "another"})[0] == 400


class TestBrowser:
    def authorize(self, http: httpx2.Client, **changes: str) -> httpx2.Response:
        challenge = unpadded_encode(hashlib.sha256(VERIFIER.encode()).digest())
        asked = {
            "client_id": EXCHANGE_MODULE,
            "response_type": "code",
            "redirect_uri": BACK,
            "scope": f"openid offline_access {EXCHANGE}",
            "state": "xyz",
            "nonce": "n-1",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return http.get(f"/{CONTOSO}/oauth2/v2.0/authorize", params=asked | changes)

    def code(self, http: httpx2.Client) -> str:
        reply = self.authorize(http)
        assert reply.status_code == 302
        back = parse_qs(urlsplit(reply.headers["location"]).query)
        assert back["state"] == ["xyz"]
        return back["code"][0]

    def redeem(self, http: httpx2.Client, code: str, **changes: str) -> tuple[int, dict[str, Any]]:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
        return post(http, "token", **(fields | {"scope": EXCHANGE, "client_info": "1"} | changes))

    def test_a_code_buys_a_token_once(self, http: httpx2.Client, sandbox: Sandbox) -> None:
        write_person(sandbox.store, Person(ANNA))
        code = self.code(http)
        status, answer = self.redeem(http, code)
        assert status == 200
        assert Jwt.parse(answer["id_token"]).claims["nonce"] == "n-1"
        assert Jwt.parse(answer["access_token"]).claims["upn"] == ANNA
        assert self.redeem(http, code)[1]["error_codes"] == [70008]

    @pytest.mark.parametrize(
        ("changes", "number"),
        [({"code_verifier": "w" * 43}, 501481), ({"redirect_uri": "http://localhost:1"}, 70000)],
    )
    def test_a_stolen_code_buys_nothing(
        self, http: httpx2.Client, sandbox: Sandbox, changes: dict[str, str], number: int
    ) -> None:
        assert self.redeem(http, self.code(http), **changes)[1]["error_codes"] == [number]

    def test_a_code_expires(self, http: httpx2.Client, sandbox: Sandbox, clock: HandClock) -> None:
        code = self.code(http)
        clock.now += timedelta(minutes=15)
        assert self.redeem(http, code)[1]["error_codes"] == [70008]

    def test_a_form_brings_the_browser_back(self, http: httpx2.Client, sandbox: Sandbox) -> None:
        page = self.authorize(http, response_mode="form_post", state='"><script>x</script>').text
        assert f'action="{BACK}"' in page
        assert "<script>x" not in page

    def test_no_browser_is_sent_elsewhere(self, http: httpx2.Client, sandbox: Sandbox) -> None:
        reply = self.authorize(http, redirect_uri="https://evil.example")
        assert reply.status_code == 400
        assert "AADSTS50011" in reply.text

    def test_who_declines_is_sent_back_with_that(self, http: httpx2.Client, sandbox: Sandbox) -> None:
        write_person(sandbox.store, Person(ANNA, does="decline"))
        back = parse_qs(urlsplit(self.authorize(http).headers["location"]).query)
        assert back["error"] == ["access_denied"]
        assert "code" not in back

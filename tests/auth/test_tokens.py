"""Signing in with the real azure-identity, over TLS on loopback: tokens, refusals, failures, and no secret anywhere."""

from __future__ import annotations

import json
import logging
import socket
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest import param

from hveadmin.auth.claims import read_claims
from hveadmin.auth.clouds import CLOUDS, Cloud
from hveadmin.auth.credentials import sign_in
from hveadmin.auth.refusals import SignInRefused
from hveadmin.auth.sign_in import SignIn
from hveadmin.auth.tokens import AzureTokenSource
from hveadmin.domain.ids import ClientId
from hveadmin.domain.profile import AuthKind, AuthSettings, Endpoints, SecretKind, SecretSource
from hveadmin.errors import ConnectFailed, HveAdminError, Outcome

if TYPE_CHECKING:
    from .conftest import Entra, Pair

TENANT = "0a5f0000-0000-4000-8000-00000000000a"
CLIENT = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
SECRET = "canary~Qz8/sEcReT+value="
SCOPE = "https://outlook.office365.com/.default"
GRAPH = "https://graph.microsoft.com/.default"
CORRELATION = "22222222-bbbb-4000-8000-000000000002"
WITH_SECRET = AuthSettings(AuthKind.CLIENT_SECRET, CLIENT, secret=SecretSource(SecretKind.ENV, "S"))


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def with_secret(entra: Entra, secret: str = SECRET, *, tenant: str = TENANT, client: str = CLIENT) -> AzureTokenSource:
    auth = replace(WITH_SECRET, client_id=client)
    return sign_in(auth, tenant_id=tenant, cloud=entra.cloud, ca=entra.ca, environ={"S": secret})


def failure(source: AzureTokenSource, scope: str = SCOPE) -> HveAdminError:
    with source, pytest.raises(HveAdminError) as caught:
        source.token(scope)
    return caught.value


def with_certificate(
    entra: Entra, folder: Path, data: bytes, name: str = "app.pem", password: str | None = None
) -> AzureTokenSource:
    (folder / name).write_bytes(data)
    source = SecretSource(SecretKind.ENV, "PW") if password is not None else None
    auth = AuthSettings(AuthKind.CERTIFICATE, CLIENT, certificate=str(folder / name), certificate_password=source)
    return sign_in(auth, tenant_id=TENANT, cloud=entra.cloud, ca=entra.ca, environ={"PW": password or ""})


@dataclass
class CountingCredential:
    """Hands out a token of 2033 each time."""

    token: str = "a-token"
    expires_on: int = 2_000_000_000
    asked: int = 0

    def get_token(self, *scopes: str, claims: str | None = None, enable_cae: bool = False) -> CountingCredential:
        self.asked += 1
        return self

    def close(self) -> None:
        """Nothing is open."""


class TestTokens:
    def test_a_secret_buys_a_token_of_the_tenant(self, entra: Entra) -> None:
        with with_secret(entra) as source:
            claims = read_claims(source.token(SCOPE))
        assert (claims.tenant_id.value, claims.audience) == (TENANT, "https://outlook.office365.com")

    def test_a_token_is_asked_for_once_a_scope(self, entra: Entra) -> None:
        with with_secret(entra) as source:
            first = source.token(SCOPE)
            assert source.token(SCOPE) == first
            assert source.token(GRAPH) != first
        assert [form["scope"] for form in entra.forms] == [SCOPE, GRAPH]

    def test_threads_that_ask_at_once_share_one_token(self, entra: Entra) -> None:
        with with_secret(entra) as source, ThreadPoolExecutor(8) as threads:
            tokens = set(threads.map(lambda _: source.token(SCOPE), range(32)))
        assert len(tokens) == 1 == len(entra.forms)

    @pytest.mark.parametrize(("left", "asked"), [(301, 1), (300, 2), (1, 2), (-1, 2)])
    def test_five_minutes_before_its_end_a_token_is_asked_for_again(self, left: int, asked: int) -> None:
        counting = CountingCredential()
        sign_in_ = SignIn("contoso.com", ClientId(CLIENT), lambda options: counting)
        with AzureTokenSource(sign_in_, CLOUDS["worldwide"], now=lambda: counting.expires_on - left) as source:
            source.token(SCOPE)
            source.token(SCOPE)
        assert counting.asked == asked

    def test_a_claims_challenge_passes_memory_and_reaches_entra(self, entra: Entra) -> None:
        challenge = '{"access_token":{"nbf":{"essential":true,"value":"1790000000"}}}'
        with with_secret(entra) as source:
            first = source.token(SCOPE)
            second = source.token(SCOPE, claims=challenge)
            assert source.token(SCOPE) == second != first
        sent = json.loads(entra.forms[1]["claims"])["access_token"]
        assert sent["nbf"]["value"] == "1790000000" and sent["xms_cc"] == {"values": ["CP1"]}

    def test_after_closing_it_signs_in_again(self, entra: Entra) -> None:
        source = with_secret(entra)
        source.token(SCOPE)
        source.close()
        source.close()
        source.token(SCOPE)
        source.close()
        assert len(entra.forms) == 2

    def test_nobody_but_the_sign_in_host_of_a_custom_cloud_is_asked(self, entra: Entra) -> None:
        with with_secret(entra) as source:
            source.token(SCOPE)
        assert entra.paths == [f"/{TENANT}/v2.0/.well-known/openid-configuration", f"/{TENANT}/oauth2/v2.0/token"]

    @pytest.mark.parametrize(
        "environ",
        [
            {"HVEADMIN_TENANT_ID": TENANT, "HVEADMIN_CLIENT_ID": CLIENT, "HVEADMIN_CLIENT_SECRET": SECRET},
            {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET},
            {
                "HVEADMIN_TENANT_ID": "contoso.com",
                "HVEADMIN_CLIENT_ID": CLIENT,
                "HVEADMIN_CLIENT_SECRET": SECRET,
                "AZURE_TENANT_ID": "other.com",
                "AZURE_CLIENT_ID": "another application",
                "AZURE_CLIENT_SECRET": "another secret",
            },
        ],
    )
    def test_the_environment_signs_in(self, entra: Entra, environ: dict[str, str]) -> None:
        with sign_in(AuthSettings(), tenant_id="", cloud=entra.cloud, ca=entra.ca, environ=environ) as source:
            source.token(SCOPE)
        assert entra.forms[0]["client_id"] == CLIENT

    def test_the_tenant_of_this_run_goes_before_the_environments(self, entra: Entra) -> None:
        environ = {"AZURE_TENANT_ID": "other.com", "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET}
        with sign_in(AuthSettings(), tenant_id=TENANT, cloud=entra.cloud, ca=entra.ca, environ=environ) as source:
            source.token(SCOPE)
        assert entra.paths[-1].startswith(f"/{TENANT}/")


class TestCertificates:
    @pytest.mark.parametrize("password", [None, "päss word"])
    @pytest.mark.parametrize("kind", ["pem", "pfx"])
    def test_a_certificate_signs_in(
        self, entra: Entra, application: Pair, tmp_path: Path, kind: str, password: str | None
    ) -> None:
        data = getattr(application, kind)(password.encode() if password else None)
        with with_certificate(entra, tmp_path, data, f"app.{kind}", password) as source:
            source.token(SCOPE)
        assert "client_assertion" in entra.forms[0] and "client_secret" not in entra.forms[0]

    @pytest.mark.parametrize("names", ["HVEADMIN_CERTIFICATE", "AZURE_CLIENT_CERTIFICATE_PATH"])
    def test_the_environment_may_name_a_certificate_and_its_password(
        self, entra: Entra, application: Pair, tmp_path: Path, names: str
    ) -> None:
        family = names.split("_", 1)[0]
        password = f"{names.removesuffix('_PATH')}_PASSWORD"
        (tmp_path / "app.pfx").write_bytes(application.pfx(b"pw"))
        environ = {f"{family}_CLIENT_ID": CLIENT, names: str(tmp_path / "app.pfx"), password: "pw"}
        with sign_in(AuthSettings(), tenant_id=TENANT, cloud=entra.cloud, ca=entra.ca, environ=environ) as source:
            source.token(SCOPE)
        assert "client_assertion" in entra.forms[0]

    @pytest.mark.parametrize("kind", ["pem", "pfx"])
    @pytest.mark.parametrize(
        ("given", "says"), [("wrong canary", "does not open"), (None, "protected by a password, and none is named")]
    )
    def test_a_wrong_or_missing_password_is_told_from_a_damaged_file(
        self, entra: Entra, application: Pair, tmp_path: Path, kind: str, given: str | None, says: str
    ) -> None:
        data = getattr(application, kind)(b"right")
        error = failure(with_certificate(entra, tmp_path, data, f"app.{kind}", given))
        assert says in error.message and f"app.{kind}" in error.message
        assert "canary" not in error.message + error.hint
        assert error.outcome is Outcome.AUTH
        assert entra.paths == []

    @pytest.mark.parametrize(
        ("spoil", "says"),
        [
            param(lambda pair, other: b"not a certificate", "neither a PEM file nor a PFX", id="garbage"),
            param(lambda pair, other: b"", "neither a PEM file nor a PFX", id="empty"),
            param(lambda pair, other: pair.pem().split(b"-----BEGIN CERT")[0], "no certificate", id="only the key"),
            param(
                lambda pair, other: b"-----BEGIN CERT" + pair.pem().split(b"-----BEGIN CERT")[1],
                "no private key",
                id="only the certificate",
            ),
            param(
                lambda pair, other: (
                    pair.pem().split(b"-----BEGIN CERT")[0]
                    + b"-----BEGIN CERT"
                    + other.pem().split(b"-----BEGIN CERT")[1]
                ),
                "does not belong",
                id="another's certificate",
            ),
            param(lambda pair, other: pair.pem().replace(b"MII", b"XXX"), "damaged", id="damaged"),
        ],
    )
    def test_a_file_nobody_can_sign_in_with_says_why(
        self,
        entra: Entra,
        application: Pair,
        authority: Pair,
        tmp_path: Path,
        spoil: Callable[[Pair, Pair], bytes],
        says: str,
    ) -> None:
        error = failure(with_certificate(entra, tmp_path, spoil(application, authority)))
        assert says in error.message
        assert error.outcome is Outcome.AUTH
        assert entra.paths == []

    @pytest.mark.parametrize(("days", "says"), [((-30.0, -1.0), "expired on"), ((1.0, 30.0), "is not valid before")])
    def test_a_certificate_out_of_its_time_is_not_tried(
        self, entra: Entra, tmp_path: Path, make: Callable[..., Pair], days: tuple[float, float], says: str
    ) -> None:
        error = failure(with_certificate(entra, tmp_path, make("old", days=days).pem()))
        assert says in error.message and "thumbprint" in error.message
        assert entra.paths == []

    def test_one_that_entra_does_not_know(self, entra: Entra, authority: Pair, tmp_path: Path) -> None:
        error = failure(with_certificate(entra, tmp_path, authority.pem()))
        assert isinstance(error, SignInRefused) and error.number == 700027


class TestRefusals:
    def test_a_wrong_secret(self, entra: Entra) -> None:
        error = failure(with_secret(entra, "wrong"))
        assert isinstance(error, SignInRefused) and error.outcome is Outcome.AUTH
        assert (error.number, error.correlation_id) == (7000215, CORRELATION)
        assert "Secret ID: " not in error.hint.replace("not its Secret ID: ", "")

    def test_a_secrets_id_in_place_of_its_value(self, entra: Entra) -> None:
        error = failure(with_secret(entra, "b1946ac9-2c9e-4d5a-8f3e-3c1f6f1f7d11"))
        assert "most likely the Secret ID" in error.hint

    def test_a_tenant_that_is_not_there(self, entra: Entra) -> None:
        error = failure(with_secret(entra, tenant="nowhere.example"))
        assert isinstance(error, SignInRefused) and error.number == 90002
        assert "nowhere.example" in error.message

    def test_an_application_that_is_not_in_the_tenant(self, entra: Entra) -> None:
        other = "99999999-0000-4000-8000-000000000000"
        error = failure(with_secret(entra, client=other))
        assert isinstance(error, SignInRefused) and error.number == 700016
        assert other in error.message

    def test_a_scope_that_is_none(self, entra: Entra) -> None:
        error = failure(with_secret(entra), "https://outlook.office365.com/Mail.Send")
        assert isinstance(error, SignInRefused) and error.number == 1002012

    def test_a_refusal_without_a_number_is_still_a_refusal(self, entra: Entra) -> None:
        body = b'{"error":"invalid_client"}'
        entra.meddle = lambda path, form: (401, {"Content-Type": "application/json"}, body) if form else None
        error = failure(with_secret(entra))
        assert error.outcome is Outcome.AUTH and "invalid_client" in error.message

    def test_the_next_try_after_a_refusal_asks_again(self, entra: Entra) -> None:
        entra.secret = "another"
        with with_secret(entra) as source:
            with pytest.raises(SignInRefused):
                source.token(SCOPE)
            entra.secret = SECRET
            assert source.token(SCOPE)


class TestTrouble:
    def test_nobody_listens(self, entra: Entra) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        address = f"https://localhost:{port}"
        cloud = Cloud("custom", Endpoints(address, address, address), CLOUDS["worldwide"].audiences)
        error = failure(sign_in(WITH_SECRET, tenant_id=TENANT, cloud=cloud, environ={"S": SECRET}))
        assert isinstance(error, ConnectFailed)
        assert address in error.message and "refused" in error.message.lower()

    def test_a_certificate_that_is_not_trusted_says_who_signed_it(self, entra: Entra) -> None:
        error = failure(sign_in(WITH_SECRET, tenant_id=TENANT, cloud=entra.cloud, environ={"S": SECRET}))
        assert isinstance(error, ConnectFailed)
        assert "not trusted" in error.message and "CN=Contoso Private CA" in error.message
        assert "ca: FILE" in error.hint
        assert entra.forms == []

    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_the_environments_bundle_neither_adds_trust_nor_takes_it(
        self, entra: Entra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, application: Pair
    ) -> None:
        monkeypatch.setenv(variable, entra.ca)
        assert isinstance(
            failure(sign_in(WITH_SECRET, tenant_id=TENANT, cloud=entra.cloud, environ={"S": SECRET})), ConnectFailed
        )
        (tmp_path / "other.pem").write_bytes(application.pem())
        monkeypatch.setenv(variable, str(tmp_path / "other.pem"))
        with with_secret(entra) as source:
            assert source.token(SCOPE)

    def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
        self, entra: Entra, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        with with_secret(entra) as source:
            assert source.token(SCOPE)

    def test_a_proxy_of_the_environment_is_used_for_any_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[bytes] = []
        with socket.create_server(("127.0.0.1", 0)) as proxy:
            proxy.settimeout(20)

            def serve() -> None:
                for _ in range(3):
                    connection, _address = proxy.accept()
                    with connection:
                        asked.append(connection.recv(65536).split(b"\r\n")[0])
                        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

            thread = threading.Thread(target=serve)
            thread.start()
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
            address = "https://login.example"
            cloud = Cloud("custom", Endpoints(address, address, address), CLOUDS["worldwide"].audiences)
            error = failure(sign_in(WITH_SECRET, tenant_id=TENANT, cloud=cloud, environ={"S": SECRET}))
            thread.join()
        assert isinstance(error, ConnectFailed)
        assert {line.rsplit(b" ", 1)[0] for line in asked} == {b"CONNECT login.example:443"}

    @pytest.mark.parametrize(
        ("status", "kind", "body"),
        [
            (200, "text/html", b"<html>Welcome to our proxy</html>"),
            (200, "application/json", b"[]"),
            (200, "application/json", b'{"token_type":"Bearer"}'),
            (200, "application/json", b'{"access_to'),
            (403, "text/html", b"<html>blocked</html>"),
            (404, "text/plain", b"nothing here"),
        ],
    )
    @pytest.mark.parametrize("only_token_endpoint", [True, False])
    def test_an_answer_that_is_not_entras_is_said_to_be_none(
        self, entra: Entra, status: int, kind: str, body: bytes, only_token_endpoint: bool
    ) -> None:
        def proxy(path: str, form: dict[str, str]) -> tuple[int, dict[str, str], bytes] | None:
            return (status, {"Content-Type": kind}, body) if form or not only_token_endpoint else None

        entra.meddle = proxy
        error = failure(with_secret(entra))
        assert isinstance(error, ConnectFailed)
        assert f"{entra.url} answered, but not as Entra does (status {status} and {kind})" in error.message

    def test_a_busy_moment_is_waited_for(self, entra: Entra) -> None:
        answers = iter([(503, {"Retry-After": "0"}, b"")])
        entra.meddle = lambda path, form: next(answers, None) if form else None
        with with_secret(entra) as source:
            assert source.token(SCOPE)
        assert len(entra.forms) == 2

    def test_busy_for_ever_ends_after_three_tries(self, entra: Entra) -> None:
        entra.meddle = lambda path, form: (429, {"Retry-After": "0"}, b"") if form else None
        assert isinstance(failure(with_secret(entra)), ConnectFailed)
        assert len(entra.forms) == 3


class TestSecrecy:
    @pytest.fixture
    def everything_logged(self, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
        caplog.set_level(logging.DEBUG)
        for name in ("azure", "azure.core", "azure.identity", "msal", "urllib3", "requests", "hveadmin"):
            caplog.set_level(logging.DEBUG, logger=name)
        return caplog

    def test_signing_in_shows_neither_secret_nor_token(
        self, entra: Entra, everything_logged: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with with_secret(entra) as source:
            token = source.token(SCOPE)
            shown = f"{source!r} {source.__dict__!r} {source._sign_in!r} {source._cache!r}"
        streams = "".join(capfd.readouterr())
        for hidden in (SECRET, token):
            assert hidden not in everything_logged.text
            assert hidden not in shown
            assert hidden not in streams

    def test_a_server_that_repeats_the_secret_does_not_get_it_into_any_message(
        self, entra: Entra, everything_logged: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        for body in (
            {"error": "invalid_client", "error_description": f"AADSTS50999: bad secret {SECRET}."},
            {"error": f"no such secret: {SECRET}"},
            {"surprise": SECRET},
        ):
            raw = json.dumps(body).encode()
            entra.meddle = lambda path, form, raw=raw: (  # type: ignore[misc]
                (400, {"Content-Type": "application/json"}, raw) if form else None
            )
            error = failure(with_secret(entra))
            shown = "".join(traceback.format_exception(error)) + error.hint + repr(error.__dict__)
            assert SECRET not in shown
        assert SECRET not in everything_logged.text
        assert SECRET not in "".join(capfd.readouterr())

    def test_a_refusal_is_told_once_by_us_and_not_by_the_library(
        self, entra: Entra, capfd: pytest.CaptureFixture[str]
    ) -> None:
        failure(with_secret(entra, "wrong"))
        assert capfd.readouterr() == ("", "")

    def test_credentials_of_netrc_are_not_sent(
        self, entra: Entra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "netrc").write_text("machine localhost login ann password hers\n", encoding="utf-8")
        (tmp_path / "netrc").chmod(0o600)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        with with_secret(entra) as source:
            source.token(SCOPE)
        assert all("Authorization" not in headers for headers in entra.headers)

"""How sending applications sign in with the real msal, over TLS on loopback: every proof, every refusal, no secret."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hveadmin.auth.clouds import CLOUDS, Cloud
from hveadmin.auth.refusals import SignInRefused
from hveadmin.auth.sending.sign_in import Asking, Sender, sender_token
from hveadmin.auth.sending.ways import (
    ByAssertion,
    ByBrowser,
    ByCertificate,
    ByDeviceCode,
    ByPassword,
    BySecret,
    Way,
    prepare,
)
from hveadmin.domain.ids import Address, ClientId
from hveadmin.domain.profile import Endpoints, SecretKind, SecretSource
from hveadmin.domain.sending_token import read_token
from hveadmin.errors import AuthError, ConnectFailed, HveAdminError, UsageError

if TYPE_CHECKING:
    from .conftest import Entra, Pair

TENANT = "0a5f0000-0000-4000-8000-00000000000a"
CLIENT = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
SECRET = "canary~Qz8/sEcReT+value="
ACCOUNT = Address("hve-payroll@contoso.com")
WITH_SECRET = BySecret(SecretSource(SecretKind.ENV, "S"))


def nobody_types() -> str:
    raise AssertionError("nothing is to be read from standard input")


def token(
    entra: Entra,
    way: Way = WITH_SECRET,
    *,
    environ: dict[str, str] | None = None,
    client: str = CLIENT,
    tenant: str = TENANT,
    cloud: Cloud | None = None,
    may_be_asked: bool = True,
    said: list[str] | None = None,
    seconds: float = 20.0,
) -> str:
    prepared = prepare(way, client_id=client, environ=environ or {"S": SECRET}, typed=nobody_types)
    sender = Sender(ClientId(client), tenant, cloud or entra.cloud, entra.ca)
    asking = Asking(may_be_asked, (said if said is not None else []).append)
    return sender_token(sender, prepared, asking, seconds=seconds)


def failure(entra: Entra, **asked: object) -> HveAdminError:
    with pytest.raises(HveAdminError) as caught:
        token(entra, **asked)  # type: ignore[arg-type]
    assert SECRET not in f"{caught.value} {caught.value.hint}"
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return caught.value


def test_a_secret_buys_a_token_for_smtp(entra: Entra) -> None:
    found = read_token(token(entra))
    assert (found.tenant_id, found.audience) == (TENANT, "https://outlook.office.com")
    assert [form["scope"] for form in entra.forms] == ["https://outlook.office.com/.default"]


@pytest.mark.parametrize("password", [None, b"opens it"], ids=["plain", "locked"])
@pytest.mark.parametrize("form", ["pem", "pfx"])
def test_a_certificate_signs_in_from_either_file(
    entra: Entra, application: Pair, tmp_path: Path, form: str, password: bytes | None
) -> None:
    path = tmp_path / f"app.{form}"
    path.write_bytes(getattr(application, form)(password))
    source = SecretSource(SecretKind.ENV, "PW") if password else None
    found = token(entra, ByCertificate(path, source), environ={"PW": (password or b"").decode()})
    assert read_token(found).tenant_id == TENANT
    assert "client_secret" not in entra.forms[0]


def test_a_federated_token_is_handed_on_as_it_lies_in_its_file(entra: Entra, application: Pair, tmp_path: Path) -> None:
    import jwt

    ends = datetime.now(UTC) + timedelta(minutes=5)
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": f"{entra.url}/{TENANT}/oauth2/v2.0/token", "exp": ends}
    signed = jwt.encode(claims, application.key, algorithm="RS256")
    (tmp_path / "federated").write_text(f"{signed}\n")
    token(entra, ByAssertion(tmp_path / "federated"))
    assert entra.forms[0]["client_assertion"] == signed


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ({"environ": {"S": "another secret"}}, 7000215),
        ({"client": "00000000-1111-4222-8333-444444444404"}, 700016),
        ({"tenant": "elsewhere.example"}, 90002),
    ],
)
def test_a_refusal_is_told_by_its_number_also_where_msal_raises(
    entra: Entra, asked: dict[str, object], number: int
) -> None:
    error = failure(entra, **asked)
    assert isinstance(error, SignInRefused)
    assert error.number == number
    assert f"AADSTS{number}" in error.message


def test_a_secrets_id_pasted_in_its_place_is_recognised(entra: Entra) -> None:
    error = failure(entra, environ={"S": "0b9c6e5a-3d1f-4c27-9a84-6f2e1d7b8c10"})
    assert "most likely the Secret ID" in error.hint


def json_answer(status: int, body: bytes) -> Callable[[str, dict[str, str]], tuple[int, dict[str, str], bytes] | None]:
    def meddle(path: str, form: dict[str, str]) -> tuple[int, dict[str, str], bytes] | None:
        return (status, {"Content-Type": "application/json"}, body) if form else None

    return meddle


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, b"<html>a proxy</html>", "not as Entra does"),
        (200, b"{}", "not as Entra does"),
        (200, b"[1]", "not as Entra does"),
        (503, b"", "too busy: status 503"),
        (429, b'{"error": "temporarily_unavailable"}', "too busy: status 429"),
        (400, b'{"error": "invalid_grant"}', "invalid_grant"),
        (302, b"", "not as Entra does"),
    ],
)
def test_an_answer_that_is_not_entras_is_a_sentence(entra: Entra, status: int, body: bytes, says: str) -> None:
    entra.meddle = json_answer(status, body)
    error = failure(entra)
    assert says in error.message
    assert isinstance(error, ConnectFailed | AuthError)


def test_what_entra_repeats_of_a_secret_is_hidden(entra: Entra) -> None:
    entra.meddle = json_answer(400, f'{{"error":"odd","error_description":"AADSTS999999: {SECRET} is odd."}}'.encode())
    assert "*** is odd" in failure(entra).message


def test_a_redirect_is_not_followed_with_the_secret(entra: Entra) -> None:
    entra.meddle = lambda path, form: (307, {"Location": f"{entra.url}/elsewhere"}, b"") if form else None
    failure(entra)
    assert len(entra.forms) == 1


def test_a_certificate_of_an_unknown_authority_gets_no_secret(entra: Entra) -> None:
    entra.ca = ""
    error = failure(entra)
    assert "is not trusted" in error.message
    assert entra.forms == []


def test_nobody_there_and_nobody_answering_end_in_time(entra: Entra) -> None:
    nobody = Cloud("custom", Endpoints(*["https://localhost:9"] * 3), CLOUDS["worldwide"].audiences)
    assert "Connection refused" in failure(entra, cloud=nobody).message
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"https://localhost:{deaf.getsockname()[1]}"
        silent = Cloud("custom", Endpoints(url, url, url), CLOUDS["worldwide"].audiences)
        began = time.monotonic()
        error = failure(entra, cloud=silent, seconds=1.0)
    assert isinstance(error, ConnectFailed)
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("way", [ByDeviceCode(ACCOUNT), ByBrowser(ACCOUNT)])
def test_nobody_is_asked_where_nobody_can_be(entra: Entra, way: Way) -> None:
    assert "nobody can be asked" in failure(entra, way=way, may_be_asked=False).message
    assert entra.paths == []


def test_nothing_of_it_is_logged(entra: Entra, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    found = token(entra)
    failure(entra, environ={"S": f"{SECRET}x"})
    assert SECRET not in caplog.text
    assert found.rpartition(".")[0] not in caplog.text


@pytest.mark.parametrize(
    ("way", "says"),
    [
        (BySecret(SecretSource(SecretKind.ENV, "MISSING")), "MISSING is not set"),
        (BySecret(SecretSource(SecretKind.FILE, "missing")), "cannot be read"),
        (ByCertificate(Path("missing.pem")), "cannot be read"),
        (ByAssertion(Path("missing")), "cannot be read"),
        (ByPassword(ACCOUNT), "holds no password"),
    ],
)
def test_what_is_missing_here_is_found_before_anybody_is_contacted(entra: Entra, way: Way, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        prepare(way, client_id=CLIENT, environ={}, typed=str)
    assert entra.paths == []


def test_a_password_and_what_was_read_do_not_show_themselves(tmp_path: Path) -> None:
    (tmp_path / "app.pem").write_bytes(b"a private key")
    read = [
        prepare(ByPassword(ACCOUNT), client_id=CLIENT, environ={}, typed=lambda: SECRET),
        prepare(WITH_SECRET, client_id=CLIENT, environ={"S": SECRET}, typed=nobody_types),
        prepare(ByCertificate(tmp_path / "app.pem"), client_id=CLIENT, environ={}, typed=nobody_types),
    ]
    assert SECRET not in repr(read)
    assert "a private key" not in repr(read)

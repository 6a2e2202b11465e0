"""The sandbox's signing key and its JWTs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.sandbox.keys import BadReason, BadToken, Jwt, SigningKeys, unpadded_decode, unpadded_encode
from hveadmin.sandbox.store import Store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("keys") / "sandbox.db")
    yield store
    store.close()


@pytest.fixture(scope="module")
def keys(store: Store) -> SigningKeys:
    return SigningKeys(store)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(NOW.timestamp())
    return {"aud": "us", "nbf": now, "exp": now + 3600, **changes}


def reason_of(keys: SigningKeys, token: str, now: datetime = NOW) -> BadReason | None:
    try:
        keys.verify(token, audiences={"us"}, now=now)
    except BadToken as bad:
        return bad.reason
    return None


def test_what_was_signed_is_read_back(keys: SigningKeys) -> None:
    assert keys.verify(keys.sign(claims(oid="x")), audiences={"us"}, now=NOW) == claims(oid="x")


@pytest.mark.parametrize(
    ("changes", "later", "reason"),
    [
        ({}, 0, None),
        ({"aud": "them"}, 0, BadReason.AUDIENCE),
        ({"aud": None}, 0, BadReason.AUDIENCE),
        ({}, 3599, None),
        ({}, 3600, BadReason.EXPIRED),
        ({"exp": None}, 0, BadReason.EXPIRED),
        ({"exp": "tomorrow"}, 0, BadReason.EXPIRED),
        ({"exp": float("nan")}, 0, BadReason.EXPIRED),
        ({}, -300, None),
        ({}, -301, BadReason.NOT_YET_VALID),
        ({"nbf": None}, -301, None),
    ],
)
def test_only_a_token_for_us_and_for_now_is_accepted(
    keys: SigningKeys, changes: dict[str, Any], later: int, reason: BadReason | None
) -> None:
    assert reason_of(keys, keys.sign(claims(**changes)), NOW + timedelta(seconds=later)) is reason


def test_a_changed_claim_breaks_the_signature(keys: SigningKeys) -> None:
    header, _, signature = keys.sign(claims(roles=[])).split(".")
    forged = unpadded_encode(json.dumps(claims(roles=["Directory.Read.All"])).encode())
    assert reason_of(keys, f"{header}.{forged}.{signature}") is BadReason.SIGNATURE


@pytest.mark.parametrize("algorithm", ["none", "HS256", "PS256", "", None])
def test_a_token_cannot_choose_another_algorithm(keys: SigningKeys, algorithm: str | None) -> None:
    _, body, signature = keys.sign(claims()).split(".")
    header = unpadded_encode(json.dumps({"alg": algorithm}).encode())
    assert reason_of(keys, f"{header}.{body}.{signature}") is BadReason.SIGNATURE
    assert reason_of(keys, f"{header}.{body}.") is BadReason.SIGNATURE


def test_even_the_right_key_is_not_believed_with_another_algorithm(store: Store, keys: SigningKeys) -> None:
    keys.sign({})
    stored = store.get("", "setting", "signing-key")
    assert stored is not None
    private = load_pem_private_key(stored["pem"].encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
    signed_part = ".".join(unpadded_encode(json.dumps(part).encode()) for part in ({"alg": "PS256"}, claims()))
    token = f"{signed_part}.{unpadded_encode(private.sign(signed_part.encode(), scheme, hashes.SHA256()))}"
    assert Jwt.parse(token).is_signed_by(keys.public_key())
    assert reason_of(keys, token) is BadReason.SIGNATURE


@given(st.text(max_size=60) | st.lists(st.text(max_size=20), min_size=3, max_size=3).map(".".join))
def test_text_that_is_no_jwt_is_refused_and_nothing_else(text: str) -> None:
    try:
        Jwt.parse(text)
    except BadToken as bad:
        assert bad.reason is BadReason.MALFORMED


@given(st.binary())
def test_base64url_comes_back_with_and_without_padding(data: bytes) -> None:
    text = unpadded_encode(data)
    assert "=" not in text
    assert unpadded_decode(text) == unpadded_decode(base64.urlsafe_b64encode(data).decode()) == data


def test_the_published_key_is_the_one_that_signs(keys: SigningKeys) -> None:
    jwt = Jwt.parse(keys.sign(claims()))
    (published,) = keys.jwks()["keys"]
    numbers = rsa.RSAPublicNumbers(
        int.from_bytes(unpadded_decode(published["e"]), "big"), int.from_bytes(unpadded_decode(published["n"]), "big")
    )
    assert jwt.header["kid"] == published["kid"]
    assert jwt.is_signed_by(numbers.public_key())


def test_all_who_share_a_store_share_the_key_from_the_first_moment(tmp_path: Path) -> None:
    stores = [Store(tmp_path / "sandbox.db") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        tokens = list(pool.map(lambda store: SigningKeys(store).sign(claims()), stores))
    assert {reason_of(SigningKeys(stores[0]), token) for token in tokens} == {None}
    for store in stores:
        store.close()


def test_a_reset_makes_every_older_token_worthless(tmp_path: Path) -> None:
    store = Store(tmp_path / "sandbox.db")
    keys = SigningKeys(store)
    token = keys.sign(claims())
    store.clear()
    assert reason_of(keys, token) is BadReason.SIGNATURE
    store.close()

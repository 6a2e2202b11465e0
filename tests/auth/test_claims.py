"""A token is read offline, and one that does not say whose it is is never taken for one that does."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import param

from hveadmin.auth.claims import read_claims
from hveadmin.domain.ids import ClientId, Guid, TenantId
from hveadmin.domain.ports import TenantIdentity
from hveadmin.errors import AuthError

TENANT = "0a5f0000-0000-4000-8000-00000000000a"
CLIENT = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
OBJECT = "59e617e5-e447-4adc-8b88-00af644d7c92"
GOOD: dict[str, Any] = {"aud": "https://outlook.office365.com", "exp": 1790000000, "iat": 1789996400, "tid": TENANT}
APP = GOOD | {
    "app_displayname": "hveadmin",
    "appid": CLIENT,
    "idtyp": "app",
    "oid": OBJECT,
    "roles": ["Exchange.ManageAsApp"],
    "wids": ["29232cdf-9323-42fd-ade2-1d097af3e4de"],
    "ver": "1.0",
}


def token(claims: object, signature: str = "c2ln") -> str:
    parts = ({"typ": "JWT", "alg": "RS256", "nonce": "x"}, claims)
    coded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join((*coded, signature))


def test_an_applications_token() -> None:
    found = read_claims(token(APP))
    assert found.identity == TenantIdentity(TenantId(TENANT), f"hveadmin ({CLIENT})")
    assert (found.app_id, found.object_id) == (ClientId(CLIENT), Guid(OBJECT))
    assert (found.roles, found.wids, found.scopes) == (
        ("Exchange.ManageAsApp",),
        ("29232cdf-9323-42fd-ade2-1d097af3e4de",),
        (),
    )
    assert found.expires == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
    assert found.audience == "https://outlook.office365.com"


@pytest.mark.parametrize(
    ("more", "actor"),
    [
        param({"appid": CLIENT, "upn": "ann@contoso.com", "scp": "Exchange.Manage"}, "ann@contoso.com", id="user"),
        param({"azp": CLIENT, "preferred_username": "ann@contoso.com"}, "ann@contoso.com", id="user, v2.0"),
        param({"azp": CLIENT}, CLIENT, id="application, v2.0"),
        param({"oid": OBJECT}, OBJECT, id="only an object id"),
        param({"app_displayname": "x"}, "x", id="only a name"),
        param({}, "unnamed", id="nothing"),
    ],
)
def test_who_acts(more: dict[str, object], actor: str) -> None:
    assert read_claims(token(GOOD | more)).actor == actor


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "opaque"),
        ("opaque-token", "opaque"),
        ("a.b", "opaque"),
        ("a.b.c.d.e", "encrypted"),
        ("a.b.c", "not JSON"),
        ("a.***.c", "not JSON"),
        ("a.bnVsbA.c", "no claims"),
        (token([1]), "no claims"),
        ("a." + "A" * 1_000_001 + ".c", "not JSON"),
        (token({name: GOOD[name] for name in GOOD if name != "tid"}), "which tenant"),
        (token(GOOD | {"tid": "common"}), "which tenant"),
        (token(GOOD | {"tid": [TENANT]}), "which tenant"),
        (token(GOOD | {"aud": ""}), "whom it is for"),
        (token({name: GOOD[name] for name in GOOD if name != "exp"}), "how long"),
        (token(GOOD | {"exp": True}), "how long"),
        (token(GOOD | {"exp": 1e300}), "how long"),
        (token(GOOD | {"exp": "1790000000"}), "how long"),
    ],
)
def test_what_cannot_be_read_is_said_without_showing_it(text: str, why: str) -> None:
    with pytest.raises(AuthError, match=why) as caught:
        read_claims(text)
    assert len(text) < 10 or text not in caught.value.message


def test_claims_of_the_wrong_type_are_no_claims() -> None:
    found = read_claims(token(GOOD | {"roles": "x", "wids": [1, "w"], "scp": 7, "oid": "no guid", "appid": None}))
    assert (found.roles, found.wids, found.scopes, found.object_id, found.app_id) == ((), ("w",), (), None, None)


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    with pytest.raises(AuthError):
        read_claims(text)

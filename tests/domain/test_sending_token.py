"""A sending application's token, read and judged without anybody being asked."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.domain.health import Check, Verdict
from hveadmin.domain.ids import Address, ClientId, ObjectId, TenantId
from hveadmin.domain.sending_token import (
    Expected,
    NotAToken,
    SendingToken,
    fit,
    judge_listed,
    judge_token,
    read_token,
)
from hveadmin.domain.tenant import AllowedApps, Known, Unknown

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
TENANT = "8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06"
CLIENT = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
PRINCIPAL = "7d0e5c1a-4b2f-4e86-9a3d-6c8b0f2e41aa"
USER = "59e617e5-e447-4adc-8b88-00af644d7c92"
ACCOUNT = Address("hve-payroll@contoso.com")
SIGNATURE = "c2ln" * 85 + "cw"
"""256 octets."""


def second(moment: datetime) -> int:
    return int(moment.timestamp())


V1: dict[str, object] = {
    "aud": "https://outlook.office.com",
    "iss": f"https://sts.windows.net/{TENANT}/",
    "iat": second(NOW),
    "nbf": second(NOW),
    "exp": second(NOW + timedelta(hours=1)),
    "appid": CLIENT,
    "appidacr": "1",
    "app_displayname": "Payroll Mailer",
    "idtyp": "app",
    "oid": PRINCIPAL,
    "roles": ["Mail.Send"],
    "tid": TENANT,
    "ver": "1.0",
}
V2 = {name: value for name, value in V1.items() if name not in ("appid", "appidacr", "app_displayname")} | {
    "aud": "00000002-0000-0ff1-ce00-000000000000",
    "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "azp": CLIENT,
    "azpacr": "2",
    "ver": "2.0",
}
DELEGATED = {name: value for name, value in V1.items() if name != "roles"} | {
    "idtyp": "user",
    "oid": USER,
    "scp": "Mail.Send openid",
    "upn": "HVE-Payroll@contoso.com",
    "appidacr": "0",
}


def part(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def written(claims: Any, *, signature: str = SIGNATURE, alg: str = "RS256") -> str:
    return f"{part({'typ': 'JWT', 'alg': alg})}.{part(claims)}.{signature}"


def token(base: Mapping[str, object] = V1, /, **claims: object) -> SendingToken:
    return read_token(written({name: value for name, value in {**base, **claims}.items() if value is not None}))


EXPECTED = Expected(NOW, tenant_id=TenantId(TENANT), client_id=ClientId(CLIENT), account=ACCOUNT)


def found(seen: SendingToken, expected: Expected = EXPECTED) -> dict[str, Check]:
    return {each.name: each for each in judge_token(seen, expected)}


def broken(seen: SendingToken, expected: Expected = EXPECTED) -> list[str]:
    return [name for name, each in found(seen, expected).items() if each.failed]


# --- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [V1, V2, DELEGATED], ids=["v1.0", "v2.0", "delegated"])
def test_every_form_of_a_good_token_is_fit(base: Mapping[str, object]) -> None:
    seen = token(base)
    assert broken(seen) == []
    assert fit(judge_token(seen, EXPECTED))
    assert seen.client_id == CLIENT
    assert "signature was not checked" in found(seen)["form"].seen


def test_both_versions_say_the_same_by_other_names() -> None:
    one, two = token(V1), token(V2)
    assert (one.client_id, one.object_id, one.permissions) == (two.client_id, two.object_id, two.permissions)
    assert (one.version, one.proof, two.version, two.proof) == ("1.0", "secret", "2.0", "certificate")


@pytest.mark.parametrize(
    "around",
    ["{}", "Bearer {}", "bearer {}\n", "\ufeff{}\r\n", "Authorization: Bearer {}", '"{}",', "  {}  "],
)
def test_what_surrounds_a_token_is_not_in_the_way(around: str) -> None:
    assert read_token(around.replace("{}", written(V1))) == token()


WHOLE = written(V1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "the input is empty", id="empty"),
        pytest.param("  \n", "the input is empty", id="blank"),
        pytest.param("Bearer", "the input is empty", id="the word alone"),
        pytest.param(f"{WHOLE}\n{WHOLE}", "there are 2 tokens", id="two"),
        pytest.param(f"{WHOLE}{WHOLE}", "there are 2 tokens, one right behind", id="two without a line end"),
        pytest.param(f"{WHOLE[:80]}\n{WHOLE[80:]}", "blanks or line ends", id="wrapped"),
        pytest.param(WHOLE.rpartition(".")[0], "cut short: its signature is missing", id="without its signature"),
        pytest.param(WHOLE[:20], "cut short: only a part", id="in its first part"),
        pytest.param(f"{WHOLE[:90]}.sig", "its second part is not JSON", id="in its second part"),
        pytest.param("a.b.c.d.e", "encrypted (a JWE of five parts)", id="five parts"),
        pytest.param("a.b.c.d", "has 4 parts", id="four parts"),
        pytest.param("s3cret~value", "has 1 part,", id="a secret"),
        pytest.param("%%%.e30.x", "its first part is not JSON", id="not base64"),
        pytest.param(f"{part({})}.{part([1])}.x", "its second part holds no claims", id="a list"),
        pytest.param(f"{part({})}.{part(b'[' * 9000)}.x", "is not JSON", id="nested without end"),
    ],
)
def test_what_is_no_token_is_a_sentence_without_it(text: str, says: str) -> None:
    with pytest.raises(NotAToken) as error:
        read_token(text)
    assert says in error.value.message
    for piece in (each for each in text.split() if len(each) > 6):
        assert piece not in f"{error.value} {error.value.hint}"


@given(claims=st.dictionaries(st.sampled_from([*V1, *V2, "scp"]), st.none() | st.integers() | st.text(max_size=9)
                              | st.lists(st.integers() | st.text(max_size=5), max_size=3)))  # fmt: skip
def test_whatever_it_claims_it_is_judged_and_never_raises(claims: dict[str, object]) -> None:
    checks = judge_token(read_token(written(claims)), EXPECTED)
    assert len(checks) >= 6
    assert not fit(checks), "random claims are no good token"


@given(text=st.text(max_size=60))
def test_any_text_is_a_token_or_no_token(text: str) -> None:
    try:
        read_token(text)
    except NotAToken as error:
        assert error.message


# --- judging ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "check", "says"),
    [
        pytest.param({"aud": "https://graph.microsoft.com"}, "audience", "for Microsoft Graph", id="Graph"),
        pytest.param({"aud": "00000003-0000-0000-c000-000000000000"}, "audience", "for Microsoft Graph", id="its id"),
        pytest.param({"aud": CLIENT}, "audience", "ID token", id="an ID token"),
        pytest.param({"aud": f"api://{CLIENT}"}, "audience", "its own API", id="its own API"),
        pytest.param({"aud": "https://vault.azure.net"}, "audience", "not for Exchange Online", id="another API"),
        pytest.param({"aud": None}, "audience", "does not say whom", id="no audience"),
        pytest.param({"exp": second(NOW)}, "lifetime", "expired 0 s ago", id="expired this second"),
        pytest.param({"exp": second(NOW - timedelta(days=3))}, "lifetime", "expired 3 days ago", id="long expired"),
        pytest.param({"exp": None}, "lifetime", "does not say how long", id="no end"),
        pytest.param({"nbf": second(NOW + timedelta(minutes=9))}, "lifetime", "in 9 min", id="not yet"),
        pytest.param({"tid": "0a5f0000-0000-4000-8000-00000000000a"}, "tenant", "issued by", id="two tenants"),
        pytest.param({"tid": None}, "tenant", "does not say which tenant", id="no tenant"),
        pytest.param({"appid": "00000000-1111-4222-8333-444444444404"}, "application", "not of", id="another app"),
        pytest.param({"roles": None}, "permission", "no permission at all", id="no role"),
        pytest.param({"roles": ["User.Read.All"]}, "permission", "it has User.Read.All", id="another role"),
        pytest.param({"roles": ["SMTP.SendAsApp"]}, "permission", "for mailboxes", id="the one for mailboxes"),
        pytest.param({"roles": ["mail.send"]}, "permission", "no Mail.Send", id="spelt otherwise"),
        pytest.param({"roles": None, "scp": "Mail.Send"}, "permission", "in the wrong place", id="a scope is no role"),
    ],
)
def test_one_thing_wrong_is_that_one_thing(claims: dict[str, object], check: str, says: str) -> None:
    seen = token(**claims)
    assert check in broken(seen)
    assert says in found(seen)[check].seen
    assert found(seen)[check].remedy is not None


def test_mail_send_of_graph_is_told_apart_by_the_audience() -> None:
    seen = token(aud="https://graph.microsoft.com")
    assert "Microsoft Graph's" in found(seen)["permission"].seen


def test_a_token_of_another_tenant_names_the_right_one() -> None:
    other = "0a5f0000-0000-4000-8000-00000000000a"
    seen = token(tid=other, iss=f"https://sts.windows.net/{other}/")
    assert broken(seen) == ["tenant"]
    assert f"{other}, not {TENANT}" in found(seen)["tenant"].seen


@pytest.mark.parametrize(
    ("left", "verdict"),
    [(301, Verdict.PASS), (300, Verdict.PASS), (299, Verdict.WARN), (1, Verdict.WARN), (0, Verdict.FAIL)],
)
def test_a_token_about_to_end_is_a_warning(left: int, verdict: Verdict) -> None:
    assert found(token(exp=second(NOW) + left))["lifetime"].verdict is verdict


def test_a_signature_that_was_cut_off_is_seen_without_checking_it() -> None:
    for signature in ("", SIGNATURE[:100], SIGNATURE[:-8]):
        seen = read_token(written(V1, signature=signature))
        assert broken(seen) == ["form"]
    assert broken(read_token(written(V1, signature="", alg="none"))) == ["form"]
    assert broken(read_token(written(V1, signature="x" * 86, alg="ES256"))) == []


def test_without_idtyp_a_scope_tells_a_users_token() -> None:
    assert token(DELEGATED, idtyp=None).is_user
    assert not token(idtyp=None).is_user
    assert "carries no idtyp" in found(token(idtyp=None))["form"].seen


def test_a_user_who_is_not_the_account_is_pointed_out() -> None:
    assert found(token(DELEGATED, upn="anna.holm@contoso.com"))["user"].verdict is Verdict.WARN
    assert found(token(DELEGATED))["user"].verdict is Verdict.PASS


# --- the list -----------------------------------------------------------------------------------------------------


def known(*ids: str) -> Known:
    return Known(frozenset(map(ObjectId, ids)))


@pytest.mark.parametrize(
    ("base", "allowed", "verdict", "says"),
    [
        (V1, known(PRINCIPAL), Verdict.PASS, "is on the list"),
        (V1, known(USER), Verdict.FAIL, f"{PRINCIPAL} is not among the 1"),
        (V1, known(CLIENT), Verdict.FAIL, f"your client id {CLIENT} is on the list"),
        (V1, known(), Verdict.WARN, "every application may send"),
        (V1, Unknown("throttled"), Verdict.UNKNOWN, "throttled"),
        (DELEGATED, known(USER), Verdict.UNKNOWN, "does not name the service principal"),
        (DELEGATED, known(CLIENT), Verdict.FAIL, "your client id"),
    ],
)
def test_the_list_is_held_against_the_tokens_own_ids(
    base: Mapping[str, object], allowed: AllowedApps, verdict: Verdict, says: str
) -> None:
    check = judge_listed(token(base), ACCOUNT, allowed)
    assert check.verdict is verdict
    assert says in check.seen


def test_a_client_id_on_the_list_is_replaced_by_the_oid_without_asking_graph() -> None:
    check = judge_listed(token(), ACCOUNT, known(CLIENT))
    assert check.remedy is not None
    assert check.remedy.hveadmin == (
        f"hveadmin account grant {ACCOUNT} {PRINCIPAL}",
        f"hveadmin account revoke {ACCOUNT} {CLIENT}",
    )
    assert check.seen.endswith(f"replace it by {PRINCIPAL}")


def test_both_ids_on_the_list_are_no_failure() -> None:
    assert judge_listed(token(), ACCOUNT, known(CLIENT, PRINCIPAL)).verdict is Verdict.PASS

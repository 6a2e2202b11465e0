"""Who may sign in at SMTP, as decisions: each reason to refuse, in the order in which they are found."""

from __future__ import annotations

import base64
import json
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from exchange_wire import PAYROLL, PAYROLL_CLIENT_ID, HandClock
from hypothesis import given
from hypothesis import strategies as st
from smtp_senders import signed

from hveadmin.sandbox.keys import SigningKeys, unpadded_encode
from hveadmin.sandbox.mailbox import Sender, SignInKind
from hveadmin.sandbox.seed import CONTOSO, EXCHANGE_APP_ID
from hveadmin.sandbox.server import Sandbox
from hveadmin.sandbox.smtp_replies import Why, for_ticket, refusal, with_enhanced_code
from hveadmin.sandbox.smtp_sign_in import Blob, Doorkeeper, NotSignedIn, SignedIn

ACCOUNT = "hve-payroll@contoso.com"


@pytest.fixture
def doorkeeper(sandbox: Sandbox, clock: HandClock) -> Doorkeeper:
    return Doorkeeper(sandbox.store, SigningKeys(sandbox.store), clock, lambda: sandbox.switches)


def encoded(text: str) -> bytes:
    return base64.b64encode(text.encode())


def blob(user: str, token: str) -> bytes:
    return encoded(f"user={user}\x01auth=Bearer {token}\x01\x01")


def refused(doorkeeper: Doorkeeper, sent: bytes) -> Why:
    with pytest.raises(NotSignedIn) as found:
        doorkeeper.with_token(sent)
    return found.value.why


# --- the token ----------------------------------------------------------------------------------------------------


def test_an_application_that_is_on_the_list_signs_in(sandbox: Sandbox, doorkeeper: Doorkeeper) -> None:
    now = doorkeeper.clock()
    assert doorkeeper.with_token(blob(ACCOUNT, signed(sandbox, now))) == SignedIn(
        CONTOSO,
        ACCOUNT,
        Sender(SignInKind.APPLICATION, PAYROLL_CLIENT_ID, PAYROLL, "Payroll Mailer"),
        now.timestamp() + 3599,
    )


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"aud": "https://outlook.office365.com"}, id="the other address of Exchange Online"),
        pytest.param({"aud": "https://outlook.office.com/"}, id="with a slash"),
        pytest.param({"aud": EXCHANGE_APP_ID}, id="asked for by its application's id"),
        pytest.param({"idtyp": None}, id="without the optional idtyp"),
        pytest.param({"oid": PAYROLL.upper()}, id="an id in capitals"),
        pytest.param(
            {
                "ver": "2.0",
                "aud": EXCHANGE_APP_ID,
                "iss": f"https://login.microsoftonline.com/{CONTOSO}/v2.0",
                "appid": None,
                "azp": PAYROLL_CLIENT_ID,
            },
            id="a v2.0 token",
        ),
    ],
)
def test_every_form_of_a_good_token_is_taken(
    sandbox: Sandbox, doorkeeper: Doorkeeper, claims: dict[str, object]
) -> None:
    found = doorkeeper.with_token(blob(ACCOUNT, signed(sandbox, doorkeeper.clock(), **claims)))
    assert (found.sender.client_id, found.sender.object_id) == (PAYROLL_CLIENT_ID, PAYROLL)


NOON = 1_795_435_200
"""The clock of these tests."""


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        pytest.param({"aud": "https://graph.microsoft.com"}, Why.BAD_TOKEN, id="for Microsoft Graph"),
        pytest.param({"aud": PAYROLL_CLIENT_ID}, Why.BAD_TOKEN, id="an id token: for the application itself"),
        pytest.param({"aud": None}, Why.BAD_TOKEN, id="for nobody"),
        pytest.param({"tid": "00000000-dead-4bad-8bad-00000000beef"}, Why.BAD_TOKEN, id="another tenant"),
        pytest.param({"tid": None}, Why.BAD_TOKEN, id="no tenant"),
        pytest.param({"iss": "https://sts.windows.net/another/"}, Why.BAD_TOKEN, id="another tenant's issuer"),
        pytest.param({"iss": f"http://localhost/{CONTOSO}/v2.0"}, Why.BAD_TOKEN, id="an issuer without https"),
        pytest.param({"iss": None}, Why.BAD_TOKEN, id="no issuer"),
        pytest.param({"exp": NOON}, Why.EXPIRED, id="expired this second"),
        pytest.param({"exp": None}, Why.EXPIRED, id="no end at all"),
        pytest.param({"exp": NOON + 299}, Why.EXPIRES_SOON, id="expires in less than five minutes"),
        pytest.param({"nbf": NOON + 301}, Why.BAD_TOKEN, id="not yet valid"),
        pytest.param({"roles": None}, Why.NO_PERMISSION, id="no role: consent is missing"),
        pytest.param({"roles": ["SMTP.SendAsApp"]}, Why.NO_PERMISSION, id="the role for mailboxes"),
        pytest.param({"roles": ["mail.send"]}, Why.NO_PERMISSION, id="a role is spelt exactly"),
        pytest.param({"roles": None, "scp": "Mail.Send"}, Why.NO_PERMISSION, id="a scope is no role"),
        pytest.param({"oid": PAYROLL_CLIENT_ID}, Why.NOT_ALLOWED, id="another service principal"),
        pytest.param({"oid": None}, Why.NOT_ALLOWED, id="no service principal"),
        pytest.param({"idtyp": "user", "scp": "Mail.Send"}, Why.BAD_TOKEN, id="a person who is not the account"),
        pytest.param({"idtyp": None, "scp": "Mail.Send"}, Why.BAD_TOKEN, id="a scope tells a person's token"),
    ],
)
def test_a_token_with_one_thing_wrong_is_refused_for_that(
    sandbox: Sandbox, doorkeeper: Doorkeeper, claims: dict[str, object], why: Why
) -> None:
    assert doorkeeper.clock().timestamp() == NOON
    assert refused(doorkeeper, blob(ACCOUNT, signed(sandbox, doorkeeper.clock(), **claims))) is why


def test_the_last_second_before_the_margin_is_good(sandbox: Sandbox, doorkeeper: Doorkeeper) -> None:
    token = signed(sandbox, doorkeeper.clock(), exp=NOON + 300, nbf=NOON + 300)
    assert doorkeeper.with_token(blob(ACCOUNT, token)).expires == NOON + 300
    sandbox.set_switches(replace(sandbox.switches, smtp_expiry_margin=0))
    assert doorkeeper.with_token(blob(ACCOUNT, signed(sandbox, doorkeeper.clock(), exp=NOON + 1))).expires == NOON + 1


def test_only_the_sandboxs_own_signature_counts(sandbox: Sandbox, doorkeeper: Doorkeeper) -> None:
    good = signed(sandbox, doorkeeper.clock())
    header, claims, signature = good.split(".")
    forged = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"name": "somebody else"}
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    by_another = other.sign(f"{header}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    none = unpadded_encode(b'{"alg": "none"}')
    for token in (
        f"{header}.{unpadded_encode(json.dumps(forged).encode())}.{signature}",
        f"{header}.{claims}.{unpadded_encode(by_another)}",
        f"{header}.{claims}.",
        f"{none}.{claims}.",
        f"{none}.{claims}.{signature}",
    ):
        assert refused(doorkeeper, blob(ACCOUNT, token)) is Why.BAD_TOKEN
    assert doorkeeper.with_token(blob(ACCOUNT, good)).account == ACCOUNT


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ("anna.holm@contoso.com", Why.NOT_AN_ACCOUNT),
        ("nobody@contoso.com", Why.NOT_AN_ACCOUNT),
        ("hve-payroll@elsewhere.example", Why.BAD_TOKEN),
        ("hve-payroll", Why.BAD_TOKEN),
        ("hve-shop@contoso.com", Why.NOT_ALLOWED),
    ],
)
def test_the_user_must_be_an_account_that_lists_the_application(
    sandbox: Sandbox, doorkeeper: Doorkeeper, user: str, why: Why
) -> None:
    assert refused(doorkeeper, blob(user, signed(sandbox, doorkeeper.clock()))) is why


@pytest.mark.parametrize("user", ["HVE-Payroll@Contoso.COM", "payslips@contoso.com"])
def test_an_account_is_meant_by_any_of_its_addresses(sandbox: Sandbox, doorkeeper: Doorkeeper, user: str) -> None:
    assert doorkeeper.with_token(blob(user, signed(sandbox, doorkeeper.clock()))).account == ACCOUNT


def test_an_empty_list_lets_every_application_in_unless_nobody_knows(sandbox: Sandbox, doorkeeper: Doorkeeper) -> None:
    sent = blob("hve-alert-db@contoso.com", signed(sandbox, doorkeeper.clock(), oid="any application at all"))
    assert doorkeeper.with_token(sent).sender.object_id == "any application at all"
    sandbox.set_switches(replace(sandbox.switches, empty_list="closed"))
    assert refused(doorkeeper, sent) is Why.NOT_ALLOWED


# --- the blob -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        pytest.param(b"", Why.NO_USER, id="nothing"),
        pytest.param(b"user=a", Why.NOT_BASE64, id="no base64"),
        pytest.param(b"dXNl cj1h", Why.NOT_BASE64, id="a blank in base64"),
        pytest.param(base64.b64encode(b"\xff\xfe"), Why.NOT_BASE64, id="no UTF-8"),
        pytest.param(encoded("auth=Bearer x\x01\x01"), Why.NO_USER, id="no user"),
        pytest.param(encoded("user=\x01auth=Bearer x\x01\x01"), Why.NO_USER, id="an empty user"),
        pytest.param(encoded("user=a@b\x01\x01"), Why.NO_BEARER, id="no auth"),
        pytest.param(encoded("user=a@b\x01auth=Basic x\x01\x01"), Why.NO_BEARER, id="no bearer"),
        pytest.param(encoded("user=a@b\x01auth=Bearer\x01\x01"), Why.NO_TOKEN, id="no token"),
        pytest.param(encoded("user=a@b\x01auth=Bearer x\x01"), Why.TRAILING_DATA, id="no end"),
        pytest.param(encoded("user=a@b\x01auth=Bearer x\x01\x01more"), Why.TRAILING_DATA, id="more after the end"),
        pytest.param(encoded("user=a@b auth=Bearer x"), Why.NO_BEARER, id="blanks in place of ^A"),
    ],
)
def test_a_malformed_blob_is_refused_for_what_it_lacks(sent: bytes, why: Why) -> None:
    with pytest.raises(NotSignedIn) as found:
        Blob.parse(sent)
    assert found.value.why is why


@pytest.mark.parametrize("token", ["opaque", "a.b", "a.b.c.d.e", "..", "e30.e30.!"])
def test_a_token_that_is_no_jwt_is_said_so(doorkeeper: Doorkeeper, token: str) -> None:
    assert refused(doorkeeper, blob(ACCOUNT, token)) is Why.NOT_A_JWT


@given(st.binary() | st.text().map(encoded) | st.text(alphabet="user=ath\x01Ber @.").map(encoded))
def test_any_octets_at_all_are_a_blob_or_are_refused(sent: bytes) -> None:
    try:
        found = Blob.parse(sent)
    except NotSignedIn:
        return
    assert found.user
    assert found.token


_PLAIN = st.text(st.characters(exclude_characters="\x01", exclude_categories=["Cs"]), min_size=1)


@given(_PLAIN, _PLAIN)
def test_what_a_client_writes_is_what_is_read(user: str, token: str) -> None:
    assert Blob.parse(blob(user, token)) == Blob(user, token)


def test_a_blob_does_not_show_its_token() -> None:
    assert "a-token" not in repr(Blob("a@b", "a-token"))


# --- the password -------------------------------------------------------------------------------------------------


def test_the_accounts_password_signs_in_whatever_the_list_says(sandbox: Sandbox, doorkeeper: Doorkeeper) -> None:
    password = sandbox.account_password_path.read_text().strip()
    found = doorkeeper.with_password("hve-shop@contoso.com", password)
    assert found == SignedIn(CONTOSO, "hve-shop@contoso.com", Sender(SignInKind.BASIC))


@pytest.mark.parametrize(
    ("user", "password"),
    [(ACCOUNT, "wrong"), (ACCOUNT, ""), ("nobody@contoso.com", None), ("hve-payroll", None), ("", None)],
)
def test_a_wrong_name_and_a_wrong_password_are_told_apart_for_nobody(
    sandbox: Sandbox, doorkeeper: Doorkeeper, user: str, password: str | None
) -> None:
    right = sandbox.account_password_path.read_text().strip()
    with pytest.raises(NotSignedIn) as found:
        doorkeeper.with_password(user, right if password is None else password)
    assert found.value.why is Why.WRONG_PASSWORD


def test_basic_authentication_can_be_off(sandbox: Sandbox, doorkeeper: Doorkeeper) -> None:
    sandbox.set_switches(replace(sandbox.switches, smtp_basic=False))
    with pytest.raises(NotSignedIn) as found:
        doorkeeper.with_password(ACCOUNT, sandbox.account_password_path.read_text().strip())
    assert found.value.why is Why.BASIC_OFF


def test_the_password_is_in_a_file_for_its_owner_alone_and_outlives_a_reset(tmp_path: Path) -> None:
    with Sandbox.open(tmp_path / "lab.db", seed="fleet:1x1x1") as sandbox:
        assert sandbox.account_password_path == tmp_path / "lab-secrets" / "hve-accounts"
        password = sandbox.account_password_path.read_text().strip()
        sandbox.reset()
        doorkeeper = Doorkeeper(sandbox.store, SigningKeys(sandbox.store), sandbox.clock, lambda: sandbox.switches)
        account = "hve-00000@fleet-0001.onmicrosoft.com"
        assert doorkeeper.with_password(account, password).account == account
        assert len(password) >= 40
        if sys.platform != "win32":
            assert stat.S_IMODE(sandbox.account_password_path.stat().st_mode) == 0o600


def test_a_sandbox_without_a_password_takes_none(sandbox: Sandbox, doorkeeper: Doorkeeper) -> None:
    sandbox.store.delete("", "setting", "account-password")
    with pytest.raises(NotSignedIn):
        doorkeeper.with_password(ACCOUNT, "")


# --- the words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", Why)
def test_the_plain_replies_tell_nothing_apart_but_that_passwords_are_off(why: Why) -> None:
    plain = refusal(why, "plain")
    assert (plain == "535 5.7.3 Authentication unsuccessful") == (why is not Why.BASIC_OFF)
    assert plain.startswith("535 5.7.139 ") == (why is Why.BASIC_OFF)


def test_the_detailed_replies_are_those_that_others_met() -> None:
    told = {why: " ".join(refusal(why, "detailed").split()[:2]) for why in Why}
    assert told == {
        Why.NOT_BASE64: "501 5.5.121",
        Why.NO_USER: "501 5.5.122",
        Why.NO_BEARER: "501 5.5.123",
        Why.NOT_A_JWT: "501 5.5.124",
        Why.NO_TOKEN: "501 5.5.125",
        Why.TRAILING_DATA: "501 5.5.126",
        Why.BAD_TOKEN: "535 5.7.127",
        Why.EXPIRES_SOON: "535 5.7.142",
        Why.EXPIRED: "535 5.7.143",
        Why.NO_PERMISSION: "535 5.7.144",
        Why.NOT_AN_ACCOUNT: "550 5.2.240",
        Why.NOT_ALLOWED: "550 5.7.240",
        Why.WRONG_PASSWORD: "535 5.7.139",
        Why.BASIC_OFF: "535 5.7.139",
    }


def test_what_a_ticket_asks_for_stands_in_brackets(clock: HandClock, sandbox: Sandbox) -> None:
    said = for_ticket("535 5.7.3 Authentication unsuccessful", clock.now, "08DC48AAD8DD2A6E")
    assert said == (
        "535 5.7.3 Authentication unsuccessful"
        " [SBXPR01CA0001.sbxprd01.prod.outlook.com 2026-11-23T12:00:00.000Z 08DC48AAD8DD2A6E]"
    )


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ("503 Error: need MAIL command", "503 5.5.2 need MAIL command"),
        ('500 Error: command "EYJ0TOKEN" not recognized', "500 5.3.3 Unrecognized command"),
        ("535 5.7.3 Authentication unsuccessful", "535 5.7.3 Authentication unsuccessful"),
        ("452 4.5.3 Too many recipients", "452 4.5.3 Too many recipients"),
        ("250-SIZE 1", "250-SIZE 1"),
        ("334 ", "334 "),
    ],
)
def test_every_refusal_has_an_enhanced_code_and_quotes_no_command(said: str, becomes: str) -> None:
    assert with_enhanced_code(said) == becomes


def test_no_password_and_no_token_is_kept(sandbox: Sandbox, doorkeeper: Doorkeeper) -> None:
    token, password = signed(sandbox, doorkeeper.clock()), sandbox.account_password_path.read_text().strip()
    doorkeeper.with_token(blob(ACCOUNT, token))
    doorkeeper.with_password(ACCOUNT, password)
    kept = b"".join(path.read_bytes() for path in sandbox.path.parent.glob("sandbox.db*"))
    assert token.encode() not in kept
    assert password.encode() not in kept
    assert str(NotSignedIn(Why.EXPIRED)) == "EXPIRED"

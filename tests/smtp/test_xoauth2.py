"""XOAUTH2 without a socket: the bytes, both kinds of server, and that a refused token is never sent twice."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.errors import UsageError
from hveadmin.smtp.xoauth2 import (
    Challenge,
    Conversation,
    Ended,
    Send,
    Verdict,
    blob,
    initial_response,
    read_challenge,
)

ADDRESS = "hve-payroll@contoso.com"
TOKEN = "header.payload.signature"
GOOGLE = base64.b64encode(b'{"status":"401","schemes":"bearer","scope":"mail"}').decode()


def test_the_bytes_are_those_of_the_documentation() -> None:
    documented = (
        "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52"
        "YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
    )
    token = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"
    assert blob("someuser@example.com", token) == documented


@given(token=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1))
def test_base64_takes_nothing_away(token: str) -> None:
    assert base64.b64decode(blob(ADDRESS, token)) == initial_response(ADDRESS, token)


@pytest.mark.parametrize(
    ("address", "token"),
    [
        pytest.param("hve-müller@contoso.com", TOKEN, id="an address outside ASCII"),
        pytest.param("", TOKEN, id="no address"),
        pytest.param("hve@contoso.com\x01auth=Bearer other", TOKEN, id="a separator in the address"),
        pytest.param("hve @contoso.com", TOKEN, id="a blank in the address"),
        pytest.param(ADDRESS, "", id="no token"),
        pytest.param(ADDRESS, f"{TOKEN}\x01", id="a separator in the token"),
        pytest.param(ADDRESS, f"{TOKEN}\n{TOKEN}", id="two tokens"),
    ],
)
def test_what_cannot_be_carried_is_refused_without_showing_the_token(address: str, token: str) -> None:
    with pytest.raises(UsageError) as refusal:
        Conversation(address, token)
    assert TOKEN not in f"{refusal.value} {refusal.value.hint}"


BLOB = Send(blob(ADDRESS, TOKEN).encode(), secret=True)


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        pytest.param([(334, ""), (235, "ok")], [BLOB, Ended(Verdict.ACCEPTED)], id="let in"),
        pytest.param([(334, ""), (535, "5.7.3 no")], [BLOB, Ended(Verdict.REFUSED)], id="Exchange refuses at once"),
        pytest.param(
            [(334, ""), (334, GOOGLE), (535, "no")],
            [BLOB, Send(b""), Ended(Verdict.REFUSED, Challenge("401", "bearer", "mail"))],
            id="Google and Dovecot ask for an empty line first",
        ),
        pytest.param([(334, "prompt"), (235, "")], [BLOB, Ended(Verdict.ACCEPTED)], id="a prompt in the 334"),
        pytest.param([(504, "5.7.4 no")], [Ended(Verdict.NOT_OFFERED)], id="not offered"),
        pytest.param([(454, "4.7.0 later")], [Ended(Verdict.NOT_OFFERED)], id="not now"),
        pytest.param([(334, ""), (454, "")], [BLOB, Ended(Verdict.REFUSED)], id="not now, after the blob"),
        pytest.param([(235, "")], [Ended(Verdict.NONSENSE)], id="let in before anything was said"),
        pytest.param([(334, ""), (250, "")], [BLOB, Ended(Verdict.NONSENSE)], id="an answer to something else"),
        pytest.param(
            [(334, ""), (334, GOOGLE), (334, GOOGLE)],
            [BLOB, Send(b""), Ended(Verdict.NONSENSE, Challenge("401", "bearer", "mail"))],
            id="a server that never stops asking",
        ),
        pytest.param(
            [(334, ""), (334, GOOGLE), (235, "")],
            [BLOB, Send(b""), Ended(Verdict.NONSENSE, Challenge("401", "bearer", "mail"))],
            id="nobody is let in for an empty line",
        ),
    ],
)
def test_conversations(replies: list[tuple[int, str]], expected: list[Send | Ended]) -> None:
    conversation = Conversation(ADDRESS, TOKEN)
    assert conversation.start() == Send(b"AUTH XOAUTH2")
    assert [conversation.receive(code, text) for code, text in replies] == expected


@given(codes=st.lists(st.sampled_from([220, 235, 250, 334, 421, 454, 500, 535]), min_size=1, max_size=8))
def test_whatever_a_server_says_the_token_goes_out_once_at_most(codes: list[int]) -> None:
    conversation = Conversation(ADDRESS, TOKEN)
    answers = [conversation.receive(code, GOOGLE) for code in codes]
    assert sum(isinstance(each, Send) and each.secret for each in answers) <= 1
    assert any(isinstance(each, Ended) for each in answers) or codes[:2] in ([334], [334, 334])


def test_nothing_shows_the_token_by_accident() -> None:
    assert TOKEN not in repr(Conversation(ADDRESS, TOKEN))


@pytest.mark.parametrize(
    "text",
    ["", "not base64!", base64.b64encode(b"[1]").decode(), base64.b64encode(b"\xff\xfe").decode(), "VXNlcm5hbWU6"],
)
def test_what_is_no_challenge_is_none(text: str) -> None:
    assert read_challenge(text) is None


def test_a_challenge_keeps_only_text() -> None:
    assert read_challenge(base64.b64encode(json.dumps({"status": 400}).encode()).decode()) == Challenge("")

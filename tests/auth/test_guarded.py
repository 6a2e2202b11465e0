"""A token for Graph never goes to Exchange, and a sign-in without Graph is no failed sign-in."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

import pytest

from hveadmin.auth.guarded import ForDirectory, ForExchange, NoDirectoryToken
from hveadmin.errors import AuthError, ConnectFailed, HveAdminError, Outcome


@dataclass
class Tokens:
    """Hands out tokens for one audience, or fails."""

    audience: str = "https://outlook.office365.com"
    failure: HveAdminError | None = None

    def token(self, scope: str, *, claims: str | None = None) -> str:
        if self.failure is not None:
            raise self.failure
        said = {"tid": "0a5f0000-0000-4000-8000-00000000000a", "aud": self.audience, "exp": 2_000_000_000}
        return f"e30.{base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip('=')}.c2ln"


@pytest.mark.parametrize(
    "audience",
    [
        "https://graph.microsoft.com",
        "https://graph.microsoft.com/",
        "https://graph.microsoft.us",
        "00000003-0000-0000-c000-000000000000",
    ],
)
def test_a_token_for_graph_is_not_handed_to_exchange(audience: str) -> None:
    with pytest.raises(AuthError, match="one for Microsoft Graph") as caught:
        ForExchange(Tokens(audience)).token("any")
    assert "audiences.exchange" in caught.value.hint


@pytest.mark.parametrize("audience", ["https://outlook.office365.com", "00000002-0000-0ff1-ce00-000000000000"])
def test_one_for_exchange_is(audience: str) -> None:
    tokens = Tokens(audience)
    assert ForExchange(tokens).token("any") == tokens.token("any")


def test_nobody_signed_in_to_graph_is_an_unread_directory() -> None:
    with pytest.raises(NoDirectoryToken) as caught:
        ForDirectory(Tokens(failure=AuthError("no", hint="grant it"))).token("any")
    assert (caught.value.message, caught.value.hint, caught.value.outcome) == ("no", "grant it", Outcome.AUTH)


def test_a_network_that_fails_stays_one() -> None:
    with pytest.raises(ConnectFailed):
        ForDirectory(Tokens(failure=ConnectFailed("nobody"))).token("any")

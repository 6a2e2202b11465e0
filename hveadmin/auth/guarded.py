"""
Token sources that know what their tokens are for.

Exchange answers a token for Graph with a bare 401, which reads like a missing permission; it is told apart here, before
the token is sent anywhere. And a sign-in that Entra grants for Exchange but not for Graph (Microsoft's own Exchange
module, a policy) leaves the directory unread: that is no reason not to read the accounts.
"""

from __future__ import annotations

from dataclasses import dataclass

from hveadmin.auth.claims import TokenClaims, read_claims
from hveadmin.auth.clouds import CLOUDS
from hveadmin.domain.ports import TokenSource
from hveadmin.errors import AuthError, DirectoryUnreadable, Outcome

_GRAPH = frozenset({cloud.audiences.graph for cloud in CLOUDS.values()} | {"00000003-0000-0000-c000-000000000000"})


class NoDirectoryToken(DirectoryUnreadable):
    """Graph cannot be read, because nobody could sign in to it."""

    outcome = Outcome.AUTH


def refuse_token_for_graph(claims: TokenClaims) -> None:
    """Raise AuthError where a token that is meant for Exchange is one for Microsoft Graph."""
    if claims.audience.rstrip("/") in _GRAPH:
        raise AuthError(
            f"the token for Exchange is one for Microsoft Graph ({claims.audience}): Exchange would not accept it",
            hint="audiences.exchange in the profile names whom it is asked for; leave it out, or write "
            "https://outlook.office365.com",
        )


@dataclass(frozen=True, slots=True)
class ForExchange:
    """Tokens for Exchange (a `domain.ports.TokenSource`)."""

    tokens: TokenSource

    def token(self, scope: str, *, claims: str | None = None) -> str:
        """See TokenSource. Raises AuthError too where the token is for Graph."""
        found = self.tokens.token(scope, claims=claims)
        refuse_token_for_graph(read_claims(found))
        return found


@dataclass(frozen=True, slots=True)
class ForDirectory:
    """Tokens for Graph (a `domain.ports.TokenSource`)."""

    tokens: TokenSource

    def token(self, scope: str, *, claims: str | None = None) -> str:
        """See TokenSource; but a refusal is NoDirectoryToken, a ServiceError, and not AuthError."""
        try:
            return self.tokens.token(scope, claims=claims)
        except AuthError as error:
            raise NoDirectoryToken(error.message, hint=error.hint) from None

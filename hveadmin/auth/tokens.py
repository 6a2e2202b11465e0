"""
AzureTokenSource: access tokens from azure-identity, kept in memory, its errors told in our words.

azure-identity wraps whatever went wrong below it (a refused secret, a broken connection, a bad certificate) in one
exception type, with the cause at the end of a chain. The chain is read here once, in this order: a number of Entra's,
what the way to sign in knows of its own failures, a certificate that is not trusted, a connection that failed;
anything else is an answer that is not Entra's.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from hveadmin.auth.clouds import Cloud
from hveadmin.auth.connection import causes, in_words, tls_failed, untrusted
from hveadmin.auth.refusals import Attempt, first_sentence, number_in, refused
from hveadmin.auth.secret import without_secrets
from hveadmin.auth.sign_in import Credential, SignIn
from hveadmin.errors import AuthError, ConnectFailed, HveAdminError
from hveadmin.wire.trust import ssl_context

if TYPE_CHECKING:
    from hveadmin.auth.azure_transport import BoundedTransport

MARGIN = 300.0
"""Seconds before its expiry from which on a token is no longer handed out of the cache."""

_LOGGERS = ("azure.identity", "azure.core", "msal", "msal_extensions")


_BUSY = frozenset({429, 500, 502, 503, 504})
"""Answers of a service that could not do its work, whatever number of Entra's stands in them."""


@dataclass(frozen=True, slots=True)
class _Cached:
    token: str = field(repr=False)
    expires_on: float
    """Seconds since 1970."""


class AzureTokenSource:
    """
    Tokens for one sign-in in one cloud; a `domain.ports.TokenSource`.

    Threads may share it: they take turns, so that one token is asked for once. It is to be closed. `patience` is the
    seconds that asking for one token may take, tries and waits included; a person at a prompt is not hurried.
    """

    def __init__(
        self,
        sign_in: SignIn,
        cloud: Cloud,
        *,
        ca: str = "",
        now: Callable[[], float] = time.time,
        patience: float = 120.0,
    ) -> None:
        self._sign_in = sign_in
        self._cloud = cloud
        self._ca = ca
        self._now = now
        self._patience = patience
        self._lock = threading.Lock()
        self._cache: dict[str, _Cached] = {}
        self._made: Credential | None = None
        self._transport: BoundedTransport | None = None

    @property
    def sign_in(self) -> SignIn:
        """How the tokens are asked for."""
        return self._sign_in

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and forget the tokens. A token that is asked for later signs in again."""
        with self._lock:
            self._cache.clear()
            if self._made is not None:
                self._made.close()
                self._made = None

    def token(self, scope: str, *, claims: str | None = None) -> str:
        """
        An access token for `scope`, from memory while it has more than five minutes to live.

        `claims` is the JSON of a claims challenge; it bypasses memory. Raises AuthError where Entra says no or the
        credential cannot be used, ConnectFailed where it did not answer, or not as Entra does.
        """
        with self._lock:
            cached = self._cache.get(scope)
            if cached is not None and claims is None and cached.expires_on - self._now() > MARGIN:
                return cached.token
            fresh = self._ask(scope, claims)
            self._cache[scope] = fresh
            return fresh.token

    def _ask(self, scope: str, claims: str | None) -> _Cached:
        from azure.core.exceptions import AzureError

        credential = self._credential()
        if self._transport is not None and not self._sign_in.is_person:
            self._transport.give_up_after(self._patience)
        try:
            found = credential.get_token(scope, claims=claims, enable_cae=claims is not None)
        except (AzureError, ValueError) as error:  # the latter where JSON was expected and something else came
            # Not `from` the original: it quotes what Entra wrote, and Entra is not bound to hide what it was sent.
            raise self._explained(error, scope) from None
        return _Cached(found.token, found.expires_on)

    def _credential(self) -> Credential:
        if self._made is None:
            from hveadmin.auth.azure_transport import credential_options, transport_to

            _silence()
            login = self._cloud.endpoints.login
            self._transport = transport_to(login, ssl_context(self._ca))
            self._made = self._sign_in.credential(
                credential_options(self._transport, authority=login, instance_discovery=self._cloud.is_well_known)
            )
        return self._made

    def _explained(self, error: BaseException, scope: str) -> HveAdminError:
        texts = [self._without_secrets(str(each)) for each in causes(error)]
        if self._transport is not None and self._transport.last_status in _BUSY:
            return ConnectFailed(
                f"cannot sign in: {self._asked_last} is too busy: status {self._transport.last_status}",
                hint="try again later; nothing is wrong with the credentials that this would tell",
            )
        description = next((text for text in texts if number_in(text) is not None), None)
        if description is not None:
            return refused(description, self._attempt(scope))
        if (told := self._sign_in.explain(error)) is not None:
            return told
        if (reason := untrusted(error)) is not None:
            return tls_failed(self._asked_last, reason)
        return self._without_number(error, texts)

    def _attempt(self, scope: str) -> Attempt:
        return Attempt(
            client_id=self._client,
            tenant=self._sign_in.tenant,
            scope=scope,
            login=self._cloud.endpoints.login,
            secret_is_guid=self._sign_in.secret_is_guid,
            again=self._sign_in.again,
        )

    @property
    def _asked_last(self) -> str:
        """Whose answer, or silence, a failure is about."""
        return (self._transport.last_origin if self._transport else "") or self._cloud.endpoints.login

    @property
    def _client(self) -> str:
        return self._sign_in.client_id.value if self._sign_in.client_id is not None else "(of the machine)"

    def _without_number(self, error: BaseException, texts: list[str]) -> HveAdminError:
        from azure.core.exceptions import ServiceRequestError, ServiceResponseError

        login = self._asked_last
        if any(isinstance(each, ServiceRequestError | ServiceResponseError) for each in causes(error)):
            return ConnectFailed(
                f"cannot sign in: no connection to {login}: {in_words(error)}",
                hint="check the network, the proxy (HTTPS_PROXY) and the profile's cloud or endpoints",
            )
        said = first_sentence(texts[0].removeprefix("Authentication failed:"))
        if said in _OAUTH_ERRORS:
            return AuthError(
                f"Entra did not sign in application {self._client}: {said}, without a number",
                hint="check the client id, its secret or certificate, and the tenant",
            )
        came = self._without_secrets(self._transport.last_answer) if self._transport is not None else ""
        return ConnectFailed(
            f"cannot sign in: {login} answered, but not as Entra does ({first_sentence(came) or 'nothing'})",
            hint="try again later if it is busy; else check the profile's endpoints, the tenant, "
            "and whether a proxy answers in its place",
        )

    def _without_secrets(self, text: str) -> str:
        return without_secrets(text, self._sign_in.secrets)


# RFC 6749, section 5.2.
_OAUTH_ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
        "temporarily_unavailable",
        "server_error",
    }
)


def _silence() -> None:
    """
    azure-identity writes a warning to stderr for each failed sign-in, which would then be told twice.

    It quotes what Entra answered, and msal at DEBUG does so too: should that repeat a secret, the log would have it.
    """
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)

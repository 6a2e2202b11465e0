"""
AzureTokenSource: access tokens from azure-identity, kept in memory, its errors told in our words.

azure-identity wraps whatever went wrong below it (a refused secret, a broken connection, a bad certificate) in one
exception type, with the cause at the end of a chain. The chain is read here once, in this order: a number of Entra's,
a certificate that is not trusted, a connection that failed; anything else is an answer that is not Entra's.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from hveadmin.auth.clouds import Cloud
from hveadmin.auth.refusals import Attempt, first_sentence, number_in, refused
from hveadmin.auth.sign_in import Credential, SignIn
from hveadmin.auth.signer import signer_of
from hveadmin.errors import AuthError, ConnectFailed, HveAdminError
from hveadmin.wire.trust import ssl_context

if TYPE_CHECKING:
    from hveadmin.auth.azure_transport import BoundedTransport

MARGIN = 300.0
"""Seconds before its expiry from which on a token is no longer handed out of the cache."""

_LOGGERS = ("azure.identity", "azure.core", "msal")
_MAX_CHAIN = 50


@dataclass(frozen=True, slots=True)
class _Cached:
    token: str = field(repr=False)
    expires_on: float
    """Seconds since 1970."""


class AzureTokenSource:
    """
    Tokens for one sign-in in one cloud; a `domain.ports.TokenSource`.

    Threads may share it: they take turns, so that one token is asked for once. It is to be closed.
    """

    def __init__(self, sign_in: SignIn, cloud: Cloud, *, ca: str = "", now: Callable[[], float] = time.time) -> None:
        self._sign_in = sign_in
        self._cloud = cloud
        self._ca = ca
        self._now = now
        self._lock = threading.Lock()
        self._cache: dict[str, _Cached] = {}
        self._made: Credential | None = None
        self._transport: BoundedTransport | None = None

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

        try:
            found = self._credential().get_token(scope, claims=claims, enable_cae=claims is not None)
        except AzureError as error:
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
        description = next((text for text in texts if number_in(text) is not None), None)
        if description is not None:
            return refused(description, self._attempt(scope))
        if (reason := _untrusted(error)) is not None:
            return _tls_failed(self._cloud.endpoints.login, reason)
        return self._without_number(error, texts)

    def _attempt(self, scope: str) -> Attempt:
        return Attempt(
            client_id=self._sign_in.client_id.value,
            tenant=self._sign_in.tenant,
            scope=scope,
            login=self._cloud.endpoints.login,
            secret_is_guid=self._sign_in.secret_is_guid,
        )

    def _without_number(self, error: BaseException, texts: list[str]) -> HveAdminError:
        from azure.core.exceptions import ServiceRequestError, ServiceResponseError

        login = self._cloud.endpoints.login
        if any(isinstance(each, ServiceRequestError | ServiceResponseError) for each in causes(error)):
            return ConnectFailed(
                f"cannot sign in: no connection to {login}: {_in_words(error)}",
                hint="check the network, the proxy (HTTPS_PROXY) and the profile's cloud or endpoints",
            )
        said = first_sentence(texts[0].removeprefix("Authentication failed:"))
        if said in _OAUTH_ERRORS:
            return AuthError(
                f"Entra did not sign in application {self._sign_in.client_id}: {said}, without a number",
                hint="check the client id, its secret or certificate, and the tenant",
            )
        came = self._without_secrets(self._transport.last_answer) if self._transport is not None else ""
        return ConnectFailed(
            f"cannot sign in: {login} answered, but not as Entra does ({first_sentence(came) or 'nothing'})",
            hint="try again later if it is busy; else check the profile's endpoints, the tenant, "
            "and whether a proxy answers in its place",
        )

    def _without_secrets(self, text: str) -> str:
        for secret in self._sign_in.secrets:
            text = secret.hidden_in(text)
        return text


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


def causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and everything it came from, nearest first, each once, by all the ways libraries note it down."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_CHAIN:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += (each.__cause__, each.__context__, getattr(each, "inner_exception", None))
        waiting += (getattr(each, "reason", None), *each.args)


def _silence() -> None:
    """
    azure-identity writes a warning to stderr for each failed sign-in, which would then be told twice.

    It quotes what Entra answered, and msal at DEBUG does so too: should that repeat a secret, the log would have it.
    """
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _untrusted(error: BaseException) -> str | None:
    """Why a TLS handshake failed, None where it is not TLS that failed."""
    for each in causes(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return each.verify_message or str(each)
    found = next((each for each in causes(error) if isinstance(each, ssl.SSLError)), None)
    return None if found is None else str(found.reason or found)


def _tls_failed(login: str, reason: str) -> ConnectFailed:
    signer = signer_of(login)
    signed = f" (its certificate was signed by {signer})" if signer else ""
    return ConnectFailed(
        f"cannot sign in: {login} is not trusted: {reason}{signed}",
        hint="a private cloud's or an inspecting proxy's CA goes into the system's store, or is named in the profile "
        "(ca: FILE); REQUESTS_CA_BUNDLE is not used",
    )


def _in_words(error: BaseException) -> str:
    """The innermost operating system error, else the kind of failure."""
    systems = [each for each in causes(error) if isinstance(each, OSError) and each.strerror]
    if systems:
        return str(systems[-1].strerror)
    names = {type(each).__name__ for each in causes(error)}
    return "no answer in time" if any("Timeout" in name for name in names) else "the connection was lost"

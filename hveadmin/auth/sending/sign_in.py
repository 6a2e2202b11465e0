"""
A token for a sending application, from Entra, by msal.

msal says no with a value and not with an exception; what raises is the network, and what was no answer of Entra's. Both
are told here in the words of the rest of the program, by number. Its tokens are kept nowhere but in memory, and a
redirect is never followed: it would carry the secret to another host.
"""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hveadmin.auth.clouds import Cloud, scope_of
from hveadmin.auth.connection import in_words, tls_failed, untrusted
from hveadmin.auth.kinds.browser import TIMEOUT as BROWSER_TIMEOUT
from hveadmin.auth.kinds.certificate import usable
from hveadmin.auth.kinds.workload_identity import read_assertion
from hveadmin.auth.refusals import Attempt, first_sentence, number_in, refused
from hveadmin.auth.secret import Secret, without_secrets
from hveadmin.auth.sending.ways import (
    ByBrowser,
    ByDeviceCode,
    Prepared,
    ReadAssertion,
    ReadCertificate,
    ReadPassword,
    ReadSecret,
)
from hveadmin.domain.ids import ClientId
from hveadmin.errors import AuthError, ConnectFailed, HveAdminError
from hveadmin.wire.trust import ssl_context

if TYPE_CHECKING:
    import requests

CONNECT_TIMEOUT = 15.0
"""Seconds."""
READ_TIMEOUT = 30.0
"""Seconds. A token is answered in less than one."""
_BUSY = frozenset({429, 500, 502, 503, 504})
_LOGGERS = ("msal", "urllib3")
_OVER = "the deadline ran out"


@dataclass(frozen=True, slots=True)
class Sender:
    """Which application signs in, and where."""

    client_id: ClientId
    tenant: str
    """A tenant id or one of the tenant's domains."""
    cloud: Cloud
    ca: str = ""
    """A PEM file that is trusted besides the operating system's store."""

    @property
    def scope(self) -> str:
        """What is asked for: everything that was granted on Exchange Online, by the name that SMTP goes by."""
        return scope_of(self.cloud.audiences.smtp)


@dataclass(frozen=True, slots=True)
class Asking:
    """Whoever runs the program."""

    may_be_asked: bool
    """Whether a sign-in may begin that somebody has to complete."""
    show: Callable[[str], None]
    """Says something to them at once. What a service wrote is in it as it came."""


def sender_token(sender: Sender, prepared: Prepared, asking: Asking, *, seconds: float) -> str:
    """
    A fresh access token for SMTP.

    `seconds` is how long all of it may take, waiting for a person included. Raises AuthError where Entra says no, or
    where nobody can be asked, ConnectFailed where Entra did not answer, or not as it does.
    """
    if isinstance(prepared, ByDeviceCode | ByBrowser) and not asking.may_be_asked:
        raise AuthError(
            "nobody can be asked to sign in here (CI=true)",
            hint="sign in as the application: a secret, a certificate or a federated token",
        )
    _silence()
    connection = _connection(sender, time.monotonic() + seconds)
    errors = _Told(
        sender,
        connection,
        _secrets_of(prepared),
        secret_is_guid=isinstance(prepared, ReadSecret) and prepared.is_guid,
        is_person=isinstance(prepared, ByDeviceCode | ByBrowser),
    )
    with connection:
        return errors.token_in(lambda: _Asked(sender, connection, asking, seconds).by(prepared))


def _secrets_of(prepared: Prepared) -> tuple[Secret, ...]:
    match prepared:
        case ReadSecret(secret):
            return (secret,)
        case ReadCertificate(password=password):
            return (password,) if password is not None else ()
        case ReadAssertion(token=token):
            return (token,)
        case ReadPassword(password=password):
            return (password,)
        case ByDeviceCode() | ByBrowser():
            return ()


# Asking


class _Asked:
    """msal's ways, each one call."""

    def __init__(self, sender: Sender, connection: requests.Session, asking: Asking, seconds: float) -> None:
        self._sender = sender
        self._connection = connection
        self._asking = asking
        self._seconds = seconds

    def by(self, prepared: Prepared) -> Mapping[str, Any]:
        """What Entra answered, as msal hands it over. Raises what msal and requests raise."""
        scopes = [self._sender.scope]
        match prepared:
            case ReadSecret(secret):
                return self._as_itself(secret.reveal())
            case ReadCertificate(path, data, password):
                key, certificate = usable(path, data, password, now=datetime.now(UTC))
                return self._as_itself(_for_msal(key, certificate))
            case ReadAssertion(path):
                return self._as_itself({"client_assertion": lambda: read_assertion(path, [])})
            case ReadPassword(account, password):
                application = self._public()
                with warnings.catch_warnings():
                    # That it is deprecated is said in our own words, by whoever asked for it.
                    warnings.simplefilter("ignore", DeprecationWarning)
                    return _answer(
                        application.acquire_token_by_username_password(account.value, password.reveal(), scopes)
                    )
            case ByDeviceCode():
                return self._by_device_code(scopes)
            case ByBrowser(account):
                return self._by_browser(scopes, account.value)

    def _as_itself(self, credential: object) -> Mapping[str, Any]:
        import msal  # type: ignore[import-untyped]

        application = msal.ConfidentialClientApplication(
            self._sender.client_id.value, client_credential=credential, **self._options
        )
        return _answer(application.acquire_token_for_client([self._sender.scope]))

    def _by_device_code(self, scopes: list[str]) -> Mapping[str, Any]:
        application = self._public()
        flow = application.initiate_device_flow(scopes=scopes)
        if "user_code" not in flow:
            return _answer(flow)
        flow["expires_at"] = min(flow["expires_at"], time.time() + self._seconds)
        self._asking.show(
            f"to sign in as the HVE account, open {flow['verification_uri']} and enter the code {flow['user_code']}"
        )
        return _answer(application.acquire_token_by_device_flow(flow))

    def _by_browser(self, scopes: list[str], account: str) -> Mapping[str, Any]:
        import webbrowser

        try:
            # msal would only log that there is none, and wait.
            webbrowser.get()
        except webbrowser.Error:
            raise AuthError(
                "no browser could be opened here", hint="sign in on another device: --device-code"
            ) from None
        application = self._public()
        limit = int(min(BROWSER_TIMEOUT, self._seconds))
        self._asking.show(f"to sign in as {account}, go on in the browser (within {limit} s)")
        return _answer(application.acquire_token_interactive(scopes, login_hint=account, timeout=limit))

    def _public(self) -> Any:
        import msal

        return msal.PublicClientApplication(self._sender.client_id.value, **self._options)

    @property
    def _options(self) -> Mapping[str, Any]:
        sender = self._sender
        return {
            "authority": f"{sender.cloud.endpoints.login}/{sender.tenant}",
            "instance_discovery": None if sender.cloud.is_well_known else False,
            "http_client": self._connection,
        }


def _for_msal(key: Any, certificate: Any) -> Mapping[str, str]:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return {
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii"),
        "public_certificate": certificate.public_bytes(Encoding.PEM).decode("ascii"),
    }


def _answer(found: Any) -> Mapping[str, Any]:
    """What msal handed over; a silence of its own (None) is an empty answer."""
    return found if isinstance(found, dict) else {}


def _connection(sender: Sender, end: float) -> requests.Session:
    """msal's HTTP: our trust, no redirects, an end to all of it, and the last answer kept for a diagnosis."""
    import requests

    from hveadmin.auth.trusting import trusting

    login = sender.cloud.endpoints.login

    class Connection(requests.Session):
        last: requests.Response | None = None

        def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
            left = end - time.monotonic()
            if left <= 0:
                raise requests.Timeout(_OVER)
            kwargs["timeout"] = (min(CONNECT_TIMEOUT, left), min(READ_TIMEOUT, left))
            kwargs["allow_redirects"] = False
            self.last = None
            self.last = super().request(method, _with_port(str(url), login), *args, **kwargs)
            return self.last

    return trusting(Connection(), login, ssl_context(sender.ca))


def _with_port(url: str, login: str) -> str:
    """The address as it was meant: msal leaves the sign-in host's port out when it asks for a user's realm [O]."""
    asked, own = urlsplit(url), urlsplit(login)
    return (
        url if asked.hostname != own.hostname or asked.port is not None else asked._replace(netloc=own.netloc).geturl()
    )


# What became of it


@dataclass(frozen=True, slots=True)
class _Told:
    """Turns what msal hands over, and what it raises, into a token or an error."""

    sender: Sender
    connection: requests.Session
    secrets: Iterable[Secret]
    secret_is_guid: bool
    is_person: bool
    """Whether somebody has to complete the sign-in, and may not have."""

    def token_in(self, ask: Callable[[], Mapping[str, Any]]) -> str:
        import requests
        from msal.exceptions import MsalError  # type: ignore[import-untyped]

        try:
            answer = ask()
        except HveAdminError:
            raise
        except requests.RequestException as error:
            raise (
                self._not_completed() if self.is_person and _OVER in str(error) else self._unreached(error)
            ) from None
        except (MsalError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            # msal raises these where it could not read an answer. Not `from` it: it quotes what Entra wrote.
            raise self._unreadable(str(error)) from None
        token = answer.get("access_token")
        if isinstance(token, str) and token:
            return token
        raise self._refused(answer)

    def _refused(self, answer: Mapping[str, Any]) -> HveAdminError:
        described = without_secrets(str(answer.get("error_description") or ""), self.secrets)
        if self._status in _BUSY:
            return self._busy()
        if number_in(described) is not None:
            return refused(described, self._attempt)
        error = without_secrets(str(answer.get("error") or ""), self.secrets)
        if self.is_person and error in ("", "authorization_pending", "expired_token"):
            return self._not_completed()
        if not error:
            return self._unreadable("")
        return AuthError(
            f"Entra did not sign in application {self.sender.client_id}: {first_sentence(error)}"
            + (f": {first_sentence(described)}" if described else ""),
            hint="check the client id, what it proves itself with, and the tenant",
        )

    def _not_completed(self) -> AuthError:
        return AuthError("nobody completed the sign-in in time", hint="try again; --timeout allows longer")

    def _unreached(self, error: Exception) -> ConnectFailed:
        login = self.sender.cloud.endpoints.login
        if (reason := untrusted(error)) is not None:
            return tls_failed(login, reason)
        return ConnectFailed(
            f"cannot sign in: no connection to {login}: {in_words(error)}",
            hint="check the network, the proxy (HTTPS_PROXY) and the profile's cloud or endpoints",
        )

    def _unreadable(self, said: str) -> HveAdminError:
        """msal could not go on: because of a refusal that came in place of a document, or of no answer of Entra's."""
        if self._status in _BUSY:
            return self._busy()
        described = without_secrets(self._last_description or said, self.secrets)
        if number_in(described) is not None:
            return refused(described, self._attempt)
        return ConnectFailed(
            f"cannot sign in: {self.sender.cloud.endpoints.login} answered, but not as Entra does"
            f" (status {self._status})",
            hint="check the profile's endpoints, the tenant, and whether a proxy answers in its place",
        )

    def _busy(self) -> ConnectFailed:
        return ConnectFailed(
            f"cannot sign in: {self.sender.cloud.endpoints.login} is too busy: status {self._status}",
            hint="try again later; nothing is wrong with the credentials that this would tell",
        )

    @property
    def _last(self) -> requests.Response | None:
        found: requests.Response | None = getattr(self.connection, "last", None)
        return found

    @property
    def _status(self) -> int:
        return 0 if self._last is None else self._last.status_code

    @property
    def _last_description(self) -> str:
        if self._last is None:
            return ""
        with suppress(ValueError, RecursionError):
            body: object = json.loads(self._last.text)
            found = body.get("error_description") if isinstance(body, dict) else None
            return found if isinstance(found, str) else ""
        return ""

    @property
    def _attempt(self) -> Attempt:
        sender = self.sender
        return Attempt(
            client_id=sender.client_id.value,
            tenant=sender.tenant,
            scope=sender.scope,
            login=sender.cloud.endpoints.login,
            secret_is_guid=self.secret_is_guid,
            again="the same command",
        )


def _silence() -> None:
    """msal and urllib3 at DEBUG write parts of what Entra answered, and urllib3 the addresses: neither is for a log."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)

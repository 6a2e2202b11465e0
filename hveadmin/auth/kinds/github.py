"""
Sign in as an application from a GitHub Actions job: GitHub signs who the job is, and Entra believes it.

The job needs `permissions: id-token: write`; GitHub then gives it an address and a token to ask for its id token with
[F: every action that does it]. No secret is kept anywhere; the application needs a federated credential whose subject
is the repository's, such as `repo:contoso/mail:ref:refs/heads/main`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from hveadmin.auth.connection import in_words, tls_failed, untrusted
from hveadmin.auth.secret import Secret
from hveadmin.auth.sign_in import Asked, SignIn, client_id_of, tenant_of
from hveadmin.errors import AuthError, ConnectFailed, UsageError
from hveadmin.wire.session import is_loopback
from hveadmin.wire.trust import ssl_context

if TYPE_CHECKING:
    from azure.identity import ClientAssertionCredential

AUDIENCE = "api://AzureADTokenExchange"
"""Whom Entra expects federated tokens to be for, unless the federated credential says otherwise [D]."""
TIMEOUT = 30.0
"""Seconds."""

_URL, _TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_PERMISSION = "give the job the permission to ask for it: permissions: {id-token: write} in the workflow"


def prepare(asked: Asked) -> SignIn:
    """See that this is a job which may ask. Raises UsageError for whatever is missing."""
    environ = asked.environ
    client_id = client_id_of(asked.auth.client_id or environ.get("AZURE_CLIENT_ID", ""), "auth.client_id")
    tenant = tenant_of(asked, environ.get("AZURE_TENANT_ID", ""))
    missing = [name for name in (_URL, _TOKEN) if not environ.get(name)]
    if missing:
        raise _not_a_job(missing, environ)
    job = _Job(environ[_URL], Secret(environ[_TOKEN]), asked.auth.options.get("audience", "") or AUDIENCE, asked.ca)
    if not _may_be_asked(job.url):
        raise UsageError(f"{_URL} is not an https address", hint="GitHub sets it; it is not to be set by hand")

    def credential(options: Mapping[str, Any]) -> ClientAssertionCredential:
        from azure.identity import ClientAssertionCredential

        return ClientAssertionCredential(tenant, client_id.value, job.id_token, **options)

    return SignIn(tenant, client_id, credential, (job.token,), proof=f"GitHub's id token ({_URL})")


def _not_a_job(missing: list[str], environ: Mapping[str, str]) -> UsageError:
    unset = " and ".join(missing)
    if environ.get("GITHUB_ACTIONS") == "true":
        return UsageError(f"this job may not ask GitHub for an id token: {unset} not set", hint=_PERMISSION)
    return UsageError(
        f"this is no GitHub Actions job that may ask for an id token: {unset} not set",
        hint=f"in a workflow, {_PERMISSION}; elsewhere use another kind of sign-in",
    )


def _may_be_asked(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


@dataclass(frozen=True, slots=True)
class _Job:
    """A job of GitHub Actions that may ask who it is."""

    url: str
    token: Secret
    audience: str
    ca: str

    def id_token(self) -> str:
        """A fresh id token, good for some minutes. Raises AuthError or ConnectFailed."""
        import httpx2

        url = f"{self.url}{'&' if '?' in self.url else '?'}audience={quote(self.audience, safe='')}"
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        headers = {"Authorization": f"bearer {self.token.reveal()}", "Accept": "application/json"}
        direct = is_loopback(urlsplit(url).hostname or "")
        try:
            with httpx2.Client(verify=ssl_context(self.ca), trust_env=not direct, timeout=TIMEOUT) as client:
                reply = client.get(url, headers=headers)
        except httpx2.HTTPError as error:
            reason = untrusted(error)
            if reason is not None:
                raise tls_failed(origin, reason) from None
            raise ConnectFailed(
                f"cannot sign in: GitHub was not asked for an id token, no connection to {origin}: {in_words(error)}",
                hint="check the network and the proxy (HTTPS_PROXY) of the runner",
            ) from None
        if reply.status_code != 200:
            raise AuthError(f"GitHub gave no id token: {origin} answered status {reply.status_code}", hint=_PERMISSION)
        return _value(reply.content, origin)


def _value(body: bytes, origin: str) -> str:
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    value = found.get("value") if isinstance(found, dict) else None
    if not isinstance(value, str) or not value:
        raise AuthError(f"GitHub gave no id token: {origin} answered something else", hint=_PERMISSION)
    return value

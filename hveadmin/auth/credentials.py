"""
The ways for an administrator to sign in, and the one function that the rest of the program calls.

The next way is one file in `kinds` and one line in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hveadmin.auth.clouds import Cloud
from hveadmin.auth.kinds import certificate, client_secret, environment
from hveadmin.auth.sign_in import Asked, SignIn
from hveadmin.auth.tokens import AzureTokenSource
from hveadmin.domain.profile import AuthKind, AuthSettings
from hveadmin.errors import UsageError

KINDS: Mapping[AuthKind, Callable[[Asked], SignIn]] = MappingProxyType(
    {
        AuthKind.ENVIRONMENT: environment.prepare,
        AuthKind.CLIENT_SECRET: client_secret.prepare,
        AuthKind.CERTIFICATE: certificate.prepare,
    }
)


def sign_in(
    auth: AuthSettings, *, tenant_id: str, cloud: Cloud, ca: str = "", environ: Mapping[str, str]
) -> AzureTokenSource:
    """
    Get ready to sign in. Nobody is contacted before the first token is asked for.

    `tenant_id` is the tenant of this run (an id or a domain), empty where the profile or the environment is to say;
    `ca` is a PEM file that is trusted besides the operating system's store. Raises UsageError for whatever is
    missing or cannot be meant so. The result is to be closed.
    """
    prepare = KINDS.get(auth.kind)
    if prepare is None:
        raise UsageError(
            f"this version does not sign in with {auth.kind.value}",
            hint=f"it can use {', '.join(kind.value for kind in KINDS)}",
        )
    return AzureTokenSource(prepare(Asked(auth, tenant_id, environ)), cloud, ca=ca)

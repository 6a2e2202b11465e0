"""
The ways for an administrator to sign in, and the one function that the rest of the program calls.

The next way is one file in `kinds` and one line in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hveadmin.auth.clouds import Cloud
from hveadmin.auth.kinds import (
    azure_cli,
    azure_pipelines,
    browser,
    certificate,
    client_secret,
    device_code,
    environment,
    github,
    managed_identity,
    workload_identity,
)
from hveadmin.auth.sign_in import Asked, Person, SignIn
from hveadmin.auth.tokens import AzureTokenSource
from hveadmin.domain.profile import AuthKind, AuthSettings

KINDS: Mapping[AuthKind, Callable[[Asked], SignIn]] = MappingProxyType(
    {
        AuthKind.ENVIRONMENT: environment.prepare,
        AuthKind.CLIENT_SECRET: client_secret.prepare,
        AuthKind.CERTIFICATE: certificate.prepare,
        AuthKind.WORKLOAD_IDENTITY: workload_identity.prepare,
        AuthKind.GITHUB: github.prepare,
        AuthKind.AZURE_PIPELINES: azure_pipelines.prepare,
        AuthKind.MANAGED_IDENTITY: managed_identity.prepare,
        AuthKind.AZURE_CLI: azure_cli.prepare,
        AuthKind.DEVICE_CODE: device_code.prepare,
        AuthKind.BROWSER: browser.prepare,
    }
)


def sign_in(
    auth: AuthSettings,
    *,
    tenant_id: str,
    cloud: Cloud,
    ca: str = "",
    environ: Mapping[str, str],
    profile: str = "",
    person: Person | None = None,
    patience: float = 120.0,
) -> AzureTokenSource:
    """
    Get ready to sign in. Nobody is contacted before the first token is asked for.

    `tenant_id` is the tenant of this run (an id or a domain), empty where the profile or the environment is to say;
    `ca` is a PEM file that is trusted besides the operating system's store; `person` is whoever runs the program,
    without whom nobody is asked anything. Raises UsageError for whatever is missing or cannot be meant so. The result
    is to be closed.
    """
    asked = Asked(auth, tenant_id, environ, profile, cloud.endpoints.login, ca, person or Person())
    return AzureTokenSource(KINDS[auth.kind](asked), cloud, ca=ca, patience=patience)

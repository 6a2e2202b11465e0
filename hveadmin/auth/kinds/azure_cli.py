"""
Sign in as whoever is signed in to the Azure CLI: a person, or a service principal (`az login --service-principal`).

`az` runs as a process of its own and keeps its own tokens; it cannot be asked for a token that meets a claims
challenge [F]. For a person its token is the CLI's own application's, which may not manage Exchange Online in most
tenants [G]; a service principal's is as good as with a secret.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hveadmin.auth.connection import causes
from hveadmin.auth.refusals import first_sentence
from hveadmin.auth.sign_in import Asked, SignIn, tenant_of
from hveadmin.domain.ids import ClientId
from hveadmin.errors import AuthError, HveAdminError, UsageError

if TYPE_CHECKING:
    from azure.identity import AzureCliCredential

CLIENT = ClientId("04b07795-8ddb-461a-bbee-02f9e1bf7b46")
"""The Azure CLI's own application, which signs a person in [F]."""
TIMEOUT = 60
"""Seconds. `az` takes some to start, and more where it has to renew."""


def prepare(asked: Asked) -> SignIn:
    """See that there is an Azure CLI. Raises UsageError."""
    if shutil.which("az", path=asked.environ.get("PATH", "")) is None:
        raise UsageError(
            "the Azure CLI is not here: there is no az on the PATH",
            hint="install it and sign in with az login, or use another kind of sign-in",
        )
    tenant = tenant_of(asked) if asked.tenant_id or asked.auth.tenant_id else ""
    again = f"az login --tenant {tenant} --allow-no-subscriptions" if tenant else "az login --allow-no-subscriptions"

    def credential(options: Mapping[str, Any]) -> AzureCliCredential:
        from azure.identity import AzureCliCredential

        return AzureCliCredential(tenant_id=tenant, process_timeout=TIMEOUT)

    return SignIn(
        tenant, CLIENT, credential, proof="the Azure CLI (az on the PATH)", again=again, explain=_explainer(again)
    )


def _explainer(again: str) -> Callable[[BaseException], HveAdminError | None]:
    def explain(error: BaseException) -> HveAdminError:
        said = str(error)
        if "az login' to set up" in said:
            return AuthError("nobody is signed in to the Azure CLI", hint=again)
        if "claims challenge" in said:
            return AuthError("the service asks for a new sign-in, and the Azure CLI cannot pass that on", hint=again)
        if any(type(each).__name__ == "TimeoutExpired" for each in causes(error)):
            return AuthError(f"az gave no answer within {TIMEOUT} s", hint=f"try by hand: {again}")
        # What az prints where a token was expected may be the token.
        why = "what it printed is no token" if said.startswith("Unexpected output") else first_sentence(said)
        return AuthError(f"the Azure CLI gave no token: {why or 'it failed'}", hint=again)

    return explain

"""
Sign in as the identity that Azure gives a machine: a virtual machine (IMDS), App Service and what is like it.

Which endpoint is asked follows from the environment, by azure-identity's rules: IDENTITY_ENDPOINT and IDENTITY_HEADER
for App Service, Functions and Container Apps, else the fixed address of IMDS. The machine's identity belongs to one
tenant, whichever is asked for; that the token is for the right one is checked by whoever uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hveadmin.auth.connection import causes
from hveadmin.auth.refusals import first_sentence
from hveadmin.auth.secret import Secret
from hveadmin.auth.sign_in import Asked, SignIn, client_id_of
from hveadmin.domain.ids import ClientId
from hveadmin.errors import AuthError, HveAdminError, UsageError

if TYPE_CHECKING:
    from azure.identity import ManagedIdentityCredential

# Where all three are set, azure-identity would sign in with the pod's token instead, to a host of its own choice.
_KUBERNETES = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")
_ENDPOINTS = {"IDENTITY_ENDPOINT": "App Service", "MSI_ENDPOINT": "Cloud Shell or Azure ML"}
_SECRETS = ("IDENTITY_HEADER", "MSI_SECRET")
_TOLD = "Token request error: "


def prepare(asked: Asked) -> SignIn:
    """See which identity is meant. Raises UsageError where another kind is meant."""
    environ = asked.environ
    client_id = client_id_of(asked.auth.client_id, "auth.client_id") if asked.auth.client_id else None
    where = next((name for variable, name in _ENDPOINTS.items() if environ.get(variable)), "IMDS")
    if where == "IMDS" and all(environ.get(name) for name in _KUBERNETES):
        raise UsageError(
            f"{' and '.join(_KUBERNETES)} are set: this is a pod with workload identity, not managed identity",
            hint="kind: workload_identity in the profile",
        )

    def credential(options: Mapping[str, Any]) -> ManagedIdentityCredential:
        from azure.identity import ManagedIdentityCredential

        from hveadmin.auth.azure_transport import machine_transport

        # The authority is not asked: Azure signs the machine in.
        shared = {name: value for name, value in options.items() if name.startswith("retry_")}
        return ManagedIdentityCredential(
            client_id=client_id.value if client_id is not None else None, transport=machine_transport(), **shared
        )

    return SignIn(
        asked.tenant_id or asked.auth.tenant_id,
        client_id,
        credential,
        tuple(Secret(environ[name]) for name in _SECRETS if environ.get(name)),
        proof=f"managed identity ({where}), {'user-assigned' if client_id is not None else 'system-assigned'}",
        explain=_explainer(where, client_id),
    )


def _explainer(where: str, client_id: ClientId | None) -> Callable[[BaseException], HveAdminError | None]:
    identity = f"the managed identity {client_id}" if client_id is not None else "a system-assigned managed identity"

    def explain(error: BaseException) -> HveAdminError:
        told = next((text for text in map(str, causes(error)) if _TOLD in text), "")
        if told or "No identity has been assigned" in str(error):
            said = first_sentence(told.partition(_TOLD)[2]) or "no identity"
            return AuthError(
                f"this machine was given no token for {identity} ({where}: {said})",
                hint="assign the identity to this machine: Azure portal > the resource > Identity; client_id in the "
                "profile names a user-assigned one",
            )
        return AuthError(
            f"this machine has no managed identity to sign in with: {where} gave no answer that could be used",
            hint="managed identity works on machines in Azure (or connected by Arc); elsewhere use another kind",
        )

    return explain

"""
Sign in as an application from Azure Pipelines, through a service connection with workload identity federation.

The job's own token (SYSTEM_ACCESSTOKEN) buys a signed statement of who the service connection is. Tasks that were given
the connection set AZURESUBSCRIPTION_* [D]; where they are set, the profile may leave out what they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hveadmin.auth.connection import causes
from hveadmin.auth.secret import Secret
from hveadmin.auth.sign_in import Asked, SignIn, client_id_of, tenant_of
from hveadmin.errors import AuthError, HveAdminError, UsageError

if TYPE_CHECKING:
    from azure.identity import AzurePipelinesCredential

_ADDRESS, _TOKEN = "SYSTEM_OIDCREQUESTURI", "SYSTEM_ACCESSTOKEN"
_CONNECTION = "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"


def prepare(asked: Asked) -> SignIn:
    """Find the connection and the job's token. Raises UsageError for whatever is missing."""
    environ = asked.environ
    client = environ.get("AZURESUBSCRIPTION_CLIENT_ID", "") or environ.get("AZURE_CLIENT_ID", "")
    client_id = client_id_of(asked.auth.client_id or client, "auth.client_id")
    tenant = tenant_of(asked, environ.get("AZURESUBSCRIPTION_TENANT_ID", "") or environ.get("AZURE_TENANT_ID", ""))
    connection = asked.auth.options.get("service_connection_id", "") or environ.get(_CONNECTION, "")
    if not connection:
        raise UsageError(
            "auth.service_connection_id is missing: the profile does not name the service connection",
            hint="it is the resourceId in the address of its page: Project settings > Service connections",
        )
    if not environ.get(_ADDRESS):
        raise UsageError(
            f"this is no job of Azure Pipelines: {_ADDRESS} is not set", hint="elsewhere use another kind of sign-in"
        )
    if not environ.get(_TOKEN):
        raise UsageError(
            f"the job's own token is missing: {_TOKEN} is not set",
            hint=f"pass it to the step: env: {{{_TOKEN}: $(System.AccessToken)}}",
        )
    token = Secret(environ[_TOKEN])

    def credential(options: Mapping[str, Any]) -> AzurePipelinesCredential:
        from azure.identity import AzurePipelinesCredential

        # It reads SYSTEM_OIDCREQUESTURI from the process's environment by itself.
        return AzurePipelinesCredential(
            tenant_id=tenant,
            client_id=client_id.value,
            service_connection_id=connection,
            system_access_token=token.reveal(),
            **options,
        )

    def explain(error: BaseException) -> HveAdminError | None:
        return _explained(error, connection, environ[_ADDRESS])

    return SignIn(
        tenant, client_id, credential, (token,), proof=f"service connection {connection} ({_TOKEN})", explain=explain
    )


def _explained(error: BaseException, connection: str, address: str) -> HveAdminError | None:
    for each in causes(error):
        response = getattr(each, "response", None)
        if response is not None and str(response.request.url).startswith(address):
            return _no_token(connection, f"status {response.status_code}")
        if str(each) == "OIDC token not found in response.":
            return _no_token(connection, "without a token in it")
    return None


def _no_token(connection: str, answered: str) -> AuthError:
    return AuthError(
        f"Azure Pipelines gave no token for the service connection {connection}: it answered {answered}",
        hint="the connection must use workload identity federation, exist in this project, and be permitted to this "
        f"pipeline; {_TOKEN} must be this job's",
    )

"""Sign in as an application with a client secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hveadmin.auth.secret import read_secret
from hveadmin.auth.sign_in import Asked, SignIn, client_id_of, is_guid, tenant_of
from hveadmin.errors import UsageError

if TYPE_CHECKING:
    from azure.identity import ClientSecretCredential


def prepare(asked: Asked) -> SignIn:
    """Read the secret. Raises UsageError for whatever is missing."""
    client_id = client_id_of(asked.auth.client_id, "auth.client_id")
    tenant = tenant_of(asked)
    if asked.auth.secret is None:
        raise UsageError(
            "auth.secret is missing: the profile does not say where the client secret is",
            hint="secret: {env: NAME}, {file: PATH} or {keyring: SERVICE}",
        )
    secret = read_secret(asked.auth.secret, environ=asked.environ, account=client_id.value)

    def credential(options: Mapping[str, Any]) -> ClientSecretCredential:
        from azure.identity import ClientSecretCredential

        return ClientSecretCredential(tenant, client_id.value, secret.reveal(), **options)

    return SignIn(
        tenant,
        client_id,
        credential,
        (secret,),
        secret_is_guid=is_guid(secret.reveal()),
        proof=f"client secret in {asked.auth.secret}",
    )

"""
Sign in as an application with a token that somebody else signed and that lies in a file: a Kubernetes service account.

AZURE_FEDERATED_TOKEN_FILE names the file where the profile does not (`token_file`), AZURE_CLIENT_ID and AZURE_TENANT_ID
what else the profile leaves out: these are the names that the workload identity webhook sets [D]. Kubernetes renews the
file, so it is read for each token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hveadmin.auth.secret import Secret
from hveadmin.auth.sign_in import Asked, SignIn, client_id_of, tenant_of
from hveadmin.errors import AuthError, UsageError

if TYPE_CHECKING:
    from azure.identity import ClientAssertionCredential

VARIABLE = "AZURE_FEDERATED_TOKEN_FILE"


def prepare(asked: Asked) -> SignIn:
    """Find the file and see that it can be read. Raises UsageError for whatever is missing."""
    environ = asked.environ
    client_id = client_id_of(asked.auth.client_id or environ.get("AZURE_CLIENT_ID", ""), "auth.client_id")
    tenant = tenant_of(asked, environ.get("AZURE_TENANT_ID", ""))
    named = asked.auth.options.get("token_file", "") or environ.get(VARIABLE, "")
    if not named:
        raise UsageError(
            f"nothing names the file with the federated token: neither token_file in the profile nor {VARIABLE}",
            hint='Kubernetes sets it in pods with the label azure.workload.identity/use: "true" and an annotated '
            "service account; elsewhere name the file in the profile: token_file: PATH",
        )
    path = Path(named).expanduser()
    seen: list[Secret] = []
    try:
        read_assertion(path, seen)
    except AuthError as error:
        raise UsageError(error.message, hint=error.hint) from None

    def credential(options: Mapping[str, Any]) -> ClientAssertionCredential:
        from azure.identity import ClientAssertionCredential

        return ClientAssertionCredential(tenant, client_id.value, _reader(path, seen), **options)

    return SignIn(tenant, client_id, credential, seen, proof=f"federated token in file {path}")


def _reader(path: Path, seen: list[Secret]) -> Callable[[], str]:
    return lambda: read_assertion(path, seen)


def read_assertion(path: Path, seen: list[Secret]) -> str:
    """The federated token in a file, noted down as a secret. Raises AuthError."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise AuthError(f"the federated token {path} cannot be read: {error.strerror}") from None
    except ValueError:  # not `from` it: it carries the bytes
        raise AuthError(f"the federated token {path} is no token: it is not ASCII text") from None
    if not text:
        raise AuthError(f"the federated token {path} is empty")
    if all(text != each.reveal() for each in seen):
        seen.append(Secret(text))
    return text

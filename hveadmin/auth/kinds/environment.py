"""
Sign in as the environment says: HVEADMIN_TENANT_ID, HVEADMIN_CLIENT_ID and HVEADMIN_CLIENT_SECRET or
HVEADMIN_CERTIFICATE (with HVEADMIN_CERTIFICATE_PASSWORD), else the AZURE_* names that other tools read as well, among
them AZURE_FEDERATED_TOKEN_FILE.

The two families are not mixed: half of one and half of the other is another application's secret. In one family the
secret is tried before the certificate, as azure-identity does [D], and the certificate before the federated token.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hveadmin.auth.kinds import certificate, client_secret, workload_identity
from hveadmin.auth.sign_in import Asked, SignIn, client_id_of, tenant_of
from hveadmin.domain.profile import AuthKind, AuthSettings, SecretKind, SecretSource
from hveadmin.errors import UsageError


@dataclass(frozen=True, slots=True)
class Family:
    """The names of the variables that belong together."""

    tenant_id: str
    client_id: str
    client_secret: str
    certificate: str
    certificate_password: str
    federated_token_file: str = ""
    """Empty where the family has none."""

    @property
    def of_an_application(self) -> tuple[str, ...]:
        """The names that tell that the family is meant; the tenant alone may stand for anything."""
        names = (self.client_id, self.client_secret, self.certificate, self.federated_token_file)
        return tuple(name for name in names if name)


FAMILIES = (
    Family(
        "HVEADMIN_TENANT_ID",
        "HVEADMIN_CLIENT_ID",
        "HVEADMIN_CLIENT_SECRET",
        "HVEADMIN_CERTIFICATE",
        "HVEADMIN_CERTIFICATE_PASSWORD",
    ),
    Family(
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        workload_identity.VARIABLE,
    ),
)


def prepare(asked: Asked) -> SignIn:
    """Pick the family and the way. Raises UsageError, naming the variable that is missing."""
    names = _family(asked)
    environ = asked.environ
    client_id = client_id_of(asked.auth.client_id or environ.get(names.client_id, ""), names.client_id)
    tenant = tenant_of(asked, environ.get(names.tenant_id, ""), names.tenant_id)
    auth = AuthSettings(kind=AuthKind.ENVIRONMENT, client_id=client_id.value, tenant_id=tenant)
    if environ.get(names.client_secret):
        secret = SecretSource(SecretKind.ENV, names.client_secret)
        return client_secret.prepare(replace(asked, auth=replace(auth, secret=secret)))
    if environ.get(names.certificate):
        has_password = bool(environ.get(names.certificate_password))
        password = SecretSource(SecretKind.ENV, names.certificate_password) if has_password else None
        auth = replace(auth, certificate=environ[names.certificate], certificate_password=password)
        return certificate.prepare(replace(asked, auth=auth))
    if names.federated_token_file and environ.get(names.federated_token_file):
        return workload_identity.prepare(replace(asked, auth=auth))
    raise UsageError(
        f"the environment names an application ({names.client_id}) but neither a secret nor a certificate",
        hint="set " + " or ".join(filter(None, (names.client_secret, names.certificate, names.federated_token_file))),
    )


def _family(asked: Asked) -> Family:
    """The first family with anything of an application in it."""
    for names in FAMILIES:
        if any(asked.environ.get(name) for name in names.of_an_application):
            return names
    first = FAMILIES[0]
    raise UsageError(
        "nothing says how to sign in: there is no profile, and the environment names no application",
        hint=f"name a profile (--profile), or set {first.tenant_id}, {first.client_id} and {first.client_secret} "
        f"or {first.certificate}",
    )

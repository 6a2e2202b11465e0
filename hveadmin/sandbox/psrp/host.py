"""
The management host: who may sign in here, what is installed, and as whom the host signs in to Exchange.

A host holds what an administrator would have put on it: certificates with their private keys, and a managed identity.
Here each of them is a name for one of the sandbox's applications that sign in, because what is played is the wire and
not Windows: no certificate is really signed with. From the application on everything is checked as for REST: its
permission, its roles, its tenant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hveadmin.sandbox import cmdlets
from hveadmin.sandbox.adminapi import may_connect
from hveadmin.sandbox.entra import EXCHANGE_APP_ID, Refusal, TokenEndpoint, audiences_of, find_tenant, tenant_not_found
from hveadmin.sandbox.faults import FaultBook, Switches
from hveadmin.sandbox.keys import BadToken, SigningKeys
from hveadmin.sandbox.psrp.failures import Failure, cannot_connect
from hveadmin.sandbox.store import Document, Store
from hveadmin.sandbox.tenant import Clock, SandboxTenant

MACHINE = "SBXHOST01"
"""The host's name, which its faults carry; also the domain of its users."""

MODULE = "ExchangeOnlineManagement"
MODULE_VERSION = (3, 9, 0)

_EXCHANGE = "https://outlook.office365.com"
_MSAL = "Microsoft.Identity.Client.MsalServiceException"


@dataclass(frozen=True, slots=True)
class Configuration:
    """A session configuration: a full PowerShell, or an endpoint that shows a few cmdlets and nothing else."""

    name: str
    operator: str = ""
    """The application that it is connected to Exchange as from the start; empty: whoever comes connects."""
    visible: tuple[str, ...] = ()
    """Of such an endpoint: the Exchange cmdlets that it shows."""

    @property
    def preconnected(self) -> bool:
        return bool(self.operator)


_READS = (
    "Get-AuthenticationPolicy",
    "Get-HVEAccountBillingPolicy",
    "Get-HVEAccountSettings",
    "Get-MailUser",
    "Get-OrganizationConfig",
    "Get-User",
)
"""What a check reads; the kit in playbooks/jea shows the same."""
_WRITES = ("Add-HVEAppAccess", "Remove-HVEAppAccess")

CONFIGURATIONS: Mapping[str, Configuration] = {
    each.name.lower(): each
    for each in (
        Configuration("Microsoft.PowerShell"),
        Configuration("PowerShell.7"),
        Configuration("HVEAdmin", "operator", _READS + _WRITES),
        Configuration("HVEAdmin.Reader", "reader", _READS),
    )
}
"""The host's session configurations, by name in lower case."""


def thumbprint_of(client_id: str) -> str:
    """The thumbprint under which a new host holds this application's certificate; the same each time."""
    return hashlib.sha1(client_id.lower().encode(), usedforsecurity=False).hexdigest().upper()


@dataclass(frozen=True, slots=True)
class Setup:
    """What was put on the host. Applications are named by client id."""

    certificates: Mapping[str, str] = field(default_factory=dict)
    """Which application's certificate lies under a thumbprint (upper case)."""
    managed_identity: str = ""
    """The application that stands for the host's managed identity; empty: it has none."""
    organization: str = ""
    """Where preconnected configurations connect to; empty: the first tenant."""


def read_setup(store: Store) -> Setup:
    """What is on the host; on a new one the certificates of all that sign in, and the operator as its identity."""
    document = store.get("", "setting", "managementHost")
    if document is not None:
        return Setup(document["certificates"], document["managedIdentity"], document["organization"])
    operators = {each["name"]: str(each["clientId"]) for each in store.all("", "operator")}
    return Setup({thumbprint_of(each): each for each in operators.values()}, operators.get("operator", ""))


def write_setup(store: Store, setup: Setup) -> None:
    """Change what is on the host; shells that are open keep their connections."""
    document: Document = {
        "certificates": {thumb.upper(): client_id for thumb, client_id in setup.certificates.items()},
        "managedIdentity": setup.managed_identity,
        "organization": setup.organization,
    }
    store.put("", "setting", "managementHost", document)


@dataclass(frozen=True, slots=True)
class Connection:
    """A session's connection to Exchange."""

    tenant: SandboxTenant
    wids: frozenset[str]

    def permitted(self) -> tuple[str, ...]:
        """The cmdlets that whoever is connected may run."""
        return cmdlets.permitted(self.wids)


@dataclass(frozen=True, slots=True)
class ManagementHost:
    """The host over one sandbox. Nothing here waits for anything but the store."""

    store: Store
    keys: SigningKeys
    clock: Clock
    switches: Callable[[], Switches]
    users: Callable[[], Mapping[str, str]]
    """The host's own accounts: password by name."""

    @property
    def faults(self) -> FaultBook:
        return FaultBook(self.store)

    def connect_with_certificate(self, thumbprint: str, app_id: str, organization: str) -> Connection:
        """Sign in as an application whose certificate the host holds. Raises Failure."""
        client_id = read_setup(self.store).certificates.get(thumbprint.replace(" ", "").upper())
        if client_id is None:
            raise cannot_connect(  # [G]: the text; that the host's store is searched is documented
                f"The certificate with thumbprint {thumbprint} was not found in the certificate stores CurrentUser and"
                " LocalMachine of this computer."
            )
        if client_id.lower() != app_id.strip().lower():
            raise cannot_connect(
                "A configuration issue is preventing authentication. AADSTS700027: The certificate with identifier"
                " used to sign the client assertion is not registered on application. [Reason - The key was not"
                f" found., Thumbprint of key used by client: '{thumbprint}']",
                _MSAL,
            )
        return self.connect_as(client_id, organization)

    def connect_with_identity(self, organization: str) -> Connection:
        """Sign in as the host's managed identity. Raises Failure."""
        client_id = read_setup(self.store).managed_identity
        if not client_id:
            raise cannot_connect(
                "ManagedIdentityCredential authentication unavailable. No Managed Identity endpoint found.", _MSAL
            )
        return self.connect_as(client_id, organization)

    def connect_as(self, client_id: str, organization: str) -> Connection:
        """Sign in as an application, whose proof is taken for given. Raises Failure."""
        endpoint = TokenEndpoint(self.store, self.keys, self.clock(), "https://login.microsoftonline.com")
        try:
            tenant = find_tenant(self.store, organization)
            if tenant is None:
                raise tenant_not_found(organization)
            token = endpoint.app_only(endpoint.application(tenant, client_id), _EXCHANGE, "2")["access_token"]
        except Refusal as refusal:
            raise cannot_connect(f"AADSTS{refusal.number}: {refusal.text}", _MSAL) from None
        return self.connect_with_token(str(token), organization)

    def connect_with_token(self, token: str, organization: str) -> Connection:
        """Connect with a token, judged as the admin API judges it. Raises Failure."""
        claims = self._claims(token)
        tenant = find_tenant(self.store, organization)
        if claims is None or not may_connect(claims) or tenant is None or tenant["id"] != claims.get("tid"):
            raise cannot_connect("UnAuthorized")
        wids = frozenset(str(each) for each in claims.get("wids", ()))
        if len(cmdlets.permitted(wids)) == 0:
            raise cannot_connect(
                f"The role assigned to application {claims.get('appid', '')} isn't supported in this scenario. Please"
                " check online documentation for assigning correct Directory Roles to Azure AD Application for EXO"
                " App-Only Authentication."
            )
        return Connection(SandboxTenant(self.store, str(claims["tid"]), self.clock, self.switches), wids)

    def preconnection(self, configuration: Configuration) -> Connection | None:
        """The connection that a configuration starts with; None where its application cannot sign in."""
        operator = self.store.get("", "operator", configuration.operator)
        tenants = sorted(self.store.all("", "tenant"), key=lambda tenant: str(tenant["alias"]))
        if operator is None:
            return None
        organization = read_setup(self.store).organization or str(tenants[0]["id"])
        try:
            return self.connect_as(str(operator["clientId"]), organization)
        except Failure:
            # As in a startup script that failed: the session opens, and its cmdlets are not there.
            return None

    def _claims(self, token: str) -> Mapping[str, Any] | None:
        try:
            return self.keys.verify(token.strip(), audiences=audiences_of(EXCHANGE_APP_ID), now=self.clock())
        except BadToken:
            return None

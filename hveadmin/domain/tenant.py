"""
What is: the accounts of a tenant, their lists, and what the directory says of the ids on them.

A list is `Known` or `Unknown`, and there is no third way to write it down: a read that failed cannot look empty.
An empty `Known` list means that *every* application may send [D], which is why nothing here tests a list for truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hveadmin.domain.ids import Address, ClientId, Guid, ObjectId, TenantId

CEILING = 10
"""At most this many allowed applications an account [D: Add-HVEAppAccess]."""


@dataclass(frozen=True, slots=True)
class Known:
    """The list as it was read."""

    apps: frozenset[ObjectId]

    @property
    def is_open(self) -> bool:
        """Empty: any application with valid OAuth credentials may authenticate."""
        return len(self.apps) == 0


@dataclass(frozen=True, slots=True)
class Unknown:
    """The list could not be read. `why` is a sentence for people; it names the request id where there is one."""

    why: str


AllowedApps = Known | Unknown


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An HVE account as the listing shows it, before its settings are read."""

    address: Address
    guid: Guid
    """What stays when the address changes: the account's ExternalDirectoryObjectId, else its Exchange Guid."""
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class HveAccount:
    """An HVE account with its list."""

    address: Address
    guid: Guid
    display_name: str
    allowed: AllowedApps


class IdKind(StrEnum):
    """What a GUID turned out to be."""

    SERVICE_PRINCIPAL = "service-principal"
    CLIENT_ID = "client-id"
    APP_REGISTRATION = "app-registration"
    USER = "user"
    GROUP = "group"
    DEVICE = "device"
    DELETED_SERVICE_PRINCIPAL = "deleted-service-principal"
    DELETED_APPLICATION = "deleted-application"
    OTHER = "other-object"
    NOT_FOUND = "not-found"
    """Nothing of any kind: deleted for good, another tenant's, or mistyped."""
    NOT_FOUND_OR_OTHER = "not-found-or-other-type"
    """No application of any kind; without Directory.Read.All users, groups and devices stay invisible."""


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """An application's enterprise application in one tenant."""

    object_id: ObjectId
    client_id: ClientId
    display_name: str
    enabled: bool = True
    owner_tenant: TenantId | None = None
    """The tenant that registered the application; None where the directory does not say (managed identities)."""
    principal_type: str = "Application"
    """Application, ManagedIdentity, Legacy, SocialIdp."""
    disabled_by_microsoft: str = ""
    """disabledByMicrosoftStatus where it says anything but NotDisabled."""
    publisher: str = ""
    """The verified publisher's name."""


class CredentialKind(StrEnum):
    """How an application proves itself."""

    SECRET = "secret"  # noqa: S105 — a kind, no secret
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret or a certificate as a registration lists it: everything but the secret."""

    kind: CredentialKind
    key_id: str
    """The credential's own id. Of a secret it is what is pasted by mistake in place of the secret."""
    display_name: str = ""
    hint: str = ""
    """A secret's first characters, as the directory shows them to everybody who may read the registration."""
    starts: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeletedPrincipal:
    """A service principal in the recycle bin."""

    object_id: ObjectId
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Identity:
    """What the directory says of one GUID."""

    id: Guid
    kind: IdKind
    display_name: str = ""
    principal: ServicePrincipal | None = None
    """The service principal itself; for a client id or a registration the one to use instead, None if there is none."""
    client_id: ClientId | None = None
    """The application's client id, where one is known (also for a registration without a service principal here)."""
    deleted_at: datetime | None = None
    """For the deleted kinds: when. It can be restored for 30 days [D]."""
    credentials: tuple[Credential, ...] | None = None
    """The secrets and certificates of the application's registration; None where it was not read, or is elsewhere."""
    deleted_principal: DeletedPrincipal | None = None
    """For a client id or a registration without a service principal: the one that it had."""


@dataclass(frozen=True, slots=True)
class Readable:
    """
    What the directory said.

    `identities` holds every id that was asked for, as a plain `Guid`; `named` every display name that was asked
    for, with all the service principals that bear it: none, one, or too many to choose from.
    """

    identities: Mapping[Guid, Identity] = field(default_factory=dict)
    named: Mapping[str, tuple[ServicePrincipal, ...]] = field(default_factory=dict)

    def identity(self, guid: Guid) -> Identity | None:
        """What the directory says of an id, whatever it was taken for; None if it was not asked."""
        return self.identities.get(Guid(guid.value))


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The directory could not be read. Ids are unchecked, which a plan must say."""

    why: str
    grant: str = ""
    """What to grant, and where, if it is a missing right that stands in the way."""


DirectoryView = Readable | Unreadable


@dataclass(frozen=True, slots=True)
class TenantSnapshot:
    """All that was read of one tenant, at one time."""

    tenant_id: TenantId
    read_at: datetime
    accounts: tuple[HveAccount, ...]
    """Every HVE account of the tenant, ordered by address. The listing is complete or there is no snapshot."""
    directory: DirectoryView

    def account(self, address: Address) -> HveAccount | None:
        """The account with this address, None if the tenant has no such HVE account."""
        return next((each for each in self.accounts if each.address == address), None)

"""
The shape of a snapshot file, and the way between it and `TenantFacts`.

Every part that may be unknown says which it is under `state`, so that no reader, ours or another, can take a missing
key for an empty list. Lists whose order means nothing are sorted: the same tenant has the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from hveadmin.config.canonical import AddressText, GuidText, Instant, Part, Sha256, instant
from hveadmin.domain.facts import BasicAuth, Billing, TenantFacts
from hveadmin.domain.ids import Address, ClientId, Guid, ObjectId, TenantId
from hveadmin.domain.permissions import (
    Api,
    Consent,
    MailPermission,
    Permission,
    PermissionKind,
    PermissionView,
    Registered,
    Unseen,
)
from hveadmin.domain.tenant import (
    AllowedApps,
    Credential,
    CredentialKind,
    DeletedPrincipal,
    DirectoryView,
    HveAccount,
    Identity,
    IdKind,
    Known,
    Readable,
    ServicePrincipal,
    TenantSnapshot,
    Unknown,
    Unreadable,
)

Json = dict[str, Any]
_T = TypeVar("_T")
_Key = TypeVar("_Key", bound=Guid | Address | str)


# The shape


class UnreadablePart(Part):
    """This could not be read."""

    state: Literal["unreadable"]
    why: str
    grant: str
    """What to grant, and where, if it is a missing right that stands in the way."""


class UnknownPart(Part):
    """This could not be read for one account."""

    state: Literal["unknown"]
    why: str


class KnownListPart(Part):
    """A list as it was read."""

    state: Literal["known"]
    apps: list[GuidText]
    """Sorted. Empty means that every application may send."""


class AccountPart(Part):
    """One HVE account."""

    address: AddressText
    guid: GuidText
    display_name: str
    allowed_apps: Annotated[KnownListPart | UnknownPart, Field(discriminator="state")]


class PrincipalPart(Part):
    """An enterprise application."""

    object_id: GuidText
    client_id: GuidText
    display_name: str
    enabled: bool
    owner_tenant: GuidText | None
    principal_type: str
    disabled_by_microsoft: str
    publisher: str


class CredentialPart(Part):
    """A secret or a certificate: everything but the secret."""

    kind: Literal["secret", "certificate"]
    key_id: str
    display_name: str
    starts: Instant | None
    ends: Instant | None


class DeletedPrincipalPart(Part):
    """An enterprise application in the recycle bin."""

    object_id: GuidText
    deleted_at: Instant | None


class IdentityPart(Part):
    """What the directory said of one id."""

    id: GuidText
    kind: Annotated[str, Field(pattern=f"^({'|'.join(kind.value for kind in IdKind)})$")]
    display_name: str
    principal: PrincipalPart | None
    client_id: GuidText | None
    deleted_at: Instant | None
    credentials: list[CredentialPart] | None
    """Null where they were not read."""
    deleted_principal: DeletedPrincipalPart | None


class NamedPart(Part):
    """Every enterprise application of one display name that was asked for."""

    name: str
    principals: list[PrincipalPart]


class DirectoryPart(Part):
    """What the directory said of the ids on the lists and in the configuration."""

    state: Literal["read"]
    identities: list[IdentityPart]
    named: list[NamedPart]


class PermissionPart(Part):
    """A permission that has to do with sending mail."""

    api: Literal["exchange-online", "microsoft-graph", "other"]
    kind: Literal["application", "delegated"]
    name: str


class ConsentPart(Part):
    """A delegated permission that was consented to."""

    permission: PermissionPart
    user: GuidText | None
    """Null: for everybody in the tenant."""


class UnseenPart(Part):
    """This nobody let us see."""

    state: Literal["unseen"]
    why: str
    permission: str


class GrantedPart(Part):
    """Application permissions in force."""

    state: Literal["read"]
    permissions: list[PermissionPart]


class ConsentedPart(Part):
    """Delegated permissions in force."""

    state: Literal["read"]
    consents: list[ConsentPart]


class RegisteredPart(Part):
    """What an app registration asks for, and what it proves itself with."""

    requested: list[PermissionPart]
    credentials: list[CredentialPart]


class ApplicationPart(Part):
    """What one application may do about sending mail."""

    application: PrincipalPart
    exchange: GuidText
    granted: Annotated[GrantedPart | UnseenPart, Field(discriminator="state")]
    consented: Annotated[ConsentedPart | UnseenPart, Field(discriminator="state")]
    registration: RegisteredPart | None
    """Null: not registered in this tenant."""


class PermissionsPart(Part):
    """What the applications may do about sending mail."""

    state: Literal["read"]
    applications: list[ApplicationPart]


class ClientCredentialsPart(Part):
    """One application's credentials."""

    client_id: GuidText
    credentials: list[CredentialPart]


class CredentialsPart(Part):
    """The credentials of the applications that are registered in this tenant."""

    state: Literal["read"]
    applications: list[ClientCredentialsPart]


class BillingKnownPart(Part):
    """Whether one account's sending can be billed."""

    state: Literal["known"]
    status: str
    policy: str


class AccountBillingPart(Part):
    """One account's billing policy."""

    address: AddressText
    billing: Annotated[BillingKnownPart | UnknownPart, Field(discriminator="state")]


class BillingPart(Part):
    """The accounts' billing policies."""

    state: Literal["read"]
    accounts: list[AccountBillingPart]


class BasicAuthKnownPart(Part):
    """Whether the account's password alone lets somebody send."""

    state: Literal["known"]
    basic_auth: Literal["allowed", "blocked"]


class AccountBasicAuthPart(Part):
    """One account's basic authentication."""

    address: AddressText
    basic_auth: Annotated[BasicAuthKnownPart | UnknownPart, Field(discriminator="state")]


class BasicAuthPart(Part):
    """The accounts' basic authentication."""

    state: Literal["read"]
    accounts: list[AccountBasicAuthPart]


class OwnerPart(Part):
    """Whether the directory has somebody of this address."""

    address: str
    exists: bool


class OwnersPart(Part):
    """The owners that the configuration names."""

    state: Literal["read"]
    owners: list[OwnerPart]


class ReadTenantPart(Part):
    """One tenant as it was read."""

    state: Literal["read"]
    tenant: str
    """What the tenant was called when the snapshot was taken."""
    tenant_id: GuidText
    domain: str
    cloud: str
    read_at: Instant
    read_by: str
    accounts: list[AccountPart]
    directory: Annotated[DirectoryPart | UnreadablePart, Field(discriminator="state")]
    permissions: Annotated[PermissionsPart | UnreadablePart, Field(discriminator="state")]
    credentials: Annotated[CredentialsPart | UnreadablePart, Field(discriminator="state")]
    billing: Annotated[BillingPart | UnreadablePart, Field(discriminator="state")]
    basic_auth: Annotated[BasicAuthPart | UnreadablePart, Field(discriminator="state")]
    owners: Annotated[OwnersPart | UnreadablePart, Field(discriminator="state")]


class UnreadTenantPart(Part):
    """A tenant that could not be read at all."""

    state: Literal["unread"]
    tenant: str
    why: str


class ToolPart(Part):
    """What took the snapshot."""

    name: Literal["hveadmin"]
    version: str


class SnapshotDocument(Part):
    """The whole live state of some tenants."""

    kind: Literal["hveadmin.snapshot"]
    format_version: Literal[1]
    taken_at: Instant
    tool: ToolPart
    tenants: list[Annotated[ReadTenantPart | UnreadTenantPart, Field(discriminator="state")]]
    sha256: Sha256
    """Over the canonical JSON (RFC 8785) of everything else in the file."""


# Facts to JSON


def facts_to_json(facts: TenantFacts) -> Json:
    """One tenant's facts; the caller adds what it is called."""
    snapshot = facts.snapshot
    return {
        "state": "read",
        "tenant_id": snapshot.tenant_id.value,
        "domain": facts.domain,
        "cloud": facts.cloud,
        "read_at": instant(snapshot.read_at),
        "read_by": facts.read_by,
        "accounts": [_account(each) for each in snapshot.accounts],
        "directory": _directory(snapshot.directory),
        "permissions": _listed(facts.permissions, "applications", lambda _, each: _application(each)),
        "credentials": _listed(facts.credentials, "applications", _client_credentials),
        "billing": _listed(facts.billing, "accounts", _account_billing),
        "basic_auth": _listed(facts.basic_auth, "accounts", _account_basic_auth),
        "owners": _listed(facts.owners, "owners", lambda address, there: {"address": address, "exists": there}),
    }


def _listed(part: Mapping[_Key, _T] | Unreadable, key: str, write: Callable[[_Key, _T], Json]) -> Json:
    if isinstance(part, Unreadable):
        return _unreadable(part)
    return {"state": "read", key: [write(each, part[each]) for each in sorted(part, key=str)]}


def _unreadable(part: Unreadable) -> Json:
    return {"state": "unreadable", "why": part.why, "grant": part.grant}


def _unknown(part: Unknown) -> Json:
    return {"state": "unknown", "why": part.why}


def _account(account: HveAccount) -> Json:
    allowed = account.allowed
    listed = _unknown(allowed) if isinstance(allowed, Unknown) else {"state": "known", "apps": _ids(allowed)}
    return {
        "address": account.address.value,
        "guid": account.guid.value,
        "display_name": account.display_name,
        "allowed_apps": listed,
    }


def _ids(allowed: Known) -> list[str]:
    return sorted(app.value for app in allowed.apps)


def _directory(view: DirectoryView) -> Json:
    if isinstance(view, Unreadable):
        return _unreadable(view)
    return {
        "state": "read",
        "identities": [_identity(view.identities[each]) for each in sorted(view.identities, key=str)],
        "named": [
            {"name": name, "principals": [_principal(each) for each in sorted(view.named[name], key=_by_object_id)]}
            for name in sorted(view.named)
        ],
    }


def _by_object_id(principal: ServicePrincipal) -> str:
    return principal.object_id.value


def _identity(identity: Identity) -> Json:
    deleted = identity.deleted_principal
    return {
        "id": identity.id.value,
        "kind": identity.kind.value,
        "display_name": identity.display_name,
        "principal": None if identity.principal is None else _principal(identity.principal),
        "client_id": _text(identity.client_id),
        "deleted_at": _when(identity.deleted_at),
        "credentials": None if identity.credentials is None else [_credential(each) for each in identity.credentials],
        "deleted_principal": None
        if deleted is None
        else {"object_id": deleted.object_id.value, "deleted_at": _when(deleted.deleted_at)},
    }


def _text(guid: Guid | None) -> str | None:
    return None if guid is None else guid.value


def _when(when: datetime | None) -> str | None:
    return None if when is None else instant(when)


def _principal(principal: ServicePrincipal) -> Json:
    return {
        "object_id": principal.object_id.value,
        "client_id": principal.client_id.value,
        "display_name": principal.display_name,
        "enabled": principal.enabled,
        "owner_tenant": _text(principal.owner_tenant),
        "principal_type": principal.principal_type,
        "disabled_by_microsoft": principal.disabled_by_microsoft,
        "publisher": principal.publisher,
    }


def _credential(credential: Credential) -> Json:
    return {
        "kind": credential.kind.value,
        "key_id": credential.key_id,
        "display_name": credential.display_name,
        "starts": _when(credential.starts),
        "ends": _when(credential.ends),
    }


def _permission(permission: Permission) -> Json:
    return {"api": permission.api.value, "kind": permission.kind.value, "name": permission.name}


def _application(seen: MailPermission) -> Json:
    return {
        "application": _principal(seen.application),
        "exchange": seen.exchange.value,
        "granted": _unseen(seen.granted)
        if isinstance(seen.granted, Unseen)
        else {"state": "read", "permissions": [_permission(each) for each in sorted(seen.granted)]},
        "consented": _unseen(seen.consented)
        if isinstance(seen.consented, Unseen)
        else {"state": "read", "consents": [_consent(each) for each in seen.consented]},
        "registration": None if seen.registration is None else _registered(seen.registration),
    }


def _unseen(part: Unseen) -> Json:
    return {"state": "unseen", "why": part.why, "permission": part.permission}


def _consent(consent: Consent) -> Json:
    return {"permission": _permission(consent.permission), "user": _text(consent.user)}


def _registered(registered: Registered) -> Json:
    return {
        "requested": [_permission(each) for each in sorted(registered.requested)],
        "credentials": [_credential(each) for each in registered.credentials],
    }


def _client_credentials(client: ClientId, credentials: tuple[Credential, ...]) -> Json:
    return {"client_id": client.value, "credentials": [_credential(each) for each in credentials]}


def _account_billing(address: Address, billing: Billing | Unknown) -> Json:
    known = _unknown(billing) if isinstance(billing, Unknown) else _billing(billing)
    return {"address": address.value, "billing": known}


def _billing(billing: Billing) -> Json:
    return {"state": "known", "status": billing.status, "policy": billing.policy}


def _account_basic_auth(address: Address, basic: BasicAuth | Unknown) -> Json:
    known = _unknown(basic) if isinstance(basic, Unknown) else {"state": "known", "basic_auth": basic.value}
    return {"address": address.value, "basic_auth": known}


# JSON to facts


def facts_from(part: ReadTenantPart) -> TenantFacts:
    """The facts that a tenant's part holds."""
    tenant_id = TenantId(part.tenant_id)
    return TenantFacts(
        snapshot=TenantSnapshot(
            tenant_id,
            datetime.fromisoformat(part.read_at),
            tuple(_to_account(each) for each in part.accounts),
            _to_directory(part.directory),
        ),
        domain=part.domain,
        cloud=part.cloud,
        read_by=part.read_by,
        permissions=_to_permissions(part.permissions),
        credentials=_to_unreadable(part.credentials)
        if isinstance(part.credentials, UnreadablePart)
        else {ClientId(each.client_id): _to_credentials(each.credentials) for each in part.credentials.applications},
        billing=_to_unreadable(part.billing)
        if isinstance(part.billing, UnreadablePart)
        else {Address(each.address): _to_billing(each.billing) for each in part.billing.accounts},
        basic_auth=_to_unreadable(part.basic_auth)
        if isinstance(part.basic_auth, UnreadablePart)
        else {Address(each.address): _to_basic_auth(each.basic_auth) for each in part.basic_auth.accounts},
        owners=_to_unreadable(part.owners)
        if isinstance(part.owners, UnreadablePart)
        else {each.address: each.exists for each in part.owners.owners},
    )


def _to_unreadable(part: UnreadablePart) -> Unreadable:
    return Unreadable(part.why, part.grant)


def _to_account(part: AccountPart) -> HveAccount:
    return HveAccount(Address(part.address), Guid(part.guid), part.display_name, _to_allowed(part.allowed_apps))


def _to_allowed(part: KnownListPart | UnknownPart) -> AllowedApps:
    return Unknown(part.why) if isinstance(part, UnknownPart) else Known(frozenset(map(ObjectId, part.apps)))


def _to_directory(part: DirectoryPart | UnreadablePart) -> DirectoryView:
    if isinstance(part, UnreadablePart):
        return _to_unreadable(part)
    return Readable(
        {Guid(each.id): _to_identity(each) for each in part.identities},
        {each.name: tuple(_to_principal(principal) for principal in each.principals) for each in part.named},
    )


def _to_identity(part: IdentityPart) -> Identity:
    deleted = part.deleted_principal
    return Identity(
        id=Guid(part.id),
        kind=IdKind(part.kind),
        display_name=part.display_name,
        principal=None if part.principal is None else _to_principal(part.principal),
        client_id=None if part.client_id is None else ClientId(part.client_id),
        deleted_at=_to_when(part.deleted_at),
        credentials=None if part.credentials is None else _to_credentials(part.credentials),
        deleted_principal=None
        if deleted is None
        else DeletedPrincipal(ObjectId(deleted.object_id), _to_when(deleted.deleted_at)),
    )


def _to_when(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _to_principal(part: PrincipalPart) -> ServicePrincipal:
    return ServicePrincipal(
        object_id=ObjectId(part.object_id),
        client_id=ClientId(part.client_id),
        display_name=part.display_name,
        enabled=part.enabled,
        owner_tenant=None if part.owner_tenant is None else TenantId(part.owner_tenant),
        principal_type=part.principal_type,
        disabled_by_microsoft=part.disabled_by_microsoft,
        publisher=part.publisher,
    )


def _to_credentials(parts: list[CredentialPart]) -> tuple[Credential, ...]:
    return tuple(
        Credential(
            kind=CredentialKind(each.kind),
            key_id=each.key_id,
            display_name=each.display_name,
            starts=_to_when(each.starts),
            ends=_to_when(each.ends),
        )
        for each in parts
    )


def _to_permissions(part: PermissionsPart | UnreadablePart) -> PermissionView:
    if isinstance(part, UnreadablePart):
        return _to_unreadable(part)
    return {ObjectId(each.application.object_id): _to_application(each) for each in part.applications}


def _to_application(part: ApplicationPart) -> MailPermission:
    return MailPermission(
        application=_to_principal(part.application),
        exchange=ObjectId(part.exchange),
        granted=_to_unseen(part.granted)
        if isinstance(part.granted, UnseenPart)
        else frozenset(_to_permission(each) for each in part.granted.permissions),
        consented=_to_unseen(part.consented)
        if isinstance(part.consented, UnseenPart)
        else tuple(_to_consent(each) for each in part.consented.consents),
        registration=None
        if part.registration is None
        else Registered(
            frozenset(_to_permission(each) for each in part.registration.requested),
            _to_credentials(part.registration.credentials),
        ),
    )


def _to_unseen(part: UnseenPart) -> Unseen:
    return Unseen(part.why, part.permission)


def _to_permission(part: PermissionPart) -> Permission:
    return Permission(Api(part.api), PermissionKind(part.kind), part.name)


def _to_consent(part: ConsentPart) -> Consent:
    return Consent(_to_permission(part.permission), None if part.user is None else Guid(part.user))


def _to_billing(part: BillingKnownPart | UnknownPart) -> Billing | Unknown:
    return Unknown(part.why) if isinstance(part, UnknownPart) else Billing(part.status, part.policy)


def _to_basic_auth(part: BasicAuthKnownPart | UnknownPart) -> BasicAuth | Unknown:
    return Unknown(part.why) if isinstance(part, UnknownPart) else BasicAuth(part.basic_auth)

"""
What a directory object is to Graph: its type, its properties, and which permission reads it.

The properties are those of the published v1.0 schema, as far as hveadmin's copy of it goes; nothing else is ever
answered, whatever a stored document holds. Permissions are the application ones of Microsoft's permissions table [D];
higher ones that include them are listed too. What may be written of an application is listed beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hveadmin.sandbox.odata import Kind
from hveadmin.sandbox.store import Document

DIRECTORY = frozenset({"Directory.Read.All", "Directory.ReadWrite.All"})
APPLICATIONS = DIRECTORY | {"Application.Read.All", "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"}
USERS = DIRECTORY | {"User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All"}
GROUPS = DIRECTORY | {"GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All"}
DEVICES = DIRECTORY | {"Device.Read.All", "Device.ReadWrite.All"}
GRANTS = DIRECTORY | {"DelegatedPermissionGrant.Read.All", "DelegatedPermissionGrant.ReadWrite.All"}
ORGANIZATION = DIRECTORY | {"Organization.Read.All", "Organization.ReadWrite.All"}

REGISTER = frozenset({"Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"})
"""Who may make registrations; with OwnedBy alone only change its own."""
REGISTER_ANY = frozenset({"Application.ReadWrite.All"})
ASSIGN = frozenset({"AppRoleAssignment.ReadWrite.All"})
GRANT = frozenset({"DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"})


@dataclass(frozen=True, slots=True)
class EntityType:
    """One of Graph's types."""

    name: str
    """As in `#microsoft.graph.servicePrincipal`; also the store's kind."""
    collection: str
    """As in `/servicePrincipals`."""
    properties: Mapping[str, Kind]
    readers: frozenset[str]
    on_request: frozenset[str] = frozenset()
    """Properties that are answered only where $select names them."""
    only_filtered: Mapping[str, Kind] = field(default_factory=dict)
    """Properties that a filter may name, and that are never answered: hveadmin's copy of the schema lacks them."""
    units: int = 1
    """What reading it costs (x-ms-resource-unit)."""

    def project(self, document: Document, select: tuple[str, ...]) -> Document:
        """The object as it is answered: the selected properties, or all but those on request."""
        names = select or tuple(name for name in self.properties if name not in self.on_request)
        return {name: document.get(name, _missing(self.properties[name])) for name in names}


def _missing(kind: Kind) -> list[object] | bool | None:
    """What Graph answers for a property without a value."""
    if kind is Kind.LIST:
        return []
    return False if kind is Kind.CONSTANT_FALSE else None


def _properties(
    *, ids: str = "", texts: str = "", times: str = "", flags: str = "", lists: str = "", complexes: str = ""
) -> dict[str, Kind]:
    """Properties by kind, each argument a list of names; every directory object has the first three."""
    kinds = {
        Kind.ID: f"id {ids}",
        Kind.NAME: "displayName",
        Kind.TIME: f"deletedDateTime {times}",
        Kind.TEXT: texts,
        Kind.FLAG: flags,
        Kind.LIST: lists,
        Kind.COMPLEX: complexes,
    }
    return {name: kind for kind, names in kinds.items() for name in names.split()}


def _without(properties: Mapping[str, Kind], *names: str) -> Mapping[str, Kind]:
    return {name: kind for name, kind in properties.items() if name not in names}


SERVICE_PRINCIPAL = EntityType(
    "servicePrincipal",
    "servicePrincipals",
    _properties(
        ids="appId applicationTemplateId appOwnerOrganizationId createdByAppId tokenEncryptionKeyId",
        texts="appDescription appDisplayName description disabledByMicrosoftStatus homepage loginUrl logoutUrl notes"
        " preferredSingleSignOnMode preferredTokenSigningKeyThumbprint servicePrincipalType signInAudience",
        times="createdDateTime",
        flags="accountEnabled isDisabled",
        lists="addIns alternativeNames appRoles keyCredentials notificationEmailAddresses oauth2PermissionScopes"
        " passwordCredentials replyUrls resourceSpecificApplicationPermissions servicePrincipalNames tags",
        complexes="customSecurityAttributes info samlSingleSignOnSettings verifiedPublisher",
    )
    | {"appRoleAssignmentRequired": Kind.CONSTANT_FALSE},
    APPLICATIONS,
    on_request=frozenset({"keyCredentials", "customSecurityAttributes"}),
)

APPLICATION = EntityType(
    "application",
    "applications",
    _properties(
        ids="appId applicationTemplateId createdByAppId tokenEncryptionKeyId",
        texts="defaultRedirectUri description disabledByMicrosoftStatus groupMembershipClaims notes publisherDomain"
        " samlMetadataUrl serviceManagementReference signInAudience uniqueName",
        times="createdDateTime",
        flags="isDeviceOnlyAuthSupported isDisabled isFallbackPublicClient",
        lists="addIns appRoles identifierUris keyCredentials managerApplications passwordCredentials"
        " requiredResourceAccess tags",
        complexes="api authenticationBehaviors certification info nativeAuthenticationApisEnabled optionalClaims"
        " parentalControlSettings publicClient requestSignatureVerification servicePrincipalLockConfiguration spa"
        " verifiedPublisher web",
    )
    | {"oauth2RequirePostResponse": Kind.CONSTANT_FALSE},
    APPLICATIONS,
    on_request=frozenset({"keyCredentials", "authenticationBehaviors", "managerApplications"}),
    units=2,
)

WRITABLE_OF_APPLICATION = frozenset(
    {
        *("displayName", "signInAudience", "description", "notes", "tags", "identifierUris"),
        *("isFallbackPublicClient", "publicClient", "spa", "web"),
        *("keyCredentials", "requiredResourceAccess"),
    }
)
"""Properties of a registration that may be set; there are more, which nobody here sets."""

USER = EntityType(
    "user",
    "users",
    _properties(
        texts="givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname userPrincipalName userType",
        flags="accountEnabled",
        lists="businessPhones",
    ),
    USERS,
    on_request=frozenset({"accountEnabled", "deletedDateTime", "userType"}),
    only_filtered={"proxyAddresses": Kind.TEXTS},
)

GROUP = EntityType(
    "group",
    "groups",
    _properties(
        texts="mail mailNickname", times="createdDateTime", flags="mailEnabled securityEnabled", lists="groupTypes"
    ),
    GROUPS,
    only_filtered={"proxyAddresses": Kind.TEXTS},
)

DEVICE = EntityType("device", "devices", _properties(), DEVICES)
"""A device is no more than an id that is not an application's."""

APP_ROLE_ASSIGNMENT = EntityType(
    "appRoleAssignment",
    "appRoleAssignments",
    _without(
        _properties(
            ids="appRoleId principalId resourceId",
            texts="principalDisplayName principalType resourceDisplayName",
            times="createdDateTime",
        ),
        "displayName",
    ),
    APPLICATIONS,
)

PERMISSION_GRANT = EntityType(
    "oAuth2PermissionGrant",
    "oauth2PermissionGrants",
    _without(
        _properties(ids="clientId principalId resourceId", texts="consentType scope"), "displayName", "deletedDateTime"
    ),
    GRANTS,
)

ORGANIZATION_TYPE = EntityType(
    "organization",
    "organization",
    _properties(texts="countryLetterCode tenantType", times="createdDateTime", lists="verifiedDomains"),
    ORGANIZATION,
)

DIRECTORY_OBJECTS = (SERVICE_PRINCIPAL, APPLICATION, USER, GROUP, DEVICE)
"""What can be found by id alone, in the order in which it is looked for."""

DELETED_KINDS: Mapping[str, EntityType] = {
    "deletedServicePrincipal": SERVICE_PRINCIPAL,
    "deletedApplication": APPLICATION,
}
"""The store's kinds of deleted objects, and the type each had."""

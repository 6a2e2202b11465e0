"""
Whether an application may send: Mail.Send on the right API, requested, granted, consented. Pure.

What an HVE account needs is Mail.Send of *Office 365 Exchange Online*, as an application permission or as a delegated
one. Microsoft Graph has a Mail.Send too; its application role even has the same GUID [F], so nothing here is decided
by a role's id alone: the API it is granted on counts. Mail.Send alone lets nobody send: the account's list does [D].

Not seen is not absent: what the directory did not let us read is `Unseen`, and a verdict that would need it says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hveadmin.domain.ids import EXCHANGE_ONLINE, MICROSOFT_GRAPH, Guid, ObjectId, TenantId
from hveadmin.domain.tenant import Credential, Identity, ServicePrincipal, Unreadable

EXCHANGE_APP_ID = EXCHANGE_ONLINE.value
"""Office 365 Exchange Online, in every tenant [D]."""
GRAPH_APP_ID = MICROSOFT_GRAPH.value
"""Microsoft Graph, in every tenant [D]."""

MAIL_SEND = "Mail.Send"
SEND_AS_APP = "SMTP.SendAsApp"
SMTP_SEND = "SMTP.Send"
_FOR_MAILBOXES = frozenset({SEND_AS_APP, SMTP_SEND})

MAIL_SEND_ROLE = "b633e1c5-b582-4048-a93e-9f11b44c7e96"
"""The application role Mail.Send, on Exchange Online and on Graph alike [F, two independent sources]."""

SOON = timedelta(days=30)
"""How long before its end a credential is said to expire soon."""


class Api(StrEnum):
    """Whose permission it is."""

    EXCHANGE = "exchange-online"
    GRAPH = "microsoft-graph"
    OTHER = "other"


API_NAMES: Mapping[Api, str] = {
    Api.EXCHANGE: "Office 365 Exchange Online",
    Api.GRAPH: "Microsoft Graph",
    Api.OTHER: "another API",
}


class PermissionKind(StrEnum):
    """Whether the application acts for itself or for a signed-in user."""

    APPLICATION = "application"
    DELEGATED = "delegated"


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """A permission that has to do with sending mail."""

    api: Api
    kind: PermissionKind
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.kind.value}) on {API_NAMES[self.api]}"


@dataclass(frozen=True, slots=True)
class Consent:
    """A delegated permission that was consented to: for one user, or for everybody."""

    permission: Permission
    user: Guid | None = None
    """None: for everybody in the tenant (AllPrincipals)."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """What nobody let us see. `why` is a sentence; `permission` is what would show it, empty where nothing would."""

    why: str
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Registered:
    """What an application's registration asks for, and what it proves itself with."""

    requested: frozenset[Permission]
    credentials: tuple[Credential, ...]


@dataclass(frozen=True, slots=True)
class MailPermission:
    """All that was read of one application's right to send."""

    application: ServicePrincipal
    exchange: ObjectId
    """The tenant's service principal of Exchange Online: the resource to grant on."""
    granted: frozenset[Permission] | Unseen
    """Application permissions that are in force."""
    consented: tuple[Consent, ...] | Unseen
    """Delegated permissions that are in force."""
    registration: Registered | None
    """None: the application is not registered in this tenant."""

    @property
    def credentials(self) -> tuple[Credential, ...] | None:
        """The registration's secrets and certificates; None where the registration is elsewhere."""
        return None if self.registration is None else self.registration.credentials


PermissionView = Mapping[ObjectId, MailPermission] | Unreadable


class MailVerdict(StrEnum):
    """What an application's permissions come to."""

    GRANTED = "granted"
    DELEGATED = "delegated-for-everybody"
    DELEGATED_FOR_SOME = "delegated-for-some"
    REGISTRATION_GONE = "registration-gone"
    CONSENT_MISSING = "consent-missing"
    WRONG_API = "wrong-api"
    MAILBOX_PERMISSION = "mailbox-permission"
    NOTHING = "nothing-granted"
    NO_ENTERPRISE_APPLICATION = "no-enterprise-application"
    UNSEEN = "unseen"


_IN_FORCE = frozenset({MailVerdict.GRANTED, MailVerdict.DELEGATED, MailVerdict.DELEGATED_FOR_SOME})
_CERTAIN = frozenset({MailVerdict.REGISTRATION_GONE, MailVerdict.NO_ENTERPRISE_APPLICATION})


def judge(seen: MailPermission, tenant_id: TenantId) -> MailVerdict:
    """The verdict on an application that has a service principal in the tenant."""
    if _is_orphaned(seen, tenant_id):
        return MailVerdict.REGISTRATION_GONE
    if isinstance(seen.granted, Unseen):
        return MailVerdict.UNSEEN
    if _sends_by_itself(seen.granted):
        return MailVerdict.GRANTED
    consents = () if isinstance(seen.consented, Unseen) else seen.consented
    sending = [each for each in consents if _is_right(each.permission)]
    if sending:
        everybody = any(each.user is None for each in sending)
        return MailVerdict.DELEGATED if everybody else MailVerdict.DELEGATED_FOR_SOME
    in_force = {*seen.granted, *(each.permission for each in consents)}
    requested = frozenset[Permission]() if seen.registration is None else seen.registration.requested
    return _not_in_force(in_force, requested, unseen=isinstance(seen.consented, Unseen))


def _not_in_force(in_force: Collection[Permission], requested: Collection[Permission], *, unseen: bool) -> MailVerdict:
    """The verdict where no right permission was seen in force."""
    if _sends_by_itself(requested):
        return MailVerdict.CONSENT_MISSING
    if any(_is_right(each) for each in requested):
        return MailVerdict.UNSEEN if unseen else MailVerdict.CONSENT_MISSING
    anything = (*in_force, *requested)
    if any(each.name == MAIL_SEND for each in anything):
        return MailVerdict.WRONG_API
    if any(each.name in _FOR_MAILBOXES for each in anything):
        return MailVerdict.MAILBOX_PERMISSION
    return MailVerdict.UNSEEN if unseen else MailVerdict.NOTHING


def may_send(verdict: MailVerdict, consented: tuple[Consent, ...] | Unseen) -> bool | None:
    """Whether the permission is in force; None where that cannot be told from what was seen."""
    if verdict in _IN_FORCE:
        return True
    if verdict is MailVerdict.UNSEEN:
        return None
    return None if isinstance(consented, Unseen) and verdict not in _CERTAIN else False


def _is_right(permission: Permission) -> bool:
    return permission.api is Api.EXCHANGE and permission.name == MAIL_SEND


def _sends_by_itself(permissions: Iterable[Permission]) -> bool:
    return any(_is_right(each) and each.kind is PermissionKind.APPLICATION for each in permissions)


def _is_orphaned(seen: MailPermission, tenant_id: TenantId) -> bool:
    """Registered here once, and no more: such an application is issued no tokens [D]."""
    application = seen.application
    ours = application.owner_tenant == tenant_id and application.principal_type == "Application"
    return ours and seen.registration is None


# What to say, and what to do


_SAYS: Mapping[MailVerdict, str] = {
    MailVerdict.GRANTED: "Mail.Send is granted on Office 365 Exchange Online, as an application permission",
    MailVerdict.DELEGATED: "Mail.Send is consented on Office 365 Exchange Online, delegated, for every user",
    MailVerdict.DELEGATED_FOR_SOME: "Mail.Send is consented on Office 365 Exchange Online, delegated, for some users",
    MailVerdict.REGISTRATION_GONE: "its app registration is gone from this tenant: no token is issued to it any more",
    MailVerdict.CONSENT_MISSING: (
        "Mail.Send on Office 365 Exchange Online is requested but not granted: admin consent is missing"
    ),
    MailVerdict.WRONG_API: (
        "Mail.Send is there, but not on Office 365 Exchange Online: Microsoft Graph's permission of the same name"
        " does not count for SMTP"
    ),
    MailVerdict.MAILBOX_PERMISSION: (
        "it has the SMTP permission for mailboxes (SMTP.SendAsApp or SMTP.Send); an HVE account needs Mail.Send on"
        " Office 365 Exchange Online"
    ),
    MailVerdict.NOTHING: "Mail.Send on Office 365 Exchange Online is neither requested nor granted",
    MailVerdict.NO_ENTERPRISE_APPLICATION: (
        "it has no enterprise application in this tenant, so that nothing can be granted to it"
    ),
    MailVerdict.UNSEEN: "whether Mail.Send is granted on Office 365 Exchange Online could not be seen",
}


def says(verdict: MailVerdict) -> str:
    """The verdict as a sentence without its full stop."""
    return _SAYS[verdict]


@dataclass(frozen=True, slots=True)
class NextStep:
    """What mends it: in the Entra admin centre, and as a command. Either may be empty."""

    portal: str
    command: str = ""


_OPEN_REGISTRATION = "Entra admin centre > App registrations > the application > API permissions"
_ADD = (
    f"{_OPEN_REGISTRATION} > Add a permission > APIs my organization uses > Office 365 Exchange Online"
    " > Application permissions > Mail.Send; then Grant admin consent"
)
_OPEN_ENTERPRISE = "Entra admin centre > Enterprise applications > the application > Permissions"


def next_step(verdict: MailVerdict, seen: MailPermission | None, without: Identity | None = None) -> NextStep | None:
    """
    What to do about a verdict; None where nothing needs doing.

    `seen` is what was read where there is a service principal; `without` the application where there is none.
    """
    match verdict:
        case MailVerdict.GRANTED | MailVerdict.DELEGATED | MailVerdict.DELEGATED_FOR_SOME:
            return None
        case MailVerdict.NO_ENTERPRISE_APPLICATION:
            return _make_principal(without)
        case MailVerdict.REGISTRATION_GONE:
            return NextStep(
                "Entra admin centre > App registrations > Deleted applications > restore it, within 30 days"
            )
        case MailVerdict.UNSEEN:
            portal = f"look at {_OPEN_ENTERPRISE}, or {_grant_to_see(seen)}"
            return NextStep(portal)
        case MailVerdict.CONSENT_MISSING:
            return _consent(seen)
        case MailVerdict.WRONG_API | MailVerdict.MAILBOX_PERMISSION | MailVerdict.NOTHING:
            return _grant(seen)


def _make_principal(without: Identity | None) -> NextStep:
    """Make a service principal, or restore the one that there was: it keeps its id [G], and so its place on lists."""
    if without is not None and without.deleted_principal is not None:
        portal = "Entra admin centre > Enterprise applications > Deleted applications > restore it, within 30 days"
        gone = without.deleted_principal.object_id
        return NextStep(portal, f"Restore-MgDirectoryDeletedItem -DirectoryObjectId {gone}")
    portal = "Entra admin centre > App registrations > the application > Overview > Create service principal"
    client_id = None if without is None else without.client_id
    return NextStep(portal, "" if client_id is None else f"az ad sp create --id {client_id}")


def _grant_to_see(seen: MailPermission | None) -> str:
    fields = () if seen is None else (seen.granted, seen.consented)
    missing = next((each.permission for each in fields if isinstance(each, Unseen) and each.permission), "")
    return (
        f"grant hveadmin's application {missing} (application permission) on Microsoft Graph"
        if missing
        else "try again"
    )


def _consent(seen: MailPermission | None) -> NextStep:
    portal = f"{_OPEN_REGISTRATION} > Grant admin consent"
    if seen is None:
        return NextStep(portal)
    return NextStep(portal, f"az ad app permission admin-consent --id {seen.application.client_id}")


def _grant(seen: MailPermission | None) -> NextStep:
    if seen is None:
        return NextStep(_ADD)
    if seen.registration is None:
        # Without a registration here (a managed identity, another tenant's application) the portal offers no way to
        # add a permission; the assignment itself can be made all the same [D].
        return NextStep("", assign_command(seen.application.object_id, seen.exchange))
    client_id = seen.application.client_id
    return NextStep(
        _ADD,
        f"az ad app permission add --id {client_id} --api {EXCHANGE_APP_ID} --api-permissions {MAIL_SEND_ROLE}=Role"
        f" && az ad app permission admin-consent --id {client_id}",
    )


def assign_command(application: ObjectId, exchange: ObjectId) -> str:
    """The application role Mail.Send on Exchange Online, assigned with Microsoft Graph PowerShell."""
    return (
        f"New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId {application} -PrincipalId {application}"
        f" -ResourceId {exchange} -AppRoleId {MAIL_SEND_ROLE}"
    )


# Credentials


class CredentialVerdict(StrEnum):
    """What a registration's secrets and certificates come to."""

    GOOD = "good"
    EXPIRES_SOON = "expires-soon"
    """All that is good ends soon."""
    EXPIRED = "expired"
    """None is good any more, or yet."""
    NONE = "none"
    UNSEEN = "unseen"


def judge_credentials(
    credentials: Collection[Credential] | None, now: datetime, soon: timedelta = SOON
) -> CredentialVerdict:
    """
    The verdict on all of them together: one that is good for longer than `soon` is enough.

    None is a registration that was not read. Federated credentials and such on the service principal itself are not
    among them, so that NONE and EXPIRED mean: by secret or certificate of the registration nobody signs in.
    """
    if credentials is None:
        return CredentialVerdict.UNSEEN
    if len(credentials) == 0:
        return CredentialVerdict.NONE
    good = [each for each in credentials if is_good(each, now)]
    if len(good) == 0:
        return CredentialVerdict.EXPIRED
    lasting = any(each.ends is None or each.ends - now > soon for each in good)
    return CredentialVerdict.GOOD if lasting else CredentialVerdict.EXPIRES_SOON


def is_good(credential: Credential, now: datetime) -> bool:
    """Whether it can be used now. A time the directory does not tell sets no bound."""
    begun = credential.starts is None or credential.starts <= now
    return begun and (credential.ends is None or now < credential.ends)

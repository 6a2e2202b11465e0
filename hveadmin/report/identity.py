"""What a GUID is, in words and in the machine form, and what to use instead of a look-alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hveadmin.domain.ids import ObjectId, TenantId
from hveadmin.domain.tenant import DeletedPrincipal, Identity, IdKind, ServicePrincipal
from hveadmin.report.words import quoted, timestamp

RESTORABLE_DAYS = 30
"""How long a deleted application or service principal can be restored [D]."""

MICROSOFT = TenantId("f8cdef31-a31e-4b4a-93e4-5f571e91255a")
"""The tenant that owns Microsoft's own applications [G: seen on many of them, written down nowhere]."""

KIND_WORDS = {
    IdKind.SERVICE_PRINCIPAL: "service principal",
    IdKind.CLIENT_ID: "client id",
    IdKind.APP_REGISTRATION: "app registration",
    IdKind.USER: "user",
    IdKind.GROUP: "group",
    IdKind.DEVICE: "device",
    IdKind.DELETED_SERVICE_PRINCIPAL: "deleted service principal",
    IdKind.DELETED_APPLICATION: "deleted app registration",
    IdKind.OTHER: "other object",
    IdKind.NOT_FOUND: "not found",
    IdKind.NOT_FOUND_OR_OTHER: "no application",
}


def use_instead(identity: Identity) -> ObjectId | None:
    """The service principal to put on a list in the place of a look-alike; None where it needs none or has none."""
    if identity.kind in (IdKind.CLIENT_ID, IdKind.APP_REGISTRATION) and identity.principal is not None:
        return identity.principal.object_id
    return None


def sentence(identity: Identity, tenant_id: TenantId) -> str:
    """What an id is and what to do about it, to follow the id: `is the client id of "Payroll Mailer"; use …`."""
    name = f" {quoted(identity.display_name)}" if identity.display_name else ""
    of = f" of{name}" if name else ""
    match identity.kind:
        case IdKind.SERVICE_PRINCIPAL:
            return _service_principal(identity, of, tenant_id)
        case IdKind.CLIENT_ID:
            return f"is the client id{of}; {_instead(identity, tenant_id)}"
        case IdKind.APP_REGISTRATION:
            return f"is the object id of the app registration{name}; {_instead(identity, tenant_id)}"
        case IdKind.USER | IdKind.GROUP | IdKind.DEVICE:
            return f"is the {identity.kind.value}{name}; an HVE account's list holds service principals only"
        case IdKind.DELETED_SERVICE_PRINCIPAL:
            return f"is {_by_client_id(identity)}the service principal{of}, {_deleted(identity.deleted_at)}"
        case IdKind.DELETED_APPLICATION:
            return f"is {_by_client_id(identity)}the app registration{name}, {_deleted(identity.deleted_at)}"
        case IdKind.OTHER:
            return f"is the directory object{name}, no application; an HVE account's list holds service principals only"
        case IdKind.NOT_FOUND:
            return "is nothing in this tenant: deleted for good, of another tenant, or mistyped"
        case IdKind.NOT_FOUND_OR_OTHER:
            return (
                "is no application of this tenant; whether it is a user, a group or a device could not be seen:"
                " the permission Directory.Read.All would show it"
            )


def _by_client_id(identity: Identity) -> str:
    """Where something deleted was found by its client id."""
    client = identity.client_id
    return "the client id of " if client is not None and client.value == identity.id.value else ""


def remarks(principal: ServicePrincipal, tenant_id: TenantId) -> str:
    """What a service principal is good for, to follow its id."""
    managed = principal.principal_type == "ManagedIdentity"
    against = _remarks(principal, tenant_id) or ": the right id for an HVE account"
    return f"{', a managed identity' if managed else ''}{against}"


def _service_principal(identity: Identity, of: str, tenant_id: TenantId) -> str:
    principal = identity.principal
    about = remarks(principal, tenant_id) if principal is not None else ": the right id for an HVE account"
    return f"is the service principal{of}{about}"


def _instead(identity: Identity, tenant_id: TenantId) -> str:
    principal = identity.principal
    if principal is not None:
        return f"use its service principal {principal.object_id}{_remarks(principal, tenant_id)}"
    gone = identity.deleted_principal
    if gone is not None:
        return f"its service principal {gone.object_id} was {_deleted(gone.deleted_at)}"
    return "it has no service principal in this tenant: create the enterprise application first, then use its id"


def _remarks(principal: ServicePrincipal, tenant_id: TenantId) -> str:
    """What stands against a service principal, each led by a comma; empty for an ordinary one."""
    parts = (
        "" if principal.enabled else "disabled in Entra: it cannot sign in until it is enabled there",
        f"disabled by Microsoft ({principal.disabled_by_microsoft})" if principal.disabled_by_microsoft else "",
        "" if principal.owner_tenant in (None, tenant_id) else owner_words(principal, tenant_id),
    )
    return "".join(f", {part}" for part in parts if part)


def owner_words(principal: ServicePrincipal, tenant_id: TenantId) -> str:
    """Who registered an application."""
    owner = principal.owner_tenant
    if owner is None:
        return "registered by nobody that Entra names"
    if owner == tenant_id:
        return "registered in this tenant"
    return "registered by Microsoft" if owner == MICROSOFT else f"registered by another tenant ({owner})"


def details(identity: Identity, tenant_id: TenantId) -> str:
    """Who a service principal is, without the full stop; empty where there is none."""
    principal = identity.principal
    if principal is None:
        return ""
    return ", ".join(
        (
            f"Client id {principal.client_id}",
            "enabled" if principal.enabled else "DISABLED",
            owner_words(principal, tenant_id),
            f"verified publisher {quoted(principal.publisher)}" if principal.publisher else "no verified publisher",
        )
    )


def _deleted(deleted_at: datetime | None) -> str:
    if deleted_at is None:
        return "deleted; while it can be restored, Entra lists it under deleted applications"
    when, until = deleted_at.astimezone(UTC), restorable_until(deleted_at)
    return f"deleted on {when:%Y-%m-%d}; it can be restored until {until:%Y-%m-%d}"


def restorable_until(deleted_at: datetime) -> datetime:
    """When a deleted object is gone for good."""
    return deleted_at.astimezone(UTC) + timedelta(days=RESTORABLE_DAYS)


def identity_data(identity: Identity) -> dict[str, object]:
    """The machine form. What the directory did not say is null."""
    principal = identity.principal
    instead = use_instead(identity)
    gone = identity.deleted_principal
    return {
        "id": identity.id.value,
        "id_kind": identity.kind.value,
        "display_name": identity.display_name,
        "client_id": None if identity.client_id is None else identity.client_id.value,
        "service_principal": None if principal is None else principal_data(principal),
        "use_instead": None if instead is None else instead.value,
        "deleted_at": None if identity.deleted_at is None else timestamp(identity.deleted_at),
        "restorable_until": None if identity.deleted_at is None else timestamp(restorable_until(identity.deleted_at)),
        "deleted_service_principal": None if gone is None else _deleted_data(gone),
    }


def _deleted_data(gone: DeletedPrincipal) -> dict[str, object]:
    at = gone.deleted_at
    return {
        "object_id": gone.object_id.value,
        "deleted_at": None if at is None else timestamp(at),
        "restorable_until": None if at is None else timestamp(restorable_until(at)),
    }


def principal_data(principal: ServicePrincipal) -> dict[str, object]:
    """A service principal in the machine form."""
    return {
        "object_id": principal.object_id.value,
        "client_id": principal.client_id.value,
        "display_name": principal.display_name,
        "enabled": principal.enabled,
        "owner_tenant": None if principal.owner_tenant is None else principal.owner_tenant.value,
        "principal_type": principal.principal_type,
        "disabled_by_microsoft": principal.disabled_by_microsoft,
        "publisher": principal.publisher,
    }

"""What a GUID is, in words and in the machine form, and what to use instead of a look-alike."""

from __future__ import annotations

from datetime import UTC, timedelta

from hveadmin.domain.ids import ObjectId, TenantId
from hveadmin.domain.tenant import Identity, IdKind, ServicePrincipal
from hveadmin.report.words import quoted, timestamp

RESTORABLE_DAYS = 30
"""How long a deleted application or service principal can be restored [D]."""

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
            return f"is the service principal{of}, {_deleted(identity)}"
        case IdKind.DELETED_APPLICATION:
            return f"is the app registration{name}, {_deleted(identity)}"
        case IdKind.OTHER:
            return f"is the directory object{name}, no application; an HVE account's list holds service principals only"
        case IdKind.NOT_FOUND:
            return "is nothing in this tenant: deleted for good, of another tenant, or mistyped"
        case IdKind.NOT_FOUND_OR_OTHER:
            return (
                "is no application of this tenant; whether it is a user, a group or a device could not be seen:"
                " the permission Directory.Read.All would show it"
            )


def _service_principal(identity: Identity, of: str, tenant_id: TenantId) -> str:
    principal = identity.principal
    managed = principal is not None and principal.principal_type == "ManagedIdentity"
    what = f"is the service principal{of}{', a managed identity' if managed else ''}"
    remarks = _remarks(principal, tenant_id) if principal is not None else ""
    return f"{what}{remarks or ': the right id for an HVE account'}"


def _instead(identity: Identity, tenant_id: TenantId) -> str:
    principal = identity.principal
    if principal is None:
        return "it has no service principal in this tenant: create the enterprise application first, then use its id"
    return f"use its service principal {principal.object_id}{_remarks(principal, tenant_id)}"


def _remarks(principal: ServicePrincipal, tenant_id: TenantId) -> str:
    """What stands against a service principal, each led by a comma; empty for an ordinary one."""
    owner = principal.owner_tenant
    parts = (
        "" if principal.enabled else "disabled in Entra: it cannot sign in until it is enabled there",
        f"disabled by Microsoft ({principal.disabled_by_microsoft})" if principal.disabled_by_microsoft else "",
        f"registered by another tenant ({owner})" if owner is not None and owner != tenant_id else "",
    )
    return "".join(f", {part}" for part in parts if part)


def _deleted(identity: Identity) -> str:
    if identity.deleted_at is None:
        return "deleted; while it can be restored, Entra lists it under deleted applications"
    when = identity.deleted_at.astimezone(UTC)
    until = when + timedelta(days=RESTORABLE_DAYS)
    return f"deleted on {when:%Y-%m-%d}; it can be restored until {until:%Y-%m-%d}"


def identity_data(identity: Identity) -> dict[str, object]:
    """The machine form. What the directory did not say is null."""
    principal = identity.principal
    instead = use_instead(identity)
    return {
        "id": identity.id.value,
        "id_kind": identity.kind.value,
        "display_name": identity.display_name,
        "client_id": None if identity.client_id is None else identity.client_id.value,
        "service_principal": None if principal is None else _principal_data(principal),
        "use_instead": None if instead is None else instead.value,
        "deleted_at": None if identity.deleted_at is None else timestamp(identity.deleted_at),
    }


def _principal_data(principal: ServicePrincipal) -> dict[str, object]:
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

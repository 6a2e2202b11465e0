"""
Graph's writes, as far as registering an application takes them.

A registration is made, changed and given credentials; it gets its service principal; an administrator consents to an
application permission (appRoleAssignment) or a delegated one (oauth2PermissionGrant). Whoever has only
Application.ReadWrite.OwnedBy changes what it made itself and nothing else. A write is answered at once, but a new
object may be unknown to the next requests (the switch `replication_lag`).

The texts of errors are recorded ones [F]; where none was found, the comment says [G].
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from hveadmin.sandbox import credentials
from hveadmin.sandbox.credentials import GivenCertificate
from hveadmin.sandbox.graph_call import (
    GUID,
    Answer,
    Call,
    GraphError,
    Service,
    check_id,
    endpoint,
    not_found,
    shown,
)
from hveadmin.sandbox.graph_types import (
    APP_ROLE_ASSIGNMENT,
    APPLICATION,
    ASSIGN,
    GRANT,
    PERMISSION_GRANT,
    REGISTER,
    REGISTER_ANY,
    SERVICE_PRINCIPAL,
    WRITABLE_OF_APPLICATION,
    EntityType,
)
from hveadmin.sandbox.store import Document

_AUDIENCES = frozenset(
    {"AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"}
)
_DENIED = "Insufficient privileges to complete the operation."
_SECRET_LIFE = timedelta(days=730)
_GRANTS = "oauth2PermissionGrant"


# Registrations


def _create_application(service: Service, call: Call) -> Answer:
    service.caller.needs_one_of(REGISTER)
    body = _declared(call.body, WRITABLE_OF_APPLICATION, "Application")
    if not isinstance(body.get("displayName"), str) or not body["displayName"]:
        raise _bad("A value is required for property 'displayName' of resource 'Application'.")
    certificates = _certificates(body, [])
    document = {
        "signInAudience": "AzureADMyOrg",
        **_checked(body),
        "id": str(uuid.uuid4()),
        "appId": str(uuid.uuid4()),
        "createdDateTime": _graph_time(service.now),
        "createdByAppId": service.caller.client_id,
        "publisherDomain": service.caller.tenant.get("domain"),
    }
    service.put_new(APPLICATION.name, document)
    if certificates:
        credentials.set_certificates(service.store, service.caller.tenant_id, document["appId"], certificates)
    return _created(service, APPLICATION, document)


def _change_application(service: Service, call: Call, key: str) -> Answer:
    document = _own_application(service, key)
    body = _declared(call.body, WRITABLE_OF_APPLICATION, "Application")
    tenant_id, client_id = service.caller.tenant_id, str(document["appId"])
    with service.store.transaction():
        if "keyCredentials" in body:
            before = credentials.of_application(service.store, tenant_id, client_id)
            kept = credentials.key_credentials(before, whole=True)
            credentials.set_certificates(service.store, tenant_id, client_id, _certificates(body, kept))
        service.store.put(tenant_id, APPLICATION.name, str(document["id"]), document | _checked(body))
    return Answer({}, 204)


def _add_password(service: Service, call: Call, key: str) -> Answer:
    document = _own_application(service, key)
    body = call.body if isinstance(call.body, dict) else {}
    asked = _declared(
        body.get("passwordCredential") or {},
        frozenset({"displayName", "endDateTime", "startDateTime"}),
        "PasswordCredential",
    )
    starts = _time(asked, "startDateTime") or service.now
    ends = _time(asked, "endDateTime") or starts + _SECRET_LIFE
    # Forty characters with a tilde among them, as Entra's secrets have been for years [O].
    value = f"{secrets.token_hex(2)[:3]}8Q~{secrets.token_urlsafe(26)[:34]}"
    name = str(asked.get("displayName") or "")
    key_id = credentials.add_secret(
        service.store,
        service.caller.tenant_id,
        str(document["appId"]),
        value,
        expires=ends,
        starts=starts,
        display_name=name,
    )
    answered = {
        "@odata.context": service.url("/$metadata#microsoft.graph.passwordCredential"),
        "customKeyIdentifier": None,
        "displayName": name or None,
        "endDateTime": _graph_time(ends),
        "hint": value[:3],
        "keyId": key_id,
        "secretText": value,
        "startDateTime": _graph_time(starts),
    }
    return Answer(answered)


def _own_application(service: Service, key: str) -> Document:
    """The registration that is to be changed, by whoever may."""
    service.caller.needs_one_of(REGISTER)
    check_id(key)
    document = service.get(APPLICATION.name, key)
    if document is None:
        raise not_found(key)
    if service.caller.permissions.isdisjoint(REGISTER_ANY):
        _needs_to_own(service, document)
    return document


def _needs_to_own(service: Service, document: Document) -> None:
    # Who made an application owns it [D]; other owners are not kept here.
    if document.get("createdByAppId") != service.caller.client_id:
        raise GraphError(403, "Authorization_RequestDenied", _DENIED)


def _declared(body: object, names: Iterable[str], kind: str) -> dict[str, Any]:
    """The body of a request, which names nothing but these. Raises GraphError."""
    if not isinstance(body, dict):
        raise _bad("A JSON object is expected.")  # [G]
    for name in body:
        if name not in names:
            raise _bad(
                f"Invalid property '{name}'."
                if kind == "Application"
                else f"The property '{name}' does not exist on type 'microsoft.graph.{kind}'."  # [G]
            )
    return body


def _checked(body: dict[str, Any]) -> Document:
    """What a registration is to be from now on, but its certificates. Raises GraphError for wrong values."""
    if body.get("signInAudience", "AzureADMyOrg") not in _AUDIENCES:
        raise _bad("Invalid value specified for property 'signInAudience' of resource 'Application'.")
    if not isinstance(body.get("isFallbackPublicClient"), bool | None):
        raise _bad("Invalid value specified for property 'isFallbackPublicClient' of resource 'Application'.")
    if not all(_is_required_access(each) for each in _list(body, "requiredResourceAccess")):
        raise _bad("Invalid value specified for property 'requiredResourceAccess' of resource 'Application'.")
    client = body.get("publicClient")
    if client is not None and not all(isinstance(each, str) for each in _list(client, "redirectUris")):
        raise _bad("Invalid value specified for property 'publicClient' of resource 'Application'.")
    return {name: value for name, value in body.items() if name != "keyCredentials"}


def _is_required_access(item: object) -> bool:
    if not isinstance(item, dict) or not _is_guid(item.get("resourceAppId")):
        return False
    access = item.get("resourceAccess")
    return isinstance(access, list) and all(
        isinstance(each, dict) and _is_guid(each.get("id")) and each.get("type") in ("Role", "Scope") for each in access
    )


def _certificates(body: dict[str, Any], kept: list[Document]) -> list[GivenCertificate]:
    """
    What keyCredentials says; it replaces the whole collection [D].

    A key may be left out where its certificate is registered already and its key id is named [G].
    """
    known = {str(each["keyId"]): str(each["key"]) for each in kept}
    ids = {str(each["key"]): str(each["keyId"]) for each in kept}
    found = []
    for each in _list(body, "keyCredentials"):
        fields = each if isinstance(each, dict) else {}
        key = fields.get("key") or known.get(str(fields.get("keyId")), "")
        if fields.get("type") != "AsymmetricX509Cert" or fields.get("usage") != "Verify":
            raise _bad("Key credential must have a valid type and usage.")  # [G]
        found.append(GivenCertificate(_der(key), ids.get(key, ""), str(fields.get("displayName") or "")))
    return found


def _der(key: object) -> bytes:
    from cryptography import x509

    try:
        der = base64.b64decode(str(key), validate=True)
        x509.load_der_x509_certificate(der)
    except (binascii.Error, ValueError):
        raise GraphError(400, "KeyCredentialsInvalidKeyValue", "Key value is invalid certificate.") from None
    return der


# Service principals


def _create_principal(service: Service, call: Call) -> Answer:
    service.caller.needs_one_of(REGISTER)
    app_id = str(_declared(call.body, frozenset({"appId", "tags"}), "servicePrincipal").get("appId") or "").lower()
    registration = service.by_app_id(APPLICATION.name, app_id)
    if registration is None:
        raise GraphError(
            400,
            "NoBackingApplicationObject",
            f"The appId '{app_id}' of the service principal does not reference a valid application object.",
        )
    if service.caller.permissions.isdisjoint(REGISTER_ANY):
        _needs_to_own(service, registration)
    if service.store.by_app_id(service.caller.tenant_id, SERVICE_PRINCIPAL.name, app_id):
        raise GraphError(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "The service principal cannot be created, updated, or restored because the service principal name"
            f" {app_id} is already in use.",
        )
    name = registration["displayName"]
    document = {
        "id": str(uuid.uuid4()),
        "accountEnabled": True,
        "appDisplayName": name,
        "appId": app_id,
        "appOwnerOrganizationId": service.caller.tenant_id,
        "createdByAppId": service.caller.client_id,
        "createdDateTime": _graph_time(service.now),
        "displayName": name,
        "servicePrincipalNames": [app_id],
        "servicePrincipalType": "Application",
        "signInAudience": registration.get("signInAudience"),
    }
    service.put_new(SERVICE_PRINCIPAL.name, document)
    return _created(service, SERVICE_PRINCIPAL, document)


# Consent


def _assign_role(service: Service, call: Call, key: str, *, end: str) -> Answer:
    """Consent to an application permission; `end` is the property in which the path's object stands."""
    service.caller.needs_one_of(ASSIGN)
    body = _declared(call.body, frozenset({"principalId", "resourceId", "appRoleId"}), "appRoleAssignment")
    ids = {name: str(body.get(name) or "").lower() for name in ("principalId", "resourceId", "appRoleId")}
    if not all(GUID.fullmatch(each) for each in ids.values()):
        raise _bad("Invalid object identifier.")
    if service.get(SERVICE_PRINCIPAL.name, key) is None:
        raise not_found(key)
    principal = service.get(SERVICE_PRINCIPAL.name, ids["principalId"])
    resource = service.get(SERVICE_PRINCIPAL.name, ids["resourceId"])
    if principal is None or resource is None or ids[end] != key.lower():
        raise _bad("Not a valid reference update.")
    if ids["appRoleId"] not in {role["id"] for role in resource.get("appRoles", [])}:
        raise _bad("Permission being assigned was not found on application")
    with service.store.transaction():
        assigned = service.store.where(
            service.caller.tenant_id, APP_ROLE_ASSIGNMENT.name, "principalId", ids["principalId"]
        )
        if any((each["resourceId"], each["appRoleId"]) == (ids["resourceId"], ids["appRoleId"]) for each in assigned):
            raise _bad("Permission being assigned already exists on the object")
        document: Document = {
            **ids,
            "id": _opaque_id(),
            "createdDateTime": _graph_time(service.now),
            "principalDisplayName": principal.get("displayName"),
            "principalType": "ServicePrincipal",
            "resourceDisplayName": resource.get("displayName"),
        }
        service.store.put(service.caller.tenant_id, APP_ROLE_ASSIGNMENT.name, document["id"], document)
    return _created(service, APP_ROLE_ASSIGNMENT, document)


def _create_grant(service: Service, call: Call) -> Answer:
    service.caller.needs_one_of(GRANT)
    names = frozenset({"clientId", "consentType", "principalId", "resourceId", "scope"})
    body = _declared(call.body, names, "oAuth2PermissionGrant")
    client_id, resource_id = (str(body.get(name) or "").lower() for name in ("clientId", "resourceId"))
    for key in (client_id, resource_id):
        if service.get(SERVICE_PRINCIPAL.name, key) is None:
            raise not_found(key)
    everybody = body.get("consentType") == "AllPrincipals"
    if not everybody and (body.get("consentType") != "Principal" or not _is_guid(body.get("principalId"))):
        raise _bad("Invalid value specified for property 'consentType' of resource 'OAuth2PermissionGrant'.")
    principal_id = None if everybody else str(body["principalId"]).lower()
    tenant_id = service.caller.tenant_id
    with service.store.transaction():
        for each in service.store.where(tenant_id, _GRANTS, "clientId", client_id):
            if (each["resourceId"], each.get("principalId")) == (resource_id, principal_id):
                raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
        document: Document = {
            "id": _opaque_id(),
            "clientId": client_id,
            "consentType": body["consentType"],
            "principalId": principal_id,
            "resourceId": resource_id,
            "scope": str(body.get("scope") or ""),
        }
        service.store.put(tenant_id, _GRANTS, document["id"], document)
    return _created(service, PERMISSION_GRANT, document)


def _change_grant(service: Service, call: Call, key: str) -> Answer:
    service.caller.needs_one_of(GRANT)
    body = _declared(call.body, frozenset({"scope"}), "oAuth2PermissionGrant")
    document = service.store.get(service.caller.tenant_id, _GRANTS, key)
    if document is None:
        raise not_found(key)
    changed = document | {"scope": str(body.get("scope") or "")}
    service.store.put(service.caller.tenant_id, _GRANTS, key, changed)
    return Answer({}, 204)


# Bits and pieces of requests and answers


def _created(service: Service, entity: EntityType, document: Document) -> Answer:
    context = service.url(f"/$metadata#{entity.collection}/$entity")
    return Answer({"@odata.context": context, **shown(service, entity, document)}, 201)


def _bad(message: str) -> GraphError:
    return GraphError(400, "Request_BadRequest", message)


def _list(body: object, name: str) -> list[object]:
    found = body.get(name, []) if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise _bad(f"Invalid value specified for property '{name}'.")
    return found


def _is_guid(value: object) -> bool:
    return isinstance(value, str) and GUID.fullmatch(value.lower()) is not None


def _time(body: dict[str, Any], name: str) -> datetime | None:
    if body.get(name) is None:
        return None
    try:
        moment = datetime.fromisoformat(str(body[name]))
    except ValueError:
        raise _bad(f"Invalid value specified for property '{name}'.") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _graph_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _opaque_id() -> str:
    """As the ids of assignments and grants are: not a GUID."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode("ascii").rstrip("=")


WRITES = (
    endpoint("POST", "/applications", _create_application),
    endpoint("PATCH", "/applications/{}", _change_application),
    endpoint("POST", "/applications/{}/addPassword", _add_password),
    endpoint("POST", "/servicePrincipals", _create_principal),
    endpoint("POST", "/servicePrincipals/{}/appRoleAssignments", partial(_assign_role, end="principalId")),
    endpoint("POST", "/servicePrincipals/{}/appRoleAssignedTo", partial(_assign_role, end="resourceId")),
    endpoint("POST", "/oauth2PermissionGrants", _create_grant),
    endpoint("PATCH", "/oauth2PermissionGrants/{}", _change_grant),
)
"""Method, path and answer of every write."""

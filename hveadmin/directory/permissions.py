"""
From Graph's answers, what an application may do about sending mail. Pure.

A permission is looked up by its name among what the API itself offers; the GUIDs below are only for what the API does
not name. Which API it is on is decided by the id of the API's service principal in this tenant, never by a display
name and never by the permission's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hveadmin.directory.items import Item, credentials, guid_text, parts, text
from hveadmin.domain.ids import Guid, ObjectId
from hveadmin.domain.permissions import (
    EXCHANGE_APP_ID,
    GRAPH_APP_ID,
    MAIL_SEND,
    MAIL_SEND_ROLE,
    SEND_AS_APP,
    SMTP_SEND,
    Api,
    Consent,
    MailPermission,
    Permission,
    PermissionKind,
    Registered,
    Unseen,
)
from hveadmin.domain.tenant import ServicePrincipal
from hveadmin.errors import DirectoryUnreadable, UnreadableReply

_TO_SEE_CONSENT = "Directory.Read.All"

# [F] each from at least two independent places; SMTP.SendAsApp has a newer second id.
_EXCHANGE_ROLES = {
    MAIL_SEND_ROLE: MAIL_SEND,
    "7146a1f0-8703-45b3-9eae-527a64c00995": SEND_AS_APP,
    "ce81e10f-fda1-4348-8947-f7fdb6c649ad": SEND_AS_APP,
}
_EXCHANGE_SCOPES = {
    "5eb43c10-865a-4259-960a-83946678f8dd": MAIL_SEND,
    "76faac2a-0f20-42f1-928a-50de5b9dbe52": SMTP_SEND,
}
_GRAPH_SCOPES = {
    "e383f46e-2787-4529-855e-0e479a3ffac0": MAIL_SEND,
    "258f6531-6087-4cc4-bb90-092c5fb3ed3f": SMTP_SEND,
}
_NAMES = frozenset({MAIL_SEND, SEND_AS_APP, SMTP_SEND})


@dataclass(frozen=True, slots=True)
class Apis:
    """The two APIs that have a Mail.Send, as this tenant has them."""

    exchange: ObjectId
    graph: ObjectId | None
    """None where the tenant has no service principal of Microsoft Graph."""
    roles: Mapping[str, str]
    """Exchange Online's application roles that have to do with mail: names by id."""
    scopes: Mapping[str, str]
    """Exchange Online's delegated scopes that have to do with mail: names by id."""

    def of_resource(self, id_: str) -> Api:
        """Which API a service principal is."""
        if id_ == self.exchange.value:
            return Api.EXCHANGE
        return Api.GRAPH if self.graph is not None and id_ == self.graph.value else Api.OTHER

    def role(self, api: Api, id_: str) -> str:
        """The name of an application role; empty where it has nothing to do with mail."""
        return self.roles.get(id_, "") if api is Api.EXCHANGE else MAIL_SEND if id_ == MAIL_SEND_ROLE else ""

    def scope(self, api: Api, id_: str) -> str:
        """The name of a delegated scope; empty where it has nothing to do with mail."""
        return {Api.EXCHANGE: self.scopes, Api.GRAPH: _GRAPH_SCOPES}.get(api, {}).get(id_, "")


def apis(exchange: Iterable[Item] | None, graph: Iterable[Item] | None) -> Apis:
    """The APIs from their service principals. Raises DirectoryUnreadable where there is no Exchange Online."""
    found = next(iter(exchange or ()), None)
    if found is None:
        raise DirectoryUnreadable(
            f"this tenant has no service principal of Office 365 Exchange Online ({EXCHANGE_APP_ID})",
            hint="it comes with the first Exchange Online licence; check that this is the right tenant",
        )
    other = next(iter(graph or ()), None)
    return Apis(
        exchange=ObjectId(guid_text(found, "id")),
        graph=None if other is None else ObjectId(guid_text(other, "id")),
        roles=_named(_EXCHANGE_ROLES, [each for each in parts(found, "appRoles") if _is_for_applications(each)]),
        scopes=_named(_EXCHANGE_SCOPES, parts(found, "oauth2PermissionScopes")),
    )


def _is_for_applications(role: Item) -> bool:
    members = role.get("allowedMemberTypes")
    return isinstance(members, list) and "Application" in members


def _named(known: Mapping[str, str], offered: Iterable[Item]) -> dict[str, str]:
    """Names by id: what the API says, and for a name that it does not offer what is known of it."""
    told = {guid_text(each, "id"): text(each, "value") for each in offered if text(each, "value") in _NAMES}
    return {id_: name for id_, name in known.items() if name not in told.values() or name == SEND_AS_APP} | told


def mail_permission(
    application: ServicePrincipal,
    apis: Apis,
    *,
    roles: Iterable[Item] | None,
    consents: Iterable[Item] | None,
    registration: Iterable[Item] | None,
) -> MailPermission:
    """
    What one application may do, from its role assignments, its permission grants and its registration.

    None is an answer that was refused. Raises UnreadableReply for one that cannot be understood.
    """
    registered = next(iter(registration or ()), None)
    return MailPermission(
        application=application,
        exchange=apis.exchange,
        granted=Unseen("its role assignments may not be read") if roles is None else frozenset(_granted(roles, apis)),
        consented=_consented(consents, apis),
        registration=None if registered is None else _registration(registered, apis),
    )


def _granted(assignments: Iterable[Item], apis: Apis) -> Iterator[Permission]:
    for each in assignments:
        api = apis.of_resource(guid_text(each, "resourceId"))
        if name := apis.role(api, guid_text(each, "appRoleId")):
            yield Permission(api, PermissionKind.APPLICATION, name)


def _consented(grants: Iterable[Item] | None, apis: Apis) -> tuple[Consent, ...] | Unseen:
    if grants is None:
        return Unseen("delegated consent may not be read", _TO_SEE_CONSENT)
    consents = {consent for each in grants for consent in _consents(each, apis)}
    return tuple(sorted(consents, key=lambda each: (each.permission, str(each.user or ""))))


def _consents(grant: Item, apis: Apis) -> Iterator[Consent]:
    api = apis.of_resource(guid_text(grant, "resourceId"))
    whose = text(grant, "consentType")
    if whose not in ("AllPrincipals", "Principal"):
        raise UnreadableReply(f"Graph answered with a permission grant of the kind {whose!r}")
    user = Guid(guid_text(grant, "principalId")) if whose == "Principal" else None
    for name in text(grant, "scope").split():
        if name in _NAMES:
            yield Consent(Permission(api, PermissionKind.DELEGATED, name), user)


def _registration(item: Item, apis: Apis) -> Registered:
    shown = credentials(item)
    if shown is None:
        raise UnreadableReply("Graph answered with an application without its credentials")
    return Registered(frozenset(_requested(item, apis)), shown)


_APIS_BY_CLIENT_ID = {EXCHANGE_APP_ID: Api.EXCHANGE, GRAPH_APP_ID: Api.GRAPH}


def _requested(item: Item, apis: Apis) -> Iterator[Permission]:
    for resource in parts(item, "requiredResourceAccess"):
        api = _APIS_BY_CLIENT_ID.get(text(resource, "resourceAppId").lower(), Api.OTHER)
        for access in parts(resource, "resourceAccess"):
            is_role = text(access, "type") == "Role"
            id_ = guid_text(access, "id")
            if name := apis.role(api, id_) if is_role else apis.scope(api, id_):
                yield Permission(api, PermissionKind.APPLICATION if is_role else PermissionKind.DELEGATED, name)

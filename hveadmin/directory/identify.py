"""
From Graph's answers, what each id is. Pure.

`Facts` collects what was answered; `identity` judges one id by it. Nothing counts as "not there" unless somebody who
could have seen it was asked and said so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hveadmin.directory.items import Item, credentials, guid_text, text, time
from hveadmin.directory.questions import Question, Topic
from hveadmin.domain.ids import ClientId, Guid, NotAGuid, ObjectId, TenantId
from hveadmin.domain.tenant import DeletedPrincipal, Identity, IdKind, ServicePrincipal
from hveadmin.errors import UnreadableReply

_PRINCIPAL = "#microsoft.graph.servicePrincipal"
_REGISTRATION = "#microsoft.graph.application"
_OTHER_KINDS = {
    "#microsoft.graph.user": IdKind.USER,
    "#microsoft.graph.group": IdKind.GROUP,
    "#microsoft.graph.device": IdKind.DEVICE,
}


@dataclass(slots=True)
class Facts:
    """What Graph said so far. Keys are ids in canonical form (`named`: the name that was asked for)."""

    principals: dict[str, Item] = field(default_factory=dict)
    """By object id."""
    principals_by_client: dict[str, Item] = field(default_factory=dict)
    registrations: dict[str, Item] = field(default_factory=dict)
    registrations_by_client: dict[str, Item] = field(default_factory=dict)
    others: dict[str, Item] = field(default_factory=dict)
    """Objects of any other type, by id."""
    deleted: dict[str, Item] = field(default_factory=dict)
    """Deleted objects of any type, by id."""
    deleted_principals_by_client: dict[str, Item] = field(default_factory=dict)
    deleted_registrations_by_client: dict[str, Item] = field(default_factory=dict)
    named: dict[str, tuple[ServicePrincipal, ...]] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)
    """Ids for which somebody refused to say whether they are a user, a group, a device, alive or deleted."""

    def learn(self, question: Question, items: list[Item]) -> None:
        """Take in the complete answer to a question. Raises UnreadableReply where an object has no id."""
        match question.topic:
            case Topic.PRINCIPAL_BY_NAME:
                self.named[question.values[0]] = tuple(_needed_principal(item) for item in items)
            case Topic.DELETED_BY_ID:
                self.deleted |= {guid_text(item, "id"): item for item in items}
            case Topic.DELETED_PRINCIPAL_BY_CLIENT_ID:
                self.deleted_principals_by_client |= {guid_text(item, "appId"): item for item in items}
            case Topic.DELETED_REGISTRATION_BY_CLIENT_ID:
                self.deleted_registrations_by_client |= {guid_text(item, "appId"): item for item in items}
            case Topic.ANYTHING:
                for item in items:
                    self._see(_type(item), _without_credentials(item))
            case Topic.PRINCIPAL_BY_ID | Topic.PRINCIPAL_BY_CLIENT_ID:
                for item in items:
                    self._see(_PRINCIPAL, item)
            case Topic.REGISTRATION_BY_ID | Topic.REGISTRATION_BY_CLIENT_ID:
                for item in items:
                    self._see(_REGISTRATION, item)
            case (
                Topic.USER_BY_MAIL
                | Topic.USER_BY_SIGN_IN_NAME
                | Topic.GROUP_BY_MAIL
                | Topic.USER_BY_OTHER_ADDRESS
                | Topic.GROUP_BY_OTHER_ADDRESS
                | Topic.API
                | Topic.API_ID
                | Topic.ROLES_OF
                | Topic.CONSENTS_OF
                | Topic.REGISTRATION_OF
            ):
                raise ValueError(f"{question.topic.name} is not about what an id is")

    def refuse(self, question: Question) -> None:
        """Somebody may not know whether these ids are anything else than applications."""
        self.unseen.update(question.values)

    def is_settled(self, id_: str) -> bool:
        """Whether it is known what this id is."""
        return any(
            id_ in known
            for known in (
                self.principals,
                self.principals_by_client,
                self.registrations,
                self.registrations_by_client,
                self.others,
            )
        )

    def clients_without_principal(self, ids: set[str]) -> set[str]:
        """The client ids of the registrations that these ids name, where no service principal is known."""
        registered = [item for id_, item in self.registrations.items() if id_ in ids]
        registered += [item for id_, item in self.registrations_by_client.items() if id_ in ids]
        clients = {guid_text(item, "appId") for item in registered if item.get("appId")}
        return clients - self.principals_by_client.keys()

    def principal_of(self, client: ClientId | None) -> ServicePrincipal | None:
        """An application's service principal, None where it has none (or none that may be read)."""
        item = self.principals_by_client.get(client.value) if client is not None else None
        return None if item is None else service_principal(item)

    def deleted_principal_of(self, client: ClientId | None) -> DeletedPrincipal | None:
        """An application's service principal in the recycle bin."""
        item = self.deleted_principals_by_client.get(client.value) if client is not None else None
        if item is None:
            return None
        return DeletedPrincipal(ObjectId(guid_text(item, "id")), time(item, "deletedDateTime"))

    def _see(self, type_: str, item: Item) -> None:
        id_ = guid_text(item, "id")
        if type_ == _PRINCIPAL:
            self.principals[id_] = _fuller(item, self.principals.get(id_))
            if item.get("appId"):
                client = guid_text(item, "appId")
                self.principals_by_client[client] = _fuller(item, self.principals_by_client.get(client))
        elif type_ == _REGISTRATION:
            self.registrations[id_] = _fuller(item, self.registrations.get(id_))
            if item.get("appId"):
                client = guid_text(item, "appId")
                self.registrations_by_client[client] = _fuller(item, self.registrations_by_client.get(client))
        else:
            self.others[id_] = item


def identity(id_: str, facts: Facts) -> Identity:
    """What one id is, by the facts. An object id is looked for before a client id, the living before the deleted."""
    guid = Guid(id_)
    if (item := facts.principals.get(id_)) is not None:
        principal = service_principal(item)
        client = principal.client_id if principal else None
        return _application(guid, IdKind.SERVICE_PRINCIPAL, item, client, facts)
    if (item := facts.principals_by_client.get(id_)) is not None:
        return _application(guid, IdKind.CLIENT_ID, item, ClientId(id_), facts)
    if (item := facts.registrations.get(id_)) is not None:
        client = ClientId(guid_text(item, "appId")) if item.get("appId") else None
        return _application(guid, IdKind.APP_REGISTRATION, item, client, facts)
    if (item := facts.registrations_by_client.get(id_)) is not None:
        return _application(guid, IdKind.CLIENT_ID, item, ClientId(id_), facts)
    if (item := facts.others.get(id_)) is not None:
        return Identity(guid, _OTHER_KINDS.get(_type(item), IdKind.OTHER), text(item, "displayName"))
    return _deleted(guid, facts) or Identity(
        guid, IdKind.NOT_FOUND_OR_OTHER if id_ in facts.unseen else IdKind.NOT_FOUND
    )


def service_principal(item: Item) -> ServicePrincipal | None:
    """A service principal as Graph wrote it; None where not even its client id may be read."""
    if not item.get("appId"):
        return None
    status = text(item, "disabledByMicrosoftStatus")
    return ServicePrincipal(
        object_id=ObjectId(guid_text(item, "id")),
        client_id=ClientId(guid_text(item, "appId")),
        display_name=text(item, "displayName"),
        enabled=item.get("accountEnabled") is not False,
        owner_tenant=_tenant(item),
        principal_type=text(item, "servicePrincipalType") or "Application",
        disabled_by_microsoft="" if status == "NotDisabled" else status,
        publisher=_publisher(item),
    )


def _application(guid: Guid, kind: IdKind, item: Item, client: ClientId | None, facts: Facts) -> Identity:
    """An id of a living application: with what else is known of the application by its client id."""
    principal = service_principal(item) if kind is IdKind.SERVICE_PRINCIPAL else facts.principal_of(client)
    registration = facts.registrations_by_client.get(client.value) if client else None
    return Identity(
        guid,
        kind,
        text(item, "displayName"),
        principal,
        client,
        credentials=None if registration is None else credentials(registration),
        deleted_principal=facts.deleted_principal_of(client) if principal is None else None,
    )


def _deleted(guid: Guid, facts: Facts) -> Identity | None:
    """By id, then by client id; None where it is not among the deleted."""
    if (item := facts.deleted.get(guid.value)) is not None:
        kinds = {
            _PRINCIPAL: IdKind.DELETED_SERVICE_PRINCIPAL,
            _REGISTRATION: IdKind.DELETED_APPLICATION,
            **_OTHER_KINDS,
        }
        kind = kinds.get(_type(item), IdKind.OTHER)
    elif (item := facts.deleted_registrations_by_client.get(guid.value)) is not None:
        kind = IdKind.DELETED_APPLICATION
    elif (item := facts.deleted_principals_by_client.get(guid.value)) is not None:
        kind = IdKind.DELETED_SERVICE_PRINCIPAL
    else:
        return None
    client = ClientId(guid_text(item, "appId")) if item.get("appId") else None
    return Identity(guid, kind, text(item, "displayName"), None, client, time(item, "deletedDateTime"))


def _needed_principal(item: Item) -> ServicePrincipal:
    """A service principal that is to be chosen by its name; without its client id it is none to choose."""
    principal = service_principal(item)
    if principal is None:
        raise UnreadableReply(f"Graph names the service principal {guid_text(item, 'id')} without its appId")
    return principal


def _fuller(new: Item, old: Item | None) -> Item:
    """Both together: getByIds may answer with the type and the id alone, and a listing with what was selected."""
    return new if old is None else {**old, **{name: value for name, value in new.items() if value is not None}}


def _without_credentials(item: Item) -> Item:
    """getByIds has no $select, and without one keyCredentials look empty whatever there is [D]."""
    return {name: value for name, value in item.items() if name not in ("passwordCredentials", "keyCredentials")}


def _type(item: Item) -> str:
    """Raises UnreadableReply: in a mixed collection an object always names its type [D]."""
    found = text(item, "@odata.type")
    if not found:
        raise UnreadableReply("Graph answered with an object that does not name its type")
    return found


def _tenant(item: Item) -> TenantId | None:
    try:
        return TenantId.parse(text(item, "appOwnerOrganizationId"))
    except NotAGuid:
        return None


def _publisher(item: Item) -> str:
    found = item.get("verifiedPublisher")
    return text(found, "displayName") if isinstance(found, Mapping) else ""

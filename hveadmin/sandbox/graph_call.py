"""
What a Graph request is, who makes it, and what comes of it: what reading and writing have in common.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hveadmin.sandbox import credentials
from hveadmin.sandbox.faults import Switches
from hveadmin.sandbox.graph_types import APPLICATION, EntityType
from hveadmin.sandbox.store import Document, Store

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_NOT_YET_SHOWN = "notYetShown"
"""The store's kind for new objects (by id) and how many more requests do not find them."""


class GraphError(Exception):
    """An answer of 400 and more."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Call:
    """One request, alone or a member of a batch."""

    method: str
    path: str
    """Decoded, below `/v1.0`."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: object = None
    """The parsed JSON of a POST or PATCH."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; `body` is sent as JSON, but with 204."""

    body: Document
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, from a token whose signature is checked."""

    tenant: Document
    object_id: str
    client_id: str
    permissions: frozenset[str]

    @property
    def tenant_id(self) -> str:
        return str(self.tenant["id"])

    def needs_one_of(self, permissions: frozenset[str]) -> None:
        """Raise the 403 of a caller that has none of these."""
        if self.permissions.isdisjoint(permissions):
            raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


@dataclass(frozen=True, slots=True)
class Service:
    """What answering takes: the store, who asks, and under which address we were called."""

    store: Store
    caller: Caller
    origin: str
    now: datetime
    switches: Callable[[], Switches]

    def url(self, path: str) -> str:
        return f"{self.origin}/v1.0{path}"

    def get(self, kind: str, key: str) -> Document | None:
        """An object by its id; None where there is none, or none yet."""
        found = self.store.get(self.caller.tenant_id, kind, key.lower())
        return None if found is None or self._is_not_yet_shown(key.lower()) else found

    def by_app_id(self, kind: str, app_id: str) -> Document | None:
        """An object by its client id; None where there is none, or none yet."""
        found = self.store.by_app_id(self.caller.tenant_id, kind, app_id.lower())
        return None if not found or self._is_not_yet_shown(str(found[0]["id"])) else found[0]

    def put_new(self, kind: str, document: Document) -> None:
        """Keep a new object; how soon it is found is a switch."""
        lag, tenant_id, key = self.switches().replication_lag, self.caller.tenant_id, str(document["id"])
        with self.store.transaction():
            self.store.put(tenant_id, kind, key, document)
            if lag > 0:
                self.store.put(tenant_id, _NOT_YET_SHOWN, key, {"left": lag})

    def _is_not_yet_shown(self, key: str) -> bool:
        tenant_id = self.caller.tenant_id
        if self.store.get(tenant_id, _NOT_YET_SHOWN, key) is None:
            return False
        with self.store.transaction():
            left = (self.store.get(tenant_id, _NOT_YET_SHOWN, key) or {"left": 0})["left"]
            if left > 1:
                self.store.put(tenant_id, _NOT_YET_SHOWN, key, {"left": left - 1})
            else:
                self.store.delete(tenant_id, _NOT_YET_SHOWN, key)
        return bool(left > 0)


Handler = Callable[..., Answer]


def endpoint(method: str, template: str, handler: Handler) -> tuple[str, re.Pattern[str], Handler]:
    """`{}` in the template is one path segment, or what stands between quotes."""
    pattern = "([^/']+)".join(re.escape(part) for part in template.split("{}"))
    return method, re.compile(pattern, re.IGNORECASE), handler


def shown(
    service: Service, entity: EntityType, document: Document, select: tuple[str, ...] = (), *, alone: bool = False
) -> Document:
    """
    The object as it is answered. A registration's credentials are kept apart and joined here.

    `alone`: it was asked for by itself, and only then do its certificates come with their keys [D].
    """
    found = entity.project(document, select)
    if entity is APPLICATION and not {"passwordCredentials", "keyCredentials"}.isdisjoint(found):
        own = credentials.of_application(service.store, service.caller.tenant_id, str(document.get("appId")))
        joined = {
            "passwordCredentials": credentials.password_credentials(own),
            "keyCredentials": credentials.key_credentials(own, whole=alone),
        }
        found |= {name: [*found[name], *more] for name, more in joined.items() if name in found}
    return found


def check_id(key: str) -> None:
    if not GUID.fullmatch(key.lower()):
        raise GraphError(400, "Request_BadRequest", f"Invalid object identifier '{key}'.")


def not_found(key: str) -> GraphError:
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{key}' does not exist or one of its queried reference-property objects are not present.",
    )

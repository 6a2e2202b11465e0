"""A directory with one id of every kind, and views with the parts of the facts that some rules need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from builders import NOW, TENANT, account, app, client, principal
from policy.list_views import view

from hveadmin.domain.finding import Verdict
from hveadmin.domain.ids import Guid, TenantId
from hveadmin.domain.tenant import (
    DeletedPrincipal,
    Identity,
    IdKind,
    Readable,
    ServicePrincipal,
    Unreadable,
)
from hveadmin.policy.engine import Judgement, TenantView

VENDOR, MICROSOFT = TenantId("fab00000-0000-4000-8000-000000000001"), TenantId("f8cdef31-a31e-4b4a-93e4-5f571e91255a")
CLOSED = Unreadable("Microsoft Graph says no", grant="Application.Read.All")

OURS, CLIENT_ID, REGISTRATION, NOTHING, DELETED, LONG_DELETED, USER, DISABLED, BY_MICROSOFT = range(1, 10)
FOREIGN, MANAGED, OWNERLESS, CLIENT_ONLY, REGISTRATION_ONLY, HIDDEN, DELETED_APP, FIRST_PARTY = range(10, 18)
ALL = range(1, 18)
RIGHT = 30
"""The service principal that CLIENT_ID and REGISTRATION belong to."""


def ours(number: int, **changes: Any) -> ServicePrincipal:
    return principal(number, **{"owner_tenant": TENANT, **changes})


def identity(number: int, kind: IdKind = IdKind.SERVICE_PRINCIPAL, **changes: Any) -> Identity:
    """What the directory says of `app(number)`."""
    return Identity(Guid(app(number).value), kind, f"App {number}", **changes)


def living(number: int, **changes: Any) -> Identity:
    one = ours(number, **changes)
    return identity(number, principal=one, client_id=one.client_id)


def ago(days: int) -> Any:
    return NOW - timedelta(days=days)


_KNOWN = (
    living(OURS),
    identity(CLIENT_ID, IdKind.CLIENT_ID, principal=ours(RIGHT), client_id=client(RIGHT)),
    identity(REGISTRATION, IdKind.APP_REGISTRATION, principal=ours(RIGHT), client_id=client(RIGHT)),
    Identity(Guid(app(NOTHING).value), IdKind.NOT_FOUND),
    identity(DELETED, IdKind.DELETED_SERVICE_PRINCIPAL, client_id=client(DELETED), deleted_at=ago(9)),
    identity(LONG_DELETED, IdKind.DELETED_SERVICE_PRINCIPAL, deleted_at=ago(31)),
    identity(USER, IdKind.USER),
    living(DISABLED, enabled=False),
    living(BY_MICROSOFT, disabled_by_microsoft="DisabledDueToViolationOfServicesAgreement"),
    living(FOREIGN, owner_tenant=VENDOR, publisher="Fabrikam Ltd"),
    living(MANAGED, owner_tenant=None, principal_type="ManagedIdentity"),
    living(OWNERLESS, owner_tenant=None),
    identity(CLIENT_ONLY, IdKind.CLIENT_ID, client_id=client(CLIENT_ONLY)),
    identity(
        REGISTRATION_ONLY,
        IdKind.APP_REGISTRATION,
        client_id=client(REGISTRATION_ONLY),
        deleted_principal=DeletedPrincipal(app(31), None),
    ),
    Identity(Guid(app(HIDDEN).value), IdKind.NOT_FOUND_OR_OTHER),
    identity(DELETED_APP, IdKind.DELETED_APPLICATION, client_id=client(DELETED_APP), deleted_at=ago(1)),
    living(FIRST_PARTY, owner_tenant=MICROSOFT),
)


def directory(*more: Identity) -> Readable:
    """One id of every kind; and these besides."""
    right = living(RIGHT)
    by_client = Identity(Guid(client(OURS).value), IdKind.CLIENT_ID, "App 1", ours(OURS), client(OURS))
    return Readable({each.id: each for each in (*_KNOWN, right, by_client, *more)})


def every_kind(*numbers: int, **changes: Any) -> TenantView:
    """A view of one account whose list holds these ids; all kinds without any."""
    return view(account("x", list(numbers or ALL)), **{"directory": directory(), **changes})


def with_facts(seen: TenantView, **parts: object) -> TenantView:
    """The view, with these parts of the facts."""
    return replace(seen, facts=replace(seen.facts, **parts))  # type: ignore[arg-type]


def verdicts(judgements: Iterable[Judgement]) -> Mapping[int, Verdict]:
    """By the number of the id that each judgement is about."""
    numbers = {app(number).value: number for number in range(40)}
    return {numbers[each.subject.app.value]: each.verdict for each in judgements if each.subject.app is not None}

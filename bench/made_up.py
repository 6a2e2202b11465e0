"""Tenants and configurations of any size, made from numbers: the same each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from hveadmin.domain.ids import Address, ClientId, Guid, ObjectId, TenantId
from hveadmin.domain.tenant import HveAccount, Identity, IdKind, Known, Readable, ServicePrincipal, TenantSnapshot

ALIAS = "fleet"
TENANT = TenantId("8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06")
READ_AT = datetime(2026, 11, 23, 10, 14, 7, tzinfo=UTC)
APPS_EACH = 10
"""Applications on each list: as many as a list can hold."""


def configuration_text(tenant_id: str, apps: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> str:
    """A configuration as people write it; `apps` holds each name's reference, as YAML's flow style has it."""
    return "\n".join(_lines(tenant_id, apps, lists)) + "\n"


def _lines(tenant_id: str, apps: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield "version: 1"
    yield "defaults: {mode: enforce, owner: messaging@contoso.com}"
    yield "apps:"
    for name, reference in apps.items():
        yield f"  {name}: {{{reference}, reason: Reports}}"
    yield "tenants:"
    yield f"  {ALIAS}:"
    yield f"    tenant_id: {tenant_id}"
    yield "    profile: lab"
    yield "    accounts:"
    for address, names in lists.items():
        yield f"      {address}: {{apps: [{', '.join(names)}]}}"


def large_configuration(accounts: int) -> str:
    """
    As many applications, named by client id, as accounts; ten on each list.

    Every second account's list is another one than in `large_snapshot`: one application goes, one comes.
    """
    apps = {_app_name(n): f"client_id: {_client_id(n)}" for n in range(accounts)}
    lists = {_address(n): [_app_name(app) for app in _listed(n + n % 2, accounts)] for n in range(accounts)}
    return configuration_text(TENANT.value, apps, lists)


def large_snapshot(accounts: int) -> TenantSnapshot:
    """A tenant as it was read, with what the directory says of every id of it and of the configuration."""
    identities: dict[Guid, Identity] = {}
    for n in range(accounts):
        principal = ServicePrincipal(_object_id(n), _client_id(n), f"Sender {n:05d}", owner_tenant=TENANT)
        for kind, id_ in ((IdKind.SERVICE_PRINCIPAL, principal.object_id), (IdKind.CLIENT_ID, principal.client_id)):
            guid = Guid(id_.value)
            identities[guid] = Identity(guid, kind, principal.display_name, principal, principal.client_id)
    return TenantSnapshot(TENANT, READ_AT, tuple(_account(n, accounts) for n in range(accounts)), Readable(identities))


def _account(n: int, of: int) -> HveAccount:
    listed = frozenset(_object_id(app) for app in _listed(n, of))
    return HveAccount(Address(_address(n)), Guid(f"aaaaaaaa-0000-4000-8000-{n:012d}"), f"HVE {n:05d}", Known(listed))


def _listed(first: int, of: int) -> list[int]:
    return [(first + offset) % of for offset in range(APPS_EACH)]


def _address(n: int) -> str:
    return f"hve-{n:05d}@contoso.com"


def _app_name(n: int) -> str:
    return f"sender-{n:05d}"


def _object_id(n: int) -> ObjectId:
    return ObjectId(f"00000000-0000-4000-8000-{n:012d}")


def _client_id(n: int) -> ClientId:
    return ClientId(f"cccccccc-0000-4000-8000-{n:012d}")

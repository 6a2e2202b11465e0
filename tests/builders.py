"""Small builders for the domain's values, so that a test shows only what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from hveadmin.domain.desired import (
    AccountEntry,
    AppEntry,
    AppRef,
    ByObjectId,
    Grant,
    Mode,
    Selector,
    SourceSpan,
    TenantEntry,
    Unmanaged,
)
from hveadmin.domain.ids import Address, ClientId, Guid, ObjectId, TenantId
from hveadmin.domain.tenant import (
    AllowedApps,
    DirectoryView,
    HveAccount,
    Identity,
    IdKind,
    Known,
    Readable,
    ServicePrincipal,
    TenantSnapshot,
)

TENANT = TenantId("8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06")
NOW = datetime(2026, 11, 23, 10, 14, 7, tzinfo=UTC)
TODAY = date(2026, 11, 23)


def app(number: int) -> ObjectId:
    return ObjectId(f"00000000-0000-4000-8000-{number:012d}")


def client(number: int) -> ClientId:
    return ClientId(f"cccccccc-0000-4000-8000-{number:012d}")


def apps(*numbers: int) -> frozenset[ObjectId]:
    return frozenset(map(app, numbers))


def address(name: str) -> Address:
    return Address.parse(f"hve-{name}@contoso.com")


def account(name: str, allowed: AllowedApps | Iterable[int]) -> HveAccount:
    lists = allowed if not isinstance(allowed, Iterable) else Known(apps(*allowed))
    guid = Guid("aaaaaaaa-0000-4000-8000-" + name.encode().hex()[:12].ljust(12, "0"))
    return HveAccount(address(name), guid, name, lists)


def principal(number: int, **changes: object) -> ServicePrincipal:
    fields: dict[str, object] = {"object_id": app(number), "client_id": client(number), "display_name": f"App {number}"}
    return ServicePrincipal(**{**fields, **changes})  # type: ignore[arg-type]


def service_principals(*numbers: int) -> Readable:
    """A directory that has these applications, and knows them by object id and by client id."""
    identities: dict[Guid, Identity] = {}
    for number in numbers:
        sp = principal(number)
        for kind, each in ((IdKind.SERVICE_PRINCIPAL, sp.object_id), (IdKind.CLIENT_ID, sp.client_id)):
            guid = Guid(each.value)
            identities[guid] = Identity(guid, kind, sp.display_name, sp, sp.client_id)
    return Readable(identities)


def snapshot(*accounts: HveAccount, directory: DirectoryView | None = None) -> TenantSnapshot:
    ordered = tuple(sorted(accounts, key=lambda each: each.address))
    return TenantSnapshot(TENANT, NOW, ordered, directory or service_principals(*range(40)))


def span(line: int) -> SourceSpan:
    return SourceSpan("hve.yaml", line, 5)


def grant(number: int, ref: AppRef | None = None, *, expires: date | None = None) -> Grant:
    entry = AppEntry(f"app-{number}", ref or ByObjectId(app(number), "contoso"), span(number))
    return Grant(entry, span(number), owner="it@contoso.com", expires=expires)


def entry(mode: Mode, *grants: Grant, line: int = 50, expires: date | None = None, reason: str = "") -> AccountEntry:
    return AccountEntry(mode, grants, span(line), expires=expires, reason=reason)


def tenant(
    accounts: Mapping[str, AccountEntry] | None = None,
    selectors: Iterable[Selector] = (),
    unmanaged: Unmanaged = Unmanaged.IGNORE,
) -> TenantEntry:
    return TenantEntry(
        alias="contoso",
        source=span(40),
        accounts={address(name): each for name, each in (accounts or {}).items()},
        selectors=tuple(selectors),
        tenant_id=TENANT,
        domain="contoso.onmicrosoft.com",
        unmanaged=unmanaged,
    )

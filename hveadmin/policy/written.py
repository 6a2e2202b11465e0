"""What the rules about the configuration alone have in common: what there is to look at, and what it is called."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from hveadmin.domain.desired import AccountEntry, AppEntry, AppRef, ByClientId, ByName, ByObjectId, Grant, TenantEntry
from hveadmin.domain.finding import Subject
from hveadmin.domain.ids import Address, Guid
from hveadmin.policy.about import About


def reference(ref: AppRef) -> Guid | None:
    """The id by which the configuration names an application, so that a waiver can; None for a display name."""
    match ref:
        case ByClientId(client_id):
            return Guid(client_id.value)
        case ByObjectId(object_id):
            return Guid(object_id.value)
        case ByName():
            return None


def asked(ref: AppRef) -> str:
    """What to ask `app whatis` about an application: its id, or its display name."""
    return ref.name if isinstance(ref, ByName) else str(reference(ref))


def application(app: AppEntry) -> About:
    """An entry of `apps`."""
    return About(Subject(app=reference(app.ref), thing=f"apps.{app.name}"), app.source)


def entries(tenant: TenantEntry) -> Iterator[tuple[Subject, AccountEntry]]:
    """What the tenant's configuration says: of accounts by their address, and of those that a selector matches."""
    for address, entry in tenant.accounts.items():
        yield _subject(tenant, address), entry
    for thing, selector in zip(selector_names(tenant), tenant.selectors, strict=True):
        yield _subject(tenant, thing=thing), selector.entry


def granted(whose: Subject, grant: Grant) -> About:
    """One application on one entry's list."""
    thing = f"{whose.thing} apps.{grant.app.name}".strip()
    subject = Subject(whose.tenant, whose.tenant_id, whose.account, app=reference(grant.app.ref), thing=thing)
    return About(subject, grant.source)


def _subject(tenant: TenantEntry, account: Address | None = None, thing: str = "") -> Subject:
    return Subject(tenant.alias, tenant.tenant_id, account, thing=thing)


def selector_names(tenant: TenantEntry) -> list[str]:
    """`selector hve-alert-*` for each selector; of those that read alike all but the first have a number."""
    names: list[str] = []
    seen: dict[str, int] = {}
    for selector in tenant.selectors:
        besides = f" except {', '.join(selector.except_)}" if selector.except_ else ""
        name = f"selector {selector.match}{besides}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def has_ended(expires: date | None, today: date) -> bool:
    """Whether the last day is over; what has no end does not end."""
    return expires is not None and today > expires

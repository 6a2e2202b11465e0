"""app pin: ask the directory what the configuration's applications are in one tenant. Accounts are not read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from hveadmin.domain.desired import AppEntry, Grant, Mode, TenantEntry
from hveadmin.domain.ids import TenantId
from hveadmin.domain.pins import PinChanges, Pins, compare
from hveadmin.domain.ports import Directory
from hveadmin.domain.resolve import Unresolved, all_grants, principal_of, references
from hveadmin.domain.tenant import Readable, ServicePrincipal, Unreadable
from hveadmin.errors import Incomplete


def pin_tenant(
    directory: Directory, tenant: TenantEntry, tenant_id: TenantId, before: Pins | None, *, today: date
) -> PinChanges:
    """
    What becomes of one tenant's pins: every application that the configuration uses in it, as the directory has it now.

    Raises Incomplete where the directory cannot be read, Unresolved with every application that is unknown or
    ambiguous, and AuthError where nobody could sign in.
    """
    ids, names = references(tenant)
    view = directory.look_up(sorted(ids, key=str), sorted(names))
    if isinstance(view, Unreadable):
        raise Incomplete(
            f"the directory could not be read, and the pins stay as they are: {view.why}",
            hint="`hveadmin plan` works from the pins alone meanwhile, and says so",
        )
    return decide_pins(view, tenant, tenant_id, before, today=today)


def decide_pins(
    directory: Readable, tenant: TenantEntry, tenant_id: TenantId, before: Pins | None, *, today: date
) -> PinChanges:
    """The pure part of `pin_tenant`."""
    found: dict[str, ServicePrincipal] = {}
    gone: dict[str, str] = {}
    problems: list[str] = []
    needed = _needed(tenant, today)
    for app in used(tenant):
        principal = principal_of(app.ref, directory)
        if not isinstance(principal, str):
            found[app.name] = principal
        elif app.name in needed:
            problems.append(f"{app.source}: {app.name} ({app.ref}): {principal}")
        else:
            gone[app.name] = principal
    if problems:
        raise Unresolved(
            f"{tenant.alias}: {len(problems)} application{'s' if len(problems) > 1 else ''} cannot be pinned",
            reasons=problems,
            hint="hveadmin app whatis ID says what an id is, and what to use instead",
        )
    return compare(tenant.alias, tenant_id, before, found, gone, today)


def used(tenant: TenantEntry) -> Iterable[AppEntry]:
    """The applications that any entry or selector of the tenant names, each once."""
    return {grant.app.name: grant.app for grant in all_grants(tenant)}.values()


def _needed(tenant: TenantEntry, today: date) -> set[str]:
    """The names of those that some list is to hold. Of the others it is no mistake that they are gone."""
    entries = (*tenant.accounts.values(), *(selector.entry for selector in tenant.selectors))
    lists = (entry.grants for entry in entries if entry.mode not in (Mode.ABSENT, Mode.OBSERVE))
    return {grant.app.name for grants in lists for grant in grants if not _ended(grant, today)}


def _ended(grant: Grant, today: date) -> bool:
    return grant.expires is not None and today > grant.expires

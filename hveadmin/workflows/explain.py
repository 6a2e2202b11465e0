"""whatis, app list, app show: what an id is, and which accounts list it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hveadmin.domain.ids import Address, Guid
from hveadmin.domain.ports import Progress, no_progress
from hveadmin.domain.tenant import DirectoryView, HveAccount, Known, TenantSnapshot, Unknown
from hveadmin.workflows.gather import gather
from hveadmin.workflows.plan import Where


@dataclass(frozen=True, slots=True)
class Explained:
    """What the directory says of some ids, and which accounts list them."""

    view: DirectoryView
    listed_on: Mapping[Guid, Sequence[Address]]
    """Every id that was asked for and every id on a list, with the accounts that list it."""
    unread: tuple[Address, ...] = ()
    """Accounts whose list could not be read: they may list any of the ids."""
    accounts_unread: str = ""
    """Why no account could be read at all; empty where they could."""


def explain(where: Where, ids: Collection[Guid]) -> Explained:
    """What each id is. One question to the directory, no account is read. Raises AuthError, ServiceError."""
    return Explained(where.directory.look_up(ids), {})


def explain_all(
    where: Where, ids: Collection[Guid] = (), names: Collection[str] = (), progress: Progress = no_progress
) -> tuple[Explained, TenantSnapshot]:
    """What each id is, and every id that any account lists. Raises AuthError, ServiceError."""
    snapshot = gather(
        where.reader, where.directory, where.clock, where.tenant_id, ids=ids, names=names, progress=progress
    )
    unread = tuple(account.address for account in snapshot.accounts if isinstance(account.allowed, Unknown))
    return Explained(snapshot.directory, listed_on(snapshot.accounts), unread), snapshot


def listed_on(accounts: Collection[HveAccount]) -> dict[Guid, list[Address]]:
    """Which accounts list each id, keyed by the plain id."""
    found: dict[Guid, list[Address]] = {}
    for account in accounts:
        if isinstance(account.allowed, Known):
            for app in account.allowed.apps:
                found.setdefault(Guid(app.value), []).append(account.address)
    return found

"""
The one place where a workflow reads a tenant: one listing, the lists, and one question to the directory.

Everything that could not be read comes out as `Unknown` or `Unreadable`, or as an error; never as nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hveadmin.domain.ids import Address, Guid, TenantId
from hveadmin.domain.ports import AccountReader, Clock, Directory, Progress, no_progress
from hveadmin.domain.tenant import AllowedApps, HveAccount, Known, ListedAccount, TenantSnapshot, Unknown


def gather(
    reader: AccountReader,
    directory: Directory,
    clock: Clock,
    tenant_id: TenantId,
    *,
    ids: Collection[Guid] = (),
    names: Collection[str] = (),
    progress: Progress = no_progress,
) -> TenantSnapshot:
    """
    All HVE accounts of a tenant with their lists, and what the directory says of every id on them and of `ids`.

    Raises ServiceError or AuthError where the listing cannot be had, or nobody may read a list.
    """
    read_at = clock.now()
    listed = reader.list_accounts()
    accounts = _with_lists(reader, listed, progress)
    wanted = sorted({*ids, *ids_on(accounts)}, key=str)
    return TenantSnapshot(tenant_id, read_at, accounts, directory.look_up(wanted, sorted(names)))


def gather_some(
    reader: AccountReader,
    directory: Directory,
    clock: Clock,
    tenant_id: TenantId,
    addresses: Collection[Address],
    *,
    ids: Collection[Guid] = (),
) -> TenantSnapshot:
    """
    The same for some accounts only. An address that is no HVE account of the tenant is not in the snapshot.

    The listing is read all the same: an HVE account is what the listing names, and its guid comes from there.
    """
    read_at = clock.now()
    listed = [each for each in reader.list_accounts() if each.address in addresses]
    accounts = _with_lists(reader, listed, no_progress)
    wanted = sorted({*ids, *ids_on(accounts)}, key=str)
    return TenantSnapshot(tenant_id, read_at, accounts, directory.look_up(wanted))


def read_accounts(reader: AccountReader, progress: Progress = no_progress) -> tuple[HveAccount, ...]:
    """
    All HVE accounts of a tenant with their lists, ordered by address; the directory is not asked.

    Raises ServiceError or AuthError where the listing cannot be had, or nobody may read a list.
    """
    return _with_lists(reader, reader.list_accounts(), progress)


def ids_on(accounts: Iterable[HveAccount]) -> set[Guid]:
    """Every id on every list that is known."""
    return {app for account in accounts if isinstance(account.allowed, Known) for app in account.allowed.apps}


def _with_lists(reader: AccountReader, listed: Collection[ListedAccount], progress: Progress) -> tuple[HveAccount, ...]:
    lists: dict[Address, AllowedApps] = {}
    for address, allowed in reader.read_allowed([each.address for each in listed]):
        lists[address] = allowed
        progress("reading accounts", len(lists), len(listed))
    return tuple(
        HveAccount(each.address, each.guid, each.display_name, lists.get(each.address, _NO_ANSWER))
        for each in sorted(listed, key=lambda each: each.address)
    )


_NO_ANSWER = Unknown("the service gave no answer for this account")

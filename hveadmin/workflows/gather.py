"""
The one place where a workflow reads a tenant: one listing, the lists, and one question to the directory.

Checks, reports and snapshots want more than a plan does: `gather_facts` asks for that besides, each part only where
somebody needs it. Everything that could not be read comes out as `Unknown` or `Unreadable`, or as an error; never as
nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from hveadmin.domain.desired import TenantEntry
from hveadmin.domain.facts import NOT_ASKED, Part, TenantFacts
from hveadmin.domain.ids import Address, ClientId, Guid, NotAnAddress, ObjectId, TenantId
from hveadmin.domain.permissions import MailPermission, PermissionView
from hveadmin.domain.pins import Pins
from hveadmin.domain.ports import (
    AccountReader,
    BasicAuthReader,
    BillingReader,
    Clock,
    Directory,
    PeopleReader,
    PermissionReader,
    Progress,
    no_progress,
)
from hveadmin.domain.resolve import all_grants, references
from hveadmin.domain.tenant import (
    AllowedApps,
    Credential,
    DirectoryView,
    HveAccount,
    Known,
    ListedAccount,
    ServicePrincipal,
    TenantSnapshot,
    Unknown,
    Unreadable,
)

EVERYTHING = frozenset(Part)


@dataclass(frozen=True, slots=True)
class Sources:
    """All that one tenant can be asked by, and who asks. There is no writer in it."""

    accounts: AccountReader
    directory: Directory
    permissions: PermissionReader
    billing: BillingReader
    basic_auth: BasicAuthReader
    people: PeopleReader
    clock: Clock
    tenant_id: TenantId
    cloud: str
    read_by: str
    """The actor of the token."""


def gather_facts(
    sources: Sources,
    *,
    entry: TenantEntry | None = None,
    pins: Pins | None = None,
    names: Collection[str] = (),
    parts: Collection[Part] = EVERYTHING,
    progress: Progress = no_progress,
) -> TenantFacts:
    """
    All that is read of one tenant for a check, a report or a snapshot; of `parts` only those that are wanted.

    `entry` is what the configuration says of the tenant: its applications are looked up with those on the lists, and
    its owners among the tenant's people. `names` are looked up besides. With everything, ten accounts cost two calls,
    or three where accounts have authentication policies of their own; six applications cost one. Raises ServiceError
    or AuthError where the accounts cannot be had at all.
    """
    ids, its_names = references(entry, pins) if entry is not None else (frozenset[Guid](), frozenset[str]())
    snapshot = gather(
        sources.accounts,
        sources.directory,
        sources.clock,
        sources.tenant_id,
        ids=ids,
        names={*its_names, *names},
        progress=progress,
    )
    addresses = [account.address for account in snapshot.accounts]
    found = principals_in(snapshot.directory)
    permissions = _permissions(sources, found) if Part.PERMISSIONS in parts else NOT_ASKED
    return TenantFacts(
        snapshot=snapshot,
        domain=entry.domain if entry is not None else "",
        cloud=sources.cloud,
        read_by=sources.read_by,
        permissions=permissions,
        credentials=_credentials(sources, found, permissions) if Part.CREDENTIALS in parts else NOT_ASKED,
        billing=sources.billing.billing(addresses) if Part.BILLING in parts else NOT_ASKED,
        basic_auth=sources.basic_auth.basic_auth(addresses) if Part.BASIC_AUTH in parts else NOT_ASKED,
        owners=sources.people.still_there(owners_in(entry)) if Part.OWNERS in parts else NOT_ASKED,
    )


def owners_in(entry: TenantEntry | None) -> frozenset[str]:
    """
    Every owner that the configuration names in this tenant and that is a mail address, case folded.

    An owner may be written as anything; whether a department is still there is not for the directory to say.
    """
    if entry is None:
        return frozenset()
    entries = (*entry.accounts.values(), *(selector.entry for selector in entry.selectors))
    written = {each.owner for each in entries} | {grant.owner for grant in all_grants(entry)}
    return frozenset(address for each in written if (address := _address(each)))


def _address(text: str) -> str:
    try:
        return Address.parse(text).value
    except NotAnAddress:
        return ""


def principals_in(view: DirectoryView) -> Mapping[ObjectId, ServicePrincipal] | Unreadable:
    """The service principals behind all ids and names that were asked for, each once."""
    if isinstance(view, Unreadable):
        return view
    identified = (each.principal for each in view.identities.values() if each.principal is not None)
    named = (principal for principals in view.named.values() for principal in principals)
    return {each.object_id: each for each in (*identified, *named)}


Found = Mapping[ObjectId, ServicePrincipal] | Unreadable


def _permissions(sources: Sources, found: Found) -> PermissionView:
    return found if isinstance(found, Unreadable) else sources.permissions.mail_permission(list(found.values()))


def _credentials(
    sources: Sources, found: Found, permissions: PermissionView
) -> Mapping[ClientId, tuple[Credential, ...]] | Unreadable:
    """With the permissions come the credentials; otherwise they are asked for by themselves."""
    if isinstance(found, Unreadable):
        return found
    if isinstance(permissions, Unreadable):
        return sources.permissions.credentials({each.client_id for each in found.values()})
    return dict(_registered(permissions))


def _registered(permissions: Mapping[ObjectId, MailPermission]) -> Iterator[tuple[ClientId, tuple[Credential, ...]]]:
    for each in permissions.values():
        if each.credentials is not None:
            yield each.application.client_id, each.credentials


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

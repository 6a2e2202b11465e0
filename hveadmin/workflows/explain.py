"""
What ids and names are, and what applications may do: read from the directory first, from Exchange only if wanted.

Reading the directory is the errand; the accounts that list an id are an addition. So a directory that could not be
read, and accounts that could not, are both said in the answer, and neither takes the other's place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from hveadmin.domain.asked import AccountsUnread, Asked, AskedId, AskedName, Explanation
from hveadmin.domain.ids import ClientId, Guid
from hveadmin.domain.permissions import PermissionView
from hveadmin.domain.ports import AccountReader, PermissionReader, Progress, no_progress
from hveadmin.domain.tenant import (
    Credential,
    DirectoryView,
    HveAccount,
    Identity,
    Readable,
    ServicePrincipal,
    TenantSnapshot,
    Unreadable,
)
from hveadmin.errors import AuthError, ServiceError
from hveadmin.workflows.gather import read_accounts
from hveadmin.workflows.plan import Where

NOT_ASKED = "they were not read; app show reads them, and so does app whatis --credentials"


def explain(
    where: Where,
    asked: Collection[Asked],
    *,
    accounts: bool,
    credentials: PermissionReader | None = None,
    progress: Progress = no_progress,
) -> Explanation:
    """
    What each thing that was asked is.

    `accounts` says whether to look on which HVE accounts' lists the ids stand; a failure there is in the answer.
    `credentials` reads those of applications that were asked for by their service principal (what was asked by a
    client id or a registration's id comes with them). Raises AuthError where nobody could sign in to the directory.
    """
    read_at = where.clock.now()
    ids = [each.id for each in asked if isinstance(each, AskedId)]
    names = [each.name for each in asked if isinstance(each, AskedName)]
    view = where.directory.look_up(ids, names)
    unread = NOT_ASKED
    if credentials is not None:
        view, unread = _with_credentials(view, credentials)
    found = _accounts(where.reader, progress) if accounts else None
    return Explanation(where.tenant_id, read_at, tuple(asked), view, found, unread)


def _accounts(reader: AccountReader, progress: Progress) -> tuple[HveAccount, ...] | AccountsUnread:
    try:
        return read_accounts(reader, progress)
    except (ServiceError, AuthError) as error:
        return AccountsUnread(f"{error.message}; {error.hint}" if error.hint else error.message)


def _with_credentials(view: DirectoryView, reader: PermissionReader) -> tuple[DirectoryView, str]:
    """The view with the credentials in it, and why they are not there."""
    if isinstance(view, Unreadable):
        return view, view.why
    lacking = {each.client_id for each in view.identities.values() if each.credentials is None and each.client_id}
    found = reader.credentials(lacking)
    if isinstance(found, Unreadable):
        return view, found.why
    return replace(view, identities={guid: _filled(each, found) for guid, each in view.identities.items()}), ""


def _filled(identity: Identity, found: Mapping[ClientId, tuple[Credential, ...]]) -> Identity:
    if identity.credentials is not None or identity.client_id is None:
        return identity
    return replace(identity, credentials=found.get(identity.client_id))


@dataclass(frozen=True, slots=True)
class ShownApplications:
    """Applications with the accounts of the tenant, and what they may do about sending mail."""

    snapshot: TenantSnapshot
    permissions: PermissionView


def show_applications(
    where: Where, permissions: PermissionReader, ids: Collection[Guid], *, progress: Progress = no_progress
) -> ShownApplications:
    """
    Some applications, by any of their ids: who lists them, and whether they may send.

    Raises ServiceError or AuthError where the accounts cannot be read at all; what cannot be read of the directory
    is `Unreadable`.
    """
    read_at = where.clock.now()
    accounts = read_accounts(where.reader, progress)
    view = where.directory.look_up(ids)
    snapshot = TenantSnapshot(where.tenant_id, read_at, accounts, view)
    if isinstance(view, Unreadable):
        return ShownApplications(snapshot, view)
    return ShownApplications(snapshot, permissions.mail_permission(list(principals(view, ids))))


def principals(view: Readable, ids: Iterable[Guid]) -> Iterable[ServicePrincipal]:
    """The service principals behind some ids, each once."""
    found = (view.identity(each) for each in ids)
    return {each.principal.object_id: each.principal for each in found if each and each.principal}.values()

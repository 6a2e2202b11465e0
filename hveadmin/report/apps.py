"""Applications: which ones stand on lists, on whose, and whether they may send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hveadmin.domain.asked import AskedId
from hveadmin.domain.ids import Guid
from hveadmin.domain.permissions import MailPermission, MailVerdict, PermissionView, judge
from hveadmin.domain.tenant import DirectoryView, IdKind, TenantSnapshot, Unreadable
from hveadmin.report.answers import Answer, Listings, answer_data, answer_to, enabled, head_rows, listed_rows, listings
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table, unread_tenant
from hveadmin.report.identity import KIND_WORDS
from hveadmin.report.permissions import (
    credential_rows,
    credential_sentence,
    credential_tone,
    credentials_data,
    no_registration_here,
    permission_data,
    permission_rows,
    step_rows,
    verdict_data,
)
from hveadmin.report.permissions import sentence as verdict_sentence
from hveadmin.report.snapshot import heading, identity_of, tenant_data, unchecked, whose
from hveadmin.report.style import Tone
from hveadmin.report.words import count

LIST_KIND = "apps"
COLUMNS = ("tenant", "application", "id", "is", "client_id", "enabled", "publisher", "accounts")
SHOW_KIND = "app"
SHOW_COLUMNS = (*COLUMNS, "mail_send", "credentials")


# app list


def app_list(tenant: str, snapshot: TenantSnapshot) -> Report:
    """Every id on any account's list, one row each."""
    listed = listings(snapshot.accounts)
    ids = sorted(listed.by_id)
    section = Section(
        table=Table(COLUMNS, tuple(_row(tenant, guid, snapshot, len(listed.of(guid))) for guid in ids)),
        heading=(heading(tenant, snapshot),),
        told=("tenant", "client_id", "publisher"),
        closing=(Row((f"{count(len(ids), 'id')} on the lists of {_read(snapshot, listed)}.",)), *unchecked(snapshot)),
    )
    answers = [answer_to(AskedId(guid), snapshot.directory, snapshot.tenant_id) for guid in ids]
    items = [_item(tenant, each, snapshot, listed) for each in answers]
    return Report(LIST_KIND, _lists(tenant, snapshot, items), (section,))


# app show


def app_show(tenant: str, snapshot: TenantSnapshot, ids: Iterable[Guid], permissions: PermissionView) -> Report:
    """
    Some applications, by any of their ids: who lists them, what they sign in with, and whether they may send.

    The snapshot's directory was asked for the ids, and `permissions` holds the service principals behind them.
    """
    listed = listings(snapshot.accounts)
    shown = [
        _Shown(answer_to(AskedId(Guid(each.value)), snapshot.directory, snapshot.tenant_id), snapshot, permissions)
        for each in ids
    ]
    section = Section(
        Table(SHOW_COLUMNS, tuple(_show_row(tenant, each, listed) for each in shown)),
        (heading(tenant, snapshot),),
        tuple(row for each in shown for row in _show_rows(each, listed)),
        closing=tuple(_unread_rows(snapshot.directory, permissions)),
    )
    items = [{**_item(tenant, each.answer, snapshot, listed), **_show_data(each)} for each in shown]
    tenants = [{**tenant_data(tenant, snapshot), "permissions": _permissions_state(permissions)}]
    return Report(SHOW_KIND, {**_lists(tenant, snapshot, items), "tenants": tenants}, (section,))


@dataclass(frozen=True, slots=True)
class _Shown:
    """One id of `app show`."""

    answer: Answer
    snapshot: TenantSnapshot
    permissions: PermissionView

    @property
    def seen(self) -> MailPermission | None:
        """What the application may do; None where there is no service principal, or it could not be read."""
        principal = self.answer.principal
        if principal is None or isinstance(self.permissions, Unreadable):
            return None
        return self.permissions.get(principal.object_id)

    @property
    def lacks_principal(self) -> bool:
        """An application that is registered here and has no enterprise application."""
        identity = self.answer.identity
        is_application = identity is not None and identity.kind in (IdKind.CLIENT_ID, IdKind.APP_REGISTRATION)
        return is_application and self.answer.principal is None


def _show_rows(shown: _Shown, listed: Listings) -> Iterator[Row]:
    seen, snapshot = shown.seen, shown.snapshot
    yield from head_rows(shown.answer, snapshot.tenant_id)
    if seen is not None:
        yield from permission_rows(seen, snapshot.tenant_id, snapshot.accounts)
        words = credential_sentence(seen.credentials, snapshot.read_at, no_registration_here(seen.application))
        yield Row((Span(f"{words}.", credential_tone(seen.credentials, snapshot.read_at)),), indent=2)
        yield from credential_rows(seen.credentials, snapshot.read_at, only_ending=False)
    elif shown.lacks_principal:
        verdict = MailVerdict.NO_ENTERPRISE_APPLICATION
        yield Row((Span(f"{verdict_sentence(verdict)}.", Tone.WARNING),), indent=2)
        yield from step_rows(verdict, None, shown.answer.identity)
    elif shown.answer.principal is not None:
        yield Row((Span("Whether it may send could not be read.", Tone.WARNING),), indent=2)
    yield from listed_rows(shown.answer, listed)


def _show_row(tenant: str, shown: _Shown, listed: Listings) -> tuple[Cell, ...]:
    answer, snapshot, seen = shown.answer, shown.snapshot, shown.seen
    accounts = ", ".join(listed.of(answer.guid)) if answer.guid is not None else ""
    row = _row(tenant, answer.guid, snapshot, accounts) if answer.guid is not None else ()
    if seen is not None:
        words = credential_sentence(seen.credentials, snapshot.read_at, no_registration_here(seen.application))
        return (*row, judge(seen, snapshot.tenant_id).value, words)
    if shown.lacks_principal:
        return (*row, MailVerdict.NO_ENTERPRISE_APPLICATION.value, "")
    unread = isinstance(snapshot.directory, Unreadable) or isinstance(shown.permissions, Unreadable)
    return (*row, "UNKNOWN" if unread else "", "")


def _show_data(shown: _Shown) -> Item:
    seen, snapshot = shown.seen, shown.snapshot
    if seen is not None:
        return {
            "mail_send": permission_data(seen, snapshot.tenant_id, snapshot.accounts),
            "credentials": credentials_data(seen.credentials, snapshot.read_at),
        }
    verdict = MailVerdict.NO_ENTERPRISE_APPLICATION
    lacking = verdict_data(verdict, None, shown.answer.identity) if shown.lacks_principal else None
    identity = shown.answer.identity
    return {
        "mail_send": lacking,
        "credentials": None if identity is None else credentials_data(identity.credentials, snapshot.read_at),
    }


def _permissions_state(permissions: PermissionView) -> Item:
    if isinstance(permissions, Unreadable):
        return {"state": "unreadable", "why": permissions.why}
    return {"state": "readable"}


def _unread_rows(directory: DirectoryView, permissions: PermissionView) -> Iterator[Row]:
    if isinstance(directory, Unreadable):
        yield Row((Span(f"Warning: the directory could not be read: {directory.why}", Tone.WARNING),))
    elif isinstance(permissions, Unreadable):
        yield Row((Span(f"Warning: permissions could not be read: {permissions.why}", Tone.WARNING),))


def unread(kind: str, tenant: str, why: str) -> Report:
    """Nothing is known of this tenant's applications; `kind` is LIST_KIND or SHOW_KIND."""
    columns = SHOW_COLUMNS if kind == SHOW_KIND else COLUMNS
    return unread_tenant(kind, columns, tenant, why)


def _read(snapshot: TenantSnapshot, listed: Listings) -> str:
    unknown = f" ({len(listed.unknown)} UNKNOWN)" if listed.unknown else ""
    return f"{count(len(snapshot.accounts), 'account')}{unknown}"


def _row(tenant: str, guid: Guid, snapshot: TenantSnapshot, accounts: Cell) -> tuple[Cell, ...]:
    identity = identity_of(guid, snapshot)
    if identity is None:
        return (tenant, "", guid.value, Span("UNKNOWN: not looked up", Tone.WARNING), "", "", "", accounts)
    principal = identity.principal
    ordinary = identity.kind is IdKind.SERVICE_PRINCIPAL
    return (
        tenant,
        identity.display_name,
        guid.value,
        Span(KIND_WORDS[identity.kind], Tone.PLAIN if ordinary else Tone.WARNING),
        "" if identity.client_id is None else identity.client_id.value,
        "" if principal is None else enabled(principal),
        "" if principal is None else principal.publisher,
        accounts,
    )


def _item(tenant: str, answer: Answer, snapshot: TenantSnapshot, listed: Listings) -> Item:
    """An application in the machine form."""
    return {**whose(tenant, snapshot), **answer_data(answer, listed)}


def _lists(tenant: str, snapshot: TenantSnapshot, items: Sequence[Item]) -> dict[str, Sequence[Item]]:
    return {"tenants": [tenant_data(tenant, snapshot)], "applications": items, "unread_tenants": []}

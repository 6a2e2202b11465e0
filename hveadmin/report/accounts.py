"""HVE accounts: who may send through each, and what stands on its list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hveadmin.domain.ids import ObjectId
from hveadmin.domain.planner import what_it_is
from hveadmin.domain.tenant import HveAccount, Identity, Known, TenantSnapshot, Unknown
from hveadmin.report.allowed import allowed_data, is_open, state, used
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table, unread_tenant
from hveadmin.report.identity import KIND_WORDS, identity_data, sentence, use_instead
from hveadmin.report.snapshot import heading, identity_of, tenant_data, unchecked, whose
from hveadmin.report.style import Tone
from hveadmin.report.words import count

LIST_KIND = "accounts"
LIST_COLUMNS = ("tenant", "account", "display_name", "allowed", "state", "applications", "application_ids")
SHOW_KIND = "account"
SHOW_COLUMNS = ("tenant", "account", "application", "id", "is", "client_id", "enabled", "owner_tenant", "use_instead")


def account_list(tenant: str, snapshot: TenantSnapshot) -> Report:
    """Every account of the snapshot, one row each."""
    section = Section(
        table=Table(LIST_COLUMNS, tuple(_list_row(tenant, each, snapshot) for each in snapshot.accounts)),
        heading=(heading(tenant, snapshot),),
        told=("tenant", "display_name", "application_ids"),
        closing=(*unchecked(snapshot), Row((_summary(snapshot),))),
    )
    return Report(LIST_KIND, _lists(tenant, snapshot, snapshot.accounts), (section,))


def account_show(tenant: str, snapshot: TenantSnapshot, accounts: Iterable[HveAccount]) -> Report:
    """Some accounts with each application on their lists, one section an account."""
    chosen = tuple(accounts)
    sections = tuple(
        Section(
            table=Table(SHOW_COLUMNS, tuple(_show_rows(tenant, each, snapshot))),
            heading=(_account_line(tenant, each),),
            text=tuple(_show_text(each, snapshot)),
            closing=tuple(unchecked(snapshot)),
            told=("tenant", "account"),
        )
        for each in chosen
    )
    none = Section(Table(SHOW_COLUMNS), heading=(heading(tenant, snapshot),), closing=(Row(("0 accounts.",)),))
    return Report(SHOW_KIND, _lists(tenant, snapshot, chosen), sections or (none,))


def unread(kind: str, tenant: str, why: str) -> Report:
    """Nothing is known of this tenant's accounts; `kind` is LIST_KIND or SHOW_KIND."""
    return unread_tenant(kind, LIST_COLUMNS if kind == LIST_KIND else SHOW_COLUMNS, tenant, why)


def _account_line(tenant: str, account: HveAccount) -> Row:
    who = state(account.allowed)
    size = (used(account.allowed),) if isinstance(account.allowed, Known) else ()
    return Row((tenant, Span(account.address.value, Tone.STRONG), account.display_name, *size, who))


def _summary(snapshot: TenantSnapshot) -> str:
    opened = [is_open(each.allowed) for each in snapshot.accounts]
    parts = f"{opened.count(False)} restricted, {opened.count(True)} open, {opened.count(None)} unknown"
    return f"{count(len(opened), 'account')}: {parts}." if opened else "This tenant has no HVE account."


def _list_row(tenant: str, account: HveAccount, snapshot: TenantSnapshot) -> tuple[Cell, ...]:
    who = state(account.allowed)
    listed = _listed(account)
    names = ", ".join(_name(app, snapshot) for app in listed)
    ids = " ".join(app.value for app in listed)
    return (tenant, account.address.value, account.display_name, used(account.allowed), who, names, ids)


def _listed(account: HveAccount) -> list[ObjectId]:
    return sorted(account.allowed.apps) if isinstance(account.allowed, Known) else []


def _name(app: ObjectId, snapshot: TenantSnapshot) -> str:
    """An application's name, or its short id where it has none, and what is remarkable about it."""
    identity = identity_of(app, snapshot)
    name = identity.display_name if identity is not None and identity.display_name else app.short
    remark = what_it_is(identity, snapshot)
    return f"{name} ({remark})" if remark else name


def _show_rows(tenant: str, account: HveAccount, snapshot: TenantSnapshot) -> Iterator[tuple[Cell, ...]]:
    """One row an application. An open or unknown list has a row too, so that no format shows it as nothing."""
    first = (tenant, account.address.value)
    match account.allowed:
        case Known() if not account.allowed.is_open:
            for app in _listed(account):
                yield (*first, *_application(app, identity_of(app, snapshot), snapshot))
        case Known() | Unknown():
            yield (*first, "", "", state(account.allowed), "", "", "", "")


def _application(app: ObjectId, identity: Identity | None, snapshot: TenantSnapshot) -> tuple[Cell, ...]:
    if identity is None:
        return ("", app.value, Span(what_it_is(None, snapshot) or "not looked up", Tone.WARNING), "", "", "", "")
    principal, instead = identity.principal, use_instead(identity)
    owner = principal.owner_tenant if principal is not None else None
    return (
        identity.display_name,
        app.value,
        Span(KIND_WORDS[identity.kind], Tone.WARNING if what_it_is(identity, snapshot) else Tone.PLAIN),
        "" if identity.client_id is None else identity.client_id.value,
        "" if principal is None else "enabled" if principal.enabled else "DISABLED",
        "" if owner is None else "this tenant" if owner == snapshot.tenant_id else owner.value,
        "" if instead is None else instead.value,
    )


def _show_text(account: HveAccount, snapshot: TenantSnapshot) -> Iterator[Row]:
    for app in _listed(account):
        identity = identity_of(app, snapshot)
        if identity is None:
            yield Row(("(no name)", Span("not looked up", Tone.WARNING), app.value), "application", 2)
        else:
            remarkable = bool(what_it_is(identity, snapshot))
            kind = Span(KIND_WORDS[identity.kind], Tone.WARNING if remarkable else Tone.PLAIN)
            name = Span(identity.display_name or "(no name)", Tone.STRONG)
            yield Row((name, kind, app.value), "application", 2)
            yield Row((_details(identity, snapshot, remarkable),), indent=6)


def _details(identity: Identity, snapshot: TenantSnapshot, remarkable: bool) -> str:
    """What somebody looks for next: the client id, or what is wrong with this id."""
    if remarkable:
        return f"This id {sentence(identity, snapshot.tenant_id)}."
    principal = identity.principal
    known_owner = principal is not None and principal.owner_tenant is not None
    client_id = "not known" if identity.client_id is None else identity.client_id.value
    return f"client id {client_id}, enabled{', registered by this tenant' if known_owner else ''}"


def _lists(tenant: str, snapshot: TenantSnapshot, accounts: Iterable[HveAccount]) -> dict[str, list[Item]]:
    chosen = tuple(accounts)
    theirs = whose(tenant, snapshot)
    listed = sorted({app for account in chosen for app in _listed(account)})
    identities = [identity_of(app, snapshot) for app in listed]
    return {
        "tenants": [tenant_data(tenant, snapshot)],
        "accounts": [{**theirs, **_account_data(each)} for each in chosen],
        "identities": [{**theirs, **identity_data(each)} for each in identities if each is not None],
        "unread_tenants": [],
    }


def _account_data(account: HveAccount) -> Item:
    return {
        "account": account.address.value,
        "guid": account.guid.value,
        "display_name": account.display_name,
        "open": is_open(account.allowed),
        "allowed": allowed_data(account.allowed),
    }

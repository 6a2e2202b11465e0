"""Applications: which ones stand on lists, on whose, and what a GUID is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hveadmin.domain.ids import Address, Guid, NotAGuid, TenantId
from hveadmin.domain.tenant import DirectoryView, Identity, IdKind, Known, TenantSnapshot, Unreadable
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table, unread_tenant
from hveadmin.report.identity import KIND_WORDS, identity_data, sentence
from hveadmin.report.snapshot import heading, identity_of, tenant_data, unchecked, whose
from hveadmin.report.style import Tone
from hveadmin.report.words import count, quoted

LIST_KIND = "apps"
SHOW_KIND = "app"
COLUMNS = ("tenant", "application", "id", "is", "client_id", "enabled", "publisher", "accounts")
WHATIS_KIND = "whatis"
WHATIS_COLUMNS = ("tenant", "asked", "application", "is", "answer", "accounts")


@dataclass(frozen=True, slots=True)
class Listings:
    """Which accounts hold which id, and the accounts of which that is not known."""

    by_id: Mapping[Guid, Sequence[Address]] = field(default_factory=dict)
    unknown: tuple[Address, ...] = ()

    def of(self, guid: Guid) -> list[str]:
        """The accounts on whose list this id was read, whatever it was taken for."""
        return [address.value for address in self.by_id.get(Guid(guid.value), ())]


def listings(snapshot: TenantSnapshot) -> Listings:
    """The accounts' lists, turned round."""
    by_id: dict[Guid, list[Address]] = {}
    for account in snapshot.accounts:
        if isinstance(account.allowed, Known):
            for app in account.allowed.apps:
                by_id.setdefault(Guid(app.value), []).append(account.address)
    return Listings(by_id, tuple(each.address for each in snapshot.accounts if not isinstance(each.allowed, Known)))


def app_list(tenant: str, snapshot: TenantSnapshot) -> Report:
    """Every id on any account's list, one row each."""
    listed = listings(snapshot)
    ids = sorted(listed.by_id)
    section = Section(
        table=Table(COLUMNS, tuple(_row(tenant, guid, snapshot, len(listed.of(guid))) for guid in ids)),
        heading=(heading(tenant, snapshot),),
        told=("tenant", "client_id", "publisher"),
        closing=(Row((f"{count(len(ids), 'id')} on the lists of {_read(snapshot, listed)}.",)), *unchecked(snapshot)),
    )
    return Report(LIST_KIND, _lists(tenant, snapshot, ids, listed), (section,))


def app_show(tenant: str, snapshot: TenantSnapshot, ids: Iterable[Guid]) -> Report:
    """Some ids with the accounts whose lists hold them; the snapshot's directory was asked for them."""
    listed = listings(snapshot)
    chosen = tuple(Guid(each.value) for each in ids)
    rows = tuple(_row(tenant, guid, snapshot, ", ".join(listed.of(guid))) for guid in chosen)
    text = tuple(
        row for guid in chosen for row in _told(_answer(str(guid), snapshot.directory, snapshot.tenant_id), listed)
    )
    section = Section(Table(COLUMNS, rows), (heading(tenant, snapshot),), text)
    return Report(SHOW_KIND, _lists(tenant, snapshot, chosen, listed), (section,))


def whatis(
    tenant: str, tenant_id: TenantId, asked: Sequence[str], directory: DirectoryView, listed: Listings | None = None
) -> Report:
    """
    What each text that somebody pasted is, in a sentence, in the order they were asked.

    `listed` is None where the accounts' lists were not read. Text that is no GUID has an answer too.
    """
    answers = [_answer(text, directory, tenant_id) for text in asked]
    section = Section(
        table=Table(WHATIS_COLUMNS, tuple(_answer_row(tenant, each, listed) for each in answers)),
        text=tuple(row for each in answers for row in _told(each, listed)),
    )
    theirs = {"tenant": tenant, "tenant_id": tenant_id.value}
    items: list[Item] = [{**theirs, "asked": each.asked, **_answer_data(each, listed)} for each in answers]
    return Report(WHATIS_KIND, {"answers": items, "unread_tenants": []}, (section,))


def unread(kind: str, tenant: str, why: str) -> Report:
    """Nothing is known of this tenant's applications; `kind` is LIST_KIND, SHOW_KIND or WHATIS_KIND."""
    return unread_tenant(kind, WHATIS_COLUMNS if kind == WHATIS_KIND else COLUMNS, tenant, why)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What somebody pasted and what it is; `guid` is None where it is no GUID."""

    asked: str
    says: str
    guid: Guid | None = None
    identity: Identity | None = None

    @property
    def is_in_order(self) -> bool:
        """A service principal that can sign in."""
        principal = self.identity.principal if self.identity is not None else None
        return principal is not None and principal.enabled and self._is_service_principal

    @property
    def _is_service_principal(self) -> bool:
        return self.identity is not None and self.identity.kind is IdKind.SERVICE_PRINCIPAL

    @property
    def is_look_alike(self) -> bool:
        """Something else than a service principal, and known to be."""
        return self.identity is not None and not self._is_service_principal


def _answer(asked: str, directory: DirectoryView, tenant_id: TenantId) -> _Answer:
    try:
        guid = Guid.parse(asked)
    except NotAGuid as error:
        return _Answer(quoted(asked), f"is not a GUID; {error.hint}")
    if isinstance(directory, Unreadable):
        return _Answer(guid.value, f"is unknown: the directory could not be read ({directory.why})", guid)
    identity = directory.identity(guid)
    if identity is None:
        return _Answer(guid.value, "is unknown: the directory was not asked", guid)
    return _Answer(guid.value, sentence(identity, tenant_id), guid, identity)


def _told(answer: _Answer, listed: Listings | None) -> Iterator[Row]:
    yield Row((Span(f"{answer.asked} {answer.says}.", Tone.PLAIN if answer.is_in_order else Tone.WARNING),))
    if listed is not None and answer.guid is not None:
        yield Row((_listed_sentence(answer, listed, listed.of(answer.guid)),), indent=2)


def _listed_sentence(answer: _Answer, listed: Listings, addresses: Sequence[str]) -> str:
    unread = f" ({count(len(listed.unknown), 'account')} could not be read)" if listed.unknown else ""
    if not addresses:
        return f"On no HVE account's list{unread}."
    useless = "; nobody can authenticate with it there" if answer.is_look_alike else ""
    return f"On the list of {', '.join(addresses)}{useless}{unread}."


def _answer_row(tenant: str, answer: _Answer, listed: Listings | None) -> tuple[Cell, ...]:
    accounts = ", ".join(listed.of(answer.guid)) if listed is not None and answer.guid is not None else ""
    name = answer.identity.display_name if answer.identity is not None else ""
    kind = (
        KIND_WORDS[answer.identity.kind] if answer.identity is not None else "UNKNOWN" if answer.guid else "not a GUID"
    )
    return (tenant, answer.asked, name, kind, answer.says, accounts)


def _answer_data(answer: _Answer, listed: Listings | None) -> Item:
    return {
        "answer": answer.says,
        "id": None if answer.guid is None else answer.guid.value,
        "identity": None if answer.identity is None else identity_data(answer.identity),
        "listed_on": None if listed is None or answer.guid is None else listed.of(answer.guid),
        "accounts_unread": None if listed is None else [address.value for address in listed.unknown],
    }


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
        "" if principal is None else "enabled" if principal.enabled else Span("DISABLED", Tone.WARNING),
        "" if principal is None else principal.publisher,
        accounts,
    )


def _lists(tenant: str, snapshot: TenantSnapshot, ids: Iterable[Guid], listed: Listings) -> dict[str, list[Item]]:
    answers = [_answer(guid.value, snapshot.directory, snapshot.tenant_id) for guid in ids]
    return {
        "tenants": [tenant_data(tenant, snapshot)],
        "applications": [{**whose(tenant, snapshot), **_answer_data(each, listed)} for each in answers],
        "unread_tenants": [],
    }

"""What was asked and what it is, and on whose lists it stands: what every answer about an application begins with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hveadmin.domain.asked import Asked, AskedAddress, AskedId, AskedName
from hveadmin.domain.ids import Address, Guid, TenantId
from hveadmin.domain.tenant import DirectoryView, HveAccount, Identity, IdKind, Known, ServicePrincipal, Unreadable
from hveadmin.report.document import Cell, Item, Row, Span
from hveadmin.report.identity import KIND_WORDS, details, identity_data, remarks, sentence
from hveadmin.report.style import Tone
from hveadmin.report.words import command, count, quoted

_LOOKS_LIKE = "an id looks like 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
_UNREAD = "is unknown: the directory could not be read"


@dataclass(frozen=True, slots=True)
class Listings:
    """Which accounts hold which id, and the accounts of which that is not known."""

    by_id: Mapping[Guid, Sequence[Address]] = field(default_factory=dict)
    unknown: tuple[Address, ...] = ()

    def of(self, guid: Guid) -> list[str]:
        """The accounts on whose list this id was read, whatever it was taken for."""
        return [address.value for address in self.by_id.get(Guid(guid.value), ())]

    @property
    def unread(self) -> str:
        """How many lists could not be read, in brackets; empty where all could."""
        return f" ({count(len(self.unknown), 'account')} could not be read)" if self.unknown else ""


def listings(accounts: Iterable[HveAccount]) -> Listings:
    """The accounts' lists, turned round."""
    by_id: dict[Guid, list[Address]] = {}
    unknown: list[Address] = []
    for account in accounts:
        if not isinstance(account.allowed, Known):
            unknown.append(account.address)
            continue
        for app in account.allowed.apps:
            by_id.setdefault(Guid(app.value), []).append(account.address)
    return Listings(by_id, tuple(unknown))


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked and what it is."""

    asked: Asked
    says: str
    guid: Guid | None = None
    """The id that was asked for, or the one that the name stands for; None where there is none, or are many."""
    identity: Identity | None = None
    bearers: tuple[ServicePrincipal, ...] | None = None
    """The service principals of this name; None where no name was asked for, or nobody could look."""

    @property
    def shown(self) -> str:
        """What was asked, so that a reader sees where it ends."""
        return quoted(self.asked.name) if isinstance(self.asked, AskedName) else str(self.asked)

    @property
    def principal(self) -> ServicePrincipal | None:
        """The one service principal that this is about."""
        return None if self.identity is None else self.identity.principal

    @property
    def is_in_order(self) -> bool:
        """A service principal that can sign in."""
        principal = self.principal
        return principal is not None and principal.enabled and self._is_service_principal

    @property
    def _is_service_principal(self) -> bool:
        return self.identity is not None and self.identity.kind is IdKind.SERVICE_PRINCIPAL

    @property
    def is_look_alike(self) -> bool:
        """Something else than a service principal, and known to be."""
        return self.identity is not None and not self._is_service_principal

    @property
    def kind_words(self) -> str:
        """What it is, in a word or two."""
        if isinstance(self.asked, AskedAddress):
            return "mail address"
        if self.identity is not None:
            return KIND_WORDS[self.identity.kind] if isinstance(self.asked, AskedId) else "display name"
        if self.bearers is None:
            return "UNKNOWN"
        return count(len(self.bearers), "namesake") if self.bearers else "not found"


def answer_to(asked: Asked, directory: DirectoryView, tenant_id: TenantId) -> Answer:
    """What was asked and what the directory, which was asked for it, says it is."""
    match asked:
        case AskedId(guid):
            return _about_id(asked, guid, directory, tenant_id)
        case AskedName(name):
            return _about_name(asked, name, directory, tenant_id)
        case AskedAddress(address):
            shows = command("hveadmin", "account", "show", address.value)
            return Answer(asked, f"is a mail address, no id; if it is an HVE account's: {shows}")


def _about_id(asked: Asked, guid: Guid, directory: DirectoryView, tenant_id: TenantId) -> Answer:
    if isinstance(directory, Unreadable):
        return Answer(asked, _UNREAD, guid)
    identity = directory.identity(guid)
    if identity is None:
        return Answer(asked, "is unknown: the directory was not asked", guid)
    if guid.value == tenant_id.value and identity.principal is None:
        return Answer(asked, "is the id of this tenant itself", guid, identity)
    return Answer(asked, sentence(identity, tenant_id), guid, identity)


def _about_name(asked: Asked, name: str, directory: DirectoryView, tenant_id: TenantId) -> Answer:
    if isinstance(directory, Unreadable):
        return Answer(asked, _UNREAD)
    match directory.named.get(name):
        case None:
            return Answer(asked, "is unknown: the directory was not asked")
        case ():
            why = f"is no id, and no service principal of this tenant has this display name; {_LOOKS_LIKE}"
            return Answer(asked, why, bearers=())
        case (only,):
            identity = _as_identity(only)
            says = f"is the display name of the service principal {only.object_id}{remarks(only, tenant_id)}"
            return Answer(asked, says, identity.id, identity, (only,))
        case many:
            says = f"is the display name of {len(many)} service principals; choose by the id, never by the name"
            return Answer(asked, says, bearers=many)


def _as_identity(principal: ServicePrincipal) -> Identity:
    guid = Guid(principal.object_id.value)
    return Identity(guid, IdKind.SERVICE_PRINCIPAL, principal.display_name, principal, principal.client_id)


def head_rows(answer: Answer, tenant_id: TenantId) -> Iterator[Row]:
    """What it is, and who."""
    yield Row((Span(f"{answer.shown} {answer.says}.", Tone.PLAIN if answer.is_in_order else Tone.WARNING),))
    if answer.identity is not None and (who := details(answer.identity, tenant_id)):
        yield Row((f"{who}.",), indent=2)


def listed_rows(answer: Answer, listed: Listings) -> Iterator[Row]:
    """On whose lists it stands, and for a look-alike, where the right id does."""
    if answer.guid is None:
        return
    addresses = listed.of(answer.guid)
    useless = "; nobody can authenticate with it there" if answer.is_look_alike and addresses else ""
    yield Row((f"{_on_lists('On', addresses)}{useless}{listed.unread}.",), indent=2)
    if answer.is_look_alike and answer.principal is not None:
        theirs = listed.of(answer.principal.object_id)
        yield Row((f"{_on_lists('Its service principal is on', theirs)}{listed.unread}.",), indent=2)


def _on_lists(begin: str, addresses: Sequence[str]) -> str:
    return f"{begin} the list of {', '.join(addresses)}" if addresses else f"{begin} no HVE account's list"


def answer_data(answer: Answer, listed: Listings | None) -> Item:
    """The machine form; what was not read is null."""
    return {
        "answer": answer.says,
        "id": None if answer.guid is None else answer.guid.value,
        "identity": None if answer.identity is None else identity_data(answer.identity),
        "listed_on": None if listed is None or answer.guid is None else listed.of(answer.guid),
        "service_principal_listed_on": _principal_listed_on(answer, listed),
        "accounts_unread": None if listed is None else [address.value for address in listed.unknown],
    }


def _principal_listed_on(answer: Answer, listed: Listings | None) -> list[str] | None:
    return None if listed is None or answer.principal is None else listed.of(answer.principal.object_id)


def enabled(principal: ServicePrincipal) -> Cell:
    """Whether it may sign in, for a table."""
    return "enabled" if principal.enabled else Span("DISABLED", Tone.WARNING)

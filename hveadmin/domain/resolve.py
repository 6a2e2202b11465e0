"""
From what the configuration names to what one tenant has: accounts to declarations, applications to object ids.

Every name that is unknown, ambiguous or of the wrong kind is collected before anything is refused: whoever mends
the file mends it once. An application that is wanted must be a service principal of this tenant (rail 16); one that
must go may be anything, for a dead id on a list is removed by that very id.

Pins, where there are any, hold every application to the service principal it was before: another one is a problem,
another name or publisher a warning, both HVE208. Where the directory cannot be read, the pins speak alone.

`resolve` is for those who act on what it says, so it refuses; `resolve_as_far` is for those who judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import translate
from functools import lru_cache

from hveadmin.domain.desired import (
    AccountEntry,
    AppEntry,
    AppRef,
    ByClientId,
    ByName,
    ByObjectId,
    ForbiddenApp,
    Grant,
    Mode,
    Policy,
    Selector,
    SourceSpan,
    TenantEntry,
    Unmanaged,
)
from hveadmin.domain.ids import Address, ClientId, Guid, ObjectId
from hveadmin.domain.pins import ACCEPT, LOCK_FILE, OBJECT_ID, RULE, Pin, Pins, in_words
from hveadmin.domain.plan import Unplanned
from hveadmin.domain.tenant import DirectoryView, Identity, IdKind, Readable, ServicePrincipal
from hveadmin.domain.waiving import Accepted, accepted_on
from hveadmin.errors import Refused


class Unresolved(Refused):
    """Some applications of the configuration are not what this tenant has. `reasons` holds a sentence each."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is declared of one live account, in this tenant's object ids."""

    mode: Mode
    wanted: frozenset[ObjectId]
    """Must be on the list (enforce, additive)."""
    unwanted: frozenset[ObjectId]
    """Must not be on it: past their end, or mode absent."""
    origin: str
    source: SourceSpan | None = None
    grants: Mapping[ObjectId, Grant] = field(default_factory=dict)
    """The grant behind each id of `wanted` and `unwanted`."""
    reason: str = ""
    expires: date | None = None
    accepted: Accepted = field(default_factory=Accepted)
    """What waivers accept on its list besides."""


@dataclass(frozen=True, slots=True)
class ResolvedTenant:
    """The configuration of one tenant, resolved against what is there."""

    alias: str
    domain: str
    declarations: Mapping[Address, Declaration]
    """Live accounts only. An account that is not in it is unmanaged."""
    considered: frozenset[Address]
    """The live accounts that this run is about; the others only count in the totals."""
    not_planned: tuple[Unplanned, ...] = ()
    """Declared addresses that are no HVE account, and accounts without an entry where that is a failure."""
    warnings: tuple[str, ...] = ()
    unchecked_ids_from: str = ""
    """Where ids come from that the directory could not confirm: the lock file and the days of its pins."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """As far as a tenant's configuration could be resolved, and all that stood in the way."""

    tenant: ResolvedTenant
    """An application that could not be resolved is missing from `wanted` and `unwanted`."""
    problems: tuple[str, ...] = ()
    """A sentence for each application that is unknown, ambiguous, of the wrong kind, or not the pinned one."""
    hint: str = ""
    """What to do about the problems."""
    missing: Mapping[Address, frozenset[str]] = field(default_factory=dict)
    """The applications, by their names in the configuration, that an account's declaration lacks."""


def references(tenant: TenantEntry, pins: Pins | None = None) -> tuple[frozenset[Guid], frozenset[str]]:
    """
    The ids and the display names that the directory must explain before the tenant can be resolved.

    With pins, the pinned service principals are among them, so that one that was renamed is told from one that is gone.
    """
    return references_of((grant.app for grant in all_grants(tenant)), pins)


def references_of(apps: Iterable[AppEntry], pins: Pins | None = None) -> tuple[frozenset[Guid], frozenset[str]]:
    """As `references`, for these applications."""
    ids: set[Guid] = set()
    names: set[str] = set()
    for app in apps:
        pin = pins.apps.get(app.name) if pins is not None else None
        if pin is not None:
            ids.add(pin.object_id)
        match app.ref:
            case ByClientId(client_id):
                ids.add(client_id)
            case ByObjectId(object_id):
                ids.add(object_id)
            case ByName(name):
                names.add(name)
    return frozenset(ids), frozenset(names)


def all_grants(tenant: TenantEntry) -> Iterator[Grant]:
    """Every application on every list that the tenant's entries and selectors declare."""
    for entry in (*tenant.accounts.values(), *(selector.entry for selector in tenant.selectors)):
        yield from entry.grants


def matches(glob: str, address: Address) -> bool:
    """Whether a case-folded glob (* ? [seq]) covers the whole address."""
    return _compiled(glob.casefold()).fullmatch(address.value) is not None


@lru_cache(maxsize=1024)
def _compiled(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))


def entry_for(tenant: TenantEntry, address: Address) -> tuple[AccountEntry, str] | None:
    """The entry that speaks for an account, and where it was found: the exact one before the first selector."""
    exact = tenant.accounts.get(address)
    if exact is not None:
        return exact, str(exact.source)
    selector = next((each for each in tenant.selectors if _selects(each, address)), None)
    return None if selector is None else (selector.entry, f"selector {selector.match}")


def _selects(selector: Selector, address: Address) -> bool:
    return matches(selector.match, address) and not any(matches(glob, address) for glob in selector.except_)


_NO_POLICY = Policy()


def resolve(
    tenant: TenantEntry,
    live: Collection[Address],
    directory: DirectoryView,
    *,
    today: date,
    only: Callable[[Address], bool] = lambda _: True,
    pins: Pins | None = None,
    policy: Policy = _NO_POLICY,
) -> ResolvedTenant:
    """
    What is declared of each live account, in this tenant's object ids.

    `only` narrows it to the accounts the command line asks for. `pins` are those of this very tenant; None where
    there is no lock file. `policy` is for its waivers. Raises Unresolved with every application that is unknown,
    ambiguous, of the wrong kind, named twice, or not the one that was pinned.
    """
    found = resolve_as_far(tenant, live, directory, today=today, only=only, pins=pins, policy=policy)
    if found.problems:
        raise Unresolved(
            f"{tenant.alias}: {_count(len(found.problems), 'application')} cannot be resolved in this tenant",
            reasons=found.problems,
            hint=found.hint,
        )
    return found.tenant


def resolve_as_far(
    tenant: TenantEntry,
    live: Collection[Address],
    directory: DirectoryView,
    *,
    today: date,
    only: Callable[[Address], bool] = lambda _: True,
    pins: Pins | None = None,
    policy: Policy = _NO_POLICY,
) -> Resolution:
    """As `resolve`, but what cannot be resolved is said and left out, for whoever judges and does not act."""
    lookup = _Lookup(directory, pins)
    forbidden = forbidden_ids(policy.forbidden_apps, directory)
    declarations: dict[Address, Declaration] = {}
    missing: dict[Address, frozenset[str]] = {}
    unmanaged: list[Address] = []
    live = frozenset(live)  # every declared address is looked up in it
    considered = frozenset(filter(only, live))
    for address in sorted(considered):
        found = entry_for(tenant, address)
        if found is None:
            unmanaged.append(address)
            continue
        declared = _declare(*found, address, lookup, today)
        accepted = accepted_on(policy.waivers, tenant.alias, address, today, forbidden)
        declarations[address] = replace(declared, accepted=accepted)
        named = {grant.app.name for grant in declared.grants.values()}
        lacking = frozenset(grant.app.name for grant in found[0].grants) - named
        if lacking:
            missing[address] = lacking
    resolved = _resolved(tenant, declarations, considered, unmanaged, live, only, lookup)
    return Resolution(resolved, tuple(lookup.problems), lookup.hint if lookup.problems else "", missing)


def ids_by_app(
    apps: Iterable[AppEntry], alias: str, directory: DirectoryView, pins: Pins | None
) -> Mapping[str, ObjectId]:
    """
    The object id of each application, by its name in the configuration, as far as this tenant has it.

    A client id that nobody asked the directory for is found all the same where its service principal is on a list.
    """
    lookup = _Lookup(directory, pins)
    by_client = _by_client_id(directory)
    found: dict[str, ObjectId] = {}
    for app in apps:
        if may_be_in(app, alias):
            client = by_client.get(app.ref.client_id) if isinstance(app.ref, ByClientId) else None
            object_id = lookup.find(app, must_exist=False) or client
            if object_id is not None:
                found[app.name] = object_id
    return found


def _by_client_id(directory: DirectoryView) -> Mapping[ClientId, ObjectId]:
    identities = directory.identities.values() if isinstance(directory, Readable) else ()
    principals = (each.principal for each in identities if each.kind is IdKind.SERVICE_PRINCIPAL)
    return {each.client_id: each.object_id for each in principals if each is not None}


def may_be_in(app: AppEntry, alias: str) -> bool:
    """Whether an application can be in a tenant: an object id exists in one only."""
    return not isinstance(app.ref, ByObjectId) or app.ref.tenant == alias


def forbidden_ids(forbidden: Iterable[ForbiddenApp], directory: DirectoryView) -> frozenset[str]:
    """The ids, of whatever kind, of the forbidden applications: as they are written, and as the directory has them."""
    written = frozenset(each.id.value for each in forbidden)
    if not written or not isinstance(directory, Readable):
        return written
    aliases = (_ids_of(identity) for identity in directory.identities.values())
    return written.union(*(ids for ids in aliases if not ids.isdisjoint(written)))


def _ids_of(identity: Identity) -> frozenset[str]:
    """Every id that stands for the same application."""
    principal = identity.principal
    known = (identity.id, identity.client_id, *((principal.object_id, principal.client_id) if principal else ()))
    return frozenset(each.value for each in known if each is not None)


def _resolved(
    tenant: TenantEntry,
    declarations: Mapping[Address, Declaration],
    considered: frozenset[Address],
    unmanaged: Sequence[Address],
    live: frozenset[Address],
    only: Callable[[Address], bool],
    lookup: _Lookup,
) -> ResolvedTenant:
    return ResolvedTenant(
        alias=tenant.alias,
        domain=tenant.domain,
        declarations=declarations,
        considered=considered,
        not_planned=(*_not_accounts(tenant, live, only), *_without_entry(tenant, unmanaged)),
        warnings=(
            *lookup.warnings,
            *lookup.not_pinned(),
            *_idle_selectors(tenant, live),
            *_reported(tenant, unmanaged),
        ),
        unchecked_ids_from=lookup.pinned_on(),
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _declare(entry: AccountEntry, origin: str, address: Address, lookup: _Lookup, today: date) -> Declaration:
    wanted: set[ObjectId] = set()
    unwanted: set[ObjectId] = set()
    grants: dict[ObjectId, Grant] = {}
    for grant in entry.grants:
        ended = grant.expires is not None and today > grant.expires
        must_go = ended or entry.mode is Mode.ABSENT
        app = lookup.find(grant.app, must_exist=not must_go and entry.mode is not Mode.OBSERVE)
        if app is None:
            if must_go and entry.mode in (Mode.ABSENT, Mode.ADDITIVE):
                lookup.must_be_asked(grant.app)
            continue
        if app in grants:
            lookup.twice(grant, grants[app], address)
        grants[app] = grant
        (unwanted if must_go else wanted).add(app)
    return Declaration(
        mode=entry.mode,
        wanted=frozenset(wanted),
        unwanted=frozenset(unwanted),
        origin=origin,
        source=entry.source,
        grants=grants,
        reason=entry.reason,
        expires=entry.expires,
    )


def _not_accounts(
    tenant: TenantEntry, live: Collection[Address], only: Callable[[Address], bool]
) -> Iterator[Unplanned]:
    for address, entry in tenant.accounts.items():
        if address not in live and only(address):
            why = "not an HVE account of this tenant: create it first, or take the entry out"
            yield Unplanned(address, why, str(entry.source))


def _idle_selectors(tenant: TenantEntry, live: Collection[Address]) -> Iterator[str]:
    for selector in tenant.selectors:
        if not any(_selects(selector, address) for address in live):
            yield f"{selector.entry.source}: selector {selector.match} matches no account"


def _without_entry(tenant: TenantEntry, unmanaged: Iterable[Address]) -> Iterator[Unplanned]:
    if tenant.unmanaged is Unmanaged.FAIL:
        for address in unmanaged:
            yield Unplanned(address, "no entry and no selector names this account (unmanaged_accounts: fail)")


def _reported(tenant: TenantEntry, unmanaged: Iterable[Address]) -> Iterator[str]:
    if tenant.unmanaged is Unmanaged.REPORT:
        for address in unmanaged:
            yield f"{address}: no entry and no selector names this account"


@dataclass(frozen=True, slots=True)
class _Broken:
    """A pin that no longer holds. `use` is what it pins all the same, for taking that off lists."""

    why: str
    use: ObjectId | None


@dataclass(frozen=True, slots=True)
class _Holds:
    """The pinned service principal is still the one; `why` says what else is different, or nothing."""

    use: ObjectId
    why: str = ""


class _Lookup:
    """Resolves references, and remembers every problem on the way."""

    def __init__(self, directory: DirectoryView, pins: Pins | None) -> None:
        self._directory = directory
        self._pins = pins
        self._known: dict[tuple[str, AppRef, bool], ObjectId | None] = {}
        self._without_pin: dict[str, None] = {}
        self._unverified: set[date] = set()
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def find(self, app: AppEntry, *, must_exist: bool) -> ObjectId | None:
        """The application's object id; None where there is none, which is a problem only if it must exist."""
        key = (app.name, app.ref, must_exist)
        if key not in self._known:
            pin = self._pins.apps.get(app.name) if self._pins is not None else None
            found = self._pinned(app, pin, must_exist) if pin is not None else self._unpinned(app, must_exist)
            self._known[key] = found
        return self._known[key]

    def not_pinned(self) -> Iterator[str]:
        """A warning about the applications that the lock file does not know."""
        if self._pins is not None and self._without_pin:
            names = ", ".join(self._without_pin)
            yield f"not pinned in {LOCK_FILE}: {names}; `hveadmin app pin` pins what is used in this tenant"

    def pinned_on(self) -> str:
        """Whose ids were used without the directory's word; empty where none were."""
        if not self._unverified:
            return ""
        first, last = min(self._unverified), max(self._unverified)
        return f"{LOCK_FILE}, pinned {first}" if first == last else f"{LOCK_FILE}, pinned from {first} to {last}"

    @property
    def hint(self) -> str:
        """What to do about the problems."""
        if any(f": {RULE} " in each for each in self.problems):
            return "hveadmin app pin --check shows what is not as it was pinned; without --check it accepts it"
        return "hveadmin app whatis ID says what an id is, and what to use instead"

    def twice(self, grant: Grant, other: Grant, address: Address) -> None:
        """Two names of the configuration are one application in this tenant."""
        self.problems.append(
            f"{grant.source}: CFG012 {address}: {grant.app.name!r} and {other.app.name!r}"
            " are the same application in this tenant"
        )

    def must_be_asked(self, app: AppEntry) -> None:
        """An application that must go has no id: with nobody to ask, that it is not on the list is not known."""
        if not isinstance(self._directory, Readable):
            why = f"whether it is on a list cannot be told, the directory could not be read: {self._directory.why}"
            self._note(app, why, must_exist=True)

    def _unpinned(self, app: AppEntry, must_exist: bool) -> ObjectId | None:
        self._without_pin[app.name] = None
        found = _find(app.ref, self._directory)
        if isinstance(found, ObjectId):
            return found
        self._note(app, found, must_exist)
        return _by_its_own_id(app.ref, must_exist)

    def _pinned(self, app: AppEntry, pin: Pin, must_exist: bool) -> ObjectId | None:
        if isinstance(self._directory, Readable):
            judged = _against_directory(pin, app.ref, self._directory)
        else:
            judged = _against_configuration(pin, app.ref)
        if isinstance(judged, _Broken):
            self._note(app, f"{RULE} {judged.why}", must_exist)
            return None if must_exist else judged.use or _by_its_own_id(app.ref, must_exist)
        if not isinstance(self._directory, Readable):
            self._unverified.add(pin.resolved_at)
        if judged.why:
            self._note(app, f"{RULE} {judged.why}", must_exist=False)
        return judged.use

    def _note(self, app: AppEntry, why: str, must_exist: bool) -> None:
        sentence = f"{app.source}: {app.name} ({app.ref}): {why}"
        found = self.problems if must_exist else self.warnings
        if sentence not in found:
            found.append(sentence)


def _against_directory(pin: Pin, ref: AppRef, directory: Readable) -> _Holds | _Broken:
    """What the directory says of a pinned application now. What is not as it was is said, and not followed."""
    if contradiction := pin.contradicts(ref, by_name=False):
        return _Broken(f"{contradiction} on {pin.resolved_at}, which is not what is written here; {ACCEPT}", None)
    now = principal_of(ref, directory)
    led_astray = ""
    if isinstance(now, str) and isinstance(ref, ByName):
        led_astray, now = now, _pinned_principal(pin, directory) or now
    if isinstance(now, str):
        return _Broken(f"pinned as {pin.object_id} on {pin.resolved_at}, and now it {_it(now)}", pin.object_id)
    differences = pin.differences(now)
    if any(each.is_another for each in differences):
        besides = "".join(f", {each}" for each in differences if each.what != OBJECT_ID)
        why = f"pinned as {pin.object_id} on {pin.resolved_at}, and now it is {now.object_id}{besides}"
        return _Broken(f"{why}; if that is meant, {ACCEPT}", pin.object_id)
    said = ", ".join(filter(None, (in_words(differences), led_astray)))
    if not said:
        return _Holds(pin.object_id)
    return _Holds(pin.object_id, f"changed since it was pinned on {pin.resolved_at}: {said}; {ACCEPT}")


def _pinned_principal(pin: Pin, directory: Readable) -> ServicePrincipal | None:
    identity = directory.identity(pin.object_id)
    return identity.principal if identity is not None and identity.kind is IdKind.SERVICE_PRINCIPAL else None


def _it(sentence: str) -> str:
    """A sentence of `principal_of`, to follow the word `it`."""
    return sentence if sentence.startswith(("is ", "was ")) else f"is gone: {sentence}"


def _against_configuration(pin: Pin, ref: AppRef) -> _Holds | _Broken:
    """All that can be said of a pinned application where the directory cannot be read."""
    contradiction = pin.contradicts(ref)
    if contradiction:
        return _Broken(f"{contradiction} on {pin.resolved_at}, and the directory could not be read", None)
    return _Holds(pin.object_id)


def _by_its_own_id(ref: AppRef, must_exist: bool) -> ObjectId | None:
    return ref.object_id if isinstance(ref, ByObjectId) and not must_exist else None


def _find(ref: AppRef, directory: DirectoryView) -> ObjectId | str:
    """The object id, or a sentence that says why there is none."""
    if not isinstance(directory, Readable):
        if isinstance(ref, ByObjectId):
            return ref.object_id
        return f"cannot be looked up, the directory could not be read: {directory.why}"
    found = principal_of(ref, directory)
    return found if isinstance(found, str) else found.object_id


def principal_of(ref: AppRef, directory: Readable) -> ServicePrincipal | str:
    """The one service principal that a reference leads to, or a sentence that says why there is none."""
    match ref:
        case ByClientId(client_id):
            return _expect(IdKind.CLIENT_ID, directory.identity(client_id), "client_id")
        case ByObjectId(object_id):
            return _expect(IdKind.SERVICE_PRINCIPAL, directory.identity(object_id), "object_id")
        case ByName(name):
            return _only_one(directory.named.get(name, ()))


def _expect(kind: IdKind, identity: Identity | None, key: str) -> ServicePrincipal | str:
    if identity is None:
        return "the directory was not asked for it"
    if identity.kind is kind and identity.principal is not None:
        return identity.principal
    return what_instead(identity, key)


def what_instead(identity: Identity, key: str = "") -> str:
    """
    What an id is, where another kind was expected, and what to write instead.

    `key` is the configuration's key it stands under (client_id or object_id); empty on the command line, where only
    a service principal's object id will do.
    """
    name = _of(identity)
    match identity.kind:
        case IdKind.SERVICE_PRINCIPAL:
            return f"is the service principal's object id{name}; write it as object_id"
        case IdKind.CLIENT_ID:
            return f"is the client id{name}{_right_id(identity, key, 'write it as client_id')}"
        case IdKind.APP_REGISTRATION:
            return f"is the app registration's object id{name}{_right_id(identity, key)}"
        case IdKind.USER | IdKind.GROUP | IdKind.DEVICE:
            return f"is a {identity.kind.value}{name}, not an application"
        case IdKind.DELETED_SERVICE_PRINCIPAL | IdKind.DELETED_APPLICATION:
            when = f" on {identity.deleted_at:%Y-%m-%d}" if identity.deleted_at else ""
            return f"was deleted{when}{name}; restore it in Entra ID, or take it out"
        case IdKind.OTHER:
            return f"is not an application{name}"
        case IdKind.NOT_FOUND:
            return "is nothing in this tenant: deleted for good, of another tenant, or mistyped"
        case IdKind.NOT_FOUND_OR_OTHER:
            return (
                "is no application of this tenant: deleted for good, of another tenant, mistyped, or not an application"
            )


def _of(identity: Identity) -> str:
    return f" of {identity.display_name!r}" if identity.display_name else ""


def _right_id(identity: Identity, key: str, advice: str = "") -> str:
    principal = identity.principal
    if principal is None:
        return ", which has no enterprise application in this tenant: create it first"
    if not key:
        return f"; use its service principal's object id {principal.object_id}"
    right = principal.client_id if key == "client_id" else principal.object_id
    return f"; {advice or f'write {key}: {right}'}"


def _only_one(principals: tuple[ServicePrincipal, ...]) -> ServicePrincipal | str:
    match principals:
        case (only,):
            return only
        case ():
            return "no service principal of this tenant has this display name"
        case many:
            ids = ", ".join(f"{each.object_id} (client id {each.client_id})" for each in many)
            return f"{len(many)} service principals have this display name: {ids}; name one by its id"

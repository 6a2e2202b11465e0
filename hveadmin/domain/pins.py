"""
Pins: which service principal each application of the configuration was, in each tenant, when somebody last looked.

A client id or a display name is resolved anew by every plan, and what it leads to may change under our hands: a
service principal is deleted and made again (new object id, same client id), renamed, or taken over by another
publisher. A pin holds still. What the directory says now is compared with it and reported as HVE208; it is never
followed without somebody's word (`hveadmin app pin`), and where the directory cannot be read the pin speaks alone.

Everything here is pure. `LOCK_FILE` is where pins are kept; reading and writing it is for `config.lockfile`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from hveadmin.domain.desired import AppRef, ByClientId, ByName, ByObjectId
from hveadmin.domain.ids import ClientId, ObjectId, TenantId
from hveadmin.domain.tenant import ServicePrincipal
from hveadmin.errors import Refused

RULE = "HVE208"
LOCK_FILE = "hve.lock.yaml"
OBJECT_ID, _CLIENT_ID = "object id", "client id"
ACCEPT = "`hveadmin app pin` accepts it"


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact that is not as it was pinned. An empty text means that there was, or is, none."""

    what: str
    """`object id`, `client id`, `display name`, `publisher` or `owner tenant`."""
    before: str
    after: str

    @property
    def is_another(self) -> bool:
        """Whether this makes it another service principal, and not only one that looks different."""
        return self.what in _IDENTITY

    def __str__(self) -> str:
        """In words: `publisher "Fabrikam" → none`."""
        return f"{self.what} {self._shown(self.before)} → {self._shown(self.after)}"

    def _shown(self, value: str) -> str:
        if not value:
            return "none"
        return f'"{value}"' if self.what in _CHOSEN_BY_PEOPLE else value


_IDENTITY = frozenset({OBJECT_ID, _CLIENT_ID})
_CHOSEN_BY_PEOPLE = frozenset({"display name", "publisher"})


@dataclass(frozen=True, slots=True)
class Pin:
    """One application of the configuration, as one tenant's directory had it on a day."""

    name: str
    """Its name in the configuration."""
    object_id: ObjectId
    client_id: ClientId
    display_name: str
    publisher: str
    """The verified publisher's name; empty for none."""
    owner_tenant: TenantId | None
    resolved_at: date
    """The day on which this very pin was made. It stays while nothing else changes."""

    @classmethod
    def of(cls, name: str, principal: ServicePrincipal, day: date) -> Pin:
        """The pin of a service principal as it is now."""
        return cls(
            name=name,
            object_id=principal.object_id,
            client_id=principal.client_id,
            display_name=_storable(principal.display_name),
            publisher=_storable(principal.publisher),
            owner_tenant=principal.owner_tenant,
            resolved_at=day,
        )

    def differences(self, principal: ServicePrincipal) -> tuple[Difference, ...]:
        """What the directory says otherwise now; nothing if it is as it was pinned."""
        now = Pin.of(self.name, principal, self.resolved_at)
        pairs = zip(self._facts(), now._facts(), strict=True)
        return tuple(Difference(what, before, after) for (what, before), (_, after) in pairs if before != after)

    def _facts(self) -> Iterator[tuple[str, str]]:
        yield OBJECT_ID, self.object_id.value
        yield _CLIENT_ID, self.client_id.value
        yield "display name", self.display_name
        yield "publisher", self.publisher
        yield "owner tenant", self.owner_tenant.value if self.owner_tenant else ""

    def contradicts(self, ref: AppRef, *, by_name: bool = True) -> str:
        """
        Why this is not the pin of what the configuration names now; empty if it is.

        Somebody wrote another id under the same name since. `by_name` compares display names as well, which is for
        when nobody else can say whether the name leads to the pinned service principal.
        """
        match ref:
            case ByClientId(client_id) if client_id != self.client_id:
                return f"pinned with client id {self.client_id}"
            case ByObjectId(object_id) if object_id != self.object_id:
                return f"pinned with object id {self.object_id}"
            case ByName(name) if by_name and name.casefold() != self.display_name.casefold():
                return f'pinned under the display name "{self.display_name}"'
            case _:
                return ""


def _storable(text: str) -> str:
    # Graph's JSON may hold half a surrogate pair, which no file can; kept as it is it would differ for ever.
    return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Pins:
    """The pins of one tenant, by the applications' names in the configuration."""

    alias: str
    tenant_id: TenantId
    """The tenant they were made in. Object ids mean nothing in another one."""
    apps: Mapping[str, Pin] = field(default_factory=dict)

    def refuse_another(self, tenant_id: TenantId) -> None:
        """Raises Refused where the tenant is not the one in which the pins were made."""
        if tenant_id != self.tenant_id:
            raise Refused(
                f"{self.alias}: {LOCK_FILE} was made for tenant {self.tenant_id}, and this is tenant {tenant_id};"
                " nothing was planned",
                hint="check tenant_id in the configuration; `hveadmin app pin` makes the pins anew",
            )


class PinState(StrEnum):
    """What `app pin` found out about one application."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"
    """Pinned, and no longer used in this tenant."""
    UNCHANGED = "unchanged"
    KEPT = "kept"
    """Not to be found any more, and only there to be taken off lists: for that its old pin is what is needed."""
    NOT_PINNED = "not pinned"
    """Not to be found, not pinned before, and only there to be taken off lists."""


@dataclass(frozen=True, slots=True)
class PinLine:
    """One application of one tenant, before and after."""

    name: str
    state: PinState
    pin: Pin | None
    """The pin afterwards; for a removed one, the pin that there was."""
    differences: tuple[Difference, ...] = ()
    note: str = ""

    @property
    def is_another(self) -> bool:
        """Whether another service principal would take the pinned one's place."""
        return any(each.is_another for each in self.differences)


@dataclass(frozen=True, slots=True)
class PinChanges:
    """What becomes of one tenant's pins."""

    after: Pins
    lines: tuple[PinLine, ...]
    """By name."""
    moved_from: TenantId | None = None
    """The tenant that the old pins were made for, where that is not this one."""

    @property
    def differs(self) -> bool:
        """Whether anything would be written differently."""
        settled = {PinState.UNCHANGED, PinState.KEPT, PinState.NOT_PINNED}
        return self.moved_from is not None or any(line.state not in settled for line in self.lines)

    @property
    def to_accept(self) -> tuple[PinLine, ...]:
        """The applications that would be another service principal than the pinned one: somebody has to say yes."""
        return tuple(line for line in self.lines if line.is_another)


def compare(
    alias: str,
    tenant_id: TenantId,
    before: Pins | None,
    found: Mapping[str, ServicePrincipal],
    gone: Mapping[str, str],
    today: date,
) -> PinChanges:
    """
    The pins of one tenant, old and new.

    `found` holds every application that is used in the tenant and was found, `gone` those that were not and may be
    missing, each with a sentence. Whatever is in neither is no longer used.
    """
    old = before.apps if before is not None else {}
    lines = [_found(name, old.get(name), principal, today) for name, principal in found.items()]
    lines += [_gone(name, old.get(name), why) for name, why in gone.items()]
    lines += [PinLine(name, PinState.REMOVED, pin) for name, pin in old.items() if name not in {*found, *gone}]
    kept = {line.name: line.pin for line in lines if line.pin is not None and line.state is not PinState.REMOVED}
    return PinChanges(
        after=Pins(alias, tenant_id, kept),
        lines=tuple(sorted(lines, key=lambda line: line.name)),
        moved_from=before.tenant_id if before is not None and before.tenant_id != tenant_id else None,
    )


def _found(name: str, old: Pin | None, principal: ServicePrincipal, today: date) -> PinLine:
    if old is None:
        return PinLine(name, PinState.NEW, Pin.of(name, principal, today))
    differences = old.differences(principal)
    if not differences:
        return PinLine(name, PinState.UNCHANGED, old)
    return PinLine(name, PinState.CHANGED, Pin.of(name, principal, today), differences)


def _gone(name: str, old: Pin | None, why: str) -> PinLine:
    state = PinState.NOT_PINNED if old is None else PinState.KEPT
    return PinLine(name, state, old, note=why)


def all_removed(pins: Pins) -> PinChanges:
    """What becomes of the pins of a tenant that the configuration no longer has."""
    return compare(pins.alias, pins.tenant_id, pins, {}, {}, date.min)


def in_words(differences: Iterable[Difference]) -> str:
    """Differences as the part of a sentence."""
    return ", ".join(map(str, differences))

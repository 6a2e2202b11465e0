"""
What is different between two readings of one tenant. Pure.

Accounts are matched by guid and applications by id, so that a new address or name is that and not a loss and a gain.
What either reading did not know is `NOT_COMPARABLE`: it is neither the same nor different. Parts that one of the two
readings did not ask for at all are not compared, and named once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from hveadmin.domain.facts import NOT_ASKED, TenantFacts
from hveadmin.domain.ids import Address, Guid, ObjectId
from hveadmin.domain.permissions import MailPermission, judge
from hveadmin.domain.tenant import (
    Credential,
    HveAccount,
    Identity,
    Known,
    Readable,
    TenantSnapshot,
    Unknown,
    Unreadable,
)

_T = TypeVar("_T")


class Kind(StrEnum):
    """What became of something. In the order in which a reader wants to know."""

    OPENED = "opened"
    """The list was restricted, and lets every application in now."""
    CLOSED = "closed"
    NOT_COMPARABLE = "not-comparable"
    """One of the readings did not know it."""
    ACCOUNT_ADDED = "account-added"
    ACCOUNT_REMOVED = "account-removed"
    GRANTED = "granted"
    REVOKED = "revoked"
    CHANGED = "changed"
    """A fact about an account or an application: `what` names it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was."""

    kind: Kind
    account: Address | None = None
    guid: Guid | None = None
    app: Guid | None = None
    app_name: str = ""
    what: str = ""
    """Which fact: `address`, `display name`, `enabled`, `right to send`, `credential …`, `billing`."""
    before: str = ""
    after: str = ""
    why: str = ""
    """For what cannot be compared: which reading did not know it, and why."""


def compare(before: TenantFacts, after: TenantFacts) -> tuple[Difference, ...]:
    """What is different, opened accounts first. Both are of the same tenant."""
    found = [
        *_accounts(before.snapshot, after.snapshot),
        *_applications(before.snapshot, after.snapshot),
        *_rights(before, after),
        *_credentials(before, after),
        *_by_account("billing", before.billing, after.billing, lambda billing: billing.status),
        *_by_account("basic authentication", before.basic_auth, after.basic_auth, lambda basic: basic.value),
    ]
    return tuple(sorted(found, key=_order))


def _order(difference: Difference) -> tuple[int, str, str, str]:
    place = tuple(Kind).index(difference.kind)
    return (place, str(difference.account or ""), str(difference.app or ""), difference.what)


# Accounts and their lists

_Readings = tuple[TenantSnapshot, TenantSnapshot]
"""The later one, then the earlier one."""


def _accounts(before: TenantSnapshot, after: TenantSnapshot) -> Iterator[Difference]:
    old = {each.guid: each for each in before.accounts}
    new = {each.guid: each for each in after.accounts}
    for guid in old.keys() - new.keys():
        yield Difference(Kind.ACCOUNT_REMOVED, old[guid].address, guid, before=_in_words(old[guid]))
    for guid in new.keys() - old.keys():
        yield Difference(Kind.ACCOUNT_ADDED, new[guid].address, guid, after=_in_words(new[guid]))
    for guid in old.keys() & new.keys():
        yield from _account(old[guid], new[guid], (after, before))


def _in_words(account: HveAccount) -> str:
    match account.allowed:
        case Unknown(why):
            return f"list unknown: {why}"
        case Known(apps):
            return "open: any application may send" if len(apps) == 0 else f"{len(apps)} allowed"


def _account(old: HveAccount, new: HveAccount, readings: _Readings) -> Iterator[Difference]:
    for what, was, now in (
        ("address", old.address.value, new.address.value),
        ("display name", old.display_name, new.display_name),
    ):
        if was != now:
            yield Difference(Kind.CHANGED, new.address, new.guid, what=what, before=was, after=now)
    match old.allowed, new.allowed:
        case Known(was_on), Known(is_on):
            yield from _lists(new, was_on, is_on, readings)
        case _:
            why = "; ".join((*_why("before", old), *_why("after", new)))
            yield Difference(Kind.NOT_COMPARABLE, new.address, new.guid, what="list", why=why)


def _why(when: str, account: HveAccount) -> Iterator[str]:
    if isinstance(account.allowed, Unknown):
        yield f"not known {when}: {account.allowed.why}"


def _lists(
    account: HveAccount, was_on: frozenset[ObjectId], is_on: frozenset[ObjectId], readings: _Readings
) -> Iterator[Difference]:
    if was_on == is_on:
        return
    if len(is_on) == 0 or len(was_on) == 0:
        kind = Kind.OPENED if len(is_on) == 0 else Kind.CLOSED
        yield Difference(kind, account.address, account.guid, before=_size(was_on), after=_size(is_on))
    for kind, apps in ((Kind.GRANTED, is_on - was_on), (Kind.REVOKED, was_on - is_on)):
        for app in apps:
            yield Difference(kind, account.address, account.guid, app, _name(app, readings))


def _size(apps: frozenset[ObjectId]) -> str:
    return "open to every application" if len(apps) == 0 else f"{len(apps)} allowed"


def _name(app: Guid, readings: _Readings) -> str:
    """What the directory calls it; an application that left every list is in the earlier reading only."""
    directories = (each.directory for each in readings)
    identities = (each.identity(app) for each in directories if isinstance(each, Readable))
    return next((each.display_name for each in identities if each is not None and each.display_name), "")


# Applications


def _applications(before: TenantSnapshot, after: TenantSnapshot) -> Iterator[Difference]:
    old, new = before.directory, after.directory
    if isinstance(old, Unreadable) or isinstance(new, Unreadable):
        yield from _unread("directory", old, new)
        return
    for app in sorted(old.identities.keys() & new.identities.keys(), key=str):
        was, now = _facts_of(old.identities[app]), _facts_of(new.identities[app])
        for what in was:
            if was[what] != now[what]:
                name = new.identities[app].display_name or old.identities[app].display_name
                yield Difference(Kind.CHANGED, app=app, app_name=name, what=what, before=was[what], after=now[what])


def _facts_of(identity: Identity) -> dict[str, str]:
    principal = identity.principal
    return {
        "kind": identity.kind.value,
        "display name": identity.display_name,
        "enabled": "" if principal is None else ("yes" if principal.enabled else "no"),
        "disabled by Microsoft": "" if principal is None else principal.disabled_by_microsoft,
        "publisher": "" if principal is None else principal.publisher,
        "owner tenant": "" if principal is None else str(principal.owner_tenant or ""),
        "service principal": "" if principal is None else principal.object_id.value,
    }


def _rights(before: TenantFacts, after: TenantFacts) -> Iterator[Difference]:
    old, new = before.permissions, after.permissions
    if isinstance(old, Unreadable) or isinstance(new, Unreadable):
        yield from _unread("right to send", old, new)
        return
    for app in sorted(old.keys() & new.keys()):
        was, now = _verdict(old[app], before), _verdict(new[app], after)
        if was != now:
            name = new[app].application.display_name
            yield Difference(Kind.CHANGED, app=app, app_name=name, what="right to send", before=was, after=now)


def _verdict(seen: MailPermission, facts: TenantFacts) -> str:
    return judge(seen, facts.tenant_id).value


def _credentials(before: TenantFacts, after: TenantFacts) -> Iterator[Difference]:
    old, new = before.credentials, after.credentials
    if isinstance(old, Unreadable) or isinstance(new, Unreadable):
        yield from _unread("credentials", old, new)
        return
    for client in sorted(old.keys() & new.keys()):
        was, now = _by_key(old[client]), _by_key(new[client])
        for key in sorted(was.keys() | now.keys()):
            if was.get(key) != now.get(key):
                what = f"{_kind_of(key, old[client], new[client])} {key}"
                yield Difference(
                    Kind.CHANGED, app=client, what=what, before=was.get(key, "none"), after=now.get(key, "none")
                )


def _by_key(credentials: tuple[Credential, ...]) -> Mapping[str, str]:
    return {each.key_id: f"until {each.ends:%Y-%m-%d}" if each.ends else "without end" for each in credentials}


def _kind_of(key: str, *lists: tuple[Credential, ...]) -> str:
    return next((each.kind.value for credentials in lists for each in credentials if each.key_id == key), "credential")


# Parts by account


def _by_account(
    what: str,
    old: Mapping[Address, _T | Unknown] | Unreadable,
    new: Mapping[Address, _T | Unknown] | Unreadable,
    text: Callable[[_T], str],
) -> Iterator[Difference]:
    if isinstance(old, Unreadable) or isinstance(new, Unreadable):
        yield from _unread(what, old, new)
        return
    for account in sorted(old.keys() & new.keys()):
        was, now = old[account], new[account]
        if isinstance(was, Unknown) or isinstance(now, Unknown):
            why = was.why if isinstance(was, Unknown) else now.why if isinstance(now, Unknown) else ""
            yield Difference(Kind.NOT_COMPARABLE, account, what=what, why=why)
        elif text(was) != text(now):
            yield Difference(Kind.CHANGED, account, what=what, before=text(was), after=text(now))


def _unread(what: str, old: object, new: object) -> Iterator[Difference]:
    """A part that one reading does not have. One that nobody asked for, in either, is no difference."""
    if NOT_ASKED in (old, new):
        return
    for when, part in (("before", old), ("after", new)):
        if isinstance(part, Unreadable):
            yield Difference(Kind.NOT_COMPARABLE, what=what, why=f"not read {when}: {part.why}")

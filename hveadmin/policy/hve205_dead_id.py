"""
HVE205: an id leads to no application.

The directory has nothing under this id that could sign in: the application was deleted for good, it is another
tenant's, the id was mistyped, or it is a user's, a group's or a device's. What was deleted less than 30 days ago can
be brought back, and the finding says until when; a service principal that is restored keeps its id.

Why it matters: the sender it was meant for is refused, and one of ten places is taken. A deleted application that is
brought back can send again at once.

How to mend it: `hveadmin account revoke -t TENANT ACCOUNT ID` takes it off the list; the command refuses to take the
last one, because that would let every application send. If the application is still wanted, restore it while that is
possible, or register it anew and grant its new id.

A client id and an app registration's object id lead to something, though to the wrong thing: those are HVE203's and
HVE204's. Without Directory.Read.All, users, groups and devices cannot be told from nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from hveadmin.domain.finding import Severity
from hveadmin.domain.tenant import Identity, IdKind
from hveadmin.policy import powershell
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.listed import Listed, Written, each_listed, each_written
from hveadmin.policy.references import ADD_HVE_APP_ACCESS

RESTORABLE = timedelta(days=30)
"""How long a deleted object stays in the recycle bin [D]."""

_ALIVE = frozenset({IdKind.SERVICE_PRINCIPAL, IdKind.CLIENT_ID, IdKind.APP_REGISTRATION})
_NO_APPLICATION = {
    IdKind.USER: "is a user, not an application",
    IdKind.GROUP: "is a group, not an application",
    IdKind.DEVICE: "is a device, not an application",
    IdKind.OTHER: "is not an application",
    IdKind.NOT_FOUND: "is nothing in this tenant: deleted for good, another tenant's, or mistyped",
    IdKind.NOT_FOUND_OR_OTHER: (
        "is no application of this tenant: deleted for good, another tenant's, mistyped, or the id of something else"
    ),
}


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for every id on every list, and for every id that the configuration writes down."""
    yield from each_listed(view, lambda listed: _of_listed(listed, view.now))
    yield from each_written(view, lambda written: _of_written(written, view.now))


def _of_listed(listed: Listed, now: datetime) -> Judgement:
    identity = listed.identity
    if identity.kind in _ALIVE:
        return listed.about.passes("it leads to an application")
    remedy = listed.revoke
    if _is_restorable_principal(identity, now):
        remedy = f"{listed.revoke}   # or, if it is still wanted: {powershell.restore(identity.id)}"
    return listed.about.fails(f"{listed.label} {_what(identity, now)}", remedy, facts=_facts(identity, now))


def _of_written(written: Written, now: datetime) -> Judgement:
    identity = written.identity
    if identity.kind in _ALIVE:
        return written.about.passes("it leads to an application")
    message = f"the {written.key} of {written.app.name}, {written.id}, {_what(identity, now)}"
    remedy = powershell.restore(identity.id) if _is_restorable_principal(identity, now) else written.whatis
    return written.about.fails(message, remedy, facts=_facts(identity, now))


def _what(identity: Identity, now: datetime) -> str:
    if identity.kind in _NO_APPLICATION:
        return _NO_APPLICATION[identity.kind]
    deleted = "a service principal" if identity.kind is IdKind.DELETED_SERVICE_PRINCIPAL else "an app registration"
    until = _restorable_until(identity)
    if identity.deleted_at is None or until is None:
        return f"is {deleted} that was deleted; it can be restored for 30 days after that"
    when = f"is {deleted} that was deleted on {identity.deleted_at:%Y-%m-%d}"
    return f"{when}; it can be restored until {until:%Y-%m-%d}" if now <= until else f"{when}, for good by now"


def _restorable_until(identity: Identity) -> datetime | None:
    return None if identity.deleted_at is None else identity.deleted_at + RESTORABLE


def _is_restorable_principal(identity: Identity, now: datetime) -> bool:
    """Restoring a registration alone would not bring the id on the list back to life."""
    until = _restorable_until(identity)
    return identity.kind is IdKind.DELETED_SERVICE_PRINCIPAL and (until is None or now <= until)


def _facts(identity: Identity, now: datetime) -> tuple[tuple[str, str], ...]:
    until = _restorable_until(identity)
    restorable = (("restorable_until", f"{until:%Y-%m-%d}"),) if until is not None and now <= until else ()
    return (("kind", identity.kind.value), *restorable)


RULE = TenantRule(
    id="HVE205",
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="hveadmin account revoke -t TENANT ACCOUNT ID",
    references=(ADD_HVE_APP_ACCESS,),
    judge=judge,
)

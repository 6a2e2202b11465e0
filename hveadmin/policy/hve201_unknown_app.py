"""
HVE201: an application is on a list that no entry of `apps` explains.

Somebody put it there past the configuration, or it was there before the configuration was written. An entry of `apps`
explains an id by naming the application by whatever it knows of it; that the entry also grants it to this account is
not asked for here, which is HVE302's. An id that is no application at all, or of the wrong kind, is looked at like any
other: nobody wrote down why it is there.

Why it matters: an unknown application may send as the account, without owner, reason or end.

How to mend it: `hveadmin app whatis -t TENANT ID` says what it is. If it belongs there, write it into `apps` and into
the account's entry, with owner and reason. If not,
`hveadmin account revoke -t TENANT ACCOUNT ID` takes it off.

`policy.unknown_apps` says how bad it is: `deny` makes it high, `warn` makes it low.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hveadmin.domain.desired import AppEntry, ByClientId, ByName, ByObjectId
from hveadmin.domain.finding import Severity
from hveadmin.domain.ids import ObjectId
from hveadmin.domain.tenant import HveAccount, Identity, Known, Readable, Unknown
from hveadmin.policy import commands
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.references import OAUTH
from hveadmin.policy.survey import Survey


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for every id on every list. What is pinned or written as it is needs no directory."""
    survey, explained = Survey.of(view), _Explained(view)
    for account in view.accounts:
        match account.allowed:
            case Unknown() as unknown:
                yield survey.unread(account, unknown)
            case Known(apps) if len(apps) == 0:
                yield survey.account(account).not_applicable("its list is empty")
            case Known(apps):
                yield from (_of(account, app, survey, explained) for app in sorted(apps))


def _of(account: HveAccount, app: ObjectId, survey: Survey, explained: _Explained) -> Judgement:
    about, whatis = survey.on_list(account, app), commands.whatis(survey.view.alias, app.value)
    by = explained.by(app)
    if isinstance(by, AppEntry):
        return about.passes(f"it is {by.name}, {by.source}")
    if by is None:
        message = "the directory does not say what it is, and it may be an application of the configuration"
        return about.unknown(message, whatis)
    warns = survey.view.desired.policy.unknown_apps == "warn"
    return about.fails(
        f"{survey.label(app)} is on its list, and no entry of apps explains it",
        whatis,
        severity=Severity.LOW if warns else None,
    )


@dataclass(frozen=True, slots=True)
class _Explained:
    """Which entry of `apps` explains an id in this tenant."""

    view: TenantView

    def by(self, app: ObjectId) -> AppEntry | bool | None:
        """The entry; False where none does; None where that cannot be told."""
        answers = [(entry, self._explains(entry, app)) for entry in self.view.desired.apps.values()]
        entry = next((entry for entry, answer in answers if answer), None)
        if entry is not None:
            return entry
        return None if any(answer is None for _, answer in answers) else False

    def _explains(self, entry: AppEntry, app: ObjectId) -> bool | None:
        resolved = self.view.by_app.get(entry.name)
        if resolved is not None and resolved == app:
            return True
        identity = self._identity(app)
        match entry.ref:
            case ByObjectId(object_id, tenant):
                return tenant == self.view.alias and object_id.value in (app.value, *_object_ids(identity))
            case ByClientId(client_id) if identity is not None:
                return client_id.value in (app.value, *_client_ids(identity))
            case ByClientId(client_id):
                return client_id.value == app.value or self._unless_pinned(entry)
            case ByName() if resolved is not None:
                return resolved.value in _object_ids(identity)
            case ByName(name) if identity is not None and identity.display_name.casefold() != name.casefold():
                return False
            case ByName():
                # It leads to nobody, or to several of whom this may be the one that is meant.
                return self._unless_pinned(entry)

    def _unless_pinned(self, entry: AppEntry) -> bool | None:
        """Nobody can tell, but for a pin: it says which id is the entry's, and that was not this one."""
        return False if self.view.pins is not None and entry.name in self.view.pins.apps else None

    def _identity(self, app: ObjectId) -> Identity | None:
        directory = self.view.facts.snapshot.directory
        return directory.identity(app) if isinstance(directory, Readable) else None


def _object_ids(identity: Identity | None) -> Iterable[str]:
    """The object id of the service principal behind an id of whatever kind."""
    return () if identity is None or identity.principal is None else (identity.principal.object_id.value,)


def _client_ids(identity: Identity) -> Iterable[str]:
    """The client id of the application behind an id of whatever kind, alive or deleted."""
    principal = identity.principal.client_id if identity.principal is not None else None
    return (each.value for each in (identity.client_id, principal) if each is not None)


RULE = TenantRule(
    id="HVE201",
    severity=Severity.HIGH,
    since="0.1",
    page=__doc__,
    fix="hveadmin app whatis -t TENANT ID",
    references=(OAUTH, "docs/configuration.md"),
    judge=judge,
)

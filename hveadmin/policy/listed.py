"""
What the rules about ids have in common: every id on every list, with the directory's word on it.

A list that could not be read is said once an account, a directory that could not be read once a tenant: HVE901 and
HVE903 count what that leaves open. An empty list has nothing on it to look at, which is said too.

Some rules look besides at the ids that the configuration writes down for an application that some list is to hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from hveadmin.domain.desired import AppEntry, ByClientId, ByObjectId, Grant, Mode
from hveadmin.domain.ids import Guid, ObjectId
from hveadmin.domain.tenant import HveAccount, Identity, IdKind, Known, Readable, ServicePrincipal, Unknown, Unreadable
from hveadmin.policy import commands
from hveadmin.policy.about import About
from hveadmin.policy.engine import Judgement, TenantView
from hveadmin.policy.survey import Survey
from hveadmin.policy.written import has_ended


@dataclass(frozen=True, slots=True)
class Listed:
    """One id on one account's list, and what the directory says of it."""

    survey: Survey
    account: HveAccount
    id: ObjectId
    """As it stands on the list; whether it is an object id is what the identity says."""
    identity: Identity

    @property
    def about(self) -> About:
        return self.survey.on_list(self.account, self.id)

    @property
    def label(self) -> str:
        """The application in a sentence."""
        return self.survey.label(self.id)

    @property
    def revoke(self) -> str:
        """The command that takes the id off the list."""
        return take_off(self.survey.view.alias, self.account, self.id)

    @property
    def whatis(self) -> str:
        """The command that explains the id."""
        return commands.whatis(self.survey.view.alias, self.id.value)

    def replace_by(self, principal: ServicePrincipal) -> str:
        """The commands that put the right id in this one's place; the right one first, so that the list never opens."""
        alias, address = self.survey.view.alias, self.account.address
        revoke = commands.revoke(alias, address, self.id)
        if isinstance(self.account.allowed, Known) and principal.object_id in self.account.allowed.apps:
            return revoke
        return f"{commands.grant(alias, address, principal.object_id.value)} && {revoke}"


def take_off(alias: str, account: HveAccount, app: Guid) -> str:
    """
    The command that takes an id off an account's list.

    The last one comes after another that has yet to be chosen: without it every application could send, and the
    command alone would be refused.
    """
    revoke = commands.revoke(alias, account.address, app)
    is_last = isinstance(account.allowed, Known) and len(account.allowed.apps) == 1
    return f"{commands.grant(alias, account.address)} && {revoke}" if is_last else revoke


def directory_unread(survey: Survey, unreadable: Unreadable) -> Judgement:
    """Nobody says what any id is."""
    return survey.tenant().unknown(f"the directory could not be read: {unreadable.why}", "hveadmin tenant test")


def each_listed(view: TenantView, judge: Callable[[Listed], Judgement]) -> Iterator[Judgement]:
    """One judgement for every id on every list that is looked at."""
    survey, directory = Survey.of(view), view.facts.snapshot.directory
    if isinstance(directory, Unreadable):
        yield directory_unread(survey, directory)
        return
    for account in view.accounts:
        match account.allowed:
            case Unknown() as unknown:
                yield survey.unread(account, unknown)
            case Known(apps) if len(apps) == 0:
                yield survey.account(account).not_applicable("its list is empty")
            case Known(apps):
                yield from (_each(survey, account, app, directory, judge) for app in sorted(apps))


def _each(
    survey: Survey, account: HveAccount, app: ObjectId, directory: Readable, judge: Callable[[Listed], Judgement]
) -> Judgement:
    identity = directory.identity(app)
    if identity is None:
        return survey.on_list(account, app).unknown(
            "the directory was not asked for it", commands.whatis(survey.view.alias, app.value)
        )
    return judge(Listed(survey, account, app, identity))


@dataclass(frozen=True, slots=True)
class Written:
    """One id that the configuration writes down for an application that some list of this tenant is to hold."""

    about: About
    app: AppEntry
    key: str
    """The key it stands under: client_id or object_id."""
    id: Guid
    identity: Identity
    whatis: str
    """The command that explains the id."""


def each_written(view: TenantView, judge: Callable[[Written], Judgement]) -> Iterator[Judgement]:
    """
    One judgement for every such id. An application that must go is not among them: there any id will do.

    Says nothing where the directory could not be read, which `each_listed` says.
    """
    survey, directory = Survey.of(view), view.facts.snapshot.directory
    if isinstance(directory, Unreadable):
        return
    for app in wanted_apps(view):
        found = _written_id(app, view.alias)
        identity = None if found is None else directory.identity(found[1])
        if found is not None and identity is not None:
            key, id_ = found
            # As a plain id, so that a waiver that names it speaks of it.
            subject = replace(survey.tenant(thing=f"apps.{app.name}").subject, app=Guid(id_.value), app_name=app.name)
            whatis = commands.whatis(view.alias, id_.value)
            yield judge(Written(About(subject, app.source), app, key, id_, identity, whatis))


def wanted_apps(view: TenantView) -> list[AppEntry]:
    """The entries of `apps` that some list that is looked at is to hold today, by name."""
    found = {grant.app.name: grant.app for grant in _wanted_grants(view)}
    return [app for _, app in sorted(found.items())]


def _wanted_grants(view: TenantView) -> Iterator[Grant]:
    live = (entry for address, (entry, _) in view.entries.items() if view.only(address))
    exact = (entry for address, entry in view.entry.accounts.items() if view.only(address))
    for entry in (*live, *exact):
        if entry.mode in (Mode.ENFORCE, Mode.ADDITIVE):
            yield from (grant for grant in entry.grants if not has_ended(grant.expires, view.today))


def _written_id(app: AppEntry, tenant: str) -> tuple[str, Guid] | None:
    """The id and its key; None for a display name, and for another tenant's object id."""
    match app.ref:
        case ByClientId(client_id):
            return "client_id", client_id
        case ByObjectId(object_id, of) if of == tenant:
            return "object_id", object_id
        case _:
            return None


def principals_on_lists(view: TenantView) -> list[ServicePrincipal]:
    """
    The service principals whose object ids are on any list that is looked at, each once, by id.

    None where the directory could not be read: what is asked of them could not be read then either.
    """
    directory = view.facts.snapshot.directory
    if isinstance(directory, Unreadable):
        return []
    ids = {app for each in view.accounts if isinstance(each.allowed, Known) for app in each.allowed.apps}
    identities = (directory.identity(app) for app in sorted(ids))
    return [
        each.principal
        for each in identities
        if each is not None and each.kind is IdKind.SERVICE_PRINCIPAL and each.principal is not None
    ]

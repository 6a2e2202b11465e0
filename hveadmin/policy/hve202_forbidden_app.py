"""
HVE202: an application is on a list, or declared, that `policy.forbidden_apps` forbids.

The configuration names applications that must be on no list, by client id or by the service principal's object id; an
id on a list is forbidden whichever of the two leads to it. A client id means the application in every tenant, an object
id in the one that has it.

Why it matters: an application is forbidden because it was decommissioned, taken over or found to be abused. Whoever
still holds its credentials can send as the account.

How to mend it: `hveadmin account revoke -t TENANT ACCOUNT ID` takes it off the list; the command refuses to take the
last one, because that would let every application send. Take it out of `apps` and of the account's entry as well, or
the next plan puts it back.

With --config-only, what is looked at is whether a forbidden application is declared and used.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.desired import AppEntry, DesiredState, ForbiddenApp, Mode
from hveadmin.domain.finding import Severity
from hveadmin.domain.ids import ClientId, Guid, ObjectId
from hveadmin.domain.pins import Pin, Pins
from hveadmin.domain.tenant import HveAccount, Identity, Known, Readable, Unknown
from hveadmin.policy import commands
from hveadmin.policy.about import About
from hveadmin.policy.engine import ConfigRule, ConfigView, Judgement, TenantRule, TenantView
from hveadmin.policy.listed import take_off
from hveadmin.policy.references import OAUTH
from hveadmin.policy.survey import Survey
from hveadmin.policy.written import application, entries, reference


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for every id on every list; one for the tenant where nothing is forbidden."""
    survey = Survey.of(view)
    if len(view.desired.policy.forbidden_apps) == 0:
        yield survey.tenant().not_applicable("policy.forbidden_apps names no application")
        return
    for account in view.accounts:
        match account.allowed:
            case Unknown() as unknown:
                yield survey.unread(account, unknown)
            case Known(apps) if len(apps) == 0:
                yield survey.account(account).not_applicable("its list is empty")
            case Known(apps):
                yield from (_of(account, app, survey) for app in sorted(apps))


def _of(account: HveAccount, app: ObjectId, survey: Survey) -> Judgement:
    view, about = survey.view, survey.on_list(account, app)
    ids = _ids(app, view)
    forbidden = next((each for each in view.desired.policy.forbidden_apps if each.id.value in ids), None)
    if forbidden is not None:
        remedy = take_off(view.alias, account, app)
        return about.fails(f"{survey.label(app)} is on its list, and it is forbidden{_why(forbidden)}", remedy)
    if not _is_told(app, view) and any(isinstance(each.id, ClientId) for each in view.desired.policy.forbidden_apps):
        message = "the directory does not say what it is, and it may be a forbidden application"
        return about.unknown(message, commands.whatis(view.alias, app.value))
    return about.passes("not forbidden")


def _ids(app: ObjectId, view: TenantView) -> set[str]:
    """Every id of the application that the id leads to, as far as the directory or the lock file say."""
    identity = _identity(app, view)
    ids: list[Guid | None] = [app]
    if identity is not None:
        principal = identity.principal
        ids += [identity.client_id] if principal is None else [principal.client_id, principal.object_id]
    else:
        ids += [pin.client_id for pin in _pins(view.pins, app)]
    return {each.value for each in ids if each is not None}


def _is_told(app: ObjectId, view: TenantView) -> bool:
    """Whether somebody says which application it is, so that it is known not to be another one."""
    return _identity(app, view) is not None or any(_pins(view.pins, app))


def _identity(app: ObjectId, view: TenantView) -> Identity | None:
    directory = view.facts.snapshot.directory
    return directory.identity(app) if isinstance(directory, Readable) else None


def _pins(pins: Pins | None, app: ObjectId) -> Iterator[Pin]:
    return (pin for pin in pins.apps.values() if pin.object_id == app) if pins is not None else iter(())


def _why(forbidden: ForbiddenApp) -> str:
    reason = f": {forbidden.reason}" if forbidden.reason else ""
    return f" ({forbidden.source}){reason}"


def judge_offline(view: ConfigView) -> Iterator[Judgement]:
    """One judgement for every application that some list is to hold."""
    forbidden = {each.id.value: each for each in view.desired.policy.forbidden_apps}
    for app in _used(view.desired):
        id_ = reference(app.ref)
        found = None if id_ is None else forbidden.get(id_.value)
        about = application(app)
        yield about.passes("not forbidden") if found is None else _declared(about, app, found)


def _declared(about: About, app: AppEntry, forbidden: ForbiddenApp) -> Judgement:
    message = f"{app.name} is declared and used, and it is forbidden{_why(forbidden)}"
    return about.fails(message, f"take {app.name} out of the accounts that use it, and out of apps at {app.source}")


def _used(desired: DesiredState) -> list[AppEntry]:
    """The applications that any entry of any tenant wants on a list, each once."""
    wishing = (
        entry
        for tenant in desired.tenants.values()
        for _, entry in entries(tenant)
        if entry.mode in (Mode.ENFORCE, Mode.ADDITIVE)
    )
    return list({grant.app.name: grant.app for entry in wishing for grant in entry.grants}.values())


RULE = TenantRule(
    id="HVE202",
    severity=Severity.CRITICAL,
    since="0.1",
    page=__doc__,
    fix="hveadmin account revoke -t TENANT ACCOUNT ID",
    references=(OAUTH, "docs/configuration.md"),
    judge=judge,
)

OFFLINE = ConfigRule(RULE.id, RULE.severity, RULE.since, RULE.page, RULE.fix, RULE.references, judge=judge_offline)
"""What it can say where no tenant is read (--config-only)."""

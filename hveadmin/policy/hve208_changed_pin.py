"""
HVE208: an application is not what it was when it was pinned.

`hve.lock.yaml` holds what each application of the configuration was in this tenant when somebody last looked: object
id, client id, display name, publisher, owner tenant. Now the directory says otherwise.

Why it matters: a service principal that was deleted and made again has a new object id, and the old one on the list
lets nobody in. A client id that leads to another object, a new publisher or another owner tenant may be a takeover; a
display name can be changed by whoever manages the application.

How to mend it: find out what happened. `hveadmin app pin --check -t TENANT` shows every difference; if the change is
meant, `hveadmin app pin -t TENANT` accepts it, and the new lock file is reviewed like any other change. hveadmin never
follows a changed pin by itself: `plan` refuses it where it is another application.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.desired import AppEntry, ByName
from hveadmin.domain.finding import Severity
from hveadmin.domain.pins import LOCK_FILE, Pin, in_words
from hveadmin.domain.pins import RULE as ID
from hveadmin.domain.resolve import principal_of
from hveadmin.domain.tenant import IdKind, Readable, ServicePrincipal, Unreadable
from hveadmin.policy.about import About
from hveadmin.policy.commands import command
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.listed import directory_unread, wanted_apps
from hveadmin.policy.survey import Survey


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for every application that some list is to hold."""
    survey, directory = Survey.of(view), view.facts.snapshot.directory
    if view.pins is None:
        yield survey.tenant().not_applicable(f"{LOCK_FILE} has no pins of this tenant")
    elif isinstance(directory, Unreadable):
        yield directory_unread(survey, directory)
    else:
        for app in wanted_apps(view):
            yield _of(app, view.pins.apps.get(app.name), directory, survey)


def _of(app: AppEntry, pin: Pin | None, directory: Readable, survey: Survey) -> Judgement:
    if pin is None:
        about = About(survey.tenant(thing=f"apps.{app.name}").subject, app.source)
        return about.not_applicable(f"{app.name} is not pinned")
    about = About(survey.application(pin.object_id).subject, app.source)
    changed = _changes(app, pin, directory)
    if not changed:
        return about.passes(f"as it was pinned on {pin.resolved_at}")
    message = f"{app.name} was pinned on {pin.resolved_at}, and now {changed}"
    return about.fails(message, command("app", "pin", "--check", "-t", survey.view.alias))


def _changes(app: AppEntry, pin: Pin, directory: Readable) -> str:
    """What is otherwise now, as the end of a sentence; empty for nothing."""
    if written := pin.contradicts(app.ref, by_name=False):
        return f"the configuration names another application than was {written}"
    now = principal_of(app.ref, directory)
    if isinstance(now, str) and isinstance(app.ref, ByName):
        # Its name leads astray, but what was pinned can be asked for by its id.
        now = _pinned(pin, directory) or now
    if isinstance(now, str):
        return f"it is gone: its {app.ref} {now}" if now.startswith(("is ", "was ")) else f"it is gone: {now}"
    differences = pin.differences(now)
    return f"it is otherwise: {in_words(differences)}" if differences else ""


def _pinned(pin: Pin, directory: Readable) -> ServicePrincipal | None:
    identity = directory.identity(pin.object_id)
    return identity.principal if identity is not None and identity.kind is IdKind.SERVICE_PRINCIPAL else None


RULE = TenantRule(
    id=ID,
    severity=Severity.HIGH,
    since="0.1",
    page=__doc__,
    fix="hveadmin app pin --check -t TENANT",
    references=("docs/commands/app-pin.md",),
    judge=judge,
)

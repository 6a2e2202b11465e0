"""
HVE302: an application is on the list that must not be.

In mode enforce, the list holds exactly what is declared, and this application is not declared. In mode absent, it is
declared that just this application must not be there, and it is.

Why it matters: an application that nobody declared may send in the account's name: one that was granted past the
configuration, or one that was taken out of the file and never off the list.

How to mend it: `hveadmin plan -t TENANT -a ACCOUNT` shows the removal, `hveadmin apply -t TENANT -a ACCOUNT` does it.
If the application belongs there, add it to `apps` and to the entry; `hveadmin app whatis -t TENANT ID` says what it is.

Mode additive and observe let other applications be. An application past its end is HVE403's. An id that no entry of
`apps` explains fails HVE201 as well: that is another question. On an open account there is no list to judge (HVE101).
A list that a run of ours left as declared is settling for some minutes. Where a declared application could not be
resolved in this tenant, an id that may be it is unknown, not extra.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.desired import Grant, Mode
from hveadmin.domain.finding import Severity
from hveadmin.domain.ids import ObjectId
from hveadmin.domain.tenant import HveAccount, Known, Unknown
from hveadmin.policy import commands
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.references import OAUTH
from hveadmin.policy.survey import ANY_MAY_SEND, Survey


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for each application on a list (enforce), or for each that must not be there (absent)."""
    survey = Survey.of(view)
    for account in view.accounts:
        about, mode = survey.account(account), survey.mode(account)
        if mode not in (Mode.ENFORCE, Mode.ABSENT):
            yield about.not_applicable("nothing is declared that forbids an application on its list")
        elif isinstance(account.allowed, Unknown):
            yield survey.unread(account, account.allowed)
        elif account.allowed.is_open:
            yield about.not_applicable(ANY_MAY_SEND)
        elif mode is Mode.ENFORCE:
            yield from (_listed(app, account, survey) for app in sorted(account.allowed.apps))
        else:
            yield from _must_be_absent(account, account.allowed, survey)


def _listed(app: ObjectId, account: HveAccount, survey: Survey) -> Judgement:
    about, name, declared = survey.on_list(account, app), survey.label(app), survey.declared(account)
    if declared is not None and app in declared.wanted:
        return about.passes(f"{name} is declared and on its list")
    if declared is not None and app in declared.unwanted:
        return about.not_applicable(f"{name} is declared and past its end")
    for grant in survey.unresolved(account):
        if survey.could_be(grant, app):
            why = f"{app} is on its list and may be {grant.app.name}, which could not be resolved in this tenant"
            return about.unknown(why, commands.whatis(survey.view.alias, app.value))
    return _extra(app, account, survey, f"{name} is on its list and not declared")


def _must_be_absent(account: HveAccount, allowed: Known, survey: Survey) -> Iterator[Judgement]:
    declared = survey.declared(account)
    for app in sorted(declared.unwanted) if declared is not None else ():
        if app in allowed.apps:
            yield _extra(app, account, survey, f"{survey.label(app)} is on its list and must be absent")
        else:
            yield survey.on_list(account, app).passes(f"{survey.label(app)} is not on its list")
    for grant in survey.unresolved(account):
        yield _unresolved(grant, account, allowed, survey)


def _extra(app: ObjectId, account: HveAccount, survey: Survey, message: str) -> Judgement:
    about = survey.on_list(account, app)
    if waits := survey.settles(account):
        return about.not_applicable(waits)
    return about.fails(message, survey.to_plan(account))


def _unresolved(grant: Grant, account: HveAccount, allowed: Known, survey: Survey) -> Judgement:
    about, name = survey.account(account, thing=f"apps.{grant.app.name}"), grant.app.name
    if not survey.maybe_on_list(account, allowed, grant):
        return about.passes(f"{name} could not be resolved in this tenant, and no id on its list is it")
    why = f"{name} could not be resolved in this tenant, so whether it is on its list is not known"
    return about.unknown(why, commands.show(survey.view.alias, account.address))


RULE = TenantRule(
    id="HVE302",
    severity=Severity.HIGH,
    since="0.1",
    page=__doc__,
    fix="hveadmin plan -t TENANT -a ACCOUNT",
    references=(OAUTH, "docs/configuration.md"),
    judge=judge,
)

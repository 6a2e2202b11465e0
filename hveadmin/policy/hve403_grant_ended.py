"""
HVE403: a grant is past its end, and still live.

The application was to be on the list until a last day, which is inclusive. That day is over, and the application is
still on it.

Why it matters: an end is the word of whoever agreed to the grant. Since then the application sends without it.

How to mend it: `hveadmin plan -t TENANT -a ACCOUNT` proposes the removal, and `hveadmin apply -t TENANT -a ACCOUNT`
does it. Where it is the last application on the list, the plan refuses, because an empty list lets every application
send: write a later end, or another application. In mode observe no plan touches the account;
`hveadmin account revoke -t TENANT ACCOUNT OBJECT-ID` does.

A grant's end is the earlier of its own and its application's. Mode absent has no grants: there an application must go
whatever its end (HVE302). On an open account every application may send, also one past its end; that is HVE101. An
end that comes near is HVE404's. Within the minutes after a run of ours that took it off, it waits.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.desired import Grant, Mode
from hveadmin.domain.finding import Severity
from hveadmin.domain.ids import ObjectId
from hveadmin.domain.tenant import HveAccount, Known, Unknown
from hveadmin.policy import commands
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.survey import ANY_MAY_SEND, Survey
from hveadmin.policy.written import has_ended

_GRANTS = (Mode.ENFORCE, Mode.ADDITIVE, Mode.OBSERVE)
"""The modes in which an application that is named may be on the list."""


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for each grant that has an end; one for an account without such a grant."""
    survey = Survey.of(view)
    for account in view.accounts:
        entry, about = survey.entry(account), survey.account(account)
        grants = [grant for grant in entry.grants if grant.expires is not None] if entry is not None else []
        if entry is None or entry.mode not in _GRANTS or not grants:
            yield about.not_applicable("no grant on it has an end")
        elif isinstance(account.allowed, Unknown):
            yield survey.unread(account, account.allowed)
        elif account.allowed.is_open:
            yield about.not_applicable(ANY_MAY_SEND)
        else:
            yield from _of_list(account, account.allowed, grants, survey)


def _of_list(account: HveAccount, allowed: Known, grants: list[Grant], survey: Survey) -> Iterator[Judgement]:
    declared = survey.declared(account)
    resolved = {grant.app.name: app for app, grant in declared.grants.items()} if declared is not None else {}
    for grant in grants:
        app = resolved.get(grant.app.name)
        if app is not None:
            yield _resolved(grant, app, account, allowed, survey)
        else:
            yield _unresolved(grant, account, allowed, survey)


def _resolved(grant: Grant, app: ObjectId, account: HveAccount, allowed: Known, survey: Survey) -> Judgement:
    about = survey.on_list(account, app)
    if not has_ended(grant.expires, survey.view.today):
        return about.passes(f"{grant.app.name} may be on its list until {grant.expires}")
    if app not in allowed.apps:
        return about.passes(f"{grant.app.name} is past its end, {grant.expires}, and not on its list")
    if waits := survey.settles(account):
        return about.not_applicable(waits)
    return about.fails(
        f"{grant.app.name} was granted until {grant.expires} and is still on its list",
        _remedy(grant, app, account, allowed, survey),
        facts=(("expires", str(grant.expires)),),
    )


def _remedy(grant: Grant, app: ObjectId, account: HveAccount, allowed: Known, survey: Survey) -> str:
    if allowed.apps == {app}:
        return (
            f"it is the last on the list: write a later end or another application at {grant.source}, "
            f"then: {survey.to_plan(account)}"
        )
    if survey.mode(account) is Mode.OBSERVE:
        return commands.revoke(survey.view.alias, account.address, app)
    return survey.to_plan(account)


def _unresolved(grant: Grant, account: HveAccount, allowed: Known, survey: Survey) -> Judgement:
    about, name = survey.account(account, thing=f"apps.{grant.app.name}"), grant.app.name
    if not has_ended(grant.expires, survey.view.today):
        return about.passes(f"{name} may be on its list until {grant.expires}")
    if not survey.maybe_on_list(account, allowed, grant):
        return about.passes(f"{name} is past its end, {grant.expires}, and no id on its list is it")
    why = f"{name} is past its end, {grant.expires}, and could not be resolved: whether it is on its list is not known"
    return about.unknown(why, commands.show(survey.view.alias, account.address))


RULE = TenantRule(
    id="HVE403",
    severity=Severity.HIGH,
    since="0.1",
    page=__doc__,
    fix="hveadmin plan -t TENANT -a ACCOUNT",
    references=("docs/configuration.md",),
    judge=judge,
)

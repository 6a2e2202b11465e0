"""
HVE301: a declared application is missing from the list.

The configuration says that the application may send as the account (mode enforce or additive), and the account's list
does not hold it.

Why it matters: on a restricted account the application cannot authenticate, so its mail does not go out. On an open
account it can, and so can every other.

How to mend it: `hveadmin plan -t TENANT -a ACCOUNT` shows what is missing, and `hveadmin apply -t TENANT -a ACCOUNT`
grants it. If the application should not send any more, take it out of the entry.

An application past its end is not expected on the list (HVE403 looks for that). A change of ours that is minutes old
may not show yet; the list is then settling, and not judged. Where an application could not be resolved in this tenant,
and an id on the list may be it, the verdict is unknown. It does not say whether an application that is on the list can
send: permissions and credentials are for HVE209 and HVE210.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.desired import Grant, Mode
from hveadmin.domain.finding import Severity
from hveadmin.domain.ids import ObjectId
from hveadmin.domain.tenant import HveAccount, Known, Unknown
from hveadmin.policy import commands
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.references import ADD_HVE_APP_ACCESS
from hveadmin.policy.survey import Survey
from hveadmin.policy.written import asked, has_ended


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for each application that is declared of an account; one for an account of which none is."""
    survey = Survey.of(view)
    for account in view.accounts:
        if survey.mode(account) not in (Mode.ENFORCE, Mode.ADDITIVE):
            yield survey.account(account).not_applicable("no application is declared that must be on its list")
        elif isinstance(account.allowed, Unknown):
            yield survey.unread(account, account.allowed)
        else:
            yield from _of_list(account, account.allowed, survey)


def _of_list(account: HveAccount, allowed: Known, survey: Survey) -> Iterator[Judgement]:
    declared = survey.declared(account)
    wanted = sorted(declared.wanted) if declared is not None else []
    unresolved = [each for each in survey.unresolved(account) if not has_ended(each.expires, survey.view.today)]
    for app in wanted:
        yield _resolved(app, account, allowed, survey)
    for grant in unresolved:
        yield _unresolved(grant, account, allowed, survey)
    if not wanted and not unresolved:
        yield survey.account(account).not_applicable("every application that is declared of it is past its end")


def _resolved(app: ObjectId, account: HveAccount, allowed: Known, survey: Survey) -> Judgement:
    about, name = survey.on_list(account, app), survey.label(app)
    if app in allowed.apps:
        return about.passes(f"{name} is declared and on its list")
    if waits := survey.settles(account):
        return about.not_applicable(waits)
    return about.fails(f"{name} is declared and {_not_on(allowed)}", survey.to_plan(account))


def _unresolved(grant: Grant, account: HveAccount, allowed: Known, survey: Survey) -> Judgement:
    about = survey.account(account, thing=f"apps.{grant.app.name}")
    remedy = commands.whatis(survey.view.alias, asked(grant.app.ref))
    why = f"{grant.app.name} ({grant.app.ref}) could not be resolved in this tenant"
    if survey.maybe_on_list(account, allowed, grant):
        return about.unknown(f"{why}, so whether it is on its list is not known", remedy)
    return about.fails(f"{why}; it is declared and {_not_on(allowed)}", remedy)


def _not_on(allowed: Known) -> str:
    return "not on its list" + (", which is empty: any application may send as it" if allowed.is_open else "")


RULE = TenantRule(
    id="HVE301",
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="hveadmin plan -t TENANT -a ACCOUNT",
    references=(ADD_HVE_APP_ACCESS, "docs/configuration.md"),
    judge=judge,
)

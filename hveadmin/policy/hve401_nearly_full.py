"""
HVE401: the list is nearly full, or full.

An account's list holds at most ten applications. Eight or nine are of severity low, ten of severity medium.

Why it matters: the eleventh application is refused by Exchange, usually on the day somebody needs it. A full list also
cannot change one application for another without taking the old one off first.

How to mend it: `hveadmin account show -t TENANT ACCOUNT` shows what is on the list. Take off what is not needed with
`hveadmin plan`, or give some of the applications an account of their own.

It counts what is on the list, not what is declared: that more than ten are declared is refused when the configuration
is read (CFG006). An open account holds none, and passes; HVE101 is about that.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.finding import Severity
from hveadmin.domain.tenant import CEILING, HveAccount, Unknown
from hveadmin.policy import commands
from hveadmin.policy.engine import Judgement, TenantRule, TenantView, count
from hveadmin.policy.references import ADD_HVE_APP_ACCESS
from hveadmin.policy.survey import Survey

ID = "HVE401"
WARN_AT = count("warn_at", 8, "From so many applications on a list it fails.", least=1, most=CEILING)


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement an account."""
    survey, warn_at = Survey.of(view), WARN_AT.of(view.options(ID))
    return (_of(account, warn_at, survey) for account in view.accounts)


def _of(account: HveAccount, warn_at: int, survey: Survey) -> Judgement:
    about = survey.account(account)
    if isinstance(account.allowed, Unknown):
        return survey.unread(account, account.allowed)
    held = len(account.allowed.apps)
    if held < warn_at:
        return about.passes(f"{held} of {CEILING} applications")
    room = CEILING - held
    return about.fails(
        f"{held} of {CEILING} applications: {'no other fits' if room <= 0 else f'{room} more can be granted'}",
        commands.show(survey.view.alias, account.address),
        severity=Severity.MEDIUM if room <= 0 else None,
        facts=(("held", str(held)), ("of", str(CEILING))),
    )


RULE = TenantRule(
    id=ID,
    severity=Severity.LOW,
    since="0.1",
    page=__doc__,
    fix="hveadmin account show -t TENANT ACCOUNT",
    references=(ADD_HVE_APP_ACCESS,),
    options=(WARN_AT,),
    judge=judge,
)

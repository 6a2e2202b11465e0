"""
HVE105: declared unrestricted, but restricted in fact.

The configuration says that the account is open to every application on purpose. Its list holds applications, so it is
not.

Why it matters: the exception is not needed, or not any more, and it is still an order: until its end, a plan proposes
to empty the list, and one `--allow-open` opens the account.

How to mend it: write the applications of the list in place of `mode: unrestricted`;
`hveadmin account show -t TENANT ACCOUNT` shows them. If the account is to be opened after all,
`hveadmin plan -t TENANT -a ACCOUNT` shows what that means.

It does not judge the applications on the list: nothing is declared of them. Within the minutes after a run of ours
that emptied the list, it waits.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.desired import Mode
from hveadmin.domain.finding import Severity
from hveadmin.domain.tenant import HveAccount, Unknown
from hveadmin.policy import commands
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.survey import Survey


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement an account."""
    survey = Survey.of(view)
    return (_of(account, survey) for account in view.accounts)


def _of(account: HveAccount, survey: Survey) -> Judgement:
    about = survey.account(account)
    if survey.mode(account) is not Mode.UNRESTRICTED:
        return about.not_applicable("not declared unrestricted")
    if isinstance(account.allowed, Unknown):
        return survey.unread(account, account.allowed)
    if account.allowed.is_open:
        return about.passes("declared unrestricted, and open")
    if waits := survey.settles(account):
        return about.not_applicable(waits)
    held = len(account.allowed.apps)
    return about.fails(
        f"declared unrestricted, and its list holds {held} {'application' if held == 1 else 'applications'}",
        commands.show(survey.view.alias, account.address),
    )


RULE = TenantRule(
    id="HVE105",
    severity=Severity.LOW,
    since="0.1",
    page=__doc__,
    fix="hveadmin account show -t TENANT ACCOUNT",
    references=("docs/configuration.md",),
    judge=judge,
)

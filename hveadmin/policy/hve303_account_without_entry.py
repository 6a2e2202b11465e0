"""
HVE303: a live account that no entry names.

The tenant has an HVE account that the configuration does not name, neither by its address nor by a selector.

Why it matters: nothing is promised of such an account. Nobody answers for it, no plan closes it, and what is added to
its list is never seen as extra.

How to mend it: give it an entry under `accounts` or a selector; `hveadmin account show -t TENANT ACCOUNT` shows what is
on its list. `- {match: "*", mode: observe}` as the last selector names every other account, and promises nothing.

`unmanaged_accounts` decides what it is worth: `fail` as any finding, `report` a finding of severity low, `ignore` none.
Whether the account's list could be read makes no difference here: that it exists is known from the listing. That it
is open is for HVE101, which looks at accounts without an entry too.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.desired import Unmanaged
from hveadmin.domain.finding import Severity
from hveadmin.domain.tenant import HveAccount
from hveadmin.policy import commands
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.survey import Survey


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement an account."""
    survey = Survey.of(view)
    return (_of(account, survey) for account in view.accounts)


def _of(account: HveAccount, survey: Survey) -> Judgement:
    about, unmanaged = survey.account(account), survey.view.entry.unmanaged
    found = survey.view.entries.get(account.address)
    if found is not None:
        return about.passes(f"named by {found[1]}")
    if unmanaged is Unmanaged.IGNORE:
        return about.not_applicable("no entry names it (unmanaged_accounts: ignore)")
    return about.fails(
        f"no entry and no selector names it (unmanaged_accounts: {unmanaged.value})",
        commands.show(survey.view.alias, account.address),
        severity=Severity.LOW if unmanaged is Unmanaged.REPORT else None,
    )


RULE = TenantRule(
    id="HVE303",
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="hveadmin account show -t TENANT ACCOUNT",
    references=("docs/configuration.md",),
    judge=judge,
)

"""
HVE101: the list is empty and the account is not declared unrestricted.

An empty list does not block everyone. It is no restriction at all: every application of the tenant with valid OAuth
credentials may authenticate as this account and send in its name.

Why it matters: an account is often emptied by whoever removes its last application and means to close it. Nothing in
Exchange says that it was opened.

How to mend it: where the configuration names its applications, `hveadmin plan -t TENANT -a ACCOUNT` shows how it is
closed, and `hveadmin apply -t TENANT -a ACCOUNT` closes it. Where it names none, write an entry, or grant one
application with `hveadmin account grant -t TENANT ACCOUNT OBJECT-ID`: one is enough to keep all others out. If it is
meant to be open, say `mode: unrestricted` with a reason, an owner and an end.

It looks at every account, also at those without an entry and whatever `unmanaged_accounts` says, and at those in mode
observe, additive and absent. It says nothing of an account that is declared unrestricted (HVE102 watches its end), and
nothing of SMTP basic authentication, which no list constrains.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.desired import Mode
from hveadmin.domain.finding import Severity
from hveadmin.domain.tenant import HveAccount, Unknown
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.references import OAUTH
from hveadmin.policy.survey import ANY_MAY_SEND, Survey


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement an account."""
    survey = Survey.of(view)
    return (_of(account, survey) for account in view.accounts)


def _of(account: HveAccount, survey: Survey) -> Judgement:
    about, mode = survey.account(account), survey.mode(account)
    if mode is Mode.UNRESTRICTED:
        return about.not_applicable("declared unrestricted")
    if isinstance(account.allowed, Unknown):
        return survey.unread(account, account.allowed)
    if not account.allowed.is_open:
        return about.passes("its list restricts it")
    declared = "without an entry" if mode is None else f"declared in mode {mode.value}"
    return about.fails(f"open, {declared}: {ANY_MAY_SEND}", survey.to_restrict(account))


RULE = TenantRule(
    id="HVE101",
    severity=Severity.CRITICAL,
    since="0.1",
    page=__doc__,
    fix="hveadmin plan -t TENANT -a ACCOUNT",
    references=(OAUTH, "docs/rails.md"),
    judge=judge,
)

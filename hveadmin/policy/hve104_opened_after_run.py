"""
HVE104: an account is found empty that a run of ours left restricted.

The journal says that a run of hveadmin left applications on the account's list, and read them back. Now the list is
empty, so every application may send as the account, and hveadmin did not open it.

Why it matters: somebody or something else empties lists. Whatever it was may do it again, right after the account is
closed.

How to mend it: close the account first: `hveadmin plan -t TENANT -a ACCOUNT` and `hveadmin apply -t TENANT -a ACCOUNT`,
or `hveadmin account grant -t TENANT ACCOUNT OBJECT-ID` where no entry names its applications. Then look for
Remove-HVEAppAccess in the tenant's audit log, from the time that the finding names.

It knows the runs in this machine's journal (HVEADMIN_STATE) only: where there is no such run it does not apply, which
is no pass. An account that is declared unrestricted by now is not its business. Nothing that settles is waited for:
an open account is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

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
    about, left = survey.account(account), survey.view.left_restricted.get(account.guid)
    if left is None:
        return about.not_applicable("no run of hveadmin in this journal left it restricted")
    if survey.mode(account) is Mode.UNRESTRICTED:
        return about.not_applicable("declared unrestricted")
    if isinstance(account.allowed, Unknown):
        return survey.unread(account, account.allowed)
    if not account.allowed.is_open:
        return about.passes("still restricted since the last run")
    at = left.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return about.fails(
        f"a run of hveadmin left applications on its list at {at}; now {ANY_MAY_SEND}",
        survey.to_restrict(account),
        facts=(("left_restricted_at", at),),
    )


RULE = TenantRule(
    id="HVE104",
    severity=Severity.CRITICAL,
    since="0.1",
    page=__doc__,
    fix="hveadmin plan -t TENANT -a ACCOUNT",
    references=(OAUTH, "docs/rails.md"),
    judge=judge,
)

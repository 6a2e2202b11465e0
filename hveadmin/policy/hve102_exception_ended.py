"""
HVE102: declared unrestricted, past its end, and still open.

`mode: unrestricted` leaves an account open to every application until a last day, which is inclusive. That day is
over and the list is still empty, so the account is open without anybody's word.

Why it matters: an exception that outlives its end is how a week of cut-over becomes years of an open account. No plan
closes it by itself, because nobody has said which applications are to stay.

How to mend it: write the account's applications in place of `mode: unrestricted`; then
`hveadmin plan -t TENANT -a ACCOUNT` shows how it is closed. If it must stay open, write a new end, with the reason.

It passes on the last day and before. An account that is restricted in fact passes too, whatever the file says;
HVE105 tells that the exception can go.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.desired import AccountEntry, Mode
from hveadmin.domain.finding import Severity
from hveadmin.domain.tenant import HveAccount, Unknown
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.references import OAUTH
from hveadmin.policy.survey import ANY_MAY_SEND, Survey


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement an account."""
    survey = Survey.of(view)
    return (_of(account, survey.entry(account), survey) for account in view.accounts)


def _of(account: HveAccount, entry: AccountEntry | None, survey: Survey) -> Judgement:
    about, today = survey.account(account), survey.view.today
    if entry is None or entry.mode is not Mode.UNRESTRICTED:
        return about.not_applicable("not declared unrestricted")
    if isinstance(account.allowed, Unknown):
        return survey.unread(account, account.allowed)
    if not account.allowed.is_open:
        return about.passes("declared unrestricted, and its list restricts it")
    if entry.expires is not None and today <= entry.expires:
        return about.passes(f"open on purpose until {entry.expires}")
    until = "without an end" if entry.expires is None else f"until {entry.expires}, which is past"
    return about.fails(
        f"declared unrestricted {until}; {ANY_MAY_SEND}",
        f"declare its applications at {entry.source}, then: {survey.to_plan(account)}",
        facts=() if entry.expires is None else (("expires", entry.expires.isoformat()),),
    )


RULE = TenantRule(
    id="HVE102",
    severity=Severity.HIGH,
    since="0.1",
    page=__doc__,
    fix="hveadmin plan -t TENANT -a ACCOUNT",
    references=(OAUTH, "docs/configuration.md"),
    judge=judge,
)

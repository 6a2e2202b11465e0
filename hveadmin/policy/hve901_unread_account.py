"""
HVE901: an account could not be read.

What an account allows is not known, so nothing that was found out about the others says anything about this one. A
list that could not be read is never taken for an empty one, nor for a right one: the verdict is `unknown`, the run ends
with 7, and no waiver makes it a pass.

Why it matters: the account that nobody can read may be the one that every application can send through.

How to mend it: the finding says why the read failed. Throttling and outages pass, so run the check again; a missing
right does not, and `hveadmin doctor -t TENANT ACCOUNT` says which one it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.finding import Severity, Subject, Verdict
from hveadmin.domain.tenant import Unknown
from hveadmin.policy import commands
from hveadmin.policy.engine import Judgement, TenantRule, TenantView


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement an account."""
    for account in view.accounts:
        subject = Subject(view.alias, view.facts.tenant_id, account.address, account.guid)
        match account.allowed:
            case Unknown(why):
                remedy = commands.doctor(view.alias, account.address)
                yield Judgement(Verdict.UNKNOWN, f"its list could not be read: {why}", subject, remedy)
            case _:
                yield Judgement(Verdict.PASS, "its list was read", subject)


RULE = TenantRule(
    id="HVE901",
    severity=Severity.HIGH,
    since="0.1",
    page=__doc__,
    fix="hveadmin doctor -t TENANT ACCOUNT",
    references=("docs/rails.md",),
    judge=judge,
)

"""
HVE902: the list of accounts is not complete.

Either the tenant could not be read at all, or it showed no HVE account although the configuration declares some. In
both cases there is nothing to judge, and nothing judged is not the same as nothing wrong: the verdict is `unknown`, and
the run ends with 7.

Why it matters: a check that looked at nothing finds nothing, and is green. The usual reasons are a role whose scope
leaves the accounts out, and a sign-in to another tenant than the one that was meant.

How to mend it: `hveadmin tenant test` says who is signed in where, and what they may read. Where the tenant really has
no HVE account, say so: an entry under `tenants` with neither `accounts` nor `selectors` expects none.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.desired import TenantEntry
from hveadmin.domain.finding import Severity, Subject, Verdict
from hveadmin.policy.engine import Judgement, TenantRule, TenantView

FIX = "hveadmin tenant test"


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement: whether what is declared can have been seen."""
    subject = Subject(view.alias, view.facts.tenant_id)
    found = len(view.facts.snapshot.accounts)
    if found > 0:
        yield Judgement(Verdict.PASS, f"{found} account{'' if found == 1 else 's'} found", subject)
    elif expects_some(view.entry):
        message = "no HVE account was found, and the configuration declares some: nothing could be judged"
        yield Judgement(Verdict.UNKNOWN, message, subject)
    else:
        yield Judgement(Verdict.PASS, "no HVE account was found, and the configuration declares none", subject)


def expects_some(entry: TenantEntry) -> bool:
    """Whether the configuration declares accounts of a tenant, by name or by a selector."""
    return len(entry.accounts) + len(entry.selectors) > 0


def not_read(tenant: Subject, why: str) -> Judgement:
    """What is said of a tenant that could not be read at all."""
    return Judgement(Verdict.UNKNOWN, f"the tenant could not be read: {why}", tenant)


RULE = TenantRule(
    id="HVE902",
    severity=Severity.HIGH,
    since="0.1",
    page=__doc__,
    fix=FIX,
    references=("docs/permissions.md",),
    judge=judge,
)

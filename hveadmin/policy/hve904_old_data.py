"""
HVE904: the data is older than it may be.

`--max-age` says how old the data may be that a check is made from. Data from a tenant is seconds old; data from a
snapshot is as old as the snapshot. This is older.

Why it matters: every other verdict of this run is right for the time at which the data was read, and says nothing
about now.

How to mend it: take the snapshot again, or check the tenant itself. Without `--max-age` this rule has nothing to say.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.finding import Severity, Subject, Verdict
from hveadmin.policy.engine import Judgement, TenantRule, TenantView


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement where a limit was set."""
    subject = Subject(view.alias, view.facts.tenant_id)
    read_at, limit = view.facts.read_at, view.max_age_seconds
    if limit is None:
        yield Judgement(Verdict.NOT_APPLICABLE, "nobody set a limit with --max-age", subject)
        return
    age = (view.now - read_at).total_seconds()
    read = f"read at {read_at:%Y-%m-%dT%H:%M:%SZ}"
    facts = (("read_at", f"{read_at:%Y-%m-%dT%H:%M:%SZ}"), ("max_age_seconds", f"{limit:g}"))
    if age > limit:
        message = f"{read}, which is longer ago than --max-age allows"
        yield Judgement(Verdict.FAIL, message, subject, facts=facts)
    else:
        yield Judgement(Verdict.PASS, read, subject, facts=facts)


RULE = TenantRule(
    id="HVE904",
    severity=Severity.LOW,
    since="0.1",
    page=__doc__,
    fix="hveadmin snapshot -o FILE, or check without --snapshot",
    references=("docs/commands/check.md",),
    judge=judge,
)

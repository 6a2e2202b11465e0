"""
HVE903: the directory could not be read, so ids were not checked.

A list holds ids. What they are (a service principal, a client id by mistake, something deleted, somebody else's
application) is for the directory to say, and it did not. Every rule that needs its word is left open for these ids;
they are counted here, and they did not pass.

Why it matters: lists that look right may hold ids that let nobody in, or a stranger.

How to mend it: the finding names what is missing; it is most often the permission Application.Read.All on Microsoft
Graph. `hveadmin tenant test` shows what is granted, and docs/permissions.md how to grant it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.finding import Severity, Subject, Verdict
from hveadmin.domain.tenant import HveAccount, Known, Unreadable
from hveadmin.policy.engine import Judgement, TenantRule, TenantView


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement: whether somebody could say what the ids are."""
    subject = Subject(view.alias, view.facts.tenant_id)
    match view.facts.snapshot.directory:
        case Unreadable(why, grant):
            ids, lists = _unchecked(view.accounts)
            message = f"the directory could not be read ({why}): {_so_many(ids, lists)} not checked"
            remedy = f"grant {grant}" if grant else ""
            facts = (("ids_not_checked", str(ids)), ("lists", str(lists)))
            yield Judgement(Verdict.FAIL, message, subject, remedy, facts=facts)
        case _:
            yield Judgement(Verdict.PASS, "the directory was read", subject)


def _unchecked(accounts: tuple[HveAccount, ...]) -> tuple[int, int]:
    """Different ids, and the lists that hold any."""
    lists = [account.allowed.apps for account in accounts if isinstance(account.allowed, Known)]
    return len(frozenset[object]().union(*lists)), sum(len(apps) > 0 for apps in lists)


def _so_many(ids: int, lists: int) -> str:
    """`1 id on 2 lists was`, for the sentence about them."""
    id_, was = ("id", "was") if ids == 1 else ("ids", "were")
    return f"{ids} {id_} on {lists} {'list' if lists == 1 else 'lists'} {was}"


RULE = TenantRule(
    id="HVE903",
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="hveadmin tenant test",
    references=("docs/permissions.md",),
    judge=judge,
)

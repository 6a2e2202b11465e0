"""
HVE305: a selector matches no account.

A selector's glob, less its exceptions, covers no HVE account of the tenant.

Why it matters: the accounts that it was written for are gone, or it never matched them: `hve-alert` was written where
`hve-alert*` was meant, or another domain. What it promises holds for nothing.

How to mend it: `hveadmin account list -t TENANT -a GLOB` shows what a glob covers; a glob covers the whole address.
Correct the selector, or take it out.

It does not tell that a selector is never reached, because exact entries or earlier selectors speak for all that it
matches. It can be told with a tenant only, so `--config-only` leaves it out, and `-a` does not narrow it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hveadmin.domain.desired import Selector
from hveadmin.domain.finding import Severity
from hveadmin.domain.resolve import entry_for
from hveadmin.policy import commands
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.survey import Survey
from hveadmin.policy.written import selector_names


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement a selector."""
    survey = Survey.of(view)
    for thing, selector in zip(selector_names(view.entry), view.entry.selectors, strict=True):
        about, matched = survey.tenant(thing, selector.entry.source), _matched(selector, view)
        if matched == 0:
            remedy = commands.command("account", "list", "-t", view.alias)
            yield about.fails(f"{thing} matches no account of the tenant", remedy)
        else:
            yield about.passes(f"{thing} matches {matched} {'account' if matched == 1 else 'accounts'}")


def _matched(selector: Selector, view: TenantView) -> int:
    alone = replace(view.entry, accounts={}, selectors=(selector,))
    return sum(entry_for(alone, account.address) is not None for account in view.facts.snapshot.accounts)


RULE = TenantRule(
    id="HVE305",
    severity=Severity.LOW,
    since="0.1",
    page=__doc__,
    fix="hveadmin account list -t TENANT",
    references=("docs/configuration.md",),
    judge=judge,
)

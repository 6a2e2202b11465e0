"""
HVE404: a grant, or an exception, ends soon.

The last day of an application, of one of its grants, or of an account that is open on purpose lies within
`defaults.expiry_warning` (30 days without it), today included.

Why it matters: from the day after, a plan proposes to take the application off its lists, and its mail stops where
nobody was asked in time. An account that is open on purpose becomes a finding on that day.

How to mend it: ask the owner. If it is to go on, write a later `expires`; if not, leave it: `hveadmin plan` proposes
the removal when it is due. `hveadmin validate` shows what is past its end already.

It is judged from the configuration alone, so it runs with `--config-only` too. Where the end is the application's own,
it is reported once, whatever the number of lists. What is past its end is not soon: then HVE403 looks whether it is
still on a list, and HVE102 whether the account is still open. In mode absent an end means nothing, and is passed over.
Waivers that end are HVE501's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from hveadmin.domain.desired import AccountEntry, Mode, TenantEntry
from hveadmin.domain.finding import Severity, Subject
from hveadmin.policy.about import About
from hveadmin.policy.engine import ConfigRule, ConfigView, Judgement
from hveadmin.policy.written import application, entries, granted


def judge(view: ConfigView) -> Iterator[Judgement]:
    """One judgement an application, one for each grant with an end of its own, one for each open exception."""
    for app in view.desired.apps.values():
        yield _judged(application(app), app.name, app.expires, view)
    for tenant in view.desired.tenants.values():
        yield from _of_tenant(tenant, view)


def _of_tenant(tenant: TenantEntry, view: ConfigView) -> Iterator[Judgement]:
    for whose, entry in entries(tenant):
        if entry.mode is Mode.UNRESTRICTED:
            yield _judged(About(whose, entry.source), "the exception that leaves it open", entry.expires, view)
        elif entry.mode is not Mode.ABSENT:
            yield from _of_grants(whose, entry, view)


def _of_grants(whose: Subject, entry: AccountEntry, view: ConfigView) -> Iterator[Judgement]:
    for grant in entry.grants:
        if grant.expires != grant.app.expires:
            yield _judged(granted(whose, grant), f"the grant of {grant.app.name}", grant.expires, view)


def _judged(about: About, what: str, expires: date | None, view: ConfigView) -> Judgement:
    if expires is None:
        return about.not_applicable(f"{what} has no end")
    left = (expires - view.today).days
    if left < 0:
        return about.not_applicable(f"{what} ended on {expires}")
    if left > view.desired.expiry_warning_days:
        return about.passes(f"{what} ends on {expires}")
    when = {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")
    return about.fails(
        f"{what} ends {when}, on {expires}",
        f"write a later expires at {about.source}, or leave it to end",
        facts=(("expires", expires.isoformat()), ("days", str(left))),
    )


RULE = ConfigRule(
    id="HVE404",
    severity=Severity.LOW,
    since="0.1",
    page=__doc__,
    fix="hveadmin validate",
    references=("docs/configuration.md",),
    judge=judge,
)

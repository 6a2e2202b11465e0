"""
HVE406: an application is defined and used nowhere.

`apps` has an entry that is on no list: no account, no selector, and no set that one of them uses names it.

Why it matters: it costs nothing, but whoever reads the file takes it for an application that may send. Often it is
left over, or somebody forgot to put it on a list.

How to mend it: take the entry out, or put the application on a list; then `hveadmin validate` reads the file again.

It is judged from the configuration alone. An entry may still be of use there: an application that is on the live list
of an account in mode observe is known by it, and HVE201 does not call it unknown. Then keep it, and waive this.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.finding import Severity
from hveadmin.domain.resolve import all_grants
from hveadmin.policy.engine import ConfigRule, ConfigView, Judgement
from hveadmin.policy.written import application


def judge(view: ConfigView) -> Iterator[Judgement]:
    """One judgement an application."""
    used = {grant.app.name for tenant in view.desired.tenants.values() for grant in all_grants(tenant)}
    for name, app in view.desired.apps.items():
        if name in used:
            yield application(app).passes("on a list")
        else:
            remedy = f"take it out at {app.source}, or put it on a list"
            yield application(app).fails(f"{name} is defined and on no list", remedy)


RULE = ConfigRule(
    id="HVE406",
    severity=Severity.INFO,
    since="0.1",
    page=__doc__,
    fix="hveadmin validate",
    references=("docs/configuration.md",),
    judge=judge,
)

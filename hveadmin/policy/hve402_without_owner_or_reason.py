"""
HVE402: an application has no owner or no reason.

The configuration lets an application send and does not say who answers for it, or what it sends and why.

Why it matters: in a year somebody asks whether it may go. Without an owner there is nobody to ask, and without a
reason nobody dares.

How to mend it: write `owner` and `reason` beside the application in `apps`, or beside each of its grants.
`defaults.owner` answers for everything that names nobody. With `policy.require: [owner, reason]` a configuration that
lacks them is refused when it is read, so that none comes to be merged; `hveadmin validate` then says where.

An application passes whose every grant says for itself what the application does not say. Whether the owner still
exists is not looked at, nor what is said about accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from hveadmin.domain.desired import AppEntry, DesiredState, Grant
from hveadmin.domain.finding import Severity
from hveadmin.domain.resolve import all_grants
from hveadmin.policy.engine import ConfigRule, ConfigView, Judgement
from hveadmin.policy.written import application

_SAID: Mapping[str, Callable[[AppEntry | Grant], str]] = {
    "owner": lambda whose: whose.owner,
    "reason": lambda whose: whose.reason,
}


def judge(view: ConfigView) -> Iterator[Judgement]:
    """One judgement an application."""
    grants = _by_application(view.desired)
    return (_of(app, grants.get(name, ())) for name, app in view.desired.apps.items())


def _by_application(desired: DesiredState) -> dict[str, list[Grant]]:
    found: dict[str, list[Grant]] = {}
    for tenant in desired.tenants.values():
        for grant in all_grants(tenant):
            found.setdefault(grant.app.name, []).append(grant)
    return found


def _of(app: AppEntry, grants: Sequence[Grant]) -> Judgement:
    lacking = {what: [grant for grant in grants if not said(grant)] for what, said in _SAID.items()}
    # Where there is no grant, nobody else could say it.
    missing = [what for what, said in _SAID.items() if not said(app) and (lacking[what] or len(grants) == 0)]
    if not missing:
        return application(app).passes("says who answers for it, and why it sends")
    silent = sum(any(not _SAID[what](grant) for what in missing) for grant in grants)
    besides = f", and {silent} of its {len(grants)} grants say nothing of it either" if silent > 0 else ""
    return application(app).fails(
        f"{app.name} has no {' and no '.join(missing)}{besides}",
        f"write {' and '.join(missing)} at {app.source}",
        facts=(("missing", ", ".join(missing)),),
    )


RULE = ConfigRule(
    id="HVE402",
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="hveadmin validate",
    references=("docs/configuration.md",),
    judge=judge,
)

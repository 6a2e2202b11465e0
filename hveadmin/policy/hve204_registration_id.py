"""
HVE204: the object id of an app registration stands where a service principal's object id must.

Both are called Object ID. The one under App registrations is the registration's; the one under Enterprise applications
is the service principal's, and it alone belongs on a list. The same holds for `object_id` and `client_id` in the
configuration.

Why it matters: on a list it lets nobody in, the sender it was meant for is refused, and one of ten places is taken.

How to mend it: put the service principal's object id in its place; the finding has the commands, the right id first so
that the list is never empty. Where the application has no service principal in this tenant,
`hveadmin app whatis -t TENANT ID` says how to make it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.finding import Severity
from hveadmin.domain.tenant import IdKind
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.listed import Listed, Written, each_listed, each_written
from hveadmin.policy.references import ADD_HVE_APP_ACCESS


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for every id on every list, and for every id that the configuration writes down."""
    yield from each_listed(view, _of_listed)
    yield from each_written(view, _of_written)


def _of_listed(listed: Listed) -> Judgement:
    if listed.identity.kind is not IdKind.APP_REGISTRATION:
        return listed.about.passes("not an app registration's object id")
    principal = listed.identity.principal
    if principal is None:
        message = f"{listed.label} is an app registration's object id, and it has no service principal in this tenant"
        return listed.about.fails(message, listed.whatis)
    whose = listed.survey.label(principal.object_id)
    message = (
        f"{listed.id} is the object id of the app registration of {whose}, which lets nobody in;"
        f" its service principal's is {principal.object_id}"
    )
    return listed.about.fails(message, listed.replace_by(principal), facts=(("object_id", principal.object_id.value),))


def _of_written(written: Written) -> Judgement:
    if written.identity.kind is not IdKind.APP_REGISTRATION:
        return written.about.passes("not an app registration's object id")
    message = f"{written.app.name} has the object id of an app registration, {written.id}, as its {written.key}"
    client = written.identity.client_id
    remedy = written.whatis if client is None else f"write client_id: {client} at {written.app.source}"
    return written.about.fails(message, remedy)


RULE = TenantRule(
    id="HVE204",
    severity=Severity.HIGH,
    since="0.1",
    page=__doc__,
    fix="hveadmin app whatis -t TENANT ID",
    references=(ADD_HVE_APP_ACCESS,),
    judge=judge,
)

"""
HVE203: an application's client id stands where its service principal's object id must.

A list holds object ids of service principals: Entra admin centre > Enterprise applications > the application > Object
ID. The application (client) id, which most pages and tools show first, is another GUID of the same application. On a
list it lets nobody in. The same holds for `object_id` in the configuration.

Why it matters: the sender it was meant for is refused (550 5.7.240 or 535 5.7.3), and one of ten places is taken. An
account whose only entry is a client id lets nobody send at all.

How to mend it: put the object id in its place; the finding has the commands, the right id first so that the list is
never empty. Exchange refuses wrong ids when they are added now, so one that is there is probably older than that.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.finding import Severity
from hveadmin.domain.tenant import IdKind
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.listed import Listed, Written, each_listed, each_written
from hveadmin.policy.references import ADD_HVE_APP_ACCESS


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for every id on every list, and for every id that the configuration writes as an object id."""
    yield from each_listed(view, _of_listed)
    yield from each_written(view, _of_written)


def _of_listed(listed: Listed) -> Judgement:
    if listed.identity.kind is not IdKind.CLIENT_ID:
        return listed.about.passes("not a client id")
    principal = listed.identity.principal
    if principal is None:
        message = f"{listed.label} is a client id, of an application without a service principal in this tenant"
        return listed.about.fails(message, listed.revoke)
    whose = listed.survey.label(principal.object_id)
    message = f"{listed.id} is the client id of {whose}, which lets nobody in; its object id is {principal.object_id}"
    remedy = listed.replace_by(principal)
    return listed.about.fails(message, remedy, facts=(("object_id", principal.object_id.value),))


def _of_written(written: Written) -> Judgement:
    if written.key == "client_id":
        return written.about.not_applicable("written as a client id")
    if written.identity.kind is not IdKind.CLIENT_ID:
        return written.about.passes("not a client id")
    message = f"{written.app.name} has a client id, {written.id}, as its object_id"
    return written.about.fails(message, f"write client_id: {written.id} at {written.app.source}")


RULE = TenantRule(
    id="HVE203",
    severity=Severity.HIGH,
    since="0.1",
    page=__doc__,
    fix="hveadmin app whatis -t TENANT ID",
    references=(ADD_HVE_APP_ACCESS,),
    judge=judge,
)

"""
HVE209: an application on a list cannot send anyway.

The list lets an application in; to send, it needs two things more. It needs Mail.Send on Office 365 Exchange Online,
with admin consent: Microsoft Graph's permission of the same name does not count. And it needs a credential that is
good. This rule fails where the permission is not in force, and where every secret and certificate of the application
has run out.

Why it matters: whoever looks into a sender that does not work finds the reason here. If nobody misses the mail, the
place on the list is free to be taken back.

How to mend it: the finding has the next step. `hveadmin app show -t TENANT ID` shows all that was found out. If the
application is not used any more, `hveadmin account revoke -t TENANT ACCOUNT ID` takes it off the list.

An application without any secret or certificate passes, because federated credentials, which are not read, need none;
so does one whose registration is another tenant's. Delegated consent is seen with Directory.Read.All only: an
application that may have it is `unknown` without.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.facts import Part
from hveadmin.domain.finding import Severity
from hveadmin.domain.ids import ObjectId
from hveadmin.domain.permissions import (
    CredentialVerdict,
    MailPermission,
    MailVerdict,
    judge_credentials,
    may_send,
    next_step,
    says,
)
from hveadmin.domain.permissions import judge as judge_permission
from hveadmin.domain.tenant import Unreadable
from hveadmin.policy.commands import command
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.listed import principals_on_lists
from hveadmin.policy.references import OAUTH
from hveadmin.policy.survey import Survey


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for every service principal on any list."""
    survey, permissions = Survey.of(view), view.facts.permissions
    if isinstance(permissions, Unreadable):
        message = f"what applications may do could not be read: {permissions.why}"
        yield survey.tenant().unknown(message, "hveadmin tenant test")
        return
    for principal in principals_on_lists(view):
        yield _of(principal.object_id, permissions.get(principal.object_id), survey)


def _of(app: ObjectId, seen: MailPermission | None, survey: Survey) -> Judgement:
    about, show = survey.application(app), command("app", "show", "-t", survey.view.alias, of=(app.value,))
    if seen is None:
        return about.unknown(f"nobody looked at what {survey.label(app)} may do", show)
    verdict = judge_permission(seen, survey.view.facts.tenant_id)
    may = may_send(verdict, seen.consented)
    if may is None:
        return about.unknown(f"whether {survey.label(app)} may send could not be seen: {says(verdict)}", show)
    if not may:
        step = next_step(verdict, seen)
        remedy = show if step is None else step.command or step.portal
        return about.fails(f"{survey.label(app)} cannot send: {says(verdict)}", remedy)
    if verdict is MailVerdict.GRANTED and _has_run_out(seen, survey.view):
        message = f"{survey.label(app)} cannot send: every secret and certificate of it has run out"
        return about.fails(message, show)
    return about.passes(says(verdict))


def _has_run_out(seen: MailPermission, view: TenantView) -> bool:
    """Who sends as a signed-in user may be a public client, which has nothing that could run out."""
    return judge_credentials(seen.credentials, view.now) is CredentialVerdict.EXPIRED


RULE = TenantRule(
    id="HVE209",
    severity=Severity.INFO,
    since="0.1",
    page=__doc__,
    fix="hveadmin app show -t TENANT ID",
    references=(OAUTH, "docs/commands/app-show.md"),
    needs=frozenset({Part.PERMISSIONS}),
    judge=judge,
)

"""
HVE206: the service principal on a list is disabled.

Somebody switched off "Enabled for users to sign-in", or Microsoft disabled the application. No token is issued to it
(AADSTS7000112), so it cannot send.

Why it matters: either a sender does not work, or the application was retired and its place on the list was forgotten.
Whoever switches it on again lets it send again.

How to mend it: if it was retired, `hveadmin account revoke -t TENANT ACCOUNT ID` takes it off the list. If it is
wanted, switch it on: Entra admin centre > Enterprise applications > the application > Properties. An application that
Microsoft disabled is switched on by nobody else; look for Microsoft's notice about it first.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.finding import Severity
from hveadmin.domain.tenant import IdKind
from hveadmin.policy import powershell
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.listed import Listed, each_listed
from hveadmin.policy.references import ADD_HVE_APP_ACCESS


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for every id on every list."""
    return each_listed(view, _of)


def _of(listed: Listed) -> Judgement:
    about, principal = listed.about, listed.identity.principal
    if listed.identity.kind is not IdKind.SERVICE_PRINCIPAL or principal is None:
        return about.not_applicable("not a service principal's id")
    if principal.disabled_by_microsoft:
        message = (
            f"{listed.label} was disabled by Microsoft ({principal.disabled_by_microsoft}): no token is issued to it"
        )
        return about.fails(message, listed.revoke)
    if principal.enabled:
        return about.passes("enabled")
    declared = listed.survey.configured_name(listed.id) != ""
    remedy = powershell.enable(principal.object_id) if declared else listed.revoke
    return about.fails(f"{listed.label} is disabled: no token is issued to it", remedy)


RULE = TenantRule(
    id="HVE206",
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="hveadmin account revoke -t TENANT ACCOUNT ID",
    references=(ADD_HVE_APP_ACCESS,),
    judge=judge,
)

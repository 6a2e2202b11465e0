"""
HVE207: an application on a list belongs to another tenant.

The service principal is in this tenant, but the application was registered elsewhere: a vendor's, a partner's, a
company's that was bought or sold. Its secrets are made, kept and leaked there, and nothing in this tenant shows it.

Why it matters: whoever runs the other tenant can send as the account. That may be what was agreed; then the agreement
should be written down where it is reviewed.

How to mend it: approve the other tenant in `approved_tenants`, or the one application by its client id in
`approved_apps`, both options of this rule; or accept it for a time with a waiver; or take it off the list with
`hveadmin account revoke -t TENANT ACCOUNT ID`. That it stands in `apps` is no approval: an application can be declared
by somebody who does not know whose it is.

Applications of Microsoft's own tenant count as foreign, because some of them act for whoever signs in. A managed
identity belongs to this tenant. The verified publisher's name in the finding is what Microsoft verified; the display
name is what somebody chose.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.finding import Severity
from hveadmin.domain.ids import Guid
from hveadmin.domain.tenant import IdKind, ServicePrincipal
from hveadmin.policy.engine import Judgement, TenantRule, TenantView, guids
from hveadmin.policy.listed import Listed, each_listed
from hveadmin.policy.references import OAUTH

ID = "HVE207"
APPROVED_TENANTS = guids("approved_tenants", "The tenants whose applications are approved, by their ids.")
APPROVED_APPS = guids("approved_apps", "The applications of other tenants that are approved, by their client ids.")

# [G] Where Microsoft registers what it offers itself.
_MICROSOFT = Guid("f8cdef31-a31e-4b4a-93e4-5f571e91255a")


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for every id on every list."""
    return each_listed(view, _of)


def _of(listed: Listed) -> Judgement:
    about, principal, view = listed.about, listed.identity.principal, listed.survey.view
    if listed.identity.kind is not IdKind.SERVICE_PRINCIPAL or principal is None:
        return about.not_applicable("not a service principal's id")
    if principal.principal_type == "ManagedIdentity" or principal.owner_tenant == view.facts.tenant_id:
        return about.passes("of this tenant")
    if principal.owner_tenant is None:
        return about.unknown(f"the directory does not say which tenant registered {listed.label}", listed.whatis)
    options = view.options(ID)
    owner, client = Guid(principal.owner_tenant.value), Guid(principal.client_id.value)
    if owner in APPROVED_TENANTS.of(options) or client in APPROVED_APPS.of(options):
        return about.passes(f"of tenant {owner}, and approved")
    message = f"{listed.label} was registered in {_whose(owner)}, {_by(principal)}, and is not approved"
    return about.fails(message, listed.revoke, facts=(("owner_tenant", owner.value),))


def _whose(owner: Guid) -> str:
    return f"Microsoft's tenant {owner}" if owner == _MICROSOFT else f"another tenant, {owner}"


def _by(principal: ServicePrincipal) -> str:
    return f'verified publisher "{principal.publisher}"' if principal.publisher else "without a verified publisher"


RULE = TenantRule(
    id=ID,
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="hveadmin account revoke -t TENANT ACCOUNT ID",
    references=(OAUTH,),
    options=(APPROVED_TENANTS, APPROVED_APPS),
    judge=judge,
)

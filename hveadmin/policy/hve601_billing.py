"""
HVE601: an account has no valid billing policy, so it cannot send.

HVE is paid by use: every account needs a billing policy that is connected to an Azure subscription which is active
[Get-HVEAccountBillingPolicy]. The finding has the service's own word for what is wrong.

Why it matters: mail through the account is refused, whatever its list says.

How to mend it: in Exchange Online PowerShell, `Get-BillingPolicy -ResourceType HVE` shows which billing policies there
are, and `Set-HVEAccountBillingPolicy` gives one to the account. A subscription that is not active is mended in the
Azure portal, a licence in the Microsoft 365 admin centre.

Reading it takes a role that holds Get-HVEAccountBillingPolicy; without one nothing is looked at, and the finding says
so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hveadmin.domain.facts import Billing, BillingStatus, Part
from hveadmin.domain.finding import Severity
from hveadmin.domain.tenant import HveAccount, Unknown, Unreadable
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.parts import not_read
from hveadmin.policy.powershell import set_billing_policy
from hveadmin.policy.survey import Survey

_MEANS: Mapping[str, str] = {
    BillingStatus.NOT_STORED: "it has no billing policy",
    BillingStatus.NOT_FOUND: "its billing policy does not exist any more",
    BillingStatus.MISMATCHED: "its billing policy does not fit it",
    BillingStatus.NOT_CONNECTED: "no billing policy is connected to it",
    BillingStatus.SUBSCRIPTION_INACTIVE: "the Azure subscription behind its billing policy is not active",
    BillingStatus.NO_LICENSE: "the tenant has no licence that HVE needs",
}
_ELSEWHERE: Mapping[str, str] = {
    BillingStatus.SUBSCRIPTION_INACTIVE: "Azure portal > Subscriptions > the subscription: reactivate it",
    BillingStatus.NO_LICENSE: "Microsoft 365 admin centre > Billing > Licenses",
}


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement an account; one for the tenant where nobody may ask."""
    survey, facts = Survey.of(view), view.facts.billing
    if isinstance(facts, Unreadable):
        yield not_read(survey.tenant(), "whether accounts have a valid billing policy", facts)
        return
    for account in view.accounts:
        yield _of(account, facts.get(account.address), survey)


def _of(account: HveAccount, found: Billing | Unknown | None, survey: Survey) -> Judgement:
    about = survey.account(account)
    match found:
        case None:
            return about.unknown("nobody looked at its billing policy", "")
        case Unknown(why):
            return about.unknown(f"its billing policy could not be read: {why}", "")
        case Billing(BillingStatus.VALID.value, policy):
            return about.passes(f'billed by "{policy}"' if policy else "its billing policy is valid")
        case Billing(status) if status in _MEANS:
            remedy = _ELSEWHERE.get(status) or set_billing_policy(account.address)
            return about.fails(f"it cannot send: {_MEANS[status]} ({status})", remedy, facts=(("status", status),))
        case Billing(status):
            return about.unknown(f'the service says "{status}", which this version does not know', "")


RULE = TenantRule(
    id="HVE601",
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="Get-HVEAccountBillingPolicy -Identity ACCOUNT",
    references=(
        "https://learn.microsoft.com/powershell/module/exchangepowershell/get-hveaccountbillingpolicy",
        "https://learn.microsoft.com/exchange/mail-flow-best-practices/high-volume-mails-m365",
    ),
    needs=frozenset({Part.BILLING}),
    judge=judge,
)

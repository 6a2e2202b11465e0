"""
HVE106: SMTP basic authentication works for the account.

The list says which applications may send as the account with OAuth, and with OAuth only. Whoever knows the account's
password and may use it for SMTP goes past the list [Microsoft's page on OAuth for HVE]. Whether that is possible is
decided by the authentication policy that is in force for the account: its user's own, else the organisation's default.
This rule fails where that policy has AllowBasicAuthSmtp, and where no policy is in force.

Why it matters: a list that is in order looks like a guarantee. It is none while a password opens the same door.

How to mend it: move whatever signs in with the password to OAuth, then give the account an authentication policy that
blocks it; the finding has the commands. Microsoft has announced that basic authentication for HVE ends in September
2028.

What is not looked at: Security Defaults and Conditional Access, either of which may block basic authentication as well.
Where one of them does, disable this rule. Reading the policies takes Get-AuthenticationPolicy and
Get-OrganizationConfig, and Get-User where different accounts may have different policies; without a role that holds
them nothing is looked at, and the finding says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.facts import BasicAuth, Part
from hveadmin.domain.finding import Severity
from hveadmin.domain.tenant import HveAccount, Unknown, Unreadable
from hveadmin.policy.engine import Judgement, TenantRule, TenantView
from hveadmin.policy.parts import not_read
from hveadmin.policy.powershell import block_basic_authentication
from hveadmin.policy.references import OAUTH
from hveadmin.policy.survey import Survey


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement an account; one for the tenant where the policies could not be read."""
    survey, facts = Survey.of(view), view.facts.basic_auth
    if isinstance(facts, Unreadable):
        yield not_read(survey.tenant(), "whether SMTP basic authentication works", facts)
        return
    for account in view.accounts:
        yield _of(account, facts.get(account.address), survey)


def _of(account: HveAccount, found: BasicAuth | Unknown | None, survey: Survey) -> Judgement:
    about = survey.account(account)
    match found:
        case BasicAuth.BLOCKED:
            return about.passes("its authentication policy blocks SMTP basic authentication")
        case BasicAuth.ALLOWED:
            return about.fails(
                "no authentication policy blocks SMTP basic authentication: its password goes past its list"
                " (Security Defaults and Conditional Access were not looked at)",
                block_basic_authentication(account.address),
            )
        case Unknown(why):
            return about.unknown(f"whether SMTP basic authentication works is not known: {why}", "")
        case None:
            return about.unknown("nobody looked whether SMTP basic authentication works", "")


RULE = TenantRule(
    id="HVE106",
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="Set-User -Identity ACCOUNT -AuthenticationPolicy POLICY",
    references=(
        OAUTH,
        "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/disable-basic-authentication-in-exchange-online",
    ),
    needs=frozenset({Part.BASIC_AUTH}),
    judge=judge,
)

"""
HVE103: declared unrestricted without a ticket, or by an owner who is gone.

`mode: unrestricted` leaves an account open to every application on somebody's word. This rule asks for two things
behind that word: a `ticket`, where the decision can be read up, and an `owner` who can still be asked. An owner that
is written as a mail address is looked up among the tenant's users and groups: as a mail address, as a sign-in name and
as one of their other addresses. An owner that is written as anything else is nobody whom a directory can know.

Why it matters: when the exception has to be ended, somebody must know why it was made and what breaks. Exceptions
whose owner left are the ones that stay.

How to mend it: write `ticket:` and an `owner:` of today into the account's entry. Who no longer needs the exception
writes the account's applications in its place; `hveadmin plan -t TENANT -a ACCOUNT` then shows how it is closed.

The ticket is looked at with --config-only too. Looking up owners takes User.ReadBasic.All and GroupMember.Read.All on
Microsoft Graph (Directory.Read.All includes both); without them owners are not looked at, and the finding says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.desired import AccountEntry, Mode
from hveadmin.domain.facts import Part
from hveadmin.domain.finding import Severity
from hveadmin.domain.ids import Address, NotAnAddress
from hveadmin.domain.tenant import HveAccount, Unreadable
from hveadmin.policy.about import About
from hveadmin.policy.engine import ConfigRule, ConfigView, Judgement, TenantRule, TenantView
from hveadmin.policy.parts import not_read
from hveadmin.policy.references import OAUTH
from hveadmin.policy.survey import Survey
from hveadmin.policy.written import entries


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement an account."""
    survey = Survey.of(view)
    return (_of(account, survey.entry(account), survey) for account in view.accounts)


def _of(account: HveAccount, entry: AccountEntry | None, survey: Survey) -> Judgement:
    about = survey.account(account)
    if entry is None or entry.mode is not Mode.UNRESTRICTED:
        return about.not_applicable("not declared unrestricted")
    owners = survey.view.facts.owners
    owner = _address(entry.owner)
    there = None if isinstance(owners, Unreadable) or owner is None else owners.get(owner.value)
    gone = f"nobody in the tenant has the address of its owner, {entry.owner}" if there is False else ""
    if not entry.ticket or gone:
        return _fails(about, entry, gone)
    if owner is None:
        return about.passes(f"ticket {entry.ticket}; its owner, {entry.owner or 'nobody'}, is not a mail address")
    if isinstance(owners, Unreadable):
        return not_read(about, f"whether its owner, {entry.owner}, is still there", owners)
    if there is None:
        return about.unknown(f"nobody looked whether its owner, {entry.owner}, is still there", "")
    return about.passes(f"ticket {entry.ticket}, owner {entry.owner}")


def judge_offline(view: ConfigView) -> Iterator[Judgement]:
    """Whether there is a ticket: all that can be said without a tenant."""
    for tenant in view.desired.tenants.values():
        for subject, entry in entries(tenant):
            if entry.mode is Mode.UNRESTRICTED:
                about = About(subject, entry.source)
                yield about.passes(f"ticket {entry.ticket}") if entry.ticket else _fails(about, entry)


def _fails(about: About, entry: AccountEntry, gone: str = "") -> Judgement:
    lacking = {"ticket:": "" if entry.ticket else "it has no ticket", "owner:": gone}
    keys = [key for key, why in lacking.items() if why]
    why = " and ".join(filter(None, lacking.values()))
    return about.fails(f"declared unrestricted, but {why}", f"write {' and '.join(keys)} at {entry.source}")


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except NotAnAddress:
        return None


RULE = TenantRule(
    id="HVE103",
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="hveadmin validate",
    references=(OAUTH, "docs/configuration.md"),
    needs=frozenset({Part.OWNERS}),
    judge=judge,
)

OFFLINE = ConfigRule(RULE.id, RULE.severity, RULE.since, RULE.page, RULE.fix, RULE.references, judge=judge_offline)
"""What it can say where no tenant is read (--config-only)."""

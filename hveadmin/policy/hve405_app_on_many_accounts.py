"""
HVE405: one application is on more accounts than policy allows.

The application's service principal is on the lists of more HVE accounts of the tenant than `max_accounts` says.

Why it matters: whoever holds that application's secret can send as every one of these accounts. The more there are,
the more is lost with one secret, and the less a list says about who sends what.

How to mend it: give each system an application of its own with `hveadmin app register`, and take this one off the
accounts it does not need: `hveadmin app show -t TENANT ID` says which lists it is on.

Without `max_accounts` the rule does not apply. Lists are counted as they are, by object id, whether or not an entry
names the account. A list that could not be read may hold the application: where it could make the difference, the
verdict is unknown. Open accounts are not counted, though the application may send as those too. With `-a`, only
applications on the lists of those accounts are judged, and all accounts are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hveadmin.domain.finding import Severity
from hveadmin.domain.ids import Address, ObjectId
from hveadmin.domain.tenant import HveAccount, Unknown
from hveadmin.policy import commands
from hveadmin.policy.engine import Judgement, Option, TenantRule, TenantView, count
from hveadmin.policy.survey import Survey

ID = "HVE405"
_COUNT = count("max_accounts", 0, "", least=1)
MAX_ACCOUNTS: Option[int | None] = Option(
    _COUNT.name,
    None,
    "An application is on at most so many accounts' lists in one tenant; without it there is no limit.",
    _COUNT.expected,
    _COUNT.read,
)


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for each application on a list that is asked for, and one for each such list that is unknown."""
    survey, most = Survey.of(view), MAX_ACCOUNTS.of(view.options(ID))
    if most is None:
        yield survey.tenant().not_applicable("policy sets no limit (max_accounts)")
        return
    unread = sum(isinstance(account.allowed, Unknown) for account in view.facts.snapshot.accounts)
    holders = _holders(view.facts.snapshot.accounts)
    for account in view.accounts:
        if isinstance(account.allowed, Unknown):
            yield survey.unread(account, account.allowed)
    for app in sorted(_holders(view.accounts)):
        yield _of(app, len(holders[app]), unread, most, survey)


def _holders(accounts: Sequence[HveAccount]) -> Mapping[ObjectId, list[Address]]:
    found: dict[ObjectId, list[Address]] = {}
    for account in accounts:
        for app in () if isinstance(account.allowed, Unknown) else account.allowed.apps:
            found.setdefault(app, []).append(account.address)
    return found


def _of(app: ObjectId, held: int, unread: int, most: int, survey: Survey) -> Judgement:
    about, name = survey.application(app), survey.label(app)
    remedy = commands.command("app", "show", "-t", survey.view.alias, of=(app.value,))
    on = f"{name} is on the lists of {held} accounts" if held != 1 else f"{name} is on the list of 1 account"
    if held > most:
        facts = (("accounts", str(held)), ("max_accounts", str(most)))
        return about.fails(f"{on}; policy allows {most}", remedy, facts=facts)
    if held + unread > most:
        return about.unknown(f"{on}, and {unread} could not be read; policy allows {most}", remedy)
    return about.passes(f"{on}; policy allows {most}")


RULE = TenantRule(
    id=ID,
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="hveadmin app show -t TENANT ID",
    references=("docs/configuration.md",),
    options=(MAX_ACCOUNTS,),
    judge=judge,
)

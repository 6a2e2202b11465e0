"""
HVE210: a credential of an application ends soon, or lives too long.

Every secret and certificate of an application that is on a list is looked at by itself. One that ends within
`expiry_warning` (30 days unless the configuration says otherwise) fails even where another one lasts: nobody here knows
which of them the sender uses. One that lives longer than the option `max_lifetime` allows fails too; without the option
any life is allowed.

Why it matters: on the day after the end, the sender's mail stops. A secret that lives for years leaks in one of them.

How to mend it: have a new one made, give it to the sender, and remove the old one; the finding has the command that
makes it. Certificates, and federated credentials, which cannot leak at all, are better than secrets.

A credential that has ended is let be: HVE209 speaks when none is good any more. Credentials of an application that was
registered in another tenant cannot be read, nor can federated ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from hveadmin.domain.facts import Part
from hveadmin.domain.finding import Severity
from hveadmin.domain.tenant import Credential, CredentialKind, ServicePrincipal, Unreadable
from hveadmin.policy import powershell
from hveadmin.policy.about import About
from hveadmin.policy.engine import Judgement, TenantRule, TenantView, days
from hveadmin.policy.listed import principals_on_lists
from hveadmin.policy.survey import Survey

ID = "HVE210"
MAX_LIFETIME = days(
    "max_lifetime", 0, "How long a credential may live, from its start to its end; 0d: as long as it likes."
)


def judge(view: TenantView) -> Iterator[Judgement]:
    """One judgement for every secret and certificate of every application on any list."""
    survey, credentials = Survey.of(view), view.facts.credentials
    if isinstance(credentials, Unreadable):
        message = f"the credentials of applications could not be read: {credentials.why}"
        yield survey.tenant().unknown(message, "hveadmin tenant test")
        return
    for principal in principals_on_lists(view):
        found = credentials.get(principal.client_id)
        about = survey.application(principal.object_id)
        if found is None:
            yield about.not_applicable("its registration is not in this tenant")
        elif len(found) == 0:
            yield about.not_applicable("it has no secret and no certificate")
        else:
            yield from (_of(each, principal, survey) for each in found)


def _of(credential: Credential, principal: ServicePrincipal, survey: Survey) -> Judgement:
    view = survey.view
    what = f"{credential.kind.value} {credential.key_id}"
    whole = survey.application(principal.object_id)
    about = About(replace(whole.subject, thing=what), whole.source)
    if credential.ends is not None and credential.ends <= view.now:
        return about.not_applicable(f"it ended on {credential.ends:%Y-%m-%d}")
    wrong = [*_ends_soon(credential, view), *_lives_too_long(credential, view)]
    if not wrong:
        return about.passes(f"it ends on {credential.ends:%Y-%m-%d}" if credential.ends else "it has no end")
    make = powershell.new_secret if credential.kind is CredentialKind.SECRET else powershell.new_certificate
    ends = () if credential.ends is None else (("ends", f"{credential.ends:%Y-%m-%d}"),)
    message = f"the {what} of {survey.label(principal.object_id)} {' and '.join(wrong)}"
    return about.fails(message, make(principal.client_id), facts=(("key_id", credential.key_id), *ends))


def _ends_soon(credential: Credential, view: TenantView) -> Iterator[str]:
    if credential.ends is None:
        return
    left = credential.ends - view.now
    if left <= timedelta(days=view.desired.expiry_warning_days):
        yield f"ends on {credential.ends:%Y-%m-%d}, {_in(left)}"


def _in(left: timedelta) -> str:
    return f"in {left.days} day{'' if left.days == 1 else 's'}" if left.days > 0 else "within a day"


def _lives_too_long(credential: Credential, view: TenantView) -> Iterator[str]:
    allowed = MAX_LIFETIME.of(view.options(ID))
    if allowed == 0:
        return
    if credential.ends is None:
        yield f"has no end, where at most {allowed} days are allowed"
        return
    lives = _life(credential.starts or view.now, credential.ends)
    if lives > allowed:
        yield f"lives for {lives} days, where at most {allowed} are allowed"


def _life(starts: datetime, ends: datetime) -> int:
    """In whole days: a year that Entra makes a second longer is a year."""
    return (ends - starts).days


RULE = TenantRule(
    id=ID,
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="hveadmin app show -t TENANT ID",
    references=("docs/commands/app-show.md",),
    options=(MAX_LIFETIME,),
    needs=frozenset({Part.CREDENTIALS}),
    judge=judge,
)

"""Views for rules about accounts and lists, made as `check` makes them: resolved, with real entries and origins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta

from builders import NOW, TODAY, app, principal, service_principals, snapshot, span, tenant

from hveadmin.domain.desired import (
    AccountEntry,
    AppEntry,
    ByObjectId,
    DesiredState,
    Grant,
    Policy,
    RuleSetting,
    Selector,
    TenantEntry,
    Unmanaged,
)
from hveadmin.domain.facts import TenantFacts
from hveadmin.domain.finding import Finding, Verdict
from hveadmin.domain.ids import Address, Guid
from hveadmin.domain.pins import Pins
from hveadmin.domain.plan import Settling
from hveadmin.domain.resolve import all_grants
from hveadmin.domain.tenant import DirectoryView, HveAccount, Readable
from hveadmin.policy.engine import ConfigRule, ConfigView, Judgement, TenantRule, TenantView, finding_of
from hveadmin.workflows.check import Asked, Lately, view_of

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
PASS, FAIL, UNKNOWN, NOT_APPLICABLE = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE


def directory_with(*numbers: int) -> Readable:
    """A directory that has these applications, and knows them by both ids and by their display names."""
    found = [principal(number) for number in numbers]
    return Readable(service_principals(*numbers).identities, {each.display_name: (each,) for each in found})


EVERY_APP = directory_with(*range(40))


def desired(*tenants: TenantEntry, apps: Iterable[AppEntry] = (), policy: Policy | None = None) -> DesiredState:
    """A configuration of these tenants. Its `apps` are those that are granted, and `apps` besides."""
    granted = {grant.app.name: grant.app for entry in tenants for grant in all_grants(entry)}
    return DesiredState(
        apps={**granted, **{each.name: each for each in apps}},
        tenants={entry.alias: entry for entry in tenants},
        policy=policy or Policy(),
    )


def telling(rule: str, **options: object) -> Policy:
    """A policy that tells one rule something."""
    return Policy(rules={rule: RuleSetting(rule, span(1), options=options)})


def view(
    *live: HveAccount,
    entries: Mapping[str, AccountEntry] | None = None,
    selectors: Iterable[Selector] = (),
    unmanaged: Unmanaged = Unmanaged.FAIL,
    directory: DirectoryView = EVERY_APP,
    apps: Iterable[AppEntry] = (),
    policy: Policy | None = None,
    pins: Pins | None = None,
    settling: Mapping[Guid, Settling] | None = None,
    left_restricted: Mapping[Guid, datetime] | None = None,
    only: Callable[[Address], bool] = lambda _: True,
    today: date = TODAY,
) -> TenantView:
    """A tenant with these accounts, of which the configuration says this."""
    configured = tenant(entries, selectors, unmanaged)
    return view_of(
        desired(configured, apps=apps, policy=policy),
        configured,
        TenantFacts(snapshot(*live, directory=directory)),
        Asked(today, NOW, only),
        pins=pins,
        lately=Lately(settling or {}, left_restricted or {}),
    )


def judged(rule: TenantRule, seen: TenantView) -> list[Judgement]:
    """All that one rule says."""
    return list(rule.judge(seen))


def judged_offline(rule: ConfigRule, configuration: DesiredState, today: date = TODAY) -> list[Judgement]:
    """All that one rule says of a configuration."""
    return list(rule.judge(ConfigView(configuration, today)))


def one(rule: TenantRule, seen: TenantView) -> Judgement:
    """What one rule says, which is one thing."""
    (judgement,) = rule.judge(seen)
    return judgement


def finding(rule: TenantRule, seen: TenantView) -> Finding:
    """The one finding of a rule, as the engine makes it."""
    return finding_of(rule, one(rule, seen), seen.desired, seen)


def by_app(judgements: Iterable[Judgement]) -> dict[int | str, Verdict]:
    """Each verdict by the number of the application it is about, else by what it is about."""
    numbers = {Guid(app(number).value): number for number in range(50)}
    return {
        numbers[each.subject.app] if each.subject.app is not None else each.subject.thing or str(each.subject): (
            each.verdict
        )
        for each in judgements
    }


def an_app(
    number: int, *, owner: str = "it@contoso.com", reason: str = "Mail", expires: date | None = None
) -> AppEntry:
    """An entry of `apps` that is all in order."""
    return AppEntry(f"app-{number}", ByObjectId(app(number), "contoso"), span(number), owner, reason, expires=expires)


def a_grant(of: AppEntry, *, owner: str = "", reason: str = "", expires: date | None = None) -> Grant:
    """A grant as the configuration gives it: what it does not say of itself is its application's."""
    ends = [each for each in (expires, of.expires) if each is not None]
    return Grant(of, span(60), owner or of.owner, reason or of.reason, expires=min(ends, default=None))

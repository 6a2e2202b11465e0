"""What holds for the rules about accounts and lists whatever a tenant and its configuration are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW, TODAY, account, app, client, span, tenant
from hypothesis import given
from hypothesis import strategies as st
from policy.list_views import FAIL, PASS, a_grant, desired, directory_with, telling, view

from hveadmin.domain.desired import (
    AccountEntry,
    AppEntry,
    AppRef,
    ByClientId,
    ByName,
    ByObjectId,
    DesiredState,
    Limits,
    Mode,
    Selector,
    SourceSpan,
    Unmanaged,
)
from hveadmin.domain.finding import Subject, Verdict
from hveadmin.domain.ids import Address, Guid, ObjectId
from hveadmin.domain.plan import Settling
from hveadmin.domain.planner import make_plan
from hveadmin.domain.resolve import resolve
from hveadmin.domain.tenant import Known, Unknown, Unreadable
from hveadmin.policy.engine import ConfigRule, ConfigView, Judgement, TenantRule, TenantView, finding_of
from hveadmin.policy.rules import ALL_RULES

ABOUT_LISTS = ("HVE101", "HVE102", "HVE104", "HVE105", "HVE301", "HVE302", "HVE401", "HVE403")
"""Those that look at each account's list and say at least one thing of each account."""
TENANT_RULES: list[TenantRule] = [
    rule
    for id_ in (*ABOUT_LISTS, "HVE303", "HVE304", "HVE305", "HVE405")
    if isinstance(rule := ALL_RULES[id_], TenantRule)
]
CONFIG_RULES: list[ConfigRule] = [
    rule for id_ in ("HVE402", "HVE404", "HVE406", "HVE407") if isinstance(rule := ALL_RULES[id_], ConfigRule)
]

NUMBERS = st.integers(0, 5)
DAYS = st.none() | st.integers(-2, 40).map(lambda days: TODAY + timedelta(days=days))
NAMES = st.sampled_from("abcd")
ALL_SIX = directory_with(*range(6))
LISTS = st.frozensets(NUMBERS, max_size=5).map(lambda numbers: Known(frozenset(map(app, numbers))))


def _ref(number: int, kind: str) -> AppRef:
    match kind:
        case "client id":
            return ByClientId(client(number))
        case "name":
            return ByName(f"App {number}")
        case _:
            return ByObjectId(app(number), "contoso")


@st.composite
def _applications(draw: st.DrawFn) -> list[AppEntry]:
    """Six applications, named in any way."""
    kinds = st.sampled_from(["client id", "object id", "name"])
    texts = st.sampled_from(["", "said"])
    return [
        AppEntry(f"app-{number}", _ref(number, draw(kinds)), span(number + 1), draw(texts), draw(texts), "", draw(DAYS))
        for number in range(6)
    ]


@st.composite
def _entries(draw: st.DrawFn, apps: list[AppEntry]) -> AccountEntry:
    """An entry as the loader lets through: unrestricted has no applications, and every other mode but observe has."""
    mode = draw(st.sampled_from(Mode))
    if mode is Mode.UNRESTRICTED:
        return AccountEntry(
            mode, (), span(50), reason="Cut-over", expires=draw(DAYS.filter(lambda day: day is not None))
        )
    chosen = draw(st.lists(st.sampled_from(apps), unique=True, min_size=mode is not Mode.OBSERVE, max_size=3))
    return AccountEntry(
        mode, tuple(a_grant(each, expires=draw(DAYS)) for each in chosen), span(draw(st.integers(50, 60)))
    )


@st.composite
def views(draw: st.DrawFn) -> TenantView:
    """A tenant of which some lists, or the directory, may be unreadable, and a configuration that may not fit it."""
    apps = draw(_applications())
    names = draw(st.lists(NAMES, unique=True))
    unread = st.just(Unknown("throttled"))
    live = [account(name, draw(LISTS | unread)) for name in names]
    declared = draw(st.dictionaries(NAMES, _entries(apps), max_size=3))
    globs = st.sampled_from(["*", "hve-a@*", "*@fabrikam.com"])
    selectors = draw(st.lists(st.builds(Selector, globs, _entries(apps)), max_size=3))
    known = st.just(ALL_SIX) | st.frozensets(NUMBERS).map(lambda some: directory_with(*some))
    asked = draw(st.frozensets(NAMES, min_size=2))
    return view(
        *live,
        entries=declared,
        selectors=selectors,
        unmanaged=draw(st.sampled_from(Unmanaged)),
        directory=draw(known | st.just(Unreadable("403"))),
        apps=apps,
        policy=telling("HVE405", max_accounts=draw(st.integers(1, 3))),
        left_restricted={each.guid: view().now for each in draw(st.lists(st.sampled_from(live)))} if live else {},
        only=lambda each: each.value[4] in asked,
    )


def _all(seen: TenantView) -> Iterator[tuple[TenantRule, Judgement]]:
    return ((rule, judgement) for rule in TENANT_RULES for judgement in rule.judge(seen))


@given(views())
def test_an_unread_list_never_passes_a_rule_about_lists(seen: TenantView) -> None:
    unread = {each.address for each in seen.accounts if isinstance(each.allowed, Unknown)}
    passed = {each.subject.account for rule, each in _all(seen) if rule.id in ABOUT_LISTS and each.verdict is PASS}
    assert not passed & unread


@given(views())
def test_a_rule_says_at_most_one_thing_of_a_subject(seen: TenantView) -> None:
    said = [(rule.id, each.subject) for rule, each in _all(seen)]
    configuration = ConfigView(seen.desired, seen.today)
    said += [(rule.id, each.subject) for rule in CONFIG_RULES for each in rule.judge(configuration)]
    fingerprints = [_fingerprint(rule, subject) for rule, subject in said]
    assert len(set(fingerprints)) == len(fingerprints)


def _fingerprint(rule: str, subject: Subject) -> str:
    judgement = Judgement(Verdict.FAIL, "", subject)
    return finding_of(ALL_RULES[rule], judgement, desired(tenant())).fingerprint


@given(views())
def test_every_account_that_is_asked_for_is_spoken_of_and_no_other(seen: TenantView) -> None:
    asked = {each.address for each in seen.accounts}
    for rule in TENANT_RULES:
        spoken_of = {each.subject.account for each in rule.judge(seen)} - {None}
        if rule.id in (*ABOUT_LISTS, "HVE303"):
            assert spoken_of == asked
        assert all(seen.only(each) for each in spoken_of if each is not None)


@given(views())
def test_what_fails_says_where_it_is_written_and_what_to_do(seen: TenantView) -> None:
    for _, judgement in _all(seen):
        assert judgement.source is not None
        assert judgement.message
        if judgement.verdict in (FAIL, Verdict.UNKNOWN):
            assert judgement.remedy


@given(views(), st.integers(1, 500))
def test_no_fingerprint_knows_a_line_or_an_order(seen: TenantView, lines: int) -> None:
    moved = _moved(seen.desired, lines)
    entry = moved.tenants[seen.alias]
    live = seen.facts.snapshot
    later = view(
        *live.accounts,
        entries={
            address.value.removeprefix("hve-").partition("@")[0]: each for address, each in entry.accounts.items()
        },
        selectors=entry.selectors,
        unmanaged=entry.unmanaged,
        directory=live.directory,
        apps=moved.apps.values(),
        policy=seen.desired.policy,
        left_restricted=seen.left_restricted,
        only=seen.only,
    )
    assert _said(seen) == _said(later)


def _said(seen: TenantView) -> set[tuple[str, Verdict]]:
    offline = ((rule.id, each) for rule in CONFIG_RULES for each in rule.judge(ConfigView(seen.desired, seen.today)))
    online = ((rule.id, each) for rule, each in _all(seen))
    return {(_fingerprint(rule, each.subject), each.verdict) for rule, each in (*offline, *online)}


def _moved(configuration: DesiredState, lines: int) -> DesiredState:
    """The same configuration in another file and another order, so many lines further down."""

    def span_of(source: SourceSpan) -> SourceSpan:
        return SourceSpan("other.yaml", source.line + lines, source.column)

    def app_of(each: AppEntry) -> AppEntry:
        return replace(each, source=span_of(each.source))

    def entry_of(each: AccountEntry) -> AccountEntry:
        grants = tuple(replace(grant, app=app_of(grant.app), source=span_of(grant.source)) for grant in each.grants)
        return replace(each, grants=grants[::-1], source=span_of(each.source))

    return replace(
        configuration,
        apps={name: app_of(each) for name, each in reversed(list(configuration.apps.items()))},
        tenants={
            alias: replace(
                each,
                source=span_of(each.source),
                accounts={address: entry_of(entry) for address, entry in reversed(list(each.accounts.items()))},
                selectors=tuple(replace(selector, entry=entry_of(selector.entry)) for selector in each.selectors),
            )
            for alias, each in configuration.tenants.items()
        },
    )


@st.composite
def _plannable(draw: st.DrawFn) -> TenantView:
    """A tenant that a plan can be made for: every application is there, and each account has an entry."""
    apps, names = draw(_applications()), "abcd"
    live = [account(name, draw(LISTS)) for name in names]
    lately = st.none() | st.builds(Settling, LISTS.map(lambda left: left.apps), st.just(NOW))
    settling = {each.guid: found for each in live if (found := draw(lately)) is not None}
    declared = {name: draw(_entries(apps)) for name in names}
    return view(*live, entries=declared, apps=apps, directory=ALL_SIX, settling=settling)


@given(_plannable())
def test_the_rules_find_just_what_a_plan_would_change(seen: TenantView) -> None:
    snapshot = seen.facts.snapshot
    live = [each.address for each in snapshot.accounts]
    resolved = resolve(seen.entry, live, snapshot.directory, today=seen.today)
    plan = make_plan(resolved, snapshot, today=seen.today, limits=Limits(), cloud="worldwide", settling=seen.settling)
    changes = {change.account: change for change in plan.changes}
    missing, extra = _failing(seen, "HVE301"), _failing(seen, "HVE302", "HVE403")
    # What must not be reached stands in no plan, and is a finding all the same.
    for address in set(live) - {each.account for each in plan.refused}:
        change = changes.get(address)
        assert missing.get(address, set()) == (_ids(change.granted) if change is not None else set())
        if seen.entries[address][0].mode in (Mode.ENFORCE, Mode.ADDITIVE, Mode.ABSENT):
            assert extra.get(address, set()) == (_ids(change.revoked) if change is not None else set())


def _failing(seen: TenantView, *rules: str) -> dict[Address, set[Guid]]:
    found: dict[Address, set[Guid]] = {}
    for rule, each in _all(seen):
        if (
            rule.id in rules
            and each.verdict is FAIL
            and each.subject.account is not None
            and each.subject.app is not None
        ):
            found.setdefault(each.subject.account, set()).add(each.subject.app)
    return found


def _ids(apps: frozenset[ObjectId]) -> set[Guid]:
    return {Guid(each.value) for each in apps}


@pytest.mark.parametrize("rule", [*TENANT_RULES, *CONFIG_RULES], ids=lambda rule: rule.id)
def test_a_rules_page_says_what_it_means_why_it_matters_and_how_to_mend_it(rule: TenantRule | ConfigRule) -> None:
    assert rule.page.strip().startswith(f"{rule.id}: ")
    assert rule.title
    assert "\nWhy it matters: " in rule.page
    assert "\nHow to mend it: " in rule.page
    assert "hveadmin " in rule.page

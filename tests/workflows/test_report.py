"""What an auditor is told of a tenant: nothing that was not read looks like nothing, and nobody's word is made up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import NOW, TODAY, account, address, app, client, entry, grant, snapshot, span, tenant
from hypothesis import given, settings
from report.audits import ASKED, audited, declared, journaled, read
from tenant_facts import tenant_facts

from hveadmin.domain.audit import NOBODY, AuditedAccount, AuditedGrant, AuditedTenant, Standing, Trait
from hveadmin.domain.desired import ByClientId, ByName, DesiredState, Mode, Policy, TenantEntry, Waiver
from hveadmin.domain.facts import NOT_ASKED, BasicAuth, TenantFacts
from hveadmin.domain.finding import Verdict
from hveadmin.domain.ids import Guid
from hveadmin.domain.journaled import NO_HISTORY, How
from hveadmin.domain.tenant import Known, Unknown, Unreadable
from hveadmin.errors import Outcome
from hveadmin.policy.rules import ALL_RULES, CONFIG_RULES, WAIVER_RULES
from hveadmin.workflows.check import Lately, check_tenant, judge, view_of
from hveadmin.workflows.report import (
    NEED_A_CONFIGURATION,
    NEED_NONE,
    audit_tenant,
    no_configuration,
    outcome_of,
    without_configuration,
)


@pytest.fixture(scope="module")
def told() -> AuditedTenant:
    return audited(declared(), read(), journaled())


def of(told: AuditedTenant, name: str) -> AuditedAccount:
    return next(each for each in told.accounts if each.address == address(name))


def granted(told: AuditedTenant, name: str, number: int) -> AuditedGrant:
    return next(each for each in of(told, name).grants if each.app.id == app(number))


def one(entry_: TenantEntry, facts: TenantFacts, policy: Policy | None = None) -> AuditedTenant:
    apps = {each.app.name: each.app for declared_ in entry_.accounts.values() for each in declared_.grants}
    desired = DesiredState(apps, {"contoso": entry_}, policy=policy or Policy(), files=("hve.yaml",))
    view = view_of(desired, entry_, facts, ASKED, pins=None, lately=Lately())
    return audit_tenant(view, NO_HISTORY)


# How an application comes to be on a list


@pytest.mark.parametrize(
    ("name", "number", "standing"),
    [
        ("payroll", 1, Standing.DECLARED),
        ("payroll", 2, Standing.NOT_HERE),
        ("payroll", 3, Standing.UNKNOWN_APP),
        ("alert", 4, Standing.NOT_HERE),
        ("alert", 5, Standing.UNKNOWN_APP),
        ("alert", 6, Standing.ENDED),
        ("lab", 1, Standing.NOT_HERE),
    ],
)
def test_every_application_has_its_standing(told: AuditedTenant, name: str, number: int, standing: Standing) -> None:
    assert granted(told, name, number).standing is standing


def test_what_a_waiver_accepts_is_on_the_waiver_s_word() -> None:
    waiver = Waiver("HVE302", "trial", "lab@contoso.com", TODAY, span(30), "contoso", address("x"), Guid(app(2).value))
    configured = tenant({"x": entry(Mode.ENFORCE, grant(1))})
    facts = TenantFacts(snapshot(account("x", (1, 2, 3))))
    found = one(configured, facts, Policy(waivers=(waiver,)))
    assert granted(found, "x", 2).standing is Standing.ACCEPTED
    assert (granted(found, "x", 2).word.owner, granted(found, "x", 2).word.expires) == ("lab@contoso.com", TODAY)
    assert granted(found, "x", 3).standing is Standing.UNKNOWN_APP
    over = replace(waiver, expires=TODAY.replace(day=TODAY.day - 1))
    assert granted(one(configured, facts, Policy(waivers=(over,))), "x", 2).standing is Standing.UNKNOWN_APP


def test_what_is_declared_needs_nobody_s_waiver() -> None:
    waiver = Waiver("HVE302", "trial", "lab@contoso.com", TODAY, span(30), "contoso", address("x"))
    configured = tenant({"x": entry(Mode.ENFORCE, grant(1))})
    found = one(configured, TenantFacts(snapshot(account("x", (1, 2)))), Policy(waivers=(waiver,)))
    assert granted(found, "x", 1).standing is Standing.DECLARED
    assert granted(found, "x", 2).standing is Standing.ACCEPTED


def test_a_waiver_speaks_for_an_account_without_an_entry_too() -> None:
    waiver = Waiver("HVE201", "trial", "lab@contoso.com", TODAY, span(30), "contoso", address("y"), Guid(app(2).value))
    facts = TenantFacts(snapshot(account("y", (2,))))
    found = one(tenant({}), facts, Policy(waivers=(waiver,)))
    assert granted(found, "y", 2).standing is Standing.ACCEPTED


def test_what_must_be_absent_is_told_as_that() -> None:
    found = one(tenant({"x": entry(Mode.ABSENT, grant(2))}), TenantFacts(snapshot(account("x", (1, 2)))))
    assert granted(found, "x", 2).standing is Standing.MUST_GO


def test_what_may_be_an_application_that_could_not_be_resolved_is_not_called_unknown() -> None:
    by_name = grant(7, ByName("App 2"))
    directory = Unreadable("nobody may")
    facts = TenantFacts(snapshot(account("x", (2,)), directory=directory))
    found = one(tenant({"x": entry(Mode.ENFORCE, by_name)}), facts)
    assert granted(found, "x", 2).standing is Standing.NOT_TOLD
    assert granted(found, "x", 2).word == NOBODY
    assert Trait.UNEXPLAINED not in granted(found, "x", 2).app.traits


def test_a_look_alike_is_explained_by_the_application_it_belongs_to() -> None:
    by_client = grant(1, ByClientId(client(1)))
    configured = tenant({"x": entry(Mode.ENFORCE, by_client)})
    live = account("x", Known(frozenset({app(1)})))
    found = one(configured, TenantFacts(snapshot(live)))
    assert granted(found, "x", 1).app.configured == "app-1"


# What is to be known of an application


@pytest.mark.parametrize(
    ("name", "number", "traits"),
    [
        ("payroll", 1, {Trait.CREDENTIAL_ENDS}),
        ("payroll", 2, {Trait.DISABLED, Trait.CREDENTIAL_ENDS}),
        ("payroll", 3, {Trait.UNEXPLAINED, Trait.FOREIGN, Trait.CREDENTIAL_ENDS}),
        ("alert", 4, {Trait.NO_SENDER}),
        ("alert", 5, {Trait.UNEXPLAINED, Trait.NO_SENDER}),
        ("alert", 6, {Trait.CANNOT_SEND}),
        ("alert", 7, {Trait.FORBIDDEN, Trait.UNEXPLAINED, Trait.NOT_CHECKED}),
    ],
)
def test_everything_remarkable_is_told(told: AuditedTenant, name: str, number: int, traits: set[Trait]) -> None:
    assert set(granted(told, name, number).app.traits) == traits


def test_without_the_directory_no_application_is_called_right_or_wrong() -> None:
    found = audited(declared(), read(directory=False), NO_HISTORY)
    for each in found.apps:
        assert Trait.NOT_CHECKED in each.traits
        assert (each.identity, each.may_send) == (None, None)
        assert not each.cannot_send


# Accounts


def test_an_open_account_and_an_unread_one_are_told_apart(told: AuditedTenant) -> None:
    assert [each.address for each in told.opened] == [address("forgotten"), address("legacy")]
    assert [each.address for each in told.unknown] == [address("scan")]
    assert of(told, "scan").unused is None
    assert not of(told, "scan").is_open


def test_an_account_is_told_with_its_entry_or_that_it_has_none(told: AuditedTenant) -> None:
    legacy, forgotten = of(told, "legacy"), of(told, "forgotten")
    assert (legacy.mode, legacy.origin, legacy.word.owner) == (Mode.UNRESTRICTED, "hve.yaml:52", "Payroll Mailer")
    assert (forgotten.mode, forgotten.origin, forgotten.word) == (None, "", NOBODY)
    assert of(told, "lab").origin == "selector hve-lab*"


def test_what_is_declared_and_not_on_the_list_is_named(told: AuditedTenant) -> None:
    assert of(told, "alert").missing == ("app-2",)
    assert of(told, "scan").missing == (), "of an unread list nobody knows what is missing"


def test_since_when_comes_from_the_journal(told: AuditedTenant) -> None:
    since = granted(told, "payroll", 3).since
    assert since is not None
    assert since.how is How.LATER
    assert granted(told, "lab", 1).since is None


@pytest.mark.parametrize("history", [NO_HISTORY, Unreadable("nobody may")])
def test_without_a_journal_nothing_is_known_of_when(history: Unreadable) -> None:
    found = audited(declared(), read(), history)
    assert all(each.since is None for account_ in found.accounts for each in account_.grants)


# Gaps, and how it ends


def test_an_unreadable_part_or_account_ends_with_incomplete_and_findings_do_not() -> None:
    configured, whole = tenant({"x": entry(Mode.ENFORCE, grant(1))}), snapshot(account("x", (2,)))
    x = {address("x"): BasicAuth.BLOCKED}
    everything = TenantFacts(whole, permissions={}, credentials={}, billing={}, basic_auth=x, owners={})
    billed = replace(everything, billing=dict.fromkeys(x, Unknown("time out")))
    paid = one(configured, replace(everything, billing={}))
    assert (
        outcome_of([replace(paid, accounts=tuple(replace(each, billing=NOT_ASKED) for each in paid.accounts))])
        is Outcome.OK
    )
    for facts in (billed, replace(everything, owners=Unreadable("no right"))):
        assert outcome_of([one(configured, facts)]) is Outcome.INCOMPLETE
    unread = replace(everything, snapshot=snapshot(account("x", Unknown("time out"))))
    assert outcome_of([one(configured, unread)]) is Outcome.INCOMPLETE


@settings(max_examples=60)
@given(tenant_facts())
def test_every_account_and_every_listed_application_is_told_of(facts: TenantFacts) -> None:
    found = one(tenant({"a": entry(Mode.ENFORCE, grant(1))}), facts)
    assert [each.address for each in found.accounts] == [each.address for each in facts.snapshot.accounts]
    assert len(found.opened) + len(found.unknown) + len(found.restricted) == len(found.accounts)
    for each in found.accounts:
        allowed = each.account.allowed
        on_list = allowed.apps if isinstance(allowed, Known) else frozenset()
        assert {granted_.app.id for granted_ in each.grants} == on_list
    unreadable = [facts.snapshot.directory, facts.permissions, facts.credentials, facts.billing, facts.basic_auth]
    assert len(found.gaps) == sum(isinstance(each, Unreadable) for each in (*unreadable, facts.owners))


# Without a configuration


def test_every_rule_either_needs_a_configuration_or_does_not() -> None:
    assert not NEED_A_CONFIGURATION & NEED_NONE
    assert set(ALL_RULES) == NEED_A_CONFIGURATION | NEED_NONE
    assert {rule.id for rule in (*CONFIG_RULES, *WAIVER_RULES)} <= NEED_A_CONFIGURATION


def test_without_a_configuration_nobody_answers_and_what_needs_one_does_not_apply() -> None:
    facts = read()
    made_up = no_configuration({"contoso": facts})
    contoso = made_up.tenants["contoso"]
    view = view_of(made_up, contoso, facts, ASKED, pins=None, lately=Lately())
    found = audit_tenant(view, NO_HISTORY, configured=False)
    grants = [each for account_ in found.accounts for each in account_.grants]
    assert {each.standing for each in grants} == {Standing.NO_CONFIGURATION}
    assert {each.word for each in grants} | {each.word for each in found.accounts} == {NOBODY}
    assert not any(Trait.UNEXPLAINED in each.traits for each in found.apps)
    judged = judge(made_up, ["contoso"], [check_tenant(made_up, contoso, facts, ASKED)], ASKED)
    findings = without_configuration(judged, [("contoso", facts.tenant_id)])
    assert {each.source for each in findings} == {None}
    by_rule = {rule: {each.verdict for each in findings if each.rule == rule} for rule in ALL_RULES}
    for rule in NEED_A_CONFIGURATION:
        assert by_rule[rule] == {Verdict.NOT_APPLICABLE}, rule
    assert Verdict.FAIL in by_rule["HVE101"], "an open account is one whoever declared it"
    assert Verdict.FAIL in by_rule["HVE203"]


def test_a_snapshot_s_tenants_are_known_by_id_and_domain_without_a_configuration() -> None:
    facts = read()
    made_up = no_configuration({"contoso": facts, "lost": None})
    assert made_up.tenants["contoso"].tenant_id == facts.tenant_id
    assert made_up.tenants["contoso"].domain == "contoso.onmicrosoft.com"
    assert made_up.tenants["lost"].tenant_id is None
    assert facts.read_at == NOW

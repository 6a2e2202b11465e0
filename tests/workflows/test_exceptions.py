"""What is let be otherwise is told with whose word it is; what is so on nobody's word comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from builders import TODAY, account, address, entry, grant, snapshot, tenant
from report.audits import ASKED, audited, checked, declared, journaled, read

from hveadmin.domain.audit import NOBODY, AuditedException, ExceptionKind, ExceptionState
from hveadmin.domain.desired import DesiredState, Mode, TenantEntry, Unmanaged
from hveadmin.domain.facts import TenantFacts
from hveadmin.domain.journaled import NO_HISTORY
from hveadmin.workflows.check import Asked, Lately, check_tenant, judge, unread, view_of
from hveadmin.workflows.exceptions import exceptions
from hveadmin.workflows.report import audit_tenant


def found(desired: DesiredState | None = None, asked: Asked = ASKED) -> tuple[AuditedException, ...]:
    desired = desired or declared()
    both = checked(desired, read())
    findings = judge(desired, list(desired.tenants), both, asked)
    return exceptions(desired, both, {"contoso": audited(desired, read(), journaled())}, findings, asked)


def one(entry_: TenantEntry, facts: TenantFacts, expiry_warning_days: int = 30) -> Sequence[AuditedException]:
    apps = {each.app.name: each.app for declared_ in entry_.accounts.values() for each in declared_.grants}
    desired = DesiredState(apps, {"contoso": entry_}, expiry_warning_days=expiry_warning_days)
    both = [check_tenant(desired, entry_, facts, ASKED)]
    view = view_of(desired, entry_, facts, ASKED, pins=None, lately=Lately())
    return exceptions(desired, both, {"contoso": audit_tenant(view, NO_HISTORY)}, both[0].findings, ASKED)


def states(of: Sequence[AuditedException], kind: ExceptionKind) -> dict[str, ExceptionState]:
    return {str(each.account or each.app or each.rule): each.state for each in of if each.kind is kind}


def test_every_account_that_is_open_or_may_be_has_its_state() -> None:
    assert states(found(), ExceptionKind.OPEN) == {
        "hve-forgotten@contoso.com": ExceptionState.NOT_DECLARED,
        "hve-legacy@contoso.com": ExceptionState.SOON,
        "hve-gone@contoso.com": ExceptionState.NOT_THERE,
        "hve-scan@contoso.com": ExceptionState.NOT_TOLD,
    }
    first = found()[0]
    assert (first.state, first.word) == (ExceptionState.NOT_DECLARED, NOBODY)


def test_an_exception_that_is_past_its_end_or_not_needed_is_told_as_that() -> None:
    past = entry(Mode.UNRESTRICTED, expires=TODAY - timedelta(days=1))
    last_day = entry(Mode.UNRESTRICTED, expires=TODAY)
    configured = tenant({"x": past, "y": last_day, "z": last_day})
    facts = TenantFacts(snapshot(account("x", ()), account("y", ()), account("z", (1,))))
    assert states(one(configured, facts, expiry_warning_days=0), ExceptionKind.OPEN) == {
        "hve-x@contoso.com": ExceptionState.PAST,
        "hve-y@contoso.com": ExceptionState.SOON,
        "hve-z@contoso.com": ExceptionState.CLOSED,
    }


def test_every_waiver_has_its_fate() -> None:
    waivers = [each for each in found() if each.kind is ExceptionKind.WAIVER]
    assert [each.state for each in waivers] == [ExceptionState.PAST, ExceptionState.IDLE, ExceptionState.IN_FORCE]
    assert {each.word.ticket for each in waivers} == {"Payroll Mailer"}


def test_of_a_waiver_whose_tenant_was_not_read_nobody_says_that_it_matches_nothing() -> None:
    desired = declared()
    neither = [unread(desired, each, "no route") for each in desired.tenants.values()]
    told = exceptions(desired, neither, {}, judge(desired, list(desired.tenants), neither, ASKED), ASKED)
    fates = {each.state for each in told if each.kind is ExceptionKind.WAIVER}
    assert fates == {ExceptionState.PAST, ExceptionState.NOT_TOLD}
    assert set(states(told, ExceptionKind.OPEN).values()) == {ExceptionState.NOT_TOLD}


def test_a_grant_past_its_end_is_told_while_it_is_still_on_the_list() -> None:
    assert [each.app for each in found() if each.kind is ExceptionKind.ENDED] == ["app-6"]


def test_what_ends_soon_is_told_once_for_all_the_accounts_it_is_on() -> None:
    soon = grant(1, expires=TODAY + timedelta(days=3))
    configured = tenant({"x": entry(Mode.ENFORCE, soon), "y": entry(Mode.ENFORCE, soon)})
    facts = TenantFacts(snapshot(account("x", (1,)), account("y", (1,))))
    (told,) = [each for each in one(configured, facts) if each.kind is ExceptionKind.ENDING]
    assert (told.account, told.app, told.what) == (None, "app-1", "ends in 3 days, in 2 entries")
    alone = tenant({"x": entry(Mode.ENFORCE, soon)})
    (told,) = [each for each in one(alone, facts) if each.kind is ExceptionKind.ENDING]
    assert (told.account, told.what) == (address("x"), "ends in 3 days")
    assert not [each for each in one(alone, facts, expiry_warning_days=2) if each.kind is ExceptionKind.ENDING]


def test_accounts_whose_list_nobody_keeps_are_told_by_what_lets_them_be() -> None:
    told = [each for each in found() if each.kind is ExceptionKind.NOT_ENFORCED]
    assert [each.account for each in told] == [address("forgotten"), address("lab")]


def test_rules_and_settings_that_look_away_are_told_and_stricter_ones_are_not() -> None:
    rules = {each.rule: each.what for each in found() if each.kind is ExceptionKind.RULE}
    assert set(rules) == {"HVE207", "HVE405"}
    assert rules["HVE405"].startswith("HVE405 is switched off: ")
    assert "lowered from medium to low" in rules["HVE207"]
    assert "approved_tenants" in rules["HVE207"]
    strict = declared()
    louder = {"HVE207": replace(strict.policy.rules["HVE207"], severity="critical", options={})}
    strict = replace(strict, policy=replace(strict.policy, rules=louder, unknown_apps="deny"))
    assert not [each for each in found(strict) if each.kind in (ExceptionKind.RULE, ExceptionKind.SETTING)]


def test_that_accounts_without_an_entry_fail_no_check_is_told() -> None:
    facts = TenantFacts(snapshot(account("x", (1,))))
    told = one(tenant({}, unmanaged=Unmanaged.REPORT), facts)
    assert [each.tenant for each in told if each.kind is ExceptionKind.SETTING] == ["contoso"]
    told = one(tenant({}, unmanaged=Unmanaged.FAIL), facts)
    assert not [each for each in told if each.kind is ExceptionKind.SETTING]


def test_only_the_accounts_that_are_asked_for_are_told_of() -> None:
    narrow = replace(ASKED, only=lambda each: each == address("legacy"), narrowed=True)
    desired = declared()
    view = view_of(desired, desired.tenants["contoso"], read(), narrow, pins=None, lately=Lately())
    both = [check_tenant(desired, desired.tenants["contoso"], read(), narrow)]
    told = exceptions(desired, both, {"contoso": audit_tenant(view, NO_HISTORY)}, both[0].findings, narrow)
    assert {each.account for each in told} <= {None, address("legacy")}
    assert set(states(told, ExceptionKind.OPEN)) == {"hve-legacy@contoso.com"}

"""What a check makes of facts: all rules, all tenants, narrowed as asked, and no pass for what was not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import (
    NOW,
    TENANT,
    TODAY,
    account,
    address,
    app,
    client,
    entry,
    grant,
    principal,
    service_principals,
    snapshot,
    span,
    tenant,
)

from hveadmin.domain.desired import ByClientId, ByName, DesiredState, Mode, Policy, RuleSetting, TenantEntry, Waiver
from hveadmin.domain.facts import Part, TenantFacts
from hveadmin.domain.finding import Finding, Severity, Verdict
from hveadmin.domain.ids import Guid, TenantId
from hveadmin.domain.pins import Pins
from hveadmin.domain.tenant import HveAccount, Identity, IdKind, Readable, Unknown, Unreadable
from hveadmin.errors import Outcome, Refused
from hveadmin.workflows.check import (
    Asked,
    Checked,
    Lately,
    check_tenant,
    judge,
    names_besides,
    outcome_of,
    parts_besides,
    unread,
    view_of,
)

ASKED = Asked(TODAY, NOW)
CONTOSO = tenant({"x": entry(Mode.ENFORCE, grant(1))})
FABRIKAM = replace(CONTOSO, alias="fabrikam", tenant_id=TenantId("bbbbbbbb-0000-4000-8000-000000000001"))
UNKNOWN = Unknown("throttled after 5 tries")


def desired(*tenants: TenantEntry, policy: Policy | None = None) -> DesiredState:
    apps = {"app-1": grant(1).app}
    return DesiredState(apps, {each.alias: each for each in tenants}, policy=policy or Policy(), files=("hve.yaml",))


def checked(of: DesiredState, *accounts: HveAccount, asked: Asked = ASKED, alias: str = "contoso") -> Checked:
    return check_tenant(of, of.tenants[alias], TenantFacts(snapshot(*accounts)), asked)


def said(findings: Sequence[Finding], rule: str) -> dict[str, Verdict]:
    """What a rule says, by what it is about."""
    return {str(each.subject): each.verdict for each in findings if each.rule == rule}


def test_every_account_is_judged_and_an_unread_one_is_no_pass_of_any_rule_about_its_list() -> None:
    found = checked(desired(CONTOSO), account("x", (1, 2)), account("y", UNKNOWN))
    assert found.unreadable == (address("y"),)
    assert found.accounts == 2
    about_y = [each for each in found.findings if each.subject.account == address("y")]
    assert said(about_y, "HVE901") == {f"contoso {address('y')}": Verdict.UNKNOWN}
    lists = {"HVE101", "HVE201", "HVE202", "HVE302", "HVE401"}
    assert not [each for each in about_y if each.rule in lists and each.verdict is Verdict.PASS]


def test_only_the_accounts_that_are_asked_for_are_told_of_and_the_whole_tenant_is_resolved() -> None:
    narrow = replace(ASKED, only=lambda each: each == address("x"), narrowed=True)
    found = checked(desired(CONTOSO), account("x", (1,)), account("y", UNKNOWN), asked=narrow)
    assert (found.accounts, found.unreadable) == (1, ())
    assert found.considered == {address("x"), address("y")}
    assert {each.subject.account for each in found.findings} <= {None, address("x")}


def test_an_application_that_cannot_be_resolved_stops_nothing_and_is_named() -> None:
    facts = TenantFacts(snapshot(account("x", (1, 2)), directory=service_principals(2)))
    view = view_of(desired(CONTOSO), CONTOSO, facts, ASKED, pins=None, lately=Lately())
    (sentence,) = view.unresolved
    assert "app-1" in sentence
    assert view.unresolved_on == {address("x"): frozenset({"app-1"})}
    assert view.declarations[address("x")].wanted == frozenset()


def test_an_application_that_no_entry_uses_is_known_by_its_name_all_the_same() -> None:
    unused = desired(tenant({}))
    facts = TenantFacts(snapshot(account("x", (1,))))
    view = view_of(unused, unused.tenants["contoso"], facts, ASKED, pins=None, lately=Lately())
    assert view.by_app == {"app-1": app(1)}


def test_a_client_id_that_nobody_asked_for_is_known_where_its_service_principal_is_on_a_list() -> None:
    unused = replace(grant(1).app, ref=ByClientId(client(1)))
    of = DesiredState({"app-1": unused}, {"contoso": tenant({})})
    listed = Identity(Guid(app(1).value), IdKind.SERVICE_PRINCIPAL, "App 1", principal(1), client(1))
    facts = TenantFacts(snapshot(account("x", (1,)), directory=Readable({listed.id: listed})))
    view = view_of(of, of.tenants["contoso"], facts, ASKED, pins=None, lately=Lately())
    assert view.by_app == {"app-1": app(1)}


def test_pins_of_another_tenant_are_refused() -> None:
    pins = Pins("contoso", TenantId("bbbbbbbb-0000-4000-8000-000000000001"))
    with pytest.raises(Refused):
        check_tenant(desired(CONTOSO), CONTOSO, TenantFacts(snapshot()), ASKED, pins=pins)


def test_a_tenant_that_could_not_be_read_is_one_unknown_finding_at_its_line() -> None:
    found = unread(desired(CONTOSO), CONTOSO, "nobody answers")
    (finding,) = found.findings
    assert (finding.rule, finding.verdict, finding.source) == ("HVE902", Verdict.UNKNOWN, CONTOSO.source)
    assert "nobody answers" in finding.message
    assert found.facts is None


# How it ends


def ends(found: Checked, of: DesiredState, fail_on: Severity = Severity.LOW, asked: Asked = ASKED) -> Outcome:
    return outcome_of(judge(of, list(of.tenants), [found], asked), [found], fail_on)


def quiet(*but: str) -> Policy:
    """Every rule switched off but these."""
    from hveadmin.policy.rules import ALL_RULES

    return Policy(rules={each: RuleSetting(each, span(1), enabled=False) for each in ALL_RULES if each not in but})


@pytest.mark.parametrize(
    ("fail_on", "outcome"),
    [
        (Severity.INFO, Outcome.FINDINGS),
        (Severity.HIGH, Outcome.FINDINGS),
        (Severity.CRITICAL, Outcome.OK),
    ],
)
def test_a_failure_fails_the_run_from_its_severity_on(fail_on: Severity, outcome: Outcome) -> None:
    of = desired(CONTOSO, policy=quiet("HVE302"))  # which is high
    assert ends(checked(of, account("x", (1, 2))), of, fail_on) is outcome


def test_an_account_that_could_not_be_read_is_unknown_also_with_every_rule_switched_off() -> None:
    of = desired(CONTOSO, policy=quiet())
    assert ends(checked(of, account("x", UNKNOWN)), of, Severity.CRITICAL) is Outcome.INCOMPLETE
    assert ends(checked(of, account("x", (1, 2))), of) is Outcome.OK


def test_no_account_where_some_are_declared_is_unknown_also_with_every_rule_switched_off() -> None:
    of = desired(CONTOSO, policy=quiet())
    assert ends(checked(of), of, Severity.CRITICAL) is Outcome.INCOMPLETE
    nothing = desired(tenant({}), policy=quiet())
    assert ends(checked(nothing), nothing, Severity.CRITICAL) is Outcome.OK


def test_an_answer_that_could_not_be_had_counts_from_the_severity_of_its_rule_on() -> None:
    of = desired(CONTOSO, policy=quiet("HVE205"))  # which is medium, and needs the directory
    facts = TenantFacts(snapshot(account("x", (1,)), directory=Unreadable("no right")))
    found = check_tenant(of, CONTOSO, facts, ASKED)
    assert ends(found, of, Severity.MEDIUM) is Outcome.INCOMPLETE
    assert ends(found, of, Severity.HIGH) is Outcome.OK


def test_unknown_is_worse_than_a_failure() -> None:
    of = desired(CONTOSO)
    assert ends(checked(of, account("x", (1, 2)), account("y", UNKNOWN)), of) is Outcome.INCOMPLETE


# All tenants together

LEFT_OVER = Waiver("HVE302", "Trial", "o", TODAY, span(30), "contoso", address("x"), Guid(app(9).value))


def test_the_configuration_is_judged_once_and_every_finding_is_about_what_is_asked_for() -> None:
    soon = {"x": entry(Mode.ENFORCE, grant(1, expires=TODAY))}  # which HVE404 tells of
    of = desired(tenant(soon), replace(tenant(soon), alias="fabrikam"))
    both = judge(of, ["contoso", "fabrikam"], [], ASKED)
    assert {each.subject.tenant for each in both} == {"", "contoso", "fabrikam"}
    narrowed = judge(of, ["contoso"], [], ASKED)
    assert {each.subject.tenant for each in narrowed} == {"", "contoso"}
    nobody = judge(of, ["contoso"], [], replace(ASKED, only=lambda _: False, narrowed=True))
    assert {each.subject.account for each in nobody} == {None}


@pytest.mark.parametrize(
    ("narrowed", "looked", "verdict"),
    [
        (False, True, Verdict.FAIL),
        (True, True, Verdict.NOT_APPLICABLE),
        (False, False, Verdict.NOT_APPLICABLE),
    ],
)
def test_a_waiver_is_called_idle_only_where_the_whole_tenant_was_looked_at(
    narrowed: bool, looked: bool, verdict: Verdict
) -> None:
    of = desired(CONTOSO, policy=Policy(waivers=(LEFT_OVER,)))
    asked = replace(ASKED, narrowed=narrowed)
    tenants = [checked(of, account("x", (1,)), asked=asked)] if looked else []
    (found,) = said(judge(of, ["contoso"], tenants, asked), "HVE502").values()
    assert found is verdict


@pytest.mark.parametrize(
    ("chosen", "verdict"), [(["contoso", "fabrikam"], Verdict.FAIL), (["contoso"], Verdict.NOT_APPLICABLE)]
)
def test_a_waiver_of_a_rule_that_needs_no_tenant_is_judged_without_one_unless_some_are_left_out(
    chosen: list[str], verdict: Verdict
) -> None:
    word = replace(LEFT_OVER, rule="HVE402", tenant="", account=None)
    of = desired(CONTOSO, FABRIKAM, policy=Policy(waivers=(word,)))
    (found,) = said(judge(of, chosen, [], ASKED), "HVE502").values()
    assert found is verdict


def test_a_waiver_whose_application_is_on_the_list_holds_for_check_and_for_the_view_alike() -> None:
    of = desired(CONTOSO, policy=Policy(waivers=(replace(LEFT_OVER, expires=TODAY + timedelta(days=1)),)))
    found = checked(of, account("x", (1, 9)))
    assert said(found.findings, "HVE302")[f"contoso {address('x')} App 9"] is Verdict.WAIVED
    (used,) = said(judge(of, ["contoso"], [found], ASKED), "HVE502").values()
    assert used is Verdict.PASS


# What is read


def test_only_what_some_rule_needs_is_read() -> None:
    assert parts_besides(desired(CONTOSO)) == frozenset(Part)
    assert parts_besides(desired(CONTOSO, policy=quiet("HVE601"))) == {Part.BILLING}


def test_display_names_are_looked_up_although_no_entry_uses_them() -> None:
    named = replace(grant(1).app, name="by-name", ref=ByName("Payroll Mailer"))
    assert names_besides(DesiredState({"by-name": named}, {})) == {"Payroll Mailer"}


def test_the_tenant_that_is_judged_is_the_one_that_was_read() -> None:
    found = checked(desired(CONTOSO), account("x", (1,)))
    assert {each.subject.tenant_id for each in found.findings} == {TENANT}

"""From judgements to findings: severities as configured, waivers honoured, always a place, always one order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from builders import TENANT, TODAY, account, address, app, entry, grant, span
from hypothesis import given
from hypothesis import strategies as st
from policy.list_views import desired, view

from hveadmin.domain.desired import (
    DesiredState,
    Mode,
    Policy,
    RuleSetting,
    SourceSpan,
    TenantEntry,
    Waiver,
)
from hveadmin.domain.finding import Finding, Severity, Subject, Verdict
from hveadmin.domain.ids import Guid, ObjectId
from hveadmin.policy.engine import (
    ConfigRule,
    ConfigView,
    Judgement,
    TenantRule,
    TenantView,
    WaiverRule,
    WaiverView,
    in_order,
    run_config,
    run_tenant,
    run_waivers,
)

ON_X = Subject("contoso", TENANT, address("x"))
YESTERDAY = TODAY - timedelta(days=1)


def rule(*judgements: Judgement, id_: str = "HVE201", severity: Severity = Severity.HIGH) -> TenantRule:
    """A rule that says just this."""
    return TenantRule(id_, severity, "0.3", f"{id_}: something\n", "mend it", judge=lambda _: iter(judgements))


def fails(subject: Subject = ON_X, **more: object) -> Judgement:
    return replace(Judgement(Verdict.FAIL, "it is so", subject), **more)  # type: ignore[arg-type]


def seen(policy: Policy | None = None) -> TenantView:
    entries = {"x": entry(Mode.ENFORCE, grant(1), line=52), "gone": entry(Mode.ENFORCE, grant(1), line=53)}
    return view(account("x", (1,)), account("y", (1,)), entries=entries, policy=policy)


def found(*rules: TenantRule, policy: Policy | None = None) -> tuple[Finding, ...]:
    return run_tenant(rules, seen(policy))


def setting(**says: object) -> Policy:
    return Policy(rules={"HVE201": RuleSetting("HVE201", span(1), **says)})  # type: ignore[arg-type]


# Severities


@pytest.mark.parametrize(
    ("judged", "configured", "is_"),
    [
        (None, "", Severity.HIGH),
        (Severity.LOW, "", Severity.LOW),
        (None, "info", Severity.INFO),
        (Severity.LOW, "critical", Severity.CRITICAL),
    ],
)
def test_the_configuration_speaks_before_the_judgement_and_that_before_the_rule(
    judged: Severity | None, configured: str, is_: Severity
) -> None:
    (finding,) = found(rule(fails(severity=judged)), policy=setting(severity=configured))
    assert finding.severity is is_


def test_a_rule_that_is_switched_off_says_nothing_and_is_not_even_asked() -> None:
    def never(_: TenantView) -> Iterator[Judgement]:
        raise AssertionError("it was asked")

    off = replace(rule(), judge=never)
    assert found(off, rule(fails(), id_="HVE202"), policy=setting(enabled=False))[0].rule == "HVE202"


# Places and remedies


@pytest.mark.parametrize(
    ("subject", "source"),
    [
        pytest.param(ON_X, span(52), id="the account's line"),
        pytest.param(replace(ON_X, account=address("gone")), span(53), id="of an account that is not there too"),
        pytest.param(replace(ON_X, account=address("y")), span(40), id="else the tenant's"),
        pytest.param(replace(ON_X, account=None), span(40), id="the tenant's"),
    ],
)
def test_a_finding_about_a_tenant_always_has_a_place(subject: Subject, source: SourceSpan) -> None:
    assert found(rule(fails(subject)))[0].source == source
    assert found(rule(fails(subject, source=span(7))))[0].source == span(7), "the rule's own place comes first"


@pytest.mark.parametrize(
    ("subject", "source"),
    [
        pytest.param(ON_X, span(52), id="the account's line"),
        pytest.param(Subject("contoso"), span(40), id="the tenant's"),
        pytest.param(Subject(), SourceSpan("first.yaml", 1), id="the first line of the first file"),
        pytest.param(Subject("another"), SourceSpan("first.yaml", 1), id="of a tenant that there is not"),
    ],
)
def test_a_finding_about_the_configuration_always_has_a_place(subject: Subject, source: SourceSpan) -> None:
    configuration = replace(seen().desired, files=("first.yaml", "second.yaml"))
    says = ConfigRule("HVE402", Severity.LOW, "0.3", "HVE402: x\n", "mend it", judge=lambda _: iter([fails(subject)]))
    (finding,) = run_config([says], ConfigView(configuration, TODAY))
    assert finding.source == source


@pytest.mark.parametrize(
    ("verdict", "remedy"),
    [(Verdict.FAIL, "mend it"), (Verdict.UNKNOWN, "mend it"), (Verdict.PASS, ""), (Verdict.NOT_APPLICABLE, "")],
)
def test_what_is_to_be_mended_says_how(verdict: Verdict, remedy: str) -> None:
    assert found(rule(fails(verdict=verdict)))[0].remedy == remedy
    assert found(rule(fails(verdict=verdict, remedy="now")))[0].remedy == "now"


# Waivers


def waiver(**scope: object) -> Waiver:
    fields: dict[str, object] = {"rule": "HVE201", "reason": "r", "owner": "o", "expires": TODAY, "source": span(30)}
    return Waiver(**{**fields, **scope})  # type: ignore[arg-type]


APP = Guid(app(7).value)


@pytest.mark.parametrize(
    ("scope", "accepts"),
    [
        pytest.param({}, True, id="of the rule alone: everything"),
        pytest.param({"tenant": "contoso"}, True, id="the tenant"),
        pytest.param({"tenant": "fabrikam"}, False, id="another tenant"),
        pytest.param({"account": address("x")}, True, id="the account"),
        pytest.param({"account": address("y")}, False, id="another account"),
        pytest.param({"app": APP}, True, id="the application"),
        pytest.param({"app": ObjectId(APP.value)}, True, id="the application, whatever kind of id it was taken for"),
        pytest.param({"app": Guid(app(8).value)}, False, id="another application"),
        pytest.param({"rule": "HVE302"}, False, id="another rule"),
        pytest.param({"expires": YESTERDAY}, False, id="past its end"),
        pytest.param({"expires": TODAY}, True, id="its last day"),
        pytest.param({"tenant": "contoso", "account": address("x"), "app": APP}, True, id="all of it"),
    ],
)
def test_a_waiver_accepts_just_what_it_pins(scope: dict[str, object], accepts: bool) -> None:
    word = waiver(**scope)
    (finding,) = found(rule(fails(replace(ON_X, app=APP))), policy=Policy(waivers=(word,)))
    assert (finding.verdict, finding.waiver) == ((Verdict.WAIVED, word) if accepts else (Verdict.FAIL, None))


@pytest.mark.parametrize("scope", [{"account": address("x")}, {"app": APP}, {"tenant": "contoso"}])
def test_a_waiver_that_names_more_than_the_subject_has_does_not_accept_it(scope: dict[str, object]) -> None:
    (finding,) = found(rule(fails(Subject())), policy=Policy(waivers=(waiver(**scope),)))
    assert finding.verdict is Verdict.FAIL


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.PASS, Verdict.NOT_APPLICABLE])
def test_only_a_failure_is_waived(verdict: Verdict) -> None:
    (finding,) = found(rule(fails(verdict=verdict)), policy=Policy(waivers=(waiver(),)))
    assert (finding.verdict, finding.waiver) == (verdict, None)


@pytest.mark.parametrize(
    ("of", "fails_", "accepted"),
    [
        ("HVE201", "HVE302", True),
        ("HVE202", "HVE302", True),
        ("HVE302", "HVE201", False),
        ("HVE201", "HVE202", False),
        ("HVE202", "HVE201", False),
    ],
)
def test_whoever_accepts_an_unknown_application_on_a_list_accepts_that_it_is_not_declared(
    of: str, fails_: str, accepted: bool
) -> None:
    (finding,) = found(rule(fails(), id_=fails_), policy=Policy(waivers=(waiver(rule=of),)))
    assert (finding.verdict is Verdict.WAIVED) is accepted


def test_no_waiver_speaks_of_the_rules_about_waivers() -> None:
    says = WaiverRule("HVE502", Severity.LOW, "0.3", "HVE502: x\n", "mend it", judge=lambda _: iter([fails()]))
    configuration = desired(policy=Policy(waivers=(waiver(rule="HVE502"),)))
    (finding,) = run_waivers([says], WaiverView(configuration, TODAY, ()))
    assert finding.verdict is Verdict.FAIL


# Order and fingerprints

SUBJECTS = st.builds(
    Subject,
    st.sampled_from(["", "contoso", "fabrikam"]),
    st.sampled_from([None, TENANT]),
    st.sampled_from([None, address("x"), address("y")]),
    st.none(),
    st.sampled_from([None, APP, Guid(app(8).value)]),
    st.text(max_size=3),
    st.sampled_from(["", "apps.x"]),
)
FINDINGS = st.builds(
    Finding,
    st.sampled_from(["HVE101", "HVE201"]),
    st.sampled_from(Severity),
    st.sampled_from(Verdict),
    st.text(max_size=3),
    SUBJECTS,
)


@given(st.lists(FINDINGS, max_size=8), st.randoms(use_true_random=False))
def test_the_order_is_the_same_however_they_came_and_the_worst_failure_is_first(
    findings: list[Finding], rng: Random
) -> None:
    ordered = in_order(findings)
    shuffled = list(findings)
    rng.shuffle(shuffled)
    assert [each.fingerprint for each in in_order(shuffled)] == [each.fingerprint for each in ordered]
    failing = [each.severity.rank for each in ordered if each.verdict is Verdict.FAIL]
    assert failing == sorted(failing, reverse=True)
    assert [each.verdict for each in ordered][: len(failing)] == [Verdict.FAIL] * len(failing)


@given(FINDINGS, st.integers(1, 500), st.text(max_size=3), st.sampled_from(Severity), st.sampled_from(Verdict))
def test_a_fingerprint_survives_an_edit_of_the_file_and_a_renamed_application(
    finding: Finding, line: int, name: str, severity: Severity, verdict: Verdict
) -> None:
    later = replace(
        finding,
        source=span(line),
        subject=replace(finding.subject, app_name=name),
        severity=severity,
        verdict=verdict,
        message=name,
    )
    assert later.fingerprint == finding.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        {"rule": "HVE302"},
        {"subject": replace(ON_X, account=address("y"))},
        {"subject": replace(ON_X, app=APP)},
        {"subject": replace(ON_X, thing="apps.x")},
        {"subject": replace(ON_X, tenant_id=None, tenant="fabrikam")},
    ],
)
def test_another_subject_has_another_fingerprint(other: dict[str, object]) -> None:
    (finding,) = found(rule(fails()))
    assert replace(finding, **other).fingerprint != finding.fingerprint  # type: ignore[arg-type]


def test_a_tenant_view_shows_the_accounts_that_are_asked_for() -> None:
    entry_: TenantEntry = seen().entry
    assert entry_.alias == seen().alias
    narrowed = replace(seen(), only=lambda each: each == address("y"))
    assert [each.address for each in narrowed.accounts] == [address("y")]


def test_a_configuration_without_files_has_a_place_too() -> None:
    says = ConfigRule("HVE402", Severity.LOW, "0.3", "HVE402: x\n", "mend it", judge=lambda _: iter([fails(Subject())]))
    (finding,) = run_config([says], ConfigView(DesiredState({}, {}), TODAY))
    assert finding.source == SourceSpan("hve.yaml", 1)

"""A waiver that nothing needs is told, and only where everything it could accept was looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import TENANT, TODAY, address, app, span, tenant
from policy.list_views import desired

from hveadmin.domain.desired import Policy, Waiver
from hveadmin.domain.finding import Finding, Severity, Subject, Verdict
from hveadmin.domain.ids import Guid
from hveadmin.policy import hve501_waiver_past_its_end, hve502_idle_waiver
from hveadmin.policy.engine import WaiverUse, WaiverView, run_waivers
from hveadmin.policy.waivers import Looked, named, uses

ACCEPTS = Waiver("HVE201", "Trial", "lab@contoso.com", TODAY, span(30), "contoso", address("x"), Guid(app(7).value))
EVERYWHERE = replace(ACCEPTS, tenant="", account=None, app=None)
CONTOSO = tenant()
FABRIKAM = replace(tenant(), alias="fabrikam")
WHOLE = Looked(tenants=("contoso", "fabrikam"))


def finding(verdict: Verdict, tenant: str = "contoso", account: str = "x", rule: str = "HVE201") -> Finding:
    subject = Subject(tenant, TENANT, address(account) if account else None, app=Guid(app(7).value))
    return Finding(rule, Severity.HIGH, verdict, "it is so", subject)


def use(waiver: Waiver, *findings: Finding, looked: Looked = WHOLE) -> WaiverUse:
    configuration = desired(CONTOSO, FABRIKAM, policy=Policy(waivers=(waiver,)))
    ((_, found),) = uses(configuration, findings, looked, TODAY)
    return found


@pytest.mark.parametrize(
    ("waiver", "findings", "looked", "is_"),
    [
        pytest.param(ACCEPTS, [finding(Verdict.WAIVED)], WHOLE, WaiverUse.USED, id="it accepts something"),
        pytest.param(ACCEPTS, [], WHOLE, WaiverUse.IDLE, id="nothing to accept"),
        pytest.param(ACCEPTS, [finding(Verdict.PASS)], WHOLE, WaiverUse.IDLE, id="it passes by now"),
        pytest.param(
            ACCEPTS, [finding(Verdict.WAIVED, account="y")], WHOLE, WaiverUse.IDLE, id="another one's is accepted"
        ),
        pytest.param(
            replace(ACCEPTS, expires=TODAY - timedelta(days=1)), [], WHOLE, WaiverUse.EXPIRED, id="past its end"
        ),
        pytest.param(ACCEPTS, [], Looked(("fabrikam",)), WaiverUse.NOT_TOLD, id="its tenant was not looked at"),
        pytest.param(ACCEPTS, [], Looked(("contoso",)), WaiverUse.IDLE, id="another tenant was not looked at"),
        pytest.param(EVERYWHERE, [], Looked(("contoso",)), WaiverUse.NOT_TOLD, id="it is for all, and not all were"),
        pytest.param(EVERYWHERE, [], WHOLE, WaiverUse.IDLE, id="it is for all, and all were"),
        pytest.param(ACCEPTS, [finding(Verdict.UNKNOWN)], WHOLE, WaiverUse.NOT_TOLD, id="whether it fails is unknown"),
        pytest.param(
            ACCEPTS, [finding(Verdict.UNKNOWN, account="y")], WHOLE, WaiverUse.IDLE, id="unknown of another account"
        ),
        pytest.param(
            ACCEPTS, [finding(Verdict.UNKNOWN, account="")], WHOLE, WaiverUse.NOT_TOLD, id="unknown of the tenant"
        ),
        pytest.param(
            EVERYWHERE,
            [finding(Verdict.UNKNOWN, account="y")],
            WHOLE,
            WaiverUse.NOT_TOLD,
            id="it is for all accounts, and one is unknown",
        ),
        pytest.param(
            ACCEPTS,
            [finding(Verdict.UNKNOWN, rule="HVE601")],
            WHOLE,
            WaiverUse.IDLE,
            id="another rule's answer is unknown",
        ),
        pytest.param(
            ACCEPTS,
            [],
            replace(WHOLE, unread=[("contoso", address("x"))]),
            WaiverUse.NOT_TOLD,
            id="its account is unread",
        ),
        pytest.param(
            ACCEPTS,
            [],
            replace(WHOLE, unread=[("contoso", address("y")), ("fabrikam", address("x"))]),
            WaiverUse.IDLE,
            id="other accounts are unread",
        ),
        pytest.param(
            replace(EVERYWHERE, rule="HVE402"),
            [],
            Looked((), config_rules=("HVE402",)),
            WaiverUse.IDLE,
            id="its rule needs no tenant",
        ),
    ],
)
def test_what_became_of_a_waiver(waiver: Waiver, findings: list[Finding], looked: Looked, is_: WaiverUse) -> None:
    assert use(waiver, *findings, looked=looked) is is_


@pytest.mark.parametrize(
    ("became", "of_501", "of_502"),
    [
        (WaiverUse.USED, Verdict.PASS, Verdict.PASS),
        (WaiverUse.IDLE, Verdict.PASS, Verdict.FAIL),
        (WaiverUse.NOT_TOLD, Verdict.PASS, Verdict.NOT_APPLICABLE),
        (WaiverUse.EXPIRED, Verdict.FAIL, Verdict.NOT_APPLICABLE),
    ],
)
def test_what_is_said_of_it(became: WaiverUse, of_501: Verdict, of_502: Verdict) -> None:
    seen = WaiverView(desired(policy=Policy(waivers=(ACCEPTS,))), TODAY, ((ACCEPTS, became),))
    found = run_waivers((hve501_waiver_past_its_end.RULE, hve502_idle_waiver.RULE), seen)
    assert {each.rule: each.verdict for each in found} == {"HVE501": of_501, "HVE502": of_502}
    assert {each.source for each in found} == {ACCEPTS.source}
    assert {each.subject.account for each in found} == {ACCEPTS.account}


def test_a_waiver_is_named_by_what_it_accepts() -> None:
    assert named(ACCEPTS) == f"waiver of HVE201 in contoso on {address('x')} for {app(7)}"
    assert named(EVERYWHERE) == "waiver of HVE201"

"""HVE401 to HVE407: how full, until when, on whose word, and how an application is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from builders import TODAY, account, address, app, apps, client, entry, grant, service_principals, span, tenant
from policy.list_views import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    TOMORROW,
    UNKNOWN,
    YESTERDAY,
    a_grant,
    an_app,
    by_app,
    desired,
    finding,
    judged,
    judged_offline,
    one,
    telling,
    view,
)

from hveadmin.domain.desired import (
    AccountEntry,
    AppEntry,
    AppRef,
    ByClientId,
    ByName,
    ByObjectId,
    DesiredState,
    Mode,
    Selector,
)
from hveadmin.domain.finding import Severity, Verdict
from hveadmin.domain.ids import Guid
from hveadmin.domain.plan import Settling
from hveadmin.domain.tenant import AllowedApps, DirectoryView, Unknown, Unreadable
from hveadmin.policy import (
    hve401_nearly_full,
    hve402_without_owner_or_reason,
    hve403_grant_ended,
    hve404_ends_soon,
    hve405_app_on_many_accounts,
    hve406_unused_app,
    hve407_named_by_display_name,
)

UNREAD = Unknown("throttled after 5 tries")
ENDED, MANY = hve403_grant_ended.RULE, hve405_app_on_many_accounts.RULE


# HVE401


@pytest.mark.parametrize(
    ("held", "verdict", "severity"),
    [
        pytest.param(0, PASS, Severity.LOW, id="open"),
        pytest.param(7, PASS, Severity.LOW, id="7"),
        pytest.param(8, FAIL, Severity.LOW, id="8"),
        pytest.param(9, FAIL, Severity.LOW, id="9"),
        pytest.param(10, FAIL, Severity.MEDIUM, id="10"),
    ],
)
def test_eight_of_ten_is_low_and_ten_is_medium(held: int, verdict: Verdict, severity: Severity) -> None:
    found = finding(hve401_nearly_full.RULE, view(account("x", range(held))))
    assert (found.verdict, found.severity) == (verdict, severity)
    assert str(held) in found.message


def test_how_full_a_list_is_that_nobody_could_read_is_unknown() -> None:
    assert one(hve401_nearly_full.RULE, view(account("x", UNREAD))).verdict is UNKNOWN


@pytest.mark.parametrize(("warn_at", "verdict"), [(3, FAIL), (4, PASS)])
def test_the_configuration_may_say_from_how_many_on(warn_at: int, verdict: Verdict) -> None:
    seen = view(account("x", (1, 2, 3)), policy=telling("HVE401", warn_at=warn_at))
    assert one(hve401_nearly_full.RULE, seen).verdict is verdict


# HVE402


@pytest.mark.parametrize(
    ("owner", "reason", "verdict", "missing"),
    [
        ("it@contoso.com", "Mail", PASS, ""),
        ("", "Mail", FAIL, "owner"),
        ("it@contoso.com", "", FAIL, "reason"),
        ("", "", FAIL, "owner, reason"),
    ],
)
@pytest.mark.parametrize("used", [True, False], ids=["on a list", "on none"])
def test_an_application_says_who_answers_for_it_and_why_it_sends(
    owner: str, reason: str, verdict: Verdict, missing: str, used: bool
) -> None:
    silent = an_app(1, owner=owner, reason=reason)
    accounts = {"x": entry(Mode.ENFORCE, a_grant(silent))} if used else {}
    (judgement,) = judged_offline(hve402_without_owner_or_reason.RULE, desired(tenant(accounts), apps=[silent]))
    assert judgement.verdict is verdict
    assert dict(judgement.facts).get("missing", "") == missing


def test_what_an_application_does_not_say_each_of_its_grants_may() -> None:
    silent = an_app(1, reason="")
    said, unsaid = a_grant(silent, reason="Alert mail"), a_grant(silent)
    all_said = desired(tenant({"x": entry(Mode.ENFORCE, said), "y": entry(Mode.ENFORCE, said)}))
    one_unsaid = desired(tenant({"x": entry(Mode.ENFORCE, said), "y": entry(Mode.ENFORCE, unsaid)}))
    rule = hve402_without_owner_or_reason.RULE
    assert [each.verdict for each in judged_offline(rule, all_said)] == [PASS]
    (failing,) = judged_offline(rule, one_unsaid)
    assert failing.message == "app-1 has no reason, and 1 of its 2 grants say nothing of it either"


def test_an_application_can_be_waived_by_the_id_that_the_configuration_has() -> None:
    (judgement,) = judged_offline(hve402_without_owner_or_reason.RULE, desired(tenant(), apps=[an_app(1)]))
    assert judgement.subject.app == Guid(app(1).value)


# HVE403


@pytest.mark.parametrize(
    ("mode", "expires", "has", "verdict"),
    [
        pytest.param(Mode.ENFORCE, YESTERDAY, (1, 2), FAIL, id="enforce"),
        pytest.param(Mode.ADDITIVE, YESTERDAY, (1, 2), FAIL, id="additive"),
        pytest.param(Mode.OBSERVE, YESTERDAY, (1, 2), FAIL, id="observe"),
        pytest.param(Mode.ENFORCE, TODAY, (1, 2), PASS, id="the last day is inclusive"),
        pytest.param(Mode.ENFORCE, TOMORROW, (2,), PASS, id="before its end"),
        pytest.param(Mode.ENFORCE, YESTERDAY, (2,), PASS, id="gone"),
        pytest.param(Mode.ENFORCE, YESTERDAY, (1,), FAIL, id="the last on the list"),
        pytest.param(Mode.ABSENT, YESTERDAY, (1, 2), NOT_APPLICABLE, id="absent: HVE302"),
        pytest.param(Mode.ENFORCE, None, (1, 2), NOT_APPLICABLE, id="without an end"),
        pytest.param(Mode.ENFORCE, YESTERDAY, (), NOT_APPLICABLE, id="open: every application may send"),
        pytest.param(Mode.ENFORCE, YESTERDAY, UNREAD, UNKNOWN, id="unread"),
        pytest.param(Mode.ENFORCE, None, UNREAD, NOT_APPLICABLE, id="unread, without an end"),
    ],
)
def test_a_grant_past_its_end_must_not_be_live(
    mode: Mode, expires: date | None, has: AllowedApps | Sequence[int], verdict: Verdict
) -> None:
    seen = view(account("x", has), entries={"x": entry(mode, grant(1, expires=expires), grant(2))})
    assert one(ENDED, seen).verdict is verdict


@pytest.mark.parametrize(
    ("mode", "has", "remedy"),
    [
        pytest.param(Mode.ENFORCE, (1, 2), "hveadmin plan -t contoso -a hve-x@contoso.com", id="the plan does it"),
        pytest.param(
            Mode.OBSERVE,
            (1, 2),
            f"hveadmin account revoke -t contoso hve-x@contoso.com {app(1)}",
            id="no plan touches an account in mode observe",
        ),
        pytest.param(
            Mode.ENFORCE,
            (1,),
            "it is the last on the list: write a later end or another application at hve.yaml:1,"
            " then: hveadmin plan -t contoso -a hve-x@contoso.com",
            id="the last one is never simply taken off",
        ),
    ],
)
def test_a_grant_past_its_end_comes_with_what_takes_it_off(mode: Mode, has: Sequence[int], remedy: str) -> None:
    seen = view(account("x", has), entries={"x": entry(mode, grant(1, expires=YESTERDAY), grant(2))})
    assert one(ENDED, seen).remedy == remedy


@pytest.mark.parametrize(
    ("expires", "directory", "verdict"),
    [
        pytest.param(YESTERDAY, Unreadable("403"), UNKNOWN, id="the id on the list may be it"),
        pytest.param(YESTERDAY, service_principals(2), PASS, id="the id on the list is another"),
        pytest.param(TOMORROW, Unreadable("403"), PASS, id="before its end it does not matter"),
    ],
)
def test_a_grant_past_its_end_that_cannot_be_resolved_is_unknown_where_it_may_be_live(
    expires: date, directory: DirectoryView, verdict: Verdict
) -> None:
    declared = entry(Mode.ADDITIVE, grant(1, ByClientId(client(1)), expires=expires))
    seen = view(account("x", (2,)), entries={"x": declared}, directory=directory)
    assert by_app(judged(ENDED, seen)) == {"apps.app-1": verdict}


def test_what_we_took_off_minutes_ago_is_settling() -> None:
    live = account("x", (1, 2))
    declared = entry(Mode.ENFORCE, grant(1, expires=YESTERDAY), grant(2))
    seen = view(live, entries={"x": declared}, settling={live.guid: Settling(apps(2), view().now)})
    assert one(ENDED, seen).verdict is NOT_APPLICABLE


# HVE404


@pytest.mark.parametrize(
    ("days", "verdict"),
    [(-1, NOT_APPLICABLE), (0, FAIL), (1, FAIL), (30, FAIL), (31, PASS)],
)
@pytest.mark.parametrize("where", ["application", "grant", "exception", "selector"])
def test_what_ends_within_the_warning_fails_and_the_last_day_counts(days: int, verdict: Verdict, where: str) -> None:
    expires = TODAY + timedelta(days=days)
    endless = an_app(1)
    on_purpose = entry(Mode.UNRESTRICTED, expires=expires, reason="Cut-over", line=70)
    configuration = {
        "application": desired(tenant(), apps=[an_app(1, expires=expires)]),
        "grant": desired(tenant({"x": entry(Mode.ENFORCE, a_grant(endless, expires=expires))})),
        "exception": desired(tenant({"x": on_purpose})),
        "selector": desired(tenant(selectors=[Selector("*", on_purpose)])),
    }[where]
    found = [each for each in judged_offline(hve404_ends_soon.RULE, configuration) if "no end" not in each.message]
    assert [each.verdict for each in found] == [verdict]
    assert found[0].source is not None
    assert ("days", str(days)) in found[0].facts or verdict is not FAIL


def test_an_end_is_reported_once_where_it_is_written() -> None:
    ending = an_app(1, expires=TOMORROW)
    everywhere = {name: entry(Mode.ENFORCE, a_grant(ending)) for name in ("x", "y", "z")}
    (judgement,) = judged_offline(hve404_ends_soon.RULE, desired(tenant(everywhere)))
    assert judgement.subject.thing == "apps.app-1"
    assert judgement.message == "app-1 ends tomorrow, on 2026-11-24"


def test_an_end_means_nothing_in_mode_absent() -> None:
    declared = {"x": entry(Mode.ABSENT, a_grant(an_app(1), expires=TOMORROW))}
    (judgement,) = judged_offline(hve404_ends_soon.RULE, desired(tenant(declared)))
    assert judgement.verdict is NOT_APPLICABLE


def test_the_configuration_says_how_long_before() -> None:
    configuration = replace(desired(tenant(), apps=[an_app(1, expires=TOMORROW)]), expiry_warning_days=0)
    assert [each.verdict for each in judged_offline(hve404_ends_soon.RULE, configuration)] == [PASS]


# HVE405


@pytest.mark.parametrize(
    ("lists", "verdict"),
    [
        pytest.param(((1,), (1,)), {1: PASS}, id="as many as allowed"),
        pytest.param(((1,), (1,), (1, 2)), {1: FAIL, 2: PASS}, id="one more"),
        pytest.param(((1,), (1,), ()), {1: PASS}, id="an open account is not counted"),
    ],
)
def test_an_application_is_on_at_most_so_many_lists(
    lists: Sequence[Sequence[int]], verdict: dict[int, Verdict]
) -> None:
    live = [account(name, has) for name, has in zip("xyz", lists, strict=False)]
    assert by_app(judged(MANY, view(*live, policy=telling("HVE405", max_accounts=2)))) == verdict


@pytest.mark.parametrize(
    ("holders", "verdict"),
    [
        pytest.param(1, PASS, id="with it, it would be as many as allowed"),
        pytest.param(2, UNKNOWN, id="with it, it would be one more"),
        pytest.param(3, FAIL, id="too many without it"),
    ],
)
def test_an_unread_list_may_hold_it_too(holders: int, verdict: Verdict) -> None:
    live = [account(name, (1,)) for name in "wxy"[:holders]]
    found = judged(MANY, view(*live, account("z", UNREAD), policy=telling("HVE405", max_accounts=2)))
    assert [each.verdict for each in found if each.subject.account == address("z")] == [UNKNOWN]
    assert by_app(each for each in found if each.subject.account is None) == {1: verdict}


def test_without_a_limit_it_does_not_apply() -> None:
    assert one(MANY, view(account("x", (1,)), account("y", (1,)))).verdict is NOT_APPLICABLE


def test_only_what_is_on_a_list_that_is_asked_for_is_judged_and_all_lists_are_counted() -> None:
    live = [account("x", (1,)), account("y", (1, 2))]
    seen = view(*live, policy=telling("HVE405", max_accounts=1), only=lambda each: each == address("x"))
    assert by_app(judged(MANY, seen)) == {1: FAIL}


def test_an_application_of_the_configuration_is_shown_where_it_is_written() -> None:
    named = an_app(1)
    seen = view(account("x", (1,)), apps=[named], policy=telling("HVE405", max_accounts=1))
    assert one(MANY, seen).source == named.source


# HVE406 and HVE407


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.ADDITIVE, Mode.ABSENT, Mode.OBSERVE])
@pytest.mark.parametrize("by_selector", [True, False], ids=["selector", "account"])
def test_an_application_on_any_list_is_used(mode: Mode, by_selector: bool) -> None:
    declared = entry(mode, a_grant(an_app(1)))
    configured = tenant(selectors=[Selector("*", declared)]) if by_selector else tenant({"x": declared})
    assert _unused(desired(configured, apps=[an_app(2)])) == {"apps.app-1": PASS, "apps.app-2": FAIL}


def _unused(configuration: DesiredState) -> dict[str, Verdict]:
    return {each.subject.thing: each.verdict for each in judged_offline(hve406_unused_app.RULE, configuration)}


@pytest.mark.parametrize(
    ("ref", "verdict", "remedy"),
    [
        (ByClientId(client(1)), PASS, ""),
        (ByObjectId(app(1), "contoso"), PASS, ""),
        (ByName("Payroll Mailer"), FAIL, "hveadmin app whatis 'Payroll Mailer'"),
        (ByName("$(reboot)"), FAIL, "hveadmin app whatis '$(reboot)'"),
        (ByName("--help"), FAIL, "hveadmin app whatis -- --help"),
    ],
    ids=["client id", "object id", "name", "a name that a shell would obey", "a name like an option"],
)
def test_an_application_is_named_by_an_id(ref: AppRef, verdict: Verdict, remedy: str) -> None:
    entry_of_apps = AppEntry("payroll", ref, span(3))
    (judgement,) = judged_offline(hve407_named_by_display_name.RULE, desired(tenant(), apps=[entry_of_apps]))
    assert (judgement.verdict, judgement.remedy, judgement.source) == (verdict, remedy, span(3))


def test_grants_of_one_selector_are_told_apart() -> None:
    both = [a_grant(an_app(number), expires=TOMORROW) for number in (1, 2)]
    declared: AccountEntry = entry(Mode.ENFORCE, *both)
    found = judged_offline(hve404_ends_soon.RULE, desired(tenant(selectors=[Selector("*", declared)])))
    things = [each.subject.thing for each in found if each.verdict is FAIL]
    assert things == ["selector * apps.app-1", "selector * apps.app-2"]

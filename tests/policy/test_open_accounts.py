"""HVE101 to HVE105: which open account is a finding, and whose."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from builders import NOW, TODAY, account, address, app, apps, entry, grant
from policy.list_views import FAIL, NOT_APPLICABLE, PASS, TOMORROW, UNKNOWN, YESTERDAY, one, view

from hveadmin.domain.desired import AccountEntry, Mode, Selector, Unmanaged
from hveadmin.domain.finding import Verdict
from hveadmin.domain.plan import Settling
from hveadmin.domain.tenant import AllowedApps, Known, Unknown, Unreadable
from hveadmin.policy import hve101_open, hve102_exception_ended, hve104_opened_after_run, hve105_restricted_anyway
from hveadmin.policy.engine import TenantRule

OPEN, RESTRICTED, UNREAD = Known(apps()), Known(apps(1)), Unknown("throttled after 5 tries (request-id 3c0a)")
LEFT_AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def unrestricted(expires: date | None = TOMORROW) -> AccountEntry:
    return entry(Mode.UNRESTRICTED, expires=expires, reason="Cut-over")


@pytest.mark.parametrize(
    ("allowed", "declared", "verdict"),
    [
        pytest.param(OPEN, None, FAIL, id="no entry"),
        pytest.param(OPEN, entry(Mode.ENFORCE, grant(1)), FAIL, id="enforce"),
        pytest.param(OPEN, entry(Mode.ADDITIVE, grant(1)), FAIL, id="additive"),
        pytest.param(OPEN, entry(Mode.ABSENT, grant(1)), FAIL, id="absent"),
        pytest.param(OPEN, entry(Mode.OBSERVE), FAIL, id="observe"),
        pytest.param(OPEN, unrestricted(), NOT_APPLICABLE, id="unrestricted"),
        pytest.param(OPEN, unrestricted(YESTERDAY), NOT_APPLICABLE, id="unrestricted and past its end: HVE102"),
        pytest.param(RESTRICTED, None, PASS, id="restricted without an entry"),
        pytest.param(RESTRICTED, entry(Mode.ENFORCE, grant(2)), PASS, id="restricted, if to another than declared"),
        pytest.param(UNREAD, None, UNKNOWN, id="unread without an entry"),
        pytest.param(UNREAD, entry(Mode.ENFORCE, grant(1)), UNKNOWN, id="unread"),
    ],
)
def test_an_open_account_fails_unless_it_is_declared_unrestricted(
    allowed: AllowedApps, declared: AccountEntry | None, verdict: Verdict
) -> None:
    entries = {"x": declared} if declared is not None else {}
    assert one(hve101_open.RULE, view(account("x", allowed), entries=entries)).verdict is verdict


def test_an_open_account_fails_also_where_accounts_without_an_entry_are_ignored() -> None:
    assert one(hve101_open.RULE, view(account("x", OPEN), unmanaged=Unmanaged.IGNORE)).verdict is FAIL


@pytest.mark.parametrize(
    ("declared", "remedy"),
    [
        pytest.param(None, "hveadmin account grant -t contoso hve-x@contoso.com OBJECT-ID", id="no entry"),
        pytest.param(
            entry(Mode.ENFORCE, grant(1)), "hveadmin plan -t contoso -a hve-x@contoso.com", id="by the configuration"
        ),
        pytest.param(
            entry(Mode.OBSERVE, grant(2), grant(1)),
            f"hveadmin account grant -t contoso hve-x@contoso.com {app(1)} {app(2)}",
            id="observe: with what it names",
        ),
        pytest.param(
            entry(Mode.ABSENT, grant(1)),
            "hveadmin account grant -t contoso hve-x@contoso.com OBJECT-ID",
            id="absent: never with what must not be there",
        ),
    ],
)
def test_an_open_account_comes_with_the_command_that_closes_it(declared: AccountEntry | None, remedy: str) -> None:
    entries = {"x": declared} if declared is not None else {}
    judgement = one(hve101_open.RULE, view(account("x", OPEN), entries=entries))
    assert judgement.remedy == remedy
    assert "any application may send" in judgement.message


def test_an_open_account_is_not_waited_for_while_a_run_of_ours_settles() -> None:
    live = account("x", OPEN)
    settling = {live.guid: Settling(apps(1), NOW)}
    seen = view(live, entries={"x": entry(Mode.ENFORCE, grant(1))}, settling=settling)
    assert one(hve101_open.RULE, seen).verdict is FAIL


def test_a_finding_points_at_the_accounts_own_line_or_its_selector_or_else_the_tenant() -> None:
    live = [account(name, OPEN) for name in ("a", "b", "c")]
    selector = Selector("hve-b@*", entry(Mode.OBSERVE, line=70))
    seen = view(*live, entries={"a": entry(Mode.OBSERVE, line=60)}, selectors=[selector])
    lines = [judgement.source.line for judgement in hve101_open.judge(seen) if judgement.source is not None]
    assert lines == [60, 70, seen.entry.source.line]


@pytest.mark.parametrize(
    ("allowed", "declared", "verdict"),
    [
        pytest.param(OPEN, unrestricted(YESTERDAY), FAIL, id="past its end"),
        pytest.param(OPEN, unrestricted(TODAY), PASS, id="the last day is inclusive"),
        pytest.param(OPEN, unrestricted(TOMORROW), PASS, id="before its end"),
        pytest.param(OPEN, unrestricted(None), FAIL, id="an exception without an end is none"),
        pytest.param(RESTRICTED, unrestricted(YESTERDAY), PASS, id="past its end, and closed"),
        pytest.param(UNREAD, unrestricted(YESTERDAY), UNKNOWN, id="unread"),
        pytest.param(UNREAD, unrestricted(TOMORROW), UNKNOWN, id="unread before its end"),
        pytest.param(OPEN, entry(Mode.ENFORCE, grant(1)), NOT_APPLICABLE, id="another mode"),
        pytest.param(OPEN, None, NOT_APPLICABLE, id="no entry"),
    ],
)
def test_an_exception_fails_from_the_day_after_its_last(
    allowed: AllowedApps, declared: AccountEntry | None, verdict: Verdict
) -> None:
    entries = {"x": declared} if declared is not None else {}
    judgement = one(hve102_exception_ended.RULE, view(account("x", allowed), entries=entries))
    assert judgement.verdict is verdict


def test_an_exception_past_its_end_says_when_that_was_and_where_it_is_written() -> None:
    seen = view(account("x", OPEN), entries={"x": unrestricted(YESTERDAY)})
    judgement = one(hve102_exception_ended.RULE, seen)
    assert ("expires", "2026-11-22") in judgement.facts
    assert "2026-11-22" in judgement.message
    assert "hve.yaml:50" in judgement.remedy


@pytest.mark.parametrize(
    ("allowed", "ours", "declared", "verdict"),
    [
        pytest.param(OPEN, True, entry(Mode.ENFORCE, grant(1)), FAIL, id="opened by somebody else"),
        pytest.param(OPEN, True, None, FAIL, id="without an entry too"),
        pytest.param(OPEN, False, None, NOT_APPLICABLE, id="no run of ours"),
        pytest.param(OPEN, True, unrestricted(), NOT_APPLICABLE, id="declared unrestricted by now"),
        pytest.param(RESTRICTED, True, None, PASS, id="still restricted"),
        pytest.param(UNREAD, True, None, UNKNOWN, id="unread"),
        pytest.param(UNREAD, False, None, NOT_APPLICABLE, id="unread, and no run of ours"),
    ],
)
def test_an_account_that_we_left_restricted_must_not_be_found_open(
    allowed: AllowedApps, ours: bool, declared: AccountEntry | None, verdict: Verdict
) -> None:
    live = account("x", allowed)
    left = {live.guid: LEFT_AT} if ours else {}
    seen = view(live, entries={"x": declared} if declared is not None else {}, left_restricted=left)
    judgement = one(hve104_opened_after_run.RULE, seen)
    assert judgement.verdict is verdict
    assert ("2026-11-23T09:00:00Z" in judgement.message) is (verdict is FAIL)


@pytest.mark.parametrize(
    ("allowed", "declared", "verdict"),
    [
        pytest.param(RESTRICTED, unrestricted(), FAIL, id="restricted in fact"),
        pytest.param(RESTRICTED, unrestricted(YESTERDAY), FAIL, id="restricted in fact, past its end"),
        pytest.param(OPEN, unrestricted(), PASS, id="open as declared"),
        pytest.param(UNREAD, unrestricted(), UNKNOWN, id="unread"),
        pytest.param(RESTRICTED, entry(Mode.ENFORCE, grant(1)), NOT_APPLICABLE, id="another mode"),
        pytest.param(RESTRICTED, None, NOT_APPLICABLE, id="no entry"),
    ],
)
def test_an_account_that_is_declared_open_and_is_not_fails(
    allowed: AllowedApps, declared: AccountEntry | None, verdict: Verdict
) -> None:
    entries = {"x": declared} if declared is not None else {}
    judgement = one(hve105_restricted_anyway.RULE, view(account("x", allowed), entries=entries))
    assert judgement.verdict is verdict


def test_a_list_that_we_emptied_minutes_ago_is_settling() -> None:
    live = account("x", RESTRICTED)
    seen = view(live, entries={"x": unrestricted()}, settling={live.guid: Settling(apps(), NOW)})
    judgement = one(hve105_restricted_anyway.RULE, seen)
    assert judgement.verdict is NOT_APPLICABLE
    assert "10:14Z" in judgement.message


RULES = [each.RULE for each in (hve101_open, hve102_exception_ended, hve104_opened_after_run, hve105_restricted_anyway)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_only_the_accounts_that_are_asked_for_are_judged(rule: TenantRule) -> None:
    seen = view(account("x", OPEN), account("y", OPEN), only=lambda each: each == address("y"))
    assert one(rule, seen).subject.account == address("y")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_whether_an_account_is_open_needs_no_directory(rule: TenantRule) -> None:
    live, entries = account("x", OPEN), {"x": entry(Mode.ENFORCE, grant(1))}
    left = {live.guid: LEFT_AT}
    with_it = view(live, entries=entries, left_restricted=left)
    without = view(live, entries=entries, left_restricted=left, directory=Unreadable("403"))
    assert one(rule, with_it).verdict is one(rule, without).verdict

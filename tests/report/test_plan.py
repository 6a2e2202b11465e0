"""A plan can be read aloud, says what it does in words, and hides no account."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import pytest
from builders import NOW, TENANT, address, app, apps

from hveadmin.domain.desired import Mode, SourceSpan
from hveadmin.domain.guard import Objection
from hveadmin.domain.ids import Guid
from hveadmin.domain.plan import Action, AppLine, Change, Plan, Step, Unplanned
from hveadmin.report.plan import SavedPlan, plan_report
from hveadmin.report.query import query
from hveadmin.report.render import render
from hveadmin.report.style import Style


def change(
    name: str,
    before: Iterable[int],
    target: Iterable[int],
    *lines: AppLine,
    steps: tuple[Step, ...] = (),
    reason: str = "",
) -> Change:
    guid = Guid("aaaaaaaa-0000-4000-8000-000000000001")
    listed = (apps(*before), apps(*target))
    source = SourceSpan("hve.yaml", 52, 5)
    return Change(address(name), guid, Mode.ENFORCE, "hve.yaml:52", source, *listed, steps, "f" * 64, lines, reason)


def plan(
    *changes: Change,
    unknown: tuple[Unplanned, ...] = (),
    refused: tuple[Unplanned, ...] = (),
    warnings: tuple[str, ...] = (),
    as_declared: int = 11,
    observed: int = 0,
    open_before: int = 0,
) -> Plan:
    return Plan(
        tenant="contoso",
        tenant_id=TENANT,
        domain="contoso.onmicrosoft.com",
        cloud="worldwide",
        read_at=NOW,
        changes=changes,
        as_declared=as_declared,
        observed=observed,
        unknown=unknown,
        refused=refused,
        warnings=warnings,
        accounts_total=14,
        grants_total=23,
        open_before=open_before,
        open_after=open_before,
    )


def text(*args: Change, **kwargs: object) -> str:
    return render(plan_report(plan(*args, **kwargs)), "table")  # type: ignore[arg-type]


SWAP = change(
    "payroll",
    [1, 2, 3],
    [2, 3, 4],
    AppLine(Action.GRANT, app(4), "payroll-mailer", "hr-it@contoso.com", "CHG0041207"),
    AppLine(Action.REVOKE, app(1), "", note="not declared"),
    steps=(Step(Action.GRANT, (app(4),)), Step(Action.REVOKE, (app(1),))),
)
UNREAD = Unplanned(address("scan"), "throttled after 5 tries", "hve.yaml:60")


@pytest.mark.parametrize(
    ("before", "target", "words"),
    [
        ([1], [], "1 → 0 of 10  OPENS: from then on any application may send"),
        ([], [1], "0 → 1 of 10  CLOSES: today any application may send"),
        ([1], [2], "1 → 1 of 10  stays restricted"),
    ],
)
def test_the_direction_is_said_in_words(before: list[int], target: list[int], words: str) -> None:
    assert words in text(change("a", before, target))


def test_an_application_stands_with_its_owner_ticket_and_note() -> None:
    shown = text(SWAP)
    assert "+ payroll-mailer  0000…0004  hr-it@contoso.com   CHG0041207" in shown
    assert "- (unknown)       0000…0001  not declared" in shown


def test_several_calls_are_told_and_a_single_one_is_not() -> None:
    assert "calls: add 1, check, remove 1" in text(SWAP)
    assert "calls:" not in text(change("a", [], [1], steps=(Step(Action.GRANT, (app(1),)),)))


def test_why_an_account_is_opened_is_told() -> None:
    assert "reason: ERP cut-over" in text(change("a", [1], [], reason="ERP cut-over"))


def test_a_change_that_came_without_lines_still_shows_every_application() -> None:
    report = plan_report(plan(change("a", [1], [2])))
    assert "+ (unknown)  0000…0002" in render(report, "table")
    assert len(list(csv.reader(io.StringIO(render(report, "csv"))))) == 3


def test_the_summary_counts_what_is_to_change_what_is_right_and_what_is_unknown() -> None:
    assert "1 to change, 11 as declared, 1 unknown.   Grants +1 -1.   Open accounts 0 → 0." in text(
        SWAP, unknown=(UNREAD,)
    )


@pytest.mark.parametrize(
    ("kwargs", "sentence"),
    [
        ({}, "Nothing to change: 11 as declared."),
        ({"observed": 3}, "Nothing to change: 11 as declared, 3 observed."),
        ({"unknown": (UNREAD,)}, "Nothing to change in what could be read: 11 as declared, 1 unknown."),
        ({"open_before": 1}, "Nothing to change: 11 as declared.   Open accounts 1 → 1."),
    ],
)
def test_no_change_is_one_plain_sentence(kwargs: dict[str, object], sentence: str) -> None:
    assert text(**kwargs).splitlines()[-1] == sentence


@pytest.mark.parametrize("format_name", ["table", "csv", "md", "json", "jsonl", "yaml"])
def test_no_format_hides_an_account_that_is_not_planned(format_name: str) -> None:
    refused = Unplanned(address("full"), "11 applications, more than 10")
    shown = render(plan_report(plan(unknown=(UNREAD,), refused=(refused,))), format_name)
    for part in ("hve-scan@contoso.com", "throttled after 5 tries", "hve-full@contoso.com", "more than 10"):
        assert part in shown


def test_rails_say_how_near_the_nearest_limit_is_or_what_stands_against_the_plan() -> None:
    objection = Objection("contoso", "hve-a@contoso.com would be open", "--allow-open hve-a@contoso.com")
    assert "Rails: ok (largest: grants removed 1 of 23, limit 10 or 30 %)." in text(SWAP)
    refused = render(plan_report(plan(SWAP), objections=[objection]), "table")
    assert "Rails: REFUSED, 1 objection" in refused
    assert "--allow-open hve-a@contoso.com" in refused
    assert "Rails: ok" not in refused


def test_a_saved_plan_names_its_bytes_and_the_next_command() -> None:
    shown = render(plan_report(plan(SWAP), saved=SavedPlan("out dir/contoso.plan.json", "9b" * 32)), "table")
    assert f"Saved out dir/contoso.plan.json  sha256 {'9b' * 32}  fits only the lists read above" in shown
    assert shown.endswith("\n  hveadmin apply 'out dir/contoso.plan.json'\n")


def test_a_stale_account_is_named() -> None:
    stale = [Unplanned(address("payroll"), "the list was changed since the plan was made")]
    assert "STALE  hve-payroll@contoso.com  the list was changed" in render(
        plan_report(plan(SWAP), stale=stale), "table"
    )


def test_the_machine_form_has_full_ids_and_the_calls_in_order() -> None:
    found = query(plan_report(plan(SWAP), plan_id="p1"), "changes[0].[before, steps[].action, source.line, tenant_id]")
    assert found.data == [[app(each).value for each in (1, 2, 3)], ["grant", "revoke"], 52, TENANT.value]


def test_in_ascii_nothing_is_lost_but_the_symbols() -> None:
    shown = render(plan_report(plan(SWAP)), "table", style=Style(ascii=True))
    assert shown.isascii()
    assert "3 -> 3 of 10" in shown
    assert "0000...0004" in shown

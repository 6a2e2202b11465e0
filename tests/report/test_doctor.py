"""The doctor's report can be read aloud, and says of itself what it holds."""

from __future__ import annotations

import json

import pytest
from builders import NOW
from report.judged import SHOWING_ALL

from hveadmin.domain.health import Check, Examined, Remedy, Setting, Verdict, failed, not_tried, passed, unknown, warned
from hveadmin.report.doctor import CONTAINS, doctor_report, settings_report
from hveadmin.report.document import together
from hveadmin.report.render import render
from hveadmin.report.style import Style

COMMAND = (
    "New-ServicePrincipal -AppId 0b9c6e5a-3d1f-4c27-9a84-6f2e1d7b8c10 -ObjectId d4131700-3f20-5adc-9810-12a76a5f5d46"
)
REMEDY = Remedy("no role", ("open the portal", "add the role"), (COMMAND,), ("az login",))
BROKEN = failed("cmdlets", "refused", REMEDY)


def examined(*checks: Check) -> Examined:
    return Examined("contoso", NOW, (Setting("timeout", "300", "default"),), checks)


def table(*checks: Check, width: int = 0) -> str:
    return render(doctor_report(examined(*checks), made_by="hveadmin 1"), "table", style=Style(width=width))


@pytest.mark.parametrize(
    ("check", "line"),
    [
        (passed("clock", "right"), "  ok  clock  right"),
        (warned("clock", "off"), "  warn  clock  off"),
        (failed("clock", "off", REMEDY), "  FAIL  clock  off"),
        (unknown("clock", "?"), "  unknown  clock  ?"),
        (not_tried("clock", "it needs `x`"), "  not tried  clock  it needs `x`"),
    ],
)
def test_every_verdict_is_a_word(check: Check, line: str) -> None:
    assert line in table(check).split("\n")


def test_next_steps_stand_under_failures_only() -> None:
    lines = table(BROKEN, not_tried("exchange", "it needs `cmdlets`")).split("\n")
    place = lines.index("  FAIL       cmdlets   refused")
    assert lines[place + 1 : place + 8] == [
        "      What it means: no role",
        "      Step 1: open the portal",
        "      Step 2: add the role",
        "      With PowerShell:",
        f"        {COMMAND}",
        "      With the Azure CLI, in a POSIX shell:",
        "        az login",
    ]
    assert "What it means" not in table(Check("clock", Verdict.WARN, "off", REMEDY))


def test_a_command_is_never_wrapped() -> None:
    assert f"        {COMMAND}\n" in table(BROKEN, width=60)


def test_the_first_broken_link_is_named_last() -> None:
    said = table(passed("python", ""), unknown("tenant", "?"), BROKEN, not_tried("exchange", "it needs `cmdlets`"))
    closing = "contoso: the first broken link is `cmdlets` (1 ok, 1 FAIL, 1 unknown, 1 not tried)."
    assert said.rstrip().endswith(closing)
    assert table(passed("python", "")).rstrip().endswith("contoso: nothing is broken (1 ok).")


def test_the_machine_form_says_what_it_contains_and_keeps_the_commands() -> None:
    data = json.loads(render(doctor_report(examined(BROKEN), made_by="hveadmin 1"), "json"))
    (about,) = data["about"]
    assert (about["made_by"], about["made_at"], about["first_broken"]) == (
        "hveadmin 1",
        "2026-11-23T10:14:07Z",
        "cmdlets",
    )
    assert about["contains"] == CONTAINS
    assert "no secret" in CONTAINS
    (check,) = data["checks"]
    assert check["verdict"] == "fail"
    assert check["remedy"]["powershell"] == [COMMAND]
    assert data["settings"] == [{"tenant": "contoso", "setting": "timeout", "value": "300", "source": "default"}]


def test_tenants_stand_in_one_document() -> None:
    reports = [doctor_report(Examined(each, NOW, (), (BROKEN,)), made_by="hveadmin 1") for each in ("a", "b")]
    data = json.loads(render(together(reports), "json"))
    assert [each["tenant"] for each in data["about"]] == ["a", "b"]
    assert [each["tenant"] for each in data["checks"]] == ["a", "b"]


@pytest.mark.parametrize("format_name", SHOWING_ALL)
def test_every_value_is_shown_with_its_source(format_name: str) -> None:
    shown = render(settings_report("contoso", [Setting("timeout", "300", "flag (--timeout)")]), format_name)
    assert "flag (--timeout)" in shown

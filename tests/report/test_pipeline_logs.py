"""
What GitHub Actions and Azure Pipelines read out of a log, read here as their runners do.

Their rules, as their documentation and runners have them: GitHub takes a line that begins with `::NAME PROPERTIES::`
for a command, and undoes %25 %0D %0A in what follows and %3A %2C in properties as well. Azure takes `##vso[AREA.EVENT
KEY=VALUE;…]` anywhere in a line, and undoes %3B %0D %0A %5D and at last %AZP25.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report.hostile_text import HOSTILE
from report.judged import finding, judged, one_of_each, written

from hveadmin.domain.finding import Severity, Verdict
from hveadmin.report.annotations import MOST
from hveadmin.report.document import unread_tenant
from hveadmin.report.formats import azure
from hveadmin.report.query import query
from hveadmin.report.render import render

_GITHUB = re.compile(r"^\s*::(?P<name>[a-z-]+)(?: (?P<properties>.*?))?::(?P<data>.*)$")
_GITHUB_OLD = re.compile(r"##\[(?P<name>[a-z-]+)(?: (?P<properties>.*?))?\](?P<data>.*)$")
_AZURE = re.compile(r"##vso\[(?P<name>\S+)(?: (?P<properties>.*?))?\](?P<data>.*)$", re.IGNORECASE)
_AZURE_FORMATTING = re.compile(r"##\[(?P<name>[a-z]+)\](?P<data>.*)$")


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    properties: dict[str, str]
    data: str


def github_commands(log: str) -> list[Command]:
    found = []
    for line in log.split("\n"):
        match = _GITHUB.match(line) or _GITHUB_OLD.search(line)
        if match is None:
            continue
        pairs = (pair.partition("=") for pair in (match["properties"] or "").split(",") if pair)
        properties = {key: _undone(value, "%2C,", "%3A:", "%0A\n", "%0D\r", "%25%") for key, _, value in pairs}
        found.append(Command(match["name"], properties, _undone(match["data"], "%0A\n", "%0D\r", "%25%")))
    return found


def azure_commands(log: str) -> list[Command]:
    found = []
    for line in log.split("\n"):
        match = _AZURE.search(line) or _AZURE_FORMATTING.search(line)
        if match is None:
            continue
        pairs = (pair.partition("=") for pair in (match.groupdict().get("properties") or "").split(";") if pair)
        escapes = ("%3B;", "%5D]", "%0A\n", "%0D\r", "%AZP25%")
        properties = {key: _undone(value, *escapes) for key, _, value in pairs}
        found.append(Command(match["name"], properties, _undone(match["data"], *escapes)))
    return found


def _undone(text: str, *escapes: str) -> str:
    for escape in escapes:
        text = text.replace(escape[:-1], escape[-1])
    return text


def issues(log: str) -> list[Command]:
    return [each for each in azure_commands(log) if each.name == "task.logissue"]


# GitHub


def test_a_finding_is_an_annotation_at_its_line() -> None:
    _, _, note = github_commands(written("github", [finding()]))
    assert note == Command(
        "error",
        {"file": "hve.yaml", "line": "52", "col": "5", "title": "HVE201 high"},
        f"{finding().subject}: {finding().message}\nnext: {finding().remedy}",
    )


@pytest.mark.parametrize(
    ("verdict", "severity", "name"),
    [
        (Verdict.FAIL, Severity.CRITICAL, "error"),
        (Verdict.FAIL, Severity.HIGH, "error"),
        (Verdict.FAIL, Severity.MEDIUM, "warning"),
        (Verdict.FAIL, Severity.LOW, "notice"),
        (Verdict.FAIL, Severity.INFO, "notice"),
        (Verdict.UNKNOWN, Severity.LOW, "warning"),
        (Verdict.UNKNOWN, Severity.HIGH, "error"),
    ],
)
def test_severity_is_the_kind_of_annotation(verdict: Verdict, severity: Severity, name: str) -> None:
    assert github_commands(written("github", [finding(verdict, severity)]))[-1].name == name


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.WAIVED, Verdict.NOT_APPLICABLE])
def test_what_needs_nobody_has_no_annotation(verdict: Verdict) -> None:
    log = written("github", [finding(verdict)])
    assert [each.name for each in github_commands(log)] == ["group", "endgroup"]
    assert "HVE201" in log


def test_the_whole_report_is_in_the_log_folded() -> None:
    log = written("github", one_of_each())
    folded = log.partition("::group::hveadmin check\n")[2].partition("::endgroup::\n")[0]
    assert folded == written("table", one_of_each())


@pytest.mark.parametrize("number", [MOST - 1, MOST, MOST + 1, 300])
def test_no_more_annotations_of_a_kind_than_github_shows_and_the_last_says_how_many_are_left(number: int) -> None:
    many = [finding(number=each) for each in range(number)]
    warning = finding(severity=Severity.MEDIUM, number=9999)
    notes = github_commands(written("github", [*many, warning]))[2:]
    assert [each.name for each in notes] == ["error"] * min(number, MOST) + ["warning"]
    if number > MOST:
        assert notes[MOST - 1].data.startswith(f"and {number - MOST + 1} more")


@settings(deadline=None)  # each example renders a whole report
@given(name=HOSTILE)
def test_github_reads_the_same_commands_whatever_a_name_holds(name: str) -> None:
    harmless = github_commands(written("github", one_of_each("Payroll")))
    hostile = github_commands(written("github", one_of_each(name)))
    assert [(each.name, list(each.properties)) for each in hostile] == [
        (each.name, list(each.properties)) for each in harmless
    ]
    assert [each.properties for each in hostile] == [each.properties for each in harmless]


@pytest.mark.parametrize("text", ["a,b:c", "100%", "%0A::error::x", "x::y", "title=z,file=/etc/passwd"])
def test_a_property_of_github_reads_back(text: str) -> None:
    from hveadmin.report.safe_text import for_github_property

    (read,) = github_commands(f"::error title={for_github_property(text)}::x")
    assert read.properties == {"title": text}


# Azure


def test_a_finding_is_an_issue_at_its_line() -> None:
    (issue,) = issues(written("azure", [finding()]))
    assert issue == Command(
        "task.logissue",
        {"type": "error", "sourcepath": "hve.yaml", "linenumber": "52", "columnnumber": "5", "code": "HVE201"},
        f"{finding().subject}: {finding().message}\nnext: {finding().remedy}",
    )


def test_azure_knows_errors_and_warnings() -> None:
    kinds = [each.properties["type"] for each in issues(written("azure", one_of_each()))]
    assert kinds == ["error", "error", "error", "warning", "warning", "warning"]


def test_no_more_issues_of_a_kind_than_azure_shows() -> None:
    low = [finding(severity=Severity.LOW, number=each) for each in range(8)]
    medium = [finding(severity=Severity.MEDIUM, number=20 + each) for each in range(8)]
    found = issues(written("azure", [*medium, *low]))
    assert len(found) == MOST
    assert found[-1].data.startswith("and 7 more")


@settings(deadline=None)  # each example renders a whole report
@given(name=HOSTILE)
def test_azure_reads_the_same_commands_whatever_a_name_holds(name: str) -> None:
    harmless = azure_commands(written("azure", one_of_each("Payroll")))
    hostile = azure_commands(written("azure", one_of_each(name)))
    assert [(each.name, each.properties) for each in hostile] == [(each.name, each.properties) for each in harmless]


@given(text=st.text(st.sampled_from("a;]%=05DAZP2[# \\")))
def test_a_property_of_azure_reads_back(text: str) -> None:
    from hveadmin.report.safe_text import for_console

    (read,) = azure_commands(azure.command("task.logissue", "x", {"code": text}))
    assert read.properties == {"code": for_console(text)}


def test_a_summary_is_named_by_its_path() -> None:
    assert azure_commands(azure.summary_command("/agent/_temp/a;b%.md")) == [
        Command("task.uploadsummary", {}, "/agent/_temp/a;b%.md")
    ]


@pytest.mark.parametrize(
    ("outcome", "code", "issues_left", "completes"),
    [("ok", 0, False, False), ("ok", 0, True, True), ("findings", 4, True, False), ("error", 1, False, False)],
)
def test_the_outcome_is_a_variable_and_a_good_end_with_findings_is_one_with_issues(
    outcome: str, code: int, issues_left: bool, completes: bool
) -> None:
    said = azure_commands(azure.outcome_commands(outcome, code, issues=issues_left))
    variables = {each.properties["variable"]: each.data for each in said if each.name == "task.setvariable"}
    assert variables == {"hveadminOutcome": outcome, "hveadminExitCode": str(code)}
    assert all(each.properties.get("isOutput", "true") == "true" for each in said)
    assert [each.properties for each in said if each.name == "task.complete"] == (
        [{"result": "SucceededWithIssues"}] if completes else []
    )


# Both


@pytest.mark.parametrize(("format_name", "read"), [("github", github_commands), ("azure", issues)])
def test_a_tenant_that_could_not_be_read_is_an_error_for_commands_without_findings(
    format_name: str, read: Callable[[str], list[Command]]
) -> None:
    log = render(unread_tenant("plan", ("tenant", "state"), "fabrikam", "AADSTS7000215"), format_name)
    assert "fabrikam could not be read: AADSTS7000215" in [each.data for each in read(log)]


@pytest.mark.parametrize("format_name", ["github", "azure"])
def test_a_query_is_written_to_the_log(format_name: str) -> None:
    log = render(query(judged([finding()]), "findings[].rule"), format_name)
    assert "HVE201" in log

"""What a pipeline is told: its formats in one run, the outcome as text, summaries, paths as the repository has them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.scenes import CLOSES_ONE, OPEN_ACCOUNT, configuration
from cli.terminal import Ran, Terminal, settled
from junitparser import JUnitXml
from report.test_pipeline_logs import azure_commands, github_commands

from hveadmin.errors import Outcome
from hveadmin.sandbox.faults import Fault, FaultKind
from hveadmin.sandbox.server import Running, Sandbox

HOSTILE_ACCOUNT = "hve-hostile@contoso.com"
"""On its list are applications with names that attack whoever prints them; none is in the configuration."""
SILENT = configuration()
OF_FINDINGS = ("sarif", "junit", "gitlab", "ocsf")


def outputs(path: Path) -> dict[str, str]:
    """What GitHub's runner reads out of the file: NAME<<DELIMITER, lines, DELIMITER. The last value of a name wins."""
    found: dict[str, str] = {}
    lines = iter(path.read_text(encoding="utf-8").splitlines())
    for line in lines:
        name, mark, delimiter = line.partition("<<")
        assert mark, line
        value = []
        for each in lines:
            if each == delimiter:
                break
            value.append(each)
        found[name] = "\n".join(value)
    return found


@pytest.fixture
def github(terminal: Terminal) -> dict[str, str]:
    """The environment of a step of GitHub Actions, whose workspace is the folder."""
    terminal.write("hve.yaml", SILENT)
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(terminal.folder),
        "GITHUB_OUTPUT": str(terminal.write("runner/output", "")),
        "GITHUB_STEP_SUMMARY": str(terminal.write("runner/summary", "")),
    }


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (("tenant", "list"), Outcome.OK),
        (("tenant", "list", "--nonsense"), Outcome.USAGE),
        (("tenant", "list", "-o", "sarif"), Outcome.USAGE),
        (("account", "list", "-p", "wrong-secret"), Outcome.AUTH),
        (("account", "list", "-p", "nobody-there"), Outcome.ERROR),
        (("check", "-a", HOSTILE_ACCOUNT), Outcome.FINDINGS),
    ],
)
def test_the_outcome_is_text_for_later_steps_whatever_came_of_it(
    terminal: Terminal, github: dict[str, str], words: tuple[str, ...], outcome: Outcome
) -> None:
    ran = terminal.child(*words, **github).ends_with(outcome)
    told = outputs(Path(github["GITHUB_OUTPUT"]))
    assert told["outcome"] == outcome.name.lower()
    assert told["exit_code"] == str(ran.code)


def test_the_findings_are_counted_for_later_steps(terminal: Terminal, github: dict[str, str]) -> None:
    ran = terminal.child("check", "-a", HOSTILE_ACCOUNT, "-o", "json", **github).ends_with(4)
    told = outputs(Path(github["GITHUB_OUTPUT"]))
    failed = [each for each in ran.json["findings"] if each["verdict"] == "fail"]
    assert int(told["findings"]) + int(told["below"]) == len(failed) > 0
    assert (told["unknown"], told["waived"]) == ("0", "0")


def test_nobody_can_guess_where_a_value_ends(terminal: Terminal, github: dict[str, str]) -> None:
    for _ in range(2):
        terminal.child("tenant", "list", **github).ends_with(0)
    delimiters = re.findall(r"^outcome<<(\S+)$", Path(github["GITHUB_OUTPUT"]).read_text(), re.MULTILINE)
    assert len(set(delimiters)) == 2
    assert all(len(each) >= 32 for each in delimiters)


def test_nothing_is_told_outside_of_github(terminal: Terminal, github: dict[str, str]) -> None:
    del github["GITHUB_ACTIONS"]
    terminal.child("tenant", "list", **github).ends_with(0)
    assert Path(github["GITHUB_OUTPUT"]).read_text() == ""


def test_a_file_that_cannot_be_written_is_a_warning_and_no_other_exit_code(
    terminal: Terminal, github: dict[str, str]
) -> None:
    closed = {**github, "GITHUB_OUTPUT": "nowhere/output", "GITHUB_STEP_SUMMARY": "nowhere/summary"}
    ran = terminal.child("tenant", "list", "-o", "github", **closed).ends_with(0)
    assert "warning: the job summary cannot be written to nowhere/summary" in ran.err
    assert "warning: outputs cannot be written to nowhere/output" in ran.err


def test_a_summary_is_written_only_where_it_was_asked_for(terminal: Terminal, github: dict[str, str]) -> None:
    summary = Path(github["GITHUB_STEP_SUMMARY"])
    terminal.hveadmin("tenant", "list", "-o", "json", **github).ends_with(0)
    assert summary.read_text() == ""
    terminal.hveadmin("tenant", "list", "-o", "github", **github).ends_with(0)
    terminal.hveadmin("tenant", "list", "-o", "github", **github).ends_with(0)
    assert summary.read_text().count("## hveadmin tenants\n") == 2


def test_what_a_step_wrote_already_counts_towards_the_limit(terminal: Terminal, github: dict[str, str]) -> None:
    summary = Path(github["GITHUB_STEP_SUMMARY"])
    summary.write_text("x" * (900 * 1024 - 1500))
    terminal.hveadmin("app", "list", "-o", "github", **github).ends_with(0)
    assert summary.stat().st_size <= 900 * 1024
    assert "**Shortened: " in summary.read_text()


def test_one_run_writes_every_format_of_findings(terminal: Terminal) -> None:
    terminal.write("hve.yaml", SILENT)
    words = [word for name in OF_FINDINGS for word in ("-o", f"{name}=out.{name}")]
    ran = terminal.hveadmin("check", "-a", HOSTILE_ACCOUNT, "--fail-on", "info", *words, "-o", "json").ends_with(4)
    failed = [each["fingerprint"] for each in ran.json["findings"] if each["verdict"] == "fail"]
    written = {name: (terminal.folder / f"out.{name}").read_text(encoding="utf-8") for name in OF_FINDINGS}
    (run,) = json.loads(written["sarif"])["runs"]
    assert [each["partialFingerprints"]["hveadminFinding/v1"] for each in run["results"]] == failed
    assert [each["fingerprint"] for each in json.loads(written["gitlab"])] == failed
    events = [json.loads(line) for line in written["ocsf"].splitlines()]
    assert len(events) == len(ran.json["findings"])
    assert JUnitXml.fromstring(written["junit"].encode()).failures == len(failed)


def test_a_tenant_that_could_not_be_read_is_in_every_format_of_findings(terminal: Terminal) -> None:
    terminal.write("hve.yaml", configuration(profile="wrong-secret"))
    words = [word for name in (*OF_FINDINGS, "github") for word in ("-o", f"{name}=out.{name}")]
    assert terminal.hveadmin("check", *words).code in (Outcome.AUTH, Outcome.INCOMPLETE)
    for name in (*OF_FINDINGS, "github"):
        text = (terminal.folder / f"out.{name}").read_text(encoding="utf-8")
        assert "AADSTS7000215" in text, name


def test_an_account_that_could_not_be_read_is_an_error_in_junit(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.UNAVAILABLE, account=HOSTILE_ACCOUNT, times=None))
    terminal.write("hve.yaml", SILENT)
    text = terminal.hveadmin("check", "--timeout", "1", "-o", "junit").ends_with(7).out
    cases = [case for suite in JUnitXml.fromstring(text.encode()) for case in suite if case.is_error]
    assert any(HOSTILE_ACCOUNT in str(case.name) for case in cases)


@pytest.mark.parametrize("format_name", OF_FINDINGS)
@pytest.mark.parametrize("words", [("plan",), ("account", "list"), ("tenant", "test"), ("apply", "--yes")])
def test_a_command_without_findings_refuses_their_formats_before_anything_is_fetched(
    terminal: Terminal, running: Running, words: tuple[str, ...], format_name: str
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.hveadmin(*words, "-o", f"{format_name}=out").ends_with(2)
    assert f"-o {format_name} is made from findings, and this command looks for none" in ran.err
    assert "hveadmin check" in ran.err
    assert running.calls.count() == 0


def test_a_query_and_a_format_of_findings_are_refused_together(terminal: Terminal, running: Running) -> None:
    terminal.write("hve.yaml", SILENT)
    ran = terminal.hveadmin("check", "--query", "findings[].rule", "-o", "sarif").ends_with(2)
    assert "--query picks out a part" in ran.err
    assert running.calls.count() == 0


@pytest.mark.parametrize("format_name", [*OF_FINDINGS, "github", "azure", "name"])
def test_a_report_that_has_no_place_is_refused_before_anything_is_fetched(
    terminal: Terminal, running: Running, format_name: str
) -> None:
    terminal.write("hve.yaml", SILENT)
    terminal.hveadmin("check", "-o", f"{format_name}=nowhere/out").ends_with(1)
    assert running.calls.count() == 0


@pytest.mark.parametrize(
    ("root", "file", "path"),
    [
        (".", "hve.yaml", "hve.yaml"),
        ("..", "hve.yaml", "work/hve.yaml"),
        ("..", "mail/hve.yaml", "work/mail/hve.yaml"),
        ("mail", "hve.yaml", "hve.yaml"),
    ],
)
def test_paths_are_the_repositorys_wherever_in_it_the_command_was_typed(
    terminal: Terminal, github: dict[str, str], root: str, file: str, path: str
) -> None:
    terminal.write(file, SILENT)
    github["GITHUB_WORKSPACE"] = str((terminal.folder / root).resolve())
    words = ("check", "-c", file, "-a", HOSTILE_ACCOUNT, "-o", "github", "-o", "sarif=out.sarif", "-o", "gitlab=out")
    ran = terminal.hveadmin(*words, **github).ends_with(4)
    assert {each.properties["file"] for each in github_commands(ran.out) if "file" in each.properties} == {path}
    (run,) = json.loads((terminal.folder / "out.sarif").read_text())["runs"]
    places = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in run["results"]]
    assert (
        set(places)
        == {each["location"]["path"] for each in json.loads((terminal.folder / "out").read_text())}
        == {path}
    )


def test_a_waivers_place_is_the_repositorys_too(terminal: Terminal, github: dict[str, str]) -> None:
    waiver = "{rule: HVE101, reason: r, owner: o, expires: 2999-12-31}"
    file = terminal.write("mail/hve.yaml", SILENT + f"policy: {{waivers: [{waiver}]}}\n")
    github["GITHUB_WORKSPACE"] = str(terminal.folder)
    words = ("check", "-c", file, "-a", OPEN_ACCOUNT, "-o", "sarif=out.sarif", "-o", "ocsf=out", "--exit-zero")
    terminal.hveadmin(*words, **github).ends_with(0)
    (run,) = json.loads((terminal.folder / "out.sarif").read_text())["runs"]
    (accepted,) = [each for result in run["results"] for each in result.get("suppressions", ())]
    assert accepted["location"]["physicalLocation"]["artifactLocation"]["uri"] == "mail/hve.yaml"
    events = [json.loads(line)["unmapped"] for line in (terminal.folder / "out").read_text().splitlines()]
    assert [each["waiver"]["source"].rpartition(":")[0] for each in events if "waiver" in each] == ["mail/hve.yaml"]


# Azure


@pytest.fixture
def azure(terminal: Terminal) -> dict[str, str]:
    """The environment of a task of Azure Pipelines."""
    terminal.write("hve.yaml", SILENT)
    (terminal.folder / "agent").mkdir()
    return {"TF_BUILD": "True", "AGENT_TEMPDIRECTORY": str(terminal.folder / "agent")}


def variables(ran: Ran) -> dict[str, str]:
    found = [each for each in azure_commands(ran.out) if each.name == "task.setvariable"]
    return {each.properties["variable"]: each.data for each in found}


def test_azure_is_told_the_outcome_and_where_the_summary_is(terminal: Terminal, azure: dict[str, str]) -> None:
    ran = terminal.hveadmin("check", "-a", HOSTILE_ACCOUNT, "-o", "azure", **azure).ends_with(4)
    assert variables(ran) == {"hveadminOutcome": "findings", "hveadminExitCode": "4"}
    (summary,) = [each.data for each in azure_commands(ran.out) if each.name == "task.uploadsummary"]
    assert Path(summary).read_text(encoding="utf-8").startswith("## hveadmin check\n")
    assert [each for each in azure_commands(ran.out) if each.name == "task.complete"] == []


def test_a_run_that_ends_well_in_spite_of_findings_is_one_with_issues(
    terminal: Terminal, azure: dict[str, str]
) -> None:
    words = ("check", "-a", HOSTILE_ACCOUNT, "--fail-on", "critical", "-o", "azure")
    ran = terminal.hveadmin(*words, **azure).ends_with(0)
    assert azure_commands(ran.out)[-1].properties == {"result": "SucceededWithIssues"}


def test_azure_is_told_of_a_run_that_failed(terminal: Terminal, azure: dict[str, str]) -> None:
    ran = terminal.hveadmin("account", "list", "-p", "wrong-secret", "-o", "azure", **azure).ends_with(5)
    assert variables(ran) == {"hveadminOutcome": "auth", "hveadminExitCode": "5"}


@pytest.mark.skipif(sys.platform == "win32", reason="folders that cannot be written, as POSIX has them")
def test_a_summary_that_azure_cannot_be_given_is_a_warning(terminal: Terminal, azure: dict[str, str]) -> None:
    azure["AGENT_TEMPDIRECTORY"] = str(terminal.folder / "gone")
    ran = terminal.hveadmin("tenant", "list", "-o", "azure", **azure).ends_with(0)
    assert "warning: the summary cannot be written" in ran.err
    assert "uploadsummary" not in ran.out


def test_in_a_file_azures_issues_are_all_there_is(terminal: Terminal, azure: dict[str, str]) -> None:
    ran = terminal.hveadmin("check", "-a", HOSTILE_ACCOUNT, "-o", "azure=out", "-o", "table", **azure).ends_with(4)
    assert azure_commands(ran.out) == []
    names = {each.name for each in azure_commands((terminal.folder / "out").read_text(encoding="utf-8"))}
    assert names == {"group", "endgroup", "task.logissue"}


# As it was agreed


def test_what_github_gets_looks_as_agreed(
    terminal: Terminal, github: dict[str, str], golden: Callable[[str, str], None]
) -> None:
    words = ("check", "-a", HOSTILE_ACCOUNT, "-o", "github")
    ran = terminal.child(*words, **github).ends_with(4)
    golden("check-github.txt", ran.transcript(terminal.folder))
    summary, told = (
        Path(github[name]).read_text(encoding="utf-8") for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")
    )
    golden("check-github-summary.md", settled(summary, terminal.folder))
    golden("check-github-output.txt", re.sub(r"hveadmin_[0-9a-f]{32}", "DELIMITER", told))

"""
What a pipeline is told besides the report: the outcome as text, the counts, a summary for the page of its run.

GitHub reads these from files that it names in the environment, Azure from commands in the log. They are beside the
point: where one cannot be written, a warning says so, and the exit code stays what it is.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from typer import Exit

from hveadmin.cli.app import complain
from hveadmin.cli.outputs import Output, write_out
from hveadmin.domain.desired import SourceSpan
from hveadmin.domain.finding import Finding
from hveadmin.errors import HveAdminError, Outcome
from hveadmin.report.document import Assessment, Document, Report
from hveadmin.report.safe_text import for_console

ROOTS = ("GITHUB_WORKSPACE", "BUILD_SOURCESDIRECTORY", "CI_PROJECT_DIR")
"""Where GitHub, Azure and GitLab say that the repository's files are; their paths start there."""


class Pipeline:
    """The CI system that this run may be part of."""

    def __init__(self, environ: Mapping[str, str], outputs: Sequence[Output]) -> None:
        self._environ = environ
        self._formats = {output.format_name: output for output in outputs}
        self._issues = False

    def placed(self, report: Report) -> Report:
        """The report with its findings' paths as the repository has them, wherever in it this run was started."""
        if report.assessment is None:
            return report
        root = next((self._environ[name] for name in ROOTS if self._environ.get(name)), "")
        return replace(report, assessment=_placed(report.assessment, root or os.getcwd()))

    def reported(self, document: Document) -> None:
        """Tell the counts, and write the summary where its format was asked for."""
        from hveadmin.report.verdicts import assessed, counts

        assessment = assessed(document) if isinstance(document, Report) else None
        if assessment is not None:
            how_many = counts(assessment)
            self._issues = how_many.failing + how_many.below + how_many.unknown > 0
            _to_github_output(
                self._environ,
                {
                    "findings": how_many.failing,
                    "below": how_many.below,
                    "unknown": how_many.unknown,
                    "waived": how_many.waived,
                },
            )
        if "github" in self._formats:
            self._summarise_for_github(document)
        if "azure" in self._formats:
            self._summarise_for_azure(document)

    def ended(self, outcome: Outcome) -> None:
        """Tell Azure how the run ended. GitHub is told by `main`, which also knows what never became a run."""
        output = self._formats.get("azure")
        if output is not None and output.file is None:
            from hveadmin.report.formats.azure import outcome_commands

            _say(outcome_commands(outcome.name.lower(), outcome, issues=self._issues))

    def _summarise_for_github(self, document: Document) -> None:
        from hveadmin.report.summary import MOST_BYTES, job_summary

        path = self._environ.get("GITHUB_STEP_SUMMARY", "")
        if path:
            # Earlier commands of the same step share the file, and its limit.
            taken = os.path.getsize(path) if os.path.isfile(path) else 0
            _append(path, job_summary(document, MOST_BYTES - taken), "the job summary")

    def _summarise_for_azure(self, document: Document) -> None:
        from hveadmin.report.formats.azure import summary_command
        from hveadmin.report.summary import job_summary

        folder = self._environ.get("AGENT_TEMPDIRECTORY", "")
        if not folder:
            return  # not in Azure: nobody would fetch the file, and nobody would remove it
        try:
            handle, path = tempfile.mkstemp(dir=folder, prefix="hveadmin-", suffix=".md")
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
                out.write(job_summary(document))
        except OSError as problem:
            _warn("the summary", folder, problem)
            return
        if self._formats["azure"].file is None:
            _say(summary_command(path))


def outcome_of(error: BaseException | None) -> Outcome:
    """How a run ends that this is raised in."""
    match error:
        case None:
            return Outcome.OK
        case HveAdminError():
            return error.outcome
        case Exit():
            return Outcome(error.exit_code)
        case KeyboardInterrupt():
            return Outcome.INTERRUPTED
        case _:
            return Outcome.ERROR


def tell_github(environ: Mapping[str, str], code: int) -> None:
    """The outcome as text, for later steps: GitHub keeps only whether a step failed."""
    known = code in set(Outcome)
    outcome = Outcome(code) if known else Outcome.ERROR
    _to_github_output(environ, {"outcome": outcome.name.lower(), "exit_code": code})


def _to_github_output(environ: Mapping[str, str], values: Mapping[str, str | int]) -> None:
    path = environ.get("GITHUB_OUTPUT", "")
    if not path or environ.get("GITHUB_ACTIONS") != "true":
        return
    # A delimiter that nobody can guess: no value can end itself and begin another.
    delimiter = f"hveadmin_{secrets.token_hex(16)}"
    _append(path, "".join(f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items()), "outputs")


def _append(path: str, text: str, what: str) -> None:
    try:
        with open(path, "a", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as problem:
        _warn(what, path, problem)


def _say(commands: str) -> None:
    try:
        write_out(commands)
    except HveAdminError as problem:
        complain(f"warning: {for_console(problem.message)}")


def _warn(what: str, where: str, problem: OSError) -> None:
    # stderr may be closed where whoever read it is gone.
    if not sys.stderr.closed:
        complain(f"warning: {what} cannot be written to {for_console(where)}: {problem.strerror}")


def _placed(assessment: Assessment, root: str) -> Assessment:
    paths: dict[str, str] = {}

    def placed(source: SourceSpan) -> SourceSpan:
        if source.file not in paths:
            paths[source.file] = _relative(source.file, root)
        return replace(source, file=paths[source.file])

    def moved(finding: Finding) -> Finding:
        source, waiver = finding.source, finding.waiver
        return replace(
            finding,
            source=None if source is None else placed(source),
            waiver=None if waiver is None else replace(waiver, source=placed(waiver.source)),
        )

    return replace(assessment, findings=tuple(map(moved, assessment.findings)))


def _relative(file: str, root: str) -> str:
    """The file's path from the root; its name alone where it lies elsewhere, for then the root has no such path."""
    try:
        relative = os.path.relpath(os.path.abspath(file), root)
    except ValueError:  # another drive
        return Path(file).name
    return Path(file).name if relative.split(os.sep, 1)[0] == os.pardir else Path(relative).as_posix()

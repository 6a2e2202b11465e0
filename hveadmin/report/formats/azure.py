"""
Azure Pipelines: the whole report in the log, folded, and its findings as issues of the task.

The summary is a file and the outcome a variable: the command line adds the commands for both. An issue changes no
result; the exit code does.
"""

from __future__ import annotations

from collections.abc import Mapping

from hveadmin.report.annotations import Annotation, notices
from hveadmin.report.document import Document, Report
from hveadmin.report.formats import table
from hveadmin.report.safe_text import for_azure_message, for_azure_property
from hveadmin.report.style import Style
from hveadmin.report.verdicts import Level

# There are two kinds [D].
_KINDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "warning"}


def write(document: Document, style: Style) -> str:
    """The log; colour is left out, because folded text is read later."""
    title = document.kind if isinstance(document, Report) else "query"
    log = table.write(document, Style())
    issues = (_issue(kind, each) for kind, each in notices(document, _KINDS.__getitem__))
    return "".join((f"##[group]hveadmin {for_azure_message(title)}\n", log, "##[endgroup]\n", *issues))


def _issue(kind: str, annotation: Annotation) -> str:
    place = annotation.place
    where = (
        {}
        if place is None
        else {"sourcepath": place.file, "linenumber": str(place.line), "columnnumber": str(place.column)}
    )
    properties = {"type": kind, **where, **({"code": annotation.code} if annotation.code else {})}
    return command("task.logissue", "%0A".join(map(for_azure_message, annotation.lines)), properties)


def command(name: str, message: str, properties: Mapping[str, str] | None = None) -> str:
    """A logging command, one line. The message is escaped already; properties are escaped here."""
    written = "".join(f"{key}={for_azure_property(value)};" for key, value in (properties or {}).items())
    return f"##vso[{f'{name} {written}'.rstrip()}]{message}\n"


def summary_command(path: str) -> str:
    """Show a Markdown file on the run's page."""
    return command("task.uploadsummary", for_azure_message(path))


def outcome_commands(outcome: str, exit_code: int, *, issues: bool) -> str:
    """
    The outcome for later steps and jobs: `hveadminOutcome` and `hveadminExitCode`.

    A run that ends well although there are findings (below --fail-on, or with --exit-zero) is one with issues.
    """
    variables = {"hveadminOutcome": outcome, "hveadminExitCode": str(exit_code)}
    said = [
        command("task.setvariable", for_azure_message(value), {"variable": name, "isOutput": "true"})
        for name, value in variables.items()
    ]
    if exit_code == 0 and issues:
        said.append(command("task.complete", "there are findings", {"result": "SucceededWithIssues"}))
    return "".join(said)

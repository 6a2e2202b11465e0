"""
GitHub Actions: the whole report in the log, folded, and its findings as annotations beside the configuration's lines.

The job summary and `$GITHUB_OUTPUT` are files, and written by the command line. What a tenant holds can be no command:
in the log it is defused like everywhere, in a command it is escaped.
"""

from __future__ import annotations

from hveadmin.report.annotations import Annotation, notices
from hveadmin.report.document import Document, Report
from hveadmin.report.formats import table
from hveadmin.report.safe_text import for_github_message, for_github_property
from hveadmin.report.style import Style
from hveadmin.report.verdicts import Level

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def write(document: Document, style: Style) -> str:
    """The log; colour is left out, because folded text is read later."""
    title = document.kind if isinstance(document, Report) else "query"
    log = table.write(document, Style())
    commands = (_command(kind, each) for kind, each in notices(document, _COMMANDS.__getitem__))
    return "".join((f"::group::hveadmin {for_github_message(title)}\n", log, "::endgroup::\n", *commands))


def _command(name: str, annotation: Annotation) -> str:
    place = annotation.place
    where = {} if place is None else {"file": place.file, "line": str(place.line), "col": str(place.column)}
    properties = {**where, "title": annotation.title}
    written = ",".join(f"{key}={for_github_property(value)}" for key, value in properties.items())
    return f"::{name} {written}::{'%0A'.join(map(for_github_message, annotation.lines))}\n"

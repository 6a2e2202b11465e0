"""
The summary of a run in Markdown, for the page of a pipeline's run: the verdict first, then what it rests on.

GitHub drops a summary of more than 1 MiB altogether [D], so a longer one is cut between two rows and says so.
"""

from __future__ import annotations

from dataclasses import replace

from hveadmin.domain.finding import Finding, Verdict
from hveadmin.report.document import Assessment, Document, Report, Row, Scope, Section, Table
from hveadmin.report.formats import markdown
from hveadmin.report.style import Style
from hveadmin.report.verdicts import assessed, counts, place_of
from hveadmin.report.words import count, timestamp

MOST_BYTES = 900 * 1024
"""Of a whole step: GitHub's limit is 1 MiB [D], and other tools may write to the same file."""

_TOLD = {Verdict.FAIL: "", Verdict.UNKNOWN: "UNKNOWN: ", Verdict.WAIVED: "waived: "}
_COLUMNS = ("severity", "rule", "about", "what", "where", "next")
_SCOPE_COLUMNS = ("tenant", "tenant_id", "read_at", "read_by", "accounts", "could_not_be_read")


def job_summary(document: Document, most_bytes: int = MOST_BYTES) -> str:
    """The summary, in no more bytes of UTF-8 than these; empty where not even the sentence that says so fits."""
    title = f"hveadmin {document.kind}" if isinstance(document, Report) else "hveadmin query"
    assessment = assessed(document) if isinstance(document, Report) else None
    body = markdown.write(document if assessment is None else _of(assessment), Style())
    return shortened(f"## {title}\n\n{body}", most_bytes)


def shortened(text: str, most_bytes: int) -> str:
    """The text, cut between two lines if it is too long: each row of a table is one line. It says what is missing."""
    if len(text.encode()) <= most_bytes:
        return text
    lines = text.split("\n")
    # As long as the longest sentence that it can be; the numbers in it only become smaller.
    room = most_bytes - len(_cut_sentence(len(lines), most_bytes).encode())
    kept = 0
    while kept < len(lines) and (room := room - len(lines[kept].encode()) - 1) >= 0:
        kept += 1
    missing = sum(line.startswith("| ") for line in lines[kept:])
    said = _cut_sentence(missing, most_bytes)
    whole = "".join(f"{line}\n" for line in lines[:kept]) + said
    return whole if len(whole.encode()) <= most_bytes else ""


def _cut_sentence(rows: int, most_bytes: int) -> str:
    return (
        f"\n**Shortened: {count(rows, 'row')} left out, because a summary may hold {most_bytes // 1024} KiB here. The "
        "log of this step has all of them, and so has a report in a file: `-o html=FILE`.**\n"
    )


def _of(assessment: Assessment) -> Report:
    told = [each for each in assessment.findings if each.verdict in _TOLD]
    findings = Section(Table(_COLUMNS, tuple(map(_row, told))))
    scopes = Section(Table(_SCOPE_COLUMNS, tuple(map(_scope_row, assessment.scopes))))
    first, *others = [findings] if assessment.without_tenants or not assessment.scopes else [scopes, findings]
    alone = (Row(("Only the configuration was looked at, no tenant.",)),) if assessment.without_tenants else ()
    heading = (Row((_verdict(assessment),)), *alone)
    return Report("summary", {}, (replace(first, heading=heading), *others))


def _verdict(assessment: Assessment) -> str:
    how_many = counts(assessment)
    parts = (
        f"{count(how_many.failing, 'finding')} at or over {assessment.fail_on}",
        f"{how_many.below} below",
        f"{how_many.unknown} UNKNOWN",
        f"{how_many.waived} waived",
        f"{how_many.passed} passed",
    )
    return f"{', '.join(parts)}."


def _scope_row(scope: Scope) -> tuple[str | int, ...]:
    unread = [f"everything: {scope.why_unread}"] if scope.why_unread else list(scope.unreadable)
    read_at = "" if scope.read_at is None else timestamp(scope.read_at)
    accounts: str | int = scope.accounts if scope.read_at is not None else "UNKNOWN"
    return (scope.tenant, scope.tenant_id, read_at, scope.read_by, accounts, ", ".join(unread))


def _row(finding: Finding) -> tuple[str, ...]:
    what = f"{_TOLD[finding.verdict]}{finding.message}"
    return (finding.severity, finding.rule, str(finding.subject), what, str(place_of(finding)), _next(finding))


def _next(finding: Finding) -> str:
    waiver = finding.waiver
    if finding.verdict is Verdict.WAIVED and waiver is not None:
        return f"accepted until {waiver.expires} by {waiver.owner}: {waiver.reason}"
    return finding.remedy

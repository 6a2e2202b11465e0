"""
What a command has to say, whatever the format.

The machine form is always `format_version`, `kind`, and lists: a list is a list whether it has 0, 1 or many members,
and several tenants are one document whose lists are longer. For people there is a section a tenant (or a thing): a
table, and where a table says too little, text made of rows whose columns line up.

Nothing in here is escaped; the format that writes it does that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from hveadmin.domain.finding import Finding, Severity
from hveadmin.report.style import Tone

if TYPE_CHECKING:
    # What a section may carry for the formats that draw; both are made from reports, so they are not imported here.
    from hveadmin.report.access_map import AccessMap
    from hveadmin.report.matrix import Matrix

FORMAT_VERSION = 1
"""Goes up when a program that reads the machine form would have to change."""

Item = Mapping[str, object]
"""One thing in the machine form: keys in snake_case; JSON values, lists and dicts inside."""


@dataclass(frozen=True, slots=True)
class Span:
    """Text with a tone."""

    text: str
    tone: Tone = Tone.PLAIN


Cell = str | int | float | None | Span
"""What stands in one place. None is shown as nothing at all, so it never stands for what could not be read."""


def text_of(cell: Cell) -> str:
    """A cell as bare text."""
    match cell:
        case Span(text):
            return text
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case _:
            return str(cell)


def tone_of(cell: Cell) -> Tone:
    """A cell's tone."""
    return cell.tone if isinstance(cell, Span) else Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Row:
    """
    One line of text.

    Rows of one section with the same name of `columns` line up with each other. A row of none stands alone, and if it
    is one cell it may be wrapped: so a command, of which half is another command, is given a name of columns. A row
    without cells is an empty line.
    """

    cells: tuple[Cell, ...] = ()
    columns: str = ""
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """One row a thing. `columns` are names in snake_case; people are shown them with blanks."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A table with what is to be said before and after it; `text`, where there is any, takes its place for people."""

    table: Table
    heading: tuple[Row, ...] = ()
    text: tuple[Row, ...] | None = None
    closing: tuple[Row, ...] = ()
    told: tuple[str, ...] = ()
    """Columns that people are not shown: the heading tells them, or they only matter to programs."""
    title: str = ""
    """What the section is called where sections have titles (HTML); else its heading has to do."""
    markdown: str = ""
    """The whole section as Markdown of our own making, where a table would say too little; never with tenant text."""
    matrix: Matrix | None = None
    """Who can send as whom, which a format that can draw it shows before the table."""
    map: AccessMap | None = None
    """The same as pictures."""
    is_findings: bool = False
    """The table lists the report's assessment; a format that shows findings in a way of its own leaves it out."""
    fill_in: tuple[str, ...] = ()
    """Columns that people are to fill in by hand, on paper or in a copy; empty in every row."""
    wide: bool = False
    """The table says more than the text, which is for terminals only: a page shows the table."""
    heads: tuple[str, ...] = ()
    """Columns that are the same in rows that follow each other; a page shows them once, over those rows."""
    beneath: tuple[tuple[str, str], ...] = ()
    """Columns that a page shows as small print under another: (`ticket`, `reason`)."""

    @property
    def table_for_people(self) -> Table:
        """The table without the columns that people are not shown."""
        kept = [index for index, column in enumerate(self.table.columns) if column not in self.told]
        rows = (tuple(row[index] for index in kept) for row in self.table.rows)
        return Table(tuple(self.table.columns[index] for index in kept), tuple(rows))


@dataclass(frozen=True, slots=True)
class Scope:
    """One tenant that findings were looked for in: whose data it is, how old, and how much of it could be read."""

    tenant: str
    tenant_id: str = ""
    domain: str = ""
    read_at: datetime | None = None
    read_by: str = ""
    accounts: int = 0
    unreadable: tuple[str, ...] = ()
    """The addresses of accounts whose list could not be read."""
    why_unread: str = ""
    """Why the tenant could not be read at all; empty where it was."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What formats for findings are made from: every verdict, the good ones too, and where it was looked."""

    findings: tuple[Finding, ...]
    """Failures first, the worst first."""
    scopes: tuple[Scope, ...]
    fail_on: Severity = Severity.LOW
    """From this severity on a failure fails the run."""
    without_tenants: bool = False
    """Only the configuration was looked at (--config-only)."""
    version: str = ""
    """hveadmin's."""
    made_at: datetime | None = None
    """When it was judged; None takes the time of the newest read."""


@dataclass(frozen=True, slots=True)
class Cover:
    """Page one of a report that somebody files: what was looked at, as of when, on whose behalf, with what."""

    scopes: tuple[Scope, ...] = ()
    """The tenants; empty where the assessment has them."""
    made_at: datetime | None = None
    made_by: str = ""
    """Who ran it: the signed-in actor, else the user and host."""
    version: str = ""
    """hveadmin's."""
    facts: tuple[tuple[str, Cell], ...] = ()
    """What else a reader must know to trust it, in order: (`configuration`, `hve.yaml, sha256 9b1f…`)."""
    summary: tuple[Row, ...] = ()
    """What a reader must know who reads no further."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a command has to say."""

    kind: str
    lists: Mapping[str, Sequence[Item]]
    """The machine form without its head. No item has a key `format_version`, `kind` or `item`."""
    sections: tuple[Section, ...]
    """At least one. The first one's table is the report as a spreadsheet, with those of all that have its columns."""
    assessment: Assessment | None = None
    """None where the command looks for no findings; SARIF, JUnit and their like cannot be made then."""
    title: str = ""
    """What it is called where documents have titles; else its kind has to do."""
    cover: Cover | None = None

    @property
    def data(self) -> object:
        """The machine form, made of dicts and lists only, which is what JMESPath can walk."""
        lists = {name: [dict(item) for item in items] for name, items in self.lists.items()}
        return {"format_version": FORMAT_VERSION, "kind": self.kind, **lists}

    @property
    def lines(self) -> list[object]:
        """The machine form as one value a thing; each says what it is."""
        return [
            {"format_version": FORMAT_VERSION, "kind": self.kind, "item": name, **item}
            for name, items in self.lists.items()
            for item in items
        ]

    @property
    def table(self) -> Table:
        """The sections that have the first one's columns, as one table."""
        columns = self.sections[0].table.columns
        alike = (each.table for each in self.sections if each.table.columns == columns)
        return Table(columns, tuple(row for table in alike for row in table.rows))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query picked out of a report: any JSON value, without a head."""

    data: object
    table: Table

    @property
    def lines(self) -> list[object]:
        """One value a member of a list, else the value itself."""
        return self.data if isinstance(self.data, list) else [self.data]

    @property
    def sections(self) -> tuple[Section, ...]:
        """The table alone."""
        return (Section(self.table),)


Document = Report | Answer
"""What a format can write."""


def together(reports: Sequence[Report]) -> Report:
    """Several tenants' reports of one kind as one. There is at least one."""
    first = reports[0]
    names = dict.fromkeys(name for report in reports for name in report.lists)
    return Report(
        kind=first.kind,
        lists={name: [item for report in reports for item in report.lists.get(name, ())] for name in names},
        sections=tuple(section for report in reports for section in report.sections),
        assessment=_together([report.assessment for report in reports if report.assessment is not None]),
        title=first.title,
        cover=_one_cover([report.cover for report in reports if report.cover is not None]),
    )


def _together(parts: Sequence[Assessment]) -> Assessment | None:
    if len(parts) == 0:
        return None
    return replace(
        parts[0],
        findings=tuple(finding for part in parts for finding in part.findings),
        scopes=tuple(scope for part in parts for scope in part.scopes),
    )


def _one_cover(parts: Sequence[Cover]) -> Cover | None:
    if len(parts) == 0:
        return None
    return replace(
        parts[0],
        scopes=tuple(scope for part in parts for scope in part.scopes),
        facts=tuple(dict.fromkeys(fact for part in parts for fact in part.facts)),
        summary=tuple(row for part in parts for row in part.summary),
    )


def unread_tenant(kind: str, columns: tuple[str, ...], tenant: str, why: str) -> Report:
    """What there is to say of a tenant that could not be read at all: that, in every format."""
    said = {"tenant": tenant, "state": f"UNKNOWN: {why}", "is": f"UNKNOWN: {why}"}
    row = tuple(said.get(column, "") for column in columns)
    line = Row((Span(f"{tenant}  UNKNOWN: {why}", Tone.WARNING),))
    item: Item = {"tenant": tenant, "why": why}
    section = Section(Table(columns, (row,)), text=(line,), title=f"{tenant}: could not be read")
    return Report(kind, {"unread_tenants": [item]}, (section,))

"""
What every report for an auditor has in common: page one, the machine form's head, and the plan of action at its end.

The order is the same in all of them: what could not be read, what is open, then the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hveadmin.domain.audit import AuditedAccount, AuditedApp, AuditedTenant, Standing, Word
from hveadmin.domain.desired import Mode
from hveadmin.domain.facts import NOT_ASKED
from hveadmin.domain.finding import Finding, Severity, Verdict
from hveadmin.domain.journaled import How, Since
from hveadmin.domain.tenant import Unknown, Unreadable
from hveadmin.report.access_map import access_map
from hveadmin.report.document import Assessment, Cell, Cover, Item, Report, Row, Scope, Section, Span, Table
from hveadmin.report.findings import finding_data
from hveadmin.report.matrix import Matrix, access_matrix
from hveadmin.report.style import Tone
from hveadmin.report.words import count, source_data, timestamp


@dataclass(frozen=True, slots=True)
class Basis:
    """A file that a report rests on."""

    name: str
    sha256: str
    at: datetime | None = None
    """When it was made, where it says."""


@dataclass(frozen=True, slots=True)
class Audit:
    """All that a report is made from."""

    tenants: tuple[AuditedTenant, ...]
    """Those that were read."""
    assessment: Assessment
    """Every verdict, and every tenant that was asked for, read or not."""
    made_at: datetime
    made_by: str
    version: str
    configuration: Basis | None = None
    """None where there is none: then nobody answers for anything."""
    lock: Basis | None = None
    snapshot: Basis | None = None
    """None where the tenants themselves were read."""
    only: tuple[str, ...] = ()
    """The accounts that were asked for, as globs; empty for all."""

    @property
    def unread(self) -> tuple[Scope, ...]:
        """The tenants that could not be read."""
        return tuple(each for each in self.assessment.scopes if each.why_unread)


def report_of(
    audit: Audit,
    *,
    kind: str,
    title: str,
    sections: Sequence[Section],
    lists: Mapping[str, Sequence[Item]],
    summary: Iterable[Row] = (),
    facts: Iterable[tuple[str, Cell]] = (),
) -> Report:
    """
    A whole report: page one before `sections`, the plan of action after them.

    The first section's table, with those of all others that have its columns, is the report as a spreadsheet.
    """
    return Report(
        kind=kind,
        lists={**_head(audit), **lists, **_tail(audit)},
        sections=(*sections, action_plan(audit)),
        assessment=audit.assessment,
        title=title,
        cover=Cover(
            made_at=audit.made_at,
            made_by=audit.made_by,
            version=audit.version,
            facts=(*_facts(audit), *facts),
            summary=(*_state_of_things(audit), *summary),
        ),
    )


# Page one


def _facts(audit: Audit) -> Iterator[tuple[str, Cell]]:
    if audit.configuration is None:
        yield "configuration", Span("none: owners, reasons and ends are not declared", Tone.WARNING)
    else:
        yield "configuration", f"{audit.configuration.name}, sha256 {audit.configuration.sha256}"
    if audit.lock is not None:
        yield "lock file", f"{audit.lock.name}, sha256 {audit.lock.sha256}"
    elif audit.configuration is not None:
        yield "lock file", "none: applications are not pinned"
    if audit.snapshot is not None:
        taken = "" if audit.snapshot.at is None else f", taken {timestamp(audit.snapshot.at)}"
        yield "read from", f"snapshot {audit.snapshot.name}{taken}, sha256 {audit.snapshot.sha256}"
    if audit.only:
        narrowed = f"only those that {' or '.join(audit.only)} names; of the others it says nothing"
        yield "accounts", Span(narrowed, Tone.WARNING)


_NAMED = 20
"""Open accounts that page one names; the list after it has them all."""


def _state_of_things(audit: Audit) -> Iterator[Row]:
    every = [account for tenant in audit.tenants for account in tenant.accounts]
    opened = [(tenant, account) for tenant in audit.tenants for account in tenant.opened]
    unknown = sum(1 for account in every if account.unread)
    restricted = len(every) - len(opened) - unknown
    where = f"{count(len(every), 'account')} in {count(len(audit.tenants), 'tenant')} that could be read"
    yield Row((f"{where}: {restricted} restricted, {len(opened)} OPEN to any application, {unknown} UNKNOWN.",))
    if audit.unread:
        said = f"{count(len(audit.unread), 'tenant')} could not be read: nothing is known of their accounts."
        yield Row((Span(said, Tone.WARNING),))
    for tenant, account in opened[:_NAMED]:
        beside = accepted(account)
        yield Row((Span("OPEN", Tone.LOUD), tenant.alias, account.address.value, beside), "open", 2)
    if len(opened) > _NAMED:
        yield Row((f"and {len(opened) - _NAMED} more open accounts.",), indent=2)


def accepted(account: AuditedAccount) -> str:
    """On whose word an open account is open."""
    if account.mode is not Mode.UNRESTRICTED:
        return "nobody declared it open"
    until = "" if account.word.expires is None else f" until {account.word.expires}"
    return f"declared open{until} by {account.word.owner or 'nobody'}: {account.word.reason}"


# Sections


def unread_section(audit: Audit, columns: tuple[str, ...], state: str) -> tuple[Section, ...]:
    """A row for each tenant that could not be read, `state` being the column that says so; nothing where all were."""
    if not audit.unread:
        return ()
    rows: list[tuple[Cell, ...]] = []
    for scope in audit.unread:
        said: dict[str, Cell] = {"tenant": scope.tenant, state: Span(f"UNKNOWN: {scope.why_unread}", Tone.WARNING)}
        rows.append(tuple(said.get(column, "") for column in columns))
    text = tuple(
        Row((scope.tenant, Span(f"UNKNOWN: {scope.why_unread}", Tone.WARNING)), "unread", 2) for scope in audit.unread
    )
    heading = titled("Tenants that could not be read", count(len(rows), "tenant"))
    told = tuple(column for column in columns if column not in ("tenant", state))
    return (Section(Table(columns, tuple(rows)), heading, text, told=told, wide=True),)


def titled(title: str, *beside: Cell) -> tuple[Row, ...]:
    """A section's first line."""
    return (Row((Span(title, Tone.STRONG), *beside)),)


def accounts(chosen: Sequence[AuditedAccount]) -> str:
    """How many a section is about."""
    return count(len(chosen), "account")


def drawn(tenant: AuditedTenant, columns: tuple[str, ...]) -> Section:
    """Who can send as whom, as a matrix and as pictures."""
    matrix = matrix_of(tenant)
    return Section(
        Table(columns),
        text=(),
        title=f"{tenant.alias}: who can send as whom",
        matrix=matrix,
        map=access_map(matrix),
    )


def matrix_of(tenant: AuditedTenant) -> Matrix:
    """A tenant's accounts against the applications on their lists; of the accounts that the report is about."""
    snapshot = replace(tenant.facts.snapshot, accounts=tuple(each.account for each in tenant.accounts))
    return access_matrix(
        tenant.alias,
        snapshot,
        names={each.id: each.configured for each in tenant.apps if each.configured},
        remarks={each.id: remark(each) for each in tenant.apps if each.traits},
        owners={each.address: each.word.owner for each in tenant.accounts if each.word.owner},
    )


def remark(app: AuditedApp) -> str:
    """All that is to be known of an application, in one line."""
    return "; ".join(app.traits.values())


_PLAN_COLUMNS = (
    "number",
    "severity",
    "rule",
    "tenant",
    "account",
    "application",
    "finding",
    "owner",
    "next",
    "decision",
)
_PLAN_BENEATH = (
    ("severity", "number"),
    ("rule", "number"),
    ("application", "account"),
    ("tenant", "account"),
    ("next", "finding"),
    ("decision", "owner"),
)
_BY_HAND = ("due", "signature")
DECISION = "☐ accept  ☐ mend"


def action_plan(audit: Audit) -> Section:
    """What fails or is unknown, each with a line to decide on: accept or mend, until when, who signs."""
    findings = [each for each in audit.assessment.findings if each.verdict in (Verdict.FAIL, Verdict.UNKNOWN)]
    owners = _Owners(audit.tenants)
    rows = tuple(_plan_row(number, each, owners.of(each)) for number, each in enumerate(findings, 1))
    heading = titled("Action plan", f"{len(rows)} to decide on")
    if not rows:
        nothing = "Nothing fails and nothing is unknown: there is nothing to decide on."
        return Section(Table(_PLAN_COLUMNS), heading, (Row((nothing,), indent=2),), markdown=f"Action plan: {nothing}")
    told = "To be filled in on paper or in a copy, with -o html=FILE or -o md=FILE; hveadmin check lists the findings."
    return Section(
        Table(_PLAN_COLUMNS, rows),
        heading,
        (Row((told,), indent=2),),
        wide=True,
        fill_in=_BY_HAND,
        beneath=_PLAN_BENEATH,
    )


def _plan_row(number: int, finding: Finding, owner: str) -> tuple[Cell, ...]:
    subject = finding.subject
    unknown = finding.verdict is Verdict.UNKNOWN
    return (
        number,
        Span("UNKNOWN", Tone.WARNING) if unknown else Span(finding.severity.value, TONES[finding.severity]),
        finding.rule,
        subject.tenant,
        subject.account.value if subject.account is not None else subject.thing,
        subject.app_name or (subject.app.value if subject.app is not None else ""),
        finding.message,
        owner,
        finding.remedy,
        DECISION,
    )


TONES = {
    Severity.CRITICAL: Tone.LOUD,
    Severity.HIGH: Tone.REMOVED,
    Severity.MEDIUM: Tone.WARNING,
    Severity.LOW: Tone.PLAIN,
    Severity.INFO: Tone.PLAIN,
}


class _Owners:
    """Who is to be asked about a finding: whoever answers for the grant, else for the account, else the application."""

    def __init__(self, tenants: Iterable[AuditedTenant]) -> None:
        self._accounts = {(each.alias, account.address): account for each in tenants for account in each.accounts}
        self._apps = {(each.alias, app.id.value): app for each in tenants for app in each.apps}

    def of(self, finding: Finding) -> str:
        subject = finding.subject
        app = None if subject.app is None else subject.app.value
        account = None if subject.account is None else self._accounts.get((subject.tenant, subject.account))
        if account is not None:
            granted = next((each.word.owner for each in account.grants if each.app.id.value == app), "")
            return granted or account.word.owner
        found = self._apps.get((subject.tenant, app or ""))
        return "" if found is None else found.word.owner


# Words


def since_words(since: Since | None) -> str:
    """Since when an application has been on a list, for all that the journal knows."""
    if since is None:
        return "not known"
    day = timestamp(since.at)[:10]
    match since.how:
        case How.GRANTED:
            return f"granted {day}"
        case How.SEEN:
            return f"seen {day}"
        case How.LATER:
            return f"after {day}, not by this journal"


_STANDINGS = {
    Standing.DECLARED: Span("declared"),
    Standing.ACCEPTED: Span("accepted by a waiver"),
    Standing.ENDED: Span("past its end", Tone.REMOVED),
    Standing.MUST_GO: Span("must go", Tone.REMOVED),
    Standing.NOT_HERE: Span("not declared for this account", Tone.WARNING),
    Standing.UNKNOWN_APP: Span("unknown application", Tone.REMOVED),
    Standing.NOT_TOLD: Span("UNKNOWN: an application could not be resolved", Tone.WARNING),
    Standing.NO_CONFIGURATION: Span("not declared"),
}


def standing_words(standing: Standing) -> Span:
    """How an application comes to be on a list."""
    return _STANDINGS[standing]


def day(word: Word) -> str:
    """The last day; empty where there is none."""
    return "" if word.expires is None else word.expires.isoformat()


def short_of(app: AuditedApp) -> str:
    """An application's name, or that it has none."""
    return app.name or "(no name)"


# The machine form


def _head(audit: Audit) -> dict[str, Sequence[Item]]:
    scopes = audit.assessment.scopes
    return {
        "about": [
            {
                "made_at": timestamp(audit.made_at),
                "made_by": audit.made_by,
                "version": audit.version,
                "configuration": _basis(audit.configuration),
                "lock": _basis(audit.lock),
                "snapshot": _basis(audit.snapshot),
                "only_accounts": list(audit.only),
            }
        ],
        "tenants": [_tenant_data(each, audit) for each in scopes],
        "unread_tenants": [{"tenant": each.tenant, "why": each.why_unread} for each in audit.unread],
        "unknown": list(_unknown(audit)),
    }


def _basis(basis: Basis | None) -> Item | None:
    if basis is None:
        return None
    return {"file": basis.name, "sha256": basis.sha256, "at": None if basis.at is None else timestamp(basis.at)}


def _tenant_data(scope: Scope, audit: Audit) -> Item:
    tenant = next((each for each in audit.tenants if each.alias == scope.tenant), None)
    return {
        "tenant": scope.tenant,
        "tenant_id": scope.tenant_id or None,
        "domain": scope.domain or None,
        "state": "unread" if tenant is None else "read",
        "read_at": None if scope.read_at is None else timestamp(scope.read_at),
        "read_by": scope.read_by or None,
        "cloud": None if tenant is None else tenant.facts.cloud,
        "accounts": None if tenant is None else len(tenant.accounts),
        "restricted": None if tenant is None else len(tenant.restricted),
        "open": None if tenant is None else len(tenant.opened),
        "unreadable": None if tenant is None else [each.address.value for each in tenant.unknown],
        "applications": None if tenant is None else len(tenant.apps),
    }


def _unknown(audit: Audit) -> Iterator[Item]:
    """Everything that could not be read: tenants, parts of them, lists."""
    for scope in audit.unread:
        yield {"tenant": scope.tenant, "account": None, "what": "the tenant", "why": scope.why_unread}
    for tenant in audit.tenants:
        for what, why in tenant.gaps:
            yield {"tenant": tenant.alias, "account": None, "what": what, "why": why}
        for account in tenant.unknown:
            yield {
                "tenant": tenant.alias,
                "account": account.address.value,
                "what": "its list",
                "why": account.unread,
            }


def _tail(audit: Audit) -> dict[str, Sequence[Item]]:
    return {"findings": [finding_data(each) for each in audit.assessment.findings]}


def whose(tenant: AuditedTenant) -> dict[str, object]:
    """What every item about one tenant begins with."""
    return {"tenant": tenant.alias, "tenant_id": tenant.facts.tenant_id.value}


def word_data(word: Word) -> dict[str, object]:
    """Who answers for something; what nobody declared is null."""
    return {
        "owner": word.owner or None,
        "reason": word.reason or None,
        "ticket": word.ticket or None,
        "expires": None if word.expires is None else word.expires.isoformat(),
        "source": source_data(word.source),
    }


def part_data(part: object, value: str) -> dict[str, object]:
    """A part of what is known of something: `{"state": "known", "value": …}`, unknown or not asked with its reason."""
    if part == NOT_ASKED:
        return {"state": "not-asked"}
    if isinstance(part, Unknown | Unreadable):
        return {"state": "unknown", "why": part.why}
    return {"state": "known", "value": value}

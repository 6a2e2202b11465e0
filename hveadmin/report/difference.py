"""What is different between two snapshots: opened accounts first, what cannot be compared never left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from hveadmin.domain.difference import Difference, Kind
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import count, quoted, timestamp

KIND = "diff"
COLUMNS = ("tenant", "account", "difference", "what", "application", "id", "before", "after")

_WORDS = {
    Kind.OPENED: Span("OPENED: any application may send now", Tone.LOUD),
    Kind.CLOSED: Span("CLOSED: only the applications on its list may send now", Tone.STRONG),
    Kind.NOT_COMPARABLE: Span("NOT COMPARABLE", Tone.WARNING),
    Kind.ACCOUNT_ADDED: Span("new account", Tone.ADDED),
    Kind.ACCOUNT_REMOVED: Span("account gone", Tone.REMOVED),
    Kind.GRANTED: Span("+ granted", Tone.ADDED),
    Kind.REVOKED: Span("- revoked", Tone.REMOVED),
    Kind.CHANGED: Span("changed"),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """One of the two snapshots."""

    name: str
    sha256: str
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class TenantDifference:
    """One tenant of either snapshot. `why` says why it cannot be compared as a whole; empty where it can."""

    tenant: str
    tenant_id: str = ""
    read_before: datetime | None = None
    read_after: datetime | None = None
    differences: tuple[Difference, ...] = ()
    why: str = ""

    @property
    def not_comparable(self) -> int:
        """How many things could not be compared."""
        return sum(each.kind is Kind.NOT_COMPARABLE for each in self.differences) + (self.why != "")

    @property
    def different(self) -> int:
        """How many things are different."""
        return sum(each.kind is not Kind.NOT_COMPARABLE for each in self.differences)


def difference_report(before: Taken, after: Taken, tenants: Sequence[TenantDifference]) -> Report:
    """The differences, a section a tenant."""
    sections = [_section(each) for each in tenants]
    head = tuple(
        Row((f"{word}:", each.name, f"taken {timestamp(each.taken_at)}", f"sha256 {each.sha256}"), "taken")
        for word, each in (("before", before), ("after", after))
    )
    first, *others = sections or [Section(Table(COLUMNS), closing=(Row(("Neither snapshot holds a tenant.",)),))]
    with_head = Section(first.table, (*head, Row(), *first.heading), first.text, first.closing, first.told)
    return Report(
        KIND,
        {
            "snapshots": [_taken_data("before", before), _taken_data("after", after)],
            "tenants": [_tenant_data(each) for each in tenants],
            "differences": [_item(tenant, each) for tenant in tenants for each in tenant.differences],
        },
        (with_head, *others),
    )


def _taken_data(which: str, taken: Taken) -> Item:
    return {"which": which, "file": taken.name, "sha256": taken.sha256, "taken_at": timestamp(taken.taken_at)}


def _tenant_data(tenant: TenantDifference) -> Item:
    return {
        "tenant": tenant.tenant,
        "tenant_id": tenant.tenant_id or None,
        "read_before": None if tenant.read_before is None else timestamp(tenant.read_before),
        "read_after": None if tenant.read_after is None else timestamp(tenant.read_after),
        "differences": tenant.different,
        "not_comparable": tenant.not_comparable,
        "why_not_comparable": tenant.why or None,
    }


def _item(tenant: TenantDifference, difference: Difference) -> Item:
    return {
        "tenant": tenant.tenant,
        "tenant_id": tenant.tenant_id or None,
        "difference": difference.kind.value,
        "account": None if difference.account is None else difference.account.value,
        "guid": None if difference.guid is None else difference.guid.value,
        "application_id": None if difference.app is None else difference.app.value,
        "application": difference.app_name or None,
        "what": difference.what or None,
        "before": difference.before,
        "after": difference.after,
        "why": difference.why or None,
    }


def _section(tenant: TenantDifference) -> Section:
    rows = tuple(_row(tenant.tenant, each) for each in tenant.differences)
    if tenant.why:
        rows = ((tenant.tenant, "", _WORDS[Kind.NOT_COMPARABLE], tenant.why, "", "", "", ""),)
    return Section(
        Table(COLUMNS, rows),
        heading=(Row((Span(tenant.tenant, Tone.STRONG), tenant.tenant_id)),),
        text=tuple(_text(tenant)),
        closing=(Row((_summary(tenant),)),),
        told=("tenant",),
    )


def _row(tenant: str, difference: Difference) -> tuple[Cell, ...]:
    return (
        tenant,
        "" if difference.account is None else difference.account.value,
        _WORDS[difference.kind],
        difference.what,
        difference.app_name,
        "" if difference.app is None else difference.app.value,
        difference.before,
        difference.after or difference.why,
    )


def _text(tenant: TenantDifference) -> Iterator[Row]:
    if tenant.why:
        yield Row((_WORDS[Kind.NOT_COMPARABLE], tenant.why), indent=2)
    for difference in tenant.differences:
        whose = "" if difference.account is None else difference.account.value
        yield Row((_WORDS[difference.kind], whose or _application(difference), _said(difference)), "difference", 2)


def _application(difference: Difference) -> str:
    name = quoted(difference.app_name) if difference.app_name else ""
    return " ".join(filter(None, (name, "" if difference.app is None else difference.app.short)))


def _said(difference: Difference) -> str:
    match difference.kind:
        case Kind.GRANTED | Kind.REVOKED:
            return _application(difference)
        case Kind.NOT_COMPARABLE:
            return f"{difference.what}: {difference.why}"
        case Kind.CHANGED:
            return f"{difference.what}: {difference.before or 'none'} → {difference.after or 'none'}"
        case _:
            return " → ".join(filter(None, (difference.before, difference.after)))


def _summary(tenant: TenantDifference) -> str:
    found, unknown = tenant.different, tenant.not_comparable
    if found == 0 and unknown == 0:
        return "Nothing is different."
    said = f"{count(found, 'difference')}." if found else "Nothing that could be compared is different."
    return f"{said} {count(unknown, 'thing')} could not be compared." if unknown else said

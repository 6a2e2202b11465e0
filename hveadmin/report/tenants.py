"""The tenants of a configuration, and whether each can be reached with the rights that are needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hveadmin.domain.desired import DesiredState, TenantEntry
from hveadmin.domain.ids import TenantId
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import count, source_data

LIST_KIND = "tenants"
LIST_COLUMNS = ("tenant", "domain", "tenant_id", "profile", "accounts", "selectors")
TEST_KIND = "tenant-test"
TEST_COLUMNS = ("tenant", "check", "result", "said", "next")


def tenant_list(desired: DesiredState) -> Report:
    """Every tenant of the configuration, in its order."""
    tenants = tuple(desired.tenants.values())
    section = Section(
        table=Table(LIST_COLUMNS, tuple(map(_list_row, tenants))),
        closing=(Row((f"{count(len(tenants), 'tenant')}.",)),),
    )
    return Report(LIST_KIND, {"tenants": [tenant_entry_data(each) for each in tenants]}, (section,))


def _list_row(entry: TenantEntry) -> tuple[Cell, ...]:
    tenant_id = entry.tenant_id.value if entry.tenant_id is not None else ""
    return (entry.alias, entry.domain, tenant_id, entry.profile, len(entry.accounts), len(entry.selectors))


def tenant_entry_data(entry: TenantEntry) -> Item:
    """A tenant of the configuration in the machine form; what it does not say is null."""
    return {
        "tenant": entry.alias,
        "tenant_id": None if entry.tenant_id is None else entry.tenant_id.value,
        "domain": entry.domain or None,
        "profile": entry.profile or None,
        "accounts_declared": len(entry.accounts),
        "selectors_declared": len(entry.selectors),
        "source": source_data(entry.source),
    }


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was tried with a tenant."""

    what: str
    """`sign in`, `list HVE accounts`, `read the directory`."""
    passed: bool | None
    """None where it could not be tried."""
    said: str
    next: str = ""


def tenant_test(tenant: str, tenant_id: TenantId | None, checks: tuple[Checked, ...]) -> Report:
    """What came of trying to reach one tenant."""
    section = Section(
        table=Table(TEST_COLUMNS, tuple((tenant, each.what, _result(each), each.said, each.next) for each in checks)),
        heading=(Row((Span(tenant, Tone.STRONG), "" if tenant_id is None else tenant_id.value)),),
        text=tuple(_tested(checks)),
        closing=(Row((_verdict(tenant, checks),)),),
    )
    return Report(TEST_KIND, {"checks": [_check_data(tenant, tenant_id, each) for each in checks]}, (section,))


def _result(check: Checked) -> Span:
    match check.passed:
        case True:
            return Span("ok", Tone.ADDED)
        case False:
            return Span("FAILED", Tone.REMOVED)
        case None:
            return Span("not tried", Tone.WARNING)


def _tested(checks: tuple[Checked, ...]) -> Iterator[Row]:
    for check in checks:
        yield Row((_result(check), check.what, check.said), "check", 2)
        if check.next:
            yield Row((f"next: {check.next}",), indent=6)


def _verdict(tenant: str, checks: tuple[Checked, ...]) -> str:
    passed = sum(each.passed is True for each in checks)
    if checks and passed == len(checks):
        return f"{tenant} can be read as hveadmin needs it."
    return f"{tenant}: {passed} of {count(len(checks), 'check')} passed."


def _check_data(tenant: str, tenant_id: TenantId | None, check: Checked) -> Item:
    return {
        "tenant": tenant,
        "tenant_id": None if tenant_id is None else tenant_id.value,
        "check": check.what,
        "passed": check.passed,
        "said": check.said,
        "next": check.next or None,
    }

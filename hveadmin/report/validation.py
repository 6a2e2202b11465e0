"""A configuration that was read without a mistake: what is in it. Mistakes are a ConfigError, not a report."""

from __future__ import annotations

from collections.abc import Sequence

from hveadmin.domain.desired import AppEntry, DesiredState
from hveadmin.report.document import Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.tenants import tenant_entry_data
from hveadmin.report.words import count, source_data

KIND = "validation"
COLUMNS = ("tenant", "accounts", "selectors", "profile")


def validation_report(desired: DesiredState, warnings: Sequence[str] = ()) -> Report:
    """What was read, and what is allowed but worth a look."""
    tenants = tuple(desired.tenants.values())
    rows = tuple((each.alias, len(each.accounts), len(each.selectors), each.profile) for each in tenants)
    said = tuple(Row((Span(f"Warning: {each}", Tone.WARNING),)) for each in warnings)
    sentence = Row((_sentence(desired, len(warnings)),))
    section = Section(table=Table(COLUMNS, rows), text=said, closing=(sentence,))
    return Report(KIND, _lists(desired, warnings), (section,))


def _sentence(desired: DesiredState, warnings: int) -> str:
    tenants = desired.tenants.values()
    holds = (
        count(len(desired.tenants), "tenant"),
        count(sum(len(each.accounts) for each in tenants), "account"),
        count(sum(len(each.selectors) for each in tenants), "selector"),
        count(len(desired.apps), "application"),
    )
    verb = "is" if len(desired.files) == 1 else "are"
    return f"{', '.join(desired.files)} {verb} valid: {', '.join(holds)}, {count(warnings, 'warning')}."


def _lists(desired: DesiredState, warnings: Sequence[str]) -> dict[str, list[Item]]:
    return {
        "files": [{"file": each} for each in desired.files],
        "tenants": [tenant_entry_data(each) for each in desired.tenants.values()],
        "applications": [_app_data(each) for each in desired.apps.values()],
        "warnings": [{"warning": each} for each in warnings],
    }


def _app_data(app: AppEntry) -> Item:
    return {
        "name": app.name,
        "ref": str(app.ref),
        "owner": app.owner or None,
        "ticket": app.ticket or None,
        "expires": None if app.expires is None else app.expires.isoformat(),
        "source": source_data(app.source),
    }

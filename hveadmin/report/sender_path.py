"""The whole path of one application to a sent mail: a line a link, and under a broken one what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hveadmin.domain.health import Check, first_broken
from hveadmin.report.doctor import WORDS, check_data, check_rows, next_step, summary
from hveadmin.report.document import Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import timestamp

KIND = "sender-path"
COLUMNS = ("tenant", "account", "application", "check", "result", "seen", "next")
CONTAINS = (
    "the account's address, tenant and application ids and names, permissions, what the SMTP server said with its name"
    " and id; no secret, no token, no password"
)


@dataclass(frozen=True, slots=True)
class Examined:
    """One account's and one application's checks."""

    tenant: str
    account: str
    application: str
    """As it was typed; empty where none was."""
    made_at: datetime
    checks: tuple[Check, ...]


def path_report(examined: Examined, *, made_by: str) -> Report:
    """Every link with its verdict. `made_by` is `hveadmin 1.2.3`."""
    whose = (examined.tenant, examined.account, examined.application)
    checks = examined.checks
    section = Section(
        Table(COLUMNS, tuple((*whose, each.name, WORDS[each.verdict], each.seen, next_step(each)) for each in checks)),
        heading=(Row((Span(examined.account, Tone.STRONG), *filter(None, (examined.application, examined.tenant)))),),
        text=tuple(check_rows(checks)),
        closing=(Row((summary(examined.account, checks),)),),
        told=("tenant", "account", "application"),
    )
    lists: dict[str, list[Item]] = {
        "about": [_about(examined, made_by)],
        "checks": [{"tenant": examined.tenant, "account": examined.account, **check_data(each)} for each in checks],
    }
    return Report(KIND, lists, (section,))


def _about(examined: Examined, made_by: str) -> Item:
    broken = first_broken(examined.checks)
    return {
        "tenant": examined.tenant,
        "account": examined.account,
        "application": examined.application or None,
        "made_by": made_by,
        "made_at": timestamp(examined.made_at),
        "first_broken": None if broken is None else broken.name,
        "contains": CONTAINS,
    }

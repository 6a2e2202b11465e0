"""hveadmin report changes"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT, Options, takes
from hveadmin.cli.report_run import BundleOption, SnapshotOption
from hveadmin.errors import Outcome, UsageError

if TYPE_CHECKING:
    from hveadmin.cli.report_run import Gathered
    from hveadmin.config.snapshotfile import SnapshotFile
    from hveadmin.domain.audit import AuditedTenant
    from hveadmin.report.change_report import Compared
    from hveadmin.report.difference import Taken, TenantDifference


@takes(CONFIG, SELECT, OUTPUT, CONNECT)
def command(
    options: Options,
    since: Annotated[str, Option("--since", metavar="DATE", help="Runs from this day on, in UTC.")] = "",
    until: Annotated[str, Option("--until", metavar="DATE", help="Runs to this day, which is included.")] = "",
    against: Annotated[
        Path | None, Option("--against", metavar="FILE", help="Besides: what differs from this earlier snapshot.")
    ] = None,
    snapshot: SnapshotOption = None,
    bundle: BundleOption = None,
) -> None:
    """
    What our runs did, and what differs from an earlier snapshot.

    Findings and differences are in it and change no exit code. Exit codes: 0 written; 5 nobody could sign in; 7 a
    tenant, an account, a line of the journal or a part of what is told could not be read or compared.
    """
    from hveadmin.cli.report_run import gather, write
    from hveadmin.cli.run import Run
    from hveadmin.config.snapshotfile import read
    from hveadmin.report.change_report import Period, change_report

    period = Period(_day(since, "--since"), _day(until, "--until"))
    if period.since is not None and period.until is not None and period.since > period.until:
        raise UsageError(f"--since {since} is after --until {until}")
    with Run(options, findings=True) as run:
        earlier = None if against is None else read(against)
        gathered = gather(run, snapshot, bundle)
        compared = None if earlier is None else _compared(gathered, str(against), earlier)
        report = change_report(gathered.audit, period, compared)
        write(run, gathered, report, bundle, _outcome(gathered, compared))


def _day(text: str, flag: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise UsageError(f"{flag} {text!r} is no day", hint="write it like 2026-11-23") from None


def _compared(gathered: Gathered, name: str, earlier: SnapshotFile) -> Compared:
    from hveadmin.config.snapshotfile import dumps, sha256_of
    from hveadmin.report.change_report import Compared
    from hveadmin.report.difference import Taken

    taken, source = gathered.taken, gathered.audit.snapshot
    name_now = "read now" if source is None else source.name
    return Compared(
        before=_taken(name, earlier),
        after=Taken(name_now, taken.sha256 or sha256_of(dumps(taken)), taken.taken_at),
        tenants=tuple(_difference(gathered, each, earlier) for each in gathered.audited.values()),
    )


def _taken(name: str, snapshot: SnapshotFile) -> Taken:
    from hveadmin.report.difference import Taken

    return Taken(name, snapshot.sha256, snapshot.taken_at)


def _difference(gathered: Gathered, tenant: AuditedTenant, earlier: SnapshotFile) -> TenantDifference:
    from hveadmin.domain.difference import compare
    from hveadmin.errors import Refused
    from hveadmin.report.difference import TenantDifference

    facts = tenant.facts
    try:
        there = earlier.of(tenant.alias, facts.tenant_id, tenant.domain)
    except Refused as error:
        return TenantDifference(tenant.alias, facts.tenant_id.value, None, facts.read_at, why=error.message)
    if there.facts is None:
        why = f"not read before: {there.why_unread}"
        return TenantDifference(tenant.alias, facts.tenant_id.value, None, facts.read_at, why=why)
    differences = compare(there.facts, facts)
    asked = tuple(each for each in differences if each.account is None or gathered.asked.only(each.account))
    return TenantDifference(tenant.alias, facts.tenant_id.value, there.facts.read_at, facts.read_at, asked)


def _outcome(gathered: Gathered, compared: Compared | None) -> Outcome:
    """INCOMPLETE where a line of a journal could not be read, or something could not be compared."""
    from hveadmin.domain.journaled import History

    histories = (each.history for each in gathered.audited.values())
    torn = any(isinstance(each, History) and each.unreadable_lines > 0 for each in histories)
    doubtful = compared is not None and any(each.not_comparable for each in compared.tenants)
    return Outcome.INCOMPLETE if torn or doubtful else Outcome.OK

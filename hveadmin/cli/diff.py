"""hveadmin diff"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from hveadmin.cli.options import OUTPUT, Options, takes

if TYPE_CHECKING:
    from hveadmin.config.snapshotfile import SnapshotFile, TenantSnapshotEntry
    from hveadmin.report.difference import Taken, TenantDifference
    from hveadmin.workflows.diff import Compared, Side


@takes(OUTPUT)
def command(
    options: Options,
    before: Annotated[Path, Argument(metavar="BEFORE", help="The earlier snapshot.")],
    after: Annotated[Path, Argument(metavar="AFTER", help="The later snapshot.")],
) -> None:
    """
    Compare two snapshots, offline.

    Exit codes: 0 nothing is different; 3 something is; 7 something could not be compared, because one of the two did
    not know it; 2 a file is no snapshot; 6 a snapshot was edited.
    """
    from hveadmin.cli.run import Run
    from hveadmin.config.snapshotfile import read
    from hveadmin.report.difference import difference_report
    from hveadmin.workflows.diff import compare_snapshots, outcome_of

    with Run(options) as run:
        old, new = read(before), read(after)
        compared = compare_snapshots(_sides(old), _sides(new))
        run.emit(difference_report(_taken(before, old), _taken(after, new), [_tenant(each) for each in compared]))
        run.end(outcome_of(compared))


def _sides(snapshot: SnapshotFile) -> list[Side]:
    return [_side(each) for each in snapshot.tenants]


def _side(entry: TenantSnapshotEntry) -> Side:
    from hveadmin.workflows.diff import Side

    return Side(entry.alias, entry.facts, entry.why_unread)


def _taken(path: Path, snapshot: SnapshotFile) -> Taken:
    from hveadmin.report.difference import Taken

    return Taken(str(path), snapshot.sha256, snapshot.taken_at)


def _tenant(compared: Compared) -> TenantDifference:
    from hveadmin.report.difference import TenantDifference

    old = compared.before.facts if compared.before is not None else None
    new = compared.after.facts if compared.after is not None else None
    facts = new or old
    return TenantDifference(
        tenant=compared.alias,
        tenant_id=facts.tenant_id.value if facts is not None else "",
        read_before=old.read_at if old is not None else None,
        read_after=new.read_at if new is not None else None,
        differences=compared.differences,
        why=compared.why,
    )

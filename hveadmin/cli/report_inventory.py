"""hveadmin report inventory"""

from __future__ import annotations

from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT, Options, takes
from hveadmin.cli.report_run import BundleOption, SnapshotOption


@takes(CONFIG, SELECT, OUTPUT, CONNECT)
def command(options: Options, snapshot: SnapshotOption = None, bundle: BundleOption = None) -> None:
    """
    Every account, who may send as it, and on whose word.

    Findings are in it and change no exit code. Exit codes: 0 written; 5 nobody could sign in; 7 a tenant, an account
    or a part of what is told could not be read, and stands in the report as unknown.
    """
    from hveadmin.cli.report_run import gather, write
    from hveadmin.cli.run import Run
    from hveadmin.report.inventory import inventory_report

    with Run(options, findings=True) as run:
        gathered = gather(run, snapshot, bundle)
        write(run, gathered, inventory_report(gathered.audit), bundle)

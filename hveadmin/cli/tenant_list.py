"""hveadmin tenant list"""

from __future__ import annotations

from hveadmin.cli.options import CONFIG, OUTPUT, Options, takes
from hveadmin.errors import Outcome


@takes(CONFIG, OUTPUT)
def command(options: Options) -> None:
    """
    List the tenants of the configuration.

    Nothing is contacted. Exit codes: 0 listed; 2 the configuration cannot be used.
    """
    from hveadmin.cli.run import Run
    from hveadmin.report.tenants import tenant_list

    with Run(options) as run:
        run.emit(tenant_list(run.configuration().desired))
        run.end(Outcome.OK)

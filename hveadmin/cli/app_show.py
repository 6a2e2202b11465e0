"""hveadmin app show"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Argument

from hveadmin.cli.account_list import outcome_of
from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT_TENANT, Options, takes

if TYPE_CHECKING:
    from hveadmin.cli.run import Target
    from hveadmin.errors import Outcome
    from hveadmin.report.document import Report
    from hveadmin.wiring import Tenant


@takes(CONFIG, SELECT_TENANT, OUTPUT, CONNECT)
def command(
    options: Options, apps: Annotated[list[str], Argument(metavar="ID...", help="Ids of any of the three kinds.")]
) -> None:
    """
    Show applications and the accounts that list them.

    Exit codes: 0 every list was read; 2 not an id; 5 no sign-in or no right; 7 some list could not be read.
    """
    from hveadmin.cli.run import Run
    from hveadmin.domain.ids import Guid
    from hveadmin.report.apps import SHOW_KIND, app_show, unread
    from hveadmin.workflows.gather import gather

    ids = [Guid.parse(each) for each in apps]
    with Run(options) as run:
        loaded = run.configuration_if_any()

        def work(target: Target, tenant: Tenant) -> tuple[Report, Outcome]:
            where = tenant.where
            snapshot = gather(
                where.reader, where.directory, where.clock, where.tenant_id, ids=ids, progress=run.progress()
            )
            return app_show(target.alias, snapshot, ids), outcome_of(snapshot)

        run.each(run.targets(loaded.desired if loaded else None), work, lambda *why: unread(SHOW_KIND, *why))

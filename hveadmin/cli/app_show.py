"""hveadmin app show"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Argument

from hveadmin.cli.account_list import outcome_of
from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT_TENANT, Options, takes
from hveadmin.errors import Outcome, worst

if TYPE_CHECKING:
    from hveadmin.cli.run import Target
    from hveadmin.report.document import Report
    from hveadmin.wiring import Tenant


@takes(CONFIG, SELECT_TENANT, OUTPUT, CONNECT)
def command(
    options: Options, apps: Annotated[list[str], Argument(metavar="ID...", help="Ids of any of the three kinds.")]
) -> None:
    """
    Show applications: whether they may send, what they sign in with, who lists them.

    Exit codes: 0 all was read; 2 not an id; 5 no sign-in or no right; 7 some list, or the directory, could not be
    read.
    """
    from hveadmin.cli.run import Run
    from hveadmin.domain.ids import Guid
    from hveadmin.domain.tenant import Unreadable
    from hveadmin.report.apps import SHOW_KIND, app_show, unread
    from hveadmin.workflows.explain import show_applications

    ids = list(dict.fromkeys(Guid.parse(each) for each in apps))
    with Run(options) as run:
        loaded = run.configuration_if_any()

        def work(target: Target, tenant: Tenant) -> tuple[Report, Outcome]:
            shown = show_applications(tenant.where, tenant.directory, ids, progress=run.progress())
            unreadable = isinstance(shown.permissions, Unreadable)
            outcome = worst([outcome_of(shown.snapshot), Outcome.INCOMPLETE if unreadable else Outcome.OK])
            return app_show(target.alias, shown.snapshot, ids, shown.permissions), outcome

        run.each(run.targets(loaded.desired if loaded else None), work, lambda *why: unread(SHOW_KIND, *why))

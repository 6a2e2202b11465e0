"""hveadmin app list"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hveadmin.cli.account_list import outcome_of, read_accounts
from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT_TENANT, Options, takes

if TYPE_CHECKING:
    from hveadmin.cli.run import Target
    from hveadmin.errors import Outcome
    from hveadmin.report.document import Report
    from hveadmin.wiring import Tenant


@takes(CONFIG, SELECT_TENANT, OUTPUT, CONNECT)
def command(options: Options) -> None:
    """
    List every id on any account's list.

    Says what each is and on how many accounts it stands. Exit codes: 0 every list was read; 5 no sign-in or no
    right; 7 some list could not be read.
    """
    from hveadmin.cli.run import Run
    from hveadmin.report.apps import LIST_KIND, app_list, unread

    with Run(options) as run:
        loaded = run.configuration_if_any()

        def work(target: Target, tenant: Tenant) -> tuple[Report, Outcome]:
            snapshot = read_accounts(run, tenant)
            return app_list(target.alias, snapshot), outcome_of(snapshot)

        run.each(run.targets(loaded.desired if loaded else None), work, lambda *why: unread(LIST_KIND, *why))

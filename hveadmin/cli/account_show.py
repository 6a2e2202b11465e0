"""hveadmin account show"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from hveadmin.cli.account_list import outcome_of, read_accounts
from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT_TENANT, Options, takes

if TYPE_CHECKING:
    from hveadmin.cli.run import Target
    from hveadmin.errors import Outcome
    from hveadmin.report.document import Report
    from hveadmin.wiring import Tenant


@takes(CONFIG, SELECT_TENANT, OUTPUT, CONNECT)
def command(
    options: Options,
    accounts: Annotated[list[str], Argument(metavar="ACCOUNT...", help="Addresses, or globs over addresses.")],
) -> None:
    """
    Show accounts with each application on their lists.

    Says of each id what it is, and for a look-alike what to use instead. Exit codes: 0 shown; 6 no such HVE account;
    7 a list could not be read.
    """
    from hveadmin.cli.run import Run
    from hveadmin.domain.resolve import matches
    from hveadmin.errors import Refused
    from hveadmin.report.accounts import SHOW_KIND, account_show, unread

    with Run(replace(options, account=tuple(accounts))) as run:
        loaded = run.configuration_if_any()

        def work(target: Target, tenant: Tenant) -> tuple[Report, Outcome]:
            snapshot = read_accounts(run, tenant)
            missing = [glob for glob in accounts if not any(matches(glob, each.address) for each in snapshot.accounts)]
            if missing:
                raise Refused(
                    f"{' and '.join(missing)}: no HVE account of this tenant",
                    hint="hveadmin account list shows the HVE accounts",
                )
            return account_show(target.alias, snapshot, snapshot.accounts), outcome_of(snapshot)

        run.each(run.targets(loaded.desired if loaded else None), work, lambda *why: unread(SHOW_KIND, *why))

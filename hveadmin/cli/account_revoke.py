"""hveadmin account revoke"""

from __future__ import annotations

from hveadmin.cli.account_grant import AccountArgument, AppsArgument, change_one
from hveadmin.cli.options import (
    ANSWER,
    CONFIG,
    CONNECT,
    EXPLAIN,
    OPEN,
    OUTPUT,
    POWERSHELL,
    SELECT_TENANT,
    Options,
    takes,
)


@takes(CONFIG, SELECT_TENANT, ANSWER, OPEN, EXPLAIN, POWERSHELL, OUTPUT, CONNECT)
def command(options: Options, account: AccountArgument, apps: AppsArgument) -> None:
    """
    Take applications off an account's list.

    Refuses to remove the last one: an empty list lets every application send. --allow-open ACCOUNT opens it on
    purpose. Exit codes: 0 done and read back, or so already; 2 not an id; 6 refused, nothing was sent; 7 the list
    could not be read or written.
    """
    from hveadmin.cli.run import Run
    from hveadmin.domain.plan import Action

    with Run(options) as run:
        change_one(run, Action.REVOKE, account, apps)

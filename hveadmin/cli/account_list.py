"""hveadmin account list"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT, Options, takes

if TYPE_CHECKING:
    from hveadmin.cli.run import Run, Target
    from hveadmin.domain.tenant import TenantSnapshot
    from hveadmin.errors import Outcome
    from hveadmin.report.document import Report
    from hveadmin.wiring import Tenant


@takes(CONFIG, SELECT, OUTPUT, CONNECT)
def command(options: Options) -> None:
    """
    List every HVE account and who may send through it.

    Exit codes: 0 every list was read; 5 no sign-in or no right; 7 some list could not be read, and stands as UNKNOWN.
    """
    from hveadmin.cli.run import Run
    from hveadmin.report.accounts import LIST_KIND, account_list, unread

    with Run(options) as run:
        loaded = run.configuration_if_any()

        def work(target: Target, tenant: Tenant) -> tuple[Report, Outcome]:
            snapshot = read_accounts(run, tenant)
            return account_list(target.alias, snapshot), outcome_of(snapshot)

        run.each(run.targets(loaded.desired if loaded else None), work, lambda *why: unread(LIST_KIND, *why))


def read_accounts(run: Run, tenant: Tenant) -> TenantSnapshot:
    """The accounts that -a names, or all, with what the directory says of the ids on their lists."""
    from dataclasses import replace

    from hveadmin.workflows.gather import gather

    where = tenant.where
    snapshot = gather(where.reader, where.directory, where.clock, where.tenant_id, progress=run.progress())
    found = tuple(each for each in snapshot.accounts if run.only(each.address))
    run.must_have_matched(len(found))
    return replace(snapshot, accounts=found)


def outcome_of(snapshot: TenantSnapshot) -> Outcome:
    """INCOMPLETE where a list could not be read."""
    from hveadmin.domain.tenant import Known
    from hveadmin.errors import Outcome

    known = all(isinstance(each.allowed, Known) for each in snapshot.accounts)
    return Outcome.OK if known else Outcome.INCOMPLETE

"""hveadmin drift"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT, Options, takes
from hveadmin.errors import Incomplete, Outcome, UsageError

if TYPE_CHECKING:
    from hveadmin.cli.run import Target
    from hveadmin.report.document import Report
    from hveadmin.wiring import Tenant


@takes(CONFIG, SELECT, OUTPUT, CONNECT)
def command(options: Options) -> None:
    """
    Show how the live lists differ from the configuration.

    For schedules: decided as plan decides, with nothing to save or apply. Exit codes: 0 all as declared; 3 something
    differs; 6 something declared must not be reached, or cannot be resolved; 7 an account could not be read, or
    none was found although some are declared.
    """
    from hveadmin.cli.run import Run
    from hveadmin.config.lockfile import lock_beside
    from hveadmin.report.drift import drift_report, unread
    from hveadmin.workflows.check import saw_nothing
    from hveadmin.workflows.plan import outcome_of, plan_tenant

    with Run(options) as run:
        desired = run.configuration().desired
        lock = lock_beside(desired)

        def work(target: Target, tenant: Tenant) -> tuple[Report, Outcome]:
            if target.entry is None:
                raise UsageError(f"the configuration has no tenant {target.alias}")
            plan = plan_tenant(
                tenant.where,
                desired,
                target.entry,
                today=run.today,
                only=run.only,
                settling=tenant.journal.settling(),
                pins=None if lock is None else lock.of(target.alias, tenant.identity.tenant_id),
                progress=run.progress(),
            )
            run.must_have_matched(plan.considered, for_verdict=run.alone)
            if saw_nothing(target.entry, plan.accounts_total) and not plan.refused:
                raise Incomplete(
                    "no HVE account was found, and the configuration declares some: nothing could be compared",
                    hint="hveadmin tenant test shows who is signed in, and what they may read",
                )
            return drift_report(plan), outcome_of(plan, detailed=True)

        run.each(run.targets(desired), work, unread)

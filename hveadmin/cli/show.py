"""hveadmin show"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hveadmin.cli.app import complain
from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, Options, takes
from hveadmin.errors import HveAdminError, Outcome
from hveadmin.report.safe_text import for_console

if TYPE_CHECKING:
    from hveadmin.cli.run import Run
    from hveadmin.config.planfile import PlanFile
    from hveadmin.domain.plan import Unplanned


@takes(CONFIG, OUTPUT, CONNECT)
def command(
    options: Options,
    plan: Annotated[Path, Argument(metavar="PLAN", help="A plan file, saved by plan --out.")],
    offline: Annotated[bool, Option("--offline", help="Do not look whether the plan still fits.")] = False,
) -> None:
    """
    Show a saved plan.

    Always works: where the tenant can be read, the accounts that changed since are named; where it cannot, that is
    said on stderr and the plan is shown all the same. Exit codes: 0 shown; 2 not a plan; 6 edited by hand.
    """
    from hveadmin.cli.run import Run
    from hveadmin.config.planfile import read
    from hveadmin.domain.guard import Permits, objections
    from hveadmin.report.plan import SavedPlan, plan_report

    with Run(options) as run:
        made, sha256 = read(plan)
        stale: tuple[Unplanned, ...] = ()
        if not offline:
            try:
                stale = _stale(run, made)
            except HveAdminError as error:
                complain(f"warning: whether the plan still fits was not looked at: {for_console(error.message)}")
        report = plan_report(
            made.plan,
            plan_id=made.plan_id,
            lock_sha256=made.lock_sha256,
            objections=objections(made.plan, Permits()),
            stale=stale,
            saved=SavedPlan(str(plan), sha256),
        )
        run.emit(report)
        run.end(Outcome.OK)


def _stale(run: Run, made: PlanFile) -> tuple[Unplanned, ...]:
    from hveadmin.cli.apply import target_of
    from hveadmin.workflows.apply import stale_accounts

    target = target_of(run, made)
    tenant = run.wiring.connect(target.profile, target.tenant)
    return stale_accounts(made.plan, tenant.reader, tenant.clock)

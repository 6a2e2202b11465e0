"""hveadmin plan"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from hveadmin.cli.options import CONFIG, CONNECT, EXPLAIN, OUTPUT, SELECT, Options, takes
from hveadmin.errors import Outcome, UsageError

if TYPE_CHECKING:
    from hveadmin.cli.run import Run, Target
    from hveadmin.config.load import Loaded
    from hveadmin.config.lockfile import Lock
    from hveadmin.config.planfile import PlanFile
    from hveadmin.report.document import Report
    from hveadmin.report.plan import SavedPlan
    from hveadmin.wiring import Tenant


@takes(CONFIG, SELECT, EXPLAIN, OUTPUT, CONNECT)
def command(
    options: Options,
    out: Annotated[Path | None, Option("--out", metavar="DIR", help="Save one plan file a tenant in DIR.")] = None,
    detailed_exitcode: Annotated[
        bool, Option("--detailed-exitcode", help="Exit 3 when something would change.")
    ] = False,
) -> None:
    """
    Show what would change, and change nothing.

    Reads the tenants of the configuration, compares, and says in words what each change does. Exit codes: 0 nothing
    would change, or changes were shown; 3 changes, with --detailed-exitcode; 6 something declared must not be
    reached; 7 an account could not be read.
    """
    from hveadmin.cli.run import Run
    from hveadmin.config.lockfile import lock_beside
    from hveadmin.domain.guard import Permits, objections
    from hveadmin.report.plan import plan_report, unread
    from hveadmin.workflows.plan import outcome_of

    with Run(options) as run:
        loaded = run.configuration()
        if out is not None:
            _make_folder(out)
        lock = lock_beside(loaded.desired)

        def work(target: Target, tenant: Tenant) -> tuple[Report, Outcome]:
            made = make(run, loaded, lock, target, tenant)
            saved = None
            if out is not None:
                saved = _save(out, made)
            report = plan_report(
                made.plan,
                plan_id=made.plan_id,
                lock_sha256=made.lock_sha256,
                objections=objections(made.plan, Permits()),
                saved=saved,
            )
            return report, outcome_of(made.plan, detailed=detailed_exitcode)

        run.each(run.targets(loaded.desired), work, unread)


def _save(folder: Path, made: PlanFile) -> SavedPlan:
    from hveadmin.config.planfile import write
    from hveadmin.report.plan import SavedPlan

    file = folder / f"{made.plan.tenant}.plan.json"
    return SavedPlan(str(file), write(file, made))


def _make_folder(folder: Path) -> None:
    """Before anything is read, not after it. Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"the folder {folder} cannot be made: {problem.strerror}") from None


def make(run: Run, loaded: Loaded, lock: Lock | None, target: Target, tenant: Tenant) -> PlanFile:
    """One tenant's plan, ready to be saved; its applications held to their pins where there is a lock file."""
    from uuid import uuid4

    from hveadmin import __version__
    from hveadmin.config.planfile import PlanFile
    from hveadmin.workflows.plan import plan_tenant

    if target.entry is None:
        raise UsageError(f"the configuration has no tenant {target.alias}")
    plan = plan_tenant(
        tenant.where,
        loaded.desired,
        target.entry,
        today=run.today,
        only=run.only,
        settling=tenant.journal.settling(),
        pins=None if lock is None else lock.of(target.alias, tenant.identity.tenant_id),
        progress=run.progress(),
    )
    run.must_have_matched(len(plan.changes) + plan.as_declared + plan.observed + len(plan.unknown) + len(plan.refused))
    return PlanFile(
        plan=plan,
        plan_id=str(uuid4()),
        created_at=tenant.clock.now(),
        tool_version=__version__,
        config_files=loaded.desired.files,
        config_sha256=loaded.desired.sha256,
        lock_sha256=lock.sha256 if lock is not None else "",
        actor=tenant.identity.actor,
        ticket=run.options.ticket,
        reason=run.options.reason,
    )

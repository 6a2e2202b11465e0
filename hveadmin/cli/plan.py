"""hveadmin plan"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from hveadmin.cli.options import CONFIG, CONNECT, EXPLAIN, OUTPUT, POWERSHELL, SELECT, Options, takes
from hveadmin.errors import Outcome, UsageError

if TYPE_CHECKING:
    from hveadmin.cli.run import Run, Target
    from hveadmin.config.load import Loaded
    from hveadmin.config.lockfile import Lock
    from hveadmin.config.planfile import PlanFile
    from hveadmin.config.snapshotfile import SnapshotFile
    from hveadmin.domain.desired import TenantEntry
    from hveadmin.domain.plan import Plan
    from hveadmin.report.document import Report
    from hveadmin.report.plan import SavedPlan
    from hveadmin.wiring import Tenant


@takes(CONFIG, SELECT, EXPLAIN, POWERSHELL, OUTPUT, CONNECT)
def command(
    options: Options,
    out: Annotated[Path | None, Option("--out", metavar="DIR", help="Save one plan file a tenant in DIR.")] = None,
    detailed_exitcode: Annotated[
        bool, Option("--detailed-exitcode", help="Exit 3 when something would change.")
    ] = False,
    snapshot: Annotated[
        Path | None,
        Option("--snapshot", metavar="FILE", help="Plan from a saved snapshot; nobody signs in."),
    ] = None,
) -> None:
    """
    Show what would change, and change nothing.

    Reads the tenants of the configuration, compares, and says in words what each change does. Exit codes: 0 nothing
    would change, or changes were shown; 3 changes, with --detailed-exitcode; 6 something declared must not be
    reached; 7 an account could not be read.
    """
    from functools import partial

    from hveadmin.cli.run import Run
    from hveadmin.config.lockfile import lock_beside
    from hveadmin.config.snapshotfile import read
    from hveadmin.report.plan import unread

    with Run(options) as run:
        loaded = run.configuration()
        if out is not None:
            _make_folder(out)
        lock = lock_beside(loaded.desired)

        def online(target: Target, tenant: Tenant) -> tuple[Report, Outcome]:
            return _shown(make(run, loaded, lock, target, tenant), options, out, detailed=detailed_exitcode)

        if snapshot is None:
            run.each(run.targets(loaded.desired), online, unread)
        taken = read(snapshot)

        def offline(entry: TenantEntry) -> tuple[Report, Outcome]:
            return _shown(make_from(taken, run, loaded, lock, entry), options, out, detailed=detailed_exitcode)

        entries = run.entries(loaded.desired)
        run.each_offline([(entry.alias, partial(offline, entry)) for entry in entries], unread)


def _shown(made: PlanFile, options: Options, out: Path | None, *, detailed: bool) -> tuple[Report, Outcome]:
    """One tenant's plan, saved where that is wanted, and how the run ends for it."""
    from hveadmin.domain.guard import Permits, objections
    from hveadmin.report.plan import plan_report
    from hveadmin.workflows.plan import outcome_of

    saved = None if out is None else _save(out, made)
    report = plan_report(
        made.plan,
        plan_id=made.plan_id,
        lock_sha256=made.lock_sha256,
        objections=objections(made.plan, Permits()),
        saved=saved,
        show_powershell=options.show_powershell,
    )
    return report, outcome_of(made.plan, detailed=detailed)


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
    _must_have_matched(run, plan)
    return _planned(run, loaded, lock, plan, tenant.identity.actor)


def make_from(taken: SnapshotFile, run: Run, loaded: Loaded, lock: Lock | None, entry: TenantEntry) -> PlanFile:
    """
    One tenant's plan from a snapshot; the plan says so and how old it is.

    `apply` reads every list again before it writes, so an old snapshot makes a plan that is refused, not a wrong one.
    Raises Refused where the snapshot is of another tenant.
    """
    from dataclasses import replace

    from hveadmin.errors import Incomplete
    from hveadmin.report.words import timestamp
    from hveadmin.workflows.plan import decide_plan

    there = taken.of(entry.alias, entry.tenant_id, entry.domain)
    if there.facts is None:
        raise Incomplete(f"{entry.alias} is in the snapshot, but could not be read: {there.why_unread}")
    facts = there.facts
    plan = decide_plan(
        facts.snapshot,
        loaded.desired,
        entry,
        today=run.today,
        only=run.only,
        cloud=facts.cloud,
        pins=None if lock is None else lock.of(entry.alias, facts.tenant_id),
    )
    _must_have_matched(run, plan)
    warning = f"made from a snapshot of {timestamp(facts.read_at)}; the tenant was not asked"
    return _planned(run, loaded, lock, replace(plan, warnings=(warning, *plan.warnings)), facts.read_by)


def _must_have_matched(run: Run, plan: Plan) -> None:
    run.must_have_matched(plan.considered)


def _planned(run: Run, loaded: Loaded, lock: Lock | None, plan: Plan, actor: str) -> PlanFile:
    from uuid import uuid4

    from hveadmin import __version__
    from hveadmin.config.planfile import PlanFile
    from hveadmin.wiring import SystemClock

    return PlanFile(
        plan=plan,
        plan_id=str(uuid4()),
        created_at=SystemClock().now(),
        tool_version=__version__,
        config_files=loaded.desired.files,
        config_sha256=loaded.desired.sha256,
        lock_sha256=lock.sha256 if lock is not None else "",
        actor=actor,
        ticket=run.options.ticket,
        reason=run.options.reason,
    )

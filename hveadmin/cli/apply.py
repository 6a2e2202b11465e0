"""hveadmin apply"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hveadmin.cli.app import complain, explain
from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, POWERSHELL, SELECT, WRITE, Options, takes
from hveadmin.errors import HveAdminError, Outcome, Refused, UsageError, worst

if TYPE_CHECKING:
    from hveadmin.cli.run import Run, Target
    from hveadmin.config.planfile import PlanFile
    from hveadmin.domain.applied import RunResult
    from hveadmin.domain.guard import Permits
    from hveadmin.report.document import Report
    from hveadmin.wiring import Tenant


@takes(CONFIG, SELECT, WRITE, POWERSHELL, OUTPUT, CONNECT)
def command(
    options: Options,
    plans: Annotated[list[Path] | None, Argument(metavar="[PLAN]...", help="Plan files, saved by plan --out.")] = None,
    expect_sha256: Annotated[
        list[str] | None,
        Option("--expect-sha256", metavar="HEX", help="What the plan file's bytes must hash to; one a PLAN."),
    ] = None,
    skip_stale: Annotated[bool, Option("--skip-stale", help="Leave out accounts that changed since the plan.")] = False,
) -> None:
    """
    Make plans happen, exactly.

    With plan files: just what they say, once, and only while the lists are as the plan found them. Without: plan,
    show, ask, apply. Exit codes: 0 done and read back; 5 no sign-in or no right; 6 a rail, a stale plan or no
    confirmation, and nothing was written; 7 some account was not done; 8 an account that must be restricted was
    seen open.
    """
    from hveadmin.cli.run import Run

    if plans and (options.account or options.tenant):
        raise UsageError(
            "a saved plan is applied whole: -a and -t choose nothing of it",
            hint="plan those accounts only: hveadmin plan -a ACCOUNT --out DIR",
        )
    if expect_sha256 and not plans:
        raise UsageError("--expect-sha256 is given, but no plan file", hint="name the plan that was approved")
    permits_of(options)  # a flag that cannot be read is said before anybody signs in
    with Run(options) as run:
        ready = _saved(run, plans, expect_sha256 or []) if plans else _fresh(run)
        carry_out(run, ready, skip_stale=skip_stale)


@dataclass(frozen=True, slots=True)
class Ready:
    """A plan and the tenant it is for, signed in."""

    target: Target
    tenant: Tenant
    made: PlanFile


@dataclass(frozen=True, slots=True)
class Unready:
    """A tenant whose plan could not be made, and why."""

    alias: str
    error: HveAdminError


def _fresh(run: Run) -> list[Ready | Unready]:
    from hveadmin.cli.plan import make
    from hveadmin.config.lockfile import lock_beside

    loaded = run.configuration()
    lock = lock_beside(loaded.desired)

    def ready(target: Target) -> Ready:
        tenant = run.wiring.connect(target.profile, target.tenant, write=True)
        return Ready(target, tenant, make(run, loaded, lock, target, tenant))

    return _each([(target.alias, partial(ready, target)) for target in run.targets(loaded.desired)])


def _each(attempts: Sequence[tuple[str, Callable[[], Ready]]]) -> list[Ready | Unready]:
    """One tenant that cannot be reached does not keep the others waiting; a single one raises."""
    found: list[Ready | Unready] = []
    for alias, attempt in attempts:
        try:
            found.append(attempt())
        except HveAdminError as error:
            if len(attempts) == 1:
                raise
            explain(error, alias)
            found.append(Unready(alias, error))
    return found


def _saved(run: Run, files: Sequence[Path], expected: Sequence[str]) -> list[Ready | Unready]:
    from hveadmin.config.planfile import read

    if expected and len(expected) != len(files):
        raise UsageError("--expect-sha256 is given for some plans only", hint="give one for each plan file, in order")
    made: list[PlanFile] = []
    for place, file in enumerate(files):
        planfile, sha256 = read(file)
        if expected and expected[place].lower() != sha256:
            raise Refused(
                f"{file} is not the plan that was approved: its sha256 is {sha256}",
                hint="show it with hveadmin show, and have it approved again",
            )
        made.append(planfile)
    return _each([(each.plan.tenant, partial(_connected, run, each)) for each in made])


def _connected(run: Run, made: PlanFile) -> Ready:
    target = target_of(run, made)
    return Ready(target, run.wiring.connect(target.profile, target.tenant, write=True), made)


def target_of(run: Run, made: PlanFile) -> Target:
    """How to reach a saved plan's tenant: --profile, else the profile that the configuration has for it."""
    from hveadmin.cli.run import Target

    plan = made.plan
    name = run.options.profile
    loaded = None if name else run.configuration_if_any()
    if loaded is not None and plan.tenant in loaded.desired.tenants:
        name = loaded.desired.tenants[plan.tenant].profile
    return Target(plan.tenant, plan.tenant_id.value, run.profile(name))


def carry_out(run: Run, tenants: Sequence[Ready | Unready], *, skip_stale: bool = False) -> None:
    """Show, judge, ask, apply each tenant, report what happened, and end the run."""
    from hveadmin.report.document import together

    reports, outcome = carried_out(run, tenants, skip_stale=skip_stale)
    try:
        run.emit(together(reports))
    except (HveAdminError, OSError) as error:
        # What happened in the tenants outweighs where it could be written.
        explain(error if isinstance(error, HveAdminError) else HveAdminError(f"the report cannot be written: {error}"))
        outcome = worst([outcome, Outcome.ERROR])
    run.end(outcome)


def carried_out(
    run: Run, tenants: Sequence[Ready | Unready], *, skip_stale: bool = False
) -> tuple[list[Report], Outcome]:
    """Show, judge, ask, apply each plan; a report for each tenant, and the worst outcome."""
    permits = permits_of(run.options)
    ready = [each for each in tenants if isinstance(each, Ready)]
    _judge_and_ask(run, ready, permits)
    reports: list[Report] = []
    outcomes: list[Outcome] = []
    with _ctrl_c() as stop_asked:
        for each in tenants:
            report, outcome = _one(run, each, permits, stop_asked, skip_stale, alone=len(tenants) == 1)
            reports.append(report)
            outcomes.append(outcome)
    return reports, worst(outcomes)


def _judge_and_ask(run: Run, ready: Sequence[Ready], permits: Permits) -> None:
    """Show every plan, refuse what stands against the run as a whole, and ask once for all that may go on."""
    from hveadmin.domain.guard import objections, run_objections

    for each in ready:
        if not run.options.quiet or not run.options.yes or run.options.show_powershell:
            _show(run, each, permits)
    refuse_all(run_objections([each.made.plan for each in ready], permits))
    allowed = [each.made.plan for each in ready if not objections(each.made.plan, permits)]
    changes = sum(len(plan.changes) for plan in allowed)
    if changes > 0:
        run.confirm(f"Change {changes} account{'s' if changes != 1 else ''}?")


def permits_of(options: Options) -> Permits:
    """What the command line allows."""
    from hveadmin.domain.guard import Permits
    from hveadmin.domain.ids import Address

    return Permits(
        allow_open=frozenset(map(Address.parse, options.allow_open)),
        approve_large=options.approve_large,
        approve_removals=options.approve_removals,
    )


def refuse_all(found: Sequence[object]) -> None:
    """Raise Refused if anything stands against the run as a whole."""
    if found:
        raise Refused("a rail says no; nothing was written", reasons=[str(each) for each in found])


def _show(run: Run, each: Ready, permits: Permits) -> None:
    """The plan, on stderr: stdout is for what happened."""
    from hveadmin.domain.guard import objections
    from hveadmin.report.plan import plan_report
    from hveadmin.report.render import render

    plan = each.made.plan
    report = plan_report(
        plan,
        plan_id=each.made.plan_id,
        objections=objections(plan, permits),
        show_powershell=run.options.show_powershell,
    )
    run.stop_bar()
    complain(render(report, "table", style=run.style_of_stderr))


def _one(
    run: Run, each: Ready | Unready, permits: Permits, stop_asked: StopFlag, skip_stale: bool, *, alone: bool
) -> tuple[Report, Outcome]:
    from hveadmin.report.apply import apply_report, unread

    if isinstance(each, Unready):
        return unread(each.alias, each.error.message), each.error.outcome
    try:
        result = _apply(run, each, permits, stop_asked, skip_stale)
    except HveAdminError as error:
        if alone:
            raise
        explain(error, each.target.alias)
        return unread(each.target.alias, error.message), error.outcome
    return apply_report(result), result.outcome


def _apply(run: Run, each: Ready, permits: Permits, stop_asked: StopFlag, skip_stale: bool) -> RunResult:
    from hveadmin.workflows.apply import Hands, apply_plan

    tenant = each.tenant
    tenant.deadline.restart()
    hands = Hands(
        reader=tenant.reader,
        writer=tenant.writer(),
        directory=tenant.directory,
        journal=tenant.journal,
        clock=tenant.clock,
        tenant_id=tenant.identity.tenant_id,
        stop_asked=stop_asked,
        progress=run.progress(),
        reserve=tenant.deadline.reserve,
        out_of_time=lambda: tenant.deadline.remaining() <= 0,
    )
    return apply_plan(each.made.plan, each.made.plan_id, hands, permits=permits, skip_stale=skip_stale)


class StopFlag:
    """Remembers that somebody pressed Ctrl-C."""

    def __init__(self) -> None:
        self._asked = False

    def __call__(self) -> bool:
        return self._asked

    def ask(self, number: int, frame: FrameType | None) -> None:
        """The first time: stop after the call in flight. The second time: stop now."""
        if self._asked:
            _say("stopped in the middle of a call: the journal says which, and `hveadmin plan` what is there now")
            raise KeyboardInterrupt
        self._asked = True
        _say("stopping after the call in flight; press Ctrl-C again to stop now")


def _say(text: str) -> None:
    # A signal may come while stderr's buffer is being written, which then must not be entered again.
    os.write(2, f"{text}\n".encode())


@contextmanager
def _ctrl_c() -> Iterator[StopFlag]:
    flag = StopFlag()
    before = signal.signal(signal.SIGINT, flag.ask)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)

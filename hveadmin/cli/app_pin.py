"""hveadmin app pin"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from typer import Option

from hveadmin.cli.app import explain
from hveadmin.cli.options import ANSWER, CONFIG, CONNECT, OUTPUT, SELECT_TENANT, Options, takes
from hveadmin.errors import HveAdminError, Outcome, worst

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hveadmin.cli.run import Run, Target
    from hveadmin.config.load import Loaded
    from hveadmin.config.lockfile import Lock
    from hveadmin.domain.pins import PinChanges, Pins
    from hveadmin.report.document import Report


@takes(CONFIG, SELECT_TENANT, ANSWER, OUTPUT, CONNECT)
def command(
    options: Options,
    check: Annotated[bool, Option("--check", help="Write nothing; exit 3 when something differs.")] = False,
) -> None:
    """
    Pin every application to the service principal it is today.

    Looks up what the configuration uses in each tenant and writes hve.lock.yaml beside it: object id, display name,
    publisher, owner tenant. `plan` then reports what changes (HVE208) instead of following it. Exit codes: 0 pinned,
    or all is as pinned; 3 something differs, with --check; 5 no sign-in or no right; 6 an application is unknown or
    ambiguous, or another service principal was not accepted, and nothing was written; 7 a tenant could not be read,
    and its pins stay.
    """
    from hveadmin.cli.run import Run
    from hveadmin.config.lockfile import lock_beside

    with Run(options) as run:
        loaded = run.configuration()
        lock = lock_beside(loaded.desired)
        _finish(run, loaded, lock, _look(run, loaded, lock), check=check)


@dataclass(slots=True)
class _Found:
    """What came of all tenants."""

    changes: list[PinChanges] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


def _look(run: Run, loaded: Loaded, lock: Lock | None) -> _Found:
    """Every tenant's pins. Raises Unresolved with what cannot be found in any of them."""
    from hveadmin.domain.resolve import Unresolved
    from hveadmin.report.pins import pins_report, unread

    found = _Found()
    problems: list[str] = []
    hint = ""
    targets = run.targets(loaded.desired)
    for target in targets:
        try:
            changes = _one(run, target, lock)
        except Unresolved as error:
            problems += [f"{target.alias}: {reason}" for reason in error.reasons]
            hint = error.hint
        except HveAdminError as error:
            if len(targets) == 1:
                raise
            explain(error, target.alias)
            found.reports.append(unread(target.alias, error.message))
            # The others are pinned all the same, so whatever went wrong here, the run is incomplete.
            found.outcomes.append(Outcome.INCOMPLETE if error.outcome is Outcome.ERROR else error.outcome)
        else:
            found.changes.append(changes)
            found.reports.append(pins_report(changes))
    if problems:
        count = f"{len(problems)} application{'s' if len(problems) > 1 else ''}"
        raise Unresolved(f"{count} cannot be pinned; nothing was written", reasons=problems, hint=hint)
    _forgotten(run, loaded, lock, found)
    return found


def _one(run: Run, target: Target, lock: Lock | None) -> PinChanges:
    from hveadmin.errors import UsageError
    from hveadmin.workflows.pin import pin_tenant

    if target.entry is None:
        raise UsageError(f"the configuration has no tenant {target.alias}")
    before = lock.tenants.get(target.alias) if lock is not None else None
    with run.wiring.connect(target.profile, target.tenant) as tenant:
        return pin_tenant(tenant.directory, target.entry, tenant.identity.tenant_id, before, today=run.today)


def _forgotten(run: Run, loaded: Loaded, lock: Lock | None, found: _Found) -> None:
    """The pins of tenants that the configuration no longer has go; with -t the run is not about them."""
    from hveadmin.domain.pins import all_removed
    from hveadmin.report.pins import pins_report

    if lock is None or run.options.tenant:
        return
    for alias in lock.tenants.keys() - loaded.desired.tenants.keys():
        changes = all_removed(lock.tenants[alias])
        found.changes.append(changes)
        found.reports.append(pins_report(changes))


def _finish(run: Run, loaded: Loaded, lock: Lock | None, found: _Found, *, check: bool) -> None:
    """Ask where somebody has to say yes, write, report, end."""
    from hveadmin.config.lockfile import lock_path, text_of, write
    from hveadmin.report.pins import LockFileState, finished

    path = lock_path(loaded.desired)
    differs = lock is None or any(each.differs for each in found.changes)
    sha256 = lock.sha256 if lock is not None else ""
    # Where no tenant could be read there is nothing to write, and a first lock file without pins would say otherwise.
    writes = differs and not check and len(found.changes) > 0
    if writes:
        _accept(run, found)
        sha256 = write(path, text_of(_after(lock, found)))
    elif check and differs:
        found.outcomes.append(Outcome.CHANGES)
    state = LockFileState(str(path), sha256, differs, writes)
    run.emit(finished(found.reports, state))
    run.end(worst(found.outcomes))


def _after(lock: Lock | None, found: _Found) -> Mapping[str, Pins]:
    """All pins: those of tenants that were not read, or not asked for, are what they were."""
    kept = lock.tenants if lock is not None else {}
    return {**kept, **{each.after.alias: each.after for each in found.changes}}


def _accept(run: Run, found: _Found) -> None:
    """Ask whether other service principals may take the place of pinned ones. Raises Refused."""
    from hveadmin.report.pins import pins_report
    from hveadmin.report.render import render

    others = [each for each in found.changes if each.to_accept]
    number = sum(len(each.to_accept) for each in others)
    if number == 0:
        return
    for each in others:
        run.say(render(pins_report(each), "table", style=run.style_of_stderr))
    what = "1 application is" if number == 1 else f"{number} applications are"
    run.confirm(f"{what} another service principal than was pinned. Accept?")

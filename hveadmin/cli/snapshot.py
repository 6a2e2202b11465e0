"""hveadmin snapshot"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from hveadmin.cli.app import explain
from hveadmin.cli.options import CONFIG, CONNECT, LOGGING, SELECT_TENANT, Options, takes
from hveadmin.errors import HveAdminError, Outcome, worst

if TYPE_CHECKING:
    from hveadmin.cli.run import Run, Target
    from hveadmin.config.lockfile import Lock
    from hveadmin.config.snapshotfile import TenantSnapshotEntry
    from hveadmin.domain.facts import TenantFacts


@takes(CONFIG, SELECT_TENANT, LOGGING, CONNECT)
def command(
    options: Options,
    output: Annotated[
        Path | None, Option("-o", "--output", metavar="FILE", help="Where to write it; stdout without.")
    ] = None,
) -> None:
    """
    Save the whole live state as canonical JSON.

    Compare two with diff; plan and check from one with --snapshot, without a sign-in. Exit codes: 0 all was read;
    7 an account's list or a tenant could not be read, and stands in the snapshot as unknown.
    """
    from hveadmin import __version__
    from hveadmin.cli.outputs import write_out
    from hveadmin.cli.run import Run
    from hveadmin.config.lockfile import lock_beside
    from hveadmin.config.snapshotfile import SnapshotFile, dumps, write
    from hveadmin.wiring import SystemClock
    from hveadmin.workflows.check import names_besides

    with Run(options) as run:
        _must_be_writable(output)
        loaded = run.configuration_if_any()
        lock = lock_beside(loaded.desired) if loaded is not None else None
        targets = run.targets(loaded.desired if loaded is not None else None)
        names = names_besides(loaded.desired) if loaded is not None else ()
        read = [_read(run, target, lock, names, alone=len(targets) == 1) for target in targets]
        snapshot = SnapshotFile(SystemClock().now(), __version__, tuple(entry for entry, _ in read))
        run.stop_bar()
        if output is None:
            write_out(dumps(snapshot).decode())
        else:
            sha256 = write(output, snapshot)
            run.say(f"saved {output}  sha256 {sha256}")
        run.end(worst(outcome for _, outcome in read))


def _must_be_writable(output: Path | None) -> None:
    """Before anything is fetched, not after it. Raises HveAdminError."""
    if output is not None and (output.is_dir() or not os.access(output.parent, os.W_OK)):
        raise HveAdminError(f"{output} cannot be written: it is a folder, or its folder is missing or closed")


def _read(
    run: Run, target: Target, lock: Lock | None, names: Collection[str], *, alone: bool
) -> tuple[TenantSnapshotEntry, Outcome]:
    from hveadmin.config.snapshotfile import TenantSnapshotEntry
    from hveadmin.workflows.gather import gather_facts

    try:
        with run.wiring.connect(target.profile, target.tenant) as tenant:
            facts = gather_facts(
                tenant.sources,
                entry=target.entry,
                pins=None if lock is None else lock.of(target.alias, tenant.identity.tenant_id),
                names=names,
                progress=run.progress(),
            )
    except HveAdminError as error:
        if alone:
            raise
        explain(error, target.alias)
        return TenantSnapshotEntry(target.alias, None, error.message), error.outcome
    _say_what_is_missing(run, target.alias, facts)
    return TenantSnapshotEntry(target.alias, facts), _outcome(facts)


def _outcome(facts: TenantFacts) -> Outcome:
    from hveadmin.domain.tenant import Known

    known = all(isinstance(each.allowed, Known) for each in facts.snapshot.accounts)
    return Outcome.OK if known else Outcome.INCOMPLETE


def _say_what_is_missing(run: Run, alias: str, facts: TenantFacts) -> None:
    """A part that could not be read is in the snapshot as that; whoever takes it should know it now."""
    from hveadmin.domain.tenant import Unreadable
    from hveadmin.report.safe_text import for_console

    parts = {
        "the directory": facts.snapshot.directory,
        "the right to send": facts.permissions,
        "the credentials": facts.credentials,
        "the billing policies": facts.billing,
        "basic authentication": facts.basic_auth,
        "the owners": facts.owners,
    }
    for what, part in parts.items():
        if isinstance(part, Unreadable):
            run.say(for_console(f"warning: {alias}: {what} could not be read: {part.why}"))

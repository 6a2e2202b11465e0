"""hveadmin account grant"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Argument

from hveadmin.cli.options import ANSWER, CONFIG, CONNECT, EXPLAIN, OUTPUT, POWERSHELL, SELECT_TENANT, Options, takes

if TYPE_CHECKING:
    from hveadmin.cli.run import Run
    from hveadmin.domain.plan import Action

AccountArgument = Annotated[str, Argument(metavar="ACCOUNT", help="The HVE account's address.")]
AppsArgument = Annotated[
    list[str], Argument(metavar="APP...", help="Service principal object ids (Enterprise applications > Object ID).")
]


@takes(CONFIG, SELECT_TENANT, ANSWER, EXPLAIN, POWERSHELL, OUTPUT, CONNECT)
def command(options: Options, account: AccountArgument, apps: AppsArgument) -> None:
    """
    Let applications send through an account.

    The same planner, rails and journal as apply. An id is checked in Entra ID before it is sent; a look-alike is
    refused with the right id. Exit codes: 0 done and read back, or so already; 2 not an id; 6 refused, nothing was
    sent; 7 the list could not be read or written.
    """
    from hveadmin.cli.run import Run
    from hveadmin.domain.plan import Action

    with Run(options) as run:
        change_one(run, Action.GRANT, account, apps)


def change_one(run: Run, action: Action, account: str, apps: list[str]) -> None:
    """One account, one direction: plan it, show it, ask, apply."""
    from uuid import uuid4

    from hveadmin import __version__
    from hveadmin.cli.apply import Ready, carry_out, permits_of
    from hveadmin.config.planfile import PlanFile
    from hveadmin.domain.ids import Address, ObjectId
    from hveadmin.errors import UsageError
    from hveadmin.workflows.oneoff import plan_one

    permits_of(run.options)  # a flag that cannot be read is said before anybody signs in
    address, ids = Address.parse(account), [ObjectId.parse(each) for each in apps]
    loaded = run.configuration_if_any()
    targets = run.targets(loaded.desired if loaded else None)
    if len(targets) != 1:
        raise UsageError(
            f"{len(targets)} tenants are meant; a one-off is for one", hint="name the tenant with -t TENANT"
        )
    (target,) = targets
    tenant = run.wiring.connect(target.profile, target.tenant, write=True)
    plan = plan_one(
        tenant.where,
        target.alias,
        action,
        address,
        ids,
        today=run.today,
        allow_open=address in permits_of(run.options).allow_open,
        ticket=run.options.ticket,
        reason=run.options.reason,
    )
    made = PlanFile(
        plan=plan,
        plan_id=str(uuid4()),
        created_at=tenant.clock.now(),
        tool_version=__version__,
        actor=tenant.identity.actor,
        ticket=run.options.ticket,
        reason=run.options.reason,
    )
    carry_out(run, [Ready(target, tenant, made)])

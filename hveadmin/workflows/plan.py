"""plan: read the tenant, compare it with the configuration, say what would change. Nothing here can write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from hveadmin.domain.desired import DesiredState, TenantEntry
from hveadmin.domain.ids import Address, Guid, TenantId
from hveadmin.domain.pins import Pins
from hveadmin.domain.plan import Plan, Settling
from hveadmin.domain.planner import make_plan
from hveadmin.domain.ports import AccountReader, Clock, Directory, Progress, no_progress
from hveadmin.domain.resolve import references, resolve
from hveadmin.domain.tenant import TenantSnapshot
from hveadmin.errors import Outcome
from hveadmin.workflows.gather import gather


@dataclass(frozen=True, slots=True)
class Where:
    """Which tenant is read, by what, in which cloud."""

    reader: AccountReader
    directory: Directory
    clock: Clock
    tenant_id: TenantId
    cloud: str


def plan_tenant(
    where: Where,
    desired: DesiredState,
    tenant: TenantEntry,
    *,
    today: date,
    only: Callable[[Address], bool],
    settling: Mapping[Guid, Settling],
    pins: Pins | None = None,
    progress: Progress = no_progress,
) -> Plan:
    """
    What is to be done in one tenant.

    The whole tenant is read even where `only` narrows the plan, so that limits by percent have their whole. `pins`
    are the tenant's; None where there is no lock file. Raises Unresolved where the configuration names what the
    tenant does not have, or what is not as it was pinned; Refused for pins of another tenant; ServiceError or
    AuthError where the tenant cannot be read.
    """
    if pins is not None:
        pins.refuse_another(where.tenant_id)
    ids, names = references(tenant, pins)
    snapshot = gather(
        where.reader, where.directory, where.clock, where.tenant_id, ids=ids, names=names, progress=progress
    )
    return decide_plan(
        snapshot, desired, tenant, today=today, only=only, settling=settling, cloud=where.cloud, pins=pins
    )


def decide_plan(
    snapshot: TenantSnapshot,
    desired: DesiredState,
    tenant: TenantEntry,
    *,
    today: date,
    only: Callable[[Address], bool] = lambda _: True,
    settling: Mapping[Guid, Settling] | None = None,
    cloud: str,
    pins: Pins | None = None,
) -> Plan:
    """The pure part of `plan_tenant`: the same from a snapshot that was read before."""
    if pins is not None:
        pins.refuse_another(snapshot.tenant_id)
    live = [account.address for account in snapshot.accounts]
    resolved = resolve(tenant, live, snapshot.directory, today=today, only=only, pins=pins, policy=desired.policy)
    return make_plan(resolved, snapshot, today=today, limits=desired.limits, cloud=cloud, settling=settling)


def outcome_of(plan: Plan, *, detailed: bool) -> Outcome:
    """How `plan` ends for one tenant. With `detailed`, differences have an outcome of their own."""
    if len(plan.unknown) > 0:
        return Outcome.INCOMPLETE
    if len(plan.refused) > 0:
        return Outcome.REFUSED
    return Outcome.CHANGES if detailed and len(plan.changes) > 0 else Outcome.OK

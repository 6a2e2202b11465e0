"""
What happened when a plan was applied: what was read back, not what was planned.

`after` is the account's list as it was read after the last call. Where that could not be read it is `Unknown`, and
nothing may be concluded from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hveadmin.domain.ids import Address
from hveadmin.domain.plan import Change, Plan
from hveadmin.domain.tenant import AllowedApps
from hveadmin.errors import Outcome

TAKES_EFFECT_WITHIN = timedelta(minutes=5)
"""A change of a list can take this long to take effect [D: Add-HVEAppAccess]."""


class AppliedOutcome(StrEnum):
    """How one account of a plan ended."""

    DONE = "done"
    """Every call was made, and the list reads as planned."""
    ALREADY = "already"
    """The list was as planned before the first call; none was made."""
    FAILED = "failed"
    """A call failed, or what was read back is not what was planned."""
    STALE = "stale"
    """The list was no longer the one the plan was made from; no call was made."""
    OPEN = "open"
    """It must be restricted, and was read back empty: every application may send."""
    SKIPPED = "skipped"
    """Not tried."""
    INTERRUPTED = "interrupted"
    """The run was stopped before the last call."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one account's change."""

    account: Address
    outcome: AppliedOutcome
    change: Change
    after: AllowedApps
    calls_made: int
    why: str = ""
    """A sentence for people where the outcome is neither done nor already; it names the request id if there is one."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of one tenant's plan."""

    plan: Plan
    plan_id: str
    started_at: datetime
    ended_at: datetime
    accounts: tuple[Applied, ...]
    """One for each change of the plan, in its order."""
    effective_by: datetime | None = None
    """When the last change of this run is in effect at the latest; None when nothing was changed."""

    @property
    def outcome(self) -> Outcome:
        """How the run ended for this tenant: what the plan itself could not cover counts too."""
        seen = {each.outcome for each in self.accounts}
        if AppliedOutcome.OPEN in seen:
            return Outcome.OPEN
        if AppliedOutcome.INTERRUPTED in seen:
            return Outcome.INTERRUPTED
        left_undone = len(self.plan.unknown) + len(self.plan.refused)
        finished = seen <= {AppliedOutcome.DONE, AppliedOutcome.ALREADY}
        return Outcome.OK if finished and left_undone == 0 else Outcome.INCOMPLETE

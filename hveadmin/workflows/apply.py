"""
apply: make a plan happen, and nothing else.

    1. the token must be for the plan's tenant                                              (rail 7)
    2. judge the limits and openings                                                        (rails 4, 5)
    3. read the plan's accounts again; whoever is not as the plan found it is stale         (rail 6)
    4. ask the directory again about every id that is to be granted                         (rail 16)
    5. for each account, for each call: write the intent down, call, read back              (rails 10, 14)
    6. a list that is empty where it must not be: grant the target again at once            (rail 11)

Steps 1 to 4 come before the first write of the tenant and refuse it as a whole.

One account's failure does not stop the others; each is named at the end. A lost answer is never followed by the
same call: the list is read first, and what is there decides.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass

from hveadmin.domain.applied import TAKES_EFFECT_WITHIN, Applied, AppliedOutcome, RunResult
from hveadmin.domain.guard import Objection, Permits, objections
from hveadmin.domain.ids import ObjectId, TenantId
from hveadmin.domain.plan import Action, Change, Plan, Step, Unplanned
from hveadmin.domain.ports import (
    AccountReader,
    AccountWriter,
    Clock,
    Directory,
    Journal,
    OpenPermit,
    Progress,
    no_progress,
)
from hveadmin.domain.resolve import what_instead
from hveadmin.domain.tenant import (
    AllowedApps,
    HveAccount,
    IdKind,
    Known,
    Readable,
    TenantSnapshot,
    Unknown,
    Unreadable,
)
from hveadmin.errors import HveAdminError, Refused, ServiceError


@dataclass(frozen=True, slots=True)
class Hands:
    """Everything apply needs of the outside."""

    reader: AccountReader
    writer: AccountWriter
    directory: Directory
    journal: Journal
    clock: Clock
    tenant_id: TenantId
    """The tenant that the token in hand was issued for."""
    stop_asked: Callable[[], bool] = lambda: False
    """Whether somebody asked to stop after the call in flight."""
    progress: Progress = no_progress
    reserve: Callable[[], AbstractContextManager[object]] = nullcontext
    """Time for what must not be left undone when the deadline is over: reading back, closing again."""
    out_of_time: Callable[[], bool] = lambda: False


def apply_plan(plan: Plan, plan_id: str, hands: Hands, *, permits: Permits, skip_stale: bool = False) -> RunResult:
    """
    Make a plan happen.

    Raises Refused, with every reason, before anything is written: a rail, or a list that is not as the plan found
    it (unless `skip_stale`). Errors of single accounts are in the result.
    """
    started = hands.clock.now()
    _refuse_another_tenant(plan, hands.tenant_id)
    refuse_if(objections(plan, permits))
    stale = stale_accounts(plan, hands.reader, hands.clock, hands.progress)
    if stale and not skip_stale:
        raise stale_refusal(plan, stale)
    _refuse_what_is_no_service_principal(plan, hands.directory)
    begun = not hands.stop_asked()
    if begun:
        # Stopped before the first call, the plan stays whole and may be applied later.
        hands.journal.begin(plan, plan_id)
    stale_addresses = {each.account: each.why for each in stale}
    done: list[Applied] = []
    cannot_go_on = ""
    for change in plan.changes:
        if change.account in stale_addresses:
            why = stale_addresses[change.account]
            done.append(Applied(change.account, AppliedOutcome.STALE, change, Unknown(why), 0, why))
        elif hands.stop_asked():
            done.append(_interrupted(change, Known(change.before), 0))
        elif cannot_go_on or hands.out_of_time():
            why = f"not tried: {cannot_go_on or 'the deadline ran out'}"
            done.append(Applied(change.account, AppliedOutcome.SKIPPED, change, Known(change.before), 0, why))
        else:
            one = _Account(change, hands)
            done.append(one.run())
            cannot_go_on = one.unwritten
        hands.progress("changing accounts", len(done), len(plan.changes))
    ended = hands.clock.now()
    touched = any(each.calls_made > 0 and each.after != Known(each.change.before) for each in done)
    result = RunResult(plan, plan_id, started, ended, tuple(done), ended + TAKES_EFFECT_WITHIN if touched else None)
    if begun:
        with suppress(HveAdminError):  # what was done must be told, also where it cannot be written down any more
            hands.journal.end(plan, result.outcome.name.lower())
    return result


def _refuse_another_tenant(plan: Plan, token_is_for: TenantId) -> None:
    if plan.tenant_id != token_is_for:
        raise Refused(
            f"{plan.tenant}: the plan is for tenant {plan.tenant_id}, but who is signed in is in {token_is_for};"
            " nothing was written",
            hint="choose the profile that signs in to the plan's tenant with --profile",
        )


def _refuse_what_is_no_service_principal(plan: Plan, directory: Directory) -> None:
    """A plan may be days old. Where the directory cannot be read now, what the plan said of its ids stands."""
    granted = sorted({app for change in plan.changes for app in change.granted})
    view = directory.look_up(granted) if granted else Unreadable("nothing is granted")
    if not isinstance(view, Readable):
        return
    found = {app: view.identity(app) for app in granted}
    reasons = [
        f"{app} {what_instead(each)}"
        for app, each in found.items()
        if each is not None and each.kind is not IdKind.SERVICE_PRINCIPAL
    ]
    if reasons:
        raise Refused(f"{plan.tenant}: the directory has changed; nothing was written", reasons=reasons)


def refuse_if(found: tuple[Objection, ...]) -> None:
    """Raise Refused if anything stands against the plan."""
    if found:
        raise Refused(
            "a rail says no; nothing was written",
            reasons=[str(each) for each in found],
            hint="read the plan again; each flag allows just what it names",
        )


def stale_refusal(plan: Plan, stale: tuple[Unplanned, ...]) -> Refused:
    """What to say of a plan that no longer fits."""
    return Refused(
        f"{plan.tenant}: the plan is stale; nothing was written",
        reasons=[f"{each.account}: {each.why}" for each in stale],
        hint="make a new plan, or apply the other accounts with --skip-stale",
    )


def stale_accounts(
    plan: Plan, reader: AccountReader, clock: Clock, progress: Progress = no_progress
) -> tuple[Unplanned, ...]:
    """The plan's accounts that are not, or not known to be, as the plan found them."""
    if not plan.changes:
        return ()
    listed = {each.address: each for each in reader.list_accounts()}
    present = [change.account for change in plan.changes if change.account in listed]
    accounts: list[HveAccount] = []
    for address, allowed in reader.read_allowed(present):
        accounts.append(HveAccount(address, listed[address].guid, listed[address].display_name, allowed))
        progress("checking that the plan still fits", len(accounts), len(present))
    unread = Unreadable("the directory was read when the plan was made")
    return plan.stale(TenantSnapshot(plan.tenant_id, clock.now(), tuple(accounts), unread))


def _interrupted(change: Change, after: AllowedApps, calls: int) -> Applied:
    return Applied(
        change.account, AppliedOutcome.INTERRUPTED, change, after, calls, "stopped by Ctrl-C; plan again to go on"
    )


class _Account:
    """One account's way from before to target."""

    def __init__(self, change: Change, hands: Hands) -> None:
        self._change = change
        self._hands = hands
        self.unwritten = ""
        """Why the journal could not be written, once it could not."""
        self._listed = change.before
        self._seen: AllowedApps = Known(change.before)
        self._calls = 0

    def run(self) -> Applied:
        if self._change.steps[0].action is Action.REVOKE:
            # A Remove first: what it must leave may have gone since the tenant was checked.
            self._seen = read_one(self._hands.reader, self._change)
            if self._seen != Known(self._listed):
                return self._ended(AppliedOutcome.STALE, "the list was changed a moment ago, or cannot be read now")
        for step in self._change.steps:
            if self._hands.stop_asked():
                return _interrupted(self._change, self._seen, self._calls)
            failed = self._take(step)
            if failed is not None:
                return failed
        return self._ended(AppliedOutcome.DONE)

    def _ended(self, outcome: AppliedOutcome, why: str = "") -> Applied:
        return Applied(self._change.account, outcome, self._change, self._seen, self._calls, why)

    def _take(self, step: Step) -> Applied | None:
        """One call and its read-back; None when the list is what the call should have left."""
        expected = after_step(self._listed, step)
        error = self._call(step)
        self._read_back(step)
        if error is not None and error.outcome_unknown and self._seen == Known(self._listed):
            # The answer was lost and so was the call: the list is read and unchanged, so this is not blind.
            error = self._call(step)
            self._read_back(step)
        was_open = len(self._listed) == 0
        if isinstance(self._seen, Known) and self._seen.is_open and len(expected) > 0 and not (was_open and error):
            return self._close_again()
        if self._seen == Known(expected):
            self._listed = expected
            return self._failed(ServiceError(self.unwritten)) if self.unwritten else None
        return self._failed(error)

    def _note(self, write: Callable[[], None]) -> None:
        try:
            write()
        except HveAdminError as problem:
            self.unwritten = problem.message

    def _call(self, step: Step, *, at_all_costs: bool = False) -> ServiceError | None:
        self._note(lambda: self._hands.journal.intent(self._change, step))
        if self.unwritten and not at_all_costs:
            return ServiceError(f"not sent: {self.unwritten}")
        self._calls += 1
        error: ServiceError | None = None
        try:
            if step.action is Action.GRANT:
                self._hands.writer.grant(self._change.account, step.apps, before=Known(self._listed))
            else:
                self._hands.writer.revoke(
                    self._change.account, step.apps, before=Known(self._listed), permit=self._permit()
                )
        except ServiceError as problem:
            error = problem
        except HveAdminError as problem:
            error = ServiceError(problem.message, hint=problem.hint, outcome_unknown=False)
        said = error.message if error else ""
        self._note(lambda: self._hands.journal.result(self._change, step, said))
        return error

    def _permit(self) -> OpenPermit | None:
        """The word that lets the last application go: given by the rails, which were judged before."""
        if len(self._change.target) > 0:
            return None
        return OpenPermit(self._change.account, self._change.reason or "asked for on the command line")

    def _read_back(self, step: Step) -> None:
        with self._hands.reserve():
            self._seen = read_one(self._hands.reader, self._change)
        self._note(lambda: self._hands.journal.read_back(self._change, step, self._seen))

    def _close_again(self) -> Applied:
        """Rail 11: it must be restricted and everybody may send. Grant the target at once, and say so loudly."""
        step = Step(Action.GRANT, tuple(sorted(self._change.target)))
        self._listed = frozenset()  # as it was just read; the writer counts to ten from here
        with self._hands.reserve():
            error = self._call(step, at_all_costs=True)
        self._read_back(step)
        closed = isinstance(self._seen, Known) and not self._seen.is_open
        after = "it was restricted again at once" if closed else "IT COULD NOT BE RESTRICTED AGAIN"
        why = f"the list was seen empty, any application could send; {after}{_because(error)}"
        return self._ended(AppliedOutcome.OPEN, why)

    def _failed(self, error: ServiceError | None) -> Applied:
        if error is not None:
            still = "; it is still open" if self._seen == Known(frozenset()) else ""
            next_ = f"; {error.hint}" if error.hint else ""
            why = f"{error.message}{_request(error)}{still}{next_}"
        elif isinstance(self._seen, Unknown):
            why = f"the list could not be read back: {self._seen.why}"
        else:
            why = "the service reported success, but the list read back is not what the call should have left"
        return self._ended(AppliedOutcome.FAILED, why)


def _because(error: ServiceError | None) -> str:
    return f" ({error.message})" if error is not None else ""


def _request(error: ServiceError) -> str:
    return f" (request-id {error.request_id})" if error.request_id and error.request_id not in error.message else ""


def after_step(listed: frozenset[ObjectId], step: Step) -> frozenset[ObjectId]:
    """What a call should leave."""
    return listed | set(step.apps) if step.action is Action.GRANT else listed - set(step.apps)


def read_one(reader: AccountReader, change: Change) -> AllowedApps:
    """One account's list as it is now; Unknown where it cannot be read, for whatever reason."""
    try:
        for address, allowed in reader.read_allowed([change.account]):
            if address == change.account:
                return allowed
    except HveAdminError as problem:
        return Unknown(problem.message)
    return Unknown("the service gave no answer for this account")

"""A plan is made to happen, and nothing else; whatever goes wrong is named and leaves no account open unseen."""

import dataclasses
from collections.abc import Collection, Iterator

import pytest
from builders import TENANT, TODAY, account, address, apps, entry, grant, service_principals, tenant
from memory_tenant import Fault, MemoryJournal, MemoryTenant, StandingClock, run

from hveadmin.domain.applied import AppliedOutcome
from hveadmin.domain.desired import AccountEntry, Bound, DesiredState, Limits, Mode
from hveadmin.domain.guard import Permits
from hveadmin.domain.ids import Address, TenantId
from hveadmin.domain.plan import Change, Plan, Step
from hveadmin.domain.tenant import AllowedApps, HveAccount, IdKind, Known, Unknown
from hveadmin.errors import HveAdminError, Outcome, Refused, ServiceError, TimedOut
from hveadmin.workflows.apply import Hands, apply_plan
from hveadmin.workflows.gather import gather
from hveadmin.workflows.plan import decide_plan

WIDE = Limits(Bound(100, 100), Bound(100, 100))


def planned(live: MemoryTenant, entries: dict[str, AccountEntry], limits: Limits = WIDE) -> Plan:
    snapshot = gather(live, live, StandingClock(), TENANT)
    desired = DesiredState({}, {}, limits=limits)
    return decide_plan(snapshot, desired, tenant(entries), today=TODAY, cloud="worldwide")


def enforce(*numbers: int) -> AccountEntry:
    return entry(Mode.ENFORCE, *map(grant, numbers))


def fails(problem: ServiceError) -> Fault:
    def fault(tenant: MemoryTenant, account: Address) -> None:
        raise problem

    return fault


def becomes(*numbers: int) -> Fault:
    def fault(tenant: MemoryTenant, account: Address) -> None:
        tenant.lists[account] = Known(apps(*numbers))

    return fault


def unreadable(tenant: MemoryTenant, account: Address) -> None:
    tenant.lists[account] = Unknown("time out")


def one(has: tuple[int, ...] = (1,)) -> MemoryTenant:
    return MemoryTenant([account("x", has)])


def test_a_plan_happens_in_its_order_and_is_read_back_after_every_call() -> None:
    live, journal = one((1, 2)), MemoryJournal()
    result = run(planned(live, {"x": enforce(2, 3)}), live, journal=journal)
    assert live.holds("x") == apps(2, 3)
    assert [call[0] for call in live.calls] == ["grant", "revoke"]
    assert journal.events == [
        "intent grant", "result", "read 3", "intent revoke", "result", "read 2", "end ok",
    ]  # fmt: skip
    assert result.outcome is Outcome.OK
    assert result.effective_by is not None


def test_nothing_to_do_makes_no_call() -> None:
    live = one()
    result = run(planned(live, {"x": enforce(1)}), live)
    assert (live.calls, result.accounts, result.effective_by, result.outcome) == ([], (), None, Outcome.OK)


def test_one_account_that_fails_does_not_stop_the_others() -> None:
    names = [f"a{n:02}" for n in range(14)]
    live = MemoryTenant([account(name, (1,)) for name in names])
    live.before_write = {3: fails(ServiceError("no", request_id="3c0a")), 9: fails(ServiceError("no"))}
    result = run(planned(live, {name: enforce(1, 2) for name in names}), live)
    failed = [each for each in result.accounts if each.outcome is AppliedOutcome.FAILED]
    assert (len(failed), failed[0].why) == (2, "no (request-id 3c0a)")
    assert sum(live.holds(name) == apps(1, 2) for name in names) == 12
    assert result.outcome is Outcome.INCOMPLETE


def test_a_lost_answer_after_the_write_was_done_is_found_out_by_reading() -> None:
    live = one()
    live.after_write = {1: fails(TimedOut("lost"))}
    result = run(planned(live, {"x": enforce(1, 2)}), live)
    assert (len(live.calls), result.outcome) == (1, Outcome.OK)


def test_a_lost_call_is_made_again_only_after_reading_that_it_was_lost() -> None:
    live, journal = one(), MemoryJournal()
    live.before_write = {1: fails(TimedOut("lost"))}
    result = run(planned(live, {"x": enforce(1, 2)}), live, journal=journal)
    assert journal.events[:4] == ["intent grant", "result lost", "read 1", "intent grant"]
    assert (len(live.calls), result.outcome) == (2, Outcome.OK)


def test_a_lost_call_is_never_made_again_blindly() -> None:
    live = one()

    def lost_and_then_unreadable(tenant: MemoryTenant, account: Address) -> None:
        unreadable(tenant, account)
        raise TimedOut("lost")

    live.before_write = {1: lost_and_then_unreadable}
    result = run(planned(live, {"x": enforce(1, 2)}), live)
    assert (len(live.calls), result.outcome) == (1, Outcome.INCOMPLETE)


@pytest.mark.parametrize(("fault", "says"), [(becomes(7), "not what the call should"), (unreadable, "read back: time")])
def test_a_read_back_that_disagrees_stops_the_account(fault: Fault, says: str) -> None:
    live = one((1, 2))
    live.after_write = {1: fault}
    result = run(planned(live, {"x": enforce(2, 3)}), live)
    assert len(live.calls) == 1
    assert says in result.accounts[0].why
    assert result.outcome is Outcome.INCOMPLETE


def test_a_list_seen_empty_is_restricted_again_at_once_and_the_run_ends_loudly() -> None:
    live = one((1, 2))
    live.after_write = {1: becomes()}
    result = run(planned(live, {"x": enforce(2, 3)}), live)
    assert live.holds("x") == apps(2, 3)
    assert (result.accounts[0].outcome, result.outcome) == (AppliedOutcome.OPEN, Outcome.OPEN)
    assert "restricted again at once" in result.accounts[0].why


def test_a_list_that_cannot_be_restricted_again_is_said_in_capitals() -> None:
    live = one((1, 2))
    live.after_write = {1: becomes()}
    live.before_write = {2: fails(ServiceError("denied"))}
    result = run(planned(live, {"x": enforce(2, 3)}), live)
    assert "COULD NOT BE RESTRICTED" in result.accounts[0].why
    assert result.outcome is Outcome.OPEN


def test_an_open_account_that_cannot_be_closed_is_a_failure_that_says_it_is_still_open() -> None:
    live = one(())
    live.before_write = {1: fails(ServiceError("denied"))}
    result = run(planned(live, {"x": enforce(1)}), live)
    assert (len(live.calls), result.outcome) == (1, Outcome.INCOMPLETE)
    assert result.accounts[0].why == "denied; it is still open"


def test_a_rail_refuses_before_anything_is_written() -> None:
    live = MemoryTenant([account("x", (1,)), account("y", (1,))])
    plan = planned(live, {"x": entry(Mode.UNRESTRICTED, reason="cut-over"), "y": enforce(2)})
    with pytest.raises(Refused) as refused:
        run(plan, live)
    assert "--allow-open hve-x@contoso.com" in refused.value.reasons[0]
    assert live.calls == []
    result = run(plan, live, permits=Permits(allow_open=frozenset({address("x")})))
    assert (live.holds("x"), result.outcome) == (frozenset(), Outcome.OK)


def test_a_stale_account_refuses_the_tenant_and_may_be_skipped() -> None:
    live = MemoryTenant([account("x", (1,)), account("y", (1,))])
    plan = planned(live, {"x": enforce(2), "y": enforce(2)})
    live.lists[address("x")] = Known(apps(1, 9))
    with pytest.raises(Refused) as refused:
        run(plan, live)
    assert refused.value.reasons == ("hve-x@contoso.com: the list was changed since the plan was made",)
    assert live.calls == []
    result = run(plan, live, skip_stale=True)
    assert (live.holds("x"), live.holds("y")) == (apps(1, 9), apps(2))
    assert result.outcome is Outcome.INCOMPLETE


def test_a_plan_is_applied_once() -> None:
    live, journal = one(), MemoryJournal()
    plan = planned(live, {"x": enforce(1, 2)})
    run(plan, live, journal=journal)
    live.lists[address("x")] = Known(apps(1))  # somebody took it back: the plan would fit again
    with pytest.raises(Refused, match="applied before"):
        run(plan, live, journal=journal)


def test_a_token_for_another_tenant_writes_nothing() -> None:
    live = one()
    with pytest.raises(Refused, match="who is signed in"):
        run(planned(live, {"x": enforce(2)}), live, signed_in_to=TenantId("0" * 36))
    assert live.calls == []


def test_an_id_that_is_no_service_principal_any_more_is_not_sent() -> None:
    live = one()
    plan = planned(live, {"x": enforce(1, 2)})
    gone = service_principals(1)
    told = dict(service_principals(2).identities)
    live.directory = dataclasses.replace(
        gone,
        identities={
            **gone.identities,
            **{key: dataclasses.replace(each, kind=IdKind.NOT_FOUND) for key, each in told.items()},
        },
    )
    with pytest.raises(Refused) as refused:
        run(plan, live)
    assert "nothing in this tenant" in refused.value.reasons[0]
    assert live.calls == []


def test_ctrl_c_stops_after_the_call_in_flight() -> None:
    live = MemoryTenant([account("x", (1,)), account("y", (1,))])
    result = run(planned(live, {"x": enforce(2), "y": enforce(2)}), live, stop_asked=lambda: len(live.calls) >= 1)
    assert len(live.calls) == 1
    assert live.holds("x") == apps(1, 2)
    assert [each.outcome for each in result.accounts] == [AppliedOutcome.INTERRUPTED] * 2
    assert result.outcome is Outcome.INTERRUPTED


def test_what_the_plan_could_not_cover_keeps_the_run_incomplete() -> None:
    accounts: list[HveAccount] = [account("x", (1,)), account("y", Unknown("throttled"))]
    live = MemoryTenant(accounts)
    result = run(planned(live, {"x": enforce(2), "y": enforce(2)}), live)
    assert (live.holds("x"), result.outcome) == (apps(2), Outcome.INCOMPLETE)


class FullDisk(MemoryJournal):
    """A journal that takes a few lines and then no more."""

    def intent(self, change: Change, step: Step) -> None:
        if len(self.events) >= 3:
            raise HveAdminError("no space left on the journal's disk")
        super().intent(change, step)


def test_a_journal_that_fails_in_the_middle_stops_the_calls_and_loses_no_report() -> None:
    live = MemoryTenant([account("x", (1,)), account("y", (1,))])
    result = run(planned(live, {"x": enforce(2), "y": enforce(2)}), live, journal=FullDisk())
    assert len(live.calls) == 1
    full = "no space left on the journal's disk"
    assert [each.why for each in result.accounts] == [f"not sent: {full}", f"not tried: {full}"]
    assert [each.after for each in result.accounts] == [Known(apps(1, 2)), Known(apps(1))]
    assert result.outcome is Outcome.INCOMPLETE


def test_a_run_that_changed_nothing_takes_no_effect() -> None:
    live = one()
    live.before_write = {1: fails(ServiceError("denied"))}
    assert run(planned(live, {"x": enforce(1, 2)}), live).effective_by is None


def test_what_a_remove_must_leave_is_looked_at_right_before_it() -> None:
    live = one((1, 2))
    plan = planned(live, {"x": enforce(1)})
    reads = live.read_allowed

    class Racing(MemoryTenant):
        """Somebody else removes what stays, between the check of the tenant and the call."""

        def read_allowed(self, accounts: Collection[Address]) -> Iterator[tuple[Address, AllowedApps]]:
            found = list(reads(accounts))
            live.lists[address("x")] = Known(apps(2))
            return iter(found)

    racing = Racing(live.accounts)
    racing.lists = live.lists
    result = run(plan, racing)
    assert (racing.calls, result.accounts[0].outcome) == ([], AppliedOutcome.STALE)


def test_the_rescue_of_an_open_account_is_not_refused_by_the_ceiling_that_the_old_list_had() -> None:
    live = one(tuple(range(1, 11)))
    live.ceiling = 10
    live.after_write = {1: becomes()}
    result = run(planned(live, {"x": enforce(*range(10, 16))}), live)
    assert live.holds("x") == apps(*range(10, 16))
    assert result.outcome is Outcome.OPEN


def test_when_the_deadline_is_over_the_rest_is_not_tried_and_said_so() -> None:
    live = MemoryTenant([account("x", (1,)), account("y", (1,))])
    plan = planned(live, {"x": enforce(1, 2), "y": enforce(1, 2)})
    hands = Hands(live, live, live, MemoryJournal(), StandingClock(), TENANT, out_of_time=lambda: len(live.calls) >= 1)
    result = apply_plan(plan, "plan-1", hands, permits=Permits())
    assert [each.outcome for each in result.accounts] == [AppliedOutcome.DONE, AppliedOutcome.SKIPPED]
    assert result.outcome is Outcome.INCOMPLETE

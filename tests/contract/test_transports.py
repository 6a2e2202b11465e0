"""
What every way to Exchange must do, whichever it is.

Nothing here knows which wire it goes over: REST, WinRM with basic over https, WinRM with NTLM over encrypted http, the
system's ssh client to a real OpenSSH server, and a child process all end in the same tenant of the sandbox.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

import pytest
from contract.conftest import Open
from exchange_wire import MONITORING, PAYROLL, PAYROLL_V1, SCANNER
from transport_ways import EVERY_WAY, Caller, ImpatientClock, Stage

from hveadmin.domain.ids import Address, ObjectId
from hveadmin.domain.tenant import Known
from hveadmin.errors import (
    AlreadyThere,
    AuthError,
    CmdletFailed,
    Denied,
    NotFound,
    Refused,
    ServiceError,
    SessionLost,
    Throttled,
    TimedOut,
)
from hveadmin.exchange import cmdlet as cmdlets
from hveadmin.exchange.cmdlet import Cmdlet, CmdletName, allowed_apps, grant, list_accounts, revoke, settings_of
from hveadmin.exchange.gateway import ExchangeGateway
from hveadmin.exchange.transport import ReadOnly
from hveadmin.sandbox.faults import Fault, FaultKind

PAYROLL_ACCOUNT = Address.parse("hve-payroll@contoso.com")
SHOP_ACCOUNT = Address.parse("hve-shop@contoso.com")
OPEN_ACCOUNT = Address.parse("hve-alert-db@contoso.com")
FULL_ACCOUNT = Address.parse("hve-full@contoso.com")
HOSTILE_ACCOUNT = Address.parse("hve-hostile@contoso.com")
NOBODY = Address.parse("nobody@contoso.com")
APP, ANOTHER = ObjectId.parse(MONITORING), ObjectId.parse(PAYROLL)
NO_APP = ObjectId.parse("deadbeef-dead-4eef-8eef-deadbeef0001")

every_way = pytest.mark.parametrize("way", EVERY_WAY)


def there(stage: Stage, account: Address) -> set[str]:
    """What the service itself has on an account's list."""
    return set(stage.sandbox.tenant("contoso").account(account.value).allowed_apps)


def only(caller: Caller, seconds: float) -> None:
    """From now on there is this little time: opening a session first may take long on a busy machine."""
    caller.deadline.seconds = seconds
    caller.deadline.restart()


def known(*ids: str) -> Known:
    return Known(frozenset(map(ObjectId.parse, ids)))


# --- reading ------------------------------------------------------------------------------------------------------


@every_way
def test_a_listing_has_every_account_once(stage: Stage, open_way: Open, way: str) -> None:
    found = cmdlets.listed_accounts(open_way(way).run(list_accounts()))
    expected = stage.sandbox.tenant("contoso").accounts()
    assert [(each.address.value, each.display_name) for each in found] == [
        (each.address.lower(), each.display_name) for each in expected
    ]


@every_way
@pytest.mark.parametrize(
    "account", [PAYROLL_ACCOUNT, SHOP_ACCOUNT, FULL_ACCOUNT], ids=["three apps", "one app", "ten apps"]
)
def test_a_list_is_what_the_service_has(stage: Stage, open_way: Open, way: str, account: Address) -> None:
    assert allowed_apps(open_way(way).run(settings_of(account))) == known(*there(stage, account))


@every_way
def test_an_empty_list_is_empty_and_known(open_way: Open, way: str) -> None:
    assert allowed_apps(open_way(way).run(settings_of(OPEN_ACCOUNT))) == Known(frozenset())


@every_way
@pytest.mark.parametrize(
    ("rest", "powershell"),
    [
        ("collection_guid", "multi_valued_property"),
        ("collection_string", "object_array"),
        ("collection_string", "array_list"),
        ("guid_objects", "guid_array"),
        ("mixed_case_braces", "guid_list"),
        ("single_string", "single_string"),
        ("null_when_empty", "null_when_empty"),
    ],
)
def test_a_list_reads_the_same_in_every_shape(
    stage: Stage, open_way: Open, way: str, rest: str, powershell: str
) -> None:
    shapes = {"allowed_apps_shape": rest, "psrp_allowed_apps": powershell}
    stage.sandbox.set_switches(dataclasses.replace(stage.sandbox.switches, **shapes))  # type: ignore[arg-type]
    transport = open_way(way)
    for account in (PAYROLL_ACCOUNT, SHOP_ACCOUNT, OPEN_ACCOUNT):
        assert allowed_apps(transport.run(settings_of(account))) == known(*there(stage, account))


@every_way
def test_names_come_as_they_are_however_hostile(stage: Stage, open_way: Open, way: str) -> None:
    name = "Ψ \U0001f4e8 _x0041_ \u2018`$(Get-Date)\u2019; \"'<&>]]> \u202e \t é"
    document = stage.sandbox.store.all(stage.sandbox.tenants()[0].tenant_id, "account")
    chosen = next(each for each in document if each["primarySmtpAddress"] == HOSTILE_ACCOUNT.value)
    stage.sandbox.store.put(
        stage.sandbox.tenants()[0].tenant_id, "account", chosen["guid"], chosen | {"displayName": name}
    )
    found = cmdlets.listed_accounts(open_way(way).run(list_accounts()))
    assert {each.address: each.display_name for each in found}[HOSTILE_ACCOUNT] == name


@every_way
@pytest.mark.parametrize(
    "identity",
    [
        "nobody'; Remove-HVEAppAccess hve-shop@contoso.com",
        "$(Get-Date)",
        "\u2018quoted\u2019 \u201bas well\u201a",
        "a\nb\tc",
        "\U0001f4e8_x000A_",
        "-Confirm:$false",
        "x" * 40_000,
    ],
    ids=["a command", "an expression", "quotes", "lines", "emoji", "a parameter", "long"],
)
def test_a_parameter_is_a_value_and_never_a_command(stage: Stage, open_way: Open, way: str, identity: str) -> None:
    before = there(stage, SHOP_ACCOUNT)
    with pytest.raises(NotFound):
        open_way(way).run(Cmdlet(CmdletName.GET_HVE_ACCOUNT_SETTINGS, {"Identity": identity}))
    assert there(stage, SHOP_ACCOUNT) == before


@every_way
def test_a_thousand_accounts_come_whole(open_way: Open, reseed: Callable[[str], None], way: str) -> None:
    reseed("fleet:1x1000x2")
    found = cmdlets.listed_accounts(open_way(way).run(list_accounts()))
    assert len({each.guid for each in found}) == 1000


@every_way
def test_twenty_thousand_accounts_come_whole(open_way: Open, reseed: Callable[[str], None], way: str) -> None:
    reseed("fleet:1x20000x0")
    found = open_way(way, seconds=110).run(list_accounts())
    assert len({record["PrimarySmtpAddress"] for record in found}) == 20_000


@every_way
def test_many_reads_have_an_outcome_each_and_one_failure_spoils_no_other(
    stage: Stage, open_way: Open, way: str
) -> None:
    accounts = [
        PAYROLL_ACCOUNT,
        NOBODY,
        *(Address.parse(each.address) for each in stage.sandbox.tenant("contoso").accounts()),
    ]
    outcomes = dict(open_way(way).run_many([settings_of(each) for each in accounts]))
    assert sorted(outcomes) == list(range(len(accounts)))
    assert isinstance(outcomes.pop(1), NotFound)
    for place, outcome in outcomes.items():
        assert not isinstance(outcome, ServiceError)
        assert allowed_apps(outcome) == known(*there(stage, accounts[place]))


@every_way
def test_other_facts_are_read_too(open_way: Open, way: str) -> None:
    transport = open_way(way)
    assert transport.run(cmdlets.billing_policy_of(PAYROLL_ACCOUNT))[0]["BillingPolicyStatus"] == "BillingPolicyValid"
    for policy in transport.run(cmdlets.authentication_policies()):
        assert isinstance(policy["AllowBasicAuthSmtp"], bool)
    assert "DefaultAuthenticationPolicy" in transport.run(cmdlets.organization())[0]
    assert "AuthenticationPolicy" in transport.run(cmdlets.user_of(PAYROLL_ACCOUNT))[0]


@every_way
def test_a_gateway_reads_the_tenant_over_it(stage: Stage, open_way: Open, way: str) -> None:
    gateway = ExchangeGateway(open_way(way))
    accounts = [each.address for each in gateway.list_accounts()]
    assert dict(gateway.read_allowed(accounts)) == {each: known(*there(stage, each)) for each in accounts}


# --- writing ------------------------------------------------------------------------------------------------------


@every_way
def test_a_grant_adds_and_a_revoke_removes(stage: Stage, open_way: Open, way: str) -> None:
    transport, before = open_way(way), there(stage, SHOP_ACCOUNT)
    assert transport.run(grant(SHOP_ACCOUNT, [APP, ANOTHER])) == []
    assert there(stage, SHOP_ACCOUNT) == before | {MONITORING, PAYROLL}
    assert transport.run(revoke(SHOP_ACCOUNT, [APP])) == []
    assert there(stage, SHOP_ACCOUNT) == before | {PAYROLL}


@every_way
def test_a_grant_of_what_is_there_can_be_an_error_of_its_own_kind(stage: Stage, open_way: Open, way: str) -> None:
    stage.sandbox.set_switches(dataclasses.replace(stage.sandbox.switches, duplicates="error"))
    with pytest.raises(AlreadyThere) as caught:
        open_way(way).run(grant(PAYROLL_ACCOUNT, [ANOTHER]))
    assert not caught.value.outcome_unknown


@every_way
def test_the_eleventh_application_is_refused_and_nothing_changes(stage: Stage, open_way: Open, way: str) -> None:
    before = there(stage, FULL_ACCOUNT)
    new = next(each for each in (MONITORING, PAYROLL, PAYROLL_V1, SCANNER) if each not in before)
    with pytest.raises(CmdletFailed) as caught:
        open_way(way).run(grant(FULL_ACCOUNT, [ObjectId.parse(new)]))
    assert (len(before), caught.value.outcome_unknown) == (10, False)
    assert there(stage, FULL_ACCOUNT) == before


@every_way
def test_an_application_that_is_none_is_refused_and_named(stage: Stage, open_way: Open, way: str) -> None:
    before = there(stage, SHOP_ACCOUNT)
    with pytest.raises(CmdletFailed, match=NO_APP.value) as caught:
        open_way(way).run(grant(SHOP_ACCOUNT, [NO_APP]))
    assert not caught.value.outcome_unknown
    assert there(stage, SHOP_ACCOUNT) == before


@every_way
def test_a_reader_of_the_transport_cannot_write_and_nothing_is_sent(stage: Stage, open_way: Open, way: str) -> None:
    before = there(stage, SHOP_ACCOUNT)
    with pytest.raises(Refused):
        ReadOnly(open_way(way)).run(grant(SHOP_ACCOUNT, [APP]))
    assert there(stage, SHOP_ACCOUNT) == before
    assert stage.running.calls.count() == 0 and not stage.sandbox.remoting_processes()


@every_way
def test_writes_are_not_run_together(open_way: Open, way: str) -> None:
    with pytest.raises(ValueError, match="one by one"):
        list(open_way(way).run_many([settings_of(SHOP_ACCOUNT), grant(SHOP_ACCOUNT, [APP])]))


# --- refusals -----------------------------------------------------------------------------------------------------


@every_way
def test_what_is_not_there_is_not_found_with_exchanges_words(open_way: Open, way: str) -> None:
    with pytest.raises(NotFound, match=r"nobody@contoso\.com' couldn't be found") as caught:
        open_way(way).run(settings_of(NOBODY))
    error = caught.value
    assert (error.cmdlet, error.outcome_unknown) == ("Get-HVEAccountSettings", False)
    assert error.exception.endswith("ManagementObjectNotFoundException")
    assert error.request_id and error.server


@every_way
def test_who_may_only_read_is_denied_a_write(stage: Stage, open_way: Open, way: str) -> None:
    transport, before = open_way(way, role="reader"), there(stage, SHOP_ACCOUNT)
    assert len(transport.run(list_accounts())) == 14
    with pytest.raises(Denied) as caught:
        transport.run(grant(SHOP_ACCOUNT, [APP]))
    assert (caught.value.outcome, caught.value.outcome_unknown) == (Denied.outcome, False)
    assert there(stage, SHOP_ACCOUNT) == before


@every_way
def test_who_has_no_role_ends_in_the_exit_code_for_that(open_way: Open, way: str) -> None:
    with pytest.raises((Denied, AuthError)) as caught:
        open_way(way, role="nobody").run(list_accounts())
    assert caught.value.outcome is AuthError.outcome
    assert "role" in caught.value.hint


@every_way
@pytest.mark.parametrize(("role", "may_write"), [("operator", True), ("reader", False)])
def test_it_says_which_cmdlets_it_may_run(open_way: Open, way: str, role: str, may_write: bool) -> None:
    names = open_way(way, role=role).exported_cmdlets()
    assert {"Get-MailUser", "Get-HVEAccountSettings"} <= names
    assert ("Add-HVEAppAccess" in names, "Remove-HVEAppAccess" in names) == (may_write, may_write)


# --- trouble that passes, and trouble that does not ---------------------------------------------------------------


@every_way
@pytest.mark.parametrize("kind", [FaultKind.THROTTLE, FaultKind.UNAVAILABLE, FaultKind.TRANSIENT])
def test_a_read_waits_and_goes_again(stage: Stage, open_way: Open, way: str, kind: FaultKind) -> None:
    stage.sandbox.add_fault(Fault(kind, cmdlet="Get-MailUser"))
    clock = ImpatientClock()
    assert len(open_way(way, clock=clock).run(list_accounts())) == 14
    assert len(clock.slept) == 1


@every_way
def test_a_read_that_stays_throttled_says_so(stage: Stage, open_way: Open, way: str) -> None:
    stage.sandbox.add_fault(Fault(FaultKind.THROTTLE, cmdlet="Get-MailUser", times=None))
    with pytest.raises(Throttled, match=r"after \d tries") as caught:
        open_way(way).run(list_accounts())
    assert not caught.value.outcome_unknown


@every_way
@pytest.mark.parametrize("kind", [FaultKind.UNAVAILABLE, FaultKind.TRANSIENT])
def test_a_write_that_may_have_been_done_goes_once_and_says_so(
    stage: Stage, open_way: Open, way: str, kind: FaultKind
) -> None:
    stage.sandbox.add_fault(Fault(kind, cmdlet="Add-HVEAppAccess", times=2))
    with pytest.raises(ServiceError) as caught:
        open_way(way).run(grant(SHOP_ACCOUNT, [APP]))
    assert caught.value.outcome_unknown
    assert [each.times for each in stage.sandbox.faults()] == [1]


@every_way
def test_a_lost_answer_to_a_write_is_unknown_and_never_sent_again(stage: Stage, open_way: Open, way: str) -> None:
    stage.sandbox.add_fault(Fault(FaultKind.REPLY_LOST, cmdlet="Add-HVEAppAccess", times=2))
    transport = open_way(way)
    # A session that has been used is the one that a read would open again.
    transport.run(settings_of(SHOP_ACCOUNT))
    with pytest.raises(SessionLost) as caught:
        transport.run(grant(SHOP_ACCOUNT, [APP]))
    assert caught.value.outcome_unknown
    assert MONITORING in there(stage, SHOP_ACCOUNT)
    assert [each.times for each in stage.sandbox.faults()] == [1]


@every_way
def test_after_a_lost_write_the_list_can_be_read_back_over_the_same_transport(
    stage: Stage, open_way: Open, way: str
) -> None:
    stage.sandbox.add_fault(Fault(FaultKind.SESSION_LOST, cmdlet="Add-HVEAppAccess"))
    transport, before = open_way(way), there(stage, SHOP_ACCOUNT)
    with pytest.raises(SessionLost) as caught:
        transport.run(grant(SHOP_ACCOUNT, [APP]))
    assert caught.value.outcome_unknown
    assert allowed_apps(transport.run(settings_of(SHOP_ACCOUNT))) == known(*before)


@every_way
def test_a_read_that_finds_its_session_gone_goes_again(stage: Stage, open_way: Open, way: str) -> None:
    transport = open_way(way)
    transport.run(settings_of(SHOP_ACCOUNT))
    stage.sandbox.add_fault(Fault(FaultKind.SESSION_LOST, cmdlet="Get-MailUser"))
    assert len(transport.run(list_accounts())) == 14


@every_way
@pytest.mark.parametrize("asked", [list_accounts(), grant(SHOP_ACCOUNT, [APP])], ids=["a read", "a write"])
def test_a_call_that_hangs_ends_with_the_deadline(stage: Stage, open_way: Open, way: str, asked: Cmdlet) -> None:
    caller = Caller(stage)
    transport = open_way(way, caller=caller)
    transport.run(settings_of(SHOP_ACCOUNT))
    stage.sandbox.add_fault(Fault(FaultKind.HANG, cmdlet=asked.title, times=None))
    only(caller, 2)
    begun = time.monotonic()
    with pytest.raises(TimedOut) as caught:
        transport.run(asked)
    assert time.monotonic() - begun < 8
    assert caught.value.outcome_unknown is asked.writes
    assert MONITORING not in there(stage, SHOP_ACCOUNT)


@every_way
def test_after_a_call_that_hung_it_can_be_used_on(stage: Stage, way: str, open_way: Open) -> None:
    stage.sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Add-HVEAppAccess"))
    caller = Caller(stage)
    transport = open_way(way, caller=caller)
    transport.run(settings_of(SHOP_ACCOUNT))
    only(caller, 2)
    with pytest.raises(TimedOut):
        transport.run(grant(SHOP_ACCOUNT, [APP]))
    with caller.deadline.reserve(20):
        assert len(transport.run(list_accounts())) == 14


@every_way
def test_after_the_deadline_nothing_is_sent(stage: Stage, open_way: Open, way: str) -> None:
    with pytest.raises(TimedOut) as caught:
        open_way(way, seconds=0).run(grant(SHOP_ACCOUNT, [APP]))
    assert not caught.value.outcome_unknown
    assert stage.running.calls.count() == 0 and not stage.sandbox.remoting_processes()


@every_way
def test_a_slow_answer_is_waited_for(stage: Stage, open_way: Open, way: str) -> None:
    stage.sandbox.add_fault(Fault(FaultKind.LATENCY, cmdlet="Get-MailUser", seconds=1.5))
    assert len(open_way(way).run(list_accounts())) == 14


# --- its end ------------------------------------------------------------------------------------------------------


@every_way
def test_closing_twice_is_no_error(open_way: Open, way: str) -> None:
    transport = open_way(way)
    transport.run(list_accounts())
    transport.close()
    transport.close()


@every_way
def test_it_describes_itself_without_a_secret(stage: Stage, open_way: Open, way: str) -> None:
    caller = Caller(stage)
    transport = open_way(way)
    transport.run(settings_of(SHOP_ACCOUNT))
    said = transport.describe()
    assert said["transport"] == way.partition("-")[0]
    assert said["tenant"] == caller.tenant.value
    assert stage.sandbox.host_user.password_path.read_text().strip() not in str(said)
    assert "eyJ" not in str(said)


@every_way
def test_threads_may_share_it(stage: Stage, open_way: Open, way: str) -> None:
    transport, found = open_way(way), []

    def read(account: Address) -> None:
        found.append(allowed_apps(transport.run(settings_of(account))) == known(*there(stage, account)))

    accounts = [PAYROLL_ACCOUNT, SHOP_ACCOUNT, OPEN_ACCOUNT, FULL_ACCOUNT] * 3
    threads = [threading.Thread(target=read, args=(each,)) for each in accounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [True] * len(accounts)

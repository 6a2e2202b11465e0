"""The differences between hosts, each a switch; and what goes wrong on purpose, each a fault; as pypsrp meets them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress

import pytest
import requests
from exchange_wire import PAYROLL
from management_host import WinRmClient, begin, call, connect, error_of
from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import RunspacePool

from hveadmin.sandbox.faults import CONCURRENCY_TEXT, Fault, FaultKind, Surface

SHOP = "hve-shop@contoso.com"


def allowed(host: WinRmClient) -> tuple[str, ...]:
    return host.sandbox.tenant("contoso").account(SHOP).allowed_apps


# --- switches -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "failed_with", "in_stream"),
    [("state", 1, 0), ("stream", 0, 1), ("both", 1, 1)],
)
def test_a_failed_pipeline_tells_its_error_where_the_switch_says(
    host: WinRmClient, switch: Callable[..., None], how: str, failed_with: int, in_stream: int
) -> None:
    switch(psrp_failure=how)
    with host.exchange() as pool:
        shell = call(pool, "Get-HVEAccountSettings", Identity="nobody", ErrorAction="Stop")
    assert shell.had_errors
    assert len(shell.streams.error) == failed_with + in_stream


def test_error_records_come_with_and_without_their_text_as_a_whole(
    host: WinRmClient, switch: Callable[..., None]
) -> None:
    with host.exchange() as pool:
        texts: list[str | None] = []
        for wanted in (True, False):
            switch(psrp_error_to_string=wanted)
            (record,) = call(pool, "Get-HVEAccountSettings", Identity="nobody").streams.error
            texts.append(record._to_string)
    assert str(texts[0]).startswith("Ex6F9304|")
    assert texts[1] is None


def test_a_stray_progress_record_comes_before_the_output(host: WinRmClient, switch: Callable[..., None]) -> None:
    switch(psrp_progress=True)
    with host.exchange() as pool:
        shell = call(pool, "Get-MailUser", HVEAccount=True)
    assert (len(shell.streams.progress), len(shell.output)) == (1, 14)


@pytest.mark.parametrize("opening", ["together", "one_by_one"])
@pytest.mark.parametrize("mark", [True, False])
def test_a_session_works_however_it_opens_and_whatever_marks_its_messages(
    host: WinRmClient, switch: Callable[..., None], opening: str, mark: bool
) -> None:
    switch(psrp_opening=opening, psrp_byte_order_mark=mark)
    with host.exchange() as pool:
        assert len(call(pool, "Get-MailUser", HVEAccount=True).output) == 14
    assert host.running.calls.count(Surface.PSRP) >= (7 if opening == "one_by_one" else 5)


def test_opening_one_by_one_takes_more_requests(host: WinRmClient, switch: Callable[..., None]) -> None:
    counts = []
    for opening in ("together", "one_by_one"):
        switch(psrp_opening=opening)
        host.running.calls.clear()
        with host.exchange():
            counts.append(host.running.calls.count(Surface.PSRP))
    assert counts == [2, 4]


# --- faults of calls ----------------------------------------------------------------------------------------------


def test_a_host_that_hangs_answers_only_that_time_is_up(host: WinRmClient) -> None:
    host.sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Add-HVEAppAccess"))
    with host.exchange() as pool:
        shell = begin(pool, "Add-HVEAppAccess", Identity=SHOP, AppIds=[uuid.UUID(PAYROLL)])
        begun = time.monotonic()
        shell.poll_invoke(timeout=1)
        assert 0.9 < time.monotonic() - begun < 5
        assert shell.state == PSInvocationState.RUNNING
        shell.stop()
    assert PAYROLL not in allowed(host)
    assert host.running.shells.now.pipelines_running == 0


def test_a_slow_call_is_waited_for(host: WinRmClient) -> None:
    host.sandbox.add_fault(Fault(FaultKind.LATENCY, cmdlet="Get-MailUser", seconds=0.3))
    with host.exchange() as pool:
        begun = time.monotonic()
        assert len(call(pool, "Get-MailUser", HVEAccount=True).output) == 14
        assert time.monotonic() - begun >= 0.3


def test_a_fault_for_an_account_strikes_it_by_any_of_its_names(host: WinRmClient) -> None:
    host.sandbox.add_fault(Fault(FaultKind.TRANSIENT, account=SHOP, times=None))
    with host.exchange() as pool:
        assert call(pool, "Get-HVEAccountSettings", Identity="hve-shop").streams.error
        assert not call(pool, "Get-HVEAccountSettings", Identity="hve-crm@contoso.com").streams.error


def test_a_lost_shell_is_gone_and_nothing_was_done(host: WinRmClient) -> None:
    host.sandbox.add_fault(Fault(FaultKind.SESSION_LOST, cmdlet="Add-HVEAppAccess"))
    with host.wsman() as wsman:
        pool = RunspacePool(wsman, configuration_name="HVEAdmin")
        pool.open()
        with pytest.raises(WSManFaultError) as caught:
            call(pool, "Add-HVEAppAccess", Identity=SHOP, AppIds=[uuid.UUID(PAYROLL)])
        assert caught.value.code == 2150858843
        with pytest.raises(WSManFaultError) as again:
            call(pool, "Get-MailUser", HVEAccount=True)
        assert again.value.code == 2150858843
    assert PAYROLL not in allowed(host)
    assert host.running.shells.now.shells_open == 0


def test_a_lost_answer_breaks_the_connection_after_the_change_was_made(host: WinRmClient) -> None:
    host.sandbox.add_fault(Fault(FaultKind.REPLY_LOST, cmdlet="Add-HVEAppAccess"))
    with suppress(WSManFaultError), host.exchange() as pool, pytest.raises(requests.ConnectionError):
        call(pool, "Add-HVEAppAccess", Identity=SHOP, AppIds=[uuid.UUID(PAYROLL)])
    assert PAYROLL in allowed(host)
    assert host.running.shells.now.shells_open == 0


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (FaultKind.THROTTLE, f"HttpStatusCode=429 ErrorMessage={CONCURRENCY_TEXT}"),
        (FaultKind.UNAVAILABLE, "HttpStatusCode=503 ErrorMessage=Service Unavailable"),
        (FaultKind.NUL_BYTES, "HttpStatusCode=403 ErrorMessage="),
    ],
)
def test_the_services_trouble_comes_as_the_modules_error(host: WinRmClient, kind: FaultKind, text: str) -> None:
    host.sandbox.add_fault(Fault(kind, cmdlet="Get-MailUser"))
    with host.exchange() as pool:
        assert error_of(call(pool, "Get-MailUser", HVEAccount=True))[0] == f"Error while querying REST service. {text}"
        assert len(call(pool, "Get-MailUser", HVEAccount=True).output) == 14


def test_a_transient_error_names_the_exception_that_was_asked_for(host: WinRmClient) -> None:
    name = "Microsoft.Exchange.Configuration.Tasks.SomethingException"
    host.sandbox.add_fault(Fault(FaultKind.TRANSIENT, cmdlet="Get-MailUser", exception=name))
    with host.exchange() as pool:
        assert error_of(call(pool, "Get-MailUser", HVEAccount=True))[0].startswith(f"|{name}|")


def test_connecting_can_go_wrong_too(host: WinRmClient) -> None:
    host.sandbox.add_fault(Fault(FaultKind.UNAVAILABLE, cmdlet="Connect-ExchangeOnline"))
    with host.pool() as pool:
        assert "HttpStatusCode=503" in error_of(connect(pool, ManagedIdentity=True))[0]
        assert not connect(pool, ManagedIdentity=True).streams.error


@pytest.mark.parametrize("kind", [FaultKind.HALF_PAGE, FaultKind.HTML, FaultKind.CUT_SHORT])
def test_what_spoils_an_http_body_does_not_reach_this_wire(host: WinRmClient, kind: FaultKind) -> None:
    host.sandbox.add_fault(Fault(kind, cmdlet="Get-MailUser"))
    with host.exchange() as pool:
        assert len(call(pool, "Get-MailUser", HVEAccount=True).output) == 14


@pytest.mark.parametrize(("surface", "strikes"), [(Surface.EXCHANGE, False), (Surface.PSRP, True), (None, True)])
def test_a_fault_strikes_the_surface_that_it_names(host: WinRmClient, surface: Surface | None, strikes: bool) -> None:
    host.sandbox.add_fault(Fault(FaultKind.UNAVAILABLE, surface, cmdlet="Get-MailUser"))
    with host.exchange() as pool:
        assert bool(call(pool, "Get-MailUser", HVEAccount=True).streams.error) is strikes
    host.sandbox.clear_faults()


# --- faults of requests -------------------------------------------------------------------------------------------


def test_a_front_end_in_between_may_answer_in_its_own_words(host: WinRmClient) -> None:
    host.sandbox.add_fault(Fault(FaultKind.UNAVAILABLE, Surface.PSRP))
    # pypsrp takes any answer that is XML, such as this web page, for a fault; one without details.
    with pytest.raises(WSManFaultError, match="No details") as caught, host.exchange():
        pass
    assert caught.value.code is None


def test_a_connection_may_break_before_anything_is_done(host: WinRmClient) -> None:
    host.sandbox.add_fault(Fault(FaultKind.SESSION_LOST, Surface.PSRP))
    with pytest.raises(requests.ConnectionError), host.exchange():
        pass
    assert host.running.shells.now.shells_opened == 0


def test_a_host_may_not_answer_at_all(host: WinRmClient) -> None:
    host.sandbox.add_fault(Fault(FaultKind.HANG, Surface.PSRP))
    with pytest.raises(requests.ReadTimeout), host.exchange(read_timeout=1):
        pass


def test_an_encrypted_session_whose_connection_was_dropped_has_to_sign_in_again(host: WinRmClient) -> None:
    with host.exchange(ssl=False, auth="ntlm") as pool:
        call(pool, "Get-MailUser", HVEAccount=True)
        pool.connection.close()
        with pytest.raises(Exception, match=r"(?i)authenticate|unwrap|signature|decrypt|response"):
            call(pool, "Get-MailUser", HVEAccount=True)
        pool.connection.transport.session = None
        pool.connection.transport.encryption = None
        assert len(call(pool, "Get-MailUser", HVEAccount=True).output) == 14


def test_a_server_that_stops_waits_for_no_pipeline(host: WinRmClient) -> None:
    host.sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Get-MailUser"))
    with host.sandbox.serve() as running:
        other = WinRmClient(host.sandbox, running)
        pool = RunspacePool(other.wsman(), configuration_name="HVEAdmin")
        pool.open()
        begin(pool, "Get-MailUser", HVEAccount=True)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    assert running.shells.now.shells_open == 1
    pool.connection.close()

"""What goes wrong on purpose, over real sockets; and that it is counted, matched and read as documented."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import httpx2
import pytest
from exchange_wire import PAYROLL, Wire, by_id, raw
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from hveadmin.errors import UsageError
from hveadmin.sandbox.faults import (
    CONCURRENCY_TEXT,
    Fault,
    FaultBook,
    FaultKind,
    Surface,
    Switches,
    expose,
    read_switches,
    write_switches,
)
from hveadmin.sandbox.seed import CONTOSO
from hveadmin.sandbox.server import Sandbox

SETTINGS = "Get-HVEAccountSettings"
SHOP = {"Identity": "hve-shop@contoso.com"}
ADD = {"Identity": "hve-shop@contoso.com", "AppIds": [PAYROLL]}
DISCOVERY = f"/{CONTOSO}/v2.0/.well-known/openid-configuration"
ORGANISATION = "/v1.0/organization"

BROKEN = (httpx2.RemoteProtocolError, httpx2.ReadError)


def settings(wire: Wire) -> httpx2.Response:
    return wire.invoke(SETTINGS, SHOP)


# --- what a client sees -------------------------------------------------------------------------------------------


def test_exchange_throttles_in_plain_text(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.THROTTLE, Surface.EXCHANGE, retry_after=1.5))
    reply = settings(wire)
    assert (reply.status_code, reply.headers["retry-after"], reply.text) == (429, "1.5", CONCURRENCY_TEXT)
    assert reply.headers["content-type"].startswith("text/plain")
    assert settings(wire).status_code == 200


def test_throttling_may_say_nothing_of_when_to_come_back(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.THROTTLE))
    reply = settings(wire)
    assert (reply.status_code, "retry-after" in reply.headers) == (429, False)


def test_graph_and_entra_throttle_in_words_of_their_own(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.THROTTLE, Surface.GRAPH, retry_after=2.128))
    wire.sandbox.add_fault(Fault(FaultKind.THROTTLE, Surface.ENTRA))
    graph, entra = wire.http.get(ORGANISATION), wire.http.get(DISCOVERY)
    assert (graph.status_code, graph.headers["retry-after"]) == (429, "2.128")
    assert graph.json()["error"]["code"] == "TooManyRequests"
    assert (entra.status_code, entra.json()["error"]) == (429, "temporarily_unavailable")
    assert settings(wire).status_code == 200


@pytest.mark.parametrize(
    ("kind", "status"), [(FaultKind.UNAVAILABLE, 503), (FaultKind.HTML, 200)], ids=lambda each: str(each)
)
def test_a_front_end_answers_in_html(wire: Wire, kind: FaultKind, status: int) -> None:
    wire.sandbox.add_fault(Fault(kind, Surface.EXCHANGE))
    reply = wire.invoke("Add-HVEAppAccess", ADD)
    assert (reply.status_code, reply.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert reply.text.startswith("<!DOCTYPE html>")
    assert PAYROLL not in wire.apps("hve-shop")


@pytest.mark.parametrize(("status", "code"), [(500, "InternalServerError"), (400, "BadRequest")])
def test_a_transient_exception_is_named(wire: Wire, status: int, code: str) -> None:
    name = "Microsoft.Exchange.Data.Storage.StorageTransientException"
    wire.sandbox.add_fault(Fault(FaultKind.TRANSIENT, cmdlet="add-hveappaccess", exception=name, status=status))
    reply = wire.invoke("Add-HVEAppAccess", ADD)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], reply.headers["x-exceptiontype"]) == (status, code, name)
    assert error["details"][0]["message"].split("|")[1] == name
    assert error["innererror"]["internalexception"]["type"] == name
    assert PAYROLL not in wire.apps("hve-shop")


def test_nul_bytes_claim_to_be_gzip(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.NUL_BYTES))
    with wire.http.stream("GET", ORGANISATION) as reply:
        assert (reply.status_code, reply.headers["content-encoding"], set(raw(reply))) == (403, "gzip", {0})


def test_half_a_page_looks_like_a_whole_one_to_http(wire: Wire) -> None:
    whole = settings(wire).content
    wire.sandbox.add_fault(Fault(FaultKind.HALF_PAGE))
    half = settings(wire)
    assert half.status_code == 200
    assert int(half.headers["content-length"]) == len(half.content) == len(whole) // 2
    assert whole.startswith(half.content)
    with pytest.raises(json.JSONDecodeError):
        half.json()


def test_an_answer_that_is_cut_short_promised_more(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.CUT_SHORT))
    with pytest.raises(BROKEN), wire.http.stream("GET", DISCOVERY) as reply:
        assert reply.status_code == 200
        reply.read()


@pytest.mark.parametrize("matcher", [{}, {"cmdlet": "Add-HVEAppAccess"}, {"account": "HVE-shop@contoso.com"}])
def test_a_reply_that_is_lost_was_executed(wire: Wire, matcher: dict[str, Any]) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.REPLY_LOST, **matcher))
    with pytest.raises(BROKEN):
        wire.invoke("Add-HVEAppAccess", ADD)
    assert PAYROLL in wire.apps("hve-shop")
    assert settings(wire).status_code == 200


def test_a_request_that_hangs_was_not_executed(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.HANG, Surface.EXCHANGE))
    with pytest.raises(httpx2.ReadTimeout):
        wire.http.post(
            f"/adminapi/beta/{CONTOSO}/InvokeCommand",
            json={"CmdletInput": {"CmdletName": "Add-HVEAppAccess", "Parameters": ADD}},
            headers=wire.headers(),
            timeout=0.3,
        )
    assert PAYROLL not in wire.apps("hve-shop")


def test_latencies_add_up_and_then_the_answer_is_good(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.LATENCY, seconds=0.1))
    wire.sandbox.add_fault(Fault(FaultKind.LATENCY, cmdlet=SETTINGS, seconds=0.15))
    begin = time.monotonic()
    assert settings(wire).status_code == 200
    assert time.monotonic() - begin >= 0.25


def test_a_slow_request_does_not_hold_up_the_others(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.LATENCY, seconds=5, account="hve-shop@contoso.com"))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(wire.http.post, f"/adminapi/beta/{CONTOSO}/InvokeCommand", **_slow(wire))
        begin = time.monotonic()
        assert wire.invoke(SETTINGS, {"Identity": "hve-crm"}).status_code == 200
        assert time.monotonic() - begin < 2
        with pytest.raises(httpx2.ReadTimeout):
            slow.result()


def _slow(wire: Wire) -> dict[str, Any]:
    body = {"CmdletInput": {"CmdletName": SETTINGS, "Parameters": SHOP}}
    return {"json": body, "headers": wire.headers(), "timeout": 0.5}


def test_a_redirect_leads_elsewhere(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.REDIRECT, Surface.EXCHANGE, location="https://elsewhere.example/x"))
    reply = settings(wire)
    assert (reply.status_code, reply.headers["location"]) == (302, "https://elsewhere.example/x")


def test_a_continuation_may_point_to_another_host(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.FOREIGN_LINK, Surface.EXCHANGE, location="evil.example"))
    page = wire.invoke("Get-MailUser", {"HVEAccount": True}, headers=wire.headers(Prefer="odata.maxpagesize=4"))
    assert page.json()["@odata.nextLink"].startswith(f"https://evil.example/adminapi/beta/{CONTOSO}/InvokeCommand?")
    assert len(page.json()["value"]) == 4


# --- inside a batch -----------------------------------------------------------------------------------------------

FOUR = [(SETTINGS, {"Identity": each}) for each in ("hve-shop", "hve-crm", "hve-lab", "hve-noc")]


@pytest.mark.parametrize(
    ("fault", "status", "holds"),
    [
        (Fault(FaultKind.THROTTLE, account="hve-crm@contoso.com"), 429, CONCURRENCY_TEXT),
        (Fault(FaultKind.UNAVAILABLE, account="hve-crm@contoso.com"), 503, "<html>"),
        (Fault(FaultKind.NUL_BYTES, account="hve-crm@contoso.com"), 403, "\x00"),
        (Fault(FaultKind.HTML, account="hve-crm@contoso.com"), 200, "Sign in"),
        (Fault(FaultKind.HALF_PAGE, account="hve-crm@contoso.com"), 200, "@odata.context"),
    ],
    ids=lambda each: each.kind.value if isinstance(each, Fault) else "",
)
def test_a_fault_of_one_account_strikes_its_item_alone(wire: Wire, fault: Fault, status: int, holds: str) -> None:
    wire.sandbox.add_fault(fault)
    answers = by_id(wire.batch(*FOUR))
    assert {key: each["status"] for key, each in answers.items()} == {"0": 200, "1": status, "2": 200, "3": 200}
    assert isinstance(answers["1"]["body"], str)
    assert holds in answers["1"]["body"]
    assert by_id(wire.batch(*FOUR))["1"]["body"]["value"]


def test_a_throttled_item_says_when_to_come_back(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.THROTTLE, cmdlet=SETTINGS, retry_after=0.5, times=2))
    answers = by_id(wire.batch(*FOUR))
    assert sorted(each["status"] for each in answers.values()) == [200, 200, 429, 429]
    throttled = [each for each in answers.values() if each["status"] == 429]
    assert all(each["headers"]["retry-after"] == "0.5" for each in throttled)


def test_a_lost_item_loses_the_batch_and_what_came_before_is_done(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.REPLY_LOST, account="hve-crm@contoso.com"))
    adds = [
        ("Add-HVEAppAccess", {"Identity": each, "AppIds": [PAYROLL]}) for each in ("hve-shop", "hve-crm", "hve-noc")
    ]
    with pytest.raises(BROKEN):
        wire.batch(*adds)
    done = {each: PAYROLL in wire.apps(each) for each in ("hve-shop", "hve-crm", "hve-noc")}
    assert done == {"hve-shop": True, "hve-crm": True, "hve-noc": False}


def test_a_fault_on_the_path_strikes_the_batch_as_a_whole(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.UNAVAILABLE, path="$BATCH"))
    assert settings(wire).status_code == 200
    assert wire.batch(*FOUR).status_code == 503


# --- matching and counting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "identity", ["hve-crm@contoso.com", "HVE-CRM@contoso.com", "hve-crm"], ids=["address", "case", "alias"]
)
def test_an_account_is_meant_however_it_is_named(wire: Wire, identity: str) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.UNAVAILABLE, account="hve-crm@contoso.com"))
    assert wire.invoke(SETTINGS, {"Identity": "hve-shop"}).status_code == 200
    assert wire.invoke(SETTINGS, {"identity": identity}).status_code == 503


def test_cmdlet_and_account_must_both_match(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.UNAVAILABLE, cmdlet="Add-HVEAppAccess", account="hve-shop@contoso.com"))
    assert settings(wire).status_code == 200
    assert wire.invoke("Add-HVEAppAccess", ADD | {"Identity": "hve-crm"}).status_code == 200
    assert wire.invoke("Add-HVEAppAccess", ADD).status_code == 503


def test_a_fault_strikes_as_often_as_it_says(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.UNAVAILABLE, Surface.EXCHANGE, times=3))
    assert [settings(wire).status_code for _ in range(5)] == [503, 503, 503, 200, 200]
    assert wire.sandbox.faults() == []


def test_a_fault_may_strike_for_ever_until_it_is_cleared(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.UNAVAILABLE, Surface.EXCHANGE, times=None))
    assert [settings(wire).status_code for _ in range(5)] == [503] * 5
    wire.sandbox.clear_faults()
    assert settings(wire).status_code == 200


def test_the_first_that_was_added_is_played_and_the_next_one_waits(wire: Wire) -> None:
    wire.sandbox.add_fault(Fault(FaultKind.UNAVAILABLE, Surface.EXCHANGE))
    wire.sandbox.add_fault(Fault(FaultKind.HTML, Surface.EXCHANGE))
    assert [settings(wire).status_code for _ in range(2)] == [503, 200]
    assert settings(wire).json()["value"][0]["AllowedApps"]


def test_equal_faults_count_down_one_after_the_other(sandbox: Sandbox) -> None:
    book = FaultBook(sandbox.store)
    for _ in range(2):
        book.add(Fault(FaultKind.HTML))
    assert [len(book.take_for_request(Surface.GRAPH, "/v1.0/users")) for _ in range(3)] == [1, 1, 0]


def test_a_fault_for_calls_does_not_strike_other_requests(sandbox: Sandbox) -> None:
    book = FaultBook(sandbox.store)
    book.add(Fault(FaultKind.HTML, cmdlet=SETTINGS, times=None))
    assert book.take_for_request(Surface.EXCHANGE, f"/adminapi/beta/{CONTOSO}/InvokeCommand") == []
    assert len(book.take_for_call("/adminapi/beta/x/InvokeCommand", SETTINGS.upper(), "")) == 1


def test_a_fault_in_front_of_the_service_never_reaches_it() -> None:
    executed = []

    async def genuine() -> Response:
        executed.append(True)
        return Response(b'{"value": []}')

    async def never() -> dict[str, Any]:
        raise AssertionError("nothing is to be received")

    in_front = {FaultKind.THROTTLE, FaultKind.UNAVAILABLE, FaultKind.TRANSIENT, FaultKind.NUL_BYTES, FaultKind.HTML}
    in_front |= {FaultKind.HANG, FaultKind.REDIRECT, FaultKind.SESSION_LOST}
    for kind in set(FaultKind) - {FaultKind.LATENCY}:
        executed.clear()
        asyncio.run(expose([Fault(kind, location="x.example")], Surface.EXCHANGE, never, genuine))
        assert len(executed) == (0 if kind in in_front else 1), kind


@pytest.mark.parametrize(
    ("path", "surface"),
    [
        ("/adminapi/beta/x/InvokeCommand", Surface.EXCHANGE),
        ("/AdminApi/v1.0/x/EXOModuleFile", Surface.EXCHANGE),
        ("/v1.0/users", Surface.GRAPH),
        ("/v1.0/$batch", Surface.GRAPH),
        ("/contoso.com/oauth2/v2.0/token", Surface.ENTRA),
        ("/", Surface.ENTRA),
    ],
)
def test_a_path_belongs_to_a_surface(path: str, surface: Surface) -> None:
    assert Surface.of(path) is surface


# --- read from text and JSON --------------------------------------------------------------------------------------

_FAULTS = st.builds(
    Fault,
    kind=st.sampled_from(FaultKind),
    surface=st.none() | st.sampled_from(Surface),
    path=st.sampled_from(["", "$batch"]),
    account=st.sampled_from(["", "hve-shop@contoso.com"]),
    times=st.none() | st.integers(1, 9),
    seconds=st.floats(0, 60),
    retry_after=st.none() | st.floats(0, 60),
    location=st.just("x.example"),
)


@given(_FAULTS)
def test_a_fault_is_read_back_from_json_and_from_text(fault: Fault) -> None:
    values = asdict(fault)
    assert Fault.parse(json.loads(json.dumps(values))) == fault
    assert Fault.parse({name: "" if value is None else str(value) for name, value in values.items()}) == fault


def test_switches_are_read_back_from_the_store(sandbox: Sandbox) -> None:
    changed = Switches(not_found_status=400, validate_ids=False, propagation_seconds=300, empty_list="closed")
    write_switches(sandbox.store, changed)
    assert read_switches(sandbox.store) == changed


def test_switches_are_read_from_text() -> None:
    texts = {"not_found_status": "400", "validate_ids": "False", "propagation_seconds": "7", "duplicates": "WARN"}
    wanted = Switches(not_found_status=400, validate_ids=False, propagation_seconds=7, duplicates="warn")
    assert Switches.parse(texts) == wanted


@pytest.mark.parametrize(
    ("parse", "values", "says"),
    [
        (Switches.parse, {"colour": "red"}, "'colour' is no switch"),
        (Switches.parse, {"not_found_status": 500}, "not_found_status cannot be '500'"),
        (Switches.parse, {"validate_ids": "perhaps"}, "validate_ids cannot be 'perhaps'"),
        (Switches.parse, {"propagation_seconds": 301}, "0 to 300"),
        (Fault.parse, {}, "'kind' is missing"),
        (Fault.parse, {"kind": "meteor"}, "kind cannot be 'meteor'"),
        (Fault.parse, {"kind": "hang", "times": 0}, "at least once"),
        (Fault.parse, {"kind": "redirect"}, "needs a location"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    parse: Callable[[dict[str, object]], object], values: dict[str, object], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        parse(values)


def test_a_refused_value_lists_what_there_is() -> None:
    with pytest.raises(UsageError) as error:
        Fault.parse({"kind": "meteor"})
    assert all(kind.value in error.value.hint for kind in FaultKind)

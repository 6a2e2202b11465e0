from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from builders import TENANT, address, app, apps
from exchange import recorded
from loopback import Act, Drip, Hang, Loopback, Raw, Say, Seen, SkippingClock, Tokens

from hveadmin.domain.ids import Address
from hveadmin.domain.tenant import AllowedApps, Known, Unknown
from hveadmin.errors import (
    AuthError,
    CmdletFailed,
    Denied,
    NotFound,
    ServiceError,
    SessionLost,
    Throttled,
    TimedOut,
    UnreadableReply,
)
from hveadmin.exchange.cmdlet import grant, list_accounts, revoke, settings_of
from hveadmin.exchange.gateway import ExchangeGateway
from hveadmin.exchange.rest import MAX_PAGES

if TYPE_CHECKING:
    from exchange.conftest import Connect

INVOKE = f"/adminapi/beta/{TENANT}/InvokeCommand"
BATCH = f"/adminapi/beta/{TENANT}/$batch"
ANCHOR = f"APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{TENANT}"
PAYROLL = address("payroll")
DONE = Say(json={"value": []})
CHALLENGE = {"WWW-Authenticate": 'Bearer claims="e30="'}

Member = dict[str, object]


def accounts(count: int) -> list[Address]:
    return [address(f"{number:03}") for number in range(count)]


def identity(request: Member) -> str:
    """Whose settings a member of a batch asks for."""
    body = request["body"]
    assert isinstance(body, dict)
    return str(body["CmdletInput"]["Parameters"]["Identity"])


def members(seen: Seen) -> list[Member]:
    found = seen.json()["requests"]
    assert isinstance(found, list)
    return found


def settings(name: str) -> dict[str, object]:
    """An account's list holds one application, with the number in its name."""
    return {"value": [{"Identity": name, "AllowedApps": [app(int(name[4:7])).value]}]}


def good(request: Member) -> Member:
    return {"id": request["id"], "status": 200, "headers": {}, "body": settings(identity(request))}


def batch(answer: Callable[[Member], Member | None] = good, *, reverse: bool = False) -> Callable[[Seen], Say]:
    """A service that answers each member of a batch so, or, alone, with its settings."""

    def act(seen: Seen) -> Say:
        if seen.target != BATCH:
            return Say(json=settings(identity({"body": seen.json()})))
        responses = [said for said in map(answer, members(seen)) if said is not None]
        return Say(json={"responses": responses[::-1] if reverse else responses})

    return act


def read(connect: Connect, service: Loopback, count: int, **options: object) -> dict[Address, AllowedApps]:
    gateway = ExchangeGateway(connect(service, **options))  # type: ignore[arg-type]
    found = list(gateway.read_allowed(accounts(count)))
    assert len(found) == count
    return dict(found)


def right(count: int) -> dict[Address, AllowedApps]:
    return {account: Known(apps(number)) for number, account in enumerate(accounts(count))}


# One cmdlet


def test_a_cmdlet_is_sent_as_the_official_module_sends_it(connect: Connect) -> None:
    with Loopback(DONE) as service:
        connect(service).run(revoke(PAYROLL, apps(1)))
    seen = service.seen[0]
    assert (seen.method, seen.target) == ("POST", INVOKE)
    assert seen.json() == {
        "CmdletInput": {
            "CmdletName": "Remove-HVEAppAccess",
            "Parameters": {"Identity": PAYROLL.value, "AppIds": [app(1).value], "Confirm": False},
        }
    }
    expected = {
        "authorization": "Bearer first-token",
        "content-type": "application/json",
        "accept": "application/json",
        "accept-language": "en-US",
        "prefer": "odata.maxpagesize=1000",
        "x-anchormailbox": ANCHOR,
        "x-cmdletname": "Remove-HVEAppAccess",
        "x-responseformat": "json",
    }
    assert {name: seen.headers[name] for name in expected} == expected


def test_a_request_has_an_id_of_its_own_and_the_connection_one_for_all(connect: Connect) -> None:
    with Loopback(DONE) as service:
        transport = connect(service)
        transport.run(list_accounts())
        transport.run(list_accounts())
    first, second = (seen.headers for seen in service.seen)
    assert first["client-request-id"] != second["client-request-id"]
    assert first["connection-id"] == second["connection-id"]


def test_it_describes_itself_without_a_secret(connect: Connect) -> None:
    with Loopback(DONE) as service:
        assert connect(service).describe() == {
            "transport": "rest",
            "endpoint": service.base_url,
            "tenant": TENANT.value,
        }


@pytest.mark.parametrize("say", [DONE, Say(204), Say(200), Say(json={}), Say(json={"value": None})])
def test_a_setter_is_done_however_little_it_says(connect: Connect, say: Say) -> None:
    with Loopback(say) as service:
        assert connect(service).run(grant(PAYROLL, apps(1))) in ((), [])


def test_a_setter_is_not_sent_again_to_follow_a_link(connect: Connect) -> None:
    with Loopback(paged([], [])) as service:
        connect(service).run(grant(PAYROLL, apps(1)))
    assert len(service.seen) == 1


@pytest.mark.parametrize(
    ("say", "error", "unknown"),
    [
        (Say(503), CmdletFailed, True),
        (Say(200, body=b"<html>"), UnreadableReply, True),
        (Say(200, body=b'{"value": ['), UnreadableReply, True),
        (Say(404, body=recorded.body("not_found.json").encode()), NotFound, False),
        (Say(403, body=bytes(160), headers={"Content-Encoding": "gzip"}), Denied, False),
        (Raw(b""), SessionLost, True),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"), SessionLost, True),
    ],
)
def test_a_write_that_fails_is_sent_once_and_says_whether_it_may_have_been_done(
    connect: Connect, say: Act, error: type[ServiceError], unknown: bool
) -> None:
    with Loopback(say) as service, pytest.raises(error) as caught:
        connect(service).run(grant(PAYROLL, apps(1)))
    assert caught.value.outcome_unknown is unknown
    assert len(service.seen) == 1


def test_a_write_without_an_answer_in_time_may_have_been_done(connect: Connect) -> None:
    with Loopback(Hang()) as service, pytest.raises(TimedOut) as caught:
        connect(service, seconds=0.4).run(grant(PAYROLL, apps(1)))
    assert caught.value.outcome_unknown
    assert len(service.seen) == 1


def test_a_transient_exception_is_tried_again_when_reading(connect: Connect) -> None:
    busy = Say(400, body=recorded.body("transient.json").encode())
    with Loopback(busy, busy, DONE) as service:
        assert connect(service, clock=SkippingClock(), seconds=60).run(list_accounts()) == []
    assert len(service.seen) == 3


def test_a_401_that_stays_names_the_missing_permission(connect: Connect) -> None:
    with Loopback(Say(401, headers=CHALLENGE)) as service, pytest.raises(AuthError) as caught:
        connect(service).run(list_accounts())
    assert "Exchange.ManageAsApp" in caught.value.hint
    assert len(service.seen) == 2


# Pages


def paged(*pages: object) -> Callable[[Seen], Say]:
    """A listing in pages: the link of each leads to the next; a Say is answered as it is."""

    def act(seen: Seen) -> Say:
        number = int(seen.target.partition("%24skiptoken=")[2] or 0)
        page = pages[number]
        if isinstance(page, Say):
            return page
        link = f"http://{seen.headers['host']}{INVOKE}?%24skiptoken={number + 1}"
        return Say(json={"value": page, **({"@odata.nextLink": link} if number + 1 < len(pages) else {})})

    return act


def test_pages_are_asked_for_with_the_same_body_and_anchor(connect: Connect) -> None:
    with Loopback(paged([{"A": 1}], [{"A": 2}], [{"A": 3}])) as service:
        assert connect(service).run(list_accounts()) == [{"A": 1}, {"A": 2}, {"A": 3}]
    assert [seen.target for seen in service.seen] == [INVOKE, f"{INVOKE}?%24skiptoken=1", f"{INVOKE}?%24skiptoken=2"]
    assert {seen.body for seen in service.seen} == {service.seen[0].body}
    assert {seen.method for seen in service.seen} == {"POST"}
    own = {"client-request-id"}
    first = {name: value for name, value in service.seen[0].headers.items() if name not in own}
    for seen in service.seen[1:]:
        assert {name: value for name, value in seen.headers.items() if name not in own} == first


@pytest.mark.parametrize(
    "second",
    [
        Say(400, body=recorded.body("expired_page.json").encode()),
        Say(404),
        Say(200),
        Say(204),
        Say(json={}),
        Say(200, body=b'{"value": [{"A"'),
        Say(200, body=b"<html></html>"),
        Say(200, body=bytes(10)),
        Say(json={"value": [], "@adminapi.warnings": ["There are more results available than are displayed."]}),
        Say(json={"value": [], "@odata.nextLink": "https://evil.example/InvokeCommand"}),
        Say(json={"value": [], "@odata.nextLink": "not a link"}),
    ],
)
def test_a_part_of_a_listing_is_no_listing(connect: Connect, second: Say) -> None:
    with Loopback(paged([{"A": 1}], second)) as service, pytest.raises(ServiceError):
        connect(service).run(list_accounts())
    assert len(service.seen) == 2


def test_pages_that_lead_in_a_circle_end(connect: Connect) -> None:
    def circle(seen: Seen) -> Say:
        link = f"http://{seen.headers['host']}{INVOKE}?%24skiptoken=1"
        return Say(json={"value": [{"A": 1}], "@odata.nextLink": link})

    with Loopback(circle) as service, pytest.raises(UnreadableReply, match="do not end"):
        connect(service).run(list_accounts())
    assert len(service.seen) == 2


def test_pages_without_an_end_end(connect: Connect) -> None:
    with (
        Loopback(paged(*[[{"A": 1}]] * (MAX_PAGES + 5))) as service,
        pytest.raises(UnreadableReply, match="do not end"),
    ):
        connect(service).run(list_accounts())
    assert len(service.seen) == MAX_PAGES + 1


def test_a_listing_never_ends_as_empty_because_the_service_is_down(connect: Connect) -> None:
    for act in (
        Say(429, headers={"Retry-After": "0.1"}),
        Say(503, body=b"<html>"),
        Hang(),
        Raw(b""),
        Drip(b"HTTP/1.1 "),
    ):
        began = time.monotonic()
        with Loopback(act) as service, pytest.raises(ServiceError):
            connect(service, seconds=0.5).run(list_accounts())
        assert time.monotonic() - began < 2


# Batches


@pytest.mark.parametrize("count", [2, 10, 11, 25, 100])
@pytest.mark.parametrize("reverse", [False, True])
def test_settings_are_read_by_ten_and_told_apart_by_their_id(connect: Connect, count: int, reverse: bool) -> None:
    with Loopback(batch(reverse=reverse)) as service:
        assert read(connect, service, count) == right(count)
    assert len(service.seen) == -(-count // 10)


def test_a_batch_has_what_production_clients_send(connect: Connect) -> None:
    with Loopback(batch()) as service:
        read(connect, service, 2)
    seen = service.seen[0]
    assert (seen.method, seen.target) == ("POST", BATCH)
    assert seen.headers["prefer"] == "odata.maxpagesize=1000;odata.continue-on-error"
    assert seen.headers["accept"] == "application/json"
    first, second = members(seen)
    assert first["id"] != second["id"]
    assert (first["method"], first["url"]) == ("POST", f"{service.base_url}{INVOKE}")
    headers = first["headers"]
    assert isinstance(headers, dict)
    assert headers["Authorization"] == "Bearer first-token"
    assert headers["X-AnchorMailbox"] == ANCHOR
    assert headers["X-CmdletName"] == "Get-HVEAccountSettings"
    assert first["body"] == {
        "CmdletInput": {"CmdletName": "Get-HVEAccountSettings", "Parameters": {"Identity": "hve-000@contoso.com"}}
    }


def test_one_alone_needs_no_batch(connect: Connect) -> None:
    with Loopback(batch()) as service:
        assert read(connect, service, 1) == right(1)
    assert service.seen[0].target == INVOKE


def test_batches_may_be_on_the_wire_together_or_one_after_the_other(connect: Connect) -> None:
    for concurrency in (1, 4):
        with Loopback(batch()) as service:
            assert read(connect, service, 45, concurrency=concurrency) == right(45)


FAILING = "hve-001@contoso.com"


def only(failing: Callable[[Member], Member | None]) -> Callable[[Member], Member | None]:
    return lambda request: failing(request) if identity(request) == FAILING else good(request)


@pytest.mark.parametrize(
    ("failing", "why"),
    [
        pytest.param(lambda request: None, "without an answer to it", id="missing"),
        pytest.param(lambda request: {**good(request), "id": "77"}, "without an answer to it", id="another id"),
        pytest.param(lambda request: {**good(request), "body": None}, "an empty body", id="no body"),
        pytest.param(lambda request: {**good(request), "body": {}}, "without a value", id="no value"),
        pytest.param(lambda request: {**good(request), "body": "\0\0"}, "2 NUL bytes", id="NUL bytes"),
        pytest.param(
            lambda request: {**good(request), "status": 404, "body": json.loads(recorded.body("not_found.json"))},
            "couldn't be found on",
            id="not found",
        ),
        pytest.param(
            lambda request: {**good(request), "body": {"value": [{"ReplyTo": ""}]}}, "no AllowedApps", id="no property"
        ),
    ],
)
def test_one_account_that_fails_is_unknown_and_the_others_are_known(
    connect: Connect, failing: Callable[[Member], Member | None], why: str
) -> None:
    with Loopback(batch(only(failing))) as service:
        found = read(connect, service, 12)
    unknown = found.pop(Address(FAILING))
    assert isinstance(unknown, Unknown)
    assert why in unknown.why
    assert found == {account: known for account, known in right(12).items() if account.value != FAILING}
    assert len(service.seen) == 2


def test_only_what_was_throttled_is_asked_again_after_the_longest_wait(connect: Connect) -> None:
    clock = SkippingClock()
    asked: list[str] = []

    def sometimes(request: Member) -> Member:
        asked.append(identity(request))
        number = int(identity(request)[4:7])
        if number in (1, 4) and asked.count(identity(request)) == 1:
            return {"id": request["id"], "status": 429, "headers": {"Retry-After": str(number)}, "body": "busy"}
        return good(request)

    with Loopback(batch(sometimes)) as service:
        assert read(connect, service, 8, clock=clock, seconds=60) == right(8)
    assert clock.slept == [4.0]
    assert asked[8:] == ["hve-001@contoso.com", "hve-004@contoso.com"]


def test_one_that_is_throttled_for_ever_is_unknown_within_the_deadline(connect: Connect) -> None:
    began = time.monotonic()
    busy = {"status": 429, "headers": {"Retry-After": "0.2"}, "body": recorded.body("concurrent.txt")}
    with Loopback(batch(only(lambda request: {"id": request["id"], **busy}))) as service:
        found = read(connect, service, 5, seconds=1)
    assert time.monotonic() - began < 2
    unknown = found[Address(FAILING)]
    assert isinstance(unknown, Unknown)
    assert "throttled after" in unknown.why
    assert sum(isinstance(each, Known) for each in found.values()) == 4


@pytest.mark.parametrize(
    "say",
    [
        Say(404),
        Say(405),
        Say(200, body=b"--b\r\n", headers={"Content-Type": 'multipart/mixed; boundary="b"'}),
    ],
)
def test_where_there_is_no_batch_each_is_asked_alone(connect: Connect, say: Say) -> None:
    with Loopback(lambda seen: say if seen.target == BATCH else batch()(seen)) as service:
        assert read(connect, service, 12, concurrency=1) == right(12)
    assert [seen.target for seen in service.seen] == [BATCH] + [INVOKE] * 12


def test_a_member_with_more_pages_is_continued_alone(connect: Connect) -> None:
    def act(seen: Seen) -> Say:
        if seen.target == BATCH:
            link = f"http://{seen.headers['host']}{INVOKE}?%24skiptoken=1"
            first, *others = members(seen)
            page = {"value": [], "@odata.nextLink": link}
            return Say(json={"responses": [{**good(first), "body": page}, *map(good, others)]})
        return Say(json=settings(identity({"body": seen.json()})))

    with Loopback(act) as service:
        assert read(connect, service, 3) == right(3)
    assert [seen.target for seen in service.seen] == [BATCH, f"{INVOKE}?%24skiptoken=1"]


@pytest.mark.parametrize(
    "say",
    [
        Say(200, body=b"<html>Sorry</html>"),
        Say(200, body=b'{"responses": [{"id": "0", "status": 200'),
        Say(200, body=bytes(100)),
        Say(200),
        Say(json={}),
        Say(json={"responses": []}),
        Say(500, body=b"<html>"),
        Say(400),
    ],
)
def test_a_batch_that_cannot_be_read_leaves_every_account_unknown_and_none_empty(connect: Connect, say: Say) -> None:
    with Loopback(say) as service:
        found = read(connect, service, 3, clock=SkippingClock(), seconds=900)
    assert all(isinstance(each, Unknown) for each in found.values())


def test_a_service_that_falls_silent_leaves_the_rest_unknown_within_the_deadline(connect: Connect) -> None:
    began = time.monotonic()

    def silent(seen: Seen) -> Act:
        return Hang() if any(identity(member) == "hve-010@contoso.com" for member in members(seen)) else batch()(seen)

    with Loopback(silent) as service:
        found = read(connect, service, 20, seconds=1)
    assert time.monotonic() - began < 3
    assert sum(isinstance(each, Known) for each in found.values()) == 10
    assert {each.why for each in found.values() if isinstance(each, Unknown)} == {
        f"POST 127.0.0.1{BATCH}: the deadline of 1 s ran out"
    }


def test_nobody_signed_in_is_raised_from_a_batch(connect: Connect) -> None:
    with Loopback(Say(401)) as service, pytest.raises(AuthError):
        read(connect, service, 25)


def test_or_from_a_member_after_its_one_new_token(connect: Connect) -> None:
    def act(seen: Seen) -> Say:
        if seen.target != BATCH:
            return Say(401)
        return Say(json={"responses": [{"id": member["id"], "status": 401} for member in members(seen)]})

    with Loopback(act) as service, pytest.raises(AuthError):
        read(connect, service, 2)
    assert [seen.target for seen in service.seen] == [BATCH, INVOKE, INVOKE]


def test_a_role_that_is_missing_is_raised_when_every_account_is_denied(connect: Connect) -> None:
    def denied(request: Member) -> Member:
        return {"id": request["id"], "status": 403, "body": "\0" * 160}

    with Loopback(batch(denied)) as service, pytest.raises(Denied) as caught:
        read(connect, service, 12)
    assert "Exchange Recipient Administrator" in caught.value.hint


def test_a_new_token_reaches_the_members_too(connect: Connect) -> None:
    def act(seen: Seen) -> Say:
        if seen.headers["authorization"] == "Bearer first-token":
            return Say(401, headers=CHALLENGE)
        return batch()(seen)

    with Loopback(act) as service:
        assert read(connect, service, 2, tokens=Tokens()) == right(2)
    headers = members(service.seen[1])[0]["headers"]
    assert isinstance(headers, dict)
    assert headers["Authorization"] == "Bearer second-token"


def test_writes_do_not_go_together(connect: Connect) -> None:
    with Loopback(DONE) as service, pytest.raises(ValueError, match="one by one"):
        list(connect(service).run_many([settings_of(PAYROLL), grant(PAYROLL, apps(1))]))
    assert service.seen == []


def test_throttled_for_good_is_said_with_the_number_of_tries(connect: Connect) -> None:
    with (
        Loopback(Say(429, body=recorded.body("concurrent.txt").encode())) as service,
        pytest.raises(Throttled) as caught,
    ):
        connect(service, clock=SkippingClock(), seconds=900).run(list_accounts())
    assert "after 6 tries: You have reached the maximum number" in caught.value.message


# What the caller may run


def test_the_cmdlets_that_the_caller_may_run_are_asked_for(connect: Connect) -> None:
    with Loopback(Say(json={"value": [{"exportedCmdlets": "Get-MailUser, Add-HVEAppAccess,"}]})) as service:
        assert connect(service).exported_cmdlets() == {"Get-MailUser", "Add-HVEAppAccess"}
    seen = service.seen[0]
    assert seen.method == "GET"
    assert seen.target.startswith(f"/adminapi/v1.0/{TENANT}/EXOModuleFile?Version=3.")
    assert seen.headers["commandname"] == "*"


@pytest.mark.parametrize(
    ("say", "error"),
    [
        (Say(403, body=bytes(10)), Denied),
        (Say(json={"value": []}), UnreadableReply),
        (Say(json={"value": [{"exportedCmdlets": ""}]}), UnreadableReply),
        (Say(json={"value": [{}]}), UnreadableReply),
    ],
)
def test_and_never_answered_with_none_by_mistake(connect: Connect, say: Say, error: type[ServiceError]) -> None:
    with Loopback(say) as service, pytest.raises(error, match="the list of permitted cmdlets"):
        connect(service).exported_cmdlets()

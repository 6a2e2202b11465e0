from __future__ import annotations

import base64
import gzip
import json
import logging
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from loopback import Act, Authority, Drip, Hang, Loopback, Raw, Say, Seen, SkippingClock, Tokens

from hveadmin.errors import AuthError, ConnectFailed, SessionLost, TimedOut, UnreadableReply, UsageError
from hveadmin.wire.deadline import Deadline
from hveadmin.wire.session import Reply, Session, WithAuthorization, demanded_claims, is_at_or_below
from hveadmin.wire.trust import ssl_context

if TYPE_CHECKING:
    from wire.conftest import Connect

HALF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n" + b'{"value": []'
HALF_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b'5\r\n{"a":\r\n'
CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1795435200"}}}'
DEMAND = base64.b64encode(CLAIMS.encode()).decode()
CHALLENGE = f'Bearer realm="", error="insufficient_claims", claims="{DEMAND}"'


# What is sent


def test_a_request_carries_the_token_the_body_and_nothing_of_ours_is_compressed(connect: Connect) -> None:
    with Loopback(Say(json={"answer": 42})) as service:
        reply = connect(service.base_url).send("POST", "/v1/$batch?%24skip=a%2Bb", json={"ö": [1]}, safe=True)
    seen = service.seen[0]
    assert reply.json() == {"answer": 42}
    assert (seen.method, seen.target) == ("POST", "/v1/$batch?%24skip=a%2Bb")
    assert seen.headers["authorization"] == "Bearer first-token"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["accept"] == "application/json"
    assert seen.json() == {"ö": [1]}


def test_a_get_has_no_body(connect: Connect) -> None:
    with Loopback(Say(json={})) as service:
        connect(service.base_url).send("GET", "/x", headers={"Prefer": "a"}, safe=True)
    assert service.seen[0].body == b""
    assert service.seen[0].headers["prefer"] == "a"


def test_threads_share_a_session(connect: Connect) -> None:
    def echo(seen: Seen) -> Say:
        return Say(json={"target": seen.target})

    with Loopback(echo) as service, ThreadPoolExecutor(8) as pool:
        session = connect(service.base_url)
        replies = list(pool.map(lambda n: session.send("GET", f"/{n}", safe=True).json(), range(80)))
    assert replies == [{"target": f"/{n}"} for n in range(80)]


@pytest.mark.parametrize(
    "base_url",
    [
        "http://exchange.example",
        "exchange.example",
        "ftp://exchange.example",
        "https://",
        "https://exchange.example/path",
        "https://exchange.example?x=1",
        "https://user@exchange.example",
        "https://exchange.example:port",
        "http://127.0.0.1.exchange.example",
    ],
)
def test_an_endpoint_is_https_with_a_host_and_nothing_else_unless_it_is_this_machine(
    connect: Connect, base_url: str
) -> None:
    with pytest.raises(UsageError):
        connect(base_url)


@pytest.mark.parametrize("base_url", ["http://localhost:1", "http://[::1]:1", "http://127.1.2.3", "https://x.example/"])
def test_endpoints_that_are_taken(connect: Connect, base_url: str) -> None:
    assert connect(base_url).base_url == base_url.rstrip("/")


def test_a_token_that_cannot_be_a_header_is_refused_without_being_quoted(connect: Connect) -> None:
    with Loopback(Say()) as service, pytest.raises(AuthError) as caught:
        connect(service.base_url, tokens=Tokens("secret\nX-Injected: 1")).send("GET", "/", safe=True)
    assert "secret" not in repr(caught.value)
    assert service.seen == []


# Trying again


@pytest.mark.parametrize("status", [200, 204, 400, 403, 404, 405, 409])
def test_an_answer_is_an_answer_whatever_its_status(connect: Connect, status: int) -> None:
    with Loopback(Say(status, headers={"request-id": "r-1"})) as service:
        reply = connect(service.base_url).send("GET", "/", safe=True)
    assert (reply.status, reply.request_id, reply.tries, len(service.seen)) == (status, "r-1", 1, 1)


def test_a_read_is_tried_again_and_somebody_is_told(connect: Connect) -> None:
    clock = SkippingClock()
    told: list[tuple[str, float]] = []
    with Loopback(Say(503), Say(429, headers={"Retry-After": "0.5"}), Say(json={})) as service:
        session = connect(service.base_url, clock=clock, seconds=60, on_wait=lambda *wait: told.append(wait))
        reply = session.send("GET", "/", safe=True)
    assert (reply.status, reply.tries) == (200, 3)
    assert told == [("status 503", 2.0), ("throttled", 0.5)]
    assert clock.slept == [2.0, 0.5]


def test_a_write_that_met_a_5xx_is_not_sent_again(connect: Connect) -> None:
    with Loopback(Say(503)) as service:
        assert connect(service.base_url).send("POST", "/", json={}, safe=False).status == 503
    assert len(service.seen) == 1


def test_a_write_that_was_throttled_is(connect: Connect) -> None:
    with Loopback(Say(429), Say(json={})) as service:
        reply = connect(service.base_url, clock=SkippingClock()).send("POST", "/", json={}, safe=False)
    assert (reply.status, len(service.seen)) == (200, 2)


def test_429_for_ever_ends_after_the_tries_as_what_it_is(connect: Connect) -> None:
    with Loopback(Say(429, headers={"Retry-After": "1"})) as service:
        reply = connect(service.base_url, clock=SkippingClock(), seconds=100).send("GET", "/", safe=True)
    assert (reply.status, reply.tries, len(service.seen)) == (429, 6, 6)


def test_429_for_ever_ends_within_the_deadline(connect: Connect) -> None:
    began = time.monotonic()
    with Loopback(Say(429, headers={"Retry-After": "0.3"})) as service:
        reply = connect(service.base_url, seconds=1).send("GET", "/", safe=True)
    assert reply.status == 429
    assert time.monotonic() - began < 2
    assert 2 <= len(service.seen) <= 4


def test_a_wait_beyond_the_deadline_is_not_begun(connect: Connect) -> None:
    clock = SkippingClock()
    with Loopback(Say(429, headers={"Retry-After": "3600"})) as service:
        assert connect(service.base_url, clock=clock, seconds=60).send("GET", "/", safe=True).status == 429
    assert clock.slept == []


def test_nothing_is_sent_after_the_deadline(connect: Connect) -> None:
    clock = SkippingClock()
    with Loopback(Say()) as service:
        session = connect(service.base_url, clock=clock, seconds=60)
        clock.sleep(61)
        with pytest.raises(TimedOut) as caught:
            session.send("POST", "/", json={}, safe=False)
    assert not caught.value.outcome_unknown
    assert service.seen == []


# Answers that do not come, or not whole

SILENT: list[object] = [
    pytest.param(Hang(), id="nothing at all"),
    pytest.param(Drip(b"HTTP/1.1 200 OK\r\nX-Slow: "), id="headers, a byte now and then"),
    pytest.param(Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"), id="a body, a byte now and then"),
    pytest.param(Drip(b"HTTP/1.1 100 Continue\r\n\r\n", b"\r\n"), id="only blank lines"),
]


@pytest.mark.parametrize("act", SILENT)
@pytest.mark.parametrize("safe", [True, False])
def test_the_deadline_ends_every_silence(connect: Connect, act: Act, safe: bool) -> None:
    began = time.monotonic()
    with Loopback(act) as service, pytest.raises((TimedOut, SessionLost)) as caught:
        connect(service.base_url, seconds=0.6).send("POST", "/", json={}, safe=safe)
    assert time.monotonic() - began < 2
    assert caught.value.outcome_unknown == (not safe)
    assert len(service.seen) == 1


@pytest.mark.parametrize("act", SILENT[:3])
def test_over_tls_too(connect: Connect, authority: Authority, act: Act) -> None:
    began = time.monotonic()
    with Loopback(act, tls=authority.server) as service, pytest.raises(TimedOut, match=r"deadline of 0\.6 s"):
        session = connect(service.base_url, seconds=0.6, trust=ssl_context(str(authority.certificate)))
        session.send("POST", "/", json={}, safe=True)
    assert time.monotonic() - began < 2


def test_a_read_without_an_answer_in_time_is_tried_again(connect: Connect) -> None:
    with Loopback(Hang(), Say(json={})) as service:
        session = connect(service.base_url, clock=SkippingClock(), read_timeout=0.2, seconds=60)
        assert session.send("GET", "/", safe=True).tries == 2


LOST = [
    pytest.param(Raw(b""), id="closed without a word"),
    pytest.param(Raw(HALF), id="shorter than its length"),
    pytest.param(Raw(HALF_CHUNKED), id="chunks without an end"),
    pytest.param(Raw(b"220 mail.example ESMTP\r\n"), id="not HTTP"),
    pytest.param(Say(body=gzip.compress(b"x" * 99)[:-9], headers={"Content-Encoding": "gzip"}), id="gzip cut short"),
]


@pytest.mark.parametrize("act", LOST)
def test_a_write_whose_answer_is_lost_is_sent_once_and_its_outcome_is_unknown(connect: Connect, act: Act) -> None:
    with Loopback(act) as service, pytest.raises(SessionLost) as caught:
        connect(service.base_url).send("POST", "/", json={}, safe=False)
    assert caught.value.outcome_unknown
    assert len(service.seen) == 1


@pytest.mark.parametrize("act", LOST)
def test_a_read_whose_answer_is_lost_is_tried_again_and_never_a_success_by_halves(connect: Connect, act: Act) -> None:
    with Loopback(act) as service, pytest.raises(SessionLost) as caught:
        connect(service.base_url, clock=SkippingClock(), seconds=900).send("GET", "/", safe=True)
    assert not caught.value.outcome_unknown
    assert len(service.seen) == 6


def test_nul_bytes_under_a_gzip_header_are_read_as_what_they_are(connect: Connect) -> None:
    with Loopback(Say(403, body=bytes(160), headers={"Content-Encoding": "gzip"})) as service:
        reply = connect(service.base_url).send("GET", "/", safe=True)
    assert (reply.status, reply.body) == (403, bytes(160))


def test_gzip_is_unpacked(connect: Connect) -> None:
    packed = gzip.compress(b'{"value": [1, 2]}')
    with Loopback(Say(body=packed, headers={"Content-Encoding": "GZIP"})) as service:
        assert connect(service.base_url).send("GET", "/", safe=True).json() == {"value": [1, 2]}


@pytest.mark.parametrize(
    "say",
    [
        pytest.param(Say(body=b"x" * 10_001), id="as it comes"),
        pytest.param(Say(body=gzip.compress(b"x" * 10_001), headers={"Content-Encoding": "gzip"}), id="unpacked"),
    ],
)
def test_an_answer_has_a_largest_size(connect: Connect, say: Say) -> None:
    with Loopback(say) as service, pytest.raises(UnreadableReply, match="more than 10000 bytes") as caught:
        connect(service.base_url, max_body=10_000).send("POST", "/", json={}, safe=False)
    assert caught.value.outcome_unknown


# Connections that do not come about


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize("safe", [True, False])
def test_nobody_there_is_tried_three_times_and_nothing_was_done(connect: Connect, safe: bool) -> None:
    clock = SkippingClock()
    with pytest.raises(ConnectFailed, match="cannot connect to http://127") as caught:
        connect(f"http://127.0.0.1:{closed_port()}", clock=clock, seconds=60).send("POST", "/", json={}, safe=safe)
    assert not caught.value.outcome_unknown
    assert clock.slept == [2.0, 4.0]


def test_a_certificate_of_nobody_we_know_is_not_tried_again(connect: Connect, authority: Authority) -> None:
    clock = SkippingClock()
    with Loopback(Say(), tls=authority.server) as service, pytest.raises(ConnectFailed, match="CERTIFICATE") as caught:
        connect(service.base_url, clock=clock, trust=ssl_context()).send("GET", "/", safe=True)
    assert "`ca`" in caught.value.hint
    assert clock.slept == []
    assert service.seen == []


# 401


def test_a_401_buys_one_new_token_with_the_claims_it_demands(connect: Connect) -> None:
    tokens = Tokens()
    with Loopback(Say(401, headers={"WWW-Authenticate": CHALLENGE}), Say(json={})) as service:
        reply = connect(service.base_url, tokens=tokens).send("POST", "/", json={"a": 1}, safe=False)
    assert reply.status == 200
    assert tokens.demands == [None, CLAIMS]
    assert [seen.headers["authorization"] for seen in service.seen] == ["Bearer first-token", "Bearer second-token"]
    assert service.seen[0].body == service.seen[1].body


def test_and_only_one(connect: Connect) -> None:
    with Loopback(Say(401, headers={"WWW-Authenticate": CHALLENGE})) as service:
        assert connect(service.base_url).send("GET", "/", safe=True).status == 401
    assert len(service.seen) == 2


def test_one_a_request_also_when_another_try_follows(connect: Connect) -> None:
    with Loopback(Say(401), Say(503), Say(401), Say(json={})) as service:
        assert connect(service.base_url, clock=SkippingClock(), seconds=60).send("GET", "/", safe=True).status == 401
    assert len(service.seen) == 3


def test_without_a_demand_the_new_token_is_one_that_is_not_in_the_cache(connect: Connect) -> None:
    tokens = Tokens()
    with Loopback(Say(401), Say(json={})) as service:
        connect(service.base_url, tokens=tokens, clock=SkippingClock(), seconds=60).send("GET", "/", safe=True)
    assert tokens.demands[:2] == [None, None]
    assert json.loads(tokens.demands[2] or "") == {"access_token": {"nbf": {"essential": True, "value": "1795435200"}}}
    assert service.seen[1].headers["authorization"] == "Bearer second-token"


class NoMore:
    """Somebody who cannot get a new token."""

    def token(self, scope: str, *, claims: str | None = None) -> str:
        if claims is not None:
            raise AuthError("sign in again")
        return "first-token"


def test_where_no_new_token_is_to_be_had_the_401_is_the_answer(connect: Connect) -> None:
    with Loopback(Say(401, headers={"request-id": "r-9"})) as service:
        assert connect(service.base_url, tokens=NoMore()).send("GET", "/", safe=True).request_id == "r-9"
    assert len(service.seen) == 1


def test_but_a_demand_that_cannot_be_met_is_told(connect: Connect) -> None:
    with (
        Loopback(Say(401, headers={"WWW-Authenticate": CHALLENGE})) as service,
        pytest.raises(AuthError, match="sign in again"),
    ):
        connect(service.base_url, tokens=NoMore()).send("GET", "/", safe=True)


def test_a_body_that_carries_the_token_carries_the_new_one(connect: Connect) -> None:
    with Loopback(Say(401), Say(json={})) as service:
        body = WithAuthorization(lambda authorization: {"requests": [{"headers": {"Authorization": authorization}}]})
        connect(service.base_url).send("POST", "/", json=body, safe=True)
    assert b"Bearer first-token" in service.seen[0].body
    assert b"Bearer second-token" in service.seen[1].body


@pytest.mark.parametrize(
    ("challenge", "claims"),
    [
        (CHALLENGE, CLAIMS),
        (f"Bearer claims={DEMAND}, error=x", CLAIMS),
        (f'Bearer claims="{DEMAND.rstrip("=")}"', CLAIMS),
        ('Bearer claims="' + base64.urlsafe_b64encode('{"ÿþ":"~~?"}'.encode()).decode() + '"', '{"ÿþ":"~~?"}'),
        ("", None),
        ("Bearer", None),
        ('Bearer claims="AAA"', None),
        ('Bearer claims="' + base64.b64encode(b"[1]").decode() + '"', None),
        ('Bearer claims="' + base64.b64encode(b"\xff\xfe").decode() + '"', None),
        (f'Bearer noclaims="{DEMAND}"', None),
    ],
)
def test_demanded_claims(challenge: str, claims: str | None) -> None:
    assert demanded_claims(challenge) == claims


# Where the token goes


@pytest.mark.parametrize(
    "make_link",
    [
        pytest.param(lambda port: f"http://evil.example:{port}/x", id="another host"),
        pytest.param(lambda port: f"https://127.0.0.1:{port}/x", id="another scheme"),
        pytest.param(lambda port: "http://127.0.0.1:1/x", id="another port"),
        pytest.param(lambda port: "http://127.0.0.1/x", id="no port"),
        pytest.param(lambda port: f"http://user:pass@127.0.0.1:{port}/x", id="somebody's name"),
        pytest.param(lambda port: f"http://127.0.0.1:{port}@evil.example/x", id="the host as a name"),
        pytest.param(lambda port: f"http://localhost:{port}/x", id="another name of the same machine"),
        pytest.param(lambda port: "x", id="no host"),
        pytest.param(lambda port: "http://[", id="no URL"),
        pytest.param(lambda port: "", id="nothing"),
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(connect: Connect, make_link: Callable[[int], str]) -> None:
    with Loopback(Say()) as service, pytest.raises(UnreadableReply):
        connect(service.base_url).send("GET", make_link(service.port), safe=True)
    assert service.seen == []


def test_a_path_stays_on_the_host_however_it_begins(connect: Connect) -> None:
    with Loopback(Say()) as service:
        connect(service.base_url).send("GET", "//evil.example/x", safe=True)
    assert service.seen[0].target == "//evil.example/x"


def test_a_link_to_the_same_host_is_followed_as_it_is(connect: Connect) -> None:
    with Loopback(Say()) as service:
        connect(service.base_url).send("POST", f"{service.base_url}/x?%24skiptoken=QUI%3D+/=", json={}, safe=True)
    assert service.seen[0].target == "/x?%24skiptoken=QUI%3D+/="


def test_a_redirect_elsewhere_is_refused_and_nobody_there_hears_of_it(connect: Connect) -> None:
    with (
        Loopback(Say()) as other,
        Loopback(Say(302, headers={"Location": f"{other.base_url}/x"})) as service,
        pytest.raises(UnreadableReply, match="redirected to http://127"),
    ):
        connect(service.base_url).send("POST", "/", json={}, safe=True)
    assert other.seen == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_on_the_host_is_followed_with_method_body_and_token(connect: Connect, status: int) -> None:
    with Loopback(Say(status, headers={"Location": "/there?a=1"}), Say(json={})) as service:
        assert connect(service.base_url).send("POST", "/here", json={"a": 1}, safe=False).status == 200
    assert [(seen.method, seen.target, seen.body) for seen in service.seen] == [
        ("POST", "/here", b'{"a": 1}'),
        ("POST", "/there?a=1", b'{"a": 1}'),
    ]
    assert service.seen[1].headers["authorization"] == "Bearer first-token"


@pytest.mark.parametrize("location", ["/", "", "http://["])
def test_redirects_end(connect: Connect, location: str) -> None:
    with Loopback(Say(302, headers={"Location": location})) as service, pytest.raises((UnreadableReply, SessionLost)):
        connect(service.base_url, clock=SkippingClock()).send("GET", "/", safe=True)
    assert len(service.seen) <= 24


@pytest.mark.parametrize(
    ("link", "followed"),
    [
        ("https://outlook.office365.com/x", True),
        ("https://outlook.office365.com:443/x", True),
        ("https://EURPRD07.outlook.office365.com/x", True),
        ("https://outlook.office365.com.evil.example/x", False),
        ("https://eviloutlook.office365.com/x", False),
        ("https://office365.com/x", False),
        ("http://eurprd07.outlook.office365.com/x", False),
        ("https://eurprd07.outlook.office365.com:8443/x", False),
        ("https://outlook.office365.com@evil.example/x", False),
        ("https://evil.example\\.outlook.office365.com/x", False),
    ],
)
def test_a_redirect_may_lead_to_the_front_door_or_a_name_below_it(link: str, followed: bool) -> None:
    try:
        assert is_at_or_below(link, "https://outlook.office365.com") == followed
    except UnreadableReply:
        assert not followed


def test_nothing_is_below_an_ip_address() -> None:
    assert not is_at_or_below("http://evil.127.0.0.1:80/", "http://127.0.0.1")


def test_no_token_is_in_an_error_or_a_log(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    errors: list[BaseException] = []
    for act in (Raw(b""), Raw(HALF), Say(302, headers={"Location": "https://evil.example/"}), Say(401)):
        with Loopback(act) as service:
            try:
                reply = connect(service.base_url).send("POST", "/", json={"a": 1}, safe=False)
                reply.json()
            except (SessionLost, UnreadableReply) as error:
                errors.append(error)
    assert len(errors) == 4
    said = caplog.text + "".join(f"{error!r} {vars(error)}" for error in errors)
    assert "receive_response_headers" in said
    assert "-token" not in said


# What an answer holds


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "an empty body"),
        (b" \r\n", "an empty body"),
        (bytes(3), "3 NUL bytes"),
        (b'{"value": [', "JSON that is damaged or cut short"),
        (b"[" * 100_000, "JSON that is damaged or cut short"),
        (b'{"a": "\xff"}', "JSON that is damaged or cut short"),
        (b"<!DOCTYPE html><HTML><body>Sorry</body></HTML>", "an HTML page"),
        (b"<?xml version='1.0'?><Error/>", "markup"),
        (b"UnAuthorized", "text that is not JSON"),
    ],
)
def test_an_answer_that_is_no_json_says_what_it_is(body: bytes, what: str) -> None:
    with pytest.raises(UnreadableReply, match=f"status 200 with {what}, where JSON was expected") as caught:
        Reply(200, {"request-id": "r-2"}, body).json()
    assert caught.value.request_id == "r-2"


def test_a_byte_order_mark_is_no_harm() -> None:
    assert Reply(200, {}, b'\xef\xbb\xbf{"a": null}').json() == {"a": None}


def test_an_answer_shows_nothing_of_itself_in_a_log() -> None:
    assert "secret" not in repr(Reply(200, {"set-cookie": "secret"}, b"secret"))


@pytest.mark.parametrize("proxy", ["socks5://localhost:1080", "nonsense://localhost:1"])
def test_a_proxy_that_cannot_be_used_is_said_before_anything_is_sent(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    clock = SkippingClock()
    with pytest.raises(UsageError, match="proxy that the environment names"):
        Session(
            base_url="https://exchange.example",
            scope="https://exchange.example/.default",
            tokens=Tokens(),
            clock=clock,
            trust=None,
            deadline=Deadline(clock, 10),
        )

"""An endpoint is looked at without a token, and within the deadline."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from loopback import Act, Authority, Drip, Hang, Loopback, Raw, RealClock, Say

from hveadmin.domain.health import EndpointSeen, Stage
from hveadmin.wire.deadline import Deadline
from hveadmin.wire.probe import clock_off, probe
from hveadmin.wire.trust import ssl_context

FAR = "https://login.example.test"
"""An address that is no loopback, so that proxies are asked; nothing of it is ever resolved in these tests."""


def look(address: str, *, trust: ssl.SSLContext | None = None, seconds: float = 10.0) -> EndpointSeen:
    clock = RealClock()
    return probe(address, trust=trust or ssl_context(), clock=clock, deadline=Deadline(clock, seconds))


def test_a_trusted_server_is_described_and_was_sent_nothing_secret(authority: Authority) -> None:
    with Loopback(Say(404), tls=authority.server) as service:
        seen = look(service.base_url, trust=ssl_context(str(authority.certificate)))
    assert seen.answered
    assert seen.signer == "CN=a private authority"
    assert seen.tls.startswith("TLSv1.")
    assert seen.peer == f"127.0.0.1:{service.port}"
    assert seen.proxy == ""
    (request,) = service.seen
    assert (request.method, request.target) == ("GET", "/")
    assert not {"authorization", "cookie"} & request.headers.keys()


def test_who_signed_an_untrusted_certificate_is_named_and_nothing_is_sent_to_it(authority: Authority) -> None:
    with Loopback(Say(), tls=authority.server) as service:
        seen = look(service.base_url)
    assert seen.broke_at is Stage.TLS
    assert "certificate" in seen.why
    assert seen.signer == "CN=a private authority"
    assert service.seen == []


def test_a_certificate_for_another_name_is_not_trusted(authority: Authority) -> None:
    with Loopback(Say(), tls=authority.server) as service:
        address = f"https://localhost:{service.port}"
        seen = look(address, trust=ssl_context(str(authority.certificate)))
    assert seen.broke_at is Stage.TLS
    assert "localhost" in seen.why


def test_a_closed_port_is_a_failed_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    seen = look(f"https://127.0.0.1:{port}")
    assert (seen.broke_at, seen.signer, seen.clock_off) == (Stage.CONNECT, "", None)
    assert seen.why


def test_what_cannot_be_a_name_is_a_failed_resolution(monkeypatch: pytest.MonkeyPatch) -> None:
    _without_proxies(monkeypatch)
    assert look(f"https://{'x' * 70}.test").broke_at is Stage.RESOLVE


def test_a_name_that_nobody_knows_is_a_failed_resolution(monkeypatch: pytest.MonkeyPatch) -> None:
    _without_proxies(monkeypatch)
    assert look("https://nobody.invalid").broke_at is Stage.RESOLVE


@pytest.mark.parametrize("minutes", [-10, 0, 10])
def test_the_clock_is_compared_with_the_date_of_the_answer(authority: Authority, minutes: int) -> None:
    theirs = datetime.now(UTC) + timedelta(minutes=minutes)
    with Loopback(Say(headers={"Date": format_datetime(theirs, usegmt=True)}), tls=authority.server) as service:
        seen = look(service.base_url, trust=ssl_context(str(authority.certificate)))
    assert seen.clock_off is not None
    assert abs(seen.clock_off + timedelta(minutes=minutes)) < timedelta(seconds=5)


@pytest.mark.parametrize("date", ["", "yesterday", "2026-11-23", "\x00"])
def test_a_date_that_is_none_says_nothing_of_the_clock(date: str) -> None:
    assert clock_off(date, datetime.now(UTC)) is None


@pytest.mark.parametrize("act", [Hang(), Drip(b"HTTP/1.1 200 OK\r\nX: ")], ids=["silence", "drip"])
def test_the_deadline_holds_against(authority: Authority, act: Act) -> None:
    begun = time.monotonic()
    with Loopback(act, tls=authority.server) as service:
        seen = look(service.base_url, trust=ssl_context(str(authority.certificate)), seconds=0.5)
        taken = time.monotonic() - begun
    assert seen.broke_at is Stage.ANSWER
    assert taken < 3


def test_a_server_that_never_begins_tls_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        seen = look(f"https://127.0.0.1:{silent.getsockname()[1]}", seconds=0.5)
        assert time.monotonic() - begun < 3
    assert seen.broke_at is Stage.TLS


def test_plain_http_behind_an_https_address_breaks_at_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        seen = look(f"https://127.0.0.1:{listener.getsockname()[1]}", seconds=1)
        thread.join(5)
    assert seen.broke_at is Stage.TLS


# Proxies


def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_a_proxy_that_refuses_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    _without_proxies(monkeypatch)
    with Loopback(Raw(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")) as service:
        monkeypatch.setenv("HTTPS_PROXY", f"http://anna:s3cr3t@127.0.0.1:{service.port}")
        seen = look(FAR)
    assert seen.broke_at is Stage.PROXY
    assert "407" in seen.why
    assert seen.proxy == f"127.0.0.1:{service.port}"
    assert "s3cr3t" not in repr(seen)
    assert [(each.method, each.target) for each in service.seen] == [("CONNECT", "login.example.test:443")]


def test_a_proxy_that_nobody_runs_is_a_failed_connection_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _without_proxies(monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    seen = look(FAR)
    assert (seen.broke_at, seen.proxy) == (Stage.CONNECT, "127.0.0.1:9")


@pytest.mark.parametrize("proxy", ["ftp://anna:s3cr3t@proxy:21", "socks5://anna:s3cr3t@127.0.0.1:9"])
def test_a_variable_that_names_no_usable_proxy_is_said_so(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    _without_proxies(monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    seen = look(FAR)
    assert seen.broke_at is Stage.PROXY_SETTINGS
    assert "s3cr3t" not in repr(seen)


def test_this_machine_is_reached_past_every_proxy(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    _without_proxies(monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with Loopback(Say(), tls=authority.server) as service:
        assert look(service.base_url, trust=ssl_context(str(authority.certificate))).answered


@contextmanager
def intercepting_proxy(tls: ssl.SSLContext) -> Iterator[int]:
    """Takes every CONNECT and then speaks TLS itself, as an inspecting proxy does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.recv(65536)
                        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                        with tls.wrap_socket(connection, server_side=True) as secured:
                            secured.recv(65536)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_proxy_that_intercepts_tls_is_recognised_by_who_signed(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, tmp_path: Path
) -> None:
    _without_proxies(monkeypatch)
    with intercepting_proxy(authority.server) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        seen = look(FAR)
    assert seen.broke_at is Stage.TLS
    assert seen.signer == "CN=a private authority"
    assert seen.proxy == f"127.0.0.1:{port}"

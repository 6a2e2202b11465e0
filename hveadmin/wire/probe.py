"""
Look at an endpoint without a token: does its name resolve, does it answer, who signed its certificate, what time is it
there, and which proxy stands between.

It goes the way that every other request goes (the same HTTP library, the same proxies of the environment, the same
trust), because a probe that takes another way finds other things. What is sent is `GET /` without any credential but
the proxy's own. A certificate that is not trusted is looked at a second time, without trust and without a request, for
the one question that the error leaves open: who signed it.

The deadline holds for all of it. A name that does not resolve blocks where no time-out reaches, and a peer may drip
its answer, so the look is taken by a thread that is left alone when the time is up.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from hveadmin import __version__
from hveadmin.domain.health import EndpointSeen, Stage
from hveadmin.domain.ports import Clock
from hveadmin.wire.deadline import Cutoff, Deadline
from hveadmin.wire.session import is_loopback

_GRACE = 0.25
"""Seconds after the deadline for a look that is just being cut off to say how far it came."""
LONGEST = 15.0
"""Seconds for one endpoint, however much the run may take."""


@dataclass(slots=True)
class _Course:
    """How far a look has come. Written by the thread that looks, read by whoever waits for it."""

    own: str
    """host:port of the endpoint itself."""
    stage: Stage = Stage.CONNECT
    via: str = ""
    """host:port that was connected to: the endpoint's own, or a proxy's."""
    peer: str = ""
    tls: str = ""
    certificate: bytes | None = None
    cutoff: Cutoff | None = None

    @property
    def proxy(self) -> str:
        """The proxy that was connected to in the endpoint's place, empty for none."""
        return "" if self.via == self.own else self.via

    def trace(self, event: str, info: Mapping[str, object]) -> None:
        """httpcore2's trace extension: told of each step before and after it."""
        if self.cutoff is not None:
            self.cutoff.trace(event, info)
        stream = info.get("return_value")
        if event == "connection.connect_tcp.started":
            self.stage, self.via = Stage.CONNECT, f"{info.get('host')}:{info.get('port')}"
        elif event == "connection.connect_tcp.complete":
            self.peer = _peer(stream)
            self.stage = Stage.PROXY if self.proxy else Stage.TLS
        # With a proxy, TLS with the endpoint is begun inside the tunnel; the other one is TLS with the proxy itself.
        elif event == ("proxy.start_tls.started" if self.proxy else "connection.start_tls.started"):
            self.stage = Stage.TLS
        elif event == ("proxy.start_tls.complete" if self.proxy else "connection.start_tls.complete"):
            self.stage = Stage.ANSWER
            self.secured(stream)

    def secured(self, stream: object) -> None:
        """TLS with the endpoint stands."""
        for name in ("socket", "ssl_object"):  # the latter for TLS inside of TLS, where the proxy is an https one
            secured = _extra(stream, name)
            if isinstance(secured, ssl.SSLObject | ssl.SSLSocket):
                self.tls, self.certificate = secured.version() or "", secured.getpeercert(binary_form=True)
                return


def probe(
    address: str, *, trust: ssl.SSLContext, clock: Clock, deadline: Deadline, longest: float = LONGEST
) -> EndpointSeen:
    """
    What is met at `https://host[:port]`, within `longest` seconds and the deadline. Never raises for what it meets.

    Proxies are those of the environment, none for this machine itself, as for every other request.
    """
    bound = Deadline(clock, max(0.0, min(longest, deadline.remaining())))
    course = _Course(_own(address), cutoff=Cutoff(bound))
    found: Future[EndpointSeen] = Future()

    def look() -> None:
        try:
            found.set_result(_look(address, trust, clock, bound, course))
        except BaseException as error:  # a bug, which belongs to whoever asked and not to this thread
            found.set_exception(error)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(max(0.0, bound.remaining()) + _GRACE)
    if found.done():
        return found.result()
    return _seen(address, course, stage=course.stage, why=f"no answer within {bound.seconds:g} s")


def _look(address: str, trust: ssl.SSLContext, clock: Clock, bound: Deadline, course: _Course) -> EndpointSeen:
    try:
        client = _client(address, trust)
    except (ValueError, ImportError, httpx2.InvalidURL):
        # Not its text: it may quote the variable, and the proxy's password with it.
        why = "a proxy variable of the environment cannot be used: its scheme is unknown, or needs a package"
        return _seen(address, course, stage=Stage.PROXY_SETTINGS, why=why)
    try:
        date = _ask(client, address, bound, course)
    except (httpx2.HTTPError, ssl.SSLError) as error:
        return _failed(address, bound, course, error)
    except (ValueError, httpx2.InvalidURL):
        return _seen(address, course, stage=Stage.RESOLVE, why="this is not a host's name")
    return replace(_seen(address, course), clock_off=clock_off(date, clock.now()))


def _client(address: str, trust: ssl.SSLContext) -> httpx2.Client:
    """Raises ValueError, InvalidURL or ImportError for a proxy that cannot be used."""
    proxied = not is_loopback(urlsplit(address).hostname or "")
    return httpx2.Client(verify=trust, trust_env=proxied, headers=_HEADERS)


def _ask(client: httpx2.Client, address: str, bound: Deadline, course: _Course) -> str:
    """The answer's Date, empty where it has none. The body is not read; the client is closed."""
    left = max(bound.remaining(), 0.001)
    cutoff = course.cutoff or Cutoff(bound)
    with (
        client,
        cutoff.armed(),
        client.stream("GET", f"{address}/", timeout=left, extensions={"trace": course.trace}) as response,
    ):
        return str(response.headers.get("date", ""))


_HEADERS = {"User-Agent": f"hveadmin/{__version__}"}


def _failed(address: str, bound: Deadline, course: _Course, error: Exception) -> EndpointSeen:
    causes = list(_causes(error))
    if any(isinstance(each, socket.gaierror) for each in causes):
        return _seen(address, course, stage=Stage.RESOLVE, why=_in_words(causes))
    if isinstance(error, httpx2.ProxyError):
        return _seen(address, course, stage=Stage.PROXY, why=f"the proxy answered {_status(error)}")
    untrusted = next((each for each in causes if isinstance(each, ssl.SSLError)), None)
    if untrusted is not None:
        _look_without_trust(address, bound, course)
        return _seen(address, course, stage=Stage.TLS, why=_reason(untrusted))
    return _seen(address, course, stage=course.stage, why=_in_words(causes))


def _look_without_trust(address: str, bound: Deadline, course: _Course) -> None:
    """
    See the certificate that is shown, whoever signed it.

    Nothing is sent: the look ends when TLS stands, before a request would be written.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    second = _OnlyTheCertificate(course.own, cutoff=course.cutoff)
    with suppress(_SeenEnough, httpx2.HTTPError, ssl.SSLError):
        _ask(_client(address, context), address, bound, second)
    course.certificate = second.certificate


class _SeenEnough(Exception):
    """The certificate was seen; what would come next is not to be sent."""


class _OnlyTheCertificate(_Course):
    """A look that is broken off before anything is sent."""

    __slots__ = ()

    def secured(self, stream: object) -> None:
        _Course.secured(self, stream)
        close = getattr(stream, "close", None)
        if callable(close):
            close()
        raise _SeenEnough


def _seen(address: str, course: _Course, *, stage: Stage | None = None, why: str = "") -> EndpointSeen:
    return EndpointSeen(
        address,
        stage,
        why,
        peer=course.peer,
        proxy=course.proxy,
        signer=_issuer(course.certificate),
        tls=course.tls,
    )


def clock_off(date: str, now: datetime) -> timedelta | None:
    """How far `now` is ahead of a Date header; None where that holds no time."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    return now - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))


def _own(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.hostname}:{parts.port or 443}"


def _issuer(certificate: bytes | None) -> str:
    if certificate is None:
        return ""
    from cryptography.x509 import load_der_x509_certificate

    try:
        return load_der_x509_certificate(certificate).issuer.rfc4514_string()
    except ValueError:
        return ""


def _peer(stream: object) -> str:
    address = _extra(stream, "server_addr")
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) and len(address) > 1 else ""


def _extra(stream: object, name: str) -> object:
    ask = getattr(stream, "get_extra_info", None)
    return ask(name) if callable(ask) else None


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message or "the certificate is not trusted"
    return str(error.reason or error)


def _status(error: httpx2.ProxyError) -> str:
    """A proxy's refusal: `407 Proxy Authentication Required`."""
    return str(error)[:100]


def _in_words(causes: list[BaseException]) -> str:
    """The operating system's own words, else the kind of failure; no text that could quote what was sent."""
    for each in reversed(causes):
        if isinstance(each, OSError) and each.strerror:
            return each.strerror
    return "no answer in time" if any("Timeout" in type(each).__name__ for each in causes) else "the connection broke"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

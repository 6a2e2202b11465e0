"""
One HTTP session with one service, guarded.

- The token goes to the service's own host and nowhere else: an absolute link to another host, scheme or port is
  refused, and a redirect is followed by hand, only to the same host or a name below it.
- One 401 buys one new token a request, then it is an answer like any other.
- An answer that did not arrive whole is an error; a length is checked, and a body is read raw, because Exchange
  answers some 403s with NUL bytes and a `Content-Encoding: gzip` that is a lie [O].
- The deadline covers all of it: tries, waits, slow answers.
- A request that may have changed something (`safe=False`) is sent again only where nothing of it can have been done.
"""

from __future__ import annotations

import base64
import ipaddress
import itertools
import json as json_module
import random
import re
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, Self

import httpx2

from hveadmin import __version__
from hveadmin.domain.ports import Clock, TokenSource
from hveadmin.errors import (
    AuthError,
    ConnectFailed,
    ServiceError,
    SessionLost,
    TimedOut,
    UnreadableReply,
    UsageError,
)
from hveadmin.wire.deadline import Cutoff, Deadline
from hveadmin.wire.retry import Answer, AnswerLost, GiveUp, NotSent, Outcome, Policy, Wait, decide
from hveadmin.wire.trust import ssl_context

MAX_BODY = 64 * 2**20
"""Bytes of one answer, unpacked. A thousand accounts are about 10 MB."""

_HEADERS = {"User-Agent": f"hveadmin/{__version__}", "Accept": "application/json", "Accept-Encoding": "gzip"}
_RANDOM = random.SystemRandom()
_MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 307, 308})
_MAX_TEXT = 2**16
_TOKEN = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"[a-z0-9.-]+")
_CLAIMS = re.compile(r'\bclaims="?([A-Za-z0-9+/=_-]+)"?')


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that arrived whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    tries: int = 1
    """How many times the request was sent to get it."""

    @property
    def request_id(self) -> str:
        """The service's own id of this request, for a support ticket; empty where it gave none."""
        return self.headers.get("request-id") or self.headers.get("x-ms-request-id", "")

    @property
    def text(self) -> str:
        """The beginning of the body as text, whatever it is."""
        return self.body[:_MAX_TEXT].decode("utf-8", "replace")

    def json(self) -> object:
        """The body as JSON. Raises UnreadableReply, which names what came instead."""
        try:
            parsed: object = json_module.loads(self.body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raise UnreadableReply(
                f"status {self.status} with {self.what_came()}, where JSON was expected", request_id=self.request_id
            ) from None
        return parsed

    def what_came(self) -> str:
        """The body in words, for an error: what kind it is, never what is in it."""
        bare = self.body.removeprefix(b"\xef\xbb\xbf").strip()
        if not bare:
            return "an empty body"
        if not bare.strip(b"\0"):
            return f"{len(self.body)} NUL bytes"
        if bare[:1] in (b"{", b"["):
            return "JSON that is damaged or cut short"
        if bare[:1] == b"<":
            return "an HTML page" if b"<html" in bare[:1000].lower() else "markup"
        return "text that is not JSON"


def _client(base: httpx2.URL, trust: ssl.SSLContext, headers: Mapping[str, str]) -> httpx2.Client:
    """The HTTP client. Proxies are taken from the environment, but not for this machine. Raises UsageError."""
    try:
        return httpx2.Client(
            verify=trust,
            headers={**_HEADERS, **headers},
            trust_env=not is_loopback(base.host),
            follow_redirects=False,
        )
    except (ImportError, ValueError) as problem:
        # A SOCKS proxy without the package for it, or a proxy address that is none; the text names no credentials.
        raise UsageError(
            f"the proxy that the environment names cannot be used: {type(problem).__name__}",
            hint="check HTTPS_PROXY and ALL_PROXY; a SOCKS proxy needs: pip install 'httpx2[socks]'",
        ) from None


@dataclass(frozen=True, slots=True)
class WithAuthorization:
    """
    A JSON body that must itself carry the Authorization header's value, as the members of Exchange's $batch do [F].

    `make` is called with that value for each try, so that a new token reaches the body too.
    """

    make: Callable[[str], object]


def no_waiting(why: str, seconds: float) -> None:
    """Nobody wants to know."""


class Session:
    """
    A client of one service. Threads may share it.

    `base_url` is `https://host[:port]` without a path; http is taken for loopback only. `on_wait` is told the
    reason and the seconds of each wait before another try, from whichever thread waits.
    """

    def __init__(
        self,
        *,
        base_url: str,
        scope: str,
        tokens: TokenSource,
        clock: Clock,
        trust: ssl.SSLContext | None,
        deadline: Deadline,
        headers: Mapping[str, str] | None = None,
        on_wait: Callable[[str, float], None] = no_waiting,
        policy: Policy | None = None,
        connect_timeout: float = 15.0,
        read_timeout: float = 120.0,
        max_body: int = MAX_BODY,
        jitter: Callable[[], float] = _RANDOM.random,
    ) -> None:
        base = _parse_base(base_url)
        self._base = base
        self._origins = {_origin(base)}
        self._scope = scope
        self._tokens = tokens
        self._clock = clock
        self._deadline = deadline
        self._on_wait = on_wait
        self._policy = policy or Policy()
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._max_body = max_body
        self._jitter = jitter
        self._cutoff = Cutoff(deadline)
        self._client = _client(base, trust or ssl_context(), headers or {})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def base_url(self) -> str:
        """`https://host[:port]`."""
        return str(self._base).rstrip("/")

    def send(
        self,
        method: str,
        path_or_url: str,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        safe: bool,
    ) -> Reply:
        """
        Send a request, with patience, and return the answer, whatever its status.

        `path_or_url` is a path below `base_url` or an absolute link from an earlier answer; `safe` says that sending
        it twice does no harm. Raises AuthError (no token), ConnectFailed (nothing was sent), TimedOut and
        SessionLost (outcome_unknown unless safe), and UnreadableReply for an answer that is too large, or a link or
        redirect that leads elsewhere.
        """
        call = _Call(method, self._resolve(path_or_url), json, dict(headers or {}), safe)
        self._deadline.check(call.what)
        call.token = self._token()
        with self._cutoff.armed():
            for attempt in itertools.count(1):
                self._deadline.check(call.what)
                result = self._attempt(call)
                outcome = result.outcome if isinstance(result, _Failure) else as_answer(result)
                decision = self.consider(attempt, outcome, safe=safe)
                if isinstance(decision, GiveUp) or not self.wait(decision):
                    break
        if isinstance(result, _Failure):
            raise result.error
        return replace(result, tries=attempt)

    def consider(self, attempt: int, outcome: Outcome, *, safe: bool) -> Wait | GiveUp:
        """`retry.decide` with this session's policy: for what is sent inside a body, like the members of a $batch."""
        return decide(attempt, outcome, safe=safe, policy=self._policy, now=self._clock.now(), jitter=self._jitter())

    def wait(self, decision: Wait) -> bool:
        """Wait as decided; False, at once, where the deadline leaves no time for another try after it."""
        if not self._deadline.allows(decision.seconds):
            return False
        self._on_wait(decision.why, decision.seconds)
        self._clock.sleep(decision.seconds)
        return True

    # One try: a round trip, perhaps a second one with a new token, each perhaps over a redirect.

    def _attempt(self, call: _Call) -> Reply | _Failure:
        result = self._follow(call)
        if isinstance(result, Reply) and result.status == 401 and not call.renewed and self._renew(call, result):
            return self._follow(call)
        return result

    def _renew(self, call: _Call, refusal: Reply) -> bool:
        """Get the one new token that a request may have; False where there is none to be had."""
        call.renewed = True
        claims = demanded_claims(refusal.headers.get("www-authenticate", ""))
        if claims is not None:
            call.token = self._token(claims)
            return True
        refused = call.token
        try:
            call.token = self._token()  # another thread may have renewed it meanwhile
            if call.token == refused:
                call.token = self._token(_issued_since(self._clock.now()))
        except (AuthError, ServiceError):
            return False  # nobody demanded a new one: the refusal itself says more than this failure
        return True

    def _token(self, claims: str | None = None) -> str:
        token = self._tokens.token(self._scope, claims=claims)
        # The HTTP library would quote a header that it cannot send in its error, and the token with it.
        if not _TOKEN.fullmatch(token):
            raise AuthError("the way to sign in returned something that is no access token")
        return token

    def _follow(self, call: _Call) -> Reply | _Failure:
        url = call.url
        for _ in range(_MAX_REDIRECTS + 1):
            result = self._round_trip(call, url)
            if isinstance(result, _Failure) or result.status not in _REDIRECTS:
                return result
            url = self._redirected(call, url, result)
        raise UnreadableReply(f"{call.what}: redirected more than {_MAX_REDIRECTS} times")

    def _round_trip(self, call: _Call, url: httpx2.URL) -> Reply | _Failure:
        try:
            with self._client.stream(
                call.method,
                url,
                content=call.content(),
                headers=call.all_headers(),
                timeout=self._timeouts(),
                extensions={"trace": self._cutoff.trace},
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                body = _unpack(headers, self._read(call, response), self._max_body)
                return Reply(response.status_code, headers, body)
        except httpx2.LocalProtocolError:
            raise  # we made a request that cannot be sent: a bug
        except httpx2.RequestError as error:
            return self._failure(call, error)
        except _TooLarge:
            raise UnreadableReply(
                f"{call.what}: an answer of more than {self._max_body} bytes", outcome_unknown=not call.safe
            ) from None

    def _timeouts(self) -> httpx2.Timeout:
        left = max(self._deadline.remaining(), 0.001)
        connect, read = min(self._connect_timeout, left), min(self._read_timeout, left)
        return httpx2.Timeout(connect=connect, read=read, write=read, pool=left)

    def _read(self, call: _Call, response: httpx2.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > self._max_body:
                raise _TooLarge
            if self._deadline.remaining() <= 0:
                raise httpx2.ReadTimeout("the deadline ran out", request=response.request)
        return bytes(body)

    def _failure(self, call: _Call, error: httpx2.RequestError) -> _Failure:
        if isinstance(error, _NEVER_SENT):
            return _connect_failure(self.base_url, error)
        if self._deadline.remaining() <= 0:
            why = f"the deadline of {self._deadline.seconds:g} s ran out"
        elif isinstance(error, httpx2.TimeoutException):
            why = f"no answer within {self._read_timeout:g} s"
        else:
            lost = SessionLost(f"{call.what}: the connection broke: {error}", outcome_unknown=not call.safe)
            return _Failure(AnswerLost("connection lost"), lost)
        timed_out = TimedOut(f"{call.what}: {why}", hint="allow more with --timeout", outcome_unknown=not call.safe)
        return _Failure(AnswerLost("no answer in time"), timed_out)

    # Where the token may go.

    def _resolve(self, path_or_url: str) -> httpx2.URL:
        if path_or_url.startswith("/"):
            return httpx2.URL(self.base_url + path_or_url)
        url = _parse_link(path_or_url)
        if _origin(url) not in self._origins or url.userinfo:
            raise UnreadableReply(
                f"{self.base_url} answered with a link to {url.scheme}://{url.host}, which is not followed",
                hint="a token for one service is not sent to another",
            )
        return url

    def _redirected(self, call: _Call, url: httpx2.URL, reply: Reply) -> httpx2.URL:
        # Exchange redirects to a name below the front door's [F]; libraries drop the token there, so: by hand.
        target = url.join(_parse_link(reply.headers.get("location", "")))
        if not is_at_or_below(str(target), self.base_url) or target.userinfo:
            raise UnreadableReply(
                f"{call.what}: redirected to {target.scheme}://{target.host}, which is not followed",
                hint="check the endpoint in the profile",
                request_id=reply.request_id,
            )
        self._origins.add(_origin(target))
        return target


def as_answer(reply: Reply) -> Answer:
    """What the retry decision needs of a reply: the text only where it is no success in JSON."""
    clean = reply.status < 400 and reply.body.lstrip()[:1] in (b"{", b"[")
    return Answer(reply.status, reply.headers, "" if clean else reply.text)


def demanded_claims(challenge: str) -> str | None:
    """The claims that a WWW-Authenticate header demands of the next token, as JSON; None where it demands none."""
    found = _CLAIMS.search(challenge)
    if found is None:
        return None
    coded = found.group(1).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        claims = base64.b64decode(coded + "=" * (-len(coded) % 4)).decode()
        return claims if isinstance(json_module.loads(claims), dict) else None
    except (ValueError, RecursionError):
        return None


def is_at_or_below(link: str, base_url: str) -> bool:
    """Whether a link leads to the base's host or a name below it, by the same scheme and port."""
    there, here = _origin(_parse_link(link)), _origin(_parse_link(base_url))
    below = not _is_ip(here.host) and _NAME.fullmatch(there.host) is not None and there.host.endswith(f".{here.host}")
    return (there.host == here.host or below) and (there.scheme, there.port) == (here.scheme, here.port)


def _issued_since(now: datetime) -> str:
    """Claims that only a new token satisfies, as a service itself would demand them: it gets past the token cache."""
    return json_module.dumps({"access_token": {"nbf": {"essential": True, "value": str(int(now.timestamp()))}}})


@dataclass(slots=True)
class _Call:
    """One request on its way, with what it has used up."""

    method: str
    url: httpx2.URL
    json: object
    headers: Mapping[str, str]
    safe: bool
    token: str = field(default="", repr=False)
    renewed: bool = False

    @property
    def what(self) -> str:
        """Method, host and path: a query may hold a continuation token."""
        return f"{self.method} {self.url.host}{self.url.path}"

    def content(self) -> bytes | None:
        body = self.json.make(f"Bearer {self.token}") if isinstance(self.json, WithAuthorization) else self.json
        return None if body is None else json_module.dumps(body).encode()

    def all_headers(self) -> httpx2.Headers:
        headers = httpx2.Headers({} if self.json is None else {"Content-Type": "application/json"})
        headers.update(self.headers)
        headers["Authorization"] = f"Bearer {self.token}"
        return headers


@dataclass(frozen=True, slots=True)
class _Failure:
    """No answer: what the decision needs to know of it, and the error if it stays so."""

    outcome: NotSent | AnswerLost
    error: ServiceError


class _TooLarge(Exception):
    """More bytes than an answer may have."""


_NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)


def _connect_failure(base_url: str, error: httpx2.RequestError) -> _Failure:
    hint, hopeless = "check the endpoint, the network and HTTPS_PROXY", isinstance(error, httpx2.ProxyError)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            hint, hopeless = "a private CA is named as `ca` in the profile; http is not https", True
        elif isinstance(cause, socket.gaierror):
            hopeless = cause.errno != socket.EAI_AGAIN
    why = str(error) or "no connection in time"
    return _Failure(
        NotSent("no connection", hopeless), ConnectFailed(f"cannot connect to {base_url}: {why}", hint=hint)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _unpack(headers: Mapping[str, str], body: bytes, limit: int) -> bytes:
    """
    The body without its gzip, where it is gzip.

    The header alone is not believed, the first two bytes are asked too. Raises _TooLarge, and DecodingError for one
    that is damaged or ends too early.
    """
    if headers.get("content-encoding", "").strip().lower() != "gzip" or body[:2] != b"\x1f\x8b":
        return body
    unzip = zlib.decompressobj(wbits=31)
    try:
        unpacked = unzip.decompress(body, limit + 1)
    except zlib.error:
        raise httpx2.DecodingError("the answer's gzip is damaged") from None
    if len(unpacked) > limit:
        raise _TooLarge
    if not unzip.eof or unzip.unused_data:
        raise httpx2.DecodingError("the answer's gzip is not whole")
    return unpacked


class _Origin(NamedTuple):
    """Whom a URL leads to."""

    scheme: str
    host: str
    port: int


def _origin(url: httpx2.URL) -> _Origin:
    return _Origin(url.scheme, url.host, url.port or (80 if url.scheme == "http" else 443))


def _parse_base(base_url: str) -> httpx2.URL:
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL:
        raise UsageError(f"{base_url!r} is no address of a service", hint=_BASE_HINT) from None
    if not url.host or url.userinfo or url.query or url.path not in ("", "/"):
        raise UsageError(f"{base_url!r} is no address of a service", hint=_BASE_HINT)
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.host)):
        raise UsageError(f"{base_url!r} is not https: an access token would travel in clear", hint=_BASE_HINT)
    return url


_BASE_HINT = "an endpoint is written https://host or https://host:port"


def _parse_link(link: str) -> httpx2.URL:
    try:
        return httpx2.URL(link)
    except httpx2.InvalidURL:
        raise UnreadableReply("the service answered with a link that is no URL") from None


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, for which no proxy is asked."""
    if _is_ip(host):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")

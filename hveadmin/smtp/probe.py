"""
One real attempt: connect, STARTTLS with the certificate checked, AUTH XOAUTH2, and a message where one is given.

The standard library's smtplib talks; around it stand what a diagnosis needs and it does not have: a deadline over
everything (a server that drips bytes never lets a read time out), a bound on what a server may say, and every stage
with its time. A failure is a stage that did not pass, not an exception. The token goes out once and is in no message.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from hveadmin.domain.ids import Address
from hveadmin.domain.ports import Clock
from hveadmin.domain.sending import PORT, Attempt, Message, Result, Stage, StageSeen, TlsSeen
from hveadmin.domain.smtp_replies import Reply
from hveadmin.errors import UsageError
from hveadmin.smtp.xoauth2 import Conversation, Ended, Send, Verdict

_MAX_LINE = 8192
_MAX_LINES = 200
CONNECT_SECONDS = 20.0
"""For a connection and its greeting: a firewall that drops is not waited for as long as a whole attempt may take."""
_ME = "[127.0.0.1]"
"""What EHLO says: an address literal, which is right for a machine of whatever name."""


class SmtpProbe:
    """Tries to send through one server (implements `domain.ports.MailProbe`)."""

    def __init__(
        self, server: str, trust: ssl.SSLContext, clock: Clock, *, timeout: float, patience: float = CONNECT_SECONDS
    ) -> None:
        """
        `server` is `host` or `host:port`; `timeout` is for a whole attempt, `patience` for each answer up to the
        greeting, both in seconds. Raises UsageError.
        """
        self._host, self._port = _host_and_port(server)
        self._trust = trust
        self._clock = clock
        self._timeout = timeout
        self._patience = patience

    def attempt(self, account: Address, token: str, message: Message | None = None) -> Attempt:
        """
        Try to authenticate as an account with a token, and to send a message where one is given.

        Raises UsageError for an address or a token that cannot be sent at all; nothing was contacted then.
        """
        conversation = Conversation(account.value, token)
        for each in message.to if message is not None else ():
            _refuse_recipient(each)
        with _Line(self._host, self._port, self._clock, self._timeout, self._patience) as line:
            seen = _Seen(line, account, self._clock)
            with contextlib.suppress(_Stop):
                self._go_through(line, seen, conversation, message)
            line.quit()
        return seen.attempt()

    def _go_through(self, line: _Line, seen: _Seen, conversation: Conversation, message: Message | None) -> None:
        seen.stage(Stage.CONNECT, lambda: _connect(line, seen))
        seen.stage(Stage.EHLO, lambda: _expect(line.smtp.ehlo(), 250))
        seen.stage(Stage.STARTTLS, lambda: self._encrypt(line, seen))
        seen.stage(Stage.AUTH, lambda: _authenticate(line, seen, conversation))
        if message is not None:
            seen.stage(Stage.SEND, lambda: _send(line, seen, message))

    def _encrypt(self, line: _Line, seen: _Seen) -> str:
        if not line.smtp.has_extn("starttls"):
            raise _Refusal("the server offers no STARTTLS, and a token is never sent without it", _NO_STARTTLS)
        _expect(line.smtp.docmd("STARTTLS"), 220)
        line.encrypt(self._trust)
        seen.tls = _tls_of(line.smtp.sock)
        _expect(line.smtp.ehlo(), 250)
        seen.offers = tuple(f"{name.upper()} {value}".strip() for name, value in line.smtp.esmtp_features.items())
        return f"{seen.tls.version}, certificate for {seen.tls.subject} signed by {seen.tls.issuer}"


_NO_STARTTLS = "name the HVE endpoint, smtp.hve.mx.microsoft:587, or look for a proxy that takes STARTTLS away"


def _host_and_port(server: str) -> tuple[str, int]:
    host, colon, port = server.rpartition(":") if not server.endswith("]") else (server, "", "")
    if not colon:
        host, port = server, str(PORT)
    if not _is_host(host) or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"{server!r} is no server", hint="it is written host:port, like smtp.hve.mx.microsoft:587")
    return host.strip("[]"), int(port)


def _is_host(host: str) -> bool:
    """Whether it can be a name or an address; one of IPv6 stands in brackets, or its end would pass for a port."""
    if host.startswith("[") and host.endswith("]"):
        return ":" in host
    if not host or ":" in host or "/" in host or any(each.isspace() for each in host):
        return False
    try:
        # What `socket` does with it; a label of more than 63 octets, or an empty one, is an error there.
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def _refuse_recipient(to: Address) -> None:
    if not to.value.isascii():
        raise UsageError(
            f"{to.value!r} has characters outside ASCII, and a test message goes to plain addresses only",
            hint="name a recipient whose address is ASCII",
        )
    if {*"<>"} & {*to.value}:
        raise UsageError(f"{to.value!r} is not a mail address", hint="it is written like anna.holm@contoso.com")


# What stages do; each returns what was said, or raises _Refusal or an OSError


def _connect(line: _Line, seen: _Seen) -> str:
    code, text = line.smtp.connect(line.host, line.port)
    line.connected()
    seen.greeting = _text(text)
    return _expect((code, text), 220)


def _authenticate(line: _Line, seen: _Seen, conversation: Conversation) -> str:
    move: Send | Ended = conversation.start()
    while isinstance(move, Send):
        code, text = line.smtp.docmd(move.line.decode("ascii"))
        seen.reply = _reply(code, text)
        move = conversation.receive(code, seen.reply.text)
    seen.challenged = move.challenge is not None
    match move.verdict:
        case Verdict.ACCEPTED:
            return str(seen.reply)
        case Verdict.NONSENSE:
            raise _Nonsense(f"the server answered AUTH with {seen.reply}")
        case Verdict.REFUSED | Verdict.NOT_OFFERED:
            raise _Refusal(str(seen.reply))


def _send(line: _Line, seen: _Seen, message: Message) -> str:
    _keep(seen, line.smtp.mail(seen.account.value), 250)
    for each in message.to:
        _keep(seen, line.smtp.rcpt(each.value), 250, 251)
    ready, text = line.smtp.docmd("DATA")
    _keep(seen, (ready, text), 354)
    made = compose(seen.account, message, line.clock.now())
    # A line that begins with a full stop has another put before it; the message is ASCII and has CRLF already.
    content = made.as_bytes().replace(b"\r\n.", b"\r\n..")
    line.smtp.send(content + b".\r\n")
    said = _keep(seen, line.smtp.getreply(), 250)
    seen.message_id = str(made["Message-ID"])
    return said


def compose(account: Address, message: Message, now: datetime) -> EmailMessage:
    """The message as it goes out: From is the account, which HVE demands; marked as sent by a program."""
    from email.policy import SMTP

    made = EmailMessage(policy=SMTP)
    made["From"] = account.value
    made["To"] = ", ".join(each.value for each in message.to)
    made["Subject"] = message.subject
    made["Date"] = format_datetime(now)
    made["Message-ID"] = make_msgid(domain=account.value.rpartition("@")[2])
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(message.text)
    return made


def _keep(seen: _Seen, answer: tuple[int, bytes], *good: int) -> str:
    seen.reply = _reply(*answer)
    return _expect(answer, *good)


def _expect(answer: tuple[int, bytes], *good: int) -> str:
    said = str(_reply(*answer))
    if answer[0] not in good:
        raise _Refusal(said)
    return said


def _reply(code: int, text: bytes) -> Reply:
    return Reply(code, tuple(_text(text).split("\n")))


def _text(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _tls_of(connection: object) -> TlsSeen:
    if not isinstance(connection, ssl.SSLSocket):
        raise _Nonsense("the connection is not encrypted after STARTTLS")
    certificate = connection.getpeercert() or {}
    cipher = connection.cipher()
    ends = certificate.get("notAfter")
    return TlsSeen(
        version=connection.version() or "",
        cipher=cipher[0] if cipher else "",
        subject=_name(certificate.get("subject")),
        issuer=_name(certificate.get("issuer")),
        valid_until=datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None,
    )


def _name(parts: object) -> str:
    """A certificate's name: its common name, else its organisation."""
    found = {key: value for part in parts for key, value in part} if isinstance(parts, tuple) else {}
    return str(found.get("commonName") or found.get("organizationName") or "?")


# What was seen so far


class _Stop(Exception):
    """A stage did not pass: there is nothing to go on with."""


class _Refusal(Exception):
    """The server said no."""

    def __init__(self, said: str, advice: str = "") -> None:
        super().__init__(said)
        self.advice = advice


class _Nonsense(Exception):
    """The server said what no SMTP server says."""


class _Seen:
    def __init__(self, line: _Line, account: Address, clock: Clock) -> None:
        self._line, self.account, self._clock = line, account, clock
        self._stages: list[StageSeen] = []
        self.greeting = ""
        self.tls: TlsSeen | None = None
        self.offers: tuple[str, ...] = ()
        self.reply: Reply | None = None
        self.challenged = False
        self.message_id = ""

    def stage(self, stage: Stage, work: Callable[[], str]) -> None:
        """Do what a stage does, note what came of it, and raise _Stop where it did not pass."""
        began = self._clock.monotonic()
        result, advice = Result.PASSED, ""
        try:
            said = work()
        except _Refusal as refusal:
            result, said, advice = Result.REFUSED, str(refusal), refusal.advice
        except (_Nonsense, OSError, smtplib.SMTPException) as error:
            result, (said, advice) = Result.BROKEN, _in_words(self._line.cause(error))
        self._stages.append(StageSeen(stage, result, self._clock.monotonic() - began, said, advice))
        if result is not Result.PASSED:
            raise _Stop

    def attempt(self) -> Attempt:
        host = f"[{self._line.host}]" if ":" in self._line.host else self._line.host
        return Attempt(
            server=f"{host}:{self._line.port}",
            account=self.account,
            stages=tuple(self._stages),
            greeting=self.greeting,
            tls=self.tls,
            offers=self.offers,
            reply=self.reply,
            challenged=self.challenged,
            message_id=self.message_id,
        )


_NO_ROUTE = "is the address right, and is port 587 open to the outside from here?"
_NAME_CA = "name its authority as `ca` in the profile, if it is yours"
_OTHER_HOST = "name the server as its certificate does; if that is not its name, somebody else answers there"
_UNTRUSTED = {
    9: "its certificate is not good yet: is this machine's clock right?",
    10: "its certificate has expired: whoever runs the server renews it; or is this machine's clock wrong?",
    62: _OTHER_HOST,
    64: _OTHER_HOST,
}
"""What else is wrong with a certificate, by OpenSSL's number (X509_V_ERR): naming an authority would not mend it."""


def _in_words(error: Exception) -> tuple[str, str]:
    """What happened, and what to do about it."""
    match error:
        case _Nonsense():
            return str(error), "is this an SMTP server, and is nothing in between?"
        case _OutOfTime():
            return f"no answer within {error.seconds:g} s", "allow more with --timeout, or see whether a firewall drops"
        case ssl.SSLCertVerificationError():
            why = error.verify_message.rstrip(".")
            return f"the certificate is not trusted: {why}", _UNTRUSTED.get(error.verify_code, _NAME_CA)
        case ssl.SSLError():
            return f"no encrypted connection: {error.reason or error}", "TLS 1.2 or newer is needed on both sides"
        case socket.gaierror():
            return "the server's name cannot be resolved", "is the endpoint spelt right?"
        case smtplib.SMTPServerDisconnected() | ConnectionResetError() | BrokenPipeError():
            return "the server closed the connection", "try again; a server that is busy does this"
        case smtplib.SMTPResponseException():
            return f"{error.smtp_code} {error.smtp_error!r}", "try again later"
        case OSError():
            return f"no connection: {error.strerror or error}", _NO_ROUTE
        case _:
            return f"the server answered what cannot be read: {error}", "is this an SMTP server?"


# The line


class _OutOfTime(OSError):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"the deadline of {seconds:g} s ran out")
        self.seconds = seconds


class _Smtp(smtplib.SMTP):
    """smtplib, with a bound on what a server may say."""

    def __init__(self, seconds: float) -> None:
        super().__init__(local_hostname=_ME, timeout=seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """A connection to one of the host's addresses, each with its share of the time: smtplib gives all to each."""
        end = time.monotonic() + timeout
        addresses = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        error: OSError = TimeoutError("no time left")
        for number, address in enumerate(addresses):
            share = max(end - time.monotonic(), 0.1) / (len(addresses) - number)
            try:
                return socket.create_connection((address, port), share)
            except OSError as refused:
                error = refused
        raise error

    def getreply(self) -> tuple[int, bytes]:
        """One reply. Raises _Nonsense where it is too long or no reply at all."""
        said: list[bytes] = []
        while True:
            line = self._read_line()
            if len(line) > _MAX_LINE:
                raise _Nonsense(f"the server sent a line of more than {_MAX_LINE:,} octets")
            if not line[:3].isdigit() or line[3:4] not in (b" ", b"-", b"\r", b"\n"):
                raise _Nonsense(f"the server sent what is no reply: {_text(line[:60]).strip()!r}")
            said.append(line[4:].strip(b" \t\r\n"))
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(said)
            if len(said) >= _MAX_LINES:
                raise _Nonsense(f"the server sent more than {_MAX_LINES} lines in one reply")

    def _read_line(self) -> bytes:
        if self.file is None:  # set by smtplib: to None at first, and again by starttls
            assert self.sock is not None  # noqa: S101 — connected by then
            self.file = self.sock.makefile("rb")
        line: bytes = self.file.readline(_MAX_LINE + 1)
        if not line:
            self.close()
            raise smtplib.SMTPServerDisconnected("closed")
        return line


class _Line:
    """The connection, cut when the deadline has passed. A context manager."""

    def __init__(self, host: str, port: int, clock: Clock, seconds: float, patience: float) -> None:
        self.host, self.port, self.clock = host, port, clock
        self._seconds = seconds
        self._patience = min(seconds, patience)
        self.smtp: smtplib.SMTP = _Smtp(self._patience)
        self.expired = False
        self._cutter = threading.Timer(seconds, self._cut)
        self._cutter.daemon = True

    def __enter__(self) -> _Line:
        self._cutter.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._cutter.cancel()
        self.smtp.close()

    def connected(self) -> None:
        """From here on only the deadline counts."""
        self._patience = self._seconds
        if self.smtp.sock is not None:
            self.smtp.sock.settimeout(self._seconds)

    def encrypt(self, trust: ssl.SSLContext) -> None:
        """
        Go on encrypted. What the server said before is forgotten, also what it said too early (RFC 3207).

        smtplib's own `starttls` checks the certificate against a name that only its constructor sets, which connects
        at once.
        """
        assert self.smtp.sock is not None  # noqa: S101 — connected by then
        self.smtp.sock = trust.wrap_socket(self.smtp.sock, server_hostname=self.host)
        self.smtp.file = None
        self.smtp.ehlo_resp = self.smtp.helo_resp = None
        self.smtp.esmtp_features = {}
        self.smtp.does_esmtp = False

    def quit(self) -> None:
        """Say goodbye where anybody listens; what was found out stands whatever comes of it."""
        if self.smtp.sock is not None and not self.expired:
            with contextlib.suppress(OSError, smtplib.SMTPException, _Nonsense):
                self.smtp.sock.settimeout(2.0)
                self.smtp.quit()

    def _cut(self) -> None:
        self.expired = True
        if self.smtp.sock is not None:
            with contextlib.suppress(OSError):
                self.smtp.sock.shutdown(socket.SHUT_RDWR)

    def cause(self, error: Exception) -> Exception:
        """What broke it: whatever breaks because the line was cut is a deadline that ran out."""
        if self.expired or isinstance(error, TimeoutError):
            return _OutOfTime(self._seconds if self.expired else self._patience)
        return error

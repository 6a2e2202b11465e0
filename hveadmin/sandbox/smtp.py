"""
The SMTP endpoint of High Volume Email, as a sending application meets it on port 587.

The capabilities and the order of things are those of Exchange Online [F: its EHLO as others recorded it; D: OAuth for
IMAP, POP and SMTP]: STARTTLS first (AUTH before it is a 504), then AUTH LOGIN or XOAUTH2, on one line or after a 334,
then mail of the account itself, to the tenant's own domains, to 50 recipients and of 10 MB at most. What a reply says
is in `smtp_replies`, who may sign in is in `smtp_sign_in`; here is only the conversation. All tenants are behind one
port: the account's domain tells which one is meant.

aiosmtpd speaks the protocol; it is told what it does not know: Exchange's codes, long tokens, CHUNKING, and the
parameters of DSN. Its log would hold what clients send, so it is switched off.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import secrets
import traceback
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from aiosmtpd.smtp import SMTP, Envelope, Session, TLSSetupException
from starlette.concurrency import run_in_threadpool

from hveadmin.sandbox.entra import domains_of
from hveadmin.sandbox.mailbox import Received, from_addresses, headers_of, parsed
from hveadmin.sandbox.smtp_calls import SmtpReply
from hveadmin.sandbox.smtp_faults import LONG_LINE_OCTETS, SmtpFault, SmtpFaultKind, Step
from hveadmin.sandbox.smtp_listener import SmtpService
from hveadmin.sandbox.smtp_replies import (
    EXTERNAL_RECIPIENT,
    NO_BILLING,
    NO_TLS_NO_AUTH,
    NOT_AUTHENTICATED,
    SERVER,
    TOO_LARGE,
    TOO_MANY_RECIPIENTS,
    WRONG_FROM_HEADER,
    WRONG_MAIL_FROM,
    Why,
    for_ticket,
    refusal,
    with_enhanced_code,
)
from hveadmin.sandbox.smtp_sign_in import NotSignedIn, SignedIn
from hveadmin.sandbox.tenant import Billing

MAX_RECIPIENTS = 50
"""Of one message [F: postfix-entra-relay, which cites Microsoft's page]."""
MAX_OCTETS = 10 * 1024 * 1024
"""Of one message [F: the same]; what EHLO offers is Exchange Online's own 150 MB [F]."""
_OFFERED_OCTETS = 157_286_400
_LINE_OCTETS = 65_536
"""Of one line. A token with many groups in it takes 20,000 and more; RFC 5321's 512 would hold none at all."""
_MECHANISMS = ("LOGIN", "XOAUTH2")
_KNOWN_MECHANISMS = (*_MECHANISMS, "PLAIN", "OAUTHBEARER", "CRAM-MD5", "NTLM")
"""Those whose names may be counted; anything else after AUTH may be a secret."""
_CHALLENGE = {"status": "401", "schemes": "bearer", "scope": "mail"}
"""What Dovecot says to a token that it does not take [O]."""
_NONSENSE = b"250-one thing\r\n999-another\r\nno code at all\r\n535-5.7.3 and\r\n\x00\xff\xfe\r\n535-5.7.3 no end\r\n"
_STEPS = {each.name: each for each in (Step.EHLO, Step.STARTTLS, Step.AUTH, Step.MAIL, Step.RCPT, Step.DATA, Step.QUIT)}

_log = logging.getLogger(__name__)
# The library logs each line that it does not understand, and to a client that has lost its place that is its token.
logging.getLogger("mail.log").addFilter(lambda record: False)


class _Struck(Exception):
    """A fault has been played in place of the reply."""


class _GivenUp(Exception):
    """The client took its AUTH back; the argument is the reply."""


class Conversation(SMTP):
    """One connection."""

    line_length_limit = _LINE_OCTETS

    def __init__(self, service: SmtpService, on_end: Callable[[Conversation], None]) -> None:
        self._service = service
        self._on_end = on_end
        self._id = f"08D{secrets.token_hex(7).upper()[:13]}"
        self.signed_in: SignedIn | None = None
        self.answering: str = Step.CONNECT.value
        self._chunks = bytearray()
        self._mute = False
        self._loses_reply = False
        self._offers_tls = True
        self._wrong_certificate: SmtpFault | None = None
        super().__init__(
            _Rules(service),
            data_size_limit=MAX_OCTETS,
            enable_SMTPUTF8=True,
            hostname=SERVER,
            ident="Microsoft ESMTP MAIL Service ready (hveadmin sandbox)",
            loop=asyncio.get_running_loop(),
        )
        # The library keeps one such table for all connections, and lets each of them add to it.
        self.command_size_limits = defaultdict(lambda: self.command_size_limit)
        self.command_size_limits |= {"AUTH": _LINE_OCTETS, "MAIL": 2048, "RCPT": 2048}
        self._smtp_methods = {verb: self._answered(verb, method) for verb, method in self._smtp_methods.items()}

    # Beginning and end

    def abort(self) -> None:
        """Break the connection."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._on_end(self)

    async def _handle_client(self) -> None:
        try:
            await self.meet(Step.CONNECT)
        except _Struck:
            # Something else than the greeting was said.
            self._mute = True
        try:
            await super()._handle_client()
        except ConnectionError:
            # The client has gone; it knows why.
            return

    async def _never(self) -> NoReturn:
        """Wait until the connection ends, which ends this task too."""
        await asyncio.Event().wait()
        raise AssertionError("nobody sets this event")

    # Replies

    async def push(self, status: str | bytes) -> None:
        """Say one line."""
        if self._mute:
            self._mute = False
            return
        if self._loses_reply:
            self.abort()
            await self._never()
        text = status.decode("ascii") if isinstance(status, bytes) else status
        line = with_enhanced_code(_SAID_OTHERWISE.get(text, text))
        if line[3:4] != "-":
            self._note(line)
        await super().push(line.encode("ascii", "backslashreplace"))

    def _note(self, line: str) -> None:
        found = re.match(r"\d{3}(?: \d\.\d{1,3}\.\d{1,3}\b)?", line)
        self._service.calls.note(SmtpReply(self.answering, "?" if found is None else found[0]))

    def ticket(self, text: str) -> str:
        """A reply with what a support ticket asks for."""
        return for_ticket(text, self._service.doorkeeper.clock(), self._id)

    def _answered(self, verb: str, method: Callable[[str | None], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        """A command with what it may be struck by, and with its name for the counting."""

        async def answer(arg: str | None) -> None:
            self.answering = _label(verb, arg)
            try:
                if verb in _STEPS:
                    await self.meet(_STEPS[verb])
                await method(arg)
            except _Struck:
                self._set_post_data_state()
            finally:
                self.answering = "?"

        return answer

    # Faults

    async def meet(self, step: Step) -> None:
        """Play the faults of a step. Raises _Struck where one stood in for the reply."""
        for fault in await run_in_threadpool(self._service.faults.take, step):
            await self._play(fault)

    async def _play(self, fault: SmtpFault) -> None:
        match fault.kind:
            case SmtpFaultKind.LATENCY:
                await asyncio.sleep(fault.seconds)
            case SmtpFaultKind.HANG:
                await self._never()
            case SmtpFaultKind.DROP:
                self.abort()
                await self._never()
            case SmtpFaultKind.REPLY_LOST:
                self._loses_reply = True
            case SmtpFaultKind.NO_STARTTLS:
                self._offers_tls = False
            case SmtpFaultKind.WRONG_CERTIFICATE:
                self._wrong_certificate = fault
            case SmtpFaultKind.REPLY:
                await self._say_instead("\r\n".join(fault.text.splitlines()).encode() + b"\r\n")
            case SmtpFaultKind.NONSENSE:
                await self._say_instead(_NONSENSE)
            case SmtpFaultKind.LONG_LINE:
                await self._say_instead(b"535 5.7.3 ".ljust(LONG_LINE_OCTETS - 2, b"x") + b"\r\n")

    async def _say_instead(self, octets: bytes) -> None:
        self._note(octets.decode("ascii", "replace"))
        self._writer.write(octets)
        await self._writer.drain()
        if octets.startswith(b"421"):
            self._writer.close()
            await self._never()
        raise _Struck

    # Encryption

    async def smtp_EHLO(self, hostname: str | None) -> None:
        if not hostname or self.session is None:
            await self.push("501 Syntax: EHLO hostname")
            return
        self._set_post_data_state()
        self.session.extended_smtp = True
        self.session.host_name = hostname
        host = self.session.peer[0] if self.session.peer else ""
        offers = [f"{SERVER} Hello [{host}]", f"SIZE {_OFFERED_OCTETS}", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES"]
        if self._is_encrypted:
            offers.append(f"AUTH {' '.join(_MECHANISMS)}")
        elif self._offers_tls:
            offers.append("STARTTLS")
        for offer in (*offers, "8BITMIME", "BINARYMIME", "CHUNKING"):
            await self.push(f"250-{offer}")
        await self.push("250 SMTPUTF8")

    @property
    def _is_encrypted(self) -> bool:
        return self._tls_protocol is not None

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        if self._is_encrypted or not self._offers_tls:
            await self.push("502 5.3.3 Command not implemented")
            return
        wrong = self._wrong_certificate
        self.tls_context = self._service.tls() if wrong is None else self._service.wrong_tls(wrong.name)
        await super().smtp_STARTTLS(arg or "")

    # Signing in

    async def smtp_AUTH(self, arg: str | None) -> None:
        mechanism, _, initial = (arg or "").strip().partition(" ")
        mechanism = mechanism.upper()
        if await self.check_helo_needed("EHLO"):
            return
        if not self._is_encrypted or mechanism not in _MECHANISMS:
            await self.push(NO_TLS_NO_AUTH)
            return
        if self.signed_in is not None:
            await self.push("503 5.5.2 Already authenticated")
            return
        how = self._xoauth2 if mechanism == "XOAUTH2" else self._login
        try:
            try:
                self.signed_in = await how(initial.strip())
            except NotSignedIn as refused:
                await self._refuse(refused.why, may_challenge=mechanism == "XOAUTH2")
                return
        except _GivenUp as given_up:
            await self.push(str(given_up))
            return
        await self.push("235 2.7.0 Authentication successful")

    async def _xoauth2(self, initial: str) -> SignedIn:
        blob = initial.encode() if initial else await self._answer_to(b"")
        self.answering = Step.CREDENTIAL.value
        await self.meet(Step.CREDENTIAL)
        return await run_in_threadpool(self._service.doorkeeper.with_token, blob)

    async def _login(self, initial: str) -> SignedIn:
        user = initial.encode() if initial else await self._answer_to(b"Username:")
        password = await self._answer_to(b"Password:")
        self.answering = Step.CREDENTIAL.value
        await self.meet(Step.CREDENTIAL)
        try:
            said = [base64.b64decode(each, validate=True).decode() for each in (user, password)]
        except ValueError:
            raise NotSignedIn(Why.WRONG_PASSWORD) from None
        return await run_in_threadpool(self._service.doorkeeper.with_password, *said)

    async def _refuse(self, why: Why, *, may_challenge: bool) -> None:
        switches = self._service.doorkeeper.switches()
        if may_challenge and switches.smtp_challenge:
            answer = await self._answer_to(json.dumps(_CHALLENGE).encode())
            self.answering = "challenge"
            if answer:
                # Whoever sends its token again has not understood the challenge [RFC 7628: an empty answer].
                raise _GivenUp("501 5.5.4 The answer to a challenge must be empty")
        await self.push(self.ticket(refusal(why, switches.smtp_replies)))

    async def _answer_to(self, challenge: bytes) -> bytes:
        """What the client says to a 334: one line, without its end. Raises _GivenUp."""
        await self.push(b"334 " + base64.b64encode(challenge))
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            await self._skip_line()
            raise _GivenUp("500 5.5.2 Line too long") from None
        if line.strip() == b"*":
            raise _GivenUp("501 5.7.0 Authentication cancelled")
        return line.strip()

    async def _skip_line(self) -> None:
        while True:
            try:
                await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as more:
                await self._reader.read(more.consumed)
            else:
                return

    # Mail

    async def smtp_MAIL(self, arg: str | None) -> None:
        if await self.check_helo_needed() or await self._is_stranger():
            return
        await super().smtp_MAIL(_without(arg, r"BODY=BINARYMIME|(?:RET|ENVID|AUTH)=\S*"))

    async def _is_stranger(self) -> bool:
        """Whether nobody is signed in any more; then that has been said."""
        if self.signed_in is None:
            await self.push(self.ticket(NOT_AUTHENTICATED))
            return True
        now = self._service.doorkeeper.clock().timestamp()
        if self.signed_in.expires is not None and now >= self.signed_in.expires:
            # A connection that outlives its token [F: 5.7.143; that it comes at MAIL is a guess].
            self.signed_in = None
            await self.push(self.ticket(refusal(Why.EXPIRED, self._service.doorkeeper.switches().smtp_replies)))
            return True
        return False

    async def smtp_RCPT(self, arg: str | None) -> None:
        await super().smtp_RCPT(_without(arg, r"(?:NOTIFY|ORCPT)=\S*"))

    async def smtp_VRFY(self, arg: str | None) -> None:
        await self.push("252 2.1.5 Cannot VRFY user")

    async def smtp_BDAT(self, arg: str | None) -> None:
        """A part of the message, as CHUNKING has it (RFC 3030): its octets follow the command at once."""
        asked = re.fullmatch(r"(\d{1,9})(?: (LAST))?", (arg or "").strip().upper())
        if asked is None:
            await self.push("501 Syntax: BDAT size [LAST]")
            return
        size, last = int(asked[1]), asked[2] is not None
        too_large = len(self._chunks) + size > MAX_OCTETS
        await self._read_chunk(size, keep=not too_large)
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
        elif too_large:
            self._set_post_data_state()
            await self.push(TOO_LARGE)
        elif not last:
            await self.push(f"250 2.0.0 {size} octets received")
        else:
            self.envelope.content = bytes(self._chunks)
            said = await self._call_handler_hook("DATA")
            self._set_post_data_state()
            await self.push(said)

    async def _read_chunk(self, size: int, *, keep: bool) -> None:
        while size > 0:
            part = await self._reader.readexactly(min(size, _LINE_OCTETS))
            size -= len(part)
            if keep:
                self._chunks += part

    def _set_post_data_state(self) -> None:
        self._chunks.clear()
        super()._set_post_data_state()  # type: ignore[no-untyped-call]


_SAID_OTHERWISE = {
    "220 Ready to start TLS": "220 2.0.0 SMTP server ready",
    "354 End data with <CR><LF>.<CR><LF>": "354 Start mail input; end with <CRLF>.<CRLF>",
    "552 Error: Too much mail data": TOO_LARGE,
    "552 Error: message size exceeds fixed maximum message size": TOO_LARGE,
}
"""The library's texts, in Exchange's words."""


def _label(verb: str, arg: str | None) -> str:
    mechanism = (arg or "").strip().partition(" ")[0].upper()
    return f"{verb} {mechanism}" if verb == "AUTH" and mechanism in _KNOWN_MECHANISMS else verb


def _without(arg: str | None, parameters: str) -> str | None:
    """A command's argument without those parameters that are offered, and that the library does not know."""
    return None if arg is None else re.sub(rf"\s(?:{parameters})(?=\s|$)", "", arg, flags=re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What the service lets a signed-in account do. The library calls these; what they return is the reply."""

    service: SmtpService

    async def handle_MAIL(
        self, server: Conversation, session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        who = _sender(server)
        if address.casefold() != who.account.casefold():
            return server.ticket(WRONG_MAIL_FROM)
        if not await run_in_threadpool(self._may_send, who):
            return server.ticket(NO_BILLING)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender OK"

    def _may_send(self, who: SignedIn) -> bool:
        account = self.service.doorkeeper.tenant(who.tenant_id).find(who.account)
        return account is not None and account.billing_status is Billing.VALID

    async def handle_RCPT(
        self, server: Conversation, session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return server.ticket(TOO_MANY_RECIPIENTS)
        if not await run_in_threadpool(self._is_internal, _sender(server), address):
            return server.ticket(EXTERNAL_RECIPIENT)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient OK"

    def _is_internal(self, who: SignedIn, address: str) -> bool:
        tenant = self.service.doorkeeper.store.get("", "tenant", who.tenant_id)
        return tenant is not None and address.rpartition("@")[2].casefold() in domains_of(tenant)

    async def handle_DATA(self, server: Conversation, session: Session, envelope: Envelope) -> str:
        server.answering = Step.MESSAGE.value
        await server.meet(Step.MESSAGE)
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        return await run_in_threadpool(self._accept, server, envelope, content)

    def _accept(self, server: Conversation, envelope: Envelope, content: bytes) -> str:
        who, message = _sender(server), parsed(content)
        authors = {each.casefold() for each in from_addresses(message)}
        # Without a From there is nobody to compare with; that this is refused too is a guess [G].
        if authors != {who.account.casefold()}:
            return server.ticket(WRONG_FROM_HEADER)
        kept = self.service.mailbox.keep(
            Received(
                tenant_id=who.tenant_id,
                account=who.account,
                sender=who.sender,
                mail_from=envelope.mail_from or "",
                recipients=tuple(_storable(each) for each in envelope.rcpt_tos),
                headers=headers_of(message),
                size=len(content),
                received_at=self.service.doorkeeper.clock(),
            ),
            content,
        )
        return f"250 2.6.0 [InternalId={kept.number}, Hostname={SERVER}] {kept.size} bytes Queued mail for delivery"

    async def handle_RSET(self, server: Conversation, session: Session, envelope: Envelope) -> str:
        return "250 2.0.0 Resetting"

    async def handle_NOOP(self, server: Conversation, session: Session, envelope: Envelope, arg: str | None) -> str:
        return "250 2.0.0 OK"

    async def handle_QUIT(self, server: Conversation, session: Session, envelope: Envelope) -> str:
        return "221 2.0.0 Service closing transmission channel"

    async def handle_exception(self, error: Exception) -> str:
        """A bug, or a TLS handshake that failed. What the client sent is in no message of ours."""
        if not isinstance(error, TLSSetupException | ConnectionError):
            where = "".join(traceback.format_tb(error.__traceback__))
            _log.error("%s at the sandbox's SMTP endpoint\n%s", type(error).__name__, where)
        return "451 4.3.0 Internal error"


def _sender(server: Conversation) -> SignedIn:
    """Who is signed in: nobody else gets as far as MAIL."""
    if server.signed_in is None:
        raise RuntimeError("nobody is signed in")
    return server.signed_in


def _storable(address: str) -> str:
    # Octets that are no UTF-8 come as lone surrogates, which nothing can keep.
    return address.encode("utf-8", "backslashreplace").decode()

"""
The SMTP endpoint's socket, and everything that a conversation on it needs.

Commands that start the sandbox for themselves hardly ever send mail, so the SMTP library is imported by the first
connection and not before.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hveadmin.sandbox.ca import PrivateCa
from hveadmin.sandbox.mailbox import Mailbox
from hveadmin.sandbox.smtp_calls import SmtpCalls
from hveadmin.sandbox.smtp_faults import SmtpFaultBook
from hveadmin.sandbox.smtp_sign_in import Doorkeeper

if TYPE_CHECKING:
    from hveadmin.sandbox.smtp import Conversation


@dataclass(frozen=True, slots=True)
class SmtpService:
    """What all conversations share."""

    doorkeeper: Doorkeeper
    mailbox: Mailbox
    faults: SmtpFaultBook
    calls: SmtpCalls
    ca: PrivateCa
    certificate: tuple[Path, Path]
    """The chain and the key of the sandbox's server."""

    def tls(self) -> ssl.SSLContext:
        """As the service has it: TLS 1.2 or newer [D]."""
        return _context(self.certificate)

    def wrong_tls(self, name: str) -> ssl.SSLContext:
        """A certificate for another host; without a name, one for this host that nobody trusts."""
        if name:
            return _context(self.ca.certificate_for(name))
        return _context(PrivateCa.open(self.ca.folder / "stranger").server_certificate())


def _context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(*certificate)
    return context


class SmtpListener:
    """Answers SMTP on a bound socket for as long as `answering` is entered."""

    def __init__(self, bound: socket.socket, service: SmtpService) -> None:
        self._bound = bound
        self._service = service
        self._conversations: set[Conversation] = set()

    @property
    def address(self) -> str:
        """`localhost:PORT`."""
        return f"localhost:{self._bound.getsockname()[1]}"

    def close(self) -> None:
        """Give the port back. Closing twice is no error."""
        self._bound.close()

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Answer on this thread's event loop; at the end, connections that are open break."""
        server = await asyncio.get_running_loop().create_server(self._converse, sock=self._bound)
        try:
            yield
        finally:
            server.close()
            for each in list(self._conversations):
                each.abort()

    def _converse(self) -> Conversation:
        from hveadmin.sandbox.smtp import Conversation

        begun = Conversation(self._service, self._conversations.discard)
        self._conversations.add(begun)
        return begun

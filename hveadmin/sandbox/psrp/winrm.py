"""
WinRM as HTTP: `/wsman`, over https and over http on loopback.

A caller is known by name and password (Basic), or by its connection (Negotiate with NTLM), where bodies may be
encrypted. Real hosts take Basic over http only where an administrator allowed it; this one is on loopback, and does.
"""

from __future__ import annotations

import base64
from weakref import WeakKeyDictionary

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hveadmin.sandbox.faults import TRANSPORT, BrokenConnection, Silence
from hveadmin.sandbox.psrp.host import ManagementHost
from hveadmin.sandbox.psrp.negotiate import CHALLENGES, ENCRYPTED, Admitted, Caller, NotAdmitted, Undecipherable
from hveadmin.sandbox.psrp.tally import Tally
from hveadmin.sandbox.psrp.wsman import AnswerLost, ClientGone, WsMan

_SOAP = "application/soap+xml;charset=UTF-8"


class WinRm:
    """The service on all its ports."""

    def __init__(self, host: ManagementHost, tally: Tally) -> None:
        self._host = host
        self._wsman = WsMan(host, tally)
        # A connection is gone when its transport is; nobody has to say so.
        self._callers: WeakKeyDictionary[object, Caller] = WeakKeyDictionary()

    def abandon(self) -> None:
        """Nothing that still runs goes on."""
        self._wsman.abandon()

    async def answer(self, request: Request) -> Response:
        """Answer a POST of an envelope, or of a step of the handshake."""
        body = await request.body()
        caller = self._callers.setdefault(request.scope["state"][TRANSPORT], Caller())
        try:
            admitted = await run_in_threadpool(
                caller.admit, request.headers.get("authorization", ""), self._host.users()
            )
            said = _last_word(admitted)
            if not body:
                # The first step of a client that encrypts: it only wants to be known.
                return Response(status_code=200, headers=said)
            sealed = request.headers.get("content-type", "").startswith("multipart/encrypted")
            status, text = await self._wsman.answer(
                caller.decipher(body) if sealed else body, admitted.name, request.receive
            )
        except NotAdmitted as refused:
            return _unauthorised(refused.token)
        except Undecipherable:
            return _unauthorised(b"")
        except AnswerLost:
            return BrokenConnection()
        except ClientGone:
            return Silence()
        if sealed:
            return Response(caller.encipher(text.encode()), status, {**said, "Content-Type": ENCRYPTED})
        return Response(text, status, {**said, "Content-Type": _SOAP})


def _last_word(admitted: Admitted) -> dict[str, str]:
    """The header with which a handshake ends; none where there was no handshake."""
    return {"WWW-Authenticate": f"Negotiate {_encoded(admitted.token)}"} if admitted.token else {}


def _unauthorised(token: bytes) -> Response:
    """401: the handshake's next word, or all that is offered."""
    refusal = Response(status_code=401)
    for challenge in [f"Negotiate {_encoded(token)}"] if token else CHALLENGES:
        refusal.headers.append("WWW-Authenticate", challenge)
    return refusal


def _encoded(token: bytes) -> str:
    return base64.b64encode(token).decode("ascii")

"""
Error records as errors, through the one table of `failures`.

The module writes `Ex6F9304|Full.Exception.Name|sentence` into a record's message, and server and request id into its
FullyQualifiedErrorId [O]. Under `ErrorAction Stop` PowerShell puts a sentence of its own before it [F]. There is no
HTTP status; where the module could not reach the service, its text names one [F].
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from hveadmin.errors import CmdletFailed
from hveadmin.exchange.failures import Asked, Fault, failure, shown, split_message
from hveadmin.exchange.powershell.runspace import Trouble
from hveadmin.wire.retry import CONCURRENT_REQUESTS, TRANSIENT_EXCEPTIONS, Answer

UNKNOWN_COMMAND = "CommandNotFoundException"

# PowerShell's own words before the error that made it stop, in English.
_STOPPED = re.compile(
    r'The running command stopped because the preference variable "\w+".*? is set to Stop: ', re.DOTALL
)
_HTTP_STATUS = re.compile(r"HttpStatusCode=(\d{3})")
_SERVER = re.compile(r"\[Server=([^,\]]*),RequestId=([^,\]]*)")
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_.=-]{10,}")
# Refused while the parameters were bound: nothing was executed.
_NOT_BEGUN = ("ParameterBinding", UNKNOWN_COMMAND)


@dataclass(frozen=True, slots=True)
class Reported:
    """A trouble, taken apart."""

    fault: Fault
    status: int
    """As if it had come over HTTP; 0 where nobody can say."""
    server: str
    request_id: str

    @property
    def answer(self) -> Answer:
        """The same for `retry.decide`."""
        return Answer(self.status, {}, f"{self.fault.exception} {self.fault.text}")

    def with_text(self, text: str) -> Reported:
        """The same in other words."""
        return replace(self, fault=replace(self.fault, text=text))


def reported(trouble: Trouble) -> Reported:
    """Take an error record apart."""
    told = split_message(_STOPPED.sub("", trouble.text.strip(), count=1).strip())
    # Only what Exchange named itself: an exception of PowerShell's says how it got here, not what went wrong.
    exception = told.exception or trouble.exception.removeprefix("Deserialized.")
    fault = Fault(shown(told.text) or exception or "no reason given", exception, told.code)
    server, request_id = _whose(trouble.error_id)
    return Reported(fault, _status(fault, named=bool(told.exception)), server, request_id)


def error(asked: Asked, reported: Reported, *, tries: int) -> CmdletFailed:
    """What a trouble that ended a cmdlet is."""
    return failure(
        asked,
        reported.fault,
        status=reported.status,
        request_id=reported.request_id,
        server=reported.server,
        tries=tries,
    )


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """What a host said, on one line, without what it was sent: these secrets, and every token."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return shown(_TOKEN.sub("***", text))


def _status(fault: Fault, *, named: bool) -> int:
    """
    What the REST API would have answered with, as far as it makes a difference.

    A refusal that Exchange names was not executed; one whose reason passes may have been, like a 5xx.
    """
    told = _HTTP_STATUS.search(fault.text)
    if told:
        return int(told[1])
    if any(name in fault.exception for name in TRANSIENT_EXCEPTIONS):
        return 500
    if CONCURRENT_REQUESTS in fault.text:
        return 429
    not_begun = any(name in fault.exception for name in _NOT_BEGUN)
    return 400 if named or not_begun else 0


def _whose(error_id: str) -> tuple[str, str]:
    found = _SERVER.search(error_id)
    return (found[1].strip(), found[2].strip()) if found else ("", "")

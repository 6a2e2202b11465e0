"""
What Exchange's error answers mean: one table for every transport, by the exception's type and text.

The HTTP status is no guide: the same "object not found" was recorded with 404, 400 and 500.

Signing in has two steps, and each has its own refusal [O]: no Exchange.ManageAsApp in the token answers 401; with it
but without a role, or for a cmdlet that no role of the caller holds, 403 with a body of NUL bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hveadmin.errors import AlreadyThere, CmdletFailed, Denied, NotFound, Throttled
from hveadmin.wire.retry import CONCURRENT_REQUESTS, TRANSIENT_EXCEPTIONS

NO_PERMISSION = (
    "give the application that signs in the application permission Exchange.ManageAsApp of Office 365 Exchange"
    " Online (Entra admin centre > App registrations > API permissions), with admin consent; it needs a role as well:"
    " Exchange Administrator or Exchange Recipient Administrator"
)
NO_ROLE = (
    "the sign-in is good, but no role allows this: give the application's enterprise application the Entra role"
    " Exchange Recipient Administrator or Exchange Administrator (Global Reader can be enough to read), or add it to"
    " an Exchange role group that holds the cmdlet; a new role takes up to 30 minutes, sometimes two hours"
)
TRY_LATER = "the service says that this passes: try again later"
THROTTLED = "wait a few minutes, lower --concurrency, or allow more time with --timeout"

_MAX_SHOWN = 500
_PARTS = re.compile(r"(Ex[0-9A-Fa-f]{6})?\|([\w.+`]+)\|(.*)", re.DOTALL)


class Asked(Protocol):
    """What was asked of Exchange: a Cmdlet or a Question."""

    @property
    def title(self) -> str: ...

    @property
    def writes(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Question:
    """Something asked of Exchange that is no cmdlet. It never writes."""

    title: str

    @property
    def writes(self) -> bool:
        """Never."""
        return False

    def __str__(self) -> str:
        return self.title


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, in Exchange's words."""

    text: str
    exception: str = ""
    """The .NET type, where one is named."""
    code: str = ""
    """Exchange's error id (Ex6F9304), else the envelope's code (NotFound)."""


# What an exception's type says; first match wins. The last part of the name is enough, however it is qualified.
_BY_TYPE: tuple[tuple[str, type[CmdletFailed]], ...] = (
    (r"ManagementObjectNotFoundException$", NotFound),
    (r"MemberAlreadyExistsException$", AlreadyThere),
    (r"MemberNotFoundException$", AlreadyThere),
    # Over PowerShell remoting a cmdlet that no role of the caller holds is not there at all.
    (r"CommandNotFoundException$", Denied),
    (r"CmdletAccessDeniedException$|UnauthorizedAccessException$|AuthorizationException$", Denied),
    (r"OverBudgetException$|ThrottlingRejectedOperationException$|TooManyRequestsException$", Throttled),
)

# What its text says where the type says nothing.
_BY_TEXT: tuple[tuple[str, type[CmdletFailed]], ...] = (
    (rf"{CONCURRENT_REQUESTS}", Throttled),
    (r"is not present in the role definition of the current user", Denied),
    (r"The role assigned to (application|user) .* isn't supported in this scenario", Denied),
    (r"AuthZ-CmdletAccessDenied", Denied),
    (r"(is|isn't) (already )?a member of the group", AlreadyThere),
    (r"couldn't be found on|The specified mailbox Identity:.* doesn't exist", NotFound),
)

_HINTS: Mapping[type[CmdletFailed], str] = {
    NotFound: "`hveadmin account list` shows the HVE accounts of the tenant",
    Denied: NO_ROLE,
    Throttled: THROTTLED,
    AlreadyThere: "read the account again: what was asked for may be so already",
}


def failure(
    asked: Asked, fault: Fault, *, status: int = 0, request_id: str = "", server: str = "", tries: int = 1
) -> CmdletFailed:
    """The error for a fault. `status` is the HTTP status, 0 where there is none."""
    kind = classify(fault, status)
    tried = f" after {tries} tries" if tries > 1 else ""
    return kind(
        f"{asked} {_verb(kind)}{tried}: {fault.text}",
        cmdlet=asked.title,
        code=fault.code,
        exception=fault.exception,
        hint=_HINTS.get(kind) or (TRY_LATER if _is_transient(fault, status) else ""),
        request_id=request_id,
        server=server,
        outcome_unknown=asked.writes and _may_be_done(kind, status),
    )


def classify(fault: Fault, status: int = 0) -> type[CmdletFailed]:
    """Which kind of failure it is: by type, then by text, then by status."""
    for pattern, kind in _BY_TYPE:
        if re.search(pattern, fault.exception):
            return kind
    for pattern, kind in _BY_TEXT:
        if re.search(pattern, fault.text, re.IGNORECASE):
            return kind
    return {429: Throttled, 403: Denied}.get(status, CmdletFailed)


def _verb(kind: type[CmdletFailed]) -> str:
    return "was throttled" if kind is Throttled else "was refused"


def _is_transient(fault: Fault, status: int) -> bool:
    return status >= 500 or any(name in fault.exception for name in TRANSIENT_EXCEPTIONS)


def _may_be_done(kind: type[CmdletFailed], status: int) -> bool:
    """A write that ended in a 5xx may have been done; one that was refused for a reason we know was not."""
    return kind is CmdletFailed and (status >= 500 or status < 400 or status == 408)


def split_message(message: str) -> Fault:
    """Exchange's `ErrId|Exception.Type|sentence`, with or without the id, or anything else as plain text."""
    parts = _PARTS.fullmatch(message)
    if parts:
        return Fault(parts.group(3).strip(), parts.group(2), parts.group(1) or "")
    return _from_json(message) or Fault(message.strip())


def _from_json(message: str) -> Fault | None:
    try:
        told = json.loads(message)
    except (ValueError, RecursionError):
        return None
    text = as_text(told.get("Message")) if isinstance(told, Mapping) else ""
    return Fault(text, as_text(told.get("ClassName"))) if text else None


def as_text(value: object) -> str:
    """A value of a JSON body as text, empty where it is none."""
    return value.strip() if isinstance(value, str) else ""


def shown(text: str) -> str:
    """The text as one line of bounded length. Characters that do harm are for the place that prints it."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_SHOWN else f"{line[:_MAX_SHOWN]}…"

"""
The REST envelope, read without trusting it: pure.

    {"@odata.context": …, "@adminapi.warnings": [], "value": [{…}], "@odata.nextLink": "…"}

Clients in production saw `value` absent, null, an array, capitalised, a bare object in its place, and no body at all
[F]. A setter may answer in each of these ways, for nothing is read from it. A read must say explicitly that there
is nothing (`[]` or null); where it says nothing, that is unreadable.

    {"error": {"code": …, "message": …, "details": [{"message": "Id|Type|Text"}], "innererror": {… nested …}}}

Of an error the outer message is generic ("Error executing cmdlet"). What is shown is read from the details first,
then from the innermost exception that says anything, and only then from the outside.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hveadmin.errors import AuthError, CmdletFailed, HveAdminError, ServiceError, UnreadableReply
from hveadmin.exchange.cmdlet import Record, without_companions
from hveadmin.exchange.failures import NO_PERMISSION, Asked, Fault, as_text, failure, shown, split_message
from hveadmin.wire.session import Reply

MORE_RESULTS = "more results available"
"""Part of the warning that marks a listing as cut short [O]."""

_USELESS = re.compile(
    r"(error executing (cmdlet|request)\.?|invalid operation\.?|exception of type '[^']*' was thrown\.?|)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Page:
    """One answer's records, and the link to the next ones, empty at the end."""

    records: tuple[Record, ...]
    next_link: str = ""


def read_page(asked: Asked, reply: Reply) -> Page:
    """
    The records of one answer.

    Raises what `refusal` makes of an answer that is no success, and of errors inside a success;
    UnreadableReply for what cannot be read or says itself that it is cut short (outcome_unknown for a write).
    """
    if not 200 <= reply.status < 300:
        raise refusal(asked, reply)
    if asked.writes and not reply.body.strip():
        return Page(())
    try:
        return _page(asked, reply, reply.json())
    except UnreadableReply as error:
        raise _unreadable(asked, reply, error.message) from None


def _page(asked: Asked, reply: Reply, body: object) -> Page:
    if isinstance(body, list):
        return Page(_records(asked, body))
    if not isinstance(body, Mapping):
        raise UnreadableReply("a JSON value that is no object")
    _raise_errors(asked, reply, body)
    link = body.get("@odata.nextLink")
    next_link = link.strip() if isinstance(link, str) else ""
    warnings = [*_texts(body.get("@adminapi.warnings")), reply.headers.get("x-warnings", "")]
    if not next_link and any(MORE_RESULTS in warning.lower() for warning in warnings):
        raise UnreadableReply("the service says that there are more results, and no link to them")
    return Page(_records(asked, _values(asked, body)), next_link)


def _values(asked: Asked, body: Mapping[str, object]) -> Sequence[object]:
    for key in ("value", "Value"):
        if key in body:
            value = body[key]
            return [] if value is None else value if isinstance(value, list) else [value]
    bare = {name: value for name, value in body.items() if "@" not in name}
    if len(bare) == 0 and not asked.writes:
        raise UnreadableReply("an answer without a value")
    return [] if len(bare) == 0 else [bare]


def _records(asked: Asked, values: Sequence[object]) -> tuple[Record, ...]:
    records = tuple(without_companions(value) for value in values if isinstance(value, Mapping))
    if len(records) != len(values) and not asked.writes:
        raise UnreadableReply("a value that holds something other than records")
    return records


def _raise_errors(asked: Asked, reply: Reply, body: Mapping[str, object]) -> None:
    """A 200 can carry errors: the official module reports each as a failure of the cmdlet [F]."""
    if isinstance(body.get("error"), Mapping):
        raise refusal(asked, reply)
    told = body.get("@adminapi.errors")
    if told is None or told == []:
        return
    fault = split_message(next(iter(_texts(told)), "")) if _texts(told) else Fault("errors inside a success")
    raise _failure(asked, fault, reply)


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    found = [each.get("message") if isinstance(each, Mapping) else each for each in values]
    return [text for text in found if isinstance(text, str)]


def _unreadable(asked: Asked, reply: Reply, why: str) -> ServiceError:
    return UnreadableReply(
        f"{asked}: the answer cannot be read: {why}",
        request_id=reply.request_id,
        server=server(reply),
        outcome_unknown=asked.writes,
    )


def read_batch(reply: Reply) -> Mapping[str, Reply]:
    """
    The members' answers of a $batch by their id, each as if it had come alone.

    An id that comes twice is left out: either answer could be the other's. Raises UnreadableReply if it is no
    batch's answer at all.
    """
    body = reply.json()
    responses = body.get("responses") if isinstance(body, Mapping) else None
    if not isinstance(responses, list):
        raise UnreadableReply("the answer to a batch has no responses", request_id=reply.request_id)
    members = [(str(each.get("id")), each) for each in responses if isinstance(each, Mapping)]
    seen = Counter(member_id for member_id, _ in members)
    return {member_id: _member(each) for member_id, each in members if seen[member_id] == 1}


def _member(response: Mapping[str, object]) -> Reply:
    status, headers, body = (response.get(key) for key in ("status", "headers", "body"))
    named = headers if isinstance(headers, Mapping) else {}
    return Reply(
        # Without a status it is no success, whatever its body says.
        int(status) if isinstance(status, int | str) and str(status).isdecimal() else 0,
        {str(name).lower(): str(value) for name, value in named.items()},
        b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode(),
    )


def refusal(asked: Asked, reply: Reply) -> HveAdminError:
    """The error for an answer that is no success: AuthError for 401, else CmdletFailed or one of its kinds."""
    fault = read_fault(reply)
    if reply.status == 401:
        return AuthError(_named(f"Exchange does not accept the sign-in: {fault.text}", reply), hint=NO_PERMISSION)
    return _failure(asked, fault, reply)


def read_fault(reply: Reply) -> Fault:
    """The fault in an error answer, whatever its body is."""
    headers = reply.headers
    named = Fault("", headers.get("x-exceptiontype", ""), str(reply.status))
    envelope = _envelope(reply)
    if envelope is None:
        return Fault(shown(_bare_text(reply)), named.exception, named.code)
    inner_type, inner_text = _innermost(envelope.get("innererror"))
    code = as_text(envelope.get("code")) or named.code
    detail = _detail(envelope)
    if detail is not None and not _USELESS.fullmatch(detail.text):
        return Fault(shown(detail.text), detail.exception or inner_type or named.exception, detail.code or code)
    text = inner_text or as_text(envelope.get("message")) or f"status {reply.status}"
    return Fault(shown(text), inner_type or named.exception, code)


def server(reply: Reply) -> str:
    """The back end that answered, for a support ticket."""
    return reply.headers.get("x-calculatedbetarget", "")


def _named(text: str, reply: Reply) -> str:
    """For errors that have no field for the request id."""
    return f"{text} (request-id {reply.request_id})" if reply.request_id else text


def _envelope(reply: Reply) -> Mapping[str, object] | None:
    """The `error` object of a JSON body, None where the body is something else."""
    try:
        body = json.loads(reply.body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    error = body.get("error") if isinstance(body, Mapping) else None
    return error if isinstance(error, Mapping) else None


def _bare_text(reply: Reply) -> str:
    """What to say of a body without an envelope: a reason from the headers, a short plain text, or what it is."""
    diagnostics = re.search(r'reason="([^"]*)"', reply.headers.get("x-ms-diagnostics", ""))
    if diagnostics:
        return diagnostics.group(1)
    plain = reply.text.strip().strip("\0")
    if plain and plain[:1] not in "<{[":
        return f"{plain} (status {reply.status})"
    return f"status {reply.status} with {reply.what_came()}"


def _detail(envelope: Mapping[str, object]) -> Fault | None:
    """The first of `details`: `ErrId|Type|Text`, a JSON object in a text, or a plain text."""
    details = envelope.get("details")
    if not isinstance(details, list) or len(details) == 0 or not isinstance(details[0], Mapping):
        return None
    message = as_text(details[0].get("message"))
    return split_message(message) if message else None


def _innermost(error: object) -> tuple[str, str]:
    """Type and text of the innermost exception that says anything; empty where none does."""
    kind = text = ""
    while isinstance(error, Mapping):
        message = as_text(error.get("message"))
        if not _USELESS.fullmatch(message):
            kind, text = as_text(error.get("type")), message
        error = error.get("internalexception")
    return kind, text


def _failure(asked: Asked, fault: Fault, reply: Reply) -> CmdletFailed:
    return failure(
        asked, fault, status=reply.status, request_id=reply.request_id, server=server(reply), tries=reply.tries
    )

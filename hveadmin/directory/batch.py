"""
Many questions in one HTTP call: Graph's $batch, patiently.

A batch answers 200 whatever became of its members, in any order [D], so each member is looked at by itself:

    200                              the answer, with all its pages
    404 for one object               it is not there
    403 where it does no harm        nobody may say (users, groups, devices; deleted ones; delegated consent; addresses)
    403 elsewhere                    NotGranted: Application.Read.All is missing
    400 for `appId in (…)`           asked once more as `appId eq … or appId eq …`
    429, 408, 5xx                    asked again alone, after the longest Retry-After (fractional [D]) of such members
    anything else, or no answer      an error; never "nothing found"
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hveadmin.directory.items import Item
from hveadmin.directory.questions import MEMBERS, Question, Topic, chunks
from hveadmin.errors import AuthError, DirectoryUnreadable, UnreadableReply
from hveadmin.wire.retry import TRANSIENT_STATUSES, Answer, Wait
from hveadmin.wire.session import Reply, Session

VERSION = "/v1.0"

_PEOPLE = frozenset(each for each in Topic if each.path in ("/users", "/groups"))
_HARMLESS = frozenset({Topic.ANYTHING, Topic.DELETED_BY_ID, Topic.CONSENTS_OF}) | _PEOPLE
_MAX_TEXT = 200


class NotGranted(DirectoryUnreadable):
    """The signed-in application may not read applications."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The complete answer to a question."""

    question: Question
    items: list[Item]


@dataclass(frozen=True, slots=True)
class NotTold:
    """The question was refused, and that does no harm."""

    question: Question


@dataclass(frozen=True, slots=True)
class _Member:
    """One member's part of a batch's answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: object


class Batch:
    """Asks over a session with Graph."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._without_in: set[Topic] = set()
        """What this Graph does not let one ask with `appId in (…)`."""

    def ask(self, questions: Sequence[Question]) -> Iterator[Answered | NotTold]:
        """
        The answer to each question, in no order, each once.

        Raises NotGranted, DirectoryUnreadable, another ServiceError, or AuthError, where one of them has none.
        """
        for some in chunks(questions, MEMBERS):
            yield from self._ask_together(some)

    def _ask_together(self, questions: Sequence[Question]) -> Iterator[Answered | NotTold]:
        pending = [replace(each, spelled_out=each.topic in self._without_in) for each in questions]
        for attempt in itertools.count(1):
            members = self._post(pending)
            again: list[Question] = []
            waits: list[Wait] = []
            for question, member in zip(pending, members, strict=True):
                if member.status in TRANSIENT_STATUSES:
                    again.append(question)
                    waits.append(self._patience(attempt, question, member))
                elif _is_misspelt(question, member):
                    self._without_in.add(question.topic)
                    again.append(replace(question, spelled_out=True))
                else:
                    yield self._read(question, member)
            if not again:
                return
            longest = max(waits, key=lambda wait: wait.seconds, default=None)
            if longest is not None and not self._session.wait(longest):
                raise DirectoryUnreadable(
                    f"Microsoft Graph is busy ({longest.why}) for longer than the deadline allows"
                )
            pending = again

    def _patience(self, attempt: int, question: Question, member: _Member) -> Wait:
        decision = self._session.consider(attempt, Answer(member.status, member.headers), safe=True)
        if not isinstance(decision, Wait):
            raise _failed(question, member.status, member.body, decision.why)
        return decision

    def _post(self, questions: Sequence[Question]) -> list[_Member]:
        requests = [{"id": str(number), **question.request()} for number, question in enumerate(questions)]
        reply = self._session.send("POST", f"{VERSION}/$batch", json={"requests": requests}, safe=True)
        return _members(_body(reply), len(questions))

    def _read(self, question: Question, member: _Member) -> Answered | NotTold:
        if member.status == 403 and question.topic in _HARMLESS:
            return NotTold(question)
        if question.topic.is_about_one and member.status in (200, 404):
            return Answered(question, [_object(member.body)] if member.status == 200 else [])
        if member.status != 200:
            raise _failed(question, member.status, member.body)
        return Answered(question, self._all_pages(_object(member.body)))

    def _all_pages(self, page: Item) -> list[Item]:
        """Follows each link verbatim; the session follows none to another host, where the token must not go."""
        items = _values(page)
        followed: set[str] = set()
        while (link := page.get("@odata.nextLink")) is not None:
            if not isinstance(link, str) or link in followed:
                raise UnreadableReply("Microsoft Graph answered with a page whose link to the next leads nowhere")
            followed.add(link)
            page = _object(_body(self._session.send("GET", link, safe=True)))
            items += _values(page)
        return items


def _is_misspelt(question: Question, member: _Member) -> bool:
    return member.status == 400 and question.topic.compared == "appId" and not question.spelled_out


def _body(reply: Reply) -> object:
    """What a call answered. Raises where it is no success: AuthError, NotGranted or DirectoryUnreadable."""
    if reply.status == 200:
        return reply.json()
    if reply.status == 401:
        raise AuthError(
            "Microsoft Graph does not accept the access token",
            hint="check the profile's cloud and audiences (graph)",
        )
    try:
        body = reply.json()
    except UnreadableReply:
        body = None
    raise _failed(None, reply.status, body, request_id=reply.request_id)


def _members(body: object, count: int) -> list[_Member]:
    """The members' parts, in the order of the questions. Raises UnreadableReply where one is missing or twice there."""
    found: dict[str, _Member] = {}
    responses = _object(body).get("responses")
    for each in responses if isinstance(responses, list) else []:
        id_, member = _member(_object(each))
        if id_ in found:
            raise UnreadableReply("Microsoft Graph answered one question of a batch twice")
        found[id_] = member
    try:
        return [found[str(number)] for number in range(count)]
    except KeyError:
        raise UnreadableReply(f"Microsoft Graph answered {len(found)} of {count} questions of a batch") from None


def _member(response: Item) -> tuple[str, _Member]:
    id_, status, headers = response.get("id"), response.get("status"), response.get("headers") or {}
    if not isinstance(id_, str) or not isinstance(status, int) or not isinstance(headers, Mapping):
        raise UnreadableReply("Microsoft Graph answered a question of a batch without its number or its status")
    folded = {str(name).lower(): str(value) for name, value in headers.items()}
    return id_, _Member(status, folded, response.get("body"))


def _object(body: object) -> Item:
    if not isinstance(body, Mapping):
        raise UnreadableReply("Microsoft Graph answered with something else than a JSON object")
    return body


def _values(page: Item) -> list[Item]:
    """The objects of a page. A page without `value` is not an empty page."""
    values = page.get("value")
    if not isinstance(values, list):
        raise UnreadableReply("Microsoft Graph answered with a page that has no list of values")
    return [_object(value) for value in values]


def _failed(
    question: Question | None, status: int, body: object, why: str = "", *, request_id: str = ""
) -> DirectoryUnreadable:
    error = body.get("error") if isinstance(body, Mapping) else None
    fields: Item = error if isinstance(error, Mapping) else {}
    inner = fields.get("innerError")
    named = inner.get("request-id") if isinstance(inner, Mapping) else None
    request_id = request_id or (named if isinstance(named, str) else "")
    what = question.topic.path if question else "$batch"
    said = ", ".join(part for part in (_line(fields.get("code")), _line(fields.get("message")), why) if part)
    ticket = f" (request-id {request_id})" if request_id else ""
    if status == 403:
        return NotGranted(
            f"Microsoft Graph does not let this application read {what}: {said}{ticket}",
            hint="grant Application.Read.All (application permission) on Microsoft Graph and admin consent: "
            "Entra admin centre > App registrations > the application > API permissions",
            request_id=request_id,
        )
    return DirectoryUnreadable(
        f"Microsoft Graph could not read {what}: status {status}{f', {said}' if said else ''}{ticket}",
        request_id=request_id,
    )


def _line(text: object) -> str:
    """What somebody else wrote, as one short line without control characters."""
    if not isinstance(text, str):
        return ""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:_MAX_TEXT]

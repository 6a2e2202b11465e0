"""
GraphPeople: whether a mail address still belongs to a user or a group of the tenant.

Three questions for 15 addresses, so that 90 addresses are one call; for each address that is nobody's main address or
sign-in name two more, because it may be one of somebody's other addresses. User.ReadBasic.All and GroupMember.Read.All
suffice [D], Directory.Read.All includes both. An address that no user has, while groups may not be read, may be a
group's: then nothing is said of any, because a wrong "gone" would send somebody to mend what is not broken. A mail
contact is not looked for: who is outside answers for nothing here.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping

from hveadmin.directory.batch import Answered, Batch, NotTold
from hveadmin.directory.items import text
from hveadmin.directory.questions import Question, Topic, ask
from hveadmin.domain.tenant import Unreadable
from hveadmin.errors import ServiceError
from hveadmin.wire.session import Session

_WHERE = "on Microsoft Graph (application permission, with admin consent); Directory.Read.All includes it"


class GraphPeople:
    """A `domain.ports.PeopleReader`. The session's scope is Graph's."""

    def __init__(self, session: Session) -> None:
        self._batch = Batch(session)

    def still_there(self, addresses: Collection[str]) -> Mapping[str, bool] | Unreadable:
        """See PeopleReader. Nothing to look up costs no call."""
        wanted = {each.casefold() for each in addresses}
        try:
            told = list(self._batch.ask(questions(wanted)))
            missing = wanted - _found(told)
            told += self._batch.ask(last_questions(missing))
        except ServiceError as error:
            return Unreadable(f"{error.message}; {error.hint}" if error.hint else error.message)
        found = _found(told)
        refused = {each.question.topic.path for each in told if isinstance(each, NotTold)}
        if refused and not found.issuperset(wanted):
            return _not_granted(refused)
        return {address: address.casefold() in found for address in addresses}


def questions(addresses: Iterable[str]) -> list[Question]:
    """What is asked about these addresses first."""
    return _ask(addresses, Topic.USER_BY_MAIL, Topic.USER_BY_SIGN_IN_NAME, Topic.GROUP_BY_MAIL)


def last_questions(addresses: Iterable[str]) -> list[Question]:
    """What is asked about those that were not found."""
    return _ask(addresses, Topic.USER_BY_OTHER_ADDRESS, Topic.GROUP_BY_OTHER_ADDRESS)


def _ask(addresses: Iterable[str], *topics: Topic) -> list[Question]:
    ordered = sorted(addresses)
    return [question for topic in topics for question in ask(topic, ordered)]


def _found(told: Iterable[Answered | NotTold]) -> set[str]:
    return {address for each in told if isinstance(each, Answered) for address in _addresses(each)}


def _addresses(answer: Answered) -> Iterator[str]:
    """Which of the addresses that were asked for somebody has."""
    if answer.question.topic in (Topic.USER_BY_OTHER_ADDRESS, Topic.GROUP_BY_OTHER_ADDRESS):
        yield from answer.question.values if answer.items else ()
    else:
        names = (text(item, answer.question.topic.compared) for item in answer.items)
        yield from (name.casefold() for name in names if name)


def _not_granted(refused: Container[str]) -> Unreadable:
    what, permission = ("users", "User.ReadBasic.All") if "/users" in refused else ("groups", "GroupMember.Read.All")
    return Unreadable(f"Microsoft Graph does not let this application read {what}", grant=f"{permission} {_WHERE}")

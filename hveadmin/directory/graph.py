"""
GraphDirectory: which questions to ask, and in what order.

Up to three rounds, each of as few HTTP calls as fit (20 questions a call, 15 ids a question, 1,000 for getByIds):

1. **As expected.** An `ObjectId` is looked for among service principals' object ids, a `ClientId` among their client
   ids. A plain `Guid` is looked for everywhere at once, and so is every id when all of it fits into one call (up to
   60 ids): the four kinds of id of service principals and registrations, and any other object. Where all ids are
   what their types say, or there are up to 60, nothing more is asked of the living.
2. **Elsewhere**, only for those of a larger number that were not what their type says.
3. **The rest of the story**, only where there is one: a registration's service principal (the id to use instead),
   and what is nowhere alive among the deleted, by id and by client id.

So up to 15 ids of any mixture cost one call when all is right and two when not; 300 object ids that are right cost
one, 1,000 cost four. Application.Read.All suffices; with Directory.Read.All users, groups and devices are named too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hveadmin.directory.batch import Answered, Batch
from hveadmin.directory.identify import Facts, identity
from hveadmin.directory.questions import MEMBERS, Question, Topic, ask
from hveadmin.domain.ids import ClientId, Guid, ObjectId
from hveadmin.domain.tenant import DirectoryView, Readable, Unreadable
from hveadmin.errors import ServiceError
from hveadmin.wire.session import Session

_LIVING = (
    Topic.PRINCIPAL_BY_ID,
    Topic.PRINCIPAL_BY_CLIENT_ID,
    Topic.REGISTRATION_BY_ID,
    Topic.REGISTRATION_BY_CLIENT_ID,
    Topic.ANYTHING,
)
_EXPECTED: dict[type[Guid], tuple[Topic, ...]] = {
    ObjectId: (Topic.PRINCIPAL_BY_ID,),
    ClientId: (Topic.PRINCIPAL_BY_CLIENT_ID,),
}


class GraphDirectory:
    """Explains ids; a `domain.ports.Directory`. The session's scope is Graph's."""

    def __init__(self, session: Session) -> None:
        self._batch = Batch(session)

    def look_up(self, ids: Collection[Guid], names: Collection[str] = ()) -> DirectoryView:
        """
        What each id is, and which service principals bear each name.

        The keys of `identities` are plain `Guid`s, whatever type of id was asked for. Returns `Unreadable`, with the
        permission to grant where one is missing, if any of it could not be read; raises AuthError where nobody could
        sign in. Nothing to look up costs no call.
        """
        try:
            facts = self._gather(ids, names)
            values = sorted({id_.value for id_ in ids})
            return Readable({Guid(value): identity(value, facts) for value in values}, facts.named)
        except ServiceError as error:
            return Unreadable(f"{error.message}; {error.hint}" if error.hint else error.message)

    def _gather(self, ids: Collection[Guid], names: Collection[str]) -> Facts:
        facts = Facts()
        values = {id_.value for id_ in ids}
        self._learn(facts, first_questions(ids, names))
        unsettled = _unsettled(values, facts)
        asked_everywhere = _everywhere_fits(values, names)
        if not asked_everywhere:
            expected = _by_type(ids)
            elsewhere = [id_ for id_ in unsettled if expected[id_] != _LIVING]
            self._learn(facts, _questions(_LIVING, elsewhere))
            unsettled = _unsettled(values, facts)
        self._learn(facts, last_questions(facts.clients_without_principal(values), unsettled))
        return facts

    def _learn(self, facts: Facts, questions: list[Question]) -> None:
        for told in self._batch.ask(questions):
            if isinstance(told, Answered):
                facts.learn(told.question, told.items)
            else:
                facts.refuse(told.question)


def first_questions(ids: Collection[Guid], names: Collection[str]) -> list[Question]:
    """The first round: everything where that is one call, else what each id's type lets expect."""
    named = ask(Topic.PRINCIPAL_BY_NAME, sorted(set(names)))
    values = {id_.value for id_ in ids}
    if _everywhere_fits(values, names):
        return [*_questions(_LIVING, values), *named]
    questions: list[Question] = []
    expected = _by_type(ids)
    for topic in _LIVING:
        questions += ask(topic, sorted(id_ for id_, topics in expected.items() if topic in topics))
    return [*questions, *named]


def last_questions(clients: Iterable[str], unsettled: Collection[str]) -> list[Question]:
    """The last round: the service principals of these client ids, and whether the unsettled ids were deleted."""
    return [
        *ask(Topic.PRINCIPAL_BY_CLIENT_ID, sorted(clients)),
        *_questions(
            (
                Topic.DELETED_PRINCIPAL_BY_CLIENT_ID,
                Topic.DELETED_REGISTRATION_BY_CLIENT_ID,
                Topic.DELETED_BY_ID,
            ),
            unsettled,
        ),
    ]


def _questions(topics: Iterable[Topic], values: Iterable[str]) -> list[Question]:
    ordered = sorted(values)
    return [question for topic in topics for question in ask(topic, ordered)]


def _everywhere_fits(values: Collection[str], names: Collection[str]) -> bool:
    return len(_questions(_LIVING, values)) + len(set(names)) <= MEMBERS


def _by_type(ids: Collection[Guid]) -> dict[str, tuple[Topic, ...]]:
    """Where to look first for each id; everywhere for one without a type, or with two."""
    topics: dict[str, tuple[Topic, ...]] = {}
    for id_ in ids:
        expected = _EXPECTED.get(type(id_), _LIVING)
        topics[id_.value] = expected if topics.get(id_.value, expected) == expected else _LIVING
    return topics


def _unsettled(values: Iterable[str], facts: Facts) -> list[str]:
    return sorted(id_ for id_ in values if not facts.is_settled(id_))

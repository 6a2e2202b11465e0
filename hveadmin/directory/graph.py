"""
GraphDirectory: which questions to ask, and in what order.

Up to three rounds, each of as few HTTP calls as fit (20 questions a call, 15 ids a question, 1,000 for getByIds):

1. **As expected.** An `ObjectId` is looked for among service principals' object ids, a `ClientId` among their client
   ids. A plain `Guid` is looked for everywhere at once, and so is every id when all of it fits into one call (up to
   60 ids): the four kinds of id of service principals and registrations, and any other object. Where all ids are
   what their types say, or there are up to 60, nothing more is asked of the living.
2. **Elsewhere**, only for those of a larger number that were not what their type says.
3. **The rest of the story**, only where there is one: a registration's service principal (the id to use instead,
   alive or deleted), and what is nowhere alive among the deleted, by id and by client id.

So up to 15 ids of any mixture cost one call when all is right and two when not; 300 object ids that are right cost
one, 1,000 cost four. Application.Read.All suffices; with Directory.Read.All users, groups and devices are named too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from hveadmin.directory.batch import Answered, Batch, NotGranted
from hveadmin.directory.identify import Facts, identity
from hveadmin.directory.items import Item, credentials, guid_text
from hveadmin.directory.permissions import Apis, apis, mail_permission
from hveadmin.directory.questions import MEMBERS, Question, Topic, ask
from hveadmin.domain.ids import ClientId, Guid, ObjectId
from hveadmin.domain.permissions import EXCHANGE_APP_ID, GRAPH_APP_ID, MailPermission, PermissionView
from hveadmin.domain.tenant import Credential, DirectoryView, Readable, ServicePrincipal, Unreadable
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
    """
    Explains ids and permissions; a `domain.ports.Directory` and a `domain.ports.PermissionReader`.

    The session's scope is Graph's. One object serves one tenant, whose APIs it remembers.
    """

    def __init__(self, session: Session) -> None:
        self._batch = Batch(session)
        self._apis: Apis | None = None

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
            return _unreadable(error)

    def mail_permission(self, applications: Collection[ServicePrincipal]) -> PermissionView:
        """
        What each application may do about sending mail, by object id.

        Three questions an application, and two for the tenant's APIs the first time: six applications a call.
        Application.Read.All suffices; Directory.Read.All shows delegated consent, which is `Unseen` without. Returns
        `Unreadable` if anything else could not be read; raises AuthError where nobody could sign in.
        """
        chosen = {each.object_id: each for each in applications}
        if not chosen:
            return {}
        try:
            return self._permissions(chosen)
        except ServiceError as error:
            return _unreadable(error)

    def credentials(self, clients: Collection[ClientId]) -> Mapping[ClientId, tuple[Credential, ...]] | Unreadable:
        """
        The secrets and certificates of these applications' registrations, 15 a question.

        A client id that is registered in another tenant, or nowhere, is not among the keys. Returns `Unreadable` where
        they could not be read; raises AuthError where nobody could sign in.
        """
        questions = ask(Topic.REGISTRATION_BY_CLIENT_ID, sorted({each.value for each in clients}))
        try:
            told = list(self._batch.ask(questions))
            items = [item for each in told if isinstance(each, Answered) for item in each.items]
            shown = {ClientId(guid_text(item, "appId")): credentials(item) for item in items}
            return {client: found for client, found in shown.items() if found is not None}
        except ServiceError as error:
            return _unreadable(error)

    def _permissions(self, chosen: Mapping[ObjectId, ServicePrincipal]) -> dict[ObjectId, MailPermission]:
        told: dict[tuple[Topic, str], list[Item] | None] = {}
        for each in self._batch.ask(permission_questions(chosen.values(), apis_known=self._apis is not None)):
            told[each.question.topic, each.question.values[0]] = each.items if isinstance(each, Answered) else None
        if self._apis is None:
            self._apis = apis(told[Topic.API, EXCHANGE_APP_ID], told[Topic.API_ID, GRAPH_APP_ID])
        return {
            object_id: mail_permission(
                application,
                self._apis,
                roles=told[Topic.ROLES_OF, object_id.value],
                consents=told[Topic.CONSENTS_OF, object_id.value],
                registration=told[Topic.REGISTRATION_OF, application.client_id.value],
            )
            for object_id, application in chosen.items()
        }

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
        self._learn(facts, last_questions(values, facts.clients_without_principal(values), unsettled))
        return facts

    def _learn(self, facts: Facts, questions: list[Question]) -> None:
        for told in self._batch.ask(questions):
            if isinstance(told, Answered):
                facts.learn(told.question, told.items)
            else:
                facts.refuse(told.question)


def permission_questions(applications: Iterable[ServicePrincipal], *, apis_known: bool) -> list[Question]:
    """What is asked about each application's permissions, and about the tenant's APIs unless they are known."""
    questions = [] if apis_known else [*ask(Topic.API, [EXCHANGE_APP_ID]), *ask(Topic.API_ID, [GRAPH_APP_ID])]
    for each in applications:
        questions += ask(Topic.ROLES_OF, [each.object_id.value])
        questions += ask(Topic.CONSENTS_OF, [each.object_id.value])
        questions += ask(Topic.REGISTRATION_OF, [each.client_id.value])
    return questions


def _unreadable(error: ServiceError) -> Unreadable:
    why = f"{error.message}; {error.hint}" if error.hint else error.message
    return Unreadable(why, grant=error.hint if isinstance(error, NotGranted) else "")


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


def last_questions(asked: Collection[str], clients: Collection[str], unsettled: Collection[str]) -> list[Question]:
    """
    The last round.

    Whether there are, or were, service principals of these client ids (among the living those that were asked for
    have been looked for), and whether the unsettled ids were deleted.
    """
    return [
        *ask(Topic.PRINCIPAL_BY_CLIENT_ID, sorted(set(clients) - set(asked))),
        *ask(Topic.DELETED_PRINCIPAL_BY_CLIENT_ID, sorted({*clients, *unsettled})),
        *_questions((Topic.DELETED_REGISTRATION_BY_CLIENT_ID, Topic.DELETED_BY_ID), unsettled),
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

"""What each id is, in as few calls as promised, over a real socket; nothing is "not found" unless looked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from graph_contract import SPEC, SPEC_FILE, check_member
from pytest import param

from hveadmin.directory.graph import GraphDirectory
from hveadmin.domain.ids import ClientId, Guid, ObjectId, TenantId
from hveadmin.domain.tenant import Identity, IdKind, Readable, Unreadable
from hveadmin.errors import AuthError

if TYPE_CHECKING:
    from .conftest import Graph, SteppedClock

Member = dict[str, Any]
OWN_TENANT = "0a5f0000-0000-4000-8000-00000000000a"
FOREIGN_TENANT = "0f0f0000-0000-4000-8000-00000000000f"


def guid(group: int, number: int = 0) -> str:
    return f"{group:08x}-0000-4000-8000-{number:012x}"


def sp(number: int, **changes: object) -> Member:
    """A service principal as Graph shows it: object id of group 1, client id of group 2."""
    return {
        "id": guid(1, number),
        "deletedDateTime": None,
        "appId": guid(2, number),
        "displayName": f"App {number}",
        "accountEnabled": True,
        "servicePrincipalType": "Application",
        "appOwnerOrganizationId": OWN_TENANT,
        "disabledByMicrosoftStatus": None,
        "verifiedPublisher": {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None},
    } | changes


def registration(number: int, **changes: object) -> Member:
    """An app registration: object id of group 3, the client id of its service principal."""
    return {"id": guid(3, number), "appId": guid(2, number), "displayName": f"App {number}"} | changes


USER = {"@odata.type": "#microsoft.graph.user", "id": guid(4, 1), "displayName": "Trevor Jones"}
GROUP = {"@odata.type": "#microsoft.graph.group", "id": guid(4, 2), "displayName": "Senders"}
DEVICE = {"@odata.type": "#microsoft.graph.device", "id": guid(4, 3), "displayName": "LAPTOP"}
CONTACT = {"@odata.type": "#microsoft.graph.orgContact", "id": guid(4, 4), "displayName": "Fax"}
DELETED_SP = {
    "@odata.type": "#microsoft.graph.servicePrincipal",
    **sp(50, deletedDateTime="2026-06-20T10:11:12Z"),
}
DELETED_APP = {
    "@odata.type": "#microsoft.graph.application",
    **registration(51, deletedDateTime="2026-06-21T00:00:00Z"),
}
DELETED_AT = datetime(2026, 6, 20, 10, 11, 12, tzinfo=UTC)


@pytest.fixture
def contoso(graph: Graph) -> Graph:
    graph.principals = [
        sp(1),
        sp(2, accountEnabled=False),
        sp(3, appOwnerOrganizationId=FOREIGN_TENANT, verifiedPublisher={"displayName": "Fabrikam"}),
        sp(4, servicePrincipalType="ManagedIdentity", appOwnerOrganizationId=None),
        sp(5, disabledByMicrosoftStatus="DisabledDueToViolationOfServicesAgreement"),
        sp(6, disabledByMicrosoftStatus="NotDisabled"),
    ]
    graph.registrations = [registration(1), registration(2), registration(9)]
    graph.others = [USER, GROUP, DEVICE, CONTACT]
    graph.deleted = [DELETED_SP, DELETED_APP]
    return graph


def looked_up(directory: GraphDirectory, *ids: Guid) -> list[Identity]:
    view = directory.look_up(ids)
    assert isinstance(view, Readable), view
    assert view.identities.keys() == {Guid(id_.value) for id_ in ids}
    return [view.identities[Guid(id_.value)] for id_ in ids]


class TestVerdicts:
    @pytest.mark.parametrize("typed", [Guid, ObjectId, ClientId])
    @pytest.mark.parametrize(
        ("id_", "kind", "name", "use", "client"),
        [
            param(guid(1, 1), IdKind.SERVICE_PRINCIPAL, "App 1", guid(1, 1), guid(2, 1), id="service principal"),
            param(guid(2, 1), IdKind.CLIENT_ID, "App 1", guid(1, 1), guid(2, 1), id="client id"),
            param(guid(3, 1), IdKind.APP_REGISTRATION, "App 1", guid(1, 1), guid(2, 1), id="registration"),
            param(guid(2, 9), IdKind.CLIENT_ID, "App 9", None, guid(2, 9), id="client id without principal"),
            param(guid(3, 9), IdKind.APP_REGISTRATION, "App 9", None, guid(2, 9), id="registration without principal"),
            param(guid(4, 1), IdKind.USER, "Trevor Jones", None, None, id="user"),
            param(guid(4, 2), IdKind.GROUP, "Senders", None, None, id="group"),
            param(guid(4, 3), IdKind.DEVICE, "LAPTOP", None, None, id="device"),
            param(guid(4, 4), IdKind.OTHER, "Fax", None, None, id="other"),
            param(guid(1, 50), IdKind.DELETED_SERVICE_PRINCIPAL, "App 50", None, guid(2, 50), id="deleted"),
            param(guid(2, 50), IdKind.DELETED_SERVICE_PRINCIPAL, "App 50", None, guid(2, 50), id="deleted, client id"),
            param(guid(3, 51), IdKind.DELETED_APPLICATION, "App 51", None, guid(2, 51), id="deleted registration"),
            param(guid(2, 51), IdKind.DELETED_APPLICATION, "App 51", None, guid(2, 51), id="its client id"),
            param(guid(9), IdKind.NOT_FOUND, "", None, None, id="unknown"),
        ],
    )
    def test_every_kind_of_id_is_told_apart_whatever_it_was_taken_for(
        self,
        contoso: Graph,
        directory: GraphDirectory,
        typed: type[Guid],
        id_: str,
        kind: IdKind,
        name: str,
        use: str | None,
        client: str | None,
    ) -> None:
        contoso.may_read_directory = True
        [found] = looked_up(directory, typed(id_))
        assert (found.id, found.kind, found.display_name) == (Guid(id_), kind, name)
        assert (found.principal.object_id.value if found.principal else None) == use
        assert (found.client_id.value if found.client_id else None) == client

    def test_when_it_was_deleted_is_told(self, contoso: Graph, directory: GraphDirectory) -> None:
        [by_id, by_client_id, alive] = looked_up(directory, Guid(guid(1, 50)), Guid(guid(2, 50)), Guid(guid(1, 1)))
        assert (by_id.deleted_at, by_client_id.deleted_at, alive.deleted_at) == (DELETED_AT, DELETED_AT, None)

    @pytest.mark.parametrize("id_", [USER["id"], GROUP["id"], guid(9)])
    def test_without_directory_read_all_what_is_no_application_stays_undecided(
        self, contoso: Graph, directory: GraphDirectory, id_: str
    ) -> None:
        [found, fine] = looked_up(directory, Guid(id_), ObjectId(guid(1, 1)))
        assert found.kind is IdKind.NOT_FOUND_OR_OTHER
        assert fine.kind is IdKind.SERVICE_PRINCIPAL

    def test_what_is_remarkable_about_a_principal_is_told(self, contoso: Graph, directory: GraphDirectory) -> None:
        found = [each.principal for each in looked_up(directory, *(ObjectId(guid(1, n)) for n in range(1, 7)))]
        assert [each and each.enabled for each in found] == [True, False, True, True, True, True]
        assert [each and each.owner_tenant for each in found][2:4] == [TenantId(FOREIGN_TENANT), None]
        assert [each and each.principal_type for each in found][3] == "ManagedIdentity"
        assert [each and each.publisher for each in found][1:3] == ["", "Fabrikam"]
        assert [each and each.disabled_by_microsoft for each in found][3:] == [
            "",
            "DisabledDueToViolationOfServicesAgreement",
            "",
        ]

    def test_a_principal_that_only_get_by_ids_shows_is_found(self, contoso: Graph, directory: GraphDirectory) -> None:
        contoso.may_read_directory = True
        fresh = {"@odata.type": "#microsoft.graph.servicePrincipal", **sp(70)}
        contoso.others.append(fresh)  # the listing is not replicated yet
        [found] = looked_up(directory, ObjectId(guid(1, 70)))
        assert found.kind is IdKind.SERVICE_PRINCIPAL and found.principal is not None

    def test_limited_information_is_enough_to_know_what_it_is(self, contoso: Graph, directory: GraphDirectory) -> None:
        contoso.may_read_directory = True
        nothing = {"displayName": None, "appId": None, "accountEnabled": None}
        contoso.others = [
            {"@odata.type": "#microsoft.graph.user", "id": guid(4, 1), **nothing},
            {"@odata.type": "#microsoft.graph.servicePrincipal", "id": guid(1, 1), **nothing},
            {"@odata.type": "#microsoft.graph.servicePrincipal", "id": guid(1, 71), **nothing},
        ]
        user, full, bare = looked_up(directory, Guid(guid(4, 1)), Guid(guid(1, 1)), Guid(guid(1, 71)))
        assert (user.kind, user.display_name) == (IdKind.USER, "")
        assert full.principal is not None and full.principal.client_id == ClientId(guid(2, 1))
        assert (bare.kind, bare.principal) == (IdKind.SERVICE_PRINCIPAL, None)

    def test_a_deleted_object_one_may_not_see_is_no_proof_of_absence(
        self, contoso: Graph, directory: GraphDirectory
    ) -> None:
        contoso.may_read_directory = True

        def hidden(asked: Member, answer: Member) -> Member:
            if asked["url"].startswith("/directory/deletedItems/00000009"):
                return answer | {
                    "status": 403,
                    "body": {"error": {"code": "Authorization_RequestDenied", "message": ""}},
                }
            return answer

        contoso.meddle = hidden
        [found] = looked_up(directory, Guid(guid(9)))
        assert found.kind is IdKind.NOT_FOUND_OR_OTHER

    def test_the_same_id_under_two_types_is_one_answer(self, contoso: Graph, directory: GraphDirectory) -> None:
        view = directory.look_up([ObjectId(guid(2, 1)), ClientId(guid(2, 1)), Guid(guid(2, 1)), Guid(guid(2, 1))])
        assert isinstance(view, Readable)
        assert [(key, each.kind) for key, each in view.identities.items()] == [(Guid(guid(2, 1)), IdKind.CLIENT_ID)]


class TestCalls:
    @pytest.mark.parametrize("may_read_directory", [True, False])
    def test_fifteen_right_ids_of_mixed_type_cost_one_call(
        self, graph: Graph, directory: GraphDirectory, may_read_directory: bool
    ) -> None:
        graph.may_read_directory = may_read_directory
        graph.principals = [sp(number) for number in range(15)]
        ids = [(ObjectId, ClientId, Guid)[n % 3](guid(2 if n % 3 == 1 else 1, n)) for n in range(15)]
        assert all(each.principal for each in looked_up(directory, *ids))
        assert graph.calls == ["POST /v1.0/$batch"]

    @pytest.mark.parametrize("may_read_directory", [True, False])
    def test_fifteen_wrong_ids_cost_two_calls(
        self, contoso: Graph, directory: GraphDirectory, may_read_directory: bool
    ) -> None:
        contoso.may_read_directory = may_read_directory
        wrong = [guid(3, 1), guid(3, 2), guid(3, 9), guid(1, 50), guid(2, 50), guid(2, 51), guid(3, 51), guid(4, 1)]
        unknown = [guid(9, number) for number in range(7)]
        found = looked_up(directory, *(ObjectId(id_) for id_ in wrong + unknown))
        assert IdKind.SERVICE_PRINCIPAL not in {each.kind for each in found}
        assert contoso.calls == ["POST /v1.0/$batch"] * 2

    @pytest.mark.parametrize(("count", "calls"), [(60, 1), (61, 1), (300, 1), (301, 2), (1000, 4)])
    def test_object_ids_that_are_right_cost_a_call_for_every_three_hundred(
        self, graph: Graph, directory: GraphDirectory, count: int, calls: int
    ) -> None:
        graph.principals = [sp(number) for number in range(count)]
        found = looked_up(directory, *(ObjectId(guid(1, number)) for number in range(count)))
        assert {each.kind for each in found} == {IdKind.SERVICE_PRINCIPAL}
        assert len(graph.calls) == calls

    def test_a_few_wrong_ones_among_many_cost_two_calls_more(self, graph: Graph, directory: GraphDirectory) -> None:
        graph.principals = [sp(number) for number in range(100)]
        graph.registrations = [registration(1)]
        ids = [guid(1, number) for number in range(2, 100)] + [guid(2, 0), guid(3, 1), guid(9)]
        found = looked_up(directory, *map(ObjectId, ids))
        assert [each.kind for each in found[-3:]] == [
            IdKind.CLIENT_ID,
            IdKind.APP_REGISTRATION,
            IdKind.NOT_FOUND_OR_OTHER,
        ]
        assert found[-2].principal is not None and found[-2].principal.object_id == ObjectId(guid(1, 1))
        assert len(graph.calls) == 3

    def test_a_hundred_unknown_ids_are_each_looked_for_everywhere(
        self, graph: Graph, directory: GraphDirectory
    ) -> None:
        graph.may_read_directory = True
        found = looked_up(directory, *(Guid(guid(9, number)) for number in range(100)))
        assert {each.kind for each in found} == {IdKind.NOT_FOUND}
        assert len(graph.calls) <= 12

    def test_nothing_to_look_up_costs_no_call(self, graph: Graph, directory: GraphDirectory) -> None:
        assert directory.look_up([]) == Readable()
        assert graph.calls == []

    def test_names_travel_with_the_ids(self, contoso: Graph, directory: GraphDirectory) -> None:
        view = directory.look_up([ObjectId(guid(1, 1))], ["App 2"])
        assert isinstance(view, Readable) and len(view.named["App 2"]) == 1
        assert len(contoso.calls) == 1


class TestNames:
    @pytest.mark.parametrize(
        "name", ["Invoices", "O'Brien's ''app''", "50% & more #1 + ?x=1", "Büro – Ärzte 診療", "a) or (true", "$filter"]
    )
    def test_a_name_is_found_whatever_is_in_it(self, graph: Graph, directory: GraphDirectory, name: str) -> None:
        graph.principals = [sp(1), sp(2, displayName=name)]
        view = directory.look_up([], [name])
        assert isinstance(view, Readable)
        assert [each.object_id.value for each in view.named[name]] == [guid(1, 2)]

    def test_no_bearer_and_many_bearers_are_both_told(self, graph: Graph, directory: GraphDirectory) -> None:
        graph.principals = [sp(number, displayName="Twin") for number in range(2)]
        view = directory.look_up([], ["Twin", "Nobody"])
        assert isinstance(view, Readable)
        assert {name: len(found) for name, found in view.named.items()} == {"Twin": 2, "Nobody": 0}

    def test_all_pages_are_read(self, graph: Graph, directory: GraphDirectory) -> None:
        graph.principals, graph.page_size = [sp(number, displayName="Twin") for number in range(25)], 10
        view = directory.look_up([], ["Twin"])
        assert isinstance(view, Readable) and len(view.named["Twin"]) == 25
        assert len(graph.calls) == 3

    def test_more_names_than_fit_into_one_call(self, graph: Graph, directory: GraphDirectory) -> None:
        graph.principals = [sp(number) for number in range(30)]
        names = [f"App {number}" for number in range(30)]
        view = directory.look_up([Guid(guid(2, 7))], names)
        assert isinstance(view, Readable) and all(len(view.named[name]) == 1 for name in names)
        assert view.identities[Guid(guid(2, 7))].kind is IdKind.CLIENT_ID


class TestTrouble:
    def test_a_throttled_question_is_asked_again_alone_after_its_fractional_wait(
        self, contoso: Graph, directory: GraphDirectory, clock: SteppedClock
    ) -> None:
        told = iter(["2.128"])

        def throttle(asked: Member, answer: Member) -> Member:
            if "/applications?$filter=id" in asked["url"] and (wait := next(told, None)):
                return answer | {"status": 429, "headers": {"Retry-After": wait}, "body": {}}
            return answer

        contoso.meddle = throttle
        [found] = looked_up(directory, ObjectId(guid(1, 1)))
        assert found.kind is IdKind.SERVICE_PRINCIPAL
        assert clock.slept == [2.128]
        assert [len(urls) for urls in contoso.members] == [5, 1]

    @pytest.mark.parametrize("wait", ["61", "1"])
    def test_throttled_for_ever_ends_within_the_deadline_and_is_not_empty(
        self, contoso: Graph, directory: GraphDirectory, clock: SteppedClock, wait: str
    ) -> None:
        contoso.meddle = lambda _, answer: answer | {"status": 429, "headers": {"Retry-After": wait}, "body": {}}
        view = directory.look_up([ObjectId(guid(1, 1))])
        assert isinstance(view, Unreadable)
        assert clock.monotonic() < 60

    def test_without_any_permission_the_one_to_grant_is_named(self, contoso: Graph, directory: GraphDirectory) -> None:
        contoso.may_read_applications = False
        view = directory.look_up([ObjectId(guid(1, 1)), Guid(guid(9))])
        assert isinstance(view, Unreadable)
        assert "Application.Read.All" in view.why and "admin consent" in view.why
        assert "request-id 11111111-0000-4000-8000-000000000000" in view.why

    def test_deleted_applications_one_may_not_list_make_it_unreadable(
        self, contoso: Graph, directory: GraphDirectory
    ) -> None:
        def hide(asked: Member, answer: Member) -> Member:
            return answer | {"status": 403, "body": None} if "deletedItems/microsoft" in asked["url"] else answer

        contoso.meddle = hide
        assert isinstance(directory.look_up([Guid(guid(9))]), Unreadable)

    @pytest.mark.parametrize("count", [3, 40])
    def test_where_in_is_not_known_each_client_id_is_spelled_out(
        self, graph: Graph, directory: GraphDirectory, count: int
    ) -> None:
        graph.knows_in_for_app_id = False
        graph.principals = [sp(number) for number in range(count)]
        found = looked_up(directory, *(ClientId(guid(2, number)) for number in range(count)))
        assert {each.kind for each in found} == {IdKind.CLIENT_ID}
        assert len(graph.calls) == 2

    @pytest.mark.parametrize(
        "spoil",
        [
            param(lambda answer: None, id="left out"),
            param(lambda answer: answer | {"id": "0"}, id="answered twice"),
            param(lambda answer: answer | {"status": 500, "headers": {"Retry-After": "99"}}, id="failed"),
            param(lambda answer: answer | {"status": 400}, id="misunderstood"),
            param(lambda answer: answer | {"status": 404}, id="a collection that is not there"),
            param(lambda answer: answer | {"status": "200"}, id="a status that is no number"),
            param(lambda answer: answer | {"body": {}}, id="no value"),
            param(lambda answer: answer | {"body": {"value": None}}, id="null for value"),
            param(lambda answer: answer | {"body": None}, id="no body"),
            param(lambda answer: answer | {"body": "AAAA"}, id="a body that is text"),
            param(lambda answer: answer | {"body": {"value": [{"appId": guid(2, 1)}]}}, id="an object without id"),
            param(lambda answer: answer | {"body": {"value": ["x"]}}, id="an object that is text"),
            param(lambda answer: answer | {"body": {"value": [], "@odata.nextLink": 7}}, id="a link that is none"),
            param(
                lambda answer: answer | {"body": {"value": [], "@odata.nextLink": "http://attacker.example/v1.0/x"}},
                id="a link to another host",
            ),
        ],
    )
    def test_one_spoilt_answer_makes_it_unreadable_and_nothing_not_found(
        self, contoso: Graph, directory: GraphDirectory, spoil: Callable[[Member], Member | None]
    ) -> None:
        contoso.meddle = lambda asked, answer: spoil(answer) if "/applications?$filter=id" in asked["url"] else answer
        view = directory.look_up([Guid(guid(9))])
        assert isinstance(view, Unreadable)

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, b"<html>busy</html>"),
            (200, b'{"responses":[{"id":"0","sta'),
            (200, b"[]"),
            (200, b"{}"),
            (200, b"\0" * 300),
            (400, b""),
            (403, b""),
            (404, b"<html>not here</html>"),
        ],
    )
    def test_an_answer_that_is_no_batch_is_unreadable(
        self, graph: Graph, directory: GraphDirectory, status: int, body: bytes
    ) -> None:
        graph.whole = lambda _: (status, {}, body)
        assert isinstance(directory.look_up([Guid(guid(9))]), Unreadable)

    def test_a_token_that_graph_does_not_take_is_a_matter_of_signing_in(
        self, graph: Graph, directory: GraphDirectory
    ) -> None:
        graph.whole = lambda _: (401, {}, b'{"error":{"code":"InvalidAuthenticationToken","message":"expired"}}')
        with pytest.raises(AuthError):
            directory.look_up([Guid(guid(9))])

    def test_what_graph_writes_reaches_the_message_in_one_line(self, graph: Graph, directory: GraphDirectory) -> None:
        error = b'{"error":{"code":"X","message":"\\u001b[31mred\\r\\nsecond line"}}'
        graph.whole = lambda _: (400, {}, error)
        view = directory.look_up([Guid(guid(9))])
        assert isinstance(view, Unreadable)
        assert view.why.isprintable() and "red second line" in view.why


def test_requests_are_checked_against_microsofts_own_description() -> None:
    if not SPEC:
        pytest.skip(f"{SPEC_FILE.name} is not here: requests were not checked against it")
    with pytest.raises(AssertionError, match="is no property"):
        check_member({"url": "/servicePrincipals?$select=id,displayNaem", "method": "GET"})

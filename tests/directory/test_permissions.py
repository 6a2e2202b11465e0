"""What an application may do, over a real socket: the API counts and not the id, and what is refused is unseen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from graph_contract import SPEC, SPEC_FILE, check_answer

from hveadmin.directory.graph import GraphDirectory
from hveadmin.domain.ids import ClientId, Guid, ObjectId, TenantId
from hveadmin.domain.permissions import (
    Api,
    Consent,
    MailPermission,
    MailVerdict,
    Permission,
    PermissionKind,
    Unseen,
    judge,
)
from hveadmin.domain.tenant import Credential, CredentialKind, Readable, ServicePrincipal, Unreadable
from hveadmin.errors import AuthError

if TYPE_CHECKING:
    from .conftest import Graph, SteppedClock

Member = dict[str, Any]

TENANT = TenantId("0a5f0000-0000-4000-8000-00000000000a")
EXCHANGE, GRAPH, THIRD = (f"e{number}000000-0000-4000-8000-000000000000" for number in range(3))
EXCHANGE_APP, GRAPH_APP = "00000002-0000-0ff1-ce00-000000000000", "00000003-0000-0000-c000-000000000000"
MAIL_SEND = "b633e1c5-b582-4048-a93e-9f11b44c7e96"
RENAMED_MAIL_SEND = "11111111-2222-4333-8444-555555555555"
SEND_AS_APP = "7146a1f0-8703-45b3-9eae-527a64c00995"
SEND_AS_APP_TOO = "ce81e10f-fda1-4348-8947-f7fdb6c649ad"
DELEGATED = "5eb43c10-865a-4259-960a-83946678f8dd"
GRAPH_DELEGATED = "e383f46e-2787-4529-855e-0e479a3ffac0"
CALENDARS = "22222222-2222-4333-8444-555555555555"
SENDER = "84b80893-0000-4000-8000-000000000001"


def guid(group: int, number: int) -> str:
    return f"{group:08x}-0000-4000-8000-{number:012x}"


def application(number: int, owner: TenantId | None = TENANT) -> ServicePrincipal:
    return ServicePrincipal(ObjectId(guid(1, number)), ClientId(guid(2, number)), f"App {number}", owner_tenant=owner)


def app_role(id_: str, value: str, *, members: tuple[str, ...] = ("Application",)) -> Member:
    return {
        "id": id_, "value": value, "allowedMemberTypes": list(members), "isEnabled": True, "displayName": value,
        "description": "",
    }  # fmt: skip


def scope(id_: str, value: str) -> Member:
    return {"id": id_, "value": value, "type": "User", "isEnabled": True}


def assigned(number: int, role: str, resource: str) -> Member:
    return {
        "id": f"assignment-{number}-{role[:8]}", "deletedDateTime": None, "createdDateTime": "2021-02-02T04:22:45.498Z",
        "appRoleId": role, "principalId": guid(1, number), "principalType": "ServicePrincipal",
        "resourceDisplayName": "Office 365 Exchange Online", "resourceId": resource,
    }  # fmt: skip


def granted(number: int, scopes: str, resource: str = EXCHANGE, user: str | None = None) -> Member:
    return {
        "id": f"grant-{number}-{user}", "clientId": guid(1, number), "principalId": user, "resourceId": resource,
        "consentType": "AllPrincipals" if user is None else "Principal", "scope": scopes,
    }  # fmt: skip


def registration(number: int, *required: tuple[str, str, str], **changes: object) -> Member:
    """`required`: client id of the API, id of the permission, Role or Scope."""
    access = [{"resourceAppId": api, "resourceAccess": [{"id": id_, "type": kind}]} for api, id_, kind in required]
    return {
        "id": guid(3, number), "appId": guid(2, number), "displayName": f"App {number}",
        "requiredResourceAccess": access, "passwordCredentials": [], "keyCredentials": [],
    } | changes  # fmt: skip


SECRET = {
    "keyId": guid(7, 1), "displayName": "deploy", "hint": "abc", "secretText": None, "customKeyIdentifier": None,
    "startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2027-01-01T00:00:00Z",
}  # fmt: skip
CERTIFICATE = {
    "keyId": guid(7, 2).upper(), "displayName": "CN=deploy", "key": None, "type": "AsymmetricX509Cert",
    "usage": "Verify", "startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2028-01-01T00:00:00.1234567Z",
}  # fmt: skip


@pytest.fixture
def tenant(graph: Graph) -> Graph:
    """Thirty applications without any permission, and the APIs."""
    graph.may_read_directory = True
    graph.principals = [
        {"id": guid(1, number), "appId": guid(2, number), "displayName": f"App {number}"} for number in range(30)
    ]
    graph.registrations = [registration(number) for number in range(30)]
    graph.principals += [
        {
            "id": EXCHANGE,
            "appId": EXCHANGE_APP,
            "appRoles": [
                app_role(CALENDARS, "Calendars.Read"),
                app_role(MAIL_SEND, "Mail.Send"),
                app_role(SEND_AS_APP, "SMTP.SendAsApp"),
            ],
            "oauth2PermissionScopes": [scope(DELEGATED, "Mail.Send")],
        },
        {"id": GRAPH, "appId": GRAPH_APP, "appRoles": [], "oauth2PermissionScopes": []},
    ]
    return graph


def read(directory: GraphDirectory, *numbers: int) -> list[MailPermission]:
    view = directory.mail_permission([application(number) for number in numbers])
    assert not isinstance(view, Unreadable), view.why
    assert list(view) == [ObjectId(guid(1, number)) for number in numbers]
    return list(view.values())


def permission(api: Api, name: str = "Mail.Send", kind: PermissionKind = PermissionKind.APPLICATION) -> Permission:
    return Permission(api, kind, name)


EXCHANGE_DELEGATED = permission(Api.EXCHANGE, kind=PermissionKind.DELEGATED)


class TestWhatIsGranted:
    @pytest.mark.parametrize(
        ("role", "resource", "found", "verdict"),
        [
            pytest.param(MAIL_SEND, EXCHANGE, permission(Api.EXCHANGE), MailVerdict.GRANTED, id="right"),
            pytest.param(MAIL_SEND, GRAPH, permission(Api.GRAPH), MailVerdict.WRONG_API, id="same id on Graph"),
            pytest.param(MAIL_SEND, THIRD, permission(Api.OTHER), MailVerdict.WRONG_API, id="same id on a third API"),
            pytest.param(
                SEND_AS_APP, EXCHANGE, permission(Api.EXCHANGE, "SMTP.SendAsApp"), MailVerdict.MAILBOX_PERMISSION,
                id="for mailboxes",
            ),
            pytest.param(
                SEND_AS_APP_TOO, EXCHANGE, permission(Api.EXCHANGE, "SMTP.SendAsApp"), MailVerdict.MAILBOX_PERMISSION,
                id="for mailboxes, by its newer id, which the API does not name",
            ),
            pytest.param(CALENDARS, EXCHANGE, None, MailVerdict.NOTHING, id="nothing about mail"),
        ],
    )  # fmt: skip
    def test_the_api_counts_and_not_the_id_of_the_role_or_the_name_of_the_resource(
        self,
        tenant: Graph,
        directory: GraphDirectory,
        role: str,
        resource: str,
        found: Permission | None,
        verdict: MailVerdict,
    ) -> None:
        tenant.assignments = [assigned(1, role, resource), assigned(2, MAIL_SEND, EXCHANGE)]
        [seen] = read(directory, 1)
        assert seen.granted == (frozenset() if found is None else {found})
        assert judge(seen, TENANT) is verdict

    def test_a_role_is_known_by_the_name_that_the_api_gives_it(self, tenant: Graph, directory: GraphDirectory) -> None:
        tenant.principals[-2]["appRoles"] = [
            app_role(RENAMED_MAIL_SEND, "Mail.Send"),
            app_role(CALENDARS, "Mail.Send", members=("User",)),
        ]
        roles = {1: RENAMED_MAIL_SEND, 2: MAIL_SEND, 3: CALENDARS}
        tenant.assignments = [assigned(number, role, EXCHANGE) for number, role in roles.items()]
        verdicts = [judge(seen, TENANT) for seen in read(directory, 1, 2, 3)]
        assert verdicts == [MailVerdict.GRANTED, MailVerdict.NOTHING, MailVerdict.NOTHING]

    def test_an_api_that_names_no_mail_send_leaves_the_known_id(self, tenant: Graph, directory: GraphDirectory) -> None:
        tenant.principals[-2]["appRoles"] = []
        tenant.assignments = [assigned(1, MAIL_SEND, EXCHANGE)]
        [seen] = read(directory, 1)
        assert judge(seen, TENANT) is MailVerdict.GRANTED


class TestWhatIsRequestedAndConsented:
    def test_requested_is_told_by_api_and_kind(self, tenant: Graph, directory: GraphDirectory) -> None:
        tenant.registrations[1] = registration(
            1,
            (EXCHANGE_APP, MAIL_SEND, "Role"),
            (EXCHANGE_APP, DELEGATED, "Scope"),
            (GRAPH_APP, MAIL_SEND, "Role"),
            (GRAPH_APP, GRAPH_DELEGATED, "Scope"),
            (GRAPH_APP, CALENDARS, "Scope"),
        )
        [seen] = read(directory, 1)
        assert seen.registration is not None
        assert seen.registration.requested == {
            permission(Api.EXCHANGE),
            EXCHANGE_DELEGATED,
            permission(Api.GRAPH),
            permission(Api.GRAPH, kind=PermissionKind.DELEGATED),
        }
        assert judge(seen, TENANT) is MailVerdict.CONSENT_MISSING

    def test_delegated_consent_is_told_with_for_whom(self, tenant: Graph, directory: GraphDirectory) -> None:
        tenant.grants = [granted(1, "openid Mail.Send"), granted(2, " Mail.Send  SMTP.Send", user=SENDER)]
        everybody, one = read(directory, 1, 2)
        assert everybody.consented == (Consent(EXCHANGE_DELEGATED),)
        smtp = permission(Api.EXCHANGE, "SMTP.Send", PermissionKind.DELEGATED)
        assert one.consented == (Consent(EXCHANGE_DELEGATED, Guid(SENDER)), Consent(smtp, Guid(SENDER)))
        verdicts = [judge(seen, TENANT) for seen in (everybody, one)]
        assert verdicts == [MailVerdict.DELEGATED, MailVerdict.DELEGATED_FOR_SOME]

    def test_delegated_consent_on_graph_is_on_the_wrong_api(self, tenant: Graph, directory: GraphDirectory) -> None:
        tenant.grants = [granted(1, "Mail.Send", GRAPH)]
        [seen] = read(directory, 1)
        assert judge(seen, TENANT) is MailVerdict.WRONG_API

    def test_consent_one_may_not_see_is_unseen_with_the_permission_that_shows_it(
        self, tenant: Graph, directory: GraphDirectory
    ) -> None:
        tenant.may_read_directory = False
        tenant.assignments = [assigned(2, MAIL_SEND, EXCHANGE)]
        nothing, right = read(directory, 1, 2)
        assert isinstance(nothing.consented, Unseen) and nothing.consented.permission == "Directory.Read.All"
        assert judge(nothing, TENANT) is MailVerdict.UNSEEN
        assert judge(right, TENANT) is MailVerdict.GRANTED

    @pytest.mark.parametrize("grant", [{"consentType": "Everybody"}, {"consentType": "Principal", "principalId": None}])
    def test_consent_that_cannot_be_understood_is_not_consent_for_all(
        self, tenant: Graph, directory: GraphDirectory, grant: Member
    ) -> None:
        tenant.grants = [granted(1, "Mail.Send") | grant]
        assert isinstance(directory.mail_permission([application(1)]), Unreadable)


class TestCredentials:
    def test_ends_and_hints_are_read_the_latest_first_and_no_secret(
        self, tenant: Graph, directory: GraphDirectory
    ) -> None:
        planted = {**SECRET, "secretText": "canary-secret"}
        certificate = {**CERTIFICATE, "key": "Y2FuYXJ5LWtleQ=="}
        tenant.registrations[1] = registration(1, passwordCredentials=[planted], keyCredentials=[certificate])
        [seen] = read(directory, 1)
        begins = datetime(2026, 1, 1, tzinfo=UTC)
        ends = datetime(2028, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
        assert seen.credentials == (
            Credential(CredentialKind.CERTIFICATE, guid(7, 2), "CN=deploy", "", begins, ends),
            Credential(CredentialKind.SECRET, guid(7, 1), "deploy", "abc", begins, datetime(2027, 1, 1, tzinfo=UTC)),
        )
        assert "canary" not in repr(seen) and "Y2Fu" not in repr(seen)

    def test_an_application_of_another_tenant_has_no_registration_here(
        self, tenant: Graph, directory: GraphDirectory
    ) -> None:
        del tenant.registrations[1]
        [seen] = read(directory, 1)
        assert (seen.registration, seen.credentials) == (None, None)
        assert judge(seen, TENANT) is MailVerdict.REGISTRATION_GONE

    @pytest.mark.parametrize("by", [guid(2, 1), guid(3, 1)], ids=["client id", "registration"])
    def test_a_look_up_by_client_id_or_registration_brings_them_along_in_one_call(
        self, tenant: Graph, directory: GraphDirectory, by: str
    ) -> None:
        tenant.registrations[1] = registration(1, passwordCredentials=[SECRET], keyCredentials=[CERTIFICATE])
        view = directory.look_up([Guid(by), Guid(guid(2, 1))])
        assert isinstance(view, Readable)
        found = view.identities[Guid(by)].credentials
        assert found is not None and [each.hint for each in found] == ["", "abc"]
        assert tenant.calls == ["POST /v1.0/$batch"]

    def test_what_get_by_ids_says_of_credentials_is_not_believed(
        self, tenant: Graph, directory: GraphDirectory
    ) -> None:
        # Without $select keyCredentials look empty whatever there is.
        tenant.registrations[1] = registration(1, keyCredentials=[CERTIFICATE])
        fresh = {"@odata.type": "#microsoft.graph.application", **registration(40)}
        tenant.others = [{"@odata.type": "#microsoft.graph.application", **registration(1)}, fresh]
        view = directory.look_up([Guid(guid(3, 1)), Guid(guid(3, 40))])
        assert isinstance(view, Readable)
        assert [each.key_id for each in view.identities[Guid(guid(3, 1))].credentials or ()] == [guid(7, 2)]
        assert view.identities[Guid(guid(3, 40))].credentials is None

    def test_a_service_principal_alone_does_not_bring_them(self, tenant: Graph, directory: GraphDirectory) -> None:
        tenant.registrations[1] = registration(1, passwordCredentials=[SECRET])
        view = directory.look_up([Guid(guid(1, 1))])
        assert isinstance(view, Readable)
        assert view.identities[Guid(guid(1, 1))].credentials is None

    def test_they_can_be_asked_for_by_client_id(self, tenant: Graph, directory: GraphDirectory) -> None:
        tenant.registrations[1] = registration(1, passwordCredentials=[SECRET])
        known, unknown = ClientId(guid(2, 1)), ClientId(guid(2, 99))
        found = directory.credentials([known, unknown])
        assert not isinstance(found, Unreadable)
        assert found.keys() == {known}
        assert [each.display_name for each in found[known]] == ["deploy"]
        assert directory.credentials([]) == {}
        assert len(tenant.calls) == 1


class TestDeletedPrincipals:
    @pytest.mark.parametrize("by", [guid(2, 50), guid(3, 50)], ids=["client id", "registration"])
    def test_a_registration_whose_principal_was_deleted_names_it_in_two_calls(
        self, tenant: Graph, directory: GraphDirectory, by: str
    ) -> None:
        tenant.registrations.append(registration(50))
        gone = {"id": guid(1, 50), "appId": guid(2, 50), "deletedDateTime": "2026-06-20T10:11:12Z"}
        tenant.deleted = [{"@odata.type": "#microsoft.graph.servicePrincipal", **gone}]
        view = directory.look_up([Guid(by)])
        assert isinstance(view, Readable)
        deleted = view.identities[Guid(by)].deleted_principal
        assert deleted is not None and deleted.object_id == ObjectId(guid(1, 50))
        assert deleted.deleted_at == datetime(2026, 6, 20, 10, 11, 12, tzinfo=UTC)
        assert tenant.calls == ["POST /v1.0/$batch"] * 2


class TestCalls:
    @pytest.mark.parametrize(("count", "members"), [(1, [5]), (6, [20]), (7, [20, 3]), (30, [20, 20, 20, 20, 12])])
    def test_six_applications_cost_a_call(
        self, tenant: Graph, directory: GraphDirectory, count: int, members: list[int]
    ) -> None:
        read(directory, *range(count))
        assert [len(urls) for urls in tenant.members] == members
        assert len(tenant.calls) == len(members)

    def test_the_apis_are_asked_for_once_a_tenant(self, tenant: Graph, directory: GraphDirectory) -> None:
        tenant.assignments = [assigned(2, MAIL_SEND, EXCHANGE)]
        read(directory, 1)
        [seen] = read(directory, 2)
        assert judge(seen, TENANT) is MailVerdict.GRANTED
        assert [len(urls) for urls in tenant.members] == [5, 3]

    def test_no_application_costs_no_call(self, tenant: Graph, directory: GraphDirectory) -> None:
        assert directory.mail_permission([]) == {}
        assert tenant.calls == []

    def test_all_pages_of_assignments_are_read(self, tenant: Graph, directory: GraphDirectory) -> None:
        first = [assigned(1, CALENDARS, EXCHANGE)]
        link = f"{tenant.url}/v1.0/servicePrincipals/{guid(1, 1)}/appRoleAssignments?$top=999"
        tenant.assignments = [assigned(1, MAIL_SEND, EXCHANGE)]

        def paged(asked: Member, answer: Member) -> Member:
            page = {"value": first, "@odata.nextLink": link}
            return answer | {"body": page} if asked["url"].endswith("appRoleAssignments?$top=999") else answer

        tenant.meddle = paged
        [seen] = read(directory, 1)
        assert judge(seen, TENANT) is MailVerdict.GRANTED


class TestTrouble:
    def test_a_throttled_question_is_asked_again_alone(
        self, tenant: Graph, directory: GraphDirectory, clock: SteppedClock
    ) -> None:
        waits = iter(["2.5"])

        def throttle(asked: Member, answer: Member) -> Member:
            if "appRoleAssignments" in asked["url"] and (wait := next(waits, None)):
                return answer | {"status": 429, "headers": {"Retry-After": wait}, "body": {}}
            return answer

        tenant.meddle = throttle
        read(directory, 1)
        assert clock.slept == [2.5]
        assert [len(urls) for urls in tenant.members] == [5, 1]

    def test_without_any_permission_the_one_to_grant_is_named(self, tenant: Graph, directory: GraphDirectory) -> None:
        tenant.may_read_applications = False
        for view in (directory.mail_permission([application(1)]), directory.credentials([ClientId(guid(2, 1))])):
            assert isinstance(view, Unreadable)
            assert "Application.Read.All" in view.why

    @pytest.mark.parametrize(
        ("path", "spoilt"),
        [
            ("appRoleAssignments", {"status": 404}),
            ("appRoleAssignments", {"status": 500, "headers": {"Retry-After": "99"}}),
            ("appRoleAssignments", {"body": {}}),
            ("appRoleAssignments", {"body": {"value": [{"appRoleId": MAIL_SEND}]}}),
            ("oauth2PermissionGrants", {"status": 404}),
            ("oauth2PermissionGrants", {"body": {"value": None}}),
            ("/applications(", {"body": None}),
            ("/applications(", {"body": registration(1) | {"requiredResourceAccess": None}}),
            ("/applications(", {"body": registration(1) | {"keyCredentials": None}}),
            ("/applications(", {"status": 403}),
            (f"appId='{EXCHANGE_APP}'", {"status": 404}),
            (f"appId='{EXCHANGE_APP}'", {"body": {"id": EXCHANGE, "appId": EXCHANGE_APP}}),
        ],
    )
    def test_one_spoilt_answer_makes_it_unreadable_and_nothing_absent(
        self, tenant: Graph, directory: GraphDirectory, path: str, spoilt: Member
    ) -> None:
        tenant.meddle = lambda asked, answer: answer | spoilt if path in asked["url"] else answer
        assert isinstance(directory.mail_permission([application(1)]), Unreadable)

    def test_a_tenant_without_exchange_online_is_told_so(self, tenant: Graph, directory: GraphDirectory) -> None:
        del tenant.principals[-2]
        view = directory.mail_permission([application(1)])
        assert isinstance(view, Unreadable)
        assert "no service principal of Office 365 Exchange Online" in view.why

    def test_a_token_that_graph_does_not_take_is_a_matter_of_signing_in(
        self, tenant: Graph, directory: GraphDirectory
    ) -> None:
        tenant.whole = lambda _: (401, {}, b'{"error":{"code":"InvalidAuthenticationToken"}}')
        with pytest.raises(AuthError):
            directory.mail_permission([application(1)])


def test_answers_are_checked_against_microsofts_own_description() -> None:
    if not SPEC:
        pytest.skip(f"{SPEC_FILE.name} is not here: answers were not checked against it")
    url = f"/servicePrincipals/{guid(1, 1)}/appRoleAssignments?$top=999"
    check_answer(url, {"value": [assigned(1, MAIL_SEND, EXCHANGE)]})
    with pytest.raises(Exception, match="resourceID"):
        check_answer(url, {"value": [{"id": "x", "resourceID": EXCHANGE}]})

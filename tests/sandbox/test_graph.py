"""
The sandbox's Graph over TLS.

Every request sent here, and every answer, is also held against Microsoft's published description, as far as that is
at hand (see test_graph_openapi).
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from entra_graph import (
    CONTOSO,
    DELETED,
    DEVICE,
    DIRECTOR,
    DISABLED,
    EXCHANGE_ROLES,
    EXCHANGE_SP,
    FABRIKAM,
    FOREIGN,
    GRAPH_SP,
    GROUP,
    INVOICES,
    MAIL_SEND,
    NO_PRINCIPAL,
    NOBODY,
    ORPHAN,
    POWERLESS,
    READER,
    SECRET,
    USER,
    WRONG_API,
    Graph,
    Served,
    guid,
    make_certificate,
    serve,
)

from hveadmin.sandbox import credentials
from hveadmin.sandbox.faults import Fault, FaultBook, FaultKind, Surface, Switches, write_switches
from hveadmin.sandbox.store import Document, Store

EVENTUAL = {"ConsistencyLevel": "eventual"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("graph")) as served:
        yield served


@pytest.fixture(scope="module")
def reader(served: Served) -> Iterator[Graph]:
    """Application.Read.All and nothing else."""
    with served.graph(READER) as graph:
        yield graph


@pytest.fixture(scope="module")
def director(served: Served) -> Iterator[Graph]:
    """Directory.Read.All and Organization.Read.All."""
    with served.graph(DIRECTOR) as graph:
        yield graph


@pytest.fixture(scope="module")
def powerless(served: Served) -> Iterator[Graph]:
    with served.graph(POWERLESS) as graph:
        yield graph


# What kind of id is this


@pytest.mark.parametrize(
    ("filter_", "ids"),
    [
        (f"id in ('{READER.object_id}','{INVOICES.object_id}','{NOBODY}')", {READER.object_id, INVOICES.object_id}),
        (f"appId in ('{READER.client_id}','{FOREIGN.client_id}')", {READER.object_id, FOREIGN.object_id}),
        (f"appId eq '{READER.client_id}' or appId eq '{NOBODY}'", {READER.object_id}),
        (f"id in ('{READER.client_id}','{READER.registration_id}','{USER}')", set()),
        (f"id eq '{READER.object_id.upper()}'", {READER.object_id}),
        ("displayName eq 'wrong api'", {WRONG_API.object_id}),
        ("displayName eq 'O''Hara'", set()),
        ("startswith(displayName,'dis')", {DISABLED.object_id}),
        (f"accountEnabled eq false and id in ('{DISABLED.object_id}','{READER.object_id}')", {DISABLED.object_id}),
    ],
)
def test_service_principals_are_found_by_filter(reader: Graph, filter_: str, ids: set[str]) -> None:
    assert reader.get(f"/servicePrincipals?$filter={filter_}&$select=id").ids == ids


def test_a_filter_may_be_the_opposite_where_the_query_is_advanced(reader: Graph) -> None:
    url = (
        "/servicePrincipals?$filter=not startswith(displayName,'r') and accountEnabled ne false&$count=true&$select=id"
    )
    answer = reader.get(url, EVENTUAL)
    assert READER.object_id not in answer.ids
    assert DISABLED.object_id not in answer.ids
    assert INVOICES.object_id in answer.ids
    assert answer.body["@odata.count"] == len(answer.ids)
    assert reader.get(url).code == "Request_UnsupportedQuery"


def test_registrations_are_found_by_their_own_id_and_by_client_id(reader: Graph) -> None:
    for filter_ in (f"id in ('{NO_PRINCIPAL.registration_id}')", f"appId in ('{NO_PRINCIPAL.client_id}')"):
        assert reader.get(f"/applications?$filter={filter_}").ids == {NO_PRINCIPAL.registration_id}


def test_an_alternate_key_finds_one_object_or_404(reader: Graph) -> None:
    assert reader.get(f"/servicePrincipals(appId='{READER.client_id}')").body["id"] == READER.object_id
    assert reader.get(f"/applications(appId='{READER.client_id}')").body["id"] == READER.registration_id
    missing = reader.get(f"/servicePrincipals(appId='{NO_PRINCIPAL.client_id}')")
    assert (missing.status, missing.code) == (404, "Request_ResourceNotFound")


def test_get_by_ids_tells_every_kind_of_object_and_no_client_id(director: Graph) -> None:
    asked = [READER.object_id, READER.registration_id, READER.client_id, USER, GROUP, DEVICE, NOBODY, USER.upper()]
    answer = director.post("/directoryObjects/getByIds", {"ids": asked})
    assert {each["id"]: each["@odata.type"] for each in answer.body["value"]} == {
        READER.object_id: "#microsoft.graph.servicePrincipal",
        READER.registration_id: "#microsoft.graph.application",
        USER: "#microsoft.graph.user",
        GROUP: "#microsoft.graph.group",
        DEVICE: "#microsoft.graph.device",
    }
    assert len(answer.body["value"]) == 5
    assert answer.headers["x-ms-resource-unit"] == "3"


def test_get_by_ids_keeps_to_the_types_asked_for(director: Graph) -> None:
    body = {"ids": [READER.object_id, USER, GROUP], "types": ["user", "servicePrincipal"]}
    assert director.post("/directoryObjects/getByIds", body).ids == {READER.object_id, USER}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"ids": [guid(number) for number in range(1000)]}, 200),
        ({"ids": [guid(number) for number in range(1001)]}, 400),
        ({"ids": ["not-a-guid"]}, 400),
        ({"ids": "x"}, 400),
        ({}, 400),
        ([], 400),
    ],
)
def test_get_by_ids_takes_a_thousand_guids_and_nothing_else(director: Graph, body: Any, status: int) -> None:
    assert director.post("/directoryObjects/getByIds", body, fits=status == 200).status == status


def test_one_object_of_any_type_says_what_it_is(director: Graph) -> None:
    assert director.get(f"/directoryObjects/{GROUP}").body["@odata.type"] == "#microsoft.graph.group"
    chosen = director.get(f"/directoryObjects/{READER.object_id}?$select=displayName").body
    assert chosen.keys() == {"@odata.context", "@odata.type", "id", "displayName"}
    assert director.get(f"/directoryObjects/{NOBODY}").status == 404


def test_deleted_objects_are_found_by_id_and_by_client_id(reader: Graph) -> None:
    for key in (DELETED.object_id, DELETED.registration_id):
        assert reader.get(f"/directory/deletedItems/{key}").body["deletedDateTime"] == "2026-01-02T03:04:05Z"
    for cast, key in (("servicePrincipal", DELETED.object_id), ("application", DELETED.registration_id)):
        url = f"/directory/deletedItems/microsoft.graph.{cast}?$filter=appId eq '{DELETED.client_id}'"
        assert reader.get(url).ids == {key}
        assert "@odata.type" not in reader.get(url).body["value"][0]
    assert reader.get(f"/directory/deletedItems/{READER.object_id}").status == 404
    assert reader.get(f"/servicePrincipals/{DELETED.object_id}").status == 404


# What is it allowed to


def test_assignments_name_the_resource_they_are_on(reader: Graph) -> None:
    for who, resource in ((INVOICES, EXCHANGE_SP), (WRONG_API, GRAPH_SP)):
        (assignment,) = reader.get(f"/servicePrincipals/{who.object_id}/appRoleAssignments?$top=999").body["value"]
        assert (assignment["appRoleId"], assignment["resourceId"]) == (MAIL_SEND, resource)


def test_a_resource_knows_who_was_assigned_its_roles(reader: Graph) -> None:
    answer = reader.get(f"/servicePrincipals/{EXCHANGE_SP}/appRoleAssignedTo")
    assert {each["principalId"] for each in answer.body["value"]} == {READER.object_id, INVOICES.object_id}


def test_delegated_grants_are_listed_for_one_and_for_all(director: Graph) -> None:
    for url in (
        f"/servicePrincipals/{INVOICES.object_id}/oauth2PermissionGrants",
        f"/oauth2PermissionGrants?$filter=clientId eq '{INVOICES.object_id}'",
        "/oauth2PermissionGrants",
    ):
        (grant,) = director.get(url).body["value"]
        assert (grant["scope"], grant["principalId"]) == ("Mail.Send openid", None)
    assert director.get(f"/oauth2PermissionGrants?$filter=clientId eq '{NOBODY}'").body["value"] == []


def test_roles_of_a_resource_can_be_resolved_by_name(reader: Graph) -> None:
    body = reader.get("/servicePrincipals(appId='00000002-0000-0ff1-ce00-000000000000')?$select=id,appRoles").body
    assert {each["value"]: each["id"] for each in body["appRoles"]} == EXCHANGE_ROLES


def test_relations_of_nobody_are_not_empty_but_missing(director: Graph) -> None:
    for name in ("appRoleAssignments", "appRoleAssignedTo", "oauth2PermissionGrants"):
        assert director.get(f"/servicePrincipals/{NOBODY}/{name}").status == 404


def test_the_organization_names_its_domains(director: Graph) -> None:
    (tenant,) = director.get("/organization").body["value"]
    assert (tenant["id"], tenant["displayName"]) == (CONTOSO, "Contoso")
    assert {each["name"]: each["isInitial"] for each in tenant["verifiedDomains"]} == {
        "contoso.com": False,
        "contoso.onmicrosoft.com": True,
    }


# What is answered


def test_only_what_was_selected_is_answered(reader: Graph) -> None:
    answer = reader.get(f"/servicePrincipals?$filter=id eq '{READER.object_id}'&$select=appId,displayName")
    assert answer.body["value"] == [{"appId": READER.client_id, "displayName": "Reader"}]
    assert answer.body["@odata.context"].endswith("/v1.0/$metadata#servicePrincipals(appId,displayName)")


def test_what_a_stored_document_holds_besides_is_never_answered(served: Served, director: Graph) -> None:
    stored = served.store.get(CONTOSO, "servicePrincipal", READER.object_id)
    assert stored is not None
    assert "secretOfTheStore" in stored
    for url in (f"/servicePrincipals/{READER.object_id}", "/servicePrincipals", f"/directoryObjects/{USER}"):
        text = str(director.get(url).body)
        assert "secretOfTheStore" not in text
        assert "passwordProfile" not in text


def test_a_property_without_a_value_is_there_and_null(reader: Graph) -> None:
    body = reader.get(f"/servicePrincipals/{READER.object_id}").body
    assert body["verifiedPublisher"] is None
    assert body["tags"] == []
    assert body["appRoleAssignmentRequired"] is False


def test_credentials_are_shown_without_what_is_secret(served: Served, reader: Graph) -> None:
    key_id = credentials.add_certificate(served.store, CONTOSO, ORPHAN.client_id, make_certificate().certificate)
    served.directory.registration(CONTOSO, ORPHAN, "Orphan no more")
    url = f"/applications/{ORPHAN.registration_id}"
    assert "keyCredentials" not in reader.get(url).body
    listed = f"/applications?$filter=id eq '{ORPHAN.registration_id}'&$select=id,keyCredentials"
    (certificate,) = reader.get(listed).body["value"][0]["keyCredentials"]
    assert (certificate["keyId"], certificate["key"]) == (key_id, None)
    (certificate,) = reader.get(f"{url}?$select=keyCredentials").body["keyCredentials"]
    assert (certificate["keyId"], base64.b64decode(certificate["key"])[:1]) == (key_id, b"\x30")
    (secret,) = reader.get(f"/applications/{INVOICES.registration_id}").body["passwordCredentials"]
    assert (secret["hint"], secret["secretText"]) == (SECRET[:3], None)


def test_the_request_id_comes_back(reader: Graph) -> None:
    answer = reader.get(f"/servicePrincipals/{NOBODY}", {"client-request-id": guid(5)})
    inner = answer.body["error"]["innerError"]
    assert answer.headers["client-request-id"] == inner["client-request-id"] == guid(5)
    assert answer.headers["request-id"] == inner["request-id"] != guid(5)


@pytest.mark.parametrize(
    ("url", "units"),
    [("/servicePrincipals", "1"), ("/applications", "2"), ("/applications?$select=id", "1")],
)
def test_an_answer_tells_what_it_cost(reader: Graph, url: str, units: str) -> None:
    assert reader.get(url).headers["x-ms-resource-unit"] == units


# Pages, order, search


def test_pages_together_are_the_whole_and_nothing_twice(reader: Graph) -> None:
    whole = [each["id"] for each in reader.get("/servicePrincipals?$select=id").body["value"]]
    for size in (1, 2, 3, len(whole), 999):
        pages = reader.pages(f"/servicePrincipals?$select=id&$top={size}")
        assert [each["id"] for page in pages for each in page.body["value"]] == whole
        assert all(len(page.body["value"]) == size for page in pages[:-1])


def test_a_hundred_is_a_page_where_nobody_says(served: Served, director: Graph) -> None:
    for number in range(150):
        served.store.put(CONTOSO, "group", guid(0x90000 + number), {"id": guid(0x90000 + number), "displayName": "G"})
    first = director.get("/groups", fits=False)
    assert len(first.body["value"]) == 100
    assert "@odata.nextLink" in first.body


@pytest.mark.parametrize("order", ["displayName", "displayName desc"])
def test_order_holds_over_pages(reader: Graph, order: str) -> None:
    pages = reader.pages(f"/servicePrincipals?$select=displayName&$orderby={order}&$top=3")
    names = [each["displayName"].casefold() for page in pages for each in page.body["value"]]
    assert names == sorted(names, reverse="desc" in order)
    assert len(names) > 6


def test_pages_stay_whole_while_objects_come_and_go(served: Served, director: Graph) -> None:
    for number in range(6):
        served.directory.grant(f"page-{number}", READER)
    first = director.get("/oauth2PermissionGrants?$top=3")
    served.store.delete(CONTOSO, "oauth2PermissionGrant", first.body["value"][0]["id"])
    link = first.body["@odata.nextLink"].partition("/v1.0")[2]
    rest = director.get(link).ids | {each["id"] for page in director.pages(link)[1:] for each in page.body["value"]}
    assert first.ids | rest == {"grant-1", *(f"page-{number}" for number in range(6))}
    for number in range(6):
        served.store.delete(CONTOSO, "oauth2PermissionGrant", f"page-{number}")


@pytest.mark.parametrize("token", ["", "x", "bm90IGpzb24", "WyJhIiwiYiIsImMiXQ", "é"])
def test_a_page_token_that_is_not_ours_has_expired(reader: Graph, token: str) -> None:
    refused = reader.get(f"/servicePrincipals?$skiptoken={token}")
    assert (refused.status, refused.code) == (400, "Directory_ExpiredPageToken")


def test_a_page_token_is_good_for_its_own_question_only(reader: Graph) -> None:
    link = reader.get("/servicePrincipals?$top=2").body["@odata.nextLink"].partition("/v1.0")[2]
    assert reader.get(link).status == 200
    assert reader.get(link.replace("/servicePrincipals?", "/applications?")).code == "Directory_ExpiredPageToken"
    assert reader.get(link.replace("top=2", "top=3")).code == "Directory_ExpiredPageToken"


def test_search_needs_its_header_and_finds_words(reader: Graph) -> None:
    url = '/servicePrincipals?$search="displayName:wro"&$select=id'
    assert reader.get(url, EVENTUAL).ids == {WRONG_API.object_id}
    refused = reader.get(url)
    assert (refused.status, refused.code) == (400, "Request_UnsupportedQuery")


def test_a_count_comes_only_with_its_header(reader: Graph) -> None:
    url = "/servicePrincipals?$count=true&$top=1"
    assert reader.get(url, EVENTUAL).body["@odata.count"] > 1
    assert "@odata.count" not in reader.get(url).body


# What is refused


def in_clause(count: int) -> str:
    return ",".join(f"'{guid(number)}'" for number in range(count))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("/servicePrincipals?$filter=id eq", "BadRequest"),
        ("/servicePrincipals?$filter=nothing eq 'x'", "BadRequest"),
        ("/servicePrincipals?$select=id,displayname", "BadRequest"),
        (f"/servicePrincipals/{READER.object_id}?$select=nothing", "BadRequest"),
        (f"/servicePrincipals?$filter=id in ({in_clause(16)})", "Request_UnsupportedQuery"),
        ("/servicePrincipals?$filter=displayName eq 'x'&$orderby=displayName", "Request_UnsupportedQuery"),
        ("/servicePrincipals?$orderby=id", "Request_UnsupportedQuery"),
        ("/servicePrincipals?$expand=owners", "BadRequest"),
        ("/servicePrincipals/not-a-guid", "Request_BadRequest"),
    ],
)
def test_a_query_that_graph_would_refuse_is_refused(reader: Graph, url: str, code: str) -> None:
    refused = reader.get(url)
    assert (refused.status, refused.code) == (400, code)


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/servicePrincipals?$top=1000", 400),
        ("GET", "/servicePrincipals?$top=0", 400),
        ("GET", "/servicePrincipals?$top=many", 400),
        ("GET", "/servicePrincipals?$skip=1", 400),
        ("GET", "/serviceprincipal", 400),
        ("GET", "/servicePrincipals/a/b/c", 400),
        ("GET", "/", 400),
        ("DELETE", f"/servicePrincipals/{READER.object_id}", 405),
        ("POST", "/organization", 405),
        ("GET", "/$batch", 405),
    ],
)
def test_a_request_that_graph_does_not_have_is_refused(reader: Graph, method: str, url: str, status: int) -> None:
    assert reader.send(method, url, {} if method == "POST" else None, fits=False).status == status


def test_too_many_clauses_are_refused_in_the_services_own_words(reader: Graph) -> None:
    assert reader.get(f"/servicePrincipals?$filter=id in ({in_clause(18)})").message == (
        "Too many child clauses specified in search filter expression containing 'OR' operators: 18. Max allowed: 15."
    )


OWN_SP, OWN_APP = f"/servicePrincipals/{POWERLESS.object_id}", f"/applications/{POWERLESS.registration_id}"


@pytest.mark.parametrize(
    ("url", "reader_may", "director_may", "powerless_may"),
    [
        ("/servicePrincipals", True, True, False),
        (f"/servicePrincipals/{READER.object_id}", True, True, False),
        (f"/servicePrincipals/{READER.object_id}/appRoleAssignments", True, True, False),
        (f"/servicePrincipals/{READER.object_id}/appRoleAssignedTo", True, True, False),
        (f"/servicePrincipals/{READER.object_id}/oauth2PermissionGrants", False, True, False),
        ("/oauth2PermissionGrants", False, True, False),
        ("/applications", True, True, False),
        (f"/applications(appId='{READER.client_id}')", True, True, False),
        (f"/directory/deletedItems/{DELETED.object_id}", True, True, False),
        ("/directory/deletedItems/microsoft.graph.servicePrincipal", True, True, False),
        (f"/directoryObjects/{USER}", False, True, False),
        ("/organization", False, True, False),
        # Everybody may read themselves.
        (OWN_SP, True, True, True),
        (OWN_APP, True, True, True),
        (f"/servicePrincipals(appId='{POWERLESS.client_id}')", True, True, True),
        (f"/applications(appId='{POWERLESS.client_id}')", True, True, True),
        (f"/directoryObjects/{POWERLESS.object_id}", False, True, True),
    ],
)
def test_who_may_read_what(
    reader: Graph,
    director: Graph,
    powerless: Graph,
    url: str,
    reader_may: bool,
    director_may: bool,
    powerless_may: bool,
) -> None:
    for graph, may in ((reader, reader_may), (director, director_may), (powerless, powerless_may)):
        answer = graph.get(url)
        if may:
            assert answer.status == 200
        else:
            assert (answer.status, answer.code) == (403, "Authorization_RequestDenied")


def test_get_by_ids_is_not_for_application_readers(reader: Graph) -> None:
    assert reader.post("/directoryObjects/getByIds", {"ids": [READER.object_id]}).status == 403


def test_users_and_groups_need_permissions_of_their_own(reader: Graph, director: Graph) -> None:
    for url in (f"/users/{USER}", f"/groups/{GROUP}", "/users"):
        assert reader.get(url, fits=False).status == 403
        assert director.get(url, fits=False).status == 200


def test_nobody_sees_another_tenants_objects(served: Served, director: Graph) -> None:
    assert director.get(f"/applications/{FOREIGN.registration_id}").status == 404
    assert served.store.get(FABRIKAM, "application", FOREIGN.registration_id) is not None


# Tokens


def authorized(served: Served, header: str | None) -> httpx2.Response:
    headers = {} if header is None else {"Authorization": header}
    with served.client() as http:
        return http.get("/v1.0/servicePrincipals", headers=headers)


def test_a_request_without_a_good_token_is_401_before_anything_else(served: Served) -> None:
    good = served.token()
    bad = {
        None: "Access token is empty.",
        "Bearer": "Access token is empty.",
        "Basic eDp5": "Access token is empty.",
        "Bearer nonsense": "CompactToken parsing failed with error code: 80049217",
        f"Bearer {good[:-8]}AAAAAAAA": "Access token validation failure. Signature is invalid.",
        f"Bearer {served.token(READER, 'https://outlook.office365.com')}": (
            "Access token validation failure. Invalid audience."
        ),
    }
    for header, message in bad.items():
        refused = authorized(served, header)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "InvalidAuthenticationToken"), header
        assert refused.json()["error"]["message"] == message
        assert refused.headers["www-authenticate"].startswith("Bearer ")
    assert authorized(served, f"Bearer {good}").status_code == 200


def test_a_token_ends(served: Served) -> None:
    token = served.token()
    try:
        served.clock.offset = timedelta(hours=1)
        refused = authorized(served, f"Bearer {token}")
    finally:
        served.clock.offset = timedelta(0)
    assert refused.json()["error"]["message"] == "Access token has expired or is not yet valid."


def test_a_token_dies_with_its_service_principal(served: Served) -> None:
    claims = served.keys.verify(served.token(), audiences=["https://graph.microsoft.com"], now=served.clock())
    token = served.keys.sign(claims | {"oid": NOBODY})
    assert authorized(served, f"Bearer {token}").json()["error"]["code"] == "Authorization_IdentityNotFound"


# $batch


def member(key: str, url: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "method": "GET", "url": url, **more}


def test_a_batch_answers_each_member_on_its_own(reader: Graph) -> None:
    ids = {"ids": [READER.object_id], "types": ["user"]}
    answers = reader.batch(
        member("found", f"/servicePrincipals?$filter=id in ('{READER.object_id}')&$select=id,appId"),
        member("missing", f"/servicePrincipals/{NOBODY}"),
        member("encoded", f"/servicePrincipals?$filter=id%20eq%20%27{READER.object_id}%27"),
        member("search", '/servicePrincipals?$search="displayName:rea"', headers=EVENTUAL),
        {
            "id": "denied",
            "method": "POST",
            "url": "/directoryObjects/getByIds",
            "headers": {"Content-Type": "application/json"},
            "body": ids,
        },
    )
    statuses = {key: answer["status"] for key, answer in answers.items()}
    assert statuses == {"found": 200, "missing": 404, "encoded": 200, "search": 200, "denied": 403}
    assert answers["found"]["body"]["value"] == [{"id": READER.object_id, "appId": READER.client_id}]
    assert answers["found"]["headers"]["x-ms-resource-unit"] == "1"
    assert answers["encoded"]["body"]["value"][0]["id"] == READER.object_id


def test_a_batch_is_answered_in_any_order(reader: Graph) -> None:
    requests = [member(str(number), f"/servicePrincipals/{NOBODY}") for number in range(20)]
    orders = {
        tuple(each["id"] for each in reader.post("/$batch", {"requests": requests}).body["responses"]) for _ in range(5)
    }
    assert len(orders) > 1
    assert all(set(order) == {each["id"] for each in requests} for order in orders)


@pytest.mark.parametrize(("order", "ids"), [("as_sent", ["1", "2", "3"]), ("reversed", ["3", "2", "1"])])
def test_the_order_of_a_batch_can_be_switched(served: Served, reader: Graph, order: str, ids: list[str]) -> None:
    write_switches(served.store, Switches.parse({"batch_order": order}))
    try:
        requests = [member(key, f"/servicePrincipals/{NOBODY}") for key in ("1", "2", "3")]
        replies = reader.post("/$batch", {"requests": requests}).body["responses"]
    finally:
        write_switches(served.store, Switches())
    assert [each["id"] for each in replies] == ids


SOMETHING = f"/servicePrincipals/{READER.object_id}"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"requests": [member(str(number), SOMETHING) for number in range(21)]}, "exceeds the maximum value of 20"),
        ({"requests": [member("1", SOMETHING), member("1", SOMETHING)]}, "unique"),
        ({"requests": []}, "format"),
        ({"requests": [{"id": 1, "method": "GET", "url": SOMETHING}]}, "format"),
        ({"requests": [{"id": "1", "url": SOMETHING}]}, "format"),
        ({"requests": [member("1", SOMETHING, headers=[])]}, "format"),
        ({"requests": ["x"]}, "format"),
        ([], "format"),
        (None, "Unable to read JSON"),
    ],
)
def test_a_batch_that_is_wrong_is_refused_as_a_whole(reader: Graph, body: Any, why: str) -> None:
    refused = reader.post("/$batch", body, fits=False)
    assert refused.status == 400
    assert why in refused.message


def test_a_member_with_a_body_needs_its_content_type(director: Graph) -> None:
    post = {"id": "1", "method": "POST", "url": "/directoryObjects/getByIds", "body": {"ids": [USER]}}
    assert director.batch(post)["1"]["status"] == 400
    assert director.batch({**post, "headers": {"content-type": "application/json"}})["1"]["status"] == 200


def test_a_member_waits_for_what_it_depends_on(reader: Graph) -> None:
    answers = reader.batch(
        member("good", SOMETHING),
        member("bad", f"/servicePrincipals/{NOBODY}"),
        member("after good", SOMETHING, dependsOn=["good"]),
        member("after bad", SOMETHING, dependsOn=["good", "bad"]),
    )
    assert (answers["after good"]["status"], answers["after bad"]["status"]) == (200, 424)


def test_a_throttled_member_says_when_to_come_back_and_the_others_are_done(served: Served, reader: Graph) -> None:
    fault = Fault(FaultKind.THROTTLE, surface=Surface.GRAPH, path="/v1.0/applications", times=1, retry_after=2.128)
    FaultBook(served.store).add(fault)
    requests = (member("1", SOMETHING), member("2", "/applications?$top=1"))
    answers = reader.batch(*requests)
    assert {key: answer["status"] for key, answer in answers.items()} == {"1": 200, "2": 429}
    assert answers["2"]["headers"]["Retry-After"] == "2.128"
    assert answers["2"]["body"]["error"]["code"] == "TooManyRequests"
    assert reader.batch(*requests)["2"]["status"] == 200


# Size


class WatchedStore(Store):
    """Counts the times that all documents of a kind are read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.whole_reads: Counter[str] = Counter()

    def all(self, tenant: str, kind: str) -> list[Document]:
        self.whole_reads[kind] += 1
        return super().all(tenant, kind)


def test_lookups_by_key_do_not_read_the_whole_tenant(tmp_path: Path) -> None:
    store = WatchedStore(tmp_path / "sandbox.db")
    with serve(tmp_path, lambda _: store) as served, served.graph(DIRECTOR) as graph:
        store.whole_reads.clear()
        for name, value in (("id", READER.object_id), ("appId", READER.client_id)):
            assert graph.get(f"/servicePrincipals?$filter={name} in ('{value}','{NOBODY}')").ids == {READER.object_id}
        graph.get(f"/servicePrincipals(appId='{READER.client_id}')")
        graph.get(f"/servicePrincipals/{READER.object_id}/appRoleAssignments")
        graph.get(f"/oauth2PermissionGrants?$filter=clientId eq '{INVOICES.object_id}'")
        graph.post("/directoryObjects/getByIds", {"ids": [READER.object_id, USER]})
        served.token()
        assert not store.whole_reads
        graph.get("/servicePrincipals?$filter=displayName eq 'Reader'")
        assert store.whole_reads == {"servicePrincipal": 1}


def test_ten_thousand_applications_are_paged_to_the_end(tmp_path: Path) -> None:
    ids = [guid(0x100000 + number) for number in range(10_000)]
    with serve(tmp_path) as served, served.graph(DIRECTOR) as graph:
        known = graph.get("/servicePrincipals?$select=id").ids
        with served.store.transaction():
            for key in ids:
                served.store.put(CONTOSO, "servicePrincipal", key, {"id": key, "appId": key, "displayName": "App"})
        pages = graph.pages("/servicePrincipals?$select=id&$top=999")
        assert sum(len(page.body["value"]) for page in pages) == len(ids) + len(known)
        assert set().union(*(page.ids for page in pages)) == {*ids, *known}
        assert graph.post("/directoryObjects/getByIds", {"ids": ids[:1000]}).ids == set(ids[:1000])

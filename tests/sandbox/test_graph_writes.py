"""
What the sandbox's Graph lets applications write, and what comes of it.

The published description at hand has no writes; what is made is held against the schemas of its objects.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from entra_graph import Contract, make_certificate

from hveadmin.sandbox import credentials
from hveadmin.sandbox.faults import Switches
from hveadmin.sandbox.seed import CONTOSO, EXCHANGE_APP_ID, GRAPH_APP_ID, MAIL_SEND, guid_of
from hveadmin.sandbox.server import Running, Sandbox

DUNNING = guid_of("contoso", "principal", "Dunning Letters")
DUNNING_REGISTRATION = guid_of("contoso", "registration", "Dunning Letters")
DUNNING_CLIENT = guid_of("contoso", "client", "Dunning Letters")
EXCHANGE = guid_of("contoso", "resource", EXCHANGE_APP_ID)
GRAPH = guid_of("contoso", "resource", GRAPH_APP_ID)
NOBODY = "deadbeef-dead-4eef-8eef-deadbeef0001"
MAIL_SEND_ACCESS = {"resourceAppId": EXCHANGE_APP_ID, "resourceAccess": [{"id": MAIL_SEND, "type": "Role"}]}


@dataclass(frozen=True)
class Client:
    """Somebody's calls of Graph."""

    http: httpx2.Client
    token: str

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        reply = self.http.request(method, f"/v1.0{path}", json=body, headers=headers)
        return reply.status_code, reply.json() if reply.content else None

    def made(self, path: str, body: object, schema: str) -> Any:
        """What a POST made, held against the schema of its type."""
        status, answer = self("POST", path, body)
        assert status == 201, answer
        contract = Contract.read()
        if contract is not None:
            contract.check_schema(schema, answer)
        return answer


@pytest.fixture
def http(running: Running) -> Iterator[httpx2.Client]:
    tls = ssl.create_default_context(cafile=str(running.ca_pem))
    with httpx2.Client(base_url=running.base_url, verify=tls, trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def who(sandbox: Sandbox, http: httpx2.Client) -> Callable[[str], Client]:
    def sign_in(name: str) -> Client:
        operator = sandbox.operators()[name]
        return Client(http, token(http, operator.client_id, client_secret=operator.secret_path.read_text().strip()))

    return sign_in


@pytest.fixture
def operator(who: Callable[[str], Client]) -> Client:
    return who("operator")


def token(http: httpx2.Client, client_id: str, **proof: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": client_id, "scope": "https://graph.microsoft.com/.default"}
    reply = http.post(f"/{CONTOSO}/oauth2/v2.0/token", data={**form, **proof})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["access_token"])


def new_application(client: Client, name: str = "New Sender", **more: object) -> Any:
    return client.made("/applications", {"displayName": name, **more}, "microsoft.graph.application")


def test_a_registration_is_made_and_found(operator: Client) -> None:
    made = new_application(operator, requiredResourceAccess=[MAIL_SEND_ACCESS], isFallbackPublicClient=True)
    for path in (f"/applications/{made['id']}", f"/applications(appId='{made['appId']}')"):
        status, found = operator("GET", path)
        assert status == 200
        assert {**found, "@odata.context": ""} == {**made, "@odata.context": ""}
    assert (made["signInAudience"], made["isFallbackPublicClient"]) == ("AzureADMyOrg", True)
    assert made["requiredResourceAccess"] == [MAIL_SEND_ACCESS]


def test_a_registration_is_changed_only_in_what_is_named(operator: Client) -> None:
    path = f"/applications/{DUNNING_REGISTRATION}"
    before = operator("GET", path)[1]
    change = {"requiredResourceAccess": [MAIL_SEND_ACCESS], "publicClient": {"redirectUris": ["http://localhost"]}}
    assert operator("PATCH", path, change) == (204, None)
    assert operator("GET", path)[1] == before | change


def test_a_service_principal_is_made_once(operator: Client) -> None:
    made = new_application(operator)
    principal = operator.made("/servicePrincipals", {"appId": made["appId"]}, "microsoft.graph.servicePrincipal")
    assert (principal["displayName"], principal["appOwnerOrganizationId"]) == ("New Sender", CONTOSO)
    status, again = operator("POST", "/servicePrincipals", {"appId": made["appId"]})
    assert (status, again["error"]["code"]) == (409, "Request_MultipleObjectsWithSameKeyValue")
    assert operator("GET", f"/servicePrincipals(appId='{made['appId']}')")[1]["id"] == principal["id"]


def assignment(principal: str = DUNNING, resource: str = EXCHANGE, role: str = MAIL_SEND) -> dict[str, str]:
    return {"principalId": principal, "resourceId": resource, "appRoleId": role}


@pytest.mark.parametrize("path", [f"/{DUNNING}/appRoleAssignments", f"/{EXCHANGE}/appRoleAssignedTo"])
def test_consent_is_given_at_either_end_and_once(operator: Client, path: str) -> None:
    made = operator.made(f"/servicePrincipals{path}", assignment(), "microsoft.graph.appRoleAssignment")
    assert (made["principalDisplayName"], made["resourceDisplayName"]) == (
        "Dunning Letters",
        "Office 365 Exchange Online",
    )
    status, again = operator("POST", f"/servicePrincipals{path}", assignment())
    assert (status, again["error"]["message"]) == (400, "Permission being assigned already exists on the object")
    (found,) = operator("GET", f"/servicePrincipals/{DUNNING}/appRoleAssignments")[1]["value"]
    assert found["id"] == made["id"]


def test_the_same_role_of_another_api_is_another_consent(operator: Client) -> None:
    for resource in (EXCHANGE, GRAPH):
        body = assignment(resource=resource)
        operator.made(f"/servicePrincipals/{resource}/appRoleAssignedTo", body, "microsoft.graph.appRoleAssignment")


def test_delegated_consent_is_given_once_and_extended(operator: Client) -> None:
    body = {
        "clientId": DUNNING,
        "consentType": "AllPrincipals",
        "principalId": None,
        "resourceId": EXCHANGE,
        "scope": "openid",
    }
    made = operator.made("/oauth2PermissionGrants", body, "microsoft.graph.oAuth2PermissionGrant")
    assert operator("POST", "/oauth2PermissionGrants", body)[0] == 409
    path = f"/oauth2PermissionGrants/{made['id']}"
    assert operator("PATCH", path, {"scope": "openid Mail.Send"}) == (204, None)
    (found,) = operator("GET", f"/servicePrincipals/{DUNNING}/oauth2PermissionGrants")[1]["value"]
    assert found["scope"] == "openid Mail.Send"


def test_a_secret_is_told_once_and_signs_in(operator: Client, http: httpx2.Client, sandbox: Sandbox) -> None:
    path = f"/applications/{DUNNING_REGISTRATION}"
    asked = {"passwordCredential": {"displayName": "mine", "endDateTime": "2099-01-01T00:00:00Z"}}
    status, made = operator("POST", f"{path}/addPassword", asked)
    assert status == 200
    contract = Contract.read()
    if contract is not None:
        contract.check_schema("microsoft.graph.passwordCredential", made)
    assert token(http, DUNNING_CLIENT, client_secret=made["secretText"])
    (shown,) = operator("GET", path)[1]["passwordCredentials"]
    assert shown == {name: made[name] for name in shown} | {"secretText": None}
    assert made["secretText"] not in str(credentials.of_application(sandbox.store, CONTOSO, DUNNING_CLIENT))


def der(pem: str) -> str:
    return "".join(pem.splitlines()[1:-1])


def key(pem: str, **more: object) -> dict[str, object]:
    return {"type": "AsymmetricX509Cert", "usage": "Verify", "key": der(pem), **more}


def test_certificates_are_replaced_as_a_whole_and_keep_their_ids(
    operator: Client,
) -> None:
    path = f"/applications/{DUNNING_REGISTRATION}"
    first, second = make_certificate(), make_certificate()
    assert operator("PATCH", path, {"keyCredentials": [key(first.certificate, displayName="one")]}) == (204, None)
    (before,) = operator("GET", f"{path}?$select=keyCredentials")[1]["keyCredentials"]
    assert (before["key"], before["displayName"]) == (der(first.certificate), "one")
    assert operator("PATCH", path, {"keyCredentials": [before, key(second.certificate)]}) == (204, None)
    kept, added = operator("GET", f"{path}?$select=keyCredentials")[1]["keyCredentials"]
    assert (kept["keyId"], added["key"]) == (before["keyId"], der(second.certificate))
    assert operator("PATCH", path, {"keyCredentials": []}) == (204, None)
    assert operator("GET", f"{path}?$select=keyCredentials")[1]["keyCredentials"] == []


APPLICATION = f"/applications/{DUNNING_REGISTRATION}"
ASSIGN = f"/servicePrincipals/{EXCHANGE}/appRoleAssignedTo"
GRANT = {"clientId": DUNNING, "consentType": "AllPrincipals", "resourceId": EXCHANGE, "scope": "Mail.Send"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        pytest.param("POST", "/applications", {}, 400, "displayName", id="no name"),
        pytest.param("POST", "/applications", {"displayname": "x"}, 400, "displayname", id="misspelt"),
        pytest.param("POST", "/applications", [], 400, "object", id="no object"),
        pytest.param("PATCH", APPLICATION, {"signInAudience": "Everybody"}, 400, "signInAudience", id="audience"),
        pytest.param("PATCH", APPLICATION, {"isFallbackPublicClient": "yes"}, 400, "isFallback", id="no boolean"),
        pytest.param("PATCH", APPLICATION, {"requiredResourceAccess": [{}]}, 400, "requiredResource", id="access"),
        pytest.param("PATCH", APPLICATION, {"publicClient": {"redirectUris": [1]}}, 400, "publicClient", id="uris"),
        pytest.param("PATCH", APPLICATION, {"keyCredentials": [{"type": "x"}]}, 400, "type and usage", id="key type"),
        pytest.param(
            "PATCH",
            APPLICATION,
            {"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": "eA=="}]},
            400,
            "invalid certificate",
            id="no certificate",
        ),
        pytest.param("PATCH", f"/applications/{NOBODY}", {"notes": "x"}, 404, NOBODY, id="no registration"),
        pytest.param("PATCH", f"/applications/{DUNNING_CLIENT}", {"notes": "x"}, 404, DUNNING_CLIENT, id="a client id"),
        pytest.param(
            "POST", "/servicePrincipals", {"appId": NOBODY}, 400, "does not reference a valid application", id="no app"
        ),
        pytest.param("POST", ASSIGN, assignment(principal=NOBODY), 400, "Not a valid reference", id="no principal"),
        pytest.param("POST", ASSIGN, assignment(resource=GRAPH), 400, "Not a valid reference", id="another resource"),
        pytest.param("POST", ASSIGN, assignment(role=NOBODY), 400, "not found on application", id="no role"),
        pytest.param("POST", ASSIGN, assignment(role="Mail.Send"), 400, "identifier", id="a name for a role"),
        pytest.param("POST", "/oauth2PermissionGrants", {**GRANT, "clientId": NOBODY}, 404, NOBODY, id="no client"),
        pytest.param(
            "POST", "/oauth2PermissionGrants", {**GRANT, "consentType": "Principal"}, 400, "consentType", id="for whom"
        ),
        pytest.param("PATCH", "/oauth2PermissionGrants/none", {"scope": "x"}, 404, "none", id="no grant"),
        pytest.param(
            "POST",
            f"{APPLICATION}/addPassword",
            {"passwordCredential": {"endDateTime": "soon"}},
            400,
            "endDateTime",
            id="no time",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    operator: Client, method: str, path: str, body: object, status: int, words: str
) -> None:
    answered, said = operator(method, path, body)
    assert (answered, words in said["error"]["message"]) == (status, True), said


WRITES = [
    ("POST", "/applications", {"displayName": "x"}),
    ("PATCH", APPLICATION, {"notes": "x"}),
    ("POST", f"{APPLICATION}/addPassword", {}),
    ("POST", "/servicePrincipals", {"appId": DUNNING_CLIENT}),
    ("POST", ASSIGN, assignment()),
    ("POST", f"/servicePrincipals/{DUNNING}/appRoleAssignments", assignment()),
    ("POST", "/oauth2PermissionGrants", GRANT),
    ("PATCH", "/oauth2PermissionGrants/none", {"scope": "x"}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
@pytest.mark.parametrize("name", ["reader", "applications-only", "without-graph"])
def test_whoever_only_reads_writes_nothing(
    who: Callable[[str], Client], method: str, path: str, body: object, name: str
) -> None:
    status, said = who(name)(method, path, body)
    assert (status, said["error"]["code"]) == (403, "Authorization_RequestDenied")


def test_an_owner_changes_what_it_made_and_nothing_else(operator: Client, http: httpx2.Client) -> None:
    role = "18a4783c-866b-4cc7-a460-3d5e5662c884"  # Application.ReadWrite.OwnedBy
    operator.made(
        f"/servicePrincipals/{GRAPH}/appRoleAssignedTo",
        assignment(DUNNING, GRAPH, role),
        "microsoft.graph.appRoleAssignment",
    )
    secret = operator("POST", f"{APPLICATION}/addPassword", {})[1]["secretText"]
    owner = Client(http, token(http, DUNNING_CLIENT, client_secret=secret))
    made = new_application(owner)
    assert owner("PATCH", f"/applications/{made['id']}", {"notes": "mine"}) == (204, None)
    owner.made("/servicePrincipals", {"appId": made["appId"]}, "microsoft.graph.servicePrincipal")
    assert owner("PATCH", APPLICATION, {"notes": "not mine"})[0] == 403
    assert owner("POST", f"{APPLICATION}/addPassword", {})[0] == 403


def test_what_is_new_is_not_found_for_as_long_as_the_switch_says(sandbox: Sandbox, operator: Client) -> None:
    sandbox.set_switches(Switches(replication_lag=2))
    made = new_application(operator)
    path = f"/applications/{made['id']}"
    assert [operator("GET", path)[0] for _ in range(4)] == [404, 404, 200, 200]
    another = new_application(operator)
    tries = [operator("POST", "/servicePrincipals", {"appId": another["appId"]})[0] for _ in range(4)]
    assert tries == [400, 400, 201, 409]
    assert operator("GET", APPLICATION)[0] == 200


def test_a_write_may_come_in_a_batch(operator: Client) -> None:
    member = {
        "id": "1",
        "method": "PATCH",
        "url": APPLICATION,
        "headers": {"Content-Type": "application/json"},
        "body": {"notes": "batched"},
    }
    status, answer = operator("POST", "/$batch", {"requests": [member]})
    (reply,) = answer["responses"]
    assert (status, reply["status"], "body" in reply) == (200, 204, False)
    assert operator("GET", APPLICATION)[1]["notes"] == "batched"

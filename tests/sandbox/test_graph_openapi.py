"""
The sandbox's Graph against Microsoft's published description, path by path, and the description's own sharpness.

test_graph holds whatever it sends and gets against the same description; here every path of it is walked, and the
check itself is shown to catch a misspelt property, so that its silence means something.
"""

from __future__ import annotations

import copy
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from entra_graph import (
    CONTOSO,
    CONTRACT_FILE,
    DELETED,
    DIRECTOR,
    EXCHANGE_SP,
    GROUP,
    INVOICES,
    READER,
    USER,
    Contract,
    ContractBroken,
    Graph,
    Served,
    serve,
)

from hveadmin.sandbox.graph_types import (
    APP_ROLE_ASSIGNMENT,
    APPLICATION,
    ORGANIZATION_TYPE,
    PERMISSION_GRANT,
    SERVICE_PRINCIPAL,
    EntityType,
)
from hveadmin.sandbox.graph_types import (
    GROUP as GROUP_TYPE,
)
from hveadmin.sandbox.graph_types import (
    USER as USER_TYPE,
)
from hveadmin.sandbox.server import Sandbox

pytestmark = pytest.mark.skipif(
    not CONTRACT_FILE.exists(), reason="Graph's OpenAPI description is not beside the checkout"
)


@pytest.fixture(scope="module")
def contract() -> Contract:
    found = Contract.read()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("contract")) as served:
        yield served


@pytest.fixture(scope="module")
def graph(served: Served) -> Iterator[Graph]:
    with served.graph(DIRECTOR) as graph:
        yield graph


PATHS: dict[str, tuple[str, Any]] = {
    "/servicePrincipals": ("/servicePrincipals?$count=true&$orderby=displayName&$top=5", None),
    "/servicePrincipals/{id}": (f"/servicePrincipals/{READER.object_id}?$select=id,keyCredentials,tags", None),
    "/servicePrincipals(appId='{appId}')": (f"/servicePrincipals(appId='{READER.client_id}')", None),
    "/servicePrincipals/{id}/appRoleAssignments": (f"/servicePrincipals/{INVOICES.object_id}/appRoleAssignments", None),
    "/servicePrincipals/{id}/appRoleAssignedTo": (f"/servicePrincipals/{EXCHANGE_SP}/appRoleAssignedTo", None),
    "/servicePrincipals/{id}/oauth2PermissionGrants": (
        f"/servicePrincipals/{INVOICES.object_id}/oauth2PermissionGrants",
        None,
    ),
    "/applications": ("/applications", None),
    "/applications/{id}": (f"/applications/{READER.registration_id}", None),
    "/applications(appId='{appId}')": (f"/applications(appId='{READER.client_id}')", None),
    "/oauth2PermissionGrants": ("/oauth2PermissionGrants", None),
    "/directoryObjects/getByIds": ("/directoryObjects/getByIds", {"ids": [READER.object_id, USER, GROUP]}),
    "/directoryObjects/{id}": (f"/directoryObjects/{READER.object_id}", None),
    "/directory/deletedItems/microsoft.graph.application": (
        "/directory/deletedItems/microsoft.graph.application",
        None,
    ),
    "/directory/deletedItems/microsoft.graph.servicePrincipal": (
        "/directory/deletedItems/microsoft.graph.servicePrincipal",
        None,
    ),
    "/directory/deletedItems/{id}": (f"/directory/deletedItems/{DELETED.object_id}", None),
    "/organization": ("/organization", None),
    "/$batch": ("/$batch", {"requests": [{"id": "1", "method": "GET", "url": "/organization"}]}),
}
"""A request for each path of the description."""


def test_every_path_of_the_description_is_asked_for(contract: Contract) -> None:
    assert set(PATHS) == set(contract.document["paths"])


@pytest.mark.parametrize("path", PATHS)
def test_every_path_is_answered_as_described_and_with_something(graph: Graph, path: str) -> None:
    url, body = PATHS[path]
    answer = graph.get(url) if body is None else graph.post(url, body)
    assert answer.status == 200
    assert answer.body.get("value", answer.body.get("responses", ["one object"])) != []


@pytest.mark.parametrize(
    "entity", [SERVICE_PRINCIPAL, APPLICATION, USER_TYPE, GROUP_TYPE, APP_ROLE_ASSIGNMENT, PERMISSION_GRANT]
)
def test_the_sandbox_knows_the_properties_of_the_description(contract: Contract, entity: EntityType) -> None:
    described = set(contract.schema(f"microsoft.graph.{entity.name}")["properties"])
    # The logo is a stream with an address of its own.
    assert set(entity.properties) == described - {"logo"}
    assert entity.on_request <= described


def test_the_organization_keeps_to_the_description(contract: Contract) -> None:
    assert set(ORGANIZATION_TYPE.properties) <= set(contract.schema("microsoft.graph.organization")["properties"])


def test_all_that_contoso_holds_fits_the_description(tmp_path: Path, contract: Contract) -> None:
    with Sandbox.open(tmp_path / "sandbox.db") as sandbox, sandbox.serve() as running:
        tls = ssl.create_default_context(cafile=str(running.ca_pem))
        with httpx2.Client(base_url=running.base_url, verify=tls, trust_env=False) as http:
            graph = Graph(http, _operators_token(sandbox, http), contract)
            ids = set()
            for path in ("/servicePrincipals", "/applications"):
                for page in graph.pages(f"{path}?$top=7"):
                    ids |= page.ids
            graph.get("/oauth2PermissionGrants")
            for cast in ("servicePrincipal", "application"):
                for key in graph.get(f"/directory/deletedItems/microsoft.graph.{cast}").ids:
                    graph.get(f"/directory/deletedItems/{key}")
            for principal in graph.get("/servicePrincipals?$select=id").ids:
                graph.get(f"/servicePrincipals/{principal}?$select={','.join(SERVICE_PRINCIPAL.properties)}")
                graph.get(f"/servicePrincipals/{principal}/appRoleAssignments")
            for registration in graph.get("/applications?$select=id").ids:
                graph.get(f"/applications/{registration}?$select={','.join(APPLICATION.properties)}")
            found = graph.post("/directoryObjects/getByIds", {"ids": sorted(ids)}).ids
    assert len(found) > 40


def _operators_token(sandbox: Sandbox, http: httpx2.Client) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.operator.client_id,
        "client_secret": sandbox.operator.secret_path.read_text(encoding="utf-8").strip(),
        "scope": "https://graph.microsoft.com/.default",
    }
    return str(http.post("/contoso.com/oauth2/v2.0/token", data=form).json()["access_token"])


# The check catches


def broken(contract: Contract, graph: Graph, url: str, change: Any) -> None:
    """Get an answer that fits, change it, and hold it against the description."""
    body = copy.deepcopy(graph.get(url).body)
    change(body)
    contract.check_answer("GET", url, 200, body)


def misspell(body: dict[str, Any]) -> None:
    body["value"][0]["accountEnable"] = body["value"][0].pop("accountEnabled")


def misspell_one(body: dict[str, Any]) -> None:
    body["displayname"] = body.pop("displayName")


def wrong_type(body: dict[str, Any]) -> None:
    body["value"][0]["accountEnabled"] = "true"


def wrong_time(body: dict[str, Any]) -> None:
    body["value"][0]["createdDateTime"] = "yesterday"


def stray(body: dict[str, Any]) -> None:
    body["values"] = body["value"]


def null_list(body: dict[str, Any]) -> None:
    body["value"][0]["tags"] = None


def no_type(body: dict[str, Any]) -> None:
    del body["@odata.type"]


@pytest.mark.parametrize(
    ("url", "change"),
    [
        ("/servicePrincipals", misspell),
        ("/servicePrincipals", wrong_type),
        ("/servicePrincipals", wrong_time),
        ("/servicePrincipals", stray),
        ("/servicePrincipals", null_list),
        (f"/servicePrincipals/{READER.object_id}", misspell_one),
        (f"/applications(appId='{READER.client_id}')", misspell_one),
        (f"/directoryObjects/{READER.object_id}", misspell_one),
        (f"/directoryObjects/{READER.object_id}", no_type),
    ],
)
def test_a_seeded_mistake_in_an_answer_is_caught(contract: Contract, graph: Graph, url: str, change: Any) -> None:
    broken(contract, graph, url, lambda body: None)
    with pytest.raises(ContractBroken):
        broken(contract, graph, url, change)


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", "/servicePrincipal", None),
        ("GET", "/servicePrincipals?$filtre=x", None),
        ("GET", "/servicePrincipals?$top=1000", None),
        ("GET", "/servicePrincipals?$top=all", None),
        ("GET", f"/servicePrincipals/{READER.object_id}?$top=1", None),
        ("GET", "/servicePrincipals", {}),
        ("POST", "/directoryObjects/getByIds", {"id": [USER]}),
        ("POST", "/directoryObjects/getByIds", {"ids": [USER], "type": ["user"]}),
        ("POST", "/$batch", {"requests": []}),
        ("POST", "/$batch", {"requests": [{"id": "1", "method": "GET", "uri": "/organization"}]}),
    ],
)
def test_a_seeded_mistake_in_a_request_is_caught(contract: Contract, method: str, url: str, body: Any) -> None:
    with pytest.raises(ContractBroken):
        contract.check_request(method, url, {}, body)


def test_a_seeded_mistake_of_the_server_is_caught_on_the_way(served: Served, graph: Graph) -> None:
    document = {"id": "no guid", "appRoleId": "no guid", "principalId": INVOICES.object_id, "resourceId": EXCHANGE_SP}
    served.store.put(CONTOSO, "appRoleAssignment", "bad", document)
    with pytest.raises(ContractBroken, match="appRoleId"):
        graph.get(f"/servicePrincipals/{INVOICES.object_id}/appRoleAssignments")

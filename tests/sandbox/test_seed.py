"""What a new sandbox holds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from exchange_wire import MONITORING, NOON, PAYROLL, PAYROLL_CLIENT_ID, PAYROLL_V1, SCANNER
from graph_contract import SPEC, conforms

from hveadmin.errors import UsageError
from hveadmin.sandbox.seed import CONTOSO, EXCHANGE_APP_ID, GRAPH_APP_ID, MAIL_SEND, OPERATORS, fill, guid_of
from hveadmin.sandbox.store import Document, Store
from hveadmin.sandbox.tenant import Account, Billing

KINDS = {
    "servicePrincipal": "microsoft.graph.servicePrincipal",
    "deletedServicePrincipal": "microsoft.graph.servicePrincipal",
    "application": "microsoft.graph.application",
    "deletedApplication": "microsoft.graph.application",
    "user": "microsoft.graph.user",
    "group": "microsoft.graph.group",
    "appRoleAssignment": "microsoft.graph.appRoleAssignment",
}


def secret_of(name: str) -> str:
    return f"not a secret of {name}"


def seeded(path: Path, seed: str) -> Store:
    store = Store(path)
    fill(store, seed, now=NOON, secret_of=secret_of)
    return store


@pytest.fixture(scope="module")
def contoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = seeded(tmp_path_factory.mktemp("seed") / "contoso.db", "contoso")
    yield store
    store.close()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = seeded(tmp_path_factory.mktemp("seed") / "fleet.db", "fleet:3x4x10")
    yield store
    store.close()


def accounts(store: Store, tenant_id: str = CONTOSO) -> dict[str, Account]:
    found = [Account.from_document(each) for each in store.all(tenant_id, "account")]
    return {each.alias: each for each in found}


def kind_of(store: Store, guid: str) -> str:
    """What an id is, and the name of what it is."""
    for kind in ("servicePrincipal", "application", "user", "deletedServicePrincipal", "deletedApplication"):
        found = store.get(CONTOSO, kind, guid)
        if found is not None:
            return f"{kind} {found['displayName']}"
    clients = store.by_app_id(CONTOSO, "servicePrincipal", guid)
    return f"client id {clients[0]['displayName']}" if clients else "nothing"


@pytest.mark.parametrize(
    ("account", "holds"),
    [
        (
            "hve-payroll",
            ["servicePrincipal Payroll Mailer", "servicePrincipal Payroll Mailer v1", "servicePrincipal Monitoring"],
        ),
        ("hve-alert-db", []),
        ("hve-alert-web", ["servicePrincipal Monitoring"]),
        ("hve-alert-lab", ["servicePrincipal Monitoring", "nothing"]),
        ("hve-scan", ["servicePrincipal Old Scanner", "client id Payroll Mailer"]),
        ("hve-invoices", ["servicePrincipal Invoice Bot", "application Invoice Bot"]),
        ("hve-legacy", []),
        ("hve-lab", ["servicePrincipal Fabrikam Notify"]),
        ("hve-crm", ["servicePrincipal CRM Sync", "servicePrincipal CRM Sync 2019"]),
        ("hve-newsletter", ["servicePrincipal Newsletter", "deletedServicePrincipal Newsletter 2021"]),
        ("hve-shop", ["servicePrincipal Shop Orders"]),
        ("hve-noc", ["servicePrincipal Monitoring", "user Anna Holm"]),
    ],
)
def test_each_account_tells_its_story(contoso: Store, account: str, holds: list[str]) -> None:
    assert [kind_of(contoso, each) for each in accounts(contoso)[account].allowed_apps] == holds


def test_there_are_fourteen_accounts_and_one_is_full(contoso: Store) -> None:
    sizes = {alias: len(account.allowed_apps) for alias, account in accounts(contoso).items()}
    assert len(sizes) == 14
    assert sizes["hve-full"] == max(sizes.values()) == 10
    assert sum(sizes.values()) == 32


def test_ids_that_the_documentation_names_are_there(contoso: Store) -> None:
    named = {
        PAYROLL: "Payroll Mailer",
        PAYROLL_V1: "Payroll Mailer v1",
        MONITORING: "Monitoring",
        SCANNER: "Old Scanner",
        "7c0b9a11-8f0e-4a57-8c33-2d1e0f9a8b05": "Fabrikam Notify",
    }
    assert {each: kind_of(contoso, each) for each in named} == {k: f"servicePrincipal {v}" for k, v in named.items()}
    clients = (PAYROLL_CLIENT_ID, "9a1d0c44-2f0b-4b7a-8a35-5e2f7c9d1102", "00000000-1111-4222-8333-444444444404")
    assert [kind_of(contoso, each) for each in clients] == [
        "client id Payroll Mailer",
        "client id Monitoring",
        "client id Bulk Blaster",
    ]


def principal(store: Store, name: str) -> Document:
    (found,) = [each for each in store.all(CONTOSO, "servicePrincipal") if each["displayName"] == name]
    return found


def test_applications_differ_in_what_makes_them_special(contoso: Store) -> None:
    vendor = principal(contoso, "Fabrikam Notify")
    assert vendor["appOwnerOrganizationId"] not in (CONTOSO, None)
    assert vendor["verifiedPublisher"]["displayName"] == "Fabrikam Notifications Ltd"
    assert contoso.by_app_id(CONTOSO, "application", vendor["appId"]) == []
    assert principal(contoso, "CRM Sync 2019")["accountEnabled"] is False
    assert principal(contoso, "vm-backup-runner")["servicePrincipalType"] == "ManagedIdentity"
    twins = [each for each in contoso.all(CONTOSO, "servicePrincipal") if each["displayName"] == "Report Sender"]
    assert len(twins) == 2


def test_the_deleted_can_still_be_restored(contoso: Store) -> None:
    for kind, name in (("deletedServicePrincipal", "Newsletter 2021"), ("deletedApplication", "Voucher Mailer")):
        (deleted,) = [each for each in contoso.all(CONTOSO, kind) if each["displayName"] == name]
        age = NOON - datetime.fromisoformat(deleted["deletedDateTime"])
        assert timedelta(0) < age < timedelta(days=30)
        assert kind_of(contoso, deleted["id"]) == f"{kind} {name}"


def senders(store: Store, resource_app_id: str) -> set[str]:
    """Names of the applications that hold Mail.Send of this resource."""
    (resource,) = store.by_app_id(CONTOSO, "servicePrincipal", resource_app_id)
    assigned = store.where(CONTOSO, "appRoleAssignment", "resourceId", resource["id"])
    return {each["principalDisplayName"] for each in assigned if each["appRoleId"] == MAIL_SEND}


def test_one_sender_has_the_permission_of_the_wrong_api_and_one_has_none(contoso: Store) -> None:
    assert senders(contoso, GRAPH_APP_ID) == {"Report Sender"}
    assert {"Payroll Mailer", "Monitoring", "CRM Sync"} <= senders(contoso, EXCHANGE_APP_ID)
    assert "Dunning Letters" not in senders(contoso, EXCHANGE_APP_ID) | senders(contoso, GRAPH_APP_ID)
    assert kind_of(contoso, principal(contoso, "Dunning Letters")["id"]) == "servicePrincipal Dunning Letters"


@pytest.mark.parametrize("hostile", ["<script>", "=HYPERLINK", "\x1b[31m", "\u202e"])
def test_hostile_names_are_on_a_list(contoso: Store, hostile: str) -> None:
    listed = [kind_of(contoso, each) for each in accounts(contoso)["hve-hostile"].allowed_apps]
    assert any(hostile in each for each in listed)


@pytest.mark.parametrize("hostile", ["[bold]rich[/bold]", "::error::x", "##vso[task.complete]", "a|b\nc", "@everyone"])
def test_more_hostile_names_are_in_the_directory(contoso: Store, hostile: str) -> None:
    assert principal(contoso, hostile)["displayName"] == hostile


def test_some_accounts_cannot_be_billed(contoso: Store) -> None:
    bad = {alias for alias, each in accounts(contoso).items() if each.billing_status is not Billing.VALID}
    assert bad == {"hve-legacy", "hve-lab"}


@pytest.mark.skipif(not SPEC, reason="Microsoft's description of Graph is not at hand")
@pytest.mark.parametrize("kind", KINDS)
def test_directory_objects_are_as_graph_publishes_them(contoso: Store, kind: str) -> None:
    documents = contoso.all(CONTOSO, kind)
    assert len(documents) > 0
    for document in documents:
        conforms(document, KINDS[kind])


@pytest.mark.parametrize("name", ["contoso", "fleet"])
def test_everything_that_is_referred_to_exists(name: str, request: pytest.FixtureRequest) -> None:
    store: Store = request.getfixturevalue(name)
    for tenant_id in (each["id"] for each in store.all("", "tenant")):
        for assignment in store.all(tenant_id, "appRoleAssignment"):
            assert store.get(tenant_id, "servicePrincipal", assignment["principalId"]) is not None
            resource = store.get(tenant_id, "servicePrincipal", assignment["resourceId"])
            assert resource is not None
            assert assignment["appRoleId"] in {role["id"] for role in resource["appRoles"]}
        for account in accounts(store, tenant_id).values():
            assert store.get(tenant_id, "user", account.external_id) is not None


def test_ids_are_the_same_each_time(contoso: Store, tmp_path: Path) -> None:
    again = seeded(tmp_path / "again.db", "contoso")
    try:
        for kind in (*KINDS, "account", "accountName"):
            assert again.all(CONTOSO, kind) == contoso.all(CONTOSO, kind)
    finally:
        again.close()


def test_the_store_holds_no_secret_in_clear(contoso: Store) -> None:
    credentials = json.dumps(contoso.all(CONTOSO, "credential"))
    assert credentials.count('"hash"') == len(OPERATORS)
    assert "not a secret of" not in credentials


# --- fleets -------------------------------------------------------------------------------------------------------


def test_a_fleet_has_tenants_accounts_and_full_lists(fleet: Store) -> None:
    tenants = fleet.all("", "tenant")
    assert sorted(each["alias"] for each in tenants) == ["fleet-0001", "fleet-0002", "fleet-0003"]
    for tenant in tenants:
        found = accounts(fleet, tenant["id"])
        assert len(found) == 4
        for account in found.values():
            assert len(set(account.allowed_apps)) == len(account.allowed_apps) == 10
            assert all(fleet.get(tenant["id"], "servicePrincipal", each) for each in account.allowed_apps)


def test_the_operator_of_a_fleet_is_registered_once_and_at_home_everywhere(fleet: Store) -> None:
    client_id = OPERATORS[0].client_id
    tenants = [each["id"] for each in fleet.all("", "tenant")]
    principals = [fleet.by_app_id(each, "servicePrincipal", client_id) for each in tenants]
    registered = [each for each in tenants if fleet.by_app_id(each, "application", client_id)]
    assert [len(each) for each in principals] == [1, 1, 1]
    assert registered == [guid_of("fleet-0001", "tenant")]
    assert {each[0]["appOwnerOrganizationId"] for each in principals} == set(registered)


def test_a_fleet_without_applications_is_all_open(tmp_path: Path) -> None:
    store = seeded(tmp_path / "open.db", "fleet:1x2x0")
    try:
        assert [each.allowed_apps for each in accounts(store, guid_of("fleet-0001", "tenant")).values()] == [(), ()]
    finally:
        store.close()


def test_a_thousand_accounts_with_ten_applications_each_take_seconds(tmp_path: Path) -> None:
    begin = time.monotonic()
    store = seeded(tmp_path / "large.db", "fleet:1x1000x10")
    try:
        assert time.monotonic() - begin < 10
        assert (
            sum(len(each.allowed_apps) for each in accounts(store, guid_of("fleet-0001", "tenant")).values()) == 10_000
        )
    finally:
        store.close()


@pytest.mark.parametrize(
    "seed", ["", "fabrikam", "fleet", "fleet:1x1", "fleet:0x1x1", "fleet:1x1x11", "fleet:-1x1x1", "fleet:1x1x1 "]
)
def test_there_is_no_other_seed(tmp_path: Path, seed: str) -> None:
    store = Store(tmp_path / "none.db")
    try:
        with pytest.raises(UsageError):
            fill(store, seed, now=NOON, secret_of=secret_of)
        assert store.all("", "tenant") == []
    finally:
        store.close()

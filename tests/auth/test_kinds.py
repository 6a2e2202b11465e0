"""What each kind needs before anybody is contacted, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pytest import param

from hveadmin.auth.credentials import KINDS
from hveadmin.auth.person import EXCHANGE_MODULE
from hveadmin.auth.sign_in import Asked, SignIn
from hveadmin.domain.profile import AuthKind, AuthSettings
from hveadmin.errors import UsageError

TENANT = "0a5f0000-0000-4000-8000-00000000000a"
CLIENT = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
CANARY = "c4n4ry-value"
GITHUB = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://github.example/?v=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": CANARY}
PIPELINES = {"SYSTEM_OIDCREQUESTURI": "https://dev.azure.example/oidc", "SYSTEM_ACCESSTOKEN": CANARY}
SUBSCRIPTION = {
    "AZURESUBSCRIPTION_CLIENT_ID": CLIENT,
    "AZURESUBSCRIPTION_TENANT_ID": TENANT,
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "sc",
}
POD = {"AZURE_CLIENT_ID": CLIENT, "AZURE_TENANT_ID": TENANT, "AZURE_FEDERATED_TOKEN_FILE": "token"}


def prepare(
    kind: AuthKind,
    environ: Mapping[str, str] | None = None,
    *,
    client_id: str = CLIENT,
    tenant_id: str = TENANT,
    **options: str,
) -> SignIn:
    auth = AuthSettings(kind, client_id, tenant_id, options=options)
    return KINDS[kind](Asked(auth, "", environ or {}, "mine", "https://login.example"))


def test_every_kind_of_a_profile_has_a_way() -> None:
    assert set(KINDS) == set(AuthKind)


@pytest.mark.parametrize(
    ("kind", "environ", "options", "says"),
    [
        param(AuthKind.WORKLOAD_IDENTITY, {}, {}, "AZURE_FEDERATED_TOKEN_FILE", id="no token file"),
        param(AuthKind.GITHUB, {}, {}, "ACTIONS_ID_TOKEN_REQUEST_URL", id="no job"),
        param(
            AuthKind.GITHUB,
            GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""},
            {},
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            id="no permission",
        ),
        param(
            AuthKind.GITHUB,
            GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://github.example/"},
            {},
            "not an https address",
            id="a job's token over http",
        ),
        param(AuthKind.AZURE_PIPELINES, PIPELINES, {}, "service_connection_id", id="no connection"),
        param(AuthKind.AZURE_PIPELINES, {}, {"service_connection_id": "sc"}, "SYSTEM_OIDCREQUESTURI", id="no pipeline"),
        param(
            AuthKind.AZURE_PIPELINES,
            PIPELINES | {"SYSTEM_ACCESSTOKEN": ""},
            {"service_connection_id": "sc"},
            "SYSTEM_ACCESSTOKEN",
            id="no token",
        ),
        param(AuthKind.MANAGED_IDENTITY, POD, {}, "workload identity", id="a pod"),
        param(AuthKind.AZURE_CLI, {"PATH": ""}, {}, "there is no az", id="no az"),
    ],
)
def test_what_is_missing_is_named_before_anybody_is_asked(
    kind: AuthKind, environ: dict[str, str], options: dict[str, str], says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        prepare(kind, environ, **options)
    assert says in caught.value.message
    assert caught.value.hint
    assert CANARY not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("kind", [AuthKind.WORKLOAD_IDENTITY, AuthKind.GITHUB, AuthKind.AZURE_PIPELINES])
def test_an_application_without_a_client_id_is_named(kind: AuthKind) -> None:
    with pytest.raises(UsageError, match="client_id is missing"):
        prepare(kind, GITHUB | PIPELINES, client_id="")


@pytest.mark.parametrize("kind", [AuthKind.WORKLOAD_IDENTITY, AuthKind.GITHUB, AuthKind.AZURE_PIPELINES,
                                  AuthKind.DEVICE_CODE, AuthKind.BROWSER])  # fmt: skip
def test_a_tenant_that_nobody_names_is_asked_for(kind: AuthKind) -> None:
    with pytest.raises(UsageError, match="no tenant is named"):
        prepare(kind, GITHUB | PIPELINES, tenant_id="", service_connection_id="sc")


@pytest.mark.parametrize(
    ("kind", "environ"),
    [
        param(AuthKind.GITHUB, GITHUB | {"AZURE_CLIENT_ID": CLIENT, "AZURE_TENANT_ID": TENANT}, id="github"),
        param(AuthKind.AZURE_PIPELINES, PIPELINES | SUBSCRIPTION, id="pipelines"),
    ],
)
def test_what_the_profile_leaves_out_comes_from_the_job(kind: AuthKind, environ: dict[str, str]) -> None:
    found = prepare(kind, environ, client_id="", tenant_id="")
    assert (str(found.client_id), found.tenant) == (CLIENT, TENANT)


def test_a_token_file_of_the_pod_is_found_and_of_the_profile_goes_first(tmp_path: Path) -> None:
    for name in ("pod", "profile"):
        (tmp_path / name).write_text(f"{CANARY}-{name}")
    environ = {"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "pod")}
    assert str(tmp_path / "pod") in prepare(AuthKind.WORKLOAD_IDENTITY, environ).proof
    named = prepare(AuthKind.WORKLOAD_IDENTITY, environ, token_file=str(tmp_path / "profile"))
    assert str(tmp_path / "profile") in named.proof
    assert CANARY not in repr(named)


def test_the_machines_own_identity_needs_no_client_id_and_no_tenant() -> None:
    found = prepare(AuthKind.MANAGED_IDENTITY, client_id="", tenant_id="")
    assert found.client_id is None
    assert found.proof == "managed identity (IMDS), system-assigned"
    header = prepare(AuthKind.MANAGED_IDENTITY, {"IDENTITY_ENDPOINT": "http://x", "IDENTITY_HEADER": CANARY})
    assert header.proof == "managed identity (App Service), user-assigned"
    assert [each.reveal() for each in header.secrets] == [CANARY]


@pytest.mark.parametrize("kind", [AuthKind.DEVICE_CODE, AuthKind.BROWSER])
def test_a_person_signs_in_through_microsofts_exchange_module_unless_said_otherwise(kind: AuthKind) -> None:
    assert prepare(kind, client_id="").client_id == EXCHANGE_MODULE
    assert str(prepare(kind).client_id) == CLIENT
    assert prepare(kind).again == "hveadmin auth login --profile mine"

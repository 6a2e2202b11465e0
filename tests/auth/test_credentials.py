"""What is missing to sign in is said before anybody is asked, and azure-identity is not imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytest import param

from hveadmin.auth.clouds import CLOUDS
from hveadmin.auth.credentials import sign_in
from hveadmin.domain.profile import AuthKind, AuthSettings, SecretKind, SecretSource
from hveadmin.errors import UsageError

TENANT = "0a5f0000-0000-4000-8000-00000000000a"
CLIENT = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
SECRET = SecretSource(SecretKind.ENV, "S")


def refused(auth: AuthSettings, environ: dict[str, str], tenant_id: str = TENANT) -> UsageError:
    with pytest.raises(UsageError) as caught:
        sign_in(auth, tenant_id=tenant_id, cloud=CLOUDS["worldwide"], environ=environ)
    return caught.value


@pytest.mark.parametrize(
    ("auth", "environ", "says"),
    [
        param(AuthSettings(AuthKind.CLIENT_SECRET, secret=SECRET), {"S": "x"}, "auth.client_id is missing", id="no id"),
        param(AuthSettings(AuthKind.CLIENT_SECRET, "hveadmin", secret=SECRET), {}, "not a GUID", id="no GUID"),
        param(AuthSettings(AuthKind.CLIENT_SECRET, CLIENT), {}, "auth.secret is missing", id="no secret"),
        param(AuthSettings(AuthKind.CLIENT_SECRET, CLIENT, secret=SECRET), {}, "variable S is not set", id="not set"),
        param(AuthSettings(AuthKind.CERTIFICATE, CLIENT), {}, "auth.certificate is missing", id="no certificate"),
        param(
            AuthSettings(AuthKind.CERTIFICATE, CLIENT, certificate="/nowhere/app.pem"),
            {},
            "/nowhere/app.pem cannot be read",
            id="no file",
        ),
        param(AuthSettings(), {}, "nothing says how to sign in", id="empty environment"),
        param(AuthSettings(), {"HVEADMIN_TENANT_ID": TENANT}, "nothing says how to sign in", id="only a tenant"),
        param(AuthSettings(), {"HVEADMIN_CLIENT_SECRET": "x"}, "HVEADMIN_CLIENT_ID is missing", id="only a secret"),
        param(AuthSettings(), {"AZURE_CLIENT_ID": CLIENT}, "neither a secret nor a certificate", id="only an id"),
        param(
            AuthSettings(),
            {"HVEADMIN_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": "of another application"},
            "HVEADMIN_CLIENT_ID",
            id="families are not mixed",
        ),
    ],
)
def test_what_is_missing_is_named(auth: AuthSettings, environ: dict[str, str], says: str) -> None:
    assert says in refused(auth, environ).message


@pytest.mark.parametrize("tenant", ["", "   "])
def test_a_tenant_must_be_named(tenant: str) -> None:
    assert (
        "no tenant" in refused(AuthSettings(AuthKind.CLIENT_SECRET, CLIENT, secret=SECRET), {"S": "x"}, tenant).message
    )


@pytest.mark.parametrize("tenant", ["contoso.com/../x", "a b", "https://contoso.com", "-", "contoso.com?x"])
def test_a_tenant_that_would_change_the_address_is_refused(tenant: str) -> None:
    error = refused(AuthSettings(AuthKind.CLIENT_SECRET, CLIENT, secret=SECRET), {"S": "x"}, tenant)
    assert "neither a tenant id nor a domain" in error.message


def test_getting_ready_imports_no_library(tmp_path: Path) -> None:
    """Neither does importing the module: `hveadmin --help` and `validate` must not pay for azure-identity."""
    program = (
        "import sys\n"
        "from hveadmin.auth.clouds import CLOUDS\n"
        "from hveadmin.auth.credentials import sign_in\n"
        "from hveadmin.domain.profile import AuthSettings\n"
        f"env = {{'HVEADMIN_CLIENT_ID': '{CLIENT}', 'HVEADMIN_CLIENT_SECRET': 'x'}}\n"
        "sign_in(AuthSettings(), tenant_id='contoso.com', cloud=CLOUDS['worldwide'], environ=env).close()\n"
        "print([name for name in ('azure', 'msal', 'requests', 'cryptography', 'keyring') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_secret_in_the_client_ids_place_is_not_quoted() -> None:
    environ = {
        "HVEADMIN_TENANT_ID": "contoso.com",
        "HVEADMIN_CLIENT_ID": "s3cr3t~canary",
        "HVEADMIN_CLIENT_SECRET": "x",
    }
    with pytest.raises(UsageError) as refused:
        sign_in(AuthSettings(), tenant_id="", cloud=CLOUDS["worldwide"], environ=environ)
    assert "HVEADMIN_CLIENT_ID is not a GUID" in refused.value.message
    assert "canary" not in f"{refused.value.message}{refused.value.hint}{refused.value.__cause__}"

"""A session's commands, through pypsrp: importing, connecting, what can be seen, and how it fails."""

from __future__ import annotations

import dataclasses
import re
import ssl
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import pytest
from exchange_wire import PAYROLL
from management_host import CONTOSO_DOMAIN, MODULE, WinRmClient, begin, call, connect, error_of
from pypsrp.complex_objects import ObjectMeta
from pypsrp.powershell import PowerShell

from hveadmin.sandbox.faults import Fault, FaultKind
from hveadmin.sandbox.psrp.host import Setup, read_setup, thumbprint_of, write_setup
from hveadmin.sandbox.seed import CONTOSO

SHOP = "hve-shop@contoso.com"
NOT_FOUND = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"
EXCHANGE_ID = (
    r"\[Server=SBXPR01MB0001,RequestId=[0-9a-f-]{36},TimeStamp=\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\],Write-.+"
)


def certificate(host: WinRmClient, operator: str = "operator") -> dict[str, str]:
    client_id = host.sandbox.operators()[operator].client_id
    return {"CertificateThumbprint": thumbprint_of(client_id), "AppId": client_id}


def token(host: WinRmClient, operator: str = "operator", tenant: str = CONTOSO, **form: str) -> str:
    """A token of the sandbox's own Entra, over the wire."""
    found = host.sandbox.operators()[operator]
    asked = {
        "grant_type": "client_credentials",
        "client_id": found.client_id,
        "client_secret": found.secret_path.read_text(encoding="utf-8").strip(),
        "scope": "https://outlook.office365.com/.default",
    } | form
    with httpx2.Client(verify=ssl.create_default_context(cafile=host.running.ca_pem)) as http:
        reply = http.post(f"{host.running.base_url}/{tenant}/oauth2/v2.0/token", data=asked)
    return str(reply.json()["access_token"])


# --- before connecting --------------------------------------------------------------------------------------------


def test_before_connecting_exchanges_cmdlets_are_not_there(host: WinRmClient) -> None:
    with host.pool() as pool:
        call(pool, "Import-Module", **MODULE)
        missing = call(pool, "Get-HVEAccountSettings", Identity=SHOP)
    text, error_id = error_of(missing)
    assert text.startswith("The term 'Get-HVEAccountSettings' is not recognized as the name of a cmdlet")
    assert (missing.had_errors, error_id) == (True, "CommandNotFoundException")
    assert missing.streams.error[0].reason == "CommandNotFoundException"


def test_a_module_that_is_not_installed_is_not_loaded(host: WinRmClient, switch: Callable[..., None]) -> None:
    switch(psrp_module=False)
    with host.pool() as pool:
        gone = call(pool, "Import-Module", **MODULE, ErrorAction="Stop")
        assert error_of(gone) == (
            "The specified module 'ExchangeOnlineManagement' with version '3.2.0' was not loaded because no valid"
            " module file was found in any module directory.",
            "Modules_ModuleWithVersionNotFound,Microsoft.PowerShell.Commands.ImportModuleCommand",
        )
        assert gone.had_errors
        assert error_of(call(pool, "Connect-ExchangeOnline", Organization="x"))[1] == "CommandNotFoundException"


def test_an_error_that_may_be_ignored_does_not_fail_the_pipeline(
    host: WinRmClient, switch: Callable[..., None]
) -> None:
    switch(psrp_module=False)
    with host.pool() as pool:
        shell = call(pool, "Import-Module", **MODULE)
    assert (shell.had_errors, len(shell.streams.error)) == (False, 1)


@pytest.mark.parametrize(
    ("asked", "error_id"),
    [
        pytest.param({"MinimumVersion": "9.0.0"}, "Modules_ModuleWithVersionNotFound", id="too old"),
        pytest.param({"RequiredVersion": "3.2.0"}, "Modules_ModuleWithVersionNotFound", id="not that version"),
        pytest.param({"Name": "AzureAD"}, "Modules_ModuleNotFound", id="another module"),
        pytest.param({"Colour": "red"}, "NamedParameterNotFound", id="no such parameter"),
    ],
)
def test_only_the_module_that_is_there_can_be_imported(host: WinRmClient, asked: dict[str, str], error_id: str) -> None:
    with host.pool() as pool:
        shell = call(pool, "Import-Module", **({"Name": "ExchangeOnlineManagement"} | asked))
    assert error_of(shell)[1].startswith(f"{error_id},")


# --- connecting ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["certificate", "identity", "token"])
def test_who_connected_runs_exchanges_cmdlets(host: WinRmClient, way: str) -> None:
    ways: dict[str, dict[str, Any]] = {
        "certificate": dict(certificate(host)),
        "identity": {"ManagedIdentity": True},
        "token": {"AccessToken": token(host)},
    }
    with host.pool() as pool:
        assert not connect(pool, **ways[way], SkipLoadingFormatData=True).streams.error
        assert len(call(pool, "Get-MailUser", HVEAccount=True).output) == 14


def test_a_switch_may_be_named_without_a_value(host: WinRmClient) -> None:
    with host.pool() as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet("Connect-ExchangeOnline").add_parameter("ManagedIdentity")
        shell.add_parameter("Organization", CONTOSO_DOMAIN).invoke()
        assert not shell.streams.error
        listed = PowerShell(pool)
        listed.add_cmdlet("Get-MailUser").add_parameter("HVEAccount")
        assert len(listed.invoke()) == 14


def test_only_the_commands_that_were_asked_for_are_loaded(host: WinRmClient) -> None:
    with host.pool() as pool:
        connect(pool, ManagedIdentity=True, CommandName=["Get-MailUser", "Get-HVEAccountSettings"])
        assert call(pool, "Get-HVEAccountSettings", Identity=SHOP).output
        assert error_of(call(pool, "Get-BillingPolicy"))[1] == "CommandNotFoundException"


def test_a_reader_sees_no_cmdlet_that_writes(host: WinRmClient) -> None:
    with host.pool() as pool:
        assert not connect(pool, **certificate(host, "reader")).streams.error
        assert call(pool, "Get-HVEAccountSettings", Identity=SHOP).output
        denied = call(pool, "Add-HVEAppAccess", Identity=SHOP, AppIds=[PAYROLL])
    assert error_of(denied)[1] == "CommandNotFoundException"
    assert PAYROLL not in host.sandbox.tenant("contoso").account(SHOP).allowed_apps


@pytest.mark.parametrize(
    ("how", "says"),
    [
        pytest.param({"ManagedIdentity": True, "Organization": "nowhere.com"}, "AADSTS90002", id="no such tenant"),
        pytest.param({"AccessToken": "eyJ.no.token"}, "UnAuthorized", id="no token"),
        pytest.param({"CertificateThumbprint": "00" * 20, "AppId": "x"}, "was not found in the cert", id="no such one"),
        pytest.param({"ManagedIdentity": False}, "Parameter set cannot be resolved", id="no way at all"),
        pytest.param({"ManagedIdentity": True, "Organization": ""}, "Parameter set cannot be resolved", id="nowhere"),
    ],
)
def test_a_connection_that_cannot_be_made_says_why(host: WinRmClient, how: Mapping[str, Any], says: str) -> None:
    with host.pool() as pool:
        refused = connect(pool, **how)
        assert refused.had_errors
        assert says in error_of(refused)[0]
        assert error_of(call(pool, "Get-MailUser", HVEAccount=True))[1] == "CommandNotFoundException"


@pytest.mark.parametrize(
    ("operator", "says"),
    [
        ("without-permission", "UnAuthorized"),
        ("without-role", "The role assigned to application 0b9c6e5a-3d1f-4c27-9a84-6f2e1d7b8c12 isn't supported in"),
    ],
)
def test_an_application_that_lacks_something_does_not_connect(host: WinRmClient, operator: str, says: str) -> None:
    with host.pool() as pool:
        assert says in error_of(connect(pool, **certificate(host, operator)))[0]


def test_a_certificate_speaks_for_its_own_application_only(host: WinRmClient) -> None:
    reader = host.sandbox.operators()["reader"].client_id
    with host.pool() as pool:
        refused = connect(pool, **certificate(host) | {"AppId": reader})
    assert "AADSTS700027" in error_of(refused)[0]


def test_a_token_for_another_resource_does_not_connect(host: WinRmClient) -> None:
    for_graph = token(host, scope="https://graph.microsoft.com/.default")
    with host.pool() as pool:
        assert error_of(connect(pool, AccessToken=for_graph))[0] == "UnAuthorized"


def test_a_token_for_another_tenant_does_not_connect(host: WinRmClient) -> None:
    host.sandbox.reseed("fleet:2x1x1")
    one, other = host.sandbox.tenants()
    with host.pool() as pool:
        elsewhere = token(host, tenant=one.tenant_id)
        assert error_of(connect(pool, AccessToken=elsewhere, Organization=other.domain))[0] == "UnAuthorized"
        assert not connect(pool, AccessToken=elsewhere, Organization=one.domain).streams.error


def test_a_token_in_a_secure_string_is_not_read_because_the_parameter_is_a_text(host: WinRmClient) -> None:
    with host.pool() as pool:
        pool.exchange_keys()
        secret = pool.serialize(token(host), ObjectMeta("SS"))
        assert error_of(connect(pool, AccessToken=secret))[0] == "UnAuthorized"


def test_a_host_without_a_managed_identity_says_so(host: WinRmClient) -> None:
    setup = read_setup(host.sandbox.store)
    write_setup(host.sandbox.store, dataclasses.replace(setup, managed_identity=""))
    with host.pool() as pool:
        assert "No Managed Identity endpoint found" in error_of(connect(pool, ManagedIdentity=True))[0]


def test_a_certificate_can_be_put_on_the_host(host: WinRmClient) -> None:
    reader = host.sandbox.operators()["reader"].client_id
    write_setup(host.sandbox.store, Setup({"ab" * 20: reader}))
    with host.pool() as pool:
        assert not connect(pool, CertificateThumbprint="AB" * 20, AppId=reader).streams.error
        assert connect(pool, **certificate(host)).had_errors


def test_who_disconnected_has_no_cmdlets_any_more(host: WinRmClient) -> None:
    with host.pool() as pool:
        connect(pool, ManagedIdentity=True)
        asked = call(pool, "Disconnect-ExchangeOnline")
        assert "The host was attempting to request confirmation" in error_of(asked)[0]
        assert not call(pool, "Disconnect-ExchangeOnline", Confirm=False).streams.error
        assert error_of(call(pool, "Get-MailUser", HVEAccount=True))[1] == "CommandNotFoundException"


# --- an endpoint that shows a few cmdlets and nothing else --------------------------------------------------------


def test_a_preconnected_endpoint_shows_its_cmdlets_and_no_other(host: WinRmClient) -> None:
    with host.pool("HVEAdmin") as pool:
        shown = call(pool, "Get-Command").output
        names = {each.extended_properties["Name"] for each in shown}
        assert names == {
            "Get-Command",
            "Get-ConnectionInformation",
            "Add-HVEAppAccess",
            "Get-HVEAccountBillingPolicy",
            "Get-HVEAccountSettings",
            "Get-MailUser",
            "Get-AuthenticationPolicy",
            "Get-OrganizationConfig",
            "Get-User",
            "Remove-HVEAppAccess",
        }
        for hidden in ("Import-Module", "Connect-ExchangeOnline", "Set-HVEAccountSettings"):
            assert error_of(call(pool, hidden, Identity=SHOP))[1] == "CommandNotFoundException"


def test_a_readers_endpoint_shows_none_that_writes(host: WinRmClient) -> None:
    with host.pool("HVEAdmin.Reader") as pool:
        assert call(pool, "Get-HVEAccountSettings", Identity=SHOP).output
        assert error_of(call(pool, "Remove-HVEAppAccess", Identity=SHOP))[1] == "CommandNotFoundException"


@pytest.mark.parametrize(
    ("configuration", "error_id"), [("HVEAdmin", "ScriptsNotAllowed"), ("PowerShell.7", "NotPlayedBySandbox")]
)
def test_a_script_is_refused_everywhere(host: WinRmClient, configuration: str, error_id: str) -> None:
    with host.pool(configuration) as pool:
        shell = PowerShell(pool)
        shell.add_script("Get-MailUser -HVEAccount")
        assert (shell.invoke(), error_of(shell)[1]) == ([], error_id)


def test_two_commands_in_a_pipeline_are_refused_and_neither_is_run(host: WinRmClient) -> None:
    with host.exchange() as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet("Add-HVEAppAccess").add_parameters({"Identity": SHOP, "AppIds": [PAYROLL]})
        shell.add_cmdlet("Out-Null").invoke()
    assert error_of(shell)[1] == "NotPlayedBySandbox"
    assert PAYROLL not in host.sandbox.tenant("contoso").account(SHOP).allowed_apps


def test_a_session_says_which_tenant_it_is_connected_to(host: WinRmClient) -> None:
    with host.exchange() as pool:
        (found,) = call(pool, "Get-ConnectionInformation").output
    assert found.extended_properties["TenantID"] == CONTOSO
    with host.pool() as pool:
        assert call(pool, "Get-ConnectionInformation").output == []


def test_get_command_tells_what_is_missing(host: WinRmClient) -> None:
    with host.exchange() as pool:
        shell = call(pool, "Get-Command", Name=["Get-MailUser", "New-MailUser"])
        assert [each.extended_properties["Name"] for each in shell.output] == ["Get-MailUser"]
        assert error_of(shell)[1].startswith("CommandNotFoundException,")
        assert call(pool, "Get-Command", Name="New-MailUser", ErrorAction="Stop").had_errors


def test_an_endpoint_whose_application_cannot_sign_in_shows_nothing_of_exchange(host: WinRmClient) -> None:
    for each in host.sandbox.store.all(CONTOSO, "servicePrincipal"):
        if each["appId"] == host.sandbox.operator.client_id:
            host.sandbox.store.put(CONTOSO, "servicePrincipal", each["id"], each | {"accountEnabled": False})
    with host.pool("HVEAdmin") as pool:
        assert error_of(call(pool, "Get-MailUser", HVEAccount=True))[1] == "CommandNotFoundException"


# --- Exchange's errors --------------------------------------------------------------------------------------------


def test_exchanges_refusal_carries_its_id_its_exception_and_where_it_came_from(host: WinRmClient) -> None:
    with host.exchange() as pool:
        text, error_id = error_of(call(pool, "Get-HVEAccountSettings", Identity="nobody@contoso.com"))
    code, exception, sentence = text.split("|")
    assert (code, exception) == ("Ex6F9304", NOT_FOUND)
    assert sentence.startswith("The operation couldn't be performed because object 'nobody@contoso.com' couldn't be")
    assert re.fullmatch(EXCHANGE_ID, error_id)


def test_the_error_action_decides_whether_a_refusal_fails_the_pipeline(host: WinRmClient) -> None:
    with host.exchange() as pool:
        failed = [
            call(pool, "Get-HVEAccountSettings", Identity="nobody", **more).had_errors
            for more in ({}, {"ErrorAction": "Continue"}, {"ErrorAction": "Stop"}, {"ErrorAction": 1})
        ]
    assert failed == [False, False, True, True]


@pytest.mark.parametrize(
    ("cmdlet", "parameters", "error_id"),
    [
        pytest.param("Get-HVEAccountSettings", {"Colour": "red"}, "NamedParameterNotFound", id="unknown parameter"),
        pytest.param("Get-HVEAccountSettings", {}, "AmbiguousParameterSet", id="mandatory one missing"),
    ],
)
def test_parameters_that_do_not_fit_are_powershells_own_error(
    host: WinRmClient, cmdlet: str, parameters: Mapping[str, Any], error_id: str
) -> None:
    with host.exchange() as pool:
        shell = call(pool, cmdlet, **parameters)
    assert error_of(shell)[1] == f"{error_id},{cmdlet}"


def test_an_error_without_an_id_still_names_its_exception(host: WinRmClient) -> None:
    with host.exchange() as pool:
        text, _ = error_of(call(pool, "Add-HVEAppAccess", Identity=SHOP, AppIds=["no guid"]))
    assert text.startswith("|Microsoft.Exchange.AdminApi.CommandInvocation.ParameterTransformationException|")


def test_a_cmdlet_that_would_ask_cannot_and_does_nothing(host: WinRmClient) -> None:
    with host.exchange() as pool:
        asked = call(pool, "Add-HVEAppAccess", Identity=SHOP, AppIds=[PAYROLL], Confirm=True)
    assert "request confirmation" in error_of(asked)[0]
    assert PAYROLL not in host.sandbox.tenant("contoso").account(SHOP).allowed_apps


def test_a_warning_comes_as_a_warning(host: WinRmClient, switch: Callable[..., None]) -> None:
    switch(duplicates="warn")
    (present, *_) = host.sandbox.tenant("contoso").account(SHOP).allowed_apps
    with host.exchange() as pool:
        shell = call(pool, "Add-HVEAppAccess", Identity=SHOP, AppIds=[uuid.UUID(present)])
    assert [str(each.message) for each in shell.streams.warning] == [
        f"The application '{present}' is already allowed for '{SHOP}'."
    ]


def test_an_identity_may_stand_without_its_name(host: WinRmClient) -> None:
    with host.exchange() as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet("Get-HVEAccountSettings").add_argument(SHOP)
        assert len(shell.invoke()) == 1


def test_commands_wait_for_their_turn_and_can_be_stopped_while_they_wait(host: WinRmClient) -> None:
    host.sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Get-MailUser"))
    with host.exchange() as pool:
        first = begin(pool, "Get-MailUser", HVEAccount=True)
        second = begin(pool, "Get-HVEAccountSettings", Identity=SHOP)
        second.poll_invoke(timeout=1)
        assert second.output == []
        second.stop()
        first.stop()
        assert host.running.shells.now.pipelines_running == 0

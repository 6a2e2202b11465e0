"""Cmdlets: who may run which, how parameters are bound, what comes back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest
from exchange_wire import MONITORING, PAYROLL, PAYROLL_V1

from hveadmin.sandbox import cmdlets
from hveadmin.sandbox.cmdlets import Answer, NotPermitted
from hveadmin.sandbox.server import Sandbox
from hveadmin.sandbox.tenant import CmdletError, ErrorShape, SandboxTenant

ADMIN = frozenset({cmdlets.EXCHANGE_ADMINISTRATOR})
READER = frozenset({cmdlets.GLOBAL_READER})

GETTERS = ("Get-BillingPolicy", "Get-HVEAccountBillingPolicy", "Get-HVEAccountSettings", "Get-MailUser", "Get-User")
OF_ORGANIZATION = ("Get-AuthenticationPolicy", "Get-OrganizationConfig")
SETTERS = ("Add-HVEAppAccess", "Remove-HVEAppAccess", "Set-HVEAccountSettings")


@pytest.fixture
def tenant(sandbox: Sandbox) -> SandboxTenant:
    return sandbox.tenant("contoso")


def run(tenant: SandboxTenant, name: str, **parameters: object) -> Answer:
    return cmdlets.run(tenant, ADMIN, name, parameters)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (cmdlets.EXCHANGE_ADMINISTRATOR, {*GETTERS, *OF_ORGANIZATION, *SETTERS}),
        (cmdlets.GLOBAL_ADMINISTRATOR.upper(), {*GETTERS, *OF_ORGANIZATION, *SETTERS}),
        (cmdlets.RECIPIENT_ADMINISTRATOR, {*GETTERS, *SETTERS}),
        (cmdlets.GLOBAL_READER, {*GETTERS, *OF_ORGANIZATION}),
        (cmdlets.SECURITY_READER, {*GETTERS, *OF_ORGANIZATION}),
        ("00000000-0000-4000-8000-000000000000", set()),
    ],
)
def test_a_role_carries_its_cmdlets(role: str, allowed: set[str]) -> None:
    assert set(cmdlets.permitted(frozenset({role}))) == allowed


def test_roles_add_up() -> None:
    assert cmdlets.permitted(READER | ADMIN) == cmdlets.permitted(ADMIN)
    assert cmdlets.permitted(frozenset()) == ()


@pytest.mark.parametrize("name", SETTERS)
def test_a_reader_changes_nothing(tenant: SandboxTenant, name: str) -> None:
    with pytest.raises(NotPermitted):
        cmdlets.run(tenant, READER, name, {"Identity": "hve-shop", "AppIds": [PAYROLL]})
    assert len(tenant.account("hve-shop").allowed_apps) == 1


@pytest.mark.parametrize("name", ["Get-Mailbox", "Set-HVEAppAccess", "", "Get-MailUser "])
def test_a_cmdlet_that_does_not_exist_is_refused_as_one_that_is_not_permitted(tenant: SandboxTenant, name: str) -> None:
    with pytest.raises(NotPermitted):
        run(tenant, name)


def test_names_of_cmdlets_and_parameters_ignore_case(tenant: SandboxTenant) -> None:
    assert run(tenant, "GET-hveACCOUNTsettings", iDENTITY="hve-payroll") == run(
        tenant, "Get-HVEAccountSettings", Identity="hve-payroll"
    )


def test_settings_hold_the_list_as_guids(tenant: SandboxTenant) -> None:
    (record,) = run(tenant, "Get-HVEAccountSettings", Identity="hve-payroll@contoso.com").records
    assert record["AllowedApps"] == (UUID(PAYROLL), UUID(PAYROLL_V1), UUID(MONITORING))
    assert record["ReplyTo"] == "hr@contoso.com"


def test_the_listing_holds_every_hve_account_once(tenant: SandboxTenant) -> None:
    records = run(tenant, "Get-MailUser", HVEAccount=True, ResultSize="Unlimited").records
    addresses = [each["PrimarySmtpAddress"] for each in records]
    assert addresses == [each.address for each in tenant.accounts()]
    assert len(set(addresses)) == 14


def test_result_size_is_ignored_as_the_service_does(tenant: SandboxTenant) -> None:
    assert len(run(tenant, "Get-MailUser", HVEAccount=True, ResultSize=1).records) == 14


def test_mail_users_without_the_switch_are_none(tenant: SandboxTenant) -> None:
    assert run(tenant, "Get-MailUser").records == ()
    assert run(tenant, "Get-MailUser", HVEAccount=False).records == ()


def test_one_mail_user_is_found_by_identity(tenant: SandboxTenant) -> None:
    (record,) = run(tenant, "Get-MailUser", Identity="payslips@contoso.com").records
    assert record["EmailAddresses"] == ("SMTP:hve-payroll@contoso.com", "smtp:payslips@contoso.com")
    assert isinstance(record["Guid"], UUID)
    assert isinstance(record["WhenCreated"], datetime)


def test_setters_return_no_objects(tenant: SandboxTenant) -> None:
    added = run(tenant, "Add-HVEAppAccess", Identity="hve-shop", AppIds=[PAYROLL])
    removed = run(tenant, "Remove-HVEAppAccess", Identity="hve-shop", AppIds=[PAYROLL])
    set_ = run(tenant, "Set-HVEAccountSettings", Identity="hve-shop", ReplyTo="shop@contoso.com")
    assert [(each.records, each.has_output) for each in (added, removed, set_)] == [((), False)] * 3
    assert tenant.account("hve-shop").reply_to == "shop@contoso.com"


def test_one_value_may_come_without_a_list_around_it(tenant: SandboxTenant) -> None:
    run(tenant, "Add-HVEAppAccess", Identity="hve-shop", AppIds=f"{{{PAYROLL.upper()}}}")
    assert PAYROLL in tenant.account("hve-shop").allowed_apps


def test_setting_nothing_changes_nothing_but_needs_the_account(tenant: SandboxTenant) -> None:
    run(tenant, "Set-HVEAccountSettings", Identity="hve-payroll")
    assert tenant.account("hve-payroll").reply_to == "hr@contoso.com"
    with pytest.raises(CmdletError, match="couldn't be found"):
        run(tenant, "Set-HVEAccountSettings", Identity="nobody")


@pytest.mark.parametrize("switch", ["Confirm", "WhatIf"])
def test_what_must_be_confirmed_is_asked_and_not_done(tenant: SandboxTenant, switch: str) -> None:
    answer = cmdlets.run(
        tenant, ADMIN, "Remove-HVEAppAccess", {"Identity": "hve-payroll", "AppIds": [PAYROLL], switch: True}
    )
    assert "Remove-HVEAppAccess" in answer.confirmation
    assert PAYROLL in tenant.account("hve-payroll").allowed_apps


def test_what_is_confirmed_already_is_done(tenant: SandboxTenant) -> None:
    run(tenant, "Remove-HVEAppAccess", Identity="hve-payroll", AppIds=[PAYROLL], Confirm=False)
    assert PAYROLL not in tenant.account("hve-payroll").allowed_apps


@pytest.mark.parametrize("switch", ["Confirm", "WhatIf"])
def test_reading_needs_no_confirmation(tenant: SandboxTenant, switch: str) -> None:
    answer = cmdlets.run(tenant, ADMIN, "Get-HVEAccountSettings", {"Identity": "hve-payroll", switch: True})
    assert (len(answer.records), answer.confirmation) == (1, "")


@pytest.mark.parametrize(
    ("name", "parameters", "shape", "says"),
    [
        pytest.param("Get-MailUser", {"Bogus": 1}, ErrorShape.PARAMETER_SET, "Bogus", id="unknown parameter"),
        pytest.param("Get-HVEAccountSettings", {}, ErrorShape.PARAMETER_SET, "Identity", id="identity missing"),
        pytest.param(
            "Get-HVEAccountSettings", {"Identity": None}, ErrorShape.PARAMETER_SET, "Identity", id="identity null"
        ),
        pytest.param("Get-HVEAccountSettings", {"Identity": " "}, ErrorShape.BAD_VALUE, "Identity", id="blank"),
        pytest.param("Get-HVEAccountSettings", {"Identity": ["a"]}, ErrorShape.BAD_VALUE, "Identity", id="a list"),
        pytest.param("Add-HVEAppAccess", {"Identity": "hve-shop"}, ErrorShape.PARAMETER_SET, "AppIds", id="no ids"),
        pytest.param(
            "Add-HVEAppAccess", {"Identity": "hve-shop", "AppIds": []}, ErrorShape.BAD_VALUE, "AppIds", id="empty ids"
        ),
        pytest.param(
            "Add-HVEAppAccess",
            {"Identity": "hve-shop", "AppIds": [PAYROLL, "payroll-mailer"]},
            ErrorShape.BAD_VALUE,
            '"payroll-mailer"',
            id="a name as id",
        ),
        pytest.param(
            "Add-HVEAppAccess", {"Identity": "hve-shop", "AppIds": {"Add": [PAYROLL]}}, ErrorShape.BAD_VALUE, "AppIds"
        ),
        pytest.param("Get-MailUser", {"HVEAccount": "yes"}, ErrorShape.BAD_VALUE, "HVEAccount", id="not a switch"),
        pytest.param(
            "Get-MailUser",
            {"HVEAccount": True, "Identity": "hve-shop"},
            ErrorShape.PARAMETER_SET,
            "cannot be resolved",
            id="two parameter sets",
        ),
        pytest.param("Get-HVEAccountSettings", {"Identity": "nobody"}, ErrorShape.NOT_FOUND, "nobody", id="no account"),
    ],
)
def test_bad_parameters_are_named_and_nothing_is_done(
    tenant: SandboxTenant, name: str, parameters: dict[str, object], shape: ErrorShape, says: str
) -> None:
    with pytest.raises(CmdletError) as error:
        cmdlets.run(tenant, ADMIN, name, parameters)
    assert error.value.shape is shape
    assert says in error.value.text
    assert len(tenant.account("hve-shop").allowed_apps) == 1


@pytest.mark.parametrize(
    ("wanted", "rows"), [({}, 1), ({"ResourceType": "hv"}, 1), ({"ResourceType": "SharePoint"}, 0)]
)
def test_a_wrong_resource_type_is_no_error_but_no_rows(
    tenant: SandboxTenant, wanted: dict[str, object], rows: int
) -> None:
    assert len(cmdlets.run(tenant, ADMIN, "Get-BillingPolicy", wanted).records) == rows


@pytest.mark.parametrize(
    ("account", "status"),
    [
        ("hve-payroll", "BillingPolicyValid"),
        ("hve-legacy", "NoConnectedBillingPolicyFound"),
        ("hve-lab", "SubscriptionIsNotActive"),
    ],
)
def test_an_account_tells_whether_it_is_paid_for(tenant: SandboxTenant, account: str, status: str) -> None:
    (record,) = run(tenant, "Get-HVEAccountBillingPolicy", Identity=account).records
    assert record["BillingPolicyStatus"] == status


def test_a_user_without_a_policy_of_its_own_has_the_default_one(tenant: SandboxTenant) -> None:
    (config,) = run(tenant, "Get-OrganizationConfig").records
    policies = {each["Name"]: each["AllowBasicAuthSmtp"] for each in run(tenant, "Get-AuthenticationPolicy").records}
    (scan,) = run(tenant, "Get-User", Identity="hve-scan@contoso.com").records
    (shop,) = run(tenant, "Get-User", Identity="hve-shop@contoso.com").records
    assert policies[config["DefaultAuthenticationPolicy"]] is False
    assert policies[scan["AuthenticationPolicy"]] is True
    assert shop["AuthenticationPolicy"] is None


def test_one_authentication_policy_is_had_by_its_name(tenant: SandboxTenant) -> None:
    names = [each["Name"] for each in run(tenant, "Get-AuthenticationPolicy").records]
    (found,) = run(tenant, "Get-AuthenticationPolicy", Identity=str(names[0]).upper()).records
    assert found["Name"] == names[0]

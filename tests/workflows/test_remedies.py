"""Remedies can be pasted: ids in them, never text that somebody else chose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.domain.health import Remedy
from hveadmin.workflows import remedies
from hveadmin.workflows.remedies import Caller

CLIENT, PRINCIPAL = "0b9c6e5a-3d1f-4c27-9a84-6f2e1d7b8c10", "d4131700-3f20-5adc-9810-12a76a5f5d46"
CALLER = Caller("contoso.onmicrosoft.com", "worldwide", CLIENT, PRINCIPAL)
NUMBERS = (7000215, 7000222, 700016, 7000229, 7000112, 700027, 700213, 70021, 65001)


def pasted(remedy: Remedy) -> str:
    return "\n".join((*remedy.powershell, *remedy.azure_cli))


def everything(caller: Caller) -> list[Remedy]:
    return [
        remedies.grant_manage_as_app(caller),
        remedies.grant_application_read_all(caller),
        remedies.grant_role(caller, remedies.TO_APPLY),
        remedies.consent_for_users(caller),
        remedies.name_the_right_tenant(caller.tenant, "https://login.microsoftonline.com"),
        *(remedies.mend_sign_in(number, "hint", caller) for number in NUMBERS),
    ]


def test_the_permission_for_exchange_is_granted_on_exchange_and_by_its_id() -> None:
    told = remedies.grant_manage_as_app(CALLER)
    for line in (*told.powershell[-2:], told.azure_cli[1]):
        assert "00000002-0000-0ff1-ce00-000000000000" in line or "dc50a0fb-09a3-484d-be87-e023b12c6440" in line
    assert "dc50a0fb-09a3-484d-be87-e023b12c6440=Role" in told.azure_cli[1]
    assert "Grant admin consent" in " ".join(told.steps)


def test_the_permission_for_graph_is_granted_on_graph() -> None:
    told = pasted(remedies.grant_application_read_all(CALLER))
    assert "00000003-0000-0000-c000-000000000000" in told
    assert "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30=Role" in told


def test_the_role_group_holds_four_cmdlets_and_no_other() -> None:
    told = remedies.grant_role(CALLER, remedies.TO_APPLY)
    (made,) = [line for line in told.powershell if line.startswith("New-ManagementRole ")]
    enabled = set(made.partition("-EnabledCmdlets ")[2].split(","))
    assert enabled == {"Add-HVEAppAccess", "Remove-HVEAppAccess", "Get-HVEAccountSettings", "Get-MailUser"}
    assert f"New-ServicePrincipal -AppId {CLIENT} -ObjectId {PRINCIPAL}" in pasted(told)
    assert f'Add-RoleGroupMember "hveadmin" -Member {PRINCIPAL}' in told.powershell


def test_a_user_is_not_made_a_service_principal() -> None:
    told = pasted(remedies.grant_role(Caller(user="anna@contoso.com"), remedies.TO_APPLY))
    assert "New-ServicePrincipal" not in told
    assert "Add-RoleGroupMember" in told


@pytest.mark.parametrize("number", NUMBERS)
def test_every_refusal_of_the_table_has_steps_and_a_command(number: int) -> None:
    told = remedies.mend_sign_in(number, "what it means", CALLER)
    assert told.means == "what it means"
    assert told.steps
    assert CLIENT in pasted(told)


def test_a_refusal_without_an_entry_keeps_what_the_error_advises() -> None:
    assert remedies.mend_sign_in(1, "do this", CALLER) == Remedy("do this")


@pytest.mark.parametrize(
    ("cloud", "word"), [("gcc-high", "USGov"), ("dod", "USGovDoD"), ("china", "AzureChinaCloud"), ("worldwide", "")]
)
def test_another_cloud_is_signed_in_to(cloud: str, word: str) -> None:
    assert word in pasted(remedies.grant_manage_as_app(Caller(cloud=cloud)))
    assert ("az cloud set" in pasted(remedies.grant_manage_as_app(Caller(cloud=cloud)))) is (cloud != "worldwide")


@given(st.text(alphabet="a'\"`$;&|(){}<>\n \\%", min_size=1).filter(lambda text: text.strip("a") != ""))
def test_what_a_shell_would_obey_never_stands_in_a_command(text: str) -> None:
    hostile, harmless = Caller(text, "worldwide", text, text, text), Caller()
    for told, blank in zip(everything(hostile)[:4], everything(Caller(user="x"))[:4], strict=True):
        assert pasted(told) == pasted(blank)
    assert [pasted(each) for each in everything(hostile)[4:]] == [pasted(each) for each in everything(harmless)[4:]]

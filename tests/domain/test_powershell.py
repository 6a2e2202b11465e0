"""The PowerShell that we print: what two independent grammars read in it is what the plan says, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from builders import NOW, TENANT, app, apps, span
from hypothesis import given
from hypothesis import strategies as st
from powershell_grammars import GRAMMARS, nodes, parsed, text_of

from hveadmin.domain.desired import Mode
from hveadmin.domain.ids import Address, Guid, ObjectId
from hveadmin.domain.plan import Change, Plan, fingerprint
from hveadmin.domain.planner import order_of_calls
from hveadmin.domain.powershell import cmdlets_of, quoted

GUID = Guid("aaaaaaaa-0000-4000-8000-000000000001")
HOSTILE = st.text(st.sampled_from("'\u2018\u2019\u201a\u201b\"`$();|&#{}[]a\u00e9-%,"), min_size=1, max_size=20)
ADDRESSES = HOSTILE.map(lambda local: Address(f"{local}@contoso.com"))
LISTS = st.frozensets(st.integers(0, 19).map(app), min_size=1, max_size=10)


def change(account: Address, before: frozenset[ObjectId], target: frozenset[ObjectId]) -> Change:
    return Change(
        account=account,
        guid=GUID,
        mode=Mode.ENFORCE,
        origin="hve.yaml:5",
        source=span(5),
        before=before,
        target=target,
        steps=order_of_calls(before, target),
        fingerprint=fingerprint(TENANT, GUID, before),
    )


def plan(*changes: Change, cloud: str = "worldwide") -> Plan:
    return Plan("contoso", TENANT, "contoso.onmicrosoft.com", cloud, NOW, changes, 0, 0)


def unquoted(literal: str) -> str:
    """What PowerShell makes of a literal in single quotes: two quotes of whatever kind are one of them."""
    assert literal[0] == literal[-1] == "'"
    inside = literal[1:-1]
    assert re.fullmatch("([^'\u2018-\u201b]|['\u2018-\u201b]{2})*", inside), "a quote would end the literal"
    return re.sub("(['\u2018-\u201b])['\u2018-\u201b]", r"\1", inside)


@given(text=HOSTILE)
def test_a_literal_is_the_text_whatever_quotes_are_in_it(text: str) -> None:
    assert unquoted(quoted(text)) == text


@pytest.mark.parametrize("grammar", GRAMMARS)
@given(account=ADDRESSES, before=LISTS, target=LISTS)
def test_both_grammars_read_the_plans_own_calls(
    grammar: str, account: Address, before: frozenset[ObjectId], target: frozenset[ObjectId]
) -> None:
    planned = change(account, before, target)
    root = parsed(grammar, "\n".join(cmdlets_of(plan(planned))))
    assert not root.has_error
    names = [text_of(each) for each in nodes(root, "command_name")]
    writes = [name for name in names if name.startswith(("Add-", "Remove-"))]
    assert writes == [
        {"grant": "Add-HVEAppAccess", "revoke": "Remove-HVEAppAccess"}[step.action.value] for step in planned.steps
    ]
    assert set(names) <= {"Connect-ExchangeOnline", "Get-HVEAccountSettings", *writes}
    literals = [unquoted(text_of(each)) for each in nodes(root, "verbatim_string_characters")]
    assert set(literals) - {account.value} == {each.value for each in before ^ target}


def test_between_two_calls_the_list_is_looked_at() -> None:
    lines = cmdlets_of(plan(change(Address("hve-a@contoso.com"), apps(1), apps(2))))
    assert lines == (
        "Connect-ExchangeOnline",
        f"Add-HVEAppAccess -Identity 'hve-a@contoso.com' -AppIds '{app(2)}'",
        "(Get-HVEAccountSettings -Identity 'hve-a@contoso.com').AllowedApps",
        f"Remove-HVEAppAccess -Identity 'hve-a@contoso.com' -AppIds '{app(1)}' -Confirm:$false",
    )


def test_nothing_to_change_is_nothing_to_type() -> None:
    assert cmdlets_of(plan()) == ()


@pytest.mark.parametrize(
    ("cloud", "environment"),
    [("worldwide", ""), ("custom", ""), ("china", " -ExchangeEnvironmentName O365China")],
)
def test_it_connects_to_the_plans_cloud(cloud: str, environment: str) -> None:
    planned = plan(change(Address("hve-a@contoso.com"), apps(1), apps(1, 2)))
    assert cmdlets_of(replace(planned, cloud=cloud))[0] == f"Connect-ExchangeOnline{environment}"

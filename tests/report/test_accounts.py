"""An account is restricted, open or unknown, in words; what stands on its list is explained."""

from __future__ import annotations

import csv
import io

import pytest
from builders import account, app, client, principal, service_principals, snapshot
from report.judged import SHOWING_ALL

from hveadmin.domain.ids import Guid, TenantId
from hveadmin.domain.tenant import Identity, IdKind, Readable, TenantSnapshot, Unknown, Unreadable
from hveadmin.report.accounts import account_list, account_show
from hveadmin.report.query import query
from hveadmin.report.render import render

TENANT = snapshot(
    account("payroll", [1, 2]),
    account("erp", []),
    account("scan", Unknown("throttled after 5 tries")),
    account("a", [3]),
)


def directory(*identities: Identity) -> Readable:
    return Readable({each.id: each for each in identities})


def listed(identity: Identity) -> TenantSnapshot:
    return snapshot(account("payroll", [1]), directory=directory(identity))


@pytest.mark.parametrize("format_name", SHOWING_ALL)
def test_every_account_is_in_every_format(format_name: str) -> None:
    shown = render(account_list("contoso", TENANT), format_name)
    assert all(each.address.value in shown for each in TENANT.accounts)
    assert "throttled after 5 tries" in shown


def test_who_may_send_is_said_in_words() -> None:
    rows = {row["account"]: row for row in csv.DictReader(io.StringIO(render(account_list("contoso", TENANT), "csv")))}
    assert rows["hve-erp@contoso.com"]["state"] == "OPEN: any application may send"
    assert rows["hve-scan@contoso.com"]["state"] == "UNKNOWN: throttled after 5 tries"
    assert rows["hve-payroll@contoso.com"]["state"] == "restricted"
    assert rows["hve-payroll@contoso.com"]["allowed"] == "2 of 10"
    assert rows["hve-payroll@contoso.com"]["applications"] == "App 1, App 2"
    assert {row["tenant"] for row in rows.values()} == {"contoso"}


def test_unknown_is_not_empty_in_the_machine_form() -> None:
    report = account_list("contoso", TENANT)
    assert query(report, "accounts[?allowed.state == 'unknown'].[account, open, allowed.apps]").data == [
        ["hve-scan@contoso.com", None, None]
    ]
    assert query(report, "accounts[?open].[account, allowed.apps]").data == [["hve-erp@contoso.com", []]]


def test_the_summary_counts_the_three_states() -> None:
    assert "4 accounts: 2 restricted, 1 open, 1 unknown." in render(account_list("contoso", TENANT), "table")


def test_a_tenant_without_accounts_is_said_to_have_none() -> None:
    shown = render(account_list("contoso", snapshot()), "table")
    assert "This tenant has no HVE account." in shown
    assert render(account_list("contoso", snapshot()), "csv").count("\n") == 1


@pytest.mark.parametrize("format_name", ["table", "md", "json", "yaml", "jsonl"])
def test_a_directory_that_could_not_be_read_is_told(format_name: str) -> None:
    unchecked = snapshot(account("payroll", [1]), directory=Unreadable("Graph answered 403"))
    for report in (account_list("contoso", unchecked), account_show("contoso", unchecked, unchecked.accounts)):
        assert "Graph answered 403" in render(report, format_name)


def test_without_a_directory_ids_are_shown_and_nothing_is_claimed_of_them() -> None:
    unchecked = snapshot(account("payroll", [1]), directory=Unreadable("no"))
    assert f"{app(1).short} (not checked),{app(1)}\n" in render(account_list("contoso", unchecked), "csv")
    assert query(account_show("contoso", unchecked, unchecked.accounts), "identities").data == []


def test_an_ordinary_application_is_shown_with_both_its_ids() -> None:
    shown = render(account_show("contoso", TENANT, TENANT.accounts), "table")
    assert f"App 1  service principal  {app(1)}" in shown
    assert f"client id {client(1)}, enabled" in shown


def test_a_look_alike_is_shown_with_what_to_use_instead() -> None:
    wrong = Identity(Guid(app(1).value), IdKind.CLIENT_ID, "Payroll", principal(7, display_name="Payroll"), client(7))
    report = account_show("contoso", listed(wrong), listed(wrong).accounts)
    assert f'This id is the client id of "Payroll"; use its service principal {app(7)}.' in render(report, "table")
    row = next(csv.DictReader(io.StringIO(render(report, "csv"))))
    assert (row["is"], row["use_instead"]) == ("client id", app(7).value)


def test_a_foreign_and_a_disabled_application_are_told() -> None:
    other = TenantId("99999999-0000-4000-8000-000000000000")
    foreign = principal(1, owner_tenant=other, enabled=False)
    tenant = listed(Identity(Guid(app(1).value), IdKind.SERVICE_PRINCIPAL, "Vendor", foreign, client(1)))
    row = next(csv.DictReader(io.StringIO(render(account_show("contoso", tenant, tenant.accounts), "csv"))))
    assert (row["enabled"], row["owner_tenant"]) == ("DISABLED", other.value)
    shown = render(account_show("contoso", tenant, tenant.accounts), "table")
    assert (
        f"disabled in Entra: it cannot sign in until it is enabled there, registered by another tenant ({other})"
        in shown
    )


@pytest.mark.parametrize(("name", "state"), [("erp", "OPEN: any"), ("scan", "UNKNOWN: throttled")])
@pytest.mark.parametrize("format_name", ["table", "csv", "md"])
def test_an_account_without_a_known_application_is_never_shown_as_nothing(
    name: str, state: str, format_name: str
) -> None:
    chosen = [each for each in TENANT.accounts if each.address.value == f"hve-{name}@contoso.com"]
    shown = render(account_show("contoso", TENANT, chosen), format_name)
    assert state in shown
    assert f"hve-{name}@contoso.com" in shown


def test_the_directory_is_asked_by_value_whatever_an_id_was_taken_for() -> None:
    assert query(account_list("contoso", TENANT), "identities[].id").data == [app(each).value for each in (1, 2, 3)]
    assert service_principals(1).identity(app(1)) is not None


@pytest.mark.parametrize("format_name", SHOWING_ALL)
def test_no_account_to_show_is_a_list_of_none(format_name: str) -> None:
    report = account_show("contoso", TENANT, ())
    assert query(report, "accounts").data == []
    assert "hve-" not in render(report, format_name)

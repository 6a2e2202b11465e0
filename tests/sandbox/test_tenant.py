"""The service's rules over the lists of allowed applications."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from exchange_wire import MONITORING, NOON, PAYROLL, PAYROLL_CLIENT_ID, PAYROLL_V1, SCANNER, HandClock
from hypothesis import given, settings
from hypothesis import strategies as st

from hveadmin.sandbox.faults import Switches
from hveadmin.sandbox.seed import CONTOSO, guid_of
from hveadmin.sandbox.server import Sandbox
from hveadmin.sandbox.store import Store
from hveadmin.sandbox.tenant import MAX_APPS, Account, CmdletError, SandboxTenant, parse_guid, store_account

PAYROLL_ACCOUNT = "hve-payroll@contoso.com"


@pytest.fixture
def tenant(sandbox: Sandbox) -> SandboxTenant:
    return sandbox.tenant("contoso")


def listed(tenant: SandboxTenant, account: str) -> list[str]:
    return list(tenant.account(account).allowed_apps)


def principals(sandbox: Sandbox) -> list[str]:
    return [each["id"] for each in sandbox.store.all(CONTOSO, "servicePrincipal")]


@pytest.mark.parametrize(
    "identity",
    [
        "hve-payroll@contoso.com",
        "HVE-Payroll@Contoso.COM",
        " hve-payroll@contoso.com ",
        "Payslips@contoso.com",
        "hve-payroll",
        guid_of("contoso", "mail-user", PAYROLL_ACCOUNT),
        guid_of("contoso", "mail-user", PAYROLL_ACCOUNT).upper(),
        guid_of("contoso", "user", PAYROLL_ACCOUNT),
    ],
)
def test_an_account_is_found_by_all_its_names(tenant: SandboxTenant, identity: str) -> None:
    assert tenant.account(identity).address == PAYROLL_ACCOUNT


@pytest.mark.parametrize("identity", ["", "hve", "anna.holm@contoso.com", "hve-payroll@contoso.com.evil.example"])
def test_what_is_no_hve_account_is_not_found(tenant: SandboxTenant, identity: str) -> None:
    with pytest.raises(CmdletError, match=r"couldn't be found on '.*PROD\.OUTLOOK\.COM'\.$") as error:
        tenant.account(identity)
    assert error.value.exception == "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"
    assert error.value.error_id == "Ex6F9304"


def test_added_applications_stand_behind_those_that_were_there(tenant: SandboxTenant) -> None:
    tenant.add_apps("hve-alert-web", [PAYROLL, SCANNER])
    assert listed(tenant, "hve-alert-web") == [MONITORING, PAYROLL, SCANNER]


def test_the_eleventh_is_refused_and_nothing_of_the_call_is_done(sandbox: Sandbox, tenant: SandboxTenant) -> None:
    with pytest.raises(CmdletError, match="at most 10"):
        tenant.add_apps("hve-alert-db", principals(sandbox)[:11])
    assert listed(tenant, "hve-alert-db") == []


def test_ten_fit_in_one_call(sandbox: Sandbox, tenant: SandboxTenant) -> None:
    tenant.add_apps("hve-alert-db", principals(sandbox)[:10])
    assert len(listed(tenant, "hve-alert-db")) == 10


def test_duplicates_do_not_count_towards_the_ceiling(tenant: SandboxTenant) -> None:
    full = listed(tenant, "hve-full")
    tenant.add_apps("hve-full", full[:3])
    assert listed(tenant, "hve-full") == full


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(PAYROLL_CLIENT_ID, id="a client id"),
        pytest.param(guid_of("contoso", "registration", "Invoice Bot"), id="a registration's object id"),
        pytest.param(guid_of("contoso", "principal", "Newsletter 2021"), id="a deleted service principal"),
        pytest.param(guid_of("contoso", "user", "anna.holm@contoso.com"), id="a user"),
        pytest.param("00000000-0000-4000-8000-000000000000", id="nothing at all"),
    ],
)
def test_what_is_no_service_principal_is_refused_by_default(
    sandbox: Sandbox, tenant: SandboxTenant, wrong: str
) -> None:
    with pytest.raises(CmdletError, match=wrong):
        tenant.add_apps("hve-shop", [PAYROLL, wrong])
    assert len(listed(tenant, "hve-shop")) == 1
    sandbox.set_switches(Switches(validate_ids=False))
    tenant.add_apps("hve-shop", [PAYROLL, wrong])
    assert listed(tenant, "hve-shop")[1:] == [PAYROLL, wrong]


@pytest.mark.parametrize(
    ("mode", "fails", "warnings"), [("noop", False, 0), ("warn", False, 1), ("error", True, 0)], ids=str
)
def test_adding_what_is_there_follows_the_switch(
    sandbox: Sandbox, tenant: SandboxTenant, mode: str, fails: bool, warnings: int
) -> None:
    sandbox.set_switches(Switches.parse({"duplicates": mode}))
    if fails:
        with pytest.raises(CmdletError, match="already allowed"):
            tenant.add_apps("hve-alert-web", [MONITORING, PAYROLL])
        assert listed(tenant, "hve-alert-web") == [MONITORING]
    else:
        assert len(tenant.add_apps("hve-alert-web", [MONITORING, PAYROLL])) == warnings
        assert listed(tenant, "hve-alert-web") == [MONITORING, PAYROLL]


def test_removing_what_is_absent_follows_the_switch(sandbox: Sandbox, tenant: SandboxTenant) -> None:
    tenant.remove_apps("hve-payroll", [SCANNER, MONITORING])
    assert listed(tenant, "hve-payroll") == [PAYROLL, PAYROLL_V1]
    sandbox.set_switches(Switches(absent_removal="error"))
    with pytest.raises(CmdletError, match=SCANNER):
        tenant.remove_apps("hve-payroll", [SCANNER, PAYROLL])
    assert listed(tenant, "hve-payroll") == [PAYROLL, PAYROLL_V1]


def test_an_id_whose_application_is_gone_can_be_removed(tenant: SandboxTenant) -> None:
    gone = listed(tenant, "hve-alert-lab")[1]
    tenant.remove_apps("hve-alert-lab", [gone])
    assert listed(tenant, "hve-alert-lab") == [MONITORING]


def test_the_last_one_can_be_removed_and_the_account_is_then_open(tenant: SandboxTenant) -> None:
    assert not tenant.admits("hve-alert-web", PAYROLL)
    tenant.remove_apps("hve-alert-web", [MONITORING])
    assert listed(tenant, "hve-alert-web") == []
    assert tenant.admits("hve-alert-web", PAYROLL)


def test_whether_an_empty_list_is_open_is_a_switch(sandbox: Sandbox, tenant: SandboxTenant) -> None:
    assert tenant.admits("hve-alert-db", PAYROLL)
    sandbox.set_switches(Switches(empty_list="closed"))
    assert not tenant.admits("hve-alert-db", PAYROLL)


def test_a_change_binds_only_after_the_propagation_delay(
    sandbox: Sandbox, tenant: SandboxTenant, clock: HandClock
) -> None:
    sandbox.set_switches(Switches(propagation_seconds=300))
    clock.advance(seconds=1)
    tenant.add_apps("hve-alert-web", [PAYROLL])
    tenant.remove_apps("hve-alert-web", [MONITORING])
    assert listed(tenant, "hve-alert-web") == [PAYROLL]
    clock.advance(seconds=299)
    assert (tenant.admits("hve-alert-web", PAYROLL), tenant.admits("hve-alert-web", MONITORING)) == (False, True)
    clock.advance(seconds=1)
    assert (tenant.admits("hve-alert-web", PAYROLL), tenant.admits("hve-alert-web", MONITORING)) == (True, False)


def test_a_reply_address_must_be_one(tenant: SandboxTenant) -> None:
    with pytest.raises(CmdletError, match="ReplyTo"):
        tenant.set_reply_to("hve-shop", "not an address")
    tenant.set_reply_to("hve-shop", "shop@contoso.com")
    assert tenant.account("hve-shop").reply_to == "shop@contoso.com"
    tenant.set_reply_to("hve-shop", "")
    assert tenant.account("hve-shop").reply_to == ""


def test_tenants_do_not_see_each_other(sandbox: Sandbox, clock: HandClock) -> None:
    stranger = SandboxTenant(sandbox.store, guid_of("elsewhere"), clock, Switches)
    assert stranger.accounts() == []
    assert stranger.find(PAYROLL_ACCOUNT) is None


@pytest.mark.parametrize("text", [PAYROLL, PAYROLL.upper(), f"{{{PAYROLL}}}", f" {PAYROLL}\n"])
def test_a_guid_is_read_as_people_paste_it(text: str) -> None:
    assert parse_guid(text) == PAYROLL


@pytest.mark.parametrize("text", ["", "payroll", PAYROLL[:-1], f"{{{PAYROLL}", f"{PAYROLL},{PAYROLL}"])
def test_what_is_no_guid_is_not_read(text: str) -> None:
    assert parse_guid(text) is None


# Histories of one account: what is read at any moment of the last five minutes is what was read then.

_APPS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(14)]
_STEPS = st.tuples(st.booleans(), st.lists(st.sampled_from(_APPS), min_size=1, max_size=6), st.integers(0, 120))


@pytest.fixture(scope="module")
def plain_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(Path(tmp_path_factory.mktemp("tenant")) / "sandbox.db")
    yield store
    store.close()


@given(st.lists(_STEPS, max_size=12))
@settings(deadline=None, max_examples=60)
def test_the_list_never_passes_ten_and_the_past_is_remembered(
    plain_store: Store, steps: list[tuple[bool, list[str], int]]
) -> None:
    clock = HandClock()
    tenant = SandboxTenant(plain_store, "t", clock, lambda: Switches(validate_ids=False))
    account = Account("guid", "external", "hve@t.example", "HVE", "hve", NOON)
    store_account(plain_store, "t", account)
    model: set[str] = set()
    history = [(clock.now, set(model))]
    for adds, apps, pause in steps:
        clock.advance(seconds=pause + 1)
        wanted = model | set(apps) if adds else model - set(apps)
        try:
            if adds:
                tenant.add_apps("hve", apps)
            else:
                tenant.remove_apps("hve", apps)
            model = wanted
        except CmdletError:
            assert len(wanted) > MAX_APPS
        history.append((clock.now, set(model)))
        now = tenant.account("hve")
        assert set(now.allowed_apps) == model
        assert len(now.allowed_apps) == len(model) <= MAX_APPS
        for then, apps_then in history:
            if clock.now - then <= timedelta(seconds=300):
                assert set(now.apps_at(then)) == apps_then

"""drift: 3 when a live list differs from the configuration, and nothing but Get cmdlets on the way."""

from __future__ import annotations

import pytest
from cli.rule_states.states_data import no_accounts
from cli.scenes import (
    CLOSES_ONE,
    MONITORING,
    OPEN_ACCOUNT,
    OPENS_ONE,
    PAYROLL,
    SHOP,
    SHOP_ACCOUNT,
    configuration,
    sent,
)
from cli.terminal import Ran, Terminal

from hveadmin.sandbox.faults import Fault, FaultKind
from hveadmin.sandbox.server import Running, Sandbox

AS_DECLARED = configuration("hve-payroll@contoso.com: {mode: additive, apps: [payroll]}")
SWAPPED = configuration(f"{SHOP_ACCOUNT}: {{apps: [payroll]}}")


def drift(terminal: Terminal, config: str, *words: str) -> Ran:
    terminal.write("hve.yaml", config)
    return terminal.hveadmin("drift", *words)


def test_where_all_is_as_declared_it_ends_with_0(terminal: Terminal) -> None:
    ran = drift(terminal, AS_DECLARED).ends_with(0)
    assert "No drift: 1 as declared, 13 observed." in ran.out
    assert "Rails" not in ran.out


def test_what_is_missing_and_what_is_extra_is_told_with_both_lists(terminal: Terminal, running: Running) -> None:
    ran = drift(terminal, SWAPPED, "-o", "table", "-o", "json=drift.json").ends_with(3)
    assert f"{SHOP_ACCOUNT}  hve.yaml:" in ran.out
    assert "missing  payroll" in ran.out
    assert "extra    Shop Orders" in ran.out
    assert "1 account differs" in ran.out
    assert ran.out.endswith("What would mend it:\n  hveadmin plan -t contoso\n")
    (found,) = drift(terminal, SWAPPED, "-o", "json").ends_with(3).json["differences"]
    assert (found["live"], found["declared"]) == ([SHOP], [PAYROLL])
    assert (found["missing"], found["extra"], found["open"]) == ([PAYROLL], [SHOP], False)
    assert sent(running) == {}


@pytest.mark.parametrize(
    ("config", "says"),
    [(CLOSES_ONE, "OPEN: any application may send"), (OPENS_ONE, "declared unrestricted, and restricted")],
)
def test_an_open_account_and_one_that_should_be_are_told_in_words(terminal: Terminal, config: str, says: str) -> None:
    assert says in drift(terminal, config).ends_with(3).out


def test_a_grant_past_its_end_that_is_still_live_is_drift(terminal: Terminal) -> None:
    account = "hve-payroll@contoso.com"
    ended = f"{account}: {{mode: additive, apps: [payroll, {{app: monitoring, expires: 2020-01-31}}]}}"
    ran = drift(terminal, configuration(ended), "-o", "json").ends_with(3)
    assert ran.json["differences"][0]["extra"] == [MONITORING]


def test_an_account_that_cannot_be_read_is_unknown_and_ends_with_7(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.HTML, account=OPEN_ACCOUNT, times=None))
    ran = drift(terminal, SWAPPED, "-o", "json").ends_with(7)
    assert [each["account"] for each in ran.json["unknown"]] == [OPEN_ACCOUNT]
    assert len(ran.json["differences"]) == 1, "the others are compared all the same"
    assert "No drift in what could be read" in drift(terminal, AS_DECLARED).ends_with(7).out


def test_what_must_not_be_reached_or_cannot_be_resolved_is_refused_as_plan_does(terminal: Terminal) -> None:
    last = configuration(f"{SHOP_ACCOUNT}: {{mode: absent, apps: [shop]}}").replace(
        "apps:\n", f"apps:\n  shop: {{object_id: {SHOP}, tenant: contoso, reason: Order mail}}\n", 1
    )
    assert "REFUSED: this would remove its last application" in drift(terminal, last).ends_with(6).out
    unresolved = SWAPPED.replace(PAYROLL, "deadbeef-dead-4eef-8eef-deadbeef0001")
    assert "cannot be resolved in this tenant" in drift(terminal, unresolved).ends_with(6).err


def test_one_account_is_compared_where_one_is_named(terminal: Terminal) -> None:
    drift(terminal, SWAPPED, "-a", OPEN_ACCOUNT).ends_with(0)
    drift(terminal, SWAPPED, "-a", SHOP_ACCOUNT).ends_with(3)
    drift(terminal, SWAPPED, "-a", "hve-nobody@contoso.com").ends_with(6)
    drift(terminal, SWAPPED, "-a", "hve-nobody*").ends_with(6)


def test_a_tenant_that_shows_no_account_is_not_as_declared(terminal: Terminal, sandbox: Sandbox) -> None:
    no_accounts(sandbox, terminal)
    everybody = configuration(selectors='[{match: "*", apps: [payroll]}]')
    assert "nothing could be compared" in drift(terminal, everybody).ends_with(7).err
    assert "this tenant has no HVE account" in drift(terminal, configuration()).ends_with(0).out


def test_what_a_run_just_did_is_no_drift(terminal: Terminal) -> None:
    drift(terminal, CLOSES_ONE).ends_with(3)
    terminal.hveadmin("apply", "--yes").ends_with(0)
    drift(terminal, CLOSES_ONE).ends_with(0)

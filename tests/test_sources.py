"""All that a check reads of a tenant, over every wire, against the sandbox: what it finds, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from hveadmin.domain.facts import BasicAuth, Billing, Part, TenantFacts
from hveadmin.domain.ids import Address
from hveadmin.domain.profile import SecretKind, SecretSource
from hveadmin.domain.tenant import Unreadable
from hveadmin.sandbox.cmdlets import RECIPIENT_ADMINISTRATOR
from hveadmin.sandbox.faults import Fault, FaultBook, FaultKind, Surface
from hveadmin.sandbox.seed import CONTOSO
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.wiring import Wiring, sandbox_profile
from hveadmin.workflows.gather import EVERYTHING, gather_facts

Read = Callable[..., TenantFacts]

SCAN, SHOP, LEGACY = (Address.parse(f"hve-{name}@contoso.com") for name in ("scan", "shop", "legacy"))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox.open(tmp_path / "sandbox.db") as opened:
        yield opened


@pytest.fixture
def running(sandbox: Sandbox) -> Iterator[Running]:
    with sandbox.serve() as served:
        yield served


@pytest.fixture
def read(sandbox: Sandbox, running: Running, tmp_path: Path) -> Iterator[Read]:
    """Sign in as an operator of the sandbox and read its first tenant."""
    with ExitStack() as opened:
        wiring = opened.enter_context(Wiring({"HVEADMIN_STATE": str(tmp_path)}, timeout=60, concurrency=3))

        def facts(operator: str = "operator", parts: frozenset[Part] = EVERYTHING) -> TenantFacts:
            from dataclasses import replace

            profile = sandbox_profile(sandbox, running)
            who = sandbox.operators()[operator]
            secret = SecretSource(SecretKind.FILE, str(who.secret_path))
            auth = replace(profile.auth, client_id=who.client_id, secret=secret)
            with wiring.connect(replace(profile, auth=auth)) as tenant:
                running.calls.clear()
                return gather_facts(tenant.sources, parts=parts)

        yield facts


def test_every_part_of_contoso_is_read(read: Read) -> None:
    facts = read()
    assert isinstance(facts.basic_auth, Mapping)
    assert isinstance(facts.billing, Mapping)
    assert isinstance(facts.permissions, Mapping)
    assert isinstance(facts.credentials, Mapping)
    assert set(facts.basic_auth) == set(facts.billing) == {each.address for each in facts.snapshot.accounts}
    assert [each for each, basic in facts.basic_auth.items() if basic is BasicAuth.ALLOWED] == [SCAN]
    assert facts.billing[SHOP] == Billing("BillingPolicyValid", "HVE pay as you go")
    assert facts.billing[LEGACY] == Billing("NoConnectedBillingPolicyFound")
    assert len(facts.permissions) > len(facts.credentials) > 10
    assert "hveadmin operator" in facts.read_by


def test_a_hundred_accounts_cost_tens_of_calls(sandbox: Sandbox, running: Running, read: Read) -> None:
    sandbox.reseed("fleet:1x100x1")
    facts = read()
    assert len(facts.snapshot.accounts) == 100
    assert running.calls.count(Surface.EXCHANGE) == 1 + 10 + 10 + 2 + 10  # listing, lists, billing, policies, users
    assert running.calls.count(Surface.GRAPH) <= 1 + 17  # what ids are; three questions for each of 100 applications


def test_what_nobody_needs_costs_nothing(sandbox: Sandbox, running: Running, read: Read) -> None:
    sandbox.reseed("fleet:1x100x1")
    read(parts=frozenset())
    assert running.calls.count(Surface.EXCHANGE) == 11
    assert running.calls.count(Surface.GRAPH) == 1


def test_whoever_manages_recipients_is_told_what_it_takes_to_see_policies(sandbox: Sandbox, read: Read) -> None:
    for each in sandbox.store.all(CONTOSO, "servicePrincipal"):
        if each["displayName"] == "hveadmin operator":
            sandbox.store.put(CONTOSO, "roleAssignment", each["id"], {"wids": [RECIPIENT_ADMINISTRATOR]})
    facts = read()
    assert isinstance(facts.basic_auth, Unreadable)
    assert "Get-AuthenticationPolicy" in facts.basic_auth.grant
    assert isinstance(facts.billing, Mapping)


def test_whoever_may_read_applications_only_reads_all_but_delegated_consent(read: Read) -> None:
    facts = read("applications-only")
    assert isinstance(facts.permissions, Mapping)
    assert facts.owners == {}


def test_one_account_whose_billing_cannot_be_read_is_unknown_alone(sandbox: Sandbox, read: Read) -> None:
    billing = "Get-HVEAccountBillingPolicy"
    FaultBook(sandbox.store).add(
        Fault(kind=FaultKind.NUL_BYTES, surface=Surface.EXCHANGE, cmdlet=billing, account=SHOP.value, times=None)
    )
    facts = read(parts=frozenset({Part.BILLING}))
    assert isinstance(facts.billing, Mapping)
    assert [each for each, bill in facts.billing.items() if not isinstance(bill, Billing)] == [SHOP]

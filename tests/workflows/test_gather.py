"""What is read of a tenant for a check: each part only where somebody needs it; what is missing is never empty."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from builders import TENANT, account, address, app, client, entry, grant, principal, service_principals, tenant
from memory_tenant import MemoryFacts, MemoryTenant, StandingClock

from hveadmin.domain.desired import ByClientId, ByName, Mode, Selector, TenantEntry
from hveadmin.domain.facts import NOT_ASKED, BasicAuth, Billing, Part
from hveadmin.domain.ids import ClientId
from hveadmin.domain.permissions import MailPermission, Registered
from hveadmin.domain.pins import Pin, Pins
from hveadmin.domain.tenant import Credential, CredentialKind, Readable, Unreadable
from hveadmin.workflows.gather import Sources, gather_facts, owners_in

LISTS = (account("a", [1, 2]), account("b", []))
ADDRESSES = frozenset({address("a"), address("b")})
CREDENTIAL = Credential(CredentialKind.SECRET, "k-1")


def permission(number: int, *, registered: bool = True) -> MailPermission:
    registration = Registered(frozenset(), (CREDENTIAL,)) if registered else None
    return MailPermission(principal(number), app(30), frozenset(), (), registration)


def sources(facts: MemoryFacts, there: MemoryTenant | None = None) -> Sources:
    there = there or MemoryTenant(LISTS)
    return Sources(there, there, facts, facts, facts, facts, StandingClock(), TENANT, "worldwide", "an auditor")


def test_nothing_is_asked_besides_where_nobody_needs_it() -> None:
    facts = MemoryFacts()
    found = gather_facts(sources(facts), parts=())
    assert facts.asked == {}
    assert {found.permissions, found.credentials, found.billing, found.basic_auth, found.owners} == {NOT_ASKED}
    assert [each.address for each in found.snapshot.accounts] == sorted(ADDRESSES)


@pytest.mark.parametrize(
    ("part", "asked"),
    [
        (Part.PERMISSIONS, "mail_permission"),
        (Part.CREDENTIALS, "credentials"),
        (Part.BILLING, "billing"),
        (Part.BASIC_AUTH, "basic_auth"),
        (Part.OWNERS, "still_there"),
    ],
)
def test_a_part_is_asked_for_by_itself(part: Part, asked: str) -> None:
    facts = MemoryFacts()
    gather_facts(sources(facts), parts=[part])
    assert set(facts.asked) == {asked}


def test_the_parts_come_as_they_were_told_with_who_asked_and_where() -> None:
    facts = MemoryFacts(
        permissions={app(1): permission(1)},
        bills=dict.fromkeys(ADDRESSES, Billing("BillingPolicyValid")),
        basic=dict.fromkeys(ADDRESSES, BasicAuth.BLOCKED),
        people={"it@contoso.com": True},
    )
    found = gather_facts(sources(facts), entry=tenant({"a": entry(Mode.ENFORCE, grant(1))}))
    assert found.permissions == facts.permissions
    assert found.billing == facts.bills
    assert found.basic_auth == facts.basic
    assert found.owners == {"it@contoso.com": True}
    assert (found.domain, found.cloud, found.read_by) == ("contoso.onmicrosoft.com", "worldwide", "an auditor")
    assert facts.asked["billing"] == facts.asked["basic_auth"] == ADDRESSES


def test_permissions_are_asked_of_every_service_principal_on_a_list_or_in_the_configuration() -> None:
    view = service_principals(1, 2, 3, 4)
    named = replace(view, named={"Four": (principal(4),)})
    configured = tenant({"a": entry(Mode.ENFORCE, grant(3, ByClientId(client(3))), grant(4, ByName("Four")))})
    facts = MemoryFacts()
    gather_facts(sources(facts, MemoryTenant(LISTS, directory=named)), entry=configured)
    assert facts.asked["mail_permission"] == {app(1), app(2), app(3), app(4)}


def test_credentials_come_with_the_permissions_and_are_not_asked_twice() -> None:
    facts = MemoryFacts(permissions={app(1): permission(1), app(2): permission(2, registered=False)})
    found = gather_facts(sources(facts))
    assert found.credentials == {client(1): (CREDENTIAL,)}
    assert "credentials" not in facts.asked


@pytest.mark.parametrize("parts", [[Part.CREDENTIALS], list(Part)])
def test_credentials_are_asked_by_client_id_where_no_permissions_were_read(parts: list[Part]) -> None:
    facts = MemoryFacts(permissions=Unreadable("no Exchange Online"), secrets={client(1): ()})
    found = gather_facts(sources(facts, MemoryTenant(LISTS, directory=service_principals(1, 2))), parts=parts)
    assert facts.asked["credentials"] == {client(1), client(2)}
    assert found.credentials == {client(1): ()}


def test_where_the_directory_is_closed_nothing_is_asked_about_applications() -> None:
    facts, closed = MemoryFacts(), Unreadable("no right", grant="Application.Read.All")
    found = gather_facts(sources(facts, MemoryTenant(LISTS, directory=closed)))
    assert found.permissions == found.credentials == closed
    assert not facts.asked.keys() & {"mail_permission", "credentials"}


def test_pinned_service_principals_are_looked_up_too() -> None:
    class Asking(MemoryTenant):
        ids: frozenset[object] = frozenset()
        names: frozenset[str] = frozenset()

        def look_up(self, ids, names=()):  # type: ignore[no-untyped-def]
            self.ids, self.names = frozenset(ids), frozenset(names)
            return Readable()

    there = Asking(LISTS)
    configured = tenant({"a": entry(Mode.ENFORCE, grant(3, ByClientId(client(3))))})
    pins = Pins("contoso", TENANT, {"app-3": Pin.of("app-3", principal(7), date(2026, 1, 1))})
    gather_facts(sources(MemoryFacts(), there), entry=configured, pins=pins, names=["Four"], parts=())
    assert there.ids == {app(1), app(2), client(3), app(7)}
    assert there.names == {"Four"}


# Owners


def owned(*owners: str) -> TenantEntry:
    entries = {str(number): replace(entry(Mode.OBSERVE), owner=owner) for number, owner in enumerate(owners)}
    return tenant(entries)


def test_owners_are_those_of_accounts_selectors_and_grants() -> None:
    selected = Selector("*", replace(entry(Mode.ENFORCE, grant(1)), owner="NOC@contoso.com"))
    configured = replace(owned("hr@contoso.com"), selectors=(selected,))
    assert owners_in(configured) == {"hr@contoso.com", "noc@contoso.com", "it@contoso.com"}


@pytest.mark.parametrize("owner", ["", "HR department", "the one @ the desk"])
def test_an_owner_that_is_no_address_is_nobody_to_look_up(owner: str) -> None:
    assert owners_in(owned(owner)) == frozenset()


def test_without_a_configuration_nobody_is_looked_up() -> None:
    facts = MemoryFacts()
    gather_facts(sources(facts), parts=[Part.OWNERS])
    assert facts.asked == {"still_there": frozenset()}


def test_what_is_read_is_plain_data() -> None:
    facts = MemoryFacts(permissions={app(1): permission(1)})
    found = gather_facts(sources(facts))
    assert found == replace(found)
    assert (
        isinstance(next(iter(found.credentials)), ClientId) if not isinstance(found.credentials, Unreadable) else True
    )

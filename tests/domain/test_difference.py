"""What is different between two readings: matched by id, unknown never the same, order never a difference."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import account, address, app, client, principal, service_principals
from hypothesis import given
from tenant_facts import facts, tenant_facts

from hveadmin.domain.difference import Difference, Kind, compare
from hveadmin.domain.facts import Billing, TenantFacts
from hveadmin.domain.ids import Guid
from hveadmin.domain.tenant import (
    AllowedApps,
    Credential,
    CredentialKind,
    HveAccount,
    Identity,
    IdKind,
    Known,
    Readable,
    Unknown,
    Unreadable,
)

THROTTLED = Unknown("throttled")


def kinds(found: tuple[Difference, ...]) -> list[Kind]:
    return [each.kind for each in found]


@given(found=tenant_facts())
def test_a_reading_differs_from_itself_only_in_what_it_does_not_know(found: TenantFacts) -> None:
    assert set(kinds(compare(found, found))) <= {Kind.NOT_COMPARABLE}


@given(found=tenant_facts())
def test_every_unknown_list_is_said_not_to_be_comparable(found: TenantFacts) -> None:
    unknown = {each.address for each in found.snapshot.accounts if isinstance(each.allowed, Unknown)}
    said = {each.account for each in compare(found, found) if each.what == "list"}
    assert said == unknown


@given(before=tenant_facts(), after=tenant_facts())
def test_the_other_way_round_gains_are_losses(before: TenantFacts, after: TenantFacts) -> None:
    there, back = compare(before, after), compare(after, before)
    assert kinds(there).count(Kind.GRANTED) == kinds(back).count(Kind.REVOKED)
    assert kinds(there).count(Kind.OPENED) == kinds(back).count(Kind.CLOSED)
    assert kinds(there).count(Kind.ACCOUNT_ADDED) == kinds(back).count(Kind.ACCOUNT_REMOVED)
    assert kinds(there).count(Kind.NOT_COMPARABLE) == kinds(back).count(Kind.NOT_COMPARABLE)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([1], [1], [], id="same"),
        pytest.param([1], [1, 2], [Kind.GRANTED], id="one more"),
        pytest.param([1, 2], [2], [Kind.REVOKED], id="one less"),
        pytest.param([1], [], [Kind.OPENED, Kind.REVOKED], id="opened, and that first"),
        pytest.param([], [1], [Kind.CLOSED, Kind.GRANTED], id="closed"),
        pytest.param(THROTTLED, [], [Kind.NOT_COMPARABLE], id="unknown before"),
        pytest.param([], THROTTLED, [Kind.NOT_COMPARABLE], id="unknown is not opened, nor closed"),
    ],
)
def test_lists(before: AllowedApps | list[int], after: AllowedApps | list[int], expected: list[Kind]) -> None:
    assert kinds(compare(facts(account("a", before)), facts(account("a", after)))) == expected


def test_a_new_address_is_the_same_account() -> None:
    old = account("a", [1])
    new = HveAccount(address("b"), old.guid, old.display_name, old.allowed)
    (found,) = compare(facts(old), facts(new))
    assert (found.kind, found.what, found.before, found.after) == (
        Kind.CHANGED, "address", "hve-a@contoso.com", "hve-b@contoso.com",
    )  # fmt: skip


def test_an_account_that_came_open_says_so() -> None:
    (found,) = compare(facts(), facts(account("a", [])))
    assert (found.kind, found.after) == (Kind.ACCOUNT_ADDED, "open: any application may send")


def test_an_application_that_was_disabled_and_renamed_is_two_facts_about_one() -> None:
    changed = principal(1, enabled=False, display_name="Evil")
    identity = Identity(Guid(app(1).value), IdKind.SERVICE_PRINCIPAL, "Evil", changed, changed.client_id)
    before = facts(account("a", [1]), directory=service_principals(1))
    after = facts(account("a", [1]), directory=Readable({identity.id: identity}))
    assert [(each.what, each.before, each.after) for each in compare(before, after)] == [
        ("display name", "App 1", "Evil"),
        ("enabled", "yes", "no"),
    ]


def test_an_unreadable_directory_is_not_comparable() -> None:
    before = facts(directory=service_principals(1))
    (found,) = compare(before, facts(directory=Unreadable("no right")))
    assert (found.kind, found.what, found.why) == (Kind.NOT_COMPARABLE, "directory", "not read after: no right")


def test_what_nobody_asked_for_is_no_difference() -> None:
    asked = facts(account("a", [1]), billing={address("a"): Billing("BillingPolicyValid")})
    assert compare(asked, facts(account("a", [1]))) == ()


def test_billing_by_account() -> None:
    before = facts(account("a", [1]), billing={address("a"): Billing("BillingPolicyValid")})
    after = replace(before, billing={address("a"): Billing("SubscriptionIsNotActive")})
    (found,) = compare(before, after)
    assert (found.account, found.before, found.after) == (address("a"), "BillingPolicyValid", "SubscriptionIsNotActive")


def test_a_new_secret_is_seen_by_its_key_id() -> None:
    old, new = (Credential(CredentialKind.SECRET, key) for key in ("key-1", "key-2"))
    before, after = (facts(credentials={client(1): each}) for each in ((old,), (old, new)))
    (found,) = compare(before, after)
    assert (found.what, found.before, found.after) == ("secret key-2", "none", "without end")


def test_known_lists_of_equal_content_are_equal() -> None:
    assert compare(facts(account("a", Known(frozenset({app(1)})))), facts(account("a", [1]))) == ()

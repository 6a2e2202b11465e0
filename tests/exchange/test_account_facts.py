"""Billing and basic authentication: what was not said is not made up, and a missing right is told from a bad day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from builders import address

from hveadmin.domain.facts import BasicAuth, Billing
from hveadmin.domain.ids import Address
from hveadmin.domain.tenant import Unknown, Unreadable
from hveadmin.errors import AuthError, Denied, ServiceError, Throttled
from hveadmin.exchange.account_facts import ExchangeAccountFacts
from hveadmin.exchange.cmdlet import Cmdlet, Record
from hveadmin.exchange.transport import Outcome

SHOP, SCAN, LAB = address("shop"), address("scan"), address("lab")
ALL = [SHOP, SCAN, LAB]
BILLING, POLICIES = "Get-HVEAccountBillingPolicy", "Get-AuthenticationPolicy"
ORGANIZATION, USER = "Get-OrganizationConfig", "Get-User"
DENIED = Denied("refused: status 403", cmdlet="Get-Something", request_id="r-1")
BUSY = Throttled("throttled after 6 tries", cmdlet="Get-Something", request_id="r-2")

Answer = Sequence[Record] | ServiceError | AuthError


@dataclass
class Playing:
    """A transport that answers by cmdlet, or by cmdlet and account, and remembers what it ran."""

    answers: Mapping[str, Answer]
    forgets: Sequence[Address] = ()
    ran: list[str] = field(default_factory=list)

    def run(self, cmdlet: Cmdlet) -> Sequence[Record]:
        self.ran.append(str(cmdlet))
        answer = self.answers[str(cmdlet) if str(cmdlet) in self.answers else cmdlet.title]
        if isinstance(answer, ServiceError | AuthError):
            raise answer
        return answer

    def run_many(self, cmdlets: Sequence[Cmdlet]) -> Iterator[Outcome]:
        for place, cmdlet in reversed(list(enumerate(cmdlets))):
            if cmdlet.parameters["Identity"] not in [each.value for each in self.forgets]:
                try:
                    yield place, self.run(cmdlet)
                except ServiceError as error:
                    yield place, error

    def describe(self) -> Mapping[str, str]:
        return {}

    def close(self) -> None: ...


def bill(status: object, **more: object) -> list[Record]:
    return [{"BillingPolicyStatus": status, **more}]


# Billing


def test_the_status_comes_as_the_service_says_it() -> None:
    valid = bill("BillingPolicyValid", BillingPolicyName="Pay as you go")
    playing = Playing({BILLING: bill("SomethingNew"), f"{BILLING} {SHOP}": valid})
    assert ExchangeAccountFacts(playing).billing(ALL) == {
        SHOP: Billing("BillingPolicyValid", "Pay as you go"),
        SCAN: Billing("SomethingNew"),
        LAB: Billing("SomethingNew"),
    }


@pytest.mark.parametrize(
    "records", [[], [{}], bill(None), bill(""), bill(7), [*bill("BillingPolicyValid"), *bill("BillingPolicyValid")]]
)
def test_an_answer_without_a_status_is_unknown(records: Sequence[Record]) -> None:
    found = ExchangeAccountFacts(Playing({BILLING: records})).billing([SHOP])
    assert isinstance(found, Mapping)
    assert isinstance(found[SHOP], Unknown)


def test_an_account_that_fails_or_is_forgotten_is_unknown_and_the_others_are_not() -> None:
    valid = bill("BillingPolicyValid")
    playing = Playing({BILLING: valid, f"{BILLING} {SHOP}": DENIED}, forgets=[LAB])
    assert ExchangeAccountFacts(playing).billing(ALL) == {
        SHOP: Unknown("refused: status 403 (request-id r-1)"),
        SCAN: Billing("BillingPolicyValid"),
        LAB: Unknown("no answer came for it"),
    }


@pytest.mark.parametrize("accounts", [ALL, [SHOP]])
def test_all_denied_is_a_missing_role_that_is_named(accounts: list[Address]) -> None:
    found = ExchangeAccountFacts(Playing({BILLING: DENIED})).billing(accounts)
    assert isinstance(found, Unreadable)
    assert BILLING in found.grant
    assert "r-1" in found.why


def test_all_throttled_is_no_missing_role() -> None:
    found = ExchangeAccountFacts(Playing({BILLING: BUSY})).billing(ALL)
    assert found == dict.fromkeys(ALL, Unknown("throttled after 6 tries (request-id r-2)"))


def test_a_sign_in_that_is_not_accepted_is_raised() -> None:
    for ask in ("billing", "basic_auth"):
        with pytest.raises(AuthError):
            getattr(ExchangeAccountFacts(Playing({BILLING: AuthError("no"), POLICIES: AuthError("no")})), ask)(ALL)


# Basic authentication


def policies(**allowed: object) -> list[Record]:
    return [{"Name": name, "AllowBasicAuthSmtp": each} for name, each in allowed.items()]


def default(name: object) -> list[Record]:
    return [{"DefaultAuthenticationPolicy": name}]


def user(policy: object) -> list[Record]:
    return [{"AuthenticationPolicy": policy}]


ALLOWED, BLOCKED = BasicAuth.ALLOWED, BasicAuth.BLOCKED


@pytest.mark.parametrize(
    ("answers", "found", "asked"),
    [
        pytest.param({POLICIES: []}, ALLOWED, 1, id="no policy at all"),
        pytest.param({POLICIES: policies(Open=True)}, ALLOWED, 1, id="every policy lets it through"),
        pytest.param({POLICIES: policies(Shut=False), ORGANIZATION: default("Shut")}, BLOCKED, 2, id="blocked for all"),
        pytest.param(
            {POLICIES: policies(Shut=False), ORGANIZATION: default(None), USER: user(None)},
            ALLOWED,
            3,
            id="a policy that nobody has",
        ),
        pytest.param(
            {POLICIES: policies(Shut=False), ORGANIZATION: default(""), USER: user("shut")},
            BLOCKED,
            3,
            id="the user's own, whatever the case",
        ),
        pytest.param(
            {POLICIES: policies(Shut=False, Open=True), ORGANIZATION: default("Shut"), USER: user(None)},
            BLOCKED,
            3,
            id="the organisation's default",
        ),
        pytest.param(
            {POLICIES: policies(Shut=False, Open=True), ORGANIZATION: default("Shut"), USER: user("Open")},
            ALLOWED,
            3,
            id="the user's own before the default",
        ),
    ],
)
def test_the_policy_in_force_decides_and_no_more_is_asked_than_that_takes(
    answers: dict[str, Answer], found: BasicAuth, asked: int
) -> None:
    playing = Playing(answers)
    assert ExchangeAccountFacts(playing).basic_auth([SHOP]) == {SHOP: found}
    assert len(playing.ran) == asked


def test_each_account_has_its_own_answer() -> None:
    answers: dict[str, Answer] = {
        POLICIES: policies(Shut=False, Open=True),
        ORGANIZATION: default("Shut"),
        f"{USER} {SHOP}": user("Open"),
        f"{USER} {SCAN}": [{"DisplayName": "Scan"}],
        f"{USER} {LAB}": user("Nobody's"),
    }
    assert ExchangeAccountFacts(Playing(answers)).basic_auth(ALL) == {
        SHOP: ALLOWED,
        SCAN: Unknown("the user came without AuthenticationPolicy"),
        LAB: Unknown("its authentication policy is none of the tenant's"),
    }


@pytest.mark.parametrize("key", ["Name", "Identity", "Guid", "DistinguishedName"])
def test_a_policy_may_be_named_by_whatever_names_it(key: str) -> None:
    answers: dict[str, Answer] = {
        POLICIES: [{key: "CN=Shut", "AllowBasicAuthSmtp": False}, {"Name": "Open", "AllowBasicAuthSmtp": True}],
        ORGANIZATION: default("cn=shut"),
        USER: user(None),
    }
    assert ExchangeAccountFacts(Playing(answers)).basic_auth([SHOP]) == {SHOP: BLOCKED}


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({POLICIES: [{"Name": "Shut"}]}, id="without the property"),
        pytest.param({POLICIES: policies(Shut="False")}, id="a text for a switch"),
        pytest.param({POLICIES: [{"AllowBasicAuthSmtp": False}]}, id="a policy without a name"),
        pytest.param({POLICIES: policies(Shut=False), ORGANIZATION: []}, id="no organisation"),
        pytest.param({POLICIES: policies(Shut=False), ORGANIZATION: [{}]}, id="no default"),
        pytest.param({POLICIES: BUSY}, id="throttled"),
    ],
)
def test_policies_that_cannot_be_understood_are_unreadable_and_no_right_is_asked_for(answers: dict[str, Any]) -> None:
    found = ExchangeAccountFacts(Playing(answers)).basic_auth(ALL)
    assert isinstance(found, Unreadable)
    assert found.grant == ""


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        ({POLICIES: DENIED}, POLICIES),
        ({POLICIES: policies(Shut=False), ORGANIZATION: DENIED}, ORGANIZATION),
        ({POLICIES: policies(Shut=False), ORGANIZATION: default(None), USER: DENIED}, USER),
    ],
)
def test_a_right_that_is_missing_is_named(answers: dict[str, Answer], named: str) -> None:
    found = ExchangeAccountFacts(Playing(answers)).basic_auth(ALL)
    assert isinstance(found, Unreadable)
    assert named in found.grant


def test_no_accounts_no_calls() -> None:
    playing = Playing({})
    facts = ExchangeAccountFacts(playing)
    assert facts.basic_auth([]) == {}
    assert facts.billing([]) == {}
    assert playing.ran == []

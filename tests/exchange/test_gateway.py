from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from builders import address, app, apps

from hveadmin.domain.ids import Address
from hveadmin.domain.ports import AccountReader, AccountWriter, OpenPermit
from hveadmin.domain.tenant import Known, Unknown
from hveadmin.errors import AuthError, Denied, Refused, ServiceError, SessionLost, Throttled, TimedOut, UnreadableReply
from hveadmin.exchange.cmdlet import Cmdlet, Record
from hveadmin.exchange.gateway import ExchangeGateway, ExchangeWriter, sentence
from hveadmin.exchange.transport import Outcome

PAYROLL, SCAN, LAB = address("payroll"), address("scan"), address("lab")
ALL = [PAYROLL, SCAN, LAB]
DENIED = Denied("refused", cmdlet="Get-HVEAccountSettings", request_id="r-1", server="DC1")
THROTTLED = Throttled("throttled after 6 tries", cmdlet="Get-HVEAccountSettings", request_id="r-2")


@dataclass
class Playing:
    """A transport that plays outcomes by account, in the order given, and remembers what it ran."""

    outcomes: Mapping[Address, Sequence[Record] | ServiceError | AuthError] = field(default_factory=dict)
    listing: Sequence[Record] = ()
    order: Sequence[int] = ()
    ran: list[Cmdlet] = field(default_factory=list)
    error: ServiceError | None = None

    def run(self, cmdlet: Cmdlet) -> Sequence[Record]:
        self.ran.append(cmdlet)
        if self.error is not None:
            raise self.error
        return self.listing

    def run_many(self, cmdlets: Sequence[Cmdlet]) -> Iterator[Outcome]:
        self.ran += cmdlets
        for place in self.order or range(len(cmdlets)):
            outcome = self.outcomes[Address.parse(str(cmdlets[place].parameters["Identity"]))]
            if isinstance(outcome, AuthError):
                raise outcome
            yield place, outcome

    def describe(self) -> Mapping[str, str]:
        return {}

    def close(self) -> None: ...


def listing(*numbers: int) -> list[Record]:
    return [
        {"PrimarySmtpAddress": f"hve-{number}@contoso.com", "ExternalDirectoryObjectId": app(number).value}
        for number in numbers
    ]


def on_list(*numbers: int) -> list[Record]:
    return [{"AllowedApps": [app(number).value for number in numbers]}]


def test_the_classes_are_what_the_ports_ask_for() -> None:
    reader: AccountReader = ExchangeGateway(Playing())
    writer: AccountWriter = ExchangeWriter(Playing())
    assert not hasattr(reader, "grant")
    assert not hasattr(reader, "revoke")
    assert not hasattr(writer, "read_allowed")


# Reading


def test_accounts_are_listed_in_order() -> None:
    assert [str(each.address) for each in ExchangeGateway(Playing(listing=listing(2, 1))).list_accounts()] == [
        "hve-1@contoso.com",
        "hve-2@contoso.com",
    ]


def test_a_listing_with_a_twin_is_no_listing() -> None:
    with pytest.raises(UnreadableReply):
        ExchangeGateway(Playing(listing=listing(1, 1))).list_accounts()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_every_account_comes_once_in_whatever_order(order: Sequence[int]) -> None:
    playing = Playing({PAYROLL: on_list(1), SCAN: on_list(), LAB: on_list(2, 3)}, order=order)
    found = list(ExchangeGateway(playing).read_allowed([*ALL, PAYROLL]))
    assert [account for account, _ in found] == [ALL[place] for place in order]
    assert dict(found) == {PAYROLL: Known(apps(1)), SCAN: Known(frozenset()), LAB: Known(apps(2, 3))}
    assert len(playing.ran) == 3


def test_no_accounts_no_calls() -> None:
    playing = Playing()
    assert list(ExchangeGateway(playing).read_allowed([])) == []
    assert playing.ran == []


def test_an_account_that_fails_is_unknown_and_the_others_are_not() -> None:
    playing = Playing({PAYROLL: on_list(1), SCAN: THROTTLED, LAB: DENIED})
    assert dict(ExchangeGateway(playing).read_allowed(ALL)) == {
        PAYROLL: Known(apps(1)),
        SCAN: Unknown("throttled after 6 tries (request-id r-2)"),
        LAB: Unknown("refused (request-id r-1, server DC1)"),
    }


def test_all_failing_for_another_reason_than_the_sign_in_are_all_unknown() -> None:
    playing = Playing(dict.fromkeys(ALL, TimedOut("no answer")))
    assert dict(ExchangeGateway(playing).read_allowed(ALL)) == dict.fromkeys(ALL, Unknown("no answer"))


@pytest.mark.parametrize("accounts", [ALL, [PAYROLL]])
def test_all_denied_is_a_missing_role_and_no_matter_of_the_accounts(accounts: list[Address]) -> None:
    with pytest.raises(Denied):
        list(ExchangeGateway(Playing(dict.fromkeys(accounts, DENIED))).read_allowed(accounts))


def test_a_sign_in_that_is_not_accepted_is_raised() -> None:
    with pytest.raises(AuthError):
        list(ExchangeGateway(Playing(dict.fromkeys(ALL, AuthError("no")))).read_allowed(ALL))


def test_an_account_that_the_transport_forgot_is_unknown_not_missing() -> None:
    playing = Playing(dict.fromkeys(ALL, on_list(1)), order=(1,))
    assert dict(ExchangeGateway(playing).read_allowed(ALL)) == {
        SCAN: Known(apps(1)),
        PAYROLL: Unknown("no answer came for it"),
        LAB: Unknown("no answer came for it"),
    }


def test_an_account_that_comes_twice_is_not_believed() -> None:
    playing = Playing(dict.fromkeys(ALL, on_list(1)), order=(1, 1))
    with pytest.raises(UnreadableReply, match="twice"):
        list(ExchangeGateway(playing).read_allowed(ALL))


def test_an_absent_property_is_unknown_unless_the_profile_says_empty() -> None:
    playing = Playing({PAYROLL: [{"ReplyTo": ""}]})
    (_, found), (_, quirky) = (
        next(ExchangeGateway(playing, quirks=quirks).read_allowed([PAYROLL]))
        for quirks in ({}, {"absent_allowed_apps": "empty"})
    )
    assert found == Unknown("the settings have no AllowedApps")
    assert quirky == Known(frozenset())


# Writing


def test_a_grant_is_one_call() -> None:
    playing = Playing()
    ExchangeWriter(playing).grant(PAYROLL, [app(2), app(1), app(2)])
    assert [(str(cmdlet), cmdlet.parameters["AppIds"]) for cmdlet in playing.ran] == [
        (f"Add-HVEAppAccess {PAYROLL}", (app(1).value, app(2).value))
    ]


@pytest.mark.parametrize(
    ("before", "granted", "sent"),
    [
        (None, range(10), True),
        (None, range(11), False),
        (Known(apps(*range(9))), [9], True),
        (Known(apps(*range(10))), [9], True),
        (Known(apps(*range(10))), [10], False),
        (Known(frozenset()), range(11), False),
    ],
)
def test_the_eleventh_is_refused_and_not_sent(before: Known | None, granted: Sequence[int], sent: bool) -> None:
    playing = Playing()
    writer = ExchangeWriter(playing)
    if sent:
        writer.grant(PAYROLL, apps(*granted), before=before)
    else:
        with pytest.raises(Refused, match="would have 11"):
            writer.grant(PAYROLL, apps(*granted), before=before)
    assert len(playing.ran) == int(sent)


@pytest.mark.parametrize(
    ("before", "revoked", "permit", "sent"),
    [
        pytest.param([1, 2], [1], None, True, id="one stays"),
        pytest.param([1, 2], [1, 2], None, False, id="none stays"),
        pytest.param([1], [1, 2], None, False, id="more than all"),
        pytest.param([], [1], None, False, id="of an empty list"),
        pytest.param([1], [1], OpenPermit(PAYROLL, "cut-over"), True, id="permitted"),
        pytest.param([1], [1], OpenPermit(SCAN, "cut-over"), False, id="another account is permitted"),
        pytest.param([1], [1], OpenPermit(PAYROLL, " "), False, id="permitted without a reason"),
    ],
)
def test_a_revoke_that_leaves_nothing_needs_a_permit_for_this_account(
    before: list[int], revoked: list[int], permit: OpenPermit | None, sent: bool
) -> None:
    playing = Playing()
    writer = ExchangeWriter(playing)
    if sent:
        writer.revoke(PAYROLL, apps(*revoked), before=Known(apps(*before)), permit=permit)
        assert playing.ran[0].parameters["Confirm"] is False
    else:
        with pytest.raises(Refused, match="every application") as caught:
            writer.revoke(PAYROLL, apps(*revoked), before=Known(apps(*before)), permit=permit)
        assert f"--allow-open {PAYROLL}" in caught.value.hint
    assert len(playing.ran) == int(sent)


def test_a_call_without_applications_is_a_mistake_of_ours() -> None:
    playing = Playing()
    with pytest.raises(ValueError, match="without applications"):
        ExchangeWriter(playing).grant(PAYROLL, [])
    with pytest.raises(ValueError, match="without applications"):
        ExchangeWriter(playing).revoke(PAYROLL, [], before=Known(apps(1)))
    assert playing.ran == []


def test_a_lost_answer_is_passed_on_and_the_call_is_not_repeated() -> None:
    playing = Playing(error=SessionLost("lost"))
    with pytest.raises(SessionLost) as caught:
        ExchangeWriter(playing).grant(PAYROLL, apps(1))
    assert caught.value.outcome_unknown
    assert len(playing.ran) == 1


def test_an_error_in_a_sentence_names_what_support_asks_for() -> None:
    assert sentence(DENIED) == "refused (request-id r-1, server DC1)"
    assert sentence(TimedOut("late")) == "late"

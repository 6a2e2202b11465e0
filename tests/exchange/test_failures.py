from __future__ import annotations

import pytest

from hveadmin.domain.ids import Address
from hveadmin.errors import AlreadyThere, CmdletFailed, Denied, NotFound, Throttled
from hveadmin.exchange.cmdlet import grant, settings_of
from hveadmin.exchange.failures import Fault, classify, failure, split_message

ACCOUNT = Address("hve-payroll@contoso.com")


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (Fault("gone", "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"), 500, NotFound),
        (Fault("object 'a' couldn't be found on 'DC1'"), 400, NotFound),
        (Fault('The specified mailbox Identity:"a" doesn\'t exist.'), 400, NotFound),
        (Fault("", "Microsoft.Exchange.Management.Tasks.MemberAlreadyExistsException"), 400, AlreadyThere),
        (Fault('"a" is already a member of the group "g"'), 400, AlreadyThere),
        (Fault('"a" isn\'t a member of the group "g"'), 400, AlreadyThere),
        (Fault("cmdlet X is not present in the role definition of the current user"), 400, Denied),
        (Fault("The role assigned to user 'x@y' isn't supported in this scenario."), 200, Denied),
        (Fault("[FailureCategory=AuthZ-CmdletAccessDeniedException] no"), 400, Denied),
        (Fault("anything"), 403, Denied),
        (Fault("anything"), 429, Throttled),
        (Fault("the maximum number of concurrent requests per tenant"), 503, Throttled),
        (Fault("anything"), 404, CmdletFailed),
        (Fault("anything"), 400, CmdletFailed),
        (Fault("anything", "System.Exception"), 500, CmdletFailed),
    ],
)
def test_the_kind_is_decided_by_type_then_text_then_status(fault: Fault, status: int, kind: type[CmdletFailed]) -> None:
    assert classify(fault, status) is kind


def test_a_type_outweighs_whatever_a_tenants_names_put_into_the_text() -> None:
    fault = Fault("object 'x is already a member of the group' is gone", "A.ManagementObjectNotFoundException")
    assert classify(fault, 429) is NotFound


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("Ex6F9304|A.B+C|The text | with a bar.", Fault("The text | with a bar.", "A.B+C", "Ex6F9304")),
        ("|A.B`1|Text\nof two lines", Fault("Text\nof two lines", "A.B`1", "")),
        ("plain text", Fault("plain text")),
        ("a sentence | with bars | in it", Fault("a sentence | with bars | in it")),
        ('{"ClassName":"A.B","Message":"told"}', Fault("told", "A.B")),
        ('{"other": 1}', Fault('{"other": 1}')),
    ],
)
def test_a_message_is_taken_apart(message: str, fault: Fault) -> None:
    assert split_message(message) == fault


@pytest.mark.parametrize(
    ("fault", "status", "unknown"),
    [
        (Fault("unclear"), 500, True),
        (Fault("unclear"), 503, True),
        (Fault("unclear"), 408, True),
        (Fault("unclear"), 200, True),
        (Fault("unclear"), 400, False),
        (Fault("unclear"), 403, False),
        (Fault("unclear"), 429, False),
        (Fault("gone", "A.ManagementObjectNotFoundException"), 500, False),
        (Fault("there", "A.MemberAlreadyExistsException"), 500, False),
    ],
)
def test_a_write_that_failed_without_a_reason_we_know_may_have_been_done(
    fault: Fault, status: int, unknown: bool
) -> None:
    assert failure(grant(ACCOUNT, []), fault, status=status).outcome_unknown is unknown
    assert failure(settings_of(ACCOUNT), fault, status=status).outcome_unknown is False


def test_every_failure_says_what_where_and_for_whom_to_ask() -> None:
    error = failure(
        settings_of(ACCOUNT), Fault("no", "A.B", "Ex1"), status=429, request_id="r-1", server="DC7", tries=6
    )
    assert error.message == "Get-HVEAccountSettings hve-payroll@contoso.com was throttled after 6 tries: no"
    assert (error.cmdlet, error.code, error.exception) == ("Get-HVEAccountSettings", "Ex1", "A.B")
    assert (error.request_id, error.server) == ("r-1", "DC7")
    assert "wait" in error.hint


@pytest.mark.parametrize(
    ("fault", "status", "hint"),
    [
        (Fault("x"), 403, "Exchange Recipient Administrator"),
        (Fault("x", "A.ManagementObjectNotFoundException"), 404, "account list"),
        (Fault("x", "A.StorageTransientException"), 400, "try again later"),
        (Fault("x"), 503, "try again later"),
        (Fault("x"), 400, ""),
    ],
)
def test_the_hint_says_what_next(fault: Fault, status: int, hint: str) -> None:
    said = failure(settings_of(ACCOUNT), fault, status=status).hint
    assert hint in said
    assert (hint == "") == (said == "")

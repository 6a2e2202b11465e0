"""Error records as errors. The table is `failures`; here is what the module writes into a record, taken apart."""

from __future__ import annotations

import pytest
from builders import address

from hveadmin.errors import AlreadyThere, CmdletFailed, Denied, NotFound, Throttled
from hveadmin.exchange.cmdlet import Cmdlet, grant, settings_of
from hveadmin.exchange.powershell.errors import error, reported, without_secrets
from hveadmin.exchange.powershell.runspace import Trouble

READ = settings_of(address("payroll"))
WRITE = grant(address("payroll"), ())
NOT_FOUND = "Ex6F9304|Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException|It couldn't be found."
STOPPED = (
    'The running command stopped because the preference variable "ErrorActionPreference" or common parameter is set to'
    " Stop: "
)
REST = "Error while querying REST service. HttpStatusCode={} ErrorMessage={}"


def told(text: str, exception: str = "System.Exception", error_id: str = "", asked: Cmdlet = READ) -> CmdletFailed:
    return error(asked, reported(Trouble(text, exception, error_id)), tries=1)


@pytest.mark.parametrize(
    ("text", "exception", "kind"),
    [
        (NOT_FOUND, "System.Exception", NotFound),
        (STOPPED + NOT_FOUND, "System.Management.Automation.ActionPreferenceStopException", NotFound),
        ("|Microsoft.Exchange.Management.Tasks.MemberAlreadyExistsException|It is.", "", AlreadyThere),
        (REST.format(429, "You have reached the maximum number of concurrent requests per tenant."), "", Throttled),
        (REST.format(403, ""), "System.Exception", Denied),
        ("The term 'Get-X' is not recognized", "System.Management.Automation.CommandNotFoundException", Denied),
        ("No access", "Deserialized.System.UnauthorizedAccessException", Denied),
        ("Something else", "System.InvalidOperationException", CmdletFailed),
    ],
)
def test_a_record_is_the_error_that_the_table_says(text: str, exception: str, kind: type[CmdletFailed]) -> None:
    assert type(told(text, exception)) is kind


def test_exchanges_words_come_without_powershells() -> None:
    found = told(STOPPED + NOT_FOUND)
    assert found.message == f"{READ} was refused: It couldn't be found."
    assert (found.code, found.exception.rpartition(".")[2]) == ("Ex6F9304", "ManagementObjectNotFoundException")


def test_server_and_request_id_are_in_the_errors_id() -> None:
    found = told(
        NOT_FOUND, error_id="[Server=SBX1,RequestId=1b-2c,TimeStamp=Mon, 23 Nov 2026 12:00:00 GMT],Write-ErrorMessage"
    )
    assert (found.server, found.request_id) == ("SBX1", "1b-2c")


@pytest.mark.parametrize(
    ("text", "exception", "unknown"),
    [
        (NOT_FOUND, "", False),
        ("|Microsoft.Exchange.Management.Tasks.SomeValidationException|No such application.", "", False),
        ("|Microsoft.Exchange.Data.Directory.ADServerSettingsChangedException|Passes.", "", True),
        (REST.format(503, "Service Unavailable"), "", True),
        (REST.format(429, "too many"), "", False),
        ("A parameter cannot be found", "System.Management.Automation.ParameterBindingException", False),
        ("The term is not recognized", "System.Management.Automation.CommandNotFoundException", False),
        ("Nobody knows", "System.Exception", True),
        ("", "", True),
    ],
)
def test_a_write_is_unknown_unless_it_is_known_not_to_have_been_done(text: str, exception: str, unknown: bool) -> None:
    assert told(text, exception, asked=WRITE).outcome_unknown is unknown
    assert not told(text, exception).outcome_unknown


def test_an_error_without_words_still_says_something() -> None:
    assert told("", "").message.endswith("was refused: no reason given")


def test_what_was_sent_is_struck_out_of_what_comes_back() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln"
    assert without_secrets(f"no: hunter2,\n {token}!", ["hunter2", ""]) == "no: ***, ***!"

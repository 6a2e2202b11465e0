"""
Error records: what PowerShell and the Exchange module say when something cannot be done.

A `Failure` is a value of plain text until it goes out, when `record` makes psrpcore's ErrorRecord of it. The texts and
ids of PowerShell are PowerShell 5.1's [D: its resource strings]; those of the Exchange module are as its users posted
them [O]. [G] marks a guess.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from uuid import uuid4

from psrpcore.types import ErrorCategory, ErrorCategoryInfo, ErrorRecord, NETException

from hveadmin.sandbox.tenant import CmdletError, ErrorShape

_SERVER = "SBXPR01MB0001"
"""Whose name Exchange's errors carry. The admin API's X-CalculatedBETarget begins with the same name."""

_BINDING = "System.Management.Automation.ParameterBindingException"


class Failure(Exception):
    """
    A command's error.

    `terminating` errors end their pipeline whatever ErrorAction says; the others are written to the error stream and
    end it only under `ErrorAction Stop`.
    """

    def __init__(
        self,
        text: str,
        *,
        error_id: str,
        exception: str = "System.Exception",
        category: ErrorCategory = ErrorCategory.NotSpecified,
        activity: str = "",
        reason: str = "",
        target: str = "",
        terminating: bool = True,
    ) -> None:
        super().__init__(text)
        self.text = text
        self.error_id = error_id
        self.exception = exception
        self.category = category
        self.activity = activity
        self.reason = reason or exception.rpartition(".")[2]
        self.target = target
        self.terminating = terminating


def record(failure: Failure, *, to_string: bool) -> ErrorRecord:
    """The error record. Without `to_string` it lacks the element that a Windows host always sends."""
    thrown = NETException(Message=failure.text, HResult=-2146233088)
    bases = ["System.Exception", "System.Object"]
    thrown.PSObject.type_names = list(dict.fromkeys([failure.exception, *bases]))
    made = ErrorRecord(
        Exception=thrown,
        CategoryInfo=ErrorCategoryInfo(
            Category=failure.category,
            Activity=failure.activity,
            Reason=failure.reason,
            TargetName=failure.target,
            TargetType="String" if failure.target else "",
        ),
        TargetObject=failure.target or None,
        FullyQualifiedErrorId=failure.error_id,
    )
    made.PSObject.to_string = failure.text if to_string else ""
    return made


# --- PowerShell's own ---------------------------------------------------------------------------------------------


def unknown_command(name: str) -> Failure:
    return Failure(
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program."
        " Check the spelling of the name, or if a path was included, verify that the path is correct and try again.",
        error_id="CommandNotFoundException",
        exception="System.Management.Automation.CommandNotFoundException",
        category=ErrorCategory.ObjectNotFound,
        target=name,
    )


def no_such_command(name: str) -> Failure:
    """Get-Command's answer; it can be ignored where `unknown_command` cannot."""
    found = unknown_command(name)
    found.error_id = "CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand"
    found.activity = "Get-Command"
    found.terminating = False
    return found


def scripts_not_allowed() -> Failure:
    return Failure(
        "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.",
        error_id="ScriptsNotAllowed",
        exception="System.Management.Automation.RuntimeException",
        category=ErrorCategory.ParserError,
    )


def not_played(what: str) -> Failure:
    """Something that a real host would do and the sandbox does not: said as itself, not in PowerShell's name."""
    return Failure(
        f"The sandbox's host runs single commands, and no {what}.",
        error_id="NotPlayedBySandbox",
        exception="System.NotSupportedException",
        category=ErrorCategory.NotImplemented,
    )


def unknown_parameter(command: str, parameter: str) -> Failure:
    return Failure(
        f"A parameter cannot be found that matches parameter name '{parameter}'.",
        error_id=f"NamedParameterNotFound,{command}",
        exception=_BINDING,
        category=ErrorCategory.InvalidArgument,
        activity=command,
    )


def ambiguous_parameters(command: str) -> Failure:
    return Failure(
        "Parameter set cannot be resolved using the specified named parameters.",
        error_id=f"AmbiguousParameterSet,{command}",
        exception=_BINDING,
        category=ErrorCategory.InvalidArgument,
        activity=command,
    )


def module_not_found(name: str, version: str) -> Failure:
    with_version = f" with version '{version}'" if version else ""
    kind = "Modules_ModuleWithVersionNotFound" if version else "Modules_ModuleNotFound"
    return Failure(
        f"The specified module '{name}'{with_version} was not loaded because no valid module file was found in any"
        " module directory.",
        error_id=f"{kind},Microsoft.PowerShell.Commands.ImportModuleCommand",
        exception="System.IO.FileNotFoundException",
        category=ErrorCategory.ResourceUnavailable,
        activity="Import-Module",
        target=name,
        terminating=False,
    )


def cannot_prompt(command: str, question: str) -> Failure:
    return Failure(
        "A command that prompts the user failed because the host program or the command type does not support user"
        f" interaction. The host was attempting to request confirmation with the following message: {question}",
        error_id=f"System.Management.Automation.Host.HostException,{command}",  # [G]
        exception="System.Management.Automation.Host.HostException",
        category=ErrorCategory.NotImplemented,
        activity=command,
    )


# --- the Exchange module's ----------------------------------------------------------------------------------------


def refused_by_exchange(command: str, error: CmdletError, now: datetime) -> Failure:
    """`Ex6F9304|Full.Exception.Name|sentence`, as the module writes what the service says; not every one has an id."""
    if error.shape is ErrorShape.PARAMETER_SET:
        return ambiguous_parameters(command)
    return _written(command, f"{error.error_id}|{error.exception}|{error.text}", error.exception, now)


def service_trouble(command: str, exception: str, text: str, now: datetime) -> Failure:
    """An error that names this exception, whatever the command was."""
    return _written(command, f"|{exception}|{text}", exception, now)


def http_trouble(command: str, status: int, body: str, now: datetime) -> Failure:
    """The module could not reach the service behind it [F]."""
    text = f"Error while querying REST service. HttpStatusCode={status} ErrorMessage={body}"
    return _written(command, text, "System.Exception", now)


def cannot_connect(text: str, exception: str = "System.Exception") -> Failure:
    return Failure(
        text,
        # The module throws a bare string or an exception of MSAL's; its id is then the text itself [O].
        error_id=text,
        exception=exception,
        category=ErrorCategory.OperationStopped,
    )


def _written(command: str, text: str, exception: str, now: datetime) -> Failure:
    stamp = format_datetime(now, usegmt=True)
    return Failure(
        text,
        error_id=f"[Server={_SERVER},RequestId={uuid4()},TimeStamp={stamp}],Write-ErrorMessage",
        activity=command,
        reason=exception.rpartition(".")[2],
        terminating=False,
    )

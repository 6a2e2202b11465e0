"""
Every option that commands share, once: one name, one meaning, one help text.

A command names the groups it takes (`@takes(OUTPUT, CONNECT)`) and is handed one `Options`; what it did not ask for
has its default there and does not appear in its help.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

from typer import Option


class Color(StrEnum):
    """When to use colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class LogFormat(StrEnum):
    """How log lines are written to stderr."""

    TEXT = "text"
    JSON = "json"


class TransportName(StrEnum):
    """The ways to reach Exchange."""

    REST = "rest"
    WINRM = "winrm"
    SSH = "ssh"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    # OUTPUT
    output: tuple[str, ...] = ()
    query: str = ""
    color: Color = Color.AUTO
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    log_format: LogFormat = LogFormat.TEXT
    # CONNECT
    profile: str = ""
    transport: str = ""
    timeout: float = 300.0
    concurrency: int = 3
    # CONFIG
    config: tuple[Path, ...] = ()
    # SELECT
    tenant: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    # WRITE
    yes: bool = False
    no_input: bool = False
    ticket: str = ""
    reason: str = ""
    show_powershell: bool = False
    allow_open: tuple[str, ...] = ()
    approve_large: int = 0
    approve_removals: int = 0
    # SENDER
    client_id: str = ""
    app: str = ""
    secret_env: str = ""
    secret_file: Path | None = None
    secret_keyring: str = ""
    certificate: Path | None = None
    certificate_password_env: str = ""
    certificate_password_file: Path | None = None
    assertion_file: Path | None = None
    device_code: bool = False
    browser: bool = False
    password_stdin: bool = False
    password_keyring: str = ""
    # TOKEN
    token_stdin: bool = False
    token_env: str = ""


_RUN, _WRITE = "How to run", "What to allow"
_SENDER, _DELEGATED = "The sending application", "As the HVE account"

_DECLARED: dict[str, Any] = {
    "output": Annotated[
        list[str],
        Option(
            "-o",
            "--output",
            metavar="FORMAT[=FILE]",
            help="table, json, yaml, csv, md, html, name, sarif, junit, github …, to a file or to stdout; repeatable.",
            rich_help_panel=_RUN,
        ),
    ],
    "query": Annotated[
        str, Option("--query", metavar="JMESPATH", help="Pick a part of the machine form.", rich_help_panel=_RUN)
    ],
    "color": Annotated[Color, Option("--color", help="When to use colour.", rich_help_panel=_RUN)],
    "quiet": Annotated[bool, Option("-q", "--quiet", help="Only results and errors.", rich_help_panel=_RUN)],
    "verbose": Annotated[
        bool, Option("-v", "--verbose", help="Say what is waited for, and why.", rich_help_panel=_RUN)
    ],
    "debug": Annotated[bool, Option("--debug", help="Log everything but secrets.", rich_help_panel=_RUN)],
    "log_format": Annotated[LogFormat, Option("--log-format", help="How to log.", rich_help_panel=_RUN)],
    "profile": Annotated[
        str,
        Option(
            "-p",
            "--profile",
            metavar="NAME",
            envvar="HVEADMIN_PROFILE",
            help="How to sign in, and where: a profile, or sandbox for the embedded tenant.",
            rich_help_panel=_RUN,
        ),
    ],
    "transport": Annotated[
        TransportName | None,
        Option("--transport", envvar="HVEADMIN_TRANSPORT", help="How to reach Exchange.", rich_help_panel=_RUN),
    ],
    "timeout": Annotated[
        float,
        Option(
            "--timeout",
            min=1.0,
            metavar="SECONDS",
            envvar="HVEADMIN_TIMEOUT",
            help="The longest a tenant may take, retries and waits included.",
            rich_help_panel=_RUN,
        ),
    ],
    "concurrency": Annotated[
        int,
        Option(
            "--concurrency",
            min=1,
            max=10,
            envvar="HVEADMIN_CONCURRENCY",
            help="Batches of reads on the wire at once.",
            rich_help_panel=_RUN,
        ),
    ],
    "config": Annotated[
        list[Path],
        Option("-c", "--config", metavar="FILE", help="The configuration; repeatable. Default: hve.yaml."),
    ],
    "tenant": Annotated[list[str], Option("-t", "--tenant", metavar="GLOB", help="Only these tenants; repeatable.")],
    "account": Annotated[list[str], Option("-a", "--account", metavar="GLOB", help="Only these accounts; repeatable.")],
    "yes": Annotated[bool, Option("-y", "--yes", help="Answer the question. Passes no rail.", rich_help_panel=_WRITE)],
    "no_input": Annotated[
        bool, Option("--no-input", help="Never ask; refuse instead. CI=true does the same.", rich_help_panel=_WRITE)
    ],
    "ticket": Annotated[str, Option("--ticket", help="The change's ticket, written into the plan.")],
    "reason": Annotated[str, Option("--reason", help="Why, written into the plan; needed to open an account.")],
    "show_powershell": Annotated[
        bool,
        Option(
            "--show-powershell",
            help="Show the same calls as PowerShell, for whoever has to approve them.",
            rich_help_panel=_RUN,
        ),
    ],
    "allow_open": Annotated[
        list[str],
        Option(
            "--allow-open",
            metavar="ACCOUNT",
            help="This account may be opened to every application; repeatable.",
            rich_help_panel=_WRITE,
        ),
    ],
    "approve_large": Annotated[
        int, Option("--approve-large", metavar="N", help="Up to N accounts may be changed.", rich_help_panel=_WRITE)
    ],
    "approve_removals": Annotated[
        int,
        Option("--approve-removals", metavar="N", help="Up to N grants may be removed.", rich_help_panel=_WRITE),
    ],
    "client_id": Annotated[
        str, Option("--client-id", metavar="ID", help="The application's client id.", rich_help_panel=_SENDER)
    ],
    "app": Annotated[
        str, Option("--app", metavar="NAME", help="The same by its name in the configuration.", rich_help_panel=_SENDER)
    ],
    "secret_env": Annotated[
        str,
        Option("--secret-env", metavar="NAME", help="Its secret, in this variable.", rich_help_panel=_SENDER),
    ],
    "secret_file": Annotated[
        Path | None, Option("--secret-file", metavar="PATH", help="Its secret, in a file.", rich_help_panel=_SENDER)
    ],
    "secret_keyring": Annotated[
        str,
        Option(
            "--secret-keyring",
            metavar="SERVICE",
            help="Its secret, in the operating system's keyring.",
            rich_help_panel=_SENDER,
        ),
    ],
    "certificate": Annotated[
        Path | None,
        Option("--certificate", metavar="PATH", help="Its key and certificate: PEM or PFX.", rich_help_panel=_SENDER),
    ],
    "certificate_password_env": Annotated[
        str,
        Option(
            "--certificate-password-env",
            metavar="NAME",
            help="What opens the certificate's file, in this variable.",
            rich_help_panel=_SENDER,
        ),
    ],
    "certificate_password_file": Annotated[
        Path | None,
        Option("--certificate-password-file", metavar="PATH", help="The same, in a file.", rich_help_panel=_SENDER),
    ],
    "assertion_file": Annotated[
        Path | None,
        Option("--assertion-file", metavar="PATH", help="A federated token, in a file.", rich_help_panel=_SENDER),
    ],
    "device_code": Annotated[
        bool, Option("--device-code", help="The account signs in on another device.", rich_help_panel=_DELEGATED)
    ],
    "browser": Annotated[
        bool, Option("--browser", help="The account signs in in a browser here.", rich_help_panel=_DELEGATED)
    ],
    "password_stdin": Annotated[
        bool,
        Option("--password-stdin", help="The account's password, from a pipe. Deprecated.", rich_help_panel=_DELEGATED),
    ],
    "password_keyring": Annotated[
        str,
        Option(
            "--password-keyring",
            metavar="SERVICE",
            help="The account's password, in the keyring. Deprecated.",
            rich_help_panel=_DELEGATED,
        ),
    ],
    "token_stdin": Annotated[
        bool, Option("--token-stdin", help="A token that is there already, from a pipe.", rich_help_panel=_SENDER)
    ],
    "token_env": Annotated[
        str, Option("--token-env", metavar="NAME", help="The same, in this variable.", rich_help_panel=_SENDER)
    ],
}

OUTPUT = ("output", "query", "color", "quiet", "verbose", "debug", "log_format")
LOGGING = ("quiet", "verbose", "debug", "log_format")
CONNECT = ("profile", "transport", "timeout", "concurrency")
CONFIG = ("config",)
POWERSHELL = ("show_powershell",)
SELECT = ("tenant", "account")
SELECT_TENANT = ("tenant",)
EXPLAIN = ("ticket", "reason")
ANSWER = ("yes", "no_input")
OPEN = ("allow_open",)
PROOF = (
    "secret_env", "secret_file", "secret_keyring", "certificate", "certificate_password_env",
    "certificate_password_file", "assertion_file", "device_code", "browser", "password_stdin", "password_keyring",
)  # fmt: skip
SENDER = ("client_id", "app", *PROOF)
PATH = ("client_id", *PROOF)
TOKEN = ("token_stdin", "token_env")
PROFILE = ("profile", "timeout")
WRITE = (*ANSWER, *EXPLAIN, "allow_open", "approve_large", "approve_removals")

_DEFAULTS = {field.name: field.default for field in fields(Options)}
_DEFAULT_TO_NONE = {"transport"}


def takes(*groups: tuple[str, ...]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the shared options of these groups; it is handed them as its first argument, `options`."""
    names = [name for group in groups for name in group]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

        @wraps(command)
        def wrapper(**values: Any) -> None:
            command(Options(**{name: _frozen(name, values.pop(name)) for name in names}), **values)

        parameters = [*own, *map(_parameter, names)]
        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
        del wrapper.__wrapped__  # or typer would ask the original for its hints
        return wrapper

    return decorate


def _parameter(name: str) -> inspect.Parameter:
    default = _DEFAULTS[name]
    if name in _DEFAULT_TO_NONE:
        default = None
    elif isinstance(default, tuple):
        default = list(default)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_DECLARED[name])


def _frozen(name: str, value: Any) -> Any:
    if name in _DEFAULT_TO_NONE:
        return "" if value is None else str(value.value)
    return tuple(value) if isinstance(value, list) else value

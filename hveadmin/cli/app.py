"""
The program: the table of commands, and the one place where errors become messages and exit codes.

An expected error is a message that says what, where and what next. Anything else is a bug: it keeps its traceback,
without the values of variables, because one of them may be a secret.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

from typer import Exit, Option

from hveadmin import __version__
from hveadmin.cli.lazy import Entry, group
from hveadmin.errors import ConfigError, HveAdminError, Outcome, Refused, ServiceError

_FIRST, _PLANS, _THINGS, _SERVER = "Start here", "The configuration", "One at a time", "The embedded tenant"
_SENDERS = "A sending application"

COMMANDS = {
    "demo": Entry("hveadmin.cli.demo", "Tell the whole story on an embedded tenant; nothing to sign in to.", _FIRST),
    "doctor": Entry("hveadmin.cli.doctor", "Find the first broken link to a tenant, or to a sent mail.", _FIRST),
    "validate": Entry("hveadmin.cli.validate", "Check the configuration, offline.", _PLANS),
    "fmt": Entry("hveadmin.cli.fmt", "Put the configuration into its canonical form, comments kept.", _PLANS),
    "schema": Entry("hveadmin.cli.schema", "Print the JSON Schema of a file format.", _PLANS),
    "plan": Entry("hveadmin.cli.plan", "Show what would change, and change nothing.", _PLANS),
    "show": Entry("hveadmin.cli.show", "Show a saved plan.", _PLANS),
    "apply": Entry("hveadmin.cli.apply", "Make plans happen, exactly.", _PLANS),
    "snapshot": Entry("hveadmin.cli.snapshot", "Save the whole live state as canonical JSON.", _PLANS),
    "diff": Entry("hveadmin.cli.diff", "Compare two snapshots, offline.", _PLANS),
    "check": Entry("hveadmin.cli.check", "Hold the configuration and its tenants to the policy rules.", _PLANS),
    "drift": Entry("hveadmin.cli.drift", "Show how the live lists differ from the configuration.", _PLANS),
    "report": Entry("hveadmin.cli.report", "Tell an auditor who can send as whom, and on whose word.", _PLANS),
    "rules": Entry("hveadmin.cli.rules", "List the policy rules, and explain each.", _PLANS),
    "account": Entry("hveadmin.cli.account", "List, show, grant and revoke.", _THINGS),
    "app": Entry("hveadmin.cli.app_group", "List, show, and tell what an id is.", _THINGS),
    "auth": Entry("hveadmin.cli.auth", "Sign in, sign out, and tell who is signed in.", _THINGS),
    "tenant": Entry("hveadmin.cli.tenant", "List the tenants, and test the way to them.", _THINGS),
    "token": Entry("hveadmin.cli.token", "Get a token, and tell what one is good for.", _SENDERS),
    "smtp": Entry("hveadmin.cli.smtp", "Try to send, and tell what the server's answer means.", _SENDERS),
    "sandbox": Entry("hveadmin.cli.sandbox", "Serve, seed and reset the embedded tenant, and read its mail.", _SERVER),
}


def _version(asked: bool) -> None:
    if asked:
        print(f"hveadmin {__version__}")
        raise Exit


def _callback(
    version: Annotated[bool, Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Options of the program itself."""


def main() -> None:
    """Run the command line and exit with its outcome's code."""
    code: int = Outcome.ERROR  # what a bug ends with
    try:
        code = run()
    finally:
        if "GITHUB_OUTPUT" in os.environ:
            from hveadmin.cli.pipeline import tell_github

            tell_github(os.environ, code)
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; its exit code."""
    app = group(
        COMMANDS,
        "Decide which applications may send mail through Microsoft 365 High Volume Email accounts.",
        _callback,
    )
    try:
        result = app(arguments, prog_name="hveadmin", standalone_mode=True)
    except SystemExit as ended:
        if ended.code == Outcome.INTERRUPTED:
            complain("interrupted")
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        complain("interrupted")
        return Outcome.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        return Outcome.OK
    except HveAdminError as error:
        explain(error)
        return error.outcome
    return int(result or 0)


def explain(error: HveAdminError, where: str = "") -> None:
    """Write an expected error to stderr: what and where, all reasons, what next."""
    from hveadmin.report.safe_text import for_console as console

    if isinstance(error, ConfigError):
        for problem in error.problems:
            for line in problem.split("\n"):
                complain(console(line))
    complain(f"error: {console(where)}: {console(error.message)}" if where else f"error: {console(error.message)}")
    if isinstance(error, Refused):
        for reason in error.reasons:
            complain(f"  - {console(reason)}")
    if isinstance(error, ServiceError) and error.request_id and error.request_id not in error.message:
        complain(
            f"  request-id {console(error.request_id)}" + (f", server {console(error.server)}" if error.server else "")
        )
    if error.hint:
        complain(f"next: {console(error.hint)}")


def complain(text: str) -> None:
    """A line on stderr, which stays in order with what stdout has."""
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)

"""hveadmin app whatis"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT_TENANT, Options, takes
from hveadmin.errors import Outcome, UsageError

if TYPE_CHECKING:
    from hveadmin.cli.run import Target
    from hveadmin.domain.asked import Asked
    from hveadmin.report.document import Report
    from hveadmin.wiring import Tenant

STDIN = "-"


@takes(CONFIG, SELECT_TENANT, OUTPUT, CONNECT)
def command(
    options: Options,
    ids: Annotated[
        list[str] | None,
        Argument(metavar="[ID|NAME]...", help="Whatever somebody pasted; - or nothing reads it from a pipe."),
    ] = None,
    no_accounts: Annotated[
        bool, Option("--no-accounts", help="Do not look on which HVE accounts' lists it stands.")
    ] = False,
    credentials: Annotated[
        bool, Option("--credentials", help="Read secrets' and certificates' ends of service principals too.")
    ] = False,
) -> None:
    """
    Tell what an id is, and what to use instead.

    A service principal, a client id, an app registration's object id, a user, a group, deleted, or nothing of this
    tenant; for a name, who bears it. One question to Entra ID if all is right, two if not. Exit codes: 0 answered; 5
    no sign-in or no right; 7 the directory could not be read. Accounts that could not be read are said, and fail
    nothing.
    """
    from hveadmin.cli.run import Run
    from hveadmin.domain.tenant import Unreadable
    from hveadmin.report.whatis import unread, whatis
    from hveadmin.workflows.explain import explain

    asked = asked_for(ids or [])
    with Run(options) as run:
        loaded = run.configuration_if_any()

        def work(target: Target, tenant: Tenant) -> tuple[Report, Outcome]:
            reader = tenant.directory if credentials else None
            progress = run.progress()
            found = explain(tenant.where, asked, accounts=not no_accounts, credentials=reader, progress=progress)
            outcome = Outcome.INCOMPLETE if isinstance(found.directory, Unreadable) else Outcome.OK
            return whatis(target.alias, found), outcome

        run.each(run.targets(loaded.desired if loaded else None), work, unread)


def asked_for(words: list[str]) -> tuple[Asked, ...]:
    """What the arguments and the pipe ask, each thing once. Raises UsageError where they ask nothing."""
    from hveadmin.domain.asked import AskedName, asked_in, once, read_asked

    typed = [read_asked(_text(word)) for word in words if word != STDIN]
    piped = asked_in(_text(_pipe())) if STDIN in words or not words else ()
    asked = once(each for each in (*typed, *piped) if each != AskedName(""))
    if not asked:
        raise UsageError(
            "there is nothing to explain", hint="give ids or names, or pipe them in: hveadmin app whatis - < ids.txt"
        )
    return asked


def _pipe() -> str:
    """All of stdin; nothing where a person sits there, who would wait for us while we wait for them."""
    if sys.stdin.isatty():
        return ""
    try:
        return sys.stdin.read().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise _no_text() from None


def _text(given: str) -> str:
    """The same. Raises UsageError for bytes that are no text, which Python hands on as lone surrogates."""
    try:
        given.encode()
    except UnicodeEncodeError:
        raise _no_text() from None
    return given


def _no_text() -> UsageError:
    return UsageError("what was given is no text", hint="ids and names are expected in UTF-8")

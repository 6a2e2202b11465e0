"""hveadmin smtp test"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hveadmin.cli.options import CONFIG, OUTPUT, PROFILE, SELECT_TENANT, SENDER, TOKEN, Options, takes
from hveadmin.errors import UsageError

if TYPE_CHECKING:
    from hveadmin.cli.run import Run
    from hveadmin.domain.ids import Address
    from hveadmin.domain.sending import Attempt, Message


@takes(SENDER, TOKEN, CONFIG, SELECT_TENANT, OUTPUT, PROFILE)
def command(
    options: Options,
    account: Annotated[str, Argument(metavar="ACCOUNT", help="The HVE account's address.")],
    send: Annotated[
        list[str] | None, Option("--send", metavar="ADDRESS", help="Send one real message there; repeatable.")
    ] = None,
    server: Annotated[
        str, Option("--server", metavar="HOST:PORT", help="Default: the SMTP endpoint of the profile's cloud.")
    ] = "",
) -> None:
    """
    Try to send as an application would, and tell what the server's answer means.

    STARTTLS with the certificate checked, AUTH XOAUTH2, and with --send one real message; each step with its time.
    The token is asked for with the options of token get, or is given with --token-stdin or --token-env; it is in no
    output. Exit codes: 0 let in, and sent if asked; 1 the attempt broke off, or no token could be had for want of an
    answer; 2 something is missing here; 4 refused by the server; 5 Entra ID gives no token.
    """
    from hveadmin.cli.run import Run
    from hveadmin.domain.ids import Address
    from hveadmin.report.sending import attempt_report
    from hveadmin.workflows.smtp_test import message_to, outcome_of

    address = Address.parse(account)
    to = tuple(Address.parse(each) for each in send or ())
    with Run(options) as run:
        attempt = _attempt(run, address, message_to(to) if to else None, server)
        run.emit(attempt_report(attempt))
        run.end(outcome_of(attempt))


def _attempt(run: Run, account: Address, message: Message | None, server: str) -> Attempt:
    from hveadmin.cli.senders import Given, only_target, signs_in, token_of
    from hveadmin.domain.sending_token import read_token

    sign = signs_in(run, account)
    if sign is None:
        raise UsageError(
            "nothing says what to sign in with",
            hint="the application's credentials as in hveadmin token get, or a token: --token-stdin, --token-env NAME",
        )
    if isinstance(sign, Given) and not server:
        # Other servers may take tokens that nobody can read; what is none at all is not sent to Microsoft's.
        read_token(sign.token)
    target = only_target(run)
    probe = run.wiring.mail_probe(target.profile, server)
    token = token_of(run, target, sign)
    return probe.attempt(account, token, message)

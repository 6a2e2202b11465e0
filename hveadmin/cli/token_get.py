"""hveadmin token get"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Option

from hveadmin.cli.options import CONFIG, OUTPUT, PROFILE, SELECT_TENANT, SENDER, Options, takes
from hveadmin.errors import Outcome, UsageError

if TYPE_CHECKING:
    from hveadmin.cli.run import Run
    from hveadmin.domain.ids import Address, TenantId


@takes(SENDER, CONFIG, SELECT_TENANT, OUTPUT, PROFILE)
def command(
    options: Options,
    as_account: Annotated[
        str, Option("--as", metavar="ACCOUNT", help="The HVE account that signs in: a delegated permission.")
    ] = "",
    account: Annotated[
        str, Option("--account", metavar="ACCOUNT", help="The HVE account that --xoauth2 is for, else --as.")
    ] = "",
    raw: Annotated[bool, Option("--raw", help="The token, alone on stdout.")] = False,
    xoauth2: Annotated[bool, Option("--xoauth2", help="The XOAUTH2 string, alone on stdout.")] = False,
) -> None:
    """
    Get a token for a sending application, for SMTP.

    As the application, with a secret, a certificate or a federated token; or as the HVE account, by device code,
    browser or password. Shows when it ends and what it claims; the token itself only with --raw, its XOAUTH2 string
    with --xoauth2. Exit codes: 0 got; 1 the sign-in host did not answer; 2 something is missing here; 5 Entra ID says
    no.
    """
    from hveadmin.cli.run import Run
    from hveadmin.domain.ids import Address

    signer = Address.parse(as_account) if as_account else None
    sender = Address.parse(account) if account else signer
    _refuse_two_on_stdout(options, raw=raw, xoauth2=xoauth2)
    if xoauth2 and sender is None:
        raise UsageError("the XOAUTH2 string names an account, and none is given", hint="--account ACCOUNT")
    with Run(options) as run:
        _get(run, signer, sender, raw=raw, xoauth2=xoauth2)


def _refuse_two_on_stdout(options: Options, *, raw: bool, xoauth2: bool) -> None:
    if raw and xoauth2:
        raise UsageError("stdout holds the token or the XOAUTH2 string, and nothing else", hint="give one of the two")
    if (raw or xoauth2) and any("=" not in each for each in options.output):
        raise UsageError(
            "stdout holds a secret with --raw and --xoauth2, and nothing else",
            hint="send the report to a file: -o json=FILE",
        )


def _get(run: Run, signer: Address | None, sender: Address | None, *, raw: bool, xoauth2: bool) -> None:
    from datetime import UTC, datetime

    from hveadmin.cli.outputs import write_out
    from hveadmin.cli.senders import asked_for, only_target, token_of
    from hveadmin.domain.sending_token import Expected, judge_token, read_token
    from hveadmin.report.token import token_report
    from hveadmin.smtp.xoauth2 import blob

    credentials = asked_for(run, signer)
    target = only_target(run)
    if sender is not None:
        blob(sender.value, "-")  # an address that no XOAUTH2 string can carry is said before anybody is contacted
    token = token_of(run, target, credentials)
    seen = read_token(token)
    audience = run.wiring.cloud(target.profile).audiences.smtp
    tenant_id = _id_of(target.tenant or target.profile.auth.tenant_id)
    expected = Expected(datetime.now(UTC), audience, tenant_id, credentials.client_id, signer)
    if run.options.output or not (raw or xoauth2):
        run.emit(token_report(seen, judge_token(seen, expected), account=sender.value if sender is not None else ""))
    if raw:
        write_out(f"{token}\n")
    elif xoauth2 and sender is not None:
        write_out(f"{blob(sender.value, token)}\n")
    run.end(Outcome.OK)


def _id_of(tenant: str) -> TenantId | None:
    """The tenant's id; None for a domain, which nothing in a token can be compared with."""
    from hveadmin.domain.ids import NotAGuid, TenantId

    try:
        return TenantId.parse(tenant)
    except NotAGuid:
        return None

"""hveadmin token inspect"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT_TENANT, Options, takes
from hveadmin.errors import HveAdminError, Incomplete, Outcome

if TYPE_CHECKING:
    from hveadmin.cli.run import Run
    from hveadmin.domain.health import Check
    from hveadmin.domain.ids import Address, ClientId, TenantId
    from hveadmin.domain.sending_token import SendingToken
    from hveadmin.domain.tenant import AllowedApps

VARIABLE = "HVEADMIN_TOKEN"


@takes(CONFIG, SELECT_TENANT, OUTPUT, CONNECT)
def command(
    options: Options,
    env: Annotated[
        str, Option("--env", metavar="NAME", help=f"The variable that holds the token. Default: {VARIABLE}.")
    ] = "",
    account: Annotated[
        str, Option("-a", "--account", metavar="ACCOUNT", help="Is it on this account's list? Reads the list.")
    ] = "",
    client_id: Annotated[str, Option("--client-id", metavar="ID", help="The application it should be of.")] = "",
    snapshot: Annotated[
        Path | None, Option("--snapshot", metavar="FILE", help="Take the account's list from a snapshot, offline.")
    ] = None,
) -> None:
    """
    Tell what a token is good for, offline.

    Looks at audience, lifetime, tenant, roles and scopes, in v1.0 and v2.0 tokens; with an account, whether the
    application is on its list, and which id should be there. The token comes from a pipe or a variable, never from
    the command line; its signature is not checked. Exit codes: 0 fit; 2 not a token; 4 something is wrong with it; 5
    no sign-in to read the list; 7 the list could not be read.
    """
    from hveadmin.cli.run import Run
    from hveadmin.domain.health import outcome_of
    from hveadmin.domain.ids import Address, ClientId
    from hveadmin.domain.sending_token import fit, read_token
    from hveadmin.report.token import token_report

    address = Address.parse(account) if account else None
    wanted = ClientId.parse(client_id) if client_id else None
    with Run(options) as run:
        token = read_token(_text(run, env))
        checks = tuple(_checks(run, token, address, wanted, snapshot))
        run.emit(token_report(token, checks, account=account and str(address)))
        if not fit(checks):
            run.end(Outcome.FINDINGS)
        run.end(outcome_of(checks))


def _text(run: Run, env: str) -> str:
    from hveadmin.cli.senders import in_variable, read_pipe

    if env or run.environ.get(VARIABLE):
        return in_variable(run, env or VARIABLE)
    return read_pipe()


def _checks(
    run: Run, token: SendingToken, account: Address | None, client_id: ClientId | None, snapshot: Path | None
) -> Iterator[Check]:
    from datetime import UTC, datetime

    from hveadmin.domain.sending_token import Expected, judge_listed, judge_token

    expected = Expected(datetime.now(UTC), tenant_id=_tenant(run), client_id=client_id, account=account)
    yield from judge_token(token, expected)
    if account is not None:
        yield judge_listed(token, account, _list_of(run, account, snapshot))


def _tenant(run: Run) -> TenantId | None:
    """The tenant that a configuration or -t names by its id; a domain cannot be compared offline."""
    from hveadmin.domain.ids import NotAGuid, TenantId

    loaded = run.configuration_if_any()
    if loaded is None:
        named = run.options.tenant[0] if len(run.options.tenant) == 1 else ""
        try:
            return TenantId.parse(named)
        except NotAGuid:
            return None
    entries = run.entries(loaded.desired)
    return entries[0].tenant_id if len(entries) == 1 else None


def _list_of(run: Run, account: Address, snapshot: Path | None) -> AllowedApps:
    """The account's list, live or from a snapshot; a failure is its `Unknown`."""
    from hveadmin.domain.tenant import Unknown

    try:
        return _from_snapshot(run, account, snapshot) if snapshot is not None else _live(run, account)
    except HveAdminError as error:
        if error.outcome in (Outcome.USAGE, Outcome.REFUSED):
            raise
        return Unknown(f"{error.message}; {error.hint}" if error.hint else error.message)


def _from_snapshot(run: Run, account: Address, file: Path) -> AllowedApps:
    from hveadmin.cli.senders import only_target
    from hveadmin.config.snapshotfile import read

    target, taken = only_target(run), read(file)
    entry = target.entry
    there = taken.tenants[0] if len(taken.tenants) == 1 and entry is None else None
    if there is None:
        tenant_id = entry.tenant_id if entry is not None else None
        there = taken.of(target.alias, tenant_id, entry.domain if entry is not None else "")
    if there.facts is None:
        raise Incomplete(f"the tenant is in the snapshot, but could not be read: {there.why_unread}")
    found = there.facts.snapshot.account(account)
    if found is None:
        raise _no_account(account)
    return found.allowed


def _live(run: Run, account: Address) -> AllowedApps:
    from hveadmin.cli.senders import only_target

    target = only_target(run)
    with run.wiring.connect(target.profile, target.tenant) as tenant:
        listed = [each for each in tenant.reader.list_accounts() if each.address == account]
        for _, allowed in tenant.reader.read_allowed([each.address for each in listed]):
            return allowed
    raise _no_account(account)


def _no_account(account: Address) -> HveAdminError:
    from hveadmin.errors import Refused

    return Refused(f"{account} is not an HVE account of this tenant", hint="hveadmin account list shows them")

"""hveadmin tenant test"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT_TENANT, Options, takes
from hveadmin.errors import AuthError, HveAdminError, Outcome, worst

if TYPE_CHECKING:
    from hveadmin.cli.run import Run, Target
    from hveadmin.domain.ids import TenantId
    from hveadmin.report.tenants import Checked
    from hveadmin.wiring import Tenant


@takes(CONFIG, SELECT_TENANT, OUTPUT, CONNECT)
def command(options: Options) -> None:
    """
    Sign in and try one harmless read of everything.

    Says of each tenant whether hveadmin can sign in, list the accounts, read a list, see Entra ID, and run the
    cmdlets that change a list. Exit codes: 0 all of it; 5 no sign-in or no right; 1 or 7 something did not answer.
    """
    from hveadmin.cli.run import Run
    from hveadmin.report.document import together
    from hveadmin.report.tenants import tenant_test

    with Run(options) as run:
        loaded = run.configuration_if_any()
        tested = [(target, _Test(run, target)) for target in run.targets(loaded.desired if loaded else None)]
        run.emit(together([tenant_test(target.alias, test.tenant_id, tuple(test.checks)) for target, test in tested]))
        run.end(worst(test.outcome for _, test in tested))


class _Test:
    """Everything that is tried with one tenant; what follows the sign-in needs it."""

    def __init__(self, run: Run, target: Target) -> None:
        self.tenant_id: TenantId | None = None
        self.checks: list[Checked] = []
        self.outcome = Outcome.OK
        tenant = self._sign_in(run, target)
        over_a_host = target.profile.transport != "rest"
        for what, attempt in {**(_ON_A_HOST if over_a_host else {}), **_ATTEMPTS}.items():
            if tenant is None:
                self._note(what, None, "not tried: nobody is signed in")
            else:
                self._try(what, attempt, tenant)

    def _sign_in(self, run: Run, target: Target) -> Tenant | None:
        try:
            tenant = run.wiring.connect(target.profile, target.tenant)
        except HveAdminError as error:
            self._failed("sign in", error)
            return None
        self.tenant_id = tenant.identity.tenant_id
        self._note("sign in", True, f"as {tenant.identity.actor}")
        return tenant

    def _try(self, what: str, attempt: Callable[[Tenant], str], tenant: Tenant) -> None:
        try:
            self._note(what, True, attempt(tenant))
        except HveAdminError as error:
            self._failed(what, error)

    def _failed(self, what: str, error: HveAdminError) -> None:
        self.outcome = worst([self.outcome, error.outcome])
        self._note(what, False, error.message, error.hint)

    def _note(self, what: str, passed: bool | None, said: str, next_: str = "") -> None:
        from hveadmin.report.tenants import Checked

        self.checks.append(Checked(what, passed, said, next_))


def _host(tenant: Tenant) -> str:
    said = tenant.reach_host() if tenant.reach_host is not None else {}
    version = f", PowerShell {said['powershell']}" if said.get("powershell") else ""
    return f"{said.get('endpoint') or said.get('host', '')}{version}"


def _list(tenant: Tenant) -> str:
    from hveadmin.domain.tenant import Unknown
    from hveadmin.errors import Incomplete

    accounts = tenant.reader.list_accounts()
    for address, allowed in tenant.reader.read_allowed([each.address for each in accounts[:1]]):
        if isinstance(allowed, Unknown):
            raise Incomplete(f"{len(accounts)} accounts, but the list of {address}: {allowed.why}")
    return f"{len(accounts)} accounts"


def _cmdlets(tenant: Tenant) -> str:
    permitted = {name.casefold() for name in tenant.permitted_cmdlets()}
    missing = [name for name in ("Add-HVEAppAccess", "Remove-HVEAppAccess") if name.casefold() not in permitted]
    if missing:
        raise AuthError(
            f"this sign-in may read but not change lists: it may not run {' and '.join(missing)}",
            hint="to apply, give it a role with these cmdlets, for example Exchange Recipient Administrator",
        )
    return "may read and change lists"


def _directory(tenant: Tenant) -> str:
    from hveadmin.domain.ids import EXCHANGE_ONLINE
    from hveadmin.domain.tenant import Unreadable
    from hveadmin.errors import Incomplete

    view = tenant.directory.look_up([EXCHANGE_ONLINE])
    if isinstance(view, Unreadable) and view.grant:
        raise AuthError("a permission on Microsoft Graph is missing", hint=view.grant)
    if isinstance(view, Unreadable):
        raise Incomplete(view.why)
    return "ids can be checked"


_ON_A_HOST: dict[str, Callable[[Tenant], str]] = {"open a session on the host": _host}
_ATTEMPTS: dict[str, Callable[[Tenant], str]] = {
    "list HVE accounts": _list,
    "run the cmdlets": _cmdlets,
    "read Entra ID": _directory,
}

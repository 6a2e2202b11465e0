"""hveadmin doctor"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Context, Option

from hveadmin import __version__
from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, PATH, SELECT_TENANT, TOKEN, Options, takes
from hveadmin.errors import UsageError, worst

if TYPE_CHECKING:
    from hveadmin.auth.claims import TokenClaims
    from hveadmin.auth.clouds import Cloud
    from hveadmin.cli.run import Run, Target
    from hveadmin.cli.settings import SourceOf
    from hveadmin.domain.health import Check, EndpointSeen, Examined, Setting, TenantSeen, TokenSeen
    from hveadmin.domain.ports import AccountReader, Directory
    from hveadmin.wiring import Tenant
    from hveadmin.workflows.doctor import Patient

ShowConfig = Annotated[bool, Option("--show-config", help="Only print each value of this run and its source.")]


@takes(PATH, TOKEN, CONFIG, SELECT_TENANT, OUTPUT, CONNECT)
def command(
    options: Options,
    context: Context,
    account: Annotated[
        str, Argument(metavar="[ACCOUNT]", help="An HVE account: the whole path to a mail that it sends.")
    ] = "",
    app: Annotated[str, Argument(metavar="[APP]", help="The application: any of its ids, or its name.")] = "",
    server: Annotated[
        str, Option("--server", metavar="HOST:PORT", help="Where to try to send. Default: the cloud's SMTP endpoint.")
    ] = "",
    show_config: ShowConfig = False,
) -> None:
    """
    Find the first broken link to a tenant, or to a sent mail.

    Without an account it looks, in this order, at this machine, the profile, proxies, endpoints and their
    certificates, the clock, the tenant, the sign-in, the token, the cmdlets that it may run, Exchange and Microsoft
    Graph. With one, at the account, its billing and its list, the application, its permission, consent and
    credentials; and with the sender's own credentials at its token and at what the SMTP server says. Says what a
    failure means and what mends it. Nothing is written. -o json=FILE is for a support ticket: no secret is in it.
    Exit codes: 0 nothing is broken; 5 sign-in or rights; 1 network or service; 7 something could not be found out.
    """
    from hveadmin.cli.run import Run
    from hveadmin.domain.health import outcome_of
    from hveadmin.report.doctor import doctor_report, settings_report
    from hveadmin.report.document import together

    with Run(options) as run:
        if account:
            from hveadmin.cli.doctor_path import examine_path

            examine_path(run, account, app, server)
        loaded = run.configuration_if_any()
        targets = run.targets(loaded.desired if loaded else None)
        given = _given(context)
        if show_config:
            run.emit(together([settings_report(each.alias, _settings(run, each, given)) for each in targets]))
            return
        found = [_examined(run, target, given) for target in targets]
        run.emit(together([doctor_report(each, made_by=f"hveadmin {__version__}") for each in found]))
        run.end(worst(outcome_of(each.checks) for each in found))


def _examined(run: Run, target: Target, given: SourceOf) -> Examined:
    from datetime import UTC, datetime

    from hveadmin.domain.health import Examined

    settings = _settings(run, target, given)
    return Examined(target.alias, datetime.now(UTC), settings, _checks(run, target, settings))


def _checks(run: Run, target: Target, settings: Sequence[Setting]) -> tuple[Check, ...]:
    from hveadmin.domain.health import Machine
    from hveadmin.workflows.doctor import examine, not_examined

    machine = Machine(__version__, platform.python_version(), f"{platform.system()} {platform.machine()}")
    proxies = proxies_in(run.environ)
    try:
        patient = _patient(target, run.wiring.cloud(target.profile), settings)
    except UsageError as error:
        return not_examined(machine, proxies, target.profile.name, error)
    return examine(machine, proxies, patient, _Reach(run, target, patient))


def _patient(target: Target, cloud: Cloud, settings: Sequence[Setting]) -> Patient:
    from hveadmin.cli.settings import NONE
    from hveadmin.wiring import signs_in_for
    from hveadmin.workflows.doctor import Patient

    said = {each.name: each.value for each in settings if each.value != NONE}
    profile = target.profile
    return Patient(
        profile=f"{profile.name} ({profile.source})" if profile.source else profile.name,
        kind=profile.auth.kind,
        tenant=said.get("tenant", ""),
        client_id=said.get("auth.client_id", ""),
        cloud=cloud.name,
        endpoints=cloud.endpoints,
        audiences=cloud.audiences,
        transport=profile.transport,
        exchange_token=signs_in_for(profile, cloud) == cloud.audiences.exchange,
    )


def _settings(run: Run, target: Target, given: SourceOf) -> tuple[Setting, ...]:
    from hveadmin.cli.settings import settings_of

    try:
        cloud = run.wiring.cloud(target.profile)
    except UsageError:
        cloud = None
    return settings_of(target, cloud, run.options, given, run.environ)


def _given(context: Context) -> SourceOf:
    """Where an option's value comes from: the flag or its variable by name, empty for neither."""

    def source(name: str) -> str:
        known = context.get_parameter_source(name)
        if known is not None and known.name == "COMMANDLINE":
            return f"flag (--{name})"
        if known is not None and known.name == "ENVIRONMENT":
            return f"environment (HVEADMIN_{name.upper()})"
        return ""

    return source


def proxies_in(environ: Mapping[str, str]) -> dict[str, str]:
    """
    The variables that name proxies, without credentials; where there are none, what the operating system says.

    Both libraries that speak HTTP here ask the operating system as well, on Windows and macOS.
    """
    from urllib.request import getproxies

    from hveadmin.workflows.doctor import without_credentials

    names = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    found = {name: environ[name] for name in sorted(environ) if name.lower() in names and environ[name]}
    if not found:
        found = {f"the system's {scheme}": address for scheme, address in getproxies().items()}
    return {name: without_credentials(value) for name, value in found.items()}


class _Reach:
    """The doctor's hands, over the wiring of this run (implements `workflows.doctor.Reach`)."""

    def __init__(self, run: Run, target: Target, patient: Patient) -> None:
        self._run = run
        self._target = target
        self._patient = patient

    def probe(self, addresses: Sequence[str]) -> Mapping[str, EndpointSeen]:
        return self._run.wiring.probe(self._target.profile, addresses)

    def discover(self) -> TenantSeen | None:
        return self._run.wiring.find_tenant(self._target.profile, self._patient.tenant)

    def sign_in(self) -> _SignedIn:
        return _SignedIn(self._run.wiring.connect(self._target.profile, self._target.tenant), self._patient)


class _SignedIn:
    """A connected tenant (implements `workflows.doctor.SignedIn`)."""

    def __init__(self, tenant: Tenant, patient: Patient) -> None:
        self._tenant = tenant
        self._audiences = patient.audiences

    @property
    def reader(self) -> AccountReader:
        return self._tenant.reader

    @property
    def directory(self) -> Directory:
        return self._tenant.directory

    def reach_host(self) -> Mapping[str, str]:
        reach = self._tenant.reach_host
        return reach() if reach is not None else {}

    def exchange_token(self) -> TokenSeen:
        return token_seen(self._tenant.claims(self._audiences.exchange))

    def graph_token(self) -> TokenSeen:
        return token_seen(self._tenant.claims(self._audiences.graph))

    def permitted_cmdlets(self) -> frozenset[str]:
        return self._tenant.permitted_cmdlets()


def token_seen(claims: TokenClaims) -> TokenSeen:
    """A token's claims as the doctor looks at them."""
    from hveadmin.domain.health import TokenSeen

    return TokenSeen(
        tenant_id=claims.tenant_id.value,
        audience=claims.audience,
        expires=claims.expires,
        actor=claims.actor,
        client_id="" if claims.app_id is None else claims.app_id.value,
        object_id="" if claims.object_id is None else claims.object_id.value,
        is_user=bool(claims.scopes or claims.user),
        roles=claims.roles,
        scopes=claims.scopes,
        wids=claims.wids,
    )

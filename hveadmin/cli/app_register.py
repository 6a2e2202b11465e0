"""hveadmin app register"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hveadmin.cli.options import ANSWER, CONFIG, CONNECT, EXPLAIN, OUTPUT, SELECT_TENANT, Options, takes
from hveadmin.errors import HveAdminError, Outcome, UsageError, worst

if TYPE_CHECKING:
    from hveadmin.cli.apply import Ready
    from hveadmin.cli.run import Run, Target
    from hveadmin.domain.ids import Address, ClientId, ObjectId
    from hveadmin.domain.registration import Registering, RegistrationPlan, Wanted
    from hveadmin.report.document import Report
    from hveadmin.report.register import Whose
    from hveadmin.wiring import Tenant
    from hveadmin.workflows.register import Keys

_CREDENTIAL = "How the application proves itself"


@takes(CONFIG, SELECT_TENANT, ANSWER, EXPLAIN, OUTPUT, CONNECT)
def command(
    options: Options,
    name: Annotated[str, Argument(metavar="NAME", help="The application's display name.")],
    client_id: Annotated[str, Option("--client-id", metavar="ID", help="Which one, where several bear the name.")] = "",
    delegated: Annotated[
        bool, Option("--delegated", help="The HVE account signs in through it, with public client flows on.")
    ] = False,
    accounts: Annotated[
        list[str] | None, Option("--account", metavar="ACCOUNT", help="Let it send through this account; repeatable.")
    ] = None,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Print the steps, and the same in PowerShell and Azure CLI.")
    ] = False,
    certificate: Annotated[
        Path | None,
        Option(
            "--certificate",
            metavar="FILE",
            help="Where its key and certificate lie, or are written. Default: NAME.pem.",
            rich_help_panel=_CREDENTIAL,
        ),
    ] = None,
    secret_file: Annotated[
        Path | None,
        Option("--secret-file", metavar="FILE", help="A secret, into a new file.", rich_help_panel=_CREDENTIAL),
    ] = None,
    secret_keyring: Annotated[
        str,
        Option(
            "--secret-keyring",
            metavar="SERVICE",
            help="A secret, into the operating system's keyring.",
            rich_help_panel=_CREDENTIAL,
        ),
    ] = "",
    show_secret: Annotated[
        bool,
        Option("--show-secret", help="A secret, printed once, alone on stdout.", rich_help_panel=_CREDENTIAL),
    ] = False,
    no_credential: Annotated[
        bool,
        Option("--no-credential", help="None: the application has one elsewhere.", rich_help_panel=_CREDENTIAL),
    ] = False,
    days: Annotated[
        int, Option("--days", metavar="N", help="How long a new credential lasts.", rich_help_panel=_CREDENTIAL)
    ] = 180,
) -> None:
    """
    Make an application that may send, whole.

    The app registration, its enterprise application, Mail.Send on Office 365 Exchange Online, admin consent, and a
    certificate or a secret; whatever is there already is kept, and a second run has nothing to do. Exit codes: 0 done
    or so already; 5 no sign-in, or a permission is missing; 6 refused, or not confirmed; 7 the directory does not
    show it yet, or an account was not done.
    """
    from hveadmin.cli.run import Run
    from hveadmin.domain.ids import Address, ClientId

    wanted, keys = _credential(
        name, delegated, days, certificate, secret_file, secret_keyring, show_secret, no_credential
    )
    named = ClientId.parse(client_id) if client_id else None
    addresses = [Address.parse(each) for each in accounts or ()]
    if show_secret and any("=" not in each for each in options.output):
        raise UsageError(
            "stdout holds the secret with --show-secret, and nothing else",
            hint="send the report to a file: -o json=FILE",
        )
    with Run(options) as run:
        _Registering(run, wanted, keys, named, addresses, alone=show_secret).go(dry_run=dry_run)


def _credential(
    name: str,
    delegated: bool,
    days: int,
    certificate: Path | None,
    secret_file: Path | None,
    secret_keyring: str,
    show_secret: bool,
    no_credential: bool,
) -> tuple[Wanted, Keys]:
    """What is wanted, and where its key is kept. Raises UsageError for two places at once."""
    from hveadmin.auth.issue import CertificateFile, KeyringEntry, SecretFile, Shown
    from hveadmin.domain.registration import Flow, Proof, Wanted
    from hveadmin.workflows.register import Keys

    given = [certificate is not None, secret_file is not None, bool(secret_keyring), show_secret, no_credential]
    if sum(given) > 1:
        raise UsageError(
            "more than one credential is asked for",
            hint="give one of --certificate, --secret-file, --secret-keyring, --show-secret and --no-credential",
        )
    flow = Flow.DELEGATED if delegated else Flow.APPLICATION
    wanted = Wanted(name, flow, Proof.SECRET, days)
    if secret_file is not None:
        return replace(wanted, kept_in=str(secret_file)), Keys(secret=SecretFile(secret_file))
    if secret_keyring:
        return replace(wanted, kept_in=f"the keyring service {secret_keyring}"), Keys(
            secret=KeyringEntry(secret_keyring)
        )
    if show_secret:
        return replace(wanted, kept_in="nothing but what is shown"), Keys(secret=Shown(_show))
    if no_credential or (certificate is None and delegated):
        # A public client proves nothing: whoever signs in does.
        return replace(wanted, proof=Proof.NOTHING), Keys()
    file = certificate or Path(f"{file_name(name)}.pem")
    return replace(wanted, proof=Proof.CERTIFICATE, kept_in=str(file)), Keys(certificate=CertificateFile(file))


def file_name(name: str) -> str:
    """A display name as the name of a file here, on any system: no folder, no option, nothing hidden."""
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.") or "hveadmin"


def _show(secret: str) -> None:
    sys.stdout.write(f"{secret}\n")
    sys.stdout.flush()


class _Registering:
    """One run: plan, show, ask, do; then the accounts."""

    def __init__(
        self,
        run: Run,
        wanted: Wanted,
        keys: Keys,
        client_id: ClientId | None,
        accounts: list[Address],
        *,
        alone: bool,
    ) -> None:
        from hveadmin.report.register import Whose

        self._run = run
        self._wanted = wanted
        self._keys = keys
        self._client_id = client_id
        self._accounts = accounts
        self._stdout_is_taken = alone
        self._target = _only_target(run)
        self._tenant: Tenant = run.wiring.connect(self._target.profile, self._target.tenant, write=True)
        self._whose: Whose = Whose(self._target.alias, self._tenant.identity.tenant_id)

    def go(self, *, dry_run: bool) -> None:
        if dry_run:
            self._emit(self._dry_run())
            self._run.end(Outcome.OK)
        plan = self._plan()
        done = self._registered(plan)
        outcome = Outcome.INCOMPLETE if done.not_shown or done.unread else Outcome.OK
        if not self._accounts or done.present.principal is None:
            self._emit(self._report(done, []))
            self._run.end(outcome)
        reports: list[Report] = []
        try:
            for account in self._accounts:
                outcome = worst([outcome, self._grant(account, done.present.principal.object_id, reports)])
        except HveAdminError:
            # The registration stands, and its ids must not be lost because an account refuses it.
            self._emit(self._report(done, reports))
            raise
        self._emit(self._report(done, reports))
        self._run.end(outcome)

    # The registration

    def _plan(self) -> RegistrationPlan:
        from hveadmin.workflows.register import make_plan

        return make_plan(self._tenant.applications(), self._keys, self._tenant.clock, self._wanted, self._client_id)

    def _dry_run(self) -> Report:
        from hveadmin.domain.registration_commands import Place, commands
        from hveadmin.errors import AuthError, ServiceError
        from hveadmin.report.register import planned

        unread = ""
        try:
            plan = self._plan()
        except (AuthError, ServiceError) as error:
            # Whoever may not even read is the one who needs the commands most.
            plan, unread = _from_nothing(self._wanted, self._tenant), error.message
        tenant = self._tenant
        place = Place(tenant.identity.tenant_id, tenant.cloud, tenant.graph_address)
        lines = commands(plan, place, self._accounts)
        return planned(self._whose, plan, lines, [each.value for each in self._accounts], unread)

    def _registered(self, plan: RegistrationPlan) -> Registering:
        from hveadmin.workflows.register import Doing, carry_out, check_keys

        check_keys(plan, self._keys)
        if plan.steps:
            self._ask(plan)
        tenant = self._tenant
        tenant.deadline.restart()
        doing = Doing(
            tenant.applications(), tenant.application_writer(), self._keys, tenant.clock, self._run.progress()
        )
        return carry_out(plan, doing)

    def _ask(self, plan: RegistrationPlan) -> None:
        from hveadmin.report.layout import lay_out
        from hveadmin.report.register import proposed

        self._run.say("\n".join(lay_out(proposed(self._whose, plan), self._run.style_of_stderr)))
        self._run.confirm(f"Do {'this' if len(plan.steps) == 1 else f'these {len(plan.steps)} steps'}?")

    # The accounts

    def _grant(self, account: Address, app: ObjectId, reports: list[Report]) -> Outcome:
        """A one-off of its own, with its own rails and its own question, as if it were typed after this command."""
        from hveadmin.cli.apply import carried_out

        self._tenant.deadline.restart()
        found, outcome = carried_out(self._run, [self._ready(account, app)])
        reports += found
        return outcome

    def _ready(self, account: Address, app: ObjectId) -> Ready:
        from uuid import uuid4

        from hveadmin import __version__
        from hveadmin.cli.apply import Ready
        from hveadmin.config.planfile import PlanFile
        from hveadmin.domain.plan import Action
        from hveadmin.workflows.oneoff import plan_one

        options, tenant = self._run.options, self._tenant
        plan = plan_one(
            tenant.where,
            self._target.alias,
            Action.GRANT,
            account,
            [app],
            today=self._run.today,
            ticket=options.ticket,
            reason=options.reason,
        )
        made = PlanFile(
            plan=plan,
            plan_id=str(uuid4()),
            created_at=tenant.clock.now(),
            tool_version=__version__,
            actor=tenant.identity.actor,
            ticket=options.ticket,
            reason=options.reason,
        )
        return Ready(self._target, tenant, made)

    # What is said

    def _report(self, done: Registering, accounts: list[Report]) -> Report:
        from hveadmin.report.register import registered

        return registered(self._whose, done, accounts)

    def _emit(self, report: Report) -> None:
        """The report; on stderr where stdout is for the secret and no file was named."""
        from hveadmin.report.render import render

        if self._stdout_is_taken and not self._run.options.output:
            self._run.say(render(report, "table", style=self._run.style_of_stderr).rstrip("\n"))
        else:
            self._run.emit(report)


def _only_target(run: Run) -> Target:
    loaded = run.configuration_if_any()
    targets = run.targets(loaded.desired if loaded else None)
    if len(targets) != 1:
        raise UsageError(
            f"{len(targets)} tenants are meant; an application is registered in one",
            hint="name the tenant with -t TENANT",
        )
    return targets[0]


def _from_nothing(wanted: Wanted, tenant: Tenant) -> RegistrationPlan:
    """Every step there is, for a tenant of which nothing could be read."""
    from hveadmin.domain.ids import ObjectId
    from hveadmin.domain.registration import MailSend, Present, plan_registration

    nobody = ObjectId("00000000-0000-0000-0000-000000000000")
    return plan_registration(wanted, Present(MailSend(nobody)), tenant.clock.now())

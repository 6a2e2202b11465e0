"""
One invocation: what was asked for, which tenants it is about, where its reports go, how it ends.

A command opens a `Run`, says what to do with one tenant, and the run does the rest: each tenant on its own, the worst
outcome last, every format of one report written at the end.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

from typer import Exit

from hveadmin.cli.app import complain, explain
from hveadmin.cli.options import Color, Options
from hveadmin.cli.outputs import Output, open_outputs
from hveadmin.cli.pipeline import Pipeline, outcome_of
from hveadmin.domain.desired import DesiredState, TenantEntry
from hveadmin.domain.ids import Address
from hveadmin.domain.ports import Progress
from hveadmin.domain.resolve import matches
from hveadmin.errors import HveAdminError, Outcome, Refused, UsageError, worst
from hveadmin.report.document import Report, together
from hveadmin.report.style import Style

if TYPE_CHECKING:
    from hveadmin.config.load import Loaded
    from hveadmin.domain.profile import Profile
    from hveadmin.wiring import Tenant, Wiring

DEFAULT_CONFIG = Path("hve.yaml")


@dataclass(frozen=True, slots=True)
class Target:
    """One tenant that this run is about, before anybody signed in."""

    alias: str
    tenant: str
    """Its id or a domain; empty: the profile's own."""
    profile: Profile
    entry: TenantEntry | None = None
    """What the configuration says of it; None where there is no configuration."""


class Run:
    """
    One invocation of a command. To be used as a context manager.

    A command whose reports have an assessment says so with `findings=True`; SARIF, JUnit and their like are refused
    to the others before anything is fetched.
    """

    def __init__(self, options: Options, *, findings: bool = False) -> None:
        from hveadmin.cli.log import configure

        self.options = options
        self.environ = os.environ
        self._closing = ExitStack()
        self.alone = False
        """Whether only one tenant is meant."""
        self._bar = self._closing.enter_context(ExitStack())
        configure(options)
        self._outputs: Sequence[Output] = open_outputs(options.output, findings=findings, query=bool(options.query))
        self._pipeline = Pipeline(self.environ, self._outputs)
        if options.query:
            from hveadmin.report.query import check_query

            check_query(options.query)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.close()
        self._pipeline.ended(outcome_of(error))

    # What it is about

    @cached_property
    def wiring(self) -> Wiring:
        from hveadmin.wiring import Wiring

        return self._closing.enter_context(
            Wiring(
                self.environ,
                timeout=self.options.timeout,
                concurrency=self.options.concurrency,
                folder=self.options.config[0].parent if self.options.config else Path(),
            )
        )

    @property
    def today(self) -> date:
        """The local date: the last day of a grant ends where its administrator lives."""
        return date.today()

    def configuration(self) -> Loaded:
        """The configuration; its warnings go to stderr. Raises ConfigError, or UsageError where there is none."""
        found = self.configuration_if_any()
        if found is None:
            raise UsageError(
                f"there is no configuration: {DEFAULT_CONFIG} is not here",
                hint="name one with -c FILE, or see one at work: hveadmin demo",
            )
        return found

    def configuration_if_any(self) -> Loaded | None:
        """The configuration, None where no -c is given and no hve.yaml lies here."""
        from hveadmin.config.load import load

        files = self.options.config or ((DEFAULT_CONFIG,) if DEFAULT_CONFIG.exists() else ())
        if len(files) == 0:
            return None
        loaded = load(files, today=self.today)
        if not self.options.quiet:
            for warning in loaded.warnings:
                complain(f"warning: {warning}")
        return loaded

    def targets(self, desired: DesiredState | None) -> list[Target]:
        """The tenants: those of the configuration that -t names, else the one that -p or -t names."""
        if desired is None:
            return self._targets_without_configuration()
        return [self.target(entry) for entry in self.entries(desired)]

    def entries(self, desired: DesiredState) -> list[TenantEntry]:
        """The tenants of the configuration that -t names, else all. Raises UsageError where there is none."""
        chosen = [
            entry
            for entry in desired.tenants.values()
            if not self.options.tenant or any(_names(glob, entry) for glob in self.options.tenant)
        ]
        if not chosen:
            raise UsageError(
                f"no tenant of the configuration is named {' or '.join(self.options.tenant)}",
                hint=f"it has {', '.join(desired.tenants)}",
            )
        self.alone = len(chosen) == 1
        return chosen

    def target(self, entry: TenantEntry) -> Target:
        """How one tenant of the configuration is reached: --profile speaks before the file."""
        profile = with_domain(self.profile(self.options.profile or entry.profile), entry.domain)
        tenant_id = entry.tenant_id.value if entry.tenant_id is not None else entry.domain
        return Target(entry.alias, tenant_id, profile, entry)

    def profile(self, name: str) -> Profile:
        """The profile of this name, with --transport in it where that was given."""
        found = self.wiring.profile(name)
        return replace(found, transport=self.options.transport) if self.options.transport else found

    def _targets_without_configuration(self) -> list[Target]:
        profile = self.profile(self.options.profile)
        named = self.options.tenant or ("",)
        for name in named:
            if name and "." not in name and "-" not in name:
                raise UsageError(
                    f"{name!r} is neither a tenant id nor a domain, and there is no configuration that names it",
                    hint="give -t contoso.onmicrosoft.com, or a configuration with -c FILE",
                )
        self.alone = len(named) == 1
        return [Target(name or profile.auth.tenant_id or profile.name, name, profile) for name in named]

    def only(self, address: Address) -> bool:
        """Whether -a names this account; without -a, every one."""
        return not self.options.account or any(matches(glob, address) for glob in self.options.account)

    def must_have_matched(self, accounts: int, *, for_verdict: bool = False) -> None:
        """
        Raise Refused where a name after -a is no account of the only tenant; a glob may match nothing.

        With `for_verdict` it may not either, and `accounts` are all tenants': what looked at nothing passes nothing.
        """
        names = [each for each in self.options.account if for_verdict or not set(each) & set("*?[")]
        if (self.alone or for_verdict) and names and accounts == 0:
            of = "this tenant" if self.alone else "these tenants"
            raise Refused(
                f"no account of {of} is named {' or '.join(names)}",
                hint="hveadmin account list shows the HVE accounts",
            )

    # How it goes

    def each(
        self,
        targets: Sequence[Target],
        work: Callable[[Target, Tenant], tuple[Report, Outcome]],
        unread: Callable[[str, str], Report],
    ) -> NoReturn:
        """
        Do something with every tenant, write one report, and end with the worst outcome.

        A tenant that fails does not stop the others; it stands in the report as unread.
        """

        def connected(target: Target) -> tuple[Report, Outcome]:
            with self.wiring.connect(target.profile, target.tenant) as tenant:
                return work(target, tenant)

        self.each_offline([(target.alias, partial(connected, target)) for target in targets], unread)

    def each_offline(
        self,
        tenants: Sequence[tuple[str, Callable[[], tuple[Report, Outcome]]]],
        unread: Callable[[str, str], Report],
    ) -> NoReturn:
        """The same for tenants that nobody connects to: each by its alias, with what is to be done."""
        reports: list[Report] = []
        outcomes: list[Outcome] = []
        for alias, work in tenants:
            try:
                report, outcome = work()
            except HveAdminError as error:
                if len(tenants) == 1:
                    raise
                explain(error, alias)
                report, outcome = unread(alias, error.message), error.outcome
            reports.append(report)
            outcomes.append(outcome)
        self.emit(together(reports))
        self.end(worst(outcomes))

    def emit(self, report: Report) -> None:
        """Write the report to every output that was asked for."""
        from hveadmin.report.query import query
        from hveadmin.report.render import render

        self.stop_bar()
        placed = self._pipeline.placed(report)
        document = query(placed, self.options.query) if self.options.query else placed
        for output in self._outputs:
            style = self.style if output.file is None else Style()
            output.write(render(document, output.format_name, style=style))
        self._pipeline.reported(document)

    def end(self, outcome: Outcome) -> NoReturn:
        """End the run; everything is closed by whoever opened it."""
        raise Exit(int(outcome))

    def progress(self) -> Progress:
        """A bar on stderr where a person looks at a terminal, else nothing."""
        from hveadmin.cli.progress import bar

        return bar(self._bar, wanted=sys.stderr.isatty() and not self.options.quiet)

    def stop_bar(self) -> None:
        """Take the bar away, before anything else is written or asked."""
        self._bar.close()

    def say(self, text: str) -> None:
        """Something for people beside the result; on stderr, and not with --quiet."""
        if not self.options.quiet:
            complain(text)

    def confirm(self, question: str) -> None:
        """
        Ask before writing. Raises Refused where the answer is no, or where nobody can be asked.

        --yes answers this question only; it passes no rail.
        """
        if self.options.yes:
            return
        if self.options.no_input or self.environ.get("CI", "").lower() == "true" or not sys.stdin.isatty():
            raise Refused("nobody can be asked here; nothing was written", hint="give --yes to answer the question")
        self.stop_bar()
        print(f"{question} [y/N]: ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if answer == "":
            complain("")
            raise Refused("nobody answered; nothing was written", hint="give --yes to answer the question")
        if answer.strip().lower() not in ("y", "yes"):
            raise Refused("the answer was no; nothing was written")

    @property
    def style(self) -> Style:
        """What stdout can show."""
        return style_of(self.options.color, sys.stdout.isatty(), sys.stdout.encoding)

    @property
    def style_of_stderr(self) -> Style:
        return style_of(self.options.color, sys.stderr.isatty(), sys.stderr.encoding)


def with_domain(profile: Profile, domain: str) -> Profile:
    """The profile whose PowerShell sessions connect to the tenant of this domain, unless it says to which itself."""
    if profile.transport == "rest" or not domain or (profile.host is not None and profile.host.organization):
        return profile
    from hveadmin.domain.profile import HostSettings

    return replace(profile, host=replace(profile.host or HostSettings(), organization=domain))


def style_of(color: Color, terminal: bool, encoding: str | None) -> Style:
    """Colour on a terminal unless NO_COLOR says otherwise; ASCII where the encoding has nothing better."""
    wanted = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return Style(
        color=color is Color.ALWAYS or (color is Color.AUTO and wanted),
        ascii="utf" not in (encoding or "").lower(),
        width=shutil.get_terminal_size().columns if terminal else 0,
    )


def _names(glob: str, entry: TenantEntry) -> bool:
    from fnmatch import fnmatchcase

    named = (entry.alias, entry.domain, entry.tenant_id.value if entry.tenant_id is not None else "")
    return any(fnmatchcase(name.casefold(), glob.casefold()) for name in named if name)

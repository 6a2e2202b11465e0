"""
What a rule is, and how all of them are run.

A rule looks at one of two things, and its type says at which: `ConfigRule` at the configuration alone, `TenantRule`
at the configuration and all that was read of one tenant. It yields a `Judgement` for everything it looked at, the
good ones too: what is not said was not looked at, and an auditor must be able to tell. The engine makes findings of
the judgements: severities as configured, waivers honoured, the order always the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from hveadmin.domain.desired import AccountEntry, DesiredState, Policy, SourceSpan, TenantEntry
from hveadmin.domain.facts import TenantFacts
from hveadmin.domain.finding import Severity, Subject, Verdict
from hveadmin.domain.ids import Address, Guid, ObjectId
from hveadmin.domain.pins import Pins
from hveadmin.domain.plan import Settling
from hveadmin.domain.resolve import Declaration


@dataclass(frozen=True, slots=True)
class Judgement:
    """One rule's verdict on one subject, before the configuration's settings are applied."""

    verdict: Verdict
    message: str
    subject: Subject
    remedy: str = ""
    source: SourceSpan | None = None
    severity: Severity | None = None
    """Where it is not the rule's own: HVE401 is low at 8 and 9, medium at 10."""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigView:
    """What a configuration rule may look at."""

    desired: DesiredState
    today: date
    """The caller's local date; last days are inclusive."""

    def options(self, rule: str) -> Mapping[str, object]:
        """What the configuration sets for a rule besides severity and enabled."""
        return _options(self.desired.policy, rule)


@dataclass(frozen=True, slots=True)
class TenantView:
    """What a tenant rule may look at: what should be, what is, and what we did to it lately."""

    desired: DesiredState
    entry: TenantEntry
    facts: TenantFacts
    today: date
    now: datetime
    declarations: Mapping[Address, Declaration]
    """What is declared of each live account that has an entry, as far as its applications could be resolved."""
    entries: Mapping[Address, tuple[AccountEntry, str]] = field(default_factory=dict)
    """The entry of each live account that has one, and its origin (`hve.yaml:52`, `selector hve-alert-*`)."""
    unresolved: tuple[str, ...] = ()
    """A sentence for each application of the configuration that this tenant does not have as it is written."""
    by_app: Mapping[str, ObjectId] = field(default_factory=dict)
    """The object id of each application of `apps` that was resolved here, by its name in the configuration."""
    pins: Pins | None = None
    settling: Mapping[Guid, Settling] = field(default_factory=dict)
    """Accounts (by guid) that a run of ours changed within the last minutes."""
    left_restricted: Mapping[Guid, datetime] = field(default_factory=dict)
    """Accounts (by guid) on whose list a run of ours left, and read back, applications; and when."""
    max_age_seconds: float | None = None
    """How old the facts may be; None where nobody set a limit."""
    only: Callable[[Address], bool] = lambda _: True
    """The accounts that the command line asks for."""

    def options(self, rule: str) -> Mapping[str, object]:
        """What the configuration sets for a rule besides severity and enabled."""
        return _options(self.desired.policy, rule)


def _options(policy: Policy, rule: str) -> Mapping[str, object]:
    setting = policy.rules.get(rule)
    return setting.options if setting is not None else {}


@dataclass(frozen=True, slots=True)
class Rule:
    """
    What every rule has. `page` is the module's docstring: the first line is `ID: title`, the rest the page.

    `fix` is the command that mends it, `references` are addresses of Microsoft's documentation or pages of ours,
    `since` is the version it came with. An id that was retired is never used again.
    """

    id: str
    severity: Severity
    since: str
    page: str
    fix: str
    references: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """One line: what fails."""
        return self.page.strip().split("\n", 1)[0].partition(": ")[2]


@dataclass(frozen=True, slots=True)
class ConfigRule(Rule):
    """A rule about the configuration alone; it runs with --config-only too."""

    judge: Callable[[ConfigView], Iterator[Judgement]] = lambda _: iter(())


@dataclass(frozen=True, slots=True)
class TenantRule(Rule):
    """A rule about a tenant."""

    judge: Callable[[TenantView], Iterator[Judgement]] = lambda _: iter(())


AnyRule = ConfigRule | TenantRule

__all__ = ["AnyRule", "ConfigRule", "ConfigView", "Judgement", "Rule", "TenantRule", "TenantView"]

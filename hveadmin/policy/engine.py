"""
What a rule is, and how all of them are run.

A rule looks at one of three things, and its type says at which: `ConfigRule` at the configuration alone, `TenantRule`
at the configuration and all that was read of one tenant, `WaiverRule` at what the waivers accepted once all others
have spoken. It yields a `Judgement` for everything it looked at, the good ones too: what is not said was not looked
at, and an auditor must be able to tell. The engine makes findings of the judgements: severities as configured,
waivers honoured, the order always the same.

What can be told to a rule is an `Option`, declared beside it; the configuration is held to it when it is read:

    MOST = count("max_accounts", 5, "On at most so many accounts.")
    …
    limit = MOST.of(view.options(RULE_ID))
    RULE = ConfigRule(…, options=(MOST,))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from hveadmin.domain.desired import AccountEntry, DesiredState, Policy, SourceSpan, TenantEntry, Waiver
from hveadmin.domain.facts import Part, TenantFacts
from hveadmin.domain.finding import Finding, Severity, Subject, Verdict
from hveadmin.domain.ids import Address, Guid, NotAGuid, ObjectId
from hveadmin.domain.pins import Pins
from hveadmin.domain.plan import Settling
from hveadmin.domain.resolve import Declaration
from hveadmin.domain.tenant import HveAccount
from hveadmin.domain.waiving import accepts, in_force, speaks_of

T = TypeVar("T")


# What can be told to a rule


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """Something that the configuration may tell a rule: `policy.rules.HVE405.options.NAME`."""

    name: str
    default: T
    about: str
    """A sentence for the rule's page."""
    expected: str
    """What is to be written: `a whole number from 1 to 10`."""
    read: Callable[[object], T]
    """From the YAML's value. Raises ValueError for anything else than `expected`."""

    def of(self, options: Mapping[str, object]) -> T:
        """What holds: the configuration's, else the default."""
        value = options.get(self.name)
        return self.default if value is None else self.read(value)


def count(name: str, default: int, about: str, *, least: int = 0, most: int = 1_000_000) -> Option[int]:
    """An option that is a whole number."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(value)
        return value

    return Option(name, default, about, f"a whole number from {least} to {most}", read)


def days(name: str, default: int, about: str) -> Option[int]:
    """An option that is a number of days, written like 30d."""

    def read(value: object) -> int:
        digits = value[:-1] if isinstance(value, str) and value.endswith("d") else ""
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 5):
            raise ValueError(value)
        return int(digits)

    return Option(name, default, about, "a number of days, like 30d", read)


def flag(name: str, default: bool, about: str) -> Option[bool]:
    """An option that is true or false."""

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError(value)
        return value

    return Option(name, default, about, "true or false", read)


def guids(name: str, about: str) -> Option[frozenset[Guid]]:
    """An option that is a list of GUIDs; none without it."""

    def read(value: object) -> frozenset[Guid]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ValueError(value)
        try:
            return frozenset(Guid.parse(each) for each in value)
        except NotAGuid as problem:
            raise ValueError(value) from problem

    return Option(name, frozenset(), about, "a list of GUIDs", read)


# What a rule says, and what it may look at


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
        """What the configuration sets for a rule besides severity and enabled; `Option.of` reads it."""
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
    unresolved_on: Mapping[Address, frozenset[str]] = field(default_factory=dict)
    """
    The names of the applications that are declared of an account and could not be resolved; only accounts with some.

    What is on such an account's list may be one of them, so it cannot be called extra with certainty.
    """
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

    @property
    def alias(self) -> str:
        """The tenant's name in the configuration."""
        return self.entry.alias

    @property
    def accounts(self) -> tuple[HveAccount, ...]:
        """The live accounts that are asked for, by address."""
        return tuple(account for account in self.facts.snapshot.accounts if self.only(account.address))

    def options(self, rule: str) -> Mapping[str, object]:
        """What the configuration sets for a rule besides severity and enabled; `Option.of` reads it."""
        return _options(self.desired.policy, rule)


def _options(policy: Policy, rule: str) -> Mapping[str, object]:
    setting = policy.rules.get(rule)
    return setting.options if setting is not None else {}


class WaiverUse(StrEnum):
    """What became of a waiver in this run."""

    USED = "used"
    """It accepted something."""
    EXPIRED = "expired"
    """Its last day is over, so it accepted nothing."""
    IDLE = "idle"
    """Everything that it could accept was looked at, and it accepted nothing."""
    NOT_TOLD = "not told"
    """It accepted nothing, and not everything that it could accept was looked at."""


@dataclass(frozen=True, slots=True)
class WaiverView:
    """What a waiver rule may look at."""

    desired: DesiredState
    today: date
    uses: tuple[tuple[Waiver, WaiverUse], ...]
    """Every waiver of the configuration, in its order."""


# Rules


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
    options: tuple[Option[Any], ...] = field(default=(), kw_only=True)
    """What the configuration may tell it."""

    @property
    def title(self) -> str:
        """One line: what fails."""
        return self.page.strip().split("\n", 1)[0].partition(": ")[2].rstrip(".")


@dataclass(frozen=True, slots=True)
class ConfigRule(Rule):
    """A rule about the configuration alone; it runs with --config-only too."""

    judge: Callable[[ConfigView], Iterator[Judgement]] = lambda _: iter(())


@dataclass(frozen=True, slots=True)
class TenantRule(Rule):
    """A rule about a tenant."""

    needs: frozenset[Part] = field(default=frozenset(), kw_only=True)
    """What must be asked of the tenant besides its lists and its directory."""
    judge: Callable[[TenantView], Iterator[Judgement]] = lambda _: iter(())


@dataclass(frozen=True, slots=True)
class WaiverRule(Rule):
    """A rule about what became of the waivers. It runs last, and no waiver speaks of it."""

    judge: Callable[[WaiverView], Iterator[Judgement]] = lambda _: iter(())


AnyRule = ConfigRule | TenantRule | WaiverRule


# From judgements to findings


def run_config(rules: Iterable[ConfigRule], view: ConfigView) -> tuple[Finding, ...]:
    """What these rules find in the configuration alone."""
    judged = ((rule, judgement) for rule in _enabled(rules, view.desired) for judgement in rule.judge(view))
    return _findings(judged, view.desired, view.today)


def run_tenant(rules: Iterable[TenantRule], view: TenantView) -> tuple[Finding, ...]:
    """What these rules find in one tenant."""
    judged = ((rule, judgement) for rule in _enabled(rules, view.desired) for judgement in rule.judge(view))
    return _findings(judged, view.desired, view.today, view)


def run_waivers(rules: Iterable[WaiverRule], view: WaiverView) -> tuple[Finding, ...]:
    """What these rules find about the waivers. No waiver accepts it."""
    judged = ((rule, judgement) for rule in _enabled(rules, view.desired) for judgement in rule.judge(view))
    return in_order(finding_of(rule, judgement, view.desired) for rule, judgement in judged)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Failures first, then what is unknown; the worst first; then by tenant, rule and subject."""
    return tuple(sorted(findings, key=_place))


R = TypeVar("R", bound=Rule)


def _enabled(rules: Iterable[R], desired: DesiredState) -> Iterator[R]:
    settings = desired.policy.rules
    return (rule for rule in rules if rule.id not in settings or settings[rule.id].enabled)


def parts_needed(rules: Iterable[TenantRule], desired: DesiredState) -> frozenset[Part]:
    """What has to be read besides the lists and the directory for the rules that are not switched off."""
    return frozenset(part for rule in _enabled(rules, desired) for part in rule.needs)


def severity_of(rule: Rule, desired: DesiredState, judged: Severity | None = None) -> Severity:
    """How bad a failure is: as the configuration says, else as the judgement does, else the rule."""
    setting = desired.policy.rules.get(rule.id)
    if setting is not None and setting.severity:
        return Severity(setting.severity)
    return judged or rule.severity


def _findings(
    judged: Iterable[tuple[Rule, Judgement]], desired: DesiredState, today: date, view: TenantView | None = None
) -> tuple[Finding, ...]:
    waivers = [waiver for waiver in desired.policy.waivers if in_force(waiver, today)]
    found = (finding_of(rule, judgement, desired, view) for rule, judgement in judged)
    return in_order(_waived(finding, waivers) for finding in found)


def finding_of(rule: Rule, judgement: Judgement, desired: DesiredState, view: TenantView | None = None) -> Finding:
    """A judgement with the configuration's severity, a place to point at, and what mends it."""
    mendable = judgement.verdict in (Verdict.FAIL, Verdict.UNKNOWN)
    return Finding(
        rule=rule.id,
        severity=severity_of(rule, desired, judgement.severity),
        verdict=judgement.verdict,
        message=judgement.message,
        subject=judgement.subject,
        source=judgement.source or _source(judgement.subject, desired, view),
        remedy=(judgement.remedy or rule.fix) if mendable else judgement.remedy,
        facts=judgement.facts,
    )


def _waived(finding: Finding, waivers: Iterable[Waiver]) -> Finding:
    """A failure that somebody accepted is waived. What is unknown never is: nobody knows what would be accepted."""
    if finding.verdict is not Verdict.FAIL:
        return finding
    waiver = next((each for each in waivers if covers(each, finding)), None)
    return finding if waiver is None else replace(finding, verdict=Verdict.WAIVED, waiver=waiver)


def covers(waiver: Waiver, finding: Finding) -> bool:
    """Whether a finding is what a waiver speaks of; the day is not looked at."""
    subject = finding.subject
    return accepts(waiver, finding.rule) and speaks_of(waiver, subject.tenant, subject.account, subject.app)


def _source(subject: Subject, desired: DesiredState, view: TenantView | None) -> SourceSpan:
    """The account's line, else the tenant's, else the first file's first: there is always a place to point at."""
    tenant = view.entry if view is not None else desired.tenants.get(subject.tenant)
    if subject.account is not None:
        found = view.entries.get(subject.account) if view is not None else None
        entry = found[0] if found is not None else None
        if entry is None and tenant is not None:
            entry = tenant.accounts.get(subject.account)
        if entry is not None:
            return entry.source
    if tenant is not None:
        return tenant.source
    return SourceSpan(desired.files[0] if desired.files else "hve.yaml", 1)


_VERDICTS = tuple(Verdict)


def _place(finding: Finding) -> tuple[object, ...]:
    subject = finding.subject
    whom = (subject.tenant, subject.account.value if subject.account else "", subject.app.value if subject.app else "")
    worst_first = (_VERDICTS.index(finding.verdict), -finding.severity.rank)
    return (*worst_first, subject.tenant, finding.rule, *whom, subject.thing, finding.message)

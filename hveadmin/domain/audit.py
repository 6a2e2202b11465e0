"""
What an auditor is told of a tenant: who can send as whom, since when, why, and on whose word. Values, and nothing else.

    facts + configuration + journal → workflows.report → AuditedTenant → report

Whatever could not be read stays `Unknown` or `Unreadable` in here; it is never left out and never counted as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from hveadmin.domain.desired import Mode, SourceSpan
from hveadmin.domain.facts import NOT_ASKED, BasicAuth, Billing, TenantFacts
from hveadmin.domain.ids import Address, ObjectId
from hveadmin.domain.journaled import History, Since
from hveadmin.domain.permissions import MailPermission
from hveadmin.domain.tenant import CEILING, Credential, HveAccount, Identity, Known, Unknown, Unreadable


@dataclass(frozen=True, slots=True)
class Word:
    """On whose word something is so, and until when. What nobody wrote down is empty."""

    owner: str = ""
    reason: str = ""
    ticket: str = ""
    expires: date | None = None
    """The last day, inclusive; None where there is none."""
    source: SourceSpan | None = None


NOBODY = Word()
"""Nobody answers for it."""


class Standing(StrEnum):
    """How an application comes to be on an account's list, by the configuration."""

    DECLARED = "declared"
    ACCEPTED = "accepted"
    """Not declared; a waiver in force accepts it."""
    ENDED = "past-its-end"
    """Declared until a day that is over."""
    MUST_GO = "must-go"
    """Declared to be absent."""
    NOT_HERE = "not-declared-here"
    """The configuration knows the application; nothing says that it may send as this account."""
    UNKNOWN_APP = "unknown-application"
    """No entry of the configuration explains it."""
    NOT_TOLD = "not-told"
    """It may be an application of the configuration that could not be resolved."""
    NO_CONFIGURATION = "no-configuration"


class Trait(StrEnum):
    """What is to be known of an application on a list, the worst first."""

    FORBIDDEN = "forbidden"
    UNEXPLAINED = "unexplained"
    """No entry of the configuration explains it."""
    FOREIGN = "foreign"
    """Registered in another tenant."""
    NO_SENDER = "no-sender"
    """The id is no service principal's: a look-alike, deleted, or of nothing that there is."""
    DISABLED = "disabled"
    CANNOT_SEND = "cannot-send"
    """It lacks Mail.Send, or everything that it could sign in with has run out."""
    CREDENTIAL_ENDS = "credential-ends"
    NOT_CHECKED = "not-checked"
    """What it is, or whether it may send, could not be seen."""


CANNOT = frozenset({Trait.NO_SENDER, Trait.DISABLED, Trait.CANNOT_SEND})
"""The traits of what cannot send as things are now. The place on the list is its all the same."""


@dataclass(frozen=True, slots=True)
class AuditedApp:
    """One application that stands on a list."""

    id: ObjectId
    configured: str
    """Its name in the configuration; empty where no entry explains it."""
    identity: Identity | None
    """What the directory says of the id; None where it could not be read."""
    accounts: tuple[Address, ...]
    """The accounts that list it, of those that the report is about."""
    traits: Mapping[Trait, str]
    """What is to be known of it, each with a sentence without its full stop."""
    word: Word = NOBODY
    permission: MailPermission | Unreadable | None = None
    """None where there is no service principal that could have one."""
    may_send: bool | None = None
    """Whether Mail.Send is in force; None where that is not known, or nothing could have it."""
    credentials: tuple[Credential, ...] | Unreadable | None = None
    """None where its registration is not in this tenant."""

    @property
    def display_name(self) -> str:
        """What the directory calls it: hostile text, empty where there is none."""
        return self.identity.display_name if self.identity is not None else ""

    @property
    def name(self) -> str:
        """The configuration's name, else the directory's; empty where there is neither."""
        return self.configured or self.display_name

    @property
    def cannot_send(self) -> bool:
        """Whether it is known that it cannot send as things are now."""
        return not CANNOT.isdisjoint(self.traits)


@dataclass(frozen=True, slots=True)
class AuditedGrant:
    """One application on one account's list."""

    app: AuditedApp
    standing: Standing
    word: Word = NOBODY
    since: Since | None = None


@dataclass(frozen=True, slots=True)
class AuditedAccount:
    """One HVE account, what is declared of it, and what is on its list."""

    account: HveAccount
    mode: Mode | None = None
    """None where no entry of the configuration speaks for it."""
    origin: str = ""
    """Which entry does: `hve.yaml:52`, `selector hve-alert-*`."""
    word: Word = NOBODY
    grants: tuple[AuditedGrant, ...] = ()
    """By the applications' names. None of them where the list is open, or unknown: look at `account.allowed` first."""
    missing: tuple[str, ...] = ()
    """Applications, by their names in the configuration, that are declared and not on the list."""
    basic_auth: BasicAuth | Unknown | Unreadable = NOT_ASKED
    billing: Billing | Unknown | Unreadable = NOT_ASKED

    @property
    def address(self) -> Address:
        return self.account.address

    @property
    def is_open(self) -> bool:
        """Known to be empty: every application may send."""
        return isinstance(self.account.allowed, Known) and self.account.allowed.is_open

    @property
    def unread(self) -> str:
        """Why the list could not be read; empty where it was, and never where it was not."""
        allowed = self.account.allowed
        return (allowed.why or "nobody knows why") if isinstance(allowed, Unknown) else ""

    @property
    def unused(self) -> int | None:
        """How many applications more the list has room for; None where it could not be read."""
        return CEILING - len(self.account.allowed.apps) if isinstance(self.account.allowed, Known) else None


@dataclass(frozen=True, slots=True)
class AuditedTenant:
    """One tenant that was read."""

    alias: str
    domain: str
    facts: TenantFacts
    accounts: tuple[AuditedAccount, ...]
    """Those that the report is about, by address."""
    apps: tuple[AuditedApp, ...]
    """Every application on their lists, by name, the nameless last."""
    history: History | Unreadable = field(default_factory=History)
    configured: bool = True
    """Whether there is a configuration to hold it to."""

    @property
    def opened(self) -> tuple[AuditedAccount, ...]:
        """The accounts through which any application may send."""
        return tuple(each for each in self.accounts if each.is_open)

    @property
    def unknown(self) -> tuple[AuditedAccount, ...]:
        """The accounts whose list could not be read."""
        return tuple(each for each in self.accounts if each.unread)

    @property
    def restricted(self) -> tuple[AuditedAccount, ...]:
        """The accounts with applications on their lists."""
        return tuple(each for each in self.accounts if isinstance(each.account.allowed, Known) and not each.is_open)

    @property
    def gaps(self) -> tuple[tuple[str, str], ...]:
        """What could not be read besides lists, and why: `the directory`, `its journal`."""
        facts = self.facts
        parts = (
            ("the directory", facts.snapshot.directory),
            ("the right to send", facts.permissions),
            ("the credentials", facts.credentials),
            ("the billing policies", facts.billing),
            ("basic authentication", facts.basic_auth),
            ("whether the owners are still there", facts.owners),
            ("the journal", self.history),
        )
        return tuple((what, _why(part)) for what, part in parts if isinstance(part, Unreadable))


def _why(part: Unreadable) -> str:
    return f"{part.why or 'nobody knows why'} (to read it, grant {part.grant})" if part.grant else part.why


class ExceptionKind(StrEnum):
    """What somebody decided to let be otherwise, or nobody decided; the most dangerous first."""

    OPEN = "unrestricted-account"
    WAIVER = "waiver"
    ENDED = "grant-past-its-end"
    ENDING = "ends-soon"
    NOT_ENFORCED = "not-enforced"
    """An account whose list nobody keeps: observed, or without an entry."""
    RULE = "rule"
    SETTING = "setting"


class ExceptionState(StrEnum):
    """How an exception stands today, the most urgent first."""

    NOT_DECLARED = "not-declared"
    """It is so, and nobody decided that."""
    NOT_TOLD = "not-told"
    """Not everything that it is about could be looked at."""
    PAST = "past-its-end"
    IDLE = "matches-nothing"
    SOON = "ends-soon"
    IN_FORCE = "in-force"
    CLOSED = "closed-in-fact"
    """An account that may be open, and is restricted."""
    NOT_THERE = "no-such-account"


@dataclass(frozen=True, slots=True)
class AuditedException:
    """One thing that is otherwise than it should be, and on whose word."""

    kind: ExceptionKind
    state: ExceptionState
    what: str
    """A sentence without its full stop. It may quote tenant text."""
    tenant: str = ""
    """Empty where it holds for all of them."""
    account: Address | None = None
    app: str = ""
    """The application's name in the configuration, else its id; empty where it is about none."""
    rule: str = ""
    word: Word = NOBODY

"""
What a rule says of one thing: a verdict, how bad it is, and what mends it.

A finding is about a subject, and its fingerprint is made from the rule and the subject's ids alone: no line number
and no display name, so that an alert survives an edit of the file and a renamed application.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from hveadmin.domain.desired import SourceSpan, Waiver
from hveadmin.domain.ids import Address, Guid, TenantId


class Severity(StrEnum):
    """How bad it is that a rule fails."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 4 for critical."""
        return tuple(Severity).index(self)


class Verdict(StrEnum):
    """What came of looking at one thing with one rule."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    """It could not be found out. Never a pass."""
    WAIVED = "waived"
    """It fails, and somebody accepted that until a day that is not over."""
    PASS = "pass"  # noqa: S105 — a verdict, no password
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about: the ids tell it apart, the names are for people."""

    tenant: str = ""
    """The alias in the configuration; empty where it is about the configuration as a whole."""
    tenant_id: TenantId | None = None
    account: Address | None = None
    guid: Guid | None = None
    """The account's guid; None where the account is not there, or nobody looked."""
    app: Guid | None = None
    """The id that stands on the list, or that is meant; whatever kind of id it is."""
    app_name: str = ""
    """The configuration's name, else what the directory calls it. The latter is hostile text."""
    thing: str = ""
    """What tells it apart where ids do not: `apps.NAME`, `selector GLOB`, `waiver …`. No line number."""

    def __str__(self) -> str:
        """Where to look: `contoso hve-a@contoso.com payroll-mailer`."""
        app = self.app_name or (self.app.short if self.app is not None else "")
        account = self.account.value if self.account is not None else ""
        return " ".join(filter(None, (self.tenant, account, app, self.thing))) or "the configuration"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's verdict on one subject."""

    rule: str
    severity: Severity
    verdict: Verdict
    message: str
    """A sentence: what is so. It may quote tenant text, so every sink escapes it."""
    subject: Subject
    source: SourceSpan | None = None
    """The place in the configuration that is concerned: the account's line, else the tenant's, else the first line."""
    remedy: str = ""
    """What to do next: a command to type wherever there is one, else a sentence."""
    waiver: Waiver | None = None
    """Whose word makes it `waived`."""
    facts: tuple[tuple[str, str], ...] = field(default=())
    """What a program may want besides, in order: (`expires`, `2026-12-31`), (`of`, `10`)."""

    @property
    def fingerprint(self) -> str:
        """sha256 over rule, tenant id, account guid and object id, and what else tells it apart."""
        subject = self.subject
        whose = subject.tenant_id.value if subject.tenant_id is not None else subject.tenant
        account = subject.guid or subject.account
        parts = (self.rule, whose, str(account or ""), str(subject.app or ""), subject.thing)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

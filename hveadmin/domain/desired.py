"""
What should be: the configuration as values, each with the place in the file it came from.

Three things that look alike are kept apart: an account without an entry, an account whose list is to hold certain
applications, and an account that is to be open on purpose (`Mode.UNRESTRICTED`). There is no empty list to declare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from hveadmin.domain.ids import Address, ClientId, Guid, ObjectId, TenantId


@dataclass(frozen=True, slots=True)
class SourceSpan:
    """Where something was written. `line` and `column` count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Mode(StrEnum):
    """What an entry promises about an account's list."""

    ENFORCE = "enforce"
    """Exactly these, at least one."""
    ADDITIVE = "additive"
    """At least these."""
    ABSENT = "absent"
    """These must not be there; never removing the last one."""
    OBSERVE = "observe"
    """Report only."""
    UNRESTRICTED = "unrestricted"
    """Empty on purpose: every application may send. Needs reason, owner and end."""


class Unmanaged(StrEnum):
    """What it means when a live account has no entry."""

    FAIL = "fail"
    REPORT = "report"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class ByClientId:
    """An application by its client id, resolved in each tenant."""

    client_id: ClientId

    def __str__(self) -> str:
        return f"client id {self.client_id}"


@dataclass(frozen=True, slots=True)
class ByObjectId:
    """An application by its service principal's object id, which exists in one tenant only."""

    object_id: ObjectId
    tenant: str
    """The alias of the tenant in the configuration."""

    def __str__(self) -> str:
        return f"object id {self.object_id}"


@dataclass(frozen=True, slots=True)
class ByName:
    """An application by its display name. Advised against: anyone who may register an application chooses one."""

    name: str

    def __str__(self) -> str:
        return f"name {self.name!r}"


AppRef = ByClientId | ByObjectId | ByName


@dataclass(frozen=True, slots=True)
class AppEntry:
    """One entry of `apps`."""

    name: str
    ref: AppRef
    source: SourceSpan
    owner: str = ""
    reason: str = ""
    ticket: str = ""
    expires: date | None = None
    """The last day it is wanted; from the day after it is not."""


@dataclass(frozen=True, slots=True)
class Grant:
    """
    One application on one entry's list, after sets are expanded.

    Owner, reason, ticket and end are the grant's own where it has them, else the application's, else the defaults'.
    """

    app: AppEntry
    source: SourceSpan
    owner: str = ""
    reason: str = ""
    ticket: str = ""
    expires: date | None = None
    """The earlier of the grant's own end and the application's. The last day is inclusive."""


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """One account, or what one selector says of every account it matches."""

    mode: Mode
    grants: tuple[Grant, ...]
    source: SourceSpan
    owner: str = ""
    reason: str = ""
    ticket: str = ""
    expires: date | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """A rule for accounts without an entry of their own: first match wins."""

    match: str
    """A glob over the whole address, case folded: * ? [seq]."""
    entry: AccountEntry
    except_: tuple[str, ...] = ()
    """Globs that take accounts out again."""


@dataclass(frozen=True, slots=True)
class TenantEntry:
    """One tenant of the configuration."""

    alias: str
    source: SourceSpan
    accounts: Mapping[Address, AccountEntry]
    selectors: tuple[Selector, ...] = ()
    tenant_id: TenantId | None = None
    domain: str = ""
    profile: str = ""
    unmanaged: Unmanaged = Unmanaged.FAIL


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit by count and by percent; a plan over either is refused."""

    max: int
    percent: float
    source: SourceSpan | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one run may change without being told so explicitly."""

    accounts_changed: Bound = Bound(10, 50)
    grants_removed: Bound = Bound(10, 30)
    accounts_opened: int = 0
    accounts_opened_source: SourceSpan | None = None


@dataclass(frozen=True, slots=True)
class ForbiddenApp:
    """An application that must be on no list."""

    id: ClientId | ObjectId
    source: SourceSpan
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RuleSetting:
    """What the configuration says of one policy rule."""

    rule: str
    source: SourceSpan
    severity: str = ""
    enabled: bool = True
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiver:
    """An accepted deviation. It pins what was accepted: rule, tenant, account, application."""

    rule: str
    reason: str
    owner: str
    expires: date
    source: SourceSpan
    tenant: str = ""
    account: Address | None = None
    app: Guid | None = None
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules' settings. Judged by `check`, which comes later; read and validated now."""

    unknown_apps: str = "deny"
    forbidden_apps: tuple[ForbiddenApp, ...] = ()
    require: tuple[str, ...] = ()
    rules: Mapping[str, RuleSetting] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True, slots=True)
class DesiredState:
    """The whole configuration."""

    apps: Mapping[str, AppEntry]
    tenants: Mapping[str, TenantEntry]
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    expiry_warning_days: int = 30
    sha256: str = ""
    """Over the bytes of every file that was read, in the order they were read."""
    files: tuple[str, ...] = ()

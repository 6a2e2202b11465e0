"""
What the inside needs of the outside, as Protocols. Adapters are named for who they talk to, ports for what is needed.

There are two ports for accounts: whoever must not write is handed a reader, and a reader has no method that writes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from hveadmin.domain.facts import BasicAuth, Billing
from hveadmin.domain.ids import Address, ClientId, Guid, ObjectId, TenantId
from hveadmin.domain.permissions import PermissionView
from hveadmin.domain.plan import Change, Plan, Step
from hveadmin.domain.registration import (
    Flow,
    MailSend,
    Principal,
    PublicCertificate,
    Registration,
    ScopeGrant,
)
from hveadmin.domain.sending import Attempt, Message
from hveadmin.domain.tenant import (
    AllowedApps,
    Credential,
    DirectoryView,
    Known,
    ListedAccount,
    ServicePrincipal,
    Unknown,
    Unreadable,
)


@dataclass(frozen=True, slots=True)
class OpenPermit:
    """Somebody's explicit word that one account may be opened to every application."""

    account: Address
    reason: str
    expires: date | None = None
    """The last day it is meant to be open; None when nobody said."""


class AccountReader(Protocol):
    """Reads HVE accounts and their lists."""

    def list_accounts(self) -> Sequence[ListedAccount]:
        """
        Every HVE account of the tenant, complete.

        Raises ServiceError (or AuthError) rather than return a part.
        """
        ...

    def read_allowed(self, accounts: Collection[Address]) -> Iterator[tuple[Address, AllowedApps]]:
        """
        The list of each account, as they come in, each account exactly once.

        A failure of one account is its `Unknown`; a failure of all of them (nobody signed in) raises.
        """
        ...


class AccountWriter(Protocol):
    """Changes HVE accounts' lists, one call at a time, never twice."""

    def grant(self, account: Address, apps: Collection[ObjectId], *, before: Known | None = None) -> None:
        """
        Add these applications.

        `before` is the list as it was last read: a call that would lead over ten raises Refused and is not sent.
        Raises ServiceError; with `outcome_unknown` when the answer was lost.
        """
        ...

    def revoke(
        self, account: Address, apps: Collection[ObjectId], *, before: Known, permit: OpenPermit | None = None
    ) -> None:
        """
        Remove these applications.

        `before` is the list as it was last read: a call that would leave nothing of it raises Refused and is not
        sent, unless `permit` names this account.
        """
        ...


class Directory(Protocol):
    """Explains ids."""

    def look_up(self, ids: Collection[Guid], names: Collection[str] = ()) -> DirectoryView:
        """
        What each id is, and which service principals bear each name.

        Returns `Unreadable` where the directory cannot be read; raises AuthError where nobody could sign in.
        """
        ...


class ApplicationReader(Protocol):
    """Reads what the directory holds of one registration. Every method raises ServiceError or AuthError, never less."""

    def mail_send(self) -> MailSend:
        """Exchange Online in this tenant, and the ids of its permission Mail.Send. Raises Refused where it is none."""
        ...

    def registrations(self, name: str) -> Sequence[Registration]:
        """Every app registration of this display name, as the directory compares names; without their keys."""
        ...

    def registration(self, client_id: ClientId) -> Registration | None:
        """One app registration, whole; None where there is none."""
        ...

    def principal(self, client_id: ClientId) -> Principal | None:
        """Its enterprise application in this tenant; None where there is none."""
        ...

    def has_role(self, principal: ObjectId, mail_send: MailSend) -> bool:
        """Whether Mail.Send of Exchange Online (of no other API) is assigned to it."""
        ...

    def scope_grant(self, principal: ObjectId, mail_send: MailSend) -> ScopeGrant | None:
        """The delegated consent to Exchange Online for everybody; None where there is none."""
        ...


class ApplicationWriter(Protocol):
    """
    Changes one registration, one call a method, never twice where twice would do harm.

    Every method raises AuthError that names the missing permission, or ServiceError (`outcome_unknown` where the
    answer was lost). What it made a moment ago and the directory does not show everywhere yet is waited for.
    """

    def create_application(self, name: str, flow: Flow, mail_send: MailSend) -> Registration:
        """A registration for this tenant alone, asking for Mail.Send; with public client flows where delegated."""
        ...

    def request_permission(self, registration: Registration, flow: Flow, mail_send: MailSend) -> None:
        """Let it ask for Mail.Send besides what it asks for already."""
        ...

    def allow_public_client(self, registration: Registration) -> None:
        """Switch public client flows on."""
        ...

    def create_principal(self, client_id: ClientId) -> Principal:
        """Its enterprise application."""
        ...

    def assign_role(self, principal: ObjectId, mail_send: MailSend) -> None:
        """Admin consent to the application permission."""
        ...

    def grant_scope(self, principal: ObjectId, mail_send: MailSend, present: ScopeGrant | None) -> None:
        """Admin consent to the delegated permission, for everybody; `present` is the consent that is extended."""
        ...

    def add_certificate(self, registration: Registration, certificate: PublicCertificate) -> None:
        """Let this certificate sign in as it, besides those that may already."""
        ...

    def add_secret(self, registration: Registration, ends: datetime, keep: Callable[[str], None]) -> None:
        """
        Have the directory make a secret, and hand it to `keep` and to nobody else.

        Where `keep` raises, the error names the key id of the secret that nobody holds.
        """
        ...


class CertificateMaker(Protocol):
    """Keeps an application's private key and its certificate on this side."""

    def read(self, now: datetime) -> PublicCertificate | None:
        """What is kept already; None where nothing is. Raises Refused where what is there cannot serve."""
        ...

    def make(self, days: int) -> PublicCertificate:
        """
        Make a key and a certificate, and keep both before anybody hears of them.

        Raises Refused where something is kept in the place already, HveAdminError where it cannot be written.
        """
        ...


class SecretKeeper(Protocol):
    """Keeps an application's secret on this side."""

    def hint(self, client_id: ClientId | None) -> str | None:
        """The first characters of what is kept already, empty where nothing is; None where nothing can be kept."""
        ...

    def check(self) -> None:
        """Raise now where a secret could not be kept later: it is given out only once. Changes nothing."""
        ...

    def keep(self, client_id: ClientId, value: str) -> None:
        """Keep it. Raises HveAdminError where that fails."""
        ...


class PermissionReader(Protocol):
    """Says what applications may do about sending mail, and what they prove themselves with."""

    def mail_permission(self, applications: Collection[ServicePrincipal]) -> PermissionView:
        """
        What each application requested, was granted and consented to, by object id.

        Returns `Unreadable` where the directory cannot be read; raises AuthError where nobody could sign in.
        """
        ...

    def credentials(self, clients: Collection[ClientId]) -> Mapping[ClientId, tuple[Credential, ...]] | Unreadable:
        """
        The secrets and certificates of these applications' registrations, as far as they are in this tenant.

        Returns `Unreadable` where the directory cannot be read; raises AuthError where nobody could sign in.
        """
        ...


class BillingReader(Protocol):
    """Says whether accounts' sending can be billed."""

    def billing(self, accounts: Collection[Address]) -> Mapping[Address, Billing | Unknown] | Unreadable:
        """
        Each account's, every one of them. A failure of one account is its `Unknown`.

        Returns `Unreadable` where nobody may ask, with what to grant; raises AuthError where nobody could sign in.
        """
        ...


class BasicAuthReader(Protocol):
    """Says whether accounts may sign in to SMTP with their password."""

    def basic_auth(self, accounts: Collection[Address]) -> Mapping[Address, BasicAuth | Unknown] | Unreadable:
        """
        Each account's, every one of them, by the authentication policies in force.

        Returns `Unreadable` where the policies cannot be read, with what to grant where a right is missing; raises
        AuthError where nobody could sign in.
        """
        ...


class PeopleReader(Protocol):
    """Says whether somebody is still there."""

    def still_there(self, addresses: Collection[str]) -> Mapping[str, bool] | Unreadable:
        """
        For each mail address, whether a user or a group of the tenant has it.

        The keys are the addresses as they were given. Returns `Unreadable`, with what to grant where a right is
        missing, if that could not be found out of any of them; raises AuthError where nobody could sign in.
        """
        ...


class MailProbe(Protocol):
    """Tries to authenticate as an account, and to send."""

    def attempt(self, account: Address, token: str, message: Message | None = None) -> Attempt:
        """
        One attempt. What fails is a stage of it that did not pass; nothing is raised for that.

        Raises UsageError for an address or a token that cannot be sent at all.
        """
        ...


class TokenSource(Protocol):
    """Gets access tokens for whoever is signed in."""

    def token(self, scope: str, *, claims: str | None = None) -> str:
        """
        An access token for `scope` (https://…/.default), from the cache where it is still good.

        `claims` is the JSON of a claims challenge; it bypasses the cache. Raises AuthError or ConnectFailed.
        """
        ...


class Clock(Protocol):
    """The time, and the passing of it."""

    def now(self) -> datetime:
        """The present, with its time zone (UTC)."""
        ...

    def monotonic(self) -> float:
        """Seconds from some fixed point; for deadlines."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Journal(Protocol):
    """
    Writes down what is tried before it is tried, and what came of it.

    `intent` returns only when the record would survive a crash; an adapter that cannot write raises, and the call
    is then not made.
    """

    def begin(self, plan: Plan, plan_id: str) -> None:
        """A run of this plan begins. Raises Refused where it is known to have been applied already."""
        ...

    def intent(self, change: Change, step: Step) -> None:
        """This call is about to be made."""
        ...

    def result(self, change: Change, step: Step, error: str) -> None:
        """The call returned; `error` is empty where it did so without one."""
        ...

    def read_back(self, change: Change, step: Step, seen: AllowedApps) -> None:
        """What the account's list was when it was read after the call."""
        ...

    def end(self, plan: Plan, outcome: str) -> None:
        """The run is over."""
        ...


Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done and how many there are."""


def no_progress(what: str, done: int, total: int) -> None:
    """Nobody is watching."""


@dataclass(frozen=True, slots=True)
class TenantIdentity:
    """Whom a token was issued for: checked against the plan before the first write."""

    tenant_id: TenantId
    actor: str
    """The signed-in application's or user's name or id, for the plan and the journal."""

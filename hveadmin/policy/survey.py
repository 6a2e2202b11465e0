"""
What the rules about accounts and their lists have in common: how they name things, where it is written, what is known.

A survey is one rule's look at one tenant. It names an application as the configuration does, else as the directory
does, in quotes; and it gives every judgement the account's own line.

Two questions about declarations are answered here as well, because every rule that compares a list with what is
declared must answer them alike:

    an application that could not be resolved    may be any id on the list of which nothing else is known. Such an id
                                                 is unknown, neither missing nor extra
    a change of ours that is minutes old         may not show everywhere yet. A list that we left as it is declared
                                                 is settling, not drifting; an open list is never waited for
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from hveadmin.domain.desired import AccountEntry, ByClientId, ByName, ByObjectId, Grant, Mode, SourceSpan
from hveadmin.domain.finding import Subject
from hveadmin.domain.ids import Address, Guid, ObjectId
from hveadmin.domain.planner import Reach, decide
from hveadmin.domain.resolve import Declaration
from hveadmin.domain.tenant import HveAccount, Identity, IdKind, Known, Readable, ServicePrincipal, Unknown
from hveadmin.policy import commands
from hveadmin.policy.about import About
from hveadmin.policy.engine import Judgement, TenantView

ANY_MAY_SEND = "its list is empty, so any application may send as it"


@dataclass(frozen=True, slots=True)
class Survey:
    """One rule's look at one tenant."""

    view: TenantView
    _names: dict[Guid, str] = field(default_factory=dict)

    @classmethod
    def of(cls, view: TenantView) -> Survey:
        """A survey of this view, in which the configuration's applications have their names."""
        names: dict[Guid, str] = {}
        for name, app in view.by_app.items():
            names.setdefault(Guid(app.value), name)
        return cls(view, names)

    # How it is named, and where it is written

    def account(self, account: HveAccount, *, thing: str = "") -> About:
        """A live account, or a `thing` that is declared of it."""
        subject = self._subject(account.address, account.guid, thing=thing)
        return About(subject, self._written_at(account.address))

    def not_there(self, address: Address) -> About:
        """An account that is declared and is none."""
        return About(self._subject(address), self._written_at(address))

    def on_list(self, account: HveAccount, app: Guid) -> About:
        """An application on an account's list, or one that is meant to be there."""
        return About(self._subject(account.address, account.guid, app), self._written_at(account.address))

    def application(self, app: Guid) -> About:
        """An application in this tenant, whatever lists it is on."""
        entry = self.view.desired.apps.get(self.configured_name(app))
        return About(self._subject(app=app), self.view.entry.source if entry is None else entry.source)

    def tenant(self, thing: str = "", source: SourceSpan | None = None) -> About:
        """The tenant itself, or a `thing` of its part of the configuration."""
        return About(self._subject(thing=thing), source or self.view.entry.source)

    def _subject(
        self, address: Address | None = None, guid: Guid | None = None, app: Guid | None = None, thing: str = ""
    ) -> Subject:
        return Subject(
            tenant=self.view.alias,
            tenant_id=self.view.facts.tenant_id,
            account=address,
            guid=guid,
            # As a plain id: whatever it was taken for, it is the same subject.
            app=None if app is None else Guid(app.value),
            app_name="" if app is None else self.configured_name(app) or self._display_name(app),
            thing=thing,
        )

    def configured_name(self, app: Guid) -> str:
        """The name in `apps` of what was resolved to this id here; empty if there is none."""
        return self._names.get(Guid(app.value), "")

    def label(self, app: Guid) -> str:
        """An application in a sentence: `payroll-mailer`, `"Payroll Mailer v1" (11a2f7c3-…)`, or its id."""
        if configured := self.configured_name(app):
            return configured
        name = self._display_name(app).replace('"', r"\"")
        return f'"{name}" ({app})' if name else app.value

    def _display_name(self, app: Guid) -> str:
        identity = self._identity(app)
        return "" if identity is None else identity.display_name

    def _identity(self, app: Guid) -> Identity | None:
        """What the directory says of an id; None where it said nothing, for whatever reason."""
        directory = self.view.facts.snapshot.directory
        return directory.identity(app) if isinstance(directory, Readable) else None

    def _written_at(self, address: Address) -> SourceSpan:
        """The line of the account's entry, or of the selector that speaks for it; else the tenant's."""
        found = self.view.entries.get(address)
        entry = found[0] if found is not None else self.view.entry.accounts.get(address)
        return self.view.entry.source if entry is None else entry.source

    # What is declared, as far as it is known

    def entry(self, account: HveAccount) -> AccountEntry | None:
        """What the configuration says of a live account; None if nothing."""
        found = self.view.entries.get(account.address)
        return None if found is None else found[0]

    def mode(self, account: HveAccount) -> Mode | None:
        """What is promised of a live account; None for one without an entry."""
        entry = self.entry(account)
        return None if entry is None else entry.mode

    def declared(self, account: HveAccount) -> Declaration | None:
        """The same in this tenant's object ids, as far as they could be found."""
        return self.view.declarations.get(account.address)

    def unresolved(self, account: HveAccount) -> list[Grant]:
        """What the account's entry names and nobody could find an object id for."""
        entry, declared = self.entry(account), self.declared(account)
        missing = self.view.unresolved_on.get(account.address, frozenset())
        # Two names for one application: the plan refuses that, and here the other name speaks for both.
        named_twice = frozenset(declared.grants) if declared is not None else frozenset[ObjectId]()
        return [
            grant
            for grant in (entry.grants if entry is not None else ())
            if grant.app.name in missing and self.view.by_app.get(grant.app.name) not in named_twice
        ]

    def could_be(self, grant: Grant, app: ObjectId) -> bool:
        """Whether an id on a list may be the application of an unresolved grant, for all that is known."""
        pin = self.view.pins.apps.get(grant.app.name) if self.view.pins is not None else None
        if pin is not None and pin.object_id == app:
            return True
        identity = self._identity(app)
        match grant.app.ref:
            case ByObjectId(object_id):
                return object_id == app
            case _ if identity is None:
                return True
            case ByClientId(client_id):
                principal = _service_principal(identity)
                return principal is not None and principal.client_id == client_id
            case ByName(name):
                principal = _service_principal(identity)
                return principal is not None and principal.display_name == name

    def maybe_on_list(self, account: HveAccount, allowed: Known, grant: Grant) -> bool:
        """Whether an unresolved application may be on the list, under an id that nothing else explains."""
        declared = self.declared(account)
        explained = frozenset(declared.grants) if declared is not None else frozenset[ObjectId]()
        return any(self.could_be(grant, app) for app in allowed.apps - explained)

    def settles(self, account: HveAccount) -> str:
        """Why a list that differs is not judged yet: a run of ours left it as declared. Empty where that is not so."""
        lately, declared = self.view.settling.get(account.guid), self.declared(account)
        if lately is None or declared is None or not isinstance(account.allowed, Known) or account.allowed.is_open:
            return ""
        decision = decide(declared, account.allowed.apps, self.view.today)
        as_declared = isinstance(decision, Reach) and decision.target == lately.left
        return f"settling: a change of hveadmin takes effect by {_clock(lately.until)}" if as_declared else ""

    # What is said alike

    def unread(self, account: HveAccount, unknown: Unknown) -> Judgement:
        """Nobody knows what is on the account's list."""
        remedy = commands.show(self.view.alias, account.address)
        return self.account(account).unknown(f"its list could not be read: {unknown.why}", remedy)

    def to_restrict(self, account: HveAccount) -> str:
        """The command that closes an open account: by the configuration, or with what it names, or with an id."""
        if self.mode(account) in (Mode.ENFORCE, Mode.ADDITIVE):
            return commands.plan(self.view.alias, account.address)
        declared = self.declared(account)
        wanted = sorted(app.value for app in declared.wanted) if declared is not None else []
        return commands.grant(self.view.alias, account.address, *wanted)

    def to_plan(self, account: HveAccount) -> str:
        """The command that shows what the configuration would change on an account."""
        return commands.plan(self.view.alias, account.address)


def _service_principal(identity: Identity) -> ServicePrincipal | None:
    return identity.principal if identity.kind is IdKind.SERVICE_PRINCIPAL else None


def _clock(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%H:%MZ")

"""
report: what an auditor is told of a tenant, from what was read, what is declared and what the journal knows.

Nothing in here reads or writes; whoever calls hands in the facts, from the tenant or from a snapshot, judged by
`check`. Without a configuration the same is told: then nobody answers for anything, and the rules that hold a tenant to
its configuration do not apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from hveadmin.domain.audit import (
    NOBODY,
    AuditedAccount,
    AuditedApp,
    AuditedGrant,
    AuditedTenant,
    Standing,
    Trait,
    Word,
)
from hveadmin.domain.desired import (
    AccountEntry,
    AppEntry,
    ByClientId,
    DesiredState,
    Grant,
    Mode,
    Policy,
    RuleSetting,
    SourceSpan,
    TenantEntry,
    Unmanaged,
    Waiver,
)
from hveadmin.domain.facts import TenantFacts
from hveadmin.domain.finding import Finding, Subject, Verdict
from hveadmin.domain.ids import Address, ObjectId, TenantId
from hveadmin.domain.journaled import History, known_since
from hveadmin.domain.permissions import (
    CredentialVerdict,
    MailPermission,
    MailVerdict,
    judge_credentials,
    may_send,
    says,
)
from hveadmin.domain.permissions import judge as judge_permission
from hveadmin.domain.planner import what_it_is
from hveadmin.domain.resolve import Declaration, forbidden_ids
from hveadmin.domain.tenant import (
    Credential,
    HveAccount,
    Identity,
    IdKind,
    Known,
    Readable,
    ServicePrincipal,
    Unknown,
    Unreadable,
)
from hveadmin.domain.waiving import accepted_on
from hveadmin.errors import Outcome
from hveadmin.policy.engine import AnyRule, TenantView
from hveadmin.policy.rules import ALL_RULES
from hveadmin.policy.survey import Survey

NEED_A_CONFIGURATION = frozenset(
    {"HVE102", "HVE103", "HVE105", "HVE201", "HVE202", "HVE208"}
    | {"HVE301", "HVE302", "HVE303", "HVE304", "HVE305"}
    | {"HVE402", "HVE403", "HVE404", "HVE405", "HVE406", "HVE407", "HVE501", "HVE502"}
)
"""Rules that hold a tenant to what somebody wrote down; without a configuration they do not apply."""
NEED_NONE = frozenset(
    {"HVE101", "HVE104", "HVE106", "HVE203", "HVE204", "HVE205", "HVE206", "HVE207", "HVE209", "HVE210"}
    | {"HVE401", "HVE601", "HVE901", "HVE902", "HVE903", "HVE904"}
)
"""Rules that say something of a tenant nobody wrote anything down about."""

_T = TypeVar("_T")

_NOWHERE = SourceSpan("", 1)


# Without a configuration


def no_configuration(tenants: Mapping[str, TenantFacts | None]) -> DesiredState:
    """
    What stands for the configuration where there is none: the tenants by what they are called, and nothing else.

    Where a tenant was read already, as in a snapshot, its id and domain are known as well.
    """
    settings = {rule: RuleSetting(rule, _NOWHERE, enabled=False) for rule in sorted(NEED_A_CONFIGURATION)}
    entries = {
        alias: TenantEntry(
            alias,
            _NOWHERE,
            {},
            tenant_id=None if facts is None else facts.tenant_id,
            domain="" if facts is None else facts.domain,
            unmanaged=Unmanaged.IGNORE,
        )
        for alias, facts in tenants.items()
    }
    return DesiredState({}, entries, policy=Policy(rules=settings))


def without_configuration(findings: Iterable[Finding], tenants: Iterable[tuple[str, TenantId]]) -> tuple[Finding, ...]:
    """The same findings without a place in a file, and for every rule that does not apply that it does not."""
    rules = [ALL_RULES[each] for each in sorted(NEED_A_CONFIGURATION)]
    beside = (_not_applicable(rule, alias, tenant_id) for alias, tenant_id in tenants for rule in rules)
    return (*(replace(finding, source=None) for finding in findings), *beside)


def _not_applicable(rule: AnyRule, alias: str, tenant_id: TenantId) -> Finding:
    subject = Subject(alias, tenant_id)
    return Finding(rule.id, rule.severity, Verdict.NOT_APPLICABLE, "there is no configuration to hold it to", subject)


# One tenant


def audit_tenant(view: TenantView, history: History | Unreadable, *, configured: bool = True) -> AuditedTenant:
    """What is to be told of one tenant; of the accounts that are asked for only."""
    auditor = _Auditor(view, Survey.of(view), configured)
    apps = {each.id: each for each in auditor.apps()}
    return AuditedTenant(
        alias=view.alias,
        domain=view.entry.domain or view.facts.domain,
        facts=view.facts,
        accounts=tuple(auditor.account(each, apps, history) for each in view.accounts),
        apps=tuple(sorted(apps.values(), key=by_name)),
        history=history,
        configured=configured,
    )


def by_name(app: AuditedApp) -> tuple[bool, str, ObjectId]:
    """How applications are ordered: by name, the nameless last."""
    return (app.name == "", app.name.casefold(), app.id)


class _Auditor:
    """What one tenant's accounts and applications are looked at with."""

    def __init__(self, view: TenantView, survey: Survey, configured: bool) -> None:
        self._view = view
        self._survey = survey
        self._configured = configured
        self._forbidden = forbidden_ids(view.desired.policy.forbidden_apps, view.facts.snapshot.directory)

    # Applications

    def apps(self) -> Iterator[AuditedApp]:
        listed: dict[ObjectId, list[Address]] = {}
        for account in self._view.accounts:
            for app in account.allowed.apps if isinstance(account.allowed, Known) else ():
                listed.setdefault(app, []).append(account.address)
        for app, accounts in listed.items():
            yield self._app(app, tuple(accounts))

    def _app(self, app: ObjectId, accounts: tuple[Address, ...]) -> AuditedApp:
        identity, entry = self._identity(app), self._entry_of(app)
        principal = _principal(identity)
        permission = self._permission(principal)
        return AuditedApp(
            id=app,
            configured="" if entry is None else entry.name,
            identity=identity,
            accounts=accounts,
            traits=dict(self._traits(app, identity, entry, permission)),
            word=NOBODY if entry is None else _word_of_app(entry),
            permission=permission,
            may_send=self._may_send(permission),
            credentials=self._credentials(principal, permission),
        )

    def _identity(self, app: ObjectId) -> Identity | None:
        directory = self._view.facts.snapshot.directory
        return directory.identity(app) if isinstance(directory, Readable) else None

    def _entry_of(self, app: ObjectId) -> AppEntry | None:
        """The entry of `apps` that explains an id, also one of the wrong kind."""
        identity, entries = self._identity(app), self._view.desired.apps
        name = self._survey.configured_name(app)
        if not name and identity is not None and identity.principal is not None:
            name = self._survey.configured_name(identity.principal.object_id)
        if name:
            return entries[name]
        clients = {app.value} | ({identity.client_id.value} if identity is not None and identity.client_id else set())
        return next((each for each in entries.values() if _client_id(each) in clients), None)

    def _permission(self, principal: ServicePrincipal | None) -> MailPermission | Unreadable | None:
        permissions = self._view.facts.permissions
        if isinstance(permissions, Unreadable):
            return permissions
        return None if principal is None else permissions.get(principal.object_id)

    def _may_send(self, permission: MailPermission | Unreadable | None) -> bool | None:
        if not isinstance(permission, MailPermission):
            return None
        return may_send(judge_permission(permission, self._view.facts.tenant_id), permission.consented)

    def _credentials(
        self, principal: ServicePrincipal | None, permission: MailPermission | Unreadable | None
    ) -> tuple[Credential, ...] | Unreadable | None:
        if isinstance(permission, MailPermission):
            return permission.credentials
        credentials = self._view.facts.credentials
        if isinstance(credentials, Unreadable):
            return credentials
        return None if principal is None else credentials.get(principal.client_id)

    def _traits(
        self,
        app: ObjectId,
        identity: Identity | None,
        entry: AppEntry | None,
        permission: MailPermission | Unreadable | None,
    ) -> Iterator[tuple[Trait, str]]:
        if app.value in self._forbidden:
            yield Trait.FORBIDDEN, self._why_forbidden(app, identity)
        if entry is None and self._configured and not self._may_be_configured(app):
            yield Trait.UNEXPLAINED, "no entry of the configuration explains it"
        if identity is None:
            directory = self._view.facts.snapshot.directory
            why = directory.why if isinstance(directory, Unreadable) else "the directory was not asked for it"
            yield Trait.NOT_CHECKED, f"not checked: {why}"
        elif identity.kind is not IdKind.SERVICE_PRINCIPAL or identity.principal is None:
            yield Trait.NO_SENDER, what_it_is(identity, self._view.facts.snapshot) or "no service principal"
        else:
            yield from self._traits_of_principal(identity.principal)
            yield from self._traits_of_permission(permission)

    def _traits_of_principal(self, principal: ServicePrincipal) -> Iterator[tuple[Trait, str]]:
        owner = principal.owner_tenant
        if owner is not None and owner != self._view.facts.tenant_id:
            by = f'verified publisher "{principal.publisher}"' if principal.publisher else "no verified publisher"
            yield Trait.FOREIGN, f"registered in another tenant ({owner.short}), {by}"
        if principal.disabled_by_microsoft:
            yield Trait.DISABLED, f"disabled by Microsoft: {principal.disabled_by_microsoft}"
        elif not principal.enabled:
            yield Trait.DISABLED, "disabled in Entra"

    def _traits_of_permission(self, permission: MailPermission | Unreadable | None) -> Iterator[tuple[Trait, str]]:
        if isinstance(permission, Unreadable):
            yield Trait.NOT_CHECKED, f"whether it may send could not be read: {permission.why}"
            return
        if permission is None:
            yield Trait.NOT_CHECKED, "nobody looked whether it may send"
            return
        verdict, may = judge_permission(permission, self._view.facts.tenant_id), self._may_send(permission)
        soon = timedelta(days=self._view.desired.expiry_warning_days)
        credentials = judge_credentials(permission.credentials, self._view.now, soon)
        if may is None:
            yield Trait.NOT_CHECKED, says(verdict)
        elif not may:
            yield Trait.CANNOT_SEND, f"cannot send: {says(verdict)}"
        elif verdict is MailVerdict.GRANTED and credentials is CredentialVerdict.EXPIRED:
            yield Trait.CANNOT_SEND, "cannot send: every secret and certificate of it has run out"
        if credentials is CredentialVerdict.EXPIRES_SOON:
            yield Trait.CREDENTIAL_ENDS, "everything that it signs in with ends soon"

    def _why_forbidden(self, app: ObjectId, identity: Identity | None) -> str:
        principal = None if identity is None else identity.principal
        ids = {app.value} if principal is None else {app.value, principal.object_id.value, principal.client_id.value}
        forbidden = self._view.desired.policy.forbidden_apps
        reason = next((each.reason for each in forbidden if each.id.value in ids), "")
        return f"forbidden: {reason}" if reason else "forbidden"

    # Accounts

    def account(
        self, account: HveAccount, apps: Mapping[ObjectId, AuditedApp], history: History | Unreadable
    ) -> AuditedAccount:
        found = self._view.entries.get(account.address)
        entry, origin = (None, "") if found is None else found
        grants = [
            self._grant(account, apps[app], entry, history)
            for app in (account.allowed.apps if isinstance(account.allowed, Known) else ())
        ]
        return AuditedAccount(
            account=account,
            mode=None if entry is None else entry.mode,
            origin=origin,
            word=NOBODY if entry is None else word_of_entry(entry),
            grants=tuple(sorted(grants, key=lambda each: by_name(each.app))),
            missing=tuple(self._missing(account)),
            basic_auth=_of_account(self._view.facts.basic_auth, account.address),
            billing=_of_account(self._view.facts.billing, account.address),
        )

    def _grant(
        self, account: HveAccount, app: AuditedApp, entry: AccountEntry | None, history: History | Unreadable
    ) -> AuditedGrant:
        standing, word = self._standing(account, app)
        read_at = self._view.facts.read_at
        since = known_since(history, account.guid, app.id, read_at) if isinstance(history, History) else None
        return AuditedGrant(app, standing, word, since)

    def _standing(self, account: HveAccount, app: AuditedApp) -> tuple[Standing, Word]:
        if not self._configured:
            return Standing.NO_CONFIGURATION, NOBODY
        declared = self._view.declarations.get(account.address)
        grant = declared.grants.get(app.id) if declared is not None else None
        waiver = self._accepted(account.address, declared, app.id)
        if waiver is not None:
            return Standing.ACCEPTED, word_of_waiver(waiver)
        if declared is not None and grant is not None:
            if app.id in declared.wanted:
                return Standing.DECLARED, _word_of_grant(grant)
            return (Standing.MUST_GO if declared.mode is Mode.ABSENT else Standing.ENDED), _word_of_grant(grant)
        if app.configured:
            return Standing.NOT_HERE, app.word
        if self._may_be_declared(account, app.id) or self._may_be_configured(app.id):
            return Standing.NOT_TOLD, NOBODY
        return Standing.UNKNOWN_APP, NOBODY

    def _accepted(self, account: Address, declared: Declaration | None, app: ObjectId) -> Waiver | None:
        """Whose word keeps an application on a list that is not wanted there."""
        policy = self._view.desired.policy
        accepted = accepted_on(policy.waivers, self._view.alias, account, self._view.today, self._forbidden)
        if declared is None:
            return accepted.on_list(app, ended=False)
        if app in declared.wanted and app.value not in self._forbidden:
            return None
        return accepted.on_list(app, ended=app in declared.unwanted and declared.mode is not Mode.ABSENT)

    def _may_be_declared(self, account: HveAccount, app: ObjectId) -> bool:
        """Whether it may be an application of the account's entry that could not be resolved."""
        return any(self._survey.could_be(grant, app) for grant in self._survey.unresolved(account))

    def _may_be_configured(self, app: ObjectId) -> bool:
        """Whether it may be any application of the configuration that could not be resolved here."""
        unresolved = (each for each in self._view.desired.apps.values() if each.name not in self._view.by_app)
        return any(self._survey.could_be(Grant(each, each.source), app) for each in unresolved)

    def _missing(self, account: HveAccount) -> Iterator[str]:
        declared = self._view.declarations.get(account.address)
        if declared is None or not isinstance(account.allowed, Known):
            return
        if declared.mode in (Mode.ENFORCE, Mode.ADDITIVE):
            yield from sorted(declared.grants[app].app.name for app in declared.wanted - account.allowed.apps)
            # Of what could not be resolved nobody can say that it is missing.


def _of_account(part: Mapping[Address, _T | Unknown] | Unreadable, address: Address) -> _T | Unknown | Unreadable:
    if isinstance(part, Unreadable):
        return part
    return part.get(address, Unknown("nobody looked"))


def _client_id(entry: AppEntry) -> str:
    return entry.ref.client_id.value if isinstance(entry.ref, ByClientId) else ""


def _principal(identity: Identity | None) -> ServicePrincipal | None:
    is_principal = identity is not None and identity.kind is IdKind.SERVICE_PRINCIPAL
    return identity.principal if identity is not None and is_principal else None


# On whose word


def word_of_entry(entry: AccountEntry) -> Word:
    """Who answers for an account."""
    return Word(entry.owner, entry.reason, entry.ticket, entry.expires, entry.source)


def word_of_waiver(waiver: Waiver) -> Word:
    """Who accepted a deviation."""
    return Word(waiver.owner, waiver.reason, waiver.ticket, waiver.expires, waiver.source)


def _word_of_grant(grant: Grant) -> Word:
    return Word(grant.owner, grant.reason, grant.ticket, grant.expires, grant.source)


def _word_of_app(app: AppEntry) -> Word:
    return Word(app.owner, app.reason, app.ticket, app.expires, app.source)


# How it ends


def outcome_of(tenants: Sequence[AuditedTenant]) -> Outcome:
    """INCOMPLETE where anything that a report tells of could not be read; what is found does not count."""
    return Outcome.INCOMPLETE if any(map(_has_gaps, tenants)) else Outcome.OK


def _has_gaps(tenant: AuditedTenant) -> bool:
    parts = (part for each in tenant.accounts for part in (each.basic_auth, each.billing))
    return bool(tenant.gaps or tenant.unknown) or any(isinstance(part, Unknown) for part in parts)

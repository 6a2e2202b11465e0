"""
The whole path of one application to a sent mail through one account, link by link, each with a verdict. Pure.

    account      exists and is HVE · billing · its list, open or restricted · basic authentication beside it
    application  what the id or name is · service principal · enabled · Mail.Send on the right API and consented
                 · credentials
    sender       token · claims · on the list · settled · SMTP AUTH

What was seen is a value (`Sight`), and what could not be seen is one too: unknown, while the rest goes on. A broken
link comes with the commands that mend it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from hveadmin.domain.asked import Asked, AskedAddress, AskedId, AskedName
from hveadmin.domain.facts import BasicAuth, Billing, BillingStatus
from hveadmin.domain.health import Check, Remedy, Verdict, failed, not_tried, passed, unknown, warned
from hveadmin.domain.ids import Address, Guid, TenantId
from hveadmin.domain.permissions import (
    CredentialVerdict,
    MailPermission,
    MailVerdict,
    judge,
    judge_credentials,
    may_send,
    next_step,
    says,
)
from hveadmin.domain.plan import Settling
from hveadmin.domain.sending import Attempt, Result
from hveadmin.domain.sending_token import Expected, SendingToken, judge_listed, judge_token, list_command
from hveadmin.domain.tenant import (
    AllowedApps,
    HveAccount,
    Identity,
    IdKind,
    Known,
    ServicePrincipal,
    Unknown,
    Unreadable,
)
from hveadmin.errors import AuthError, HveAdminError, Outcome

CHECKS = (
    "account", "billing", "list", "basic authentication", "application", "service principal", "enabled", "permission",
    "credentials", "token", "claims", "on the list", "settled", "smtp",
)  # fmt: skip
"""Every check by its name, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class SenderCommand:
    """How the sender of this run signs in, as options of a command; no secret is in it. Empty where nobody said."""

    options: str = ""
    kept_in: str = ""
    """Which option names where the secret or certificate is: `secret_file`, `secret_keyring`, `certificate`."""
    keyring: str = ""
    """The keyring's service."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be found out."""

    account: Address
    app: Asked | None
    """None where only the sender's token can tell which application it is, or nobody named one."""
    delegated: bool = False
    """Whether the account signs in through the application."""
    sender: SenderCommand = SenderCommand()
    audience: str = "https://outlook.office.com"
    where: str = ""
    """What every command of this run needs besides, to mean the same tenant: ` -p lab`."""


@dataclass(frozen=True, slots=True)
class Sight:
    """All that was seen, each part with the reason where it could not be seen."""

    now: datetime
    tenant_id: TenantId | None
    account: HveAccount | Unreadable | None
    """None: the tenant has no such HVE account."""
    billing: Billing | Unknown
    basic_auth: BasicAuth | Unknown
    identity: Identity | Unreadable | None
    """What the application's id or name is; None where none was named."""
    bearers: tuple[ServicePrincipal, ...]
    """All who bear the name, where one was given that is not clear."""
    alike: tuple[Guid, ...]
    """The application's ids on the account's list that look like the right one and are not."""
    permission: MailPermission | Unreadable | None
    settling: Settling | Unknown | None
    token: SendingToken | HveAdminError | None
    attempt: Attempt | HveAdminError | None


def judge_path(question: Question, sight: Sight) -> tuple[Check, ...]:
    """Every check, in the order of CHECKS."""
    return tuple(_there(each, question.where) for each in _Path(question, sight).checks())


def _there(check: Check, where: str) -> Check:
    """The check with its commands meant for the tenant that was looked at."""
    remedy = check.remedy
    if remedy is None or not where:
        return check
    return replace(check, remedy=replace(remedy, hveadmin=tuple(f"{each}{where}" for each in remedy.hveadmin)))


class _Path:
    """What was seen, link by link."""

    def __init__(self, question: Question, sight: Sight) -> None:
        self._question = question
        self._sight = sight
        self._address = question.account
        identity = sight.identity
        self._principal = identity.principal if isinstance(identity, Identity) else None

    def checks(self) -> Iterator[Check]:
        yield self._account()
        yield self._billing()
        yield self._list()
        yield self._basic_auth()
        yield self._application()
        yield self._service_principal()
        yield self._enabled()
        yield self._permission()
        yield self._credentials()
        yield self._token()
        yield self._claims()
        yield self._listed()
        yield self._settled()
        yield self._smtp()

    # The account

    def _account(self) -> Check:
        account, name = self._sight.account, "account"
        if isinstance(account, Unreadable):
            return unknown(name, account.why)
        if account is None:
            return _broken(
                name,
                f"{self._address} is not an HVE account of this tenant",
                Remedy(
                    "Only HVE accounts have such a list; it is misspelt, an ordinary mailbox, or of another tenant.",
                    hveadmin=("hveadmin account list",),
                ),
            )
        return passed(name, f"{self._address} is an HVE account")

    def _billing(self) -> Check:
        name, billing = "billing", self._sight.billing
        if self._sight.account is None:
            return not_tried(name, "it needs `account`")
        if isinstance(billing, Unknown):
            return unknown(name, f"whether its mail can be billed is not known: {billing.why}")
        if billing.status == BillingStatus.VALID:
            return passed(name, f"{billing.policy or 'a billing policy'} is connected and valid")
        return _broken(
            name,
            f"its billing policy is not in order: {billing.status}",
            Remedy(
                "The account may sign in; what it sends is refused as long as nobody can be billed for it.",
                ("Microsoft 365 admin centre > Settings > Org settings > Pay-as-you-go services > High Volume Email",),
                powershell=(f"Get-HVEAccountBillingPolicy -Identity {_powershell(self._address)}",),
            ),
        )

    @property
    def _allowed(self) -> AllowedApps | None:
        account = self._sight.account
        if isinstance(account, HveAccount):
            return account.allowed
        return Unknown("nor could the account") if isinstance(account, Unreadable) else None

    def _list(self) -> Check:
        name, allowed = "list", self._allowed
        if allowed is None:
            return not_tried(name, "it needs `account`")
        if isinstance(allowed, Unknown):
            return unknown(name, f"the list could not be read: {allowed.why}")
        if allowed.is_open:
            return warned(name, "OPEN: the list is empty, so every application with a good token may send through it")
        number = len(allowed.apps)
        return passed(name, f"restricted to {number} application{'s' if number > 1 else ''}")

    def _basic_auth(self) -> Check:
        name, found = "basic authentication", self._sight.basic_auth
        if self._sight.account is None:
            return not_tried(name, "it needs `account`")
        if isinstance(found, Unknown):
            return unknown(name, f"whether the account's password opens SMTP is not known: {found.why}")
        if found is BasicAuth.ALLOWED:
            return warned(
                name,
                "ALLOWED: whoever has the account's password sends past the list; block it with an authentication"
                " policy (Set-AuthenticationPolicy -AllowBasicAuthSmtp:$false)",
            )
        return passed(name, "blocked: the list is the only door")

    # The application

    def _application(self) -> Check:
        name, identity, app = "application", self._sight.identity, self._question.app
        if isinstance(identity, Unreadable):
            return unknown(name, f"what {app or 'it'} is could not be found out: {identity.why}")
        if identity is not None:
            return self._identified(name, identity)
        if isinstance(app, AskedName):
            return self._named(name, app.name)
        if isinstance(app, AskedAddress):
            means = "Name it by one of its ids, or by its display name."
            return _broken(name, f"{app} is a mail address, and no application has one", Remedy(means))
        return not_tried(name, "none was named: hveadmin doctor ACCOUNT APP")

    def _named(self, name: str, said: str) -> Check:
        if self._sight.bearers:
            ids = ", ".join(each.object_id.value for each in self._sight.bearers)
            seen = f"{len(self._sight.bearers)} applications are called {said!r}: {ids}"
            return _broken(name, seen, Remedy("Display names are not unique: name one by its id."))
        means = "It is misspelt, or registered without an enterprise application in this tenant."
        again = Remedy(means, hveadmin=(f"hveadmin app whatis {shlex.quote(said)}", "hveadmin app list"))
        return _broken(name, f"no application is called {said!r}", again)

    def _identified(self, name: str, identity: Identity) -> Check:
        of = f" of {identity.display_name!r}" if identity.display_name else ""
        match identity.kind:
            case IdKind.SERVICE_PRINCIPAL:
                return passed(name, f"{identity.id} is the service principal{of}")
            case IdKind.CLIENT_ID:
                return passed(name, f"{identity.id} is the client id{of}")
            case IdKind.APP_REGISTRATION:
                return passed(
                    name, f"{identity.id} is the app registration{of}; neither lists nor sign-ins take this id"
                )
            case IdKind.NOT_FOUND | IdKind.NOT_FOUND_OR_OTHER:
                seen = f"{identity.id} is no application of this tenant"
            case _:
                seen = f"{identity.id} is a {identity.kind.value.replace('-', ' ')}{of}: no application"
        means = "It was deleted, belongs to another tenant, or another id was meant."
        return _broken(name, seen, Remedy(means, hveadmin=(f"hveadmin app whatis {identity.id}",)))

    def _service_principal(self) -> Check:
        name, identity = "service principal", self._sight.identity
        if isinstance(identity, Unreadable):
            return unknown(name, "it needs `application`")
        if identity is None or identity.kind not in _APPLICATIONS:
            return not_tried(name, "it needs `application`")
        if self._principal is not None:
            return passed(name, f"{self._principal.object_id}: the id that an account's list holds")
        step = next_step(MailVerdict.NO_ENTERPRISE_APPLICATION, None, identity)
        return _broken(
            name,
            "it is registered, and has no enterprise application in this tenant",
            Remedy(
                "Without one nothing can be granted to it, no list can name it, and no token is issued to it.",
                (step.portal,) if step is not None and step.portal else (),
                azure_cli=(step.command,) if step is not None and step.command else (),
                hveadmin=self._register(),
            ),
        )

    def _enabled(self) -> Check:
        name, principal = "enabled", self._principal
        if principal is None:
            return self._needs_principal(name)
        if principal.disabled_by_microsoft:
            seen = f"Microsoft has disabled it: {principal.disabled_by_microsoft}"
            return _broken(name, seen, Remedy("Only Microsoft's support can say why, and enable it."))
        if principal.enabled:
            return passed(name, "users and applications may sign in through it")
        return _broken(
            name,
            "it is disabled: no token is issued to it (AADSTS7000112)",
            Remedy(
                "Somebody switched it off: find out why before you switch it on.",
                ("Entra admin centre > Enterprise applications > the application > Properties > Enabled: Yes",),
                powershell=(
                    f"Update-MgServicePrincipal -ServicePrincipalId {principal.object_id} -AccountEnabled:$true",
                ),
                azure_cli=(f"az ad sp update --id {principal.client_id} --set accountEnabled=true",),
            ),
        )

    def _needs_principal(self, name: str) -> Check:
        if isinstance(self._sight.identity, Unreadable):
            return unknown(name, "it needs `service principal`")
        return not_tried(name, "it needs `service principal`")

    def _permission(self) -> Check:
        name, seen, tenant_id = "permission", self._sight.permission, self._sight.tenant_id
        if isinstance(seen, Unreadable):
            return unknown(name, f"what it was granted could not be read: {seen.why}")
        if seen is None or tenant_id is None:
            return self._needs_principal(name)
        verdict = judge(seen, tenant_id)
        may = may_send(verdict, seen.consented)
        if may is None:
            return unknown(name, says(verdict))
        if may:
            return self._right_kind(name, verdict)
        step = next_step(verdict, seen)
        commands = () if verdict is MailVerdict.REGISTRATION_GONE else self._register()
        return _broken(
            name,
            says(verdict),
            Remedy(
                "Without Mail.Send on Office 365 Exchange Online, with consent, a token opens no HVE account."
                " A permission shows in the next new token.",
                (step.portal,) if step is not None and step.portal else (),
                azure_cli=(step.command,) if step is not None and step.command else (),
                hveadmin=commands,
            ),
        )

    def _right_kind(self, name: str, verdict: MailVerdict) -> Check:
        """Both kinds are good in themselves; the one that this sender signs in with has to be the one it has."""
        is_delegated = verdict is not MailVerdict.GRANTED
        token = self._sight.token
        if is_delegated and isinstance(token, SendingToken) and not token.is_user:
            means = "The application signs in as itself and has the permission only for users who sign in."
            return _broken(name, says(verdict), Remedy(means, hveadmin=self._register()))
        return passed(name, says(verdict))

    def _register(self, *credential: str) -> tuple[str, ...]:
        """The command that makes whatever is missing of the application; none where its name cannot be typed."""
        principal, identity = self._principal, self._sight.identity
        name = identity.display_name if isinstance(identity, Identity) else ""
        client_id = principal.client_id if principal is not None else None
        if client_id is None and isinstance(identity, Identity):
            client_id = identity.client_id
        if not name or not name.isprintable() or client_id is None:
            return ()
        words = ["hveadmin", "app", "register", name, "--client-id", client_id.value]
        words += ["--delegated"] if self._question.delegated else list(credential) or ["--no-credential"]
        return (shlex.join(words),)

    def _credentials(self) -> Check:
        name, seen, now = "credentials", self._sight.permission, self._sight.now
        if isinstance(seen, Unreadable):
            return unknown(name, f"its secrets and certificates could not be read: {seen.why}")
        if seen is None:
            return self._needs_principal(name)
        if self._question.delegated:
            return passed(name, "none is needed: the account signs in through it")
        found = seen.credentials
        verdict = judge_credentials(found, now)
        ends = sorted(each.ends for each in found or () if each.ends is not None)
        last = f"{ends[-1]:%Y-%m-%d}" if ends else "no known day"
        match verdict:
            case CredentialVerdict.GOOD:
                return passed(name, f"it has one that is good until {last}")
            case CredentialVerdict.EXPIRES_SOON:
                return warned(name, f"the last one ends on {last}: make another one before")
            case CredentialVerdict.UNSEEN:
                said = "it is registered elsewhere, and so are its credentials"
                return passed(name, said) if isinstance(self._sight.token, SendingToken) else not_tried(name, said)
            case CredentialVerdict.EXPIRED:
                return self._new_credential(name, f"all have expired, the last on {last}")
            case CredentialVerdict.NONE:
                if isinstance(self._sight.token, SendingToken):
                    return passed(name, "no secret and no certificate; it signs in with another kind (federation)")
                return warned(name, "no secret and no certificate; federated credentials were not looked at")

    def _new_credential(self, name: str, seen: str) -> Check:
        means = "No token is issued without one that is good. A secret's value is shown once, when it is made."
        return _broken(name, seen, Remedy(means, hveadmin=self._register(*self._kept_anew())))

    def _kept_anew(self) -> tuple[str, ...]:
        """Where a new credential is kept: the same keyring entry, else a new file; nothing is written over."""
        sender, stamp = self._question.sender, f"{self._sight.now:%Y%m%d-%H%M%S}"
        if sender.keyring:
            return ("--secret-keyring", sender.keyring)
        if sender.kept_in == "certificate":
            return ("--certificate", f"sender-{stamp}.pem")
        return ("--secret-file", f"sender-{stamp}.secret")

    # The sender

    def _token(self) -> Check:
        name, token = "token", self._sight.token
        if token is None:
            return not_tried(name, "nothing says how the sender signs in; the options of hveadmin token get do")
        if isinstance(token, SendingToken):
            return passed(name, f"of {token.actor}")
        if any(number in token.message for number in _BAD_SECRET):
            return self._new_credential(name, f"{token.message}; {token.hint}")
        shut = self._question.delegated and any(number in token.message for number in _SHUT_TO_PEOPLE)
        commands = self._register() if shut else ()
        remedy = Remedy(token.hint or "Entra ID gives this sender no token.", hveadmin=commands)
        return failed(name, token.message, remedy, _outcome(token))

    def _claims(self) -> Check:
        name, token = "claims", self._sight.token
        if not isinstance(token, SendingToken):
            return not_tried(name, "it needs `token`")
        principal = self._principal
        wanted = Expected(
            self._sight.now,
            self._question.audience,
            self._sight.tenant_id,
            principal.client_id if principal is not None else None,
            self._address,
        )
        checks = judge_token(token, wanted)
        broken = next((each for each in checks if each.failed), None)
        if broken is None:
            warnings = [each.seen for each in checks if each.verdict is Verdict.WARN]
            return (
                warned(name, "; ".join(warnings))
                if warnings
                else passed(name, "audience, lifetime, tenant and Mail.Send; the signature was not checked")
            )
        remedy = broken.remedy or Remedy("")
        if broken.name == "permission" and self._register():
            again = (f"hveadmin doctor {shlex.quote(self._address.value)}{self._question.sender.options}",)
            remedy = Remedy(remedy.means, remedy.steps, hveadmin=(*self._register(), *again))
        return failed(name, f"{broken.name}: {broken.seen}", remedy, broken.outcome)

    def _listed(self) -> Check:
        name, allowed = "on the list", self._allowed
        if allowed is None:
            return not_tried(name, "it needs `account`")
        if isinstance(allowed, Unknown):
            return unknown(name, f"the list could not be read: {allowed.why}")
        if allowed.is_open:
            return passed(name, "the list is open to everybody")
        token = self._sight.token
        if self._principal is not None:
            return self._principal_listed(name, allowed, self._principal)
        if isinstance(token, SendingToken):
            return judge_listed(token, self._address, allowed)
        identity, app = self._sight.identity, self._question.app
        if isinstance(identity, Unreadable) and isinstance(app, AskedId):
            there = app.id.value in {each.value for each in allowed.apps}
            said = "is on the list" if there else "is not on the list"
            return unknown(name, f"{app.id} {said}; whether it is a service principal's id is not known")
        return self._needs_principal(name)

    def _principal_listed(self, name: str, allowed: Known, principal: ServicePrincipal) -> Check:
        listed = {each.value for each in allowed.apps}
        if principal.object_id.value in listed:
            return passed(name, f"{principal.object_id} is on it")
        grant = list_command("grant", self._address, principal.object_id.value)
        wrong = [each.value for each in self._sight.alike]
        if not wrong:
            seen = f"{principal.object_id} is not among the {len(listed)} on it"
            return _broken(name, seen, Remedy("The account does not let this application in.", hveadmin=(grant,)))
        revokes = tuple(list_command("revoke", self._address, each) for each in wrong)
        seen = f"the list has {' and '.join(wrong)} in place of {principal.object_id}"
        means = (
            "An account's list holds object ids of service principals; a client id or a registration's object id on it"
            " lets nobody in."
        )
        return _broken(name, seen, Remedy(means, hveadmin=(grant, *revokes)))

    @property
    def _bound_by(self) -> datetime | None:
        """Until when a change of ours on this list may not bind; None where none is so young."""
        lately = self._sight.settling
        return lately.until if isinstance(lately, Settling) and lately.until > self._sight.now else None

    def _settled(self) -> Check:
        name, until, lately = "settled", self._bound_by, self._sight.settling
        if not isinstance(self._sight.account, HveAccount):
            return not_tried(name, "it needs `account`")
        if isinstance(lately, Unknown):
            return unknown(name, f"what hveadmin changed lately could not be read: {lately.why}")
        attempt = self._sight.attempt
        if until is None:
            return passed(name, "hveadmin changed nothing on this list in the last five minutes")
        if isinstance(attempt, Attempt) and attempt.authenticated and self._listed().failed:
            said = f"hveadmin changed this list minutes ago: until {until:%H:%M:%SZ} a server may go by the old one"
            return warned(name, f"{said}, as this one did, which let the application in")
        if isinstance(attempt, Attempt) and attempt.authenticated:
            return passed(name, "hveadmin changed this list minutes ago, and the server lets the application in")
        said = f"hveadmin changed this list minutes ago: until {until:%H:%M:%SZ} a server may not know it"
        if isinstance(attempt, Attempt) and attempt.authenticated is False and not self._listed().failed:
            again = f"hveadmin smtp test {shlex.quote(self._address.value)}{self._question.sender.options}"
            return _broken(name, said, Remedy("Exchange needs up to five minutes.", (f"wait until {until:%H:%M:%SZ}",),
                                              hveadmin=(again,)))  # fmt: skip
        return warned(name, said)

    def _smtp(self) -> Check:
        name, attempt = "smtp", self._sight.attempt
        if attempt is None:
            return not_tried(name, "it needs `token`")
        if isinstance(attempt, HveAdminError):
            return failed(name, attempt.message, Remedy(attempt.hint or ""), _outcome(attempt))
        last = attempt.last
        if attempt.passed:
            return passed(name, last.said)
        if last.result is Result.BROKEN:
            return failed(name, f"{last.stage.value}: {last.said}", Remedy(last.next), Outcome.ERROR)
        if last.next:
            return _broken(name, f"{last.stage.value}: {last.said}", Remedy(last.next))
        meaning = attempt.meaning
        means = f"{meaning.says}." if meaning is not None else "The server refused, in words that nobody has described."
        steps = (meaning.mend,) if meaning is not None and meaning.mend and "doctor" not in meaning.mend else ()
        ticket = attempt.reply.ticket if attempt.reply is not None else None
        support = (f"for a support ticket: {ticket}",) if ticket is not None else ()
        return _broken(name, last.said, Remedy(means, (*steps, *support)))


_APPLICATIONS = frozenset({IdKind.SERVICE_PRINCIPAL, IdKind.CLIENT_ID, IdKind.APP_REGISTRATION})
_BAD_SECRET = ("AADSTS7000215", "AADSTS7000222")
"""The numbers of Entra's for a secret that is wrong, or over."""
_SHUT_TO_PEOPLE = ("AADSTS7000218", "AADSTS65001")
"""Those for an application through which nobody may sign in: no public client flows, or no consent to a scope."""


def _broken(name: str, seen: str, remedy: Remedy) -> Check:
    return failed(name, seen, remedy, Outcome.AUTH)


def _outcome(error: HveAdminError) -> Outcome:
    return Outcome.AUTH if isinstance(error, AuthError) else error.outcome


def _powershell(address: Address) -> str:
    return "'" + address.value.replace("'", "''") + "'"

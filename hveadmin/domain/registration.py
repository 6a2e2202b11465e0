"""
What the registration of a sending application must be, what is there of it, and the steps between. Pure.

OAuth for HVE wants of an application [D]: a registration, an enterprise application, the permission Mail.Send on
Office 365 Exchange Online, admin consent to it, and something to prove itself with; or, for the delegated permission,
public client flows instead of a proof, because the HVE account itself signs in.

The steps are ordered so that an interruption after any of them leaves nothing that is wrong, and a state from which
the next run goes on: consent before the credential, so that nobody holds the key of a thing that is not finished.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from hveadmin.domain.ids import EXCHANGE_ONLINE, ClientId, Guid, ObjectId
from hveadmin.errors import Refused, UsageError

MAIL_SEND = "Mail.Send"
MAIL_SEND_ROLE = Guid("b633e1c5-b582-4048-a93e-9f11b44c7e96")
"""The application role. Microsoft Graph's Mail.Send has the same id, so it says nothing without its resource [F]."""
MAIL_SEND_SCOPE = Guid("5eb43c10-865a-4259-960a-83946678f8dd")
"""The delegated scope on Exchange Online; Microsoft Graph's has another id [F]."""

SINGLE_TENANT = "AzureADMyOrg"
ALL_PRINCIPALS = "AllPrincipals"
LONGEST_NAME = 120
"""The portal's limit for a display name [D]; Graph itself takes 256."""
HINT_LENGTH = 3
"""Graph shows this many characters of a secret's beginning [D]."""
MOST_DAYS = 730
"""Two years: what Entra gives a secret when nobody says otherwise [D]. Longer is asking to be forgotten."""

# Control, format and surrogate characters, line and paragraph separators: what turns or hides text, or ends a line
# in a script that somebody pastes.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Flow(StrEnum):
    """Who signs in: the application itself, or the HVE account through it."""

    APPLICATION = "application"
    DELEGATED = "delegated"


class Proof(StrEnum):
    """What the application proves itself with."""

    CERTIFICATE = "certificate"
    SECRET = "secret"  # noqa: S105 — the name of a kind of credential
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class PublicCertificate:
    """A certificate without its private key, as it is registered. The key lies in a file and nowhere else."""

    der: bytes = field(repr=False)
    starts: datetime
    ends: datetime

    @property
    def key(self) -> str:
        """As Graph writes it: the DER bytes in base64."""
        return base64.b64encode(self.der).decode("ascii")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The registration as it should be."""

    name: str
    flow: Flow = Flow.APPLICATION
    proof: Proof = Proof.CERTIFICATE
    days: int = 180
    """How long a new credential lasts."""
    certificate: PublicCertificate | None = None
    """The one that lies in the file already; None where a new one is to be made."""
    kept_hint: str | None = None
    """The first three characters of the secret that is kept already; None where nobody looked (it is only shown)."""
    kept_in: str = ""
    """Where the credential lies or will lie, in words: `payroll.pem`, `the keyring service hve`."""

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > LONGEST_NAME:
            raise UsageError(f"an application's name has 1 to {LONGEST_NAME} characters, not {len(self.name)}")
        if any(unicodedata.category(each) in _UNSEEN for each in self.name):
            raise UsageError(
                f"the name {self.name!r} holds characters that cannot be seen, or a line end",
                hint="type the name; do not paste it from a formatted text",
            )
        if not 1 <= self.days <= MOST_DAYS:
            raise UsageError(f"a credential lasts 1 to {MOST_DAYS} days, not {self.days}")


# What is there


@dataclass(frozen=True, slots=True, order=True)
class Access:
    """One permission that a registration asks for: `Role` for applications, `Scope` for the delegated kind."""

    id: str
    type: str


@dataclass(frozen=True, slots=True)
class RequiredAccess:
    """What a registration asks of one API."""

    api: str
    """The API's client id."""
    access: tuple[Access, ...]


@dataclass(frozen=True, slots=True)
class KeyOnFile:
    """A certificate as the directory has it."""

    key: str = field(repr=False)
    """The DER bytes in base64; empty where the directory did not say."""
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class SecretOnFile:
    """A secret as the directory shows it: never its value."""

    key_id: str
    hint: str
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Registration:
    """An app registration."""

    object_id: Guid
    """The registration's own object id: good for Graph's calls, never for an account's list."""
    client_id: ClientId
    name: str
    audience: str = SINGLE_TENANT
    public_client: bool = False
    required: tuple[RequiredAccess, ...] = ()
    keys: tuple[KeyOnFile, ...] = ()
    secrets: tuple[SecretOnFile, ...] = ()

    def requires(self, access: Access) -> bool:
        """Whether it asks Exchange Online for this permission."""
        return any(access in each.access for each in self.required if each.api == EXCHANGE_ONLINE.value)


@dataclass(frozen=True, slots=True)
class Principal:
    """The enterprise application: the id that an account's list holds."""

    object_id: ObjectId
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class MailSend:
    """Exchange Online in this tenant, and its two permissions to send."""

    exchange: ObjectId
    role: Guid = MAIL_SEND_ROLE
    scope: Guid = MAIL_SEND_SCOPE

    def access(self, flow: Flow) -> Access:
        """The permission as a registration asks for it."""
        return Access(self.role.value, "Role") if flow is Flow.APPLICATION else Access(self.scope.value, "Scope")


@dataclass(frozen=True, slots=True)
class ScopeGrant:
    """A delegated consent for everybody in the tenant: its id, and the scopes it covers."""

    id: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Present:
    """What is there of a registration, all of it read; the fields of what is missing are None, or false."""

    mail_send: MailSend
    registration: Registration | None = None
    principal: Principal | None = None
    has_role: bool = False
    """Mail.Send of Exchange Online is assigned to the principal: consent to the application permission."""
    grant: ScopeGrant | None = None
    """Consent to delegated scopes of Exchange Online, for everybody."""

    def consented(self, flow: Flow) -> bool:
        """Whether an administrator consented to Mail.Send."""
        if flow is Flow.APPLICATION:
            return self.has_role
        return self.grant is not None and MAIL_SEND in self.grant.scopes


def choose(
    found: Sequence[Registration], named: Registration | None, name: str, client_id: ClientId | None
) -> Registration | None:
    """
    The registration that is meant: the one that `client_id` names (`named`), else the only one of this very name.

    None where there is none yet. Raises Refused where there are several of the name, or where the client id names
    nothing, or something of another name: a credential on the wrong application is a way in.
    """
    if client_id is not None:
        return _the_one_named(named, name, client_id)
    # Graph compares names without regard to case; "exact" is ours.
    same = [each for each in found if each.name == name]
    if len(same) > 1:
        raise Refused(
            f"{len(same)} app registrations are named {name!r}; nothing was written",
            reasons=[f"client id {each.client_id}, registration {each.object_id}" for each in same],
            hint="name the one that is meant with --client-id, or choose another name",
        )
    return same[0] if same else None


def _the_one_named(named: Registration | None, name: str, client_id: ClientId) -> Registration:
    if named is None:
        raise Refused(
            f"no app registration of this tenant has the client id {client_id}; nothing was written",
            hint=f"hveadmin app whatis {client_id} tells what it is",
        )
    if named.name != name:
        raise Refused(
            f"the client id {client_id} is that of {named.name!r}, not of {name!r}; nothing was written",
            hint="give the application's own name, or leave --client-id out",
        )
    return named


# What is to be done


class StepKind(StrEnum):
    """One thing to do, in the order in which they are done."""

    CREATE_APPLICATION = "create-application"
    REQUEST_PERMISSION = "request-permission"
    ALLOW_PUBLIC_CLIENT = "allow-public-client"
    CREATE_PRINCIPAL = "create-principal"
    CONSENT = "consent"
    ADD_CERTIFICATE = "add-certificate"
    ADD_SECRET = "add-secret"  # noqa: S105 — a step's name


@dataclass(frozen=True, slots=True)
class RegistrationPlan:
    """The steps from what is there to what is wanted; none where all is done."""

    wanted: Wanted
    present: Present
    steps: tuple[StepKind, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Registering:
    """What was done, and what is there now."""

    plan: RegistrationPlan
    present: Present
    """As it was read back; what is not shown yet is as the directory answered when it was made."""
    certificate: PublicCertificate | None = None
    """The one that is kept on this side, made before or now."""
    not_shown: tuple[StepKind, ...] = ()
    """Steps that were done, and that the directory does not show yet."""
    unread: str = ""
    """Why it could not be read back; empty where it was."""


def plan_registration(wanted: Wanted, present: Present, now: datetime) -> RegistrationPlan:
    """What is missing, and only that."""
    return RegistrationPlan(
        wanted, present, tuple(_missing(wanted, present, now)), tuple(_remarkable(wanted, present, now))
    )


def _missing(wanted: Wanted, present: Present, now: datetime) -> list[StepKind]:
    there = present.registration
    access = present.mail_send.access(wanted.flow)
    # A new registration is created with its permission and its flows: one call, and nothing half made.
    lacks = {
        StepKind.CREATE_APPLICATION: there is None,
        StepKind.REQUEST_PERMISSION: there is not None and not there.requires(access),
        StepKind.ALLOW_PUBLIC_CLIENT: there is not None and wanted.flow is Flow.DELEGATED and not there.public_client,
        StepKind.CREATE_PRINCIPAL: present.principal is None,
        StepKind.CONSENT: present.principal is None or not present.consented(wanted.flow),
        StepKind.ADD_CERTIFICATE: wanted.proof is Proof.CERTIFICATE and not _has_certificate(wanted, there, now),
        StepKind.ADD_SECRET: wanted.proof is Proof.SECRET and not _has_secret(wanted, there, now),
    }
    return [step for step in StepKind if lacks[step]]


def _has_certificate(wanted: Wanted, there: Registration | None, now: datetime) -> bool:
    mine = wanted.certificate
    if there is None or mine is None or now >= mine.ends:
        return False
    return any(each.key == mine.key for each in there.keys)


def _has_secret(wanted: Wanted, there: Registration | None, now: datetime) -> bool:
    """Whether the secret that is kept is one of the registration's; where none can be kept, whether it has any."""
    good = [each for each in (there.secrets if there else ()) if each.ends is None or now < each.ends]
    if wanted.kept_hint is None:
        return len(good) > 0
    return any(each.hint == wanted.kept_hint for each in good)


def _remarkable(wanted: Wanted, present: Present, now: datetime) -> list[str]:
    there, said = present.registration, []
    if there is not None and there.audience != SINGLE_TENANT:
        said.append(f"the registration is not for this tenant alone ({there.audience}); that is left as it is")
    if present.principal is not None and not present.principal.enabled:
        said.append("the enterprise application is disabled: no token is issued to it (AADSTS7000112)")
    if there is not None and there.public_client and wanted.flow is Flow.APPLICATION:
        said.append("public client flows are on, which an application with a credential does not need")
    others = _others(wanted, there, now)
    if others:
        said.append(f"it has {others} other credential{'s' if others > 1 else ''} that can sign in as it")
    return said


def _others(wanted: Wanted, there: Registration | None, now: datetime) -> int:
    """The good credentials of a registration beside the one that is kept here."""
    if there is None:
        return 0
    mine = wanted.certificate.key if wanted.certificate is not None else ""
    keys = [each for each in there.keys if each.key != mine and (each.ends is None or now < each.ends)]
    secrets = [
        each
        for each in there.secrets
        if (each.ends is None or now < each.ends)
        and (wanted.proof is not Proof.SECRET or wanted.kept_hint not in (None, each.hint))
    ]
    return len(keys) + len(secrets)


def with_access(required: Sequence[RequiredAccess], access: Access) -> tuple[RequiredAccess, ...]:
    """What is asked for already, and this permission on Exchange Online besides; nothing is lost."""
    if any(each.api == EXCHANGE_ONLINE.value for each in required):
        return tuple(
            replace(each, access=tuple(dict.fromkeys((*each.access, access))))
            if each.api == EXCHANGE_ONLINE.value
            else each
            for each in required
        )
    return (*required, RequiredAccess(EXCHANGE_ONLINE.value, (access,)))


def sentence(step: StepKind, wanted: Wanted) -> str:
    """A step in words."""
    kind = "application" if wanted.flow is Flow.APPLICATION else "delegated"
    permission = f"{MAIL_SEND} ({kind} permission) on Office 365 Exchange Online"
    match step:
        case StepKind.CREATE_APPLICATION:
            flows = ", with public client flows" if wanted.flow is Flow.DELEGATED else ""
            return f"create the app registration, for this tenant alone, asking for {permission}{flows}"
        case StepKind.REQUEST_PERMISSION:
            return f"let the registration ask for {permission}"
        case StepKind.ALLOW_PUBLIC_CLIENT:
            return "allow public client flows, so that the HVE account can sign in through it"
        case StepKind.CREATE_PRINCIPAL:
            return "create the enterprise application, whose object id an account's list holds"
        case StepKind.CONSENT:
            return f"grant admin consent to {permission}"
        case StepKind.ADD_CERTIFICATE if wanted.certificate is not None:
            return f"register the certificate in {wanted.kept_in}, good until {wanted.certificate.ends:%Y-%m-%d}"
        case StepKind.ADD_CERTIFICATE:
            return f"make a certificate for {wanted.days} days, key and all in {wanted.kept_in}, and register it"
        case StepKind.ADD_SECRET:
            return f"have a secret made for {wanted.days} days, and keep it in {wanted.kept_in}"

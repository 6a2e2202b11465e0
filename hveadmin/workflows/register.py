"""
Register a sending application: read what is there, plan what is missing, do that, and read it back.

Every step is one call; after each of them the state is one from which the same command goes on. The account's list is
no part of this: a grant is a one-off like any other, with its own rails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hveadmin.domain.ids import ClientId
from hveadmin.domain.ports import (
    ApplicationReader,
    ApplicationWriter,
    CertificateMaker,
    Clock,
    Progress,
    SecretKeeper,
    no_progress,
)
from hveadmin.domain.registration import (
    Flow,
    Present,
    Principal,
    Proof,
    Registering,
    Registration,
    RegistrationPlan,
    StepKind,
    Wanted,
    choose,
    plan_registration,
    sentence,
)
from hveadmin.errors import HveAdminError, ServiceError

READ_BACK_WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds between looks at what was made; the directory shows a change everywhere within seconds [F]."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Where this side keeps the credential; what is not wanted is None."""

    certificate: CertificateMaker | None = None
    secret: SecretKeeper | None = None


@dataclass(frozen=True, slots=True)
class Doing:
    """Everything registering needs of the outside."""

    reader: ApplicationReader
    writer: ApplicationWriter
    keys: Keys
    clock: Clock
    progress: Progress = no_progress


def make_plan(
    reader: ApplicationReader, keys: Keys, clock: Clock, wanted: Wanted, client_id: ClientId | None = None
) -> RegistrationPlan:
    """
    What is missing of a registration; nothing is written, on either side.

    Raises Refused where the name is not clear, or what is kept on this side already cannot serve.
    """
    present = gather(reader, wanted.name, wanted.flow, client_id)
    return plan_registration(_with_what_is_kept(wanted, keys, clock, present), present, clock.now())


def gather(reader: ApplicationReader, name: str, flow: Flow, client_id: ClientId | None = None) -> Present:
    """What is there. Raises Refused where the name is borne by several, or the client id is another name's."""
    mail_send = reader.mail_send()
    named = reader.registration(client_id) if client_id is not None else None
    found = choose(reader.registrations(name) if client_id is None else (), named, name, client_id)
    if found is None:
        return Present(mail_send)
    whole = named or reader.registration(found.client_id)
    if whole is None:
        raise ServiceError(
            f"the app registration {found.client_id} is listed, but cannot be read",
            hint="it may have been deleted this moment; run this again",
        )
    return _with_principal(reader, Present(mail_send, whole), flow)


def _with_principal(reader: ApplicationReader, present: Present, flow: Flow) -> Present:
    registration, mail_send = present.registration, present.mail_send
    principal = reader.principal(registration.client_id) if registration is not None else None
    if principal is None:
        return present
    if flow is Flow.APPLICATION:
        return replace(present, principal=principal, has_role=reader.has_role(principal.object_id, mail_send))
    return replace(present, principal=principal, grant=reader.scope_grant(principal.object_id, mail_send))


def _with_what_is_kept(wanted: Wanted, keys: Keys, clock: Clock, present: Present) -> Wanted:
    if wanted.proof is Proof.CERTIFICATE and keys.certificate is not None:
        return replace(wanted, certificate=keys.certificate.read(clock.now()))
    if wanted.proof is Proof.SECRET and keys.secret is not None:
        client_id = present.registration.client_id if present.registration is not None else None
        return replace(wanted, kept_hint=keys.secret.hint(client_id))
    return wanted


def check_keys(plan: RegistrationPlan, keys: Keys) -> None:
    """Raise where a secret that is to be made could not be kept: before anybody is asked, and before any call."""
    if StepKind.ADD_SECRET in plan.steps and keys.secret is not None:
        keys.secret.check()


def carry_out(plan: RegistrationPlan, doing: Doing) -> Registering:
    """
    Do the steps, and read back what is there.

    Raises whatever a step raises, which then says what was done before it; the same command goes on from there.
    """
    hands = _Hands(plan, doing)
    for number, step in enumerate(plan.steps, 1):
        try:
            hands.take(step)
        except HveAdminError as error:
            _tell(error, plan, step)
            raise
        doing.progress("registering", number, len(plan.steps))
    return _read_back(hands, doing) if plan.steps else Registering(plan, plan.present, plan.wanted.certificate)


def _tell(error: HveAdminError, plan: RegistrationPlan, step: StepKind) -> None:
    """Say in the error what was done before it, and how to go on."""
    done = "; ".join(sentence(each, plan.wanted) for each in plan.steps[: plan.steps.index(step)])
    lost = isinstance(error, ServiceError) and error.outcome_unknown
    unsure = " (the answer was lost: it may have been done)" if lost else ""
    error.message = f"{error.message}{unsure}; " + (f"done before: {done}" if done else "nothing was written before")
    on = f"run the same command again{' in a minute' if lost else ''}: it goes on from what is there"
    error.hint = f"{error.hint}. Then {on}" if error.hint else on
    error.args = (error.message,)


@dataclass(slots=True)
class _Hands:
    """What is known while the steps are done; each step knows what the ones before it made."""

    plan: RegistrationPlan
    doing: Doing
    registration: Registration | None = field(init=False)
    principal: Principal | None = field(init=False)
    wanted: Wanted = field(init=False)

    def __post_init__(self) -> None:
        self.registration = self.plan.present.registration
        self.principal = self.plan.present.principal
        self.wanted = self.plan.wanted

    def take(self, step: StepKind) -> None:
        _TAKE[step](self)

    @property
    def there(self) -> Registration:
        if self.registration is None:
            raise AssertionError("a step before this one makes the registration")
        return self.registration

    def create_application(self) -> None:
        mail_send = self.plan.present.mail_send
        self.registration = self.doing.writer.create_application(self.wanted.name, self.wanted.flow, mail_send)

    def request_permission(self) -> None:
        self.doing.writer.request_permission(self.there, self.wanted.flow, self.plan.present.mail_send)

    def allow_public_client(self) -> None:
        self.doing.writer.allow_public_client(self.there)

    def create_principal(self) -> None:
        self.principal = self.doing.writer.create_principal(self.there.client_id)

    def consent(self) -> None:
        present, principal = self.plan.present, self.principal
        if principal is None:
            raise AssertionError("a step before this one makes the enterprise application")
        if self.wanted.flow is Flow.APPLICATION:
            self.doing.writer.assign_role(principal.object_id, present.mail_send)
        else:
            self.doing.writer.grant_scope(principal.object_id, present.mail_send, present.grant)

    def add_certificate(self) -> None:
        maker = self.doing.keys.certificate
        certificate = self.wanted.certificate
        if certificate is None and maker is not None:
            certificate = maker.make(self.wanted.days)
        if certificate is None:
            raise AssertionError("a certificate is wanted, and nobody can make one")
        self.wanted = replace(self.wanted, certificate=certificate)
        self.doing.writer.add_certificate(self.there, certificate)

    def add_secret(self) -> None:
        keeper, client_id = self.doing.keys.secret, self.there.client_id
        if keeper is None:
            raise AssertionError("a secret is wanted, and nobody can keep it")
        ends = self.doing.clock.now() + timedelta(days=self.wanted.days)
        self.doing.writer.add_secret(self.there, ends, lambda value: keeper.keep(client_id, value))
        self.wanted = replace(self.wanted, kept_hint=keeper.hint(client_id))


_TAKE: dict[StepKind, Callable[[_Hands], None]] = {
    StepKind.CREATE_APPLICATION: _Hands.create_application,
    StepKind.REQUEST_PERMISSION: _Hands.request_permission,
    StepKind.ALLOW_PUBLIC_CLIENT: _Hands.allow_public_client,
    StepKind.CREATE_PRINCIPAL: _Hands.create_principal,
    StepKind.CONSENT: _Hands.consent,
    StepKind.ADD_CERTIFICATE: _Hands.add_certificate,
    StepKind.ADD_SECRET: _Hands.add_secret,
}


def _read_back(hands: _Hands, doing: Doing) -> Registering:
    """What is there now; looked at again for some seconds while it does not show what was done."""
    for seconds in (*READ_BACK_WAITS, None):
        seen = _look(hands, doing)
        if seconds is None or not (seen.not_shown or seen.unread):
            break
        doing.clock.sleep(seconds)
    return seen


def _look(hands: _Hands, doing: Doing) -> Registering:
    answered = replace(hands.plan.present, registration=hands.there, principal=hands.principal)
    try:
        # By client id: a list by name shows a new registration last.
        whole = doing.reader.registration(hands.there.client_id)
        seen = _with_principal(doing.reader, Present(answered.mail_send, whole), hands.wanted.flow)
    except ServiceError as error:
        # All is done by now: that it cannot be seen is no reason to say less than what was done.
        return Registering(hands.plan, answered, hands.wanted.certificate, unread=error.message)
    missing = plan_registration(hands.wanted, seen, doing.clock.now()).steps
    shown = replace(
        seen, registration=seen.registration or answered.registration, principal=seen.principal or answered.principal
    )
    return Registering(hands.plan, shown, hands.wanted.certificate, missing)

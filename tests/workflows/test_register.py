"""Registering, broken off at every call, before it and after it: the next run ends it, and makes nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from hveadmin.domain.ids import ClientId, Guid, ObjectId
from hveadmin.domain.registration import (
    MAIL_SEND,
    Flow,
    KeyOnFile,
    MailSend,
    Principal,
    Proof,
    PublicCertificate,
    Registering,
    Registration,
    RegistrationPlan,
    ScopeGrant,
    SecretOnFile,
    Wanted,
    with_access,
)
from hveadmin.errors import DirectoryUnreadable, HveAdminError, Refused, ServiceError, SessionLost
from hveadmin.workflows.register import Doing, Keys, carry_out, check_keys, make_plan

FOUND = MailSend(ObjectId("00000000-0000-4000-8000-0000000000e1"))
NOW = datetime(2026, 7, 1, tzinfo=UTC)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@dataclass
class MemoryDirectory:
    """Implements ApplicationReader and ApplicationWriter; breaks where a test says so."""

    applications: list[Registration] = field(default_factory=list)
    principals: dict[ClientId, Principal] = field(default_factory=dict)
    roles: list[ObjectId] = field(default_factory=list)
    grants: dict[ObjectId, ScopeGrant] = field(default_factory=dict)
    calls: int = 0
    break_before: int = 0
    """The number of the write, from 1, that does not reach the service."""
    break_after: int = 0
    """The number of the write that is done, and whose answer is lost."""
    blind: int = 0
    """How many reads of one registration do not find it yet."""
    unreadable: bool = False
    secrets_made: int = 0

    # Reading

    def mail_send(self) -> MailSend:
        return FOUND

    def registrations(self, name: str) -> Sequence[Registration]:
        return [each for each in self.applications if each.name.casefold() == name.casefold()]

    def registration(self, client_id: ClientId) -> Registration | None:
        if self.unreadable:
            raise DirectoryUnreadable("Microsoft Graph is busy")
        if self.blind > 0:
            self.blind -= 1
            return None
        return next((each for each in self.applications if each.client_id == client_id), None)

    def principal(self, client_id: ClientId) -> Principal | None:
        return self.principals.get(client_id)

    def has_role(self, principal: ObjectId, mail_send: MailSend) -> bool:
        return principal in self.roles

    def scope_grant(self, principal: ObjectId, mail_send: MailSend) -> ScopeGrant | None:
        return self.grants.get(principal)

    # Writing

    def _write(self, do: Callable[[], None]) -> None:
        self.calls += 1
        if self.calls == self.break_before:
            raise ServiceError("no connection", outcome_unknown=False)
        do()
        if self.calls == self.break_after:
            raise SessionLost("the connection broke")

    def _change(self, registration: Registration, **more: object) -> None:
        def do() -> None:
            place = [each.client_id for each in self.applications].index(registration.client_id)
            self.applications[place] = replace(self.applications[place], **more)  # type: ignore[arg-type]

        self._write(do)

    def create_application(self, name: str, flow: Flow, mail_send: MailSend) -> Registration:
        number = len(self.applications) + 1
        made = Registration(
            Guid(f"00000000-0000-4000-8000-{number:012x}"),
            ClientId(f"00000000-0000-4000-9000-{number:012x}"),
            name,
            public_client=flow is Flow.DELEGATED,
            required=with_access((), mail_send.access(flow)),
        )
        self._write(lambda: self.applications.append(made))
        return made

    def request_permission(self, registration: Registration, flow: Flow, mail_send: MailSend) -> None:
        self._change(registration, required=with_access(registration.required, mail_send.access(flow)))

    def allow_public_client(self, registration: Registration) -> None:
        self._change(registration, public_client=True)

    def create_principal(self, client_id: ClientId) -> Principal:
        assert client_id not in self.principals, "a second service principal of one application"
        made = Principal(ObjectId(client_id.value.replace("9000", "a000")))
        self._write(lambda: self.principals.update({client_id: made}))
        return made

    def assign_role(self, principal: ObjectId, mail_send: MailSend) -> None:
        assert principal not in self.roles, "the permission is assigned already"
        self._write(lambda: self.roles.append(principal))

    def grant_scope(self, principal: ObjectId, mail_send: MailSend, present: ScopeGrant | None) -> None:
        assert self.grants.get(principal) == present
        self._write(lambda: self.grants.update({principal: ScopeGrant("g", (MAIL_SEND,))}))

    def add_certificate(self, registration: Registration, certificate: PublicCertificate) -> None:
        self._change(registration, keys=(KeyOnFile(certificate.key, certificate.ends),))

    def add_secret(self, registration: Registration, ends: datetime, keep: Callable[[str], None]) -> None:
        self.secrets_made += 1
        value = f"{self.secrets_made:03d}8Q~secret"
        here = next(each for each in self.applications if each.client_id == registration.client_id)
        self._change(registration, secrets=(*here.secrets, SecretOnFile(f"key-{value[:3]}", value[:3], ends)))
        keep(value)


class MemoryFile:
    """Implements CertificateMaker and SecretKeeper."""

    def __init__(self) -> None:
        self.certificate: PublicCertificate | None = None
        self.value = ""

    def read(self, now: datetime) -> PublicCertificate | None:
        return self.certificate

    def make(self, days: int) -> PublicCertificate:
        assert self.certificate is None, "a key would be written over"
        self.certificate = PublicCertificate(b"key", NOW, NOW + timedelta(days=days))
        return self.certificate

    def hint(self, client_id: ClientId | None) -> str:
        return self.value[:3]

    def check(self) -> None:
        if self.value:
            raise Refused("something is there already")

    def keep(self, client_id: ClientId, value: str) -> None:
        assert not self.value, "a secret would be written over"
        self.value = value


def run(directory: MemoryDirectory, file: MemoryFile, wanted: Wanted, clock: Clock | None = None) -> Registering:
    clock, keys = clock or Clock(), Keys(file, file)
    plan = make_plan(directory, keys, clock, wanted)
    check_keys(plan, keys)
    return carry_out(plan, Doing(directory, directory, keys, clock))


def left(directory: MemoryDirectory, file: MemoryFile, wanted: Wanted) -> RegistrationPlan:
    return make_plan(directory, Keys(file, file), Clock(), wanted)


CASES = [
    Wanted("Payroll", Flow.APPLICATION, Proof.CERTIFICATE),
    Wanted("Payroll", Flow.APPLICATION, Proof.SECRET, kept_in="a file"),
    Wanted("Payroll", Flow.DELEGATED, Proof.NOTHING),
    Wanted("Payroll", Flow.DELEGATED, Proof.CERTIFICATE),
]


@pytest.mark.parametrize("wanted", CASES, ids=lambda each: f"{each.flow}-{each.proof}")
def test_a_second_run_makes_no_call(wanted: Wanted) -> None:
    directory, file = MemoryDirectory(), MemoryFile()
    assert run(directory, file, wanted).not_shown == ()
    calls = directory.calls
    assert run(directory, file, wanted).plan.steps == ()
    assert directory.calls == calls


@pytest.mark.parametrize("wanted", CASES, ids=lambda each: f"{each.flow}-{each.proof}")
@pytest.mark.parametrize("lost", [False, True], ids=["not sent", "answer lost"])
@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_the_next_run_ends_what_one_began(wanted: Wanted, lost: bool, call: int) -> None:
    directory, file = MemoryDirectory(), MemoryFile()
    directory.break_before, directory.break_after = (0, call) if lost else (call, 0)
    try:
        run(directory, file, wanted)
    except ServiceError as error:
        assert "run the same command again" in error.hint
        assert ("may have been done" in error.message) is lost
    else:
        assert call == 4, "it takes fewer calls than that"
        assert wanted.proof is Proof.NOTHING
    directory.break_before = directory.break_after = 0
    run(directory, file, wanted)
    assert left(directory, file, wanted).steps == ()
    assert len(directory.applications) == len(directory.principals) == 1


def test_an_error_says_what_was_done_before_it() -> None:
    directory = MemoryDirectory(break_before=3)
    with pytest.raises(ServiceError, match=r"done before: create the app registration.*create the enterprise"):
        run(directory, MemoryFile(), CASES[0])
    with pytest.raises(ServiceError, match="nothing was written before"):
        run(MemoryDirectory(break_before=1), MemoryFile(), CASES[0])


def test_nobody_has_a_key_before_consent_was_given() -> None:
    file = MemoryFile()
    with pytest.raises(ServiceError):
        run(MemoryDirectory(break_before=3), file, CASES[0])
    assert file.certificate is None


def test_what_is_shown_late_is_looked_at_again() -> None:
    clock = Clock()
    done = run(MemoryDirectory(blind=2), MemoryFile(), CASES[0], clock)
    assert (done.not_shown, clock.slept) == ((), [1.0, 2.0])


def test_what_is_never_shown_is_said_with_the_ids_that_were_answered() -> None:
    directory = MemoryDirectory(blind=99)
    done = run(directory, MemoryFile(), CASES[0])
    assert done.not_shown != ()
    assert done.present.registration is not None
    assert done.present.principal == directory.principals[done.present.registration.client_id]


def test_what_cannot_be_read_back_is_no_failure_of_what_was_done() -> None:
    directory = MemoryDirectory(unreadable=True)
    done = run(directory, MemoryFile(), CASES[0])
    assert done.unread == "Microsoft Graph is busy"
    assert done.present.principal in directory.principals.values()


def test_a_secret_that_could_not_be_kept_is_not_asked_for() -> None:
    directory, file = MemoryDirectory(), MemoryFile()
    file.value = "xyz of somebody else"
    with pytest.raises(HveAdminError, match="there already"):
        run(directory, file, CASES[1])
    assert directory.calls == 0

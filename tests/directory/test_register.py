"""
Registering through Graph, against the sandbox on a real socket.

Every body that is sent is held against the published schema of the object that it makes or changes.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from entra_graph import Contract, make_certificate

from hveadmin.directory.register import GraphApplicationReader, GraphApplicationWriter, NotPermitted
from hveadmin.domain.ids import ClientId, ObjectId
from hveadmin.domain.registration import (
    MAIL_SEND_ROLE,
    MAIL_SEND_SCOPE,
    Access,
    Flow,
    MailSend,
    PublicCertificate,
    RequiredAccess,
    ScopeGrant,
)
from hveadmin.errors import (
    AuthError,
    DirectoryUnreadable,
    HveAdminError,
    Refused,
    ServiceError,
    SessionLost,
    UnreadableReply,
)
from hveadmin.sandbox.faults import Fault, FaultKind, Surface, Switches
from hveadmin.sandbox.seed import CONTOSO, EXCHANGE_APP_ID, GRAPH_APP_ID, guid_of
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.wire.deadline import Deadline
from hveadmin.wire.session import Reply, Session

GRAPH = "https://graph.microsoft.com/.default"
DUNNING = ObjectId(guid_of("contoso", "principal", "Dunning Letters"))
DUNNING_CLIENT = ClientId(guid_of("contoso", "client", "Dunning Letters"))
WRONG_API = ObjectId(guid_of("contoso", "principal", "report-sender-b"))
NOBODY = ClientId("deadbeef-dead-4eef-8eef-deadbeef0001")
NEXT_YEAR = datetime.now(UTC) + timedelta(days=365)

_SCHEMAS = {
    "/v1.0/applications": "microsoft.graph.application",
    "/v1.0/servicePrincipals": "microsoft.graph.servicePrincipal",
    "/v1.0/oauth2PermissionGrants": "microsoft.graph.oAuth2PermissionGrant",
}


class Clock:
    """The real time, in which waiting takes none."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Token:
    """Whoever signed in."""

    def __init__(self, value: str) -> None:
        self.value = value

    def token(self, scope: str, *, claims: str | None = None) -> str:
        return self.value


class CheckedSession(Session):
    """A session that sends nothing which the published description does not allow."""

    def send(
        self,
        method: str,
        path_or_url: str,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        safe: bool,
    ) -> Reply:
        if isinstance(json, Mapping):
            _check(path_or_url, json)
        assert safe == (method != "POST"), "a POST is not sent twice, anything else may be"
        return super().send(method, path_or_url, json=json, headers=headers, safe=safe)


def _check(path: str, body: Mapping[str, Any]) -> None:
    contract = Contract.read()
    if contract is None:
        return
    if path.endswith("/addPassword"):  # the one body that is no object itself
        assert set(body) == {"passwordCredential"}
        contract.check_schema("microsoft.graph.passwordCredential", body["passwordCredential"])
    elif path.endswith("/appRoleAssignedTo"):
        contract.check_schema("microsoft.graph.appRoleAssignment", body)
    else:
        kind = next(kind for beginning, kind in _SCHEMAS.items() if path.startswith(beginning))
        contract.check_schema(kind, body)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Running]]:
    with Sandbox.open(tmp_path_factory.mktemp("register") / "sandbox.db") as sandbox, sandbox.serve() as running:
        yield sandbox, running


@pytest.fixture
def sandbox(served: tuple[Sandbox, Running]) -> Sandbox:
    sandbox, running = served
    key = sandbox.store.get("", "setting", "signing-key")
    sandbox.reset()
    if key is not None:
        sandbox.store.put("", "setting", "signing-key", key)
    running.calls.clear()
    return sandbox


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Who:
    """Sessions for whoever signs in."""

    def __init__(self, sandbox: Sandbox, running: Running, clock: Clock) -> None:
        self.sandbox, self.running, self.clock = sandbox, running, clock
        self.trust = ssl.create_default_context(cafile=str(running.ca_pem))
        self.open: list[Session] = []

    def __call__(self, name: str = "operator") -> Session:
        session = CheckedSession(
            base_url=self.running.base_url,
            scope=GRAPH,
            tokens=Token(self._token(name)),
            clock=self.clock,
            trust=self.trust,
            deadline=Deadline(self.clock, 300),
            jitter=lambda: 0.0,
        )
        self.open.append(session)
        return session

    def _token(self, name: str) -> str:
        operator = self.sandbox.operators()[name]
        form = {
            "grant_type": "client_credentials",
            "client_id": operator.client_id,
            "client_secret": operator.secret_path.read_text().strip(),
            "scope": GRAPH,
        }
        with httpx2.Client(base_url=self.running.base_url, verify=self.trust, trust_env=False) as http:
            return str(http.post(f"/{CONTOSO}/oauth2/v2.0/token", data=form).json()["access_token"])


@pytest.fixture
def who(sandbox: Sandbox, served: tuple[Sandbox, Running], clock: Clock) -> Iterator[Who]:
    found = Who(sandbox, served[1], clock)
    yield found
    for session in found.open:
        session.close()


@pytest.fixture
def reader(who: Who) -> GraphApplicationReader:
    return GraphApplicationReader(who())


@pytest.fixture
def writer(who: Who) -> GraphApplicationWriter:
    return GraphApplicationWriter(who())


@pytest.fixture
def mail_send(reader: GraphApplicationReader) -> MailSend:
    return reader.mail_send()


def certificate() -> PublicCertificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    found = x509.load_pem_x509_certificate(make_certificate().certificate.encode())
    return PublicCertificate(found.public_bytes(Encoding.DER), found.not_valid_before_utc, found.not_valid_after_utc)


# Reading


def test_mail_send_is_read_from_exchange_online_itself(mail_send: MailSend) -> None:
    assert mail_send.exchange.value == guid_of("contoso", "resource", EXCHANGE_APP_ID)
    assert (mail_send.role, mail_send.scope) == (MAIL_SEND_ROLE, MAIL_SEND_SCOPE)


def test_what_is_there_is_read_whole(reader: GraphApplicationReader, mail_send: MailSend) -> None:
    (listed,) = reader.registrations("Payroll Mailer")
    found = reader.registration(listed.client_id)
    assert found is not None
    assert found.requires(mail_send.access(Flow.APPLICATION))
    principal = reader.principal(listed.client_id)
    assert principal is not None
    assert reader.has_role(principal.object_id, mail_send)


def test_all_of_a_name_are_found_whatever_is_in_it(reader: GraphApplicationReader) -> None:
    assert len(reader.registrations("Report Sender")) == 2
    assert len(reader.registrations("::error::x")) == 1
    assert reader.registrations("O'Brien & Söhne #1 100%") == []


def test_what_is_not_there_is_none(reader: GraphApplicationReader) -> None:
    assert (reader.registration(NOBODY), reader.principal(NOBODY)) == (None, None)


def test_mail_send_of_microsoft_graph_is_not_mail_send_of_exchange(
    reader: GraphApplicationReader, mail_send: MailSend
) -> None:
    assert not reader.has_role(WRONG_API, mail_send)


def test_a_consent_for_one_user_is_no_admin_consent(
    reader: GraphApplicationReader, sandbox: Sandbox, mail_send: MailSend
) -> None:
    grant = {"id": "g", "clientId": DUNNING.value, "resourceId": mail_send.exchange.value, "scope": "Mail.Send"}
    user = guid_of("contoso", "user", "anna.holm@contoso.com")
    sandbox.store.put(CONTOSO, "oauth2PermissionGrant", "g", {**grant, "consentType": "Principal", "principalId": user})
    assert reader.scope_grant(DUNNING, mail_send) is None
    sandbox.store.put(
        CONTOSO, "oauth2PermissionGrant", "g", {**grant, "consentType": "AllPrincipals", "principalId": None}
    )
    assert reader.scope_grant(DUNNING, mail_send) == ScopeGrant("g", ("Mail.Send",))


def test_a_tenant_without_exchange_online_is_told_apart(reader: GraphApplicationReader, sandbox: Sandbox) -> None:
    sandbox.store.delete(CONTOSO, "servicePrincipal", guid_of("contoso", "resource", EXCHANGE_APP_ID))
    with pytest.raises(Refused, match="no Office 365 Exchange Online"):
        reader.mail_send()


# Writing


@pytest.mark.parametrize("flow", Flow)
def test_what_is_made_is_what_is_read(
    reader: GraphApplicationReader, writer: GraphApplicationWriter, mail_send: MailSend, flow: Flow
) -> None:
    made = writer.create_application("New Sender", flow, mail_send)
    principal = writer.create_principal(made.client_id)
    mine = certificate()
    writer.add_certificate(made, mine)
    found = reader.registration(made.client_id)
    assert found is not None
    assert (found.object_id, found.name, found.audience) == (made.object_id, "New Sender", "AzureADMyOrg")
    assert found.requires(mail_send.access(flow))
    assert found.public_client is (flow is Flow.DELEGATED)
    assert [each.key for each in found.keys] == [mine.key]
    assert reader.principal(made.client_id) == principal


def test_consent_is_given_to_either_permission(
    reader: GraphApplicationReader, writer: GraphApplicationWriter, mail_send: MailSend
) -> None:
    writer.assign_role(DUNNING, mail_send)
    assert reader.has_role(DUNNING, mail_send)
    writer.grant_scope(DUNNING, mail_send, None)
    grant = reader.scope_grant(DUNNING, mail_send)
    assert grant is not None
    assert grant.scopes == ("Mail.Send",)
    writer.grant_scope(DUNNING, mail_send, replace(grant, scopes=("openid",)))
    extended = reader.scope_grant(DUNNING, mail_send)
    assert extended == ScopeGrant(grant.id, ("openid", "Mail.Send"))


def test_nothing_that_was_there_is_lost(
    reader: GraphApplicationReader, writer: GraphApplicationWriter, sandbox: Sandbox, mail_send: MailSend
) -> None:
    registration = reader.registration(DUNNING_CLIENT)
    assert registration is not None
    key = registration.object_id.value
    document = sandbox.store.get(CONTOSO, "application", key)
    assert document is not None
    other = {"resourceAppId": GRAPH_APP_ID, "resourceAccess": [{"id": GRAPH_APP_ID, "type": "Scope"}]}
    # Somebody asked for more after the registration was read.
    sandbox.store.put(CONTOSO, "application", key, document | {"requiredResourceAccess": [other]})
    first, second = certificate(), certificate()
    for mine in (first, second):
        writer.add_certificate(registration, mine)
    writer.request_permission(registration, Flow.APPLICATION, mail_send)
    writer.allow_public_client(registration)
    found = reader.registration(DUNNING_CLIENT)
    assert found is not None
    assert [each.key for each in found.keys] == [first.key, second.key]
    assert RequiredAccess(GRAPH_APP_ID, (Access(GRAPH_APP_ID, "Scope"),)) in found.required
    assert found.requires(mail_send.access(Flow.APPLICATION))
    assert found.public_client


def test_a_secret_goes_to_its_keeper_and_nowhere_else(
    reader: GraphApplicationReader, writer: GraphApplicationWriter
) -> None:
    registration = reader.registration(DUNNING_CLIENT)
    assert registration is not None
    kept: list[str] = []
    writer.add_secret(registration, NEXT_YEAR, kept.append)
    found = reader.registration(DUNNING_CLIENT)
    assert found is not None
    ((value,), (shown,)) = kept, found.secrets
    assert shown.hint == value[:3]
    assert value not in repr(found)


def test_a_secret_that_could_not_be_kept_is_named_by_its_key_id(
    reader: GraphApplicationReader, writer: GraphApplicationWriter
) -> None:
    registration = reader.registration(DUNNING_CLIENT)
    assert registration is not None
    seen: list[str] = []

    def keep(value: str) -> None:
        seen.append(value)
        raise HveAdminError("the disk is full")

    with pytest.raises(HveAdminError, match="the disk is full") as failed:
        writer.add_secret(registration, NEXT_YEAR, keep)
    found = reader.registration(DUNNING_CLIENT)
    assert found is not None
    assert found.secrets[0].key_id in failed.value.message
    assert seen[0] not in f"{failed.value.message}{failed.value.hint}"


def test_what_was_just_made_is_waited_for(
    who: Who, reader: GraphApplicationReader, mail_send: MailSend, sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.set_switches(Switches(replication_lag=3))
    writer = GraphApplicationWriter(who())
    made = writer.create_application("New Sender", Flow.APPLICATION, mail_send)
    principal = writer.create_principal(made.client_id)
    writer.assign_role(principal.object_id, mail_send)
    assert clock.slept == [1.0, 2.0, 4.0] * 2
    assert reader.has_role(principal.object_id, mail_send)


def test_what_was_not_made_just_now_is_not_waited_for(
    writer: GraphApplicationWriter, mail_send: MailSend, clock: Clock
) -> None:
    with pytest.raises(ServiceError, match="Not a valid reference"):
        writer.assign_role(ObjectId(NOBODY.value), mail_send)
    assert clock.slept == []


def test_a_post_whose_answer_was_lost_is_not_sent_again(
    writer: GraphApplicationWriter, mail_send: MailSend, sandbox: Sandbox, served: tuple[Sandbox, Running]
) -> None:
    sandbox.add_fault(Fault(FaultKind.REPLY_LOST, surface=Surface.GRAPH, path="/v1.0/applications"))
    before = served[1].calls.count(path="/v1.0/applications")
    with pytest.raises(SessionLost) as lost:
        writer.create_application("New Sender", Flow.APPLICATION, mail_send)
    assert lost.value.outcome_unknown
    assert served[1].calls.count(path="/v1.0/applications") == before + 1


# Refusals


@pytest.mark.parametrize(
    ("attempt", "permission"),
    [
        (lambda writer, found: writer.create_application("x", Flow.APPLICATION, found), "Application.ReadWrite.All"),
        (lambda writer, found: writer.create_principal(DUNNING_CLIENT), "Application.ReadWrite.All"),
        (lambda writer, found: writer.assign_role(DUNNING, found), "AppRoleAssignment.ReadWrite.All"),
        (lambda writer, found: writer.grant_scope(DUNNING, found, None), "DelegatedPermissionGrant.ReadWrite.All"),
        (
            lambda writer, found: writer.grant_scope(DUNNING, found, ScopeGrant("g", ())),
            "DelegatedPermissionGrant.ReadWrite.All",
        ),
    ],
)
def test_a_missing_permission_is_named_with_who_can_consent(
    who: Who, mail_send: MailSend, attempt: Any, permission: str
) -> None:
    with pytest.raises(NotPermitted) as refused:
        attempt(GraphApplicationWriter(who("applications-only")), mail_send)
    assert isinstance(refused.value, AuthError)
    assert permission in refused.value.hint
    assert "Privileged Role Administrator" in refused.value.hint
    assert "Authorization_RequestDenied" in refused.value.message


def test_whoever_may_not_read_is_told_what_reading_takes(who: Who) -> None:
    with pytest.raises(NotPermitted) as refused:
        GraphApplicationReader(who("without-graph")).mail_send()
    assert "Application.Read.All" in refused.value.hint


def test_a_service_that_fails_is_no_empty_answer(reader: GraphApplicationReader, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.TRANSIENT, surface=Surface.GRAPH, path="/applications", times=None))
    with pytest.raises(DirectoryUnreadable):
        reader.registrations("Payroll Mailer")
    sandbox.clear_faults()


class Answering(CheckedSession):
    """Answers every GET in its own way."""

    body: bytes = b"{}"

    def send(
        self,
        method: str,
        path_or_url: str,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        safe: bool,
    ) -> Reply:
        assert method == "GET", f"nothing may be written: {method} {path_or_url}"
        return Reply(200, {}, self.body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"id":"deadbeef-dead-4eef-8eef-deadbeef0001"}', id="left out"),
        pytest.param(b'{"keyCredentials":null}', id="null"),
        pytest.param(b'{"keyCredentials":[{"keyId":"x","key":null}]}', id="without its key"),
    ],
)
def test_certificates_that_are_not_seen_whole_are_not_written_over(
    reader: GraphApplicationReader, clock: Clock, body: bytes
) -> None:
    registration = reader.registration(DUNNING_CLIENT)
    assert registration is not None
    with Answering(
        base_url="https://localhost:9",
        scope=GRAPH,
        tokens=Token("t"),
        clock=clock,
        trust=ssl.create_default_context(),
        deadline=Deadline(clock, 9),
    ) as session:
        session.body = body
        with pytest.raises(UnreadableReply):
            GraphApplicationWriter(session).add_certificate(registration, certificate())


@pytest.mark.parametrize("missing", ["requiredResourceAccess", "passwordCredentials", "keyCredentials"])
def test_a_list_that_did_not_come_is_not_an_empty_one(clock: Clock, missing: str) -> None:
    whole = {"requiredResourceAccess", "passwordCredentials", "keyCredentials"}
    lists = "".join(f',"{name}":[]' for name in sorted(whole - {missing}))
    with Answering(
        base_url="https://localhost:9",
        scope=GRAPH,
        tokens=Token("t"),
        clock=clock,
        trust=ssl.create_default_context(),
        deadline=Deadline(clock, 9),
    ) as session:
        session.body = f'{{"id":"{NOBODY}","appId":"{NOBODY}"{lists}}}'.encode()
        with pytest.raises(UnreadableReply, match=missing):
            GraphApplicationReader(session).registration(NOBODY)

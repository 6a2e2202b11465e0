"""The verdict on an application: the right permission on the right API, and never "no" from what was not seen."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from builders import NOW, TENANT, app, client, principal
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.domain.ids import Guid, ObjectId, TenantId
from hveadmin.domain.permissions import (
    SOON,
    Api,
    Consent,
    CredentialVerdict,
    MailPermission,
    MailVerdict,
    Permission,
    PermissionKind,
    Registered,
    Unseen,
    judge,
    judge_credentials,
    may_send,
    next_step,
    says,
)
from hveadmin.domain.tenant import Credential, CredentialKind, DeletedPrincipal, Identity, IdKind

OTHER = TenantId("99999999-0000-4000-8000-000000000000")
EXCHANGE = ObjectId("e0000000-0000-4000-8000-000000000000")
USER = Guid("84b80893-0000-4000-8000-000000000001")
ROLE, SCOPE = PermissionKind.APPLICATION, PermissionKind.DELEGATED

RIGHT = Permission(Api.EXCHANGE, ROLE, "Mail.Send")
RIGHT_SCOPE = Permission(Api.EXCHANGE, SCOPE, "Mail.Send")
ON_GRAPH = Permission(Api.GRAPH, ROLE, "Mail.Send")
GRAPH_SCOPE = Permission(Api.GRAPH, SCOPE, "Mail.Send")
FOR_MAILBOXES = Permission(Api.EXCHANGE, ROLE, "SMTP.SendAsApp")
SMTP_SCOPE = Permission(Api.EXCHANGE, SCOPE, "SMTP.Send")

EVERYBODY, ONE = Consent(RIGHT_SCOPE), Consent(RIGHT_SCOPE, USER)
UNSEEN = Unseen("delegated consent may not be read", "Directory.Read.All")

PERMISSIONS = st.frozensets(st.sampled_from([RIGHT, RIGHT_SCOPE, ON_GRAPH, GRAPH_SCOPE, FOR_MAILBOXES, SMTP_SCOPE]))


def seen(
    granted: frozenset[Permission] | Unseen = frozenset(),
    consented: tuple[Consent, ...] | Unseen = (),
    requested: frozenset[Permission] | None = frozenset(),
    owner: TenantId | None = TENANT,
    type_: str = "Application",
) -> MailPermission:
    application = principal(1, owner_tenant=owner, principal_type=type_)
    registration = None if requested is None else Registered(requested, ())
    return MailPermission(application, EXCHANGE, granted, consented, registration)


def these(*permissions: Permission) -> frozenset[Permission]:
    return frozenset(permissions)


@pytest.mark.parametrize(
    ("what", "verdict", "sends"),
    [
        pytest.param(seen(these(RIGHT)), MailVerdict.GRANTED, True, id="granted"),
        pytest.param(seen(these(RIGHT, ON_GRAPH), UNSEEN), MailVerdict.GRANTED, True, id="granted, on Graph as well"),
        pytest.param(seen(these(RIGHT), requested=None, owner=OTHER), MailVerdict.GRANTED, True, id="another tenant's"),
        pytest.param(
            seen(these(RIGHT), requested=None, owner=None, type_="ManagedIdentity"), MailVerdict.GRANTED, True,
            id="a managed identity",
        ),
        pytest.param(seen(consented=(EVERYBODY, ONE)), MailVerdict.DELEGATED, True, id="delegated for everybody"),
        pytest.param(seen(consented=(ONE,)), MailVerdict.DELEGATED_FOR_SOME, True, id="delegated for one"),
        pytest.param(
            seen(these(RIGHT), requested=None), MailVerdict.REGISTRATION_GONE, False, id="registered here no more"
        ),
        pytest.param(
            seen(these(), UNSEEN, None), MailVerdict.REGISTRATION_GONE, False, id="registered here no more, unseen"
        ),
        pytest.param(seen(requested=these(RIGHT)), MailVerdict.CONSENT_MISSING, False, id="requested only"),
        pytest.param(seen(requested=these(RIGHT_SCOPE)), MailVerdict.CONSENT_MISSING, False, id="scope requested only"),
        pytest.param(
            seen(these(ON_GRAPH), requested=these(RIGHT, ON_GRAPH)), MailVerdict.CONSENT_MISSING, False,
            id="requested on both, granted on Graph: consent is all that is missing",
        ),
        pytest.param(
            seen(these(), UNSEEN, these(RIGHT)), MailVerdict.CONSENT_MISSING, None, id="requested, consent unseen"
        ),
        pytest.param(
            seen(these(), UNSEEN, these(RIGHT_SCOPE)), MailVerdict.UNSEEN, None, id="scope requested, consent unseen"
        ),
        pytest.param(seen(these(ON_GRAPH)), MailVerdict.WRONG_API, False, id="granted on Graph"),
        pytest.param(seen(requested=these(GRAPH_SCOPE)), MailVerdict.WRONG_API, False, id="requested on Graph"),
        pytest.param(seen(consented=(Consent(GRAPH_SCOPE),)), MailVerdict.WRONG_API, False, id="consented on Graph"),
        pytest.param(seen(these(ON_GRAPH), UNSEEN), MailVerdict.WRONG_API, None, id="on Graph, consent unseen"),
        pytest.param(
            seen(these(Permission(Api.OTHER, ROLE, "Mail.Send"))), MailVerdict.WRONG_API, False, id="on a third API"
        ),
        pytest.param(seen(these(FOR_MAILBOXES)), MailVerdict.MAILBOX_PERMISSION, False, id="for mailboxes"),
        pytest.param(
            seen(consented=(Consent(SMTP_SCOPE),)), MailVerdict.MAILBOX_PERMISSION, False, id="for mailboxes, delegated"
        ),
        pytest.param(seen(these(FOR_MAILBOXES, ON_GRAPH)), MailVerdict.WRONG_API, False, id="both wrong ones"),
        pytest.param(seen(), MailVerdict.NOTHING, False, id="nothing"),
        pytest.param(seen(consented=UNSEEN), MailVerdict.UNSEEN, None, id="nothing seen, consent unseen"),
        pytest.param(seen(Unseen("may not be read")), MailVerdict.UNSEEN, None, id="assignments unseen"),
    ],
)  # fmt: skip
def test_the_verdict_and_whether_it_may_send(what: MailPermission, verdict: MailVerdict, sends: bool | None) -> None:
    assert judge(what, TENANT) is verdict
    assert may_send(verdict, what.consented) is sends


@given(PERMISSIONS, PERMISSIONS)
def test_only_exchanges_mail_send_in_force_is_in_force(
    granted: frozenset[Permission], requested: frozenset[Permission]
) -> None:
    what = seen(granted, (), requested)
    assert (may_send(judge(what, TENANT), what.consented) is True) == (RIGHT in granted)


@given(PERMISSIONS, PERMISSIONS)
def test_what_was_not_seen_never_makes_a_no(granted: frozenset[Permission], requested: frozenset[Permission]) -> None:
    what = seen(granted, UNSEEN, requested)
    assert may_send(judge(what, TENANT), what.consented) is not False


IN_FORCE = {MailVerdict.GRANTED, MailVerdict.DELEGATED, MailVerdict.DELEGATED_FOR_SOME}


@pytest.mark.parametrize("verdict", MailVerdict)
def test_every_verdict_has_a_sentence_and_every_bad_one_a_next_step(verdict: MailVerdict) -> None:
    assert says(verdict) and not says(verdict).endswith(".")
    step = next_step(verdict, seen())
    assert (step is None) == (verdict in IN_FORCE)
    assert step is None or step.portal


@pytest.mark.parametrize(
    ("verdict", "what", "command"),
    [
        (MailVerdict.CONSENT_MISSING, seen(), f"az ad app permission admin-consent --id {client(1)}"),
        (
            MailVerdict.WRONG_API,
            seen(),
            f"az ad app permission add --id {client(1)} --api 00000002-0000-0ff1-ce00-000000000000"
            " --api-permissions b633e1c5-b582-4048-a93e-9f11b44c7e96=Role"
            f" && az ad app permission admin-consent --id {client(1)}",
        ),
        (
            MailVerdict.NOTHING,
            seen(requested=None, owner=None, type_="ManagedIdentity"),
            f"New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId {app(1)} -PrincipalId {app(1)}"
            f" -ResourceId {EXCHANGE} -AppRoleId b633e1c5-b582-4048-a93e-9f11b44c7e96",
        ),
    ],
)
def test_the_command_that_mends_it_names_the_right_ids(
    verdict: MailVerdict, what: MailPermission, command: str
) -> None:
    step = next_step(verdict, what)
    assert step is not None and step.command == command


def test_without_an_enterprise_application_one_is_made_or_restored() -> None:
    plain = Identity(Guid(client(1).value), IdKind.CLIENT_ID, "App", client_id=client(1))
    made = next_step(MailVerdict.NO_ENTERPRISE_APPLICATION, None, plain)
    assert made is not None and made.command == f"az ad sp create --id {client(1)}"
    gone = Identity(plain.id, plain.kind, client_id=client(1), deleted_principal=DeletedPrincipal(app(1), NOW))
    restored = next_step(MailVerdict.NO_ENTERPRISE_APPLICATION, None, gone)
    assert restored is not None
    assert restored.command == f"Restore-MgDirectoryDeletedItem -DirectoryObjectId {app(1)}"


def test_what_could_not_be_seen_is_named_with_the_permission_that_shows_it() -> None:
    step = next_step(MailVerdict.UNSEEN, seen(consented=UNSEEN))
    assert step is not None and "Directory.Read.All" in step.portal


def credential(starts: int | None, ends: int | None) -> Credential:
    """Days from now."""

    def at(days: int | None) -> datetime | None:
        return None if days is None else NOW + timedelta(days=days)

    return Credential(CredentialKind.SECRET, "id", starts=at(starts), ends=at(ends))


@pytest.mark.parametrize(
    ("credentials", "verdict"),
    [
        (None, CredentialVerdict.UNSEEN),
        ([], CredentialVerdict.NONE),
        ([credential(-1, 31)], CredentialVerdict.GOOD),
        ([credential(-1, 30)], CredentialVerdict.EXPIRES_SOON),
        ([credential(-1, 30), credential(-1, 31)], CredentialVerdict.GOOD),
        ([credential(-9, -1), credential(-1, 5)], CredentialVerdict.EXPIRES_SOON),
        ([credential(-9, 0)], CredentialVerdict.EXPIRED),
        ([credential(-9, -1), credential(-9, -2)], CredentialVerdict.EXPIRED),
        ([credential(1, 100)], CredentialVerdict.EXPIRED),
        ([credential(None, None)], CredentialVerdict.GOOD),
    ],
)
def test_one_credential_that_lasts_is_enough(credentials: list[Credential] | None, verdict: CredentialVerdict) -> None:
    assert timedelta(days=30) == SOON
    assert judge_credentials(credentials, NOW) is verdict


def test_how_soon_is_soon_can_be_said() -> None:
    ends = [credential(-1, 10)]
    assert judge_credentials(ends, NOW, timedelta(days=9)) is CredentialVerdict.GOOD
    assert judge_credentials(ends, NOW, timedelta(days=11)) is CredentialVerdict.EXPIRES_SOON

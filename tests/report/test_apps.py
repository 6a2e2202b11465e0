"""What an id or a name is, in a sentence; and whether an application may send, in every format."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from builders import NOW, TENANT, account, address, app, client, principal, snapshot
from report.judged import SHOWING_ALL

from hveadmin.domain.asked import AccountsUnread, Explanation, read_asked
from hveadmin.domain.ids import ClientId, Guid, ObjectId, TenantId
from hveadmin.domain.permissions import (
    Api,
    Consent,
    MailPermission,
    Permission,
    PermissionKind,
    PermissionView,
    Registered,
    Unseen,
)
from hveadmin.domain.tenant import (
    Credential,
    CredentialKind,
    DeletedPrincipal,
    DirectoryView,
    HveAccount,
    Identity,
    IdKind,
    Readable,
    ServicePrincipal,
    TenantSnapshot,
    Unknown,
    Unreadable,
)
from hveadmin.report.answers import listings
from hveadmin.report.apps import app_list, app_show
from hveadmin.report.document import Report
from hveadmin.report.identity import MICROSOFT
from hveadmin.report.query import query
from hveadmin.report.render import render
from hveadmin.report.whatis import whatis

ASKED = Guid("3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01")
DELETED = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
MAILER = principal(7, display_name="Payroll Mailer")
OTHER = TenantId("99999999-0000-4000-8000-000000000000")


def identity(
    kind: IdKind, sp: ServicePrincipal | None = None, name: str = "Payroll Mailer", deleted_at: datetime | None = None
) -> Identity:
    return Identity(ASKED, kind, name, sp, client(7), deleted_at)


def explained(
    view: DirectoryView,
    *asked: str,
    accounts: tuple[HveAccount, ...] | AccountsUnread | None = None,
    credentials_unread: str = "",
) -> Report:
    texts = tuple(map(read_asked, asked or (str(ASKED),)))
    return whatis("contoso", Explanation(TENANT, NOW, texts, view, accounts, credentials_unread))


def lines(report: Report) -> list[str]:
    return render(report, "table").splitlines()


def answer(found: Identity) -> str:
    return lines(explained(Readable({ASKED: found})))[0].removeprefix(f"{ASKED} ")


SERVICE_PRINCIPAL = IdKind.SERVICE_PRINCIPAL
RIGHT = 'is the service principal of "Payroll Mailer"'
ONLY = "an HVE account's list holds service principals only."


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (identity(SERVICE_PRINCIPAL, MAILER), f"{RIGHT}: the right id for an HVE account."),
        (
            identity(SERVICE_PRINCIPAL, principal(7, enabled=False)),
            f"{RIGHT}, disabled in Entra: it cannot sign in until it is enabled there.",
        ),
        (
            identity(SERVICE_PRINCIPAL, principal(7, owner_tenant=OTHER)),
            f"{RIGHT}, registered by another tenant ({OTHER}).",
        ),
        (
            identity(SERVICE_PRINCIPAL, principal(7, owner_tenant=TENANT)),
            f"{RIGHT}: the right id for an HVE account.",
        ),
        (
            identity(SERVICE_PRINCIPAL, principal(7, principal_type="ManagedIdentity")),
            f"{RIGHT}, a managed identity: the right id for an HVE account.",
        ),
        (
            identity(SERVICE_PRINCIPAL, principal(7, disabled_by_microsoft="DisabledDueToViolation")),
            f"{RIGHT}, disabled by Microsoft (DisabledDueToViolation).",
        ),
        (
            identity(IdKind.CLIENT_ID, MAILER),
            f'is the client id of "Payroll Mailer"; use its service principal {app(7)}.',
        ),
        (
            identity(IdKind.CLIENT_ID),
            'is the client id of "Payroll Mailer"; it has no service principal in this tenant:'
            " create the enterprise application first, then use its id.",
        ),
        (
            identity(IdKind.APP_REGISTRATION, MAILER),
            f'is the object id of the app registration "Payroll Mailer"; use its service principal {app(7)}.',
        ),
        (
            replace(identity(IdKind.CLIENT_ID), deleted_principal=DeletedPrincipal(app(7), DELETED)),
            f'is the client id of "Payroll Mailer"; its service principal {app(7)} was deleted on 2026-11-20;'
            " it can be restored until 2026-12-20.",
        ),
        (
            identity(SERVICE_PRINCIPAL, principal(7, owner_tenant=MICROSOFT)),
            f"{RIGHT}, registered by Microsoft.",
        ),
        (identity(IdKind.USER, name="Anna"), f'is the user "Anna"; {ONLY}'),
        (identity(IdKind.GROUP, name="HR"), f'is the group "HR"; {ONLY}'),
        (identity(IdKind.DEVICE, name=""), f"is the device; {ONLY}"),
        (identity(IdKind.OTHER, name="Role"), f'is the directory object "Role", no application; {ONLY}'),
        (
            identity(IdKind.DELETED_SERVICE_PRINCIPAL, deleted_at=DELETED),
            f"{RIGHT}, deleted on 2026-11-20; it can be restored until 2026-12-20.",
        ),
        (
            identity(IdKind.DELETED_APPLICATION),
            'is the app registration "Payroll Mailer", deleted; while it can be restored,'
            " Entra lists it under deleted applications.",
        ),
        (
            replace(identity(IdKind.DELETED_APPLICATION, deleted_at=DELETED), client_id=ClientId(ASKED.value)),
            'is the client id of the app registration "Payroll Mailer", deleted on 2026-11-20;'
            " it can be restored until 2026-12-20.",
        ),
        (
            identity(IdKind.NOT_FOUND, name=""),
            "is nothing in this tenant: deleted for good, of another tenant, or mistyped.",
        ),
        (
            identity(IdKind.NOT_FOUND_OR_OTHER, name=""),
            "is no application of this tenant; whether it is a user, a group or a device could not be seen:"
            " the permission Directory.Read.All would show it.",
        ),
    ],
)
def test_an_id_is_told_with_what_to_use_instead(found: Identity, sentence: str) -> None:
    assert answer(found) == sentence


MANAGED = principal(7, principal_type="ManagedIdentity", owner_tenant=None)


@pytest.mark.parametrize(
    ("sp", "said"),
    [
        (MAILER, f"Client id {client(7)}, enabled, registered by nobody that Entra names, no verified publisher."),
        (
            principal(7, owner_tenant=TENANT, enabled=False),
            f"Client id {client(7)}, DISABLED, registered in this tenant, no verified publisher.",
        ),
        (
            principal(7, owner_tenant=OTHER, publisher="Fabrikam"),
            f'Client id {client(7)}, enabled, registered by another tenant ({OTHER}), verified publisher "Fabrikam".',
        ),
    ],
)
def test_who_it_is_is_told_under_the_answer(sp: ServicePrincipal, said: str) -> None:
    assert lines(explained(Readable({ASKED: identity(SERVICE_PRINCIPAL, sp)})))[1] == f"  {said}"


def test_the_tenants_own_id_is_known() -> None:
    own = Guid(TENANT.value)
    view = Readable({own: Identity(own, IdKind.NOT_FOUND)})
    assert lines(explained(view, str(TENANT))) == [f"{TENANT} is the id of this tenant itself."]


class TestNames:
    def test_a_name_that_nobody_bears_has_an_answer_too(self) -> None:
        report = explained(Readable(named={"payroll": ()}), "payroll")
        assert lines(report) == [
            '"payroll" is no id, and no service principal of this tenant has this display name;'
            " an id looks like 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01."
        ]
        assert query(report, "answers[0].[asked, id, identity, listed_on, bearers]").data == [
            "payroll",
            None,
            None,
            None,
            [],
        ]

    def test_a_name_that_one_bears_is_told_as_its_id_would_be(self) -> None:
        report = explained(Readable(named={"App 7": (principal(7),)}), "App 7", accounts=(account("a", [7]),))
        shown = lines(report)
        assert shown[0] == (
            f'"App 7" is the display name of the service principal {app(7)}: the right id for an HVE account.'
        )
        assert shown[-1] == "  On the list of hve-a@contoso.com."
        assert query(report, "answers[0].id").data == app(7).value
        assert f",display name,{app(7)},{client(7)},enabled," in render(report, "csv")

    def test_of_a_name_that_many_bear_each_is_listed_and_none_is_chosen(self) -> None:
        twins = (principal(1, owner_tenant=TENANT), principal(2, owner_tenant=OTHER, enabled=False))
        report = explained(Readable(named={"Twin": twins}), "Twin", accounts=(account("a", [2]),))
        assert lines(report) == [
            '"Twin" is the display name of 2 service principals; choose by the id, never by the name.',
            f"  {app(1)}  client id {client(1)}  enabled   registered in this tenant"
            f"{' ' * (len(f'registered by another tenant ({OTHER})') - len('registered in this tenant'))}  on 0 lists",
            f"  {app(2)}  client id {client(2)}  DISABLED  registered by another tenant ({OTHER})  on 1 list",
        ]
        assert query(report, "answers[0].id").data is None
        assert query(report, "answers[0].bearers[].object_id").data == [app(1).value, app(2).value]

    def test_an_address_points_to_the_command_for_accounts(self) -> None:
        assert lines(explained(Readable(), "Anna@contoso.com")) == [
            "anna@contoso.com is a mail address, no id;"
            " if it is an HVE account's: hveadmin account show anna@contoso.com."
        ]


class TestWhatWasNotRead:
    def test_a_directory_that_could_not_be_read_gives_no_verdict_and_says_why_once(self) -> None:
        report = explained(Unreadable("Graph answered 403"), str(ASKED), "payroll", accounts=(account("a", [7]),))
        assert lines(report) == [
            f"{ASKED} is unknown: the directory could not be read.",
            "  On no HVE account's list.",
            '"payroll" is unknown: the directory could not be read.',
            "",
            "Warning: the directory could not be read: Graph answered 403",
        ]
        assert render(report, "csv").count("UNKNOWN") == 2
        assert query(report, "tenants[0].directory.[state, why]").data == ["unreadable", "Graph answered 403"]

    def test_accounts_that_could_not_be_read_are_not_lists_without_the_id(self) -> None:
        view = Readable({ASKED: identity(SERVICE_PRINCIPAL, MAILER)})
        report = explained(view, accounts=AccountsUnread("no role"))
        assert lines(report)[-1] == "Warning: which HVE accounts list an id is not known: no role"
        assert "On " not in render(report, "table")
        assert query(report, "answers[0].[listed_on, accounts_unread]").data == [None, None]
        assert query(report, "tenants[0].accounts.state").data == "unreadable"

    def test_accounts_that_were_not_to_be_read_are_not_mentioned(self) -> None:
        report = explained(Readable({ASKED: identity(SERVICE_PRINCIPAL, MAILER)}))
        assert "HVE account's list" not in render(report, "table")
        assert query(report, "answers[0].listed_on").data is None
        assert query(report, "tenants[0].accounts.state").data == "not asked for"

    @pytest.mark.parametrize(
        ("sp", "unread", "said"),
        [
            (MAILER, "they were not read", "they were not read"),
            (MAILER, "", "the application is not registered in this tenant"),
            (MANAGED, "", "a managed identity's are Azure's own, which renews them"),
        ],
    )
    def test_credentials_that_are_not_known_are_said_to_be(self, sp: ServicePrincipal, unread: str, said: str) -> None:
        report = explained(Readable({ASKED: identity(SERVICE_PRINCIPAL, sp)}), credentials_unread=unread)
        assert lines(report)[2] == f"  Its secrets and certificates are not known: {said}."
        assert query(report, "answers[0].credentials").data is None


LISTED = (account("a", [1]), account("b", [1, 2]))


@pytest.mark.parametrize(
    ("kind", "id_", "accounts", "said"),
    [
        (SERVICE_PRINCIPAL, app(1), LISTED, ["On the list of hve-a@contoso.com, hve-b@contoso.com."]),
        (
            IdKind.CLIENT_ID,
            app(2),
            LISTED,
            [
                "On the list of hve-b@contoso.com; nobody can authenticate with it there.",
                "Its service principal is on the list of hve-a@contoso.com, hve-b@contoso.com.",
            ],
        ),
        (SERVICE_PRINCIPAL, app(3), LISTED, ["On no HVE account's list."]),
        (
            SERVICE_PRINCIPAL,
            app(3),
            (*LISTED, account("x", Unknown("throttled"))),
            ["On no HVE account's list (1 account could not be read)."],
        ),
    ],
)
def test_whose_list_an_id_is_on_is_told_and_what_could_not_be_read(
    kind: IdKind, id_: ObjectId, accounts: tuple[HveAccount, ...], said: list[str]
) -> None:
    found = Identity(Guid(id_.value), kind, "App", principal(1), client(1))
    report = explained(Readable({found.id: found}), str(id_), accounts=accounts)
    assert [line.strip() for line in lines(report)[-len(said) :]] == said


@pytest.mark.parametrize("format_name", SHOWING_ALL)
def test_answers_come_in_the_order_of_the_questions(format_name: str) -> None:
    shown = render(explained(Readable(), "zzz", str(ASKED), "aaa"), format_name)
    assert shown.index("zzz") < shown.index(str(ASKED)) < shown.index("aaa")


def secret(days: int, hint: str = "abc", *, starts: int = -400) -> Credential:
    begins, ends = NOW + timedelta(days=starts), NOW + timedelta(days=days)
    return Credential(CredentialKind.SECRET, "k-1", "deploy", hint, begins, ends)


CERTIFICATE = Credential(CredentialKind.CERTIFICATE, "k-2", "CN=x", "", NOW, NOW + timedelta(days=365))
DATE = {days: f"{NOW + timedelta(days=days):%Y-%m-%d}" for days in (-1, 9, 30, 365)}


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        ((), ["It has no secret and no certificate; federated credentials were not looked at."]),
        (
            (CERTIFICATE, secret(-1)),
            [
                f"It signs in with 1 secret and 1 certificate; the last one ends on {DATE[365]}.",
                f'secret  abc…  expired on {DATE[-1]}  "deploy"',
            ],
        ),
        (
            (secret(9),),
            [
                f"It signs in with 1 secret, but soon no more: the last one ends on {DATE[9]}.",
                f'secret  abc…  ends on {DATE[9]}, in 9 days  "deploy"',
            ],
        ),
        (
            (secret(-1),),
            [
                f"It cannot sign in with 1 secret: none is valid now; the last one ended on {DATE[-1]}.",
                f'secret  abc…  expired on {DATE[-1]}  "deploy"',
            ],
        ),
    ],
)
def test_credentials_that_expire_are_told(credentials: tuple[Credential, ...], said: list[str]) -> None:
    found = replace(identity(IdKind.CLIENT_ID, MAILER), credentials=credentials)
    assert [line.strip() for line in lines(explained(Readable({ASKED: found})))[2:]] == said


SNAPSHOT = snapshot(account("a", [1, 2]), account("b", [2, 77]), account("scan", Unknown("throttled")))


def test_lists_are_turned_round_and_unknown_ones_are_kept_apart() -> None:
    listed = listings(SNAPSHOT.accounts)
    assert listed.of(app(2)) == ["hve-a@contoso.com", "hve-b@contoso.com"]
    assert listed.of(app(3)) == []
    assert listed.unknown == (address("scan"),)


def test_every_listed_id_is_in_the_list_of_applications() -> None:
    report = app_list("contoso", SNAPSHOT)
    assert query(report, "applications[].id").data == [app(each).value for each in (1, 2, 77)]
    assert "3 ids on the lists of 3 accounts (1 UNKNOWN)." in render(report, "table")
    assert f"contoso,,{app(77)},UNKNOWN: not looked up," in render(report, "csv")


EXCHANGE = ObjectId("e0000000-0000-4000-8000-000000000000")
RIGHT_ROLE = Permission(Api.EXCHANGE, PermissionKind.APPLICATION, "Mail.Send")
ON_GRAPH = Permission(Api.GRAPH, PermissionKind.APPLICATION, "Mail.Send")
SCOPE = Permission(Api.EXCHANGE, PermissionKind.DELEGATED, "Mail.Send")


def seen(
    number: int,
    granted: frozenset[Permission] | Unseen = frozenset(),
    consented: tuple[Consent, ...] | Unseen = (),
    registration: Registered | None = Registered(frozenset(), ()),  # noqa: B008 — a frozen value
) -> dict[ObjectId, MailPermission]:
    return {app(number): MailPermission(principal(number), EXCHANGE, granted, consented, registration)}


def shown(permissions: PermissionView, *ids: Guid, of: TenantSnapshot = SNAPSHOT) -> Report:
    return app_show("contoso", of, ids or (app(2),), permissions)


class TestShow:
    def test_an_application_is_shown_with_its_right_to_send_and_who_lists_it(self) -> None:
        registered = Registered(frozenset({RIGHT_ROLE}), (CERTIFICATE,))
        report = shown(seen(2, frozenset({RIGHT_ROLE}), registration=registered))
        assert lines(report)[2:] == [
            f'{app(2)} is the service principal of "App 2": the right id for an HVE account.',
            f"  Client id {client(2)}, enabled, registered by nobody that Entra names, no verified publisher.",
            "  Mail.Send is granted on Office 365 Exchange Online, as an application permission.",
            "    requested  Mail.Send (application) on Office 365 Exchange Online",
            "    granted    Mail.Send (application) on Office 365 Exchange Online",
            "    consented  nothing about mail",
            f"  It signs in with 1 certificate; the last one ends on {DATE[365]}.",
            f'    certificate  k-2  ends on {DATE[365]}  "CN=x"',
            "  On the list of hve-a@contoso.com, hve-b@contoso.com (1 account could not be read).",
        ]
        assert query(report, "applications[0].mail_send.[verdict, may_send, next]").data == ["granted", True, None]
        assert "granted,It signs in with 1 certificate" in render(report, "csv")

    def test_the_wrong_api_is_said_with_what_mends_it(self) -> None:
        report = shown(seen(2, frozenset({ON_GRAPH})))
        text = render(report, "table")
        assert "Microsoft Graph's permission of the same name does not count for SMTP." in text
        assert "APIs my organization uses > Office 365 Exchange Online" in text
        assert f"az ad app permission add --id {client(2)}" in text
        assert query(report, "applications[0].mail_send.[verdict, may_send]").data == ["wrong-api", False]

    def test_delegated_consent_names_the_accounts_it_is_for(self) -> None:
        sender = account("a", [2])
        other = Guid("84b80893-0000-4000-8000-000000000001")
        consents = (Consent(SCOPE, sender.guid), Consent(SCOPE, other))
        report = shown(seen(2, consented=consents), of=snapshot(sender))
        scope = "Mail.Send (delegated) on Office 365 Exchange Online"
        row = f"    consented  {scope} for hve-a@contoso.com, {scope} for user {other}, no HVE account"
        assert row in lines(report)
        assert query(report, "applications[0].mail_send.consented[].[user, account, for_everybody]").data == [
            [sender.guid.value, "hve-a@contoso.com", False],
            [other.value, None, False],
        ]

    def test_consent_that_could_not_be_seen_is_unknown_and_not_absent(self) -> None:
        unseen = Unseen("delegated consent may not be read", "Directory.Read.All")
        report = shown(seen(2, consented=unseen))
        text = render(report, "table")
        assert "Delegated consent may not be read: the permission Directory.Read.All would show it." in text
        assert "UNKNOWN: delegated consent may not be read" in text
        found = query(report, "applications[0].mail_send.[verdict, may_send, consented, unseen[0].permission]")
        assert found.data == ["unseen", None, None, "Directory.Read.All"]

    def test_an_application_without_an_enterprise_application_is_told_how_to_get_one(self) -> None:
        found = Identity(ASKED, IdKind.CLIENT_ID, "New", None, client(9))
        report = shown({}, ASKED, of=snapshot(directory=Readable({ASKED: found})))
        assert "It has no enterprise application in this tenant" in render(report, "table")
        assert query(report, "applications[0].mail_send.next.command").data == f"az ad sp create --id {client(9)}"

    def test_what_is_no_application_has_no_permissions_to_speak_of(self) -> None:
        found = Identity(ASKED, IdKind.USER, "Anna")
        report = shown({}, ASKED, of=snapshot(directory=Readable({ASKED: found})))
        assert "Mail.Send" not in render(report, "table")
        assert query(report, "applications[0].mail_send").data is None
        assert render(report, "csv").splitlines()[1].endswith(",,")

    def test_permissions_that_could_not_be_read_are_not_missing_permissions(self) -> None:
        report = shown(Unreadable("throttled"))
        text = render(report, "table")
        assert "Whether it may send could not be read." in text
        assert text.splitlines()[-1] == "Warning: permissions could not be read: throttled"
        assert "UNKNOWN," in render(report, "csv")
        assert query(report, "tenants[0].permissions.state").data == "unreadable"

"""whatis: each GUID gets a sentence that says what it is and what to use instead."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from builders import TENANT, account, address, app, client, principal, snapshot

from hveadmin.domain.ids import Guid, TenantId
from hveadmin.domain.tenant import Identity, IdKind, Readable, ServicePrincipal, Unknown, Unreadable
from hveadmin.report.apps import Listings, app_list, app_show, listings, whatis
from hveadmin.report.query import query
from hveadmin.report.render import FORMATS, render

ASKED = Guid("3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01")
DELETED = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
MAILER = principal(7, display_name="Payroll Mailer")
OTHER = TenantId("99999999-0000-4000-8000-000000000000")


def identity(
    kind: IdKind, sp: ServicePrincipal | None = None, name: str = "Payroll Mailer", deleted_at: datetime | None = None
) -> Identity:
    return Identity(ASKED, kind, name, sp, client(7), deleted_at)


def answer(found: Identity) -> str:
    report = whatis("contoso", TENANT, [str(ASKED)], Readable({ASKED: found}))
    return render(report, "table").removeprefix(f"{ASKED} ").removesuffix("\n")


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


def test_text_that_is_no_guid_has_an_answer_too() -> None:
    report = whatis("contoso", TENANT, ["payroll"], Readable())
    assert (
        render(report, "table") == '"payroll" is not a GUID; a GUID looks like 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01.\n'
    )
    assert query(report, "answers[0].[id, identity, listed_on]").data == [None, None, None]


def test_a_directory_that_could_not_be_read_gives_no_verdict() -> None:
    report = whatis("contoso", TENANT, [str(ASKED)], Unreadable("Graph answered 403"))
    assert render(report, "table") == f"{ASKED} is unknown: the directory could not be read (Graph answered 403).\n"
    assert "UNKNOWN" in render(report, "csv")


ON = {ASKED: (address("a"), address("b"))}


@pytest.mark.parametrize(
    ("kind", "listed", "sentence"),
    [
        (SERVICE_PRINCIPAL, Listings(ON), "On the list of hve-a@contoso.com, hve-b@contoso.com."),
        (
            IdKind.CLIENT_ID,
            Listings(ON),
            "On the list of hve-a@contoso.com, hve-b@contoso.com; nobody can authenticate with it there.",
        ),
        (SERVICE_PRINCIPAL, Listings(), "On no HVE account's list."),
        (
            SERVICE_PRINCIPAL,
            Listings(unknown=(address("x"),)),
            "On no HVE account's list (1 account could not be read).",
        ),
    ],
)
def test_whose_list_an_id_is_on_is_told_and_what_could_not_be_read(
    kind: IdKind, listed: Listings, sentence: str
) -> None:
    report = whatis("contoso", TENANT, [str(ASKED)], Readable({ASKED: identity(kind, MAILER)}), listed)
    assert render(report, "table").splitlines()[1] == f"  {sentence}"


def test_lists_that_were_not_read_are_not_lists_without_the_id() -> None:
    report = whatis("contoso", TENANT, [str(ASKED)], Readable({ASKED: identity(SERVICE_PRINCIPAL, MAILER)}))
    assert "list" not in render(report, "table")
    assert query(report, "answers[0].listed_on").data is None


@pytest.mark.parametrize("format_name", FORMATS)
def test_answers_come_in_the_order_of_the_questions(format_name: str) -> None:
    shown = render(whatis("contoso", TENANT, ["zzz", str(ASKED), "aaa"], Readable()), format_name)
    assert shown.index("zzz") < shown.index(str(ASKED)) < shown.index("aaa")


SNAPSHOT = snapshot(account("a", [1, 2]), account("b", [2, 77]), account("scan", Unknown("throttled")))


def test_lists_are_turned_round_and_unknown_ones_are_kept_apart() -> None:
    listed = listings(SNAPSHOT)
    assert listed.of(app(2)) == ["hve-a@contoso.com", "hve-b@contoso.com"]
    assert listed.of(app(3)) == []
    assert listed.unknown == (address("scan"),)


def test_every_listed_id_is_in_the_list_of_applications() -> None:
    report = app_list("contoso", SNAPSHOT)
    assert query(report, "applications[].id").data == [app(each).value for each in (1, 2, 77)]
    assert "3 ids on the lists of 3 accounts (1 UNKNOWN)." in render(report, "table")
    assert f"contoso,,{app(77)},UNKNOWN: not looked up," in render(report, "csv")


def test_an_application_is_shown_with_the_accounts_that_list_it() -> None:
    shown = render(app_show("contoso", SNAPSHOT, [app(2)]), "table")
    assert f'{app(2)} is the service principal of "App 2"' in shown
    assert "On the list of hve-a@contoso.com, hve-b@contoso.com (1 account could not be read)." in shown

"""Explaining reads the directory first; what cannot be read is said, and takes nothing else with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from builders import TENANT, account, app, apps, client, principal, service_principals
from memory_tenant import MemoryTenant, StandingClock

from hveadmin.domain.asked import AccountsUnread, AskedAddress, AskedId, AskedName
from hveadmin.domain.ids import Address, ClientId, Guid, ObjectId
from hveadmin.domain.permissions import MailPermission, PermissionView, Registered
from hveadmin.domain.tenant import (
    AllowedApps,
    Credential,
    CredentialKind,
    DirectoryView,
    Known,
    ListedAccount,
    Readable,
    ServicePrincipal,
    Unreadable,
)
from hveadmin.errors import AuthError, HveAdminError, ServiceError
from hveadmin.workflows.explain import NOT_ASKED, explain, show_applications
from hveadmin.workflows.plan import Where

SECRET = Credential(CredentialKind.SECRET, "id", hint="abc")
ASKED = (AskedId(Guid(app(1).value)), AskedName("App 2"), AskedAddress(Address("anna@contoso.com")))


@dataclass
class Directory:
    """Answers what it was given, and remembers what it was asked."""

    view: DirectoryView = field(default_factory=lambda: service_principals(1, 2))
    secrets: Mapping[ClientId, tuple[Credential, ...]] | Unreadable = field(default_factory=dict)
    permissions: PermissionView | None = None
    asked: list[object] = field(default_factory=list)

    def look_up(self, ids: Collection[Guid], names: Collection[str] = ()) -> DirectoryView:
        self.asked.append((list(ids), list(names)))
        return self.view

    def credentials(self, clients: Collection[ClientId]) -> Mapping[ClientId, tuple[Credential, ...]] | Unreadable:
        self.asked.append(set(clients))
        return self.secrets

    def mail_permission(self, applications: Collection[ServicePrincipal]) -> PermissionView:
        self.asked.append([each.object_id for each in applications])
        if self.permissions is not None:
            return self.permissions
        return {each.object_id: mail_permission(each) for each in applications}


def mail_permission(application: ServicePrincipal) -> MailPermission:
    return MailPermission(application, ObjectId(app(99).value), frozenset(), (), Registered(frozenset(), ()))


@dataclass
class Failing:
    """Accounts that cannot be read."""

    error: HveAdminError

    def list_accounts(self) -> Sequence[ListedAccount]:
        raise self.error

    def read_allowed(self, accounts: Collection[Address]) -> Iterator[tuple[Address, AllowedApps]]:
        raise self.error


def where(directory: Directory, reader: MemoryTenant | Failing | None = None) -> Where:
    accounts = MemoryTenant([account("payroll", [1, 2])]) if reader is None else reader
    return Where(accounts, directory, StandingClock(), TENANT, "worldwide")


def test_ids_and_names_go_to_the_directory_in_one_question_and_addresses_do_not() -> None:
    directory = Directory()
    found = explain(where(directory), ASKED, accounts=True)
    assert directory.asked == [([Guid(app(1).value)], ["App 2"])]
    assert found.asked == ASKED
    assert isinstance(found.accounts, tuple) and found.accounts[0].allowed == Known(apps(1, 2))
    assert found.credentials_unread == NOT_ASKED


def test_accounts_that_were_not_to_be_read_are_not_read() -> None:
    reader = Failing(ServiceError("must not be asked"))
    assert explain(where(Directory(), reader), ASKED, accounts=False).accounts is None


@pytest.mark.parametrize("error", [ServiceError("busy", hint="later"), AuthError("no role", hint="grant one")])
def test_accounts_that_cannot_be_read_are_said_and_fail_nothing(error: HveAdminError) -> None:
    found = explain(where(Directory(), Failing(error)), ASKED, accounts=True)
    assert found.accounts == AccountsUnread(f"{error.message}; {error.hint}")
    assert isinstance(found.directory, Readable)


def test_a_bug_in_reading_accounts_is_no_answer() -> None:
    with pytest.raises(HveAdminError, match="a bug"):
        explain(where(Directory(), Failing(HveAdminError("a bug"))), ASKED, accounts=True)


def test_a_directory_that_cannot_be_read_leaves_the_accounts() -> None:
    found = explain(where(Directory(Unreadable("403"))), ASKED, accounts=True, credentials=Directory())
    assert found.directory == Unreadable("403")
    assert isinstance(found.accounts, tuple)


def test_credentials_are_filled_in_where_they_are_lacking() -> None:
    directory = Directory(secrets={client(1): (SECRET,)})
    found = explain(where(directory), ASKED, accounts=False, credentials=directory)
    assert directory.asked[1] == {client(1), client(2)}
    assert found.credentials_unread == ""
    assert isinstance(found.directory, Readable)
    credentials = {key.value: each.credentials for key, each in found.directory.identities.items()}
    assert credentials[app(1).value] == (SECRET,)
    assert credentials[app(2).value] is None


def test_credentials_that_cannot_be_read_are_said() -> None:
    directory = Directory(secrets=Unreadable("throttled"))
    assert explain(where(directory), ASKED, accounts=False, credentials=directory).credentials_unread == "throttled"


def test_an_application_is_shown_once_whatever_ids_name_it() -> None:
    directory = Directory()
    ids = [Guid(client(1).value), Guid(app(1).value), Guid(app(7).value)]
    shown = show_applications(where(directory), directory, ids)
    assert directory.asked == [(ids, []), [app(1)]]
    assert shown.permissions == {app(1): mail_permission(principal(1))}
    assert shown.snapshot.accounts[0].allowed == Known(apps(1, 2))


def test_without_a_directory_nobody_asks_for_permissions() -> None:
    directory = Directory(Unreadable("403"))
    shown = show_applications(where(directory), directory, [Guid(app(1).value)])
    assert shown.permissions == Unreadable("403")
    assert len(directory.asked) == 1


def test_accounts_that_cannot_be_read_are_no_application_without_accounts() -> None:
    with pytest.raises(ServiceError):
        show_applications(where(Directory(), Failing(ServiceError("busy"))), Directory(), [Guid(app(1).value)])

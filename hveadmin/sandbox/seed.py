"""
What a new sandbox holds: `contoso`, or a fleet for scale.

`contoso` is fourteen HVE accounts and applications that show every story worth telling, among them each way to put a
wrong id on a list and names that attack whatever prints them. `fleet:TENANTSxACCOUNTSxAPPS` is many of the same.
Ids are the same each time: those that the documentation uses are written down, the others are UUIDs of their names.
Secrets are not made here: whoever seeds hands in `secret_of`, which gives an operator's secret, or the password of the
HVE accounts, by its file's name.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from hveadmin.errors import UsageError
from hveadmin.sandbox import cmdlets
from hveadmin.sandbox.credentials import add_secret, set_account_password
from hveadmin.sandbox.store import Document, Store
from hveadmin.sandbox.tenant import MAX_APPS, Account, Billing, store_account

EXCHANGE_APP_ID = "00000002-0000-0ff1-ce00-000000000000"
GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
MICROSOFT_TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

CONTOSO = "8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06"

MAIL_SEND = "b633e1c5-b582-4048-a93e-9f11b44c7e96"
"""The application role has this id on Exchange Online and on Graph alike [F]."""

ACCOUNT_PASSWORD = "hve-accounts"  # noqa: S105 — where a password is, not one
"""The file's name of the password that every HVE account has for basic authentication."""

_BLOCKS_BASIC, _ALLOWS_BASIC = "Block basic authentication", "Basic SMTP for scanners"
"""The names of contoso's authentication policies."""

_NAMESPACE = UUID("4f0e6f0a-5f5c-4c57-9a55-6a1e5c9b0d11")
_CREATED = datetime(2025, 3, 14, 9, 26, 53, tzinfo=UTC)
_SECRET_LIFE = timedelta(days=3650)

_EXCHANGE_ROLES = {
    "Mail.Send": MAIL_SEND,
    "SMTP.SendAsApp": "7146a1f0-8703-45b3-9eae-527a64c00995",
    "IMAP.AccessAsApp": "5e5addcd-3e8d-4e90-baf5-964efab2b20a",
    "POP.AccessAsApp": "cb842b43-da6e-4506-86fe-bb12199c656d",
    "full_access_as_app": "dc890d15-9560-4a4c-9b7f-a736ec74ec40",
    "Exchange.ManageAsApp": "dc50a0fb-09a3-484d-be87-e023b12c6440",
    "Exchange.ManageAsAppV2": "ea3d980d-ebc7-4be4-8298-a167e5b8797c",
}
_EXCHANGE_SCOPES = {
    "Mail.Send": "5eb43c10-865a-4259-960a-83946678f8dd",
    "SMTP.Send": "76faac2a-0f20-42f1-928a-50de5b9dbe52",
    "Exchange.Manage": "ab4f2b77-0b06-4fc1-a9de-02113fc2ab7c",
}
_GRAPH_ROLES = {
    "Mail.Send": MAIL_SEND,
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
    "Application.ReadWrite.All": "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
    "Application.ReadWrite.OwnedBy": "18a4783c-866b-4cc7-a460-3d5e5662c884",
    "AppRoleAssignment.ReadWrite.All": "06b708a9-e830-4db3-a914-8e69da51d44f",
    "DelegatedPermissionGrant.ReadWrite.All": "8e8e4742-1d95-4f68-9d56-6ee75648c72a",
}
_GRAPH_SCOPES = {
    "Mail.Send": "e383f46e-2787-4529-855e-0e479a3ffac0",
    "SMTP.Send": "258f6531-6087-4cc4-bb90-092c5fb3ed3f",
    "Application.Read.All": "c79f8feb-a9db-4090-85f9-90d820caa0eb",
    "Directory.Read.All": "06da0dbc-49e2-44d2-8312-53f166ab848a",
    "User.Read": "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
}
_ROLES = {EXCHANGE_APP_ID: _EXCHANGE_ROLES, GRAPH_APP_ID: _GRAPH_ROLES}

Permission = tuple[str, str]
"""The resource's client id, and the application role's name."""

_SENDS: tuple[Permission, ...] = ((EXCHANGE_APP_ID, "Mail.Send"),)


@dataclass(frozen=True, slots=True)
class OperatorSeed:
    """An application that signs in for administrators. `name` is also its secret's file name."""

    name: str
    display_name: str
    client_id: str
    permissions: tuple[Permission, ...]
    wids: tuple[str, ...]


_MANAGES: Permission = (EXCHANGE_APP_ID, "Exchange.ManageAsApp")
_READS_APPS: Permission = (GRAPH_APP_ID, "Application.Read.All")
_READS_DIRECTORY: Permission = (GRAPH_APP_ID, "Directory.Read.All")
_REGISTERS: tuple[Permission, ...] = (
    (GRAPH_APP_ID, "Application.ReadWrite.All"),
    (GRAPH_APP_ID, "AppRoleAssignment.ReadWrite.All"),
    (GRAPH_APP_ID, "DelegatedPermissionGrant.ReadWrite.All"),
)
_ADMIN = (cmdlets.EXCHANGE_ADMINISTRATOR,)

OPERATORS = (
    OperatorSeed(
        "operator",
        "hveadmin operator",
        "0b9c6e5a-3d1f-4c27-9a84-6f2e1d7b8c10",
        (_MANAGES, _READS_APPS, _READS_DIRECTORY, *_REGISTERS),
        _ADMIN,
    ),
    OperatorSeed(
        "reader",
        "hveadmin reader",
        "0b9c6e5a-3d1f-4c27-9a84-6f2e1d7b8c11",
        (_MANAGES, _READS_APPS, _READS_DIRECTORY),
        (cmdlets.GLOBAL_READER,),
    ),
    OperatorSeed(
        "without-role",
        "hveadmin without role",
        "0b9c6e5a-3d1f-4c27-9a84-6f2e1d7b8c12",
        (_MANAGES, _READS_APPS, _READS_DIRECTORY),
        (),
    ),
    OperatorSeed(
        "without-permission",
        "hveadmin without permission",
        "0b9c6e5a-3d1f-4c27-9a84-6f2e1d7b8c13",
        (_READS_APPS, _READS_DIRECTORY),
        _ADMIN,
    ),
    OperatorSeed(
        "without-graph", "hveadmin without graph", "0b9c6e5a-3d1f-4c27-9a84-6f2e1d7b8c14", (_MANAGES,), _ADMIN
    ),
    OperatorSeed(
        "applications-only",
        "hveadmin applications only",
        "0b9c6e5a-3d1f-4c27-9a84-6f2e1d7b8c15",
        (_MANAGES, _READS_APPS),
        _ADMIN,
    ),
)
"""The first one is the operator, who may register applications too; the others each lack something."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Many tenants with many accounts; each account has `apps` applications on its list."""

    tenants: int
    accounts: int
    apps: int


def parse_seed(text: str) -> Fleet | None:
    """Read a seed's name: a fleet, or None for contoso. Raises UsageError."""
    if text == "contoso":
        return None
    numbers = re.fullmatch(r"fleet:(\d{1,4})x(\d{1,5})x(\d{1,2})", text)
    if numbers is None:
        raise UsageError(f"{text!r} is no seed", hint="there are contoso and fleet:TENANTSxACCOUNTSxAPPS")
    fleet = Fleet(*(int(each) for each in numbers.groups()))
    if fleet.tenants < 1 or fleet.apps > MAX_APPS:
        raise UsageError(f"{text!r}: at least one tenant, and at most {MAX_APPS} applications an account")
    return fleet


def fill(store: Store, seed: str, *, now: datetime, secret_of: Callable[[str], str]) -> None:
    """Put a seed into an empty store, all or nothing. Raises UsageError for a seed that there is none of."""
    fleet = parse_seed(seed)
    with store.transaction():
        store.put("", "setting", "seed", {"name": seed})
        set_account_password(store, secret_of(ACCOUNT_PASSWORD))
        if fleet is None:
            _contoso(store, now, secret_of)
        else:
            _fleet(store, fleet, now, secret_of)


def guid_of(*names: str) -> str:
    """The id of a thing by its names, always the same."""
    return str(uuid5(_NAMESPACE, "/".join(names)))


# --- building one tenant ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class App:
    """An application's three ids in one tenant."""

    name: str
    client_id: str
    object_id: str
    registration_id: str


@dataclass(frozen=True, slots=True)
class _Builder:
    """Puts one tenant's documents into a store."""

    store: Store
    alias: str
    tenant_id: str
    domain: str
    now: datetime
    secret_of: Callable[[str], str]

    def guid(self, *names: str) -> str:
        return guid_of(self.alias, *names)

    def put(self, kind: str, document: Document) -> None:
        self.store.put(self.tenant_id, kind, document["id"], document)

    # The directory

    def tenant(self, display_name: str, domains: Sequence[str]) -> None:
        document = {
            "id": self.tenant_id,
            "alias": self.alias,
            "domain": self.domain,
            "domains": [self.domain, *domains],
            "display_name": display_name,
            "region_scope": "EU",
        }
        self.store.put("", "tenant", self.tenant_id, document)
        exchange, graph = "Office 365 Exchange Online", "Microsoft Graph"
        self._resource(exchange, EXCHANGE_APP_ID, "https://outlook.office365.com", _EXCHANGE_ROLES, _EXCHANGE_SCOPES)
        self._resource(graph, GRAPH_APP_ID, "https://graph.microsoft.com", _GRAPH_ROLES, _GRAPH_SCOPES)

    def _resource(self, name: str, app_id: str, address: str, roles: dict[str, str], scopes: dict[str, str]) -> None:
        principal = _principal(self._resource_id(app_id), name, app_id, MICROSOFT_TENANT) | {
            "appRoles": [_app_role(value, role_id) for value, role_id in roles.items()],
            "oauth2PermissionScopes": [_scope(value, scope_id) for value, scope_id in scopes.items()],
            "servicePrincipalNames": [app_id, address],
            "signInAudience": "AzureADMultipleOrgs",
        }
        self.put("servicePrincipal", principal)

    def _resource_id(self, app_id: str) -> str:
        return self.guid("resource", app_id)

    def app(
        self,
        name: str,
        *,
        slug: str = "",
        client_id: str = "",
        object_id: str = "",
        permissions: Sequence[Permission] = _SENDS,
        audience: str = "AzureADMyOrg",
        change: Document | None = None,
    ) -> App:
        """Register an application and give it its enterprise application; `change` alters the latter."""
        app = self._ids(name, slug or name, client_id, object_id)
        self.put("application", _registration(app, self.domain, audience, permissions))
        principal = _principal(app.object_id, name, app.client_id, self.tenant_id) | {"signInAudience": audience}
        self.put("servicePrincipal", principal | (change or {}))
        self.assign(app, permissions)
        return app

    def principal_only(self, name: str, owner: str | None, *, object_id: str = "", change: Document) -> App:
        """An enterprise application whose registration is elsewhere, or that has none."""
        app = self._ids(name, name, "", object_id)
        self.put("servicePrincipal", _principal(app.object_id, name, app.client_id, owner) | change)
        self.assign(app, _SENDS)
        return app

    def _ids(self, name: str, slug: str, client_id: str, object_id: str) -> App:
        client, principal = client_id or self.guid("client", slug), object_id or self.guid("principal", slug)
        return App(name, client, principal, self.guid("registration", slug))

    def assign(self, app: App, permissions: Sequence[Permission]) -> None:
        for resource, role in permissions:
            names = {EXCHANGE_APP_ID: "Office 365 Exchange Online", GRAPH_APP_ID: "Microsoft Graph"}
            digest = hashlib.sha256(f"{self.alias}/{app.object_id}/{resource}/{role}".encode()).digest()
            assignment = {
                "id": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
                "deletedDateTime": None,
                "createdDateTime": _graph_time(_CREATED),
                "appRoleId": _ROLES[resource][role],
                "principalDisplayName": app.name,
                "principalId": app.object_id,
                "principalType": "ServicePrincipal",
                "resourceDisplayName": names[resource],
                "resourceId": self._resource_id(resource),
            }
            self.put("appRoleAssignment", assignment)

    def deleted_principal(self, name: str, days_ago: int) -> App:
        """An enterprise application in the recycle bin, and its registration that is still there."""
        app = self._ids(name, name, "", "")
        self.put("application", _registration(app, self.domain, "AzureADMyOrg", _SENDS))
        deleted = {"deletedDateTime": _graph_time(self.now - timedelta(days=days_ago))}
        self.put("deletedServicePrincipal", _principal(app.object_id, name, app.client_id, self.tenant_id) | deleted)
        return app

    def deleted_application(self, name: str, days_ago: int) -> App:
        """A registration in the recycle bin; its enterprise application went with it."""
        app = self._ids(name, name, "", "")
        deleted = {"deletedDateTime": _graph_time(self.now - timedelta(days=days_ago))}
        self.put("deletedApplication", _registration(app, self.domain, "AzureADMyOrg", _SENDS) | deleted)
        self.put("deletedServicePrincipal", _principal(app.object_id, name, app.client_id, self.tenant_id) | deleted)
        return app

    def operator(self, seed: OperatorSeed, home: str) -> None:
        """An administrators' application; registered, with its secret, in its home tenant only."""
        self.store.put("", "operator", seed.name, {"name": seed.name, "clientId": seed.client_id})
        app = self._ids(seed.display_name, seed.name, seed.client_id, "")
        audience = "AzureADMultipleOrgs"
        if home == self.tenant_id:
            self.put("application", _registration(app, self.domain, audience, seed.permissions))
            expires = self.now + _SECRET_LIFE
            add_secret(self.store, home, seed.client_id, self.secret_of(seed.name), expires=expires, starts=_CREATED)
        principal = _principal(app.object_id, app.name, app.client_id, home) | {"signInAudience": audience}
        self.put("servicePrincipal", principal)
        self.assign(app, seed.permissions)
        self.store.put(self.tenant_id, "roleAssignment", app.object_id, {"wids": list(seed.wids)})

    def user(self, name: str, address: str, *, user_id: str = "", other_addresses: Sequence[str] = ()) -> str:
        user: Document = {
            "id": user_id or self.guid("user", address),
            "deletedDateTime": None,
            "accountEnabled": True,
            "businessPhones": [],
            "displayName": name,
            "givenName": None,
            "jobTitle": None,
            "mail": address,
            "mobilePhone": None,
            "officeLocation": None,
            "preferredLanguage": None,
            "proxyAddresses": [f"SMTP:{address}", *(f"smtp:{each}" for each in other_addresses)],
            "surname": None,
            "userPrincipalName": address,
            "userType": "Member",
        }
        self.put("user", user)
        return str(user["id"])

    # Exchange

    def billing_policy(self) -> None:
        policy = {"id": self._billing_policy_id, "name": "HVE pay as you go", "resourceType": "HVE"}
        self.put("billingPolicy", policy)

    def authentication_policies(self) -> None:
        """SMTP with a password is blocked by default, and open to what cannot do better yet."""
        for name, allowed in ((_BLOCKS_BASIC, False), (_ALLOWS_BASIC, True)):
            policy = {"id": self.guid("authentication-policy", name), "name": name, "allowBasicAuthSmtp": allowed}
            self.put("authenticationPolicy", policy)
        self.store.put(self.tenant_id, "organization", "config", {"defaultAuthenticationPolicy": _BLOCKS_BASIC})

    @property
    def _billing_policy_id(self) -> str:
        return self.guid("billing-policy")

    def account(
        self,
        address: str,
        display_name: str,
        apps: Sequence[str],
        *,
        other_addresses: Sequence[str] = (),
        reply_to: str = "",
        billing: Billing = Billing.VALID,
        authentication_policy: str = "",
    ) -> None:
        """An HVE account, and the user object in Entra that stands behind it."""
        connected = billing is not Billing.NOT_CONNECTED
        user_id = self.user(display_name, address)
        account = Account(
            guid=self.guid("mail-user", address),
            external_id=user_id,
            address=address,
            display_name=display_name,
            alias=address.partition("@")[0],
            when_created=_CREATED,
            other_addresses=tuple(other_addresses),
            hidden=True,
            reply_to=reply_to,
            billing_policy_id=self._billing_policy_id if connected else "",
            billing_policy_name="HVE pay as you go" if connected else "",
            billing_status=billing,
            authentication_policy=authentication_policy,
            allowed_apps=tuple(apps),
        )
        store_account(self.store, self.tenant_id, account)


# --- contoso ------------------------------------------------------------------------------------------------------

_HOSTILE = {
    "script": "<script>alert(1)</script>",
    "formula": '=HYPERLINK("http://evil")',
    "ansi": "\x1b[31mred",
    "bidi": "\u202eevil",
    "markup": "[bold]rich[/bold]",
    "github": "::error::x",
    "azure": "##vso[task.complete]",
    "table": "a|b\nc",
    "mention": "@everyone",
}


def _contoso(store: Store, now: datetime, secret_of: Callable[[str], str]) -> None:
    built = _Builder(store, "contoso", CONTOSO, "contoso.onmicrosoft.com", now, secret_of)
    built.tenant("Contoso", ["contoso.com"])
    built.billing_policy()
    built.authentication_policies()
    for seed in OPERATORS:
        built.operator(seed, CONTOSO)
    people = _contoso_people(built)
    _contoso_accounts(built, _contoso_apps(built), people)


def _contoso_people(built: _Builder) -> dict[str, str]:
    """Users, a group and a device; the ids by name."""
    anna = built.user("Anna Holm", "anna.holm@contoso.com")
    built.user("Ben Ortiz", "ben.ortiz@contoso.com", other_addresses=["erp@contoso.com"])
    group: Document = {
        "id": built.guid("group", "hve-senders"),
        "deletedDateTime": None,
        "createdDateTime": _graph_time(_CREATED),
        "displayName": "HVE senders",
        "groupTypes": [],
        "mail": None,
        "mailEnabled": False,
        "mailNickname": "hve-senders",
        "securityEnabled": True,
    }
    device: Document = {"id": built.guid("device", "scanner-3"), "deletedDateTime": None, "displayName": "SCANNER-3"}
    built.put("group", group)
    built.put("device", device)
    return {"anna": anna, "group": str(group["id"]), "device": str(device["id"])}


def _contoso_apps(built: _Builder) -> dict[str, App]:
    """Every application of contoso, by a short name."""
    publisher = {
        "displayName": "Fabrikam Notifications Ltd",
        "verifiedPublisherId": "5318008",
        "addedDateTime": "2024-05-02T08:00:00Z",
    }
    identity: Document = {"servicePrincipalType": "ManagedIdentity", "signInAudience": None, "tags": []}
    hostile = {f"hostile-{slug}": built.app(name, slug=f"hostile-{slug}") for slug, name in _HOSTILE.items()}
    return hostile | {
        "payroll": built.app(
            "Payroll Mailer",
            client_id="3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01",
            object_id="7d0e5c1a-4b2f-4e86-9a3d-6c8b0f2e41aa",
        ),
        "payroll-v1": built.app("Payroll Mailer v1", object_id="11a2f7c3-58d4-4b0e-a6c1-3e9d7b5f90c3"),
        "monitoring": built.app(
            "Monitoring",
            client_id="9a1d0c44-2f0b-4b7a-8a35-5e2f7c9d1102",
            object_id="d2a4c6e8-1b3f-4d5a-8c7e-9f10a2b30e71",
        ),
        "scanner": built.app("Old Scanner", object_id="5b77e0c2-1d1f-4a0d-b9f0-6c1e2a3d4e03"),
        "invoice": built.app("Invoice Bot"),
        "crm": built.app("CRM Sync"),
        "crm-old": built.app("CRM Sync 2019", change={"accountEnabled": False}),
        "shop": built.app("Shop Orders"),
        "newsletter": built.app("Newsletter"),
        "newsletter-old": built.deleted_principal("Newsletter 2021", days_ago=9),
        "voucher": built.deleted_application("Voucher Mailer", days_ago=4),
        "vendor": built.principal_only(
            "Fabrikam Notify",
            guid_of("fabrikam", "tenant"),
            object_id="7c0b9a11-8f0e-4a57-8c33-2d1e0f9a8b05",
            change={"verifiedPublisher": publisher, "signInAudience": "AzureADMultipleOrgs"},
        ),
        "forbidden": built.app("Bulk Blaster", client_id="00000000-1111-4222-8333-444444444404"),
        "backup": built.principal_only("vm-backup-runner", None, change=identity),
        "report-a": built.app("Report Sender", slug="report-sender-a"),
        # The right permission on the wrong API: Graph's Mail.Send has the same id as Exchange Online's.
        "report-b": built.app("Report Sender", slug="report-sender-b", permissions=((GRAPH_APP_ID, "Mail.Send"),)),
        "dunning": built.app("Dunning Letters", permissions=()),
    }


def _contoso_accounts(built: _Builder, apps: dict[str, App], people: dict[str, str]) -> None:
    def ids(*names: str) -> list[str]:
        return [apps[name].object_id for name in names]

    purged = built.guid("principal", "deleted for good")
    full = ids("payroll", "monitoring", "scanner", "invoice", "crm", "shop", "newsletter", "backup", "report-a")
    hostile = ids("hostile-script", "hostile-formula", "hostile-ansi", "hostile-bidi")
    hostile_name = "[red]HVE[/red] <img src=x onerror=alert(1)> \u202etxt.exe|=cmd()"
    payroll_alias = ["payslips@contoso.com"]
    for name, display_name, listed in (
        ("hve-alert-db", "HVE Alerts Database", []),
        ("hve-alert-web", "HVE Alerts Web", ids("monitoring")),
        ("hve-alert-lab", "HVE Alerts Lab", [*ids("monitoring"), purged]),
        ("hve-invoices", "HVE Invoices", [*ids("invoice"), apps["invoice"].registration_id]),
        ("hve-full", "HVE Full House", [*full, *ids("forbidden")]),
        ("hve-crm", "HVE CRM", ids("crm", "crm-old")),
        ("hve-newsletter", "HVE Newsletter", ids("newsletter", "newsletter-old")),
        ("hve-hostile", hostile_name, hostile),
        ("hve-shop", "HVE Shop", ids("shop")),
        ("hve-noc", "HVE NOC", [*ids("monitoring"), people["anna"]]),
    ):
        built.account(f"{name}@contoso.com", display_name, listed)
    scanner = [*ids("scanner"), apps["payroll"].client_id]
    built.account("hve-scan@contoso.com", "HVE Scanners", scanner, authentication_policy=_ALLOWS_BASIC)
    payroll = ids("payroll", "payroll-v1", "monitoring")
    reply_to = "hr@contoso.com"
    built.account("hve-payroll@contoso.com", "HVE Payroll", payroll, other_addresses=payroll_alias, reply_to=reply_to)
    built.account("hve-legacy@contoso.com", "HVE Legacy ERP", [], billing=Billing.NOT_CONNECTED)
    built.account("hve-lab@contoso.com", "HVE Lab", ids("vendor"), billing=Billing.SUBSCRIPTION_INACTIVE)


# --- fleets -------------------------------------------------------------------------------------------------------


def _fleet(store: Store, fleet: Fleet, now: datetime, secret_of: Callable[[str], str]) -> None:
    home = guid_of("fleet-0001", "tenant")
    for number in range(1, fleet.tenants + 1):
        alias = f"fleet-{number:04d}"
        domain = f"{alias}.onmicrosoft.com"
        built = _Builder(store, alias, guid_of(alias, "tenant"), domain, now, secret_of)
        built.tenant(f"Fleet {number:04d}", [])
        built.billing_policy()
        built.authentication_policies()
        built.operator(OPERATORS[0], home)
        _fleet_accounts(built, fleet)


def _fleet_accounts(built: _Builder, fleet: Fleet) -> None:
    """As many applications as accounts; each account's list begins at another one."""
    count = max(fleet.accounts, fleet.apps) if fleet.apps > 0 else 0
    apps = [built.app(f"Sender {number:05d}").object_id for number in range(count)]
    for number in range(fleet.accounts):
        listed = [apps[(number + offset) % count] for offset in range(fleet.apps)]
        built.account(f"hve-{number:05d}@{built.domain}", f"HVE {number:05d}", listed)


# --- documents as Graph has them ----------------------------------------------------------------------------------


def _graph_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _principal(object_id: str, name: str, client_id: str, owner: str | None) -> Document:
    return {
        "id": object_id,
        "deletedDateTime": None,
        "accountEnabled": True,
        "addIns": [],
        "alternativeNames": [],
        "appDescription": None,
        "appDisplayName": name,
        "appId": client_id,
        "applicationTemplateId": None,
        "appOwnerOrganizationId": owner,
        "appRoleAssignmentRequired": False,
        "appRoles": [],
        "createdDateTime": _graph_time(_CREATED),
        "description": None,
        "disabledByMicrosoftStatus": None,
        "displayName": name,
        "homepage": None,
        "keyCredentials": [],
        "loginUrl": None,
        "logoutUrl": None,
        "notes": None,
        "notificationEmailAddresses": [],
        "oauth2PermissionScopes": [],
        "passwordCredentials": [],
        "preferredSingleSignOnMode": None,
        "replyUrls": [],
        "servicePrincipalNames": [client_id],
        "servicePrincipalType": "Application",
        "signInAudience": "AzureADMyOrg",
        "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
        "tokenEncryptionKeyId": None,
        "verifiedPublisher": {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None},
    }


def _registration(app: App, domain: str, audience: str, permissions: Sequence[Permission]) -> Document:
    resources = dict.fromkeys(resource for resource, _ in permissions)
    return {
        "id": app.registration_id,
        "deletedDateTime": None,
        "addIns": [],
        "appId": app.client_id,
        "applicationTemplateId": None,
        "appRoles": [],
        "createdDateTime": _graph_time(_CREATED),
        "description": None,
        "disabledByMicrosoftStatus": None,
        "displayName": app.name,
        "groupMembershipClaims": None,
        "identifierUris": [],
        "isFallbackPublicClient": None,
        "keyCredentials": [],
        "notes": None,
        "passwordCredentials": [],
        "publisherDomain": domain,
        "requiredResourceAccess": [_required_access(resource, permissions) for resource in resources],
        "serviceManagementReference": None,
        "signInAudience": audience,
        "tags": [],
        "tokenEncryptionKeyId": None,
        "uniqueName": None,
        "verifiedPublisher": {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None},
    }


def _required_access(resource: str, permissions: Sequence[Permission]) -> Document:
    roles = [_ROLES[resource][role] for wanted, role in permissions if wanted == resource]
    return {"resourceAppId": resource, "resourceAccess": [{"id": role, "type": "Role"} for role in roles]}


def _app_role(value: str, role_id: str) -> Document:
    return {
        "allowedMemberTypes": ["Application"],
        "description": f"{value} for applications",
        "displayName": value,
        "id": role_id,
        "isEnabled": True,
        "origin": "Application",
        "value": value,
    }


def _scope(value: str, scope_id: str) -> Document:
    return {
        "adminConsentDescription": f"{value} for the signed-in user",
        "adminConsentDisplayName": value,
        "id": scope_id,
        "isEnabled": True,
        "origin": "Application",
        "type": "User",
        "userConsentDescription": None,
        "userConsentDisplayName": None,
        "value": value,
    }

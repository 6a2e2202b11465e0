"""
What mends a failure that `doctor` finds: steps in a portal, and the same as PowerShell and Azure CLI.

The least that is enough comes first. Exchange's own role groups cannot be managed with the Azure CLI; what stands there
instead is the narrowest directory role, which allows more. Ids of roles and permissions are the same in every tenant
[D]. Commands hold ids and addresses only, never text that somebody else chose: what cannot be pasted safely is a
placeholder in <angle brackets>.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hveadmin.domain.health import EndpointSeen, Remedy, Stage
from hveadmin.domain.ids import EXCHANGE_ONLINE, MICROSOFT_GRAPH
from hveadmin.domain.powershell import connect_exchange, graph_environment

MANAGE_AS_APP = "dc50a0fb-09a3-484d-be87-e023b12c6440"
APPLICATION_READ_ALL = "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30"
RECIPIENT_ADMINISTRATOR = "31392ffb-586c-42d1-9346-e59415a2cc4e"

TO_PLAN = ("Get-MailUser", "Get-HVEAccountSettings")
TO_APPLY = ("Add-HVEAppAccess", "Remove-HVEAppAccess")

_ROLE, _GROUP = "HVE application access", "hveadmin"

_PASTABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
_REGISTRATION = "Entra admin centre > Identity > Applications > App registrations > the application"
_ENTERPRISE = "Entra admin centre > Identity > Applications > Enterprise applications > the application"
_AS_GRAPH_ADMIN = "Application.ReadWrite.All,AppRoleAssignment.ReadWrite.All"

_AZ_CLOUD = {"gcc-high": "AzureUSGovernment", "dod": "AzureUSGovernment", "china": "AzureChinaCloud"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is to be given something, and where. Anything may be empty: then the reader fills it in."""

    tenant: str = ""
    cloud: str = "worldwide"
    client_id: str = ""
    object_id: str = ""
    """The enterprise application's object id, else a user's."""
    user: str = ""
    """The user's name for a delegated sign-in, else empty."""
    graph: str = "https://graph.microsoft.com"

    @property
    def app(self) -> str:
        """The client id as it stands in a command."""
        return _pasted(self.client_id, "client-id")

    @property
    def principal(self) -> str:
        """The enterprise application's object id as it stands in a command."""
        return _pasted(self.object_id, "object-id-of-the-enterprise-application")

    def connect_graph(self, scopes: str) -> str:
        """Microsoft Graph PowerShell's sign-in."""
        environment = graph_environment(self.cloud)
        return f"Connect-MgGraph -TenantId {_pasted(self.tenant, 'tenant')} -Scopes {scopes}{environment}"

    def connect_exchange(self) -> str:
        """Exchange Online PowerShell's sign-in."""
        return connect_exchange(self.cloud)

    def login(self) -> tuple[str, ...]:
        """The Azure CLI's sign-in."""
        cloud = _AZ_CLOUD.get(self.cloud)
        chosen = (f"az cloud set --name {cloud}",) if cloud else ()
        return (*chosen, f"az login --tenant {_pasted(self.tenant, 'tenant')} --allow-no-subscriptions")


def _pasted(text: str, what: str) -> str:
    """Text that a shell takes for nothing but text; else a placeholder."""
    return text if _PASTABLE.fullmatch(text) else f"<{what}>"


# Rights


def grant_manage_as_app(caller: Caller) -> Remedy:
    """Exchange lets an application in at all only with this permission."""
    means = (
        "Exchange Online does not let this application in: its token lacks the application permission"
        " Exchange.ManageAsApp of Office 365 Exchange Online, or nobody has consented to it."
        " It needs a role besides; a new permission shows in the next new token."
    )
    found = "APIs my organization uses > Office 365 Exchange Online"
    return _permission(caller, means, (EXCHANGE_ONLINE.value, found), ("Exchange.ManageAsApp", MANAGE_AS_APP))


def grant_application_read_all(caller: Caller) -> Remedy:
    """What ids are checked with."""
    means = (
        "Microsoft Graph does not let this application read applications, so ids of the configuration cannot be"
        " checked and client ids and names cannot be resolved. It needs the application permission Application.Read.All"
        " of Microsoft Graph, with admin consent; Directory.Read.All is needed only to name users, groups and devices."
    )
    api = (MICROSOFT_GRAPH.value, "Microsoft APIs > Microsoft Graph")
    return _permission(caller, means, api, ("Application.Read.All", APPLICATION_READ_ALL))


def _permission(caller: Caller, means: str, api: tuple[str, str], role: tuple[str, str]) -> Remedy:
    (api_id, found), (name, role_id) = api, role
    return Remedy(
        means,
        steps=(
            f"{_REGISTRATION} > API permissions > Add a permission > {found} > Application permissions > {name}",
            "on the same page: Grant admin consent (a Privileged Role Administrator may)",
        ),
        powershell=(
            caller.connect_graph(_AS_GRAPH_ADMIN),
            f"$app = Get-MgServicePrincipal -Filter \"appId eq '{caller.app}'\"",
            f"$api = Get-MgServicePrincipal -Filter \"appId eq '{api_id}'\"",
            "New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $app.Id -PrincipalId $app.Id"
            f" -ResourceId $api.Id -AppRoleId {role_id}",
        ),
        azure_cli=(
            *caller.login(),
            f"az ad app permission add --id {caller.app} --api {api_id} --api-permissions {role_id}=Role",
            f"az ad app permission admin-consent --id {caller.app}",
        ),
    )


def grant_role(caller: Caller, missing: tuple[str, ...]) -> Remedy:
    """A role group with four cmdlets and no other; the directory role that holds them, and more, for the Azure CLI."""
    cmdlets = ",".join((*TO_APPLY, "Get-HVEAccountSettings", "Get-MailUser"))
    who = "user" if caller.user else "application"
    return Remedy(
        f"The sign-in is good, but no role of this {who} holds {', '.join(missing)}."
        " A role takes up to 30 minutes to work, sometimes two hours.",
        steps=(
            "the least that is enough is a role group of Exchange with four cmdlets, made with the PowerShell below;"
            " which built-in role carries them is not documented, the first line shows it",
            f"or, allowing more: Entra admin centre > Identity > Roles & admins > Exchange Recipient Administrator"
            f" > Add assignments > the {who}",
        ),
        powershell=(
            caller.connect_exchange(),
            "Get-ManagementRole -Cmdlet Add-HVEAppAccess   # the -Parent of the next line, if it is another one",
            f'New-ManagementRole -Name "{_ROLE}" -Parent "Mail Recipients" -EnabledCmdlets {cmdlets}',
            f'New-RoleGroup -Name "{_GROUP}" -Roles "{_ROLE}"',
            *_member(caller),
        ),
        azure_cli=() if caller.user else (*caller.login(), _assign_role(caller)),
    )


def _member(caller: Caller) -> tuple[str, ...]:
    if caller.user:
        return (f'Add-RoleGroupMember "{_GROUP}" -Member <the user>',)
    return (
        f'New-ServicePrincipal -AppId {caller.app} -ObjectId {caller.principal} -DisplayName "{_GROUP}"',
        f'Add-RoleGroupMember "{_GROUP}" -Member {caller.principal}',
    )


def _assign_role(caller: Caller) -> str:
    body = (
        f'{{"principalId":"{caller.principal}","roleDefinitionId":"{RECIPIENT_ADMINISTRATOR}","directoryScopeId":"/"}}'
    )
    return (
        f"az rest --method POST --uri {caller.graph}/v1.0/roleManagement/directory/roleAssignments"
        f" --body '{body}'   # Exchange Recipient Administrator"
    )


def consent_for_users(caller: Caller) -> Remedy:
    """What a person's sign-in needs for Exchange."""
    return Remedy(
        "Exchange Online does not let this sign-in in: its token lacks the delegated permission Exchange.Manage.",
        steps=(
            f"{_REGISTRATION} > API permissions > Add a permission > APIs my organization uses > Office 365 Exchange"
            " Online > Delegated permissions > Exchange.Manage, then Grant admin consent; sign in once more",
        ),
        azure_cli=(*caller.login(), f"az ad app permission admin-consent --id {caller.app}"),
    )


# Sign-in


def mend_sign_in(number: int, hint: str, caller: Caller) -> Remedy:
    """What to do about Entra's refusal by its AADSTS number; for any other trouble what the error itself advises."""
    make = _BY_NUMBER.get(number)
    if make is None:
        return Remedy(hint) if hint else correct_the_profile()
    steps, powershell, azure_cli = make(caller)
    return Remedy(
        hint,
        steps,
        (caller.connect_graph("Application.ReadWrite.All"), *powershell) if powershell else (),
        (*caller.login(), *azure_cli) if azure_cli else (),
    )


_Parts = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def _new_secret(caller: Caller) -> _Parts:
    return (
        (
            f"{_REGISTRATION} > Certificates & secrets > Client secrets > New client secret",
            "copy its Value (not its Secret ID), which is shown once, to where the profile says the secret is",
        ),
        (
            f"$app = Get-MgApplication -Filter \"appId eq '{caller.app}'\"",
            "Add-MgApplicationPassword -ApplicationId $app.Id   # prints the secret: SecretText",
        ),
        (f"az ad app credential reset --id {caller.app} --append --years 1   # prints the secret: password",),
    )


def _who_is_it(caller: Caller) -> _Parts:
    return (
        (
            f"{_REGISTRATION} > Overview: the profile's client_id is the Application (client) ID, not the Object ID",
            "the same page shows the Directory (tenant) ID: it is the profile's tenant_id, unless the application is"
            " used in several tenants",
        ),
        (f"Get-MgServicePrincipal -Filter \"appId eq '{caller.app}'\"",),
        (f"az ad sp show --id {caller.app}",),
    )


def _enterprise_application(caller: Caller) -> _Parts:
    return (
        ("an administrator of the tenant consents to the application once, which makes its enterprise application",),
        (f"New-MgServicePrincipal -AppId {caller.app}",),
        (f"az ad sp create --id {caller.app}",),
    )


def _enable(caller: Caller) -> _Parts:
    return (
        (f"{_ENTERPRISE} > Properties > Enabled for users to sign-in: Yes",),
        (
            f"$app = Get-MgServicePrincipal -Filter \"appId eq '{caller.app}'\"",
            "Update-MgServicePrincipal -ServicePrincipalId $app.Id -AccountEnabled:$true",
        ),
        (f"az ad sp update --id {caller.app} --set accountEnabled=true",),
    )


def _upload_certificate(caller: Caller) -> _Parts:
    return (
        (f"{_REGISTRATION} > Certificates & secrets > Certificates > Upload certificate: its public half",),
        (),
        (f"az ad app credential reset --id {caller.app} --cert @<public-half.pem> --append",),
    )


def _federate(caller: Caller) -> _Parts:
    return (
        (
            f"{_REGISTRATION} > Certificates & secrets > Federated credentials: issuer, subject and audience must be"
            " those of the token, to the letter",
        ),
        (),
        (f"az ad app federated-credential list --id {caller.app}",),
    )


def _consent(caller: Caller) -> _Parts:
    return (
        (f"{_REGISTRATION} > API permissions > Grant admin consent",),
        (),
        (f"az ad app permission admin-consent --id {caller.app}",),
    )


_BY_NUMBER: Mapping[int, Callable[[Caller], _Parts]] = MappingProxyType(
    {
        7000215: _new_secret,
        7000222: _new_secret,
        700016: _who_is_it,
        7000229: _enterprise_application,
        7000112: _enable,
        700027: _upload_certificate,
        700213: _federate,
        70021: _federate,
        65001: _consent,
    }
)


def name_the_right_tenant(tenant: str, login: str) -> Remedy:
    """There is no such tenant."""
    return Remedy(
        f"No tenant is known at {login} by this id or domain: it is misspelt, it is in another cloud, or it is gone.",
        steps=(
            "Entra admin centre > Identity > Overview shows the Tenant ID and the primary domain",
            "correct tenant_id of the profile (or of the configuration), or the profile's cloud",
        ),
        powershell=(f"Invoke-RestMethod {login}/{_pasted(tenant, 'tenant')}/v2.0/.well-known/openid-configuration",),
        azure_cli=('az account list --all --query "[].tenantId"',),
    )


def change_cloud(cloud: str) -> Remedy:
    """The tenant lives elsewhere than the profile says."""
    return Remedy(
        f"This tenant is in the cloud {cloud}: its addresses and audiences are others than those of the profile.",
        steps=(f"set cloud: {cloud} in the profile",),
    )


def ask_the_right_audience(audience: str) -> Remedy:
    """A token for somebody else."""
    return Remedy(
        f"The token is for {audience}: a service takes only tokens that are for itself.",
        steps=("correct audiences of the profile, or leave them out: the cloud's own are right for most tenants",),
    )


def sign_in_to_the_tenant(wanted: str) -> Remedy:
    """A token for another tenant."""
    return Remedy(
        "The token is for another tenant than the one that was asked for; nothing is read or written with it.",
        steps=(f"check tenant_id of the profile and of the configuration, and that the sign-in belongs to {wanted}",),
    )


def correct_the_profile() -> Remedy:
    """What the profile or the environment names cannot be used."""
    return Remedy(
        "What the profile or the environment names for this cannot be used as it is.",
        steps=("`hveadmin doctor --show-config` shows each value and where it comes from: correct it there",),
    )


def try_again() -> Remedy:
    """The service failed by itself."""
    return Remedy(
        "The service, or the network on the way to it, did not answer as it should. That often passes.",
        steps=("try again in a few minutes; if it stays so, the request-id is what a support ticket needs",),
    )


# The machine and the network


def set_the_clock() -> Remedy:
    """A clock that is minutes off."""
    return Remedy(
        "Entra and Exchange compare times: a certificate's assertion, or a token, counts as expired or as not valid yet"
        " when this machine's clock is more than five minutes off.",
        steps=(
            "set the clock by the network: on Linux `sudo timedatectl set-ntp true`, on Windows `w32tm /resync`,"
            " on macOS `sudo sntp -sS time.apple.com`; in a container it is the host's clock",
        ),
        powershell=("w32tm /resync",),
    )


def mend_endpoint(seen: EndpointSeen) -> Remedy:
    """Why an endpoint was not reached, by how far the connection came."""
    make = _BY_STAGE[seen.broke_at or Stage.ANSWER]
    return make(seen)


def _settings(seen: EndpointSeen) -> Remedy:
    return Remedy(
        "A proxy variable of the environment names something that cannot be used as a proxy.",
        steps=("write it like HTTPS_PROXY=http://host:port; SOCKS needs the package socksio beside hveadmin",),
    )


def _resolve(seen: EndpointSeen) -> Remedy:
    host = seen.proxy.rpartition(":")[0] or seen.host
    return Remedy(
        f"No name server of this machine knows {host}.",
        steps=(
            "check the network and its name servers; where only a proxy knows names, set HTTPS_PROXY=http://host:port",
            "check the profile's cloud and endpoints for a misspelt address",
        ),
        powershell=(f"Resolve-DnsName {_pasted(host, 'host')}",),
    )


def _connect(seen: EndpointSeen) -> Remedy:
    who = f"the proxy {seen.proxy}" if seen.proxy else seen.address
    return Remedy(
        f"Nobody answers at {who}: no route, a firewall, or nothing that listens there.",
        steps=(
            "allow this machine to connect to it (outgoing TCP 443 for Microsoft's clouds), or set HTTPS_PROXY"
            " where a proxy is the only way out",
        ),
        powershell=(f"Test-NetConnection {_pasted(seen.host, 'host')} -Port {_port(seen)}",),
    )


def _proxy(seen: EndpointSeen) -> Remedy:
    return Remedy(
        f"The proxy {seen.proxy} does not let the connection through.",
        steps=(
            f"let the proxy allow CONNECT to {seen.host}:{_port(seen)}; where it wants a sign-in (407), put it into the"
            " variable: HTTPS_PROXY=http://user:password@host:port",
        ),
    )


def _tls(seen: EndpointSeen) -> Remedy:
    signed = f" It was signed by {seen.signer}." if seen.signer else ""
    return Remedy(
        f"Whoever answers at {seen.address} shows a certificate that this machine does not trust.{signed}"
        " If that is your own company, a proxy inspects the traffic; if you do not know it, do not trust it.",
        steps=(
            "an inspecting proxy's or a private cloud's CA goes into the operating system's store, or is named in the"
            " profile: ca: FILE (PEM); REQUESTS_CA_BUNDLE is not used",
            "or have the proxy let this address pass without inspecting it",
            "a certificate that is `not yet valid` or `expired` may also mean that this machine's clock is wrong",
        ),
        powershell=(f"openssl s_client -connect {_pasted(seen.host, 'host')}:{_port(seen)} -showcerts",),
    )


def _answer(seen: EndpointSeen) -> Remedy:
    return Remedy(
        f"A connection to {seen.address} stands, but no HTTP answer came over it in time.",
        steps=("try again; if it stays so, ask whoever runs the firewall or the proxy in between",),
    )


_BY_STAGE: Mapping[Stage, Callable[[EndpointSeen], Remedy]] = MappingProxyType(
    {
        Stage.PROXY_SETTINGS: _settings,
        Stage.RESOLVE: _resolve,
        Stage.CONNECT: _connect,
        Stage.PROXY: _proxy,
        Stage.TLS: _tls,
        Stage.ANSWER: _answer,
    }
)


def _port(seen: EndpointSeen) -> int:
    tail = seen.address.rpartition(":")[2]
    return int(tail) if tail.isdigit() else 443

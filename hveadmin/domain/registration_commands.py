"""
The steps of a registration as commands, for people who may run them where hveadmin may not. Pure.

Microsoft Graph PowerShell (with Exchange Online PowerShell for the accounts) and the Azure CLI in a POSIX shell. What
is not known before a step was done is a variable. A name is quoted so that a shell reads it as text and nothing
else, whatever is in it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hveadmin.domain.ids import EXCHANGE_ONLINE, Address, TenantId
from hveadmin.domain.powershell import connect_exchange, graph_environment, quoted
from hveadmin.domain.registration import (
    ALL_PRINCIPALS,
    MAIL_SEND,
    SINGLE_TENANT,
    Flow,
    RegistrationPlan,
    StepKind,
    with_access,
)

_CLOUD = {"gcc-high": "AzureUSGovernment", "dod": "AzureUSGovernment", "china": "AzureChinaCloud"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the commands are for."""

    tenant_id: TenantId
    cloud: str
    graph: str
    """Microsoft Graph's address in that cloud."""


@dataclass(frozen=True, slots=True)
class Commands:
    """One step's commands; a step may need none in one of the two."""

    step: str
    powershell: tuple[str, ...]
    azure_cli: tuple[str, ...]


def commands(plan: RegistrationPlan, place: Place, accounts: Sequence[Address] = ()) -> tuple[Commands, ...]:
    """Everything to type, in order: signing in, finding what is there, the steps, the grants. Empty without work."""
    if not plan.steps and not accounts:
        return ()
    found = _Writer(plan, place)
    return (
        Commands("sign-in", tuple(found.connect()), tuple(found.login())),
        *(Commands(step.value, tuple(found.powershell(step)), tuple(found.azure_cli(step))) for step in plan.steps),
        *(Commands("grant", tuple(found.grant(each)), tuple(found.no_grant(each))) for each in accounts),
    )


class _Writer:
    """Writes the commands of one plan."""

    def __init__(self, plan: RegistrationPlan, place: Place) -> None:
        self._plan = plan
        self._place = place
        self._wanted = plan.wanted
        self._access = plan.present.mail_send.access(plan.wanted.flow)
        self._connected = False

    # Before the steps

    def connect(self) -> Iterator[str]:
        scopes = ["Application.ReadWrite.All"]
        if StepKind.CONSENT in self._plan.steps:
            scopes.append(_consent_permission(self._wanted.flow))
        there = self._plan.present
        yield (
            f"Connect-MgGraph -TenantId {self._place.tenant_id} -Scopes {','.join(scopes)}"
            f"{graph_environment(self._place.cloud)}"
        )
        yield f"$exchange = Get-MgServicePrincipal -Filter \"appId eq '{EXCHANGE_ONLINE}'\""
        if there.registration is not None:
            yield f"$app = Get-MgApplication -Filter \"appId eq '{there.registration.client_id}'\""
        if there.principal is not None:
            yield f"$principal = Get-MgServicePrincipal -ServicePrincipalId {there.principal.object_id}"

    def login(self) -> Iterator[str]:
        there = self._plan.present
        if self._place.cloud in _CLOUD:
            yield f"az cloud set --name {_CLOUD[self._place.cloud]}"
        yield f"az login --allow-no-subscriptions --tenant {self._place.tenant_id}"
        yield f"exchange=$(az ad sp show --id {EXCHANGE_ONLINE} --query id --output tsv)"
        if there.registration is not None:
            yield f"app={there.registration.client_id}"
        if there.principal is not None:
            yield f"principal={there.principal.object_id}"

    # The steps

    def powershell(self, step: StepKind) -> Iterator[str]:
        match step:
            case StepKind.CREATE_APPLICATION:
                public = " -IsFallbackPublicClient" if self._wanted.flow is Flow.DELEGATED else ""
                yield (
                    f"$app = New-MgApplication -DisplayName {quoted(self._wanted.name)}"
                    f" -SignInAudience {SINGLE_TENANT}{public} -RequiredResourceAccess {self._required()}"
                )
            case StepKind.REQUEST_PERMISSION:
                yield f"Update-MgApplication -ApplicationId $app.Id -RequiredResourceAccess {self._required()}"
            case StepKind.ALLOW_PUBLIC_CLIENT:
                yield "Update-MgApplication -ApplicationId $app.Id -IsFallbackPublicClient"
            case StepKind.CREATE_PRINCIPAL:
                yield "$principal = New-MgServicePrincipal -AppId $app.AppId"
            case StepKind.CONSENT:
                yield self._consent()
            case StepKind.ADD_CERTIFICATE:
                yield from self._certificate()
            case StepKind.ADD_SECRET:
                yield (
                    "(Add-MgApplicationPassword -ApplicationId $app.Id -PasswordCredential @{ DisplayName = 'hveadmin';"
                    f" EndDateTime = (Get-Date).AddDays({self._wanted.days}) }}).SecretText  # shown this once"
                )

    def _required(self) -> str:
        """All that is to be asked for: the call replaces what was asked for before."""
        there = self._plan.present.registration
        apis = (
            f"@{{ ResourceAppId = '{each.api}'; ResourceAccess = @("
            + ", ".join(f"@{{ Id = '{one.id}'; Type = '{one.type}' }}" for one in each.access)
            + ") }"
            for each in with_access(there.required if there is not None else (), self._access)
        )
        return f"@({', '.join(apis)})"

    def _consent(self) -> str:
        if self._wanted.flow is Flow.APPLICATION:
            return (
                "New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principal.Id -PrincipalId $principal.Id"
                f" -ResourceId $exchange.Id -AppRoleId {self._access.id}"
            )
        grant = self._plan.present.grant
        if grant is not None:
            return (
                f"Update-MgOauth2PermissionGrant -OAuth2PermissionGrantId {quoted(grant.id)}"
                f" -Scope {quoted(' '.join((*grant.scopes, MAIL_SEND)))}"
            )
        return (
            f"New-MgOauth2PermissionGrant -ClientId $principal.Id -ConsentType {ALL_PRINCIPALS}"
            f" -ResourceId $exchange.Id -Scope {MAIL_SEND}"
        )

    def _certificate(self) -> Iterator[str]:
        file = quoted(self._wanted.kept_in)
        if self._wanted.certificate is None:
            # Needs PowerShell 7.4: older ones cannot write a key as PEM.
            yield "$rsa = [Security.Cryptography.RSA]::Create(2048)"
            yield (
                "$request = [Security.Cryptography.X509Certificates.CertificateRequest]::new('CN=hveadmin', $rsa,"
                " 'SHA256', [Security.Cryptography.RSASignaturePadding]::Pkcs1)"
            )
            yield (
                "$certificate = $request.CreateSelfSigned([DateTimeOffset]::UtcNow,"
                f" [DateTimeOffset]::UtcNow.AddDays({self._wanted.days}))"
            )
            yield (
                f"Set-Content -LiteralPath {file} -NoNewline -Value"
                ' ($rsa.ExportPkcs8PrivateKeyPem() + "`n" + $certificate.ExportCertificatePem() + "`n")'
                "  # let nobody else read it"
            )
        else:
            yield f"$certificate = [Security.Cryptography.X509Certificates.X509Certificate2]::CreateFromPemFile({file})"
        # The call replaces all certificates, so those that are there go with it.
        yield (
            "$keys = @((Get-MgApplication -ApplicationId $app.Id -Property keyCredentials).KeyCredentials"
            " | Where-Object { $_ })"
        )
        yield (
            "Update-MgApplication -ApplicationId $app.Id -KeyCredentials ($keys + @{ Type = 'AsymmetricX509Cert';"
            " Usage = 'Verify'; DisplayName = 'hveadmin'; Key = $certificate.RawData })"
        )

    def azure_cli(self, step: StepKind) -> Iterator[str]:
        match step:
            case StepKind.CREATE_APPLICATION:
                public = " --is-fallback-public-client true" if self._wanted.flow is Flow.DELEGATED else ""
                yield (
                    # With `=`, because a name may begin with a dash.
                    f"app=$(az ad app create --display-name={shlex.quote(self._wanted.name)}"
                    f" --sign-in-audience {SINGLE_TENANT}{public} --query appId --output tsv)"
                )
                yield self._ask()
            case StepKind.REQUEST_PERMISSION:
                yield self._ask()
            case StepKind.ALLOW_PUBLIC_CLIENT:
                yield 'az ad app update --id "$app" --is-fallback-public-client true'
            case StepKind.CREATE_PRINCIPAL:
                yield 'principal=$(az ad sp create --id "$app" --query id --output tsv)'
            case StepKind.CONSENT:
                yield self._consent_by_cli()
            case StepKind.ADD_CERTIFICATE:
                yield from self._certificate_by_cli()
            case StepKind.ADD_SECRET:
                yield (
                    'az ad app credential reset --id "$app" --append --display-name hveadmin'
                    f' --end-date "$(date -u -d +{self._wanted.days}days +%F)" --query password --output tsv'
                    "  # shown this once"
                )

    def _ask(self) -> str:
        return (
            f'az ad app permission add --id "$app" --api {EXCHANGE_ONLINE}'
            f" --api-permissions {self._access.id}={self._access.type}"
        )

    def _consent_by_cli(self) -> str:
        if self._wanted.flow is Flow.DELEGATED:
            return (
                f'az ad app permission grant --id "$app" --api {EXCHANGE_ONLINE} --scope {self._scopes()}'
                f" --consent-type {ALL_PRINCIPALS}"
            )
        # `az ad app permission admin-consent` would consent to everything that the registration asks for.
        body = '{\\"principalId\\":\\"$principal\\",\\"resourceId\\":\\"$exchange\\",\\"appRoleId\\":'
        return (
            f'az rest --method POST --url "{self._place.graph}/v1.0/servicePrincipals/$principal/appRoleAssignments"'
            f' --headers Content-Type=application/json --body "{body}\\"{self._access.id}\\"}}"'
        )

    def _scopes(self) -> str:
        grant = self._plan.present.grant
        return shlex.quote(" ".join((*(grant.scopes if grant is not None else ()), MAIL_SEND)))

    def _certificate_by_cli(self) -> Iterator[str]:
        file = shlex.quote(_no_option(self._wanted.kept_in))
        public = shlex.quote(_no_option(self._wanted.kept_in) + ".crt")
        if self._wanted.certificate is None:
            yield (
                "(umask 077; openssl req -x509 -newkey rsa:2048 -sha256 -nodes -subj /CN=hveadmin"
                f" -days {self._wanted.days} -keyout {file} -out {public}; cat {public} >> {file})"
            )
        else:
            yield f"openssl x509 -in {file} -out {public}"
        yield f'az ad app credential reset --id "$app" --append --cert @{public}'

    # After the steps

    def grant(self, account: Address) -> Iterator[str]:
        if not self._connected:
            self._connected = True
            yield connect_exchange(self._place.cloud)
        yield f"Add-HVEAppAccess -Identity {quoted(account.value)} -AppIds $principal.Id"

    def no_grant(self, account: Address) -> Iterator[str]:
        yield f'hveadmin account grant {shlex.quote(account.value)} "$principal"  # the Azure CLI knows no Exchange'


def _consent_permission(flow: Flow) -> str:
    if flow is Flow.APPLICATION:
        return "AppRoleAssignment.ReadWrite.All"
    return "DelegatedPermissionGrant.ReadWrite.All"


def _no_option(path: str) -> str:
    """A path that no program takes for an option."""
    return f"./{path}" if path.startswith("-") else path

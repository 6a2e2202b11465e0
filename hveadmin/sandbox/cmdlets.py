"""
Cmdlets: a name and parameters in, records or an error out. Every front end ends here.

Names of cmdlets and parameters ignore case. What a caller may run follows from the directory roles in its token
(`wids`); to a caller who may not run a cmdlet, it does not exist. Values in records are typed, so that each front end
can write them its own way: a `UUID` is a System.Guid, a tuple is a multi-valued property.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hveadmin.sandbox.store import Document
from hveadmin.sandbox.tenant import Account, CmdletError, ErrorShape, SandboxTenant, bad_value, parse_guid

EXCHANGE_ADMINISTRATOR = "29232cdf-9323-42fd-ade2-1d097af3e4de"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
RECIPIENT_ADMINISTRATOR = "31392ffb-586c-42d1-9346-e59415a2cc4e"
GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
SECURITY_READER = "5d6b6bb7-de71-4623-b4af-96380a352509"

# Which role carries the HVE cmdlets is not documented; that a mail recipient role does is a guess.
_ADMINISTRATORS = frozenset({EXCHANGE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR})
_WRITERS = _ADMINISTRATORS | {RECIPIENT_ADMINISTRATOR}
_READERS = frozenset({GLOBAL_READER, SECURITY_READER})
# Of the organisation, and no business of who manages recipients [G].
_OF_ORGANIZATION = frozenset({"Get-AuthenticationPolicy", "Get-OrganizationConfig"})

Value = str | bool | int | None | UUID | datetime | tuple[str, ...] | tuple[UUID, ...]
Record = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a cmdlet returned."""

    records: tuple[Record, ...] = ()
    warnings: tuple[str, ...] = ()
    has_output: bool = True
    """False for cmdlets that return no objects even when they succeed."""
    confirmation: str = ""
    """The question that would have to be confirmed; then nothing was done."""


class NotPermitted(Exception):
    """There is no such cmdlet, or not for this caller; the service does not say which."""


Argument = str | bool | tuple[str, ...]
"""A parameter's value after conversion."""


class Bound(dict[str, Argument]):
    """Parameters after conversion, by their proper names."""

    def text(self, name: str, default: str = "") -> str:
        value = self.get(name, default)
        return value if isinstance(value, str) else default

    def switched_on(self, name: str) -> bool:
        return self.get(name) is True

    def many(self, name: str) -> tuple[str, ...]:
        value = self.get(name, ())
        return value if isinstance(value, tuple) else ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: how its value is converted, and whether the cmdlet can do without it."""

    name: str
    convert: Callable[[str, object], Argument]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """A cmdlet of the service."""

    name: str
    parameters: tuple[Parameter, ...]
    run: Callable[[SandboxTenant, Bound], Answer]

    @property
    def writes(self) -> bool:
        return not self.name.startswith("Get-")


def run(tenant: SandboxTenant, wids: frozenset[str], name: str, parameters: Mapping[str, object]) -> Answer:
    """
    Run a cmdlet for a caller with these directory roles.

    Raises NotPermitted, or CmdletError; after either nothing was changed.
    """
    cmdlet = _CMDLETS.get(name.lower())
    if cmdlet is None or cmdlet.name not in permitted(wids):
        raise NotPermitted(name)
    bound = _bind(cmdlet, parameters)
    if cmdlet.writes and (bound.switched_on("WhatIf") or bound.switched_on("Confirm")):
        # The service answers with the question and does nothing [F: the module's confirmation protocol].
        return Answer(confirmation=f'Performing the operation "{cmdlet.name}" on "{bound.text("Identity")}".')
    return cmdlet.run(tenant, bound)


def permitted(wids: frozenset[str]) -> tuple[str, ...]:
    """The cmdlets that a caller with these directory roles may run, in alphabetical order."""
    folded = {each.lower() for each in wids}
    names: set[str] = set()
    if folded & _READERS:
        names |= {cmdlet.name for cmdlet in _CMDLETS.values() if not cmdlet.writes}
    if folded & _WRITERS:
        names |= {cmdlet.name for cmdlet in _CMDLETS.values()} - _OF_ORGANIZATION
    if folded & _ADMINISTRATORS:
        names |= _OF_ORGANIZATION
    return tuple(sorted(names))


def parameters_of(name: str) -> frozenset[str]:
    """The names, in lower case, of the parameters that a cmdlet has; none for a cmdlet that there is none of."""
    cmdlet = _CMDLETS.get(name.lower())
    return frozenset() if cmdlet is None else frozenset(each.name.lower() for each in (*cmdlet.parameters, *_COMMON))


# --- parameters ---------------------------------------------------------------------------------------------------


def _bind(cmdlet: Cmdlet, parameters: Mapping[str, object]) -> Bound:
    known = {each.name.lower(): each for each in (*cmdlet.parameters, *_COMMON)}
    unknown = [name for name in parameters if name.lower() not in known]
    if unknown:
        raise _no_such_set(f" Invalid cmdlet parameters specified. {', '.join(unknown)}")
    given = {known[name.lower()]: value for name, value in parameters.items()}
    missing = [each.name for each in cmdlet.parameters if each.required and given.get(each) is None]
    if missing:
        raise _no_such_set(f" Missing mandatory parameters. {', '.join(missing)}")
    return Bound({each.name: each.convert(each.name, value) for each, value in given.items()})


def _no_such_set(detail: str) -> CmdletError:
    return CmdletError(
        ErrorShape.PARAMETER_SET,
        "Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException",
        f"Parameter set cannot be resolved using the specified named parameters.{detail}",
    )


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise bad_value(name, value, "System.String")
    return value


def _identity(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise bad_value(name, value, "Microsoft.Exchange.Configuration.Tasks.MailUserIdParameter")
    return value.strip()


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise bad_value(name, value, "System.Management.Automation.SwitchParameter")
    return value


def _guids(name: str, value: object) -> tuple[str, ...]:
    """A multi-valued property of GUIDs; one value may come without a list around it."""
    values = value if isinstance(value, list) else [value]
    guids = []
    for each in values:
        guid = parse_guid(each) if isinstance(each, str) else None
        if guid is None:
            raise bad_value(name, each, "Microsoft.Exchange.Data.MultiValuedProperty`1[System.Guid]")
        guids.append(guid)
    if len(guids) == 0:
        raise bad_value(name, "", "Microsoft.Exchange.Data.MultiValuedProperty`1[System.Guid]")
    return tuple(dict.fromkeys(guids))


def _anything(name: str, value: object) -> str:
    """Accepted and ignored."""
    return str(value)


# Every cmdlet has these. Confirm and WhatIf are reserved for HVE [D], but the protocol knows them.
_COMMON = (
    *(Parameter(name, _switch) for name in ("Confirm", "WhatIf", "Debug", "Verbose")),
    *(Parameter(name, _anything) for name in ("ErrorAction", "WarningAction", "InformationAction")),
)

_IDENTITY = Parameter("Identity", _identity, required=True)
_APP_IDS = Parameter("AppIds", _guids, required=True)


# --- what they do -------------------------------------------------------------------------------------------------


def _get_mail_user(tenant: SandboxTenant, bound: Bound) -> Answer:
    if "Identity" in bound and bound.switched_on("HVEAccount"):
        # Two parameter sets [D]; whether the service insists on that is not known.
        raise _no_such_set("")
    if "Identity" in bound:
        return Answer((_mail_user(tenant.account(bound.text("Identity"))),))
    # Mail users that are not HVE accounts are not part of the sandbox.
    listed = tenant.accounts() if bound.switched_on("HVEAccount") else []
    return Answer(tuple(_mail_user(account) for account in listed))


def _mail_user(account: Account) -> Record:
    return {
        "Identity": account.alias,
        "Guid": UUID(account.guid),
        "ExternalDirectoryObjectId": account.external_id,
        "Name": account.alias,
        "DisplayName": account.display_name,
        "Alias": account.alias,
        "PrimarySmtpAddress": account.address,
        "EmailAddresses": (f"SMTP:{account.address}", *(f"smtp:{each}" for each in account.other_addresses)),
        "HiddenFromAddressListsEnabled": account.hidden,
        "RecipientType": "MailUser",
        # The value for HVE accounts is not recorded anywhere; nobody should rely on it.
        "RecipientTypeDetails": "MailUser",
        "WhenCreated": account.when_created,
    }


def _get_settings(tenant: SandboxTenant, bound: Bound) -> Answer:
    account = tenant.account(bound.text("Identity"))
    allowed = tuple(UUID(app) for app in account.allowed_apps)
    return Answer(({"Identity": account.alias, "AllowedApps": allowed, "ReplyTo": account.reply_to},))


def _get_billing_policy_of_account(tenant: SandboxTenant, bound: Bound) -> Answer:
    account = tenant.account(bound.text("Identity"))
    record: Record = {
        "Identity": account.alias,
        "BillingPolicyId": account.billing_policy_id,
        "BillingPolicyName": account.billing_policy_name,
        "BillingPolicyStatus": account.billing_status.value,
    }
    return Answer((record,))


def _get_billing_policies(tenant: SandboxTenant, bound: Bound) -> Answer:
    # Enum values are matched by their beginning, and a wrong one is no error but no rows [O: graph2otel].
    wanted = bound.text("ResourceType", "HVE").casefold()
    policies = tenant.billing_policies() if "hve".startswith(wanted) else []
    return Answer(tuple(_billing_policy(each) for each in policies))


def _billing_policy(policy: Mapping[str, str]) -> Record:
    return {"Identity": policy["id"], "Name": policy["name"], "ResourceType": policy["resourceType"]}


def _get_authentication_policies(tenant: SandboxTenant, bound: Bound) -> Answer:
    wanted = bound.text("Identity").casefold()
    found = [each for each in tenant.authentication_policies() if wanted in ("", str(each["name"]).casefold())]
    return Answer(tuple(_authentication_policy(each) for each in found))


def _authentication_policy(policy: Document) -> Record:
    return {
        "Identity": policy["name"],
        "Guid": UUID(policy["id"]),
        "Name": policy["name"],
        "AllowBasicAuthSmtp": policy["allowBasicAuthSmtp"],
    }


def _get_organization_config(tenant: SandboxTenant, bound: Bound) -> Answer:
    return Answer(({"DefaultAuthenticationPolicy": tenant.default_authentication_policy() or None},))


def _get_user(tenant: SandboxTenant, bound: Bound) -> Answer:
    account = tenant.account(bound.text("Identity"))
    record: Record = {
        "Identity": account.alias,
        "Guid": UUID(account.guid),
        "ExternalDirectoryObjectId": account.external_id,
        "DisplayName": account.display_name,
        "UserPrincipalName": account.address,
        "AuthenticationPolicy": account.authentication_policy or None,
    }
    return Answer((record,))


def _add_apps(tenant: SandboxTenant, bound: Bound) -> Answer:
    warnings = tenant.add_apps(bound.text("Identity"), bound.many("AppIds"))
    return Answer(warnings=warnings, has_output=False)


def _remove_apps(tenant: SandboxTenant, bound: Bound) -> Answer:
    tenant.remove_apps(bound.text("Identity"), bound.many("AppIds"))
    return Answer(has_output=False)


def _set_settings(tenant: SandboxTenant, bound: Bound) -> Answer:
    identity = bound.text("Identity")
    if "ReplyTo" in bound:
        tenant.set_reply_to(identity, bound.text("ReplyTo"))
    else:
        tenant.account(identity)
    return Answer(has_output=False)


_CMDLETS: Mapping[str, Cmdlet] = {
    cmdlet.name.lower(): cmdlet
    for cmdlet in (
        Cmdlet(
            "Get-MailUser",
            (
                Parameter("HVEAccount", _switch),
                Parameter("Identity", _identity),
                # The service returns everything, whatever is asked for [O: azure-auth].
                Parameter("ResultSize", _anything),
                Parameter("SortBy", _anything),
            ),
            _get_mail_user,
        ),
        Cmdlet("Get-HVEAccountSettings", (_IDENTITY,), _get_settings),
        Cmdlet("Add-HVEAppAccess", (_IDENTITY, _APP_IDS), _add_apps),
        Cmdlet("Remove-HVEAppAccess", (_IDENTITY, _APP_IDS), _remove_apps),
        Cmdlet("Set-HVEAccountSettings", (_IDENTITY, Parameter("ReplyTo", _text)), _set_settings),
        Cmdlet("Get-HVEAccountBillingPolicy", (_IDENTITY,), _get_billing_policy_of_account),
        Cmdlet("Get-AuthenticationPolicy", (Parameter("Identity", _text),), _get_authentication_policies),
        Cmdlet("Get-OrganizationConfig", (), _get_organization_config),
        # Other users than those behind HVE accounts are not part of the sandbox.
        Cmdlet("Get-User", (_IDENTITY,), _get_user),
        Cmdlet(
            "Get-BillingPolicy", (Parameter("ResourceType", _text), Parameter("Identity", _text)), _get_billing_policies
        ),
    )
}

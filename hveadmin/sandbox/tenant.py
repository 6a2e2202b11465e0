"""
One tenant's HVE accounts and the service's rules over them.

The rules [D: Add-HVEAppAccess, OAuth for HVE]: an account's list holds at most ten applications, each by the object id
of a service principal; more than ten is an error and nothing of the call is done; an empty list restricts nothing; a
change takes up to five minutes to bind at sign-in, though reading the list back shows it at once. What is not known
(duplicates, removing what is absent) follows the switches.

A list may hold anything: ids that were put there before the service validated them, or whose application is gone.
Every change of an account is one transaction, so two callers never lose each other's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Self

from hveadmin.sandbox.faults import MAX_PROPAGATION_SECONDS, Switches
from hveadmin.sandbox.store import Document, Store

Clock = Callable[[], datetime]

MAX_APPS = 10

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ADDRESS = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
_MANAGEMENT = "Microsoft.Exchange.Management.Tasks"


class ErrorShape(Enum):
    """Which of the recorded error bodies a refusal comes in."""

    NOT_FOUND = auto()
    EXECUTION = auto()
    """The cmdlet ran and refused."""
    PARAMETER_SET = auto()
    """The parameters fit no form of the cmdlet."""
    BAD_VALUE = auto()
    """A value could not be converted to its parameter's type."""


class CmdletError(Exception):
    """A refusal in Exchange's words: the .NET exception's name, its text, and an id where the cmdlet ran."""

    def __init__(self, shape: ErrorShape, exception: str, text: str) -> None:
        super().__init__(text)
        self.shape = shape
        self.exception = exception
        self.text = text

    @property
    def error_id(self) -> str:
        """`Ex` and six hexadecimal digits; errors of parameters have none [O]."""
        if self.shape is ErrorShape.NOT_FOUND:
            return "Ex6F9304"
        if self.shape is ErrorShape.EXECUTION:
            return "Ex" + hashlib.sha256(self.exception.encode()).hexdigest()[:6].upper()
        return ""


class Billing(Enum):
    """BillingPolicyStatus [D]. Only the first can send."""

    VALID = "BillingPolicyValid"
    NONE_STORED = "NoProperBillingPolicyStored"
    NOT_FOUND = "BillingPolicyNotFound"
    MISMATCHED = "BillingPolicyMismatched"
    NOT_CONNECTED = "NoConnectedBillingPolicyFound"
    SUBSCRIPTION_INACTIVE = "SubscriptionIsNotActive"
    NO_LICENCE = "NoSPOLicenseFound"


@dataclass(frozen=True, slots=True)
class ListChange:
    """One application that was put on a list or taken off it."""

    at: datetime
    app: str
    added: bool


@dataclass(frozen=True, slots=True)
class Account:
    """An HVE account. GUIDs are lower case with dashes; `allowed_apps` is in the order of adding."""

    guid: str
    external_id: str
    """ExternalDirectoryObjectId: the account's user object in Entra."""
    address: str
    display_name: str
    alias: str
    when_created: datetime
    other_addresses: tuple[str, ...] = ()
    hidden: bool = False
    reply_to: str = ""
    billing_policy_id: str = ""
    billing_policy_name: str = ""
    billing_status: Billing = Billing.VALID
    authentication_policy: str = ""
    """The name of the user's own authentication policy; empty for none."""
    allowed_apps: tuple[str, ...] = ()
    changes: tuple[ListChange, ...] = ()
    """Changes of the last five minutes, oldest first: those that may not bind yet."""

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that names the account as an Identity, in lower case."""
        names = (self.address, *self.other_addresses, self.guid, self.external_id, self.alias)
        return tuple(dict.fromkeys(name.casefold() for name in names))

    def apps_at(self, moment: datetime) -> tuple[str, ...]:
        """The list as it stood at a moment of the last five minutes."""
        apps = list(self.allowed_apps)
        for change in reversed(self.changes):
            if change.at <= moment:
                break
            if change.added:
                apps.remove(change.app)
            else:
                apps.append(change.app)
        return tuple(apps)

    def changed(self, apps: Sequence[str], now: datetime) -> Account:
        """The account with this list; what came and went is noted with its time."""
        came = [ListChange(now, app, True) for app in apps if app not in self.allowed_apps]
        went = [ListChange(now, app, False) for app in self.allowed_apps if app not in apps]
        recent = [change for change in self.changes if now - change.at < timedelta(seconds=MAX_PROPAGATION_SECONDS)]
        return replace(self, allowed_apps=tuple(apps), changes=(*recent, *went, *came))

    def to_document(self) -> Document:
        return {
            "guid": self.guid,
            "externalDirectoryObjectId": self.external_id,
            "primarySmtpAddress": self.address,
            "displayName": self.display_name,
            "alias": self.alias,
            "whenCreated": self.when_created.isoformat(),
            "otherAddresses": list(self.other_addresses),
            "hiddenFromAddressLists": self.hidden,
            "replyTo": self.reply_to,
            "billingPolicyId": self.billing_policy_id,
            "billingPolicyName": self.billing_policy_name,
            "billingPolicyStatus": self.billing_status.value,
            "authenticationPolicy": self.authentication_policy,
            "allowedApps": list(self.allowed_apps),
            "changes": [{"at": each.at.isoformat(), "app": each.app, "added": each.added} for each in self.changes],
        }

    @classmethod
    def from_document(cls, document: Document) -> Self:
        return cls(
            guid=document["guid"],
            external_id=document["externalDirectoryObjectId"],
            address=document["primarySmtpAddress"],
            display_name=document["displayName"],
            alias=document["alias"],
            when_created=datetime.fromisoformat(document["whenCreated"]),
            other_addresses=tuple(document["otherAddresses"]),
            hidden=document["hiddenFromAddressLists"],
            reply_to=document["replyTo"],
            billing_policy_id=document["billingPolicyId"],
            billing_policy_name=document["billingPolicyName"],
            billing_status=Billing(document["billingPolicyStatus"]),
            # Not in files that were made before there were any.
            authentication_policy=document.get("authenticationPolicy", ""),
            allowed_apps=tuple(document["allowedApps"]),
            changes=tuple(
                ListChange(datetime.fromisoformat(each["at"]), each["app"], each["added"])
                for each in document["changes"]
            ),
        )


def store_account(store: Store, tenant_id: str, account: Account) -> None:
    """Keep an account, and every name it can be asked for by. Names of an address that it lost are not taken away."""
    with store.transaction():
        store.put(tenant_id, "account", account.guid, account.to_document())
        for name in account.names:
            store.put(tenant_id, "accountName", name, {"guid": account.guid})


class SandboxTenant:
    """The service's rules over one tenant of a store."""

    def __init__(self, store: Store, tenant_id: str, clock: Clock, switches: Callable[[], Switches]) -> None:
        self.tenant_id = tenant_id.lower()
        self._store = store
        self._clock = clock
        self._switches = switches

    def accounts(self) -> list[Account]:
        """Every HVE account, ordered by address."""
        found = [Account.from_document(each) for each in self._store.all(self.tenant_id, "account")]
        return sorted(found, key=lambda account: account.address.casefold())

    def account(self, identity: str) -> Account:
        """The account with this address, GUID or alias. Raises CmdletError (not found)."""
        found = self.find(identity)
        if found is None:
            raise self._not_found(identity)
        return found

    def find(self, identity: str) -> Account | None:
        """As `account`, None if there is none."""
        name = self._store.get(self.tenant_id, "accountName", identity.strip().casefold())
        document = None if name is None else self._store.get(self.tenant_id, "account", name["guid"])
        return None if document is None else Account.from_document(document)

    def billing_policies(self) -> list[Document]:
        """The tenant's billing policies: id, name, resourceType."""
        return self._store.all(self.tenant_id, "billingPolicy")

    def authentication_policies(self) -> list[Document]:
        """The tenant's authentication policies: id, name, allowBasicAuthSmtp."""
        return self._store.all(self.tenant_id, "authenticationPolicy")

    def default_authentication_policy(self) -> str:
        """The name of the policy of users that have none of their own; empty for none."""
        config = self._store.get(self.tenant_id, "organization", "config") or {}
        return str(config.get("defaultAuthenticationPolicy", ""))

    def add_apps(self, identity: str, apps: Sequence[str]) -> tuple[str, ...]:
        """
        Put applications (GUIDs, parsed) on an account's list; returns warnings.

        Raises CmdletError, and then nothing of the call is done.
        """
        with self._store.transaction():
            account = self.account(identity)
            self._check_ids(apps)
            present = [app for app in apps if app in account.allowed_apps]
            if present and self._switches().duplicates == "error":
                raise _already_there(account, present)
            target = tuple(dict.fromkeys((*account.allowed_apps, *apps)))
            if len(target) > MAX_APPS:
                raise _too_many(account, len(target))
            store_account(self._store, self.tenant_id, account.changed(target, self._clock()))
        warns = self._switches().duplicates == "warn"
        return tuple(f"The application '{app}' is already allowed for '{account.address}'." for app in present if warns)

    def remove_apps(self, identity: str, apps: Sequence[str]) -> None:
        """Take applications off an account's list, the last one too. Raises CmdletError, and then nothing is done."""
        with self._store.transaction():
            account = self.account(identity)
            absent = [app for app in apps if app not in account.allowed_apps]
            if absent and self._switches().absent_removal == "error":
                raise _not_there(account, absent)
            target = [app for app in account.allowed_apps if app not in apps]
            store_account(self._store, self.tenant_id, account.changed(target, self._clock()))

    def set_reply_to(self, identity: str, address: str) -> None:
        """Set the address for replies; empty for none. Raises CmdletError."""
        if address and not _ADDRESS.fullmatch(address):
            raise bad_value("ReplyTo", address, "Microsoft.Exchange.Data.SmtpAddress")
        with self._store.transaction():
            store_account(self._store, self.tenant_id, replace(self.account(identity), reply_to=address))

    def admits(self, identity: str, object_id: str) -> bool:
        """Whether a sign-in of this service principal is let in now: the list as it binds, not as it reads."""
        switches = self._switches()
        bound = self.account(identity).apps_at(self._clock() - timedelta(seconds=switches.propagation_seconds))
        if len(bound) == 0:
            return switches.empty_list == "open"
        return object_id.lower() in bound

    def _check_ids(self, apps: Sequence[str]) -> None:
        if not self._switches().validate_ids:
            return
        unknown = [app for app in apps if self._store.get(self.tenant_id, "servicePrincipal", app) is None]
        if unknown:
            # That there is a validation error is documented, its words are a guess.
            text = (
                f"The value '{unknown[0]}' isn't a valid Object ID of an enterprise application in your organization."
            )
            raise CmdletError(ErrorShape.EXECUTION, "Microsoft.Exchange.Data.DataValidationException", text)

    def _not_found(self, identity: str) -> CmdletError:
        server = domain_controller(self.tenant_id)
        return CmdletError(
            ErrorShape.NOT_FOUND,
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
            f"The operation couldn't be performed because object '{identity}' couldn't be found on '{server}'.",
        )


def domain_controller(tenant_id: str) -> str:
    """A directory server's name as Exchange prints it, always the same for a tenant."""
    code = tenant_id[:4].upper()
    return f"SBXPR01A{code}.SBXPR01A{code[:3]}.PROD.OUTLOOK.COM"


def parse_guid(text: str) -> str | None:
    """A GUID as people paste it, in lower case with dashes; None for anything else."""
    bare = text.strip().lower()
    if bare.startswith("{") and bare.endswith("}"):
        bare = bare[1:-1]
    return bare if _GUID.fullmatch(bare) else None


def bad_value(parameter: str, value: object, kind: str) -> CmdletError:
    """A value that is not of its parameter's type [O: the form of the text]."""
    return CmdletError(
        ErrorShape.BAD_VALUE,
        "Microsoft.Exchange.AdminApi.CommandInvocation.ParameterTransformationException",
        f"Cannot process argument transformation on parameter '{parameter}'. Cannot convert value \"{value}\" to type"
        f' "{kind}". Error: "Error while converting string \'{value}\' to result type {kind}."',
    )


def _too_many(account: Account, count: int) -> CmdletError:
    # The limit is documented, the words are a guess.
    return CmdletError(
        ErrorShape.EXECUTION,
        "Microsoft.Exchange.Data.DataValidationException",
        f"The HVE account '{account.address}' can have at most {MAX_APPS} allowed applications. This request would"
        f" make it {count}.",
    )


def _already_there(account: Account, apps: Sequence[str]) -> CmdletError:
    # The type is that of a comparable cmdlet [F: Add-DistributionGroupMember]; for HVE it is a guess.
    text = f"The application '{apps[0]}' is already allowed for '{account.address}'."
    return CmdletError(ErrorShape.EXECUTION, f"{_MANAGEMENT}.MemberAlreadyExistsException", text)


def _not_there(account: Account, apps: Sequence[str]) -> CmdletError:
    text = f"The application '{apps[0]}' isn't on the list of allowed applications of '{account.address}'."
    return CmdletError(ErrorShape.EXECUTION, f"{_MANAGEMENT}.MemberNotFoundException", text)

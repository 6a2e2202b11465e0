"""
All that is read of one tenant for a check, a report or a snapshot: the lists, and what is asked besides.

Each part says for itself that it could not be read, or that nobody asked; a part that is missing is never an empty
part. A snapshot file holds exactly this, so that every check and every report can be made from it later, offline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hveadmin.domain.ids import Address, ClientId, TenantId
from hveadmin.domain.permissions import PermissionView
from hveadmin.domain.tenant import Credential, TenantSnapshot, Unknown, Unreadable

NOT_ASKED = Unreadable("nobody asked")
"""Stands for a part that this run had no need of."""


class Part(StrEnum):
    """What is asked besides the lists and the directory, each for a price in calls; a run asks for what it needs."""

    PERMISSIONS = "permissions"
    CREDENTIALS = "credentials"
    BILLING = "billing"
    BASIC_AUTH = "basic-auth"
    OWNERS = "owners"


class BillingStatus(StrEnum):
    """What Get-HVEAccountBillingPolicy says of one account [D]."""

    VALID = "BillingPolicyValid"
    NOT_STORED = "NoProperBillingPolicyStored"
    NOT_FOUND = "BillingPolicyNotFound"
    MISMATCHED = "BillingPolicyMismatched"
    NOT_CONNECTED = "NoConnectedBillingPolicyFound"
    SUBSCRIPTION_INACTIVE = "SubscriptionIsNotActive"
    NO_LICENSE = "NoSPOLicenseFound"


@dataclass(frozen=True, slots=True)
class Billing:
    """Whether one account's sending can be billed. A status that is none of `BillingStatus` is kept as it came."""

    status: str
    policy: str = ""


class BasicAuth(StrEnum):
    """
    Whether the authentication policies of Exchange let the account sign in to SMTP with its password, past the list.

    Security Defaults and Conditional Access may block it besides [D]; they are not read.
    """

    ALLOWED = "allowed"
    """The policy in force has AllowBasicAuthSmtp, or no policy is in force."""
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """One tenant at one time. The mappings by address have every account of the snapshot, or are `Unreadable`."""

    snapshot: TenantSnapshot
    domain: str = ""
    cloud: str = ""
    read_by: str = ""
    """Who was signed in: the actor of the token."""
    permissions: PermissionView = NOT_ASKED
    """By object id, for every service principal on a list or in the configuration."""
    credentials: Mapping[ClientId, tuple[Credential, ...]] | Unreadable = NOT_ASKED
    """Of every such application that is registered in this tenant. One registered elsewhere is not among the keys."""
    billing: Mapping[Address, Billing | Unknown] | Unreadable = NOT_ASKED
    basic_auth: Mapping[Address, BasicAuth | Unknown] | Unreadable = NOT_ASKED
    owners: Mapping[str, bool] | Unreadable = NOT_ASKED
    """By case-folded address of an owner or a contact: whether the directory still has somebody of that address."""

    @property
    def tenant_id(self) -> TenantId:
        return self.snapshot.tenant_id

    @property
    def read_at(self) -> datetime:
        """With its time zone (UTC)."""
        return self.snapshot.read_at

"""
The cmdlets as values, and their records as domain objects. Pure: it knows the wire's shapes, never touches it.

Only what is in `CmdletName` can be called. `AllowedApps` is read in one place, `allowed_apps`, for every transport:
the property's name is documented, its shape is not [G], so each shape seen of comparable properties is taken, and
what is none of them is Unknown. Nothing that went wrong reads as an empty list, because an empty list means that
every application may send.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hveadmin.domain.ids import Address, Guid, NotAGuid, NotAnAddress, ObjectId
from hveadmin.domain.tenant import AllowedApps, Known, ListedAccount, Unknown
from hveadmin.errors import UnreadableReply

Record = Mapping[str, object]
"""One object of an answer: property names as Exchange writes them, values as JSON has them."""

_BETWEEN = re.compile(r"[,;\s]+")
_GUID_KEYS = ("Guid", "guid", "Value", "value")


class CmdletName(StrEnum):
    """The cmdlets that may be called at all."""

    GET_MAIL_USER = "Get-MailUser"
    GET_HVE_ACCOUNT_SETTINGS = "Get-HVEAccountSettings"
    GET_HVE_ACCOUNT_BILLING_POLICY = "Get-HVEAccountBillingPolicy"
    GET_AUTHENTICATION_POLICY = "Get-AuthenticationPolicy"
    GET_ORGANIZATION_CONFIG = "Get-OrganizationConfig"
    GET_USER = "Get-User"
    ADD_HVE_APP_ACCESS = "Add-HVEAppAccess"
    REMOVE_HVE_APP_ACCESS = "Remove-HVEAppAccess"

    @property
    def writes(self) -> bool:
        """Whether it changes something. Whatever is no Get does, until somebody decides otherwise here."""
        return not self.value.startswith("Get-")


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """One call: a cmdlet and its parameters as plain values (text, bool, tuples of text)."""

    name: CmdletName
    parameters: Mapping[str, object]

    @property
    def title(self) -> str:
        """The cmdlet's name."""
        return self.name.value

    @property
    def writes(self) -> bool:
        """Whether it changes something, so that it must not be sent twice blindly."""
        return self.name.writes

    def __str__(self) -> str:
        identity = self.parameters.get("Identity")
        return self.name.value if identity is None else f"{self.name.value} {identity}"


def list_accounts() -> Cmdlet:
    """Every HVE account of the tenant."""
    # The service was seen both to ignore ResultSize and to obey it [O]: Unlimited is right either way.
    return Cmdlet(CmdletName.GET_MAIL_USER, {"HVEAccount": True, "ResultSize": "Unlimited"})


def settings_of(account: Address) -> Cmdlet:
    """One account's settings, its list among them."""
    return Cmdlet(CmdletName.GET_HVE_ACCOUNT_SETTINGS, {"Identity": account.value})


def billing_policy_of(account: Address) -> Cmdlet:
    """Whether one account's sending can be billed; one that cannot cannot send."""
    return Cmdlet(CmdletName.GET_HVE_ACCOUNT_BILLING_POLICY, {"Identity": account.value})


def authentication_policies() -> Cmdlet:
    """Every authentication policy of the tenant."""
    return Cmdlet(CmdletName.GET_AUTHENTICATION_POLICY, {})


def organization() -> Cmdlet:
    """The organisation's settings, the default authentication policy among them."""
    return Cmdlet(CmdletName.GET_ORGANIZATION_CONFIG, {})


def user_of(account: Address) -> Cmdlet:
    """The user behind one account, with its own authentication policy."""
    return Cmdlet(CmdletName.GET_USER, {"Identity": account.value})


def grant(account: Address, apps: Iterable[ObjectId]) -> Cmdlet:
    """Add applications to an account's list."""
    return Cmdlet(CmdletName.ADD_HVE_APP_ACCESS, {"Identity": account.value, "AppIds": _ids(apps)})


def revoke(account: Address, apps: Iterable[ObjectId]) -> Cmdlet:
    """Take applications off an account's list."""
    # Without Confirm the server executes directly [F]; false is what the module sends after its own question.
    return Cmdlet(CmdletName.REMOVE_HVE_APP_ACCESS, {"Identity": account.value, "AppIds": _ids(apps), "Confirm": False})


def _ids(apps: Iterable[ObjectId]) -> tuple[str, ...]:
    return tuple(sorted(app.value for app in apps))


def without_companions(record: Mapping[str, object]) -> dict[str, object]:
    """The record without OData's keys about keys (`Guid@odata.type`, `Guid@data.type`, `@adminapi.…`)."""
    return {
        name: without_companions(value) if isinstance(value, Mapping) else value
        for name, value in record.items()
        if not ("@odata." in name or "@data." in name or name.startswith("@adminapi."))
    }


def listed_accounts(records: Sequence[Record]) -> tuple[ListedAccount, ...]:
    """
    The accounts of a listing, ordered by address.

    Raises UnreadableReply for an account without an address or an id, and for two with the same: a listing that is
    wrong in one place is not trusted in the others.
    """
    accounts = sorted((_listed(record) for record in records), key=lambda account: account.address)
    _refuse_twins("address", [account.address.value for account in accounts])
    _refuse_twins("id", [account.guid.value for account in accounts])
    return tuple(accounts)


def _listed(record: Record) -> ListedAccount:
    name = record.get("DisplayName")
    known_as = next((record[key] for key in ("PrimarySmtpAddress", "DisplayName", "Identity") if record.get(key)), "?")
    address = record.get("PrimarySmtpAddress")
    guid = record.get("ExternalDirectoryObjectId") or record.get("Guid")
    try:
        return ListedAccount(
            Address.parse(address if isinstance(address, str) else ""),
            Guid.parse(_guid_text(guid) or ""),
            name if isinstance(name, str) else "",
        )
    except NotAnAddress:
        raise UnreadableReply(f"the listing has an account without an address: {known_as!r}") from None
    except NotAGuid:
        raise UnreadableReply(f"the listing has an account without an id: {known_as!r}") from None


def _refuse_twins(what: str, values: Iterable[str]) -> None:
    twins = sorted(value for value, count in Counter(values).items() if count > 1)
    if len(twins) > 0:
        raise UnreadableReply(f"the listing has the same {what} twice: {', '.join(twins[:3])}")


def allowed_apps(records: Sequence[Record], *, absent_is_empty: bool = False) -> AllowedApps:
    """
    The list in the records of Get-HVEAccountSettings: Known, or Unknown with the reason.

    `absent_is_empty` is the profile's word that its tenant leaves the property out where the list is empty; without
    it an absent property is unreadable. Present and null, or an empty collection, is empty.
    """
    if len(records) != 1:
        return Unknown(f"the settings came as {len(records)} records instead of one")
    record = records[0]
    if "AllowedApps" not in record:
        return Known(frozenset()) if absent_is_empty else Unknown("the settings have no AllowedApps")
    return _read_list(record["AllowedApps"])


def _read_list(value: object) -> AllowedApps:
    apps: set[ObjectId] = set()
    for entry in _entries(value):
        try:
            apps.add(ObjectId.parse(entry if isinstance(entry, str) else ""))
        except NotAGuid:
            return Unknown(f"AllowedApps holds something that is no GUID: {_shown(entry)}")
    return Known(frozenset(apps))


def _entries(value: object) -> list[object]:
    """What is on the list, one by one: texts where they can be had, else the thing itself."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [entry for element in value for entry in _split(element)]
    return _split(value)


def _split(element: object) -> list[object]:
    """One element, or several in one text: `a, b` and PowerShell's `{a, b}`. A blank text is one bad entry."""
    text = _guid_text(element)
    return [element] if text is None else [part.strip("{}") for part in _BETWEEN.split(text.strip())]


def _guid_text(value: object) -> str | None:
    """The text of a GUID as it comes: plain, or in an object of its own. None for anything else."""
    if isinstance(value, Mapping):
        value = next((value[key] for key in _GUID_KEYS if key in value), None)
    return value if isinstance(value, str) else None


def _shown(entry: object) -> str:
    return repr(entry)[:80]

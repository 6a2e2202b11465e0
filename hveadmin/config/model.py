"""
The shape of the configuration file: which keys there are, and what kind of value each takes.

Only shape: what one value can say of itself. Whether names exist and what belongs together is for `load`, which sees
all files at once. The descriptions here are what an editor shows, through the JSON Schema made from these models.

An error's type is the code of its problem where it is not a plain matter of shape (CFG005, CFG009, CFG011).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from hveadmin.config.problems import shortened
from hveadmin.domain.ids import Address, ClientId, Guid, NotAGuid, NotAnAddress, ObjectId, TenantId

_NAME = re.compile(r"\w[\w .+@()&-]{0,99}")
_ALIAS = re.compile(r"\w[\w.-]{0,62}")
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\U0010ffff]")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAYS = re.compile(r"[0-9]{1,4}d")
_GUID_PATTERN = r"^\s*\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?\s*$"
_EMPTY_LIST = (
    "an empty list does not block everyone, it lets every application send; say mode: unrestricted, or remove the entry"
)
_LISTS_OF_APPS = frozenset({"apps", "use"})

_Id = TypeVar("_Id", bound=Guid)


class Shape(BaseModel):
    """What all parts of a file that people write share: unknown keys and keys without a value are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _says_something(cls, value: object, info: ValidationInfo) -> object:
        if value is not None:
            return value
        if info.field_name in _LISTS_OF_APPS:
            raise PydanticCustomError("005", "{why}", {"why": f"nothing is written here; {_EMPTY_LIST}"})
        raise PydanticCustomError("003", "nothing is written here; give a value, or remove the key")


def _readable(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("003", "the text is blank")
    if _CONTROL.search(text):
        raise PydanticCustomError("003", "the text holds control characters")
    return text


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise PydanticCustomError("003", "{text} is not {what}", {"text": repr(shortened(text)), "what": what})
        return text

    return check


def _guid(kind: type[_Id]) -> Callable[[object], _Id]:
    def check(value: object) -> _Id:
        try:
            return kind.parse(value if isinstance(value, str) else "")
        except NotAGuid:
            text = repr(shortened(str(value)))
        hint = "a GUID looks like 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
        raise PydanticCustomError("009", "{text} is not a GUID; {hint}", {"text": text, "hint": hint})

    return check


def _address(value: object) -> Address:
    try:
        return Address.parse(value if isinstance(value, str) else "")
    except NotAnAddress:
        text = repr(shortened(str(value)))
    message = "{text} is not a mail address; an account is named like hve-payroll@contoso.com"
    raise PydanticCustomError("003", message, {"text": text})


def _address_key(text: str) -> str:
    _address(text)
    return text


def _date(value: object) -> date:
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
        why = "a date is written like 2027-06-30"
    except ValueError:
        why = "there is no such day"
    text = repr(shortened(str(value)))
    raise PydanticCustomError("011", "{text} is not a date; {why}", {"text": text, "why": why})


def _days(value: object) -> int:
    if isinstance(value, str) and _DAYS.fullmatch(value):
        return int(value[:-1])
    text = repr(shortened(str(value)))
    raise PydanticCustomError("003", "{text} is not a number of days; write it like 30d", {"text": text})


def _not_empty(value: object) -> object:
    if isinstance(value, list) and len(value) == 0:
        raise PydanticCustomError("005", "{why}", {"why": _EMPTY_LIST})
    return value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _guid_schema(what: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": _GUID_PATTERN, "title": what})


Text = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_readable)]
Name = Annotated[
    str,
    AfterValidator(_matching(_NAME, "a name: up to 100 letters, digits, blanks and any of . _ - + @ ( ) &")),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 100}),
]
Alias = Annotated[
    str,
    AfterValidator(_matching(_ALIAS, "a tenant's name: up to 63 letters, digits and any of . _ -")),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 63}),
]
RuleId = Annotated[str, AfterValidator(_matching(re.compile(r"HVE[0-9]{3}"), "a rule's id, such as HVE205"))]
ClientIdText = Annotated[ClientId, PlainValidator(_guid(ClientId)), _guid_schema("Application (client) id")]
ObjectIdText = Annotated[ObjectId, PlainValidator(_guid(ObjectId)), _guid_schema("Service principal's object id")]
TenantIdText = Annotated[TenantId, PlainValidator(_guid(TenantId)), _guid_schema("Tenant id")]
GuidText = Annotated[Guid, PlainValidator(_guid(Guid)), _guid_schema("GUID")]
AddressText = Annotated[
    Address, PlainValidator(_address), WithJsonSchema({"type": "string", "pattern": "^[^\\s@]+@[^\\s@]+$"})
]
AddressKey = Annotated[str, AfterValidator(_address_key)]
Day = Annotated[
    date,
    PlainValidator(_date),
    WithJsonSchema({"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
]
Days = Annotated[int, PlainValidator(_days), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,4}d$"})]
ModeName = Literal["enforce", "additive", "absent", "observe", "unrestricted"]
UnmanagedName = Literal["fail", "report", "ignore"]
Names = Annotated[list[Name], BeforeValidator(_not_empty), Field(min_length=1)]


class Defaults(Shape):
    """What holds where nothing else is said."""

    mode: ModeName = "enforce"
    """What an entry without a mode of its own promises."""
    owner: Text | None = None
    """Who answers for applications and accounts that name nobody."""
    unmanaged_accounts: UnmanagedName = "fail"
    """What it means when a live account has no entry."""
    expiry_warning: Days | None = None
    """How long before its end something is reported, such as 30d, which holds without it."""


class BoundShape(Shape):
    """A limit by count and by percent. A plan over either is refused."""

    max: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """At most so many."""
    percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    """At most this share of all, 0 to 100."""


class LimitsShape(Shape):
    """How much one run may change. A plan over any of these is refused, unless the run allows it by name."""

    accounts_changed: BoundShape | None = None
    """Accounts whose list changes. Without it: 10, and 50 percent."""
    grants_removed: BoundShape | None = None
    """Applications taken off lists. Without it: 10, and 30 percent."""
    accounts_opened: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Accounts whose restriction ends: from then on every application may send as them."""


class AppShape(Shape):
    """An application, named once and used by name. Exactly one of client_id, object_id and name says which."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["client_id"]}, {"required": ["object_id"]}, {"required": ["name"]}],
            "dependentRequired": {"object_id": ["tenant"], "tenant": ["object_id"]},
        }
    )

    client_id: ClientIdText | None = None
    """The application (client) id. The same in every tenant, and resolved in each."""
    object_id: ObjectIdText | None = None
    """The object id of the service principal (Entra admin centre > Enterprise applications), which exists in one
    tenant only. Needs tenant."""
    name: Text | None = None
    """The display name, which must lead to exactly one application. Advised against: display names are not unique,
    and whoever may register an application chooses one."""
    tenant: Alias | None = None
    """The one tenant of this configuration that object_id belongs to."""
    owner: Text | None = None
    """Who answers for it."""
    reason: Text | None = None
    """What it sends, and why."""
    ticket: Text | None = None
    """The change or request that brought it."""
    expires: Day | None = None
    """The last day it is wanted. From the day after, a plan proposes to take it off the lists."""


class GrantShape(Shape):
    """An application on one list: its name, or its name with what is particular to this list."""

    app: Name
    """A name from `apps`."""
    owner: Text | None = None
    """Who answers for it here, where that is not the application's owner."""
    reason: Text | None = None
    """Why it may send as this account."""
    ticket: Text | None = None
    """The change or request that brought it here."""
    expires: Day | None = None
    """The last day it is wanted here. The earlier of this and the application's own end counts."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        if isinstance(value, str):
            return {"app": value}
        if isinstance(value, dict):
            return value
        raise PydanticCustomError("003", "the name of an application is expected here, or a mapping {app: NAME, …}")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core))
        mapping = {key: value for key, value in schema.items() if key not in {"title", "description"}}
        return {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 100}, mapping]}


Grants = Annotated[list[GrantShape], BeforeValidator(_not_empty), Field(min_length=1)]

# Where no mode is said, the defaults' mode holds, which a schema cannot follow.
_BY_MODE: JsonDict = {
    "if": {"required": ["mode"]},
    "then": {
        "if": {"properties": {"mode": {"const": "unrestricted"}}},
        "then": {"required": ["reason", "expires"], "properties": {"apps": False, "use": False}},
        "else": {"properties": {"expires": False}},
    },
}


class AccountShape(Shape):
    """What is promised of one account's list."""

    model_config = ConfigDict(json_schema_extra=_BY_MODE)

    mode: ModeName | None = None
    """enforce: exactly these, at least one. additive: at least these. absent: these must not be there, never removing
    the last one. observe: report only. unrestricted: empty on purpose, so that every application may send; needs
    reason, owner and expires."""
    apps: Grants | None = None
    """The applications on the list. Never empty: an empty list would let every application send."""
    use: Names | None = None
    """Sets whose applications are on the list as well."""
    owner: Text | None = None
    """Who answers for the account."""
    reason: Text | None = None
    """Why it is so."""
    ticket: Text | None = None
    """The change or request behind it."""
    expires: Day | None = None
    """With mode unrestricted: the last day it is meant to be open."""


class SelectorShape(AccountShape):
    """What is promised of every account that matches and has no entry of its own. The first match wins."""

    match: Text
    """A glob over the whole address, letter case aside: * ? [seq]. In quotes, because of the star."""
    except_: Annotated[list[Text], Field(min_length=1)] | None = Field(default=None, alias="except")
    """Globs of accounts that this does not hold for."""


class ForbiddenShape(Shape):
    """An application that must be on no list. Exactly one of client_id and object_id says which."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["client_id"]}, {"required": ["object_id"]}]})

    client_id: ClientIdText | None = None
    """Its application (client) id."""
    object_id: ObjectIdText | None = None
    """Its service principal's object id."""
    reason: Text | None = None
    """Why it is forbidden."""


class RuleShape(Shape):
    """What holds for one policy rule."""

    severity: Literal["info", "low", "medium", "high", "critical"] | None = None
    """How bad it is, where that differs from the rule's own severity."""
    enabled: bool = True
    """Whether the rule is applied at all."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What this rule can be told besides; its page says what."""


class WaiverShape(Shape):
    """A deviation that was accepted. It pins what was accepted; anything beyond it is still a finding."""

    rule: RuleId
    """The rule that would fail."""
    reason: Text
    """Why it is accepted."""
    owner: Text
    """Who accepted it."""
    expires: Day
    """The last day it is accepted."""
    tenant: Alias | None = None
    """The tenant it holds for; all, if left out."""
    account: AddressText | None = None
    """The account it holds for; all, if left out."""
    app: GuidText | None = None
    """The id on the list that it holds for; all, if left out."""
    ticket: Text | None = None
    """Where it was accepted."""


class PolicyShape(Shape):
    """What `check` holds the tenant to."""

    unknown_apps: Literal["deny", "warn"] = "deny"
    """A live id that no entry of `apps` explains."""
    forbidden_apps: list[ForbiddenShape] = Field(default_factory=list)
    """Applications that must be on no list."""
    require: list[Literal["owner", "reason", "ticket", "expires"]] = Field(default_factory=list)
    """What every application, and every account that is open on purpose, must say of itself."""
    rules: dict[RuleId, RuleShape] = Field(default_factory=dict)
    """Rules by id, where they are to differ from what they are."""
    waivers: list[WaiverShape] = Field(default_factory=list)
    """Accepted deviations."""


class TenantShape(Shape):
    """One tenant and its accounts."""

    tenant_id: TenantIdText | None = None
    """The tenant's id. Nothing is written where the sign-in belongs to another tenant."""
    domain: Annotated[str, Field(pattern=r"^[^\s/@:]+\.[^\s/@:]+$", max_length=255)] | None = None
    """A domain of the tenant, such as contoso.onmicrosoft.com."""
    profile: Text | None = None
    """How to sign in: the name of a profile, or sandbox. Credentials are never in this file."""
    unmanaged_accounts: UnmanagedName | None = None
    """What it means in this tenant when a live account has no entry."""
    accounts: dict[AddressKey, AccountShape] = Field(default_factory=dict)
    """Accounts by address."""
    selectors: list[SelectorShape] = Field(default_factory=list)
    """What holds for accounts without an entry of their own; the first match wins."""


class ConfigFile(Shape):
    """Which applications may send through which High Volume Email account."""

    # Not required here, so that a file without it is checked to its end; `load` asks for it, and so does the schema.
    model_config = ConfigDict(json_schema_extra={"required": ["version"]})

    version: Literal[1] = 1
    """The version of this format: 1."""
    include: Annotated[list[Text], BeforeValidator(_as_list)] = Field(default_factory=list)
    """Other files that belong to this one: paths or globs, relative to this file."""
    defaults: Defaults | None = None
    limits: LimitsShape | None = None
    apps: dict[Name, AppShape] = Field(default_factory=dict)
    """Applications, named once and used by name."""
    sets: dict[Name, Names] = Field(default_factory=dict)
    """Lists of applications to use together."""
    policy: PolicyShape | None = None
    tenants: dict[Alias, TenantShape] = Field(default_factory=dict)
    """Tenants by a name of your choice. A tenant is defined in one file only."""

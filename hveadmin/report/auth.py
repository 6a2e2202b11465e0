"""
Who signs in with what, whether that works, and what the tokens allow. No token and no secret comes here.

The state of a sign-in is two lists in the machine form: `sign_ins`, one a tenant, and `tokens`, one a tenant and
service.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from hveadmin.report.document import Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import count, timestamp

STATUS_KIND = "auth"
STATUS_COLUMNS = (
    "tenant",
    "profile",
    "kind",
    "client_id",
    "cloud",
    "credential",
    "service",
    "signed_in",
    "as",
    "expires",
    "allowed",
    "said",
    "next",
)
LOGOUT_KIND = "auth-logout"
LOGOUT_COLUMNS = ("profile", "kind", "forgotten", "tokens")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something could not be had, and what to do next."""

    said: str
    next: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """A directory role out of a token (`wids`)."""

    id: str
    name: str
    """Empty where the id is not one of the well-known ones."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says of itself."""

    actor: str
    tenant_id: str
    audience: str
    expires: datetime
    client_id: str = ""
    object_id: str = ""
    is_user: bool = False
    roles: tuple[str, ...] = ()
    """Application permissions."""
    scopes: tuple[str, ...] = ()
    """Delegated permissions."""
    directory_roles: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """Whether a token for one service can be had."""

    service: str
    """`Exchange`, `Graph`."""
    result: Token | Failure


@dataclass(frozen=True, slots=True)
class FoundTenant:
    """What the tenant's public discovery document says."""

    tenant_id: str
    cloud: str
    region: str = ""


@dataclass(frozen=True, slots=True)
class SignInState:
    """How one tenant is signed in to, and what came of trying."""

    tenant: str
    """The configuration's name for it, or what was asked for."""
    profile: str
    kind: str
    client_id: str
    asked_tenant: str
    cloud: str
    login: str
    credential: str
    """What it proves itself with, by name; empty where that could not be found out."""
    kept_in: str
    """Where tokens are kept, in words."""
    tried: tuple[Tried, ...]
    found: FoundTenant | Failure | None = None
    """None where no tenant was named that could be asked about."""
    warnings: tuple[str, ...] = ()


def auth_status(state: SignInState) -> Report:
    """The state of one sign-in."""
    section = Section(
        table=Table(STATUS_COLUMNS, tuple(_row(state, each) for each in state.tried)),
        heading=(Row((Span(state.tenant, Tone.STRONG), f"profile {state.profile}")),),
        text=(*_facts(state), Row(), *_tried(state)),
        closing=tuple(_closing(state)),
    )
    lists = {"sign_ins": [_state_data(state)], "tokens": [_token_data(state, each) for each in state.tried]}
    return Report(STATUS_KIND, lists, (section,))


def _facts(state: SignInState) -> Iterator[Row]:
    facts = {
        "kind": state.kind,
        "client id": state.client_id,
        "tenant": _tenant_told(state),
        "cloud": f"{state.cloud}, {state.login}" if state.login else state.cloud,
        "credential": state.credential,
        "tokens kept": state.kept_in,
    }
    yield from (Row((name, value), "fact", 2) for name, value in facts.items() if value)


def _tenant_told(state: SignInState) -> str:
    match state.found:
        case FoundTenant(tenant_id, _, region):
            asked = f", asked for as {state.asked_tenant}" if state.asked_tenant.lower() != tenant_id else ""
            return tenant_id + (f" ({region})" if region else "") + asked
        case Failure(said):
            return f"{state.asked_tenant} ({said})"
        case None:
            return state.asked_tenant


def _tried(state: SignInState) -> Iterator[Row]:
    for each in state.tried:
        match each.result:
            case Failure(said, next_):
                yield Row((Span("FAILED", Tone.REMOVED), each.service, said), "token", 2)
                if next_:
                    yield Row((f"next: {next_}",), indent=6)
            case Token() as token:
                told = f"as {token.actor}, until {timestamp(token.expires)}"
                yield Row((Span("ok", Tone.ADDED), each.service, told), "token", 2)
                yield Row((_allowed(token),), indent=6)


def _allowed(token: Token) -> str:
    names = token.scopes if token.is_user else token.roles
    held = f"{'delegated permissions' if token.is_user else 'permissions'}: {', '.join(names) or 'none'}"
    if not token.directory_roles:
        return held
    return f"{held}; directory roles: {', '.join(role.name or role.id for role in token.directory_roles)}"


def _closing(state: SignInState) -> Iterator[Row]:
    yield from (Row((Span(f"Warning: {each}", Tone.WARNING),)) for each in state.warnings)
    missing = [each.service for each in state.tried if isinstance(each.result, Failure)]
    if not missing:
        yield Row((f"{state.tenant}: signed in.",))
    elif len(missing) < len(state.tried):
        yield Row((f"{state.tenant}: signed in, but not to {' and '.join(missing)}.",))
    else:
        yield Row((f"{state.tenant}: not signed in.",))


def _row(state: SignInState, tried: Tried) -> tuple[str | Span, ...]:
    head = (state.tenant, state.profile, state.kind, state.client_id, state.cloud, state.credential, tried.service)
    match tried.result:
        case Token() as token:
            return (*head, "yes", token.actor, timestamp(token.expires), _allowed(token), "", "")
        case Failure(said, next_):
            return (*head, Span("no", Tone.REMOVED), "", "", "", said, next_)


def _state_data(state: SignInState) -> Item:
    found = state.found if isinstance(state.found, FoundTenant) else None
    return {
        "tenant": state.tenant,
        "profile": state.profile,
        "auth_kind": state.kind,
        "client_id": state.client_id or None,
        "asked_tenant": state.asked_tenant or None,
        "cloud": state.cloud,
        "login": state.login or None,
        "credential": state.credential or None,
        "kept_in": state.kept_in or None,
        "signed_in": any(isinstance(each.result, Token) for each in state.tried),
        "found": None
        if found is None
        else {"tenant_id": found.tenant_id, "cloud": found.cloud or None, "region": found.region or None},
        "warnings": list(state.warnings),
    }


def _token_data(state: SignInState, tried: Tried) -> Item:
    head = {"tenant": state.tenant, "service": tried.service.lower()}
    match tried.result:
        case Failure(said, next_):
            return {**head, "signed_in": False, "said": said, "next": next_ or None}
        case Token() as token:
            return {
                **head,
                "signed_in": True,
                "as": token.actor,
                "tenant_id": token.tenant_id,
                "client_id": token.client_id or None,
                "object_id": token.object_id or None,
                "user": token.is_user,
                "audience": token.audience,
                "expires": timestamp(token.expires),
                "permissions": list(token.roles),
                "delegated_permissions": list(token.scopes),
                "directory_roles": [{"id": role.id, "name": role.name or None} for role in token.directory_roles],
            }


@dataclass(frozen=True, slots=True)
class SignedOut:
    """What was forgotten of one profile."""

    profile: str
    kind: str
    person: str
    """Empty where nobody was remembered."""
    tokens: int


def auth_logout(outs: Sequence[SignedOut]) -> Report:
    """What was forgotten, a profile a line."""
    rows = tuple((each.profile, each.kind, each.person or "nobody", each.tokens) for each in outs)
    text = tuple(Row((_out(each),)) for each in outs)
    items = [
        {
            "profile": each.profile,
            "auth_kind": each.kind,
            "forgotten": each.person or None,
            "tokens": each.tokens,
        }
        for each in outs
    ]
    return Report(LOGOUT_KIND, {"signed_out": items}, (Section(Table(LOGOUT_COLUMNS, rows), text=text),))


def _out(out: SignedOut) -> str:
    if out.person:
        return f"{out.profile}: forgot {out.person}, and {count(out.tokens, 'kept token')}."
    return f"{out.profile}: nobody was signed in; nothing of {out.kind} is kept."

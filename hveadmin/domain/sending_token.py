"""
What a sending application's token says, and whether it will do at SMTP: read and judged offline.

The signature is **not** checked: tokens for Microsoft's own APIs carry a nonce and do not verify with the published
keys [F]. Only the service that a token is handed to can check it; what is found here are one's own mistakes. v1.0 and
v2.0 tokens name the same things differently (`appid` and `azp`) [D]. No part of a token is in any message.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from hveadmin.domain.claims import Claims, NotClaims, decoded, text, texts, time
from hveadmin.domain.health import Check, Remedy, failed, passed, unknown, warned
from hveadmin.domain.ids import EXCHANGE_ONLINE, MICROSOFT_GRAPH, Address, ClientId, Guid, NotAGuid, TenantId
from hveadmin.domain.permissions import MAIL_SEND, SEND_AS_APP, SMTP_SEND
from hveadmin.domain.tenant import AllowedApps, Unknown
from hveadmin.errors import Outcome, UsageError

SOON = timedelta(seconds=300)
"""A token that ends sooner may be refused (5.7.142); from where on is not documented [G]."""

AUDIENCES = frozenset(
    {
        "https://outlook.office.com",
        "https://outlook.office365.com",
        "https://outlook.office365.us",
        "https://outlook-dod.office365.us",
        "https://partner.outlook.cn",
        EXCHANGE_ONLINE.value,
    }
)
"""Exchange Online by its names. Which of them HVE takes is not documented; others' clients take all of them [F]."""
_GRAPH = frozenset(
    {
        "https://graph.microsoft.com",
        "https://graph.microsoft.us",
        "https://dod-graph.microsoft.us",
        "https://microsoftgraph.chinacloudapi.cn",
        MICROSOFT_GRAPH.value,
    }
)
# RSA signatures of keys of 2048, 3072 and 4096 bits, in octets.
_SIGNATURES = frozenset({256, 384, 512})


class NotAToken(UsageError):
    """The text is no token that can be read. No part of it is in the message."""


@dataclass(frozen=True, slots=True)
class SendingToken:
    """What a token says of itself. A text is empty, and a time None, where it does not say."""

    version: str
    """`1.0` or `2.0`."""
    audience: str
    tenant_id: str
    issuer: str
    issued: datetime | None
    not_before: datetime | None
    expires: datetime | None
    client_id: str
    """appid (v1.0) or azp (v2.0)."""
    object_id: str
    """oid: the service principal of an application's own token, the user of a delegated one."""
    application: str
    """app_displayname: a name that somebody else chose."""
    user: str
    is_user: bool
    """Whether it was issued to a user who signed in through the application (a delegated permission)."""
    says_type: bool
    """Whether it carries `idtyp`; without it a scope tells a user's token."""
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    proof: str
    """What the application proved itself with: `secret`, `certificate`, `none`; empty where it does not say."""
    signature_octets: int
    algorithm: str

    @property
    def permissions(self) -> tuple[str, ...]:
        """Those that count: the roles of an application, the scopes of a user."""
        return self.scopes if self.is_user else self.roles

    @property
    def actor(self) -> str:
        """Who it is, for people."""
        app = (
            f"{self.application} ({self.client_id})" if self.application else self.client_id or "an unnamed application"
        )
        return f"{self.user or 'a user'} through {app}" if self.is_user else app


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token is held against; what is None or empty is not looked at."""

    now: datetime
    audience: str = "https://outlook.office.com"
    """Whom a token for SMTP is asked for in this cloud."""
    tenant_id: TenantId | None = None
    client_id: ClientId | None = None
    account: Address | None = None


# Reading


def read_token(text: str) -> SendingToken:
    """What somebody pasted: a token, perhaps after the word Bearer. Raises NotAToken, with what it is instead."""
    return _token(only_token(text))


def only_token(text: str) -> str:
    """The one token in a text, without what surrounds it. Raises NotAToken."""
    words = [each.strip("\"',;") for each in text.replace("\ufeff", "").split()]
    words = [each for each in words if each and each.lower() not in ("bearer", "authorization:")]
    if len(words) == 0:
        raise NotAToken("there is no token: the input is empty", hint=_GET)
    if len(words) == 1:
        return words[0]
    if all(each.count(".") >= 2 for each in words):
        raise NotAToken(f"there are {len(words)} tokens; give one at a time")
    raise NotAToken(
        "this is not one token: there are blanks or line ends in it", hint="paste it as one word, as it was given out"
    )


_GET = "hveadmin token get --raw prints one; pipe it in, or put it into an environment variable"


def _token(token: str) -> SendingToken:
    parts = token.split(".")
    _refuse_parts(parts)
    header, claims = _decoded(parts[0], "first"), _decoded(parts[1], "second")
    scopes = tuple(text(claims, "scp").split())
    kind = text(claims, "idtyp")
    return SendingToken(
        version=text(claims, "ver") or ("2.0" if "azp" in claims else "1.0"),
        audience=text(claims, "aud"),
        tenant_id=_guid(claims, "tid"),
        issuer=text(claims, "iss"),
        issued=time(claims, "iat"),
        not_before=time(claims, "nbf"),
        expires=time(claims, "exp"),
        client_id=_guid(claims, "appid") or _guid(claims, "azp"),
        object_id=_guid(claims, "oid"),
        application=text(claims, "app_displayname"),
        user=text(claims, "upn") or text(claims, "unique_name") or text(claims, "preferred_username"),
        is_user=kind == "user" if kind else len(scopes) > 0,
        says_type=bool(kind),
        roles=texts(claims, "roles"),
        scopes=scopes,
        proof=_PROOFS.get(text(claims, "appidacr") or text(claims, "azpacr"), ""),
        signature_octets=len(parts[2]) * 3 // 4,
        algorithm=text(header, "alg"),
    )


_PROOFS = {"0": "none", "1": "secret", "2": "certificate"}


def _refuse_parts(parts: list[str]) -> None:
    if len(parts) == 5 and "eyJ" in parts[2]:
        # A signature and, right behind it, another header: two files that end without a line end, put together.
        raise NotAToken("there are 2 tokens, one right behind the other; give one at a time")
    if len(parts) == 5:
        raise NotAToken(
            "the token is encrypted (a JWE of five parts): only the service it is for can read it",
            hint="a token for SMTP has three parts; was it asked for the right scope?",
        )
    if len(parts) == 3:
        return
    if len(parts) < 3 and parts[0].startswith("eyJ"):
        missing = "its signature is missing" if len(parts) == 2 else "only a part of it is there"
        raise NotAToken(f"the token is cut short: {missing}", hint=_WHOLE)
    raise NotAToken(
        f"this is no access token: it has {len(parts)} part{'s' if len(parts) > 1 else ''}, and one has three"
        " with full stops between them",
        hint="secrets, refresh tokens and XOAUTH2 strings look like this; hveadmin token get --raw prints a token",
    )


_WHOLE = "copy all of it: terminals and forms cut long lines; hveadmin token get --raw | hveadmin token inspect"


def _decoded(part: str, which: str) -> Claims:
    try:
        return decoded(part)
    except NotClaims as wrong:
        raise NotAToken(f"the token is cut short or damaged: its {which} part {wrong}", hint=_WHOLE) from None


def _guid(claims: Claims, name: str) -> str:
    try:
        return Guid.parse(text(claims, name)).value
    except NotAGuid:
        return ""


# Judging


def judge_token(token: SendingToken, expected: Expected) -> tuple[Check, ...]:
    """Everything that can be said of a token offline, in the order in which a server looks."""
    return tuple(_checks(token, expected))


def fit(checks: Collection[Check]) -> bool:
    """Whether nothing was found that keeps the token from working."""
    return not any(each.failed for each in checks)


def _checks(token: SendingToken, expected: Expected) -> Iterator[Check]:
    yield _form(token)
    yield _audience(token, expected)
    yield _lifetime(token, expected.now)
    yield _tenant(token, expected)
    if expected.client_id is not None:
        yield _application(token, expected.client_id)
    yield _permission(token, expected)
    if expected.account is not None and token.is_user:
        yield _user(token, expected.account)


def _broken(name: str, seen: str, means: str, *commands: str, steps: tuple[str, ...] = ()) -> Check:
    return failed(name, seen, Remedy(means, steps, hveadmin=commands), Outcome.AUTH)


def _form(token: SendingToken) -> Check:
    is_rsa = token.algorithm.startswith(("RS", "PS"))
    if token.signature_octets == 0 or (is_rsa and token.signature_octets not in _SIGNATURES):
        return _broken(
            "form",
            f"the signature is {'missing' if token.signature_octets == 0 else 'cut short'}",
            "The token was not copied whole: no server takes it.",
            get_command(token),
        )
    kind = "of a user who signed in through an application" if token.is_user else "of an application itself"
    guess = "" if token.says_type else " (by its scopes: it carries no idtyp)"
    return passed("form", f"v{token.version}, {kind}{guess}; the signature was not checked")


def get_command(token: SendingToken) -> str:
    """The command that asks for another token for the same application."""
    named = token.client_id or "<client-id>"
    how = "--device-code --as <account>" if token.is_user else "--secret-file <file>"
    return f"hveadmin token get --client-id {named} {how}"


def _audience(token: SendingToken, expected: Expected) -> Check:
    audience = token.audience.rstrip("/")
    if audience in AUDIENCES or audience == expected.audience.rstrip("/"):
        return passed("audience", f"for Exchange Online ({token.audience})")
    scope = f"{expected.audience.rstrip('/')}/.default"
    if audience in _GRAPH:
        seen = f"for Microsoft Graph ({token.audience}), not for Exchange Online"
        means = f"SMTP takes no token for Microsoft Graph, whatever it allows there: ask for the scope {scope}."
    elif audience and audience.removeprefix("api://") == token.client_id:
        seen = "for the application itself: this is an ID token, or a token for its own API"
        means = f"An access token for Exchange Online is needed: ask for the scope {scope}."
    else:
        seen = f"for {token.audience}, not for Exchange Online" if audience else "it does not say whom it is for (aud)"
        means = f"SMTP takes only tokens for Exchange Online: ask for the scope {scope}."
    return _broken("audience", seen, means, get_command(token))


def _lifetime(token: SendingToken, now: datetime) -> Check:
    name, again = "lifetime", get_command(token)
    if token.expires is None:
        return _broken(name, "it does not say how long it is good for (exp)", "No server takes such a token.", again)
    left = token.expires - now
    if left <= timedelta(0):
        means = "Ask for a new one each time, or 10 to 20 minutes before the old one ends."
        return _broken(name, f"expired {_length(-left)} ago, at {token.expires:%Y-%m-%d %H:%M:%SZ}", means, again)
    if token.not_before is not None and token.not_before > now:
        seen = f"not good before {token.not_before:%Y-%m-%d %H:%M:%SZ}, in {_length(token.not_before - now)}"
        return _broken(name, seen, "This machine's clock is behind, or the token is for later.", "hveadmin doctor")
    until = f"good for {_length(left)} more, until {token.expires:%Y-%m-%d %H:%M:%SZ}"
    if left < SOON:
        return warned(name, f"{until}: too short for some servers (5.7.142); get a new one")
    return passed(name, until)


def _length(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"


def _tenant(token: SendingToken, expected: Expected) -> Check:
    if not token.tenant_id:
        return _broken("tenant", "it does not say which tenant it is of (tid)", "Exchange Online takes no such token.")
    issuer = token.issuer.rstrip("/")
    if issuer and token.tenant_id not in issuer:
        seen = f"of tenant {token.tenant_id}, but issued by {token.issuer}"
        return _broken("tenant", seen, "A token's issuer is its tenant's: this one was put together by somebody.")
    wanted = expected.tenant_id
    if wanted is None:
        return passed("tenant", f"{token.tenant_id}; it was compared with nothing")
    if wanted.value != token.tenant_id:
        means = "The token is of another tenant than the account: sign in to the account's tenant."
        return _broken("tenant", f"{token.tenant_id}, not {wanted}", means, f"{get_command(token)} -t {wanted}")
    return passed("tenant", token.tenant_id)


def _application(token: SendingToken, client_id: ClientId) -> Check:
    if token.client_id == client_id.value:
        return passed("application", token.actor)
    seen = f"of application {token.client_id or '(not named)'}, not of {client_id}"
    return _broken("application", seen, "The token belongs to another application than the one that was named.")


def _permission(token: SendingToken, expected: Expected) -> Check:
    name, held = "permission", token.permissions
    kind = "scope" if token.is_user else "role"
    audience = token.audience.rstrip("/")
    if MAIL_SEND in held and audience not in _GRAPH:
        return passed(name, f"{MAIL_SEND} ({kind})")
    app = token.client_id or "<client-id>"
    ways = (f"hveadmin app show {app}",)
    if MAIL_SEND in held:
        seen, means = f"{MAIL_SEND}, but Microsoft Graph's", "SMTP wants the one of Office 365 Exchange Online."
    elif {SEND_AS_APP, SMTP_SEND} & {*held}:
        seen = f"{', '.join(held)}, which is for mailboxes"
        means = "An HVE account needs Mail.Send on Office 365 Exchange Online."
    elif MAIL_SEND in (token.roles if token.is_user else token.scopes):
        seen, means = f"{MAIL_SEND} in the wrong place", "A scope is no role: the server looks for the one that fits."
    else:
        seen = f"no {MAIL_SEND}: it has {', '.join(held) or 'no permission at all'}"
        means = (
            "Mail.Send on Office 365 Exchange Online is not granted to this application, or nobody consented to it."
            " A consent shows in the next new token, not in this one."
        )
    return _broken(name, seen, means, *ways)


def _user(token: SendingToken, account: Address) -> Check:
    if token.user.casefold() == account.value:
        return passed("user", token.user)
    said = f"{token.user or 'nobody that it names'} signed in, not {account}"
    return warned("user", f"{said}: a delegated token sends only as the account that signed in (or is it an alias?)")


# The account's list


def judge_listed(token: SendingToken, account: Address, allowed: AllowedApps, principal: str = "") -> Check:
    """
    Whether the application is on the account's list, from what the token itself says; Graph is not asked.

    `principal` is the application's service principal where it is known from elsewhere: a user's token does not name
    it, an application's own does (`oid`).
    """
    name = "on the list"
    if isinstance(allowed, Unknown):
        return unknown(name, f"the list of {account} could not be read: {allowed.why}")
    if allowed.is_open:
        return warned(name, f"{account} has an empty list: every application may send through it")
    right = principal or ("" if token.is_user else token.object_id)
    listed = {each.value for each in allowed.apps}
    if right and right in listed:
        return passed(name, f"{right} is on the list of {account}")
    if token.client_id and token.client_id in listed:
        return _wrong_id(name, token.client_id, right, account)
    if not right:
        return unknown(
            name, "a user's token does not name the service principal; hveadmin doctor ACCOUNT APP asks for it"
        )
    return failed(
        name,
        f"{right} is not among the {len(listed)} on the list of {account}",
        Remedy(
            "The application has a good token and is not on the account's list.",
            hveadmin=(list_command("grant", account, right),),
        ),
    )


def list_command(verb: str, account: Address, app: str) -> str:
    """A change of one account's list; an address may hold characters that a shell would obey."""
    return f"hveadmin account {verb} {shlex.quote(account.value)} {app}"


def _wrong_id(name: str, client_id: str, right: str, account: Address) -> Check:
    instead = right or "<object-id>"
    return failed(
        name,
        f"your client id {client_id} is on the list of {account}: replace it by {instead}",
        Remedy(
            "An account's list holds object ids of service principals (Enterprise applications > Object ID);"
            " a client id on it lets nobody in.",
            hveadmin=(list_command("grant", account, instead), list_command("revoke", account, client_id)),
        ),
    )

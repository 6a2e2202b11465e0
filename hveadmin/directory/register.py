"""
App registrations through Graph: what is there of one, and the calls that make it.

Reading and writing are two classes, as the ports are. A write is one call; a POST whose answer was lost is not sent
again, because it may have been done: the next run finds what is there. What was made a moment ago is not shown
everywhere yet: calls on it are answered "does not exist" for some seconds [F], and that alone is waited for.

Least privileged [D]: reading Application.Read.All (and DelegatedPermissionGrant.Read.All for delegated consent);
writing Application.ReadWrite.All, or .OwnedBy for what the caller itself made; consent
AppRoleAssignment.ReadWrite.All or DelegatedPermissionGrant.ReadWrite.All.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

from hveadmin.directory.items import Item, guid_text, parts, text, time
from hveadmin.domain.ids import EXCHANGE_ONLINE, ClientId, Guid, ObjectId
from hveadmin.domain.registration import (
    ALL_PRINCIPALS,
    MAIL_SEND,
    MAIL_SEND_ROLE,
    MAIL_SEND_SCOPE,
    SINGLE_TENANT,
    Access,
    Flow,
    KeyOnFile,
    MailSend,
    Principal,
    PublicCertificate,
    Registration,
    RequiredAccess,
    ScopeGrant,
    SecretOnFile,
    with_access,
)
from hveadmin.errors import (
    AuthError,
    DirectoryUnreadable,
    HveAdminError,
    Refused,
    ServiceError,
    UnreadableReply,
)
from hveadmin.wire.retry import Policy, Wait, backoff
from hveadmin.wire.session import Reply, Session

VERSION = "/v1.0"

READ = "Application.Read.All"
READ_GRANTS = "DelegatedPermissionGrant.Read.All"
WRITE = "Application.ReadWrite.All"
CONSENT = "AppRoleAssignment.ReadWrite.All"
CONSENT_DELEGATED = "DelegatedPermissionGrant.ReadWrite.All"

_LISTED = "id,appId,displayName,signInAudience,isFallbackPublicClient"
_WHOLE = f"{_LISTED},requiredResourceAccess,passwordCredentials,keyCredentials"
_DISPLAY_NAME = "hveadmin"
_PATIENCE = Policy(tries=7, base=1.0, cap=10.0)
"""Some 40 seconds for a new object to be shown everywhere."""
_MAX_TEXT = 200
_TOO_EARLY = ("does not reference a valid application", "Not a valid reference update")
"""How a 400 says that it does not know an id: a service principal's registration, an assignment's principal [F]."""


class NotPermitted(AuthError):
    """The directory refuses: a permission on Microsoft Graph is missing."""


class GraphApplicationReader:
    """A `domain.ports.ApplicationReader`. The session's scope is Graph's."""

    def __init__(self, session: Session) -> None:
        self._calls = _Calls(session)

    def mail_send(self) -> MailSend:
        """Exchange Online's object id here, and Mail.Send as it spells it; the known ids where it names none."""
        found = self._calls.get(
            f"/servicePrincipals(appId='{EXCHANGE_ONLINE}')?$select=id,appId,appRoles,oauth2PermissionScopes", READ
        )
        if found is None:
            raise Refused(
                "this tenant has no Office 365 Exchange Online, whose permission is to be granted",
                hint="it comes with the first Exchange Online licence; check that this is the right tenant",
            )
        return MailSend(
            ObjectId(guid_text(found, "id")),
            _named(found, "appRoles", "allowedMemberTypes") or MAIL_SEND_ROLE,
            _named(found, "oauth2PermissionScopes", "") or MAIL_SEND_SCOPE,
        )

    def registrations(self, name: str) -> Sequence[Registration]:
        """By `displayName eq`, which knows no difference between upper and lower case."""
        condition = "displayName%20eq%20" + quote("'" + name.replace("'", "''") + "'", safe="")
        return [
            _registration(each)
            for each in self._calls.pages(f"/applications?$filter={condition}&$select={_LISTED}", READ)
        ]

    def registration(self, client_id: ClientId) -> Registration | None:
        """With its certificates: their keys come only where one object is asked for, and by name [D]."""
        found = self._calls.get(f"/applications(appId='{client_id}')?$select={_WHOLE}", READ)
        return None if found is None else _whole_registration(found)

    def principal(self, client_id: ClientId) -> Principal | None:
        """By client id, of which a tenant has one service principal at most."""
        found = self._calls.get(f"/servicePrincipals(appId='{client_id}')?$select=id,appId,accountEnabled", READ)
        return None if found is None else _principal(found)

    def has_role(self, principal: ObjectId, mail_send: MailSend) -> bool:
        """The resource is compared too: Graph's Mail.Send has the same role id [F]."""
        assigned = self._calls.pages(f"/servicePrincipals/{principal}/appRoleAssignments", READ)
        wanted = (mail_send.role.value, mail_send.exchange.value)
        return any((text(each, "appRoleId").lower(), text(each, "resourceId").lower()) == wanted for each in assigned)

    def scope_grant(self, principal: ObjectId, mail_send: MailSend) -> ScopeGrant | None:
        """The grant for all principals; those for single users are no admin consent."""
        for each in self._calls.pages(f"/servicePrincipals/{principal}/oauth2PermissionGrants", READ_GRANTS):
            if (
                each.get("consentType") == ALL_PRINCIPALS
                and text(each, "resourceId").lower() == mail_send.exchange.value
                and isinstance(each.get("id"), str)
            ):
                return ScopeGrant(str(each["id"]), tuple(text(each, "scope").split()))
        return None


class GraphApplicationWriter:
    """A `domain.ports.ApplicationWriter`. The session's scope is Graph's."""

    def __init__(self, session: Session) -> None:
        self._calls = _Calls(session)

    def create_application(self, name: str, flow: Flow, mail_send: MailSend) -> Registration:
        """One call makes it whole: a registration without its permission would be half made."""
        body = {
            "displayName": name,
            "signInAudience": SINGLE_TENANT,
            "requiredResourceAccess": _required_access(with_access((), mail_send.access(flow))),
            **({"isFallbackPublicClient": True} if flow is Flow.DELEGATED else {}),
        }
        made = _registration(self._calls.post("/applications", body, WRITE, f"create the app registration {name!r}"))
        self._calls.expect(made.object_id, made.client_id)
        return made

    def request_permission(self, registration: Registration, flow: Flow, mail_send: MailSend) -> None:
        """Adds to what it asks for now, whatever that is by now."""
        # Read again: the call replaces the whole, and somebody may have asked for more since.
        now = self._read_again(registration, "requiredResourceAccess")
        required = with_access(_required(now), mail_send.access(flow))
        self._change(registration, {"requiredResourceAccess": _required_access(required)}, "ask for Mail.Send")

    def allow_public_client(self, registration: Registration) -> None:
        """isFallbackPublicClient, which the portal calls Allow public client flows [D]."""
        self._change(registration, {"isFallbackPublicClient": True}, "allow public client flows")

    def create_principal(self, client_id: ClientId) -> Principal:
        """Of the registration with this client id."""
        body = {"appId": client_id.value}
        made = _principal(self._calls.post("/servicePrincipals", body, WRITE, "create the enterprise application"))
        self._calls.expect(made.object_id)
        return made

    def assign_role(self, principal: ObjectId, mail_send: MailSend) -> None:
        """Through the resource, as Microsoft recommends [D]."""
        self._calls.post(
            f"/servicePrincipals/{mail_send.exchange}/appRoleAssignedTo",
            {
                "principalId": principal.value,
                "resourceId": mail_send.exchange.value,
                "appRoleId": mail_send.role.value,
            },
            CONSENT,
            "grant admin consent",
        )

    def grant_scope(self, principal: ObjectId, mail_send: MailSend, present: ScopeGrant | None) -> None:
        """One grant holds all scopes of one API for everybody, so an existing one is extended."""
        if present is not None:
            scope = " ".join(dict.fromkeys((*present.scopes, MAIL_SEND)))
            path = f"/oauth2PermissionGrants/{quote(present.id, safe='')}"
            self._calls.patch(path, {"scope": scope}, CONSENT_DELEGATED, "grant admin consent")
            return
        body = {
            "clientId": principal.value,
            "consentType": ALL_PRINCIPALS,
            "principalId": None,
            "resourceId": mail_send.exchange.value,
            "scope": MAIL_SEND,
        }
        self._calls.post("/oauth2PermissionGrants", body, CONSENT_DELEGATED, "grant admin consent")

    def add_certificate(self, registration: Registration, certificate: PublicCertificate) -> None:
        """
        Writes all certificates anew, the one that is added among them.

        addKey would need the proof of an earlier key; the whole collection is how a first one is added [D].
        """
        before = list(parts(self._read_again(registration, "keyCredentials"), "keyCredentials"))
        if any(not text(each, "key") for each in before):
            raise UnreadableReply(
                "Microsoft Graph shows a certificate of the application without its key, so that adding one would"
                " take that one away; nothing was written",
                hint="add the certificate in Entra admin centre > App registrations > Certificates & secrets",
            )
        mine = {
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
            "displayName": _DISPLAY_NAME,
            "key": certificate.key,
            "startDateTime": _timestamp(certificate.starts),
            "endDateTime": _timestamp(certificate.ends),
        }
        self._change(registration, {"keyCredentials": [*before, mine]}, "register the certificate")

    def add_secret(self, registration: Registration, ends: datetime, keep: Callable[[str], None]) -> None:
        """The value goes from the answer to `keep`, and into no error."""
        body = {"passwordCredential": {"displayName": _DISPLAY_NAME, "endDateTime": _timestamp(ends)}}
        path = f"/applications/{registration.object_id}/addPassword"
        made = self._calls.post(path, body, WRITE, "have a secret made")
        key_id = text(made, "keyId") or "unknown"
        try:
            value = text(made, "secretText")
            if not value:
                raise UnreadableReply("Microsoft Graph made a secret and did not say it")
            keep(value)
        except HveAdminError as error:
            raise HveAdminError(
                f"{error.message}; the secret with the key id {key_id} was made, and nobody holds it",
                hint="remove it: Entra admin centre > App registrations > Certificates & secrets; then run this again",
            ) from None

    def _read_again(self, registration: Registration, name: str) -> Item:
        found = self._calls.get(f"/applications/{registration.object_id}?$select=id,{name}", WRITE)
        if found is None:
            raise ServiceError(f"the app registration {registration.object_id} is gone", hint="run this again")
        return found

    def _change(self, registration: Registration, body: Item, what: str) -> None:
        self._calls.patch(f"/applications/{registration.object_id}", body, WRITE, what)


class _Calls:
    """Single calls, with patience for what was made a moment ago."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._new: set[str] = set()

    def expect(self, *ids: Guid) -> None:
        """These ids were made just now; that they do not exist is not to be believed at once."""
        self._new.update(each.value for each in ids)

    def get(self, path: str, permission: str) -> Item | None:
        """One object; None where there is none."""
        reply = self._patiently("GET", path, None, safe=True)
        if reply.status == 404:
            return None
        return _object(self._good(reply, permission, f"read {_bare(path)}"))

    def pages(self, path: str, permission: str) -> Iterator[Item]:
        """The objects of a collection, to its end."""
        link: object = VERSION + path
        followed: set[str] = set()
        while link is not None:
            if not isinstance(link, str) or link in followed:
                raise UnreadableReply("Microsoft Graph answered with a page whose link to the next leads nowhere")
            followed.add(link)
            reply = self._session.send("GET", link, safe=True)
            page = _object(self._good(reply, permission, f"read {_bare(path)}"))
            yield from parts(page, "value")
            link = page.get("@odata.nextLink")

    def post(self, path: str, body: Item, permission: str, what: str) -> Item:
        """Make something; what was made."""
        return _object(self._good(self._patiently("POST", path, body, safe=False), permission, what))

    def patch(self, path: str, body: Item, permission: str, what: str) -> None:
        """Set something; twice does no harm."""
        self._good(self._patiently("PATCH", path, body, safe=True), permission, what)

    def _patiently(self, method: str, path: str, body: Item | None, *, safe: bool) -> Reply:
        about_new = any(each in f"{path} {body}" for each in self._new)
        for attempt in itertools.count(1):
            reply = self._session.send(method, VERSION + path, json=body, safe=safe)
            if not about_new or not _is_unknown_yet(reply) or attempt >= _PATIENCE.tries:
                break
            # "Does not exist" says that nothing was done, so a POST may be sent again too.
            if not self._session.wait(Wait(backoff(attempt, _PATIENCE), "what was made is not shown everywhere yet")):
                break
        return reply

    def _good(self, reply: Reply, permission: str, what: str) -> object:
        """The body of a success. Raises AuthError, NotPermitted, DirectoryUnreadable or ServiceError."""
        if reply.status in (200, 201):
            return reply.json()
        if reply.status == 204:
            return {}
        if reply.status == 401:
            raise AuthError(
                "Microsoft Graph does not accept the access token",
                hint="check the profile's cloud and audiences (graph)",
            )
        refusal = _Refusal.of(reply)
        if reply.status == 403:
            raise NotPermitted(
                f"Microsoft Graph does not let this sign-in {what}: {refusal.words}", hint=_how_to_grant(permission)
            )
        kind = DirectoryUnreadable if permission in (READ, READ_GRANTS) else ServiceError
        raise kind(f"could not {what}: Microsoft Graph answered {refusal.words}", request_id=reply.request_id)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What Graph said in an answer of 400 and more."""

    status: int
    code: str
    message: str

    @classmethod
    def of(cls, reply: Reply) -> _Refusal:
        try:
            body = reply.json()
        except UnreadableReply:
            body = None
        error = body.get("error") if isinstance(body, Mapping) else None
        fields: Item = error if isinstance(error, Mapping) else {}
        return cls(reply.status, _line(fields.get("code")), _line(fields.get("message")))

    @property
    def words(self) -> str:
        return ", ".join(part for part in (str(self.status), self.code, self.message) if part)


def _is_unknown_yet(reply: Reply) -> bool:
    if reply.status == 404:
        return True
    return reply.status == 400 and any(each in _Refusal.of(reply).message for each in _TOO_EARLY)


def _how_to_grant(permission: str) -> str:
    owned = " (Application.ReadWrite.OwnedBy for what this application itself made)" if permission == WRITE else ""
    return (
        f"grant {permission}{owned} on Microsoft Graph to whoever signs in: Entra admin centre > App registrations >"
        " the application > API permissions; a Privileged Role Administrator or Global Administrator can consent. Or"
        " let such an administrator run the commands that --dry-run prints"
    )


# Reading what Graph wrote


def _registration(item: Item) -> Registration:
    """A registration as far as every answer shows it."""
    return Registration(
        object_id=Guid(guid_text(item, "id")),
        client_id=ClientId(guid_text(item, "appId")),
        name=text(item, "displayName"),
        audience=text(item, "signInAudience"),
        public_client=item.get("isFallbackPublicClient") is True,
    )


def _whole_registration(item: Item) -> Registration:
    """With its lists, each of which must have come: a list that was left out is not an empty one."""
    return replace(
        _registration(item),
        required=_required(item),
        keys=tuple(KeyOnFile(text(each, "key"), time(each, "endDateTime")) for each in parts(item, "keyCredentials")),
        secrets=tuple(
            SecretOnFile(text(each, "keyId"), text(each, "hint"), time(each, "endDateTime"))
            for each in parts(item, "passwordCredentials")
        ),
    )


def _principal(item: Item) -> Principal:
    return Principal(ObjectId(guid_text(item, "id")), item.get("accountEnabled") is not False)


def _required(item: Item) -> tuple[RequiredAccess, ...]:
    return tuple(
        RequiredAccess(
            guid_text(each, "resourceAppId"),
            tuple(Access(guid_text(one, "id"), text(one, "type")) for one in parts(each, "resourceAccess")),
        )
        for each in parts(item, "requiredResourceAccess")
    )


def _required_access(required: Sequence[RequiredAccess]) -> list[Item]:
    return [
        {"resourceAppId": each.api, "resourceAccess": [{"id": one.id, "type": one.type} for one in each.access]}
        for each in required
    ]


def _named(item: Item, collection: str, members: str) -> Guid | None:
    """The id of Mail.Send in a resource's roles (which applications may have) or scopes; None where it is not there."""
    for each in parts(item, collection):
        allowed = each.get(members) if members else ["Application"]
        if each.get("value") == MAIL_SEND and isinstance(allowed, list) and "Application" in allowed:
            return Guid(guid_text(each, "id"))
    return None


def _object(body: object) -> Item:
    if not isinstance(body, Mapping):
        raise UnreadableReply("Microsoft Graph answered with something else than a JSON object")
    return body


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _bare(path: str) -> str:
    return path.partition("?")[0].partition("(")[0]


def _line(text: object) -> str:
    """What somebody else wrote, as one short line without control characters."""
    if not isinstance(text, str):
        return ""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:_MAX_TEXT]

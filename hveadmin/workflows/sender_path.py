"""
Look at every link between an application and a sent mail, and let each part fail for itself.

What is read is a `Sight`; `domain.sender_path` judges it. What nobody may see is noted with its reason, and the next
thing is asked for all the same: an application team without any right in the tenant still learns what its token and the
server say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

from hveadmin.domain.asked import Asked, AskedAddress, AskedId, AskedName
from hveadmin.domain.health import Check
from hveadmin.domain.ids import Address, Guid
from hveadmin.domain.permissions import MailPermission
from hveadmin.domain.plan import Settling
from hveadmin.domain.sender_path import Question, Sight, judge_path
from hveadmin.domain.sending import Attempt
from hveadmin.domain.sending_token import SendingToken
from hveadmin.domain.tenant import (
    DirectoryView,
    HveAccount,
    Identity,
    IdKind,
    Known,
    Readable,
    ServicePrincipal,
    Unknown,
    Unreadable,
)
from hveadmin.errors import HveAdminError
from hveadmin.workflows.gather import Sources, gather_some

Seen = TypeVar("Seen")


class Reach(Protocol):
    """What is asked of the world. A method that cannot do it raises HveAdminError."""

    def sources(self) -> Sources:
        """The tenant, signed in to. Raises AuthError where nobody could sign in."""
        ...

    def settling(self) -> Mapping[Guid, Settling]:
        """What calls of hveadmin left on lists minutes ago."""
        ...

    def token(self) -> SendingToken | None:
        """The sender's token; None where nothing says how it signs in."""
        ...

    def attempt(self) -> Attempt | None:
        """One try to authenticate with that token; None where there is none."""
        ...


def examine(question: Question, reach: Reach, now: Callable[[], datetime]) -> tuple[Check, ...]:
    """Every check, in the order of CHECKS."""
    return judge_path(question, look(question, reach, now))


def look(question: Question, reach: Reach, now: Callable[[], datetime]) -> Sight:
    """Ask for everything, and note what could not be had."""
    token = _caught(reach.token)
    attempt = _caught(reach.attempt) if isinstance(token, SendingToken) else None
    app = question.app
    if app is None and isinstance(token, SendingToken) and token.client_id:
        app = AskedId(Guid(token.client_id))
    try:
        sources = reach.sources()
    except HveAdminError as error:
        return _without_tenant(now(), _sentence(error), app, token, attempt)
    return _with_tenant(question.account, app, sources, reach, now(), token, attempt)


def _caught(ask: Callable[[], Seen]) -> Seen | HveAdminError:
    try:
        return ask()
    except HveAdminError as error:
        return error


def _sentence(error: HveAdminError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


_NOBODY = "nobody is signed in to the tenant"


def _without_tenant(
    now: datetime,
    why: str,
    app: Asked | None,
    token: SendingToken | HveAdminError | None,
    attempt: Attempt | HveAdminError | None,
) -> Sight:
    said = f"{_NOBODY}: {why}"
    # Once with the reason; after that the same sentence ten times would hide what could be seen.
    account, lost = Unreadable(said), Unreadable(_NOBODY)
    blind = Unknown(_NOBODY)
    identity = lost if app is not None and not isinstance(app, AskedAddress) else None
    return Sight(now, None, account, blind, blind, identity, (), (), identity, blind, token, attempt)


def _with_tenant(
    address: Address,
    app: Asked | None,
    sources: Sources,
    reach: Reach,
    now: datetime,
    token: SendingToken | HveAdminError | None,
    attempt: Attempt | HveAdminError | None,
) -> Sight:
    account = _account(address, sources)
    missing = Unknown(
        "the account could not be read" if isinstance(account, Unreadable) else "there is no such account"
    )
    there = isinstance(account, HveAccount)
    listed = account.allowed.apps if isinstance(account, HveAccount) and isinstance(account.allowed, Known) else ()
    identity, bearers, view = _identity(app, sources, listed)
    principal = identity.principal if isinstance(identity, Identity) else None
    settling = _settling(account, reach) if isinstance(account, HveAccount) else None
    return Sight(
        now=now,
        tenant_id=sources.tenant_id,
        account=account,
        billing=_of_one(address, sources.billing.billing) if there else missing,
        basic_auth=_of_one(address, sources.basic_auth.basic_auth) if there else missing,
        identity=identity,
        bearers=bearers,
        alike=_alike(principal, listed, view),
        permission=_permission(principal, sources),
        settling=settling,
        token=token,
        attempt=attempt,
    )


def _account(address: Address, sources: Sources) -> HveAccount | Unreadable | None:
    try:
        found = gather_some(sources.accounts, _NobodyAsks(), sources.clock, sources.tenant_id, [address])
    except HveAdminError as error:
        return Unreadable(_sentence(error))
    return found.account(address)


class _NobodyAsks:
    """Stands for the directory where only the account is looked at (a `domain.ports.Directory`)."""

    def look_up(self, ids: object, names: object = ()) -> Readable:
        return Readable()


def _of_one(
    address: Address, ask: Callable[[list[Address]], Mapping[Address, Seen | Unknown] | Unreadable]
) -> Seen | Unknown:
    try:
        found = ask([address])
    except HveAdminError as error:
        return Unknown(_sentence(error))
    if isinstance(found, Unreadable):
        return Unknown(f"{found.why}{f'; it takes {found.grant}' if found.grant else ''}")
    return found.get(address, Unknown("no answer came for it"))


def _identity(
    app: Asked | None, sources: Sources, listed: Collection[Guid]
) -> tuple[Identity | Unreadable | None, tuple[ServicePrincipal, ...], DirectoryView]:
    """What the id or name is, all who bear the name, and everything that was read."""
    nothing = Readable()
    if app is None or isinstance(app, AskedAddress):
        # No application has a mail address for a name; there is nothing to ask for.
        return None, (), nothing
    try:
        # With the ids on the list: some of them may be the application's too, and the wrong ones.
        ids = [app.id] if isinstance(app, AskedId) else []
        view = sources.directory.look_up([*ids, *listed], [app.name] if isinstance(app, AskedName) else [])
    except HveAdminError as error:
        return Unreadable(_sentence(error)), (), nothing
    if isinstance(view, Unreadable):
        return view, (), view
    if isinstance(app, AskedId):
        return view.identity(app.id) or Unreadable("the directory gave no answer for it"), (), view
    bearers = view.named.get(app.name, ())
    if len(bearers) != 1:
        return None, bearers, view
    only = bearers[0]
    return Identity(only.object_id, IdKind.SERVICE_PRINCIPAL, only.display_name, only, only.client_id), bearers, view


def _alike(principal: ServicePrincipal | None, listed: Collection[Guid], view: DirectoryView) -> tuple[Guid, ...]:
    """The ids on a list that are the application's, and not the one that lists are for."""
    if principal is None or isinstance(view, Unreadable):
        return ()
    found = ((each, view.identity(each)) for each in sorted(listed))
    return tuple(
        each
        for each, identity in found
        if identity is not None and identity.kind is not IdKind.SERVICE_PRINCIPAL and _is_of(identity, principal)
    )


def _is_of(identity: Identity, principal: ServicePrincipal) -> bool:
    return identity.principal == principal or identity.client_id == principal.client_id


def _permission(principal: ServicePrincipal | None, sources: Sources) -> MailPermission | Unreadable | None:
    if principal is None:
        return None
    try:
        view = sources.permissions.mail_permission([principal])
    except HveAdminError as error:
        return Unreadable(_sentence(error))
    if isinstance(view, Unreadable):
        return view
    return view.get(principal.object_id) or Unreadable("the directory gave no answer for it")


def _settling(account: HveAccount, reach: Reach) -> Settling | Unknown | None:
    try:
        return reach.settling().get(account.guid)
    except HveAdminError as error:
        return Unknown(_sentence(error))

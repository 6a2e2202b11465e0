"""
Which calls lead from the list that is to the list that should be, and what every account's list should be.

The order of calls keeps these promises, whatever the two lists are (proven by property and by exhaustive search):

  * never empty once restricted: an empty list would let every application in, if only for a second;
  * never over the ceiling of ten;
  * no application that is wanted before and after is ever absent;
  * it ends at the target, in at most four calls, and no shorter sequence keeps the other promises.

Grants go first, so that a new sender never waits for an old one to leave. Only what does not fit under the ceiling
waits for the revokes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from hveadmin.domain.desired import Limits, Mode, Waiver
from hveadmin.domain.ids import Guid, ObjectId
from hveadmin.domain.plan import Action, AppLine, Change, Plan, Settling, Step, Unplanned, fingerprint
from hveadmin.domain.resolve import Declaration, ResolvedTenant
from hveadmin.domain.tenant import (
    CEILING,
    DirectoryView,
    HveAccount,
    Identity,
    IdKind,
    Known,
    Readable,
    TenantSnapshot,
    Unreadable,
)


def order_of_calls(
    before: frozenset[ObjectId], target: frozenset[ObjectId], ceiling: int = CEILING
) -> tuple[Step, ...]:
    """The calls from one list to the other, with the promises of this module."""
    granted, revoked = sorted(target - before), sorted(before - target)
    if not granted or not revoked or len(before) + len(granted) <= ceiling:
        return _steps((Action.GRANT, granted), (Action.REVOKE, revoked))
    if before & target:
        # What stays keeps the account restricted while the rest makes room.
        return _steps((Action.REVOKE, revoked), (Action.GRANT, granted))
    room = ceiling - len(before)
    if room > 0:
        return _steps((Action.GRANT, granted[:room]), (Action.REVOKE, revoked), (Action.GRANT, granted[room:]))
    # Full, and nothing stays: at least one old application holds the door until a new one is in.
    leaving_later = max(1, ceiling - len(granted))
    first_in = ceiling - leaving_later
    return _steps(
        (Action.REVOKE, revoked[leaving_later:]),
        (Action.GRANT, granted[:first_in]),
        (Action.REVOKE, revoked[:leaving_later]),
        (Action.GRANT, granted[first_in:]),
    )


def _steps(*calls: tuple[Action, list[ObjectId]]) -> tuple[Step, ...]:
    return tuple(Step(action, tuple(apps)) for action, apps in calls if apps)


@dataclass(frozen=True, slots=True)
class Reach:
    """The list is to become `target`; the same as before where nothing is to be done."""

    target: frozenset[ObjectId]


@dataclass(frozen=True, slots=True)
class LeaveAlone:
    """Nothing is to be done and nothing is promised; `warning` may say why."""

    warning: str = ""


@dataclass(frozen=True, slots=True)
class Refuse:
    """What is declared must not be reached."""

    why: str


Decision = Reach | LeaveAlone | Refuse


def decide(declared: Declaration, before: frozenset[ObjectId], today: date) -> Decision:
    """What one account's list should become. `today` is the caller's local date; last days are inclusive."""
    match declared.mode:
        case Mode.ENFORCE:
            wanted = declared.wanted
        case Mode.ADDITIVE:
            wanted = (before | declared.wanted) - declared.unwanted
        case Mode.ABSENT:
            wanted = before - declared.unwanted
        case Mode.OBSERVE:
            return LeaveAlone()
        case Mode.UNRESTRICTED:
            return _unrestricted(declared, before, today)
    target = wanted | kept(declared, before).keys()
    if len(target) == 0:
        return _would_be_empty(declared, before)
    if len(wanted) == 0 and target != before:
        # A waiver ends by itself one day. It must not be all that keeps the account restricted.
        return Refuse("only what a waiver keeps would be left on its list; declare an application that is to stay")
    if len(target) > CEILING:
        waived = f", {len(target - wanted)} of them by a waiver" if len(target) > len(wanted) else ""
        return Refuse(f"would hold {len(target)} applications{waived}; an account can hold {CEILING}")
    return Reach(target)


def kept(declared: Declaration, before: frozenset[ObjectId]) -> Mapping[ObjectId, Waiver]:
    """The applications on a list that would have to go if a waiver did not accept them, and that waiver."""
    match declared.mode:
        case Mode.ENFORCE:
            going = before - declared.wanted
        case Mode.ADDITIVE | Mode.ABSENT:
            going = before & declared.unwanted
        case Mode.OBSERVE | Mode.UNRESTRICTED:
            return {}
    found = {app: declared.accepted.on_list(app, ended=_has_ended(app, declared)) for app in sorted(going)}
    return {app: waiver for app, waiver in found.items() if waiver is not None}


def _has_ended(app: ObjectId, declared: Declaration) -> bool:
    """Whether it was declared here and is past its end; with mode absent it is unwanted from the beginning."""
    return app in declared.unwanted and declared.mode is not Mode.ABSENT


def _would_be_empty(declared: Declaration, before: frozenset[ObjectId]) -> Decision:
    if len(before) == 0 and declared.mode is Mode.ABSENT:
        return LeaveAlone("open: any application may send, so also those that must be absent")
    if declared.mode is Mode.ABSENT:
        return Refuse("this would remove its last application, and an empty list lets every application send")
    if len(before) == 0:
        return Refuse("open: any application may send, and every application declared for it is past its end")
    return Refuse(
        "every application declared for it is past its end; without one the account would be open to all."
        " Extend or replace one, or declare mode: unrestricted"
    )


def _unrestricted(declared: Declaration, before: frozenset[ObjectId], today: date) -> Decision:
    if declared.expires is not None and today > declared.expires:
        return LeaveAlone(f"declared unrestricted until {declared.expires}, which is past: declare its applications")
    return Reach(frozenset())


def make_plan(
    resolved: ResolvedTenant,
    snapshot: TenantSnapshot,
    *,
    today: date,
    limits: Limits,
    cloud: str,
    settling: Mapping[Guid, Settling] | None = None,
) -> Plan:
    """
    What is to be done in one tenant.

    `settling` names accounts (by guid) whose list a run of ours changed minutes ago: where it left what is declared,
    another list seen now is reported, not planned.
    """
    draft = _Draft(resolved, snapshot, today, settling or {})
    for account in snapshot.accounts:
        if account.address in resolved.considered:
            draft.judge(account)
    known = list(_known_lists(snapshot))
    return Plan(
        tenant=resolved.alias,
        tenant_id=snapshot.tenant_id,
        domain=resolved.domain,
        cloud=cloud,
        read_at=snapshot.read_at,
        changes=tuple(sorted(draft.changes, key=_opens_then_closes)),
        as_declared=draft.as_declared,
        observed=draft.observed,
        unknown=tuple(draft.unknown),
        refused=tuple(draft.refused),
        warnings=tuple(draft.warnings),
        limits=limits,
        accounts_total=len(snapshot.accounts),
        grants_total=sum(len(apps) for apps in known),
        open_before=sum(len(apps) == 0 for apps in known),
        open_after=_open_after(snapshot, draft.changes),
    )


class _Draft:
    """A plan in the making: every account is judged once and lands in exactly one place."""

    def __init__(
        self, resolved: ResolvedTenant, snapshot: TenantSnapshot, today: date, settling: Mapping[Guid, Settling]
    ) -> None:
        self._resolved, self._snapshot, self._today, self._settling = resolved, snapshot, today, settling
        self._without_entry = {each.account for each in resolved.not_planned}
        self.changes: list[Change] = []
        self.unknown: list[Unplanned] = []
        self.refused = list(resolved.not_planned)
        self.warnings = [*_no_account(snapshot), *resolved.warnings, *_directory_warning(snapshot.directory, resolved)]
        self.as_declared = 0
        self.observed = 0

    def judge(self, account: HveAccount) -> None:
        declared = self._resolved.declarations.get(account.address)
        if not isinstance(account.allowed, Known):
            origin = declared.origin if declared else ""
            self.unknown.append(Unplanned(account.address, account.allowed.why, origin))
        elif declared is not None:
            self._place(account, account.allowed.apps, declared)
        elif account.address not in self._without_entry:
            self.observed += 1

    def _place(self, account: HveAccount, before: frozenset[ObjectId], declared: Declaration) -> None:
        for app, waiver in kept(declared, before).items():
            self.warnings.append(f"{account.address}: {_kept(app, waiver, self._snapshot)}")
        match decide(declared, before, self._today):
            case LeaveAlone(warning):
                self._leave(account, warning)
            case Refuse(why):
                self.refused.append(Unplanned(account.address, why, declared.origin))
            case Reach(target) if target == before:
                self.as_declared += 1
                self._warn_of_forbidden(account, before, target, declared)
            # An open list is never waited for: that every application may send is not ours, however late.
            case Reach(target) if len(before) > 0 and (until := self._settles(account, target)) is not None:
                self._leave(account, f"settling, a change of hveadmin takes effect by {until:%H:%MZ}")
            case Reach(target):
                self.changes.append(_change(account, before, target, declared, self._snapshot))
                self._warn_of_forbidden(account, before, target, declared)

    def _warn_of_forbidden(
        self, account: HveAccount, before: frozenset[ObjectId], target: frozenset[ObjectId], declared: Declaration
    ) -> None:
        """The plan follows the declaration; that policy forbids what it declares is for a person to put right."""
        for app in sorted(target):
            accepted = declared.accepted
            if app.value in accepted.forbidden and accepted.on_list(app, ended=_has_ended(app, declared)) is None:
                does = "leaves" if app in before else "grants"
                name = _named(app, self._snapshot)
                self.warnings.append(f"{account.address}: {does} {name}, which policy.forbidden_apps forbids (HVE202)")

    def _settles(self, account: HveAccount, target: frozenset[ObjectId]) -> datetime | None:
        lately = self._settling.get(account.guid)
        return lately.until if lately is not None and lately.left == target else None

    def _leave(self, account: HveAccount, warning: str) -> None:
        self.observed += 1
        if warning:
            self.warnings.append(f"{account.address}: {warning}")


def _known_lists(snapshot: TenantSnapshot) -> Iterator[frozenset[ObjectId]]:
    return (account.allowed.apps for account in snapshot.accounts if isinstance(account.allowed, Known))


def _open_after(snapshot: TenantSnapshot, changes: Iterable[Change]) -> int:
    targets = {change.account: change.target for change in changes}
    return sum(
        len(targets.get(account.address, account.allowed.apps)) == 0
        for account in snapshot.accounts
        if isinstance(account.allowed, Known)
    )


def _opens_then_closes(change: Change) -> tuple[bool, bool, str]:
    return (len(change.target) > 0, len(change.before) > 0, change.account.value)


def _no_account(snapshot: TenantSnapshot) -> Iterator[str]:
    if len(snapshot.accounts) == 0:
        yield "this tenant has no HVE account"


def _directory_warning(directory: DirectoryView, resolved: ResolvedTenant) -> Iterator[str]:
    if isinstance(directory, Unreadable):
        source = f"; they come from {resolved.unchecked_ids_from}" if resolved.unchecked_ids_from else ""
        yield f"ids are not checked: the directory could not be read ({directory.why}){source}"


def _change(
    account: HveAccount,
    before: frozenset[ObjectId],
    target: frozenset[ObjectId],
    declared: Declaration,
    snapshot: TenantSnapshot,
) -> Change:
    lines = [_line(Action.GRANT, app, declared, snapshot) for app in sorted(target - before)]
    lines += [_line(Action.REVOKE, app, declared, snapshot) for app in sorted(before - target)]
    return Change(
        account=account.address,
        guid=account.guid,
        mode=declared.mode,
        origin=declared.origin,
        source=declared.source,
        before=before,
        target=target,
        steps=order_of_calls(before, target),
        fingerprint=fingerprint(snapshot.tenant_id, account.guid, before),
        lines=tuple(lines),
        reason=declared.reason,
    )


def _line(action: Action, app: ObjectId, declared: Declaration, snapshot: TenantSnapshot) -> AppLine:
    identity = snapshot.directory.identity(app) if isinstance(snapshot.directory, Readable) else None
    label = identity.display_name if identity is not None else ""
    grant = declared.grants.get(app)
    if grant is None:
        why = "" if declared.mode is Mode.UNRESTRICTED or declared.origin == COMMAND_LINE else "not declared"
        return AppLine(action, app, label, note=_joined(why, what_it_is(identity, snapshot)))
    ended = f"ended {grant.expires}" if action is Action.REVOKE and grant.expires is not None else ""
    return AppLine(
        action, app, grant.app.name or label, grant.owner, grant.ticket, _joined(ended, what_it_is(identity, snapshot))
    )


COMMAND_LINE = "command line"
"""The origin of a declaration that no file holds."""


def _kept(app: ObjectId, waiver: Waiver, snapshot: TenantSnapshot) -> str:
    word = _joined(waiver.owner, waiver.ticket)
    return f"keeps {_named(app, snapshot)}: waiver {waiver.source} until {waiver.expires}, {word}"


def _named(app: ObjectId, snapshot: TenantSnapshot) -> str:
    identity = snapshot.directory.identity(app) if isinstance(snapshot.directory, Readable) else None
    name = f'"{identity.display_name}" ' if identity is not None and identity.display_name else ""
    return f"{name}{app}"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def what_it_is(identity: Identity | None, snapshot: TenantSnapshot) -> str:
    """What is remarkable about an id on a list, in a few words; empty for an ordinary service principal."""
    if identity is None:
        return "" if isinstance(snapshot.directory, Readable) else "not checked"
    match identity.kind:
        case IdKind.SERVICE_PRINCIPAL:
            return _remarkable(identity, snapshot)
        case IdKind.CLIENT_ID:
            return "a client id, not a service principal"
        case IdKind.APP_REGISTRATION:
            return "an app registration's object id, not a service principal"
        case IdKind.USER | IdKind.GROUP | IdKind.DEVICE:
            return f"a {identity.kind.value}, not a service principal"
        case IdKind.DELETED_SERVICE_PRINCIPAL | IdKind.DELETED_APPLICATION:
            return "deleted, can still be restored"
        case IdKind.NOT_FOUND | IdKind.NOT_FOUND_OR_OTHER:
            return "not found in the directory"
        case IdKind.OTHER:
            return "not an application"


def _remarkable(identity: Identity, snapshot: TenantSnapshot) -> str:
    principal = identity.principal
    if principal is None:
        return ""
    owner = principal.owner_tenant
    return _joined(
        "" if principal.enabled else "disabled in Entra",
        f"disabled by Microsoft: {principal.disabled_by_microsoft}" if principal.disabled_by_microsoft else "",
        f"owner tenant {owner.short}" if owner is not None and owner != snapshot.tenant_id else "",
    )

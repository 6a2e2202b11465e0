"""
HVE accounts and their lists, over any transport.

`ExchangeGateway` reads; it wraps its transport so that nothing it does can write. `ExchangeWriter` is a thing of its
own, handed only to what applies a plan. The writer keeps two rules by itself, whatever decided the call: it sends no
Remove that leaves nothing of the list as last read, unless an explicit permit names the account, and no Add beyond
ten. It sends each call once; an error that carries `outcome_unknown` is for the caller to read back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from hveadmin.domain.ids import Address, ObjectId
from hveadmin.domain.ports import OpenPermit
from hveadmin.domain.tenant import CEILING, AllowedApps, Known, ListedAccount, Unknown
from hveadmin.errors import Denied, Refused, ServiceError, UnreadableReply
from hveadmin.exchange import cmdlet as cmdlets
from hveadmin.exchange.cmdlet import Record
from hveadmin.exchange.transport import ReadOnly, Transport


class ExchangeGateway:
    """
    AccountReader over a transport.

    `quirks` are the profile's: `absent_allowed_apps: empty` says that this tenant leaves the property AllowedApps
    out where the list is empty; otherwise such an answer is unreadable.
    """

    def __init__(self, transport: Transport, *, quirks: Mapping[str, str] | None = None) -> None:
        self._transport = ReadOnly(transport)
        self._absent_is_empty = (quirks or {}).get("absent_allowed_apps") == "empty"

    def list_accounts(self) -> Sequence[ListedAccount]:
        """See AccountReader: complete and ordered by address, or an error."""
        return cmdlets.listed_accounts(self._transport.run(cmdlets.list_accounts()))

    def read_allowed(self, accounts: Collection[Address]) -> Iterator[tuple[Address, AllowedApps]]:
        """
        See AccountReader.

        Raises AuthError if the sign-in is not accepted, and Denied if every account is denied: then it is not the
        accounts but the role.
        """
        asked = list(dict.fromkeys(accounts))
        waiting = dict.fromkeys(asked)
        denied: dict[Address, Denied] = {}
        for place, outcome in self._transport.run_many([cmdlets.settings_of(account) for account in asked]):
            account = asked[place]
            if account not in waiting:
                raise UnreadableReply(f"the settings of {account} came twice")
            del waiting[account]
            if isinstance(outcome, Denied):
                denied[account] = outcome
            else:
                yield account, self._allowed(outcome)
        if len(denied) > 0 and len(denied) == len(asked):
            raise next(iter(denied.values()))
        yield from ((account, Unknown(sentence(error))) for account, error in denied.items())
        yield from ((account, Unknown("no answer came for it")) for account in waiting)

    def _allowed(self, outcome: Sequence[Record] | ServiceError) -> AllowedApps:
        if isinstance(outcome, ServiceError):
            return Unknown(sentence(outcome))
        return cmdlets.allowed_apps(outcome, absent_is_empty=self._absent_is_empty)


class ExchangeWriter:
    """AccountWriter over a transport that may write."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def grant(self, account: Address, apps: Collection[ObjectId], *, before: Known | None = None) -> None:
        """
        See AccountWriter. Raises Refused, and sends nothing, if the list would exceed ten.

        `before` is the list as last read, where it is known.
        """
        _need_some(apps)
        after = frozenset(apps) | (before.apps if before is not None else frozenset())
        if len(after) > CEILING:
            raise Refused(f"{account} would have {len(after)} allowed applications; at most {CEILING} are possible")
        self._transport.run(cmdlets.grant(account, frozenset(apps)))

    def revoke(
        self, account: Address, apps: Collection[ObjectId], *, before: Known, permit: OpenPermit | None = None
    ) -> None:
        """See AccountWriter. Raises Refused, and sends nothing, if nothing would be left and nobody permitted it."""
        _need_some(apps)
        if len(before.apps - frozenset(apps)) == 0 and not _permits(permit, account):
            raise Refused(
                f"this would leave {account} without allowed applications: every application could send as it",
                hint=f"if that is meant: --allow-open {account}",
            )
        self._transport.run(cmdlets.revoke(account, frozenset(apps)))


def sentence(error: ServiceError) -> str:
    """The error in one line for people, with what a support ticket needs."""
    named = [f"{name} {value}" for name, value in (("request-id", error.request_id), ("server", error.server)) if value]
    return f"{error.message} ({', '.join(named)})" if len(named) > 0 else error.message


def _permits(permit: OpenPermit | None, account: Address) -> bool:
    return permit is not None and permit.account == account and permit.reason.strip() != ""


def _need_some(apps: Collection[ObjectId]) -> None:
    if len(apps) == 0:
        raise ValueError("a call without applications")

"""
What Exchange says of an account besides its list: whether it can be billed, and whether its password opens SMTP.

Both are asked for by checks and reports only. Nothing here can write, and nothing that was not said is made up: an
answer without the property that was asked for is Unknown for one account, or Unreadable for all.

Whether SMTP basic authentication is let through is decided by the authentication policy that is in force [D]: the
user's own, else the organisation's default, else none. Where the tenant's policies leave no choice, the users are not
asked, so that most tenants cost one call or two, whatever the number of their accounts. Which role holds
Get-AuthenticationPolicy is not documented for HVE [G]; a role that does not is `Unreadable`, never "blocked".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hveadmin.domain.facts import BasicAuth, Billing
from hveadmin.domain.ids import Address
from hveadmin.domain.tenant import Unknown, Unreadable
from hveadmin.errors import Denied, ServiceError, UnreadableReply
from hveadmin.exchange import cmdlet as cmdlets
from hveadmin.exchange.cmdlet import Cmdlet, CmdletName, Record
from hveadmin.exchange.gateway import sentence
from hveadmin.exchange.transport import ReadOnly, Transport

Fact = TypeVar("Fact")


class ExchangeAccountFacts:
    """A `domain.ports.BillingReader` and a `domain.ports.BasicAuthReader` over any transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = ReadOnly(transport)

    def billing(self, accounts: Collection[Address]) -> Mapping[Address, Billing | Unknown] | Unreadable:
        """See BillingReader: one cmdlet an account, together where the wire can."""
        return self._each(accounts, cmdlets.billing_policy_of, _billing)

    def basic_auth(self, accounts: Collection[Address]) -> Mapping[Address, BasicAuth | Unknown] | Unreadable:
        """See BasicAuthReader."""
        if len(accounts) == 0:
            return {}
        try:
            policies = _Policies.read(self._transport)
        except ServiceError as error:
            return _unreadable(error, CmdletName.GET_AUTHENTICATION_POLICY, CmdletName.GET_ORGANIZATION_CONFIG)
        if policies.same_for_all is not None:
            return dict.fromkeys(accounts, policies.same_for_all)
        return self._each(accounts, cmdlets.user_of, policies.of_user)

    def _each(
        self,
        accounts: Collection[Address],
        ask: Callable[[Address], Cmdlet],
        read: Callable[[Record], Fact | Unknown],
    ) -> Mapping[Address, Fact | Unknown] | Unreadable:
        asked = list(dict.fromkeys(accounts))
        found: dict[Address, Fact | Unknown] = {}
        denied: list[Denied] = []
        for place, outcome in self._transport.run_many([ask(account) for account in asked]):
            if isinstance(outcome, Denied):
                denied.append(outcome)
            found[asked[place]] = _only(outcome, read)
        if len(denied) > 0 and len(denied) == len(asked):
            return _unreadable(denied[0], ask(asked[0]).name)
        # In the order of the accounts, and none of them missing, whatever the wire did.
        return {account: found.get(account, Unknown("no answer came for it")) for account in asked}


@dataclass(frozen=True, slots=True)
class _Policies:
    """The tenant's authentication policies, as far as they have to do with SMTP."""

    allow: Mapping[str, bool]
    """AllowBasicAuthSmtp by each of the case-folded names that a policy has."""
    default: str
    """The organisation's default policy; empty for none."""

    @classmethod
    def read(cls, transport: ReadOnly) -> _Policies:
        """Raises ServiceError."""
        records = transport.run(cmdlets.authentication_policies())
        allow = {name: allowed for record in records for name, allowed in _policy(record)}
        if all(allow.values()):
            return cls(allow, "")  # whatever the default is, it blocks nothing
        return cls(allow, _default(transport.run(cmdlets.organization())))

    @property
    def same_for_all(self) -> BasicAuth | None:
        """What holds for every user, whichever policy is the user's own; None where that makes a difference."""
        if all(self.allow.values()):
            return BasicAuth.ALLOWED
        return BasicAuth.BLOCKED if self.default and not any(self.allow.values()) else None

    def of_user(self, record: Record) -> BasicAuth | Unknown:
        """What holds for one user."""
        if "AuthenticationPolicy" not in record:
            return Unknown("the user came without AuthenticationPolicy")
        name = _name(record["AuthenticationPolicy"]) or self.default
        if not name:
            return BasicAuth.ALLOWED
        allowed = self.allow.get(name.casefold())
        if allowed is None:
            return Unknown("its authentication policy is none of the tenant's")
        return BasicAuth.ALLOWED if allowed else BasicAuth.BLOCKED


_NAMES = ("Name", "Identity", "Id", "Guid", "DistinguishedName", "ExchangeObjectId")


def _policy(record: Record) -> list[tuple[str, bool]]:
    """AllowBasicAuthSmtp of a policy by each name it may be referred to with; which one that is is not known [G]."""
    allowed = record.get("AllowBasicAuthSmtp")
    names = [name.casefold() for key in _NAMES if (name := _name(record.get(key)))]
    if not isinstance(allowed, bool) or len(names) == 0:
        raise UnreadableReply("an authentication policy came without its name or without AllowBasicAuthSmtp")
    return [(name, allowed) for name in names]


def _default(records: Sequence[Record]) -> str:
    if len(records) != 1 or "DefaultAuthenticationPolicy" not in records[0]:
        raise UnreadableReply("the organisation's settings came without DefaultAuthenticationPolicy")
    return _name(records[0]["DefaultAuthenticationPolicy"])


def _name(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _billing(record: Record) -> Billing | Unknown:
    status = record.get("BillingPolicyStatus")
    if not isinstance(status, str) or not status.strip():
        return Unknown("the answer has no BillingPolicyStatus")
    return Billing(status.strip(), _name(record.get("BillingPolicyName")))


def _only(outcome: Sequence[Record] | ServiceError, read: Callable[[Record], Fact | Unknown]) -> Fact | Unknown:
    if isinstance(outcome, ServiceError):
        return Unknown(sentence(outcome))
    if len(outcome) != 1:
        return Unknown(f"the answer came as {len(outcome)} records instead of one")
    return read(outcome[0])


def _unreadable(error: ServiceError, *needed: CmdletName) -> Unreadable:
    if not isinstance(error, Denied):
        return Unreadable(sentence(error))
    names = " and ".join(name.value for name in needed)
    return Unreadable(sentence(error), grant=f"a role of Exchange that holds {names} to whoever signs in")

"""
What is otherwise than it should be, on whose word and until when; and what is so on nobody's word.

Open accounts, waivers, grants at their end, accounts whose list nobody keeps, rules that look away. An exception that
could not be looked at is told as that, and one that waits for nothing is told as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from hveadmin.domain.audit import (
    NOBODY,
    AuditedAccount,
    AuditedException,
    AuditedTenant,
    ExceptionKind,
    ExceptionState,
    Standing,
    Word,
)
from hveadmin.domain.desired import AppEntry, DesiredState, Grant, Mode, RuleSetting, TenantEntry, Unmanaged, Waiver
from hveadmin.domain.finding import Finding, Severity
from hveadmin.domain.ids import Address
from hveadmin.policy.engine import WaiverUse
from hveadmin.policy.rules import ALL_RULES
from hveadmin.policy.waivers import named, uses
from hveadmin.policy.written import entries, has_ended
from hveadmin.workflows.check import Asked, Checked, looked_at
from hveadmin.workflows.report import word_of_entry, word_of_waiver


def exceptions(
    desired: DesiredState,
    checked: Sequence[Checked],
    audited: Mapping[str, AuditedTenant],
    findings: Sequence[Finding],
    asked: Asked,
) -> tuple[AuditedException, ...]:
    """Every exception of the tenants that were looked at, the most dangerous first; `audited` holds those read."""
    chosen = [each.entry.alias for each in checked]
    looking = _Looking(desired, asked)
    found: list[AuditedException] = []
    for each in checked:
        found += looking.at_tenant(each.entry, audited.get(each.entry.alias))
    looked = looked_at(desired, chosen, checked, asked)
    for waiver, use in uses(desired, findings, looked, asked.today):
        if waiver.tenant in ("", *chosen) and (waiver.account is None or asked.only(waiver.account)):
            found.append(looking.waiver(waiver, use))
    found += looking.settings(chosen)
    return tuple(sorted(found, key=_order))


_KINDS, _STATES = tuple(ExceptionKind), tuple(ExceptionState)


def _order(each: AuditedException) -> tuple[int, int, str, str, str, str]:
    whom = "" if each.account is None else each.account.value
    return (_KINDS.index(each.kind), _STATES.index(each.state), each.tenant, whom, each.rule, each.what)


@dataclass(frozen=True, slots=True)
class _Looking:
    """What the exceptions of one configuration are looked at with."""

    desired: DesiredState
    asked: Asked

    def at_tenant(self, entry: TenantEntry, tenant: AuditedTenant | None) -> Iterator[AuditedException]:
        yield from self._open_accounts(entry, tenant)
        if tenant is not None:
            yield from self._ended(tenant)
            yield from _not_enforced(tenant)
        yield from self._ending(entry)

    def _state(self, expires: date | None) -> ExceptionState:
        if has_ended(expires, self.asked.today):
            return ExceptionState.PAST
        soon = expires is not None and (expires - self.asked.today).days <= self.desired.expiry_warning_days
        return ExceptionState.SOON if soon else ExceptionState.IN_FORCE

    # Open accounts

    def _open_accounts(self, entry: TenantEntry, tenant: AuditedTenant | None) -> Iterator[AuditedException]:
        live = {} if tenant is None else {each.address: each for each in tenant.accounts}
        for account in live.values():
            if account.mode is Mode.UNRESTRICTED or account.is_open:
                state, what = self._open(account)
                word = account.word if account.mode is Mode.UNRESTRICTED else NOBODY
                yield _exception(ExceptionKind.OPEN, state, what, entry, account.address, word=word)
        there = live if tenant is None else {each.address for each in tenant.facts.snapshot.accounts}
        for address, declared in entry.accounts.items():
            if declared.mode is Mode.UNRESTRICTED and address not in there and self.asked.only(address):
                state = ExceptionState.NOT_TOLD if tenant is None else ExceptionState.NOT_THERE
                what = "the tenant could not be read" if tenant is None else "no such HVE account in the tenant"
                yield _exception(ExceptionKind.OPEN, state, what, entry, address, word=word_of_entry(declared))

    def _open(self, account: AuditedAccount) -> tuple[ExceptionState, str]:
        if account.mode is not Mode.UNRESTRICTED:
            declared = "no entry speaks for it" if account.mode is None else f"declared {account.mode}"
            return ExceptionState.NOT_DECLARED, f"open to any application, and nobody declared that: {declared}"
        if account.unread:
            past = ", and the exception is past its end" if has_ended(account.word.expires, self.asked.today) else ""
            return ExceptionState.NOT_TOLD, f"may be open{past}; its list could not be read: {account.unread}"
        if not account.is_open:
            return ExceptionState.CLOSED, "may be open, and is restricted in fact: the exception is not needed"
        return self._state(account.word.expires), "open to any application"

    # Waivers

    def waiver(self, waiver: Waiver, use: WaiverUse) -> AuditedException:
        state, what = _WAIVER_STATES[use]
        if state is ExceptionState.IN_FORCE:
            state = self._state(waiver.expires)
        return AuditedException(
            kind=ExceptionKind.WAIVER,
            state=state,
            what=f"{named(waiver)}: {what}",
            tenant=waiver.tenant,
            account=waiver.account,
            app="" if waiver.app is None else waiver.app.value,
            rule=waiver.rule,
            word=word_of_waiver(waiver),
        )

    # Grants at their end

    def _ended(self, tenant: AuditedTenant) -> Iterator[AuditedException]:
        for account in tenant.accounts:
            for grant in account.grants:
                if grant.standing is Standing.ENDED:
                    yield AuditedException(
                        ExceptionKind.ENDED,
                        ExceptionState.PAST,
                        "past its end, and still on the list",
                        tenant.alias,
                        account.address,
                        grant.app.name,
                        word=grant.word,
                    )

    def _ending(self, entry: TenantEntry) -> Iterator[AuditedException]:
        """Once an application where its own end is near, and for each grant that has another end."""
        grants: dict[tuple[str, date | None], list[tuple[Address | None, str, Grant]]] = {}
        for whose, declared in entries(entry):
            if declared.mode is not Mode.ABSENT and (whose.account is None or self.asked.only(whose.account)):
                for grant in declared.grants:
                    at = grants.setdefault((grant.app.name, grant.expires), [])
                    at.append((whose.account, whose.thing, grant))
        for (_, expires), places in grants.items():
            if self._state(expires) is ExceptionState.SOON and expires is not None:
                yield self._ending_at(expires, places, entry)

    def _ending_at(
        self, expires: date, places: Sequence[tuple[Address | None, str, Grant]], entry: TenantEntry
    ) -> AuditedException:
        account, thing, grant = places[0]
        left = (expires - self.asked.today).days
        when = {0: "ends today", 1: "ends tomorrow"}.get(left, f"ends in {left} days")
        several = len(places) > 1
        where = f"in {len(places)} entries" if several else thing
        return AuditedException(
            ExceptionKind.ENDING,
            ExceptionState.SOON,
            ", ".join(filter(None, (when, where))),
            entry.alias,
            None if several else account,
            grant.app.name,
            word=_word_of(grant, grant.app if several else None),
        )

    # What looks away

    def settings(self, chosen: Collection[str]) -> Iterator[AuditedException]:
        policy = self.desired.policy
        for setting in policy.rules.values():
            if setting.source.file:
                yield from _looks_away(setting)
        if policy.unknown_apps == "warn":
            what = "policy.unknown_apps is warn: an application that no entry explains is of low severity"
            yield AuditedException(ExceptionKind.SETTING, ExceptionState.IN_FORCE, what)
        for alias, tenant in self.desired.tenants.items():
            if alias in chosen and tenant.source.file and tenant.unmanaged is not Unmanaged.FAIL:
                what = f"unmanaged_accounts is {tenant.unmanaged}: a live account without an entry fails no check"
                yield AuditedException(ExceptionKind.SETTING, ExceptionState.IN_FORCE, what, alias)


_WAIVER_STATES: Mapping[WaiverUse, tuple[ExceptionState, str]] = {
    WaiverUse.USED: (ExceptionState.IN_FORCE, "accepts something"),
    WaiverUse.EXPIRED: (ExceptionState.PAST, "accepts nothing any more"),
    WaiverUse.IDLE: (ExceptionState.IDLE, "matches nothing"),
    WaiverUse.NOT_TOLD: (ExceptionState.NOT_TOLD, "matches nothing in what was looked at, and not all was"),
}


def _word_of(grant: Grant, app: AppEntry | None) -> Word:
    """Of several grants the application's own words; of one its own."""
    source = grant.source if app is None else app.source
    return Word(grant.owner, grant.reason, grant.ticket, grant.expires, source)


def _exception(
    kind: ExceptionKind, state: ExceptionState, what: str, entry: TenantEntry, account: Address, *, word: Word
) -> AuditedException:
    return AuditedException(kind, state, what, entry.alias, account, word=word)


def _not_enforced(tenant: AuditedTenant) -> Iterator[AuditedException]:
    """One for each entry that only observes, one for all accounts without an entry."""
    if not tenant.configured:
        return
    groups: dict[str, list[AuditedAccount]] = {}
    for account in tenant.accounts:
        if account.mode in (None, Mode.OBSERVE):
            groups.setdefault(account.origin, []).append(account)
    for origin, accounts in groups.items():
        whose = f"by {origin}" if origin else "without an entry"
        how = "observed" if origin else "not looked after"
        what = f"{how}, {whose}: nothing holds the lists of {_listing(accounts)} to anything"
        word = accounts[0].word if origin else NOBODY
        alone = accounts[0].address if len(accounts) == 1 else None
        yield AuditedException(
            ExceptionKind.NOT_ENFORCED, ExceptionState.IN_FORCE, what, tenant.alias, alone, word=word
        )


_NAMED = 5
"""Accounts that are named in one sentence; the inventory has the mode of each."""


def _listing(accounts: Iterable[AuditedAccount]) -> str:
    names = [each.address.value for each in accounts]
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _looks_away(setting: RuleSetting) -> Iterator[AuditedException]:
    """A rule that is switched off, or less severe than it is, or was told what to let be."""
    rule = ALL_RULES.get(setting.rule)
    title = "" if rule is None else f": {rule.title}"
    said = []
    if not setting.enabled:
        said.append("is switched off")
    elif rule is not None and setting.severity and Severity(setting.severity).rank < rule.severity.rank:
        said.append(f"has its severity lowered from {rule.severity} to {setting.severity}")
    if setting.enabled and setting.options:
        options = "; ".join(f"{name} {_shown(value)}" for name, value in setting.options.items())
        said.append(f"is told {options}")
    if said:
        what, word = f"{setting.rule} {' and '.join(said)}{title}", Word(source=setting.source)
        yield AuditedException(ExceptionKind.RULE, ExceptionState.IN_FORCE, what, rule=setting.rule, word=word)


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

"""
Accepted deviations: until when, of what, and what that means for an account's list.

A waiver pins what was accepted. It speaks of one rule and of the tenant, account and application that it names, and
of nothing else; what it leaves out it leaves open. Its last day is inclusive. `check` and `plan` both ask here, so
that what one calls accepted the other does not take away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from hveadmin.domain.desired import Waiver
from hveadmin.domain.ids import Address, Guid, ObjectId

UNKNOWN_APP, FORBIDDEN_APP, EXTRA_APP, ENDED_GRANT = "HVE201", "HVE202", "HVE302", "HVE403"
"""The rules that say of an application that it must not be on a list where it is."""

# Nobody who accepts an unknown application on a list, or a forbidden one, means to be told that it is not declared.
_ACCEPTS_TOO = {UNKNOWN_APP: frozenset({EXTRA_APP}), FORBIDDEN_APP: frozenset({EXTRA_APP})}


def in_force(waiver: Waiver, today: date) -> bool:
    """Whether its last day is not over. `today` is the caller's local date."""
    return today <= waiver.expires


def speaks_of(waiver: Waiver, tenant: str, account: Address | None, app: Guid | None) -> bool:
    """Whether a subject is what a waiver accepted; the rule and the day are not looked at."""
    return (
        waiver.tenant in ("", tenant)
        and waiver.account in (None, account)
        and (waiver.app is None or (app is not None and app.value == waiver.app.value))
    )


def accepts(waiver: Waiver, rule: str) -> bool:
    """Whether a failure of a rule is what a waiver accepts."""
    return rule == waiver.rule or rule in _ACCEPTS_TOO.get(waiver.rule, frozenset())


@dataclass(frozen=True, slots=True)
class Accepted:
    """What waivers in force accept on one account's list."""

    waivers: tuple[Waiver, ...] = ()
    """Those that speak of this account, in the configuration's order."""
    forbidden: frozenset[str] = frozenset()
    """The ids, of whatever kind, of applications that are forbidden."""

    def on_list(self, app: ObjectId, *, ended: bool) -> Waiver | None:
        """
        Whose word keeps an application that is not wanted (any more) on the list; None where nobody's does.

        One that is forbidden and past its end besides needs a word for each.
        """
        failing = {FORBIDDEN_APP: app.value in self.forbidden, ENDED_GRANT: ended}
        needed: list[Collection[str]] = [(rule,) for rule, fails in failing.items() if fails]
        found = [self._of(rules, app) for rules in needed or [(UNKNOWN_APP, EXTRA_APP)]]
        return None if None in found else found[0]

    def _of(self, rules: Collection[str], app: ObjectId) -> Waiver | None:
        return next(
            (each for each in self.waivers if each.rule in rules and (each.app is None or each.app.value == app.value)),
            None,
        )


def accepted_on(
    waivers: Iterable[Waiver], tenant: str, account: Address, today: date, forbidden: frozenset[str]
) -> Accepted:
    """What is accepted on one account's list today."""
    speaking = (each for each in waivers if in_force(each, today) and speaks_of(each, tenant, account, each.app))
    return Accepted(tuple(speaking), forbidden)

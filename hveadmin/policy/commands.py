"""
The commands that mend what a rule finds, ready to be pasted into a shell.

An address or a name may hold characters that a shell would obey, or begin like an option: both are made harmless
here, and nowhere else in this room.
"""

from __future__ import annotations

import shlex

from hveadmin.domain.ids import Address, Guid


def command(*words: str, of: tuple[str, ...] = ()) -> str:
    """`hveadmin` with these words; `of` is what it is about, which is never taken for an option."""
    ended = ("--",) if any(each.startswith("-") for each in of) else ()
    return shlex.join(("hveadmin", *words, *ended, *of))


def plan(tenant: str, account: Address) -> str:
    """Show what the configuration would change on one account."""
    return command("plan", "-t", tenant, "-a", account.value)


def show(tenant: str, account: Address) -> str:
    """Show one account's list, and what each id on it is."""
    return command("account", "show", "-t", tenant, of=(account.value,))


def doctor(tenant: str, account: Address) -> str:
    """Find what stands between here and one account's list."""
    return command("doctor", "-t", tenant, of=(account.value,))


def grant(tenant: str, account: Address, *apps: str) -> str:
    """Put applications on one account's list; without any, with a word that stands for its object id."""
    return command("account", "grant", "-t", tenant, of=(account.value, *(apps or ("OBJECT-ID",))))


def revoke(tenant: str, account: Address, app: Guid) -> str:
    """Take an application off one account's list; the command refuses to take the last one."""
    return command("account", "revoke", "-t", tenant, of=(account.value, app.value))


def whatis(tenant: str, *asked: str) -> str:
    """Tell what ids or display names are, and on which lists they stand; in every tenant where `tenant` is empty."""
    return command("app", "whatis", *(("-t", tenant) if tenant else ()), of=asked)

"""The commands that findings come with: they exist, with these options, and no name in them can act in a shell."""

from __future__ import annotations

import re
import shlex

import pytest
from builders import address, app
from docs.command_line import ALL, options_of
from policy.test_list_properties import CONFIG_RULES, TENANT_RULES

from hveadmin.domain.ids import Address
from hveadmin.policy import commands
from hveadmin.policy.engine import Rule

RULES: list[Rule] = [*TENANT_RULES, *CONFIG_RULES]
HOSTILE = Address.parse("--allow-open=$(reboot)@contoso.com")
MADE = [
    commands.plan("contoso", address("x")),
    commands.show("contoso", address("x")),
    commands.grant("contoso", address("x"), app(1).value),
    commands.revoke("contoso", address("x"), app(1)),
    commands.whatis("contoso", "App 1"),
    commands.whatis("", "App 1"),
    commands.command("app", "show", "-t", "contoso", of=(app(1).value,)),
    commands.command("account", "list", "-t", "contoso"),
]


def _must_exist(typed: str) -> None:
    program, *words = shlex.split(typed)
    assert program == "hveadmin"
    name = next((" ".join(words[:length]) for length in (2, 1) if " ".join(words[:length]) in ALL), None)
    assert name is not None, f"there is no command {typed}"
    there = {spelling for each in options_of(name) for spelling in each}
    assert {word for word in words if word.startswith("-") and word != "--"} <= there, typed


@pytest.mark.parametrize("typed", MADE)
def test_what_a_finding_says_to_type_exists(typed: str) -> None:
    _must_exist(typed)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_what_a_page_says_to_type_exists(rule: Rule) -> None:
    typed = [" ".join(each.split()) for each in re.findall(r"`(hveadmin [^`]+)`", rule.page)]
    assert typed
    for each in (rule.fix, *typed):
        _must_exist(each)


@pytest.mark.parametrize(
    "typed", [commands.grant("contoso", HOSTILE), commands.show("contoso", HOSTILE)], ids=["grant", "show"]
)
def test_an_address_is_neither_obeyed_by_a_shell_nor_taken_for_an_option(typed: str) -> None:
    words = shlex.split(typed)
    assert HOSTILE.value in words[words.index("--") :]
    assert "'--allow-open=$(reboot)@contoso.com'" in typed

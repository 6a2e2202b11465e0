"""What a command says of itself is complete, and the same in both places where it is said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module

import pytest
from cli.terminal import Terminal

from hveadmin.cli.app import COMMANDS
from hveadmin.cli.lazy import Entry
from hveadmin.errors import Outcome


def commands(table: Mapping[str, Entry] = COMMANDS, before: tuple[str, ...] = ()) -> Iterator[tuple[str, Entry]]:
    """Every command by the words that are typed for it."""
    for name, entry in table.items():
        inner = getattr(import_module(entry.module), "COMMANDS", None)
        if inner is None:
            yield " ".join((*before, name)), entry
        else:
            yield from commands(inner, (*before, name))


def groups() -> Iterator[tuple[str, Entry]]:
    for name, entry in COMMANDS.items():
        if hasattr(import_module(entry.module), "COMMANDS"):
            yield name, entry


def docstring(entry: Entry) -> str:
    return import_module(entry.module).command.__doc__ or ""


EVERY = dict(commands())
PROMISED = {
    "demo", "validate", "schema", "plan", "show", "apply",
    "account list", "account show", "account grant", "account revoke",
    "app list", "app show", "app whatis", "tenant list", "tenant test",
    "sandbox serve", "sandbox seed", "sandbox reset",
}  # fmt: skip


def test_every_command_that_was_promised_is_there() -> None:
    assert set(EVERY) >= PROMISED


@pytest.mark.parametrize("command", EVERY)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_explains_itself(terminal: Terminal, command: str, flag: str) -> None:
    ran = terminal.hveadmin(*command.split(), flag).ends_with(0)
    summary = docstring(EVERY[command]).strip().splitlines()[0]
    told = " ".join(ran.out.split())
    assert summary in told
    assert "Exit code" in told
    assert ran.err == ""


@pytest.mark.parametrize("command", EVERY)
def test_a_summary_is_the_first_line_of_the_command(command: str) -> None:
    entry = EVERY[command]
    assert entry.summary == docstring(entry).strip().splitlines()[0]


@pytest.mark.parametrize("command", EVERY)
def test_a_command_names_its_exit_codes_and_no_others_than_there_are(command: str) -> None:
    said = " ".join(docstring(EVERY[command]).split())
    found = re.search(r"Exit codes?: (.+)$", said)
    assert found is not None
    codes = [int(each) for each in re.findall(r"(?:^|; |or )(\d+)", found[1])]
    assert codes[0] == 0
    assert set(codes) <= set(map(int, Outcome))


@pytest.mark.parametrize("command", [command for command in EVERY if command != "sandbox serve"])
def test_an_option_that_there_is_none_of_is_refused(terminal: Terminal, command: str) -> None:
    ran = terminal.hveadmin(*command.split(), "--frobnicate").ends_with(2)
    assert "--frobnicate" in ran.err
    assert ran.out == ""


def test_the_list_of_commands_names_them_all(terminal: Terminal) -> None:
    told = terminal.hveadmin("--help").ends_with(0).out
    for name, entry in COMMANDS.items():
        assert re.search(rf"^│ {name} +{re.escape(entry.summary)}", told, re.MULTILINE)
    for name, _ in groups():
        told = terminal.hveadmin(name, "--help").ends_with(0).out
        inner = import_module(COMMANDS[name].module).COMMANDS
        assert all(each in told for each in inner)


@pytest.mark.parametrize("words", [("frobnicate",), ("account", "frobnicate"), ("account",), ()])
def test_a_command_that_there_is_none_of_is_a_mistake_of_usage(terminal: Terminal, words: tuple[str, ...]) -> None:
    terminal.hveadmin(*words).ends_with(2)


def test_the_version_is_one_line(terminal: Terminal) -> None:
    assert re.fullmatch(r"hveadmin \d+\.\d+\.\d+\S*\n", terminal.hveadmin("--version").ends_with(0).out)

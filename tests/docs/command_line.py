"""The commands that there are, as their help has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from hveadmin.cli.app import COMMANDS
from hveadmin.cli.lazy import Entry, load


def commands(table: Mapping[str, Entry] = COMMANDS, group: tuple[str, ...] = ()) -> Iterator[tuple[str, Entry]]:
    """Every command with its whole name: `account list`."""
    for name, entry in table.items():
        inside: Mapping[str, Entry] | None = getattr(import_module(entry.module), "COMMANDS", None)
        if inside is None:
            yield " ".join((*group, name)), entry
        else:
            yield from commands(inside, (*group, name))


ALL = dict(commands())


def page_of(command: str) -> str:
    return f"commands/{command.replace(' ', '-')}.md"


def options_of(command: str) -> list[list[str]]:
    """The spellings of each option, as its help has them."""
    real: Any = load(command.rpartition(" ")[2], ALL[command])
    return [list(each.opts) for each in real.params if each.param_type_name == "option"]


def promised_codes(command: str) -> set[int]:
    """The exit codes that a command's help names."""
    about = " ".join((import_module(ALL[command].module).command.__doc__ or "").split())
    named = re.search(r"Exit codes?:(.*)$", about)
    assert named is not None, f"the help of {command} names no exit code"
    return {int(each) for each in re.findall(r"(?:^|; | or )\s*(\d+)\b", named.group(1).strip())}

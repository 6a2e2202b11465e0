"""
Commands that are imported when they are called.

`hveadmin --help` names every command, and must not pay for any of them: a group knows its commands' names and
summaries from a table, and imports a command's file only when that command is run or asked for its own help.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from typer import Typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

if TYPE_CHECKING:
    from typer._click.core import Command


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the help, and where the command behind it lives: `module`, which has `command` or `COMMANDS`."""

    module: str
    summary: str
    panel: str = ""


class _Later(TyperCommand):
    """Stands in for a command until somebody runs it."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, help=entry.summary, rich_help_panel=entry.panel or None)
        self._entry = entry

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return load(info_name or "", self._entry).make_context(info_name, args, parent=parent, **extra)


def load(name: str, entry: Entry) -> Command:
    """The real command, or group of commands."""
    module = import_module(entry.module)
    table: Mapping[str, Entry] | None = getattr(module, "COMMANDS", None)
    if table is not None:
        return get_command(group(table, module.__doc__ or entry.summary))
    app = Typer(add_completion=False, pretty_exceptions_enable=False, context_settings=CONTEXT)
    app.command(name, help=unwrapped(module.command.__doc__ or ""))(module.command)
    return get_command(app)


def unwrapped(text: str) -> str:
    """Paragraphs without the line ends of their source, for a terminal of any width."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


CONTEXT = {"help_option_names": ["-h", "--help"]}


def group(table: Mapping[str, Entry], about: str, callback: Callable[..., None] | None = None) -> Typer:
    """A group whose commands come from a table."""

    class Group(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return list(table)

        def get_command(self, ctx: Any, cmd_name: str) -> Command | None:
            entry = table.get(cmd_name)
            return None if entry is None else _Later(cmd_name, entry)

    app = Typer(
        cls=Group,
        help=about,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings=CONTEXT,
    )
    app.callback()(callback or _nothing)
    return app


def _nothing() -> None:
    """A group does nothing by itself."""

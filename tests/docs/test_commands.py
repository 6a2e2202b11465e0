"""Every command has a page, and the page says what the command can do and how it can end: no more and no less."""

from __future__ import annotations

import re

import pytest
from docs.command_line import ALL, options_of, page_of, promised_codes
from docs.pages import DOCS, ROOT, blocks, name_of, pages, read, section, without_blocks

from hveadmin.cli import options as shared
from hveadmin.errors import Outcome

_SECTIONS = ("Synopsis", "Example", "Options", "Exit codes", "Permissions", "Rails")
_OPTION = re.compile(r"`(--?[a-z][a-z0-9-]*)")
_ROW = re.compile(r"^\| (\d+) \| `(\w+)` \| .+ \|$", re.MULTILINE)


def test_every_command_has_a_page_and_every_page_a_command() -> None:
    written = {name_of(page) for page in pages() if page.parent == DOCS / "commands"} - {"commands/index.md"}
    assert written == set(map(page_of, ALL))


@pytest.mark.parametrize("command", ALL)
def test_a_command_is_in_the_index_and_its_page_begins_with_its_name(command: str) -> None:
    file = page_of(command).removeprefix("commands/")
    assert f"| [{command}]({file}) |" in read("commands/index.md")
    assert read(page_of(command)).startswith(f"# hveadmin {command}\n")


@pytest.mark.parametrize("command", ALL)
def test_a_page_has_the_same_sections_as_all_others(command: str) -> None:
    headings = re.findall(r"^## (.+)$", without_blocks(read(page_of(command))), re.MULTILINE)
    assert tuple(each for each in headings if each in _SECTIONS) == _SECTIONS
    assert re.search(rf"^hveadmin {command}\b", section(read(page_of(command)), "Synopsis"), re.MULTILINE)


@pytest.mark.parametrize("command", ALL)
def test_a_page_names_every_option_and_no_other(command: str) -> None:
    real = {spelling for spellings in options_of(command) for spelling in spellings}
    told = set(_OPTION.findall(section(read(page_of(command)), "Options")))
    # What is said of short forms is written `-q/--quiet`.
    told |= {"-" + each for each in re.findall(r"/-(-[a-z-]+)", section(read(page_of(command)), "Options"))}
    missing = [spellings for spellings in options_of(command) if not set(spellings) & told]
    assert not missing
    assert told <= real


@pytest.mark.parametrize("command", ALL)
def test_a_page_names_every_exit_code_that_the_help_names(command: str) -> None:
    rows = _ROW.findall(section(read(page_of(command)), "Exit codes"))
    assert promised_codes(command) <= {int(code) for code, _ in rows}
    assert all(Outcome(int(code)).name.lower() == outcome for code, outcome in rows)
    assert [int(code) for code, _ in rows] == sorted({int(code) for code, _ in rows})


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_explained_with_its_number(outcome: Outcome) -> None:
    rows = _ROW.findall(section(read("commands/index.md"), "Exit codes"))
    assert rows.count((str(outcome.value), outcome.name.lower())) == 1


def test_every_shared_option_is_explained_once() -> None:
    about = section(read("commands/index.md"), "Options that commands share")
    groups = (shared.OUTPUT, shared.CONNECT, shared.CONFIG, shared.SELECT, shared.EXPLAIN)
    for name in (each for group in groups for each in group):
        assert re.search(rf"^\| [^|]*`--{name.replace('_', '-')}\b", about, re.MULTILINE), name


def test_every_environment_variable_is_explained() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "hveadmin").rglob("*.py"))
    read_ones = set(re.findall(r"\"((?:HVEADMIN|AZURE)_[A-Z_]+)\"", code))
    assert read_ones
    told = section(read("commands/index.md"), "Environment")
    assert {name for name in read_ones if f"`{name}`" not in told} == set()


@pytest.mark.parametrize("page", [name_of(page) for page in pages()])
def test_no_page_tells_to_type_a_command_that_there_is_not(page: str) -> None:
    text = read(page)
    typed = "".join(block.text for block in blocks(text) if block.language in {"console", "sh", "text"})
    told = re.findall(r"^(?:\$ )?hveadmin ([a-z]+)(?: ([a-z]+)\b)?", typed, re.MULTILINE)
    told += re.findall(r"`hveadmin ([a-z]+)(?: ([a-z]+)\b)?", without_blocks(text))
    # The word after a command of one word is its argument.
    assert [f"{first} {second}" for first, second in told if not {first, f"{first} {second}"} & set(ALL)] == []

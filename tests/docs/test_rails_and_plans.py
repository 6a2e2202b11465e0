"""The rails' page and the plan file's page: every rail, every flag, every key."""

from __future__ import annotations

import re
from typing import Any

import pytest
from docs.command_line import ALL, options_of
from docs.pages import read, section

from hveadmin.config.schema import plan_schema

FLAGS = ("--allow-open", "--approve-large", "--approve-removals", "--skip-stale", "--expect-sha256", "--yes")


def plan_keys() -> set[str]:
    schema: dict[str, Any] = plan_schema()
    parts = [schema, *schema["$defs"].values()]
    return {key for part in parts for key in part.get("properties", {})}


@pytest.mark.parametrize("number", range(1, 17))
def test_every_rail_is_there_and_says_whether_it_holds(number: int) -> None:
    rows = re.findall(
        rf"^\| {number} \| .+ \| (yes|in part|no)\b.* \|$", section(read("rails.md"), "The sixteen"), re.M
    )
    assert len(rows) == 1


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_is_there_with_the_commands_that_take_it(flag: str) -> None:
    rows = section(read("rails.md"), "Which flag allows what").splitlines()
    (row,) = (each for each in rows if re.match(rf"\| (`-\w`, )?`{flag}\b", each))
    takers = {command for command in ALL if any(flag in spellings for spellings in options_of(command))}
    assert set(re.findall(r"`(\w+(?: \w+)?)`", row.split(" | ")[-1])) == takers


@pytest.mark.parametrize("key", sorted(plan_keys()))
def test_every_key_of_a_plan_file_is_explained(key: str) -> None:
    assert f"`{key}`" in read("plan-file.md")

"""The page on output formats has a section for each, and what it says of their limits is so."""

from __future__ import annotations

import re

import pytest
from docs.pages import read

from hveadmin.errors import Outcome
from hveadmin.report.annotations import MOST
from hveadmin.report.formats.sarif import MOST_RESULTS
from hveadmin.report.render import FORMATS
from hveadmin.report.summary import MOST_BYTES

PAGE = read("outputs.md")


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_has_a_section_and_a_row_that_says_what_it_is_made_from(format_name: str) -> None:
    assert f"\n## {format_name}\n" in PAGE
    (row,) = [line for line in PAGE.split("\n") if line.startswith("| [") and f"](#{format_name})" in line]
    assert row.endswith("| findings |" if FORMATS[format_name].needs_findings else "| anything |")


def test_the_limits_are_those_of_the_code() -> None:
    assert MOST == 10
    assert f"{MOST_RESULTS:,} results" in PAGE
    assert f"{MOST_BYTES // 1024} KiB" in PAGE


def test_every_outcome_is_named_as_it_is_told() -> None:
    (row,) = re.findall(r"^\| `outcome` \| (.+) \|$", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", row) == [each.name.lower() for each in Outcome]

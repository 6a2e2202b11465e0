"""
Every rule has its page below docs/rules/, which is what `rules explain ID -o md` writes, and a row in docs/rules.md.

HVEADMIN_REFRESH_RULES=1 writes the pages and the rows anew from the rules.
"""

from __future__ import annotations

import os
import re

import pytest
from docs.pages import DOCS, read

from hveadmin.policy.rules import ALL_RULES
from hveadmin.report.rules import looks_at, markdown_page

FOLDER = DOCS / "rules"
INDEX = DOCS / "rules.md"
_TABLE = re.compile(r"(?<=\|---\|---\|---\|---\|\n)(?:\| \[HVE.*\n)*")
_REFRESH = bool(os.environ.get("HVEADMIN_REFRESH_RULES"))


def rows() -> str:
    return "".join(
        f"| [{rule.id}](rules/{rule.id}.md) | {rule.severity.value} | {looks_at(rule)} | {rule.title} |\n"
        for rule in ALL_RULES.values()
    )


@pytest.mark.parametrize("rule", ALL_RULES)
def test_a_rule_has_its_page_as_it_is_explained(rule: str) -> None:
    path, text = FOLDER / f"{rule}.md", markdown_page(ALL_RULES[rule]) + "\n"
    if _REFRESH:
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "HVEADMIN_REFRESH_RULES=1 writes it anew"


def test_the_index_has_every_rule_in_order_and_no_other() -> None:
    if _REFRESH:
        INDEX.write_text(_TABLE.sub(lambda _: rows(), read("rules.md"), count=1), encoding="utf-8")
    (table,) = _TABLE.findall(read("rules.md"))
    assert table == rows(), "HVEADMIN_REFRESH_RULES=1 writes it anew"


def test_no_page_is_left_of_a_rule_that_there_is_not() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(ALL_RULES)

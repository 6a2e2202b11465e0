"""Links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.pages import ROOT, pages, without_blocks

FILES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *pages()]
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """The anchors of a page, as GitHub and the common site builders make them from its headings."""
    found = set()
    for heading in _HEADING.findall(without_blocks(text)):
        bare = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(bare.replace(" ", "-"))
    return found


def links_of(file: Path) -> list[str]:
    return [each for each in _LINK.findall(without_blocks(file.read_text(encoding="utf-8"))) if "://" not in each]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_relative_link_resolves(file: Path) -> None:
    for link in links_of(file):
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_the_start_page_leads_to_every_page_above_the_commands() -> None:
    start = ROOT / "docs" / "index.md"
    reached = {(start.parent / link.partition("#")[0]).resolve() for link in links_of(start)}
    assert {page for page in pages() if page.parent == start.parent and page != start} <= reached


def test_anchors_are_made_as_on_github() -> None:
    assert anchors("# Hello\n## A role group, with 4 cmdlets\n### `auth`\n") == {
        "hello",
        "a-role-group-with-4-cmdlets",
        "auth",
    }

"""The playbooks of sending applications work as they are written, from the first line to the last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.terminal import clean_environment
from docs.conftest import demo
from docs.pages import DOCS, Shell
from docs.test_links import anchors, links_of

__all__ = ["demo"]

PLAYBOOKS = DOCS.parent / "playbooks"
PAGES = ("sender-application.md", "sender-delegated.md")


@pytest.fixture
def shell(demo: Path, tmp_path: Path) -> Iterator[Shell]:
    import shutil

    folder, home = tmp_path / "hveadmin-demo", tmp_path / "home"
    shutil.copytree(demo, folder)
    home.mkdir()
    with Shell(folder, clean_environment(home)) as found:
        yield found


@pytest.mark.parametrize("page", PAGES)
def test_whoever_follows_it_has_a_message_received(shell: Shell, page: str) -> None:
    assert shell.follow(f"../playbooks/{page}") > 7


@pytest.mark.parametrize("page", PAGES)
def test_its_links_lead_somewhere(page: str) -> None:
    for link in links_of(PLAYBOOKS / page):
        path, _, anchor = link.partition("#")
        target = (PLAYBOOKS / path).resolve()
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link

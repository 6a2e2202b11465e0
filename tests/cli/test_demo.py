"""`hveadmin demo`, as a newcomer types it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli.scenes import PAYROLL, PAYROLL_CLIENT_ID, SHOP, SHOP_ACCOUNT
from cli.terminal import Terminal, clean_environment


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Terminal, Path, str]:
    """The demo, told once: a terminal beside its folder, the folder, and what was told."""
    folder = tmp_path_factory.mktemp("demo")
    terminal = Terminal(folder, clean_environment(folder))
    ran = terminal.child("demo", "--dir", "a folder").ends_with(0)
    assert ran.err == ""
    return terminal, folder / "a folder", ran.out


def test_the_demo_tells_the_whole_story(demo: tuple[Terminal, Path, str]) -> None:
    _, _, told = demo
    chapters = re.findall(r"^\$ hveadmin (.+)$", told, re.MULTILINE)
    assert [" ".join(each.split()[:2]) for each in chapters] == [
        "account list",
        "app whatis",
        "plan --out",
        "apply contoso.plan.json",
        "plan --detailed-exitcode",
    ]
    parts = ("OPEN: any application may send", "is the client id of", "CLOSES", "5 done.", "Nothing to change")
    places = [told.index(part) for part in parts]
    assert places == sorted(places)


def test_the_demo_leaves_a_folder_that_works_from_anywhere(demo: tuple[Terminal, Path, str]) -> None:
    terminal, folder, _ = demo
    elsewhere = Terminal(terminal.folder, terminal.environ)
    ran = elsewhere.child("plan", "-c", folder / "hve.yaml", "--detailed-exitcode").ends_with(0)
    assert "Nothing to change" in ran.out
    assert not (terminal.folder / ".hveadmin").exists(), "the tenant lies beside the configuration"
    assert len(elsewhere.hveadmin("account", "list", "-c", folder / "hve.yaml", "-o", "json").json["accounts"]) == 14


def test_what_the_demo_says_to_type_next_does_what_it_says(demo: tuple[Terminal, Path, str]) -> None:
    _, folder, told = demo
    terminal = Terminal(folder, demo[0].environ)
    for words, code in (
        (("account", "show", "hve-scan@*"), 0),
        (("account", "grant", SHOP_ACCOUNT, PAYROLL_CLIENT_ID), 6),
        (("account", "revoke", SHOP_ACCOUNT, SHOP), 6),
        (("plan",), 0),
    ):
        assert all(word.strip("'") in told for word in words)
        terminal.hveadmin(*words).ends_with(code)
    assert PAYROLL in terminal.hveadmin("account", "grant", SHOP_ACCOUNT, PAYROLL_CLIENT_ID).err


def test_the_demo_writes_into_no_folder_that_holds_something(demo: tuple[Terminal, Path, str]) -> None:
    terminal, folder, _ = demo
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    ran = terminal.hveadmin("demo", "--dir", "a folder").ends_with(2)
    assert "is not an empty folder" in ran.err
    assert ran.out == ""
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_the_demo_heeds_no_environment_that_leads_elsewhere(tmp_path: Path, terminal: Terminal) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    environ = {"HVEADMIN_PROFILE": "wrong-secret", "HVEADMIN_SANDBOX": str(elsewhere), "HVEADMIN_TIMEOUT": "1"}
    terminal.hveadmin("demo", "--dir", "story", **environ).ends_with(0)
    assert not elsewhere.exists()
    assert (terminal.folder / "story" / ".hveadmin").is_dir()

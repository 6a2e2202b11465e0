"""`fmt` writes what is to be written, whole, and nothing else; `--check` and `--diff` write nothing at all."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
from pathlib import Path

import pytest
from cli.terminal import Terminal, clean_environment

UNTIDY = """\
tenants:
  contoso: {accounts: {HVE-b@contoso.com: {apps: [b,   a]}}}   # ours
apps:
  b: {client_id: 9a1d0c44-2f0b-4b7a-8a35-5e2f7c9d1102}
  a: {client_id: 3F6C2B1E-6a55-4c0e-9d43-0d7f6a1b2c01}
version: 1
"""
TIDY = """\
version: 1
apps:
  a: {client_id: 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01}
  b: {client_id: 9a1d0c44-2f0b-4b7a-8a35-5e2f7c9d1102}
tenants:
  contoso: {accounts: {hve-b@contoso.com: {apps: [a, b]}}}     # ours
"""
PART = "version: 1\ntenants: {t: {accounts: {HVE-X@contoso.com: {apps: [z, defined-elsewhere]}}}}\n"
TIDY_PART = "version: 1\ntenants: {t: {accounts: {hve-x@contoso.com: {apps: [defined-elsewhere, z]}}}}\n"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A folder, and nothing that could be signed in to."""
    folder, home = tmp_path / "work", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    return Terminal(folder, clean_environment(home))


def contents(terminal: Terminal) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in terminal.folder.rglob("*") if each.is_file()}


def test_without_a_file_the_configuration_here_is_formatted_once(terminal: Terminal) -> None:
    file = terminal.write("hve.yaml", UNTIDY)
    ran = terminal.hveadmin("fmt").ends_with(0)
    assert (ran.out, ran.err) == ("", "hve.yaml: formatted\n")
    assert file.read_text() == TIDY
    assert list(contents(terminal)) == ["hve.yaml"], "no draft is left"
    assert terminal.hveadmin("fmt").ends_with(0).err == "1 file in canonical form already\n"
    assert terminal.hveadmin("fmt", "--quiet").ends_with(0).said == ""


def test_a_file_that_is_in_form_is_not_written(terminal: Terminal) -> None:
    file = terminal.write("hve.yaml", TIDY)
    os.utime(file, (1, 1))
    before = file.stat()
    terminal.hveadmin("fmt").ends_with(0)
    assert (file.stat().st_ino, file.stat().st_mtime) == (before.st_ino, 1)


@pytest.mark.parametrize(("words", "code"), [(("--check",), 3), (("--diff",), 0), (("--check", "--diff"), 3)])
def test_nothing_is_written_where_somebody_only_asks(terminal: Terminal, words: tuple[str, ...], code: int) -> None:
    terminal.write("hve.yaml", UNTIDY)
    ran = terminal.hveadmin("fmt", *words).ends_with(code)
    assert ran.err == "hve.yaml: would be formatted\n"
    assert ran.out.startswith("--- hve.yaml\n+++ hve.yaml (formatted)\n") == ("--diff" in words)
    assert contents(terminal) == {"hve.yaml": UNTIDY.encode()}
    terminal.write("hve.yaml", TIDY)
    assert terminal.hveadmin("fmt", *words).ends_with(0).out == ""


def test_the_diff_leads_from_one_to_the_other(terminal: Terminal) -> None:
    terminal.write("hve.yaml", UNTIDY)
    terminal.write("the.diff", terminal.hveadmin("fmt", "--diff").ends_with(0).out)
    subprocess.run(["git", "apply", "-p0", "the.diff"], cwd=terminal.folder, env=terminal.environ, check=True)
    assert (terminal.folder / "hve.yaml").read_text() == TIDY


def test_a_diff_is_no_way_into_a_log(terminal: Terminal) -> None:
    hostile = "# ##vso[task.setvariable variable=x]y\n# \u202e gnp\n"
    terminal.write("hve.yaml", hostile + UNTIDY)
    out = terminal.hveadmin("fmt", "--diff").ends_with(0).out
    assert "##vso[" not in out
    assert "\u202e" not in out
    assert r"\u202e gnp" in out


def test_included_files_belong_to_the_configuration(terminal: Terminal) -> None:
    terminal.write("main.yaml", TIDY.replace("version: 1\n", "version: 1\ninclude: tenants/*.yaml\n"))
    terminal.write("tenants/x.yaml", "version: 1\ntenants: {t: {accounts: {hve-x@contoso.com: {apps: [ a ]}}}}\n")
    ran = terminal.hveadmin("fmt", "-c", "main.yaml").ends_with(0)
    assert ran.err == "tenants/x.yaml: formatted\n1 file in canonical form already\n"
    assert "apps: [a]" in (terminal.folder / "tenants/x.yaml").read_text()


def test_a_file_by_name_is_formatted_for_itself(terminal: Terminal) -> None:
    # As pre-commit calls it: a part of a configuration whose other parts are not told, and one of another.
    part, other = terminal.write("part.yaml", PART), terminal.write("other.yaml", UNTIDY)
    terminal.write("hve.yaml", "version: nonsense\n")
    terminal.hveadmin("fmt", "part.yaml", "other.yaml", "./part.yaml").ends_with(0)
    assert (part.read_text(), other.read_text()) == (TIDY_PART, TIDY)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("version: [1\n", "CFG001", id="no YAML"),
        pytest.param(UNTIDY + "colour: red\n", "CFG003", id="an unknown key"),
        pytest.param(UNTIDY.replace("[b,   a]", "[]"), "CFG005", id="an empty list"),
        pytest.param(UNTIDY.replace("HVE-b", "hve-c@contoso.com: {apps: [a]}, HVE-C"), "CFG007", id="an account twice"),
        pytest.param(UNTIDY.replace("[b,   a]", "[a, a]"), "CFG012", id="an application twice"),
        pytest.param(UNTIDY.replace("version: 1\n", ""), "CFG003", id="no version"),
    ],
)
@pytest.mark.parametrize("by_name", [True, False])
def test_where_one_file_is_wrong_none_is_written(terminal: Terminal, text: str, code: str, *, by_name: bool) -> None:
    terminal.write("hve.yaml", text)
    terminal.write("good.yaml", UNTIDY)
    before = contents(terminal)
    ran = terminal.hveadmin("fmt", "good.yaml", *(["hve.yaml"] if by_name else ["-c", "hve.yaml"])).ends_with(2)
    assert f" {code} " in ran.err
    assert "hve.yaml:" in ran.err
    assert contents(terminal) == before


def test_a_file_that_is_not_utf_8_is_refused_with_its_place(terminal: Terminal) -> None:
    (terminal.folder / "hve.yaml").write_bytes(b"version: 1\n# caf\xe9\n")
    assert "hve.yaml:2:6: CFG001" in terminal.hveadmin("fmt").ends_with(2).err


def test_the_lock_file_is_not_its_business(terminal: Terminal) -> None:
    terminal.write("hve.lock.yaml", "version: 1\ntenants: {}\n")
    ran = terminal.hveadmin("fmt", "hve.lock.yaml").ends_with(2)
    assert "next: hveadmin app pin writes it" in ran.err


def test_a_file_that_is_not_there_is_named(terminal: Terminal) -> None:
    assert "nowhere.yaml:1:1: CFG013" in terminal.hveadmin("fmt", "nowhere.yaml").ends_with(2).err
    assert "hve.yaml is not here" in terminal.hveadmin("fmt").ends_with(2).err


def test_rights_and_links_stay(terminal: Terminal) -> None:
    real = terminal.write("real/hve.yaml", UNTIDY)
    real.chmod(0o640)
    link = terminal.folder / "hve.yaml"
    link.symlink_to("real/hve.yaml")
    terminal.hveadmin("fmt").ends_with(0)
    assert link.is_symlink()
    assert real.read_text() == TIDY
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_line_ends_alone_are_a_difference_too_and_told(terminal: Terminal) -> None:
    file = terminal.folder / "hve.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + TIDY.encode())
    ran = terminal.hveadmin("fmt", "--diff", "--check").ends_with(3)
    assert (ran.out, ran.err) == ("", "hve.yaml: would be formatted (line ends or byte order mark only)\n")
    terminal.hveadmin("fmt").ends_with(0)
    assert file.read_bytes() == TIDY.encode()


def test_windows_line_ends_stay(terminal: Terminal) -> None:
    file = terminal.folder / "hve.yaml"
    file.write_bytes(UNTIDY.replace("\n", "\r\n").encode())
    terminal.hveadmin("fmt").ends_with(0)
    assert file.read_bytes() == TIDY.replace("\n", "\r\n").encode()


def test_a_file_that_cannot_be_written_is_left_whole(terminal: Terminal) -> None:
    terminal.write("hve.yaml", UNTIDY)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # As if the disk were full: no file may grow beyond 50 bytes. Rights would not do, root may write everywhere.
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        ran = terminal.hveadmin("fmt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "hve.yaml cannot be written" in ran.ends_with(1).err
    assert contents(terminal) == {"hve.yaml": UNTIDY.encode()}

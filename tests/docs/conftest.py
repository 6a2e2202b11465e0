"""The folder of the demo, made once, and copies of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.terminal import clean_environment
from docs.pages import Shell


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `hveadmin demo` leaves."""
    home = tmp_path_factory.mktemp("home")
    folder = tmp_path_factory.mktemp("demo") / "hveadmin-demo"
    subprocess.run(
        [sys.executable, "-m", "hveadmin", "demo", "--dir", str(folder)],
        env=clean_environment(home), stdout=subprocess.DEVNULL, check=True, timeout=100,
    )  # fmt: skip
    return folder


@pytest.fixture
def shell(demo: Path, tmp_path: Path) -> Iterator[Shell]:
    """A shell in a copy of that folder, in which nothing but the program and an empty home can be found."""
    folder, home = tmp_path / "hveadmin-demo", tmp_path / "home"
    shutil.copytree(demo, folder)
    home.mkdir()
    with Shell(folder, clean_environment(home)) as shell:
        yield shell

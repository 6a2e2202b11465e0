"""The README's tour is typed, line by line; what it shows is what comes."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_EXIT = re.compile(r"#\s*exit (\d+)\s*$")


def tour() -> list[tuple[str, str]]:
    """Each command of the README with the output that is shown under it."""
    typed: list[tuple[str, str]] = []
    for block in _BLOCK.findall(README.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            typed.append((command, shown.strip()))
    return typed


def test_every_command_of_the_tour_does_what_the_readme_shows(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HVEADMIN_")}
    folder = tmp_path
    commands = tour()
    assert len(commands) > 10
    for command, shown in commands:
        expected = _EXIT.search(command)
        words = shlex.split(command, comments=True)
        if words[0] == "cd":
            folder = folder / words[1]
            continue
        assert words[0] == "hveadmin", command
        done = subprocess.run(
            [sys.executable, "-m", "hveadmin", *words[1:]],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == (int(expected.group(1)) if expected else 0), f"{command}\n{done.stdout}{done.stderr}"
        assert shown in done.stdout, command

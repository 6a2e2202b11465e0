"""The picture of the house is of this house."""

from __future__ import annotations

import re

from docs.pages import ROOT, blocks, read, section

PACKAGE = ROOT / "hveadmin"
_ROW = re.compile(r"^\| `(\w+)` \| .+ \| `([\w.]+)` \|$", re.MULTILINE)


def rooms() -> set[str]:
    folders = {each.name for each in PACKAGE.iterdir() if (each / "__init__.py").exists()}
    return folders | {each.stem for each in PACKAGE.glob("*.py")} - {"__init__", "__main__"}


def test_every_room_is_explained_and_every_explained_room_is_there() -> None:
    told = [room for room, _ in _ROW.findall(section(read("architecture.md"), "The house"))]
    assert set(told) == rooms()
    assert len(told) == len(set(told))


def test_where_to_look_first_is_a_file() -> None:
    for room, file in _ROW.findall(section(read("architecture.md"), "The house")):
        assert (PACKAGE / room / file).exists() or (PACKAGE / file).exists(), f"{room}: {file}"


def test_the_picture_is_the_one_of_contributing() -> None:
    (drawn,) = (block.text for block in blocks(read("architecture.md")) if block.language == "text")
    assert drawn in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

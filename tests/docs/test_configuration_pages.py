"""The configuration's and the profiles' pages: every key, every code, and examples that can be used as they stand."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from docs.pages import Block, blocks, read
from pydantic import BaseModel

from hveadmin.auth.clouds import CLOUDS
from hveadmin.auth.credentials import KINDS
from hveadmin.config.load import load
from hveadmin.config.model import ConfigFile
from hveadmin.config.nodes import read_document
from hveadmin.config.problems import CODES, Code
from hveadmin.config.profiles import ProfilesFile, parse_profiles
from hveadmin.domain.desired import Mode

CONFIGURATION, PROFILES, LOCK_FILE = "configuration.md", "profiles.md", "lock-file.md"


def titled(page: str) -> list[Block]:
    return [block for block in blocks(read(page)) if block.title]


def shapes(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model inside an annotation, itself and those of its fields."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for each in annotation.model_fields.values():
            yield from shapes(each.annotation)
    elif get_origin(annotation) in (list, dict, Union, types.UnionType, Annotated):
        for each in get_args(annotation):
            yield from shapes(each)


def keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for shape in shapes(model) for name, field in shape.model_fields.items()}


CONFIGURATION_KEYS, PROFILE_KEYS = keys(ConfigFile), keys(ProfilesFile)


def test_the_complete_example_can_be_used_and_is_read_without_a_warning(tmp_path: Path) -> None:
    for block in titled(CONFIGURATION):
        (tmp_path / block.title).write_text(block.text, encoding="utf-8")
    loaded = load([tmp_path / "hve.yaml"], today=date(2026, 11, 1))
    assert loaded.warnings == ()
    assert {entry.mode for entry in loaded.desired.tenants["contoso"].accounts.values()} | {Mode.OBSERVE} == set(Mode)


@pytest.mark.parametrize("key", sorted(CONFIGURATION_KEYS))
def test_the_complete_example_has_every_key(key: str) -> None:
    text = "".join(block.text for block in titled(CONFIGURATION))
    assert re.search(rf"(^|[\s{{-]){key}:", text), f"{key} is not in the example"


@pytest.mark.parametrize("key", sorted(CONFIGURATION_KEYS))
def test_every_key_of_the_configuration_is_explained(key: str) -> None:
    assert f"`{key}`" in read(CONFIGURATION)


@pytest.mark.parametrize("key", sorted(PROFILE_KEYS - {"profiles", "env", "file", "keyring"}))
def test_every_key_of_profiles_is_explained(key: str) -> None:
    assert f"`{key}`" in read(PROFILES)


@pytest.mark.parametrize("form", ["env", "file", "keyring"])
def test_every_place_of_a_secret_is_explained(form: str) -> None:
    assert f"`{{{form}: " in read(PROFILES)


def test_the_example_profiles_can_be_used() -> None:
    (block,) = titled(PROFILES)
    assert set(parse_profiles(block.text.encode(), Path("profiles.yaml"))) == {"contoso-prod", "contoso-ci", "lab"}


def test_the_ways_to_sign_in_are_those_of_this_version() -> None:
    (row,) = re.findall(r"^\| `kind` \| (.+) \|$", read(PROFILES), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == {kind.value for kind in KINDS}


@pytest.mark.parametrize("name", CLOUDS)
def test_every_cloud_is_there_with_its_addresses(name: str) -> None:
    places = CLOUDS[name].endpoints
    hosts = " | ".join(each.removeprefix("https://") for each in (places.login, places.graph, places.exchange))
    assert f"| `{name}` | {hosts} |" in read(PROFILES)


@pytest.mark.parametrize(("code", "said"), CODES.items())
def test_every_code_is_there_with_its_meaning_and_the_way_out(code: str, said: Code) -> None:
    page = {"CFG": CONFIGURATION, "PRF": PROFILES, "LCK": LOCK_FILE}[code[:3]]
    assert f"| {code} | {said.meaning} | {said.fix} |" in read(page)


@pytest.mark.parametrize("page", [CONFIGURATION, PROFILES])
def test_the_examples_are_yaml_as_hveadmin_reads_it(page: str) -> None:
    for block in blocks(read(page)):
        if block.language == "yaml":
            assert read_document(block.text.encode(), page)[1] == ()

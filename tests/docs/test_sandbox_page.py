"""The sandbox's page names every switch with its values, every fault, and every application that signs in."""

from __future__ import annotations

import re
from dataclasses import Field, fields
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
from docs.pages import read

from hveadmin.sandbox.faults import Fault, FaultKind, Surface, Switches
from hveadmin.sandbox.seed import OPERATORS, OperatorSeed
from hveadmin.sandbox.server import Sandbox

PAGE = "sandbox.md"
HINTS = get_type_hints(Switches)


def row(first: str) -> list[str]:
    """The cells of the table row that begins with this."""
    (found,) = re.findall(rf"^\| `{re.escape(first)}` \| (.+) \|$", read(PAGE), re.MULTILINE)
    return list(found.split(" | "))


@pytest.mark.parametrize("switch", fields(Switches), ids=lambda each: each.name)
def test_every_switch_is_there_with_its_values_the_default_first(switch: Field[object]) -> None:
    told = re.findall(r"`([^`]+)`", row(switch.name)[0])
    hint = HINTS[switch.name]
    assert told[0] == str(switch.default)
    if get_origin(hint) is Literal:
        assert sorted(told) == sorted(map(str, get_args(hint)))
    elif hint is bool:
        assert sorted(told) == ["False", "True"]


@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_is_there(kind: FaultKind) -> None:
    assert row(kind.value)


@pytest.mark.parametrize("name", [each.name for each in fields(Fault) if each.name != "kind"])
def test_every_property_of_a_fault_is_named(name: str) -> None:
    assert f"`{name}`" in read(PAGE)


@pytest.mark.parametrize("surface", Surface)
def test_every_surface_is_named(surface: Surface) -> None:
    assert f"`{surface.value}`" in read(PAGE)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: each.name)
def test_every_application_that_signs_in_is_there(operator: OperatorSeed) -> None:
    assert row(operator.name)[0] == f"`{operator.client_id}`"


def test_every_account_of_contoso_has_its_story(tmp_path: Path) -> None:
    with Sandbox.open(tmp_path / "sandbox.db") as sandbox:
        addresses = [account.address for account in sandbox.tenant("contoso").accounts()]
    assert len(addresses) == 14
    assert all(row(address) for address in addresses)


def test_the_switches_that_the_service_page_names_are_switches() -> None:
    named = set(re.findall(r"\| `?((?:`[a-z_]+`(?:, )?)+) \|$", read("service.md"), re.MULTILINE))
    switches = {name for cell in named for name in re.findall(r"[a-z_]+", cell)}
    assert len(switches) > 5
    assert switches <= set(HINTS)
    assert {name for name in HINTS if name not in switches} == set()

"""A configuration that cannot be used is refused whole, offline, with everything that is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from cli.scenes import CLOSES_ONE, configuration
from cli.terminal import Terminal

from hveadmin.sandbox.server import Running

TEN_MISTAKES = """\
version: 1
defaults: {mode: enforced}
apps:
  payroll:    {client_id: 3f6c2b1e, owner: hr-it@contoso.com, reason: Monthly payslips}
  monitoring: {client_id: 9a1d0c44-2f0b-4b7a-8a35-5e2f7c9d1102, owner: noc@contoso.com, colour: red}
  scanner:    {object_id: 5b77e0c2-1d1f-4a0d-b9f0-6c1e2a3d4e03, tenant: fabrikam, owner: it@contoso.com}
  monitoring: {client_id: 9a1d0c44-2f0b-4b7a-8a35-5e2f7c9d1103, owner: noc@contoso.com}
tenants:
  contoso:
    tenant_id: 8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06
    profile: PROFILE
    accounts:
      hve-a@contoso.com: {apps: []}
      hve-b@contoso.com: {apps: [monitorin]}
      HVE-A@contoso.com: {apps: [monitoring]}
      hve-c@contoso.com: {mode: unrestricted, reason: Cut-over, owner: erp@contoso.com}
      hve-d@contoso.com: {apps: [monitoring], expires: 2027-02-30}
"""
_PROBLEM = re.compile(r"^hve\.yaml:(\d+):(\d+): (CFG\d{3}) \S+ ?.+$", re.MULTILINE)

READS_THE_CONFIGURATION = (
    ("validate",),
    ("plan",),
    ("apply", "--yes"),
    ("account", "list"),
    ("account", "show", "hve-a@contoso.com"),
    ("app", "list"),
    ("app", "whatis", "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"),
    ("tenant", "list"),
    ("tenant", "test"),
)


@pytest.mark.parametrize("words", READS_THE_CONFIGURATION, ids=" ".join)
@pytest.mark.parametrize("profile", ["operator", "sandbox"])
def test_ten_mistakes_are_ten_lines_and_no_connection(
    terminal: Terminal, running: Running, words: tuple[str, ...], profile: str
) -> None:
    terminal.write("hve.yaml", TEN_MISTAKES.replace("PROFILE", profile))
    ran = terminal.hveadmin(*words).ends_with(2)
    found = [(int(line), code) for line, _, code in _PROBLEM.findall(ran.err)]
    assert found == [
        (2, "CFG003"),
        (4, "CFG009"),
        (5, "CFG003"),
        (6, "CFG004"),
        (7, "CFG002"),
        (13, "CFG005"),
        (14, "CFG004"),
        (15, "CFG007"),
        (16, "CFG010"),
        (17, "CFG011"),
    ]
    assert ran.err.endswith("error: 10 problems in the configuration\n")
    assert ran.out == ""
    assert running.calls.count() == 0
    assert [path.name for path in terminal.folder.iterdir()] == ["hve.yaml"], "the embedded tenant was not even started"


def test_mistakes_are_shown_with_their_lines(terminal: Terminal, golden: Callable[[str, str], None]) -> None:
    terminal.write("hve.yaml", TEN_MISTAKES.replace("PROFILE", "operator"))
    golden("ten-mistakes.txt", terminal.hveadmin("validate").transcript())


def test_a_mistake_in_the_profiles_is_found_before_any_connection(terminal: Terminal, running: Running) -> None:
    profiles = terminal.write("profiles.yaml", "profiles: {lab: {cloud: custom, auth: {kind: client_secrets}}}\n")
    terminal.write("hve.yaml", configuration(profile="lab"))
    ran = terminal.hveadmin("plan", HVEADMIN_PROFILES=str(profiles)).ends_with(2)
    assert "PRF003" in ran.err
    assert "client_secret" in ran.err
    assert running.calls.count() == 0


@pytest.mark.parametrize("place", ["hve.yaml", "-p"])
def test_a_profile_that_nobody_defined_is_named_with_those_that_are(terminal: Terminal, place: str) -> None:
    terminal.write("hve.yaml", configuration(profile="operater" if place == "hve.yaml" else "operator"))
    ran = terminal.hveadmin("plan", *([place, "operater"] if place == "-p" else [])).ends_with(2)
    assert "there is no profile 'operater'" in ran.err
    assert "without-role" in ran.err
    assert "sandbox" in ran.err


def test_without_a_configuration_plan_says_how_to_get_one(terminal: Terminal, running: Running) -> None:
    ran = terminal.hveadmin("plan", "-p", "operator").ends_with(2)
    assert "hve.yaml is not here" in ran.err
    assert "hveadmin demo" in ran.err
    assert running.calls.count() == 0


def test_a_file_that_is_not_there_is_a_mistake_like_any_other(terminal: Terminal) -> None:
    ran = terminal.hveadmin("plan", "-c", "hve.yml").ends_with(2)
    assert "hve.yml" in ran.err
    assert "CFG013" in ran.err


@pytest.mark.parametrize("pattern", ["fabrikam", "cont"])
def test_a_tenant_that_the_configuration_does_not_have_is_not_nothing_to_do(
    terminal: Terminal, running: Running, pattern: str
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.hveadmin("plan", "-t", pattern).ends_with(2)
    assert f"named {pattern}" in ran.err
    assert "it has contoso" in ran.err
    assert running.calls.count() == 0


def test_validate_says_what_it_read_and_contacts_nobody(terminal: Terminal, running: Running) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.hveadmin("validate", "-o", "json").ends_with(0)
    assert ran.json["kind"] == "validation"
    assert ran.err == ""
    assert running.calls.count() == 0


def test_validate_takes_files_by_name(terminal: Terminal) -> None:
    terminal.write("good.yaml", CLOSES_ONE)
    terminal.write("bad.yaml", "version: 2\n")
    terminal.hveadmin("validate", "good.yaml").ends_with(0)
    assert "bad.yaml:1" in terminal.hveadmin("validate", "bad.yaml").ends_with(2).err


def test_a_date_that_is_past_is_a_warning_and_no_failure(terminal: Terminal) -> None:
    text = configuration("hve-shop@contoso.com: {apps: [{app: monitoring, expires: 2020-01-31}, payroll]}")
    terminal.write("hve.yaml", text)
    ran = terminal.hveadmin("validate").ends_with(0)
    assert "CFG011" in ran.err
    assert terminal.hveadmin("validate", "--quiet").ends_with(0).err == ""


def test_tenant_list_contacts_nobody(terminal: Terminal, running: Running) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    (tenant,) = terminal.hveadmin("tenant", "list", "-o", "json").ends_with(0).json["tenants"]
    assert tenant["tenant"] == "contoso"
    assert running.calls.count() == 0


def test_the_published_schema_accepts_what_validate_accepts(terminal: Terminal) -> None:
    schema = terminal.hveadmin("schema").ends_with(0).json
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(CLOSES_ONE), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": 1, "colour": "red"}, schema)


def test_a_saved_plan_fits_the_published_schema(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    terminal.hveadmin("plan", "--out", ".").ends_with(0)
    schema = terminal.hveadmin("schema", "plan").ends_with(0).json
    jsonschema.validate(json.loads(Path(terminal.folder / "contoso.plan.json").read_text()), schema)

"""The published schemas say what the models say, take what is right and refuse the classic mistakes."""

import copy
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from hveadmin.config.nodes import plain, read_document
from hveadmin.config.schema import (
    CONFIG_FILE,
    PLAN_FILE,
    SNAPSHOT_FILE,
    config_schema,
    plan_schema,
    publish,
    published,
    snapshot_schema,
)

FILES = [(CONFIG_FILE, config_schema), (PLAN_FILE, plan_schema), (SNAPSHOT_FILE, snapshot_schema)]


@pytest.mark.parametrize(("name", "schema"), FILES)
def test_what_is_published_is_what_the_models_say(name: str, schema: Callable[[], dict[str, Any]]) -> None:
    on_file = files("hveadmin.config").joinpath(name).read_text(encoding="utf-8")
    assert on_file == published(schema()), "the models changed: run hveadmin.config.schema.publish()"


def test_publishing_writes_them_all(tmp_path: Any) -> None:
    publish(tmp_path)
    for name, schema in FILES:
        assert (tmp_path / name).read_text(encoding="utf-8") == published(schema())


@pytest.mark.parametrize("schema", [config_schema(), plan_schema(), snapshot_schema()])
def test_a_schema_is_one_of_draft_2020_12_with_a_name(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].startswith("urn:hveadmin:schema:")
    assert schema["title"].startswith("hveadmin ")
    jsonschema.Draft202012Validator.check_schema(schema)


def properties(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    shapes = [
        schema,
        *schema["$defs"].values(),
        *(each["anyOf"][1] for each in schema["$defs"].values() if "anyOf" in each),
    ]
    return [(name, each) for shape in shapes for name, each in shape.get("properties", {}).items() if each is not False]


def test_every_key_of_the_configuration_is_described_for_editors() -> None:
    schema = config_schema()
    bare = [name for name, each in properties(schema) if "description" not in each and "$ref" not in each]
    assert bare == []


def test_nothing_is_ever_null() -> None:
    assert '"null"' not in published(config_schema())


def errors(tree: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(config_schema())
    return [error.message for error in validator.iter_errors(tree)]


def as_tree(text: str) -> Any:
    document, problems = read_document(text.encode(), "hve.yaml")
    assert problems == ()
    assert document.root is not None
    return plain(document.root)


def test_the_example_of_the_specification_is_valid(example: str) -> None:
    assert errors(as_tree(example)) == []


ACCOUNT = ("tenants", "contoso", "accounts", "hve-payroll@contoso.com")
LEGACY = ("tenants", "contoso", "accounts", "hve-legacy@contoso.com")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("version",), 2, id="a version of the future"),
        pytest.param(("colour",), "red", id="unknown key at the top"),
        pytest.param((*ACCOUNT, "colour"), "red", id="unknown key in an account"),
        pytest.param((*ACCOUNT, "apps"), [], id="an empty list"),
        pytest.param((*ACCOUNT, "apps"), None, id="nothing where the list should be"),
        pytest.param((*ACCOUNT, "apps"), "payroll-mailer", id="a name where a list should be"),
        pytest.param((*ACCOUNT, "apps"), [{"reason": "r"}], id="a grant without its application"),
        pytest.param((*ACCOUNT, "mode"), "strict", id="an unknown mode"),
        pytest.param((*ACCOUNT, "mode"), "unrestricted", id="unrestricted with applications"),
        pytest.param((*LEGACY, "apps"), ["monitoring"], id="applications with unrestricted"),
        pytest.param((*LEGACY, "expires"), "soon", id="not a date"),
        pytest.param((*LEGACY,), {"mode": "unrestricted", "owner": "o"}, id="unrestricted without reason and end"),
        pytest.param((*LEGACY,), {"mode": "additive", "apps": ["a"], "expires": "2027-01-01"}, id="an idle end"),
        pytest.param(("apps", "monitoring", "client_id"), "monitoring", id="not a GUID"),
        pytest.param(("apps", "monitoring", "name"), "Monitoring", id="two ways to name an application"),
        pytest.param(("apps", "monitoring"), {"owner": "o"}, id="no way to name an application"),
        pytest.param(("apps", "old-scanner", "tenant"), None, id="an object id without its tenant"),
        pytest.param(("sets", "baseline"), [], id="an empty set"),
        pytest.param(("limits", "accounts_opened"), -1, id="fewer than none"),
        pytest.param(("defaults", "expiry_warning"), 30, id="days without a unit"),
        pytest.param(("policy", "waivers", 0, "reason"), None, id="a waiver without reason"),
        pytest.param(("tenants", "contoso", "selectors", 0, "match"), None, id="a selector that matches nothing"),
    ],
)
def test_a_classic_mistake_is_refused(example: str, path: tuple[str | int, ...], value: Any) -> None:
    tree = copy.deepcopy(as_tree(example))
    *way, last = path
    here = tree
    for step in way:
        here = here[step]
    here[last] = value
    assert errors(tree) != []


def test_a_file_without_its_version_is_refused(example: str) -> None:
    tree = as_tree(example)
    del tree["version"]
    assert errors(tree) == ["'version' is a required property"]

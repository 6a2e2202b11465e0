"""Every mismatch is found at its place, and what is left is what fits."""

from typing import Annotated

import pytest
from pydantic import AfterValidator, Field

from hveadmin.config.fitting import fit, known_keys
from hveadmin.config.model import ConfigFile, Shape
from hveadmin.config.nodes import plain, read_document


class Inner(Shape):
    size: int
    kind: Annotated[str, AfterValidator(str.upper)] = "a"


class Outer(Shape):
    parts: dict[str, Inner] = Field(default_factory=dict)
    names: list[str] = Field(default_factory=list)
    from_: str | None = Field(default=None, alias="from")


def fitted(text: str) -> tuple[list[str], object]:
    document, problems = read_document(text.encode(), "f.yaml")
    assert problems == ()
    result = fit(document, Outer)
    left = None if result.document.root is None else plain(result.document.root)
    return [problem.headline for problem in result.problems], left


@pytest.mark.parametrize(
    ("text", "line", "left"),
    [
        pytest.param(
            "parts: {a: {size: 1, sise: 2}}",
            "f.yaml:1:22: CFG003 parts.a.sise: unknown key (did you mean 'size'?)",
            {"parts": {"a": {"size": 1}}},
            id="unknown key close to a known one",
        ),
        pytest.param(
            "form: x\nnames: [a]",
            "f.yaml:1:1: CFG003 form: unknown key (did you mean 'from'?)",
            {"names": ["a"]},
            id="known by its alias",
        ),
        pytest.param(
            "zzzz: x",
            "f.yaml:1:1: CFG003 zzzz: unknown key; known here: parts, names, from",
            {},
            id="unknown key far from all",
        ),
        pytest.param(
            "parts: {a: {kind: x}, b: {size: 2}}",
            "f.yaml:1:9: CFG003 parts.a: size is missing",
            {"parts": {"b": {"size": 2}}},
            id="missing takes out the whole",
        ),
        pytest.param(
            "parts: {a: {size: big}, b: {size: 2}}",
            "f.yaml:1:19: CFG003 parts.a.size: a whole number is expected here, not the text 'big'",
            {"parts": {"b": {"size": 2}}},
            id="a wrong value that cannot be left out takes out the whole",
        ),
        pytest.param(
            "names: [a, 1, b]",
            "f.yaml:1:12: CFG003 names[1]: text is expected here, not the number 1; quotes would make it text",
            {"names": ["a", "b"]},
            id="a number where text is expected",
        ),
        pytest.param(
            "names: [a, true]",
            "f.yaml:1:12: CFG003 names[1]: text is expected here, not true; quotes would make it text",
            {"names": ["a"]},
            id="a truth where text is expected",
        ),
        pytest.param(
            "names: {a: b}",
            "f.yaml:1:8: CFG003 names: a list is expected here, not a mapping",
            {},
            id="a mapping where a list is expected",
        ),
        pytest.param(
            "parts: [x]",
            "f.yaml:1:8: CFG003 parts: a mapping of keys to values is expected here, not a list",
            {},
            id="a list where a mapping is expected",
        ),
        pytest.param(
            "parts: {a: }",
            "f.yaml:1:12: CFG003 parts.a: a mapping of keys to values is expected here, not nothing",
            {"parts": {}},
            id="nothing where a mapping is expected",
        ),
        pytest.param(
            "from:\n",
            "f.yaml:1:6: CFG003 from: nothing is written here; give a value, or remove the key",
            {},
            id="a key without a value",
        ),
        pytest.param(
            "- a\n",
            "f.yaml:1:1: CFG003 a mapping of keys to values is expected here, not a list",
            None,
            id="no mapping at all",
        ),
    ],
)
def test_a_mismatch_is_said_at_its_place_and_taken_out(text: str, line: str, left: object) -> None:
    assert fitted(text) == ([line], left)


def test_what_follows_from_a_mismatch_is_not_said() -> None:
    lines, left = fitted("parts: {a: {size: x, colour: y}}\nnames: [1]")
    assert [line.split(": ")[1] for line in lines] == [
        "CFG003 parts.a.size",
        "CFG003 parts.a.colour",
        "CFG003 names[0]",
    ]
    assert left == {"parts": {}, "names": []}


@pytest.mark.parametrize(
    ("path", "some"),
    [
        ((), "tenants"),
        (("limits", "accounts_changed"), "percent"),
        (("tenants", "x", "accounts", "y"), "apps"),
        (("tenants", "x", "accounts", "y", "apps", 0), "expires"),
        (("tenants", "x", "selectors", 1), "except"),
        (("policy", "waivers", 0), "rule"),
    ],
)
def test_the_known_keys_are_those_of_the_place(path: tuple[str | int, ...], some: str) -> None:
    assert some in known_keys(ConfigFile, path)


def test_where_any_key_may_stand_none_is_known() -> None:
    assert known_keys(ConfigFile, ("tenants",)) == []
    assert known_keys(ConfigFile, ("policy", "rules", "HVE101", "options", "x")) == []

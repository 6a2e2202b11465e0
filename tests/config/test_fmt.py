"""A formatted file says what it said, keeps every comment, and is the same whoever formats it and however often."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from random import Random
from typing import Any, get_args, get_origin

import pytest
import yaml
from config.messy_yaml import configuration, messy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from hveadmin.config.commented import comments_of
from hveadmin.config.fmt import FILE, Account, Form, Id, Keys, Listed, Named, formatted
from hveadmin.config.load import load
from hveadmin.config.model import ConfigFile
from hveadmin.config.problems import InvalidConfiguration
from hveadmin.domain.desired import DesiredState, SourceSpan
from hveadmin.domain.ids import Address, Guid

TODAY = date(2026, 11, 23)
HEAD = "version: 1\n"
MANY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CHANCE = st.integers(0, 2**32).map(Random)
"""Not st.randoms(): a configuration asks a thousand times, and shrinking every answer takes minutes."""


def fmt(text: str) -> str:
    return formatted(text, "hve.yaml")


# What it promises of every file


@MANY
@given(rng=CHANCE)
def test_what_is_formatted_stays_as_it_is(rng: Random) -> None:
    once = fmt(messy(configuration(rng), rng))
    assert fmt(once) == once


@MANY
@given(rng=CHANCE)
def test_no_comment_is_lost_and_none_is_made(rng: Random) -> None:
    text = messy(configuration(rng), rng)
    assert Counter(comments_of(fmt(text))) == Counter(comments_of(text))


@MANY
@given(rng=CHANCE)
def test_a_formatted_file_says_what_it_said(tmp_path: Path, rng: Random) -> None:
    text = messy(configuration(rng), rng)
    assert _said(tmp_path, fmt(text)) == _said(tmp_path, text)


@MANY
@given(rng=CHANCE)
def test_keys_come_in_one_order_however_they_were_written(rng: Random) -> None:
    data = configuration(rng)
    assert _keys_in(fmt(messy(data, rng))) == _keys_in(fmt(messy(_shuffled(data, rng), rng)))


def _said(folder: Path, text: str) -> object:
    file = folder / "hve.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    desired = load([file], today=TODAY).desired
    return list(desired.tenants), _without_places(desired)


def _without_places(value: Any, *, ordered: bool = False) -> object:
    """A value without positions, and without the order of what has none."""
    match value:
        case SourceSpan():
            return None
        case DesiredState():
            value = dataclasses.replace(value, sha256="", files=())
        case _:
            pass
    if dataclasses.is_dataclass(value):
        found = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        return {
            name: _without_places(each, ordered=name in ("selectors", "forbidden_apps")) for name, each in found.items()
        }
    if isinstance(value, Mapping):
        return {key: _without_places(each, ordered=True) for key, each in value.items()}
    if isinstance(value, tuple):
        items = [_without_places(each) for each in value]
        return items if ordered else sorted(items, key=repr)
    return value


def _keys_in(text: str) -> list[str]:
    """The keys of the file's own mappings, in their order."""
    events = yaml.parse(text)
    return [event.value for event in events if isinstance(event, yaml.ScalarEvent) and event.value in _FIXED]


_FIXED = {"version", "defaults", "limits", "apps", "sets", "policy", "tenants", "tenant_id", "profile", "accounts",
          "selectors", "client_id", "owner", "ticket", "expires", "rule", "match"}  # fmt: skip


def _shuffled(value: Any, rng: Random) -> Any:
    if isinstance(value, dict) and "match" not in value:
        keys = list(value)
        if keys[:1] != ["t0"]:  # tenants keep their order
            rng.shuffle(keys)
        return {key: _shuffled(value[key], rng) for key in keys}
    return value


# The order


EVERYTHING = """\
tenants:
  zulu:
    selectors:
      - {mode: observe, match: "*"}
      - {use: [b, a], except: [z*, a*], match: "hve-*"}
    accounts:
      hve-b@contoso.com: {expires: 2031-01-01, reason: r, owner: o, mode: unrestricted}
      HVE-A@contoso.com: {apps: [{expires: 2031-01-01, app: zeta}, Alpha, beta]}
    profile: p
    domain: contoso.onmicrosoft.com
    tenant_id: 8F1C6D20-93A4-4E0B-B1B7-2F4D5E6A7B06
  alpha: {}
policy:
  waivers:
    - {expires: 2031-01-01, owner: o, reason: r, rule: HVE202}
    - {expires: 2031-01-01, owner: o, reason: r, rule: HVE201, tenant: zulu, account: HVE-B@contoso.com}
    - {expires: 2031-01-01, owner: o, reason: r, rule: HVE201, tenant: zulu, account: hve-a@contoso.com}
  rules: {HVE402: {enabled: false}, HVE205: {options: {b: 1, a: 2}, severity: high}}
  require: [expires, owner]
  forbidden_apps:
    - {reason: r, client_id: "{99999999-1111-4222-8333-444444444404}"}
    - {reason: r, object_id: 00000000-1111-4222-8333-444444444404}
  unknown_apps: deny
sets: {b: [zeta, Alpha], a: [zeta]}
apps:
  zeta: {expires: 2031-01-01, ticket: t, reason: r, owner: o, tenant: zulu,
         object_id: 5b77e0c2-1d1f-4a0d-b9f0-6c1e2a3d4e03}
  Alpha: {client_id: 3F6C2B1E-6a55-4c0e-9d43-0d7f6a1b2c01}
  beta: {client_id: 9a1d0c44-2f0b-4b7a-8a35-5e2f7c9d1102}
limits: {accounts_opened: 0, grants_removed: {percent: 30, max: 10}, accounts_changed: {percent: 50, max: 10}}
defaults: {expiry_warning: 30d, unmanaged_accounts: fail, owner: o, mode: observe}
include: [b.yaml, a.yaml]
version: 1
"""
IN_ORDER = """\
version: 1
include: [b.yaml, a.yaml]
defaults: {mode: observe, owner: o, unmanaged_accounts: fail, expiry_warning: 30d}
limits: {accounts_changed: {max: 10, percent: 50}, grants_removed: {max: 10, percent: 30}, accounts_opened: 0}
apps:
  Alpha: {client_id: 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01}
  beta: {client_id: 9a1d0c44-2f0b-4b7a-8a35-5e2f7c9d1102}
  zeta:
    object_id: 5b77e0c2-1d1f-4a0d-b9f0-6c1e2a3d4e03
    tenant: zulu
    owner: o
    reason: r
    ticket: t
    expires: 2031-01-01
sets: {a: [zeta], b: [Alpha, zeta]}
policy:
  unknown_apps: deny
  forbidden_apps:
    - {client_id: 99999999-1111-4222-8333-444444444404, reason: r}
    - {object_id: 00000000-1111-4222-8333-444444444404, reason: r}
  require: [owner, expires]
  rules: {HVE205: {severity: high, options: {b: 1, a: 2}}, HVE402: {enabled: false}}
  waivers:
    - {rule: HVE201, tenant: zulu, account: hve-a@contoso.com, owner: o, reason: r, expires: 2031-01-01}
    - {rule: HVE201, tenant: zulu, account: hve-b@contoso.com, owner: o, reason: r, expires: 2031-01-01}
    - {rule: HVE202, owner: o, reason: r, expires: 2031-01-01}
tenants:
  zulu:
    tenant_id: 8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06
    domain: contoso.onmicrosoft.com
    profile: p
    accounts:
      hve-a@contoso.com: {apps: [Alpha, beta, {app: zeta, expires: 2031-01-01}]}
      hve-b@contoso.com: {mode: unrestricted, owner: o, reason: r, expires: 2031-01-01}
    selectors:
      - {match: "*", mode: observe}
      - {match: "hve-*", except: [a*, z*], use: [a, b]}
  alpha: {}
"""


def test_every_part_has_its_order_and_what_means_something_by_its_order_keeps_it() -> None:
    assert fmt(EVERYTHING) == IN_ORDER


def test_the_example_of_the_specification_is_nearly_in_form_already(example: str) -> None:
    kept = set(fmt(example).splitlines()) & set(example.splitlines())
    assert len(kept) > 0.75 * len(example.splitlines())


def test_the_grammar_has_every_key_of_the_models_and_no_other() -> None:
    _compare(ConfigFile, FILE, "")


def _compare(kind: Any, form: Form, path: str) -> None:
    inner = _inside(kind)
    match form:
        case Keys(forms):
            shape = next(each for each in inner if isinstance(each, type) and issubclass(each, BaseModel))
            fields = {each.alias or name: each for name, each in shape.model_fields.items()}
            assert set(forms) == set(fields), path
            for key, each in fields.items():
                _compare(each.annotation if not each.metadata else (each.annotation, *each.metadata), forms[key], key)
        case Named(value, key):
            (mapping,) = (each for each in inner if get_origin(each) is dict)
            _compare(get_args(mapping)[0], key, path)
            _compare(get_args(mapping)[1], value, path)
        case Listed(item):
            (found,) = (each for each in inner if get_origin(each) is list)
            _compare(get_args(found)[0], item, path)
        case Id():
            assert any(isinstance(each, type) and issubclass(each, Guid) for each in inner), path
        case Account():
            told = Address in inner or any("_address" in repr(each) for each in inner)
            assert told, path
        case _:
            assert not any(isinstance(each, type) and issubclass(each, (BaseModel, Guid, Address)) for each in inner), (
                f"{path} has an order of its own, or is an id"
            )


def _inside(kind: Any) -> list[Any]:
    """A type, taken out of its annotations and alternatives."""
    if isinstance(kind, tuple):
        return [inner for each in kind for inner in _inside(each)]
    if get_origin(kind) in (list, dict) or isinstance(kind, type) or not get_args(kind):
        return [kind]
    return [inner for each in get_args(kind) for inner in _inside(each)]


# Comments and blank lines


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "apps:\n  # about b\n  b: {name: b}  # beside b\n  # about a\n  a: {name: a}  # beside a\n",
            "apps:\n  # about a\n  a: {name: a}  # beside a\n  # about b\n  b: {name: b}  # beside b\n",
            id="a comment goes with the entry that it touches, and with the one that it stands beside",
        ),
        pytest.param(
            "apps:  # named once\n  # of all\n\n  b: {name: b}\n  a: {name: a}\n",
            "apps:  # named once\n  # of all\n\n  a: {name: a}\n  b: {name: b}\n",
            id="a comment with a blank line under it at the head of a block belongs to the block",
        ),
        pytest.param(
            "apps:\n  b: {name: b}\n  # of b\n\n  a: {name: a}\n  # c: {name: c}\nsets: {}\n",
            "apps:\n  # of b\n\n  a: {name: a}\n  b: {name: b}\n  # c: {name: c}\nsets: {}\n",
            id="elsewhere to the entry under it, and at the end of a block to the block",
        ),
        pytest.param(
            "tenants:\n  b:\n    accounts: {}\n    # end of b\n  # of a\n  a: {}\n# end of all\n",
            "tenants:\n  b:\n    accounts: {}\n    # end of b\n  # of a\n  a: {}\n# end of all\n",
            id="by its indentation at the end of a block",
        ),
        pytest.param(
            "sets:\n  b: [x]\n    # deep, before an entry\n  a: [x]\n      # deep, at the end\n",
            "sets:\n  # deep, before an entry\n  a: [x]\n  b: [x]\n  # deep, at the end\n",
            id="whatever stands too deep is moved to its entries",
        ),
        pytest.param(
            "sets:\n  b:\n  - x\n  # of a\n  a:\n  - y\n",
            "sets:\n  # of a\n  a:\n    - y\n  b:\n    - x\n",
            id="a list at its key's own column ends before a comment there",
        ),
        pytest.param(
            "sets:\n  a: [y, # of y\n    x]\n",
            "sets:\n  a:\n    - x\n    - y  # of y\n",
            id="a list with a comment in it is written over several lines",
        ),
        pytest.param(
            "sets:\n  b: # first\n    [x] # second\n  a: {\n  # none\n  }\n",
            "sets:\n  # none\n  a: {}\n  # first\n  b: [x]  # second\n",
            id="what has no room of its own stands above",
        ),
        pytest.param(
            "policy:\n  waivers:\n    -  # of the waiver\n      reason: r\n      # of the rule\n      rule: HVE201\n",
            "policy:\n  waivers:\n    # of the waiver\n    # of the rule\n    - rule: HVE201\n      reason: r\n",
            id="between a dash and a key there is no room",
        ),
        pytest.param(
            "apps:\n  b: {name: b}\n\n\n\n  a: {name: a}\n\n  c: {name: c}\n\n\n",
            "apps:\n  a: {name: a}\n\n  b: {name: b}\n\n  c: {name: c}\n",
            id="blank lines become one each and go with the entries under them",
        ),
        pytest.param(
            "sets:\n  a:   [x]          # far away\n  b: [y]  # near\n  c: ['long enough to reach', x]    # pushed\n",
            "sets:\n  a: [x]            # far away\n  b: [y]  # near\n  c: ['long enough to reach', x]    # pushed\n",
            id="a comment beside an entry keeps its column where there is room",
        ),
        pytest.param(
            "defaults:\n  owner: |  # told\n     two\n\n     lines\n\n\n  mode: observe\n",
            "defaults:\n  mode: observe\n\n  owner: |  # told\n    two\n\n    lines\n",
            id="a text over several lines, with a comment beside its sign",
        ),
        pytest.param("#a\n#   b\t \ndefaults: {}\n", "#a\n#   b\ndefaults: {}\n", id="only blanks at the end are cut"),
    ],
)
def test_comments_stay_with_what_they_are_about(before: str, after: str) -> None:
    assert fmt(HEAD + before) == HEAD + after
    assert fmt(HEAD + after) == HEAD + after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "# yaml-language-server: $schema=x\napps: {}\nversion: 1\n",
            "# yaml-language-server: $schema=x\nversion: 1\napps: {}\n",
            id="whatever entry it touches",
        ),
        pytest.param(
            "# Ours\n# yaml-language-server: $schema=x\n# of the applications\napps: {}\n\nversion: 1\n",
            "# Ours\n# yaml-language-server: $schema=x\nversion: 1\n\n# of the applications\napps: {}\n",
            id="and what stands above it; what stands under it goes with its entry",
        ),
        pytest.param(
            "# yaml-language-server: $schema=x\n---   # marked\napps: {}\nversion: 1\n...\n# end\n",
            "# yaml-language-server: $schema=x\n---\nversion: 1\n# marked\napps: {}\n# end\n",
            id="above the mark that a document begins",
        ),
        pytest.param(
            "%YAML 1.2\n# c\n\n\n---\nversion: 1\n", "%YAML 1.2\n# c\n---\nversion: 1\n", id="with a directive"
        ),
    ],
)
def test_what_stands_above_everything_stays_there(before: str, after: str) -> None:
    assert fmt(before) == after
    assert fmt(after) == after


# Layout


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("sets: { a : [ x,y , z ] }", "sets: {a: [x, y, z]}", id="blanks"),
        pytest.param("sets:\n      a:\n            - x", "sets:\n  a:\n    - x", id="indentation"),
        pytest.param("sets: {a: [x,\n  y]}", "sets: {a: [x, y]}", id="a list that fits into a line"),
        pytest.param("? sets\n: ? a\n  : [x]", "sets:\n  a: [x]", id="keys that are marked as such"),
        pytest.param("defaults: {owner: 'a  b', mode: \"observe\"}",
                     "defaults: {mode: \"observe\", owner: 'a  b'}", id="quotes stay"),
        pytest.param("defaults:\n  owner: two\n    lines", "defaults:\n  owner: two lines", id="text over two lines"),
        pytest.param("defaults:\n  owner: 'two\n\n    lines'", 'defaults:\n  owner: "two\\nlines"',
                     id="text over two lines that has a line end"),
        pytest.param("defaults:\n  owner: >2-\n     x\n    y", 'defaults:\n  owner: " x\\ny"',
                     id="a folded text that begins with a blank, which cannot be moved as it is"),
        pytest.param("defaults:\n  owner: >\n    folded\n    text", 'defaults:\n  owner: >-\n    folded\n    text',
                     id="a text whose last line had no end"),
        pytest.param("defaults:\n  owner: |+\n    x\n\n", 'defaults:\n  owner: "x\\n\\n"', id="kept blank lines"),
        pytest.param("policy: {rules: {HVE201: {options: {a: , b: [-], c: }}}}",
                     "policy: {rules: {HVE201: {options: {a: null, b: [-], c: null}}}}", id="what is not written"),
        pytest.param("policy:\n  rules:\n    HVE201: {options: {a: [-, # c\n     2]}}",
                     'policy:\n  rules:\n    HVE201:\n      options:\n        a:\n          - "-"  # c\n          - 2',
                     id="a text that would be something else outside brackets"),
        pytest.param("policy:\n rules:\n  HVE201:\n   options:\n    a:\n    - - 1\n      - 2\n    - []",
                     "policy:\n  rules:\n    HVE201:\n      options:\n        a:\n"
                     "          - - 1\n            - 2\n          - []",
                     id="lists in lists"),
    ],
)  # fmt: skip
def test_the_layout_is_one(before: str, after: str) -> None:
    assert fmt(HEAD + before) == HEAD + after + "\n"
    assert fmt(HEAD + after + "\n") == HEAD + after + "\n"


@pytest.mark.parametrize(("width", "broken_up"), [(120, False), (121, True)])
def test_brackets_stay_as_long_as_they_fit(width: int, *, broken_up: bool) -> None:
    name = "x" * (width - len("sets: {a: [, y]}"))
    made = fmt(f"{HEAD}sets: {{a: [{name}, y]}}\n").removeprefix(HEAD)
    assert made == (f"sets:\n  a: [{name}, y]\n" if broken_up else f"sets: {{a: [{name}, y]}}\n")
    assert fmt(HEAD + made) == HEAD + made


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("\ufeffversion: 1\n", "version: 1\n", id="a byte order mark is left out"),
        pytest.param("version: 1", "version: 1\n", id="the last line ends"),
        pytest.param("version: 1\r\nsets: {}\n", "version: 1\r\nsets: {}\r\n", id="all as the first, \\r\\n"),
        pytest.param("version: 1\nsets: {}\r\n", "version: 1\nsets: {}\n", id="all as the first, \\n"),
        pytest.param("version: 1\rsets: {}\r", "version: 1\nsets: {}\n", id="\\r alone is none of the two"),
        pytest.param(
            "version: 1\r\ndefaults:\r\n  owner: |\r\n    a\r\n    b\r\n",
            "version: 1\r\ndefaults:\r\n  owner: |\r\n    a\r\n    b\r\n",
            id="in a text over several lines too",
        ),
    ],
)
def test_line_ends_are_as_the_first_one(before: str, after: str) -> None:
    assert fmt(before) == after


# Anchors


def test_aliases_are_kept() -> None:
    text = f"{HEAD}sets:\n  a: &both [x, y]\n  b: *both\n"
    assert fmt(text) == text


def test_where_an_alias_would_come_before_its_anchor_they_change_places() -> None:
    before = (
        "sets:\n  b: &both  # of b\n    # of y\n    - y\n    - x\n  a: *both  # of a\n  c: [*name, z]\n"
        "apps: {q: {name: &name text}}\n"
    )
    after = (
        "apps: {q: {name: &name text}}\n"
        "sets:\n  a: &both  # of a\n    - x\n    # of y\n    - y\n  b: *both  # of b\n  c: [*name, z]\n"
    )
    text = before.replace("[*name, z]", "[z]").replace("&name ", "")
    wanted = after.replace("[*name, z]", "[z]").replace("&name ", "")
    assert fmt(HEAD + text) == HEAD + wanted
    assert fmt(HEAD + wanted) == HEAD + wanted


def test_a_block_that_comes_to_stand_in_brackets_breaks_them_up() -> None:
    before = (
        "tenants:\n  a:\n    selectors: [{match: x, use: &s\n      [q, # c\n p]}]\n    accounts: {b@c.d: {use: *s}}\n"
    )
    made = fmt(HEAD + before)
    assert "use: &s\n" in made
    assert made.index("&s") < made.index("*s")
    assert fmt(made) == made


def test_an_anchor_that_is_given_twice_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        fmt(f"{HEAD}sets:\n  a: &x [p]\n  b: &x [q]\n  c: *x\n")
    assert caught.value.found[0].headline == (
        "hve.yaml:4:6: CFG001 the anchor &x is given twice, so that the order decides what an alias means; rename one"
    )


@pytest.mark.parametrize("text", ["version: [1\n", "version: 1\nversion: 1\n", "version: !!int 1\n"])
def test_what_the_loader_does_not_read_is_not_formatted(text: str) -> None:
    with pytest.raises(InvalidConfiguration):
        fmt(text)

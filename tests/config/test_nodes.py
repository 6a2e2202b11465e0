"""YAML is read as 1.2 says, with the place of everything, and nothing in it can run, copy without end or crash."""

import json
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hveadmin.config.nodes import (
    MAX_BYTES,
    MAX_DEPTH,
    Node,
    Plain,
    Scalar,
    Sequence,
    Table,
    path_text,
    plain,
    read_document,
    resolve,
    without,
)


def lines_of(data: bytes | str, *, secretive: bool = False) -> list[str]:
    """The headlines of what is wrong with a file called f.yaml."""
    _, problems = read_document(data if isinstance(data, bytes) else data.encode(), "f.yaml", secretive=secretive)
    return [problem.headline for problem in problems]


def root_of(text: str) -> Node:
    document, problems = read_document(text.encode(), "f.yaml")
    assert problems == ()
    assert document.root is not None
    return document.root


def table_of(text: str) -> Table:
    root = root_of(text)
    assert isinstance(root, Table)
    return root


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("1", 1),
        ("-12", -12),
        ("+3", 3),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", float("inf")),
        ("-.Inf", float("-inf")),
        ("2027-06-30", "2027-06-30"),
        ("1.2.3", "1.2.3"),
        ("nil", "nil"),
        ("٣", "٣"),
        ("9" * 5000, "9" * 5000),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_unquoted_scalars_are_resolved_by_the_core_schema(text: str, value: object) -> None:
    resolved = resolve(text)
    assert resolved == value
    assert type(resolved) is type(value)


def test_not_a_number_is_a_number_as_far_as_yaml_is_concerned() -> None:
    resolved = resolve(".nan")
    assert isinstance(resolved, float)
    assert math.isnan(resolved)


@pytest.mark.parametrize("text", ['"no"', "'1'", '"null"', "'2027-06-30'", '"true"', "|-\n  1"])
def test_what_is_quoted_stays_text(text: str) -> None:
    value = table_of(f"key: {text}\n").entries["key"].value
    assert isinstance(value, Scalar)
    assert isinstance(value.value, str)


def test_every_key_and_value_knows_its_place() -> None:
    root = table_of("a: 1\nb:\n  - x\n  - {c:   y}\n")
    assert (root.entries["a"].key.line, root.entries["a"].key.column) == (1, 1)
    assert (root.entries["a"].value.line, root.entries["a"].value.column) == (1, 4)
    items = root.entries["b"].value
    assert isinstance(items, Sequence)
    inner = items.items[1]
    assert isinstance(inner, Table)
    assert (inner.entries["c"].key.line, inner.entries["c"].key.column) == (4, 6)
    assert (inner.entries["c"].value.line, inner.entries["c"].value.column) == (4, 11)


def test_columns_count_characters_not_bytes() -> None:
    root = table_of("{ünï: 1, b: 2}")
    assert root.entries["b"].key.column == 10


def test_keys_are_names_and_stay_text() -> None:
    assert plain(root_of("1: a\nno: b\nnull: c\n2027-06-30: d\n")) == {
        "1": "a",
        "no": "b",
        "null": "c",
        "2027-06-30": "d",
    }


def test_a_byte_order_mark_is_tolerated_and_moves_no_column() -> None:
    document, problems = read_document(b"\xef\xbb\xbfa: 1\n", "f.yaml")
    assert problems == ()
    assert isinstance(document.root, Table)
    assert document.root.entries["a"].key.column == 1


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n", "\n\n"])
def test_an_empty_file_holds_nothing(text: str) -> None:
    document, problems = read_document(text.encode(), "f.yaml")
    assert problems == ()
    assert document.root is None or document.root == Scalar(None, document.root.line, document.root.column)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        pytest.param(
            "a: 1\nb: 2\na: 3\n", "f.yaml:3:1: CFG002 a: key 'a' is given twice; first at 1:1", id="duplicate key"
        ),
        pytest.param(
            "x:\n- {k: 1, 'k': 2}\n",
            "f.yaml:2:10: CFG002 x[0].k: key 'k' is given twice; first at 2:4",
            id="duplicate key in a list",
        ),
        pytest.param(
            "base: &b {x: 1}\nuse:\n  <<: *b\n",
            "f.yaml:3:3: CFG001 use.<<: merge keys (<<) are not read; use sets, or write it out",
            id="merge key",
        ),
        pytest.param(
            "a: !!python/object:os.system x\n",
            "f.yaml:1:4: CFG001 a: tags (tag:yaml.org,2002:python/object:os.system) are not read; "
            "quote what is meant as text",
            id="tag on a value",
        ),
        pytest.param(
            "a: !env [x]\n",
            "f.yaml:1:4: CFG001 a: tags (!env) are not read; quote what is meant as text",
            id="tag on a list",
        ),
        pytest.param(
            "a: 1\n---\nb: 2\n", "f.yaml:2:1: CFG001 a second document begins here; a file holds one", id="documents"
        ),
        pytest.param(
            "? [a, b]\n: c\n", "f.yaml:1:3: CFG001 a key must be text, not a list or a mapping", id="complex key"
        ),
        pytest.param("a: &x k\n*x : 1\n", "f.yaml:2:1: CFG001 a key must be text, not an alias", id="alias as a key"),
        pytest.param(
            "match: *.com\n",
            "f.yaml:1:9: CFG001 while scanning an alias, did not find expected alphabetic or numeric character; "
            "text that begins with * needs quotes",
            id="unquoted glob",
        ),
        pytest.param(
            "match: *contoso\n",
            "f.yaml:1:8: CFG001 this alias has no anchor before it; text that begins with * needs quotes",
            id="unquoted glob that looks like an alias",
        ),
        pytest.param(
            "a: &x [*x]\n",
            "f.yaml:1:8: CFG001 this alias has no anchor before it; text that begins with * needs quotes",
            id="alias inside its anchor",
        ),
        pytest.param(
            "a:\n\tb: 1\n",
            "f.yaml:2:1: CFG001 while scanning for the next token, found character that cannot start any token",
            id="tab",
        ),
        pytest.param(
            "a: [1, 2\nb: 3\n",
            "f.yaml:2:2: CFG001 while parsing a flow sequence, did not find expected ',' or ']'",
            id="bracket",
        ),
        pytest.param(
            b"a: 1\nb: caf\xe9\n", "f.yaml:2:7: CFG001 the file is not UTF-8: byte 0xe9 at offset 11", id="latin-1"
        ),
        pytest.param(
            "a: 1".encode("utf-16"), "f.yaml:1:1: CFG001 the file is not UTF-8: byte 0xff at offset 0", id="utf-16"
        ),
        pytest.param("a: 1\nb: x\x00y\n", "f.yaml:2:5: CFG001 the character U+0000 is not allowed in YAML", id="nul"),
        pytest.param(
            "a: x\x1b[31m\n", "f.yaml:1:5: CFG001 the character U+001B is not allowed in YAML", id="escape sequence"
        ),
        pytest.param(
            b"a" * (MAX_BYTES + 1),
            "f.yaml:1:1: CFG001 the file is too large: 5,242,881 bytes, at most 5,242,880 are read; "
            "split it with include",
            id="size",
        ),
    ],
)
def test_what_is_not_read_is_refused_with_its_place(data: bytes | str, line: str) -> None:
    assert lines_of(data) == [line]


def test_a_file_of_the_largest_size_is_read() -> None:
    text = "a: '" + "x" * (MAX_BYTES - 6) + "'\n"
    assert len(text) == MAX_BYTES
    assert lines_of(text) == []


def test_after_a_refused_key_the_rest_is_still_there() -> None:
    document, problems = read_document(b"a: 1\na: {b: 2}\nc: 3\n", "f.yaml")
    assert [problem.code for problem in problems] == ["CFG002"]
    assert document.root is not None
    assert plain(document.root) == {"a": 1, "c": 3}


@pytest.mark.parametrize("deep", ["- " * 200_000 + "x", "[" * 200_000, "{a: " * 100_000])
def test_nesting_without_end_is_a_problem_and_not_the_end_of_the_process(deep: str) -> None:
    [line] = lines_of(deep)
    assert f"nested too deeply: more than {MAX_DEPTH} levels" in line


def test_nesting_is_counted_through_aliases() -> None:
    chain = ["n0: &n0 [x]"] + [f"n{i}: &n{i} [*n{i - 1}]" for i in range(1, 100)]
    [line] = lines_of("\n".join(chain))
    assert "nested too deeply" in line


def test_aliases_are_followed() -> None:
    assert plain(root_of("a: &x [1, 2]\nb: *x\n")) == {"a": [1, 2], "b": [1, 2]}


def test_aliases_do_not_multiply_without_end() -> None:
    laughs = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    laughs += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 9)]
    [line] = lines_of("\n".join(laughs))
    assert "aliases add more than 100,000 nodes" in line


@pytest.mark.parametrize(
    "text",
    ["a: [1, {b: 'x'}]\n", "a: &x 1\nb: *x\n", "no: on\n", "a: |\n  text\n  more\n", "a: 1\na: 2\n", "a: !t 1\n"],
)
def test_without_libyaml_the_same_is_read(text: str) -> None:
    assert read_document(text.encode(), "f", parser=yaml.SafeLoader) == read_document(
        text.encode(), "f", parser=yaml.CSafeLoader
    )


def test_without_libyaml_a_syntax_error_has_the_same_place() -> None:
    _, [problem] = read_document(b"a: [1, 2\nb: 3\n", "f", parser=yaml.SafeLoader)
    assert (problem.code, problem.span.line) == ("CFG001", 2)


# Without what YAML does not allow, and without the line breaks that it folds and JSON does not.
_texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"], exclude_characters="\ufeff"))
_numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
_values = st.none() | st.booleans() | _numbers | _texts
_trees = st.recursive(_values, lambda inner: st.lists(inner) | st.dictionaries(_texts, inner), max_leaves=30)


@settings(deadline=None)
@given(_trees)
def test_json_is_read_as_what_it_says(tree: Plain) -> None:
    document, problems = read_document(json.dumps(tree, ensure_ascii=False).encode(), "f.json")
    assert problems == ()
    assert document.root is not None
    assert plain(document.root) == tree


@settings(deadline=None)
@given(st.binary() | st.text(alphabet=":-[]{}&*!|>'\"%@`#,? \n\ta1\x00\ufeff\u2028é<~").map(str.encode))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    document, problems = read_document(data, "f.yaml")
    for problem in problems:
        assert problem.span.line >= 1
        assert problem.span.column >= 1
        assert str(problem)
    if document.root is not None:
        plain(document.root)


def test_taking_something_out_leaves_the_rest_and_a_mark() -> None:
    root = table_of("a: {b: [1, 2, 3], c: {d: 4}}\ne: 5\nf: {g: 6}\n")
    left = without(root, frozenset({("a", "b", 0), ("a", "b", 2), ("e",)}))
    assert isinstance(left, Table)
    assert plain(left) == {"a": {"b": [2], "c": {"d": 4}}, "f": {"g": 6}}
    a, f = left.entries["a"].value, left.entries["f"].value
    assert isinstance(a, Table)
    assert isinstance(f, Table)
    assert (left.damaged, a.damaged, f.damaged) == (True, True, False)
    assert plain(root) == {"a": {"b": [1, 2, 3], "c": {"d": 4}}, "e": 5, "f": {"g": 6}}


def test_paths_read_like_code() -> None:
    assert path_text(("policy", "waivers", 0, "expires")) == "policy.waivers[0].expires"
    assert path_text(()) == ""


@pytest.mark.parametrize(
    "text",
    [
        "profiles:\n  lab:\n    auth: {secret: hunter2, secret: hunter2}\n",
        "profiles:\n  lab:\n    auth:\n      client_secret: !x hunter2\n",
        "profiles:\n  lab:\n    auth: {secret: {hunter2, hunter2}}\n",
        "profiles: {lab: {auth: {password: >\n  hunter2\n, kind: a, kind: b}}}\n",
        "profiles: {lab: {auth: {x: &s hunter2, secret: *s, x: 1}}}\n",
        "secret: hunter2\nsecret: [hunter2\n",
        "secret: *hunter2\n",
        "secret: %hunter2\n",
        "api_key: hunter2\x00\n",
    ],
)
def test_of_a_file_with_secrets_no_problem_repeats_one(text: str) -> None:
    _, problems = read_document(text.encode(), "f.yaml", secretive=True)
    assert len(problems) > 0
    for problem in problems:
        assert "hunter2" not in str(problem)
        assert "hunter2" not in repr(problem)


def test_what_is_no_secret_is_shown_even_there() -> None:
    _, [problem] = read_document(b"profiles: {lab: {cloud: a, cloud: b}}\n", "f.yaml", secretive=True)
    assert problem.source_line == "profiles: {lab: {cloud: a, cloud: b}}"

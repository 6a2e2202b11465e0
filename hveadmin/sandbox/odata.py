"""
OData as far as Graph's directory speaks it: $filter, $search, $orderby, $select. Pure: text in, decisions out.

`parse_filter` knows the grammar, `check_filter` what Graph allows of it for a type's properties, `matches` decides
about one object. Text is compared without regard to case, as the directory does [D]. What is not understood is an
`ODataError` with Graph's code and text; nothing is ever silently ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

MAX_CLAUSES = 15
"""Child clauses of one OR, and values of one `in` [F: a real error]."""

# Deeper nesting than anybody writes; it keeps the recursion of the parser away from Python's own limit.
_MAX_DEPTH = 50

Literal = str | bool | None
Entity = Mapping[str, Any]


class ODataError(Exception):
    """A query option that Graph refuses with 400."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def _bad_filter(why: str) -> ODataError:
    return ODataError("BadRequest", f"Invalid filter clause: {why}")


class Kind(Enum):
    """What a property holds, which decides what may be asked of it."""

    ID = "id"
    TEXT = "text"
    NAME = "name"
    TIME = "time"
    FLAG = "flag"
    LIST = "list"
    TEXTS = "texts"
    """A list of texts that may be searched."""
    COMPLEX = "complex"
    CONSTANT_FALSE = "false"
    """A flag that is never null."""


_OPERATORS: dict[Kind, frozenset[str]] = {
    # From the resource pages of servicePrincipal and application [D]; the filters of lists (tags/any) are not here.
    Kind.ID: frozenset({"eq", "ne", "in"}),
    Kind.TEXT: frozenset({"eq", "ne", "in", "startswith"}),
    Kind.NAME: frozenset({"eq", "ne", "in", "startswith", "ge", "le"}),
    Kind.TIME: frozenset({"eq", "ne", "in", "ge", "le"}),
    Kind.FLAG: frozenset({"eq", "ne", "in"}),
    Kind.CONSTANT_FALSE: frozenset({"eq", "ne", "in"}),
    Kind.LIST: frozenset(),
    Kind.TEXTS: frozenset({"any"}),
    Kind.COMPLEX: frozenset(),
}


# The tree


@dataclass(frozen=True, slots=True)
class Comparison:
    """`name op value`; op is eq, ne, ge, le, startswith, or any: one of several is the value."""

    name: str
    op: str
    value: Literal


@dataclass(frozen=True, slots=True)
class In:
    """`name in (values)`."""

    name: str
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`not term`."""

    term: Filter


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    terms: tuple[Filter, ...]


Filter = Comparison | In | Not | And | Or


# Reading

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<punctuation>[(),])|(?P<bare>[A-Za-z0-9_.:@/+\-]+))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def _tokens(source: str) -> Iterator[_Token]:
    position = 0
    end = len(source.rstrip())
    while position < end:
        match = _TOKEN.match(source, position)
        if match is None or match.lastgroup is None:
            raise _bad_filter(f"Syntax error at position {position} in '{source}'.")
        yield _Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))
        position = match.end()
    yield _Token("end", "", end)


class _Parser:
    """Recursive descent: or < and < not < comparison."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = list(_tokens(source))
        self.at = 0
        self.depth = 0

    def whole(self) -> Filter:
        result = self._or()
        if self._peek.kind != "end":
            raise self._unexpected()
        return result

    @property
    def _peek(self) -> _Token:
        return self.tokens[self.at]

    def _next(self) -> _Token:
        token = self._peek
        self.at += 1
        return token

    def _unexpected(self) -> ODataError:
        return _bad_filter(f"Syntax error at position {self._peek.position} in '{self.source}'.")

    def _accept(self, text: str) -> bool:
        """Step over a keyword or a punctuation mark if it is next."""
        if self._peek.kind in {"bare", "punctuation"} and self._peek.text.lower() == text:
            self.at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unexpected()

    def _or(self) -> Filter:
        terms = [self._and()]
        while self._accept("or"):
            terms.append(self._and())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _and(self) -> Filter:
        terms = [self._not()]
        while self._accept("and"):
            terms.append(self._not())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _not(self) -> Filter:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _bad_filter("The filter is nested too deeply.")
        try:
            if self._accept("not"):
                return Not(self._not())
            if self._accept("("):
                inside = self._or()
                self._expect(")")
                return inside
            return self._clause()
        finally:
            self.depth -= 1

    def _clause(self) -> Filter:
        name = self._next()
        if name.kind != "bare":
            self.at -= 1
            raise self._unexpected()
        if name.text.lower() == "startswith" and self._peek.text == "(":
            return self._startswith()
        if name.text.endswith("/any") and self._peek.text == "(":
            return self._any(name.text.removesuffix("/any"))
        if self._accept("in"):
            return In(name.text, self._values())
        for op in ("eq", "ne", "ge", "le", "gt", "lt"):
            if self._accept(op):
                return Comparison(name.text, op, self._literal())
        raise self._unexpected()

    def _startswith(self) -> Comparison:
        self._expect("(")
        name = self._next()
        self._expect(",")
        value = self._literal()
        if name.kind != "bare" or not isinstance(value, str):
            raise _bad_filter(f"The arguments of startswith are not a property and a text in '{self.source}'.")
        self._expect(")")
        return Comparison(name.text, "startswith", value)

    def _any(self, name: str) -> Comparison:
        """`any(x:x eq 'value')`: the only lambda that is understood."""
        self._expect("(")
        variable, _, use = self._next().text.partition(":")
        if not variable or variable != use:
            raise _bad_filter(f"The lambda expression in '{self.source}' is not supported.")
        self._expect("eq")
        value = self._literal()
        self._expect(")")
        return Comparison(name, "any", value)

    def _values(self) -> tuple[Literal, ...]:
        self._expect("(")
        values = [self._literal()]
        while self._accept(","):
            values.append(self._literal())
        self._expect(")")
        return tuple(values)

    def _literal(self) -> Literal:
        token = self._peek
        if token.kind == "text":
            self.at += 1
            return token.text[1:-1].replace("''", "'")
        if token.kind != "bare":
            raise self._unexpected()
        self.at += 1
        # Unquoted GUIDs and times are literals of their own in OData.
        words: dict[str, Literal] = {"null": None, "true": True, "false": False}
        return words.get(token.text.lower(), token.text)


def parse_filter(source: str) -> Filter:
    """The tree of a $filter. Raises ODataError."""
    return _Parser(source).whole()


# What Graph allows


def check_filter(tree: Filter, properties: Mapping[str, Kind], type_name: str, *, advanced: bool) -> None:
    """
    Raise ODataError for an unknown property, an operator that the property does not support, or too many clauses.

    `advanced` says that the request asked for advanced queries ($count=true and ConsistencyLevel: eventual), which
    `ne` and `not` need [D].
    """
    for leaf in _leaves(tree):
        kind = properties.get(leaf.name)
        if kind is None:
            raise _bad_filter(f"Could not find a property named '{leaf.name}' on type 'microsoft.graph.{type_name}'.")
        op = "in" if isinstance(leaf, In) else leaf.op
        if op not in _OPERATORS[kind]:
            raise ODataError(
                "Request_UnsupportedQuery",
                f"Unsupported or invalid query filter clause specified for property '{leaf.name}' of resource"
                f" '{type_name[:1].upper()}{type_name[1:]}'.",
            )
    if not advanced and (operator := _needs_advanced(tree)):
        raise ODataError(
            "Request_UnsupportedQuery",
            f"Operator '{operator}' is not supported because the required parameters might be missing. Try adding"
            " $count=true query parameter and ConsistencyLevel:eventual header. Refer to"
            " https://aka.ms/graph-docs/advanced-queries for more information",
        )
    most = _most_clauses(tree)
    if most > MAX_CLAUSES:
        raise ODataError(
            "Request_UnsupportedQuery",
            "Too many child clauses specified in search filter expression containing 'OR' operators:"
            f" {most}. Max allowed: {MAX_CLAUSES}.",
        )


def _leaves(tree: Filter) -> Iterator[Comparison | In]:
    match tree:
        case Comparison() | In():
            yield tree
        case Not(term):
            yield from _leaves(term)
        case And(terms) | Or(terms):
            for term in terms:
                yield from _leaves(term)


def _needs_advanced(tree: Filter) -> str:
    match tree:
        case Not():
            return "not"
        case And(terms) | Or(terms):
            return next((found for term in terms if (found := _needs_advanced(term))), "")
        case Comparison(op="ne"):
            return "ne"
        case _:
            return ""


def _most_clauses(tree: Filter) -> int:
    """The clauses of the largest OR in the tree; `in` is an OR of its values."""
    match tree:
        case Comparison():
            return 1
        case In(values=values):
            return len(values)
        case Not(term):
            return _most_clauses(term)
        case And(terms):
            return max(_most_clauses(term) for term in terms)
        case Or(terms):
            return sum(_most_clauses(term) for term in terms)


# Deciding


def matches(tree: Filter, entity: Entity) -> bool:
    """Whether the object is among what the filter asks for."""
    match tree:
        case Comparison(name, op, value):
            return _compare(entity.get(name), op, value)
        case In(name, values):
            return any(_compare(entity.get(name), "eq", value) for value in values)
        case Not(term):
            return not matches(term, entity)
        case And(terms):
            return all(matches(term, entity) for term in terms)
        case Or(terms):
            return any(matches(term, entity) for term in terms)


def _compare(have: object, op: str, want: Literal) -> bool:
    if op == "any":
        return isinstance(have, list) and any(_compare(each, "eq", want) for each in have)
    left = have.casefold() if isinstance(have, str) else have
    right = want.casefold() if isinstance(want, str) else want
    if op == "eq":
        return left == right
    if op == "ne":
        return left != right
    if not isinstance(left, str) or not isinstance(right, str):
        return False
    orders: dict[str, Callable[[str, str], bool]] = {
        "startswith": str.startswith,
        "ge": lambda a, b: a >= b,
        "le": lambda a, b: a <= b,
    }
    return orders[op](left, right)


def pinned(tree: Filter, names: Sequence[str]) -> list[tuple[str, str]] | None:
    """
    (property, value) pairs, one of which every match must equal; None where the filter does not pin its matches.

    With it an object is fetched by its key instead of read past by the thousand.
    """
    match tree:
        case Comparison(name, "eq", str(value)) if name in names:
            return [(name, value.lower())]
        case In(name, values) if name in names:
            return [(name, value.lower()) for value in values if isinstance(value, str)]
        case And(terms):
            return next((found for term in terms if (found := pinned(term, names)) is not None), None)
        case Or(terms):
            each = [pinned(term, names) for term in terms]
            return None if None in each else [pair for pairs in each if pairs is not None for pair in pairs]
        case _:
            return None


# The other options


def parse_select(source: str, properties: Mapping[str, Kind], type_name: str) -> tuple[str, ...]:
    """The names of a $select, in its order. Raises ODataError for an unknown property."""
    names = tuple(dict.fromkeys(name.strip() for name in source.split(",")))
    for name in names:
        if name not in properties:
            raise ODataError(
                "BadRequest",
                f"Parsing OData Select and Expand failed: Could not find a property named '{name}' on type"
                f" 'microsoft.graph.{type_name}'.",
            )
    return names


def parse_order(source: str) -> tuple[str, bool]:
    """The property of an $orderby and whether it is descending. Only displayName can be sorted by [D]."""
    name, _, direction = source.strip().partition(" ")
    direction = direction.strip().lower()
    if name != "displayName" or direction not in {"", "asc", "desc"}:
        raise ODataError("Request_UnsupportedQuery", "Sorting not supported for current query.")
    return name, direction == "desc"


_SEARCH_CLAUSE = re.compile(r'\s*"(?P<name>[A-Za-z]+):(?P<words>(?:[^"\\]|\\.)*)"\s*(?P<joint>AND|OR|$)')


@dataclass(frozen=True, slots=True)
class Search:
    """A $search: any of these groups, all clauses of the group."""

    groups: tuple[tuple[tuple[str, str], ...], ...]


def parse_search(source: str, properties: Mapping[str, Kind]) -> Search:
    """Read `"displayName:inv" AND "…"`; AND binds tighter than OR. Raises ODataError."""
    groups: list[list[tuple[str, str]]] = [[]]
    position = 0
    while True:
        match = _SEARCH_CLAUSE.match(source, position)
        if match is None:
            raise ODataError("BadRequest", f"Syntax error at position {position} in '{source}'.")
        if properties.get(match["name"]) is not Kind.NAME:
            raise ODataError("Request_UnsupportedQuery", f"Searching the property '{match['name']}' is not supported.")
        groups[-1].append((match["name"], re.sub(r"\\(.)", r"\1", match["words"])))
        position = match.end()
        if not match["joint"]:
            return Search(tuple(tuple(group) for group in groups))
        if match["joint"] == "OR":
            groups.append([])


def found_by(search: Search, entity: Entity) -> bool:
    """Whether the search finds the object: every word of a clause begins a word of the property [D: tokens]."""
    return any(all(_has_words(str(entity.get(name) or ""), words) for name, words in group) for group in search.groups)


def _has_words(text: str, words: str) -> bool:
    there = re.findall(r"\w+", text.casefold())
    return all(any(word.startswith(wanted) for word in there) for wanted in re.findall(r"\w+", words.casefold()))

"""
A tree held against the models: every mismatch at its place, and what is left when the mismatches are taken out.

What is left matters: it can be checked further, so that one run finds a misspelt key *and* a list that is too long.
"""

from __future__ import annotations

import types
from dataclasses import dataclass, replace
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hveadmin.config.nodes import Document, Node, Path, Scalar, Sequence, Table, path_text, plain, without
from hveadmin.config.problems import Problem, guess, shortened

M = TypeVar("M", bound=BaseModel)

MOST_GUESSES = 100
"""After so many, "did you mean" is left out: guessing takes time, and a file with that many mistakes has another."""

# Whoever writes `mode: restricted` must not be asked whether they meant the opposite.
_NEVER_GUESSED = frozenset({"unrestricted"})
_TOLD_TO_BE_SAID = frozenset({"owner", "reason"})
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}


@dataclass(frozen=True, slots=True)
class Fitted(Generic[M]):
    """The model of what fits, the tree it was made from, and everything that does not fit."""

    model: M | None
    """None where not even the outermost mapping is one."""
    document: Document
    problems: tuple[Problem, ...]


def fit(document: Document, model: type[M]) -> Fitted[M]:
    """Hold a document against a model."""
    problems: list[Problem] = []
    left = document
    while left.root is not None:
        try:
            return Fitted(model.model_validate(plain(left.root)), left, tuple(problems))
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
        # What is found later is only a consequence of what was taken out.
        if left is document:
            problems = [_problem(document, model, each, number) for number, each in enumerate(found)]
        gone = frozenset(_existing(left.root, each["loc"]) for each in found)
        left = replace(left, root=None if () in gone else without(left.root, gone))
    return Fitted(None, left, tuple(problems))


def _problem(document: Document, model: type[BaseModel], error: ErrorDetails, number: int) -> Problem:
    assert document.root is not None  # noqa: S101 — only a document with a root is held against a model
    loc, kind = error["loc"], error["type"]
    path = _existing(document.root, loc)
    at = _place(document.root, path, of_key=kind in {"extra_forbidden", "missing"} or "[key]" in loc)
    if document.hides(at):
        return _hidden_problem(document, path, at, error)
    value = _place(document.root, path, of_key=False)
    known: list[str] = []
    word = str(value.value) if isinstance(value, Scalar) else ""
    match kind:
        case "extra_forbidden":
            known, word = known_keys(model, path[:-1]), str(path[-1])
            message = "unknown key"
        case "literal_error":
            known = _choices(str(error["ctx"]["expected"]))
            one_of = f"one of {', '.join(known)}" if len(known) > 1 else known[0]
            message = f"{_said(value)} is not {one_of}"
        case _ if kind in _EXPECTED:
            message = f"{_EXPECTED[kind]} is expected here, not {_described(value)}"
        case _:
            message = _message(error)
    meant = guess(word, [each for each in known if each not in _NEVER_GUESSED]) if number < MOST_GUESSES else ""
    if kind == "extra_forbidden" and not meant:
        message += f"; known here: {', '.join(known)}"
    return document.problem(_code(kind, loc), at.line, at.column, path_text(path), message, meant)


def _hidden_problem(document: Document, path: Path, at: Node, error: ErrorDetails) -> Problem:
    """What can be said without saying what stands there, which may be a secret, also where a key should be."""
    assert document.root is not None  # noqa: S101 — as above
    visible = next(
        (
            path[:length]
            for length in range(len(path), 0, -1)
            if not document.hides(_place(document.root, path[:length], of_key=True))
        ),
        (),
    )
    match error["type"]:
        case "extra_forbidden":
            message = "unknown key"
        case "literal_error":
            message = f"one of {error['ctx']['expected']} is expected here"
        case kind if kind in _EXPECTED:
            message = f"{_EXPECTED[kind]} is expected here"
        case _:
            message = _message(error)
    return document.problem(_code(error["type"], error["loc"]), at.line, at.column, path_text(visible), message)


def _message(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return f"{error['loc'][-1]} is missing"
    message = error["msg"].replace("Input should be", "the value must be")
    return message[:1].lower() + message[1:]


def _code(kind: str, loc: tuple[int | str, ...]) -> str:
    if kind == "missing" and loc[-1] in _TOLD_TO_BE_SAID:
        return "010"
    return kind if kind.isdigit() else "003"


def _existing(root: Node, loc: tuple[int | str, ...]) -> Path:
    """As much of an error's location as there is in the tree."""
    path: list[str | int] = []
    node = root
    for step in loc:
        if isinstance(node, Table) and str(step) in node.entries:
            node = node.entries[str(step)].value
            path.append(str(step))
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            path.append(step)
        else:
            break
    return tuple(path)


def _place(root: Node, path: Path, *, of_key: bool) -> Node:
    """The node at a path, or the key it stands under."""
    node: Node = root
    key: Node = root
    for step in path:
        if isinstance(node, Table):
            entry = node.entries[str(step)]
            key, node = entry.key, entry.value
        elif isinstance(node, Sequence) and isinstance(step, int):
            key = node = node.items[step]
    return key if of_key else node


def _described(node: Node) -> str:
    match node:
        case Table():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=str(text)):
            return f"the text {shortened(text)!r}"
        case Scalar(value=bool(truth)):
            return f"{str(truth).lower()}; quotes would make it text"
        case Scalar():
            return f"the number {shortened(str(node.value))}; quotes would make it text"


def _said(node: Node) -> str:
    match node:
        case Scalar(value=str(text)):
            return repr(shortened(text))
        case Scalar(value=bool(truth)):
            return str(truth).lower()
        case Scalar(value=int(number) | float(number)):
            return shortened(str(number))
        case _:
            return _described(node)


def _choices(expected: str) -> list[str]:
    """pydantic says `'fail', 'report' or 'ignore'`."""
    return [each.strip().strip("'") for each in expected.replace(" or ", ",").split(",")]


def known_keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys a model knows at a path, as they are written; empty where any key may stand."""
    here: Any = model
    for step in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = next((f.annotation for name, f in here.model_fields.items() if (f.alias or name) == step), None)
        else:
            here = get_args(here)[-1] if get_args(here) else None
        here = _bare(here)
    if isinstance(here, type) and issubclass(here, BaseModel):
        return [field.alias or name for name, field in here.model_fields.items()]
    return []


def _bare(annotation: Any) -> Any:
    """A type without `Annotated` and without `| None`."""
    while get_origin(annotation) in (Annotated, Union, types.UnionType):
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    return annotation

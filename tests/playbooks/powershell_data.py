"""What a PowerShell data file (.psd1, .pssc, .psrc) says, read from a grammar's tree: nothing is run."""

from __future__ import annotations

from collections.abc import Iterator

from powershell_grammars import nodes, parsed, text_of
from tree_sitter import Node

Value = str | bool | list["Value"] | dict[str, "Value"]

GRAMMAR = "tree-sitter-powershell"
_CONSTANTS = {"$true": True, "$false": False}


def data(text: str) -> dict[str, Value]:
    """The table that a data file is. Fails on whatever is more than a constant."""
    (statement,) = _inside(_only(parsed(GRAMMAR, text)))
    found = _value(statement)
    assert isinstance(found, dict)
    return found


def functions(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """The functions of a script: name, parameters, and the commands that are called, with their arguments."""
    for function in nodes(parsed(GRAMMAR, text), "function_statement"):
        (name,) = nodes(function, "function_name")
        parameters = [text_of(each.children[-1]).lstrip("$") for each in nodes(function, "script_parameter")]
        yield text_of(name), parameters, [text_of(each) for each in nodes(function, "command")]


def _value(node: Node) -> Value:
    match node.type:
        case "hash_literal_expression":
            return dict(_entry(each) for body in _inside(node) for each in _inside(body))
        case "array_expression":
            return [_value(statement) for statements in _inside(node) for statement in _inside(statements)]
        case "array_literal_expression" if len(_inside(node)) > 1:
            return [_value(each) for each in _inside(node)]
        case "string_literal":
            return _literal(text_of(node))
        case "variable":
            return _CONSTANTS[text_of(node)]
        case _:
            return _value(_only(node))


def _entry(entry: Node) -> tuple[str, Value]:
    key, value = _inside(entry)
    name = text_of(key)
    return (_literal(name) if name.startswith("'") else name), _value(value)


def _literal(text: str) -> str:
    assert text[0] == text[-1] == "'", f"{text} is no constant"
    return text[1:-1].replace("''", "'")


def _only(node: Node) -> Node:
    (child,) = _inside(node)
    return child


def _inside(node: Node) -> list[Node]:
    return [each for each in node.named_children if each.type != "comment"]

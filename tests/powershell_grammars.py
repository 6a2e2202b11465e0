"""Two independent grammars of PowerShell, to ask whether text that we print is what we mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tree_sitter_powershell
import tree_sitter_pwsh
from tree_sitter import Language, Node, Parser

GRAMMARS: dict[str, Any] = {"tree-sitter-powershell": tree_sitter_powershell, "tree-sitter-pwsh": tree_sitter_pwsh}


def parsed(grammar: str, text: str) -> Node:
    """The root of a text's tree."""
    return Parser(Language(GRAMMARS[grammar].language())).parse(text.encode()).root_node


def nodes(root: Node, kind: str) -> Iterator[Node]:
    """Every node of a kind, in the order of the text."""
    if root.type == kind:
        yield root
    for child in root.children:
        yield from nodes(child, kind)


def text_of(node: Node) -> str:
    """What stands there."""
    return (node.text or b"").decode()

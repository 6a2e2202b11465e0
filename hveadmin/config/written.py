"""
Which keys of a profile somebody wrote, and where: the keys alone, never a value.

A profile as a value has defaults in the places that its author left out, and cannot tell them apart any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hveadmin.config.nodes import MAX_BYTES, Document, Node, Table, read_document
from hveadmin.config.profiles import profiles_path
from hveadmin.domain.desired import SourceSpan


def written_keys(environ: Mapping[str, str], profile: str) -> Mapping[str, SourceSpan]:
    """
    The keys below `profiles.NAME` with dots between them (`auth.client_id`), and where each stands.

    Empty where there is no such profile or no file; what is wrong with the file is said by `load_profiles`.
    """
    path = profiles_path(environ)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        return {}
    document, _ = read_document(data, str(path), family="PRF", secretive=True)
    node = _below(_below(document.root, "profiles"), profile)
    return dict(_keys(document, node, "")) if isinstance(node, Table) else {}


def _below(node: Node | None, key: str) -> Node | None:
    return node.entries[key].value if isinstance(node, Table) and key in node.entries else None


def _keys(document: Document, table: Table, prefix: str) -> Iterator[tuple[str, SourceSpan]]:
    for key, entry in table.entries.items():
        yield f"{prefix}{key}", document.span(entry.key)
        if isinstance(entry.value, Table):
            yield from _keys(document, entry.value, f"{prefix}{key}.")

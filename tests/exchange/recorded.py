"""
Error bodies in `bodies/`, as they were recorded on live tenants by others: verbatim, but for what was shortened there.

`localised`, `not_in_role`, `already_a_member` and `transient` are put together from recorded parts.
"""

from __future__ import annotations

from pathlib import Path


def body(name: str) -> str:
    """The body in the file of that name."""
    return (Path(__file__).parent / "bodies" / name).read_text().rstrip("\n")

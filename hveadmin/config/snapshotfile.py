"""
Snapshots: all that was read of some tenants at one time, as canonical JSON with its own sha256 in it.

Whoever has the file can plan, check, compare and report without signing in anywhere. What could not be read is
written down as that: a list is `known` or `unknown`, a part is `read` or `unreadable`, a tenant that nobody could read
stands there with the reason. A snapshot is evidence, so one that was edited is refused: its sha256 is over all else in
it (tamper-evident, not tamper-proof: whoever edits it can compute another one; file the hash elsewhere to know).

No token and no secret is in it, nor the first characters of one that a directory shows (`hint`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hveadmin.config import snapshot_shape as shape
from hveadmin.config.canonical import FileKind, canonical, instant, mismatch, not_as_written, read_content, write_whole
from hveadmin.domain.facts import TenantFacts
from hveadmin.domain.ids import TenantId
from hveadmin.errors import Refused, UsageError

FORMAT_VERSION = 1
KIND = "hveadmin.snapshot"

_KIND = FileKind(
    kind=KIND,
    noun="snapshot",
    format_version=FORMAT_VERSION,
    made_by="`hveadmin snapshot -o FILE` takes one",
    if_edited="a snapshot is evidence as it was taken; take it again with `hveadmin snapshot -o FILE`",
    not_done="it was not used",
)


@dataclass(frozen=True, slots=True)
class TenantSnapshotEntry:
    """One tenant of a snapshot: what was read of it, or why nothing was."""

    alias: str
    """What the tenant was called: the configuration's alias, else its domain or id."""
    facts: TenantFacts | None
    why_unread: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A snapshot and where it comes from."""

    taken_at: datetime
    """With its time zone: when the last tenant had been read."""
    tool_version: str
    tenants: tuple[TenantSnapshotEntry, ...]
    sha256: str = ""
    """Over everything else in the file, in hexadecimal; empty before it is written."""

    def of(self, alias: str, tenant_id: TenantId | None, domain: str = "") -> TenantSnapshotEntry:
        """
        The tenant of this id; where no id is known, of this domain; where a domain is not known either, of this alias.

        Raises Refused where the snapshot is of other tenants.
        """
        for each in self.tenants:
            if _is_meant(each, alias, tenant_id, domain):
                return each
        named = ", ".join(self._name(each) for each in self.tenants) or "no tenant"
        wanted = f"{alias} ({tenant_id or domain})" if tenant_id is not None or domain else alias
        raise Refused(
            f"the snapshot is of {named}, not of {wanted}",
            hint="name the snapshot of this tenant, or choose another tenant with -t",
        )

    def _name(self, entry: TenantSnapshotEntry) -> str:
        return f"{entry.alias} ({entry.facts.tenant_id})" if entry.facts is not None else f"{entry.alias} (not read)"


def _is_meant(entry: TenantSnapshotEntry, alias: str, tenant_id: TenantId | None, domain: str) -> bool:
    """An alias is one file's word for a tenant: it never speaks against an id or a domain."""
    facts = entry.facts
    if facts is not None and tenant_id is not None:
        return facts.tenant_id == tenant_id
    if facts is not None and domain and facts.domain:
        return facts.domain.casefold() == domain.casefold()
    return entry.alias == alias


def dumps(snapshot: SnapshotFile) -> bytes:
    """The bytes of a snapshot, its sha256 included."""
    document = _document(snapshot)
    document["sha256"] = hashlib.sha256(canonical(document)).hexdigest()
    return canonical(document)


def write(path: Path, snapshot: SnapshotFile) -> str:
    """
    Write a snapshot, readable by its owner only, and return the sha256 that stands in it.

    Raises UsageError where the place cannot be written.
    """
    data = dumps(snapshot)
    try:
        write_whole(path, data)
    except OSError as error:
        raise UsageError(f"the snapshot cannot be saved to {path}: {error.strerror}") from error
    return sha256_of(data)


def sha256_of(data: bytes) -> str:
    """The sha256 that stands in a snapshot's bytes."""
    import json

    return str(json.loads(data)["sha256"])


def read(path: Path) -> SnapshotFile:
    """
    The snapshot in a file.

    Raises UsageError for what is no snapshot of this format version, and Refused, with every objection, for one that
    is not as it was written.
    """
    content, data = read_content(path, _KIND)
    try:
        document = shape.SnapshotDocument.model_validate(content)
    except ValidationError as error:
        found = [mismatch(each) for each in error.errors(include_url=False, include_input=False)]
        raise not_as_written(path, _KIND, found) from None
    without = {key: value for key, value in content.items() if key != "sha256"}
    if hashlib.sha256(canonical(without)).hexdigest() != document.sha256:
        raise not_as_written(path, _KIND, ["its sha256 is not that of what is in it: it was edited by hand"])
    snapshot = SnapshotFile(
        taken_at=datetime.fromisoformat(document.taken_at),
        tool_version=document.tool.version,
        tenants=tuple(_entry(each) for each in document.tenants),
        sha256=document.sha256,
    )
    objections = list(_twice(snapshot.tenants))
    if not objections and dumps(snapshot) != data:
        objections = ["its bytes are not those hveadmin wrote: it was edited by hand, or reformatted"]
    if objections:
        raise not_as_written(path, _KIND, objections)
    return snapshot


def _twice(tenants: Iterable[TenantSnapshotEntry]) -> Iterable[str]:
    seen: set[str] = set()
    for each in tenants:
        if each.alias in seen:
            yield f"the tenant {each.alias} is in it twice"
        seen.add(each.alias)


def _document(snapshot: SnapshotFile) -> dict[str, Any]:
    return {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "taken_at": instant(snapshot.taken_at),
        "tool": {"name": "hveadmin", "version": snapshot.tool_version},
        "tenants": [_tenant(each) for each in snapshot.tenants],
    }


def _tenant(entry: TenantSnapshotEntry) -> Mapping[str, Any]:
    if entry.facts is None:
        return {"state": "unread", "tenant": entry.alias, "why": entry.why_unread}
    return {"tenant": entry.alias, **shape.facts_to_json(entry.facts)}


def _entry(part: shape.ReadTenantPart | shape.UnreadTenantPart) -> TenantSnapshotEntry:
    if isinstance(part, shape.UnreadTenantPart):
        return TenantSnapshotEntry(part.tenant, None, part.why)
    return TenantSnapshotEntry(part.tenant, shape.facts_from(part))

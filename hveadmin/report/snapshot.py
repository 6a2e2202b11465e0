"""What every report on a tenant as it was read has in common."""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.ids import Guid
from hveadmin.domain.tenant import Identity, Readable, TenantSnapshot, Unreadable
from hveadmin.report.document import Item, Row, Span
from hveadmin.report.style import Tone
from hveadmin.report.words import clock, timestamp


def heading(tenant: str, snapshot: TenantSnapshot) -> Row:
    """Which tenant, and when it was read."""
    return Row((Span(tenant, Tone.STRONG), snapshot.tenant_id.value, f"read {clock(snapshot.read_at)}"))


def unchecked(snapshot: TenantSnapshot) -> Iterator[Row]:
    """A warning where the directory could not be read."""
    if isinstance(snapshot.directory, Unreadable):
        said = f"Warning: ids are not checked, the directory could not be read: {snapshot.directory.why}"
        yield Row((Span(said, Tone.WARNING),))


def identity_of(guid: Guid, snapshot: TenantSnapshot) -> Identity | None:
    """What the directory says of an id; None where it could not be read or was not asked."""
    return snapshot.directory.identity(guid) if isinstance(snapshot.directory, Readable) else None


def whose(tenant: str, snapshot: TenantSnapshot) -> dict[str, object]:
    """What every item of the machine form begins with."""
    return {"tenant": tenant, "tenant_id": snapshot.tenant_id.value}


def tenant_data(tenant: str, snapshot: TenantSnapshot) -> Item:
    """The tenant in the machine form. A directory that could not be read is not one in which nothing was found."""
    directory = {"state": "readable"}
    if isinstance(snapshot.directory, Unreadable):
        directory = {"state": "unreadable", "why": snapshot.directory.why}
    return {**whose(tenant, snapshot), "read_at": timestamp(snapshot.read_at), "directory": directory}

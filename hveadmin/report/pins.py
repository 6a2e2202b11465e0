"""What `app pin` found: each application of each tenant, and in words what is not as it was pinned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hveadmin.domain.ids import TenantId
from hveadmin.domain.pins import Difference, Pin, PinChanges, PinLine, PinState, in_words
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table, together, unread_tenant
from hveadmin.report.style import Tone
from hveadmin.report.words import quoted

KIND = "pins"
COLUMNS = (
    "tenant",
    "application",
    "state",
    "object_id",
    "client_id",
    "display_name",
    "publisher",
    "owner_tenant",
    "resolved_at",
    "differences",
)

_TONES = {
    PinState.NEW: Tone.ADDED,
    PinState.CHANGED: Tone.WARNING,
    PinState.REMOVED: Tone.REMOVED,
    PinState.UNCHANGED: Tone.PLAIN,
    PinState.KEPT: Tone.WARNING,
    PinState.NOT_PINNED: Tone.WARNING,
}


def pins_report(changes: PinChanges) -> Report:
    """One tenant's pins, before and after."""
    pins = changes.after
    section = Section(
        table=Table(COLUMNS, tuple(_table_row(pins.alias, line) for line in changes.lines)),
        heading=(Row((Span(pins.alias, Tone.STRONG), pins.tenant_id.value)),),
        text=tuple(_text(changes)),
        closing=(Row((_summary(changes),)),),
        told=("tenant",),
    )
    whose = {"tenant": pins.alias, "tenant_id": pins.tenant_id.value}
    moved_from = None if changes.moved_from is None else changes.moved_from.value
    lists: dict[str, list[Item]] = {
        "tenants": [{**whose, "moved_from": moved_from, "differs": changes.differs}],
        "applications": [{**whose, **_line_data(line)} for line in changes.lines],
        "lock_files": [],
        "unread_tenants": [],
    }
    return Report(KIND, lists, (section,))


def unread(tenant: str, why: str) -> Report:
    """A tenant that could not be read; its pins are what they were."""
    return unread_tenant(KIND, COLUMNS, tenant, why)


@dataclass(frozen=True, slots=True)
class LockFileState:
    """What became of the lock file."""

    file: str
    sha256: str
    """Of its bytes now; empty where there is none."""
    differs: bool
    """Whether what was found is something else than what it held."""
    written: bool


def finished(reports: Sequence[Report], state: LockFileState) -> Report:
    """The tenants' reports as one, and at its end what became of the lock file. There is at least one."""
    whole = together(reports)
    item: Item = {
        "file": state.file,
        "sha256": state.sha256 or None,
        "differs": state.differs,
        "written": state.written,
    }
    *before, last = whole.sections
    last = replace(last, closing=(*last.closing, Row(_lock_words(state))))
    return replace(whole, lists={**whole.lists, "lock_files": [item]}, sections=(*before, last))


def _lock_words(state: LockFileState) -> tuple[Cell, ...]:
    if state.written:
        return (f"Wrote {state.file}", f"sha256 {state.sha256}", "to be committed")
    if state.differs:
        return (Span(f"{state.file} is not up to date; hveadmin app pin writes it", Tone.WARNING),)
    return (f"{state.file} is up to date", f"sha256 {state.sha256}")


def _text(changes: PinChanges) -> Iterator[Row]:
    if changes.moved_from is not None:
        said = f"the pins were made for another tenant: {changes.moved_from}"
        yield Row((Span(said, Tone.LOUD),), indent=2)
    for line in changes.lines:
        what = Span(line.state.value, Tone.LOUD if line.is_another else _TONES[line.state])
        object_id = line.pin.object_id.value if line.pin is not None else ""
        said = _words(line, changes.after.tenant_id)
        yield Row((what, Span(line.name, Tone.STRONG), object_id, said), "application", 2)


def _words(line: PinLine, here: TenantId) -> str:
    match line.state:
        case PinState.CHANGED:
            return in_words(line.differences)
        case PinState.NEW if line.pin is not None:
            return _described(line.pin, here)
        case PinState.REMOVED:
            return "no longer used in this tenant"
        case PinState.KEPT:
            return f"{line.note}; the pin is kept, to take it off lists"
        case PinState.NOT_PINNED:
            return f"{line.note}; nothing to pin"
        case _:
            return f"since {line.pin.resolved_at}" if line.pin is not None else ""


def _described(pin: Pin, here: TenantId) -> str:
    publisher = f"publisher {quoted(pin.publisher)}" if pin.publisher else "no verified publisher"
    owner = "no owner tenant" if pin.owner_tenant is None else f"owner tenant {pin.owner_tenant}"
    return f"{quoted(pin.display_name)}, {publisher}, {'registered here' if pin.owner_tenant == here else owner}"


def _summary(changes: PinChanges) -> str:
    counted = Counter(line.state for line in changes.lines)
    always = (PinState.NEW, PinState.CHANGED, PinState.REMOVED, PinState.UNCHANGED)
    shown = (state for state in PinState if counted[state] or state in always)
    return f"{', '.join(f'{counted[state]} {state.value}' for state in shown)}."


def _table_row(tenant: str, line: PinLine) -> tuple[Cell, ...]:
    state = Span(line.state.value, _TONES[line.state])
    said = in_words(line.differences) or line.note
    pin = line.pin
    if pin is None:
        return (tenant, line.name, state, "", "", "", "", "", "", said)
    owner = pin.owner_tenant.value if pin.owner_tenant is not None else ""
    ids = (pin.object_id.value, pin.client_id.value)
    return (
        tenant,
        line.name,
        state,
        *ids,
        pin.display_name,
        pin.publisher,
        owner,
        pin.resolved_at.isoformat(),
        said,
    )


def _line_data(line: PinLine) -> Item:
    return {
        "name": line.name,
        "state": line.state.name.lower(),
        "another_service_principal": line.is_another,
        "pin": None if line.pin is None else _pin_data(line.pin),
        "differences": [_difference_data(each) for each in line.differences],
        "note": line.note or None,
    }


def _pin_data(pin: Pin) -> Item:
    return {
        "object_id": pin.object_id.value,
        "client_id": pin.client_id.value,
        "display_name": pin.display_name,
        "publisher": pin.publisher or None,
        "owner_tenant": None if pin.owner_tenant is None else pin.owner_tenant.value,
        "resolved_at": pin.resolved_at.isoformat(),
    }


def _difference_data(difference: Difference) -> Item:
    return {
        "what": difference.what.replace(" ", "_"),
        "before": difference.before or None,
        "after": difference.after or None,
    }

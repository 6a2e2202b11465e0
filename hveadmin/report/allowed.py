"""An account's list in words and in the machine form: known, open or unknown, and never one for another."""

from __future__ import annotations

from collections.abc import Iterable

from hveadmin.domain.ids import ObjectId
from hveadmin.domain.tenant import CEILING, AllowedApps, Known, Unknown
from hveadmin.report.document import Span
from hveadmin.report.style import Tone


def used(allowed: AllowedApps) -> str:
    """`3 of 10`, or UNKNOWN."""
    match allowed:
        case Known(apps):
            return f"{len(apps)} of {CEILING}"
        case Unknown():
            return "UNKNOWN"


def state(allowed: AllowedApps) -> Span:
    """Who may send, in words."""
    match allowed:
        case Known() if allowed.is_open:
            return Span("OPEN: any application may send", Tone.LOUD)
        case Known():
            return Span("restricted")
        case Unknown(why):
            return Span(f"UNKNOWN: {why}", Tone.WARNING)


def is_open(allowed: AllowedApps) -> bool | None:
    """Whether every application may send; None where that is not known."""
    return allowed.is_open if isinstance(allowed, Known) else None


def allowed_data(allowed: AllowedApps) -> dict[str, object]:
    """`{"state": "known", "apps": […]}` or `{"state": "unknown", "why": …}`; an unknown list has no `apps`."""
    match allowed:
        case Known(apps):
            return {"state": "known", "apps": ids(apps)}
        case Unknown(why):
            return {"state": "unknown", "why": why}


def ids(apps: Iterable[ObjectId]) -> list[str]:
    """Full ids, in order."""
    return sorted(app.value for app in apps)

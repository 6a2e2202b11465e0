"""What a tenant's applications are is asked of the directory, once, and a failed answer is no answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import TENANT, TODAY, app, client, entry, grant, principal, service_principals, span, tenant
from memory_tenant import MemoryTenant

from hveadmin.domain.desired import ByClientId, ByName, Mode, Selector, TenantEntry
from hveadmin.domain.pins import PinChanges, Pins, PinState
from hveadmin.domain.resolve import Unresolved
from hveadmin.domain.tenant import DirectoryView, Readable, Unreadable
from hveadmin.errors import Incomplete, Outcome
from hveadmin.workflows.pin import pin_tenant, used


def pin(configured: TenantEntry, directory: DirectoryView | None = None, before: Pins | None = None) -> PinChanges:
    live = MemoryTenant([], directory or service_principals(*range(9)))
    return pin_tenant(live, configured, TENANT, before, today=TODAY)


def states(changes: PinChanges) -> dict[str, PinState]:
    return {line.name: line.state for line in changes.lines}


EVERYWHERE = tenant(
    {"x": entry(Mode.ENFORCE, grant(1), grant(2)), "y": entry(Mode.OBSERVE, grant(3))},
    [Selector("*", entry(Mode.ADDITIVE, grant(1), grant(4, ByClientId(client(4)))))],
)


def test_every_application_of_entries_and_selectors_is_pinned_once() -> None:
    changes = pin(EVERYWHERE)
    assert states(changes) == {f"app-{n}": PinState.NEW for n in (1, 2, 3, 4)}
    assert [each.object_id for each in changes.after.apps.values()] == [app(1), app(2), app(3), app(4)]
    assert {each.resolved_at for each in changes.after.apps.values()} == {TODAY}
    assert changes.after.tenant_id == TENANT
    assert [each.name for each in used(EVERYWHERE)] == ["app-1", "app-2", "app-3", "app-4"]


def test_a_directory_that_cannot_be_read_pins_nothing() -> None:
    with pytest.raises(Incomplete, match="the pins stay as they are: throttled") as failed:
        pin(EVERYWHERE, Unreadable("throttled"))
    assert failed.value.outcome is Outcome.INCOMPLETE


def test_everything_that_is_unknown_or_ambiguous_is_named_at_once() -> None:
    configured = tenant(
        {"x": entry(Mode.ENFORCE, grant(1), grant(2, ByName("Two")), grant(3, ByName("None")), grant(4))}
    )
    directory = Readable(service_principals(1).identities, {"Two": (principal(1), principal(2)), "None": ()})
    with pytest.raises(Unresolved) as refused:
        pin(configured, directory)
    assert refused.value.message == "contoso: 3 applications cannot be pinned"
    assert [each.split(" (")[0] for each in refused.value.reasons] == [f"hve.yaml:{n}: app-{n}" for n in (2, 3, 4)]


def test_what_is_only_there_to_be_taken_off_may_be_gone_and_its_pin_stays() -> None:
    ended = grant(1, expires=TODAY - timedelta(days=1))
    configured = tenant(
        {
            "x": entry(Mode.ENFORCE, ended, grant(5)),
            "y": entry(Mode.ABSENT, grant(2)),
            "z": entry(Mode.OBSERVE, grant(3)),
        }
    )
    before = pin(configured).after
    before = replace(before, apps={name: each for name, each in before.apps.items() if name != "app-3"})
    changes = pin(configured, service_principals(5), before)
    assert states(changes) == {
        "app-1": PinState.KEPT,
        "app-2": PinState.KEPT,
        "app-3": PinState.NOT_PINNED,
        "app-5": PinState.UNCHANGED,
    }
    assert changes.after == before
    assert not changes.differs


def test_what_one_list_still_wants_must_be_there() -> None:
    configured = tenant({"x": entry(Mode.ABSENT, grant(1)), "y": entry(Mode.ADDITIVE, grant(1, expires=TODAY))})
    with pytest.raises(Unresolved):
        pin(configured, service_principals(2))


def test_a_tenant_without_entries_has_no_pins() -> None:
    changes = pin(TenantEntry("contoso", span(1), {}))
    assert (changes.lines, changes.differs) == ((), False)

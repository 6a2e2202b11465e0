"""A pin holds still; what the directory says otherwise is told, and followed only on somebody's word."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from builders import TENANT, TODAY, address, app, apps, client, entry, grant, principal, service_principals, tenant
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.domain.desired import AppRef, ByClientId, ByName, ByObjectId, Mode
from hveadmin.domain.ids import Guid, ObjectId, TenantId
from hveadmin.domain.pins import Pin, Pins, PinState, all_removed, compare
from hveadmin.domain.resolve import Declaration, ResolvedTenant, Unresolved, references, resolve
from hveadmin.domain.tenant import DirectoryView, Identity, IdKind, Readable, ServicePrincipal, Unreadable
from hveadmin.errors import Refused

PINNED = date(2026, 11, 2)
OTHER_TENANT = TenantId("99999999-0000-4000-8000-000000000000")
UNREADABLE = Unreadable("no permission")
ID, CLIENT, NAME = ByObjectId(app(1), "contoso"), ByClientId(client(1)), ByName("App 1")
REFS = (ID, CLIENT, NAME)


def pin(number: int = 1, **facts: Any) -> Pin:
    return replace(Pin.of("app-1", principal(number), PINNED), **facts)


def pins(*some: Pin) -> Pins:
    return Pins("contoso", TENANT, {each.name: each for each in some})


def says(*principals: ServicePrincipal) -> Readable:
    """A directory that has these and, of what `app-1` was pinned as, nothing else."""
    found = {Guid(n.value): Identity(Guid(n.value), IdKind.NOT_FOUND) for n in (app(1), client(1))}
    for each in principals:
        for guid, kind in ((each.object_id, IdKind.SERVICE_PRINCIPAL), (each.client_id, IdKind.CLIENT_ID)):
            found[Guid(guid.value)] = Identity(Guid(guid.value), kind, each.display_name, each, each.client_id)
    bearing = tuple(each for each in principals if each.display_name == "App 1")
    return Readable(found, {"App 1": bearing})


def resolved(ref: AppRef, directory: DirectoryView, some: Pins | None, mode: Mode = Mode.ENFORCE) -> ResolvedTenant:
    configured = tenant({"x": entry(mode, grant(1, ref))})
    return resolve(configured, [address("x")], directory, today=TODAY, pins=some)


def declared(found: ResolvedTenant) -> Declaration:
    return found.declarations[address("x")]


def problem(ref: AppRef, directory: DirectoryView, some: Pins | None) -> str:
    with pytest.raises(Unresolved) as refused:
        resolved(ref, directory, some)
    (reason,) = refused.value.reasons
    return reason


# What is different


@pytest.mark.parametrize(
    ("now", "words", "is_another"),
    [
        ({"object_id": app(9)}, f"object id {app(1)} → {app(9)}", True),
        ({"client_id": client(9)}, f"client id {client(1)} → {client(9)}", True),
        ({"display_name": "Zwei"}, 'display name "App 1" → "Zwei"', False),
        ({"display_name": ""}, 'display name "App 1" → none', False),
        ({"publisher": "Fabrikam"}, 'publisher none → "Fabrikam"', False),
        ({"owner_tenant": OTHER_TENANT}, f"owner tenant none → {OTHER_TENANT}", False),
    ],
)
def test_each_fact_that_changed_is_said_with_old_and_new(now: dict[str, Any], words: str, is_another: bool) -> None:
    (difference,) = pin().differences(principal(1, **now))
    assert str(difference) == words
    assert difference.is_another is is_another


def test_what_is_not_pinned_makes_no_difference() -> None:
    assert pin().differences(principal(1, enabled=False, disabled_by_microsoft="DisabledDueTo")) == ()


def test_half_a_surrogate_pair_can_be_kept_in_a_file_and_does_not_differ_for_ever() -> None:
    strange = principal(1, display_name="half \ud800", publisher="\udfff")
    kept = Pin.of("app-1", strange, TODAY)
    assert (kept.display_name.encode(), kept.publisher.encode()) == (b"half ?", b"?")
    assert kept.differences(strange) == ()


# Old pins and new


def test_what_app_pin_finds_has_one_state_for_each_application() -> None:
    before = pins(pin(1), pin(2, name="renamed"), pin(3, name="unused"), pin(4, name="dead"), pin(5, name="remade"))
    changes = compare(
        "contoso",
        TENANT,
        before,
        {
            "app-1": principal(1),
            "renamed": principal(2, display_name="Zwei"),
            "remade": principal(5, object_id=app(6)),
            "fresh": principal(7),
        },
        {"dead": "is nothing", "unheard of": "is nothing"},
        TODAY,
    )
    assert {line.name: line.state for line in changes.lines} == {
        "app-1": PinState.UNCHANGED,
        "dead": PinState.KEPT,
        "fresh": PinState.NEW,
        "remade": PinState.CHANGED,
        "renamed": PinState.CHANGED,
        "unheard of": PinState.NOT_PINNED,
        "unused": PinState.REMOVED,
    }
    assert [line.name for line in changes.to_accept] == ["remade"]
    assert sorted(changes.after.apps) == ["app-1", "dead", "fresh", "remade", "renamed"]
    assert changes.differs


def test_the_day_of_a_pin_changes_only_with_the_pin() -> None:
    later = {"app-1": principal(1), "app-2": principal(2, publisher="Fabrikam")}
    before = pins(pin(1), pin(2, name="app-2"))
    after = compare("contoso", TENANT, before, later, {}, TODAY).after
    assert {name: each.resolved_at for name, each in after.apps.items()} == {"app-1": PINNED, "app-2": TODAY}


principals = st.builds(
    principal, st.integers(1, 4), display_name=st.text(max_size=5), publisher=st.sampled_from(["", "Fabrikam"])
)


@given(st.dictionaries(st.sampled_from("abcd"), principals), st.dictionaries(st.sampled_from("abcd"), principals))
def test_pinning_twice_is_pinning_once(before: dict[str, ServicePrincipal], now: dict[str, ServicePrincipal]) -> None:
    old = compare("contoso", TENANT, None, before, {}, PINNED).after
    first = compare("contoso", TENANT, old, now, {}, TODAY)
    second = compare("contoso", TENANT, first.after, now, {}, TODAY + timedelta(days=1))
    assert second.after == first.after
    assert not second.differs
    assert first.differs is (first.after != old)


def test_a_tenant_that_is_gone_from_the_configuration_loses_its_pins() -> None:
    changes = all_removed(pins(pin(1)))
    assert ([line.state for line in changes.lines], changes.after.apps) == ([PinState.REMOVED], {})


def test_pins_of_another_tenant_are_refused_and_named() -> None:
    pins().refuse_another(TENANT)
    with pytest.raises(Refused, match=f"was made for tenant {TENANT}, and this is tenant {OTHER_TENANT}"):
        pins().refuse_another(OTHER_TENANT)


def test_pins_that_were_made_for_another_tenant_differ_even_where_the_applications_do_not() -> None:
    changes = compare("contoso", OTHER_TENANT, pins(pin(1)), {"app-1": principal(1)}, {}, TODAY)
    assert changes.differs
    assert (changes.moved_from, changes.after.tenant_id) == (TENANT, OTHER_TENANT)


# Plan, where the directory can be read


@pytest.mark.parametrize("ref", REFS, ids=str)
def test_what_is_as_pinned_is_used_without_a_word(ref: AppRef) -> None:
    found = resolved(ref, says(principal(1)), pins(pin()))
    assert declared(found).wanted == apps(1)
    assert (found.warnings, found.unchecked_ids_from) == ((), "")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"display_name": "Zwei"}, 'display name "App 1" → "Zwei"'),
        ({"publisher": "Fabrikam"}, 'publisher none → "Fabrikam"'),
        ({"owner_tenant": OTHER_TENANT}, f"owner tenant none → {OTHER_TENANT}"),
    ],
)
@pytest.mark.parametrize("ref", REFS, ids=str)
def test_another_name_publisher_or_owner_is_a_warning(ref: AppRef, now: dict[str, Any], said: str) -> None:
    found = resolved(ref, says(principal(1, **now)), pins(pin()))
    assert declared(found).wanted == apps(1)
    (warning,) = found.warnings
    assert warning.startswith(f"hve.yaml:1: app-1 ({ref}): HVE208 changed since it was pinned on 2026-11-02: {said}")
    assert "`hveadmin app pin` accepts it" in warning


REMADE = principal(1, object_id=app(9))


@pytest.mark.parametrize("ref", [CLIENT, NAME], ids=str)
def test_another_service_principal_is_refused_with_old_and_new(ref: AppRef) -> None:
    reason = problem(ref, says(REMADE), pins(pin()))
    assert f"HVE208 pinned as {app(1)} on 2026-11-02, and now it is {app(9)}; if that is meant, " in reason
    assert "`hveadmin app pin` accepts it" in reason


@pytest.mark.parametrize("ref", REFS, ids=str)
def test_a_pinned_service_principal_that_is_gone_is_refused(ref: AppRef) -> None:
    assert f"HVE208 pinned as {app(1)} on 2026-11-02, and now it is " in problem(ref, says(), pins(pin()))


def test_a_name_that_somebody_else_took_is_not_followed() -> None:
    renamed, impostor = principal(1, display_name="Zwei"), principal(6, display_name="App 1")
    assert f"and now it is {app(6)}, client id {client(1)} → {client(6)}" in problem(
        NAME, says(renamed, impostor), pins(pin())
    )


def test_a_name_that_two_have_is_still_the_pinned_one_and_that_is_said() -> None:
    found = resolved(NAME, says(principal(1), principal(6, display_name="App 1")), pins(pin()))
    assert declared(found).wanted == apps(1)
    assert "2 service principals have this display name" in found.warnings[0]


@pytest.mark.parametrize("directory", [says(principal(1), principal(2)), UNREADABLE], ids=["readable", "unreadable"])
@pytest.mark.parametrize(
    ("ref", "said"),
    [
        (ByClientId(client(2)), f"HVE208 pinned with client id {client(1)} on 2026-11-02"),
        (ByObjectId(app(2), "contoso"), f"HVE208 pinned with object id {app(1)} on 2026-11-02"),
    ],
)
def test_another_id_under_the_same_name_in_the_configuration_is_refused(
    ref: AppRef, said: str, directory: DirectoryView
) -> None:
    assert said in problem(ref, directory, pins(pin()))


@pytest.mark.parametrize("mode", [Mode.ABSENT, Mode.OBSERVE])
@pytest.mark.parametrize("directory", [says(), says(REMADE)], ids=["gone", "remade"])
@pytest.mark.parametrize("ref", [CLIENT, NAME], ids=str)
def test_what_must_go_is_what_was_pinned(ref: AppRef, directory: Readable, mode: Mode) -> None:
    found = resolved(ref, directory, pins(pin()), mode)
    assert declared(found).wanted | declared(found).unwanted == apps(1)
    assert "HVE208" in found.warnings[0]


def test_what_is_not_pinned_is_resolved_as_ever_and_named_once() -> None:
    grants = [grant(n, ByClientId(client(n))) for n in (1, 2, 3)]
    configured = tenant({"x": entry(Mode.ENFORCE, *grants), "y": entry(Mode.ENFORCE, *grants)})
    found = resolve(
        configured, [address("x"), address("y")], service_principals(1, 2, 3), today=TODAY, pins=pins(pin())
    )
    assert declared(found).wanted == apps(1, 2, 3)
    assert found.warnings == (
        "not pinned in hve.lock.yaml: app-2, app-3; `hveadmin app pin` pins what is used in this tenant",
    )


def test_the_directory_is_asked_for_pinned_ids_too() -> None:
    configured = tenant({"x": entry(Mode.ENFORCE, grant(1, NAME))})
    assert references(configured, pins(pin(), pin(5, name="unused"))) == (frozenset({app(1)}), frozenset({"App 1"}))


# Plan, where it cannot


@pytest.mark.parametrize("ref", REFS, ids=str)
def test_pins_alone_resolve_everything_and_that_is_said(ref: AppRef) -> None:
    found = resolved(ref, UNREADABLE, pins(pin()))
    assert declared(found).wanted == apps(1)
    assert found.unchecked_ids_from == "hve.lock.yaml, pinned 2026-11-02"


def test_the_days_of_all_pins_that_were_used_are_said() -> None:
    configured = tenant({"x": entry(Mode.ENFORCE, *(grant(n, ByClientId(client(n))) for n in (1, 2)))})
    some = pins(pin(), pin(2, name="app-2", resolved_at=TODAY), pin(3, name="unused", resolved_at=date(2020, 1, 1)))
    found = resolve(configured, [address("x")], UNREADABLE, today=TODAY, pins=some)
    assert found.unchecked_ids_from == "hve.lock.yaml, pinned from 2026-11-02 to 2026-11-23"


def test_a_client_id_without_a_pin_cannot_be_guessed() -> None:
    assert "cannot be looked up, the directory could not be read: no permission" in problem(CLIENT, UNREADABLE, pins())


def test_another_display_name_in_the_configuration_cannot_be_checked_and_is_refused() -> None:
    assert 'HVE208 pinned under the display name "App 1"' in problem(ByName("App 2"), UNREADABLE, pins(pin()))
    assert declared(resolved(ByName("APP 1"), UNREADABLE, pins(pin()))).wanted == apps(1)


# Whatever happens


ids = st.integers(1, 3)
directories = st.one_of(
    st.just(UNREADABLE),
    st.lists(
        st.builds(
            lambda n, o, name: principal(n, object_id=app(o), display_name=name),
            ids, ids, st.sampled_from(["App 1", "App 2"]),
        ),
        max_size=3,
    ).map(lambda some: says(*some)),
)  # fmt: skip


@given(st.sampled_from(REFS), directories, st.sampled_from([*Mode]))
def test_a_pinned_application_is_the_pinned_one_or_nothing(ref: AppRef, directory: DirectoryView, mode: Mode) -> None:
    try:
        found = declared(resolved(ref, directory, pins(pin()), mode))
    except Unresolved as refused:
        assert "HVE208" in refused.reasons[0]
        return
    allowed: frozenset[ObjectId] = apps(1)
    assert found.wanted | found.unwanted <= allowed


def test_without_a_lock_file_nothing_is_said_of_pins() -> None:
    assert resolved(CLIENT, service_principals(1), None).warnings == ()

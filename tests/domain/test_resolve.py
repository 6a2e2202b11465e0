"""Names become this tenant's object ids; all that do not are named at once."""

from datetime import UTC, datetime, timedelta

import pytest
from builders import TODAY, address, app, apps, client, entry, grant, principal, service_principals, span, tenant

from hveadmin.domain.desired import AppRef, ByClientId, ByName, ByObjectId, Mode, Selector
from hveadmin.domain.ids import Guid
from hveadmin.domain.resolve import Unresolved, entry_for, references, resolve
from hveadmin.domain.tenant import Identity, IdKind, Readable, Unreadable


def told(number: int, identity_kind: IdKind, **more: object) -> Readable:
    """A directory that says this of object id `number`, and of the client id of the same number."""
    found = {
        Guid(each.value): Identity(Guid(each.value), identity_kind, "Payroll", **more)  # type: ignore[arg-type]
        for each in (app(number), client(number))
    }
    return Readable(found)


BY_ID = ByObjectId(app(1), "contoso")
BY_CLIENT = ByClientId(client(1))
SP = principal(2)
THEN = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("ref", [BY_ID, BY_CLIENT, ByName("App 1")], ids=str)
def test_an_application_is_found_by(ref: AppRef) -> None:
    directory = Readable(service_principals(1).identities, {"App 1": (principal(1),)})
    configured = tenant({"x": entry(Mode.ENFORCE, grant(1, ref))})
    resolved = resolve(configured, [address("x")], directory, today=TODAY)
    assert resolved.declarations[address("x")].wanted == apps(1)


@pytest.mark.parametrize(
    ("ref", "directory", "says"),
    [
        (BY_ID, told(1, IdKind.CLIENT_ID, principal=SP), "is the client id of 'Payroll'; write it as client_id"),
        (BY_ID, told(1, IdKind.CLIENT_ID), "has no enterprise application in this tenant"),
        (BY_ID, told(1, IdKind.APP_REGISTRATION, principal=SP), f"object id of 'Payroll'; write object_id: {app(2)}"),
        (BY_CLIENT, told(1, IdKind.APP_REGISTRATION, principal=SP), f"write client_id: {client(2)}"),
        (BY_CLIENT, told(1, IdKind.SERVICE_PRINCIPAL, principal=SP), "write it as object_id"),
        (BY_ID, told(1, IdKind.USER), "is a user of 'Payroll', not an application"),
        (BY_ID, told(1, IdKind.GROUP), "is a group"),
        (BY_ID, told(1, IdKind.DELETED_SERVICE_PRINCIPAL, deleted_at=THEN), "deleted on 2026-11-01"),
        (BY_ID, told(1, IdKind.NOT_FOUND), "nothing in this tenant"),
        (BY_ID, told(1, IdKind.NOT_FOUND_OR_OTHER), "no application of this tenant"),
        (BY_ID, Readable(), "was not asked"),
        (BY_CLIENT, Unreadable("no permission"), "could not be read: no permission"),
        (ByName("Two"), Readable(named={"Two": (principal(1), SP)}), f"principals have this display name: {app(1)}"),
        (ByName("None"), Readable(named={"None": ()}), "no service principal of this tenant has this display name"),
    ],
)  # fmt: skip
def test_what_is_wanted_and_is_not_there_is_refused(ref: AppRef, directory: Readable | Unreadable, says: str) -> None:
    configured = tenant({"x": entry(Mode.ENFORCE, grant(1, ref))})
    with pytest.raises(Unresolved) as refused:
        resolve(configured, [address("x")], directory, today=TODAY)
    assert says in refused.value.reasons[0]
    assert refused.value.reasons[0].startswith("hve.yaml:1: app-1 (")


def test_every_problem_is_named_at_once_and_each_only_once() -> None:
    grants = [grant(n) for n in (1, 2, 3)]
    configured = tenant({"x": entry(Mode.ENFORCE, *grants), "y": entry(Mode.ENFORCE, *grants)})
    with pytest.raises(Unresolved) as refused:
        resolve(configured, [address("x"), address("y")], service_principals(2), today=TODAY)
    assert [reason.split(":")[1] for reason in refused.value.reasons] == ["1", "3"]


def test_two_names_of_one_application_are_refused() -> None:
    both = (grant(1, BY_ID), grant(7, BY_CLIENT))
    with pytest.raises(Unresolved) as refused:
        resolve(tenant({"x": entry(Mode.ENFORCE, *both)}), [address("x")], service_principals(1), today=TODAY)
    assert "CFG012" in refused.value.reasons[0]


def test_what_must_go_is_removed_by_its_own_id_though_the_directory_does_not_know_it() -> None:
    ended = grant(1, expires=TODAY - timedelta(days=1))
    for each in (entry(Mode.ABSENT, grant(1)), entry(Mode.ENFORCE, ended, grant(2))):
        resolved = resolve(tenant({"x": each}), [address("x")], service_principals(2), today=TODAY)
        assert resolved.declarations[address("x")].unwanted == apps(1)


def test_an_exact_entry_speaks_before_the_first_selector_that_matches() -> None:
    def selector(match: str, line: int, *but: str) -> Selector:
        return Selector(match, entry(Mode.OBSERVE, line=line), but)

    configured = tenant(
        {"alert-db": entry(Mode.ENFORCE, grant(1), line=1)},
        [selector("HVE-alert-*@contoso.com", 2, "*-lab@contoso.com"), selector("*", 3)],
    )
    found = {name: entry_for(configured, address(name)) for name in ("alert-db", "alert-web", "alert-lab", "other")}
    assert {name: each and each[0].source for name, each in found.items()} == {
        "alert-db": span(1),
        "alert-web": span(2),
        "alert-lab": span(3),
        "other": span(3),
    }


@pytest.mark.parametrize("glob", ["alert", "hve-alert", "contoso.com", "hve-alert-.*@contoso.com"])
def test_a_glob_is_neither_a_substring_nor_a_regex(glob: str) -> None:
    configured = tenant(selectors=[Selector(glob, entry(Mode.OBSERVE))])
    assert entry_for(configured, address("alert-db")) is None


def test_a_selector_that_matches_nothing_is_reported() -> None:
    configured = tenant(selectors=[Selector("nobody*", entry(Mode.OBSERVE, line=9))])
    assert resolve(configured, [], Readable(), today=TODAY).warnings == (
        "hve.yaml:9: selector nobody* matches no account",
    )


def test_references_are_what_the_directory_must_be_asked() -> None:
    configured = tenant({"x": entry(Mode.ENFORCE, grant(1), grant(2, ByClientId(client(2))), grant(3, ByName("N")))})
    assert references(configured) == (frozenset({app(1), client(2)}), frozenset({"N"}))


@pytest.mark.parametrize("mode", [Mode.ABSENT, Mode.ADDITIVE])
def test_with_nobody_to_ask_what_must_go_is_not_taken_for_gone(mode: Mode) -> None:
    ended = grant(1, BY_CLIENT, expires=TODAY - timedelta(days=1))
    with pytest.raises(Unresolved) as refused:
        resolve(tenant({"x": entry(mode, ended)}), [address("x")], Unreadable("no permission"), today=TODAY)
    assert "whether it is on a list cannot be told" in refused.value.reasons[0]

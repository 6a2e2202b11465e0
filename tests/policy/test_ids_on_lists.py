"""HVE201 to HVE208: what each kind of id on a list is to each rule, and what nobody could tell."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from builders import TENANT, account, address, app, client, entry, grant, principal, span
from policy.directory_views import (
    ALL,
    BY_MICROSOFT,
    CLIENT_ID,
    CLIENT_ONLY,
    CLOSED,
    DELETED,
    DELETED_APP,
    DISABLED,
    FIRST_PARTY,
    FOREIGN,
    HIDDEN,
    LONG_DELETED,
    MANAGED,
    MICROSOFT,
    NOTHING,
    OURS,
    OWNERLESS,
    REGISTRATION,
    REGISTRATION_ONLY,
    RIGHT,
    USER,
    VENDOR,
    directory,
    every_kind,
    identity,
    living,
    ours,
    verdicts,
)
from policy.list_views import FAIL, NOT_APPLICABLE, PASS, TOMORROW, UNKNOWN, YESTERDAY, judged, one, telling, view

from hveadmin.domain.desired import (
    AppEntry,
    AppRef,
    ByClientId,
    ByName,
    ByObjectId,
    ForbiddenApp,
    Mode,
    Policy,
    RuleSetting,
)
from hveadmin.domain.finding import Severity, Verdict
from hveadmin.domain.ids import ClientId, Guid, ObjectId
from hveadmin.domain.pins import Pin, Pins
from hveadmin.domain.tenant import IdKind, Known, Readable, Unknown
from hveadmin.policy import (
    hve201_unknown_app,
    hve202_forbidden_app,
    hve203_client_id,
    hve204_registration_id,
    hve205_dead_id,
    hve206_disabled_app,
    hve207_foreign_app,
    hve208_changed_pin,
)
from hveadmin.policy.engine import ConfigView, Judgement, TenantRule, TenantView

DEAD = {NOTHING, DELETED, LONG_DELETED, USER, HIDDEN, DELETED_APP}
NO_PRINCIPAL = {CLIENT_ID, REGISTRATION, CLIENT_ONLY, REGISTRATION_ONLY} | DEAD
NEVER: frozenset[int] = frozenset()
RULES = (
    hve201_unknown_app,
    hve202_forbidden_app,
    hve203_client_id,
    hve204_registration_id,
    hve205_dead_id,
    hve206_disabled_app,
    hve207_foreign_app,
)
FORBIDS = Policy(forbidden_apps=(ForbiddenApp(ClientId("11111111-1111-4111-8111-111111111111"), span(9)),))


# What every one of them says of each kind of id


@pytest.mark.parametrize(
    ("rule", "fails", "not_applicable", "unknown"),
    [
        pytest.param(hve201_unknown_app.RULE, set(ALL), NEVER, NEVER, id="HVE201"),
        pytest.param(hve203_client_id.RULE, {CLIENT_ID, CLIENT_ONLY}, NEVER, NEVER, id="HVE203"),
        pytest.param(hve204_registration_id.RULE, {REGISTRATION, REGISTRATION_ONLY}, NEVER, NEVER, id="HVE204"),
        pytest.param(hve205_dead_id.RULE, DEAD, NEVER, NEVER, id="HVE205"),
        pytest.param(hve206_disabled_app.RULE, {DISABLED, BY_MICROSOFT}, NO_PRINCIPAL, NEVER, id="HVE206"),
        pytest.param(hve207_foreign_app.RULE, {FOREIGN, FIRST_PARTY}, NO_PRINCIPAL, {OWNERLESS}, id="HVE207"),
    ],
)
def test_each_kind_of_id_has_one_verdict(
    rule: TenantRule, fails: Collection[int], not_applicable: Collection[int], unknown: Collection[int]
) -> None:
    expected = {
        number: (
            FAIL
            if number in fails
            else NOT_APPLICABLE
            if number in not_applicable
            else UNKNOWN
            if number in unknown
            else PASS
        )
        for number in ALL
    }
    assert verdicts(judged(rule, every_kind())) == expected


@pytest.mark.parametrize("module", RULES, ids=lambda module: module.RULE.id)
def test_a_list_that_was_not_read_is_unknown_and_an_empty_one_has_nothing_to_look_at(module: Any) -> None:
    there = [account("a", Unknown("throttled")), account("b", Known(frozenset())), account("c", [OURS])]
    seen = view(*there, directory=directory(), policy=FORBIDS)
    found = {str(each.subject.account): each.verdict for each in judged(module.RULE, seen)}
    assert found[str(address("a"))] is UNKNOWN
    assert found[str(address("b"))] is NOT_APPLICABLE
    assert found[str(address("c"))] in (PASS, FAIL)


@pytest.mark.parametrize("module", RULES, ids=lambda module: module.RULE.id)
def test_only_the_accounts_that_are_asked_for_are_looked_at(module: Any) -> None:
    there = [account("a", [OURS]), account("b", [OURS])]
    seen = view(*there, directory=directory(), policy=FORBIDS, only=lambda each: each == address("b"))
    assert {each.subject.account for each in judged(module.RULE, seen)} == {address("b")}


@pytest.mark.parametrize("module", RULES[2:], ids=lambda module: module.RULE.id)
def test_a_directory_that_was_not_read_is_said_once_and_passes_nothing(module: Any) -> None:
    there = [account(name, [OURS, FOREIGN]) for name in "abc"]
    judgement = one(module.RULE, view(*there, directory=CLOSED))
    assert judgement.verdict is UNKNOWN
    assert judgement.subject.account is None


@pytest.mark.parametrize("module", RULES[2:], ids=lambda module: module.RULE.id)
def test_an_id_that_nobody_asked_the_directory_for_is_unknown(module: Any) -> None:
    assert one(module.RULE, view(account("a", [1]), directory=Readable())).verdict is UNKNOWN


@pytest.mark.parametrize("module", RULES, ids=lambda module: module.RULE.id)
def test_whatever_fails_has_a_remedy_and_a_subject_of_its_own(module: Any) -> None:
    policy = replace(FORBIDS, forbidden_apps=tuple(ForbiddenApp(app(n), span(9)) for n in ALL))
    failed = [each for each in judged(module.RULE, every_kind(policy=policy)) if each.verdict is FAIL]
    assert failed
    assert all(each.remedy for each in failed)
    assert len({each.subject.app for each in failed}) == len(failed)


# HVE201: which entry explains an id


def named(number: int, ref: AppRef) -> AppEntry:
    return AppEntry(f"app-{number}", ref, span(number))


def unknown_app(number: int, *entries: AppEntry, **changes: Any) -> Judgement:
    seen = view(account("x", [number]), apps=entries, **{"directory": directory(), **changes})
    return one(hve201_unknown_app.RULE, seen)


@pytest.mark.parametrize(
    ("number", "ref", "verdict"),
    [
        pytest.param(OURS, ByClientId(client(OURS)), PASS, id="by client id, used nowhere"),
        pytest.param(OURS, ByObjectId(app(OURS), "contoso"), PASS, id="by object id"),
        pytest.param(OURS, ByObjectId(app(OURS), "fabrikam"), FAIL, id="by an object id of another tenant"),
        pytest.param(OURS, ByClientId(client(2)), FAIL, id="another client id"),
        pytest.param(CLIENT_ID, ByClientId(ClientId(app(CLIENT_ID).value)), PASS, id="the client id itself"),
        pytest.param(CLIENT_ID, ByObjectId(app(RIGHT), "contoso"), PASS, id="the client id of one named by object id"),
        pytest.param(REGISTRATION, ByClientId(client(RIGHT)), PASS, id="the registration of one named by client id"),
        pytest.param(DELETED, ByClientId(client(DELETED)), PASS, id="deleted, and still named"),
        pytest.param(NOTHING, ByClientId(client(OURS)), FAIL, id="nothing"),
        pytest.param(USER, ByName("App 8"), FAIL, id="a user"),
    ],
)
def test_an_entry_explains_an_id_by_whatever_it_knows_of_the_application(
    number: int, ref: AppRef, verdict: Verdict
) -> None:
    assert unknown_app(number, named(number, ref)).verdict is verdict


def test_a_name_explains_what_it_leads_to_and_no_namesake() -> None:
    namesake = replace(living(20), display_name="App 1")
    leads = replace(directory(namesake), named={"App 1": (ours(OURS),)})
    seen = view(account("x", [OURS, 20]), directory=leads, apps=[named(1, ByName("App 1"))])
    assert verdicts(judged(hve201_unknown_app.RULE, seen)) == {OURS: PASS, 20: FAIL}


def test_a_name_that_leads_to_several_explains_none_of_them_for_sure() -> None:
    twin = replace(living(20), display_name="App 1")
    both = replace(directory(twin), named={"App 1": (ours(OURS), ours(20))})
    seen = view(account("x", [OURS, 20, FOREIGN]), directory=both, apps=[named(1, ByName("App 1"))])
    assert verdicts(judged(hve201_unknown_app.RULE, seen)) == {OURS: UNKNOWN, 20: UNKNOWN, FOREIGN: FAIL}


@pytest.mark.parametrize(
    ("ref", "pinned", "verdict"),
    [
        pytest.param(ByObjectId(app(OURS), "contoso"), None, PASS, id="written as it is"),
        pytest.param(ByObjectId(app(2), "contoso"), None, FAIL, id="written as another"),
        pytest.param(ByClientId(client(OURS)), None, UNKNOWN, id="by client id: nobody can tell"),
        pytest.param(ByName("App 1"), None, UNKNOWN, id="by name: nobody can tell"),
        pytest.param(ByClientId(client(OURS)), OURS, PASS, id="pinned as it is"),
        pytest.param(ByClientId(client(2)), 2, FAIL, id="pinned as another"),
        pytest.param(ByName("App 2"), 2, FAIL, id="a name that is pinned as another"),
    ],
)
def test_without_a_directory_what_is_written_and_what_is_pinned_speaks(
    ref: AppRef, pinned: int | None, verdict: Verdict
) -> None:
    app_entry = named(1, ref)
    pins = None
    if pinned is not None:
        pins = Pins("contoso", TENANT, {"app-1": Pin.of("app-1", principal(pinned), date(2026, 1, 1))})
    assert unknown_app(OURS, app_entry, directory=CLOSED, pins=pins).verdict is verdict


@pytest.mark.parametrize(("unknown_apps", "severity"), [("deny", None), ("warn", Severity.LOW)])
def test_the_policy_says_how_bad_an_unknown_application_is(unknown_apps: str, severity: Severity | None) -> None:
    assert unknown_app(OURS, policy=Policy(unknown_apps=unknown_apps)).severity is severity


# HVE202: which id is forbidden


def forbidden(id_: ClientId | ObjectId) -> Policy:
    return Policy(forbidden_apps=(ForbiddenApp(id_, span(9), "INC0090117"),))


@pytest.mark.parametrize(
    ("number", "id_", "verdict"),
    [
        pytest.param(OURS, app(OURS), FAIL, id="by object id"),
        pytest.param(OURS, client(OURS), FAIL, id="by client id"),
        pytest.param(OURS, client(RIGHT), PASS, id="another"),
        pytest.param(CLIENT_ID, client(RIGHT), FAIL, id="a registration's client id, by client id"),
        pytest.param(CLIENT_ID, app(RIGHT), FAIL, id="a client id, by the object id it belongs to"),
        pytest.param(REGISTRATION, client(RIGHT), FAIL, id="a registration, by client id"),
        pytest.param(DELETED, client(DELETED), FAIL, id="deleted, and can be restored"),
        pytest.param(NOTHING, client(OURS), PASS, id="nothing"),
    ],
)
def test_an_application_is_forbidden_whichever_of_its_ids_leads_to_it(
    number: int, id_: ClientId | ObjectId, verdict: Verdict
) -> None:
    seen = every_kind(number, policy=forbidden(id_))
    judgement = one(hve202_forbidden_app.RULE, seen)
    assert judgement.verdict is verdict
    assert verdict is PASS or "INC0090117" in judgement.message


def test_where_nothing_is_forbidden_there_is_nothing_to_look_at() -> None:
    assert one(hve202_forbidden_app.RULE, every_kind()).verdict is NOT_APPLICABLE


@pytest.mark.parametrize(
    ("id_", "pinned", "verdict"),
    [
        pytest.param(app(OURS), None, FAIL, id="the very id"),
        pytest.param(app(2), None, PASS, id="another object id"),
        pytest.param(client(OURS), None, UNKNOWN, id="a client id that nobody resolves"),
        pytest.param(client(OURS), OURS, FAIL, id="a client id that is pinned"),
        pytest.param(client(2), OURS, PASS, id="another client id than the pinned one"),
    ],
)
def test_without_a_directory_a_forbidden_client_id_is_known_by_its_pin_or_not(
    id_: ClientId | ObjectId, pinned: int | None, verdict: Verdict
) -> None:
    pins = None
    if pinned is not None:
        pins = Pins("contoso", TENANT, {"p": Pin.of("p", principal(pinned), date(2026, 1, 1))})
    seen = every_kind(OURS, policy=forbidden(id_), directory=CLOSED, pins=pins)
    assert one(hve202_forbidden_app.RULE, seen).verdict is verdict


@pytest.mark.parametrize(
    ("mode", "verdicts_"),
    [(Mode.ENFORCE, [FAIL, PASS]), (Mode.ADDITIVE, [FAIL, PASS]), (Mode.ABSENT, []), (Mode.OBSERVE, [])],
)
def test_a_forbidden_application_that_is_declared_and_wanted_fails_offline(
    mode: Mode, verdicts_: list[Verdict]
) -> None:
    grants = (grant(1, ByClientId(client(1))), grant(2))
    seen = view(entries={"x": entry(mode, *grants)}, policy=forbidden(client(1)))
    found = hve202_forbidden_app.OFFLINE.judge(ConfigView(seen.desired, seen.today))
    assert [each.verdict for each in found] == verdicts_


# HVE203 to HVE205: what to do about a wrong id


def remedy(rule: TenantRule, *numbers: int, **changes: Any) -> str:
    seen = every_kind(*numbers, **changes)
    (failed,) = [each for each in judged(rule, seen) if each.verdict is FAIL]
    return failed.remedy


@pytest.mark.parametrize(("rule", "number"), [(hve203_client_id, CLIENT_ID), (hve204_registration_id, REGISTRATION)])
def test_the_right_id_is_granted_before_the_wrong_one_is_revoked(rule: Any, number: int) -> None:
    on = "-t contoso hve-x@contoso.com"
    assert remedy(rule.RULE, number) == (
        f"hveadmin account grant {on} {app(RIGHT)} && hveadmin account revoke {on} {app(number)}"
    )
    assert remedy(rule.RULE, number, RIGHT) == f"hveadmin account revoke {on} {app(number)}"


@pytest.mark.parametrize(
    ("rule", "number"), [(hve205_dead_id, NOTHING), (hve206_disabled_app, DISABLED), (hve207_foreign_app, FOREIGN)]
)
def test_the_last_id_is_taken_off_after_another_was_granted(rule: Any, number: int) -> None:
    first, second = (shlex.split(each) for each in remedy(rule.RULE, number).split(" && "))
    assert (first[2], first[-1]) == ("grant", "OBJECT-ID")
    assert (second[2], second[-1]) == ("revoke", app(number).value)
    assert remedy(rule.RULE, number, OURS).startswith("hveadmin account revoke")


def test_what_was_deleted_says_until_when_it_can_be_restored() -> None:
    found = {each.subject.app: each for each in judged(hve205_dead_id.RULE, every_kind())}
    deleted, gone = found[Guid(app(DELETED).value)], found[Guid(app(LONG_DELETED).value)]
    assert "deleted on 2026-11-14; it can be restored until 2026-12-14" in deleted.message
    assert f"Restore-MgDirectoryDeletedItem -DirectoryObjectId {app(DELETED)}" in deleted.remedy
    assert ("restorable_until", "2026-12-14") in deleted.facts
    assert "for good by now" in gone.message
    assert "Restore" not in gone.remedy


@pytest.mark.parametrize(("number", "says"), [(USER, "is a user"), (NOTHING, "is nothing"), (HIDDEN, "something else")])
def test_what_is_no_application_says_what_it_is(number: int, says: str) -> None:
    assert says in one(hve205_dead_id.RULE, every_kind(number)).message


@pytest.mark.parametrize(
    ("rule", "kind", "key"),
    [
        (hve203_client_id, IdKind.CLIENT_ID, "object_id"),
        (hve204_registration_id, IdKind.APP_REGISTRATION, "object_id"),
        (hve204_registration_id, IdKind.APP_REGISTRATION, "client_id"),
        (hve205_dead_id, IdKind.NOT_FOUND, "object_id"),
        (hve205_dead_id, IdKind.NOT_FOUND, "client_id"),
        (hve205_dead_id, IdKind.USER, "object_id"),
    ],
)
def test_a_wrong_id_that_the_configuration_wants_on_a_list_is_found_where_it_is_written(
    rule: Any, kind: IdKind, key: str
) -> None:
    ref = ByObjectId(app(20), "contoso") if key == "object_id" else ByClientId(ClientId(app(20).value))
    declared = {"x": entry(Mode.ENFORCE, grant(20, ref))}
    found = directory(identity(20, kind, client_id=client(20)))
    (failed,) = [each for each in judged(rule.RULE, _wanting(declared, found)) if each.verdict is FAIL]
    assert failed.subject.thing == "apps.app-20"
    assert failed.subject.account is None
    assert failed.source == span(20)
    assert failed.remedy


def _wanting(declared: Any, found: Readable, **changes: Any) -> TenantView:
    return view(account("x", [OURS]), entries=declared, directory=found, **changes)


@pytest.mark.parametrize(
    "declared",
    [
        pytest.param(entry(Mode.ABSENT, grant(20)), id="must be absent"),
        pytest.param(entry(Mode.OBSERVE, grant(20)), id="is observed"),
        pytest.param(entry(Mode.ENFORCE, grant(20, expires=YESTERDAY), grant(1)), id="is past its end"),
    ],
)
def test_what_must_go_may_be_any_id(declared: Any) -> None:
    found = directory(identity(20, IdKind.NOT_FOUND))
    assert FAIL not in {each.verdict for each in judged(hve205_dead_id.RULE, _wanting({"x": declared}, found))}


def test_a_written_id_is_looked_at_up_to_its_last_day() -> None:
    declared = {"x": entry(Mode.ENFORCE, grant(20, expires=TOMORROW))}
    found = directory(identity(20, IdKind.NOT_FOUND))
    assert FAIL in {each.verdict for each in judged(hve205_dead_id.RULE, _wanting(declared, found))}


# HVE206 and HVE207


def test_a_declared_application_that_is_disabled_is_to_be_enabled_unless_microsoft_disabled_it() -> None:
    declared = {"x": entry(Mode.ENFORCE, grant(DISABLED), grant(BY_MICROSOFT))}
    found = {each.subject.app: each for each in judged(hve206_disabled_app.RULE, every_kind(entries=declared))}
    assert found[Guid(app(DISABLED).value)].remedy == (
        f"Update-MgServicePrincipal -ServicePrincipalId {app(DISABLED)} -AccountEnabled:$true"
    )
    assert "revoke" in found[Guid(app(BY_MICROSOFT).value)].remedy
    assert "DisabledDueToViolation" in found[Guid(app(BY_MICROSOFT).value)].message


@pytest.mark.parametrize(
    ("options", "passes"),
    [
        pytest.param({}, NEVER, id="nothing is approved"),
        pytest.param({"approved_tenants": [VENDOR.value]}, {FOREIGN}, id="a tenant"),
        pytest.param({"approved_tenants": [VENDOR.value, MICROSOFT.value.upper()]}, {FOREIGN, FIRST_PARTY}, id="both"),
        pytest.param({"approved_apps": [client(FIRST_PARTY).value]}, {FIRST_PARTY}, id="an application"),
        pytest.param({"approved_apps": [app(FOREIGN).value]}, NEVER, id="by object id: no"),
    ],
)
def test_a_foreign_application_is_approved_by_its_tenant_or_its_client_id(
    options: dict[str, object], passes: Collection[int]
) -> None:
    found = verdicts(judged(hve207_foreign_app.RULE, every_kind(policy=telling("HVE207", **options))))
    assert {number for number in (FOREIGN, FIRST_PARTY) if found[number] is PASS} == set(passes)
    assert found[MANAGED] is PASS


def test_being_declared_approves_no_foreign_application() -> None:
    declared = {"x": entry(Mode.ENFORCE, grant(FOREIGN))}
    assert one(hve207_foreign_app.RULE, every_kind(FOREIGN, entries=declared)).verdict is FAIL


def test_a_foreign_application_is_named_with_its_tenant_and_publisher() -> None:
    judgement = one(hve207_foreign_app.RULE, every_kind(FOREIGN))
    assert VENDOR.value in judgement.message
    assert 'verified publisher "Fabrikam Ltd"' in judgement.message
    assert ("owner_tenant", VENDOR.value) in judgement.facts


# HVE208

DAY = date(2026, 1, 1)


def changed(ref: AppRef, pinned: Pin | None, found: Readable, **changes: Any) -> list[Judgement]:
    pins = Pins("contoso", TENANT, {} if pinned is None else {"app-1": pinned})
    declared = {"x": entry(Mode.ENFORCE, grant(1, ref))}
    return judged(hve208_changed_pin.RULE, _wanting(declared, found, **{"pins": pins, **changes}))


def pin(**changes: Any) -> Pin:
    return Pin.of("app-1", ours(1, **changes), DAY)


@pytest.mark.parametrize("ref", [ByClientId(client(1)), ByObjectId(app(1), "contoso"), ByName("App 1")])
@pytest.mark.parametrize(
    ("pinned", "says"),
    [
        pytest.param(pin(), "", id="as it was"),
        pytest.param(pin(display_name="Invoices"), 'display name "Invoices" → "App 1"', id="renamed"),
        pytest.param(pin(publisher="Fabrikam"), 'publisher "Fabrikam" → none', id="another publisher"),
        pytest.param(pin(owner_tenant=VENDOR), f"owner tenant {VENDOR} → {TENANT}", id="another owner"),
    ],
)
def test_what_is_not_as_it_was_pinned_is_said(ref: AppRef, pinned: Pin, says: str) -> None:
    found = replace(directory(), named={"App 1": (ours(1),)})
    (judgement,) = changed(ref, pinned, found)
    assert judgement.verdict is (FAIL if says else PASS)
    assert says in judgement.message


def test_a_client_id_that_leads_to_another_object_fails() -> None:
    (judgement,) = changed(ByClientId(client(1)), pin(object_id=app(9)), directory())
    assert judgement.verdict is FAIL
    assert f"object id {app(9)} → {app(1)}" in judgement.message
    assert judgement.remedy == "hveadmin app pin --check -t contoso"


@pytest.mark.parametrize(
    ("ref", "found"),
    [
        pytest.param(ByObjectId(app(1), "contoso"), Readable(), id="nobody was asked"),
        pytest.param(ByObjectId(app(1), "contoso"), directory(identity(1, IdKind.NOT_FOUND)), id="deleted for good"),
        pytest.param(ByName("App 1"), Readable(), id="nobody has the name"),
    ],
)
def test_a_pinned_application_that_is_gone_fails(ref: AppRef, found: Readable) -> None:
    (judgement,) = changed(ref, pin(), found)
    assert judgement.verdict is FAIL
    assert "gone" in judgement.message


def test_a_name_that_leads_astray_does_not_hide_that_the_pinned_one_is_as_it_was() -> None:
    (judgement,) = changed(ByName("App 1"), pin(), replace(directory(), named={"App 1": (ours(1), ours(2))}))
    assert judgement.verdict is PASS


def test_a_name_that_somebody_else_took_fails() -> None:
    taken = replace(directory(), named={"App 1": (ours(2, display_name="App 1"),)})
    (judgement,) = changed(ByName("App 1"), pin(), taken)
    assert judgement.verdict is FAIL
    assert f"object id {app(1)} → {app(2)}" in judgement.message


def test_an_entry_that_names_another_application_than_the_pin_fails() -> None:
    (judgement,) = changed(ByClientId(client(1)), pin(client_id=client(9)), directory())
    assert judgement.verdict is FAIL
    assert "the configuration names another application" in judgement.message


@pytest.mark.parametrize(
    ("pinned", "changes", "verdict"),
    [
        pytest.param(None, {}, NOT_APPLICABLE, id="not pinned"),
        pytest.param(None, {"pins": None}, NOT_APPLICABLE, id="no lock file"),
        pytest.param(pin(), {"directory": CLOSED}, UNKNOWN, id="the directory is closed"),
    ],
)
def test_where_nothing_can_be_compared_nothing_passes(
    pinned: Pin | None, changes: dict[str, Any], verdict: Verdict
) -> None:
    found = changes.pop("directory", directory())
    (judgement,) = changed(ByClientId(client(1)), pinned, found, **changes)
    assert judgement.verdict is verdict


def test_an_application_that_must_go_may_have_changed() -> None:
    declared = {"x": entry(Mode.ABSENT, grant(1))}
    pins = Pins("contoso", TENANT, {"app-1": pin(object_id=app(9))})
    assert judged(hve208_changed_pin.RULE, _wanting(declared, directory(), pins=pins)) == []


def test_a_rule_that_is_set_otherwise_keeps_its_options() -> None:
    """Severity and options stand side by side in the configuration."""
    setting = RuleSetting("HVE207", span(1), severity="high", options={"approved_tenants": [VENDOR.value]})
    seen = every_kind(FOREIGN, policy=Policy(rules={"HVE207": setting}))
    assert one(hve207_foreign_app.RULE, seen).verdict is PASS

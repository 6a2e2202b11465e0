"""HVE301 to HVE305: where the tenant is not what the configuration says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from builders import NOW, TODAY, account, address, app, apps, client, entry, grant, principal, service_principals, span
from policy.list_views import FAIL, NOT_APPLICABLE, PASS, UNKNOWN, YESTERDAY, by_app, finding, judged, one, view

from hveadmin.domain.desired import AccountEntry, ByClientId, ByName, Grant, Mode, Selector, Unmanaged
from hveadmin.domain.finding import Severity, Verdict
from hveadmin.domain.ids import Guid
from hveadmin.domain.pins import Pin, Pins
from hveadmin.domain.plan import Settling
from hveadmin.domain.tenant import (
    AllowedApps,
    DirectoryView,
    Identity,
    IdKind,
    Readable,
    ServicePrincipal,
    Unknown,
    Unreadable,
)
from hveadmin.policy import (
    hve301_missing_app,
    hve302_extra_app,
    hve303_account_without_entry,
    hve304_account_not_found,
    hve305_idle_selector,
)
from hveadmin.policy.engine import TenantRule

MISSING, EXTRA = hve301_missing_app.RULE, hve302_extra_app.RULE
UNREAD = Unknown("throttled after 5 tries")
OLD = grant(1, expires=YESTERDAY)
LAST_DAY = grant(1, expires=TODAY)
BY_CLIENT_ID = grant(1, ByClientId(client(1)))
BY_NAME = grant(1, ByName("App 1"))
NOBODY = Unreadable("403: Application.Read.All is missing")


def on_one(verdict: Verdict) -> dict[int | str, Verdict]:
    return {f"contoso {address('x')}": verdict}


@pytest.mark.parametrize(
    ("mode", "has", "grants", "verdicts"),
    [
        pytest.param(Mode.ENFORCE, (1,), (grant(1), grant(2)), {1: PASS, 2: FAIL}, id="enforce"),
        pytest.param(Mode.ADDITIVE, (1, 3), (grant(1), grant(2)), {1: PASS, 2: FAIL}, id="additive"),
        pytest.param(Mode.ENFORCE, (), (grant(1),), {1: FAIL}, id="an open list holds nothing"),
        pytest.param(Mode.ENFORCE, (2,), (LAST_DAY, grant(2)), {1: FAIL, 2: PASS}, id="on its last day"),
        pytest.param(Mode.ENFORCE, (2,), (OLD, grant(2)), {2: PASS}, id="past its end it need not be there"),
        pytest.param(Mode.ENFORCE, (2,), (OLD,), on_one(NOT_APPLICABLE), id="all past their end"),
        pytest.param(Mode.ABSENT, (2,), (grant(1),), on_one(NOT_APPLICABLE), id="absent"),
        pytest.param(Mode.OBSERVE, (2,), (grant(1),), on_one(NOT_APPLICABLE), id="observe"),
        pytest.param(Mode.ENFORCE, UNREAD, (grant(1), grant(2)), on_one(UNKNOWN), id="unread"),
        pytest.param(Mode.OBSERVE, UNREAD, (grant(1),), on_one(NOT_APPLICABLE), id="unread, and nothing promised"),
    ],
)
def test_a_declared_application_must_be_on_the_list(
    mode: Mode, has: AllowedApps | Sequence[int], grants: tuple[Grant, ...], verdicts: Mapping[int | str, Verdict]
) -> None:
    seen = view(account("x", has), entries={"x": entry(mode, *grants)})
    assert by_app(judged(MISSING, seen)) == verdicts


@pytest.mark.parametrize(
    ("mode", "has", "grants", "verdicts"),
    [
        pytest.param(Mode.ENFORCE, (1, 2), (grant(1),), {1: PASS, 2: FAIL}, id="enforce"),
        pytest.param(Mode.ENFORCE, (1, 45), (grant(1),), {1: PASS, 45: FAIL}, id="an id that is nothing"),
        pytest.param(Mode.ENFORCE, (1, 2), (OLD, grant(2)), {1: NOT_APPLICABLE, 2: PASS}, id="past its end: HVE403"),
        pytest.param(Mode.ENFORCE, (1, 2), (LAST_DAY, grant(2)), {1: PASS, 2: PASS}, id="on its last day"),
        pytest.param(Mode.ENFORCE, (), (grant(1),), on_one(NOT_APPLICABLE), id="open: no list to judge"),
        pytest.param(Mode.ABSENT, (1, 3), (grant(1), grant(2)), {1: FAIL, 2: PASS}, id="absent"),
        pytest.param(Mode.ABSENT, (1, 3), (OLD,), {1: FAIL}, id="absent has no end"),
        pytest.param(Mode.ABSENT, (), (grant(1),), on_one(NOT_APPLICABLE), id="absent, and open"),
        pytest.param(Mode.ADDITIVE, (1, 2), (grant(1),), on_one(NOT_APPLICABLE), id="additive lets others be"),
        pytest.param(Mode.OBSERVE, (1, 2), (grant(1),), on_one(NOT_APPLICABLE), id="observe lets all be"),
        pytest.param(Mode.ENFORCE, UNREAD, (grant(1),), on_one(UNKNOWN), id="unread"),
        pytest.param(Mode.ABSENT, UNREAD, (grant(1),), on_one(UNKNOWN), id="absent, and unread"),
    ],
)
def test_only_what_is_declared_may_be_on_the_list(
    mode: Mode, has: AllowedApps | Sequence[int], grants: tuple[Grant, ...], verdicts: Mapping[int | str, Verdict]
) -> None:
    seen = view(account("x", has), entries={"x": entry(mode, *grants)})
    assert by_app(judged(EXTRA, seen)) == verdicts


@pytest.mark.parametrize("rule", [MISSING, EXTRA], ids=lambda rule: rule.id)
def test_nothing_is_promised_of_an_account_without_an_entry_or_declared_open(rule: TenantRule) -> None:
    open_on_purpose = entry(Mode.UNRESTRICTED, expires=TODAY, reason="Cut-over")
    seen = view(account("x", (1,)), account("y", (1,)), entries={"y": open_on_purpose})
    assert [each.verdict for each in judged(rule, seen)] == [NOT_APPLICABLE, NOT_APPLICABLE]


def test_an_extra_application_is_named_as_the_directory_names_it_and_comes_with_the_plan() -> None:
    seen = view(account("x", (1, 2)), entries={"x": entry(Mode.ENFORCE, grant(1))})
    (extra,) = (each for each in judged(EXTRA, seen) if each.verdict is FAIL)
    assert extra.message == f'"App 2" ({app(2)}) is on its list and not declared'
    assert extra.remedy == "hveadmin plan -t contoso -a hve-x@contoso.com"
    assert (extra.subject.app, extra.subject.app_name) == (Guid(app(2).value), "App 2")


def test_an_application_of_the_configuration_has_its_name_there() -> None:
    seen = view(account("x", (2,)), account("y", (1,)), entries=_each(entry(Mode.ENFORCE, grant(1))))
    missing = judged(MISSING, seen)[0]
    assert missing.message == "app-1 is declared and not on its list"
    assert missing.subject.app_name == "app-1"


def _each(declared: AccountEntry) -> Mapping[str, AccountEntry]:
    return {"x": declared, "y": declared}


class TestSettling:
    """A change of ours that is minutes old, and does not show everywhere yet."""

    ENFORCED = entry(Mode.ENFORCE, grant(1), grant(2))

    @pytest.mark.parametrize(
        ("has", "left", "missing", "extra"),
        [
            pytest.param((1,), (1, 2), {1: PASS, 2: NOT_APPLICABLE}, {1: PASS}, id="granted, not seen yet"),
            pytest.param(
                (1, 2, 3), (1, 2), {1: PASS, 2: PASS}, {1: PASS, 2: PASS, 3: NOT_APPLICABLE}, id="revoked, still seen"
            ),
            pytest.param((1,), (1,), {1: PASS, 2: FAIL}, {1: PASS}, id="we left something else"),
            pytest.param((), (1, 2), {1: FAIL, 2: FAIL}, on_one(NOT_APPLICABLE), id="an open list is never waited for"),
        ],
    )
    def test_what_we_left_as_declared_is_not_drift(
        self,
        has: Sequence[int],
        left: Sequence[int],
        missing: Mapping[int | str, Verdict],
        extra: Mapping[int | str, Verdict],
    ) -> None:
        live = account("x", has)
        seen = view(live, entries={"x": self.ENFORCED}, settling={live.guid: Settling(apps(*left), NOW)})
        assert by_app(judged(MISSING, seen)) == missing
        assert by_app(judged(EXTRA, seen)) == extra

    def test_it_says_until_when(self) -> None:
        live = account("x", (1,))
        until = NOW + timedelta(minutes=3)
        seen = view(live, entries={"x": self.ENFORCED}, settling={live.guid: Settling(apps(1, 2), until)})
        assert "10:17Z" in judged(MISSING, seen)[1].message


class TestUnresolved:
    """Applications that this tenant does not have as they are written, or of which nobody could say."""

    @pytest.mark.parametrize(
        ("reference", "has", "directory", "missing", "extra"),
        [
            pytest.param(
                BY_CLIENT_ID,
                (1, 2),
                NOBODY,
                {"apps.app-1": UNKNOWN, 2: PASS},
                {1: UNKNOWN, 2: PASS},
                id="directory unreadable: the id that nothing explains may be it",
            ),
            pytest.param(
                BY_CLIENT_ID,
                (2,),
                NOBODY,
                {"apps.app-1": FAIL, 2: PASS},
                {2: PASS},
                id="directory unreadable: every id is explained, so it is missing",
            ),
            pytest.param(
                BY_CLIENT_ID,
                (2, 3),
                service_principals(2, 3),
                {"apps.app-1": FAIL, 2: PASS},
                {2: PASS, 3: FAIL},
                id="not in this tenant: the other id is another application's",
            ),
            pytest.param(
                BY_NAME,
                (2, 3),
                service_principals(2, 3),
                {"apps.app-1": FAIL, 2: PASS},
                {2: PASS, 3: FAIL},
                id="nobody has that name",
            ),
        ],
    )
    def test_an_id_that_may_be_the_application_is_unknown_and_no_other(
        self,
        reference: Grant,
        has: Sequence[int],
        directory: DirectoryView,
        missing: Mapping[int | str, Verdict],
        extra: Mapping[int | str, Verdict],
    ) -> None:
        seen = view(account("x", has), entries={"x": entry(Mode.ENFORCE, reference, grant(2))}, directory=directory)
        assert by_app(judged(MISSING, seen)) == missing
        assert by_app(judged(EXTRA, seen)) == extra

    def test_what_is_past_its_end_is_not_expected_whoever_it_is(self) -> None:
        old = grant(1, ByClientId(client(1)), expires=YESTERDAY)
        seen = view(account("x", (2,)), entries={"x": entry(Mode.ENFORCE, old, grant(2))}, directory=NOBODY)
        assert by_app(judged(MISSING, seen)) == {2: PASS}

    def test_one_of_two_namesakes_on_the_list_may_be_the_one_that_is_meant(self) -> None:
        namesakes = {
            Guid(app(number).value): Identity(
                Guid(app(number).value), IdKind.SERVICE_PRINCIPAL, "App 1", principal(number, display_name="App 1")
            )
            for number in (1, 7)
        }
        directory = Readable(namesakes, {"App 1": tuple(principal(each, display_name="App 1") for each in (1, 7))})
        seen = view(account("x", (7,)), entries={"x": entry(Mode.ENFORCE, BY_NAME)}, directory=directory)
        assert by_app(judged(EXTRA, seen)) == {7: UNKNOWN}
        assert by_app(judged(MISSING, seen)) == {"apps.app-1": UNKNOWN}
        assert judged(MISSING, seen)[0].remedy == "hveadmin app whatis -t contoso 'App 1'"

    @pytest.mark.parametrize("has", [1, 5], ids=["what was pinned", "what it leads to now"])
    def test_an_application_that_is_not_as_it_was_pinned_is_neither_missing_nor_extra(self, has: int) -> None:
        # Pinned as 1; the client id leads to 5 by now. Whose word holds is for HVE208 and whoever pins it anew.
        identities = {
            Guid(app(1).value): Identity(Guid(app(1).value), IdKind.DELETED_SERVICE_PRINCIPAL, "App 1"),
            Guid(app(5).value): Identity(Guid(app(5).value), IdKind.SERVICE_PRINCIPAL, "App 1", _remade()),
            Guid(client(1).value): Identity(Guid(client(1).value), IdKind.CLIENT_ID, "App 1", _remade(), client(1)),
        }
        pins = Pins("contoso", view().facts.tenant_id, {"app-1": Pin.of("app-1", principal(1), YESTERDAY)})
        declared = {"x": entry(Mode.ENFORCE, BY_CLIENT_ID)}
        seen = view(account("x", (has,)), entries=declared, directory=Readable(identities), pins=pins)
        assert by_app(judged(EXTRA, seen)) == {has: UNKNOWN}
        assert by_app(judged(MISSING, seen)) == {"apps.app-1": UNKNOWN}

    @pytest.mark.parametrize(
        ("has", "directory", "verdict"),
        [
            pytest.param((2,), NOBODY, UNKNOWN, id="it may be the one on the list"),
            pytest.param((2,), service_principals(2), PASS, id="the one on the list is another"),
        ],
    )
    def test_what_must_be_absent_passes_only_where_no_id_on_the_list_may_be_it(
        self, has: Sequence[int], directory: DirectoryView, verdict: Verdict
    ) -> None:
        seen = view(account("x", has), entries={"x": entry(Mode.ABSENT, BY_CLIENT_ID)}, directory=directory)
        assert by_app(judged(EXTRA, seen)) == {"apps.app-1": verdict}

    def test_two_names_for_one_application_are_one(self) -> None:
        seen = view(account("x", (1,)), entries={"x": entry(Mode.ENFORCE, BY_CLIENT_ID, _twin())})
        assert by_app(judged(MISSING, seen)) == {1: PASS}
        assert by_app(judged(EXTRA, seen)) == {1: PASS}


def _remade() -> ServicePrincipal:
    return principal(5, client_id=client(1), display_name="App 1")


def _twin() -> Grant:
    other = grant(1)
    return Grant(type(other.app)("its-twin", other.app.ref, span(9)), span(9))


@pytest.mark.parametrize(
    ("unmanaged", "verdict", "severity"),
    [
        (Unmanaged.FAIL, FAIL, Severity.MEDIUM),
        (Unmanaged.REPORT, FAIL, Severity.LOW),
        (Unmanaged.IGNORE, NOT_APPLICABLE, Severity.MEDIUM),
    ],
)
@pytest.mark.parametrize("has", [(1,), (), UNREAD], ids=["restricted", "open", "unread"])
def test_an_account_without_an_entry_is_worth_what_the_configuration_says(
    unmanaged: Unmanaged, verdict: Verdict, severity: Severity, has: AllowedApps | Sequence[int]
) -> None:
    found = finding(hve303_account_without_entry.RULE, view(account("x", has), unmanaged=unmanaged))
    assert (found.verdict, found.severity) == (verdict, severity)


def test_an_account_with_an_entry_passes_and_it_is_said_which() -> None:
    selectors = [Selector("*", entry(Mode.OBSERVE))]
    seen = view(account("x", (1,)), account("y", UNREAD), entries={"x": entry(Mode.OBSERVE)}, selectors=selectors)
    found = judged(hve303_account_without_entry.RULE, seen)
    assert [(each.verdict, each.message) for each in found] == [
        (PASS, "named by hve.yaml:50"),
        (PASS, "named by selector *"),
    ]


def test_a_declared_account_that_is_not_there_fails_whatever_its_mode() -> None:
    declared = {mode.value: entry(mode, grant(1)) for mode in (Mode.ENFORCE, Mode.ABSENT, Mode.OBSERVE)}
    seen = view(account("enforce", (1,)), entries=declared)
    found = {str(each.subject.account): each for each in judged(hve304_account_not_found.RULE, seen)}
    assert {name: each.verdict for name, each in found.items()} == {
        "hve-enforce@contoso.com": PASS,
        "hve-absent@contoso.com": FAIL,
        "hve-observe@contoso.com": FAIL,
    }
    gone = found["hve-absent@contoso.com"]
    assert (gone.subject.guid, gone.source) == (None, span(50))
    assert gone.remedy == "hveadmin account list -t contoso"


def test_of_the_declared_accounts_only_those_that_are_asked_for_are_judged() -> None:
    declared = {"x": entry(Mode.OBSERVE), "y": entry(Mode.OBSERVE)}
    seen = view(entries=declared, only=lambda each: each == address("y"))
    assert one(hve304_account_not_found.RULE, seen).subject.account == address("y")


@pytest.mark.parametrize(
    ("match", "besides", "verdict"),
    [
        pytest.param("hve-*@contoso.com", (), PASS, id="matches"),
        pytest.param("HVE-X@CONTOSO.COM", (), PASS, id="letter case does not count"),
        pytest.param("hve-x", (), FAIL, id="a glob covers the whole address"),
        pytest.param("hve-*@contoso.com", ("*",), FAIL, id="all that it matches is taken out again"),
        pytest.param("*@fabrikam.com", (), FAIL, id="another domain"),
    ],
)
def test_a_selector_that_matches_no_account_fails(match: str, besides: tuple[str, ...], verdict: Verdict) -> None:
    selectors = [Selector(match, entry(Mode.OBSERVE, line=70), besides)]
    judgement = one(hve305_idle_selector.RULE, view(account("x", UNREAD), selectors=selectors))
    assert (judgement.verdict, judgement.source) == (verdict, span(70))


def test_what_an_account_has_an_entry_for_makes_no_difference_to_a_selector() -> None:
    selectors = [Selector("*@contoso.com", entry(Mode.OBSERVE)), Selector("*@fabrikam.com", entry(Mode.OBSERVE))]
    seen = view(account("x", (1,)), entries={"x": entry(Mode.OBSERVE)}, selectors=selectors)
    assert [each.verdict for each in judged(hve305_idle_selector.RULE, seen)] == [PASS, FAIL]


def test_a_selector_is_told_apart_by_what_it_says_and_not_by_its_line() -> None:
    selectors = [
        Selector("a*", entry(Mode.OBSERVE, line=70)),
        Selector("a*", entry(Mode.OBSERVE, line=71), ("ab*",)),
        Selector("a*", entry(Mode.OBSERVE, line=72)),
    ]
    found = judged(hve305_idle_selector.RULE, view(selectors=selectors))
    assert [each.subject.thing for each in found] == ["selector a*", "selector a* except ab*", "selector a* (2)"]


def test_where_there_is_no_account_every_selector_fails() -> None:
    assert one(hve305_idle_selector.RULE, view(selectors=[Selector("*", entry(Mode.OBSERVE))])).verdict is FAIL

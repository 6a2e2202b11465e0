"""What an auditor files says what could not be read before all else, and hides nothing whatever a name is."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from functools import cache

import pytest
import yaml
from builders import address, app
from report.audits import HINT, KINDS, audit, declared, exceptions_of, journaled
from report.test_hostile_names import HARMLESS, NAMES, SHAPES, Tags, _is_dangerous, shape
from report.test_pipeline_logs import azure_commands, github_commands

from hveadmin.domain.audit import AuditedAccount, AuditedApp, AuditedGrant, ExceptionState, Standing, Trait
from hveadmin.domain.facts import BasicAuth
from hveadmin.domain.finding import Verdict
from hveadmin.domain.journaled import How, Since
from hveadmin.report.audit import DECISION, since_words
from hveadmin.report.change_report import COLUMNS as CHANGE_COLUMNS
from hveadmin.report.change_report import NOT_IN_IT, Period, change_report
from hveadmin.report.document import Report
from hveadmin.report.exposure import concerns, residual_risk
from hveadmin.report.inventory import inventory_report
from hveadmin.report.render import FORMATS, render

TEXTS = ("table", "md", "html")
"""The formats that people read from the beginning."""


@cache
def made(of: str, name: str) -> Report:
    """A report; the same values make the same one, so once is enough."""
    return KINDS[of](name)


@cache
def written(of: str, name: str, format_name: str) -> str:
    return render(made(of, name), format_name)


@cache
def shape_of(of: str, name: str, format_name: str) -> object:
    """What a parser sees besides text, whatever the order."""
    text = written(of, name, format_name)
    # The quick parser; the slow one is asked in test_hostile_names.
    return _unordered(shape(yaml.load(text, yaml.CSafeLoader)) if format_name == "yaml" else SHAPES[format_name](text))


@cache
def elements(of: str, name: str) -> frozenset[tuple[str, tuple[str, ...]]]:
    """Every sort of element of the page, with its attributes' names."""
    return frozenset(Tags(written(of, name, "html")).found)


def kind(of: str) -> Report:
    return made(of, HARMLESS)


def data(of: str) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(written(of, HARMLESS, "json"))
    return found


# Names


@pytest.mark.parametrize("slug", NAMES)
@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("of", KINDS)
def test_a_hostile_name_changes_no_shape_and_commands_no_terminal(of: str, format_name: str, slug: str) -> None:
    harmless, hostile = written(of, HARMLESS, format_name), written(of, NAMES[slug], format_name)
    if format_name not in ("html", "table"):
        # There the lengths of the names decide on what stands where.
        assert shape_of(of, NAMES[slug], format_name) == shape_of(of, HARMLESS, format_name)
    assert [each for each in set(hostile) - {"\n"} if _is_dangerous(each)] == []
    for commands in (github_commands, azure_commands):
        assert [(each.name, each.properties.keys()) for each in commands(hostile)] == [
            (each.name, each.properties.keys()) for each in commands(harmless)
        ]


def _unordered(shape: object) -> object:
    """Without the order of lists, which is the names'."""
    match shape:
        case dict():
            return {key: _unordered(each) for key, each in shape.items()}
        case list():
            return sorted((_unordered(each) for each in shape), key=repr)
        case _:
            return shape


@pytest.mark.parametrize("slug", NAMES)
@pytest.mark.parametrize("of", KINDS)
def test_a_hostile_name_makes_no_element_and_no_attribute(of: str, slug: str) -> None:
    assert elements(of, NAMES[slug]) <= elements(of, HARMLESS)


@pytest.mark.parametrize("slug", NAMES)
@pytest.mark.parametrize("of", KINDS)
def test_no_spreadsheet_calculates(of: str, slug: str) -> None:
    cells = [cell for row in csv.reader(io.StringIO(written(of, NAMES[slug], "csv"))) for cell in row]
    assert [cell for cell in cells if re.match(r"[\s'\"]*[=+@-]", cell) and not cell.startswith("'")] == []


# What could not be read


@pytest.mark.parametrize("format_name", [each for each in FORMATS if each not in ("name", "azure")])
@pytest.mark.parametrize("of", KINDS)
def test_an_unread_tenant_and_an_unread_account_are_named_in_every_format(of: str, format_name: str) -> None:
    text = written(of, HARMLESS, format_name)
    assert "fabrikam" in text
    if format_name != "csv" or of.startswith(("inventory", "exposure", "exceptions")):
        # The spreadsheets of applications and of changes have no row for an account.
        assert "hve-scan@contoso.com" in text


@pytest.mark.parametrize("format_name", TEXTS)
@pytest.mark.parametrize("of", KINDS)
def test_what_is_unknown_comes_before_what_is_open_and_that_before_all_else(of: str, format_name: str) -> None:
    text = written(of, HARMLESS, format_name)
    body = text[text.index("<h1") :] if format_name == "html" else text
    places = [body.index(each) for each in ("fabrikam", "hve-scan@contoso.com", "hve-forgotten@contoso.com")]
    assert max(places[:2]) < places[2]
    if format_name != "html" and of.startswith(("inventory", "exposure")):
        assert places[2] < body.index("hve-lab@contoso.com")


@pytest.mark.parametrize("format_name", TEXTS)
def test_a_part_that_could_not_be_read_is_on_page_one(format_name: str) -> None:
    text = written("inventory-gaps", "nobody may", format_name)
    for part in ("the directory", "the journal"):
        said = (
            f"contoso, {part}</strong>: nobody may"
            if format_name == "html"
            else f"{part} could not be read: nobody may"
        )
        assert text.index(said) < text.index("hve-forgotten@contoso.com")


def test_every_gap_is_in_the_machine_form_and_none_of_it_looks_empty() -> None:
    gaps = {(each["tenant"], each["account"], each["what"]) for each in data("inventory-gaps")["unknown"]}
    assert {
        ("fabrikam", None, "the tenant"),
        ("contoso", None, "the directory"),
        ("contoso", None, "the journal"),
        ("contoso", "hve-scan@contoso.com", "its list"),
    } <= gaps
    (scan,) = [each for each in data("exposure")["accounts"] if each["account"] == "hve-scan@contoso.com"]
    assert (scan["open"], scan["unused"], scan["traits"]) == (None, None, None)
    unread = next(each for each in data("exposure")["tenants"] if each["tenant"] == "fabrikam")
    assert (unread["state"], unread["accounts"], unread["open"]) == ("unread", None, None)


@pytest.mark.parametrize("of", ["inventory", "exposure"])
def test_an_account_that_is_open_or_unknown_has_a_row_of_its_own(of: str) -> None:
    rows = list(csv.DictReader(io.StringIO(render(kind(of), "csv"))))
    states = {row["account"]: row["state"] for row in rows}
    assert states["hve-legacy@contoso.com"] == "OPEN: any application may send"
    assert states["hve-scan@contoso.com"].startswith("UNKNOWN")
    assert next(row["tenant"] for row in rows) == "fabrikam"


# What every report has


@pytest.mark.parametrize("of", KINDS)
def test_page_one_says_who_when_with_what_and_how_much(of: str) -> None:
    for format_name in TEXTS:
        text = written(of, HARMLESS, format_name)
        for said in ("c" * 64, "e" * 64, "f" * 64, "2026-11-23T10:14:07Z", "8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06"):
            assert said in text, (format_name, said)
    (about,) = data(of)["about"]
    assert about["configuration"] == {"file": "hve.yaml", "sha256": "c" * 64, "at": None}
    assert about["version"] == "0.3"


@pytest.mark.parametrize("of", KINDS)
def test_every_failure_and_every_unknown_is_a_line_to_decide_on(of: str) -> None:
    report = kind(of)
    assert report.assessment is not None
    undecided = [each for each in report.assessment.findings if each.verdict in (Verdict.FAIL, Verdict.UNKNOWN)]
    plan = report.sections[-1]
    assert plan.fill_in == ("due", "signature")
    assert [row[2] for row in plan.table.rows] == [each.rule for each in undecided]
    assert all(row[-1] == DECISION for row in plan.table.rows)
    columns = re.findall(r"^\| number \|.*$", render(report, "md"), re.MULTILINE)
    assert [each.endswith("| due | signature |") for each in columns] == [True]


def test_who_is_to_decide_is_whoever_answers_for_the_grant_and_then_for_the_account() -> None:
    plan = inventory_report(audit("the owner")).sections[-1]
    owners = {(row[2], row[4], row[5]): row[7] for row in plan.table.rows}
    assert owners["HVE403", "hve-alert@contoso.com", "app-6"] == "the owner"
    assert owners["HVE101", "hve-forgotten@contoso.com", ""] == ""


@pytest.mark.parametrize("of", KINDS)
def test_the_spreadsheet_has_one_kind_of_row(of: str) -> None:
    rows = list(csv.reader(io.StringIO(render(kind(of), "csv"))))
    assert len({len(row) for row in rows}) == 1
    assert "decision" not in rows[0]


@pytest.mark.parametrize("of", KINDS)
def test_nothing_of_a_secret_is_told(of: str) -> None:
    for format_name in FORMATS:
        assert HINT not in written(of, HARMLESS, format_name), format_name


# Inventory


def test_a_grant_is_told_with_its_words_and_since_when_it_is_known() -> None:
    grants = {(each["account"], each["object_id"]): each for each in data("inventory")["grants"]}
    mine = grants["hve-payroll@contoso.com", app(1).value]
    assert (mine["standing"], mine["owner"], mine["expires"]) == ("declared", HARMLESS, "2026-12-02")
    # Run p1 granted it; the list was empty in between, and the last run found it back.
    assert mine["since"] == {"at": "2026-11-21T10:14:07Z", "how": "seen", "plan_id": HARMLESS}
    theirs = grants["hve-payroll@contoso.com", app(3).value]
    assert theirs["since"] == {"at": "2026-11-21T10:14:07Z", "how": "later", "plan_id": HARMLESS}
    assert grants["hve-alert@contoso.com", app(4).value]["since"] is None


def test_nothing_known_is_said_to_be_not_known() -> None:
    at = journaled().runs[0].started_at
    assert since_words(None) == "not known"
    assert since_words(Since(at, How.GRANTED)) == "granted 2026-11-14"
    assert since_words(Since(at, How.LATER)) == "after 2026-11-14, not by this journal"


# Exposure


def _account(*traits: Trait, standing: Standing = Standing.DECLARED, **changes: object) -> AuditedAccount:
    found = next(each for each in audit().tenants[0].accounts if each.address == address("lab"))
    listed = AuditedApp(app(1), "x", None, (), dict.fromkeys(traits, "because"))
    fields: dict[str, object] = {"grants": (AuditedGrant(listed, standing),), "basic_auth": BasicAuth.BLOCKED}
    return AuditedAccount(found.account, **{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("account", "risk"),
    [
        (_account(), "1 application may send as it"),
        (_account(Trait.UNEXPLAINED), "1 application may send as it, of which 1 unexplained"),
        (_account(standing=Standing.ENDED), "1 application may send as it, of which 1 not declared for it"),
        (_account(Trait.DISABLED), "0 applications may send as it; 1 on its list cannot send as things are"),
        (
            _account(basic_auth=BasicAuth.ALLOWED),
            "1 application may send as it; whoever has its password may too, past the list",
        ),
    ],
)
def test_what_is_left_to_chance_is_one_sentence(account: AuditedAccount, risk: str) -> None:
    assert residual_risk(account) == risk


def test_of_an_account_that_could_not_be_read_nothing_is_counted() -> None:
    scan = next(each for each in audit().tenants[0].accounts if each.address == address("scan"))
    assert concerns(scan) == "UNKNOWN"
    assert residual_risk(scan).startswith("Not known: its list could not be read")


# Changes


def test_a_call_is_told_with_what_came_of_it_and_what_was_read_back() -> None:
    calls = data("changes")["calls"]
    assert [each["result"] for each in calls] == ["done", "done", "failed", "unknown", "done", "done"]
    assert calls[3]["read_back"] is None
    assert calls[4]["read_back"] == {"state": "known", "apps": []}
    assert "OPEN: empty" in written("changes", HARMLESS, "table")
    assert NOT_IN_IT in written("changes", HARMLESS, "table")


def test_a_list_that_is_no_longer_as_we_left_it_is_said_to_be_changed() -> None:
    assert "changed by somebody else" in written("changes", HARMLESS, "table")


def test_a_period_holds_its_last_day() -> None:
    first = journaled().runs[0]
    on = first.started_at.date()
    assert Period(on, on).holds(first)
    assert not Period(until=on.replace(day=on.day - 1)).holds(first)
    assert not Period(since=on.replace(day=on.day + 1)).holds(first)
    report = change_report(audit(), Period(until=on))
    assert [row[2] for row in report.table.rows if row[0] == "contoso"] == ["p1", "p1"]
    assert report.table.columns == CHANGE_COLUMNS


# Exceptions


def test_every_exception_has_its_state_and_the_undeclared_one_comes_first() -> None:
    found = exceptions_of().lists["exceptions"]
    assert found[0]["state"] == ExceptionState.NOT_DECLARED
    assert {each["state"] for each in found} >= {
        ExceptionState.NOT_TOLD,
        ExceptionState.PAST,
        ExceptionState.IDLE,
        ExceptionState.SOON,
        ExceptionState.IN_FORCE,
        ExceptionState.NOT_THERE,
    }
    assert {each["rule"] for each in found if each["exception"] == "rule"} == {"HVE207", "HVE405"}


def test_a_waiver_is_told_with_whose_word_it_is() -> None:
    (waiver, *_) = declared("the owner").policy.waivers
    told = next(each for each in exceptions_of("the owner").lists["exceptions"] if each["exception"] == "waiver")
    assert told["owner"] == told["reason"] == told["ticket"] == waiver.owner


def test_reports_are_made_by_functions_that_keep_nothing() -> None:
    made: list[Callable[[], str]] = [lambda of=of: render(KINDS[of](HARMLESS), "json") for of in KINDS]  # type: ignore[misc]
    assert [each() for each in made] == [each() for each in made]

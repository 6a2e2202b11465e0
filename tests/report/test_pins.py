"""What app pin found, in words for people and whole for programs; no name does anything on the way out."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date

import pytest
from builders import TENANT, TODAY, app, client, principal
from report.judged import SHOWING_ALL

from hveadmin.domain.ids import TenantId
from hveadmin.domain.pins import Pin, PinChanges, Pins, compare
from hveadmin.report.pins import LockFileState, finished, pins_report, unread
from hveadmin.report.render import render
from hveadmin.report.safe_text import UNSAFE

OTHER = TenantId("99999999-0000-4000-8000-000000000000")
HOSTILE = "\x1b[31m\u202e##vso[x]=1"


def pinned(number: int) -> Pin:
    return Pin.of(f"app-{number}", principal(number), date(2026, 11, 2))


CHANGES = compare(
    "contoso",
    TENANT,
    Pins("contoso", TENANT, {f"app-{number}": pinned(number) for number in (1, 2, 3, 4, 5)}),
    {
        "app-1": principal(1),
        "app-2": principal(2, display_name=HOSTILE, owner_tenant=OTHER),
        "app-3": principal(3, object_id=app(9)),
        "app-6": principal(6, publisher="Fabrikam", owner_tenant=OTHER),
        "app-8": principal(8, owner_tenant=TENANT),
    },
    {"app-5": "is nothing in this tenant", "app-7": "is nothing in this tenant"},
    TODAY,
)
WRITTEN = LockFileState("hve.lock.yaml", "ab" * 32, differs=True, written=True)


def shown(changes: PinChanges, state: LockFileState = WRITTEN, format_name: str = "table") -> str:
    return render(finished([pins_report(changes)], state), format_name)


@pytest.mark.parametrize(
    "line",
    [
        f"  unchanged   app-1  {app(1)}  since 2026-11-02",
        f"  changed     app-3  {app(9)}  object id {app(3)} → {app(9)}",
        f"  removed     app-4  {app(4)}  no longer used in this tenant",
        f"  kept        app-5  {app(5)}  is nothing in this tenant; the pin is kept, to take it off lists",
        f'  new         app-6  {app(6)}  "App 6", publisher "Fabrikam", owner tenant {OTHER}',
        f'  new         app-8  {app(8)}  "App 8", no verified publisher, registered here',
        "2 new, 2 changed, 1 removed, 1 unchanged, 1 kept, 1 not pinned.",
        f"Wrote hve.lock.yaml  sha256 {'ab' * 32}  to be committed",
    ],
)
def test_people_read_what_became_of_each_application(line: str) -> None:
    assert line in shown(CHANGES).splitlines()


def test_several_differences_stand_in_one_line() -> None:
    (line,) = [each for each in shown(CHANGES).splitlines() if "app-2" in each]
    assert f"owner tenant none → {OTHER}" in line
    assert 'display name "App 2" → ' in line


@pytest.mark.parametrize("format_name", SHOWING_ALL)
def test_a_name_that_somebody_else_chose_does_nothing(format_name: str) -> None:
    text = shown(CHANGES, format_name=format_name)
    assert not UNSAFE.search(text.replace("\n", "").replace("\r", ""))
    assert "##vso[" not in text


def test_programs_get_every_fact() -> None:
    told = json.loads(shown(CHANGES, format_name="json"))
    by_name = {each["name"]: each for each in told["applications"]}
    assert by_name["app-3"]["another_service_principal"] is True
    assert by_name["app-3"]["differences"] == [{"what": "object_id", "before": app(3).value, "after": app(9).value}]
    assert by_name["app-7"]["pin"] is None
    assert by_name["app-6"]["pin"] == {
        "object_id": app(6).value,
        "client_id": client(6).value,
        "display_name": "App 6",
        "publisher": "Fabrikam",
        "owner_tenant": OTHER.value,
        "resolved_at": TODAY.isoformat(),
    }
    assert told["tenants"] == [{"tenant": "contoso", "tenant_id": TENANT.value, "moved_from": None, "differs": True}]
    assert told["lock_files"] == [{"file": "hve.lock.yaml", "sha256": "ab" * 32, "differs": True, "written": True}]


def test_the_table_has_a_row_for_each_application() -> None:
    rows = list(csv.DictReader(io.StringIO(shown(CHANGES, format_name="csv"))))
    assert [row["state"] for row in rows] == [
        "unchanged", "changed", "changed", "removed", "kept", "new", "not pinned", "new",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (replace(WRITTEN, written=False), "hve.lock.yaml is not up to date; hveadmin app pin writes it"),
        (replace(WRITTEN, written=False, differs=False), "hve.lock.yaml is up to date"),
    ],
)
def test_what_became_of_the_lock_file_is_said(state: LockFileState, words: str) -> None:
    assert words in shown(CHANGES, state)


def test_a_tenant_that_was_not_read_is_not_one_without_applications() -> None:
    report = finished([pins_report(CHANGES), unread("fabrikam", "throttled")], WRITTEN)
    for format_name in SHOWING_ALL:
        assert "throttled" in render(report, format_name)
    assert "fabrikam  UNKNOWN: throttled" in render(report, "table")


def test_pins_of_another_tenant_are_said_to_be() -> None:
    moved = compare("contoso", OTHER, Pins("contoso", TENANT, {}), {}, {}, TODAY)
    assert f"the pins were made for another tenant: {TENANT}" in shown(moved)

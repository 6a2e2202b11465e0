"""Who is signed in, in words for people and whole for programs; names that others chose do nothing on the way out."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from report.judged import SHOWING_ALL

from hveadmin.report.auth import (
    STATUS_COLUMNS,
    Failure,
    FoundTenant,
    Role,
    SignedOut,
    SignInState,
    Token,
    Tried,
    auth_logout,
    auth_status,
)
from hveadmin.report.document import Report, together
from hveadmin.report.render import render
from hveadmin.report.safe_text import UNSAFE

GOLDEN = Path(__file__).parent / "golden-auth"
SUFFIXES = {"table": "txt", "json": "json", "csv": "csv", "md": "md"}
TENANT = "0a5f0000-0000-4000-8000-00000000000a"
CLIENT = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
HOSTILE = "\x1b[31m\u202eevil =1+1 <script>"

APPLICATION = Token(
    f"hve-ops ({CLIENT})",
    TENANT,
    "https://outlook.office365.com",
    datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC),
    CLIENT,
    "7d0e5c1a-4b2f-4e86-9a3d-6c8b0f2e41aa",
    roles=("Exchange.ManageAsApp",),
    directory_roles=(
        Role("29232cdf-9323-42fd-ade2-1d097af3e4de", "Exchange Administrator"),
        Role("0997a1d0-0d1d-4acb-b408-d5ca73121e90", ""),
    ),
)
PERSON = replace(APPLICATION, actor="anna@contoso.com", is_user=True, roles=(), scopes=("Exchange.Manage",))
STATE = SignInState(
    tenant="contoso",
    profile="contoso-prod",
    kind="client_secret",
    client_id=CLIENT,
    asked_tenant="contoso.com",
    cloud="worldwide",
    login="https://login.microsoftonline.com",
    credential="client secret in env HVE_SECRET",
    kept_in="memory",
    tried=(Tried("Exchange", APPLICATION), Tried("Graph", replace(APPLICATION, roles=(), directory_roles=()))),
    found=FoundTenant(TENANT, "gcc-high", "USGov"),
    warnings=("the tenant is in the cloud gcc-high, and the profile says worldwide: set cloud: gcc-high",),
)
HALF = replace(
    STATE,
    tenant="fabrikam",
    kind="device_code",
    tried=(Tried("Exchange", PERSON), Tried("Graph", Failure(f"Entra said {HOSTILE}", "register one of your own"))),
    found=Failure("there is no such tenant in this cloud"),
    warnings=(),
)
NOBODY = replace(
    STATE,
    tenant="northwind",
    client_id="",
    asked_tenant="",
    credential="",
    kept_in="",
    tried=(Tried("Exchange", Failure("the environment variable HVE_SECRET is not set, or empty")),),
    found=None,
    warnings=(),
)
REPORTS = {
    "status": lambda: together([auth_status(each) for each in (STATE, HALF, NOBODY)]),
    "logout": lambda: auth_logout(
        [SignedOut("mine", "device_code", "anna@contoso.com", 3), SignedOut("ci", "github", "", 0)]
    ),
}


@pytest.mark.parametrize("format_name", SUFFIXES)
@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_written_as_it_was_agreed(name: str, format_name: str) -> None:
    path, text = GOLDEN / f"{name}.{SUFFIXES[format_name]}", render(REPORTS[name](), format_name)
    if os.environ.get("HVEADMIN_REFRESH_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode()


def test_no_golden_file_is_left_over() -> None:
    expected = {f"{name}.{suffix}" for name in REPORTS for suffix in SUFFIXES.values()}
    assert {path.name for path in GOLDEN.iterdir()} == expected


@pytest.mark.parametrize(
    ("state", "says"),
    [(STATE, "contoso: signed in."), (HALF, "signed in, but not to Graph."), (NOBODY, "northwind: not signed in.")],
)
def test_the_last_line_says_whether_it_works(state: SignInState, says: str) -> None:
    assert says in render(auth_status(state), "table").splitlines()[-1]


def test_a_token_that_could_not_be_had_has_no_rights_in_the_machine_form() -> None:
    tokens = json.loads(render(auth_status(HALF), "json"))["tokens"]
    assert [each["signed_in"] for each in tokens] == [True, False]
    assert tokens[1].keys() == {"tenant", "service", "signed_in", "said", "next"}


@pytest.mark.parametrize("format_name", [each for each in SHOWING_ALL if each not in ("json", "jsonl", "yaml")])
@pytest.mark.parametrize("report", [auth_status(HALF), auth_logout([SignedOut(HOSTILE, HOSTILE, HOSTILE, 1)])])
def test_names_that_others_chose_are_escaped(report: Report, format_name: str) -> None:
    assert not UNSAFE.search(render(report, format_name).replace("\n", "").replace("\r", ""))


def test_the_table_has_every_column_for_programs() -> None:
    rows = list(csv.DictReader(io.StringIO(render(auth_status(HALF), "csv"))))
    assert tuple(rows[0]) == STATUS_COLUMNS
    assert [row["signed_in"] for row in rows] == ["yes", "no"]

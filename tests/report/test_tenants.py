"""The configured tenants, and what came of trying to reach one."""

from __future__ import annotations

import json

import pytest
from builders import TENANT, entry, grant, tenant
from report.judged import SHOWING_ALL

from hveadmin.domain.desired import DesiredState, Mode
from hveadmin.report.render import render
from hveadmin.report.tenants import Checked, tenant_list, tenant_test

DESIRED = DesiredState(apps={}, tenants={"contoso": tenant({"a": entry(Mode.ENFORCE, grant(1))})})


@pytest.mark.parametrize("format_name", SHOWING_ALL)
def test_a_tenant_is_listed_with_its_id(format_name: str) -> None:
    shown = render(tenant_list(DESIRED), format_name)
    assert "contoso.onmicrosoft.com" in shown
    assert TENANT.value in shown


def test_what_the_configuration_does_not_say_is_null() -> None:
    item = json.loads(render(tenant_list(DESIRED), "json"))["tenants"][0]
    assert (item["profile"], item["accounts_declared"]) == (None, 1)


@pytest.mark.parametrize(
    ("passed", "word", "verdict"),
    [
        (True, "ok", "contoso can be read as hveadmin needs it."),
        (False, "FAILED", "contoso: 0 of 1 check passed."),
        (None, "not tried", "contoso: 0 of 1 check passed."),
    ],
)
def test_a_check_that_was_not_tried_is_not_passed(passed: bool | None, word: str, verdict: str) -> None:
    shown = render(tenant_test("contoso", TENANT, (Checked("sign in", passed, "as hve-ops"),)), "table")
    assert f"  {word}  sign in  as hve-ops" in shown
    assert verdict in shown


def test_a_failed_check_says_what_to_do_next() -> None:
    checks = (Checked("sign in", False, "AADSTS7000215", "set HVEADMIN_CLIENT_SECRET"),)
    assert "next: set HVEADMIN_CLIENT_SECRET" in render(tenant_test("contoso", None, checks), "table")


def test_no_check_at_all_is_no_pass() -> None:
    assert "can be read" not in render(tenant_test("contoso", TENANT, ()), "table")

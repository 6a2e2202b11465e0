"""What an auditor opens and prints: nothing is fetched, nobody is left out, and a large tenant is quick to open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders import NOW, TENANT
from report.audits import ASKED, KINDS
from report.browser import A4_LANDSCAPE, browser, opened, violations
from report.samples import HOSTILE, made_up

from hveadmin.domain.facts import TenantFacts
from hveadmin.domain.journaled import NO_HISTORY
from hveadmin.domain.tenant import Unreadable
from hveadmin.report.audit import Audit
from hveadmin.report.document import Assessment, Report, Scope
from hveadmin.report.exposure import exposure_report
from hveadmin.report.inventory import inventory_report
from hveadmin.report.render import render
from hveadmin.workflows.check import Lately, check_tenant, judge, view_of
from hveadmin.workflows.report import audit_tenant, no_configuration

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("Payroll Mailer", HOSTILE[2], HOSTILE[7])
CASES = [(kind, name) for kind in KINDS for name in NAMES]


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as running:
        yield running


def large() -> Audit:
    """A hundred accounts and three hundred applications, of which nothing is declared."""
    facts = replace(TenantFacts(made_up(100, 300)), permissions=Unreadable("nobody may"))
    desired = no_configuration({"contoso": facts})
    contoso = desired.tenants["contoso"]
    checked = check_tenant(desired, contoso, facts, ASKED)
    view = view_of(desired, contoso, facts, ASKED, pins=None, lately=Lately())
    tenant = audit_tenant(view, NO_HISTORY, configured=False)
    findings = judge(desired, ["contoso"], [checked], ASKED)
    scope = Scope("contoso", TENANT.value, "contoso.onmicrosoft.com", NOW, "audit@contoso.com", 100)
    return Audit((tenant,), Assessment(findings, (scope,), made_at=NOW), NOW, "audit@contoso.com", "0.3")


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_report_opens_without_a_word_and_without_a_request(
    kind: str, name: str, chrome: Browser, tmp_path: Path
) -> None:
    with opened(chrome, render(KINDS[kind](name), "html"), tmp_path) as seen:
        assert seen.said == []
        assert seen.asked_for == [(tmp_path / "report.html").as_uri()]
        assert seen.page.evaluate("document.scripts.length + document.images.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_has_nothing_against_a_report(kind: str, scheme: str, chrome: Browser, tmp_path: Path) -> None:
    with opened(chrome, render(KINDS[kind]("Payroll Mailer"), "html"), tmp_path, color_scheme=scheme) as seen:
        seen.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert violations(seen.page) == []


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_no_report_is_wider_than_the_window(kind: str, name: str, width: int, chrome: Browser, tmp_path: Path) -> None:
    html = render(KINDS[kind](name), "html")
    with opened(chrome, html, tmp_path, viewport={"width": width, "height": 800}) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_on_paper_nothing_is_cut_off(kind: str, name: str, chrome: Browser, tmp_path: Path) -> None:
    with opened(chrome, render(KINDS[kind](name), "html"), tmp_path, viewport=A4_LANDSCAPE) as seen:
        seen.page.emulate_media(media="print")
        seen.page.wait_for_function("document.querySelectorAll('details').length > 0")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= A4_LANDSCAPE["width"]


def test_the_plan_of_action_has_room_to_be_filled_in_and_comes_after_the_findings(
    chrome: Browser, tmp_path: Path
) -> None:
    with opened(chrome, render(KINDS["inventory"]("Payroll Mailer"), "html"), tmp_path) as seen:
        page = seen.page
        by_hand = page.evaluate(
            "[...document.querySelectorAll('td.by-hand')].map(e => e.getBoundingClientRect().width)"
        )
        assert len(by_hand) > 20
        assert min(by_hand) >= 80
        titles = page.evaluate("[...document.querySelectorAll('h2')].map(e => e.textContent.trim().split(' (')[0])")
        order = [titles.index(each) for each in ("contoso: open accounts", "Findings", "Action plan", "The rules")]
        assert order == sorted(order)


def test_a_group_s_heading_is_one_for_those_who_do_not_see_it(chrome: Browser, tmp_path: Path) -> None:
    with opened(chrome, render(KINDS["inventory"]("Payroll Mailer"), "html"), tmp_path) as seen:
        heads = seen.page.evaluate("[...document.querySelectorAll('tr.over th')].map(e => [e.scope, e.textContent])")
        assert [scope for scope, text in heads if "hve-payroll@" in text or "hve-lab@" in text] == [
            "rowgroup",
            "rowgroup",
        ]


@pytest.mark.parametrize("report", [inventory_report, exposure_report], ids=["inventory", "exposure"])
def test_a_hundred_accounts_and_three_hundred_applications_open_quickly(
    report: object, chrome: Browser, tmp_path: Path
) -> None:
    began = time.monotonic()
    made: Report = report(large())  # type: ignore[operator]
    html = render(made, "html")
    with opened(chrome, html, tmp_path, viewport={"width": 1400, "height": 1000}) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1400
        assert seen.page.evaluate("document.querySelectorAll('tbody tr').length") > 400
    # The bounds are for slow machines.
    assert time.monotonic() - began < 20
    assert len(html.encode()) < 2_000_000

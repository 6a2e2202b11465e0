"""HTML reports as a browser shows and prints them: nothing is fetched, nothing complains, nobody is left out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from report.browser import A4_LANDSCAPE, browser, opened, violations
from report.samples import HOSTILE, access_report
from report.test_golden import REPORTS

from hveadmin.report.document import Report
from hveadmin.report.render import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FILED = {
    "small": lambda: access_report(12, 9),
    "hostile": lambda: access_report(12, 9, HOSTILE),
    "two sheets": lambda: access_report(20, 34),
}
EVERY_KIND = {**FILED, **REPORTS}
UNFOLD = "document.querySelectorAll('details').forEach(each => { each.open = true })"
CUT_OFF = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollHeight > e.clientHeight + 1).length"


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_report_opens_without_a_word_and_without_a_request(kind: str, chrome: Browser, tmp_path: Path) -> None:
    with opened(chrome, render(EVERY_KIND[kind](), "html"), tmp_path) as seen:
        assert seen.said == []
        assert seen.asked_for == [(tmp_path / "report.html").as_uri()]
        assert seen.page.evaluate("document.scripts.length + document.images.length") == 0
        assert seen.page.evaluate("[document.compatMode, document.documentElement.lang]") == ["CSS1Compat", "en"]


def test_the_watch_would_hear_a_page_that_loads_something(chrome: Browser, tmp_path: Path) -> None:
    html = render(access_report(2, 2), "html").replace("<h1>", "<img src='http://127.0.0.1:9/x.png' alt=''><h1>")
    with opened(chrome, html, tmp_path) as seen:
        assert any("Content Security Policy" in each for each in seen.said)


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [
        ("small", "light"),
        ("small", "dark"),
        ("two sheets", "dark"),
        ("hostile", "light"),
        ("check", "light"),
        ("check", "dark"),
        ("plan", "light"),
        ("plan", "dark"),
        ("doctor", "dark"),
        ("accounts", "light"),
    ],
)
def test_axe_has_nothing_against_a_report(kind: str, scheme: str, chrome: Browser, tmp_path: Path) -> None:
    with opened(chrome, render(EVERY_KIND[kind](), "html"), tmp_path, color_scheme=scheme) as seen:
        # What is folded away is looked at as well.
        seen.page.evaluate(UNFOLD)
        assert violations(seen.page) == []


def test_axe_would_see_grey_on_grey(chrome: Browser, tmp_path: Path) -> None:
    html = render(access_report(2, 2), "html").replace("--ink: #1b1f24", "--ink: #b0b0b0")
    with opened(chrome, html, tmp_path) as seen:
        assert any(each.startswith("serious: color-contrast") for each in violations(seen.page))


def test_dark_is_dark(chrome: Browser, tmp_path: Path) -> None:
    html = render(access_report(2, 2), "html")
    colours = []
    for scheme in ("light", "dark"):
        with opened(chrome, html, tmp_path, color_scheme=scheme) as seen:
            colours.append(seen.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(22, 25, 29)"]


@pytest.mark.parametrize("kind", [*FILED, "plan", "whatis", "app"])
@pytest.mark.parametrize("width", [390, 1400])
def test_no_report_is_wider_than_the_window(kind: str, width: int, chrome: Browser, tmp_path: Path) -> None:
    with opened(chrome, render(EVERY_KIND[kind](), "html"), tmp_path, viewport={"width": width, "height": 800}) as seen:
        seen.page.evaluate(UNFOLD)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_first_key_skips_to_the_report_and_rules_open_by_key(chrome: Browser, tmp_path: Path) -> None:
    with opened(chrome, render(access_report(12, 9), "html"), tmp_path) as seen:
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.textContent") == "Skip to the report"
        assert seen.page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.activeElement.id") == "main"
        seen.page.focus("#rule-HVE101 summary")
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.querySelector('#rule-HVE101').open")


def test_every_line_of_the_contents_leads_somewhere(chrome: Browser, tmp_path: Path) -> None:
    with opened(chrome, render(access_report(12, 9), "html"), tmp_path) as seen:
        lost = "[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.querySelector(a.hash)).length"
        assert seen.page.evaluate(lost) == 0


@pytest.mark.parametrize("kind", [*FILED, "check", "plan", "doctor", "app"])
def test_on_paper_nothing_is_folded_away_or_cut_off(kind: str, chrome: Browser, tmp_path: Path) -> None:
    with opened(chrome, render(EVERY_KIND[kind](), "html"), tmp_path, viewport=A4_LANDSCAPE) as seen:
        seen.page.emulate_media(media="print")
        # The browser unfolds with the next frame.
        seen.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        folded = "[...document.querySelectorAll('details:not(.source) p, details:not(.source) td')]"
        visible = "e => e.checkVisibility({contentVisibilityAuto: true})"
        assert seen.page.evaluate(f"{folded}.every({visible})")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= A4_LANDSCAPE["width"]
        assert seen.page.evaluate(CUT_OFF) == 0


def test_the_widest_matrix_fits_a_sheet(chrome: Browser, tmp_path: Path) -> None:
    with opened(chrome, render(access_report(40, 70), "html"), tmp_path, viewport=A4_LANDSCAPE) as seen:
        seen.page.emulate_media(media="print")
        widest = "Math.max(...[...document.querySelectorAll('table.matrix')].map(e => e.getBoundingClientRect().right))"
        assert seen.page.evaluate(widest) <= A4_LANDSCAPE["width"]
        assert seen.page.evaluate("document.querySelectorAll('table.matrix').length") == 3


def test_a_matrix_that_scrolls_on_the_screen_is_whole_on_paper(chrome: Browser, tmp_path: Path) -> None:
    with opened(chrome, render(access_report(60, 30), "html"), tmp_path, viewport=A4_LANDSCAPE) as seen:
        assert seen.page.evaluate(CUT_OFF) == 1
        seen.page.emulate_media(media="print")
        assert seen.page.evaluate(CUT_OFF) == 0


def test_a_browser_prints_it(chrome: Browser, tmp_path: Path) -> None:
    with opened(chrome, render(access_report(12, 9), "html"), tmp_path) as seen:
        assert seen.page.pdf(prefer_css_page_size=True).startswith(b"%PDF-")


def test_a_hundred_accounts_and_three_hundred_applications_open_quickly(chrome: Browser, tmp_path: Path) -> None:
    report: Report = access_report(100, 300)
    began = time.monotonic()
    html = render(report, "html")
    with opened(chrome, html, tmp_path) as seen:
        assert seen.page.evaluate("document.querySelectorAll('table.matrix').length") == 10
    # Measured: 0.1 s to write, 0.6 to 1.6 s to open, 380 KiB. The bounds are for slow machines.
    assert time.monotonic() - began < 20
    assert len(html.encode()) < 1_000_000

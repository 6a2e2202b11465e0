"""
A real browser, the system's Chromium, in which HTML reports are opened from a file and watched.

Where there is none the tests are left out and say so; `.ci/run` installs one and sets HVEADMIN_BROWSER=required, so
that there they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
A4_LANDSCAPE = {"width": 1032, "height": 703}
"""A4 in landscape without the margins of the style sheet, in CSS pixels."""


def chromium() -> str:
    """The path of the browser; the test is left out where there is none."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        assert os.environ.get("HVEADMIN_BROWSER") != "required", f"none of {', '.join(_NAMES)} is installed"
        pytest.skip("Chromium is not installed; .ci/run installs it")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A running browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # No sandbox of its own: CI runs as root, where it refuses to start with one. It opens our own files only.
        running = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield running
        finally:
            running.close()


@dataclass(frozen=True, slots=True)
class Opened:
    """A page, and what it did while it was open."""

    page: Page
    said: list[str] = field(default_factory=list)
    """Console messages, errors and dialogs."""
    asked_for: list[str] = field(default_factory=list)
    """Addresses of every request, the page's own first."""


@contextmanager
def opened(running: Browser, html: str, folder: Path, **options: Any) -> Iterator[Opened]:
    """A report in a browser as somebody opens it who was sent the file. `options` are Playwright's for a context."""
    file = folder / "report.html"
    file.write_text(html, encoding="utf-8")
    context = running.new_context(**{"viewport": {"width": 1400, "height": 1000}, **options})
    try:
        page = context.new_page()
        watched = Opened(page)
        page.on("console", lambda message: watched.said.append(message.text))
        page.on("pageerror", lambda error: watched.said.append(str(error)))
        page.on("dialog", lambda dialog: watched.said.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: watched.asked_for.append(request.url))
        page.goto(file.as_uri())
        yield watched
    finally:
        context.close()


def violations(page: Page) -> list[str]:
    """What axe-core has against a page, serious or critical first on each line."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    found = Axe().run(page).response["violations"]
    return [f"{each['impact']}: {each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]

"""A headless Chromium in front of Superset: signed in, on a dashboard, until every chart has drawn."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from gridflex.errors import ServiceError

WIDTH, HEIGHT = 1440, 900
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
              "--disable-component-update", "--disable-sync", "--disable-default-apps",
              "--disable-domain-reliability", "--no-pings", "--hide-scrollbars",
              "--blink-settings=imageAnimationPolicy=2")  # fmt: skip
_DRAWN_MS = 60_000
_STILL_S, _LOOK_MS = 20.0, 700
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

CHART = "[data-test-chart-name]"
BUSY = "[data-test='loading-indicator'], .loading"
WRONG = "[role='alert'], .ant-alert, .ant-empty"
WRONG_WORDS = ("No results", "No data", "N/A", "Unexpected error", "Network error", "Timeout", "druidException", "NaN")


def chromium() -> str:
    """The installed Chromium. Raises ``ServiceError`` that says how to get it."""
    found = next((path for name in _PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        raise ServiceError(f"no browser found ({', '.join(_PROGRAMS)}); on Debian: apt-get install chromium")
    return found


@contextmanager
def browser(*extra: str) -> Iterator[Browser]:
    """A headless browser that calls nobody by itself; ``extra``: further command-line switches."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=[*_ARGUMENTS, *extra])
        try:
            yield opened
        finally:
            opened.close()


def sign_in(opened: Browser, url: str, user: str, password: str) -> BrowserContext:
    """A window of its own in which the user is signed in, through the form that a person sees."""
    context = opened.new_context(viewport={"width": WIDTH, "height": HEIGHT}, timezone_id="UTC", locale="en-US")
    page = context.new_page()
    page.goto(f"{url}/login/", wait_until="networkidle")  # the form takes no input before its scripts are there
    page.fill("[data-test='username-input']", user)
    page.fill("[data-test='password-input']", password)
    page.click("[data-test='login-button']")
    page.wait_for_url(lambda address: "/login" not in address, wait_until="commit", timeout=_DRAWN_MS)
    # The page stays open: Chromium now and then never ends closing one that it is about to replace.
    return context


def open_dashboard(context: BrowserContext, url: str, slug: str, query: str = "") -> Page:
    """A dashboard with all its charts drawn, those that only scrolling shows apart."""
    page = context.new_page()
    page.goto(f"{url}/superset/dashboard/{slug}/{query}")
    await_drawn(page)
    return page


def await_still(page: Page) -> bytes:
    """A picture (PNG) once two in a row are the same: curves are drawn from left to right, maps and tables late."""
    before, deadline = b"", time.monotonic() + _STILL_S
    while (now := page.screenshot(animations="disabled")) != before and time.monotonic() < deadline:
        before = now
        page.wait_for_timeout(_LOOK_MS)
    return now


def complaints(page: Page) -> list[str]:
    """What charts say instead of data: errors, "no data" and nothing at all, each with the chart's name."""
    told = []
    for chart in page.locator(CHART).all():
        text, name = chart.inner_text(), chart.get_attribute("data-test-chart-name")
        empty = text.strip() == name and not chart.locator("canvas").count()
        wrong = empty or chart.locator(WRONG).count() or any(word in text for word in WRONG_WORDS)
        told += [f"{name}: {text[:300]}"] if wrong else []
    return told


def await_drawn(page: Page, timeout_ms: float = _DRAWN_MS) -> None:
    """Until charts are there and none of them loads."""
    page.wait_for_selector(CHART, timeout=timeout_ms)
    page.wait_for_function(f"() => !document.querySelector({BUSY!r})", timeout=timeout_ms)
    page.wait_for_load_state("networkidle", timeout=timeout_ms)
    page.wait_for_function(f"() => !document.querySelector({BUSY!r})", timeout=timeout_ms)

"""A headless Chromium in front of Superset: signed in, on a dashboard, until every chart has drawn."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from gridflex.errors import ServiceError

WIDTH, HEIGHT = 1440, 900
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
              "--disable-component-update", "--disable-sync", "--disable-default-apps",
              "--disable-domain-reliability", "--no-pings", "--hide-scrollbars")  # fmt: skip
_DRAWN_MS = 60_000
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

BUSY = ".chart-container .loading, .dashboard-chart .loading, [data-test='loading-indicator']"
WRONG = "[data-test='chart-container'] [role='alert'], .chart-container .ant-alert, .ant-empty, .empty-state"


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
    page.goto(f"{url}/login/")
    page.fill("input[name='username'], #username", user)
    page.fill("input[name='password'], #password", password)
    page.press("input[name='password'], #password", "Enter")
    page.wait_for_url(lambda address: "/login" not in address, timeout=_DRAWN_MS)
    page.close()
    return context


def open_dashboard(context: BrowserContext, url: str, slug: str, query: str = "") -> Page:
    """A dashboard with all its charts drawn, those that only scrolling shows apart."""
    page = context.new_page()
    page.goto(f"{url}/superset/dashboard/{slug}/{query}")
    await_drawn(page)
    return page


def await_drawn(page: Page, timeout_ms: float = _DRAWN_MS) -> None:
    """Until charts are there and none of them loads."""
    page.wait_for_selector("[data-test='chart-container'], .chart-container", timeout=timeout_ms)
    page.wait_for_function(f"() => !document.querySelector({BUSY!r})", timeout=timeout_ms)
    page.wait_for_load_state("networkidle", timeout=timeout_ms)
    page.wait_for_function(f"() => !document.querySelector({BUSY!r})", timeout=timeout_ms)

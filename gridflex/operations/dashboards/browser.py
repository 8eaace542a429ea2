"""Opens a dashboard in a headless Chromium, signed in, and waits until every chart is drawn."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import BrowserContext, Page, Playwright, TimeoutError, sync_playwright

from gridflex.errors import ServiceError

WIDTH, HEIGHT = 1440, 900
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
              "--disable-component-update", "--disable-sync", "--disable-default-apps",
              "--disable-domain-reliability", "--no-pings", "--hide-scrollbars",
              "--blink-settings=imageAnimationPolicy=2")  # fmt: skip
_DRAWN_MS = 60_000
_SIGN_INS, _SIGN_IN_MS = 3, 20_000
_STILL_S, _LOOK_MS = 20.0, 700
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

CHART = "[data-test-chart-name]"
BUSY = "[data-test='loading-indicator'], .loading"
_IN_SIGHT = f"""() => {{
  if (document.querySelector({BUSY!r})) return false;
  const charts = [...document.querySelectorAll({CHART!r})];
  const inSight = charts.filter(chart => chart.getBoundingClientRect().top < innerHeight);
  const drawn = chart => chart.querySelector("canvas") || chart.innerText.trim() !== chart.dataset.testChartName;
  return charts.length > 0 && inSight.every(drawn);
}}"""
"""Whether all in sight has drawn; what loads is asked first, for looking at places makes the browser lay out."""
WRONG = "[role='alert'], .ant-alert, .ant-empty"
WRONG_WORDS = ("No results", "No data", "N/A", "Unexpected error", "Network error", "Timeout", "druidException", "NaN")


def chromium() -> str:
    """The installed Chromium. Raises ``ServiceError`` that says how to get it."""
    found = next((path for name in _PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        raise ServiceError(f"no browser found ({', '.join(_PROGRAMS)}); on Debian: apt-get install chromium")
    return found


class Windows:
    """Windows of a headless browser that calls nobody by itself, each with a profile of its own on disk.

    A profile keeps what the browser has compiled of Superset's scripts, as that of a person who works with it every day
    does; a private window compiles them anew each time, some seconds of CPU.
    """

    def __init__(self, playwright: Playwright, profiles: Path, extra: Sequence[str]) -> None:
        self._playwright, self._profiles, self._extra = playwright, profiles, extra
        self._open: list[BrowserContext] = []

    def open(self, name: str) -> BrowserContext:
        """A window with the profile of that name, 1440 x 900."""
        window = self._playwright.chromium.launch_persistent_context(
            self._profiles / name,
            executable_path=chromium(),
            args=[*_ARGUMENTS, *self._extra],
            viewport={"width": WIDTH, "height": HEIGHT},
            timezone_id="UTC",
            locale="en-US",
        )
        self._open.append(window)
        return window

    def sign_in(self, url: str, user: str, password: str) -> BrowserContext:
        """A window of the user's own in which it is signed in, through the form that a person sees.

        Raises ``ServiceError`` when Superset does not let the user in.
        """
        window = self.open(user)
        for _ in range(_SIGN_INS):
            if _signed_in(window.pages[0], url, user, password):
                # The page stays open: Chromium now and then never ends closing one that it is about to replace.
                return window
        raise ServiceError(f"Superset at {url} did not sign in user {user}: the form was sent {_SIGN_INS} times")

    def close(self) -> None:
        """End the browser of each window."""
        while self._open:
            self._open.pop().close()


@contextmanager
def windows(*extra: str) -> Iterator[Windows]:
    """Windows with fresh profiles, gone afterwards; ``extra``: further command-line switches."""
    with (
        TemporaryDirectory(prefix="gridflex-browser-", ignore_cleanup_errors=True) as profiles,
        sync_playwright() as playwright,
    ):
        opened = Windows(playwright, Path(profiles), extra)
        try:
            yield opened
        finally:
            opened.close()


def _signed_in(page: Page, url: str, user: str, password: str) -> bool:
    """Whether the form let the user in, and Superset knows the window afterwards.

    On a busy machine the form may forget what was typed before its scripts ran. Once a window passed the form and no
    dashboard showed a chart; why is not known, perhaps the answer to an earlier request took its session back.
    """
    page.goto(f"{url}/login/", wait_until="networkidle")
    if "/login" not in page.url:
        return True  # the time before went through after all, only late: there is no form any more
    page.fill("[data-test='username-input']", user)
    page.fill("[data-test='password-input']", password)
    page.click("[data-test='login-button']")
    try:
        page.wait_for_url(lambda address: "/login" not in address, wait_until="load", timeout=_SIGN_IN_MS)
    except TimeoutError:
        return False
    return page.request.get(f"{url}/api/v1/me/").ok


def open_dashboard(context: BrowserContext, url: str, slug: str, query: str = "") -> Page:
    """A dashboard with all its charts drawn, those that only scrolling shows apart."""
    page = context.new_page()
    page.goto(f"{url}/superset/dashboard/{slug}/{query}")
    await_drawn(page)
    return page


def seconds_to_open(context: BrowserContext, url: str, slug: str) -> float:
    """From a dashboard's address to the last chart in sight. Ends when the charts out of sight have drawn too."""
    page = context.new_page()
    began = time.monotonic()
    page.goto(f"{url}/superset/dashboard/{slug}/", wait_until="commit")
    await_in_sight(page)
    seconds = time.monotonic() - began
    await_drawn(page)  # else the next opening would wait for them
    page.close()
    return seconds


def await_in_sight(page: Page, timeout_ms: float = _DRAWN_MS) -> None:
    """Wait until every visible chart is drawn and nothing on the page loads."""
    page.wait_for_function(_IN_SIGHT, polling=50, timeout=timeout_ms)


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
    """Wait until charts are there and none of them loads."""
    page.wait_for_selector(CHART, timeout=timeout_ms)
    page.wait_for_function(f"() => !document.querySelector({BUSY!r})", timeout=timeout_ms)
    page.wait_for_load_state("networkidle", timeout=timeout_ms)
    page.wait_for_function(f"() => !document.querySelector({BUSY!r})", timeout=timeout_ms)

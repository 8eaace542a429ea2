"""The dashboards as people see them: in a real browser, on live data, in each role."""

import re
import struct
from pathlib import Path

import pytest
from playwright.sync_api import Page

from gridflex.operations.dashboards.assets import load_assets
from gridflex.operations.dashboards.browser import await_drawn, complaints, open_dashboard
from gridflex.operations.dashboards.layout import charts_of
from tests.browser.conftest import REGION, Room, gridflex_line
from tests.support.stack import wait_until

pytestmark = pytest.mark.component

SLUGS = tuple(load_assets().dashboards)
CHART = "[data-test-chart-name='{}']"
LAST_MINUTES = (
    "__time >= TIME_FLOOR(CURRENT_TIMESTAMP, 'PT1M') - INTERVAL '5' MINUTE "
    "AND __time < TIME_FLOOR(CURRENT_TIMESTAMP, 'PT1M')"
)


def demand_sql(where: str) -> str:
    """SQL of the demand, kW: the mean power of each appliance, added up."""
    return f"""
SELECT SUM(power_kw) FROM (
  SELECT appliance_id, SUM(energy_wh) * 3.6 / SUM(observed_s) AS power_kw FROM powerraw
  WHERE {where} AND appliance <> 'mains'
  GROUP BY 1 HAVING SUM(observed_s) > 0)"""


def scroll_through(page: Page) -> None:
    """Charts draw when they come into sight."""
    height = page.evaluate("document.documentElement.scrollHeight")
    for top in range(0, int(height), 500):
        page.evaluate(f"window.scrollTo(0, {top})")
        await_drawn(page)
    page.evaluate("window.scrollTo(0, 0)")


def shown(page: Page, chart: str) -> str:
    """The number of a big-number chart."""
    return page.locator(f"{CHART.format(chart)} .header-line").first.inner_text().strip()


def value(text: str) -> float:
    return float(re.sub(r"[^0-9.\-]", "", text))


def choose(page: Page, name: str, choice: str) -> None:
    """Choose a value of a native filter as a person does, and apply it."""
    box = page.locator(".filter-item-wrapper", has=page.locator(f"#filter-name-NATIVE_FILTER-{name}"))
    box.locator("input[role='combobox']").click()
    page.keyboard.type(choice)
    page.locator(f".ant-select-item-option[title='{choice}']").first.click()
    page.keyboard.press("Escape")
    with page.expect_response(lambda answer: "/api/v1/chart/data" in answer.url):
        page.locator("[data-test='filter-bar__apply-button']").click()
    await_drawn(page)


def open_whole(room: Room, role: str, slug: str) -> Page:
    """A dashboard on which every chart, also those further down, has drawn and shows data."""
    page = open_dashboard(room.window(role), room.url, slug)
    scroll_through(page)
    assert complaints(page) == []
    drawn = set(page.locator("[data-test-chart-name]").evaluate_all("all => all.map(e => e.dataset.testChartName)"))
    charts = load_assets().charts
    assert drawn == {charts[name]["name"] for name in charts_of(load_assets().dashboards[slug]["layout"])}
    return page


@pytest.mark.sampled(2)
@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("role", ["admin", "operator", "researcher"])
def test_dashboard__opens_and_every_chart_shows_data(room: Room, role: str, slug: str) -> None:
    open_whole(room, role, slug).close()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("region", [None, REGION, "Kebili"])
def test_number_on_the_screen__is_the_answer_of_sql(room: Room, region: str | None) -> None:
    page = open_dashboard(room.window("operator"), room.url, "grid-now")
    if region:
        choose(page, "region", region)
    query = demand_sql(f"{LAST_MINUTES} AND region = '{region}'" if region else LAST_MINUTES)

    def equal() -> bool:
        before, on_screen, after = room.sql(query), value(shown(page, "Demand now")), room.sql(query)
        return before == after and on_screen == pytest.approx(before, abs=0.051)

    wait_until(equal, 60, f"{query}: {room.sql(query)} on the screen, found {shown(page, 'Demand now')}")
    page.close()


def test_filter__by_region_changes_what_is_shown(room: Room) -> None:
    page = open_dashboard(room.window("operator"), room.url, "grid-now")
    whole = value(shown(page, "Houses reporting"))
    choose(page, "region", REGION)
    wait_until(lambda: value(shown(page, "Houses reporting")) < whole, 60, f"fewer houses than {whole:.0f}")
    households = page.locator(CHART.format("Households by demand"))
    wait_until(lambda: REGION in households.inner_text(), 60, f"households of {REGION}")
    page.close()


def test_new_minute__changes_the_number_without_a_reload(room: Room) -> None:
    page = open_dashboard(room.window("operator"), room.url, "grid-now")
    page.evaluate("window.stillHere = true")
    first = shown(page, "Demand now")
    wait_until(lambda: shown(page, "Demand now") != first, 150, f"another demand than {first}")
    assert page.evaluate("window.stillHere") is True
    page.close()


def test_no_request__leaves_the_machine(room: Room) -> None:
    page = open_dashboard(room.window("admin"), room.url, "flexibility")
    scroll_through(page)
    page.close()
    assert room.asked, "requests are written down"
    outside = {one for one in room.asked if not one.startswith((room.url, "data:", "blob:"))}
    assert outside == set()
    assert [line for line in room.said if "ERR_NAME_NOT_RESOLVED" in line] == []


def test_screenshots__of_every_dashboard_are_1440_by_900(room: Room, tmp_path: Path) -> None:
    gridflex_line(room.environ, "dashboards", "screenshots", "--out", str(tmp_path))
    written = sorted(tmp_path.glob("*.png"))
    assert {path.stem for path in written} == set(SLUGS)
    for path in written:
        head = path.read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", head[16:24]) == (1440, 900)

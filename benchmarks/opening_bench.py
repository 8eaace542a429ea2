"""(g) How long a dashboard takes to open on the live demo, as each role: from the address to the last chart in sight.

The browser runs beside the whole stack, on the same cores. Superset is warm: each dashboard was opened before.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from playwright.sync_api import BrowserContext

from benchmarks.measure import Figure
from gridflex.adapters.superset.users import parse_users, password_of, superset_url
from gridflex.config import Config
from gridflex.operations.dashboards.assets import load_assets
from gridflex.operations.dashboards.browser import seconds_to_open, windows

OPENINGS = 5
WARM_UP = 2
WITHIN_S = 5.0


def run(config: Config) -> list[Figure]:
    """The demo is live on the stack of ``config``. Medians of five openings."""
    with windows() as opened:
        return [
            Figure(name=f"{slug} opens for {role}, median", value=statistics.median(found), unit="s", at_most=WITHIN_S)
            for user in parse_users(config.superset.users)
            for role, slug, found in openings(
                opened.sign_in(superset_url(config), user.name, password_of(config, user)), config, user.role
            )
        ]


def openings(window: BrowserContext, config: Config, role: str) -> Iterator[tuple[str, str, list[float]]]:
    """Role, dashboard and the seconds of its openings; the first ones, which warm up, are not counted."""
    for slug in load_assets().dashboards:
        found = [seconds_to_open(window, superset_url(config), slug) for _ in range(WARM_UP + OPENINGS)]
        yield role, slug, found[WARM_UP:]

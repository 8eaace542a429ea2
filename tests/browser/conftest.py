"""Superset in front of a live stack: generated houses with a past, played up to now, and a browser for each role."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, Request

from batch.baselines import jobs
from batch.forecast import day_ahead_baseline
from batch.forecast import jobs as forecast
from batch.reconciliation.reconcile import reconcile
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.superset.client import Superset
from gridflex.adapters.superset.users import User, parse_users, password_of, superset_url
from gridflex.config import Config, load_config
from gridflex.domain.interval import whole_hours
from gridflex.errors import ServiceError
from gridflex.operations.dashboards.browser import Windows, chromium, windows
from gridflex.operations.local.replay_service import REPLAY, demo_data, replay_status
from gridflex.operations.local.stack import Stack
from gridflex.operations.local.superset_service import missing_superset
from ingestion.generator.generate import GeneratorSpec, discard, generate
from tests.support.flow import gridflex, number
from tests.support.stack import leftovers, stack_environ, wait_until

HOUSES = 6
TESTS_S = 5400
"""How long the tests may take, their setup included, at most; the houses report all that time."""
LONGEST_SILENCE_S = 60
PAST_S = 6 * 3600
"""How much of today's past is played, at most: a whole day's takes minutes."""
REGION = "Sousse"
SPARE = "spare"
"""A user whose sign-in may be spoilt."""
USERS = f"admin:admin, operator:operator, researcher:researcher, region:regional:{REGION}, {SPARE}:operator"
SETTINGS: dict[str, object] = {
    "superset_users": USERS,
    "baselines_score_days": 40,
    "forecast_history_days": 28,
    "forecast_backtest_days": 2,
}
NO_WAY_OUT = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


@dataclass
class Room:
    """The operators' room: the stack, and what each browser window asked for."""

    stack: Stack
    environ: dict[str, str]
    browser: Windows
    windows: dict[str, BrowserContext] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """The address of every request of every window that the pages' own policy did not forbid."""
    said: list[str] = field(default_factory=list)
    """Errors on the browser's console."""

    @property
    def config(self) -> Config:
        """The stack's configuration."""
        return self.stack.config

    @property
    def url(self) -> str:
        """Superset's address."""
        return superset_url(self.config)

    def user(self, role: str) -> User:
        """The one user with a role."""
        return next(user for user in parse_users(self.config.superset.users) if user.role == role)

    def rest(self, role: str) -> Superset:
        """A REST session of a role."""
        user = self.user(role)
        return Superset(self.url, user.name, password_of(self.config, user))

    def window(self, role: str) -> BrowserContext:
        """A window in which the role is signed in; one for all tests."""
        if role not in self.windows:
            user = self.user(role)
            context = self.browser.sign_in(self.url, user.name, password_of(self.config, user))
            context.on("requestfinished", lambda request: self.asked.append(request.url))
            context.on("requestfailed", self._failed)
            context.on("page", self._listen)
            self.windows[role] = context
        return self.windows[role]

    def sql(self, query: str) -> float:
        """The one number that Druid gives."""
        return float(number(Druid(self.config.druid), query))

    def _failed(self, request: Request) -> None:
        if request.failure != "csp":
            self.asked.append(request.url)

    def _listen(self, page: Page) -> None:
        page.on("console", lambda line: self.said.append(line.text) if line.type == "error" else None)


@pytest.fixture(scope="package")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Everything up, the houses played up to now and staying live, yesterday's batch jobs done."""
    folder = tmp_path_factory.mktemp("room")
    environ = stack_environ(folder, **SETTINGS)
    config = load_config(environ=environ)
    if lacks := missing_superset(config):
        pytest.skip(lacks)
    try:
        chromium()
    except ServiceError as lacks_browser:
        pytest.skip(str(lacks_browser))
    stack = Stack(config, print)
    try:
        _live(stack, environ)
        with windows(NO_WAY_OUT) as opened:
            yield Room(stack=stack, environ=environ, browser=opened)
    finally:
        stack.down()
        shutil.rmtree(demo_data(config), ignore_errors=True)
    assert leftovers(stack) == []


def _live(stack: Stack, environ: dict[str, str]) -> None:
    config, now = stack.config, dt.datetime.now(dt.UTC)
    today, first = now.date(), (now - dt.timedelta(hours=2)).date()  # just after midnight a day has nothing to show
    generate_reporting(demo_data(config), first, now)
    if first == today:  # else the batch jobs need all of yesterday
        forget_before(demo_data(config), now.timestamp() - PAST_S)
    stack.up()
    stack.up([REPLAY])
    with ThreadPoolExecutor() as beside:
        superset = beside.submit(stack.up, ["superset"])
        _fill_past(config, environ, today - dt.timedelta(days=1))
        superset.result()
    _await_present(config)
    now = dt.datetime.now(dt.UTC)
    reconcile(config, whole_hours(now - dt.timedelta(hours=1), now + dt.timedelta(hours=1)))


def _fill_past(config: Config, environ: dict[str, str], yesterday: dt.date) -> None:
    gridflex_line(environ, "backfill", "--path", str(demo_data(config)))
    for job in (day_ahead_baseline.day_ahead, jobs.baseline_score, forecast.forecast, forecast.forecast_score):
        job(config, [yesterday], lambda day: None)


def _await_present(config: Config) -> None:
    druid = Druid(config.druid)
    played = json.loads(replay_status(config).read_text())["delivered"]
    wait_until(lambda: number(druid, 'SELECT SUM("count") FROM powerraw') >= played, 200, "the replay's past in Druid")
    fresh = "SELECT 1 FROM dutycycle WHERE kind = 'window' AND __time > CURRENT_TIMESTAMP - INTERVAL '4' MINUTE LIMIT 1"
    wait_until(lambda: number(druid, fresh), 200, "duty windows of now")


def generate_reporting(out: Path, first: dt.date, now: dt.datetime) -> None:
    """Houses with many defects, but none whose meter is silent during the tests: its charts would be empty then."""
    for seed in count(1):
        order = GeneratorSpec(
            dataset="redd", out=out, houses=HOUSES, days=1 + (now.date() - first).days, seed=seed, start=first,
            lead_days=90, defects=5.0,
        )  # fmt: skip
        generate(order)
        if longest_silence_s(out, now.timestamp(), now.timestamp() + TESTS_S) < LONGEST_SILENCE_S:
            return
        discard(out)


def forget_before(out: Path, first_s: float) -> None:
    """Leave out the readings before an instant; a file keeps one line at least."""
    for file in out.glob("low_freq/*/channel_*.dat"):
        lines = file.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if float(line.split(maxsplit=1)[0]) >= first_s]
        file.write_bytes(b"".join(kept or lines[-1:]))


def longest_silence_s(out: Path, since_s: float, until_s: float) -> float:
    """The longest time between two readings of a house's mains; it begins or ends within the span, or covers it."""
    longest = 0.0
    for mains in out.glob("low_freq/*/channel_1.dat"):
        times = np.sort(np.loadtxt(mains, usecols=0))
        first, last = np.searchsorted(times, (since_s, until_s))
        longest = max(longest, float(np.diff(times[max(first - 1, 0) : last + 1]).max()))
    return longest


def gridflex_line(environ: dict[str, str], *arguments: str) -> None:
    """Run a command whose last line is for people."""
    try:
        gridflex(environ, *arguments)
    except json.JSONDecodeError:
        return

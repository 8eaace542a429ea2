"""The batch jobs on a real Druid that got its readings from a real Kafka."""

import datetime as dt
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from batch.tasks.compact import segments
from batch.tasks.rollup import DruidSql
from gridflex.adapters.druid import Druid
from gridflex.config import ROOT
from gridflex.domain.interval import day_interval
from gridflex.launcher.spark_service import config_environ
from gridflex.launcher.stack import Stack
from tests.airflow.conftest import TOWN
from tests.batch_demand import CLASSES, produce_town
from tests.stack import wait_until

pytestmark = pytest.mark.component

TARGET = TOWN.last - dt.timedelta(days=2)
SETTINGS = {
    "GRIDFLEX_BASELINES_HISTORY_DAYS": "57",
    "GRIDFLEX_FORECAST_HISTORY_DAYS": "40",
    "GRIDFLEX_FORECAST_BACKTEST_DAYS": "3",
}


@pytest.fixture(scope="module")
def environment(stack: Stack, druid: Druid) -> dict[str, str]:
    """The environment of a batch command; the town's readings are in Druid."""
    return {**config_environ(stack.config), **SETTINGS, "PYTHONPATH": str(ROOT), "PATH": ""}


def command(name: str, first: dt.date, last: dt.date) -> list[str]:
    return [sys.executable, "-m", "batch", name, "--from", str(first), "--to", str(last + dt.timedelta(days=1))]


def batch(environment: dict[str, str], name: str, first: dt.date, last: dt.date, code: int = 0) -> str:
    done = subprocess.run(
        command(name, first, last), env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def rows(druid: Druid, table: str, where: str = "TRUE") -> list[tuple[Any, ...]]:
    return sorted((tuple(row.values()) for row in druid.sql(f"SELECT * FROM {table} WHERE {where}")), key=repr)


def on(day: dt.date) -> str:
    return f"__time >= TIMESTAMP '{day}' AND __time < TIMESTAMP '{day + dt.timedelta(days=1)}'"


def test_history__is_the_mean_of_what_was_drawn_without_mains(environment: dict[str, str], druid: Druid) -> None:
    batch(environment, "history", TARGET, TARGET)
    power = TOWN.power_w().reshape(-1, TOWN.days, 48)
    kinds = [row[-1] for row in TOWN.appliances()]
    kwh = power[[index for index, kind in enumerate(kinds) if kind in CLASSES]].sum(axis=0) * 0.5 / 1000
    target = (TARGET - TOWN.first).days
    expected = kwh[target - 5 : target].mean(axis=0)
    found = druid.sql(
        "SELECT baseline_kwh, metered_kwh FROM history WHERE slice = 'all' AND \"method\" = 'igrid_last_5' "
        f"AND {on(TARGET)} ORDER BY __time"
    )
    np.testing.assert_allclose([row["baseline_kwh"] for row in found], expected, rtol=1e-9)
    np.testing.assert_allclose([row["metered_kwh"] for row in found], kwh[target], rtol=1e-9)


def test_jobs__run_twice_give_identical_rows(environment: dict[str, str], druid: Druid) -> None:
    for name in ("history", "candidate_day", "baseline_score", "forecast", "forecast_score"):
        batch(environment, name, TARGET, TARGET)
        once = rows(druid, name)
        batch(environment, name, TARGET, TARGET)
        assert rows(druid, name) == once, name
        assert len(once) == len(set(once)), f"{name}: doubled rows"
        assert once


def test_history__days_together_are_the_days_one_by_one(environment: dict[str, str], druid: Druid) -> None:
    before = TARGET - dt.timedelta(days=1)
    batch(environment, "history", before, TARGET)
    together = rows(druid, "history", on(before)), rows(druid, "history", on(TARGET))
    for day in (before, TARGET):
        batch(environment, "history", day, day)
    assert (rows(druid, "history", on(before)), rows(druid, "history", on(TARGET))) == together


@pytest.mark.parametrize("moment", ["reading", "submitted", "running"])
def test_history__killed_half_way_and_run_again(environment: dict[str, str], druid: Druid, moment: str) -> None:
    day = TARGET + dt.timedelta(days=1)
    other = environment | {"GRIDFLEX_BASELINES_WINDOW": "12:00-14:00"}
    batch(other, "history", day, day)
    before = rows(druid, "history", on(day))
    known = set(tasks(druid, "history"))
    run = subprocess.Popen(command("history", day, day), env=environment, cwd=ROOT, stderr=subprocess.PIPE)
    if moment == "reading":
        wait_until(lambda: b"numpy" in _maps(run.pid), what="its packages loaded")
    else:
        wait_until(lambda: set(tasks(druid, "history")) - known, what="its task", timeout_s=120)
        if moment == "running":
            wait_until(
                lambda: [task for task in druid.running_tasks() if task["dataSource"] == "history"] or run.poll() == 0,
                what="its task running",
            )
    run.send_signal(signal.SIGKILL)
    run.communicate()
    wait_until(lambda: not [task for task in druid.running_tasks() if task["dataSource"] == "history"], 120)
    half_way = rows(druid, "history", on(day))
    batch(environment, "history", day, day)
    whole = rows(druid, "history", on(day))
    assert half_way in (before, whole), "a mixture"
    assert whole != before, "the two windows must differ, or this test proves nothing"
    assert len(whole) == len(set(whole))
    batch(environment, "history", day, day)
    assert rows(druid, "history", on(day)) == whole


def tasks(druid: Druid, table: str) -> list[str]:
    found = druid.sql(f"SELECT task_id FROM sys.tasks WHERE datasource = '{table}'")
    return [row["task_id"] for row in found]


def _maps(pid: int) -> bytes:
    with open(f"/proc/{pid}/maps", "rb") as maps:  # noqa: PTH123
        return maps.read()


def test_candidate_day__joined_on_equality_gives_the_baseline(environment: dict[str, str], druid: Druid) -> None:
    batch(environment, "candidate_day", TARGET, TARGET)
    batch(environment, "history", TARGET, TARGET)
    joined = druid.sql(
        "SELECT d.slot, SUM(d.kwh) / 5 AS kwh FROM candidate_day AS c JOIN (SELECT "
        "TIME_FORMAT(__time, 'YYYY-MM-dd') AS \"day\", TIME_FORMAT(TIME_FLOOR(__time, 'PT30M'), 'HH:mm') AS slot, "
        "SUM(energy_wh) / 1000 AS kwh FROM powerraw WHERE region = 'North' AND appliance <> 'mains' AND "
        f"house_id LIKE '{TOWN.prefix}-%' GROUP BY 1, 2) AS d ON c.candidate_day = d.\"day\" "
        f"WHERE c.slice = 'North' AND c.\"method\" = 'igrid_last_5' AND c.target_day = '{TARGET}' GROUP BY 1 ORDER BY 1"
    )
    history = druid.sql(
        "SELECT baseline_kwh FROM history WHERE slice = 'North' AND \"method\" = 'igrid_last_5' "
        f"AND {on(TARGET)} ORDER BY __time"
    )
    assert len(joined) == 48
    np.testing.assert_allclose([row["kwh"] for row in joined], [row["baseline_kwh"] for row in history], rtol=1e-9)


def test_forecast__later_readings_do_not_change_it(environment: dict[str, str], stack: Stack, druid: Druid) -> None:
    """The future comes after the forecast was made; made again, it is the very same."""
    day = TOWN.last
    batch(environment, "forecast", day, day)
    target = day + dt.timedelta(days=1)
    made = rows(druid, "forecast", on(target))
    assert len(made) == 2 * 3 * 48
    later = replace(TOWN, first=target, days=2, seed=99)
    expected = produce_town(stack.config, later)
    query = (
        f"SELECT SUM(\"count\") AS n FROM powerraw WHERE __time >= TIMESTAMP '{target}' "
        f"AND house_id LIKE '{TOWN.prefix}-%' AND appliance <> 'mains'"
    )
    wait_until(lambda: druid.sql(query)[0]["n"] == expected, 120, "the future in Druid")
    batch(environment, "forecast", day, day)
    assert rows(druid, "forecast", on(target)) == made


def test_quality__a_day_without_readings_stops_every_job(environment: dict[str, str], druid: Druid) -> None:
    empty = TOWN.first - dt.timedelta(days=30)
    for name in ("quality", "history", "forecast"):
        told = batch(environment, name, empty, empty, code=1)
        assert f"error: data quality: {empty}: powerraw holds no reading" in told
    assert rows(druid, "history", on(empty)) == []


def test_quality__a_day_observed_too_little_stops_the_run(environment: dict[str, str]) -> None:
    told = batch(environment | {"GRIDFLEX_BATCH_MIN_OBSERVED_SHARE": "1.0"}, "quality", TARGET, TARGET)
    assert "100.0% of their time observed" in told
    day = dt.date.today() - dt.timedelta(days=1)  # noqa: DTZ011
    assert "holds no reading" in batch(environment, "quality", day, day, code=1)


def test_compact__merges_segments_and_changes_no_sum(environment: dict[str, str], stack: Stack, druid: Druid) -> None:
    day = TOWN.first
    span, sql = day_interval(day, ZoneInfo("UTC")), DruidSql(stack.config)
    publish(druid)
    wait_until(lambda: segments(sql, "powerraw", span) >= 1, 120, "published segments")
    late = produce_town(stack.config, replace(TOWN, prefix="late", days=1, homes=1))
    query = "SELECT SUM(\"count\") AS n FROM powerraw WHERE house_id LIKE 'late-%' AND appliance <> 'mains'"
    wait_until(lambda: druid.sql(query)[0]["n"] == late, 120, "late readings")
    publish(druid)
    wait_until(lambda: segments(sql, "powerraw", span) >= 2, 120, "segments of late readings")
    sums = (
        'SELECT SUM("count") AS n, SUM(energy_wh) AS wh, SUM(observed_s) AS observed_s, MAX(power_w_max) AS w, '
        f"APPROX_COUNT_DISTINCT_BUILTIN(houses) AS houses FROM powerraw WHERE {on(day)}"
    )
    (before,) = druid.sql(sums)
    assert "segments merged" in batch(environment, "compact", day, day)
    wait_until(lambda: segments(sql, "powerraw", span) == 1, 120, "one segment")
    (after,) = druid.sql(sums)
    assert after == {**before, "wh": pytest.approx(before["wh"], rel=1e-12)}
    assert "0 segments merged" in batch(environment, "compact", day, day)


def test_compact__leaves_young_days_to_the_stream(environment: dict[str, str]) -> None:
    today = dt.datetime.now(dt.UTC).date()
    assert "too young to be compacted" in batch(environment, "compact", today, today, code=1)


def publish(druid: Druid) -> None:
    """Let the supervisor's task hand over what it has read, and another begin."""
    spec = druid.supervisor_spec("powerraw")
    assert spec is not None
    druid.submit_supervisor(spec)

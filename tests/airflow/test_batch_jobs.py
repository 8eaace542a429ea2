"""The batch jobs on a real Druid that got its readings from a real Kafka."""

import datetime as dt
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from batch.compaction import segments
from batch.rollup import DruidSql, RollupReader, where
from gridflex.adapters.druid.client import Druid
from gridflex.config import ROOT
from gridflex.domain.interval import day_interval
from gridflex.operations.local.spark_service import config_environ
from gridflex.operations.local.stack import Stack
from tests.support.airflow.town import TOWN
from tests.support.batch_demand import CLASSES, produce_town
from tests.support.stack import wait_until

pytestmark = pytest.mark.component

TARGET = TOWN.last - dt.timedelta(days=2)
JOBS = ("history", "candidate_day", "baseline_score", "forecast", "forecast_score")
SETTINGS = {
    "GRIDFLEX_BASELINES_HISTORY_DAYS": "57",
    "GRIDFLEX_FORECAST_HISTORY_DAYS": "28",
    "GRIDFLEX_FORECAST_BACKTEST_DAYS": "2",
}


@pytest.fixture(scope="module")
def environment(stack: Stack, druid: Druid) -> dict[str, str]:
    """The environment of a batch command; the town's readings are in Druid."""
    return {**config_environ(stack.config), **SETTINGS, "PYTHONPATH": str(ROOT), "PATH": ""}


@pytest.fixture(scope="module")
def written(environment: dict[str, str], druid: Druid) -> dict[str, list[Any]]:
    """All rows of every table once each job was run for ``TARGET``."""
    together(environment, JOBS, TARGET, TARGET)
    return {name: rows(druid, name) for name in JOBS}


def started(environment: dict[str, str], name: str, first: dt.date, last: dt.date) -> subprocess.Popen[str]:
    span = ("--from", str(first), "--to", str(last + dt.timedelta(days=1)))
    command = [sys.executable, "-m", "batch", name, *span]
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def together(
    environment: dict[str, str], names: Iterable[str], first: dt.date, last: dt.date, code: int = 0
) -> list[str]:
    """What several jobs tell that run at the same time."""
    running = [started(environment, name, first, last) for name in names]
    told = [one.communicate(timeout=300)[0] for one in running]
    assert [one.returncode for one in running] == [code] * len(running), "".join(told)
    return told


def batch(environment: dict[str, str], name: str, first: dt.date, last: dt.date, code: int = 0) -> str:
    (told,) = together(environment, [name], first, last, code)
    return told


def rows(druid: Druid, table: str, where: str = "TRUE") -> list[tuple[Any, ...]]:
    return sorted((tuple(row.values()) for row in druid.sql(f"SELECT * FROM {table} WHERE {where}")), key=repr)


def on(day: dt.date) -> str:
    return f"__time >= TIMESTAMP '{day}' AND __time < TIMESTAMP '{day + dt.timedelta(days=1)}'"


def test_jobs__run_twice_give_identical_rows(
    environment: dict[str, str], druid: Druid, written: dict[str, list[Any]]
) -> None:
    together(environment, JOBS, TARGET, TARGET)
    for name, once in written.items():
        assert rows(druid, name) == once, name
        assert len(once) == len(set(once)) > 0, f"{name}: doubled rows"


@pytest.mark.usefixtures("written")
def test_history__is_the_mean_of_what_was_drawn_without_mains(druid: Druid) -> None:
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


def test_history__days_together_are_the_days_one_by_one(
    environment: dict[str, str], druid: Druid, written: dict[str, list[Any]]
) -> None:
    before = TARGET - dt.timedelta(days=1)
    batch(environment, "history", before, before)
    one_by_one = rows(druid, "history", on(before)), rows(druid, "history", on(TARGET))
    batch(environment, "history", before, TARGET)
    assert (rows(druid, "history", on(before)), rows(druid, "history", on(TARGET))) == one_by_one


def test_history__killed_half_way_and_run_again(environment: dict[str, str], druid: Druid) -> None:
    """Killed while Druid writes: a day of the old rows or of the new ones, then of the new ones."""
    day = TARGET + dt.timedelta(days=1)
    batch(environment | {"GRIDFLEX_BASELINES_WINDOW": "12:00-14:00"}, "history", day, day)
    before = rows(druid, "history", on(day))
    known = set(tasks(druid, "history"))
    run = started(environment, "history", day, day)
    wait_until(lambda: set(tasks(druid, "history")) - known, what="its task", timeout_s=120)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    wait_until(lambda: not [task for task in druid.running_tasks() if task["dataSource"] == "history"], 120)
    half_way = rows(druid, "history", on(day))
    batch(environment, "history", day, day)
    whole = rows(druid, "history", on(day))
    assert half_way in (before, whole), "a mixture"
    assert whole != before, "the two windows must differ, or this test proves nothing"
    assert len(whole) == len(set(whole))


def tasks(druid: Druid, table: str) -> list[str]:
    found = druid.sql(f"SELECT task_id FROM sys.tasks WHERE datasource = '{table}'")
    return [row["task_id"] for row in found]


@pytest.mark.usefixtures("written")
def test_candidate_day__joined_on_equality_gives_the_baseline(druid: Druid) -> None:
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


def test_forecast_today__is_issued_from_the_hours_that_are_over(
    environment: dict[str, str], druid: Druid, written: dict[str, list[Any]]
) -> None:
    """At noon the rows of the morning stay those of their own issues, and all others are issued at noon."""
    day = TARGET + dt.timedelta(days=1)
    noon = dt.datetime.combine(day, dt.time(12), dt.UTC)
    command = [sys.executable, "-m", "batch", "forecast_today", "--at", noon.isoformat()]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{3 * 3 * 48:,} rows" in done.stdout
    query = f"SELECT __time AS t, issued_ms FROM forecast WHERE model = 'boosted_trees' AND {on(day)}"
    issued = {(row["t"], row["issued_ms"]) for row in druid.sql(query)}
    assert {issue for _, issue in issued} == {
        round((noon - dt.timedelta(minutes=30 * back)).timestamp() * 1000) for back in range(25)
    }
    batch(environment, "forecast", TARGET, TARGET)


def test_forecast__later_readings_do_not_change_it(
    environment: dict[str, str], stack: Stack, druid: Druid, written: dict[str, list[Any]]
) -> None:
    """More homes report of the days after the forecast was made; made again, it is the very same."""
    later = replace(TOWN, prefix="later", first=TARGET + dt.timedelta(days=1), days=2, seed=99)
    expected = produce_town(stack.config, later)
    query = "SELECT SUM(\"count\") AS n FROM powerraw WHERE house_id LIKE 'later-%' AND appliance <> 'mains'"
    wait_until(lambda: druid.sql(query)[0]["n"] == expected, 120, "the future in Druid")
    batch(environment, "forecast", TARGET, TARGET)
    forecast = rows(druid, "forecast", on(TARGET + dt.timedelta(days=1)))
    assert len(forecast) == 3 * 3 * 48
    assert set(forecast) <= set(written["forecast"])


def test_quality__a_day_without_readings_stops_every_job(environment: dict[str, str], druid: Druid) -> None:
    empty = TOWN.first - dt.timedelta(days=30)
    for told in together(environment, ("quality", "history", "forecast"), empty, empty, code=1):
        assert f"error: data quality: {empty}: powerraw holds no reading" in told
    assert rows(druid, "history", on(empty)) == []


def test_quality__a_day_observed_too_little_stops_the_run(environment: dict[str, str]) -> None:
    """The first day of Tunis began an hour before the first reading: 23 of its 24 hours are observed."""
    tunis = environment | {"GRIDFLEX_BATCH_TIME_ZONE": "Africa/Tunis"}
    assert "95.8% of their time observed" in batch(tunis, "quality", TOWN.first, TOWN.first)
    strict = tunis | {"GRIDFLEX_BATCH_MIN_OBSERVED_SHARE": "0.97"}
    told = batch(strict, "history", TOWN.first, TOWN.first, code=1)
    assert "95.8% of the time of 24 appliances was observed; needed: 97.0% (batch.min_observed_share)" in told


@pytest.mark.parametrize(
    ("zone", "minutes"), [("Asia/Kolkata", 60), ("Asia/Kathmandu", 30), ("Australia/Lord_Howe", 60), ("UTC", 30)]
)
@pytest.mark.usefixtures("druid")
def test_rollup__a_local_days_intervals_begin_at_its_midnight_and_hold_all_of_it(
    stack: Stack, zone: str, minutes: int
) -> None:
    """An interval across midnight would belong to neither day."""
    config = stack.config.model_copy(
        update={
            "batch": stack.config.batch.model_copy(update={"time_zone": zone}),
            "baselines": stack.config.baselines.model_copy(update={"interval_minutes": minutes}),
        }
    )
    days = [TOWN.first + dt.timedelta(days=number) for number in (20, 21, 22)]
    found, sql = RollupReader(config).days(days), DruidSql(config)
    for day in days:
        span = day_interval(day, ZoneInfo(zone))
        starts = np.unique(found[day].time_ms)
        assert starts.tolist() == list(range(span.start_ms, span.end_ms, minutes * 60_000))
        (row,) = sql.rows(f"SELECT SUM(energy_wh) AS wh FROM powerraw WHERE {where(span)}")
        assert found[day].energy_wh.sum() == pytest.approx(row.wh, rel=1e-12)


def test_compact__merges_segments_and_changes_no_sum(environment: dict[str, str], stack: Stack, druid: Druid) -> None:
    day = TOWN.first
    span, sql = day_interval(day, ZoneInfo("UTC")), DruidSql(stack.config)
    publish(druid, lambda: segments(sql, "powerraw", span) >= 1)
    late = produce_town(stack.config, replace(TOWN, prefix="late", days=1, homes=1))
    query = "SELECT SUM(\"count\") AS n FROM powerraw WHERE house_id LIKE 'late-%' AND appliance <> 'mains'"
    wait_until(lambda: druid.sql(query)[0]["n"] == late, 120, "late readings")
    publish(druid, lambda: segments(sql, "powerraw", span) >= 2)
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


def publish(druid: Druid, seen: Callable[[], bool]) -> None:
    """Have the supervisor's task hand over what it has read, until ``seen``.

    Druid ends a task that is too busy to answer, or not yet known to run, instead: the next one reads the same
    rows again and is asked again. The coordinator learns of published segments once a minute.
    """
    spec = druid.supervisor_spec("powerraw")
    assert spec is not None
    for _ in range(4):
        druid.submit_supervisor(spec)
        with suppress(AssertionError):
            wait_until(seen, 100)
            return
    raise AssertionError("the task's segments were not published, though it was asked four times")

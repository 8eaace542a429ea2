"""Replacing an interval in a real Druid: all or nothing, any number of times."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from gridflex.adapters.druid import batch as druid_batch
from gridflex.adapters.druid.batch import DruidBatch
from gridflex.adapters.druid.client import Druid
from gridflex.config import Batch, Config
from gridflex.domain.interval import Interval, day_interval, days_interval
from gridflex.errors import ServiceError
from gridflex.operations.local.stack import Stack
from tests.support.stack import wait_until

pytestmark = pytest.mark.component

TUNIS = ZoneInfo("Africa/Tunis")
DAY = dt.date(2021, 3, 3)


def made(interval: Interval, lower: float | None, count: int = 48) -> pa.Table:
    step = (interval.end_ms - interval.start_ms) // count
    return pa.table(
        {
            "time_ms": [interval.start_ms + step * index for index in range(count)],
            "slice": [f"s{index % 7}" for index in range(count)],
            "level": ["region"] * count,
            "region": ["R"] * count,
            "feeder": pa.array([None] * count, pa.string()),
            "appliance": pa.array([None] * count, pa.string()),
            "method": ["m"] * count,
            "baseline_kwh": [1 / (index + 3) for index in range(count)],
            "lower": pa.array([lower] * count, pa.float64()),
            "upper": pa.array([2.0] * count, pa.float64()),
            "metered_kwh": pa.array([0.5] * count, pa.float64()),
        }
    )


@pytest.fixture
def table(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A table of the test's own, laid out as ``history``."""
    name = f"history_{request.node.originalname.removeprefix('test_')[:40]}"
    original = druid_batch.table_spec

    def own_spec(_: str, interval: Interval, time_zone: str) -> dict[str, Any]:
        spec = original("history", interval, time_zone)
        spec["spec"]["dataSchema"]["dataSource"] = name
        return spec

    monkeypatch.setattr(druid_batch, "table_spec", own_spec)
    return name


def rows(druid: Druid, table: str) -> list[dict[str, Any]]:
    return druid.sql(
        'SELECT TIMESTAMP_TO_MILLIS(__time) AS time_ms, slice, "level", region, feeder, appliance, "method", '
        f'baseline_kwh, "lower", "upper", metered_kwh FROM {table} ORDER BY __time'
    )


def zoned(config: Config, **batch: Any) -> Config:
    return config.model_copy(update={"batch": Batch(**batch)})


def test_overwrite__holds_the_very_rows_however_often_it_is_done(stack: Stack, druid: Druid, table: str) -> None:
    """First inside the task, then by a file, which is gone afterwards."""
    day = day_interval(DAY, ZoneInfo("UTC"))
    for config in (stack.config, zoned(stack.config, inline_bytes=100)):
        wanted = made(day, None)
        DruidBatch(config).overwrite(table, day, wanted)
        assert rows(druid, table) == wanted.to_pylist()
    assert list((stack.config.state_dir / "exchange").iterdir()) == []


def test_overwrite__replaces_its_interval_and_no_other(stack: Stack, druid: Druid, table: str) -> None:
    writer = DruidBatch(zoned(stack.config, time_zone="Africa/Tunis"))
    first, second = DAY, DAY + dt.timedelta(days=1)
    both = days_interval([first, second], TUNIS)
    writer.overwrite(table, both, made(both, 1.0))
    writer.overwrite(table, day_interval(second, TUNIS), made(day_interval(second, TUNIS), 3.0, count=5))
    found = rows(druid, table)
    assert [row["lower"] for row in found] == [1.0] * 24 + [3.0] * 5
    for emptied in (first, first, first - dt.timedelta(days=9)):  # with rows, without any more, and as ever
        writer.overwrite(table, day_interval(emptied, TUNIS), made(both, 1.0)[:0])
    assert [row["lower"] for row in rows(druid, table)] == [3.0] * 5


def test_overwrite__a_task_that_fails_or_takes_too_long_leaves_the_interval_as_it_was(
    stack: Stack, druid: Druid, table: str
) -> None:
    writer, day = DruidBatch(stack.config), day_interval(DAY, ZoneInfo("UTC"))
    before = made(day, 1.0)
    writer.overwrite(table, day, before)
    broken = made(day, 2.0).set_column(7, "baseline_kwh", pa.array(["many"] * 48))
    with pytest.raises(ServiceError, match=r"Druid task index_parallel_.* failed: .*parse"):
        writer.overwrite(table, day, broken)
    with pytest.raises(ServiceError, match=r"batch\.task_timeout_s\); it was ended"):
        DruidBatch(zoned(stack.config, task_timeout_s=0.001)).overwrite(table, day, made(day, 2.0))
    wait_until(lambda: not [task for task in druid.running_tasks() if task["dataSource"] == table], 60, "its end")
    assert rows(druid, table) == before.to_pylist()


def test_overwrite__refuses_rows_that_druid_would_drop_without_a_word(stack: Stack) -> None:
    day = day_interval(DAY, ZoneInfo("UTC"))
    with pytest.raises(ValueError, match="outside"):
        DruidBatch(stack.config).overwrite(
            "history", Interval(start_ms=day.start_ms + 1, end_ms=day.end_ms), made(day, 1.0)
        )

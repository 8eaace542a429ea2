"""The baseline of the day after, from generated demand."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from batch.baselines.fixed_fleet import LevelLoads
from batch.forecast.day_ahead_baseline import LEARNED, RULES, day_ahead_rows
from gridflex.adapters.druid.batch import SPEC_DIR
from gridflex.domain.baseline import EventWindow
from gridflex.domain.readings import MS_PER_DAY
from tests.support.batch_town import UTC, regions

EVENING = EventWindow(first=34, stop=40)


def but_the_last_day(level: LevelLoads) -> LevelLoads:
    loads = level.loads
    return replace(
        level,
        loads=replace(loads, kwh=loads.kwh[:, :-1], kinds=loads.kinds[:-1], excluded=loads.excluded[:, :-1]),
    )


@pytest.fixture(scope="module")
def level() -> LevelLoads:
    return regions()


@pytest.fixture(scope="module")
def outlook(level: LevelLoads) -> pa.Table:
    return day_ahead_rows(but_the_last_day(level), EVENING, UTC, 60)


def test_rows__have_the_columns_of_the_tables_spec_and_lie_in_the_day_after(
    level: LevelLoads, outlook: pa.Table
) -> None:
    schema = json.loads((SPEC_DIR / "batch_outlook.json").read_text())["spec"]["dataSchema"]
    metrics = {metric["fieldName"] for metric in schema["metricsSpec"]}
    assert set(outlook.column_names) == {"time_ms", *schema["dimensionsSpec"]["dimensions"], *metrics}
    start_ms = (level.loads.first_day + level.loads.days - 1) * MS_PER_DAY
    times = outlook["time_ms"].to_numpy()
    assert (times.min(), times.max()) == (start_ms, start_ms + MS_PER_DAY - 1_800_000)


def test_each_slice__has_one_rule_and_every_interval_of_the_day(level: LevelLoads, outlook: pa.Table) -> None:
    for key in level.keys:
        rows = outlook.filter(pc.equal(outlook["slice"], str(key)))
        assert len(rows) == 48
        assert len(set(rows["method"].to_pylist())) == 1
    assert set(outlook["method"].to_pylist()) <= {*(rule.name for rule in RULES), *LEARNED}


def test_outlook__is_near_the_day_that_comes_and_its_interval_holds_most_of_it(
    level: LevelLoads, outlook: pa.Table
) -> None:
    held, off = [], []
    for row, key in enumerate(level.keys):
        rows = outlook.filter(pc.equal(outlook["slice"], str(key))).sort_by("time_ms")
        actual = level.loads.kwh[row, -1] * 2  # kW
        lower, upper, baseline = (rows[name].to_numpy() for name in ("lower_kw", "upper_kw", "baseline_kw"))
        held += ((actual >= lower) & (actual <= upper)).tolist()
        off.append(abs(baseline.sum() - actual.sum()) / actual.sum())
    assert np.mean(held) > 0.7
    assert max(off) < 0.15


def test_excluded_days__are_not_looked_at(level: LevelLoads, outlook: pa.Table) -> None:
    past = but_the_last_day(level)
    excluded = past.loads.excluded.copy()
    excluded[:, -1] = True
    wild = past.loads.kwh.copy()
    wild[:, -1] *= 50
    loads = replace(past.loads, excluded=excluded)
    calm = day_ahead_rows(replace(past, loads=loads), EVENING, UTC, 60)
    assert day_ahead_rows(replace(past, loads=replace(loads, kwh=wild)), EVENING, UTC, 60).equals(calm)


def test_too_few_days__give_no_row() -> None:
    assert len(day_ahead_rows(regions(days=2), EVENING, UTC, 60)) == 0

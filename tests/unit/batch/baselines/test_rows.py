"""What the daily jobs hand to Druid, from generated demand."""

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from batch.baselines.candidates import candidate_rows
from batch.baselines.fixed_fleet import LevelLoads
from batch.baselines.history import BATCH_METHODS, day_history
from batch.baselines.scores import level_scores, score_rows
from gridflex.adapters.druid.batch import SPEC_DIR
from gridflex.domain.baseline import EventWindow, SliceKey, profiles
from gridflex.domain.interval import day_interval
from tests.support.batch_town import UTC, regions

EVENING = EventWindow(first=34, stop=40)


@pytest.fixture(scope="module")
def level() -> LevelLoads:
    return regions()


@pytest.fixture(scope="module")
def history(level: LevelLoads) -> pa.Table:
    return day_history(level, EVENING, UTC, 60)


def columns_of(table: str) -> set[str]:
    schema: dict[str, Any] = json.loads((SPEC_DIR / f"batch_{table}.json").read_text())["spec"]["dataSchema"]
    dimensions = {one if isinstance(one, str) else one["name"] for one in schema["dimensionsSpec"]["dimensions"]}
    metrics = {metric["fieldName"] for metric in schema["metricsSpec"]}
    return {schema["timestampSpec"]["column"]} | dimensions | metrics


def test_rows__have_the_columns_of_their_tables_spec(level: LevelLoads, history: pa.Table) -> None:
    scores = score_rows([level_scores(level, EVENING, 60)], 0)
    assert set(history.column_names) == columns_of("history")
    assert set(scores.column_names) == columns_of("baseline_score")
    assert set(candidate_rows(level, EVENING, 0).column_names) == columns_of("candidate_day")


def test_history__is_the_domains_own_baseline_of_the_target_day(level: LevelLoads, history: pa.Table) -> None:
    loads = level.loads
    target = np.array([loads.days - 1])
    for name, kwh in profiles(loads, EVENING, target, np.arange(48), methods=BATCH_METHODS).items():
        rows = history.filter(pa.compute.equal(history["method"], name))
        expected = kwh[:, 0][np.isfinite(kwh[:, 0])]
        assert rows["baseline_kwh"].to_pylist() == expected.tolist(), name
    start_ms, end_ms = day_interval(loads.date(loads.days - 1), UTC.zone)
    assert history["time_ms"].to_numpy().min() == start_ms
    assert history["time_ms"].to_numpy().max() == end_ms - 1_800_000


def test_history__methods_without_a_number_have_no_row(history: pa.Table) -> None:
    assert "weather_match_4" not in set(history["method"].to_pylist()), "there is no weather in Druid"
    assert history["baseline_kwh"].null_count == 0


def test_history__nine_of_ten_intervals_hold_the_meter() -> None:
    inside = []
    for seed in range(6):
        rows = day_history(regions(seed=seed, homes=60), EVENING, UTC, 120)
        rows = rows.filter(pa.compute.equal(rows["method"], "caiso_10_of_10"))
        lower, upper, metered = (rows[name].to_numpy() for name in ("lower", "upper", "metered_kwh"))
        inside.append(((lower <= metered) & (metered <= upper)).mean())
    assert np.mean(inside) == pytest.approx(0.90, abs=0.05)


def test_history__intervals_do_not_see_the_target_days_meter(level: LevelLoads) -> None:
    """Only the adjustment's hours of the target day may matter; its event hours may not."""
    kwh = level.loads.kwh.copy()
    kwh[:, -1, EVENING.first : EVENING.stop] *= 7
    changed = day_history(replace(level, loads=replace(level.loads, kwh=kwh)), EVENING, UTC, 60)
    told = day_history(level, EVENING, UTC, 60)
    for name in ("baseline_kwh", "lower", "upper"):
        keep = pa.compute.not_equal(told["method"], "")
        assert changed[name].filter(keep).equals(told[name].filter(keep)), name


def test_history__too_few_days_give_no_interval_and_then_no_number() -> None:
    short = regions(days=19)
    found = day_history(short, EVENING, UTC, 60)
    assert set(found["method"].to_pylist()) >= {"igrid_last_5", "caiso_10_of_10"}
    assert found["lower"].null_count == len(found)
    assert len(day_history(regions(days=3), EVENING, UTC, 60)) == 0


def test_history__is_the_same_however_many_slices_are_computed_at_once(
    level: LevelLoads, history: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch.baselines.history._SLICES_AT_ONCE", 1)
    one_by_one = day_history(level, EVENING, UTC, 60)
    order = [("slice", "ascending"), ("method", "ascending"), ("time_ms", "ascending")]
    assert one_by_one.sort_by(order).equals(history.sort_by(order))


def test_scores__a_slice_that_fails_points_to_the_smallest_aggregate_that_passes(level: LevelLoads) -> None:
    noise = np.random.default_rng(3).lognormal(0, 1.5, level.loads.kwh[:1].shape)
    keys = (SliceKey(region="r0", feeder="f"),)
    feeder = LevelLoads(
        level="feeder",
        keys=keys,
        loads=replace(level.loads, names=("r0/f",), kwh=noise, excluded=level.loads.excluded[:1]),
    )
    rows = score_rows([level_scores(one, EVENING, 60) for one in (feeder, level)], 0).to_pylist()
    wild = [row for row in rows if row["slice"] == "r0/f"]
    steady = {row["method"]: row for row in rows if row["slice"] == "r0"}
    assert wild
    assert not any(row["passes"] for row in wild)
    assert {row["trusted_slice"] for row in wild if steady[row["method"]]["passes"]} == {"r0"}
    assert sum(row["recommended"] for row in steady.values()) == 1


def test_candidates__are_the_days_before_best_first(level: LevelLoads) -> None:
    rows = candidate_rows(level, EVENING, 0).to_pylist()
    ours = [row for row in rows if row["method"] == "caiso_10_of_10" and row["slice"] == "r1"]
    target = dt.date.fromisoformat(ours[0]["target_day"])
    found = [dt.date.fromisoformat(row["candidate_day"]) for row in sorted(ours, key=lambda row: row["rank"])]
    working = [target - dt.timedelta(days=back) for back in range(1, 20)]
    assert found == [day for day in working if day.weekday() < 5][:10]
    assert [row["rank"] for row in sorted(ours, key=lambda row: row["rank"])] == list(range(1, 11))

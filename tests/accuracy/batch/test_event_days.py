"""On three real years of Victoria's demand: right on hot days, when events are called, and on all days."""

import dataclasses
import os
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from batch.benchmark.baseline_benchmark import together, with_holidays
from batch.benchmark.loads.load_csv import read_load_csv
from gridflex.config import ROOT
from gridflex.domain.baseline import (
    DayTraits,
    EventWindow,
    Score,
    baselines,
    bounds_near,
    day_traits,
    placebo_days,
    score,
    stacks,
)
from gridflex.public_holidays import public_holidays

FILE = Path(os.environ.get("GRIDFLEX_SHARED_DATA", ROOT.parent / "shared" / "data")) / "victoria" / "victoria.csv"
METHODS = ("caiso_10_of_10", "pjm_high_4_of_5", "ercot_mid_8_of_10", "regression_day_ahead", "regression_same_day")

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"no real data at {FILE}: set GRIDFLEX_SHARED_DATA")


@pytest.fixture(scope="module")
def second_half() -> dict[str, Score]:
    """Scores on the second half of the weekdays; intervals and weights from all days before each."""
    loads, _ = together(read_load_csv(FILE, ZoneInfo("Australia/Melbourne")).loads)
    loads = with_holidays(loads, public_holidays("AU-VIC", 2011, 2015))
    window = EventWindow.parse("17:00-20:00", loads.slots)
    days = placebo_days(loads, window)
    actual = loads.actual_kwh(window, days)
    traits = day_traits(loads, window, days)
    made = baselines(loads, window, days, methods=METHODS)
    made |= stacks(made, actual, traits)
    half = len(days) // 2
    return {name: _late(name, values, actual, traits, half) for name, values in made.items()}


def _late(name: str, baseline: np.ndarray, actual: np.ndarray, traits: DayTraits, half: int) -> Score:
    """The score of the late days, of which the hottest tenth are event-like."""
    late = np.arange(len(traits.day)) >= half
    assert traits.peak_c is not None
    hottest = late & (traits.peak_c >= np.sort(traits.peak_c[late])[-round(0.1 * late.sum())])
    of_late = DayTraits(day=traits.day[late], peak_c=traits.peak_c[late], event_like=hottest[late])
    found = score(name, baseline[:, late], actual[:, late], 2.0, traits=of_late)
    expected = baseline.sum(axis=2)
    relative = actual.sum(axis=2) / expected - 1
    low, high = bounds_near(relative, expected, traits, traits, expected)
    inside = (relative >= low) & (relative <= high)
    return dataclasses.replace(
        found,
        coverage_90=float(inside[:, late].mean()),
        coverage_90_event_like=float(inside[:, hottest].mean()),
        width_90=float(((high - low) * expected)[:, late].sum() / actual[:, late].sum()),
    )


@pytest.mark.parametrize(
    ("method", "cvrmse", "width"),
    [("regression_same_day", 0.030, 0.10), ("stacked_same_day", 0.030, 0.10),
     ("regression_day_ahead", 0.040, 0.15), ("stacked_day_ahead", 0.040, 0.15)],
)  # fmt: skip
def test_regression__is_right_on_the_hottest_days_and_narrow_on_all(
    second_half: dict[str, Score], method: str, cvrmse: float, width: float
) -> None:
    found = second_half[method]
    assert found.cvrmse <= cvrmse
    assert abs(found.nmbe) <= 0.01
    assert 0.88 <= found.coverage_90 <= 0.92
    assert 0.85 <= found.coverage_90_event_like <= 0.95
    assert found.width_90 <= width
    limit = 0.01 if "same_day" in method else 0.02
    assert abs(found.nmbe_event_like) <= limit


def test_stacked__loses_to_its_best_member_by_less_than_5_percent(second_half: dict[str, Score]) -> None:
    for horizon in ("day_ahead", "same_day"):
        assert second_half[f"stacked_{horizon}"].rrmse <= 1.05 * second_half[f"regression_{horizon}"].rrmse


def test_conditional_interval__of_a_rule_covers_most_hot_days(second_half: dict[str, Score]) -> None:
    assert second_half["caiso_10_of_10"].coverage_90_event_like >= 0.75, "53 % with intervals of all past days"

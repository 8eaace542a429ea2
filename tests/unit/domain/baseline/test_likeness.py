"""Intervals of days alike, and what counts as a day like an event."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.baseline import (
    DayTraits,
    EventWindow,
    Gate,
    Loads,
    Score,
    bounds_near,
    day_kinds,
    day_number,
    day_traits,
    recommend,
    score,
)
from tests.support.examples import examples

T = 300


def _traits(peak: np.ndarray | None, days: int = T) -> DayTraits:
    return DayTraits(day=np.arange(days), peak_c=peak, event_like=np.zeros(days, dtype=bool))


def test_bounds_near__are_wide_on_the_days_where_errors_were_wide() -> None:
    random = np.random.default_rng(2)
    peak = random.uniform(10, 40, T)
    residuals = random.normal(0, np.where(peak > 30, 0.10, 0.01))[None]
    traits, expected = _traits(peak), np.ones((1, T))
    low, high = bounds_near(residuals, expected, traits, traits, expected)
    late = np.arange(T) > 150
    hot = late & (peak > 32)
    mild = late & (peak < 28)
    assert (high - low)[0, hot].mean() > 4 * (high - low)[0, mild].mean()
    inside = (residuals >= low) & (residuals <= high)
    assert inside[0, hot].mean() == pytest.approx(0.90, abs=0.08)
    assert inside[0, mild].mean() == pytest.approx(0.90, abs=0.06)


def test_bounds_near__without_weather_go_by_the_expected_load() -> None:
    random = np.random.default_rng(4)
    expected = random.uniform(1, 4, (2, T))
    residuals = random.normal(0, np.where(expected > 3, 0.2, 0.02))
    traits = _traits(None)
    low, high = bounds_near(residuals, expected, traits, traits, expected)
    late = np.arange(T) > 150
    assert (high - low)[:, late][expected[:, late] > 3.2].min() > (high - low)[:, late][expected[:, late] < 2.5].max()


@settings(max_examples=examples(8), deadline=None)
@given(day=st.integers(30, T - 2), weather=st.booleans())
def test_bounds_near__a_changed_future_changes_nothing_bit_for_bit(day: int, weather: bool) -> None:
    random = np.random.default_rng(6)
    peak = random.uniform(10, 40, T)
    residuals, expected = random.normal(size=(2, T)), random.uniform(1, 2, (2, T))
    changed = residuals.copy()
    changed[:, day:] = 99.0
    later = expected.copy()
    later[:, day + 1 :] *= 9
    one = DayTraits(day=np.array([day]), peak_c=peak[[day]] if weather else None, event_like=np.zeros(1, dtype=bool))
    traits = _traits(peak if weather else None)
    before = bounds_near(residuals, expected, traits, one, expected[:, [day]])
    after = bounds_near(changed, later, traits, one, expected[:, [day]])
    np.testing.assert_array_equal(before, after)


def test_bounds_near__a_missing_residual_is_replaced_by_the_next_nearest() -> None:
    peak = np.arange(T, dtype=float)
    residuals = np.tile(np.where(np.arange(T) < 200, 1.0, 5.0), (2, 1))
    residuals[1, 250:] = np.nan
    one = DayTraits(day=np.array([T]), peak_c=np.array([250.0]), event_like=np.zeros(1, dtype=bool))
    low, high = bounds_near(residuals, np.ones((2, T)), _traits(peak), one, np.ones((2, 1)))
    assert low.tolist() == [[5.0], [5.0]]
    assert high.tolist() == [[5.0], [5.0]]


def test_bounds_near__too_few_days_give_none() -> None:
    traits = _traits(np.full(18, 20.0), 18)
    low, _ = bounds_near(np.zeros((1, 18)), np.ones((1, 18)), traits, traits, np.ones((1, 18)))
    assert np.isnan(low).all()


def _loads(load: np.ndarray, peak: np.ndarray | None) -> Loads:
    first = day_number(dt.date(2023, 1, 2))
    days = load.shape[0]
    return Loads(
        names=("s",), first_day=first, kwh=load[None], kinds=day_kinds(first, days),
        excluded=np.zeros((1, days), dtype=bool), peak_temperature_c=peak,
    )  # fmt: skip


@pytest.mark.parametrize("side", [1, -1])
def test_event_like__are_the_days_on_the_side_of_the_weather_where_load_is_high(side: int) -> None:
    peak = np.random.default_rng(1).permutation(np.linspace(0, 40, 100))
    load = np.ones((100, 24)) * (50 + side * peak)[:, None]
    traits = day_traits(_loads(load, peak), EventWindow(first=17, stop=20), np.arange(100))
    assert traits.event_like.sum() == 10
    assert (side * peak)[traits.event_like].min() > (side * peak)[~traits.event_like].max()


def test_event_like__without_weather_are_days_of_high_load_before_the_event_never_in_it() -> None:
    load = np.ones((100, 24))
    load[30:40, :13] = 2.0
    load[60:80, 13:] = 9.0
    traits = day_traits(_loads(load, None), EventWindow(first=17, stop=20), np.arange(100))
    assert np.flatnonzero(traits.event_like).tolist() == list(range(30, 40))


def test_score__tells_event_like_days_beside_all() -> None:
    actual = np.full((1, 100, 2), 2.0)
    baseline = actual.copy()
    like = np.arange(100) % 10 == 9
    baseline[:, like] *= 0.9
    traits = DayTraits(day=np.arange(100), peak_c=np.where(like, 35.0, 20.0), event_like=like)
    found = score("m", baseline, actual, 2.0, traits=traits)
    assert found.nmbe == pytest.approx(-0.01)
    assert found.nmbe_event_like == pytest.approx(-0.1)
    assert found.event_like == 10
    assert found.width_90 >= 0


def _score(name: str, *, bias: float, rrmse: float = 0.05, like_bias: float = 0.0, like: int = 30) -> Score:
    return Score(
        method=name, cvrmse=rrmse, nmbe=bias, rrmse=rrmse, median_abs_error=0.0, coverage_90=0.9, placebo_days=300,
        windows=300, nmbe_event_like=like_bias, rrmse_event_like=rrmse, event_like=like,
    )  # fmt: skip


def test_recommend__a_method_that_is_wrong_on_event_like_days_loses() -> None:
    fair = _score("fair", bias=0.004)
    hidden = _score("hidden", bias=0.0, like_bias=-0.05)
    assert recommend({"hidden": hidden, "fair": fair}) == "fair"


def test_gate__a_bias_on_event_like_days_beyond_doubt_fails() -> None:
    assert Gate().passes(_score("m", bias=0.0, like_bias=0.05))
    assert not Gate().passes(_score("m", bias=0.0, like_bias=0.07))
    assert Gate().passes(_score("m", bias=0.0, like_bias=0.07, like=2)), "two days prove nothing"

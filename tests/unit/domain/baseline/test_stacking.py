"""Stacked baselines follow the member that is right, slice by slice, from the past alone."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.baseline import STACKS, DayTraits, stacked
from tests.support.examples import examples

T, W = 160, 3
RANDOM = np.random.default_rng(8)
ACTUAL = RANDOM.uniform(1, 2, (2, T, W))
PEAK = RANDOM.uniform(10, 40, T)
TRAITS = DayTraits(day=np.arange(T), peak_c=PEAK, event_like=np.arange(T) % 10 == 0)


def _wrong(by: float, seed: int) -> np.ndarray:
    return ACTUAL * (1 + np.random.default_rng(seed).normal(0, by, ACTUAL.shape))


def _rmse(baseline: np.ndarray, rows: slice = slice(None)) -> float:
    return float(np.sqrt(((baseline - ACTUAL)[rows, 60:] ** 2).mean()))


def test_stacked__each_slice_follows_its_own_best_member() -> None:
    good, bad = _wrong(0.02, 1), _wrong(0.4, 2)
    first, second = good.copy(), bad.copy()
    first[1], second[1] = bad[1], good[1]
    found = stacked([first, second, _wrong(0.5, 3)], ACTUAL, TRAITS)
    assert _rmse(found) < 1.05 * _rmse(good)


def test_stacked__errors_that_differ_cancel() -> None:
    members = [_wrong(0.1, seed) for seed in range(4)]
    assert _rmse(stacked(members, ACTUAL, TRAITS)) < 0.65 * min(_rmse(member) for member in members)


def test_stacked__a_biased_member_is_left_out_though_the_mean_would_take_it() -> None:
    found = stacked([_wrong(0.05, 1), ACTUAL * 1.4], ACTUAL, TRAITS)
    assert abs((found - ACTUAL)[:, 60:].mean() / ACTUAL.mean()) < 0.01


@settings(max_examples=examples(8), deadline=None)
@given(day=st.integers(25, T - 1), value=st.floats(0.0, 1e6))
def test_stacked__a_changed_future_changes_nothing_bit_for_bit(day: int, value: float) -> None:
    members = [_wrong(0.1, seed) for seed in range(3)]
    before = stacked(members, ACTUAL, TRAITS)[:, : day + 1]
    metered = ACTUAL.copy()
    metered[:, day:] = value
    later = [member.copy() for member in members]
    for member in later:
        member[:, day + 1 :] = value
    weather = dataclasses.replace(
        TRAITS, peak_c=np.where(np.arange(T) > day, 99.0, PEAK), event_like=~TRAITS.event_like
    )
    np.testing.assert_array_equal(stacked(later, metered, weather)[:, : day + 1], before)


def test_stacked__follows_the_member_that_is_right_on_hot_days() -> None:
    hot = (PEAK > 32)[None, :, None]
    mild_one, hot_one = np.where(hot, _wrong(0.3, 1), _wrong(0.05, 2)), np.where(hot, _wrong(0.02, 3), _wrong(0.08, 4))
    even = dataclasses.replace(TRAITS, peak_c=None)

    def error(traits: DayTraits) -> float:
        return float((((stacked([mild_one, hot_one], ACTUAL, traits) - ACTUAL) ** 2) * hot)[:, 60:].mean())

    assert error(TRAITS) < error(even)


def test_stacked__a_missing_member_leaves_the_others() -> None:
    one, two, never = _wrong(0.1, 1), _wrong(0.1, 2), np.full(ACTUAL.shape, np.nan)
    one[:, 100], two[:, 100:102] = np.nan, np.nan
    found = stacked([one, two, never], ACTUAL, TRAITS)
    assert np.isnan(found[:, 100]).all()
    np.testing.assert_allclose(found[:, 101], one[:, 101])
    assert np.isfinite(np.delete(found, 100, axis=1)).all()


@pytest.mark.parametrize(("name", "absent"), [("stacked_day_ahead", "regression_same_day"),
                                              ("stacked_same_day", "caiso_10_of_10_pre_post")])  # fmt: skip
def test_stacks__have_no_member_that_is_known_too_late(name: str, absent: str) -> None:
    assert absent not in STACKS[name]
    assert "regression_day_ahead" in STACKS[name]
    assert "caiso_10_of_10" not in STACKS["stacked_day_ahead"]

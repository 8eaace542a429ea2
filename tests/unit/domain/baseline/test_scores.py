import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridflex.domain.baseline import (
    Gate,
    Score,
    SliceKey,
    bounds,
    bounds_at,
    fewest,
    fixed_fleet,
    on_common_days,
    recommend,
    roll_up,
    rolling_bounds,
    score,
    smallest_passing,
    sum_of,
)
from tests.support.simulated.demand import Town, simulate


def test_score__a_baseline_above_the_meter_has_positive_bias() -> None:
    actual = np.full((1, 30, 6), 2.0)
    found = score("m", actual * 1.1, actual, 2.0)
    assert found.nmbe == pytest.approx(0.1)
    assert found.cvrmse == pytest.approx(0.1)
    assert found.median_abs_error == pytest.approx(0.1)


def test_score__by_hand_over_two_days() -> None:
    actual = np.array([[[1.0, 3.0], [2.0, 2.0]]])
    baseline = np.array([[[2.0, 4.0], [2.0, 0.0]]])
    found = score("m", baseline, actual, 2.0)  # errors 1, 1, 0, -2 of a mean of 2; hourly 2, -2 of a mean of 4
    assert found.cvrmse == pytest.approx(np.sqrt(6 / 4) / 2)
    assert found.nmbe == pytest.approx(0.0)
    assert found.rrmse == pytest.approx(2 / 4)
    assert found.median_abs_error == pytest.approx(2 / 4)
    assert (found.placebo_days, found.windows) == (2, 2)


def test_score__a_day_with_a_missing_slot_is_left_out() -> None:
    actual = np.full((1, 3, 2), 2.0)
    baseline = actual.copy()
    baseline[0, 1, 0] = np.nan
    baseline[0, 2] = 3.0
    assert score("m", baseline, actual, 1.0).nmbe == pytest.approx(0.25)


def test_score__without_numbers_is_nan() -> None:
    actual = np.full((1, 3, 2), 2.0)
    found = score("m", actual * np.nan, actual, 1.0)
    assert np.isnan([found.cvrmse, found.nmbe, found.rrmse, found.median_abs_error, found.coverage_90]).all()
    assert recommend({"m": found}) is None


def test_on_common_days__all_methods_are_scored_on_the_same_days() -> None:
    actual = np.ones((1, 10, 2))
    short, none = actual.copy(), actual * np.nan
    short[0, :2] = np.nan
    found = on_common_days({"full": actual, "short": short, "none": none}, actual)
    assert np.isfinite(found["full"]).all(axis=2).sum() == 8


@given(st.integers(19, 400))
def test_bounds__hold_the_share_they_promise(count: int) -> None:
    low, high = bounds((np.arange(count) + 1.0) / (count + 1))
    assert high - low == pytest.approx(0.90)


def test_bounds__fewer_than_needed_give_none() -> None:
    assert fewest(0.90) == 19
    assert np.isnan(bounds(np.arange(18.0))[0])
    assert np.isnan(bounds(np.array([*range(18), np.nan]))[0])


def test_rolling_bounds__see_nothing_of_their_own_day_or_later() -> None:
    residuals = np.random.default_rng(1).normal(size=(1, 60))
    changed = residuals.copy()
    changed[0, 40:] = 99.0
    before, after = rolling_bounds(residuals)[1], rolling_bounds(changed)[1]
    np.testing.assert_array_equal(before[:, :41], after[:, :41])
    assert after[0, 59] > 90


def test_bounds_at__forgets_what_is_older_than_its_memory() -> None:
    residuals = np.concatenate([np.full(100, 50.0), np.zeros(30)])[None]
    high = bounds_at(residuals, np.arange(130), np.array([130]), memory=30)[1]
    assert high == pytest.approx(0.0)


def _score(rrmse: float, nmbe: float = 0.0, days: int = 100) -> Score:
    return Score(
        method="m",
        cvrmse=rrmse,
        nmbe=nmbe,
        rrmse=rrmse,
        median_abs_error=0.0,
        coverage_90=0.9,
        placebo_days=days,
        windows=days,
    )


FRIDGES = SliceKey(region="tunis", feeder="f1", appliance="fridge")
FEEDER, REGION, ALL = FRIDGES.larger()[1:]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({FRIDGES: _score(0.19, 0.039), ALL: _score(0.01)}, FRIDGES),
        ({FRIDGES: _score(0.21), FEEDER: _score(0.20), ALL: _score(0.01)}, FEEDER),
        ({FRIDGES: _score(0.10, -0.05), FEEDER: _score(0.10, 0.05), REGION: _score(0.05)}, REGION),
        ({FRIDGES: _score(0.5), REGION: _score(0.05, days=5), ALL: _score(0.1)}, ALL),
        ({FRIDGES: _score(float("nan")), ALL: _score(0.3)}, None),
    ],
)
def test_gate__gives_the_smallest_aggregate_that_passes(scores: dict, expected: SliceKey | None) -> None:
    assert smallest_passing(FRIDGES, scores, Gate()) == expected


def test_slice_key__needs_the_level_above() -> None:
    with pytest.raises(ValueError, match="needs a"):
        SliceKey(feeder="f1")


def test_roll_up__sums_leaves_into_every_level() -> None:
    loads = simulate(Town(homes=4, days=3))
    keys = [SliceKey(region="r", feeder=feeder, appliance=kind) for feeder in ("f1", "f2") for kind in ("a", "b")]
    rolled, found = roll_up(loads, keys)
    assert [str(key) for key in found] == ["r/f1/a", "r/f1", "r", "all", "r/f1/b", "r/f2/a", "r/f2", "r/f2/b"]
    np.testing.assert_allclose(rolled.kwh[found.index(SliceKey())], loads.kwh.sum(axis=0))
    np.testing.assert_allclose(rolled.kwh[1], loads.kwh[:2].sum(axis=0))


def test_sum_of__one_of_many_missing_is_scaled_and_too_many_are_missing() -> None:
    kwh = np.ones((40, 1, 2))
    kwh[0, 0, 0] = np.nan
    kwh[:5, 0, 1] = np.nan
    assert sum_of(kwh)[0, 0] == pytest.approx(40.0)
    assert np.isnan(sum_of(kwh)[0, 1])


def test_steady_panel__leaves_out_homes_that_would_shorten_it() -> None:
    kwh = np.ones((4, 100, 1))
    kwh[3, 30:] = np.nan
    assert fixed_fleet(kwh).tolist() == [True, True, True, False]

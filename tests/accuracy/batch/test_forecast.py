"""The forecast: no leak from the future, honest quantiles, the same each time."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.forecast.backtest import backtest, score
from batch.forecast.jobs import day_forecast, next_kinds
from batch.forecast.models import MODELS, QUANTILES, DayForecast, boosted_trees, seasonal_naive
from batch.forecast.today import today_rows
from gridflex.domain.baseline import Loads
from gridflex.domain.forecast import NAMES, as_of, examples, features
from gridflex.domain.readings import Floats
from tests.support.batch_town import UTC, regions
from tests.support.examples import examples as tried
from tests.unit.batch.baselines.test_rows import columns_of


@pytest.fixture(scope="module")
def loads() -> Loads:
    return regions(count=3, homes=90, days=70).loads


def made(model: str, loads: Loads, target: int) -> Floats:
    found = MODELS[model](as_of(loads, target, next_kinds(loads, UTC), 60))
    assert found is not None
    return found


def spoilt(loads: Loads, first: int) -> Loads:
    """The same past, another future: everything from day ``first`` on is nonsense."""
    kwh = loads.kwh.copy()
    kwh[:, first:] = np.random.default_rng(9).uniform(1e3, 1e6, kwh[:, first:].shape)
    return replace(loads, kwh=kwh)


@pytest.mark.parametrize("model", MODELS)
def test_forecast__does_not_see_the_future(model: str, loads: Loads) -> None:
    target = 60
    honest = made(model, loads, target)
    assert np.array_equal(honest, made(model, spoilt(loads, target), target))
    yesterday = made(model, spoilt(loads, target - 1), target)
    assert not np.allclose(honest, yesterday), "the last known day must matter, or this test proves nothing"


@settings(max_examples=tried(8), deadline=None)
@given(known=st.integers(0, 47), first=st.integers(0, 5), seed=st.integers(0, 99))
@pytest.mark.parametrize("model", MODELS)
def test_forecast__issued_at_any_interval_does_not_see_what_follows(
    model: str, loads: Loads, known: int, first: int, seed: int
) -> None:
    """Another future, in demand and in temperatures that were forecast for later days, changes no bit of a forecast."""
    target, history = 40, 24
    loads = loads.part(0, 1)
    random = np.random.default_rng(seed)
    forecast_c = random.uniform(0, 40, loads.kwh.shape[1:])
    kinds = next_kinds(loads, UTC)
    kwh, other_c = loads.kwh.copy(), forecast_c.copy()
    kwh[:, target, known:] = random.uniform(1e3, 1e6, kwh[:, target, known:].shape)
    kwh[:, target + 1 + first :] = np.nan
    other_c[target + 1 :] = -30.0
    changed = replace(loads, kwh=kwh)
    honest, other = (
        MODELS[model](as_of(one, target, kinds, history, known_slots=known, forecast_c=celsius))
        for one, celsius in ((loads, forecast_c), (changed, other_c))
    )
    assert honest is not None
    assert other is not None
    assert np.array_equal(honest, other, equal_nan=True)


@pytest.mark.parametrize("day", [30, 60])
def test_features__do_not_see_their_own_day(loads: Loads, day: int) -> None:
    assert np.array_equal(features(loads, day), features(spoilt(loads, day), day), equal_nan=True)


def test_examples__each_days_features_come_from_before_it(loads: Loads) -> None:
    told, wanted = examples(loads, 30, 32)
    changed, other = examples(spoilt(loads, 31), 30, 32)
    slots = 3 * 48
    assert told.shape == (2 * slots, len(NAMES))
    assert np.array_equal(told, changed), "the features of day 31 come from days before it"
    assert np.array_equal(wanted[:slots], other[:slots])
    assert not np.array_equal(wanted[slots:], other[slots:])


def test_backtest__each_origin_knows_only_the_days_before_it(loads: Loads) -> None:
    """Days after an origin are changed: the forecasts of that origin, as the model is asked for them, are not."""
    asked: list[Floats] = []

    def spy(known: Loads) -> Floats | None:
        asked.append(known.kwh.copy())
        return seasonal_naive(known)

    days = loads.days
    backtest(loads, loads.kinds, history_days=20, backtest_days=5, models={"spy": spy})
    assert len(asked) == 5
    for origin, kwh in zip(range(days - 5, days), asked, strict=True):
        assert np.isnan(kwh[:, -1]).all(), "the day that is forecast is empty"
        assert np.array_equal(kwh[:, :-1], loads.kwh[:, origin - 20 : origin])


def test_backtest__a_model_that_cheats_would_be_found_out(loads: Loads) -> None:
    """The measure can tell: a forecast made of the truth scores almost nothing, ours do not."""
    truth = loads.kwh[0, -1:]
    cheat = score(np.repeat(truth[:, :, None], len(QUANTILES), axis=2), truth)
    ours = backtest(loads, loads.kinds, history_days=60, backtest_days=1, models={"naive": seasonal_naive})["naive"][0]
    assert cheat.pinball_share == pytest.approx(0, abs=1e-12)
    assert ours.pinball_share > 0.01


@pytest.mark.parametrize("model", MODELS)
def test_quantiles__are_in_order_and_not_negative(model: str, loads: Loads) -> None:
    found = made(model, loads, loads.days)
    assert found.shape == (3, 48, len(QUANTILES))
    assert (np.diff(found, axis=2) >= 0).all()
    assert (found >= 0).all()


def test_boosted_trees__are_nearer_the_closer_to_the_interval_they_are_issued(loads: Loads) -> None:
    """Days with a level of their own: whoever has seen the morning knows the evening better."""
    level = np.random.default_rng(3).uniform(0.7, 1.3, loads.days)
    moody = replace(loads, kwh=loads.kwh * level[None, :, None])
    kinds, evening = next_kinds(moody, UTC), slice(36, 48)
    errors = dict.fromkeys((0, 24, 36), 0.0)
    for target in (56, 60, 65):
        made = DayForecast.of(as_of(moody, target, kinds, 50))
        assert made is not None
        for known in errors:
            found = made.issued(moody.kwh[:, target, :known])
            assert np.isnan(found[:, :known]).all()
            errors[known] += float(np.abs(found[:, evening, 2] - moody.kwh[:, target, evening]).mean())
    assert errors[24] < 0.8 * errors[0]
    assert errors[36] < 0.8 * errors[0]


def test_boosted_trees__are_the_same_each_time(loads: Loads) -> None:
    assert np.array_equal(made("boosted_trees", loads, 60), made("boosted_trees", loads, 60))


def test_seasonal_naive__centres_on_the_day_a_week_before() -> None:
    kwh = np.tile(np.arange(1.0, 8.0)[:, None], (4, 48))[None]
    loads = replace(regions(count=1, homes=2, days=28).loads, kwh=kwh)
    found = seasonal_naive(as_of(loads, 28, next_kinds(loads, UTC), 28))
    assert found is not None
    assert (found == 1.0).all()


def test_models__say_nothing_without_enough_days(loads: Loads) -> None:
    kinds = next_kinds(loads, UTC)
    assert boosted_trees(as_of(loads, 13, kinds, 60)) is None
    assert boosted_trees(as_of(loads, 14, kinds, 60)) is not None
    assert seasonal_naive(as_of(loads, 1, kinds, 60)) is None
    assert seasonal_naive(as_of(loads, 3, kinds, 60)) is not None


def test_models__bear_missing_days_and_slices(loads: Loads) -> None:
    kwh = loads.kwh.copy()
    kwh[0, 40:50] = np.nan
    kwh[1, :, 10] = np.nan
    kwh[2] = np.nan
    holes = replace(loads, kwh=kwh)
    for model in MODELS:
        found = made(model, holes, 60)
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[2]).all()


def test_day_forecast__is_of_the_day_after_the_last(loads: Loads) -> None:
    rows = day_forecast(loads, UTC)
    first = dt.datetime.combine(loads.date(loads.days), dt.time(), dt.UTC).timestamp() * 1000
    assert set(rows["issued_ms"].to_pylist()) == {first}
    assert sorted(set(rows["time_ms"].to_pylist())) == [first + 1_800_000 * slot for slot in range(48)]
    assert len(rows) == len(MODELS) * 3 * 48
    assert set(rows.column_names) == columns_of("forecast")


def test_today_rows__are_of_the_latest_issue_and_of_the_start_of_each_interval_that_is_over(loads: Loads) -> None:
    today = replace(loads, kwh=loads.kwh.copy())
    midnight = round(dt.datetime.combine(loads.date(loads.days - 1), dt.time(), dt.UTC).timestamp() * 1000)
    interval_ms = 1_800_000
    today.kwh[:, -1, 20:] = np.nan
    rows = [
        today_rows(today, UTC, midnight + after * interval_ms).to_pandas().query("model == 'boosted_trees'")
        for after in (18, 19.5, 20)
    ]
    for found, over in zip(rows, (18, 19, 20), strict=True):
        assert len(found) == 3 * 48
        issue = np.minimum((found["time_ms"] - midnight) // interval_ms, over)
        assert ((found["issued_ms"] - midnight) // interval_ms == issue).all()
    first, _, last = (one.set_index(["region", "time_ms", "issued_ms"])["p50_kwh"] for one in rows)
    both = first.index.intersection(last.index)
    assert len(both) == 3 * 19
    assert (first[both] == last[both]).all(), "what was issued stays"
    assert set(today_rows(today, UTC, midnight)["issued_ms"].to_pylist()) == {midnight}


def test_backtest__quantiles_cover_what_they_say_and_trees_beat_the_rules() -> None:
    loads = regions(count=6, homes=180, days=110, seed=4).loads
    scores = backtest(loads, loads.kinds, history_days=60, backtest_days=14)
    pinball = {name: np.mean([one.pinball_share for one in found]) for name, found in scores.items()}
    assert pinball["boosted_trees"] < 0.8 * pinball["seasonal_naive"]
    assert pinball["boosted_trees"] < 0.97 * pinball["four_weekdays"]
    for name, found in scores.items():
        told = f"{name}: {found}"
        assert np.mean([one.coverage_90 for one in found]) == pytest.approx(0.90, abs=0.05), told
        assert np.mean([one.coverage_50 for one in found]) == pytest.approx(0.50, abs=0.1), told
        assert {one.days for one in found} == {14}

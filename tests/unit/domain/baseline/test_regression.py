"""Regression baselines: they learn weather from the past alone, and nothing of the event or the future enters."""

import dataclasses
import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridflex.domain.baseline import EventWindow, Loads, baselines, day_kinds, day_number
from tests.support.examples import examples

DAYS, SLOTS = 200, 24
WINDOW = EventWindow.parse("17:00-20:00", SLOTS)
METHODS = ("regression_day_ahead", "regression_same_day")
TARGETS = np.arange(DAYS - 60, DAYS)


def _loads(*, noise: float = 0.02, weather: bool = True, slices: int = 2) -> Loads:
    """Loads that rise by 4 % a degree above 24 in the evening, with the days' own noise."""
    random = np.random.default_rng(7)
    first = day_number(dt.date(2023, 9, 4))
    peak = 24 + 8 * np.sin(np.arange(DAYS) / 40 + 3) + random.normal(0, 4, DAYS)
    course = peak[:, None] - 6 * np.cos(np.arange(SLOTS) / SLOTS * 2 * np.pi + 0.9) - 6
    hour = 1 + 0.5 * np.exp(-0.5 * ((np.arange(SLOTS) - 18.5) / 2.5) ** 2)
    cooling = 0.04 * np.maximum(peak - 24, 0)[:, None] * hour
    kwh = (hour + cooling)[None] * random.normal(1, noise, (slices, DAYS, 1)) * random.normal(1, 0.01, (DAYS, SLOTS))
    return Loads(
        names=tuple(f"s{index}" for index in range(slices)),
        first_day=first,
        kwh=kwh,
        kinds=day_kinds(first, DAYS),
        excluded=np.zeros((slices, DAYS), dtype=bool),
        peak_temperature_c=peak if weather else None,
        temperature_c=course if weather else None,
    )


def _error(loads: Loads, name: str) -> float:
    days = TARGETS[loads.kinds[TARGETS] == 0]
    actual = loads.actual_kwh(WINDOW, days)
    found = baselines(loads, WINDOW, days, methods=[name])[name]
    assert np.isfinite(found).all()
    return float(np.sqrt(((found - actual) ** 2).mean()) / actual.mean())


def test_day_ahead__learns_what_heat_does_to_the_load() -> None:
    loads = _loads(noise=0.003)
    learned = _error(loads, "regression_day_ahead")
    assert learned < 0.6 * _error(loads, "igrid_last_5")
    assert learned < 0.6 * _error(_loads(noise=0.003, weather=False), "regression_day_ahead")


def test_same_day__uses_the_mornings_departure() -> None:
    loads = _loads(noise=0.10)
    assert _error(loads, "regression_same_day") < 0.5 * _error(loads, "regression_day_ahead")


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=examples(3), deadline=None)
@given(target=st.integers(70, DAYS - 2), factor=st.floats(0.0, 50.0), weather=st.booleans())
def test_regression__a_changed_future_changes_nothing_bit_for_bit(
    name: str, target: int, factor: float, weather: bool
) -> None:
    loads = _loads(weather=weather)
    kwh = loads.kwh.copy()
    kwh[:, target, WINDOW.first :] *= factor
    kwh[:, target + 1 :] *= factor
    peak = loads.peak_temperature_c
    later = peak if peak is None else np.where(np.arange(DAYS) > target, 50.0, peak)
    changed = dataclasses.replace(loads, kwh=kwh, peak_temperature_c=later)
    one = np.array([target])
    before = baselines(loads, WINDOW, one, methods=[name])[name]
    np.testing.assert_array_equal(baselines(changed, WINDOW, one, methods=[name])[name], before)
    shorter = dataclasses.replace(
        loads,
        kwh=loads.kwh[:, : target + 1],
        kinds=loads.kinds[: target + 1],
        excluded=loads.excluded[:, : target + 1],
        peak_temperature_c=None if peak is None else peak[: target + 1],
        temperature_c=None if loads.temperature_c is None else loads.temperature_c[: target + 1],
    )
    np.testing.assert_array_equal(baselines(shorter, WINDOW, one, methods=[name])[name], before)
    many = baselines(loads, WINDOW, np.arange(target - 5, target + 1), methods=[name])[name]
    np.testing.assert_array_equal(many[:, -1:], before)


@pytest.mark.parametrize("name", METHODS)
def test_regression__an_excluded_day_teaches_nothing(name: str) -> None:
    loads = _loads()
    excluded = loads.excluded.copy()
    excluded[:, DAYS - 10] = True
    kwh = loads.kwh.copy()
    kwh[:, DAYS - 10] *= 3
    one = np.array([DAYS - 2])
    quiet = baselines(dataclasses.replace(loads, excluded=excluded), WINDOW, one, methods=[name])[name]
    shed = baselines(dataclasses.replace(loads, excluded=excluded, kwh=kwh), WINDOW, one, methods=[name])[name]
    np.testing.assert_array_equal(shed, quiet)


def test_regression__without_an_effect_to_learn_stays_with_the_like_days() -> None:
    random = np.random.default_rng(3)
    loads = dataclasses.replace(_loads(weather=False), kwh=random.gamma(2.0, 0.5, (2, DAYS, SLOTS)))
    assert _error(loads, "regression_same_day") < 1.05 * _error(loads, "caiso_10_of_10")


def test_regression__unknown_weather_of_the_day_gives_no_number() -> None:
    loads = _loads()
    peak, course = loads.peak_temperature_c.copy(), loads.temperature_c.copy()  # type: ignore[union-attr]
    peak[DAYS - 2], course[DAYS - 2] = np.nan, np.nan
    found = baselines(
        dataclasses.replace(loads, peak_temperature_c=peak, temperature_c=course),
        WINDOW, np.array([DAYS - 3, DAYS - 2]), methods=["regression_day_ahead"],
    )["regression_day_ahead"]  # fmt: skip
    assert np.isfinite(found[:, 0]).all()
    assert np.isnan(found[:, 1]).all()


def test_regression__too_few_days_give_no_number() -> None:
    found = baselines(_loads(), WINDOW, np.array([20]), methods=METHODS)
    assert all(np.isnan(values).all() for values in found.values())

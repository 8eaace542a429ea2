"""Generated demand of homes with known truth: for tests, measurements and the bake-off's own check.

A home is a base load, a morning and an evening peak at hours and of sizes of its own, weekend habits, heating and
cooling by the common weather, days away, and noise that scatters about it; all homes share the weather and a common
mood of each day. Everything follows from the seed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np

from gridflex.domain.baseline import DayKind, EventWindow, Loads, day_kinds, day_number
from gridflex.domain.readings import Flags, Floats, Ints

HEAT_BELOW_C = 16.0
COOL_ABOVE_C = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """What is generated."""

    homes: int = 400
    days: int = 730
    slots: int = 48
    first_date: dt.date = dt.date(2023, 1, 2)
    seed: int = 1
    weather_memory: float = 0.75
    """Day-to-day correlation of the temperature's departure from its season."""
    weather_spread_c: float = 2.6
    day_mood: float = 0.02
    """Standard deviation of a factor that all homes share on a day."""
    noise: float = 0.5
    """Gamma noise of each home's interval: its coefficient of variation."""


def simulate(town: Town) -> Loads:
    """The town's demand, shape (homes, days, slots), kWh an interval, without any event: the truth."""
    weather_random, home_random, noise_random = (np.random.default_rng([town.seed, part]) for part in range(3))
    first = day_number(town.first_date)
    kinds = day_kinds(first, town.days)
    peak_c = _peaks_c(town, first, weather_random)
    mood = np.exp(weather_random.normal(0.0, town.day_mood, town.days))
    kwh = np.empty((town.homes, town.days, town.slots))
    weekend = kinds != DayKind.WEEKDAY
    for home in range(town.homes):
        power_kw = _home_kw(town, home_random, peak_c, weekend) * mood[:, None]
        shape = 1.0 / town.noise**2
        kwh[home] = power_kw * noise_random.gamma(shape, 1.0 / shape, power_kw.shape) * (24.0 / town.slots)
    return Loads(
        names=tuple(f"home-{home:04d}" for home in range(town.homes)),
        first_day=first,
        kwh=kwh,
        kinds=kinds,
        excluded=np.zeros((town.homes, town.days), dtype=np.bool_),
        peak_temperature_c=peak_c,
    )


def _peaks_c(town: Town, first_day: int, random: np.random.Generator) -> Floats:
    """Each day's highest temperature, shape (days,): a season and an autoregressive departure from it."""
    day = np.arange(first_day, first_day + town.days)
    season = 17.0 - 10.0 * np.cos(2 * np.pi * (day - 20) / 365.25)
    shocks = random.normal(0.0, town.weather_spread_c * np.sqrt(1 - town.weather_memory**2), town.days)
    away = np.empty(town.days)
    away[0] = random.normal(0.0, town.weather_spread_c)
    for index in range(1, town.days):
        away[index] = town.weather_memory * away[index - 1] + shocks[index]
    peak_c: Floats = season + away
    return peak_c


def _home_kw(town: Town, random: np.random.Generator, peak_c: Floats, weekend: Flags) -> Floats:
    """One home's expected power, shape (days, slots), kW."""
    hour = (np.arange(town.slots) + 0.5) * 24.0 / town.slots
    size = random.lognormal(0.0, 0.45)
    base_kw = 0.12 * random.lognormal(0.0, 0.3)
    morning = 0.35 * _bump(hour, random.normal(7.5, 0.7), 1.2)
    evening = 0.75 * _bump(hour, random.normal(18.7, 1.0), 2.2)
    midday = 0.25 * random.uniform(0.2, 1.0) * _bump(hour, 13.0, 3.5)
    workday_kw, weekend_kw = morning + evening + 0.5 * midday, 0.7 * morning + evening + 1.6 * midday
    weather = random.uniform(0.0, 0.024) * np.maximum(HEAT_BELOW_C - peak_c, 0.0)
    weather = weather + random.uniform(0.0, 0.03) * np.maximum(peak_c - COOL_ABOVE_C, 0.0)
    awake = 0.35 + _bump(hour, 19.0, 4.0) + 0.5 * _bump(hour, 8.0, 2.0)
    habits_kw = np.where(weekend[:, None], weekend_kw, workday_kw)
    own_days = np.exp(random.normal(0.0, 0.25, town.days) - 0.25**2 / 2)
    at_home = _at_home(town.days, random)
    power_kw: Floats = size * (base_kw + (habits_kw * own_days[:, None] + weather[:, None] * awake) * at_home[:, None])
    return power_kw


def _at_home(days: int, random: np.random.Generator) -> Floats:
    """1 at home, 0.1 away: about two absences a year of 3 to 14 days."""
    present = np.ones(days)
    for start in np.flatnonzero(random.random(days) < 2 / 365.25):
        present[start : start + random.integers(3, 15)] = 0.1
    return present


def _bump(hour: Floats, centre_h: float, width_h: float) -> Floats:
    """A peak of height 1 at ``centre_h`` that runs on over midnight."""
    gap = np.abs(hour - centre_h)
    gap = np.minimum(gap, 24.0 - gap)
    return np.asarray(np.exp(-0.5 * (gap / width_h) ** 2), dtype=np.float64)


def with_shed(loads: Loads, window: EventWindow, days: Ints, share: float, *, rebound: float = 0.0) -> Loads:
    """An event on each of ``days``: ``share`` of the demand in the window is shed, ``rebound`` of it comes back after.

    The rebound lies evenly in the hour after the window. The days are marked as excluded.
    """
    kwh = loads.kwh.copy()
    shed = share * kwh[:, days, window.first : window.stop]
    kwh[:, days, window.first : window.stop] -= shed
    after = np.arange(window.stop, min(window.stop + round(loads.per_hour), loads.slots))
    if rebound and len(after):
        back = rebound * shed.sum(axis=2) / len(after)
        for slot in after:
            kwh[:, days, slot] += back
    return replace(loads, kwh=kwh, excluded=_also(loads, days))


def with_inflated_hours(loads: Loads, window: EventWindow, days: Ints, share: float) -> Loads:
    """Gaming: the four hours before an event on each of ``days`` are raised by ``share``; the days are excluded."""
    kwh = loads.kwh.copy()
    kwh[:, days, max(window.first - round(4 * loads.per_hour), 0) : window.first] *= 1 + share
    return replace(loads, kwh=kwh, excluded=_also(loads, days))


def _also(loads: Loads, days: Ints) -> Flags:
    excluded = loads.excluded.copy()
    excluded[:, days] = True
    return excluded

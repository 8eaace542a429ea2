"""Computes baselines by linear regression on calendar, weather, and the slice's own recent load.

A time-of-week and temperature model of the kind of LBNL's (Mathieu et al. 2011) and OpenDSM's CalTRACK hourly model:
change points in temperature, weekdays, season. What it predicts is the departure from the mean of the 10 last like
days (the base of CAISO's 10-in-10), so that level and shape need not be learned. The coefficients are those of weighted
ridge regression on all earlier days of the same kind; older days weigh less. They are solved anew each week, for
several strengths of the ridge; the one that has erred least on the days before is taken.

    B = base + unit x (mean of y + beta . (x - mean of x)),   y = (L - base) / unit of earlier days

Sums over days are updated day by day, in order: nothing of a target day's window, and nothing later, can enter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gridflex.domain.baseline.calendar import DayKind
from gridflex.domain.baseline.contamination import clean_mean, contaminated_at
from gridflex.domain.baseline.loads import EventWindow, Loads
from gridflex.domain.baseline.matching import DayMatcher, energy_at, hours_fit, mean_of_days
from gridflex.domain.baseline.rules import CAISO, Adjustment, RegressionRule
from gridflex.domain.baseline.weather import WINDOW_KNOTS_C, hinges, weather_columns
from gridflex.domain.readings import Flags, Floats, Ints

_EVENING_H = 4
_YEAR_D = 365.2425
_WEEK_D = 7
_SAME = 1e-6
"""A column with a smaller standard deviation has no effect to learn."""


def regression(loads: Loads, window: EventWindow, rule: RegressionRule, targets: Ints, slots: Ints) -> Floats:
    """The rule's baseline at ``slots`` of each target day, shape (S, T, K); NaN with too little history or weather."""
    found = np.full((len(loads.names), len(targets), len(slots)), np.nan)
    base = replace(CAISO, adjustment=Adjustment(before_h=rule.before_h))
    if not len(targets) or not hours_fit(base, loads.slots):
        return found
    weekend = loads.kinds != DayKind.WEEKDAY
    for kind in (False, True):
        wanted = np.flatnonzero(weekend[targets] == kind)
        if len(wanted):
            days = np.flatnonzero(weekend[: int(targets[wanted].max()) + 1] == kind)
            made = _Examples(loads, DayMatcher(loads, window, base), slots)
            fitted = _Fit(rule, len(loads.names))
            found[:, wanted] = _by_day(fitted, made, days, targets[wanted])
    return found


def examples(
    loads: Loads, window: EventWindow, rule: RegressionRule, slots: Ints, days: Ints
) -> Iterator[tuple[int, RegressionExample]]:
    """The examples that the rule learns from, day by day; a day without enough like days before it is left out.

    ``days``: shape (n,), indexes of days of one kind, in order. An example holds nothing later than its day, and
    nothing of the day's window but ``departure``.
    """
    base = replace(CAISO, adjustment=Adjustment(before_h=rule.before_h))
    if not hours_fit(base, loads.slots):
        return
    made = _Examples(loads, DayMatcher(loads, window, base), slots)
    for day in days.tolist():
        one = made.of(day)
        if one is not None:
            yield day, one


def _by_day(fitted: _Fit, made: _Examples, days: Ints, targets: Ints) -> Floats:
    told: dict[int, Floats] = {}
    wanted = set(targets.tolist())
    for day in days.tolist():
        one = made.of(day)
        if one is None:
            continue
        if day in wanted:
            told[day] = np.maximum(one.base + one.unit[:, None] * fitted.predict(one.inputs, made.number(day)), 0.0)
        fitted.learn(one, made.number(day), made.allowed(day))
    nothing = np.full((len(made.loads.names), len(made.slots)), np.nan)
    return np.stack([told.get(day, nothing) for day in targets.tolist()], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionExample:
    """One day of all slices."""

    inputs: Floats
    """Shape (S, p); NaN where something of the day is not known."""
    base: Floats
    """Shape (S, K), kWh: the mean of the last like days."""
    unit: Floats
    """Shape (S,), kWh: what departures are measured in."""
    departure: Floats
    """Shape (S, K): (metered - base) / unit."""


class _Examples:
    """Makes the examples of one set of loads, window and rule; what all days share is computed once."""

    def __init__(self, loads: Loads, matcher: DayMatcher, slots: Ints) -> None:
        self.loads, self.matcher, self.slots = loads, matcher, slots
        window = matcher.window
        self._event = np.arange(window.first, window.stop)
        self._evening = np.arange(loads.slots - max(round(_EVENING_H * loads.per_hour), 1), loads.slots)
        self._weather = weather_columns(loads, window)
        self._calendar = _calendar(loads)
        self._season = self._calendar[:, -4:]

    def number(self, day: int) -> int:
        """The day's number, that weeks are counted by."""
        return self.loads.first_day + day

    def allowed(self, day: int) -> Flags:
        """The slices that may learn from a day, shape (S,)."""
        return np.asarray(~self.loads.excluded[:, day], dtype=np.bool_)

    def of(self, day: int) -> RegressionExample | None:
        """The day's example; None where no slice has enough like days before it."""
        chosen = self.matcher.choose(day)
        if not chosen.known.any():
            return None
        around = self.matcher.around
        parts = np.cumsum([len(self.slots), len(self._event), len(self._evening)])
        needed = np.concatenate([self.slots, self._event, self._evening, around])
        base, event, evening, before = np.split(
            mean_of_days(energy_at(self.loads, chosen.day, needed), chosen.known), parts, axis=1
        )
        usual = np.concatenate([event, evening], axis=1).mean(axis=1)
        unit = np.where(usual > 0, usual, np.nan)
        today = np.array([[day]])
        columns = [
            np.broadcast_to(self._calendar[day], (len(unit), self._calendar.shape[1])),
            (event.mean(axis=1) / unit)[:, None],
            ((energy_at(self.loads, chosen.day[:, :1], self._event)[:, 0] - event).mean(axis=1) / unit)[:, None],
            self._day_before(day, evening, unit),
            *self._weather_of(day, chosen.day, chosen.known),
        ]
        if len(around):
            gap = (energy_at(self.loads, today, around)[:, 0] - before) / unit[:, None]
            left_out = contaminated_at(self.loads, day, around)
            gap = np.where(left_out, clean_mean(gap, left_out)[:, None], gap)
            hours = _by_hour(gap, max(round(self.loads.per_hour), 1))
            columns += [hours, hours.mean(axis=1, keepdims=True) * self._season[day, :2]]
        metered = energy_at(self.loads, today, self.slots)[:, 0]
        return RegressionExample(
            inputs=np.concatenate(columns, axis=1),
            base=base,
            unit=unit,
            departure=np.asarray((metered - base) / unit[:, None], dtype=np.float64),
        )

    def _day_before(self, day: int, evening: Floats, unit: Floats) -> Floats:
        """How far the evening before lies from the like days' evenings; 0 where it is not known or had an event."""
        if day == 0:
            return np.zeros((len(unit), 2))
        gap = (energy_at(self.loads, np.array([[day - 1]]), self._evening)[:, 0] - evening).mean(axis=1) / unit
        gap = np.where(np.isfinite(gap) & ~self.loads.excluded[:, day - 1], gap, 0.0)
        follows = self.loads.kinds[day - 1] == self.loads.kinds[day]
        return np.stack([gap * follows, gap * (not follows)], axis=1)

    def _weather_of(self, day: int, like: Ints, known: Flags) -> list[Floats]:
        """The day's weather against that of its like days, and against that of the last one of them."""
        if self._weather is None:
            return []
        today, past = self._weather[day], self._weather[like]
        usual = mean_of_days(past, known)
        own = np.broadcast_to(hinges(today[:1] * 10.0, (20.0,)), (len(like), 2))
        change = today - usual
        first, warm = (len(WINDOW_KNOTS_C) + 1, [0, 4, 5]) if self.loads.temperature_c is not None else (4, [0, -2, -1])
        by_season = [change[:, warm] * turn for turn in self._season[day, :2]]
        return [change, own, (past[:, 0] - today)[:, :first], *by_season]


class _Fit:
    """Weighted sums over the days learned from, the coefficients of the latest week, and how well each ridge did."""

    def __init__(self, rule: RegressionRule, slices: int) -> None:
        self._rule = rule
        self._days = np.zeros(slices, dtype=np.int64)
        self._squares = np.zeros(slices)
        self._errors = np.zeros((len(rule.ridges), slices))
        self._inputs = self._outputs = np.zeros(0)
        self._last_day = self._week = -1
        self._mean = self._slopes = self._offset = np.zeros(0)

    def learn(self, one: RegressionExample, day: int, allowed: Flags) -> None:
        """Add a day's example where all of it is known, after each ridge's prediction was held against it."""
        known = allowed & np.isfinite(one.inputs).all(axis=1) & np.isfinite(one.departure).all(axis=1)
        inputs = np.where(known[:, None], one.inputs, 0.0)
        outputs = np.where(known[:, None], one.departure, 0.0)
        if not self._inputs.size:
            self._inputs = np.zeros((*inputs.shape, inputs.shape[1]))
            self._outputs = np.zeros((*inputs.shape, outputs.shape[1]))
        else:
            gone = ((self._each(inputs, day) - outputs) ** 2).sum(axis=2)
            fading = 0.5 ** ((day - self._last_day) / self._rule.half_life_days)
            self._inputs *= fading
            self._outputs *= fading
            self._squares *= fading**2
            self._errors = self._errors * fading + np.where(known & (self._days >= self._rule.least_days), gone, 0.0)
        self._last_day = day
        self._inputs += inputs[:, :, None] * inputs[:, None, :]
        self._outputs += inputs[:, :, None] * outputs[:, None, :]
        self._squares += known
        self._days += known

    def predict(self, inputs: Floats, day: int) -> Floats:
        """The departure expected by the ridge that erred least until now, shape (S, K); NaN with too few days."""
        if not self._inputs.size:
            return np.full((len(inputs), 1), np.nan)
        best = np.argmin(self._errors, axis=0)
        told = self._each(inputs, day)[best, np.arange(len(inputs))]
        return np.where((self._days >= self._rule.least_days)[:, None], told, np.nan)

    def _each(self, inputs: Floats, day: int) -> Floats:
        """Every ridge's prediction, shape (ridges, S, K), by the coefficients of the day's week."""
        if day // _WEEK_D != self._week:
            self._week = day // _WEEK_D
            self._solve(self._inputs, self._outputs)
        return np.asarray(self._offset + ((inputs - self._mean)[:, None, :] @ self._slopes)[:, :, 0])

    def _solve(self, inputs: Floats, outputs: Floats) -> None:
        weight = np.where(inputs[:, 0, 0] > 0, inputs[:, 0, 0], 1.0)
        self._mean = inputs[:, 0] / weight[:, None]
        self._offset = outputs[:, 0] / weight[:, None]
        covariance = inputs / weight[:, None, None] - self._mean[:, :, None] * self._mean[:, None, :]
        shared = outputs / weight[:, None, None] - self._mean[:, :, None] * self._offset[:, None, :]
        spread = np.sqrt(np.maximum(np.einsum("sii->si", covariance), 0.0))
        scale = np.where(spread > _SAME, 1.0 / np.maximum(spread, _SAME), 0.0)
        system = covariance * scale[:, :, None] * scale[:, None, :]
        one_day = np.maximum(self._squares, 1.0) / weight**2
        index = np.arange(system.shape[1])
        slopes = []
        for ridge in self._rule.ridges:
            drawn = system.copy()
            drawn[:, index, index] += ridge * one_day[:, None]
            slopes.append(np.linalg.solve(drawn, shared * scale[:, :, None]) * scale[:, :, None])
        self._slopes = np.stack(slopes)


def _calendar(loads: Loads) -> Floats:
    """Each day's constant, weekday and season, shape (D, 10); the last four columns are the season."""
    number = loads.first_day + np.arange(loads.days)
    weekday = (number + 3) % 7
    turn = 2 * np.pi * number / _YEAR_D
    season = [np.sin(turn), np.cos(turn), np.sin(2 * turn), np.cos(2 * turn)]
    days = [(weekday == which).astype(np.float64) for which in (0, 1, 2, 3, 5)]
    return np.stack([np.ones(loads.days), *days, *season], axis=1)


def _by_hour(gap: Floats, width: int) -> Floats:
    starts = np.arange(0, gap.shape[1], width)
    return np.asarray(np.add.reduceat(gap, starts, axis=1) / np.diff(np.append(starts, gap.shape[1])))

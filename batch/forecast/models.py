"""Forecasts quantiles of one day's demand from the days before it, and from the hours of it that are over.

``boosted_trees``: the mean of three members, weighted by their errors so far: the recent days of the same kind, a ridge
regression for each block of hours, and scikit-learn's histogram gradient boosting, one model over all regions. What
the latest errors say about the next hours is added. The quantiles come from errors on days that the members had not
seen. ``four_weekdays``: the mean of the same weekday of the last four weeks at the level of the last week.
``seasonal_naive``: the day a week before (with less than two weeks of data: the day before). Both take their quantiles
from the errors that the same rule made until now, and do not look at the target day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from gridflex.domain.baseline import Loads
from gridflex.domain.forecast import (
    BLOCKS,
    CALENDAR,
    NAMES,
    PROFILE,
    carry_on,
    features,
    fit_ridge,
    quantiles,
    ranks,
    scale_before,
)
from gridflex.domain.readings import Floats, Ints

QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
WEEK_D = 7
FEWEST_DAYS = 14
"""Fewer known days teach a model nothing."""
_MOST_UNSEEN_D = 42
_FOLDS = 3
_QUARTERS = 4
_MEMBERS = 3
_SETTINGS = {"max_iter": 100, "learning_rate": 0.06, "max_leaf_nodes": 8}
_MIN_SAMPLES = (20, 100)
"""By rolling-origin backtests on generated regions and on real loads of three kinds (docs/batch.md)."""

Model = Callable[[Loads], Floats | None]


def seasonal_naive(loads: Loads) -> Floats | None:
    """Forecast the last day of ``loads``: shape (S, P, quantiles), kWh; None without earlier days."""
    season = WEEK_D if len(known_days(loads)) >= FEWEST_DAYS else 1
    return _by_rule(loads, lambda day: loads.kwh[:, day - season], season)


def four_weekdays(loads: Loads) -> Floats | None:
    """Forecast as ``seasonal_naive`` does, by the mean of up to four weekdays; None with less than two weeks."""
    if len(known_days(loads)) < FEWEST_DAYS:
        return None

    def mean(day: int) -> Floats:
        weeks = np.stack([loads.kwh[:, day - back] for back in (7, 14, 21, 28) if back <= day])
        week = _mean_of_known(np.moveaxis(loads.kwh[:, day - WEEK_D : day], 0, 2).reshape(-1, len(loads.names)))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(_mean_of_known(weeks) * (week / scale_before(loads, day))[:, None])

    return _by_rule(loads, mean, WEEK_D)


def boosted_trees(loads: Loads) -> Floats | None:
    """Forecast as ``seasonal_naive`` does, by the three members; None with less than two weeks of data.

    Intervals of the target day that are known already are NaN in the result.
    """
    made = DayForecast.of(loads)
    return None if made is None else made.issued(loads.kwh[:, -1, : _intervals_over(loads)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayForecast:
    """What the days before a day say about it: learned once, then issued at its midnight or at any interval of it."""

    centre: Floats
    """Shape (S, P): the weighted members, in units of ``scale``."""
    errors: Floats
    """Shape (S, D, P): those of the same members and weights on days that the members had not seen."""
    scale: Floats
    """Shape (S,): kWh."""
    per_hour: float

    @classmethod
    def of(cls, loads: Loads) -> DayForecast | None:
        """Learn from all days but the last; None with less than two weeks of data."""
        target, known = loads.days - 1, known_days(loads)
        if len(known) < FEWEST_DAYS:
            return None
        told = _told(loads, int(known[0]) + 1)
        unseen = range(target - min(_MOST_UNSEEN_D, (target - int(known[0])) * 2 // 3), target)
        folds = [unseen.start + len(unseen) * part // _FOLDS for part in range(_FOLDS + 1)]
        made = np.concatenate([_members(told, loads, range(*days)) for days in pairwise(folds)], axis=2)
        actual = np.stack([told[day][1] for day in unseen], axis=1)
        weights = _weights(made, actual)
        return cls(
            centre=np.tensordot(weights, _members(told, loads, range(target, target + 1)), 1)[:, 0],
            errors=actual - np.tensordot(weights, made, 1),
            scale=scale_before(loads, target),
            per_hour=loads.per_hour,
        )

    def issued(self, today_kwh: Floats) -> Floats:
        """The forecast that is issued when the first k intervals of the day are over; ``today_kwh``: shape (S, k).

        Shape (S, P, quantiles), kWh; the k intervals are NaN.
        """
        over = today_kwh.shape[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            today = today_kwh / self.scale[:, None] - self.centre[:, :over]
        expected, left = carry_on(self.errors, today, self.per_hour)
        rest = (self.centre[:, over:] + expected)[:, :, None] + quantiles(left, QUANTILES, self.per_hour)
        found = np.full((*self.centre.shape, len(QUANTILES)), np.nan)
        found[:, over:] = np.maximum(rest, 0.0) * self.scale[:, None, None]
        return found


MODELS: Mapping[str, Model] = {
    "seasonal_naive": seasonal_naive,
    "four_weekdays": four_weekdays,
    "boosted_trees": boosted_trees,
}


def known_days(loads: Loads) -> Ints:
    """The days before the last with at least one known value, shape (n,)."""
    return np.flatnonzero(np.isfinite(loads.kwh[:, :-1]).any(axis=(0, 2)))


_Told = Mapping[int, tuple[Floats, Floats]]


def _told(loads: Loads, first: int) -> _Told:
    """Features (S, P, F) and scaled energy (S, P) of each day from ``first`` to the target day."""
    found = {}
    for day in range(first, loads.days):
        with np.errstate(invalid="ignore", divide="ignore"):
            found[day] = features(loads, day), loads.kwh[:, day] / scale_before(loads, day)[:, None]
    return found


def _members(told: _Told, loads: Loads, days: range) -> Floats:
    """Scaled energy of each of the days by each member that learned from the days before them alone: (3, S, D, P)."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    lessons = range(min(told), max(days.start, min(told) + 1))
    inputs = np.concatenate([told[day][0].reshape(-1, told[day][0].shape[2]) for day in lessons])
    wanted = np.concatenate([(told[day][1] - told[day][0][..., PROFILE]).ravel() for day in lessons])
    known = np.isfinite(wanted)
    inputs, wanted = inputs[known], wanted[known]
    asked = np.concatenate([told[day][0].reshape(-1, inputs.shape[1]) for day in days])
    profile, off = asked[:, PROFILE], np.zeros((2, len(asked)))
    if len(wanted):
        ridge = fit_ridge(_linear(inputs), wanted, _block(inputs, loads))
        off[0] = ridge.predict(_linear(asked), _block(asked, loads))
        telling = np.flatnonzero(_least(inputs) < _greatest(inputs))  # a column without two values cannot be binned
        leaf = int(np.clip(len(wanted) // 100, *_MIN_SAMPLES))
        with threadpool_limits(1, "openmp"):  # the same sums in the same order, and no threads that wait for each other
            trees = HistGradientBoostingRegressor(
                **_SETTINGS, min_samples_leaf=leaf, early_stopping=False, random_state=0
            ).fit(inputs[:, telling], wanted)
        off[1] = trees.predict(asked[:, telling])
    found = np.stack([profile, profile + off[0], profile + off[1]])
    slices, slots = len(loads.names), loads.slots
    return np.moveaxis(found.reshape(_MEMBERS, len(days), slices, slots), 1, 2)


def _linear(inputs: Floats) -> Floats:
    return inputs[:, len(CALENDAR) :]


def _block(inputs: Floats, loads: Loads) -> Ints:
    return (inputs[:, NAMES.index("slot")] * BLOCKS // loads.slots).astype(np.int64)


def _weights(made: Floats, actual: Floats) -> Floats:
    """The weights of the members, in quarters, with the least mean absolute error so far: shape (3,)."""
    tried: Sequence[tuple[int, ...]] = [
        shares for shares in product(range(_QUARTERS + 1), repeat=_MEMBERS) if sum(shares) == _QUARTERS
    ]
    known = np.isfinite(actual) & np.isfinite(made).all(axis=0)
    if not known.any():
        return np.full(_MEMBERS, 1 / _MEMBERS)
    told, wanted = made[:, known], actual[known]
    losses = [float(np.abs(np.tensordot(np.array(shares) / _QUARTERS, told, 1) - wanted).mean()) for shares in tried]
    return np.array(tried[int(np.argmin(losses))]) / _QUARTERS


def _intervals_over(loads: Loads) -> int:
    """How many intervals of the target day are over: up to the last known one."""
    known = np.flatnonzero(np.isfinite(loads.kwh[:, -1]).any(axis=0))
    return int(known[-1]) + 1 if len(known) else 0


def _by_rule(loads: Loads, rule: Callable[[int], Floats], season: int) -> Floats | None:
    """The rule's forecast of the target day, its quantiles from the errors that it made until now, slot by slot."""
    target = loads.days - 1
    if target <= season:
        return None
    errors = np.stack([loads.kwh[:, day] - rule(day) for day in range(season, target)], axis=1)
    slotwise = np.moveaxis(errors, 1, 2).reshape(-1, target - season)
    ranked = ranks(slotwise, QUANTILES).reshape(*loads.kwh[:, 0].shape, -1)
    return np.maximum(rule(target)[:, :, None] + ranked, 0.0)


def _mean_of_known(values: Floats) -> Floats:
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            np.where(known, values, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
        )


def _least(columns: Floats) -> Floats:
    least: Floats = np.where(np.isfinite(columns), columns, np.inf).min(axis=0, initial=np.inf)
    return least


def _greatest(columns: Floats) -> Floats:
    greatest: Floats = np.where(np.isfinite(columns), columns, -np.inf).max(axis=0, initial=-np.inf)
    return greatest

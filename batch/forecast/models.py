"""Forecasts quantiles of one day's demand from the days before it.

``boosted_trees``: scikit-learn's histogram gradient boosting for the expected load, one model over all regions, and
conformal quantiles around it: a model that has not seen the latest days is held against them, and the ranks of its
errors, by region and time of day, are the quantiles. ``seasonal_naive``: the day a week before (with less than two
weeks of data: the day before), its quantiles from the errors that the same rule made until now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from gridflex.domain.baseline import Loads
from gridflex.domain.forecast import NAMES, examples, features, scale_before
from gridflex.domain.readings import Floats, Ints

QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
WEEK_D = 7
FEWEST_DAYS = 14
"""Fewer known days teach a model nothing."""
_CALIBRATION_D = 21
_BLOCK_H = 3
_SETTINGS = {"max_iter": 80, "learning_rate": 0.08, "max_leaf_nodes": 15, "min_samples_leaf": 100}
"""By a rolling-origin backtest on generated regions (docs/batch.md)."""

Model = Callable[[Loads], Floats | None]


def seasonal_naive(loads: Loads) -> Floats | None:
    """Forecast the last, empty day of ``loads``: shape (S, P, quantiles), kWh; None without earlier days."""
    target = loads.days - 1
    season = WEEK_D if len(known_days(loads)) >= FEWEST_DAYS else 1
    if target <= season:
        return None
    errors = loads.kwh[:, season:target] - loads.kwh[:, : target - season]
    return _with_errors(loads.kwh[:, target - season], np.moveaxis(errors, 1, 2))


def boosted_trees(loads: Loads) -> Floats | None:
    """Forecast as ``seasonal_naive`` does, by boosted trees; None with less than two weeks of data."""
    target, known = loads.days - 1, known_days(loads)
    if len(known) < FEWEST_DAYS:
        return None
    held_out = min(_CALIBRATION_D, len(known) // 3)
    unseen = range(target - held_out, target)
    errors = np.stack(
        [loads.kwh[:, day] - centre for day, centre in zip(unseen, _centres(loads, unseen), strict=True)], axis=1
    )
    (centre,) = _centres(loads, range(target, target + 1))
    return _with_errors(centre, _by_block(errors, loads))


MODELS: Mapping[str, Model] = {"seasonal_naive": seasonal_naive, "boosted_trees": boosted_trees}


def known_days(loads: Loads) -> Ints:
    """The days with at least one known value, shape (n,)."""
    return np.flatnonzero(np.isfinite(loads.kwh).any(axis=(0, 2)))


def _centres(loads: Loads, days: range) -> list[Floats]:
    """Expected energy of each of the days, shape (S, P), by a model that learned from the days before them alone."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    told, wanted = examples(loads, int(known_days(loads)[0]) + 1, days.start)
    telling = np.flatnonzero(_least(told) < _greatest(told))  # a column without two values cannot be binned
    with threadpool_limits(1, "openmp"):  # the same sums in the same order, and no threads that wait for each other
        model = HistGradientBoostingRegressor(**_SETTINGS, early_stopping=False, random_state=0).fit(
            told[:, telling], wanted
        )
    found = []
    for day in days:
        known = features(loads, day)
        scaled = model.predict(known.reshape(-1, len(NAMES))[:, telling]).reshape(known.shape[:2])
        found.append(np.maximum(scaled, 0.0) * scale_before(loads, day)[:, None])
    return found


def _least(columns: Floats) -> Floats:
    least: Floats = np.where(np.isfinite(columns), columns, np.inf).min(axis=0, initial=np.inf)
    return least


def _greatest(columns: Floats) -> Floats:
    greatest: Floats = np.where(np.isfinite(columns), columns, -np.inf).max(axis=0, initial=-np.inf)
    return greatest


def _by_block(errors: Floats, loads: Loads) -> Floats:
    """Errors (S, T, P) -> (S, P, n): each slot has those of its block of hours."""
    width = round(_BLOCK_H * loads.per_hour)
    slices, days, slots = errors.shape
    blocks = errors.reshape(slices, days, slots // width, width)
    pooled = np.moveaxis(blocks, 1, 2).reshape(slices, slots // width, days * width)
    return np.repeat(pooled, width, axis=1)


def _with_errors(centre: Floats, errors: Floats) -> Floats:
    """Quantiles (S, P, Q) of ``centre`` (S, P) plus its earlier ``errors`` (S, P, n); energy is not below 0."""
    ordered = np.sort(errors, axis=2)
    count = np.isfinite(errors).sum(axis=2)
    last = np.maximum(count - 1, 0)
    found = []
    for quantile in QUANTILES:
        rank = np.clip((count + 1) * quantile - 1, 0, last)
        low, high = np.floor(rank).astype(np.int64), np.ceil(rank).astype(np.int64)
        below = np.take_along_axis(ordered, low[..., None], axis=2)[..., 0]
        above = np.take_along_axis(ordered, high[..., None], axis=2)[..., 0]
        found.append(np.maximum(centre + below + (rank - low) * (above - below), 0.0))
    return np.where(count[..., None] > 0, np.stack(found, axis=2), np.nan)

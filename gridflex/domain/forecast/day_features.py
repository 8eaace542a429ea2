"""Computes the features of a day that are known at the midnight before it, and the days that a model learns from.

issue (midnight)                 target day
... | t-7 | ... | t-2 | t-1 |  t  |
    known: every slot of the days before t, and the calendar of t. Nothing of t itself.
"""

from __future__ import annotations

import numpy as np

from gridflex.domain.baseline import Kinds, Loads, date_of
from gridflex.domain.readings import Floats

NAMES = (
    "slot",
    "weekday",
    "kind",
    "lag_1d",
    "lag_2d",
    "lag_7d",
    "lag_14d",
    "slot_mean_7d",
    "slot_mean_4w",
    "day_mean_1d",
    "day_mean_7d",
    "evening_1d",
)
LAGS_D = (1, 2, 7, 14)
_WEEK_D = 7
_SCALE_D = 28
_EVENING_H = 4


def as_of(loads: Loads, target: int, kinds: Kinds, days: int) -> Loads:
    """What is known at the midnight before a day: at most ``days`` days before it, and an empty target day, the last.

    ``kinds``: the kind of every day of ``loads`` and of the day after its last. All forecasts are made from such
    loads, which do not hold the future.
    """
    first = max(0, target - days)
    known = loads.kwh[:, first:target]
    empty = np.full((known.shape[0], 1, known.shape[2]), np.nan)
    return Loads(
        names=loads.names,
        first_day=loads.first_day + first,
        kwh=np.concatenate([known, empty], axis=1),
        kinds=kinds[first : target + 1],
        excluded=np.zeros((known.shape[0], target + 1 - first), dtype=np.bool_),
    )


def scale_before(loads: Loads, target: int) -> Floats:
    """Mean energy of an interval over the four weeks before a day, shape (S,): makes regions alike to a model."""
    return _mean(loads.kwh[:, max(0, target - _SCALE_D) : target], (1, 2))


def features(loads: Loads, target: int) -> Floats:
    """Features of every slot of a day, shape (S, P, len(NAMES)), in units of ``scale_before``; NaN where unknown.

    Only days before ``target`` are looked at.
    """
    past = loads.kwh[:, max(0, target - _SCALE_D) : target]
    slices, days, slots = past.shape
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = past / scale_before(loads, target)[:, None, None]
    missing = np.full((slices, slots), np.nan)
    lag = {back: scaled[:, days - back] if days >= back else missing for back in (*LAGS_D, 21, 28)}
    weeks = np.stack([lag[back] for back in (7, 14, 21, 28)], axis=1)
    week = scaled[:, max(0, days - _WEEK_D) :]
    evening = lag[1][:, -round(_EVENING_H * loads.per_hour) :]
    columns = (
        np.arange(slots, dtype=np.float64),
        float(date_of(loads.first_day + target).weekday()),
        float(loads.kinds[target]),
        *(lag[back] for back in LAGS_D),
        _mean(week, 1),
        _mean(weeks, 1),
        _mean(lag[1], 1)[:, None],
        _mean(week, (1, 2))[:, None],
        _mean(evening, 1)[:, None],
    )
    return np.stack([np.broadcast_to(column, (slices, slots)) for column in columns], axis=2)


def examples(loads: Loads, first: int, stop: int) -> tuple[Floats, Floats]:
    """Features and scaled energy of the known intervals of the days ``[first, stop)``: shapes (n, F) and (n,)."""
    inputs, outputs = [], []
    for day in range(first, stop):
        with np.errstate(invalid="ignore", divide="ignore"):
            inputs.append(features(loads, day).reshape(-1, len(NAMES)))
            outputs.append((loads.kwh[:, day] / scale_before(loads, day)[:, None]).ravel())
    if not inputs:
        return np.empty((0, len(NAMES))), np.empty(0)
    told, wanted = np.concatenate(inputs), np.concatenate(outputs)
    known = np.isfinite(wanted)
    return told[known], wanted[known]


def _mean(values: Floats, axis: int | tuple[int, ...]) -> Floats:
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=axis) / np.where(count, count, np.nan))

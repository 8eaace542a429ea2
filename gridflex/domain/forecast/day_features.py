"""Computes the features of a day that are known at the midnight before it, and the days that a model learns from.

issue (midnight)                 target day
... | t-7 | ... | t-2 | t-1 |  t  |
    known: every slot of the days before t, and of t its calendar and the temperature that was forecast for it.
"""

from __future__ import annotations

import numpy as np

from gridflex.domain.baseline import Kinds, Loads, date_of
from gridflex.domain.readings import Flags, Floats

NAMES = (
    *("slot", "weekday", "kind", "lag_1d", "lag_2d", "lag_7d", "lag_14d", "same_weekday_4w", "profile", "last_alike"),
    *(
        "off_1d",
        "off_2d",
        "off_3d",
        "off_7d",
        "day_off_1d",
        "day_off_3d",
        "day_off_7d",
        "evening_off_1d",
        "hour_off_1d",
    ),
    "slot_mean_7d",
)
"""Features of each slot. ``profile``: the mean of the days of the same kind, recent ones count more. ``off``: how far
days were from the mean of their kind.
"""
WEATHER_NAMES = (
    "temperature",
    "above_profile",
    "cooling_above_profile",
    "day_mean",
    "day_mean_above_profile",
    "day_peak",
)
"""Further features if the temperature of the target day was forecast."""
PROFILE = NAMES.index("profile")
CALENDAR = ("slot", "weekday", "kind")
LAGS_D = (1, 2, 7, 14)
_SCALE_D = 28
_HALF_LIFE = 4.0
"""After so many days of its kind a day counts half."""
_EVENING_H = 4
_NEIGHBOURS = 2
_COOLING_FROM_C = 18.0
"""Base of cooling degree days."""


def as_of(
    loads: Loads, target: int, kinds: Kinds, days: int, *, known_slots: int = 0, forecast_c: Floats | None = None
) -> Loads:
    """What is known when a forecast is issued: at most ``days`` days before the target day, and of this day, the last,
    its first ``known_slots`` intervals (0: the issue is its midnight).

    ``kinds``: the kind of every day of ``loads`` and of the day after its last. ``forecast_c``: shape (D, P), the
    temperature of each interval as it was forecast at the midnight before its day. Measured temperatures are left
    out. All forecasts are made from such loads, which do not hold the future.
    """
    first = max(0, target - days)
    known = loads.kwh[:, first:target]
    last = np.full((known.shape[0], 1, known.shape[2]), np.nan)
    if known_slots:
        last[:, 0, :known_slots] = loads.kwh[:, target, :known_slots]
    return Loads(
        names=loads.names,
        first_day=loads.first_day + first,
        kwh=np.concatenate([known, last], axis=1),
        kinds=kinds[first : target + 1],
        excluded=np.zeros((known.shape[0], target + 1 - first), dtype=np.bool_),
        temperature_c=None if forecast_c is None else forecast_c[first : target + 1],
        metered_minutes=loads.metered_minutes,
    )


def scale_before(loads: Loads, target: int) -> Floats:
    """Mean energy of an interval over the four weeks before a day, shape (S,): makes regions alike to a model."""
    return _mean(loads.kwh[:, max(0, target - _SCALE_D) : target], (1, 2))


def features(loads: Loads, target: int) -> Floats:
    """Features of every slot of a day, shape (S, P, F), in units of ``scale_before``; NaN where unknown.

    F: ``NAMES``, and ``WEATHER_NAMES`` if ``loads`` have temperatures. Only days before ``target``, its calendar and
    its forecast temperature are looked at.
    """
    first = max(0, target - _SCALE_D)
    past = loads.kwh[:, first:target]
    slices, days, slots = past.shape
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = past / scale_before(loads, target)[:, None, None]
    kinds = np.asarray(loads.kinds[first:target])
    alike = kinds == loads.kinds[target]
    missing = np.full((slices, slots), np.nan)
    lag = {back: scaled[:, days - back] if days >= back else missing for back in (*LAGS_D, 21, 28)}
    weeks = _mean(np.stack([lag[back] for back in (7, 14, 21, 28)], axis=1), 1)
    off = _off_their_kind(scaled, kinds)
    off_1d, off_2d = (off[:, days - back] if days >= back else missing for back in (1, 2))
    recent = {back: _mean(off[:, max(0, days - back) :], 1) for back in (3, 7)}
    hour, evening = round(loads.per_hour) or 1, round(_EVENING_H * loads.per_hour)
    columns = [
        np.arange(slots, dtype=np.float64),
        float(date_of(loads.first_day + target).weekday()),
        float(loads.kinds[target]),
        *(lag[back] for back in LAGS_D),
        weeks,
        _profile(scaled, alike),
        scaled[:, np.flatnonzero(alike)[-1]] if alike.any() else missing,
        _smooth(off_1d),
        _smooth(off_2d),
        recent[3],
        recent[7],
        *(_mean(one, 1)[:, None] for one in (off_1d, recent[3], recent[7], off_1d[:, -evening:], off_1d[:, -hour:])),
        _mean(scaled[:, -7:], 1),
    ]
    if loads.temperature_c is not None:
        columns += _weather(loads.temperature_c[first : target + 1], alike)
    return np.stack([np.broadcast_to(column, (slices, slots)) for column in columns], axis=2)


def examples(loads: Loads, first: int, stop: int) -> tuple[Floats, Floats]:
    """Features and scaled energy of the known intervals of the days ``[first, stop)``: shapes (n, F) and (n,)."""
    inputs, outputs = [], []
    for day in range(first, stop):
        found = features(loads, day)
        inputs.append(found.reshape(-1, found.shape[2]))
        with np.errstate(invalid="ignore", divide="ignore"):
            outputs.append((loads.kwh[:, day] / scale_before(loads, day)[:, None]).ravel())
    if not inputs:
        return np.empty((0, len(NAMES))), np.empty(0)
    told, wanted = np.concatenate(inputs), np.concatenate(outputs)
    known = np.isfinite(wanted)
    return told[known], wanted[known]


def _profile(scaled: Floats, alike: Flags) -> Floats:
    """Mean of the days of the target's kind, recent ones count more, or of all: (S, D, P) -> (S, P)."""
    found = _decayed(scaled[:, alike])
    return np.where(np.isfinite(found), found, _decayed(scaled))


def _decayed(days: Floats) -> Floats:
    weights = 0.5 ** (np.arange(days.shape[1])[::-1] / _HALF_LIFE)[:, None]
    known = np.isfinite(days)
    total = (known * weights).sum(axis=1)
    return np.asarray((np.where(known, days, 0.0) * weights).sum(axis=1) / np.where(total > 0, total, np.nan))


def _off_their_kind(scaled: Floats, kinds: Kinds) -> Floats:
    """Each day less the mean of the days of its kind, shape (S, D, P)."""
    off = np.full(scaled.shape, np.nan)
    for kind in np.unique(kinds):
        same = kinds == kind
        off[:, same] = scaled[:, same] - _mean(scaled[:, same], 1)[:, None]
    return off


def _smooth(values: Floats) -> Floats:
    """Mean of each slot and its neighbours, (S, P)."""
    width = _NEIGHBOURS
    padded = np.pad(values, ((0, 0), (width, width)), constant_values=np.nan)
    slots = values.shape[1]
    return _mean(np.stack([padded[:, at : at + slots] for at in range(2 * width + 1)], axis=1), 1)


def _weather(temperature_c: Floats, alike: Flags) -> list[Floats]:
    """``WEATHER_NAMES`` of the last of some days of forecast temperature, each of shape (P,) or ()."""
    past, today = temperature_c[None, :-1], temperature_c[-1]
    usual = _profile(past, alike)[0]
    cooling = np.maximum(temperature_c - _COOLING_FROM_C, 0.0)
    mean = _mean(today, 0)
    peak = today[np.isfinite(today)].max(initial=-np.inf)
    return [
        today,
        today - usual,
        cooling[-1] - _profile(cooling[None, :-1], alike)[0],
        mean,
        mean - _mean(usual, 0),
        np.asarray(peak if np.isfinite(peak) else np.nan),
    ]


def _mean(values: Floats, axis: int | tuple[int, ...]) -> Floats:
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=axis) / np.where(count, count, np.nan))

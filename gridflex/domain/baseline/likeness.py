"""Says what a day is like before its event: its weather, its place in time, and whether events are called on such days.

Intervals are made from the errors of the past days nearest in these traits, and scores are told for event-like days
beside all days. Nothing of an event's own hours enters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridflex.domain.baseline.loads import EventWindow, Loads
from gridflex.domain.readings import Flags, Floats, Ints

EVENT_LIKE_SHARE = 0.10
FEWEST_WITH_WEATHER = 20
ALIKE_C = 3.0
"""Days whose highest temperatures differ by this much are as unlike as days ``ALIKE_DAYS`` apart."""
ALIKE_DAYS = 200.0
ALIKE_LEVEL = 0.5
"""The same for the expected load, in standard deviations of its logarithm; it stands in where there is no weather."""
ALIKE_DAYS_BY_LEVEL = 400.0
_HOURS_BEFORE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTraits:
    """The traits of T days, in order of time."""

    day: Ints
    """Shape (T,): day numbers."""
    peak_c: Floats | None
    """Shape (T,): the highest temperature; None without weather."""
    event_like: Flags
    """Shape (T,): days such as events are called on."""


def day_traits(loads: Loads, window: EventWindow, days: Ints) -> DayTraits:
    """The traits of the days with these indexes, shape (T,)."""
    peak = None if loads.peak_temperature_c is None else loads.peak_temperature_c[days]
    return DayTraits(day=loads.first_day + days, peak_c=peak, event_like=_event_like(loads, window, days, peak))


def distance(past: DayTraits, past_kwh: Floats, target: DayTraits, index: int, target_kwh: Floats) -> Floats:
    """How unlike each past day is to one target day, shape (1, T) by weather or (S, T) by the expected load.

    ``past_kwh``: shape (S, T), ``target_kwh``: shape (S,), expected energies. NaN where a trait is not known.
    """
    age = (target.day[index] - past.day).astype(np.float64)
    if past.peak_c is not None and target.peak_c is not None and np.isfinite(target.peak_c[index]):
        apart: Floats = ((past.peak_c - target.peak_c[index]) / ALIKE_C) ** 2 + (age / ALIKE_DAYS) ** 2
        return apart[None, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.log(np.where(past_kwh > 0, past_kwh, np.nan))
        wanted = np.log(np.where(target_kwh > 0, target_kwh, np.nan))
    known = np.isfinite(level)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known, level, 0.0).sum(axis=1) / count
    spread = np.sqrt(np.where(known, (level - mean[:, None]) ** 2, 0.0).sum(axis=1) / count)
    scale = np.maximum(ALIKE_LEVEL * spread, 1e-9)
    gap = (level - wanted[:, None]) / scale[:, None]
    return np.asarray(gap**2 + (age / ALIKE_DAYS_BY_LEVEL) ** 2, dtype=np.float64)


def _event_like(loads: Loads, window: EventWindow, days: Ints, peak: Floats | None) -> Flags:
    """The tenth of the days on which events would be called.

    By weather: the hottest or the coldest days, on whichever side the window's load is higher. Without weather: the
    days whose load from midnight until four hours before the event is highest, or the day before's where that is no
    time.
    """
    flags = np.zeros(len(days), dtype=np.bool_)
    wanted = max(1, round(EVENT_LIKE_SHARE * len(days))) if len(days) else 0
    if peak is None or np.isfinite(peak).sum() < FEWEST_WITH_WEATHER:
        need = _load_before(loads, window, days)
    else:
        usual = _relative(loads, days, window.first, window.stop)
        known = np.flatnonzero(np.isfinite(peak) & np.isfinite(usual))
        order = known[np.argsort(peak[known], kind="stable")]
        hotter = len(order) and usual[order[-wanted:]].mean() >= usual[order[:wanted]].mean()
        need = peak if hotter else -peak
    known = np.flatnonzero(np.isfinite(need))
    flags[known[np.argsort(-need[known], kind="stable")[:wanted]]] = True
    return flags


def _load_before(loads: Loads, window: EventWindow, days: Ints) -> Floats:
    stop = window.first - round(_HOURS_BEFORE * loads.per_hour)
    if stop > 0:
        return _relative(loads, days, 0, stop)
    before = np.maximum(days - 1, 0)
    return np.where(days > 0, _relative(loads, before, window.first, window.stop), np.nan)


def _relative(loads: Loads, days: Ints, first: int, stop: int) -> Floats:
    """Mean load of slots over all slices, each in units of its own mean, shape (T,)."""
    part = loads.kwh[:, days, first:stop]
    known = np.isfinite(part)
    count = known.sum(axis=(1, 2))
    total = np.where(known, part, 0.0).sum(axis=(1, 2))
    own = np.where((count > 0) & (total > 0), total / np.maximum(count, 1), np.nan)
    scaled = part / own[:, None, None]
    known = np.isfinite(scaled)
    count = known.sum(axis=(0, 2))
    return np.asarray(np.where(known, scaled, 0.0).sum(axis=(0, 2)) / np.where(count == 0, np.nan, count))

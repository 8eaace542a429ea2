"""Chooses event-like placebo days: days without an event on which a baseline can be compared with the meter."""

from __future__ import annotations

import numpy as np

from gridflex.domain.baseline.calendar import DayKind
from gridflex.domain.baseline.loads import EventWindow, Loads
from gridflex.domain.readings import Ints

COMFORT_C = (18.0, 24.0)
"""Days whose highest temperature lies between need little heating or cooling: events are rare on them."""


def placebo_days(loads: Loads, window: EventWindow, *, share: float = 1.0, least: int = 30) -> Ints:
    """Weekdays without an event, the most event-like first chosen, in order of time; shape (T,).

    Operators call events on cold and hot days, so with a ``share`` below 1 only that share of the days is kept, by the
    distance of the day's highest temperature from comfort; at least ``least`` of them. Chosen by weather
    alone, never by the load that is to be predicted. Without weather all days are kept.
    """
    metered = np.isfinite(loads.kwh[:, :, window.first : window.stop]).all(axis=2) & ~loads.excluded
    days = np.flatnonzero(metered.any(axis=0) & (loads.kinds == DayKind.WEEKDAY))
    peak = loads.peak_temperature_c
    if share >= 1 or peak is None or len(days) <= least:
        return days
    need = np.maximum(COMFORT_C[0] - peak[days], peak[days] - COMFORT_C[1])
    need = np.where(np.isnan(need), -np.inf, need)
    keep = max(round(share * len(days)), least)
    return np.sort(days[np.argsort(-need, kind="stable")[:keep]])

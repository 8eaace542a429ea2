"""Describes each day's weather as columns that a linear model of load can use: change-point (hinge) terms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gridflex.domain.baseline.loads import EventWindow, Loads
from gridflex.domain.readings import Floats

WINDOW_KNOTS_C = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
PEAK_KNOTS_C = (15.0, 20.0, 25.0, 30.0)
MEAN_KNOTS_C = (10.0, 20.0)
DAY_BEFORE_KNOTS_C = (20.0, 25.0, 30.0)
_UNIT_C = 10.0


def hinges(celsius: Floats, knots: Sequence[float]) -> Floats:
    """The temperature, and how far it lies above each knot, in units of 10 degrees; shape (n,) -> (n, 1 + knots).

    >>> hinges(np.array([25.0]), (20.0, 30.0)).tolist()
    [[2.5, 0.5, 0.0]]
    """
    return np.stack([celsius, *(np.maximum(celsius - knot, 0.0) for knot in knots)], axis=1) / _UNIT_C


def weather_columns(loads: Loads, window: EventWindow) -> Floats | None:
    """Each day's weather, shape (D, q); NaN where it is unknown, None without any weather.

    The window's mean temperature comes first where the course of the day is known, then the day's highest and mean
    temperature and the highest of the day before, each with change points.
    """
    peak = loads.peak_temperature_c
    if peak is None:
        return None
    before = np.concatenate([peak[:1], peak[:-1]])
    columns = [hinges(peak, PEAK_KNOTS_C), hinges(np.where(np.isnan(before), peak, before), DAY_BEFORE_KNOTS_C)]
    course = loads.temperature_c
    if course is not None:
        inside = _mean(course[:, window.first : window.stop])
        columns = [hinges(inside, WINDOW_KNOTS_C), hinges(_mean(course), MEAN_KNOTS_C), *columns]
    else:
        columns = [hinges(peak, WINDOW_KNOTS_C)[:, [0, 1, 2, -1]], *columns[1:], hinges(peak, PEAK_KNOTS_C)[:, 1:-1]]
    return np.concatenate(columns, axis=1)


def _mean(course: Floats) -> Floats:
    known = np.isfinite(course)
    count = known.sum(axis=1)
    return np.asarray(np.where(known, course, 0.0).sum(axis=1) / np.where(count == 0, np.nan, count))

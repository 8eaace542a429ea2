"""Computes the baselines of one day: every method, slice and interval, each with a conformal interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from batch.baselines.fixed_fleet import Calendar, LevelLoads
from batch.baselines.tables import coded, joined, numbers, slice_columns, table
from gridflex.domain.baseline import (
    METHODS,
    MS_PER_MINUTE,
    ControlRule,
    DayKind,
    EventWindow,
    Loads,
    bounds_near,
    date_of,
    day_traits,
    local_ms,
    profiles,
)
from gridflex.domain.interval import day_interval
from gridflex.domain.readings import MS_PER_DAY, Floats, Ints

BATCH_METHODS = tuple(name for name, rule in METHODS.items() if not isinstance(rule, ControlRule))
"""All but the control group: which homes an event leaves alone is not known before there is an event."""
_SLICES_AT_ONCE = 500


def day_history(level: LevelLoads, window: EventWindow, calendar: Calendar, score_days: int) -> pa.Table:
    """The baselines of the loads' last day at every interval.

    Columns: ``time_ms``, the slice's, ``method``, ``baseline_kwh``, ``lower`` and ``upper`` (the 90 % interval, kWh;
    null with too few earlier days), ``metered_kwh``. A slice and interval for which a method has no number has no row.
    """
    parts = []
    for first in range(0, len(level.keys), _SLICES_AT_ONCE):
        stop = first + _SLICES_AT_ONCE
        part = replace(level, keys=level.keys[first:stop], loads=level.loads.part(first, stop))
        parts.append(_part_history(part, window, calendar, score_days))
    return joined(parts)


def _part_history(level: LevelLoads, window: EventWindow, calendar: Calendar, score_days: int) -> pa.Table:
    loads = level.loads
    target = loads.days - 1
    alike = days_alike(loads, target, score_days)
    found = profiles(loads, window, np.append(alike, target), np.arange(loads.slots), methods=BATCH_METHODS)
    time_ms, slot = day_slots(loads, target, calendar)
    tables = []
    for code, (_, kwh) in enumerate(found.items()):
        baseline = kwh[:, -1]
        low, high = day_bounds(loads, window, alike, target, kwh)
        lower, upper = baseline * (1 + low), baseline * (1 + high)
        index, at = np.nonzero(np.isfinite(baseline[:, slot]))
        shown = slot[at]
        tables.append(
            table(
                {
                    "time_ms": time_ms[at],
                    **slice_columns(level, index),
                    "method": coded(BATCH_METHODS, np.full(len(index), code)),
                    "baseline_kwh": numbers(baseline[index, shown]),
                    "lower": numbers(lower[index, shown]),
                    "upper": numbers(upper[index, shown]),
                    "metered_kwh": numbers(loads.kwh[index, target, shown]),
                }
            )
        )
    return joined(tables)


def days_alike(loads: Loads, target: int, most: int) -> Ints:
    """Days before the target, of its kind and not excluded for all slices: the latest ``most``, in order of time."""
    working = loads.kinds == DayKind.WEEKDAY
    usable = (working == working[target]) & ~loads.excluded.all(axis=0)
    usable[target:] = False
    return np.flatnonzero(usable)[-most:]


def day_slots(loads: Loads, day: int, calendar: Calendar) -> tuple[Ints, Ints]:
    """The intervals of a local day: their starts (UTC epoch) and their slots, both of shape (n,).

    When the clock goes forward the skipped slots have no interval, when it goes back two intervals share one slot.
    """
    width_ms = calendar.interval_minutes * MS_PER_MINUTE
    start_ms, end_ms = day_interval(date_of(loads.first_day + day), calendar.zone)
    time_ms: Ints = np.arange(start_ms, end_ms, width_ms, dtype=np.int64)
    slot: Ints = local_ms(time_ms, calendar.zone) % MS_PER_DAY // width_ms
    return time_ms, slot


def day_bounds(loads: Loads, window: EventWindow, past: Ints, target: int, made: Floats) -> tuple[Floats, Floats]:
    """Relative bounds of every interval of the target day, shape (S, P), from the past days that are most like it.

    ``made``: a method's baselines of the days ``past`` and of the target, the last, shape (S, T + 1, P).
    """
    slices, _, slots = made.shape
    before = made[:, :-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(before > 0, (loads.kwh[:, past] - before) / before, np.nan)
    low, high = bounds_near(
        _rows(relative),
        _rows(before),
        day_traits(loads, window, past),
        day_traits(loads, window, np.array([target])),
        _rows(made[:, -1:]),
    )
    return low.reshape(slices, slots), high.reshape(slices, slots)


def _rows(values: Floats) -> Floats:
    """(S, T, P) -> (S x P, T): every interval of the day by itself."""
    return np.moveaxis(values, 1, 2).reshape(-1, values.shape[1])

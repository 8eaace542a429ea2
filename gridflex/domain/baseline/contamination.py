"""Takes hours out of loads that an event, a price signal or an instruction touched, and moves the start of days.

A contaminated hour is no history: days that need it are no candidates and teach nothing. Where it lies in a method's
adjustment hours of the target day, the method adjusts by its other hours; with none left it gives no number.

    contaminated     |####|                 |##|
    adjustment       -4h  -3h  -2h  -1h     event
    used                  |---------|
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gridflex.domain.baseline.calendar import MINUTES_PER_DAY, MS_PER_MINUTE
from gridflex.domain.baseline.loads import Control, Loads
from gridflex.domain.readings import MS_PER_DAY, Flags, Floats, Ints


def without_hours(loads: Loads, contaminated: Flags) -> Loads:
    """The loads without the marked intervals; ``contaminated``: shape (S, D, P)."""
    if loads.contaminated is not None:
        contaminated = contaminated | loads.contaminated
    return replace(loads, kwh=np.where(contaminated, np.nan, loads.kwh), contaminated=contaminated)


def touched(loads: Loads, start_ms: int, end_ms: int) -> Flags:
    """Intervals of which ``[start_ms, end_ms)``, wall-clock milliseconds, covers some part, shape (D, P)."""
    width = MINUTES_PER_DAY // loads.slots * MS_PER_MINUTE
    origin = loads.first_day * MS_PER_DAY
    flags = np.zeros(loads.days * loads.slots, dtype=np.bool_)
    first, stop = (start_ms - origin) // width, -((origin - end_ms) // width)
    flags[max(first, 0) : max(stop, 0)] = True
    return flags.reshape(loads.days, loads.slots)


def starting_at(loads: Loads, slot: int) -> Loads:
    """The same loads with days that start at a slot: an event across midnight then lies within one day.

    A day keeps its date, kind and highest temperature; it is excluded if one of the two dates that it touches is.
    """
    if slot == 0:
        return loads

    def moved(values: Floats) -> Floats:
        shape = values.shape
        flat = values.reshape(*shape[:-2], -1)
        gone = np.full((*flat.shape[:-1], slot), np.nan)
        return np.concatenate([flat[..., slot:], gone], axis=-1).reshape(shape)

    control = loads.control
    contaminated = None if loads.contaminated is None else moved(loads.contaminated.astype(np.float64)) > 0
    following = np.concatenate([loads.excluded[:, 1:], loads.excluded[:, -1:]], axis=1)
    return replace(
        loads,
        kwh=moved(loads.kwh),
        excluded=loads.excluded | following,
        temperature_c=None if loads.temperature_c is None else moved(loads.temperature_c),
        contaminated=contaminated,
        control=control
        and Control(
            total_kwh=moved(control.total_kwh),
            homes=np.nan_to_num(moved(control.homes)),
            includes_slices=control.includes_slices,
        ),
    )


def day_start(first: int, length: int, slots: int) -> int:
    """The slot at which days have to start for an event to lie within one; 0 where it does not run across midnight.

    >>> day_start(34, 6, 48), day_start(44, 8, 48), day_start(20, 48, 48)
    (0, 32, 20)
    """
    if first + length <= slots:
        return 0
    shift = max(first - slots // 4, 0)
    return shift if first - shift + length <= slots else first


def contaminated_at(loads: Loads, day: int, slots: Ints) -> Flags:
    """Which of a day's slots (counted from its midnight, running into other days) are contaminated, shape (S, K)."""
    if loads.contaminated is None:
        return np.zeros((len(loads.names), len(slots)), dtype=np.bool_)
    flat = loads.contaminated.reshape(len(loads.names), -1)
    index = day * loads.slots + slots
    inside = (index >= 0) & (index < flat.shape[1])
    return np.asarray(flat[:, np.clip(index, 0, flat.shape[1] - 1)] & inside, dtype=np.bool_)


def clean_mean(values: Floats, contaminated: Flags) -> Floats:
    """Mean over slots, (S, K) -> (S,), of those not contaminated; NaN where none is left or one of them is missing.

    >>> clean_mean(np.array([[1.0, 5.0]]), np.array([[False, True]])).tolist()
    [1.0]
    """
    clean = ~contaminated
    count = clean.sum(axis=1)
    return np.asarray(np.where(clean, values, 0.0).sum(axis=1) / np.where(count == 0, np.nan, count))

"""Checks that the rows of one slice are interval energy: the interval's length, its place on the grid, possible values.

All functions are of one slice's rows in order of time, shape (n,), without repeated times; energy in kWh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridflex.domain.readings import Flags, Floats, Ints

MS_PER_MINUTE = 60_000
LONGEST_GAP_DAYS = 90
"""Days without a row of any slice that part a group of days from the rest."""
LEAST_SHARE = 0.01
"""A group of days with a smaller share of the rows, far from the rest, is a clock that was wrong."""
LEAST_STEPS = 8
"""Fewer steps do not tell a slice's own interval."""
CHANGED_STEPS = 6
"""So many equal steps in a row that are not the slice's interval are another interval, not missing rows."""
TOLERANCE_MS = 60_000
"""A start that lies so near the grid belongs to it (at most a tenth of the interval)."""
FEWEST_RISES = 10
"""Fewer rises do not tell a register."""
NEVER_ABSURD_KW = 25.0
ALWAYS_ABSURD_KWH = 1e9
ROWS_TO_JUDGE = 48
"""Fewer rows do not tell a register, or a value that is absurd."""


def near_days(rows_a_day: Ints) -> Flags:
    """Days whose rows belong to the data, from the rows of each consecutive day, both of shape (D,).

    >>> rows = np.zeros(500, dtype=np.int64); rows[0], rows[400:] = 1, 48
    >>> near = near_days(rows); bool(near[0]), bool(near[400:].all())
    (False, True)
    """
    days = np.flatnonzero(rows_a_day)
    if len(days) == 0:
        return np.zeros(len(rows_a_day), dtype=np.bool_)
    group = np.cumsum(np.diff(days, prepend=days[:1]) > LONGEST_GAP_DAYS)
    size = np.bincount(group, weights=rows_a_day[days])
    kept = np.zeros(len(rows_a_day), dtype=np.bool_)
    kept[days] = (size >= LEAST_SHARE * size.sum())[group] | (size == size.max())[group]
    return kept


def usual_step_min(start_ms: Ints) -> tuple[int, int]:
    """The most common step between rows in whole minutes, the shorter of equals, and how many rows have it; 0, 0: none.

    >>> usual_step_min(np.array([0, 15, 30, 60]) * 60_000)
    (15, 2)
    """
    steps = np.rint(np.diff(start_ms) / MS_PER_MINUTE).astype(np.int64)
    if len(steps) == 0:
        return 0, 0
    values, counts = np.unique(steps, return_counts=True)
    most = int(np.argmax(counts))
    return int(values[most]), int(counts[most])


def usual_step_ms(start_ms: Ints, step_min: int) -> float:
    """The mean of the steps that are ``step_min`` to the nearest minute, in milliseconds.

    >>> usual_step_ms(np.arange(4) * 90_000, 2)
    90000.0
    """
    steps = np.diff(start_ms)
    near = steps[np.rint(steps / MS_PER_MINUTE) == step_min]
    return float(np.mean(near)) if len(near) else float(step_min * MS_PER_MINUTE)


def other_interval(start_ms: Ints, step_min: int) -> Flags:
    """Rows in a run of steps that are not the slice's: the meter was set to another interval.

    >>> other_interval(np.array([0, 60, *range(120, 361, 30)]) * 60_000, 60).sum()
    np.int64(9)
    """
    found = np.zeros(len(start_ms), dtype=np.bool_)
    if len(start_ms) <= CHANGED_STEPS:
        return found
    steps = np.rint(np.diff(start_ms) / MS_PER_MINUTE).astype(np.int64)
    first = np.flatnonzero(np.diff(steps, prepend=steps[0] - 1))
    length = np.diff(first, append=len(steps))
    changed = (length >= CHANGED_STEPS) & (steps[first] != step_min)
    found[:-1] = np.repeat(changed, length)
    found[-1] = found[-2]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Rows compared with a grid."""

    wall_ms: Ints
    """Each row's nearest point of the grid where ``on_grid``."""
    on_grid: Flags
    off_ms: Ints
    """How far each row lies after (before: below 0) the nearest point."""


def place(wall_ms: Ints, step_min: int) -> Placed:
    """Move starts that are within seconds of the grid onto it.

    >>> place(np.array([0, 1_801_000, 3_900_000]), 30).on_grid.tolist()
    [True, True, False]
    """
    step = step_min * MS_PER_MINUTE
    off = (wall_ms + step // 2) % step - step // 2
    near: Flags = np.abs(off) <= min(TOLERANCE_MS, step // 10)
    return Placed(wall_ms=wall_ms - off, on_grid=near, off_ms=off)


def is_register(energy_kwh: Floats) -> bool:
    """Whether values only ever rise, apart from rare resets: a meter's register, not interval energy.

    >>> is_register(np.arange(100.0)), is_register(np.tile([1.0, 2.0, 1.5], 40)), is_register(np.ones(100))
    (True, False, False)
    """
    change = np.diff(energy_kwh)
    rises, falls = int((change > 0).sum()), int((change < 0).sum())
    return len(energy_kwh) >= ROWS_TO_JUDGE and rises >= FEWEST_RISES and falls * 10 <= rises


def is_net(energy_kwh: Floats) -> bool:
    """Whether negative values are export, not a mark for missing values: many, or of many sizes.

    >>> is_net(np.array([0.5] * 95 + [-1.0] * 5)), is_net(np.array([0.5] * 95 + [-1.0, -2.0, -0.5, -1.5, -3.0]))
    (False, True)
    """
    negative = energy_kwh[energy_kwh < 0]
    if len(energy_kwh) < ROWS_TO_JUDGE:
        return False
    if len(negative) > 0.05 * len(energy_kwh):
        return True
    return len(negative) > 0.001 * len(energy_kwh) and len(np.unique(negative)) >= 3


def absurd(energy_kwh: Floats, step_min: int) -> tuple[Flags, Flags]:
    """Which values cannot be the slice's energy, and which may be a real peak but should be checked.

    Absurd is what lies above 100 times the 99th percentile of what is used at all, and, where more than a hundredth is
    such and stands alone between others, above 300 times the median (Wh among kWh). In a short slice it is what lies
    above 1,000 times the median. Never absurd is what a home or a charger can draw, 25 kW: a device that stands by for
    weeks has percentiles of nothing. Always absurd is more than a large country uses.

    >>> kwh = np.tile([0.5, 0.7, 0.9, 0.6], 20); kwh[7] = 23_944_275
    >>> [int(flags.sum()) for flags in absurd(kwh, 30)]
    [1, 0]
    """
    used = energy_kwh[energy_kwh > 0]
    possible = NEVER_ABSURD_KW * step_min / 60
    if len(used) < ROWS_TO_JUDGE:
        limit = max(1000 * float(np.median(used)), possible) if len(used) else possible
        return energy_kwh > min(limit, ALWAYS_ABSURD_KWH), np.zeros(len(energy_kwh), dtype=np.bool_)
    middle, higher = np.quantile(used, [0.50, 0.99])
    found: Flags = energy_kwh > min(max(100 * higher, possible), ALWAYS_ABSURD_KWH)
    rare = energy_kwh > max(300 * middle, possible)
    alone = rare.copy()
    alone[1:] &= ~rare[:-1]
    alone[:-1] &= ~rare[1:]
    if alone.sum() >= 0.9 * rare.sum():
        found = found | rare
    return found, ~found & (energy_kwh > 20 * higher)


def second_pass(wall_ms: Ints, step_min: int) -> tuple[Flags, Flags]:
    """Rows of the hour that a local clock repeats in autumn, and all rows from it on; in the file's order, shape (n,).

    The clock goes back by an hour between midnight and four, and the rows run through exactly that hour again.

    >>> hour = np.array([0, 30]) * 60_000
    >>> again, later = second_pass(np.concatenate([hour, hour, hour + 3_600_000]), 30)
    >>> again.tolist(), later.tolist()
    ([False, False, True, True, False, False], [False, False, True, True, True, True])
    """
    step, hour = step_min * MS_PER_MINUTE, 60 * MS_PER_MINUTE
    rows = hour // step
    again = np.zeros(len(wall_ms), dtype=np.bool_)
    later = again.copy()
    for index in (
        np.flatnonzero(np.diff(wall_ms) == step - hour) + 1 if rows > 1 else np.flatnonzero(np.diff(wall_ms) == 0) + 1
    ):
        block = wall_ms[index : index + rows]
        whole = len(block) == rows and bool((np.diff(block) == step).all())
        early = wall_ms[index] % hour == 0 and wall_ms[index] // hour % 24 < 4
        if whole and early and not later[index]:
            again[index : index + rows] = True
            later[index:] = True
    return again, later

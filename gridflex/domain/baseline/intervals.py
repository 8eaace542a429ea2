"""Computes conformal intervals: past errors of a baseline made into bounds with a known coverage.

Split conformal prediction (Vovk, Gammerman & Shafer 2005; Lei et al. 2018) on signed relative residuals
r = (actual - baseline) / baseline of past days without an event. With n of them in order, r(k) the k-th, the interval

    baseline x (1 + r(k)) .. baseline x (1 + r(n + 1 - k)),   k = (n + 1) (1 - level) / 2

holds the next actual value with probability ``level`` if past and next day are exchangeable, whatever the residuals'
distribution; a k that is no whole number is interpolated. Signed residuals make bounds that are not symmetric: the
interval of a biased baseline lies off the baseline, where the meter will be.

Past and next day are exchangeable only if they are alike: on the hottest days errors are others. ``bounds_near``
therefore takes the residuals of the past days nearest to the target day in weather and time (localized conformal
prediction: Guan, Biometrika 2023; Lei & Wasserman, JRSS B 2014), with the weight 1 for the nearest and 0 for the rest.
"""

from __future__ import annotations

import numpy as np

from gridflex.domain.baseline.likeness import DayTraits, distance
from gridflex.domain.readings import Floats, Ints

LEVEL = 0.90
NEAREST_DAYS = 40
"""Residuals that make a conditional interval at the level 0.90: about twice the fewest."""
MEMORY_DAYS = 199
"""Most residuals remembered: older ones belong to another season."""


def fewest(level: float) -> int:
    """The smallest number of residuals that gives an interval.

    >>> fewest(0.90)
    19
    """
    return int(np.ceil(2 / (1 - level) - 1e-9)) - 1


def bounds(residuals: Floats, *, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Lower and upper relative bounds, shape (...,), from residuals of shape (..., n); NaN ones are left out.

    Fewer than ``fewest(level)`` residuals give NaN: no interval.

    >>> low, high = bounds(np.arange(1.0, 20.0))
    >>> float(low), float(high)
    (1.0, 19.0)
    """
    ordered = np.sort(residuals, axis=-1)
    count = np.isfinite(residuals).sum(axis=-1)
    rank = (count + 1) * (1 - level) / 2
    known = count >= fewest(level)
    low = _at(ordered, np.where(known, rank, 1.0))
    high = _at(ordered, np.where(known, count + 1 - rank, 1.0))
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def rolling_bounds(residuals: Floats, *, level: float = LEVEL, memory: int = MEMORY_DAYS) -> tuple[Floats, Floats]:
    """For each day the bounds from the days before it alone; ``residuals``: shape (S, T), in order of time.

    Nothing of a day or of later days enters its own bounds.
    """
    days = np.arange(residuals.shape[1])
    return bounds_at(residuals, days, days, level=level, memory=memory)


def bounds_at(
    residuals: Floats, days: Ints, targets: Ints, *, level: float = LEVEL, memory: int = MEMORY_DAYS
) -> tuple[Floats, Floats]:
    """For each target day the bounds from the last residuals before it, shape (S, targets).

    ``residuals``: shape (S, T) on ``days``, shape (T,), in order of time.

    >>> low, high = bounds_at(np.arange(40.0)[None], np.arange(40), np.array([5, 19]))
    >>> low.tolist(), high.tolist()
    ([[nan, 0.0]], [[nan, 18.0]])
    """
    low = np.full((len(residuals), len(targets)), np.nan)
    high = low.copy()
    for index, target in enumerate(targets):
        before = int(np.searchsorted(days, target))
        if before:
            part = residuals[:, max(0, before - memory) : before]
            low[:, index], high[:, index] = bounds(part, level=level)
    return low, high


def bounds_near(
    residuals: Floats,
    expected: Floats,
    past: DayTraits,
    targets: DayTraits,
    target_expected: Floats,
    *,
    level: float = LEVEL,
) -> tuple[Floats, Floats]:
    """For each target day the bounds from the earlier days that are most like it, shape (S, M).

    ``residuals``, ``expected`` (the baseline's energy): shape (S, T), on the days of ``past``; ``target_expected``:
    shape (S, M). Days at or after a target do not enter its bounds. Each slice takes ``NEAREST_DAYS`` residuals, more
    for a higher level; all that it has where these are fewer.
    """
    low = np.full((len(residuals), len(targets.day)), np.nan)
    high = low.copy()
    for index in range(len(targets.day)):
        part = nearest_residuals(residuals, expected, past, targets, index, target_expected[:, index], level=level)
        if part.shape[1] >= fewest(level):
            low[:, index], high[:, index] = bounds(part, level=level)
    return low, high


def nearest_residuals(  # noqa: PLR0917
    residuals: Floats,
    expected: Floats,
    past: DayTraits,
    targets: DayTraits,
    index: int,
    target_expected: Floats,
    *,
    level: float = LEVEL,
) -> Floats:
    """The residuals that ``bounds_near`` takes for one target, shape (S, n), NaN ones to be left out.

    ``target_expected``: shape (S,), of the target at ``index``.
    """
    before = int(np.searchsorted(past.day, targets.day[index]))
    if not before:
        return residuals[:, :0]
    earlier = DayTraits(
        day=past.day[:before],
        peak_c=None if past.peak_c is None else past.peak_c[:before],
        event_like=past.event_like[:before],
    )
    apart = distance(earlier, expected[:, :before], targets, index, target_expected)
    return _nearest(residuals[:, :before], apart, max(NEAREST_DAYS, 2 * fewest(level) + 2))


def _nearest(residuals: Floats, apart: Floats, nearest: int) -> Floats:
    """Each slice's known residuals of the least distance; the rest are NaN."""
    if len(apart) == 1:
        ordered = residuals[:, np.argsort(apart[0], kind="stable")]
    else:
        apart = np.where(np.isfinite(residuals), apart, np.inf)
        ordered = np.take_along_axis(residuals, np.argsort(apart, axis=1, kind="stable"), axis=1)
    rank = np.cumsum(np.isfinite(ordered), axis=1)
    reached = (rank >= nearest).all(axis=0)
    width = int(np.argmax(reached)) + 1 if reached.any() else ordered.shape[1]
    return np.where(rank[:, :width] <= nearest, ordered[:, :width], np.nan)


def _at(ordered: Floats, rank: Floats) -> Floats:
    """The value at a rank from 1, interpolated between the two beside it."""
    last = ordered.shape[-1]
    below: Ints = np.clip(np.floor(rank + 1e-9).astype(np.int64), 1, last)
    above = np.clip(below + 1, 1, last)
    share = np.clip(rank - below, 0.0, 1.0)
    first = np.take_along_axis(ordered, np.asarray(below - 1)[..., None], axis=-1)[..., 0]
    second = np.take_along_axis(ordered, np.asarray(above - 1)[..., None], axis=-1)[..., 0]
    return np.where(share > 1e-9, first + share * (second - first), first)

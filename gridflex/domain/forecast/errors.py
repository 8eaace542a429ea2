"""Uses the errors that forecasts of earlier days and hours made.

The latest errors correct a forecast; all of them give its quantiles (split conformal prediction, Vovk et al. 2005,
stretched until they cover later days of the past).

::

    days      d-3  |  d-2  |  d-1  | target: known until the issue, then forecast
    errors   ....... ....... ....... ...|
                              recent ---^   carries on into the hours after the issue as it did on earlier days
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gridflex.domain.readings import Floats, Ints

RECENT_H = (1, 4, 24)
"""The latest errors count as their means over so many hours before the issue."""
_AROUND_H = 2
"""What errors carry on is learned from issues at most so many hours from the time of day of this one."""
_PRIOR_ROWS = 10.0
_POOL_H = 1.5
_PARTS = 3
"""The errors' days are cut into so many parts: the quantiles of the earlier parts are tried on the next."""
FEWEST_TRIED = 6


def carry_on(errors: Floats, today: Floats, per_hour: float) -> tuple[Floats, Floats]:
    """Expected errors of the rest of the day, and what is left of earlier days' errors after the same correction.

    ``errors``: shape (S, T, P), of the days before, in units in which slices are alike. ``today``: shape (S, k), those
    of the target day before the issue. Returns shapes (S, P - k) and (S, T, P - k).
    """
    slices, days, slots = errors.shape
    known = today.shape[1]
    series = np.concatenate([errors.reshape(slices, -1), today], axis=1)
    recent = _recent(series, per_hour)
    rest = slots - known
    slot = np.arange(days * slots) % slots
    near = np.minimum((slot - known) % slots, (known - slot) % slots) <= round(_AROUND_H * per_hour)
    issue = np.flatnonzero(near & (np.arange(days * slots) + rest <= days * slots))
    filled = np.nan_to_num(series)
    told = recent[:, issue].reshape(-1, len(RECENT_H))
    after = filled[:, issue[:, None] + np.arange(rest)].reshape(-1, rest)
    square = told.T @ told
    prior = np.diag(np.full(len(RECENT_H), _PRIOR_ROWS * (np.trace(square) / max(len(told), 1) + 1e-12)))
    weights = np.linalg.solve(square + prior, told.T @ after)
    own = np.arange(days) * slots + known
    left = errors[:, :, known:] - recent[:, own] @ weights
    return recent[:, days * slots + known] @ weights, left


def quantiles(errors: Floats, levels: tuple[float, ...], per_hour: float) -> Floats:
    """Quantiles of the next error at each interval, from earlier days' errors (S, T, R): shape (S, R, levels).

    ``errors`` start at the issue. Intervals near each other share theirs, the more the farther they are ahead. The
    quantiles are stretched about the middle one by what later days of the past, or the latest of them, would have
    needed. NaN without errors.
    """
    count = errors.shape[1]
    cuts = [count * part // _PARTS for part in range(1, _PARTS + 1)]
    needed: list[Floats] = []
    for stop, until in pairwise(cuts):
        if stop >= FEWEST_TRIED and until > stop:
            needed.append(_needed(_ranked(errors[:, :stop], levels, per_hour), errors[:, stop:until]))
    found = _ranked(errors, levels, per_hour)
    if not needed:
        return found
    ratios = np.concatenate(needed, axis=1)
    middle = len(levels) // 2
    centre = found[..., middle, None]
    stretched = [centre]
    for pair in range(middle):
        share = levels[-1 - (middle - 1 - pair)] * 2 - 1
        stretch = np.maximum(*(_least_that_covers(one[..., middle - 1 - pair], share) for one in (ratios, needed[-1])))
        low, high = found[..., middle - 1 - pair, None] - centre, found[..., middle + 1 + pair, None] - centre
        stretched = [centre + stretch[:, None, None] * low, *stretched, centre + stretch[:, None, None] * high]
    return np.sort(np.concatenate(stretched, axis=2), axis=2)


def _needed(told: Floats, errors: Floats) -> Floats:
    """How far each pair of quantiles had to be stretched to hold an error.

    ``told``: shape (S, R, Q); ``errors``: (S, T, R). Returns shape (S, T * R, pairs).
    """
    middle = told.shape[2] // 2
    off = errors - told[:, None, :, middle]
    pairs = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for pair in range(middle):
            width = np.where(off < 0, -1.0, 1.0) * (
                np.where(off < 0, told[:, None, :, pair], told[:, None, :, -1 - pair]) - told[:, None, :, middle]
            )
            pairs.append(np.where(width > 0, np.abs(off) / width, np.where(off == 0, 0.0, np.nan)))
    return np.stack(pairs, axis=3).reshape(len(told), -1, middle)


def _least_that_covers(ratios: Floats, share: float) -> Floats:
    """The stretch of each slice that would have held a share of the errors, shape (S,); 1 without any."""
    ordered = np.sort(ratios, axis=1)
    count = np.isfinite(ratios).sum(axis=1)
    rank = np.clip(np.ceil((count + 1) * share).astype(np.int64) - 1, 0, np.maximum(count - 1, 0))
    found = np.take_along_axis(ordered, rank[:, None], axis=1)[:, 0]
    return np.where(count > 0, found, 1.0)


def _recent(series: Floats, per_hour: float) -> Floats:
    """Means of the latest errors before each place of a series, and after its last: (S, n) -> (S, n + 1, RECENT_H)."""
    slices, length = series.shape
    known = np.isfinite(series)
    sums = np.zeros((slices, length + 1))
    counts = np.zeros((slices, length + 1))
    np.cumsum(np.where(known, series, 0.0), axis=1, out=sums[:, 1:])
    np.cumsum(known, axis=1, out=counts[:, 1:])
    found = []
    for hours in RECENT_H:
        before = np.maximum(np.arange(length + 1) - max(1, round(hours * per_hour)), 0)
        held = counts - counts[:, before]
        found.append(np.where(held > 0, (sums - sums[:, before]) / np.maximum(held, 1), 0.0))
    return np.stack(found, axis=2)


def _ranked(errors: Floats, levels: tuple[float, ...], per_hour: float) -> Floats:
    """Ranks of the pooled errors at each interval, (S, T, R) -> (S, R, levels)."""
    rest = errors.shape[2]
    widest = round(_POOL_H * per_hour)
    return np.stack([ranks(_pool(errors, at, min(widest, at // 2), rest), levels) for at in range(rest)], axis=1)


def _pool(errors: Floats, at: int, radius: int, rest: int) -> Floats:
    return errors[:, :, max(0, at - radius) : min(rest, at + radius + 1)].reshape(len(errors), -1)


def ranks(errors: Floats, levels: tuple[float, ...]) -> Floats:
    """Quantiles of samples (S, n), with the rank that a new sample of n + 1 has: shape (S, levels)."""
    ordered = np.sort(errors, axis=1)
    count: Ints = np.isfinite(errors).sum(axis=1)
    last = np.maximum(count - 1, 0)
    found = []
    for level in levels:
        rank = np.clip((count + 1) * level - 1, 0, last)
        low, high = np.floor(rank).astype(np.int64), np.ceil(rank).astype(np.int64)
        below = np.take_along_axis(ordered, low[:, None], axis=1)[:, 0]
        above = np.take_along_axis(ordered, high[:, None], axis=1)[:, 0]
        found.append(below + (rank - low) * (above - below))
    return np.where(count[:, None] > 0, np.stack(found, axis=1), np.nan)

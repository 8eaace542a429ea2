"""Finds an appliance's own two power levels, off and on, and the thresholds between them.

::

    time at a power   ##                          low: off or stand-by
                      ##         off_w   on_w   ##   high: on
                      ##..........|.......|....####
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

import numpy as np

from gridflex.domain.duty_cycle.profiles import Profile
from gridflex.domain.readings import Floats, Indexes, Ints

BINS = 240
_LOWEST_W, _HIGHEST_W = 0.5, 50_000.0
_LEAST_RATIO = 3.0
"""The high level is at least so many times the low one."""
_STANDBY_W = 2.0
_WIDEST = 0.3
"""Standard deviation of the high level / its mean: a wider one is no level, but a program of many."""
_BOUND = 2.0
"""Own thresholds are at most so many times those of the class, and at least as much less."""
_LEAST_SHARE = 0.0005
_ENOUGH_MS = 6 * 3_600_000
_CONSTANT = 1.5
"""The highest power is less than so many times the lowest."""


class Levels(enum.Enum):
    """What an appliance's powers say."""

    CLEAR = enum.auto()
    """Two levels: thresholds of its own."""
    UNCLEAR = enum.auto()
    """The thresholds of its class."""
    CONSTANT = enum.auto()
    """One level at which the class would be on all the time: whether it is on is not known."""


@dataclass(slots=True)
class PowerHistogram:
    """Observed time of S appliances by power, in logarithmic bins."""

    observed_ms: Ints
    """Shape (S, BINS)."""

    @classmethod
    def of(cls, series: int) -> PowerHistogram:
        """Nothing observed yet."""
        return cls(np.zeros((series, BINS), dtype=np.int64))

    def add(self, series: Indexes | Ints, power_w: Floats, observed_s: Floats) -> None:
        """Count readings, each for its observed time. All arrays of shape (n,)."""
        place = np.searchsorted(_EDGES_W, power_w, side="right")
        observed = np.rint(observed_s * 1000).astype(np.int64)
        np.add.at(self.observed_ms, (series, place), observed)


_EDGES_W = np.geomspace(_LOWEST_W, _HIGHEST_W, BINS - 1)
_CENTRES_W = np.concatenate([[0.0], np.sqrt(_EDGES_W[:-1] * _EDGES_W[1:]), [_HIGHEST_W]])


def own_profile(profile: Profile, observed_ms: Ints) -> tuple[Profile, Levels]:
    """A class's profile with the thresholds of one appliance. ``observed_ms``: its row of a ``PowerHistogram``.

    Two levels are parted where the variance of log power between the parts is greatest (Otsu 1979). They are clear if
    the higher is a level, and well above the lower; the thresholds are half-way and a quarter of the way between them,
    within a factor of two of the class's. A constant appliance that would always be on is not detected.

    >>> kettle = Profile(appliance="kettle", on_w=400, off_w=200, min_on_s=12, min_off_s=0, max_w=3100, detect=True,
    ...                  aggregate=False)
    >>> seen = PowerHistogram.of(1)
    >>> seen.add(np.array([0, 0]), np.array([1.0, 900.0]), np.array([86_400.0, 600.0]))
    >>> own, levels = own_profile(kettle, seen.observed_ms[0])
    >>> levels.name, round(own.on_w, -1), round(own.off_w, -1)
    ('CLEAR', 440.0, 220.0)
    """
    total = int(observed_ms.sum())
    if not profile.detect or total < _ENOUGH_MS:
        return profile, Levels.UNCLEAR
    present = np.flatnonzero(observed_ms > _LEAST_SHARE * total)
    lowest, highest = _CENTRES_W[present[0]], _CENTRES_W[present[-1]]
    if lowest >= profile.off_w and highest < _CONSTANT * lowest:
        return replace(profile, detect=False), Levels.CONSTANT
    part = _parted(observed_ms, profile)
    low_w, _ = _moments(observed_ms[:part], _CENTRES_W[:part])
    high_w, spread_w = _moments(observed_ms[part:], _CENTRES_W[part:])
    if high_w < _LEAST_RATIO * max(low_w, _STANDBY_W) or spread_w > _WIDEST * high_w:
        return profile, Levels.UNCLEAR
    on_w = _within(low_w + (high_w - low_w) / 2, profile.on_w)
    off_w = min(_within(low_w + (high_w - low_w) / 4, profile.off_w), on_w)
    return replace(profile, on_w=on_w, off_w=off_w, max_w=max(profile.max_w, on_w)), Levels.CLEAR


def _parted(observed_ms: Ints, profile: Profile) -> int:
    """The first bin of the higher part, near the class's thresholds."""
    weight = observed_ms / max(int(observed_ms.sum()), 1)
    value = np.log(np.maximum(_CENTRES_W, _STANDBY_W))
    below, mass = np.cumsum(weight * value)[:-1], np.cumsum(weight)[:-1]
    near = (profile.off_w / _BOUND <= _EDGES_W) & (profile.on_w * _BOUND >= _EDGES_W)
    open_ = near & (mass > 0) & (mass < 1)
    between = np.where(
        open_, ((weight * value).sum() * mass - below) ** 2 / np.where(open_, mass * (1 - mass), 1.0), -1.0
    )
    return int(np.argmax(between)) + 1


def _moments(observed_ms: Ints, centres_w: Floats) -> tuple[float, float]:
    """Mean and standard deviation of a part's power, W; 0 without any time."""
    total = int(observed_ms.sum())
    if not total:
        return 0.0, 0.0
    mean = float((observed_ms * centres_w).sum() / total)
    return mean, float(np.sqrt((observed_ms * (centres_w - mean) ** 2).sum() / total))


def _within(own_w: float, class_w: float) -> float:
    return float(np.clip(own_w, class_w / _BOUND, class_w * _BOUND))

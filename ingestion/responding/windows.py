"""Looks up for many readings at once whether an appliance is off: windows of event time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridflex.domain.readings import Ints

_TIME_BITS = 43
NONE = -1


@dataclass(frozen=True, slots=True)
class Window:
    """One appliance is off in ``[start, end)``, UTC epoch, for an event by its number."""

    series: int
    start_ms: int
    end_ms: int
    event: int


class Windows:
    """Windows, none of which overlaps another one of the same appliance.

    >>> windows = Windows([Window(7, 1000, 2000, 0), Window(7, 3000, 4000, 1)])
    >>> windows.events(np.array([7, 7, 7, 6]), np.array([999, 1000, 3999, 1500])).tolist()
    [-1, 0, 1, -1]
    """

    def __init__(self, windows: Sequence[Window] = ()) -> None:
        ordered = sorted(windows, key=lambda one: (one.series, one.start_ms))
        series = np.array([one.series for one in ordered], dtype=np.int64)
        self.series, rank = np.unique(series, return_inverse=True)
        """Appliances with a window, ascending."""
        self._end_ms = np.array([one.end_ms for one in ordered], dtype=np.int64)
        self._event = np.array([one.event for one in ordered], dtype=np.int64)
        self._key = _keys(rank, np.array([one.start_ms for one in ordered], dtype=np.int64))
        self._first = np.searchsorted(rank, np.arange(len(self.series)))

    def events(self, series: Ints, time_ms: Ints) -> Ints:
        """The event that each appliance is off for at each instant, ``NONE`` if it is not off; shapes (n,)."""
        found: Ints = np.full(len(series), NONE, dtype=np.int64)
        if not len(self.series):
            return found
        rank = np.minimum(np.searchsorted(self.series, series), len(self.series) - 1)
        last = np.searchsorted(self._key, _keys(rank, time_ms), side="right") - 1
        off = (self.series[rank] == series) & (last >= self._first[rank])
        off &= time_ms < self._end_ms[np.maximum(last, 0)]
        found[off] = self._event[last[off]]
        return found


def _keys(rank: Ints, time_ms: Ints) -> Ints:
    keys: Ints = (rank.astype(np.int64) << _TIME_BITS) + time_ms
    return keys

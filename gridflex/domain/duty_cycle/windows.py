"""Computes sliding windows of duty out of panes: sums over slices of event time as long as the slide.

::

    panes     |  0  |  1  |  2  |  3  |  4  |      slide_ms each
    windows   [--------- 3 ----------)             window m ends with pane m - 1
                    [--------- 4 ----------)

A window is emitted when a reading of its appliance at or after its end arrives, and only if some of it was observed. By
then it is complete: an interval never reaches back before the appliance's previous reading.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridflex.domain.duty_cycle.grouping import UJ_PER_W_MS, GroupedReadings
from gridflex.domain.duty_cycle.state import ON, Panes
from gridflex.domain.readings import Flags, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliding:
    """How windows slide: ``count`` panes of ``slide_ms`` each make one."""

    slide_ms: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows:
    """Complete windows. Columns have shape (m,)."""

    at: Ints
    """Index of the reading that emitted it."""
    end_ms: Ints
    sums: Ints
    """Shape (4, m)."""
    slide_sums: Ints
    """Shape (4, m): of the window's last pane alone."""

    def __len__(self) -> int:
        return len(self.at)


def slide(
    readings: GroupedReadings, sums: Ints, carried: Panes, carried_ms: Ints, sliding: Sliding
) -> tuple[Windows, Panes]:
    """The windows that these readings complete, and the panes that later ones still need.

    ``sums``: shape (4, n), of each reading. ``carried``: panes of earlier readings, ``slot`` being the group.
    ``carried_ms``: shape (g,), each group's last reading before these. At least one reading per group.
    """
    panes = _merge(carried, _panes(readings, sums, sliding.slide_ms))
    now = readings.time_ms // sliding.slide_ms
    reached = now[readings.last]
    last, end = _ends(panes, carried_ms // sliding.slide_ms, reached, sliding.count)
    windows = Windows(
        at=_emitting_reading(readings, now, panes.slot[last], end),
        end_ms=end * sliding.slide_ms,
        sums=_window_sums(panes, last, end - sliding.count),
        slide_sums=panes.sums[:, last] * (panes.pane[last] == end - 1),
    )
    kept = panes.pane > reached[panes.slot] - sliding.count
    return windows, Panes(slot=panes.slot[kept], pane=panes.pane[kept], sums=panes.sums[:, kept])


def drain(panes: Panes, last_ms: Ints, sliding: Sliding) -> Windows:
    """The windows that a reading after a long time would complete, ``at`` being the panes' slot. Nothing is kept.

    ``last_ms``: shape (s,), the last reading of each slot.
    """
    reached = np.full(len(last_ms), np.iinfo(np.int64).max)
    last, end = _ends(panes, last_ms // sliding.slide_ms, reached, sliding.count)
    return Windows(
        at=panes.slot[last],
        end_ms=end * sliding.slide_ms,
        sums=_window_sums(panes, last, end - sliding.count),
        slide_sums=panes.sums[:, last] * (panes.pane[last] == end - 1),
    )


def _panes(readings: GroupedReadings, sums: Ints, slide_ms: int) -> Panes:
    """The readings' intervals cut at the panes' borders, one row per piece."""
    observed = readings.observed_ms > 0
    first, last = readings.start_ms // slide_ms, (readings.time_ms - 1) // slide_ms
    pieces = np.where(observed, last - first + 1, 0)
    if (pieces == 1).all():
        return Panes(slot=readings.group, pane=first, sums=sums)
    reading = np.repeat(np.arange(len(readings)), pieces)
    pane = first[reading] + np.arange(len(reading)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    cut = np.take(sums, reading, axis=1)
    several = np.flatnonzero(pieces[reading] > 1)
    cut[:, several] = _cut(readings, sums[ON] > 0, reading[several], pane[several] * slide_ms, slide_ms)
    return Panes(slot=readings.group[reading], pane=pane, sums=cut)


def _cut(readings: GroupedReadings, on: Flags, reading: Ints, pane_ms: Ints, slide_ms: int) -> Ints:
    """Sums of the piece of ``reading`` in the pane that starts at ``pane_ms``; a reading's pieces add up to it."""
    start, power_w = readings.start_ms[reading], readings.power_w[reading]
    since = np.maximum(pane_ms - start, 0)
    until = np.minimum(pane_ms + slide_ms, readings.time_ms[reading]) - start
    energy = (np.rint(power_w * until * UJ_PER_W_MS) - np.rint(power_w * since * UJ_PER_W_MS)).astype(np.int64)
    observed, is_on = until - since, on[reading]
    return np.stack((observed, observed * is_on, energy * is_on, energy))


def _merge(carried: Panes, fresh: Panes) -> Panes:
    """One row per slot and pane. Both come ordered; a slot's carried panes are never later than its fresh ones."""
    slot, pane, sums = fresh.slot, fresh.pane, fresh.sums
    starts = np.flatnonzero(_changes(slot, pane))
    if len(slot):
        slot, pane, sums = slot[starts], pane[starts], np.add.reduceat(sums, starts, axis=1)
    if len(carried) == 0:
        return Panes(slot=slot, pane=pane, sums=sums)
    order = np.argsort(np.concatenate((carried.slot, slot)), kind="stable")
    slot = np.concatenate((carried.slot, slot))[order]
    pane = np.concatenate((carried.pane, pane))[order]
    sums = np.concatenate((carried.sums, sums), axis=1)[:, order]
    starts = np.flatnonzero(_changes(slot, pane))
    return Panes(slot=slot[starts], pane=pane[starts], sums=np.add.reduceat(sums, starts, axis=1))


def _changes(slot: Ints, pane: Ints) -> Flags:
    changes = np.ones(len(slot), dtype=np.bool_)
    changes[1:] = (slot[1:] != slot[:-1]) | (pane[1:] != pane[:-1])
    return changes


def _ends(panes: Panes, carried: Ints, reached: Ints, count: int) -> tuple[Ints, Ints]:
    """The complete windows with something observed, each with the last of its panes.

    Pane k is the last one of the windows that end after it, within ``count`` panes, and not after the next one's start.
    """
    slot, pane = panes.slot, panes.pane
    following = np.full(len(slot), np.iinfo(np.int64).max)
    following[:-1] = np.where(slot[1:] == slot[:-1], pane[1:], following[:-1])
    least = np.maximum(pane, carried[slot]) + 1
    most = np.minimum(np.minimum(pane + count, following), reached[slot])
    windows = np.maximum(most - least + 1, 0)
    last = np.repeat(np.arange(len(slot)), windows)
    end = least[last] + np.arange(len(last)) - np.repeat(np.cumsum(windows) - windows, windows)
    return last, end


def _window_sums(panes: Panes, last: Ints, since: Ints) -> Ints:
    """Sums over the panes of one slot from pane ``since`` to row ``last``: shape (4, m)."""
    if len(last) == 0:
        return np.zeros((4, 0), dtype=np.int64)
    totals = np.zeros((4, len(panes) + 1), dtype=np.int64)
    np.cumsum(panes.sums, axis=1, out=totals[:, 1:])
    lowest = int(min(panes.pane.min(), since.min()))
    span = int(panes.pane.max()) - lowest + 1
    first = np.searchsorted(panes.slot * span + panes.pane - lowest, panes.slot[last] * span + since - lowest)
    return totals[:, last + 1] - totals[:, first]


def _emitting_reading(readings: GroupedReadings, now: Ints, group: Ints, end: Ints) -> Ints:
    """Index of the first reading of ``group`` that is in pane ``end`` or later."""
    if len(end) == 0:
        return np.zeros(0, dtype=np.int64)
    first_seen = np.flatnonzero(_changes(readings.group, now))
    lowest = int(min(now.min(), end.min()))
    span = int(max(now.max(), end.max())) - lowest + 1
    keys = readings.group[first_seen] * span + now[first_seen] - lowest
    return first_seen[np.searchsorted(keys, group * span + end - lowest)]

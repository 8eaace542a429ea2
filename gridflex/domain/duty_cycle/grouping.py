"""Groups readings by appliance, each appliance's readings together, in order of arrival.

Nothing is sorted by time. A reading that is not newer than all before it of its appliance is late and left out,
whatever batch it comes in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridflex.domain.readings import MS_PER_S, Flags, Floats, Ints

UJ_PER_W_MS = 1000.0
"""One watt for one millisecond, in microjoules."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Readings in order of arrival per appliance.

    ``power_w`` is finite and not negative, ``observed_s`` finite and not negative: check before.
    """

    key: Ints
    """Shape (u,), distinct: the appliances."""
    profile: npt.NDArray[np.integer]
    """Shape (u,): each appliance's code in ``Profiles``."""
    appliance: npt.NDArray[np.integer]
    """Shape (n,): index into ``key`` of each reading."""
    time_ms: Ints
    power_w: Floats
    observed_s: Floats

    def __len__(self) -> int:
        return len(self.time_ms)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupedReadings:
    """Readings grouped by appliance. Columns have shape (n,) unless said otherwise."""

    group: Ints
    """Which group each reading is of, ascending."""
    first: Ints
    """Shape (g,): index of each group's first reading."""
    appliance: Ints
    """Shape (g,): the group's index into the batch's appliances."""
    cause: Ints
    """Index of the reading in the batch."""
    start_ms: Ints
    """Start of the observed interval; never before the previous reading."""
    time_ms: Ints
    previous_ms: Ints
    """Time of the appliance's reading before, ``NEVER`` if there is none."""
    power_w: Floats

    def __len__(self) -> int:
        return len(self.time_ms)

    @property
    def last(self) -> Ints:
        """Shape (g,): index of each group's last reading."""
        return np.append(self.first[1:], len(self)) - 1

    @property
    def observed_ms(self) -> Ints:
        """How long each reading was observed."""
        return self.time_ms - self.start_ms


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Late:
    """Readings left out, in order of arrival. Columns have shape (l,)."""

    reading: Ints
    """Index into the batch."""
    newest_ms: Ints
    """The newest reading of that appliance when it arrived."""

    def __len__(self) -> int:
        return len(self.reading)


def group_readings(batch: Batch, last_ms: Ints) -> tuple[GroupedReadings, Late]:
    """Group a batch's readings by appliance and leave out the late ones.

    ``last_ms``: shape (u,), the newest reading of each of the batch's appliances before the batch.
    """
    order = _stable_order(batch.appliance)
    appliance, time_ms = batch.appliance[order].astype(np.int64), batch.time_ms[order]
    newest = _newest_before(appliance, time_ms, last_ms)
    late = time_ms <= newest
    lost = Late(reading=order[late], newest_ms=newest[late])
    if len(lost):
        order, appliance, time_ms, newest = order[~late], appliance[~late], time_ms[~late], newest[~late]
        arrival = np.argsort(lost.reading)
        lost = Late(reading=lost.reading[arrival], newest_ms=lost.newest_ms[arrival])
    first = _starts(appliance)
    observed_ms = np.rint(batch.observed_s[order] * MS_PER_S).astype(np.int64)
    grouped = GroupedReadings(
        group=np.repeat(np.arange(len(first)), np.diff(first, append=len(order))),
        first=first,
        appliance=appliance[first],
        cause=order,
        start_ms=np.maximum(time_ms - observed_ms, newest),
        time_ms=time_ms,
        previous_ms=newest,
        power_w=batch.power_w[order],
    )
    return grouped, lost


def select(readings: GroupedReadings, groups: Flags) -> GroupedReadings:
    """Only the readings of the marked groups, shape (g,)."""
    if groups.all():
        return readings
    kept = groups[readings.group]
    first = _starts(readings.group[kept])
    return GroupedReadings(
        group=np.repeat(np.arange(len(first)), np.diff(first, append=int(kept.sum()))),
        first=first,
        appliance=readings.appliance[groups],
        cause=readings.cause[kept],
        start_ms=readings.start_ms[kept],
        time_ms=readings.time_ms[kept],
        previous_ms=readings.previous_ms[kept],
        power_w=readings.power_w[kept],
    )


def latest(marked: Flags) -> Ints:
    """Index of the last marked element up to and with each, -1 before the first.

    >>> latest(np.array([False, True, False, True])).tolist()
    [-1, 1, 1, 3]
    """
    return np.maximum.accumulate(np.where(marked, np.arange(len(marked)), -1))


def previous(values: Ints, first: Ints, carried: Ints) -> Ints:
    """The element before each one of its group; ``carried``, shape (g,), before a group's first.

    >>> previous(np.array([1, 2, 3]), np.array([0, 2]), np.array([7, 8])).tolist()
    [7, 1, 8]
    """
    shifted = np.empty_like(values)
    shifted[1:] = values[:-1]
    shifted[first] = carried
    return shifted


def _stable_order(appliance: npt.NDArray[np.integer]) -> Ints:
    if (appliance[1:] >= appliance[:-1]).all():
        return np.arange(len(appliance))
    small = appliance.astype(np.uint16) if appliance.max() < 1 << 16 else appliance
    return np.argsort(small, kind="stable")


def _starts(groups: Ints) -> Ints:
    """Index of the first of each run of equal values."""
    if len(groups) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))


def _newest_before(appliance: Ints, time_ms: Ints, last_ms: Ints) -> Ints:
    """The newest time of the appliance before each reading, the late ones among them counted or not: it is the same."""
    first = _starts(appliance)
    carried = last_ms[appliance[first]]
    newest = previous(time_ms, first, carried)
    if (time_ms > newest).all():
        return newest
    times, ranks = np.unique(np.concatenate((time_ms, carried)), return_inverse=True)
    base = np.repeat(np.arange(len(first)), np.diff(first, append=len(time_ms))) * len(times)
    rank, seed = ranks[: len(time_ms)] + base, ranks[len(time_ms) :] + base[first]
    running = np.maximum.accumulate(previous(rank, first, seed))
    return times[running - base]

"""Tracks which series a bucket holds, since when each is silent, and how many new ones may come.

::

    Kafka's minutes   |  0  |  1  |  2  |  3  |  ...  |  h  | h+1 |
    readings             x     x                                     last heard in minute 1
    forgotten                                               ^        once it is silent for more than the horizon

Time is Kafka's: the clock is the newest minute in which a reading of the bucket was written, and never goes back. So a
replay of old data is no older than a live one, and the answer does not depend on when the job runs. A minute's count of
new series starts anew with the clock's next minute.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from gridflex.domain.readings import Flags, Ints, PackedColumns, pack

NO_CLOCK = -1
"""No reading yet."""
UNKNOWN = 0
"""Mark of a series whose identity was never kept."""
_LOOKS = 24
"""Silent series are looked for so often within a horizon."""
_S_PER_MIN = 60
_HEADER = np.dtype([("clock_min", "<i8"), ("admitted", "<u4"), ("written", "<u4")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The limits on the series of a bucket."""

    forget_after_s: float
    new_per_min: int
    most: int
    """Series remembered at once."""

    def share(self, buckets: int) -> Bounds:
        """The limits of each of some buckets, so that series spread by a hash exceed no share by chance.

        >>> Bounds(forget_after_s=60, new_per_min=50_000, most=400_000).share(8)
        Bounds(forget_after_s=60, new_per_min=6567, most=50895)
        """
        return replace(self, new_per_min=_share(self.new_per_min, buckets), most=_share(self.most, buckets))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roster:
    """One row per series, in the order of the detector's state. Columns have shape (s,)."""

    seen_min: Ints
    """The clock when it was last heard, minutes since 1970."""
    mark: Ints
    """Check sum of the identity that was kept, or ``UNKNOWN``."""
    clock_min: int
    admitted: int
    """New series in the clock's minute."""
    written: int
    """Identities kept since they were last put together."""

    def __len__(self) -> int:
        return len(self.seen_min)

    def at(self, minute: int) -> Roster:
        """The roster at a later minute of Kafka's time, without new series.

        >>> no_roster().at(7).at(5).clock_min
        7
        """
        if minute <= self.clock_min:
            return self
        return replace(self, clock_min=minute, admitted=0)

    def admit(self, series: Ints, minute: Ints, bounds: Bounds) -> tuple[Flags, Roster]:
        """Which readings of new series are refused, and the roster with the clock and count after them.

        ``series``: shape (n,), a number of each reading's series, -1 of one that is remembered. ``minute``: Kafka's.
        Both in order of arrival.
        """
        start, minute = self.clock_min, np.maximum(minute, self.clock_min)
        clock = int(minute.max(initial=start))
        new = np.flatnonzero(series >= 0)
        room = max(0, bounds.most - len(self))
        _, first = np.unique(series[new], return_index=True)
        used = self.admitted
        refused = np.zeros(len(series), dtype=np.bool_)
        if len(first) <= min(room, bounds.new_per_min - used):
            count = int((minute[new[first]] == clock).sum())
            return refused, replace(self, clock_min=clock, admitted=count + used * (clock == start))
        taken = np.zeros(int(series.max()) + 1, dtype=np.bool_)
        for one in np.unique(minute[new]).tolist():
            now = new[minute[new] == one]
            asking = now[~taken[series[now]]]
            _, at = np.unique(series[asking], return_index=True)
            used = used if one == start else 0
            chosen = series[asking[np.sort(at)]][: max(0, min(room, bounds.new_per_min - used))]
            taken[chosen] = True
            refused[now] = ~taken[series[now]]
            used, room, start = used + len(chosen), room - len(chosen), one
        return refused, replace(self, clock_min=clock, admitted=used if start == clock else 0)

    def grown(self, at: Ints) -> Roster:
        """The roster with a row for each new series, at its index among the existing ones."""
        return replace(self, seen_min=np.insert(self.seen_min, at, NO_CLOCK), mark=np.insert(self.mark, at, UNKNOWN))

    def heard(self, slot: Ints, minute: Ints, mark: Ints) -> tuple[Roster, Ints]:
        """Note readings of some series; gives also which of ``slot`` have a new identity that must be stored.

        Series of a state that has no roster yet count as heard now.
        """
        seen = self.seen_min.copy()
        seen[slot] = np.maximum(seen[slot], minute)
        seen[seen < 0] = self.clock_min
        marks = self.mark.copy()
        changed = np.flatnonzero(marks[slot] != mark)
        marks[slot] = mark
        return replace(self, seen_min=seen, mark=marks, written=self.written + len(changed)), changed

    def due(self, before_min: int, bounds: Bounds) -> Ints:
        """The slots of the series to drop now. ``before_min``: the clock before the batch.

        They are looked for once in a part of the horizon, so that what they were called is not read too often.
        """
        horizon_min = math.ceil(bounds.forget_after_s / _S_PER_MIN)
        step = max(1, horizon_min // _LOOKS)
        if before_min // step == self.clock_min // step:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(self.clock_min - self.seen_min > horizon_min)

    def without(self, slot: Ints) -> Roster:
        """The roster without the rows at ``slot``; the identities were rewritten."""
        seen_min = np.delete(self.seen_min, slot)
        return replace(self, seen_min=seen_min, mark=np.delete(self.mark, slot), written=len(seen_min))


def no_roster(series: int = 0) -> Roster:
    """An empty roster, or one of ``series`` series of which only the detector's state is known.

    >>> len(no_roster()), no_roster(2).mark.tolist()
    (0, [0, 0])
    """
    none = np.zeros(series, dtype=np.int64)
    return Roster(seen_min=none + NO_CLOCK, mark=none + UNKNOWN, clock_min=NO_CLOCK, admitted=0, written=0)


def to_bytes(roster: Roster) -> bytes:
    """Encode a roster.

    >>> len(from_bytes(to_bytes(no_roster()), 0))
    0
    """
    header = np.array([(roster.clock_min, roster.admitted, roster.written)], dtype=_HEADER)
    return header.tobytes() + pack(roster.clock_min - roster.seen_min) + pack(roster.mark)


def from_bytes(encoded: bytes, series: int) -> Roster:
    """Decode a roster of ``series`` series."""
    header = np.frombuffer(encoded, dtype=_HEADER, count=1)[0]
    columns = PackedColumns(encoded, _HEADER.itemsize)
    clock_min = int(header["clock_min"])
    return Roster(
        seen_min=clock_min - columns.read(series),
        mark=columns.read(series),
        clock_min=clock_min,
        admitted=int(header["admitted"]),
        written=int(header["written"]),
    )


def _share(total: int, buckets: int) -> int:
    if buckets == 1:
        return total
    mean = total / buckets
    return math.ceil(mean + 4 * math.sqrt(mean))

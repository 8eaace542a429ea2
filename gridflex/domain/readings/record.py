"""Defines readings as columns, and bad readings as values.

A reading's power holds for the time *before* it: its energy is ``power_w * observed_s / 3600`` and belongs to
``(t - observed_s, t]``. After a gap ``observed_s`` is 0, so unknown time carries neither energy nor on-time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from gridflex.domain.readings.columns import MS_PER_S, Floats, Indexes, Ints

IDENTITY_FIELDS = ("dataset", "region", "feeder", "house_id", "appliance_id", "appliance")
"""The fields that say which appliance a reading is of, in the order of the schemas. Spark's executors have no schema
files: a test compares the two."""


class Reason(StrEnum):
    """Why a reading was rejected."""

    BROKEN_LINE = "broken_line"  # a line that does not have the data set's form
    MISSING = "missing"  # an explicit missing value (NULL, NaN)
    NOT_FINITE = "not_finite"  # NaN or infinite power on the wire
    NEGATIVE_POWER = "negative_power"
    ABSURD_POWER = "absurd_power"
    BAD_TIME = "bad_time"  # an instant that cannot be: in an impossible year, or where no neighbour stands
    FUTURE_TIME = "future_time"
    LATE = "late"  # out of order by more than is allowed
    DUPLICATE_TIME = "duplicate_time"  # a second reading of a series at one instant
    UNKNOWN_COLUMN = "unknown_column"  # a value without a label
    BAD_OBSERVED = "bad_observed"  # observed_s negative, not finite or longer than a day
    UNKNOWN_SCHEMA = "unknown_schema"
    UNDECODABLE = "undecodable"
    TOO_MANY_SERIES = "too_many_series"  # a new appliance id beyond what the stream takes in


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Bad data, kept with its reason and place."""

    reason: Reason
    position: str
    """``<file>:<line>``, the file relative to the data set's root."""
    detail: str
    """What was found and what is allowed."""
    raw: bytes
    count: int = 1
    """How many readings it stands for: a run of missing values of one series is one rejection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSeries:
    """One channel or column of a data set, before it is given a region, feeder and shift."""

    house: str
    """The data set's own number of the house: REDD ``5``, GREEND ``0``."""
    channel: str
    """REDD channel number, GREEND column number (1 is the first plug)."""
    appliance: str
    """Appliance class, after label mapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingBlock:
    """Readings of many series in order of ``source_time_ms``, and the rejections met on the way to them.

    All arrays have shape ``(n,)``. Equal instants are ordered by ``series``.
    """

    series: Indexes
    """Index into the reader's ``series``."""
    source_time_ms: Ints
    """UTC epoch."""
    power_w: Floats
    observed_s: Floats
    rejections: Sequence[Rejection] = field(default=())

    def __len__(self) -> int:
        return len(self.series)

    @property
    def rejected(self) -> int:
        """Readings that the rejections stand for."""
        return sum(rejection.count for rejection in self.rejections)


def observed_s(time_ms: Ints, *, previous_ms: int | None, max_gap_s: float) -> Floats:
    """Seconds since the previous reading of one series, 0 for the first and after a gap.

    ``time_ms``: shape (n,), strictly increasing. ``previous_ms``: the last reading before it, ``None`` if none.

    >>> observed_s(np.array([1000, 4000, 99_000], dtype=np.int64), previous_ms=None, max_gap_s=60)
    array([0., 3., 0.])
    >>> observed_s(np.array([1000], dtype=np.int64), previous_ms=-2000, max_gap_s=60)
    array([3.])
    """
    if len(time_ms) == 0:
        return np.zeros(0)
    first = time_ms[0] if previous_ms is None else previous_ms
    elapsed = np.diff(time_ms, prepend=first) / MS_PER_S
    elapsed[elapsed > max_gap_s] = 0.0
    return elapsed

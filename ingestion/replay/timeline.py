"""Maps source time onto the present by whole days, so that the time of day stays the same. Pure.

::

    source days      d0   d1   d2 | d0 ...            D = 3 whole UTC days
    align past       x    x    x                      shift 0: the latest whole-day shift with no reading after now
                 x   x    x                           shift 1: one day earlier
    align today      d0   d1   d2*| d0   d1           shift 0: the last source day is played as today (*), then again
                     d1   d2   d0*| d1   d2           shift 1: the same days, starting at the next one
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gridflex.domain.readings import MS_PER_DAY


class Align(StrEnum):
    """How a replay is aligned to the calendar."""

    PAST = "past"
    TODAY = "today"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """First and last source time of a data set, UTC epoch."""

    first_ms: int
    last_ms: int

    @property
    def first_day(self) -> int:
        """Days since the epoch."""
        return self.first_ms // MS_PER_DAY

    @property
    def days(self) -> int:
        """Whole UTC days that the data touches; one round of an endless replay."""
        return self.last_ms // MS_PER_DAY - self.first_day + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """One virtual house group played from a track: its shift, and the days added to source time in the first round."""

    shift: int
    offset_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One pass over the data set, for all clones that play the same source day at the same time."""

    clones: tuple[Clone, ...]
    start_day: int
    """The first round starts at this source day, counted from the data's first."""
    period_days: int | None
    """Days from one round to the next; None: one round only."""


def base_days(span: Span, align: Align, now_ms: int) -> int:
    """Whole days to add to the source time of shift 0.

    >>> day = MS_PER_DAY
    >>> span = Span(first_ms=10 * day, last_ms=12 * day + 500)
    >>> base_days(span, Align.PAST, 20 * day + 499), base_days(span, Align.PAST, 20 * day + 500)
    (7, 8)
    >>> base_days(span, Align.TODAY, 20 * day + 499)
    8
    """
    if align is Align.PAST:
        return (now_ms - span.last_ms) // MS_PER_DAY
    return now_ms // MS_PER_DAY - span.last_ms // MS_PER_DAY


def tracks(span: Span, align: Align, shifts: Sequence[int], base: int) -> tuple[Track, ...]:
    """The tracks that are played at the same time.

    ``past``: one track; shift k lies k days earlier. ``today``: a track for each source day on which some shift starts;
    shift k starts k days into the data, and all play on the same calendar days.

    >>> span = Span(first_ms=0, last_ms=2 * MS_PER_DAY)
    >>> [(c.shift, c.offset_days) for c in tracks(span, Align.PAST, [0, 1], 100)[0].clones]
    [(0, 100), (1, 99)]
    >>> [(t.start_day, [c.shift for c in t.clones]) for t in tracks(span, Align.TODAY, [0, 1, 3], 100)]
    [(0, [0, 3]), (1, [1])]
    """
    if align is Align.PAST:
        clones = tuple(Clone(shift=shift, offset_days=base - shift) for shift in shifts)
        return (Track(clones=clones, start_day=0, period_days=None),)
    starts = sorted({shift % span.days for shift in shifts})
    return tuple(
        Track(
            clones=tuple(Clone(shift=k, offset_days=base - start) for k in shifts if k % span.days == start),
            start_day=start,
            period_days=span.days,
        )
        for start in starts
    )


def lags_ms(ways: Sequence[Track]) -> dict[int, int]:
    """How far the clock of each shift is behind that of the first clone of its track.

    >>> span = Span(first_ms=0, last_ms=2 * MS_PER_DAY)
    >>> lags_ms(tracks(span, Align.PAST, [0, 1], 100)), lags_ms(tracks(span, Align.TODAY, [0, 1, 3], 100))
    ({0: 0, 1: 86400000}, {0: 0, 3: 0, 1: 0})
    """
    return {
        clone.shift: (way.clones[0].offset_days - clone.offset_days) * MS_PER_DAY
        for way in ways
        for clone in way.clones
    }

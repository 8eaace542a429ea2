"""Maps UTC instants to a grid of local days, and says what kind of day each is.

A local day has as many slots as the interval divides 24 hours into, in every season. On the day the clock goes forward
the skipped hour's slots hold nothing (NaN, as if missing); on the day it goes back two intervals fall into one slot and
the slot holds their mean, so that a slot always means one interval's energy.

    forward, 60 min   | 00 | -- | 02 | ... | 23 |      23 intervals, slot 01 missing
    back, 60 min      | 00 | 01 | 02 | ... | 23 |      25 intervals, slot 01 the mean of two
                           2x
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from enum import IntEnum
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridflex.domain.readings import MS_PER_DAY, MS_PER_S, Floats, Ints

MINUTES_PER_DAY = 1440
MS_PER_MINUTE = 60_000
_OFFSETS_HOLD_MS = 15 * MS_PER_MINUTE
_EPOCH = dt.date(1970, 1, 1)
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0

Kinds = npt.NDArray[np.int8]


class DayKind(IntEnum):
    """The kinds of days that day-matching rules distinguish; a public holiday counts as a Sunday."""

    WEEKDAY = 0
    SATURDAY = 1
    SUNDAY = 2


def day_number(date: dt.date) -> int:
    """Days since 1970-01-01.

    >>> day_number(dt.date(2013, 1, 1))
    15706
    """
    return (date - _EPOCH).days


def date_of(day: int) -> dt.date:
    """The date of a day number.

    >>> date_of(15706)
    datetime.date(2013, 1, 1)
    """
    return _EPOCH + dt.timedelta(days=day)


def local_ms(start_ms: Ints, zone: ZoneInfo) -> Ints:
    """Wall-clock milliseconds of UTC instants: UTC plus the zone's offset at each instant.

    ``start_ms``: shape (n,), UTC epoch. Zones change only on quarter hours, so each quarter is looked up once.

    >>> summer_and_winter = np.array([1_372_636_800_000, 1_356_998_400_000])
    >>> (local_ms(summer_and_winter, ZoneInfo("Europe/London")) - summer_and_winter) // 3_600_000
    array([1, 0])
    """
    quarters, where = np.unique(start_ms // _OFFSETS_HOLD_MS, return_inverse=True)
    offsets = np.fromiter((_offset_ms(int(quarter), zone) for quarter in quarters), dtype=np.int64, count=len(quarters))
    return start_ms + offsets[where]


def _offset_ms(quarter: int, zone: ZoneInfo) -> int:
    offset = dt.datetime.fromtimestamp(quarter * _OFFSETS_HOLD_MS / MS_PER_S, tz=zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() * MS_PER_S)


def lay_out(
    slice_index: npt.NDArray[np.integer], wall_ms: Ints, energy_kwh: Floats, *, slices: int, interval_minutes: int
) -> tuple[int, Floats]:
    """Rows of interval energy as a grid: the first day's number and an array of shape (slices, days, slots).

    ``wall_ms``: shape (n,), wall-clock start of each interval, on the grid. A slot without a row is NaN; rows that
    share a slot (the hour that the clock repeats) become their mean.

    >>> day, grid = lay_out(np.array([0, 0]), np.array([0, 43_200_000]), np.array([1.0, 2.0]), slices=1,
    ...                     interval_minutes=720)
    >>> day, grid.tolist()
    (0, [[[1.0, 2.0]]])
    """
    slots = MINUTES_PER_DAY // interval_minutes
    if len(wall_ms) == 0:
        return 0, np.empty((slices, 0, slots))
    day = wall_ms // MS_PER_DAY
    slot = wall_ms % MS_PER_DAY // (interval_minutes * MS_PER_MINUTE)
    first = int(day.min())
    days = int(day.max()) - first + 1
    cell = (slice_index.astype(np.int64) * days + (day - first)) * slots + slot
    size = slices * days * slots
    rows = np.bincount(cell, minlength=size)
    total = np.bincount(cell, weights=energy_kwh, minlength=size)
    with np.errstate(invalid="ignore"):
        return first, (total / rows).reshape(slices, days, slots)


def day_kinds(first_day: int, days: int, holidays: Collection[dt.date] = ()) -> Kinds:
    """The kind of each day, shape (days,).

    >>> day_kinds(day_number(dt.date(2013, 5, 3)), 4, holidays=[dt.date(2013, 5, 6)]).tolist()
    [0, 1, 2, 2]
    """
    weekday = (np.arange(first_day, first_day + days) + _EPOCH_WEEKDAY) % 7
    kinds = np.where(weekday < 5, DayKind.WEEKDAY, np.where(weekday == 5, DayKind.SATURDAY, DayKind.SUNDAY))
    for number in _inside(holidays, first_day, days):
        kinds[number] = DayKind.SUNDAY
    return kinds.astype(np.int8)


def day_flags(dates: Iterable[dt.date], first_day: int, days: int) -> npt.NDArray[np.bool_]:
    """Which days are among ``dates``, shape (days,); dates outside are left out.

    >>> day_flags([dt.date(1970, 1, 2)], 0, 3).tolist()
    [False, True, False]
    """
    flags = np.zeros(days, dtype=np.bool_)
    flags[_inside(dates, first_day, days)] = True
    return flags


def _inside(dates: Iterable[dt.date], first_day: int, days: int) -> list[int]:
    numbers = (day_number(date) - first_day for date in dates)
    return [number for number in numbers if 0 <= number < days]

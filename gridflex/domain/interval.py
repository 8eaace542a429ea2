"""Defines half-open intervals of time, and the local days and hours that they consist of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gridflex.domain.readings import MS_PER_S

_ONE_DAY = dt.timedelta(days=1)
MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """``[start_ms, end_ms)``, UTC epoch. Invariant: it does not end before it starts.

    >>> str(Interval(start_ms=0, end_ms=3_600_000))
    '1970-01-01T00:00:00.000Z/1970-01-01T01:00:00.000Z'
    """

    start_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        if self.end_ms < self.start_ms:
            raise ValueError(f"interval from {iso(self.start_ms)} to {iso(self.end_ms)}: it ends before it starts")

    def __iter__(self) -> Iterator[int]:
        """Its start and its end."""
        yield self.start_ms
        yield self.end_ms

    def __str__(self) -> str:
        """As Druid writes it."""
        return f"{iso(self.start_ms)}/{iso(self.end_ms)}"

    @property
    def empty(self) -> bool:
        """Whether nothing lies in it."""
        return self.start_ms == self.end_ms


def iso(time_ms: int) -> str:
    """ISO 8601 with milliseconds, UTC.

    >>> iso(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'
    """
    at = dt.datetime.fromtimestamp(time_ms / MS_PER_S, tz=dt.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_ms(at: dt.datetime) -> int:
    """Milliseconds of an aware instant."""
    return round(at.timestamp() * MS_PER_S)


def day_interval(day: dt.date, zone: ZoneInfo) -> Interval:
    """One local day: 23, 24 or 25 hours.

    >>> span = day_interval(dt.date(2024, 3, 31), ZoneInfo("Europe/London"))
    >>> (span.end_ms - span.start_ms) // 3_600_000
    23
    """
    return Interval(start_ms=_midnight_ms(day, zone), end_ms=_midnight_ms(day + _ONE_DAY, zone))


def days_interval(days: list[dt.date], zone: ZoneInfo) -> Interval:
    """From the first day's start to the last one's end; ``days`` are consecutive and not none."""
    return Interval(start_ms=_midnight_ms(days[0], zone), end_ms=_midnight_ms(days[-1] + _ONE_DAY, zone))


def local_days(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> list[dt.date]:
    """The whole local days from the start of ``start``'s day up to, not including, ``end``'s day.

    Both ends are taken back to midnight, so that intervals which follow each other give days which do.

    >>> at = [dt.datetime(2024, 5, day, 0, 30, tzinfo=dt.UTC) for day in (1, 3)]
    >>> [str(day) for day in local_days(*at, ZoneInfo("UTC"))]
    ['2024-05-01', '2024-05-02']
    """
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    return [first + dt.timedelta(days=index) for index in range((last - first).days)]


def whole_hours(start: dt.datetime, end: dt.datetime) -> list[Interval]:
    """The UTC hours from the start of ``start``'s hour up to, not including, ``end``'s hour."""
    first, last = epoch_ms(start) // MS_PER_HOUR, epoch_ms(end) // MS_PER_HOUR
    return [Interval(start_ms=hour * MS_PER_HOUR, end_ms=(hour + 1) * MS_PER_HOUR) for hour in range(first, last)]


def _midnight_ms(day: dt.date, zone: ZoneInfo) -> int:
    return epoch_ms(dt.datetime.combine(day, dt.time(), zone))

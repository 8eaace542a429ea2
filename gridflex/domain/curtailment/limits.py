"""Computes what a program and the calls so far allow at an instant, and names the limit that binds.

Some limits hold for an event as a whole (notice, hours, weekdays, season, length), the others for each dispatch group
by its own calls, so that an event goes on without the groups that must rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from gridflex.domain.curtailment.programs import Program

_MS_PER_MIN = 60_000
_MS_PER_H = 3_600_000
_WEEK_MS = 7 * 24 * _MS_PER_H


class Limit(StrEnum):
    """The limits that an event or a plan must keep."""

    NOTICE = "notice time"
    WEEKDAY = "weekdays"
    HOURS = "hours of the day"
    SEASON = "season"
    EVENT_HOURS = "hours per event"
    EVENTS_PER_WEEK = "events per week"
    SEASON_HOURS = "hours per season"
    REST = "rest hours"
    FEEDER_SHARE = "share of a feeder at once"
    REBOUND_CAP = "rebound cap"
    AVAILABLE = "available appliances"
    OVERSHOOT = "one group beyond the target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A limit that forbids something."""

    limit: Limit
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.limit}: found {self.found}; allowed: {self.allowed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One event of a dispatch group: held, running or scheduled; ``[start, end)``, UTC epoch."""

    start_ms: int
    end_ms: int


def event_breaches(
    program: Program, *, start_ms: int, end_ms: int, now_ms: int, zone: tzinfo = UTC
) -> tuple[Breach, ...]:
    """Limits that forbid an event of ``[start, end)`` as a whole; none: it is allowed. ``zone``: of the households.

    >>> from gridflex.domain.flexibility import Handling
    >>> program = Program(name="p", appliances=frozenset(), handling=frozenset({Handling.CYCLE}), events_per_week=1,
    ...                   event_h=1, season_h=9, notice_min=10)
    >>> [str(one) for one in event_breaches(program, start_ms=0, end_ms=7_200_000, now_ms=-300_000)]
    ['notice time: found 5 min; allowed: at least 10 min', 'hours per event: found 2 h; allowed: at most 1 h']
    """
    start, end = (datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(zone) for time_ms in (start_ms, end_ms))
    notice_min, event_h = (start_ms - now_ms) / _MS_PER_MIN, (end_ms - start_ms) / _MS_PER_H
    first, last = program.hours
    return tuple(
        Breach(limit=limit, found=found, allowed=allowed)
        for limit, holds, found, allowed in (
            (Limit.NOTICE, notice_min >= program.notice_min, f"{notice_min:g} min",
             f"at least {program.notice_min:g} min"),
            (Limit.EVENT_HOURS, event_h <= program.event_h, f"{event_h:g} h", f"at most {program.event_h:g} h"),
            (Limit.HOURS, _within_hours(start, end, program.hours), f"{start:%H:%M} to {end:%H:%M}",
             f"within {first:g} to {last:g} o'clock, {zone}"),
            (Limit.WEEKDAY, start.isoweekday() in program.weekdays, str(start.isoweekday()),
             ", ".join(map(str, sorted(program.weekdays))) + " (1 is Monday)"),
            (Limit.SEASON, _in_season(start.month, program.season_months), f"month {start.month}",
             "{}..{}".format(*program.season_months)),
        )
        if not holds
    )  # fmt: skip


def group_breach(
    program: Program, calls: Sequence[Call], *, start_ms: int, end_ms: int, zone: tzinfo = UTC
) -> Breach | None:
    """The limit that forbids calling a dispatch group with these calls in ``[start, end)``; ``None``: it is allowed.

    >>> from gridflex.domain.flexibility import Handling
    >>> program = Program(name="p", appliances=frozenset(), handling=frozenset({Handling.CYCLE}), events_per_week=2,
    ...                   event_h=1, season_h=9, rest_h=4)
    >>> str(group_breach(program, [Call(start_ms=0, end_ms=3_600_000)], start_ms=7_200_000, end_ms=9_000_000))
    'rest hours: found 1 h; allowed: at least 4 h'
    """
    for call in calls:
        gap_h = max(start_ms - call.end_ms, call.start_ms - end_ms) / _MS_PER_H
        if gap_h < program.rest_h:
            found = f"{gap_h:.3g} h" if gap_h > 0 else "another event at that time"
            return Breach(limit=Limit.REST, found=found, allowed=f"at least {program.rest_h:g} h")
    starts_ms = sorted([start_ms, *(call.start_ms for call in calls)])
    most = max(
        sum(first_ms <= other_ms < first_ms + _WEEK_MS for other_ms in starts_ms)
        for first_ms in starts_ms
        if first_ms <= start_ms < first_ms + _WEEK_MS
    )
    if most > program.events_per_week:
        allowed = f"at most {program.events_per_week} in 7 days"
        return Breach(limit=Limit.EVENTS_PER_WEEK, found=f"{most} with this one", allowed=allowed)
    first_ms, after_ms = _season(start_ms, program.season_months, zone)
    called_ms = sum(call.end_ms - call.start_ms for call in calls if first_ms <= call.start_ms < after_ms)
    season_h = (called_ms + end_ms - start_ms) / _MS_PER_H
    if season_h > program.season_h:
        allowed = f"at most {program.season_h:g} h"
        return Breach(limit=Limit.SEASON_HOURS, found=f"{season_h:g} h with this event", allowed=allowed)
    return None


def _within_hours(start: datetime, end: datetime, hours: tuple[float, float]) -> bool:
    """Whether ``[start, end)`` lies between two hours of one local day; a whole day allows everything."""
    if hours == (0, 24):
        return True
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    first, last = (midnight + timedelta(hours=hour) for hour in hours)
    return first <= start and end <= last


def _in_season(month: int, months: tuple[int, int]) -> bool:
    first, last = months
    return first <= month <= last if first <= last else month >= first or month <= last


def _season(time_ms: int, months: tuple[int, int], zone: tzinfo) -> tuple[int, int]:
    """Begin of the season at or before an instant and of the next one, UTC epoch."""
    local = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(zone)
    year = local.year if local.month >= months[0] else local.year - 1
    begins = (datetime(year + more, months[0], 1, tzinfo=zone) for more in (0, 1))
    first_ms, after_ms = (round(begin.timestamp() * 1000) for begin in begins)
    return first_ms, after_ms

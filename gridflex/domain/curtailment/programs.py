"""Defines programs: what an agreement with households lets an operator call, and how often.

The numbers live in a table (gridflex.contracts.programs reads it).
"""

from __future__ import annotations

from dataclasses import dataclass

from gridflex.domain.flexibility import Handling


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program.

    Invariants: every count and duration is above zero but for ``rest_h`` and ``notice_min``, which may be zero; hours
    lie within a day, weekdays and months within a week and a year; shares lie within 0..1.
    """

    name: str
    appliances: frozenset[str]
    """Appliance classes that may be called; empty: all that a flexibility rule allows."""
    handling: frozenset[Handling]
    """What may be done with them."""
    events_per_week: int
    """Of one dispatch group, within any seven days."""
    event_h: float
    """Longest event."""
    season_h: float
    """Hours of events of one dispatch group within a season."""
    season_months: tuple[int, int] = (1, 12)
    """First and last month of the season; outside of it nothing is called. It may span the turn of the year."""
    rest_h: float = 0
    """From the end of one event of a dispatch group to the begin of its next."""
    notice_min: float = 0
    """From the approval, at the latest, to the begin."""
    hours: tuple[float, float] = (0, 24)
    """Local hours of the day between which an event must lie."""
    weekdays: frozenset[int] = frozenset(range(1, 8))
    """Local days on which an event may begin, ISO: 1 is Monday."""
    feeder_share: float = 1
    """Largest share of a feeder's flexible power that is off at once."""
    rebound_cap: float = 1
    """Largest rebound: of all together relative to the target, of a feeder relative to its flexible power."""

    def __post_init__(self) -> None:
        problems = [
            f"{name}={value}; allowed: {allowed}"
            for name, value, holds, allowed in (
                ("handling", set(self.handling), self.handling and Handling.NEVER not in self.handling, "cycle, defer"),
                ("events_per_week", self.events_per_week, self.events_per_week >= 1, "at least 1"),
                ("event_h", self.event_h, 0 < self.event_h <= 24, "above 0, at most 24"),
                ("season_h", self.season_h, self.season_h >= self.event_h, "at least event_h"),
                ("season_months", self.season_months, all(1 <= month <= 12 for month in self.season_months), "1..12"),
                ("rest_h", self.rest_h, self.rest_h >= 0, "at least 0"),
                ("notice_min", self.notice_min, self.notice_min >= 0, "at least 0"),
                ("hours", self.hours, 0 <= self.hours[0] < self.hours[1] <= 24, "a range within 0-24"),
                ("weekdays", set(self.weekdays), self.weekdays and self.weekdays <= set(range(1, 8)), "1..7"),
                ("feeder_share", self.feeder_share, 0 < self.feeder_share <= 1, "above 0, at most 1"),
                ("rebound_cap", self.rebound_cap, self.rebound_cap >= 0, "at least 0"),
            )
            if not holds
        ]
        if problems:
            raise ValueError(f"program {self.name!r}: found {'; '.join(problems)}")

"""Generates a household's days: when people are awake and at home, and how warm it is outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridflex.domain.readings import Floats, Ints

DAY_S = 86_400
HOUR_S = 3600
LOCAL_OFFSET_S = 3600
"""Local time is UTC+1 all year, as in Tunis."""
_WARMEST_DAY = 205
_YEAR_DAYS = 365.25

Peaks = Sequence[tuple[float, float, float]]
"""(local hour, spread in hours, weight): when something is done."""

MEALS: Peaks = ((7.3, 0.5, 0.25), (12.6, 0.6, 0.25), (19.3, 0.8, 0.5))
MORNING: Peaks = ((7.0, 0.7, 0.6), (9.5, 1.0, 0.2), (16.0, 2.0, 0.2))
AFTER_MEALS: Peaks = ((13.8, 0.7, 0.3), (20.6, 0.8, 0.7))
DAYTIME: Peaks = ((10.0, 1.5, 0.5), (16.5, 2.0, 0.5))
EVENING: Peaks = ((20.0, 1.2, 0.8), (13.0, 1.5, 0.2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """One household over a stretch of whole UTC days."""

    start_s: int
    """Midnight UTC of the first day, epoch."""
    days: int
    people: int
    """1 to 5."""
    wake_h: float
    sleep_h: float
    temperature_nodes_c: Floats
    """Day-to-day weather, shape (days + 2,)."""

    @property
    def end_s(self) -> int:
        """End of the last day."""
        return self.start_s + self.days * DAY_S

    def moments(self, rng: np.random.Generator, per_day: float, peaks: Peaks) -> Floats:
        """Instants at which something is begun, ``per_day`` of them on average, ascending, while someone is awake."""
        weekend = 1.25 - 0.35 * (self._weekday() < 5)
        counts = rng.poisson(per_day * weekend)
        day = np.repeat(np.arange(self.days), counts)
        weights = np.array([weight for _, _, weight in peaks])
        which = rng.choice(len(peaks), size=len(day), p=weights / weights.sum())
        hour = np.array([peak for peak, _, _ in peaks])[which]
        hour = hour + np.array([spread for _, spread, _ in peaks])[which] * rng.standard_normal(len(day))
        hour = hour + (self.wake_h - 7.0) * (hour < 12)
        awake = (hour > self.wake_h - 0.3) & (hour < self.sleep_h)
        moments = self.start_s - LOCAL_OFFSET_S + (day + hour / 24) * DAY_S
        return np.sort(moments[awake & (moments > self.start_s + 60)])

    def temperature_c(self, time_s: float) -> float:
        """Outside temperature at an instant: season, hour and weather."""
        day = time_s / DAY_S
        season = 19 + 8.5 * np.cos(2 * np.pi * (day % _YEAR_DAYS - _WARMEST_DAY) / _YEAR_DAYS)
        hour = self.local_hour(time_s)
        weather = np.interp(time_s, self.start_s + DAY_S * np.arange(self.days + 2), self.temperature_nodes_c)
        return float(season + 5 * np.cos(2 * np.pi * (hour - 15) / 24) + weather)

    def local_hour(self, time_s: float) -> float:
        """Hour of the local day, 0 to 24."""
        return (time_s + LOCAL_OFFSET_S) % DAY_S / HOUR_S

    def dusk_h(self) -> float:
        """Local hour of dusk in the middle of the stretch."""
        day = (self.start_s / DAY_S + self.days / 2) % _YEAR_DAYS
        return float(18.5 + 1.4 * np.cos(2 * np.pi * (day - 172) / _YEAR_DAYS))

    def _weekday(self) -> Ints:
        return (self.start_s // DAY_S + 3 + np.arange(self.days, dtype=np.int64)) % 7


def make_occupancy(rng: np.random.Generator, *, start_s: int, days: int) -> Occupancy:
    """A household drawn at random."""
    weather = np.zeros(days + 2)
    for day in range(1, len(weather)):
        weather[day] = 0.7 * weather[day - 1] + rng.normal(0, 1.5)
    return Occupancy(
        start_s=start_s,
        days=days,
        people=int(rng.choice([1, 2, 3, 4, 5], p=[0.15, 0.25, 0.25, 0.25, 0.1])),
        wake_h=float(np.clip(rng.normal(6.8, 0.5), 5.5, 8.5)),
        sleep_h=float(np.clip(rng.normal(23.0, 0.4), 22.0, 23.8)),
        temperature_nodes_c=weather,
    )

"""Defines interval energy of many slices on one local grid: the input of every baseline method."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace

import numpy as np

from gridflex.domain.baseline.calendar import MINUTES_PER_DAY, Kinds, date_of
from gridflex.domain.readings import Flags, Floats, Ints
from gridflex.errors import UsageError

MINUTES_PER_HOUR = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Homes that no event affects, for the control-group method."""

    total_kwh: Floats
    """Shape (days, slots): the homes' sum, missing ones left out."""
    homes: Floats
    """Shape (days, slots): how many homes the sum holds."""
    includes_slices: bool
    """True: every slice is one of these homes, so its own load is taken out of its control."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """Energy of S slices over D consecutive local days of P slots.

    Invariants, checked at construction: shapes agree; P divides a day into whole minutes.
    """

    names: tuple[str, ...]
    first_day: int
    """Number of the first day: days since 1970-01-01, local."""
    kwh: Floats
    """Shape (S, D, P): energy of each interval; NaN where it is missing or the clock skipped it."""
    kinds: Kinds
    """Shape (D,): ``DayKind`` of each day."""
    excluded: Flags
    """Shape (S, D): event days and days that the user excludes; neither a candidate nor a placebo day."""
    peak_temperature_c: Floats | None = None
    """Shape (D,): each day's highest temperature; NaN where unknown. None: no weather."""
    temperature_c: Floats | None = None
    """Shape (D, P): the temperature of each interval; NaN where unknown. None: its course over the day is not known."""
    control: Control | None = None
    contaminated: Flags | None = None
    """Shape (S, D, P): intervals left out of ``kwh`` because an event or a signal touched them (``without_hours``)."""
    metered_minutes: int | None = None
    """How many minutes of each interval, from its start, the energy covers; None: all of it."""

    def __post_init__(self) -> None:
        """Check the invariants."""
        slices, days, slots = self.kwh.shape
        expected = {"names": slices, "kinds": days}
        found = {"names": len(self.names), "kinds": len(self.kinds)}
        if found != expected or self.excluded.shape != (slices, days):
            raise ValueError(f"loads of shape {self.kwh.shape}: found {found}, excluded {self.excluded.shape}")
        if slots == 0 or MINUTES_PER_DAY % slots:
            raise ValueError(f"a day of {slots} slots; allowed: a number that divides {MINUTES_PER_DAY}")
        if self.peak_temperature_c is not None and self.peak_temperature_c.shape != (days,):
            raise ValueError(f"peak_temperature_c of shape {self.peak_temperature_c.shape}; expected ({days},)")
        if self.temperature_c is not None and self.temperature_c.shape != (days, slots):
            raise ValueError(f"temperature_c of shape {self.temperature_c.shape}; expected ({days}, {slots})")
        if self.metered_minutes is not None and not 0 < self.metered_minutes <= MINUTES_PER_DAY // slots:
            raise ValueError(f"metered_minutes {self.metered_minutes} in intervals of {MINUTES_PER_DAY // slots} min")

    @property
    def days(self) -> int:
        """The number of days."""
        return int(self.kwh.shape[1])

    @property
    def slots(self) -> int:
        """The number of intervals in a day."""
        return int(self.kwh.shape[2])

    @property
    def per_hour(self) -> float:
        """The number of intervals in an hour."""
        return self.slots / 24

    @property
    def kw_per_kwh(self) -> float:
        """The mean power, kW, of an interval with 1 kWh."""
        return self.per_hour if self.metered_minutes is None else MINUTES_PER_HOUR / self.metered_minutes

    def date(self, day: int) -> dt.date:
        """The date of a day index."""
        return date_of(self.first_day + day)

    def part(self, first: int, stop: int) -> Loads:
        """The slices from ``first`` up to ``stop``: to bound memory, and to spread work."""
        cut = slice(first, stop)
        contaminated = None if self.contaminated is None else self.contaminated[cut]
        return replace(
            self, names=self.names[cut], kwh=self.kwh[cut], excluded=self.excluded[cut], contaminated=contaminated
        )

    def actual_kwh(self, window: EventWindow, targets: Ints) -> Floats:
        """Metered energy in the window of each target day, shape (S, T, W)."""
        return self.kwh[:, targets, window.first : window.stop].astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWindow:
    """The slots of a day that an event takes: ``[first, stop)``, within one local day."""

    first: int
    stop: int

    @property
    def slots(self) -> int:
        """The number of slots."""
        return self.stop - self.first

    @staticmethod
    def parse(text: str, slots: int) -> EventWindow:
        """Parse ``17:00-20:00`` on a grid of ``slots`` a day. Raises ``UsageError`` when it does not fit the grid.

        >>> EventWindow.parse("17:00-20:00", 48)
        EventWindow(first=34, stop=40)
        """
        found = re.fullmatch(r"(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)", text.strip())
        if not found:
            raise UsageError(f"window {text!r}: expected HH:MM-HH:MM, such as 17:00-20:00")
        hour, minute, to_hour, to_minute = (int(group) for group in found.groups())
        first, stop = hour * MINUTES_PER_HOUR + minute, to_hour * MINUTES_PER_HOUR + to_minute
        width = MINUTES_PER_DAY // slots
        if not 0 <= first < stop <= MINUTES_PER_DAY or minute > 59 or to_minute > 59:
            raise UsageError(f"window {text!r}: it must end after it starts, within one day")
        if first % width or stop % width:
            raise UsageError(f"window {text!r}: the data's intervals are {width} min; start and end must fall on them")
        return EventWindow(first=first // width, stop=stop // width)

    @staticmethod
    def parse_clock(text: str, slots: int) -> tuple[int, int]:
        """Parse ``22:00-02:00``: the first slot and the number of slots; the end may lie after midnight.

        >>> EventWindow.parse_clock("22:00-02:00", 24), EventWindow.parse_clock("17:00-20:00", 24)
        ((22, 4), (17, 3))
        """
        begin, dash, end = text.strip().partition("-")
        if dash and re.fullmatch(r"\d{1,2}:\d\d", begin) and re.fullmatch(r"\d{1,2}:\d\d", end):
            after = end.zfill(5)
            if "00:00" < after < begin.zfill(5):
                evening = EventWindow.parse(f"{begin}-24:00", slots)
                return evening.first, evening.slots + EventWindow.parse(f"00:00-{end}", slots).slots
        found = EventWindow.parse(text, slots)
        return found.first, found.slots


def others_as_control(loads: Loads) -> Loads:
    """The same loads, each slice with all other slices as its control group; one slice alone has none."""
    if len(loads.names) < 2:
        return replace(loads, control=None)
    present = np.isfinite(loads.kwh)
    total = np.where(present, loads.kwh, 0.0).sum(axis=0)
    homes = present.sum(axis=0).astype(np.float64)
    return replace(loads, control=Control(total_kwh=total, homes=homes, includes_slices=True))

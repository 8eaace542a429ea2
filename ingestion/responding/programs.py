"""Simulates paused programs: a washing machine continues where it stopped, and ends so much later.

From the start of a pause on, the load that would have run is added to a backlog. After the pause, the appliance runs
the backlog from its front. Once it has been at rest for longer than in any pause of its class's programs, the rest at
the front is skipped; when the backlog is empty, the appliance is in the present again::

    without     ..abcdefgh............
    off         ....______|
    with        ..ab      cdefgh......
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from ingestion.responding.appliances import Fleet

_NOTHING_S = 1e-9


@dataclass(slots=True)
class Stretch:
    """A period of time with one mean power."""

    power_w: float
    length_s: float
    rests: bool


@dataclass(slots=True)
class Backlog:
    """The part of its program that an appliance has still to run."""

    stretches: deque[Stretch] = field(default_factory=deque)
    rested_s: float = 0.0
    """So long it has been at rest up to now."""

    def append(self, power_w: float, length_s: float, rests: bool) -> None:
        """Add stretches at the end. Stretches at rest are merged: only their energy counts."""
        last = self.stretches[-1] if self.stretches else None
        if last is not None and last.rests and rests:
            both_s = last.length_s + length_s
            if both_s > 0:
                last.power_w = (last.power_w * last.length_s + power_w * length_s) / both_s
            last.length_s = both_s
        elif length_s > 0:
            self.stretches.append(Stretch(power_w, length_s, rests))

    def take(self, length_s: float) -> float:
        """Remove so many seconds from the front and return their mean power; the backlog must contain them."""
        if not self.stretches:
            return 0.0
        if length_s <= 0:
            return self.stretches[0].power_w
        energy_ws, left_s = 0.0, length_s
        while left_s > _NOTHING_S and self.stretches:
            head = self.stretches[0]
            part_s = min(left_s, head.length_s)
            energy_ws += head.power_w * part_s
            self.rested_s = self.rested_s + part_s if head.rests else 0.0
            head.length_s -= part_s
            left_s -= part_s
            if head.length_s <= _NOTHING_S:
                self.stretches.popleft()
        return energy_ws / length_s

    def skip_rest(self) -> None:
        """Remove the stretches at rest from the front."""
        while self.stretches and self.stretches[0].rests:
            self.stretches.popleft()


class Programs:
    """Simulates the appliances whose programs are behind."""

    def __init__(self, fleet: Fleet) -> None:
        self._off_w = fleet.off_w.tolist()
        self._rest_after_s = fleet.rest_after_s.tolist()
        self._backlogs: dict[int, Backlog] = {}

    def behind(self, series: int) -> bool:
        """Whether an appliance's program is behind."""
        return series in self._backlogs

    def play(self, series: int, held: bool, power_w: float, observed_s: float) -> float:
        """The power of an appliance's next reading."""
        backlog = self._backlogs.get(series)
        if backlog is None:
            if not held:
                return power_w
            backlog = self._backlogs[series] = Backlog()
        backlog.append(power_w, observed_s, power_w < self._off_w[series])
        if held:
            return 0.0
        taken_w = backlog.take(observed_s) if backlog.stretches else power_w
        if backlog.rested_s >= self._rest_after_s[series]:
            backlog.skip_rest()
        if not backlog.stretches:
            del self._backlogs[series]
        return taken_w

    def to_json(self) -> list[Any]:
        """All remaining programs as JSON values."""
        return [
            [series, backlog.rested_s, [[one.power_w, one.length_s, one.rests] for one in backlog.stretches]]
            for series, backlog in self._backlogs.items()
        ]

    def load(self, values: list[Any]) -> None:
        """Load what ``to_json`` gave."""
        self._backlogs = {
            series: Backlog(stretches=deque(Stretch(*one) for one in stretches), rested_s=rested_s)
            for series, rested_s, stretches in values
        }

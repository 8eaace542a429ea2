"""Simulates smart plugs: changes readings as they would have been into readings as they are while appliances are
called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gridflex.domain.readings import MS_PER_S, Flags, Floats, Ints
from ingestion.responding.appliances import Fleet
from ingestion.responding.programs import Programs
from ingestion.responding.thermostats import Thermostats
from ingestion.responding.windows import NONE, Window, Windows

_TIME_BITS = 43
_CENT_W = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalledReadings:
    """Readings of appliances that were called, in order of series, then of time; shapes (n,)."""

    series: Ints
    time_ms: Ints
    event: Ints
    """By its number; of what is taken back: the event that held the appliance off last."""
    would_w: Floats
    """Power without the event."""
    used_w: Floats
    observed_s: Floats
    gap_s: Floats
    """Time before the reading that nobody observed, while the appliance was off or behind."""
    called: Flags
    """Off or behind at the reading; else the two powers are the same."""


class Plugs:
    """Simulates the plugs of a fleet. Readings of each appliance must come in order of time."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._thermostats = Thermostats(fleet)
        self._programs = Programs(fleet)
        self._windows = Windows()
        size = len(fleet)
        self._windowed: Flags = np.zeros(size, dtype=np.bool_)
        self._watched: Flags = np.zeros(size, dtype=np.bool_)
        """Readings of these are looked at."""
        self._busy: Flags = np.zeros(size, dtype=np.bool_)
        """Off or behind at their last reading."""
        self._event: Ints = np.full(size, NONE, dtype=np.int64)
        self._last_ms: Ints = np.zeros(size, dtype=np.int64)
        self._short_w: Floats = np.zeros(size)
        """What each takes less than it would, at its last reading."""

    def hold(self, windows: Sequence[Window]) -> None:
        """Replace all windows in which appliances are off."""
        self._windows = Windows(windows)
        self._windowed = np.zeros(len(self._fleet), dtype=np.bool_)
        self._windowed[self._windows.series] = True
        self._watched = self._windowed | self._busy | (self._short_w != 0)

    def busy(self, series: int) -> bool:
        """Whether an appliance was off or behind at its last reading."""
        return bool(self._busy[series])

    @property
    def idle(self) -> bool:
        """Whether no reading would be changed."""
        return not self._watched.any()

    def play(
        self, series: Ints, time_ms: Ints, power_w: Floats, observed_s: Floats
    ) -> tuple[Floats, CalledReadings | None]:
        """The power of each reading as it is, and the readings that were called (``None``: none); shapes (n,)."""
        if self.idle:
            return power_w, None
        chosen = np.flatnonzero(self._watched[series])
        if not len(chosen):
            return self._with_mains(series, time_ms, power_w, None), None
        chosen = chosen[np.argsort(series[chosen], kind="stable")]
        own, own_ms, would_w, own_s = (
            series[chosen].astype(np.int64),
            time_ms[chosen],
            power_w[chosen],
            observed_s[chosen],
        )
        off = self._windows.events(own, own_ms)
        first = np.flatnonzero(np.diff(own, prepend=-1))
        used_w, busy = self._respond(own, own_ms, off != NONE, would_w, own_s, first)
        readings = CalledReadings(
            series=own,
            time_ms=own_ms,
            event=self._events(own, off, first),
            would_w=would_w,
            used_w=used_w,
            observed_s=own_s,
            gap_s=self._gaps_s(own, own_ms, own_s, busy, first),
            called=(off != NONE) | _before(busy, self._busy[own[first]], first),
        )
        played = power_w.copy()
        played[chosen] = used_w
        played = self._with_mains(series, time_ms, played, readings)
        self._keep(readings, busy, first)
        return played, readings

    def _respond(  # noqa: PLR0917
        self, series: Ints, time_ms: Ints, held: Flags, would_w: Floats, observed_s: Floats, first: Ints
    ) -> tuple[Floats, Flags]:
        """Power taken, and whether the appliance is off or behind after each reading."""
        used_w, busy = np.empty(len(series)), np.empty(len(series), dtype=np.bool_)
        defers = self._fleet.defers[series]
        for place in np.flatnonzero(defers).tolist():
            one = int(series[place])
            used_w[place] = self._programs.play(one, bool(held[place]), float(would_w[place]), float(observed_s[place]))
            busy[place] = held[place] or self._programs.behind(one)
        counts = np.diff(first, append=len(series))
        cycled = ~defers[first]
        for turn in range(int(counts[cycled].max(initial=0))):
            at = first[cycled & (counts > turn)] + turn
            used_w[at] = self._thermostats.play(series[at], time_ms[at], held[at], would_w[at], observed_s[at])
            busy[at] = held[at] | (self._thermostats.owed_ws[series[at]] > 0)
        return used_w, busy

    def _events(self, series: Ints, off: Ints, first: Ints) -> Ints:
        """The event of each reading: that which holds the appliance off, else the last one that did."""
        told = off != NONE
        told[first] = True
        source = np.maximum.accumulate(np.where(told, np.arange(len(series)), 0))
        events = off.copy()
        begin = first[off[first] == NONE]
        events[begin] = self._event[series[begin]]
        return events[source]

    def _gaps_s(self, series: Ints, time_ms: Ints, observed_s: Floats, busy: Flags, first: Ints) -> Floats:
        last_ms = np.empty_like(time_ms)
        last_ms[1:] = time_ms[:-1]
        last_ms[first] = self._last_ms[series[first]]
        gap_s = np.maximum(0.0, (time_ms - last_ms) / MS_PER_S - observed_s)
        return np.where(_before(busy, self._busy[series[first]], first), gap_s, 0.0)

    def _keep(self, readings: CalledReadings, busy: Flags, first: Ints) -> None:
        last = np.append(first[1:], len(readings.series)) - 1
        series = readings.series[last]
        self._busy[series] = busy[last]
        self._event[series] = readings.event[last]
        self._last_ms[series] = readings.time_ms[last]
        self._short_w[series] = readings.would_w[last] - readings.used_w[last]
        self._watched[series] = self._windowed[series] | busy[last] | (self._short_w[series] != 0)

    def _with_mains(self, series: Ints, time_ms: Ints, power_w: Floats, readings: CalledReadings | None) -> Floats:
        """The mains take less by what the house's appliances took less just before, the same on each leg."""
        short = np.flatnonzero(self._short_w)
        weights = np.bincount(self._fleet.house[short], self._short_w[short], minlength=self._fleet.houses)
        house_w: Floats = weights.astype(np.float64)
        concerned = house_w != 0
        if readings is not None:
            concerned[self._fleet.house[readings.series]] = True
        mains = np.flatnonzero(self._fleet.is_mains[series] & concerned[self._fleet.house[series]])
        if not len(mains):
            return power_w
        house = self._fleet.house[series[mains]]
        less_w: Floats = house_w[house]
        if readings is not None:
            less_w = less_w + self._changes_w(readings, house, time_ms[mains])
        played = power_w.copy()
        played[mains] = np.maximum(0.0, np.round(power_w[mains] - less_w / self._fleet.legs[house], _CENT_W))
        return played

    def _changes_w(self, readings: CalledReadings, house: Ints, time_ms: Ints) -> Floats:
        """By how much more a house takes less before each instant than at the end of the readings before."""
        short_w = readings.would_w - readings.used_w
        first = np.flatnonzero(np.diff(readings.series, prepend=-1))
        before_w = np.empty_like(short_w)
        before_w[1:] = short_w[:-1]
        before_w[first] = self._short_w[readings.series[first]]
        keys = (self._fleet.house[readings.series] << _TIME_BITS) + readings.time_ms
        order = np.argsort(keys, kind="stable")
        sums_w = np.concatenate(([0.0], np.cumsum((short_w - before_w)[order])))
        until = np.searchsorted(keys[order], (house << _TIME_BITS) + time_ms, side="left")
        since = np.searchsorted(keys[order], house << _TIME_BITS, side="left")
        changes_w: Floats = sums_w[until] - sums_w[since]
        return changes_w

    def to_json(self) -> dict[str, Any]:
        """The state between readings as JSON values."""
        series = np.flatnonzero(self._watched)
        return {
            "series": series.tolist(),
            "busy": self._busy[series].tolist(),
            "event": self._event[series].tolist(),
            "last_ms": self._last_ms[series].tolist(),
            "short_w": self._short_w[series].tolist(),
            "thermostats": self._thermostats.to_json(series),
            "programs": self._programs.to_json(),
        }

    def load(self, values: dict[str, Any]) -> None:
        """Load what ``to_json`` gave; ``hold`` must be called next."""
        series: Ints = np.array(values["series"], dtype=np.int64)
        self._busy[series] = values["busy"]
        self._event[series] = values["event"]
        self._last_ms[series] = values["last_ms"]
        self._short_w[series] = values["short_w"]
        self._thermostats.load(series, values["thermostats"])
        self._programs.load(values["programs"])


def _before(busy: Flags, carried: Flags, first: Ints) -> Flags:
    """Whether the appliance was off or behind before each reading."""
    before = np.empty_like(busy)
    before[1:] = busy[:-1]
    before[first] = carried
    return before

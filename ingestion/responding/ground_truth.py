"""Records what events really did: by appliance and interval of five minutes, what it would have used and what it used.

Nothing but tests and benchmarks reads it. Outside of the times in which an appliance is off or behind the two are
equal, so an interval's mean shed is over all of the interval, less what nobody observed while it was called.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gridflex.domain.curtailment import STEP_MIN
from gridflex.domain.interval import iso
from gridflex.domain.readings import MS_PER_S, Ints
from gridflex.errors import SourceError
from ingestion.responding.appliances import Fleet
from ingestion.responding.plugs import CalledReadings

INTERVAL_MS = STEP_MIN * 60 * MS_PER_S
_WS_PER_WH = 3600.0
_LATE_MS = 60 * MS_PER_S
"""A reading counts for the interval that the middle of its observed time lies in, so some come after its end."""


@dataclass(slots=True)
class Interval:
    """One appliance's open interval of one event."""

    event: int
    start_ms: int
    would_ws: float = 0.0
    used_ws: float = 0.0
    gap_s: float = 0.0


class GroundTruth:
    """Sums what appliances used by open interval, at most one an appliance."""

    def __init__(self, fleet: Fleet, events: Mapping[int, str]) -> None:
        """``events``: names by number; others may be added later on."""
        self._fleet, self._events = fleet, events
        self._open: dict[int, Interval] = {}

    def see(self, readings: CalledReadings) -> list[str]:
        """Add readings; returns the lines of the intervals that end before them."""
        half_ms = (readings.observed_s * MS_PER_S / 2).astype(np.int64)
        interval = (readings.time_ms - half_ms) // INTERVAL_MS
        keys = (readings.series, readings.event, interval)
        changes = np.any([np.diff(key, prepend=-2) != 0 for key in keys], axis=0)
        first = np.flatnonzero(changes)
        gap_s = np.minimum(readings.gap_s, np.maximum(0, readings.time_ms - interval * INTERVAL_MS) / MS_PER_S)
        would_ws, used_ws, unseen_s = (
            np.add.reduceat(np.where(readings.called, values, 0.0), first)
            for values in (readings.would_w * readings.observed_s, readings.used_w * readings.observed_s, gap_s)
        )
        called = np.logical_or.reduceat(readings.called, first)
        lines: list[str] = []
        for place in np.flatnonzero(called).tolist():
            series, event, number = (int(key[first[place]]) for key in keys)
            lines += self._end_before(series, event, number * INTERVAL_MS)
            one = self._open.setdefault(series, Interval(event=event, start_ms=number * INTERVAL_MS))
            one.would_ws += float(would_ws[place])
            one.used_ws += float(used_ws[place])
            one.gap_s += float(unseen_s[place])
        return lines

    def _end_before(self, series: int, event: int, start_ms: int) -> Iterator[str]:
        """The line of an appliance's open interval, if it is another one."""
        found = self._open.get(series)
        if found is not None and (found.event, found.start_ms) != (event, start_ms):
            yield self._line(series, self._open.pop(series))

    def close(self, clock_ms: Ints | None, busy: Callable[[int], bool]) -> list[str]:
        """The lines of intervals that are over and whose appliances are not called any more. ``None``: of all
        intervals.
        """
        done = [
            series
            for series, one in self._open.items()
            if clock_ms is None or (one.start_ms + INTERVAL_MS + _LATE_MS <= clock_ms[series] and not busy(series))
        ]
        return [self._line(series, self._open.pop(series)) for series in done]

    def _line(self, series: int, one: Interval) -> str:
        appliance = self._fleet.appliances[series]
        observed_s = INTERVAL_MS / MS_PER_S - one.gap_s
        shed_w = (one.would_ws - one.used_ws) / observed_s if observed_s > 0 else 0.0
        return json.dumps(
            {
                "event_id": self._events[one.event],
                "region": appliance.region,
                "feeder": appliance.feeder,
                "appliance": appliance.appliance,
                "house_id": appliance.house_id,
                "appliance_id": appliance.appliance_id,
                "interval_start": iso(one.start_ms),
                "would_wh": round(one.would_ws / _WS_PER_WH, 6),
                "used_wh": round(one.used_ws / _WS_PER_WH, 6),
                "observed_s": round(observed_s, 3),
                "true_shed_w": round(shed_w, 6),
            }
        )

    @property
    def is_empty(self) -> bool:
        """Whether no interval is open."""
        return not self._open

    def to_json(self) -> list[Any]:
        """All open intervals as JSON values."""
        return [[series, asdict(one)] for series, one in self._open.items()]

    def load(self, values: list[Any]) -> None:
        """Load what ``to_json`` gave."""
        self._open = {series: Interval(**one) for series, one in values}


class GroundTruthFile:
    """A file of lines whose committed length is stored elsewhere; what is beyond it is cut off."""

    def __init__(self, path: Path, size: int | None) -> None:
        """``size``: bytes that count; ``None``: the file is new. Raises ``SourceError`` if it is not as it was left."""
        found = path.stat().st_size if path.is_file() else 0
        if size is None and found:
            raise SourceError(f"--truth {path}: found a file that this replay did not write; allowed: a new file")
        if size is not None and found < size:
            raise SourceError(
                f"--truth {path}: found {found} bytes; this replay has written {size}. Put the file back as it was, "
                "or start the replay again with another --replay-id"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.size = size or 0
        self._file = path.open("ab")
        self._file.truncate(self.size)

    def append(self, lines: list[str]) -> None:
        """Write lines to the disk; they count once ``size`` is committed."""
        if not lines:
            return
        self.size += self._file.write("".join(f"{line}\n" for line in lines).encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

"""What every reader of interval loads shares: rows in, defects counted, a grid out."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from gridflex.domain.baseline_calendar import MS_PER_MINUTE, day_flags, day_kinds, day_number, lay_out
from gridflex.domain.baseline_loads import Loads
from gridflex.domain.readings import MS_PER_DAY, Floats, Ints
from gridflex.errors import SourceError


@dataclass(slots=True, kw_only=True)
class Defects:
    """Bad rows by kind, with the first of each kind as an example."""

    count: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    example: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, count: int, example: str) -> None:
        """Note ``count`` defects of a kind; 0 notes nothing."""
        if count:
            self.count[kind] += int(count)
            self.example.setdefault(kind, example)

    def drop(self, rows: pd.DataFrame, bad: pd.Series[bool], kind: str, place: str) -> pd.DataFrame:
        """The rows without the bad ones, which are counted; ``place`` is the file's name."""
        if not bad.any():
            return rows
        first = rows[bad].iloc[0]
        values = ",".join(str(value) for value in first.drop(labels="line", errors="ignore"))
        self.add(kind, int(bad.sum()), f"{place}:{first.get('line', '?')}: {values}")
        return rows[~bad]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a reader found."""

    loads: Loads
    rows: int
    """Data rows read; ``rows`` = used + the counts of defects that drop rows."""
    defects: Defects
    notes: tuple[str, ...] = ()
    """What a person should know of the reading: time zone, weather, events left out."""


@dataclass(slots=True, kw_only=True)
class Rows:
    """Rows of interval energy on their way into a grid; the same slice may come in many blocks."""

    defects: Defects = field(default_factory=Defects)
    read: int = 0
    _parts: dict[str, list[tuple[Ints, Ints, Floats]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, rows: pd.DataFrame) -> None:
        """Add the columns ``name``, ``start_ms`` (the instant, by which repeats are told), ``wall_ms``, ``kwh``."""
        for name, part in rows.groupby("name", sort=False):
            times = part["start_ms"].to_numpy(np.int64), part["wall_ms"].to_numpy(np.int64)
            self._parts[str(name)].append((*times, part["kwh"].to_numpy(np.float64)))

    def grid(
        self,
        place: str,
        *,
        interval_minutes: int | None = None,
        holidays: Iterable[dt.date] = (),
        events: Mapping[str, Iterable[dt.date]] | None = None,
        peak_c: Mapping[dt.date, float] | None = None,
    ) -> Loads:
        """All rows as loads: repeated rows dropped, rows off the grid dropped, both counted.

        ``events``: days to exclude by slice. ``peak_c``: highest temperature by local date. Raises ``SourceError``
        when nothing is left.
        """
        names = sorted(self._parts)
        if not names:
            raise SourceError(f"{place}: no rows of energy")
        series = [self._once(name) for name in names]
        minutes = interval_minutes or _usual_minutes([start for start, _, _ in series], place)
        kept = [self._on_grid(name, *rows, minutes) for name, rows in zip(names, series, strict=True)]
        index = np.repeat(np.arange(len(names)), [len(wall) for wall, _ in kept])
        wall_ms = np.concatenate([wall for wall, _ in kept])
        kwh = np.concatenate([energy for _, energy in kept])
        first, cube = lay_out(index, wall_ms, kwh, slices=len(names), interval_minutes=minutes)
        days = cube.shape[1]
        excluded = np.stack([day_flags((events or {}).get(name, ()), first, days) for name in names])
        return Loads(
            names=tuple(names),
            first_day=first,
            kwh=cube,
            kinds=day_kinds(first, days, list(holidays)),
            excluded=excluded,
            peak_temperature_c=_peaks(peak_c, first, days) if peak_c else None,
        )

    def _once(self, name: str) -> tuple[Ints, Ints, Floats]:
        """One slice in order of time; of rows with one start the first stays."""
        parts = self._parts.pop(name)
        start = np.concatenate([part[0] for part in parts])
        order = np.argsort(start, kind="stable")
        start = start[order]
        wall = np.concatenate([part[1] for part in parts])[order]
        energy = np.concatenate([part[2] for part in parts])[order]
        again = np.zeros(len(start), dtype=np.bool_)
        again[1:] = start[1:] == start[:-1]
        same = again.copy()
        same[1:] &= energy[1:] == energy[:-1]
        other = again & ~same
        self.defects.add("duplicate", int(same.sum()), _where(name, start, same))
        self.defects.add("contradicting_duplicate", int(other.sum()), _where(name, start, other))
        return start[~again], wall[~again], energy[~again]

    def _on_grid(self, name: str, start: Ints, wall: Ints, energy: Floats, minutes: int) -> tuple[Ints, Floats]:
        """Wall-clock starts and energy of the rows that start on the grid."""
        off = wall % (minutes * MS_PER_MINUTE) != 0
        self.defects.add("off_grid", int(off.sum()), _where(name, start, off))
        return wall[~off], energy[~off]


def parse_energy(rows: pd.DataFrame, defects: Defects, place: str) -> pd.DataFrame:
    """Column ``kwh`` from text: missing, unreadable and negative values are dropped and counted."""
    text = rows["kwh"].astype("string").str.strip()
    missing = text.isna() | text.str.lower().isin(["", "null", "nan", "na"])
    rows = defects.drop(rows, missing.astype(bool), "missing_energy", place)
    value = pd.to_numeric(rows["kwh"], errors="coerce").astype("Float64")
    bad = ~np.isfinite(value.to_numpy(np.float64, na_value=np.nan))
    rows = defects.drop(rows, pd.Series(bad, index=rows.index, dtype=bool), "unreadable_energy", place)
    rows = rows.assign(kwh=value[~bad].astype(np.float64))
    return defects.drop(rows, rows["kwh"] < 0, "negative_energy", place)


def to_ms(when: pd.Series[pd.Timestamp]) -> Ints:
    """Milliseconds since 1970 of naive timestamps."""
    return when.to_numpy().astype("datetime64[ms]").astype(np.int64)


def daily_peaks(wall_ms: Ints, celsius: Floats) -> dict[dt.date, float]:
    """Highest known temperature of each wall-clock day."""
    days = pd.Series(celsius).groupby(wall_ms // MS_PER_DAY).max().dropna()
    return {dt.date(1970, 1, 1) + dt.timedelta(days=int(str(day))): float(peak) for day, peak in days.items()}


def files_of(path: Path, pattern: str) -> list[Path]:
    """A file as itself, a folder as its files in order of name; raises ``SourceError`` when there is none."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SourceError(f"{path}: no such file or folder")
    found = sorted(path.glob(pattern))
    if not found:
        raise SourceError(f"{path}: no file matches {pattern}")
    return found


def _usual_minutes(starts: list[Ints], place: str) -> int:
    """The most common step between rows, in minutes."""
    steps = np.concatenate([np.diff(start) for start in starts])
    if len(steps) == 0:
        raise SourceError(f"{place}: one row a slice; the interval cannot be told")
    values, counts = np.unique(steps, return_counts=True)
    minutes, rest = divmod(int(values[np.argmax(counts)]), MS_PER_MINUTE)
    if rest or minutes == 0 or 1440 % minutes:
        raise SourceError(f"{place}: rows are {minutes} min {rest} ms apart; allowed: a step that divides a day")
    return minutes


def _peaks(peak_c: Mapping[dt.date, float], first: int, days: int) -> Floats:
    peaks = np.full(days, np.nan)
    for date, celsius in peak_c.items():
        day = day_number(date) - first
        if 0 <= day < days:
            peaks[day] = celsius
    return peaks


def _where(name: str, start: Ints, flags: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str:
    if not flags.any():
        return ""
    return f"{name} at {np.datetime64(int(start[flags][0]), 'ms')}"

"""Collects the rows of any reader of interval loads, counts bad ones, and puts the good ones on one grid."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from batch.benchmark.loads.checks import LEAST_STEPS, near_days, usual_step_min
from batch.benchmark.loads.defects import Defects, shown
from batch.benchmark.loads.series import OnGrid, Series, common_step_min, usual_of_all
from gridflex.domain.baseline import MINUTES_PER_DAY, MS_PER_MINUTE, Loads, date_of, day_flags, day_kinds, day_number
from gridflex.domain.readings import MS_PER_DAY, Floats, Ints
from gridflex.errors import SourceError

FIRST_DAY, LAST_DAY = day_number(dt.date(1980, 1, 8)), day_number(dt.date(2100, 12, 31))
"""Earlier and later times are those of a clock that was never set (1970, 1980) or of a broken one."""
COLDEST_C, HOTTEST_C = -90.0, 60.0
MOST_CELLS = 30_000_000
CELLS_A_ROW = 4
_HOURS = 24
_MS_PER_HOUR = MS_PER_DAY // _HOURS
_MISSING = frozenset({"", "-", "--", "nil", "missing", "null", "nan", "-nan", "na", "n/a", "#n/a", "<na>", "none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The result of a reader."""

    loads: Loads
    rows: int
    """Data rows read, those apart that are no row at all: used + the counts of defects that drop rows."""
    defects: Defects
    notes: tuple[str, ...] = ()
    """What a person should know of the reading: time zone, weather, events left out."""


@dataclass(slots=True)
class Course:
    """Collects temperatures by hour of the wall clock: the mean of all rows, whatever slice they stand beside."""

    _hours: dict[int, tuple[float, int]] = field(default_factory=dict)

    def add(self, wall_ms: Ints, celsius: Floats) -> None:
        """Add known temperatures; NaN are left out."""
        known = np.isfinite(celsius)
        hours, where = np.unique(wall_ms[known] // _MS_PER_HOUR, return_inverse=True)
        rows = np.bincount(where, minlength=len(hours))
        total = np.bincount(where, weights=celsius[known], minlength=len(hours))
        for hour, degrees, count in zip(hours.tolist(), total.tolist(), rows.tolist(), strict=True):
            before, counted = self._hours.get(hour, (0.0, 0))
            self._hours[hour] = (before + degrees, counted + count)

    def on_grid(self, first: int, days: int, slots: int) -> Floats:
        """The temperature of each interval, shape (days, slots): of the hour it lies in, or the mean of its hours."""
        course = np.full(days * _HOURS, np.nan)
        for hour, (degrees, count) in self._hours.items():
            if 0 <= hour - first * _HOURS < len(course):
                course[hour - first * _HOURS] = degrees / count
        if slots >= _HOURS and slots % _HOURS == 0:
            return np.repeat(course, slots // _HOURS).reshape(days, slots)
        minutes = np.repeat(course, MINUTES_PER_DAY // _HOURS).reshape(days, slots, -1)
        known = np.isfinite(minutes)
        count = known.sum(axis=2)
        return np.asarray(np.where(known, minutes, 0.0).sum(axis=2) / np.where(count == 0, np.nan, count))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Rows of one block, ordered by slice."""

    codes: Ints
    """Slices of the block, rising, and each one's first row."""
    first: Ints
    start_ms: Ints
    offset_min: np.ndarray[tuple[int], np.dtype[np.int16]]
    kwh: Floats


@dataclass(slots=True, kw_only=True)
class Rows:
    """Collects rows of interval energy; the same slice may come in many blocks. 18 bytes a row."""

    defects: Defects = field(default_factory=Defects)
    notes: list[str] = field(default_factory=list)
    read: int = 0
    _codes: dict[str, int] = field(default_factory=dict)
    _blocks: list[_Block] = field(default_factory=list)
    _rows_a_day: Ints = field(default_factory=lambda: np.zeros(LAST_DAY - FIRST_DAY + 1, dtype=np.int64))

    def add(self, rows: pd.DataFrame, place: str) -> pd.DataFrame:
        """Add the columns ``name``, ``wall_ms``, ``offset_min`` and ``kwh``; returns the rows whose time can be.

        Repeats are told by the instant, ``wall_ms`` less ``offset_min``. ``place``: the file's name; the columns
        ``line`` and ``when`` say in an example where a row stands and what its time is.
        """
        day = rows["wall_ms"] // MS_PER_DAY
        never = (day < FIRST_DAY) | (day > LAST_DAY)
        rows = self.defects.drop(rows, never, "impossible_time", place, "when")
        if rows.empty:
            return rows
        local, names = pd.factorize(rows["name"])
        code = np.array([self._codes.setdefault(str(name), len(self._codes)) for name in names])[local]
        order = np.argsort(code, kind="stable")
        wall = rows["wall_ms"].to_numpy(np.int64)
        self._rows_a_day += np.bincount(wall // MS_PER_DAY - FIRST_DAY, minlength=len(self._rows_a_day))
        offset = rows["offset_min"].to_numpy(np.int64)
        codes, first = np.unique(code[order], return_index=True)
        block = _Block(
            codes=codes,
            first=np.append(first, len(order)),
            start_ms=(wall - offset * MS_PER_MINUTE)[order],
            offset_min=offset[order].astype(np.int16),
            kwh=rows["kwh"].to_numpy(np.float64)[order],
        )
        self._blocks.append(block)
        return rows

    def grid(
        self,
        place: str,
        *,
        interval_minutes: int | None = None,
        fixed: bool = False,
        metered_minutes: int | None = None,
        holidays: Iterable[dt.date] = (),
        events: Mapping[str, Iterable[dt.date]] | None = None,
        peak_c: Mapping[dt.date, float] | None = None,
        course: Course | None = None,
    ) -> Loads:
        """All rows as loads; rows that cannot be energy of the grid's intervals are dropped and counted.

        Slices of shorter intervals are summed to the longest one's. ``interval_minutes``: every slice's, ``fixed``
        when the layout leaves no other. ``events``: days to exclude by slice. ``peak_c``: highest temperature by local
        date; ``course``: its course over the day. Raises ``SourceError`` when nothing is left, and for slices that
        are not interval energy on a grid.
        """
        kept = sorted(self._placed(place, interval_minutes, fixed=fixed), key=lambda one: one.name)
        if not kept:
            raise SourceError(f"{place}: no usable row of {self.read:,}: {self.defects.tally() or 'no rows of energy'}")
        step = common_step_min(kept, place, self.notes)
        first = min(one.first_day for one in kept)
        days = max(one.first_day + len(one.kwh) for one in kept) - first
        self._must_fit(place, len(kept) * days * (MINUTES_PER_DAY // step), first, days)
        cube = np.full((len(kept), days, MINUTES_PER_DAY // step), np.nan)
        for row, one in zip(cube, kept, strict=True):
            begin = one.first_day - first
            row[begin : begin + len(one.kwh)] = one.summed(step)
        return Loads(
            names=tuple(one.name for one in kept),
            first_day=first,
            kwh=cube,
            kinds=day_kinds(first, days, list(holidays)),
            excluded=np.stack([day_flags((events or {}).get(one.name, ()), first, days) for one in kept]),
            peak_temperature_c=_peaks(peak_c, first, days) if peak_c else None,
            temperature_c=course.on_grid(first, days, MINUTES_PER_DAY // step) if peak_c and course else None,
            metered_minutes=metered_minutes,
        )

    def _placed(self, place: str, interval_minutes: int | None, *, fixed: bool) -> list[OnGrid]:
        """Every slice that has rows, on the grid of its own interval; one with too few rows to tell has the usual."""
        steps: Counter[int] = Counter()
        unknown: list[Series] = []
        kept: list[OnGrid] = []
        cells = 0
        for one in self._series():
            minutes, rows = (interval_minutes, LEAST_STEPS) if interval_minutes else usual_step_min(one.start_ms)
            steps[minutes] += rows
            if minutes and rows >= LEAST_STEPS:
                kept.append(one.placed(minutes, self.defects, place, fixed=fixed))
                cells += kept[-1].kwh.size
                self._must_fit(place, cells, kept[-1].first_day, len(kept[-1].kwh))
            else:
                unknown.append(one)
        usual = usual_of_all(steps, place) if unknown else 0
        kept += [one.placed(usual, self.defects, place, fixed=fixed) for one in unknown]
        return [one for one in kept if len(one.kwh)]

    def _series(self) -> Iterator[Series]:
        """Each slice's rows that lie near the rest, in order of time; a block goes when all its slices are taken."""
        near = near_days(self._rows_a_day)
        blocks: list[_Block | None] = list(self._blocks)
        self._blocks.clear()
        at = [0] * len(blocks)
        for name, code in self._codes.items():
            parts = []
            for index, block in enumerate(blocks):
                here = at[index]
                if block is None or block.codes[here] != code:
                    continue
                parts.append((block, slice(block.first[here], block.first[here + 1])))
                at[index] = here + 1
                if here + 1 == len(block.codes):
                    blocks[index] = None
            one = Series(
                name=name,
                start_ms=np.concatenate([block.start_ms[rows] for block, rows in parts]),
                offset_min=np.concatenate([block.offset_min[rows] for block, rows in parts]),
                kwh=np.concatenate([block.kwh[rows] for block, rows in parts]),
            )
            yield one.near(near, FIRST_DAY, self.defects).once(self.defects)

    def _must_fit(self, place: str, cells: int, first: int, days: int) -> None:
        if cells > max(MOST_CELLS, CELLS_A_ROW * self.read):
            raise SourceError(
                f"{place}: {self.read:,} rows spread over {days:,} days from {date_of(first)} would fill "
                f"{cells:,} intervals; allowed: {CELLS_A_ROW} intervals a row; give days that belong together"
            )


def parse_energy(rows: pd.DataFrame, defects: Defects, place: str) -> pd.DataFrame:
    """Parse column ``text`` to column ``kwh``: missing and unreadable values are dropped and counted."""
    value = pd.to_numeric(rows["kwh"], errors="coerce").to_numpy(np.float64)
    rows = rows.assign(text=rows["kwh"], kwh=value)
    bad = ~np.isfinite(value)
    if not bad.any():
        return rows
    missing = rows["text"].str.strip().str.lower().isin(_MISSING) & bad
    rows = defects.drop(rows, missing, "missing_energy", place, "text")
    return defects.drop(rows, ~np.isfinite(rows["kwh"]), "unreadable_energy", place, "text")


def parse_celsius(
    text: pd.Series[str], lines: pd.Series[int], defects: Defects, place: str, *, fahrenheit: bool = False
) -> Floats:
    """Temperatures from text; NaN where there is none, counted where it cannot be read or cannot be."""
    found = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    celsius = (found - 32.0) / 1.8 if fahrenheit else found
    unknown = ~np.isfinite(celsius) & (text.str.strip() != "").to_numpy(np.bool_)
    absurd = np.isfinite(celsius) & ((celsius < COLDEST_C) | (celsius > HOTTEST_C))
    for kind, flags in (("unreadable_temperature", unknown), ("impossible_temperature", absurd)):
        if flags.any():
            first = int(np.argmax(flags))
            defects.add(kind, int(flags.sum()), f"{place}:{lines.iloc[first]}: {shown(text.iloc[first])}")
    return np.where(unknown | absurd, np.nan, celsius)


def daily_peaks(wall_ms: Ints, celsius: Floats, peaks: dict[dt.date, float]) -> None:
    """Raise ``peaks`` to the highest known temperature of each wall-clock day."""
    known = np.isfinite(celsius)
    days, where = np.unique(wall_ms[known] // MS_PER_DAY, return_inverse=True)
    highest = np.full(len(days), -np.inf)
    np.maximum.at(highest, where, celsius[known])
    for day, peak in zip(days, highest, strict=True):
        if FIRST_DAY <= day <= LAST_DAY:
            peaks[date_of(int(day))] = max(float(peak), peaks.get(date_of(int(day)), -np.inf))


def files_of(path: Path, pattern: str) -> list[Path]:
    """A file as itself, a folder as its files sorted by name. Raises ``SourceError`` when there is none."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SourceError(f"{path}: no such file or folder")
    found = sorted(file for file in path.glob(pattern) if file.is_file())
    if not found:
        raise SourceError(f"{path}: no file matches {pattern}")
    return found


def _peaks(peak_c: Mapping[dt.date, float], first: int, days: int) -> Floats:
    peaks = np.full(days, np.nan)
    for date, celsius in peak_c.items():
        day = day_number(date) - first
        if 0 <= day < days:
            peaks[day] = celsius
    return peaks

"""Reads 15-minute load files: ``<name>_kw.csv`` (kW), ``<name>_temp.csv`` (hourly, Fahrenheit), ``<name>_dr_days.csv``.

Times are local wall-clock times, ``2013-08-01 00:15:00``: year, month, day, and no other order, for a day and a month
that change places make another day without a word. An offset, where one is written, tells the hour that the clock
repeats apart, and days stay those of the written clock. Power is taken as the mean of the interval that starts at its
time, so energy is power x interval. A day touched by a line of ``dr_days`` (start, end) is an event.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import numpy as np
import pandas as pd

from batch.benchmark.loads.checks import second_pass, usual_step_min
from batch.benchmark.loads.defects import Defects, shown
from batch.benchmark.loads.rows import Course, Found, Rows, daily_peaks, files_of, parse_celsius, parse_energy
from batch.benchmark.loads.text_blocks import text_lines
from batch.benchmark.loads.text_table import plain_rows, whole
from batch.benchmark.loads.times import local_or_offset
from gridflex.domain.baseline import MS_PER_MINUTE
from gridflex.domain.readings import MS_PER_DAY, Ints
from gridflex.errors import SourceError

MINUTES_PER_HOUR = 60
_FORM = "year-month-day hour:minute[:second], such as 2013-08-01 00:15:00"
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_LONGEST_EVENT_DAYS = 31


def read_loadshape(path: Path) -> Found:
    """Read power files. ``path``: one file, or a folder with ``*_kw.csv``. Raises ``SourceError``."""
    rows, notes = Rows(), ["times are local"]
    events: dict[str, list[dt.date]] = {}
    peaks: dict[dt.date, float] = {}
    course = Course()
    minutes = 0
    for file in files_of(path, "*_kw.csv"):
        name = file.stem.removesuffix("_kw")
        found = _power(file, rows)
        minutes = _same(minutes, found, file)
        events[name] = event_days(file.with_name(f"{name}_dr_days.csv"))
        peaks |= _peaks(file.with_name(f"{name}_temp.csv"), rows.defects, course)
    loads = rows.grid(str(path), interval_minutes=minutes, events=events, peak_c=peaks, course=course)
    first, last = loads.date(0), loads.date(loads.days - 1)
    for name, days in events.items():
        outside = sum(not first <= day <= last for day in days)
        notes.append(f"{name}: {len(days)} event day(s) left out{f', {outside} outside the data' if outside else ''}")
    return Found(loads=loads, rows=rows.read, defects=rows.defects, notes=(*notes, *rows.notes))


def _power(file: Path, rows: Rows) -> int:
    """Add a file's rows as energy; returns its interval in minutes."""
    blocks = list(plain_rows(file, rows.defects, fields=2))
    if not blocks:
        raise SourceError(f"{file}: empty; expected lines of time,kW; times are {_FORM}")
    table = whole(iter(blocks)).set_axis(["when", "kwh", "line"], axis=1).assign(name=file.stem.removesuffix("_kw"))
    rows.read += len(table)
    wall, offset, good = local_or_offset(table["when"])
    table = table.assign(wall_ms=wall, offset_min=offset if _repeats(wall[good]) else 0)
    table = rows.defects.drop(table, pd.Series(~good), "unreadable_time", file.name, "when")
    if table.empty:
        raise SourceError(f"{file}: no usable row of {len(good):,}: {rows.defects.tally()}; times are {_FORM}")
    minutes, _ = usual_step_min(np.sort((table["wall_ms"] - table["offset_min"] * MS_PER_MINUTE).to_numpy(np.int64)))
    if not 0 < minutes <= MINUTES_PER_HOUR:
        raise SourceError(f"{file}: no regular step of at most an hour between its times")
    again, later = second_pass(table["wall_ms"].to_numpy(np.int64), minutes)
    if again.any() and not table["offset_min"].any():
        first = int(np.argmax(again))
        rows.defects.add("repeated_hour", int(again.sum()), f"{file.name}:{table['line'].iloc[first]}")
        table = table.assign(offset_min=-MINUTES_PER_HOUR * later)
    table = parse_energy(table, rows.defects, file.name)
    rows.add(table.assign(kwh=table["kwh"] * minutes / MINUTES_PER_HOUR), file.name)
    return minutes


def _repeats(wall_ms: Ints) -> bool:
    """Whether a time of the written clock stands twice, so that only offsets can tell the two apart."""
    return len(np.unique(wall_ms)) < len(wall_ms)


def _same(before: int, now: int, file: Path) -> int:
    if before not in {0, now}:
        raise SourceError(f"{file}: intervals of {now} min beside files of {before} min; read them one by one")
    return now


def event_days(file: Path) -> list[dt.date]:
    """The days of ``start[,end]`` lines, each a date or a time; empty lines, and what follows ``#``, are left out.

    A first line without a digit is a header. Raises ``SourceError`` with the line that is no event: one that is read as
    another day would stay among the days without an event.
    """
    if not file.is_file():
        return []
    days: set[dt.date] = set()
    for number, line in enumerate(text_lines(file), start=1):
        fields = [field.strip().strip('"') for field in line.partition("#")[0].split(",")]
        if not any(fields) or (number == 1 and not any(letter.isdigit() for letter in line)):
            continue
        start = _date(fields[0], file, number)
        end = _date(fields[1], file, number) if len(fields) > 1 and fields[1] else start
        if not 0 <= (end - start).days <= _LONGEST_EVENT_DAYS:
            raise SourceError(
                f"{file}:{number}: event from {start} to {end}; allowed: an end after its start, at most "
                f"{_LONGEST_EVENT_DAYS} days"
            )
        days.update(start + dt.timedelta(days=more) for more in range((end - start).days + 1))
    return sorted(days)


def _date(text: str, file: Path, number: int) -> dt.date:
    found = _DAY.fullmatch(text)
    try:
        return dt.date.fromisoformat(found[1] if found else "")
    except ValueError:
        raise SourceError(f"{file}:{number}: found {shown(text)}; expected {_FORM}, or a date alone") from None


def _peaks(file: Path, defects: Defects, course: Course) -> dict[dt.date, float]:
    """Highest temperature by day, Celsius, and its course into ``course``; a line without a time is counted."""
    if not file.is_file():
        return {}
    peaks: dict[dt.date, float] = {}
    for rows in plain_rows(file, defects, fields=2, more=True):
        block = rows.set_axis(["when", "fahrenheit", "line"], axis=1)
        wall, _, good = local_or_offset(block["when"])
        good &= (wall >= 0) & (wall < 100_000 * MS_PER_DAY)
        kept = defects.drop(block, pd.Series(~good), "unreadable_weather_time", file.name, "when")
        celsius = parse_celsius(kept["fahrenheit"], kept["line"], defects, file.name, fahrenheit=True)
        daily_peaks(wall[good], celsius, peaks)
        course.add(wall[good], celsius)
    return peaks

"""15-minute load files: ``<name>_kw.csv`` (kW), ``<name>_temp.csv`` (hourly, Fahrenheit), ``<name>_dr_days.csv``.

Times are local wall-clock times without a zone. Power is taken as the mean of the interval that starts at its time, so
energy is power x interval. A day touched by a line of ``dr_days`` (start, end) is an event.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd

from gridflex.adapters.loads.rows import Found, Rows, daily_peaks, files_of, parse_energy, to_ms
from gridflex.errors import SourceError

MINUTES_PER_HOUR = 60.0


def read_loadshape(path: Path) -> Found:
    """``path``: one power file, or a folder with ``*_kw.csv``. Raises ``SourceError``."""
    rows, notes = Rows(), ["times are local"]
    events: dict[str, list[dt.date]] = {}
    peaks: dict[dt.date, float] = {}
    minutes = 0
    for file in files_of(path, "*_kw.csv"):
        name = file.stem.removesuffix("_kw")
        found = _power(file, rows)
        minutes = _same(minutes, found, file)
        events[name] = _event_days(file.with_name(f"{name}_dr_days.csv"))
        peaks |= _peaks(file.with_name(f"{name}_temp.csv"))
        notes.append(f"{name}: {len(events[name])} event day(s) left out")
    loads = rows.grid(str(path), interval_minutes=minutes, events=events, peak_c=peaks)
    return Found(loads=loads, rows=rows.read, defects=rows.defects, notes=tuple(notes))


def _power(file: Path, rows: Rows) -> int:
    """Add a file's rows as energy; returns its interval in minutes."""
    table = pd.read_csv(file, header=None, names=["when", "kwh"], dtype="string", skipinitialspace=True)
    rows.read += len(table)
    table = table.assign(line=range(1, len(table) + 1), name=file.stem.removesuffix("_kw"))
    when = pd.to_datetime(table["when"], errors="coerce")
    table = rows.defects.drop(table.assign(time=when), when.isna(), "unreadable_time", file.name)
    step = table["time"].diff().mode()
    if step.empty or not 0 < step.iloc[0] / pd.Timedelta(minutes=1) <= MINUTES_PER_HOUR:
        raise SourceError(f"{file}: no regular step of at most an hour between its times")
    minutes = int(step.iloc[0] / pd.Timedelta(minutes=1))
    table = parse_energy(table, rows.defects, file.name)
    start_ms = to_ms(table["time"])
    kwh = table["kwh"] * minutes / MINUTES_PER_HOUR
    rows.add(table.assign(start_ms=start_ms, wall_ms=start_ms, kwh=kwh))
    return minutes


def _same(before: int, now: int, file: Path) -> int:
    if before not in {0, now}:
        raise SourceError(f"{file}: intervals of {now} min beside files of {before} min; read them one by one")
    return now


def _event_days(file: Path) -> list[dt.date]:
    if not file.is_file():
        return []
    table = pd.read_csv(file, header=None, names=["start", "end"], skipinitialspace=True, comment="#")
    days = [
        pd.date_range(start, end).date for start, end in zip(*(_dates(table[c]) for c in table.columns), strict=True)
    ]
    return sorted({day for part in days for day in part})


def _dates(column: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    return pd.to_datetime(column).dt.normalize()


def _peaks(file: Path) -> dict[dt.date, float]:
    if not file.is_file():
        return {}
    table = pd.read_csv(file, header=None, names=["when", "fahrenheit"], skipinitialspace=True)
    celsius = (table["fahrenheit"].to_numpy(float) - 32.0) / 1.8
    return daily_peaks(to_ms(pd.to_datetime(table["when"])), celsius)

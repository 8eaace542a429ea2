"""Reads hourly files of Low Carbon London: one file a household,
``ID_House,Day,Month,Year,Hour,Holiday,...,Temperature,kWh``.

**A row is no hour's energy**: it is the half-hour that starts at the hour, under the hour's name (held against the
native file of MAC000002: equal, the half-hours at h:30 are left out). The half-hour at h:30 is unknown, and nothing is
made up for it: the grid has one slot an hour, of which the first 30 minutes are metered (``Loads.metered_minutes``),
and every error is that of those half-hours.

The hours are UTC all year, as in the native form. The household is what the rows say: two files of the set hold each
other's rows, so a file's name proves nothing (counted as ``file_of_another_household``). Whole-day holes stay holes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from batch.benchmark.loads.defects import Defects
from batch.benchmark.loads.lcl import LONDON, Context
from batch.benchmark.loads.rows import Found, Rows, daily_peaks, files_of, parse_celsius, parse_energy
from batch.benchmark.loads.text_table import tables
from gridflex.domain.baseline import MS_PER_MINUTE, Loads, local_ms
from gridflex.errors import SourceError

METERED_MINUTES = 30
_NEEDED = ("ID_House", "Day", "Month", "Year", "Hour", "kWh")
_WHEN = ("Year", "Month", "Day", "Hour")
_HALF_HOURS = (
    "a row is the half-hour that starts at the hour: h:30 is unknown, errors are those of the half-hours at h:00"
)


@dataclass(slots=True)
class _Told:
    """What the rows contain beside energy."""

    names: set[str] = field(default_factory=set)
    holidays: set[dt.date] = field(default_factory=set)
    peak_c: dict[dt.date, float] = field(default_factory=dict)


def read_lcl_hourly(path: Path) -> Found:
    """Read hourly files. ``path``: one file or a folder of them. Raises ``SourceError``."""
    rows = Rows()
    told = _Told()
    for file in files_of(path, "*.csv"):
        hours = np.zeros(25, dtype=np.int64)
        for block in tables(file, _NEEDED, rows.defects, optional=("Holiday", "Temperature")):
            hours += _add(rows, block, file, told)
        if hours[24] > hours[0]:
            raise SourceError(
                f"{file}: hours from 1 to 24 ({hours[24]:,} rows of hour 24, {hours[0]:,} of hour 0); "
                f"allowed: 0 to 23, the hour that starts then"
            )
    context = Context.beside(path, rows.defects, weather=False)
    dynamic = context.dynamic() & told.names
    loads = rows.grid(
        str(path),
        interval_minutes=60,
        fixed=True,
        metered_minutes=METERED_MINUTES,
        holidays=sorted(told.holidays),
        events=dict.fromkeys(dynamic, context.events),
        peak_c=told.peak_c,
    )
    _note_holes(loads, rows.defects)
    notes = ("times are UTC, days are London's", f"{len(dynamic)} household(s) on the dynamic tariff", _HALF_HOURS)
    return Found(loads=loads, rows=rows.read, defects=rows.defects, notes=(*notes, *rows.notes))


def _add(rows: Rows, block: pd.DataFrame, file: Path, told: _Told) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Add one block; returns how many rows each hour from 0 to 24 has."""
    rows.read += len(block)
    parts = {name.lower(): pd.to_numeric(block[name], errors="coerce") for name in _WHEN}
    numbers = pd.DataFrame(parts)
    hour = numbers["hour"]
    good = (numbers % 1 == 0).all(axis=1) & hour.between(0, 23) & numbers["year"].between(1, 9999)
    good &= numbers["month"].between(1, 12) & numbers["day"].between(1, 31)
    when = pd.to_datetime(numbers.where(good), errors="coerce")
    text = block[[*_WHEN]].agg("-".join, axis=1) if when.isna().any() else ""
    block = block.rename(columns={"ID_House": "name", "kWh": "kwh"}).assign(when=text, time=when)
    block["name"] = block["name"].str.strip()
    block = rows.defects.drop(block, when.isna(), "unreadable_time", file.name, "when")
    block = rows.defects.drop(block, block["name"] == "", "no_slice", file.name, "when")
    block = parse_energy(block, rows.defects, file.name)
    start_ms = block["time"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    wall_ms = local_ms(start_ms, LONDON)
    block = block.assign(wall_ms=wall_ms, offset_min=(wall_ms - start_ms) // MS_PER_MINUTE, when=block["time"])
    block = rows.add(block, file.name)
    if len(block):
        found = block["name"].unique()
        told.names.update(found)
        swapped = int((block["name"] != file.stem).sum()) if file.stem.startswith("MAC") else 0
        rows.defects.add("file_of_another_household", swapped, f"{file.name} holds {', '.join(found[:10])}")
        _context(block, file.name, rows.defects, told)
    return np.bincount(hour[hour.isin(range(25))].astype(np.int64), minlength=25)


def _context(block: pd.DataFrame, place: str, defects: Defects, told: _Told) -> None:
    """Holidays and temperatures from the rows."""
    if "Holiday" in block.columns:
        free = block["Holiday"].str.strip().str.lower() == "yes"
        told.holidays.update(block.loc[free, "time"].dt.date)
    if "Temperature" in block.columns:
        celsius = parse_celsius(block["Temperature"], block["line"], defects, place)
        daily_peaks(block["wall_ms"].to_numpy(np.int64), celsius, told.peak_c)


def _note_holes(loads: Loads, defects: Defects) -> None:
    """Count days without a row between a household's first and last."""
    for index, name in enumerate(loads.names):
        days = np.asarray(np.isfinite(loads.kwh[index]).any(axis=1))
        known = np.flatnonzero(days)
        holes = known[0] + np.flatnonzero(~days[known[0] : known[-1] + 1])
        if len(holes):
            defects.add("day_without_rows", len(holes), f"{name} on {loads.date(int(holes[0]))}")

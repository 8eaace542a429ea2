"""Reads a user's own interval loads: ``slice,interval_start,energy_kwh[,temperature_c]``.

``interval_start`` is ISO 8601 with an offset. Local days are those of the written wall clock: ``17:00+01:00`` is five
in the afternoon. (A file in UTC throughout has UTC days; the bake-off's ``--zone`` moves them.)
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from batch.benchmark.loads.rows import Course, Found, Rows, daily_peaks, files_of, parse_celsius, parse_energy
from batch.benchmark.loads.text_table import tables
from batch.benchmark.loads.times import with_offset
from gridflex.domain.baseline import MS_PER_MINUTE, local_ms

COLUMNS = ("slice", "interval_start", "energy_kwh")
TEMPERATURE = "temperature_c"
MOST_IMPOSSIBLE = 0.05
"""A larger share of temperatures that cannot be: the column is not in Celsius."""


def read_load_csv(path: Path, zone: ZoneInfo | None = None) -> Found:
    """Read a user's loads. ``path``: one file or a folder of ``*.csv``. ``zone``: days are local to this zone, not as
    written.

    Raises ``SourceError``.
    """
    rows = Rows()
    weather: tuple[dict[dt.date, float], Course] = ({}, Course())
    for file in files_of(path, "*.csv"):
        for block in tables(file, COLUMNS, rows.defects, optional=(TEMPERATURE,)):
            _add(rows, block, file.name, zone, weather)
    if rows.defects.count.get("impossible_temperature", 0) > MOST_IMPOSSIBLE * rows.read:
        rows.notes.append(f"{TEMPERATURE} is left out: too many values that no weather has in Celsius")
        weather[0].clear()
    loads = rows.grid(str(path), peak_c=weather[0], course=weather[1])
    days = f"days of {zone}" if zone else "days as written"
    return Found(loads=loads, rows=rows.read, defects=rows.defects, notes=(days, *rows.notes))


def _add(
    rows: Rows, block: pd.DataFrame, place: str, zone: ZoneInfo | None, weather: tuple[dict[dt.date, float], Course]
) -> None:
    """Add one block's rows, and its temperatures to ``weather``: highest of each day, and course."""
    rows.read += len(block)
    wall, offset, good = with_offset(block["interval_start"])
    code, names = pd.factorize(block["slice"])
    stripped = np.array([str(name).strip() for name in names], dtype=object)
    block = block.set_axis(["name", "when", "kwh", *block.columns[3:]], axis=1)
    block = block.assign(name=stripped[code], wall_ms=wall, offset_min=offset)
    block = rows.defects.drop(block, pd.Series(~good), "unreadable_time_or_no_offset", place, "when")
    block = rows.defects.drop(block, block["name"] == "", "no_slice", place, "when")
    block = parse_energy(block, rows.defects, place)
    if zone is not None:
        block = _in_zone(block, zone)
    block = rows.add(block, place)
    if TEMPERATURE in block.columns and len(block):
        celsius = parse_celsius(block[TEMPERATURE], block["line"], rows.defects, place)
        wall_ms = block["wall_ms"].to_numpy(np.int64)
        daily_peaks(wall_ms, celsius, weather[0])
        weather[1].add(wall_ms, celsius)


def _in_zone(block: pd.DataFrame, zone: ZoneInfo) -> pd.DataFrame:
    """The same instants on the clock of a zone."""
    start_ms = (block["wall_ms"] - block["offset_min"] * MS_PER_MINUTE).to_numpy(np.int64)
    wall_ms = local_ms(start_ms, zone)
    return block.assign(wall_ms=wall_ms, offset_min=(wall_ms - start_ms) // MS_PER_MINUTE)

"""Low Carbon London by the hour: one file a household, ``ID_House,Day,Month,Year,Hour,Holiday,...,Temperature,kWh``.

The hours are UTC all year, as in the native form. The household is what the rows say: two files of the set hold each
other's rows, so a file's name proves nothing (counted as ``file_of_another_household``). Whole-day holes stay holes.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd

from gridflex.adapters.loads.lcl import LONDON, Context
from gridflex.adapters.loads.rows import Defects, Found, Rows, daily_peaks, files_of, parse_energy, to_ms
from gridflex.domain.baseline_calendar import local_ms
from gridflex.domain.baseline_loads import Loads
from gridflex.errors import SourceError

_NEEDED = ("ID_House", "Day", "Month", "Year", "Hour", "kWh")


def read_lcl_hourly(path: Path) -> Found:
    """``path``: one file or a folder of them. Raises ``SourceError``."""
    rows = Rows()
    tables = [_table(file, rows) for file in files_of(path, "*.csv")]
    table = pd.concat(tables, ignore_index=True)
    context = Context.beside(path)
    dynamic = context.dynamic() & set(table["name"])
    loads = rows.grid(
        str(path),
        interval_minutes=60,
        holidays=_holidays(table),
        events=dict.fromkeys(dynamic, context.events),
        peak_c=_peaks(table),
    )
    _note_holes(loads, rows.defects)
    notes = ("times are UTC, days are London's", f"{len(dynamic)} household(s) on the dynamic tariff")
    return Found(loads=loads, rows=rows.read, defects=rows.defects, notes=notes)


def _table(file: Path, rows: Rows) -> pd.DataFrame:
    table = pd.read_csv(file, dtype="string")
    table.columns = table.columns.str.strip()
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        raise SourceError(f"{file}: no column {', '.join(missing)}; found: {', '.join(table.columns)}")
    rows.read += len(table)
    table = table.assign(line=range(2, len(table) + 2), kwh=table["kWh"], name=table["ID_House"].str.strip())
    parts = {name.lower(): pd.to_numeric(table[name], errors="coerce") for name in ("Year", "Month", "Day", "Hour")}
    when = pd.to_datetime(pd.DataFrame(parts), errors="coerce")
    table = rows.defects.drop(table.assign(time=when), when.isna(), "unreadable_time", file.name)
    table = parse_energy(table, rows.defects, file.name)
    start_ms = to_ms(table["time"])
    table = table.assign(start_ms=start_ms, wall_ms=local_ms(start_ms, LONDON))
    rows.add(table)
    swapped = int((table["name"] != file.stem).sum()) if file.stem.startswith("MAC") else 0
    rows.defects.add("file_of_another_household", swapped, f"{file.name} holds {', '.join(table['name'].unique())}")
    return table


def _peaks(table: pd.DataFrame) -> dict[dt.date, float]:
    if "Temperature" not in table.columns:
        return {}
    celsius = pd.to_numeric(table["Temperature"], errors="coerce").to_numpy(float)
    return daily_peaks(table["wall_ms"].to_numpy(np.int64), celsius)


def _holidays(table: pd.DataFrame) -> list[dt.date]:
    if "Holiday" not in table.columns:
        return []
    free = table[table["Holiday"].str.strip().str.lower() == "yes"]
    return sorted(set(free["time"].dt.date))


def _note_holes(loads: Loads, defects: Defects) -> None:
    """Count days without a row between a household's first and last."""
    for index, name in enumerate(loads.names):
        days = np.asarray(np.isfinite(loads.kwh[index]).any(axis=1))
        known = np.flatnonzero(days)
        holes = known[0] + np.flatnonzero(~days[known[0] : known[-1] + 1])
        if len(holes):
            defects.add("day_without_rows", len(holes), f"{name} on {loads.date(int(holes[0]))}")

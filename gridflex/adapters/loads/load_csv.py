"""A user's own interval loads: ``slice,interval_start,energy_kwh[,temperature_c]``.

``interval_start`` is ISO 8601 with an offset. Local days are those of the written wall clock: ``17:00+01:00`` is five
in the afternoon. (A file in UTC throughout has UTC days; the bake-off's ``--zone`` moves them.)
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from gridflex.adapters.loads.rows import Found, Rows, daily_peaks, files_of, parse_energy
from gridflex.domain.baseline_calendar import MS_PER_MINUTE, local_ms
from gridflex.domain.readings import Ints
from gridflex.errors import SourceError

COLUMNS = ("slice", "interval_start", "energy_kwh")
_OFFSET = r"(?:(Z)|([+-])(\d\d):?(\d\d))$"
_ROWS_AT_ONCE = 500_000


def read_load_csv(path: Path, zone: ZoneInfo | None = None) -> Found:
    """``path``: one file or a folder of ``*.csv``. ``zone``: local days of this zone, not as written.

    Raises ``SourceError``.
    """
    rows = Rows()
    peaks: dict[dt.date, float] = {}
    for file in files_of(path, "*.csv"):
        line = 2
        with pd.read_csv(file, dtype="string", chunksize=_ROWS_AT_ONCE, skipinitialspace=True) as blocks:
            for block in blocks:
                for day, peak in _add(rows, block, file, line, zone).items():
                    peaks[day] = max(peak, peaks.get(day, -np.inf))
                line += len(block)
    loads = rows.grid(str(path), peak_c=peaks)
    days = f"days of {zone}" if zone else "days as written"
    return Found(loads=loads, rows=rows.read, defects=rows.defects, notes=(days,))


def _add(rows: Rows, block: pd.DataFrame, file: Path, line: int, zone: ZoneInfo | None) -> dict[dt.date, float]:
    """Add one block; returns the highest temperature by day."""
    block.columns = block.columns.str.strip()
    missing = [name for name in COLUMNS if name not in block.columns]
    if missing:
        raise SourceError(f"{file}: no column {', '.join(missing)}; expected {','.join(COLUMNS)}[,temperature_c]")
    rows.read += len(block)
    block = block.assign(line=range(line, line + len(block)), name=block["slice"].str.strip(), kwh=block["energy_kwh"])
    utc, wall = _times(block["interval_start"])
    bad = utc.isna() | wall.isna()
    block = rows.defects.drop(block.assign(utc=utc, wall=wall), bad, "unreadable_time_or_no_offset", file.name)
    block = rows.defects.drop(block, block["name"].isna() | (block["name"] == ""), "no_slice", file.name)
    block = parse_energy(block, rows.defects, file.name)
    utc_ms = block["utc"].to_numpy(np.int64)
    wall_ms = block["wall"].to_numpy(np.int64) if zone is None else local_ms(utc_ms, zone)
    rows.add(block.assign(start_ms=utc_ms, wall_ms=wall_ms))
    if "temperature_c" not in block.columns:
        return {}
    return daily_peaks(wall_ms, pd.to_numeric(block["temperature_c"], errors="coerce").to_numpy(float))


def _times(text: pd.Series[str]) -> tuple[pd.Series[int], pd.Series[int]]:
    """UTC and wall-clock milliseconds; missing where the text is no time with an offset.

    Each text is parsed once: all slices of a file share their times.
    """
    code, texts = pd.factorize(text, use_na_sentinel=False)
    utc, wall = _times_once(pd.Series(texts, dtype="string").str.strip())
    return utc.take(code).set_axis(text.index), wall.take(code).set_axis(text.index)


def _times_once(text: pd.Series[str]) -> tuple[pd.Series[int], pd.Series[int]]:
    offset = text.str.extract(_OFFSET)
    minutes = pd.to_numeric(offset[2], errors="coerce") * 60 + pd.to_numeric(offset[3], errors="coerce")
    minutes = minutes.where(offset[1] != "-", -minutes).where(offset[0].isna(), 0)
    naive = pd.to_datetime(text.str.replace(_OFFSET, "", regex=True), format="ISO8601", errors="coerce")
    wall: Ints = naive.to_numpy().astype("datetime64[ms]").astype(np.int64)
    shift = pd.Series(minutes, dtype="Int64") * MS_PER_MINUTE
    wall_ms = pd.Series(wall, index=text.index, dtype="Int64").where(naive.notna())
    return wall_ms - shift, wall_ms.where(shift.notna())

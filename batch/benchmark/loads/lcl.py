"""Reads Low Carbon London in its native form: half-hourly rows of 5,566 households, sorted by group, household and
time.

Header ``LCLid,stdorToU,DateTime,KWH/hh (per half hour) ,...``: the energy column's name ends in a space.
``DateTime`` is UTC all year (both days on which London's clock changes have 48 rows) and is taken as the interval's
start. Defects met: exact duplicates, ``Null`` rows off the half-hour grid, holes, a household that goes on in the next
file.

Beside the files, in their folder or the one above, are read when they are there: ``weather_hourly_darksky.csv`` (not in
order, with holes), ``uk_bank_holidays.csv`` (dates of two forms), ``Tariffs_table.csv`` (the 2013 dynamic tariff: days
with a High or Low price are events for the households on it). ``weather_daily_darksky.csv`` is never read: its dates
are mangled, and the hourly file holds the same weather.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from batch.benchmark.loads.defects import Defects, shown
from batch.benchmark.loads.rows import Found, Rows, daily_peaks, files_of, parse_celsius, parse_energy
from batch.benchmark.loads.text_table import header_of, tables, whole
from batch.benchmark.loads.times import day_first, local_or_offset, month_first
from gridflex.domain.baseline import MS_PER_MINUTE, local_ms
from gridflex.domain.readings import Ints
from gridflex.errors import SourceError

LONDON = ZoneInfo("Europe/London")
INTERVAL_MINUTES = 30
DYNAMIC = "ToU"
_COLUMNS = {"LCLid": "name", "stdorToU": "tariff", "DateTime": "when", "KWH/hh (per half hour)": "kwh"}
_WEATHER, _HOLIDAYS, _TARIFFS = "weather_hourly_darksky.csv", "uk_bank_holidays.csv", "Tariffs_table.csv"
_BESIDE = {
    _WEATHER,
    _HOLIDAYS,
    _TARIFFS,
    "weather_daily_darksky.csv",
    "informations_households.csv",
    "acorn_details.csv",
}
_SEEN_AS_ANOTHER_FORM = 0.01


def read_lcl(path: Path) -> Found:
    """Read native half-hourly files. ``path``: one file or a folder of them. Raises ``SourceError``."""
    rows = Rows()
    files, notes = _native(path)
    dynamic: set[str] = set()
    for file in files:
        for block in tables(file, tuple(_COLUMNS), rows.defects):
            dynamic |= _add(rows, block, file)
    context = Context.beside(path, rows.defects)
    loads = rows.grid(
        str(path),
        interval_minutes=INTERVAL_MINUTES,
        fixed=True,
        holidays=context.holidays,
        events=dict.fromkeys(dynamic, context.events),
        peak_c=context.peak_c,
    )
    notes = (*context.notes, *_tariff_note(dynamic), *notes, *rows.notes)
    return Found(loads=loads, rows=rows.read, defects=rows.defects, notes=notes)


def _native(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The files with the native columns, and a note on the others. Raises ``SourceError`` without any."""
    found, other = [], []
    for file in files_of(path, "*.csv"):
        try:
            names = header_of(file)
        except SourceError as error:
            other.append(str(error))
            continue
        if set(_COLUMNS) <= set(names):
            found.append(file)
        elif file.name not in _BESIDE:
            other.append(f"{file}: columns {shown(','.join(names))}")
    if not found:
        why = f"; found {other[0]}" if other else ""
        raise SourceError(f"{path}: no file with the columns {', '.join(_COLUMNS)}{why}")
    return found, tuple(f"left out, not in the native form: {text}" for text in other[:3])


def _add(rows: Rows, block: pd.DataFrame, file: Path) -> set[str]:
    """Add one block; returns the households that are on the dynamic tariff."""
    block = block.rename(columns=_COLUMNS)
    rows.read += len(block)
    start_ms, _, good = day_first(block["when"])
    american = month_first(block["when"]) if not good.all() else ~good
    if american.sum() > _SEEN_AS_ANOTHER_FORM * len(block):
        first = int(np.argmax(american))
        raise SourceError(
            f"{file}:{block['line'].iloc[first]}: time {shown(block['when'].iloc[first])}: the month before the day; "
            f"allowed: day/month/year or year-month-day"
        )
    code, names = pd.factorize(block["name"])
    block = block.assign(name=np.array([str(name).strip() for name in names], dtype=object)[code], start_ms=start_ms)
    block = rows.defects.drop(block, pd.Series(~good), "unreadable_time", file.name, "when")
    block = rows.defects.drop(block, block["name"] == "", "no_slice", file.name, "when")
    block = parse_energy(block, rows.defects, file.name)
    block = rows.add(_in_london(block), file.name)
    return {str(name) for name in block.loc[block["tariff"].str.strip() == DYNAMIC, "name"].unique()}


def _in_london(block: pd.DataFrame) -> pd.DataFrame:
    start_ms = block["start_ms"].to_numpy(np.int64)
    wall_ms = local_ms(start_ms, LONDON)
    return block.assign(wall_ms=wall_ms, offset_min=(wall_ms - start_ms) // MS_PER_MINUTE)


def _tariff_note(dynamic: set[str]) -> tuple[str, ...]:
    return (f"{len(dynamic)} household(s) on the dynamic tariff: their price days are left out",) if dynamic else ()


class Context:
    """The files beside the loads of Low Carbon London: weather, bank holidays, days of the dynamic tariff."""

    def __init__(self, folders: list[Path], defects: Defects, *, weather: bool = True) -> None:
        """Read what is found in ``folders``, the first that has a file wins; raises ``SourceError``."""
        self.notes: tuple[str, ...] = ("times are UTC, days are London's",)
        self._defects = defects
        self.peak_c = self._weather(_find(folders, _WEATHER)) if weather else {}
        self.holidays = self._holidays(_find(folders, _HOLIDAYS))
        self.events = self._price_days(_find(folders, _TARIFFS))
        self.households = _find(folders, "informations_households.csv")

    @staticmethod
    def beside(path: Path, defects: Defects, *, weather: bool = True) -> Context:
        """Read the files in the folder of ``path`` and in the one above."""
        folder = path if path.is_dir() else path.parent
        return Context([folder, folder.resolve().parent], defects, weather=weather)

    def dynamic(self) -> set[str]:
        """The households on the dynamic tariff, by ``informations_households.csv``."""
        if self.households is None:
            return set()
        table = whole(tables(self.households, ("LCLid", "stdorToU"), self._defects))
        return set(table.loc[table["stdorToU"].str.strip() == DYNAMIC, "LCLid"].str.strip())

    def _weather(self, file: Path | None) -> dict[dt.date, float]:
        if file is None:
            self.notes += (f"no {_WEATHER}: no weather",)
            return {}
        table = whole(tables(file, ("time", "temperature"), self._defects))
        celsius = parse_celsius(table["temperature"], table["line"], self._defects, file.name)
        start_ms, good = self._times(table["time"], table["line"], file, "unreadable_weather_time")
        peaks: dict[dt.date, float] = {}
        daily_peaks(local_ms(start_ms, LONDON), celsius[good], peaks)
        return peaks

    def _holidays(self, file: Path | None) -> list[dt.date]:
        if file is None:
            self.notes += (f"no {_HOLIDAYS}: bank holidays are taken as weekdays",)
            return []
        column = next(iter(header_of(file, "latin-1")), "")
        table = whole(tables(file, (column,), self._defects, encoding="latin-1"))
        found = [(bank_holiday(text), line, text) for text, line in zip(table[column], table["line"], strict=True)]
        bad = [(line, text) for date, line, text in found if date is None]
        if bad:
            self._defects.add("unreadable_holiday", len(bad), f"{file.name}:{bad[0][0]}: {shown(bad[0][1])}")
        return [date for date, _, _ in found if date is not None]

    def _price_days(self, file: Path | None) -> list[dt.date]:
        if file is None:
            return []
        table = whole(tables(file, ("TariffDateTime", "Tariff"), self._defects))
        priced = table[table["Tariff"].str.strip() != "Normal"]
        when_ms, _ = self._times(priced["TariffDateTime"], priced["line"], file, "unreadable_price_time")
        days = np.unique(when_ms.astype("datetime64[ms]").astype("datetime64[D]"))
        return [dt.date.fromisoformat(str(day)) for day in days]

    def _times(
        self, text: pd.Series[str], lines: pd.Series[int], file: Path, kind: str
    ) -> tuple[Ints, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        """The times that can be read, and which they are; the others are counted."""
        when_ms, _, good = local_or_offset(text)
        if not good.all():
            first = int(np.argmax(~good))
            example = f"{file.name}:{lines.iloc[first]}: {shown(text.iloc[first])}"
            self._defects.add(kind, int((~good).sum()), example)
        return when_ms[good], good


def bank_holiday(text: str) -> dt.date | None:
    """A date of ``uk_bank_holidays.csv``: day/month/year, but month/day/year where the second number is above 12.

    ISO dates are read too. None: no date.

    >>> bank_holiday("4/6/2012"), bank_holiday("8/27/2012"), bank_holiday("2013-03-29"), bank_holiday("Easter")
    (datetime.date(2012, 6, 4), datetime.date(2012, 8, 27), datetime.date(2013, 3, 29), None)
    """
    iso = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)(?:[T ][\d:.]+)?", text.strip())
    parts = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text.strip())
    try:
        if iso:
            return dt.date(int(iso[1]), int(iso[2]), int(iso[3]))
        if parts:
            first, second, year = (int(part) for part in parts.groups())
            return dt.date(year, first, second) if second > 12 else dt.date(year, second, first)
    except ValueError:
        return None
    return None


def _find(folders: list[Path], name: str) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)

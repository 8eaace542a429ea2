"""Low Carbon London in its native form: half-hourly rows of 5,566 households, sorted by group, household and time.

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
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from gridflex.adapters.loads.rows import Found, Rows, daily_peaks, files_of, parse_energy, to_ms
from gridflex.domain.baseline_calendar import local_ms
from gridflex.errors import SourceError

LONDON = ZoneInfo("Europe/London")
INTERVAL_MINUTES = 30
DYNAMIC = "ToU"
_ROWS_AT_ONCE = 500_000
_COLUMNS = {"LCLid": "name", "stdorToU": "tariff", "DateTime": "when", "KWH/hh (per half hour)": "kwh"}


def read_lcl(path: Path) -> Found:
    """Native half-hourly files: ``path`` is one file or a folder of them. Raises ``SourceError``."""
    files = [file for file in files_of(path, "*.csv") if _is_native(file)]
    if not files:
        raise SourceError(f"{path}: no file with the columns {', '.join(_COLUMNS)}")
    rows = Rows()
    dynamic: set[str] = set()
    for file in files:
        line = 2
        with pd.read_csv(file, dtype="string", chunksize=_ROWS_AT_ONCE, skipinitialspace=True) as blocks:
            for block in blocks:
                dynamic |= _add(rows, block, file.name, line)
                line += len(block)
    context = Context.beside(path)
    loads = rows.grid(
        str(path),
        interval_minutes=INTERVAL_MINUTES,
        holidays=context.holidays,
        events=dict.fromkeys(dynamic, context.events),
        peak_c=context.peak_c,
    )
    return Found(loads=loads, rows=rows.read, defects=rows.defects, notes=(*context.notes, *_tariff_note(dynamic)))


def _is_native(file: Path) -> bool:
    with file.open(encoding="utf-8-sig") as lines:
        names = {name.strip() for name in lines.readline().split(",")}
    return set(_COLUMNS) <= names


def _add(rows: Rows, block: pd.DataFrame, place: str, line: int) -> set[str]:
    """Add one block; returns the households that are on the dynamic tariff."""
    block = block.rename(columns=lambda name: _COLUMNS.get(name.strip(), name.strip()))[list(_COLUMNS.values())]
    block = block.assign(line=range(line, line + len(block)))
    rows.read += len(block)
    when = pd.to_datetime(block["when"], format="mixed", dayfirst=not _iso(block), errors="coerce")
    block = rows.defects.drop(block.assign(time=when), when.isna(), "unreadable_time", place)
    block = parse_energy(block, rows.defects, place)
    start_ms = to_ms(block["time"])
    rows.add(block.assign(start_ms=start_ms, wall_ms=local_ms(start_ms, LONDON)))
    return set(block.loc[block["tariff"] == DYNAMIC, "name"].astype(str))


def _iso(block: pd.DataFrame) -> bool:
    """``2012-10-12 00:30:00.0000000`` in the full set, ``17/10/2012 13:00:00`` in copies of it."""
    return bool(block["when"].str.match(r"\d{4}-").fillna(value=False).all())


def _tariff_note(dynamic: set[str]) -> tuple[str, ...]:
    return (f"{len(dynamic)} household(s) on the dynamic tariff: their price days are left out",) if dynamic else ()


class Context:
    """What stands beside the loads of Low Carbon London: weather, bank holidays, the dynamic tariff's days."""

    def __init__(self, folders: list[Path]) -> None:
        """Read what is found in ``folders``, the first that has a file wins."""
        self.notes: tuple[str, ...] = ("times are UTC, days are London's",)
        self.peak_c = self._weather(_find(folders, "weather_hourly_darksky.csv"))
        self.holidays = self._holidays(_find(folders, "uk_bank_holidays.csv"))
        self.events = self._price_days(_find(folders, "Tariffs_table.csv"))
        self.households = _find(folders, "informations_households.csv")

    @staticmethod
    def beside(path: Path) -> Context:
        """From the folder of ``path`` and the one above."""
        folder = path if path.is_dir() else path.parent
        return Context([folder, folder.resolve().parent])

    def dynamic(self) -> set[str]:
        """Households on the dynamic tariff, by ``informations_households.csv``."""
        if self.households is None:
            return set()
        table = pd.read_csv(self.households, usecols=["LCLid", "stdorToU"], dtype="string")
        return set(table.loc[table["stdorToU"].str.strip() == DYNAMIC, "LCLid"].astype(str))

    def _weather(self, file: Path | None) -> dict[dt.date, float]:
        if file is None:
            self.notes += ("no weather_hourly_darksky.csv: no weather",)
            return {}
        table = pd.read_csv(file, usecols=["time", "temperature"])
        when = pd.to_datetime(table["time"], format="%Y-%m-%d %H:%M:%S")
        return daily_peaks(local_ms(to_ms(when), LONDON), table["temperature"].to_numpy(float))

    def _holidays(self, file: Path | None) -> list[dt.date]:
        if file is None:
            self.notes += ("no uk_bank_holidays.csv: bank holidays are taken as weekdays",)
            return []
        table = pd.read_csv(file, dtype="string", encoding="latin-1")
        return [bank_holiday(str(text)) for text in table.iloc[:, 0].dropna()]

    @staticmethod
    def _price_days(file: Path | None) -> list[dt.date]:
        if file is None:
            return []
        table = pd.read_csv(file, dtype="string")
        priced = table[table["Tariff"].str.strip() != "Normal"]
        return sorted(set(pd.to_datetime(priced["TariffDateTime"].str.strip()).dt.date))


def bank_holiday(text: str) -> dt.date:
    """A date of ``uk_bank_holidays.csv``: day/month/year, but month/day/year where the second number is above 12.

    >>> bank_holiday("4/6/2012"), bank_holiday("8/27/2012")
    (datetime.date(2012, 6, 4), datetime.date(2012, 8, 27))
    """
    first, second, year = (int(part) for part in text.strip().split("/"))
    return dt.date(year, first, second) if second > 12 else dt.date(year, second, first)


def _find(folders: list[Path], name: str) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)

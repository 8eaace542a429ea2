"""Reads the rollup of readings from Druid by SQL, a local day at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from gridflex.adapters.druid.client import Druid
from gridflex.config import Config
from gridflex.contracts.feeds import readings_table
from gridflex.contracts.profiles import sums_of_circuits
from gridflex.domain.baseline import MS_PER_MINUTE, SliceKey
from gridflex.domain.interval import Interval, day_interval, days_interval, iso
from gridflex.domain.readings import Floats, Indexes, Ints

_GROUPS_AT_ONCE = 40_000
_DAYS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRollup:
    """One local day by appliance class in a feeder and interval; all arrays of shape (n,)."""

    part: Indexes
    """Index into the reader's ``parts``."""
    time_ms: Ints
    """The interval's start, UTC epoch."""
    energy_wh: Floats
    observed_s: Floats

    def within(self, interval: Interval) -> DayRollup:
        """The rows of an interval; rows stand in order of time."""
        start, stop = np.searchsorted(self.time_ms, tuple(interval))
        return DayRollup(
            part=self.part[start:stop],
            time_ms=self.time_ms[start:stop],
            energy_wh=self.energy_wh[start:stop],
            observed_s=self.observed_s[start:stop],
        )


class DruidSql:
    """Queries Druid's SQL with exact counts. Raises ``ServiceError`` when Druid does not answer, or refuses."""

    def __init__(self, config: Config) -> None:
        self._druid = Druid(config.druid)

    def rows(self, query: str, *, table: str | None = None) -> Iterator[Any]:
        """The query's rows, one after the other. Raises ``ServiceError`` if the answer breaks off.

        ``table``: the table that is asked, if none is to be told of one that has never had a row.
        """
        return self._druid.rows(query, table=table, context={"useApproximateCountDistinct": False})


class RollupReader:
    """Reads the rollup of readings without circuits that are sums of others (mains)."""

    def __init__(self, config: Config) -> None:
        self.zone = ZoneInfo(config.batch.time_zone)
        self.interval_minutes = config.baselines.interval_minutes
        self.parts: list[SliceKey] = []
        """Every appliance class in a feeder met so far."""
        self._index: dict[tuple[str, str, str], int] = {}
        self._sql = DruidSql(config)
        self._days: dict[dt.date, DayRollup] = {}

    def days(self, wanted: Sequence[dt.date]) -> dict[dt.date, DayRollup]:
        """The rollup of consecutive local days; each is queried once, then kept."""
        missing = [day for day in wanted if day not in self._days]
        while missing:
            known = max((len(day.part) for day in self._days.values()), default=_GROUPS_AT_ONCE)
            count = max(1, min(_DAYS_AT_ONCE, _GROUPS_AT_ONCE // max(known, 1)))
            shift_ms = self._shift_ms(missing[0])
            alike = list(takewhile(lambda day: self._shift_ms(day) == shift_ms, missing[:count]))  # noqa: B023
            self._days |= self._read(alike)
            missing = missing[len(alike) :]
        return {day: self._days[day] for day in wanted}

    def forget_before(self, day: dt.date) -> None:
        """Drop the days before ``day``, which no later target day needs."""
        for known in [known for known in self._days if known < day]:
            del self._days[known]

    def appliances(self, day: dt.date) -> Ints:
        """How many appliances of each of ``parts`` were observed on a local day, shape (parts,)."""
        rows = self._sql.rows(
            f"SELECT region, feeder, appliance, COUNT(*) AS appliances FROM (SELECT region, feeder, appliance, "  # noqa: S608
            f"appliance_id FROM {readings_table()} WHERE {where(day_interval(day, self.zone))} "
            "GROUP BY 1, 2, 3, 4 HAVING SUM(observed_s) > 0) GROUP BY 1, 2, 3",
            table=readings_table(),
        )
        found = {self._part(row.region, row.feeder, row.appliance): row.appliances for row in rows}
        counts = np.zeros(len(self.parts), dtype=np.int64)
        counts[list(found)] = list(found.values())
        return counts

    def _read(self, days: Sequence[dt.date]) -> dict[dt.date, DayRollup]:
        """Some days in one query, whose intervals begin alike; it spans all days between, should some be known."""
        rows = self._sql.rows(
            f"SELECT TIMESTAMP_TO_MILLIS({self._interval_start(days[0])}) AS time_ms, "  # noqa: S608
            "region, feeder, appliance, SUM(energy_wh) AS energy_wh, SUM(observed_s) AS observed_s "
            f"FROM {readings_table()} WHERE {where(days_interval([days[0], days[-1]], self.zone))} GROUP BY 1, 2, 3, 4",
            table=readings_table(),
        )
        found = sorted(
            (row.time_ms, self._part(row.region, row.feeder, row.appliance), row.energy_wh, row.observed_s)
            for row in rows
        )
        time_ms, part, energy_wh, observed_s = zip(*found, strict=True) if found else ((), (), (), ())
        columns = DayRollup(
            part=np.array(part, dtype=np.int32),
            time_ms=np.array(time_ms, dtype=np.int64),
            energy_wh=np.array(energy_wh, dtype=np.float64),
            observed_s=np.array(observed_s, dtype=np.float64),
        )
        return {day: columns.within(day_interval(day, self.zone)) for day in days}

    def _interval_start(self, day: dt.date) -> str:
        """SQL of the start of a row's interval, counted from local midnight: zones may be half-hours off."""
        length, origin = f"'PT{self.interval_minutes}M'", sql_time(day_interval(day, self.zone).start_ms)
        return f"TIME_FLOOR(__time, {length}, {origin})" if self._shift_ms(day) else f"TIME_FLOOR(__time, {length})"

    def _shift_ms(self, day: dt.date) -> int:
        """How far the intervals of a local day are from those of UTC."""
        return day_interval(day, self.zone).start_ms % (self.interval_minutes * MS_PER_MINUTE)

    def _part(self, region: str, feeder: str, appliance: str) -> int:
        names = (region, feeder, appliance)
        if names not in self._index:
            self._index[names] = len(self.parts)
            self.parts.append(SliceKey(region=region, feeder=feeder, appliance=appliance))
        return self._index[names]


def where(interval: Interval) -> str:
    """The SQL condition of an interval, without circuits that are sums of others."""
    start, end = map(sql_time, interval)
    return f"__time >= {start} AND __time < {end} AND appliance NOT IN ({sums_of_circuits()})"


def sql_time(time_ms: int) -> str:
    """An instant (UTC epoch, ms) as an SQL literal."""
    return f"TIMESTAMP '{iso(time_ms).replace('T', ' ').removesuffix('Z')}'"

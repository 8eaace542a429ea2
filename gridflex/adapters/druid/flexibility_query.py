"""Queries flexibility from Druid: the sums of a minute's moments by slice, and the known fleet.

A silent appliance tells no row. So the fleet is asked for too: of each slice the most appliances that were heard of at
one full hour of the last 24.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np

from gridflex.adapters.druid.client import Druid
from gridflex.contracts.feeds import feed
from gridflex.domain.flexibility import HORIZONS_MIN, Moments, Slice, total
from gridflex.errors import ServiceError

_TABLE = feed("flexibility").table
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * 60 * _MINUTE_MS
Row = dict[str, Any]
Key = tuple[str, str, str, str]
"""Region, feeder, appliance class, data set."""
_PLACE = attrgetter("region", "feeder", "appliance")


class FlexibilityQuery:
    """Queries flexibility at one minute. Every method raises ``ServiceError`` when Druid does not answer."""

    def __init__(self, druid: Druid, minute_ms: int, *, region: str | None = None, feeder: str | None = None) -> None:
        self._druid = druid
        self._minute_ms = minute_ms
        self._names = {name: value for name, value in (("region", region), ("feeder", feeder)) if value is not None}

    def slices(self) -> list[Slice]:
        """All slices with data of an appliance in the last 24 hours, sorted; none if there has never been data."""
        with ThreadPoolExecutor(2) as both:
            told = both.submit(self._ask, _now(self._where()), [self._minute_ms])
            hours_ms = self._full_hours()
            fleet = both.submit(self._ask, _known(len(hours_ms), self._where()), hours_ms)
            known = {_key(row): int(row["known"]) for row in fleet.result()}
            now = {_key(row): row for row in told.result()}
        parts = [_slice(key, known.get(key, 0), now.get(key)) for key in sorted(known.keys() | now.keys())]
        return [_together(list(same)) for _, same in groupby(parts, _PLACE)]

    def households(self) -> dict[tuple[str | None, str | None], int]:
        """Numbers of households with an appliance that may be called: by region, by appliance class, and in total."""
        sets = "GROUPING SETS ((region), (appliance), ())"
        rows = self._ask(_households(self._where(), sets, "region, appliance"), [self._minute_ms])
        return {(row["region"], row["appliance"]): int(row["households"]) for row in rows}

    def households_by_slice(self) -> dict[tuple[str, str, str], int]:
        """Numbers of households with an appliance that may be called, by region, feeder and appliance class."""
        rows = self._ask(_households(self._where(), "region, feeder, appliance"), [self._minute_ms])
        return {(row["region"], row["feeder"], row["appliance"]): int(row["households"]) for row in rows}

    def newest_ms(self) -> int | None:
        """The newest minute with data up to the one asked for, UTC epoch, ms."""
        query = f"SELECT TIMESTAMP_TO_MILLIS(MAX(__time)) AS newest_ms FROM {_TABLE} WHERE __time <= {_AT}"  # noqa: S608
        rows = self._ask(query, [self._minute_ms], named=False)
        return int(rows[0]["newest_ms"]) if rows and rows[0]["newest_ms"] is not None else None

    def _where(self) -> str:
        return "".join(f" AND {name} = ?" for name in self._names)

    def _full_hours(self) -> list[int]:
        """Those of the day before the minute: Druid looks at these instants alone."""
        last_ms = (self._minute_ms - 1) // _HOUR_MS * _HOUR_MS
        return list(range(last_ms, self._minute_ms - _DAY_MS, -_HOUR_MS))

    def _ask(self, query: str, instants_ms: Sequence[int], *, named: bool = True) -> list[Row]:
        numbers = [{"type": "BIGINT", "value": instant} for instant in instants_ms]
        names = [{"type": "VARCHAR", "value": value} for value in self._names.values()] if named else []
        try:
            return self._druid.sql(query, [*numbers, *names])
        except ServiceError:
            if self._druid.has_table(_TABLE):
                raise
            return []  # nothing was ever told


_AT = "MILLIS_TO_TIMESTAMP(?)"
_MOMENTS = {
    "flex_w": [f"flex_{horizon}_w" for horizon in HORIZONS_MIN],
    "variance_w2": [f"variance_{horizon}_w2" for horizon in HORIZONS_MIN],
    "shared_w": [f"shared_{horizon}_w" for horizon in HORIZONS_MIN],
    "rebound_wh": [f"rebound_{horizon}_wh" for horizon in HORIZONS_MIN],
}
_NEVER_TOLD = f"rebound_{HORIZONS_MIN[0]}_wh"
"""An event of no length has no rebound."""
_SUMS = ", ".join(
    f"SUM({column}) AS {column}"
    for column in ("fresh", "callable", *(name for names in _MOMENTS.values() for name in names if name != _NEVER_TOLD))
)


def _now(where: str) -> str:
    return (
        f"SELECT region, feeder, appliance, dataset, SUM(appliances) AS heard, {_SUMS} FROM {_TABLE} "  # noqa: S608
        f"WHERE __time = {_AT}{where} GROUP BY 1, 2, 3, 4"
    )


def _known(instants: int, where: str) -> str:
    heard = (
        f"SELECT __time AS heard_at, region, feeder, appliance, dataset, SUM(appliances) AS heard FROM {_TABLE} "  # noqa: S608
        f"WHERE ({' OR '.join([f'__time = {_AT}'] * instants)}){where} GROUP BY 1, 2, 3, 4, 5"
    )
    return f"SELECT region, feeder, appliance, dataset, MAX(heard) AS known FROM ({heard}) GROUP BY 1, 2, 3, 4"  # noqa: S608


def _households(where: str, group_by: str, columns: str = "") -> str:
    return (
        f"SELECT {columns or group_by}, APPROX_COUNT_DISTINCT_BUILTIN(households) AS households FROM {_TABLE} "  # noqa: S608
        f"WHERE __time = {_AT}{where} GROUP BY {group_by}"
    )


def _key(row: Row) -> Key:
    return row["region"], row["feeder"], row["appliance"], row["dataset"]


def _together(parts: list[Slice]) -> Slice:
    """One slice of those of each data set, which a fleet may be made of."""
    first = parts[0]
    if len(parts) == 1:
        return first
    return total(parts, region=first.region, feeder=first.feeder, appliance=first.appliance)


def _slice(key: Key, known: int, now: Row | None) -> Slice:
    row = now or {}
    region, feeder, appliance, _ = key
    moments = {name: np.array([row.get(column) or 0.0 for column in columns]) for name, columns in _MOMENTS.items()}
    return Slice(
        region=region,
        feeder=feeder,
        appliance=appliance,
        known=max(known, int(row.get("heard", 0))),
        fresh=int(row.get("fresh", 0)),
        callable=int(row.get("callable", 0)),
        moments=Moments(**moments),
    )

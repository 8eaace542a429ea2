"""Flexibility as Druid answers it: the sums of a minute's moments by slice, and the fleet that is known.

A silent appliance tells no row. So the fleet is asked for too: of each slice the most appliances that were heard of at
one full hour of the last 24.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from gridflex.adapters.druid import Druid
from gridflex.adapters.druid_specs import FLEXIBILITY
from gridflex.domain.flexibility_rules import HORIZONS_MIN
from gridflex.domain.flexibility_slices import Moments, Slice

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * 60 * _MINUTE_MS
Row = dict[str, Any]


class FlexibilityQuery:
    """Flexibility at one minute. Every method raises ``ServiceError`` when Druid does not answer."""

    def __init__(self, druid: Druid, minute_ms: int, *, region: str | None = None, feeder: str | None = None) -> None:
        self._druid = druid
        self._minute_ms = minute_ms
        self._names = {name: value for name, value in (("region", region), ("feeder", feeder)) if value is not None}

    def slices(self) -> list[Slice]:
        """All slices of which an appliance was heard in the last 24 hours, sorted; none if nothing was ever told."""
        if not self._druid.has_table(FLEXIBILITY):
            return []
        with ThreadPoolExecutor(2) as both:
            heard_ms = self._lookback()
            fleet = both.submit(self._ask, _known(len(heard_ms), self._where()), heard_ms)
            told = both.submit(self._ask, _now(self._where()), [self._minute_ms])
            known = {_key(row): int(row["known"]) for row in fleet.result()}
            now = {_key(row): row for row in told.result()}
        return [_slice(key, known.get(key, 0), now.get(key)) for key in sorted(known.keys() | now.keys())]

    def households(self) -> dict[tuple[str | None, str | None], int]:
        """Households with an appliance that may be called on: by region, by appliance class, and of all."""
        if not self._druid.has_table(FLEXIBILITY):
            return {}
        rows = self._ask(_households(self._where()), [self._minute_ms])
        return {(row["region"], row["appliance"]): int(row["households"]) for row in rows}

    def newest_ms(self) -> int | None:
        """The newest minute up to the one asked for of which anything was told; UTC epoch."""
        if not self._druid.has_table(FLEXIBILITY):
            return None
        query = f"SELECT TIMESTAMP_TO_MILLIS(MAX(__time)) AS newest_ms FROM {FLEXIBILITY} WHERE __time <= {_AT}"  # noqa: S608
        rows = self._ask(query, [self._minute_ms], named=False)
        return int(rows[0]["newest_ms"]) if rows and rows[0]["newest_ms"] is not None else None

    def _where(self) -> str:
        return "".join(f" AND {name} = ?" for name in self._names)

    def _lookback(self) -> list[int]:
        """The minute itself and the full hours of the day before it: Druid looks at these instants alone."""
        last_ms = (self._minute_ms - 1) // _HOUR_MS * _HOUR_MS
        return [self._minute_ms, *range(last_ms, self._minute_ms - _DAY_MS, -_HOUR_MS)]

    def _ask(self, query: str, instants_ms: Sequence[int], *, named: bool = True) -> list[Row]:
        numbers = [{"type": "BIGINT", "value": instant} for instant in instants_ms]
        names = [{"type": "VARCHAR", "value": value} for value in self._names.values()] if named else []
        return self._druid.sql(query, [*numbers, *names])


_AT = "MILLIS_TO_TIMESTAMP(?)"
_SUMS = ", ".join(
    f"SUM({column}) AS {column}"
    for column in (
        "fresh",
        "callable",
        *(f"flex_{horizon}_w" for horizon in HORIZONS_MIN),
        *(f"variance_{horizon}_w2" for horizon in HORIZONS_MIN),
        *(f"shared_{horizon}_w" for horizon in HORIZONS_MIN),
        *(f"rebound_{horizon}_wh" for horizon in HORIZONS_MIN[1:]),
    )
)


def _now(where: str) -> str:
    return (
        f"SELECT region, feeder, appliance, SUM(appliances) AS heard, {_SUMS} FROM {FLEXIBILITY} "  # noqa: S608
        f"WHERE __time = {_AT}{where} GROUP BY 1, 2, 3"
    )


def _known(instants: int, where: str) -> str:
    heard = (
        f"SELECT __time AS heard_at, dataset, region, feeder, appliance, SUM(appliances) AS heard FROM {FLEXIBILITY} "  # noqa: S608
        f"WHERE ({' OR '.join([f'__time = {_AT}'] * instants)}){where} GROUP BY 1, 2, 3, 4, 5"
    )
    most = f"SELECT dataset, region, feeder, appliance, MAX(heard) AS heard FROM ({heard}) GROUP BY 1, 2, 3, 4"  # noqa: S608
    return f"SELECT region, feeder, appliance, SUM(heard) AS known FROM ({most}) GROUP BY 1, 2, 3"  # noqa: S608


def _households(where: str) -> str:
    return (
        f"SELECT region, appliance, APPROX_COUNT_DISTINCT_BUILTIN(households) AS households FROM {FLEXIBILITY} "  # noqa: S608
        f"WHERE __time = {_AT}{where} GROUP BY GROUPING SETS ((region), (appliance), ())"
    )


def _key(row: Row) -> tuple[str, str, str]:
    return row["region"], row["feeder"], row["appliance"]


def _slice(key: tuple[str, str, str], known: int, now: Row | None) -> Slice:
    row = now or {}

    def by_horizon(name: str, unit: str) -> list[float]:
        return [float(row.get(f"{name}_{horizon}_{unit}") or 0) for horizon in HORIZONS_MIN]

    region, feeder, appliance = key
    return Slice(
        region=region,
        feeder=feeder,
        appliance=appliance,
        known=max(known, int(row.get("heard", 0))),
        fresh=int(row.get("fresh", 0)),
        callable=int(row.get("callable", 0)),
        moments=Moments(
            flex_w=np.array(by_horizon("flex", "w")),
            variance_w2=np.array(by_horizon("variance", "w2")),
            shared_w=np.array(by_horizon("shared", "w")),
            rebound_wh=np.array(by_horizon("rebound", "wh")),
        ),
    )

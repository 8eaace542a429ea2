"""Power that was measured, by interval: the sum over appliances of what each used on average while it was observed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from gridflex.adapters.druid.client import Druid
from gridflex.contracts.feeds import feed

_TABLE = feed("readings").table
Slice = tuple[str, str, str]
"""Region, feeder, appliance class."""


def measured_kw(druid: Druid, slices: Collection[Slice], start_ms: int, end_ms: int, step_ms: int) -> dict[int, float]:
    """Power of some slices together in each step of ``[start, end)`` that has a reading, kW; by the step's begin.

    Minutes are not split: a step that begins within a minute has that minute in the step before. Raises
    ``ServiceError`` when Druid does not answer.
    """
    if not slices or start_ms >= end_ms:
        return {}
    found: dict[int, float] = defaultdict(float)
    for region in sorted({one[0] for one in slices}):
        feeders = sorted({one[1] for one in slices if one[0] == region})
        appliances = sorted({one[2] for one in slices if one[0] == region})
        names = [{"type": "VARCHAR", "value": name} for name in (region, *feeders, *appliances)]
        query = _query(len(feeders), len(appliances), int(start_ms), int(end_ms), int(step_ms))
        for row in druid.sql(query, names):
            if (region, row["feeder"], row["appliance"]) in slices:
                found[start_ms + int(row["step"]) * step_ms] += float(row["power_w"]) / 1000
    return dict(found)


def _query(feeders: int, appliances: int, start_ms: int, end_ms: int, step_ms: int) -> str:
    own = (
        f"SELECT (TIMESTAMP_TO_MILLIS(__time) - {start_ms}) / {step_ms} AS step, feeder, appliance, appliance_id, "  # noqa: S608
        f"SUM(energy_wh) * 3600 / SUM(observed_s) AS power_w FROM {_TABLE} "
        f"WHERE __time >= MILLIS_TO_TIMESTAMP({start_ms}) AND __time < MILLIS_TO_TIMESTAMP({end_ms}) AND region = ? "
        f"AND feeder IN ({_marks(feeders)}) AND appliance IN ({_marks(appliances)}) "
        "GROUP BY 1, 2, 3, 4 HAVING SUM(observed_s) > 0"
    )
    return f"SELECT step, feeder, appliance, SUM(power_w) AS power_w FROM ({own}) GROUP BY 1, 2, 3"  # noqa: S608


def _marks(count: int) -> str:
    return ", ".join("?" * count)

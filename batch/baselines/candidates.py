"""Lists as a table which past days each day-matching rule chooses for a day: Druid joins on equality only."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from batch.baselines.fixed_fleet import LevelLoads
from batch.baselines.tables import coded, joined, repeated, slice_columns, table
from gridflex.domain.baseline import METHODS, DayRule, EventWindow, candidate_days


def candidate_rows(level: LevelLoads, window: EventWindow, time_ms: int) -> pa.Table:
    """The candidate days of the loads' last day; ``time_ms``: that day's start.

    Columns: ``time_ms``, the slice's, ``method``, ``target_day``, ``candidate_day`` (``YYYY-MM-DD``, local), ``rank``
    (1 is best).
    """
    loads = level.loads
    target = loads.days - 1
    dates = [loads.date(day).isoformat() for day in range(loads.days)]
    tables = []
    for name, rule in METHODS.items():
        if not isinstance(rule, DayRule):
            continue
        chosen = candidate_days(loads, window, rule, target)
        index, rank = np.nonzero(chosen.known)
        tables.append(
            table(
                {
                    "time_ms": np.full(len(index), time_ms, dtype=np.int64),
                    **slice_columns(level, index),
                    "method": repeated(name, len(index)),
                    "target_day": repeated(dates[target], len(index)),
                    "candidate_day": coded(dates, chosen.day[index, rank]),
                    "rank": rank + 1,
                }
            )
        )
    return joined(tables)

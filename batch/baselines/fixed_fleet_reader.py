"""Reads the rollup of a target day and the days before it, and computes the loads of that day's fixed fleet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from batch.baselines.fixed_fleet import Calendar, LevelLoads, fixed_fleet
from batch.rollup import RollupReader
from gridflex.config import Config
from gridflex.errors import DataQualityError


class FixedFleetReader:
    """Reads the fixed fleets of target days in ascending order; each day of the rollup is queried once."""

    def __init__(self, config: Config, calendar: Calendar, history_days: int) -> None:
        self._rollup = RollupReader(config)
        self._calendar = calendar
        self._history_days = history_days
        self._min_slot_share = config.baselines.min_slot_share

    def read(self, day: dt.date, levels: Sequence[str]) -> list[LevelLoads]:
        """The loads of ``day`` (the last one) and the days before it, one object a level; nothing later is read.

        Raises ``DataQualityError`` when no appliance was observed on the day.
        """
        span = [day - dt.timedelta(days=back) for back in range(self._history_days, -1, -1)]
        self._rollup.forget_before(span[0])
        days = self._rollup.days(span)
        counts = self._rollup.appliances(day)
        found = fixed_fleet(
            days,
            self._rollup.parts,
            counts,
            self._calendar,
            min_slot_share=self._min_slot_share,
            levels=levels,
        )
        if not found:
            raise DataQualityError(f"data quality: no appliance was observed on {day}")
        return found

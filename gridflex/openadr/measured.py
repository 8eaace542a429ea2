"""What our own meters say of an event's called groups, in the steps of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.measured_power import measured_kw
from gridflex.domain.curtailment import called_groups
from gridflex.domain.openadr import STEP_MS, ReportedInterval

_BEFORE_MS = 30 * 60_000
"""The baseline is the mean of this time before the event."""


def measured_intervals(druid: Druid, plan: Mapping[str, Any], now_ms: int) -> list[ReportedInterval]:
    """Power of the classes and feeders that a plan calls, by step from the event's begin to now, one past its end.

    All households of a feeder that have the class are in it, called or not: what the called ones shed shows as the
    distance to the baseline. That is the mean of the 30 minutes before the event; a step without a reading has none.
    Raises ``ServiceError`` when Druid does not answer.
    """
    slices = {(one.region, one.feeder, one.appliance) for one in called_groups(plan)}
    start_ms, end_ms = int(plan["start_ms"]), int(plan["end_ms"])
    steps = max(1, min(now_ms - start_ms, end_ms - start_ms + STEP_MS) // STEP_MS + 1)
    steps = min(steps, -(-(end_ms - start_ms) // STEP_MS) + 1)
    before = measured_kw(druid, slices, start_ms - _BEFORE_MS, min(start_ms, now_ms), _BEFORE_MS)
    baseline_kw = next(iter(before.values()), None)
    used_kw = measured_kw(druid, slices, start_ms, min(start_ms + steps * STEP_MS, now_ms), STEP_MS)
    begins_ms = [start_ms + step * STEP_MS for step in range(steps)]
    return [
        ReportedInterval(start_ms=one, reading_kw=_rounded(used_kw.get(one)), baseline_kw=_rounded(baseline_kw))
        for one in begins_ms
    ]


def _rounded(power_kw: float | None) -> float | None:
    return None if power_kw is None else round(power_kw, 4)

"""Defines when DAGs run, by the clocks of ``batch.time_zone``, and the span of time of each run."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.timetables.trigger import CronTriggerTimetable

_ONE_DAY = timedelta(days=1)
LOCAL = os.environ.get("GRIDFLEX_BATCH_TIME_ZONE") or "UTC"
"""batch.time_zone: whose midnights begin the days that jobs compute."""


def start_of(start: datetime, end: datetime) -> datetime:
    """The start of a run's span. A span of 24 hours means one local day, which has 23 to 25 when the clocks change."""
    if end - start != _ONE_DAY:
        return start
    local_end = end.astimezone(ZoneInfo(LOCAL))
    return (local_end.replace(tzinfo=None) - _ONE_DAY).replace(tzinfo=local_end.tzinfo)


def every(cron: str, span: timedelta, zone: str = LOCAL) -> dict[str, Any]:
    """When a DAG runs by the clocks of ``zone``, and the span before it that a run is for.

    Runs that were missed since ``GRIDFLEX_AIRFLOW_START_DATE`` (airflow.start_date) are caught up; without it only new
    ones are made, and a backfill makes the old.
    """
    start = os.environ.get("GRIDFLEX_AIRFLOW_START_DATE", "")
    midnight = datetime.fromisoformat(f"{start or '2020-01-01'}T00:00:00").replace(tzinfo=ZoneInfo(zone))
    return {
        "schedule": CronTriggerTimetable(cron, timezone=zone, interval=span),
        "start_date": midnight.astimezone(UTC),
        "catchup": bool(start),
        "max_active_runs": 1,
        "user_defined_macros": {"start_of": start_of},
    }

"""Tasks of the DAGs: each runs one ``gridflex batch`` command over the run's span of time.

The core and Airflow cannot share packages, so a task is a command line in the core's environment: ``GRIDFLEX_PYTHON``,
which the launcher sets. Druid and all else comes from the core's configuration.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.bash import BashOperator
from airflow.timetables.trigger import CronTriggerTimetable

_CHECKOUT = Path(__file__).parents[2]
_RETRY_DELAY = timedelta(seconds=float(os.environ.get("GRIDFLEX_AIRFLOW_RETRY_DELAY_S", "300")))
_ONE_DAY = timedelta(days=1)
LOCAL = os.environ.get("GRIDFLEX_BATCH_TIME_ZONE") or "UTC"
"""batch.time_zone: whose midnights begin the days that jobs compute."""


def start_of(start: datetime, end: datetime) -> datetime:
    """The start of a run's span. A span of 24 hours means one local day, which has 23 to 25 when the clocks change."""
    if end - start != _ONE_DAY:
        return start
    local_end = end.astimezone(ZoneInfo(LOCAL))
    return (local_end.replace(tzinfo=None) - _ONE_DAY).replace(tzinfo=local_end.tzinfo)


_SPAN = "--from '{{ start_of(data_interval_start, data_interval_end) | ts }}' --to '{{ data_interval_end | ts }}'"


def batch(name: str, span: str = _SPAN, **settings: Any) -> BashOperator:
    """The command's task. A failed one is tried again: every command replaces what it writes, or writes nothing."""
    return BashOperator(
        task_id=name,
        bash_command=f'exec "${{GRIDFLEX_PYTHON:-python3}}" -m batch {name} {span}',
        cwd=str(_CHECKOUT),
        **{"retries": 2, "retry_delay": _RETRY_DELAY, "execution_timeout": timedelta(hours=2), **settings},
    )


def gate() -> BashOperator:
    """Bad data does not become good by trying again: the reason is the last line of its log, and the run stops."""
    return batch("quality", retries=0)


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

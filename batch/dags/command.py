"""Defines the tasks of the DAGs: each runs one ``gridflex batch`` command over the run's span of time.

The core and Airflow cannot share packages, so a task is a command line in the core's environment: ``GRIDFLEX_PYTHON``,
which the launcher sets. Druid and all else comes from the core's configuration.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator

_CHECKOUT = Path(__file__).parents[2]
_RETRY_DELAY = timedelta(seconds=float(os.environ.get("GRIDFLEX_AIRFLOW_RETRY_DELAY_S", "300")))
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
    """The task that checks the data. It is tried once: bad data stays bad, and the last line of its log says why."""
    return batch("quality", retries=0)

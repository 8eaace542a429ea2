"""The town whose readings are in the Druid of the Airflow tests, and what the jobs made of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from gridflex.adapters.druid.client import Druid
from tests.support.batch_demand import DemandTown

TOWN = DemandTown(prefix="town", first=dt.date(2022, 1, 3), days=60, homes=2)


def day_rows(druid: Druid, table: str, day: dt.date) -> list[tuple[Any, ...]]:
    """All rows of a UTC day, in an order of their own; none before the table's first row."""
    if not druid.has_table(table):
        return []
    span = f"__time >= TIMESTAMP '{day}' AND __time < TIMESTAMP '{day + dt.timedelta(days=1)}'"
    return sorted((tuple(row.values()) for row in druid.sql(f"SELECT * FROM {table} WHERE {span}")), key=repr)

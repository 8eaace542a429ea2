"""Merges the segments of past days in Druid; no sum changes."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence

from batch.baselines.jobs import Progress
from batch.rollup import DruidSql
from gridflex.adapters.druid.batch import DruidBatch
from gridflex.config import Config
from gridflex.contracts.feeds import stored_feeds
from gridflex.domain.interval import Interval, iso
from gridflex.errors import DataQualityError

log = logging.getLogger(__name__)

_ONE_DAY = dt.timedelta(days=1)


def compact(config: Config, days: Sequence[dt.date], progress: Progress, now: dt.datetime | None = None) -> int:
    """Merge the segments of each UTC day in every table that is to be merged. Returns how many were merged.

    Days younger than ``batch.compact_after_days`` are left to the stream: raises ``DataQualityError`` for them.
    """
    youngest = (now or dt.datetime.now(dt.UTC)).date() - dt.timedelta(days=config.batch.compact_after_days)
    if days[-1] >= youngest:
        raise DataQualityError(
            f"{days[-1]} is too young to be compacted; allowed: days before {youngest} (batch.compact_after_days)"
        )
    sql, writer, merged = DruidSql(config), DruidBatch(config), 0
    for day in days:
        span = _utc_day(day)
        for table in merged_tables():
            found = segments(sql, table, span)
            if found > 1:
                task = writer.compact(table, span)
                log.info("compacted table=%s day=%s segments=%d task=%s", table, day, found, task)
                merged += found
        progress(day)
    return merged


def merged_tables() -> tuple[str, ...]:
    """The tables of the feeds whose segments are merged."""
    return tuple(feed.table for feed in stored_feeds() if feed.merges_segments)


def segments(sql: DruidSql, table: str, span: Interval) -> int:
    """The number of published segments that hold the rows of an interval."""
    start, end = map(iso, span)
    rows = sql.rows(
        f"SELECT COUNT(*) AS n FROM sys.segments WHERE datasource = '{table}' AND is_published = 1 "  # noqa: S608
        f"AND is_overshadowed = 0 AND \"start\" >= '{start}' AND \"end\" <= '{end}'"
    )
    return next((int(row.n) for row in rows), 0)


def _utc_day(day: dt.date) -> Interval:
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    return Interval(start_ms=round(start.timestamp() * 1000), end_ms=round((start + _ONE_DAY).timestamp() * 1000))
